//! How a file is to be read, as far as somebody says so.

use serde::{Deserialize, Serialize};

use super::DecimalMark;
use crate::text::names;

/// How a file is to be read; what is `None` is found out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadOptions {
    /// Between cells of a CSV file.
    pub separator: Option<u8>,
    /// Before the fraction, in a CSV file.
    pub decimal: Option<DecimalMark>,
    /// Whether the first line holds values.
    pub no_header: bool,
    /// Columns whose numbers stand for categories.
    pub categorical: Vec<String>,
    /// Columns that are not read.
    pub ignored: Vec<String>,
}

impl ReadOptions {
    /// For columns of these names. What is none of them holds the names of several, between commas.
    pub(super) fn for_columns(&self, names: &[String]) -> Self {
        let parts = |said: &Vec<String>| said.iter().flat_map(|name| parts(name, names)).collect();
        Self { categorical: parts(&self.categorical), ignored: parts(&self.ignored), ..self.clone() }
    }

    /// The columns that something is said of, and that are not among these.
    pub(super) fn unknown(&self, names: &[String]) -> Vec<String> {
        let said = self.ignored.iter().chain(&self.categorical);
        said.filter(|name| !names.contains(name)).cloned().collect()
    }
}

/// The names that are said between commas, where no column is called like all of it.
fn parts(said: &str, columns: &[String]) -> Vec<String> {
    let whole = || vec![said.to_owned()];
    if !said.contains(',') || columns.iter().any(|name| name == said) {
        return whole();
    }
    names::read(said).unwrap_or_else(|_| whole())
}
