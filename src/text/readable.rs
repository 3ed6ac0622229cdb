//! Values that are meant for programs, made readable.

use serde_json::Value as Json;

use super::{aligned, clean, cut};

/// Cells of a name and of a type in a table.
const CELLS: usize = 60;

/// The schema of a data set as a table with titles in its first line; none where it is written in another way than MLflow's.
pub fn schema(value: &str) -> Option<Vec<String>> {
    schema_of(&serde_json::from_str(value).ok()?)
}

fn schema_of(parsed: &Json) -> Option<Vec<String>> {
    let mut rows = Vec::new();
    if let Some(columns) = parsed["mlflow_colspec"].as_array() {
        rows.extend(columns.iter().map(|column| field("", column)));
    } else {
        let tensors = parsed["mlflow_tensorspec"].as_object()?;
        for (part, told) in tensors {
            let written: Option<Json> = told.as_str().and_then(|text| serde_json::from_str(text).ok());
            let list = written.as_ref().unwrap_or(told);
            rows.extend(list.as_array().into_iter().flatten().map(|tensor| field(part, tensor)));
        }
    }
    let is_all = |at: usize| rows.iter().all(|row| row[at].is_empty());
    let is_required = rows.iter().all(|row| row[3] == "yes");
    let kept: Vec<usize> =
        (0..4).filter(|at| *at == 2 || !(is_all(*at) || *at == 3 && is_required)).collect();
    let titles = ["part", "name", "type", "required"].map(str::to_owned);
    let pick = |row: &[String; 4]| kept.iter().map(|at| row[*at].clone()).collect::<Vec<_>>();
    let table: Vec<Vec<String>> = std::iter::once(&titles).chain(&rows).map(pick).collect();
    Some(aligned(&table, |_| false))
}

/// A column or tensor: what it is of, its name, its type, and whether it must be there.
fn field(part: &str, spec: &Json) -> [String; 4] {
    let words = |value: &Json| match value {
        Json::String(words) => words.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    };
    let tensor = &spec["tensor-spec"];
    let kind = match tensor["shape"].as_array() {
        Some(shape) => {
            let shape = shape.iter().map(words).collect::<Vec<_>>().join(", ");
            format!("tensor {} ({shape})", words(&tensor["dtype"]))
        }
        None => words(&spec["type"]),
    };
    let required = if spec["required"] == Json::Bool(false) { "no" } else { "yes" };
    [part.to_owned(), words(&spec["name"]), kind, required.to_owned()]
        .map(|cell| cut(&clean(&cell), CELLS, "…"))
}

/// What a flat JSON object says, in a line: `num_rows 12, num_elements 24`. Anything else as it is written.
pub fn facts(value: &str) -> String {
    let Ok(Json::Object(parsed)) = serde_json::from_str(value) else { return value.to_owned() };
    let fact = |(key, value): (&String, &Json)| match value {
        Json::Object(_) => None,
        Json::String(words) => Some(format!("{key} {words}")),
        Json::Null => Some(format!("{key} -")),
        other => Some(format!("{key} {other}")),
    };
    let told: Option<Vec<String>> = parsed.iter().map(fact).collect();
    told.filter(|told| !told.is_empty()).map_or_else(|| value.to_owned(), |told| told.join(", "))
}

/// All of a value, in lines to be read: a schema as a table, other JSON indented.
pub fn readable(value: &str) -> Vec<String> {
    let Ok(parsed @ (Json::Object(_) | Json::Array(_))) = serde_json::from_str::<Json>(value) else {
        return value.lines().map(str::to_owned).collect();
    };
    if let Some(table) = schema_of(&parsed) {
        return table;
    }
    let pretty = serde_json::to_string_pretty(&parsed).unwrap_or_else(|_| value.to_owned());
    pretty.lines().map(str::to_owned).collect()
}
