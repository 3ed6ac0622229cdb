//! `mltui models NAME`: the versions of a registered model, with the runs and values behind them.

use std::borrow::Cow;
use std::io::Write;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value as Json, json};

use super::Failure;
use super::experiments::by_cell;
use super::metric_names::no_metric;
use super::model_folder::logged_model;
use super::models::{Arguments, Columns, chosen, contains, entry, order, tags, time, words};
use super::output::{TextTable, print_json};
use crate::catalog::Value;
use crate::config::Settings;
use crate::mlflow::{Experiment, ExperimentId, ModelVersion, RegisteredModel, ViewType};
use crate::promotion::{history, tag_words};
use crate::registry::{VersionOrigin, aliased, badges, metric_of, origins};
use crate::sheet::json_number;
use crate::store::{ErrorKind, Store, now_ms};
use crate::text::order::natural;

const COLUMNS: &Columns = &[
    ("version", "Version"),
    ("aliases", "Aliases"),
    ("stage", "Stage"),
    ("run", "Run"),
    ("run_id", "Run ID"),
    ("experiment", "Experiment"),
    ("metric", ""),
    ("difference", ""),
    ("created", "Created"),
    ("updated", "Updated"),
    ("user", "User"),
    ("status", "Status"),
    ("source", "Source"),
    ("model_id", "Model ID"),
    ("description", "Description"),
];

const USUAL: [&str; 8] = ["version", "aliases", "stage", "run", "run_id", "experiment", "metric", "created"];

/// How the versions are printed.
pub struct Wanted {
    columns: Vec<usize>,
    sort: (usize, bool),
}

impl Wanted {
    pub fn of(arguments: &Arguments) -> Result<Self, Failure> {
        let mut usual = USUAL.to_vec();
        usual.insert(7, "difference");
        Ok(Self {
            columns: chosen(COLUMNS, &arguments.columns, &usual)?,
            sort: order(COLUMNS, arguments.sort.as_deref().unwrap_or("version desc"))?,
        })
    }
}

/// A version with all that is known of it.
struct Listed {
    version: ModelVersion,
    origin: VersionOrigin,
}

/// What all versions are shown with.
struct Context {
    metrics: Vec<String>,
    /// What the alias of the settings points to, and the value of the first metric there.
    champion: Option<f64>,
    alias: String,
    experiments: FxHashMap<ExperimentId, Experiment>,
}

pub async fn run(
    settings: &Settings,
    store: &Store,
    name: &str,
    arguments: &Arguments,
    wanted: &Wanted,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let model = store.get_registered_model(name).await.map_err(|error| match error.kind {
        ErrorKind::NotFound(_) => {
            Failure::NoneEligible(format!("no registered model {name:?}; see `mltui models`"))
        }
        _ => Failure::Store(error),
    })?;
    if model.is_prompt() {
        return Err(Failure::NoneEligible(format!("{name:?} is a prompt, not a model; see `mltui models`")));
    }
    if arguments.history {
        return print_history(&model, arguments, out);
    }
    let versions = store.model_versions(name).await?;
    let origins = origins(store, &versions).await?;
    let experiments = store.search_experiments(ViewType::All).await?;
    let metrics = match arguments.metric.as_slice() {
        [] => metric_of(&origins, &settings.selecting.patterns).map(|goal| goal.metric).into_iter().collect(),
        named => {
            check_metrics(name, named, &origins)?;
            named.to_vec()
        }
    };
    let alias = settings.selecting.alias.clone();
    let champion = aliased(&versions, &alias).map(|version| version.version);
    let mut listed: Vec<Listed> =
        versions.into_iter().zip(origins).map(|(version, origin)| Listed { version, origin }).collect();
    let champion = listed.iter().find(|listed| Some(listed.version.version) == champion);
    let context = Context {
        champion: champion.zip(metrics.first()).and_then(|(listed, metric)| listed.origin.value(metric)),
        metrics,
        alias,
        experiments: experiments.into_iter().map(|known| (known.experiment_id.clone(), known)).collect(),
    };
    let text = arguments.filter.as_deref().map(str::to_lowercase);
    listed.retain(|listed| {
        let number = listed.version.version.to_string();
        let badges = badges(&listed.version.aliases);
        let run = listed.origin.run.as_ref().map_or("", |run| run.run_name.as_str());
        let version = &listed.version;
        let texts = [&number, &badges, run, &version.current_stage, &version.description];
        contains(text.as_ref(), texts.into_iter()) || contains(text.as_ref(), tag_words(&version.tags))
    });
    let (sort, descending) = wanted.sort;
    let first = context.metrics.first().map(String::as_str);
    listed.sort_by(|a, b| match (context.cell(a, sort, first), context.cell(b, sort, first)) {
        (Value::Number(a), Value::Number(b)) => {
            let order = a.is_nan().cmp(&b.is_nan());
            order.then_with(|| if descending { b.total_cmp(&a) } else { a.total_cmp(&b) })
        }
        (Value::Number(_), _) => std::cmp::Ordering::Less,
        (_, Value::Number(_)) => std::cmp::Ordering::Greater,
        (a, b) => by_cell(&a, &b, descending),
    });
    listed.truncate(arguments.limit.unwrap_or(usize::MAX));
    if arguments.format.json {
        let mut report = entry(&model);
        report["metric"] = json!(context.metrics.first());
        report["versions"] = listed.iter().map(|listed| context.entry(listed)).collect();
        return Ok(print_json(&report, out)?);
    }
    if listed.is_empty() && !arguments.format.csv {
        return Ok(writeln!(out, "no versions")?);
    }
    Ok(context.table(&listed, &wanted.columns).print(arguments.format, now_ms(), out)?)
}

/// A metric that no version has is mistyped.
fn check_metrics(model: &str, named: &[String], origins: &[VersionOrigin]) -> Result<(), Failure> {
    let mut known: Vec<String> = origins.iter().flat_map(|origin| origin.metrics().into_keys()).collect();
    known.sort_unstable_by(|a, b| natural(a, b));
    known.dedup();
    match named.iter().find(|metric| !known.contains(metric)) {
        // Where no run is left, or none has any, nothing is mistyped.
        Some(metric) if !known.is_empty() => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            Err(no_metric(&format!("no version of {model:?} has a metric"), metric, &known))
        }
        _ => Ok(()),
    }
}

/// Prints what was done to a model.
fn print_history(
    model: &RegisteredModel,
    arguments: &Arguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut events = history(model);
    events.truncate(arguments.limit.unwrap_or(usize::MAX));
    if arguments.format.json {
        let entries = events.iter().map(|event| json!({"at": event.at, "by": event.by, "what": event.words}));
        return Ok(print_json(&entries.collect(), out)?);
    }
    if events.is_empty() && !arguments.format.csv {
        return Ok(writeln!(out, "nobody has promoted or changed anything of {} with mltui", model.name)?);
    }
    let titles = ["At", "By", "What"];
    let table = TextTable {
        titles: titles.map(str::to_owned).to_vec(),
        names: titles.map(str::to_lowercase).to_vec(),
        rows: events
            .iter()
            .map(|event| vec![Value::Time(event.at), Value::Text(&event.by), Value::Text(&event.words)])
            .collect(),
    };
    Ok(table.print(arguments.format, now_ms(), out)?)
}

impl Context {
    /// The columns: in the place of `metric` one for each.
    fn table<'a>(&'a self, listed: &'a [Listed], columns: &[usize]) -> TextTable<'a> {
        let mut shown: Vec<(usize, Option<&str>, String, String)> = Vec::new();
        for column in columns {
            let (name, title) = COLUMNS[*column];
            match name {
                "metric" => shown.extend(self.metrics.iter().map(|metric| {
                    (*column, Some(metric.as_str()), format!("metrics.{metric}"), metric.clone())
                })),
                "difference" => {
                    shown.extend(self.metrics.first().map(|metric| {
                        let title = format!("vs @{}", self.alias);
                        (*column, Some(metric.as_str()), name.to_owned(), title)
                    }));
                }
                _ => shown.push((*column, None, name.to_owned(), title.to_owned())),
            }
        }
        let row = |listed: &'a Listed| {
            shown.iter().map(|(column, metric, ..)| self.cell(listed, *column, *metric)).collect()
        };
        TextTable {
            rows: listed.iter().map(row).collect(),
            titles: shown.iter().map(|(.., title)| title.clone()).collect(),
            names: shown.iter().map(|(_, _, name, _)| name.clone()).collect(),
        }
    }

    fn difference(&self, listed: &Listed, metric: Option<&str>) -> Option<f64> {
        Some(listed.origin.value(metric?)? - self.champion?)
    }

    fn cell<'a>(
        &self,
        Listed { version, origin }: &'a Listed,
        column: usize,
        metric: Option<&str>,
    ) -> Value<'a> {
        let number = |value: Option<f64>| value.map_or(Value::Missing, Value::Number);
        match COLUMNS[column].0 {
            "version" => Value::Count(version.version),
            "aliases" if version.aliases.is_empty() => Value::Missing,
            "aliases" => Value::OwnedText(badges(&version.aliases)),
            "stage" => version.stage().map_or(Value::Missing, Value::Text),
            "run" => origin.run.as_ref().map_or(Value::Missing, |run| words(&run.run_name)),
            "run_id" => version.run_id.as_ref().map_or(Value::Missing, |run| Value::Text(run.as_str())),
            "experiment" => match &origin.run {
                Some(run) => Value::OwnedText(self.experiment(&run.experiment_id).into_owned()),
                None => Value::Missing,
            },
            "metric" => number(metric.and_then(|metric| origin.value(metric))),
            "difference" => number(metric.and_then(|metric| Some(origin.value(metric)? - self.champion?))),
            "created" => time(version.creation_time),
            "updated" => time(version.last_updated_time),
            "user" => words(&version.user_id),
            "status" => words(&version.status),
            "source" => words(&version.source),
            "model_id" => version.model_id.as_ref().map_or(Value::Missing, |id| Value::Text(id.as_str())),
            _ => words(&version.description),
        }
    }

    /// The name of an experiment, or its id where it is gone.
    fn experiment<'a>(&'a self, id: &'a ExperimentId) -> Cow<'a, str> {
        Cow::Borrowed(self.experiments.get(id).map_or(id.as_str(), |known| &known.name))
    }

    fn entry(&self, listed: &Listed) -> Json {
        let Listed { version, origin } = listed;
        let run = origin.run.as_ref();
        let metrics: Map<String, Json> =
            origin.metrics().into_iter().map(|(key, value)| (key, json_number(value))).collect();
        let difference = self.difference(listed, self.metrics.first().map(String::as_str));
        json!({
            "version": version.version,
            "aliases": version.aliases,
            "stage": version.stage(),
            "status": version.status,
            "status_message": version.status_message,
            "description": version.description,
            "tags": tags(&version.tags),
            "source": version.source,
            "model_id": version.model_id,
            "run_id": version.run_id,
            "run_name": run.map(|run| &run.run_name),
            "experiment_id": run.map(|run| &run.experiment_id),
            "experiment_name": run.and_then(|run| self.experiments.get(&run.experiment_id)).map(|known| &known.name),
            "user_id": version.user_id,
            "creation_time": version.creation_time,
            "last_updated_time": version.last_updated_time,
            "metrics": metrics,
            "logged_model": origin.model.as_deref().map(logged_model),
            "difference": difference.map_or(Json::Null, json_number),
        })
    }
}
