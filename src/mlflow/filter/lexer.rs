//! Cuts a filter into tokens as MLflow's SQL lexer (`sqlparse`) does. A dotted name is one token, its quotes with it.
//!
//! Cutting never fails: what is no token of a filter becomes a token that no comparison takes, because within a list MLflow looks at
//! the text itself and not at the tokens.

use std::ops::Range;

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A dotted name as it stands in the text.
    Name(String),
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
    /// A quote that nothing closes.
    Unclosed(char),
    /// What has no meaning in a filter, and why.
    LiteralError(String),
}

const KEYWORDS: [&str; 10] = ["AND", "OR", "IN", "NOT", "IS", "NULL", "LIKE", "ILIKE", "ASC", "DESC"];

/// The words that end a name for MLflow's lexer, wherever they stand in it: they need quotes.
const RESERVED: [&str; 6] = ["CASE", "IN", "VALUES", "USING", "FROM", "AS"];

/// Whether a key can stand in a filter without quotes.
pub fn is_plain_key(key: &str) -> bool {
    !key.is_empty()
        && key.split('.').all(|part| {
            part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && part.chars().all(is_word)
                && !is_reserved(part)
        })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_reserved(part: &str) -> bool {
    RESERVED.iter().any(|word| word.eq_ignore_ascii_case(part))
}

/// The tokens of a text, each with the bytes it came from.
pub fn tokenize(text: &str) -> Vec<(Token, Range<usize>)> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some(start) = lexer.skip_space() {
        let token = lexer.token(start);
        tokens.push((token, start..lexer.at));
    }
    tokens
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

    fn token(&mut self, start: usize) -> Token {
        let first = self.rest().chars().next().unwrap_or(' ');
        match first {
            '(' | ')' | ',' => {
                self.at += 1;
                match first {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    _ => Token::Comma,
                }
            }
            '\'' => match self.quoted('\'') {
                Some(text) => Token::SingleQuoted(text.to_owned()),
                None => self.unclosed('\''),
            },
            '"' => match self.quoted('"').map(str::to_owned) {
                Some(_) if self.rest().starts_with('.') => self.further_parts(start),
                Some(text) => Token::DoubleQuoted(text),
                None => self.unclosed('"'),
            },
            '`' => match self.quoted('`') {
                Some(_) => self.further_parts(start),
                None => self.unclosed('`'),
            },
            '=' | '!' | '<' | '>' => {
                Token::Operator(self.take_while(|c| matches!(c, '=' | '!' | '<' | '>')).to_owned())
            }
            c if c.is_ascii_digit() || c == '-' || c == '.' => self.number(start),
            c if is_word(c) => {
                let word = self.take_while(is_word);
                if let Some(keyword) = KEYWORDS.iter().find(|keyword| keyword.eq_ignore_ascii_case(word))
                    && !self.rest().starts_with('.')
                {
                    return Token::Keyword(keyword);
                }
                self.further_parts(start)
            }
            c => {
                self.at += c.len_utf8();
                Token::LiteralError(format!("unexpected {c:?}"))
            }
        }
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &str {
        let start = self.at;
        self.at += self.rest().find(|c| !belongs(c)).unwrap_or(self.rest().len());
        &self.text[start..self.at]
    }

    /// The text between this quote and the one that closes it, as it stands.
    fn quoted(&mut self, quote: char) -> Option<&str> {
        let start = self.at + 1;
        let length = closing(&self.text[start..], quote)?;
        self.at = start + length + 1;
        Some(&self.text[start..start + length])
    }

    /// A quote that nothing closes is a token of its own.
    fn unclosed(&mut self, quote: char) -> Token {
        self.at += 1;
        Token::Unclosed(quote)
    }

    fn number(&mut self, start: usize) -> Token {
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
            let belongs = |c: char| !c.is_whitespace() && !matches!(c, ',' | '(' | ')' | '\'' | '"' | '`');
            let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len()).max(1);
            let wrong = format!("{:?} is not a number", &rest[..length]);
            self.at += length;
            return Token::LiteralError(wrong);
        }
        self.at += end;
        Token::Number(self.text[start..self.at].to_owned())
    }

    /// What follows the first part of a dotted name that began at `start`.
    fn further_parts(&mut self, start: usize) -> Token {
        let mut reserved = None;
        while self.rest().starts_with('.') {
            self.at += 1;
            match self.rest().chars().next() {
                Some(quote @ ('`' | '"' | '\'')) => {
                    if self.quoted(quote).is_none() {
                        return self.unclosed(quote);
                    }
                }
                Some(c) if is_word(c) => {
                    let part = self.take_while(is_word);
                    if is_reserved(part) || part.bytes().all(|b| b.is_ascii_digit()) {
                        reserved = Some(part.to_owned());
                    }
                }
                _ => return Token::LiteralError("a name cannot end in a dot".into()),
            }
        }
        match reserved {
            Some(part) => Token::LiteralError(format!(
                "{part} needs quoting; put the whole key into backquotes, as in params.`{part}`"
            )),
            None => Token::Name(self.text[start..self.at].to_owned()),
        }
    }
}

/// Where the quote is that closes a text. Doubled quotes and, but for backquotes, `\` with a quote do not close it;
/// if then none does, the last of those did.
pub(super) fn closing(body: &str, quote: char) -> Option<usize> {
    let mut chars = body.char_indices().peekable();
    let mut last_pair = None;
    while let Some((at, c)) = chars.next() {
        let before_quote = chars.peek().is_some_and(|(_, next)| *next == quote);
        if c == '\\' && quote != '`' && before_quote {
            last_pair = Some(at + 1);
            chars.next();
        } else if c == quote {
            if !before_quote {
                return Some(at);
            }
            last_pair = Some(at);
            chars.next();
        }
    }
    last_pair
}
