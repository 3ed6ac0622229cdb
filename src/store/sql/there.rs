//! Files that are not on this machine, of which a database says an address: in an object store, or at a server's artifact service.

use std::sync::Arc;

use crate::store::objects::{self, ObjectTree};
use crate::store::{ArtifactList, ErrorKind, FileService, FileTree, Inner, Opened};

/// What stands below an address where nobody has put anything: a listing of it costs little.
const NOTHING: &str = "mltui-asks-whether-this-is-there";

pub enum There {
    Objects(ObjectTree),
    Served(Arc<dyn FileService>, String),
}

impl There {
    pub async fn open(service: Option<&Arc<dyn FileService>>, uri: &str) -> Inner<Self> {
        match service.filter(|service| service.keeps(uri)) {
            Some(service) => Ok(Self::Served(Arc::clone(service), uri.to_owned())),
            None => objects::open(uri).await.map(Self::Objects),
        }
    }

    pub async fn tree(self) -> Inner<Arc<dyn FileTree>> {
        match self {
            Self::Objects(tree) => Ok(Arc::new(tree)),
            Self::Served(service, uri) => service.tree(&uri).await,
        }
    }

    pub async fn list(&self, path: &str) -> Inner<ArtifactList> {
        match self {
            Self::Objects(tree) => tree.list(path).await,
            Self::Served(service, uri) => service.tree(uri).await?.list(path).await,
        }
    }

    /// A file of `most` bytes at most.
    pub async fn read(&self, path: &str, most: usize) -> Inner<Vec<u8>> {
        match self {
            Self::Objects(tree) => tree.read(path, most).await,
            Self::Served(service, uri) => read(&*service.tree(uri).await?, path, most).await,
        }
    }

    pub async fn put(&self, path: &str, content: &[u8]) -> Inner<()> {
        match self {
            Self::Objects(tree) => tree.put(path, content).await,
            Self::Served(service, uri) => service.put(uri, path, content).await,
        }
    }

    /// Whether it can be asked.
    pub async fn check(&self) -> Inner<()> {
        match self {
            Self::Objects(tree) => tree.check().await,
            Self::Served(service, uri) => service.tree(uri).await?.list(NOTHING).await.map(drop),
        }
    }
}

async fn read(tree: &dyn FileTree, path: &str, most: usize) -> Inner<Vec<u8>> {
    let too_much = || ErrorKind::TooMuch(format!("{}/{path} has more than {most} bytes", tree.uri()));
    let Opened { size, mut body, .. } = tree.open(path, None).await?;
    if size.is_some_and(|size| size > most as u64) {
        return Err(too_much());
    }
    let mut bytes = Vec::new();
    while let Some(part) = body.next().await? {
        if bytes.len() + part.len() > most {
            return Err(too_much());
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}
