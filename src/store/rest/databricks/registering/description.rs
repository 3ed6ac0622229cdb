//! What Unity Catalog wants of a model, as its `MLmodel` file says it: a signature with outputs, weights that are there. And what
//! a model depends on within the workspace.

use serde_json::{Value, json};

use super::only_with_mlflow;
use crate::mlflow::model_file::values;
use crate::store::{ErrorKind, Inner};

const WANTED: &str = "all models in the Unity Catalog must be logged with a model signature containing both input and output type \
                      specifications; add one with mlflow.models.set_signature, or log the model again with signature=… or \
                      input_example=…";
/// Which packed models can be registered on a cluster alone.
const FEATURE_STORE: &str = "databricks.feature_store.mlflow_model";
/// What a model may name as its resources, and how Unity Catalog calls that.
const RESOURCES: [(&str, &str); 6] = [
    ("vector_search_index", "DATABRICKS_VECTOR_INDEX"),
    ("serving_endpoint", "DATABRICKS_MODEL_ENDPOINT"),
    ("function", "DATABRICKS_UC_FUNCTION"),
    ("uc_connection", "DATABRICKS_UC_CONNECTION"),
    ("table", "DATABRICKS_TABLE"),
    ("uc_model_service", "DATABRICKS_UC_MODEL_SERVICE"),
];
/// The same as older models of langchain name it.
const OLD_RESOURCES: [(&str, &str); 4] = [
    ("databricks_vector_search_index_name", "DATABRICKS_VECTOR_INDEX"),
    ("databricks_embeddings_endpoint_name", "DATABRICKS_MODEL_ENDPOINT"),
    ("databricks_llm_endpoint_name", "DATABRICKS_MODEL_ENDPOINT"),
    ("databricks_chat_endpoint_name", "DATABRICKS_MODEL_ENDPOINT"),
];

/// A model that is fit to be registered.
#[derive(Debug)]
pub struct Description(Value);

impl Description {
    /// Reads an `MLmodel` file and refuses what MLflow's client refuses; `has` tells of a path from the model's folder whether
    /// it is there.
    pub fn checked(yaml: &[u8], has: impl Fn(&str) -> bool) -> Inner<Self> {
        let parsed = std::str::from_utf8(yaml).ok().and_then(|yaml| values(yaml).ok());
        let Some(model) = parsed.filter(Value::is_object) else {
            return Err(ErrorKind::Invalid("its MLmodel file cannot be read".into()));
        };
        let signature = &model["signature"];
        if signature.is_null() {
            return Err(ErrorKind::Invalid(format!("the model has no signature: {WANTED}")));
        }
        if signature["outputs"].is_null() {
            return Err(ErrorKind::Invalid(format!("the model's signature has only inputs: {WANTED}")));
        }
        if model["flavors"]["python_function"]["loader_module"] == FEATURE_STORE {
            return Err(ErrorKind::Invalid(
                "the model was packaged by Databricks Feature Store and can only be registered on a Databricks cluster".into(),
            ));
        }
        let transformers = &model["flavors"]["transformers"];
        let has_weights = !transformers["model_binary"].is_null()
            && has("model")
            && transformers.get("source_model_revision").is_none();
        if !transformers.is_null() && !has_weights {
            return Err(only_with_mlflow("its weights are still to be fetched from the Hugging Face hub"));
        }
        Ok(Self(model))
    }

    /// What it depends on.
    pub fn dependencies(&self) -> Vec<Value> {
        let model = &self.0;
        let is_empty = |value: &Value| value.as_object().is_none_or(serde_json::Map::is_empty);
        let policy = &model["auth_policy"];
        let resources =
            if is_empty(policy) { &model["resources"] } else { &policy["system_auth_policy"]["resources"] };
        let entries = |list: &Value| list.as_array().cloned().unwrap_or_default();
        let told = |kind: &str, name: &Value| name.is_string().then(|| json!({ "type": kind, "name": name }));
        if is_empty(resources) {
            let old = &model["flavors"]["langchain"]["databricks_dependency"];
            let named = OLD_RESOURCES
                .iter()
                .flat_map(|(key, kind)| entries(&old[*key]).into_iter().map(|name| told(kind, &name)));
            return named.flatten().collect();
        }
        let found = RESOURCES.iter().flat_map(|(key, kind)| {
            let own = entries(&resources["databricks"][*key]).into_iter();
            own.filter(|it| it["on_behalf_of_user"] != true).map(|it| told(kind, &it["name"]))
        });
        found.flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &str = "signature:\n  inputs: '[]'\n  outputs: '[{\"type\": \"double\"}]'\n";

    fn refused(yaml: &str, has: bool) -> String {
        Description::checked(yaml.as_bytes(), |_| has).unwrap_err().to_string()
    }

    #[test]
    fn what_mlflows_client_refuses_is_refused_with_what_to_do() {
        for (yaml, words) in [
            ("flavors: {}", "no signature"),
            ("signature:\n", "no signature"),
            ("signature:\n  inputs: '[]'\n  outputs: null", "only inputs"),
        ] {
            let refused = refused(yaml, true);
            assert!(refused.contains(words) && refused.contains("mlflow.models.set_signature"), "{refused}");
        }
        for yaml in ["- 1", "a: [", "\u{1}"] {
            assert!(refused(yaml, true).contains("MLmodel"), "{yaml}");
        }
        let packed = format!("{SIGNATURE}flavors: {{python_function: {{loader_module: {FEATURE_STORE}}}}}");
        assert!(refused(&packed, true).contains("cluster"));
        let weightless = format!("{SIGNATURE}flavors: {{transformers: {{model_binary: model}}}}");
        assert!(refused(&weightless, false).contains("weights"));
        assert!(Description::checked(weightless.as_bytes(), |path| path == "model").is_ok());
        let named = format!("{SIGNATURE}flavors: {{transformers: {{source_model_revision: abc}}}}");
        assert!(refused(&named, true).contains("weights"));
    }

    #[test]
    fn dependencies_are_those_that_mlflows_client_tells() {
        let of = |yaml: &str| {
            Description::checked(format!("{SIGNATURE}{yaml}").as_bytes(), |_| true).unwrap().dependencies()
        };
        let resources = "databricks: {table: [{name: a.b.c}, {name: x, on_behalf_of_user: true}], function: [{name: a.b.f}]}";
        let told = [
            json!({ "type": "DATABRICKS_UC_FUNCTION", "name": "a.b.f" }),
            json!({ "type": "DATABRICKS_TABLE", "name": "a.b.c" }),
        ];
        assert_eq!(of(&format!("resources: {{{resources}}}")), told);
        let policy = format!("auth_policy: {{system_auth_policy: {{resources: {{{resources}}}}}}}");
        assert_eq!(of(&policy), told);
        let old = "flavors: {langchain: {databricks_dependency: {databricks_llm_endpoint_name: [e]}}}";
        assert_eq!(of(old), [json!({ "type": "DATABRICKS_MODEL_ENDPOINT", "name": "e" })]);
        assert!(of("").is_empty());
    }
}
