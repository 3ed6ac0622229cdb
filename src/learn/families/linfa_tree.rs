//! The tree of linfa-trees, guarded: only data that it splits rightly gets to it.
//!
//! It compares rows with their neighbours in the whole data rather than in the node, and so loses splits where a value
//! is met twice; with three classes or more its sums, and so its splits, differ from fit to fit; it takes values within
//! 0.00001 for equal. What it finds is copied out, as its own leaves depend on the order of a hash map.

use linfa::traits::Fit;
use linfa_trees::{DecisionTree as Theirs, SplitQuality, TreeNode};
use ndarray::Array1;

use super::{DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, classes, wrong};
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::{FittedModel, Link, ModelForm};
use crate::learn::trees::Tree;

pub struct LinfaTree;

impl Family for LinfaTree {
    fn name(&self) -> &'static str {
        "linfa_tree"
    }

    fn description(&self) -> &'static str {
        "the tree of linfa-trees; two classes and no repeated values in a column only, as it splits others wrongly"
    }

    fn supports(&self, task: Task) -> bool {
        task == Task::Classification
    }

    fn is_suggested(&self, _: DataShape) -> bool {
        false
    }

    fn takes_weights(&self) -> bool {
        false
    }

    fn search_space(&self, shape: DataShape) -> Vec<Dimension> {
        vec![
            Dimension::int("max_depth", 2, 12, 5),
            Dimension::int("min_samples_leaf", 1, (shape.rows as i64 / 20).clamp(2, 64), 4).log(),
            Dimension::choice("criterion", &["gini", "entropy"]),
        ]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, _: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(GuardedTree {
            max_depth: params.limit("max_depth")?,
            min_leaf: params.count("min_samples_leaf", 1)?,
            quality: match params.choice("criterion", &["gini", "entropy"])? {
                "entropy" => SplitQuality::Entropy,
                _ => SplitQuality::Gini,
            },
        }))
    }
}

struct GuardedTree {
    max_depth: Option<usize>,
    min_leaf: usize,
    quality: SplitQuality,
}

impl Fit<Features, TargetValues, FitError> for GuardedTree {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let (of, count) = classes(&data.targets)?;
        if count != 2 {
            return Err(wrong(format!("linfa_tree supports two classes, not {count}; use decision_tree")));
        }
        let features = &data.records;
        let matrix = &features.raw;
        for (at, order) in features.order().iter().enumerate() {
            let column = matrix.column(at);
            let is_close = |pair: &[u32]| column[pair[1] as usize] - column[pair[0] as usize] < 1e-4;
            if order.windows(2).any(is_close) {
                return Err(wrong(
                    "linfa_tree does not support repeated values in a column (or two within 0.0001); use decision_tree",
                ));
            }
        }
        let records = ndarray::Array2::from_shape_fn((matrix.rows, matrix.width()), |(row, at)| {
            f64::from(matrix.column(at)[row])
        });
        let targets: Array1<usize> = of.iter().map(|class| *class as usize).collect();
        let set = linfa::DatasetBase::new(records, targets);
        let fitted = Theirs::params()
            .split_quality(self.quality)
            .max_depth(self.max_depth)
            .min_weight_leaf(self.min_leaf as f32)
            .fit(&set)?;
        let rows: Vec<usize> = (0..matrix.rows).collect();
        let mut tree = Tree::new(2);
        let root = tree.add();
        copy(fitted.root_node(), &rows, root, features, of, &mut tree);
        let importance = fitted.relative_impurity_decrease();
        let form = ModelForm::Trees {
            trees: vec![(tree, 0)],
            start: vec![0.0; 2],
            with_gaps: false,
            rounds: Vec::new(),
        };
        let is_known = importance.iter().all(|share| share.is_finite());
        Ok(FittedModel { form, link: Link::Share, importance: is_known.then_some(importance) })
    }
}

/// Copies a node and what is below it; leaves are counted anew.
fn copy(
    node: &TreeNode<f64, usize>,
    rows: &[usize],
    at: usize,
    features: &Features,
    of: &[u32],
    tree: &mut Tree,
) {
    let (feature, threshold, _) = node.split();
    let children: Vec<_> = node.children().into_iter().flatten().collect();
    if let [low, high] = children.as_slice()
        && !node.is_leaf()
    {
        let column = features.raw.column(feature);
        let threshold = threshold as f32;
        let (left, right): (Vec<usize>, Vec<usize>) = rows.iter().partition(|row| column[**row] <= threshold);
        if !left.is_empty() && !right.is_empty() {
            let (to_left, to_right) = tree.split(at, feature, threshold);
            copy(low, &left, to_left, features, of, tree);
            copy(high, &right, to_right, features, of, tree);
            return;
        }
    }
    let ones = rows.iter().filter(|row| of[**row] == 1).count() as f64;
    let share = ones / rows.len() as f64;
    tree.close(at, [1.0 - share, share].into_iter());
}
