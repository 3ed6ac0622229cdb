//! The orders of values and of the points of a history.
//!
//! A sort may panic on an order that is not total. These are therefore made of keys of whole numbers, which cannot be
//! less than that.

use std::cmp::Ordering;

use super::MetricPoint;

/// Bits that sort as the number does, from minus infinity to infinity; 0.0 and -0.0 are the same. NaN has no place.
pub fn rank(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The order of a history, and MLflow's own rule for the latest value: by step, then timestamp, then value. MLflow keeps
/// NaN as 0 with a mark, and compares it as that; a 0 at the same place comes before it.
pub fn by_step(a: &MetricPoint, b: &MetricPoint) -> Ordering {
    let value = |point: &MetricPoint| {
        let is_nan = point.value.is_nan();
        (rank(if is_nan { 0.0 } else { point.value }), is_nan)
    };
    (a.step, a.timestamp).cmp(&(b.step, b.timestamp)).then_with(|| value(a).cmp(&value(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_compared_as_mlflow_keeps_it() {
        let at = |value: f64| MetricPoint { step: 0, timestamp: 5, value };
        let mut points = [1.0, f64::NAN, f64::NEG_INFINITY, -1.0, 0.0].map(at);
        points.sort_by(by_step);
        assert_eq!(format!("{:?}", points.map(|point| point.value)), "[-inf, -1.0, 0.0, NaN, 1.0]");
    }
}
