//! A y axis whose ticks are round numbers and stand evenly in the rows of a terminal: as wide as that needs it to be.

use super::axis::{Tick, label, round_step};

/// An axis: where it begins and ends, its ticks with the row of each, counted from below.
#[derive(Debug, Clone, PartialEq)]
pub struct EvenAxis {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<(usize, Tick)>,
}

/// The rows between ticks that look best.
const BEST_GAP: usize = 3;
/// What each row more or less costs, as a share of the height.
const FAR: f64 = 0.04;
/// Ticks, at most.
const MOST: usize = 9;
/// Up to twice so many rows, each may have a tick.
const MOST_CLOSE: usize = 3;

/// The axis for values from `low` to `high` in so many rows of so many dots each; none where rows are too few or numbers
/// too close together for even ticks.
pub fn even(low: f64, high: f64, rows: usize, dots: usize) -> Option<EvenAxis> {
    let span = high - low;
    let is_sound = span.is_finite() && span > 0.0 && span > low.abs().max(high.abs()) * 1e-9;
    if !is_sound || rows < 4 || !(1e-290..1e290).contains(&span) {
        return None;
    }
    let last_dot = (rows * dots - 1) as f64;
    let gaps = if rows > 2 * MOST_CLOSE { rows.div_ceil(MOST).max(2) } else { 1 }..=(rows * 2 / 3).max(3);
    let axes = gaps.filter_map(|gap| {
        // So much to the dot at least, and then the next round numbers.
        let mut step = round_step(span / last_dot * (dots * gap) as f64);
        loop {
            let axis = Candidate::new(low, high, step, gap, rows, dots);
            if axis.reaches(high, span) {
                return (axis.ticks() >= 2).then_some(axis);
            }
            step = round_step(step * 1.5);
        }
    });
    let best = axes.min_by(|a, b| a.cost(span).total_cmp(&b.cost(span)))?;
    Some(EvenAxis { low: best.low(), high: best.high(), ticks: best.named() })
}

/// An axis that may be taken.
struct Candidate {
    step: f64,
    gap: usize,
    rows: usize,
    dots: usize,
    /// The lowest dot, counted from zero on the axis.
    first: f64,
}

impl Candidate {
    fn new(low: f64, high: f64, step: f64, gap: usize, rows: usize, dots: usize) -> Self {
        let mut axis = Self { step, gap, rows, dots, first: 0.0 };
        let lowest = (low / axis.per_dot() + 1e-9).floor();
        axis.first = lowest;
        // What is left over is left on both sides, but what is never negative does not begin below zero.
        let over = ((axis.high() - high) / axis.per_dot() / 2.0).floor().max(0.0);
        let zero = if low >= 0.0 { lowest.min(0.0) } else { f64::NEG_INFINITY };
        axis.first = (lowest - over).max(zero);
        axis
    }

    fn per_dot(&self) -> f64 {
        self.step / (self.gap * self.dots) as f64
    }

    fn low(&self) -> f64 {
        self.first * self.per_dot()
    }

    fn high(&self) -> f64 {
        (self.first + (self.rows * self.dots - 1) as f64) * self.per_dot()
    }

    fn reaches(&self, high: f64, span: f64) -> bool {
        self.high() >= high - span * 1e-9
    }

    /// How little of it the values take, and how far its ticks are from where they look best.
    fn cost(&self, span: f64) -> f64 {
        (self.high() - self.low()) / span + FAR * self.gap.abs_diff(BEST_GAP) as f64
    }

    /// The ticks as multiples of the step, from the lowest on the axis to the highest.
    fn multiples(&self) -> std::ops::RangeInclusive<i64> {
        let between = (self.gap * self.dots) as i64;
        let first = self.first as i64;
        let last = first + (self.rows * self.dots - 1) as i64;
        first.div_euclid(between) + i64::from(first.rem_euclid(between) != 0)..=last.div_euclid(between)
    }

    fn ticks(&self) -> usize {
        self.multiples().count()
    }

    fn named(&self) -> Vec<(usize, Tick)> {
        let named = self.multiples().map(|times| {
            let dot = times * (self.gap * self.dots) as i64 - self.first as i64;
            let at = times as f64 * self.step + 0.0;
            (dot as usize / self.dots, Tick { at, label: label(at, self.step) })
        });
        named.collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(low: f64, high: f64, rows: usize) -> Vec<(usize, String)> {
        even(low, high, rows, 4).unwrap().ticks.into_iter().map(|(row, tick)| (row, tick.label)).collect()
    }

    #[test]
    fn ticks_are_round_and_even() {
        let of = |pairs: &[(usize, &str)]| -> Vec<(usize, String)> {
            pairs.iter().map(|(row, label)| (*row, (*label).to_owned())).collect()
        };
        assert_eq!(
            labels(0.0, 1.0, 11),
            of(&[(0, "0"), (2, "0.2"), (4, "0.4"), (6, "0.6"), (8, "0.8"), (10, "1.0")])
        );
        assert!(even(1.0, 1.0, 10, 4).is_none() && even(0.0, 1.0, 3, 4).is_none());
        assert!(even(f64::MIN, f64::MAX, 10, 4).is_none() && even(0.0, f64::NAN, 10, 4).is_none());
    }

    proptest! {
        #[test]
        fn all_values_are_on_the_axis_and_ticks_stand_evenly(
            low in -1e6..1e6_f64,
            exponent in -3.0..7.0_f64,
            rows in 4_usize..60,
            dots in 3_usize..5,
        ) {
            let high = low + 10_f64.powf(exponent);
            let axis = even(low, high, rows, dots).unwrap();
            let span = high - low;
            prop_assert!(axis.low <= low + span * 1e-6 && axis.high >= high - span * 1e-6, "{axis:?}");
            prop_assert!(axis.high - axis.low <= span * 2.2, "{axis:?} for {span}");
            prop_assert!((2..=MOST + 2).contains(&axis.ticks.len()), "{axis:?}");
            let gaps: Vec<usize> = axis.ticks.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
            prop_assert!(gaps.iter().all(|gap| *gap == gaps[0]), "{axis:?}");
            let labels: std::collections::HashSet<&str> =
                axis.ticks.iter().map(|(_, tick)| tick.label.as_str()).collect();
            prop_assert_eq!(labels.len(), axis.ticks.len());
            prop_assert!(low < 0.0 || axis.low >= 0.0, "{axis:?}");
            // Each tick is drawn in its row.
            for (row, tick) in &axis.ticks {
                let dot = (tick.at - axis.low) / (axis.high - axis.low) * (rows * dots - 1) as f64;
                prop_assert_eq!(dot.round() as usize / dots, *row);
            }
        }
    }
}
