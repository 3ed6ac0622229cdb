//! What stands in the cells of the table of trials, and how they are sorted.

use std::cmp::Ordering;

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::follow::param;
use super::{SweepScreen, TrialColumn};
use crate::mlflow::MetricPoint;
use crate::params::ParamValue;
use crate::sweep::engine::journal::TrialOutcome;
use crate::sweep::engine::rules::Mode;
use crate::sweep::engine::state::TrialState;
use crate::text;
use crate::tui::widgets::sparkline::sparkline;
use crate::tui::widgets::table::{ColumnRequest, VisibleColumn};
use crate::tui::widgets::theme::Theme;

/// Cells of a sparkline.
pub const SPARK: usize = 12;
/// The widest param, in cells.
const WIDEST: usize = 18;

/// How it stands with a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrialStatus {
    Running,
    Finished,
    Pruned,
    Failed,
    /// Nobody is at it, as the sweep ended or was interrupted.
    Open,
}

/// What rows are sorted by; what is missing comes last.
#[derive(Debug, Clone, PartialEq)]
pub enum TrialOrder {
    Missing,
    Number(f64),
    Word(String),
}

/// The order of two keys; what is missing is last either way.
pub fn compare(a: &TrialOrder, b: &TrialOrder, is_down: bool) -> Ordering {
    let turned = |order: Ordering| if is_down { order.reverse() } else { order };
    match (a, b) {
        (TrialOrder::Missing, TrialOrder::Missing) => Ordering::Equal,
        (TrialOrder::Missing, _) => Ordering::Greater,
        (_, TrialOrder::Missing) => Ordering::Less,
        (TrialOrder::Number(a), TrialOrder::Number(b)) => turned(a.total_cmp(b)),
        (TrialOrder::Word(a), TrialOrder::Word(b)) => turned(a.cmp(b)),
        (TrialOrder::Number(_), TrialOrder::Word(_)) => turned(Ordering::Less),
        (TrialOrder::Word(_), TrialOrder::Number(_)) => turned(Ordering::Greater),
    }
}

/// What a column sorts a trial by.
pub fn sort_key(screen: &SweepScreen, column: &TrialColumn, number: usize) -> TrialOrder {
    let Some(trial) = screen.shown.state.trials.get(number) else { return TrialOrder::Missing };
    match column {
        TrialColumn::Number => TrialOrder::Number(number as f64),
        TrialColumn::State => TrialOrder::Number(f64::from(status(screen, trial) as u8)),
        TrialColumn::Value => screen.shown.value(trial).map_or(TrialOrder::Missing, TrialOrder::Number),
        TrialColumn::Family => trial
            .proposal
            .as_ref()
            .map_or(TrialOrder::Missing, |known| TrialOrder::Word(known.family.clone())),
        TrialColumn::Param(name) => match param(trial, name) {
            None => TrialOrder::Missing,
            Some(ParamValue::Int(value)) => TrialOrder::Number(*value as f64),
            Some(ParamValue::Real(value)) => TrialOrder::Number(*value),
            Some(ParamValue::Text(word)) => TrialOrder::Word(word.clone()),
        },
        TrialColumn::Time if trial.outcome.is_none() => TrialOrder::Missing,
        TrialColumn::Time => TrialOrder::Number(trial.ended.saturating_sub(trial.started) as f64),
        TrialColumn::Attempt => screen
            .details
            .get(&number)
            .map_or(TrialOrder::Missing, |details| TrialOrder::Number(f64::from(details.attempt))),
        TrialColumn::Node => {
            place(screen, number).map_or(TrialOrder::Missing, |(node, _)| TrialOrder::Word(node))
        }
        TrialColumn::Job => {
            place(screen, number).map_or(TrialOrder::Missing, |(_, job)| TrialOrder::Word(job))
        }
    }
}

/// The node and the job of a trial, as they can be shown.
pub fn place(screen: &SweepScreen, number: usize) -> Option<(String, String)> {
    let place = screen.details.get(&number)?.place.as_ref()?;
    Some((text::clean(&place.node).into_owned(), text::clean(&place.job).into_owned()))
}

pub fn status(screen: &SweepScreen, trial: &TrialState) -> TrialStatus {
    match &trial.outcome {
        Some(TrialOutcome::Finished { .. }) => TrialStatus::Finished,
        Some(TrialOutcome::Pruned { .. }) => TrialStatus::Pruned,
        Some(TrialOutcome::Failed { .. }) => TrialStatus::Failed,
        None if screen.progress.state.is_active() => TrialStatus::Running,
        None => TrialStatus::Open,
    }
}

/// The word of a status with its sign, and how it is drawn.
pub fn status_words(status: TrialStatus, theme: &Theme) -> (Style, &'static str) {
    let word = |unicode, ascii| if theme.glyphs.is_ascii { ascii } else { unicode };
    match status {
        TrialStatus::Running => (theme.running, word("● running", "R running")),
        TrialStatus::Finished => (theme.good, word("✓ finished", "F finished")),
        TrialStatus::Pruned => (theme.dim, word("⊘ pruned", "K pruned")),
        TrialStatus::Failed => (theme.bad, word("✗ failed", "! failed")),
        TrialStatus::Open => (theme.warn, word("◌ broken off", "- broken off")),
    }
}

pub fn title(screen: &SweepScreen, column: &TrialColumn) -> String {
    match column {
        TrialColumn::Number => "trial".into(),
        TrialColumn::State => "state".into(),
        TrialColumn::Value => {
            let mode = screen.shown.header.as_ref().map(|header| header.plan.rules.mode);
            let goal = mode.map_or("", |mode| if mode == Mode::Min { " min" } else { " max" });
            format!("{}{goal}", text::clean(&screen.progress.metric))
        }
        TrialColumn::Family => "family".into(),
        TrialColumn::Param(name) => text::clean(name).into_owned(),
        TrialColumn::Time => "time".into(),
        TrialColumn::Attempt => "attempt".into(),
        TrialColumn::Node => "node".into(),
        TrialColumn::Job => "job".into(),
    }
}

/// How wide a column is: as its title, and as what is seen of it.
pub fn width(screen: &SweepScreen, at: usize, theme: &Theme, now: i64, seen: &[u32]) -> ColumnRequest {
    let Some(column) = screen.columns.get(at) else { return ColumnRequest::default() };
    let is_sorted = screen.sorted.as_ref().is_some_and(|(sorted, _)| sorted == column);
    let title = text::width(&title(screen, column)) + if is_sorted { 2 } else { 0 };
    let words = |number: &u32| text::width(&words(screen, column, *number as usize, theme, now).0);
    let wide = seen.iter().map(words).max().unwrap_or(0).max(title);
    match column {
        TrialColumn::Value => ColumnRequest { picture: SPARK, ..ColumnRequest::right(wide.min(WIDEST + 6)) },
        TrialColumn::State => ColumnRequest::left(wide),
        TrialColumn::Family | TrialColumn::Node | TrialColumn::Job => ColumnRequest::left(wide.min(WIDEST)),
        TrialColumn::Param(_) => {
            let is_text = seen.iter().any(|number| {
                let trial = screen.shown.state.trials.get(*number as usize);
                matches!(sort_key(screen, column, *number as usize), TrialOrder::Word(_)) && trial.is_some()
            });
            ColumnRequest { right: !is_text, ..ColumnRequest::left(wide.min(WIDEST)) }
        }
        TrialColumn::Number | TrialColumn::Time | TrialColumn::Attempt => ColumnRequest::right(wide),
    }
}

/// What stands in a cell, and how it is drawn.
fn words(
    screen: &SweepScreen,
    column: &TrialColumn,
    number: usize,
    theme: &Theme,
    now: i64,
) -> (String, Style) {
    let nothing = || ("-".to_owned(), theme.dim);
    let Some(trial) = screen.shown.state.trials.get(number) else { return nothing() };
    let status = status(screen, trial);
    match column {
        TrialColumn::Number => (number.to_string(), theme.text),
        TrialColumn::State => {
            let (style, words) = status_words(status, theme);
            (words.to_owned(), style)
        }
        TrialColumn::Value => match (screen.shown.value(trial), points(screen, number, trial).last()) {
            (Some(value), _) if screen.shown.best == Some(number) => {
                (text::number(value), theme.good.add_modifier(Modifier::BOLD))
            }
            (Some(value), _) if status == TrialStatus::Finished => (text::number(value), theme.text),
            (Some(value), _) => (text::number(value), theme.dim),
            // What it is at now is not yet what it comes to.
            (None, Some(point)) => (text::number(point.value), theme.dim),
            (None, None) => nothing(),
        },
        TrialColumn::Family => trial
            .proposal
            .as_ref()
            .map_or_else(nothing, |known| (text::clean(&known.family).into_owned(), theme.text)),
        TrialColumn::Param(name) => param(trial, name)
            .map_or_else(nothing, |value| (text::clean(&shown(value)).into_owned(), theme.text)),
        TrialColumn::Time => match status {
            TrialStatus::Open => nothing(),
            TrialStatus::Running => (text::duration(now.saturating_sub(trial.started).max(0)), theme.running),
            TrialStatus::Finished | TrialStatus::Pruned | TrialStatus::Failed => {
                (text::duration(trial.ended.saturating_sub(trial.started).max(0)), theme.text)
            }
        },
        TrialColumn::Attempt => match screen.details.get(&number) {
            Some(details) if details.attempt > 1 => (details.attempt.to_string(), theme.warn),
            Some(details) if details.attempt > 0 => (details.attempt.to_string(), theme.dim),
            Some(_) | None => nothing(),
        },
        TrialColumn::Node => place(screen, number).map_or_else(nothing, |(node, _)| (node, theme.text)),
        TrialColumn::Job => place(screen, number).map_or_else(nothing, |(_, job)| (job, theme.dim)),
    }
}

/// A value as people read it.
pub fn shown(value: &ParamValue) -> String {
    match value {
        ParamValue::Real(value) => text::number(*value),
        ParamValue::Int(_) | ParamValue::Text(_) => value.to_string(),
    }
}

/// What a trial measured on its way: its reports, or the history of its run.
fn points(screen: &SweepScreen, number: usize, trial: &TrialState) -> Vec<MetricPoint> {
    if screen.progress.is_command {
        return screen.details.get(&number).map_or(Vec::new(), |details| details.points.clone());
    }
    let Some(aim) = screen.shown.aim() else { return Vec::new() };
    let reports = trial.reports.iter().zip(0..);
    reports
        .filter_map(|(report, step)| Some(MetricPoint { step, timestamp: 0, value: aim.value(report)? }))
        .collect()
}

/// A cell of the table.
pub fn cell<'a>(
    screen: &SweepScreen,
    place: &VisibleColumn,
    number: usize,
    theme: &Theme,
    now: i64,
) -> Line<'a> {
    let Some(column) = screen.columns.get(place.column) else { return Line::default() };
    if place.is_picture {
        let trial = screen.shown.state.trials.get(number);
        let points = trial.map_or(Vec::new(), |trial| points(screen, number, trial));
        return Line::styled(sparkline(&points, place.width, theme), theme.spark);
    }
    let (words, style) = words(screen, column, number, theme, now);
    Line::styled(text::cut(&words, place.width, theme.glyphs.ellipsis), style)
}

/// The star of the best trial.
pub fn lead<'a>(screen: &SweepScreen, number: usize, theme: &Theme) -> Line<'a> {
    let is_best = screen.shown.best == Some(number);
    Line::from(Span::styled(if is_best { theme.glyphs.best } else { " " }, theme.good))
}
