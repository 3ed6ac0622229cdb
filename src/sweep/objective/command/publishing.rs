//! What a command prints, on its way to the store while it goes on: a run for a script that makes none, and its points in batches.
//! Nothing waits for it. What is not there when the attempt ends, whoever tells the store of its end brings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::printed::Printed;
use crate::mlflow::{RunId, RunStatus};
use crate::store::{Backoff, Result, StoreError, now_ms};
use crate::sweep::engine::attempts::TrialFolder;
use crate::sweep::engine::points::Point;
use crate::sweep::engine::record::{PrintingAttempt, ScriptRuns, is_transient};

/// How long a script that prints has to make a run of its own, and the pause between batches.
const PACE: Duration = Duration::from_secs(1);
/// Requests a second, of all trials together.
const REQUESTS: f64 = 10.0;
/// Points that are sent at once; a server takes a thousand in one request.
const BATCH: usize = 5_000;
/// The longest pause before a store that is away is tried again.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a request that may make a run is waited for when the attempt has ended, and how long the last batches are.
const LAST: Duration = Duration::from_secs(20);

/// Whose run it is that the points go to.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    /// Nobody has looked yet.
    Unknown,
    /// The program's.
    Own(RunId),
    /// The script has its own, or nobody can do anything: what is lacking is added in the end.
    None,
}

/// A request, and what came of it: where the points go, and how many are there by now.
type Sent = Result<(Place, usize)>;

/// Brings what an attempt prints to the store.
pub struct Publisher {
    runs: Arc<ScriptRuns>,
    handle: Handle,
    folder: TrialFolder,
    of: PrintingAttempt,
    place: Place,
    /// Points that the store has.
    sent: usize,
    request: Option<JoinHandle<Sent>>,
    /// When the next request may be; none before anything was printed.
    next: Option<Instant>,
    pace: Duration,
    backoff: Backoff,
}

impl Publisher {
    /// For an attempt, with so many trials side by side.
    pub fn new(
        runs: Arc<ScriptRuns>,
        handle: Handle,
        folder: TrialFolder,
        of: PrintingAttempt,
        jobs: usize,
    ) -> Self {
        let sent = folder.sent_points(of.attempt);
        Self {
            runs,
            handle,
            folder,
            of,
            place: Place::Unknown,
            sent,
            request: None,
            next: None,
            pace: PACE.max(Duration::from_secs_f64(jobs as f64 / REQUESTS)),
            backoff: Backoff::new(PACE, PATIENCE),
        }
    }

    /// Sends what is new, when it is time. Waits for nothing.
    pub fn look(&mut self, printed: &Printed) {
        if let Some(request) = self.request.take_if(|request| request.is_finished()) {
            self.take(request);
        }
        let new = printed.points_from(self.sent);
        if new.is_empty() || self.request.is_some() || self.place == Place::None {
            return;
        }
        let now = Instant::now();
        let next = *self.next.get_or_insert(now + self.pace);
        if now >= next {
            self.request = Some(self.send(new));
        }
    }

    fn send(&self, new: &[Point]) -> JoinHandle<Sent> {
        let batch = new[..new.len().min(BATCH)].to_vec();
        let (runs, of) = (Arc::clone(&self.runs), self.of.clone());
        let (place, sent) = (self.place.clone(), self.sent);
        self.handle.spawn(async move {
            let run = match place {
                Place::Own(run) => Some(run),
                Place::Unknown | Place::None => runs.printing_run(&of).await?,
            };
            let Some(run) = run else { return Ok((Place::None, sent)) };
            runs.add_printed(&run, &batch).await?;
            Ok((Place::Own(run), sent + batch.len()))
        })
    }

    /// Takes what a request came to.
    fn take(&mut self, request: JoinHandle<Sent>) {
        // One that broke down was the last.
        let answer = self.handle.block_on(request).unwrap_or(Ok((Place::None, self.sent)));
        self.answered(answer);
    }

    fn answered(&mut self, answer: Sent) {
        match answer {
            Ok((place, sent)) => {
                (self.place, self.sent) = (place, sent);
                self.backoff.succeed();
                self.next = Some(Instant::now() + self.pace);
                if let Err(error) = self.folder.set_sent_points(self.of.attempt, sent) {
                    // They are sent once more, which comes to the same.
                    tracing::debug!(%error, "it is not noted what the store has of a trial");
                }
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&mut self, error: &StoreError) {
        // The recorder says that it is away, or what it refuses.
        tracing::debug!(%error, "points of a trial are not sent");
        if is_transient(&error.kind) {
            self.next = Some(Instant::now() + self.backoff.pause().max(self.pace));
        } else {
            self.place = Place::None;
        }
    }

    /// The attempt has ended: waits for a request that may make a run, so that whoever looks for one finds it.
    pub fn finish(&mut self) {
        let Some(mut request) = self.request.take() else { return };
        if matches!(self.place, Place::Own(_)) {
            // Its points may be sent once more, which comes to the same.
            return;
        }
        let answer = self.handle.block_on(async { tokio::time::timeout(LAST, &mut request).await });
        match answer {
            Ok(answer) => self.answered(answer.unwrap_or(Ok((Place::None, self.sent)))),
            Err(_) => request.abort(),
        }
    }

    /// The same, where another attempt follows: its run is closed with the rest of its points. What cannot be done now is done
    /// when the trial ends.
    pub fn close(&mut self, printed: &Printed, status: RunStatus, why: &str) {
        self.finish();
        let Place::Own(run) = &self.place else { return };
        // The next attempt does not wait for a store that is away.
        if self.backoff.is_failing() {
            return;
        }
        let rest = printed.points_from(self.sent);
        let closing = async {
            for batch in rest.chunks(BATCH) {
                self.runs.add_printed(run, batch).await?;
            }
            self.runs.close_printing(run, status, why, now_ms()).await
        };
        let closed = self.handle.block_on(async { tokio::time::timeout(LAST, closing).await });
        if let Ok(Err(error)) = closed {
            tracing::debug!(%error, "the run of an attempt is closed later");
        }
    }
}
