//! A stretch of the rows, and what a thread does to it: it shares its rows out to the leaves of a tree, and sums them up.

use std::sync::Arc;

use super::bins::Binned;
use super::cells::{Cell, Units};
use super::objective::{Scored, Weighted};

/// Of a byte of the rows: the sums of each bin.
pub type Histogram<C> = Vec<[C; 256]>;

/// Rows whose losses are summed up at once: sums of these are added in the order of the rows, whoever summed them up.
pub const STRETCH: usize = 4096;

/// Which bins go left.
pub type GoesLeft = [bool; 256];

/// Rows that grow a tree, and rows that only come to their leaves.
#[derive(Debug, Clone, Copy, Default)]
struct Leaf {
    from: usize,
    to: usize,
    out_from: usize,
    out_to: usize,
}

/// Which rows grow the trees of a round: each is drawn by itself, so that it does not matter who draws.
#[derive(Debug, Clone, Copy)]
pub struct Draw {
    pub seed: u64,
    /// Of the rows that are learnt from.
    pub share: f64,
}

impl Draw {
    fn takes(self, row: usize) -> bool {
        let drawn = crate::learn::families::seed_of(self.seed, row as u64) >> 11;
        (drawn as f64) < self.share * (1_u64 << 53) as f64
    }
}

/// What a thread is asked for.
pub enum Order<C> {
    /// A round begins: [`Reply::Most`].
    Round(Option<Draw>),
    /// A tree begins, for that score: [`Reply::Sums`] of all rows.
    Tree(usize, Units, Histogram<C>),
    /// A leaf is split, the right part being a new one: [`Reply::Sums`] of the one of both that is named.
    Split(Arc<Parting>, Option<(usize, Histogram<C>)>),
    /// A tree is grown: each leaf's step is added to that score. No reply.
    Step(usize, Arc<[f64]>),
    /// How wrong scores are of rows that are kept apart: [`Reply::Losses`].
    Loss,
}

/// How a leaf is split.
pub struct Parting {
    pub leaf: usize,
    pub byte: usize,
    pub goes_left: GoesLeft,
}

pub enum Reply<C> {
    /// No gradient is greater.
    Most(f64),
    Sums(Histogram<C>),
    /// Of each [`STRETCH`].
    Losses(Vec<f64>),
    Nothing,
}

pub struct Shard<'a, C> {
    /// The number of its first row.
    first: usize,
    /// How many there are.
    count: usize,
    binned: &'a Binned,
    scored: Scored<'a>,
    /// Those that are learnt from.
    learnt: Vec<u32>,
    /// Of these, where they are drawn: those that grow trees of this round, and those that do not.
    drawn: Option<(Vec<u32>, Vec<u32>)>,
    /// Rows by which it is judged when to stop.
    kept_apart: Vec<u32>,
    cells: Vec<C>,
    /// By leaves.
    rows: Vec<u32>,
    out: Vec<u32>,
    beside: Vec<u32>,
    leaves: Vec<Leaf>,
}

impl<'a, C: Cell> Shard<'a, C> {
    /// `count` rows from `first` on; `apart` draws those by which it is judged when to stop.
    pub fn new(
        binned: &'a Binned,
        (first, count): (usize, usize),
        weighted: Weighted<'a>,
        start: &[f64],
        apart: Option<Draw>,
    ) -> Self {
        let is_apart = |row: &u32| apart.is_some_and(|draw| draw.takes(first + *row as usize));
        let (kept_apart, learnt): (Vec<u32>, Vec<u32>) = (0..count as u32).partition(is_apart);
        Self {
            first,
            count,
            binned,
            scored: Scored::new(weighted.of(first, first + count), start),
            learnt,
            drawn: None,
            kept_apart,
            cells: Vec::new(),
            rows: Vec::new(),
            out: Vec::new(),
            beside: vec![0; count],
            leaves: Vec::new(),
        }
    }

    pub fn carry_out(&mut self, order: Order<C>) -> Reply<C> {
        match order {
            Order::Round(draw) => {
                let takes = |draw: Draw, row: u32| draw.takes(self.first + row as usize);
                self.drawn = draw.map(|draw| self.learnt.iter().partition(|row| takes(draw, **row)));
                Reply::Most(self.scored.begin())
            }
            Order::Tree(score, units, mut sums) => {
                self.scored.cells(score, &units, &mut self.cells);
                self.out.clone_from(&self.kept_apart);
                match &self.drawn {
                    Some((drawn, others)) => {
                        self.rows.clone_from(drawn);
                        self.out.extend(others);
                    }
                    None => self.rows.clone_from(&self.learnt),
                }
                self.leaves.clear();
                self.leaves.push(Leaf { from: 0, to: self.rows.len(), out_from: 0, out_to: self.out.len() });
                self.sum_up(0, &mut sums);
                Reply::Sums(sums)
            }
            Order::Split(parting, wanted) => {
                self.part(&parting);
                match wanted {
                    Some((leaf, mut sums)) => {
                        self.sum_up(leaf, &mut sums);
                        Reply::Sums(sums)
                    }
                    None => Reply::Nothing,
                }
            }
            Order::Step(score, steps) => {
                for (leaf, step) in self.leaves.iter().zip(steps.iter()) {
                    self.scored.add(score, &self.rows[leaf.from..leaf.to], *step);
                    self.scored.add(score, &self.out[leaf.out_from..leaf.out_to], *step);
                }
                Reply::Nothing
            }
            Order::Loss => {
                let mut losses = vec![0.0; self.count.div_ceil(STRETCH)];
                for row in &self.kept_apart {
                    losses[*row as usize / STRETCH] += self.scored.loss(*row as usize);
                }
                Reply::Losses(losses)
            }
        }
    }

    /// How many rows are kept apart.
    pub fn apart(&self) -> usize {
        self.kept_apart.len()
    }

    fn part(&mut self, parting: &Parting) {
        let leaf = self.leaves[parting.leaf];
        let codes = &self.binned.columns[parting.byte][self.first..self.first + self.count];
        let goes_left = |row: u32| parting.goes_left[usize::from(codes[row as usize])];
        let middle = leaf.from + part(&mut self.rows[leaf.from..leaf.to], &mut self.beside, goes_left);
        let out_middle =
            leaf.out_from + part(&mut self.out[leaf.out_from..leaf.out_to], &mut self.beside, goes_left);
        self.leaves[parting.leaf] = Leaf { to: middle, out_to: out_middle, ..leaf };
        self.leaves.push(Leaf { from: middle, out_from: out_middle, ..leaf });
    }

    fn sum_up(&self, leaf: usize, sums: &mut [[C; 256]]) {
        let Leaf { from, to, .. } = self.leaves[leaf];
        sums.fill([C::default(); 256]);
        let sums = sums.as_chunks_mut::<4>().0;
        let stride = self.binned.stride;
        let codes = &self.binned.codes[self.first * stride..(self.first + self.count) * stride];
        for row in &self.rows[from..to] {
            let row = *row as usize;
            let cell = self.cells[row];
            let codes = codes[row * stride..][..stride].as_chunks::<4>().0;
            for (sums, codes) in sums.iter_mut().zip(codes) {
                for (sums, code) in sums.iter_mut().zip(codes) {
                    sums[usize::from(*code)].add(cell);
                }
            }
        }
    }
}

/// Brings rows that go left to the front, each side in the order it had, and says how many they are.
fn part(rows: &mut [u32], beside: &mut [u32], goes_left: impl Fn(u32) -> bool) -> usize {
    let (mut left, mut right) = (0, 0);
    let beside = &mut beside[..rows.len()];
    for at in 0..rows.len() {
        let row = rows[at];
        let is_left = usize::from(goes_left(row));
        rows[left] = row;
        beside[right] = row;
        left += is_left;
        right += 1 - is_left;
    }
    rows[left..].copy_from_slice(&beside[..right]);
    left
}
