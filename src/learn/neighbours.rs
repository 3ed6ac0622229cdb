//! The nearest of known rows: by a k-d tree where features are few, else by products of blocks of rows, which leave few rows
//! whose distance has to be reckoned. Either way it is the distance in double precision, rounded to single precision, that
//! decides, and of equally near rows the first.

use std::collections::BinaryHeap;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, Slice};

/// Features up to which a tree leaves out more rows than blocks cost.
const FEW_FEATURES: usize = 10;
/// Rows from which on a tree is worth its making.
const MANY_ROWS: usize = 2_000;
/// Rows of a leaf.
const LEAF: usize = 24;
/// Rows that neighbours are sought for at a time.
pub const BLOCK: usize = 64;
/// Known rows whose products are reckoned at a time.
const KNOWN_BLOCK: usize = 1_024;
/// Products that are compared at a time.
const LANES: usize = 16;

/// Known rows, made ready for the search.
pub struct Index<'a> {
    known: ArrayView2<'a, f32>,
    by: By,
}

enum By {
    Tree(Tree),
    /// The squared length of each row.
    Blocks(Vec<f32>),
}

impl<'a> Index<'a> {
    /// Of these rows.
    pub fn new(known: ArrayView2<'a, f32>) -> Self {
        let by = if known.ncols() <= FEW_FEATURES && known.nrows() >= MANY_ROWS {
            By::Tree(Tree::new(known))
        } else {
            let length = |row: ndarray::ArrayView1<'_, f32>| {
                row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() as f32
            };
            By::Blocks(known.outer_iter().map(length).collect())
        };
        Self { known, by }
    }

    /// Of each of some rows so many nearest ones as squared distance and number, the nearest first.
    pub fn nearest(&self, rows: ArrayView2<'_, f32>, count: usize) -> Vec<Vec<(f32, usize)>> {
        let count = count.clamp(1, self.known.nrows().max(1));
        let mut found: Vec<Nearest> = rows.outer_iter().map(|_| Nearest::new(count)).collect();
        match &self.by {
            By::Tree(tree) => {
                let mut past = vec![0.0; rows.ncols()];
                for (row, nearest) in rows.outer_iter().zip(&mut found) {
                    let here: Vec<f32> = row.to_vec();
                    tree.visit(0, 0.0, &mut past, &here, nearest);
                }
            }
            By::Blocks(lengths) => self.by_blocks(rows, lengths, &mut found),
        }
        found.into_iter().map(Nearest::sorted).collect()
    }

    fn by_blocks(&self, rows: ArrayView2<'_, f32>, lengths: &[f32], found: &mut [Nearest]) {
        let width = rows.ncols();
        let here: Vec<Vec<f32>> = rows.outer_iter().map(|row| row.to_vec()).collect();
        let length = |row: &Vec<f32>| row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() as f32;
        let of_rows: Vec<f32> = here.iter().map(length).collect();
        let mut products = Array2::zeros((rows.nrows(), KNOWN_BLOCK));
        for from in (0..self.known.nrows()).step_by(KNOWN_BLOCK) {
            let to = (from + KNOWN_BLOCK).min(self.known.nrows());
            let block = self.known.slice_axis(Axis(0), Slice::from(from..to));
            let lengths = &lengths[from..from + block.nrows()];
            let longest = lengths.iter().copied().fold(0.0_f32, f32::max).sqrt();
            let mut products = products.slice_axis_mut(Axis(1), Slice::from(..block.nrows()));
            general_mat_mul(-2.0, &rows, &block.t(), 0.0, &mut products);
            for (at, nearest) in found.iter_mut().enumerate() {
                // What rounding can hide of a distance.
                let reach = of_rows[at].sqrt() + longest;
                let slack = (width + 16) as f32 * f32::EPSILON * reach * reach;
                let row = products.row_mut(at).into_slice().expect("a row has no gaps");
                row.iter_mut().zip(lengths).for_each(|(product, length)| *product += length);
                for (chunk, products) in row.chunks(LANES).enumerate() {
                    let bound = nearest.limit() - of_rows[at] + slack;
                    // A bound or product that is not a number leaves nothing out.
                    if products.iter().filter(|product| **product > bound).count() == products.len() {
                        continue;
                    }
                    for (lane, product) in products.iter().enumerate() {
                        let is_far = *product > bound;
                        if !is_far {
                            let known = chunk * LANES + lane;
                            let row = block.row(known);
                            let row = row.as_slice().expect("a row has no gaps");
                            nearest.offer(distance(row, &here[at]), from + known);
                        }
                    }
                }
            }
        }
    }
}

/// The squared distance, in double precision rounded to single.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let square = |(a, b): (&f32, &f32)| {
        let difference = f64::from(*a) - f64::from(*b);
        difference * difference
    };
    a.iter().zip(b).map(square).sum::<f64>() as f32
}

/// The nearest rows so far: the bits of their distance, which are in its order, and their number.
struct Nearest {
    count: usize,
    heap: BinaryHeap<(u32, u32)>,
}

impl Nearest {
    fn new(count: usize) -> Self {
        Self { count, heap: BinaryHeap::with_capacity(count + 1) }
    }

    /// No row that is further away is wanted.
    fn limit(&self) -> f32 {
        if self.heap.len() < self.count {
            return f32::INFINITY;
        }
        self.heap.peek().map_or(f32::INFINITY, |(bits, _)| f32::from_bits(*bits))
    }

    fn offer(&mut self, distance: f32, number: usize) {
        let offered = (distance.abs().to_bits(), number as u32);
        if self.heap.len() < self.count {
            self.heap.push(offered);
        } else if let Some(mut furthest) = self.heap.peek_mut()
            && offered < *furthest
        {
            *furthest = offered;
        }
    }

    fn sorted(self) -> Vec<(f32, usize)> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        sorted.map(|(bits, number)| (f32::from_bits(bits), number as usize)).collect()
    }
}

/// Rows cut in two halves again and again, each time by the feature that is spread widest.
struct Tree {
    nodes: Vec<Node>,
    /// The numbers of the rows, leaf by leaf, and the rows themselves in that order.
    numbers: Vec<u32>,
    rows: Array2<f32>,
}

enum Node {
    Leaf { from: usize, to: usize },
    Cut { feature: usize, at: f32, lower: usize, upper: usize },
}

impl Tree {
    fn new(known: ArrayView2<'_, f32>) -> Self {
        let mut numbers: Vec<u32> = (0..known.nrows() as u32).collect();
        let mut nodes = Vec::with_capacity(2 * known.nrows() / LEAF + 1);
        cut(known, &mut numbers, 0, &mut nodes);
        let order: Vec<usize> = numbers.iter().map(|number| *number as usize).collect();
        Self { nodes, rows: known.select(Axis(0), &order), numbers }
    }

    /// Offers the rows below a node that can be near enough. `least` is the squared distance to its box, `past` its part of
    /// each feature.
    fn visit(&self, node: usize, least: f64, past: &mut [f64], here: &[f32], nearest: &mut Nearest) {
        match &self.nodes[node] {
            Node::Leaf { from, to } => {
                for at in *from..*to {
                    let row = self.rows.row(at);
                    let row = row.as_slice().expect("a row has no gaps");
                    nearest.offer(distance(row, here), self.numbers[at] as usize);
                }
            }
            Node::Cut { feature, at, lower, upper } => {
                let beyond = f64::from(here[*feature]) - f64::from(*at);
                let (near, far) = if beyond < 0.0 { (lower, upper) } else { (upper, lower) };
                self.visit(*near, least, past, here, nearest);
                let before = past[*feature];
                let of_far = least - before + beyond * beyond;
                // Sums of other order are off by less than that.
                let is_out = (of_far * (1.0 - 1e-9)) as f32 > nearest.limit();
                if !is_out {
                    past[*feature] = beyond * beyond;
                    self.visit(*far, of_far, past, here, nearest);
                    past[*feature] = before;
                }
            }
        }
    }
}

/// Adds the node of some rows, which stand from `from` on, and those below it; where it is added.
fn cut(known: ArrayView2<'_, f32>, numbers: &mut [u32], from: usize, nodes: &mut Vec<Node>) -> usize {
    let place = nodes.len();
    nodes.push(Node::Leaf { from, to: from + numbers.len() });
    if numbers.len() <= LEAF {
        return place;
    }
    let spread = |feature: usize| {
        let column = known.column(feature);
        let (mut least, mut greatest) = (f32::INFINITY, f32::NEG_INFINITY);
        for number in numbers.iter() {
            let value = column[*number as usize];
            (least, greatest) = (least.min(value), greatest.max(value));
        }
        greatest - least
    };
    let spreads = (0..known.ncols()).map(spread);
    let widest = spreads.enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    let Some((feature, spread)) = widest else { return place };
    if spread <= 0.0 {
        return place;
    }
    let column = known.column(feature);
    let middle = numbers.len() / 2;
    let value = |number: &u32| column[*number as usize];
    let (_, at, _) =
        numbers.select_nth_unstable_by(middle, |a, b| value(a).total_cmp(&value(b)).then(a.cmp(b)));
    let at = value(at);
    let (below, above) = numbers.split_at_mut(middle);
    let lower = cut(known, below, from, nodes);
    let upper = cut(known, above, from + middle, nodes);
    nodes[place] = Node::Cut { feature, at, lower, upper };
    place
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    /// All distances, sorted.
    fn by_hand(known: &Array2<f32>, here: &[f32], count: usize) -> Vec<(f32, usize)> {
        let rows = known.outer_iter().enumerate();
        let mut all: Vec<_> = rows.map(|(at, row)| (distance(&row.to_vec(), here), at)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.truncate(count);
        all
    }

    #[test]
    fn trees_and_blocks_find_the_rows_that_a_look_at_all_finds() {
        let mut rng = Rng::with_seed(7);
        for (rows, width) in [(1, 1), (5, 3), (1_100, 12), (2_500, 1), (3_000, 4), (2_100, 10), (2_500, 17)] {
            for kind in 0..4 {
                let mut draw = || match kind {
                    0 => rng.f32() * 4.0 - 2.0,
                    // Many that are equally far.
                    1 => (rng.f32() * 3.0).floor(),
                    // Far from 0, so that products round away what differs.
                    2 => 1e4 + rng.f32(),
                    _ => 0.5,
                };
                let known = Array2::from_shape_simple_fn((rows, width), &mut draw);
                let sought = Array2::from_shape_simple_fn((9, width), &mut draw);
                for count in [1, 7, rows + 3] {
                    let found = Index::new(known.view()).nearest(sought.view(), count);
                    for (found, row) in found.iter().zip(sought.outer_iter()) {
                        assert_eq!(*found, by_hand(&known, &row.to_vec(), count.min(rows)));
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_beyond_single_precision_leave_nobody_out() {
        let known = Array2::from_shape_fn((40, 12), |(row, _)| if row == 30 { 1e25 } else { row as f32 });
        let sought = Array2::from_elem((2, 12), 3e24_f32);
        let found = Index::new(known.view()).nearest(sought.view(), 3);
        assert_eq!(found[0], by_hand(&known, &[3e24; 12], 3));
    }
}
