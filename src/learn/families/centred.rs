//! What least squares are fitted to: features and target around their means. Where rows count by weights, the means do too, and
//! each row is multiplied by the root of its weight, so that its square counts by it.

use ndarray::{Array1, Axis, CowArray, Ix2};

use super::{FitError, Samples, numbers, weights};

pub(super) struct Centred<'a> {
    /// The scaled features: without weights their means are 0.
    pub rows: CowArray<'a, f64, Ix2>,
    pub values: Array1<f64>,
    /// How much all rows count together.
    pub all: f64,
    /// The standard deviation of the target.
    pub deviation: f64,
    mean: f64,
    /// Of the features, where rows count by weights.
    means: Option<Array1<f64>>,
}

impl<'a> Centred<'a> {
    pub fn new(data: &'a Samples) -> Result<Self, FitError> {
        let values = Array1::from(numbers(&data.targets)?.to_vec());
        let scaled = data.records.scaled();
        let Some(weights) = weights(data) else {
            let (mean, deviation) = (values.mean().unwrap_or(0.0), values.std(0.0));
            let (rows, all) = (scaled.view().into(), scaled.nrows() as f64);
            return Ok(Self { rows, values: values - mean, all, deviation, mean, means: None });
        };
        let weights = Array1::from(weights);
        let all = weights.sum();
        let (mean, means) = (weights.dot(&values) / all, weights.dot(scaled) / all);
        let roots = weights.sqrt();
        let values = (values - mean) * &roots;
        let rows = (scaled - &means) * roots.insert_axis(Axis(1));
        let deviation = (values.dot(&values) / all).sqrt();
        Ok(Self { rows: rows.into(), values, all, deviation, mean, means: Some(means) })
    }

    pub fn is_weighted(&self) -> bool {
        self.means.is_some()
    }

    /// What is added where the features weigh so much.
    pub fn intercept(&self, weights: &Array1<f64>) -> f64 {
        self.mean - self.means.as_ref().map_or(0.0, |means| means.dot(weights))
    }
}
