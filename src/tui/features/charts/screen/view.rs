//! One chart on the whole screen, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::{ChartScreen, Reading};
use crate::chart::axis::{Unit, XAxis, time_words};
use crate::chart::trace::{origin, x_value};
use crate::chart::{Band, PointCounts};
use crate::mlflow::MetricPoint;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::progress;
use crate::tui::features::charts::histories::CachedHistory;
use crate::tui::features::charts::pictures::{CachedPicture, Pictures, screen_options};
use crate::tui::features::charts::series::Series;
use crate::tui::widgets::boxes::whole;
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::plot::view::{Over, draw as draw_plot};
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::theme::letter;

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
    let cached = pictures.of_screen();
    match cached.filter(|_| has_points) {
        Some(CachedPicture { picture, .. }) => {
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
    legend(app, screen, cached, theme, frame, areas.legend);
}

fn title<'a>(app: &App, screen: &ChartScreen, theme: &Theme, width: usize) -> Line<'a> {
    let options = screen_options(app, screen);
    let mut parts = vec![format!("by {}", app.charts.axis_words(options.x))];
    if options.x != app.charts.options.x {
        parts.push(match options.x {
            XAxis::Step => format!("no {} at its steps", app.charts.axis_words(app.charts.options.x)),
            XAxis::Relative | XAxis::Wall | XAxis::Metric => "all points are at one step".into(),
        });
    }
    parts.extend(screen.band(&options).in_words().map(str::to_owned));
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
    if screen.metrics.len() > 1 {
        parts.push(format!("{} of {}", screen.at + 1, text::count(screen.metrics.len())));
    }
    // The run under the cursor is known in full.
    let chosen = screen.lines.get(screen.chosen).map(|line| &line.which.run);
    let run = app.details.run().filter(|run| chosen == Some(&run.info.run_id));
    parts.extend(run.and_then(|run| progress::in_words(run, app.now).into_iter().next()));
    let separator = format!(" {} ", theme.glyphs.separator);
    let name =
        text::without_middle(&text::clean(screen.key()), width.saturating_sub(6), theme.glyphs.ellipsis);
    let room = width.saturating_sub(text::width(&name) + text::width(&separator) + 8);
    let rest = whole(&parts, room, &separator);
    let rest = if rest.is_empty() { rest } else { format!("{separator}{rest}") };
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
    picture: Option<&CachedPicture>,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    if area.height == 0 {
        return;
    }
    let options = screen_options(app, screen);
    let width = area.width as usize;
    let put = |frame: &mut Frame<'_>, y: u16, line: Line<'_>| {
        if y < area.height {
            frame.render_widget(line, Rect { y: area.y + y, height: 1, ..area });
        }
    };
    let words = text::cut(&heading(app, screen), width, theme.glyphs.ellipsis);
    put(frame, 0, Line::styled(words, theme.heading));
    let rows_each = if area.height as usize >= screen.lines.len() * 4 + 2 { 4_usize } else { 1 };
    let shown = (area.height as usize - 1) / rows_each;
    // The chosen line is always among those that are listed.
    let top = (screen.chosen + 1).saturating_sub(shown);
    let rows = top..screen.lines.len().min(top + shown);
    let readings: Vec<_> = rows.clone().map(|at| screen.reading(at, &app.histories, &options)).collect();
    // What lies around a mean has a line of its own, where there are some.
    let value = |reading: &Reading| match around(reading, options.band).filter(|_| rows_each == 1) {
        Some(around) => format!("{} {around}", value_words(reading)),
        None => value_words(reading),
    };
    let values = at_the_point(readings.iter().map(value).collect());
    let value_width = values.iter().map(|value| text::width(value)).max().unwrap_or(0);
    // Where a legend begins is where its longest label ends.
    let label_width = screen.lines.iter().map(|line| label(screen, line).chars().count()).max().unwrap_or(1);
    let room = width.saturating_sub(value_width + label_width + 3);
    let names: Vec<String> = screen.lines.iter().map(|line| screen.name(line)).collect();
    // As in the table, what is at the end of long names stays.
    let names = text::told_apart(&names, |_| room.saturating_sub(1), theme.glyphs.ellipsis);
    for (row, at) in rows.enumerate() {
        let line = &screen.lines[at];
        let (reading, style) = (&readings[row], theme.ink(line.ink));
        let is_chosen = at == screen.chosen && screen.lines.len() > 1;
        let is_best = app.best.run_id().is_some_and(|best| screen.drawn[line.run].has(best));
        let star = if is_best { theme.glyphs.best } else { "" };
        let step = match reading.point {
            Some(point) if reading.is_earlier => format!(" @{}", point.step),
            _ => String::new(),
        };
        let name_style =
            if is_chosen { style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED) } else { theme.text };
        let name = format!("{star}{}", names[at]);
        let filled = " ".repeat((room + 1).saturating_sub(text::width(&name)));
        let label = format!("{:<label_width$} ", theme.plain(&label(screen, line)));
        let y = (1 + row * rows_each) as u16 + u16::from(rows_each > 1);
        let words = Line::from(vec![
            Span::styled(label, style.add_modifier(Modifier::BOLD)),
            Span::styled(name, name_style),
            Span::raw(filled),
            Span::styled(text::fit_right(&values[row], value_width, ""), theme.heading),
            Span::styled(step, theme.warn),
        ]);
        put(frame, y, words);
        if rows_each > 1 {
            let drawn = picture.and_then(|cached| cached.picture.lines.get(cached.place_of(at)?));
            let lines = app
                .histories
                .get(&line.which)
                .map_or(Default::default(), |known| in_words(known, drawn.map(|line| line.counts)));
            let [mut extremes, counts] = lines;
            if let Some(around) = around(reading, options.band) {
                extremes = format!("{around}  {extremes}");
            }
            for (below, words) in (1..).zip([extremes, counts]) {
                let words = text::cut(&words, width.saturating_sub(2), theme.glyphs.ellipsis);
                put(frame, y + below, Line::styled(format!("  {words}"), theme.dim));
            }
        }
    }
}

/// Values one below the other, whose points stand under one another.
fn at_the_point(mut values: Vec<String>) -> Vec<String> {
    let tail = |words: &str| {
        let number = words.split(' ').next().unwrap_or_default();
        text::fraction(number) + text::width(words) - text::width(number)
    };
    let is_number = |words: &str| words.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    let longest = values.iter().filter(|words| is_number(words)).map(|words| tail(words)).max().unwrap_or(0);
    for words in &mut values {
        if words != "-" && is_number(words) {
            words.push_str(&" ".repeat(longest - tail(words)));
        }
    }
    values
}

/// What stands at the end of a line, and before its name.
fn label(screen: &ChartScreen, line: &Series) -> String {
    if line.label.width() > 0 { line.label.text() } else { letter(screen.drawn[line.run].slot) }
}

/// A value, and what it is when smoothed.
fn value_words(reading: &Reading) -> String {
    let value = reading.point.map_or_else(|| "-".to_owned(), |point| text::legend_number(point.value));
    match reading.smoothed {
        Some(smoothed) => format!("{value} ~{}", text::legend_number(smoothed)),
        None => value,
    }
}

/// What lies around a mean.
fn around(reading: &Reading, band: Band) -> Option<String> {
    let ((low, high), point) = reading.edges.zip(reading.point)?;
    match band {
        Band::Deviation => Some(format!("±{}", text::number(high - point.value))),
        Band::Range => Some(format!("{}–{}", text::number(low), text::number(high))),
        Band::None => None,
    }
}

/// `min 0.51 @88  max 2.3 @0`, and `100 points, 3 NaN`.
fn in_words(known: &CachedHistory, counts: Option<PointCounts>) -> [String; 2] {
    let extremes = known.summary.map_or(String::new(), |summary| {
        let of = |(value, step): (f64, i64)| format!("{} @{step}", text::legend_number(value));
        format!("min {}  max {}", of(summary.min), of(summary.max))
    });
    let points = known.points.len();
    let points = if points == 1 { "1 point".into() } else { format!("{} points", text::count(points)) };
    let several = known.mean.as_ref().map(|cached| {
        let (least, most) =
            cached.mean.counts.iter().fold((usize::MAX, 0), |(a, b), n| (a.min(*n), b.max(*n)));
        if least < most { format!("means of {least} to {most}") } else { format!("means of {most}") }
    });
    let failed = known.mean.as_ref().map_or(0, |cached| cached.failed);
    let failed = (failed > 0).then(|| format!("{} not read", text::counted(failed, "run")));
    let passes = (known.passes.len() > 1).then(|| format!("{} passes", known.passes.len()));
    let gaps = counts.and_then(|counts| counts.in_words());
    let parts: Vec<String> = [Some(points), several, failed, passes, gaps].into_iter().flatten().collect();
    [extremes, parts.join(", ")]
}

/// Where the cursor is, in the words of the axis, and the value of the chosen line there with all its digits.
fn heading(app: &App, screen: &ChartScreen) -> String {
    let options = screen_options(app, screen);
    let Some(cursor) = screen.cursor else { return "latest values; h l move the cursor".into() };
    let value = if options.log_x { 10_f64.powf(cursor) } else { cursor };
    let point = screen.reading(screen.chosen, &app.histories, &options).point;
    let exact = point.map_or(String::new(), |point| format!(": {}", text::exact(point.value)));
    match options.x {
        XAxis::Step => format!("step {}{exact}{}", value.round(), of_several(app, screen, point)),
        XAxis::Metric => {
            let step = point.map_or(String::new(), |point| format!(", step {}", point.step));
            let several = of_several(app, screen, point);
            format!(
                "{} {}{step}{exact}{several}",
                app.charts.axis_words(options.x),
                text::legend_number(value)
            )
        }
        axis => {
            let unit = if axis == XAxis::Wall { Unit::Moment } else { Unit::Duration };
            let at = point.map_or(value, |point| {
                let known = screen.lines.get(screen.chosen).and_then(|line| app.histories.get(&line.which));
                x_value(&point, axis, known.map_or(0, |known| origin(&known.points)))
            });
            let step = point.map_or(String::new(), |point| format!(", step {}", point.step));
            format!("{}{step}{exact}", time_words(at, unit))
        }
    }
}

/// Of how many runs the chosen line is the mean at a point.
fn of_several(app: &App, screen: &ChartScreen, point: Option<MetricPoint>) -> String {
    let known = screen.lines.get(screen.chosen).and_then(|line| app.histories.get(&line.which));
    let count = known.zip(point).and_then(|(known, point)| known.count_at(point.step));
    count.map_or(String::new(), |count| format!(", mean of {count}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_stand_under_one_another() {
        let values = ["1.23132", "0.861316", "12", "0.5 ~0.25", "-", "-0.1"].map(str::to_owned).to_vec();
        assert_eq!(
            at_the_point(values),
            ["1.23132  ", "0.861316 ", "12        ", "0.5 ~0.25", "-", "-0.1      "]
        );
    }
}
