//! The nearest neighbours by scaled features, found by looking at all rows.

use linfa::traits::Fit;
use ndarray::Array2;

use super::{Dataset, Dimension, Estimator, Family, FitError, Reader, Shape};
use crate::learn::data::{TargetValues, Task};
use crate::learn::model::{Form, Link, Model};
use crate::learn::prepare::Features;

pub struct NearestNeighbours;

impl Family for NearestNeighbours {
    fn name(&self) -> &'static str {
        "k_neighbors"
    }

    fn about(&self) -> &'static str {
        "the mean of the nearest rows; its model holds all training rows, and predicts slowly above some 20,000"
    }

    fn takes(&self, _: Task) -> bool {
        true
    }

    fn is_usual(&self, shape: Shape) -> bool {
        shape.rows <= 20_000
    }

    fn space(&self, shape: Shape) -> Vec<Dimension> {
        let most = (shape.rows as i64 / 4).clamp(2, 64);
        vec![
            Dimension::int("n_neighbors", 1, most, 10).log(),
            Dimension::choice("weights", &["uniform", "distance"]),
        ]
    }

    fn estimator(&self, _: Task, params: Reader<'_>, _: u64) -> Result<Estimator, FitError> {
        let by_distance = params.choice("weights", &["uniform", "distance"])? == "distance";
        Ok(Box::new(Remember { count: params.count("n_neighbors", 5)?, by_distance }))
    }
}

struct Remember {
    count: usize,
    by_distance: bool,
}

impl Fit<Features, TargetValues, FitError> for Remember {
    type Object = Model;

    fn fit(&self, data: &Dataset) -> Result<Model, FitError> {
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
        let form = Form::Neighbours { rows, values, count, by_distance: self.by_distance };
        Ok(Model { form, link, importance: None })
    }
}
