//! How charts are drawn, wherever they are: axes, smoothing, ranges, means; and the x axis, picked.

use std::collections::BTreeSet;

use super::actions::Action;
use super::dashboard::Dashboard;
use super::groups::{Grouping, grouped};
use super::screen::ChartScreen;
use crate::catalog::view::Shape;
use crate::chart::{Band, Options, Smoothing, XAxis, YRange};
use crate::mlflow::RunId;
use crate::select::Interest;
use crate::state::views::SavedCharts;
use crate::text;
use crate::tui::core::app::{App, Screen};
use crate::tui::widgets::picker::{Item, Picked, Picker};

/// Before the name of a metric, as in filters.
const METRICS: &str = "metrics.";

impl Dashboard {
    /// What lies along an x axis.
    pub fn axis_words(&self, x: XAxis) -> String {
        match (x, &self.x_metric) {
            (XAxis::Metric, Some(metric)) => text::clean(metric).into_owned(),
            (XAxis::Step | XAxis::Relative | XAxis::Wall | XAxis::Metric, _) => x.in_words().into(),
        }
    }

    /// How charts are drawn, as a view keeps it.
    pub fn saved(&self) -> SavedCharts {
        let options = &self.options;
        let mut log_y: Vec<String> = self.log.iter().cloned().collect();
        log_y.sort_unstable();
        SavedCharts {
            x: match options.x {
                XAxis::Step => String::new(),
                XAxis::Relative => "relative".into(),
                XAxis::Wall => "wall".into(),
                XAxis::Metric => format!("{METRICS}{}", self.x_metric.as_deref().unwrap_or_default()),
            },
            log_x: options.log_x,
            log_y,
            smoothing: options.smoothing.is_on().then_some(options.smoothing.0),
            y_range: match options.y_range {
                YRange::All => "",
                YRange::Middle98 => "98",
                YRange::Middle90 => "90",
            }
            .into(),
            mean: match options.band {
                Band::None => "",
                Band::Deviation => "sd",
                Band::Range => "range",
            }
            .into(),
        }
    }

    /// Draws charts as a view has it; what of it is not known is as at first.
    pub fn take_saved(&mut self, saved: &SavedCharts) {
        let metric = saved.x.strip_prefix(METRICS).filter(|metric| !metric.is_empty());
        let x = match saved.x.as_str() {
            "relative" => XAxis::Relative,
            "wall" => XAxis::Wall,
            _ if metric.is_some() => XAxis::Metric,
            _ => XAxis::Step,
        };
        self.x_metric = metric.map(str::to_owned).or(self.x_metric.take());
        self.log = saved.log_y.iter().cloned().collect();
        let smoothing = saved.smoothing.filter(|weight| (0.0..1.0).contains(weight)).unwrap_or_default();
        let y_range = match saved.y_range.as_str() {
            "98" => YRange::Middle98,
            "90" => YRange::Middle90,
            _ => YRange::All,
        };
        let band = match saved.mean.as_str() {
            "sd" => Band::Deviation,
            "range" => Band::Range,
            _ => Band::None,
        };
        self.options =
            Options { x, log_x: saved.log_x, smoothing: Smoothing(smoothing), y_range, band, ..self.options };
        self.cursor = None;
    }

    /// The metric that lies along the x axis, if one does.
    pub fn x_key(&self) -> Option<&str> {
        self.x_metric.as_deref().filter(|_| self.options.x == XAxis::Metric)
    }
}

/// The chart that has the whole screen.
pub fn top(app: &App) -> Option<&ChartScreen> {
    match app.screens.last() {
        Some(Screen::Chart(screen)) => Some(screen),
        Some(
            Screen::Compare(_) | Screen::Sweep(_) | Screen::Log(_) | Screen::Models(_) | Screen::Datasets(_),
        )
        | None => None,
    }
}

/// The metrics that there are charts of.
fn keys(app: &App) -> BTreeSet<String> {
    let of_screen = top(app).into_iter().flat_map(|screen| &screen.metrics);
    let of_pane = app.charts.charts.iter().map(|chart| &chart.metric);
    let of_charts = of_screen.chain(of_pane).flat_map(|metric| &metric.parts).map(|part| part.key.clone());
    let of_run = app.details.run().into_iter().flat_map(|run| &run.metrics);
    of_charts.chain(of_run.map(|metric| metric.key.clone())).collect()
}

/// The metric that `x` goes on to behind the times: the one that was picked, or one that counts epochs.
fn next_metric(app: &App) -> Option<String> {
    let counts = |key: &String| {
        let last = key.rsplit(['/', '.', '_']).next().unwrap_or(key);
        last.eq_ignore_ascii_case("epoch") && Interest::of(key) == Interest::Beside
    };
    app.charts.x_metric.clone().or_else(|| keys(app).into_iter().find(counts))
}

/// Changes how charts are drawn.
pub fn change(app: &mut App, action: Action) {
    let key =
        top(app).map_or_else(|| app.charts.key().map(str::to_owned), |screen| Some(screen.key().to_owned()));
    let said = match action {
        Action::XAxis => {
            let metric = next_metric(app);
            let x = app.charts.options.x.next(metric.is_some());
            return show_over(app, x, metric);
        }
        Action::XMetric => return pick(app),
        Action::Band => band(app),
        Action::LogX => {
            app.charts.options.log_x = !app.charts.options.log_x;
            format!("x axis: {}", if app.charts.options.log_x { "logarithmic" } else { "linear" })
        }
        Action::LogY => {
            let Some(key) = key else { return };
            let log = &mut app.charts.log;
            let is_log = log.insert(key.clone()) || !log.remove(&key);
            format!("y axis of {key}: {}", if is_log { "logarithmic" } else { "linear" })
        }
        Action::Smoother | Action::Rougher => {
            let by = if action == Action::Smoother { 1 } else { -1 };
            let options = &mut app.charts.options;
            options.smoothing = options.smoothing.step(by);
            format!("smoothing: {}", options.smoothing.0)
        }
        Action::YRange => {
            let options = &mut app.charts.options;
            options.y_range = options.y_range.next();
            format!("y axis: {}", options.y_range.in_words().map_or("all values", |words| &words[2..]))
        }
        // These are about one chart.
        Action::ZoomIn
        | Action::ZoomOut
        | Action::Fit
        | Action::PanLeft
        | Action::PanRight
        | Action::Extremes
        | Action::Earlier
        | Action::Later => return,
    };
    app.status = Some(said);
    if action == Action::LogX {
        forget_cursors(app);
    }
}

/// Draws charts over another axis.
fn show_over(app: &mut App, x: XAxis, metric: Option<String>) {
    let charts = &mut app.charts;
    charts.options.x = x;
    charts.x_metric = metric;
    app.status = Some(format!("x axis: {}", app.charts.axis_words(x)));
    forget_cursors(app);
}

/// A cursor and a window belong to their axis.
fn forget_cursors(app: &mut App) {
    app.charts.cursor = None;
    // Until the other metric is read, no line is drawn over the one before under its name.
    app.histories.forget_over();
    if let Some(Screen::Chart(screen)) = app.screens.last_mut() {
        screen.reset();
    }
}

/// Lets the x axis be picked.
fn pick(app: &mut App) {
    let item = |label: String, note: &str, value| Item { label, note: note.into(), on: None, value };
    let axes =
        [(XAxis::Step, ""), (XAxis::Relative, "since the first point"), (XAxis::Wall, "the time of day")];
    let mut items: Vec<Item<(XAxis, Option<String>)>> = axes
        .into_iter()
        .map(|(axis, note)| item(axis.in_words().into(), note, (axis, app.charts.x_metric.clone())))
        .collect();
    let mut keys: Vec<String> = keys(app).into_iter().collect();
    // What counts how far training is comes first.
    keys.sort_by_cached_key(|key| (Interest::of(key) != Interest::Beside, key.clone()));
    items.extend(
        keys.into_iter().map(|key| item(key.clone(), "at the same step", (XAxis::Metric, Some(key)))),
    );
    let now = (app.charts.options.x, app.charts.x_metric.clone());
    let is_now = |item: &Item<(XAxis, Option<String>)>| {
        item.value.0 == now.0 && (now.0 != XAxis::Metric || item.value.1 == now.1)
    };
    let at = items.iter().position(is_now).unwrap_or(0);
    Picker::new("X axis", items, |app, picked, _| match picked {
        Picked::Chosen((axis, metric)) => show_over(app, axis, metric),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .at(at)
    .open(app);
}

/// Puts runs together, with another band around their mean, or not at all.
fn band(app: &mut App) -> String {
    let options = &mut app.charts.options;
    options.band = options.band.next();
    let Some(words) = options.band.in_words() else { return "each run by itself".into() };
    let by = match &app.runs.view.shape {
        Shape::Groups(column) => format!("the groups of {}", column.name()),
        Shape::Flat | Shape::Tree => "selected runs that differ only in seed or fold".into(),
    };
    let is_alone = options.band != Band::None
        && app.runs.selected.is_empty()
        && !matches!(app.runs.view.shape, Shape::Groups(_))
        && top(app).is_none_or(|screen| screen.runs.len() < 2);
    if is_alone {
        return format!("{words}: select runs that differ only in their seed, or group the table (g b)");
    }
    // Nothing is drawn as a mean that is none.
    if !matches!(app.runs.view.shape, Shape::Groups(_)) {
        let (id, name) = app.details.run().map_or_else(
            || (RunId::from(""), String::new()),
            |run| (run.info.run_id.clone(), run.info.run_name.clone()),
        );
        let runs = app.runs.selected.drawn_with(&id, &name);
        let lines = grouped(&runs, &app.runs.catalog, Some(&Grouping::Seeds));
        if lines.iter().all(|line| line.members.len() < 2) {
            return format!("{words}, but no two of the selected runs differ only in seed or fold");
        }
    }
    format!("{words}: {by}")
}
