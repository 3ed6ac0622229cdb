//! Cuts an expression into pieces. Unlike MLflow's lexer it ends a word at spaces, brackets, commas and comparators only, so
//! that keys and values rarely need quotes.

use std::ops::Range;

use super::lexer::closing;
use super::parser::ParseError;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Piece<'a> {
    /// As it stands, quotes within it too: ``metrics.`val loss` ``.
    Word(&'a str),
    /// A text between such quotes.
    Quoted(char, &'a str),
    /// `=`, `!~`, …, and what looks like one.
    Operator(&'a str),
    Open,
    Close,
    Comma,
}

/// A piece, and the bytes it came from.
pub type Placed<'a> = (Piece<'a>, Range<usize>);

/// The pieces of a text.
///
/// # Errors
/// A quote that nothing closes.
pub fn pieces(text: &str) -> Result<Vec<Placed<'_>>, ParseError> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        let piece = match c {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '(' | ')' | ',' => {
                at += 1;
                match c {
                    '(' => Piece::Open,
                    ')' => Piece::Close,
                    _ => Piece::Comma,
                }
            }
            '\'' | '"' => {
                let end = quoted(text, at, c)?;
                let inner = &text[at + 1..end - 1];
                at = end;
                // A quoted kind or the first part of a key goes on behind a dot.
                if text[at..].starts_with('.') {
                    at = word(text, at)?;
                    Piece::Word(&text[start..at])
                } else {
                    Piece::Quoted(c, inner)
                }
            }
            _ if is_operator(text, at) => {
                while at < text.len() && is_operator(text, at) {
                    at += 1;
                }
                Piece::Operator(&text[start..at])
            }
            _ => {
                at = word(text, at)?;
                Piece::Word(&text[start..at])
            }
        };
        pieces.push((piece, start..at));
    }
    Ok(pieces)
}

/// Whether a comparator stands or goes on here. A `!` by itself is a letter.
fn is_operator(text: &str, at: usize) -> bool {
    match text.as_bytes()[at] {
        b'=' | b'<' | b'>' | b'~' => true,
        b'!' => matches!(text.as_bytes().get(at + 1), Some(b'=' | b'~')),
        _ => false,
    }
}

/// Where the word ends that begins here.
fn word(text: &str, mut at: usize) -> Result<usize, ParseError> {
    let start = at;
    while let Some(c) = text[at..].chars().next() {
        match c {
            // Quotes belong to a word at its beginning or behind a dot, as keys have them.
            '`' => at = quoted(text, at, c)?,
            '\'' | '"' if at > start && text[..at].ends_with('.') => at = quoted(text, at, c)?,
            '(' | ')' | ',' | '\'' | '"' => break,
            c if c.is_whitespace() || is_operator(text, at) => break,
            c => at += c.len_utf8(),
        }
    }
    Ok(at)
}

/// Where the text ends, with its quotes, that a quote begins.
fn quoted(text: &str, at: usize, quote: char) -> Result<usize, ParseError> {
    let length = closing(&text[at + 1..], quote);
    let end = length.map(|length| at + 1 + length + 1);
    end.ok_or_else(|| {
        ParseError::new(format!("unclosed {quote}; write another {quote} at its end"), at..text.len())
    })
}
