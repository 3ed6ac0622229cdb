//! Gradient boosting (Friedman 2001): small trees one after the other, each on what those before it leave over, its leaves
//! set by a Newton step.

use fastrand::Rng;
use linfa::traits::Fit;

use super::hist_boosting::MANY_ROWS;
use super::{
    DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, class_sums, classes, log_shares,
    mean, seed_of, shares, weights, wrong,
};
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::{FittedModel, Link, ModelForm};
use crate::learn::trees::{SampleWeights, Tree, TreeOptions, grow};

pub struct GradientBoosting;

impl Family for GradientBoosting {
    fn name(&self) -> &'static str {
        "gradient_boosting"
    }

    fn description(&self) -> &'static str {
        "small trees, each fitted to the errors of the previous ones; often best on tabular data"
    }

    fn supports(&self, _: Task) -> bool {
        true
    }

    fn is_suggested(&self, shape: DataShape) -> bool {
        shape.rows <= MANY_ROWS
    }

    fn search_space(&self, _: DataShape) -> Vec<Dimension> {
        vec![
            Dimension::int("n_estimators", 30, 300, 100).log(),
            Dimension::real("learning_rate", 0.02, 0.3, 0.1).log(),
            Dimension::int("max_depth", 2, 6, 3),
            Dimension::int("min_samples_leaf", 1, 32, 1).log(),
            Dimension::real("subsample", 0.5, 1.0, 1.0),
        ]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, seed: u64) -> Result<Estimator, FitError> {
        let subsample = params.positive("subsample", 1.0)?;
        if subsample > 1.0 {
            return Err(wrong(format!(
                "subsample is {subsample}; it must be a fraction of the rows, up to 1.0"
            )));
        }
        Ok(Box::new(Boosting {
            growth: TreeOptions {
                max_depth: Some(params.limit("max_depth")?.unwrap_or(3)),
                min_samples_leaf: params.count("min_samples_leaf", 1)?,
                ..TreeOptions::default()
            },
            rounds: params.estimators(100)?,
            rate: params.positive("learning_rate", 0.1)?,
            subsample,
            seed,
        }))
    }
}

struct Boosting {
    growth: TreeOptions,
    rounds: usize,
    rate: f64,
    /// Of the rows, drawn without replacement in each round.
    subsample: f64,
    seed: u64,
}

impl Fit<Features, TargetValues, FitError> for Boosting {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let weights = weights(data);
        let weights = weights.as_deref();
        match &data.targets {
            TargetValues::Numbers(values) => {
                let start = mean(values, weights);
                Ok(self.boost((data, weights), vec![start], Link::Number, |scores, left| {
                    for (row, value) in values.iter().enumerate() {
                        left[0][row] = (value - scores[0][row], 1.0);
                    }
                }))
            }
            TargetValues::Classes { count: 2, .. } => {
                let (of, _) = classes(&data.targets)?;
                let met = class_sums(of, 2, weights);
                let start = (met[1] / met[0]).ln();
                Ok(self.boost((data, weights), vec![start], Link::Logistic, |scores, left| {
                    for (row, class) in of.iter().enumerate() {
                        let probability = 1.0 / (1.0 + (-scores[0][row]).exp());
                        let gradient = f64::from(*class) - probability;
                        left[0][row] = (gradient, probability * (1.0 - probability));
                    }
                }))
            }
            TargetValues::Classes { .. } => {
                let (of, count) = classes(&data.targets)?;
                let start = log_shares(of, count, weights);
                let scale = (count as f64 - 1.0) / count as f64;
                Ok(self.boost((data, weights), start, Link::Softmax, |scores, left| {
                    for (row, class) in of.iter().enumerate() {
                        let greatest =
                            scores.iter().map(|score| score[row]).fold(f64::NEG_INFINITY, f64::max);
                        let sum: f64 = scores.iter().map(|score| (score[row] - greatest).exp()).sum();
                        for (at, score) in scores.iter().enumerate() {
                            let probability = (score[row] - greatest).exp() / sum;
                            let gradient = f64::from(u8::from(*class as usize == at)) - probability;
                            left[at][row] = (gradient, probability * (1.0 - probability) / scale);
                        }
                    }
                }))
            }
        }
    }
}

impl Boosting {
    /// `leave` writes, for each score and row, the gradient that is left over and the curvature.
    fn boost(
        &self,
        (data, weights): (&Samples, Option<&[f64]>),
        start: Vec<f64>,
        link: Link,
        leave: impl Fn(&[Vec<f64>], &mut [Vec<(f64, f64)>]),
    ) -> FittedModel {
        let features = &data.records;
        let rows = features.raw.rows;
        let mut scores: Vec<Vec<f64>> = start.iter().map(|start| vec![*start; rows]).collect();
        let mut left = vec![vec![(0.0, 0.0); rows]; start.len()];
        let mut gains = vec![0.0; features.raw.width()];
        let mut trees = Vec::with_capacity(self.rounds * start.len());
        let drawn = (rows as f64 * self.subsample).round().max(2.0) as usize;
        let mut order: Vec<u32> = (0..rows as u32).collect();
        for round in 0..self.rounds {
            let mut rng = Rng::with_seed(seed_of(self.seed, round as u64));
            let mut times = vec![0_u32; rows];
            if drawn < rows {
                rng.shuffle(&mut order);
                for row in &order[..drawn] {
                    times[*row as usize] = 1;
                }
            }
            let of_drawn = weights.map(|of| {
                of.iter().zip(&times).map(|(of, times)| of * f64::from(*times)).collect::<Vec<_>>()
            });
            let bag = match (drawn < rows, &of_drawn) {
                (true, Some(of_drawn)) => SampleWeights::Weights(of_drawn),
                (true, None) => SampleWeights::Times(&times),
                (false, _) => SampleWeights::by(weights),
            };
            leave(&scores, &mut left);
            for (at, left) in left.iter().enumerate() {
                let gradients = TargetValues::Numbers(left.iter().map(|(gradient, _)| *gradient).collect());
                let mut tree = grow(features, &gradients, bag, &self.growth, &mut rng, &mut gains);
                let leaves: Vec<usize> = (0..rows).map(|row| tree.leaf(&features.raw, row)).collect();
                self.step(&mut tree, &leaves, left, bag);
                for (score, leaf) in scores[at].iter_mut().zip(&leaves) {
                    *score += tree.leaves[*leaf];
                }
                trees.push((tree, at));
            }
        }
        let rounds = (start.len()..=trees.len()).step_by(start.len()).collect();
        FittedModel {
            form: ModelForm::Trees { trees, start, with_gaps: false, rounds },
            link,
            importance: Some(shares(&gains)),
        }
    }

    /// Sets each leaf to the step that its rows ask for.
    fn step(&self, tree: &mut Tree, leaves: &[usize], left: &[(f64, f64)], bag: SampleWeights<'_>) {
        let mut sums = vec![(0.0, 0.0); tree.leaves.len()];
        for (row, (leaf, (gradient, curvature))) in leaves.iter().zip(left).enumerate() {
            let weight = bag.of(row);
            if weight > 0.0 {
                sums[*leaf].0 += weight * gradient;
                sums[*leaf].1 += weight * curvature;
            }
        }
        for (value, (gradient, curvature)) in tree.leaves.iter_mut().zip(sums) {
            *value = if curvature > 1e-150 { self.rate * gradient / curvature } else { 0.0 };
        }
    }
}
