//! What comes from another store, row by row as it was there. Every function runs inside one transaction.

use rustc_hash::FxHashMap;
use uuid::Uuid;

use super::logging::{ROWS, cells, latest_of, put_inputs, stored};
use super::models::{log_output, need_table};
use super::roots::Home;
use super::writing::{artifact_location, fill_experiment, refuse_taken_name};
use super::{Link, Value, as_list, rows_of, values};
use crate::mlflow::{
    Experiment, ExperimentId, LifecycleStage, LoggedModel, Metric, MetricPoint, Run, RunId, RunInfo,
};
use crate::store::objects::{below, path_end};
use crate::store::{ErrorKind, HistoryCursor, HistoryPage, ImportedRun, Inner, now_ms};

/// Points on a page of a history.
const PAGE: usize = 20_000;

pub fn experiment(link: &mut impl Link, home: &Home, from: &Experiment) -> Inner<ExperimentId> {
    refuse_taken_name(link, &from.name)?;
    let (least, most) = link.dialect().experiment_ids;
    let own = from.experiment_id.as_key().filter(|key| (least..=most).contains(key));
    let is_free = match own {
        Some(key) => {
            let statement = "SELECT 1 FROM experiments WHERE experiment_id = ?1";
            link.one(statement, values![key], |_| ())?.is_none()
        }
        None => false,
    };
    let workspace = link.workspace().to_owned();
    let (column, value) = link.layout().column_here();
    let created = from.creation_time.unwrap_or_else(now_ms);
    let updated = from.last_update_time.unwrap_or(created);
    let key = match own.filter(|_| is_free) {
        Some(key) => {
            let statement = format!(
                "INSERT INTO experiments ({column}name, experiment_id, lifecycle_stage, creation_time, last_update_time) \
                 VALUES ({value}?2, ?3, 'active', ?4, ?5)"
            );
            link.execute(&statement, values![&workspace, &from.name, key, created, updated])?;
            if let Some(statement) = link.dialect().skip_experiment_ids {
                link.one(statement, &[], |_| ())?;
            }
            key
        }
        None => {
            let statement = format!(
                "INSERT INTO experiments ({column}name, lifecycle_stage, creation_time, last_update_time) \
                 VALUES ({value}?2, 'active', ?3, ?4)"
            );
            let values = values![&workspace, &from.name, created, updated];
            let key = link.insert_numbered(&statement, values, "experiment_id")?;
            key.ok_or_else(|| ErrorKind::Io("the new experiment was given no id".into()))?
        }
    };
    let id = fill_experiment(link, home, key, &from.tags)?;
    let location = home.artifact_root(key);
    if home.is_taken(&location, &from.artifact_location) {
        let statement = "UPDATE experiments SET artifact_location = ?2 WHERE experiment_id = ?1";
        link.execute(statement, values![key, &beside(&location)])?;
    }
    Ok(id)
}

/// Before what tells an address from one that is taken.
const BESIDE: &str = "-copy-";

/// An address that nobody has, where files are already at the one that is meant: they are of another store, which keeps them.
fn beside(location: &str) -> String {
    let random = Uuid::new_v4().simple().to_string();
    let (path, query) = location.split_at(path_end(location));
    format!("{}{BESIDE}{}{query}", path.trim_end_matches('/'), &random[..8])
}

pub fn finish_experiment(link: &mut impl Link, id: &ExperimentId, as_it_was: &Experiment) -> Inner<()> {
    let changed = link.execute(
        "UPDATE experiments SET lifecycle_stage = ?2, last_update_time = coalesce(?3, last_update_time) \
         WHERE experiment_id = ?1",
        values![id.as_key(), as_it_was.lifecycle_stage.as_str(), as_it_was.last_update_time],
    )?;
    if changed == 0 { Err(ErrorKind::NotFound(format!("no experiment {id}"))) } else { Ok(()) }
}

/// Adds rows, as many as there are cells for.
fn add(
    link: &mut impl Link,
    width: usize,
    cells: &[Value<'_>],
    statement: impl Fn(&str) -> String,
) -> Inner<()> {
    for chunk in cells.chunks(width * ROWS) {
        let rows = format!("VALUES {}", rows_of(chunk.len() / width, width));
        link.execute(&statement(&rows), chunk)?;
    }
    Ok(())
}

fn plainly(into: &str) -> impl Fn(&str) -> String + '_ {
    move |rows| format!("INSERT INTO {into} {rows}")
}

/// The columns of a point.
const METRIC: &str = "(key, value, timestamp, run_uuid, step, is_nan)";

/// Many runs, with a few statements for all of them.
pub fn runs(link: &mut impl Link, home: &Home, runs: &[ImportedRun]) -> Inner<()> {
    let ids = as_list(runs.iter().map(|one| one.run.info.run_id.as_str()));
    let statement = format!("SELECT run_uuid FROM runs WHERE run_uuid IN {}", (link.dialect().among)("?1"));
    if let Some(taken) = link.one(&statement, values![&ids], |row| row.string(0))? {
        return Err(ErrorKind::AlreadyExists(format!("there is a run {taken} already")));
    }
    let mut locations: FxHashMap<&ExperimentId, String> = FxHashMap::default();
    for ImportedRun { run, .. } in runs {
        let id = &run.info.experiment_id;
        if !locations.contains_key(id) {
            locations.insert(id, artifact_location(link, id)?);
        }
    }
    let uris: Vec<String> = runs
        .iter()
        .map(|ImportedRun { run, .. }| {
            let (id, was) = (&run.info.run_id, &run.info.artifact_uri);
            let root = locations.get(&run.info.experiment_id).map_or("", String::as_str);
            let uri = below(root, &format!("{id}/artifacts"));
            let is_taken = home.is_taken(&below(root, id.as_str()), "") || home.is_taken(&uri, was);
            if !is_taken && !root.contains(BESIDE) {
                return Ok(uri);
            }
            let uri = if is_taken { below(&beside(root), &format!("{id}/artifacts")) } else { uri };
            home.make(&uri)?;
            Ok(uri)
        })
        .collect::<Inner<_>>()?;
    let now = now_ms();
    let heads: Vec<Value<'_>> =
        runs.iter().zip(&uris).flat_map(|(one, uri)| head(&one.run, uri, now)).collect();
    add(link, HEAD.1, &heads, plainly(HEAD.0))?;
    let pairs = |of: fn(&Run) -> Vec<(&String, &String)>| -> Vec<Value<'_>> {
        runs.iter()
            .flat_map(|one| {
                let id = one.run.info.run_id.as_str();
                let rows = of(&one.run).into_iter();
                rows.flat_map(move |(key, value)| [Value::from(key), value.into(), id.into()])
            })
            .collect()
    };
    let params = pairs(|run| run.params.iter().map(|param| (&param.key, &param.value)).collect());
    add(link, 3, &params, plainly("params (key, value, run_uuid)"))?;
    let tags = pairs(|run| run.tags.iter().map(|tag| (&tag.key, &tag.value)).collect());
    add(link, 3, &tags, plainly("tags (key, value, run_uuid)"))?;
    let points: Vec<Value<'_>> =
        runs.iter().flat_map(|one| cells(one.points.iter(), &one.run.info.run_id)).collect();
    let insert_new = link.dialect().insert_new;
    add(link, 6, &points, |rows| insert_new(&format!("metrics {METRIC}"), rows))?;
    let latest: Vec<Value<'_>> =
        runs.iter().flat_map(|one| cells(latest_of(&one.points).into_iter(), &one.run.info.run_id)).collect();
    add(link, 6, &latest, plainly(&format!("latest_metrics {METRIC}")))?;
    for ImportedRun { run, .. } in runs {
        let id = &run.info.run_id;
        if !run.inputs.is_empty() {
            put_inputs(link, id, &run.inputs)?;
        }
        for output in &run.model_outputs {
            log_output(link, id, &output.model_id, output.step)?;
        }
    }
    Ok(())
}

/// The columns of a run, and how many they are.
const HEAD: (&str, usize) = (
    "runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, \
     source_version, lifecycle_stage, deleted_time, artifact_uri, experiment_id)",
    14,
);

fn head<'a>(run: &'a Run, uri: &'a str, now: i64) -> [Value<'a>; 14] {
    let info = &run.info;
    let is_deleted = info.lifecycle_stage == LifecycleStage::Deleted;
    [
        info.run_id.as_str().into(),
        info.run_name.as_str().into(),
        "UNKNOWN".into(),
        "".into(),
        "".into(),
        info.user_id.as_str().into(),
        info.status.as_str().into(),
        info.start_time.into(),
        info.end_time.into(),
        "".into(),
        info.lifecycle_stage.as_str().into(),
        is_deleted.then_some(now).into(),
        uri.into(),
        info.experiment_id.as_key().into(),
    ]
}

pub fn finish_run(link: &mut impl Link, as_it_was: &RunInfo, mark: &str) -> Inner<()> {
    let is_deleted = as_it_was.lifecycle_stage == LifecycleStage::Deleted;
    let changed = link.execute(
        "UPDATE runs SET status = ?2, end_time = ?3, lifecycle_stage = ?4, deleted_time = ?5 WHERE run_uuid = ?1",
        values![
            as_it_was.run_id.as_str(),
            as_it_was.status.as_str(),
            as_it_was.end_time,
            as_it_was.lifecycle_stage.as_str(),
            is_deleted.then(now_ms)
        ],
    )?;
    if changed == 0 {
        return Err(ErrorKind::NotFound(format!("no run {}", as_it_was.run_id)));
    }
    let statement = "DELETE FROM tags WHERE run_uuid = ?1 AND key = ?2";
    link.execute(statement, values![as_it_was.run_id.as_str(), mark])?;
    Ok(())
}

pub fn logged_model(link: &mut impl Link, home: &Home, model: &LoggedModel) -> Inner<()> {
    need_table(link)?;
    let id = model.model_id.as_str();
    if link.one("SELECT 1 FROM logged_models WHERE model_id = ?1", values![id], |_| ())?.is_some() {
        return Err(ErrorKind::AlreadyExists(format!("there is a model {id} already")));
    }
    let experiment = model.experiment_id.as_key();
    let root = artifact_location(link, &model.experiment_id)?;
    let rest = format!("models/{id}/artifacts");
    let mut location = below(&root, &rest);
    if home.is_taken(&location, &model.artifact_location) {
        location = below(&beside(&root), &rest);
        home.make(&location)?;
    } else if root.contains(BESIDE) {
        home.make(&location)?;
    }
    link.execute(
        "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, \
         last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id, status_message) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1, 'active', ?7, ?6, NULL)",
        values![
            id,
            experiment,
            &model.name,
            &location,
            model.creation_time.unwrap_or_else(now_ms),
            model.source_run_id.as_ref().map(RunId::as_str),
            &model.model_type
        ],
    )?;
    let params: Vec<Value<'_>> = model
        .params
        .iter()
        .flat_map(|it| [id.into(), experiment.into(), Value::from(&it.key), (&it.value).into()])
        .collect();
    add(link, 4, &params, plainly("logged_model_params (model_id, experiment_id, param_key, param_value)"))?;
    let tags: Vec<Value<'_>> = model
        .tags
        .iter()
        .flat_map(|it| [id.into(), experiment.into(), Value::from(&it.key), (&it.value).into()])
        .collect();
    add(link, 4, &tags, plainly("logged_model_tags (model_id, experiment_id, tag_key, tag_value)"))?;
    let metrics: Vec<Value<'_>> = model
        .metrics
        .iter()
        .flat_map(|metric| {
            let (name, digest) = metric
                .dataset
                .as_ref()
                .map_or((None, None), |(name, digest)| (Some(name.as_str()), Some(digest.as_str())));
            [
                Value::from(id),
                (&metric.key).into(),
                metric.point.timestamp.into(),
                metric.point.step.into(),
                stored(metric.point.value).into(),
                experiment.into(),
                metric.run_id.as_str().into(),
                Value::Text(None),
                name.into(),
                digest.into(),
            ]
        })
        .collect();
    let into = "logged_model_metrics (model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, \
                experiment_id, run_id, dataset_uuid, dataset_name, dataset_digest)";
    let insert_new = link.dialect().insert_new;
    add(link, 10, &metrics, |rows| insert_new(into, rows))
}

/// Where a page of a history ended, as the table has it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Behind {
    step: i64,
    timestamp: i64,
    value: f64,
    is_nan: bool,
}

/// Points in the order of their steps, from where a page ended on.
pub fn history_page(link: &mut impl Link, id: &RunId, key: &str, from: &HistoryCursor) -> Inner<HistoryPage> {
    let index = link.history_index();
    let behind = from.get::<Behind>().copied();
    let condition = match behind {
        Some(_) => "AND (step, timestamp, value, is_nan) > (?3, ?4, ?5, ?6)",
        None => "",
    };
    let statement = format!(
        "SELECT step, timestamp, value, is_nan FROM metrics {index} WHERE run_uuid = ?1 AND key = ?2 {condition} \
         ORDER BY step, timestamp, value, is_nan LIMIT {PAGE}"
    );
    let mut last = None;
    let mut points = Vec::new();
    let mut take = |row: &dyn super::Cells| {
        let point = MetricPoint {
            step: row.int(0).unwrap_or(0),
            timestamp: row.int(1).unwrap_or(0),
            value: row.metric_value(2, 3),
        };
        points.push(point);
        let (value, is_nan) = (row.real(2), row.int(3) == Some(1));
        last = Some(Behind { step: point.step, timestamp: point.timestamp, value, is_nan });
        Ok(())
    };
    match behind {
        Some(Behind { step, timestamp, value, is_nan }) => {
            link.each(&statement, values![id.as_str(), key, step, timestamp, value, is_nan], &mut take)?;
        }
        None => link.each(&statement, values![id.as_str(), key], &mut take)?,
    }
    let next = last.filter(|_| points.len() == PAGE).map(HistoryCursor::new);
    Ok(HistoryPage { points, next })
}

/// All points of a run, unless it has more than so many.
pub fn points_of(link: &mut impl Link, id: &RunId, most: usize) -> Inner<Option<Vec<Metric>>> {
    let statement = format!(
        "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ?1 LIMIT {}",
        most.saturating_add(1)
    );
    let points = link.all(&statement, values![id.as_str()], |row| Metric {
        key: row.string(0),
        step: row.int(1).unwrap_or(0),
        timestamp: row.int(2).unwrap_or(0),
        value: row.metric_value(3, 4),
    })?;
    Ok((points.len() <= most).then_some(points))
}
