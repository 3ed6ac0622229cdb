//! A sweep of a command before it begins: what is run and where, what is searched, by which metric.

pub mod fill;
pub mod view;

use std::path::PathBuf;

use crate::params::Dimension;
use crate::sweep::engine::pruner::PruneRule;
use crate::sweep::executor_plan::{ExecutorPlan, SlurmOptions};
use crate::sweep::objective::command::{GRACE, MAX_FAILURES, dimensions};
use crate::sweep::planned::PlannedCommand;
use crate::sweep::request::{SEED, TRIALS, seconds};
use crate::sweep::search::Method;
use crate::text::shell;
use crate::tui::core::remote::Remote;
use crate::tui::widgets::input::{Input, Room, cursor, insert};

/// A line of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandField {
    Command,
    Folder,
    Metric,
    /// One of any number.
    Param,
    Start,
    Method,
    Prune,
    Trials,
    Time,
    Jobs,
    Timeout,
    Retries,
    /// How many trials may fail in the same way.
    MaxFailures,
    /// The time that a command has to end by itself.
    Grace,
    Gpus,
    GpusPerTrial,
    Executor,
    Pattern,
    Seed,
}

/// The lines above the params, and those below.
const ABOVE: [CommandField; 3] = [CommandField::Command, CommandField::Folder, CommandField::Metric];
const BELOW: [CommandField; 15] = [
    CommandField::Start,
    CommandField::Method,
    CommandField::Prune,
    CommandField::Trials,
    CommandField::Time,
    CommandField::Jobs,
    CommandField::Timeout,
    CommandField::Retries,
    CommandField::MaxFailures,
    CommandField::Grace,
    CommandField::Gpus,
    CommandField::GpusPerTrial,
    CommandField::Executor,
    CommandField::Pattern,
    CommandField::Seed,
];

impl CommandField {
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Folder => "folder",
            Self::Metric => "metric",
            Self::Param => "param",
            Self::Start => "start",
            Self::Method => "method",
            Self::Prune => "prune",
            Self::Trials => "trials",
            Self::Time => "time",
            Self::Jobs => "jobs",
            Self::Timeout => "timeout",
            Self::Retries => "retries",
            Self::MaxFailures => "failures",
            Self::Grace => "grace",
            Self::Gpus => "gpus",
            Self::GpusPerTrial => "gpus each",
            Self::Executor => "executor",
            Self::Pattern => "pattern",
            Self::Seed => "seed",
        }
    }

    /// What an empty line stands for, or what can stand in it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Command => "python train.py {args}; {lr} is a value, {args} all others as --name value",
            Self::Folder => "where the command runs",
            Self::Metric => "the metric to optimise: val_loss:min",
            Self::Param => "another: lr=1e-5..1e-1:log, depth=2..12, opt=adam,sgd, momentum=0..0.9?opt=sgd",
            Self::Start => "what the first trial takes: lr=1e-3,depth=6; the middle by default",
            Self::Method => "tpe, sobol, random or grid",
            Self::Prune => "median or asha; nothing is pruned by default",
            Self::Trials => "20",
            Self::Time => "start no new trial after this time; no limit by default; 90s, 10m, 2h",
            Self::Jobs => "trials at a time; 1 by default",
            Self::Timeout => "end a trial that takes longer; no limit by default; 90s, 10m, 2h",
            Self::Retries => "how often a trial that fails is tried again; never by default",
            Self::MaxFailures => "stop when so many first trials fail in the same way; 3, and 0 for never",
            Self::Grace => "time that a trial has to end by itself before it is killed; 10s",
            Self::Gpus => "GPUs for trials to share: 0,1,2,3",
            Self::GpusPerTrial => "GPUs that each trial has; 1",
            Self::Executor => {
                "local, or slurm partition=gpu gres=gpu:1 time=2:00:00; slurm alone as configured"
            }
            Self::Pattern => "finds metrics in the output besides JSON: loss (?<val_loss>[-+.0-9eE]+)",
            Self::Seed => "1",
        }
    }
}

/// What a plan comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedCommand {
    /// The command line of the first trial.
    pub first: String,
    pub words: String,
}

#[derive(Debug)]
pub struct CommandForm {
    pub at: usize,
    pub lines: Vec<(CommandField, Input)>,
    /// What the form does not show stays as it was.
    base: PlannedCommand,
    /// What is asked of Slurm where nobody says.
    slurm: SlurmOptions,
    /// Where the command comes from, in words; none where somebody types it.
    pub origin: Option<String>,
    /// Where its script lies is still looked for.
    pub finding: Remote<(), String>,
    /// Whether anything was typed.
    pub is_touched: bool,
    pub check: Remote<CheckedCommand, String>,
    /// The sweep was asked for and has not begun yet.
    pub is_starting: bool,
}

impl CommandForm {
    pub fn new(planned: &PlannedCommand, origin: Option<String>, slurm: &SlurmOptions) -> Self {
        let request = &planned.request;
        let number = |value: Option<usize>| value.map_or(String::new(), |value| value.to_string());
        let time = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value}s"));
        let text = |field: CommandField| match field {
            CommandField::Command => shell::line(&request.command),
            CommandField::Folder => planned.folder.display().to_string(),
            CommandField::Metric => request.metric.clone().unwrap_or_default(),
            CommandField::Param => String::new(),
            CommandField::Start => request.start.clone().unwrap_or_default(),
            CommandField::Method if request.method == Method::default() => String::new(),
            CommandField::Method => request.method.as_str().to_owned(),
            CommandField::Prune => request.prune.map_or("", PruneRule::as_str).to_owned(),
            CommandField::Trials => number(request.trials.filter(|trials| *trials != TRIALS)),
            CommandField::Time => time(request.seconds),
            CommandField::Jobs => number(request.jobs),
            CommandField::Timeout => time(request.timeout),
            CommandField::Retries => number(request.retries.map(|retries| retries as usize)),
            CommandField::MaxFailures => number(request.max_failures.filter(|most| *most != MAX_FAILURES)),
            CommandField::Grace => time(request.grace.filter(|grace| *grace != GRACE)),
            CommandField::Gpus => request.gpus.join(","),
            CommandField::GpusPerTrial => number(request.gpus_per_trial.filter(|each| *each != 1)),
            CommandField::Executor => request.executor.written(slurm),
            CommandField::Pattern => request.patterns.first().cloned().unwrap_or_default(),
            CommandField::Seed => {
                request.seed.filter(|seed| *seed != SEED).map_or(String::new(), |seed| seed.to_string())
            }
        };
        let line = |field: &CommandField| (*field, Input::new(text(*field)));
        let params = request.params.iter().map(|text| (CommandField::Param, Input::new(text.clone())));
        let lines = ABOVE.iter().map(line).chain(params).chain(BELOW.iter().map(line)).collect();
        let mut form = Self {
            at: 0,
            lines,
            base: planned.clone(),
            slurm: slurm.clone(),
            origin,
            finding: Remote::default(),
            is_touched: false,
            check: Remote::default(),
            is_starting: false,
        };
        form.room_for_params();
        form
    }

    /// Takes the command and its folder where nobody has written others.
    pub fn fill(&mut self, found: &PlannedCommand) {
        let texts = |planned: &PlannedCommand| {
            let command = (CommandField::Command, shell::line(&planned.request.command));
            [command, (CommandField::Folder, planned.folder.display().to_string())]
        };
        for (before, (field, after)) in texts(&self.base).into_iter().zip(texts(found)) {
            let line = self.lines.iter_mut().find(|line| line.0 == field && line.1.value() == before.1);
            if let Some((_, input)) = line {
                *input = Input::new(after);
            }
        }
        self.base = found.clone();
    }

    /// Leaves one empty line below the params, for one more.
    fn room_for_params(&mut self) {
        let is_param = |field: &CommandField| *field == CommandField::Param;
        let here = self.lines.get(self.at).map(|(field, _)| *field);
        let mut at = 0;
        let current = self.at;
        let mut moved = 0;
        // Empty ones in between go, but for the one with the cursor.
        self.lines.retain(|(field, input)| {
            let goes = is_param(field) && input.value().trim().is_empty() && at != current;
            moved += usize::from(goes && at < current);
            at += 1;
            !goes
        });
        self.at -= moved;
        let is_on_empty =
            here == Some(CommandField::Param) && self.lines[self.at].1.value().trim().is_empty();
        if !is_on_empty {
            let end = self.lines.iter().position(|(field, _)| *field == CommandField::Start).unwrap_or(0);
            self.lines.insert(end, (CommandField::Param, Input::default()));
            self.at += usize::from(self.at >= end);
        }
    }

    pub fn current(&mut self) -> &mut Input {
        &mut self.lines[self.at].1
    }

    /// To the next line, or to the one before.
    pub fn go(&mut self, is_next: bool) {
        // Behind a param that was typed just now there is room for one more.
        self.room_for_params();
        let count = self.lines.len();
        self.at = (self.at + if is_next { 1 } else { count - 1 }) % count;
        self.room_for_params();
    }

    fn value(&self, field: CommandField) -> Option<&str> {
        let found = self.lines.iter().find(|(known, _)| *known == field);
        found.map(|(_, input)| input.value().trim()).filter(|text| !text.is_empty())
    }

    fn number<T: std::str::FromStr>(&self, field: CommandField) -> Result<Option<T>, String> {
        let Some(text) = self.value(field) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("{}: {text:?} is not a whole number", field.name()))
    }

    fn time(&self, field: CommandField) -> Result<Option<f64>, String> {
        let read = self.value(field).map(seconds).transpose();
        read.map_err(|error| format!("{}: {error}", field.name()))
    }

    fn params(&self) -> Vec<String> {
        let params = self.lines.iter().filter(|(field, _)| *field == CommandField::Param);
        let texts = params.map(|(_, input)| input.value().trim());
        texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
    }

    /// What the form asks for, or what is wrong with a line.
    pub fn planned(&self) -> Result<PlannedCommand, String> {
        let mut planned = self.base.clone();
        let request = &mut planned.request;
        let command = self.value(CommandField::Command).ok_or("command: missing, such as python train.py")?;
        request.command = shell::words(command).map_err(|error| format!("command: {error}"))?;
        request.metric = self.value(CommandField::Metric).map(str::to_owned);
        if request.metric.is_none() {
            return Err("metric: missing; write NAME:min or NAME:max".into());
        }
        request.params = self.params();
        request.start = self.value(CommandField::Start).map(str::to_owned);
        request.method = match self.value(CommandField::Method) {
            None | Some("tpe") => Method::Tpe,
            Some("random") => Method::Random,
            Some("sobol") => Method::Sobol,
            Some("grid") => Method::Grid,
            Some(other) => {
                return Err(format!("method: expected tpe, sobol, random or grid, not {other:?}"));
            }
        };
        request.prune = match self.value(CommandField::Prune) {
            None => None,
            Some("median") => Some(PruneRule::Median),
            Some("asha") => Some(PruneRule::Asha),
            Some(other) => return Err(format!("prune: expected median or asha, not {other:?}")),
        };
        request.trials = self.number(CommandField::Trials)?;
        if request.trials == Some(0) {
            return Err("trials: at least 1".into());
        }
        request.seconds = self.time(CommandField::Time)?;
        request.jobs = self.number(CommandField::Jobs)?;
        if request.jobs == Some(0) {
            return Err("jobs: at least 1".into());
        }
        request.timeout = self.time(CommandField::Timeout)?;
        request.retries = self.number(CommandField::Retries)?;
        request.max_failures = self.number(CommandField::MaxFailures)?;
        request.grace = self.time(CommandField::Grace)?;
        request.gpus_per_trial = self.number(CommandField::GpusPerTrial)?;
        let executor = self.value(CommandField::Executor).unwrap_or_default();
        request.executor =
            ExecutorPlan::read(executor, &self.slurm).map_err(|error| format!("executor: {error}"))?;
        let gpus = self.value(CommandField::Gpus).unwrap_or_default();
        request.gpus = gpus.split([',', ' ']).filter(|id| !id.is_empty()).map(str::to_owned).collect();
        // Further ones of the plan stay.
        let pattern = self.value(CommandField::Pattern).map(str::to_owned);
        request.patterns = pattern.into_iter().chain(request.patterns.iter().skip(1).cloned()).collect();
        request.seed = self.number(CommandField::Seed)?;
        planned.folder = PathBuf::from(self.value(CommandField::Folder).ok_or("folder: missing")?);
        Ok(planned)
    }

    /// What can stand in the line with the cursor, if it begins like what is typed.
    pub fn rest(&self) -> Option<String> {
        let (field, input) = &self.lines[self.at];
        let typed = input.value();
        if cursor(input) < typed.len() || typed.is_empty() {
            return None;
        }
        let known: Vec<String> = match field {
            CommandField::Method => ["tpe", "sobol", "random", "grid"].map(str::to_owned).to_vec(),
            CommandField::Prune => {
                [PruneRule::Median, PruneRule::Asha].map(|rule| rule.as_str().to_owned()).to_vec()
            }
            CommandField::Executor => ["local", "slurm"].map(str::to_owned).to_vec(),
            CommandField::Metric if typed.ends_with(':') => vec![format!("{typed}min")],
            CommandField::Start => {
                let begun = typed.rfind(',').map_or(0, |at| at + 1);
                let all: Vec<Dimension> = dimensions(&self.params(), None).unwrap_or_default();
                let named = |known: &Dimension| format!("{}{}=", &typed[..begun], known.name);
                all.iter().map(named).collect()
            }
            CommandField::Command
            | CommandField::Folder
            | CommandField::Metric
            | CommandField::Param
            | CommandField::Trials
            | CommandField::Time
            | CommandField::Jobs
            | CommandField::Timeout
            | CommandField::Retries
            | CommandField::MaxFailures
            | CommandField::Grace
            | CommandField::Gpus
            | CommandField::GpusPerTrial
            | CommandField::Pattern
            | CommandField::Seed => Vec::new(),
        };
        known
            .into_iter()
            .find_map(|word| Some(word.strip_prefix(typed)?.to_owned()))
            .filter(|rest| !rest.is_empty())
    }

    pub fn complete(&mut self) {
        if let Some(rest) = self.rest() {
            insert(self.current(), &rest, Room::Line);
            self.check.forget();
        }
    }
}
