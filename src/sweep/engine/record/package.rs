//! A model as MLflow packs it: `MLmodel` with its flavours and signature, the ONNX file, an example of its input, and what
//! Python needs to run it.

use serde_json::{Value, json};

use super::kept::ModelSignature;
use crate::text::json as visible;

/// The Python and the packages that a packed model names; any that read opset 17 will do.
const PYTHON: &str = "3.11.9";
const REQUIREMENTS: [&str; 5] = ["mlflow", "onnx>=1.15", "onnxruntime>=1.17", "numpy", "pandas"];
/// The version of MLflow whose format is written.
const FORMAT: &str = "2.22.0";
/// What runs models that take texts: MLflow's own loader of ONNX fails on the texts of pandas 3. Python knows a module by
/// its name alone, whichever model it came with: whoever changes what it does, gives it another.
const LOADER: &str = include_str!("mltui_model.py");

pub struct Packing<'a> {
    pub run: &'a str,
    /// The id of a model of its own, since MLflow 3.
    pub model: Option<&'a str>,
    /// A number that no other model has, as 32 hexadecimal digits.
    pub uuid: &'a str,
    /// Milliseconds since the epoch.
    pub at: i64,
}

/// The files of a model by their names.
pub fn files(
    packing: &Packing<'_>,
    signature: &ModelSignature,
    onnx: Vec<u8>,
) -> Vec<(&'static str, Vec<u8>)> {
    let example = example(signature);
    let serving = json!({ "dataframe_split": example });
    let text = |value: &Value| visible::compact(value).unwrap_or_default();
    let requirements = REQUIREMENTS.join("\n") + "\n";
    let conda = format!(
        "channels:\n- conda-forge\ndependencies:\n- python={PYTHON}\n- pip\n- pip:\n{}name: mlflow-env\n",
        REQUIREMENTS.map(|package| format!("  - {package}\n")).concat()
    );
    let environment = format!(
        "python: {PYTHON}\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n- -r requirements.txt\n"
    );
    let mut files = vec![
        ("model.onnx", onnx),
        ("requirements.txt", requirements.into_bytes()),
        ("conda.yaml", conda.into_bytes()),
        ("python_env.yaml", environment.into_bytes()),
        ("input_example.json", text(&example)),
        ("serving_input_example.json", text(&serving)),
    ];
    if takes_texts(signature) {
        files.push(("code/mltui_model.py", LOADER.into()));
    }
    // The last: a folder with it is a whole model.
    files.push(("MLmodel", description(packing, signature).into_bytes()));
    files
}

fn takes_texts(signature: &ModelSignature) -> bool {
    signature.inputs.iter().any(|(_, kind)| kind == "string")
}

/// The module that Python loads a model with.
fn loader(signature: &ModelSignature) -> &'static str {
    if takes_texts(signature) { "mltui_model" } else { "mlflow.onnx" }
}

fn example(signature: &ModelSignature) -> Value {
    let columns: Vec<_> = signature.inputs.iter().map(|(name, _)| name).collect();
    json!({ "columns": columns, "data": signature.example })
}

/// All of them are required. That is not said, as it goes without saying, and MLflow up to 2.9 does not know the word.
fn columns(of: &[(String, String)]) -> String {
    let column = |(name, kind): &(String, String)| json!({ "type": kind, "name": name });
    // YAML takes no control characters.
    let written = visible::compact(&Value::Array(of.iter().map(column).collect())).unwrap_or_default();
    String::from_utf8(written).unwrap_or_default()
}

fn description(packing: &Packing<'_>, signature: &ModelSignature) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let model = packing.model.map_or(String::new(), |id| format!("model_id: {id}\n"));
    let code = if takes_texts(signature) { "    code: code\n" } else { "" };
    let created =
        jiff::Timestamp::from_millisecond(packing.at).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S.%6f");
    format!(
        "artifact_path: model\n\
         flavors:\n  \
           onnx:\n    code: null\n    data: model.onnx\n    onnx_session_options: null\n    onnx_version: 1.16.0\n    \
           providers:\n    - CPUExecutionProvider\n  \
           python_function:\n{code}    data: model.onnx\n    env:\n      conda: conda.yaml\n      virtualenv: python_env.yaml\n    \
           loader_module: {loader}\n    python_version: {PYTHON}\n\
         mlflow_version: {FORMAT}\n\
         {model}\
         model_uuid: {uuid}\n\
         run_id: {run}\n\
         saved_input_example_info:\n  artifact_path: input_example.json\n  pandas_orient: split\n  \
           serving_input_path: serving_input_example.json\n  type: dataframe\n\
         signature:\n  inputs: {inputs}\n  outputs: {outputs}\n  params: null\n\
         utc_time_created: '{created}'\n",
        loader = loader(signature),
        // Bare, some of them would be numbers.
        uuid = quoted(packing.uuid),
        run = quoted(packing.run),
        inputs = quoted(&columns(&signature.inputs)),
        outputs = quoted(&columns(&signature.outputs)),
    )
}

/// What MLflow 2 notes on a run of a model that was logged: one of a JSON list.
pub fn history(packing: &Packing<'_>, signature: &ModelSignature) -> String {
    let created =
        jiff::Timestamp::from_millisecond(packing.at).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S.%6f");
    let entry = json!({
        "run_id": packing.run,
        "artifact_path": "model",
        "utc_time_created": created.to_string(),
        "model_uuid": packing.uuid,
        "flavors": {
            "onnx": { "data": "model.onnx", "onnx_version": "1.16.0" },
            "python_function": { "loader_module": loader(signature), "data": "model.onnx", "python_version": PYTHON },
        },
    });
    json!([entry]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(inputs: &[(&str, &str)], name: &str) -> Option<String> {
        let named = |of: &[(&str, &str)]| {
            of.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
        };
        let signature = ModelSignature {
            inputs: named(inputs),
            outputs: named(&[("prediction", "float")]),
            example: Vec::new(),
        };
        let packing = Packing { run: "r", model: None, uuid: "u", at: 0 };
        let files = files(&packing, &signature, Vec::new());
        assert_eq!(files.last().map(|(name, _)| *name), Some("MLmodel"));
        let found = files.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, content)| String::from_utf8_lossy(&content).into_owned())
    }

    #[test]
    fn a_signature_says_nothing_that_mlflow_2_9_does_not_know() {
        let description = text(&[("size", "double"), ("it's", "string")], "MLmodel").unwrap_or_default();
        let expected = r#"'[{"name":"size","type":"double"},{"name":"it''s","type":"string"}]'"#;
        assert!(description.contains(&format!("  inputs: {expected}\n")), "{description}");
        assert!(description.contains("  outputs: '[{\"name\":\"prediction\",\"type\":\"float\"}]'\n"));
    }

    #[test]
    fn models_that_take_texts_come_with_what_brings_them_to_onnx() {
        let code = "code/mltui_model.py";
        let of_texts = [("size", "double"), ("colour", "string")];
        let description = text(&of_texts, "MLmodel").unwrap_or_default();
        assert!(
            description.contains("    code: code\n") && description.contains("loader_module: mltui_model\n")
        );
        assert!(text(&of_texts, code).is_some_and(|code| code.contains("def _load_pyfunc(path)")));
        let description = text(&of_texts[..1], "MLmodel").unwrap_or_default();
        assert!(!description.contains("code: code") && description.contains("loader_module: mlflow.onnx\n"));
        assert_eq!(text(&of_texts[..1], code), None);
    }
}
