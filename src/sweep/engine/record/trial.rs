//! What happened to a trial since the store was last told of it, brought there as a whole: of what depends on nothing else, all
//! at the same time.

use std::io;

use futures_util::future::join;

use super::kept::{self, ModelSignature, artifacts};
use super::package::Packing;
use super::{Recorder, WHY, cut, dated};
use crate::mlflow::{Metric, Param, RunId, RunStatus, Tag, tags};
use crate::store::{ErrorKind, Result, StoreError};
use crate::sweep::engine::journal::TrialOutcome;
use crate::sweep::engine::trial::Measured;
use crate::sweep::engine::unkept::{MODEL_NAME, Unkept};

/// What happened to a trial. That it began is told where nothing else is.
#[derive(Debug, Default)]
pub struct TrialNews<'a> {
    /// Of its reports.
    pub metrics: Vec<Metric>,
    /// What was found out of what it is.
    pub params: Vec<Param>,
    /// What is kept of it, and when that was measured.
    pub last: Option<(i64, &'a Measured)>,
    /// What it came to, and when.
    pub end: Option<(i64, &'a TrialOutcome)>,
}

/// The files of a trial that go to the store: those that go there as they are, and its model.
type KeptFiles = (Vec<(String, Vec<u8>)>, (Vec<u8>, ModelSignature));

impl Recorder {
    /// The run of a trial that was begun.
    pub(super) async fn run_of(&mut self, trial: usize) -> Result<RunId> {
        match self.runs.get(&trial) {
            Some(run) => Ok(run.clone()),
            None => self.tell_of(trial, TrialNews::default()).await,
        }
    }

    /// Brings what happened to a trial to the store, and returns its run.
    pub(super) async fn tell_of(&mut self, trial: usize, news: TrialNews<'_>) -> Result<RunId> {
        let (run, is_new) = self.make(trial).await?;
        let mut metrics = news.metrics;
        let mut status = None;
        let mut why = Vec::new();
        if let Some((at, outcome)) = news.end {
            let (ends_as, reason) = match outcome {
                TrialOutcome::Finished { means, deviations } => {
                    metrics.extend(dated(at, 0, self.sweep.names.of_result(means, deviations)));
                    (RunStatus::Finished, None)
                }
                TrialOutcome::Pruned { reports, is_by_hand, .. } => {
                    (RunStatus::Killed, Some(self.sweep.names.pruned(*reports, *is_by_hand)))
                }
                TrialOutcome::Failed { message } => (self.failed(trial, None), Some(cut(message))),
            };
            why.extend(reason.map(|reason| Tag::new(WHY, reason)));
            status = Some((ends_as, at));
        }
        if let Some((at, measured)) = news.last {
            let name = || self.sweep.names.of_curve();
            let points = measured.curve.iter();
            metrics.extend(points.flat_map(|(step, value)| dated(at, *step, vec![(name(), *value)])));
        }
        let kept = news.last.map(|(at, measured)| {
            (at, dated(at, 0, self.sweep.names.of_last(measured)), self.kept_files(trial))
        });
        let params = if is_new { self.params_of(trial) } else { news.params };
        let logging = async {
            if !(metrics.is_empty() && params.is_empty() && why.is_empty()) {
                self.log(&run, &metrics, &params, &why).await?;
            }
            if is_new { self.input(&run).await } else { Ok(()) }
        };
        let keeping = async {
            let Some((at, metrics, Ok((files, (onnx, signature))))) = &kept else { return None };
            let uuid = self.uuid_of(trial);
            let packing = Packing { run: run.as_str(), model: None, uuid: &uuid, at: *at };
            let model = self.own_model(trial, &packing, (onnx, signature), &run, metrics);
            Some(join(self.written(&run, files), model).await)
        };
        let (logged, taken) = join(logging, keeping).await;
        logged?;
        self.runs.insert(trial, run.clone());
        match kept {
            Some((at, metrics, Ok((files, model)))) => {
                let (written, logged) = taken.unwrap_or_else(|| (Vec::new(), Ok(())));
                let mut unkept = self.all_refused(Some(trial), &run, &files, written).await?;
                unkept.extend(self.model((trial, at), &run, &metrics, model, logged).await?);
                self.tell(Some(trial), &run, unkept).await?;
            }
            Some((_, metrics, Err(error))) => self.lost(trial, &run, &metrics, &error).await?,
            None => {}
        }
        if let Some((status, at)) = status {
            self.end(&run, status, at).await?;
        }
        Ok(run)
    }

    /// The run of a trial that was begun, found or made, and whether the store was told no more of it yet.
    async fn make(&mut self, trial: usize) -> Result<(RunId, bool)> {
        if let Some(run) = self.runs.get(&trial) {
            return Ok((run.clone(), false));
        }
        let begun =
            self.state.trials.get(trial).and_then(|known| Some((known.started, known.proposal.clone()?)));
        let Some((at, proposal)) = begun else {
            return Err(StoreError::new(
                format!("log trial {trial}"),
                ErrorKind::Io("the sweep's journal does not say that it was begun".into()),
            ));
        };
        let parent = self.parent(at).await?;
        let name = self.sweep.names.trial_name(trial, &proposal);
        let more = vec![Tag::new(tags::PARENT_RUN_ID, parent.as_str())];
        Ok((self.ensure(Some(trial), at, &name, more).await?, true))
    }

    fn kept_files(&self, trial: usize) -> io::Result<KeptFiles> {
        let folder = self.folder.trial(trial);
        Ok((artifacts(&folder)?, kept::model(&folder)?))
    }

    /// The number of a trial's model: the same for the same model, however often it is packed.
    pub(super) fn uuid_of(&self, trial: usize) -> String {
        format!("{:0>32}", format!("{}{trial:04x}", self.sweep.id.replace('-', "")))
    }

    /// The files of a trial cannot be read any more. The store may have them, of an earlier process; else its model is not
    /// kept, and the sweep goes on.
    async fn lost(&mut self, trial: usize, run: &RunId, metrics: &[Metric], error: &io::Error) -> Result<()> {
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
}
