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

    pub fn of(self, from: usize, to: usize) -> Self {
        match self {
            Self::Numbers(values) => Self::Numbers(&values[from..to]),
            Self::Classes(classes, count) => Self::Classes(&classes[from..to], count),
        }
    }

    /// No curvature is greater.
    pub fn most_curvature(self) -> f64 {
        match self {
            Self::Numbers(_) => 1.0,
            Self::Classes(_, count) => 0.25 * steepness(count),
        }
    }
}

/// Classes whose probabilities have to be 1 in sum are that much more curved than each by itself.
fn steepness(count: usize) -> f64 {
    if count == 2 { 1.0 } else { count as f64 / (count as f64 - 1.0) }
}

/// Rows with their scores.
pub struct Scored<'a> {
    aim: Aim<'a>,
    /// Of each score a number a row.
    scores: Vec<Vec<f64>>,
    /// Of more than two classes the probability of each, as they are at the beginning of a round.
    shares: Vec<Vec<f32>>,
}

impl<'a> Scored<'a> {
    pub fn new(aim: Aim<'a>, start: &[f64]) -> Self {
        let rows = match aim {
            Aim::Numbers(values) => values.len(),
            Aim::Classes(classes, _) => classes.len(),
        };
        let shares = if start.len() > 1 { vec![vec![0.0; rows]; start.len()] } else { Vec::new() };
        Self { aim, scores: start.iter().map(|start| vec![*start; rows]).collect(), shares }
    }

    /// Begins a round, and says what no gradient is greater than.
    pub fn begin(&mut self) -> f64 {
        match self.aim {
            Aim::Numbers(values) => {
                let left = values.iter().zip(&self.scores[0]).map(|(value, score)| (value - score).abs());
                left.fold(0.0, |most, left| if left > most { left } else { most })
            }
            Aim::Classes(_, 2) => 1.0,
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
                1.0
            }
        }
    }

    /// Of each row what it adds to a bin when a tree is grown for that score.
    pub fn cells<C: Cell>(&self, score: usize, units: &Units, cells: &mut Vec<C>) {
        cells.clear();
        match self.aim {
            Aim::Numbers(values) => {
                let rows = values.iter().zip(&self.scores[0]);
                cells.extend(rows.map(|(value, score)| C::of_row(units, value - score, 1.0)));
            }
            Aim::Classes(classes, 2) => {
                let rows = classes.iter().zip(&self.scores[0]);
                cells.extend(rows.map(|(class, score)| {
                    let share = 1.0 / (1.0 + (-score).exp());
                    C::of_row(units, f64::from(*class) - share, share * (1.0 - share))
                }));
            }
            Aim::Classes(classes, count) => {
                let steepness = steepness(count);
                let rows = classes.iter().zip(&self.shares[score]);
                cells.extend(rows.map(|(class, share)| {
                    let is_it = f64::from(u8::from(*class as usize == score));
                    let share = f64::from(*share);
                    C::of_row(units, is_it - share, steepness * share * (1.0 - share))
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
        match self.aim {
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
        }
    }
}
