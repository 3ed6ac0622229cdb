//! What is told of a run wherever it appears.

use crate::catalog::{Catalog, Row};
use crate::marking::MARK;

/// That the program chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunSign {
    /// The program picks it.
    Best,
    /// No other run beats it in all objectives.
    Front,
}

/// Whether somebody marked a run best, as its tags say.
pub fn is_marked(catalog: &Catalog, row: Row) -> bool {
    let column = catalog.tags.column(&catalog.texts, MARK);
    column.and_then(|column| column.get(row)).is_some_and(|value| catalog.texts.get(value) == "true")
}
