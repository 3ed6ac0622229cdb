//! The order of names. A sort may panic on an order that is not total; this one is.

use std::cmp::Ordering;

/// The order of names and categories as people expect it: numbers by their size, and behind them what is none, in which
/// digits count as numbers too.
pub fn natural(a: &str, b: &str) -> Ordering {
    by_number(a, b).then_with(|| by_digits(a, b))
}

/// The order of the levels of a category, which models are trained by, and which therefore stays: numbers by their size, and
/// behind them what is none, by its letters.
pub fn of_levels(a: &str, b: &str) -> Ordering {
    by_number(a, b).then_with(|| a.cmp(b))
}

fn by_number(a: &str, b: &str) -> Ordering {
    let (a_number, b_number) = (number(a), number(b));
    let by_number = match (a_number, b_number) {
        // 0.0 and -0.0 are the same.
        (Some(a), Some(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
        (a, b) => a.is_none().cmp(&b.is_none()),
    };
    // All digits, where they are more than a float holds.
    let digits = |text: &str, number: Option<f64>| number.and_then(|_| text.parse::<u128>().ok());
    let by_digits = || digits(a, a_number).cmp(&digits(b, b_number));
    // Of numbers written otherwise the texts decide, not the digits in them.
    by_number.then_with(by_digits).then_with(|| a_number.map_or(Ordering::Equal, |_| a.cmp(b)))
}

/// The order of names that are no numbers: `fold2` comes before `fold10`.
pub fn by_digits(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a.as_bytes(), b.as_bytes());
    loop {
        let same = rest_a.iter().zip(rest_b).take_while(|(a, b)| a == b).count();
        let (Some(letter_a), Some(letter_b)) = (rest_a.get(same), rest_b.get(same)) else {
            // One begins with the other, or they differ by zeros in front of numbers only.
            return rest_a.len().cmp(&rest_b.len()).then_with(|| a.cmp(b));
        };
        // The number in which they differ begins where they are still the same.
        let start = same - rest_a[..same].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = |rest: &[u8]| rest[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (end_a, end_b) = (start + digits(rest_a), start + digits(rest_b));
        if end_a == start || end_b == start {
            return letter_a.cmp(letter_b);
        }
        let order = by_size(&rest_a[start..end_a], &rest_b[start..end_b]);
        if order.is_ne() {
            return order;
        }
        (rest_a, rest_b) = (&rest_a[end_a..], &rest_b[end_b..]);
    }
}

/// Whole numbers of any length.
fn by_size(a: &[u8], b: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| digits.iter().take_while(|digit| **digit == b'0').count();
    let (a, b) = (&a[significant(a)..], &b[significant(b)..]);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn number(text: &str) -> Option<f64> {
    let starts_like_one = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    if starts_like_one { text.parse::<f64>().ok().filter(|number| !number.is_nan()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_in_names_count_as_numbers() {
        let sorted = [
            "",
            "1a",
            "2b",
            "10a",
            "Fold3",
            "fold",
            "fold-1",
            "fold02",
            "fold2",
            "fold2.5",
            "fold002b",
            "fold2b",
            "fold10",
            "fold10a1",
            "fold10a12",
            "fold99999999999999999999999",
            "fold100000000000000000000000",
            "é2",
            "é10",
        ];
        for (at, a) in sorted.iter().enumerate() {
            for (other, b) in sorted.iter().enumerate() {
                assert_eq!(by_digits(a, b), at.cmp(&other), "{a} {b}");
            }
        }
    }

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
}
