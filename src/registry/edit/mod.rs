//! Changes to the registry, and how each is undone.
//!
//! What a change takes away is read just before it. It is undone only where nobody has changed the same again since: an
//! alias that points elsewhere by now stays where it is. Each stands in the model's history, see [`super::history`].

use serde::{Deserialize, Serialize};

use super::history::{self, Author};
use crate::mlflow::limits::CUT;
use crate::mlflow::{ModelStage, ModelVersion, RegisteredModel, Tag};
use crate::store::{ErrorKind, Result, Store, StoreError};

/// A change of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Edit {
    /// Point an alias to a version, or take it away.
    Alias {
        /// Of the model.
        model: String,
        /// The alias, without `@`.
        alias: String,
        /// The version; none takes the alias away.
        version: Option<u64>,
    },
    /// Give a model, or a version, another description.
    Describe {
        /// Of the model.
        model: String,
        /// The version; none for the model.
        version: Option<u64>,
        /// The whole text.
        text: String,
    },
    /// Set a tag of a model, or of a version, or take it away.
    Tag {
        /// Of the model.
        model: String,
        /// The version; none for the model.
        version: Option<u64>,
        /// Of the tag.
        key: String,
        /// Nothing takes the tag away.
        value: Option<String>,
    },
    /// Move a version to a stage.
    Stage {
        /// Of the model.
        model: String,
        /// The version.
        version: u64,
        /// Where it goes.
        stage: ModelStage,
        /// The others that are there go to Archived.
        archives_others: bool,
    },
    /// Give a model another name.
    Rename {
        /// Of the model.
        model: String,
        /// Its name from then on.
        to: String,
    },
    /// Delete a version, for good.
    DeleteVersion {
        /// Of the model.
        model: String,
        /// The version.
        version: u64,
    },
    /// Delete a model with all its versions, for good.
    DeleteModel {
        /// Of the model.
        model: String,
    },
}

/// How a change is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// What the change was, in words.
    pub words: String,
    /// What has to hold still, and what is to be written then.
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    /// As the change left it.
    expected: Edit,
    edit: Edit,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What was done, in words.
    pub words: String,
    /// Nothing where it cannot be undone.
    pub undo: Option<Undo>,
    /// The model that it was about is called so from now on; none if it is gone.
    pub model: Option<String>,
    /// A version or a model is gone.
    pub is_deletion: bool,
}

impl Edit {
    /// What the change is, in words.
    pub fn words(&self) -> String {
        let of = |model: &str, version: &Option<u64>| match version {
            Some(version) => format!("{model} v{version}"),
            None => model.to_owned(),
        };
        match self {
            Self::Alias { model, alias, version: Some(version) } => {
                format!("@{alias} of {model} to v{version}")
            }
            Self::Alias { model, alias, version: None } => format!("@{alias} of {model} deleted"),
            Self::Describe { model, version, .. } => format!("{} described", of(model, version)),
            Self::Tag { model, version, key, value: Some(value) } => {
                let value = value.lines().next().unwrap_or_default();
                format!("{}: tag {key} = {}", of(model, version), crate::text::cut(value, 60, "…"))
            }
            Self::Tag { model, version, key, value: None } => {
                format!("{}: tag {key} deleted", of(model, version))
            }
            Self::Stage { model, version, stage, .. } => format!("{model} v{version} to {}", stage.as_str()),
            Self::Rename { model, to } => format!("{model} renamed to {to}"),
            Self::DeleteVersion { model, version } => format!("{model} v{version} deleted"),
            Self::DeleteModel { model } => format!("{model} deleted with all its versions"),
        }
    }

    /// The name of the model after the change, if it is still there.
    fn model_after(&self) -> Option<String> {
        match self {
            Self::Rename { to, .. } => Some(to.clone()),
            Self::DeleteModel { .. } => None,
            Self::Alias { model, .. }
            | Self::Describe { model, .. }
            | Self::Tag { model, .. }
            | Self::Stage { model, .. }
            | Self::DeleteVersion { model, .. } => Some(model.clone()),
        }
    }
}

/// The other versions that a change of stage archives.
///
/// # Errors
///
/// What the store says.
pub async fn archives(store: &Store, edit: &Edit) -> Result<Vec<u64>> {
    let Edit::Stage { model, version, stage, archives_others: true } = edit else { return Ok(Vec::new()) };
    let others = store.model_versions(model).await?.into_iter();
    let mut others: Vec<u64> = others
        .filter(|known| known.version != *version && known.current_stage.parse() == Ok(*stage))
        .map(|known| known.version)
        .collect();
    others.sort_unstable();
    Ok(others)
}

/// What becomes of versions that are archived, in words to come behind those of the change.
pub fn archived_words(versions: &[u64]) -> String {
    let names: Vec<String> = versions.iter().map(|version| format!("v{version}")).collect();
    if names.is_empty() { String::new() } else { format!("; {} to Archived", names.join(", ")) }
}

/// Makes a change, and notes it in the history of the model.
///
/// # Errors
///
/// What the store says; then nothing was changed.
pub async fn apply(store: &Store, edit: &Edit, author: &Author) -> Result<Applied> {
    let steps = undoing(store, edit).await?;
    let archived = archived_words(&archives(store, edit).await?);
    write(store, edit).await?;
    let mut words = edit.words();
    let model = edit.model_after();
    let undo = (!steps.is_empty()).then(|| Undo { words: words.clone(), steps });
    let of_it = |undo: &&Undo| undo.steps.iter().find(|step| step.expected.words() == words).cloned();
    let was = undo.as_ref().as_ref().and_then(of_it).and_then(|step| was(&step.edit));
    let noted = was.map_or(words.clone(), |was| format!("{words}, {was}")) + &archived;
    words.push_str(&archived);
    words.extend(note(store, model.as_deref(), &noted, author).await);
    let is_deletion = matches!(edit, Edit::DeleteVersion { .. } | Edit::DeleteModel { .. });
    Ok(Applied { words, undo, model, is_deletion })
}

/// Undoes a change, unless somebody has changed the same since.
///
/// # Errors
///
/// [`ErrorKind::Invalid`] if the same was changed again; what the store says.
pub async fn undo(store: &Store, undo: &Undo, author: &Author) -> Result<Applied> {
    for step in &undo.steps {
        if !holds(store, &step.expected).await? {
            let words = "somebody has changed it since".to_owned();
            return Err(StoreError::new(format!("undo: {}", undo.words), ErrorKind::Invalid(words)));
        }
    }
    for step in &undo.steps {
        write(store, &step.edit).await?;
    }
    let model = undo.steps.last().and_then(|step| step.edit.model_after());
    let mut words = format!("undone: {}", undo.words);
    words.extend(note(store, model.as_deref(), &words.clone(), author).await);
    Ok(Applied { words, undo: None, model, is_deletion: false })
}

/// Notes a change that is made; why that failed, in words, where it did.
async fn note(store: &Store, model: Option<&str>, words: &str, author: &Author) -> Option<String> {
    let error = history::note(store, model?, words, author).await.err()?;
    Some(format!("; it is not in the history of the model: {error}"))
}

/// How a thing was before a change, in words, from what would undo the change.
fn was(back: &Edit) -> Option<String> {
    let short = |text: &str| format!("which was {:?}", crate::text::cut(text, 60, "…"));
    match back {
        Edit::Alias { version: Some(version), .. } => Some(format!("which was v{version}")),
        Edit::Tag { value: Some(value), .. } => Some(short(value)),
        Edit::Describe { text, .. } if !text.is_empty() => Some(short(text)),
        Edit::Stage { stage, .. } => Some(format!("which was in {}", stage.as_str())),
        Edit::Alias { .. }
        | Edit::Tag { .. }
        | Edit::Describe { .. }
        | Edit::Rename { .. }
        | Edit::DeleteVersion { .. }
        | Edit::DeleteModel { .. } => None,
    }
}

async fn write(store: &Store, edit: &Edit) -> Result<()> {
    match edit {
        Edit::Alias { model, alias, version: Some(version) } => {
            store.set_model_alias(model, alias, *version).await
        }
        Edit::Alias { model, alias, version: None } => store.delete_model_alias(model, alias).await,
        Edit::Describe { model, version: Some(version), text } => {
            store.describe_model_version(model, *version, text).await
        }
        Edit::Describe { model, version: None, text } => store.describe_registered_model(model, text).await,
        Edit::Tag { model, version: Some(version), key, value: Some(value) } => {
            store.set_model_version_tag(model, *version, &Tag::new(key, value)).await
        }
        Edit::Tag { model, version: Some(version), key, value: None } => {
            store.delete_model_version_tag(model, *version, key).await
        }
        Edit::Tag { model, version: None, key, value: Some(value) } => {
            store.set_registered_model_tag(model, &Tag::new(key, value)).await
        }
        Edit::Tag { model, version: None, key, value: None } => {
            store.delete_registered_model_tag(model, key).await
        }
        Edit::Stage { model, version, stage, archives_others } => {
            store.set_model_stage(model, *version, *stage, *archives_others).await
        }
        Edit::Rename { model, to } => store.rename_registered_model(model, to).await,
        Edit::DeleteVersion { model, version } => store.delete_model_version(model, *version).await,
        Edit::DeleteModel { model } => store.delete_registered_model(model).await,
    }
}

/// The description and the tags of a model or a version.
async fn described(store: &Store, model: &str, version: Option<u64>) -> Result<(String, Vec<Tag>)> {
    match version {
        Some(version) => {
            let ModelVersion { description, tags, .. } = store.get_model_version(model, version).await?;
            Ok((description, tags))
        }
        None => {
            let RegisteredModel { description, tags, .. } = store.get_registered_model(model).await?;
            Ok((description, tags))
        }
    }
}

fn value_of(tags: &[Tag], key: &str) -> Option<String> {
    tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.clone())
}

/// What undoes a change, from what is there before it; nothing where that cannot be.
async fn undoing(store: &Store, edit: &Edit) -> Result<Vec<Step>> {
    let back = |earlier: Edit| vec![Step { expected: edit.clone(), edit: earlier }];
    Ok(match edit {
        Edit::Alias { model, alias, .. } => {
            let version = store.get_registered_model(model).await?.alias(alias);
            back(Edit::Alias { model: model.clone(), alias: alias.clone(), version })
        }
        Edit::Describe { model, version, .. } => {
            let (text, _) = described(store, model, *version).await?;
            if text.contains(CUT) {
                // Nobody can write the rest of it.
                return Ok(Vec::new());
            }
            back(Edit::Describe { model: model.clone(), version: *version, text })
        }
        Edit::Tag { model, version, key, .. } => {
            let (_, tags) = described(store, model, *version).await?;
            let value = value_of(&tags, key);
            if value.as_ref().is_some_and(|value| value.contains(CUT)) {
                return Ok(Vec::new());
            }
            back(Edit::Tag { model: model.clone(), version: *version, key: key.clone(), value })
        }
        Edit::Stage { model, version, stage, archives_others } => {
            moved_back(store, model, *version, *stage, *archives_others).await?
        }
        Edit::Rename { model, to } => back(Edit::Rename { model: to.clone(), to: model.clone() }),
        Edit::DeleteVersion { .. } | Edit::DeleteModel { .. } => Vec::new(),
    })
}

/// Every version goes back to the stage that it was in.
async fn moved_back(
    store: &Store,
    model: &str,
    version: u64,
    stage: ModelStage,
    archives_others: bool,
) -> Result<Vec<Step>> {
    let to = |version: u64, stage: ModelStage| Edit::Stage {
        model: model.to_owned(),
        version,
        stage,
        archives_others: false,
    };
    let mut steps = Vec::new();
    for known in store.model_versions(model).await? {
        // A stage that MLflow does not name cannot be gone back to.
        let Ok(before) = known.current_stage.parse::<ModelStage>() else { continue };
        let after = match known.version == version {
            true => stage,
            false if archives_others && before == stage => ModelStage::Archived,
            false => continue,
        };
        steps.push(Step { expected: to(known.version, after), edit: to(known.version, before) });
    }
    Ok(steps)
}

/// Whether something is as a change left it.
async fn holds(store: &Store, edit: &Edit) -> Result<bool> {
    Ok(match edit {
        Edit::Alias { model, alias, version } => {
            store.get_registered_model(model).await?.alias(alias) == *version
        }
        Edit::Describe { model, version, text } => described(store, model, *version).await?.0 == *text,
        Edit::Tag { model, version, key, value } => {
            value_of(&described(store, model, *version).await?.1, key) == *value
        }
        Edit::Stage { model, version, stage, .. } => {
            store.get_model_version(model, *version).await?.current_stage.parse() == Ok(*stage)
        }
        Edit::Rename { to, .. } => match store.get_registered_model(to).await {
            Ok(_) => true,
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => false,
            Err(error) => return Err(error),
        },
        Edit::DeleteVersion { .. } | Edit::DeleteModel { .. } => false,
    })
}

#[cfg(test)]
mod tests;
