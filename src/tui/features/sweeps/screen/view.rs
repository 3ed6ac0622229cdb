//! A sweep, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::cells::{cell, lead, place, shown, status, status_words, title as column_title, width};
use super::layout::areas;
use super::plot;
use super::{SweepScreen, SweepTab, TrialColumn, legend};
use crate::chart::Picture;
use crate::config::Palette;
use crate::sweep::engine::journal::TrialOutcome;
use crate::sweep::progress::Progress;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::features::sweeps::judged_otherwise;
use crate::tui::features::sweeps::list::view::{bar, state_style};
use crate::tui::widgets::boxes::put;
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::plot::view::{Over, draw as draw_plot};
use crate::tui::widgets::table::{Across, Hit, RowContent, Rows, Table, below_titles};
use crate::tui::widgets::theme::{Abilities, Theme};

const PLAIN: Abilities = Abilities { truecolor: false, indexed: false, light: None };
/// Cells in front of the number of a trial.
const LEAD: usize = 2;
/// Dots are drawn as points that can be seen well while there are so many for each column at most.
const SPARSE: usize = 3;
/// With no more lines than this about a trial, where it runs is left out.
const FEW: u16 = 4;

pub fn draw(
    app: &App,
    screen: &SweepScreen,
    picture: Option<&Picture>,
    theme: &Theme,
    frame: &mut Frame<'_>,
    body: Rect,
) {
    frame.render_widget(pane_block(theme, true, title(screen, theme, body.width as usize)), body);
    if screen.shown.header.is_none() {
        let line = match screen.shown.fetched.error() {
            Some(error) => Line::styled(text::clean(error).into_owned(), theme.bad),
            None => Line::styled("loading", theme.dim),
        };
        return centred(frame, areas(body).table, vec![line]);
    }
    match screen.tab {
        SweepTab::Trials => trials(app, screen, theme, frame, body),
        SweepTab::Chart => chart(app, screen, picture, theme, frame, body),
    }
}

fn title<'a>(screen: &SweepScreen, theme: &Theme, width: usize) -> Line<'a> {
    let mut spans = vec![Span::raw(" ")];
    for tab in SweepTab::ALL {
        let style = if tab == screen.tab { theme.chosen_column } else { theme.dim };
        spans.push(Span::styled(tab.title(), style));
        spans.push(Span::raw(" "));
    }
    let progress = &screen.progress;
    let words = format!("{} {} {}", progress.name, theme.glyphs.separator, progress.data);
    let words = text::without_middle(&text::clean(&words), width.saturating_sub(22), theme.glyphs.ellipsis);
    spans.push(Span::styled(format!("{} {words} ", theme.glyphs.separator), theme.accent));
    Line::from(spans)
}

/// How far the sweep is, in two lines.
fn head(app: &App, screen: &SweepScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let progress = &screen.progress;
    let words = text::clean(&progress.status_text()).into_owned();
    let mut spans =
        vec![Span::styled(words, state_style(progress.state, theme).add_modifier(Modifier::BOLD))];
    let of = progress.of.map_or(String::new(), |of| format!("/{}", text::count(of)));
    spans.push(Span::styled(format!("  {}{of}", text::count(progress.ended())), theme.heading));
    if let Some(left) = progress.left {
        spans.push(Span::styled(format!("  about {} left", rough(left)), theme.accent));
    }
    let room = (area.width as usize).saturating_sub(spans.iter().map(Span::width).sum::<usize>() + 2);
    let counts = text::cut(&counts(progress), room, theme.glyphs.ellipsis);
    spans.push(Span::styled(format!("  {counts}"), theme.text));
    let mut with_bar = vec![Span::raw("  ")];
    with_bar.extend(bar(progress, theme));
    let wide = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    if wide(&spans) + wide(&with_bar) <= area.width as usize {
        spans.splice(1..1, with_bar);
    }
    put(frame, area, 0, Line::from(spans));
    put(frame, area, 1, best_line(app, screen, theme, area.width as usize));
}

/// The best trial, in a line.
pub fn best_line<'a>(app: &App, screen: &SweepScreen, theme: &Theme, width: usize) -> Line<'a> {
    if let Some(damage) = &screen.shown.state.damage {
        return Line::styled(text::cut(&text::clean(damage), width, theme.glyphs.ellipsis), theme.bad);
    }
    let Some(number) = screen.shown.best else {
        let ago = text::span(app.now.saturating_sub(screen.progress.created));
        return Line::styled(format!("no result yet, begun {ago} ago"), theme.dim);
    };
    let trial = &screen.shown.state.trials[number];
    let value = screen.shown.value(trial).map_or(String::new(), text::number);
    let best =
        format!("{} trial {number}: {} {value}", theme.glyphs.best, text::clean(&screen.progress.metric));
    let params = params_in_words(screen, number);
    let mut spans = vec![Span::styled(best, theme.good)];
    let mut room = width.saturating_sub(spans[0].width());
    let mut put = |words: &str, style: Style| {
        if room > 3 {
            let words = format!("   {}", text::cut(words, room - 3, theme.glyphs.ellipsis));
            room = room.saturating_sub(text::width(&words));
            spans.push(Span::styled(words, style));
        }
    };
    if let Some(judged) = judged_otherwise(app, &screen.progress) {
        put(&judged, theme.warn);
    }
    put(&params, theme.text);
    Line::from(spans)
}

/// What a trial tries of what varies, in a line.
pub fn params_in_words(screen: &SweepScreen, number: usize) -> String {
    let Some(proposal) = screen.shown.state.trials.get(number).and_then(|trial| trial.proposal.as_ref())
    else {
        return String::new();
    };
    let family =
        screen.columns.contains(&TrialColumn::Family).then(|| text::clean(&proposal.family).into_owned());
    let named = screen.shown.params.iter().filter_map(|name| {
        let value = proposal.params.get(name)?;
        Some(format!("{} {}", text::clean(name), text::clean(&shown(value))))
    });
    family.into_iter().chain(named).collect::<Vec<_>>().join("  ")
}

/// How many trials are how far.
pub fn counts(progress: &Progress) -> String {
    let mut parts = Vec::new();
    let mut add = |count: usize, word: &str| {
        if count > 0 {
            parts.push(format!("{} {word}", text::count(count)));
        }
    };
    add(progress.finished, "finished");
    add(progress.pruned, "pruned");
    add(progress.failed, "failed");
    add(progress.running, "running");
    if progress.state.is_active() {
        add(progress.jobs, if progress.jobs == 1 { "job" } else { "jobs" });
    }
    parts.join(", ")
}

/// A time that is an estimate.
pub fn rough(seconds: f64) -> String {
    text::span((seconds * 1000.0) as i64)
}

/// What is at a place on the screen, as any theme draws it: themes differ in no width.
pub fn hit(app: &App, screen: &SweepScreen, body: Rect, (x, y): (u16, u16)) -> Option<Hit> {
    let plain = Theme::new(false, Palette::Auto, PLAIN, app.glyphs);
    table(app, screen, &plain, body).hit(x, y)
}

/// The table of trials.
fn table(app: &App, screen: &SweepScreen, theme: &Theme, body: Rect) -> Table {
    let area = areas(body).table;
    let rows = Rows::new(below_titles(area), screen.cursor, screen.order.len());
    let seen = screen.order.get(rows.shown.clone()).unwrap_or_default();
    let across = Across { lead: LEAD, columns: screen.columns.len(), chosen: screen.column };
    Table::new(area, rows.clone(), across, |at| width(screen, at, theme, app.now, seen))
}

fn trials(app: &App, screen: &SweepScreen, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    let places = areas(body);
    head(app, screen, theme, frame, places.head);
    if screen.order.is_empty() {
        return centred(frame, places.table, vec![Line::styled("no trial has begun yet", theme.dim)]);
    }
    let table = table(app, screen, theme, body);
    let titles = table.columns.places.iter().map(|place| {
        let Some(column) = screen.columns.get(place.column).filter(|_| !place.is_picture) else {
            return Line::default();
        };
        let sign = match &screen.sorted {
            Some((sorted, is_down)) if sorted == column => {
                format!(" {}", if *is_down { theme.glyphs.descending } else { theme.glyphs.ascending })
            }
            _ => String::new(),
        };
        let words = text::cut(
            &column_title(screen, column),
            place.width - text::width(&sign).min(place.width),
            theme.glyphs.ellipsis,
        );
        Line::styled(format!("{words}{sign}"), table.heading(place, theme))
    });
    let titles = titles.collect();
    table.draw(frame, theme, titles, theme.selection, |at| {
        let number = screen.order[at] as usize;
        RowContent {
            lead: lead(screen, number, theme),
            cells: table
                .columns
                .places
                .iter()
                .map(|place| cell(screen, place, number, theme, app.now))
                .collect(),
        }
    });
    details(app, screen, theme, frame, places.details);
}

/// More about the trial under the cursor.
fn details(app: &App, screen: &SweepScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(number) = screen.chosen().filter(|_| area.height > 0) else { return };
    let trial = &screen.shown.state.trials[number];
    let width = area.width as usize;
    let (style, words) = status_words(status(screen, trial), theme);
    let name =
        trial.proposal.as_ref().map_or_else(|| format!("trial-{number}"), |known| known.trial_name(number));
    let mut lines = vec![Line::from(vec![
        Span::styled(text::clean(&name).into_owned(), theme.heading),
        Span::styled(format!("  {words}"), style),
        Span::styled(format!("  begun {} ago", text::span(app.now.saturating_sub(trial.started))), theme.dim),
    ])];
    if let Some((node, job)) = place(screen, number).filter(|_| area.height > FEW) {
        lines.push(Line::styled(format!("on {node}, job {job}"), theme.dim));
    }
    // What failed is what one looks for.
    if let Some(TrialOutcome::Failed { message }) = &trial.outcome {
        lines.extend(message_lines(message, width, theme, area.height as usize - 1));
    }
    if let Some(TrialOutcome::Pruned { reports, is_by_hand, .. }) = &trial.outcome {
        let why = if *is_by_hand { "pruned by hand" } else { "fell behind" };
        lines.push(Line::styled(format!("{why} after {reports} reports"), theme.text));
    }
    let params = trial.proposal.iter().flat_map(|proposal| &proposal.params);
    let params: Vec<(String, String)> = params
        .map(|(name, value)| (text::clean(name).into_owned(), text::clean(&value.to_string()).into_owned()))
        .collect();
    let names = params.iter().map(|(name, _)| text::width(name)).max().unwrap_or(0).min(width / 2);
    let is_tall = area.height as usize > params.len() + lines.len();
    if is_tall {
        for (name, value) in params {
            let room = width.saturating_sub(names + 2);
            lines.push(Line::from(vec![
                Span::styled(text::fit(&name, names + 2, theme.glyphs.ellipsis), theme.dim),
                Span::styled(text::cut(&value, room, theme.glyphs.ellipsis), theme.text),
            ]));
        }
    } else {
        let all: Vec<String> = params.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let wrapped = text::wrap(&all.join(", "), width);
        lines.extend(wrapped.into_iter().map(|words| Line::styled(words, theme.text)));
    }
    for (at, line) in lines.into_iter().take(area.height as usize).enumerate() {
        put(frame, area, at, line);
    }
}

/// Why a trial failed: the sentence, and the end of what it printed.
fn message_lines<'a>(message: &str, width: usize, theme: &Theme, most: usize) -> Vec<Line<'a>> {
    let mut parts = message.lines();
    let first = text::wrap(&text::clean(parts.next().unwrap_or_default()), width);
    let mut lines: Vec<Line<'a>> = first.into_iter().map(|words| Line::styled(words, theme.bad)).collect();
    let said: Vec<String> = parts
        .map(|line| {
            format!("  {}", text::cut(&text::clean(line), width.saturating_sub(2), theme.glyphs.ellipsis))
        })
        .collect();
    let room = most.saturating_sub(lines.len());
    lines.extend(
        said.iter().skip(said.len().saturating_sub(room)).map(|words| Line::styled(words.clone(), theme.dim)),
    );
    lines
}

fn chart(
    app: &App,
    screen: &SweepScreen,
    picture: Option<&Picture>,
    theme: &Theme,
    frame: &mut Frame<'_>,
    body: Rect,
) {
    let places = plot::areas(body);
    if places.title.height > 0 {
        let what = column_title(screen, &TrialColumn::Value);
        let scale = if screen.log_y { ", logarithmic" } else { "" };
        let words = text::cut(
            &format!("{what}{scale}, by trial"),
            places.title.width as usize,
            theme.glyphs.ellipsis,
        );
        put(frame, places.title, 0, Line::styled(words, theme.dim));
    }
    match picture {
        Some(picture) => {
            let cursor = screen.chosen().and_then(|number| picture.plot.column(number as f64));
            let over = Over { cursor, extremes: false, in_pixels: app.has_pixels };
            draw_plot(picture, over, theme, frame.buffer_mut(), places.plot);
            points(app, screen, picture, theme, frame, places.plot);
        }
        None => {
            centred(frame, places.plot, vec![Line::styled("no trial has come to a result yet", theme.dim)]);
        }
    }
    legend::view::draw(app, screen, theme, frame, places.legend);
}

/// Points in the place of dots, where they are few enough to be told apart; and the trial under the cursor in any case.
fn points(
    app: &App,
    screen: &SweepScreen,
    picture: &Picture,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let plot = crate::tui::widgets::plot::plot_area(picture, area);
    let is_sparse = screen.shown.state.trials.len() <= plot.width as usize * SPARSE;
    let buffer = frame.buffer_mut();
    let mut put = |number: usize, value: f64, symbol: &str, style: Style| {
        // As the axis has it.
        let value = if screen.log_y { value.log10() } else { value };
        let high = picture.plot.y.dot(value).round();
        let dots = picture.canvas.size().1 as f64;
        let each = dots / f64::from(plot.height.max(1));
        if let Some(column) = picture.plot.column(number as f64)
            && high.is_finite()
            && (0.0..dots).contains(&high)
        {
            let row = ((dots - 1.0 - high) / each) as u16;
            if (column as u16) < plot.width && row < plot.height {
                buffer[(plot.x + column as u16, plot.y + row)].set_symbol(symbol).set_style(style);
            }
        }
    };
    if is_sparse && !app.has_pixels {
        for (number, value, ink) in plot::inked(screen) {
            put(number, value, theme.glyphs.point, theme.line(ink.into()));
        }
    }
    let chosen = screen
        .chosen()
        .and_then(|number| Some((number, screen.shown.value(screen.shown.state.trials.get(number)?)?)));
    if let Some((number, value)) = chosen {
        put(number, value, theme.glyphs.live, theme.selection.add_modifier(Modifier::BOLD));
    }
}
