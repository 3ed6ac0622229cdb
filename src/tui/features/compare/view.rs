//! A comparison, drawn.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::plots::{LEVELS, levels, parallel, scatter};
use super::{CompareScreen, CompareTab, Show, table};
use crate::chart::canvas::Dots;
use crate::compare::axes::Axis;
use crate::compare::importance::{FEWEST, Matters};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::theme::letter;

pub fn draw(app: &App, screen: &CompareScreen, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    frame.render_widget(pane_block(theme, true, title(screen, theme, body.width as usize)), body);
    let area = table_area(body);
    if screen.fetched.value().is_none() {
        let line = match screen.fetched.error() {
            Some(error) => {
                Line::styled(text::clean(&format!("{error}; {}", error.hint())).into_owned(), theme.bad)
            }
            None => Line::styled("loading", theme.dim),
        };
        centred(frame, area, vec![line]);
        return;
    }
    match screen.tab {
        CompareTab::Table => table::view::draw(app, screen, theme, frame, area),
        CompareTab::Parallel => draw_parallel(screen, theme, frame, area),
        CompareTab::Scatter => draw_scatter(app, screen, theme, frame, area),
        CompareTab::Params => draw_params(screen, theme, frame, area),
    }
}

/// The room within the frame.
pub fn table_area(body: Rect) -> Rect {
    body.inner(Margin::new(1, 1))
}

fn title<'a>(screen: &CompareScreen, theme: &Theme, width: usize) -> Line<'a> {
    let mut spans = vec![Span::raw(" ")];
    for tab in CompareTab::ALL {
        let style = if tab == screen.tab { theme.chosen_column } else { theme.dim };
        spans.push(Span::styled(tab.title(), style));
        spans.push(Span::raw(" "));
    }
    let mut parts = Vec::new();
    if let Some(comparison) = screen.fetched.value() {
        let runs = format!("{} runs", text::count(comparison.runs));
        parts.push(if comparison.is_grouped {
            format!("{runs} in {} groups by seed", text::count(comparison.members.len()))
        } else {
            runs
        });
        let experiments: std::collections::BTreeSet<&str> =
            screen.runs.iter().map(|compared| compared.experiment.as_str()).collect();
        if experiments.len() > 1 {
            parts.push(format!("{} experiments", experiments.len()));
        }
        if screen.tab == CompareTab::Table {
            let all = text::count(comparison.entries.len());
            parts.push(format!("{} of {all} rows", text::count(screen.shown.len())));
            parts.push(if screen.by_name { "by name".into() } else { "what differs most first".into() });
            if !screen.words.value().is_empty() {
                parts.push(format!("/{}", text::clean(screen.words.value())));
            }
            match screen.show {
                Show::Values => {}
                Show::Difference => parts.push("difference to base".into()),
                Show::Relative => parts.push("% of base".into()),
            }
        } else if let Some(metric) = &screen.metric {
            let words = comparison.goal(metric).map_or("no known direction", crate::select::Goal::word);
            parts.push(format!("{}, {words}", text::clean(metric)));
        }
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let separator = format!(" {} ", theme.glyphs.separator);
    let rest = format!("{separator}{} ", parts.join(&separator));
    spans.push(Span::styled(
        text::cut(&rest, width.saturating_sub(used + 3), theme.glyphs.ellipsis),
        theme.dim,
    ));
    Line::from(spans)
}

/// The style of a level of good: the best stands out, the rest fades.
fn level_style(level: u8, theme: &Theme) -> Style {
    match level {
        0 => theme.dim,
        LEVELS => theme.good.add_modifier(Modifier::BOLD),
        level => theme.ramp(level, LEVELS),
    }
}

fn draw_parallel(screen: &CompareScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let count = screen.axes.len();
    if count < 2 || area.height < 6 {
        let words = if count < 2 { "no param differs between these runs" } else { "too low a window" };
        centred(frame, area, vec![Line::styled(words, theme.dim)]);
        return;
    }
    // Titles, upper ends, the plot, lower ends, and what passes.
    let plot =
        Rect { x: area.x + 4, y: area.y + 2, width: area.width.saturating_sub(8), height: area.height - 4 };
    let dots = if theme.glyphs.is_ascii { Dots::Ascii } else { Dots::Braille };
    let canvas = parallel(screen, plot.width as usize, plot.height as usize, dots);
    let column = |at: usize| plot.x + (at * (plot.width as usize - 1) / (count - 1)) as u16;
    let buffer = frame.buffer_mut();
    for at in 0..count {
        let is_chosen = at == screen.axis;
        let brush = screen.brushes.iter().find(|brush| brush.spec == screen.axes[at].spec);
        for y in 0..plot.height {
            let place = 1.0 - f64::from(y) / f64::from(plot.height.max(2) - 1);
            let is_brushed =
                brush.is_some_and(|brush| place >= brush.low - 0.02 && place <= brush.high + 0.02);
            let style = if is_brushed {
                theme.chip
            } else if is_chosen {
                theme.accent
            } else {
                theme.border
            };
            let symbol = if is_brushed { theme.glyphs.bar_vertical } else { theme.glyphs.vertical };
            buffer[(column(at), plot.y + y)].set_symbol(symbol).set_style(style);
        }
    }
    for y in 0..plot.height {
        for x in 0..plot.width {
            let (character, ink) = canvas.cell(x as usize, y as usize);
            let is_axis = (0..count).any(|at| column(at) == plot.x + x);
            if character != ' ' && !is_axis {
                let style = if ink.is_faint { theme.border } else { level_style(ink.line, theme) };
                buffer[(plot.x + x, plot.y + y)].set_char(character).set_style(style);
            }
        }
    }
    let room = (plot.width as usize / (count - 1)).saturating_sub(1).max(3);
    let mut put = |at: usize, y: u16, words: &str, style: Style| {
        let words = text::cut(&text::clean(words), room, theme.glyphs.ellipsis);
        let width = text::width(&words) as u16;
        let x =
            (column(at).saturating_sub(width / 2)).clamp(area.x, (area.x + area.width).saturating_sub(width));
        buffer.set_string(x, y, words, style);
    };
    for (at, axis) in screen.axes.iter().enumerate() {
        let (low, high) = axis.ends();
        put(
            at,
            area.y,
            axis.spec.title(),
            if at == screen.axis { theme.chosen_column } else { theme.heading },
        );
        put(at, area.y + 1, &high, theme.dim);
        put(at, plot.y + plot.height, &low, theme.dim);
    }
    let passing = screen.passing().into_iter().filter(|passes| *passes).count();
    let chosen = &screen.axes[screen.axis];
    let brush = screen.brushes.iter().find(|brush| brush.spec == chosen.spec);
    let words = match brush {
        Some(brush) => format!(
            "{passing} of {} pass; {} from {} to {}",
            screen.members(),
            text::clean(chosen.spec.title()),
            text::clean(&chosen.label_at(brush.low)),
            text::clean(&chosen.label_at(brush.high))
        ),
        None if !screen.brushes.is_empty() => format!("{passing} of {} pass", screen.members()),
        None => "j k brush the axis, + - widen the brush, 0 clears it".into(),
    };
    let line =
        Rect { x: area.x + 1, y: area.y + area.height - 1, width: area.width.saturating_sub(2), height: 1 };
    frame.render_widget(
        Line::styled(text::cut(&words, line.width as usize, theme.glyphs.ellipsis), theme.text),
        line,
    );
}

fn draw_scatter(app: &App, screen: &CompareScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let (Some(comparison), Some(x), Some(y)) = (screen.fetched.value(), &screen.x, &screen.y) else {
        centred(frame, area, vec![Line::styled("there are no two columns to draw", theme.dim)]);
        return;
    };
    let axes = (Axis::new(comparison, x, app.now), Axis::new(comparison, y, app.now));
    let (Some(x), Some(y)) = axes else {
        centred(frame, area, vec![Line::styled("no run has a number or text in these columns", theme.dim)]);
        return;
    };
    let (low_y, high_y) = y.ends();
    let ends = [&high_y, &low_y].map(|label| text::cut(&text::clean(label), 12, theme.glyphs.ellipsis));
    let left = ends.iter().map(|label| text::width(label)).max().unwrap_or(0) as u16 + 2;
    if area.width < left + 10 || area.height < 7 {
        centred(frame, area, vec![Line::styled("too small a window", theme.dim)]);
        return;
    }
    let plot =
        Rect { x: area.x + left, y: area.y + 1, width: area.width - left - 2, height: area.height - 5 };
    let levels = levels(screen);
    let places = scatter(&x, &y, plot.width as usize, plot.height as usize);
    let buffer = frame.buffer_mut();
    buffer.set_string(
        area.x + 1,
        area.y,
        text::cut(&text::clean(y.spec.title()), area.width as usize - 2, "…"),
        theme.heading,
    );
    for row in 0..plot.height {
        buffer[(plot.x - 1, plot.y + row)].set_symbol(theme.glyphs.vertical).set_style(theme.border);
    }
    for (at, label) in [plot.y, plot.y + plot.height - 1].into_iter().zip(&ends) {
        buffer.set_string(area.x, at, text::fit_right(label, left as usize - 1, ""), theme.dim);
    }
    let below = plot.y + plot.height;
    buffer[(plot.x - 1, below)].set_symbol(theme.glyphs.corner).set_style(theme.border);
    for column in 0..plot.width {
        buffer[(plot.x + column, below)].set_symbol(theme.glyphs.horizontal).set_style(theme.border);
    }
    let (low_x, high_x) = x.ends();
    let width = plot.width as usize;
    let low_x = text::cut(&text::clean(&low_x), width / 3, theme.glyphs.ellipsis);
    let high_x = text::cut(&text::clean(&high_x), width / 3, theme.glyphs.ellipsis);
    let name = text::cut(&text::clean(x.spec.title()), width / 3, theme.glyphs.ellipsis);
    buffer.set_string(plot.x, below + 1, &low_x, theme.dim);
    buffer.set_string(plot.x + (width - text::width(&name)) as u16 / 2, below + 1, &name, theme.heading);
    buffer.set_string(plot.x + (width - text::width(&high_x)) as u16, below + 1, &high_x, theme.dim);
    // The better above the worse, and the chosen one above all.
    let mut order: Vec<usize> = (0..places.len()).collect();
    let chosen = screen.member_cursor.at;
    order.sort_by_key(|member| (*member == chosen, levels[*member]));
    for member in order {
        let Some((column, row)) = places[member] else { continue };
        let style = level_style(levels[member], theme);
        let cell = &mut buffer[(plot.x + column as u16, plot.y + row as u16)];
        if member == chosen {
            cell.set_symbol(theme.glyphs.live).set_style(theme.selection.add_modifier(Modifier::BOLD));
        } else {
            cell.set_symbol(theme.glyphs.point).set_style(style);
        }
    }
    let drawn = places.iter().flatten().count();
    let missing = places.len() - drawn;
    let (run, _) = comparison.title(chosen.min(comparison.members.len() - 1));
    let label = |axis: &Axis| axis.labels.get(chosen).cloned().unwrap_or_default();
    let words = format!(
        "{} {}: {} {}, {} {}{}",
        letter(screen.slot(chosen)),
        text::clean(run),
        text::clean(x.spec.title()),
        text::clean(&label(&x)),
        text::clean(y.spec.title()),
        text::clean(&label(&y)),
        if missing > 0 { format!("; {missing} runs lack a value") } else { String::new() }
    );
    let line =
        Rect { x: area.x + 1, y: area.y + area.height - 1, width: area.width.saturating_sub(2), height: 1 };
    frame.render_widget(
        Line::styled(text::cut(&words, line.width as usize, theme.glyphs.ellipsis), theme.text),
        line,
    );
}

fn draw_params(screen: &CompareScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let metric = text::clean(screen.metric.as_deref().unwrap_or("any metric")).into_owned();
    let Some(matters) = screen.weighed.value() else {
        centred(frame, area, vec![Line::styled("computing", theme.dim)]);
        return;
    };
    let (runs, r2, params) = match matters {
        Matters::TooFew { runs } => {
            let words = format!("too few runs: {runs} have a number in {metric}, and {FEWEST} are needed");
            centred(
                frame,
                area,
                vec![
                    Line::styled(words, theme.warn),
                    Line::styled("compare more runs, or choose another metric: m", theme.dim),
                ],
            );
            return;
        }
        Matters::NothingDiffers { runs } => {
            let words = format!("no param differs between the {runs} runs with {metric}");
            centred(frame, area, vec![Line::styled(words, theme.dim)]);
            return;
        }
        Matters::Ranked { runs, r2, params } => (*runs, *r2, params),
    };
    let put = |frame: &mut Frame<'_>, y: u16, line: Line<'_>| {
        if y < area.height {
            frame
                .render_widget(line, Rect { x: area.x + 1, y: area.y + y, width: area.width - 2, height: 1 });
        }
    };
    let width = area.width as usize - 2;
    let trust = if r2 <= 0.05 {
        ("the params explain nothing of it: what follows is noise", theme.warn)
    } else if r2 < 0.3 {
        ("the params explain little of it: take what follows as a hint", theme.warn)
    } else {
        ("", theme.dim)
    };
    let head =
        format!("{metric} over {runs} runs; a forest of these params predicts unseen runs with R² {r2:.2}");
    put(frame, 0, Line::styled(text::cut(&head, width, theme.glyphs.ellipsis), theme.text));
    put(frame, 1, Line::styled(text::cut(trust.0, width, theme.glyphs.ellipsis), trust.1));
    let name = params.iter().map(|matter| text::width(&text::clean(&matter.param))).max().unwrap_or(0);
    let name = name.clamp(8, (width / 3).max(8));
    let bar = width.saturating_sub(name + 36).min(60);
    let header = format!(
        "{}  {:>11}  {}  {:>11}  {:>5}",
        text::fit("param", name, ""),
        "importance",
        " ".repeat(bar),
        "rank corr.",
        "runs"
    );
    put(frame, 3, Line::styled(text::cut(&header, width, ""), theme.heading));
    let greatest = params.iter().map(|matter| matter.importance).fold(0.0, f64::max);
    let height = (area.height as usize).saturating_sub(4);
    for (y, matter) in params.iter().take(height).enumerate() {
        let share = if greatest > 0.0 { (matter.importance / greatest).max(0.0) } else { 0.0 };
        let filled = (share * bar as f64).round() as usize;
        let correlation = matter.correlation.map_or("text".to_owned(), |value| format!("{value:+.2}"));
        let line = Line::from(vec![
            Span::raw(text::fit(&text::clean(&matter.param), name, theme.glyphs.ellipsis)),
            Span::raw(format!("  {:>11}  ", format!("{:.3}", matter.importance.max(0.0)))),
            Span::styled(theme.glyphs.bar.repeat(filled), theme.spark),
            Span::raw(" ".repeat(bar - filled)),
            Span::raw(format!("  {correlation:>11}  {:>5}", matter.runs)),
        ]);
        put(frame, 4 + y as u16, line);
    }
}
