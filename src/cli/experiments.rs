//! `mltui experiments`

use std::cmp::Ordering;
use std::collections::HashMap;
use std::io::Write;

use super::output::{OutputFlags, TextTable};
use super::{Failure, open};
use crate::catalog::Value;
use crate::config::Settings;
use crate::mlflow::ViewType;
use crate::store::{RunCount, now_ms};
use crate::text::order::natural;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only experiments whose name contains this text (case-insensitive)
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Sort by this column: id, name, runs, created or updated; append ` desc` to reverse
    #[arg(long, value_name = "COLUMN", default_value = "created desc")]
    sort: String,
    /// Columns to print, comma-separated
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Print at most this many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Include deleted experiments
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    format: OutputFlags,
}

const COLUMNS: [(&str, &str); 6] = [
    ("id", "ID"),
    ("name", "Name"),
    ("runs", "Runs"),
    ("created", "Created"),
    ("updated", "Updated"),
    ("stage", "Stage"),
];

fn column(name: &str) -> Result<usize, Failure> {
    COLUMNS.iter().position(|(known, _)| *known == name.trim()).ok_or_else(|| {
        let known = COLUMNS.map(|(name, _)| name).join(", ");
        Failure::Usage(format!("no column {name:?}; columns of experiments are {known}"))
    })
}

/// The order of cells: texts, counts, times; what is missing comes last in both directions.
pub fn by_cell(a: &Value<'_>, b: &Value<'_>, descending: bool) -> Ordering {
    let kind = |cell: &Value<'_>| match cell {
        Value::Text(_) => 0,
        Value::Count(_) => 1,
        Value::Time(_) => 2,
        _ => 3,
    };
    let order = match (a, b) {
        (Value::Text(a), Value::Text(b)) => natural(a, b),
        (Value::Count(a), Value::Count(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        _ => return kind(a).cmp(&kind(b)),
    };
    if descending { order.reverse() } else { order }
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let (sort, descending) = match arguments.sort.rsplit_once(' ') {
        Some((name, "desc")) => (column(name)?, true),
        Some((name, "asc")) => (column(name)?, false),
        _ => (column(&arguments.sort)?, false),
    };
    let mut columns = arguments.columns.iter().map(|name| column(name)).collect::<Result<Vec<_>, _>>()?;
    if columns.is_empty() {
        columns = vec![0, 1, 2, 3, 4];
        if arguments.all {
            columns.push(5);
        }
    }
    let store = open(settings)?;
    let view = if arguments.all { ViewType::All } else { ViewType::ActiveOnly };
    let experiments = store.search_experiments(view).await?;
    let counts = store.run_counts().await?;
    let wanted = arguments.filter.as_deref().map(str::to_lowercase);
    let time = |time: Option<i64>| time.map_or(Value::Missing, Value::Time);
    let mut rows: Vec<Vec<Value<'_>>> = experiments
        .iter()
        .filter(|experiment| wanted.as_ref().is_none_or(|text| experiment.name.to_lowercase().contains(text)))
        .map(|experiment| {
            let count = |counts: &HashMap<_, RunCount>| counts.get(&experiment.experiment_id).copied();
            let runs = counts.as_ref().map(|counts| count(counts).unwrap_or_default().active);
            vec![
                Value::Text(experiment.experiment_id.as_str()),
                Value::Text(&experiment.name),
                runs.map_or(Value::Missing, Value::Count),
                time(experiment.creation_time),
                time(experiment.last_update_time),
                Value::Text(experiment.lifecycle_stage.as_str()),
            ]
        })
        .collect();
    rows.sort_by(|a, b| by_cell(&a[sort], &b[sort], descending));
    rows.truncate(arguments.limit.unwrap_or(usize::MAX));
    let table = TextTable {
        titles: columns.iter().map(|column| COLUMNS[*column].1.to_owned()).collect(),
        names: columns.iter().map(|column| COLUMNS[*column].0.to_owned()).collect(),
        rows: rows
            .into_iter()
            .map(|row| columns.iter().map(|column| row[*column].clone()).collect())
            .collect(),
    };
    Ok(table.print(arguments.format, now_ms(), out)?)
}
