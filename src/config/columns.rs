//! The columns that a table of runs shows before anybody chose others.

use std::path::Path;

use super::ConfigError;
use crate::catalog::ColumnSpec;

/// A column that the settings want.
#[derive(Debug, Clone, PartialEq)]
pub enum DefaultColumn {
    Named(ColumnSpec),
    /// All that the program would show by itself.
    Others,
}

impl DefaultColumn {
    /// Reads `metrics.rmse`, or `*` for the others.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        match text.trim() {
            "*" => Ok(Self::Others),
            name => ColumnSpec::parse(name).map(Self::Named).map_err(|error| ConfigError::Columns {
                path: path.to_owned(),
                message: format!("{}; \"*\" stands for those shown without this setting", error.message),
            }),
        }
    }
}
