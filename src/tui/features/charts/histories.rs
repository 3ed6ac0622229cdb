//! The metric histories that charts show: each is read once, and then only what is new of it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::derived::{CachedMean, CachedOver};
use crate::chart::passes::passes;
use crate::chart::trace::Trace;
use crate::chart::{Band, ChartLine, Ink, LineLabel, Options, PointCounts, XAxis};
use crate::mlflow::{Metric, MetricPoint, RunId, Summary};
use crate::store::{HistoryCursor, HistoryPart, StoreError, by_step};
use crate::tui::core::remote::{Remote, Ticket};

/// Points that are kept; beyond that, histories that are not shown are let go.
const KEPT: usize = 3_000_000;

/// One metric of one run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HistoryKey {
    pub run: RunId,
    pub key: String,
}

/// What was last heard of a metric: another one now means that there are new points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetricVersion {
    value: u64,
    /// Step and timestamp, where they are known.
    at: Option<(i64, i64)>,
    /// Changes with every write to the store, for a run that goes on.
    writes: u64,
}

impl MetricVersion {
    pub fn of_value(value: f64, writes: u64) -> Self {
        Self { value: value.to_bits(), at: None, writes }
    }

    pub fn of_metric(metric: &Metric, writes: u64) -> Self {
        Self { value: metric.value.to_bits(), at: Some((metric.step, metric.timestamp)), writes }
    }

    /// The same up to what only one of the two knows.
    fn is_same(self, other: Self) -> bool {
        let at = self.at.zip(other.at).is_none_or(|(a, b)| a == b);
        self.value == other.value && self.writes == other.writes && at
    }
}

/// A history to be read, from where the last reading ended.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRequest {
    pub of: HistoryKey,
    pub cursor: HistoryCursor,
    /// Of this request; the answer to an older one is dropped.
    pub ticket: Ticket,
}

#[derive(Debug, Default)]
pub struct CachedHistory {
    pub points: Vec<MetricPoint>,
    /// The same in parts, where training went over steps again.
    pub passes: Vec<Vec<MetricPoint>>,
    cursor: HistoryCursor,
    /// What it was asked for at last.
    version_asked: Option<MetricVersion>,
    /// Writes to the store that had been seen then.
    writes_asked: u64,
    /// What came of it is in `points`.
    pub fetched: Remote<()>,
    /// What the points that can be drawn come to.
    pub summary: Option<Summary>,
    /// Another one whenever the points are others; and whenever anything is that is drawn.
    pub version: u64,
    pub drawn: u64,
    /// What is around its points, where it is the mean of several runs.
    pub mean: Option<CachedMean>,
    /// Its points over another metric, where that is the x axis.
    pub over: Option<CachedOver>,
}

#[derive(Debug, Default)]
pub struct Histories {
    known: FxHashMap<HistoryKey, CachedHistory>,
    /// What was wanted last.
    shown: FxHashSet<HistoryKey>,
    points: usize,
    /// Gives versions.
    count: u64,
}

impl Histories {
    /// The x axis is another one.
    pub fn forget_over(&mut self) {
        self.known.values_mut().for_each(|known| known.over = None);
    }

    pub fn get(&self, which: &HistoryKey) -> Option<&CachedHistory> {
        self.known.get(which)
    }

    /// What is known of a metric of a run.
    pub fn of(&self, run: &RunId, key: &str) -> Option<&CachedHistory> {
        let which = HistoryKey { run: run.clone(), key: key.to_owned() };
        self.known.get(&which).filter(|known| known.is_known())
    }

    /// Another number whenever anything was read.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// A number that no version had before.
    pub(super) fn next_version(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// What is kept of a line that no store knows.
    pub(super) fn line_of_several(&mut self, which: &HistoryKey) -> &mut CachedHistory {
        self.known.entry(which.clone()).or_default()
    }

    /// Whether an answer is due for any of these.
    pub fn is_waiting<'a>(&self, mut which: impl Iterator<Item = &'a HistoryKey>) -> bool {
        which.any(|which| {
            self.known.get(which).is_none_or(|known| known.fetched.is_waiting() && !known.is_known())
        })
    }

    /// What is to be read so that these are up to date, those among it that are on their way: the new request takes
    /// the place of the one before. Nothing where nothing has to be asked anew.
    ///
    /// What comes on the screen again is asked for where somebody wrote meanwhile (`writes` counts that): a lower step that is
    /// logged late leaves the latest value as it was.
    pub fn want(
        &mut self,
        shown: &[(HistoryKey, MetricVersion)],
        writes: u64,
    ) -> Option<Vec<HistoryRequest>> {
        let mut wants = Vec::new();
        let mut is_new = false;
        for (which, heard) in shown {
            let known = self.known.entry(which.clone()).or_default();
            let is_outdated = known.writes_asked != writes && !self.shown.contains(which);
            let is_asked = known.version_asked.is_some_and(|asked| asked.is_same(*heard)) && !is_outdated;
            if is_asked && !known.fetched.is_waiting() {
                continue;
            }
            is_new |= !is_asked;
            known.version_asked = Some(*heard);
            known.writes_asked = writes;
            wants.push(which.clone());
        }
        if self.shown.len() != shown.len() || shown.iter().any(|(which, _)| !self.shown.contains(which)) {
            self.shown = shown.iter().map(|(which, _)| which.clone()).collect();
        }
        if !is_new {
            return None;
        }
        let shown: FxHashSet<&HistoryKey> = shown.iter().map(|(which, _)| which).collect();
        for (which, known) in &mut self.known {
            // Nobody answers these any more.
            if known.fetched.is_waiting() && !shown.contains(which) {
                known.cancel();
            }
        }
        if self.points > KEPT {
            self.known.retain(|which, _| shown.contains(which));
            self.points = self.known.values().map(|known| known.points.len()).sum();
        }
        let wants = wants.into_iter().filter_map(|of| {
            let known = self.known.get_mut(&of)?;
            let (cursor, ticket) = (known.cursor.clone(), known.fetched.ask());
            Some(HistoryRequest { of, cursor, ticket })
        });
        Some(wants.collect())
    }

    /// Takes an answer.
    pub fn take(&mut self, request: &HistoryRequest, answer: Result<HistoryPart, StoreError>, now: i64) {
        let Some(known) = self.known.get_mut(&request.of) else { return };
        let (part, outcome) = match answer {
            Ok(part) => (Some(part), Ok(())),
            Err(error) => (None, Err(error)),
        };
        if !known.fetched.take(request.ticket, outcome, now) {
            return;
        }
        let Some(part) = part else { return };
        self.count += 1;
        known.cursor = part.cursor;
        self.points -= known.points.len();
        if part.replaces {
            known.points = part.points;
        } else if !part.points.is_empty() {
            known.add(part.points);
        }
        (known.version, known.drawn) = (self.count, self.count);
        known.passes = passes(&known.points);
        let finite = known.points.iter().copied().filter(|point| !point.value.is_infinite());
        known.summary = Summary::of(finite).filter(|summary| !summary.min.0.is_nan());
        self.points += known.points.len();
    }

    /// Asks again for what could not be read, now that the store answers.
    pub fn retry(&mut self) {
        let failed =
            |known: &&mut CachedHistory| known.fetched.error().is_some() || known.fetched.is_waiting();
        self.known.values_mut().filter(failed).for_each(CachedHistory::cancel);
    }

    /// Forgets everything: the store is another one.
    pub fn clear(&mut self) {
        self.known.clear();
        self.points = 0;
    }
}

impl CachedHistory {
    /// Whether anything was ever answered.
    pub fn is_known(&self) -> bool {
        self.fetched.value().is_some()
    }

    /// Whether there are several points, and all at one step.
    pub fn is_at_one_step(&self) -> bool {
        let ends = self.points.first().zip(self.points.last());
        self.points.len() > 1 && ends.is_some_and(|(first, last)| first.step == last.step)
    }

    /// As it is drawn.
    pub fn line(&self, ink: Ink, label: LineLabel, band: Band) -> ChartLine<'_> {
        let mean = self.mean.as_ref().map(|cached| &cached.mean);
        ChartLine {
            points: &self.points,
            passes: &self.passes,
            over: self.over.as_ref().map(|cached| &cached.over),
            edges: mean.and_then(|mean| mean.edges(band)),
            lost: mean.map_or(PointCounts::default(), |mean| mean.lost),
            ink,
            label,
        }
    }

    /// What is drawn of it on such axes.
    pub fn traces(&self, options: &Options) -> Vec<Trace<'_>> {
        self.line(Ink::default(), LineLabel::default(), options.band).traces(options.scales())
    }

    /// What is drawn of it that holds at an x of the axis: of several passes the last that begins before it, and over another
    /// metric the last stretch that is there.
    pub fn trace_at(&self, x: f64, options: &Options) -> Option<Trace<'_>> {
        let holds = |trace: &Trace<'_>| {
            let extent = trace.x_extent();
            extent.is_some_and(|(first, last)| first <= x && (options.x != XAxis::Metric || x <= last))
        };
        let mut traces = self.traces(options);
        let at = traces.iter().rposition(holds).or(traces.len().checked_sub(1))?;
        Some(traces.swap_remove(at))
    }

    /// The last point at or before an x of the axis.
    pub fn point_at(&self, x: f64, options: &Options) -> Option<MetricPoint> {
        let trace = self.trace_at(x, options)?;
        trace.at(x).map(|at| trace.point(at))
    }

    /// Of how many runs the mean at a step is.
    pub fn count_at(&self, step: i64) -> Option<usize> {
        let mean = self.mean.as_ref()?;
        let at = self.points.binary_search_by_key(&step, |point| point.step).ok()?;
        mean.mean.counts.get(at).copied()
    }

    /// Whether there is nothing of it on an axis of another metric, which is known.
    pub fn is_apart(&self) -> bool {
        self.over.as_ref().is_some_and(|cached| cached.over.stretches.is_empty())
    }

    /// Nobody answers it any more: it is to be asked for again.
    fn cancel(&mut self) {
        self.fetched.cancel();
        self.version_asked = None;
    }

    /// Adds points, each in its place; one that is there already stays one.
    fn add(&mut self, points: Vec<MetricPoint>) {
        let goes_on = self.points.last().zip(points.first()).is_none_or(|(a, b)| by_step(a, b).is_lt());
        self.points.extend(points);
        if !goes_on {
            self.points.sort_by(by_step);
            self.points.dedup_by(|a, b| by_step(a, b).is_eq());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(step: i64) -> MetricPoint {
        MetricPoint { step, timestamp: step, value: step as f64 }
    }

    #[expect(clippy::unnecessary_wraps, reason = "an answer is a result")]
    fn part(steps: &[i64], replaces: bool, rowid: i64) -> Result<HistoryPart, StoreError> {
        let cursor = HistoryCursor::new(rowid);
        Ok(HistoryPart { points: steps.iter().map(|step| point(*step)).collect(), replaces, cursor })
    }

    #[test]
    fn a_history_is_asked_for_once_and_then_for_what_is_new() {
        let mut histories = Histories::default();
        let which = HistoryKey { run: RunId::from("r"), key: "loss".into() };
        let steps = |histories: &Histories| {
            histories.get(&which).unwrap().points.iter().map(|point| point.step).collect::<Vec<_>>()
        };
        let heard = |value: f64| vec![(which.clone(), MetricVersion::of_value(value, 0))];
        let first = histories.want(&heard(1.0), 0).unwrap().remove(0);
        assert_eq!(first.cursor, HistoryCursor::START);
        assert!(histories.want(&heard(1.0), 0).is_none(), "it is on its way");
        assert!(histories.is_waiting([&which].into_iter()));
        histories.take(&first, part(&[0, 1], true, 7), 0);
        assert!(histories.want(&heard(1.0), 0).is_none(), "nothing is new");
        let second = histories.want(&heard(2.0), 0).unwrap().remove(0);
        assert_eq!(second.cursor, HistoryCursor::new(7_i64));
        histories.take(&first, part(&[9], false, 9), 0);
        assert_eq!(steps(&histories), [0, 1], "an answer that comes late is dropped");
        histories.take(&second, part(&[1, 2], false, 9), 0);
        assert_eq!(steps(&histories), [0, 1, 2]);
        // What goes out of sight unanswered is asked for again.
        let third = histories.want(&heard(3.0), 0).unwrap().remove(0);
        let other =
            vec![(HistoryKey { run: RunId::from("s"), key: "loss".into() }, MetricVersion::default())];
        assert_eq!(histories.want(&other, 0).unwrap().len(), 1);
        histories.take(&third, part(&[3], false, 11), 0);
        assert_eq!(steps(&histories), [0, 1, 2]);
        assert_eq!(histories.want(&heard(3.0), 0).unwrap()[0].cursor, HistoryCursor::new(9_i64));
    }

    #[test]
    fn what_comes_on_the_screen_again_is_looked_at_where_somebody_wrote() {
        let mut histories = Histories::default();
        let of = |run: &str| {
            let which = HistoryKey { run: RunId::from(run), key: "loss".into() };
            vec![(which, MetricVersion::of_value(1.0, 0))]
        };
        let first = histories.want(&of("r"), 4).unwrap().remove(0);
        histories.take(&first, part(&[2, 5], true, 7), 0);
        assert!(histories.want(&of("r"), 5).is_none(), "it is on the screen, and its run has ended");
        let other = histories.want(&of("s"), 5).unwrap().remove(0);
        histories.take(&other, part(&[1], true, 7), 0);
        // A lower step came late.
        let again = histories.want(&of("r"), 5).unwrap().remove(0);
        assert_eq!(again.cursor, HistoryCursor::new(7_i64), "only what is new is read");
        histories.take(&again, part(&[3], false, 8), 0);
        let steps = histories.get(&again.of).unwrap().points.iter().map(|point| point.step);
        assert_eq!(steps.collect::<Vec<_>>(), [2, 3, 5]);
        assert!(histories.want(&of("s"), 5).is_none(), "nobody wrote since");
    }
}
