//! Where the files of a server's runs and models are: handed on by the server, or in an object store. There this program asks
//! the bucket itself, as MLflow's client does; the server, which may have other credentials, where the bucket does not let it.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::transfer::Tree;
use super::{Rest, artifacts, models};
use crate::mlflow::{ExperimentId, RunId};
use crate::store::objects::{self, ObjectTree, is_in_objects, is_refusal};
use crate::store::{
    ArtifactList, Artifacts, Backend as _, ErrorKind, FileTree, FilesOf, Inner, Opened, Resume, Sent,
};

/// Runs, and experiments, whose artifact addresses are known.
const KNOWN: usize = 1_000;
/// A server that has no more credentials than this machine tries for long.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of where files are; none of it changes.
#[derive(Debug, Default)]
pub struct Places {
    uris: Mutex<HashMap<RunId, String>>,
    /// Of experiments.
    locations: Mutex<HashMap<ExperimentId, String>>,
    /// Roots that are read through the server.
    by_server: Arc<Mutex<HashSet<String>>>,
}

impl Places {
    /// The files of a run are there.
    pub fn note(&self, id: &RunId, uri: &str) {
        keep(&self.uris, id, uri);
    }
}

fn keep<Id: Clone + Eq + Hash>(known: &Mutex<HashMap<Id, String>>, id: &Id, uri: &str) {
    if uri.is_empty() {
        return;
    }
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= KNOWN {
        known.clear();
    }
    known.insert(id.clone(), uri.to_owned());
}

fn kept<Id: Eq + Hash>(known: &Mutex<HashMap<Id, String>>, id: &Id) -> Option<String> {
    known.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
}

impl Rest {
    async fn uri_of(&self, id: &RunId) -> Inner<String> {
        if let Some(uri) = kept(&self.places.uris, id) {
            return Ok(uri);
        }
        let uri = self.get_run(id).await?.info.artifact_uri;
        keep(&self.places.uris, id, &uri);
        Ok(uri)
    }

    /// Where the files of an experiment go.
    pub async fn location_of(&self, id: &ExperimentId) -> Inner<String> {
        if let Some(location) = kept(&self.places.locations, id) {
            return Ok(location);
        }
        let location = self.get_experiment(id).await?.artifact_location;
        keep(&self.places.locations, id, &location);
        Ok(location)
    }

    /// The files of a run, where they are in an object store.
    async fn in_objects(&self, id: &RunId) -> Inner<Option<Either>> {
        let uri = self.uri_of(id).await?;
        if !is_in_objects(&uri) {
            return Ok(None);
        }
        self.either(&FilesOf::Run(id.clone()), &uri).await.map(Some)
    }

    async fn either(&self, of: &FilesOf, uri: &str) -> Inner<Either> {
        Ok(Either {
            direct: objects::open(uri).await?,
            server: Tree::new(&self.client, of, uri).ok(),
            by_server: Arc::clone(&self.places.by_server),
        })
    }
}

#[async_trait]
impl Artifacts for Rest {
    async fn files(&self, of: &FilesOf) -> Inner<Arc<dyn FileTree>> {
        let uri = match of {
            FilesOf::Run(id) => self.uri_of(id).await?,
            FilesOf::Model(id) => models::read(&self.client, id).await?.artifact_location,
            FilesOf::Place(uri) => uri.clone(),
        };
        if is_in_objects(&uri) {
            return Ok(Arc::new(self.either(of, &uri).await?));
        }
        Ok(Arc::new(Tree::new(&self.client, of, &uri)?))
    }

    async fn list_artifacts(&self, id: &RunId, path: &str) -> Inner<ArtifactList> {
        match self.in_objects(id).await? {
            Some(either) => either.list(path).await,
            None => artifacts::list(&self.client, id, path).await,
        }
    }

    async fn read_artifact(&self, id: &RunId, path: &str, most: usize) -> Inner<Vec<u8>> {
        let server = async { artifacts::read(&self.client, id, &self.uri_of(id).await?, path, most).await };
        match self.in_objects(id).await? {
            Some(either) => either.ask(either.direct.read(path, most), server).await,
            None => server.await,
        }
    }

    async fn write_artifact(&self, id: &RunId, path: &str, content: &[u8]) -> Inner<()> {
        let server =
            async { artifacts::write(&self.client, id, &self.uri_of(id).await?, path, content).await };
        match self.in_objects(id).await? {
            Some(either) => either.ask(either.direct.put(path, content), server).await,
            None => server.await,
        }
    }

    async fn check_artifacts(&self, experiment: &ExperimentId) -> Inner<()> {
        let uri = self.get_experiment(experiment).await?.artifact_location;
        if is_in_objects(&uri) {
            return objects::open(&uri).await?.check().await;
        }
        // The server hands them on, wherever they go.
        Ok(())
    }
}

/// Files that are asked for of their bucket, or else of the server.
#[derive(Debug)]
struct Either {
    direct: ObjectTree,
    server: Option<Tree>,
    by_server: Arc<Mutex<HashSet<String>>>,
}

impl Either {
    fn is_by_server(&self) -> bool {
        self.by_server.lock().unwrap_or_else(PoisonError::into_inner).contains(self.uri())
    }

    fn goes_by_server(&self) {
        self.by_server.lock().unwrap_or_else(PoisonError::into_inner).insert(self.uri().to_owned());
    }

    async fn ask<T>(
        &self,
        direct: impl Future<Output = Inner<T>> + Send,
        server: impl Future<Output = Inner<T>> + Send,
    ) -> Inner<T> {
        if self.is_by_server() {
            return server.await;
        }
        match direct.await {
            Err(kind) if is_refusal(&kind) => match tokio::time::timeout(PATIENCE, server).await {
                Ok(Ok(found)) => {
                    self.goes_by_server();
                    Ok(found)
                }
                // What the bucket says is nearer to the cause.
                Ok(Err(_)) | Err(_) => Err(kind),
            },
            result => result,
        }
    }

    fn server(&self) -> Inner<&Tree> {
        self.server.as_ref().ok_or_else(|| ErrorKind::Unsupported("artifact service for these files".into()))
    }
}

#[async_trait]
impl FileTree for Either {
    fn uri(&self) -> &str {
        self.direct.uri()
    }

    async fn list(&self, path: &str) -> Inner<ArtifactList> {
        self.ask(self.direct.list(path), async { self.server()?.list(path).await }).await
    }

    async fn open(&self, path: &str, resume: Option<&Resume>) -> Inner<Opened> {
        self.ask(self.direct.open(path, resume), async { self.server()?.open(path, resume).await }).await
    }

    async fn write(&self, path: &str, from: &Path, sent: Sent<'_>) -> Inner<()> {
        if !self.is_by_server() {
            match self.direct.write(path, from, sent).await {
                // A long transfer is begun only where the server is known to get at the bucket.
                Err(kind) if is_refusal(&kind) => {
                    let listed = async { self.server()?.list("").await };
                    if !matches!(tokio::time::timeout(PATIENCE, listed).await, Ok(Ok(_))) {
                        return Err(kind);
                    }
                    self.goes_by_server();
                }
                result => return result,
            }
        }
        self.server()?.write(path, from, sent).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::Client;
    use super::*;
    use crate::store::objects::stand_in::{Answer, StandIn};
    use crate::store::objects::tests::s3;
    use crate::store::rest::RestOptions;

    fn either(bucket: &StandIn, server: &StandIn) -> Either {
        let options = RestOptions { max_retries: 0, ..RestOptions::default() };
        let client = Arc::new(Client::new(&server.uri().parse().unwrap(), options).unwrap());
        let server = Tree::new(&client, &FilesOf::Run("r".into()), "s3://models/root").ok();
        Either { direct: s3(bucket), server, by_server: Arc::default() }
    }

    #[tokio::test]
    async fn a_server_is_asked_where_the_bucket_lets_nobody_in() {
        let bucket = StandIn::start(|_| Some(Answer::error(403, "InvalidAccessKeyId")));
        let server = StandIn::start(|request| {
            let files = r#"{"files": [{"path": "a", "is_dir": false, "file_size": 3}]}"#;
            Some(match request.path.as_str() {
                "/api/2.0/mlflow/artifacts/list" => {
                    Answer::ok(files).with("content-type", "application/json")
                }
                "/get-artifact" => Answer::ok("abc"),
                _ => Answer::of(500, ""),
            })
        });
        let files = either(&bucket, &server);
        assert_eq!(files.list("").await.unwrap().files.len(), 1);
        let mut opened = files.open("a", None).await.unwrap();
        assert_eq!(opened.body.next().await.unwrap().unwrap(), "abc");
        assert_eq!(bucket.asked().len(), 1, "it is kept in mind");
        // Where neither does, what the bucket says counts; so it does for what is not there.
        let without = StandIn::start(|_| Some(Answer::of(500, "no module named boto3")));
        let refused = either(&bucket, &without).list("").await.unwrap_err();
        assert!(refused.to_string().contains("InvalidAccessKeyId"), "{refused}");
        let nothing = StandIn::start(|_| Some(Answer::error(404, "NoSuchKey")));
        let missing = either(&nothing, &server).open("a", None).await.unwrap_err();
        assert!(matches!(missing, ErrorKind::NotFound(_)), "{missing}");
        assert_eq!(server.asked().len(), 2);
    }
}
