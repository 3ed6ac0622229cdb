//! Where trials are carried out, as it is asked for and as it is kept with a plan.

use serde::{Deserialize, Serialize};

use super::plan::option;
use crate::text::shell;

/// Trials under way at once on a cluster, where nobody says.
pub const SLURM_JOBS: usize = 8;
/// The keys of `--slurm`.
const KEYS: [&str; 10] =
    ["partition", "account", "qos", "gres", "cpus", "mem", "time", "constraint", "setup", "extra"];

/// What carries trials out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ExecutorKind {
    /// This machine.
    #[default]
    Local,
    /// Jobs of a Slurm cluster.
    Slurm,
}

/// Where trials are carried out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutorPlan {
    /// On this machine.
    #[default]
    Local,
    /// As jobs of a Slurm cluster.
    Slurm(Box<SlurmOptions>),
}

/// What is asked of Slurm for each trial.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlurmOptions {
    /// `--partition`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// `--account`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// `--qos`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
    /// `--gres`: `gpu:1`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gres: Option<String>,
    /// `--cpus-per-task`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u32>,
    /// `--mem`: `16G`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem: Option<String>,
    /// `--time`: `2:00:00`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// `--constraint`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// Lines of the batch script before the trial: `module load cuda`.
    pub setup: Vec<String>,
    /// Further options of `sbatch`, as they are.
    pub extra: Vec<String>,
}

impl ExecutorPlan {
    /// What is asked of Slurm, where that carries trials out.
    pub fn slurm(&self) -> Option<&SlurmOptions> {
        match self {
            Self::Slurm(options) => Some(options),
            Self::Local => None,
        }
    }

    /// What went without saying before there was a choice is still not said.
    pub(super) fn is_local(&self) -> bool {
        *self == Self::Local
    }

    /// As it is written in a line: nothing for this machine, `slurm`, or `slurm partition=gpu time=2:00:00` where it is not what
    /// the config file says.
    pub fn written(&self, configured: &SlurmOptions) -> String {
        match self {
            Self::Local => String::new(),
            Self::Slurm(options) if **options == *configured => "slurm".into(),
            Self::Slurm(options) => {
                let words: Vec<String> = std::iter::once("slurm".to_owned()).chain(options.pairs()).collect();
                shell::line(&words)
            }
        }
    }

    /// What such a line asks for; what it does not say of Slurm, the config file does.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn read(line: &str, configured: &SlurmOptions) -> Result<Self, String> {
        let words = shell::words(line)?;
        match words.split_first() {
            None => Ok(Self::Local),
            Some((first, [])) if first == "local" => Ok(Self::Local),
            Some((first, flags)) if first == "slurm" => {
                Ok(Self::Slurm(configured.clone().with(flags)?.into()))
            }
            Some(_) => Err(format!("write local, or slurm partition=gpu time=2:00:00, not {line:?}")),
        }
    }

    /// The options of the command that does the same again.
    pub fn words(&self) -> Vec<String> {
        let Self::Slurm(options) = self else { return Vec::new() };
        let first = option("executor", "slurm");
        std::iter::once(first).chain(options.pairs().map(|pair| option("slurm", &pair))).collect()
    }
}

impl SlurmOptions {
    /// All that is said, as `--slurm` takes it.
    fn pairs(&self) -> impl Iterator<Item = String> {
        let cpus = self.cpus.map(|cpus| cpus.to_string());
        let single = [
            ("partition", &self.partition),
            ("account", &self.account),
            ("qos", &self.qos),
            ("gres", &self.gres),
            ("cpus", &cpus),
            ("mem", &self.mem),
            ("time", &self.time),
            ("constraint", &self.constraint),
        ];
        let mut pairs: Vec<String> = single
            .into_iter()
            .filter_map(|(key, value)| Some(format!("{key}={}", value.as_ref()?)))
            .collect();
        pairs.extend(self.setup.iter().map(|line| format!("setup={line}")));
        pairs.extend(self.extra.iter().map(|word| format!("extra={word}")));
        pairs.into_iter()
    }

    /// What is asked of the job that is a sweep's own process, as `--slurm-driver` says it: it needs next to nothing, and goes where
    /// the trials go.
    ///
    /// # Errors
    /// As [`SlurmOptions::with`].
    pub fn for_driver(&self, flags: &[String]) -> Result<Self, String> {
        let Self { partition, account, qos, setup, .. } = self.clone();
        let least = Self { partition, account, qos, setup, ..Self::default() };
        least.with(flags).map_err(|why| why.replacen("--slurm ", "--slurm-driver ", 1))
    }

    /// The same with what flags say, `partition=gpu`: lines of the setup and further options are theirs alone, if there are any.
    ///
    /// # Errors
    /// What is wrong with one, and what to write.
    pub fn with(mut self, flags: &[String]) -> Result<Self, String> {
        let says =
            |key: &str| flags.iter().any(|flag| flag.split_once('=').is_some_and(|(name, _)| name == key));
        if says("setup") {
            self.setup.clear();
        }
        if says("extra") {
            self.extra.clear();
        }
        for flag in flags {
            let Some((key, value)) = flag.split_once('=') else {
                return Err(format!("--slurm {flag}: write KEY=VALUE, such as partition=gpu"));
            };
            let value = value.to_owned();
            match key {
                "partition" => self.partition = Some(value),
                "account" => self.account = Some(value),
                "qos" => self.qos = Some(value),
                "gres" => self.gres = Some(value),
                "mem" => self.mem = Some(value),
                "time" => self.time = Some(value),
                "constraint" => self.constraint = Some(value),
                "setup" => self.setup.push(value),
                "extra" => self.extra.push(value),
                "cpus" => {
                    let cpus = value.parse().ok().filter(|cpus| *cpus > 0);
                    self.cpus =
                        Some(cpus.ok_or_else(|| format!("--slurm {flag}: cpus is a number of them"))?);
                }
                _ => {
                    return Err(format!("--slurm {flag}: no such key; keys are {}", KEYS.join(", ")));
                }
            }
        }
        self.check()?;
        Ok(self)
    }

    /// Whether a job can be asked for so at all, as far as can be told without a cluster.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check(&self) -> Result<(), String> {
        if let Some(pair) = self.pairs().find(|pair| pair.contains(['\n', '\r', '\0'])) {
            return Err(format!("{pair:?} of Slurm has more than one line; write one setup for each line"));
        }
        if let Some(time) = self.time.as_ref().filter(|time| seconds_of(time).is_none()) {
            return Err(format!(
                "time {time:?} of Slurm: write minutes, or a time such as 2:00:00 (hours) or 1-12 (days, hours)"
            ));
        }
        if self.cpus == Some(0) {
            return Err("cpus of Slurm must be at least 1".into());
        }
        // These are the sweep's own: with others its jobs would not be found again.
        let own =
            ["array", "job-name", "parsable", "output", "wrap", "signal", "wait", "dependency", "clusters"];
        let name = |word: &String| word.trim_start_matches('-').split(['=', ' ']).next().map(str::to_owned);
        if let Some(word) = self.extra.iter().find(|word| {
            name(word).is_some_and(|name| own.contains(&name.as_str()))
                || matches!(word.get(..2), Some("-a" | "-J" | "-o" | "-d" | "-W" | "-M"))
        }) {
            return Err(format!("extra {word:?} of Slurm is what the sweep sets itself; leave it out"));
        }
        Ok(())
    }
}

/// A limit of time as Slurm reads it, in seconds; none of what it does not read, and of one without an end.
pub fn seconds_of(text: &str) -> Option<u64> {
    let number = |text: &str| text.parse::<u32>().ok().map(u64::from);
    if text.eq_ignore_ascii_case("infinite") || text.eq_ignore_ascii_case("unlimited") {
        return Some(u64::MAX);
    }
    if let Some((days, rest)) = text.split_once('-') {
        let parts: Vec<u64> = rest.split(':').map(number).collect::<Option<_>>()?;
        let at = |index: usize| parts.get(index).copied().unwrap_or(0);
        return (parts.len() <= 3)
            .then(|| Some(((number(days)? * 24 + at(0)) * 60 + at(1)) * 60 + at(2)))
            .flatten();
    }
    let parts: Vec<u64> = text.split(':').map(number).collect::<Option<_>>()?;
    match parts[..] {
        [minutes] => Some(minutes * 60),
        [minutes, seconds] => Some(minutes * 60 + seconds),
        [hours, minutes, seconds] => Some((hours * 60 + minutes) * 60 + seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_before_settings_and_read_back() {
        let settled = SlurmOptions {
            partition: Some("cpu".into()),
            account: Some("lab".into()),
            setup: vec!["module load old".into()],
            ..SlurmOptions::default()
        };
        let flags = [
            "partition=gpu",
            "gres=gpu:1",
            "cpus=4",
            "setup=module load cuda",
            "setup=source .venv/bin/activate",
            "extra=--exclude=n[1-2]",
        ]
        .map(str::to_owned);
        let options = settled.with(&flags).unwrap();
        assert_eq!((options.partition.as_deref(), options.account.as_deref()), (Some("gpu"), Some("lab")));
        assert_eq!(options.setup.len(), 2, "lines of the settings are replaced");
        let pairs: Vec<String> = options.pairs().collect();
        assert_eq!(SlurmOptions::default().with(&pairs).unwrap(), options);
        let plan = ExecutorPlan::Slurm(options.into());
        let words = plan.words().join(" ");
        assert!(words.starts_with("--executor slurm --slurm partition=gpu --slurm account=lab"), "{words}");
        assert!(words.contains("--slurm 'setup=module load cuda'"), "{words}");
        let kept = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<ExecutorPlan>(&kept).unwrap(), plan);
        assert!(ExecutorPlan::Local.words().is_empty());
        let configured = SlurmOptions { partition: Some("cpu".into()), ..SlurmOptions::default() };
        let read = |line: &str| ExecutorPlan::read(line, &configured);
        assert_eq!(read(&plan.written(&configured)).unwrap(), plan);
        assert_eq!(read("slurm").unwrap().written(&configured), "slurm");
        assert_eq!(read("slurm mem=2G").unwrap().slurm().unwrap().partition.as_deref(), Some("cpu"));
        assert_eq!((read("").unwrap(), read("local").unwrap()), (ExecutorPlan::Local, ExecutorPlan::Local));
        assert!(read("slurm gpus").unwrap_err().contains("KEY=VALUE"));
        assert!(read("pbs").unwrap_err().starts_with("write local, or slurm"));
    }

    #[test]
    fn what_slurm_would_not_take_is_told_before_anything_is_submitted() {
        for (flag, why) in [
            ("partition", "write KEY=VALUE"),
            ("nodes=2", "keys are partition, account"),
            ("cpus=many", "a number of them"),
            ("time=soon", "a time such as 2:00:00"),
            ("setup=a\nb", "more than one line"),
            ("extra=--array=0-3", "leave it out"),
            ("extra=-J x", "leave it out"),
        ] {
            let said = SlurmOptions::default().with(&[flag.to_owned()]).unwrap_err();
            assert!(said.contains(why), "{flag}: {said}");
        }
    }

    #[test]
    fn times_are_read_as_slurm_reads_them() {
        for (text, seconds) in [
            ("90", Some(5_400)),
            ("1:30", Some(90)),
            ("2:00:00", Some(7_200)),
            ("1-12", Some(129_600)),
            ("1-0:30", Some(88_200)),
            ("0-0:0:5", Some(5)),
            ("UNLIMITED", Some(u64::MAX)),
            ("", None),
            ("1:2:3:4", None),
            ("2h", None),
        ] {
            assert_eq!(seconds_of(text), seconds, "{text}");
        }
    }
}
