//! What an `MLmodel` file says of a model: flavors, signature, input example.

use serde_json::Value as Json;

/// Deeper types than this are not told in full.
const DEEPEST: usize = 6;

/// A model, as its `MLmodel` file describes it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelFile {
    /// In the order of their names.
    pub flavors: Vec<Flavor>,
    /// Names and types of what it takes and gives.
    pub signature: Signature,
    /// There is a signature, and some of it cannot be read.
    pub is_signature_broken: bool,
    /// The path of the input example, from the model's folder.
    pub input_example: Option<String>,
    /// That it was logged with.
    pub mlflow_version: Option<String>,
    /// Bytes, as MLflow counted them.
    pub size: Option<u64>,
    /// UTC, as written.
    pub created: Option<String>,
}

/// A way to load a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flavor {
    /// `sklearn`, `python_function`, …
    pub name: String,
    /// Its settings, nested ones as `env.conda`.
    pub settings: Vec<(String, String)>,
}

/// What a model takes and gives; empty where it has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    /// Columns, or tensors.
    pub inputs: Vec<Field>,
    /// The same of what it gives.
    pub outputs: Vec<Field>,
    /// Params of inference.
    pub params: Vec<Field>,
}

/// A column, tensor or param of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Empty where it has none.
    pub name: String,
    /// `double`, `array(string)`, `tensor float32 (-1, 3)`.
    pub kind: String,
    /// May be left out.
    pub is_optional: bool,
    /// Of a param, as JSON.
    pub default: Option<String>,
}

impl ModelFile {
    /// Reads an `MLmodel` file.
    ///
    /// # Errors
    /// Where the text is no YAML, or not that of a model.
    pub fn parse(yaml: &str) -> Result<Self, String> {
        let json = values(yaml)?;
        if !json.is_object() {
            return Err("it holds no keys and values".into());
        }
        Ok(Self::of(&json))
    }

    fn of(json: &Json) -> Self {
        let text = |key: &str| json[key].as_str().map(str::to_owned);
        let flavors = json["flavors"].as_object().into_iter().flatten();
        let flavors = flavors.map(|(name, settings)| {
            let mut all = Vec::new();
            flatten("", settings, &mut all);
            Flavor { name: name.clone(), settings: all }
        });
        let signature = &json["signature"];
        let parts = ["inputs", "outputs", "params"].map(|part| fields(&signature[part]));
        let is_signature_broken =
            parts.iter().any(Option::is_none) || !(signature.is_null() || signature.is_object());
        let [inputs, outputs, params] = parts.map(Option::unwrap_or_default);
        Self {
            flavors: flavors.collect(),
            signature: Signature { inputs, outputs, params },
            is_signature_broken,
            input_example: json["saved_input_example_info"]["artifact_path"].as_str().map(str::to_owned),
            mlflow_version: text("mlflow_version"),
            size: json["model_size_bytes"].as_u64(),
            created: text("utc_time_created"),
        }
    }
}

/// What an `MLmodel` file holds, as Python reads it.
///
/// # Errors
/// Where the text is no YAML, in one line.
pub fn values(yaml: &str) -> Result<Json, String> {
    serde_saphyr::from_str(&with_texts(yaml))
        .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

/// With quotes around what is a text to Python and a number to others, often one beyond all bounds: digits with an `e` among
/// them, as the number of a model may be. And around what no number of JSON is, such as `.inf`.
fn with_texts(yaml: &str) -> String {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_text = |value: &str| {
        let is_mixed = value.split_once(['e', 'E']).is_some_and(|(a, b)| is_digits(a) && is_digits(b));
        is_mixed || is_beyond_json(value)
    };
    let quoted = |line: &str| {
        // An entry, or one of a list.
        let (key, sign, value) = match (line.split_once(": "), line.split_once("- ")) {
            (Some((key, value)), _) => (key, ": ", value.trim()),
            (None, Some((indent, value))) if indent.trim().is_empty() => (indent, "- ", value.trim()),
            (None, _) => return format!("{line}\n"),
        };
        if is_text(value) { format!("{key}{sign}'{value}'\n") } else { format!("{line}\n") }
    };
    yaml.lines().map(quoted).collect()
}

/// Whether a value is infinite, or no number at all: `.inf`, `-.Inf`, `.nan`, `1.5e999`.
fn is_beyond_json(value: &str) -> bool {
    let word = value.strip_prefix(['+', '-']).unwrap_or(value).strip_prefix('.').unwrap_or_default();
    ["inf", "nan"].contains(&word.to_ascii_lowercase().as_str())
        || value.parse::<f64>().is_ok_and(|number| !number.is_finite())
}

fn flatten(prefix: &str, value: &Json, all: &mut Vec<(String, String)>) {
    match value {
        Json::Object(map) => {
            for (key, value) in map {
                let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&key, value, all);
            }
        }
        Json::Null => {}
        value => all.push((prefix.to_owned(), plain(value))),
    }
}

/// A value as people write it: texts without quotes.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The fields of a part of a signature: a list, or a text that is one in JSON. None where it is neither.
fn fields(part: &Json) -> Option<Vec<Field>> {
    let parsed: Json;
    let list = match part {
        Json::String(text) => {
            parsed = serde_json::from_str(text).ok()?;
            &parsed
        }
        part => part,
    };
    if list.is_null() {
        return Some(Vec::new());
    }
    Some(list.as_array()?.iter().map(field).collect())
}

fn field(spec: &Json) -> Field {
    let is_optional = spec["required"] == false || spec["optional"] == true;
    let default = spec.get("default").filter(|default| !default.is_null()).map(Json::to_string);
    let mut kind = kind(spec, 0);
    if let Some(shape) = spec["shape"].as_array() {
        kind = format!("{kind} {}", sizes(shape));
    }
    Field { name: plain_or_empty(&spec["name"]), kind, is_optional, default }
}

fn plain_or_empty(value: &Json) -> String {
    if value.is_null() { String::new() } else { plain(value) }
}

fn sizes(shape: &[Json]) -> String {
    format!("({})", shape.iter().map(plain).collect::<Vec<_>>().join(", "))
}

/// The type of a field in words.
fn kind(spec: &Json, depth: usize) -> String {
    if depth > DEEPEST {
        return "…".into();
    }
    let inner = |spec: &Json| kind(spec, depth + 1);
    match spec["type"].as_str() {
        Some("tensor") => {
            let tensor = &spec["tensor-spec"];
            let shape =
                tensor["shape"].as_array().map_or(String::new(), |shape| format!(" {}", sizes(shape)));
            format!("tensor {}{shape}", plain_or_empty(&tensor["dtype"]))
        }
        Some("array") => format!("array({})", inner(&spec["items"])),
        Some("map") => format!("map({})", inner(&spec["values"])),
        Some("object") => {
            let properties = spec["properties"].as_object().into_iter().flatten();
            let properties = properties.map(|(name, spec)| {
                let mark = if spec["required"] == false { "?" } else { "" };
                format!("{name}{mark}: {}", inner(spec))
            });
            format!("{{{}}}", properties.collect::<Vec<_>>().join(", "))
        }
        Some(kind) => kind.to_owned(),
        None => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = r#"artifact_path: model
flavors:
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.sklearn
    python_version: 3.11.7
  sklearn:
    code: null
    sklearn_version: 1.9.1
is_signature_from_type_hint: false
mlflow_version: 3.17.2
model_size_bytes: 7133
saved_input_example_info:
  artifact_path: input_example.json
  type: dataframe
signature:
  inputs: '[{"type": "double", "name": "alcohol", "required": true}, {"type": "long",
    "name": "pH", "required": false}, {"type": "array", "items": {"type": "string"}, "name": "words", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}]'
  params: '[{"name": "threshold", "default": 0.5, "shape": null, "type": "double"}, {"name": "stop", "default": ["a"], "shape": [-1], "type": "string"}]'
utc_time_created: '2026-11-27 20:28:08.601422'
"#;

    fn told(fields: &[Field]) -> Vec<String> {
        let told = |field: &Field| {
            let mark = if field.is_optional { "?" } else { "" };
            let default = field.default.as_ref().map_or(String::new(), |default| format!(" = {default}"));
            format!("{}{mark}: {}{default}", field.name, field.kind)
        };
        fields.iter().map(told).collect()
    }

    #[test]
    fn a_file_of_mlflow_is_read() {
        let file = ModelFile::parse(MODEL).unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            file.flavors,
            [
                Flavor {
                    name: "python_function".into(),
                    settings: vec![
                        pair("env.conda", "conda.yaml"),
                        pair("env.virtualenv", "python_env.yaml"),
                        pair("loader_module", "mlflow.sklearn"),
                        pair("python_version", "3.11.7"),
                    ],
                },
                Flavor { name: "sklearn".into(), settings: vec![pair("sklearn_version", "1.9.1")] },
            ]
        );
        assert_eq!(told(&file.signature.inputs), ["alcohol: double", "pH?: long", "words: array(string)"]);
        assert_eq!(told(&file.signature.outputs), [": tensor float32 (-1, 3)"]);
        assert_eq!(told(&file.signature.params), ["threshold: double = 0.5", "stop: string (-1) = [\"a\"]"]);
        assert_eq!((file.input_example.as_deref(), file.size), (Some("input_example.json"), Some(7133)));
        assert_eq!(file.mlflow_version.as_deref(), Some("3.17.2"));
    }

    #[test]
    fn nested_types_are_told() {
        let object = r#"[{"type": "object", "name": "message", "required": true, "properties":
            {"role": {"type": "string", "required": true}, "score": {"type": "double", "required": false},
             "tools": {"type": "map", "values": {"type": "long"}, "required": true}}}]"#;
        let fields = fields(&Json::String(object.into())).unwrap();
        assert_eq!(told(&fields), ["message: {role: string, score?: double, tools: map(long)}"]);
        let mut deep = "{\"type\": \"long\"}".to_owned();
        for _ in 0..100 {
            deep = format!("{{\"type\": \"array\", \"items\": {deep}}}");
        }
        let told = super::fields(&Json::String(format!("[{deep}]"))).unwrap().remove(0).kind;
        assert!(told.starts_with("array(array(") && told.contains('…'), "{told}");
    }

    #[test]
    fn what_is_no_model_says_so_and_what_is_strange_is_left_out() {
        for text in ["", "- a\n- b", "just words", "a: [", "a: 1\na: 2"] {
            assert!(ModelFile::parse(text).is_err(), "{text:?}");
        }
        let strange = "flavors: [1]\nsignature: {inputs: 'no json', outputs: 3}\nmlflow_version: 2\n";
        let broken = ModelFile { is_signature_broken: true, ..ModelFile::default() };
        assert_eq!(ModelFile::parse(strange).unwrap(), broken);
    }

    #[test]
    fn a_number_of_digits_and_an_e_is_a_text() {
        let number = "0000000020261129161507e1234567890";
        let model = MODEL.replacen(
            "artifact_path: model\n",
            &format!("model_uuid: {number}\nrun_id: 12e34\nartifact_path: model\n"),
            1,
        );
        assert_eq!(ModelFile::parse(&model), ModelFile::parse(MODEL));
        assert_eq!(values(&model).unwrap()["model_uuid"], number);
        assert_eq!(values("run_id: 12e34\n").unwrap()["run_id"], "12e34");
        assert!(values("a: [").is_err());
    }

    #[test]
    fn what_is_no_number_of_json_is_a_text() {
        for value in [".inf", "-.Inf", "+.INF", ".nan", ".NaN", "1.5e999", "-1e400"] {
            let yaml = format!("model_uuid: {value} \nsizes:\n  - {value}\n");
            let read = values(&yaml).unwrap();
            assert_eq!((&read["model_uuid"], &read["sizes"][0]), (&value.into(), &value.into()));
            let model = MODEL.replacen("artifact_path", &format!("model_uuid: {value}\nartifact_path"), 1);
            assert_eq!(ModelFile::parse(&model), ModelFile::parse(MODEL));
        }
        assert_eq!(values("a: 1.5\nb: -2e3\n").unwrap(), serde_json::json!({ "a": 1.5, "b": -2e3 }));
    }
}
