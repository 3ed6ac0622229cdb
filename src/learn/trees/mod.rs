//! Decision trees: grown exactly, the same from the same seed, and the ground of forests and boosting.
//!
//! Splits are those of CART (Breiman 1984): every gap between two values that differ is tried. Rows are sorted once for
//! a data set; a node then only walks over its rows and keeps their order, as SPRINT does (Shafer 1996).

mod draw;
mod grow;
mod impurity;

use super::features::Matrix;

pub(in crate::learn) use grow::between;
pub use grow::{SampleWeights, TreeOptions, grow};
pub use impurity::Criterion;

/// Stands for a leaf in the place of a feature.
const LEAF: u32 = u32::MAX;

/// A fitted tree. A row goes left where its feature is not above the threshold, as in ONNX's `BRANCH_LEQ`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    feature: Vec<u32>,
    threshold: Vec<f32>,
    /// Whether a gap, which is NaN, goes left.
    gap_left: Vec<bool>,
    /// The left child, the right one being the next; of a leaf its number among leaves.
    next: Vec<u32>,
    /// Of each leaf so many values as there are outputs.
    pub leaves: Vec<f64>,
    /// ColumnValues of a leaf.
    pub outputs: usize,
}

/// The first of the greatest.
pub fn likeliest(values: &[f64]) -> usize {
    let mut best = 0;
    for at in 1..values.len() {
        if values[at] > values[best] {
            best = at;
        }
    }
    best
}

/// A node, to be written elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node<'a> {
    /// Rows go left where the feature is not above the threshold.
    Split {
        /// Its place in the matrix.
        feature: usize,
        /// In the feature's unit.
        threshold: f32,
        /// Whether a gap, which is NaN, goes left.
        gap_left: bool,
        /// The number of a node.
        left: usize,
        /// The number of a node.
        right: usize,
    },
    /// As many values as there are outputs.
    Leaf(&'a [f64]),
}

impl Tree {
    /// Without any node.
    pub fn new(outputs: usize) -> Self {
        Self { outputs, ..Self::default() }
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.feature.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.feature.is_empty()
    }

    /// The node of that number; the root is 0.
    pub fn node(&self, at: usize) -> Node<'_> {
        let next = self.next[at] as usize;
        if self.feature[at] == LEAF {
            return Node::Leaf(&self.leaves[next * self.outputs..(next + 1) * self.outputs]);
        }
        Node::Split {
            feature: self.feature[at] as usize,
            threshold: self.threshold[at],
            gap_left: self.gap_left[at],
            left: next,
            right: next + 1,
        }
    }

    /// Adds a node that is a leaf until it is split.
    pub(in crate::learn) fn add(&mut self) -> usize {
        self.feature.push(LEAF);
        self.threshold.push(0.0);
        self.gap_left.push(true);
        self.next.push(0);
        self.len() - 1
    }

    pub(in crate::learn) fn close(&mut self, at: usize, values: impl Iterator<Item = f64>) {
        self.next[at] = (self.leaves.len() / self.outputs) as u32;
        self.leaves.extend(values);
    }

    pub(in crate::learn) fn split(&mut self, at: usize, feature: usize, threshold: f32) -> (usize, usize) {
        self.split_gaps(at, feature, threshold, true)
    }

    /// The same where there may be gaps.
    pub(in crate::learn) fn split_gaps(
        &mut self,
        at: usize,
        feature: usize,
        threshold: f32,
        gap_left: bool,
    ) -> (usize, usize) {
        let (left, right) = (self.add(), self.add());
        self.feature[at] = feature as u32;
        self.threshold[at] = threshold;
        self.gap_left[at] = gap_left;
        self.next[at] = left as u32;
        (left, right)
    }

    /// The number of the leaf that a row ends in, by its value of each feature.
    fn leaf_by(&self, value: impl Fn(usize) -> f32) -> usize {
        let mut at = 0;
        loop {
            let feature = self.feature[at];
            let next = self.next[at] as usize;
            if feature == LEAF {
                return next;
            }
            let value = value(feature as usize);
            let is_right = if value.is_nan() { !self.gap_left[at] } else { value > self.threshold[at] };
            at = next + usize::from(is_right);
        }
    }

    /// The number of the leaf that a row of a matrix ends in.
    pub fn leaf(&self, matrix: &Matrix, row: usize) -> usize {
        self.leaf_by(|feature| matrix.column(feature)[row])
    }

    /// The values of the leaf that a row ends in.
    pub fn predict(&self, matrix: &Matrix, row: usize) -> &[f64] {
        self.predict_by(|feature| matrix.column(feature)[row])
    }

    /// The same for a row that stands in no matrix.
    pub fn predict_by(&self, value: impl Fn(usize) -> f32) -> &[f64] {
        let leaf = self.leaf_by(value);
        &self.leaves[leaf * self.outputs..(leaf + 1) * self.outputs]
    }
}
