//! The columns that tell most of an experiment, for those who chose none.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use super::columns::TableColumn;
use crate::catalog::sort::parse_number;
use crate::catalog::{Catalog, ColumnSpec, Keyed, Row, Sym, Texts};
use crate::select::is_seed;
use crate::select::resolve::by_telling;

/// Metrics and params among the default columns; the picker has all of them.
const DEFAULT_METRICS: usize = 24;
/// Metrics that stand before the params.
const FIRST_METRICS: usize = 4;
/// Runs that it takes to say what explains a metric, and params that are looked at.
const EXPLAINED_BY: usize = 8;
const EXPLAINING: usize = 200;
const DEFAULT_PARAMS: usize = 24;
/// Parts that the values of a numeric param are put into.
const PARTS: usize = 8;
/// The share of runs that may have a text of their own before a param says nothing of them.
const MOST_PARTS: f64 = 0.5;
/// Runs that are looked at to find out whether a param differs.
const COMPARED: usize = 1_000;

/// Metrics whose names are read to find the most telling ones.
const READ_NAMES: usize = 300;

/// The columns that tell most of a catalogue: of thousands of names it takes some milliseconds to find them, which no frame
/// waits for.
#[derive(Debug, Clone)]
pub struct TellingColumns {
    keys: (usize, usize),
    deciding: Option<String>,
    columns: Vec<TableColumn>,
}

impl TellingColumns {
    pub fn of(catalog: &Catalog, deciding: Option<String>) -> Self {
        let columns = defaults(catalog, deciding.as_deref());
        Self { keys: key_counts(catalog), deciding, columns }
    }

    /// The columns, where they are those of this catalogue and metric.
    pub fn of_these(&self, catalog: &Catalog, deciding: Option<&str>) -> Option<&[TableColumn]> {
        let are_these = self.keys == key_counts(catalog) && self.deciding.as_deref() == deciding;
        are_these.then_some(&self.columns)
    }
}

/// How many metrics and params there are: they are never fewer than before.
pub fn key_counts(catalog: &Catalog) -> (usize, usize) {
    (catalog.metrics.len(), catalog.params.len())
}

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
    // Of repeated runs the seed tells nothing, however well it happens to fit.
    params.sort_by_key(|key| is_seed(key));
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
            return (true, true, Reverse(0), Reverse(0));
        };
        let share = explained(&ranks, |row| column.get(row), &catalog.texts);
        // A column that is empty for most runs is no good start.
        let filled = ranks.iter().filter(|(row, _)| column.get(*row).is_some()).count();
        let is_sparse = filled * 2 < ranks.len();
        // Of those the fuller ones: what a single run says is no start at all.
        let share = Reverse((share * 1e6) as i64);
        (is_sparse, is_seed(key), Reverse(if is_sparse { filled } else { 0 }), share)
    });
}

/// The share of the variance of ranks that groups of equal values explain, adjusted for their number.
fn explained(ranks: &[(Row, f64)], value: impl Fn(Row) -> Option<Sym>, texts: &Texts) -> f64 {
    let values: Vec<Option<Sym>> = ranks.iter().map(|(row, _)| value(*row)).collect();
    let numbers: Option<Vec<f64>> = values.iter().map(|sym| parse_number(texts.get((*sym)?))).collect();
    let is_text = numbers.is_none();
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
    if parts >= count || is_text && parts > count * MOST_PARTS {
        // Names of their own for most runs explain anything.
        return f64::NEG_INFINITY;
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

    #[test]
    fn names_and_seeds_explain_nothing() {
        let runs: Vec<Run> = (0..19)
            .map(|i: usize| {
                let score = (i * 7 % 19) as f64;
                let info = RunInfo {
                    run_id: format!("{i:032x}").as_str().into(),
                    experiment_id: "1".into(),
                    run_name: format!("run-{i}"),
                    user_id: "ana".into(),
                    status: RunStatus::Finished,
                    start_time: Some(i as i64),
                    end_time: Some(i as i64),
                    lifecycle_stage: LifecycleStage::Active,
                    artifact_uri: String::new(),
                };
                Run {
                    info,
                    metrics: vec![Metric { key: "val_loss".into(), value: score, timestamp: 0, step: 0 }],
                    params: vec![
                        Param::new("model/name", format!("net-{}", i.min(17))),
                        Param::new("optimizer", ["adam", "sgd"][i % 2]),
                        // It happens to fit as well as nothing else.
                        Param::new("seed", score.to_string()),
                    ],
                    tags: Vec::new(),
                    inputs: Vec::new(),
                    model_outputs: Vec::new(),
                }
            })
            .collect();
        let names = |count: usize| {
            let mut builder = Builder::default();
            builder.fold_changes(&whole_runs(&runs[..count]));
            names(&builder.snapshot(), Some("val_loss"))
        };
        assert_eq!(names(19)[1..4], ["params.optimizer", "params.model/name", "params.seed"]);
        assert_eq!(names(4)[3], "params.seed", "few runs say nothing, and a seed less");
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
