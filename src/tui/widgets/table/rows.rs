//! Rows below one another: those on the screen, and which of them the cursor is on.

use std::ops::Range;

use ratatui::layout::Rect;

use crate::tui::widgets::cursor::Cursor;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    pub(super) area: Rect,
    /// What of the list is on the screen.
    pub shown: Range<usize>,
    /// The row under the cursor.
    pub chosen: usize,
    /// How many there are.
    pub(super) length: usize,
}

impl Rows {
    pub fn new(area: Rect, cursor: Cursor, length: usize) -> Self {
        Self { area, shown: cursor.window(length, area.height as usize), chosen: cursor.at, length }
    }

    /// How many there is room for.
    pub fn height(&self) -> usize {
        self.area.height as usize
    }

    /// The row at a line of the screen.
    pub fn at(&self, y: u16) -> Option<usize> {
        let line = y.checked_sub(self.area.y)?;
        Some(self.shown.start + line as usize).filter(|at| self.shown.contains(at))
    }
}
