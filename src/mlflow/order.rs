//! The orders of values, of the points of a history, and of names.
//!
//! A sort may panic on an order that is not total. These are therefore made of keys of whole numbers and texts, which
//! cannot be less than that.

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

/// The order of names and categories as people expect it: numbers by their size, and behind them what is none.
pub fn natural(a: &str, b: &str) -> Ordering {
    natural_key(a).cmp(&natural_key(b))
}

/// Whether it is no number, its size, all its digits where they are more than a float holds, and the text itself.
fn natural_key(text: &str) -> (bool, u64, Option<u128>, &str) {
    let starts_like_one = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let number =
        if starts_like_one { text.parse::<f64>().ok().filter(|number| !number.is_nan()) } else { None };
    match number {
        Some(number) => (false, rank(number), text.parse().ok(), text),
        None => (true, 0, None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_numbers_come_by_size_before_all_others() {
        let mut names = [
            "1a",
            "10",
            "2",
            "nan",
            "-1",
            "1e400",
            "0",
            "-0",
            "12345678901234567890123",
            "inf",
            "٣",
            "",
            "9007199254740993",
            "9007199254740992",
            "-inf",
            "-nan",
            "+3",
            "10000000000000000",
            "9999999999999999",
        ];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(
            names,
            [
                "-inf",
                "-1",
                "-0",
                "0",
                "2",
                "+3",
                "10",
                "9007199254740992",
                "9007199254740993",
                "9999999999999999",
                "10000000000000000",
                "12345678901234567890123",
                "1e400",
                "",
                "-nan",
                "1a",
                "inf",
                "nan",
                "٣",
            ]
        );
    }

    #[test]
    fn nan_is_compared_as_mlflow_keeps_it() {
        let at = |value: f64| MetricPoint { step: 0, timestamp: 5, value };
        let mut points = [1.0, f64::NAN, f64::NEG_INFINITY, -1.0, 0.0].map(at);
        points.sort_by(by_step);
        assert_eq!(format!("{:?}", points.map(|point| point.value)), "[-inf, -1.0, 0.0, NaN, 1.0]");
    }
}
