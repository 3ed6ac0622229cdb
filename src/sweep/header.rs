//! What a sweep was begun with, as it lies in its folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::engine::journal::SweepFolder;
use super::engine::pruner::Pruner;
use super::engine::record::LoggedSweep;
use super::objective::command::{CommandLog, CommandPlan};
use super::objective::tabular::TabularLog;
use super::plan::{SweepPlan, TrialPlan, option};
use crate::disk::{self, Care, Draft};
use crate::learn::report::DataReport;
use crate::mlflow::{Dataset, ExperimentId};
use crate::text::json;
use crate::text::shell::quoted;

const PLAN: &str = "plan.json";
/// Bytes that no plan is longer than, with the report on a thousand columns.
const LONGEST_PLAN: u64 = 16 << 20;
/// Characters that every MLflow takes in a tag.
const TAG: usize = 5_000;
/// Characters of a command that stand in a line of a list.
const SUBJECT: usize = 200;

/// What a sweep was begun with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepHeader {
    /// What no other sweep has: also the name of its folder.
    pub id: String,
    /// The name of the parent run.
    pub name: String,
    /// Where its runs go.
    pub experiment: ExperimentId,
    /// What that was called when the sweep began.
    pub experiment_name: String,
    /// The store, as its tracking URI without credentials.
    pub store: String,
    /// How it is opened, as an option of the command line; a sweep of an older version does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<OpenedBy>,
    /// The config file that it was begun with, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_file: Option<PathBuf>,
    /// Whose runs they are.
    pub user: String,
    /// Milliseconds since the epoch.
    pub created: i64,
    /// The folder that it was begun in.
    pub folder: PathBuf,
    /// The git commit of that folder.
    pub commit: Option<String>,
    /// What MLflow is told of the data; nothing is known of those that a command reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Dataset>,
    /// How the data were read, for people; a sweep of an older version does not say, one of a newer maybe in other words.
    #[serde(default, rename = "account", deserialize_with = "if_understood")]
    pub report: Option<DataReport>,
    /// What of the data, as they were read, decides how trials come out; a sweep of an older version does not say.
    #[serde(default, alias = "read_as")]
    pub fingerprint: Option<String>,
    /// What it is to do.
    pub plan: SweepPlan,
}

/// What opens a store on the command line; no password is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenedBy {
    /// The tracking URI.
    TrackingUri(String),
    /// The name of a profile.
    Profile(String),
}

impl OpenedBy {
    fn option(&self) -> String {
        match self {
            Self::TrackingUri(uri) => option("tracking-uri", uri),
            Self::Profile(name) => option("profile", name),
        }
    }
}

/// What a report of another version says, as far as this one understands it.
fn if_understood<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<DataReport>, D::Error> {
    let value = Json::deserialize(input)?;
    Ok(serde_json::from_value(value).ok())
}

/// Says in a plan of version 0.1 what went without saying there: which way its metric is better, how trials were pruned, and
/// that the number of jobs is a part of it.
fn upgrade(header: &mut Json) {
    let jobs = header.get("jobs").cloned();
    let Some(plan) = header.get_mut("plan").and_then(Json::as_object_mut) else { return };
    if !plan.contains_key("mode") {
        let less_is_better = ["rmse", "mae", "mape", "log_loss"];
        let metric = plan.get("metric").and_then(Json::as_str).unwrap_or_default();
        let mode = if less_is_better.contains(&metric) { "min" } else { "max" };
        plan.insert("mode".into(), mode.into());
    }
    if let Some(prunes) = plan.remove("prune") {
        let pruner = match prunes {
            Json::Bool(true) => json!(Pruner::MEDIAN),
            Json::Bool(false) => json!(Pruner::None),
            damaged => damaged,
        };
        plan.entry("pruner").or_insert(pruner);
    }
    if let Some(jobs) = jobs {
        plan.entry("jobs").or_insert(jobs);
    }
}

impl SweepHeader {
    /// As it is kept.
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub fn in_json(&self) -> io::Result<Vec<u8>> {
        json::pretty(self).map_err(io::Error::other)
    }

    /// The command that does the same again, in the same store. No password is in it.
    pub fn command(&self) -> String {
        let place = [option("experiment", &self.experiment_name), self.place()];
        self.plan.command(&place)
    }

    /// The command that goes on with it, in the same store. No password is in it.
    pub fn resume_command(&self) -> String {
        ["mltui sweep".to_owned(), option("resume", &self.id), self.place()].join(" ")
    }

    /// The command that calls it off, in the same store. No password is in it.
    pub fn cancel_command(&self) -> String {
        ["mltui sweeps cancel".to_owned(), quoted(&self.id), self.place()].join(" ")
    }

    /// The options that open its store.
    pub fn place(&self) -> String {
        let config = self.config_file.iter().map(|file| option("config", &file.to_string_lossy()));
        let store =
            self.opened_by.as_ref().map_or_else(|| option("tracking-uri", &self.store), OpenedBy::option);
        config.chain([store]).collect::<Vec<_>>().join(" ")
    }

    /// What is trained, in few words: the name of the data set, or the command.
    pub fn subject(&self) -> String {
        let command = |plan: &CommandPlan| plan.command.join(" ").chars().take(SUBJECT).collect();
        match &self.dataset {
            Some(dataset) => dataset.name.clone(),
            None => self.plan.trial.command().map_or(String::new(), command),
        }
    }

    /// The same where there is less room. Half a command would be another one, with a quote that nothing closes.
    pub fn command_in_a_tag(&self) -> String {
        let command = self.command();
        if command.chars().count() > TAG { "too long for a tag: see command.txt".into() } else { command }
    }

    /// What the store is told of it.
    pub fn logged(&self) -> LoggedSweep {
        LoggedSweep {
            id: self.id.clone(),
            name: self.name.clone(),
            experiment: self.experiment.clone(),
            user: self.user.clone(),
            commit: self.commit.clone(),
            dataset: self.dataset.clone(),
            aim: self.plan.aim(),
            outlives: self.plan.executor.slurm().is_some(),
            names: match &self.plan.trial {
                TrialPlan::Tabular(plan) => Arc::new(TabularLog::new(self, plan)),
                TrialPlan::Command(plan) => Arc::new(CommandLog::new(self, plan)),
            },
        }
    }
}

/// All sweeps of a state folder.
#[derive(Debug, Default)]
pub struct SweepFolders {
    /// The newest first.
    pub sweeps: Vec<(SweepFolder, SweepHeader)>,
    /// What cannot be read, and why.
    pub unread: Vec<String>,
}

impl SweepFolders {
    /// All that lie in a state folder.
    pub fn of(state_folder: &Path) -> Self {
        let root = SweepFolder::root(state_folder);
        let mut all = Self::default();
        let entries = match fs::read_dir(&root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return all,
            Err(error) => {
                all.unread.push(format!("{}: {error}", root.display()));
                return all;
            }
        };
        for entry in entries.flatten() {
            let folder = SweepFolder { path: entry.path() };
            match folder.header() {
                Ok(header) => all.sweeps.push((folder, header)),
                // Of one that is beginning, or no sweep's at all.
                Err(error) if error.kind() == io::ErrorKind::NotFound => folder.remove_unbegun(),
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
                Err(error) => all.unread.push(error.to_string()),
            }
        }
        all.sweeps.sort_by(|(_, a), (_, b)| (b.created, &b.id).cmp(&(a.created, &a.id)));
        all.unread.sort();
        all
    }
}

impl SweepFolder {
    /// Makes the folder of a sweep that nobody has begun, and has room for its plan kept free.
    ///
    /// # Errors
    /// Where there is no room, or no right to write.
    pub fn create(state_folder: &Path, header: &SweepHeader) -> io::Result<(Self, Draft)> {
        let folder = Self { path: Self::root(state_folder).join(&header.id) };
        disk::make_folder(&Self::root(state_folder), Care::Private)?;
        disk::make_new_folder(&folder.path, Care::Private)?;
        let drafted = Draft::begin(&folder.path.join(PLAN), Care::Private).and_then(|mut draft| {
            draft.write(&header.in_json()?)?;
            Ok(draft)
        });
        drafted.map(|draft| (folder.clone(), draft)).inspect_err(|_| folder.remove())
    }

    /// What the sweep was begun with; also by version 0.1.
    ///
    /// # Errors
    /// Where it cannot be read, or is damaged; `NotFound` of a sweep that is not begun.
    pub fn header(&self) -> io::Result<SweepHeader> {
        let path = self.path.join(PLAN);
        let mut header: Json = serde_json::from_slice(&disk::read(&path, LONGEST_PLAN)?)
            .map_err(|error| disk::damaged(&path, error))?;
        upgrade(&mut header);
        let header: SweepHeader =
            serde_json::from_value(header).map_err(|error| disk::damaged(&path, error))?;
        header.plan.check().map_err(|error| disk::damaged(&path, error))?;
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::engine::rules::Mode;

    /// A plan of version 0.1, whose metric is the logarithmic loss.
    const OLD: &str = include_str!("../../tests/support/sweeps-0.1/iris/plan.json");

    #[test]
    fn what_went_without_saying_in_version_0_1_is_said() {
        let read = |old: &str| {
            let mut header: Json = serde_json::from_str(old).unwrap();
            upgrade(&mut header);
            serde_json::from_value::<SweepHeader>(header).unwrap()
        };
        let header = read(OLD);
        let rules = &header.plan.rules;
        assert_eq!((rules.mode, rules.pruner, rules.jobs), (Mode::Min, Pruner::MEDIAN, 2));
        let other =
            read(&OLD.replace("\"prune\": true", "\"prune\": false").replace("\"log_loss\"", "\"roc_auc\""));
        let rules = &other.plan.rules;
        assert_eq!((rules.mode, rules.pruner), (Mode::Max, Pruner::None));
        // What is written now is read as it is.
        let now = String::from_utf8(header.in_json().unwrap()).unwrap();
        assert_eq!(read(&now), header);
    }
}
