//! A comparison, drawn.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span};

use super::{CompareScreen, CompareTab, Show, params, plots, table};
use crate::mlflow::Statistic;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::widgets::boxes::whole;
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::theme::{Theme, letter};

pub fn draw(app: &App, screen: &CompareScreen, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    let block = pane_block(theme, true, title(screen, theme, body.width as usize));
    let below = rows_below(screen, table_area(body).height.saturating_sub(1) as usize);
    let below = below.map(|words| Line::styled(words, theme.dim).right_aligned());
    frame.render_widget(block.title_bottom(below.unwrap_or_default()), body);
    let area = pane_area(body);
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
    if screen.tab != CompareTab::Table && !is_metric_known(screen) {
        let words = if screen.histories.asked.error().is_some() {
            "the histories could not be read; r tries again"
        } else {
            "reading histories"
        };
        centred(frame, area, vec![Line::styled(words, theme.dim)]);
        return;
    }
    match screen.tab {
        CompareTab::Table => table::view::draw(app, screen, theme, frame, body),
        CompareTab::Parallel => plots::parallel::view::draw(screen, theme, frame, area),
        CompareTab::Scatter => plots::scatter::view::draw(app, screen, theme, frame, area),
        CompareTab::Params => params::view::draw(screen, theme, frame, area),
    }
}

/// How many rows of the table lie below those that have room.
fn rows_below(screen: &CompareScreen, height: usize) -> Option<String> {
    let (cursor, rows) = if screen.is_turned {
        (screen.member_cursor, screen.members())
    } else {
        (screen.key_cursor, screen.shown.len())
    };
    let below = rows.saturating_sub(cursor.top + height);
    (screen.tab == CompareTab::Table && below > 0).then(|| format!(" {} more below ", text::count(below)))
}

/// Whether the values are there that the plots rest on.
fn is_metric_known(screen: &CompareScreen) -> bool {
    let metric = screen.comparison().zip(screen.metric.as_deref());
    metric
        .is_none_or(|(comparison, key)| comparison.metric(key).is_none_or(|entry| comparison.is_known(entry)))
}

/// The room within the frame.
pub fn pane_area(body: Rect) -> Rect {
    body.inner(Margin::new(1, 1))
}

/// The room of the table, with its titles: lines below tell in full what is under the cursor.
pub fn table_area(body: Rect) -> Rect {
    let area = pane_area(body);
    Rect { height: area.height - full_text_lines(area.height), ..area }
}

fn full_text_lines(height: u16) -> u16 {
    match height {
        0..8 => 0,
        8..16 => 1,
        _ => 2,
    }
}

/// The lines that tell in full what is under the cursor.
pub fn full_text_area(body: Rect) -> Rect {
    let area = pane_area(body);
    let height = full_text_lines(area.height);
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), y: area.bottom() - height, height }
}

/// Which of their values metrics are compared by.
pub fn statistic_word(statistic: Statistic) -> String {
    match statistic {
        Statistic::At(step) => format!("at step {step}"),
        Statistic::LastMean(count) => format!("mean of the last {count}"),
        other => other.word().unwrap_or("last").to_owned(),
    }
}

fn values_word(statistic: Statistic) -> String {
    match statistic {
        Statistic::At(step) => format!("values at step {step}"),
        statistic => format!("{} values", statistic_word(statistic)),
    }
}

/// Which values are compared, and whose they are where that is not all runs'.
fn values_of(screen: &CompareScreen) -> String {
    let values = values_word(screen.statistic);
    if screen.statistic != Statistic::Latest {
        return if screen.has_models() { format!("{values} of the runs") } else { values };
    }
    let Some(comparison) = screen.comparison().filter(|_| !screen.own.is_empty()) else { return values };
    // On a plot one metric counts.
    let plotted = screen.metric.as_ref().filter(|_| screen.tab != CompareTab::Table);
    let has_own = |member: &usize| {
        let id = comparison.catalog.run_id(comparison.members[*member].rows[0]);
        let own = screen.own.iter().find(|(row, _)| row.as_str() == id);
        own.is_some_and(|(_, keys)| plotted.is_none_or(|key| keys.contains(key)))
    };
    let own: Vec<usize> = (0..comparison.members.len()).filter(has_own).collect();
    match own[..] {
        [] => values,
        [one] if comparison.members.len() > 1 => {
            format!("the model's own values of {}", letter(screen.slot(one)))
        }
        _ => "the models' own values".into(),
    }
}

fn title<'a>(screen: &CompareScreen, theme: &Theme, width: usize) -> Line<'a> {
    let mut spans = vec![Span::raw(" ")];
    for tab in CompareTab::ALL {
        let style = if tab == screen.tab { theme.chosen_column } else { theme.dim };
        spans.push(Span::styled(tab.title(), style));
        spans.push(Span::raw(" "));
    }
    let mut parts = Vec::new();
    let mut names_metric = false;
    if let Some(comparison) = screen.comparison() {
        let runs = text::runs(comparison.runs);
        parts.push(if comparison.is_grouped {
            format!("{runs} in {} by seed", text::counted(comparison.members.len(), "group"))
        } else {
            runs
        });
        let experiments: std::collections::BTreeSet<&str> =
            screen.runs.iter().map(|compared| compared.experiment.as_str()).collect();
        if experiments.len() > 1 {
            parts.push(format!("{} experiments", experiments.len()));
        }
        if screen.tab == CompareTab::Table {
            // What is left out or computed is said first: it must not be overlooked.
            match screen.show {
                Show::Values => {}
                Show::Difference => parts.insert(0, "difference to base".into()),
                Show::Relative => parts.insert(0, "difference to base in %".into()),
            }
            if !screen.words.value().is_empty() {
                parts.push(format!("/{}", text::clean(screen.words.value())));
            }
            let all = text::counted(comparison.entries.len(), "row");
            // That some are not the runs' is said before the runs.
            let at =
                if screen.own.is_empty() { parts.len() } else { usize::from(screen.show != Show::Values) };
            parts.insert(at, values_of(screen));
            parts.push(format!("{} of {all}", text::count(screen.shown.len())));
            parts.push(if screen.by_name { "by name".into() } else { "what differs most first".into() });
        } else if let Some(metric) = &screen.metric {
            let words = comparison.goal(metric).map_or("no known direction", crate::select::Goal::word);
            names_metric = true;
            parts.insert(0, text::clean(metric).into_owned());
            parts.insert(1, words.to_owned());
            let at = if screen.own.is_empty() { parts.len() } else { 2 };
            parts.insert(at, values_of(screen));
        }
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let separator = format!(" {} ", theme.glyphs.separator);
    let room = width.saturating_sub(used + 3 + text::width(&separator));
    // Of a metric the beginning and the end say most.
    if let Some(first) = parts.first_mut().filter(|_| names_metric) {
        *first = text::without_middle(first, room, theme.glyphs.ellipsis);
    }
    let rest = whole(&parts, room, &separator);
    if !rest.is_empty() {
        spans.push(Span::styled(format!("{separator}{rest} "), theme.dim));
    }
    Line::from(spans)
}
