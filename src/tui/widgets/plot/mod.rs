//! A chart on the screen.

pub mod view;

use ratatui::layout::Rect;

use crate::chart::{Ink, Picture, PlotCell};

/// The cells of the plot itself, within those of the whole picture.
pub fn plot_area(picture: &Picture, area: Rect) -> Rect {
    let (columns, rows) = (picture.canvas.columns() as u16, picture.canvas.rows() as u16);
    Rect { x: area.x + picture.plot.left as u16, width: columns, height: rows, ..area }.intersection(area)
}

/// Something that stands on a plot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlotSign {
    /// The label of a line, at its end.
    End(String),
    Least,
    Greatest,
}

/// What stands on a plot or beside it, where, and for which line.
pub fn signs(picture: &Picture, extremes: bool) -> Vec<(PlotCell, PlotSign, Ink)> {
    // Colour alone tells nothing: each line ends in its label.
    let ends = picture.ends.iter().map(|end| (end.place, PlotSign::End(end.text.clone()), end.ink));
    let mut signs: Vec<_> = ends.collect();
    for line in picture.lines.iter().filter(|_| extremes) {
        signs.extend(line.least.map(|place| (place, PlotSign::Least, line.ink)));
        signs.extend(line.greatest.map(|place| (place, PlotSign::Greatest, line.ink)));
    }
    signs
}
