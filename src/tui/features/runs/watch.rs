//! The task that reads an experiment and keeps it current: the runs by polling, the histories that columns need in
//! between.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::Msg;
use crate::catalog::summaries::NeededHistory;
use crate::catalog::sync::Sync;
use crate::mlflow::RunId;
use crate::store::{Backoff, Capabilities, Result};
use crate::tui::core::msg::Msg as Any;
use crate::tui::core::remote::Ticket;

/// Runs that a poll of a server looks at anew besides the selected one: those that go on, and the finished ones on
/// the screen, of which a server tells no change. Each costs it more than a millisecond and some kilobytes.
const ACTIVE: usize = 7;
const OTHERS: usize = 3;
/// The first pause after a failure, and the longest.
pub const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// How long an answer may take before it is said that there is none.
pub const SILENCE: Duration = Duration::from_secs(5);

/// The runs that polls look at anew, and the histories that columns need.
#[derive(Debug, Default)]
pub struct Attended {
    /// The run under the cursor.
    pub under_cursor: Option<RunId>,
    pub active: Vec<RunId>,
    pub others: Vec<RunId>,
    pub wanted: Vec<NeededHistory>,
    /// Whether columns need the data sets of runs.
    pub data_sets: bool,
}

impl Attended {
    /// The selected run, and some of the active and of the others: each in its turn. Others take the room that active
    /// runs leave.
    fn in_round(&self, round: usize, is_limited: bool) -> Vec<RunId> {
        let turn = |runs: &[RunId], count: usize| -> Vec<RunId> {
            let count = count.min(runs.len());
            let start = (round * count) % runs.len().max(1);
            runs.iter().cycle().skip(start).take(count).cloned().collect()
        };
        let active = turn(&self.active, if is_limited { ACTIVE } else { usize::MAX });
        let room = (ACTIVE + OTHERS).saturating_sub(active.len());
        let others = turn(&self.others, if is_limited { room } else { usize::MAX });
        let mut runs: Vec<RunId> = self.under_cursor.iter().cloned().collect();
        runs.extend(active.into_iter().chain(others).filter(|run| Some(run) != self.under_cursor.as_ref()));
        runs
    }
}

#[derive(Debug)]
pub enum WatchCommand {
    Refresh,
    Pause(bool),
    PollEvery(Duration),
    /// Other histories are wanted, or for other runs first.
    Attend,
}

#[derive(Debug)]
pub struct Watch {
    pub sync: Sync,
    pub ticket: Ticket,
    pub sender: UnboundedSender<Any>,
    pub attended: Arc<Mutex<Attended>>,
    pub commands: UnboundedReceiver<WatchCommand>,
    pub interval: Duration,
    pub capabilities: Capabilities,
    pub paused: bool,
    /// Polls so far.
    pub round: usize,
    /// It was said that no answer comes.
    pub silent: bool,
    /// The next poll was requested: it looks at everything on the screen.
    pub on_demand: bool,
}

impl Watch {
    pub async fn run(mut self) {
        let mut loaded = false;
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        loop {
            let asked = Instant::now();
            let result = if loaded { self.poll().await } else { self.load().await };
            let pause = match result {
                Ok(touched) => {
                    // A store that tells all changes is looked at so often that an uneventful look is not worth a frame.
                    let was_away = backoff.succeed() | std::mem::take(&mut self.silent);
                    let is_news = was_away || touched || !self.capabilities.change_feed;
                    // How long reading everything takes says nothing about a poll.
                    let took = if loaded { asked.elapsed().as_millis() as u64 } else { 0 };
                    loaded = true;
                    if is_news {
                        let _ = self.sender.send(Msg::Polled { ticket: self.ticket, touched, took }.into());
                    }
                    self.interval
                }
                Err(error) => {
                    let pause = backoff.pause();
                    let retry_ms = pause.as_millis() as u64;
                    let _ = self.sender.send(Msg::PollFailed { ticket: self.ticket, error, retry_ms }.into());
                    pause
                }
            };
            if !self.wait(pause, loaded && !backoff.is_failing()).await {
                return;
            }
        }
    }

    async fn load(&mut self) -> Result<bool> {
        let (sender, ticket) = (self.sender.clone(), self.ticket);
        self.sync
            .load(|snapshot| drop(sender.send(Msg::Snapshot { ticket, snapshot }.into())))
            .await
            .map(|()| true)
    }

    async fn poll(&mut self) -> Result<bool> {
        let (sender, ticket) = (self.sender.clone(), self.ticket);
        let attended = {
            let attended = self.attended.lock().unwrap_or_else(PoisonError::into_inner);
            let everyone = self.capabilities.cheap_reads || self.on_demand;
            attended.in_round(self.round, !everyone)
        };
        self.on_demand = false;
        self.round += 1;
        let changes = {
            let mut answer = pin!(self.sync.changes(&attended));
            tokio::select! {
                answer = &mut answer => answer,
                () = tokio::time::sleep(SILENCE) => {
                    self.silent = true;
                    let _ = sender.send(Msg::Unanswered { ticket }.into());
                    answer.await
                }
            }
        };
        self.sync
            .take(changes?, |snapshot| drop(sender.send(Msg::Snapshot { ticket, snapshot }.into())))
            .await
    }

    /// Waits for the time or for a command to poll, and reads histories meanwhile; false when the program is gone.
    async fn wait(&mut self, pause: Duration, fills: bool) -> bool {
        let start = tokio::time::Instant::now();
        let mut pause = pause;
        let mut fills = fills;
        loop {
            let end = start + pause;
            let first = {
                let attended = self.attended.lock().unwrap_or_else(PoisonError::into_inner);
                self.sync.want(attended.wanted.clone(), attended.data_sets);
                [attended.active.as_slice(), attended.others.as_slice()].concat()
            };
            let (sender, ticket) = (self.sender.clone(), self.ticket);
            let publish = |snapshot| drop(sender.send(Msg::Snapshot { ticket, snapshot }.into()));
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(WatchCommand::Refresh) => {
                        self.on_demand = true;
                        return true;
                    }
                    Some(WatchCommand::Pause(paused)) => self.paused = paused,
                    Some(WatchCommand::PollEvery(interval)) => {
                        self.interval = interval;
                        pause = pause.min(interval);
                    }
                    // After a failure, the next poll tells whether it is over.
                    Some(WatchCommand::Attend) => {}
                    None => return false,
                },
                () = tokio::time::sleep_until(end), if !self.paused => return true,
                filled = self.sync.fill(&first, publish), if fills && !self.paused => {
                    // What could not be read is asked for again after the next poll.
                    fills = filled.unwrap_or_else(|error| {
                        tracing::warn!(%error);
                        false
                    });
                    continue;
                }
            }
            fills = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_on_the_screen_has_its_turn() {
        let ids = |names: std::ops::Range<usize>| names.map(|i| RunId(i.to_string())).collect::<Vec<_>>();
        let mut attended = Attended { active: ids(100..102), others: ids(0..25), ..Attended::default() };
        let all = |attended: &Attended, rounds: usize| {
            let mut seen: Vec<RunId> = (0..rounds).flat_map(|round| attended.in_round(round, true)).collect();
            seen.sort();
            seen.dedup();
            seen.len()
        };
        assert_eq!(all(&attended, 4), 27);
        assert_eq!(attended.in_round(7, true).len(), 10);
        assert_eq!(attended.in_round(1, false).len(), 27);
        assert!(Attended::default().in_round(3, true).is_empty());
        attended.active = ids(100..160);
        attended.under_cursor = Some(RunId("0".into()));
        assert_eq!(all(&attended, 9), 85);
        assert!((0..9).all(|round| attended.in_round(round, true)[0].as_str() == "0"));
        assert!((0..9).all(|round| attended.in_round(round, true).len() <= 11));
    }
}
