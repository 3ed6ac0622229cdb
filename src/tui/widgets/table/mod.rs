//! A table that scrolls both ways: titles above, the first column always in view, signs that there are more columns on
//! either side, a row under the cursor, and what is at a place on the screen. A feature says what there is and formats
//! it; only what is seen is asked for.

mod columns;
mod rows;
#[cfg(test)]
mod tests;
mod view;

use ratatui::layout::{Position, Rect};

pub use columns::{Across, ColumnRequest, ColumnWindow, GAP, VisibleColumn};
pub use rows::Rows;
pub use view::{RowContent, scroll_bar};

/// A table, laid out: what of it is where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    area: Rect,
    lead: usize,
    chosen: usize,
    pub columns: ColumnWindow,
    pub rows: Rows,
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
    pub fn new(area: Rect, rows: Rows, across: Across, column: impl Fn(usize) -> ColumnRequest) -> Self {
        let columns = ColumnWindow::new(area.width as usize, across, column);
        Self { area, lead: across.lead, chosen: across.chosen, columns, rows }
    }

    /// Whether both cursors are on this cell.
    pub fn is_chosen(&self, row: usize, place: &VisibleColumn) -> bool {
        row == self.rows.chosen && place.column == self.chosen && !place.is_picture
    }

    /// What a click at a place on the screen finds.
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
