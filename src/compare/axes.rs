//! Columns as axes: where each run stands on a param or metric, from 0 (low) to 1 (high), for parallel coordinates and
//! scatter plots.

use super::export::exact;
use super::{CompareCell, Comparison, EntryKind, number};
use crate::catalog::{ColumnSpec, Value};
use crate::sheet;
use crate::text;
use crate::text::order::natural;

/// Greatest over least from which on an axis of positive numbers is logarithmic: learning rates are.
const LOG: f64 = 100.0;
/// Params on parallel coordinates that nobody chose.
const PARAMS: usize = 10;

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
    pub kind: AxisKind,
    /// By member; none without a value, or with one that is no number.
    pub places: Vec<Option<f64>>,
    /// The values as people read them, and exactly, by member.
    pub labels: Vec<String>,
    pub values: Vec<sheet::Cell>,
}

impl Axis {
    pub fn new(comparison: &Comparison, spec: &ColumnSpec, now: i64) -> Option<Self> {
        let entry = comparison.entries.iter().find(|entry| entry.spec == *spec)?;
        let bound = comparison.bound(entry);
        let cells: Vec<CompareCell<'_>> =
            (0..comparison.members.len()).map(|member| comparison.cell(entry, &bound, member, now)).collect();
        let labels: Vec<String> = cells.iter().map(words).collect();
        let values: Vec<sheet::Cell> = cells.iter().map(exact).collect();
        let numbers: Vec<Option<f64>> = cells.iter().map(CompareCell::number).collect();
        let has_words = cells
            .iter()
            .zip(&numbers)
            .any(|(cell, number)| number.is_none() && !matches!(cell, CompareCell::Missing));
        if has_words {
            let mut texts: Vec<String> = labels
                .iter()
                .zip(&cells)
                .filter(|(_, cell)| **cell != CompareCell::Missing)
                .map(|(label, _)| label.clone())
                .collect();
            texts.sort_unstable_by(|a, b| natural(a, b));
            texts.dedup();
            let place = |label: &String| {
                let at = texts.binary_search_by(|text| natural(text, label)).ok()?;
                Some(if texts.len() > 1 { at as f64 / (texts.len() - 1) as f64 } else { 0.5 })
            };
            let places = labels.iter().map(place).collect();
            return Some(Self { spec: spec.clone(), kind: AxisKind::Texts(texts), places, labels, values });
        }
        let finite = |number: &Option<f64>| number.filter(|number| number.is_finite());
        let known: Vec<f64> = numbers.iter().filter_map(finite).collect();
        let low = known.iter().copied().reduce(f64::min)?;
        let high = known.iter().copied().reduce(f64::max)?;
        let is_log = low > 0.0 && high / low >= LOG;
        let kind = if is_log { AxisKind::Log { low, high } } else { AxisKind::Linear { low, high } };
        let places = numbers.iter().map(|number| finite(number).map(|number| kind.place(number))).collect();
        Some(Self { spec: spec.clone(), kind, places, labels, values })
    }

    /// What stands at the lower and the upper end.
    pub fn ends(&self) -> (String, String) {
        match &self.kind {
            AxisKind::Linear { low, high } | AxisKind::Log { low, high } => {
                (text::number(*low), text::number(*high))
            }
            AxisKind::Texts(texts) => {
                (texts.first().cloned().unwrap_or_default(), texts.last().cloned().unwrap_or_default())
            }
        }
    }

    /// The value at a place of the axis, as people read it.
    pub fn label_at(&self, place: f64) -> String {
        let between = |low: f64, high: f64| low * (1.0 - place) + high * place;
        match &self.kind {
            AxisKind::Linear { low, high } => text::number(between(*low, *high)),
            AxisKind::Log { low, high } => text::number(between(low.ln(), high.ln()).exp()),
            AxisKind::Texts(texts) => {
                let at = (place * (texts.len().max(1) - 1) as f64).round() as usize;
                texts.get(at).cloned().unwrap_or_default()
            }
        }
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

fn words(cell: &CompareCell<'_>) -> String {
    match cell {
        CompareCell::Missing | CompareCell::One(Value::Missing) => "-".into(),
        CompareCell::One(Value::Text(text)) => number(text).map_or_else(|| (*text).to_owned(), text::number),
        CompareCell::One(Value::OwnedText(text)) => text.clone(),
        CompareCell::One(Value::Number(value) | Value::Point(value, _)) => text::number(*value),
        CompareCell::One(Value::Time(ms)) => text::timestamp(*ms),
        CompareCell::One(Value::Duration(ms)) => text::duration(*ms),
        CompareCell::One(Value::Count(count)) => count.to_string(),
        CompareCell::One(Value::Status(status)) => status.label().to_owned(),
        CompareCell::Mean { mean, deviation: Some(deviation), .. } => {
            format!("{}±{}", text::number(*mean), text::number(*deviation))
        }
        CompareCell::Mean { mean, .. } => text::number(*mean),
        CompareCell::Several { first, distinct } => format!("{first} +{}", distinct - 1),
    }
}

/// A cell as people read it.
pub fn cell_words(cell: &CompareCell<'_>) -> String {
    words(cell)
}

/// The axes of parallel coordinates: the params that differ, those that differ most first, and the metric last.
pub fn parallel(comparison: &Comparison, metric: &ColumnSpec, now: i64) -> Vec<Axis> {
    let params = comparison.entries.iter().filter(|entry| entry.kind == EntryKind::Param && entry.differs);
    let params = params.filter(|entry| !is_seed_of(&entry.spec)).take(PARAMS).map(|entry| &entry.spec);
    params.chain([metric]).filter_map(|spec| Axis::new(comparison, spec, now)).collect()
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
