//! From the scores of a support vector machine to probabilities: Platt's sigmoid, fitted to scores of rows that the
//! machine had not seen.

use fastrand::Rng;
use ndarray::{Array2, Axis};

use super::FitError;
use super::kernels::solved;
use super::smo::{Problem, Solution};
use crate::learn::pairs::Sigmoid;

/// Parts of the training rows that are left out in turn, as in libsvm.
const FOLDS: usize = 5;

/// What tells two classes apart: their rows, with a sign each, and the settings of the machine.
pub(super) struct Pair<'a> {
    pub rows: &'a Array2<f64>,
    pub signs: &'a [f64],
    /// Of a radial kernel; a linear one without.
    pub gamma: Option<f64>,
    pub c: f64,
    /// How much each row counts; none where all count once.
    pub weights: Option<&'a [f64]>,
}

impl Pair<'_> {
    /// The sigmoid that fits the scores of machines to the rows that each of them was fitted without. Where one of them
    /// finds no end, the classes keep their shares: the machine itself is none the worse for it.
    pub fn calibrate(&self, rng: &mut Rng) -> Sigmoid {
        self.fitted(rng).unwrap_or_else(|error| {
            tracing::debug!(%error, "probabilities of two classes are their shares");
            let first = self.signs.iter().filter(|sign| **sign > 0.0).count() as f64;
            Sigmoid::by_counts(first, self.signs.len() as f64 - first)
        })
    }

    fn fitted(&self, rng: &mut Rng) -> Result<Sigmoid, FitError> {
        let of = self.dealt(rng);
        let mut scores = vec![0.0; self.signs.len()];
        for fold in 0..FOLDS {
            let (held_out, train): (Vec<usize>, Vec<usize>) = (0..of.len()).partition(|row| of[*row] == fold);
            let signs: Vec<f64> = train.iter().map(|row| self.signs[*row]).collect();
            let Some(first) = signs.first() else { continue };
            if signs.iter().all(|sign| sign.total_cmp(first).is_eq()) {
                for row in &held_out {
                    scores[*row] = *first;
                }
                continue;
            }
            if held_out.is_empty() {
                continue;
            }
            let rows = self.rows.select(Axis(0), &train);
            let problem = Problem::classification(rows.view(), self.gamma, &signs, self.c);
            let weights = self.weights.map(|of| train.iter().map(|row| of[*row]).collect::<Vec<f64>>());
            let solution = solved(&problem.weighted(weights.as_deref()))?;
            for row in held_out {
                scores[row] = self.score(row, &rows, &solution);
            }
        }
        Ok(sigmoid(&scores, self.signs))
    }

    /// Of each row the fold in which it is held out: each class is shuffled and dealt in turn, so that all folds have both.
    fn dealt(&self, rng: &mut Rng) -> Vec<usize> {
        let mut of = vec![0; self.signs.len()];
        let mut turn = 0;
        for sign in [1.0_f64, -1.0] {
            let mut rows: Vec<usize> =
                (0..of.len()).filter(|row| self.signs[*row].total_cmp(&sign).is_eq()).collect();
            rng.shuffle(&mut rows);
            for row in rows {
                of[row] = turn % FOLDS;
                turn += 1;
            }
        }
        of
    }

    fn score(&self, row: usize, rows: &Array2<f64>, solution: &Solution) -> f64 {
        let here = self.rows.row(row);
        let mut score = solution.intercept;
        for (known, weight) in rows.outer_iter().zip(&solution.weights) {
            if *weight != 0.0 {
                let kernel = match self.gamma {
                    None => known.dot(&here),
                    Some(gamma) => {
                        let distance: f64 = known.iter().zip(here).map(|(a, b)| (a - b) * (a - b)).sum();
                        (-gamma * distance).exp()
                    }
                };
                score += weight * kernel;
            }
        }
        score
    }
}

/// Newton's method with a line search (Lin, Lin and Weng 2007), towards targets that a few rows more of each class would
/// leave. Scores that say nothing, or the contrary, are not gone by.
fn sigmoid(scores: &[f64], signs: &[f64]) -> Sigmoid {
    const ROUNDS: usize = 100;
    const LEAST_STEP: f64 = 1e-10;
    let first = signs.iter().filter(|sign| **sign > 0.0).count() as f64;
    let second = signs.len() as f64 - first;
    let start = Sigmoid::by_counts(first, second);
    let (high, low) = ((first + 1.0) / (first + 2.0), 1.0 / (second + 2.0));
    let rows = || scores.iter().zip(signs.iter().map(|sign| if *sign > 0.0 { high } else { low }));
    let loss = |sigmoid: Sigmoid| -> f64 {
        let of = |(score, target): (&f64, f64)| {
            let power = sigmoid.slope * score + sigmoid.offset;
            let at_most = if power >= 0.0 { target * power } else { (target - 1.0) * power };
            at_most + (-power.abs()).exp().ln_1p()
        };
        rows().map(of).sum()
    };
    let (mut best, mut least) = (start, loss(start));
    for _ in 0..ROUNDS {
        // The curvature is positive definite, whatever the scores.
        let (mut h11, mut h22, mut h21, mut g1, mut g2) = (1e-12, 1e-12, 0.0, 0.0, 0.0);
        for (score, target) in rows() {
            let probability = 1.0 / (1.0 + (best.slope * score + best.offset).exp());
            let (spread, error) = (probability * (1.0 - probability), target - probability);
            h11 += score * score * spread;
            h22 += spread;
            h21 += score * spread;
            g1 += score * error;
            g2 += error;
        }
        if g1.abs() < 1e-5 && g2.abs() < 1e-5 {
            break;
        }
        let determinant = h11 * h22 - h21 * h21;
        let slope = -(h22 * g1 - h21 * g2) / determinant;
        let offset = -(h11 * g2 - h21 * g1) / determinant;
        let descent = g1 * slope + g2 * offset;
        let mut step = 1.0;
        let moved = loop {
            let next = Sigmoid { slope: best.slope + step * slope, offset: best.offset + step * offset };
            let value = loss(next);
            if value < least + 1e-4 * step * descent {
                break Some((next, value));
            }
            step /= 2.0;
            if step < LEAST_STEP {
                break None;
            }
        };
        let Some(moved) = moved else { break };
        (best, least) = moved;
    }
    if best.slope < 0.0 { best } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least of libsvm's loss, as SciPy finds it.
    #[test]
    fn a_sigmoid_leaves_the_least_loss() {
        let scores = [2.1, 1.4, 0.3, -0.2, 0.9, -1.5, -0.7, 0.1, -2.2, -1.1];
        let signs = [1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0];
        let fitted = sigmoid(&scores, &signs);
        assert!(
            (fitted.slope + 1.180_940_36).abs() < 1e-4 && (fitted.offset + 0.119_000_35).abs() < 1e-4,
            "{fitted:?}"
        );
    }

    #[test]
    fn a_calibration_that_finds_no_end_leaves_the_shares_of_the_classes() {
        let mut rng = Rng::with_seed(5);
        let rows = Array2::from_shape_fn((40, 3), |_| rng.f64());
        let signs: Vec<f64> = (0..40).map(|row| if row % 4 == 0 { 1.0 } else { -1.0 }).collect();
        let pair = Pair { rows: &rows, signs: &signs, gamma: None, c: 1e12, weights: None };
        assert!(pair.fitted(&mut rng).is_err());
        assert_eq!(pair.calibrate(&mut rng), Sigmoid::by_counts(10.0, 30.0));
    }

    #[test]
    fn scores_that_say_the_contrary_leave_the_shares_of_the_classes() {
        let fitted = sigmoid(&[-1.0, -2.0, -3.0, 1.0], &[1.0, 1.0, 1.0, -1.0]);
        assert_eq!(fitted, Sigmoid::by_counts(3.0, 1.0));
        assert!((fitted.probability(5.0) - 4.0 / 6.0).abs() < 1e-12);
    }
}
