//! The columns of the table: the default ones, and what the user makes of them.

use super::Runs;
use crate::catalog::sort::SortKey;
use crate::catalog::{Catalog, ColumnSpec, Keyed, Sym};
use crate::mlflow::Statistic;
use crate::mlflow::filter::Direction;
use crate::select::resolve::by_telling;
use crate::text;

/// Metrics and params among the default columns; the picker has all of them.
const DEFAULT_METRICS: usize = 24;
const DEFAULT_PARAMS: usize = 24;
/// Runs that are looked at to find out whether a param differs.
const COMPARED: usize = 1_000;
/// How narrow and wide a column may be made, in cells.
const WIDTHS: (u16, u16) = (4, 80);

/// A column of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableColumn {
    pub spec: ColumnSpec,
    /// Cells, where the user set them.
    pub width: Option<u16>,
}

impl From<ColumnSpec> for TableColumn {
    fn from(spec: ColumnSpec) -> Self {
        Self { spec, width: None }
    }
}

/// Metrics whose names are read to find the most telling ones.
const READ_NAMES: usize = 300;

/// Attributes, metrics (the most telling first), params (those that differ first); no more than can be overseen.
pub fn defaults(catalog: &Catalog) -> Vec<TableColumn> {
    let texts = &catalog.texts;
    let mut metrics: Vec<(&str, usize)> = catalog.metrics.keys(texts).collect();
    if metrics.len() > READ_NAMES {
        // Of so many names the most common ones are as good a start as any.
        metrics.sort_by_key(|(key, runs)| (key.starts_with("system/"), std::cmp::Reverse(*runs)));
        metrics.truncate(READ_NAMES);
    }
    by_telling(&mut metrics);
    metrics.truncate(DEFAULT_METRICS);
    let mut params: Vec<(&str, bool)> =
        catalog.params.keys(texts).map(|(key, _)| (key, differs(catalog, &catalog.params, key))).collect();
    params.sort_by_key(|(_, differs)| !differs);
    params.truncate(DEFAULT_PARAMS);
    let attributes = [ColumnSpec::RunName, ColumnSpec::Status, ColumnSpec::StartTime];
    attributes
        .into_iter()
        .chain(metrics.into_iter().map(|(key, _)| ColumnSpec::metric(key)))
        .chain(params.into_iter().map(|(key, _)| ColumnSpec::Param(key.to_owned())))
        .chain([ColumnSpec::Duration, ColumnSpec::User])
        .map(TableColumn::from)
        .collect()
}

/// Whether runs have different values of a key, one without a value among them.
fn differs(catalog: &Catalog, keyed: &Keyed<Sym>, key: &str) -> bool {
    let Some(column) = keyed.column(&catalog.texts, key) else { return false };
    let mut values = column.iter().take(COMPARED).map(|(_, value)| value);
    let first = values.next();
    column.len() < catalog.count || values.any(|value| Some(value) != first)
}

impl Runs {
    pub fn chosen_column(&self) -> Option<&ColumnSpec> {
        self.columns.get(self.column).map(|shown| &shown.spec)
    }

    /// Follows the keys that there are, unless the user has chosen.
    pub fn follow_keys(&mut self) {
        let chosen = self.chosen_column().cloned();
        if !self.own_columns {
            self.columns = defaults(&self.catalog);
        }
        if self.spark_key.is_none() {
            let mut metrics = self.columns.iter().filter_map(|shown| shown.spec.metric_key());
            self.spark_key = metrics.next().map(str::to_owned);
        }
        let wanted = self.wanted_column.take().or(chosen);
        let position = |spec: &ColumnSpec| self.columns.iter().position(|known| known.spec == *spec);
        let first_metric =
            self.columns.iter().position(|shown| shown.spec.metric_key().is_some()).unwrap_or(0);
        self.column = wanted.as_ref().and_then(position).unwrap_or(first_metric);
    }

    /// Chooses a column by steps; a metric becomes the one whose trend is drawn.
    pub fn step_column(&mut self, by: isize) {
        self.choose_column(self.column.saturating_add_signed(by));
    }

    pub fn choose_column(&mut self, column: usize) {
        self.column = column.min(self.columns.len().saturating_sub(1));
        let key = self.chosen_column().and_then(ColumnSpec::metric_key).map(str::to_owned);
        if key.is_some() && self.spark_key != key {
            self.spark_key = key;
            self.sparks.clear();
        }
    }

    /// Moves the chosen column; the name stays in front.
    pub fn move_column(&mut self, by: isize) {
        let to = self.column.saturating_add_signed(by).clamp(1, self.columns.len().saturating_sub(1));
        if self.column > 0 && to != self.column {
            self.columns.swap(self.column, to);
            self.column = to;
            self.own_columns = true;
        }
    }

    /// Makes the chosen column wider or narrower than it is drawn now.
    pub fn widen_column(&mut self, by: i16, drawn: u16) {
        if let Some(shown) = self.columns.get_mut(self.column) {
            let width = shown.width.unwrap_or(drawn);
            shown.width = Some(width.saturating_add_signed(by).clamp(WIDTHS.0, WIDTHS.1));
            self.own_columns = true;
        }
    }

    /// Shows a column, behind the chosen one, or hides it.
    pub fn show_column(&mut self, spec: &ColumnSpec, on: bool) {
        let known = self.columns.iter().position(|shown| shown.spec == *spec);
        match (known, on) {
            (None, true) => {
                let at = (self.column + 1).min(self.columns.len());
                self.columns.insert(at, TableColumn::from(spec.clone()));
                self.choose_column(at);
            }
            // The name is what all else belongs to.
            (Some(at), false) if at > 0 => {
                self.columns.remove(at);
                if self.column >= at {
                    self.choose_column(self.column.saturating_sub(1));
                }
            }
            _ => return,
        }
        self.own_columns = true;
    }

    /// Shows another statistic of the chosen metric; sorting by the column goes on by what it shows now.
    pub fn choose_statistic(&mut self, statistic: Statistic) {
        let Some(ColumnSpec::Metric(key, old)) = self.chosen_column().cloned() else { return };
        let spec = ColumnSpec::Metric(key.clone(), statistic);
        let before = ColumnSpec::Metric(key, old);
        for sort in &mut self.view.sort {
            if sort.column == before {
                sort.column = spec.clone();
            }
        }
        // Once is enough.
        let twin = self.columns.iter().position(|shown| shown.spec == spec);
        self.columns[self.column].spec = spec;
        if let Some(twin) = twin.filter(|twin| *twin != self.column) {
            self.columns.remove(twin);
            self.column -= usize::from(twin < self.column);
        }
        self.own_columns = true;
    }

    /// Goes on from ascending to descending to newest first, on the chosen column; `also` keeps the other keys.
    pub fn cycle_sort(&mut self, also: bool) {
        let Some(column) = self.chosen_column().cloned() else { return };
        let known = self.view.sorted_by(&column);
        if !also {
            self.view.sort.retain(|key| key.column == column);
        }
        let at = self.view.sort.iter().position(|key| key.column == column);
        match (known.map(|(_, direction)| direction), at) {
            (Some(Direction::Ascending), Some(at)) => self.view.sort[at].direction = Direction::Descending,
            (Some(Direction::Descending), Some(at)) => drop(self.view.sort.remove(at)),
            _ => self.view.sort.push(SortKey { column, direction: Direction::Ascending }),
        }
    }
}

/// A param's text, where it is a long number shortened to five digits.
pub fn shorten(value: &str) -> String {
    match crate::catalog::sort::parse_number(value) {
        Some(number) if value.len() > 9 => text::number(number),
        _ => text::clean(value).into_owned(),
    }
}

pub fn is_number(words: &str) -> bool {
    crate::catalog::sort::parse_number(words).is_some()
}
