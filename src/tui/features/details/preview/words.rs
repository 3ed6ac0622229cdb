//! The text of a file: which bytes are text at all, and its lines, safe to look at and with their colours.

use std::borrow::Cow;

use super::{CELLS, LINES};
use crate::text;
use crate::text::highlight::{Highlighter, Language, Part};

/// JSON is not indented further than this, in levels.
const DEEPEST: usize = 100;

/// A line with what its parts are; what is behind the last part is plain.
#[derive(Debug, Clone, PartialEq)]
pub struct TextLine {
    pub words: String,
    pub parts: Vec<Part>,
}

/// The text that bytes are, and how it is written where that is not UTF-8; none where they are no text.
pub fn decoded(content: &[u8]) -> Option<(Cow<'_, str>, Option<&'static str>)> {
    let units = |read: fn([u8; 2]) -> u16| {
        let units = content[2..].chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
        let text = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
        text.collect::<String>()
    };
    let (words, written) = match content {
        [0xff, 0xfe, ..] => (Cow::Owned(units(u16::from_le_bytes)), Some("UTF-16")),
        [0xfe, 0xff, ..] => (Cow::Owned(units(u16::from_be_bytes)), Some("UTF-16")),
        _ => {
            // Files of Windows begin with a mark that says that they are UTF-8.
            let content = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(content);
            match String::from_utf8_lossy(content) {
                Cow::Borrowed(words) => (Cow::Borrowed(words), None),
                words @ Cow::Owned(_) => (words, Some("not UTF-8")),
            }
        }
    };
    (!is_binary(&words)).then_some((words, written))
}

/// Whether there is a NUL, or so many other control characters as no text has.
fn is_binary(words: &str) -> bool {
    let is_of_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x08 | 0x0c | 0x1b);
    let odd = words.bytes().filter(|byte| *byte < b' ' && !is_of_text(byte)).count();
    memchr::memchr(0, words.as_bytes()).is_some() || odd * 10 > words.len().min(10_000)
}

/// Lines with their colours; JSON in one line gets lines of its own.
pub fn lines(language: Language, words: &str) -> Vec<TextLine> {
    let mut highlighter = Highlighter::new(language);
    let lines = if language == Language::Json { json(words) } else { plain(words) };
    let lines = lines.into_iter().map(|words| TextLine { parts: highlighter.line(&words), words });
    lines.collect()
}

/// A line made safe, without the colours that logs are full of, and with tabs as wide as they are mostly drawn.
fn safe(line: &str) -> String {
    let line = line.replace('\t', "    ");
    text::cut(&text::clean(&text::uncoloured(&line)), CELLS, "…")
}

fn plain(words: &str) -> Vec<String> {
    words.lines().take(LINES + 1).map(safe).collect()
}

/// JSON as it stands, but for line breaks: numbers and their digits stay what they are.
fn json(words: &str) -> Vec<String> {
    if words.trim().lines().count() > 1 {
        return plain(words);
    }
    let mut lines = vec![String::new()];
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut escaped = false;
    let mut chars = words.trim().chars().peekable();
    while let Some(c) = chars.next() {
        if lines.len() > LINES {
            break;
        }
        let Some(line) = lines.last_mut() else { break };
        if in_text {
            line.push(c);
            in_text = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => {
                in_text = true;
                line.push(c);
            }
            '{' | '[' => {
                line.push(c);
                let is_empty = chars.peek().is_some_and(|next| matches!(next, '}' | ']'));
                if !is_empty {
                    depth += 1;
                    lines.push("  ".repeat(depth.min(DEEPEST)));
                }
            }
            '}' | ']' => {
                let opens = line.trim_end().ends_with(['{', '[']);
                if opens {
                    line.push(c);
                } else {
                    depth = depth.saturating_sub(1);
                    lines.push(format!("{}{c}", "  ".repeat(depth.min(DEEPEST))));
                }
            }
            ',' => {
                line.push(c);
                lines.push("  ".repeat(depth.min(DEEPEST)));
            }
            ':' => line.push_str(": "),
            c if c.is_whitespace() => {}
            c => line.push(c),
        }
    }
    lines.iter().map(|line| safe(line)).collect()
}
