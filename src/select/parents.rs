//! Parents that repeat what a run below them has, through whatever run stands between.

use rustc_hash::{FxHashMap, FxHashSet};

use super::rank::{Candidate, Columns};
use crate::catalog::{Catalog, Row};
use crate::mlflow::{RunId, tags};

/// Nobody nests runs deeper.
pub const DEEPEST: usize = 64;

/// Parents (and theirs) that have the very values of an eligible child: a sweep's parent repeats the best of its trials,
/// and the model is with the trial.
pub(super) fn repeating_parents(
    catalog: &Catalog,
    eligible: &[Candidate],
    objectives: &Columns<'_>,
) -> FxHashSet<Row> {
    let mut repeating = FxHashSet::default();
    let Some(parents) = catalog.tags.column(&catalog.texts, tags::PARENT_RUN_ID) else { return repeating };
    if parents.is_empty() {
        return repeating;
    }
    let with_parents: Vec<_> =
        eligible.iter().filter_map(|(value, row)| Some((*value, *row, parents.get(*row)?))).collect();
    if with_parents.is_empty() {
        return repeating;
    }
    // Parents are named by text; those that are runs here are looked up by the number of the same text.
    let rows: FxHashMap<_, Row> = catalog.rows().map(|row| (catalog.run(row).run_id, row)).collect();
    let values: FxHashMap<Row, f64> = eligible.iter().map(|(value, row)| (*row, *value)).collect();
    let is_same = |a: Row, b: Row| (1..objectives.list.len()).all(|at| objectives.compare(at, a, b).is_eq());
    for (value, row, parent) in with_parents {
        let first = rows.get(&parent).copied();
        let next = |row: Row| parents.get(row).and_then(|sym| rows.get(&sym).copied());
        let Some(above) = chain(row, first, next) else { continue };
        repeating.extend(above.into_iter().filter(|parent| {
            let same = values.get(parent).is_some_and(|known| known.total_cmp(&value).is_eq());
            same && is_same(*parent, row)
        }));
    }
    repeating
}

/// The runs above a row. None where these lead back to it, or nobody knows whether they do: then each of them is below
/// the others as well, and no one of them repeats the rest.
fn chain(row: Row, first: Option<Row>, next: impl Fn(Row) -> Option<Row>) -> Option<Vec<Row>> {
    let mut above = Vec::new();
    let mut at = first;
    while let Some(parent) = at {
        if parent == row || above.len() == DEEPEST {
            return None;
        }
        // The runs above may go round without this one.
        if above.contains(&parent) {
            break;
        }
        above.push(parent);
        at = next(parent);
    }
    Some(above)
}

/// Runs that are named as parents and are not in a catalogue: one that failed links the run above it to those below.
pub fn missing_parents(catalog: &Catalog) -> Vec<RunId> {
    let Some(parents) = catalog.tags.column(&catalog.texts, tags::PARENT_RUN_ID) else { return Vec::new() };
    let parents: FxHashSet<_> = parents.iter().map(|(_, parent)| parent).collect();
    if parents.is_empty() {
        return Vec::new();
    }
    let known: FxHashSet<_> = catalog.rows().map(|row| catalog.run(row).run_id).collect();
    let missing = parents.difference(&known).map(|parent| catalog.texts.get(*parent));
    // A tag holds anything; an id is a word.
    let is_id = |text: &&str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let mut missing: Vec<RunId> = missing.filter(is_id).map(RunId::from).collect();
    missing.sort_unstable();
    missing
}
