//! Growing a tree.

use fastrand::Rng;

use super::Tree;
use super::draw::Drawer;
use super::impurity::{Counted, Criterion, Entropy, Gini, Mean, NodeStats, Weighed};
use crate::learn::data::TargetValues;
use crate::learn::features::{Features, Matrix};

/// Of the weight of a node the share that each side of a split has more than.
pub(super) const LEAST_SHARE: f64 = 1e-12;

/// When a tree stops growing, and what it looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TreeOptions {
    /// By which the purity of classes is measured.
    pub criterion: Criterion,
    /// Splits from the root to a leaf, at most.
    pub max_depth: Option<usize>,
    /// Rows of a node that is still split, at least.
    pub min_samples_split: usize,
    /// Rows of a leaf, at least.
    pub min_samples_leaf: usize,
    /// Features that are tried at a node, drawn anew for each; those that are the same in all its rows do not count.
    pub max_features: Option<usize>,
    /// Whether of each feature a single threshold is tried, drawn between its least and its greatest value in the node.
    pub draws_thresholds: bool,
}

impl Default for TreeOptions {
    fn default() -> Self {
        Self {
            criterion: Criterion::Gini,
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            max_features: None,
            draws_thresholds: false,
        }
    }
}

impl TreeOptions {
    /// Of so many features how many are tried at a node.
    pub(super) fn tried(&self, width: usize) -> usize {
        self.max_features.unwrap_or(width).clamp(1, width.max(1))
    }
}

/// The features in the order in which they were drawn last.
pub(super) struct DrawnFeatures(pub Vec<u32>);

impl DrawnFeatures {
    pub fn of(matrix: &Matrix) -> Self {
        Self((0..matrix.width() as u32).collect())
    }

    /// The one that comes at this turn, drawn from those that did not come before where not all are tried.
    pub fn next(&mut self, turn: usize, tried: usize, rng: &mut Rng) -> usize {
        let width = self.0.len();
        if tried < width {
            self.0.swap(turn, rng.usize(turn..width));
        }
        self.0[turn] as usize
    }
}

/// How much each row counts; rows of weight 0 are left out.
#[derive(Debug, Clone, Copy)]
pub enum SampleWeights<'a> {
    /// Each once.
    Once,
    /// Each so often.
    Times(&'a [u32]),
    /// Each so much.
    Weights(&'a [f64]),
}

impl<'a> SampleWeights<'a> {
    /// By weights, if there are any.
    pub fn by(weights: Option<&'a [f64]>) -> Self {
        weights.map_or(Self::Once, Self::Weights)
    }

    /// How much that row counts.
    pub fn of(self, row: usize) -> f64 {
        match self {
            Self::Once => 1.0,
            Self::Times(times) => f64::from(times[row]),
            Self::Weights(weights) => weights[row],
        }
    }
}

/// Grows a tree. `gains` takes what each feature's splits brought in purity.
pub fn grow(
    features: &Features,
    target: &TargetValues,
    bag: SampleWeights<'_>,
    growth: &TreeOptions,
    rng: &mut Rng,
    gains: &mut [f64],
) -> Tree {
    match target {
        TargetValues::Numbers(values) => {
            let weigh = |(row, value): (usize, &f64)| Weighed { value: *value, weight: bag.of(row) };
            let items: Vec<_> = values.iter().enumerate().map(weigh).collect();
            if growth.draws_thresholds {
                return Drawer::new(&features.raw, &items, bag, growth, rng).grow(&Mean::default(), gains);
            }
            Grower::new(features, &items, bag, growth, rng).grow(&Mean::default(), gains)
        }
        TargetValues::Classes { classes, count } => {
            let weigh = |(row, class): (usize, &u32)| Counted { class: *class, weight: bag.of(row) };
            let items: Vec<_> = classes.iter().enumerate().map(weigh).collect();
            if growth.draws_thresholds {
                let drawer = Drawer::new(&features.raw, &items, bag, growth, rng);
                return match growth.criterion {
                    Criterion::Gini => drawer.grow(&Gini::new(*count), gains),
                    Criterion::Entropy => drawer.grow(&Entropy(Gini::new(*count)), gains),
                };
            }
            let grower = Grower::new(features, &items, bag, growth, rng);
            match growth.criterion {
                Criterion::Gini => grower.grow(&Gini::new(*count), gains),
                Criterion::Entropy => grower.grow(&Entropy(Gini::new(*count)), gains),
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct SortedValue {
    value: f32,
    row: u32,
}

struct Grower<'a, Item> {
    items: &'a [Item],
    growth: &'a TreeOptions,
    rng: &'a mut Rng,
    /// Whether rows count by fractions: what is taken off a sum of such leaves the rounding of all others.
    has_fractions: bool,
    /// Of each feature the rows in its order; those of a node stand together, at the same place for all features.
    entries: Vec<Vec<SortedValue>>,
    /// Of each row whether it goes left, while a node is split.
    goes_left: Vec<bool>,
    beside: Vec<SortedValue>,
    drawn: DrawnFeatures,
}

/// A node that waits for its turn.
pub(super) struct OpenNode<S> {
    pub node: usize,
    pub from: usize,
    pub to: usize,
    pub depth: usize,
    pub side: S,
}

/// Whether a node of so many rows is a leaf.
pub(super) fn is_done<S: NodeStats>(growth: &TreeOptions, side: &S, count: usize, depth: usize) -> bool {
    count < growth.min_samples_split.max(2)
        || count < 2 * growth.min_samples_leaf
        || growth.max_depth.is_some_and(|most| depth >= most)
        || side.is_pure()
}

struct BestSplit<S> {
    feature: usize,
    threshold: f32,
    /// Rows on the left.
    count: usize,
    purity: f64,
    left: S,
    right: S,
}

impl<'a, Item: Copy> Grower<'a, Item> {
    fn new(
        features: &Features,
        items: &'a [Item],
        bag: SampleWeights<'_>,
        growth: &'a TreeOptions,
        rng: &'a mut Rng,
    ) -> Self {
        let matrix = &features.raw;
        let kept = |(at, order): (usize, &Vec<u32>)| {
            let column = matrix.column(at);
            let rows = order.iter().filter(|row| bag.of(**row as usize) > 0.0);
            rows.map(|row| SortedValue { value: column[*row as usize], row: *row }).collect()
        };
        Self {
            items,
            growth,
            rng,
            has_fractions: matches!(bag, SampleWeights::Weights(_)),
            entries: features.order().iter().enumerate().map(kept).collect(),
            goes_left: vec![false; matrix.rows],
            beside: Vec::with_capacity(matrix.rows),
            drawn: DrawnFeatures::of(matrix),
        }
    }

    fn grow<S: NodeStats<Item = Item>>(mut self, empty: &S, gains: &mut [f64]) -> Tree {
        let mut tree = Tree::new(empty.outputs());
        let count = self.entries.first().map_or(0, Vec::len);
        let mut side = empty.clone();
        for entry in self.entries.first().into_iter().flatten() {
            side.add(self.items[entry.row as usize]);
        }
        let node = tree.add();
        let mut waiting = vec![OpenNode { node, from: 0, to: count, depth: 0, side }];
        while let Some(next) = waiting.pop() {
            let OpenNode { node, from, to, depth, side } = next;
            let best = if is_done(self.growth, &side, to - from, depth) {
                None
            } else {
                self.best_split(from, to, &side, empty)
            };
            let Some(best) = best else {
                tree.close(node, side.values());
                continue;
            };
            gains[best.feature] += best.purity - side.purity();
            let (left, right) = tree.split(node, best.feature, best.threshold);
            let middle = from + best.count;
            let (left_done, right_done) = (
                is_done(self.growth, &best.left, best.count, depth + 1),
                is_done(self.growth, &best.right, to - middle, depth + 1),
            );
            // The order within leaves is of no use any more.
            if !(left_done && right_done) {
                self.partition(from, to, &best);
            }
            waiting.push(OpenNode { node: right, from: middle, to, depth: depth + 1, side: best.right });
            waiting.push(OpenNode { node: left, from, to: middle, depth: depth + 1, side: best.left });
        }
        tree
    }

    /// The split that leaves the purest sides, of equal ones the first; also one that gains nothing by itself, as the
    /// first of an exclusive or does. None where no feature differs between the rows.
    fn best_split<S: NodeStats<Item = Item>>(
        &mut self,
        from: usize,
        to: usize,
        node: &S,
        empty: &S,
    ) -> Option<BestSplit<S>> {
        let width = self.drawn.0.len();
        let tried = self.growth.tried(width);
        let min_leaf = self.growth.min_samples_leaf.max(1);
        let least = node.weight() * LEAST_SHARE;
        let mut best: Option<BestSplit<S>> = None;
        let mut purest: Option<f64> = None;
        let mut looked_at = 0;
        for turn in 0..width {
            if looked_at == tried {
                break;
            }
            let feature = self.drawn.next(turn, tried, self.rng);
            let entries = &self.entries[feature][from..to];
            if entries[0].value >= entries[entries.len() - 1].value {
                continue;
            }
            looked_at += 1;
            let (mut left, mut right) = (empty.clone(), node.clone());
            let mut found = None;
            let rights = self.has_fractions.then(|| right_sides(entries, self.items, empty));
            for at in 1..entries.len() {
                let item = self.items[entries[at - 1].row as usize];
                left.add(item);
                if rights.is_none() {
                    right.remove(item);
                }
                if entries[at - 1].value < entries[at].value
                    && at >= min_leaf
                    && entries.len() - at >= min_leaf
                {
                    let (right_purity, right_weight) =
                        rights.as_ref().map_or_else(|| (right.purity(), right.weight()), |rights| rights[at]);
                    let purity = left.purity() + right_purity;
                    if !purity.is_finite() || left.weight() <= least || right_weight <= least {
                        continue;
                    }
                    // By more than rounding.
                    if purest.is_none_or(|known| purity > known + known.abs() * 1e-13) {
                        purest = Some(purity);
                        found = Some(at);
                    }
                }
            }
            if let (Some(count), Some(purity)) = (found, purest) {
                let (mut left, mut right) = (empty.clone(), empty.clone());
                for entry in &entries[..count] {
                    left.add(self.items[entry.row as usize]);
                }
                for entry in &entries[count..] {
                    right.add(self.items[entry.row as usize]);
                }
                let (low, high) = (entries[count - 1].value, entries[count].value);
                let threshold = between(low, high);
                best = Some(BestSplit { feature, threshold, count, purity, left, right });
            }
        }
        best
    }

    /// Brings the rows of each side together, in the order they had.
    fn partition<S>(&mut self, from: usize, to: usize, best: &BestSplit<S>) {
        for (at, entry) in self.entries[best.feature][from..to].iter().enumerate() {
            self.goes_left[entry.row as usize] = at < best.count;
        }
        for (feature, entries) in self.entries.iter_mut().enumerate() {
            if feature == best.feature {
                continue;
            }
            let entries = &mut entries[from..to];
            self.beside.clear();
            let mut kept = 0;
            for at in 0..entries.len() {
                let entry = entries[at];
                if self.goes_left[entry.row as usize] {
                    entries[kept] = entry;
                    kept += 1;
                } else {
                    self.beside.push(entry);
                }
            }
            entries[kept..].copy_from_slice(&self.beside);
        }
    }
}

/// Of each place of some rows how pure those from there on are, and how much they count.
fn right_sides<S: NodeStats>(entries: &[SortedValue], items: &[S::Item], empty: &S) -> Vec<(f64, f64)> {
    let mut sides = vec![(0.0, 0.0); entries.len()];
    let mut side = empty.clone();
    for (at, entry) in entries.iter().enumerate().rev() {
        side.add(items[entry.row as usize]);
        sides[at] = (side.purity(), side.weight());
    }
    sides
}

/// A number from `low` to below `high`, half way where there is one.
pub fn between(low: f32, high: f32) -> f32 {
    let middle = low / 2.0 + high / 2.0;
    if middle >= low && middle < high { middle } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(column: &[f32]) -> Features {
        Features::unscaled(Matrix::new(vec![column.to_vec()]))
    }

    /// The weights of boosting differ by more than a sum has digits.
    #[test]
    fn rows_that_hardly_count_are_not_split_off_by_rounding() {
        let mut rng = Rng::with_seed(2);
        for criterion in [Criterion::Gini, Criterion::Entropy] {
            for _ in 0..50 {
                let column: Vec<f32> = (0..40).map(|row| row as f32).collect();
                let classes: Vec<u32> = (0..40).map(|_| rng.u32(0..3)).collect();
                let weights: Vec<f64> =
                    (0..40).map(|_| if rng.u8(0..4) == 0 { rng.f64() } else { 1e-19 * rng.f64() }).collect();
                let target = TargetValues::Classes { classes: classes.clone(), count: 3 };
                let growth = TreeOptions { criterion, max_depth: Some(1), ..TreeOptions::default() };
                let bag = SampleWeights::Weights(&weights);
                let mut gains = [0.0];
                let tree = grow(&of(&column), &target, bag, &growth, &mut Rng::with_seed(1), &mut gains);
                assert!(gains[0].is_finite() && gains[0] >= -1e-9, "{gains:?}");
                let all: f64 = weights.iter().sum();
                for leaf in tree.leaves.chunks(3) {
                    assert!((leaf.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{leaf:?}");
                }
                let first = tree.predict(&of(&column).raw, 0).to_vec();
                let same = |row: &usize| tree.predict(&of(&column).raw, *row) == first;
                let left: f64 = (0..40).filter(same).map(|row| weights[row]).sum();
                assert!(
                    tree.leaves.len() == 3 || (left > all * 1e-12 && left < all * (1.0 - 1e-12)),
                    "{left}"
                );
            }
        }
    }

    /// As scikit-learn has it: what is new and lies between two rows goes by what was drawn.
    #[test]
    fn the_threshold_that_was_drawn_is_the_one_that_is_kept() {
        let target = TargetValues::Numbers(vec![1.0, 2.0]);
        let growth = TreeOptions { draws_thresholds: true, ..TreeOptions::default() };
        let between = of(&[2.0, 9.0]);
        let lefts = (0..200).filter(|seed| {
            let bag = SampleWeights::Once;
            let tree = grow(&of(&[0.0, 10.0]), &target, bag, &growth, &mut Rng::with_seed(*seed), &mut [0.0]);
            let sides = [0, 1].map(|row| tree.predict(&between.raw, row)[0]);
            sides[0] < 1.5 && sides[1] > 1.5
        });
        let lefts = lefts.count();
        assert!((110..170).contains(&lefts), "seven of ten: {lefts}");
    }
}
