//! Gaussian naive Bayes. (linfa's panics where a class has a single value in a column.)

use linfa::traits::Fit;
use ndarray::Array2;

use super::{
    DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, class_sums, classes, weights,
};
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::{FittedModel, Link, ModelForm};

pub struct NaiveBayes;

impl Family for NaiveBayes {
    fn name(&self) -> &'static str {
        "naive_bayes"
    }

    fn description(&self) -> &'static str {
        "Gaussian naive Bayes: independent features; instant"
    }

    fn supports(&self, task: Task) -> bool {
        task == Task::Classification
    }

    fn search_space(&self, _: DataShape) -> Vec<Dimension> {
        vec![Dimension::real("var_smoothing", 1e-9, 1.0, 1e-3).log()]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, _: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(Gaussian { smoothing: params.positive("var_smoothing", 1e-9)? }))
    }
}

/// The share of a feature's variance, which is 1 when scaled, that is added to its variance in each class.
struct Gaussian {
    smoothing: f64,
}

impl Fit<Features, TargetValues, FitError> for Gaussian {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let (of, count) = classes(&data.targets)?;
        let scaled = data.records.scaled();
        let width = scaled.ncols();
        let weights = weights(data);
        let met = class_sums(of, count, weights.as_deref());
        let all: f64 = met.iter().sum();
        let weight = |row: usize| weights.as_ref().map_or(1.0, |weights| weights[row]);
        let mut means = Array2::<f64>::zeros((count, width));
        let mut variances = Array2::<f64>::zeros((count, width));
        for (at, (row, class)) in scaled.outer_iter().zip(of).enumerate() {
            means.row_mut(*class as usize).scaled_add(weight(at), &row);
        }
        for (class, met) in met.iter().enumerate() {
            means.row_mut(class).mapv_inplace(|sum| if *met > 0.0 { sum / met } else { 0.0 });
        }
        for (place, (row, class)) in scaled.outer_iter().zip(of).enumerate() {
            let class = *class as usize;
            for at in 0..width {
                variances[[class, at]] += weight(place) * (row[at] - means[[class, at]]).powi(2) / met[class];
            }
        }
        // The logarithm of a normal density is a parabola: a weight for the feature and one for its square.
        let mut weights = Array2::zeros((width, count));
        let mut squares = Array2::zeros((width, count));
        let mut intercepts = Vec::with_capacity(count);
        for class in 0..count {
            // A class that the training rows do not have is as good as impossible.
            let mut intercept = if met[class] > 0.0 { (met[class] / all).ln() } else { -1e6 };
            for at in 0..width {
                let (mean, variance) = (means[[class, at]], variances[[class, at]] + self.smoothing);
                squares[[at, class]] = -0.5 / variance;
                weights[[at, class]] = mean / variance;
                intercept -= 0.5 * (mean * mean / variance + (2.0 * std::f64::consts::PI * variance).ln());
            }
            intercepts.push(intercept);
        }
        let form = ModelForm::Linear { weights, squares: Some(squares), intercepts };
        Ok(FittedModel { form, link: Link::Softmax, importance: None })
    }
}
