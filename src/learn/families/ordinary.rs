//! Ordinary least squares: linfa's, where one answer is the best; else the least of the best ones, by the eigenvalues of
//! the features' products.

use linfa::traits::Fit;
use linfa_linalg::eigh::EighInto;
use linfa_linear::LinearRegression;
use ndarray::{Array1, ArrayView2};

use super::centred::Centred;
use super::ridge::{linear, products};
use super::{DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, bytes, numbers, wrong};
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::FittedModel;

pub struct Linear;

impl Family for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn description(&self) -> &'static str {
        "linear regression without a penalty; the minimum-norm solution"
    }

    fn supports(&self, task: Task) -> bool {
        task == Task::Regression
    }

    fn memory(&self, rows: usize, features: usize) -> u64 {
        // The rows as they are and decomposed; the products, their vectors, and what is worked on.
        let rows_twice = bytes(rows, features).saturating_mul(2);
        rows_twice.saturating_add(products(rows, features).saturating_mul(3))
    }

    fn search_space(&self, _: DataShape) -> Vec<Dimension> {
        Vec::new()
    }

    fn estimator(&self, _: Task, _: HyperParams<'_>, _: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(LeastSquares))
    }
}

struct LeastSquares;

impl Fit<Features, TargetValues, FitError> for LeastSquares {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let centred = Centred::new(data)?;
        let rows = centred.rows.view();
        if rows.nrows() <= rows.ncols() || !are_independent(rows, centred.all) {
            let weights = least(rows, &centred.values)?;
            let intercept = centred.intercept(&weights);
            return Ok(linear(weights, intercept));
        }
        if centred.is_weighted() {
            let set = linfa::DatasetBase::new(rows, centred.values.view());
            let fitted = LinearRegression::new().with_intercept(false).fit(&set);
            let weights = fitted.map_err(|error| wrong(error.to_string()))?.params().clone();
            let intercept = centred.intercept(&weights);
            return Ok(linear(weights, intercept));
        }
        let values = Array1::from(numbers(&data.targets)?.to_vec());
        let set = linfa::DatasetBase::new(rows, values);
        let fitted = LinearRegression::new().fit(&set).map_err(|error| wrong(error.to_string()))?;
        Ok(linear(fitted.params().clone(), fitted.intercept()))
    }
}

/// Whether no feature is a sum of those before it: linfa's solver has no answer to such. By the pivots of the
/// correlations' decomposition.
fn are_independent(scaled: ArrayView2<'_, f64>, all: f64) -> bool {
    let count = scaled.ncols();
    let mut rest = scaled.t().dot(&scaled) / all;
    for at in 0..count {
        let pivot = rest[[at, at]];
        if pivot < 1e-9 {
            return false;
        }
        let column = rest.column(at).to_owned();
        for other in at + 1..count {
            let factor = column[other] / pivot;
            rest.column_mut(other).scaled_add(-factor, &column);
        }
    }
    true
}

/// Of the weights that leave the least squares those of least norm, as NumPy's `lstsq` has them. What goes in is in single
/// precision: a direction in which features differ a million times less than in another is only its rounding.
fn least(scaled: ArrayView2<'_, f64>, values: &Array1<f64>) -> Result<Array1<f64>, FitError> {
    const ROUNDING: f64 = 1e-6;
    // Eigenvalues are squares of singular values. The smaller of the two tables of products has all of them.
    let is_wide = scaled.ncols() > scaled.nrows();
    let products = if is_wide { scaled.dot(&scaled.t()) } else { scaled.t().dot(&scaled) };
    let right = if is_wide { values.clone() } else { scaled.t().dot(values) };
    let (of, vectors) = products.eigh_into().map_err(|error| wrong(error.to_string()))?;
    let least = of.iter().copied().fold(0.0, f64::max) * ROUNDING * ROUNDING;
    let mut along = vectors.t().dot(&right);
    for (along, value) in along.iter_mut().zip(of) {
        *along = if value > least { *along / value } else { 0.0 };
    }
    let solved = vectors.dot(&along);
    Ok(if is_wide { scaled.t().dot(&solved) } else { solved })
}
