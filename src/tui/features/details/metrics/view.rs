//! The metrics of a run, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{GAP, MetricCells, MetricColumn, TREND, columns};
use crate::mlflow::{Metric, Summary};
use crate::text;
use crate::text::distinct;
use crate::tui::core::app::App;
use crate::tui::core::layout::Focus;
use crate::tui::widgets::sparkline::sparkline;
use crate::tui::widgets::table::{Rows, below_titles, scroll_bar};
use crate::tui::widgets::theme::Theme;

/// Cells of the names, at least.
const NAME: usize = 8;

pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    let details = &app.details;
    let Some(run) = details.run() else { return };
    let rows = Rows::new(below_titles(body), details.cursor, run.metrics.len());
    let shown: Vec<&Metric> = details.metrics_in(rows.shown.clone());
    let place = (rows.shown.clone(), run.metrics.len());
    scroll_bar(frame, (below_titles(body), body.right() + 1), place, app.focus == Focus::Details, theme);
    let history = |metric: &Metric| app.histories.of(&run.info.run_id, &metric.key);
    let told: Vec<(&Metric, Option<(usize, &Summary)>)> = shown
        .iter()
        .map(|metric| {
            let known = history(metric);
            (*metric, known.and_then(|known| Some((known.points.len(), known.summary.as_ref()?))))
        })
        .collect();
    let width = body.width as usize;
    let names = details.longest_key().clamp(NAME, (width * 2 / 5).max(NAME));
    let columns = columns(&told, width.saturating_sub(names));
    let mut titles = vec![Span::styled(text::fit("metric", names, ""), theme.heading)];
    for MetricCells { column, width, .. } in &columns {
        let title = match column {
            MetricColumn::Trend => text::fit(column.title(), *width, ""),
            _ => text::fit_right(column.title(), *width, ""),
        };
        titles.push(Span::styled(format!("{}{title}", " ".repeat(GAP)), theme.dim));
    }
    frame.render_widget(Line::from(titles), Rect { height: 1, ..body });
    let keys: Vec<String> = shown.iter().map(|metric| text::clean(&metric.key).into_owned()).collect();
    let keys = distinct(&keys, names, theme.glyphs.ellipsis);
    let under_cursor = if app.focus == Focus::Details { theme.selection } else { Style::new() };
    rows.draw(frame.buffer_mut(), under_cursor, |at, place, buffer| {
        let at = at - rows.shown.start;
        let metric = shown[at];
        let mut spans = vec![Span::styled(text::fit(&keys[at], names, theme.glyphs.ellipsis), theme.dim)];
        for MetricCells { column, cells, width } in &columns {
            let style = match column {
                MetricColumn::Latest if !metric.value.is_finite() => theme.warn,
                MetricColumn::Latest => theme.heading,
                MetricColumn::Trend => theme.spark,
                MetricColumn::Step | MetricColumn::Points => theme.dim,
                MetricColumn::Min | MetricColumn::Max | MetricColumn::Change | MetricColumn::First => {
                    theme.text
                }
            };
            let words = match (column, history(metric)) {
                (MetricColumn::Trend, Some(known)) => sparkline(&known.points, TREND, theme),
                (MetricColumn::Trend, None) => " ".repeat(TREND),
                _ => text::fit_right(&cells[at], *width, theme.glyphs.ellipsis),
            };
            spans.push(Span::raw(" ".repeat(GAP)));
            spans.push(Span::styled(words, style));
        }
        Line::from(spans).render(place, buffer);
    });
}
