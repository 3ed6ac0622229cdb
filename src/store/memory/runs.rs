//! Experiments and runs: what they are and what they log.

use std::cmp::Ordering;

use uuid::Uuid;

use super::{Inner, State, missing};
use crate::mlflow::{
    DatasetInput, Experiment, ExperimentId, LifecycleStage, Metric, MetricPoint, Param, Run, RunId, RunInfo,
    RunStatus, Tag, ViewType, names, tags,
};
use crate::store::batch::whole_runs;
use crate::store::pages::{offset_of, token_at};
use crate::store::sorting::order;
use crate::store::{Changes, ErrorKind, NewRun, RunPage, RunSearch, RunUpdate, Scan, by_step, now_ms};

/// MLflow's largest page.
const MAX_RESULTS: usize = 50_000;

/// Sets a tag, in key order.
pub fn set(tags: &mut Vec<Tag>, tag: &Tag) {
    match tags.binary_search_by(|known| known.key.cmp(&tag.key)) {
        Ok(at) => tags[at].value.clone_from(&tag.value),
        Err(at) => tags.insert(at, tag.clone()),
    }
}

fn take(tags: &mut Vec<Tag>, key: &str) -> bool {
    let count = tags.len();
    tags.retain(|tag| tag.key != key);
    tags.len() < count
}

/// Whether a point comes after another: by step, time and value, and NaN as the 0 that MLflow keeps for it.
fn is_later(a: &MetricPoint, b: &MetricPoint) -> bool {
    let value = |point: &MetricPoint| if point.value.is_nan() { 0.0 } else { point.value };
    let order = (a.step, a.timestamp).cmp(&(b.step, b.timestamp));
    order.then(value(a).total_cmp(&value(b))) == Ordering::Greater
}

impl State {
    pub fn experiment(&self, id: &ExperimentId) -> Inner<&Experiment> {
        let found = self.experiments.iter().find(|known| known.experiment_id == *id);
        found.ok_or_else(|| missing(&format!("experiment {id}")))
    }

    fn active_experiment(&mut self, id: &ExperimentId) -> Inner<&mut Experiment> {
        let found = self.experiments.iter_mut().find(|known| known.experiment_id == *id);
        let found = found.ok_or_else(|| missing(&format!("experiment {id}")))?;
        if found.lifecycle_stage == LifecycleStage::Deleted {
            return Err(ErrorKind::Invalid(format!("experiment {id} is deleted: restore it first")));
        }
        Ok(found)
    }

    fn refuse_taken(&self, name: &str) -> Inner<()> {
        if self.experiments.iter().any(|known| known.name == name) {
            return Err(ErrorKind::AlreadyExists(format!("experiment {name:?} already exists")));
        }
        Ok(())
    }

    pub fn create_experiment(&mut self, name: &str, tags: &[Tag]) -> Inner<ExperimentId> {
        self.refuse_taken(name)?;
        let id = ExperimentId(self.experiments.len().to_string());
        let now = Some(now_ms());
        let mut made = Experiment {
            artifact_location: format!("memory:/{id}"),
            experiment_id: id.clone(),
            name: name.to_owned(),
            lifecycle_stage: LifecycleStage::Active,
            creation_time: now,
            last_update_time: now,
            tags: Vec::new(),
        };
        for tag in tags {
            set(&mut made.tags, tag);
        }
        self.experiments.push(made);
        Ok(id)
    }

    pub fn rename_experiment(&mut self, id: &ExperimentId, name: &str) -> Inner<()> {
        if self.active_experiment(id)?.name != name {
            self.refuse_taken(name)?;
        }
        name.clone_into(&mut self.active_experiment(id)?.name);
        Ok(())
    }

    /// Deletes or restores an experiment, and with it all its runs.
    pub fn stage_experiment(&mut self, id: &ExperimentId, stage: LifecycleStage) -> Inner<()> {
        if self.experiment(id)?.lifecycle_stage == stage {
            return Err(missing(&format!("experiment {id} that is not {} already", stage.as_str())));
        }
        for known in self.experiments.iter_mut().filter(|known| known.experiment_id == *id) {
            known.lifecycle_stage = stage;
        }
        self.writes += 1;
        for held in self.runs.values_mut().filter(|held| held.run.info.experiment_id == *id) {
            held.run.info.lifecycle_stage = stage;
            held.written = self.writes;
        }
        Ok(())
    }

    pub fn tag_experiment(&mut self, id: &ExperimentId, tag: &Tag) -> Inner<()> {
        set(&mut self.active_experiment(id)?.tags, tag);
        Ok(())
    }

    pub fn untag_experiment(&mut self, id: &ExperimentId, key: &str) -> Inner<()> {
        let is_gone = take(&mut self.active_experiment(id)?.tags, key);
        is_gone.then_some(()).ok_or_else(|| missing(&format!("tag {key:?} of experiment {id}")))
    }

    pub fn create_run(&mut self, new: &NewRun) -> Inner<Run> {
        let root = self.active_experiment(&new.experiment_id)?.artifact_location.clone();
        let random = Uuid::new_v4();
        let id = RunId(random.simple().to_string());
        let tagged = new.tags.iter().find(|tag| tag.key == tags::RUN_NAME).map(|tag| tag.value.clone());
        let given = new.run_name.clone().filter(|name| !name.is_empty());
        if let (Some(given), Some(tagged)) = (&given, &tagged)
            && given != tagged
        {
            return Err(ErrorKind::Invalid(format!(
                "the run name {given:?} and the tag mlflow.runName {tagged:?} differ; give only one"
            )));
        }
        let name = given.or(tagged).unwrap_or_else(|| names::run_name(random.as_u64_pair().0));
        let info = RunInfo {
            artifact_uri: format!("{root}/{id}/artifacts"),
            run_id: id.clone(),
            experiment_id: new.experiment_id.clone(),
            run_name: name.clone(),
            user_id: new.user_id.clone(),
            status: RunStatus::Running,
            start_time: Some(new.start_time),
            end_time: None,
            lifecycle_stage: LifecycleStage::Active,
        };
        let mut run = Run {
            info,
            metrics: Vec::new(),
            params: Vec::new(),
            tags: Vec::new(),
            inputs: Vec::new(),
            model_outputs: Vec::new(),
        };
        new.tags.iter().chain([&Tag::new(tags::RUN_NAME, name)]).for_each(|tag| set(&mut run.tags, tag));
        self.runs.insert(id.clone(), super::StoredRun::new(run.clone()));
        self.change(&id)?;
        Ok(run)
    }

    pub fn run(&self, id: &RunId) -> Inner<&Run> {
        self.runs.get(id).map(|held| &held.run).ok_or_else(|| missing(&format!("run {id}")))
    }

    pub fn held(&self, id: &RunId) -> Inner<&super::StoredRun> {
        self.runs.get(id).ok_or_else(|| missing(&format!("run {id}")))
    }

    /// A run that is about to be written to.
    pub fn change(&mut self, id: &RunId) -> Inner<&mut super::StoredRun> {
        let held = self.runs.get_mut(id).ok_or_else(|| missing(&format!("run {id}")))?;
        self.writes += 1;
        held.written = self.writes;
        Ok(held)
    }

    fn active_run(&mut self, id: &RunId) -> Inner<&mut super::StoredRun> {
        let held = self.change(id)?;
        if held.run.info.lifecycle_stage == LifecycleStage::Deleted {
            return Err(ErrorKind::Invalid(format!("run {id} is deleted: restore it first")));
        }
        Ok(held)
    }

    pub fn log_batch(&mut self, id: &RunId, metrics: &[Metric], params: &[Param], new: &[Tag]) -> Inner<()> {
        let held = self.active_run(id)?;
        for param in params {
            let known = held.run.params.iter().find(|known| known.key == param.key);
            if let Some(known) = known.filter(|known| known.value != param.value) {
                return Err(ErrorKind::Invalid(format!(
                    "param {:?} is already {:?} and cannot become {:?}; MLflow params cannot be changed",
                    param.key, known.value, param.value
                )));
            }
        }
        for param in params {
            if let Err(at) = held.run.params.binary_search_by(|known| known.key.cmp(&param.key)) {
                held.run.params.insert(at, param.clone());
            }
        }
        for metric in metrics {
            held.log(metric);
        }
        for tag in new {
            set(&mut held.run.tags, tag);
            if tag.key == tags::RUN_NAME {
                held.run.info.run_name.clone_from(&tag.value);
            }
        }
        Ok(())
    }

    pub fn untag_run(&mut self, id: &RunId, key: &str) -> Inner<()> {
        let is_gone = take(&mut self.active_run(id)?.run.tags, key);
        is_gone.then_some(()).ok_or_else(|| missing(&format!("tag {key:?} of run {id}")))
    }

    pub fn log_inputs(&mut self, id: &RunId, inputs: &[DatasetInput]) -> Inner<()> {
        let held = self.active_run(id)?;
        for input in inputs {
            let is_it = |known: &DatasetInput| {
                (&known.dataset.name, &known.dataset.digest) == (&input.dataset.name, &input.dataset.digest)
            };
            if !held.run.inputs.iter().any(is_it) {
                held.run.inputs.push(input.clone());
            }
        }
        Ok(())
    }

    pub fn update_run(&mut self, id: &RunId, update: &RunUpdate) -> Inner<()> {
        let held = self.active_run(id)?;
        let info = &mut held.run.info;
        info.status = update.status.unwrap_or(info.status);
        info.end_time = update.end_time.or(info.end_time);
        if let Some(name) = update.run_name.as_deref().filter(|name| !name.is_empty()) {
            self.log_batch(id, &[], &[], &[Tag::new(tags::RUN_NAME, name)])?;
        }
        Ok(())
    }

    pub fn stage_run(&mut self, id: &RunId, stage: LifecycleStage) -> Inner<()> {
        self.change(id)?.run.info.lifecycle_stage = stage;
        Ok(())
    }

    pub fn search(&self, search: &RunSearch) -> Inner<RunPage> {
        if !(1..=MAX_RESULTS).contains(&search.max_results) {
            return Err(ErrorKind::Invalid(format!(
                "max_results is {}, and must be 1 to {MAX_RESULTS}",
                search.max_results
            )));
        }
        let mut found = self.runs_of(&search.experiment_ids, search.view);
        found.retain(|run| search.filter.matches(run));
        found.sort_by(|a, b| order(&search.order_by, a, b));
        let start = search.page_token.as_deref().map_or(Ok(0), offset_of)?;
        let end = start.saturating_add(search.max_results);
        let next_page_token = (end < found.len()).then(|| token_at(end));
        let runs = found.into_iter().skip(start).take(search.max_results).cloned().collect();
        Ok(RunPage { runs, next_page_token })
    }

    /// All runs of a scan.
    pub fn runs_in(&self, scan: &Scan) -> Vec<&Run> {
        self.runs_of(std::slice::from_ref(&scan.experiment_id), scan.view)
    }

    /// The runs of a scan that were written to since so many writes, and those that are in view no more.
    pub fn changes(&self, scan: &Scan, seen: u64) -> Changes {
        let of_experiment = |held: &&super::StoredRun| held.run.info.experiment_id == scan.experiment_id;
        let written = self.runs.values().filter(|held| held.written > seen).filter(of_experiment);
        let is_in_view = |run: &&Run| scan.view.contains(run.info.lifecycle_stage);
        let (here, gone): (Vec<&Run>, Vec<&Run>) = written.map(|held| &held.run).partition(is_in_view);
        Changes {
            batches: if here.is_empty() { Vec::new() } else { vec![whole_runs(here)] },
            removed: gone.into_iter().map(|run| run.info.run_id.clone()).collect(),
            touched: self.writes > seen,
            reload: false,
        }
    }

    /// Newest first.
    pub fn runs_of(&self, experiments: &[ExperimentId], view: ViewType) -> Vec<&Run> {
        let all = self.runs.values().map(|held| &held.run);
        let mut found: Vec<&Run> = all
            .filter(|run| experiments.contains(&run.info.experiment_id))
            .filter(|run| view.contains(run.info.lifecycle_stage))
            .collect();
        found.sort_by(|a, b| order(&[], a, b));
        found
    }
}

impl super::StoredRun {
    fn log(&mut self, metric: &Metric) {
        let point = MetricPoint { step: metric.step, timestamp: metric.timestamp, value: metric.value };
        let history = self.histories.entry(metric.key.clone()).or_default();
        // The same point twice is one.
        if history.iter().any(|known| by_step(known, &point) == Ordering::Equal) {
            return;
        }
        history.push(point);
        history.sort_by(by_step);
        let latest = history
            .iter()
            .copied()
            .fold(point, |latest, other| if is_later(&other, &latest) { other } else { latest });
        let latest = Metric {
            key: metric.key.clone(),
            value: latest.value,
            timestamp: latest.timestamp,
            step: latest.step,
        };
        match self.run.metrics.binary_search_by(|known| known.key.cmp(&metric.key)) {
            Ok(at) => self.run.metrics[at] = latest,
            Err(at) => self.run.metrics.insert(at, latest),
        }
    }
}
