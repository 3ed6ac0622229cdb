//! From the scores of a support vector machine to probabilities: Platt's sigmoid, fitted to scores of rows that the
//! machine had not seen.

use fastrand::Rng;

use super::machine::{Fitted, Machine, Sides};
use crate::learn::families::FitError;
use crate::learn::pairs::Sigmoid;

/// Parts of the training rows that are left out in turn, as in libsvm.
const FOLDS: usize = 5;
/// With fewer rows of a class all of these are scored.
const RARE: usize = 50;

/// What is to be fitted for a pair of classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The machine itself, on all rows.
    All,
    /// One that does not see the rows of this fold, to score them.
    Without(usize),
}

/// What came of it.
pub enum Done {
    Machine(Result<Fitted, FitError>),
    /// Of rows of the pair, by their place. None where the solver does not converge.
    Scores(Option<Vec<(usize, f64)>>),
}

/// Two classes, and the folds of their rows.
pub struct Pair {
    of: Sides,
    folds: Vec<usize>,
}

impl Pair {
    pub fn new(of: Sides, rng: &mut Rng) -> Self {
        let folds = dealt(&of.signs, rng);
        Self { of, folds }
    }

    /// All that is to be fitted, in any order.
    pub fn parts(&self, machine: &Machine<'_>) -> Vec<Part> {
        if self.of.is_one_sided() {
            return vec![Part::All];
        }
        let first = self.of.positive();
        let is_rare = first.min(self.of.signs.len() - first) < RARE;
        let count = if is_rare { FOLDS } else { machine.held_out() };
        (0..count).map(Part::Without).chain([Part::All]).collect()
    }

    pub fn fit(&self, machine: &Machine<'_>, part: Part, rng: &mut Rng) -> Done {
        let fold = match part {
            Part::All if self.of.is_one_sided() => {
                return Done::Machine(Ok(machine.constant(self.of.signs.first().copied().unwrap_or(1.0))));
            }
            Part::All => return Done::Machine(machine.classify(&self.of, rng)),
            Part::Without(fold) => fold,
        };
        let (held_out, seen): (Vec<usize>, Vec<usize>) =
            (0..self.folds.len()).partition(|at| self.folds[*at] == fold);
        let seen = self.of.select(&seen);
        let fitted = if seen.is_one_sided() {
            Ok(machine.constant(seen.signs.first().copied().unwrap_or(0.0)))
        } else if held_out.is_empty() {
            return Done::Scores(Some(Vec::new()));
        } else {
            machine.classify(&seen, rng)
        };
        let scores = fitted.map(|fitted| {
            held_out.into_iter().map(|at| (at, machine.score(&fitted, self.of.rows[at]))).collect()
        });
        Done::Scores(scores.inspect_err(|error| tracing::debug!(%error, "no probabilities of a pair")).ok())
    }

    /// Whether rows of both classes are scored.
    fn has_both(&self, scored: &[(usize, f64)]) -> bool {
        let first = scored.iter().filter(|(at, _)| self.of.signs[*at] > 0.0).count();
        first > 0 && first < scored.len()
    }

    /// The sigmoid that fits the scores of machines to the rows that each of them was fitted without. Where one of them
    /// does not converge, the classes keep their shares: the machine itself is none the worse for it.
    pub fn sigmoid(&self, scores: &[Option<Vec<(usize, f64)>>]) -> Sigmoid {
        let scored: Option<Vec<(usize, f64)>> =
            scores.iter().cloned().collect::<Option<Vec<_>>>().map(|all| all.concat());
        let first = self.of.positive();
        match scored {
            Some(scored) if self.has_both(&scored) => {
                let (scores, signs): (Vec<f64>, Vec<f64>) =
                    scored.into_iter().map(|(at, score)| (score, self.of.signs[at])).unzip();
                sigmoid(&scores, &signs)
            }
            _ => Sigmoid::by_counts(first as f64, (self.of.signs.len() - first) as f64),
        }
    }
}

/// Of each row the fold in which it is held out: each class is shuffled and dealt in turn, so that all folds have both where there
/// are as many rows of each.
fn dealt(signs: &[f64], rng: &mut Rng) -> Vec<usize> {
    let mut of = vec![0; signs.len()];
    let mut turn = 0;
    for sign in [1.0_f64, -1.0] {
        let mut rows: Vec<usize> = (0..of.len()).filter(|row| signs[*row].total_cmp(&sign).is_eq()).collect();
        rng.shuffle(&mut rows);
        for row in rows {
            of[row] = turn % FOLDS;
            turn += 1;
        }
    }
    of
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
    use ndarray::Array2;

    use super::*;
    use crate::learn::families::svm::machine::Way;

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
    fn a_calibration_that_does_not_converge_leaves_the_shares_of_the_classes() {
        let mut rng = Rng::with_seed(5);
        let rows = Array2::from_shape_fn((40, 3), |_| rng.f64());
        let signs: Vec<f64> = (0..40).map(|row| if row % 4 == 0 { 1.0 } else { -1.0 }).collect();
        let machine = Machine { scaled: &rows, c: 1e12, way: Way::Exact(None) };
        let pair = Pair::new(Sides { rows: (0..40).collect(), signs, weights: None }, &mut rng);
        let Done::Scores(scores) = pair.fit(&machine, Part::Without(0), &mut rng) else {
            panic!("no scores")
        };
        assert!(scores.is_none());
        assert_eq!(pair.sigmoid(&[scores]), Sigmoid::by_counts(10.0, 30.0));
        // Nor do rows of one class say how probable it is.
        let first: Vec<(usize, f64)> = (0..40).step_by(4).map(|at| (at, 2.0)).collect();
        assert_eq!(pair.sigmoid(&[Some(first)]), Sigmoid::by_counts(10.0, 30.0));
    }

    #[test]
    fn scores_that_say_the_contrary_leave_the_shares_of_the_classes() {
        let fitted = sigmoid(&[-1.0, -2.0, -3.0, 1.0], &[1.0, 1.0, 1.0, -1.0]);
        assert_eq!(fitted, Sigmoid::by_counts(3.0, 1.0));
        assert!((fitted.probability(5.0) - 4.0 / 6.0).abs() < 1e-12);
    }
}
