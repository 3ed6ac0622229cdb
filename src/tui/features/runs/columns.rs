//! The columns of the table, and what the user makes of them.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Runs;
use super::telling::{defaults, key_counts};
use crate::catalog::sort::SortKey;
use crate::catalog::{Bound, Catalog, ColumnSpec, Row, Value};
use crate::config::DefaultColumn;
use crate::mlflow::Statistic;
use crate::mlflow::filter::Direction;
use crate::text;

/// From more runs on, a value that only one of them has does not tell them apart.
const ALONE: usize = 3;
/// Metrics and params that are looked at within a frame.
const AT_ONCE: usize = 200;
/// How narrow and wide a column may be made, in cells.
pub const WIDTHS: (u16, u16) = (4, 80);

/// A column of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableColumn {
    pub spec: ColumnSpec,
    /// Cells, where the user set them.
    pub width: Option<u16>,
}

/// A column that does not differ, and where it stands among all.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    pub column: TableColumn,
    at: usize,
    behind: Option<ColumnSpec>,
}

impl From<ColumnSpec> for TableColumn {
    fn from(spec: ColumnSpec) -> Self {
        Self { spec, width: None }
    }
}

/// Whether a column has the same value for all these runs, or none for each of them.
fn is_constant(catalog: &Catalog, spec: &ColumnSpec, rows: &[Row]) -> bool {
    let bound = Bound::new(catalog, spec);
    let is_same = |one: &Value<'_>, other: &Value<'_>| match (one, other) {
        (Value::Number(one), Value::Number(other)) | (Value::Point(one, _), Value::Point(other, _)) => {
            one.to_bits() == other.to_bits()
        }
        (one, other) => one == other,
    };
    let mut values = rows.iter().map(|row| bound.value(catalog, *row, 0));
    // What one run of many says, as the parent of a sweep does, tells them apart no better.
    let alone = usize::from(rows.len() > ALONE);
    let is_given = |row: &&Row| !matches!(bound.value(catalog, **row, 0), Value::Missing);
    if rows.iter().filter(is_given).take(alone + 1).count() <= alone {
        return true;
    }
    let Some(first) = values.next() else { return true };
    values.all(|value| is_same(&value, &first))
}

impl Runs {
    pub fn chosen_column(&self) -> Option<&ColumnSpec> {
        self.columns.get(self.column).map(|shown| &shown.spec)
    }

    /// Follows the keys that there are, unless the user has chosen.
    pub fn follow_keys(&mut self) {
        let chosen = self.chosen_column().filter(|_| self.column_is_chosen).cloned();
        if !self.own_columns {
            self.columns = self.wanted_by_default();
            self.constants.clear();
        }
        self.leave_out_constants();
        let wanted = self.wanted_column.take().or(chosen);
        self.column_is_chosen |= wanted.is_some();
        if self.spark_key.is_none() || !self.column_is_chosen {
            let mut metrics = self.columns.iter().filter_map(|shown| shown.spec.metric_key());
            let first = metrics.next().map(str::to_owned);
            if self.spark_key != first {
                self.spark_key = first;
                self.sparks.clear();
            }
        }
        let position = |spec: &ColumnSpec| self.columns.iter().position(|known| known.spec == *spec);
        let first_metric =
            self.columns.iter().position(|shown| shown.spec.metric_key().is_some()).unwrap_or(0);
        self.column = wanted.as_ref().and_then(position).unwrap_or(first_metric);
    }

    /// The columns of the settings that this experiment has; without any, those that tell most.
    fn wanted_by_default(&self) -> Vec<TableColumn> {
        let deciding = self.deciding.as_deref();
        let known = self.telling.as_ref().and_then(|telling| telling.of_these(&self.catalog, deciding));
        let telling = known.map_or_else(|| defaults(&self.catalog, deciding), <[_]>::to_vec);
        if self.default_columns.is_empty() {
            return telling;
        }
        let mut columns = vec![TableColumn::from(ColumnSpec::RunName)];
        let mut put = |column: TableColumn| {
            if !columns.iter().any(|known| known.spec == column.spec) {
                columns.push(column);
            }
        };
        for wanted in &self.default_columns {
            match wanted {
                // Another experiment logs other metrics: a column that stays empty says nothing.
                DefaultColumn::Named(spec) if spec.runs_with(&self.catalog) == Some(0) => {}
                DefaultColumn::Named(spec) => put(TableColumn::from(spec.clone())),
                DefaultColumn::Others => telling.iter().cloned().for_each(&mut put),
            }
        }
        // Names alone are no table.
        if columns.len() > 1 { columns } else { telling }
    }

    /// All columns, with those that are left out because they do not differ: each behind the one that it stood behind.
    pub fn all_columns(&self) -> Vec<TableColumn> {
        let mut all = self.columns.clone();
        for LeftOut { column, at, behind } in &self.constants {
            if all.iter().any(|known| known.spec == column.spec) {
                continue;
            }
            let place = |spec: &ColumnSpec| all.iter().position(|known| known.spec == *spec);
            let at = behind.as_ref().and_then(place).map_or(*at, |before| before + 1);
            all.insert(at.min(all.len()), column.clone());
        }
        all
    }

    /// How many are left out because they do not differ.
    pub fn hidden_columns(&self) -> usize {
        self.constants.len()
    }

    /// Leaves out the columns that are the same for all runs shown, where that is wanted, and shows the others again.
    pub fn leave_out_constants(&mut self) {
        if self.constants.is_empty() && !self.differing {
            return;
        }
        let chosen = self.chosen_column().cloned();
        let all = self.all_columns();
        self.constants.clear();
        let rows: Vec<Row> = (0..self.length()).filter_map(|at| self.projection.row(at)).collect();
        let is_left_out = |at: usize, spec: &ColumnSpec| {
            let is_needed = at == 0 || self.view.sorted_by(spec).is_some() || self.kept.contains(spec);
            self.differing && rows.len() > 1 && !is_needed && is_constant(&self.catalog, spec, &rows)
        };
        let left_out: Vec<bool> =
            all.iter().enumerate().map(|(at, shown)| is_left_out(at, &shown.spec)).collect();
        self.columns.clear();
        let mut behind = None;
        for ((at, column), is_left_out) in all.into_iter().enumerate().zip(left_out) {
            let spec = column.spec.clone();
            if is_left_out {
                self.constants.push(LeftOut { column, at, behind });
            } else {
                self.columns.push(column);
            }
            behind = Some(spec);
        }
        let place = chosen.and_then(|spec| self.columns.iter().position(|shown| shown.spec == spec));
        self.column = place.unwrap_or_else(|| self.column.min(self.columns.len().saturating_sub(1)));
    }

    /// Shows columns behind the chosen one, or hides them.
    pub fn show_columns(&mut self, specs: &[ColumnSpec], on: bool) {
        let named: FxHashSet<&ColumnSpec> = specs.iter().collect();
        self.constants.retain(|left_out| !named.contains(&left_out.column.spec));
        if on {
            let known: FxHashSet<&ColumnSpec> = self.columns.iter().map(|shown| &shown.spec).collect();
            let new: Vec<TableColumn> =
                specs.iter().filter(|spec| !known.contains(spec)).cloned().map(TableColumn::from).collect();
            let at = (self.column + 1).min(self.columns.len());
            self.columns.splice(at..at, new);
            self.kept.extend(specs.iter().cloned());
        } else {
            let chosen = self.chosen_column().cloned();
            let mut at = 0;
            self.columns.retain(|shown| {
                at += 1;
                at == 1 || !named.contains(&shown.spec)
            });
            let place = chosen.and_then(|spec| self.columns.iter().position(|shown| shown.spec == spec));
            self.choose_column(place.unwrap_or(self.column));
        }
        self.own_columns = true;
    }

    /// Shows only the name and one column.
    pub fn show_only(&mut self, spec: &ColumnSpec) {
        let known = self.columns.iter().find(|shown| shown.spec == *spec).cloned();
        self.kept.insert(spec.clone());
        self.columns.truncate(1);
        self.constants.clear();
        if *spec != ColumnSpec::RunName {
            self.columns.push(known.unwrap_or_else(|| TableColumn::from(spec.clone())));
        }
        self.choose_column(1);
        self.own_columns = true;
    }

    /// Puts columns into an order; the name stays in front, and those that are not named come last.
    pub fn order_columns(&mut self, specs: &[ColumnSpec], chosen: &ColumnSpec) {
        let places: FxHashMap<&ColumnSpec, usize> = specs.iter().zip(0..).collect();
        let mut all = self.all_columns();
        self.constants.clear();
        all[1..].sort_by_key(|shown| places.get(&shown.spec).copied().unwrap_or(usize::MAX));
        self.columns = all;
        self.leave_out_constants();
        if let Some(at) = self.columns.iter().position(|shown| shown.spec == *chosen) {
            self.choose_column(at);
        }
        self.own_columns = true;
    }

    /// The metric that the best run is chosen by.
    pub fn deciding(&self) -> Option<&str> {
        self.deciding.as_deref()
    }

    /// The best run is chosen by this metric, which comes first among the default columns.
    /// True where so many names have to be looked at for that that it is done away from the loop.
    pub fn decide_by(&mut self, metric: &str) -> bool {
        if self.deciding.as_deref() == Some(metric) {
            return false;
        }
        self.deciding = Some(metric.to_owned());
        if self.own_columns {
            return false;
        }
        let (metrics, params) = key_counts(&self.catalog);
        self.awaits_columns = metrics + params > AT_ONCE;
        if !self.awaits_columns {
            self.follow_keys();
        }
        self.awaits_columns
    }

    /// Chooses a column by steps; a metric becomes the one whose trend is drawn.
    pub fn step_column(&mut self, by: isize) {
        self.choose_column(self.column.saturating_add_signed(by));
    }

    pub fn choose_column(&mut self, column: usize) {
        self.column = column.min(self.columns.len().saturating_sub(1));
        self.column_is_chosen = true;
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
                self.constants.retain(|left_out| left_out.column.spec != *spec);
                self.kept.insert(spec.clone());
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
        self.constants.retain(|left_out| left_out.column.spec != spec);
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
    pub fn cycle_sort(&mut self, also: bool, first: Direction) {
        let Some(column) = self.chosen_column().cloned() else { return };
        let known = self.view.sorted_by(&column);
        if !also {
            self.view.sort.retain(|key| key.column == column);
        }
        let at = self.view.sort.iter().position(|key| key.column == column);
        match (known.map(|(_, direction)| direction), at) {
            (Some(direction), Some(at)) if direction == first => {
                self.view.sort[at].direction = direction.reversed();
            }
            (Some(_), Some(at)) => drop(self.view.sort.remove(at)),
            _ => self.view.sort.push(SortKey { column, direction: first }),
        }
    }
}

/// A param's text; a long number has five digits, a large count a prefix.
pub fn shorten(key: &str, value: &str) -> String {
    match crate::catalog::sort::parse_number(value) {
        Some(number) if value.len() > 9 => text::value(key, number),
        Some(number) if number.abs() >= 1e4 && text::value(key, number).ends_with(['k', 'M', 'G', 'T']) => {
            text::value(key, number)
        }
        Some(_) | None => text::clean(value).into_owned(),
    }
}

pub fn is_number(words: &str) -> bool {
    crate::catalog::sort::parse_number(words).is_some()
}
