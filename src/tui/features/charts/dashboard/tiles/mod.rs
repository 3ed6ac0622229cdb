//! Single values as tiles: the value, and where the run stands with it among all that are shown.

pub mod view;

use super::Dashboard;
use crate::chart::{Band, Mean};
use crate::mlflow::{MetricPoint, Run};
use crate::select::{Goal, Policy, goal};
use crate::text;
use crate::tui::features::charts::histories::Histories;
use crate::tui::features::charts::series::Series;

/// Runs that have a line in a tile.
const MOST: usize = 6;

/// The rows of a tile with so many runs: a title, and the value of one run above its bar, or a line for each.
pub fn rows(runs: usize) -> usize {
    if runs == 1 { 3 } else { 1 + runs.min(MOST) }
}

/// The value of a line of a tile: of its history, or as long as that is not read, as the run tells it.
pub fn value(line: &Series, run: Option<&Run>, histories: &Histories) -> Option<f64> {
    let read = histories.get(&line.which).and_then(|known| known.points.last());
    read.map(|point| point.value).or_else(|| {
        let run = run.filter(|run| run.info.run_id == line.which.run)?;
        let at = run.metrics.binary_search_by(|metric| metric.key.as_str().cmp(&line.which.key)).ok()?;
        Some(run.metrics[at].value)
    })
}

/// What is wanted of a metric, as far as anybody knows.
pub fn goal_of(key: &str, policy: Option<&Policy>) -> Option<Goal> {
    let objectives = policy.map_or(&[][..], |policy| &policy.objectives);
    let known = objectives.iter().find(|objective| objective.metric == key).map(|objective| objective.goal);
    known.or_else(|| goal(key))
}

/// What several runs come to with a single value: the mean of their latest ones, whatever step each has come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupValue {
    pub mean: f64,
    /// The edges of the band, where there are two values at least.
    pub band: Option<(f64, f64)>,
    /// Runs with a finite value.
    pub count: usize,
    /// The runs.
    pub of: usize,
}

impl GroupValue {
    /// How far its runs are apart, and how many of them it is of where that is not all.
    pub fn in_words(&self, band: Band, range: &str) -> String {
        let band = match self.band {
            None => String::new(),
            Some((low, high)) if band == Band::Range => {
                format!("{}{range}{}", text::short_number(low), text::short_number(high))
            }
            Some((_, high)) => format!("±{}", text::short_number(high - self.mean)),
        };
        let of = if self.count < self.of { format!("{} of {}", self.count, self.of) } else { String::new() };
        [band, of].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

impl Dashboard {
    /// What a line comes to that is of several runs.
    pub fn group_value(&self, line: &Series) -> Option<GroupValue> {
        let members = self.members.get(line.run).filter(|members| !members.is_empty())?;
        let catalog = self.arranged.as_ref()?.catalog.as_ref()?;
        let column = catalog.metrics.column(&catalog.texts, &line.which.key)?;
        let latest = members.iter().filter_map(|row| column.get(*row)).filter(|value| value.is_finite());
        let points: Vec<[MetricPoint; 1]> =
            latest.map(|value| [MetricPoint { step: 0, timestamp: 0, value }]).collect();
        let histories: Vec<&[MetricPoint]> = points.iter().map(<[_; 1]>::as_slice).collect();
        let all = Mean::of(&histories);
        let edges =
            all.edges(self.options.band).and_then(|edges| Some((*edges.low.first()?, *edges.high.first()?)));
        let mean = all.points.first().or_else(|| points.first()?.first())?.value;
        Some(GroupValue { mean, band: edges, count: points.len(), of: members.len() })
    }

    /// The single values on the screen.
    pub fn tiles(&self, width: usize, height: usize) -> impl Iterator<Item = &str> + Clone {
        let placed = self.grid(width, height).placed(self.top);
        let charts = placed.into_iter().filter_map(|place| self.charts.get(place.chart?));
        charts.filter(|chart| chart.is_single).map(|chart| chart.metric.key())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::catalog::Builder;
    use crate::mlflow::{LifecycleStage, Metric, RunId, RunInfo, RunStatus};
    use crate::store::batch::whole_runs;
    use crate::tui::core::selected::DrawnRun;
    use crate::tui::features::charts::dashboard::arranged::Arranged;
    use crate::tui::features::charts::metrics::ChartMetric;
    use crate::tui::features::charts::series::series;

    fn run(at: usize, step: i64, value: f64) -> Run {
        Run {
            info: RunInfo {
                run_id: RunId(format!("r{at}")),
                experiment_id: "1".into(),
                run_name: format!("run-{at}"),
                user_id: "ana".into(),
                status: RunStatus::Finished,
                start_time: Some(at as i64),
                end_time: None,
                lifecycle_stage: LifecycleStage::Active,
                artifact_uri: String::new(),
            },
            metrics: vec![Metric { key: "acc".into(), value, timestamp: 0, step }],
            params: Vec::new(),
            tags: Vec::new(),
            inputs: Vec::new(),
            model_outputs: Vec::new(),
        }
    }

    #[test]
    fn a_group_comes_to_the_mean_of_all_its_runs_whatever_step_each_has_come_to() {
        let runs = [run(0, 9, 0.25), run(1, 3, 0.75), run(2, 1, f64::NAN), run(3, 9, 0.9)];
        let mut builder = Builder::default();
        builder.fold_changes(&whole_runs(&runs));
        let catalog = Arc::new(builder.snapshot());
        let is_member = |row: &crate::catalog::Row| catalog.run_id(*row) != "r3";
        let arranged = Arranged {
            run: "r0".into(),
            metrics: 1,
            catalog: Some(Arc::clone(&catalog)),
            selected: 0,
            words: String::new(),
            first: Vec::new(),
            grouping: None,
        };
        let mut dashboard = Dashboard {
            members: vec![catalog.rows().filter(is_member).collect(), Vec::new()],
            arranged: Some(arranged),
            ..Dashboard::default()
        };
        dashboard.options.band = Band::Range;
        let drawn =
            [DrawnRun::new("g".into(), "group".into(), 1), DrawnRun::new("r3".into(), "r3".into(), 2)];
        let lines = series(&ChartMetric::one("acc".into()), &drawn);
        let value = dashboard.group_value(&lines[0]).unwrap();
        assert_eq!((value.mean, value.band, value.count, value.of), (0.5, Some((0.25, 0.75)), 2, 3));
        assert_eq!(value.in_words(Band::Range, "–"), "0.25–0.75 2 of 3");
        dashboard.options.band = Band::Deviation;
        let value = dashboard.group_value(&lines[0]).unwrap();
        assert_eq!(value.in_words(Band::Deviation, "–"), "±0.354 2 of 3");
        assert_eq!(dashboard.group_value(&lines[1]), None, "one run is what it is");
    }
}
