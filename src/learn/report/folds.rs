//! How the rows of a table are dealt to folds, where that is worth a word.

use super::{FoldsBy, FoldsReport};
use crate::learn::data::{ColumnKind, ColumnValues, DataColumn};
use crate::learn::study::TrainingData;
use crate::text::counted;

/// None where it is by chance, and once.
pub(super) fn report(study: &TrainingData) -> Option<FoldsReport> {
    let (plan, split) = (&study.plan, &study.split);
    let column = plan.column().and_then(|name| Some(&study.frame.columns[study.frame.column(name)?]));
    if column.is_none() && plan.repeats == 1 {
        return None;
    }
    let by = match (&plan.time_column, column) {
        (Some(_), _) => FoldsBy::Time,
        (None, Some(_)) => FoldsBy::Group,
        (None, None) => FoldsBy::Chance,
    };
    let values = |rows: &[u32]| {
        let mut values: Vec<u64> =
            column.map_or(Vec::new(), |column| rows.iter().map(|row| key(column, *row as usize)).collect());
        values.sort_unstable();
        values.dedup();
        values.len()
    };
    Some(FoldsReport {
        by,
        column: column.map(|column| column.name.clone()),
        folds: plan.folds,
        repeats: plan.repeats,
        test_rows: split.test.len(),
        test_from: column.zip(split.test_from).map(|(column, row)| cell(column, row as usize)),
        groups: (by == FoldsBy::Group).then(|| values(&study.target.rows)),
        test_groups: (by == FoldsBy::Group).then(|| values(&split.test)),
    })
}

/// Equal for equal cells.
fn key(column: &DataColumn, row: usize) -> u64 {
    match &column.values {
        ColumnValues::Numbers(numbers) => (numbers[row] + 0.0).to_bits(),
        ColumnValues::Texts { codes, .. } => u64::from(codes[row]),
    }
}

/// A cell, as it is written.
fn cell(column: &DataColumn, row: usize) -> String {
    match &column.values {
        ColumnValues::Numbers(numbers) => match column.kind {
            ColumnKind::Time(dates) => dates.written(numbers[row]),
            _ => crate::text::exact(numbers[row]),
        },
        ColumnValues::Texts { codes, levels } => {
            levels.get(codes[row] as usize).map_or(String::new(), |level| level.chars().take(40).collect())
        }
    }
}

impl FoldsReport {
    /// For people.
    pub(super) fn in_words(&self) -> String {
        let Self { by, folds, repeats, test_rows, .. } = self;
        let column = self.column.as_deref().unwrap_or_default();
        let repeated = if *repeats > 1 { format!(", {repeats} times") } else { String::new() };
        match by {
            FoldsBy::Chance => format!("{folds} folds{repeated}"),
            FoldsBy::Time => format!(
                "{folds} folds in the order of {column}, each trained on what was before; the test set is the latest {}{}",
                counted(*test_rows, "row"),
                self.test_from.as_ref().map_or(String::new(), |from| format!(", from {from} on"))
            ),
            FoldsBy::Group => format!(
                "{folds} folds{repeated} by the {} of {column}, of which none is divided; the test set has {} of them, and {}",
                counted(self.groups.unwrap_or_default(), "group"),
                self.test_groups.unwrap_or_default(),
                counted(*test_rows, "row"),
            ),
        }
    }

    /// For a narrow place.
    pub(super) fn briefly(&self) -> String {
        let repeated = if self.repeats > 1 { format!(", {} times", self.repeats) } else { String::new() };
        match (self.by, &self.column) {
            (FoldsBy::Time, Some(column)) => format!("folds in the order of {column}"),
            (FoldsBy::Group, Some(column)) => format!("folds by groups of {column}{repeated}"),
            _ => format!("folds{repeated}"),
        }
    }
}
