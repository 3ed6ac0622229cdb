//! Cuts long texts out of JSON while it comes in, so that one of them never takes all memory. What is cut ends in
//! [`CUT`], which nobody can write back.

use memchr::memchr2;

use crate::mlflow::limits::{CUT, TAG_VALUE_CHARS};

/// Bytes of a text that are kept, an escape counted as one: the longest text that MLflow keeps in a tag is never cut, as
/// its letters have four bytes at most.
pub const LONGEST_TEXT: usize = TAG_VALUE_CHARS * 4 + 64;

/// Where in the JSON the next byte stands.
#[derive(Debug, Default)]
enum At {
    #[default]
    Outside,
    /// Within a text, of which so much was kept.
    Text(usize),
    /// Within an escape of a text, of which these bytes are known.
    Escape(usize, Vec<u8>),
}

#[derive(Debug, Default)]
pub struct Cutter {
    at: At,
    /// The text that is under way has lost something.
    cuts: bool,
    /// The last escape that was kept is the first half of a letter.
    is_half: bool,
}

impl Cutter {
    /// Takes in the next part, and adds to `kept` what is left of it.
    pub fn push(&mut self, mut part: &[u8], kept: &mut Vec<u8>) {
        while let Some(&first) = part.first() {
            match &mut self.at {
                At::Outside => {
                    let end = memchr::memchr(b'"', part).map_or(part.len(), |at| at + 1);
                    kept.extend_from_slice(&part[..end]);
                    if part[end - 1] == b'"' {
                        (self.at, self.cuts, self.is_half) = (At::Text(0), false, false);
                    }
                    part = &part[end..];
                }
                At::Text(length) if !matches!(first, b'"' | b'\\') => {
                    let end = memchr2(b'"', b'\\', part).unwrap_or(part.len());
                    let whole = &part[..end];
                    let mut room = LONGEST_TEXT.saturating_sub(*length).min(end);
                    // No letter is cut in two.
                    while room < end && !self.cuts && whole[room] & 0xc0 == 0x80 {
                        room += 1;
                    }
                    if room < end && !self.cuts {
                        kept.extend_from_slice(&whole[..room]);
                        self.cut(kept);
                    } else if !self.cuts {
                        kept.extend_from_slice(whole);
                    }
                    if let At::Text(length) = &mut self.at {
                        *length = length.saturating_add(end);
                    }
                    self.is_half = false;
                    part = &part[end..];
                }
                At::Text(length) if first == b'\\' => {
                    self.at = At::Escape(*length, vec![b'\\']);
                    part = &part[1..];
                }
                At::Text(_) => {
                    kept.push(b'"');
                    self.at = At::Outside;
                    part = &part[1..];
                }
                At::Escape(length, escape) => {
                    escape.push(first);
                    part = &part[1..];
                    let wanted = if escape[1] == b'u' { 6 } else { 2 };
                    if escape.len() == wanted {
                        let (length, escape) = (*length, std::mem::take(escape));
                        self.escaped(length, &escape, kept);
                    }
                }
            }
        }
    }

    fn escaped(&mut self, length: usize, escape: &[u8], kept: &mut Vec<u8>) {
        let half = |letters: &[u8]| {
            escape.len() == 6
                && escape[2].eq_ignore_ascii_case(&b'd')
                && letters.contains(&escape[3].to_ascii_lowercase())
        };
        let completes = self.is_half && half(b"cdef");
        if !self.cuts && length >= LONGEST_TEXT && !completes {
            self.cut(kept);
        }
        if !self.cuts {
            kept.extend_from_slice(escape);
        }
        self.is_half = !self.cuts && half(b"89ab");
        self.at = At::Text(length.saturating_add(1));
    }

    fn cut(&mut self, kept: &mut Vec<u8>) {
        self.cuts = true;
        kept.extend_from_slice(CUT.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a text as JSON has it, taken in parts of so many bytes.
    fn kept(json: &str, size: usize) -> serde_json::Value {
        let mut cutter = Cutter::default();
        let mut kept = Vec::new();
        json.as_bytes().chunks(size).for_each(|part| cutter.push(part, &mut kept));
        serde_json::from_slice(&kept)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&kept)))
    }

    #[test]
    fn what_is_not_long_stays_as_it_is() {
        let longest = "𝄞".repeat(TAG_VALUE_CHARS);
        let escaped = "\\ud834\\udd1e".repeat(TAG_VALUE_CHARS);
        for text in ["", "a\\\"b\\\\", "\\u00e9 é \\n", &longest, &escaped] {
            let json = format!("{{\"a\": [\"{text}\", 1, \"]\"], \"\\\"{{\": null}}");
            for size in [1, 7, 1 << 20] {
                assert_eq!(kept(&json, size), serde_json::from_str::<serde_json::Value>(&json).unwrap());
            }
        }
    }

    #[test]
    fn a_long_text_is_cut_between_letters_and_says_so() {
        for letter in ["x", "é", "€", "𝄞", "\\n", "\\u00e9", "\\ud834\\udd1e", "x\\ud834\\udd1e", "\\\\\\\""]
        {
            let json = format!("[\"{}\", \"next\"]", letter.repeat(40_000));
            for size in [1, 4_096, 1 << 20] {
                let value = kept(&json, size);
                let text = value[0].as_str().unwrap();
                assert!(text.ends_with(CUT), "{letter}");
                assert!(text.chars().count() > TAG_VALUE_CHARS, "{letter}: too long to be written back");
                assert!(text.len() < LONGEST_TEXT * 3, "{letter}");
                assert_eq!(value[1], "next");
            }
        }
    }
}
