//! Runs that differ in nothing but their seed or fold, and what their metrics come to.

use rustc_hash::FxHashMap;

use super::{CompareCell, Member};
use crate::catalog::{Catalog, Row, Sym};
use crate::select::is_seed;

/// The runs by their other params, in the order in which each first occurs. A run without params stays by itself:
/// nothing says that it is a repetition of another.
pub fn by_seed(catalog: &Catalog, rows: &[Row]) -> Vec<Member> {
    let mut keys: Vec<Vec<(usize, Sym)>> = vec![Vec::new(); rows.len()];
    for (at, (key, column)) in catalog.params.columns(&catalog.texts).enumerate() {
        if is_seed(key) {
            continue;
        }
        for (place, row) in rows.iter().enumerate() {
            if let Some(value) = column.get(*row) {
                keys[place].push((at, value));
            }
        }
    }
    let mut members: Vec<Member> = Vec::new();
    let mut known: FxHashMap<Vec<(usize, Sym)>, usize> = FxHashMap::default();
    for (row, key) in rows.iter().zip(keys) {
        let place = if key.is_empty() { None } else { known.get(&key).copied() };
        match place {
            Some(member) => members[member].rows.push(*row),
            None => {
                known.insert(key, members.len());
                members.push(Member { rows: vec![*row] });
            }
        }
    }
    members
}

/// Mean and sample standard deviation (with n − 1), by Welford's method, of the values that are not infinite: a seed that
/// diverged says nothing of the others, and is counted apart. NaN where a value is NaN; infinite where all are.
pub fn mean(values: &[f64]) -> CompareCell<'static> {
    let infinite = values.iter().filter(|value| value.is_infinite()).count();
    if infinite > 0 && infinite == values.len() {
        return CompareCell::Mean { mean: values.iter().sum(), deviation: None, count: infinite, infinite };
    }
    let (mut mean, mut squares, mut count) = (0.0, 0.0, 0);
    for value in values.iter().filter(|value| !value.is_infinite()) {
        count += 1;
        let from_mean = value - mean;
        mean += from_mean / count as f64;
        squares += from_mean * (value - mean);
    }
    match count {
        0 => CompareCell::Missing,
        _ => {
            let deviation = (count > 1).then(|| (squares / (count - 1) as f64).sqrt());
            CompareCell::Mean { mean, deviation, count, infinite }
        }
    }
}
