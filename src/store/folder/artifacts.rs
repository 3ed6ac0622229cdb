//! Files of runs and models: where their address says or, where the store was moved, in their own folders.

use std::path::{Component, Path, PathBuf};

use super::layout::{ARTIFACTS, Layout, Place, path_of};
use super::yaml::text;
use super::{experiments, meta, models};
use crate::mlflow::{ExperimentId, ModelId, RunId};
use crate::store::local::{LocalTree, files, inside, write_below};
use crate::store::objects::{self, Kept, is_in_objects};
use crate::store::{ArtifactList, ErrorKind, FilesOf, Inner};

fn elsewhere(uri: &str) -> ErrorKind {
    objects::elsewhere(uri, "is no folder of this machine")
}

fn has_parent(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

/// A single letter is a drive, and what holds a slash is a path.
fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// The folder that an address names. Relative ones begin where MLflow ran, which is most often the folder that the store is in.
fn folder_of(layout: &Layout, uri: &str) -> Option<PathBuf> {
    match uri.split_once(':') {
        Some(("file", _)) => {}
        Some((scheme, _)) if is_scheme(scheme) => return None,
        _ => {}
    }
    if uri.is_empty() {
        return None;
    }
    Some(layout.root.parent().unwrap_or(&layout.root).join(path_of(uri)))
}

/// The files of a thing of an experiment, whose folder is `own`.
fn tree(layout: &Layout, place: &Place, own: &Path, uri: &str) -> Inner<Kept<LocalTree>> {
    if is_in_objects(uri) {
        return Ok(Kept::There(uri.to_owned()));
    }
    let beside = own.join(ARTIFACTS);
    let whole = |root: PathBuf| Kept::Here(LocalTree::new(root.clone(), uri.to_owned(), Ok(root)));
    let Some(folder) = folder_of(layout, uri) else {
        // A server kept them with the store, or elsewhere.
        let is_here = uri.is_empty() || (uri.starts_with("mlflow-artifacts:") && beside.is_dir());
        return if is_here { Ok(whole(beside)) } else { Err(elsewhere(uri)) };
    };
    if has_parent(&folder) {
        let chosen = meta::load(&place.path).ok().and_then(|meta| text(&meta, "artifact_location"));
        let chosen = chosen.and_then(|chosen| folder_of(layout, &chosen));
        let is_below =
            chosen.is_some_and(|chosen| folder.strip_prefix(chosen).is_ok_and(|rest| !has_parent(rest)));
        if !is_below {
            return Err(ErrorKind::Invalid(format!(
                "the artifact location {uri:?} is outside the experiment's folder"
            )));
        }
    }
    // The store was moved, and they with it.
    if !folder.is_dir() && beside.is_dir() {
        return Ok(whole(beside));
    }
    if folder.is_dir() || folder.starts_with(&layout.root) {
        return Ok(whole(folder));
    }
    // The folder of the experiment is made with the first file, and what is above it is not.
    let above = folder.parent().and_then(Path::parent).and_then(Path::parent).unwrap_or(&folder);
    let written = if above.is_dir() {
        Ok(folder.clone())
    } else {
        Err(ErrorKind::Elsewhere(format!(
            "its files belong in {}, but {} does not exist",
            folder.display(),
            above.display()
        )))
    };
    match &written {
        Ok(_) => Ok(Kept::Here(LocalTree::new(folder, uri.to_owned(), written))),
        Err(error) => Err(error.clone()),
    }
}

pub fn of_run(layout: &Layout, id: &RunId) -> Inner<Kept<LocalTree>> {
    let (place, own) = layout.run(id)?;
    let uri = meta::load(&own).ok().and_then(|meta| text(&meta, "artifact_uri")).unwrap_or_default();
    tree(layout, &place, &own, &uri)
}

pub fn of_model(layout: &Layout, id: &ModelId) -> Inner<Kept<LocalTree>> {
    let (place, own) = models::find(layout, id)?;
    let uri = meta::load(&own).ok().and_then(|meta| text(&meta, "artifact_location")).unwrap_or_default();
    tree(layout, &place, &own, &uri)
}

pub fn of(layout: &Layout, of: &FilesOf) -> Inner<Kept<LocalTree>> {
    match of {
        FilesOf::Run(id) => of_run(layout, id),
        FilesOf::Model(id) => of_model(layout, id),
        FilesOf::Place(uri) if is_in_objects(uri) => Ok(Kept::There(uri.clone())),
        FilesOf::Place(uri) => match folder_of(layout, uri) {
            Some(folder) if has_parent(&folder) => {
                Err(ErrorKind::Invalid(format!("the artifact location {uri:?} leads to a folder above")))
            }
            Some(root) if root.is_dir() => {
                Ok(Kept::Here(LocalTree::new(root.clone(), uri.clone(), Ok(root))))
            }
            Some(folder) => Err(ErrorKind::Elsewhere(format!(
                "the folder {} does not exist; its files were moved, or are on another machine",
                folder.display()
            ))),
            None => Err(elsewhere(uri)),
        },
    }
}

pub fn list(layout: &Layout, id: &RunId, path: &str, goes_on: &dyn Fn()) -> Inner<Kept<ArtifactList>> {
    of_run(layout, id)?.try_map(|tree| files::list(&inside(&tree.root, path)?, path, goes_on))
}

pub fn read(
    layout: &Layout,
    id: &RunId,
    path: &str,
    most: usize,
    goes_on: &dyn Fn(),
) -> Inner<Kept<Vec<u8>>> {
    of_run(layout, id)?.try_map(|tree| files::read(&inside(&tree.root, path)?, most, goes_on))
}

pub fn write(layout: &Layout, id: &RunId, path: &str, content: &[u8]) -> Inner<Kept<()>> {
    of_run(layout, id)?.try_map(|tree| write_below(&tree.written?, path, content))
}

/// Whether files of new runs of an experiment can be written: where their folder is not of this machine, those of the runs
/// themselves take them.
pub fn check(layout: &Layout, experiment: &ExperimentId) -> Inner<Kept<()>> {
    let place = experiments::active(layout, experiment)?;
    let uri = super::reading::experiment(&place).artifact_location;
    if is_in_objects(&uri) {
        return Ok(Kept::There(uri));
    }
    folder_of(layout, &uri).map(|_| Kept::Here(())).ok_or_else(|| elsewhere(&uri))
}
