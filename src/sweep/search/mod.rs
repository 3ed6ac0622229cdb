//! Which trial comes next: a grid, chance, a Sobol sequence, or a tree-structured Parzen estimator (Bergstra 2011).
//!
//! A proposal depends on its number, the seed, and the results of trials that are [`LAG`] or more before it, and on nothing
//! else: so the trials are the same however many run side by side. Whoever asks for proposals that keep apart may go by all
//! that is known, and by guesses of what is under way.

mod families;
mod quasi;
mod space;

use std::collections::HashMap;

use fastrand::Rng;
use optimizer::distribution::{CategoricalDistribution, Distribution, FloatDistribution, IntDistribution};
use optimizer::param::ParamValue as Sampled;
use optimizer::parameter::ParamId;
use optimizer::sampler::tpe::TpeSampler;
use optimizer::sampler::{CompletedTrial, Sampler};
use serde::{Deserialize, Serialize};

pub use families::FamilyChoice;
pub use space::FamilySpace;

use crate::params::{Dimension, ParamValue, Params, Range, tidy};

/// A trial is proposed when all that are so many before it have ended. It bounds how many run side by side.
pub const LAG: usize = 8;
/// Trials by chance, of a family, before its results are gone by.
const STARTUP: usize = 5;
/// What stands for the family of a trial that averages others.
pub const ENSEMBLE: &str = "ensemble";

/// And by a Sobol sequence, which is whole at powers of two: the first trial of all is no part of it.
const SOBOL_STARTUP: usize = 8;

/// Draws by chance before something is tried twice.
const CHANCES: u64 = 8;
/// The share of a range that a value tells of: of one alone, and of many at least.
const WIDEST: f64 = 0.2;
const NARROWEST: f64 = 0.01;

/// How trials are proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Sample near trials that did well.
    #[default]
    Tpe,
    /// Sample at random.
    Random,
    /// Cover the space evenly, by a scrambled Sobol sequence.
    Sobol,
    /// Try every combination.
    Grid,
}

impl Method {
    /// As it stands on the command line and among a run's params.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tpe => "tpe",
            Self::Random => "random",
            Self::Sobol => "sobol",
            Self::Grid => "grid",
        }
    }
}

/// How trials are proposed before any results are gone by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Startup {
    /// At random.
    #[default]
    Random,
    /// By a scrambled Sobol sequence.
    Sobol,
}

/// What a trial is to try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The name of its family.
    pub family: String,
    /// One value for each hyper-parameter that applies.
    pub params: Params,
    /// The trials that an ensemble averages; of others none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}

/// A trial that an ensemble averages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Its number.
    pub trial: usize,
    /// The name of its family.
    pub family: String,
    /// Its hyper-parameters.
    pub params: Params,
}

impl Member {
    /// What its trial is called: `ridge-3`.
    pub fn name(&self) -> String {
        trial_name(&self.family, self.trial)
    }
}

impl Proposal {
    /// A trial that is searched.
    pub fn new(family: impl Into<String>, params: Params) -> Self {
        Self { family: family.into(), params, members: Vec::new() }
    }

    /// A trial that averages others.
    pub fn ensemble(members: Vec<Member>) -> Self {
        let names: Vec<String> = members.iter().map(Member::name).collect();
        let params = Params::from([("members".to_owned(), ParamValue::Text(names.join(", ")))]);
        Self { family: ENSEMBLE.to_owned(), params, members }
    }

    /// Whether it averages other trials.
    pub fn is_ensemble(&self) -> bool {
        !self.members.is_empty()
    }

    /// Whether it is what was begun as that: it may have found further params out since.
    pub fn was_begun_as(&self, begun: &Self) -> bool {
        let is_known = |(name, value): (&String, &ParamValue)| self.params.get(name) == Some(value);
        (&self.family, &self.members) == (&begun.family, &begun.members) && begun.params.iter().all(is_known)
    }

    /// What the trial of that number is called: `ridge-3`.
    pub fn trial_name(&self, number: usize) -> String {
        trial_name(&self.family, number)
    }
}

/// What the trial of that number, of a family, is called: `ridge-3`.
pub fn trial_name(family: &str, number: usize) -> String {
    format!("{family}-{number}")
}

/// A trial that has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation<'a> {
    /// What it tried.
    pub proposal: &'a Proposal,
    /// The less, the better. None if it failed.
    pub loss: Option<f64>,
}

/// Proposes trials.
#[derive(Debug, Clone)]
pub struct Proposer {
    method: Method,
    seed: u64,
    spaces: Vec<FamilySpace>,
    grid: Vec<Proposal>,
    /// Whether proposals keep a distance from what was tried.
    keeps_apart: bool,
    startup: Startup,
    families: FamilyChoice,
}

impl Proposer {
    /// `points` is how many values of a range a grid takes.
    pub fn new(method: Method, seed: u64, spaces: Vec<FamilySpace>, points: usize) -> Self {
        let grid = if method == Method::Grid {
            spaces.iter().flat_map(|space| grid(space, points)).collect()
        } else {
            Vec::new()
        };
        let families = FamilyChoice::default();
        Self { method, seed, spaces, grid, keeps_apart: false, startup: Startup::Random, families }
    }

    /// The same, whose proposals keep a distance from what was tried, and from each other while nothing more is known: where
    /// all that did well lies at one place, the estimator as it comes proposes that place again and again.
    pub fn apart(self) -> Self {
        Self { keeps_apart: true, ..self }
    }

    /// The same, beginning in another way where results are gone by.
    pub fn starting(self, startup: Startup) -> Self {
        Self { startup, ..self }
    }

    /// The same, choosing families in another way where results are gone by.
    pub fn choosing(self, families: FamilyChoice) -> Self {
        Self { families, ..self }
    }

    /// How many trials there are at most.
    pub fn length(&self) -> Option<usize> {
        match self.method {
            Method::Grid => Some(self.grid.len()),
            // Nothing to vary: each family once.
            _ if self.spaces.iter().all(|space| space.dimensions.is_empty()) => Some(self.spaces.len()),
            _ => None,
        }
    }

    /// The trial of that number. `observed` are the trials up to `number` - [`LAG`], in order.
    pub fn propose(&self, number: usize, observed: &[Observation<'_>]) -> Option<Proposal> {
        if self.length().is_some_and(|length| number >= length) {
            return None;
        }
        if self.method == Method::Grid {
            return self.grid.get(number).cloned();
        }
        // Each family as it comes, before anything is searched.
        if let Some(space) = self.spaces.get(number) {
            return Some(Proposal::new(space.family.clone(), space.defaults()));
        }
        let proposal = self.sampled(number, observed)?;
        let is_tried = |proposal: &Proposal| observed.iter().any(|trial| trial.proposal == proposal);
        if !self.keeps_apart || !is_tried(&proposal) {
            return Some(proposal);
        }
        // By chance, where that finds something new in a few draws.
        let others = (1..=CHANCES).map(|chance| Self {
            method: Method::Random,
            seed: self.seed.wrapping_add(chance.wrapping_mul(0x9e37_79b9)),
            ..self.clone()
        });
        let mut drawn = others.filter_map(|chance| chance.sampled(number, observed));
        Some(drawn.find(|other| !is_tried(other)).unwrap_or(proposal))
    }

    fn sampled(&self, number: usize, observed: &[Observation<'_>]) -> Option<Proposal> {
        // Nothing else learns from what came before.
        let observed = if self.method == Method::Tpe { observed } else { &[] };
        let space = self.family(number, observed)?;
        let of_family: Vec<&Observation<'_>> =
            observed.iter().filter(|trial| trial.proposal.family == space.family).collect();
        let mut params = Params::new();
        for (at, dimension) in space.dimensions.iter().enumerate() {
            if !dimension.applies(&params) {
                continue;
            }
            let history = completed(&of_family, &distribution(&dimension.range), |trial| {
                // The same name may have another range where something else was chosen before.
                let params = Some(&trial.proposal.params).filter(|params| dimension.applies(params))?;
                encode(&dimension.range, params.get(&dimension.name)?)
            });
            let sampled = self.sample(number, at + 1, &distribution(&dimension.range), &history);
            params.insert(dimension.name.clone(), decode(dimension, &sampled));
        }
        Some(Proposal::new(space.family.clone(), params))
    }

    fn family(&self, number: usize, observed: &[Observation<'_>]) -> Option<&FamilySpace> {
        // What has nothing to vary is not tried twice.
        let open: Vec<&FamilySpace> =
            self.spaces.iter().filter(|space| !space.dimensions.is_empty()).collect();
        if let [only] = open[..] {
            return Some(only);
        }
        if self.method == Method::Tpe && self.families == FamilyChoice::Ranked {
            let names: Vec<&str> = open.iter().map(|space| space.family.as_str()).collect();
            let mut rng = Rng::with_seed(self.seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
            return open.get(families::draw(&names, observed, &mut rng)?).copied();
        }
        let distribution = Distribution::Categorical(CategoricalDistribution { n_choices: open.len() });
        let all: Vec<&Observation<'_>> = observed.iter().collect();
        let history = completed(&all, &distribution, |trial| {
            let at = open.iter().position(|space| space.family == trial.proposal.family)?;
            Some(Sampled::Categorical(at))
        });
        match self.sample(number, 0, &distribution, &history) {
            Sampled::Categorical(at) => open.get(at).copied(),
            _ => None,
        }
    }

    fn sample(
        &self,
        number: usize,
        dimension: usize,
        distribution: &Distribution,
        history: &[CompletedTrial],
    ) -> Sampled {
        let is_even = match self.method {
            Method::Sobol => true,
            Method::Tpe => self.startup == Startup::Sobol && history.len() < SOBOL_STARTUP,
            Method::Random | Method::Grid => false,
        };
        if is_even {
            // Trials that are not searched have no part in the sequence.
            let at = number.saturating_sub(self.spaces.len());
            return quasi::point(at, dimension, self.seed, distribution);
        }
        let seed = self.seed.wrapping_mul(1_000_003).wrapping_add(dimension as u64);
        let startup = if self.method == Method::Random { usize::MAX } else { STARTUP };
        let mut sampler = TpeSampler::builder().seed(seed).n_startup_trials(startup);
        if let Some(bandwidth) = bandwidth(distribution, history.len()).filter(|_| self.keeps_apart) {
            sampler = sampler.kde_bandwidth(bandwidth);
        }
        match sampler.build() {
            Ok(sampler) => sampler.sample(distribution, number as u64, history),
            // The settings are constants; chance is as good an answer as any.
            Err(_) => Sampled::Float(Rng::with_seed(seed).f64()),
        }
    }
}

/// How wide what is known of one value reaches on either side: a share of the range that shrinks as more is known.
fn bandwidth(distribution: &Distribution, known: usize) -> Option<f64> {
    let share = (WIDEST / (known.max(1) as f64).sqrt()).max(NARROWEST);
    let width = |low: f64, high: f64, log: bool| if log { high.ln() - low.ln() } else { high - low };
    let bandwidth = match distribution {
        Distribution::Float(range) => share * width(range.low, range.high, range.log_scale),
        Distribution::Int(range) => {
            let wide = share * width(range.low as f64, range.high as f64, range.log_scale);
            // To the next whole number at least.
            if range.log_scale { wide } else { wide.max(0.5) }
        }
        Distribution::Categorical(_) => return None,
    };
    Some(bandwidth).filter(|bandwidth| *bandwidth > 0.0 && bandwidth.is_finite())
}

fn completed(
    observed: &[&Observation<'_>],
    distribution: &Distribution,
    value: impl Fn(&Observation<'_>) -> Option<Sampled>,
) -> Vec<CompletedTrial> {
    let id = ParamId::new();
    let of = |(number, trial): (usize, &&Observation<'_>)| {
        let loss = trial.loss?;
        let params = HashMap::from([(id, value(trial)?)]);
        let distributions = HashMap::from([(id, distribution.clone())]);
        Some(CompletedTrial::new(number as u64, params, distributions, HashMap::new(), loss))
    };
    observed.iter().enumerate().filter_map(of).collect()
}

fn distribution(range: &Range) -> Distribution {
    match range {
        Range::Int { low, high, log } => {
            Distribution::Int(IntDistribution { low: *low, high: *high, log_scale: *log, step: None })
        }
        Range::Real { low, high, log } => {
            Distribution::Float(FloatDistribution { low: *low, high: *high, log_scale: *log, step: None })
        }
        Range::IntSteps { .. } | Range::RealSteps { .. } => {
            let high = range.steps().map_or(0, |steps| steps.saturating_sub(1) as i64);
            Distribution::Int(IntDistribution { low: 0, high, log_scale: false, step: None })
        }
        Range::Choice(choices) => {
            Distribution::Categorical(CategoricalDistribution { n_choices: choices.len() })
        }
    }
}

fn encode(range: &Range, value: &ParamValue) -> Option<Sampled> {
    match (range, value) {
        (Range::Int { .. }, ParamValue::Int(value)) => Some(Sampled::Int(*value)),
        (Range::Real { .. }, ParamValue::Real(value)) => Some(Sampled::Float(*value)),
        (Range::Real { .. }, ParamValue::Int(value)) => Some(Sampled::Float(*value as f64)),
        (Range::IntSteps { .. } | Range::RealSteps { .. }, value) => {
            Some(Sampled::Int(range.steps_to(value)? as i64))
        }
        (Range::Choice(choices), value) => {
            choices.iter().position(|choice| choice == value).map(Sampled::Categorical)
        }
        _ => None,
    }
}

fn decode(dimension: &Dimension, sampled: &Sampled) -> ParamValue {
    match (&dimension.range, sampled) {
        (Range::Int { low, high, .. }, Sampled::Int(value)) => ParamValue::Int((*value).clamp(*low, *high)),
        (Range::Real { low, high, .. }, Sampled::Float(value)) => {
            ParamValue::Real(tidy(*value).clamp(*low, *high))
        }
        (range @ (Range::IntSteps { .. } | Range::RealSteps { .. }), Sampled::Int(value)) => {
            range.at((*value).max(0) as u64).unwrap_or_else(|| dimension.default.clone())
        }
        (Range::Choice(choices), Sampled::Categorical(at)) => choices[(*at).min(choices.len() - 1)].clone(),
        _ => dimension.default.clone(),
    }
}

fn grid(space: &FamilySpace, points: usize) -> Vec<Proposal> {
    let mut all = vec![Params::new()];
    for dimension in &space.dimensions {
        let values = dimension.grid(points);
        let with = |params: Params| -> Vec<Params> {
            if !dimension.applies(&params) {
                return vec![params];
            }
            let one = |value: &ParamValue| {
                let mut params = params.clone();
                params.insert(dimension.name.clone(), value.clone());
                params
            };
            values.iter().map(one).collect()
        };
        all = all.into_iter().flat_map(with).collect();
    }
    all.into_iter().map(|params| Proposal::new(space.family.clone(), params)).collect()
}
