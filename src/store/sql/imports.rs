//! What comes from another store into a database.

use async_trait::async_trait;

use super::place::Place;
use super::{Link as _, SqlStore, importing, registry};
use crate::mlflow::{Experiment, ExperimentId, LoggedModel, ModelVersion, RegisteredModel, RunId, RunInfo};
use crate::store::{ImportedRun, Imports, Inner};

#[async_trait]
impl<P: Place> Imports for SqlStore<P> {
    async fn import_experiment(&self, experiment: &Experiment) -> Inner<ExperimentId> {
        let (experiment, home) = (experiment.clone(), self.place.home().clone());
        self.write(move |db| importing::experiment(db, &home, &experiment)).await
    }

    async fn finish_experiment(&self, id: &ExperimentId, as_it_was: &Experiment) -> Inner<()> {
        let (id, as_it_was) = (id.clone(), as_it_was.clone());
        self.write(move |db| importing::finish_experiment(db, &id, &as_it_was)).await
    }

    async fn import_runs(&self, runs: &[ImportedRun]) -> Inner<()> {
        let (runs, home) = (runs.to_vec(), self.place.home().clone());
        self.write(move |db| importing::runs(db, &home, &runs)).await
    }

    async fn forget_history(&self, _: &RunId, _: &str) -> Inner<()> {
        // A point that is there is not added once more.
        Ok(())
    }

    async fn finish_run(&self, as_it_was: &RunInfo, mark: &str) -> Inner<()> {
        let (as_it_was, mark) = (as_it_was.clone(), mark.to_owned());
        self.write(move |db| importing::finish_run(db, &as_it_was, &mark)).await
    }

    async fn imports_logged_models(&self) -> Inner<bool> {
        Ok(!self.place.is_begun() || self.read(|db| Ok(db.layout().logged_models)).await?)
    }

    async fn begin_for_logged_models(&self) -> Inner<()> {
        self.ask(P::begin_for_logged_models).await
    }

    async fn import_logged_model(&self, model: &LoggedModel) -> Inner<()> {
        let (model, home) = (model.clone(), self.place.home().clone());
        self.write(move |db| importing::logged_model(db, &home, &model)).await
    }

    async fn import_model_version(&self, version: &ModelVersion) -> Inner<()> {
        let version = version.clone();
        self.write(move |db| registry::import_version(db, &version)).await
    }

    async fn finish_registered_model(&self, as_it_was: &RegisteredModel) -> Inner<()> {
        let as_it_was = as_it_was.clone();
        self.write(move |db| registry::date_model(db, &as_it_was)).await
    }
}
