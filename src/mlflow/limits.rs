//! What MLflow accepts: lengths, counts and key syntax, checked before anything is sent or written.
//!
//! Source: `mlflow/utils/validation.py` of MLflow 3.17.2. MLflow cuts param values over 6,000 and tag values
//! over 8,000 characters without a word; here they are errors, because a cut value is a wrong value.

use std::borrow::Cow;

use thiserror::Error;

use super::{DatasetInput, Metric, Param, Tag};

pub const KEY_CHARS: usize = 250;
pub const PARAM_VALUE_CHARS: usize = 6_000;
pub const TAG_VALUE_CHARS: usize = 8_000;
/// Of a tag of a registered model or version.
pub const REGISTRY_TAG_CHARS: usize = 100_000;
/// Of a tag of a registered model in a server's database, whose column takes no more; nor did MLflow 2.
pub const MODEL_TAG_CHARS: usize = 5_000;
pub const EXPERIMENT_NAME_CHARS: usize = 500;
pub const ALIAS_CHARS: usize = 255;
/// What the column of a server's database takes.
pub const DESCRIPTION_CHARS: usize = 5_000;
pub const BATCH_METRICS: usize = 1_000;
pub const BATCH_PARAMS: usize = 100;
pub const BATCH_TAGS: usize = 100;
pub const BATCH_TOTAL: usize = 1_000;

/// What stands at the end of a value that was too long to be read whole. It is never written back: the rest would be lost.
pub const CUT: &str = "… [cut here: too long to be read]";

/// A value as far as `most` bytes go, with [`CUT`] behind them where that is not all.
pub fn cut(value: &str, most: usize) -> Cow<'_, str> {
    if value.len() <= most + CUT.len() {
        return Cow::Borrowed(value);
    }
    let end = (0..=most).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0);
    Cow::Owned(format!("{}{CUT}", &value[..end]))
}

/// Why MLflow would not take something, or would take it in part.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LimitError {
    #[error("a {kind} needs a name")]
    EmptyKey { kind: &'static str },
    #[error("the {kind} name {key:?} has {length} characters; MLflow allows at most {limit}")]
    LongKey { kind: &'static str, key: String, length: usize, limit: usize },
    #[error(
        "the {kind} name {key:?} has characters that MLflow rejects; use letters, digits, `_`, `-`, `.`, `/`, `:` and spaces, without a leading, trailing or double `/`"
    )]
    BadKey { kind: &'static str, key: String },
    #[error("the value of {kind} {key:?} has {length} characters; MLflow allows at most {limit}")]
    LongValue { kind: &'static str, key: String, length: usize, limit: usize },
    #[error("the value of {kind} {key:?} was cut when it was read; writing it back would lose the rest")]
    CutValue { kind: &'static str, key: String },
    #[error("the {kind} {key:?} appears twice in one batch")]
    Duplicate { kind: &'static str, key: String },
    #[error("the experiment name is empty")]
    EmptyExperimentName,
    #[error("the experiment name has {length} characters; MLflow allows at most 500")]
    LongExperimentName { length: usize },
    #[error("the description was cut when it was read; writing it back would lose the rest")]
    CutDescription,
    #[error("the description has {length} characters; MLflow allows at most 5000")]
    LongDescription { length: usize },
    #[error("invalid model name {name:?}; it must not be empty or contain `/` or `:`")]
    BadModelName { name: String },
    #[error("invalid alias {alias:?}; use 1 to 255 letters, digits, `_` and `-`")]
    BadAlias { alias: String },
    #[error("the alias {alias:?} is reserved by MLflow; choose another")]
    ReservedAlias { alias: String },
}

/// Checks the alias of a registered model. MLflow keeps `latest`, and `v1`, `v2`, … for itself.
pub fn check_alias(alias: &str) -> Result<(), LimitError> {
    let is_version = alias
        .strip_prefix(['v', 'V'])
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if is_version || alias.eq_ignore_ascii_case("latest") {
        return Err(LimitError::ReservedAlias { alias: alias.into() });
    }
    let is_long = alias.chars().count() > ALIAS_CHARS;
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if alias.is_empty() || is_long || !alias.chars().all(allowed) {
        return Err(LimitError::BadAlias { alias: alias.into() });
    }
    Ok(())
}

/// Checks the name of a registered model.
pub fn check_model_name(name: &str) -> Result<(), LimitError> {
    let is_path_normal = !matches!(name, "." | "..");
    if name.trim().is_empty() || name.contains(['/', ':']) || !is_path_normal {
        return Err(LimitError::BadModelName { name: name.into() });
    }
    Ok(())
}

/// Checks the description of a registered model or of a version.
pub fn check_description(description: &str) -> Result<(), LimitError> {
    if description.contains(CUT) {
        return Err(LimitError::CutDescription);
    }
    let length = description.chars().count();
    if length > DESCRIPTION_CHARS { Err(LimitError::LongDescription { length }) } else { Ok(()) }
}

/// Checks a metric, param or tag name.
pub fn check_key(kind: &'static str, key: &str) -> Result<(), LimitError> {
    if key.is_empty() {
        return Err(LimitError::EmptyKey { kind });
    }
    let length = key.chars().count();
    if length > KEY_CHARS {
        return Err(LimitError::LongKey { kind, key: key.into(), length, limit: KEY_CHARS });
    }
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '/' | ':');
    // MLflow refuses names that are not their own normal form as a path.
    let is_path_normal = !key.starts_with('/')
        && !key.ends_with('/')
        && key.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if key.chars().all(allowed) && is_path_normal {
        Ok(())
    } else {
        Err(LimitError::BadKey { kind, key: key.into() })
    }
}

pub fn check_tag(tag: &Tag) -> Result<(), LimitError> {
    check_key("tag", &tag.key)?;
    check_value("tag", &tag.key, &tag.value, TAG_VALUE_CHARS)
}

/// Checks a tag of a registered model or version, whose value may have so many letters where it goes.
pub fn check_registry_tag(tag: &Tag, most: usize) -> Result<(), LimitError> {
    check_key("tag", &tag.key)?;
    check_value("tag", &tag.key, &tag.value, most)
}

pub fn check_param(param: &Param) -> Result<(), LimitError> {
    check_key("param", &param.key)?;
    check_value("param", &param.key, &param.value, PARAM_VALUE_CHARS)
}

fn check_value(kind: &'static str, key: &str, value: &str, limit: usize) -> Result<(), LimitError> {
    // Something may have been typed behind the mark.
    if value.contains(CUT) {
        return Err(LimitError::CutValue { kind, key: key.into() });
    }
    let length = value.chars().count();
    if length > limit {
        return Err(LimitError::LongValue { kind, key: key.into(), length, limit });
    }
    Ok(())
}

/// Checks all that one run logs at once, whatever its size: stores split it into MLflow's batches.
pub fn check_batch(metrics: &[Metric], params: &[Param], tags: &[Tag]) -> Result<(), LimitError> {
    metrics.iter().try_for_each(|metric| check_key("metric", &metric.key))?;
    params.iter().try_for_each(check_param)?;
    tags.iter().try_for_each(check_tag)?;
    check_unique("param", params.iter().map(|param| param.key.as_str()))?;
    check_unique("tag", tags.iter().map(|tag| tag.key.as_str()))
}

/// Whether something of a data set was too long to be read whole.
pub fn is_cut(input: &DatasetInput) -> bool {
    let it = &input.dataset;
    let texts = [Some(&it.source), it.schema.as_ref(), it.profile.as_ref()];
    texts.into_iter().flatten().any(|text| text.contains(CUT))
}

/// Refuses to write back what was not read whole.
pub fn check_inputs(inputs: &[DatasetInput]) -> Result<(), LimitError> {
    match inputs.iter().find(|input| is_cut(input)) {
        Some(input) => Err(LimitError::CutValue { kind: "data set", key: input.dataset.name.clone() }),
        None => Ok(()),
    }
}

fn check_unique<'a>(kind: &'static str, keys: impl Iterator<Item = &'a str>) -> Result<(), LimitError> {
    let mut keys: Vec<&str> = keys.collect();
    keys.sort_unstable();
    match keys.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(LimitError::Duplicate { kind, key: pair[0].into() }),
        None => Ok(()),
    }
}

pub fn check_experiment_name(name: &str) -> Result<(), LimitError> {
    let length = name.chars().count();
    match length {
        0 => Err(LimitError::EmptyExperimentName),
        1..=EXPERIMENT_NAME_CHARS => Ok(()),
        _ => Err(LimitError::LongExperimentName { length }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_and_names_of_models_are_those_that_mlflow_takes() {
        let (long, longest) = ("a".repeat(256), "a".repeat(255));
        for alias in ["champion", "v-old", "latest-but-one", "v1x", "été_2", longest.as_str()] {
            assert_eq!(check_alias(alias), Ok(()));
        }
        for alias in ["", " ", "a b", "a/b", "a.b", "v0", "V12", "Latest", long.as_str()] {
            assert!(check_alias(alias).is_err(), "{alias:?}");
        }
        assert_eq!(check_model_name("wine v2.1"), Ok(()));
        for name in ["", " ", "a/b", "a:b", ".", ".."] {
            assert!(check_model_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn keys_are_refused_where_mlflow_refuses_them() {
        for good in ["loss", "val/loss", "hidden dim", "a.b:c-d_e", "größe", "precision_10"] {
            assert_eq!(check_key("metric", good), Ok(()), "{good}");
        }
        for bad in ["", "/abs", "a//b", "../x", ".", "a/", "p@10", "a\u{1b}[0m", "x?y"] {
            assert!(check_key("metric", bad).is_err(), "{bad:?}");
        }
        assert!(check_key("metric", &"x".repeat(251)).is_err());
    }

    #[test]
    fn a_value_that_mlflow_would_cut_is_an_error() {
        assert!(check_param(&Param::new("p", "x".repeat(6_001))).is_err());
        assert!(check_tag(&Tag::new("t", "x".repeat(8_000))).is_ok());
    }

    #[test]
    fn a_value_that_was_cut_is_not_written_back() {
        let long = "é".repeat(1_000);
        let value = cut(&long, 901);
        assert_eq!(value, format!("{}{CUT}", "é".repeat(450)));
        assert!(matches!(check_tag(&Tag::new("t", value.as_ref())), Err(LimitError::CutValue { .. })));
        let longer = format!("{value} and more");
        assert!(matches!(check_tag(&Tag::new("t", longer)), Err(LimitError::CutValue { .. })));
        assert_eq!(cut(&value, 901), value, "cut once");
        assert_eq!(cut("short", 901), "short");
    }

    #[test]
    fn a_key_twice_in_a_batch_is_an_error() {
        let tags = [Tag::new("a", "1"), Tag::new("a", "2")];
        assert!(matches!(check_batch(&[], &[], &tags), Err(LimitError::Duplicate { .. })));
    }
}
