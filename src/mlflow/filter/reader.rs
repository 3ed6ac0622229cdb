//! Pieces to an [`Expression`], with errors that say what to write.

use std::ops::Range;

use regex::Regex;

use super::dates::{dated, moment};
use super::expression::{Expression, Term};
use super::parser::{ParseError, field, number};
use super::words::{Piece, Placed, pieces};
use super::{Attribute, Clause, Comparator, Field, Number, Pattern, Test};
use crate::mlflow::RunStatus;
use crate::mlflow::infinity::stored;
use crate::spelling::nearest_name;

/// How deep parentheses may stand in each other.
const DEEPEST: usize = 30;
const COMPARATORS: &str = "=, !=, <, <=, >, >=, ~, !~, LIKE, ILIKE, IN or IS NULL";
/// Words that need quotes where a value is meant.
const KEYWORDS: [&str; 10] = ["AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "&&", "||"];

/// Reads what MLflow does not take.
pub fn read(text: &str) -> Result<Expression, ParseError> {
    let pieces = pieces(text)?;
    let mut reader = Reader { text, pieces: &pieces, at: 0 };
    let expression = reader.any(0)?;
    match reader.pieces.get(reader.at) {
        None => Ok(expression),
        Some(stray) => Err(reader.stray(stray)),
    }
}

type Read<T> = Result<T, ParseError>;

/// A value, and where it stands.
struct Written<'a> {
    text: &'a str,
    is_quoted: bool,
    span: Range<usize>,
}

/// What is compared: a field, or how long ago a run started.
enum Subject {
    Field(Field),
    Age,
}

struct Reader<'a> {
    text: &'a str,
    pieces: &'a [Placed<'a>],
    at: usize,
}

impl<'a> Reader<'a> {
    fn any(&mut self, depth: usize) -> Read<Expression> {
        let mut any = vec![self.all(depth)?];
        while self.keyword(&["OR", "||"]) {
            any.push(self.all(depth)?);
        }
        match any.pop() {
            Some(only) if any.is_empty() => Ok(only),
            last => {
                any.extend(last);
                Ok(Expression { all: vec![Term::Any(any)] })
            }
        }
    }

    fn all(&mut self, depth: usize) -> Read<Expression> {
        let mut all = self.part(depth)?;
        while self.keyword(&["AND", "&&"]) {
            all.extend(self.part(depth)?);
        }
        Ok(Expression { all })
    }

    fn part(&mut self, depth: usize) -> Read<Vec<Term>> {
        let Some((Piece::Open, span)) = self.pieces.get(self.at) else { return Ok(vec![self.term()?]) };
        if depth == DEEPEST {
            return Err(ParseError::new("too many parentheses in each other", span.clone()));
        }
        self.at += 1;
        let inner = self.any(depth + 1)?;
        match self.pieces.get(self.at) {
            Some((Piece::Close, _)) => self.at += 1,
            Some(stray) => return Err(self.stray(stray)),
            None => {
                return Err(ParseError::new(
                    "this parenthesis is not closed; write a ) at its end",
                    span.clone(),
                ));
            }
        }
        Ok(inner.all)
    }

    /// Whether one of these words comes next, which is taken then.
    fn keyword(&mut self, words: &[&str]) -> bool {
        let is_it = |piece: &Placed<'_>| matches!(piece.0, Piece::Word(word) if words.iter().any(|known| known.eq_ignore_ascii_case(word)));
        let found = self.pieces.get(self.at).is_some_and(is_it);
        self.at += usize::from(found);
        found
    }

    fn next(&mut self, expected: impl FnOnce() -> String) -> Read<&'a Placed<'a>> {
        let end = self.text.len();
        let piece = self.pieces.get(self.at);
        self.at += usize::from(piece.is_some());
        piece.ok_or_else(|| ParseError::new(format!("expected {} at the end", expected()), end..end))
    }

    /// What stands where a comparison has ended.
    fn stray(&self, (piece, span): &Placed<'_>) -> ParseError {
        let before = self.at.checked_sub(1).map(|at| &self.pieces[at]);
        let words = match (before, piece) {
            (Some((Piece::Word(_), start)), Piece::Word(_)) => {
                let later = self.pieces[self.at..].iter();
                let is_text = |piece: &&Placed<'_>| matches!(piece.0, Piece::Word(word) if !is_keyword(word));
                let end = later.take_while(is_text).last().map_or(span.end, |(_, span)| span.end);
                let text = &self.text[start.start..end];
                return ParseError::new(
                    format!("expected AND or OR; a text with spaces stands in quotes: '{text}'"),
                    start.start..end,
                );
            }
            (_, Piece::Close) => "no parenthesis is open here; take the ) away",
            (_, Piece::Comma) => "expected AND or OR in place of the comma",
            (_, Piece::Open) => {
                "expected AND or OR in front of the parenthesis; a text with one stands in quotes"
            }
            _ => "expected AND or OR between two comparisons",
        };
        ParseError::new(words, span.clone())
    }

    fn term(&mut self) -> Read<Term> {
        let (subject, name) = self.subject()?;
        let (piece, span) =
            self.next(|| format!("a comparator behind {}: {COMPARATORS}", &self.text[name.clone()]))?;
        match (piece, &subject) {
            (Piece::Operator(operator), Subject::Age) => self.age(operator, span),
            (Piece::Operator(operator), Subject::Field(field)) => {
                self.compared(field.clone(), operator, span)
            }
            (Piece::Word(word), Subject::Field(field)) if is_keyword(word) => {
                let test = self.spelled(field, &word.to_ascii_uppercase(), span)?;
                Ok(Term::Clause(Clause { field: field.clone(), test }))
            }
            (Piece::Word(_), Subject::Field(_)) => Err(self.spaced(&name, span)),
            _ => Err(ParseError::new(format!("expected a comparator: {COMPARATORS}"), span.clone())),
        }
    }

    /// A key with spaces that has no quotes: says how it is written.
    fn spaced(&self, name: &Range<usize>, span: &Range<usize>) -> ParseError {
        let later = self.pieces[self.at - 1..].iter();
        let is_key = |piece: &&Placed<'_>| matches!(piece.0, Piece::Word(word) if !is_keyword(word));
        let end = later.take_while(is_key).last().map_or(span.end, |(_, span)| span.end);
        let whole = &self.text[name.start..end];
        let words = match whole.split_once('.') {
            Some((kind, key)) if !key.contains('`') && name.end < end => {
                format!("expected a comparator; a name with spaces stands in backquotes: {kind}.`{key}`")
            }
            _ => format!("expected a comparator: {COMPARATORS}"),
        };
        ParseError::new(words, name.start..end)
    }

    fn subject(&mut self) -> Read<(Subject, Range<usize>)> {
        const EXAMPLE: &str = "a name such as metrics.rmse, params.lr or status";
        let (piece, span) = self.next(|| EXAMPLE.to_owned())?;
        let wrong = |words: &str| Err(ParseError::new(words, span.clone()));
        let word = match piece {
            Piece::Word(word) if is_keyword(word) => {
                return wrong(match word.to_ascii_uppercase().as_str() {
                    "NOT" => "NOT stands before IN and NULL only; write != or !~",
                    _ => "expected a comparison, such as metrics.rmse < 0.5",
                });
            }
            Piece::Word(word) => *word,
            Piece::Quoted('"', name) => *name,
            Piece::Operator("~" | "!~" | "=" | "!=" | "<" | ">" | "<=" | ">=") => {
                return wrong("expected a name in front of the comparator, such as metrics.rmse");
            }
            Piece::Close => return wrong("expected a comparison in the parentheses"),
            _ => return wrong(&format!("expected {EXAMPLE}")),
        };
        let subject = if word == "age" { Subject::Age } else { Subject::Field(named(word, span)?) };
        Ok((subject, span.clone()))
    }

    /// `age < 1d`: started later than a day ago.
    fn age(&mut self, operator: &str, span: &Range<usize>) -> Read<Term> {
        let comparator = comparator(operator, span)?;
        if !comparator.is_for_numbers() || matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
            return Err(ParseError::new("an age is compared with <, <=, > or >=", span.clone()));
        }
        let value = self.value("an age such as 30m, 24h or 7d")?;
        let ago = duration(value.text).ok_or_else(|| {
            let words = format!(
                "{:?} is no age; write a number with s, m, h, d or w, as in 30m, 24h or 7d",
                value.text
            );
            ParseError::new(words, value.span)
        })?;
        Ok(Term::Ago(Attribute::StartTime, comparator.flipped(), ago))
    }

    /// What stands behind `=` and its like.
    fn compared(&mut self, field: Field, operator: &str, span: &Range<usize>) -> Read<Term> {
        let is_time = matches!(&field, Field::Attribute(attribute) if attribute.is_time());
        if let "~" | "=~" | "!~" = operator {
            if is_time || matches!(field, Field::Metric(_)) {
                return Err(ParseError::new(
                    format!("{field} is a number: use =, !=, <, <=, > or >="),
                    span.clone(),
                ));
            }
            let pattern = self.pattern()?;
            let test = if operator == "!~" { Test::MatchesNot(pattern) } else { Test::Matches(pattern) };
            return Ok(Term::Clause(Clause { field, test }));
        }
        let comparator = comparator(operator, span)?;
        let test = match &field {
            Field::Attribute(attribute) if attribute.is_time() => {
                return self.time(*attribute, comparator);
            }
            Field::Metric(_) => Test::Number(comparator, self.number(&field)?),
            _ if comparator.is_for_text() => {
                let value = self.value("a text")?;
                if field == Field::Attribute(Attribute::UserId) && value.text == "me" && !value.is_quoted {
                    return Ok(Term::Mine(comparator == Comparator::Equal));
                }
                Test::Text(comparator, text_of(&field, &value)?)
            }
            Field::Param(_) | Field::Tag(_) => Test::Number(comparator, self.number(&field)?),
            _ => {
                let words = format!("{field} is a text: use =, !=, ~, !~, LIKE, ILIKE or IN");
                return Err(ParseError::new(words, span.clone()));
            }
        };
        Ok(Term::Clause(Clause { field, test }))
    }

    /// A comparison whose comparator is a word.
    fn spelled(&mut self, field: &Field, word: &str, span: &Range<usize>) -> Read<Test> {
        let is_time = matches!(field, Field::Attribute(attribute) if attribute.is_time());
        let is_number = is_time || matches!(field, Field::Metric(_));
        match word {
            "IS" => {
                let negated = self.keyword(&["NOT"]);
                if !self.keyword(&["NULL"]) {
                    return Err(ParseError::new("expected NULL or NOT NULL behind IS", span.clone()));
                }
                if !is_number && !matches!(field, Field::Param(_) | Field::Tag(_)) {
                    let words = "IS NULL is for metrics, params, tags, start_time and end_time";
                    return Err(ParseError::new(words, span.clone()));
                }
                Ok(if negated { Test::IsNotNull } else { Test::IsNull })
            }
            "IN" | "NOT" => {
                if word == "NOT" && !self.keyword(&["IN"]) {
                    return Err(ParseError::new("expected IN behind NOT", span.clone()));
                }
                if is_number {
                    let words = format!("{field} is a number: write {field} = 1 OR {field} = 2");
                    return Err(ParseError::new(words, span.clone()));
                }
                let list = self.list(field)?;
                Ok(if word == "NOT" { Test::NotIn(list) } else { Test::In(list) })
            }
            "LIKE" | "ILIKE" if is_number => {
                Err(ParseError::new(format!("{field} is a number: use =, !=, <, <=, > or >="), span.clone()))
            }
            "LIKE" | "ILIKE" => {
                let comparator = if word == "LIKE" { Comparator::Like } else { Comparator::ILike };
                let value = self.value("a text such as 'tree%'")?;
                Ok(Test::Text(comparator, value.text.to_owned()))
            }
            _ => Err(ParseError::new(format!("expected a comparator: {COMPARATORS}"), span.clone())),
        }
    }

    fn value(&mut self, expected: &str) -> Read<Written<'a>> {
        let (piece, span) = self.next(|| expected.to_owned())?;
        let span = span.clone();
        match piece {
            Piece::Word(word) if is_keyword(word) => Err(ParseError::new(
                format!("expected {expected}; this word stands in quotes: '{word}'"),
                span,
            )),
            Piece::Word(text) => Ok(Written { text, is_quoted: false, span }),
            Piece::Quoted(_, text) => Ok(Written { text, is_quoted: true, span }),
            Piece::Operator(_) => Err(ParseError::new(
                format!("expected {expected}; signs such as this one stand in quotes"),
                span,
            )),
            Piece::Open | Piece::Close | Piece::Comma => {
                Err(ParseError::new(format!("expected {expected}"), span))
            }
        }
    }

    fn number(&mut self, field: &Field) -> Read<Number> {
        let value = self.value("a number")?;
        match value.text {
            "inf" | "+inf" => return Ok(Number::Float(stored(f64::INFINITY))),
            "-inf" => return Ok(Number::Float(stored(f64::NEG_INFINITY))),
            _ => {}
        }
        match number(value.text, &value.span) {
            Ok(Number::Float(float)) if float.is_nan() => {
                Err(ParseError::new("NaN is not less than, equal to or greater than anything", value.span))
            }
            Ok(number) => Ok(number),
            Err(_) => {
                let words = format!("{field} is compared with a number, and {:?} is none", value.text);
                let more =
                    if matches!(field, Field::Metric(_)) { "" } else { "; use =, !=, ~ or LIKE for texts" };
                Err(ParseError::new(words + more, value.span))
            }
        }
    }

    /// A time in milliseconds, a date, or `now` less a while.
    fn time(&mut self, attribute: Attribute, comparator: Comparator) -> Read<Term> {
        let value = self.value("a time such as now-24h, now-7d or 2026-11-20")?;
        if let Ok(number) = number(value.text, &value.span)
            && !number.as_f64().is_nan()
        {
            let test = Test::Number(comparator, number);
            return Ok(Term::Clause(Clause { field: Field::Attribute(attribute), test }));
        }
        if let Some(moment) = moment(value.text) {
            return Ok(dated(attribute, comparator, &moment));
        }
        let mut end = value.span.end;
        let mut whole = value.text.to_owned();
        // `now - 24h` too.
        while whole.starts_with("now") && (whole.ends_with('-') || self.begins_with_minus()) {
            let Some((Piece::Word(more), span)) = self.pieces.get(self.at) else { break };
            self.at += 1;
            end = span.end;
            whole.push_str(more);
        }
        let ago = match whole.strip_prefix("now") {
            Some("") => Some(0),
            Some(rest) => rest.strip_prefix('-').and_then(duration),
            None => None,
        };
        let ago = ago.ok_or_else(|| {
            let words = format!(
                "{whole:?} is no time; write now-30m, now-24h or now-7d, a date such as 2026-11-20 or \
                         2026-11-20T12:30, or milliseconds since 1970"
            );
            ParseError::new(words, value.span.start..end)
        })?;
        Ok(Term::Ago(attribute, comparator, ago))
    }

    fn begins_with_minus(&self) -> bool {
        matches!(self.pieces.get(self.at), Some((Piece::Word(word), _)) if word.starts_with('-'))
    }

    fn pattern(&mut self) -> Read<Pattern> {
        let value = self.value("a regular expression such as '^run-[0-9]+$'")?;
        Regex::new(value.text).map(Pattern).map_err(|error| {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            ParseError::new(format!("no regular expression: {reason}"), value.span)
        })
    }

    fn list(&mut self, field: &Field) -> Read<Vec<String>> {
        let (piece, span) = self.next(|| "a list such as ('a', 'b')".to_owned())?;
        if *piece != Piece::Open {
            return Err(ParseError::new("expected a list in parentheses, such as ('a', 'b')", span.clone()));
        }
        let mut list = Vec::new();
        loop {
            if matches!(self.pieces.get(self.at), Some((Piece::Close, _))) && !list.is_empty() {
                self.at += 1;
                return Ok(list);
            }
            let value = self.value("a text in the list")?;
            list.push(text_of(field, &value)?);
            match self.next(|| "a comma or the ) of the list".to_owned())? {
                (Piece::Close, _) => return Ok(list),
                (Piece::Comma, _) => {}
                (_, span) => {
                    return Err(ParseError::new("expected a comma or the ) of the list", span.clone()));
                }
            }
        }
    }
}

pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn comparator(operator: &str, span: &Range<usize>) -> Read<Comparator> {
    match operator {
        "=" | "==" => Ok(Comparator::Equal),
        "!=" | "<>" => Ok(Comparator::NotEqual),
        "<" => Ok(Comparator::Less),
        "<=" => Ok(Comparator::LessOrEqual),
        ">" => Ok(Comparator::Greater),
        ">=" => Ok(Comparator::GreaterOrEqual),
        other => {
            let words = format!("unknown comparator {other}; use =, !=, <, <=, >, >=, ~ or !~");
            Err(ParseError::new(words, span.clone()))
        }
    }
}

/// The field of a name; where there is none, the ones that may be meant.
pub(super) fn named(word: &str, span: &Range<usize>) -> Read<Field> {
    match word {
        "user" => return Ok(Field::Attribute(Attribute::UserId)),
        "name" => return Ok(Field::Attribute(Attribute::RunName)),
        _ => {}
    }
    let is_known = |kind: &str| {
        let kind = kind.trim_matches('`');
        ["attributes", "attribute", "attr", "run", "dataset", "datasets"].contains(&kind)
    };
    let kind = word.split_once('.').map_or("", |(kind, _)| kind);
    field(word, span).map_err(|error| {
        // What begins with a digit was to be a value.
        if is_known(kind) || word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+')) {
            return error;
        }
        let key = word.trim_matches('`').to_owned();
        let [metric, param, tag] = [Field::Metric(key.clone()), Field::Param(key.clone()), Field::Tag(key)];
        let names = Attribute::ALL.map(Attribute::as_str).join(", ");
        let words = format!(
            "runs have no attribute {word:?}: write {metric}, {param} or {tag}; attributes are {names}, age"
        );
        ParseError::new(words, span.clone())
    })
}

/// A text that a field is compared with; a status without quotes is known in small letters too.
fn text_of(field: &Field, value: &Written<'_>) -> Read<String> {
    if *field != Field::Attribute(Attribute::Status) || value.is_quoted {
        return Ok(value.text.to_owned());
    }
    let status = value.text.to_ascii_uppercase().parse::<RunStatus>();
    status.map(|status| status.as_str().to_owned()).map_err(|()| {
        let names = RunStatus::ALL.map(RunStatus::as_str);
        let near = nearest_name(value.text, names);
        let near = near.map_or(String::new(), |near| format!(" (did you mean {near}?)"));
        let names = names.join(", ");
        ParseError::new(format!("no status {:?}{near}; there are {names}", value.text), value.span.clone())
    })
}

/// Milliseconds of `30m`, `24h`, `1.5d`, `1d12h`.
fn duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|length| *length > 0)?;
        let amount: f64 = rest[..length].parse().ok()?;
        let unit = rest[length..].chars().next()?;
        sum += amount
            * match unit {
                's' => 1_000.0,
                'm' => 60_000.0,
                'h' => 3_600_000.0,
                'd' => 86_400_000.0,
                'w' => 604_800_000.0,
                _ => return None,
            };
        rest = &rest[length + unit.len_utf8()..];
    }
    (!text.is_empty()).then_some(sum as i64)
}
