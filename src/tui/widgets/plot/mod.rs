//! A chart on the screen.

pub mod view;

use ratatui::layout::Rect;

use crate::chart::{Picture, PlotCell};
use crate::tui::widgets::theme::letter;

/// The cells of the plot itself, within those of the whole picture.
pub fn plot_area(picture: &Picture, area: Rect) -> Rect {
    let (columns, rows) = (picture.canvas.columns() as u16, picture.canvas.rows() as u16);
    Rect { x: area.x + picture.plot.left as u16, width: columns, height: rows, ..area }.intersection(area)
}

/// Something that stands on a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlotSign {
    /// The letter of a line, at its end.
    End(char),
    Least,
    Greatest,
}

/// What stands on a plot, where, and for which line.
pub fn signs(picture: &Picture, extremes: bool) -> Vec<(PlotCell, PlotSign, u8)> {
    let mut signs = Vec::new();
    for line in &picture.lines {
        let mut put =
            |place: Option<PlotCell>, sign| signs.extend(place.map(|place| (place, sign, line.ink)));
        // Colour alone tells nothing: each line ends in its letter.
        if picture.lines.len() > 1 {
            put(line.last, PlotSign::End(letter(line.ink)));
        }
        if extremes {
            put(line.least, PlotSign::Least);
            put(line.greatest, PlotSign::Greatest);
        }
    }
    signs
}
