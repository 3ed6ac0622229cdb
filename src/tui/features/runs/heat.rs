//! Metrics tinted from the worst to the best of their column, among the runs that are shown.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::catalog::view::Projection;
use crate::catalog::{Bound, Catalog, ColumnSpec, Row, Value};
use crate::select::Goal;

/// Runs that are looked at to find out where a column's values lie.
const SAMPLE: usize = 2_000;
/// Values further from the middle half than so many times its width do not count, as in a box plot: one run that went
/// wrong would take all colours.
const FAR: f64 = 1.5;

/// Whether metrics are tinted, and how the columns that are shown lie.
#[derive(Debug, Default)]
pub struct Heat {
    pub is_on: bool,
    scales: FxHashMap<ColumnSpec, Scale>,
    /// What they were made of.
    of: Option<Measured>,
}

/// Lines and columns that were measured, and what was thought of these.
type Measured = (Arc<Projection>, Vec<ColumnSpec>, Vec<Option<Goal>>);

/// Where the values of a column lie, and which end is better, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    low: f64,
    high: f64,
    goal: Option<Goal>,
}

/// How a value stands in its column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warmth {
    /// From 0 for the worst to 1 for the best; from the least to the greatest where neither end is better.
    pub share: f64,
    /// Whether one end is better.
    pub is_judged: bool,
}

impl Heat {
    pub fn of(is_on: bool) -> Self {
        Self { is_on, ..Self::default() }
    }

    /// Measures the columns anew, where they or the runs are others.
    pub fn follow<'a>(
        &mut self,
        catalog: &Catalog,
        projection: &Arc<Projection>,
        columns: impl Iterator<Item = &'a ColumnSpec>,
        goal: impl Fn(&str) -> Option<Goal>,
    ) {
        if !self.is_on {
            (self.of, self.scales) = (None, FxHashMap::default());
            return;
        }
        let columns: Vec<&ColumnSpec> = columns.filter(|spec| spec.metric_key().is_some()).collect();
        let goals: Vec<Option<Goal>> = columns.iter().map(|spec| spec.metric_key().and_then(&goal)).collect();
        let is_known = self.of.as_ref().is_some_and(|(known, specs, wanted)| {
            Arc::ptr_eq(known, projection) && specs.iter().eq(columns.iter().copied()) && *wanted == goals
        });
        if is_known {
            return;
        }
        let length = projection.lines.len();
        let every = length.div_ceil(SAMPLE).max(1);
        let rows: Vec<Row> = (0..length).step_by(every).filter_map(|at| projection.row(at)).collect();
        let scale = |(spec, goal): (&&ColumnSpec, &Option<Goal>)| {
            Some(((*spec).clone(), Scale { goal: *goal, ..measured(catalog, spec, &rows)? }))
        };
        self.scales = columns.iter().zip(&goals).filter_map(scale).collect();
        self.of = Some((Arc::clone(projection), columns.into_iter().cloned().collect(), goals));
    }

    /// How a value stands in a column that is tinted.
    pub fn warmth(&self, spec: &ColumnSpec, value: f64) -> Option<Warmth> {
        let scale = self.scales.get(spec).filter(|_| value.is_finite())?;
        let share = ((value - scale.low) / (scale.high - scale.low)).clamp(0.0, 1.0);
        let share = if scale.goal == Some(Goal::Minimize) { 1.0 - share } else { share };
        Some(Warmth { share, is_judged: scale.goal.is_some() })
    }
}

/// Where the values of these runs lie; none where they are all the same.
fn measured(catalog: &Catalog, spec: &ColumnSpec, rows: &[Row]) -> Option<Scale> {
    let bound = Bound::new(catalog, spec);
    let values = rows.iter().filter_map(|row| match bound.value(catalog, *row, 0) {
        Value::Number(number) | Value::Point(number, _) => Some(number),
        Value::Missing
        | Value::Text(_)
        | Value::OwnedText(_)
        | Value::Time(_)
        | Value::Duration(_)
        | Value::Count(_)
        | Value::Status(_) => None,
    });
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let (first_quarter, third_quarter) = (values[last / 4], values[last - last / 4]);
    let far = (third_quarter - first_quarter) * FAR;
    let counts = |value: &&f64| far <= 0.0 || (first_quarter - far..=third_quarter + far).contains(*value);
    let low = *values.iter().find(counts)?;
    let high = *values.iter().rfind(counts)?;
    // A difference too great for a number has no shares.
    (low < high && (high - low).is_finite()).then_some(Scale { low, high, goal: None })
}
