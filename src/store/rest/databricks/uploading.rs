//! Files on their way to a cloud's storage, in the way of each kind: whole, in blocks that a list makes a file, or appended.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use url::Url;
use uuid::Uuid;

use super::signed::{Owner, Purpose, Signed, Signer, Storage};
use crate::store::rest::sending::{self, SMALL, named, size_of_file};
use crate::store::{ErrorKind, Inner, Sent};

/// Bytes of a part, as MLflow's client sends them.
const PART: usize = 10 << 20;
/// Bytes that a storage takes in one request.
const MOST: u64 = 5 << 30;
/// Times that a request is sent again.
const AGAIN: u32 = 4;

/// What is to be written.
#[derive(Clone, Copy)]
pub enum Content<'a> {
    Bytes(&'a [u8]),
    File(&'a Path),
}

impl Content<'_> {
    fn size(&self) -> Inner<u64> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(path) => size_of_file(path),
        }
    }

    /// A part of it.
    async fn part(&self, from: u64, length: usize) -> Inner<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(Bytes::copy_from_slice(&bytes[from as usize..from as usize + length])),
            Self::File(path) => {
                let path = path.to_path_buf();
                let read = tokio::task::spawn_blocking(move || {
                    let mut file = std::fs::File::open(&path).map_err(named(&path))?;
                    let mut part = vec![0; length];
                    file.seek(SeekFrom::Start(from))
                        .and_then(|_| file.read_exact(&mut part))
                        .map_err(named(&path))?;
                    Ok(Bytes::from(part))
                });
                read.await.map_err(|error| ErrorKind::Io(error.to_string()))?
            }
        }
    }
}

/// A file on its way.
struct Upload<'a> {
    signer: &'a Signer,
    owner: &'a Owner,
    path: &'a str,
    signed: Signed,
    sent: Sent<'a>,
}

/// Writes a file, in the place of one that is there. A storage shows it when it is whole, or not at all.
pub async fn write(
    signer: &Signer,
    owner: &Owner,
    path: &str,
    content: Content<'_>,
    sent: Sent<'_>,
) -> Inner<()> {
    let size = content.size()?;
    let signed = signer.sign(owner, path, Purpose::Write).await?;
    let mut upload = Upload { signer, owner, path, signed, sent };
    match upload.signed.storage {
        Storage::Whole if size > MOST => Err(ErrorKind::Invalid(format!(
            "{path} has more than {} GB, which the storage at {} does not take in one request; log it with MLflow's own client",
            MOST >> 30,
            upload.signed.host()
        ))),
        Storage::Whole => upload.whole(content, size).await,
        Storage::Blocks => upload.blocks(content, size).await,
        Storage::Appended => upload.appended(content, size).await,
    }
}

impl Upload<'_> {
    async fn whole(&mut self, content: Content<'_>, size: u64) -> Inner<()> {
        let path = match content {
            Content::File(path) if size > SMALL => path,
            Content::Bytes(_) | Content::File(_) => {
                let bytes = content.part(0, size as usize).await?;
                let length = [(CONTENT_LENGTH, size.into())].into_iter().collect();
                self.step(&Method::PUT, &[], |_| true, &length, &bytes).await?;
                (self.sent)(size as i64);
                return Ok(());
            }
        };
        let mut attempt = 0;
        loop {
            let done = AtomicI64::new(0);
            let count = |bytes: i64| {
                done.fetch_add(bytes, Ordering::Relaxed);
                (self.sent)(bytes);
            };
            let client = &self.signer.client;
            let request = |body| {
                let mut headers = self.signed.headers(|_| true);
                headers.insert(CONTENT_LENGTH, size.into());
                let address = self.signed.address.clone();
                let sending = self.signer.send(&self.signed, Method::PUT, address, headers, Some(body), None);
                async move { sending.await.map(drop) }
            };
            let sending = sending::stream(path, size, &count, client.patience(), request);
            let Err(failure) = sending.await else { return Ok(()) };
            // What was told to be on its way did not arrive.
            (self.sent)(-done.into_inner());
            let is_over = matches!(failure, ErrorKind::Forbidden(_)) && attempt == 0;
            attempt += 1;
            if !(is_over || failure.may_pass()) || attempt > client.retries().min(AGAIN) {
                return Err(failure);
            }
            tokio::time::sleep(client.pause(attempt - 1)).await;
            self.renew().await?;
        }
    }

    async fn blocks(&mut self, content: Content<'_>, size: u64) -> Inner<()> {
        let blob = (HeaderName::from_static("x-ms-blob-type"), HeaderValue::from_static("BlockBlob"));
        let blob: HeaderMap = [blob].into_iter().collect();
        let mut list = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<BlockList>\n");
        for (from, length) in parts(size) {
            let id = STANDARD.encode(Uuid::new_v4().simple().to_string());
            let part = content.part(from, length).await?;
            let query = [("comp", "block"), ("blockid", id.as_str())];
            self.step(&Method::PUT, &query, is_of_block, &blob, &part).await?;
            (self.sent)(length as i64);
            list.push_str(&format!("<Uncommitted>{id}</Uncommitted>\n"));
        }
        list.push_str("</BlockList>");
        let query = [("comp", "blocklist")];
        self.step(&Method::PUT, &query, is_of_list, &HeaderMap::new(), &Bytes::from(list)).await
    }

    async fn appended(&mut self, content: Content<'_>, size: u64) -> Inner<()> {
        let (none, nothing) = (HeaderMap::new(), Bytes::new());
        self.step(&Method::PUT, &[("resource", "file")], is_of_file, &none, &nothing).await?;
        let is_single = size > 0 && size <= PART as u64;
        for (from, length) in parts(size) {
            let part = content.part(from, length).await?;
            let position = from.to_string();
            let mut query = vec![("action", "append"), ("position", position.as_str())];
            query.extend(is_single.then_some(("flush", "true")));
            self.step(&Method::PATCH, &query, is_of_append, &none, &part).await?;
            (self.sent)(length as i64);
        }
        if is_single {
            return Ok(());
        }
        let position = size.to_string();
        let query = [("action", "flush"), ("position", position.as_str())];
        self.step(&Method::PATCH, &query, is_of_file, &none, &nothing).await
    }

    /// Asks for another address: the one that there was may hold no longer.
    async fn renew(&mut self) -> Inner<()> {
        self.signed = self.signer.sign(self.owner, self.path, Purpose::Write).await?;
        Ok(())
    }

    /// A request of several, or the only one; sent again where that may help.
    async fn step(
        &mut self,
        method: &Method,
        query: &[(&str, &str)],
        may_have: fn(&str) -> bool,
        more: &HeaderMap,
        body: &Bytes,
    ) -> Inner<()> {
        let mut has_renewed = false;
        let mut attempt = 0;
        loop {
            let mut headers = self.signed.headers(may_have);
            headers.extend(more.clone());
            headers.insert(CONTENT_LENGTH, body.len().into());
            let address: Url =
                if query.is_empty() { self.signed.address.clone() } else { self.signed.with(query) };
            let client = &self.signer.client;
            let patience = Some(client.patience());
            let body = Some(body.clone().into());
            let sending = self.signer.send(&self.signed, method.clone(), address, headers, body, patience);
            let Err(failure) = sending.await else { return Ok(()) };
            if matches!(failure, ErrorKind::Forbidden(_)) && !has_renewed {
                has_renewed = true;
                self.renew().await?;
                continue;
            }
            if !failure.may_pass() || attempt >= client.retries().min(AGAIN) {
                return Err(failure);
            }
            tokio::time::sleep(client.pause(attempt)).await;
            attempt += 1;
        }
    }
}

/// Where each part begins, and its bytes.
fn parts(size: u64) -> impl Iterator<Item = (u64, usize)> {
    let part = PART as u64;
    (0..size.div_ceil(part)).map(move |at| (at * part, part.min(size - at * part) as usize))
}

/// Headers of a request about encryption, or of who asks, which each kind takes.
fn is_common(name: &str) -> bool {
    matches!(
        name,
        "x-ms-date"
            | "x-ms-version"
            | "x-ms-lease-id"
            | "x-ms-client-request-id"
            | "x-ms-encryption-key"
            | "x-ms-encryption-key-sha256"
            | "x-ms-encryption-algorithm"
    )
}

/// Headers that Azure takes with a block.
fn is_of_block(name: &str) -> bool {
    is_common(name) || name == "x-ms-encryption-scope"
}

/// Headers that Azure takes with a list of blocks.
fn is_of_list(name: &str) -> bool {
    let is_of_key = name.starts_with("x-ms-encryption-") && name != "x-ms-encryption-scope";
    let is_of_blob =
        name.starts_with("x-ms-meta-") || name.starts_with("x-ms-blob-") && name != "x-ms-blob-type";
    is_of_blob
        || (is_common(name) && !is_of_key)
        || matches!(name, "x-ms-encryption-scope" | "x-ms-tags" | "x-ms-access-tier")
}

/// Headers that Azure takes with a file that is made or closed.
fn is_of_file(name: &str) -> bool {
    is_common(name)
        || matches!(
            name,
            "x-ms-cache-control"
                | "x-ms-content-type"
                | "x-ms-content-encoding"
                | "x-ms-content-language"
                | "x-ms-content-disposition"
                | "x-ms-properties"
                | "x-ms-permissions"
                | "x-ms-umask"
                | "x-ms-owner"
                | "x-ms-group"
                | "x-ms-acl"
                | "x-ms-encryption-context"
        )
}

/// Headers that Azure takes with what is appended.
fn is_of_append(name: &str) -> bool {
    is_of_file(name) && name != "x-ms-umask"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_whole() {
        let part = PART as u64;
        for size in [0, 1, part - 1, part, part + 1, 3 * part] {
            let all: Vec<(u64, usize)> = parts(size).collect();
            assert_eq!(all.iter().map(|(_, length)| *length as u64).sum::<u64>(), size);
            assert!(all.windows(2).all(|pair| pair[0].0 + pair[0].1 as u64 == pair[1].0), "{size}");
        }
    }

    #[test]
    fn each_request_has_the_headers_that_it_may_have() {
        assert!(is_of_block("x-ms-encryption-key") && !is_of_block("x-ms-blob-type"));
        assert!(is_of_list("x-ms-meta-a") && is_of_list("x-ms-blob-content-type"));
        assert!(!is_of_list("x-ms-encryption-key") && !is_of_list("x-ms-blob-type"));
        assert!(is_of_file("x-ms-umask") && !is_of_append("x-ms-umask") && is_of_append("x-ms-version"));
    }
}
