//! What stands in the second store of what is done.

use serde::{Deserialize, Serialize};

use crate::mlflow::{Experiment, RegisteredModel, Tag};

/// Where something came from. On a run or a logged model that was given a new id: the old one. On an experiment or a
/// registered model: an [`Origin`].
pub const FROM: &str = "mltui.migrated_from";
/// On a run of which not all is there yet.
pub const UNFINISHED: &str = crate::mlflow::tags::MIGRATING;
/// On a version that only takes its number up, until it is deleted.
pub const PLACEHOLDER: &str = "mltui.placeholder";

/// Where an experiment or a registered model came from: known again by its id or name and the time when it was made,
/// wherever its store lies by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The id of an experiment, the name of a model.
    pub id: String,
    /// Milliseconds since the epoch.
    pub created: Option<i64>,
    /// The address of the store, for people.
    pub store: String,
    /// What has the mark was there before, and took the other one in: it is never dated or deleted as that is.
    #[serde(default)]
    pub joined: bool,
}

impl Origin {
    pub fn of_experiment(experiment: &Experiment, store: &str) -> Self {
        Self {
            id: experiment.experiment_id.to_string(),
            created: experiment.creation_time,
            store: store.to_owned(),
            joined: false,
        }
    }

    pub fn of_model(model: &RegisteredModel, store: &str) -> Self {
        Self { id: model.name.clone(), created: model.creation_time, store: store.to_owned(), joined: false }
    }

    /// The mark of a thing with these tags, if what this is the origin of was copied into it.
    pub fn mark_in(&self, tags: &[Tag]) -> Option<Self> {
        let mark = tags.iter().find(|tag| tag.key == FROM)?;
        serde_json::from_str::<Self>(&mark.value).ok().filter(|mark| {
            let is_same = mark.id == self.id && mark.created == self.created;
            // The first versions of MLflow noted no time.
            is_same && (self.created.is_some() || mark.store == self.store)
        })
    }

    pub fn is_marked(&self, tags: &[Tag]) -> bool {
        self.mark_in(tags).is_some()
    }

    pub fn as_tag(&self) -> Tag {
        Tag::new(FROM, serde_json::to_string(self).unwrap_or_default())
    }
}

/// Whether a tag is of the copy, and not of what is copied.
pub fn is_own(key: &str) -> bool {
    matches!(key, FROM | UNFINISHED | PLACEHOLDER | crate::store::DAMAGED)
}
