//! A comparison as a table that leaves the program.

use super::{Cell, Comparison, Entry};
use crate::catalog::Value;
use crate::sheet::{self, Sheet};

/// An entry a row, a run a column. A group's metric is its mean, with a column for standard deviation and one for the
/// count.
pub fn sheet(comparison: &Comparison, entries: &[&Entry], now: i64) -> Sheet {
    let mut columns = vec!["kind".to_owned(), "name".to_owned()];
    for member in 0..comparison.members.len() {
        let (name, others) = comparison.title(member);
        // Two runs may share a name.
        let twins = (0..member).filter(|other| comparison.title(*other).0 == name).count();
        let name = if twins > 0 { format!("{name} ({})", twins + 1) } else { name.to_owned() };
        columns.push(name.clone());
        if others > 0 {
            columns.push(format!("{name} std"));
            columns.push(format!("{name} runs"));
        }
    }
    let mut sheet = Sheet::new(columns);
    let mut ids = vec![sheet::Cell::from("attributes"), sheet::Cell::from("run_id")];
    let needs_ids = !entries.iter().any(|entry| entry.spec == crate::catalog::ColumnSpec::RunId);
    for member in &comparison.members {
        ids.push(sheet::Cell::from(comparison.catalog.run_id(member.rows[0])));
        if member.rows.len() > 1 {
            ids.extend([sheet::Cell::Missing, sheet::Cell::Integer(member.rows.len() as i64)]);
        }
    }
    if needs_ids {
        sheet.rows.push(ids);
    }
    for entry in entries {
        let bound = comparison.bound(entry);
        let mut row =
            vec![sheet::Cell::from(entry.kind.word()), sheet::Cell::Text(entry.spec.title().to_owned())];
        if entry.kind == super::Kind::Attribute {
            row[1] = sheet::Cell::Text(entry.spec.name());
        }
        for member in 0..comparison.members.len() {
            let is_group = comparison.members[member].rows.len() > 1;
            let cell = comparison.cell(entry, &bound, member, now);
            let (deviation, count) = match cell {
                Cell::Mean { deviation, count, .. } => (deviation, Some(count)),
                _ => (None, None),
            };
            row.push(exact(cell));
            if is_group {
                row.push(deviation.map_or(sheet::Cell::Missing, sheet::Cell::Number));
                row.push(count.map_or(sheet::Cell::Missing, |count| sheet::Cell::Integer(count as i64)));
            }
        }
        sheet.rows.push(row);
    }
    sheet
}

fn exact(cell: Cell<'_>) -> sheet::Cell {
    match cell {
        Cell::Missing => sheet::Cell::Missing,
        Cell::One(value) => value.into(),
        Cell::Mean { mean, .. } => sheet::Cell::Number(mean),
        Cell::Several { first, distinct } => sheet::Cell::Text(format!("{first} and {} more", distinct - 1)),
    }
}

impl From<Value<'_>> for sheet::Cell {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Missing => Self::Missing,
            Value::Number(number) | Value::Point(number, _) => Self::Number(number),
            Value::Text(text) => Self::from(text),
            Value::OwnedText(text) => Self::Text(text),
            Value::Time(ms) | Value::Duration(ms) => Self::Integer(ms),
            Value::Status(status) => Self::from(status.as_str()),
        }
    }
}
