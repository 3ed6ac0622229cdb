//! A table that scrolls both ways: titles above, the first column always in view, signs that there are more columns on
//! either side, a row under the cursor, and what is at a place on the screen. A feature says what there is and formats
//! it; only what is seen is asked for.

mod columns;
mod rows;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

pub use columns::{Across, Column, Columns, Place};
pub use rows::Rows;

use super::theme::Theme;

/// A table, laid out: what of it is where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    area: Rect,
    lead: usize,
    chosen: usize,
    pub columns: Columns,
    pub rows: Rows,
}

/// What a row says: in front of the first column, and in each place of [`Columns::places`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row<'a> {
    pub lead: Line<'a>,
    pub cells: Vec<Line<'a>>,
}

/// What is at a place on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// The title of a column.
    Title(usize),
    /// A row and, where one is there, a column.
    Row(usize, Option<usize>),
}

/// The room for the rows of a table, below its titles.
pub fn below_titles(area: Rect) -> Rect {
    let titles = area.height.min(1);
    Rect { y: area.y + titles, height: area.height - titles, ..area }
}

impl Table {
    /// Lays out a table in `area`, whose `rows` are [below the titles](below_titles).
    pub fn new(area: Rect, rows: Rows, across: Across, column: impl Fn(usize) -> Column) -> Self {
        let columns = Columns::new(area.width as usize, across, column);
        Self { area, lead: across.lead, chosen: across.chosen, columns, rows }
    }

    /// The style of the title at a place.
    pub fn heading(&self, place: &Place, theme: &Theme) -> Style {
        if place.is_picture {
            theme.dim
        } else if place.column == self.chosen {
            theme.chosen_column
        } else {
            theme.heading
        }
    }

    /// Whether both cursors are on this cell.
    pub fn is_chosen(&self, row: usize, place: &Place) -> bool {
        row == self.rows.chosen && place.column == self.chosen && !place.is_picture
    }

    /// Draws titles and rows, a line for each place; the row under the cursor in the style `chosen`.
    pub fn draw<'a>(
        &self,
        frame: &mut Frame<'_>,
        theme: &Theme,
        titles: Vec<Line<'a>>,
        chosen: Style,
        mut row: impl FnMut(usize) -> Row<'a>,
    ) {
        if self.area.is_empty() {
            return;
        }
        let buffer = frame.buffer_mut();
        let top = Rect { height: 1, ..self.area };
        self.put(Row { lead: Line::default(), cells: titles }, top, buffer);
        let right = top.width - 1;
        let signs = [
            (self.columns.more_left, self.columns.pinned.min(right.into()) as u16, theme.glyphs.more_left),
            (self.columns.more_right, right, theme.glyphs.more_right),
        ];
        for (_, x, sign) in signs.into_iter().filter(|(is_seen, ..)| *is_seen) {
            Span::styled(sign, theme.accent).render(Rect { x: top.x + x, width: 1, ..top }, buffer);
        }
        self.rows.draw(buffer, chosen, |at, place, buffer| self.put(row(at), place, buffer));
    }

    fn put(&self, row: Row<'_>, line: Rect, buffer: &mut Buffer) {
        let part = |x: usize, width: usize| Rect { x: line.x + x as u16, width: width as u16, ..line };
        row.lead.render(part(0, self.lead.min(line.width as usize)), buffer);
        for (place, words) in self.columns.places.iter().zip(row.cells) {
            let spare = place.width.saturating_sub(words.width());
            let x = if place.right { place.x + spare } else { place.x };
            words.render(part(x, place.width - spare), buffer);
        }
    }

    pub fn hit(&self, x: u16, y: u16) -> Option<Hit> {
        if !self.area.contains(Position { x, y }) {
            return None;
        }
        let column = self.columns.at((x - self.area.x) as usize);
        if y == self.area.y {
            return column.map(Hit::Title);
        }
        Some(Hit::Row(self.rows.at(y)?, column))
    }
}
