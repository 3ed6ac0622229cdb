//! A sweep of a command as a file: `mltui sweep train.toml`. It holds what the command line can say; where both say something,
//! the command line counts.

use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;

use clap::ValueEnum;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Failure;
use super::sweep_arguments::Arguments;
use super::sweep_command::CommandArguments;
use super::sweep_slurm::SlurmArguments;
use crate::disk;
use crate::sweep::engine::rules::MOST_JOBS;
use crate::sweep::executor_plan::{ExecutorKind, SlurmOptions};
use crate::sweep::request::seconds;

/// Bytes that no such file is longer than.
const LONGEST: u64 = 1 << 20;
/// What it may say.
const KEYS: [&str; 23] = [
    "command",
    "params",
    "start",
    "metric",
    "metric_patterns",
    "method",
    "grid_points",
    "trials",
    "time",
    "seed",
    "jobs",
    "prune",
    "min_steps",
    "reduction",
    "timeout",
    "retries",
    "max_failures",
    "grace",
    "gpus",
    "gpus_per_trial",
    "experiment",
    "executor",
    "slurm",
];
/// What a param may say that is a table.
const PARAM_KEYS: [&str; 6] = ["low", "high", "log", "step", "values", "if"];

/// Reads a file.
pub fn read(path: &Path) -> Result<Arguments, Failure> {
    let content = disk::read(path, LONGEST).map_err(|error| {
        let hint = if path.extension().is_none() {
            "; for a table write --data, for a command -- before it"
        } else {
            ""
        };
        Failure::Usage(format!("cannot read the sweep's file: {error}{hint}"))
    })?;
    let text =
        String::from_utf8(content).map_err(|_| Failure::Usage(format!("{} is not UTF-8", path.display())))?;
    parse(&text, path)
}

/// A value of a file, and where it stands.
#[derive(Clone, Copy)]
struct FileEntry<'a> {
    path: &'a Path,
    text: &'a str,
    key: &'a str,
    /// Where in the text.
    at: usize,
    value: &'a DeValue<'a>,
}

fn wrong(path: &Path, text: &str, at: usize, why: &str) -> Failure {
    let line = text.as_bytes()[..at.min(text.len())].split(|byte| *byte == b'\n').count();
    Failure::Usage(format!("{}:{line}: {why}", path.display()))
}

fn parse(text: &str, path: &Path) -> Result<Arguments, Failure> {
    let table = DeTable::parse(text)
        .map_err(|error| wrong(path, text, error.span().map_or(0, |span| span.start), error.message()))?;
    let mut read = Arguments::default();
    for entry in entries(path, text, table.get_ref()) {
        let key = entry.key.replace('-', "_");
        take(&mut read, &key, entry)?;
    }
    Ok(read)
}

/// In the order in which they stand: a condition is on a param before it.
fn entries<'a>(path: &'a Path, text: &'a str, table: &'a DeTable<'a>) -> Vec<FileEntry<'a>> {
    let mut all: Vec<FileEntry<'a>> = table
        .iter()
        .map(|(key, value)| {
            let (at, key) = (key.span().start, key.get_ref().as_ref());
            FileEntry { path, text, key, at, value: value.get_ref() }
        })
        .collect();
    all.sort_by_key(|entry| entry.at);
    all
}

fn take(read: &mut Arguments, key: &str, entry: FileEntry<'_>) -> Result<(), Failure> {
    let command = &mut read.of_command;
    match key {
        "command" => command.command = entry.command()?,
        "params" => command.params = entry.params()?,
        "start" => command.start = Some(entry.start()?),
        "metric" => read.metric = Some(entry.scalar()?),
        "metric_patterns" => command.patterns = entry.list()?,
        "method" => read.method = Some(entry.word()?),
        "grid_points" => read.grid_points = Some(entry.number(1..=usize::MAX)?),
        "trials" => read.trials = Some(entry.number(1..=u32::MAX)?),
        "time" => read.time = Some(entry.seconds()?),
        "seed" => read.seed = Some(entry.number(0..=u64::MAX)?),
        "jobs" => read.jobs = Some(entry.number(1..=MOST_JOBS as u32)?),
        "prune" => match entry.value {
            DeValue::Boolean(false) => read.no_prune = true,
            DeValue::Boolean(true) => read.prune = Some(crate::sweep::engine::pruner::PruneRule::Median),
            _ => read.prune = Some(entry.word()?),
        },
        "min_steps" => read.min_steps = Some(entry.number(0..=i64::MAX)?),
        "reduction" => read.reduction = Some(entry.number(2..=u32::MAX)?),
        "timeout" => command.timeout = Some(entry.seconds()?),
        "retries" => command.retries = Some(entry.number(0..=u32::MAX)?),
        "max_failures" => command.max_failures = Some(entry.number(0..=usize::MAX)?),
        "grace" => command.grace = Some(entry.seconds()?),
        "gpus" => command.gpus = entry.list()?,
        "gpus_per_trial" => command.gpus_per_trial = Some(entry.number(1..=usize::MAX)?),
        "experiment" => read.experiment = Some(entry.scalar()?),
        "executor" => read.cluster.executor = Some(entry.word()?),
        "slurm" => read.cluster.slurm = entry.slurm()?,
        _ => return Err(entry.unknown(&KEYS)),
    }
    Ok(())
}

impl<'a> FileEntry<'a> {
    fn wrong(&self, why: &str) -> Failure {
        wrong(self.path, self.text, self.at, &format!("{}: {why}", self.key))
    }

    fn unknown(&self, known: &[&str]) -> Failure {
        let distance = |other: &str| strsim::osa_distance(self.key, other);
        let near = known.iter().map(|other| (distance(other), other)).min();
        let near = near.filter(|(distance, _)| *distance <= (self.key.chars().count() / 2).max(1));
        let hint = match near {
            Some((_, near)) => format!("did you mean {near}?"),
            None => format!("keys are {}", known.join(", ")),
        };
        wrong(self.path, self.text, self.at, &format!("unknown key {:?}; {hint}", self.key))
    }

    /// As it is written.
    fn scalar(&self) -> Result<String, Failure> {
        match self.value {
            DeValue::String(text) => Ok(text.clone().into_owned()),
            DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
            DeValue::Float(number) => Ok(number.as_str().to_owned()),
            DeValue::Boolean(value) => Ok(value.to_string()),
            DeValue::Integer(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                Err(self.wrong("expected a text or a number"))
            }
        }
    }

    /// The same of each of some.
    fn list(&self) -> Result<Vec<String>, Failure> {
        match self.value {
            DeValue::Array(values) => values.iter().map(|value| self.of(value).scalar()).collect(),
            _ => Ok(vec![self.scalar()?]),
        }
    }

    fn of(&self, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self { at: value.span().start, value: value.get_ref(), ..*self }
    }

    fn number<T: FromStr + PartialOrd + std::fmt::Display>(
        &self,
        range: RangeInclusive<T>,
    ) -> Result<T, Failure> {
        let number = match self.value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        };
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| self.wrong(&format!("expected a whole number of at least {}", range.start())))
    }

    fn seconds(&self) -> Result<f64, Failure> {
        seconds(&self.scalar()?).map_err(|why| self.wrong(&why))
    }

    fn word<T: ValueEnum>(&self) -> Result<T, Failure> {
        let text = self.scalar()?;
        T::from_str(&text, false).map_err(|_| {
            let names = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            let names: Vec<String> = names.map(|name| name.get_name().to_owned()).collect();
            self.wrong(&format!("no {text:?}; use {}", names.join(", ")))
        })
    }

    fn command(&self) -> Result<Vec<String>, Failure> {
        let DeValue::String(text) = self.value else { return self.list() };
        if text.contains(['"', '\'', '\\']) {
            return Err(
                self.wrong("write its words as a list, [\"python\", \"train.py\"]: no shell reads them")
            );
        }
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }

    /// `{ lr = 1e-3 }`, or as on the command line.
    fn start(&self) -> Result<String, Failure> {
        let DeValue::Table(table) = self.value else { return self.scalar() };
        let all = entries(self.path, self.text, table);
        let parts: Result<Vec<String>, Failure> =
            all.iter().map(|entry| Ok(format!("{}={}", entry.key, entry.scalar()?))).collect();
        Ok(parts?.join(","))
    }

    /// A list of texts as on the command line, or a table.
    fn params(&self) -> Result<Vec<String>, Failure> {
        match self.value {
            DeValue::Table(table) => {
                let all = entries(self.path, self.text, table);
                all.iter().map(|entry| Ok(format!("{}={}", entry.key, entry.param()?))).collect()
            }
            DeValue::Array(_) => self.list(),
            _ => Err(self.wrong("expected a table, or a list such as [\"lr=1e-5..1e-1:log\"]")),
        }
    }

    /// A table of what is asked of Slurm, as on the command line.
    fn slurm(&self) -> Result<Vec<String>, Failure> {
        let DeValue::Table(table) = self.value else {
            return Err(self.wrong("expected a table, such as { partition = \"gpu\" }"));
        };
        let mut flags = Vec::new();
        for entry in entries(self.path, self.text, table) {
            flags.extend(entry.list()?.iter().map(|value| format!("{}={value}", entry.key)));
        }
        SlurmOptions::default().with(&flags).map_err(|why| self.wrong(&why))?;
        Ok(flags)
    }

    /// What a param is searched in, as on the command line.
    fn param(&self) -> Result<String, Failure> {
        match self.value {
            DeValue::Array(_) => self.choices(),
            DeValue::Table(table) => self.range(&entries(self.path, self.text, table)),
            _ => self.scalar(),
        }
    }

    fn choices(&self) -> Result<String, Failure> {
        let values = self.list()?;
        if values.is_empty() || values.iter().any(|value| value.is_empty() || value.contains(',')) {
            return Err(self.wrong("choices cannot be empty, and have no comma"));
        }
        Ok(values.join(","))
    }

    fn range(&self, parts: &[FileEntry<'_>]) -> Result<String, Failure> {
        if let Some(unknown) = parts.iter().find(|part| !PARAM_KEYS.contains(&part.key)) {
            return Err(unknown.unknown(&PARAM_KEYS));
        }
        let part = |key: &str| parts.iter().find(|part| part.key == key);
        let text = |key: &str| part(key).map(FileEntry::scalar).transpose();
        let is_log = part("log").is_some_and(|log| matches!(log.value, DeValue::Boolean(true)));
        let values = match (part("values"), text("low")?, text("high")?, text("step")?) {
            (Some(values), None, None, None) if !is_log => values.choices()?,
            (None, Some(low), Some(high), None) if is_log => format!("{low}..{high}:log"),
            (None, Some(low), Some(high), None) => format!("{low}..{high}"),
            (None, Some(low), Some(high), Some(step)) if !is_log => format!("{low}..{high}:{step}"),
            _ => return Err(self.wrong("expected low and high with log = true or step, or values")),
        };
        Ok(text("if")?.map_or(values.clone(), |condition| format!("{values}?{condition}")))
    }
}

/// What the command line says, and behind that the file.
pub fn over(said: &Arguments, file: Arguments) -> Arguments {
    let (all, command) = (said.clone(), said.of_command.clone());
    let own = file.of_command;
    let names_prune = all.prune.is_some() || all.no_prune;
    let name = |param: &str| param.split_once('=').map(|(name, _)| name.to_owned());
    // One that is searched otherwise keeps its place.
    let instead = |param: String| {
        let other = command.params.iter().find(|other| name(other) == name(&param));
        other.cloned().unwrap_or(param)
    };
    let mut params: Vec<String> = own.params.into_iter().map(instead).collect();
    params.extend(command.params.iter().filter(|param| !params.contains(param)).cloned().collect::<Vec<_>>());
    let either = |said: Vec<String>, file: Vec<String>| if said.is_empty() { file } else { said };
    let of_command = CommandArguments {
        params,
        start: command.start.or(own.start),
        patterns: either(command.patterns, own.patterns),
        timeout: command.timeout.or(own.timeout),
        retries: command.retries.or(own.retries),
        max_failures: command.max_failures.or(own.max_failures),
        grace: command.grace.or(own.grace),
        gpus: either(command.gpus, own.gpus),
        gpus_per_trial: command.gpus_per_trial.or(own.gpus_per_trial),
        command: either(command.command, own.command),
        ..said.of_command.clone()
    };
    Arguments {
        metric: all.metric.or(file.metric),
        method: all.method.or(file.method),
        grid_points: all.grid_points.or(file.grid_points),
        trials: all.trials.or(file.trials),
        time: all.time.or(file.time),
        seed: all.seed.or(file.seed),
        jobs: all.jobs.or(file.jobs),
        prune: if names_prune { all.prune } else { file.prune },
        no_prune: if names_prune { all.no_prune } else { file.no_prune },
        // What belongs to a rule goes with it.
        min_steps: all.min_steps.or(file.min_steps.filter(|_| !all.no_prune)),
        reduction: all.reduction.or(file.reduction.filter(|_| !names_prune || all.prune == file.prune)),
        experiment: all.experiment.or(file.experiment),
        of_command,
        cluster: cluster_over(&said.cluster, file.cluster),
        ..said.clone()
    }
}

fn cluster_over(said: &SlurmArguments, file: SlurmArguments) -> SlurmArguments {
    let key = |flag: &String| flag.split_once('=').map(|(key, _)| key.to_owned());
    let is_said = |flag: &String| said.slurm.iter().any(|other| key(other) == key(flag));
    let is_local = said.executor == Some(ExecutorKind::Local);
    let own = file.slurm.into_iter().filter(|flag| !is_local && !is_said(flag));
    SlurmArguments {
        executor: said.executor.or(file.executor),
        slurm: own.chain(said.slurm.iter().cloned()).collect(),
        ..said.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::engine::pruner::PruneRule;

    const FILE: &str = r#"
command = ["python", "train.py", "--lr", "{lr}", "{args}"]
metric = "val_loss:min"
trials = 60
timeout = "30m"
prune = "asha"
min-steps = 2
gpus = [0, 1]
start = { lr = 1e-3, opt = "sgd" }

[params]
lr = "1e-5..1e-1:log"
opt = ["sgd", "adam"]
"opt.momentum" = { low = 0.0, high = 0.99, if = "opt=sgd" }
depth = { low = 2, high = 12, step = 2 }
batch = { low = 8, high = 512, log = true }
act = { values = ["relu", "gelu"] }
seed = 7
"#;

    fn said(text: &str) -> String {
        match parse(text, Path::new("train.toml")) {
            Ok(_) => "nothing".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_file_says_what_the_command_line_can_and_keeps_its_order() {
        let read = parse(FILE, Path::new("train.toml")).unwrap();
        let command = &read.of_command;
        let params = [
            "lr=1e-5..1e-1:log",
            "opt=sgd,adam",
            "opt.momentum=0.0..0.99?opt=sgd",
            "depth=2..12:2",
            "batch=8..512:log",
            "act=relu,gelu",
            "seed=7",
        ];
        assert_eq!(command.params, params);
        assert_eq!(command.start.as_deref(), Some("lr=1e-3,opt=sgd"));
        assert_eq!((read.prune, read.min_steps, read.trials), (Some(PruneRule::Asha), Some(2), Some(60)));
        assert_eq!(
            (command.timeout, &command.gpus[..]),
            (Some(1800.0), &["0".to_owned(), "1".to_owned()][..])
        );
        let words = parse("command = \"python train.py\"\nparams = [\"a=1,2\"]", Path::new("x")).unwrap();
        assert_eq!((words.of_command.command.len(), &words.of_command.params[0][..]), (2, "a=1,2"));
    }

    #[test]
    fn the_command_line_counts_before_the_file() {
        let file = parse(FILE, Path::new("train.toml")).unwrap();
        let of_command = CommandArguments {
            params: vec!["lr=1e-4..1e-2:log".into(), "width=1..4".into()],
            retries: Some(1),
            ..CommandArguments::default()
        };
        let line = Arguments { trials: Some(5), no_prune: true, of_command, ..Arguments::default() };
        let both = over(&line, file);
        assert_eq!((both.trials, both.prune, both.min_steps), (Some(5), None, None));
        assert_eq!(both.metric.as_deref(), Some("val_loss:min"));
        let params = &both.of_command.params;
        assert_eq!((params.len(), &params[0][..], &params[7][..]), (8, "lr=1e-4..1e-2:log", "width=1..4"));
        assert_eq!((both.of_command.retries, both.of_command.timeout), (Some(1), Some(1800.0)));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, why) in [
            (
                "metric = \"a:min\"\ntrails = 3\n",
                "train.toml:2: unknown key \"trails\"; did you mean trials?",
            ),
            ("zzzzzzzzz = 3\n", "keys are command, params"),
            ("\n\ntrials = 0", "train.toml:3: trials: expected a whole number of at least 1"),
            ("jobs = 2.5", "train.toml:1: jobs: expected a whole number"),
            ("timeout = \"soon\"", "timeout: expected a time such as 90s"),
            ("prune = \"fast\"", "prune: no \"fast\"; use median, asha"),
            ("command = \"python -c 'x'\"", "write its words as a list"),
            (
                "[params]\nlr = { low = 1, hihg = 2 }",
                "train.toml:2: unknown key \"hihg\"; did you mean high?",
            ),
            ("[params]\nlr = { low = 1 }", "train.toml:2: lr: expected low and high"),
            ("[params]\nlr = [\"a,b\"]", "train.toml:2: lr: choices cannot be empty"),
            ("executor = \"moon\"", "executor: no \"moon\"; use local, slurm"),
            ("[slurm]\npartion = \"gpu\"", "no such key; keys are partition"),
            ("trials = \n", "train.toml:1: "),
            ("trials = 1\ntrials = 2", "train.toml:2: duplicate key"),
        ] {
            let said = said(text);
            assert!(said.contains(why), "{why}: {said}");
        }
    }
}
