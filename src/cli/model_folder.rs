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
use crate::mlflow::{LoggedModel, ModelId, ModelMetric};
use crate::registry::point_table;
use crate::sheet::json_number;
use crate::store::{ErrorKind, Store};
use crate::text;

/// Whether a name is an address of files; registered models have neither `:` nor `/` in their names.
pub fn is_address(name: &str) -> bool {
    name.starts_with("models:/") || name.starts_with("runs:/")
}

/// The registered model that an address names as a whole, without a version or an alias.
pub fn registered(address: &str) -> Option<&str> {
    let name =
        address.strip_prefix("models:/").filter(|name| !name.is_empty() && !name.contains(['/', '@']))?;
    // One that files can be found by is a logged model.
    address.parse::<Address>().is_err().then_some(name)
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
    let logged = logged(&store, &folder.holder).await?;
    if arguments.format.json {
        print_json(&told(&address, &folder, logged.as_ref()), out)?;
        return is_model(folder);
    }
    let mut lines = folder.lines();
    let heads = [
        folder.version.as_ref().map(|(name, number)| ("model", format!("{name} version {number}"))),
        (folder.holder != address.to_string()).then(|| ("from", folder.holder.clone())),
    ];
    let heads = heads.into_iter().flatten();
    lines.splice(0..0, heads.map(|(key, value)| ModelLine { key, value, ..ModelLine::default() }));
    if let Some(model) = &logged {
        let params = model.params.iter().map(|param| ("params", format!("{} {}", param.key, param.value)));
        let points = point_table(&model.metrics).into_iter().map(|point| ("metrics", point.words));
        let mut last = "";
        // Before the lines of its files.
        let at = lines.iter().position(|line| line.key == "requires" || line.key == "files");
        let at = at.unwrap_or(lines.len());
        let own: Vec<ModelLine> = params
            .chain(points)
            .map(|(key, value)| {
                let key = if std::mem::replace(&mut last, key) == key { "" } else { key };
                ModelLine { key, value, ..ModelLine::default() }
            })
            .collect();
        lines.splice(at..at, own);
    }
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

/// The logged model that holds the files, where one does.
async fn logged(store: &Store, holder: &str) -> Result<Option<LoggedModel>, Failure> {
    let id = holder.strip_prefix("models:/").and_then(|rest| rest.split('/').next());
    let Some(id) = id.filter(|id| id.starts_with("m-")) else { return Ok(None) };
    match store.get_logged_model(&ModelId::from(id)).await {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_) | ErrorKind::Unsupported(_)) => Ok(None),
        model => Ok(Some(model?)),
    }
}

/// What a logged model has of its own: params, and each value by data set and step.
pub fn logged_model(model: &LoggedModel) -> Json {
    let mut points: Vec<&ModelMetric> = model.metrics.iter().collect();
    points.sort_by_key(|it| (&it.key, &it.dataset, it.point.step, it.point.timestamp));
    let metrics = points.into_iter().map(|it| {
        let (name, digest) = it.dataset.as_ref().map(|(name, digest)| (name, digest)).unzip();
        json!({
            "name": it.key, "value": json_number(it.point.value), "step": it.point.step,
            "timestamp": it.point.timestamp, "run_id": it.run_id, "dataset_name": name, "dataset_digest": digest,
        })
    });
    let params = model.params.iter().map(|param| (param.key.clone(), json!(param.value)));
    json!({
        "model_id": model.model_id, "name": model.name, "status": model.status,
        "params": Json::Object(params.collect()), "metrics": metrics.collect::<Vec<_>>(),
    })
}

fn told(address: &Address, folder: &ModelFolder, logged: Option<&LoggedModel>) -> Json {
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
        "logged_model": logged.map(logged_model),
        "requirements": folder.requirements,
        "files": files.collect::<Vec<_>>(),
    })
}
