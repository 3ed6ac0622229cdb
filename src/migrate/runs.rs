//! Runs, with what they logged.

use std::collections::HashSet;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::Request;
use super::error::{Result, is_of_one, of_one};
use super::experiments::Work;
use super::histories;
use super::job::{FILES, Job};
use super::marks::{FROM, UNFINISHED, is_own};
use super::sums::point_key;
use crate::mlflow::filter::{Attribute, Direction, Field, OrderBy};
use crate::mlflow::limits::is_cut;
use crate::mlflow::{
    ExperimentId, LifecycleStage, Metric, Run, RunId, RunInfo, RunStatus, Tag, ViewType, tags,
};
use crate::store::pages::Pages;
use crate::store::{ErrorKind, FilesOf, ImportedRun, NewRun, RunSearch, RunUpdate, Store};

/// Points of a run that is copied in one go; of one with more, each history is, page by page. Tests have small ones.
pub const SMALL: usize = if cfg!(test) { 40 } else { 5_000 };
/// Points of runs that are written in one transaction.
const AT_ONCE: usize = 20_000;

/// Which runs are copied.
pub fn view(request: &Request) -> ViewType {
    if request.deleted { ViewType::All } else { ViewType::ActiveOnly }
}

/// Hands on all runs of an experiment, page by page, the oldest first: what is logged meanwhile comes behind.
pub async fn each_page(
    store: &Store,
    experiment: &ExperimentId,
    view: ViewType,
    mut take: impl AsyncFnMut(Vec<Run>) -> Result<()>,
) -> Result<()> {
    let start = Field::Attribute(Attribute::StartTime);
    let mut search = RunSearch {
        experiment_ids: vec![experiment.clone()],
        view,
        order_by: vec![OrderBy { field: start, direction: Direction::Ascending }],
        max_results: store.capabilities().page,
        ..RunSearch::default()
    };
    let mut pages = Pages::default();
    // Where runs come or go meanwhile, one can be on two pages.
    let mut seen: HashSet<RunId> = HashSet::new();
    loop {
        let page = store.search_runs(&search).await?;
        search.page_token = pages.follow(&page)?;
        let mut runs = page.runs;
        runs.retain(|run| seen.insert(run.info.run_id.clone()));
        take(runs).await?;
        if search.page_token.is_none() {
            return Ok(());
        }
    }
}

/// A run that is going to be copied.
struct Prepared {
    run: Run,
    /// All points, where they are few.
    points: Option<Vec<Metric>>,
    has_files: bool,
}

/// All points of runs, where they are few. Where they cannot be read of all at once, each run is asked for by itself.
pub async fn points_of(
    store: &Store,
    runs: &[Run],
) -> Result<Vec<std::result::Result<Option<Vec<Metric>>, String>>> {
    if let Ok(points) = of_one(store.all_points(runs, SMALL).await.map_err(Into::into))? {
        return Ok(points.into_iter().map(Ok).collect());
    }
    let mut found = Vec::with_capacity(runs.len());
    for run in runs {
        let points = store.all_points(std::slice::from_ref(run), SMALL).await.map_err(Into::into);
        found.push(of_one(points)?.map(|points| points.into_iter().next().flatten()));
    }
    Ok(found)
}

impl Job<'_> {
    /// Leaves out, and tells, runs that are in the source in part only: a copy into it was not ended.
    pub fn whole_ones(&self, runs: Vec<Run>) -> Vec<Run> {
        let (whole, parts): (Vec<Run>, Vec<Run>) =
            runs.into_iter().partition(|run| run.tag(UNFINISHED).is_none());
        for run in parts {
            let words = "it is not whole in the source: end the copy into that one first";
            self.problem(format!("run {}", run.info.run_id), words);
        }
        whole
    }

    /// The runs that are not there, or not whole. The others are noted.
    pub fn not_there(&self, work: &Work, runs: Vec<Run>) -> Vec<Run> {
        let mut state = self.state();
        let mut todo = Vec::with_capacity(runs.len());
        for run in runs {
            match work.known.get(&run.info.run_id) {
                Some(known) if !known.is_unfinished => {
                    state.ids.runs.insert(run.info.run_id.clone(), known.id.clone());
                    self.progress.run(1);
                }
                _ => todo.push(run),
            }
        }
        todo
    }

    /// Copies runs; parents before their children, where those are to know their new ids.
    pub async fn runs(&self, work: &Work, mut runs: Vec<Run>) -> Result<()> {
        while !runs.is_empty() {
            let waiting: HashSet<RunId> = runs.iter().map(|run| run.info.run_id.clone()).collect();
            let waits = |run: &Run| {
                let parent = run.tag(tags::PARENT_RUN_ID).filter(|id| *id != run.info.run_id.as_str());
                !self.keeps && parent.is_some_and(|id| waiting.contains(&RunId::from(id)))
            };
            let (later, now): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(waits);
            // Those that are each other's parents come as they are.
            let (now, later) = if now.is_empty() { (later, Vec::new()) } else { (now, later) };
            self.some_runs(work, now).await?;
            runs = later;
        }
        Ok(())
    }

    async fn some_runs(&self, work: &Work, runs: Vec<Run>) -> Result<()> {
        let mut read = Vec::with_capacity(runs.len());
        for (run, points) in runs.iter().zip(points_of(self.from, &runs).await?) {
            match points {
                Ok(points) => read.push((run.clone(), points)),
                Err(why) => {
                    self.problem(format!("run {}", run.info.run_id), why);
                    self.state().failed.insert(run.info.run_id.clone());
                    self.progress.run(1);
                }
            }
        }
        let listed = stream::iter(read).map(|(run, points)| async move {
            let has_files = self.has_files(&run).await?;
            Ok::<_, super::MigrateError>(Prepared { run, points, has_files })
        });
        let prepared: Vec<Prepared> =
            listed.buffered(self.from.capabilities().parallel_reads.max(1)).try_collect().await?;
        let is_simple = |one: &Prepared| {
            self.keeps
                && !one.has_files
                && one.points.is_some()
                && one.run.model_outputs.is_empty()
                && !work.known.contains_key(&one.run.info.run_id)
                && !work.models.has_some_of(&one.run.info.run_id)
        };
        let (simple, others): (Vec<Prepared>, Vec<Prepared>) = prepared.into_iter().partition(is_simple);
        let mut batch: Vec<ImportedRun> = Vec::new();
        let mut points = 0;
        for one in simple {
            let own = one.points.unwrap_or_default();
            points += own.len();
            batch.push(ImportedRun { run: self.renewed(&one.run, &work.target), points: own });
            if points > AT_ONCE {
                self.import(&work.target, std::mem::take(&mut batch)).await?;
                points = 0;
            }
        }
        self.import(&work.target, batch).await?;
        let copying = stream::iter(others).map(|one| async move {
            let id = one.run.info.run_id.clone();
            match of_one(self.whole_run(work, one).await)? {
                Ok(()) => self.state().copied.runs += 1,
                Err(why) => {
                    self.problem(format!("run {id}"), why);
                    self.state().failed.insert(id);
                }
            }
            self.progress.run(1);
            Ok::<_, super::MigrateError>(())
        });
        copying.buffer_unordered(self.side_by_side()).try_collect().await
    }

    /// Whether a run has files that are to be copied. What cannot be listed is told, and left out.
    async fn has_files(&self, run: &Run) -> Result<bool> {
        if !self.request.artifacts {
            return Ok(false);
        }
        let id = &run.info.run_id;
        match of_one(self.from.list_artifacts(id, "").await.map_err(Into::into))? {
            Ok(list) => Ok(!list.files.is_empty()),
            Err(why) => {
                self.problem(format!("{FILES}run {id}"), why);
                Ok(false)
            }
        }
    }

    /// A run as it is to be in the target, but for its models.
    fn renewed(&self, run: &Run, target: &ExperimentId) -> Run {
        let mut new = run.clone();
        new.inputs.retain(|input| !is_cut(input));
        if new.inputs.len() < run.inputs.len() {
            let words = "schema or profile are too long to be read whole; such data sets are left out";
            self.problem(format!("the data sets of run {}", run.info.run_id), words);
        }
        let state = self.state();
        new.info.experiment_id = target.clone();
        new.tags = run.tags.iter().filter(|tag| !is_own(&tag.key)).map(|tag| state.ids.tag(tag)).collect();
        new.metrics = Vec::new();
        new.model_outputs = Vec::new();
        new
    }

    /// Writes whole runs in one go.
    async fn import(&self, target: &ExperimentId, batch: Vec<ImportedRun>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        match self.to.import_runs(&batch).await {
            Ok(()) => batch.iter().for_each(|one| self.note(one)),
            Err(error) if is_of_one(&error.kind) => {
                // One of them is the cause.
                for one in batch {
                    self.import_one(target, one).await?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn import_one(&self, target: &ExperimentId, mut one: ImportedRun) -> Result<()> {
        let id = one.run.info.run_id.clone();
        let is_there = match self.to.get_run(&id).await {
            Ok(known) => known.info.experiment_id == *target,
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => false,
            Err(error) => return Err(error.into()),
        };
        if is_there {
            self.note(&one);
            return Ok(());
        }
        let mut done = self.to.import_runs(std::slice::from_ref(&one)).await;
        if let Err(error) = &done
            && matches!(error.kind, ErrorKind::Unsupported(_))
            && !one.run.inputs.is_empty()
        {
            self.problem(format!("the data sets of run {id}"), error.to_string());
            one.run.inputs = Vec::new();
            done = self.to.import_runs(std::slice::from_ref(&one)).await;
        }
        match of_one(done.map_err(Into::into))? {
            Ok(()) => self.note(&one),
            Err(why) => self.problem(format!("run {id}"), why),
        }
        Ok(())
    }

    fn note(&self, one: &ImportedRun) {
        let mut state = self.state();
        let id = &one.run.info.run_id;
        state.ids.runs.insert(id.clone(), id.clone());
        state.copied.runs += 1;
        state.copied.points += one.points.len() as u64;
        self.progress.points(one.points.len());
        self.progress.run(1);
    }

    /// Copies a run piece by piece; it is marked until all of them are there.
    async fn whole_run(&self, work: &Work, one: Prepared) -> Result<()> {
        let Prepared { run, points, has_files } = one;
        let old = &run.info.run_id;
        let known = work.known.get(old);
        let new = self.renewed(&run, &work.target);
        let id = match known {
            Some(known) => known.id.clone(),
            None => self.begin_run(&new, points.as_deref().unwrap_or_default()).await?,
        };
        self.state().ids.runs.insert(old.clone(), id.clone());
        if !self.keeps {
            // The same once more changes nothing.
            let named: Vec<Tag> = new.tags.iter().filter(|tag| tag.key != tags::RUN_NAME).cloned().collect();
            // Into one that was begun before come only those that it lacks.
            let points = points.as_deref().filter(|_| known.is_none()).unwrap_or_default();
            self.to.log_batch(&id, points, &new.params, &named).await?;
            if !new.inputs.is_empty() {
                self.to.log_inputs(&id, &new.inputs).await?;
            }
        }
        if self.keeps && known.is_some() {
            // What was logged since the copy was begun.
            self.to.log_batch(&id, &[], &new.params, &new.tags).await?;
        }
        match &points {
            Some(points) if known.is_none() => self.came(points.len()),
            Some(_) | None => {
                for metric in &run.metrics {
                    self.history(old, &metric.key, &id, known.is_some()).await?;
                }
            }
        }
        if has_files {
            self.copy_files(&FilesOf::Run(old.clone()), &FilesOf::Run(id.clone()), true).await?;
        }
        self.models_of(work, old, points.as_deref()).await?;
        self.outputs(&run, &id).await?;
        self.finish(&run.info, &id).await
    }

    fn came(&self, points: usize) {
        self.state().copied.points += points as u64;
        self.progress.points(points);
    }

    /// Makes a run that is not whole yet, and looks so.
    async fn begin_run(&self, new: &Run, points: &[Metric]) -> Result<RunId> {
        if self.keeps {
            let mut unfinished = new.clone();
            unfinished.info.status = RunStatus::Running;
            unfinished.info.end_time = None;
            unfinished.info.lifecycle_stage = LifecycleStage::Active;
            unfinished.tags.push(Tag::new(UNFINISHED, "1"));
            let one = ImportedRun { run: unfinished, points: points.to_vec() };
            self.to.import_runs(&[one]).await?;
            return Ok(new.info.run_id.clone());
        }
        let request = NewRun {
            experiment_id: new.info.experiment_id.clone(),
            run_name: Some(new.info.run_name.clone()).filter(|name| !name.is_empty()),
            user_id: new.info.user_id.clone(),
            start_time: new.info.start_time.unwrap_or(0),
            tags: vec![Tag::new(FROM, new.info.run_id.as_str()), Tag::new(UNFINISHED, "1")],
        };
        Ok(self.to.create_run(&request).await?.info.run_id)
    }

    /// Copies a history page by page. One that may be there in part is looked at first.
    async fn history(&self, old: &RunId, key: &str, id: &RunId, is_resumed: bool) -> Result<()> {
        let mut there = HashSet::new();
        if is_resumed {
            if histories::are_same((self.from, old), (self.to, id), key).await? {
                return Ok(());
            }
            there = histories::points(self.to, id, key).await?;
            let was = histories::points(self.from, old, key).await?;
            if !there.is_subset(&was) {
                let words = format!("the target has points of {key:?} that the source lacks: they stay");
                self.problem(format!("run {old}"), words);
            } else if self.keeps {
                self.to.forget_history(id, key).await?;
                // A database forgets nothing, and takes none twice.
                there.clear();
            }
        }
        histories::each_page(self.from, old, key, async |mut points| {
            points.retain(|point| !there.contains(&point_key(point)));
            let metrics: Vec<Metric> = points.into_iter().map(|point| point.of(key)).collect();
            self.to.log_batch(id, &metrics, &[], &[]).await?;
            self.came(metrics.len());
            Ok(())
        })
        .await
    }

    /// The models that a run made, as far as they are there.
    pub async fn outputs(&self, run: &Run, id: &RunId) -> Result<()> {
        if !self.request.models {
            return Ok(());
        }
        for output in &run.model_outputs {
            let model = self.state().ids.models.get(&output.model_id).cloned();
            if let Some(model) = model {
                self.to.log_model_output(id, &model, output.step).await?;
            }
        }
        Ok(())
    }

    /// Gives a run that is all there the status and the stage that it had. A server takes nothing more into a deleted run:
    /// there it keeps its mark until everything else is done.
    async fn finish(&self, was: &RunInfo, id: &RunId) -> Result<()> {
        if self.keeps {
            let own = RunInfo { run_id: id.clone(), ..was.clone() };
            self.to.finish_run(&own, UNFINISHED).await?;
            return Ok(());
        }
        let update = RunUpdate { status: Some(was.status), end_time: was.end_time, run_name: None };
        self.to.update_run(id, &update).await?;
        if was.lifecycle_stage == LifecycleStage::Active {
            self.unmark(id).await?;
        }
        Ok(())
    }

    /// Takes the mark of what is not whole away.
    pub async fn unmark(&self, id: &RunId) -> Result<()> {
        match self.to.delete_tag(id, UNFINISHED).await {
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => Ok(()),
            done => Ok(done?),
        }
    }
}
