//! What `mltui sweep` says while it goes on, and in the end.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::Failure;
use super::output::print_json;
use crate::mlflow::RunId;
use crate::store::now_ms;
use crate::sweep::engine::journal::{EndReason, EventKind, SweepFolder, TrialOutcome};
use crate::sweep::engine::record::SweepEnd;
use crate::sweep::engine::state::{SweepState, SweepStates, best};
use crate::sweep::engine::unkept;
use crate::sweep::header::SweepHeader;
use crate::sweep::progress::{Progress, SweepStatus};
use crate::sweep::run::Notice;
use crate::text;

/// A line on standard error.
pub fn say(line: &str) {
    // A message that nobody can be told is no reason to stop.
    let _ = writeln!(std::io::stderr(), "mltui: {}", text::clean(line));
}

/// Progress on standard error: a line that is written over on a terminal, else a line for each trial.
pub struct Bar {
    header: SweepHeader,
    state: SweepState,
    /// Events that the store has not been told.
    left: usize,
    is_terminal: bool,
    /// Somebody was told that the store does not take everything.
    has_told: bool,
    /// When the line was drawn that is there.
    drawn: Option<Instant>,
}

const WIDTH: usize = 24;
/// Between drawings.
const PACE: Duration = Duration::from_millis(50);

impl Bar {
    pub fn new(folder: &SweepFolder, header: &SweepHeader, background: bool) -> Self {
        Self {
            header: header.clone(),
            state: SweepState::of(&folder.events().unwrap_or_default()),
            left: 0,
            is_terminal: !background && std::io::stderr().is_terminal(),
            has_told: false,
            drawn: None,
        }
    }

    pub fn take(&mut self, notice: Notice<'_>) {
        match notice {
            Notice::Event(event) => {
                self.state.learn(event);
                if self.is_terminal {
                    if self.drawn.is_none_or(|drawn| drawn.elapsed() >= PACE) {
                        self.draw();
                    }
                } else if let EventKind::Ended { trial, outcome, .. } = &event.kind {
                    self.line(*trial, outcome);
                }
                if matches!(event.kind, EventKind::Closed { .. })
                    && let Some(why) = self.progress().no_ensemble
                {
                    self.above(&why);
                }
            }
            Notice::Sent { left } => {
                self.left = left;
                if self.is_terminal && self.drawn.is_none_or(|drawn| drawn.elapsed() >= PACE) {
                    self.draw();
                }
            }
            Notice::Away(error) => {
                self.above(&format!("{error}; results are kept; retrying"));
            }
            Notice::Back => self.above("the store answers again"),
            Notice::NotKept(unkept) => {
                // The reason once; how many there are is said in the end.
                if !std::mem::replace(&mut self.has_told, true) {
                    let of = unkept.trial.map_or(String::new(), |trial| format!(" of trial {trial}"));
                    self.above(&format!(
                        "cannot store {}{of}; the sweep continues: {}",
                        unkept.what, unkept.why
                    ));
                }
            }
        }
    }

    fn progress(&self) -> Progress {
        let sent = self.state.events.saturating_sub(self.left);
        Progress::new(&self.header, &self.state, sent, SweepStatus::Running, now_ms())
    }

    fn draw(&mut self) {
        let progress = self.progress();
        let done = progress.ended();
        let filled = progress.of.map_or(0, |of| done * WIDTH / of.max(1)).min(WIDTH);
        let of = progress.of.map_or(String::new(), |of| format!("/{of}"));
        let best = progress.best.as_ref().map_or(String::new(), |best| format!("  best {best}"));
        let left = match progress.left {
            _ if progress.is_logging() => format!("  logging, {} to go", progress.unsent),
            Some(left) => format!("  {} left", text::duration(left as i64 * 1000)),
            None => String::new(),
        };
        let line = format!("[{}{}] {done}{of}{best}{left}", "#".repeat(filled), "-".repeat(WIDTH - filled));
        let _ = write!(std::io::stderr(), "\r\x1b[K{}", text::clean(&line));
        self.drawn = Some(Instant::now());
    }

    fn line(&self, trial: usize, outcome: &TrialOutcome) {
        let trials = &self.state.trials;
        let family = trials[trial].proposal.as_ref().map_or("", |proposal| proposal.family.as_str());
        let came = match outcome {
            TrialOutcome::Finished { .. } => {
                let mean = trials[trial].mean(self.header.plan.aim()).unwrap_or(f64::NAN);
                format!("{} {}", self.header.plan.metric(), text::number(mean))
            }
            TrialOutcome::Pruned { reports, is_by_hand, .. } => {
                let pruned = if *is_by_hand { "pruned by hand" } else { "pruned" };
                match self.header.plan.trial.command() {
                    Some(_) if *reports == 0 => pruned.to_owned(),
                    Some(_) => format!("{pruned} at step {reports}"),
                    None => format!("{pruned} after {}", text::counted(*reports, "fold")),
                }
            }
            TrialOutcome::Failed { message } => {
                // Below it are the last lines of a command, which lie on its run.
                format!("failed: {}", message.lines().next().unwrap_or_default())
            }
        };
        if self.header.plan.trial.command().is_some() {
            say(&format!("trial {trial}: {came}"));
        } else {
            say(&format!("trial {trial} {family}: {came}"));
        }
    }

    fn above(&mut self, line: &str) {
        self.end();
        say(line);
    }

    pub fn end(&mut self) {
        if self.drawn.is_some() {
            self.draw();
            let _ = writeln!(std::io::stderr());
            self.drawn = None;
        }
    }
}

/// What came of a sweep: the best trial, or why there is none.
pub fn report(
    folder: &SweepFolder,
    header: &SweepHeader,
    ended: &SweepEnd,
    as_json: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut states = SweepStates::default();
    let unread = |cause| Failure::State { what: "cannot read the sweep's result", cause };
    let read = Progress::read(folder, header, &mut states, now_ms()).map_err(unread)?;
    // A fit that nobody waits for may still be at work, and hold the sweep.
    let state = match ended.reason {
        EndReason::Finished => SweepStatus::Finished,
        EndReason::Cancelled => SweepStatus::Cancelled,
        EndReason::Failed => SweepStatus::Failed,
        EndReason::Interrupted => SweepStatus::Interrupted,
    };
    let progress = Progress { state, running: 0, left: None, ..read };
    let trials = &states.of(&header.id, folder).map_err(unread)?.trials;
    let all = header.plan.scores();
    let best = best(trials, header.plan.aim());
    if as_json {
        let of = |prefix: &str, values: &[Option<f64>]| -> serde_json::Map<String, Json> {
            all.iter()
                .zip(values)
                .map(|(score, value)| (format!("{prefix}_{}", score.name), json!(value)))
                .collect()
        };
        let best = best.map(|number| {
            let trial = &trials[number];
            let mut metrics = match &trial.outcome {
                Some(TrialOutcome::Finished { means, .. }) => of("val", means),
                _ => serde_json::Map::new(),
            };
            if all.is_empty() {
                metrics.insert(header.plan.metric(), json!(trial.mean(header.plan.aim())));
            }
            metrics.extend(trial.last.iter().flat_map(|last| of("test", &last.values)));
            json!({
                "trial": number,
                "run_id": ended.runs.get(&number).map(RunId::as_str),
                "family": trial.proposal.as_ref().map(|proposal| &proposal.family),
                "params": trial.proposal.as_ref().map(|proposal| &proposal.params),
                "metrics": metrics,
            })
        });
        print_json(
            &json!({
                "sweep": header.id,
                "status": progress.state.as_str(),
                "experiment_id": header.experiment.as_str(),
                "run_id": ended.parent.as_ref().map(RunId::as_str),
                "metric": progress.metric,
                "finished": progress.finished,
                "pruned": progress.pruned,
                "failed": progress.failed,
                "seconds": progress.seconds,
                "not_kept": unkept::in_json(&progress.unkept),
                "no_ensemble": progress.no_ensemble,
                "best": best,
                "command": header.command(),
                "data": header.report,
            }),
            out,
        )?;
    } else if let Some(best) = &progress.best {
        writeln!(
            out,
            "best: {} of {} ({} pruned, {} failed)",
            best.with_test(),
            text::counted(progress.ended(), "trial"),
            progress.pruned,
            progress.failed
        )?;
        if let Some(proposal) = &trials[best.number].proposal {
            for (name, value) in &proposal.params {
                writeln!(out, "  {name} = {value}")?;
            }
        }
        writeln!(
            out,
            "in the experiment {} as {}, sweep {}",
            text::clean(&header.experiment_name),
            header.name,
            header.id
        )?;
        if let Some(words) = unkept::in_words(&progress.unkept) {
            writeln!(out, "{}", text::clean(&words))?;
        }
        writeln!(out, "to repeat: {}", text::clean(&header.command()))?;
    }
    if ended.reason == EndReason::Cancelled {
        return Err(Failure::Cancelled(header.resume_command()));
    }
    let error = progress.error.map_or(String::new(), |error| format!(": {error}"));
    if ended.is_given_up {
        let most = header.plan.rules.max_failures.unwrap_or_default();
        return Err(Failure::NoneEligible(format!(
            "stopped, as the first {most} trials failed in the same way{error}; mend it and resume with `{}`",
            header.resume_command()
        )));
    }
    if progress.best.is_none() {
        return Err(Failure::NoneEligible(format!("no trial succeeded{error}")));
    }
    Ok(())
}
