//! Small trees one after the other, each on the rows that those before took for another class (Freund 1997), for any number of
//! classes (SAMME: Zhu 2009).

use fastrand::Rng;
use linfa::traits::Fit;

use super::{
    DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, classes, shares, weights, wrong,
};
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::{FittedModel, Link, ModelForm};
use crate::learn::trees::{SampleWeights, Tree, TreeOptions, grow, likeliest};

/// What a row counts at least, of what the one counts that counts most: sums of weights have no more digits to tell them apart.
const LEAST_WEIGHT: f64 = 1e-12;

pub struct AdaBoost;

impl Family for AdaBoost {
    fn name(&self) -> &'static str {
        "ada_boost"
    }

    fn description(&self) -> &'static str {
        "small trees, each on what those before got wrong (SAMME); simple, and misled by wrong labels"
    }

    fn supports(&self, task: Task) -> bool {
        task == Task::Classification
    }

    fn search_space(&self, _: DataShape) -> Vec<Dimension> {
        vec![
            Dimension::int("n_estimators", 20, 300, 50).log(),
            Dimension::real("learning_rate", 0.05, 2.0, 1.0).log(),
            Dimension::int("max_depth", 1, 4, 1),
        ]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, seed: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(Boosted {
            rounds: params.estimators(50)?,
            rate: params.positive("learning_rate", 1.0)?,
            growth: TreeOptions { max_depth: Some(params.count("max_depth", 1)?), ..TreeOptions::default() },
            seed,
        }))
    }
}

struct Boosted {
    rounds: usize,
    rate: f64,
    growth: TreeOptions,
    seed: u64,
}

impl Fit<Features, TargetValues, FitError> for Boosted {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let (of, count) = classes(&data.targets)?;
        let features = &data.records;
        let others = (count - 1) as f64;
        let mut weights =
            weights(data).map_or_else(|| vec![1.0 / of.len() as f64; of.len()], |weights| shares(&weights));
        let mut trees: Vec<(Tree, f64)> = Vec::new();
        let mut gains = vec![0.0; features.raw.width()];
        let mut rng = Rng::with_seed(self.seed);
        for _ in 0..self.rounds {
            let mut of_tree = vec![0.0; gains.len()];
            let bag = SampleWeights::Weights(&weights);
            let mut tree = grow(features, &data.targets, bag, &self.growth, &mut rng, &mut of_tree);
            let chosen: Vec<usize> =
                (0..of.len()).map(|row| likeliest(tree.predict(&features.raw, row))).collect();
            let is_wrong = |row: usize| chosen[row] != of[row] as usize;
            let all: f64 = weights.iter().sum();
            let error = (0..of.len()).filter(|row| is_wrong(*row)).map(|row| weights[row]).sum::<f64>() / all;
            // No better than a guess.
            if error >= 1.0 - 1.0 / count as f64 {
                break;
            }
            let vote =
                if error > 0.0 { self.rate * (((1.0 - error) / error).ln() + others.ln()) } else { 1.0 };
            for leaf in tree.leaves.chunks_mut(count) {
                let class = likeliest(leaf);
                for (at, value) in leaf.iter_mut().enumerate() {
                    *value = if at == class { vote } else { -vote / others };
                }
            }
            for (gain, of_tree) in gains.iter_mut().zip(shares(&of_tree)) {
                *gain += vote * of_tree;
            }
            trees.push((tree, vote));
            if error <= 0.0 {
                break;
            }
            for (_, weight) in weights.iter_mut().enumerate().filter(|(row, _)| is_wrong(*row)) {
                *weight *= vote.exp();
            }
            let greatest = weights.iter().copied().fold(0.0, f64::max);
            for weight in &mut weights {
                *weight = weight.max(greatest * LEAST_WEIGHT);
            }
            let all: f64 = weights.iter().sum();
            for weight in &mut weights {
                *weight /= all;
            }
        }
        let votes: f64 = trees.iter().map(|(_, vote)| vote).sum();
        if trees.is_empty() {
            return Err(wrong("no tree is better than a guess; try a greater max_depth"));
        }
        // As scikit-learn makes probabilities of votes.
        for leaf in trees.iter_mut().flat_map(|(tree, _)| &mut tree.leaves) {
            *leaf /= votes * others;
        }
        let trees = trees.into_iter().map(|(tree, _)| (tree, 0)).collect();
        let form = ModelForm::Trees { trees, start: vec![0.0; count], with_gaps: false, rounds: Vec::new() };
        Ok(FittedModel { form, link: Link::Softmax, importance: Some(shares(&gains)) })
    }
}
