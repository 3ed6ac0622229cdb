//! What a report says.

use std::sync::Arc;

use super::{Block, Report, Section};
use crate::catalog::{Catalog, ColumnSpec, NO_TIME, Row, Value};
use crate::chart::trace::ChartLine;
use crate::chart::{Options, svg};
use crate::compare::importance::{Matter, Matters, matters};
use crate::compare::{Comparison, Entry, EntryKind, difference, number};
use crate::mlflow::{MetricPoint, Statistic};
use crate::select::{Goal, Patterns, PolicyOrigin, Selection, ValueOf, reason};
use crate::sheet::{Cell, Sheet};
use crate::text;

/// Of so many runs, from the best to the worst, it is told which params matter.
pub const SAMPLE: usize = 1_000;
/// Params that differ, in the table of the best runs.
const PARAMS: usize = 8;
/// Params that matter.
const MATTERING: usize = 10;

/// What a report is made from.
#[derive(Debug)]
pub struct Material<'a> {
    /// The experiment's name.
    pub experiment: &'a str,
    /// The runs.
    pub catalog: Arc<Catalog>,
    /// The choice among them, with at least as many ranked as are to be shown.
    pub selection: &'a Selection,
    /// Where its policy comes from.
    pub origin: PolicyOrigin,
    /// How many of the best are shown.
    pub top: usize,
    /// What the best one is held against, if anything is.
    pub against: Option<Against>,
    /// Names of runs and their histories of the first objective.
    pub histories: Vec<(String, Vec<MetricPoint>)>,
    /// What is wanted of metrics.
    pub patterns: &'a Patterns,
    /// When it is made, in milliseconds since the epoch.
    pub now: i64,
}

/// What the best run is held against.
#[derive(Debug)]
pub enum Against {
    /// There is no such thing, for this reason.
    Nobody(String),
    /// The best run itself, called so.
    Itself(String),
    /// Another run, called so: both, it first; and what is to be known of their values.
    Run(String, Arc<Catalog>, Option<String>),
}

/// A report on an experiment that has a best run.
pub fn report(material: &Material<'_>) -> Report {
    let Material { selection, .. } = material;
    let mut sections = vec![best(material)];
    sections.extend(material.against.as_ref().map(|against| versus(material, against)));
    sections.extend(ranking(material));
    let rows = sample(selection);
    let comparison = Comparison::new(material.catalog.clone(), &rows, false, material.now, material.patterns);
    sections.extend(mattering(material, &comparison, &rows));
    Report {
        title: format!("{}: {}", material.experiment, reason::aim(&selection.policy)),
        about: vec![format!(
            "{} of {} eligible, {}",
            text::count(selection.eligible),
            text::runs(selection.considered),
            text::timestamp(material.now)
        )],
        sections,
    }
}

/// A number as people read it.
fn short(value: f64) -> Cell {
    let words = text::number(value);
    words.parse().map_or(Cell::Text(words), Cell::Number)
}

fn cell(value: &Value<'_>) -> Cell {
    match value {
        Value::Missing => Cell::Missing,
        Value::Number(number) | Value::Point(number, _) => short(*number),
        Value::Text(words) => Cell::from(*words),
        Value::OwnedText(words) => Cell::from(words.as_str()),
        Value::Duration(ms) => Cell::Text(text::duration(*ms)),
        Value::Time(ms) => Cell::Text(text::timestamp(*ms)),
        Value::Count(count) => Cell::Integer(i64::try_from(*count).unwrap_or(i64::MAX)),
        Value::Status(status) => Cell::Text(status.as_str().to_owned()),
    }
}

/// The run that was chosen, why, and what it has.
fn best(material: &Material<'_>) -> Section {
    let Material { catalog, selection, .. } = material;
    let mut blocks = vec![Block::Lines(reason::long(selection, catalog, material.origin))];
    if let Some(best) = selection.best() {
        let comparison =
            Comparison::new(catalog.clone(), &[best.row], false, material.now, material.patterns);
        let mut sheet = Sheet::new(["kind", "name", "value"]);
        sheet.push(["run".into(), "name".into(), Cell::from(catalog.run_name(best.row))]);
        sheet.push(["run".into(), "id".into(), Cell::from(catalog.run_id(best.row))]);
        let kinds = [(EntryKind::Param, "param"), (EntryKind::Metric, "metric")];
        for (kind, word) in kinds {
            for entry in comparison.entries.iter().filter(|entry| entry.kind == kind) {
                let value = comparison.bound(entry).value(catalog, best.row, material.now);
                // In a column of texts a number stands as it is shown.
                let words = match cell(&value) {
                    Cell::Number(number) => Cell::Text(text::exact(number)),
                    words => words,
                };
                sheet.push([word.into(), Cell::from(entry.spec.title()), words]);
            }
        }
        blocks.push(Block::Table(sheet));
    }
    let metric = &selection.policy.primary().metric;
    let curves = material.histories.iter().filter(|(_, points)| points.len() > 1);
    let lines: Vec<(ChartLine<'_>, &str)> = curves
        .enumerate()
        .map(|(at, (name, points))| (ChartLine::new(points, at as u8), name.as_str()))
        .collect();
    if !lines.is_empty() {
        let svg = svg::svg((metric, "step"), &lines, &Options::default(), None);
        blocks.push(Block::Chart { title: format!("{metric} by step"), svg });
    }
    Section { title: "Best run".into(), blocks }
}

/// The best run against another.
fn versus(material: &Material<'_>, against: &Against) -> Section {
    let (title, blocks) = match against {
        Against::Nobody(why) => ("Champion".into(), vec![Block::Lines(vec![why.clone()])]),
        Against::Itself(name) => {
            (format!("Against {name}"), vec![Block::Lines(vec![format!("The best run is {name}.")])])
        }
        Against::Run(name, both, note) => {
            (format!("Against {name}"), differences(material, name, both, note.as_ref()))
        }
    };
    Section { title, blocks }
}

fn differences(
    material: &Material<'_>,
    name: &str,
    both: &Arc<Catalog>,
    note: Option<&String>,
) -> Vec<Block> {
    let comparison = Comparison::new(both.clone(), &[0, 1], false, material.now, material.patterns);
    let objective = material.selection.policy.primary();
    let mut sheet = Sheet::new(["kind", "name", name, "best", "difference", "relative", ""]);
    let is_deciding = |entry: &&Entry| matches!(&entry.spec, ColumnSpec::Metric(key, Statistic::Latest) if *key == objective.metric);
    let of_kind = |kind: EntryKind| {
        comparison
            .entries
            .iter()
            .filter(move |entry| entry.kind == kind && entry.differs && !is_deciding(entry))
    };
    let deciding = comparison.entries.iter().filter(is_deciding);
    let mut words = format!("{name} has no {} to compare with.", objective.metric);
    for entry in deciding.chain(of_kind(EntryKind::Metric)).chain(of_kind(EntryKind::Param)) {
        let bound = comparison.bound(entry);
        let [old, new] = [0, 1].map(|member| comparison.cell(entry, &bound, member, material.now));
        let by = difference(&new, &old);
        let goal = if is_deciding(&entry) { Some(objective.goal) } else { entry.goal };
        let verdict = by.and_then(|(by, _)| verdict(by, goal)).unwrap_or_default();
        let show = |member: usize| cell(&bound.value(both, member as Row, material.now));
        if is_deciding(&entry)
            && let (Some(old), Some(new)) = (old.number(), new.number())
        {
            words = format!(
                "{}{}: {} against {} of {name}{}.",
                objective.metric,
                if material.selection.policy.value == ValueOf::Latest { "" } else { ", latest values" },
                text::number(new),
                text::number(old),
                by.map_or(String::new(), |(by, share)| {
                    let share = share.map_or(String::new(), |share| format!(" ({})", percent(share.abs())));
                    match verdict {
                        "" => ", the same".to_owned(),
                        verdict => format!(", {}{share} {verdict}", text::number(by.abs())),
                    }
                })
            );
        }
        let share = by.and_then(|(_, share)| share);
        sheet.push([
            Cell::from(if entry.kind == EntryKind::Param { "param" } else { "metric" }),
            Cell::from(entry.spec.title()),
            show(0),
            show(1),
            by.map_or(Cell::Missing, |(by, _)| short(by)),
            share.map_or(Cell::Missing, |share| Cell::Text(signed(share))),
            Cell::from(verdict),
        ]);
    }
    let lines = std::iter::once(words).chain(note.cloned());
    let mut blocks = vec![Block::Lines(lines.collect())];
    if !sheet.rows.is_empty() {
        blocks.push(Block::Table(sheet));
    }
    blocks
}

/// What a difference means where it is known what is wanted.
fn verdict(by: f64, goal: Option<Goal>) -> Option<&'static str> {
    let goal = goal.filter(|_| by != 0.0 && !by.is_nan())?;
    Some(if goal.is_better(by, 0.0) { "better" } else { "worse" })
}

/// The best runs, with what tells them apart.
fn ranking(material: &Material<'_>) -> Option<Section> {
    let Material { catalog, selection, .. } = material;
    let top = &selection.ranking[..material.top.min(selection.ranking.len())];
    if top.len() < 2 {
        return None;
    }
    let rows: Vec<Row> = top.iter().map(|ranked| ranked.row).collect();
    let comparison = Comparison::new(catalog.clone(), &rows, false, material.now, material.patterns);
    let params: Vec<&Entry> = comparison
        .entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Param && entry.differs)
        .take(PARAMS)
        .collect();
    let mut columns = vec![String::new(), "run".to_owned()];
    columns.extend(selection.policy.objectives.iter().map(|objective| objective.metric.clone()));
    columns.extend(params.iter().map(|entry| entry.spec.title().to_owned()));
    columns.extend(["started".to_owned(), "time".to_owned()]);
    let mut sheet = Sheet::new(columns);
    for (at, ranked) in top.iter().enumerate() {
        let mut row = vec![Cell::Integer(at as i64 + 1), Cell::from(catalog.run_name(ranked.row))];
        row.extend(ranked.values.iter().map(|value| short(*value)));
        row.extend(params.iter().map(|entry| {
            match cell(&comparison.bound(entry).value(catalog, ranked.row, material.now)) {
                Cell::Text(words) => number(&words).map_or(Cell::Text(words), short),
                cell => cell,
            }
        }));
        let run = catalog.run(ranked.row);
        let known = run.start_time != NO_TIME;
        row.push(if known { Cell::Text(text::timestamp(run.start_time)) } else { Cell::Missing });
        let has_time = known && run.end_time != NO_TIME;
        let time = || Cell::Text(text::duration(run.end_time.saturating_sub(run.start_time)));
        row.push(if has_time { time() } else { Cell::Missing });
        sheet.rows.push(row);
    }
    let title = format!("The {} best runs", text::count(top.len()));
    Some(Section { title, blocks: vec![Block::Table(sheet)] })
}

/// Rows from the best to the worst, no more than can be looked at.
fn sample(selection: &Selection) -> Vec<Row> {
    let ranked = &selection.ranking;
    let count = ranked.len().min(SAMPLE);
    (0..count).map(|at| ranked[at * ranked.len() / count].row).collect()
}

/// The params that matter for the metric.
fn mattering(material: &Material<'_>, comparison: &Comparison, rows: &[Row]) -> Option<Section> {
    let policy = &material.selection.policy;
    let objective = policy.primary();
    if policy.value != ValueOf::Latest {
        // They are told from latest values.
        return None;
    }
    let Matters::Ranked { runs, r2, params } = matters(comparison, &objective.metric, material.now) else {
        return None;
    };
    let mut sheet = Sheet::new(["param", "importance", "rank correlation", "runs"]);
    for Matter { param, correlation, importance, runs } in params.iter().take(MATTERING) {
        sheet.push([
            Cell::from(param.as_str()),
            Cell::Number((importance * 1e3).round() / 1e3),
            correlation
                .number()
                .map_or(Cell::Missing, |correlation| Cell::Number((correlation * 1e2).round() / 1e2)),
            Cell::Integer(*runs as i64),
        ]);
    }
    let words = format!(
        "A forest on {} explains {:.0} % of what {} varies; importance is what it loses of that when the param is shuffled.",
        text::runs(runs),
        r2.max(0.0) * 100.0,
        objective.metric
    );
    let mut blocks = vec![Block::Lines(vec![words]), Block::Table(sheet)];
    let numeric =
        params.iter().find(|matter| matter.correlation.number().is_some() && matter.importance > 0.0);
    blocks.extend(numeric.and_then(|matter| scatter(material, comparison, rows, &matter.param)));
    Some(Section { title: format!("Params that matter for {}", objective.metric), blocks })
}

/// The metric over a param.
fn scatter(material: &Material<'_>, comparison: &Comparison, rows: &[Row], param: &str) -> Option<Block> {
    let objective = material.selection.policy.primary();
    let entry = |wanted: ColumnSpec| comparison.entries.iter().find(|entry| entry.spec == wanted);
    let x = comparison.bound(entry(ColumnSpec::Param(param.to_owned()))?);
    let y = comparison.bound(entry(ColumnSpec::Metric(objective.metric.clone(), Statistic::Latest))?);
    let finite = |value: Value<'_>| match value {
        Value::Text(words) => number(words),
        Value::Number(number) | Value::Point(number, _) => Some(number),
        _ => None,
    };
    let best = material.selection.best()?.row;
    let mut points = Vec::new();
    let mut at_best = usize::MAX;
    for row in rows {
        let value = |bound: &crate::catalog::Bound| {
            finite(bound.value(&material.catalog, *row, material.now)).filter(|value| value.is_finite())
        };
        let (Some(x), Some(y)) = (value(&x), value(&y)) else { continue };
        if *row == best {
            at_best = points.len();
        }
        points.push((x, y));
    }
    if points.len() < 2 {
        return None;
    }
    let title = format!("{} by {param}", objective.metric);
    let svg = svg::scatter(&title, param, &points, at_best);
    Some(Block::Chart { title, svg })
}

/// A share as a percentage; very large ones by their size.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.abs() >= 1e6 { format!("{percent:.1e} %") } else { format!("{percent:.1} %") }
}

/// The same with its sign.
fn signed(share: f64) -> String {
    let sign = if share.is_sign_negative() { "" } else { "+" };
    format!("{sign}{}", percent(share))
}
