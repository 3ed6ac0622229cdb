//! What keys and the mouse do on charts: in the dashboard, and on one that has the whole screen.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::chart::svg::svg;
use std::sync::Arc;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::Msg;
use super::actions::Action;
use super::dashboard::Chart;
use super::dashboard::view::charts_area;
use super::histories::HistoryKey;
use super::pictures::{drawn_with, lines, screen_options};
use super::screen::{ChartScreen, Held};
use super::series::Series;
use super::wanting::{has_rested, want, want_table};
use super::{groups, ranking, settings};
use crate::catalog::ColumnSpec;
use crate::chart::trace::neighbour;
use crate::chart::{ChartLine, Dots, Plot, plot, x_range};
use crate::config::Glyphs;
use crate::mlflow::RunId;
use crate::text;
use crate::tui::core::app::{App, ConnectionState, Screen};
use crate::tui::core::effect::Effects;
use crate::tui::core::go;
use crate::tui::core::layout::Focus;
use crate::tui::core::layout::Tab;
use crate::tui::core::layout::details_body;
use crate::tui::core::requests::{copy, rank_instead};

/// What a page key moves the cursor by, in columns of dots.
const PAGE: isize = 20;

/// The room of the dashboard's charts, if they are on the screen.
pub fn dashboard_area(app: &App) -> Option<Rect> {
    if app.details.tab != Tab::Charts || !app.screens.is_empty() {
        return None;
    }
    app.details.run()?;
    let body = details_body(app.geometry().details?);
    Some(charts_area(body, app.charts.drawn.len()))
}

fn size(area: Rect) -> (usize, usize) {
    (area.width as usize, area.height as usize)
}

/// Puts the charts in order and asks for the histories that they show.
pub fn follow_up(app: &mut App, effects: &mut Effects) {
    let is_seen = app.geometry().details.is_some() && app.details.tab == Tab::Charts;
    if is_seen {
        arrange(app);
        rank(app, effects);
    }
    group(app);
    let shown: Vec<(HistoryKey, Vec<RunId>)> = match app.screens.last() {
        Some(Screen::Chart(screen)) => {
            let of = |line: &Series| (line.which.clone(), screen.drawn[line.run].members.clone());
            screen.lines.iter().map(of).collect()
        }
        Some(
            Screen::Compare(_) | Screen::Sweep(_) | Screen::Log(_) | Screen::Models(_) | Screen::Datasets(_),
        ) => return,
        None => {
            let Some(area) = dashboard_area(app) else { return want_table(app, effects) };
            if !has_rested(app, effects) {
                return;
            }
            let charts = &app.charts;
            let (width, height) = size(area);
            let lines = || charts.visible(width, height).flat_map(Chart::lines);
            // The run under the cursor before all others.
            let own = lines().filter(|line| line.run == charts.own);
            let all = own.chain(lines().filter(|line| line.run != charts.own));
            all.map(|line| (line.which.clone(), charts.drawn[line.run].members.clone())).collect()
        }
    };
    want(app, &shown, effects);
}

/// Puts the runs of the chart that has the whole screen together as it is wanted now.
fn group(app: &mut App) {
    let grouping = groups::wanted(app);
    let catalog = Arc::clone(&app.runs.catalog);
    if let Some(Screen::Chart(screen)) = app.screens.last_mut()
        && screen.grouping != grouping
    {
        screen.group(&catalog, grouping);
    }
}

/// Puts the charts in order: first the metrics that decide, then those of the sorted columns and of the chosen one.
fn arrange(app: &mut App) {
    let Some(run) = app.details.run() else { return };
    let runs = &app.runs;
    let deciding = app.best.policy().into_iter().flat_map(|policy| &policy.objectives);
    let deciding = deciding.map(|objective| objective.metric.as_str());
    let sorted = runs.view.sort.iter().filter_map(|key| key.column.metric_key());
    let chosen = runs.chosen_column().and_then(ColumnSpec::metric_key);
    let first: Vec<String> = deciding.chain(sorted).chain(chosen).map(str::to_owned).collect();
    let grouping = groups::wanted(app);
    app.charts.arrange(run, &runs.catalog, &runs.selected, (first.clone(), grouping.clone()), app.now);
    if app.charts.learn(&app.histories) {
        app.charts.arrange(run, &runs.catalog, &runs.selected, (first, grouping), app.now);
    }
}

/// Asks where the run stands among all that are shown, with the single values on the screen.
fn rank(app: &mut App, effects: &mut Effects) {
    let Some(area) = dashboard_area(app).filter(|_| app.runs.loaded) else { return };
    let (width, height) = size(area);
    let mut standings = std::mem::take(&mut app.charts.standings);
    let tiles = app.charts.tiles(width, height);
    if let Some(effect) = standings.want(&app.runs.catalog, &app.runs.projection, tiles) {
        effects.push(effect);
    }
    app.charts.standings = standings;
}

/// The characters that lines are drawn with.
pub fn dots(app: &App) -> Dots {
    if app.glyphs == Glyphs::Ascii { Dots::Ascii } else { Dots::Braille }
}

/// A frame is about to be drawn: the chosen chart is on it.
pub fn show_chosen(app: &mut App) {
    if let Some(area) = dashboard_area(app) {
        let (width, height) = size(area);
        app.charts.show_chosen(width, height);
    }
}

/// Where the plot of a chart that has the whole screen is, and what its axes cover.
pub fn plot_of(app: &App, screen: &ChartScreen) -> Plot {
    let options = screen_options(app, screen);
    let lines = lines(&screen.lines, Some(screen.chosen), &app.histories, options.band);
    plot(&lines, &options, screen.window, screen.size(app.geometry().body), dots(app))
}

pub fn answered(app: &mut App, msg: Msg) {
    match msg {
        Msg::History { request, result } => {
            app.histories.take(&request, result, app.now);
            rank_instead(app);
        }
        Msg::Ranked { ticket, values } => app.charts.standings.take(ticket, values, app.now),
    }
}

pub fn perform(app: &mut App, action: Action) {
    // Somebody looks at the chart: it stays.
    on_screen(app, |screen| screen.may_rank = false);
    match action {
        Action::XAxis
        | Action::XMetric
        | Action::Band
        | Action::LogX
        | Action::LogY
        | Action::Smoother
        | Action::Rougher
        | Action::YRange => settings::change(app, action),
        Action::ZoomIn => in_window(app, |screen, window, _| screen.zoom(1, None, window)),
        Action::ZoomOut => in_window(app, |screen, window, _| screen.zoom(-1, None, window)),
        Action::PanLeft => in_window(app, |screen, window, all| screen.pan(-1.0, window, all)),
        Action::PanRight => in_window(app, |screen, window, all| screen.pan(1.0, window, all)),
        Action::Fit => on_screen(app, ChartScreen::reset),
        Action::Extremes => on_screen(app, |screen| screen.extremes = !screen.extremes),
        Action::Earlier => move_cursor(app, false),
        Action::Later => move_cursor(app, true),
    }
}

fn on_screen(app: &mut App, change: impl FnOnce(&mut ChartScreen)) {
    if let Some(Screen::Chart(screen)) = app.screens.last_mut() {
        change(screen);
    }
}

/// Changes a chart by the part of the x axis that is shown, and by all of it.
fn in_window(app: &mut App, change: impl FnOnce(&mut ChartScreen, (f64, f64), (f64, f64))) {
    let Some(Screen::Chart(screen)) = app.screens.last() else { return };
    let options = screen_options(app, screen);
    let lines = lines(&screen.lines, None, &app.histories, options.band);
    let window = x_range(&lines, &options, screen.window);
    let all = x_range(&lines, &options, None);
    on_screen(app, |screen| change(screen, window, all));
}

/// Moves the cursor that all charts have: from point to point of the chosen one, and behind its end to none.
fn move_cursor(app: &mut App, forward: bool) {
    if let Some(Screen::Chart(_)) = app.screens.last() {
        return go(app, if forward { go::Action::Right } else { go::Action::Left });
    }
    let Some(area) = dashboard_area(app) else { return };
    let charts = &app.charts;
    let placed = charts.grid(area.width as usize, area.height as usize).placed(charts.top);
    let is_fit = |chart: &Chart| {
        let options = drawn_with(charts.options, chart.lines(), &app.histories);
        !chart.is_single && options.x == charts.options.x
    };
    let seen = placed.iter().filter_map(|place| Some((place.chart?, place)));
    let fit = seen
        .filter_map(|(at, place)| Some((at, place, charts.charts.get(at).filter(|chart| is_fit(chart))?)));
    // Where the chosen chart has no such axis, the first that has one leads.
    let Some((_, place, chart)) = fit.min_by_key(|(at, ..)| (*at != charts.at, *at)) else {
        app.status = Some("no chart here has an axis for a cursor".into());
        return;
    };
    let options = charts.options_of(&chart.metric.name);
    let size = (place.width.saturating_sub(1), place.height.saturating_sub(1));
    let lines = lines(chart.lines(), None, &app.histories, options.band);
    let plot = plot(&lines, &options, None, size, dots(app));
    let own = chart.lines().iter().filter(|line| line.run == charts.own);
    let Some(known) = own.chain(chart.lines()).find_map(|line| app.histories.get(&line.which)) else {
        return;
    };
    let from = charts.cursor.unwrap_or(plot.x.high + plot.x_stride());
    let next = neighbour(&known.traces(&options), from, plot.x_stride(), forward);
    app.charts.cursor = next.or(charts.cursor.filter(|_| !forward));
}

/// Takes the cursor off the charts; true if there was one.
pub fn drop_cursor(app: &mut App) -> bool {
    app.is_on_charts() && app.charts.cursor.take().is_some()
}

/// Moves the choice among the charts of the dashboard; true if that is what the keys move now.
pub fn move_in_dashboard(app: &mut App, action: go::Action) -> bool {
    let Some(area) = dashboard_area(app).filter(|_| app.focus == Focus::Details) else { return false };
    let (width, height) = size(area);
    let charts = &mut app.charts;
    let page = charts.grid(width, height).page() as isize;
    let end = charts.charts.len() as isize;
    let (across, down) = match action {
        go::Action::Left => (-1, 0),
        go::Action::Right => (1, 0),
        go::Action::Up => (0, -1),
        go::Action::Down => (0, 1),
        go::Action::PageUp => (0, -page),
        go::Action::PageDown => (0, page),
        go::Action::Top => (-end, 0),
        go::Action::Bottom => (end, 0),
        go::Action::Open
        | go::Action::Back
        | go::Action::NextTab
        | go::Action::PreviousTab
        | go::Action::Search => return false,
    };
    charts.step(across, down, width, height);
    true
}

/// The wheel over the dashboard: a band up or down.
pub fn scroll(app: &mut App, wheel: isize) {
    if let Some(area) = dashboard_area(app) {
        let (width, height) = size(area);
        app.charts.step(0, wheel.signum(), width, height);
    }
}

/// Gives the chosen chart of the dashboard the whole screen; of a single value, where the run stands with it.
pub fn open(app: &mut App) {
    if let Some(chart) = app.charts.chosen().filter(|chart| chart.is_single) {
        let key = chart.metric.key().to_owned();
        if ranking::open(app, &key) {
            return;
        }
        app.say(format!("no other run that is shown has a number for {}", text::clean(&key)));
    }
    let charts = &app.charts;
    let metrics = charts.charts.iter().map(|chart| chart.metric.clone()).collect();
    let mut screen = ChartScreen::new(metrics, charts.at, charts.runs.clone());
    screen.group(&app.runs.catalog, groups::wanted(app));
    if screen_options(app, &screen).x == charts.options.x {
        screen.cursor = charts.cursor;
    }
    app.screens.push(Screen::Chart(Box::new(screen)));
}

/// What leads through a chart that has the whole screen.
pub fn go(app: &mut App, action: go::Action) {
    let by = match action {
        go::Action::Left => -1,
        go::Action::Right => 1,
        go::Action::PageUp => -PAGE,
        go::Action::PageDown => PAGE,
        go::Action::Back => return drop(app.screens.pop()),
        go::Action::Top
        | go::Action::Bottom
        | go::Action::Up
        | go::Action::Down
        | go::Action::NextTab
        | go::Action::PreviousTab
        | go::Action::Open
        | go::Action::Search => return go_otherwise(app, action),
    };
    let Some(Screen::Chart(screen)) = app.screens.last() else { return };
    let (options, plot) = (screen_options(app, screen), plot_of(app, screen));
    if let Some(Screen::Chart(screen)) = app.screens.last_mut() {
        screen.step(by, &plot, &app.histories, &options);
    }
}

/// What moves the cursor to an end, or leads to another line or another chart.
fn go_otherwise(app: &mut App, action: go::Action) {
    let Some(Screen::Chart(screen)) = app.screens.last() else { return };
    let options = screen_options(app, screen);
    let Some(Screen::Chart(screen)) = app.screens.last_mut() else { return };
    match action {
        go::Action::Top => screen.go_to_end(false, &app.histories, &options),
        go::Action::Bottom => screen.go_to_end(true, &app.histories, &options),
        go::Action::Up => screen.choose(-1),
        go::Action::Down => screen.choose(1),
        go::Action::NextTab => screen.turn(1),
        go::Action::PreviousTab => screen.turn(-1),
        go::Action::Left
        | go::Action::Right
        | go::Action::PageUp
        | go::Action::PageDown
        | go::Action::Back
        | go::Action::Open
        | go::Action::Search => {}
    }
}

/// Copies the values under the cursor of the chart that has the whole screen.
pub fn copy_values(app: &mut App, effects: &mut Effects) {
    let Some(Screen::Chart(screen)) = app.screens.last() else { return };
    let words = screen.readings(&app.histories, &screen_options(app, screen)).csv();
    copy(app, &words, "the values under the cursor", effects);
}

/// The mouse on a chart that has the whole screen: the wheel zooms, a click puts the cursor, dragging pans.
pub fn mouse(app: &mut App, event: MouseEvent) {
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) | MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
            on_plot(app, event);
        }
        MouseEventKind::Drag(MouseButton::Left) => {
            if let Some(Screen::Chart(screen)) = app.screens.last()
                && let Some(Held { column, columns, window }) = screen.held
            {
                let moved = f64::from(column) - f64::from(event.column);
                let by = moved / columns as f64 * (window.1 - window.0);
                in_window(app, |screen, _, all| screen.pan_by(by, window, all));
            }
        }
        MouseEventKind::Up(MouseButton::Left) => {
            if let Some(Screen::Chart(screen)) = app.screens.last_mut() {
                screen.held = None;
            }
        }
        MouseEventKind::Down(_)
        | MouseEventKind::Drag(_)
        | MouseEventKind::Up(_)
        | MouseEventKind::Moved
        | MouseEventKind::ScrollLeft
        | MouseEventKind::ScrollRight => {}
    }
}

/// What the mouse does on the plot, by the place that it points at.
fn on_plot(app: &mut App, event: MouseEvent) {
    let body = app.geometry().body;
    let Some(Screen::Chart(screen)) = app.screens.last() else { return };
    let plot = plot_of(app, screen);
    let Some(Screen::Chart(screen)) = app.screens.last_mut() else { return };
    let area = screen.areas(body).plot;
    let left = area.x + plot.left as u16;
    if !area.contains(Position { x: event.column, y: event.row }) || event.column < left {
        return;
    }
    let x = plot.x_of_column(((event.column - left) as usize).min(plot.columns - 1));
    let window = (plot.x.low, plot.x.high);
    match event.kind {
        MouseEventKind::ScrollUp => screen.zoom(1, Some(x), window),
        MouseEventKind::ScrollDown => screen.zoom(-1, Some(x), window),
        MouseEventKind::Down(_)
        | MouseEventKind::Drag(_)
        | MouseEventKind::Up(_)
        | MouseEventKind::Moved
        | MouseEventKind::ScrollLeft
        | MouseEventKind::ScrollRight => {
            screen.held = Some(Held { column: event.column, columns: plot.columns, window });
            screen.cursor = Some(x);
        }
    }
}

/// A click in the dashboard chooses a chart; one on the chosen chart opens it.
pub fn click(app: &mut App, event: MouseEvent) -> bool {
    let Some(area) = dashboard_area(app) else { return false };
    let (width, height) = size(area);
    let charts = &mut app.charts;
    let (x, y) = (event.column.wrapping_sub(area.x) as usize, event.row.wrapping_sub(area.y) as usize);
    let placed = charts.grid(width, height).placed(charts.top);
    let hit = placed.iter().find(|place| {
        (place.x..place.x + place.width).contains(&x) && (place.y..place.y + place.height).contains(&y)
    });
    let Some(chart) = hit.and_then(|place| place.chart) else { return false };
    if charts.at == chart {
        open(app);
    } else {
        charts.choose(chart);
    }
    true
}

/// Whether a chart on the screen was never answered.
fn charts_wait(app: &App) -> bool {
    let Some(area) = dashboard_area(app) else { return false };
    let charts = &app.charts;
    let shown = charts.visible(area.width as usize, area.height as usize);
    let own = shown.flat_map(|chart| chart.lines().iter().filter(|line| line.run == charts.own));
    app.histories.is_waiting(own.map(|line| &line.which))
}

/// Whether everything that the screen shows first has been answered, so that a first frame would be complete.
pub fn is_settled(app: &App) -> bool {
    let details = &app.details;
    // A server is asked for histories only when the cursor has stood for a while.
    let is_shown = app.runs.loaded
        && !app.runs.reading_sparks.is_waiting()
        && (app.runs.projection.lines.is_empty()
            || (details.run().is_some() && !(app.capabilities.cheap_reads && charts_wait(app)))
            || details.fetched.error().is_some());
    is_shown || app.is_empty_store() || matches!(app.connection, ConnectionState::Failing { .. })
}

/// A chart as SVG.
pub fn picture(app: &App, screen: &ChartScreen) -> String {
    let options = screen_options(app, screen);
    let names: Vec<String> = screen.lines.iter().map(|line| screen.name(line)).collect();
    let known = screen.lines.iter().zip(&names).filter_map(|(line, name)| {
        let known = app.histories.get(&line.which)?;
        Some((known.line(line.ink, line.label, options.band), name.as_str()))
    });
    let lines: Vec<(ChartLine<'_>, &str)> = known.collect();
    let words = screen.band(&options).in_words().map_or(String::new(), |words| format!(" ({words})"));
    let titles = (format!("{}{words}", screen.key()), app.charts.axis_words(options.x));
    svg((&titles.0, &titles.1), &lines, &options, screen.window)
}
