//! MLflow's search language for runs: filters, sort orders, and what each comparison means.
//!
//! The grammar of [`parse`] is the one that MLflow 3.17.2 accepts (`mlflow/utils/search_utils.py`): comparisons joined by
//! `AND`. The meaning is that of its SQL store: a comparison with a missing value is false, `LIKE` minds case,
//! `ILIKE` folds ASCII letters only, and a NaN metric differs from every number.
//!
//! [`Expression`] is what people write: all of that with the same meaning, and more that is easier to write.

mod dates;
mod expression;
mod lexer;
mod matching;
pub mod narrowing;
mod order;
mod parser;
pub mod place;
mod python;
mod query;
mod reader;
mod words;

use std::fmt;

use regex::Regex;

pub use expression::{Asker, Expression};
pub use matching::{like, parse_number, same_number};
pub use order::{Direction, OrderBy};
pub use parser::{ParseError, parse};
pub use query::Query;

/// Conditions that must all hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    /// Each of these.
    pub clauses: Vec<Clause>,
    /// And of each of these, one filter at least. MLflow knows no such thing.
    pub alternatives: Vec<Vec<Filter>>,
}

impl Filter {
    /// Comparisons that must all hold.
    pub fn of(clauses: Vec<Clause>) -> Self {
        Self { clauses, alternatives: Vec::new() }
    }

    /// What passes both.
    pub fn and(mut self, other: Self) -> Self {
        self.clauses.extend(other.clauses);
        self.alternatives.extend(other.alternatives);
        self
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty() && self.alternatives.is_empty()
    }

    /// Whether it asks for data sets, which are looked up in a store only.
    pub fn needs_store(&self) -> bool {
        self.has(&|clause| matches!(clause.field, Field::Dataset(_)))
    }

    /// Whether there is a comparison that no database makes.
    pub fn is_beyond_sql(&self) -> bool {
        self.has(&Clause::is_beyond_sql)
    }

    /// All that is compared.
    pub fn fields(&self) -> Vec<&Field> {
        let own = self.clauses.iter().map(|clause| &clause.field);
        own.chain(self.alternatives.iter().flatten().flat_map(Self::fields)).collect()
    }

    fn has(&self, is_it: &dyn Fn(&Clause) -> bool) -> bool {
        self.clauses.iter().any(is_it) || self.alternatives.iter().flatten().any(|other| other.has(is_it))
    }
}

impl fmt::Display for Filter {
    /// For people: `params.a = 'x' AND (metrics.b < 1 OR metrics.c > 2)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clauses = self.clauses.iter().map(|clause| format!("{} {}", clause.field, clause.test));
        let any = self.alternatives.iter().map(|any| format!("({})", in_words(any)));
        f.write_str(&clauses.chain(any).collect::<Vec<_>>().join(" AND "))
    }
}

/// Filters of which one at least has to hold, for people.
pub fn in_words(any: &[Filter]) -> String {
    any.iter().map(ToString::to_string).collect::<Vec<_>>().join(" OR ")
}

#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    pub field: Field,
    pub test: Test,
}

/// What a comparison or a sort looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    Metric(String),
    Param(String),
    Tag(String),
    Attribute(Attribute),
    Dataset(DatasetField),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attribute {
    RunId,
    RunName,
    Status,
    UserId,
    ArtifactUri,
    StartTime,
    EndTime,
}

impl Attribute {
    pub const ALL: [Self; 7] = [
        Self::RunId,
        Self::RunName,
        Self::Status,
        Self::UserId,
        Self::ArtifactUri,
        Self::StartTime,
        Self::EndTime,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::RunId => "run_id",
            Self::RunName => "run_name",
            Self::Status => "status",
            Self::UserId => "user_id",
            Self::ArtifactUri => "artifact_uri",
            Self::StartTime => "start_time",
            Self::EndTime => "end_time",
        }
    }

    /// The attribute of that name or of one of MLflow's older names for it.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "created" | "Created" => Some(Self::StartTime),
            "run name" | "Run name" | "Run Name" => Some(Self::RunName),
            _ => Self::ALL.into_iter().find(|attribute| attribute.as_str() == name),
        }
    }

    pub fn is_time(self) -> bool {
        matches!(self, Self::StartTime | Self::EndTime)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DatasetField {
    Name,
    Digest,
    Context,
}

impl DatasetField {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Digest => "digest",
            Self::Context => "context",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    ILike,
}

impl Comparator {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Like => "LIKE",
            Self::ILike => "ILIKE",
        }
    }

    /// The one that holds where both sides are exchanged.
    fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Equal | Self::NotEqual | Self::Like | Self::ILike => self,
        }
    }

    fn is_for_text(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::Like | Self::ILike)
    }

    fn is_for_numbers(self) -> bool {
        !matches!(self, Self::Like | Self::ILike)
    }
}

/// A number as it was written: whole numbers stay exact beyond 2^53.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Float(float) => float,
        }
    }
}

/// A regular expression; two are the same that are written the same.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Of a param or tag: as far as its text is a number, which MLflow does not compare.
    Number(Comparator, Number),
    Text(Comparator, String),
    /// A part of the text is found by it. MLflow knows no such thing.
    Matches(Pattern),
    /// There is a text, and no part of it is found.
    MatchesNot(Pattern),
    In(Vec<String>),
    NotIn(Vec<String>),
    IsNull,
    IsNotNull,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, key) = match self {
            Self::Metric(key) => ("metrics", key.as_str()),
            Self::Param(key) => ("params", key.as_str()),
            Self::Tag(key) => ("tags", key.as_str()),
            Self::Attribute(attribute) => return write!(f, "attributes.{}", attribute.as_str()),
            Self::Dataset(field) => return write!(f, "dataset.{}", field.as_str()),
        };
        if lexer::is_plain_key(key) {
            write!(f, "{kind}.{key}")
        } else {
            // No key that MLflow lets through is without quotes that fit.
            write!(f, "{kind}.{}", query::quoted_key(key).unwrap_or_else(|| format!("`{key}`")))
        }
    }
}

impl fmt::Display for Test {
    /// For people: `< 50`, `= 'tree'`, `IN ('a', 'b')`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |items: &[String]| items.iter().map(|item| format!("'{item}'")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Number(comparator, Number::Int(number)) => write!(f, "{} {number}", comparator.as_str()),
            Self::Number(comparator, Number::Float(number)) => write!(f, "{} {number}", comparator.as_str()),
            Self::Text(comparator, text) => write!(f, "{} '{text}'", comparator.as_str()),
            Self::Matches(pattern) => write!(f, "~ '{}'", pattern.0),
            Self::MatchesNot(pattern) => write!(f, "!~ '{}'", pattern.0),
            Self::In(items) => write!(f, "IN ({})", list(items)),
            Self::NotIn(items) => write!(f, "NOT IN ({})", list(items)),
            Self::IsNull => f.write_str("IS NULL"),
            Self::IsNotNull => f.write_str("IS NOT NULL"),
        }
    }
}

#[cfg(test)]
mod expression_tests;
#[cfg(test)]
mod tests;
