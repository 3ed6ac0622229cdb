//! The nearest neighbours by scaled features, found by looking at all rows.

use linfa::traits::Fit;
use ndarray::Array2;

use super::{DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples};
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::{FittedModel, Link, ModelForm};

pub struct NearestNeighbours;

impl Family for NearestNeighbours {
    fn name(&self) -> &'static str {
        "k_neighbors"
    }

    fn description(&self) -> &'static str {
        "k nearest neighbours; the model holds all training rows and predicts slowly above 20,000"
    }

    fn supports(&self, _: Task) -> bool {
        true
    }

    fn is_suggested(&self, shape: DataShape) -> bool {
        shape.rows <= 50_000
    }

    fn takes_weights(&self) -> bool {
        false
    }

    fn search_space(&self, shape: DataShape) -> Vec<Dimension> {
        let most = (shape.rows as i64 / 4).clamp(2, 64);
        vec![
            Dimension::int("n_neighbors", 1, most, 10).log(),
            Dimension::choice("weights", &["uniform", "distance"]),
        ]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, _: u64) -> Result<Estimator, FitError> {
        let by_distance = params.choice("weights", &["uniform", "distance"])? == "distance";
        Ok(Box::new(Remember { count: params.count("n_neighbors", 5)?, by_distance }))
    }
}

struct Remember {
    count: usize,
    by_distance: bool,
}

impl Fit<Features, TargetValues, FitError> for Remember {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let rows = data.records.scaled().mapv(|value| value as f32);
        let (values, link) = match &data.targets {
            TargetValues::Numbers(values) => {
                (Array2::from_shape_fn((values.len(), 1), |(row, _)| values[row]), Link::Number)
            }
            TargetValues::Classes { classes, count } => {
                let is_class =
                    |(row, class): (usize, usize)| f64::from(u8::from(classes[row] as usize == class));
                (Array2::from_shape_fn((classes.len(), *count), is_class), Link::Share)
            }
        };
        let count = self.count.min(rows.nrows());
        let form = ModelForm::Neighbours { rows, values, count, by_distance: self.by_distance };
        Ok(FittedModel { form, link, importance: None })
    }
}
