//! What is made of the histories that were read: the mean of several runs, and histories over another metric.

use super::histories::{CachedHistory, Histories, HistoryKey};
use crate::chart::{Mean, Over};
use crate::mlflow::{MetricPoint, RunId, Summary};

/// The mean of several runs, and the versions of the histories that it is of.
#[derive(Debug)]
pub struct CachedMean {
    versions: Vec<u64>,
    /// Runs whose histories could not be read.
    pub failed: usize,
    /// Without its points: these are the history's.
    pub mean: Mean,
}

/// A history over another metric, and the versions of both.
#[derive(Debug)]
pub struct CachedOver {
    key: String,
    versions: (u64, u64),
    pub over: Over,
}

/// The histories that a line is made of.
pub fn sources(which: &HistoryKey, members: &[RunId], x: Option<&str>) -> Vec<HistoryKey> {
    let keys = [Some(which.key.as_str()), x.filter(|x| *x != which.key)];
    let of = |run: &RunId| {
        let keys = keys.into_iter().flatten();
        keys.map(|key| HistoryKey { run: run.clone(), key: key.to_owned() }).collect::<Vec<_>>()
    };
    if members.is_empty() { of(&which.run) } else { members.iter().flat_map(of).collect() }
}

impl Histories {
    /// Makes what is drawn of a line, as far as what it is made of is known: of several runs their mean, and what stands over
    /// another metric.
    pub fn derive(&mut self, which: &HistoryKey, members: &[RunId], x: Option<&str>, now: i64) {
        if !members.is_empty() {
            self.average(which, members, now);
        }
        let Some(x) = x else { return };
        let other = HistoryKey { run: which.run.clone(), key: x.to_owned() };
        if !members.is_empty() {
            self.average(&other, members, now);
        }
        self.put_over(which, &other);
    }

    fn average(&mut self, which: &HistoryKey, members: &[RunId], now: i64) {
        let of = |run: &RunId| self.get(&HistoryKey { run: run.clone(), key: which.key.clone() });
        let known: Vec<&CachedHistory> = members.iter().filter_map(of).collect();
        let is_answered = |known: &&CachedHistory| known.is_known() || known.fetched.error().is_some();
        if known.len() < members.len() || !known.iter().all(is_answered) {
            return;
        }
        let versions: Vec<u64> = known.iter().map(|known| known.version).collect();
        if self.get(which).and_then(|line| line.mean.as_ref()).is_some_and(|mean| mean.versions == versions) {
            return;
        }
        let points: Vec<&[MetricPoint]> = known.iter().map(|known| known.points.as_slice()).collect();
        let mut mean = Mean::of(&points);
        let unread = |known: &&&CachedHistory| !known.is_known() && known.fetched.error().is_some();
        let unread = known.iter().filter(unread).count();
        let failed = known.iter().find_map(|known| known.fetched.error()).cloned();
        let version = self.next_version();
        let line = self.line_of_several(which);
        line.points = std::mem::take(&mut mean.points);
        line.summary = Summary::of(line.points.iter().copied());
        (line.version, line.drawn) = (version, version);
        let ticket = line.fetched.ask();
        line.fetched.take(ticket, Ok(()), now);
        if let Some(error) = failed.filter(|_| line.points.is_empty()) {
            line.fetched.fail(error);
        }
        line.mean = Some(CachedMean { versions, failed: unread, mean });
    }

    fn put_over(&mut self, which: &HistoryKey, other: &HistoryKey) {
        let (Some(line), Some(x)) = (self.get(which), self.get(other)) else { return };
        let is_over = x.is_known() || x.fetched.error().is_some();
        if !line.is_known() || !is_over {
            return;
        }
        let versions = (line.version, x.version);
        let is_made = |known: &CachedOver| known.key == other.key && known.versions == versions;
        if line.over.as_ref().is_some_and(is_made) {
            return;
        }
        let over = Over::new(&line.points, &line.passes, &x.points);
        let drawn = self.next_version();
        let line = self.line_of_several(which);
        line.over = Some(CachedOver { key: other.key.clone(), versions, over });
        line.drawn = drawn;
    }
}
