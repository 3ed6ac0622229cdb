//! Which histories are to be read for what is on the screen.

use std::time::Duration;

use rustc_hash::FxHashSet;

use super::derived;
use super::effects::Effect;
use super::histories::{HistoryKey, MetricVersion};
use crate::mlflow::{Metric, RunId};
use crate::tui::core::app::App;
use crate::tui::core::effect::Effects;
use crate::tui::core::requests::wake;

/// How long the cursor stands on a run before a server is asked for its histories, in milliseconds.
const REST: i64 = 200;
/// Whether the cursor has stood on the run long enough: who only passes by does not make a server read.
pub fn has_rested(app: &mut App, effects: &mut Effects) -> bool {
    let charts = &mut app.charts;
    let rest = REST - (app.now - charts.since);
    if app.capabilities.cheap_reads || rest <= 0 {
        return true;
    }
    if charts.woken_for != charts.since {
        charts.woken_for = charts.since;
        wake(Duration::from_millis(rest.unsigned_abs()), effects);
    }
    false
}

/// Asks for the histories that a table of metrics shows.
pub fn want_table(app: &mut App, effects: &mut Effects) {
    let metrics = app.metrics_on_screen();
    let Some(run) = app.details.shown_run().filter(|_| !metrics.is_empty()).cloned() else { return };
    let of = |metric: &&Metric| (HistoryKey { run: run.clone(), key: metric.key.clone() }, Vec::new());
    let shown: Vec<(HistoryKey, Vec<RunId>)> = metrics.iter().map(of).collect();
    if app.charts.table_of.as_ref() != Some(&run) {
        app.charts.since = app.now;
        app.charts.table_of = Some(run);
    }
    if has_rested(app, effects) {
        want(app, &shown, effects);
    }
}

/// Asks for the histories that lines are made of, and makes what is known of them.
pub fn want(app: &mut App, shown: &[(HistoryKey, Vec<RunId>)], effects: &mut Effects) {
    let x = app.charts.x_key().map(str::to_owned);
    let mut known = FxHashSet::default();
    let mut wanted: Vec<(HistoryKey, MetricVersion)> = Vec::with_capacity(shown.len());
    for which in shown.iter().flat_map(|(which, members)| derived::sources(which, members, x.as_deref())) {
        if known.insert(which.clone()) {
            let heard = heard(app, &which);
            wanted.push((which, heard));
        }
    }
    if let Some(wants) = app.histories.want(&wanted, app.writes) {
        effects.push(Effect::Read(wants));
    }
    for (which, members) in shown {
        app.histories.derive(which, members, x.as_deref(), app.now);
    }
}

/// What was last heard of a metric.
fn heard(app: &mut App, which: &HistoryKey) -> MetricVersion {
    let row = app.runs.row_of(&which.run);
    let catalog = &app.runs.catalog;
    let goes_on = row.is_some_and(|row| catalog.run(row).status.is_active());
    let writes = if goes_on { app.writes } else { 0 };
    let shown = app.details.run().filter(|run| run.info.run_id == which.run);
    if let Some(run) = shown {
        let found = run.metrics.binary_search_by(|metric| metric.key.as_str().cmp(&which.key));
        return found.map_or_else(
            |_| MetricVersion::default(),
            |at| MetricVersion::of_metric(&run.metrics[at], writes),
        );
    }
    let value = row.and_then(|row| catalog.metrics.column(&catalog.texts, &which.key)?.get(row));
    value.map_or_else(MetricVersion::default, |value| MetricVersion::of_value(value, writes))
}
