//! Estimators that are fitted elsewhere: what they report is read from the file that each attempt writes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{KeptModels, TabularPlan};
use crate::disk;
use crate::sweep::engine::attempts::{Attempt, AttemptEnd, TrialFolder};
use crate::sweep::engine::journal::SweepFolder;
use crate::sweep::engine::numbers::Values;
use crate::sweep::engine::trial::{Trial, TrialEnd, TrialReport, TrialWatch, Verdict};
use crate::sweep::header::SweepHeader;
use crate::sweep::objective::launch::{
    AssignedWork, Assignment, Foreknown, Launched, Launcher, attempt_ahead, end_launched,
};
use crate::sweep::objective::{Objective, TrialFault};

/// Between looks at what was reported.
const LOOK: Duration = Duration::from_millis(500);
/// Bytes of all reports of an attempt.
const MOST: u64 = 16 << 20;
/// Jobs of one trial that may be lost one after the other.
const MOST_LOST: usize = 20;
/// How long what was called off may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The file of an attempt's reports, in its trial's folder.
pub fn reports_file(attempt: u32) -> String {
    format!("reports-{attempt}.jsonl")
}

/// Trials that are estimators on a table, fitted elsewhere.
pub struct TabularJobs {
    plan: TabularPlan,
    folder: SweepFolder,
    launcher: Arc<dyn Launcher>,
    foreknown: Foreknown,
}

/// How far a trial is.
struct Merged {
    reports: Vec<Values>,
    has_last: bool,
}

impl TabularJobs {
    /// The estimators of a sweep.
    pub fn new(
        header: &SweepHeader,
        plan: TabularPlan,
        folder: SweepFolder,
        launcher: Arc<dyn Launcher>,
    ) -> Self {
        Self { plan, folder, launcher, foreknown: Foreknown::new(&header.plan.rules) }
    }

    /// What the trial of that number is to do, where that is known by now and the attempt is its next.
    fn following(&self, number: usize, wanted: u32) -> io::Result<Option<Assignment>> {
        let Some(proposal) = self.foreknown.proposal(number) else { return Ok(None) };
        let ahead = attempt_ahead(&self.folder.trial_folder(number), wanted)?;
        let work = AssignedWork::Fit { reports: Vec::new(), has_last: false, is_best: false };
        Ok(ahead.map(|attempt| Assignment { trial: number, attempt: attempt.number, proposal, work }))
    }

    /// Takes what an attempt has reported since. How the trial ends, if that follows from it.
    fn merge(
        &self,
        folder: &TrialFolder,
        attempt: u32,
        merged: &mut Merged,
        watch: &dyn TrialWatch,
    ) -> io::Result<Option<TrialEnd>> {
        let content = match disk::read(&folder.own(&reports_file(attempt)), MOST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            content => content?,
        };
        // A line without its end is still being written.
        let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &content[..end]);
        for line in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Ok((step, report)) = serde_json::from_slice::<(usize, TrialReport)>(line) else { continue };
            match &report {
                TrialReport::Step(measured) if step == merged.reports.len() => {
                    let values = measured.values.clone();
                    watch.report(report)?;
                    merged.reports.push(values);
                    if merged.reports.len() < self.plan.split.parts() {
                        match watch.verdict()? {
                            Verdict::Continue => {}
                            Verdict::Prune => return Ok(Some(TrialEnd::Pruned)),
                            Verdict::Cancel => return Ok(Some(TrialEnd::Cancelled)),
                        }
                    }
                }
                TrialReport::Last(_) if !merged.has_last => {
                    watch.report(report)?;
                    merged.has_last = true;
                }
                // It is known already.
                TrialReport::Step(_) | TrialReport::Last(_) => {}
            }
        }
        Ok(None)
    }

    /// Waits for an attempt that is under way, and takes its reports.
    fn follow(
        &self,
        folder: &TrialFolder,
        launched: &mut dyn Launched,
        merged: &mut Merged,
        watch: &dyn TrialWatch,
    ) -> io::Result<Result<Option<AttemptEnd>, TrialEnd>> {
        let mut came = None;
        loop {
            let is_over = launched.is_over_in(LOOK)?;
            if came.is_none() {
                came = self.merge(folder, folder.attempt()?.number, merged, watch)?;
                if came.is_none() && watch.is_unwanted() {
                    came = Some(TrialEnd::Pruned);
                } else if came.is_none() && watch.is_called_off() {
                    came = Some(TrialEnd::Cancelled);
                }
                if came.is_some() {
                    launched.stop();
                }
            }
            if is_over {
                break;
            }
        }
        match came {
            Some(came) => Ok(Err(came)),
            None => folder.end_of(folder.attempt()?.number).map(Ok),
        }
    }

    /// How far a trial is, and whether what is there is of another one: what was to have its number was begun ahead, and called
    /// off when the sweep came to have fewer trials.
    fn attempt_of(folder: &TrialFolder, trial: &Trial) -> io::Result<(Attempt, bool)> {
        let known = folder.attempt()?;
        // A queue that carries a job out again begins an attempt that has no assignment of its own.
        for number in (1..=known.number).rev().take(MOST_LOST) {
            let Some(assigned) = Assignment::read(folder, number)? else { continue };
            if trial.proposal.was_begun_as(&assigned.proposal) {
                break;
            }
            let last = folder.place()?.map_or(0, |place| place.attempt).max(known.number);
            return Ok((Attempt { number: last, failures: 0, retries: trial.retries, ..known }, true));
        }
        Ok((known, false))
    }

    /// Attempts a trial until one comes to its end; `is_best` if only its model is missing.
    fn attempts(&self, trial: &Trial, watch: &dyn TrialWatch, is_best: bool) -> io::Result<TrialEnd> {
        self.folder.check()?;
        let folder = self.folder.trial_folder(trial.number);
        folder.make()?;
        let mut under_way = self.launcher.take_up(&folder, trial, &|| watch.is_called_off())?;
        let (mut attempt, mut is_of_another) = Self::attempt_of(&folder, trial)?;
        let mut merged = Merged { reports: trial.reports.clone(), has_last: trial.has_last };
        // What came to its end while nobody was there to see is not fitted again.
        let mut known =
            folder.end_of(attempt.number)?.filter(|end| end.is_final() && !is_best && !is_of_another);
        if attempt.retries != trial.retries {
            // Somebody has seen it, and asked for another.
            (attempt.failures, attempt.retries, known) = (0, trial.retries, None);
        }
        let mut lost = 0;
        loop {
            let is_own = !std::mem::take(&mut is_of_another);
            if is_own && let Some(end) = self.merge(&folder, attempt.number, &mut merged, watch)? {
                if let Some(launched) = under_way.take() {
                    end_launched(launched, LOOK, watch)?;
                }
                return Ok(end);
            }
            if is_best && merged.has_last {
                return Ok(TrialEnd::Finished);
            }
            let end = match known.take() {
                Some(end) => Some(end),
                None if watch.is_unwanted() => {
                    if let Some(launched) = under_way.take() {
                        end_launched(launched, LOOK, watch)?;
                    }
                    return Ok(TrialEnd::Pruned);
                }
                None if watch.is_called_off() => return Ok(TrialEnd::Cancelled),
                None => {
                    let launched = match under_way.take() {
                        Some(launched) => Some(launched),
                        None => {
                            attempt = self.launcher.next_attempt(&folder, trial.number, &attempt)?;
                            let (reports, has_last) = (merged.reports.clone(), merged.has_last);
                            let work = AssignedWork::Fit { reports, has_last, is_best };
                            let proposal = trial.proposal.clone();
                            let assignment =
                                Assignment { trial: trial.number, attempt: attempt.number, proposal, work };
                            let following = |number, wanted| {
                                let is_ahead = !is_best && watch.is_ahead(number);
                                if is_ahead { self.following(number, wanted) } else { Ok(None) }
                            };
                            self.launcher
                                .launch(&folder, &assignment, &following, &|| watch.is_called_off())?
                        }
                    };
                    let Some(mut launched) = launched else { return Ok(TrialEnd::Cancelled) };
                    let end = self.follow(&folder, launched.as_mut(), &mut merged, watch)?;
                    attempt = folder.attempt()?;
                    match end {
                        Ok(end) => end,
                        Err(came) => return Ok(came),
                    }
                }
            };
            match end {
                Some(AttemptEnd::Exited(0)) => return Ok(TrialEnd::Finished),
                Some(AttemptEnd::Lost(_)) if lost < MOST_LOST => lost += 1,
                // What it reported by then is not fitted again.
                end if end != Some(AttemptEnd::Cancelled) && attempt.failures < self.plan.retries => {
                    attempt.failures += 1;
                }
                end => return Ok(TrialEnd::Failed(in_words(end))),
            }
        }
    }
}

fn in_words(end: Option<AttemptEnd>) -> String {
    match end {
        Some(AttemptEnd::Failed(why) | AttemptEnd::Unstarted(why)) => why,
        Some(AttemptEnd::Lost(why)) => format!("its job was lost too often: {why}"),
        Some(AttemptEnd::OutOfTime | AttemptEnd::TimedOut) => "the time limit of its job was reached".into(),
        Some(AttemptEnd::Cancelled) => "its job was cancelled".into(),
        Some(AttemptEnd::Exited(code)) => format!("its job ended with code {code}"),
        Some(AttemptEnd::Signalled(signal)) => format!("its job was ended by signal {signal}"),
        Some(AttemptEnd::Stopped) | None => "its job ended, and nobody knows how".into(),
    }
}

impl Objective for TabularJobs {
    fn run(&self, trial: &Trial, watch: &dyn TrialWatch) -> io::Result<TrialEnd> {
        self.attempts(trial, watch, false).map_err(|cause| TrialFault::of(trial.number, cause))
    }

    fn finish(&self, best: &Trial, watch: &dyn TrialWatch) -> io::Result<()> {
        let is_kept = best.has_last || self.plan.models == KeptModels::All;
        if is_kept || watch.verdict()? != Verdict::Continue {
            return Ok(());
        }
        match self.attempts(best, watch, true).map_err(|cause| TrialFault::of(best.number, cause))? {
            TrialEnd::Failed(why) => Err(TrialFault::of(best.number, io::Error::other(why))),
            TrialEnd::Finished | TrialEnd::Cancelled | TrialEnd::Pruned => Ok(()),
        }
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{ParamValue, Params};
    use crate::sweep::engine::attempts::TrialPlace;
    use crate::sweep::search::{Member, Proposal};

    #[test]
    fn what_is_left_of_another_trial_of_the_same_number_is_not_taken_for_its_own() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() }.trial_folder(4);
        folder.make().unwrap();
        let ridge = Proposal::new("ridge", Params::from([("alpha".to_owned(), ParamValue::Int(1))]));
        let member = |trial| Member { trial, family: "ridge".into(), params: ridge.params.clone() };
        let ensemble = Proposal::ensemble(vec![member(0), member(2)]);
        let trial = |proposal: &Proposal| Trial {
            number: 4,
            proposal: proposal.clone(),
            reports: Vec::new(),
            has_last: false,
            retries: 0,
        };
        let of = |proposal: &Proposal| {
            let (attempt, is_of_another) = TabularJobs::attempt_of(&folder, &trial(proposal)).unwrap();
            (attempt.number, is_of_another)
        };
        assert_eq!(of(&ensemble), (0, false), "there is nothing");
        let work = AssignedWork::Fit { reports: Vec::new(), has_last: false, is_best: false };
        let assign = |attempt, proposal: &Proposal| {
            folder.next_attempt(&Attempt { number: attempt - 1, failures: 1, ..Attempt::default() }).unwrap();
            let (proposal, work) = (proposal.clone(), work.clone());
            Assignment { trial: 4, attempt, proposal, work }.write(&folder).unwrap();
        };
        assign(1, &ridge);
        folder.set_end(1, &AttemptEnd::Exited(0)).unwrap();
        assert_eq!((of(&ridge), of(&ensemble)), ((1, false), (1, true)));
        let (attempt, _) = TabularJobs::attempt_of(&folder, &trial(&ensemble)).unwrap();
        assert_eq!(attempt.failures, 0, "those were of the other one");
        // The queue has begun its job once more, and nobody has seen it.
        let place = TrialPlace { attempt: 2, job: "7".into(), node: String::new(), since: 1, log_start: 0 };
        folder.set_place(&place).unwrap();
        assert_eq!((of(&ridge), of(&ensemble)), ((1, false), (2, true)));
        assign(3, &ensemble);
        assert_eq!((of(&ridge), of(&ensemble)), ((3, true), (3, false)));
        // It is the same with what it found out, and when a queue carries it out again.
        let mut weighed = ensemble.clone();
        weighed.params.insert("weights".into(), ParamValue::Text("ridge-0: 1".into()));
        folder.set_attempt(&Attempt { number: 4, ..Attempt::default() }).unwrap();
        assert_eq!(of(&weighed), (4, false));
    }
}
