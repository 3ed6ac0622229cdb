//! What is logged of a model: what the test says of it, and the model as MLflow packs it.

use futures_util::future::{join_all, join3, try_join_all};

use super::kept::ModelSignature;
use super::package::{Packing, files, history};
use super::{Recorder, is_transient, params};
use crate::mlflow::{Metric, Param, RunId, Tag, tags};
use crate::store::{ErrorKind, NewModel, Result, StoreError};
use crate::sweep::engine::unkept::{MODEL_NAME, Unkept};

impl Recorder {
    /// What came of logging the model of a trial with the metrics of its test: where the store has no models of their own, it goes
    /// among the run's artifacts. The metrics are logged even where the model is not taken.
    pub(super) async fn model(
        &mut self,
        (trial, at): (usize, i64),
        run: &RunId,
        metrics: &[Metric],
        (onnx, signature): (Vec<u8>, ModelSignature),
        mut logged: Result<()>,
    ) -> Result<Option<Unkept>> {
        if matches!(&logged, Err(error) if matches!(error.kind, ErrorKind::Unsupported(_))) {
            let uuid = self.uuid_of(trial);
            let packing = Packing { run: run.as_str(), model: None, uuid: &uuid, at };
            self.fail_models(run).await?;
            logged = self.among_artifacts(&packing, &signature, onnx, run).await;
            if logged.is_ok() {
                logged = self
                    .log(run, metrics, &[], &[Tag::new(tags::MODEL_HISTORY, history(&packing, &signature))])
                    .await;
            }
        }
        let is_logged = logged.is_ok();
        let unkept = self.refused(Some(trial), run, MODEL_NAME, logged).await?;
        if !is_logged {
            self.fail_models(run).await?;
            self.log(run, metrics, &[], &[]).await?;
        }
        Ok(unkept)
    }

    /// Nobody waits for models of a run whose files did not arrive.
    pub(super) async fn fail_models(&self, run: &RunId) -> Result<()> {
        let failed = async {
            for model in self.store.logged_models_of(&self.sweep.experiment, run).await? {
                if model.status == "PENDING" {
                    self.store.finish_logged_model(&model.model_id, false).await?;
                }
            }
            Ok::<_, StoreError>(())
        };
        match failed.await {
            Err(error) if !is_transient(&error.kind) => {
                tracing::debug!(%error, "no models to be given up");
                Ok(())
            }
            result => result,
        }
    }

    async fn among_artifacts(
        &self,
        packing: &Packing<'_>,
        signature: &ModelSignature,
        onnx: Vec<u8>,
        run: &RunId,
    ) -> Result<()> {
        let mut files = files(packing, signature, onnx);
        let last = files.pop();
        let write = async |(name, content): &(&str, Vec<u8>)| {
            self.store.write_artifact(run, &format!("model/{name}"), content).await
        };
        try_join_all(files.iter().map(write)).await?;
        try_join_all(last.iter().map(write)).await.map(drop)
    }

    pub(super) fn params_of(&self, trial: usize) -> Vec<Param> {
        let proposal = self.state.trials[trial].proposal.as_ref();
        proposal.map_or(Vec::new(), |proposal| params(self.sweep.names.trial_params(proposal)))
    }

    /// Logs the model of a trial as an entity of its own, with the metrics of its test.
    pub(super) async fn own_model(
        &self,
        trial: usize,
        packing: &Packing<'_>,
        (onnx, signature): (&[u8], &ModelSignature),
        run: &RunId,
        metrics: &[Metric],
    ) -> Result<()> {
        // Nobody but this process has made a model of a run that it made itself, and no answer was lost.
        let known = if self.searches {
            self.store.logged_models_of(&self.sweep.experiment, run).await?
        } else {
            Vec::new()
        };
        let model = match known.into_iter().find(|model| model.name == "model") {
            Some(model) => model,
            None => {
                let new = NewModel {
                    experiment_id: self.sweep.experiment.clone(),
                    name: "model".into(),
                    model_type: String::new(),
                    source_run_id: run.clone(),
                    params: self.params_of(trial),
                    tags: self.sweep.origin(),
                };
                self.store.create_logged_model(&new).await?
            }
        };
        let packing = Packing { model: Some(model.model_id.as_str()), ..*packing };
        let mut files = files(&packing, signature, onnx.to_vec());
        let last = files.pop();
        let write = async |(name, content): &(&str, Vec<u8>)| {
            self.store.write_model_file(&model, name, content).await
        };
        let dataset = self.dataset.as_ref().map(|input| &input.dataset);
        let (linked, measured, written) = join3(
            self.store.log_model_output(run, &model.model_id, 0),
            self.store.log_model_metrics(run, &model.model_id, metrics, dataset),
            join_all(files.iter().map(write)),
        )
        .await;
        linked?;
        measured?;
        written.into_iter().collect::<Result<Vec<()>>>()?;
        try_join_all(last.iter().map(write)).await?;
        self.store.finish_logged_model(&model.model_id, true).await
    }
}
