//! Texts from outside, made safe to look at. What could steer a terminal, turn a line around or hide itself is shown for
//! what it is, as editors do: `^[` for escape, `<200b>` for a space of no width. So two names that look the same are not
//! told apart by what nobody sees.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use icu_properties::props::{
    Alphabetic, CanonicalCombiningClass, DefaultIgnorableCodePoint, Emoji, EmojiModifier, EmojiModifierBase,
    EmojiPresentation, ExtendedPictographic, JoiningType, NoncharacterCodePoint,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_width::UnicodeWidthChar;

/// Code points and bytes that one place on the screen is made of at most.
const POINTS: usize = 8;
const BYTES: usize = 32;

const ESCAPE: char = '\u{1b}';
const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
const AS_TEXT: char = '\u{fe0e}';
const AS_PICTURE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';

/// The text in one line, with nothing in it that steers a terminal or cannot be seen. Line breaks and tabs become
/// spaces; of marks without end on one letter some are shown, and the number of the others. What is clean stays as it is.
pub fn clean(text: &str) -> Cow<'_, str> {
    if is_plainly_ascii(text) || text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = Shown::new(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        shown.take(c, chars.peek().copied());
    }
    Cow::Owned(shown.finish())
}

/// The same of several lines.
pub fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

/// The text without what steers a terminal: escape sequences, control characters, marks of writing direction. For the
/// clipboard. Line breaks and tabs become spaces.
pub fn stripped(text: &str) -> Cow<'_, str> {
    if is_plainly_ascii(text) || !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ESCAPE => skip_sequence(&mut chars),
            c if is_break(c) => safe.push(' '),
            c if steers(c) => {}
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// The text without escape sequences: files are full of colours. All else that is hidden stays, to be shown by [`clean`].
pub fn uncoloured(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPE) {
        return Cow::Borrowed(text);
    }
    let mut left = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == ESCAPE { skip_sequence(&mut chars) } else { left.push(c) }
    }
    Cow::Owned(left)
}

/// The rest of an escape sequence. CSI goes up to its final letter; OSC and its like up to the terminator.
fn skip_sequence(chars: &mut Peekable<Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {}
        }
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || c == '\u{9c}' {
                    break;
                }
                if c == ESCAPE {
                    chars.next_if_eq(&'\\');
                    break;
                }
            }
        }
        Some(_) => drop(chars.next()),
        None => {}
    }
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Control characters, and whatever is not seen where it is not expected.
pub fn is_hidden(c: char) -> bool {
    !is_plain(c)
        && (c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}')
            || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
            || CodePointSetData::new::<NoncharacterCodePoint>().contains(c))
}

/// Hidden characters by their name: `^[`, `<200b>`.
fn name(c: char, out: &mut String) {
    match c {
        '\u{7f}' => out.push_str("^?"),
        ..' ' => out.extend(['^', char::from(c as u8 ^ 0x40)]),
        // Writing into a string cannot fail.
        _ => drop(write!(out, "<{:x}>", u32::from(c))),
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_plainly_ascii(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Most letters that are met: nothing among them is hidden, and each has a place of its own.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | '\u{370}'..='\u{482}'
        | '\u{2010}'..='\u{2027}' | '\u{2190}'..='\u{2bff}' | '\u{3041}'..='\u{3096}' | '\u{30a0}'..='\u{30ff}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

/// A text as it is shown, character by character.
struct Shown {
    out: String,
    /// What was put at the place that the last letter has, and how much of it: also what was put there by name.
    points: usize,
    bytes: usize,
    /// What was not put there, as it is too much.
    left_out: usize,
    /// The last character, if it is shown as it is.
    last: Option<char>,
    /// What began the place, or was joined to it: only its colour may have come since.
    picture: Option<char>,
    /// The last letter, whose marks may have come since.
    letter: Option<char>,
}

impl Shown {
    fn new(length: usize) -> Self {
        Self {
            out: String::with_capacity(length + 8),
            // Marks at the beginning stand on whatever is before the text.
            points: 1,
            bytes: 1,
            left_out: 0,
            last: None,
            picture: None,
            letter: None,
        }
    }

    fn take(&mut self, c: char, next: Option<char>) {
        if is_plain(c) && self.last != Some(JOINER) {
            self.begin(c);
        } else if is_break(c) {
            self.begin(' ');
        } else if is_hidden(c) && !self.belongs(c, next) {
            if self.has_room(c) {
                name(c, &mut self.out);
                (self.last, self.picture, self.letter) = (None, None, None);
            }
        } else if self.adds(c) {
            if self.has_room(c) {
                self.add(c);
            }
        } else {
            self.begin(c);
        }
    }

    /// A letter with a place of its own.
    fn begin(&mut self, c: char) {
        self.tell_left_out();
        (self.points, self.bytes) = (1, c.len_utf8());
        (self.last, self.picture, self.letter) = (Some(c), Some(c), Some(c));
        self.out.push(c);
    }

    /// What is put where the last letter is.
    fn add(&mut self, c: char) {
        match c {
            AS_PICTURE | JOINER => {}
            _ if is_modifier(c) => {}
            _ => self.picture = Some(c).filter(|_| self.last == Some(JOINER)),
        }
        if joining(c) != JoiningType::Transparent {
            self.letter = Some(c);
        }
        self.last = Some(c);
        self.out.push(c);
    }

    /// Counts what is put where the last letter is; false if it is too much.
    fn has_room(&mut self, c: char) -> bool {
        let fits = self.left_out == 0 && self.points < POINTS && self.bytes + c.len_utf8() <= BYTES;
        if fits {
            self.points += 1;
            self.bytes += c.len_utf8();
        } else {
            self.left_out += 1;
            (self.last, self.picture, self.letter) = (None, None, None);
        }
        fits
    }

    /// Whether a character has no place of its own here.
    fn adds(&self, c: char) -> bool {
        if self.last == Some(JOINER) && self.picture.is_some_and(is_picture) && is_picture(c) {
            return true;
        }
        let colours = CodePointSetData::new::<EmojiModifierBase>();
        (is_modifier(c) && self.last.is_some_and(|last| colours.contains(last))) || c.width() == Some(0)
    }

    /// Whether a hidden character is needed where it stands, for without it the text would look otherwise.
    fn belongs(&self, c: char, next: Option<char>) -> bool {
        let Some(last) = self.last else { return false };
        let emoji = CodePointSetData::new::<Emoji>().contains(last);
        let is_coloured = CodePointSetData::new::<EmojiPresentation>().contains(last);
        match c {
            AS_PICTURE if matches!(last, '0'..='9' | '#' | '*') => next == Some(KEYCAP),
            AS_PICTURE => emoji && !is_coloured,
            AS_TEXT => emoji && is_coloured,
            // The next one is to have room as well.
            JOINER if self.picture.is_some_and(is_picture) => {
                let after = next.filter(|next| is_picture(*next)).map_or(BYTES, char::len_utf8);
                self.points + 2 <= POINTS && self.bytes + c.len_utf8() + after <= BYTES
            }
            JOINER => is_virama(last),
            NON_JOINER => next.is_some_and(|next| {
                let is_letter = CodePointSetData::new::<Alphabetic>().contains(next);
                let is_of_script = u32::from(next) >> 7 == u32::from(last) >> 7;
                let joins = self.letter.map_or(JoiningType::NonJoining, joining);
                (is_virama(last) && is_letter && is_of_script)
                    || (matches!(joins, JoiningType::DualJoining | JoiningType::LeftJoining)
                        && matches!(joining(next), JoiningType::DualJoining | JoiningType::RightJoining))
            }),
            _ => false,
        }
    }

    fn tell_left_out(&mut self) {
        if self.left_out > 0 {
            let _ = write!(self.out, "<+{}>", self.left_out);
            self.left_out = 0;
        }
    }

    fn finish(mut self) -> String {
        self.tell_left_out();
        self.out
    }
}

fn is_picture(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

/// How a letter is tied to its neighbours.
fn joining(c: char) -> JoiningType {
    CodePointMapData::<JoiningType>::new().get(c)
}

/// A colour of skin.
fn is_modifier(c: char) -> bool {
    CodePointSetData::new::<EmojiModifier>().contains(c)
}

fn is_virama(c: char) -> bool {
    CodePointMapData::<CanonicalCombiningClass>::new().get(c) == CanonicalCombiningClass::Virama
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        for (text, safe) in [
            ("plain", "plain"),
            ("\u{1b}[31mred\u{1b}[0m", "^[[31mred^[[0m"),
            ("\u{1b}]52;c;AAAA\u{1b}\\x\u{7}", "^[]52;c;AAAA^[\\x^G"),
            ("a\nb\tc\u{2028}d", "a b c d"),
            ("\u{202e}evil\u{200f}", "<202e>evil<200f>"),
            ("a\u{9b}31mb\u{7f}", "a<9b>31mb^?"),
            ("\u{1b}", "^["),
            ("\u{fffe}\u{10ffff}", "<fffe><10ffff>"),
        ] {
            assert_eq!(clean(text), safe, "{text:?}");
        }
        for (text, safe) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]52;c;AAAA\u{1b}\\x", "x"),
            ("a\nb\tc", "a b c"),
            ("\u{202e}evil\u{200f}", "evil"),
            ("a\u{9b}31mb", "a31mb"),
            ("a\u{ad}b", "a\u{ad}b"),
        ] {
            assert_eq!(stripped(text), safe, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_seen_is_shown() {
        let hidden = "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180b}\u{180e}\u{200b}\u{200c}\u{200d}\u{2060}\
            \u{2064}\u{206f}\u{3164}\u{fe00}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{1d173}\u{e0001}\u{e0041}\u{e01ef}";
        for c in hidden.chars() {
            assert_eq!(clean(&format!("a{c}b")), format!("a<{:x}>b", u32::from(c)));
        }
        // What makes no difference that is seen.
        for (text, safe) in [
            ("1\u{fe0f}", "1<fe0f>"),
            ("\u{1f680}\u{fe0f}", "\u{1f680}<fe0f>"),
            ("\u{2764}\u{fe0f}\u{fe0f}", "\u{2764}\u{fe0f}<fe0f>"),
            ("\u{1f680}\u{200d}", "\u{1f680}<200d>"),
            ("\u{1f3f4}\u{e0067}\u{e007f}", "\u{1f3f4}<e0067><e007f>"),
            // A letter that does not join the next one anyway.
            ("\u{62f}\u{200c}\u{62f}", "\u{62f}<200c>\u{62f}"),
            ("\u{915}\u{200c}\u{937}", "\u{915}<200c>\u{937}"),
        ] {
            assert_eq!(clean(text), safe, "{text:?}");
        }
    }

    #[test]
    fn what_people_write_stays() {
        for text in [
            "Zażółć gęślą jaźń, 日本語 한국어 ひらがな",
            "e\u{301}te\u{301}",
            "\u{e17}\u{e35}\u{e48}",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष क\u{94d}\u{200c}ष",
            "ශ\u{dca}\u{200d}රී",
            "\u{2764}\u{fe0f} \u{1f44d}\u{1f3fd} 1\u{fe0f}\u{20e3} \u{1f1ee}\u{1f1f9} \u{231a}\u{fe0e} \u{a9}\u{fe0f}",
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}",
            "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308}",
            "\u{1f469}\u{1f3fd}\u{200d}\u{1f680}",
            "\u{1f441}\u{fe0f}\u{200d}\u{1f5e8}\u{fe0f}",
        ] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn no_letter_has_marks_without_end() {
        let marks = |number: usize| "\u{301}".repeat(number);
        assert_eq!(clean(&format!("e{}", marks(7))), format!("e{}", marks(7)));
        assert_eq!(clean(&format!("e{}x", marks(1_500))), format!("e{}<+1493>x", marks(7)));
        assert_eq!(clean(&marks(1_500)), format!("{}<+1493>", marks(7)));
        let joiners = "\u{200d}".repeat(1_000_000);
        assert_eq!(clean(&format!("a{joiners}")), format!("a{}<+999993>", "<200d>".repeat(7)));
        let pictures = "\u{1f469}\u{200d}".repeat(10_000);
        assert!(clean(&pictures).graphemes(true).all(|grapheme| grapheme.chars().count() <= POINTS));
        assert!(clean(&pictures).starts_with("\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f469}"));
    }

    /// Texts of what is hard: marks, joiners, pictures, letters of many scripts, control characters.
    fn hard() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            proptest::sample::select(
                "a1 \n\u{1b}\u{7f}\u{9b}\u{301}\u{300}\u{903}\u{200b}\u{200c}\u{200d}\u{fe0f}\u{fe0e}\u{20e3}\u{202e}\u{600}\
                 \u{1f469}\u{1f3fd}\u{2764}\u{1f1ee}\u{915}\u{94d}\u{937}\u{645}\u{62f}\u{64b}\u{1100}\u{1160}\u{1161}\u{11a8}\
                 \u{e0067}\u{ad}\u{fffe}日"
                    .chars()
                    .collect::<Vec<_>>()
            ),
            any::<char>(),
        ];
        proptest::collection::vec((piece, prop_oneof![9 => Just(1_usize), 1 => 2..20_usize]), 0..30).prop_map(
            |pieces| pieces.into_iter().flat_map(|(c, times)| std::iter::repeat_n(c, times)).collect(),
        )
    }

    proptest! {
        #[test]
        fn what_is_clean_stays_as_it_is(text in hard()) {
            let once = clean(&text).into_owned();
            prop_assert_eq!(clean(&once), once.as_str());
            let steering = once.chars().find(|c| steers(*c));
            prop_assert!(steering.is_none());
            for grapheme in once.graphemes(true) {
                let cells = crate::text::width(grapheme);
                let points = grapheme.chars().count();
                // A row of letters that some scripts write as one takes a place for each; marks may stand before it.
                prop_assert!(points < POINTS * (cells.max(1) + 1), "{:?}: {} points", grapheme, points);
            }
        }
    }
}
