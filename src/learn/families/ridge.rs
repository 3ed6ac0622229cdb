//! Ridge regression, by the normal equations. (linfa's, by coordinate descent, takes a thousand times as long.)

use linfa::traits::Fit;
use ndarray::{Array1, Array2};

use super::{
    DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, bytes, numbers, shares, wrong,
};
use crate::learn::data::{TargetValues, Task};
use crate::learn::model::{Link, Model, ModelForm};
use crate::learn::prepare::Features;

pub struct Ridge;

impl Family for Ridge {
    fn name(&self) -> &'static str {
        "ridge"
    }

    fn description(&self) -> &'static str {
        "linear regression that keeps weights small"
    }

    fn supports(&self, task: Task) -> bool {
        task == Task::Regression
    }

    fn memory(&self, rows: usize, features: usize) -> u64 {
        bytes(rows, features).saturating_add(products(rows, features))
    }

    fn search_space(&self, _: DataShape) -> Vec<Dimension> {
        vec![Dimension::real("alpha", 1e-3, 1e4, 1.0).log()]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, _: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(NormalEquations { alpha: params.positive("alpha", 1.0)? }))
    }
}

struct NormalEquations {
    alpha: f64,
}

impl Fit<Features, TargetValues, FitError> for NormalEquations {
    type Object = Model;

    fn fit(&self, data: &Samples) -> Result<Model, FitError> {
        let values = Array1::from(numbers(&data.targets)?.to_vec());
        let scaled = data.records.scaled();
        let mean = values.mean().unwrap_or(0.0);
        // Of the two tables of products the smaller one tells the same: features can be many thousands.
        let is_wide = scaled.ncols() > scaled.nrows();
        let mut products = if is_wide { scaled.dot(&scaled.t()) } else { scaled.t().dot(scaled) };
        products.diag_mut().iter_mut().for_each(|value| *value += self.alpha);
        let values = values - mean;
        let right = if is_wide { values } else { scaled.t().dot(&values) };
        let solved = solve(products, right)
            .ok_or_else(|| wrong(format!("alpha {} is too small for such columns", self.alpha)))?;
        Ok(linear(if is_wide { scaled.t().dot(&solved) } else { solved }, mean))
    }
}

/// A linear model of a number.
pub(super) fn linear(weights: Array1<f64>, intercept: f64) -> Model {
    let form = ModelForm::Linear {
        weights: weights.insert_axis(ndarray::Axis(1)),
        squares: None,
        intercepts: vec![intercept],
    };
    let importance = magnitudes(&form);
    Model { form, link: Link::Number, importance }
}

/// Bytes of the smaller of the two tables of products.
pub(super) fn products(rows: usize, features: usize) -> u64 {
    bytes(rows.min(features), rows.min(features))
}

/// How much each feature weighs, as features have one scale.
pub(super) fn magnitudes(form: &ModelForm) -> Option<Vec<f64>> {
    let ModelForm::Linear { weights, .. } = form else { return None };
    let sums: Vec<f64> =
        weights.outer_iter().map(|row| row.iter().map(|weight| weight.abs()).sum()).collect();
    Some(shares(&sums))
}

/// Solves a symmetric, positive definite system by Cholesky's decomposition; none where it is not.
fn solve(mut matrix: Array2<f64>, mut right: Array1<f64>) -> Option<Array1<f64>> {
    let count = right.len();
    for at in 0..count {
        for before in 0..at {
            let factor = matrix[[at, before]];
            matrix[[at, at]] -= factor * factor;
        }
        if matrix[[at, at]] <= 0.0 {
            return None;
        }
        let root = matrix[[at, at]].sqrt();
        matrix[[at, at]] = root;
        for below in at + 1..count {
            let mut value = matrix[[below, at]];
            for before in 0..at {
                value -= matrix[[below, before]] * matrix[[at, before]];
            }
            matrix[[below, at]] = value / root;
        }
    }
    for at in 0..count {
        for before in 0..at {
            right[at] -= matrix[[at, before]] * right[before];
        }
        right[at] /= matrix[[at, at]];
    }
    for at in (0..count).rev() {
        for after in at + 1..count {
            right[at] -= matrix[[after, at]] * right[after];
        }
        right[at] /= matrix[[at, at]];
    }
    Some(right)
}
