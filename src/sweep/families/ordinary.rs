//! Ordinary least squares: linfa's, on features that do not depend on each other.

use linfa::traits::Fit;
use linfa_linear::LinearRegression;
use ndarray::{Array1, Array2, Axis};

use super::ridge::linear;
use super::{Dataset, Dimension, Estimator, Family, FitError, Reader, Shape, numbers, wrong};
use crate::sweep::data::{TargetValues, Task};
use crate::sweep::model::Model;
use crate::sweep::prepare::Features;

pub struct Linear;

impl Family for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn about(&self) -> &'static str {
        "linear regression without a penalty; features that follow from others are left out"
    }

    fn takes(&self, task: Task) -> bool {
        task == Task::Regression
    }

    fn space(&self, _: Shape) -> Vec<Dimension> {
        Vec::new()
    }

    fn estimator(&self, _: Task, _: Reader<'_>, _: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(LeastSquares))
    }
}

struct LeastSquares;

impl Fit<Features, TargetValues, FitError> for LeastSquares {
    type Object = Model;

    fn fit(&self, data: &Dataset) -> Result<Model, FitError> {
        let values = Array1::from(numbers(&data.targets)?.to_vec());
        let scaled = data.records.scaled();
        let kept = independent(scaled);
        if kept.len() >= values.len() {
            return Err(wrong(format!(
                "{} training rows are too few for {} features: take ridge or lasso",
                values.len(),
                kept.len()
            )));
        }
        let set = linfa::DatasetBase::new(scaled.select(Axis(1), &kept), values);
        let fitted = LinearRegression::new().fit(&set).map_err(|error| wrong(error.to_string()))?;
        let mut weights = Array1::zeros(scaled.ncols());
        for (at, weight) in kept.iter().zip(fitted.params()) {
            weights[*at] = *weight;
        }
        Ok(linear(weights, fitted.intercept()))
    }
}

/// The features that are not sums of those before them: linfa's solver has no answer to the others. By the pivots of
/// the correlations' decomposition.
fn independent(scaled: &Array2<f64>) -> Vec<usize> {
    let count = scaled.ncols();
    let mut rest = scaled.t().dot(scaled) / scaled.nrows() as f64;
    let mut kept = Vec::new();
    for at in 0..count {
        let pivot = rest[[at, at]];
        if pivot < 1e-9 {
            continue;
        }
        kept.push(at);
        let column = rest.column(at).to_owned();
        for other in at + 1..count {
            let factor = column[other] / pivot;
            rest.column_mut(other).scaled_add(-factor, &column);
        }
    }
    kept
}
