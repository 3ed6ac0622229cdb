//! The dashboard, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::grid::PlacedChart;
use super::{Chart, Dashboard, tiles};
use crate::chart::axis::{Unit, time_words};
use crate::chart::{PointCounts, XAxis};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::layout::Focus;
use crate::tui::core::progress;
use crate::tui::features::charts::histories::{CachedHistory, Histories};
use crate::tui::features::charts::pictures::{CachedPicture, Pictures};
use crate::tui::features::charts::picturing::cursor_column;
use crate::tui::features::charts::series::Series;
use crate::tui::widgets::boxes::whole;
use crate::tui::widgets::frame::centred;
use crate::tui::widgets::plot::view::{Over, draw as draw_plot};
use crate::tui::widgets::theme::Theme;

/// Cells of a name in the legend.
const NAME: usize = 24;
const SHORT_NAME: usize = 12;
const BESIDE_NAME: usize = 15;

/// Draws the charts, and in a line above them how they are drawn.
pub fn draw(app: &App, pictures: &Pictures, theme: &Theme, frame: &mut Frame<'_>, above: Rect, body: Rect) {
    let charts = &app.charts;
    let width = above.width as usize;
    let parts = in_parts(app, body);
    let how = parts.join(" · ");
    // How far a run is that goes on, as fully as there is room.
    let ways = app.details.run().map_or_else(Vec::new, |run| progress::in_words(run, app.now));
    let joined = |way: &String| if how.is_empty() { way.clone() } else { format!("{way} · {how}") };
    let words = ways.iter().map(joined).find(|words| text::width(words) <= width);
    let words = words.unwrap_or_else(|| whole(&parts, width, " · "));
    let words = text::fit_right(&words, width, theme.glyphs.ellipsis);
    frame.render_widget(Line::styled(words, theme.dim), above);
    if charts.charts.is_empty() {
        let words = match charts.words.value() {
            "" => "no metrics logged".to_owned(),
            words => format!("no metric matches {}; esc clears it", text::clean(words)),
        };
        centred(frame, body, vec![Line::styled(words, theme.dim)]);
        return;
    }
    let area = charts_area(body, charts.drawn.len());
    let grid = charts.grid(area.width as usize, area.height as usize);
    let placed = grid.placed(charts.top);
    let mut titles = titles(charts, &placed, theme).into_iter();
    for place in placed {
        let at = Rect {
            x: area.x + place.x as u16,
            y: area.y + place.y as u16,
            width: place.width as u16,
            height: place.height as u16,
        };
        match place.chart {
            None => heading(charts, place.section, theme, frame, at),
            Some(chart) => {
                let picture = pictures.of_chart(&charts.charts[chart].metric.name);
                let title = titles.next().unwrap_or_default();
                one(app, (chart, title), picture, theme, frame, at);
            }
        }
    }
    if area.height < body.height {
        let line = Rect { y: body.y + area.height, height: 1, ..body };
        frame.render_widget(legend(app, theme, line.width as usize), line);
    }
}

/// How the charts are drawn, and which page of them.
fn in_parts(app: &App, body: Rect) -> Vec<String> {
    let charts = &app.charts;
    let options = &charts.options;
    let mut parts = Vec::new();
    if !charts.words.value().is_empty() {
        parts.push(format!("/{}", text::clean(charts.words.value())));
    }
    if options.x != XAxis::Step {
        parts.push(format!("by {}", charts.axis_words(options.x)));
    }
    if options.log_x {
        parts.push("log x".into());
    }
    if options.smoothing.is_on() {
        parts.push(format!("smoothed {}", options.smoothing.0));
    }
    parts.extend(options.y_range.in_words().map(str::to_owned));
    parts.extend(options.band.in_words().map(str::to_owned));
    if let Some(x) = charts.cursor {
        let value = if options.log_x { 10_f64.powf(x) } else { x };
        parts.push(match options.x {
            XAxis::Step => format!("at step {}", value.round()),
            XAxis::Relative => format!("at {}", time_words(value, Unit::Duration)),
            XAxis::Wall => format!("at {}", time_words(value, Unit::Moment)),
            XAxis::Metric => format!("at {} {}", charts.axis_words(options.x), text::number(value)),
        });
    }
    let area = charts_area(body, charts.drawn.len());
    let (page, pages) = charts.grid(area.width as usize, area.height as usize).pages(charts.top);
    if pages > 1 {
        parts.push(format!("page {page} of {pages}"));
        parts.push(format!("{} charts", text::count(charts.charts.len())));
    }
    parts
}

/// The room for charts: several runs have a legend below.
pub fn charts_area(body: Rect, runs: usize) -> Rect {
    let legend = u16::from(runs > 1 && body.height > 3);
    Rect { height: body.height - legend, ..body }
}

fn heading(charts: &Dashboard, section: usize, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let section = &charts.sections[section];
    let title = text::clean(&section.title).into_owned();
    let count = format!(" {} ", text::count(section.charts.len()));
    let used = text::width(&title) + text::width(&count) + 3;
    let line = theme.glyphs.horizontal;
    let spans = vec![
        Span::styled(line.repeat(2), theme.border),
        Span::raw(" "),
        Span::styled(title, theme.heading),
        Span::styled(count, theme.dim),
        Span::styled(line.repeat((area.width as usize).saturating_sub(used)), theme.border),
    ];
    frame.render_widget(Line::from(spans), area);
}

/// The names of the charts on the screen, no two the same where they are cut.
fn titles(charts: &Dashboard, placed: &[PlacedChart], theme: &Theme) -> Vec<String> {
    let seen =
        placed.iter().filter_map(|place| Some((&charts.charts[place.chart?].metric.name, place.width)));
    let (names, widths): (Vec<String>, Vec<usize>) =
        seen.map(|(name, width)| (text::clean(name).into_owned(), width)).unzip();
    text::told_apart(&names, |at| widths[at].saturating_sub(2), theme.glyphs.ellipsis)
}

fn one(
    app: &App,
    (number, name): (usize, String),
    picture: Option<&CachedPicture>,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let chart = &app.charts.charts[number];
    let width = (area.width as usize).saturating_sub(1);
    let is_chosen = number == app.charts.at && app.focus == Focus::Details;
    let lines = ChartLines::new(chart.lines(), &app.histories, app.charts.options.x);
    let title = title(app, (chart, name), &lines, picture, is_chosen, theme, width);
    frame.render_widget(title, Rect { height: 1, ..area });
    let plot = picture_area(area);
    if plot.height == 0 {
        return;
    }
    if chart.is_single {
        return tiles::view::draw(app, chart, theme, frame, plot);
    }
    if let Some(words) = lines.without_picture() {
        let words = text::cut(&text::clean(&words), width, theme.glyphs.ellipsis);
        centred(frame, plot, vec![Line::styled(words, theme.dim)]);
    } else if let Some(cached) = picture {
        let cursor = cursor_column(app, cached);
        let over = Over { cursor, in_pixels: app.has_pixels, ..Over::default() };
        draw_plot(&cached.picture, over, theme, frame.buffer_mut(), plot);
    }
}

/// The name of a chart, the values of the run under the cursor, and what is to be known of its lines.
fn title<'a>(
    app: &App,
    (chart, name): (&Chart, String),
    lines: &ChartLines<'_>,
    picture: Option<&CachedPicture>,
    is_chosen: bool,
    theme: &Theme,
    width: usize,
) -> Line<'a> {
    let mut room = width.saturating_sub(1);
    room = room.saturating_sub(text::width(&name));
    let mut spans = vec![
        Span::styled(if is_chosen { theme.glyphs.cursor } else { " " }, theme.accent),
        Span::styled(name, if is_chosen { theme.accent } else { theme.text }),
    ];
    if chart.is_single {
        return Line::from(spans);
    }
    // The first of several ways to say it that has room.
    let mut add = |ways: Vec<Vec<Span<'a>>>| {
        let wide = |way: &Vec<Span<'_>>| way.iter().map(|span| text::width(&span.content)).sum::<usize>();
        if let Some(way) = ways.into_iter().find(|way| wide(way) <= room) {
            room -= wide(&way);
            spans.extend(way);
        }
    };
    let dim = |words: String| vec![Span::styled(words, theme.dim)];
    let state = lines.state(picture);
    let x = picture.map_or(app.charts.options.x, |picture| picture.inputs.options.x);
    let is_other = x != app.charts.options.x;
    if chart.metric.has_parts() {
        add(parts(app, chart, lines, is_other, theme));
    } else {
        add(vec![value(app, lines, is_other, theme)]);
    }
    if is_other && x == XAxis::Step {
        let lacks = format!("  by step, no {} there", charts_axis(app));
        add(vec![dim(lacks), dim("  by step".into())]);
    } else if is_other && let Some(step) = lines.step() {
        add(vec![dim(format!("  by time, all at step {step}")), dim("  by time".into())]);
    }
    if let Some(passes) = lines.passes() {
        add(vec![dim(format!("  {passes} passes"))]);
    }
    if !state.is_empty() {
        add(vec![vec![Span::styled(format!("  {state}"), theme.warn)]]);
    }
    Line::from(spans)
}

/// What lies along the x axis of all charts.
fn charts_axis(app: &App) -> String {
    app.charts.axis_words(app.charts.options.x)
}

/// The value of a line at the cursor of all charts, or its latest; `-` before its first. A chart of another axis has no cursor.
fn number_at(app: &App, line: &Series, known: &CachedHistory, is_other: bool) -> String {
    let value = match app.charts.cursor.filter(|_| !is_other) {
        Some(x) => known.point_at(x, &app.charts.options).map(|point| point.value),
        None => known.points.last().map(|last| latest(app, line).unwrap_or(last.value)),
    };
    match value {
        Some(value) => text::number(value),
        None if known.points.is_empty() => String::new(),
        None => "-".into(),
    }
}

/// What is known of a run that goes on and is under the cursor, if anybody has heard more than the chart.
pub fn latest(app: &App, line: &Series) -> Option<f64> {
    let row = app.row_that_goes_on(&line.which.run)?;
    app.latest(&line.which.run, Some(row), &line.which.key)
}

/// The value of the run under the cursor.
fn value<'a>(app: &App, lines: &ChartLines<'_>, is_other: bool, theme: &Theme) -> Vec<Span<'a>> {
    let Some((line, known)) = lines.of_run(app.charts.own).next() else { return Vec::new() };
    let number = known.map_or(String::new(), |known| number_at(app, line, known, is_other));
    let mut spans = Vec::new();
    if number.is_empty() {
        return spans;
    }
    if app.charts.drawn.len() > 1 {
        spans.push(Span::styled(format!("  {}", theme.plain(&line.label.text())), theme.ink(line.ink)));
    }
    spans.push(Span::styled(format!("{}{number}", if spans.is_empty() { "  " } else { " " }), theme.heading));
    spans
}

/// Which line is which part of the data: with the values of a run where it is the only one, and shorter.
fn parts<'a>(
    app: &App,
    chart: &Chart,
    lines: &ChartLines<'_>,
    is_other: bool,
    theme: &Theme,
) -> Vec<Vec<Span<'a>>> {
    let is_overlaid = app.charts.drawn.len() > 1;
    let way = |has_values: bool, has_strokes: bool| {
        let mut spans = Vec::new();
        for (line, known) in lines.of_run(app.charts.own) {
            // Where colours are runs, parts have none.
            let style = if is_overlaid { theme.text } else { theme.ink(line.ink) };
            let part = &chart.metric.parts[line.part];
            let stroke = if has_strokes { format!("{} ", theme.stroke(part.stroke)) } else { String::new() };
            spans.push(Span::styled(format!("  {} {stroke}{}", part.sign, text::clean(&part.word)), style));
            if let Some(known) = known.filter(|_| has_values) {
                spans
                    .push(Span::styled(format!(" {}", number_at(app, line, known, is_other)), theme.heading));
            }
        }
        spans
    };
    let mut ways = vec![way(false, true), way(false, false)];
    if !is_overlaid {
        ways.splice(..0, [way(true, true), way(true, false)]);
    }
    ways
}

/// The room of a chart's picture: below the title, and apart from the next chart.
pub fn picture_area(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), width: area.width.saturating_sub(1), ..area }
}

/// Whether a chart is drawn as lines, and not as words.
pub fn has_lines(lines: &[Series], histories: &Histories) -> bool {
    ChartLines::new(lines, histories, XAxis::Step).without_picture().is_none()
}

/// The lines of a chart with what is known of them.
struct ChartLines<'a> {
    lines: Vec<(&'a Series, Option<&'a CachedHistory>)>,
    x: XAxis,
}

impl<'a> ChartLines<'a> {
    fn new(lines: &'a [Series], histories: &'a Histories, x: XAxis) -> Self {
        Self { lines: lines.iter().map(|line| (line, histories.get(&line.which))).collect(), x }
    }

    fn known(&self) -> impl Iterator<Item = &'a CachedHistory> + '_ {
        self.lines.iter().filter_map(|(_, known)| known.filter(|known| known.is_known()))
    }

    /// The lines of one of the runs.
    fn of_run(&self, run: usize) -> impl Iterator<Item = (&'a Series, Option<&'a CachedHistory>)> + '_ {
        self.lines.iter().copied().filter(move |(line, _)| line.run == run)
    }

    /// The step that all points have.
    fn step(&self) -> Option<i64> {
        self.known().find_map(|known| Some(known.points.first()?.step))
    }

    /// How often training went over the same steps, if it did.
    fn passes(&self) -> Option<usize> {
        self.known().map(|known| known.passes.len()).max().filter(|passes| *passes > 1)
    }

    /// What the lines leave out, or have not got.
    fn state(&self, picture: Option<&CachedPicture>) -> String {
        if let Some(error) = self.lines.iter().find_map(|(_, known)| known.as_ref()?.fetched.error()) {
            return error.kind.to_string();
        }
        let mut counts = PointCounts::default();
        picture.into_iter().flat_map(|cached| &cached.picture.lines).for_each(|line| counts.add(line.counts));
        counts.in_words().unwrap_or_default()
    }

    /// Why nothing is drawn.
    fn without_picture(&self) -> Option<String> {
        let is_drawn = |known: &CachedHistory| self.x != XAxis::Metric || known.over.is_some();
        if self.known().any(|known| !known.points.is_empty() && is_drawn(known)) {
            return None;
        }
        let waits =
            self.lines.iter().any(|(_, known)| {
                known.is_none_or(|known| !known.is_known() && known.fetched.error().is_none())
            }) || self.known().any(|known| !known.points.is_empty());
        let error = self.lines.iter().find_map(|(_, known)| known.as_ref()?.fetched.error());
        Some(match error {
            Some(error) => error.to_string(),
            None if waits => "loading".into(),
            None => "no points".into(),
        })
    }
}

/// Which line is which run, and what it comes to in the chosen chart, of the part that is judged by.
fn legend<'a>(app: &App, theme: &Theme, width: usize) -> Line<'a> {
    let charts = &app.charts;
    let chosen = charts.chosen();
    let key = chosen.map_or("", |chart| chart.metric.key());
    let words = text::cut(&text::clean(key), width / 3, theme.glyphs.ellipsis);
    let mut room = width.saturating_sub(text::width(&words) + 2);
    let mut spans = vec![Span::styled(format!("{words}  "), theme.dim)];
    // Shorter names are better than names of some only: each needs a letter, a value and room between.
    let each = room / charts.drawn.len().max(1);
    let cells = each.saturating_sub(BESIDE_NAME).clamp(SHORT_NAME, NAME);
    let names = text::distinct(&charts.names, cells, theme.glyphs.ellipsis);
    let lines = chosen.into_iter().flat_map(|chart| chart.lines().iter().filter(|line| line.part == 0));
    for (shown, line) in lines.enumerate() {
        let (drawn, name) = (&charts.drawn[line.run], &names[line.run]);
        let is_read = chosen.is_some_and(|chart| !chart.is_single) && charts.cursor.is_some();
        let known = app.histories.get(&line.which).filter(|known| is_read && known.is_known());
        let value = known.map_or_else(
            || {
                let group = chosen.filter(|chart| chart.is_single).and_then(|_| charts.group_value(line));
                let value = group
                    .map(|group| group.mean)
                    .or_else(|| latest(app, line))
                    .or_else(|| tiles::value(line, app.details.run(), &app.histories));
                value.map_or("-".into(), text::legend_number)
            },
            |known| number_at(app, line, known, known.is_at_one_step() && charts.options.x == XAxis::Step),
        );
        let is_best = drawn.members.is_empty() && app.best.run_id().is_some_and(|best| drawn.has(best));
        let star = if is_best { theme.glyphs.best } else { "" };
        let letter = theme.letter(drawn.slot);
        let more = format!("{} more", charts.drawn.len() - shown);
        let words = format!("{star}{name} {value}   ");
        let is_last = shown + 1 == charts.drawn.len();
        // Spaces behind the last need no room.
        let wide =
            if is_last { text::width(words.trim_end()) } else { text::width(&words) + text::width(&more) };
        let cells = text::width(&letter) + 1;
        if wide + cells > room {
            spans.push(Span::styled(text::cut(&more, room, ""), theme.dim));
            break;
        }
        room = room.saturating_sub(text::width(&words) + cells);
        spans.push(Span::styled(format!("{letter} "), theme.ink(line.ink)));
        spans.push(Span::styled(words, theme.dim));
    }
    Line::from(spans)
}
