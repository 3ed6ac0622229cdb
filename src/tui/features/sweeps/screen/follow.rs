//! A sweep as it goes on: its journal is read on from where it was read last.

use std::sync::Arc;

use crate::chart::quantile::quantile;
use crate::params::ParamValue;
use crate::sweep::engine::journal::{Event, Position};
use crate::sweep::engine::rules::Aim;
use crate::sweep::engine::state::{SweepState, TrialState, best};
use crate::sweep::header::SweepHeader;
use crate::tui::core::remote::{Remote, Ticket};

/// Of fewer results none is far from the others.
const FEW: usize = 12;
/// So many times the middle half of the results is far.
const FAR: f64 = 4.0;

/// What was read of a sweep.
#[derive(Debug, Clone)]
pub enum SweepNews {
    /// From the beginning.
    Whole { header: Arc<SweepHeader>, state: Box<SweepState>, to: Position },
    /// From where it was read before.
    More { events: Vec<Event>, to: Position, damage: Option<String> },
}

#[derive(Debug)]
pub struct FollowedSweep {
    pub id: String,
    pub header: Option<Arc<SweepHeader>>,
    pub state: SweepState,
    pub position: Position,
    pub fetched: Remote<(), String>,
    /// The params that vary, in the order of the plan.
    pub params: Vec<String>,
    /// The number of the best trial.
    pub best: Option<usize>,
    /// What is worse than this is far from all others, as a loss.
    pub bound: Option<f64>,
    /// So many trials are.
    pub far: usize,
    /// Another one whenever anything is new.
    pub version: u64,
}

impl FollowedSweep {
    pub fn new(id: String) -> Self {
        Self {
            id,
            header: None,
            state: SweepState::default(),
            position: Position::default(),
            fetched: Remote::default(),
            params: Vec::new(),
            best: None,
            bound: None,
            far: 0,
            version: 0,
        }
    }

    /// What is optimised, as soon as it is known.
    pub fn aim(&self) -> Option<Aim> {
        self.header.as_ref().map(|header| header.plan.aim())
    }

    /// Takes what was read; false if it comes too late.
    pub fn take(&mut self, ticket: Ticket, result: Result<SweepNews, String>, now: i64) -> bool {
        let (news, outcome) = match result {
            Ok(news) => (Some(news), Ok(())),
            Err(error) => (None, Err(error)),
        };
        if !self.fetched.take(ticket, outcome, now) {
            return false;
        }
        match news {
            Some(SweepNews::Whole { header, state, to }) => {
                self.params = varying(&header);
                (self.header, self.state, self.position) = (Some(header), *state, to);
            }
            Some(SweepNews::More { events, to, damage }) => {
                let is_same = events.is_empty() && damage == self.state.damage;
                for event in &events {
                    self.state.learn(event);
                }
                (self.position, self.state.damage) = (to, damage);
                if is_same {
                    return true;
                }
            }
            None => return true,
        }
        self.best = self.aim().and_then(|aim| best(&self.state.trials, aim));
        let far = self.far_off();
        self.bound = far.map(|(bound, _)| bound);
        self.far = far.map_or(0, |(_, count)| count);
        self.version += 1;
        true
    }

    /// Beyond which loss a result is far from all others, and how many are, where some are.
    fn far_off(&self) -> Option<(f64, usize)> {
        let aim = self.aim()?;
        let ended = self.state.trials.iter().filter(|trial| trial.outcome.is_some());
        let values = ended.filter_map(|trial| self.value(trial)).filter(|value| value.is_finite());
        let mut losses: Vec<f64> = values.map(|value| aim.loss(value)).collect();
        if losses.len() < FEW {
            return None;
        }
        let (low, high) = (quantile(&mut losses, 0.25)?, quantile(&mut losses, 0.75)?);
        let bound = high + FAR * (high - low);
        let count = losses.iter().filter(|loss| **loss > bound).count();
        (count > 0).then_some((bound, count))
    }

    /// What a trial came to, or has come to so far by what it reported.
    pub fn value(&self, trial: &TrialState) -> Option<f64> {
        let aim = self.aim()?;
        if trial.outcome.is_some() {
            return trial.mean(aim);
        }
        let values: Vec<f64> = trial.reports.iter().filter_map(|report| aim.value(report)).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

/// What is searched and can be more than one thing.
fn varying(header: &SweepHeader) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let dimensions = header.plan.rules.spaces.iter().flat_map(|space| &space.dimensions);
    for dimension in dimensions.filter(|dimension| dimension.grid(2).len() > 1) {
        if !names.contains(&dimension.name) {
            names.push(dimension.name.clone());
        }
    }
    names
}

/// The value of a param of a trial.
pub fn param<'a>(trial: &'a TrialState, name: &str) -> Option<&'a ParamValue> {
    trial.proposal.as_ref()?.params.get(name)
}
