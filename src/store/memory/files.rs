//! Files of runs and models.

use std::collections::BTreeMap;

use super::{Inner, missing};
use crate::mlflow::ArtifactFile;
use crate::store::{ArtifactList, ErrorKind};

/// Files by their path below a root.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A path that stays below its root.
pub fn checked(path: &str) -> Inner<&str> {
    let is_inside = !path.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    is_inside
        .then_some(path)
        .ok_or_else(|| ErrorKind::Invalid(format!("{path:?} is outside the run's artifacts")))
}

/// The entries of a folder, in name order; of the root where `path` is empty.
pub fn list(files: &Files, path: &str) -> Inner<ArtifactList> {
    let folder = if path.is_empty() { String::new() } else { format!("{}/", checked(path)?) };
    let mut entries: BTreeMap<String, ArtifactFile> = BTreeMap::new();
    for (file, content) in files {
        let Some(rest) = file.strip_prefix(&folder) else { continue };
        let name = rest.split('/').next().unwrap_or(rest);
        let is_dir = name.len() < rest.len();
        let path = format!("{folder}{name}");
        let file_size = (!is_dir).then_some(content.len() as u64);
        entries.entry(path.clone()).or_insert(ArtifactFile { path, is_dir, file_size });
    }
    let is_cut = entries.len() > ArtifactList::MOST;
    Ok(ArtifactList { files: entries.into_values().take(ArtifactList::MOST).collect(), is_cut })
}

pub fn read(files: &Files, path: &str, most: usize) -> Inner<Vec<u8>> {
    let content = files.get(checked(path)?).ok_or_else(|| missing(&format!("file {path:?}")))?;
    if content.len() > most {
        return Err(ErrorKind::TooMuch(format!("{path} has more than {most} bytes")));
    }
    Ok(content.clone())
}
