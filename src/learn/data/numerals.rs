//! Numbers as they are written: with a decimal point or a decimal comma, and the other mark between thousands.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What stands before the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecimalMark {
    /// As in 1.5.
    #[default]
    Point,
    /// As in 1,5.
    Comma,
}

impl DecimalMark {
    /// The character itself.
    pub fn character(self) -> char {
        match self {
            Self::Point => '.',
            Self::Comma => ',',
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Point => Self::Comma,
            Self::Comma => Self::Point,
        }
    }
}

impl FromStr for DecimalMark {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "." => Ok(Self::Point),
            "," => Ok(Self::Comma),
            _ => Err("the decimal separator must be . or ,".into()),
        }
    }
}

/// How a cell can be read as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// Not at all.
    Text,
    /// The same with either mark.
    Plain,
    /// With one mark only: `1.5`, `1,5`.
    With(DecimalMark),
    /// With either, and not the same: `1.234`, `1,234`.
    Either,
}

/// A number, written with this mark.
pub fn parse(cell: &str, mark: DecimalMark) -> Option<f64> {
    let decimal = mark.character();
    let starts_well =
        cell.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-') || c == decimal);
    if !starts_well {
        return None;
    }
    let thousands = mark.other().character();
    if !cell.contains(thousands) && (mark == DecimalMark::Point || !cell.contains(decimal)) {
        return plain(cell);
    }
    let (whole, fraction) = cell.split_once(decimal).unwrap_or((cell, ""));
    if fraction.contains(['.', ',']) || !is_grouped(whole, thousands) {
        return None;
    }
    plain(&format!("{}.{fraction}", whole.replace(thousands, "")))
}

fn plain(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|number: &f64| !number.is_nan())
}

/// Whether thousands are apart as they should be, if there are any.
fn is_grouped(whole: &str, thousands: char) -> bool {
    if !whole.contains(thousands) {
        return true;
    }
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = whole.strip_prefix(['-', '+']).unwrap_or(whole).split(thousands);
    let first = groups.next().unwrap_or("");
    (1..=3).contains(&first.len())
        && digits(first)
        && !first.starts_with('0')
        && groups.all(|group| group.len() == 3 && digits(group))
}

/// A number as programs write it.
pub fn number(cell: &str) -> Option<f64> {
    parse(cell, DecimalMark::Point)
}

pub fn notation(cell: &str) -> Notation {
    if !cell.contains(['.', ',']) {
        return if number(cell).is_some() { Notation::Plain } else { Notation::Text };
    }
    match (parse(cell, DecimalMark::Point), parse(cell, DecimalMark::Comma)) {
        (None, None) => Notation::Text,
        (Some(_), None) => Notation::With(DecimalMark::Point),
        (None, Some(_)) => Notation::With(DecimalMark::Comma),
        (Some(point), Some(comma)) if point.total_cmp(&comma).is_eq() => Notation::Plain,
        (Some(_), Some(_)) => Notation::Either,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_either_mark() {
        for (cell, point, comma) in [
            ("12", Some(12.0), Some(12.0)),
            ("-1e3", Some(-1000.0), Some(-1000.0)),
            ("1.5", Some(1.5), None),
            ("1,5", None, Some(1.5)),
            ("-,5e1", None, Some(-5.0)),
            (".5", Some(0.5), None),
            ("1.234", Some(1.234), Some(1234.0)),
            ("1,234", Some(1234.0), Some(1.234)),
            ("1,234,567.5", Some(1_234_567.5), None),
            ("-1.234.567,5", None, Some(-1_234_567.5)),
            ("0.123", Some(0.123), None),
            ("0,123", None, Some(0.123)),
            ("1.2345", Some(1.2345), None),
            ("1,2,3", None, None),
            ("1.2.3", None, None),
            ("12.5.2026", None, None),
            ("1e3,5", None, None),
            ("nan", None, None),
            ("-", None, None),
            (",", None, None),
            ("3 apples", None, None),
        ] {
            assert_eq!(
                (parse(cell, DecimalMark::Point), parse(cell, DecimalMark::Comma)),
                (point, comma),
                "{cell}"
            );
        }
        assert_eq!(notation("1,234"), Notation::Either);
        assert_eq!(notation("1,25"), Notation::With(DecimalMark::Comma));
        assert_eq!(notation("7"), Notation::Plain);
        assert_eq!(notation("seven"), Notation::Text);
    }
}
