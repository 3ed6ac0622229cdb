//! Which params matter for a metric: rank correlation, and what a forest loses when a param is shuffled.

use rustc_hash::FxHashMap;

use super::forest::{Data, permutations};
use super::{CompareCell, Comparison, Entry, EntryKind, number};
use crate::catalog::{Bound, ColumnSpec};

/// Runs below which nothing is said: a correlation of 0.5 among fewer is as likely as not by chance.
pub const FEWEST: usize = 12;
/// Up to this R² out of bag, the forest has learnt nothing: what it takes for important is noise.
pub const NOISE: f64 = 0.05;
/// Different texts of a param that are told apart; the rest counts as one.
const TEXTS: usize = 12;
const SEED: u64 = 20_260_101;

/// Spearman's rank correlation of a param with the metric, over runs that have both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Correlation {
    Rank(f64),
    /// Fewer than [`FEWEST`] runs have both.
    TooFew,
    /// One of the two is the same in all of them.
    Flat,
    /// Texts have no ranks.
    Text,
}

impl Correlation {
    pub fn number(self) -> Option<f64> {
        if let Self::Rank(number) = self { Some(number) } else { None }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Matter {
    pub param: String,
    pub correlation: Correlation,
    /// The rise of the forest's error when the param is shuffled, over the metric's variance.
    pub importance: f64,
    /// Runs that have the param.
    pub runs: usize,
}

impl Matter {
    /// Whether its importance is noise: of a forest that has learnt nothing, or of too few runs.
    pub fn is_noise(&self, r2: f64) -> bool {
        r2 <= NOISE || self.correlation == Correlation::TooFew
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Matters {
    /// So many runs have the metric; that is too few.
    TooFew { runs: usize },
    /// No param differs.
    NothingDiffers { runs: usize },
    Ranked {
        runs: usize,
        /// Of the forest, out of bag.
        r2: f64,
        /// The most important first, and those behind that too few runs have.
        params: Vec<Matter>,
    },
}

/// A metric's finite values by member, and the params that differ, as numbers or texts.
pub fn matters(comparison: &Comparison, metric: &str, now: i64) -> Matters {
    let target = comparison.metric(metric);
    let numbers =
        |entry: &Entry, bound: &Bound, member: usize| comparison.cell(entry, bound, member, now).number();
    let values: Vec<(usize, f64)> = target.map_or(Vec::new(), |entry| {
        let bound = comparison.bound(entry);
        let found = (0..comparison.members.len()).filter_map(|member| {
            let value = numbers(entry, &bound, member)?;
            value.is_finite().then_some((member, value))
        });
        found.collect()
    });
    if values.len() < FEWEST {
        return Matters::TooFew { runs: values.len() };
    }
    let target: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    let mut params = Vec::new();
    for entry in comparison.entries.iter().filter(|entry| entry.kind == EntryKind::Param && entry.differs) {
        let ColumnSpec::Param(key) = &entry.spec else { continue };
        let bound = comparison.bound(entry);
        let texts = values
            .iter()
            .map(|(member, _)| match comparison.cell(entry, &bound, *member, now) {
                CompareCell::One(crate::catalog::Value::Text(text)) => Some(text.to_owned()),
                CompareCell::Several { first, .. } => Some(first.to_owned()),
                _ => None,
            })
            .collect();
        params.push((key.clone(), texts));
    }
    ranked(&target, params)
}

/// The same of finite values, and of params by name with a text for each value that has one.
pub fn ranked(target: &[f64], texts: Vec<(String, Vec<Option<String>>)>) -> Matters {
    if target.len() < FEWEST {
        return Matters::TooFew { runs: target.len() };
    }
    let mut params: Vec<Matter> = Vec::new();
    let mut rows: Vec<Vec<f64>> = vec![Vec::new(); target.len()];
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (param, texts) in texts {
        let width = rows[0].len();
        let Some(correlation) = add_columns(&texts, target, &mut rows) else { continue };
        groups.push((width..rows[0].len()).collect());
        let runs = texts.iter().flatten().count();
        params.push(Matter { param, correlation, importance: 0.0, runs });
    }
    if params.is_empty() {
        return Matters::NothingDiffers { runs: target.len() };
    }
    let found = permutations(&Data { rows: &rows, target }, &groups, SEED);
    params.iter_mut().zip(found.importance).for_each(|(param, importance)| param.importance = importance);
    params.sort_by(by_importance);
    Matters::Ranked { runs: target.len(), r2: found.r2, params }
}

/// The most important first, then by name; behind them those that say nothing, as too few runs have them.
pub fn by_importance(a: &Matter, b: &Matter) -> std::cmp::Ordering {
    let says_nothing = |matter: &Matter| matter.correlation == Correlation::TooFew;
    let by_trust = says_nothing(a).cmp(&says_nothing(b));
    by_trust.then_with(|| b.importance.total_cmp(&a.importance)).then_with(|| a.param.cmp(&b.param))
}

/// Adds a param to the rows: a number as it is, texts as one column each. Returns the rank correlation; nothing for a param
/// that is the same in all of these runs.
fn add_columns(texts: &[Option<String>], target: &[f64], rows: &mut [Vec<f64>]) -> Option<Correlation> {
    let numbers: Option<Vec<Option<f64>>> = texts
        .iter()
        .map(|text| match text {
            None => Some(None),
            Some(text) => number(text).map(Some),
        })
        .collect();
    let distinct: std::collections::BTreeSet<&Option<String>> = texts.iter().collect();
    if distinct.len() < 2 {
        return None;
    }
    if let Some(numbers) = numbers {
        let known: Vec<(f64, f64)> =
            numbers.iter().zip(target).filter_map(|(x, y)| Some(((*x)?, *y))).collect();
        let mut middle: Vec<f64> = known.iter().map(|(x, _)| *x).collect();
        let middle = crate::chart::quantile::quantile(&mut middle, 0.5).unwrap_or(0.0);
        let has_missing = known.len() < numbers.len();
        for (row, value) in rows.iter_mut().zip(&numbers) {
            // A run without the param stands in the middle, and a column of its own says so.
            row.push(value.unwrap_or(middle));
            if has_missing {
                row.push(f64::from(u8::from(value.is_none())));
            }
        }
        return Some(match spearman(&known) {
            _ if known.len() < FEWEST => Correlation::TooFew,
            Some(rank) => Correlation::Rank(rank),
            None => Correlation::Flat,
        });
    }
    let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
    texts.iter().flatten().for_each(|text| *counts.entry(text).or_default() += 1);
    let mut common: Vec<(&str, usize)> = counts.into_iter().collect();
    common.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    for (row, text) in rows.iter_mut().zip(texts) {
        row.extend(
            common.iter().take(TEXTS).map(|(known, _)| f64::from(u8::from(text.as_deref() == Some(known)))),
        );
    }
    let is_enough = texts.iter().flatten().count() >= FEWEST;
    Some(if is_enough { Correlation::Text } else { Correlation::TooFew })
}

/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of theirs. None where one side is
/// the same everywhere.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let x = ranks(&pairs.iter().map(|(x, _)| *x).collect::<Vec<_>>());
    let y = ranks(&pairs.iter().map(|(_, y)| *y).collect::<Vec<_>>());
    let middle = (pairs.len() as f64 - 1.0) / 2.0;
    let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    let scale = (sum(&x, &x) * sum(&y, &y)).sqrt();
    (scale > 0.0).then(|| (sum(&x, &y) / scale).clamp(-1.0, 1.0))
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && values[order[end]] <= values[order[start]] {
            end += 1;
        }
        let shared = (start + end - 1) as f64 / 2.0;
        order[start..end].iter().for_each(|at| ranks[*at] = shared);
        start = end;
    }
    ranks
}
