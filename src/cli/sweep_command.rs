//! `mltui sweep … -- COMMAND`: a search over the params of any command.

use std::path::{Path, PathBuf};

use super::sweep_arguments::Arguments;
use super::{Failure, sweep_report::say};
use crate::config::Settings;
use crate::sweep::objective::command::{CommandPlan, CommandRequest};
use crate::sweep::plan::SweepPlan;
use crate::sweep::request::seconds;
use crate::text::shell::quoted;

/// What a word is named that says which script is run.
const SCRIPTS: [&str; 7] = [".py", ".sh", ".r", ".R", ".jl", ".js", ".pl"];

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Any command")]
#[command(group = clap::ArgGroup::new("trials_of_commands").args(["file", "command"]).multiple(true))]
pub struct CommandArguments {
    /// A sweep of a command as a TOML file, with the names of these options as keys; options count before it
    #[arg(
        value_name = "FILE.toml",
        conflicts_with_all = [
            "data", "target", "task", "families", "spaces", "folds", "test_size", "repeats", "time_column", "group_column", "weight_column", "class_weight", "ensemble", "no_ensemble", "models", "separator", "decimal",
            "no_header", "categorical", "ignore", "resume",
        ]
    )]
    pub file: Option<PathBuf>,
    /// A param to search: lr=1e-5..1e-1:log, depth=2..12, dropout=0..0.5:0.1, opt=adam,sgd, seed=7, and
    /// momentum=0..0.99?opt=sgd with a condition; repeatable
    #[arg(long = "param", value_name = "NAME=VALUES", requires = "trials_of_commands")]
    pub params: Vec<String>,
    /// What the first trial takes: lr=1e-3,depth=6; by default the middle of each range
    #[arg(long, value_name = "NAME=VALUE,…", requires = "trials_of_commands")]
    pub start: Option<String>,
    /// Find metrics in the output besides lines of JSON: named groups, and step; repeatable
    #[arg(long = "metric-pattern", value_name = "REGEX", requires = "trials_of_commands")]
    pub patterns: Vec<String>,
    /// End a trial that takes longer, which has failed then: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = seconds, requires = "trials_of_commands")]
    pub timeout: Option<f64>,
    /// How often a trial that fails is tried again; of built-in models with --executor slurm
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    pub retries: Option<u32>,
    /// Stop when the first N trials fail in the same way; 0 never stops; by default 3
    #[arg(long, value_name = "N", requires = "trials_of_commands")]
    pub max_failures: Option<usize>,
    /// How long a command may take to end by itself before it is killed; by default 10s
    #[arg(long, value_name = "TIME", value_parser = seconds, requires = "trials_of_commands")]
    pub grace: Option<f64>,
    /// GPUs for trials to share, each for itself, as CUDA_VISIBLE_DEVICES names them: 0,1,2,3
    #[arg(long, value_name = "ID,…", value_delimiter = ',', requires = "trials_of_commands")]
    pub gpus: Vec<String>,
    /// How many of them each trial gets; by default 1
    #[arg(long, value_name = "N", requires = "trials_of_commands")]
    pub gpus_per_trial: Option<usize>,
    /// The command of a trial, run without a shell: {lr} is a value, {args} all others as --name value, {args=} as
    /// --name=value, {hydra} as name=value, {{ a brace; without any of these {args} is added at the end
    #[arg(
        last = true,
        value_name = "COMMAND",
        conflicts_with_all = [
            "data", "target", "task", "families", "spaces", "folds", "test_size", "repeats", "time_column", "group_column", "weight_column", "class_weight", "ensemble", "no_ensemble", "models",
            "separator", "decimal", "no_header", "categorical", "ignore", "resume",
        ]
    )]
    pub command: Vec<String>,
}

impl CommandArguments {
    /// Whether a command is to be run.
    pub fn is_given(&self) -> bool {
        !self.command.is_empty()
    }

    /// The plan that follows, for a command that runs in that folder; what is not said comes from the settings.
    pub fn plan(&self, all: &Arguments, settings: &Settings, folder: &Path) -> Result<SweepPlan, Failure> {
        let settled = &settings.sweeping.defaults;
        all.check_pruning()?;
        let request = CommandRequest {
            command: self.command.clone(),
            params: self.params.clone(),
            start: self.start.clone(),
            metric: all.metric.clone(),
            patterns: self.patterns.clone(),
            method: all.method.unwrap_or(settled.method),
            grid_points: all.grid_points,
            trials: all.trials.map(|trials| trials as usize).or(settled.trials),
            seconds: all.time.or(settled.seconds),
            seed: all.seed.or(settled.seed),
            jobs: all.jobs.map(|jobs| jobs as usize),
            prune: all.prune,
            min_steps: all.min_steps,
            reduction: all.reduction,
            timeout: self.timeout,
            retries: self.retries,
            max_failures: self.max_failures,
            grace: self.grace,
            gpus: self.gpus.clone(),
            gpus_per_trial: self.gpus_per_trial,
            executor: all.cluster.executor(settings)?,
        };
        request.decide(folder).map_err(Failure::Usage)
    }

    /// The experiment that it logs to where nobody names one: called as the script, or the program.
    pub fn experiment(&self) -> String {
        let script = self.command.iter().find(|word| SCRIPTS.iter().any(|ending| word.ends_with(ending)));
        let module = self.command.iter().skip_while(|word| *word != "-m").nth(1);
        if let Some(module) = module.filter(|_| script.is_none()) {
            return module.clone();
        }
        let named = script.or(self.command.first()).map_or("", String::as_str);
        let stem = Path::new(named).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        stem.filter(|stem| !stem.is_empty()).unwrap_or_else(|| "sweep".into())
    }
}

/// The command of the first trial, as a shell would take it.
pub fn first(plan: &SweepPlan) -> Result<String, Failure> {
    let Some(command) = plan.trial.command() else { return Ok(String::new()) };
    let template = command.template(&plan.rules).map_err(Failure::Usage)?;
    let first = plan.rules.proposer().propose(0, &[]);
    let words = template.fill(&first.map(|first| first.params).unwrap_or_default());
    Ok(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
}

/// Whether a sweep can go on here: its command may be away, or the folder that it runs in.
pub fn check(plan: &CommandPlan, folder: &Path, is_elsewhere: bool) -> Result<(), Failure> {
    if !folder.is_dir() {
        return Err(Failure::Usage(format!(
            "the sweep runs in {}, which no longer exists",
            folder.display()
        )));
    }
    if is_elsewhere { Ok(()) } else { plan.check_program(folder).map_err(Failure::Usage) }
}

/// What is run, before it is.
pub fn tell(plan: &SweepPlan) {
    let dimensions = plan.rules.spaces.iter().map(|space| space.dimensions.len()).sum::<usize>();
    let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    say(&format!("{}, {} at a time", counted(dimensions, "param"), counted(plan.rules.jobs, "trial")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_experiment_is_named_after_the_script() {
        for (command, name) in [
            ("python -u src/train.py --fast", "train"),
            ("Rscript fit.R", "fit"),
            ("python -m pkg.train", "pkg.train"),
            ("./bin/train {args}", "train"),
            ("/", "sweep"),
        ] {
            let command = command.split(' ').map(str::to_owned).collect();
            assert_eq!(CommandArguments { command, ..CommandArguments::default() }.experiment(), name);
        }
    }
}
