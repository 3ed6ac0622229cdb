//! A sweep, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::cells::{cell, lead, shown, status, status_words, title as column_title, width};
use super::layout::areas;
use super::plot::{self, Coloring, Grouping};
use super::{SweepScreen, SweepTab, TrialColumn};
use crate::chart::Picture;
use crate::compare::importance::Matters;
use crate::config::Palette;
use crate::sweep::engine::journal::TrialOutcome;
use crate::sweep::progress::Progress;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::features::sweeps::list::view::{bar, state_style};
use crate::tui::widgets::boxes::put;
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::plot::view::{Over, draw as draw_plot};
use crate::tui::widgets::table::{Across, Hit, Row, Rows, Table, below_titles};
use crate::tui::widgets::theme::{Abilities, Theme, letter};

const PLAIN: Abilities = Abilities { truecolor: false, indexed: false, light: None };
/// Cells in front of the number of a trial.
const LEAD: usize = 2;
/// Params of a trial beside the chart.
const MOST_PARAMS: usize = 8;
/// Dots are drawn as points that can be seen well while there are so many for each column at most.
const SPARSE: usize = 3;

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
    let words = text::cut(&text::clean(&words), width.saturating_sub(22), theme.glyphs.ellipsis);
    spans.push(Span::styled(format!("{} {words} ", theme.glyphs.separator), theme.accent));
    Line::from(spans)
}

/// How far the sweep is, in two lines.
fn head(app: &App, screen: &SweepScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let progress = &screen.progress;
    let words = text::clean(&progress.status_text()).into_owned();
    let mut spans =
        vec![Span::styled(words, state_style(progress.state, theme).add_modifier(Modifier::BOLD))];
    if area.width >= 70 {
        spans.push(Span::raw("  "));
        spans.extend(bar(progress, theme));
    }
    let of = progress.of.map_or(String::new(), |of| format!("/{}", text::count(of)));
    spans.push(Span::styled(format!("  {}{of}", text::count(progress.ended())), theme.heading));
    spans.push(Span::styled(format!("  {}", counts(progress)), theme.text));
    if let Some(left) = progress.left {
        spans.push(Span::styled(format!("  about {} left", rough(left)), theme.accent));
    }
    put(frame, area, 0, Line::from(spans));
    put(frame, area, 1, best_line(app, screen, theme, area.width as usize));
}

fn best_line<'a>(app: &App, screen: &SweepScreen, theme: &Theme, width: usize) -> Line<'a> {
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
    let room = width.saturating_sub(text::width(&best) + 3);
    Line::from(vec![
        Span::styled(best, theme.good),
        Span::styled(format!("   {}", text::cut(&params, room, theme.glyphs.ellipsis)), theme.text),
    ])
}

/// What a trial tries of what varies, in a line.
fn params_in_words(screen: &SweepScreen, number: usize) -> String {
    let Some(proposal) = screen.shown.state.trials.get(number).and_then(|trial| trial.proposal.as_ref())
    else {
        return String::new();
    };
    let family = screen.columns.contains(&TrialColumn::Family).then(|| proposal.family.clone());
    let named = screen.shown.params.iter().filter_map(|name| {
        let value = proposal.params.get(name)?;
        Some(format!("{} {}", text::clean(name), text::clean(&shown(value))))
    });
    family.into_iter().chain(named).collect::<Vec<_>>().join("  ")
}

fn counts(progress: &Progress) -> String {
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
fn rough(seconds: f64) -> String {
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
        Row {
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
    // What failed is what one looks for.
    if let Some(TrialOutcome::Failed { message }) = &trial.outcome {
        lines.extend(message_lines(message, width, theme, area.height as usize - 1));
    }
    if let Some(TrialOutcome::Pruned { reports, .. }) = &trial.outcome {
        lines.push(Line::styled(format!("fell behind after {reports} reports"), theme.text));
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
    match picture {
        Some(picture) => {
            let cursor = screen.chosen().and_then(|number| picture.plot.column(number as f64));
            let over = Over { cursor, extremes: false, in_pixels: app.has_pixels };
            draw_plot(picture, over, theme, frame.buffer_mut(), places.plot);
            points(app, screen, picture, theme, frame, places.plot);
        }
        None => {
            centred(frame, places.plot, vec![Line::styled("no trial has come to a result yet", theme.dim)])
        }
    }
    legend(app, screen, theme, frame, places.legend);
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
            put(number, value, theme.glyphs.point, theme.line(ink));
        }
    }
    let chosen = screen
        .chosen()
        .and_then(|number| Some((number, screen.shown.value(screen.shown.state.trials.get(number)?)?)));
    if let Some((number, value)) = chosen {
        put(number, value, theme.glyphs.live, theme.selection.add_modifier(Modifier::BOLD));
    }
}

/// What stands beside or below the plot, the most telling first.
fn legend(app: &App, screen: &SweepScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let width = area.width as usize;
    let progress = &screen.progress;
    let is_tall = area.height > 28;
    let mut lines: Vec<Line<'_>> = Vec::new();
    let of = progress.of.map_or(String::new(), |of| format!("/{}", text::count(of)));
    let mut first = vec![
        Span::styled(progress.status_text(), state_style(progress.state, theme).add_modifier(Modifier::BOLD)),
        Span::styled(format!("  {}{of}", text::count(progress.ended())), theme.heading),
    ];
    if let Some(left) = progress.left {
        first.push(Span::styled(format!("  about {} left", rough(left)), theme.accent));
    }
    lines.push(Line::from(first));
    if is_tall {
        lines.push(Line::styled(counts(progress), theme.text));
        lines.push(Line::default());
    }
    if is_tall {
        lines.extend(block(screen, screen.shown.best, theme, width));
        lines.push(Line::default());
        lines.extend(block(screen, screen.chosen(), theme, width));
        lines.push(Line::default());
    } else {
        lines.push(best_line(app, screen, theme, width));
        lines.push(chosen_line(screen, theme, width));
    }
    let left_out = plot::left_out(screen);
    if left_out > 0 {
        let words = format!("{} far worse not shown: w shows all", text::count(left_out));
        lines.push(Line::styled(text::cut(&words, width, theme.glyphs.ellipsis), theme.warn));
    }
    lines.extend(groups(screen, theme, width));
    if is_tall {
        lines.push(Line::default());
    }
    lines.extend(importance(screen, theme, width));
    for (at, line) in lines.into_iter().take(area.height as usize).enumerate() {
        put(frame, area, at, line);
    }
}

/// A trial with what it tries, a line each.
fn block<'a>(screen: &SweepScreen, number: Option<usize>, theme: &Theme, width: usize) -> Vec<Line<'a>> {
    let Some((number, trial)) = number.and_then(|at| Some((at, screen.shown.state.trials.get(at)?))) else {
        return vec![Line::styled("no result yet", theme.dim)];
    };
    let is_best = screen.shown.best == Some(number);
    let (style, state) = status_words(status(screen, trial), theme);
    let value = screen.shown.value(trial).map_or_else(|| state.to_owned(), text::number);
    let sign = if is_best { theme.glyphs.best } else { theme.glyphs.live };
    let word = if is_best { "best, trial" } else { "trial" };
    let value_style = if trial.is_finished() { theme.heading } else { style };
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{sign} {word} {number}  "), if is_best { theme.good } else { theme.heading }),
        Span::styled(value, value_style),
    ])];
    let proposal = trial.proposal.iter();
    let names = screen.shown.params.iter().map(|name| text::width(&text::clean(name))).max().unwrap_or(0);
    let names = names.min(width / 2);
    let family = proposal.clone().filter(|_| screen.columns.contains(&TrialColumn::Family));
    lines.extend(family.map(|known| Line::styled(format!("  {}", text::clean(&known.family)), theme.text)));
    let params = proposal.flat_map(|known| {
        screen.shown.params.iter().filter_map(|name| Some((name, known.params.get(name)?)))
    });
    for (name, value) in params.take(MOST_PARAMS) {
        let room = width.saturating_sub(names + 4);
        lines.push(Line::from(vec![
            Span::styled(
                format!("  {}  ", text::fit(&text::clean(name), names, theme.glyphs.ellipsis)),
                theme.dim,
            ),
            Span::styled(text::cut(&text::clean(&shown(value)), room, theme.glyphs.ellipsis), theme.text),
        ]));
    }
    lines
}

/// The trial under the cursor.
fn chosen_line<'a>(screen: &SweepScreen, theme: &Theme, width: usize) -> Line<'a> {
    let Some(number) = screen.chosen() else { return Line::default() };
    let trial = &screen.shown.state.trials[number];
    let (style, state) = status_words(status(screen, trial), theme);
    let value = screen.shown.value(trial).map_or_else(|| state.to_owned(), text::number);
    let rest = params_in_words(screen, number);
    let words = format!("{} trial {number}: ", theme.glyphs.live);
    let room = width.saturating_sub(text::width(&words) + text::width(&value) + 2);
    Line::from(vec![
        Span::styled(words, theme.heading),
        Span::styled(value, if trial.is_finished() { theme.text } else { style }),
        Span::styled(format!("  {}", text::cut(&rest, room, theme.glyphs.ellipsis)), theme.dim),
    ])
}

/// What the colours stand for.
fn groups<'a>(screen: &SweepScreen, theme: &Theme, width: usize) -> Vec<Line<'a>> {
    let entry = |ink: u8, sign: String, words: &str, note: String| {
        let room = width.saturating_sub(text::width(&note) + 4);
        Line::from(vec![
            Span::styled(format!("{sign} "), theme.line(ink).add_modifier(Modifier::BOLD)),
            Span::styled(text::cut(&text::clean(words), room, theme.glyphs.ellipsis), theme.text),
            Span::styled(format!("  {note}"), theme.dim),
        ])
    };
    if let Some(other) = &screen.other {
        let name = |sweep: &super::FollowedSweep| {
            sweep.header.as_ref().map_or_else(|| sweep.id.clone(), |header| header.name.clone())
        };
        let best = |sweep: &super::FollowedSweep| {
            let trial = sweep.best.and_then(|best| sweep.state.trials.get(best));
            trial.and_then(|trial| sweep.value(trial)).map_or_else(|| "-".into(), text::number)
        };
        let sweeps = [(1, &screen.shown), (2, other)];
        return sweeps
            .into_iter()
            .map(|(ink, sweep)| {
                entry(ink, letter(ink).to_string(), &name(sweep), format!("best {}", best(sweep)))
            })
            .collect();
    }
    let grouping = Grouping::of(screen);
    if grouping.groups.len() < 2 && screen.coloring == Coloring::Family {
        return vec![Line::styled("c colours by a param", theme.dim)];
    }
    let by = match &screen.coloring {
        Coloring::Family => "family".to_owned(),
        Coloring::Param(name) => text::clean(name).into_owned(),
    };
    let mut lines = vec![Line::styled(format!("coloured by {by}"), theme.heading)];
    lines.extend(grouping.groups.iter().map(|group| {
        entry(group.ink, theme.glyphs.point.to_owned(), &group.words, text::count(group.count))
    }));
    lines
}

/// Which params matter so far.
fn importance<'a>(screen: &SweepScreen, theme: &Theme, width: usize) -> Vec<Line<'a>> {
    let said = |words: String| vec![Line::styled(text::cut(&words, width, theme.glyphs.ellipsis), theme.dim)];
    let (runs, r2, params) = match screen.weighed.value() {
        None if screen.weighed.is_waiting() => return said("importance of params: computing".into()),
        None => return Vec::new(),
        Some(Matters::TooFew { runs }) => {
            return said(format!(
                "importance of params: from {} trials on, {runs} so far",
                crate::compare::importance::FEWEST
            ));
        }
        Some(Matters::NothingDiffers { .. }) => return said("no param differs".into()),
        Some(Matters::Ranked { runs, r2, params }) => (*runs, *r2, params),
    };
    let trust = if r2 < 0.3 { ", a hint only" } else { "" };
    let heading = format!("importance of params, {} trials{trust}", text::count(runs));
    let mut lines = vec![Line::styled(text::cut(&heading, width, theme.glyphs.ellipsis), theme.heading)];
    let name = params.iter().map(|matter| text::width(&text::clean(&matter.param))).max().unwrap_or(0);
    let name = name.clamp(6, (width / 2).max(6));
    let room = width.saturating_sub(name + 8).min(40);
    let greatest = params.iter().map(|matter| matter.importance).fold(0.0, f64::max);
    for matter in params {
        let share = if greatest > 0.0 { (matter.importance / greatest).max(0.0) } else { 0.0 };
        let filled = (share * room as f64).round() as usize;
        lines.push(Line::from(vec![
            Span::styled(text::fit(&text::clean(&matter.param), name, theme.glyphs.ellipsis), theme.text),
            Span::styled(format!(" {:>5.2} ", matter.importance.max(0.0)), theme.dim),
            Span::styled(theme.glyphs.bar.repeat(filled), theme.spark),
        ]));
    }
    lines
}
