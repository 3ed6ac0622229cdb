//! JSON that can be looked at: what hides or steers a terminal is written as `\u001b`, which is the same value.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::is_hidden;
use super::safe::is_plainly_ascii;

/// Writes a value over several lines.
pub fn write_pretty(value: &impl Serialize, out: impl Write) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Visible(PrettyFormatter::new())))
}

pub fn pretty(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::new();
    write_pretty(value, &mut out)?;
    Ok(out)
}

/// A value in one line.
pub fn compact(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut out, Visible(CompactFormatter)))?;
    Ok(out)
}

/// Another form of JSON with its strings made visible.
struct Visible<F>(F);

impl<F: Formatter> Formatter for Visible<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        if is_plainly_ascii(fragment) {
            return out.write_all(fragment.as_bytes());
        }
        let mut written = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_hidden(*c)) {
            out.write_all(&fragment.as_bytes()[written..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            written = at + c.len_utf8();
        }
        out.write_all(&fragment.as_bytes()[written..])
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_hidden_is_escaped_and_the_value_is_the_same() {
        let value = json!({
            "a\u{9b}": ["\u{1b}[31m\u{7f}\u{85}", "\u{202e}x\u{2066}", "日本 \u{1f469}\u{200d}\u{1f680} \u{e0041}\u{feff}"],
            "b": [], "c": { "d": 0.1, "e": null },
        });
        let written = String::from_utf8(pretty(&value).unwrap()).unwrap();
        assert!(written.chars().all(|c| c == '\n' || !is_hidden(c)), "{written:?}");
        assert!(
            written.contains("\\u001b[31m\\u007f\\u0085") && written.contains("\\udb40\\udc41"),
            "{written}"
        );
        assert!(written.contains("日本"));
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        let plain = json!({ "a": [1, { "b": "c" }], "d": [] });
        assert_eq!(pretty(&plain).unwrap(), serde_json::to_vec_pretty(&plain).unwrap());
        assert_eq!(compact(&plain).unwrap(), serde_json::to_vec(&plain).unwrap());
        assert_eq!(serde_json::from_slice::<Value>(&compact(&value).unwrap()).unwrap(), value);
    }
}
