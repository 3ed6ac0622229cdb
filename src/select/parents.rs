//! Parents that repeat what a run below them has, through whatever run stands between.

use rustc_hash::{FxHashMap, FxHashSet};

use super::rank::{Candidate, Columns};
use crate::catalog::{Catalog, Column, Row, Sym};
use crate::mlflow::{RunId, tags};

/// Nobody nests runs deeper.
pub const DEEPEST: usize = 64;

/// Runs that are above others and not in a catalogue, such as deleted ones: each with the run above it, if there is one.
pub type Ancestors = FxHashMap<RunId, Option<RunId>>;

/// A run: in the catalogue, or known as an ancestor only.
#[derive(Debug, Clone, Copy, PartialEq)]
enum KnownRun<'a> {
    Here(Row),
    Elsewhere(&'a RunId),
}

/// Which run is above which.
struct RunTree<'a> {
    catalog: &'a Catalog,
    parents: &'a Column<Sym>,
    rows: FxHashMap<Sym, Row>,
    ancestors: &'a Ancestors,
    /// The rows of runs that ancestors name as theirs.
    named: FxHashMap<&'a RunId, Row>,
}

impl<'a> RunTree<'a> {
    fn new(catalog: &'a Catalog, parents: &'a Column<Sym>, ancestors: &'a Ancestors) -> Self {
        let rows: FxHashMap<Sym, Row> = catalog.rows().map(|row| (catalog.run(row).run_id, row)).collect();
        let named: FxHashSet<&RunId> = ancestors.values().flatten().collect();
        let row_of = |row: Row| Some((*named.get(&RunId::from(catalog.run_id(row)))?, row));
        let named =
            if named.is_empty() { FxHashMap::default() } else { catalog.rows().filter_map(row_of).collect() };
        Self { catalog, parents, rows, ancestors, named }
    }

    fn find(&self, id: Sym) -> Option<KnownRun<'a>> {
        // Parents are named by text; those that are runs here are looked up by the number of the same text.
        let here = self.rows.get(&id).map(|row| KnownRun::Here(*row));
        here.or_else(|| self.elsewhere(&RunId::from(self.catalog.texts.get(id))))
    }

    fn elsewhere(&self, id: &RunId) -> Option<KnownRun<'a>> {
        let known = if self.ancestors.is_empty() { None } else { self.ancestors.get_key_value(id) };
        known.map(|(id, _)| KnownRun::Elsewhere(id))
    }

    fn above(&self, place: KnownRun<'a>) -> Option<KnownRun<'a>> {
        match place {
            KnownRun::Here(row) => self.find(self.parents.get(row)?),
            KnownRun::Elsewhere(id) => {
                let parent = self.ancestors.get(id)?.as_ref()?;
                let here = self.named.get(parent);
                here.map(|row| KnownRun::Here(*row)).or_else(|| self.elsewhere(parent))
            }
        }
    }
}

/// Parents (and theirs) that have the very values of an eligible child: a sweep's parent repeats the best of its trials,
/// and the model is with the trial.
pub(super) fn repeating_parents(
    catalog: &Catalog,
    eligible: &[Candidate],
    objectives: &Columns<'_>,
    ancestors: &Ancestors,
) -> FxHashSet<Row> {
    let mut repeating = FxHashSet::default();
    let Some(parents) = catalog.tags.column(&catalog.texts, tags::PARENT_RUN_ID) else { return repeating };
    if parents.is_empty() {
        return repeating;
    }
    let with_parents: Vec<_> =
        eligible.iter().filter(|(_, row)| parents.get(*row).is_some()).copied().collect();
    if with_parents.is_empty() {
        return repeating;
    }
    let values: FxHashMap<Row, f64> = eligible.iter().map(|(value, row)| (*row, *value)).collect();
    let is_same = |a: Row, b: Row| (1..objectives.list.len()).all(|at| objectives.compare(at, a, b).is_eq());
    let tree = RunTree::new(catalog, parents, ancestors);
    for (value, row) in with_parents {
        let Some(above) = chain(row, &tree) else { continue };
        repeating.extend(above.into_iter().filter(|parent| {
            let same = values.get(parent).is_some_and(|known| known.total_cmp(&value).is_eq());
            same && is_same(*parent, row)
        }));
    }
    repeating
}

/// The runs above a row. None where these lead back to it, or nobody knows whether they do: then each of them is below
/// the others as well, and no one of them repeats the rest.
fn chain(row: Row, tree: &RunTree<'_>) -> Option<Vec<Row>> {
    let mut above = Vec::new();
    let mut at = tree.above(KnownRun::Here(row));
    while let Some(parent) = at {
        if parent == KnownRun::Here(row) || above.len() == DEEPEST {
            return None;
        }
        // The runs above may go round without this one.
        if above.contains(&parent) {
            break;
        }
        above.push(parent);
        at = tree.above(parent);
    }
    let here = |place| if let KnownRun::Here(row) = place { Some(row) } else { None };
    Some(above.into_iter().filter_map(here).collect())
}

/// Runs that are named as parents, are not in a catalogue and are not known as ancestors: one that failed or was deleted
/// links the run above it to those below.
pub fn missing_parents(catalog: &Catalog, ancestors: &Ancestors) -> Vec<RunId> {
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
    missing.extend(ancestors.values().flatten().filter(|id| is_id(&id.as_str())).cloned());
    missing.retain(|id| !ancestors.contains_key(id));
    if !ancestors.is_empty() && !missing.is_empty() {
        let here: FxHashSet<&str> = catalog.rows().map(|row| catalog.run_id(row)).collect();
        missing.retain(|id| !here.contains(id.as_str()));
    }
    missing.sort_unstable();
    missing.dedup();
    missing
}
