//! Files of runs and models.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::error::{MigrateError, Result, of_transfer};
use super::job::Job;
use crate::disk::{self, Care};
use crate::files::{self, Address, Listing, Source, TransferError, hex};
use crate::mlflow::ArtifactFile;
use crate::store::{ErrorKind, Files, FilesOf, Store, StoreError};

/// Files that come side by side.
const SIDE_BY_SIDE: usize = 4;
/// How often a file is read anew that broke off.
const ATTEMPTS: u32 = 5;

async fn source(store: &Store, of: &FilesOf) -> Result<Source> {
    let address = match of {
        FilesOf::Run(id) => Address::Run(id.clone(), String::new()),
        FilesOf::Model(id) => Address::Model(id.clone(), String::new()),
        FilesOf::Place(uri) => Address::Place(uri.clone()),
    };
    let files = store.files(of).await?;
    Ok(Source { address, version: None, of: of.clone(), files, path: String::new() })
}

async fn listed(source: &Source) -> Result<Listing> {
    match files::walk(source, &files::Progress::default()).await {
        Err(TransferError::Nothing(_)) => {
            Ok(Listing { is_file: false, files: Vec::new(), empty: Vec::new() })
        }
        listing => listing.map_err(of_transfer),
    }
}

/// All files of a run or model.
pub async fn listing(store: &Store, of: &FilesOf) -> Result<Listing> {
    listed(&source(store, of).await?).await
}

/// Those of the target, where nothing may be yet.
async fn listing_there(store: &Store, of: &FilesOf) -> Result<Listing> {
    match listing(store, of).await {
        Err(MigrateError::Store(error))
            if matches!(error.kind, ErrorKind::Elsewhere(_) | ErrorKind::NotFound(_)) =>
        {
            Ok(Listing { is_file: false, files: Vec::new(), empty: Vec::new() })
        }
        listing => listing,
    }
}

/// Whether both lead to one place: what is there would be taken for a copy of itself.
fn are_one(from: &Files, to: &Files) -> bool {
    let path = |files: &Files| files.local("").and_then(|path| path.canonicalize().ok());
    let is_address = from.uri().contains("://") && !from.uri().starts_with("mlflow-artifacts:");
    match (path(from), path(to)) {
        (Some(from), Some(to)) => from == to,
        (None, None) => is_address && from.uri().trim_end_matches('/') == to.uri().trim_end_matches('/'),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

async fn refuse_one_place(from: (&Store, &FilesOf), to: (&Store, &FilesOf)) -> Result<()> {
    // Whoever cannot be asked says so where the files are listed.
    let (Ok(from), Ok(to)) = (from.0.files(from.1).await, to.0.files(to.1).await) else { return Ok(()) };
    if !are_one(&from, &to) {
        return Ok(());
    }
    let words = format!("both stores keep them in one place, {}; nothing is copied there", from.uri());
    Err(StoreError::new("copy files", ErrorKind::Invalid(words)).into())
}

/// The files of both sides.
pub async fn listings(from: (&Store, &FilesOf), to: (&Store, &FilesOf)) -> Result<(Listing, Listing)> {
    refuse_one_place(from, to).await?;
    Ok((listing(from.0, from.1).await?, listing_there(to.0, to.1).await?))
}

/// Whether a file is there that may be the same.
pub fn is_like(one: &ArtifactFile, other: &ArtifactFile) -> bool {
    match (one.file_size, other.file_size) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// The sum of what a file holds.
pub async fn sum(store: &Store, of: &FilesOf, path: &str) -> Result<String> {
    let files = store.files(of).await?;
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut opened = files.open(path, None).await?;
    loop {
        let part = opened.body.next().await;
        match part.map_err(|kind| StoreError::new(format!("read {}", files.named(path)), kind))? {
            Some(bytes) => context.update(&bytes),
            None => break,
        }
    }
    Ok(hex(&context.finish()))
}

impl Job<'_> {
    /// Copies the files that are not there. One of another size is written anew where nobody else can have written it.
    pub async fn copy_files(&self, old: &FilesOf, new: &FilesOf, is_unfinished: bool) -> Result<()> {
        let from = source(self.from, old).await?;
        let listing = listed(&from).await?;
        if listing.files.is_empty() {
            return Ok(());
        }
        refuse_one_place((self.from, old), (self.to, new)).await?;
        let there: HashMap<String, ArtifactFile> = listing_there(self.to, new)
            .await?
            .files
            .into_iter()
            .map(|file| (file.path.clone(), file))
            .collect();
        let is_missing = |file: &ArtifactFile| match there.get(&file.path) {
            None => true,
            Some(known) => is_unfinished && !is_like(file, known),
        };
        let missing: Vec<ArtifactFile> = listing.files.into_iter().filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let to = self.to.files(new).await?;
        let (from, to) = (&from.files, &to);
        let copying = stream::iter(missing).map(|file| async move {
            let bytes = self.copy_file(from, to, &file).await?;
            let mut state = self.state();
            state.copied.files += 1;
            state.copied.bytes += bytes;
            self.progress.file();
            Ok::<_, MigrateError>(())
        });
        copying.buffer_unordered(SIDE_BY_SIDE).try_collect().await
    }

    async fn copy_file(&self, from: &Files, to: &Files, file: &ArtifactFile) -> Result<u64> {
        let path = &file.path;
        let sent = |bytes: i64| self.progress.moved(bytes);
        if let Some(local) = from.local(path) {
            to.write(path, &local, &sent).await?;
            return Ok(file.file_size.unwrap_or(0));
        }
        disk::make_folder(&self.request.stage, Care::Private).map_err(MigrateError::Local)?;
        let staged = tempfile::NamedTempFile::new_in(&self.request.stage).map_err(MigrateError::Local)?;
        let mut attempt = 0;
        let bytes = loop {
            attempt += 1;
            match bring(from, file, staged.path()).await {
                Err(MigrateError::Store(error)) if error.is_transient() && attempt < ATTEMPTS => {
                    tokio::time::sleep(Duration::from_millis(200) * attempt).await;
                }
                brought => break brought?,
            }
        };
        to.write(path, staged.path(), &sent).await?;
        Ok(bytes)
    }
}

/// Reads a file into one of this machine.
async fn bring(from: &Files, listed: &ArtifactFile, to: &Path) -> Result<u64> {
    let path = &listed.path;
    let failed = |kind| StoreError::new(format!("read {}", from.named(path)), kind);
    let mut opened = from.open(path, None).await?;
    let mut file = File::create(to).map_err(MigrateError::Local)?;
    let mut bytes = 0;
    while let Some(part) = opened.body.next().await.map_err(failed)? {
        file.write_all(&part).map_err(MigrateError::Local)?;
        bytes += part.len() as u64;
    }
    match opened.size.or(listed.file_size) {
        Some(size) if size != bytes => {
            let words = format!("the answer ended after {bytes} of {size} bytes");
            Err(failed(ErrorKind::Unreachable(words)).into())
        }
        _ => Ok(bytes),
    }
}
