//! What of a sweep the store did not take. It lies with the sweep, so that every look at it can tell.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::journal::Folder;
use crate::state::replace;

const FILE: &str = "unkept.json";
/// What a model is called here.
pub const MODEL_NAME: &str = "model";
/// Longer than a file that tells of some 10,000 trials.
const LONGEST: u64 = 64 << 20;

/// A model or a file that the store did not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unkept {
    /// None for a file of the sweep's own run.
    pub trial: Option<usize>,
    /// `model`, or the name of a file.
    pub what: String,
    pub why: String,
}

impl Folder {
    /// All that the store did not take. What cannot be read is missing here, and the log says so.
    pub fn unkept(&self) -> Vec<Unkept> {
        let path = self.path.join(FILE);
        read(&path).unwrap_or_else(|error| {
            tracing::warn!(%error, path = %path.display(), "what of the sweep is not kept is not known");
            Vec::new()
        })
    }

    /// Puts what the store did not take of a trial, or of the sweep's own run, in the place of what was known of it.
    pub fn set_unkept(&self, trial: Option<usize>, unkept: &[Unkept]) -> io::Result<()> {
        let mut all = self.unkept();
        all.retain(|known| known.trial != trial);
        all.extend_from_slice(unkept);
        replace(&self.path.join(FILE), &serde_json::to_vec(&all).map_err(io::Error::other)?)
    }
}

fn read(path: &Path) -> io::Result<Vec<Unkept>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut text = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other("the file is too long"));
    }
    Ok(serde_json::from_slice(&text)?)
}

/// The reason that is told: a model's, as that is missed first.
fn why(unkept: &[Unkept]) -> Option<&str> {
    let told = unkept.iter().find(|it| it.what == MODEL_NAME).or(unkept.first())?;
    Some(&told.why)
}

/// How many models, and how many files.
fn counts(unkept: &[Unkept]) -> (usize, usize) {
    let models = unkept.iter().filter(|it| it.what == MODEL_NAME).count();
    (models, unkept.len() - models)
}

/// `3 models and 1 file are not kept: …`; none if the store took everything.
pub fn in_words(unkept: &[Unkept]) -> Option<String> {
    let (models, files) = counts(unkept);
    let named = |count: usize, one: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {one}s")),
    };
    let parts: Vec<String> = named(models, "model").into_iter().chain(named(files, "file")).collect();
    let why = why(unkept)?;
    let are = if unkept.len() == 1 { "is" } else { "are" };
    Some(format!("{} {are} not kept: {why}", parts.join(" and ")))
}

pub fn in_json(unkept: &[Unkept]) -> Json {
    let (models, files) = counts(unkept);
    json!({ "models": models, "files": files, "why": why(unkept) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_told_in_one_line() {
        let of = |trial, what: &str| Unkept { trial, what: what.into(), why: format!("refused {what}") };
        assert_eq!(in_words(&[]), None);
        let all = [of(None, "command.txt"), of(Some(1), MODEL_NAME), of(None, "data.json")];
        assert_eq!(in_words(&all).unwrap(), "1 model and 2 files are not kept: refused model");
        assert_eq!(in_words(&all[..1]).unwrap(), "1 file is not kept: refused command.txt");
        assert_eq!(in_json(&all), json!({ "models": 1, "files": 2, "why": "refused model" }));
        assert_eq!(in_json(&[]), json!({ "models": 0, "files": 0, "why": null }));
    }

    #[test]
    fn a_file_that_is_damaged_or_endless_is_an_error_and_none_at_all_is_not() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join(FILE);
        assert_eq!(read(&path).unwrap(), []);
        std::fs::write(&path, r#"[{"trial":1,"#).unwrap();
        assert!(read(&path).is_err());
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("too long"));
    }

    #[test]
    fn what_is_known_of_a_trial_is_replaced() {
        let state = tempfile::tempdir().unwrap();
        let folder = Folder { path: state.path().to_owned() };
        let of = |trial, what: &str| Unkept { trial, what: what.into(), why: "no".into() };
        folder.set_unkept(Some(1), &[of(Some(1), MODEL_NAME), of(Some(1), "a.csv")]).unwrap();
        folder.set_unkept(Some(2), &[of(Some(2), MODEL_NAME)]).unwrap();
        folder.set_unkept(Some(1), &[of(Some(1), MODEL_NAME)]).unwrap();
        assert_eq!(folder.unkept(), [of(Some(2), MODEL_NAME), of(Some(1), MODEL_NAME)]);
        folder.set_unkept(Some(1), &[]).unwrap();
        assert_eq!(folder.unkept(), [of(Some(2), MODEL_NAME)]);
    }
}
