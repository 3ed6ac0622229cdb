//! What the charts of a dashboard were put in order for: they stay as they are until that is something else.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::mlflow::RunId;
use crate::tui::features::charts::groups::Grouping;

#[derive(Debug, Clone)]
pub struct Arranged {
    pub run: RunId,
    pub metrics: usize,
    /// Where the metrics of selected runs were looked up.
    pub catalog: Option<Arc<Catalog>>,
    pub selected: u64,
    pub words: String,
    /// The metrics that come first.
    pub first: Vec<String>,
    /// What runs are put together by.
    pub grouping: Option<Grouping>,
}

impl PartialEq for Arranged {
    fn eq(&self, other: &Self) -> bool {
        let same_catalog = match (&self.catalog, &other.catalog) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        same_catalog
            && (&self.run, self.metrics, self.selected, &self.words, &self.first, &self.grouping)
                == (&other.run, other.metrics, other.selected, &other.words, &other.first, &other.grouping)
    }
}
