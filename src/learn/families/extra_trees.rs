//! Trees that are split where chance says: of each feature that is tried one threshold is drawn (Geurts 2006).

use super::forest::{Forest, share_of_features};
use super::tree::growth;
use super::{DataShape, Dimension, Estimator, Family, FitError, HyperParams};
use crate::learn::data::Task;
use crate::learn::trees::TreeOptions;

/// Above so many rows a fit takes long: its trees are deep, and each has all rows.
const MANY_ROWS: usize = 200_000;

pub struct ExtraTrees;

impl Family for ExtraTrees {
    fn name(&self) -> &'static str {
        "extra_trees"
    }

    fn description(&self) -> &'static str {
        "many averaged trees with thresholds drawn at random, each on all rows; smoother than a random forest"
    }

    fn supports(&self, _: Task) -> bool {
        true
    }

    fn is_suggested(&self, shape: DataShape) -> bool {
        shape.rows <= MANY_ROWS
    }

    fn extra_params(&self) -> &'static [&'static str] {
        &["criterion", "min_samples_split"]
    }

    fn search_space(&self, shape: DataShape) -> Vec<Dimension> {
        // As scikit-learn has it: all features for numbers, about the root of their number for classes.
        let usual = match shape.task {
            Task::Regression => 1.0,
            Task::Classification => (1.0 / (shape.features.max(1) as f64).sqrt()).clamp(0.1, 1.0),
        };
        vec![
            Dimension::int("n_estimators", 30, 200, 100).log(),
            Dimension::int("max_depth", 4, 32, 24),
            Dimension::int("min_samples_leaf", 1, 16, 1).log(),
            Dimension::real("max_features", 0.1, 1.0, usual),
        ]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, seed: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(Forest {
            growth: TreeOptions { draws_thresholds: true, ..growth(params)? },
            trees: params.estimators(100)?,
            share: share_of_features(params)?,
            draws_rows: false,
            seed,
        }))
    }
}
