//! `mltui sweep --executor slurm`: what is asked of the cluster, what would be submitted, and the sweep's own process as a job.

use std::io::Write;
use std::path::Path;

use super::Failure;
use super::doctor_slurm::is_local_server;
use super::sweep_command;
use super::sweep_report::say;
use crate::config::Settings;
use crate::sweep::begin::SameStore;
use crate::sweep::engine::journal::SweepFolder;
use crate::sweep::executor::slurm::{
    Batch, Submission, Surroundings, driver_script, driver_words, program, requeue_this_job, script,
    submit_job, words,
};
use crate::sweep::executor_plan::{ExecutorKind, ExecutorPlan, SlurmOptions};
use crate::sweep::header::SweepHeader;
use crate::sweep::plan::SweepPlan;
use crate::text;
use crate::text::shell::quoted;

/// Where the sweep's own process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Driver {
    /// Here.
    Here,
    /// As a job of its own.
    Slurm,
}

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub struct SlurmArguments {
    /// Where trials run: on this machine, or as jobs of a Slurm cluster; by default as in [sweep] of the config file
    #[arg(long, value_enum, conflicts_with = "resume")]
    pub executor: Option<ExecutorKind>,
    /// What to ask of Slurm for each trial, before [sweep.slurm] of the config file: partition=gpu, account=, qos=, gres=gpu:1,
    /// cpus=4, mem=16G, time=2:00:00, constraint=, setup='module load cuda' (a line of the batch script), extra=--exclude=n7;
    /// repeatable
    #[arg(long = "slurm", value_name = "KEY=VALUE", conflicts_with = "resume")]
    pub slurm: Vec<String>,
    /// Where the sweep's own process runs, which is light: here, or as a Slurm job of its own
    #[arg(long, value_enum, value_name = "WHERE")]
    pub driver: Option<Driver>,
    /// What to ask of Slurm for the sweep's own process with --driver slurm, as for --slurm: time=2-0, mem=2G; where nothing is
    /// said, the partition, account, QOS and setup of the trials; repeatable
    #[arg(long = "slurm-driver", value_name = "KEY=VALUE", requires = "driver")]
    pub slurm_driver: Vec<String>,
    /// Print the command of the first trial, or the batch script, and run nothing
    #[arg(long, conflicts_with_all = ["resume", "detach"])]
    pub dry_run: bool,
}

impl SlurmArguments {
    /// Where trials are carried out, the flags before the settings.
    pub fn executor(&self, settings: &Settings) -> Result<ExecutorPlan, Failure> {
        let settled = &settings.sweeping;
        let kind = self.executor.unwrap_or(match settled.defaults.executor {
            ExecutorPlan::Slurm(_) => ExecutorKind::Slurm,
            ExecutorPlan::Local => ExecutorKind::Local,
        });
        if kind == ExecutorKind::Local {
            return if self.slurm.is_empty() {
                Ok(ExecutorPlan::Local)
            } else {
                Err(Failure::Usage("--slurm needs --executor slurm".into()))
            };
        }
        settled
            .slurm
            .clone()
            .with(&self.slurm)
            .map(|options| ExecutorPlan::Slurm(options.into()))
            .map_err(Failure::Usage)
    }

    /// Whether the sweep's own process is to be a job.
    pub fn is_driven_by_slurm(&self, plan: &SweepPlan) -> Result<bool, Failure> {
        match (self.driver, plan.executor.slurm()) {
            (Some(Driver::Slurm), None) => Err(Failure::Usage(
                "--driver slurm is for sweeps with --executor slurm: a job of its own would wait for trials on one node".into(),
            )),
            (Some(Driver::Here) | None, _) if !self.slurm_driver.is_empty() => {
                Err(Failure::Usage("--slurm-driver needs --driver slurm".into()))
            }
            (driver, options) => {
                // Told before anything is begun.
                options.map_or(Ok(SlurmOptions::default()), |options| options.for_driver(&self.slurm_driver)).map_err(Failure::Usage)?;
                Ok(driver == Some(Driver::Slurm))
            }
        }
    }
}

/// Prints what a sweep would run or submit.
pub fn print(
    settings: &Settings,
    plan: &SweepPlan,
    folder: &Path,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let first = text::clean(&sweep_command::first(plan)?).into_owned();
    let Some(options) = plan.executor.slurm() else {
        if plan.trial.command().is_none() {
            return Err(Failure::Usage("--dry-run is for commands, and for --executor slurm".into()));
        }
        return Ok(writeln!(out, "{first}")?);
    };
    if !first.is_empty() {
        writeln!(out, "# The first trial, in {}\n{first}", text::clean(&folder.display().to_string()))?;
    }
    let sweep = SweepFolder { path: SweepFolder::root(&settings.state_folder).join("SWEEP") };
    // One by one where a trial goes by those before it, or as many as there are, up to what Slurm takes at once.
    let of = if plan.rules.method == crate::sweep::search::Method::Tpe || plan.rules.seconds.is_some() {
        1
    } else {
        plan.rules.length().unwrap_or(1).clamp(1, 1_000)
    };
    let batch = Batch { first: 0, count: of, attempt: 1 };
    let name = format!("mltui-SWEEP-0x{of}-1");
    let pattern = if batch.is_array() { "{array}.out" } else { "{job}.out" };
    let output = sweep.path.join("slurm").join(pattern);
    let submission = Submission { name: &name, working_folder: folder, output: &output };
    let words = words(options, submission, batch, plan.rules.jobs, None);
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let program = program().map_err(Failure::Output)?;
    write!(
        out,
        "# The batch script\n{}# How it is submitted{}\nsbatch {}\n",
        script(options, &program, &sweep.path, batch),
        if batch.is_array() { "" } else { ", trial by trial" },
        words.join(" "),
    )?;
    Ok(())
}

/// Says so where scripts on other nodes would look for the store on these.
pub fn warn_of_store(settings: &Settings, plan: &SweepPlan) {
    if plan.executor.slurm().is_some() && settings.location.as_ref().is_ok_and(is_local_server) {
        say(
            "nodes of Slurm cannot reach a server of this machine's own address: scripts that log to it fail there, unless it is \
             named by the machine's name",
        );
    }
}

/// Submits the sweep's own process as a job, and returns its id.
pub fn submit_driver(
    folder: &SweepFolder,
    header: &SweepHeader,
    same: &SameStore,
    flags: &[String],
) -> Result<String, Failure> {
    let failed = |why: String| Failure::NotSubmitted(why);
    let options = header.plan.executor.slurm().cloned().unwrap_or_default();
    let options = options.for_driver(flags).map_err(Failure::Usage)?;
    let program = program().map_err(|error| failed(error.to_string()))?;
    let mut command = vec![program.to_string_lossy().into_owned()];
    command.extend(same.words.iter().map(|word| word.to_string_lossy().into_owned()));
    command.extend(["sweep", "--background", "--resume", &header.id].map(str::to_owned));
    let surroundings = Surroundings {
        variables: same
            .variables
            .iter()
            .map(|(name, address)| ((*name).to_owned(), address.as_written().to_owned()))
            .collect(),
        removed: Vec::new(),
    };
    let name = format!("mltui-{}-driver-{:06x}", header.id, fastrand::u32(..) >> 8);
    let log = folder.log();
    let submission = Submission { name: &name, working_folder: &header.folder, output: &log };
    let script = driver_script(&options.setup, &command);
    submit_job(&name, &driver_words(&options, submission), &script, &surroundings)
        .map_err(|error| failed(error.to_string()))
}

/// Leaves a sweep whose jobs go on: the next process takes them up, here or on another machine.
pub async fn leave_when_told(folder: SweepFolder, resume: String) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut hang_up), Ok(mut user)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::hangup()),
            signal(SignalKind::user_defined1()),
        ) else {
            return;
        };
        let is_out_of_time = tokio::select! {
            _ = terminate.recv() => false,
            _ = hang_up.recv() => false,
            // Its own job is told so before its time is over.
            _ = user.recv() => true,
        };
        folder.leave();
        if is_out_of_time {
            say("the time of this job is nearly over; it is requeued and goes on then; jobs of trials go on");
            match requeue_this_job() {
                Ok(Some(_)) => std::process::exit(0),
                Ok(None) => {}
                Err(error) => say(&format!("it is not requeued: {error}")),
            }
        }
        say(&format!("leaving; jobs go on, and `{resume}` takes them up"));
        std::process::exit(1);
    }
}

/// What is told of Slurm while a sweep goes on.
pub fn teller() -> Box<dyn Fn(&str) + Send + Sync> {
    Box::new(say)
}
