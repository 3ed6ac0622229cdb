//! How the best run is chosen and marked, as the settings have it.

use std::collections::BTreeMap;
use std::path::Path;

use super::ConfigError;
use super::promoting::{ModelPolicies, policies};
use super::raw::{RawModel, RawSelect};
use crate::mlflow::limits::check_alias;
use crate::promotion::{ModelPolicy, Role};
use crate::select::Patterns;

/// What a name for a model can be made of.
const PARTS: [&str; 4] = ["experiment", "experiment_id", "metric", "user"];

#[derive(Debug, Clone, PartialEq)]
pub struct Selecting {
    pub patterns: Patterns,
    /// Whether the model of a run that is marked best is registered.
    pub register: bool,
    /// The name of the registered model, with parts in braces.
    pub model_name: String,
    pub alias: String,
    pub previous_alias: String,
    /// What is asked of versions before they are promoted.
    pub policies: ModelPolicies,
}

impl Default for Selecting {
    fn default() -> Self {
        let raw = RawSelect::default();
        Self {
            patterns: Patterns::default(),
            register: raw.register,
            model_name: raw.model_name,
            alias: raw.alias,
            previous_alias: raw.previous_alias,
            policies: ModelPolicies::new(),
        }
    }
}

impl Selecting {
    pub(super) fn new(
        raw: &RawSelect,
        models: &BTreeMap<String, RawModel>,
        path: &Path,
    ) -> Result<Self, ConfigError> {
        let wrong = |message: String| ConfigError::Select { path: path.to_owned(), message };
        let patterns = Patterns::parse(&raw.metrics)
            .map_err(|line| ConfigError::Metric { path: path.to_owned(), line })?;
        let selecting = Self {
            patterns,
            register: raw.register,
            model_name: raw.model_name.clone(),
            alias: raw.alias.clone(),
            previous_alias: raw.previous_alias.clone(),
            policies: policies(models, path)?,
        };
        if let Some(part) = parts(&raw.model_name).find(|part| !PARTS.contains(part)) {
            let known = PARTS.map(|part| format!("{{{part}}}")).join(", ");
            return Err(wrong(format!("unknown placeholder {{{part}}} in model_name; known are {known}")));
        }
        if raw.model_name.trim().is_empty() {
            return Err(wrong("model_name is empty; the default is \"{experiment}\"".into()));
        }
        for alias in [&raw.alias, &raw.previous_alias] {
            check_alias(alias).map_err(|error| wrong(error.to_string()))?;
        }
        if raw.alias == raw.previous_alias {
            return Err(wrong("alias and previous_alias must differ".into()));
        }
        Ok(selecting)
    }

    /// What is asked of the versions of a model.
    pub fn policy(&self, model: &str) -> ModelPolicy {
        self.policies.get(model).cloned().unwrap_or_default()
    }

    /// The alias of the newest of the earlier holders of a role.
    pub fn first_earlier(&self, role: &Role) -> String {
        if role.name() == self.alias {
            return self.previous_alias.clone();
        }
        format!("previous-{}", role.name())
    }

    /// The name for a model. What the registry does not take in a name becomes `-`.
    pub fn name(&self, value: impl Fn(&str) -> String) -> String {
        let mut name = String::new();
        let mut rest = self.model_name.as_str();
        while let Some((before, (part, after))) =
            rest.split_once('{').and_then(|(before, inner)| Some((before, inner.split_once('}')?)))
        {
            name.push_str(before);
            name.push_str(&value(part));
            rest = after;
        }
        name.push_str(rest);
        let name = name.replace(['/', ':'], "-");
        let name = name.trim();
        if name.is_empty() { "model".into() } else { name.to_owned() }
    }
}

fn parts(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_that_mlflow_keeps_for_itself_is_refused() {
        let of = |alias: &str, previous: &str| {
            let raw =
                RawSelect { alias: alias.into(), previous_alias: previous.into(), ..RawSelect::default() };
            Selecting::new(&raw, &BTreeMap::new(), Path::new("config.toml"))
                .map(|_| ())
                .map_err(|error| error.to_string())
        };
        assert_eq!(of("champion", "v-old"), Ok(()));
        assert_eq!(of("latest-but-one", "v1x"), Ok(()));
        for (alias, previous, named) in
            [("v0", "old", "v0"), ("champion", "V12", "V12"), ("champion", "Latest", "Latest")]
        {
            let error = of(alias, previous).unwrap_err();
            assert!(error.contains(named) && error.contains("reserved"), "{error}");
        }
    }
}
