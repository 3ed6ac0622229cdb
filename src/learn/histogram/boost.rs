//! Trees one after the other, each on what those before it leave over.

use fastrand::Rng;

use super::bins::Binned;
use super::cells::{Cell, Curved, Even, Units};
use super::grow::{Grower, Growth};
use super::objective::{Aim, Weighted};
use super::scan::Scratch;
use super::shard::{Draw, STRETCH, Shard};
use super::team::{Team, with_team};
use crate::learn::families::seed_of;
use crate::learn::trees::Tree;

/// Cells of a table that are worth a thread, at least: each has sums of its own, which come together after each split.
const CELLS_OF_A_THREAD: usize = 200_000;
/// Threads whose sums still come together faster than they are made.
const MOST_THREADS: usize = 16;

/// Of so many threads those that are worth their while.
pub fn worthwhile(threads: usize, rows: usize, features: usize) -> usize {
    threads.min((rows * features).div_ceil(CELLS_OF_A_THREAD)).clamp(1, MOST_THREADS)
}

/// When to stop before all rounds are over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stopping {
    /// Rounds without a gain.
    pub patience: usize,
    /// Of the rows, by which that is judged; they are not learnt from.
    pub share: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoostOptions {
    pub rounds: usize,
    pub rate: f64,
    pub growth: Growth,
    /// Of the rows, drawn without replacement in each round.
    pub subsample: f64,
    pub stopping: Option<Stopping>,
    pub seed: u64,
    /// What is fitted is the same for any number.
    pub threads: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Boosted {
    /// Each with the score that it is added to.
    pub trees: Vec<(Tree, usize)>,
    /// How many there are after each round.
    pub rounds: Vec<usize>,
    /// Of each feature what its splits brought.
    pub gains: Vec<f64>,
}

/// Fits trees to what is left over by `start`, a number for each score.
pub fn boost<'a>(
    binned: &Binned,
    rows: impl Into<Weighted<'a>>,
    start: &[f64],
    options: &BoostOptions,
) -> Boosted {
    let rows = rows.into();
    let boosted = match rows {
        Weighted { aim: Aim::Numbers(values), weights: None } if is_even(values, start[0]) => {
            run::<Even>(binned, rows, start, options)
        }
        Weighted { .. } => run::<Curved>(binned, rows, start, options),
    };
    boosted.unwrap_or_else(|| Boosted {
        trees: Vec::new(),
        rounds: Vec::new(),
        gains: vec![0.0; binned.features.len()],
    })
}

/// Whether gradients can share a word with the count of rows: not where some few are so great that the others would be lost.
fn is_even(values: &[f64], start: f64) -> bool {
    let left = || values.iter().map(|value| (value - start).abs());
    let most = left().fold(0.0, f64::max);
    let mean = left().sum::<f64>() / values.len() as f64;
    most * 4096.0 <= mean * 2.0_f64.powi(Units::digits(values.len()) as i32)
}

fn run<C: Cell>(
    binned: &Binned,
    weighted: Weighted<'_>,
    start: &[f64],
    options: &BoostOptions,
) -> Option<Boosted> {
    let (rows, stride) = (binned.rows, binned.stride);
    let each = rows.div_ceil(options.threads.max(1)).next_multiple_of(STRETCH);
    let apart = options.stopping.map(|it| Draw { seed: seed_of(options.seed, u64::MAX), share: it.share });
    let shard = |from: usize| Shard::new(binned, (from, each.min(rows - from)), weighted, start, apart);
    let shards: Vec<Shard<'_, C>> = (0..rows).step_by(each.max(1)).map(shard).collect();
    let apart: usize = shards.iter().map(Shard::apart).sum();
    let stopping = options.stopping.filter(|_| apart > 0);
    with_team(shards, stride, |team| rounds(team, binned, weighted, BoostOptions { stopping, ..*options }))
}

fn rounds<C: Cell>(
    team: &mut Team<'_, C>,
    binned: &Binned,
    weighted: Weighted<'_>,
    options: BoostOptions,
) -> Boosted {
    let width = binned.features.len();
    let mut grower = Grower {
        binned,
        growth: options.growth,
        rate: options.rate,
        rng: Rng::new(),
        gains: vec![0.0; width],
        order: (0..width).collect(),
        unit: None,
        scratch: Scratch::default(),
    };
    let is_drawn = options.subsample < 1.0;
    let (scores, most_curvature) = (weighted.aim.scores(), weighted.most_curvature());
    let mut trees: Vec<(Tree, usize)> = Vec::new();
    // The least loss, and how many trees there were.
    let mut best = (options.stopping.map_or(0.0, |_| team.loss()), 0);
    for round in 0..options.rounds {
        let seed = seed_of(options.seed, round as u64);
        grower.rng = Rng::with_seed(seed);
        let draw = is_drawn.then_some(Draw { seed, share: options.subsample });
        let most = team.round(draw);
        // Where nothing is left over, or more than numbers hold, no tree helps.
        if !(most > 0.0 && most.is_finite()) {
            break;
        }
        let units = Units::new(binned.rows, most, most_curvature);
        for score in 0..scores {
            trees.push((grower.grow(team, score, &units), score));
        }
        let is_idle = trees[trees.len().saturating_sub(scores)..].iter().all(|(tree, _)| tree.len() == 1);
        if is_idle && !is_drawn && options.growth.max_features.is_none() {
            break;
        }
        if let Some(stopping) = options.stopping {
            let loss = team.loss();
            if loss < best.0 {
                best = (loss, trees.len());
            } else if trees.len() >= best.1 + stopping.patience * scores {
                break;
            }
        }
    }
    if options.stopping.is_some() {
        trees.truncate(best.1);
    }
    let mut kept = 0;
    let of_round = |round: &[(Tree, usize)]| {
        kept += round.iter().filter(|(tree, _)| tree.len() > 1).count();
        kept
    };
    let mut rounds: Vec<usize> = trees.chunks(scores).map(of_round).collect();
    // A model has a tree at least.
    trees.retain(|(tree, _)| tree.len() > 1);
    if trees.is_empty() {
        let mut tree = Tree::new(1);
        let node = tree.add();
        tree.close(node, std::iter::once(0.0));
        trees.push((tree, 0));
        rounds = vec![1];
    }
    Boosted { trees, rounds, gains: grower.gains }
}
