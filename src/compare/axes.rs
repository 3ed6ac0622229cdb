//! Columns as axes: where each run stands on a param or metric, from 0 (low) to 1 (high), for parallel coordinates and
//! scatter plots.

use super::export::exact;
use super::{CompareCell, Comparison, Entry, EntryKind, number};
use crate::catalog::{ColumnSpec, Value};
use crate::chart::axis::{Unit, ticks, time_words};
use crate::sheet;
use crate::text;
use crate::text::order::natural;

/// Greatest over least from which on an axis of positive numbers is logarithmic: learning rates are.
const LOG: f64 = 100.0;
/// Params on parallel coordinates: those that differ, and all there are.
const PARAMS: usize = 10;
const ALL_PARAMS: usize = 100;

#[derive(Debug, Clone, PartialEq)]
pub enum AxisKind {
    Linear {
        low: f64,
        high: f64,
    },
    /// Of positive numbers.
    Log {
        low: f64,
        high: f64,
    },
    /// In alphabetical order, from below.
    Texts(Vec<String>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub spec: ColumnSpec,
    pub unit: Unit,
    pub kind: AxisKind,
    /// By member; none without a value, or with one that is no number.
    pub places: Vec<Option<f64>>,
    /// The values as people read them, and exactly, by member.
    pub labels: Vec<String>,
    pub values: Vec<sheet::Cell>,
}

/// A mark on an axis: its place from 0 to 1, and its words.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    pub place: f64,
    pub label: String,
}

impl Axis {
    /// The axis of all members.
    pub fn new(comparison: &Comparison, spec: &ColumnSpec, now: i64) -> Option<Self> {
        Self::of(comparison, spec, |_| true, now)
    }

    /// The axis of some members: the others have no place, and do not stretch it.
    pub fn of(
        comparison: &Comparison,
        spec: &ColumnSpec,
        is_drawn: impl Fn(usize) -> bool,
        now: i64,
    ) -> Option<Self> {
        let entry = comparison.entries.iter().find(|entry| entry.spec == *spec)?;
        let unit = entry.unit();
        let bound = comparison.bound(entry);
        let cells: Vec<CompareCell<'_>> =
            (0..comparison.members.len()).map(|member| comparison.cell(entry, &bound, member, now)).collect();
        let labels: Vec<String> = cells.iter().map(|cell| cell_words(entry, cell)).collect();
        let values: Vec<sheet::Cell> = cells.iter().map(exact).collect();
        let drawn: Vec<Option<&CompareCell<'_>>> = cells
            .iter()
            .enumerate()
            .map(|(member, cell)| (is_drawn(member) && !matches!(cell, CompareCell::Missing)).then_some(cell))
            .collect();
        let numbers: Vec<Option<f64>> = drawn.iter().map(|cell| cell.and_then(place_number)).collect();
        let has_words = drawn.iter().zip(&numbers).any(|(cell, number)| cell.is_some() && number.is_none());
        let spec = spec.clone();
        if has_words {
            let mut texts: Vec<String> =
                labels.iter().zip(&drawn).filter_map(|(label, cell)| cell.map(|_| label.clone())).collect();
            texts.sort_unstable_by(|a, b| natural(a, b));
            texts.dedup();
            let places = labels.iter().zip(&drawn).map(|(label, cell)| {
                let at = cell.and_then(|_| texts.binary_search_by(|text| natural(text, label)).ok())?;
                Some(place_of(at, texts.len()))
            });
            let places = places.collect();
            return Some(Self { spec, unit, kind: AxisKind::Texts(texts), places, labels, values });
        }
        let finite = |number: &Option<f64>| number.filter(|number| number.is_finite());
        let known: Vec<f64> = numbers.iter().filter_map(finite).collect();
        let low = known.iter().copied().reduce(f64::min)?;
        let high = known.iter().copied().reduce(f64::max)?;
        let is_log = unit == Unit::Number && low > 0.0 && high / low >= LOG;
        let kind = if is_log { AxisKind::Log { low, high } } else { AxisKind::Linear { low, high } };
        let places = numbers.iter().map(|number| finite(number).map(|number| kind.place(number))).collect();
        Some(Self { spec, unit, kind, places, labels, values })
    }

    /// Members that have a place, and whether they are not all at the same.
    pub fn known(&self) -> (usize, bool) {
        let mut known = self.places.iter().flatten();
        let first = known.next();
        let differs = known.clone().any(|place| Some(place) != first);
        (usize::from(first.is_some()) + known.count(), differs)
    }

    /// The values of an axis of texts, from below.
    pub fn texts(&self) -> Option<&[String]> {
        if let AxisKind::Texts(texts) = &self.kind { Some(texts) } else { None }
    }

    /// What stands at the lower and the upper end.
    pub fn ends(&self) -> (String, String) {
        match &self.kind {
            AxisKind::Linear { low, high } | AxisKind::Log { low, high } => {
                let mut ends = self.distinct(&[*low, *high]).into_iter();
                (ends.next().unwrap_or_default(), ends.next().unwrap_or_default())
            }
            AxisKind::Texts(texts) => {
                (texts.first().cloned().unwrap_or_default(), texts.last().cloned().unwrap_or_default())
            }
        }
    }

    /// A number of this axis with its unit.
    fn words(&self, value: f64) -> String {
        if self.unit == Unit::Number { text::number(value) } else { time_words(value, self.unit) }
    }

    /// Numbers of this axis as people read them, with as many digits as make different ones differ.
    fn distinct(&self, values: &[f64]) -> Vec<String> {
        if self.unit == Unit::Number {
            text::distinct_numbers(values)
        } else {
            values.iter().map(|value| self.words(*value)).collect()
        }
    }

    /// The values of some members as people read them, so that different ones differ.
    pub fn distinct_labels(&self, members: &[usize]) -> Vec<String> {
        let number = |member: &usize| match self.values.get(*member) {
            Some(sheet::Cell::Number(value)) if self.unit == Unit::Number => Some(*value),
            _ => None,
        };
        let numbers: Option<Vec<f64>> = members.iter().map(number).collect();
        match numbers {
            Some(numbers) if self.texts().is_none() => text::distinct_numbers(&numbers),
            _ => members.iter().map(|member| self.labels[*member].clone()).collect(),
        }
    }

    /// The value at a place of the axis, as people read it.
    pub fn label_at(&self, place: f64) -> String {
        let between = |low: f64, high: f64| low * (1.0 - place) + high * place;
        match &self.kind {
            AxisKind::Linear { low, high } => self.words(between(*low, *high)),
            AxisKind::Log { low, high } => self.words(between(low.ln(), high.ln()).exp()),
            AxisKind::Texts(texts) => {
                let at = (place * (texts.len().max(1) - 1) as f64).round() as usize;
                texts.get(at).cloned().unwrap_or_default()
            }
        }
    }

    /// At most so many marks: round numbers, or texts, all of them where there is room and else evenly spread.
    pub fn marks(&self, most: usize) -> Vec<Mark> {
        let (low, high, is_log) = match &self.kind {
            AxisKind::Texts(texts) => {
                let stride = stride(texts.len(), most);
                let mark = |(at, text): (usize, &String)| Mark {
                    place: place_of(at, texts.len()),
                    label: text.clone(),
                };
                return texts.iter().enumerate().step_by(stride).map(mark).collect();
            }
            AxisKind::Linear { low, high } => (*low, *high, false),
            AxisKind::Log { low, high } => (low.log10(), high.log10(), true),
        };
        if high <= low {
            return vec![Mark { place: 0.5, label: self.ends().0 }];
        }
        let marks = ticks(low, high, most, self.unit, is_log).into_iter();
        let place = |at: f64| (at / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        marks.map(|tick| Mark { place: place(tick.at).clamp(0.0, 1.0), label: tick.label }).collect()
    }
}

/// Every which of so many texts is marked, where there is room for `most`.
pub fn stride(texts: usize, most: usize) -> usize {
    (texts.max(1) - 1).div_ceil(most.max(2) - 1).max(1)
}

/// Where one of so many texts stands; a single one in the middle.
fn place_of(at: usize, texts: usize) -> f64 {
    if texts > 1 { at as f64 / (texts - 1) as f64 } else { 0.5 }
}

/// The number by which a cell has its place; moments have one too.
fn place_number(cell: &CompareCell<'_>) -> Option<f64> {
    match cell {
        CompareCell::One(Value::Time(ms)) => Some(*ms as f64),
        CompareCell::One(Value::Count(count)) => Some(*count as f64),
        cell => cell.number(),
    }
}

impl AxisKind {
    /// Where a number stands; a single value in the middle.
    fn place(&self, value: f64) -> f64 {
        let share = |value: f64, low: f64, high: f64| {
            if high > low { (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) } else { 0.5 }
        };
        match self {
            Self::Linear { low, high } => share(value, *low, *high),
            Self::Log { low, high } => share(value.ln(), low.ln(), high.ln()),
            Self::Texts(_) => 0.5,
        }
    }
}

/// A cell as people read it.
pub fn cell_words(entry: &Entry, cell: &CompareCell<'_>) -> String {
    let number_words = |value: f64| match entry.unit() {
        Unit::Number | Unit::Count => text::number(value),
        unit => time_words(value, unit),
    };
    match cell {
        CompareCell::Missing | CompareCell::One(Value::Missing) => "-".into(),
        // An id of digits is no number.
        CompareCell::One(Value::Text(text)) => match number(text) {
            Some(number) if entry.kind != EntryKind::Attribute => text::number(number),
            Some(_) | None => (*text).to_owned(),
        },
        CompareCell::One(Value::OwnedText(text)) => text.clone(),
        CompareCell::One(Value::Number(value) | Value::Point(value, _)) => text::number(*value),
        CompareCell::One(Value::Time(ms)) => text::timestamp(*ms),
        CompareCell::One(Value::Duration(ms)) => text::duration(*ms),
        CompareCell::One(Value::Count(count)) => count.to_string(),
        CompareCell::One(Value::Status(status)) => status.label().to_owned(),
        CompareCell::Mean { mean, deviation: Some(deviation), .. } => {
            format!("{}±{}", number_words(*mean), number_words(*deviation))
        }
        CompareCell::Mean { mean, .. } => number_words(*mean),
        CompareCell::Several { first, distinct } => format!("{first} +{}", distinct - 1),
    }
}

/// How much more a cell is than another, as people read it.
pub fn difference_words(entry: &Entry, by: f64) -> String {
    let sign = if by > 0.0 { "+" } else { "" };
    match entry.unit() {
        Unit::Duration if by < 0.0 => format!("-{}", time_words(-by, Unit::Duration)),
        Unit::Duration => format!("{sign}{}", time_words(by, Unit::Duration)),
        _ => format!("{sign}{}", text::number(by)),
    }
}

/// The axes of parallel coordinates, and how many params have none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParallelAxes {
    pub axes: Vec<Axis>,
    /// Params that are the same everywhere or that half of the members lack.
    pub left_out: usize,
}

/// The params that differ among the drawn members and that most of these have, those that differ most first, and the
/// metric last; `shows_all` takes in what is the same everywhere or that most lack.
pub fn parallel(
    comparison: &Comparison,
    metric: &ColumnSpec,
    is_drawn: impl Fn(usize) -> bool,
    shows_all: bool,
    now: i64,
) -> ParallelAxes {
    let drawn = (0..comparison.members.len()).filter(|member| is_drawn(*member)).count();
    let mut found = ParallelAxes::default();
    let most = if shows_all { ALL_PARAMS } else { PARAMS };
    for entry in comparison.entries.iter().filter(|entry| entry.kind == EntryKind::Param) {
        if !shows_all && is_seed_of(&entry.spec) {
            continue;
        }
        if found.axes.len() == most {
            break;
        }
        // What half of all lack most of the drawn ones lack too, but for those that are not drawn.
        let may = shows_all || (entry.differs && entry.present * 2 > drawn);
        let axis = if may { Axis::of(comparison, &entry.spec, &is_drawn, now) } else { None };
        match axis {
            Some(axis) if shows_all || is_telling(&axis, drawn) => found.axes.push(axis),
            _ => found.left_out += 1,
        }
    }
    found.axes.extend(Axis::of(comparison, metric, &is_drawn, now));
    found
}

/// Whether an axis tells members apart: most have a place on it, and not all the same.
fn is_telling(axis: &Axis, drawn: usize) -> bool {
    let (known, differs) = axis.known();
    differs && known * 2 > drawn
}

fn is_seed_of(spec: &ColumnSpec) -> bool {
    matches!(spec, ColumnSpec::Param(key) if crate::select::is_seed(key))
}

/// A range of an axis that lines have to pass through.
#[derive(Debug, Clone, PartialEq)]
pub struct Brush {
    pub spec: ColumnSpec,
    pub low: f64,
    pub high: f64,
}

/// Which members pass through all brushes; those without a value on a brushed axis do not.
pub fn brushed(axes: &[Axis], brushes: &[Brush], members: usize) -> Vec<bool> {
    let passes = |member: usize| {
        brushes.iter().all(|brush| {
            let axis = axes.iter().find(|axis| axis.spec == brush.spec);
            let place = axis.and_then(|axis| axis.places.get(member).copied().flatten());
            axis.is_none()
                || place.is_some_and(|place| place >= brush.low - 1e-9 && place <= brush.high + 1e-9)
        })
    };
    (0..members).map(passes).collect()
}

/// From 0 to 1 how good each member is by a metric, by rank; none where it has no value. Without a known direction the
/// greatest is 1.
pub fn rank_shares(axis: &Axis, goal: Option<crate::select::Goal>) -> Vec<Option<f64>> {
    let mut known: Vec<(usize, f64)> =
        axis.places.iter().enumerate().filter_map(|(member, place)| Some((member, (*place)?))).collect();
    known.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut shares = vec![None; axis.places.len()];
    let last = known.len().saturating_sub(1).max(1) as f64;
    for (rank, (member, _)) in known.iter().enumerate() {
        let share = rank as f64 / last;
        let is_down = goal == Some(crate::select::Goal::Minimize);
        shares[*member] = Some(if is_down { 1.0 - share } else { share });
    }
    shares
}
