//! Single values as tiles: the value, and where the run stands with it among all that are shown.

pub mod view;

use super::Dashboard;
use crate::mlflow::Run;
use crate::select::{Goal, Policy, goal};
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

impl Dashboard {
    /// The single values on the screen.
    pub fn tiles(&self, width: usize, height: usize) -> impl Iterator<Item = &str> + Clone {
        let placed = self.grid(width, height).placed(self.top);
        let charts = placed.into_iter().filter_map(|place| self.charts.get(place.chart?));
        charts.filter(|chart| chart.is_single).map(|chart| chart.metric.key())
    }
}
