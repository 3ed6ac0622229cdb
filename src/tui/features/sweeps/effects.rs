//! Sweeps, away from the loop: begun as processes of their own, looked at, steered.

#![deny(clippy::wildcard_enum_match_arm)]

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::plan::effects::{UnfoundScript, check as check_command, find as find_script};
use super::plan::of_lines;
use super::screen::effects::{WantedDetails, describe, follow, weigh};
use super::screen::plot::WeighedTrials;
use super::steering::Steering;
use super::steering::effects::{ask, steer};
use super::{Msg, StartedSweep};
use crate::learn::data::{self, DataFrame};
use crate::learn::report::DataReport;
use crate::learn::study::TrainingData;
use crate::mlflow::{Experiment, ExperimentId};
use crate::state::by_experiment::ByExperiment;
use crate::store::{Store, now_ms};
use crate::sweep::begin::{PreparedSweep, SameStore, SweepOrigin, find_or_create, judged, spawn};
use crate::sweep::engine::journal::{Change, Position, SweepFolder};
use crate::sweep::engine::state::SweepStates;
use crate::sweep::executor_plan::SLURM_JOBS;
use crate::sweep::header::{OpenedBy, SweepFolders, SweepHeader};
use crate::sweep::plan::SweepPlan;
use crate::sweep::planned::{PlannedCommand, PlannedSweep};
use crate::sweep::progress::Progress;
use crate::sweep::request::SweepRequest;
use crate::sweep::run;
use crate::text;
use crate::tui::core::msg::{Announcement, Msg as Any};
use crate::tui::core::remote::Ticket;
use crate::tui::core::tasks::{Slot, Tasks, blocking};

#[derive(Debug, Clone)]
pub enum Effect {
    /// Decide a plan and start a process that carries it out.
    Train(Box<Training>),
    /// Find out what the data of a plan come to.
    CheckPlan {
        ticket: Ticket,
        request: Box<SweepRequest>,
    },
    /// Find where the script of a command lies, and how it is run.
    FindScript {
        ticket: Ticket,
        unfound: Box<UnfoundScript>,
    },
    /// Find out what the plan of a command comes to.
    CheckCommand {
        ticket: Ticket,
        planned: Box<PlannedCommand>,
    },
    /// List what can be data in a folder, as it was typed.
    ListData(String),
    /// Read the progress of the sweeps of this machine.
    ReadProgress,
    Steer {
        sweep: String,
        steering: Steering,
    },
    ReadLog(String),
    /// Read what is new of a sweep.
    Follow {
        ticket: Ticket,
        sweep: String,
        from: Position,
    },
    /// Read what is known of trials besides the journal.
    Describe {
        ticket: Ticket,
        wanted: Box<WantedDetails>,
    },
    /// Find out which params matter.
    Weigh {
        ticket: Ticket,
        trials: Box<WeighedTrials>,
    },
    /// Read what is new of the log of a trial.
    FollowLog {
        ticket: Ticket,
        sweep: String,
        trial: usize,
        from: u64,
    },
    /// Ask whoever is at a sweep for a change.
    Ask {
        sweep: String,
        change: Change,
    },
}

/// A sweep to be begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    pub planned: PlannedSweep,
    pub destination: Destination,
    pub jobs: Option<usize>,
    /// The plan was made by hand, and is the experiment's from now on.
    pub keeps: bool,
}

/// The experiment that a sweep logs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// One that there is, with its name.
    Known(ExperimentId, String),
    /// One of this name, which is made if there is none.
    New(String),
}

impl Destination {
    /// Whether it is this one, as far as is known before it is there.
    pub fn is(&self, experiment: &ExperimentId) -> bool {
        matches!(self, Self::Known(id, _) if id == experiment)
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Known(_, name) | Self::New(name) => name,
        }
    }
}

/// What a sweep has to know of where it runs.
#[derive(Debug, Clone)]
pub struct Services {
    pub state_folder: PathBuf,
    pub store: String,
    /// What opens it on a command line.
    pub opened_by: OpenedBy,
    /// The config file, where one was named.
    pub config_file: Option<PathBuf>,
    pub user: String,
    /// What makes another process open the same store.
    pub same: SameStore,
    /// What `T` does again, by experiment.
    pub plans: ByExperiment<PlannedSweep>,
    pub states: Arc<Mutex<SweepStates>>,
}

impl Services {
    /// The folder of a sweep of that id.
    fn folder(&self, id: &str) -> SweepFolder {
        SweepFolder { path: SweepFolder::root(&self.state_folder).join(id) }
    }
}

pub fn perform(effect: Effect, tasks: &mut Tasks, services: &Services) {
    let (store, services) = (tasks.store.clone(), services.clone());
    match effect {
        // Whoever leaves meanwhile asked for it all the same.
        Effect::Train(training) => tasks.write(train(store, services, *training)),
        Effect::CheckPlan { ticket, request } => {
            tasks.answer(Slot("check"), blocking(move || check(ticket, &request)));
        }
        Effect::FindScript { ticket, unfound } => tasks.answer(
            Slot("find"),
            blocking(move || {
                let planned = find_script(*unfound, &services.state_folder, &services.store);
                Msg::ScriptFound { ticket, planned: Box::new(planned) }
            }),
        ),
        Effect::CheckCommand { ticket, planned } => tasks.answer(
            Slot("check"),
            blocking(move || Msg::CommandChecked { ticket, result: check_command(&planned) }),
        ),
        Effect::ListData(folder) => tasks.spawn(blocking(move || list(folder))),
        Effect::ReadProgress => tasks.answer(Slot("sweeps"), blocking(move || look(&services))),
        Effect::Steer { sweep, steering } => tasks.spawn(steer(store, services, sweep, steering)),
        Effect::ReadLog(sweep) => tasks.spawn(blocking(move || log(&services, &sweep))),
        Effect::Follow { ticket, sweep, from } => tasks.spawn(blocking(move || {
            let result = follow(&services.folder(&sweep), from);
            Msg::Followed { sweep, ticket, result }
        })),
        Effect::Describe { ticket, wanted } => {
            let folder = services.folder(&wanted.sweep);
            tasks.answer(Slot("trials"), async move {
                Msg::Described { ticket, trials: describe(store, folder, *wanted).await }
            });
        }
        Effect::Weigh { ticket, trials } => tasks
            .answer(Slot("weigh-trials"), blocking(move || Msg::Weighed { ticket, matters: weigh(*trials) })),
        Effect::FollowLog { ticket, sweep, trial, from } => tasks.spawn(blocking(move || {
            let folder = services.folder(&sweep).trial_folder(trial);
            Msg::LogRead { ticket, result: super::log::effects::follow(&folder, from) }
        })),
        Effect::Ask { sweep, change } => {
            tasks.spawn(blocking(move || ask(&services, &sweep, change)));
        }
    }
}

/// Closes the sweeps whose process died, and looks how far the others are.
pub fn find_sweeps(tasks: &mut Tasks, services: &Services, may_write: bool) {
    let (store, services, sender) = (tasks.store.clone(), services.clone(), tasks.sender());
    tasks.start(Slot("sweeps"), async move {
        if may_write && let Some(said) = close_broken(store, services.clone()).await {
            let _ = sender.send(said.into());
        }
        let _ = sender.send(blocking(move || look(&services)).await);
    });
}

/// Decides a plan, makes its experiment and its folder, and starts the process.
async fn train(store: Store, services: Services, training: Training) -> Msg {
    let began = begun(store, services, training).await;
    Msg::Trained(began.map(Box::new))
}

async fn begun(store: Store, services: Services, training: Training) -> Result<StartedSweep, String> {
    let Training { planned, destination, jobs, keeps } = training;
    let (asked, on) = (planned.clone(), services.clone());
    // The store gets nothing where the sweep could not be kept.
    let prepared = tokio::task::spawn_blocking(move || prepared(&asked, jobs, &on));
    let prepared = prepared.await.map_err(|error| error.to_string())??;
    let said = |error: crate::store::StoreError| format!("{error}; {}", error.hint());
    let experiment: Experiment = match &destination {
        Destination::Known(id, _) => {
            let known = store.get_experiment(id).await.map_err(said)?;
            judged(&store, known, prepared.plan()).await.map_err(said)?
        }
        Destination::New(name) => find_or_create(&store, name, prepared.plan()).await.map_err(said)?,
    };
    // A script has ways of its own to where artifacts go; that a log is not kept is told.
    if matches!(planned, PlannedSweep::Table(_)) {
        store.check_artifacts(&experiment.experiment_id).await.map_err(said)?;
    }
    // The process of the sweep makes none.
    store.begin().await.map_err(said)?;
    let plan = prepared.plan();
    let (trials, metric, mode) = (plan.rules.length(), plan.metric(), plan.rules.mode);
    let (folder, header) = prepared.begin(&experiment).map_err(|error| unbegun(&error))?;
    spawn(&folder, &header, &services.same).map_err(|error| {
        folder.remove();
        format!("cannot start a process: {error}")
    })?;
    // A plan by hand, and that of an experiment that was made for it, is the experiment's from now on.
    if (keeps || matches!(destination, Destination::New(_)))
        && let Err(error) = services.plans.set(&experiment.experiment_id, Some(planned.clone()))
    {
        tracing::warn!(%error, "a plan is not kept");
    }
    Ok(StartedSweep {
        name: header.name,
        experiment: experiment.experiment_id,
        experiment_name: experiment.name,
        planned,
        trials,
        metric,
        mode,
    })
}

/// The folder of a sweep, before the store knows of it.
fn prepared(
    planned: &PlannedSweep,
    jobs: Option<usize>,
    services: &Services,
) -> Result<PreparedSweep, String> {
    let origin = SweepOrigin {
        store: &services.store,
        opened_by: &services.opened_by,
        config_file: services.config_file.as_deref(),
        user: &services.user,
        state_folder: &services.state_folder,
    };
    match planned {
        PlannedSweep::Table(request) => {
            let (mut plan, data) = request.decide().map_err(|error| of_lines(&error.to_string()))?;
            let on_cluster = plan.executor.slurm().map(|_| SLURM_JOBS);
            plan.rules.jobs = plan.rules.jobs_for(jobs.or(on_cluster));
            PreparedSweep::new(plan, &data, &origin).map_err(|error| unbegun(&error))
        }
        PlannedSweep::Command(planned) => {
            check_command(planned)?;
            let plan = planned.request.decide(&planned.folder)?;
            // It runs there whatever folder this program is in.
            let folder = std::path::absolute(&planned.folder).map_err(|error| unbegun(&error))?;
            let prepared = PreparedSweep::of_command(plan, &origin).map_err(|error| unbegun(&error))?;
            Ok(prepared.in_folder(&folder))
        }
    }
}

fn unbegun(error: &std::io::Error) -> String {
    format!("no sweep was started: {error}")
}

/// What the data of a plan come to, in words.
fn check(ticket: Ticket, request: &SweepRequest) -> Msg {
    let names = |frame: &DataFrame| frame.columns.iter().map(|column| column.name.clone()).collect();
    let frame = match request.frame() {
        Ok(frame) => frame,
        Err(error) => {
            return Msg::Checked { ticket, columns: Vec::new(), result: Err(of_lines(&error.to_string())) };
        }
    };
    // The data may be fine, and only the target not said yet.
    let columns = names(&frame);
    let decided = request.decide_on(frame);
    let result =
        decided.map(|(plan, data)| words(&plan, &data)).map_err(|error| of_lines(&error.to_string()));
    Msg::Checked { ticket, columns, result }
}

fn words(plan: &SweepPlan, study: &TrainingData) -> String {
    let target = &study.target;
    let families: Vec<_> = plan.rules.spaces.iter().map(|space| space.family.as_str()).collect();
    let classes =
        target.labels.as_ref().map_or(String::new(), |labels| format!(" of {} classes", labels.len()));
    let report = DataReport::of(study);
    let mut details = report.briefly().join("; ");
    if let Some(why) = plan.rules.lacks_families() {
        details.push_str(if details.is_empty() { "" } else { "; " });
        details.push_str(&format!("no ensemble, which {why}"));
    }
    if !details.is_empty() {
        details.push_str("; ");
    }
    format!(
        "{}, {}; {} by {}: {}{classes}, {}; {details}optimises {}; tries {}",
        text::counted(study.frame.rows, "row"),
        text::counted(report.columns.len() + report.more_columns, "column"),
        target.name,
        study.roles.learnt(),
        target.task.as_str(),
        target.because,
        plan.metric(),
        families.join(", ")
    )
}

/// What lies in a folder and can be data; folders have a slash at their end.
fn list(folder: String) -> Msg {
    let path = if folder.is_empty() { PathBuf::from(".") } else { data::expanded(&folder) };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_hidden = name.starts_with('.');
        if entry.path().is_dir() {
            entries.extend((!is_hidden).then(|| format!("{name}/")));
        } else if !is_hidden && data::ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            entries.push(name);
        }
    }
    entries.sort();
    Msg::DataListed { folder, entries }
}

/// How far the sweeps of this store are.
fn look(services: &Services) -> Msg {
    let all = SweepFolders::of(&services.state_folder);
    // A panic elsewhere leaves whole states behind.
    let mut states = services.states.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut list, mut unread) = (Vec::new(), all.unread);
    for (folder, header) in all.sweeps.iter().filter(|(_, header)| header.store == services.store) {
        match Progress::read(folder, header, &mut states, now_ms()) {
            Ok(progress) => list.push(progress),
            Err(error) => unread.push(error.to_string()),
        }
    }
    Msg::Progress { list, unread }
}

pub(super) fn find(services: &Services, id: &str) -> Option<(SweepFolder, SweepHeader)> {
    SweepFolders::of(&services.state_folder).sweeps.into_iter().find(|(_, header)| header.id == id)
}

fn log(services: &Services, id: &str) -> Any {
    let Some((folder, header)) = find(services, id) else {
        return Announcement("the sweep no longer exists".into()).into();
    };
    match folder.read_log() {
        Ok(text) => Msg::Log { name: header.name, text }.into(),
        Err(error) => Announcement(format!("cannot read the log of {}: {error}", header.name)).into(),
    }
}

/// Closes sweeps whose process died, at the start.
async fn close_broken(store: Store, services: Services) -> Option<Announcement> {
    let broken = run::close_broken(&store, &services.state_folder, &services.store).await;
    if let Some((name, error)) = broken.iter().find_map(|it| Some((&it.name, it.closed.as_ref().err()?))) {
        return Some(Announcement(format!("sweep {name} was interrupted and cannot be closed: {error}")));
    }
    let names: Vec<_> = broken.iter().map(|it| it.name.as_str()).collect();
    (!names.is_empty())
        .then(|| Announcement(format!("sweep {} was interrupted; g s resumes it", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_with_one_family_says_that_no_ensemble_will_come_of_it() {
        let told = |families: &[&str], ensemble| {
            let families = families.iter().map(|family| (*family).to_owned()).collect();
            let request = SweepRequest { data: "iris".into(), families, ensemble, ..SweepRequest::default() };
            let (plan, data) = request.decide().unwrap();
            words(&plan, &data)
        };
        let why = "no ensemble, which averages the best trials of 2 families or more; this sweep has svm; optimises";
        assert!(told(&["svm"], true).contains(why), "{}", told(&["svm"], true));
        for (families, ensemble) in [(&["svm"][..], false), (&["svm", "logistic"], true)] {
            assert!(!told(families, ensemble).contains("ensemble"));
        }
    }
}
