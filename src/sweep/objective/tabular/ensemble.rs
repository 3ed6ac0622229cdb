//! A trial that averages others: each member is fitted on every fold, and how much it counts is found on what the folds say
//! that it has not seen. A fold is scored with weights that are found on the others, so that it has no say in them.

use std::io;
use std::path::PathBuf;

use super::tested::quoted;
use super::{Tabular, told};
use crate::disk::{self, Care};
use crate::learn::averaging::{self, UnseenRows, average, averaged, likeliest, values};
use crate::learn::data::TargetValues;
use crate::learn::families::{self, seed_of};
use crate::learn::scores::{Prediction, evaluate, score, scores};
use crate::learn::study::{Fitted, PreparedPart};
use crate::params::{ParamValue, Params};
use crate::sweep::engine::trial::{Measured, Trial, TrialEnd, TrialReport, TrialWatch};
use crate::sweep::search::Member;

/// The folder of what members say of each fold, in that of the trial: what is fitted once is not fitted again.
const FOLDER: &str = "out_of_fold";

/// What members say of rows that they have not seen, and how much each counts.
pub(super) struct Weighed {
    parts: Vec<UnseenRows>,
    /// Of each part what its members took together, to be fitted and to predict.
    seconds: Vec<(f64, f64)>,
    /// Of each part the weights that it is scored with.
    of_parts: Vec<Vec<f64>>,
    /// Those of the model.
    pub weights: Vec<f64>,
}

/// What a member says of a fold, and what it took.
struct Said {
    fit_seconds: f64,
    predict_seconds: f64,
    prediction: Prediction,
}

impl Said {
    fn bytes(&self) -> Vec<u8> {
        let numbers = [self.fit_seconds, self.predict_seconds];
        numbers.iter().chain(values(&self.prediction)).flat_map(|value| value.to_le_bytes()).collect()
    }

    /// Bytes of what is said of so many rows.
    fn length(truth: &TargetValues, rows: usize) -> u64 {
        let width = match truth {
            TargetValues::Numbers(_) => 1,
            TargetValues::Classes { count, .. } => *count,
        };
        8 * (2 + rows as u64 * width as u64)
    }

    /// Of so many rows; none where it is not of them.
    fn read(bytes: &[u8], truth: &TargetValues, rows: usize) -> Option<Self> {
        let numbers = bytes.chunks_exact(8).map(|chunk| chunk.try_into().map(f64::from_le_bytes));
        let mut numbers: Vec<f64> = numbers.collect::<Result<_, _>>().ok()?;
        if bytes.len() as u64 != Self::length(truth, rows) {
            return None;
        }
        let said = numbers.split_off(2);
        let prediction = match truth {
            TargetValues::Numbers(_) => Prediction::Numbers(said),
            TargetValues::Classes { count, .. } => likeliest(said, *count),
        };
        Some(Self { fit_seconds: numbers[0], predict_seconds: numbers[1], prediction })
    }
}

impl Tabular {
    /// Carries out a trial that averages others.
    pub(super) fn run_ensemble(&self, trial: &Trial, watch: &dyn TrialWatch) -> io::Result<TrialEnd> {
        let weighed = match self.weigh(trial, watch)? {
            Ok(weighed) => weighed,
            Err(end) => return Ok(end),
        };
        let names: Vec<String> = trial.proposal.members.iter().map(Member::name).collect();
        let mut reports = trial.reports.clone();
        for at in reports.len()..weighed.parts.len() {
            if let Some(end) = told(watch)? {
                return Ok(end);
            }
            let UnseenRows { truth, predictions, .. } = &weighed.parts[at];
            let prediction = averaged(predictions, &weighed.of_parts[at]);
            let (fit_seconds, predict_seconds) = weighed.seconds[at];
            let values = self.scores(evaluate(truth, &prediction), truth, &prediction);
            reports.push(values.clone());
            let params = if at == 0 { weights_param(&names, &weighed.weights) } else { Params::new() };
            let measured = Measured { values, fit_seconds, predict_seconds, curve: Vec::new(), params };
            watch.report(TrialReport::Step(measured))?;
        }
        self.keep_all(trial, (&reports, Some(weighed)), watch)
    }

    /// Fits the members that count on all but the test part, as one model; or how the trial ends before.
    pub(super) fn fit_ensemble(
        &self,
        trial: &Trial,
        weights: &[f64],
        part: &PreparedPart,
        watch: &dyn TrialWatch,
    ) -> io::Result<Result<Fitted, TrialEnd>> {
        let mut members = Vec::new();
        let (mut fit_seconds, mut predict_seconds) = (0.0, 0.0);
        let counting = trial.proposal.members.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
        for (member, weight) in counting {
            if let Some(end) = told(watch)? {
                return Ok(Err(end));
            }
            let fitted = match self.fit_member(member, part) {
                Ok(fitted) => fitted,
                Err(why) => return Ok(Err(TrialEnd::Failed(why))),
            };
            fit_seconds += fitted.fit_seconds;
            predict_seconds += fitted.predict_seconds;
            members.push((fitted.model, *weight));
        }
        let model = average(members);
        let prediction = model.prediction(&part.held_out);
        let scores = evaluate(&part.truth, &prediction);
        Ok(Ok(Fitted { model, prediction, scores, fit_seconds, predict_seconds }))
    }

    /// The same fit as in its own trial.
    fn fit_member(&self, member: &Member, part: &PreparedPart) -> Result<Fitted, String> {
        let seed = seed_of(self.seed, member.trial as u64);
        let fitted = families::named(&member.family)
            .and_then(|family| part.fit_and_score(family, &member.params, seed));
        fitted.map_err(|why| format!("{}: {why}", member.name()))
    }

    /// Has the members say what they do of every fold, and finds out how much each counts; or how the trial ends before.
    pub(super) fn weigh(
        &self,
        trial: &Trial,
        watch: &dyn TrialWatch,
    ) -> io::Result<Result<Weighed, TrialEnd>> {
        let members = &trial.proposal.members;
        let (mut parts, mut seconds) = (Vec::new(), Vec::new());
        for fold in 0..self.data.folds() {
            let (mut predictions, mut took) = (Vec::new(), (0.0, 0.0));
            for member in members {
                let said = match self.said_of(trial, (member, fold), watch)? {
                    Ok(said) => said,
                    Err(end) => return Ok(Err(end)),
                };
                took = (took.0 + said.fit_seconds, took.1 + said.predict_seconds);
                predictions.push(said.prediction);
            }
            let rows = self.data.split.folds[fold].validation.clone();
            let truth = self.data.target.values.of(&rows);
            parts.push(UnseenRows { rows, truth, predictions });
            seconds.push(took);
        }
        let loss = |truth: &TargetValues, said: &Prediction| self.losses(truth, said);
        let seed = seed_of(self.seed, trial.number as u64);
        let is_in_time = self.plan.split.time_column.is_some();
        let mut of_parts = Vec::new();
        for at in 0..parts.len() {
            if let Some(end) = told(watch)? {
                return Ok(Err(end));
            }
            of_parts.push(averaging::weights_for(at, &parts, is_in_time, members.len(), &loss, seed));
        }
        if let Some(end) = told(watch)? {
            return Ok(Err(end));
        }
        let weights = averaging::weights(&parts, members.len(), &loss, seed);
        Ok(Ok(Weighed { parts, seconds, of_parts, weights }))
    }

    /// What is optimised, so that less is better; of classes the log loss decides between equal ones.
    fn losses(&self, truth: &TargetValues, said: &Prediction) -> [f64; 2] {
        let log_loss = scores(self.plan.task).iter().position(|score| score.name == "log_loss");
        let log_loss = log_loss.filter(|at| *at != self.aim.at);
        let other = log_loss.and_then(|at| score(at, truth, said)).unwrap_or_default();
        [self.loss(truth, said), other]
    }

    /// What a member says of a fold: as it is kept, or by a fit, which is kept.
    fn said_of(
        &self,
        trial: &Trial,
        (member, fold): (&Member, usize),
        watch: &dyn TrialWatch,
    ) -> io::Result<Result<Said, TrialEnd>> {
        let path = self.folder.trial(trial.number).join(FOLDER).join(format!("{fold}-{}", member.trial));
        let rows = self.data.split.folds[fold].validation.len();
        let truth = &self.data.target.values;
        // One that is too long is an error: nobody but this program writes there.
        match disk::read(&path, Said::length(truth, rows)) {
            Ok(kept) => {
                if let Some(said) = Said::read(&kept, truth, rows) {
                    return Ok(Ok(said));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if let Some(end) = told(watch)? {
            return Ok(Err(end));
        }
        let fitted = self.data.fold(fold).and_then(|part| self.fit_member(member, part));
        let Fitted { prediction, fit_seconds, predict_seconds, .. } = match fitted {
            Ok(fitted) => fitted,
            Err(why) => return Ok(Err(TrialEnd::Failed(why))),
        };
        let said = Said { fit_seconds, predict_seconds, prediction };
        self.folder.check()?;
        make_folders(&path)?;
        disk::replace(&path, &said.bytes(), Care::Private)?;
        Ok(Ok(said))
    }

    /// How much each member counts in the model, and in what each fold is scored with.
    pub(super) fn weights_file(trial: &Trial, weighed: &Weighed) -> (&'static str, String) {
        let names: Vec<String> = trial.proposal.members.iter().map(|member| quoted(&member.name())).collect();
        let mut text = format!("fold,{}\n", names.join(","));
        let folds = weighed.of_parts.iter().enumerate().map(|(fold, weights)| (fold.to_string(), weights));
        for (fold, weights) in folds.chain([("model".to_owned(), &weighed.weights)]) {
            let weights: Vec<String> = weights.iter().map(f64::to_string).collect();
            text.push_str(&format!("{fold},{}\n", weights.join(",")));
        }
        ("ensemble_weights.csv", text)
    }
}

/// Above the sweep's own folder nothing is made: one that was taken away does not come back in parts.
fn make_folders(path: &std::path::Path) -> io::Result<()> {
    let above: Vec<PathBuf> = path.ancestors().skip(1).take(3).map(PathBuf::from).collect();
    for folder in above.iter().rev() {
        disk::make_folder_below(folder, Care::Private)?;
    }
    Ok(())
}

/// What is told of weights among the params of the trial: `ridge-3: 0.625, random_forest-12: 0.375`.
fn weights_param(names: &[String], weights: &[f64]) -> Params {
    let rounded = |weight: &f64| (weight * 1000.0).round() / 1000.0;
    let said = names.iter().zip(weights).map(|(name, weight)| format!("{name}: {}", rounded(weight)));
    let said: Vec<String> = said.collect();
    Params::from([("weights".to_owned(), ParamValue::Text(said.join(", ")))])
}
