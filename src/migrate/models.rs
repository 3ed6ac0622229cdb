//! Models as entities of their own (MLflow 3), with their files.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::error::{Result, of_one};
use super::experiments::Work;
use super::job::Job;
use super::marks::{FROM, is_own};
use super::plan::Place;
use crate::mlflow::{Dataset, ExperimentId, LoggedModel, Metric, ModelId, ModelMetric, RunId, Tag, tags};
use crate::store::{ErrorKind, FilesOf, NewModel, Store};

/// The models of an experiment, here and there.
#[derive(Debug, Default)]
pub struct Models {
    pub source: Vec<LoggedModel>,
    made_by: HashSet<RunId>,
    /// What is there, by the ids that they had.
    known: HashMap<ModelId, LoggedModel>,
}

pub async fn logged_models(store: &Store, experiment: &ExperimentId) -> Result<Vec<LoggedModel>> {
    match store.logged_models_in(experiment).await {
        Err(error) if matches!(error.kind, ErrorKind::Unsupported(_)) => Ok(Vec::new()),
        models => Ok(models?),
    }
}

/// The models of an experiment of the target, by the ids that they had.
pub async fn known_models(to: &Store, target: &ExperimentId) -> Result<HashMap<ModelId, LoggedModel>> {
    let models = logged_models(to, target).await?.into_iter();
    let was = |model: &LoggedModel| {
        let mark = model.tags.iter().find(|tag| tag.key == FROM);
        mark.map_or_else(|| model.model_id.clone(), |mark| ModelId(mark.value.clone()))
    };
    Ok(models.map(|model| (was(&model), model)).collect())
}

impl Models {
    pub async fn find(
        job: &Job<'_>,
        source: &ExperimentId,
        target: &ExperimentId,
        place: &Place,
    ) -> Result<Self> {
        if !job.request.models {
            return Ok(Self::default());
        }
        let found = logged_models(job.from, source).await?;
        let made_by = found.iter().filter_map(|model| model.source_run_id.clone()).collect();
        let known = match place {
            Place::Known(_) | Place::Joined(_) if !found.is_empty() => known_models(job.to, target).await?,
            Place::New | Place::Known(_) | Place::Joined(_) => HashMap::new(),
        };
        Ok(Self { source: found, made_by, known })
    }

    pub fn has_some_of(&self, run: &RunId) -> bool {
        self.made_by.contains(run)
    }
}

/// Whether the server itself keeps a tag of a model.
pub fn is_kept_by_server(key: &str) -> bool {
    is_own(key) || key == tags::MODEL_VERSIONS
}

impl Job<'_> {
    /// Copies the models that a run made. `points` are those of the run, where they are few.
    pub async fn models_of(&self, work: &Work, run: &RunId, points: Option<&[Metric]>) -> Result<()> {
        for model in work.models.source.iter().filter(|model| model.source_run_id.as_ref() == Some(run)) {
            self.model(work, model, points).await?;
        }
        Ok(())
    }

    /// Copies the models that no run has brought.
    pub async fn other_models(&self, work: &Work) -> Result<()> {
        for model in &work.models.source {
            if self.state().ids.models.contains_key(&model.model_id) {
                continue;
            }
            match of_one(self.model(work, model, None).await)? {
                Ok(()) => {}
                Err(why) => self.problem(format!("logged model {}", model.model_id), why),
            }
        }
        Ok(())
    }

    async fn model(&self, work: &Work, model: &LoggedModel, points: Option<&[Metric]>) -> Result<()> {
        let old = &model.model_id;
        let known = work.models.known.get(old);
        let id = match known {
            Some(known) => known.model_id.clone(),
            None => self.new_model(work, model).await?,
        };
        self.state().ids.models.insert(old.clone(), id.clone());
        let is_whole = known.is_some_and(|known| known.status != "PENDING" || model.status == "PENDING");
        if is_whole {
            return Ok(());
        }
        if !self.keeps {
            let known = known.map_or(&[][..], |known| known.metrics.as_slice());
            self.model_metrics(model, (&id, known), points).await?;
        }
        if self.request.artifacts {
            self.copy_files(&FilesOf::Model(old.clone()), &FilesOf::Model(id.clone()), true).await?;
        }
        if model.status != "PENDING" {
            self.to.finish_logged_model(&id, model.status == "READY").await?;
        }
        self.state().copied.models += 1;
        Ok(())
    }

    async fn new_model(&self, work: &Work, model: &LoggedModel) -> Result<ModelId> {
        let (run, mut kept): (Option<RunId>, Vec<Tag>) = {
            let state = self.state();
            let run = model.source_run_id.as_ref();
            let run = run.map(|run| state.ids.runs.get(run).unwrap_or(run).clone());
            let own = model.tags.iter().filter(|tag| !is_own(&tag.key));
            (run, own.map(|tag| state.ids.tag(tag)).collect())
        };
        if self.keeps {
            let new = LoggedModel {
                experiment_id: work.target.clone(),
                source_run_id: run,
                tags: kept,
                ..model.clone()
            };
            self.to.import_logged_model(&new).await?;
            return Ok(model.model_id.clone());
        }
        // The server adds those by itself.
        kept.retain(|tag| !is_kept_by_server(&tag.key));
        kept.push(Tag::new(FROM, model.model_id.as_str()));
        let new = NewModel {
            experiment_id: work.target.clone(),
            name: model.name.clone(),
            model_type: model.model_type.clone(),
            source_run_id: run.unwrap_or_else(|| RunId(String::new())),
            params: model.params.clone(),
            tags: kept,
        };
        Ok(self.to.create_logged_model(&new).await?.model_id)
    }

    /// Logs what was logged of a model, run by run and data set by data set. A server takes it by way of the run, which has to
    /// be there and not deleted.
    pub async fn model_metrics(
        &self,
        model: &LoggedModel,
        (id, known): (&ModelId, &[ModelMetric]),
        points: Option<&[Metric]>,
    ) -> Result<()> {
        type Group<'a> = (&'a RunId, &'a Option<(String, String)>);
        let mut groups: BTreeMap<Group<'_>, Vec<Metric>> = BTreeMap::new();
        let key = |it: &ModelMetric| (it.point.step, it.point.timestamp);
        for metric in &model.metrics {
            let is_it = |it: &ModelMetric| it.key == metric.key && key(it) == key(metric);
            if known.iter().any(|it| is_it(it) && it.dataset == metric.dataset) {
                continue;
            }
            let group = groups.entry((&metric.run_id, &metric.dataset)).or_default();
            group.push(as_logged(metric, points.unwrap_or_default()));
        }
        for ((run, dataset), metrics) in groups {
            let Some(run) = self.state().ids.runs.get(run).cloned() else { continue };
            let dataset = dataset.as_ref().map(|(name, digest)| Dataset {
                name: name.clone(),
                digest: digest.clone(),
                source_type: String::new(),
                source: String::new(),
                schema: None,
                profile: None,
            });
            self.to.log_model_metrics(&run, id, &metrics, dataset.as_ref()).await?;
        }
        Ok(())
    }
}

/// A value of a model as its run logged it: MLflow keeps NaN as 0 with a model.
fn as_logged(metric: &ModelMetric, points: &[Metric]) -> Metric {
    let own = metric.point.of(&metric.key);
    let is_nan = points.iter().any(|point| {
        point.key == own.key
            && (point.step, point.timestamp) == (own.step, own.timestamp)
            && point.value.is_nan()
    });
    let was_zero = own.value.to_bits() == 0;
    Metric { value: if is_nan && was_zero { f64::NAN } else { own.value }, ..own }
}
