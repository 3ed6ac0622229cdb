//! What of a sweep the store did not take. It lies with the sweep, so that every look at it can tell.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::journal::SweepFolder;
use crate::disk::{self, Care, is_damage};
use crate::state::load;

const FILE: &str = "unkept.json";
/// What a model is called here.
pub const MODEL_NAME: &str = "model";

/// A model or a file that the store did not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unkept {
    /// None for a file of the sweep's own run.
    pub trial: Option<usize>,
    /// `model`, or the name of a file.
    pub what: String,
    /// The store's words.
    pub why: String,
}

/// All that a store did not take of a sweep; why that is not known.
pub type UnkeptList = Result<Vec<Unkept>, String>;

impl SweepFolder {
    /// All that the store did not take.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub fn unkept(&self) -> io::Result<Vec<Unkept>> {
        Ok(load(&self.path.join(FILE))?.unwrap_or_default())
    }

    /// Puts what the store did not take of a trial, or of the sweep's own run, in the place of what was known of it. Where
    /// nothing is known of the others, that stays so.
    ///
    /// # Errors
    /// Where it cannot be written, or the folder is gone.
    pub fn set_unkept(&self, trial: Option<usize>, unkept: &[Unkept]) -> io::Result<()> {
        self.check()?;
        let mut all = match self.unkept() {
            Err(error) if is_damage(&error) => {
                tracing::warn!(%error, "what is not kept is told on the runs alone");
                return Ok(());
            }
            all => all?,
        };
        all.retain(|known| known.trial != trial);
        all.extend_from_slice(unkept);
        let content = serde_json::to_vec(&all).map_err(io::Error::other)?;
        disk::replace(&self.path.join(FILE), &content, Care::Private)
    }
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
pub fn in_words(known: &UnkeptList) -> Option<String> {
    let unkept = match known {
        Ok(unkept) => unkept,
        Err(why) => return Some(format!("cannot tell what was not stored: {why}")),
    };
    let (models, files) = counts(unkept);
    let named = |count: usize, one: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {one}s")),
    };
    let parts: Vec<String> = named(models, "model").into_iter().chain(named(files, "file")).collect();
    let why = why(unkept)?;
    let are = if unkept.len() == 1 { "is" } else { "are" };
    Some(format!("{} {are} not stored: {why}", parts.join(" and ")))
}

/// How many models and files, and why.
pub fn in_json(known: &UnkeptList) -> Json {
    let unkept = match known {
        Ok(unkept) => unkept,
        Err(why) => return json!({ "models": null, "files": null, "why": format!("not known: {why}") }),
    };
    let (models, files) = counts(unkept);
    json!({ "models": models, "files": files, "why": why(unkept) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_told_in_one_line() {
        let of = |trial, what: &str| Unkept { trial, what: what.into(), why: format!("refused {what}") };
        assert_eq!(in_words(&Ok(vec![])), None);
        let all = vec![of(None, "command.txt"), of(Some(1), MODEL_NAME), of(None, "data.json")];
        let one = Ok(all[..1].to_vec());
        let all = Ok(all);
        assert_eq!(in_words(&all).unwrap(), "1 model and 2 files are not stored: refused model");
        assert_eq!(in_words(&one).unwrap(), "1 file is not stored: refused command.txt");
        assert_eq!(in_json(&all), json!({ "models": 1, "files": 2, "why": "refused model" }));
        assert_eq!(in_json(&Ok(vec![])), json!({ "models": 0, "files": 0, "why": null }));
    }

    #[test]
    fn what_cannot_be_read_is_not_known_and_stays_so() {
        let state = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: state.path().to_owned() };
        assert_eq!(folder.unkept().unwrap(), []);
        let path = state.path().join(FILE);
        std::fs::write(&path, r#"[{"trial":1,"#).unwrap();
        let of = |trial| Unkept { trial, what: MODEL_NAME.into(), why: "no".into() };
        folder.set_unkept(Some(2), &[of(Some(2))]).unwrap();
        let known = folder.unkept().map_err(|error| error.to_string());
        let words = in_words(&known).unwrap();
        assert!(words.contains("cannot tell") && words.contains(path.to_str().unwrap()), "{words}");
        assert_eq!(in_json(&known)["models"], Json::Null);
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(folder.unkept().unwrap_err().to_string().contains("more than"));
    }

    #[test]
    fn what_is_known_of_a_trial_is_replaced() {
        let state = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: state.path().to_owned() };
        let of = |trial, what: &str| Unkept { trial, what: what.into(), why: "no".into() };
        folder.set_unkept(Some(1), &[of(Some(1), MODEL_NAME), of(Some(1), "a.csv")]).unwrap();
        folder.set_unkept(Some(2), &[of(Some(2), MODEL_NAME)]).unwrap();
        folder.set_unkept(Some(1), &[of(Some(1), MODEL_NAME)]).unwrap();
        assert_eq!(folder.unkept().unwrap(), [of(Some(2), MODEL_NAME), of(Some(1), MODEL_NAME)]);
        folder.set_unkept(Some(1), &[]).unwrap();
        assert_eq!(folder.unkept().unwrap(), [of(Some(2), MODEL_NAME)]);
    }
}
