//! Which id became which.

use std::collections::HashMap;

use crate::mlflow::{ExperimentId, ModelId, RunId, Tag};

/// From ids of the first store to those of the second.
#[derive(Debug, Default)]
pub struct Ids {
    pub experiments: HashMap<ExperimentId, ExperimentId>,
    pub runs: HashMap<RunId, RunId>,
    pub models: HashMap<ModelId, ModelId>,
}

impl Ids {
    /// The id that a text names, as it is now: of a run, or of a model with the `m-` before it.
    fn now(&self, token: &str) -> Option<&str> {
        if token.starts_with("m-") {
            return self.models.get(&ModelId::from(token)).map(ModelId::as_str);
        }
        self.runs.get(&RunId::from(token)).map(RunId::as_str)
    }

    /// A text in which ids of runs and models are those of the second store. What is no id of theirs stays as it is.
    pub fn translated(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
            let (before, from) = rest.split_at(start);
            out.push_str(before);
            let end = from.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(from.len());
            // An id of a model goes on behind its dash.
            let end = match from.strip_prefix("m-") {
                Some(digits) => 2 + digits.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(digits.len()),
                None => end,
            };
            let (token, behind) = from.split_at(end);
            let is_id = token.trim_start_matches("m-").len() == 32;
            out.push_str(self.now(token).filter(|_| is_id).unwrap_or(token));
            rest = behind;
        }
        out.push_str(rest);
        out
    }

    /// A tag as it is to be in the second store: what MLflow and this program keep in tags names runs and models.
    pub fn tag(&self, tag: &Tag) -> Tag {
        let names_ids = tag.key.starts_with("mlflow.") || tag.key.starts_with("mltui.");
        let value = if names_ids { self.translated(&tag.value) } else { tag.value.clone() };
        Tag { key: tag.key.clone(), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_all_else_in_a_text() {
        let (old, new) = ("0123456789abcdef0123456789abcdef", "ffffffffffffffffffffffffffffffff");
        let mut ids = Ids::default();
        ids.runs.insert(old.into(), new.into());
        ids.models.insert(ModelId(format!("m-{old}")), ModelId(format!("m-{new}")));
        for (text, expected) in [
            (format!("[{{\"run_id\": \"{old}\"}}]"), format!("[{{\"run_id\": \"{new}\"}}]")),
            (format!("models:/m-{old}"), format!("models:/m-{new}")),
            (format!("runs:/{old}/model"), format!("runs:/{new}/model")),
            (format!("{old}0"), format!("{old}0")),
            (format!("x{old}"), format!("x{old}")),
            (format!("m-{new} é {old}é"), format!("m-{new} é {new}é")),
            ("m-".into(), "m-".into()),
            (String::new(), String::new()),
        ] {
            assert_eq!(ids.translated(&text), expected);
        }
        let tag = |key: &str| ids.tag(&Tag::new(key, old)).value;
        assert_eq!((tag("mlflow.parentRunId").as_str(), tag("note").as_str()), (new, old));
    }
}
