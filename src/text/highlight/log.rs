//! Logs: the time at the beginning of a line, and how bad it is.

use super::{Kind, Parts, word};

/// A time at the beginning of a line is no longer than this, in bytes.
const TIME: usize = 40;
/// Levels are looked for in so many bytes behind the time.
const NEAR: usize = 160;

pub(super) fn line(parts: &mut Parts<'_>) {
    parts.take(time(parts.line), Kind::Comment);
    let rest = parts.rest();
    if rest.starts_with("Traceback (most recent call last)") {
        return parts.take_rest(Kind::Error);
    }
    let mut before = "";
    let mut at = 0;
    while at < rest.len().min(NEAR) {
        let length = word(&rest[at..]);
        if length == 0 {
            let next = rest[at..].chars().next().map_or(1, char::len_utf8);
            before = &rest[at..at + next];
            at += next;
            continue;
        }
        let (found, behind) = (&rest[at..at + length], &rest[at + length..]);
        if let Some(kind) = level(before, found, behind, at == 0) {
            parts.take(at, Kind::Plain);
            return parts.take(length, kind);
        }
        at += length;
    }
}

/// What level a word names. Small letters, which any sentence has, count where brackets or other marks make a level of them.
fn level(before: &str, found: &str, behind: &str, is_first: bool) -> Option<Kind> {
    let is_marked = matches!(before, "[" | "=" | "<" | "|")
        || behind.starts_with(']')
        || (is_first && behind.starts_with(':'));
    let is_large = found.chars().all(|c| c.is_ascii_uppercase());
    if is_large || is_marked {
        match found.to_ascii_uppercase().as_str() {
            "ERROR" | "ERR" | "CRITICAL" | "FATAL" | "EXCEPTION" | "PANIC" => return Some(Kind::Error),
            "WARNING" | "WARN" => return Some(Kind::Warning),
            "INFO" | "NOTICE" => return Some(Kind::Info),
            "DEBUG" | "TRACE" => return Some(Kind::Comment),
            _ => {}
        }
    }
    // The names of Python: `ValueError: …`, `UserWarning: …`.
    if !behind.starts_with(':') {
        return None;
    }
    let is_named = |end: &str| found.len() > end.len() && found.ends_with(end);
    if is_named("Error") || is_named("Exception") {
        return Some(Kind::Error);
    }
    is_named("Warning").then_some(Kind::Warning)
}

/// Bytes of the time that a line begins with: `2026-11-23 12:00:01,123`, `[12:00:01]`.
fn time(line: &str) -> usize {
    let is_part = |c: char| {
        c.is_ascii_digit() || matches!(c, '-' | '/' | ':' | '.' | ',' | 'T' | 'Z' | '+' | ' ' | '[')
    };
    let end = line.find(|c| !is_part(c)).unwrap_or(line.len());
    let is_closed = line.starts_with('[') && line[end..].starts_with(']');
    let words = line[..end].trim_end_matches([' ', '-', ':', '[', ',', '.', '+', 'T']);
    let bytes = words.as_bytes();
    let is_clock = |part: &[u8]| part[2] == b':' && [0, 1, 3, 4].iter().all(|at| part[*at].is_ascii_digit());
    if words.len() > TIME || !bytes.windows(5).any(is_clock) {
        return 0;
    }
    if is_closed { end + 1 } else { words.len() }
}
