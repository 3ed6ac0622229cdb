//! `mltui sweep`: trains, and logs each trial as a run.

use std::io::Write;

use serde_json::json;

use super::choosing::PolicyFlags;
use super::opening::open_new;
use super::output::print_json;
use super::sweep_arguments::Arguments;
use super::sweep_command;
use super::sweep_report::{Bar, report, say};
use super::sweep_slurm;
use super::{Failure, open_existing, sweep_file};
use crate::config::Settings;
use crate::learn::data::Task;
use crate::learn::families::FAMILIES;
use crate::learn::report::DataReport;
use crate::learn::study::TrainingData;
use crate::mlflow::{Experiment, ExperimentId};
use crate::select::{Goal, reason};
use crate::store::Store;
use crate::store::uri::{self, Location};
use crate::sweep::begin::{PreparedSweep, SweepOrigin, find_or_create, spawn};
use crate::sweep::engine::journal::{Control, SweepFolder};
use crate::sweep::engine::record::is_transient;
use crate::sweep::engine::rules::Mode;
use crate::sweep::executor::slurm::has_ended;
use crate::sweep::header::SweepHeader;
use crate::sweep::objective::tabular::TabularPlan;
use crate::sweep::plan::{SweepPlan, TrialPlan};
use crate::sweep::run::{self, NotResumable, SweepJob, TakeOver, check_resumable};

/// What a sweep is carried out with.
enum Work {
    Table(Box<TrainingData>),
    Command,
}

/// Closes what others began and did not end.
async fn close_broken(store: &Store, settings: &Settings) {
    for broken in run::close_broken(store, &settings.state_folder, &settings.store_name()).await {
        say(&match broken.closed {
            Ok(()) => format!("sweep {} was interrupted; see `mltui sweeps`", broken.name),
            Err(error) => format!("sweep {} was interrupted and cannot be closed: {error}", broken.name),
        });
    }
}

/// Submits the sweep's own process as a job.
fn submit(
    settings: &Settings,
    arguments: &Arguments,
    (folder, header): (&SweepFolder, &SweepHeader),
    out: &mut impl Write,
) -> Result<(), Failure> {
    let asked = &arguments.cluster.slurm_driver;
    let job =
        sweep_slurm::submit_driver(folder, header, &settings.same_store(), asked).inspect_err(|_| {
            if arguments.resume.is_none() {
                folder.remove();
            }
        })?;
    say(&format!("the sweep's own process is job {job} of Slurm"));
    if arguments.json {
        return Ok(print_json(&json!({ "sweep": header.id, "job": job }), out)?);
    }
    Ok(writeln!(out, "{}", header.id)?)
}

/// Prints what would be run.
fn dry_run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let here = std::env::current_dir()
        .map_err(|cause| Failure::State { what: "there is no current folder", cause })?;
    sweep_slurm::print(settings, &arguments.plan(settings, &here)?.0, &here, out)
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let read;
    let arguments = match &arguments.of_command.file {
        None => arguments,
        Some(path) => {
            read = sweep_file::over(arguments, sweep_file::read(path)?);
            if !read.of_command.is_given() {
                return Err(Failure::Usage(format!("{} has no command", path.display())));
            }
            &read
        }
    };
    if arguments.list_families {
        return list_families(out);
    }
    if arguments.background {
        leave_terminal();
    }
    if arguments.cluster.dry_run {
        return dry_run(settings, arguments, out);
    }
    if settings.read_only {
        return Err(Failure::Usage("a sweep writes runs, but read_only is set".into()));
    }
    let mut patient = settings.clone();
    // The sweep itself tries again for as long as it takes, and says so.
    patient.rest.max_retries = 0;
    if let Some(id) = &arguments.resume {
        check_store(settings, id)?;
    }
    // Where a sweep goes on, its store was there.
    let store = if arguments.resume.is_some() { open_existing(&patient)? } else { open_new(&patient)? };
    if !arguments.background {
        close_broken(&store, settings).await;
    }
    let (folder, header, work) = match &arguments.resume {
        Some(id) => {
            let (folder, header, work) = resumed(settings, id, arguments.take_over)?;
            if matches!(work, Work::Table(_)) {
                check_place(&store, &header.experiment).await?;
            }
            check_runs(&store, &folder, &header).await?;
            if !arguments.background {
                let wanted = folder.set_control(Control::Run);
                wanted.map_err(|cause| Failure::State { what: "the sweep is unchanged", cause })?;
            }
            (folder, header, work)
        }
        None => begun(settings, arguments, &store).await?,
    };
    match &work {
        Work::Table(data) => tell(data),
        Work::Command => {
            sweep_command::tell(&header.plan);
            sweep_slurm::warn_of_store(settings, &header.plan);
        }
    }
    if arguments.cluster.is_driven_by_slurm(&header.plan)? && !arguments.background {
        return submit(settings, arguments, (&folder, &header), out);
    }
    if arguments.detach {
        drop(work);
        spawn(&folder, &header, &settings.same_store()).map_err(|cause| {
            // One that stood before stays as it is.
            if arguments.resume.is_none() {
                folder.remove();
            }
            Failure::State { what: "cannot start a process", cause }
        })?;
        return if arguments.json {
            Ok(print_json(
                &json!({ "sweep": header.id, "experiment_id": header.experiment.as_str(), "data": header.report }),
                out,
            )?)
        } else {
            Ok(writeln!(out, "{}", header.id)?)
        };
    }
    let mut bar = Bar::new(&folder, &header, arguments.background);
    let job = match work {
        _ if header.plan.executor.slurm().is_some() => {
            let access = settings.script_access();
            SweepJob::on_slurm(store, folder.clone(), header.clone(), access, sweep_slurm::teller())
        }
        Work::Table(data) => {
            #[cfg(unix)]
            if arguments.background {
                // Its trials leave the machine to whoever works on it; a command is as important as any other.
                let _ = rustix::process::nice(10);
            }
            SweepJob::new(store, folder.clone(), header.clone(), *data)
        }
        Work::Command => {
            SweepJob::of_command(store, folder.clone(), header.clone(), settings.script_access())
        }
    };
    let job = job.map_err(Failure::Usage)?;
    let is_left = header.plan.executor.slurm().is_some();
    let interrupted = interrupted(is_left.then(|| (folder.clone(), header.resume_command())));
    let ended = run::run(job, interrupted, |notice| bar.take(notice)).await?;
    bar.end();
    report(&folder, &header, &ended, arguments.json, out)
}

/// A sweep that begins: its plan, its experiment, its folder.
async fn begun(
    settings: &Settings,
    arguments: &Arguments,
    store: &Store,
) -> Result<(SweepFolder, SweepHeader, Work), Failure> {
    let config_file = settings.named_config();
    let origin = SweepOrigin {
        store: &settings.store_name(),
        opened_by: &settings.opened_by(),
        config_file: config_file.as_deref(),
        user: &settings.user,
        state_folder: &settings.state_folder,
    };
    // The store gets nothing where the sweep could not be kept.
    let unbegun = |cause| Failure::State { what: "no sweep was started", cause };
    let command = &arguments.of_command;
    let (prepared, name, work) = if command.is_given() {
        if !cfg!(unix) {
            return Err(Failure::Usage("sweeps of commands need Linux, macOS or another Unix".into()));
        }
        let here = std::env::current_dir().map_err(unbegun)?;
        let (plan, _) = arguments.plan(settings, &here)?;
        arguments.cluster.is_driven_by_slurm(&plan)?;
        (PreparedSweep::of_command(plan, &origin).map_err(unbegun)?, command.experiment(), Work::Command)
    } else {
        let (plan, data) = arguments.plan_of_table(settings)?;
        arguments.cluster.is_driven_by_slurm(&plan)?;
        let name = data.frame.name.clone();
        (PreparedSweep::new(plan, &data, &origin).map_err(unbegun)?, name, Work::Table(Box::new(data)))
    };
    let name = arguments.experiment.clone().unwrap_or(name);
    let experiment = find_or_create(store, &name, prepared.plan()).await?;
    tell_apart(settings, store, &experiment, prepared.plan()).await;
    // MLflow's client goes to a server for these only where it logs everything to one.
    let is_at_server = experiment.artifact_location.starts_with("mlflow-artifacts:");
    if matches!(work, Work::Command)
        && is_at_server
        && settings.location.as_ref().is_ok_and(Location::is_database)
    {
        let server = settings.rest.artifacts_server.as_ref().map_or("the server".into(), uri::address);
        say(&format!(
            "files that the command logs go to a server, where MLflow's client cannot write from a database: a trial \
             that logs files fails; for such commands open {server} itself, as in a profile with its address"
        ));
    }
    // A script has ways of its own to where artifacts go; that a log is not kept is told.
    if matches!(work, Work::Table(_)) {
        store.check_artifacts(&experiment.experiment_id).await?;
    }
    // The process of a detached sweep makes none.
    store.begin().await?;
    let (folder, header) = prepared.begin(&experiment).map_err(unbegun)?;
    Ok((folder, header, work))
}

/// Says where the runs of the experiment are judged by something else than the sweep is scored by.
async fn tell_apart(settings: &Settings, store: &Store, experiment: &Experiment, plan: &SweepPlan) {
    let goal = match plan.rules.mode {
        Mode::Min => Goal::Minimize,
        Mode::Max => Goal::Maximize,
    };
    // Where nothing is known of the experiment, nothing is apart.
    if let Ok((policy, _)) = PolicyFlags::default().policy(settings, store, experiment).await
        && let Some(words) = reason::apart(&policy, &plan.metric(), goal)
    {
        say(&format!("{:?}: {words}", experiment.name));
    }
}

/// What was read, before anything is trained; of a process of its own in its log.
fn tell(data: &TrainingData) {
    for line in DataReport::of(data).lines() {
        say(&line);
    }
}

/// Ends when somebody asks this process to. One whose trials go on without it leaves them to the next.
async fn interrupted(leaves: Option<(SweepFolder, String)>) {
    if let Some((folder, resume)) = leaves {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = sweep_slurm::leave_when_told(folder, resume) => {}
        }
        return;
    }
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut hang_up)) =
            (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
        else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// A session of its own, so that closing a terminal or an SSH session does not end it.
fn leave_terminal() {
    #[cfg(unix)]
    {
        // It is one already where this fails.
        let _ = rustix::process::setsid();
    }
}

/// A sweep goes on in its own store only.
fn check_store(settings: &Settings, id: &str) -> Result<(), Failure> {
    let (_, header) = super::sweeps::named(settings, id)?;
    let store = settings.store_name();
    if header.store == store {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "sweep {id} logs to {}, not to {store}; pass {}",
        header.store,
        header.place()
    )))
}

fn resumed(
    settings: &Settings,
    id: &str,
    is_forced: bool,
) -> Result<(SweepFolder, SweepHeader, Work), Failure> {
    let (folder, header) = super::sweeps::named(settings, id)?;
    let tell = |words: &str| say(&format!("sweep {id}: {words}"));
    let taken = TakeOver { is_forced, has_ended: &has_ended, tell: &tell }.wait(&folder);
    taken.map_err(|why| Failure::Usage(format!("sweep {id}: {why}")))?;
    let work = match &header.plan.trial {
        TrialPlan::Tabular(plan) => Work::Table(Box::new(same_data(&header, plan)?)),
        TrialPlan::Command(plan) => {
            sweep_command::check(plan, &header.folder, header.plan.executor.slurm().is_some())?;
            Work::Command
        }
    };
    Ok((folder, header, work))
}

/// The data of a sweep, which have to be what they were.
fn same_data(header: &SweepHeader, plan: &TabularPlan) -> Result<TrainingData, Failure> {
    let data = plan.training_data(header.plan.rules.seed)?;
    if header.dataset.as_ref().is_some_and(|dataset| data.frame.digest != dataset.digest) {
        return Err(Failure::Usage(format!(
            "{} has changed since the sweep began, so trials would not be comparable; start a new sweep",
            plan.data
        )));
    }
    let is_same = match (&header.fingerprint, &header.report) {
        (Some(fingerprint), _) => *fingerprint == data.fingerprint(),
        // Of an earlier version of this program.
        (None, Some(report)) => report.is_read_like(&DataReport::of(&data)),
        (None, None) => false,
    };
    if !is_same {
        return Err(Failure::Usage(format!(
            "this version of mltui reads {} differently than the one that began the sweep, so trials would not be comparable; start a new sweep",
            plan.data
        )));
    }
    Ok(data)
}

/// Whether files of new runs still go where they belong. A store that is away is waited for later.
async fn check_place(store: &Store, experiment: &ExperimentId) -> Result<(), Failure> {
    match store.check_artifacts(experiment).await {
        Err(error) if !is_transient(&error.kind) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whether the store has the runs that the sweep goes on with.
async fn check_runs(store: &Store, folder: &SweepFolder, header: &SweepHeader) -> Result<(), Failure> {
    check_resumable(store, folder, header).await.map_err(|error| match error {
        NotResumable::Store(error) => Failure::Store(error),
        error => Failure::Sweep(error.into()),
    })
}

fn list_families(out: &mut impl Write) -> Result<(), Failure> {
    use crate::learn::families::DataShape;
    for family in FAMILIES {
        let tasks: Vec<_> = [Task::Regression, Task::Classification]
            .into_iter()
            .filter(|task| family.supports(*task))
            .collect();
        let names: Vec<_> = tasks.iter().map(|task| task.as_str()).collect();
        writeln!(out, "{} ({})\n  {}", family.name(), names.join(", "), family.description())?;
        let shape = DataShape { task: tasks[0], rows: 1_000, features: 10 };
        for dimension in family.search_space(shape) {
            writeln!(out, "    {}.{}={}", family.name(), dimension.name, dimension.range)?;
        }
    }
    Ok(())
}
