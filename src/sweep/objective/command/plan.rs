//! What is trained with, as it is asked for and as it is kept.

use std::path::Path;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::param;
use super::printed::pattern;
use super::template::Template;
use crate::params::{Dimension, defaults};
use crate::sweep::engine::pruner::{PruneRule, Pruner};
use crate::sweep::engine::rules::{MOST_JOBS, Mode, Proposals, Rules};
use crate::sweep::executor_plan::{ExecutorPlan, SLURM_JOBS};
use crate::sweep::plan::{SweepPlan, TrialPlan, option, pruner_in_words, rules_in_words};
use crate::sweep::request::{SEED, TRIALS};
use crate::sweep::search::{FamilyChoice, FamilySpace, Method, Startup};
use crate::text::shell::quoted;

/// What trials are called.
const FAMILY: &str = "trial";
/// Seconds that a command has to end where nobody says.
pub const GRACE: f64 = 10.0;
/// So many trials fail in the same way before the sweep is given up, where nobody says.
pub const MAX_FAILURES: usize = 3;
/// The step from which on trials are pruned, where nobody says.
const MIN_STEPS: i64 = 1;
/// Attempts of one trial, at most.
pub const MOST_RETRIES: u32 = 100;

/// What is run, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandPlan {
    /// The words of the command, with places for params.
    pub command: Vec<String>,
    /// What finds metrics in its output, besides lines of JSON.
    #[serde(default)]
    pub patterns: Vec<String>,
    /// Seconds after which an attempt is ended, and has failed.
    #[serde(default)]
    pub timeout: Option<f64>,
    /// How often a trial that fails is tried again.
    #[serde(default)]
    pub retries: u32,
    /// Seconds that a command has to end by itself before it is killed.
    pub grace: f64,
    /// The GPUs that trials share, each for itself.
    #[serde(default)]
    pub gpus: Vec<String>,
    /// How many of them a trial has.
    #[serde(default)]
    pub gpus_per_trial: usize,
    /// The names of the variables that were set when the sweep began.
    #[serde(default)]
    pub environment: Vec<String>,
}

/// A plan before what is not said has been found out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CommandRequest {
    /// The words of the command.
    pub command: Vec<String>,
    /// What is searched, as it is written.
    pub params: Vec<String>,
    /// What the first trial takes, as it is written.
    pub start: Option<String>,
    /// The metric and which way is better, as it is written: `val_loss:min`.
    pub metric: Option<String>,
    /// What finds metrics in the output.
    pub patterns: Vec<String>,
    /// How trials are proposed.
    pub method: Method,
    /// Values of a range that a grid takes; 3.
    pub grid_points: Option<usize>,
    /// Maximum number of trials.
    pub trials: Option<usize>,
    /// Seconds after which no trial begins.
    pub seconds: Option<f64>,
    /// What proposals are drawn with.
    pub seed: Option<u64>,
    /// Trials side by side; 1, or as many as there are GPUs for.
    pub jobs: Option<usize>,
    /// Seconds after which an attempt is ended.
    pub timeout: Option<f64>,
    /// By which rule trials are pruned on their way; by none.
    pub prune: Option<PruneRule>,
    /// The step from which on; 1.
    pub min_steps: Option<i64>,
    /// One in so many goes on at a rung.
    pub reduction: Option<u32>,
    /// How often a trial that fails is tried again; never.
    pub retries: Option<u32>,
    /// Trials that fail in the same way before the sweep is given up; [`MAX_FAILURES`], and 0 for never.
    pub max_failures: Option<usize>,
    /// Seconds that a command has to end by itself; [`GRACE`].
    pub grace: Option<f64>,
    /// The GPUs that trials share.
    pub gpus: Vec<String>,
    /// How many of them a trial has; 1.
    pub gpus_per_trial: Option<usize>,
    /// Where trials are carried out.
    pub executor: ExecutorPlan,
}

impl CommandRequest {
    /// Decides the rest, for a command that runs in that folder.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn decide(&self, folder: &Path) -> Result<SweepPlan, String> {
        if cfg!(not(unix)) {
            return Err(
                "a sweep over a command ends whatever a trial leaves running, which takes Unix: use WSL"
                    .into(),
            );
        }
        let (metric, mode) = metric(self.metric.as_deref())?;
        let dimensions = param::dimensions(&self.params, self.start.as_deref())?;
        if self.method == Method::Grid && self.start.is_some() {
            return Err("--start has no meaning for a grid, which takes every value".into());
        }
        let is_one = |dimension: &Dimension| dimension.grid(2).len() < 2;
        let trials = match (self.method, self.trials, self.seconds) {
            (_, Some(trials), _) => Some(trials),
            // Nothing to vary is tried once.
            _ if dimensions.iter().all(is_one) => Some(1),
            (Method::Grid, ..) | (.., Some(_)) => None,
            _ => Some(TRIALS),
        };
        let each = if self.gpus.is_empty() { 0 } else { self.gpus_per_trial.unwrap_or(1) };
        if self.gpus.is_empty() && self.gpus_per_trial.is_some() {
            return Err("--gpus-per-trial needs --gpus 0,1,…".into());
        }
        if !self.gpus.is_empty() && (each == 0 || each > self.gpus.len()) {
            return Err(format!("--gpus-per-trial {each}: use 1 to {}", self.gpus.len()));
        }
        let room = self.gpus.len().checked_div(each).unwrap_or(MOST_JOBS);
        let is_on_cluster = self.executor.slurm().is_some();
        if is_on_cluster && !self.gpus.is_empty() {
            return Err("--gpus are those of this machine; of a cluster ask with --slurm gres=gpu:1".into());
        }
        let few = if is_on_cluster { SLURM_JOBS } else { 1 };
        let jobs = self.jobs.unwrap_or(if each == 0 { few } else { room });
        if jobs > room {
            return Err(format!("--jobs {jobs}: there are GPUs for {room}; use fewer, or more --gpus"));
        }
        let rules = Rules {
            metric,
            mode,
            spaces: vec![FamilySpace { family: FAMILY.to_owned(), dimensions }],
            method: self.method,
            grid_points: self.grid_points.unwrap_or(3).max(1),
            trials,
            seconds: self.seconds,
            seed: self.seed.unwrap_or(SEED),
            pruner: pruner(self.prune, self.min_steps.unwrap_or(MIN_STEPS), self.reduction),
            jobs: jobs.clamp(1, MOST_JOBS),
            ensemble: false,
            proposals: Proposals::Eager,
            startup: Startup::Sobol,
            families: FamilyChoice::default(),
            max_failures: Some(self.max_failures.unwrap_or(MAX_FAILURES)).filter(|most| *most > 0),
        };
        let plan = CommandPlan {
            command: self.command.clone(),
            patterns: self.patterns.clone(),
            timeout: self.timeout,
            retries: self.retries.unwrap_or(0),
            grace: self.grace.unwrap_or(GRACE),
            gpus: self.gpus.clone(),
            gpus_per_trial: each,
            environment: environment(),
        };
        plan.check(&rules)?;
        if !is_on_cluster {
            // A node may have other programs, which modules bring.
            plan.check_program(folder)?;
        }
        let plan = SweepPlan { rules, trial: TrialPlan::Command(plan), executor: self.executor.clone() };
        plan.check().map_err(|error| error.to_string())?;
        Ok(plan)
    }
}

fn pruner(rule: Option<PruneRule>, min_steps: i64, reduction: Option<u32>) -> Pruner {
    rule.map_or(Pruner::None, |rule| Pruner::new(rule, min_steps, reduction))
}

/// `val_loss:min` as a name and which way is better.
fn metric(text: Option<&str>) -> Result<(String, Mode), String> {
    let text = text.ok_or("no metric given; pass --metric NAME:min or --metric NAME:max")?;
    match text.rsplit_once(':') {
        Some((name, "min")) if !name.is_empty() => Ok((name.to_owned(), Mode::Min)),
        Some((name, "max")) if !name.is_empty() => Ok((name.to_owned(), Mode::Max)),
        _ => Err(format!("--metric {text}: write {text}:min or {text}:max")),
    }
}

/// The names of the variables of this process, and no values.
fn environment() -> Vec<String> {
    let mut names: Vec<String> =
        std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

impl CommandPlan {
    /// What the command is filled in by.
    ///
    /// # Errors
    /// What is wrong with the command.
    pub fn template(&self, rules: &Rules) -> Result<Template, String> {
        let dimensions = rules.spaces.first().map_or(&[][..], |space| &space.dimensions);
        Template::new(&self.command, dimensions)
    }

    /// How many trials there is room for side by side.
    pub fn room(&self) -> usize {
        self.gpus.len().checked_div(self.gpus_per_trial).unwrap_or(MOST_JOBS)
    }

    /// What finds metrics in its output.
    ///
    /// # Errors
    /// What is wrong with one.
    pub fn regexes(&self) -> Result<Vec<Regex>, String> {
        self.patterns.iter().map(|text| pattern(text)).collect()
    }

    /// Whether it can be carried out at all: it may come from a file.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check(&self, rules: &Rules) -> Result<(), String> {
        if self.command.is_empty() {
            return Err("no command; write it behind --".into());
        }
        self.template(rules)?;
        self.regexes()?;
        for dimension in rules.spaces.iter().flat_map(|space| &space.dimensions) {
            dimension.range.check().map_err(|why| format!("--param {}: {why}", dimension.name))?;
        }
        let is_time = |seconds: f64| seconds.is_finite() && (0.0..=1e9).contains(&seconds);
        if !is_time(self.grace) || !self.timeout.is_none_or(|seconds| is_time(seconds) && seconds > 0.0) {
            return Err("a time is out of range; use one such as 90s, 10m or 2h".into());
        }
        if self.retries > MOST_RETRIES {
            return Err(format!("--retries {}: use {MOST_RETRIES} at most", self.retries));
        }
        if !self.gpus.is_empty() && !(1..=self.gpus.len()).contains(&self.gpus_per_trial) {
            return Err(format!("--gpus-per-trial {}: use 1 to {}", self.gpus_per_trial, self.gpus.len()));
        }
        Ok(())
    }

    /// Whether its program is there, as far as that can be told before anything runs.
    ///
    /// # Errors
    /// That it is not.
    pub fn check_program(&self, folder: &Path) -> Result<(), String> {
        let Some(program) = self.command.first().filter(|program| !program.contains(['{', '}'])) else {
            return Ok(());
        };
        if program.contains('/') {
            let is_there = folder.join(program).is_file();
            return if is_there { Ok(()) } else { Err(format!("no file {program} in {}", folder.display())) };
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_there = std::env::split_paths(&path).any(|place| place.join(program).is_file());
        if is_there {
            Ok(())
        } else {
            Err(format!("no program {program:?} in PATH; write its path, or activate its environment first"))
        }
    }

    /// The command that does the same again, in words that a shell takes.
    pub fn words(&self, rules: &Rules, place: &[String]) -> Vec<String> {
        let mut words = vec!["mltui".to_owned(), "sweep".to_owned()];
        let mut flag = |name: &str, value: &str| words.push(option(name, value));
        let dimensions = rules.spaces.first().map_or(&[][..], |space| &space.dimensions);
        for dimension in dimensions {
            flag("param", &param::written(dimension));
        }
        let begins = defaults(dimensions);
        let is_said = |dimension: &&Dimension| {
            begins.contains_key(&dimension.name)
                && dimension.range.middle().as_ref() != Some(&dimension.default)
        };
        let start: Vec<String> = dimensions
            .iter()
            .filter(is_said)
            .map(|dimension| format!("{}={}", dimension.name, dimension.default))
            .collect();
        if !start.is_empty() {
            flag("start", &start.join(","));
        }
        let mode = if rules.mode == Mode::Min { "min" } else { "max" };
        flag("metric", &format!("{}:{mode}", rules.metric));
        for text in &self.patterns {
            flag("metric-pattern", text);
        }
        words.extend(rules_in_words(rules));
        if rules.pruner != Pruner::None {
            words.extend(pruner_in_words(rules.pruner));
        }
        let mut flag = |name: &str, value: &str| words.push(option(name, value));
        flag("jobs", &rules.jobs.to_string());
        if let Some(seconds) = self.timeout {
            flag("timeout", &format!("{seconds}s"));
        }
        flag("retries", &self.retries.to_string());
        flag("max-failures", &rules.max_failures.unwrap_or(0).to_string());
        flag("grace", &format!("{}s", self.grace));
        if !self.gpus.is_empty() {
            flag("gpus", &self.gpus.join(","));
            flag("gpus-per-trial", &self.gpus_per_trial.to_string());
        }
        words.extend_from_slice(place);
        words.push("--".to_owned());
        words.extend(self.command.iter().map(|word| quoted(word)));
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &str) -> CommandRequest {
        CommandRequest {
            command: words.split(' ').map(str::to_owned).collect(),
            params: ["lr=1e-5..1e-1:log", "opt=a,b"].map(str::to_owned).to_vec(),
            metric: Some("val_loss:min".into()),
            ..CommandRequest::default()
        }
    }

    #[test]
    fn a_plan_says_what_goes_without_saying_and_reads_back() {
        let wanted = CommandRequest { start: Some("lr=0.01,opt=b".into()), ..request("sh -c {lr}{opt}") };
        let plan = wanted.decide(Path::new("/")).unwrap();
        let rules = &plan.rules;
        assert_eq!((rules.jobs, rules.trials, rules.max_failures), (1, Some(TRIALS), Some(MAX_FAILURES)));
        let kept = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<SweepPlan>(&kept).unwrap(), plan);
        let command = plan.command(&["--experiment e".into()]);
        assert!(command.contains("--param 'opt=a,b'") || command.contains("--param opt=a,b"), "{command}");
        assert!(command.contains("lr=0.01,opt=b") && command.contains("--metric val_loss:min"), "{command}");
        assert!(command.contains("--experiment e -- sh -c "), "{command}");
        let gpus = ["0", "1", "2", "3"].map(str::to_owned).to_vec();
        let shared = CommandRequest { gpus, gpus_per_trial: Some(2), ..request("sh") };
        assert_eq!(shared.decide(Path::new("/")).unwrap().rules.jobs, 2);
        let constant = CommandRequest { params: vec!["seed=7".into()], ..request("sh") };
        assert_eq!(constant.decide(Path::new("/")).unwrap().rules.trials, Some(1));
    }

    #[test]
    fn what_cannot_be_carried_out_is_told_before_anything_runs() {
        let gpus = vec!["0".to_owned()];
        for (request, why) in [
            (CommandRequest { metric: None, ..request("sh") }, "pass --metric NAME:min"),
            (CommandRequest { metric: Some("loss".into()), ..request("sh") }, "write loss:min or loss:max"),
            (request("no-such-program-anywhere"), "no program \"no-such-program-anywhere\" in PATH"),
            (request("./nothing"), "no file ./nothing in /"),
            (request("sh {lr}"), "takes the param opt"),
            (CommandRequest { gpus: gpus.clone(), gpus_per_trial: Some(2), ..request("sh") }, "use 1 to 1"),
            (CommandRequest { gpus_per_trial: Some(2), ..request("sh") }, "needs --gpus"),
            (CommandRequest { gpus, jobs: Some(2), ..request("sh") }, "there are GPUs for 1"),
            (CommandRequest { patterns: vec!["(".into()], ..request("sh") }, "--metric-pattern"),
            (CommandRequest { retries: Some(1000), ..request("sh") }, "--retries 1000"),
            (
                CommandRequest { method: Method::Grid, start: Some("opt=b".into()), ..request("sh") },
                "no meaning for a grid",
            ),
        ] {
            let said = request.decide(Path::new("/")).unwrap_err();
            assert!(said.contains(why), "{why}: {said}");
        }
    }
}
