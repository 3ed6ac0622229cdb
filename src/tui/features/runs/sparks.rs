//! The sparklines beside runs: the history of the column's metric, for what is on the screen.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::Runs;
use crate::mlflow::filter::same_number;
use crate::mlflow::{MetricPoint, RunId};

/// Points of a sparkline that are asked for: two for each of its cells.
pub const SPARK_POINTS: usize = 24;
/// One run in so many must have a history for the trends to be shown.
const SHARE: usize = 5;
/// Sparklines that are kept, those off the screen among them.
const SPARKS: usize = 500;

#[derive(Debug, Clone, PartialEq)]
pub struct Spark {
    pub points: Vec<MetricPoint>,
    /// The latest value when the history was requested; another one now means that the history is out of date.
    pub latest: Option<f64>,
    pub is_answered: bool,
}

impl Runs {
    /// Whether there is anything to draw, as far as is known: values that were logged once have no trend, and a few that have
    /// one are not worth a column.
    pub fn has_trends(&self) -> bool {
        let answered = self.sparks.values().filter(|spark| spark.is_answered);
        let (all, drawn) = answered
            .fold((0, 0), |(all, drawn), spark| (all + 1, drawn + usize::from(spark.points.len() > 1)));
        all == 0 || drawn * SHARE >= all
    }

    /// Takes in the histories that were asked for last.
    pub fn take_sparks(&mut self, histories: Vec<(RunId, Vec<MetricPoint>)>) {
        for (id, points) in histories {
            if let Some(spark) = self.sparks.get_mut(id.as_str()) {
                spark.points = points;
            }
        }
        self.sparks.values_mut().for_each(|spark| spark.is_answered = true);
    }

    /// The runs on the screen whose sparkline is missing or out of date, together with those that were asked for and
    /// not answered yet: the new request takes the place of the older one.
    pub fn missing_sparks(&mut self, height: usize) -> Option<(String, Vec<RunId>)> {
        let key = self.spark_key.clone()?;
        let column = Arc::clone(self.catalog.metrics.column(&self.catalog.texts, &key)?);
        let mut missing = Vec::new();
        let mut has_new = false;
        for row in self.visible(height).collect::<Vec<_>>() {
            let latest = column.get(row);
            let id = self.catalog.run_id(row);
            let is_current = self.sparks.get(id).is_some_and(|spark| match (spark.latest, latest) {
                (Some(a), Some(b)) => same_number(a, b),
                (a, b) => a.is_none() && b.is_none(),
            });
            let is_waiting = self.sparks.get(id).is_some_and(|spark| !spark.is_answered);
            if is_current && is_waiting {
                missing.push(RunId::from(id));
            } else if !is_current && latest.is_some() {
                has_new = true;
                let points = self.sparks.remove(id).map(|spark| spark.points).unwrap_or_default();
                missing.push(RunId(id.to_owned()));
                self.sparks.insert(id.to_owned(), Spark { points, latest, is_answered: false });
            }
        }
        if self.sparks.len() > SPARKS {
            let on_screen: FxHashSet<&str> =
                self.visible(height).map(|row| self.catalog.run_id(row)).collect();
            let mut sparks = std::mem::take(&mut self.sparks);
            sparks.retain(|id, _| on_screen.contains(id.as_str()));
            self.sparks = sparks;
        }
        if !has_new {
            return None;
        }
        Some((key, missing))
    }
}
