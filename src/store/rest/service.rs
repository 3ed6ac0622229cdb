//! A server's artifact service alone: where the files are that a database has at `mlflow-artifacts:`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use url::Url;

use super::RestOptions;
use super::artifacts;
use super::client::Client;
use super::transfer::Tree;
use crate::store::{ErrorKind, FileService, FileTree, FilesOf, Inner};

/// Servers that addresses name which are kept in mind.
const MOST: usize = 16;

/// The service of the server that a setting names, and of those that addresses name themselves.
#[derive(Debug)]
pub struct ArtifactService {
    set: Option<(Url, Arc<Client>)>,
    /// For servers that nobody but an address names: they are told no secret.
    options: RestOptions,
    named: Mutex<HashMap<String, Arc<Client>>>,
}

impl ArtifactService {
    /// Nothing is sent yet.
    pub fn new(options: &RestOptions) -> Inner<Self> {
        let plain = RestOptions { auth: options.artifacts_auth.clone(), workspace: None, ..options.clone() };
        let set = match &options.artifacts_server {
            Some(url) => Some((url.clone(), Arc::new(Client::new(url, plain.clone())?))),
            None => None,
        };
        let options = RestOptions { auth: super::Auth::None, client_cert: None, ..plain };
        Ok(Self { set, options, named: Mutex::default() })
    }

    fn client(&self, uri: &str) -> Inner<Arc<Client>> {
        let none = || ErrorKind::Invalid(format!("the artifact location {uri:?} names no server"));
        let Some(host) = host_of(uri) else {
            return self.set.as_ref().map(|(_, client)| Arc::clone(client)).ok_or_else(none);
        };
        let scheme = self.set.as_ref().map_or("http", |(url, _)| url.scheme());
        let url: Url = format!("{scheme}://{host}").parse().map_err(|_| none())?;
        if let Some((set, client)) = &self.set
            && set.origin() == url.origin()
        {
            return Ok(Arc::clone(client));
        }
        // Nobody asked for a user or password that is in a database to be sent anywhere.
        if host.contains('@') {
            return Err(none());
        }
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = named.get(host) {
            return Ok(Arc::clone(known));
        }
        if named.len() >= MOST {
            named.clear();
        }
        let client = Arc::new(Client::new(&url, self.options.clone())?);
        named.insert(host.to_owned(), Arc::clone(&client));
        Ok(client)
    }
}

/// The host that an address names: of `mlflow-artifacts://host:5000/1`, and not of `mlflow-artifacts:/1`.
fn host_of(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix("mlflow-artifacts://")?;
    Some(rest.split('/').next().unwrap_or_default()).filter(|host| !host.is_empty())
}

#[async_trait]
impl FileService for ArtifactService {
    fn keeps(&self, uri: &str) -> bool {
        let leads_up = uri.split('/').any(|part| part == "..");
        uri.starts_with("mlflow-artifacts:") && !leads_up && (self.set.is_some() || host_of(uri).is_some())
    }

    fn is_set(&self) -> bool {
        self.set.is_some()
    }

    async fn tree(&self, uri: &str) -> Inner<Arc<dyn FileTree>> {
        Ok(Arc::new(Tree::new(&self.client(uri)?, &FilesOf::Place(uri.to_owned()), uri)?))
    }

    async fn put(&self, uri: &str, path: &str, content: &[u8]) -> Inner<()> {
        artifacts::write_model(&*self.client(uri)?, uri, path, content).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::objects::stand_in::{Answer, StandIn};
    use crate::store::rest::Auth;

    #[tokio::test]
    async fn a_server_that_only_an_address_names_is_told_no_secret() {
        let json = |text: &'static str| Answer::ok(text).with("content-type", "application/json");
        let own = StandIn::start(move |_| Some(json(r#"{"files": []}"#)));
        let other = StandIn::start(move |_| Some(json(r#"{"files": [{"path": "a", "is_dir": false}]}"#)));
        let options = RestOptions {
            artifacts_server: Some(own.uri().parse().unwrap()),
            artifacts_auth: Auth::Bearer("s3cret".into()),
            // That of the database.
            auth: Auth::Basic { user: "ana".into(), password: "pw".into() },
            max_retries: 0,
            ..RestOptions::default()
        };
        let service = ArtifactService::new(&options).unwrap();
        let there = other.uri().replace("http:", "mlflow-artifacts:") + "/1/r/artifacts";
        let same = own.uri().replace("http:", "mlflow-artifacts:") + "/1";
        for uri in ["mlflow-artifacts:/1/r/artifacts", &there, &same] {
            assert!(service.keeps(uri), "{uri}");
        }
        assert!(!service.keeps("mlflow-artifacts:/1/../2") && !service.keeps("s3://b/1"));
        let list = |uri: String| {
            let service = &service;
            async move { service.tree(&uri).await.unwrap().list("").await.unwrap().files.len() }
        };
        assert_eq!(list("mlflow-artifacts:/1/r/artifacts".into()).await, 0);
        assert_eq!((list(there).await, list(same).await), (1, 0));
        let authorized = |stand_in: &StandIn| {
            let asked = stand_in.asked();
            asked.iter().map(|request| request.header("authorization").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(authorized(&own), ["Bearer s3cret"; 2]);
        assert_eq!(authorized(&other), [""]);
        let with_user = "mlflow-artifacts://ana:pw@127.0.0.1:1/1";
        assert!(service.tree(with_user).await.is_err());
        let none = ArtifactService::new(&RestOptions::default()).unwrap();
        assert!(none.keeps("mlflow-artifacts://h:1/1") && !none.keeps("mlflow-artifacts:/1"));
    }
}
