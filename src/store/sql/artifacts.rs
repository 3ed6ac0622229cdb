//! What is done with the files of runs and models that lie in this machine's file system.

use std::path::Path;

use super::Place;
use super::roots::{Beside, Root, Said, elsewhere, folder_to_write, gone, has_parent, root, root_of_model};
use crate::mlflow::{ExperimentId, LoggedModel, RunId};
use crate::store::local::{LocalTree, files, inside, write_below};
use crate::store::objects::{Kept, is_in_objects};
use crate::store::{ArtifactList, ErrorKind, FileService, FilesOf, Inner};

/// Whom to ask for files: the database, and who keeps files for it.
pub struct Asked<'a, P> {
    pub place: &'a P,
    pub service: Option<&'a dyn FileService>,
}

/// The files of a run, a model, or at an address.
pub fn tree(asked: &Asked<'_, impl Place>, of: &FilesOf, goes_on: &dyn Fn()) -> Inner<Kept<LocalTree>> {
    let place = asked.place;
    let home = place.home();
    let tree = match of {
        FilesOf::Run(id) => {
            let said = place.read(|link| Said::of_run(link, id))?;
            goes_on();
            if let Some(there) = said.there(asked, &[id.as_str()]) {
                return Ok(there);
            }
            let root = root(place, &said, id)?;
            let written = folder_to_write(place, &said).and_then(|folder| {
                // What is put beside the files that are found is found as well.
                if root != folder && root.is_dir() {
                    return Ok(root.clone());
                }
                let above = folder.parent().and_then(Path::parent).unwrap_or(&folder);
                match gone(above) {
                    None => Ok(folder),
                    Some(base) => Err(ErrorKind::Elsewhere(format!(
                        "its files belong in {}, but {} does not exist",
                        folder.display(),
                        base.display()
                    ))),
                }
            });
            Ok(LocalTree::new(root, said.uri, written))
        }
        FilesOf::Model(id) => {
            let said = place.read(|link| Said::of_model(link, id))?;
            goes_on();
            if let Some(there) = said.there(asked, &["models", id.as_str()]) {
                return Ok(there);
            }
            let root = root_of_model(home, &said, id)?;
            Ok(LocalTree::new(root.clone(), said.uri, Ok(root)))
        }
        FilesOf::Place(uri) if is_in_objects(uri) || asked.service.is_some_and(|it| it.keeps(uri)) => {
            return Ok(Kept::There(uri.clone()));
        }
        FilesOf::Place(uri) => match Root::of(home, uri) {
            Root::Folder(folder) if has_parent(&folder) => {
                Err(ErrorKind::Invalid(format!("the artifact location {uri:?} leads to a folder above")))
            }
            Root::Folder(root) | Root::Served(root) if root.is_dir() => {
                Ok(LocalTree::new(root.clone(), uri.clone(), Ok(root)))
            }
            Root::Folder(folder) => Err(Beside::nowhere().not_here(&folder)),
            Root::Served(_) | Root::Elsewhere => Err(elsewhere(uri)),
        },
    };
    tree.map(Kept::Here)
}

/// Whether files of new runs of an experiment can be written where they belong.
pub fn check(
    asked: &Asked<'_, impl Place>,
    experiment: &ExperimentId,
    goes_on: &dyn Fn(),
) -> Inner<Kept<()>> {
    let place = asked.place;
    let said = place.read(|link| Said::of_experiment(link, experiment))?;
    goes_on();
    if let Some(there) = said.there(asked, &[]) {
        return Ok(there);
    }
    let folder = folder_to_write(place, &said)?;
    match gone(&folder) {
        None => Ok(Kept::Here(())),
        Some(base) => Err(ErrorKind::Elsewhere(format!(
            "its files belong in {}, but {} does not exist; create it if they belong on this machine",
            folder.display(),
            base.display()
        ))),
    }
}

/// The entries of a folder by name; nothing where it does not exist, as MLflow answers.
pub fn list(
    asked: &Asked<'_, impl Place>,
    id: &RunId,
    path: &str,
    goes_on: &dyn Fn(),
) -> Inner<Kept<ArtifactList>> {
    let place = asked.place;
    let said = place.read(|link| Said::of_run(link, id))?;
    goes_on();
    if let Some(there) = said.there(asked, &[id.as_str()]) {
        return Ok(there);
    }
    files::list(&inside(&root(place, &said, id)?, path)?, path, goes_on).map(Kept::Here)
}

pub fn read(
    asked: &Asked<'_, impl Place>,
    id: &RunId,
    path: &str,
    most: usize,
    goes_on: &dyn Fn(),
) -> Inner<Kept<Vec<u8>>> {
    let place = asked.place;
    let said = place.read(|link| Said::of_run(link, id))?;
    goes_on();
    if let Some(there) = said.there(asked, &[id.as_str()]) {
        return Ok(there);
    }
    files::read(&inside(&root(place, &said, id)?, path)?, most, goes_on).map(Kept::Here)
}

/// Writes the whole file under another name first, so that nobody ever sees half of it.
pub fn write(asked: &Asked<'_, impl Place>, id: &RunId, path: &str, content: &[u8]) -> Inner<Kept<()>> {
    let place = asked.place;
    let said = place.read(|link| Said::of_run(link, id))?;
    if let Some(there) = said.there(asked, &[id.as_str()]) {
        return Ok(there);
    }
    let own = folder_to_write(place, &said)?;
    // Where the others are found it is found as well.
    let found = if own.is_dir() { None } else { root(place, &said, id).ok() };
    write_below(&found.filter(|found| found.is_dir()).unwrap_or(own), path, content).map(Kept::Here)
}

/// The same for a file of a logged model.
pub fn write_of_model(place: &impl Place, model: &LoggedModel, path: &str, content: &[u8]) -> Inner<()> {
    let (experiment, uri) = (model.experiment_id.clone(), model.artifact_location.clone());
    let said = place.read(|link| Ok(Said::of(link, experiment, uri)))?;
    write_below(&folder_to_write(place, &said)?, path, content)
}
