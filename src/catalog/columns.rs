//! What a column of the runs table can show, by name, and its cells as values.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Catalog, Column, NO_TIME, Row, Sym, summaries};
use crate::mlflow::filter::{Attribute, DatasetField, Field, OrderBy, ParseError};
use crate::mlflow::{RunStatus, Statistic, Summary};

/// A column as people name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ColumnSpec {
    RunName,
    RunId,
    Status,
    /// How long ago it started.
    StartTime,
    /// When it started.
    Started,
    EndTime,
    Duration,
    User,
    ArtifactUri,
    Metric(String, Statistic),
    Param(String),
    Tag(String),
    /// Of the data sets that the run was given.
    Dataset(DatasetField),
}

impl ColumnSpec {
    /// The columns of what runs were given.
    pub const DATASETS: [Self; 3] = [
        Self::Dataset(DatasetField::Name),
        Self::Dataset(DatasetField::Digest),
        Self::Dataset(DatasetField::Context),
    ];

    /// The columns that every run has.
    pub const ATTRIBUTES: [Self; 9] = [
        Self::RunName,
        Self::RunId,
        Self::Status,
        Self::StartTime,
        Self::Started,
        Self::EndTime,
        Self::Duration,
        Self::User,
        Self::ArtifactUri,
    ];

    /// Understands `metrics.NAME`, `params.NAME`, `tags.NAME` and the attributes' names. What stands behind the
    /// first dot is the name as it is, spaces at its end too: quotes are not needed, but are taken off.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let text = text.trim_start();
        let trimmed = text.trim_end();
        let mut fixed = Self::ATTRIBUTES.into_iter().chain(Self::DATASETS);
        if let Some(attribute) = fixed.find(|column| column.name() == trimmed) {
            return Ok(attribute);
        }
        if let Some(column) = parse_statistic(trimmed) {
            return Ok(column);
        }
        if let Some((kind, key)) = text.split_once('.')
            && let Some(key) = unquoted(key)
        {
            match kind {
                "metrics" | "metric" => return Ok(Self::metric(key)),
                "params" | "param" => return Ok(Self::Param(key)),
                "tags" | "tag" => return Ok(Self::Tag(key)),
                _ => {}
            }
        }
        OrderBy::parse(trimmed).map(|order| Self::from(order.field)).map_err(|mut error| {
            let names = Self::ATTRIBUTES.map(|column| column.name()).join(", ");
            error.message = format!(
                "no column {trimmed:?}; columns are {names}, metrics.NAME, params.NAME, tags.NAME, dataset.name, \
                 dataset.digest, dataset.context, and of a metric's \
                 history min(metrics.NAME), max(…), mean(…), first(…), at(metrics.NAME, STEP) and \
                 last(metrics.NAME, N), the mean of the last N points"
            );
            error
        })
    }

    /// The name that [`Self::parse`] reads back.
    pub fn name(&self) -> String {
        match self {
            Self::RunName => "run_name".into(),
            Self::RunId => "run_id".into(),
            Self::Status => "status".into(),
            Self::StartTime => "start_time".into(),
            Self::Started => "started".into(),
            Self::EndTime => "end_time".into(),
            Self::Duration => "duration".into(),
            Self::User => "user_id".into(),
            Self::ArtifactUri => "artifact_uri".into(),
            Self::Metric(key, statistic) => of_history(*statistic, &format!("metrics.{}", requoted(key))),
            Self::Param(key) => format!("params.{}", requoted(key)),
            Self::Tag(key) => format!("tags.{}", requoted(key)),
            Self::Dataset(field) => format!("dataset.{}", field.as_str()),
        }
    }

    /// What stands above the column where there is one line for it: the title, and which value of a metric it is.
    pub fn head(&self) -> String {
        match self {
            Self::Metric(key, statistic) => of_history(*statistic, key),
            other => other.title().to_owned(),
        }
    }

    /// What stands above the column on the screen.
    pub fn title(&self) -> &str {
        match self {
            Self::RunName => "Run",
            Self::RunId => "Run ID",
            Self::Status => "Status",
            Self::StartTime => "Age",
            Self::Started => "Started",
            Self::EndTime => "Ended",
            Self::Duration => "Duration",
            Self::User => "User",
            Self::ArtifactUri => "Artifacts",
            Self::Dataset(DatasetField::Name) => "Data set",
            Self::Dataset(DatasetField::Digest) => "Digest",
            Self::Dataset(DatasetField::Context) => "Context",
            Self::Metric(key, _) | Self::Param(key) | Self::Tag(key) => key,
        }
    }

    /// The latest value of a metric.
    pub fn metric(key: impl Into<String>) -> Self {
        Self::Metric(key.into(), Statistic::Latest)
    }

    /// How many runs have a metric, param or tag; none for attributes, which all runs have.
    pub fn runs_with(&self, catalog: &Catalog) -> Option<usize> {
        let texts = &catalog.texts;
        match self {
            Self::Metric(key, _) => Some(catalog.metrics.column(texts, key).map_or(0, |column| column.len())),
            Self::Param(key) => Some(catalog.params.column(texts, key).map_or(0, |column| column.len())),
            Self::Tag(key) => Some(catalog.tags.column(texts, key).map_or(0, |column| column.len())),
            // Before somebody asks for them nothing is known of them.
            Self::Dataset(field) => catalog.inputs.column(texts, field.as_str()).map(|column| column.len()),
            _ => None,
        }
    }

    /// The metric that a column is about.
    pub fn metric_key(&self) -> Option<&str> {
        match self {
            Self::Metric(key, _) => Some(key),
            _ => None,
        }
    }

    /// The word that tells a metric's other values from its latest: `min`, `at 100`.
    pub fn statistic(&self) -> Option<String> {
        match self {
            Self::Metric(_, Statistic::At(step)) => Some(format!("at {step}")),
            Self::Metric(_, Statistic::LastMean(count)) => Some(format!("last {count}")),
            Self::Metric(_, statistic) => statistic.word().map(str::to_owned),
            _ => None,
        }
    }
}

/// The statistic of what is named, as [`ColumnSpec::parse`] reads it.
fn of_history(statistic: Statistic, what: &str) -> String {
    match (statistic, statistic.word()) {
        (_, None) => what.to_owned(),
        (Statistic::At(number), Some(word)) => format!("{word}({what}, {number})"),
        (Statistic::LastMean(number), Some(word)) => format!("{word}({what}, {number})"),
        (_, Some(word)) => format!("{word}({what})"),
    }
}

/// The key as it is, or what stands between the quotes around it. None for nothing, or a quote that is not closed.
fn unquoted(key: &str) -> Option<String> {
    let Some(quote) = key.chars().next().filter(|c| matches!(c, '`' | '"' | '\'')) else {
        return (!key.is_empty()).then(|| key.to_owned());
    };
    key.trim_end()[1..].strip_suffix(quote).map(str::to_owned)
}

/// The key so that [`unquoted`] gives it back.
fn requoted(key: &str) -> Cow<'_, str> {
    if key.is_empty() || key.starts_with(['`', '"', '\'']) { format!("`{key}`").into() } else { key.into() }
}

/// Reads `min(metrics.NAME)` and its like.
fn parse_statistic(text: &str) -> Option<ColumnSpec> {
    let (word, inner) = text.strip_suffix(')')?.split_once('(')?;
    let (kind, key) = inner.trim_start().split_once('.')?;
    if !matches!(kind, "metrics" | "metric") {
        return None;
    }
    let statistic = match word.trim() {
        "latest" => Statistic::Latest,
        "min" => Statistic::Min,
        "max" => Statistic::Max,
        "mean" => Statistic::Mean,
        "first" => Statistic::First,
        "at" => {
            let (key, step) = key.rsplit_once(',')?;
            return Some(ColumnSpec::Metric(unquoted(key)?, Statistic::At(step.trim().parse().ok()?)));
        }
        "last" => {
            let (key, count) = key.rsplit_once(',')?;
            let count = count.trim().parse().ok().filter(|count| *count > 0)?;
            return Some(ColumnSpec::Metric(unquoted(key)?, Statistic::LastMean(count)));
        }
        _ => return None,
    };
    Some(ColumnSpec::Metric(unquoted(key)?, statistic))
}

impl From<Field> for ColumnSpec {
    fn from(field: Field) -> Self {
        match field {
            Field::Metric(key) => Self::metric(key),
            Field::Param(key) => Self::Param(key),
            Field::Tag(key) => Self::Tag(key),
            Field::Attribute(Attribute::RunId) => Self::RunId,
            Field::Attribute(Attribute::RunName) => Self::RunName,
            Field::Attribute(Attribute::Status) => Self::Status,
            Field::Attribute(Attribute::UserId) => Self::User,
            Field::Attribute(Attribute::StartTime) => Self::StartTime,
            Field::Attribute(Attribute::EndTime) => Self::EndTime,
            Field::Attribute(Attribute::ArtifactUri) => Self::ArtifactUri,
            Field::Dataset(field) => Self::Dataset(field),
        }
    }
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Missing,
    Number(f64),
    /// A number out of a history, and its step where it has one.
    Point(f64, Option<i64>),
    Text(&'a str),
    OwnedText(String),
    /// Milliseconds since the epoch.
    Time(i64),
    /// Milliseconds.
    Duration(i64),
    /// Of things.
    Count(u64),
    Status(RunStatus),
}

/// A column found in a catalogue, ready to give cells.
#[derive(Debug, Clone)]
pub enum Bound {
    Attribute(ColumnSpec),
    Number(Arc<Column<f64>>),
    Text(Arc<Column<Sym>>),
    Summary(Arc<Column<Summary>>, Statistic),
    /// No run has such a key.
    Absent,
}

impl Bound {
    pub fn new(catalog: &Catalog, spec: &ColumnSpec) -> Self {
        let texts = &catalog.texts;
        match spec {
            ColumnSpec::Metric(key, Statistic::Latest) => {
                catalog.metrics.column(texts, key).map_or(Self::Absent, |c| Self::Number(Arc::clone(c)))
            }
            ColumnSpec::Metric(key, statistic) => summaries::bind(catalog, key, *statistic),
            ColumnSpec::Param(key) => {
                catalog.params.column(texts, key).map_or(Self::Absent, |c| Self::Text(Arc::clone(c)))
            }
            ColumnSpec::Tag(key) => {
                catalog.tags.column(texts, key).map_or(Self::Absent, |c| Self::Text(Arc::clone(c)))
            }
            ColumnSpec::Dataset(field) => {
                let column = catalog.inputs.column(texts, field.as_str());
                column.map_or(Self::Absent, |c| Self::Text(Arc::clone(c)))
            }
            attribute => Self::Attribute(attribute.clone()),
        }
    }

    /// The cell of a run. `now` (milliseconds) is the end of runs that still go on.
    pub fn value<'a>(&self, catalog: &'a Catalog, row: Row, now: i64) -> Value<'a> {
        match self {
            Self::Absent => Value::Missing,
            Self::Number(column) => column.get(row).map_or(Value::Missing, Value::Number),
            Self::Summary(column, statistic) => column.get(row).map_or(Value::Missing, |summary| {
                let (value, step) = summary.pick(*statistic);
                Value::Point(value, step)
            }),
            Self::Text(column) => {
                column.get(row).map_or(Value::Missing, |sym| Value::Text(catalog.texts.get(sym)))
            }
            Self::Attribute(spec) => attribute(catalog, spec, row, now),
        }
    }
}

fn attribute<'a>(catalog: &'a Catalog, spec: &ColumnSpec, row: Row, now: i64) -> Value<'a> {
    let run = catalog.run(row);
    let time = |time: i64| if time == NO_TIME { Value::Missing } else { Value::Time(time) };
    match spec {
        ColumnSpec::RunName => Value::Text(catalog.texts.get(run.name)),
        ColumnSpec::RunId => Value::Text(catalog.texts.get(run.run_id)),
        ColumnSpec::Status => Value::Status(run.status),
        ColumnSpec::StartTime | ColumnSpec::Started => time(run.start_time),
        ColumnSpec::EndTime => time(run.ended()),
        ColumnSpec::User => match catalog.texts.get(run.user) {
            "" => Value::Missing,
            user => Value::Text(user),
        },
        ColumnSpec::ArtifactUri => Value::OwnedText(catalog.artifact_uri(row)),
        ColumnSpec::Duration => {
            let end = if run.status.is_active() { now } else { run.end_time };
            match (run.start_time, end) {
                (NO_TIME, _) | (_, NO_TIME) => Value::Missing,
                (start, end) => Value::Duration(end.saturating_sub(start)),
            }
        }
        ColumnSpec::Metric(..) | ColumnSpec::Param(_) | ColumnSpec::Tag(_) | ColumnSpec::Dataset(_) => {
            Value::Missing
        }
    }
}
