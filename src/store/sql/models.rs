//! Models as entities of their own (MLflow 3).

use std::collections::HashMap;

use uuid::Uuid;

use super::logging::{log_batch, stored};
use super::writing::artifact_location;
use super::{Cells, Link, as_list, unsupported, values};
use crate::mlflow::{
    Dataset, ExperimentId, LoggedModel, Metric, MetricPoint, ModelId, ModelMetric, Param, RunId, Tag,
};
use crate::store::objects::below;
use crate::store::{ErrorKind, Inner, NewModel, now_ms};

/// What `logged_models.status` says of a model that is whole, and of one that is not.
const READY: i64 = 2;
const FAILED: i64 = 3;
/// Models that are read at once.
const AT_ONCE: usize = 200;

pub fn need_table(link: &impl Link) -> Inner<()> {
    if link.layout().logged_models { Ok(()) } else { Err(unsupported("logged models")) }
}

pub fn of_run(link: &mut impl Link, run: &RunId) -> Inner<Vec<LoggedModel>> {
    need_table(link)?;
    let statement = "SELECT model_id FROM logged_models WHERE source_run_id = ?1 AND lifecycle_stage = 'active' \
                     ORDER BY creation_timestamp_ms, model_id";
    let ids = link.all(statement, values![run.as_str()], |row| ModelId(row.string(0)))?;
    read(link, &ids)
}

pub fn of_experiment(link: &mut impl Link, experiment: &ExperimentId) -> Inner<Vec<LoggedModel>> {
    need_table(link)?;
    let statement = "SELECT model_id FROM logged_models WHERE experiment_id = ?1 AND lifecycle_stage = 'active' \
                     ORDER BY creation_timestamp_ms, model_id";
    let ids = link.all(statement, values![experiment.as_key()], |row| ModelId(row.string(0)))?;
    read(link, &ids)
}

pub fn create(link: &mut impl Link, model: &NewModel) -> Inner<LoggedModel> {
    need_table(link)?;
    let experiment = model.experiment_id.as_key();
    let location = artifact_location(link, &model.experiment_id)?;
    let id = format!("m-{}", Uuid::new_v4().simple());
    let location = below(&location, &format!("models/{id}/artifacts"));
    link.execute(
        "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, \
         last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id, status_message) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1, 'active', ?7, ?6, NULL)",
        values![
            &id,
            experiment,
            &model.name,
            &location,
            now_ms(),
            model.source_run_id.as_str(),
            &model.model_type
        ],
    )?;
    for Param { key, value } in &model.params {
        link.execute(
            "INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value) VALUES (?1, ?2, ?3, ?4)",
            values![&id, experiment, key, value],
        )?;
    }
    for tag in &model.tags {
        link.execute(
            "INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES (?1, ?2, ?3, ?4)",
            values![&id, experiment, &tag.key, &tag.value],
        )?;
    }
    logged_model(link, &ModelId(id))
}

pub fn log_output(link: &mut impl Link, run: &RunId, model: &ModelId, step: i64) -> Inner<()> {
    need_table(link)?;
    let statement = (link.dialect().insert_new)(
        "inputs (input_uuid, source_type, source_id, destination_type, destination_id, step)",
        "VALUES (?1, 'RUN_OUTPUT', ?2, 'MODEL_OUTPUT', ?3, ?4)",
    );
    let own = Uuid::new_v4().simple().to_string();
    link.execute(&statement, values![&own, run.as_str(), model.as_str(), step])?;
    Ok(())
}

pub fn log_metrics(
    link: &mut impl Link,
    run: &RunId,
    model: &ModelId,
    metrics: &[Metric],
    dataset: Option<&Dataset>,
) -> Inner<()> {
    need_table(link)?;
    log_batch(link, run, metrics, &[], &[])?;
    let statement = (link.dialect().insert_new)(
        "logged_model_metrics (model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, \
         experiment_id, run_id, dataset_uuid, dataset_name, dataset_digest)",
        "SELECT ?1, ?2, ?3, ?4, ?5, experiment_id, ?6, NULL, ?7, ?8 FROM logged_models WHERE model_id = ?1",
    );
    for metric in metrics {
        link.execute(
            &statement,
            values![
                model.as_str(),
                &metric.key,
                metric.timestamp,
                metric.step,
                stored(metric.value),
                run.as_str(),
                dataset.map(|dataset| dataset.name.as_str()),
                dataset.map(|dataset| dataset.digest.as_str())
            ],
        )?;
    }
    Ok(())
}

pub fn finish(link: &mut impl Link, id: &ModelId, is_whole: bool) -> Inner<()> {
    need_table(link)?;
    let status = if is_whole { READY } else { FAILED };
    let changed = link.execute(
        "UPDATE logged_models SET status = ?2, last_updated_timestamp_ms = ?3 WHERE model_id = ?1",
        values![id.as_str(), status, now_ms()],
    )?;
    if changed == 0 { Err(ErrorKind::NotFound(format!("no logged model {id}"))) } else { Ok(()) }
}

pub fn logged_model(link: &mut impl Link, id: &ModelId) -> Inner<LoggedModel> {
    need_table(link)?;
    let found = read(link, std::slice::from_ref(id))?.pop();
    found.ok_or_else(|| ErrorKind::NotFound(format!("no logged model {id}")))
}

/// Four statements for many models, in the order of their ids.
fn read(link: &mut impl Link, ids: &[ModelId]) -> Inner<Vec<LoggedModel>> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(AT_ONCE) {
        let list = as_list(chunk.iter().map(ModelId::as_str));
        let is_it = format!("model_id IN {}", (link.dialect().among)("?1"));
        let mut params = pairs(link, "param", &is_it, &list)?;
        let mut tags = pairs(link, "tag", &is_it, &list)?;
        let mut metrics = metrics(link, &is_it, &list)?;
        let statement = format!(
            "SELECT model_id, experiment_id, name, artifact_location, status, source_run_id, creation_timestamp_ms, \
             model_type FROM logged_models WHERE {is_it} AND lifecycle_stage = 'active'"
        );
        let models = link.all(&statement, values![&list], |row| (row.string(0), of_row(row)))?;
        let mut models: HashMap<String, LoggedModel> = models.into_iter().collect();
        for id in chunk {
            let Some(mut model) = models.remove(id.as_str()) else { continue };
            let take = |of: &mut HashMap<String, Vec<(String, String)>>| {
                let mut pairs = of.remove(id.as_str()).unwrap_or_default();
                pairs.sort();
                pairs
            };
            model.params = take(&mut params).into_iter().map(|(key, value)| Param { key, value }).collect();
            model.tags = take(&mut tags).into_iter().map(|(key, value)| Tag { key, value }).collect();
            model.metrics = metrics.remove(id.as_str()).unwrap_or_default();
            found.push(model);
        }
    }
    Ok(found)
}

fn of_row(row: &dyn Cells) -> LoggedModel {
    LoggedModel {
        model_id: ModelId(row.string(0)),
        experiment_id: ExperimentId(row.string(1)),
        name: row.string(2),
        model_type: row.string(7),
        artifact_location: row.string(3),
        status: match row.int(4) {
            Some(READY) => "READY".into(),
            Some(FAILED) => "FAILED".into(),
            _ => "PENDING".into(),
        },
        source_run_id: row.optional_string(5).map(RunId),
        params: Vec::new(),
        tags: Vec::new(),
        creation_time: row.int(6),
        metrics: Vec::new(),
    }
}

type Pairs = HashMap<String, Vec<(String, String)>>;

fn pairs(link: &mut impl Link, what: &str, is_it: &str, list: &String) -> Inner<Pairs> {
    let value = (link.dialect().bounded)(&format!("{what}_value"));
    let statement = format!("SELECT model_id, {what}_key, {value} FROM logged_model_{what}s WHERE {is_it}");
    let mut found = Pairs::new();
    link.each(&statement, values![list], &mut |row| {
        found.entry(row.string(0)).or_default().push((row.string(1), row.string(2)));
        Ok(())
    })?;
    Ok(found)
}

fn metrics(link: &mut impl Link, is_it: &str, list: &String) -> Inner<HashMap<String, Vec<ModelMetric>>> {
    let statement = format!(
        "SELECT model_id, metric_name, metric_value, metric_timestamp_ms, metric_step, run_id, dataset_name, \
         dataset_digest FROM logged_model_metrics WHERE {is_it}"
    );
    let mut found: HashMap<String, Vec<ModelMetric>> = HashMap::new();
    link.each(&statement, values![list], &mut |row| {
        found.entry(row.string(0)).or_default().push(ModelMetric {
            key: row.string(1),
            point: MetricPoint {
                value: row.number(2),
                timestamp: row.int(3).unwrap_or(0),
                step: row.int(4).unwrap_or(0),
            },
            run_id: RunId(row.string(5)),
            dataset: row.optional_string(6).map(|name| (name, row.string(7))),
        });
        Ok(())
    })?;
    for metrics in found.values_mut() {
        metrics.sort_by(|a, b| {
            let order = |metric: &ModelMetric| (metric.point.step, metric.point.timestamp);
            a.key.cmp(&b.key).then_with(|| order(a).cmp(&order(b)))
        });
    }
    Ok(found)
}
