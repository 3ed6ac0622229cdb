//! What is being written at a place of an expression: a name, or a value of something.

use super::query::quoted;
use super::reader::is_keyword;
use super::words::{Piece, pieces};

/// What can stand at the end of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A name, which has begun at that byte.
    Name(usize),
    /// A value of what has this name, which has begun at that byte.
    Value { of: String, start: usize, quote: Option<char> },
    /// Nothing that could be known.
    Unknown,
}

impl Place {
    /// What is being written where a text ends.
    pub fn behind(text: &str) -> Self {
        if let Ok(pieces) = pieces(text) {
            let is_word_open = !text.ends_with(|c: char| c.is_whitespace());
            return match pieces.split_last() {
                Some(((Piece::Word(_), span), before)) if is_word_open => Self::of(before, span.start, None),
                Some(((Piece::Quoted(..), _), _)) if is_word_open => Self::Unknown,
                _ => Self::of(&pieces, text.len(), None),
            };
        }
        // A quote is open: the last one that leaves a sound text in front of it.
        let quotes = text.char_indices().filter(|(_, c)| matches!(c, '\'' | '"' | '`'));
        for (at, quote) in quotes.collect::<Vec<_>>().into_iter().rev() {
            let Ok(before) = pieces(&text[..at]) else { continue };
            if quote == '`' {
                // A key: the word in front of it belongs to it.
                let start =
                    before.last().filter(|(_, span)| span.end == at).map_or(at, |(_, span)| span.start);
                return Self::Name(start);
            }
            return match Self::of(&before, at, Some(quote)) {
                Self::Name(_) => Self::Unknown,
                place => place,
            };
        }
        Self::Unknown
    }

    fn of(before: &[(Piece<'_>, std::ops::Range<usize>)], start: usize, quote: Option<char>) -> Self {
        let mut at = before.len();
        let mut back = || {
            at = at.checked_sub(1)?;
            before.get(at).map(|(piece, _)| piece)
        };
        let is = |piece: Option<&Piece<'_>>, words: &[&str]| matches!(piece, Some(Piece::Word(word)) if words.iter().any(|known| known.eq_ignore_ascii_case(word)));
        let mut last = back();
        if matches!(last, Some(Piece::Open | Piece::Comma)) {
            // A list, if IN stands in front of it; else a parenthesis around comparisons.
            while !matches!(last, Some(Piece::Open) | None) {
                last = back();
            }
            if !is(back(), &["IN"]) {
                return Self::Name(start);
            }
            last = back();
            if is(last, &["NOT"]) {
                last = back();
            }
        } else if matches!(last, Some(Piece::Operator(_))) || is(last, &["LIKE", "ILIKE"]) {
            last = back();
        } else {
            return Self::Name(start);
        }
        match last {
            Some(Piece::Word(of)) if !is_keyword(of) => Self::Value { of: (*of).to_owned(), start, quote },
            _ => Self::Unknown,
        }
    }
}

/// A text as a value, in quotes where it needs them; none if no quotes fit.
pub fn value(text: &str, quote: Option<char>) -> Option<String> {
    let ends_word = |c: char| {
        c.is_whitespace() || matches!(c, '(' | ')' | ',' | '\'' | '"' | '`' | '=' | '<' | '>' | '~' | '!')
    };
    let is_word = !text.is_empty() && !text.contains(ends_word) && !is_keyword(text) && text != "me";
    match quote {
        None if is_word => Some(text.to_owned()),
        Some('"') if !text.contains('"') && !text.ends_with('\\') => Some(format!("\"{text}\"")),
        _ => quoted(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, start: usize) -> Place {
        Place::Value { of: name.into(), start, quote: None }
    }

    #[test]
    fn a_place_is_known_by_what_stands_before_it() {
        for (text, place) in [
            ("", Place::Name(0)),
            ("metr", Place::Name(0)),
            ("status = x AND tr", Place::Name(15)),
            ("(params.a = b OR ", Place::Name(17)),
            ("metrics.`val l", Place::Name(0)),
            ("params.a = ", of("params.a", 11)),
            ("params.a=tr", of("params.a", 9)),
            ("status LIKE F", of("status", 12)),
            ("params.`a b` !~ tr", of("params.`a b`", 16)),
            ("status NOT IN (failed, ki", of("status", 23)),
            ("params.a = 'tr", Place::Value { of: "params.a".into(), start: 11, quote: Some('\'') }),
            ("user IN (me, \"an", Place::Value { of: "user".into(), start: 13, quote: Some('"') }),
            ("params.a = 'tr'", Place::Unknown),
            ("'tr", Place::Unknown),
            ("= tr", Place::Unknown),
        ] {
            assert_eq!(Place::behind(text), place, "{text}");
        }
    }

    #[test]
    fn values_have_quotes_where_they_need_them() {
        for (text, quote, written) in [
            ("tree", None, Some("tree")),
            ("tree", Some('\''), Some("'tree'")),
            ("tree", Some('"'), Some("\"tree\"")),
            ("my run", None, Some("'my run'")),
            ("it's", None, Some("\"it's\"")),
            ("or", None, Some("'or'")),
            ("me", None, Some("'me'")),
            ("", None, Some("''")),
            ("it's \"x\"", None, None),
        ] {
            assert_eq!(value(text, quote).as_deref(), written, "{text}");
        }
    }
}
