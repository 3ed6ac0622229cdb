//! A model as MLflow packs it: `MLmodel` with its flavours and signature, the ONNX file, an example of its input, and what
//! Python needs to run it.

use serde_json::{Value, json};

use crate::sweep::keep::About;

/// The Python and the packages that a packed model names; any that read opset 17 will do.
const PYTHON: &str = "3.11.9";
const REQUIREMENTS: [&str; 5] = ["mlflow", "onnx>=1.15", "onnxruntime>=1.17", "numpy", "pandas"];
/// The version of MLflow whose format is written.
const FORMAT: &str = "2.22.0";

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
pub fn files(packing: &Packing<'_>, about: &About, onnx: Vec<u8>) -> Vec<(&'static str, Vec<u8>)> {
    let example = example(about);
    let serving = json!({ "dataframe_split": example });
    let text = |value: &Value| value.to_string().into_bytes();
    let requirements = REQUIREMENTS.join("\n") + "\n";
    let conda = format!(
        "channels:\n- conda-forge\ndependencies:\n- python={PYTHON}\n- pip\n- pip:\n{}name: mlflow-env\n",
        REQUIREMENTS.map(|package| format!("  - {package}\n")).concat()
    );
    let environment = format!(
        "python: {PYTHON}\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n- -r requirements.txt\n"
    );
    vec![
        ("model.onnx", onnx),
        ("requirements.txt", requirements.into_bytes()),
        ("conda.yaml", conda.into_bytes()),
        ("python_env.yaml", environment.into_bytes()),
        ("input_example.json", text(&example)),
        ("serving_input_example.json", text(&serving)),
        // The last: a folder with it is a whole model.
        ("MLmodel", description(packing, about).into_bytes()),
    ]
}

fn example(about: &About) -> Value {
    let columns: Vec<_> = about.inputs.iter().map(|(name, _)| name).collect();
    json!({ "columns": columns, "data": about.example })
}

fn columns(of: &[(String, String)]) -> String {
    let column = |(name, kind): &(String, String)| json!({ "type": kind, "name": name, "required": true });
    Value::Array(of.iter().map(column).collect()).to_string()
}

fn description(packing: &Packing<'_>, about: &About) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let model = packing.model.map_or(String::new(), |id| format!("model_id: {id}\n"));
    let created =
        jiff::Timestamp::from_millisecond(packing.at).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S.%6f");
    format!(
        "artifact_path: model\n\
         flavors:\n  \
           onnx:\n    code: null\n    data: model.onnx\n    onnx_session_options: null\n    onnx_version: 1.16.0\n    \
           providers:\n    - CPUExecutionProvider\n  \
           python_function:\n    data: model.onnx\n    env:\n      conda: conda.yaml\n      virtualenv: python_env.yaml\n    \
           loader_module: mlflow.onnx\n    python_version: {PYTHON}\n\
         mlflow_version: {FORMAT}\n\
         {model}\
         model_uuid: {uuid}\n\
         run_id: {run}\n\
         saved_input_example_info:\n  artifact_path: input_example.json\n  pandas_orient: split\n  \
           serving_input_path: serving_input_example.json\n  type: dataframe\n\
         signature:\n  inputs: {inputs}\n  outputs: {outputs}\n  params: null\n\
         utc_time_created: '{created}'\n",
        uuid = packing.uuid,
        run = packing.run,
        inputs = quoted(&columns(&about.inputs)),
        outputs = quoted(&columns(&about.outputs)),
    )
}

/// What MLflow 2 notes on a run of a model that was logged: one of a JSON list.
pub fn history(packing: &Packing<'_>) -> String {
    let created =
        jiff::Timestamp::from_millisecond(packing.at).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S.%6f");
    let entry = json!({
        "run_id": packing.run,
        "artifact_path": "model",
        "utc_time_created": created.to_string(),
        "model_uuid": packing.uuid,
        "flavors": {
            "onnx": { "data": "model.onnx", "onnx_version": "1.16.0" },
            "python_function": { "loader_module": "mlflow.onnx", "data": "model.onnx", "python_version": PYTHON },
        },
    });
    json!([entry]).to_string()
}
