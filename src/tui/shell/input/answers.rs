//! What the terminal answers when it is asked what it can do. Such bytes are never keys, whatever becomes of them.
//!
//! Kitty's query: <https://sw.kovidgoyal.net/kitty/graphics-protocol/#querying-support-and-available-transmission-mediums>;
//! device attributes and the size of a cell: <https://invisible-island.net/xterm/ctlseqs/ctlseqs.html>.

use memchr::memchr;

use super::Answer;

/// What answers begin with: about pictures, about the device (and other private ones), and about cells.
pub const BEGINNINGS: [&[u8]; 4] = [KITTY, PRIVATE, SECOND, CELL];
const KITTY: &[u8] = b"\x1b_G";
const PRIVATE: &[u8] = b"\x1b[?";
/// Of the device too, which nobody asks for here.
const SECOND: &[u8] = b"\x1b[>";
/// Keys can begin so too.
const CELL: &[u8] = b"\x1b[6;";

/// The length of all beginnings.
pub const SHORTEST: usize = 3;

const ESCAPE: u8 = 0x1b;
/// The attribute of devices that draw sixels.
const SIXEL: &str = "4";

/// Whether bytes are the beginning of an answer, or all of one.
pub fn is_begun(bytes: &[u8]) -> bool {
    BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning))
}

/// How long the answer is that bytes begin with; none as long as its end has not come. One that is broken off ends
/// before what breaks it off.
pub fn length(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(KITTY) {
        let end = KITTY.len() + memchr(ESCAPE, &bytes[KITTY.len()..])?;
        let is_whole = *bytes.get(end + 1)? == b'\\';
        return Some(if is_whole { end + 2 } else { end });
    }
    let start = PRIVATE.len().min(bytes.len());
    let end = start + bytes[start..].iter().position(|byte| !(0x20..=0x3f).contains(byte))?;
    let is_whole = (0x40..=0x7e).contains(&bytes[end]);
    Some(if is_whole { end + 1 } else { end })
}

/// What bytes that began like an answer turned out to be.
#[derive(Debug, PartialEq)]
pub enum Meaning {
    Answer(Answer),
    Key,
    /// An answer that nobody asked for, or that says no.
    Nothing,
}

pub fn meaning(bytes: &[u8]) -> Meaning {
    let text = str::from_utf8(bytes).unwrap_or_default();
    if let Some(words) = text.strip_prefix("\x1b_G") {
        let is_yes = words.ends_with(";OK\x1b\\");
        return if is_yes { Meaning::Answer(Answer::Kitty) } else { Meaning::Nothing };
    }
    if let Some(words) = text.strip_prefix("\x1b[?") {
        // The first one is the kind of device.
        let mut attributes = words.strip_suffix('c').into_iter().flat_map(|words| words.split(';').skip(1));
        let is_sixel = attributes.any(|attribute| attribute == SIXEL);
        return if is_sixel { Meaning::Answer(Answer::Sixel) } else { Meaning::Nothing };
    }
    if bytes.starts_with(SECOND) {
        return Meaning::Nothing;
    }
    let size = text.strip_prefix("\x1b[6;").and_then(|words| words.strip_suffix('t'));
    let Some(size) = size else { return Meaning::Key };
    let parsed = size.split_once(';').and_then(|(high, wide)| Some((wide.parse().ok()?, high.parse().ok()?)));
    parsed.map_or(Meaning::Nothing, |size| Meaning::Answer(Answer::Cell(size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_it_ends_or_is_broken_off() {
        for (bytes, expected) in [
            ("\x1b_Gi=31;OK\x1b\\j", Some(12)),
            ("\x1b_Gi=31;OK\x1b", None),
            ("\x1b_Gi=31;\x1b[A", Some(8)),
            ("\x1b[?62;4cj", Some(8)),
            ("\x1b[?62;4", None),
            ("\x1b[?62\x1b[A", Some(5)),
            ("\x1b[6;20;10tj", Some(10)),
            ("\x1b[6;5~j", Some(6)),
        ] {
            assert_eq!(length(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }

    #[test]
    fn answers_say_what_the_terminal_can_do() {
        for (bytes, expected) in [
            ("\x1b_Gi=31;OK\x1b\\", Meaning::Answer(Answer::Kitty)),
            ("\x1b_Gi=31;ENOTSUP:no\x1b\\", Meaning::Nothing),
            ("\x1b_Gi=31;OK", Meaning::Nothing),
            ("\x1b[?62;4;22c", Meaning::Answer(Answer::Sixel)),
            ("\x1b[?4c", Meaning::Nothing),
            ("\x1b[?1;2c", Meaning::Nothing),
            ("\x1b[?1;4u", Meaning::Nothing),
            ("\x1b[>1;10;0c", Meaning::Nothing),
            ("\x1b[6;20;10t", Meaning::Answer(Answer::Cell((10, 20)))),
            ("\x1b[6;20;99999t", Meaning::Nothing),
            ("\x1b[6;5~", Meaning::Key),
        ] {
            assert_eq!(meaning(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }
}
