//! Gradient boosting on histograms, for larger tables: as scikit-learn's `HistGradientBoosting` and LightGBM do it, whose
//! defaults it has.

use linfa::traits::Fit;

use super::{
    DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, class_sums, classes, log_shares,
    mean, shares, weights, wrong,
};
use crate::learn::cores;
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::histogram::{Aim, BoostOptions, Growth, Stopping, Weighted, boost, worthwhile};
use crate::learn::model::{FittedModel, Link, ModelForm};

/// Above so many rows the exact trees of `gradient_boosting` take much longer, and are hardly better.
pub(super) const MANY_ROWS: usize = 10_000;
/// Each leaf that is open holds a histogram of all features.
const MOST_LEAVES: usize = 4_096;

pub struct HistGradientBoosting;

impl Family for HistGradientBoosting {
    fn name(&self) -> &'static str {
        "hist_gradient_boosting"
    }

    fn description(&self) -> &'static str {
        "gradient boosting with values in 255 bins, leaf by leaf, and gaps as gaps; fast on large data"
    }

    fn supports(&self, _: Task) -> bool {
        true
    }

    fn is_suggested(&self, shape: DataShape) -> bool {
        shape.rows > MANY_ROWS
    }

    fn memory(&self, rows: usize, features: usize) -> u64 {
        // Bins (twice), rows by leaves, gradients and scores; histograms of as many leaves as a search tries.
        let of_rows = (rows as u64).saturating_mul(2 * features as u64 + 64);
        of_rows.saturating_add((features as u64).saturating_mul(255 * 256 * 16))
    }

    fn extra_params(&self) -> &'static [&'static str] {
        &["max_depth", "n_iter_no_change", "validation_fraction"]
    }

    fn search_space(&self, shape: DataShape) -> Vec<Dimension> {
        let rows = shape.rows as i64;
        vec![
            Dimension::int("n_estimators", 50, 500, 100).log(),
            Dimension::real("learning_rate", 0.02, 0.3, 0.1).log(),
            Dimension::int("max_leaf_nodes", 4, (rows / 100).clamp(31, 255), 31).log(),
            Dimension::int("min_samples_leaf", 2, (rows / 100).clamp(40, 200), 20).log(),
            Dimension::real("l2_regularization", 1e-3, 10.0, 1e-3).log(),
            Dimension::real("subsample", 0.5, 1.0, 1.0),
            Dimension::real("max_features", 0.3, 1.0, 1.0),
        ]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, seed: u64) -> Result<Estimator, FitError> {
        let fraction = |name: &str, default: f64| {
            let value = params.positive(name, default)?;
            let is_one = value <= 1.0;
            is_one
                .then_some(value)
                .ok_or_else(|| wrong(format!("{name} is {value}; it must be a fraction, up to 1.0")))
        };
        let l2 = params.real("l2_regularization", 0.0)?;
        if !(l2 >= 0.0 && l2.is_finite()) {
            return Err(wrong(format!("l2_regularization is {l2}; it must be 0 or above")));
        }
        let max_leaves = params.count("max_leaf_nodes", 31)?;
        if !(2..=MOST_LEAVES).contains(&max_leaves) {
            return Err(wrong(format!("max_leaf_nodes is {max_leaves}; it must be from 2 to {MOST_LEAVES}")));
        }
        let share = fraction("validation_fraction", 0.1)?;
        if share >= 1.0 {
            return Err(wrong("validation_fraction is 1; it must be below 1.0"));
        }
        Ok(Box::new(HistBoosting {
            rounds: params.estimators(100)?,
            rate: params.positive("learning_rate", 0.1)?,
            growth: Growth {
                max_leaves,
                max_depth: params.limit("max_depth")?,
                min_samples_leaf: params.count("min_samples_leaf", 20)?,
                l2,
                max_features: None,
            },
            max_features: fraction("max_features", 1.0)?,
            subsample: fraction("subsample", 1.0)?,
            stopping: params.limit("n_iter_no_change")?.map(|patience| Stopping { patience, share }),
            seed,
        }))
    }
}

struct HistBoosting {
    rounds: usize,
    rate: f64,
    growth: Growth,
    /// Of the features, tried at a node.
    max_features: f64,
    subsample: f64,
    stopping: Option<Stopping>,
    seed: u64,
}

impl Fit<Features, TargetValues, FitError> for HistBoosting {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let weights = weights(data);
        let weights = weights.as_deref();
        let (aim, start, link) = match &data.targets {
            TargetValues::Numbers(values) => {
                (Aim::Numbers(values), vec![mean(values, weights)], Link::Number)
            }
            TargetValues::Classes { .. } => {
                let (of, count) = classes(&data.targets)?;
                let start = if count == 2 {
                    let met = class_sums(of, 2, weights);
                    vec![(met[1] / met[0]).ln()]
                } else {
                    log_shares(of, count, weights)
                };
                let link = if count == 2 { Link::Logistic } else { Link::Softmax };
                (Aim::Classes(of, count), start, link)
            }
        };
        let width = data.records.raw.width();
        let tried = (width as f64 * self.max_features).round().max(1.0) as usize;
        let growth = Growth { max_features: (tried < width).then_some(tried), ..self.growth };
        let options = BoostOptions {
            rounds: self.rounds,
            rate: self.rate,
            growth,
            subsample: self.subsample,
            stopping: self.stopping,
            seed: self.seed,
            threads: worthwhile(cores::threads(), data.records.raw.rows, width),
        };
        let boosted = boost(data.records.bins(), Weighted { aim, weights }, &start, &options);
        let form = ModelForm::Trees { trees: boosted.trees, start, with_gaps: true, rounds: boosted.rounds };
        Ok(FittedModel { form, link, importance: Some(shares(&boosted.gains)) })
    }
}
