//! `mltui models ADDRESS`: what a model is: flavors, signature, requirements, files.

use std::io::Write;

use serde_json::{Map, Value as Json, json};

use super::download::of_run;
use super::models::Arguments;
use super::output::print_json;
use super::{Failure, open_existing};
use crate::config::Settings;
use crate::files::{self, Address, ModelFolder, ModelLine};
use crate::mlflow::model_file::Field;
use crate::text;

/// Whether a name is an address of files; registered models have neither `:` nor `/` in their names.
pub fn is_address(name: &str) -> bool {
    name.starts_with("models:/") || name.starts_with("runs:/")
}

pub async fn run(
    settings: &Settings,
    name: &str,
    arguments: &Arguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let is_of_tables = arguments.filter.is_some()
        || arguments.sort.is_some()
        || arguments.limit.is_some()
        || arguments.format.csv
        || !(arguments.columns.is_empty() && arguments.metric.is_empty());
    if is_of_tables {
        let words = "an address names one model, which is no table: only --json goes with it";
        return Err(Failure::Usage(words.into()));
    }
    let address: Address = name.parse()?;
    let store = open_existing(settings)?;
    let address = of_run(&store, address).await?;
    let folder = files::model_folder(&store, &address).await?;
    if arguments.format.json {
        print_json(&told(&address, &folder), out)?;
        return is_model(folder);
    }
    let mut lines = folder.lines();
    let heads = [
        folder.version.as_ref().map(|(name, number)| ("model", format!("{name} version {number}"))),
        (folder.holder != address.to_string()).then(|| ("from", folder.holder.clone())),
    ];
    let heads = heads.into_iter().flatten();
    lines.splice(0..0, heads.map(|(key, value)| ModelLine { key, value, ..ModelLine::default() }));
    let width = lines.iter().map(|line| line.key.len()).max().unwrap_or(0);
    for line in lines {
        writeln!(out, "{:width$}  {}", line.key, text::clean(&line.value).trim_end())?;
    }
    is_model(folder)
}

/// What is there and no model is told, and is none for scripts.
fn is_model(folder: ModelFolder) -> Result<(), Failure> {
    folder.file.map(drop).map_err(Failure::NoneEligible)
}

fn told(address: &Address, folder: &ModelFolder) -> Json {
    let fields = |fields: &[Field]| -> Json {
        let each = fields.iter().map(|field| {
            json!({
                "name": field.name, "type": field.kind, "optional": field.is_optional, "default": field.default,
            })
        });
        each.collect()
    };
    let files = folder.files.iter().map(|file| json!({ "path": file.path, "size": file.file_size }));
    let file = folder.file.as_ref();
    let flavors = file.map(|file| {
        let each = file.flavors.iter().map(|flavor| {
            let settings = flavor.settings.iter().map(|(key, value)| (key.clone(), json!(value)));
            (flavor.name.clone(), Json::Object(settings.collect()))
        });
        Json::Object(each.collect::<Map<_, _>>())
    });
    let file = file.ok();
    json!({
        "address": address.to_string(),
        "model": folder.version.as_ref().map(|(name, _)| name),
        "version": folder.version.as_ref().map(|(_, number)| number),
        "from": folder.holder,
        "error": folder.file.as_ref().err(),
        "flavors": flavors.unwrap_or(Json::Null),
        "inputs": file.map(|file| fields(&file.signature.inputs)),
        "outputs": file.map(|file| fields(&file.signature.outputs)),
        "params": file.map(|file| fields(&file.signature.params)),
        "input_example": file.and_then(|file| file.input_example.clone()),
        "created": file.and_then(|file| file.created.clone()),
        "signature_broken": file.map(|file| file.is_signature_broken),
        "mlflow_version": file.and_then(|file| file.mlflow_version.clone()),
        "size": file.and_then(|file| file.size),
        "requirements": folder.requirements,
        "files": files.collect::<Vec<_>>(),
    })
}
