//! Support vector machines, for classes (one against one) and for numbers.

use fastrand::Rng;
use linfa::traits::Fit;
use ndarray::{Array2, Axis};

use super::calibration::Pair;
use super::smo::{Problem, Solution};
use super::{
    DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, classes, mean, numbers, seed_of,
    weights, wrong,
};
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::{FittedModel, Link, ModelForm};
use crate::learn::pairs::{Sigmoid, pairs};

pub struct Svm;
pub struct Svr;

/// Rows up to which a fit takes seconds.
const USUAL: usize = 5_000;

fn dimensions(shape: DataShape) -> Vec<Dimension> {
    let usual = 1.0 / shape.features.max(1) as f64;
    vec![
        Dimension::choice("kernel", &["rbf", "linear"]),
        Dimension::real("C", 0.01, 100.0, 1.0).log().only_if("kernel", "rbf"),
        // Without a kernel the steps to the last errors are many, and gain little.
        Dimension::real("C", 0.001, 1.0, 0.1).log().only_if("kernel", "linear"),
        Dimension::real("gamma", usual / 30.0, usual * 30.0, usual).log().only_if("kernel", "rbf"),
    ]
}

fn settings(params: HyperParams<'_>) -> Result<(bool, f64, Option<f64>), FitError> {
    let is_linear = params.choice("kernel", &["rbf", "linear"])? == "linear";
    let gamma = if params.0.contains_key("gamma") { Some(params.positive("gamma", 1.0)?) } else { None };
    Ok((is_linear, params.positive("C", 1.0)?, gamma))
}

impl Family for Svm {
    fn name(&self) -> &'static str {
        "svm"
    }

    fn description(&self) -> &'static str {
        "support vector machine (one-vs-one); slow above 5,000 rows"
    }

    fn supports(&self, task: Task) -> bool {
        task == Task::Classification
    }

    fn is_suggested(&self, shape: DataShape) -> bool {
        shape.rows <= USUAL
    }

    fn search_space(&self, shape: DataShape) -> Vec<Dimension> {
        dimensions(shape)
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, seed: u64) -> Result<Estimator, FitError> {
        let (is_linear, c, gamma) = settings(params)?;
        Ok(Box::new(Machine { is_linear, c, gamma, tube: None, seed }))
    }
}

impl Family for Svr {
    fn name(&self) -> &'static str {
        "svr"
    }

    fn description(&self) -> &'static str {
        "support vector regression; slow above 5,000 rows"
    }

    fn supports(&self, task: Task) -> bool {
        task == Task::Regression
    }

    fn is_suggested(&self, shape: DataShape) -> bool {
        shape.rows <= USUAL
    }

    fn search_space(&self, shape: DataShape) -> Vec<Dimension> {
        let mut space = dimensions(shape);
        space.push(Dimension::real("epsilon", 0.01, 0.5, 0.1).log());
        space
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, seed: u64) -> Result<Estimator, FitError> {
        let (is_linear, c, gamma) = settings(params)?;
        Ok(Box::new(Machine { is_linear, c, gamma, tube: Some(params.positive("epsilon", 0.1)?), seed }))
    }
}

/// A machine before it is fitted. `tube` is what an error of regression may be for nothing, in deviations of the target.
struct Machine {
    is_linear: bool,
    c: f64,
    gamma: Option<f64>,
    tube: Option<f64>,
    /// Of the rows that are held out of a calibration.
    seed: u64,
}

impl Fit<Features, TargetValues, FitError> for Machine {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let scaled = data.records.scaled();
        let gamma = self.gamma.unwrap_or(1.0 / scaled.ncols() as f64);
        let kernel = if self.is_linear { None } else { Some(gamma) };
        let row_weights = weights(data);
        if let Some(tube) = self.tube {
            let values = numbers(&data.targets)?;
            let row_weights = row_weights.as_deref();
            let middle = mean(values, row_weights);
            let squares: Vec<f64> = values.iter().map(|value| (value - middle).powi(2)).collect();
            let deviation = mean(&squares, row_weights).sqrt().max(f64::MIN_POSITIVE);
            let of: Vec<f64> = values.iter().map(|value| (value - middle) / deviation).collect();
            let problem = Problem::regression(scaled.view(), kernel, &of, self.c, tube);
            let solution = solved(&problem.weighted(row_weights))?;
            let weights: Array2<f64> =
                Array2::from_shape_fn((scaled.nrows(), 1), |(row, _)| solution.weights[row] * deviation);
            let intercepts = vec![solution.intercept * deviation + middle];
            return Ok(self.model(scaled, &weights, gamma, intercepts, Link::Number));
        }
        let (of, count) = classes(&data.targets)?;
        let mut weights = Array2::zeros((scaled.nrows(), pairs(count).count()));
        let (mut intercepts, mut sigmoids) = (Vec::new(), Vec::new());
        for (pair, (first, second)) in pairs(count).enumerate() {
            let is_in = |row: &usize| of[*row] as usize == first || of[*row] as usize == second;
            let rows: Vec<usize> = (0..of.len()).filter(is_in).collect();
            let signs: Vec<f64> =
                rows.iter().map(|row| if of[*row] as usize == first { 1.0 } else { -1.0 }).collect();
            let firsts = signs.iter().filter(|sign| **sign > 0.0).count();
            // With rows of one class only, or of none, that class or the first wins.
            if firsts == 0 || firsts == signs.len() {
                intercepts.push(signs.first().copied().unwrap_or(1.0));
                sigmoids.push(Sigmoid::by_counts(firsts as f64, (signs.len() - firsts) as f64));
                continue;
            }
            let part = scaled.select(Axis(0), &rows);
            let in_pair = |of: &Vec<f64>| rows.iter().map(|row| of[*row]).collect::<Vec<f64>>();
            let row_weights = row_weights.as_ref().map(in_pair);
            let row_weights = row_weights.as_deref();
            let problem = Problem::classification(part.view(), kernel, &signs, self.c);
            let solution = solved(&problem.weighted(row_weights))?;
            for (row, weight) in rows.iter().zip(&solution.weights) {
                weights[[*row, pair]] = *weight;
            }
            intercepts.push(solution.intercept);
            let mut rng = Rng::with_seed(seed_of(self.seed, pair as u64));
            let pair = Pair { rows: &part, signs: &signs, gamma: kernel, c: self.c, weights: row_weights };
            sigmoids.push(pair.calibrate(&mut rng));
        }
        Ok(self.model(scaled, &weights, gamma, intercepts, Link::Votes { classes: count, sigmoids }))
    }
}

pub(super) fn solved(problem: &Problem<'_>) -> Result<Solution, FitError> {
    problem.solve().ok_or_else(|| wrong("the solver did not converge; lower C"))
}

impl Machine {
    /// Keeps the rows that have a weight; a linear kernel comes to weights of features.
    fn model(
        &self,
        scaled: &Array2<f64>,
        weights: &Array2<f64>,
        gamma: f64,
        intercepts: Vec<f64>,
        link: Link,
    ) -> FittedModel {
        if self.is_linear {
            let form = ModelForm::Linear { weights: scaled.t().dot(weights), squares: None, intercepts };
            let importance = super::ridge::magnitudes(&form);
            return FittedModel { form, link, importance };
        }
        let counts = |row: &usize| weights.row(*row).iter().any(|weight| *weight != 0.0);
        let kept: Vec<usize> = (0..scaled.nrows()).filter(counts).collect();
        let form = ModelForm::Kernels {
            rows: scaled.select(Axis(0), &kept),
            weights: weights.select(Axis(0), &kept),
            gamma,
            intercepts,
        };
        FittedModel { form, link, importance: None }
    }
}
