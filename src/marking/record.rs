//! The log of marks, as tags of the experiment; and the tags of a marked run.

use serde::{Deserialize, Serialize};

use crate::mlflow::{ModelVersion, RunId, Tag};
use crate::select::{Goal, MetricGoal, Policy, ValueOf};

/// On a run: that it is marked. On an experiment: the id of the marked run.
pub const MARK: &str = "mltui.best";
/// On an experiment, before the id of each mark, and of each undoing.
const MARKED: &str = "mltui.mark.";
const UNDONE: &str = "mltui.unmark.";
/// On a version in the registry: the mark that it was made for.
pub const VERSION_OF: &str = "mltui.mark";
/// MLflow 2 takes no longer value for a tag of an experiment.
const WHY_CHARS: usize = 1_500;

/// What was done in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Model {
    /// Of the registered model.
    pub name: String,
    /// `models:/m-…`, or the address of a model artifact.
    pub source: String,
    /// Which of the run's models it is, and why, in words.
    pub why: String,
    /// Logged models that the run has.
    pub of: usize,
    /// Points to the version of the newest mark.
    pub alias: String,
    /// Points to what the alias pointed to before.
    pub previous_alias: String,
    /// In the registry; none until there is one.
    pub version: Option<u64>,
    /// The model was not there before.
    pub created_model: bool,
    /// The version was made for this mark.
    pub created_version: bool,
    /// The version that the alias pointed to before.
    pub alias_before: Option<u64>,
    /// The same of the previous alias.
    pub previous_before: Option<u64>,
    /// The newest of the older marks that were over then; empty where there was none.
    pub follows: Option<String>,
    /// Older marks that had moved the aliases by then.
    pub older: Option<usize>,
    /// No version but its own was there then: the registered model was new, or deleted and made anew.
    pub alone: bool,
    /// Ids of other experiments whose marks were in the same registered model then.
    pub beside: Vec<String>,
    /// Somebody else was marking or undoing then, so that what the aliases pointed to tells nothing.
    pub amid: bool,
    /// The alias pointed to the version of a mark that was undone by then: somebody chose it.
    pub by_hand: bool,
    /// Whether the aliases were moved.
    pub moved: bool,
    /// The version is there, and the alias could not be set.
    pub unaliased: bool,
}

impl Model {
    /// Whether a version is that of a mark. Where a registered model was deleted and made anew its numbers begin again: the
    /// version of that number is another one then.
    pub fn is_version(&self, mark: &str, version: &ModelVersion) -> bool {
        let made_for = version.tags.iter().find(|tag| tag.key == VERSION_OF);
        let is_made_for_another = self.created_version && made_for.is_some_and(|tag| tag.value != mark);
        self.version == Some(version.version) && self.source == version.source && !is_made_for_another
    }
}

/// A mark.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The time, so that later marks have greater ids, and something random.
    pub id: String,
    /// Of the marked run.
    pub run_id: String,
    /// Its name then.
    pub run_name: String,
    /// What it was chosen by; empty where it was chosen by hand.
    pub metric: String,
    /// Its value of that.
    pub value: Option<f64>,
    /// `min` or `max`.
    pub direction: String,
    /// `latest`, `best`, `last:5`.
    pub value_of: String,
    /// The user who marked.
    pub by: String,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// The reason, in words.
    pub why: String,
    /// What was done in the registry; none where nothing was requested, or there is no model.
    pub model: Option<Model>,
    /// Why something was left out, in words.
    pub note: Option<String>,
    /// Everything is written.
    pub done: bool,
}

impl Record {
    /// The marked run.
    pub fn run(&self) -> RunId {
        RunId::from(self.run_id.as_str())
    }

    /// The entry in the log.
    pub fn entry(&self) -> Tag {
        let mut short = self.clone();
        short.why = self.why.chars().take(WHY_CHARS).collect();
        Tag::new(format!("{MARKED}{}", self.id), serde_json::to_string(&short).unwrap_or_default())
    }

    /// The tags of the marked run: what, by which metric, who, when, why.
    pub fn run_tags(&self) -> Vec<Tag> {
        let mut tags = vec![
            Tag::new(MARK, "true"),
            Tag::new(format!("{MARK}.mark"), self.id.clone()),
            Tag::new(format!("{MARK}.by"), self.by.clone()),
            Tag::new(format!("{MARK}.at"), crate::text::timestamp(self.at)),
            Tag::new(format!("{MARK}.why"), self.why.chars().take(WHY_CHARS).collect::<String>()),
        ];
        if !self.metric.is_empty() {
            tags.push(Tag::new(format!("{MARK}.metric"), self.metric.clone()));
            tags.push(Tag::new(format!("{MARK}.direction"), self.direction.clone()));
            tags.push(Tag::new(format!("{MARK}.value_of"), self.value_of.clone()));
        }
        tags.extend(self.value.map(|value| Tag::new(format!("{MARK}.value"), format!("{value:?}"))));
        tags.sort_by(|a, b| a.key.cmp(&b.key));
        tags
    }
}

/// Whether a tag of a run tells that it is marked, or something of that.
pub fn is_mark(key: &str) -> bool {
    key == MARK || key.strip_prefix(MARK).is_some_and(|rest| rest.starts_with('.'))
}

/// That a mark was undone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Undone {
    /// As of a mark: the time, and something random.
    pub id: String,
    /// The mark.
    pub mark: String,
    /// The user who undid it.
    pub by: String,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// The registry is being put back.
    pub open: bool,
}

impl Undone {
    /// The entry in the log.
    pub fn entry(&self) -> Tag {
        Tag::new(format!("{UNDONE}{}", self.id), serde_json::to_string(self).unwrap_or_default())
    }
}

/// Something in the log.
#[derive(Debug, Clone, PartialEq)]
pub enum MarkEvent {
    /// A run was marked.
    Marked(Box<Record>),
    /// A mark was undone.
    Undone(Undone),
}

impl MarkEvent {
    /// Later ones have greater ids.
    pub fn id(&self) -> &str {
        match self {
            Self::Marked(record) => &record.id,
            Self::Undone(undone) => &undone.id,
        }
    }

    /// What a mark did in the registry.
    pub fn model(&self) -> Option<&Model> {
        match self {
            Self::Marked(record) => record.model.as_ref(),
            Self::Undone(_) => None,
        }
    }
}

/// The log of an experiment, the oldest entry first. Entries that cannot be read are none.
pub fn events(experiment: &[Tag]) -> Vec<MarkEvent> {
    let mut events: Vec<MarkEvent> = experiment
        .iter()
        .filter_map(|tag| {
            if let Some(id) = tag.key.strip_prefix(MARKED) {
                let record: Record = serde_json::from_str(&tag.value).ok()?;
                (record.id == id).then(|| MarkEvent::Marked(Box::new(record)))
            } else {
                let id = tag.key.strip_prefix(UNDONE)?;
                let undone: Undone = serde_json::from_str(&tag.value).ok()?;
                (undone.id == id).then_some(MarkEvent::Undone(undone))
            }
        })
        .collect();
    events.sort_by(|a, b| a.id().cmp(b.id()));
    events
}

/// Milliseconds after which whoever began something is not at it any more.
const AT_WORK: i64 = 600_000;

/// Whether somebody else is at work, or was since a mark was planned.
pub fn is_amid(log: &[MarkEvent], own: &Record) -> bool {
    let is_new = |at: i64| at.saturating_add(AT_WORK) >= own.at;
    log.iter().any(|event| match event {
        MarkEvent::Marked(record) => {
            (!record.done && record.id != own.id && is_new(record.at)) || record.id > own.id
        }
        MarkEvent::Undone(undone) => (undone.open && is_new(undone.at)) || undone.id > own.id,
    })
}

/// Whether a mark was undone.
pub fn is_undone(log: &[MarkEvent], mark: &str) -> bool {
    log.iter().any(|event| matches!(event, MarkEvent::Undone(undone) if undone.mark == mark))
}

/// The mark that holds: the newest that is not undone.
pub fn holder(events: &[MarkEvent]) -> Option<&Record> {
    events.iter().rev().find_map(|event| match event {
        MarkEvent::Marked(record) if !is_undone(events, &record.id) => Some(record.as_ref()),
        _ => None,
    })
}

/// What the newest mark that is not undone and was not made by hand was chosen by.
pub fn judged_by(experiment: &[Tag]) -> Option<Policy> {
    let events = events(experiment);
    events.iter().rev().find_map(|event| match event {
        MarkEvent::Marked(record) if !record.metric.is_empty() && !is_undone(&events, &record.id) => {
            let goal = MetricGoal::new(record.metric.clone(), Goal::parse(&record.direction)?);
            let value = ValueOf::parse(&record.value_of).unwrap_or(ValueOf::Latest);
            Some(Policy { value, ..Policy::new(goal) })
        }
        MarkEvent::Marked(_) | MarkEvent::Undone(_) => None,
    })
}

/// An id that is greater than those of earlier times.
pub fn new_id(now: i64, random: u32) -> String {
    format!("{now:013}-{random:08x}")
}
