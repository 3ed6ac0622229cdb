//! How mixed the rows of a node are: sums that rows are added to and taken from as a split moves along.

use serde::{Deserialize, Serialize};

/// How the purity of classes is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Criterion {
    /// The sum of squared shares.
    Gini,
    /// How little a class surprises.
    Entropy,
}

/// The rows of one side of a split.
pub trait NodeStats: Clone {
    /// What a row brings: its target, and how often it counts.
    type Item: Copy;

    fn add(&mut self, item: Self::Item);
    fn remove(&mut self, item: Self::Item);
    /// The more, the purer; sides add up.
    fn purity(&self) -> f64;
    /// How much its rows count.
    fn weight(&self) -> f64;
    fn is_pure(&self) -> bool;
    fn values(&self) -> impl Iterator<Item = f64>;
    fn outputs(&self) -> usize;
}

/// Numbers: the purity is the squared sum over the weight, as the squared error falls by what it rises.
#[derive(Debug, Clone, Default)]
pub struct Mean {
    sum: f64,
    weight: f64,
    squares: f64,
}

#[derive(Debug, Clone, Copy)]
pub struct Weighed {
    pub value: f64,
    pub weight: f64,
}

impl NodeStats for Mean {
    type Item = Weighed;

    fn add(&mut self, item: Weighed) {
        self.sum += item.value * item.weight;
        self.squares += item.value * item.value * item.weight;
        self.weight += item.weight;
    }

    fn remove(&mut self, item: Weighed) {
        self.sum -= item.value * item.weight;
        self.squares -= item.value * item.value * item.weight;
        self.weight -= item.weight;
    }

    fn purity(&self) -> f64 {
        self.sum * self.sum / self.weight
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn is_pure(&self) -> bool {
        self.squares - self.purity() <= 1e-14 * self.squares
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        std::iter::once(self.sum / self.weight)
    }

    fn outputs(&self) -> usize {
        1
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Counted {
    pub class: u32,
    pub weight: f64,
}

/// Classes. Where the counts are whole numbers, sums of them and of their squares are exact.
#[derive(Debug, Clone)]
pub struct Gini {
    counts: Vec<f64>,
    weight: f64,
    squares: f64,
}

impl Gini {
    pub fn new(classes: usize) -> Self {
        Self { counts: vec![0.0; classes], weight: 0.0, squares: 0.0 }
    }
}

impl NodeStats for Gini {
    type Item = Counted;

    fn add(&mut self, item: Counted) {
        let weight = item.weight;
        let count = &mut self.counts[item.class as usize];
        self.squares += weight * (2.0 * *count + weight);
        *count += weight;
        self.weight += weight;
    }

    fn remove(&mut self, item: Counted) {
        let weight = item.weight;
        let count = &mut self.counts[item.class as usize];
        self.squares -= weight * (2.0 * *count - weight);
        *count -= weight;
        self.weight -= weight;
    }

    fn purity(&self) -> f64 {
        self.squares / self.weight
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn is_pure(&self) -> bool {
        // A single row of another class takes more off than rounding does.
        self.squares >= self.weight * self.weight * (1.0 - 1e-12)
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.counts.iter().map(|count| count / self.weight)
    }

    fn outputs(&self) -> usize {
        self.counts.len()
    }
}

/// Classes, by how little a row's class surprises.
#[derive(Debug, Clone)]
pub struct Entropy(pub Gini);

impl NodeStats for Entropy {
    type Item = Counted;

    fn add(&mut self, item: Counted) {
        self.0.add(item);
    }

    fn remove(&mut self, item: Counted) {
        self.0.remove(item);
    }

    fn purity(&self) -> f64 {
        let weight = self.0.weight;
        let known = self.0.counts.iter().filter(|count| **count > 0.0);
        known.map(|count| count * (count / weight).ln()).sum()
    }

    fn weight(&self) -> f64 {
        self.0.weight
    }

    fn is_pure(&self) -> bool {
        self.0.is_pure()
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.0.values()
    }

    fn outputs(&self) -> usize {
        self.0.outputs()
    }
}
