//! Letters that a terminal shows parts of a picture in: within tmux pictures are text, and go where it goes.
//!
//! <https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders>

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

const PLACEHOLDER: char = '\u{10eeee}';

/// The marks that stand for numbers from 0 on, first to last: those of Unicode 6 that stand above a letter, are of class 230
/// and do not decompose, as kitty lists them.
const MARKS: [(u32, u32); 86] = [
    (0x305, 0x305),
    (0x30d, 0x30e),
    (0x310, 0x310),
    (0x312, 0x312),
    (0x33d, 0x33f),
    (0x346, 0x346),
    (0x34a, 0x34c),
    (0x350, 0x352),
    (0x357, 0x357),
    (0x35b, 0x35b),
    (0x363, 0x36f),
    (0x483, 0x487),
    (0x592, 0x595),
    (0x597, 0x599),
    (0x59c, 0x5a1),
    (0x5a8, 0x5a9),
    (0x5ab, 0x5ac),
    (0x5af, 0x5af),
    (0x5c4, 0x5c4),
    (0x610, 0x617),
    (0x657, 0x65b),
    (0x65d, 0x65e),
    (0x6d6, 0x6dc),
    (0x6df, 0x6e2),
    (0x6e4, 0x6e4),
    (0x6e7, 0x6e8),
    (0x6eb, 0x6ec),
    (0x730, 0x730),
    (0x732, 0x733),
    (0x735, 0x736),
    (0x73a, 0x73a),
    (0x73d, 0x73d),
    (0x73f, 0x741),
    (0x743, 0x743),
    (0x745, 0x745),
    (0x747, 0x747),
    (0x749, 0x74a),
    (0x7eb, 0x7f1),
    (0x7f3, 0x7f3),
    (0x816, 0x819),
    (0x81b, 0x823),
    (0x825, 0x827),
    (0x829, 0x82d),
    (0x951, 0x951),
    (0x953, 0x954),
    (0xf82, 0xf83),
    (0xf86, 0xf87),
    (0x135d, 0x135f),
    (0x17dd, 0x17dd),
    (0x193a, 0x193a),
    (0x1a17, 0x1a17),
    (0x1a75, 0x1a7c),
    (0x1b6b, 0x1b6b),
    (0x1b6d, 0x1b73),
    (0x1cd0, 0x1cd2),
    (0x1cda, 0x1cdb),
    (0x1ce0, 0x1ce0),
    (0x1dc0, 0x1dc1),
    (0x1dc3, 0x1dc9),
    (0x1dcb, 0x1dcc),
    (0x1dd1, 0x1de6),
    (0x1dfe, 0x1dfe),
    (0x20d0, 0x20d1),
    (0x20d4, 0x20d7),
    (0x20db, 0x20dc),
    (0x20e1, 0x20e1),
    (0x20e7, 0x20e7),
    (0x20e9, 0x20e9),
    (0x20f0, 0x20f0),
    (0x2cef, 0x2cf1),
    (0x2de0, 0x2dff),
    (0xa66f, 0xa66f),
    (0xa67c, 0xa67d),
    (0xa6f0, 0xa6f1),
    (0xa8e0, 0xa8f1),
    (0xaab0, 0xaab0),
    (0xaab2, 0xaab3),
    (0xaab7, 0xaab8),
    (0xaabe, 0xaabf),
    (0xaac1, 0xaac1),
    (0xfe20, 0xfe26),
    (0x10a0f, 0x10a0f),
    (0x10a38, 0x10a38),
    (0x1d185, 0x1d189),
    (0x1d1aa, 0x1d1ad),
    (0x1d242, 0x1d244),
];

/// The mark of a row, a column, or a byte.
fn mark(mut number: u32) -> Option<char> {
    for (first, last) in MARKS {
        if number <= last - first {
            return char::from_u32(first + number);
        }
        number -= last - first + 1;
    }
    None
}

/// Writes a picture into cells, but for those where text stands. Of its number the lowest byte is the colour of the
/// letters, one of 256, which tmux never changes; the highest has a mark of its own.
pub fn place(picture: u32, area: Rect, buffer: &mut Buffer) {
    let [high, _, _, low] = picture.to_be_bytes();
    let style = Style::reset().fg(Color::Indexed(low));
    let area = area.intersection(buffer.area);
    for y in 0..area.height {
        for x in 0..area.width {
            let goes_on = x > 0 && buffer[(area.x + x - 1, area.y + y)].symbol().starts_with(PLACEHOLDER);
            let cell = &mut buffer[(area.x + x, area.y + y)];
            let (Some(row), Some(high)) = (mark(y.into()), mark(high.into())) else { continue };
            let letters: String = match mark(x.into()) {
                Some(column) => [PLACEHOLDER, row, column, high].into_iter().collect(),
                // Behind the last mark of a column, a cell goes on from the one on its left.
                None if goes_on => [PLACEHOLDER, row].into_iter().collect(),
                None => continue,
            };
            if cell.symbol() == " " {
                cell.set_symbol(&letters).set_style(style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_written_around_the_text() {
        let mut buffer = Buffer::with_lines(["abcd", "e  f", "g h "]);
        place(0x0500_0007, Rect { x: 1, y: 1, width: 3, height: 9 }, &mut buffer);
        assert_eq!(buffer[(1, 0)].symbol(), "b");
        // Row 0 and column 1, and the fifth mark for the high byte.
        assert_eq!(buffer[(2, 1)].symbol(), "\u{10eeee}\u{305}\u{30d}\u{33d}");
        assert_eq!(buffer[(2, 1)].fg, Color::Indexed(7));
        assert_eq!((buffer[(3, 1)].symbol(), buffer[(2, 2)].symbol()), ("f", "h"));
        assert_eq!(buffer[(3, 2)].symbol(), "\u{10eeee}\u{30d}\u{30e}\u{33d}");
        assert_eq!(buffer[(0, 2)].symbol(), "g");
    }

    #[test]
    fn a_picture_is_wider_than_there_are_marks() {
        let mut buffer = Buffer::empty(Rect { x: 0, y: 0, width: 300, height: 1 });
        buffer[(298, 0)].set_symbol("x");
        place(1, buffer.area, &mut buffer);
        assert_eq!(buffer[(296, 0)].symbol().chars().count(), 4);
        assert_eq!(buffer[(297, 0)].symbol(), "\u{10eeee}\u{305}");
        assert_eq!((buffer[(298, 0)].symbol(), buffer[(299, 0)].symbol()), ("x", " "));
    }

    #[test]
    fn there_are_as_many_marks_as_kitty_has() {
        let all: Vec<char> = (0..).map_while(mark).collect();
        assert_eq!(all.len(), 297);
        assert_eq!((all[0], all[4], all[296]), ('\u{305}', '\u{312}', '\u{1d244}'));
        assert!(all.iter().all(|mark| unicode_width::UnicodeWidthChar::width(*mark) == Some(0)));
    }
}
