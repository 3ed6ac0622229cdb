//! Rows and tables, drawn.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{Place, Rows, Table};
use crate::tui::widgets::theme::Theme;

/// What a row says: in front of the first column, and in each place of [`Columns::places`](super::Columns::places).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row<'a> {
    pub lead: Line<'a>,
    pub cells: Vec<Line<'a>>,
}

impl Rows {
    /// Draws the rows that are seen, each in its place; the one under the cursor in this style.
    pub fn draw(&self, buffer: &mut Buffer, chosen: Style, mut row: impl FnMut(usize, Rect, &mut Buffer)) {
        for (at, y) in self.shown.clone().zip(self.area.y..) {
            let place = Rect { y, height: 1, ..self.area };
            row(at, place, buffer);
            if at == self.chosen {
                buffer.set_style(place, chosen);
            }
        }
    }
}

impl Table {
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
}
