//! What is made less: of each row the gradient that is left over and the curvature, from its scores.

use super::cells::{Cell, Units};

/// What is predicted.
#[derive(Debug, Clone, Copy)]
pub enum Aim<'a> {
    /// By the squared error.
    Numbers(&'a [f64]),
    /// By the logarithm of the class's probability; classes, and how many there are.
    Classes(&'a [u32], usize),
}

impl Aim<'_> {
    /// How many scores a row has.
    pub fn scores(self) -> usize {
        match self {
            Self::Numbers(_) | Self::Classes(_, 2) => 1,
            Self::Classes(_, count) => count,
        }
    }

    fn of(self, from: usize, to: usize) -> Self {
        match self {
            Self::Numbers(values) => Self::Numbers(&values[from..to]),
            Self::Classes(classes, count) => Self::Classes(&classes[from..to], count),
        }
    }
}

/// What is predicted, and how much each row counts: its gradient and its curvature are multiplied by that.
#[derive(Debug, Clone, Copy)]
pub struct Weighted<'a> {
    pub aim: Aim<'a>,
    /// None where all rows count once.
    pub weights: Option<&'a [f64]>,
}

impl<'a> From<Aim<'a>> for Weighted<'a> {
    fn from(aim: Aim<'a>) -> Self {
        Self { aim, weights: None }
    }
}

impl Weighted<'_> {
    pub fn of(self, from: usize, to: usize) -> Self {
        Self { aim: self.aim.of(from, to), weights: self.weights.map(|weights| &weights[from..to]) }
    }

    fn most_weight(self) -> f64 {
        self.weights.map_or(1.0, |weights| weights.iter().copied().fold(0.0, f64::max))
    }

    /// No curvature is greater.
    pub fn most_curvature(self) -> f64 {
        let of_row = match self.aim {
            Aim::Numbers(_) => 1.0,
            Aim::Classes(_, count) => 0.25 * steepness(count),
        };
        of_row * self.most_weight()
    }
}

/// Classes whose probabilities have to be 1 in sum are that much more curved than each by itself.
fn steepness(count: usize) -> f64 {
    if count == 2 { 1.0 } else { count as f64 / (count as f64 - 1.0) }
}

/// Rows with their scores.
pub struct Scored<'a> {
    aim: Aim<'a>,
    weights: Option<&'a [f64]>,
    /// The greatest of these.
    most_weight: f64,
    /// Of each score a number a row.
    scores: Vec<Vec<f64>>,
    /// Of more than two classes the probability of each, as they are at the beginning of a round.
    shares: Vec<Vec<f32>>,
}

impl<'a> Scored<'a> {
    pub fn new(weighted: Weighted<'a>, start: &[f64]) -> Self {
        let Weighted { aim, weights } = weighted;
        let rows = match aim {
            Aim::Numbers(values) => values.len(),
            Aim::Classes(classes, _) => classes.len(),
        };
        let shares = if start.len() > 1 { vec![vec![0.0; rows]; start.len()] } else { Vec::new() };
        let scores = start.iter().map(|start| vec![*start; rows]).collect();
        Self { aim, weights, most_weight: weighted.most_weight(), scores, shares }
    }

    /// Begins a round, and says what no gradient is greater than.
    pub fn begin(&mut self) -> f64 {
        match self.aim {
            Aim::Numbers(values) => {
                let greater = |most: f64, left: f64| if left > most { left } else { most };
                let left = values.iter().zip(&self.scores[0]).map(|(value, score)| (value - score).abs());
                match self.weights {
                    None => left.fold(0.0, greater),
                    Some(weights) => left.zip(weights).map(|(left, weight)| left * weight).fold(0.0, greater),
                }
            }
            Aim::Classes(_, 2) => self.most_weight,
            Aim::Classes(classes, _) => {
                let mut powers = vec![0.0; self.scores.len()];
                for row in 0..classes.len() {
                    let greatest =
                        self.scores.iter().map(|score| score[row]).fold(f64::NEG_INFINITY, f64::max);
                    let mut sum = 0.0;
                    for (power, score) in powers.iter_mut().zip(&self.scores) {
                        *power = (score[row] - greatest).exp();
                        sum += *power;
                    }
                    for (share, power) in self.shares.iter_mut().zip(&powers) {
                        share[row] = (power / sum) as f32;
                    }
                }
                self.most_weight
            }
        }
    }

    /// Of each row what it adds to a bin when a tree is grown for that score.
    pub fn cells<C: Cell>(&self, score: usize, units: &Units, cells: &mut Vec<C>) {
        cells.clear();
        match self.weights {
            None => self.fill(
                score,
                |gradient, curvature, ()| C::of_row(units, gradient, curvature),
                std::iter::repeat(()),
                cells,
            ),
            Some(weights) => {
                let of_row = |gradient: f64, curvature: f64, weight: &f64| {
                    C::of_row(units, gradient * weight, curvature * weight)
                };
                self.fill(score, of_row, weights.iter(), cells);
            }
        }
    }

    /// Makes a cell of each row of its gradient, its curvature, and its weight.
    fn fill<C: Cell, W>(
        &self,
        score: usize,
        of_row: impl Fn(f64, f64, W) -> C,
        weights: impl Iterator<Item = W>,
        cells: &mut Vec<C>,
    ) {
        match self.aim {
            Aim::Numbers(values) => {
                let rows = values.iter().zip(&self.scores[0]).zip(weights);
                cells.extend(rows.map(|((value, score), weight)| of_row(value - score, 1.0, weight)));
            }
            Aim::Classes(classes, 2) => {
                let rows = classes.iter().zip(&self.scores[0]).zip(weights);
                cells.extend(rows.map(|((class, score), weight)| {
                    let share = 1.0 / (1.0 + (-score).exp());
                    of_row(f64::from(*class) - share, share * (1.0 - share), weight)
                }));
            }
            Aim::Classes(classes, count) => {
                let steepness = steepness(count);
                let rows = classes.iter().zip(&self.shares[score]).zip(weights);
                cells.extend(rows.map(|((class, share), weight)| {
                    let is_it = f64::from(u8::from(*class as usize == score));
                    let share = f64::from(*share);
                    of_row(is_it - share, steepness * share * (1.0 - share), weight)
                }));
            }
        }
    }

    pub fn add(&mut self, score: usize, rows: &[u32], step: f64) {
        let scores = &mut self.scores[score];
        for row in rows {
            scores[*row as usize] += step;
        }
    }

    /// How wrong the scores of a row are.
    pub fn loss(&self, row: usize) -> f64 {
        let weight = self.weights.map_or(1.0, |weights| weights[row]);
        let loss = match self.aim {
            Aim::Numbers(values) => (values[row] - self.scores[0][row]).powi(2),
            Aim::Classes(classes, 2) => {
                let score = self.scores[0][row];
                let away = if classes[row] == 1 { -score } else { score };
                away.max(0.0) + (-away.abs()).exp().ln_1p()
            }
            Aim::Classes(classes, _) => {
                let of = || self.scores.iter().map(|score| score[row]);
                let greatest = of().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = of().map(|score| (score - greatest).exp()).sum();
                sum.ln() + greatest - self.scores[classes[row] as usize][row]
            }
        };
        weight * loss
    }
}
