//! Any command: a trial is a process that is given params on its command line and in its environment, and whose metric is
//! read from the run that it logs, or from what it prints.

mod environment;
mod first;
mod gpus;
#[cfg(unix)]
mod guard;
mod guarded;
mod here;
mod judging;
#[cfg(unix)]
mod leftovers;
mod live;
mod log;
mod param;
mod plan;
mod printed;
#[cfg(unix)]
mod processes;
mod template;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use regex::Regex;
use tokio::runtime::Handle;

use self::first::{First, Turn};
use self::gpus::Gpus;
use self::here::Here;
use self::judging::last_lines;
use self::live::Live;
use self::printed::{Printed, Reader};
use self::template::Template;
use super::launch::{AssignedWork, Assignment, Foreknown, Launched, Launcher, end_launched};
use super::{Objective, TrialFault};
use crate::mlflow::{Run, RunId};
use crate::store::now_ms;
use crate::sweep::engine::attempts::{Attempt, AttemptEnd};
use crate::sweep::engine::journal::SweepFolder;
use crate::sweep::engine::pruner::Pruner;
use crate::sweep::engine::record::{ScriptRuns, WatchedMetric, is_transient, run_of_attempt};
use crate::sweep::engine::trial::{Measured, Trial, TrialEnd, TrialReport, TrialWatch, Verdict};
use crate::sweep::header::SweepHeader;

#[cfg(unix)]
pub use guard::guard;
pub use guarded::{GUARD, Guarded, Start};
pub use here::begin_log;
#[cfg(unix)]
pub use leftovers::{MARK, end_leftovers};
pub use log::CommandLog;
pub use param::{dimensions, written};
pub use plan::{CommandPlan, CommandRequest, GRACE};

/// Between looks at what a command says, and whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);
/// Between looks whether the first command has opened the store, and how long the others wait for that.
const LOOK_AHEAD: Duration = Duration::from_millis(500);
const AHEAD: Duration = Duration::from_secs(30);
/// What the address of a database file begins with.
const FILE: &str = "sqlite:";
/// Between looks at a store that is away.
const BREATH: Duration = Duration::from_millis(500);
/// Jobs of one trial that may be lost one after the other.
const MOST_LOST: u32 = 20;
/// How long a guard may take behind the grace.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where a script logs to, as its environment tells it.
#[derive(Debug, Clone, Default)]
pub struct ScriptAccess {
    /// What is set. Some of it is secret.
    pub variables: Vec<(String, String)>,
    /// What must not be there.
    pub removed: Vec<String>,
}

/// Trials that are runs of a command.
pub struct Commands {
    plan: CommandPlan,
    metric: String,
    /// Whether trials are pruned, and so the store is asked for their metric on the way.
    prunes: bool,
    jobs: usize,
    template: Template,
    patterns: Vec<Regex>,
    folder: SweepFolder,
    sweep: String,
    experiment: String,
    working_folder: PathBuf,
    access: ScriptAccess,
    runs: Arc<ScriptRuns>,
    /// Where the store is asked.
    handle: Handle,
    gpus: Gpus,
    first: First,
    launcher: Arc<dyn Launcher>,
    foreknown: Foreknown,
}

/// How an attempt came out for the sweep.
enum Came {
    /// To its end.
    Ended(AttemptEnd),
    /// It took too long.
    TimedOut,
    /// It has no hope.
    Pruned,
    /// It is not wanted any more.
    CalledOff,
}

impl Commands {
    /// The command of a sweep, whose scripts reach the store as told; within a runtime.
    ///
    /// # Errors
    /// What is wrong with the plan.
    pub fn new(
        header: &SweepHeader,
        plan: &CommandPlan,
        folder: SweepFolder,
        access: ScriptAccess,
        runs: Arc<ScriptRuns>,
    ) -> Result<Self, String> {
        Ok(Self {
            template: plan.template(&header.plan.rules)?,
            patterns: plan.regexes()?,
            metric: header.plan.metric(),
            prunes: header.plan.rules.pruner != Pruner::None,
            jobs: header.plan.rules.jobs,
            gpus: Gpus::new(&plan.gpus, plan.gpus_per_trial.min(plan.gpus.len())),
            first: First::new(header.store.starts_with(FILE)),
            plan: plan.clone(),
            folder,
            sweep: header.id.clone(),
            experiment: header.experiment.as_str().to_owned(),
            working_folder: header.folder.clone(),
            launcher: Arc::new(Here { removed: access.astray() }),
            foreknown: Foreknown::new(&header.plan.rules),
            access,
            runs,
            handle: Handle::current(),
        })
    }

    /// The same, carried out by somebody else.
    pub fn by(self, launcher: Arc<dyn Launcher>) -> Self {
        Self { launcher, ..self }
    }

    /// The sweep's own run, which has to be there before it has children.
    fn parent(&self, watch: &dyn TrialWatch) -> Option<RunId> {
        while !watch.is_called_off() {
            if let Some(parent) = self.runs.parent(LOOK) {
                return Some(parent);
            }
        }
        None
    }

    /// What an attempt at a trial is to do.
    fn assignment(
        &self,
        trial: &Trial,
        attempt: &Attempt,
        parent: &RunId,
        gpus: &str,
    ) -> io::Result<Assignment> {
        let folder = self.folder.trial_folder(trial.number);
        Ok(Assignment {
            trial: trial.number,
            attempt: attempt.number,
            proposal: trial.proposal.clone(),
            work: AssignedWork::Command {
                command: self.template.fill(&trial.proposal.params),
                working_folder: self.working_folder.clone(),
                variables: self.variables(trial, attempt, parent, gpus, &folder)?,
                grace: self.plan.grace,
                timeout: self.plan.timeout,
            },
        })
    }

    /// The same of one that comes later, where that is known by now and nobody has begun it.
    fn following(&self, number: usize, parent: &RunId) -> io::Result<Option<Assignment>> {
        let Some(proposal) = self.foreknown.proposal(number) else { return Ok(None) };
        let folder = self.folder.trial_folder(number);
        folder.make()?;
        let attempt = folder.attempt()?;
        let first = match attempt.number {
            0 => folder.next_attempt(&attempt)?,
            // Somebody is just about to begin it.
            1 => attempt,
            _ => return Ok(None),
        };
        let trial = Trial { number, proposal, reports: Vec::new(), has_last: false, retries: 0 };
        self.assignment(&trial, &first, parent, "").map(Some)
    }

    /// Carries an attempt out, or goes on with one that is under way.
    fn carry_out<'a>(
        &'a self,
        trial: &Trial,
        (attempt, parent): (&mut Attempt, &RunId),
        launched: &mut dyn Launched,
        watch: &dyn TrialWatch,
        (mut turn, reader, live): (Turn<'_>, &mut Reader<'a>, &mut Live),
    ) -> io::Result<Came> {
        let folder = self.folder.trial_folder(trial.number);
        let begun = Instant::now();
        // A job may wait for long before it begins, and knows itself when its time is over.
        let timeout = self.plan.timeout.filter(|_| !self.launcher.is_elsewhere());
        let timeout = timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let (mut came, mut looked) = (None, begun);
        while !launched.is_over_in(LOOK)? {
            let is_elsewhere = self.launcher.is_elsewhere();
            if is_elsewhere && folder.attempt()?.number != attempt.number {
                // What it measured before a queue carried it out again does not count.
                *attempt = folder.attempt()?;
                *reader = Reader::new(folder.log(), attempt.log_start, &self.patterns);
                *live = self.live(trial, attempt.number, parent);
            }
            reader.read(now_ms())?;
            // A node that writes does not see what is cut here.
            if !is_elsewhere && folder.cut_log()? {
                reader.skip_to_end()?;
            }
            if !reader.printed.is_empty() {
                // It is at work, whether or not it opens the store.
                turn.give_up();
            }
            if turn.is_first() && looked.elapsed() >= LOOK_AHEAD {
                let runs = self.handle.block_on(self.runs.of(trial.number, false));
                if begun.elapsed() >= AHEAD || runs.is_ok_and(|runs| !runs.is_empty()) {
                    turn.give_up();
                }
                looked = Instant::now();
            }
            if came.is_some() {
                continue;
            }
            let new = live.take(&reader.printed, &self.metric);
            let is_hopeless = !new.is_empty() && watch.steps(attempt.number, &new, false)? == Verdict::Prune;
            if is_hopeless || watch.is_unwanted() {
                came = Some(Came::Pruned);
            } else if watch.is_called_off() {
                came = Some(Came::CalledOff);
            } else if timeout.is_some_and(|timeout| begun.elapsed() >= timeout) {
                came = Some(Came::TimedOut);
            }
            if came.is_some() {
                launched.stop();
            }
        }
        reader.read(now_ms())?;
        reader.finish(now_ms());
        // It may be another one by now, where a queue carried it out again.
        let end = folder.end_of(folder.attempt()?.number)?;
        Ok(match (came, end) {
            // It may have come to its end before it took note.
            (_, Some(AttemptEnd::Exited(0))) => Came::Ended(AttemptEnd::Exited(0)),
            (Some(came), _) => came,
            (None, Some(end)) => Came::Ended(end),
            (None, None) => {
                Came::Ended(AttemptEnd::Unstarted("the process that watches over it was killed".into()))
            }
        })
    }

    /// What an attempt measures on its way; the store is asked for it only where somebody goes by it.
    fn live(&self, trial: &Trial, attempt: u32, parent: &RunId) -> Live {
        if !self.prunes {
            return Live::printed();
        }
        let watched = WatchedMetric::new(trial.number, attempt, parent.clone(), self.metric.clone());
        Live::of_store(Arc::clone(&self.runs), self.handle.clone(), watched, self.jobs)
    }

    /// The runs that a trial made; no answer where nobody waits for one any more.
    fn runs_of(&self, trial: usize, is_over: bool, watch: &dyn TrialWatch) -> io::Result<Option<Vec<Run>>> {
        loop {
            match self.handle.block_on(self.runs.of(trial, is_over)) {
                Ok(runs) => return Ok(Some(runs)),
                Err(error) if !is_transient(&error.kind) => return Err(io::Error::other(error)),
                Err(_) if watch.is_called_off() => return Ok(None),
                // The recorder says that it is away.
                Err(_) => std::thread::sleep(BREATH),
            }
        }
    }

    /// Carries an attempt out, a further one or the one that is under way, as soon as it may: how it came out, what it printed
    /// and what it measured on its way. None where the sweep was called off before.
    fn carried_out<'a>(
        &'a self,
        trial: &Trial,
        attempt: &mut Attempt,
        under_way: &mut Option<Box<dyn Launched + 'a>>,
        parent: &RunId,
        gpus: &str,
        watch: &dyn TrialWatch,
    ) -> io::Result<Option<(Came, Printed, Live)>> {
        let folder = self.folder.trial_folder(trial.number);
        let Some(mut turn) = self.first.wait(|| watch.is_called_off()) else {
            return Ok(None);
        };
        if turn.is_first() && self.handle.block_on(self.runs.is_current()) {
            turn.give_up();
        }
        let mut launched = match under_way.take() {
            Some(launched) => launched,
            None => {
                *attempt = folder.next_attempt(attempt)?;
                let assignment = self.assignment(trial, attempt, parent, gpus)?;
                let goes_alone = turn.is_first();
                let following = |number| {
                    if goes_alone { Ok(None) } else { self.following(number, parent) }
                };
                let is_called_off = || watch.is_called_off();
                let launched = self.launcher.launch(&folder, &assignment, &following, &is_called_off)?;
                let Some(launched) = launched else { return Ok(None) };
                *attempt = folder.attempt()?;
                launched
            }
        };
        let mut live = self.live(trial, attempt.number, parent);
        let mut reader = Reader::new(folder.log(), attempt.log_start, &self.patterns);
        let heard = (turn, &mut reader, &mut live);
        let came = self.carry_out(trial, (attempt, parent), launched.as_mut(), watch, heard)?;
        let last = folder.attempt()?;
        if last.number != attempt.number {
            // What it said before it was carried out again does not count.
            reader = Reader::new(folder.log(), last.log_start, &self.patterns);
            reader.read(now_ms())?;
            reader.finish(now_ms());
            *attempt = last;
        }
        Ok(Some((came, reader.printed, live)))
    }

    /// Attempts a trial until one comes to its end, or no more are left: how it ended, and what was measured.
    fn attempts(&self, trial: &Trial, watch: &dyn TrialWatch) -> io::Result<(TrialEnd, Option<Measured>)> {
        let Some(parent) = self.parent(watch) else { return Ok((TrialEnd::Cancelled, None)) };
        let Some(gpus) = self.gpus.take(|| watch.is_called_off()) else {
            return Ok((TrialEnd::Cancelled, None));
        };
        let folder = self.folder.trial_folder(trial.number);
        self.folder.check()?;
        folder.make()?;
        let mut under_way = self.launcher.take_up(&folder, trial, &|| watch.is_called_off())?;
        let mut attempt = folder.attempt()?;
        // What came to its end while nobody was there to see is not run again.
        let mut known = folder.end_of(attempt.number)?.filter(AttemptEnd::is_final);
        if attempt.retries != trial.retries {
            // Somebody has seen it, and asked for another.
            (attempt.failures, attempt.retries, known) = (0, trial.retries, None);
        }
        let mut lost = 0;
        loop {
            let begun = Instant::now();
            let mut live = self.live(trial, attempt.number, &parent);
            let (came, printed) = match known.take() {
                Some(end) => {
                    let mut reader = Reader::new(folder.log(), attempt.log_start, &self.patterns);
                    reader.read(now_ms())?;
                    reader.finish(now_ms());
                    (Came::Ended(end), reader.printed)
                }
                None if watch.is_unwanted() => {
                    if let Some(launched) = under_way.take() {
                        end_launched(launched, LOOK, watch)?;
                    }
                    return Ok((TrialEnd::Pruned, None));
                }
                None if watch.is_called_off() => return Ok((TrialEnd::Cancelled, None)),
                None => {
                    let carried = self.carried_out(
                        trial,
                        &mut attempt,
                        &mut under_way,
                        &parent,
                        &gpus.in_words(),
                        watch,
                    )?;
                    let Some((came, printed, heard)) = carried else {
                        return Ok((TrialEnd::Cancelled, None));
                    };
                    live = heard;
                    (came, printed)
                }
            };
            if let Came::Ended(AttemptEnd::Lost(_)) = came
                && lost < MOST_LOST
            {
                lost += 1;
                continue;
            }
            let is_well = matches!(came, Came::Ended(AttemptEnd::Exited(0)));
            if matches!(came, Came::CalledOff) {
                return Ok((TrialEnd::Cancelled, None));
            }
            let is_pruned = matches!(came, Came::Pruned);
            let is_cancelled = matches!(came, Came::Ended(AttemptEnd::Cancelled));
            if !is_well && !is_pruned && !is_cancelled && attempt.failures < self.plan.retries {
                attempt.failures += 1;
                continue;
            }
            let Some(runs) = self.runs_of(trial.number, is_well, watch)? else {
                return Ok((TrialEnd::Cancelled, None));
            };
            let run = run_of_attempt(&runs, attempt.number, &parent, &self.metric);
            let value = Self::judge(&folder, run, &printed, &self.metric)?;
            if is_well || is_pruned {
                let run = run.filter(|run| run.metrics.iter().any(|known| known.key == self.metric));
                let rest = live.finish(&printed, &self.metric, run.map(|run| &run.info.run_id));
                watch.steps(attempt.number, &rest, true)?;
            }
            if is_pruned {
                return Ok((TrialEnd::Pruned, None));
            }
            if !is_well {
                return Ok((TrialEnd::Failed(self.failure(&folder, &attempt, &came)?), None));
            }
            return Ok(match value {
                Ok(value) => {
                    let fit_seconds = begun.elapsed().as_secs_f64();
                    let measured = Measured { values: vec![Some(value)], fit_seconds, predict_seconds: 0.0 };
                    (TrialEnd::Finished, Some(measured))
                }
                Err(why) => {
                    let lines = last_lines(&folder, attempt.log_start)?;
                    (TrialEnd::Failed([&[why], &lines[..]].concat().join("\n")), None)
                }
            });
        }
    }
}

impl Objective for Commands {
    fn run(&self, trial: &Trial, watch: &dyn TrialWatch) -> io::Result<TrialEnd> {
        if !trial.reports.is_empty() {
            return Ok(TrialEnd::Finished);
        }
        let attempted = self.attempts(trial, watch);
        let (end, measured) = attempted.map_err(|cause| TrialFault::of(trial.number, cause))?;
        if let Some(measured) = measured {
            watch.report(TrialReport::Step(measured))?;
        }
        Ok(end)
    }

    fn finish(&self, _: &Trial, _: &dyn TrialWatch) -> io::Result<()> {
        Ok(())
    }

    fn patience(&self) -> Duration {
        let grace = Duration::try_from_secs_f64(self.plan.grace).unwrap_or_default();
        grace.saturating_add(PATIENCE)
    }
}
