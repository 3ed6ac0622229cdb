//! What versions of registered models must show, as the settings have it.

use std::collections::BTreeMap;
use std::path::Path;

use super::ConfigError;
use super::raw::RawModel;
use crate::mlflow::limits::check_model_name;
use crate::promotion::{ModelPolicy, Required, Role};
use crate::select::{Goal, MetricGoal};

/// By name of a registered model.
pub type ModelPolicies = BTreeMap<String, ModelPolicy>;

pub(super) fn policies(raw: &BTreeMap<String, RawModel>, path: &Path) -> Result<ModelPolicies, ConfigError> {
    let policy = |(name, raw): (&String, &RawModel)| {
        check_model_name(name).map_err(|error| error.to_string())?;
        Ok((name.clone(), policy(raw)?))
    };
    raw.iter()
        .map(|entry| {
            policy(entry).map_err(|message| ConfigError::Model {
                path: path.to_owned(),
                name: entry.0.clone(),
                message,
            })
        })
        .collect()
}

fn policy(raw: &RawModel) -> Result<ModelPolicy, String> {
    let mut policy = ModelPolicy {
        metric: raw.metric.as_deref().map(metric).transpose()?,
        min_delta: raw.min_delta,
        same_data: raw.same_data,
        tags: raw.tags.iter().map(|text| Required::parse(text)).collect(),
        params: raw.params.iter().map(|text| Required::parse(text)).collect(),
        keep: raw.keep,
        ..ModelPolicy::default()
    };
    for role in &raw.roles {
        policy.roles.push(Role::parse(role).map_err(|error| error.to_string())?);
    }
    policy.constrain(raw.constraint.as_deref().unwrap_or_default())?;
    policy.check()?;
    Ok(policy)
}

/// A metric and its direction: `val_rmse min`.
fn metric(text: &str) -> Result<MetricGoal, String> {
    let named = text.trim().rsplit_once(char::is_whitespace);
    named.and_then(|(name, goal)| Some(MetricGoal::new(name.trim(), Goal::parse(goal)?))).ok_or_else(|| {
        format!(
            "{text:?} is not a metric with a direction; write min or max behind it, as in \"val_rmse min\""
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ModelPolicies, String> {
        let raw: BTreeMap<String, RawModel> = toml::from_str(text).map_err(|error| error.to_string())?;
        policies(&raw, Path::new("config.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_policy_is_read_whole() {
        let text = "[wine]\nmetric = 'val rmse min'\nmin_delta = 0.01\nsame_data = true\ntags = ['owner', 'reviewed = yes']\n\
                    params = ['seed']\nwhere = 'metrics.latency_ms < 50'\nroles = ['@challenger', 'champion']\nkeep = 3\n";
        let wine = read(text).unwrap().remove("wine").unwrap();
        assert_eq!(wine.metric, Some(MetricGoal::new("val rmse", Goal::Minimize)));
        assert_eq!(wine.tags[1], Required { key: "reviewed".into(), value: Some("yes".into()) });
        assert_eq!((wine.constraint.is_empty(), wine.roles.len()), (false, 2));
        let champion = Role::Alias("champion".into());
        assert_eq!(wine.comes_from(&champion), Some(&Role::Alias("challenger".into())));
        assert_eq!(wine.earlier(&champion, "old"), ["old", "old-2", "old-3"]);
        assert_eq!(wine.earlier(&Role::Alias("challenger".into()), "old"), [""; 0]);
    }

    #[test]
    fn a_mistake_is_named_with_its_model() {
        for (text, named) in [
            ("metric = 'rmse'", "min or max"),
            ("min_delta = -1.0\nmetric = 'rmse min'", "at least 0"),
            ("same_data = true", "need a metric"),
            ("where = 'metrics. <'", "constraint"),
            ("where = \"dataset.name = 'x'\"", "datasets"),
            ("roles = ['v1']", "reserved"),
            ("roles = ['a', '@a']", "twice"),
            ("keep = 10", "9 at most"),
            ("tags = ['=yes']", "no name"),
        ] {
            let error = read(&format!("[wine]\n{text}\n")).unwrap_err();
            assert!(error.contains("[models.wine]") && error.contains(named), "{error}");
        }
    }
}
