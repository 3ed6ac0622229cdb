//! Fitted models, by their form: whatever was fitted, it is trees, a linear map, neighbours, or kernels. Each form
//! predicts here and is written as ONNX in [`super::onnx`]; both do the same sums in double precision, and choose a class
//! by scores rounded to single precision, so that they agree.

use linfa::traits::PredictInplace;
use ndarray::{Array2, ArrayView1, Axis, Slice};

use super::averaging;
use super::cores;
use super::data::Task;
use super::features::{Features, Matrix};
use super::neighbours::{self, Index};
use super::pairs::{Sigmoid, coupled, votes};
use super::scores::Prediction;
use super::trees::Tree;

/// What scores mean.
#[derive(Debug, Clone, PartialEq)]
pub enum Link {
    /// One score, the prediction itself.
    Number,
    /// A score for each class, proportional to its probability.
    Share,
    /// One score: the log-odds of the second of two classes.
    Logistic,
    /// A score for each class: the logarithm of its probability, but for a constant.
    Softmax,
    /// A score for each pair of so many classes, positive where the first is meant: every pair has a vote, and a sigmoid
    /// that makes a probability of its score. As in libsvm and scikit-learn it is the votes that choose the class.
    Votes {
        /// How many there are.
        classes: usize,
        /// One for each pair.
        sigmoids: Vec<Sigmoid>,
    },
}

/// The form of a fitted model.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelForm {
    /// The sum of trees, each added to one score or to all, and a start.
    Trees {
        /// Each with the first score that it is added to.
        trees: Vec<(Tree, usize)>,
        /// One for each score.
        start: Vec<f64>,
        /// Whether they know what to do with a gap; others are given what stands for it.
        with_gaps: bool,
        /// How many there are after each round, where each round is meant for what those before it leave: the first of them are a
        /// model too. Empty of others.
        rounds: Vec<usize>,
    },
    /// Scaled features (and their squares, where there are such weights) times weights, and intercepts. A column a score.
    Linear {
        /// A row a feature.
        weights: Array2<f64>,
        /// Of the squares; a row a feature.
        squares: Option<Array2<f64>>,
        /// One for each score.
        intercepts: Vec<f64>,
    },
    /// The mean over the nearest training rows by scaled features. `values` has a row for each of them, a column a score.
    Neighbours {
        /// The training rows, scaled.
        rows: Array2<f32>,
        /// Their scores.
        values: Array2<f64>,
        /// How many neighbours.
        count: usize,
        /// Whether nearer ones weigh more: by one over their distance.
        by_distance: bool,
    },
    /// Weighted radial kernels around training rows, and intercepts. A column a score.
    Kernels {
        /// Those training rows, scaled.
        rows: Array2<f64>,
        /// A row for each of them.
        weights: Array2<f64>,
        /// A kernel is exp(-gamma distance²).
        gamma: f64,
        /// One for each score.
        intercepts: Vec<f64>,
    },
    /// The weighted mean of what others predict: of numbers, or of the probabilities of classes.
    Average {
        /// Each with its weight; in sum 1.
        members: Vec<(FittedModel, f64)>,
    },
}

/// A fitted estimator.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedModel {
    /// How scores follow from features.
    pub form: ModelForm,
    /// How a prediction follows from scores.
    pub link: Link,
    /// Of each feature how much it tells, in sum 1; where the model says so.
    pub importance: Option<Vec<f64>>,
}

/// Points of a curve by rounds.
const CURVE: usize = 50;

/// The least distance that a neighbour's weight is reckoned with.
pub const NEAREST: f64 = 1e-10;

impl FittedModel {
    /// Whether it is given gaps, and not what stands for them; of an average whether any member is.
    pub fn takes_gaps(&self) -> bool {
        match &self.form {
            ModelForm::Trees { with_gaps, .. } => *with_gaps,
            ModelForm::Average { members } => members.iter().any(|(member, _)| member.takes_gaps()),
            ModelForm::Linear { .. } | ModelForm::Neighbours { .. } | ModelForm::Kernels { .. } => false,
        }
    }

    /// What it predicts.
    pub fn task(&self) -> Task {
        if self.link == Link::Number { Task::Regression } else { Task::Classification }
    }

    /// What the prediction of a row costs, roughly in nanoseconds.
    pub(super) fn cost(&self) -> u64 {
        let cost = match &self.form {
            ModelForm::Trees { trees, .. } => trees.len() * 30,
            ModelForm::Linear { weights, .. } => weights.len(),
            ModelForm::Neighbours { rows, .. } => rows.len() / 8,
            ModelForm::Kernels { rows, .. } => rows.len(),
            ModelForm::Average { members } => {
                return members.iter().map(|(member, _)| member.cost()).sum();
            }
        };
        cost.max(10) as u64
    }

    /// What is said of the prediction of some rows as it grew, round after round of boosting: the number of rounds and that, at
    /// some fifty of them; of models without rounds, nothing.
    pub fn by_rounds<T>(&self, features: &Features, judge: &dyn Fn(&Prediction) -> T) -> Vec<(usize, T)> {
        let ModelForm::Trees { trees, start, with_gaps, rounds } = &self.form else { return Vec::new() };
        let matrix = if *with_gaps { features.with_gaps() } else { &features.raw };
        let mut scores = begun(start, features.raw.rows);
        let (mut found, mut done) = (Vec::new(), 0);
        for (round, end) in rounds.iter().enumerate() {
            for (tree, score) in &trees[done..*end] {
                add(tree, *score, matrix, &mut scores);
            }
            done = *end;
            let number = round + 1;
            // At even distances, the last one among them.
            if number * CURVE / rounds.len() > round * CURVE / rounds.len() {
                found.push((number, judge(&self.predicted(&scores))));
            }
        }
        found
    }

    /// Of each row its scores.
    pub fn scores(&self, features: &Features) -> Array2<f64> {
        let rows = features.raw.rows;
        match &self.form {
            ModelForm::Trees { trees, start, with_gaps, .. } => {
                let matrix = if *with_gaps { features.with_gaps() } else { &features.raw };
                let mut scores = begun(start, rows);
                for (tree, score) in trees {
                    add(tree, *score, matrix, &mut scores);
                }
                scores
            }
            ModelForm::Linear { weights, squares, intercepts } => {
                let scaled = features.scaled();
                let mut scores = scaled.dot(weights);
                if let Some(squares) = squares {
                    scores += &scaled.mapv(|value| value * value).dot(squares);
                }
                for mut row in scores.rows_mut() {
                    row.iter_mut().zip(intercepts).for_each(|(score, intercept)| *score += intercept);
                }
                scores
            }
            ModelForm::Neighbours { rows: known, values, count, by_distance } => {
                let scaled = features.scaled().mapv(|value| value as f32);
                let known = Index::new(known.view());
                let weight = |distance: f32| {
                    if *by_distance { 1.0 / f64::from(distance).sqrt().max(NEAREST) } else { 1.0 }
                };
                let blocks = (0..rows).step_by(neighbours::BLOCK).collect();
                let found = cores::side_by_side_on(cores::threads(), blocks, |from| {
                    let block =
                        scaled.slice_axis(Axis(0), Slice::from(from..(from + neighbours::BLOCK).min(rows)));
                    let mut scores = Array2::zeros((block.nrows(), values.ncols()));
                    let nearest = known.nearest(block, *count);
                    for (nearest, mut scores) in nearest.iter().zip(scores.rows_mut()) {
                        let total: f64 = nearest.iter().map(|(distance, _)| weight(*distance)).sum();
                        for (distance, neighbour) in nearest {
                            scores.scaled_add(weight(*distance) / total, &values.row(*neighbour));
                        }
                    }
                    scores
                });
                let mut scores = Array2::zeros((rows, values.ncols()));
                for (mut to, block) in scores.axis_chunks_iter_mut(Axis(0), neighbours::BLOCK).zip(found) {
                    to.assign(&block);
                }
                scores
            }
            ModelForm::Average { members } => {
                let mut all = Array2::zeros((0, 0));
                for (member, weight) in members {
                    let said = member.prediction(features);
                    let width = averaging::values(&said).len() / rows.max(1);
                    if all.is_empty() {
                        all = Array2::zeros((rows, width));
                    }
                    for (sum, value) in all.iter_mut().zip(averaging::values(&said)) {
                        *sum += weight * value;
                    }
                }
                all
            }
            ModelForm::Kernels { rows: centres, weights, gamma, intercepts } => {
                let scaled = features.scaled();
                let mut scores =
                    Array2::from_shape_fn((rows, intercepts.len()), |(_, score)| intercepts[score]);
                for row in 0..rows {
                    let here = scaled.row(row);
                    for (centre, weights) in centres.outer_iter().zip(weights.outer_iter()) {
                        let distance: f64 = here.iter().zip(centre).map(|(a, b)| (a - b) * (a - b)).sum();
                        let kernel = (-gamma * distance).exp();
                        for (at, weight) in weights.iter().enumerate() {
                            scores[[row, at]] += weight * kernel;
                        }
                    }
                }
                scores
            }
        }
    }

    /// Of each row what it is taken for.
    pub fn prediction(&self, features: &Features) -> Prediction {
        self.predicted(&self.scores(features))
    }

    fn predicted(&self, scores: &Array2<f64>) -> Prediction {
        match &self.link {
            Link::Number => Prediction::Numbers(scores.iter().copied().collect()),
            Link::Share => classes(scores, |row| normalised(scores.row(row).to_vec())),
            Link::Softmax => classes(scores, |row| normalised(exponentials(scores.row(row)))),
            Link::Logistic => {
                let both = Array2::from_shape_fn((scores.nrows(), 2), |(row, class)| {
                    if class == 1 { scores[[row, 0]] } else { 0.0 }
                });
                classes(&both, |row| normalised(exponentials(both.row(row))))
            }
            Link::Votes { classes: count, sigmoids } => {
                let mut decisions = Array2::zeros((scores.nrows(), *count));
                for (row, pairs) in scores.outer_iter().enumerate() {
                    for (class, decision) in votes(pairs.iter().copied(), *count).into_iter().enumerate() {
                        decisions[[row, class]] = decision;
                    }
                }
                classes(&decisions, |row| {
                    let within = scores.row(row).into_iter().zip(sigmoids);
                    let within: Vec<f64> = within.map(|(score, of)| of.probability(*score)).collect();
                    coupled(&within, *count)
                })
            }
        }
    }
}

impl PredictInplace<Features, Prediction> for FittedModel {
    fn predict_inplace(&self, features: &Features, prediction: &mut Prediction) {
        *prediction = self.prediction(features);
    }

    fn default_target(&self, _: &Features) -> Prediction {
        Prediction::Numbers(Vec::new())
    }
}

fn begun(start: &[f64], rows: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, start.len()), |(_, score)| start[score])
}

/// Adds what a tree says of each row, from that score on.
fn add(tree: &Tree, score: usize, matrix: &Matrix, scores: &mut Array2<f64>) {
    for (row, mut scores) in scores.rows_mut().into_iter().enumerate() {
        for (at, value) in tree.predict(matrix, row).iter().enumerate() {
            scores[score + at] += value;
        }
    }
}

/// By what is decided by, and the probabilities of a row.
fn classes(decisions: &Array2<f64>, probabilities: impl Fn(usize) -> Vec<f64>) -> Prediction {
    let mut chosen = Vec::with_capacity(decisions.nrows());
    let mut all = Vec::with_capacity(decisions.len());
    for (number, row) in decisions.outer_iter().enumerate() {
        chosen.push(averaging::likeliest_of(row.iter().copied()));
        all.extend(probabilities(number));
    }
    Prediction::Classes { probabilities: all, classes: chosen, count: decisions.ncols() }
}

fn exponentials(row: ArrayView1<'_, f64>) -> Vec<f64> {
    let greatest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    row.iter().map(|score| (score - greatest).exp()).collect()
}

fn normalised(mut row: Vec<f64>) -> Vec<f64> {
    let sum: f64 = row.iter().sum();
    for value in &mut row {
        *value /= sum;
    }
    row
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::learn::data::{ReadOptions, Target, bundled};
    use crate::learn::families;
    use crate::learn::study::TrainingData;
    use crate::params::defaults;

    #[test]
    fn boosted_models_are_judged_as_they_grow_and_no_others() {
        for name in ["iris", "diabetes"] {
            let set = bundled::SETS.iter().find(|set| set.name == name).unwrap();
            let frame = set.frame(&ReadOptions::default()).unwrap();
            let target = Target::new(&frame, set.target, Some(set.task)).unwrap();
            let data = TrainingData::new(frame, target, 0.2, 5, 1).unwrap();
            let part = data.whole().unwrap();
            // linfa's own tree is for two classes.
            let is_tried =
                |family: &&dyn families::Family| family.supports(set.task) && family.name() != "linfa_tree";
            for family in families::FAMILIES.into_iter().filter(is_tried) {
                let params = defaults(&family.search_space(data.shape()));
                let fitted = part.fit_and_score(family, &params, 1).unwrap();
                let curve = fitted.model.by_rounds(&part.held_out, &Prediction::clone);
                if !family.name().contains("gradient_boosting") {
                    assert!(curve.is_empty(), "{}", family.name());
                    continue;
                }
                assert!((30..=50).contains(&curve.len()), "{} {}", family.name(), curve.len());
                assert!(curve.is_sorted_by(|a, b| a.0 < b.0));
                let (rounds, last) = curve.last().unwrap();
                assert_eq!(*last, fitted.prediction, "{}", family.name());
                assert!(*rounds >= 50, "{rounds}");
                assert_ne!(curve[0].1, fitted.prediction);
            }
        }
    }
}
