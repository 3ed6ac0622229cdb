//! Tokens to a [`Filter`], with errors that point at the text.

use std::ops::Range;

use thiserror::Error;

use super::lexer::{Token, tokenize};
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
    let tokens = tokenize(text)?;
    if tokens.is_empty() && !text.is_empty() {
        return Err(ParseError::new("the filter is blank; write one, or none at all", 0..text.len()));
    }
    let mut parser = Parser { tokens: &tokens, at: 0, end: text.len() };
    let mut clauses = Vec::new();
    while let Some((token, span)) = parser.tokens.get(parser.at) {
        match token {
            Token::Keyword("AND") => parser.at += 1,
            Token::Keyword("OR") => {
                return Err(ParseError::new(
                    "MLflow's filters know no OR; only AND joins them",
                    span.clone(),
                ));
            }
            _ => clauses.push(parser.clause()?),
        }
    }
    Ok(Filter { clauses })
}

struct Parser<'a> {
    tokens: &'a [(Token, Range<usize>)],
    at: usize,
    end: usize,
}

impl<'a> Parser<'a> {
    fn next(&mut self, expected: &str) -> Result<&'a (Token, Range<usize>), ParseError> {
        let token = self.tokens.get(self.at).ok_or_else(|| {
            ParseError::new(format!("{expected} is missing at the end"), self.end..self.end)
        })?;
        self.at += 1;
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
            Token::Name { entity, key } => field(entity.as_deref(), key, span)?,
            Token::DoubleQuoted(key) => field(None, key, span)?,
            Token::Open | Token::Close => {
                return Err(ParseError::new(
                    "MLflow's filters know no parentheses around comparisons",
                    span.clone(),
                ));
            }
            _ => {
                return Err(ParseError::new(
                    "a name like metrics.rmse or params.lr is expected here",
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
                    return Err(ParseError::new("IS takes NULL or NOT NULL", span.clone()));
                }
                if !matches!(field, Field::Param(_) | Field::Tag(_)) {
                    return Err(ParseError::new("IS NULL works on params and tags only", span.clone()));
                }
                Ok(if negated { Test::IsNotNull } else { Test::IsNull })
            }
            Token::Keyword("NOT") => {
                if !self.keyword("IN") {
                    return Err(ParseError::new("NOT is followed by IN, or stands after IS", span.clone()));
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
                            format!("{other} is no comparator; use =, !=, <, <=, > or >="),
                            span.clone(),
                        ));
                    }
                };
                self.comparison(field, comparator, span)
            }
            _ => Err(ParseError::new(
                "a comparator is expected here: =, !=, <, <=, >, >=, LIKE, ILIKE",
                span.clone(),
            )),
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
        let (open, span) = self.next("a list in parentheses")?;
        if *open != Token::Open {
            return Err(ParseError::new("a list in parentheses is expected here", span.clone()));
        }
        let mut list = Vec::new();
        loop {
            let (token, span) = self.next("a closing parenthesis")?;
            match token {
                Token::SingleQuoted(text) | Token::DoubleQuoted(text) => list.push(text.clone()),
                Token::Close if !list.is_empty() => return Ok(list),
                _ => {
                    return Err(ParseError::new(
                        "the list takes texts in quotes, at least one",
                        span.clone(),
                    ));
                }
            }
            let (token, span) = self.next("a closing parenthesis")?;
            match token {
                Token::Comma => {}
                Token::Close => return Ok(list),
                _ => {
                    return Err(ParseError::new(
                        "a comma or a closing parenthesis is expected here",
                        span.clone(),
                    ));
                }
            }
        }
    }
}

/// The field that `entity.key` names; without an entity it is an attribute.
pub(super) fn field(entity: Option<&str>, key: &str, span: &Range<usize>) -> Result<Field, ParseError> {
    let key = unquote(key);
    match entity {
        Some("metric" | "metrics") => Ok(Field::Metric(key.to_owned())),
        Some("param" | "params" | "parameter" | "parameters") => Ok(Field::Param(key.to_owned())),
        Some("tag" | "tags") => Ok(Field::Tag(key.to_owned())),
        None | Some("attribute" | "attributes" | "attr" | "run") => {
            Attribute::parse(key).map(Field::Attribute).ok_or_else(|| {
                let names = Attribute::ALL.map(Attribute::as_str).join(", ");
                ParseError::new(
                    format!("{key:?} is no attribute of a run; there are {names}; for others write metrics.NAME, params.NAME or tags.NAME"),
                    span.clone(),
                )
            })
        }
        Some("dataset" | "datasets") => match key {
            "name" => Ok(Field::Dataset(DatasetField::Name)),
            "digest" => Ok(Field::Dataset(DatasetField::Digest)),
            "context" => Ok(Field::Dataset(DatasetField::Context)),
            _ => Err(ParseError::new(
                format!("{key:?} is not known of a data set; there are name, digest and context"),
                span.clone(),
            )),
        },
        Some(other) => Err(ParseError::new(
            format!("{other:?} is no kind of value; there are metrics, params, tags, attributes and dataset"),
            span.clone(),
        )),
    }
}

/// MLflow takes off one more pair of quotes inside the key's own.
fn unquote(key: &str) -> &str {
    ['\'', '"', '`'].into_iter().find_map(|quote| key.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(key)
}

fn number(text: &str, span: &Range<usize>) -> Result<Number, ParseError> {
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
