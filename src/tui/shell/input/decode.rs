//! Bytes of the terminal, decoded: keys, mouse, focus, answers about itself, pastes. Whatever comes, in whatever
//! pieces, takes a time in proportion to its length and a bounded memory.

use std::mem;
use std::time::Duration;

use crossterm::event as known;
use termina::Parser;
use termina::escape::osc::{ColorOrQuery, DynamicColorNumber, Osc};
use termina::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, Modifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::answers::{self, Meaning};
use super::{Answer, Input};
use crate::tui::core::msg::Msg;

/// What begins and what ends a pasted text.
const BEGIN: &[u8] = b"\x1b[200~";
const END: &[u8] = b"\x1b[201~";
/// Of a pasted text no more is kept, in bytes.
const LONGEST_PASTE: usize = 1 << 20;
/// No sequence is as long, in bytes.
const LONGEST_SEQUENCE: usize = 4096;
/// After as long an escape was the key, and not the beginning of a sequence.
const ESCAPE: Duration = Duration::from_millis(20);
/// After as long a sequence that was begun does not go on.
const SEQUENCE: Duration = Duration::from_millis(500);
/// After as long without a byte a paste has ended, though its end never came: keys must work again. Long, since the
/// rest of a paste that counts as keys does harm.
const PASTE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub struct Decoder {
    parser: Parser,
    /// The beginning of what may become the mark of a paste, or an answer.
    held: Vec<u8>,
    paste: Option<Vec<u8>>,
    /// Bytes in the parser that have not come to anything, at most.
    unfinished: usize,
}

impl Decoder {
    /// How long the next bytes are waited for before [`Self::pause`]; without an end if none.
    pub fn patience(&self) -> Option<Duration> {
        match (&self.paste, self.held.is_empty(), self.unfinished) {
            (Some(_), ..) => Some(PASTE),
            (None, false, _) if answers::is_begun(&self.held) => Some(SEQUENCE),
            (None, false, _) => Some(ESCAPE),
            (None, true, 0) => None,
            (None, true, _) => Some(SEQUENCE),
        }
    }

    /// Takes the bytes that came.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Input> {
        let mut inputs = Vec::new();
        let mut all = mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let mut rest = &all[..];
        while !rest.is_empty() {
            rest = match self.paste.take() {
                Some(text) => self.go_on_pasting(text, rest, &mut inputs),
                None => self.decode(rest, &mut inputs),
            };
        }
        inputs
    }

    /// Nothing came for as long as was to be waited.
    pub fn pause(&mut self) -> Vec<Input> {
        let mut inputs = Vec::new();
        let held = mem::take(&mut self.held);
        if let Some(text) = self.paste.take() {
            inputs.push(pasted(&text));
        } else if held.is_empty() {
            self.forget();
        } else if !answers::is_begun(&held) {
            self.parse(&held, false, &mut inputs);
        }
        inputs
    }

    /// Takes bytes up to the next paste or behind the next answer; returns the rest.
    fn decode<'a>(&mut self, bytes: &'a [u8], inputs: &mut Vec<Input>) -> &'a [u8] {
        let Some((at, mark)) = first_mark(bytes) else {
            self.parse(bytes, true, inputs);
            return &[];
        };
        let (before, marked) = bytes.split_at(at);
        self.parse(before, mark == Mark::Cut, inputs);
        match mark {
            Mark::Cut => {
                self.held = marked.to_vec();
                &[]
            }
            Mark::Paste => {
                self.paste = Some(Vec::new());
                &marked[BEGIN.len()..]
            }
            Mark::Answer => {
                let Some(length) = answers::length(marked) else {
                    // Of one that is too long nothing is wanted but its end.
                    let kept =
                        if marked.len() <= LONGEST_SEQUENCE { marked.len() } else { answers::SHORTEST };
                    self.held = marked[..kept].to_vec();
                    return &[];
                };
                let (answer, rest) = marked.split_at(length);
                match answers::meaning(answer) {
                    Meaning::Answer(answer) => inputs.push(Input::Answer(answer)),
                    Meaning::Key => self.parse(answer, false, inputs),
                    Meaning::Nothing => {}
                }
                rest
            }
        }
    }

    /// Takes what of bytes belongs to a paste; returns the rest.
    fn go_on_pasting<'a>(&mut self, mut text: Vec<u8>, bytes: &'a [u8], inputs: &mut Vec<Input>) -> &'a [u8] {
        let found = find(bytes, END);
        let end = found.unwrap_or_else(|| bytes.len() - beginning(bytes, END));
        let room = LONGEST_PASTE - text.len();
        text.extend_from_slice(&bytes[..end.min(room)]);
        if found.is_some() {
            inputs.push(pasted(&text));
            return &bytes[end + END.len()..];
        }
        self.paste = Some(text);
        self.held = bytes[end..].to_vec();
        &[]
    }

    fn forget(&mut self) {
        self.parser = Parser::default();
        self.unfinished = 0;
    }

    fn parse(&mut self, bytes: &[u8], may_go_on: bool, inputs: &mut Vec<Input>) {
        let mut left = bytes.len();
        for piece in bytes.chunks(LONGEST_SEQUENCE / 4) {
            left -= piece.len();
            self.parser.parse(piece, may_go_on || left > 0);
            self.unfinished += piece.len();
            while let Some(event) = self.parser.pop() {
                // Behind it something may have begun, unless all are plain letters.
                let is_plain = piece.iter().all(|byte| *byte != 0x1b && byte.is_ascii());
                self.unfinished = if is_plain { 0 } else { piece.len() };
                inputs.extend(input(event));
            }
            if self.unfinished > LONGEST_SEQUENCE {
                self.forget();
            }
        }
    }
}

fn pasted(text: &[u8]) -> Input {
    Input::Msg(Msg::Paste(String::from_utf8_lossy(text).into_owned()))
}

/// What does not go to the parser of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Paste,
    Answer,
    /// The end of the bytes may be the beginning of either.
    Cut,
}

/// The first mark in bytes, and where it begins.
fn first_mark(bytes: &[u8]) -> Option<(usize, Mark)> {
    memchr::memchr_iter(0x1b, bytes).find_map(|at| {
        let here = &bytes[at..];
        let may_become = |mark: &[u8]| mark.starts_with(here);
        let mark = if here.starts_with(BEGIN) {
            Mark::Paste
        } else if answers::is_begun(here) {
            Mark::Answer
        } else if may_become(BEGIN) || answers::BEGINNINGS.into_iter().any(may_become) {
            Mark::Cut
        } else {
            return None;
        };
        Some((at, mark))
    })
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, mark)
}

/// How many bytes at the end may be the beginning of a mark.
fn beginning(bytes: &[u8], mark: &[u8]) -> usize {
    (1..mark.len()).rev().find(|length| bytes.ends_with(&mark[..*length])).unwrap_or(0)
}

fn input(event: Event) -> Option<Input> {
    Some(Input::Msg(match event {
        Event::Key(key) => Msg::Key(self::key(key)?),
        Event::Mouse(mouse) => Msg::Mouse(self::mouse(mouse)),
        Event::FocusIn => Msg::Focused(true),
        Event::FocusOut => Msg::Focused(false),
        Event::Osc(Osc::ChangeDynamicColors(DynamicColorNumber::TextBackgroundColor, colors)) => {
            let Some(ColorOrQuery::Color(color)) = colors.first() else { return None };
            let shares = [color.red, color.green, color.blue].map(|part| f64::from(part) / 255.0);
            return Some(Input::Answer(Answer::Background(shares)));
        }
        _ => return None,
    }))
}

fn key(key: KeyEvent) -> Option<known::KeyEvent> {
    use known::KeyCode as Known;
    let code = match key.code {
        KeyCode::Char(letter) => Known::Char(letter),
        KeyCode::Enter => Known::Enter,
        KeyCode::Backspace => Known::Backspace,
        KeyCode::Tab => Known::Tab,
        KeyCode::BackTab => Known::BackTab,
        KeyCode::Escape => Known::Esc,
        KeyCode::Left => Known::Left,
        KeyCode::Right => Known::Right,
        KeyCode::Up => Known::Up,
        KeyCode::Down => Known::Down,
        KeyCode::Home => Known::Home,
        KeyCode::End => Known::End,
        KeyCode::PageUp => Known::PageUp,
        KeyCode::PageDown => Known::PageDown,
        KeyCode::Insert => Known::Insert,
        KeyCode::Delete => Known::Delete,
        KeyCode::Function(number) => Known::F(number),
        _ => return None,
    };
    let kind = match key.kind {
        KeyEventKind::Press => known::KeyEventKind::Press,
        KeyEventKind::Repeat => known::KeyEventKind::Repeat,
        KeyEventKind::Release => known::KeyEventKind::Release,
    };
    Some(known::KeyEvent::new_with_kind(code, modifiers(key.modifiers), kind))
}

fn modifiers(held: Modifiers) -> known::KeyModifiers {
    let pairs = [
        (Modifiers::SHIFT, known::KeyModifiers::SHIFT),
        (Modifiers::CONTROL, known::KeyModifiers::CONTROL),
        (Modifiers::ALT, known::KeyModifiers::ALT),
        (Modifiers::SUPER, known::KeyModifiers::SUPER),
        (Modifiers::HYPER, known::KeyModifiers::HYPER),
        (Modifiers::META, known::KeyModifiers::META),
    ];
    pairs.into_iter().filter(|(theirs, _)| held.contains(*theirs)).map(|(_, ours)| ours).collect()
}

fn mouse(mouse: MouseEvent) -> known::MouseEvent {
    use known::MouseEventKind as Known;
    let button = |button| match button {
        MouseButton::Left => known::MouseButton::Left,
        MouseButton::Right => known::MouseButton::Right,
        MouseButton::Middle => known::MouseButton::Middle,
    };
    let kind = match mouse.kind {
        MouseEventKind::Down(which) => Known::Down(button(which)),
        MouseEventKind::Up(which) => Known::Up(button(which)),
        MouseEventKind::Drag(which) => Known::Drag(button(which)),
        MouseEventKind::Moved => Known::Moved,
        MouseEventKind::ScrollDown => Known::ScrollDown,
        MouseEventKind::ScrollUp => Known::ScrollUp,
        MouseEventKind::ScrollLeft => Known::ScrollLeft,
        MouseEventKind::ScrollRight => Known::ScrollRight,
    };
    known::MouseEvent { kind, column: mouse.column, row: mouse.row, modifiers: modifiers(mouse.modifiers) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes of bytes in pieces, and of the pause behind them.
    fn decoded(pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut inputs: Vec<Input> = pieces.iter().flat_map(|piece| decoder.feed(piece)).collect();
        while decoder.patience().is_some() {
            inputs.extend(decoder.pause());
        }
        inputs.into_iter().map(|input| short(&input)).collect()
    }

    fn short(input: &Input) -> String {
        match input {
            Input::Msg(Msg::Key(key)) => format!("{:?} {:?}", key.code, key.modifiers),
            Input::Msg(Msg::Paste(text)) => format!("paste of {}: {:.12}", text.len(), text),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn keys_are_whole_in_whatever_pieces_they_come() {
        let typed = "q\x1b[A\x1b[1;5Dé\x1b[<0;3;4M\x1b[I\x1b[200~a\nb\x1b[201~\x1bOP\t\x1b[Z\x1bx";
        let whole = decoded(&[typed.as_bytes()]);
        assert_eq!(whole.len(), 11, "{whole:#?}");
        for at in 1..typed.len() {
            let (a, b) = typed.as_bytes().split_at(at);
            assert_eq!(decoded(&[a, b]), whole, "cut at {at}");
        }
        let single: Vec<&[u8]> = typed.as_bytes().chunks(1).collect();
        assert_eq!(decoded(&single), whole);
    }

    #[test]
    fn a_sequence_is_whole_wherever_a_long_burst_is_cut() {
        let moved = "\x1b[<35;10;10M";
        let burst = moved.repeat(1_000) + "\x1b[200~x\x1b[201~";
        let inputs = decoded(&[burst.as_bytes()]);
        assert_eq!(inputs.len(), 1_001);
        assert!(inputs[..1_000].iter().all(|input| input.contains("Moved")), "{:?}", inputs.first());
    }

    #[test]
    fn an_escape_that_nothing_follows_is_the_key() {
        let mut decoder = Decoder::default();
        assert!(decoder.feed(b"\x1b").is_empty());
        assert_eq!(decoder.patience(), Some(ESCAPE));
        assert_eq!(decoder.pause().iter().map(short).collect::<Vec<_>>(), ["Esc KeyModifiers(0x0)"]);
    }

    #[test]
    fn the_terminals_answer_is_no_key_and_what_is_typed_after_half_of_one_is() {
        for end in ["\x07", "\x1b\\"] {
            let mut decoder = Decoder::default();
            let inputs = decoder.feed(format!("\x1b]11;rgb:ffff/8080/0000{end}j").as_bytes());
            let [Input::Answer(Answer::Background([red, green, blue])), Input::Msg(Msg::Key(_))] =
                &inputs[..]
            else {
                panic!("{inputs:?}")
            };
            assert!((red - 1.0).abs() < 1e-9 && (green - 0.502).abs() < 0.001 && blue.abs() < 1e-9);
        }
        let mut decoder = Decoder::default();
        assert!(decoder.feed(b"\x1b]").is_empty());
        while decoder.patience().is_some() {
            decoder.pause();
        }
        assert_eq!(decoder.feed(b"j").len(), 1);
    }

    #[test]
    fn what_the_terminal_can_do_is_heard_among_the_keys_and_never_typed() {
        let said = "j\x1b_Gi=31;OK\x1b\\k\x1b[?62;4;6cl\x1b[6;20;10t\x1b[6;5~\x1b[?1;2cq";
        let whole = decoded(&[said.as_bytes()]);
        let expected = [
            "Char('j') KeyModifiers(0x0)",
            "Answer(Kitty)",
            "Char('k') KeyModifiers(0x0)",
            "Answer(Sixel)",
            "Char('l') KeyModifiers(0x0)",
            "Answer(Cell((10, 20)))",
            "PageDown KeyModifiers(CONTROL)",
            "Char('q') KeyModifiers(0x0)",
        ];
        assert_eq!(whole, expected);
        for at in 1..said.len() {
            let (a, b) = said.as_bytes().split_at(at);
            assert_eq!(decoded(&[a, b]), expected, "cut at {at}");
        }
        // What is broken off, or never ends, is forgotten: its letters are keys that do harm.
        assert_eq!(decoded(&[b"\x1b_Gi=31;dD"]), [""; 0]);
        assert_eq!(decoded(&[b"\x1b_Gi=31;dD\x1b[A"]), ["Up KeyModifiers(0x0)"]);
        assert_eq!(decoded(&[b"\x1b[?62;\x1b[A"]), ["Up KeyModifiers(0x0)"]);
        assert_eq!(decoded(&[b"\x1b[>1;10;0cj"]), ["Char('j') KeyModifiers(0x0)"]);
        let long = [b"\x1b_G".as_slice(), &b"D".repeat(2 * LONGEST_SEQUENCE)].concat();
        assert_eq!(decoded(&[&long, b"DDD\x1b\\j"]), ["Char('j') KeyModifiers(0x0)"]);
    }

    #[test]
    fn a_large_paste_is_cut_and_keys_go_on_behind_it() {
        let mut bytes = BEGIN.to_vec();
        bytes.extend(std::iter::repeat_n(b'x', 3 * LONGEST_PASTE));
        bytes.extend_from_slice(END);
        bytes.push(b'j');
        let pieces: Vec<&[u8]> = bytes.chunks(PIECE).collect();
        let inputs = decoded(&pieces);
        assert_eq!(
            inputs,
            [format!("paste of {LONGEST_PASTE}: xxxxxxxxxxxx"), "Char('j') KeyModifiers(0x0)".into()]
        );
    }
    const PIECE: usize = 1000;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_comes_is_taken_in_bounded_memory(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..200),
                    Just(b"\x1b[".repeat(50)), Just(vec![b'1'; 9000]), Just(b"\x1b[200~".to_vec()), Just(b"\x1b]11;".to_vec()),
                    Just(b"\x1b_G".to_vec()), Just(b"\x1b[?62".to_vec()), Just(b"\x1b[?1;2c".repeat(500)),
                ],
                0..20,
            )
        ) {
            let mut decoder = Decoder::default();
            for piece in &pieces {
                decoder.feed(piece);
                prop_assert!(decoder.held.len() <= LONGEST_SEQUENCE);
                prop_assert!(decoder.unfinished <= LONGEST_SEQUENCE);
            }
            decoder.feed(END);
            while decoder.patience().is_some() {
                decoder.pause();
            }
            // A beginning that was lost does not swallow what is typed later.
            let inputs = decoder.feed(b"j");
            prop_assert_eq!(inputs.len(), 1);
        }
    }
}
