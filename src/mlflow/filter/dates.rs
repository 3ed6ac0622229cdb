//! Dates in filters: where this machine is, unless they say another place.

use std::ops::Range;

use super::expression::{Expression, Term};
use super::{Attribute, Clause, Comparator, Field, Number, Test};

/// A comparison with a date, which is its beginning; what is equal to it is all of the day, minute or second.
pub fn dated(attribute: Attribute, comparator: Comparator, moment: &Range<i64>) -> Term {
    let clause = |comparator, time| {
        let field = Field::Attribute(attribute);
        Term::Clause(Clause { field, test: Test::Number(comparator, Number::Int(time)) })
    };
    let (from, before) =
        (clause(Comparator::GreaterOrEqual, moment.start), clause(Comparator::Less, moment.end));
    match comparator {
        Comparator::Equal => Term::Any(vec![Expression { all: vec![from, before] }]),
        Comparator::NotEqual => {
            let before = clause(Comparator::Less, moment.start);
            let after = clause(Comparator::GreaterOrEqual, moment.end);
            Term::Any([before, after].map(|term| Expression { all: vec![term] }).into())
        }
        other => clause(other, moment.start),
    }
}

/// Milliseconds since the epoch of `2026-11-20`, `2026-11-20T12:30` or `2026-11-20 12:30:15`, where this machine is, and where
/// an offset stands behind it there; and of its end.
pub fn moment(text: &str) -> Option<Range<i64>> {
    let is_date = |text: &str| {
        let bytes = text.as_bytes();
        bytes.len() >= 10 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[..4].iter().all(u8::is_ascii_digit)
    };
    if !is_date(text) {
        return None;
    }
    if let Ok(exact) = text.parse::<jiff::Timestamp>() {
        let start = exact.as_millisecond();
        return Some(start..start + 1_000);
    }
    let here = jiff::tz::TimeZone::system();
    let at =
        |time: jiff::civil::DateTime| Some(time.to_zoned(here.clone()).ok()?.timestamp().as_millisecond());
    if let (10, Ok(day)) = (text.len(), text.parse::<jiff::civil::Date>()) {
        return Some(at(day.into())?..at(day.tomorrow().ok()?.into())?);
    }
    let time = text.parse::<jiff::civil::DateTime>().ok()?;
    let long = if text.matches(':').count() > 1 { 1_000 } else { 60_000 };
    at(time).map(|start| start..start + long)
}
