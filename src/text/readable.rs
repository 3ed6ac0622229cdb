//! Values that are meant for programs, made readable.

use serde_json::Value as Json;

use super::{clean, fit, width};

/// All of a value, in lines to be read: a schema as a table, other JSON indented.
pub fn readable(value: &str) -> Vec<String> {
    let Ok(parsed @ (Json::Object(_) | Json::Array(_))) = serde_json::from_str::<Json>(value) else {
        return value.lines().map(str::to_owned).collect();
    };
    if let Some(columns) = parsed["mlflow_colspec"].as_array() {
        let cell = |column: &Json, key: &str| match &column[key] {
            Json::String(words) => words.clone(),
            Json::Null => String::new(),
            other => other.to_string(),
        };
        let names: Vec<String> = columns.iter().map(|column| cell(column, "name")).collect();
        let widest = names.iter().map(|name| width(&clean(name))).max().unwrap_or(0).min(40);
        let told = columns.iter().zip(&names).map(|(column, name)| {
            let optional = if column["required"] == Json::Bool(false) { "  optional" } else { "" };
            format!("{}  {}{optional}", fit(&clean(name), widest, "…"), cell(column, "type"))
        });
        return told.collect();
    }
    let pretty = serde_json::to_string_pretty(&parsed).unwrap_or_else(|_| value.to_owned());
    pretty.lines().map(str::to_owned).collect()
}
