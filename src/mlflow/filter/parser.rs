//! Tokens to a [`Filter`], with errors that point at the text.

use std::ops::Range;

use thiserror::Error;

use super::lexer::{Token, tokenize};
use super::python;
use super::{Attribute, Clause, Comparator, DatasetField, Field, Filter, Number, Test};

/// Where a filter or a sort order is wrong, and why. `span` is in bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ParseError {
    pub message: String,
    pub span: Range<usize>,
}

impl ParseError {
    pub fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { message: message.into(), span }
    }

    /// The text, carets under what is wrong, and the reason; for a terminal or a log.
    pub fn report(&self, text: &str) -> String {
        let start = text.get(..self.span.start).map_or(0, |before| before.chars().count());
        let length = text.get(self.span.clone()).map_or(1, |wrong| wrong.chars().count().max(1));
        format!("{text}\n{}{}\n{}", " ".repeat(start), "^".repeat(length), self.message)
    }
}

/// Parses a filter; an empty text is the filter that lets everything pass. As for MLflow, `AND` may be left out or
/// stand too often.
pub fn parse(text: &str) -> Result<Filter, ParseError> {
    let tokens = tokenize(text);
    if tokens.is_empty() && !text.is_empty() {
        return Err(ParseError::new("the filter is blank", 0..text.len()));
    }
    let mut parser = Parser { text, tokens: &tokens, at: 0 };
    let mut clauses = Vec::new();
    while let Some((token, span)) = parser.tokens.get(parser.at) {
        match token {
            Token::Keyword("AND") => parser.at += 1,
            Token::Keyword("OR") => {
                return Err(ParseError::new("MLflow filters do not support OR, only AND", span.clone()));
            }
            _ => clauses.push(parser.clause()?),
        }
    }
    Ok(Filter::of(clauses))
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [(Token, Range<usize>)],
    at: usize,
}

impl<'a> Parser<'a> {
    fn next(&mut self, expected: &str) -> Result<&'a (Token, Range<usize>), ParseError> {
        let token = self.tokens.get(self.at).ok_or_else(|| {
            let end = self.text.len();
            ParseError::new(format!("expected {expected} at the end"), end..end)
        })?;
        self.at += 1;
        token.0.check(&token.1, self.text)?;
        Ok(token)
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some((Token::Keyword(k), _)) if *k == word);
        self.at += usize::from(found);
        found
    }

    fn clause(&mut self) -> Result<Clause, ParseError> {
        let (token, span) = self.next("a comparison")?;
        let field = match token {
            Token::Name(name) => field(name, span)?,
            Token::DoubleQuoted(name) => field(&format!("\"{name}\""), span)?,
            Token::Open | Token::Close => {
                return Err(ParseError::new(
                    "MLflow filters do not support parentheses around comparisons",
                    span.clone(),
                ));
            }
            _ => {
                return Err(ParseError::new(
                    "expected a name such as metrics.rmse or params.lr",
                    span.clone(),
                ));
            }
        };
        let test = self.test(&field)?;
        Ok(Clause { field, test })
    }

    fn test(&mut self, field: &Field) -> Result<Test, ParseError> {
        let (token, span) = self.next("a comparison such as = or >")?;
        match token {
            Token::Keyword("IS") => {
                let negated = self.keyword("NOT");
                if !self.keyword("NULL") {
                    return Err(ParseError::new("expected NULL or NOT NULL after IS", span.clone()));
                }
                if !matches!(field, Field::Param(_) | Field::Tag(_)) {
                    return Err(ParseError::new("IS NULL works on params and tags only", span.clone()));
                }
                Ok(if negated { Test::IsNotNull } else { Test::IsNull })
            }
            Token::Keyword("NOT") => {
                if !self.keyword("IN") {
                    return Err(ParseError::new("expected IN after NOT", span.clone()));
                }
                Ok(Test::NotIn(self.list(field, span)?))
            }
            Token::Keyword("IN") => Ok(Test::In(self.list(field, span)?)),
            Token::Keyword("LIKE") => self.comparison(field, Comparator::Like, span),
            Token::Keyword("ILIKE") => self.comparison(field, Comparator::ILike, span),
            Token::Operator(operator) => {
                let comparator = match operator.as_str() {
                    "=" => Comparator::Equal,
                    "!=" => Comparator::NotEqual,
                    "<" => Comparator::Less,
                    "<=" => Comparator::LessOrEqual,
                    ">" => Comparator::Greater,
                    ">=" => Comparator::GreaterOrEqual,
                    other => {
                        return Err(ParseError::new(
                            format!("unknown comparator {other}; use =, !=, <, <=, > or >="),
                            span.clone(),
                        ));
                    }
                };
                self.comparison(field, comparator, span)
            }
            _ => {
                Err(ParseError::new("expected a comparator: =, !=, <, <=, >, >=, LIKE, ILIKE", span.clone()))
            }
        }
    }

    fn comparison(
        &mut self,
        field: &Field,
        comparator: Comparator,
        operator: &Range<usize>,
    ) -> Result<Test, ParseError> {
        let (value, span) = self.next("a value")?;
        let is_number =
            matches!(field, Field::Metric(_)) || matches!(field, Field::Attribute(a) if a.is_time());
        if is_number {
            let Token::Number(text) = value else {
                return Err(ParseError::new(format!("{field} is compared with a number"), span.clone()));
            };
            if !comparator.is_for_numbers() {
                return Err(ParseError::new(
                    format!("{field} is a number: use =, !=, <, <=, > or >="),
                    operator.clone(),
                ));
            }
            return Ok(Test::Number(comparator, number(text, span)?));
        }
        let (Token::SingleQuoted(text) | Token::DoubleQuoted(text)) = value else {
            return Err(ParseError::new(format!("{field} is compared with a text in quotes"), span.clone()));
        };
        if !comparator.is_for_text() {
            return Err(ParseError::new(
                format!("{field} is a text: use =, !=, LIKE or ILIKE"),
                operator.clone(),
            ));
        }
        Ok(Test::Text(comparator, text.clone()))
    }

    fn list(&mut self, field: &Field, operator: &Range<usize>) -> Result<Vec<String>, ParseError> {
        if !matches!(field, Field::Attribute(Attribute::RunId) | Field::Dataset(_)) {
            return Err(ParseError::new(
                "IN and NOT IN work on attributes.run_id and on dataset.name, .digest and .context only",
                operator.clone(),
            ));
        }
        let (open, start) = self.next("a list in parentheses")?;
        if *open != Token::Open {
            return Err(ParseError::new("expected a list in parentheses", start.clone()));
        }
        let start = start.start;
        let end = self.closing_parenthesis()?;
        python::texts(&self.text[start..end]).map_err(|(message, at)| {
            let at = start + at;
            let length = self.text[at..].chars().next().map_or(0, char::len_utf8);
            ParseError::new(message, at..at + length)
        })
    }

    /// Goes on behind the parenthesis that closes the one just read, whatever stands between them; returns where.
    fn closing_parenthesis(&mut self) -> Result<usize, ParseError> {
        let mut depth = 1;
        while let Some((token, span)) = self.tokens.get(self.at) {
            self.at += 1;
            match token {
                Token::Open => depth += 1,
                Token::Close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(span.end);
            }
        }
        let end = self.text.len();
        Err(ParseError::new("missing closing parenthesis", end..end))
    }
}

impl Token {
    /// Refuses what is no token of a filter.
    pub(super) fn check(&self, span: &Range<usize>, text: &str) -> Result<(), ParseError> {
        match self {
            Self::Unclosed(quote) => {
                Err(ParseError::new(format!("unclosed {quote}"), span.start..text.len()))
            }
            Self::LiteralError(message) => Err(ParseError::new(message, span.clone())),
            _ => Ok(()),
        }
    }
}

/// The field that a name such as ``params.`batch size` `` means; without a dot it is an attribute. As MLflow does, it
/// takes off one pair of quotes around what stands behind the first dot, and then one of backquotes.
pub(super) fn field(name: &str, span: &Range<usize>) -> Result<Field, ParseError> {
    let (entity, key) = match name.split_once('.') {
        Some((entity, key)) => (Some(within(entity, '`').unwrap_or(entity)), key),
        None => (None, name),
    };
    let key = within(key, '\'').or_else(|| within(key, '"')).unwrap_or(key);
    let key = within(key, '`').unwrap_or(key);
    match entity {
        Some("metric" | "metrics") => Ok(Field::Metric(key.to_owned())),
        Some("param" | "params" | "parameter" | "parameters") => Ok(Field::Param(key.to_owned())),
        Some("tag" | "tags") => Ok(Field::Tag(key.to_owned())),
        None | Some("attribute" | "attributes" | "attr" | "run") => {
            Attribute::parse(key).map(Field::Attribute).ok_or_else(|| {
                let names = Attribute::ALL.map(Attribute::as_str).join(", ");
                ParseError::new(
                    format!("runs have no attribute {key:?}; there are {names}; for others write metrics.NAME, params.NAME or tags.NAME"),
                    span.clone(),
                )
            })
        }
        Some("dataset" | "datasets") => match key {
            "name" => Ok(Field::Dataset(DatasetField::Name)),
            "digest" => Ok(Field::Dataset(DatasetField::Digest)),
            "context" => Ok(Field::Dataset(DatasetField::Context)),
            _ => Err(ParseError::new(
                format!("datasets have no {key:?}; there are name, digest and context"),
                span.clone(),
            )),
        },
        Some(other) => Err(ParseError::new(
            format!("unknown kind {other:?}; there are metrics, params, tags, attributes and dataset"),
            span.clone(),
        )),
    }
}

/// What stands between two such quotes.
fn within(text: &str, quote: char) -> Option<&str> {
    text.strip_prefix(quote)?.strip_suffix(quote)
}

pub(super) fn number(text: &str, span: &Range<usize>) -> Result<Number, ParseError> {
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        && let Ok(int) = text.parse()
    {
        return Ok(Number::Int(int));
    }
    match text.parse::<f64>() {
        Ok(float) => Ok(Number::Float(float)),
        Err(_) => Err(ParseError::new(format!("{text:?} is not a number"), span.clone())),
    }
}
