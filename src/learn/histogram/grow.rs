//! Growing a tree: the leaf whose split gains most is split next.

use std::sync::Arc;

use fastrand::Rng;

use super::bins::Binned;
use super::cells::{Cell, Units};
use super::scan::{Found, Rules, Scan, Scratch};
use super::shard::{Histogram, Parting};
use super::team::Team;
use crate::learn::trees::Tree;

/// When a tree stops growing, and what it looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    pub max_leaves: usize,
    /// Splits from the root to a leaf, at most.
    pub max_depth: Option<usize>,
    /// Rows of a leaf, at least.
    pub min_samples_leaf: usize,
    /// Added to the curvature of a leaf.
    pub l2: f64,
    /// Features that are tried at a node, drawn anew for each.
    pub max_features: Option<usize>,
}

struct Leaf<C> {
    node: usize,
    depth: usize,
    total: C,
    sums: Option<Histogram<C>>,
    best: Option<Found<C>>,
}

/// What grows the trees of a model.
pub struct Grower<'a> {
    pub binned: &'a Binned,
    pub growth: Growth,
    /// How much of the step that its rows ask for a leaf takes.
    pub rate: f64,
    pub rng: Rng,
    /// Of each feature what its splits brought.
    pub gains: Vec<f64>,
    /// Features in any order.
    pub order: Vec<usize>,
    /// The unit of gradients of the first tree, by which gains are compared.
    pub unit: Option<f64>,
    pub scratch: Scratch,
}

impl Grower<'_> {
    /// Grows a tree for a score, whose leaves have been told to the team.
    pub fn grow<C: Cell>(&mut self, team: &mut Team<'_, C>, score: usize, units: &Units) -> Tree {
        let mut tree = Tree::new(1);
        let root = team.tree(score, *units);
        let mut total = C::default();
        root.first().into_iter().flatten().for_each(|sum| total.add(*sum));
        let mut leaf = Leaf { node: tree.add(), depth: 0, total, sums: Some(root), best: None };
        self.look(&mut leaf, team, units);
        let mut leaves = vec![leaf];
        while leaves.len() < self.growth.max_leaves.max(1) {
            let Some(at) = next(&leaves) else { break };
            self.split(&mut leaves, at, &mut tree, team, units);
        }
        // What splits nothing says nothing.
        let is_single = leaves.len() == 1;
        let step = |leaf: &Leaf<C>| if is_single { 0.0 } else { self.step(leaf.total, units) };
        let steps: Arc<[f64]> = leaves.iter().map(step).collect();
        for (leaf, step) in leaves.into_iter().zip(steps.iter()) {
            tree.close(leaf.node, std::iter::once(*step));
            leaf.sums.into_iter().for_each(|sums| team.give_back(sums));
        }
        team.step(score, &steps);
        tree
    }

    /// Splits the leaf at that place; its right part is a new one, at the end.
    fn split<C: Cell>(
        &mut self,
        leaves: &mut Vec<Leaf<C>>,
        at: usize,
        tree: &mut Tree,
        team: &mut Team<'_, C>,
        units: &Units,
    ) {
        let new = leaves.len();
        let leaf = &mut leaves[at];
        let (Some(best), Some(mut sums)) = (leaf.best.take(), leaf.sums.take()) else { return };
        let unit = *self.unit.get_or_insert(C::gradient_unit(units));
        let compared = (unit / C::gradient_unit(units)).powi(2);
        self.gains[best.feature] += best.gain * C::curvature_unit(units) * compared;
        let (left, right) =
            tree.split_gaps(leaf.node, best.feature, best.threshold(self.binned), best.gap_left);
        let depth = leaf.depth + 1;
        let child = |node: usize, total: C| Leaf { node, depth, total, sums: None, best: None };
        let (mut left, mut right) = (child(left, best.left), child(right, best.right));
        let is_left_smaller = left.total.rows(units) <= right.total.rows(units);
        let goes_on = new + 1 < self.growth.max_leaves
            && (self.can_split(&left, units) || self.can_split(&right, units));
        let parting = Arc::new(Parting {
            leaf: at,
            byte: self.binned.features[best.feature].byte(),
            goes_left: best.goes_left(self.binned),
        });
        let smaller = goes_on.then_some(if is_left_smaller { at } else { new });
        if let Some(of_smaller) = team.split(&parting, smaller) {
            for (sum, taken) in sums.as_flattened_mut().iter_mut().zip(of_smaller.as_flattened()) {
                sum.take(*taken);
            }
            let (of_left, of_right) = if is_left_smaller { (of_smaller, sums) } else { (sums, of_smaller) };
            (left.sums, right.sums) = (Some(of_left), Some(of_right));
            self.look(&mut left, team, units);
            self.look(&mut right, team, units);
        } else {
            team.give_back(sums);
        }
        leaves[at] = left;
        leaves.push(right);
    }

    fn can_split<C: Cell>(&self, leaf: &Leaf<C>, units: &Units) -> bool {
        leaf.total.rows(units) >= (2 * self.growth.min_samples_leaf).max(2)
            && self.growth.max_depth.is_none_or(|most| leaf.depth < most)
    }

    /// Looks for the best split of a leaf. Where there is none, its sums are of no more use.
    fn look<C: Cell>(&mut self, leaf: &mut Leaf<C>, team: &mut Team<'_, C>, units: &Units) {
        let Some(sums) = leaf.sums.take() else { return };
        if self.can_split(leaf, units) {
            let rules = Rules { least_rows: self.growth.min_samples_leaf, l2: self.growth.l2 };
            let scan = Scan { binned: self.binned, units, rules, sums: &sums, total: leaf.total };
            leaf.best = match self.growth.max_features {
                Some(tried) if tried < self.order.len() => {
                    let tried = tried.max(1);
                    for turn in 0..tried {
                        let other = self.rng.usize(turn..self.order.len());
                        self.order.swap(turn, other);
                    }
                    self.order[..tried].sort_unstable();
                    scan.best(self.order[..tried].iter().copied(), &mut self.scratch)
                }
                _ => scan.best(0..self.binned.features.len(), &mut self.scratch),
            };
        }
        match leaf.best {
            Some(_) => leaf.sums = Some(sums),
            None => team.give_back(sums),
        }
    }

    /// The step that the rows of a leaf ask for.
    fn step<C: Cell>(&self, total: C, units: &Units) -> f64 {
        let sums = total.sums(units);
        let curvature = sums.curvature / C::curvature_unit(units) + self.growth.l2;
        if curvature > 1e-150 {
            self.rate * (sums.gradient / C::gradient_unit(units)) / curvature
        } else {
            0.0
        }
    }
}

/// The leaf whose split gains most, of equal ones the first.
fn next<C>(leaves: &[Leaf<C>]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (at, leaf) in leaves.iter().enumerate() {
        if let Some(found) = &leaf.best
            && best.is_none_or(|(_, gain)| found.gain > gain)
        {
            best = Some((at, found.gain));
        }
    }
    best.map(|(at, _)| at)
}
