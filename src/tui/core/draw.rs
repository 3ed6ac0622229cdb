//! The whole screen: header, panes, status and hints. Borrows the state, and the pictures that were made of it, and
//! changes nothing.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::action::ActionRow;
use super::app::{App, ConnectionState, Overlay, Screen};
use super::layer::{Layer, Scope};
use super::layout::{Focus, Geometry, details_body};
use super::search;
use crate::sweep::progress::SweepStatus;
use crate::text;
use crate::tui::features::charts::pictures::Pictures;
use crate::tui::features::{charts, compare, datasets, details, experiments, models, runs, session, sweeps};
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::view::typed;
use crate::tui::widgets::{confirm, help, keys, messages, picker, prompt, report};

pub fn draw(app: &App, pictures: &Pictures, theme: &Theme, frame: &mut Frame<'_>) {
    let room = frame.area();
    if room.width < app.size.0 || room.height < app.size.1 {
        // The terminal has just become smaller, and the message of that is under way.
        return;
    }
    let places = app.geometry();
    if places.too_small {
        let words = format!("too small: {}x{}", app.size.0, app.size.1);
        frame.render_widget(Paragraph::new(words), frame.area());
        return;
    }
    header(app, theme, frame, places.header);
    match app.screens.last() {
        Some(Screen::Chart(screen)) => {
            charts::screen::view::draw(app, screen, pictures, theme, frame, places.body);
        }
        Some(Screen::Compare(screen)) => compare::view::draw(app, screen, theme, frame, places.body),
        Some(Screen::Sweep(screen)) => {
            let picture = pictures.of_screen().map(|cached| &cached.picture);
            sweeps::screen::view::draw(app, screen, picture, theme, frame, places.body);
        }
        Some(Screen::Models(screen)) => models::view::draw(app, screen, theme, frame, places.body),
        Some(Screen::Datasets(screen)) => {
            datasets::view::draw(app, screen, theme, frame, places.body);
        }
        Some(Screen::Log(screen)) => sweeps::log::view::draw(screen, theme, frame, places.body),
        None => draw_panes(app, pictures, &places, theme, frame),
    }
    let is_typing = matches!(app.overlay, Some(Overlay::Search));
    if places.status == places.hints && message(app).is_none() && !is_typing {
        hints(app, theme, frame, places.hints);
    } else {
        if places.status != places.hints {
            hints(app, theme, frame, places.hints);
        }
        status(app, theme, frame, places.status);
    }
    draw_overlay(app, theme, frame);
}

fn draw_panes(app: &App, pictures: &Pictures, places: &Geometry, theme: &Theme, frame: &mut Frame<'_>) {
    if let Some(area) = places.experiments {
        experiments::view::draw(app, theme, frame, area);
    }
    if let Some(area) = places.runs {
        runs::view::draw(app, theme, frame, area);
    }
    if let Some(area) = places.details
        && let Some(above) = details::view::draw(app, theme, frame, area)
    {
        charts::dashboard::view::draw(app, pictures, theme, frame, above, details_body(area));
    }
}

fn draw_overlay(app: &App, theme: &Theme, frame: &mut Frame<'_>) {
    match &app.overlay {
        Some(Overlay::Messages { scroll }) => messages::view::draw(app, theme, frame, *scroll),
        Some(Overlay::Prompt(prompt)) => prompt::view::draw(prompt.line(), &title_hints(app), theme, frame),
        Some(Overlay::Picker(picker)) => picker::view::draw(picker.list(), &title_hints(app), theme, frame),
        Some(Overlay::Confirm(confirm)) => confirm::view::draw(confirm, theme, frame),
        Some(Overlay::Report(report)) => report::view::draw(app, report, theme, frame),
        Some(Overlay::Plan(form)) => {
            let destination = sweeps::update::destination(app);
            sweeps::plan::view::draw(form, destination.name(), &title_hints(app), theme, frame);
        }
        Some(Overlay::Command(form)) => {
            let destination = sweeps::update::destination(app);
            sweeps::plan::command::view::draw(form, destination.name(), &title_hints(app), theme, frame);
        }
        Some(Overlay::Sweeps { at }) => sweeps::list::view::draw(app, *at, &title_hints(app), theme, frame),
        Some(Overlay::Search) | None => {}
    }
    if let Some(help) = &app.help {
        help::view::draw(app, help, theme, frame);
    }
    if keys::are_shown(app) {
        keys::view::draw(app, theme, frame);
    }
}

/// Cells of the name of the experiment, at least.
const LEAST_NAME: usize = 12;

fn header(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let width = area.width as usize;
    let state = connection(app, theme);
    let state_width = state.width();
    let mut left = vec![Span::styled(" mltui ", theme.heading)];
    let room = width.saturating_sub(7 + state_width + 2);
    let mut place = format!(" {}", text::clean(&app.store));
    if let Some(workspace) = &app.workspace {
        place.push_str(&format!(", workspace {}", text::clean(workspace)));
    }
    if app.read_only {
        place.push_str(" (read-only)");
    }
    if app.runs.loaded {
        let running = app.runs.running();
        let running = if running > 0 { format!(", {} running", text::count(running)) } else { String::new() };
        let sweep = app.sweeps.in_words().map_or(String::new(), |words| format!("  {words}"));
        let counts = format!("  {}{running}{sweep}", text::runs(app.runs.catalog.count));
        let name = room.saturating_sub(text::width(&counts) + 2).max(LEAST_NAME);
        let name = text::without_middle(&text::clean(&app.runs.name), name, theme.glyphs.ellipsis);
        let summary = format!("  {name}{counts}");
        // The experiment is worth more room than the address of the store.
        let left_over = room.saturating_sub(text::width(&summary));
        let store = text::without_middle(&place, left_over, theme.glyphs.ellipsis);
        left.push(Span::styled(store.clone(), theme.dim));
        left.push(Span::styled(
            text::cut(&summary, room - text::width(&store).min(room), theme.glyphs.ellipsis),
            theme.accent,
        ));
    } else {
        left.push(Span::styled(text::without_middle(&place, room, theme.glyphs.ellipsis), theme.dim));
    }
    frame.render_widget(Line::from(left), area);
    let x = area.x + (width.saturating_sub(state_width + 1)) as u16;
    frame.render_widget(state, Rect { x, width: area.width.saturating_sub(x), ..area });
}

/// What the words of a search can say.
const SEARCHES: [(&str, &str); 3] = [("key=text", "param or tag"), ("!text", "without"), ("'text", "exact")];

/// The keys of what stands over the panes, for its title.
fn title_hints(app: &App) -> String {
    let layer = app.layer_below_help();
    let is_own = |row: &ActionRow| !row.hint.is_empty() && row.scopes.contains(&layer.scopes()[0]);
    let offered = app.offered(layer).filter(|(row, _)| is_own(row));
    offered.map(|(row, keys)| format!("{} {}", keys[0], hint_of(app, row))).collect::<Vec<_>>().join("  ")
}

/// What a key does now, in a word.
fn hint_of(app: &App, row: &ActionRow) -> &'static str {
    let is_paused = || sweeps::actions::chosen(app).is_some_and(|sweep| sweep.state == SweepStatus::Paused);
    if row.name == "sweep-pause" && is_paused() { "continue" } else { row.hint }
}

fn connection<'a>(app: &App, theme: &Theme) -> Line<'a> {
    let symbols = theme.glyphs;
    if app.paused {
        return Line::styled(format!("{} paused", symbols.paused), theme.warn);
    }
    match &app.connection {
        ConnectionState::Connecting => match app.now - app.opened_at {
            ..5_000 => Line::styled("connecting", theme.running),
            silence => Line::styled(format!("connecting, no answer for {}", text::span(silence)), theme.warn),
        },
        ConnectionState::Live { since } => {
            let age = app.now - since;
            // A local store is watched all the time; a server is asked every few seconds.
            if app.capabilities.change_feed {
                return Line::styled(format!("{} live", symbols.live), theme.good);
            }
            // What is shown may be old by then, however often it is asked for.
            let style = if age < OLD { theme.good } else { theme.warn };
            let age = if age < 1_000 { String::new() } else { format!(" {}", text::span(age)) };
            let interval = format!(", every {}", seconds(app.poll_interval.current(app.now)));
            Line::from(vec![
                Span::styled(format!("{} live{age}", symbols.live), style),
                Span::styled(interval, theme.dim),
            ])
        }
        ConnectionState::Silent { asked, .. } => {
            let silence = text::span(app.now - asked);
            Line::styled(format!("{} no answer for {silence}", symbols.failing), theme.warn)
        }
        ConnectionState::Failing { retry_at, .. } if *retry_at > app.now => {
            let wait = text::span(retry_at - app.now);
            Line::styled(format!("{} stale, retry in {wait}", symbols.failing), theme.bad)
        }
        ConnectionState::Failing { retry_at, .. } => {
            let words = match app.now - retry_at {
                ..1_000 => "retrying".into(),
                silence => format!("no answer for {}", text::span(silence)),
            };
            Line::styled(format!("{} stale, {words}", symbols.failing), theme.bad)
        }
    }
}

/// Milliseconds after which what a server said last is no news any more.
const OLD: i64 = 30_000;

/// Seconds as people write them: `2s`, `0.5s`.
fn seconds(seconds: f64) -> String {
    format!("{}s", text::number((seconds * 10.0).round() / 10.0))
}

/// What the status line says, if anything: the last word, or what is wrong with the store.
fn message(app: &App) -> Option<(String, bool)> {
    if let Some(status) = &app.status {
        return Some((status.clone(), false));
    }
    if let ConnectionState::Failing { error, .. } = &app.connection {
        return Some((format!("{error}; {}", error.hint()), true));
    }
    if let Some(notice) = &app.notice {
        return Some((notice.clone(), false));
    }
    if !app.pending.is_empty() {
        let keys: Vec<String> = app.pending.iter().map(ToString::to_string).collect();
        return Some((format!("{} …", keys.join(" ")), false));
    }
    None
}

/// Lines of a message, at most, and of what is said until it changes.
const TOLD: usize = 4;
const TOLD_ON: usize = 2;

fn status(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    if matches!(app.overlay, Some(Overlay::Search)) {
        let words = app.search_words();
        let hint = search::filter_hint(app).map_or(String::new(), |hint| format!("  {hint}"));
        let mut line = Line::styled(" /", theme.key);
        let room = (area.width as usize).saturating_sub(3);
        line.extend(typed(words, room.saturating_sub(text::width(&hint)).max(room / 2), theme));
        if let Some(told) = app.status.as_deref().filter(|_| app.searches_details()) {
            line.push_span(Span::styled(format!("  {told}"), theme.dim));
        }
        line.push_span(Span::styled(hint, theme.warn));
        frame.render_widget(line, area);
        return;
    }
    let (words, style) = match message(app) {
        Some((words, true)) => (words, theme.bad),
        Some((words, false)) => (words, theme.text),
        None => return calm_status(app, theme, frame, area),
    };
    let keys = app.keymap.keys_of(session::actions::Action::Messages.into());
    let rest = keys.first().map_or(String::new(), |key| format!(" ({key} shows all)"));
    // What stays covers no more than a border.
    let (most, rest) = if app.status.is_some() { (TOLD, rest) } else { (TOLD_ON, String::new()) };
    let lines = told(&text::clean(&words), (area.width.saturating_sub(2) as usize, most), &rest, theme);
    // What is told grows over the panes, and they do not move for it.
    let above = (lines.len() as u16).saturating_sub(1).min(area.y);
    let area = Rect { y: area.y - above, height: above + 1, ..area };
    frame.render_widget(Clear, area);
    for (row, line) in area.rows().zip(lines) {
        frame.render_widget(Line::styled(format!(" {line}"), style), row);
    }
}

/// A message in at most so many cells and lines; the end of one that is longer says where `rest` is to be seen.
fn told(words: &str, (width, most): (usize, usize), rest: &str, theme: &Theme) -> Vec<String> {
    let ellipsis = theme.glyphs.ellipsis;
    let mut lines = text::wrap(words, width.max(1));
    if lines.len() > most {
        let left_over = lines.split_off(most.saturating_sub(1)).join(" ");
        let room = width.saturating_sub(text::width(rest));
        lines.push(if room < width / 2 {
            text::cut(&left_over, width, ellipsis)
        } else {
            format!("{}{rest}", text::cut(&left_over, room, ellipsis))
        });
    }
    lines
}

/// The best run, and to the right what is under the cursor, as far as there is room.
fn calm_status(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let width = area.width.saturating_sub(2) as usize;
    let status_context = text::clean(&status_context(app)).into_owned();
    let is_of_runs =
        app.screens.is_empty() && app.focus != Focus::Experiments && app.runs.range_from.is_none();
    let room = width.saturating_sub(2);
    let best = if is_of_runs { app.best.words(app.runs.complete, room, theme.glyphs.ellipsis) } else { None };
    let Some(best) = best else {
        let words = text::cut(&status_context, width, theme.glyphs.ellipsis);
        frame.render_widget(Line::styled(format!(" {words}"), theme.dim), area);
        return;
    };
    let is_known = app.best.run_id().is_some();
    let sign = if is_known { format!("{} ", theme.glyphs.best) } else { String::new() };
    let words = text::cut(&format!("{sign}{best}"), width, theme.glyphs.ellipsis);
    let room = width.saturating_sub(text::width(&words) + 3);
    let style = if is_known { theme.good } else { theme.warn };
    let mut spans = vec![Span::styled(format!(" {words}"), style)];
    if text::width(&status_context) <= room {
        let padding = width - text::width(&words) - text::width(&status_context);
        spans.push(Span::styled(format!("{}{status_context}", " ".repeat(padding)), theme.dim));
    }
    frame.render_widget(Line::from(spans), area);
}

/// What the status line says when there is nothing to report: what is under the cursor.
fn status_context(app: &App) -> String {
    if let Some(Screen::Compare(screen)) = app.screens.last() {
        return compare::update::status_context(screen);
    }
    // What lies under a screen is not told of.
    if !app.screens.is_empty() {
        return String::new();
    }
    let runs = &app.runs;
    match app.focus {
        Focus::Experiments => match app.experiments.under_cursor() {
            Some(listed) => experiments::in_a_line(listed),
            None => String::new(),
        },
        Focus::Details if app.is_on_charts() => app.charts.key().unwrap_or_default().to_owned(),
        Focus::Details => {
            // What is cut off above is whole here, as far as the line goes.
            let at = app.details.cursor.at;
            let line = app.details.window(at..at + 1, &runs.name, app.now).pop();
            line.map_or(String::new(), |line| format!("{}  {}", line.key.trim(), line.value))
        }
        Focus::Runs if runs.length() == 0 => String::new(),
        Focus::Runs => {
            let at = format!("row {} of {}", text::count(runs.cursor.at + 1), text::count(runs.length()));
            match runs.chosen_column() {
                _ if runs.range_from.is_some() => {
                    format!("{} in the range: all actions take them", text::runs(runs.rows_here().len()))
                }
                Some(column) => format!("{at}, column {}", column.name()),
                None => at,
            }
        }
    }
}

/// What is used most: these come first, as there is seldom room for all.
const FIRST: [&str; 24] = [
    "open",
    "promote",
    "versus-champion",
    "models-files",
    "next-match",
    "previous-match",
    "source",
    "save-files",
    "open-artifact",
    "copy-artifact",
    "select",
    "compare",
    "go-to-best",
    "mark-best",
    "sort",
    "filter",
    "search",
    "columns",
    "train",
    "sweeps",
    "choose-by",
    "why",
    "models",
    "back",
];

/// What is done to a range, by the names of the actions.
const RANGE: [(&str, &str); 6] = [
    ("back", "leave"),
    ("select", "select"),
    ("compare", "compare"),
    ("delete", "delete"),
    ("tags", "tags"),
    ("end-run", "end"),
];

/// The keys that do something now, as many as fit; help is always among them, where it is to be had.
fn hints(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let layer = app.layer();
    let offered = app.offered(layer).filter(|(row, _)| !row.hint.is_empty());
    let mut offered: Vec<_> = offered.collect();
    // Help stays the last one.
    offered.sort_by_key(|(row, _)| {
        let is_of_list = layer == Layer::Experiments && row.scopes.contains(&Scope::Experiments);
        // In the details of a run nothing else shows how to leave them, or that there are more.
        let is_way = app.screens.is_empty()
            && matches!(layer, Layer::Panes | Layer::Dashboard)
            && app.focus == Focus::Details
            && ["back", "next-tab"].contains(&row.name);
        let place = || FIRST.iter().position(|name| *name == row.name);
        if is_of_list || is_way { 1 } else { place().unwrap_or(FIRST.len()) }
    });
    // Whatever the column is, a run is opened.
    let is_on_run =
        layer == Layer::Panes && app.focus == Focus::Runs && app.runs.row_under_cursor().is_some();
    let word = |row: &ActionRow| if is_on_run && row.name == "open" { "details" } else { hint_of(app, row) };
    let mut all: Vec<(&str, &str)> = offered.iter().map(|(row, keys)| (keys[0], word(row))).collect();
    let range = app.runs.range_from.filter(|_| layer == Layer::Panes && app.focus == Focus::Runs);
    let of_range = range.map(|_| format!("range of {}", text::count(app.runs.rows_here().len())));
    if of_range.is_some() {
        let named = |name| app.offered(layer).find(|(row, _)| row.name == name);
        let known = RANGE.iter().filter_map(|(name, words)| Some((named(*name)?.1[0], *words)));
        let help = all.pop_if(|(_, hint)| *hint == "help");
        all = known.chain(help).collect();
    }
    if layer == Layer::Search && app.searches_runs() {
        all.extend(SEARCHES);
    }
    if layer == Layer::Search && app.searches_details() {
        all.extend([("down", "next"), ("up", "previous")]);
    }
    if layer == Layer::Search && app.searches_experiments() {
        all.extend([("key=text", "tag")].into_iter().chain(SEARCHES.into_iter().skip(1)));
    }
    // The help stands last in the table.
    let last = all.pop_if(|(_, hint)| *hint == "help");
    let width_of = |(key, hint): &(&str, &str)| text::width(key) + text::width(hint) + 3;
    let mut room = (area.width as usize).saturating_sub(last.as_ref().map_or(1, width_of) + 1);
    let mut spans = vec![Span::raw(" ")];
    if let Some(words) = of_range {
        room = room.saturating_sub(text::width(&words) + 2);
        spans.push(Span::styled(words, theme.selected));
        spans.push(Span::raw("  "));
    }
    for hint in all {
        let width = width_of(&hint);
        if width > room {
            break;
        }
        room -= width;
        spans.push(Span::styled(hint.0.to_owned(), theme.key));
        spans.push(Span::raw(format!(" {}  ", hint.1)));
    }
    if let Some((key, word)) = last {
        spans.push(Span::styled(key.to_owned(), theme.key));
        spans.push(Span::raw(format!(" {word}")));
    }
    frame.render_widget(Line::from(spans), area);
}
