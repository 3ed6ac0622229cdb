//! `mltui models`: registered models, and the versions of one.

use std::io::Write;

use serde_json::{Map, Value as Json, json};

use super::experiments::by_cell;
use super::output::{OutputFlags, TextTable, print_json};
use super::{Failure, model_edit, model_folder, model_versions, open};
use crate::catalog::Value;
use crate::config::Settings;
use crate::mlflow::{RegisteredModel, Tag};
use crate::promotion::{is_of_log, tag_words};
use crate::registry::badges;
use crate::store::{Store, if_there, now_ms};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<ModelsCommand>,
    /// Name of a registered model, whose versions are printed (models:/edit for one called edit); or models:/NAME/VERSION, models:/NAME@ALIAS, models:/m-MODEL_ID
    /// or runs:/RUN/PATH, whose flavors, signature, requirements and files are
    pub name: Option<String>,
    /// Only models whose name, alias, tag or description contains this text (case-insensitive); of a model, only versions
    /// that do, or whose run does
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Sort by this column; append ` desc` to reverse [default: `name`, or `version desc` for the versions of a model]
    #[arg(long, value_name = "COLUMN")]
    pub sort: Option<String>,
    /// Columns to print, comma-separated; without effect on --json
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Metrics of versions to print, each in a column; the first is compared with the champion's [default: by name]
    #[arg(long, value_name = "NAME", requires = "name")]
    pub metric: Vec<String>,
    /// Print at most this many
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Print who promoted and changed what of the model, the newest first
    #[arg(long, requires = "name")]
    pub history: bool,
    #[command(flatten)]
    pub format: OutputFlags,
}

#[derive(Debug, clap::Subcommand)]
pub enum ModelsCommand {
    /// Change a model or version: aliases, description, tags, stage, name; or delete it
    Edit(model_edit::EditArguments),
}

/// Columns of a table, by name and title.
pub type Columns = [(&'static str, &'static str)];

const COLUMNS: &Columns = &[
    ("name", "Name"),
    ("versions", "Versions"),
    ("latest", "Latest"),
    ("aliases", "Aliases"),
    ("stages", "Stages"),
    ("updated", "Updated"),
    ("created", "Created"),
    ("description", "Description"),
];

/// The column of a name.
pub fn column(columns: &Columns, name: &str) -> Result<usize, Failure> {
    columns.iter().position(|(known, _)| *known == name.trim()).ok_or_else(|| {
        let known = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        Failure::Usage(format!("no column {name:?}; columns are {known}"))
    })
}

/// A column to sort by, and whether the greatest comes first.
pub fn order(columns: &Columns, text: &str) -> Result<(usize, bool), Failure> {
    match text.rsplit_once(' ') {
        Some((name, "desc")) => Ok((column(columns, name)?, true)),
        Some((name, "asc")) => Ok((column(columns, name)?, false)),
        _ => Ok((column(columns, text)?, false)),
    }
}

/// The columns that are printed: those that were requested, or else the first ones.
pub fn chosen(columns: &Columns, wanted: &[String], usual: &[&str]) -> Result<Vec<usize>, Failure> {
    if wanted.is_empty() {
        return usual.iter().map(|name| column(columns, name)).collect();
    }
    wanted.iter().map(|name| column(columns, name)).collect()
}

/// Tags as an object, without what the history is made of.
pub fn tags(all: &[Tag]) -> Json {
    let told = all.iter().filter(|tag| !is_of_log(&tag.key));
    Json::Object(told.map(|tag| (tag.key.clone(), json!(tag.value))).collect::<Map<_, _>>())
}

pub fn time<'a>(time: Option<i64>) -> Value<'a> {
    time.map_or(Value::Missing, Value::Time)
}

/// A text, or nothing where it is empty.
pub fn words(text: &str) -> Value<'_> {
    if text.is_empty() { Value::Missing } else { Value::Text(text) }
}

/// Whether a text is in one of these, in upper or lower case.
pub fn contains<T: AsRef<str>>(wanted: Option<&String>, mut texts: impl Iterator<Item = T>) -> bool {
    wanted.is_none_or(|wanted| texts.any(|text| text.as_ref().to_lowercase().contains(wanted)))
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    if let Some(ModelsCommand::Edit(edit)) = &arguments.command {
        return model_edit::run(settings, edit, out).await;
    }
    let mut named = arguments.name.as_deref().map(|name| model_folder::registered(name).unwrap_or(name));
    if let Some(address) = named.filter(|name| model_folder::is_address(name)) {
        // `models:/a@b` may be a model of this name.
        let whole = address.strip_prefix("models:/").filter(|name| name.contains('@') && !name.contains('/'));
        named = match whole {
            Some(name) if if_there(open(settings)?.get_registered_model(name).await)?.is_some() => whole,
            _ => return model_folder::run(settings, address, arguments, out).await,
        };
    }
    // What is wrong on the command line is told before anything is asked.
    let versions = match named {
        Some(name) => Some((name, model_versions::Wanted::of(arguments)?)),
        None => None,
    };
    let listed = (
        chosen(COLUMNS, &arguments.columns, &["name", "versions", "latest", "aliases", "updated"]),
        order(COLUMNS, arguments.sort.as_deref().unwrap_or("name")),
    );
    if let Some((name, wanted)) = versions {
        let store = open(settings)?;
        return model_versions::run(settings, &store, name, arguments, &wanted, out).await;
    }
    let (columns, sort) = (listed.0?, listed.1?);
    let store = open(settings)?;
    list(&store, arguments, &columns, sort, out).await
}

async fn list(
    store: &Store,
    arguments: &Arguments,
    columns: &[usize],
    (sort, descending): (usize, bool),
    out: &mut impl Write,
) -> Result<(), Failure> {
    let wanted = arguments.filter.as_deref().map(str::to_lowercase);
    let mut models = store.registered_models().await?;
    models.retain(|model| {
        let aliases = model.aliases.iter().map(|(alias, _)| alias.as_str());
        let texts = [model.name.as_str(), &model.description].into_iter().chain(aliases);
        contains(wanted.as_ref(), texts) || contains(wanted.as_ref(), tag_words(&model.tags))
    });
    models.sort_by(|a, b| by_cell(&cell(a, sort), &cell(b, sort), descending));
    models.truncate(arguments.limit.unwrap_or(usize::MAX));
    if arguments.format.json {
        return Ok(print_json(&models.iter().map(entry).collect(), out)?);
    }
    if models.is_empty() && !arguments.format.csv {
        return Ok(writeln!(
            out,
            "no registered models; `mltui mark-best` registers the model of the best run"
        )?);
    }
    let table = TextTable {
        titles: columns.iter().map(|column| COLUMNS[*column].1.to_owned()).collect(),
        names: columns.iter().map(|column| COLUMNS[*column].0.to_owned()).collect(),
        rows: models
            .iter()
            .map(|model| columns.iter().map(|column| cell(model, *column)).collect())
            .collect(),
    };
    Ok(table.print(arguments.format, now_ms(), out)?)
}

fn cell(model: &RegisteredModel, column: usize) -> Value<'_> {
    let joined = |words: Vec<String>| {
        if words.is_empty() { Value::Missing } else { Value::OwnedText(words.join(", ")) }
    };
    match COLUMNS[column].0 {
        "name" => Value::Text(&model.name),
        "versions" => model.version_count.map_or(Value::Missing, Value::Count),
        "latest" => model.newest_version().map_or(Value::Missing, Value::Count),
        "aliases" => {
            let badge = |(alias, version): &(String, u64)| {
                format!("{} v{version}", badges(std::slice::from_ref(alias)))
            };
            joined(model.aliases.iter().map(badge).collect())
        }
        "stages" => {
            let stages = model.latest.iter().filter(|(stage, _)| !matches!(stage.as_str(), "" | "None"));
            joined(stages.map(|(stage, version)| format!("{stage} v{version}")).collect())
        }
        "updated" => time(model.last_updated_time),
        "created" => time(model.creation_time),
        _ => words(&model.description),
    }
}

/// A model as JSON.
pub fn entry(model: &RegisteredModel) -> Json {
    let pairs = |pairs: &[(String, u64)]| {
        Json::Object(
            pairs.iter().map(|(name, version)| (name.clone(), json!(version))).collect::<Map<_, _>>(),
        )
    };
    json!({
        "name": model.name,
        "description": model.description,
        "tags": tags(&model.tags),
        "aliases": pairs(&model.aliases),
        "latest_version": model.newest_version(),
        "latest_by_stage": pairs(&model.latest),
        "version_count": model.version_count,
        "creation_time": model.creation_time,
        "last_updated_time": model.last_updated_time,
    })
}
