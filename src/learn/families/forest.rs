//! A forest of trees, each grown on rows drawn with replacement, with a few features tried at each node (Breiman 2001).

use fastrand::Rng;
use linfa::traits::Fit;

use super::tree::growth;
use super::{
    DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, seed_of, shares, weights, wrong,
};
use crate::learn::cores;
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::{FittedModel, Link, ModelForm};
use crate::learn::trees::{SampleWeights, TreeOptions, grow};

/// Cells of a table whose trees are worth more than one thread.
const CELLS_FOR_THREADS: usize = 100_000;

pub struct RandomForest;

impl Family for RandomForest {
    fn name(&self) -> &'static str {
        "random_forest"
    }

    fn description(&self) -> &'static str {
        "many averaged trees on random rows and features; hard to beat without tuning"
    }

    fn supports(&self, _: Task) -> bool {
        true
    }

    fn search_space(&self, shape: DataShape) -> Vec<Dimension> {
        let usual = match shape.task {
            Task::Regression => 0.5,
            Task::Classification => 0.3,
        };
        vec![
            Dimension::int("n_estimators", 30, 200, 80).log(),
            Dimension::int("max_depth", 4, 24, 16),
            Dimension::int("min_samples_leaf", 1, 16, 1).log(),
            Dimension::real("max_features", 0.1, 1.0, usual),
        ]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, seed: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(Forest {
            growth: growth(params)?,
            trees: params.estimators(100)?,
            share: share_of_features(params)?,
            draws_rows: true,
            seed,
        }))
    }
}

/// Of the features, tried at a node.
pub(super) fn share_of_features(params: HyperParams<'_>) -> Result<f64, FitError> {
    let share = params.positive("max_features", 0.5)?;
    if share > 1.0 {
        return Err(wrong(format!(
            "max_features is {share}; it must be a fraction of the features, up to 1.0"
        )));
    }
    Ok(share)
}

pub(super) struct Forest {
    pub(super) growth: TreeOptions,
    pub(super) trees: usize,
    /// Of the features, tried at a node.
    pub(super) share: f64,
    /// Whether each tree is grown on rows drawn with replacement, and not on all.
    pub(super) draws_rows: bool,
    pub(super) seed: u64,
}

impl Fit<Features, TargetValues, FitError> for Forest {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let features = &data.records;
        let (rows, width) = (features.raw.rows, features.raw.width());
        let tried = (width as f64 * self.share).round().max(1.0) as usize;
        let growth = TreeOptions { max_features: Some(tried), ..self.growth };
        let weights = weights(data);
        let grow_tree = |number: usize, times: &mut [u32]| {
            let mut rng = Rng::with_seed(seed_of(self.seed, number as u64));
            let drawn: Vec<f64>;
            let bag = if self.draws_rows {
                times.fill(0);
                for _ in 0..rows {
                    times[rng.usize(..rows)] += 1;
                }
                match &weights {
                    None => SampleWeights::Times(times),
                    Some(of) => {
                        drawn = times.iter().zip(of).map(|(times, of)| f64::from(*times) * of).collect();
                        SampleWeights::Weights(&drawn)
                    }
                }
            } else {
                SampleWeights::by(weights.as_deref())
            };
            let mut of_tree = vec![0.0; width];
            let mut tree = grow(features, &data.targets, bag, &growth, &mut rng, &mut of_tree);
            for leaf in &mut tree.leaves {
                *leaf /= self.trees as f64;
            }
            (tree, shares(&of_tree))
        };
        // Every tree has a seed of its own: it does not matter which thread grows it.
        let threads = if rows * width < CELLS_FOR_THREADS { 1 } else { cores::threads().min(self.trees) };
        if !growth.draws_thresholds {
            features.order();
        }
        let grown: Vec<Vec<_>> = cores::side_by_side((0..threads).collect(), |first: usize| {
            let mut times = vec![0_u32; rows];
            (first..self.trees).step_by(threads).map(|number| grow_tree(number, &mut times)).collect()
        });
        let mut gains = vec![0.0; width];
        let mut trees = Vec::with_capacity(self.trees);
        let mut grown: Vec<_> = grown.into_iter().map(Vec::into_iter).collect();
        for number in 0..self.trees {
            let Some((tree, of_tree)) = grown[number % threads].next() else { continue };
            for (gain, of_tree) in gains.iter_mut().zip(of_tree) {
                *gain += of_tree;
            }
            trees.push((tree, 0));
        }
        let (outputs, link) = match &data.targets {
            TargetValues::Numbers(_) => (1, Link::Number),
            TargetValues::Classes { count, .. } => (*count, Link::Share),
        };
        let form =
            ModelForm::Trees { trees, start: vec![0.0; outputs], with_gaps: false, rounds: Vec::new() };
        Ok(FittedModel { form, link, importance: Some(shares(&gains)) })
    }
}
