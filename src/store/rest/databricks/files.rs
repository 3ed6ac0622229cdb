//! Files of runs and logged models in a workspace: listed by it, and read and written at addresses that it signs.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use tokio::sync::Semaphore;

use super::signed::{Owner, Purpose, Signer};
use super::uploading::{self, Content};
use crate::mlflow::{ExperimentId, LoggedModel, RunId};
use crate::store::rest::artifacts::{self, check};
use crate::store::rest::body::Source;
use crate::store::rest::client::Client;
use crate::store::rest::models;
use crate::store::rest::transfer::opened;
use crate::store::rest::wire;
use crate::store::{ArtifactList, Artifacts, ErrorKind, FileTree, FilesOf, Inner, Opened, Resume, Sent};

/// Below this the workspace keeps files itself, and signs addresses of them.
const KEPT: &str = "databricks/mlflow-tracking/";

/// Whose files lie at an address, and below which of its folders; none where the workspace signs nothing.
fn owner_of(uri: &str) -> Option<(Owner, String)> {
    let below = below_kept(uri)?;
    let mut parts = below.trim_end_matches('/').split('/').skip(1);
    let owner = match parts.next()? {
        "logged_models" => Owner::Model(parts.next()?.into()),
        run => Owner::Run(run.into()),
    };
    if parts.next() != Some("artifacts") {
        return None;
    }
    Some((owner, parts.collect::<Vec<_>>().join("/")))
}

fn elsewhere(uri: &str) -> ErrorKind {
    ErrorKind::Elsewhere(format!(
        "its files are in {uri}, for which Databricks signs no addresses as it does below dbfs:/{KEPT}; MLflow's own client \
         reads and writes them"
    ))
}

/// Files that the workspace keeps itself: those of an experiment, run or model.
pub fn need_kept(uri: &str) -> Inner<()> {
    if below_kept(uri).is_some() { Ok(()) } else { Err(elsewhere(uri)) }
}

/// The path from where the workspace keeps files.
fn below_kept(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix("dbfs:").unwrap_or(uri);
    // `dbfs://profile@databricks/…` names the workspace again.
    let path = match rest.strip_prefix("//") {
        Some(with_host) => with_host.split_once('/')?.1,
        None => rest,
    };
    path.trim_start_matches('/').strip_prefix(KEPT)
}

/// The files of a workspace.
#[derive(Debug)]
pub struct WorkspaceFiles {
    signer: Arc<Signer>,
    client: Arc<Client>,
}

impl WorkspaceFiles {
    pub fn new(client: &Arc<Client>) -> Self {
        Self { signer: Arc::new(Signer::new(client)), client: Arc::clone(client) }
    }

    async fn uri_of(&self, id: &RunId) -> Inner<String> {
        let answer = self.client.get("2.0/mlflow/runs/get", &[("run_id", id.as_str())]).await?;
        answer.required("run", wire::run).map(|run| run.info.artifact_uri)
    }

    async fn tree(&self, of: &FilesOf) -> Inner<Tree> {
        let (uri, owner, folder) = match of {
            FilesOf::Run(id) => (self.uri_of(id).await?, Owner::Run(id.clone()), String::new()),
            FilesOf::Model(id) => {
                let model = models::read(&self.client, id).await?;
                (model.artifact_location, Owner::Model(id.clone()), String::new())
            }
            FilesOf::Place(uri) => {
                let (owner, folder) = owner_of(uri).ok_or_else(|| elsewhere(uri))?;
                (uri.clone(), owner, folder)
            }
        };
        need_kept(&uri)?;
        let uri = uri.trim_end_matches('/').to_owned();
        Ok(Tree { signer: Arc::clone(&self.signer), uri, owner, folder })
    }

    /// Writes a file of a model.
    pub async fn write_model(&self, model: &LoggedModel, path: &str, content: &[u8]) -> Inner<()> {
        check(path)?;
        let owner = Owner::Model(model.model_id.clone());
        uploading::write(&self.signer, &owner, path, Content::Bytes(content), &|_| {}).await
    }
}

#[async_trait]
impl Artifacts for WorkspaceFiles {
    async fn files(&self, of: &FilesOf) -> Inner<Arc<dyn FileTree>> {
        Ok(Arc::new(self.tree(of).await?))
    }

    async fn list_artifacts(&self, id: &RunId, path: &str) -> Inner<ArtifactList> {
        artifacts::list(&self.client, id, path).await
    }

    async fn read_artifact(&self, id: &RunId, path: &str, most: usize) -> Inner<Vec<u8>> {
        let tree = self.tree(&FilesOf::Run(id.clone())).await?;
        let response = tree.get(path, HeaderMap::new()).await?;
        let (base, timeout) = (self.client.base().to_owned(), self.client.patience());
        let source = Source { base, timeout, turn: Arc::new(Semaphore::new(1)) };
        let read = tokio::time::timeout(timeout, source.file(response, most)).await;
        read.map_err(|_| ErrorKind::Timeout(timeout.as_secs()))?
    }

    async fn write_artifact(&self, id: &RunId, path: &str, content: &[u8]) -> Inner<()> {
        check(path)?;
        let tree = self.tree(&FilesOf::Run(id.clone())).await?;
        let path = tree.whole(path);
        uploading::write(&self.signer, &tree.owner, &path, Content::Bytes(content), &|_| {}).await
    }

    async fn check_artifacts(&self, experiment: &ExperimentId) -> Inner<()> {
        let query = [("experiment_id", experiment.as_str())];
        let answer = self.client.get("2.0/mlflow/experiments/get", &query).await?;
        need_kept(&answer.required("experiment", wire::experiment)?.artifact_location)
    }
}

/// Files below an address.
#[derive(Debug)]
struct Tree {
    signer: Arc<Signer>,
    uri: String,
    owner: Owner,
    /// The folder that is the root, from the owner's; empty for that itself.
    folder: String,
}

impl Tree {
    /// A path from the owner's root.
    fn whole(&self, path: &str) -> String {
        match (self.folder.as_str(), path) {
            ("", path) => path.to_owned(),
            (folder, "") => folder.to_owned(),
            (folder, path) => format!("{folder}/{path}"),
        }
    }

    /// The answer of the storage with a file, as it comes.
    async fn get(&self, path: &str, more: HeaderMap) -> Inner<reqwest::Response> {
        check(path)?;
        let whole = self.whole(path);
        let client = &self.signer.client;
        let mut has_renewed = false;
        let mut attempt = 0;
        loop {
            let signed = self.signer.sign(&self.owner, &whole, Purpose::Read).await?;
            let mut headers = signed.headers.clone();
            headers.extend(more.clone());
            let (address, patience) = (signed.address.clone(), Some(client.patience()));
            let answer = self.signer.send(&signed, Method::GET, address, headers, None, patience).await;
            let failure = match answer {
                Ok(response) => return Ok(response),
                Err(ErrorKind::NotFound(_)) => {
                    return Err(ErrorKind::NotFound(format!("there is no file {path:?} in {}", self.uri)));
                }
                Err(failure) => failure,
            };
            // The address may have held no longer.
            if matches!(failure, ErrorKind::Forbidden(_)) && !has_renewed {
                has_renewed = true;
                continue;
            }
            let is_final = matches!(failure, ErrorKind::Server { status: 416, .. });
            if is_final || !failure.may_pass() || attempt >= client.retries() {
                return Err(failure);
            }
            tokio::time::sleep(client.pause(attempt)).await;
            attempt += 1;
        }
    }
}

#[async_trait]
impl FileTree for Tree {
    fn uri(&self) -> &str {
        &self.uri
    }

    async fn list(&self, path: &str) -> Inner<ArtifactList> {
        if !path.is_empty() {
            check(path)?;
        }
        let whole = self.whole(path);
        let client = &self.signer.client;
        let mut list = match &self.owner {
            Owner::Run(id) => artifacts::list(client, id, &whole).await?,
            Owner::Model(id) => {
                let route = format!("2.0/mlflow/logged-models/{id}/artifacts/directories");
                let query: &[(&str, &str)] =
                    if whole.is_empty() { &[] } else { &[("artifact_directory_path", &whole)] };
                artifacts::list_with(client, &route, query, &whole).await?
            }
        };
        if !self.folder.is_empty() {
            for file in &mut list.files {
                let below = file.path.strip_prefix(&self.folder).unwrap_or(&file.path);
                file.path = below.trim_start_matches('/').to_owned();
            }
        }
        Ok(list)
    }

    async fn open(&self, path: &str, resume: Option<&Resume>) -> Inner<Opened> {
        let mut headers = HeaderMap::new();
        // Sizes and places are those of the file, and not of what it is packed into on the way.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(Resume { at, version }) = resume
            && let Ok(version) = version.parse()
            && let Ok(range) = format!("bytes={at}-").parse()
        {
            headers.insert(RANGE, range);
            headers.insert(IF_RANGE, version);
        }
        let response = match self.get(path, headers).await {
            // There is no such part of it: it is another file by now.
            Err(ErrorKind::Server { status: 416, .. }) if resume.is_some() => {
                return self.open(path, None).await;
            }
            response => response?,
        };
        let client = &self.signer.client;
        let found = opened(response, resume, client.base(), client.patience())?;
        // Not every storage looks at the condition: a part of another version is of no use.
        if found.from > 0 && found.version.as_ref() != resume.map(|resume| &resume.version) {
            return self.open(path, None).await;
        }
        Ok(found)
    }

    async fn write(&self, path: &str, from: &Path, sent: Sent<'_>) -> Inner<()> {
        check(path)?;
        uploading::write(&self.signer, &self.owner, &self.whole(path), Content::File(from), sent).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_whose_files_they_are() {
        let run = || Owner::Run("r1".into());
        for (uri, owner, folder) in [
            ("dbfs:/databricks/mlflow-tracking/7/r1/artifacts", run(), ""),
            ("dbfs:/databricks/mlflow-tracking/7/r1/artifacts/model/data/", run(), "model/data"),
            ("dbfs://prod@databricks/databricks/mlflow-tracking/7/r1/artifacts/a", run(), "a"),
            ("dbfs:///databricks/mlflow-tracking/7/r1/artifacts", run(), ""),
            (
                "dbfs:/databricks/mlflow-tracking/7/logged_models/m-1/artifacts/x",
                Owner::Model("m-1".into()),
                "x",
            ),
        ] {
            assert_eq!(owner_of(uri), Some((owner, folder.to_owned())), "{uri}");
        }
        for uri in [
            "dbfs:/Volumes/main/default/runs/r1/artifacts",
            "s3://bucket/databricks/mlflow-tracking/7/r1/artifacts",
            "dbfs:/databricks/mlflow-tracking/7",
            "dbfs:/databricks/mlflow-tracking/7/r1/other",
            "",
        ] {
            assert_eq!(owner_of(uri), None, "{uri}");
        }
        assert!(need_kept("dbfs:/databricks/mlflow-tracking/7").is_ok());
        assert!(need_kept("dbfs:/Volumes/main").unwrap_err().to_string().contains("MLflow's own client"));
    }
}
