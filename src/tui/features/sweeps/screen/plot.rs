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
use crate::text::order::natural;
use crate::tui::core::app::App;
use crate::tui::core::plotted::{PlottedInputs, PlottedLines};

/// From this width on the legend stands beside the plot.
const WIDE: u16 = 100;
/// Columns of the legend beside the plot.
const LEGEND: u16 = 38;
/// Groups that numbers are told apart by, and words.
const LEVELS: usize = 5;
const WORDS: usize = 8;
/// Different words that are looked at, at most.
const MOST_WORDS: usize = 100;
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

/// From so many rows on the plot has a title.
const TALL: u16 = 10;

/// Where things are on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlotAreas {
    /// What is drawn, by what; no line of it where there is no room.
    pub title: Rect,
    pub plot: Rect,
    pub legend: Rect,
}

pub fn areas(body: Rect) -> PlotAreas {
    let inner = body.inner(Margin { horizontal: 2, vertical: 1 });
    let (all, legend) = if body.width >= WIDE {
        let all = Rect { width: inner.width - LEGEND - 2, ..inner };
        (all, Rect { x: all.right() + 2, width: LEGEND, ..inner })
    } else {
        let rows = (inner.height / 2).min(9);
        let all = Rect { height: inner.height - rows, ..inner };
        (all, Rect { y: all.bottom(), height: rows, ..inner })
    };
    let title = Rect { height: u16::from(all.height >= TALL), ..all };
    let plot = Rect { y: title.bottom(), height: all.height - title.height, ..all };
    PlotAreas { title, plot, legend }
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
    let grouping = &screen.grouping;
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
    if screen.shows_all {
        return 0;
    }
    [Some(&screen.shown), screen.other.as_ref()].into_iter().flatten().map(|sweep| sweep.far).sum()
}

fn dots(screen: &SweepScreen, sweep: &FollowedSweep, is_it: impl Fn(usize) -> bool) -> Vec<MetricPoint> {
    let mut points = Vec::new();
    for (number, _, value) in seen(screen, sweep).filter(|(number, ..)| is_it(*number)) {
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
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grouping {
    pub groups: Vec<ColorGroup>,
    /// The place of the group of each trial, by their numbers.
    places: Vec<u8>,
}

/// What tells the groups apart.
enum Kinds {
    /// The least number of each group but the first.
    Numbers(Vec<f64>),
    /// The word of each.
    Words(Vec<String>),
}

impl Kinds {
    /// The kinds that fit these values, and what they are called.
    fn of<'a>(values: impl Iterator<Item = &'a ParamValue> + Clone) -> (Self, Vec<String>) {
        let mut numbers: Vec<f64> = values.clone().filter_map(number).collect();
        let mut distinct = numbers.clone();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        if numbers.len() == values.clone().count() && distinct.len() > LEVELS {
            let cuts = (1..LEVELS).filter_map(|at| quantile(&mut numbers, at as f64 / LEVELS as f64));
            let mut bounds: Vec<f64> = cuts.collect();
            bounds.dedup();
            let names = in_words(&distinct, &bounds);
            return (Self::Numbers(bounds), names);
        }
        let mut words: Vec<String> = Vec::new();
        for value in values {
            let word = value.to_string();
            if words.len() < MOST_WORDS && !words.contains(&word) {
                words.push(word);
            }
        }
        words.sort_by(|a, b| natural(a, b));
        // The last stands for all others.
        let is_cut = words.len() > WORDS;
        words.truncate(WORDS);
        let mut names = words.clone();
        if let Some(last) = names.last_mut().filter(|_| is_cut) {
            last.push_str(" and others");
        }
        (Self::Words(words), names)
    }

    /// The place of a value's group.
    fn place(&self, value: &ParamValue) -> usize {
        match self {
            Self::Numbers(bounds) => {
                let number = number(value).unwrap_or_default();
                bounds.iter().filter(|bound| number >= **bound).count()
            }
            Self::Words(words) => {
                let word = value.to_string();
                let found = words.iter().position(|known| *known == word);
                found.unwrap_or(words.len().saturating_sub(1))
            }
        }
    }
}

impl Grouping {
    /// Of the trials that came to a value: numbers by how many of them there are, words one by one.
    pub fn of(sweep: &FollowedSweep, coloring: &Coloring) -> Self {
        let value = |trial: &TrialState| match coloring {
            Coloring::Family => trial.proposal.as_ref().map(|known| ParamValue::Text(known.family.clone())),
            Coloring::Param(name) => param(trial, name).cloned(),
        };
        let values: Vec<(usize, Option<ParamValue>)> =
            valued(sweep).map(|(number, trial, _)| (number, value(trial))).collect();
        let (kinds, names) = Kinds::of(values.iter().filter_map(|(_, value)| value.as_ref()));
        let missing = names.len();
        let mut counts = vec![0; missing + 1];
        let mut places = vec![0; sweep.state.trials.len()];
        for (number, value) in &values {
            let at = value.as_ref().map_or(missing, |value| kinds.place(value));
            counts[at] += 1;
            places[*number] = at as u8;
        }
        let missing_name = (counts[missing] > 0).then(|| "does not apply".to_owned());
        let named = names.into_iter().chain(missing_name).zip(counts).zip(1..);
        let groups = named.map(|((words, count), ink)| ColorGroup { ink, words, count }).collect();
        Self { groups, places }
    }

    /// The place of a trial's group.
    fn group(&self, trial: usize) -> usize {
        self.places.get(trial).copied().unwrap_or_default().into()
    }
}

fn number(value: &ParamValue) -> Option<f64> {
    match value {
        ParamValue::Int(value) => Some(*value as f64),
        ParamValue::Real(value) => Some(*value),
        ParamValue::Text(_) => None,
    }
}

/// What each group of numbers covers.
fn in_words(distinct: &[f64], bounds: &[f64]) -> Vec<String> {
    let name = |at: usize| {
        // What was tried, and not what lies between.
        let low = match at.checked_sub(1).and_then(|before| bounds.get(before)) {
            Some(bound) => distinct.iter().find(|number| *number >= bound),
            None => distinct.first(),
        };
        // The greatest that is in it: the next one begins with the bound.
        let high = match bounds.get(at) {
            Some(bound) => distinct.iter().rev().find(|number| *number < bound),
            None => distinct.last(),
        };
        let words = |value: Option<&f64>| text::number(tidy(value.copied().unwrap_or_default()));
        let (low, high) = (words(low), words(high));
        if low == high { low } else { format!("{low} to {high}") }
    };
    (0..=bounds.len()).map(name).collect()
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
        .filter(|(_, trial, _)| trial.is_finished() && !trial.is_ensemble())
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
    let groups = &screen.grouping.groups;
    let ink = |trial| groups.get(screen.grouping.group(trial)).map_or(1, |group| group.ink);
    seen(screen, &screen.shown).map(|(number, _, value)| (number, value, ink(number))).collect()
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn a_group_of_numbers_is_named_after_what_was_tried() {
        assert_eq!(in_words(&[3.0, 4.0, 6.0, 8.0], &[3.4, 5.8]), ["3", "4", "6 to 8"]);
    }
}
