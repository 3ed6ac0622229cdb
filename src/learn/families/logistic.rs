//! Logistic regression with a ridge penalty, by L-BFGS on blocks of rows. (linfa's takes five times as long as scikit-learn's.)

use linfa::traits::Fit;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

use super::lbfgs::{Stop, minimise};
use super::{DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, classes, weights};
use crate::learn::cores;
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::{FittedModel, Link, ModelForm};

pub struct Logistic;

/// The score of a class that the training rows do not have.
const NEVER: f64 = -1e3;

impl Family for Logistic {
    fn name(&self) -> &'static str {
        "logistic"
    }

    fn description(&self) -> &'static str {
        "logistic regression, multiclass too"
    }

    fn supports(&self, task: Task) -> bool {
        task == Task::Classification
    }

    fn is_suggested(&self, shape: DataShape) -> bool {
        shape.rows * shape.features <= 40_000_000
    }

    fn search_space(&self, _: DataShape) -> Vec<Dimension> {
        vec![Dimension::real("C", 1e-3, 1e3, 1.0).log()]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, _: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(Penalised { alpha: 1.0 / params.positive("C", 1.0)? }))
    }
}

struct Penalised {
    alpha: f64,
}

/// Rows whose scores are reckoned at a time.
const BLOCK: usize = 128;
/// Rows whose part of the gradient is summed by itself, so that the sum does not depend on the number of threads.
const PART: usize = 8_192;
/// Of the mean gradient, below which the fit is at its end. scikit-learn's of 1e-4 leaves fits with a large `C` far from it.
const TOLERANCE: f64 = 1e-8;

impl Fit<Features, TargetValues, FitError> for Penalised {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let (of, count) = classes(&data.targets)?;
        let scaled = data.records.scaled();
        let (rows, width) = scaled.dim();
        let weights = weights(data);
        let all = weights.as_ref().map_or(rows as f64, |weights| weights.iter().sum());
        // A class that is not met has no part in the fit.
        let mut met = vec![false; count];
        for class in of {
            met[*class as usize] = true;
        }
        let met: Vec<usize> = (0..count).filter(|class| met[*class]).collect();
        let mut place = vec![0; count];
        met.iter().enumerate().for_each(|(at, class)| place[*class] = at);
        let outputs = if count == 2 { 1 } else { met.len() };
        let loss = Loss {
            rows: scaled.view(),
            of: of.iter().map(|class| place[*class as usize] as u32).collect(),
            weights,
            outputs,
            alpha: self.alpha,
        };
        let stop = Stop { gradient: TOLERANCE * all, steps: 1_000 };
        let curvature = 0.25 * all + self.alpha;
        let threads = cores::threads();
        let start = vec![0.0; (width + 1) * outputs];
        let found = minimise(start, curvature, stop, |at, gradient| loss.value(at, gradient, threads));
        let (weights, intercepts) = found.split_at(width * outputs);
        let weights = ArrayView2::from_shape((width, outputs), weights).expect("a row a feature");
        let (form, link) = if count == 2 {
            let form = ModelForm::Linear {
                weights: weights.to_owned(),
                squares: None,
                intercepts: intercepts.to_vec(),
            };
            (form, Link::Logistic)
        } else {
            let mut all = Array2::zeros((width, count));
            let mut starts = vec![NEVER; count];
            for (at, class) in met.iter().enumerate() {
                all.column_mut(*class).assign(&weights.column(at));
                starts[*class] = intercepts[at];
            }
            (ModelForm::Linear { weights: all, squares: None, intercepts: starts }, Link::Softmax)
        };
        let importance = super::ridge::magnitudes(&form);
        Ok(FittedModel { form, link, importance })
    }
}

/// The log-loss over all rows and half of alpha times the squared weights. Its parameters are a row a feature with a column an
/// output, and a last row of intercepts.
struct Loss<'a> {
    rows: ArrayView2<'a, f64>,
    of: Vec<u32>,
    /// How much each row counts; none where all count once.
    weights: Option<Vec<f64>>,
    /// 1 for two classes: the log-odds of the second.
    outputs: usize,
    alpha: f64,
}

impl Loss<'_> {
    fn value(&self, at: &[f64], gradient: &mut [f64], threads: usize) -> f64 {
        let (count, width) = self.rows.dim();
        let parts = count.div_ceil(PART);
        let share = parts.div_ceil(threads.min(parts).max(1)).max(1);
        let shares: Vec<_> = (0..parts).step_by(share).map(|from| from..(from + share).min(parts)).collect();
        let sums = cores::side_by_side(shares, |share| {
            share.map(|part| self.part(at, part * PART, ((part + 1) * PART).min(count))).collect::<Vec<_>>()
        });
        let weights = width * self.outputs;
        gradient.fill(0.0);
        let mut value = 0.0;
        for (part, of_part) in sums.into_iter().flatten() {
            value += part;
            gradient.iter_mut().zip(of_part).for_each(|(sum, part)| *sum += part);
        }
        for (sum, weight) in gradient[..weights].iter_mut().zip(at) {
            *sum += self.alpha * weight;
            value += 0.5 * self.alpha * weight * weight;
        }
        value
    }

    /// The loss of some rows, and its gradient.
    fn part(&self, at: &[f64], from: usize, to: usize) -> (f64, Vec<f64>) {
        let (width, outputs) = (self.rows.ncols(), self.outputs);
        let (weights, intercepts) = at.split_at(width * outputs);
        let weights = ArrayView2::from_shape((width, outputs), weights).expect("a row a feature");
        let mut gradient = vec![0.0; at.len()];
        let (of_weights, of_intercepts) = gradient.split_at_mut(width * outputs);
        let mut of_weights = ArrayViewMut2::from_shape((width, outputs), of_weights).expect("as the weights");
        let mut block = Array2::zeros((BLOCK, outputs));
        let mut loss = 0.0;
        for from in (from..to).step_by(BLOCK) {
            let rows = self.rows.slice_axis(Axis(0), Slice::from(from..(from + BLOCK).min(to)));
            let classes = &self.of[from..from + rows.nrows()];
            let mut scores = block.slice_axis_mut(Axis(0), Slice::from(..rows.nrows()));
            scores.rows_mut().into_iter().for_each(|mut row| {
                row.iter_mut().zip(intercepts).for_each(|(score, intercept)| *score = *intercept);
            });
            if outputs == 1 {
                let column = weights.column(0);
                for (row, score) in rows.outer_iter().zip(scores.iter_mut()) {
                    *score += row.dot(&column);
                }
            } else {
                general_mat_mul(1.0, &rows, &weights, 1.0, &mut scores);
            }
            for (at, (mut row, class)) in scores.rows_mut().into_iter().zip(classes).enumerate() {
                // What the row adds to the gradient of each score.
                let lost = if outputs == 1 {
                    odds(&mut row[0], *class)
                } else {
                    softmax(row.as_slice_mut().expect("a row has no gaps"), *class as usize)
                };
                loss += match &self.weights {
                    None => lost,
                    Some(weights) => {
                        row *= weights[from + at];
                        lost * weights[from + at]
                    }
                };
            }
            if outputs == 1 {
                let mut column = of_weights.column_mut(0);
                for (row, residual) in rows.outer_iter().zip(scores.iter()) {
                    column.scaled_add(*residual, &row);
                }
            } else {
                general_mat_mul(1.0, &rows.t(), &scores, 1.0, &mut of_weights);
            }
            for row in scores.rows() {
                of_intercepts.iter_mut().zip(row).for_each(|(sum, residual)| *sum += residual);
            }
        }
        (loss, gradient)
    }
}

/// The log-loss of a row of two classes by the log-odds of the second, which become the slope.
fn odds(score: &mut f64, class: u32) -> f64 {
    let small = (-score.abs()).exp();
    let (towards, is_second) = (*score, class == 1);
    let second = if towards >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) };
    *score = second - f64::from(u8::from(is_second));
    let against = if is_second { -towards } else { towards };
    against.max(0.0) + small.ln_1p()
}

/// The log-loss of a row by the scores of its classes, which become the slopes.
fn softmax(scores: &mut [f64], class: usize) -> f64 {
    let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let known = scores[class] - greatest;
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - greatest).exp();
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
    scores[class] -= 1.0;
    sum.ln() - known
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    /// Rows of three features, and a loss over them.
    fn loss(rows: &Array2<f64>, outputs: usize) -> Loss<'_> {
        let mut rng = Rng::with_seed(3);
        let classes = outputs.max(2) as u32;
        let of = rows
            .outer_iter()
            .map(|row| if row[0] + rng.f64() > 1.0 { classes - 1 } else { rng.u32(..classes) });
        Loss { rows: rows.view(), of: of.collect(), weights: None, outputs, alpha: 0.7 }
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss_whatever_the_number_of_threads() {
        let mut rng = Rng::with_seed(5);
        let rows = Array2::from_shape_simple_fn((2 * PART + 77, 3), || rng.f64() * 4.0 - 2.0);
        for outputs in [1, 3, 4] {
            let loss = loss(&rows, outputs);
            let at: Vec<f64> = (0..4 * outputs).map(|_| rng.f64() - 0.5).collect();
            let mut gradient = vec![0.0; at.len()];
            let value = loss.value(&at, &mut gradient, 1);
            for part in 0..at.len() {
                let mut moved = at.clone();
                let mut around = |by: f64| {
                    moved[part] = at[part] + by;
                    loss.value(&moved, &mut vec![0.0; at.len()], 1)
                };
                let slope = (around(1e-5) - around(-1e-5)) / 2e-5;
                assert!(
                    (slope - gradient[part]).abs() < 1e-5 * value,
                    "{outputs}: {slope} {}",
                    gradient[part]
                );
            }
            let mut by_three = vec![0.0; at.len()];
            assert_eq!(loss.value(&at, &mut by_three, 3).to_bits(), value.to_bits());
            assert_eq!(by_three, gradient);
        }
    }

    #[test]
    fn scores_far_from_0_have_a_finite_loss() {
        for (score, class, loss) in
            [(900.0, 1, 0.0), (900.0, 0, 900.0), (-900.0, 1, 900.0), (0.0, 0, 2f64.ln())]
        {
            let mut slope = score;
            assert!((odds(&mut slope, class) - loss).abs() < 1e-12);
            assert!(slope.abs() <= 1.0);
            let mut slopes = [0.0, score];
            assert!((softmax(&mut slopes, class as usize) - loss).abs() < 1e-12);
        }
    }
}
