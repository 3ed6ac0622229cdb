//! Several histories as one: their mean at each step, and how far they are apart.

use super::trace::PointCounts;
use crate::mlflow::MetricPoint;

/// What lies around a mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Band {
    /// Runs are not put together.
    #[default]
    None,
    /// The sample standard deviation (with n − 1) to either side.
    Deviation,
    /// From the least to the greatest value.
    Range,
}

impl Band {
    pub fn next(self) -> Self {
        match self {
            Self::None => Self::Deviation,
            Self::Deviation => Self::Range,
            Self::Range => Self::None,
        }
    }

    /// As the chart's title says it.
    pub fn in_words(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Deviation => Some("mean ±1 sd"),
            Self::Range => Some("mean, min–max"),
        }
    }
}

/// The lower and the upper edge of a band, by point.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Edges {
    pub low: Vec<f64>,
    pub high: Vec<f64>,
}

impl Edges {
    fn push(&mut self, low: f64, high: f64) {
        self.low.push(low);
        self.high.push(high);
    }
}

/// Several histories as one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mean {
    /// Means; times as if all had begun with the first history.
    pub points: Vec<MetricPoint>,
    /// Of how many values each is.
    pub counts: Vec<usize>,
    pub range: Edges,
    pub deviation: Edges,
    /// Values that are no number, or infinite: they are in no mean.
    pub lost: PointCounts,
}

impl Mean {
    /// Of histories that are ordered by step. A step counts where all have a value of those that have begun and not ended, and
    /// two at least. Of several values of a history at a step the last one counts.
    pub fn of(histories: &[&[MetricPoint]]) -> Self {
        let mut rests: Vec<&[MetricPoint]> =
            histories.iter().copied().filter(|points| !points.is_empty()).collect();
        let spans: Vec<(i64, i64)> =
            rests.iter().map(|points| (points[0].step, points[points.len() - 1].step)).collect();
        let origins: Vec<i64> = rests.iter().map(|points| super::trace::origin(points)).collect();
        let least = rests.len().min(2);
        let mut mean = Self::default();
        let mut values: Vec<f64> = Vec::with_capacity(rests.len());
        while let Some(step) = rests.iter().filter_map(|rest| rest.first()).map(|point| point.step).min() {
            values.clear();
            let (mut living, mut having, mut after) = (0, 0, 0_i128);
            for ((rest, span), origin) in rests.iter_mut().zip(&spans).zip(&origins) {
                living += usize::from((span.0..=span.1).contains(&step));
                let here = rest.iter().take_while(|point| point.step == step).count();
                let Some(last) = here.checked_sub(1).map(|at| rest[at]) else { continue };
                *rest = &rest[here..];
                having += 1;
                after += i128::from(last.timestamp) - i128::from(*origin);
                mean.lost.nan += usize::from(last.value.is_nan());
                mean.lost.infinite += usize::from(last.value.is_infinite());
                values.extend(Some(last.value).filter(|value| value.is_finite()));
            }
            if having < living || values.len() < least {
                continue;
            }
            let after = i64::try_from(after / having as i128).unwrap_or(0);
            let timestamp = origins.first().map_or(0, |first| first.saturating_add(after));
            let last = mean.points.last().map_or(timestamp, |point| point.timestamp.max(timestamp));
            mean.push(MetricPoint { step, timestamp: last, value: 0.0 }, &values);
        }
        mean
    }

    fn push(&mut self, point: MetricPoint, values: &[f64]) {
        // Welford's method; halves of great numbers are not added up.
        let (mut value, mut squares) = (0.0, 0.0);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for (at, next) in values.iter().enumerate() {
            let from = next - value;
            value += from / (at + 1) as f64;
            squares += from * (next - value);
            (low, high) = (low.min(*next), high.max(*next));
        }
        let deviation = if values.len() > 1 { (squares / (values.len() - 1) as f64).sqrt() } else { 0.0 };
        self.points.push(MetricPoint { value, ..point });
        self.counts.push(values.len());
        self.range.push(low, high);
        self.deviation.push(value - deviation, value + deviation);
    }

    /// The edges of a band.
    pub fn edges(&self, band: Band) -> Option<&Edges> {
        match band {
            Band::None => None,
            Band::Deviation => Some(&self.deviation),
            Band::Range => Some(&self.range),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn history(points: &[(i64, f64)]) -> Vec<MetricPoint> {
        points
            .iter()
            .map(|(step, value)| MetricPoint { step: *step, timestamp: *step, value: *value })
            .collect()
    }

    fn mean(histories: &[&[(i64, f64)]]) -> Mean {
        let histories: Vec<Vec<MetricPoint>> = histories.iter().map(|points| history(points)).collect();
        Mean::of(&histories.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn told(mean: &Mean) -> Vec<(i64, f64, usize)> {
        mean.points.iter().zip(&mean.counts).map(|(point, count)| (point.step, point.value, *count)).collect()
    }

    #[test]
    fn shared_steps_have_a_mean_and_a_band() {
        let mean = mean(&[&[(0, 1.0), (1, 2.0), (2, 3.0)], &[(0, 3.0), (1, 2.0), (2, 5.0)]]);
        assert_eq!(told(&mean), [(0, 2.0, 2), (1, 2.0, 2), (2, 4.0, 2)]);
        assert_eq!((mean.range.low, mean.range.high), (vec![1.0, 2.0, 3.0], vec![3.0, 2.0, 5.0]));
        let sd = 2.0_f64.sqrt();
        assert_eq!(mean.deviation.low[0].to_bits(), (2.0 - sd).to_bits());
        assert_eq!(mean.deviation.high[1].to_bits(), 2.0_f64.to_bits());
    }

    #[test]
    fn unequal_steps_count_where_all_that_go_on_have_them() {
        // One logs every tenth step, one every fifth; one died early, one began late.
        let often: Vec<(i64, f64)> = (0..=8).map(|at| (at * 5, 1.0)).collect();
        let found = mean(&[&often, &[(0, 3.0), (10, 3.0), (20, 3.0), (30, 3.0)], &[(0, 5.0), (10, 5.0)]]);
        assert_eq!(told(&found), [(0, 3.0, 3), (10, 3.0, 3), (20, 2.0, 2), (30, 2.0, 2)]);
        assert_eq!(told(&mean(&[&[(0, 1.0)], &[(1, 1.0)]])), []);
        // By itself a history is its own mean.
        assert_eq!(told(&mean(&[&[(0, 1.0), (3, 2.0)], &[]])), [(0, 1.0, 1), (3, 2.0, 1)]);
        assert_eq!(told(&mean(&[])), []);
    }

    #[test]
    fn what_is_no_number_is_in_no_mean_and_counted() {
        let found =
            mean(&[&[(0, 1.0), (1, f64::NAN)], &[(0, 3.0), (1, 1.0)], &[(0, f64::INFINITY), (1, 2.0)]]);
        assert_eq!(told(&found), [(0, 2.0, 2), (1, 1.5, 2)]);
        assert_eq!((found.lost.nan, found.lost.infinite), (1, 1));
    }

    #[test]
    fn of_a_resumed_run_the_last_value_at_a_step_counts_and_time_begins_with_each() {
        let at = |step, timestamp, value| MetricPoint { step, timestamp, value };
        let resumed = [at(0, 100, 1.0), at(1, 110, 9.0), at(1, 130, 3.0)];
        let other = [at(0, 500, 1.0), at(1, 510, 1.0)];
        let mean = Mean::of(&[&resumed, &other]);
        assert_eq!(mean.points, [at(0, 100, 1.0), at(1, 120, 2.0)]);
    }

    proptest! {
        #[test]
        fn the_mean_lies_within_its_band(
            values in prop::collection::vec(prop::collection::vec(-1e6..1e6_f64, 1..20), 1..6),
        ) {
            let histories: Vec<Vec<(i64, f64)>> = values
                .iter()
                .map(|values| values.iter().enumerate().map(|(at, value)| (at as i64, *value)).collect())
                .collect();
            let mean = mean(&histories.iter().map(Vec::as_slice).collect::<Vec<_>>());
            for (at, point) in mean.points.iter().enumerate() {
                let slack = 1e-6;
                for edges in [&mean.range, &mean.deviation] {
                    prop_assert!(edges.low[at] <= point.value + slack && point.value <= edges.high[at] + slack);
                }
            }
            prop_assert!(mean.points.windows(2).all(|pair| pair[0].timestamp <= pair[1].timestamp));
        }
    }
}
