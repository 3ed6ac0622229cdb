//! Where runs are in the catalogue. To find one means to walk over all rows: each frame of a chart asks again for the
//! same few.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::{Catalog, Row};
use crate::mlflow::RunId;

/// Runs that are remembered.
const MOST: usize = 1_000;

#[derive(Debug, Default)]
pub struct RowIndex {
    rows: FxHashMap<RunId, Row>,
    /// Runs that this catalogue does not hold.
    absent: FxHashSet<RunId>,
    catalog: Option<Arc<Catalog>>,
}

impl RowIndex {
    /// The row of a run that is present; looks at a likely row first.
    pub fn find(&mut self, catalog: &Arc<Catalog>, id: &RunId, likely: Option<Row>) -> Option<Row> {
        if self.catalog.as_ref().is_none_or(|known| !Arc::ptr_eq(known, catalog)) {
            self.catalog = Some(Arc::clone(catalog));
            self.absent.clear();
        }
        let is_at = |row: &Row| {
            let run = catalog.runs.get(*row as usize);
            run.is_some_and(|run| run.present && catalog.texts.get(run.run_id) == id.as_str())
        };
        if let Some(row) = self.rows.get(id).copied().filter(is_at) {
            return Some(row);
        }
        if self.absent.contains(id) {
            return None;
        }
        let found = likely.filter(is_at).or_else(|| catalog.find(id.as_str()));
        if self.rows.len() + self.absent.len() >= MOST {
            self.rows.clear();
            self.absent.clear();
        }
        match found {
            Some(row) => drop(self.rows.insert(id.clone(), row)),
            None => drop(self.absent.insert(id.clone())),
        }
        found
    }
}
