//! A comparison as a table that leaves the program.

use serde_json::{Value as Json, json};

use super::{CompareCell, Comparison, Entry, EntryKind, difference};
use crate::catalog::{ColumnSpec, Value};
use crate::select::Goal;
use crate::sheet::{self, Sheet, json_number};

/// An entry a row, a run a column. A group's metric is its mean, with a column for the standard deviation and one for
/// the count, and one for how many values are infinite, where some are. With a baseline, each number of the other members has its difference beside it, and that over the size of
/// the baseline's.
pub fn sheet(comparison: &Comparison, entries: &[&Entry], baseline: Option<usize>, now: i64) -> Sheet {
    let members = 0..comparison.members.len();
    let cells: Vec<Vec<CompareCell<'_>>> = entries
        .iter()
        .map(|entry| {
            let bound = comparison.bound(entry);
            members.clone().map(|member| comparison.cell(entry, &bound, member, now)).collect()
        })
        .collect();
    let has_infinite = |member: usize| cells.iter().any(|cells| cells[member].infinite() > 0);
    let mut columns = vec!["kind".to_owned(), "name".to_owned()];
    for member in members.clone() {
        let name = title(comparison, member);
        columns.push(name.clone());
        if comparison.members[member].rows.len() > 1 {
            columns.push(format!("{name} std"));
            columns.push(format!("{name} runs"));
        }
        if has_infinite(member) {
            columns.push(format!("{name} infinite"));
        }
        if baseline.is_some_and(|baseline| baseline != member) {
            columns.push(format!("{name} difference"));
            columns.push(format!("{name} relative"));
        }
    }
    let mut sheet = Sheet::new(columns);
    if !entries.iter().any(|entry| entry.spec == ColumnSpec::RunId) {
        let mut ids = vec![sheet::Cell::from(EntryKind::Attribute.word()), sheet::Cell::from("run_id")];
        for member in members.clone() {
            let rows = &comparison.members[member].rows;
            ids.push(sheet::Cell::from(comparison.catalog.run_id(rows[0])));
            if rows.len() > 1 {
                ids.extend([sheet::Cell::Missing, sheet::Cell::Integer(rows.len() as i64)]);
            }
            if has_infinite(member) {
                ids.push(sheet::Cell::Missing);
            }
            if baseline.is_some_and(|baseline| baseline != member) {
                ids.extend([sheet::Cell::Missing, sheet::Cell::Missing]);
            }
        }
        sheet.rows.push(ids);
    }
    for (entry, cells) in entries.iter().zip(&cells) {
        let mut row = vec![sheet::Cell::from(entry.kind.word()), sheet::Cell::Text(name(entry))];
        for (member, cell) in cells.iter().enumerate() {
            row.push(exact(cell));
            if comparison.members[member].rows.len() > 1 {
                let (deviation, count) = match cell {
                    CompareCell::Mean { deviation, count, .. } => (*deviation, Some(*count)),
                    _ => (None, None),
                };
                row.push(deviation.map_or(sheet::Cell::Missing, sheet::Cell::Number));
                row.push(count.map_or(sheet::Cell::Missing, |count| sheet::Cell::Integer(count as i64)));
            }
            if has_infinite(member) {
                row.push(match cell {
                    CompareCell::Mean { infinite, .. } => sheet::Cell::Integer(*infinite as i64),
                    _ => sheet::Cell::Missing,
                });
            }
            if let Some(baseline) = baseline.filter(|baseline| *baseline != member) {
                let by = difference(cell, &cells[baseline]);
                let number = |number: Option<f64>| number.map_or(sheet::Cell::Missing, sheet::Cell::Number);
                row.push(number(by.map(|(by, _)| by)));
                row.push(number(by.and_then(|(_, share)| share)));
            }
        }
        sheet.rows.push(row);
    }
    sheet
}

/// The name of an entry without its kind.
pub fn name(entry: &Entry) -> String {
    if entry.kind == EntryKind::Attribute { entry.spec.name() } else { entry.spec.head() }
}

/// A member's name; the second of that name says so.
pub fn title(comparison: &Comparison, member: usize) -> String {
    let (name, _) = comparison.title(member);
    let twins = (0..member).filter(|other| comparison.title(*other).0 == name).count();
    if twins > 0 { format!("{name} ({})", twins + 1) } else { name.to_owned() }
}

/// The same as JSON:
///
/// ```json
/// {"runs": [{"run_id": …, "run_name": …, "experiment_id": …, "members": [run ids]}],
///  "rows": [{"kind": …, "name": …, "differs": bool, "spread": 0 to 1, "goal": "minimize" | "maximize" | null,
///            "values": [value | {"mean": …, "std": …, "runs": …, "infinite": …} | null], "best": [index],
///            "difference": [number | null], "relative": [number | null]}]}
/// ```
///
/// `difference` and `relative` are there with a baseline only.
pub fn json(comparison: &Comparison, entries: &[&Entry], baseline: Option<usize>, now: i64) -> Json {
    let catalog = &comparison.catalog;
    let runs = comparison.members.iter().map(|member| {
        let ids: Vec<&str> = member.rows.iter().map(|row| catalog.run_id(*row)).collect();
        json!({
            "run_id": ids[0], "run_name": catalog.run_name(member.rows[0]),
            "experiment_id": catalog.texts.get(catalog.run(member.rows[0]).experiment_id), "members": ids,
        })
    });
    let rows = entries.iter().map(|entry| {
        let bound = comparison.bound(entry);
        let cells: Vec<CompareCell<'_>> =
            (0..comparison.members.len()).map(|member| comparison.cell(entry, &bound, member, now)).collect();
        let values: Vec<Json> = cells
            .iter()
            .map(|cell| match cell {
                CompareCell::Mean { mean, deviation, count, infinite } => json!({
                    "mean": json_number(*mean), "std": deviation.map(json_number), "runs": count,
                    "infinite": infinite,
                }),
                cell => exact(cell).json(),
            })
            .collect();
        let best: Vec<usize> = (0..cells.len()).filter(|at| comparison.is_best(entry, &cells[*at])).collect();
        let goal = entry.goal.map(|goal| match goal {
            Goal::Minimize => "minimize",
            Goal::Maximize => "maximize",
        });
        let mut row = json!({
            "kind": entry.kind.word(), "name": name(entry), "differs": entry.differs, "spread": entry.spread,
            "goal": goal, "values": values, "best": best,
        });
        if let Some(baseline) = baseline {
            let by: Vec<_> = cells.iter().map(|cell| difference(cell, &cells[baseline])).collect();
            row["difference"] = by.iter().map(|by| by.map(|(by, _)| json_number(by))).collect();
            row["relative"] = by.iter().map(|by| by.and_then(|(_, share)| share).map(json_number)).collect();
        }
        row
    });
    json!({ "runs": runs.collect::<Vec<_>>(), "rows": rows.collect::<Vec<_>>() })
}

/// A cell as it leaves the program.
pub fn exact(cell: &CompareCell<'_>) -> sheet::Cell {
    match cell {
        CompareCell::Missing => sheet::Cell::Missing,
        CompareCell::One(value) => value.clone().into(),
        CompareCell::Mean { mean, .. } => sheet::Cell::Number(*mean),
        CompareCell::Several { first, distinct } => {
            sheet::Cell::Text(format!("{first} and {} more", distinct - 1))
        }
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
            Value::Count(count) => Self::Integer(count.cast_signed()),
            Value::Status(status) => Self::from(status.as_str()),
        }
    }
}
