//! What a comparison means, on one value in memory. The SQL store says the same in SQL.

use std::cmp::Ordering;

use super::{Attribute, Clause, Comparator, DatasetField, Field, Filter, Number, Test};
use crate::mlflow::infinity::stored;
use crate::mlflow::{Run, tags};

impl Filter {
    /// Whether a run passes that was read as a whole.
    pub fn matches(&self, run: &Run) -> bool {
        self.clauses.iter().all(|clause| clause.matches(run))
            && self.alternatives.iter().all(|any| any.iter().any(|filter| filter.matches(run)))
    }
}

impl Clause {
    /// Whether no database makes the comparison: a regular expression, or a text taken for a number.
    pub fn is_beyond_sql(&self) -> bool {
        match self.test {
            Test::Matches(_) | Test::MatchesNot(_) => true,
            Test::Number(..) => matches!(self.field, Field::Param(_) | Field::Tag(_)),
            _ => false,
        }
    }

    /// Whether a run passes that was read as a whole.
    pub fn matches(&self, run: &Run) -> bool {
        let (info, test) = (&run.info, &self.test);
        match &self.field {
            Field::Metric(key) => {
                test.matches_number(run.metrics.iter().find(|metric| metric.key == *key).map(|m| m.value))
            }
            Field::Param(key) => {
                let param = run.params.iter().find(|param| param.key == *key);
                test.matches_text(param.map(|param| param.value.as_str()))
            }
            Field::Tag(key) => test.matches_text(run.tag(key)),
            Field::Attribute(attribute) => match attribute {
                Attribute::RunId => test.matches_text(Some(info.run_id.as_str())),
                // MLflow looks for the name in its tag.
                Attribute::RunName => test.matches_text(run.tag(tags::RUN_NAME)),
                Attribute::Status => test.matches_text(Some(info.status.as_str())),
                Attribute::UserId => test.matches_text(Some(&info.user_id)),
                Attribute::ArtifactUri => test.matches_text(Some(&info.artifact_uri)),
                Attribute::StartTime => test.matches_time(info.start_time),
                Attribute::EndTime => test.matches_time(info.end_time),
            },
            Field::Dataset(field) => run.inputs.iter().any(|input| {
                test.matches_text(match field {
                    DatasetField::Name => Some(&input.dataset.name),
                    DatasetField::Digest => Some(&input.dataset.digest),
                    DatasetField::Context => {
                        let context = input.tags.iter().find(|tag| tag.key == tags::DATA_CONTEXT);
                        context.map(|tag| tag.value.as_str())
                    }
                })
            }),
        }
    }
}

impl Test {
    /// Whether a text passes; `None` is a value that the run does not have.
    pub fn matches_text(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::IsNull, value) => value.is_none(),
            (_, None) => false,
            (Self::IsNotNull, Some(_)) => true,
            (Self::Number(comparator, wanted), Some(value)) => {
                // Whole numbers are compared exactly; an infinite value is what MLflow keeps for it.
                if let (Number::Int(wanted), Ok(value)) = (wanted, value.trim().parse::<i128>()) {
                    return compare(*comparator, value.partial_cmp(&i128::from(*wanted)));
                }
                parse_number(value)
                    .is_some_and(|value| compare(*comparator, stored(value).partial_cmp(&wanted.as_f64())))
            }
            (Self::Matches(pattern), Some(value)) => pattern.0.is_match(value),
            (Self::MatchesNot(pattern), Some(value)) => !pattern.0.is_match(value),
            (Self::In(list), Some(value)) => list.iter().any(|item| item == value),
            (Self::NotIn(list), Some(value)) => list.iter().all(|item| item != value),
            (Self::Text(comparator, wanted), Some(value)) => match comparator {
                Comparator::Equal => value == wanted,
                Comparator::NotEqual => value != wanted,
                Comparator::Like => like(wanted, value, false),
                Comparator::ILike => like(wanted, value, true),
                _ => false,
            },
        }
    }

    /// Whether a metric's value passes. NaN differs from every number and is never less, equal or greater; an infinite
    /// value is compared as the number that MLflow keeps for it.
    pub fn matches_number(&self, value: Option<f64>) -> bool {
        match (self, value) {
            (Self::Number(comparator, wanted), Some(value)) => {
                compare(*comparator, stored(value).partial_cmp(&wanted.as_f64()))
            }
            _ => self.matches_presence(value.is_some()),
        }
    }

    /// Whether a time in milliseconds passes; whole numbers are compared exactly.
    pub fn matches_time(&self, value: Option<i64>) -> bool {
        let (Self::Number(comparator, wanted), Some(value)) = (self, value) else {
            return self.matches_presence(value.is_some());
        };
        let ordering = match wanted {
            Number::Int(wanted) => Some(value.cmp(wanted)),
            Number::Float(wanted) => exactly(value, *wanted),
        };
        compare(*comparator, ordering)
    }

    /// Whether it is asked only whether there is a value, and that is so.
    fn matches_presence(&self, is_there: bool) -> bool {
        match self {
            Self::IsNull => !is_there,
            Self::IsNotNull => is_there,
            _ => false,
        }
    }
}

/// A whole number against any other, without rounding either, as SQLite compares them.
fn exactly(value: i64, wanted: f64) -> Option<Ordering> {
    // The first that is too large for a whole number of 64 bits.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if wanted.is_nan() {
        return None;
    }
    if wanted >= BEYOND {
        return Some(Ordering::Less);
    }
    if wanted < -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = wanted.trunc();
    Some(value.cmp(&(whole as i64)).then(whole.total_cmp(&wanted)))
}

fn compare(comparator: Comparator, ordering: Option<Ordering>) -> bool {
    match comparator {
        Comparator::Equal => ordering == Some(Ordering::Equal),
        Comparator::NotEqual => ordering != Some(Ordering::Equal),
        Comparator::Less => ordering == Some(Ordering::Less),
        Comparator::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        Comparator::Greater => ordering == Some(Ordering::Greater),
        Comparator::GreaterOrEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        Comparator::Like | Comparator::ILike => false,
    }
}

/// A text as a number, if it is one in the way that Python writes them.
pub fn parse_number(text: &str) -> Option<f64> {
    let starts_like_one = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    if starts_like_one || matches!(text, "nan" | "NaN" | "inf" | "Infinity") {
        text.parse().ok()
    } else {
        None
    }
}

/// Whether two metric values are the same logged value: NaN equals NaN.
#[expect(clippy::float_cmp, reason = "the same value, not a near one")]
pub fn same_number(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// SQL's `LIKE`: `%` is any text, `_` any one character. With `fold`, ASCII letters match in either case. As for SQLite, a
/// pattern and a text end before a character of no bits.
pub fn like(pattern: &str, text: &str, fold: bool) -> bool {
    let same = |a: char, b: char| a == b || (fold && a.eq_ignore_ascii_case(&b));
    let letters = |text: &str| text.chars().take_while(|c| *c != '\0').collect::<Vec<char>>();
    let (pattern, text) = (letters(pattern), letters(text));
    let (mut p, mut t) = (0, 0);
    // Where to go on if the text after the last `%` does not fit: one character further.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == '_' || same(c, text[t]) => {
                p += 1;
                t += 1;
            }
            _ => match &mut retry {
                Some((after, from)) => {
                    *from += 1;
                    (p, t) = (*after, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_compared_exactly() {
        let ordering = |value: i64, wanted: f64| exactly(value, wanted).unwrap();
        assert_eq!(ordering(i64::MAX, 9_223_372_036_854_775_808.0), Ordering::Less);
        assert_eq!(ordering(i64::MIN, -9_223_372_036_854_775_808.0), Ordering::Equal);
        assert_eq!(ordering(i64::MIN, -1e300), Ordering::Greater);
        assert_eq!(ordering((1 << 53) + 1, 9_007_199_254_740_992.0), Ordering::Greater);
        assert_eq!((ordering(1, 1.5), ordering(-1, -1.5)), (Ordering::Less, Ordering::Greater));
        assert_eq!((ordering(0, -0.5), ordering(0, -0.0)), (Ordering::Greater, Ordering::Equal));
        assert_eq!((exactly(0, f64::NAN), ordering(0, f64::INFINITY)), (None, Ordering::Less));
    }
}
