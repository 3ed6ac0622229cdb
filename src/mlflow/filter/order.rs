//! Sort orders: `metrics.rmse ASC`, ``params.`hidden dim` DESC``, `start_time`.

use std::fmt;

use super::Field;
use super::lexer::{Token, tokenize};
use super::parser::{ParseError, field};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    #[default]
    Ascending,
    Descending,
}

impl Direction {
    pub fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// One key of a sort order. Missing values and NaN come last in both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBy {
    pub field: Field,
    pub direction: Direction,
}

impl OrderBy {
    /// Parses one key, as MLflow takes it in each item of `order_by`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let whole = 0..text.len();
        let tokens = tokenize(text);
        for (token, span) in &tokens {
            token.check(span, text)?;
        }
        let (first, rest) = tokens.split_first().ok_or_else(|| {
            ParseError::new("empty sort key; write for example metrics.rmse", whole.clone())
        })?;
        let field = match &first.0 {
            Token::Name(name) => field(name, &first.1)?,
            _ => return Err(ParseError::new("expected a name such as metrics.rmse", first.1.clone())),
        };
        if matches!(field, Field::Dataset(_)) {
            return Err(ParseError::new("runs cannot be sorted by a dataset", first.1.clone()));
        }
        let direction = match rest {
            [] | [(Token::Keyword("ASC"), _)] => Direction::Ascending,
            [(Token::Keyword("DESC"), _)] => Direction::Descending,
            [(_, span), ..] => {
                return Err(ParseError::new(
                    "expected ASC or DESC; keys with characters other than letters, digits, _ and . need backquotes",
                    span.clone(),
                ));
            }
        };
        Ok(Self { field, direction })
    }

    /// Parses several keys and refuses one that stands twice.
    pub fn parse_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Self>, ParseError> {
        let mut keys: Vec<Self> = Vec::new();
        for text in texts {
            let key = Self::parse(text)?;
            if keys.iter().any(|other| other.field == key.field) {
                return Err(ParseError::new(
                    format!("{} appears twice in the sort order", key.field),
                    0..text.len(),
                ));
            }
            keys.push(key);
        }
        Ok(keys)
    }
}

impl fmt::Display for OrderBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Ascending => "ASC",
            Direction::Descending => "DESC",
        };
        write!(f, "{} {direction}", self.field)
    }
}
