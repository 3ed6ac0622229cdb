//! What comes from another store, as it was there. A server of MLflow's gives ids out by itself: there every operation is
//! [`ErrorKind::Unsupported`].

use super::{Store, check_tags};
use crate::mlflow::{
    Experiment, ExperimentId, LoggedModel, Metric, ModelVersion, RegisteredModel, Run, RunId, RunInfo, limits,
};
use crate::store::{ErrorKind, HistoryCursor, HistoryPage, ImportedRun, Imports, Inner, Result};

impl Store {
    /// Whether things can come in with the ids and times that they had elsewhere.
    pub fn keeps_ids(&self) -> bool {
        self.backend.imports().is_some()
    }

    fn imports(&self) -> Inner<&dyn Imports> {
        self.backend
            .imports()
            .ok_or_else(|| ErrorKind::Unsupported("way to say which id something gets".into()))
    }

    /// Creates an active experiment with tags and times, under its own id where that is free here, and returns its id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] if one has the name, be it deleted; [`ErrorKind::Limit`].
    pub async fn import_experiment(&self, experiment: &Experiment) -> Result<ExperimentId> {
        let name = &experiment.name;
        let limits = limits::check_experiment_name(name).and_then(|()| check_tags(&experiment.tags));
        let work = async { self.imports()?.import_experiment(experiment).await };
        self.write(|| format!("create experiment {name:?}"), limits, work).await
    }

    /// Gives an experiment whose runs are all there the stage and the time that it had.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none of this id.
    pub async fn finish_experiment(&self, id: &ExperimentId, as_it_was: &Experiment) -> Result<()> {
        let work = async { self.imports()?.finish_experiment(id, as_it_was).await };
        self.write(|| format!("finish experiment {id}"), Ok(()), work).await
    }

    /// Creates runs, each whole with all that is given of it, or not at all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] if there is a run of one of these ids, [`ErrorKind::NotFound`] if there is no such
    /// experiment, [`ErrorKind::Limit`]. Of several runs some may be there then.
    pub async fn import_runs(&self, runs: &[ImportedRun]) -> Result<()> {
        let check = |one: &ImportedRun| {
            limits::check_batch(&one.points, &one.run.params, &one.run.tags)?;
            limits::check_inputs(&one.run.inputs)
        };
        let limits = runs.iter().try_for_each(check);
        let work = async { self.imports()?.import_runs(runs).await };
        let operation = || match runs {
            [one] => format!("create run {}", one.run.info.run_id),
            more => format!("create {} runs", more.len()),
        };
        self.write(operation, limits, work).await
    }

    /// Takes away what may be half of a history, where logging it again would not make it whole.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such run.
    pub async fn forget_history(&self, run: &RunId, key: &str) -> Result<()> {
        let work = async { self.imports()?.forget_history(run, key).await };
        self.write(|| format!("begin the history of {key:?} anew"), Ok(()), work).await
    }

    /// Gives a run the status, the end and the stage that it had, and takes the tag `mark` away, last.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such run.
    pub async fn finish_run(&self, as_it_was: &RunInfo, mark: &str) -> Result<()> {
        let work = async { self.imports()?.finish_run(as_it_was, mark).await };
        self.write(|| format!("finish run {}", as_it_was.run_id), Ok(()), work).await
    }

    /// Makes a store that never was, so that it can keep logged models: one for MLflow 3 alone.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub async fn begin_for_logged_models(&self) -> Result<()> {
        if self.is_begun() {
            return Ok(());
        }
        let work = async { self.imports()?.begin_for_logged_models().await };
        self.write(|| "begin a store".into(), Ok(()), work).await
    }

    /// Whether models of their own can be made here: since MLflow 3, and in what is not there yet.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn takes_logged_models(&self) -> Result<bool> {
        let work = async {
            if let Some(imports) = self.backend.imports() {
                return imports.imports_logged_models().await;
            }
            let Some(models) = self.backend.logged_models() else { return Ok(false) };
            match models.logged_models_in(&ExperimentId::from("0")).await {
                Err(ErrorKind::Unsupported(_)) => Ok(false),
                Ok(_) | Err(ErrorKind::NotFound(_)) => Ok(true),
                Err(error) => Err(error),
            }
        };
        self.call(|| "look for logged models".into(), work).await
    }

    /// Creates a model of its own under its own id; it is `PENDING` until it is finished. The experiment is the one that it
    /// comes into.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] before MLflow 3, [`ErrorKind::AlreadyExists`], [`ErrorKind::Limit`].
    pub async fn import_logged_model(&self, model: &LoggedModel) -> Result<()> {
        let work = async { self.imports()?.import_logged_model(model).await };
        self.write(|| format!("create model {}", model.model_id), check_tags(&model.tags), work).await
    }

    /// Adds a version to a registered model, under its own number and with all that is said of it but its aliases.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such model, [`ErrorKind::AlreadyExists`] if the number was given out,
    /// [`ErrorKind::Limit`].
    pub async fn import_model_version(&self, version: &ModelVersion) -> Result<()> {
        let work = async { self.imports()?.import_model_version(version).await };
        let tags = version.tags.iter().try_for_each(|tag| self.check_registry_tag(true, tag));
        let limits = tags.and_then(|()| limits::check_description(&version.description));
        let operation = || format!("add version {} to model {:?}", version.version, version.name);
        self.write(operation, limits, work).await
    }

    /// Gives a registered model the times that it had.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none of this name.
    pub async fn finish_registered_model(&self, as_it_was: &RegisteredModel) -> Result<()> {
        let work = async { self.imports()?.finish_registered_model(as_it_was).await };
        self.write(|| format!("finish model {:?}", as_it_was.name), Ok(()), work).await
    }

    /// Some of the points of a history: from its beginning, or from where a page ended on.
    ///
    /// # Errors
    ///
    /// As [`Self::metric_history`].
    pub async fn history_page(&self, id: &RunId, key: &str, from: &HistoryCursor) -> Result<HistoryPage> {
        let work = self.backend.history_page(id, key, from);
        self.call(|| format!("read the history of {key:?}"), work).await
    }

    /// All points of all metrics of each run; none for a run that has more than so many.
    ///
    /// # Errors
    ///
    /// As [`Self::metric_history`].
    pub async fn all_points(&self, runs: &[Run], most: usize) -> Result<Vec<Option<Vec<Metric>>>> {
        let work = self.backend.all_points(runs, most);
        self.call(|| format!("read the histories of {} runs", runs.len()), work).await
    }
}
