//! MLflow's search language for runs: filters, sort orders, and what each comparison means.
//!
//! The grammar is the one that MLflow 3.17.2 accepts (`mlflow/utils/search_utils.py`): comparisons joined by
//! `AND`. The meaning is that of its SQL store: a comparison with a missing value is false, `LIKE` minds case,
//! `ILIKE` folds ASCII letters only, and a NaN metric differs from every number.

mod lexer;
mod matching;
mod order;
mod parser;
mod python;
mod query;

use std::fmt;

pub use matching::{like, same_number};
pub use order::{Direction, OrderBy};
pub use parser::{ParseError, parse};
pub use query::Query;

/// Comparisons that must all hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    pub clauses: Vec<Clause>,
}

impl Filter {
    /// Whether it asks for data sets, which are looked up in a store only.
    pub fn needs_store(&self) -> bool {
        self.clauses.iter().any(|clause| matches!(clause.field, Field::Dataset(_)))
    }
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

#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    Number(Comparator, Number),
    Text(Comparator, String),
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
            Self::In(items) => write!(f, "IN ({})", list(items)),
            Self::NotIn(items) => write!(f, "NOT IN ({})", list(items)),
            Self::IsNull => f.write_str("IS NULL"),
            Self::IsNotNull => f.write_str("IS NOT NULL"),
        }
    }
}

#[cfg(test)]
mod tests;
