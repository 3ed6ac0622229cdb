//! What Enter opens of a metric in a comparison: its chart, or where the runs stand where each has a single value.

use super::{CompareScreen, CompareTab, Compared};
use crate::catalog::Row;
use crate::compare::Comparison;
use crate::mlflow::RunId;
use crate::tui::core::app::{App, Screen};
use crate::tui::core::layout::Focus;
use crate::tui::core::requests;
use crate::tui::core::selected::{DrawnRun, OVERLAID};

/// A comparison that was left for a run of a ranking; esc comes back.
#[derive(Debug)]
pub struct LeftComparison {
    /// What stood there, the comparison on top; empty until it is left.
    screens: Vec<Screen>,
    /// The metric that was ranked, and the run.
    metric: String,
    run: RunId,
}

/// A run of a ranking by a metric is about to be shown: the comparison below it waits for whoever comes back.
pub fn leave(app: &mut App, metric: &str, run: &RunId) {
    let is_compared = matches!(app.screens.last(), Some(Screen::Compare(_)));
    app.left_comparison = is_compared.then(|| LeftComparison {
        screens: Vec::new(),
        metric: metric.to_owned(),
        run: run.clone(),
    });
}

/// Takes all screens away for a run. Where it comes from a comparison its details have the keys, and the screens are kept.
pub fn take_screens_away(app: &mut App, run: &RunId) {
    let screens = std::mem::take(&mut app.screens);
    let left = app.left_comparison.as_mut().filter(|left| left.screens.is_empty() && left.run == *run);
    match left {
        Some(left) if !screens.is_empty() => {
            left.screens = screens;
            app.focus = Focus::Details;
        }
        Some(_) | None => app.left_comparison = None,
    }
}

/// Goes back to the ranking that the run under the cursor was opened from, over its comparison; false if it was not.
pub fn come_back(app: &mut App) -> bool {
    let Some(left) = app.left_comparison.take().filter(|left| !left.screens.is_empty()) else { return false };
    if app.focus == Focus::Experiments || app.runs.run_under_cursor().as_ref() != Some(&left.run) {
        return false;
    }
    app.screens = left.screens;
    rank_at(app, &left.metric, Some(&left.run));
    true
}

/// The histories of the metric under the cursor, of all runs that are compared.
pub fn open_chart(app: &mut App) {
    let Some(Screen::Compare(screen)) = app.screens.last() else { return };
    let metric = match screen.tab {
        CompareTab::Table => {
            screen.chosen_entry().filter(|entry| entry.kind.has_history()).map(|entry| entry.spec.title())
        }
        CompareTab::Parallel | CompareTab::Scatter | CompareTab::Params => screen.metric.as_deref(),
    };
    let (Some(metric), Some(comparison)) = (metric, screen.comparison()) else { return };
    let entries = screen.shown.iter().map(|at| &comparison.entries[*at as usize]);
    let mut keys: Vec<String> =
        entries.filter(|entry| entry.kind.has_history()).map(|entry| entry.spec.title().to_owned()).collect();
    if !keys.iter().any(|key| key == metric) {
        keys.insert(0, metric.to_owned());
    }
    let at = keys.iter().position(|key| key == metric).unwrap_or(0);
    let rows = comparison
        .members
        .iter()
        .enumerate()
        .flat_map(|(member, rows)| rows.rows.iter().map(move |row| (member, *row)));
    let mut drawn: Vec<DrawnRun> = Vec::new();
    for (member, row) in rows.take(OVERLAID) {
        let name = comparison.catalog.run_name(row).to_owned();
        let run = screen.run_of(comparison.catalog.run_id(row));
        match drawn.iter_mut().find(|drawn| drawn.run == run) {
            // Models of one run have one history.
            Some(known) => known.name = format!("{}, {name}", known.name),
            None => drawn.push(DrawnRun::new(run, name, screen.slot(member))),
        }
    }
    let (metric, is_of_runs) = (metric.to_owned(), !screen.has_models());
    let is_single = is_single(app, screen, &metric, &drawn);
    if is_of_runs && is_single == Some(true) && rank(app, &metric) {
        return;
    }
    requests::open_chart(app, keys, at, drawn);
    if let Some(Screen::Chart(chart)) = app.screens.last_mut() {
        chart.may_rank = is_of_runs && is_single.is_none();
    }
}

/// Whether what is opened is a single value: that of the run under the cursor, or where it has none of most runs. None where
/// that is not known yet.
fn is_single(app: &App, screen: &CompareScreen, metric: &str, drawn: &[DrawnRun]) -> Option<bool> {
    let points = |run: &RunId| Some(app.histories.of(run, metric)?.points.len());
    let comparison = screen.comparison()?;
    let own = own(screen, comparison).map(|row| screen.run_of(comparison.catalog.run_id(row)));
    let own = own.filter(|own| drawn.iter().any(|drawn| drawn.run == *own));
    match own.map(|own| points(&own)) {
        Some(Some(1)) => return Some(true),
        Some(None) => return None,
        Some(Some(2..)) => return Some(false),
        Some(Some(_)) | None => {}
    }
    let points: Vec<usize> = drawn.iter().map(|drawn| points(&drawn.run)).collect::<Option<_>>()?;
    let single = points.iter().filter(|points| **points == 1).count();
    let several = points.iter().filter(|points| **points > 1).count();
    Some(single > several)
}

/// A chart that was opened from the comparison below it before it was known what there is of the metric: of a single value the
/// runs are ranked instead.
pub fn rank_instead(app: &mut App) {
    let [.., Screen::Compare(below), Screen::Chart(chart)] = app.screens.as_slice() else { return };
    let Some(metric) =
        chart.metrics.get(chart.at).filter(|_| chart.may_rank && app.overlay.is_none() && app.help.is_none())
    else {
        return;
    };
    let key = metric.key().to_owned();
    let Some(is_single) = is_single(app, below, &key, &chart.runs) else { return };
    let Some(mut shown) = app.screens.pop() else { return };
    if !(is_single && rank(app, &key)) {
        if let Screen::Chart(chart) = &mut shown {
            chart.may_rank = false;
        }
        app.screens.push(shown);
    }
}

/// Ranks the compared runs by a metric; false if there is nothing to rank.
pub fn rank(app: &mut App, metric: &str) -> bool {
    rank_at(app, metric, None)
}

/// The same with the cursor on a run, or on the one that it is on in the comparison.
fn rank_at(app: &mut App, metric: &str, at: Option<&RunId>) -> bool {
    let Some(Screen::Compare(screen)) = app.screens.last() else { return false };
    let Some(comparison) = screen.comparison().cloned() else { return false };
    let (rows, own) = (rows(&comparison), own(screen, &comparison));
    let name = |run: &RunId| rows.iter().find(|row| comparison.catalog.run_id(**row) == run.as_str());
    let place = |compared: &Compared| {
        let name = name(&compared.run).map_or("", |row| comparison.catalog.run_name(*row));
        (compared.run.clone(), name.to_owned(), compared.experiment.clone())
    };
    let places = screen.runs.iter().map(place).collect();
    requests::rank_compared(app, metric, (&comparison.catalog, &rows, own), places, at)
}

fn rows(comparison: &Comparison) -> Vec<Row> {
    comparison.members.iter().flat_map(|member| member.rows.iter().copied()).collect()
}

/// The run under the cursor.
fn own(screen: &CompareScreen, comparison: &Comparison) -> Option<Row> {
    comparison.members.get(screen.member_cursor.at)?.rows.first().copied()
}
