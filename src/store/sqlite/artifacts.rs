//! Artifacts of runs that lie in this machine's file system.

use std::fs;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use super::Inner;
use super::connection::Connection;
use super::reading;
use crate::mlflow::{ArtifactFile, RunId};
use crate::store::ErrorKind;

/// The folder of a run's artifacts.
///
/// A run that was logged through a server has an `mlflow-artifacts:/` address; the server keeps those files in
/// `mlartifacts` under its own working folder, which is most often the database's.
fn root(connection: &mut Connection, store: &Path, id: &RunId) -> Inner<PathBuf> {
    folder_at(store, &reading::run(connection, id)?.info.artifact_uri)
}

/// The folder behind an artifact address.
fn folder_at(store: &Path, uri: &str) -> Inner<PathBuf> {
    let folder = store.parent().unwrap_or(Path::new("."));
    if let Some(path) = uri.strip_prefix("mlflow-artifacts:") {
        return Ok(folder.join("mlartifacts").join(path.trim_start_matches('/')));
    }
    if let Some(path) = uri.strip_prefix("file:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        return Ok(PathBuf::from(decoded.as_ref()));
    }
    match uri.split_once("://") {
        Some((scheme, _)) => Err(ErrorKind::Unsupported(format!(
            "driver for artifacts at {scheme}://: open the store through its MLflow server to see them"
        ))),
        None => Ok(folder.join(uri)),
    }
}

/// A path below the root, and never outside of it.
fn inside(root: &Path, path: &str) -> Inner<PathBuf> {
    let relative = Path::new(path);
    if relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        Ok(root.join(relative))
    } else {
        Err(ErrorKind::Invalid(format!("the artifact path {path:?} leads out of the run's folder")))
    }
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> ErrorKind + '_ {
    move |error| match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound(format!("{} does not exist", path.display())),
        std::io::ErrorKind::StorageFull => ErrorKind::DiskFull,
        _ => ErrorKind::Io(format!("{}: {error}", path.display())),
    }
}

/// The entries of a folder by name; nothing where it does not exist, as MLflow answers.
pub fn list(connection: &mut Connection, store: &Path, id: &RunId, path: &str) -> Inner<Vec<ArtifactFile>> {
    let folder = inside(&root(connection, store, id)?, path)?;
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).map_err(io(&folder))? {
        let entry = entry.map_err(io(&folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link that leads nowhere, or a file that just went away, has no metadata to show.
        let Ok(metadata) = entry.path().metadata() else { continue };
        files.push(ArtifactFile {
            path: if path.is_empty() { name } else { format!("{}/{name}", path.trim_end_matches('/')) },
            is_dir: metadata.is_dir(),
            file_size: metadata.is_file().then_some(metadata.len()),
        });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

pub fn read(connection: &mut Connection, store: &Path, id: &RunId, path: &str) -> Inner<Vec<u8>> {
    let file = inside(&root(connection, store, id)?, path)?;
    fs::read(&file).map_err(io(&file))
}

/// Writes the whole file under another name first, so that nobody ever sees half of it.
pub fn write(connection: &mut Connection, store: &Path, id: &RunId, path: &str, content: &[u8]) -> Inner<()> {
    write_whole(&inside(&root(connection, store, id)?, path)?, content)
}

/// Writes a file below an artifact address.
pub fn write_below(store: &Path, uri: &str, path: &str, content: &[u8]) -> Inner<()> {
    write_whole(&inside(&folder_at(store, uri)?, path)?, content)
}

fn write_whole(file: &Path, content: &[u8]) -> Inner<()> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(ErrorKind::Invalid("an artifact needs a file name".into()));
    };
    fs::create_dir_all(folder).map_err(io(folder))?;
    let partial = folder.join(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let written = fs::File::create(&partial)
        .and_then(|mut out| out.write_all(content).and_then(|()| out.sync_all()))
        .and_then(|()| fs::rename(&partial, file));
    if written.is_err() {
        // The partial file may not even exist; the first failure is the one to report.
        let _ = fs::remove_file(&partial);
    }
    written.map_err(io(file))
}
