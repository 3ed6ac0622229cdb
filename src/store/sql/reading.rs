//! Experiments and single runs.

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use super::search::{heaviness, stage_condition};
use super::{Cells, Layout, Link, Value, as_list, inputs, values};
use crate::mlflow::{
    Experiment, ExperimentId, LifecycleStage, Metric, ModelId, ModelOutput, Param, Run, RunId, RunInfo,
    RunStatus, Tag, ViewType, limits, tags,
};
use crate::store::{ErrorKind, Inner, RunCount};

/// Bytes of the params and tags of one run; from half of that on only the beginnings of long ones are read.
const HEAVY: usize = 64 << 20;
const BEGINNING: usize = 1_024;

/// The columns of a run's head, in the order that [`run_info`] reads.
pub const HEAD: &str =
    "run_uuid, experiment_id, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri";

/// The workspaces that are told of, and those that experiments are in.
pub fn workspaces(link: &mut impl Link) -> Inner<Vec<String>> {
    let Layout { workspace, workspaces, .. } = link.layout().clone();
    let mut names = Vec::new();
    let told = [
        (workspaces, "SELECT name FROM workspaces"),
        (workspace, "SELECT DISTINCT workspace FROM experiments"),
    ];
    for (_, statement) in told.into_iter().filter(|(is_there, _)| *is_there) {
        names.extend(link.all(statement, &[], |row| row.string(0))?);
    }
    Ok(names)
}

/// That there is the workspace that is open.
pub fn check_workspace(link: &mut impl Link) -> Inner<()> {
    let workspace = link.workspace().to_owned();
    if workspace == "default" || workspaces(link)?.contains(&workspace) {
        return Ok(());
    }
    Err(ErrorKind::Address(format!(
        "Workspace '{workspace}' not found (MLFLOW_WORKSPACE, or `workspace` in the profile)"
    )))
}

pub fn experiments(link: &mut impl Link, view: ViewType) -> Inner<Vec<Experiment>> {
    let mut by_key: HashMap<i64, Vec<Tag>> = HashMap::new();
    let statement =
        format!("SELECT experiment_id, key, {} FROM experiment_tags", (link.dialect().bounded)("value"));
    link.each(&statement, &[], &mut |row| {
        let tags = by_key.entry(row.int(0).unwrap_or(-1)).or_default();
        tags.push(Tag::new(row.text(1), row.text(2)));
        Ok(())
    })?;
    let statement = format!(
        "SELECT experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time \
         FROM experiments WHERE {} AND {}",
        stage_condition(view),
        link.layout().here()
    );
    let workspace = link.workspace().to_owned();
    let mut found = link.all(&statement, values![&workspace], |row| {
        let key = row.int(0).unwrap_or(-1);
        let mut tags = by_key.remove(&key).unwrap_or_default();
        tags.sort_by(|a, b| a.key.cmp(&b.key));
        let experiment = Experiment {
            experiment_id: ExperimentId(key.to_string()),
            name: row.string(1),
            artifact_location: row.string(2),
            lifecycle_stage: LifecycleStage::parse(&row.text(3)),
            creation_time: row.int(4),
            last_update_time: row.int(5),
            tags,
        };
        (key, experiment)
    })?;
    // What is misspelt would look like a store without anything.
    if found.is_empty() {
        check_workspace(link)?;
    }
    found.sort_by_key(|(key, experiment)| std::cmp::Reverse((experiment.creation_time, *key)));
    Ok(found.into_iter().map(|(_, experiment)| experiment).collect())
}

pub fn experiment(link: &mut impl Link, id: &ExperimentId) -> Inner<Experiment> {
    let all = experiments(link, ViewType::All)?;
    let found = all.into_iter().find(|experiment| experiment.experiment_id == *id);
    found.ok_or_else(|| ErrorKind::NotFound(format!("no experiment {id}")))
}

pub fn run_counts(link: &mut impl Link) -> Inner<HashMap<ExperimentId, RunCount>> {
    if link.dialect().sorts_groups {
        return run_counts_by_row(link);
    }
    let counts = link.all(
        "SELECT experiment_id, sum(CASE WHEN lifecycle_stage = 'active' THEN 1 ELSE 0 END), count(*), \
         max(start_time) FROM runs GROUP BY experiment_id",
        &[],
        |row| {
            let number = |at| row.int(at).unwrap_or(0).unsigned_abs();
            let active = number(1);
            let deleted = number(2).saturating_sub(active);
            (ExperimentId(row.string(0)), RunCount { active, deleted, last_start: row.int(3) })
        },
    )?;
    Ok(counts.into_iter().collect())
}

fn run_counts_by_row(link: &mut impl Link) -> Inner<HashMap<ExperimentId, RunCount>> {
    let mut counts: FxHashMap<i64, RunCount> = FxHashMap::default();
    link.each("SELECT experiment_id, lifecycle_stage, start_time FROM runs", &[], &mut |row| {
        let count = counts.entry(row.int(0).unwrap_or(-1)).or_default();
        if row.text(1) == "active" {
            count.active += 1;
        } else {
            count.deleted += 1;
        }
        count.last_start = count.last_start.max(row.int(2));
        Ok(())
    })?;
    Ok(counts.into_iter().map(|(key, count)| (ExperimentId(key.to_string()), count)).collect())
}

pub fn latest_experiment(link: &mut impl Link) -> Inner<Option<ExperimentId>> {
    let statement = link.dialect().latest_experiment;
    link.one(statement, &[], |row| ExperimentId(row.string(0)))
}

fn run_info(row: &dyn Cells) -> RunInfo {
    RunInfo {
        run_id: RunId(row.string(0)),
        experiment_id: ExperimentId(row.string(1)),
        run_name: row.string(2),
        user_id: row.string(3),
        status: row.text(4).parse().unwrap_or(RunStatus::Running),
        start_time: row.int(5),
        end_time: row.int(6),
        lifecycle_stage: LifecycleStage::parse(&row.text(7)),
        artifact_uri: row.string(8),
    }
}

pub fn run(link: &mut impl Link, id: &RunId) -> Inner<Run> {
    find_run(link, id)?.ok_or_else(|| ErrorKind::NotFound(format!("no run {id}")))
}

/// A run with all that it logged.
pub fn find_run(link: &mut impl Link, id: &RunId) -> Inner<Option<Run>> {
    Ok(find_runs(link, std::slice::from_ref(id), usize::MAX)?.0.pop())
}

/// Runs with all that they logged, in the order of their ids, but for those that are not there. Ends early where so many bytes
/// are read; of how many ids, it says.
pub fn find_runs(link: &mut impl Link, ids: &[RunId], enough: usize) -> Inner<(Vec<Run>, usize)> {
    let (mut found, mut weight, mut looked_at) = (Vec::with_capacity(ids.len()), 0, 0);
    let mut at_once = link.dialect().runs_at_once;
    while looked_at < ids.len() && weight <= enough {
        let chunk = &ids[looked_at..ids.len().min(looked_at + at_once)];
        let runs = match read_runs(link, chunk) {
            // What is too much for many is not for one.
            Err(ErrorKind::TooMuch(_)) if chunk.len() > 1 => {
                at_once = 1;
                continue;
            }
            runs => runs?,
        };
        weight += runs.iter().map(heaviness).sum::<usize>();
        found.extend(runs);
        looked_at += chunk.len();
    }
    Ok((found, looked_at))
}

/// What is read of several runs, by their place in the answer.
struct Gathered {
    runs: Vec<Run>,
    at: FxHashMap<String, usize>,
    /// Bytes of params and tags.
    weights: Vec<usize>,
    weight: usize,
}

impl Gathered {
    fn of(&self, row: &dyn Cells) -> Option<usize> {
        self.at.get(&*row.text(0)).copied()
    }
}

fn read_runs(link: &mut impl Link, ids: &[RunId]) -> Inner<Vec<Run>> {
    let list;
    // One run is looked up without a list.
    let (is_it, value) = if let [id] = ids {
        ("= ?1".to_owned(), id.as_str())
    } else {
        list = as_list(ids.iter().map(RunId::as_str));
        (format!("IN {}", (link.dialect().among)("?1")), list.as_str())
    };
    let value = values![value];
    let heads = link.all(&format!("SELECT {HEAD} FROM runs WHERE run_uuid {is_it}"), value, run_info)?;
    let mut by_id: FxHashMap<String, RunInfo> =
        heads.into_iter().map(|info| (info.run_id.as_str().to_owned(), info)).collect();
    let runs: Vec<Run> = ids
        .iter()
        .filter_map(|id| by_id.remove(id.as_str()))
        .map(|info| Run {
            info,
            metrics: Vec::new(),
            params: Vec::new(),
            tags: Vec::new(),
            inputs: Vec::new(),
            model_outputs: Vec::new(),
        })
        .collect();
    if runs.is_empty() {
        return Ok(runs);
    }
    let at = runs.iter().enumerate().map(|(at, run)| (run.info.run_id.as_str().to_owned(), at)).collect();
    let mut gathered = Gathered { weights: vec![0; runs.len()], weight: 0, runs, at };
    metrics(link, &is_it, value, &mut gathered)?;
    pairs(link, "params", &is_it, value, &mut gathered, |run, key, value| {
        run.params.push(Param { key, value });
    })?;
    pairs(link, "tags", &is_it, value, &mut gathered, |run, key, value| run.tags.push(Tag { key, value }))?;
    if link.layout().datasets {
        inputs::of_runs(link, &is_it, value, |row, input| {
            if let Some(at) = gathered.of(row) {
                gathered.runs[at].inputs.push(input);
            }
        })?;
    }
    if link.layout().logged_models {
        model_outputs(link, &is_it, value, &mut gathered)?;
    }
    gathered.runs.iter_mut().for_each(put_in_order);
    Ok(gathered.runs)
}

fn put_in_order(run: &mut Run) {
    run.metrics.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    run.params.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    run.tags.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    run.inputs
        .sort_by(|a, b| (&a.dataset.name, &a.dataset.digest).cmp(&(&b.dataset.name, &b.dataset.digest)));
    run.model_outputs.sort_by(|a, b| a.model_id.cmp(&b.model_id));
    // Before MLflow 1.30 the name was kept in the tag alone.
    if run.info.run_name.is_empty()
        && let Some(tag) = run.tags.iter().find(|tag| tag.key == tags::RUN_NAME)
    {
        run.info.run_name.clone_from(&tag.value);
    }
}

fn metrics(link: &mut impl Link, is_it: &str, value: &[Value<'_>], into: &mut Gathered) -> Inner<()> {
    let statement = format!(
        "SELECT run_uuid, key, value, is_nan, timestamp, step FROM latest_metrics WHERE run_uuid {is_it}"
    );
    link.each(&statement, value, &mut |row| {
        if let Some(at) = into.of(row) {
            into.runs[at].metrics.push(Metric {
                key: row.string(1),
                value: row.metric_value(2, 3),
                timestamp: row.int(4).unwrap_or(0),
                step: row.int(5).unwrap_or(0),
            });
        }
        Ok(())
    })
}

fn pairs(
    link: &mut impl Link,
    table: &str,
    is_it: &str,
    value: &[Value<'_>],
    into: &mut Gathered,
    add: impl Fn(&mut Run, String, String),
) -> Inner<()> {
    let statement = format!(
        "SELECT run_uuid, key, {} FROM {table} WHERE run_uuid {is_it}",
        (link.dialect().bounded)("value")
    );
    link.each(&statement, value, &mut |row| {
        let Some(at) = into.of(row) else { return Ok(()) };
        let (key, value, weight) = (row.string(1), row.text(2), &mut into.weights[at]);
        // Of too much, beginnings.
        let value = if *weight > HEAVY / 2 { limits::cut(&value, BEGINNING) } else { value };
        let more = key.len() + value.len() + 64;
        *weight += more;
        into.weight += more;
        if into.weight > HEAVY {
            let id = &into.runs[at].info.run_id;
            let words = format!("run {id} has more than {} MB of params and tags", HEAVY >> 20);
            return Err(ErrorKind::TooMuch(words));
        }
        add(&mut into.runs[at], key, value.into_owned());
        Ok(())
    })
}

fn model_outputs(link: &mut impl Link, is_it: &str, value: &[Value<'_>], into: &mut Gathered) -> Inner<()> {
    let statement = format!(
        "SELECT source_id, destination_id, step FROM inputs WHERE source_type = 'RUN_OUTPUT' \
         AND source_id {is_it} AND destination_type = 'MODEL_OUTPUT'"
    );
    link.each(&statement, value, &mut |row| {
        if let Some(at) = into.of(row) {
            let output = ModelOutput { model_id: ModelId(row.string(1)), step: row.int(2).unwrap_or(0) };
            into.runs[at].model_outputs.push(output);
        }
        Ok(())
    })
}
