//! The order of names. A sort may panic on an order that is not total; this one is.

use std::cmp::Ordering;

/// The order of names and categories as people expect it: numbers by their size, and behind them what is none.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (a_number, b_number) = (number(a), number(b));
    let by_number = match (a_number, b_number) {
        // 0.0 and -0.0 are the same.
        (Some(a), Some(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
        (a, b) => a.is_none().cmp(&b.is_none()),
    };
    // All digits, where they are more than a float holds.
    let digits = |text: &str, number: Option<f64>| number.and_then(|_| text.parse::<u128>().ok());
    by_number.then_with(|| digits(a, a_number).cmp(&digits(b, b_number))).then_with(|| a.cmp(b))
}

fn number(text: &str) -> Option<f64> {
    let starts_like_one = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    if starts_like_one { text.parse::<f64>().ok().filter(|number| !number.is_nan()) } else { None }
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
}
