//! What of a sweep the store did not take. It lies with the sweep, so that every look at it can tell.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::journal::Folder;
use crate::state::replace;

const FILE: &str = "unkept.json";
/// What a model is called here.
pub const MODEL: &str = "model";

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
    /// All that the store did not take.
    pub fn unkept(&self) -> Vec<Unkept> {
        let text = std::fs::read(self.path.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Puts what the store did not take of a trial, or of the sweep's own run, in the place of what was known of it.
    pub fn set_unkept(&self, trial: Option<usize>, unkept: &[Unkept]) -> std::io::Result<()> {
        let mut all = self.unkept();
        all.retain(|known| known.trial != trial);
        all.extend_from_slice(unkept);
        replace(&self.path.join(FILE), &serde_json::to_vec(&all).map_err(std::io::Error::other)?)
    }
}

/// How many models, and how many files.
fn counts(unkept: &[Unkept]) -> (usize, usize) {
    let models = unkept.iter().filter(|it| it.what == MODEL).count();
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
    // The model is what is missed first.
    let told = unkept.iter().find(|it| it.what == MODEL).or(unkept.first())?;
    let are = if unkept.len() == 1 { "is" } else { "are" };
    Some(format!("{} {are} not kept: {}", parts.join(" and "), told.why))
}

pub fn in_json(unkept: &[Unkept]) -> Json {
    let (models, files) = counts(unkept);
    json!({ "models": models, "files": files, "why": unkept.last().map(|it| &it.why) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_told_in_one_line() {
        let of = |trial, what: &str| Unkept { trial, what: what.into(), why: format!("refused {what}") };
        assert_eq!(in_words(&[]), None);
        let all = [of(None, "command.txt"), of(Some(1), MODEL), of(Some(2), MODEL)];
        assert_eq!(in_words(&all).unwrap(), "2 models and 1 file are not kept: refused model");
        assert_eq!(in_words(&all[..1]).unwrap(), "1 file is not kept: refused command.txt");
        assert_eq!(in_json(&all)["models"], 2);
        assert_eq!(in_json(&all)["files"], 1);
    }

    #[test]
    fn what_is_known_of_a_trial_is_replaced() {
        let state = tempfile::tempdir().unwrap();
        let folder = Folder { path: state.path().to_owned() };
        let of = |trial, what: &str| Unkept { trial, what: what.into(), why: "no".into() };
        folder.set_unkept(Some(1), &[of(Some(1), MODEL), of(Some(1), "a.csv")]).unwrap();
        folder.set_unkept(Some(2), &[of(Some(2), MODEL)]).unwrap();
        folder.set_unkept(Some(1), &[of(Some(1), MODEL)]).unwrap();
        assert_eq!(folder.unkept(), [of(Some(2), MODEL), of(Some(1), MODEL)]);
        folder.set_unkept(Some(1), &[]).unwrap();
        assert_eq!(folder.unkept(), [of(Some(2), MODEL)]);
    }
}
