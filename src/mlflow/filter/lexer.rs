//! Cuts a filter into tokens. A dotted name with quoted parts is one token, as it is for MLflow's SQL lexer.

use std::ops::Range;

use super::ParseError;

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A dotted name with its quotes taken off: what stands before the first dot, and the rest.
    Name {
        entity: Option<String>,
        key: String,
    },
    /// A text between double quotes, which MLflow reads as a name or as a value.
    DoubleQuoted(String),
    SingleQuoted(String),
    Number(String),
    /// `=`, `!=`, `<`, …, and what looks like one.
    Operator(String),
    /// `AND`, `IN`, `NOT`, `IS`, `NULL`, `LIKE`, `ILIKE`, `ASC`, `DESC`, in capitals.
    Keyword(&'static str),
    Open,
    Close,
    Comma,
}

const KEYWORDS: [&str; 10] = ["AND", "OR", "IN", "NOT", "IS", "NULL", "LIKE", "ILIKE", "ASC", "DESC"];

/// Whether a key can stand in a filter without quotes.
pub fn is_plain_key(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| is_word(c) || c == '.')
        && !key.ends_with('.')
        && !key.contains("..")
        && key.split('.').all(|part| part.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The tokens of a text, each with the bytes it came from.
pub fn tokenize(text: &str) -> Result<Vec<(Token, Range<usize>)>, ParseError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some(start) = lexer.skip_space() {
        let token = lexer.token(start)?;
        tokens.push((token, start..lexer.at));
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) -> Option<usize> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        (self.at < self.text.len()).then_some(self.at)
    }

    fn token(&mut self, start: usize) -> Result<Token, ParseError> {
        let first = self.rest().chars().next().unwrap_or(' ');
        match first {
            '(' | ')' | ',' => {
                self.at += 1;
                Ok(match first {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    _ => Token::Comma,
                })
            }
            '\'' => Ok(Token::SingleQuoted(self.quoted('\'')?)),
            '"' => {
                let text = self.quoted('"')?;
                Ok(if self.rest().starts_with('.') {
                    self.name(Some(text))?
                } else {
                    Token::DoubleQuoted(text)
                })
            }
            '`' => self.name(None),
            '=' | '!' | '<' | '>' => {
                let length =
                    self.rest().find(|c| !matches!(c, '=' | '!' | '<' | '>')).unwrap_or(self.rest().len());
                let operator = self.rest()[..length].to_owned();
                self.at += length;
                Ok(Token::Operator(operator))
            }
            c if c.is_ascii_digit() || c == '-' || c == '.' => self.number(start),
            c if is_word(c) => self.name(None),
            c => {
                Err(ParseError::new(format!("{c:?} has no meaning in a filter"), start..start + c.len_utf8()))
            }
        }
    }

    /// The text up to the closing quote. Doubled quotes and `\'` do not end it and stay as they are, as in MLflow.
    fn quoted(&mut self, quote: char) -> Result<String, ParseError> {
        let start = self.at;
        let body = &self.text[start + 1..];
        let mut chars = body.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if c == '\\' && quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else if c == quote {
                if quote != '`' && chars.peek().is_some_and(|(_, next)| *next == quote) {
                    chars.next();
                    continue;
                }
                self.at = start + 1 + i + 1;
                return Ok(body[..i].to_owned());
            }
        }
        Err(ParseError::new(format!("the {quote} that opens here is never closed"), start..self.text.len()))
    }

    fn number(&mut self, start: usize) -> Result<Token, ParseError> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut end = usize::from(bytes[0] == b'-');
        let whole = digits(end);
        end += whole;
        let mut fraction = 0;
        if bytes.get(end) == Some(&b'.') {
            fraction = digits(end + 1);
            end += 1 + fraction;
        }
        // MLflow takes `1e-5` and `1E5` but no `1e+5`.
        if matches!(bytes.get(end), Some(b'e' | b'E')) && whole > 0 {
            let sign = usize::from(bytes.get(end + 1) == Some(&b'-'));
            let exponent = digits((end + 1 + sign).min(bytes.len()));
            if exponent > 0 {
                end += 1 + sign + exponent;
            }
        }
        let ends_here = rest[end..].chars().next().is_none_or(|c| !is_word(c) && c != '.' && c != '+');
        if whole + fraction == 0 || !ends_here {
            let length = rest.find(|c: char| c.is_whitespace()).unwrap_or(rest.len());
            return Err(ParseError::new(
                format!("{:?} is not a number", &rest[..length]),
                start..start + length,
            ));
        }
        self.at += end;
        Ok(Token::Number(self.text[start..self.at].to_owned()))
    }

    /// A dotted name. `first` is its first part where that was quoted and already read.
    fn name(&mut self, first: Option<String>) -> Result<Token, ParseError> {
        let quoted_first = first.is_some();
        let mut parts: Vec<String> = first.into_iter().collect();
        loop {
            if !parts.is_empty() {
                if !self.rest().starts_with('.') {
                    break;
                }
                self.at += 1;
            }
            let start = self.at;
            let part = match self.rest().chars().next() {
                Some('`') => self.quoted('`')?,
                Some('"') => self.quoted('"')?,
                Some(c) if is_word(c) => {
                    let length = self.rest().find(|c| !is_word(c)).unwrap_or(self.rest().len());
                    self.at += length;
                    self.text[start..self.at].to_owned()
                }
                _ => return Err(ParseError::new("a name is missing here", start..start + 1)),
            };
            parts.push(part);
            if parts.len() == 1
                && !quoted_first
                && !self.rest().starts_with('.')
                && let Some(keyword) = KEYWORDS.iter().find(|word| word.eq_ignore_ascii_case(&parts[0]))
            {
                return Ok(Token::Keyword(keyword));
            }
        }
        let key = parts.split_off(usize::from(parts.len() > 1)).join(".");
        Ok(Token::Name { entity: parts.pop(), key })
    }
}
