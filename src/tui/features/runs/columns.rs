//! The columns of the table: the default ones, and what the user makes of them.

use std::cmp::Reverse;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Runs;
use crate::catalog::sort::SortKey;
use crate::catalog::sort::parse_number;
use crate::catalog::{Bound, Catalog, ColumnSpec, Keyed, Row, Sym, Texts, Value};
use crate::config::DefaultColumn;
use crate::mlflow::Statistic;
use crate::mlflow::filter::Direction;
use crate::select::resolve::by_telling;
use crate::text;

/// Metrics and params among the default columns; the picker has all of them.
const DEFAULT_METRICS: usize = 24;
/// Metrics that stand before the params.
const FIRST_METRICS: usize = 4;
/// Runs that it takes to say what explains a metric, and params that are looked at.
const EXPLAINED_BY: usize = 8;
const EXPLAINING: usize = 200;
/// Parts that the values of a numeric param are put into.
const PARTS: usize = 8;
const DEFAULT_PARAMS: usize = 24;
/// From more runs on, a value that only one of them has does not tell them apart.
const ALONE: usize = 3;
/// Runs that are looked at to find out whether a param differs.
const COMPARED: usize = 1_000;
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

/// Metrics whose names are read to find the most telling ones.
const READ_NAMES: usize = 300;

/// Attributes, the metric that decides and the most telling others, params that differ (those first that explain it best), then
/// what tells less; no more than can be overseen.
pub fn defaults(catalog: &Catalog, deciding: Option<&str>) -> Vec<TableColumn> {
    let texts = &catalog.texts;
    let mut metrics: Vec<(&str, usize)> = catalog.metrics.keys(texts).collect();
    if metrics.len() > READ_NAMES {
        // Of so many names the most common ones are as good a start as any.
        metrics.sort_by_key(|(key, runs)| (key.starts_with("system/"), std::cmp::Reverse(*runs)));
        metrics.truncate(READ_NAMES);
    }
    let mut telling = by_telling(&mut metrics);
    if let Some(at) = metrics.iter().position(|(key, _)| deciding == Some(key)) {
        metrics[..=at].rotate_right(1);
        telling = telling.max(at + 1).min(telling + 1);
    }
    metrics.truncate(DEFAULT_METRICS);
    let rest = metrics.split_off(telling.clamp(1, FIRST_METRICS).min(metrics.len()));
    let (mut params, constant): (Vec<&str>, Vec<&str>) = catalog
        .params
        .keys(texts)
        .map(|(key, _)| key)
        .partition(|key| differs(catalog, &catalog.params, key));
    if let Some((metric, _)) = metrics.first() {
        by_explaining(catalog, metric, &mut params);
    }
    let shown = params.len().min(DEFAULT_PARAMS);
    let constant = constant.into_iter().take(DEFAULT_PARAMS - shown);
    let metric = |(key, _): (&str, usize)| ColumnSpec::metric(key);
    let param = |key: &str| ColumnSpec::Param(key.to_owned());
    let attributes = [ColumnSpec::RunName, ColumnSpec::Status, ColumnSpec::StartTime];
    attributes
        .into_iter()
        .chain(metrics.into_iter().map(metric))
        .chain(params.into_iter().take(shown).map(param))
        .chain(rest.into_iter().map(metric))
        .chain(constant.map(param))
        .chain([ColumnSpec::Duration, ColumnSpec::User])
        .map(TableColumn::from)
        .collect()
}

/// Sorts params by how much of a metric they explain, each by itself; where there are too few runs to say, nothing changes.
fn by_explaining(catalog: &Catalog, metric: &str, params: &mut [&str]) {
    let Some(column) = catalog.metrics.column(&catalog.texts, metric) else { return };
    let mut values: Vec<(Row, f64)> =
        column.iter().filter(|(_, value)| value.is_finite()).take(COMPARED).collect();
    if values.len() < EXPLAINED_BY || params.len() > EXPLAINING {
        return;
    }
    // Ranks: one run that went wrong does not decide.
    values.sort_by(|a, b| a.1.total_cmp(&b.1));
    let ranks: Vec<(Row, f64)> =
        values.iter().enumerate().map(|(rank, (row, _))| (*row, rank as f64)).collect();
    params.sort_by_cached_key(|key| {
        let Some(column) = catalog.params.column(&catalog.texts, key) else {
            return (true, Reverse(0), Reverse(0));
        };
        let share = explained(&ranks, |row| column.get(row), &catalog.texts);
        // A column that is empty for most runs is no good start.
        let filled = ranks.iter().filter(|(row, _)| column.get(*row).is_some()).count();
        let is_sparse = filled * 2 < ranks.len();
        // Of those the fuller ones: what a single run says is no start at all.
        (is_sparse, Reverse(if is_sparse { filled } else { 0 }), Reverse((share * 1e6) as i64))
    });
}

/// The share of the variance of ranks that groups of equal values explain, adjusted for their number.
fn explained(ranks: &[(Row, f64)], value: impl Fn(Row) -> Option<Sym>, texts: &Texts) -> f64 {
    let values: Vec<Option<Sym>> = ranks.iter().map(|(row, _)| value(*row)).collect();
    let numbers: Option<Vec<f64>> = values.iter().map(|sym| parse_number(texts.get((*sym)?))).collect();
    let mut groups: FxHashMap<u64, (f64, f64)> = FxHashMap::default();
    let mut put = |group: u64, rank: f64| {
        let (count, sum) = groups.entry(group).or_default();
        (*count, *sum) = (*count + 1.0, *sum + rank);
    };
    match numbers {
        Some(numbers) => {
            let mut sorted = numbers.clone();
            sorted.sort_by(f64::total_cmp);
            let bounds: Vec<f64> = (1..PARTS).map(|part| sorted[part * sorted.len() / PARTS]).collect();
            for ((_, rank), number) in ranks.iter().zip(numbers) {
                put(bounds.partition_point(|bound| *bound <= number) as u64, *rank);
            }
        }
        None => {
            for ((_, rank), sym) in ranks.iter().zip(values) {
                put(sym.map_or(u64::MAX, |sym| sym.0.into()), *rank);
            }
        }
    }
    let (count, parts) = (ranks.len() as f64, groups.len() as f64);
    let mean = (count - 1.0) / 2.0;
    let between: f64 = groups.values().map(|(count, sum)| count * (sum / count - mean).powi(2)).sum();
    let all: f64 = ranks.iter().map(|(_, rank)| (rank - mean).powi(2)).sum();
    if parts >= count {
        return 0.0;
    }
    1.0 - (1.0 - between / all) * (count - 1.0) / (count - parts)
}

/// Whether runs have different values of a key, one without a value among them.
fn differs(catalog: &Catalog, keyed: &Keyed<Sym>, key: &str) -> bool {
    let Some(column) = keyed.column(&catalog.texts, key) else { return false };
    let mut values = column.iter().take(COMPARED).map(|(_, value)| value);
    let first = values.next();
    column.len() < catalog.count || values.any(|value| Some(value) != first)
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
        let telling = defaults(&self.catalog, self.deciding.as_deref());
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

    /// The best run is chosen by this metric, which comes first among the default columns.
    pub fn decide_by(&mut self, metric: &str) {
        if self.deciding.as_deref() == Some(metric) {
            return;
        }
        self.deciding = Some(metric.to_owned());
        if !self.own_columns {
            self.follow_keys();
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Builder;
    use crate::mlflow::{LifecycleStage, Metric, Param, Run, RunInfo, RunStatus};
    use crate::store::batch::whole_runs;

    /// Runs whose score follows from the depth; of the other params one is random, and one the same everywhere.
    fn catalog(count: usize) -> Catalog {
        let mut random = fastrand::Rng::with_seed(5);
        let runs: Vec<Run> = (0..count)
            .map(|i| {
                let depth = random.u32(1..20);
                let metric = |key: &str, value: f64| Metric { key: key.into(), value, timestamp: 0, step: 0 };
                Run {
                    info: RunInfo {
                        run_id: format!("{i:032x}").as_str().into(),
                        experiment_id: "1".into(),
                        run_name: format!("run-{i}"),
                        user_id: "ana".into(),
                        status: RunStatus::Finished,
                        start_time: Some(i as i64),
                        end_time: Some(i as i64),
                        lifecycle_stage: LifecycleStage::Active,
                        artifact_uri: String::new(),
                    },
                    metrics: vec![
                        metric("fit_seconds", random.f64()),
                        metric("odd_score", (f64::from(depth) - 8.0).powi(2) + random.f64()),
                        metric("val_rmse", random.f64()),
                    ],
                    params: vec![
                        Param::new("always", "same"),
                        Param::new("colour", ["red", "blue"][random.usize(..2)]),
                        Param::new("depth", depth.to_string()),
                    ],
                    tags: Vec::new(),
                    inputs: Vec::new(),
                    model_outputs: Vec::new(),
                }
            })
            .collect();
        let mut builder = Builder::default();
        builder.fold_changes(&whole_runs(&runs));
        builder.snapshot()
    }

    fn names(catalog: &Catalog, deciding: Option<&str>) -> Vec<String> {
        defaults(catalog, deciding).iter().skip(3).map(|shown| shown.spec.name()).collect()
    }

    #[test]
    fn what_decides_comes_first_then_what_explains_it_and_constants_last() {
        let many = catalog(60);
        assert_eq!(
            names(&many, Some("odd_score")),
            [
                "metrics.odd_score",
                "metrics.val_rmse",
                "params.depth",
                "params.colour",
                "metrics.fit_seconds",
                "params.always",
                "duration",
                "user_id"
            ]
        );
        assert_eq!(names(&many, None)[0], "metrics.val_rmse");
        // Too few to say what explains it: as they come.
        assert_eq!(names(&catalog(5), Some("odd_score"))[2..4], ["params.colour", "params.depth"]);
        assert_eq!(names(&catalog(0), None), ["duration", "user_id"]);
    }
}
