//! Growing a tree whose thresholds are drawn (Geurts 2006). Of each feature a single one is tried, so that rows need no order:
//! they are only dealt to both sides.

use fastrand::Rng;

use super::Tree;
use super::grow::{DrawnFeatures, LEAST_SHARE, OpenNode, SampleWeights, TreeOptions, is_done};
use super::impurity::NodeStats;
use crate::learn::features::Matrix;

pub(super) struct Drawer<'a, Item> {
    matrix: &'a Matrix,
    items: &'a [Item],
    growth: &'a TreeOptions,
    rng: &'a mut Rng,
    /// Those of a node stand together.
    rows: Vec<u32>,
    drawn: DrawnFeatures,
    /// Of the rows of a node the values of a feature.
    values: Vec<f32>,
}

struct BestSplit<S> {
    feature: usize,
    threshold: f32,
    purity: f64,
    left: S,
    right: S,
}

impl<'a, Item: Copy> Drawer<'a, Item> {
    pub fn new(
        matrix: &'a Matrix,
        items: &'a [Item],
        bag: SampleWeights<'_>,
        growth: &'a TreeOptions,
        rng: &'a mut Rng,
    ) -> Self {
        let rows: Vec<u32> = (0..matrix.rows as u32).filter(|row| bag.of(*row as usize) > 0.0).collect();
        let drawn = DrawnFeatures::of(matrix);
        let values = Vec::with_capacity(rows.len());
        Self { matrix, items, growth, rng, rows, drawn, values }
    }

    pub fn grow<S: NodeStats<Item = Item>>(mut self, empty: &S, gains: &mut [f64]) -> Tree {
        let mut tree = Tree::new(empty.outputs());
        let mut side = empty.clone();
        for row in &self.rows {
            side.add(self.items[*row as usize]);
        }
        let node = tree.add();
        let mut waiting = vec![OpenNode { node, from: 0, to: self.rows.len(), depth: 0, side }];
        while let Some(OpenNode { node, from, to, depth, side }) = waiting.pop() {
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
            let middle = from + self.deal(from, to, &best);
            waiting.push(OpenNode { node: right, from: middle, to, depth: depth + 1, side: best.right });
            waiting.push(OpenNode { node: left, from, to: middle, depth: depth + 1, side: best.left });
        }
        tree
    }

    /// Of the features that are tried the split that leaves the purest sides, of equal ones the first. None where no feature
    /// differs between the rows, or every threshold leaves too few on a side.
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
        let rows = &self.rows[from..to];
        let mut best: Option<BestSplit<S>> = None;
        let mut looked_at = 0;
        for turn in 0..width {
            if looked_at == tried {
                break;
            }
            let feature = self.drawn.next(turn, tried, self.rng);
            let column = self.matrix.column(feature);
            self.values.clear();
            self.values.extend(rows.iter().map(|row| column[*row as usize]));
            let (low, high) = ends(&self.values);
            if low >= high {
                continue;
            }
            looked_at += 1;
            let threshold = threshold(low, high, self.rng);
            let count = self.values.iter().filter(|value| **value <= threshold).count();
            if count < min_leaf || rows.len() - count < min_leaf {
                continue;
            }
            let (mut left, mut right) = (empty.clone(), empty.clone());
            for (value, row) in self.values.iter().zip(rows) {
                let side = if *value <= threshold { &mut left } else { &mut right };
                side.add(self.items[*row as usize]);
            }
            let purity = left.purity() + right.purity();
            if !purity.is_finite() || left.weight() <= least || right.weight() <= least {
                continue;
            }
            // By more than rounding.
            let is_better = |known: &BestSplit<S>| purity > known.purity + known.purity.abs() * 1e-13;
            if best.as_ref().is_none_or(is_better) {
                best = Some(BestSplit { feature, threshold, purity, left, right });
            }
        }
        best
    }

    /// Brings the rows of each side together; how many go left.
    fn deal<S>(&mut self, from: usize, to: usize, best: &BestSplit<S>) -> usize {
        let column = self.matrix.column(best.feature);
        let rows = &mut self.rows[from..to];
        let mut count = 0;
        for at in 0..rows.len() {
            if column[rows[at] as usize] <= best.threshold {
                rows.swap(at, count);
                count += 1;
            }
        }
        count
    }
}

/// The least and the greatest value.
fn ends(values: &[f32]) -> (f32, f32) {
    let start = values.first().copied().unwrap_or(0.0);
    values.iter().fold((start, start), |(low, high), value| {
        (if *value < low { *value } else { low }, if *value > high { *value } else { high })
    })
}

/// A number from `low` to below `high`.
fn threshold(low: f32, high: f32, rng: &mut Rng) -> f32 {
    let drawn = f64::from(low) + rng.f64() * (f64::from(high) - f64::from(low));
    // What is drawn may be the greatest value by rounding.
    (drawn as f32).clamp(low, high.next_down())
}
