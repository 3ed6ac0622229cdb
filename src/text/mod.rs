//! Texts and numbers as people see them, on the screen and in printed tables: made safe, measured in cells, cut at
//! graphemes, and every number by one formatter.

mod aligned;
mod counts;
pub mod highlight;
pub mod json;
pub mod markdown;
pub mod names;
mod naming;
pub mod notes;
pub mod order;
pub mod pattern;
mod readable;
mod safe;
pub mod shell;

pub use crate::spelling::{Spelling, did_you_mean};
pub use aligned::{aligned, by_point};
pub use counts::value;
pub use naming::{distinct, legend_number, told_apart, without_middle};
pub use readable::{facts, readable, schema};
pub use safe::{clean, clean_lines, is_hidden, stripped, uncoloured};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Cells that a clean text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in exactly `cells` cells: cut with an ellipsis, or filled up with spaces.
pub fn fit(text: &str, cells: usize, ellipsis: &str) -> String {
    let mut fitted = cut(text, cells, ellipsis);
    fitted.extend(std::iter::repeat_n(' ', cells.saturating_sub(width(&fitted))));
    fitted
}

/// The same, filled up on the left.
pub fn fit_right(text: &str, cells: usize, ellipsis: &str) -> String {
    let fitted = cut(text, cells, ellipsis);
    format!("{}{fitted}", " ".repeat(cells.saturating_sub(width(&fitted))))
}

/// The text in at most `cells` cells, with an ellipsis where it was cut.
pub fn cut(text: &str, cells: usize, ellipsis: &str) -> String {
    if text.len() <= cells && safe::is_plainly_ascii(text) {
        return text.to_owned();
    }
    // A long text is not measured beyond what can be seen of it.
    let mut used = 0;
    let mut end = 0;
    let mut end_before_ellipsis = 0;
    let room = cells.saturating_sub(width(ellipsis));
    for grapheme in text.graphemes(true) {
        let wide = width(grapheme);
        if used + wide > cells {
            let ellipsis = if width(ellipsis) <= cells { ellipsis } else { "" };
            return format!("{}{ellipsis}", &text[..end_before_ellipsis]);
        }
        used += wide;
        end += grapheme.len();
        if used <= room {
            end_before_ellipsis = end;
        }
    }
    text.to_owned()
}

/// Bytes that the first so many cells of a text take, and the cells of the last letter there that stand beyond them.
pub fn behind(text: &str, cells: usize) -> (usize, usize) {
    let (mut used, mut bytes) = (0, 0);
    for grapheme in text.graphemes(true) {
        if used >= cells {
            break;
        }
        used += width(grapheme);
        bytes += grapheme.len();
    }
    (bytes, used.saturating_sub(cells))
}

/// Signs behind which a path, a name or an address is broken.
const JOINTS: [char; 10] = ['/', '\\', '-', '_', '.', ',', ':', '=', '&', '+'];

/// Where a line ends of a word that is longer: before or behind a sign of its later half, or at its end.
fn part_of_word(line: &str, next: &str, cells: usize) -> usize {
    if next.starts_with(JOINTS) && !line.ends_with(JOINTS) {
        return line.len();
    }
    let ends = line.char_indices().filter(|(_, letter)| JOINTS.contains(letter));
    let ends = ends.map(|(at, letter)| at + letter.len_utf8());
    ends.rev().find(|end| width(&line[..*end]) * 2 >= cells).unwrap_or(line.len())
}

/// Lines of at most so many cells, broken at spaces. A word that is longer than a line, as a path or an id can be, goes
/// on in the next one, behind one of its signs if it has some: its end is often what tells it from others.
pub fn wrap(words: &str, cells: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in words.split_whitespace() {
        let wide = width(word);
        if !line.is_empty() && used + 1 + wide > cells {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if !line.is_empty() {
            line.push(' ');
            used += 1;
        }
        if wide <= cells {
            line.push_str(word);
            used += wide;
            continue;
        }
        for grapheme in word.graphemes(true) {
            let wide = width(grapheme);
            if !line.is_empty() && used + wide > cells {
                let rest = line.split_off(part_of_word(&line, grapheme, cells));
                used = width(&rest);
                lines.push(std::mem::replace(&mut line, rest));
            }
            line.push_str(grapheme);
            used += wide;
        }
    }
    lines.push(line);
    lines
}

/// A metric's value, with five significant digits (legends of charts have six, [`legend_number`], and what is copied or saved has
/// all, [`exact`]): `0.5631`, `12,345`-like sizes without separators, `1.2e-7`.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    // MLflow keeps the infinities in a database as the largest number there is.
    if value.abs() >= f64::MAX {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    // What rounding brings to a border is beyond it.
    if (0.999_995e-4..9_999_999.5).contains(&size) {
        let digits = (4 - size.log10().floor() as i32).clamp(0, 8) as usize;
        let fixed = format!("{value:.digits$}");
        return if fixed.contains('.') {
            fixed.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            fixed
        };
    }
    let scientific = format!("{value:.4e}");
    match scientific.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => {
            format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => scientific,
    }
}

/// Metrics' values as [`number`] writes them, with as many digits as it takes to tell different ones apart.
pub fn distinct_numbers(values: &[f64]) -> Vec<String> {
    let all =
        |write: &dyn Fn(f64) -> String| -> Vec<String> { values.iter().map(|value| write(*value)).collect() };
    let is_distinct = |labels: &[String]| {
        let pairs = |at: usize| {
            (0..at).all(|other| labels[at] != labels[other] || values[at].total_cmp(&values[other]).is_eq())
        };
        (1..labels.len()).all(pairs)
    };
    let short = all(&number);
    if is_distinct(&short) {
        return short;
    }
    for digits in [6, 7, 8, 10, 12, 14] {
        let labels = all(&|value| significant(value, digits));
        if is_distinct(&labels) {
            return labels;
        }
    }
    all(&exact)
}

/// A number with so many significant digits.
fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() || !(1e-4..1e7).contains(&value.abs()) {
        return if value == 0.0 || !value.is_finite() {
            number(value)
        } else {
            format!("{value:.*e}", digits - 1)
        };
    }
    let decimals = (digits as i32 - 1 - value.abs().log10().floor() as i32).max(0) as usize;
    format!("{value:.decimals$}")
}

/// The cells of a formatted number from its decimal point on, so that points can stand under one another.
pub fn fraction(number: &str) -> usize {
    let digits = number.trim_start_matches('-').trim_start_matches(|letter: char| letter.is_ascii_digit());
    if digits.starts_with(['.', 'e', 'k', 'M', 'G', 'T']) { digits.len() } else { 0 }
}

/// A number with all its digits, as programs read it: `0.1`, `1e300`, `inf`, `NaN`.
pub fn exact(value: f64) -> String {
    let size = value.abs();
    let is_long = value.is_finite() && value != 0.0 && !(1e-5..1e16).contains(&size);
    if is_long { format!("{value:e}") } else { value.to_string() }
}

/// A span of time in its two largest units at most: `12s`, `3m`, `2h`, `5d`, `3y`.
pub fn span(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1000;
    match seconds {
        0 if milliseconds > 0 => format!("{milliseconds}ms"),
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        86_400..31_536_000 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

/// A duration with more detail than [`span`]: `850ms`, `12.3s`, `3m 20s`, `2h 05m`, `3d 4h`.
pub fn duration(milliseconds: i64) -> String {
    let ms = milliseconds.max(0);
    let seconds = ms / 1000;
    match seconds {
        0 => format!("{ms}ms"),
        1..60 => format!("{}.{}s", seconds, ms % 1000 / 100),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A moment in the local time zone: `2026-11-23 14:05:09`.
pub fn timestamp(milliseconds: i64) -> String {
    match jiff::Timestamp::from_millisecond(milliseconds) {
        Ok(moment) => moment.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => format!("{milliseconds} ms"),
    }
}

/// A size in bytes: `512 B`, `1.4 MB`.
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = size as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{size} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A number with three digits, for ranges.
pub fn short_number(value: f64) -> String {
    if value == 0.0 || !(1e-3..1e5).contains(&value.abs()) {
        return number(value);
    }
    let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 5) as usize;
    let fixed = format!("{value:.digits$}");
    if fixed.contains('.') { fixed.trim_end_matches('0').trim_end_matches('.').to_owned() } else { fixed }
}

/// So many runs: `1 run`, `100,000 runs`.
pub fn runs(number: usize) -> String {
    format!("{} run{}", count(number), if number == 1 { "" } else { "s" })
}

/// A count with separators: `100,000`.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with what is counted: `1 row`, `2,000 rows`.
pub fn counted(number: usize, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounding_crosses_no_border() {
        for (value, words) in [
            (9_999_999.0, "9999999"),
            (9_999_999.7, "1e7"),
            (-9_999_999.7, "-1e7"),
            (1e7, "1e7"),
            (1e-4, "0.0001"),
            (0.000_099_999_9, "0.0001"),
            (0.000_099_994, "9.9994e-5"),
        ] {
            assert_eq!(number(value), words);
        }
    }

    #[test]
    fn texts_are_cut_at_graphemes() {
        assert_eq!(cut("abcdef", 4, "…"), "abc…");
        assert_eq!(cut("日本語", 4, "…"), "日…");
        assert_eq!(fit("e\u{301}a", 4, "…"), "e\u{301}a  ");
        assert_eq!(fit("x", 0, "…"), "");
        assert_eq!(fit_right("7", 3, "…"), "  7");
        assert_eq!((behind("abc", 2), behind("日本", 1), behind("e\u{301}a", 1)), ((2, 0), (3, 1), (3, 0)));
        assert_eq!((behind("abc", 0), behind("abc", 9)), ((0, 0), (3, 0)));
    }

    #[test]
    fn what_stands_behind_the_point_is_measured() {
        for (number, cells) in [
            ("0.25", 3),
            ("-12", 0),
            ("1.5e-7", 5),
            ("1e-7", 3),
            ("NaN", 0),
            ("-inf", 0),
            ("inf", 0),
            ("", 0),
        ] {
            assert_eq!(fraction(number), cells, "{number}");
        }
    }

    #[test]
    fn numbers_have_the_digits_that_tell_them_apart() {
        assert_eq!(distinct_numbers(&[0.5, 0.25, 0.5]), ["0.5", "0.25", "0.5"]);
        assert_eq!(distinct_numbers(&[0.991_234_1, 0.991_234_9, 0.5]), ["0.991234", "0.991235", "0.500000"]);
        assert_eq!(distinct_numbers(&[1_234_567.0, 1_234_568.0]), ["1234567", "1234568"]);
        assert_eq!(distinct_numbers(&[1.000_01e-7, 1.000_02e-7]), ["1.00001e-7", "1.00002e-7"]);
        let next = 1.0_f64.next_up();
        assert_eq!(distinct_numbers(&[1.0, next]), ["1", "1.0000000000000002"]);
        assert_eq!(distinct_numbers(&[f64::NAN, f64::INFINITY, 0.0]), ["NaN", "inf", "0"]);
    }

    #[test]
    fn numbers_keep_five_digits() {
        for (value, text) in [
            (0.563_123_4, "0.56312"),
            (12_345.678, "12346"),
            (-1.5, "-1.5"),
            (1e-7, "1e-7"),
            (1.234_567e-9, "1.2346e-9"),
            (1e15, "1e15"),
            (0.1, "0.1"),
            (100.0, "100"),
            (-0.0, "0"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::MAX, "inf"),
            (f64::MIN, "-inf"),
            (1.7e308, "1.7e308"),
        ] {
            assert_eq!(number(value), text);
        }
        for (value, text) in [
            (0.1 + 0.2, "0.30000000000000004"),
            (12_345.0, "12345"),
            (1.5e300, "1.5e300"),
            (f64::MAX, "1.7976931348623157e308"),
            (-5e-324, "-5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(exact(value), text);
        }
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(duration(200_000), "3m 20s");
    }

    #[test]
    fn a_word_longer_than_a_line_goes_on_in_the_next() {
        assert_eq!(
            wrap("no file /tmp/data/runs.db; is it there?", 9),
            ["no file", "/tmp/data", "/runs.db;", "is it", "there?"]
        );
        assert_eq!(wrap("a 日本語の実験 b", 5), ["a", "日本", "語の", "実験", "b"]);
        assert_eq!(wrap("日本", 1), ["日", "本"], "what has no room is not lost");
        assert_eq!(wrap(" ", 5), [""]);
        let digits = "0123456789".repeat(10);
        assert_eq!(
            wrap(&format!("model ({digits}) is"), 34).concat().replace(' ', ""),
            format!("model({digits})is")
        );
    }

    proptest! {
        #[test]
        fn an_exact_number_is_read_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            let text = exact(value);
            prop_assert!(text.len() <= 24, "{text}");
            prop_assert!(value.is_nan() || text.parse::<f64>().unwrap().to_bits() == bits, "{text}");
        }

        #[test]
        fn a_fitted_text_takes_exactly_its_cells(text in ".{0,40}", cells in 0_usize..30) {
            let safe = clean(&text);
            prop_assert!(!safe.chars().any(char::is_control));
            prop_assert_eq!(width(&fit(&safe, cells, "…")), cells);
        }
    }
}
