//! Partial least squares regression of one target, without taking off the features what was found (Dayal and MacGregor 1997).
//! (linfa's takes three times as long, and several copies of the features.)

use linfa::traits::Fit;
use ndarray::Array1;

use super::ridge::linear;
use super::{DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, numbers, wrong};
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::FittedModel;

pub struct Pls;

/// Of what the features say of the target at first, and of how far rows lie apart, what is rounding and no component.
const EXHAUSTED: f64 = 1e-10;

impl Family for Pls {
    fn name(&self) -> &'static str {
        "pls"
    }

    fn description(&self) -> &'static str {
        "partial least squares: linear regression on a few components"
    }

    fn supports(&self, task: Task) -> bool {
        task == Task::Regression
    }

    fn takes_weights(&self) -> bool {
        false
    }

    fn search_space(&self, shape: DataShape) -> Vec<Dimension> {
        let most = shape.features.min(shape.rows / 2).clamp(1, 16) as i64;
        vec![Dimension::int("n_components", 1, most, 2)]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, _: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(Components { count: params.count("n_components", 2)? }))
    }
}

struct Components {
    count: usize,
}

impl Fit<Features, TargetValues, FitError> for Components {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let values = Array1::from(numbers(&data.targets)?.to_vec());
        let scaled = data.records.scaled();
        let most = scaled.ncols().min(scaled.nrows());
        if self.count > most {
            return Err(wrong(format!("n_components is {}; at most {most} are possible", self.count)));
        }
        let mean = values.mean().unwrap_or(0.0);
        let mut covariance = scaled.t().dot(&(values - mean));
        let least = covariance.dot(&covariance).sqrt() * EXHAUSTED;
        let mut weights = Array1::zeros(scaled.ncols());
        // Of each component the direction in terms of the features as they are, and the loadings.
        let mut found: Vec<(Array1<f64>, Array1<f64>)> = Vec::new();
        for _ in 0..self.count {
            let length = covariance.dot(&covariance).sqrt();
            if length <= least {
                break;
            }
            let towards = &covariance / length;
            let mut direction = towards.clone();
            for (known, loadings) in &found {
                direction.scaled_add(-loadings.dot(&towards), known);
            }
            let scores = scaled.dot(&direction);
            let spread = scores.dot(&scores);
            let is_some = spread > EXHAUSTED * direction.dot(&direction) * scaled.nrows() as f64;
            // As where columns follow from others: what is left of them all is nothing.
            if !is_some {
                break;
            }
            let loadings = scaled.t().dot(&scores) / spread;
            let share = direction.dot(&covariance) / spread;
            covariance.scaled_add(-share * spread, &loadings);
            weights.scaled_add(share, &direction);
            found.push((direction, loadings));
        }
        Ok(linear(weights, mean))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use fastrand::Rng;

    use super::*;
    use crate::learn::features::Matrix;

    /// The levels of a text sum up to 1: one of their columns follows from the others.
    #[test]
    fn more_components_than_there_is_to_find_are_left_out() {
        for (rows, levels) in [(3_000_usize, 3), (20_000, 6)] {
            let mut rng = Rng::with_seed(4);
            let of: Vec<usize> = (0..rows).map(|_| rng.usize(..levels)).collect();
            let column =
                |level| of.iter().map(|own| if *own == level { 1.0 } else { 0.0 }).collect::<Vec<f32>>();
            let columns: Vec<Vec<f32>> = (0..levels).map(column).collect();
            let share = |column: &Vec<f32>| f64::from(column.iter().sum::<f32>()) / rows as f64;
            let means: Vec<f64> = columns.iter().map(share).collect();
            let deviations = means.iter().map(|mean| (mean * (1.0 - mean)).sqrt()).collect();
            let features = Features::new(Matrix::new(columns), means, deviations);
            let target = TargetValues::Numbers((0..rows).map(|_| rng.f64()).collect());
            let fitted = Components { count: levels }.fit(&Samples::new(features, target)).unwrap();
            let crate::learn::model::ModelForm::Linear { weights, .. } = fitted.form else { panic!() };
            assert!(weights.iter().all(|weight| weight.abs() < 1.0), "{weights}");
        }
    }
}
