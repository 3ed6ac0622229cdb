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

    /// Those of a list that goes on in several columns beside one another, from left to right, `gap` cells apart.
    pub fn in_columns(area: Rect, cursor: Cursor, length: usize, (columns, gap): (u16, u16)) -> Vec<Self> {
        let columns = columns.max(1);
        let height = area.height as usize;
        let shown = cursor.window(length, height * usize::from(columns));
        let width = (area.width + gap) / columns;
        let column = |at: u16| {
            let start = (shown.start + height * usize::from(at)).min(shown.end);
            let area = Rect { x: area.x + at * width, width: width.saturating_sub(gap), ..area };
            Self { area, shown: start..(start + height).min(shown.end), chosen: cursor.at, length }
        };
        (0..columns).map(column).collect()
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
