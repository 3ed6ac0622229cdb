//! One chart on the whole screen, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::ChartScreen;
use crate::chart::axis::{Unit, XAxis, time_words};
use crate::chart::trace::{origin, x_value};
use crate::chart::{Picture, PointCounts};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::features::charts::histories::{CachedHistory, HistoryKey};
use crate::tui::features::charts::pictures::Pictures;
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::plot::view::{Over, draw as draw_plot};
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::theme::letter;

/// Digits and signs of a value that is shown exactly.
const EXACT: usize = 20;

pub fn draw(
    app: &App,
    screen: &ChartScreen,
    pictures: &Pictures,
    theme: &Theme,
    frame: &mut Frame<'_>,
    body: Rect,
) {
    frame.render_widget(pane_block(theme, true, title(app, screen, theme, body.width as usize)), body);
    let areas = screen.areas(body);
    let known: Vec<Option<&CachedHistory>> = screen.wanted().map(|which| app.histories.get(&which)).collect();
    let has_points = known.iter().flatten().any(|known| !known.points.is_empty());
    let picture = pictures.of_screen().map(|cached| &cached.picture);
    match picture.filter(|_| has_points) {
        Some(picture) => {
            let cursor = screen.cursor.and_then(|x| picture.plot.column(x));
            let over = Over { cursor, extremes: screen.extremes, in_pixels: app.has_pixels };
            draw_plot(picture, over, theme, frame.buffer_mut(), areas.plot);
        }
        None => {
            let error = known.iter().flatten().find_map(|known| known.fetched.error());
            let waits = known.iter().any(|known| known.is_none_or(|known| !known.is_known()));
            let words = match error {
                Some(error) => Line::styled(text::clean(&error.to_string()).into_owned(), theme.bad),
                None if waits => Line::styled("loading", theme.dim),
                None => Line::styled("no points logged", theme.dim),
            };
            centred(frame, areas.plot, vec![words]);
        }
    }
    legend(app, screen, picture, theme, frame, areas.legend);
}

fn title<'a>(app: &App, screen: &ChartScreen, theme: &Theme, width: usize) -> Line<'a> {
    let options = app.charts.options_of(screen.key());
    let mut parts = vec![format!("by {}", options.x.in_words())];
    if options.log_y {
        parts.push("log y".into());
    }
    if options.log_x {
        parts.push("log x".into());
    }
    if options.smoothing.is_on() {
        parts.push(format!("smoothed {}", options.smoothing.0));
    }
    parts.extend(options.y_range.in_words().map(str::to_owned));
    if screen.window.is_some() {
        parts.push("zoomed, 0 shows all".into());
    }
    if screen.keys.len() > 1 {
        parts.push(format!("{} of {}", screen.at + 1, text::count(screen.keys.len())));
    }
    let separator = format!(" {} ", theme.glyphs.separator);
    let name = text::cut(&text::clean(screen.key()), width.saturating_sub(6), theme.glyphs.ellipsis);
    let room = width.saturating_sub(text::width(&name) + 8);
    let rest = text::cut(&format!("{separator}{}", parts.join(&separator)), room, theme.glyphs.ellipsis);
    Line::from(vec![
        Span::raw(" "),
        Span::styled(name, theme.accent),
        Span::styled(rest, theme.dim),
        Span::raw(" "),
    ])
}

/// Where the cursor is, and what each line comes to there.
fn legend(
    app: &App,
    screen: &ChartScreen,
    picture: Option<&Picture>,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    if area.height == 0 {
        return;
    }
    let options = app.charts.options_of(screen.key());
    let width = area.width as usize;
    let put = |frame: &mut Frame<'_>, y: u16, line: Line<'_>| {
        if y < area.height {
            frame.render_widget(line, Rect { y: area.y + y, height: 1, ..area });
        }
    };
    put(
        frame,
        0,
        Line::styled(text::cut(&heading(app, screen), width, theme.glyphs.ellipsis), theme.heading),
    );
    let rows_each = if area.height as usize >= screen.drawn.len() * 4 + 2 { 4_usize } else { 1 };
    let shown = (area.height as usize - 1) / rows_each;
    // The chosen line is always among those that are listed.
    let top = (screen.chosen + 1).saturating_sub(shown);
    for (row, at) in (top..screen.drawn.len()).take(shown).enumerate() {
        let drawn = &screen.drawn[at];
        let reading = screen.reading(at, &app.histories, &options);
        let style = theme.line(drawn.slot);
        let is_chosen = at == screen.chosen && screen.drawn.len() > 1;
        let value = reading.point.map_or("-".into(), |point| {
            let exact = text::exact(point.value);
            // Beside the plot there is room for all digits.
            if rows_each > 1 && exact.len() <= EXACT { exact } else { text::number(point.value) }
        });
        let value = match reading.smoothed {
            Some(smoothed) => format!("{value} ~{}", text::number(smoothed)),
            None => value,
        };
        let step = match reading.point {
            Some(point) if reading.is_earlier => format!(" @{}", point.step),
            _ => String::new(),
        };
        let room = width.saturating_sub(text::width(&value) + text::width(&step) + 5);
        let name = app.best.starred(&drawn.run, &drawn.name, theme.glyphs.best);
        let name = text::fit(&name, room, theme.glyphs.ellipsis);
        let name_style =
            if is_chosen { style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED) } else { theme.text };
        let y = (1 + row * rows_each) as u16 + u16::from(rows_each > 1);
        let line = Line::from(vec![
            Span::styled(format!("{} ", letter(drawn.slot)), style.add_modifier(Modifier::BOLD)),
            Span::styled(name.trim_end().to_owned(), name_style),
            Span::raw(" ".repeat(text::width(&name) - text::width(name.trim_end()) + 1)),
            Span::styled(value, theme.heading),
            Span::styled(step, theme.warn),
        ]);
        put(frame, y, line);
        if rows_each > 1 {
            let which = HistoryKey { run: drawn.run.clone(), key: screen.key().to_owned() };
            let line = picture.and_then(|picture| picture.lines.iter().find(|line| line.ink == drawn.slot));
            let lines = app
                .histories
                .get(&which)
                .map_or(Default::default(), |known| in_words(known, line.map(|line| line.counts)));
            for (below, words) in (1..).zip(lines) {
                let words = text::cut(&words, width.saturating_sub(2), theme.glyphs.ellipsis);
                put(frame, y + below, Line::styled(format!("  {words}"), theme.dim));
            }
        }
    }
}

/// `min 0.51 @88  max 2.3 @0`, and `100 points, 3 NaN`.
fn in_words(known: &CachedHistory, counts: Option<PointCounts>) -> [String; 2] {
    let extremes = known.summary.map_or(String::new(), |summary| {
        let of = |(value, step): (f64, i64)| format!("{} @{step}", text::number(value));
        format!("min {}  max {}", of(summary.min), of(summary.max))
    });
    let points = known.points.len();
    let points = if points == 1 { "1 point".into() } else { format!("{} points", text::count(points)) };
    let gaps = counts.and_then(|counts| counts.in_words());
    [extremes, gaps.map_or(points.clone(), |gaps| format!("{points}, {gaps}"))]
}

/// Where the cursor is, in the words of the axis.
fn heading(app: &App, screen: &ChartScreen) -> String {
    let options = app.charts.options_of(screen.key());
    let Some(cursor) = screen.cursor else { return "latest values; h l move the cursor".into() };
    let value = if options.log_x { 10_f64.powf(cursor) } else { cursor };
    let step = screen.reading(screen.chosen, &app.histories, &options).point;
    match options.x {
        XAxis::Step => format!("step {}", value.round()),
        axis => {
            let unit = if axis == XAxis::Wall { Unit::Moment } else { Unit::Duration };
            let exact = step.map_or(value, |point| {
                let first = app.histories.get(&HistoryKey {
                    run: screen.drawn[screen.chosen].run.clone(),
                    key: screen.key().to_owned(),
                });
                let origin = first.map_or(0, |known| origin(&known.points));
                x_value(&point, axis, origin)
            });
            let step = step.map_or(String::new(), |point| format!(", step {}", point.step));
            format!("{}{step}", time_words(exact, unit))
        }
    }
}
