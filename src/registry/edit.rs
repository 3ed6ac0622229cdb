//! Changes to the registry, and how each is undone.
//!
//! What a change takes away is read just before it. It is undone only where nobody has changed the same again since: an
//! alias that points elsewhere by now stays where it is.

use crate::mlflow::limits::CUT;
use crate::mlflow::{ModelStage, ModelVersion, RegisteredModel, Tag};
use crate::store::{ErrorKind, Result, Store, StoreError};

/// A change of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// What the change was, in words.
    pub words: String,
    /// What has to hold still, and what is to be written then.
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
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
            Self::Tag { model, version, key, value: Some(_) } => {
                format!("{}: tag {key} set", of(model, version))
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

/// Makes a change.
///
/// # Errors
///
/// What the store says; then nothing was changed.
pub async fn apply(store: &Store, edit: &Edit) -> Result<Applied> {
    let steps = undoing(store, edit).await?;
    write(store, edit).await?;
    let words = edit.words();
    let undo = (!steps.is_empty()).then(|| Undo { words: words.clone(), steps });
    Ok(Applied { words, undo, model: edit.model_after() })
}

/// Undoes a change, unless somebody has changed the same since.
///
/// # Errors
///
/// [`ErrorKind::Invalid`] if the same was changed again; what the store says.
pub async fn undo(store: &Store, undo: &Undo) -> Result<Applied> {
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
    Ok(Applied { words: format!("undone: {}", undo.words), undo: None, model })
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
mod tests {
    use super::*;
    use crate::marking::{self, Journal, MarkRequest, Registration, Undoing};
    use crate::mlflow::{ExperimentId, RunStatus};
    use crate::store::memory::Memory;
    use crate::store::{NewModel, NewRun, RunUpdate};

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    async fn filled() -> Store {
        let store = Store::new(Memory::default());
        store.create_registered_model("net").await.unwrap();
        for _ in 0..3 {
            store.create_model_version("net", "s3://bucket/model", None, &[]).await.unwrap();
        }
        store.set_model_alias("net", "champion", 1).await.unwrap();
        store.set_model_stage("net", 1, ModelStage::Production, false).await.unwrap();
        store.set_registered_model_tag("net", &Tag::new("team", "red")).await.unwrap();
        store
    }

    /// All that can be seen of the model.
    async fn seen(store: &Store) -> (RegisteredModel, Vec<ModelVersion>) {
        let mut model = store.get_registered_model("net").await.unwrap();
        let mut versions = store.model_versions("net").await.unwrap();
        model.last_updated_time = None;
        for version in &mut versions {
            version.last_updated_time = None;
        }
        (model, versions)
    }

    fn edits() -> Vec<Edit> {
        let model = || "net".to_owned();
        let tag = |version, key: &str, value: Option<&str>| Edit::Tag {
            model: model(),
            version,
            key: key.into(),
            value: value.map(str::to_owned),
        };
        vec![
            Edit::Alias { model: model(), alias: "champion".into(), version: Some(2) },
            Edit::Alias { model: model(), alias: "champion".into(), version: None },
            Edit::Alias { model: model(), alias: "new".into(), version: Some(3) },
            Edit::Describe { model: model(), version: None, text: "a net".into() },
            Edit::Describe { model: model(), version: Some(2), text: "the second".into() },
            tag(None, "team", Some("blue")),
            tag(None, "team", None),
            tag(Some(2), "gate", Some("passed")),
            Edit::Stage { model: model(), version: 2, stage: ModelStage::Production, archives_others: true },
            Edit::Stage { model: model(), version: 1, stage: ModelStage::Archived, archives_others: false },
            Edit::Rename { model: model(), to: "network".into() },
        ]
    }

    #[test]
    fn every_change_that_can_be_undone_leaves_nothing_behind() {
        block_on(async {
            for edit in edits() {
                let store = filled().await;
                let before = seen(&store).await;
                let applied = apply(&store, &edit).await.unwrap();
                let name = applied.model.clone().unwrap();
                assert!(name != "net" || seen(&store).await != before, "{edit:?} changes nothing");
                let undone = undo(&store, &applied.undo.unwrap()).await.unwrap();
                assert_eq!(undone.model.as_deref(), Some("net"));
                assert_eq!(seen(&store).await, before, "{edit:?}");
            }
        });
    }

    #[test]
    fn what_somebody_changed_since_is_not_undone() {
        block_on(async {
            let store = filled().await;
            let edit = Edit::Alias { model: "net".into(), alias: "champion".into(), version: Some(2) };
            let applied = apply(&store, &edit).await.unwrap();
            store.set_model_alias("net", "champion", 3).await.unwrap();
            let refused = undo(&store, &applied.undo.unwrap()).await.unwrap_err();
            assert!(matches!(refused.kind, ErrorKind::Invalid(_)), "{refused}");
            assert_eq!(store.get_registered_model("net").await.unwrap().alias("champion"), Some(3));
        });
    }

    /// A mark on a new run whose model is registered as `net`, and a world to undo it in.
    struct Marking {
        store: Store,
        experiment: ExperimentId,
        journal: Journal,
        _folder: tempfile::TempDir,
    }

    impl Marking {
        async fn new() -> Self {
            let store = Store::new(Memory::default());
            let experiment = store.create_experiment("wine", &[]).await.unwrap();
            let folder = tempfile::tempdir().unwrap();
            Self { store, experiment, journal: Journal::new(folder.path(), "memory"), _folder: folder }
        }

        async fn mark(&self, now: i64) {
            let (store, experiment_id) = (&self.store, self.experiment.clone());
            let new = NewRun {
                experiment_id: experiment_id.clone(),
                run_name: None,
                user_id: "ana".into(),
                start_time: now,
                tags: Vec::new(),
            };
            let run = store.create_run(&new).await.unwrap().info.run_id;
            let model = NewModel {
                experiment_id,
                name: "model".into(),
                source_run_id: run.clone(),
                params: Vec::new(),
                tags: Vec::new(),
            };
            let model = store.create_logged_model(&model).await.unwrap().model_id;
            store.log_model_output(&run, &model).await.unwrap();
            store.finish_logged_model(&model, true).await.unwrap();
            let done = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(9), run_name: None };
            store.update_run(&run, &done).await.unwrap();
            let request = MarkRequest {
                experiment: self.experiment.clone(),
                run,
                metric: "rmse".into(),
                value: Some(0.5),
                direction: "min".into(),
                value_of: "latest".into(),
                why: "the best".into(),
                by: "ana".into(),
                now,
                random: 7,
                model_by: None,
                registration: Some(Registration {
                    name: "net".into(),
                    alias: "champion".into(),
                    previous_alias: "previous".into(),
                }),
            };
            let plan = marking::plan(store, &request).await.unwrap();
            marking::mark(store, &self.journal, &plan).await.unwrap();
        }

        async fn undo_mark(&self, now: i64) {
            let undoing = Undoing { by: "ana".into(), now, of_others: false };
            marking::undo(&self.store, &self.journal, &self.experiment, &undoing, 7).await.unwrap();
        }

        async fn champion(&self) -> Option<u64> {
            self.store.get_registered_model("net").await.unwrap().alias("champion")
        }
    }

    #[test]
    fn a_mark_and_a_move_of_its_alias_do_not_undo_each_other() {
        block_on(async {
            let to = |version| Edit::Alias {
                model: "net".into(),
                alias: "champion".into(),
                version: Some(version),
            };
            let world = Marking::new().await;
            world.mark(1_000).await;
            world.mark(2_000).await;
            assert_eq!(world.champion().await, Some(2));
            let moved = apply(&world.store, &to(1)).await.unwrap();
            world.undo_mark(3_000).await;
            assert_eq!(world.champion().await, Some(1), "undoing the mark leaves what was moved by hand");
            // A newer mark takes the alias; then the move is not undone any more.
            world.mark(4_000).await;
            assert_eq!(world.champion().await, Some(3));
            assert!(undo(&world.store, &moved.undo.unwrap()).await.is_err());
            assert_eq!(world.champion().await, Some(3));
            world.undo_mark(5_000).await;
            assert_eq!(world.champion().await, Some(1), "back to what the mark found");
        });
    }

    #[test]
    fn what_is_deleted_is_gone() {
        block_on(async {
            let store = filled().await;
            let applied =
                apply(&store, &Edit::DeleteVersion { model: "net".into(), version: 1 }).await.unwrap();
            assert_eq!((applied.undo, applied.model.as_deref()), (None, Some("net")));
            let applied = apply(&store, &Edit::DeleteModel { model: "net".into() }).await.unwrap();
            assert_eq!((applied.undo, applied.model), (None, None));
            assert!(store.get_registered_model("net").await.is_err());
        });
    }
}
