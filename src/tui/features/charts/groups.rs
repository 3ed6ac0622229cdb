//! Runs that are drawn as one line, their mean: those that differ only in their seed, or the groups of the table.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::view::{Projection, Shape};
use crate::catalog::{Catalog, ColumnSpec, Row};
use crate::chart::Band;
use crate::compare::by_seed;
use crate::mlflow::RunId;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::selected::{DrawnRun, OVERLAID};

/// Runs of the table's groups whose histories are read, at most.
const MOST: usize = 200;

/// What runs are put together by.
#[derive(Debug, Clone)]
pub enum Grouping {
    /// All params but seeds and folds.
    Seeds,
    /// A column of the table, which has such groups.
    Column(ColumnSpec, Arc<Projection>),
}

impl PartialEq for Grouping {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Seeds, Self::Seeds) => true,
            (Self::Column(a, groups), Self::Column(b, others)) => a == b && Arc::ptr_eq(groups, others),
            (Self::Seeds | Self::Column(..), _) => false,
        }
    }
}

/// How runs are put together now, if they are.
pub fn wanted(app: &App) -> Option<Grouping> {
    if app.charts.options.band == Band::None {
        return None;
    }
    Some(match &app.runs.view.shape {
        Shape::Groups(column) => Grouping::Column(column.clone(), Arc::clone(&app.runs.projection)),
        Shape::Flat | Shape::Tree => Grouping::Seeds,
    })
}

/// The lines of runs. Where none is selected, the groups of the table are drawn. A run that is drawn only because the cursor is
/// on it stays by itself among selected ones.
pub fn grouped(runs: &[DrawnRun], catalog: &Catalog, grouping: Option<&Grouping>) -> Vec<DrawnRun> {
    let Some(grouping) = grouping else { return runs.to_vec() };
    if let (Grouping::Column(column, projection), [only]) = (grouping, runs)
        && only.slot == 0
    {
        return of_table(only, catalog, column, projection);
    }
    let is_overlaid = runs.len() > 1;
    let rows: FxHashMap<&str, Row> = {
        let wanted: FxHashSet<&str> = runs.iter().map(|run| run.run.as_str()).collect();
        let ids = catalog.rows().map(|row| (catalog.run_id(row), row));
        ids.filter(|(id, _)| wanted.contains(id)).collect()
    };
    let (mut known, mut others): (Vec<(&DrawnRun, Row)>, Vec<&DrawnRun>) = (Vec::new(), Vec::new());
    for run in runs {
        match rows.get(run.run.as_str()).filter(|_| !(is_overlaid && run.slot == 0)) {
            Some(row) => known.push((run, *row)),
            // It is of another experiment.
            None => others.push(run),
        }
    }
    let mut drawn = match grouping {
        Grouping::Seeds => of_seeds(&known, catalog),
        Grouping::Column(column, projection) => of_column(&known, column, projection),
    };
    drawn.extend(others.into_iter().cloned());
    drawn
}

fn of_seeds(known: &[(&DrawnRun, Row)], catalog: &Catalog) -> Vec<DrawnRun> {
    let rows: Vec<Row> = known.iter().map(|(_, row)| *row).collect();
    let run = |row: &Row| known.iter().find(|(_, of)| of == row).map(|(run, _)| *run);
    let members = by_seed(catalog, &rows).into_iter().filter_map(|member| {
        let runs: Vec<&DrawnRun> = member.rows.iter().filter_map(run).collect();
        let first = runs.first()?;
        let name = match runs.len() {
            1 => first.name.clone(),
            count => format!("{} +{}", first.name, count - 1),
        };
        Some(DrawnRun::of_several(runs.iter().map(|run| run.run.clone()).collect(), name, first.slot))
    });
    members.collect()
}

/// What a group of the table is called.
fn group_name(column: &ColumnSpec, value: Option<&str>, count: usize) -> String {
    format!("{} {} ({})", column.title(), value.unwrap_or("(none)"), text::count(count))
}

fn of_column(known: &[(&DrawnRun, Row)], column: &ColumnSpec, projection: &Projection) -> Vec<DrawnRun> {
    let group_of = |row: Row| projection.groups.iter().position(|group| group.runs.contains(&row));
    let mut groups: Vec<(Option<usize>, Vec<&DrawnRun>)> = Vec::new();
    for (run, row) in known {
        let group = group_of(*row);
        match groups.iter_mut().find(|(of, _)| group.is_some() && *of == group) {
            Some((_, runs)) => runs.push(run),
            None => groups.push((group, vec![run])),
        }
    }
    let line = |(group, runs): (Option<usize>, Vec<&DrawnRun>)| {
        let Some(group) = group.filter(|_| runs.len() > 1) else { return runs[0].clone() };
        let name = group_name(column, projection.groups[group].value.as_deref(), runs.len());
        DrawnRun::of_several(runs.iter().map(|run| run.run.clone()).collect(), name, runs[0].slot)
    };
    groups.into_iter().map(line).collect()
}

/// The most runs of a group that are read, so that all groups together have no more than [`MOST`].
fn shares(sizes: &[usize]) -> usize {
    let (mut low, mut high) = (1, MOST);
    while low < high {
        let middle = (low + high).div_ceil(2);
        let sum: usize = sizes.iter().map(|size| (*size).min(middle)).sum();
        if sum <= MOST { low = middle } else { high = middle - 1 }
    }
    low
}

fn of_table(
    only: &DrawnRun,
    catalog: &Catalog,
    column: &ColumnSpec,
    projection: &Projection,
) -> Vec<DrawnRun> {
    let mut drawn: Vec<DrawnRun> = Vec::new();
    let groups = &projection.groups[..projection.groups.len().min(OVERLAID)];
    // Of large groups no more than all can have, which their names tell.
    let most = shares(&groups.iter().map(|group| group.runs.len()).collect::<Vec<_>>());
    for group in groups {
        let (count, read) = (group.runs.len(), group.runs.len().min(most));
        let ids: Vec<RunId> =
            group.runs[..read].iter().map(|row| RunId::from(catalog.run_id(*row))).collect();
        let mut name = group_name(column, group.value.as_deref(), count);
        if read < count {
            name = format!("{name}, first {}", text::count(read));
        }
        drawn.push(DrawnRun::of_several(ids, name, drawn.len() as u16 + 1));
    }
    if !drawn.iter().any(|drawn| drawn.has(only.run.as_str())) {
        drawn.push(only.clone());
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::view::{View, project};
    use crate::catalog::{Builder, Catalog};
    use crate::mlflow::{LifecycleStage, Param, Run, RunInfo, RunStatus};
    use crate::store::batch::whole_runs;

    fn catalog() -> Catalog {
        let run = |at: usize| Run {
            info: RunInfo {
                run_id: RunId(format!("r{at}")),
                experiment_id: "1".into(),
                run_name: format!("run-{at}"),
                user_id: "ana".into(),
                status: RunStatus::Finished,
                start_time: Some(100 - at as i64),
                end_time: None,
                lifecycle_stage: LifecycleStage::Active,
                artifact_uri: String::new(),
            },
            metrics: Vec::new(),
            params: vec![Param::new("lr", ["0.1", "0.2"][at % 2]), Param::new("seed", at.to_string())],
            tags: Vec::new(),
            inputs: Vec::new(),
            model_outputs: Vec::new(),
        };
        let runs: Vec<Run> = (0..6).map(run).collect();
        let mut builder = Builder::default();
        builder.fold_changes(&whole_runs(&runs));
        builder.snapshot()
    }

    fn drawn(slots: &[(usize, u16)]) -> Vec<DrawnRun> {
        let run =
            |(at, slot): &(usize, u16)| DrawnRun::new(RunId(format!("r{at}")), format!("run-{at}"), *slot);
        slots.iter().map(run).collect()
    }

    fn told(drawn: &[DrawnRun]) -> Vec<(&str, usize, u16)> {
        drawn.iter().map(|drawn| (drawn.name.as_str(), drawn.members.len(), drawn.slot)).collect()
    }

    #[test]
    fn selected_runs_that_differ_in_their_seed_are_one_line() {
        let catalog = catalog();
        let runs = drawn(&[(0, 1), (1, 2), (2, 3), (4, 4), (9, 5), (3, 0)]);
        let lines = grouped(&runs, &catalog, Some(&Grouping::Seeds));
        assert_eq!(
            told(&lines),
            [("run-0 +2", 3, 1), ("run-1", 0, 2), ("run-9", 0, 5), ("run-3", 0, 0)],
            "the one under the cursor stays by itself"
        );
        assert_eq!(lines[0].run.as_str(), "r0+r2+r4");
        assert!(lines[0].has("r2") && !lines[0].has("r1"));
        assert_eq!(grouped(&runs, &catalog, None), runs);
    }

    #[test]
    fn the_groups_of_the_table_are_lines_where_nothing_is_selected() {
        let catalog = catalog();
        let column = ColumnSpec::Param("lr".into());
        let view = View { shape: Shape::Groups(column.clone()), ..View::default() };
        let projection = Arc::new(project(&catalog, &view, 0));
        let grouping = Grouping::Column(column, projection);
        let lines = grouped(&drawn(&[(3, 0)]), &catalog, Some(&grouping));
        assert_eq!(told(&lines), [("lr 0.1 (3)", 3, 1), ("lr 0.2 (3)", 3, 2)]);
        assert_eq!((shares(&[300, 10]), shares(&[90, 90]), shares(&[500, 500])), (190, 200, 100));
        let lines = grouped(&drawn(&[(3, 1), (1, 2), (0, 3)]), &catalog, Some(&grouping));
        assert_eq!(told(&lines), [("lr 0.2 (2)", 2, 1), ("run-0", 0, 3)]);
    }
}
