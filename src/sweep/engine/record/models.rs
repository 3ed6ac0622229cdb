//! What is logged of a model: what the test says of it, and the model as MLflow packs it.

use futures_util::future::try_join_all;

use super::kept::{self, ModelSignature, artifacts};
use super::package::{Packing, files, history};
use super::{Recorder, dated, is_transient, params};
use crate::mlflow::{Metric, Param, RunId, Tag, tags};
use crate::store::{ErrorKind, NewModel, Result, StoreError};
use crate::sweep::engine::trial::Measured;
use crate::sweep::engine::unkept::{MODEL_NAME, Unkept};

impl Recorder {
    /// What is kept of a trial was measured: what that says, and its model.
    pub(super) async fn last(&mut self, trial: usize, at: i64, measured: &Measured) -> Result<()> {
        let run = self.run_of(trial).await?;
        let metrics = dated(at, 0, self.sweep.names.of_last(measured));
        let folder = self.folder.trial(trial);
        let (files, model) = match artifacts(&folder).and_then(|files| Ok((files, kept::model(&folder)?))) {
            Ok(both) => both,
            Err(error) => return self.lost(trial, &run, &metrics, &error).await,
        };
        let mut unkept = self.files(Some(trial), &run, &files).await?;
        unkept.extend(self.model(trial, &run, at, &metrics, model).await?);
        self.tell(Some(trial), &run, unkept).await
    }

    /// The files of a trial cannot be read any more. The store may have them, of an earlier process; else its model is not
    /// kept, and the sweep goes on.
    async fn lost(
        &mut self,
        trial: usize,
        run: &RunId,
        metrics: &[Metric],
        error: &std::io::Error,
    ) -> Result<()> {
        let known = match self.store.logged_models_of(&self.sweep.experiment, run).await {
            Err(error) if matches!(error.kind, ErrorKind::Unsupported(_)) => Vec::new(),
            known => known?,
        };
        if known.iter().any(|model| model.status == "READY")
            || self.store.get_run(run).await?.tag(tags::MODEL_HISTORY).is_some()
        {
            return Ok(());
        }
        self.fail_models(run).await?;
        self.log(run, metrics, &[], &[]).await?;
        let why = format!("cannot read the files of trial {trial}: {error}");
        self.tell(Some(trial), run, vec![Unkept { trial: Some(trial), what: MODEL_NAME.into(), why }]).await
    }

    /// Logs the model with the metrics of its test: as an entity of its own where the store has such, else among the run's
    /// artifacts. The metrics are logged even where the model is not taken.
    async fn model(
        &mut self,
        trial: usize,
        run: &RunId,
        at: i64,
        metrics: &[Metric],
        (onnx, signature): (Vec<u8>, ModelSignature),
    ) -> Result<Option<Unkept>> {
        // The same for the same model, however often it is packed.
        let uuid = format!("{:0>32}", format!("{}{trial:04x}", self.sweep.id.replace('-', "")));
        let packing = Packing { run: run.as_str(), model: None, uuid: &uuid, at };
        let mut logged = self.own_model(trial, &packing, &signature, &onnx, run, metrics).await;
        if matches!(&logged, Err(error) if matches!(error.kind, ErrorKind::Unsupported(_))) {
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

    fn params_of(&self, trial: usize) -> Vec<Param> {
        let proposal = self.state.trials[trial].proposal.as_ref();
        proposal.map_or(Vec::new(), |proposal| params(self.sweep.names.trial_params(proposal)))
    }

    async fn own_model(
        &self,
        trial: usize,
        packing: &Packing<'_>,
        signature: &ModelSignature,
        onnx: &[u8],
        run: &RunId,
        metrics: &[Metric],
    ) -> Result<()> {
        let known = self.store.logged_models_of(&self.sweep.experiment, run).await?;
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
        self.store.log_model_output(run, &model.model_id, 0).await?;
        if let Some(input) = &self.dataset {
            let dataset = Some(&input.dataset);
            self.store.log_model_metrics(run, &model.model_id, metrics, dataset).await?;
        }
        let packing = Packing { model: Some(model.model_id.as_str()), ..*packing };
        let mut files = files(&packing, signature, onnx.to_vec());
        let last = files.pop();
        let write = async |(name, content): &(&str, Vec<u8>)| {
            self.store.write_model_file(&model, name, content).await
        };
        try_join_all(files.iter().map(write)).await?;
        try_join_all(last.iter().map(write)).await?;
        self.store.finish_logged_model(&model.model_id, true).await
    }
}
