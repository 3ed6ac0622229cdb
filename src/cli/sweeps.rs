//! `mltui sweeps`: the sweeps of this machine; pausing them, going on, calling them off.

use std::io::Write;

use serde_json::{Value as Json, json};

use super::output::print_json;
use super::sweep_report::say;
use super::{Failure, open_existing, sweep_changes, trial_log};
use crate::config::Settings;
use crate::store::now_ms;
use crate::sweep::engine::journal::{Control, SweepFolder};
use crate::sweep::engine::state::SweepStates;
use crate::sweep::engine::unkept;
use crate::sweep::executor::slurm::has_ended;
use crate::sweep::header::{SweepFolders, SweepHeader};
use crate::sweep::progress::{Progress, SweepStatus};
use crate::sweep::run::{TakeOver, cancel_left, close_cancelled};
use crate::text;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<SweepsCommand>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum SweepsCommand {
    /// Pause a sweep after its current folds, or after the commands that are running
    Pause { sweep: String },
    /// Continue a paused sweep
    Continue { sweep: String },
    /// Cancel a sweep now; `mltui sweep --resume` continues it
    Cancel { sweep: String },
    /// Prune a trial that is running
    Prune {
        sweep: String,
        /// The number of the trial
        trial: usize,
    },
    /// Run a trial once more that failed or was pruned; it keeps its number and folder, and is not pruned by a rule again
    Retry {
        sweep: String,
        /// The number of the trial
        trial: usize,
    },
    /// Change the number of trials, or of parallel ones
    Set {
        sweep: String,
        #[command(flatten)]
        numbers: sweep_changes::NewLimits,
    },
    /// Delete the folders of a sweep's trials, with checkpoints and output; what the store has stays there
    Clean { sweep: String },
    /// Print the log of a sweep, or the output of one of its trials
    Log {
        sweep: String,
        /// The number of a trial of a command
        trial: Option<usize>,
        /// Keep printing until the trial has ended
        #[arg(long, requires = "trial")]
        follow: bool,
    },
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let (sweep, control) = match &arguments.command {
        None => return list(settings, arguments.json, out),
        Some(SweepsCommand::Log { sweep, trial: Some(trial), follow }) => {
            let (folder, header) = named(settings, sweep)?;
            return trial_log::print(&folder, &header, *trial, *follow, out);
        }
        Some(SweepsCommand::Log { sweep, .. }) => {
            let (folder, _) = find(settings, sweep)?;
            let log =
                folder.read_log().map_err(|cause| Failure::State { what: "cannot read the log", cause })?;
            return Ok(log.lines().try_for_each(|line| writeln!(out, "{}", text::clean(line)))?);
        }
        Some(SweepsCommand::Prune { sweep, trial }) => return sweep_changes::prune(settings, sweep, *trial),
        Some(SweepsCommand::Retry { sweep, trial }) => return sweep_changes::retry(settings, sweep, *trial),
        Some(SweepsCommand::Set { sweep, numbers }) => return sweep_changes::set(settings, sweep, *numbers),
        Some(SweepsCommand::Clean { sweep }) => return clean(settings, sweep),
        Some(SweepsCommand::Pause { sweep }) => (sweep, Control::Pause),
        Some(SweepsCommand::Continue { sweep }) => (sweep, Control::Run),
        Some(SweepsCommand::Cancel { sweep }) => (sweep, Control::Cancel),
    };
    let (folder, progress) = find(settings, sweep)?;
    let unchanged = |cause| Failure::State { what: "it continues as before", cause };
    let may_be_away = matches!(progress.state, SweepStatus::Interrupted | SweepStatus::Elsewhere);
    if control == Control::Cancel && may_be_away {
        let (_, header) = named(settings, sweep)?;
        if header.plan.executor.slurm().is_some() {
            // Its jobs go on while no process is at it.
            return cancel(settings, &folder, &header).await;
        }
    }
    if !progress.state.is_active() {
        return Err(Failure::Usage(format!("the sweep {sweep} is {}", progress.status_text())));
    }
    folder.set_control(control).map_err(unchanged)
}

/// Cancels the jobs of a sweep that no process is at, and closes its runs.
async fn cancel(settings: &Settings, folder: &SweepFolder, header: &SweepHeader) -> Result<(), Failure> {
    let tell = |words: &str| say(&format!("sweep {}: {words}", header.id));
    let take_over = TakeOver { is_forced: false, has_ended: &has_ended, tell: &tell };
    let cancelled = cancel_left(folder, &take_over);
    if !cancelled.map_err(|cause| Failure::State { what: "its jobs go on", cause })? {
        say("it is left to the process that is at it");
        return Ok(());
    }
    if header.store != settings.store_name() {
        say(&format!("its runs in {} are closed when mltui is next started with that store", header.store));
        return Ok(());
    }
    let store = open_existing(settings)?;
    close_cancelled(&store, folder, header).await.unwrap_or(Ok(())).map_err(Failure::from)
}

/// Takes the folders of trials away, as soon as nothing of theirs is needed any more.
fn clean(settings: &Settings, sweep: &str) -> Result<(), Failure> {
    let (folder, progress) = find(settings, sweep)?;
    let unclean = |cause| Failure::State { what: "the folders stay", cause };
    // Held, so that nobody takes the sweep up meanwhile.
    let held = folder.take().map_err(unclean)?;
    if progress.state.is_active() || held.is_none() {
        return Err(Failure::Usage(format!("the sweep {sweep} is {}", progress.status_text())));
    }
    if progress.unsent > 0 {
        return Err(Failure::Usage(format!(
            "the store has not been told all of {sweep} yet; resume it first: `{}`",
            named(settings, sweep)?.1.resume_command()
        )));
    }
    folder.forget_trials().map_err(unclean)
}

/// A sweep by its id or its name.
pub fn named(settings: &Settings, id: &str) -> Result<(SweepFolder, SweepHeader), Failure> {
    let all = SweepFolders::of(&settings.state_folder);
    let found = all.sweeps.into_iter().find(|(_, header)| header.id == id || header.name == id);
    found.ok_or_else(|| {
        for words in &all.unread {
            say(words);
        }
        Failure::NoneEligible(format!("no sweep {id:?} on this machine; see `mltui sweeps`"))
    })
}

fn find(settings: &Settings, id: &str) -> Result<(SweepFolder, Progress), Failure> {
    let (folder, header) = named(settings, id)?;
    let progress = Progress::read(&folder, &header, &mut SweepStates::default(), now_ms());
    let progress = progress.map_err(|cause| Failure::State { what: "cannot read the sweep", cause })?;
    Ok((folder, progress))
}

fn list(settings: &Settings, as_json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let all = SweepFolders::of(&settings.state_folder);
    let mut states = SweepStates::default();
    // What cannot be read is told, and hides nothing else.
    for words in &all.unread {
        say(words);
    }
    let mut progress = Vec::new();
    for (folder, header) in &all.sweeps {
        match Progress::read(folder, header, &mut states, now_ms()) {
            Ok(read) => progress.push(read),
            Err(error) => say(&format!("{}: {error}", header.id)),
        }
    }
    if as_json {
        let entry = |sweep: &Progress| {
            json!({
                "sweep": sweep.id,
                "name": sweep.name,
                "experiment_id": sweep.experiment.as_str(),
                "experiment": sweep.experiment_name,
                "data": (!sweep.is_command).then_some(&sweep.data),
                "command": sweep.is_command.then_some(&sweep.data),
                "status": sweep.state.as_str(),
                "host": sweep.host,
                "damage": sweep.damage,
                "finished": sweep.finished,
                "pruned": sweep.pruned,
                "failed": sweep.failed,
                "trials": sweep.of,
                "metric": sweep.metric,
                "best": sweep.best.as_ref().map(|best| {
                    json!({ "trial": best.number, "family": best.family, "value": best.value })
                }),
                "seconds": sweep.seconds,
                "unsent": sweep.unsent,
                "not_kept": unkept::in_json(&sweep.unkept),
                "no_ensemble": sweep.no_ensemble,
            })
        };
        return Ok(print_json(&Json::Array(progress.iter().map(entry).collect()), out)?);
    }
    if progress.is_empty() {
        return Ok(writeln!(
            out,
            "no sweeps; start one with `mltui sweep --data FILE --target COLUMN`, or `mltui sweep --param NAME=VALUES --metric NAME:min -- COMMAND`"
        )?);
    }
    let rows: Vec<Vec<String>> = progress.iter().map(row).collect();
    for (sweep, line) in progress.iter().zip(text::aligned(&rows, |_| false)) {
        writeln!(out, "{line}")?;
        if let Some(words) = &sweep.damage {
            writeln!(out, "    {}", text::clean(words))?;
        }
        if let Some(words) = unkept::in_words(&sweep.unkept) {
            writeln!(out, "    {}", text::clean(&words))?;
        }
    }
    Ok(())
}

/// A sweep in a line. The columns do not dance while a sweep goes on.
fn row(sweep: &Progress) -> Vec<String> {
    let of = sweep.of.map_or(String::new(), |of| format!("/{of}"));
    let best = sweep.best.as_ref().map_or(String::new(), |best| format!("  best {best}"));
    vec![
        sweep.id.clone(),
        text::clean(&sweep.name).into_owned(),
        format!("{:<11}", text::clean(&sweep.status_text())),
        format!("{:>3}{of} trials", sweep.ended()),
        format!("{}{best}", text::clean(&sweep.experiment_name)),
    ]
}
