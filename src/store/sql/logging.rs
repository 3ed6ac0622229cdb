//! What runs log: metrics, params, tags and data sets, many rows at a time. Every function runs inside one transaction.

use rustc_hash::{FxHashMap, FxHashSet};
use uuid::Uuid;

use super::writing::need_active_run;
use super::{Link, Value, as_list, rows_of, unsupported, values};
use crate::mlflow::{Dataset, DatasetInput, Metric, Param, RunId, Tag, infinity, tags};
use crate::store::{ErrorKind, Inner};

/// Rows of one statement.
pub const ROWS: usize = 500;

pub fn log_batch(
    link: &mut impl Link,
    id: &RunId,
    metrics: &[Metric],
    params: &[Param],
    new_tags: &[Tag],
) -> Inner<()> {
    need_active_run(link, id)?;
    log_params(link, id, params)?;
    log_metrics(link, id, metrics)?;
    upsert_tags(link, id, new_tags)?;
    if let Some(name) = new_tags.iter().rfind(|tag| tag.key == tags::RUN_NAME) {
        link.execute("UPDATE runs SET name = ?2 WHERE run_uuid = ?1", values![id.as_str(), &name.value])?;
    }
    Ok(())
}

/// Params never change: the same value again is fine, another is an error.
fn log_params(link: &mut impl Link, id: &RunId, params: &[Param]) -> Inner<()> {
    let among = (link.dialect().among)("?2");
    let statement = format!("SELECT key, value FROM params WHERE run_uuid = ?1 AND key IN {among}");
    for chunk in params.chunks(ROWS) {
        let keys = as_list(chunk.iter().map(|param| param.key.as_str()));
        let known =
            link.all(&statement, values![id.as_str(), &keys], |row| (row.string(0), row.string(1)))?;
        let folds_case = link.dialect().folds_case;
        let fold = |key: &str| if folds_case { key.to_lowercase() } else { key.to_owned() };
        let mut known: FxHashMap<String, String> =
            known.into_iter().map(|(key, value)| (fold(&key), value)).collect();
        let mut new: Vec<&Param> = Vec::new();
        for param in chunk {
            match known.get(&fold(&param.key)) {
                Some(before) if *before == param.value => {}
                Some(before) => {
                    return Err(ErrorKind::Invalid(format!(
                        "param {:?} is {before:?} already and cannot become {:?}: MLflow params cannot be changed",
                        param.key, param.value
                    )));
                }
                None => {
                    known.insert(fold(&param.key), param.value.clone());
                    new.push(param);
                }
            }
        }
        if new.is_empty() {
            continue;
        }
        new.sort_by(|a, b| a.key.cmp(&b.key));
        let values: Vec<Value<'_>> = new
            .iter()
            .flat_map(|it| [Value::from(&it.key), (&it.value).into(), id.as_str().into()])
            .collect();
        let statement = format!("INSERT INTO params (key, value, run_uuid) VALUES {}", rows_of(new.len(), 3));
        link.execute(&statement, &values)?;
    }
    Ok(())
}

/// A value as MLflow stores it.
pub fn stored(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { infinity::stored(value) }
}

/// The latest value of each metric: the one with the greatest (step, timestamp, value), not the one logged last.
pub fn latest_of(metrics: &[Metric]) -> Vec<&Metric> {
    let mut latest: Vec<&Metric> = Vec::new();
    let mut at: FxHashMap<&str, usize> = FxHashMap::default();
    let order = |metric: &Metric| (metric.step, metric.timestamp, stored(metric.value));
    for metric in metrics {
        match at.get(metric.key.as_str()) {
            Some(at) if order(metric) > order(latest[*at]) => latest[*at] = metric,
            Some(_) => {}
            None => {
                at.insert(&metric.key, latest.len());
                latest.push(metric);
            }
        }
    }
    latest
}

fn log_metrics(link: &mut impl Link, id: &RunId, metrics: &[Metric]) -> Inner<()> {
    let mut latest = latest_of(metrics);
    // In one order, as MLflow has it: where rows are locked, two who write the same ones would wait for each other.
    latest.sort_by(|a, b| a.key.cmp(&b.key));
    let mut metrics: Vec<&Metric> = metrics.iter().collect();
    metrics.sort_by(|a, b| a.key.cmp(&b.key));
    let into = "(key, value, timestamp, run_uuid, step, is_nan)";
    for chunk in metrics.chunks(ROWS) {
        let rows = format!("VALUES {}", rows_of(chunk.len(), 6));
        let statement = (link.dialect().insert_new)(&format!("metrics {into}"), &rows);
        link.execute(&statement, &cells(chunk.iter().copied(), id))?;
    }
    for chunk in latest.chunks(ROWS) {
        let statement = format!(
            "INSERT INTO latest_metrics {into} VALUES {} {}",
            rows_of(chunk.len(), 6),
            link.dialect().newest
        );
        link.execute(&statement, &cells(chunk.iter().copied(), id))?;
        if link.dialect().folds_case {
            need_own_keys(link, id, chunk)?;
        }
    }
    Ok(())
}

/// Refuses metrics that the database takes for others, as MLflow does.
fn need_own_keys(link: &mut impl Link, id: &RunId, metrics: &[&Metric]) -> Inner<()> {
    let keys = as_list(metrics.iter().map(|metric| metric.key.as_str()));
    let among = (link.dialect().among)("?2");
    let statement = format!("SELECT key FROM latest_metrics WHERE run_uuid = ?1 AND key IN {among}");
    let known: FxHashSet<String> =
        link.all(&statement, values![id.as_str(), &keys], |row| row.string(0))?.into_iter().collect();
    match metrics.iter().find(|metric| !known.contains(&metric.key)) {
        None => Ok(()),
        Some(Metric { key, .. }) => Err(ErrorKind::Invalid(format!(
            "the database does not tell metric {key:?} from one that differs in upper and lower case alone"
        ))),
    }
}

/// The cells of the rows of metrics.
pub fn cells<'a>(metrics: impl Iterator<Item = &'a Metric>, id: &'a RunId) -> Vec<Value<'a>> {
    let row = |metric: &'a Metric| {
        [
            Value::from(&metric.key),
            stored(metric.value).into(),
            metric.timestamp.into(),
            id.as_str().into(),
            metric.step.into(),
            metric.value.is_nan().into(),
        ]
    };
    metrics.flat_map(row).collect()
}

/// Of tags with one key the last holds.
pub fn upsert_tags(link: &mut impl Link, id: &RunId, tags: &[Tag]) -> Inner<()> {
    let last: FxHashMap<&str, usize> =
        tags.iter().enumerate().map(|(at, tag)| (tag.key.as_str(), at)).collect();
    let mut at: Vec<usize> = last.into_values().collect();
    at.sort_unstable_by_key(|at| tags[*at].key.as_str());
    for chunk in at.chunks(ROWS) {
        let rows = format!("VALUES {}", rows_of(chunk.len(), 3));
        let statement =
            (link.dialect().upsert)("tags (key, value, run_uuid)", &rows, "key, run_uuid", "value");
        let values: Vec<Value<'_>> = chunk
            .iter()
            .flat_map(|at| [Value::from(&tags[*at].key), (&tags[*at].value).into(), id.as_str().into()])
            .collect();
        link.execute(&statement, &values)?;
    }
    Ok(())
}

pub fn log_inputs(link: &mut impl Link, id: &RunId, inputs: &[DatasetInput]) -> Inner<()> {
    need_active_run(link, id)?;
    put_inputs(link, id, inputs)
}

/// The same for a run of whatever stage.
pub fn put_inputs(link: &mut impl Link, id: &RunId, inputs: &[DatasetInput]) -> Inner<()> {
    if !link.layout().datasets {
        return Err(unsupported("data sets"));
    }
    let statement = "SELECT experiment_id FROM runs WHERE run_uuid = ?1";
    let experiment = link.one(statement, values![id.as_str()], |row| row.int(0))?.flatten();
    for input in inputs {
        let dataset = find_or_create_dataset(link, experiment, &input.dataset)?;
        let own = Uuid::new_v4().simple().to_string();
        let statement = (link.dialect().insert_new)(
            "inputs (input_uuid, source_type, source_id, destination_type, destination_id)",
            "VALUES (?1, 'DATASET', ?2, 'RUN', ?3)",
        );
        link.execute(&statement, values![&own, &dataset, id.as_str()])?;
        let statement = "SELECT 1 FROM inputs WHERE input_uuid = ?1";
        if link.one(statement, values![&own], |_| ())?.is_some() {
            // Of tags with one key the last holds.
            let statement = (link.dialect().upsert)(
                "input_tags (input_uuid, name, value)",
                "VALUES (?1, ?2, ?3)",
                "input_uuid, name",
                "value",
            );
            for tag in &input.tags {
                link.execute(&statement, values![&own, &tag.key, &tag.value])?;
            }
        }
    }
    Ok(())
}

fn find_or_create_dataset(link: &mut impl Link, experiment: Option<i64>, dataset: &Dataset) -> Inner<String> {
    let known = link.one(
        "SELECT dataset_uuid FROM datasets WHERE experiment_id = ?1 AND name = ?2 AND digest = ?3",
        values![experiment, &dataset.name, &dataset.digest],
        |row| row.string(0),
    )?;
    if let Some(id) = known {
        return Ok(id);
    }
    let id = Uuid::new_v4().simple().to_string();
    link.execute(
        "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source, \
         dataset_schema, dataset_profile) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        values![
            &id,
            experiment,
            &dataset.name,
            &dataset.digest,
            &dataset.source_type,
            &dataset.source,
            dataset.schema.as_deref(),
            dataset.profile.as_deref()
        ],
    )?;
    Ok(id)
}
