//! Rows and tables, drawn.

use std::ops::Range;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{Rows, Table, VisibleColumn, below_titles};
use crate::tui::widgets::theme::Theme;

/// What a row says: in front of the first column, and in each place of [`ColumnRequestWindow::places`](super::ColumnWindow::places).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowContent<'a> {
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

/// In the border to the right of a list, beside its `rows`, what of it is on the screen; nothing where that is all.
pub fn scroll_bar(
    frame: &mut Frame<'_>,
    (rows, border): (Rect, u16),
    (shown, length): (Range<usize>, usize),
    is_focused: bool,
    theme: &Theme,
) {
    let rows = rows.intersection(frame.area());
    let height = rows.height as usize;
    if shown.len() >= length || height == 0 || border >= frame.area().right() {
        return;
    }
    let size = (height * shown.len() / length).clamp(1, height);
    // At the ends only where the list is.
    let most = length - shown.len();
    let room = height - size;
    let top = (shown.start * room).div_ceil(most.max(1)).min(room);
    let top = if shown.end < length { top.min(room.saturating_sub(1)) } else { top };
    let style = if is_focused { theme.focused_border } else { theme.border };
    for y in (rows.y..).skip(top).take(size) {
        frame.buffer_mut().set_string(border, y, theme.glyphs.thumb, style);
    }
}

impl Rows {
    /// The scroll bar in the border to the right, which is so many cells from the left of the screen.
    pub fn draw_bar(&self, frame: &mut Frame<'_>, border: u16, is_focused: bool, theme: &Theme) {
        scroll_bar(frame, (self.area, border), (self.shown.clone(), self.length), is_focused, theme);
    }
}

impl Table {
    /// Lights the column under the cursor; before the rows are drawn.
    pub fn light_column(&self, frame: &mut Frame<'_>, theme: &Theme) {
        let rows = below_titles(self.area);
        for place in self.columns.places.iter().filter(|place| place.column == self.chosen) {
            let x = rows.x + place.x as u16;
            let height = rows.height.min(self.rows.shown.len() as u16);
            let column = Rect { x, width: place.width as u16, height, ..rows };
            frame.buffer_mut().set_style(column.intersection(rows), theme.cross);
        }
    }

    /// The style of the title at a place.
    pub fn heading(&self, place: &VisibleColumn, theme: &Theme) -> Style {
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
        mut row: impl FnMut(usize) -> RowContent<'a>,
    ) {
        if self.area.is_empty() {
            return;
        }
        let buffer = frame.buffer_mut();
        let top = Rect { height: 1, ..self.area };
        self.put(RowContent { lead: Line::default(), cells: titles }, top, buffer);
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

    fn put(&self, row: RowContent<'_>, line: Rect, buffer: &mut Buffer) {
        let part = |x: usize, width: usize| Rect { x: line.x + x as u16, width: width as u16, ..line };
        row.lead.render(part(0, self.lead.min(line.width as usize)), buffer);
        for (place, words) in self.columns.places.iter().zip(row.cells) {
            let spare = place.width.saturating_sub(words.width());
            let x = if place.right { place.x + spare } else { place.x };
            words.render(part(x, place.width - spare), buffer);
        }
    }
}
