//! Partial least squares regression: linfa's.

use linfa::traits::{Fit, Predict};
use linfa_pls::PlsRegression;
use ndarray::{Array1, Array2, Axis};

use super::ridge::linear;
use super::{DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, bytes, numbers, wrong};
use crate::learn::data::{TargetValues, Task};
use crate::learn::model::FittedModel;
use crate::learn::prepare::Features;

pub struct Pls;

/// Units that are asked for at a time.
const PROBES: usize = 64;

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

    fn memory(&self, rows: usize, features: usize) -> u64 {
        // As they are, less what was found, on their scale, and the units.
        bytes(rows, features).saturating_mul(3).saturating_add(bytes(PROBES, features).saturating_mul(3))
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
        let values = Array1::from(numbers(&data.targets)?.to_vec()).insert_axis(Axis(1));
        let scaled = data.records.scaled();
        let width = scaled.ncols();
        let most = width.min(scaled.nrows());
        if self.count > most {
            return Err(wrong(format!("n_components is {}; at most {most} are possible", self.count)));
        }
        let set = linfa::DatasetBase::new(scaled.clone(), values);
        let fitted = PlsRegression::params(self.count)
            .max_iterations(1_000)
            .fit(&set)
            .map_err(|error| wrong(error.to_string()))?;
        // What a linear map does to nothing and to each unit is the whole of it; to some units at a time, as all of them
        // take a square of the width.
        let answers = |units: std::ops::Range<usize>| {
            let mut probes = Array2::zeros((units.len().max(1), width));
            for (row, at) in units.enumerate() {
                probes[[row, at]] = 1.0;
            }
            let answers: Array2<f64> = fitted.predict(&probes);
            answers.column(0).to_vec()
        };
        let intercept = answers(0..0)[0];
        let starts = (0..width).step_by(PROBES);
        let weights = starts.flat_map(|start| answers(start..(start + PROBES).min(width)));
        Ok(linear(weights.map(|answer| answer - intercept).collect(), intercept))
    }
}
