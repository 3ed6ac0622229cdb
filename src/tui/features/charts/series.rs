//! The lines of a chart: a run's history of a metric each, and how each is told from the others.

use super::histories::HistoryKey;
use super::metrics::ChartMetric;
use crate::chart::{Ink, LineLabel};
use crate::tui::core::selected::DrawnRun;
use crate::tui::widgets::theme::{color_number, letter};

/// The colours that lines take turns in.
const COLORS: u8 = 10;

/// A line of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    pub which: HistoryKey,
    /// The places of its run among those that are drawn, and of its metric among the parts of the chart.
    pub run: usize,
    pub part: usize,
    pub ink: Ink,
    pub label: LineLabel,
}

/// The lines of a chart in the order of a legend: run by run, and part by part. A colour is a run's, and a stroke a part's;
/// the parts of a single run have colours too. A run that is drawn only because the cursor is on it, while others are
/// selected, stands behind them.
pub fn series(metric: &ChartMetric, drawn: &[DrawnRun]) -> Vec<Series> {
    let is_overlaid = drawn.len() > 1;
    let has_selected = is_overlaid && drawn.iter().any(|drawn| drawn.slot > 0);
    let mut series = Vec::with_capacity(drawn.len() * metric.parts.len());
    for (run, drawn) in drawn.iter().enumerate() {
        for (number, part) in metric.parts.iter().enumerate() {
            let by = number as u8 % COLORS;
            let line = match color_number(drawn.slot) {
                color if is_overlaid || by == 0 => color,
                0 => by,
                color => (color - 1 + by) % COLORS + 1,
            };
            let is_faint = has_selected && drawn.slot == 0;
            let letters = if is_overlaid { letter(drawn.slot) } else { String::new() };
            let label = LineLabel::of(letters.chars().chain(metric.has_parts().then_some(part.sign)));
            series.push(Series {
                which: HistoryKey { run: drawn.run.clone(), key: part.key.clone() },
                run,
                part: number,
                ink: Ink { line, is_faint, stroke: part.stroke },
                label,
            });
        }
    }
    series
}

/// The places of lines in the order in which they are drawn, the one on top last: those behind first, and the most telling
/// part over the others.
pub fn painted(series: &[Series], on_top: Option<usize>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..series.len()).collect();
    order.sort_by_key(|at| {
        let line = &series[*at];
        (on_top == Some(*at), !line.ink.is_faint, std::cmp::Reverse(line.part))
    });
    order
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::mlflow::RunId;
    use crate::tui::features::charts::metrics::grouped;

    fn drawn(slots: &[u16]) -> Vec<DrawnRun> {
        let run = |slot: &u16| DrawnRun::new(RunId(format!("r{slot}")), String::new(), *slot);
        slots.iter().map(run).collect()
    }

    fn metric(keys: &[&str]) -> ChartMetric {
        grouped(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>()).remove(0)
    }

    #[test]
    fn no_two_lines_of_a_chart_look_the_same() {
        let parts = ["train/loss", "val/loss", "test/loss", "loss"];
        for slots in
            [&[0][..], &[3], &[1, 2, 0], &[1, 2, 3], &[5, 26, 27, 52, 0], &[1, 22, 53, 54, 78, 79, 728, 0]]
        {
            for count in 1..=parts.len() {
                let series = series(&metric(&parts[..count]), &drawn(slots));
                let labels: HashSet<LineLabel> = series.iter().map(|line| line.label).collect();
                assert!(labels.len() == series.len() || series.len() == 1, "{slots:?} {count}");
                let inks: HashSet<_> = series.iter().map(|line| (line.ink.line, line.part)).collect();
                assert_eq!(inks.len(), series.len());
                assert!(series.iter().all(|line| line.label.width() == 0 || series.len() > 1));
            }
        }
    }

    #[test]
    fn the_run_under_the_cursor_stands_behind_those_that_are_selected() {
        let series = series(&metric(&["train/loss", "val/loss"]), &drawn(&[1, 2, 0]));
        let faint: Vec<bool> = series.iter().map(|line| line.ink.is_faint).collect();
        assert_eq!(faint, [false, false, false, false, true, true]);
        let order = painted(&series, None);
        assert!(order[..2].iter().all(|at| *at >= 4), "{order:?}");
        assert!(order[4..].iter().all(|at| series[*at].part == 0), "{order:?}");
        assert_eq!(painted(&series, Some(4)).last(), Some(&4));
        let alone = super::series(&metric(&["loss"]), &drawn(&[0]));
        assert!(!alone[0].ink.is_faint && alone[0].label.width() == 0);
    }
}
