//! What is told of a run wherever it appears.

use rustc_hash::FxHashMap;

use crate::catalog::{Catalog, Row};
use crate::marking::MARK;

/// That the program chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunSign {
    /// The program picks it.
    Best,
    /// It is the best of those that are shown, and the best of all is not.
    BestShown,
    /// No other run beats it in all objectives.
    Front,
}

/// The aliases of the registered versions of runs, as `@champion`, by the run's id.
#[derive(Debug, Default)]
pub struct RunBadges {
    /// What they were made from has changed so often by then.
    pub as_of: u64,
    pub of: FxHashMap<String, String>,
}

impl RunBadges {
    /// Those of a run; empty where it has none.
    pub fn of(&self, run: &str) -> &str {
        self.of.get(run).map_or("", String::as_str)
    }
}

/// Whether somebody marked a run best, as its tags say.
pub fn is_marked(catalog: &Catalog, row: Row) -> bool {
    let column = catalog.tags.column(&catalog.texts, MARK);
    column.and_then(|column| column.get(row)).is_some_and(|value| catalog.texts.get(value) == "true")
}
