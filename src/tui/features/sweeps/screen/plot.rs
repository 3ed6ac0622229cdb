//! How the trials of a sweep came out, as dots and a staircase of the best so far.

use ratatui::layout::{Margin, Rect};

use super::follow::param;
use super::{FollowedSweep, SweepScreen, SweepTab};
use crate::chart::Options;
use crate::chart::quantile::quantile;
use crate::mlflow::MetricPoint;
use crate::params::{ParamValue, tidy};
use crate::sweep::engine::state::TrialState;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::plotted::{PlottedInputs, PlottedLines};

/// From this width on the legend stands beside the plot.
const WIDE: u16 = 100;
/// Columns of the legend beside the plot.
const LEGEND: u16 = 38;
/// Groups that numbers are told apart by, and words.
const LEVELS: usize = 5;
const WORDS: usize = 8;
/// Trials that the importance of params is learnt from, at most.
const MOST: usize = 500;

/// What the dots are coloured by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Coloring {
    /// By family where there are several.
    #[default]
    Family,
    Param(String),
}

/// A colour, and what it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct ColorGroup {
    pub ink: u8,
    pub words: String,
    pub count: usize,
}

/// What the importance of params is learnt from.
#[derive(Debug, Clone, PartialEq)]
pub struct WeighedTrials {
    pub values: Vec<f64>,
    /// Each with a text for each value, where the trial has one.
    pub params: Vec<(String, Vec<Option<String>>)>,
}

/// Where things are on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlotAreas {
    pub plot: Rect,
    pub legend: Rect,
}

pub fn areas(body: Rect) -> PlotAreas {
    let inner = body.inner(Margin { horizontal: 2, vertical: 1 });
    if body.width >= WIDE {
        let plot = Rect { width: inner.width - LEGEND - 2, ..inner };
        return PlotAreas { plot, legend: Rect { x: inner.x + plot.width + 2, width: LEGEND, ..inner } };
    }
    let rows = (inner.height / 2).min(9);
    let plot = Rect { height: inner.height - rows, ..inner };
    PlotAreas { plot, legend: Rect { y: inner.y + plot.height, height: rows, ..inner } }
}

/// What the picture depends on.
pub fn inputs(app: &App, screen: &SweepScreen) -> Option<PlottedInputs> {
    if screen.tab != SweepTab::Chart || screen.shown.best.is_none() {
        return None;
    }
    // A number for whatever colours the dots: its place among the params.
    let coloring = match &screen.coloring {
        Coloring::Family => 0,
        Coloring::Param(name) => {
            1 + screen.shown.params.iter().position(|known| known == name).unwrap_or(0) as u64
        }
    };
    let other = screen.other.as_ref().map(|other| (2, other.version));
    Some(PlottedInputs {
        versions: [(0, coloring), (3, u64::from(screen.shows_all)), (1, screen.shown.version)]
            .into_iter()
            .chain(other)
            .collect(),
        options: Options { log_y: screen.log_y, ..Options::default() },
        area: areas(app.geometry().body).plot,
        cursor: screen.chosen().map(|number| number as f64),
        lines: 1 + usize::from(screen.other.as_ref().is_some_and(|other| other.best.is_some())),
    })
}

/// The dots, and over them the best so far.
pub fn lines(screen: &SweepScreen) -> PlottedLines {
    let mut lines = PlottedLines::new();
    if let Some(other) = &screen.other {
        lines.push((2, dots(screen, other, |_| true)));
        lines.push((1, dots(screen, &screen.shown, |_| true)));
        if other.best.is_some() {
            lines.push((2, staircase(screen, other)));
        }
        lines.push((1, staircase(screen, &screen.shown)));
        return lines;
    }
    let grouping = Grouping::of(screen);
    for (at, group) in grouping.groups.iter().enumerate() {
        lines.push((group.ink, dots(screen, &screen.shown, |trial| grouping.group(trial) == at)));
    }
    lines.push((0, staircase(screen, &screen.shown)));
    lines
}

/// The trials that came to a value, each with its number.
fn valued(sweep: &FollowedSweep) -> impl Iterator<Item = (usize, &TrialState, f64)> {
    let trials = sweep.state.trials.iter().enumerate();
    trials.filter_map(|(number, trial)| {
        let value = sweep.value(trial).filter(|value| value.is_finite() && trial.outcome.is_some())?;
        Some((number, trial, value))
    })
}

/// Those of them that are on the chart.
fn seen<'a>(
    screen: &SweepScreen,
    sweep: &'a FollowedSweep,
) -> impl Iterator<Item = (usize, &'a TrialState, f64)> {
    let bound = sweep.bound.filter(|_| !screen.shows_all);
    let aim = sweep.aim();
    valued(sweep).filter(move |(_, _, value)| match (bound, aim) {
        (Some(bound), Some(aim)) => aim.loss(*value) <= bound,
        _ => true,
    })
}

/// How many trials are so much worse than the others that they are not on the chart.
pub fn left_out(screen: &SweepScreen) -> usize {
    let sweeps = [Some(&screen.shown), screen.other.as_ref()].into_iter().flatten();
    sweeps.map(|sweep| valued(sweep).count() - seen(screen, sweep).count()).sum()
}

fn dots(
    screen: &SweepScreen,
    sweep: &FollowedSweep,
    is_it: impl Fn(&TrialState) -> bool,
) -> Vec<MetricPoint> {
    let mut points = Vec::new();
    for (number, _, value) in seen(screen, sweep).filter(|(_, trial, _)| is_it(trial)) {
        let point = |value| MetricPoint { step: number as i64, timestamp: 0, value };
        // A gap behind each keeps it a dot.
        points.extend([point(value), point(f64::NAN)]);
    }
    points
}

/// The best of the finished trials up to each one.
fn staircase(screen: &SweepScreen, sweep: &FollowedSweep) -> Vec<MetricPoint> {
    let Some(aim) = sweep.aim() else { return Vec::new() };
    let mut points: Vec<MetricPoint> = Vec::new();
    let mut best: Option<f64> = None;
    for (number, _, value) in seen(screen, sweep).filter(|(_, trial, _)| trial.is_finished()) {
        let point = |value| MetricPoint { step: number as i64, timestamp: 0, value };
        match best {
            Some(known) if aim.loss(value) >= aim.loss(known) => {}
            Some(known) => {
                points.extend([point(known), point(value)]);
                best = Some(value);
            }
            None => {
                points.push(point(value));
                best = Some(value);
            }
        }
    }
    if let Some(best) = best {
        let last = sweep.state.trials.len().saturating_sub(1) as i64;
        points.push(MetricPoint { step: last, timestamp: 0, value: best });
    }
    points
}

/// What tells the colours of dots apart.
pub struct Grouping<'a> {
    coloring: &'a Coloring,
    pub groups: Vec<ColorGroup>,
    /// Of numbers: the least of each group but the first.
    bounds: Vec<f64>,
    /// Of words: the word of each group.
    words: Vec<String>,
}

impl<'a> Grouping<'a> {
    pub fn of(screen: &'a SweepScreen) -> Self {
        let mut grouping =
            Self { coloring: &screen.coloring, groups: Vec::new(), bounds: Vec::new(), words: Vec::new() };
        let trials = || valued(&screen.shown).map(|(_, trial, _)| trial);
        let mut numbers: Vec<f64> = trials().filter_map(|trial| grouping.number(trial)).collect();
        let distinct = {
            let mut sorted = numbers.clone();
            sorted.sort_by(f64::total_cmp);
            sorted.dedup();
            sorted
        };
        let is_number =
            trials().all(|trial| grouping.word(trial).is_none() || grouping.number(trial).is_some());
        if is_number && distinct.len() > LEVELS {
            let cuts = (1..LEVELS).filter_map(|at| quantile(&mut numbers, at as f64 / LEVELS as f64));
            grouping.bounds = cuts.collect();
            grouping.bounds.dedup();
        } else {
            let mut words: Vec<String> = trials().filter_map(|trial| grouping.word(trial)).collect();
            words.sort_by(|a, b| crate::text::order::natural(a, b));
            words.dedup();
            // The last stands for all others.
            words.truncate(WORDS);
            grouping.words = words;
        }
        let count = if grouping.bounds.is_empty() { grouping.words.len() } else { grouping.bounds.len() + 1 };
        grouping.groups = (0..count)
            .map(|at| ColorGroup { ink: at as u8 + 1, words: grouping.name(at, &distinct), count: 0 })
            .collect();
        let mut counts = vec![0; count + 1];
        trials().for_each(|trial| counts[grouping.group(trial)] += 1);
        if counts[count] > 0 {
            let words = "does not apply".to_owned();
            grouping.groups.push(ColorGroup { ink: count as u8 + 1, words, count: 0 });
        }
        grouping.groups.iter_mut().zip(counts).for_each(|(group, count)| group.count = count);
        grouping
    }

    fn value<'t>(&self, trial: &'t TrialState) -> Option<&'t ParamValue> {
        match self.coloring {
            Coloring::Family => None,
            Coloring::Param(name) => param(trial, name),
        }
    }

    fn number(&self, trial: &TrialState) -> Option<f64> {
        match self.value(trial)? {
            ParamValue::Int(value) => Some(*value as f64),
            ParamValue::Real(value) => Some(*value),
            ParamValue::Text(_) => None,
        }
    }

    fn word(&self, trial: &TrialState) -> Option<String> {
        match self.coloring {
            Coloring::Family => Some(trial.proposal.as_ref()?.family.clone()),
            Coloring::Param(_) => Some(self.value(trial)?.to_string()),
        }
    }

    fn name(&self, at: usize, distinct: &[f64]) -> String {
        if self.bounds.is_empty() {
            let rest = if at + 1 == WORDS { " and others" } else { "" };
            return format!("{}{rest}", self.words[at]);
        }
        let low = if at == 0 { distinct.first().copied() } else { self.bounds.get(at - 1).copied() };
        let high = self.bounds.get(at).copied().or(distinct.last().copied());
        let number = |value: Option<f64>| text::number(tidy(value.unwrap_or_default()));
        format!("{} to {}", number(low), number(high))
    }

    /// The place of a trial's group; behind all others that of trials to which the param does not apply.
    pub fn group(&self, trial: &TrialState) -> usize {
        if self.bounds.is_empty() {
            let Some(word) = self.word(trial) else { return self.words.len() };
            let found = self.words.iter().position(|known| *known == word);
            return found.unwrap_or(self.words.len().saturating_sub(1));
        }
        let Some(number) = self.number(trial) else { return self.bounds.len() + 1 };
        self.bounds.iter().filter(|bound| number >= **bound).count()
    }
}

/// What comes after this in the round of what dots can be coloured by.
pub fn next_coloring(screen: &SweepScreen) -> Coloring {
    let params = &screen.shown.params;
    let next = match &screen.coloring {
        Coloring::Family => 0,
        Coloring::Param(name) => params.iter().position(|known| known == name).map_or(0, |at| at + 1),
    };
    params.get(next).map_or(Coloring::Family, |name| Coloring::Param(name.clone()))
}

/// What the importance of params is to be learnt from, of so many finished trials: those of the whole sweep, evenly.
pub fn to_be_weighed(sweep: &FollowedSweep) -> WeighedTrials {
    let finished: Vec<(&TrialState, f64)> = valued(sweep)
        .filter(|(_, trial, _)| trial.is_finished())
        .map(|(_, trial, value)| (trial, value))
        .collect();
    let each = finished.len().div_ceil(MOST).max(1);
    let some: Vec<(&TrialState, f64)> = finished.into_iter().step_by(each).collect();
    let mut params: Vec<(String, Vec<Option<String>>)> = Vec::new();
    if sweep.header.as_ref().is_some_and(|header| header.plan.rules.spaces.len() > 1) {
        let family = |trial: &TrialState| trial.proposal.as_ref().map(|known| known.family.clone());
        params.push(("family".into(), some.iter().map(|(trial, _)| family(trial)).collect()));
    }
    for name in &sweep.params {
        let texts = some.iter().map(|(trial, _)| param(trial, name).map(ToString::to_string)).collect();
        params.push((name.clone(), texts));
    }
    WeighedTrials { values: some.iter().map(|(_, value)| *value).collect(), params }
}

/// The trials that came to a value, each with its number, the value and the ink of its dot.
pub fn inked(screen: &SweepScreen) -> Vec<(usize, f64, u8)> {
    if let Some(other) = &screen.other {
        let of = |sweep, ink| seen(screen, sweep).map(move |(number, _, value)| (number, value, ink));
        return of(other, 2).chain(of(&screen.shown, 1)).collect();
    }
    let grouping = Grouping::of(screen);
    let ink = |trial| grouping.groups.get(grouping.group(trial)).map_or(1, |group| group.ink);
    seen(screen, &screen.shown).map(|(number, trial, value)| (number, value, ink(trial))).collect()
}
