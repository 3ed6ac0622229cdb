//! Files below a key of a bucket.

use std::borrow::Cow;
use std::path::Path as LocalPath;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::list::PaginatedListOptions;
use object_store::path::Path;
use object_store::{GetOptions, GetRange};

use super::client::{Asked, Client};
use super::failure::{Refusal, cause};
use super::place::Place;
use super::upload;
use crate::mlflow::ArtifactFile;
use crate::store::reasons::innermost;
use crate::store::{ArtifactList, ErrorKind, FileBody, FileTree, Inner, Opened, Resume, Sent};

/// Pages that bring nothing, one after the other: a store that tells more of them has no end.
const EMPTY_PAGES: usize = 100;

/// Files of a run or model in an object store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ObjectTree {
    client: Arc<Client>,
    uri: String,
    /// The key of the root, without slashes at its ends.
    root: String,
}

impl ObjectTree {
    pub fn new(client: Arc<Client>, uri: &str, root: String) -> Self {
        Self { client, uri: uri.trim_end_matches('/').to_owned(), root }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same client for somebody who outlives this.
    pub fn share(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// The key of a path, which never leads out of the root.
    pub fn key(&self, path: &str) -> Inner<Path> {
        let wrong = |why: &dyn std::fmt::Display| {
            ErrorKind::Invalid(format!("the artifact path {path:?} cannot be in {}: {why}", self.uri))
        };
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) && !path.is_empty() {
            return Err(wrong(&"a part of it is empty, or leads to a folder above"));
        }
        // A slash at its beginning would be lost.
        if self.root.starts_with('/') {
            return Err(wrong(&"its key begins with a slash"));
        }
        let whole = match (self.root.is_empty(), path.is_empty()) {
            (true, _) => path.to_owned(),
            (false, true) => self.root.clone(),
            (false, false) => format!("{}/{path}", self.root),
        };
        Path::parse(whole).map_err(|error| wrong(&error))
    }

    /// How all keys in a folder begin; nothing for those of the whole bucket.
    fn prefix(&self, folder: &str) -> Inner<Option<String>> {
        let key = self.key(folder)?;
        Ok((!key.is_root()).then(|| format!("{key}/")))
    }

    /// Whether it can be asked: where somebody may write but not list, that is no failure.
    pub async fn check(&self) -> Inner<()> {
        let prefix = self.prefix("")?;
        let work = |asked: Arc<Asked>| {
            let prefix = prefix.clone();
            async move {
                let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
                match asked.reader.list_paginated(prefix.as_deref(), options).await {
                    Err(error) if cause::<Refusal>(&error).is_some_and(Refusal::is_of_rights) => Ok(()),
                    listed => listed.map(drop),
                }
            }
        };
        self.client.call("", work).await
    }

    /// A file of `most` bytes at most.
    pub async fn read(&self, path: &str, most: usize) -> Inner<Vec<u8>> {
        let too_much = || ErrorKind::TooMuch(format!("{}/{path} has more than {most} bytes", self.uri));
        let Opened { size, mut body, .. } = self.open(path, None).await?;
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

    /// Writes a file whole.
    pub async fn put(&self, path: &str, content: &[u8]) -> Inner<()> {
        upload::put(self, path, Bytes::copy_from_slice(content)).await
    }
}

#[async_trait]
impl FileTree for ObjectTree {
    fn uri(&self) -> &str {
        &self.uri
    }

    async fn list(&self, path: &str) -> Inner<ArtifactList> {
        let prefix = self.prefix(path.trim_end_matches('/'))?;
        let root = if self.root.is_empty() { 0 } else { self.root.len() + 1 };
        let mut list = ArtifactList::default();
        let (mut token, mut empty) = (None, 0);
        loop {
            let work = |asked: Arc<Asked>| {
                let (prefix, page_token) = (prefix.clone(), token.clone());
                async move {
                    let options = PaginatedListOptions {
                        delimiter: Some(Cow::Borrowed("/")),
                        page_token,
                        ..PaginatedListOptions::default()
                    };
                    asked.reader.list_paginated(prefix.as_deref(), options).await
                }
            };
            let page = self.client.call(path, work).await?;
            let before = list.files.len();
            // A key that is the folder itself is a mark that somebody made of it.
            let below = |key: &Path| {
                let name = key.as_ref().strip_prefix(prefix.as_deref().unwrap_or_default());
                let is_entry = name.is_some_and(|name| !name.is_empty());
                is_entry.then(|| key.as_ref()[root..].to_owned())
            };
            for folder in &page.result.common_prefixes {
                list.files.extend(below(folder).map(|path| ArtifactFile {
                    path,
                    is_dir: true,
                    file_size: None,
                }));
            }
            for object in &page.result.objects {
                let file = |path| ArtifactFile { path, is_dir: false, file_size: Some(object.size) };
                list.files.extend(below(&object.location).map(file));
            }
            if list.files.len() > ArtifactList::MOST {
                list.is_cut = true;
                break;
            }
            empty = if list.files.len() == before { empty + 1 } else { 0 };
            if page.page_token.is_some() && (page.page_token == token || empty > EMPTY_PAGES) {
                let server = self.client.asked().place.server();
                return Err(ErrorKind::ObjectStore(
                    format!("{server} tells of pages without end"),
                    "check that the endpoint is that of the object store",
                ));
            }
            token = page.page_token;
            if token.is_none() {
                break;
            }
        }
        list.files.sort_by(|a, b| a.path.cmp(&b.path).then(a.is_dir.cmp(&b.is_dir)));
        list.files.truncate(ArtifactList::MOST);
        Ok(list)
    }

    async fn open(&self, path: &str, resume: Option<&Resume>) -> Inner<Opened> {
        let key = self.key(path)?;
        if path.is_empty() {
            return Err(ErrorKind::Invalid(format!("{} is no file", self.uri)));
        }
        let work = |asked: Arc<Asked>| {
            let (key, options) = (
                key.clone(),
                GetOptions {
                    range: resume.map(|resume| GetRange::Offset(resume.at)),
                    if_match: resume.map(|resume| resume.version.clone()),
                    ..GetOptions::default()
                },
            );
            async move {
                match asked.reader.get_opts(&key, options).await {
                    // It is another file by now, and has no such part.
                    Err(error)
                        if cause::<Refusal>(&error)
                            .is_some_and(|refusal| matches!(refusal.status, 412 | 416)) =>
                    {
                        asked.reader.get_opts(&key, GetOptions::default()).await
                    }
                    result => result,
                }
            }
        };
        let found = self.client.call(path, work).await?;
        // A weak tag does not change with every byte.
        let version = found.meta.e_tag.clone().filter(|tag| !tag.starts_with("W/"));
        let (from, size) = (found.range.start, found.meta.size);
        let body = Box::new(Body { stream: found.into_stream(), place: self.client.asked().place.clone() });
        Ok(Opened { from, size: Some(size), version, body })
    }

    async fn write(&self, path: &str, from: &LocalPath, sent: Sent<'_>) -> Inner<()> {
        upload::write(self, path, from, sent).await
    }
}

/// An object that is being read.
struct Body {
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    place: Place,
}

#[async_trait]
impl FileBody for Body {
    async fn next(&mut self) -> Inner<Option<Bytes>> {
        loop {
            match self.stream.next().await {
                Some(Ok(part)) if part.is_empty() => {}
                Some(Ok(part)) => return Ok(Some(part)),
                None => return Ok(None),
                // Whoever reads goes on from here.
                Some(Err(error)) => {
                    let words =
                        format!("{}: the answer was interrupted: {}", self.place.server(), innermost(&error));
                    return Err(ErrorKind::Unreachable(words));
                }
            }
        }
    }
}
