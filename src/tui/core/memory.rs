//! What is remembered from visit to visit: for each store where the panes' borders are, and for each experiment
//! what of it is shown. Only what the user chose; everything else follows the defaults as they are then.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::ColumnSpec;
use crate::catalog::sort::SortKey;
use crate::catalog::view::Shape;
use crate::mlflow::filter::Direction;
use crate::tui::features::experiments::arrange::Order;
use crate::tui::features::runs::columns::TableColumn;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UiMemory {
    pub last_experiment: Option<String>,
    pub layout: Layout,
    /// By the experiment's id.
    pub experiments: BTreeMap<String, Remembered>,
}

/// Where the borders between the panes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Layout {
    /// Cells, where the user moved the border; as wide as names need without that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_width: Option<u16>,
    /// Whether the experiments are out of sight, where the user chose that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiments_hidden: Option<bool>,
    pub experiments_order: Order,
    pub experiments_flat: bool,
    /// Of the height or width that runs and details share, in percent, where the user moved the border.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details_share: Option<u16>,
    /// Runs and details are above one another on any screen.
    pub is_stacked: bool,
}

/// What of an experiment is shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// The user's own choice of columns; none follows the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<RememberedColumn>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub words: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// Those that were applied, the newest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// The name of the view that was picked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    #[serde(skip_serializing_if = "RememberedShape::is_flat")]
    pub shape: RememberedShape,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Columns that are the same for all runs shown are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub differing: bool,
    /// Metrics are tinted from the worst to the best.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub heat: bool,
    /// The chosen column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The run under the cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RememberedColumn {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RememberedShape {
    #[default]
    Flat,
    Tree,
    Groups(String),
}

impl RememberedShape {
    fn is_flat(&self) -> bool {
        *self == Self::Flat
    }

    pub fn of(shape: &Shape) -> Self {
        match shape {
            Shape::Flat => Self::Flat,
            Shape::Tree => Self::Tree,
            Shape::Groups(column) => Self::Groups(column.name()),
        }
    }

    /// A column that cannot be read any more leaves the table flat.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Flat => Shape::Flat,
            Self::Tree => Shape::Tree,
            Self::Groups(name) => ColumnSpec::parse(name).map_or(Shape::Flat, Shape::Groups),
        }
    }
}

impl RememberedColumn {
    pub fn of(shown: &TableColumn) -> Self {
        Self { name: shown.spec.name(), width: shown.width }
    }

    pub fn shown(&self) -> Option<TableColumn> {
        Some(TableColumn { spec: ColumnSpec::parse(&self.name).ok()?, width: self.width })
    }
}

/// A sort key as text, which [`SortKey::parse`] reads back.
pub fn sort_text(key: &SortKey) -> String {
    let direction = if key.direction == Direction::Descending { "desc" } else { "asc" };
    format!("{} {direction}", key.column.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let names = [
            "metrics.a b",
            "min(metrics.a,b)",
            "at(metrics.x, -5)",
            "params.p.q",
            "tags.mlflow.user",
            "user_id",
        ];
        let columns: Vec<TableColumn> = names
            .iter()
            .map(|name| TableColumn { spec: ColumnSpec::parse(name).unwrap(), width: Some(9) })
            .collect();
        let remembered = Remembered {
            columns: Some(columns.iter().map(RememberedColumn::of).collect()),
            sort: vec![sort_text(&SortKey::parse("max(metrics.a b) desc").unwrap())],
            shape: RememberedShape::of(&Shape::Groups(ColumnSpec::Param("family".into()))),
            ..Remembered::default()
        };
        let text = serde_json::to_string(&remembered).unwrap();
        let back: Remembered = serde_json::from_str(&text).unwrap();
        assert_eq!(back, remembered);
        let shown: Vec<TableColumn> =
            back.columns.unwrap().iter().filter_map(RememberedColumn::shown).collect();
        assert_eq!(shown, columns);
        assert_eq!(SortKey::parse(&back.sort[0]).unwrap(), SortKey::parse("max(metrics.a b) desc").unwrap());
        assert_eq!(back.shape.shape(), Shape::Groups(ColumnSpec::Param("family".into())));
    }
}
