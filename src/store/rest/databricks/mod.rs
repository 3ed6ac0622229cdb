//! What is other in a workspace of Databricks than at a server of MLflow's own: who one is, where files lie, and the models
//! that Unity Catalog keeps. Experiments and runs are asked for in the same way.

mod catalog;
mod catalog_tags;
mod files;
mod login;
mod registering;
mod signed;
mod uploading;

use std::sync::Arc;

use serde_json::{Value, json};

pub use catalog::UnityCatalog;
pub use files::{WorkspaceFiles, need_kept};
pub use login::Login;

use super::client::Client;
use super::wire;
use crate::store::databricks::ModelsIn;
use crate::store::{ErrorKind, Inner, StoreInfo};

/// The parts of a workspace that are its own.
#[derive(Debug)]
pub struct Databricks {
    pub files: WorkspaceFiles,
    /// None where models are in the workspace's older registry, which is MLflow's own.
    pub catalog: Option<UnityCatalog>,
}

impl Databricks {
    pub fn new(client: &Arc<Client>, models: ModelsIn) -> Self {
        Self {
            files: WorkspaceFiles::new(client),
            catalog: (models == ModelsIn::UnityCatalog).then(|| UnityCatalog::new(client)),
        }
    }

    /// What the workspace says of itself: there is no version of it.
    pub async fn info(&self, client: &Client) -> Inner<StoreInfo> {
        let body = json!({ "max_results": 1 });
        let answer = client.search("2.0/mlflow/experiments/search", &body).await?;
        answer.list("experiments", wire::experiment)?;
        let mut notes = Vec::new();
        // Not everybody may ask who they are; that is no failure.
        if let Ok(me) = client.get("2.0/preview/scim/v2/Me", &[]).await
            && let Ok(name) = me.required("userName", wire::text)
        {
            notes.push(format!("as {name}"));
        }
        Ok(StoreInfo {
            kind: "Databricks workspace".into(),
            location: client.base().to_owned(),
            revision: None,
            writable: true,
            notes,
        })
    }
}

/// An experiment is named by its path in the workspace.
pub fn check_experiment_name(name: &str) -> Inner<()> {
    if name.starts_with('/') {
        return Ok(());
    }
    Err(ErrorKind::Invalid(format!(
        "an experiment in Databricks is named by its path in the workspace, such as /Users/ana@example.org/{name}, not {name:?}"
    )))
}

/// The workspace's older registry has stages alone.
pub fn no_aliases() -> ErrorKind {
    ErrorKind::Unsupported(
        "model aliases: the workspace's older registry has stages, and Unity Catalog has aliases (unset MLFLOW_REGISTRY_URI)"
            .into(),
    )
}

/// A body as a workspace takes it: its messages have no nulls in them.
pub(super) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let told = fields.iter().filter(|(_, value)| !value.is_null());
            told.map(|(key, value)| (key.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        plain => plain.clone(),
    }
}
