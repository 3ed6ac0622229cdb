//! Files as streams through the server: read from where they were left off, where it can do that, and sent as they are read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, RANGE};
use reqwest::{Method, Response, StatusCode};

use super::artifacts::{self, check, proxied};
use super::client::Client;
use super::sending::{self, SMALL, named, size_of_file};
use super::wire;
use crate::mlflow::{ModelId, RunId};
use crate::store::objects::elsewhere;
use crate::store::reasons::innermost;
use crate::store::{ArtifactList, ErrorKind, FileBody, FileTree, FilesOf, Inner, Opened, Resume, Sent};

/// Files on a server.
#[derive(Debug)]
pub struct Tree {
    client: Arc<Client>,
    uri: String,
    of: Root,
}

/// How the server is asked for them.
#[derive(Debug)]
enum Root {
    Run(RunId),
    /// By its artifact service.
    Service,
    /// A model whose files lie elsewhere, and are handed on.
    Model(ModelId),
}

impl Tree {
    /// Those of a run or model whose artifacts are at `uri`, or simply what is there.
    pub fn new(client: &Arc<Client>, of: &FilesOf, uri: &str) -> Inner<Self> {
        let of = match of {
            FilesOf::Run(id) => Root::Run(id.clone()),
            FilesOf::Model(id) if proxied(uri, "").is_none() => Root::Model(id.clone()),
            FilesOf::Model(_) | FilesOf::Place(_) => Root::Service,
        };
        if matches!(of, Root::Service) && proxied(uri, "").is_none() {
            return Err(elsewhere(uri, "the server does not hand on"));
        }
        Ok(Self { client: Arc::clone(client), uri: uri.trim_end_matches('/').to_owned(), of })
    }

    /// The path at the server, and the query, that lead to a file.
    fn route<'a>(&'a self, path: &'a str) -> (String, Vec<(&'static str, &'a str)>) {
        if let Some(address) = proxied(&self.uri, path) {
            return (address, Vec::new());
        }
        match &self.of {
            Root::Model(id) => (
                format!("ajax-api/2.0/mlflow/logged-models/{id}/artifacts/files"),
                vec![("artifact_file_path", path)],
            ),
            Root::Run(id) => ("get-artifact".into(), vec![("run_id", id.as_str()), ("path", path)]),
            Root::Service => (String::new(), Vec::new()),
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
        match &self.of {
            Root::Run(id) => artifacts::list(&self.client, id, path).await,
            Root::Model(id) => {
                let route = format!("2.0/mlflow/logged-models/{id}/artifacts/directories");
                let query: &[(&str, &str)] =
                    if path.is_empty() { &[] } else { &[("artifact_directory_path", path)] };
                artifacts::list_with(&self.client, &route, query, path).await
            }
            Root::Service => {
                let whole = proxied(&self.uri, path).unwrap_or_default();
                let whole = whole.strip_prefix(artifacts::SERVICE).unwrap_or_default().trim_matches('/');
                let answer = self.client.get("2.0/mlflow-artifacts/artifacts", &[("path", whole)]).await?;
                let list = answer.list("files", wire::artifact_file)?;
                // This one answers with names alone.
                Ok(artifacts::named_below(path, list.things))
            }
        }
    }

    async fn open(&self, path: &str, resume: Option<&Resume>) -> Inner<Opened> {
        check(path)?;
        let (route, query) = self.route(path);
        let mut headers = HeaderMap::new();
        // Sizes and places are those of the file, and not of what it is packed into on the way.
        headers.insert(ACCEPT_ENCODING, reqwest::header::HeaderValue::from_static("identity"));
        if let Some(Resume { at, version }) = resume
            && let Ok(version) = version.parse()
            && let Ok(range) = format!("bytes={at}-").parse()
        {
            headers.insert(RANGE, range);
            headers.insert(IF_RANGE, version);
        }
        let response = match self.client.stream(&route, &query, headers).await {
            // There is no such part of it: it is another file by now.
            Err(ErrorKind::Server { status: 416, .. }) if resume.is_some() => {
                return self.open(path, None).await;
            }
            response => response?,
        };
        opened(response, resume, self.client.base(), self.client.patience())
    }

    async fn write(&self, path: &str, from: &Path, sent: Sent<'_>) -> Inner<()> {
        check(path)?;
        let (route, query) = self.route(path);
        let (method, route, query) = match (&self.of, query.is_empty()) {
            (_, true) => (Method::PUT, route, Vec::new()),
            (Root::Run(id), false) => {
                (Method::POST, artifacts::UPLOAD.to_owned(), vec![("run_uuid", id.as_str()), ("path", path)])
            }
            (Root::Model(_) | Root::Service, false) => return Err(artifacts::no_service(&self.uri)),
        };
        let size = size_of_file(from)?;
        if size <= SMALL {
            let content = std::fs::read(from).map_err(named(from))?;
            self.client.upload(method, &route, &query, &content).await?;
            sent(content.len() as i64);
            return Ok(());
        }
        let mut attempt = 0;
        loop {
            let done = AtomicI64::new(0);
            let count = |bytes: i64| {
                done.fetch_add(bytes, Ordering::Relaxed);
                sent(bytes);
            };
            let request = |body| {
                let headers = HeaderMap::from_iter([(CONTENT_LENGTH, size.into())]);
                self.client.send_once(method.clone(), &route, &query, headers, body)
            };
            let sending = sending::stream(from, size, &count, self.client.patience(), request);
            let failure = match sending.await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            // What was told to be on its way did not arrive.
            sent(-done.into_inner());
            attempt += 1;
            if !failure.may_pass() || attempt > self.client.retries().min(4) {
                return Err(failure);
            }
            tokio::time::sleep(self.client.pause(attempt - 1)).await;
        }
    }
}

/// What an answer brings of a file.
pub fn opened(response: Response, resume: Option<&Resume>, base: &str, patience: Duration) -> Inner<Opened> {
    let header = |name: &reqwest::header::HeaderName| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let version = strong_tag(response.headers());
    let is_packed = response.headers().contains_key(reqwest::header::CONTENT_ENCODING);
    let length = header(&CONTENT_LENGTH).and_then(|text| text.parse().ok()).filter(|_| !is_packed);
    let (from, size) = if response.status() == StatusCode::PARTIAL_CONTENT {
        let wanted = resume.map_or(0, |resume| resume.at);
        let range = header(&CONTENT_RANGE).and_then(|text| content_range(&text));
        match range {
            Some((from, size)) if from == wanted => (from, size),
            _ => {
                return Err(ErrorKind::Protocol(format!(
                    "{base} sends another part of a file than it was asked for"
                )));
            }
        }
    } else {
        (0, length)
    };
    let body = Box::new(Body { response, base: base.to_owned(), patience });
    Ok(Opened { from, size, version, body })
}

/// What changes with every byte of a file. A weak tag does not, nor does a date, within whose second a file can change: what
/// has no more than these is never gone on with.
fn strong_tag(headers: &HeaderMap) -> Option<String> {
    let tag = headers.get(ETAG)?.to_str().ok()?;
    tag.starts_with('"').then(|| tag.to_owned())
}

/// Where a part begins, and how many bytes the whole has: `bytes 5-9/10`.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = range.split_once('-')?;
    Some((from.trim().parse().ok()?, size.trim().parse().ok()))
}

/// The body of an answer.
struct Body {
    response: Response,
    base: String,
    patience: Duration,
}

#[async_trait]
impl FileBody for Body {
    async fn next(&mut self) -> Inner<Option<Bytes>> {
        loop {
            let part = tokio::time::timeout(self.patience, self.response.chunk()).await;
            let part = part.map_err(|_| ErrorKind::Timeout(self.patience.as_secs()))?;
            match part {
                Ok(Some(part)) if part.is_empty() => {}
                Ok(part) => return Ok(part),
                Err(error) => {
                    let words = format!("{}: the answer was interrupted: {}", self.base, innermost(&error));
                    return Err(ErrorKind::Unreachable(words));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_strong_tag_is_a_version() {
        let version = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            strong_tag(&headers)
        };
        assert_eq!(version("etag", "\"1-2\""), Some("\"1-2\"".to_owned()));
        assert_eq!(version("etag", "W/\"1-2\""), None);
        assert_eq!(version("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT"), None);
    }

    #[test]
    fn a_range_says_where_it_begins() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 0-0/*"), Some((0, None)));
        for text in ["bytes */10", "items 1-2/3", "bytes x-2/3", ""] {
            assert_eq!(content_range(text), None, "{text}");
        }
    }
}
