//! `mltui sweeps prune`, `retry` and `set`: what is asked of a sweep while it runs, or for when it goes on.

use super::Failure;
use super::sweep_report::say;
use super::sweeps::named;
use crate::config::Settings;
use crate::store::now_ms;
use crate::sweep::engine::ensemble::searched;
use crate::sweep::engine::journal::{Change, SweepFolder, TrialOutcome};
use crate::sweep::engine::state::SweepStates;
use crate::sweep::header::SweepHeader;
use crate::sweep::objective::command::CommandPlan;
use crate::sweep::progress::Progress;
use crate::text;

#[derive(Debug, Clone, Copy, clap::Args)]
#[group(required = true, multiple = true)]
pub struct NewLimits {
    /// Maximum number of trials in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,
    /// Parallel trials
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
}

/// How it stands with a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    UnderWay,
    Finished,
    Pruned,
    Failed,
}

/// A sweep of which something is asked.
struct Asking {
    folder: SweepFolder,
    header: SweepHeader,
    states: SweepStates,
    is_active: bool,
    status: String,
}

impl Asking {
    fn of(settings: &Settings, sweep: &str) -> Result<Self, Failure> {
        let (folder, header) = named(settings, sweep)?;
        let mut states = SweepStates::default();
        let progress = Progress::read(&folder, &header, &mut states, now_ms());
        let progress = progress.map_err(|cause| Failure::State { what: "cannot read the sweep", cause })?;
        let status = progress.status_text();
        Ok(Self { folder, header, states, is_active: progress.state.is_active(), status })
    }

    /// A trial that has begun.
    fn standing(&mut self, trial: usize) -> Result<Standing, Failure> {
        let id = self.header.id.clone();
        let state = self.states.of(&id, &self.folder);
        let state = state.map_err(|cause| Failure::State { what: "cannot read the sweep", cause })?;
        let Some(known) = state.trials.get(trial).filter(|known| known.proposal.is_some()) else {
            let begun = state.trials.len();
            return Err(Failure::NoneEligible(format!("no trial {trial} in {id}; it has begun {begun}")));
        };
        Ok(match &known.outcome {
            None => Standing::UnderWay,
            Some(TrialOutcome::Finished { .. }) => Standing::Finished,
            Some(TrialOutcome::Pruned { .. }) => Standing::Pruned,
            Some(TrialOutcome::Failed { .. }) => Standing::Failed,
        })
    }

    /// How many of the trials that are counted have begun.
    fn begun(&mut self) -> Result<usize, Failure> {
        let id = self.header.id.clone();
        let state = self.states.of(&id, &self.folder);
        let state = state.map_err(|cause| Failure::State { what: "cannot read the sweep", cause })?;
        Ok(searched(&state.trials))
    }

    fn ask(&self, change: Change) -> Result<(), Failure> {
        let asked = self.folder.ask(change);
        asked.map_err(|cause| Failure::State { what: "the sweep is unchanged", cause })
    }

    /// Nobody is at it who would take note.
    fn say_when(&self) {
        if !self.is_active {
            let id = &self.header.id;
            let resume = self.header.resume_command();
            say(&format!("{id} is {}; this takes effect with `{resume}`", self.status));
        }
    }
}

/// Ends a trial that is under way as one that was pruned.
pub fn prune(settings: &Settings, sweep: &str, trial: usize) -> Result<(), Failure> {
    let mut asking = Asking::of(settings, sweep)?;
    let had = match asking.standing(trial)? {
        Standing::UnderWay if asking.is_active => return asking.ask(Change::Prune { trial }),
        Standing::UnderWay => {
            return Err(Failure::Usage(format!(
                "the sweep {sweep} is {}; no trial is running",
                asking.status
            )));
        }
        Standing::Finished => "has finished",
        Standing::Pruned => "was pruned already",
        Standing::Failed => "has failed",
    };
    Err(Failure::Usage(format!("trial {trial} {had}; only a trial that is running can be pruned")))
}

/// Has a trial carried out once more that failed or was pruned.
pub fn retry(settings: &Settings, sweep: &str, trial: usize) -> Result<(), Failure> {
    let mut asking = Asking::of(settings, sweep)?;
    let why = match asking.standing(trial)? {
        Standing::Failed | Standing::Pruned => {
            asking.ask(Change::Retry { trial })?;
            asking.say_when();
            return Ok(());
        }
        Standing::UnderWay => "has not ended",
        Standing::Finished => "has finished",
    };
    Err(Failure::Usage(format!("trial {trial} {why}; only a trial that failed or was pruned can be retried")))
}

/// Sets how many trials there are, and how many run side by side.
pub fn set(settings: &Settings, sweep: &str, numbers: NewLimits) -> Result<(), Failure> {
    let mut asking = Asking::of(settings, sweep)?;
    let begun = asking.begun()?;
    let plan = &asking.header.plan;
    let trials = numbers.trials.map(|trials| trials as usize);
    let jobs = numbers.jobs.map(|jobs| jobs as usize);
    let all = plan.rules.length_of(None);
    if let Some((trials, all)) = trials.zip(all).filter(|(trials, all)| trials > all) {
        return Err(Failure::Usage(format!("--trials {trials}: there are only {all} different ones")));
    }
    if let Some(trials) = trials.filter(|trials| *trials < begun) {
        return Err(Failure::Usage(format!(
            "--trials {trials}: {} begun already; use {begun} or more, or `{}` to end it",
            if begun == 1 { "1 trial has".to_owned() } else { format!("{begun} trials have") },
            asking.header.cancel_command()
        )));
    }
    let room = plan.trial.command().map_or(usize::MAX, CommandPlan::room);
    let most = plan.rules.most_jobs();
    if let Some(jobs) = jobs.filter(|jobs| *jobs > most.min(room)) {
        let why = if room < most {
            format!("there are GPUs for {room}")
        } else {
            format!("at most {} of this sweep can run side by side", text::counted(most, "trial"))
        };
        return Err(Failure::Usage(format!("--jobs {jobs}: {why}")));
    }
    if let Some(most) = trials {
        asking.ask(Change::Trials { most })?;
    }
    if let Some(jobs) = jobs {
        asking.ask(Change::Jobs { jobs })?;
    }
    asking.say_when();
    Ok(())
}
