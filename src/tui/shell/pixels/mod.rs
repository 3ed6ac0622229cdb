//! Pictures on the terminal in pixels: what it has on the screen now, and what it is to have.

mod placeholders;
mod protocols;
mod seen;
mod tmux;

use std::io::{self, Write};
use std::mem;
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::core::app::App;
use crate::tui::features::charts::pictures::Pictures;
use crate::tui::widgets::theme::Theme;
use protocols::put_in_tmux;
pub use protocols::{Protocol, through_tmux};
use seen::{Seen, seen};
pub use tmux::{TmuxPane, TmuxQuestions};

/// After as long a picture is sent through tmux once more: while that draws a pane anew it passes nothing on, and nobody
/// says whether a picture has arrived.
const ONCE_MORE: Duration = Duration::from_millis(500);

/// A picture that was sent.
#[derive(Debug)]
struct SentPicture {
    number: u8,
    what: Seen,
    /// From when on it is to be sent once more.
    due: Option<Instant>,
}

impl SentPicture {
    fn is_due(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() >= due)
    }
}

/// The pictures on a terminal.
#[derive(Debug)]
pub struct Pixels {
    protocol: Protocol,
    /// The size of a cell in pixels.
    cell: (u16, u16),
    shown: Vec<SentPicture>,
    /// Of iTerm2 behind tmux.
    pane: Option<TmuxPane>,
}

impl Pixels {
    /// None where the terminal does not say how large its cells are, neither to the system nor when it was asked; and where
    /// tmux has not said where its pane is.
    pub fn new(protocol: Protocol, answered: Option<(u16, u16)>, pane: Option<TmuxPane>) -> Option<Self> {
        let cell = cell_size().or_else(|| answered.filter(|size| is_sound(*size)))?;
        let pane = match protocol {
            Protocol::Iterm2InTmux => Some(pane?),
            Protocol::Kitty | Protocol::KittyInTmux | Protocol::Sixel | Protocol::Iterm2 => None,
        };
        Some(Self { protocol, cell, shown: Vec::new(), pane })
    }

    /// Whether pictures stand where certain letters stand: [`Self::place`].
    pub fn is_text(&self) -> bool {
        self.protocol.is_text()
    }

    /// The program has the keys again: what was sent meanwhile has perhaps gone nowhere.
    pub fn focused(&mut self) {
        if self.is_text() {
            self.shown.iter_mut().for_each(|sent| sent.due = Some(Instant::now() + ONCE_MORE));
        }
    }

    /// The terminal was resized: cells may have another size, and nothing is where it was.
    pub fn resized(&mut self) {
        if let Some(cell) = cell_size() {
            self.cell = cell;
        }
        if self.is_text() {
            // The terminal keeps them, and each is taken from it when another comes in its place.
            self.focused();
        } else {
            self.shown.clear();
        }
    }

    /// Whether there are any on the screen.
    pub fn has_some(&self) -> bool {
        !self.shown.is_empty()
    }

    /// Whether a picture has to go before the next frame: text does not cover every kind of them.
    pub fn must_clear(&self, app: &App, pictures: &Pictures) -> bool {
        let wanted = seen(app, pictures, self.cell);
        let goes = |shown: &Seen| !wanted.iter().any(|wanted| wanted.area() == shown.area());
        !self.protocol.is_text() && self.shown.iter().any(|sent| goes(&sent.what))
    }

    /// Takes all pictures off the screen.
    pub fn clear(&mut self, out: &mut impl Write) -> io::Result<()> {
        for sent in self.shown.drain(..) {
            self.protocol.forget(sent.number, out)?;
        }
        self.protocol.clear(out)?;
        out.flush()
    }

    /// Sends the pictures that the terminal has not got yet.
    pub fn show(
        &mut self,
        app: &App,
        pictures: &Pictures,
        theme: &Theme,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let mut old = mem::take(&mut self.shown);
        let mut wanted = Vec::new();
        for one in seen(app, pictures, self.cell) {
            match old.iter().position(|sent| sent.what == one && !sent.is_due()) {
                Some(at) => self.shown.push(old.swap_remove(at)),
                None => wanted.push(one),
            }
        }
        for one in wanted {
            let Some(bitmap) = one.bitmap(app, pictures, theme, self.cell) else { continue };
            let number = self.number(&old, one.area());
            self.put(&bitmap, number, one.area(), out)?;
            if !self.protocol.is_under_text() {
                one.write_signs(app, pictures, theme, out)?;
            }
            write!(out, "\x1b8")?;
            let is_again = old.iter().any(|sent| sent.what == one);
            let due = (self.is_text() && !is_again).then(|| Instant::now() + ONCE_MORE);
            self.shown.push(SentPicture { number, what: one, due });
        }
        for gone in old {
            if self.shown.iter().all(|sent| sent.number != gone.number) {
                self.protocol.forget(gone.number, out)?;
            }
        }
        out.flush()
    }

    fn number(&self, old: &[SentPicture], area: Rect) -> u8 {
        let taken = old.iter().chain(&self.shown).map(|sent| (sent.number, sent.what.area()));
        // Placeholders are drawn again only if their number is another one.
        number(&taken.collect::<Vec<_>>(), area, !self.protocol.is_text())
    }

    fn put(
        &self,
        bitmap: &protocols::Bitmap,
        number: u8,
        area: Rect,
        out: &mut impl Write,
    ) -> io::Result<()> {
        write!(out, "\x1b7")?;
        if !self.protocol.is_under_text() {
            // What was there before shows through wherever nothing is drawn.
            for y in area.y..area.y + area.height {
                write!(out, "\x1b[{};{}H\x1b[{}X", y + 1, area.x + 1, area.width)?;
            }
        }
        write!(out, "\x1b[{};{}H", area.y + 1, area.x + 1)?;
        let size = (area.width, area.height);
        match self.pane {
            Some(pane) => put_in_tmux(bitmap, (pane.left + area.x + 1, pane.top + area.y + 1), size, out),
            None => self.protocol.put(bitmap, number, size, out),
        }
    }

    /// Writes the placeholders of the pictures into a frame, where those are text.
    pub fn place(&self, buffer: &mut Buffer) {
        if self.protocol.is_text() {
            for sent in &self.shown {
                placeholders::place(protocols::in_tmux(sent.number), sent.what.area(), buffer);
            }
        }
    }
}

/// A number for a picture, where others have theirs: one that is free, or, where pictures take each other's place, that of
/// the one that stood there.
fn number(taken: &[(u8, Rect)], area: Rect, replaces: bool) -> u8 {
    let before = taken.iter().find(|(_, other)| replaces && *other == area).map(|(number, _)| *number);
    let is_free = |number: &u8| taken.iter().all(|(other, _)| other != number);
    before.or_else(|| (1..=u8::MAX).find(is_free)).unwrap_or(u8::MAX)
}

/// Cells in pixels, as the terminal tells the system its size.
fn cell_size() -> Option<(u16, u16)> {
    let size = crossterm::terminal::window_size().ok()?;
    let cell = (size.width.checked_div(size.columns)?, size.height.checked_div(size.rows)?);
    is_sound(cell).then_some(cell)
}

/// Whether cells can have so many pixels.
fn is_sound((wide, high): (u16, u16)) -> bool {
    (2..=60).contains(&wide) && (4..=120).contains(&high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_comes_later_takes_the_number_of_none_that_stays() {
        let [left, right] = [0, 40].map(|x| Rect { x, y: 0, width: 40, height: 9 });
        // The chart to the right was answered first.
        let shown = [(number(&[], right, true), right)];
        assert_eq!((shown[0].0, number(&shown, left, true)), (1, 2));
        assert_eq!(number(&shown, right, true), 1, "what takes its place replaces it");
        assert_eq!(number(&shown, right, false), 2, "a placeholder with the same number is not drawn again");
        let all: Vec<(u8, Rect)> = (1..=u8::MAX).map(|number| (number, left)).collect();
        assert_eq!(number(&all, right, true), u8::MAX);
    }
}
