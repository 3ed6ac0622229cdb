//! What an explorer is told of a sweep: hostile names, values at the ends of what there is.

use std::path::Path;
use std::sync::Arc;

use mltui::compare::importance::{Correlation, Matter, Matters};
use mltui::mlflow::MetricPoint;
use mltui::params::{ParamValue, Params};
use mltui::sweep::engine::journal::{Event, EventKind, Position, TrialOutcome};
use mltui::sweep::engine::state::SweepState;
use mltui::sweep::header::{OpenedBy, SweepHeader};
use mltui::sweep::objective::command::CommandRequest;
use mltui::sweep::planned::PlannedCommand;
use mltui::sweep::search::Proposal;
use mltui::tui::features::sweeps::Msg;
use mltui::tui::features::sweeps::effects::Effect;
use mltui::tui::features::sweeps::log::LogPart;
use mltui::tui::features::sweeps::plan::command::CheckedCommand;
use mltui::tui::features::sweeps::screen::SweepNews;
use mltui::tui::features::sweeps::screen::effects::TrialDetails;

use crate::visit::{NAMES, NOW, NUMBERS};

/// Trials of a sweep; more come with every look.
const TRIALS: usize = 60;

fn header(id: &str) -> SweepHeader {
    let request = CommandRequest {
        command: vec!["sh".into()],
        params: ["a=0.0..1.0", "b=1..9", "c=x,y", "d=1..2?c=x"].map(str::to_owned).to_vec(),
        metric: Some("loss:max".into()),
        ..CommandRequest::default()
    };
    let mut plan = request.decide(Path::new("/")).unwrap();
    // A plan comes from a file, and may say anything.
    for (dimension, name) in plan.rules.spaces[0].dimensions.iter_mut().zip(&NAMES[2..]) {
        dimension.name = (*name).into();
    }
    plan.rules.metric = NAMES[4].into();
    SweepHeader {
        id: id.into(),
        name: NAMES[6].into(),
        experiment: "1".into(),
        experiment_name: NAMES[3].into(),
        store: NAMES[4].into(),
        opened_by: Some(OpenedBy::TrackingUri(NAMES[4].into())),
        config_file: None,
        user: NAMES[4].into(),
        created: i64::MIN,
        folder: NAMES[4].into(),
        commit: None,
        dataset: None,
        report: None,
        fingerprint: None,
        plan,
    }
}

fn number(at: usize) -> Option<f64> {
    (at % 5 != 4).then(|| NUMBERS[at % NUMBERS.len()])
}

fn of_trial(trial: usize) -> Vec<Event> {
    let at = [i64::MIN, 0, NOW, i64::MAX][trial % 4];
    let mut params = Params::new();
    for (place, name) in NAMES[2..5].iter().enumerate() {
        let value = match (trial + place) % 3 {
            0 => ParamValue::Real(NUMBERS[trial % NUMBERS.len()]),
            1 => ParamValue::Int(i64::MAX - trial as i64),
            _ => ParamValue::Text(NAMES[trial % NAMES.len()].into()),
        };
        params.insert((*name).into(), value);
    }
    let proposal = Proposal::new(NAMES[trial % NAMES.len()], params);
    let outcome = match trial % 6 {
        0 => TrialOutcome::Failed { message: NAMES.join("\n") },
        1 => TrialOutcome::Pruned { reports: usize::MAX, means: vec![number(trial)], is_by_hand: false },
        2 => TrialOutcome::Finished { means: Vec::new(), deviations: Vec::new() },
        _ => TrialOutcome::Finished { means: vec![number(trial)], deviations: vec![number(trial)] },
    };
    let mut events =
        vec![Event { at, kind: EventKind::Started { trial, attempt: None, since: None, proposal } }];
    if trial % 7 != 6 {
        events.push(Event { at: NOW, kind: EventKind::Ended { trial, attempt: None, outcome } });
    }
    events
}

fn news(id: &str, fails: bool, is_first: bool) -> SweepNews {
    if is_first {
        let events: Vec<Event> = (0..TRIALS).flat_map(of_trial).collect();
        let state = Box::new(SweepState::of(&events));
        return SweepNews::Whole { header: Arc::new(header(id)), state, to: Position::default() };
    }
    let damage = fails.then(|| NAMES[4].into());
    SweepNews::More { events: of_trial(TRIALS + 3), to: Position::default(), damage }
}

/// Answers what is asked of a sweep.
pub fn answer(effect: Effect, fails: bool) -> Vec<Msg> {
    match effect {
        Effect::Follow { ticket, sweep, .. } => {
            let first = if fails { Err(NAMES[4].into()) } else { Ok(news(&sweep, fails, ticket.0 < 3)) };
            vec![Msg::Followed { sweep, ticket, result: first }]
        }
        Effect::Describe { ticket, wanted } => {
            let points = NUMBERS.iter().zip(0..);
            let points: Vec<MetricPoint> = points
                .map(|(value, step)| MetricPoint { step, timestamp: i64::MAX, value: *value })
                .collect();
            let details = |(trial, is_final): &(usize, bool)| {
                let run = None;
                (
                    *trial,
                    TrialDetails {
                        run,
                        points: points.clone(),
                        attempt: u32::MAX,
                        is_final: *is_final,
                        ..TrialDetails::default()
                    },
                )
            };
            vec![Msg::Described { ticket, trials: wanted.trials.iter().map(details).collect() }]
        }
        Effect::Weigh { ticket, .. } if fails => {
            vec![Msg::Weighed { ticket, matters: Matters::TooFew { runs: 3 } }]
        }
        Effect::Weigh { ticket, trials } => {
            let matter = |(at, (param, _)): (usize, &(String, Vec<Option<String>>))| Matter {
                param: param.clone(),
                correlation: number(at).map_or(Correlation::TooFew, Correlation::Rank),
                importance: NUMBERS[at % NUMBERS.len()],
                runs: usize::MAX,
            };
            let params = trials.params.iter().enumerate().map(matter).collect();
            vec![Msg::Weighed { ticket, matters: Matters::Ranked { runs: usize::MAX, r2: f64::NAN, params } }]
        }
        Effect::FollowLog { ticket, from, .. } => {
            let text = NAMES.join("\r\n").repeat(20);
            let part =
                LogPart { to: from + text.len() as u64, text, skipped: u64::MAX / 64, replaces: fails };
            vec![Msg::LogRead { ticket, result: Ok(part) }]
        }
        Effect::FindScript { ticket, unfound } => {
            let folder = NAMES[4].into();
            let planned = PlannedCommand { folder, ..unfound.planned };
            vec![Msg::ScriptFound { ticket, planned: Box::new(planned) }]
        }
        Effect::CheckCommand { ticket, .. } => {
            let checked = CheckedCommand { first: NAMES[5].repeat(90), words: NAMES[6].into() };
            let result = if fails { Err(NAMES.join(" ")) } else { Ok(checked) };
            vec![Msg::CommandChecked { ticket, result }]
        }
        _ => Vec::new(),
    }
}
