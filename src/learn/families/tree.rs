//! A single decision tree.

use fastrand::Rng;
use linfa::traits::Fit;

use super::{DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, shares, weights};
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::{FittedModel, Link, ModelForm};
use crate::learn::trees::{Criterion, SampleWeights, TreeOptions, grow};

pub struct DecisionTree;

impl Family for DecisionTree {
    fn name(&self) -> &'static str {
        "decision_tree"
    }

    fn description(&self) -> &'static str {
        "a single decision tree (CART) with exact splits; easy to read"
    }

    fn supports(&self, _: Task) -> bool {
        true
    }

    fn extra_params(&self) -> &'static [&'static str] {
        &["min_samples_split"]
    }

    fn search_space(&self, shape: DataShape) -> Vec<Dimension> {
        let mut space = vec![
            Dimension::int("max_depth", 2, 16, 6),
            Dimension::int("min_samples_leaf", 1, (shape.rows as i64 / 20).clamp(2, 64), 4).log(),
        ];
        if shape.task == Task::Classification {
            space.push(Dimension::choice("criterion", &["gini", "entropy"]));
        }
        space
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, seed: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(Single { growth: growth(params)?, seed }))
    }
}

/// What a tree and a forest have in common.
pub(super) fn growth(params: HyperParams<'_>) -> Result<TreeOptions, FitError> {
    Ok(TreeOptions {
        criterion: match params.choice("criterion", &["gini", "entropy"])? {
            "entropy" => Criterion::Entropy,
            _ => Criterion::Gini,
        },
        max_depth: params.limit("max_depth")?,
        min_samples_split: params.count("min_samples_split", 2)?,
        min_samples_leaf: params.count("min_samples_leaf", 1)?,
        max_features: None,
        draws_thresholds: false,
    })
}

struct Single {
    growth: TreeOptions,
    seed: u64,
}

impl Fit<Features, TargetValues, FitError> for Single {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let features = &data.records;
        let mut gains = vec![0.0; features.raw.width()];
        let mut rng = Rng::with_seed(self.seed);
        let weights = weights(data);
        let bag = SampleWeights::by(weights.as_deref());
        let tree = grow(features, &data.targets, bag, &self.growth, &mut rng, &mut gains);
        let link = match &data.targets {
            TargetValues::Numbers(_) => Link::Number,
            TargetValues::Classes { .. } => Link::Share,
        };
        let start = vec![0.0; tree.outputs];
        Ok(FittedModel {
            form: ModelForm::Trees { trees: vec![(tree, 0)], start, with_gaps: false, rounds: Vec::new() },
            link,
            importance: Some(shares(&gains)),
        })
    }
}
