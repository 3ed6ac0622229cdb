//! Whether a value is better than another by so much, in decimal: 0.568 and 0.558 are 0.01 apart for whoever wrote them,
//! and not for a computer that keeps neither of the three exactly.

use super::Goal;

/// Digits before and behind the point: those of the largest and of the smallest number there is, and room for carrying.
const WHOLE: usize = 312;
const PLACES: usize = 344;

/// Whether `own` is better than `other`, and by `least` at least. All three are finite, and count as the shortest
/// decimal numbers that mean them.
pub fn is_better_by(goal: Goal, own: f64, other: f64, least: f64) -> bool {
    let (more, less) = match goal {
        Goal::Minimize => (other, own),
        Goal::Maximize => (own, other),
    };
    more > less && !is_negative(&[(more, 1), (less, -1), (least, -1)])
}

/// Whether the exact sum of decimal numbers, each with its sign, is less than nothing.
fn is_negative(terms: &[(f64, i32)]) -> bool {
    // The digits of the sum, the smallest place first; some may be negative until all is carried.
    let mut digits = vec![0_i32; WHOLE + PLACES];
    for (number, sign) in terms {
        let written = format!("{:e}", number.abs());
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let sign = if number.is_sign_negative() { -sign } else { *sign };
        let highest = PLACES as i32 + exponent.parse().unwrap_or(0);
        let places = (0..=highest).rev();
        for (place, digit) in places.zip(mantissa.chars().filter_map(|c| c.to_digit(10))) {
            digits[place as usize] += sign * digit as i32;
        }
    }
    let mut carried = 0;
    for digit in digits {
        carried = (digit + carried).div_euclid(10);
    }
    carried < 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_difference_of_exactly_the_least_is_enough() {
        for (own, other, least) in [
            (0.558, 0.568, 0.01),
            (0.1, 0.4, 0.3),
            (-1.1, -1.0, 0.1),
            (0.0, 5e-324, 5e-324),
            (-0.0, 1e300, 1e300),
        ] {
            assert!(is_better_by(Goal::Minimize, own, other, least), "{own} {other} {least}");
            assert!(is_better_by(Goal::Maximize, -own, -other, least), "{own} {other} {least}");
        }
        assert!(!is_better_by(Goal::Minimize, 1.0, 1.0, 0.0), "the same is not better");
        assert!(!is_better_by(Goal::Minimize, 0.0, 1e300, 1e300_f64.next_up()));
        assert!(is_better_by(Goal::Maximize, f64::MAX, f64::MIN, f64::MAX));
        assert!(!is_better_by(Goal::Maximize, 1.0, 0.0, f64::MAX));
    }

    proptest! {
        #[test]
        fn numbers_are_compared_as_they_are_written(
            own in -99_999_i64..100_000, gap in -2_000_i64..2_000, least in 0_i64..2_000, places in 0_i32..12, is_lower: bool
        ) {
            let number = |units: i64| format!("{units}e-{places}").parse::<f64>().unwrap();
            let goal = if is_lower { Goal::Minimize } else { Goal::Maximize };
            let other = if is_lower { own + gap } else { own - gap };
            let expected = gap > 0 && gap >= least;
            prop_assert_eq!(is_better_by(goal, number(own), number(other), number(least)), expected);
        }
    }
}
