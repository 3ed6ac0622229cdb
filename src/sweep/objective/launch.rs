//! What carries attempts at trials out: processes of this machine, or jobs of a cluster, which outlive this process.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::load;
use crate::sweep::engine::attempts::{Attempt, AttemptEnd, TrialFolder};
use crate::sweep::engine::numbers::Values;
use crate::sweep::engine::rules::Rules;
use crate::sweep::engine::trial::{Trial, TrialWatch};
use crate::sweep::search::{Method, Observation, Proposal, Proposer};

/// What an attempt at a trial is to do: all that whoever carries it out needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// The number of the trial.
    pub trial: usize,
    /// The number of the attempt.
    pub attempt: u32,
    /// What is tried.
    pub proposal: Proposal,
    /// What is done with it.
    pub work: AssignedWork,
}

/// What is done in an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AssignedWork {
    /// A command runs.
    Command {
        /// Its words.
        command: Vec<String>,
        /// The folder that it runs in.
        working_folder: PathBuf,
        /// What stands in its environment besides what is there.
        variables: Vec<(String, String)>,
        /// Seconds that it has to end by itself.
        grace: f64,
        /// Seconds after which it is ended, and has failed.
        timeout: Option<f64>,
    },
    /// An estimator is judged on a table.
    Fit {
        /// The values of its reports so far.
        reports: Vec<Values>,
        /// Whether what is kept of it was measured.
        has_last: bool,
        /// Whether the sweep is over but for this: it is the best trial, and its model is fitted.
        is_best: bool,
    },
}

/// The file of an assignment, in its trial's folder.
fn assignment_file(attempt: u32) -> String {
    format!("job-{attempt}.json")
}

impl Assignment {
    /// What an attempt is to do; none where nobody wrote it down.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(folder: &TrialFolder, attempt: u32) -> io::Result<Option<Self>> {
        load(&folder.own(&assignment_file(attempt)))
    }

    /// Writes it down for whoever carries it out.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, folder: &TrialFolder) -> io::Result<()> {
        folder.write(&assignment_file(self.attempt), self)
    }

    /// The trial of an estimator.
    pub fn trial(&self) -> Trial {
        let (reports, has_last) = match &self.work {
            AssignedWork::Fit { reports, has_last, .. } => (reports.clone(), *has_last),
            AssignedWork::Command { .. } => (Vec::new(), false),
        };
        Trial { number: self.trial, proposal: self.proposal.clone(), reports, has_last, retries: 0 }
    }
}

/// What another trial is to do in an attempt of that number, where that is known by now, nobody has begun it, and that attempt
/// is its next.
pub type Following<'a> = dyn Fn(usize, u32) -> io::Result<Option<Assignment>> + 'a;

/// The attempt of that number at a trial that nobody has begun, if it is the trial's next.
///
/// # Errors
/// Where its folder cannot be read or written.
pub fn attempt_ahead(folder: &TrialFolder, wanted: u32) -> io::Result<Option<Attempt>> {
    folder.make()?;
    let attempt = folder.attempt()?;
    if folder.end_of(attempt.number)?.is_some_and(|end: AttemptEnd| end.is_final()) {
        // It has come to its end, and its trial takes note of that.
        return Ok(None);
    }
    match attempt.number.abs_diff(wanted) {
        // Somebody is just about to begin it.
        0 => Ok(Some(attempt)),
        1 if attempt.number < wanted => folder.next_attempt(&attempt).map(Some),
        _ => Ok(None),
    }
}

/// Carries attempts out.
pub trait Launcher: Send + Sync {
    /// Whether attempts are carried out elsewhere: they go on when this process ends, and find out by themselves when their
    /// time is over.
    fn is_elsewhere(&self) -> bool;

    /// What is under way of a trial since an earlier process began it, or since others were begun that come behind. What is
    /// left of it and goes on for nobody is ended.
    ///
    /// # Errors
    /// Where that cannot be found out.
    fn take_up(
        &self,
        folder: &TrialFolder,
        trial: &Trial,
        is_called_off: &dyn Fn() -> bool,
    ) -> io::Result<Option<Box<dyn Launched + '_>>>;

    /// The attempt that comes behind one: that one again where it was not begun.
    ///
    /// # Errors
    /// Where it cannot be noted.
    fn next_attempt(&self, folder: &TrialFolder, trial: usize, attempt: &Attempt) -> io::Result<Attempt> {
        let _ = trial;
        folder.next_attempt(attempt)
    }

    /// Begins an attempt. `following` says what the trials around it are to do. None where nobody waits for it any more.
    ///
    /// # Errors
    /// Where it cannot be begun; what is wrong with the trial alone is how the attempt ends.
    fn launch(
        &self,
        folder: &TrialFolder,
        assignment: &Assignment,
        following: &Following<'_>,
        is_called_off: &dyn Fn() -> bool,
    ) -> io::Result<Option<Box<dyn Launched + '_>>>;
}

/// Ends an attempt that is under way and not wanted any more.
///
/// # Errors
/// As [`Launched::is_over_in`].
pub fn end_launched(
    mut launched: Box<dyn Launched + '_>,
    look: Duration,
    watch: &dyn TrialWatch,
) -> io::Result<()> {
    launched.stop();
    while !launched.is_over_in(look)? && !watch.is_called_off() {}
    Ok(())
}

/// An attempt that is under way.
pub trait Launched {
    /// Waits for so long; whether nothing is left of it. How it ended lies in the trial's folder then, where anybody knows.
    ///
    /// # Errors
    /// Where that cannot be found out.
    fn is_over_in(&mut self, patience: Duration) -> io::Result<bool>;

    /// Ends it, which takes some time.
    fn stop(&mut self);
}

/// Trials that are known before others have ended.
pub struct Foreknown {
    proposer: Option<Proposer>,
    /// As far as anybody asked.
    known: Mutex<Vec<Proposal>>,
}

impl Foreknown {
    /// Of a sweep that goes so: none where trials go by others, or stop with the time.
    pub fn new(rules: &Rules) -> Self {
        let is_known = rules.method != Method::Tpe && rules.seconds.is_none();
        Self { proposer: is_known.then(|| rules.proposer()), known: Mutex::new(Vec::new()) }
    }

    /// What the trial of that number will try.
    pub fn proposal(&self, number: usize) -> Option<Proposal> {
        let proposer = self.proposer.as_ref()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        while known.len() <= number {
            let tried: Vec<Observation<'_>> =
                known.iter().map(|proposal| Observation { proposal, loss: None }).collect();
            let proposal = proposer.propose(known.len(), &tried)?;
            known.push(proposal);
        }
        known.get(number).cloned()
    }
}
