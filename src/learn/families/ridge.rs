//! Ridge regression, by the normal equations. (linfa's, by coordinate descent, takes a thousand times as long.)

use linfa::traits::Fit;
use linfa_linalg::cholesky::SolveCInplace;
use ndarray::{Array1, Axis};

use super::centred::Centred;
use super::{DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, bytes, shares, wrong};
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::{FittedModel, Link, ModelForm};

pub struct Ridge;

impl Family for Ridge {
    fn name(&self) -> &'static str {
        "ridge"
    }

    fn description(&self) -> &'static str {
        "linear regression with small weights (L2)"
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
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let centred = Centred::new(data)?;
        let (rows, values) = (centred.rows.view(), &centred.values);
        // Of the two tables of products the smaller one tells the same: features can be many thousands.
        let is_wide = rows.ncols() > rows.nrows();
        let mut products = if is_wide { rows.dot(&rows.t()) } else { rows.t().dot(&rows) };
        products.diag_mut().iter_mut().for_each(|value| *value += self.alpha);
        let right = if is_wide { values.clone() } else { rows.t().dot(values) };
        let solved = products
            .solvec_into(right.insert_axis(Axis(1)))
            .map_err(|_| wrong(format!("alpha {} is too small for these columns", self.alpha)))?
            .remove_axis(Axis(1));
        let weights = if is_wide { rows.t().dot(&solved) } else { solved };
        let intercept = centred.intercept(&weights);
        Ok(linear(weights, intercept))
    }
}

/// A linear model of a number.
pub(super) fn linear(weights: Array1<f64>, intercept: f64) -> FittedModel {
    let form = ModelForm::Linear {
        weights: weights.insert_axis(Axis(1)),
        squares: None,
        intercepts: vec![intercept],
    };
    let importance = magnitudes(&form);
    FittedModel { form, link: Link::Number, importance }
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
