//! Any command: a trial is a process that is given params on its command line and in its environment, and whose metric is
//! read from the run that it logs, or from what it prints.

mod gpus;
#[cfg(unix)]
mod guard;
mod guarded;
#[cfg(unix)]
mod leftovers;
mod log;
mod param;
mod plan;
mod printed;
#[cfg(unix)]
mod processes;
mod template;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use regex::Regex;
use serde_json::{Map, Value as Json};
use tokio::runtime::Handle;

use self::gpus::Gpus;
use self::guarded::{Guarded, Start};
use self::printed::{Printed, Reader};
use self::template::Template;
use super::Objective;
use crate::disk::{self, Care};
use crate::mlflow::{Run, RunId};
use crate::params::ParamValue;
use crate::store::now_ms;
use crate::sweep::engine::attempts::{Attempt, AttemptEnd, TrialFolder};
use crate::sweep::engine::journal::SweepFolder;
use crate::sweep::engine::record::{ScriptRuns, is_transient, run_of_attempt};
use crate::sweep::engine::trial::{Measured, Trial, TrialEnd, TrialReport, TrialWatch};
use crate::sweep::header::SweepHeader;
use crate::text;

#[cfg(unix)]
pub use guard::guard;
pub use guarded::GUARD;
#[cfg(unix)]
pub use leftovers::end_leftovers;
pub use log::CommandLog;
pub use plan::{CommandPlan, CommandRequest};

/// Between looks at what a command says, and whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);
/// Between looks at a store that is away.
const BREATH: Duration = Duration::from_millis(500);
/// How long a guard may take behind the grace.
const PATIENCE: Duration = Duration::from_secs(20);
/// Of the output of a command that fails: so many lines, of so many characters, out of so many bytes.
const LAST_LINES: usize = 10;
const LINE: usize = 300;
const LAST_BYTES: u64 = 16 << 10;
/// Metrics that are named where the one that is optimised is missing.
const NAMED: usize = 10;

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
}

/// How an attempt came out for the sweep.
enum Came {
    /// To its end.
    Ended(AttemptEnd),
    /// It took too long.
    TimedOut,
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
            gpus: Gpus::new(&plan.gpus, plan.gpus_per_trial.min(plan.gpus.len())),
            plan: plan.clone(),
            folder,
            sweep: header.id.clone(),
            experiment: header.experiment.as_str().to_owned(),
            working_folder: header.folder.clone(),
            access,
            runs,
            handle: Handle::current(),
        })
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

    /// Begins a further attempt.
    fn next(folder: &TrialFolder, attempt: &Attempt) -> io::Result<Attempt> {
        let next = Attempt {
            number: attempt.number + 1,
            failures: attempt.failures,
            log_start: folder.log().metadata().map_or(0, |metadata| metadata.len()),
        };
        folder.set_points(&[])?;
        folder.set_attempt(&next)?;
        Ok(next)
    }

    /// Carries an attempt out; in seconds how long it took.
    fn carry_out(
        &self,
        trial: &Trial,
        attempt: &Attempt,
        parent: &RunId,
        gpus: &str,
        watch: &dyn TrialWatch,
        reader: &mut Reader<'_>,
    ) -> io::Result<Came> {
        let folder = self.folder.trial_folder(trial.number);
        let mut log = disk::open_to_append(&folder.log())?;
        if attempt.number > 1 {
            io::Write::write_all(&mut log, format!("--- attempt {} ---\n", attempt.number).as_bytes())?;
        }
        let variables = self.variables(trial, attempt, parent, gpus, &folder)?;
        let begun = Instant::now();
        let mut guarded = Guarded::start(Start {
            folder: &folder.path,
            attempt: attempt.number,
            grace: self.plan.grace,
            command: &self.template.fill(&trial.proposal.params),
            working_folder: &self.working_folder,
            variables,
            removed: self.removed(),
            log,
        })?;
        let timeout = self.plan.timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let mut came = None;
        while !guarded.is_over_in(LOOK) {
            reader.read(now_ms())?;
            if came.is_some() {
                continue;
            }
            if watch.is_called_off() {
                came = Some(Came::CalledOff);
            } else if timeout.is_some_and(|timeout| begun.elapsed() >= timeout) {
                came = Some(Came::TimedOut);
            }
            if came.is_some() {
                guarded.stop();
            }
        }
        drop(guarded);
        #[cfg(unix)]
        end_leftovers(&folder)?;
        reader.read(now_ms())?;
        reader.finish(now_ms());
        let end = folder.end_of(attempt.number)?;
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

    /// What a command finds in its environment.
    fn variables(
        &self,
        trial: &Trial,
        attempt: &Attempt,
        parent: &RunId,
        gpus: &str,
        folder: &TrialFolder,
    ) -> io::Result<Vec<(String, String)>> {
        let params = &trial.proposal.params;
        let path = folder.own("params.json");
        let values: Map<String, Json> =
            params.iter().map(|(key, value)| (key.clone(), as_json(value))).collect();
        disk::replace(&path, &text::json::pretty(&values).map_err(io::Error::other)?, Care::Passing)?;
        let mut context = std::env::var("MLFLOW_RUN_CONTEXT")
            .ok()
            .and_then(|text| serde_json::from_str::<Map<String, Json>>(&text).ok())
            .unwrap_or_default();
        let tags = self.runs.context(trial.number, attempt.number, parent);
        context.extend(tags.into_iter().map(|(key, value)| (key, Json::String(value))));
        let mut variables = self.access.variables.clone();
        let mut set = |name: &str, value: String| variables.push((name.to_owned(), value));
        set("MLFLOW_EXPERIMENT_ID", self.experiment.clone());
        set("MLFLOW_RUN_CONTEXT", Json::Object(context).to_string());
        for (name, value) in params {
            set(&param::variable(name), value.to_string());
        }
        set("MLTUI_PARAMS", path.display().to_string());
        set("MLTUI_TRIAL_DIR", folder.path.display().to_string());
        set("MLTUI_TRIAL", trial.number.to_string());
        #[cfg(unix)]
        set(leftovers::MARK, format!("{}/{}/{}", self.sweep, trial.number, attempt.number));
        if std::env::var_os("PYTHONUNBUFFERED").is_none() {
            // Else it would say nothing before it ends.
            set("PYTHONUNBUFFERED", "1".into());
        }
        if !gpus.is_empty() {
            set("CUDA_VISIBLE_DEVICES", gpus.to_owned());
        }
        Ok(variables)
    }

    /// What would lead a command astray: of a run that this program is itself a part of.
    fn removed(&self) -> Vec<String> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let outer = names.filter(|name| name.starts_with("MLTUI_PARAM_"));
        let astray = ["MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME"].map(str::to_owned);
        self.access.removed.iter().cloned().chain(astray).chain(outer).collect()
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

    /// How an attempt failed that did not come to its end as it should, with its last words.
    fn failure(&self, folder: &TrialFolder, attempt: &Attempt, came: &Came) -> io::Result<String> {
        let what = match came {
            Came::Ended(AttemptEnd::Exited(code)) => format!("exit code {code}"),
            Came::Ended(AttemptEnd::Signalled(signal)) => format!("ended by signal {signal}"),
            Came::Ended(AttemptEnd::Unstarted(why)) => return Ok(why.clone()),
            Came::Ended(AttemptEnd::Stopped) => "ended from outside".to_owned(),
            Came::TimedOut => {
                let seconds = self.plan.timeout.unwrap_or_default();
                format!("timeout after {}", text::duration((seconds * 1000.0) as i64))
            }
            Came::CalledOff => "called off".to_owned(),
        };
        Ok(with_lines(&what, &last_lines(folder, attempt.log_start)?))
    }

    /// Keeps what was printed and is not in the run already, and finds the value of the trial.
    fn judge(
        folder: &TrialFolder,
        run: Option<&Run>,
        printed: &Printed,
        metric: &str,
    ) -> io::Result<Result<f64, String>> {
        let logged: HashMap<&str, f64> = run.map_or_else(HashMap::new, |run| {
            run.metrics.iter().map(|metric| (metric.key.as_str(), metric.value)).collect()
        });
        folder.set_points(&printed.points_but(|key| logged.contains_key(key)))?;
        Ok(match logged.get(metric).copied().or_else(|| printed.value(metric)) {
            Some(value) if value.is_finite() => Ok(value),
            Some(value) => Err(format!("{metric} is {value}")),
            None => {
                let mut known: Vec<&str> = logged.into_keys().chain(printed.keys()).collect();
                known.sort_unstable();
                known.dedup();
                let more = known.len().saturating_sub(NAMED);
                known.truncate(NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let of = if run.is_some() { "its run" } else { "it made no run, and its output" };
                Err(if known.is_empty() {
                    format!("no metric {metric}: {of} has none")
                } else {
                    format!("no metric {metric}: {of} has {}{more}", known.join(", "))
                })
            }
        })
    }
}

impl Objective for Commands {
    fn run(&self, trial: &Trial, watch: &dyn TrialWatch) -> io::Result<TrialEnd> {
        if !trial.reports.is_empty() {
            return Ok(TrialEnd::Finished);
        }
        let Some(parent) = self.parent(watch) else { return Ok(TrialEnd::Cancelled) };
        let Some(gpus) = self.gpus.take(|| watch.is_called_off()) else { return Ok(TrialEnd::Cancelled) };
        let folder = self.folder.trial_folder(trial.number);
        self.folder.check()?;
        folder.make()?;
        #[cfg(unix)]
        end_leftovers(&folder)?;
        let mut attempt = folder.attempt()?;
        // What came to its end while nobody was there to see is not run again.
        let mut known = folder.end_of(attempt.number)?.filter(|end| *end != AttemptEnd::Stopped);
        loop {
            let begun = Instant::now();
            let (came, printed) = match known.take() {
                Some(end) => {
                    let mut reader = Reader::new(folder.log(), attempt.log_start, &self.patterns);
                    reader.read(now_ms())?;
                    reader.finish(now_ms());
                    (Came::Ended(end), reader.printed)
                }
                None if watch.is_called_off() => return Ok(TrialEnd::Cancelled),
                None => {
                    attempt = Self::next(&folder, &attempt)?;
                    let mut reader = Reader::new(folder.log(), attempt.log_start, &self.patterns);
                    let came =
                        self.carry_out(trial, &attempt, &parent, &gpus.in_words(), watch, &mut reader)?;
                    (came, reader.printed)
                }
            };
            let is_well = matches!(came, Came::Ended(AttemptEnd::Exited(0)));
            if matches!(came, Came::CalledOff) {
                return Ok(TrialEnd::Cancelled);
            }
            if !is_well && attempt.failures < self.plan.retries {
                attempt.failures += 1;
                continue;
            }
            let Some(runs) = self.runs_of(trial.number, is_well, watch)? else {
                return Ok(TrialEnd::Cancelled);
            };
            let run = run_of_attempt(&runs, attempt.number, &parent, &self.metric);
            let value = Self::judge(&folder, run, &printed, &self.metric)?;
            if !is_well {
                return Ok(TrialEnd::Failed(self.failure(&folder, &attempt, &came)?));
            }
            return Ok(match value {
                Ok(value) => {
                    let fit_seconds = begun.elapsed().as_secs_f64();
                    let measured = Measured { values: vec![Some(value)], fit_seconds, predict_seconds: 0.0 };
                    watch.report(TrialReport::Step(measured))?;
                    TrialEnd::Finished
                }
                Err(why) => TrialEnd::Failed(with_lines(&why, &last_lines(&folder, attempt.log_start)?)),
            });
        }
    }

    fn finish(&self, _: &Trial, _: &dyn TrialWatch) -> io::Result<()> {
        Ok(())
    }

    fn patience(&self) -> Duration {
        let grace = Duration::try_from_secs_f64(self.plan.grace).unwrap_or_default();
        grace.saturating_add(PATIENCE)
    }
}

/// A value as scripts read it: what was written as a number is one.
fn as_json(value: &ParamValue) -> Json {
    match value {
        ParamValue::Text(text) => match serde_json::from_str(text) {
            Ok(Json::Number(number)) => Json::Number(number),
            _ => Json::String(text.clone()),
        },
        value => serde_json::to_value(value).unwrap_or_default(),
    }
}

/// A sentence, the last word of a command behind it, and below what came before.
fn with_lines(what: &str, lines: &[String]) -> String {
    match lines.last() {
        Some(last) if lines.len() > 1 => format!("{what}: {last}\n{}", lines.join("\n")),
        Some(last) => format!("{what}: {last}"),
        None => what.to_owned(),
    }
}

/// The last lines that an attempt printed.
fn last_lines(folder: &TrialFolder, from: u64) -> io::Result<Vec<String>> {
    let path = folder.log();
    let said = path.metadata().map_or(0, |metadata| metadata.len()).saturating_sub(from);
    if said == 0 {
        return Ok(Vec::new());
    }
    let end = disk::read_end(&path, said.min(LAST_BYTES))?;
    let lines = end.split(['\n', '\r']).map(|line| text::clean(line.trim_end()));
    let mut lines: Vec<String> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("--- attempt "))
        .map(|line| line.chars().take(LINE).collect())
        .collect();
    Ok(lines.split_off(lines.len().saturating_sub(LAST_LINES)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbers_for_scripts_where_they_were_written_as_such() {
        for (value, expected) in [
            (ParamValue::Text("1e-3".into()), "0.001"),
            (ParamValue::Text("007".into()), "\"007\""),
            (ParamValue::Text("true".into()), "\"true\""),
            (ParamValue::Int(3), "3"),
            (ParamValue::Real(0.5), "0.5"),
        ] {
            assert_eq!(as_json(&value).to_string(), expected);
        }
    }

    #[test]
    fn the_last_words_of_a_command_stand_first() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() }.trial_folder(0);
        folder.make().unwrap();
        let lines = |from| last_lines(&folder, from).unwrap();
        assert_eq!(with_lines("exit code 1", &lines(0)), "exit code 1");
        std::fs::write(
            folder.log(),
            "before\nTraceback\n  File \"x\"\n\u{1b}[31mError: no\u{1b}[0m 12%\rModuleNotFoundError: x\n\n",
        )
        .unwrap();
        let words = with_lines("exit code 1", &lines(7));
        assert!(words.starts_with("exit code 1: ModuleNotFoundError: x\nTraceback\n"), "{words}");
        assert!(!words.contains('\u{1b}') && !words.contains("before"), "{words}");
        std::fs::write(folder.log(), "x\n".repeat(100_000)).unwrap();
        assert_eq!(lines(0).len(), LAST_LINES);
    }
}
