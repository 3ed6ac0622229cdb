//! What a command finds in its environment.

use std::io;

use serde_json::{Map, Value as Json};

use super::{Commands, ScriptAccess, param};
use crate::disk::{self, Care};
use crate::mlflow::RunId;
use crate::params::ParamValue;
use crate::sweep::engine::attempts::{Attempt, TrialFolder};
use crate::sweep::engine::trial::Trial;
use crate::text;

impl Commands {
    /// What a command finds in its environment.
    pub(super) fn variables(
        &self,
        trial: &Trial,
        attempt: &Attempt,
        parent: &RunId,
        gpus: &str,
        folder: &TrialFolder,
    ) -> io::Result<Vec<(String, String)>> {
        let params = &trial.proposal.params;
        let path = folder.own("params.json");
        let values: Map<String, Json> =
            params.iter().map(|(key, value)| (key.clone(), as_json(value))).collect();
        disk::replace(&path, &text::json::pretty(&values).map_err(io::Error::other)?, Care::Passing)?;
        let mut context = std::env::var("MLFLOW_RUN_CONTEXT")
            .ok()
            .and_then(|text| serde_json::from_str::<Map<String, Json>>(&text).ok())
            .unwrap_or_default();
        let tags = self.runs.context(trial.number, attempt.number, parent);
        context.extend(tags.into_iter().map(|(key, value)| (key, Json::String(value))));
        // A job has those of the process that submits it: a secret is in no file.
        let mut variables =
            if self.launcher.is_elsewhere() { Vec::new() } else { self.access.variables.clone() };
        let mut set = |name: &str, value: String| variables.push((name.to_owned(), value));
        set("MLFLOW_EXPERIMENT_ID", self.experiment.clone());
        set("MLFLOW_RUN_CONTEXT", Json::Object(context).to_string());
        for (name, value) in params {
            set(&param::variable(name), value.to_string());
        }
        set("MLTUI_PARAMS", path.display().to_string());
        set("MLTUI_TRIAL_DIR", folder.path.display().to_string());
        set("MLTUI_TRIAL", trial.number.to_string());
        #[cfg(unix)]
        set(super::leftovers::MARK, self.mark(trial.number, attempt.number));
        if std::env::var_os("PYTHONUNBUFFERED").is_none() {
            // Else it would say nothing before it ends.
            set("PYTHONUNBUFFERED", "1".into());
        }
        if !gpus.is_empty() {
            set("CUDA_VISIBLE_DEVICES", gpus.to_owned());
        }
        Ok(variables)
    }
}

impl ScriptAccess {
    /// What would lead a command astray: the way to another store, and of a run that this program is itself a part of.
    pub fn astray(&self) -> Vec<String> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let outer = names.filter(|name| name.starts_with("MLTUI_PARAM_"));
        let astray = ["MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME"].map(str::to_owned);
        self.removed.iter().cloned().chain(astray).chain(outer).collect()
    }
}

/// A value as scripts read it: what was written as a number is one.
fn as_json(value: &ParamValue) -> Json {
    match value {
        ParamValue::Text(text) => match serde_json::from_str(text) {
            Ok(Json::Number(number)) => Json::Number(number),
            _ => Json::String(text.clone()),
        },
        value => serde_json::to_value(value).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbers_for_scripts_where_they_were_written_as_such() {
        for (value, expected) in [
            (ParamValue::Text("1e-3".into()), "0.001"),
            (ParamValue::Text("007".into()), "\"007\""),
            (ParamValue::Text("true".into()), "\"true\""),
            (ParamValue::Int(3), "3"),
            (ParamValue::Real(0.5), "0.5"),
        ] {
            assert_eq!(as_json(&value).to_string(), expected);
        }
    }
}
