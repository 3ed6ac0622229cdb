//! Tiles, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{GroupValue, goal_of, value};
use crate::select::Goal;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::features::charts::dashboard::Chart;
use crate::tui::features::charts::dashboard::view::latest;
use crate::tui::features::charts::standing::{Standing, ordinal};
use crate::tui::widgets::theme::{Theme, letter_cells};

/// The widest bar, in cells.
const BAR: usize = 30;

/// Draws what stands below the title of a tile.
pub fn draw(app: &App, chart: &Chart, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let width = (area.width as usize).saturating_sub(1);
    let run = app.details.run();
    let goal = goal_of(chart.metric.key(), app.best.policy());
    let groups: Vec<Option<GroupValue>> =
        chart.lines().iter().map(|line| app.charts.group_value(line)).collect();
    let values: Vec<Option<f64>> = chart
        .lines()
        .iter()
        .zip(&groups)
        .map(|(line, group)| {
            group
                .map(|group| group.mean)
                .or_else(|| latest(app, line))
                .or_else(|| value(line, run, &app.histories))
        })
        .collect();
    let spread = |group: &GroupValue| group.in_words(app.charts.options.band, theme.glyphs.range);
    let written = |value: f64| text::value(chart.metric.key(), value);
    let standing = |value: f64| app.charts.standings.of(chart.metric.key(), value, goal);
    let put = |frame: &mut Frame<'_>, y: usize, line: Line<'_>| {
        if y < area.height as usize {
            frame.render_widget(line, Rect { y: area.y + y as u16, height: 1, ..area });
        }
    };
    if let [value] = values[..] {
        let number = value.map_or_else(|| "-".to_owned(), written);
        let standing = value.and_then(standing);
        let room = width.saturating_sub(text::width(&number) + 1);
        let words = match groups[0] {
            Some(group) => text::cut(&format!(" {}", spread(&group)), room, theme.glyphs.ellipsis),
            None => standing.map_or_else(String::new, |standing| words(standing, goal, room)),
        };
        let is_first = standing.is_some_and(|standing| standing.place == 1) && groups[0].is_none();
        let style = if is_first && goal.is_some() { theme.good } else { theme.dim };
        put(
            frame,
            0,
            Line::from(vec![Span::styled(format!(" {number}"), theme.heading), Span::styled(words, style)]),
        );
        if let Some(standing) = standing {
            let mut line = bar(standing, width.saturating_sub(2).min(BAR), theme, theme.spark);
            line.spans.insert(0, Span::raw(" "));
            put(frame, 1, line);
        }
        return;
    }
    let numbers: Vec<String> =
        values.iter().map(|value| value.map_or_else(|| "-".to_owned(), written)).collect();
    let number_width = numbers.iter().map(|number| text::width(number)).max().unwrap_or(0);
    let places: Vec<Option<Standing>> = values.iter().map(|value| value.and_then(standing)).collect();
    // Of several runs, how far they are apart says more than where their mean would stand.
    let named: Vec<String> = places
        .iter()
        .zip(&groups)
        .map(|(standing, group)| match group {
            Some(group) => spread(group),
            None => standing.map_or_else(String::new, |found| ordinal(found.place)),
        })
        .collect();
    let letters =
        chart.lines().iter().map(|line| letter_cells(app.charts.drawn[line.run].slot)).max().unwrap_or(1);
    let place_width = named.iter().map(|place| text::width(place)).max().unwrap_or(0);
    let shown = if numbers.len() > area.height as usize {
        (area.height as usize).saturating_sub(1)
    } else {
        numbers.len()
    };
    // The run under the cursor is always among them.
    let own = chart.lines().iter().position(|line| line.run == app.charts.own);
    let last = own.filter(|own| *own >= shown);
    let told = (0..shown.saturating_sub(usize::from(last.is_some()))).chain(last).take(shown);
    for (y, at) in told.enumerate() {
        let drawn = &app.charts.drawn[chart.lines()[at].run];
        let style = theme.ink(chart.lines()[at].ink);
        let room = width.saturating_sub(number_width + place_width + letters + 4).min(BAR);
        let mut spans = vec![
            Span::styled(format!(" {:letters$} ", theme.letter(drawn.slot)), style),
            Span::raw(text::fit_right(&numbers[at], number_width, "")),
            Span::styled(format!(" {} ", text::fit_right(&named[at], place_width, "")), theme.dim),
        ];
        if let Some(standing) = places[at].filter(|_| room > 2) {
            spans.extend(bar(standing, room, theme, style).spans);
        }
        put(frame, y, Line::from(spans));
    }
    if shown < numbers.len() {
        put(frame, shown, Line::styled(format!("   {} more", numbers.len() - shown), theme.dim));
    }
}

/// Where a value stands, as fully as there is room, with the space before it.
fn words(standing: Standing, goal: Option<Goal>, room: usize) -> String {
    let (full, place) = (standing.in_words(goal), ordinal(standing.place));
    let ways = [
        format!("  {full}"),
        format!(" {full}"),
        format!("  {place}/{}", text::count(standing.of)),
        format!(" {place}"),
    ];
    ways.into_iter().find(|way| text::width(way) <= room).unwrap_or_default()
}

/// From the worst value to the best, with a mark where one stands.
fn bar<'a>(standing: Standing, cells: usize, theme: &Theme, style: ratatui::style::Style) -> Line<'a> {
    let at = (standing.share * cells.saturating_sub(1) as f64).round() as usize;
    Line::from(vec![
        Span::styled(theme.glyphs.horizontal.repeat(at), theme.border),
        Span::styled(theme.glyphs.live, style),
        Span::styled(theme.glyphs.horizontal.repeat(cells.saturating_sub(at + 1)), theme.border),
    ])
}
