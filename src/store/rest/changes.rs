//! What changed in an experiment: a server tells only when runs started and ended.
//!
//! These times are from the clocks of whoever logged the runs, and this machine has another clock still. So it is asked
//! for what is later than the latest that is known, or than a while before the server's own time; and now and then for
//! much more, for clocks that are late.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use rustc_hash::FxHashSet;
use serde_json::{Value, json};

use super::BULK_IDS;
use super::client::Client;
use super::paging::{PAGE, Sent, page, scan_body};
use super::wire;
use crate::mlflow::filter::{Attribute, Clause, Field, Filter, Query, Test};
use crate::mlflow::{Run, RunId, ViewType};
use crate::store::batch::{RunBatch, whole_runs};
use crate::store::pages::Pages;
use crate::store::{Changes, ErrorKind, Inner, Scan, now_ms};

/// Changes are asked for from this much earlier on than the server's own time, in milliseconds.
const CLOCK_SKEW: i64 = 120_000;
/// The same for a wide look, and how long it is to the next one: at least this, and so many times what it took.
const WIDE: i64 = 3_600_000;
const WIDE_PAUSE: Duration = Duration::from_secs(30);
const WIDE_SHARE: u32 = 50;
/// Runs that are asked for at a time, where each is asked for by itself.
const SIDE_BY_SIDE: usize = 4;
/// So many runs of the same latest time are not asked for again and again.
const CROWD: usize = 100;

/// How far the changes of an experiment were seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServerCursor {
    started: Latest,
    ended: Latest,
    wide_due: Option<Instant>,
}

/// The latest time of a kind that a run has, no later than the server's own; in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Latest {
    time: i64,
    /// Many runs have it.
    is_crowded: bool,
}

impl Latest {
    /// The time to ask from.
    fn since(self, server_now: i64, is_wide: bool) -> i64 {
        let latest = self.time.saturating_add(i64::from(self.is_crowded));
        let before = if is_wide { WIDE } else { CLOCK_SKEW };
        latest.min(server_now.saturating_sub(before)).max(0)
    }

    /// Takes in the times of the runs that came; of clocks that are ahead, no more than the server's time.
    fn note(&mut self, times: impl Iterator<Item = i64>, server_now: i64) {
        let (mut count, before) = (0, self.time);
        for time in times.map(|time| time.min(server_now)) {
            if time > self.time {
                (self.time, count) = (time, 0);
            }
            count += usize::from(time == self.time);
        }
        self.is_crowded = if self.time > before { false } else { self.is_crowded || count > CROWD };
    }
}

impl ServerCursor {
    /// Takes in runs that a server sent. `now` is its time when it was first asked: while it is asked for one page after
    /// the other, runs that it sent already go on and end.
    pub fn note(&mut self, runs: &[Run], now: i64) {
        self.started.note(runs.iter().filter_map(|run| run.info.start_time), now);
        self.ended.note(runs.iter().filter_map(|run| run.info.end_time), now);
    }

    /// Whether it is time for a wide look; the first is a while after the scan.
    fn is_wide_due(&mut self) -> bool {
        *self.wide_due.get_or_insert_with(|| Instant::now() + WIDE_PAUSE) <= Instant::now()
    }
}

/// The server's own time. Where it does not tell, this machine's is an upper bound: too early asks for more than is needed,
/// and too late goes by the runs.
pub fn server_now(client: &Client) -> i64 {
    client.server_time().unwrap_or_else(now_ms)
}

/// Runs that started or ended since, and the watched ones as they are now.
pub async fn changes(
    client: &Client,
    scan: &Scan,
    seen: &mut ServerCursor,
    watched: &[RunId],
) -> Inner<Changes> {
    let mut changes = Changes::default();
    let start = Instant::now();
    let now = server_now(client);
    let is_wide = seen.is_wide_due();
    let mut after = seen.clone();
    for attribute in ["start_time", "end_time"] {
        let since = match attribute {
            "start_time" => seen.started.since(now, is_wide),
            _ => seen.ended.since(now, false),
        };
        let mut noted = after.clone();
        let mut read = read_since(client, scan, attribute, since, &mut noted).await;
        if is_wide && attribute == "start_time" && matches!(read, Err(ErrorKind::TooMuch(_))) {
            // It would be as much after a reload.
            tracing::debug!("a wide look is too much");
            noted = after.clone();
            let since = seen.started.since(now, false);
            read = read_since(client, scan, attribute, since, &mut noted).await;
        }
        match read {
            Ok(batches) => changes.batches.extend(batches),
            // Databricks need not know this filter: runs that end are among those that are watched.
            Err(ErrorKind::Invalid(_)) if attribute == "end_time" && client.is_workspace() => continue,
            // So much is read better from the beginning.
            Err(ErrorKind::TooMuch(_)) => return Ok(Changes { reload: true, ..Changes::default() }),
            Err(error) => return Err(error),
        }
        after = noted;
    }
    if is_wide {
        after.wide_due = Some(Instant::now() + (start.elapsed() * WIDE_SHARE).max(WIDE_PAUSE));
    }
    let found = look_at(client, scan, watched, &mut changes.removed).await?;
    if !found.is_empty() {
        changes.batches.push(whole_runs(&found));
    }
    *seen = after;
    Ok(changes)
}

/// All runs of an experiment that started, or ended, since.
async fn read_since(
    client: &Client,
    scan: &Scan,
    attribute: &str,
    since: i64,
    seen: &mut ServerCursor,
) -> Inner<Vec<RunBatch>> {
    let mut body = scan_body(scan, PAGE, None);
    body["filter"] = json!(format!("attributes.{attribute} >= {since}"));
    let now = server_now(client);
    let mut batches = Vec::new();
    let mut pages = Pages::default();
    loop {
        let Sent { page, weight, .. } = page(client, &body).await?;
        seen.note(&page.runs, now);
        if !page.runs.is_empty() {
            batches.push(whole_runs(&page.runs));
        }
        let Some(token) = pages.next(page.next_page_token, page.runs.len(), weight)? else {
            return Ok(batches);
        };
        body["page_token"] = Value::from(token);
    }
}

/// Runs as they are now; those that are in view no more are among the removed ones.
async fn look_at(
    client: &Client,
    scan: &Scan,
    watched: &[RunId],
    removed: &mut Vec<RunId>,
) -> Inner<Vec<Run>> {
    let mut found: Vec<Run> = Vec::new();
    // What is found in no list is asked for by itself.
    let in_lists = watched.chunk_by(|a, b| Query::lists(&a.0) && Query::lists(&b.0));
    for ids in in_lists.flat_map(|some| some.chunks(BULK_IDS)) {
        let filter = Filter::of(vec![Clause {
            field: Field::Attribute(Attribute::RunId),
            test: Test::In(ids.iter().map(|id| id.0.clone()).collect()),
        }]);
        let mut body = scan_body(scan, ids.len(), None);
        body["run_view_type"] = json!(ViewType::All.as_str());
        body["filter"] = json!(Query::new(&filter).text);
        let runs = match all_of(client, body).await {
            Err(ErrorKind::Invalid(_)) if client.is_workspace() => one_by_one(client, ids).await?,
            runs => runs?,
        };
        if runs.is_empty() {
            // All of them deleted for good is less likely than somebody who answers in MLflow's place.
            client.confirm().await?;
        }
        let is_in_view = |run: &&Run| scan.view.contains(run.info.lifecycle_stage);
        let there: FxHashSet<&str> =
            runs.iter().filter(is_in_view).map(|run| run.info.run_id.as_str()).collect();
        removed.extend(ids.iter().filter(|id| !there.contains(id.as_str())).cloned());
        found.extend(runs.into_iter().filter(|run| is_in_view(&run)));
    }
    Ok(found)
}

/// The few runs that were asked for, where no filter finds them by their ids.
async fn one_by_one(client: &Client, ids: &[RunId]) -> Inner<Vec<Run>> {
    let read = stream::iter(ids.to_vec()).map(|id| async move {
        match client.get("2.0/mlflow/runs/get", &[("run_id", id.as_str())]).await {
            Err(ErrorKind::NotFound(_)) => Ok(None),
            answer => answer?.required("run", wire::run).map(Some),
        }
    });
    read.buffered(SIDE_BY_SIDE).try_filter_map(|run| async move { Ok(run) }).try_collect().await
}

/// The few runs that were asked for, on more than one page where they are too much for one.
async fn all_of(client: &Client, mut body: Value) -> Inner<Vec<Run>> {
    let asked = body["max_results"].as_u64().map_or(0, |asked| asked as usize);
    let mut runs = Vec::new();
    let mut pages = Pages::default();
    loop {
        let Sent { page, weight, .. } = page(client, &body).await?;
        let next = pages.next(page.next_page_token, page.runs.len(), weight)?;
        runs.extend(page.runs);
        match next {
            Some(token) if runs.len() < asked => body["page_token"] = Value::from(token),
            _ => return Ok(runs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;
    const MINUTE: i64 = 60_000;

    fn seen(times: &[i64]) -> Latest {
        let mut latest = Latest::default();
        latest.note(times.iter().copied(), NOW);
        latest
    }

    #[test]
    fn runs_of_late_clocks_are_asked_for_by_their_own_times() {
        assert_eq!(seen(&[]).since(NOW, false), 0, "nothing is known");
        assert_eq!(seen(&[NOW - 30 * MINUTE, NOW - 10 * MINUTE]).since(NOW, false), NOW - 10 * MINUTE);
        assert_eq!(seen(&[NOW - 1]).since(NOW, false), NOW - CLOCK_SKEW, "others may be somewhat late");
        assert_eq!(
            seen(&[NOW - 1]).since(NOW, true),
            NOW - WIDE,
            "now and then, of others that are very late"
        );
    }

    #[test]
    fn a_clock_that_is_ahead_hides_nobody_elses_runs() {
        for ahead in [NOW + 10 * MINUTE, i64::MAX] {
            assert_eq!(seen(&[NOW - MINUTE, ahead]).since(NOW + MINUTE, false), NOW - MINUTE);
        }
        assert_eq!(seen(&[i64::MIN]).since(NOW, false), 0);
    }

    #[test]
    fn runs_of_many_times_are_no_crowd() {
        let mut latest = seen(&[NOW - 10 * MINUTE]);
        latest.note((0..=2 * CROWD as i64).map(|i| NOW - 10 * MINUTE - i), NOW);
        assert_eq!(latest.since(NOW, false), NOW - 10 * MINUTE, "one of them has the latest time");
    }

    #[test]
    fn a_crowd_of_runs_is_not_sent_again_and_again() {
        let mut latest = seen(&[NOW - 10 * MINUTE]);
        latest.note(std::iter::repeat_n(NOW - 10 * MINUTE, CROWD + 1), NOW);
        assert_eq!(latest.since(NOW, false), NOW - 10 * MINUTE + 1);
        latest.note((1..=200).map(|i| NOW - 11 * MINUTE - i), NOW);
        latest.note(std::iter::empty(), NOW);
        assert_eq!(latest.since(NOW, false), NOW - 10 * MINUTE + 1);
        latest.note(std::iter::once(NOW - 5 * MINUTE), NOW);
        assert_eq!(latest.since(NOW, false), NOW - 5 * MINUTE);
    }
}
