//! The form of a command, filled in by a run that a script logged: the command, what its siblings varied, the metric that the best
//! run is chosen by.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::{Catalog, Row, Sym};
use crate::mlflow::tags;
use crate::select::{Goal, is_seed};
use crate::sweep::engine::record::{SWEEP, TRIAL};
use crate::sweep::guess::{LoggedSource, SearchGuess, SeenParam};
use crate::sweep::objective::command::CommandRequest;
use crate::sweep::planned::PlannedCommand;
use crate::tui::core::app::App;

/// Where a run came from, by its tags.
const KIND: &str = "mlflow.source.type";
const ENTRY_POINT: &str = "mlflow.project.entryPoint";
/// What the run of a sweep itself, and not of a trial, is tagged with.
const PARENT: &str = "parent";
/// What runs that this program made have come from.
const OWN: &str = "mltui sweep";
/// Params of a run, and values of each, that are looked at.
const MOST_PARAMS: usize = 200;
const MOST_VALUES: usize = 10_000;

/// A run that a script logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptRun {
    pub name: String,
    pub source: LoggedSource,
    /// The sweep that it belongs to.
    pub sweep: Option<String>,
    /// It is the run of that sweep itself.
    pub is_parent: bool,
    row: Row,
}

fn tag<'a>(catalog: &'a Catalog, row: Row, key: &str) -> Option<&'a str> {
    let sym = catalog.tags.column(&catalog.texts, key)?.get(row)?;
    Some(catalog.texts.get(sym))
}

/// The run under the cursor, if a command can do it again.
pub fn script_run(app: &App) -> Option<ScriptRun> {
    script_run_at(app, app.runs.row_under_cursor()?)
}

/// The same, or the best run of the experiment where that one is no script's.
pub fn likely_run(app: &App) -> Option<ScriptRun> {
    let best = || app.runs.catalog.find(app.best.run_id()?);
    script_run(app).or_else(|| script_run_at(app, best()?))
}

/// The id of the sweep that the run under the cursor belongs to.
pub fn sweep_of_run(app: &App) -> Option<&str> {
    tag(&app.runs.catalog, app.runs.row_under_cursor()?, SWEEP)
}

fn script_run_at(app: &App, row: Row) -> Option<ScriptRun> {
    let catalog = &app.runs.catalog;
    let text = |key: &str| tag(catalog, row, key).map(str::to_owned);
    let source = LoggedSource {
        name: text(tags::SOURCE_NAME).unwrap_or_default(),
        kind: text(KIND).unwrap_or_default(),
        entry_point: text(ENTRY_POINT),
    };
    let sweep = text(SWEEP);
    let is_parent = sweep.is_some() && tag(catalog, row, TRIAL) == Some(PARENT);
    // What this program made is a command's only where a sweep of that machine says so.
    let is_own = source.name == OWN || source.command(&[]).is_none();
    let known = app.sweeps.list.iter().find(|known| Some(&known.id) == sweep.as_ref());
    if is_own && !known.is_some_and(|known| known.is_command) {
        return None;
    }
    Some(ScriptRun { name: catalog.run_name(row).to_owned(), source, sweep, is_parent, row })
}

/// What can be said of it without looking at any file; around the run, or over all that its siblings tried.
pub fn filled(app: &App, run: &ScriptRun, around: bool) -> PlannedCommand {
    let seen = if run.is_parent { Vec::new() } else { seen(&app.runs.catalog, run.row) };
    let guess = if around { SearchGuess::around(&seen) } else { SearchGuess::of_all(&seen) };
    let request = CommandRequest {
        command: run.source.command(&guess.params).unwrap_or_default(),
        params: guess.params,
        start: guess.start,
        metric: metric(app),
        ..CommandRequest::default()
    };
    PlannedCommand { request, ..PlannedCommand::default() }
}

/// The metric that the best run is chosen by, with its direction.
fn metric(app: &App) -> Option<String> {
    let aim = app.best.policy()?.primary();
    let goal = match aim.goal {
        Goal::Minimize => "min",
        Goal::Maximize => "max",
    };
    Some(format!("{}:{goal}", aim.metric))
}

/// The params of a run, each with the values that runs of the same script have.
fn seen(catalog: &Catalog, row: Row) -> Vec<SeenParam> {
    let texts = &catalog.texts;
    let siblings: FxHashSet<Row> = match catalog.tags.column(texts, tags::SOURCE_NAME) {
        Some(column) => {
            let own = column.get(row);
            let same = column.iter().filter(|(_, source)| Some(*source) == own).map(|(row, _)| row);
            same.filter(|row| catalog.run(*row).present).collect()
        }
        None => FxHashSet::from_iter([row]),
    };
    let own = catalog.params.of(texts, row).filter(|(key, _)| !is_seed(key)).take(MOST_PARAMS);
    let mut params: Vec<SeenParam> = own
        .map(|(key, own)| {
            let mut counts: FxHashMap<Sym, usize> = FxHashMap::default();
            let values = catalog.params.column(texts, key).into_iter().flat_map(|column| column.iter());
            for (_, value) in values.filter(|(row, _)| siblings.contains(row)) {
                if counts.len() < MOST_VALUES || counts.contains_key(&value) {
                    *counts.entry(value).or_default() += 1;
                }
            }
            let mut counts: Vec<(&str, usize)> =
                counts.into_iter().map(|(value, count)| (texts.get(value), count)).collect();
            counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
            let values = counts.into_iter().map(|(value, _)| value.to_owned()).collect();
            SeenParam { name: key.to_owned(), own: Some(texts.get(own).to_owned()), values }
        })
        .collect();
    params.sort_by(|a, b| a.name.cmp(&b.name));
    params
}
