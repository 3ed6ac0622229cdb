//! The dashboard, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Dashboard;
use crate::chart::{Picture, PointCounts, XAxis};
use crate::mlflow::MetricPoint;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::layout::Focus;
use crate::tui::core::selected::DrawnRun;
use crate::tui::features::charts::histories::{CachedHistory, Histories, HistoryKey};
use crate::tui::features::charts::pictures::Pictures;
use crate::tui::widgets::frame::centred;
use crate::tui::widgets::plot::view::{Over, draw as draw_plot};
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::theme::letter;

/// Draws the charts, and in a line above them how they are drawn.
pub fn draw(app: &App, pictures: &Pictures, theme: &Theme, frame: &mut Frame<'_>, above: Rect, body: Rect) {
    let charts = &app.charts;
    let words = text::fit_right(&in_words(app, body), above.width as usize, theme.glyphs.ellipsis);
    frame.render_widget(Line::styled(words, theme.dim), above);
    if charts.keys.is_empty() {
        let words = match charts.words.value() {
            "" => "no metrics logged".to_owned(),
            words => format!("no metric matches {}; esc clears it", text::clean(words)),
        };
        centred(frame, body, vec![Line::styled(words, theme.dim)]);
        return;
    }
    let area = charts_area(body, charts.drawn.len());
    let grid = charts.grid(area.width as usize, area.height as usize);
    for place in grid.placed(charts.top) {
        let at = Rect {
            x: area.x + place.x as u16,
            y: area.y + place.y as u16,
            width: place.width as u16,
            height: place.height as u16,
        };
        match place.chart {
            None => heading(charts, place.section, theme, frame, at),
            Some(chart) => {
                let picture = pictures.of_metric(&charts.keys[chart]).map(|cached| &cached.picture);
                one(app, chart, picture, theme, frame, at);
            }
        }
    }
    if area.height < body.height {
        let line = Rect { y: body.y + area.height, height: 1, ..body };
        frame.render_widget(legend(app, theme, line.width as usize), line);
    }
}

/// How the charts are drawn, and which page of them.
fn in_words(app: &App, body: Rect) -> String {
    let charts = &app.charts;
    let options = &charts.options;
    let mut parts = Vec::new();
    if !charts.words.value().is_empty() {
        parts.push(format!("/{}", text::clean(charts.words.value())));
    }
    if options.x != XAxis::Step {
        parts.push(format!("by {}", options.x.in_words()));
    }
    if options.log_x {
        parts.push("log x".into());
    }
    if options.smoothing.is_on() {
        parts.push(format!("smoothed {}", options.smoothing.0));
    }
    parts.extend(options.y_range.in_words().map(str::to_owned));
    let area = charts_area(body, charts.drawn.len());
    let (page, pages) = charts.grid(area.width as usize, area.height as usize).pages(charts.top);
    if pages > 1 {
        parts.push(format!("{} charts", text::count(charts.keys.len())));
        parts.push(format!("page {page} of {pages}"));
    }
    parts.join(" · ")
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

fn one(app: &App, chart: usize, picture: Option<&Picture>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let charts = &app.charts;
    let key = &charts.keys[chart];
    let is_chosen = chart == charts.at && app.focus == Focus::Details;
    let lines = Lines::new(charts.drawn.as_slice(), key, &app.histories);
    let width = (area.width as usize).saturating_sub(1);
    let state = lines.state(picture);
    let value = lines.newest().map_or(String::new(), |point| text::number(point.value));
    let room = width.saturating_sub(1);
    let name = text::cut(&text::clean(key), room, theme.glyphs.ellipsis);
    let value = text::cut(&value, room.saturating_sub(text::width(&name) + 2), "");
    let state = text::cut(&state, room.saturating_sub(text::width(&name) + text::width(&value) + 4), "");
    let title = Line::from(vec![
        Span::styled(if is_chosen { theme.glyphs.cursor } else { " " }, theme.accent),
        Span::styled(name, if is_chosen { theme.accent } else { theme.text }),
        Span::raw("  "),
        Span::styled(value, theme.heading),
        Span::raw("  "),
        Span::styled(state, theme.warn),
    ]);
    frame.render_widget(title, Rect { height: 1, ..area });
    let plot = picture_area(area);
    if plot.height == 0 {
        return;
    }
    if let Some(words) = lines.without_picture() {
        let words = text::cut(&text::clean(&words), width, theme.glyphs.ellipsis);
        centred(frame, plot, vec![Line::styled(words, theme.dim)]);
    } else if lines.are_single() {
        bars(&lines, theme, frame, plot);
    } else if let Some(picture) = picture {
        let over = Over { in_pixels: app.has_pixels, ..Over::default() };
        draw_plot(picture, over, theme, frame.buffer_mut(), plot);
    }
}

/// The room of a chart's picture: below the title, and apart from the next chart.
pub fn picture_area(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), width: area.width.saturating_sub(1), ..area }
}

/// Whether a metric is drawn as lines, and not as words or bars.
pub fn has_lines(drawn: &[DrawnRun], key: &str, histories: &Histories) -> bool {
    let lines = Lines::new(drawn, key, histories);
    lines.without_picture().is_none() && !lines.are_single()
}

/// The histories of a metric.
struct Lines<'a> {
    lines: Vec<(&'a DrawnRun, Option<&'a CachedHistory>)>,
}

impl<'a> Lines<'a> {
    fn new(drawn: &'a [DrawnRun], key: &str, histories: &'a Histories) -> Self {
        let known =
            |drawn: &DrawnRun| histories.get(&HistoryKey { run: drawn.run.clone(), key: key.to_owned() });
        Self { lines: drawn.iter().map(|drawn| (drawn, known(drawn))).collect() }
    }

    fn known(&self) -> impl Iterator<Item = (&'a DrawnRun, &'a CachedHistory)> + '_ {
        self.lines.iter().filter_map(|(drawn, known)| Some((*drawn, known.filter(|known| known.is_known())?)))
    }

    /// The last point of the run on top.
    fn newest(&self) -> Option<&'a MetricPoint> {
        self.lines.last().and_then(|(_, known)| known.as_ref()?.points.last())
    }

    /// What the lines leave out, or have not got.
    fn state(&self, picture: Option<&Picture>) -> String {
        if let Some(error) = self.lines.iter().find_map(|(_, known)| known.as_ref()?.fetched.error()) {
            return error.kind.to_string();
        }
        let mut counts = PointCounts::default();
        picture.into_iter().flat_map(|picture| &picture.lines).for_each(|line| counts.add(line.counts));
        counts.in_words().unwrap_or_default()
    }

    /// Why nothing is drawn.
    fn without_picture(&self) -> Option<String> {
        if self.known().any(|(_, known)| !known.points.is_empty()) {
            return None;
        }
        let waits = self
            .lines
            .iter()
            .any(|(_, known)| known.is_none_or(|known| !known.is_known() && known.fetched.error().is_none()));
        let error = self.lines.iter().find_map(|(_, known)| known.as_ref()?.fetched.error());
        Some(match error {
            Some(error) => error.to_string(),
            None if waits => "loading".into(),
            None => "no points".into(),
        })
    }

    /// No run has more than one value: there is no line to draw.
    fn are_single(&self) -> bool {
        self.known().all(|(_, known)| known.points.len() <= 1)
    }
}

/// One value a run, as bars from zero on.
fn bars(lines: &Lines<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let values = lines.known().filter_map(|(drawn, known)| Some((drawn, known.points.last()?)));
    let values: Vec<_> = values.collect();
    if values.len() == 1 {
        let words = format!("one value, at step {}", values[0].1.step);
        centred(frame, area, vec![Line::styled(words, theme.dim)]);
        return;
    }
    let size = |value: f64| if value.is_finite() { value.abs() } else { 0.0 };
    let greatest = values.iter().map(|(_, point)| size(point.value)).fold(0.0, f64::max);
    let numbers: Vec<String> = values.iter().map(|(_, point)| text::number(point.value)).collect();
    let number_width = numbers.iter().map(|number| text::width(number)).max().unwrap_or(0);
    let room = (area.width as usize).saturating_sub(number_width + 4);
    for (y, ((drawn, point), number)) in values.iter().zip(&numbers).take(area.height as usize).enumerate() {
        let share = if greatest > 0.0 { size(point.value) / greatest } else { 0.0 };
        let style = theme.line(drawn.slot);
        let line = Line::from(vec![
            Span::styled(format!(" {} ", letter(drawn.slot)), style),
            Span::raw(text::fit_right(number, number_width, "")),
            Span::raw(" "),
            Span::styled(theme.glyphs.bar.repeat((share * room as f64).round() as usize), style),
        ]);
        frame.render_widget(line, Rect { y: area.y + y as u16, height: 1, ..area });
    }
}

/// Which line is which run, and what it comes to in the chosen chart.
fn legend<'a>(app: &App, theme: &Theme, width: usize) -> Line<'a> {
    let charts = &app.charts;
    let key = charts.key().unwrap_or_default();
    let lines = Lines::new(&charts.drawn, key, &app.histories);
    let mut spans = Vec::new();
    let mut room = width;
    let count = charts.drawn.len();
    for (drawn, known) in lines.lines.iter().rev() {
        let value =
            known.and_then(|known| known.points.last()).map_or("-".into(), |point| text::number(point.value));
        let name = text::cut(
            &app.best.starred(&drawn.run, &drawn.name, theme.glyphs.best),
            24,
            theme.glyphs.ellipsis,
        );
        let words = format!("{name} {value}   ");
        let letter = letter(drawn.slot);
        let used = text::width(&words) + 2;
        if used > room {
            break;
        }
        room -= used;
        spans.push(Span::styled(format!("{letter} "), theme.line(drawn.slot)));
        spans.push(Span::styled(words, theme.dim));
    }
    let left = count - spans.len() / 2;
    if left > 0 {
        spans.push(Span::styled(text::cut(&format!("{left} more"), room, ""), theme.dim));
    }
    Line::from(spans)
}
