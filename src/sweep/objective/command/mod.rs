//! Any command: a trial is a process that is given params on its command line and in its environment, and whose metric is
//! read from the run that it logs, or from what it prints.

mod attempting;
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
mod publishing;
mod template;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use tokio::runtime::Handle;

use self::first::First;
use self::gpus::Gpus;
use self::here::Here;
use self::template::Template;
use super::launch::{AssignedWork, Assignment, Foreknown, Launcher, attempt_ahead};
use super::{Objective, TrialFault};
use crate::mlflow::RunId;
use crate::sweep::engine::attempts::{Attempt, AttemptEnd};
use crate::sweep::engine::journal::SweepFolder;
use crate::sweep::engine::pruner::Pruner;
use crate::sweep::engine::record::ScriptRuns;
use crate::sweep::engine::trial::{Trial, TrialEnd, TrialReport, TrialWatch};
use crate::sweep::header::SweepHeader;

#[cfg(unix)]
pub use guard::guard;
pub use guarded::{GUARD, Guarded, Start};
pub use here::begin_log;
#[cfg(unix)]
pub use leftovers::{MARK, end_leftovers};
pub use log::CommandLog;
pub use param::{dimensions, written};
pub use plan::{CommandPlan, CommandRequest, GRACE, MAX_FAILURES, MOST_RETRIES};

/// Between looks at what a command says, and whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);
/// Between looks whether the first command has opened the store, and how long the others wait for that.
const LOOK_AHEAD: Duration = Duration::from_millis(500);
const AHEAD: Duration = Duration::from_secs(30);
/// The same where nothing of it is Python, without which no MLflow opens a database file.
const AHEAD_WITHOUT_PYTHON: Duration = Duration::from_secs(3);
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

    /// Whether an attempt may open the store as MLflow does.
    fn may_open_store(&self, trial: usize, attempt: u32) -> bool {
        #[cfg(unix)]
        if !self.launcher.is_elsewhere() {
            return processes::may_run_python(leftovers::MARK, &self.mark(trial, attempt));
        }
        let _ = (trial, attempt);
        true
    }

    /// What all processes of an attempt have in their environment, and no others.
    #[cfg(unix)]
    fn mark(&self, trial: usize, attempt: u32) -> String {
        format!("{}/{trial}/{attempt}", self.sweep)
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

    /// The same of another one, where that is known by now and the attempt is its next.
    fn following(&self, number: usize, wanted: u32, parent: &RunId) -> io::Result<Option<Assignment>> {
        let Some(proposal) = self.foreknown.proposal(number) else { return Ok(None) };
        let ahead = attempt_ahead(&self.folder.trial_folder(number), wanted)?;
        let Some(attempt) = ahead else { return Ok(None) };
        let trial = Trial { number, proposal, reports: Vec::new(), has_last: false, retries: 0 };
        self.assignment(&trial, &attempt, parent, "").map(Some)
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
