//! What a comparison shows, as a table to be exported.

use super::{CompareScreen, CompareTab, Show};
use crate::compare::axes::Axis;
use crate::compare::importance::Matters;
use crate::compare::{Comparison, Entry, export};
use crate::sheet::{Cell, Sheet};

/// What is on the screen.
pub fn sheet(screen: &CompareScreen, now: i64) -> Option<Sheet> {
    let comparison = screen.comparison()?;
    match screen.tab {
        CompareTab::Table => {}
        CompareTab::Parallel => return Some(of_axes(comparison, &screen.axes, &screen.passing())),
        CompareTab::Scatter => {
            let specs = [screen.x.clone(), screen.y.clone(), screen.metric_spec()];
            let axes = specs.iter().flatten().filter_map(|spec| Axis::new(comparison, spec, now));
            return Some(of_axes(comparison, &axes.collect::<Vec<_>>(), &[]));
        }
        CompareTab::Params => return of_matters(screen),
    }
    // Of other values than the latest, those that nobody has read are not told.
    let entries = screen.shown.iter().map(|at| &comparison.entries[*at as usize]);
    let entries: Vec<&Entry> = entries.filter(|entry| comparison.is_known(entry)).collect();
    let baseline = screen.baseline_member().filter(|_| screen.show != Show::Values);
    Some(export::sheet(comparison, &entries, baseline, now))
}

/// A run a row, an axis a column; and whether the run passes the brushes, where there are any.
fn of_axes(comparison: &Comparison, axes: &[Axis], passing: &[bool]) -> Sheet {
    let mut columns = vec!["run_id".to_owned(), "run_name".to_owned()];
    columns.extend(axes.iter().map(|axis| axis.spec.name()));
    if !passing.is_empty() {
        columns.push("passes".into());
    }
    let mut sheet = Sheet::new(columns);
    for (member, rows) in comparison.members.iter().enumerate() {
        let mut row =
            vec![Cell::from(comparison.catalog.run_id(rows.rows[0])), Cell::from(comparison.title(member).0)];
        row.extend(axes.iter().map(|axis| axis.values[member].clone()));
        row.extend(passing.get(member).map(|passes| Cell::from(if *passes { "yes" } else { "no" })));
        sheet.rows.push(row);
    }
    sheet
}

fn of_matters(screen: &CompareScreen) -> Option<Sheet> {
    let (Some(metric), Some(Matters::Ranked { runs, r2, params })) = (&screen.metric, screen.weighed.value())
    else {
        return None;
    };
    let columns =
        ["metric", "param", "importance", "rank_correlation", "runs_with_param", "runs", "forest_r2"];
    let mut sheet = Sheet::new(columns);
    for matter in params {
        sheet.push([
            Cell::from(metric.as_str()),
            Cell::from(matter.param.as_str()),
            Cell::Number(matter.importance),
            matter.correlation.number().map_or(Cell::Missing, Cell::Number),
            Cell::Integer(matter.runs as i64),
            Cell::Integer(*runs as i64),
            Cell::Number(*r2),
        ]);
    }
    Some(sheet)
}
