//! What the next action is about: the range that is being selected, else the selected runs, else what is under the cursor, which
//! may be a whole group.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::Runs;
use crate::catalog::Row;
use crate::catalog::view::{FoldState, LineKind, Shape, descendants};
use crate::mlflow::RunId;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::go::step;
use crate::tui::core::layout::Focus;
use crate::tui::widgets::picker::{Item, Picked, Picker};

impl Runs {
    /// The runs of the range that is being selected, else the selected ones of this experiment, else those under the cursor.
    pub fn targets(&self) -> Vec<RunId> {
        let ids =
            |rows: Vec<Row>| rows.into_iter().map(|row| RunId::from(self.catalog.run_id(row))).collect();
        if self.range_from.is_some() {
            return ids(self.rows_here());
        }
        let is_selected = |row: &Row| self.selected.contains(self.catalog.run_id(*row));
        let selected: Vec<Row> = if self.selected.is_empty() {
            Vec::new()
        } else {
            self.catalog.newest_first.iter().copied().filter(is_selected).collect()
        };
        ids(if selected.is_empty() { self.rows_here() } else { selected })
    }

    /// The runs of the range, or else of the line under the cursor: of a group all, folded or not.
    pub fn rows_here(&self) -> Vec<Row> {
        let range = self.range().unwrap_or(self.cursor.at..=self.cursor.at);
        let mut seen = FxHashSet::default();
        let rows = range.flat_map(|at| self.projection.rows_of(at).iter().copied());
        rows.filter(|row| seen.insert(*row)).collect()
    }

    /// The lines between the start of a range and the cursor, if one is being selected.
    pub fn range(&self) -> Option<std::ops::RangeInclusive<usize>> {
        let from = self.range_from?;
        Some(from.min(self.cursor.at)..=from.max(self.cursor.at))
    }

    /// Whether the cursor is on a group.
    pub fn is_on_group(&self) -> bool {
        let line = self.projection.lines.get(self.cursor.at);
        line.is_some_and(|line| matches!(line.kind, LineKind::Group(_)))
    }

    /// Selects a run, or not any more.
    pub fn set_selected(&mut self, id: &RunId, on: bool) {
        if !on {
            self.selected.remove(id.as_str());
        } else if let Some((row, experiment)) = self.catalog.find(id.as_str()).zip(self.experiment.clone()) {
            self.selected.insert(id.as_str(), self.catalog.run_name(row), &experiment);
        }
    }

    /// Selects runs; where all of them are selected already, they are not any more.
    fn toggle(&mut self, rows: &[Row]) {
        let Some(experiment) = self.experiment.clone() else { return };
        let catalog = Arc::clone(&self.catalog);
        let is_all = rows.iter().all(|row| self.selected.contains(catalog.run_id(*row)));
        for row in rows {
            let id = catalog.run_id(*row);
            if is_all {
                self.selected.remove(id);
            } else {
                self.selected.insert(id, catalog.run_name(*row), &experiment);
            }
        }
    }

    /// What stands under the run under the cursor, in a tree.
    fn children_here(&self) -> Vec<Row> {
        let line = self.projection.lines.get(self.cursor.at).filter(|line| line.fold != FoldState::Leaf);
        match (line.map(|line| line.kind), &self.shown_view.shape) {
            (Some(LineKind::Run(row)), Shape::Tree) => {
                let below = descendants(&self.catalog, &[row], self.catalog.run(row).stage);
                below.into_iter().filter(|row| self.projection.passes(*row)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Selects what is under the cursor, or not any more. A parent in a tree may take its children with it.
pub fn select(app: &mut App) {
    let runs = &mut app.runs;
    if runs.range_from.is_some() {
        return select_range(app);
    }
    let rows = runs.rows_here();
    let children = runs.children_here();
    let is_selected = rows.iter().all(|row| runs.selected.contains(runs.catalog.run_id(*row)));
    if children.is_empty() || is_selected {
        runs.toggle(&rows);
        return step(app, Focus::Runs, 1);
    }
    let name = text::clean(runs.catalog.run_name(rows[0])).into_owned();
    let count = text::count(children.len());
    let of = if children.len() == 1 { "its child".to_owned() } else { format!("its {count} children") };
    let item = |label: String, value: Vec<Row>| Item { label, note: String::new(), on: None, value };
    let whole: Vec<Row> = rows.iter().chain(&children).copied().collect();
    let items =
        [item("this run".into(), rows), item(format!("this run and {of}"), whole), item(of, children)];
    let catalog = Arc::clone(&runs.catalog);
    Picker::new(format!("Select {name}"), items, move |app, picked, _| match picked {
        // Rows are of the catalogue that they were taken from.
        Picked::Chosen(rows) => {
            let ids: Vec<&str> = rows.iter().map(|row| catalog.run_id(*row)).collect();
            let rows: Vec<Row> = ids.iter().filter_map(|id| app.runs.catalog.find(id)).collect();
            app.runs.toggle(&rows);
            step(app, Focus::Runs, 1);
        }
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

/// Selects the range, and ends it.
pub fn select_range(app: &mut App) {
    let rows = app.runs.rows_here();
    app.runs.range_from = None;
    let missing: Vec<Row> = {
        let runs = &app.runs;
        rows.into_iter().filter(|row| !runs.selected.contains(runs.catalog.run_id(*row))).collect()
    };
    app.runs.toggle(&missing);
}
