//! The metrics of a run as a table: the latest value, and what its history comes to as far as that is read.

pub mod view;

use std::ops::Range;

use super::{Details, MetricOrder, Tab};
use crate::mlflow::{Metric, RunId, Summary};
use crate::select::{Interest, MetricGoal};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::layout::Focus;

/// Cells of a sparkline, and between columns.
const TREND: usize = 14;
const GAP: usize = 2;

/// The columns behind the names, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricColumn {
    Latest,
    Step,
    Trend,
    Min,
    Max,
    Change,
    First,
    Points,
}

impl MetricColumn {
    pub const ALL: [Self; 8] = [
        Self::Latest,
        Self::Step,
        Self::Trend,
        Self::Min,
        Self::Max,
        Self::Change,
        Self::First,
        Self::Points,
    ];

    /// The most needed first: where not all have room, the last ones go.
    const BY_NEED: [Self; 8] = [
        Self::Latest,
        Self::Min,
        Self::Max,
        Self::Trend,
        Self::Step,
        Self::Change,
        Self::First,
        Self::Points,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Step => "step",
            Self::Trend => "trend",
            Self::Min => "min",
            Self::Max => "max",
            Self::Change => "change",
            Self::First => "first",
            Self::Points => "points",
        }
    }

    /// Whether the decimal points of its numbers stand under one another.
    fn is_decimal(self) -> bool {
        !matches!(self, Self::Step | Self::Trend | Self::Points)
    }
}

/// What the columns say of some metrics: a column of texts for each, and how wide it is.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricCells {
    pub column: MetricColumn,
    pub cells: Vec<String>,
    pub width: usize,
}

/// The words of a column for a metric: of a history of several points, what it comes to.
fn words(column: MetricColumn, metric: &Metric, history: Option<(usize, &Summary)>) -> String {
    let of_several = history.filter(|(points, _)| *points > 1).map(|(_, summary)| summary);
    let of =
        |pick: fn(&Summary) -> f64| of_several.map_or(String::new(), |summary| text::number(pick(summary)));
    match column {
        MetricColumn::Latest => text::number(metric.value),
        MetricColumn::Step => metric.step.to_string(),
        MetricColumn::Trend => String::new(),
        MetricColumn::Min => of(|summary| summary.min.0),
        MetricColumn::Max => of(|summary| summary.max.0),
        MetricColumn::First => of(|summary| summary.first.0),
        MetricColumn::Change => {
            let change = of_several.map(|summary| metric.value - summary.first.0);
            change.map_or(String::new(), |by| match text::number(by) {
                words if by > 0.0 => format!("+{words}"),
                words => words,
            })
        }
        MetricColumn::Points => history.map_or(String::new(), |(points, _)| text::count(points)),
    }
}

/// The columns that have room beside the names.
fn columns(metrics: &[(&Metric, Option<(usize, &Summary)>)], room: usize) -> Vec<MetricCells> {
    let mut left = room;
    let mut columns = Vec::new();
    let has_trends = metrics.iter().any(|(_, history)| history.is_some_and(|(points, _)| points > 1));
    for column in MetricColumn::BY_NEED {
        let mut cells: Vec<String> =
            metrics.iter().map(|(metric, history)| words(column, metric, *history)).collect();
        if column.is_decimal() {
            text::by_point(&mut cells);
        }
        let widest = cells.iter().map(|cell| text::width(cell)).max().unwrap_or(0);
        if column == MetricColumn::Trend && !has_trends || column != MetricColumn::Trend && widest == 0 {
            continue;
        }
        let widest = if column == MetricColumn::Trend { TREND } else { widest };
        let width = widest.max(column.title().len());
        if width + GAP > left && column != MetricColumn::Latest {
            break;
        }
        left = left.saturating_sub(width + GAP);
        columns.push(MetricCells { column, cells, width: width.min(room) });
    }
    columns.sort_by_key(|cells| MetricColumn::ALL.iter().position(|column| *column == cells.column));
    columns
}

impl Details {
    /// Puts the metrics of the run in order: those that runs are chosen by come first, then losses and scores, the others, and
    /// what tells of times and of the machine. Each of them by name.
    pub fn order_metrics(&mut self, deciding: &[MetricGoal]) {
        let Some(run) = self.run() else { return };
        let (id, count) = (&run.info.run_id, run.metrics.len());
        let same = |(of, metrics, first): &(RunId, usize, Vec<String>)| {
            of == id && *metrics == count && first.iter().eq(deciding.iter().map(|goal| &goal.metric))
        };
        if self.metrics.of.as_ref().is_some_and(same) {
            return;
        }
        let mut places: Vec<usize> = (0..count).collect();
        places.sort_by_cached_key(|at| {
            let key = &run.metrics[*at].key;
            let first = deciding.iter().position(|goal| goal.metric == *key);
            (first.unwrap_or(usize::MAX), Interest::of(key), *at)
        });
        let first = deciding.iter().map(|goal| goal.metric.clone()).collect();
        self.metrics = MetricOrder { of: Some((id.clone(), count, first)), places };
    }

    /// The metrics of a part of the table, in its order.
    pub fn metrics_in(&self, range: Range<usize>) -> Vec<&Metric> {
        let Some(run) = self.run() else { return Vec::new() };
        let is_known = self.metrics.places.len() == run.metrics.len();
        let place = |at: usize| if is_known { self.metrics.places[at] } else { at };
        let range = range.start.min(run.metrics.len())..range.end.min(run.metrics.len());
        range.filter_map(|at| run.metrics.get(place(at))).collect()
    }

    /// Lines above those of the tab: the titles of a table.
    pub fn titles(&self) -> usize {
        usize::from(self.tab == Tab::Metrics && self.run().is_some_and(|run| !run.metrics.is_empty()))
    }
}

/// The metrics whose histories the table shows, if it is on the screen.
pub fn on_screen(app: &App) -> Vec<&Metric> {
    let details = &app.details;
    let is_seen = app.screens.is_empty() && details.tab == Tab::Metrics && app.geometry().details.is_some();
    let Some(run) = details.run().filter(|_| is_seen) else { return Vec::new() };
    let height = app.geometry().rows(Focus::Details).saturating_sub(details.titles());
    details.metrics_in(details.cursor.window(run.metrics.len(), height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::MetricPoint;

    fn metric(key: &str, value: f64) -> Metric {
        Metric { key: key.into(), value, timestamp: 0, step: 20 }
    }

    fn summary(values: &[f64]) -> Summary {
        let point =
            |(step, value): (usize, &f64)| MetricPoint { step: step as i64, timestamp: 0, value: *value };
        Summary::of(values.iter().enumerate().map(point)).unwrap()
    }

    #[test]
    fn numbers_stand_under_one_another_and_columns_give_way_from_the_right() {
        let (loss, once) = (metric("loss", 0.125), metric("n_params", 1234.5));
        let history = summary(&[12.5, 0.0625, 0.125]);
        let of_one = summary(&[1234.5]);
        let metrics = [(&loss, Some((3, &history))), (&once, Some((1, &of_one)))];
        let told = |room: usize| -> Vec<(&str, Vec<String>)> {
            columns(&metrics, room).into_iter().map(|cells| (cells.column.title(), cells.cells)).collect()
        };
        let all = told(100);
        let titles: Vec<&str> = all.iter().map(|(title, _)| *title).collect();
        assert_eq!(titles, ["latest", "step", "trend", "min", "max", "change", "first", "points"]);
        assert_eq!(all[0].1, ["   0.125", "1234.5  "]);
        assert_eq!((all[3].1[0].trim(), all[4].1[0].trim()), ("0.0625", "12.5"));
        assert_eq!((all[5].1[0].trim(), all[7].1.clone()), ("-12.375", vec!["3".to_owned(), "1".to_owned()]));
        assert_eq!(all[3].1[1].trim(), "", "a single value has no extremes");
        for room in 0..100 {
            let some = told(room);
            assert!(some.iter().all(|cells| all.contains(cells)), "{room}");
            let used: usize = columns(&metrics, room).iter().map(|cells| cells.width + GAP).sum();
            assert!(some.len() == 1 || used <= room, "{room} {used}");
        }
        let titles = |room| told(room).into_iter().map(|(title, _)| title).collect::<Vec<_>>();
        assert_eq!(titles(34), ["latest", "min", "max"], "what a run came to stays, and where it is now");
        // Without histories there is no more than the run tells.
        let bare = columns(&[(&loss, None)], 100);
        assert_eq!(bare.iter().map(|cells| cells.column.title()).collect::<Vec<_>>(), ["latest", "step"]);
    }
}
