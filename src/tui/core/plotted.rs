//! What a screen draws on a chart that is no history of a metric: for whoever keeps the pictures.

use ratatui::layout::Rect;

use super::app::{App, Screen};
use crate::chart::Options;
use crate::mlflow::MetricPoint;
use crate::tui::features::sweeps;

/// All that a picture depends on, which is looked at before each frame.
#[derive(Debug, Clone, PartialEq)]
pub struct PlottedInputs {
    /// Other ones whenever the lines are others.
    pub versions: Vec<(u8, u64)>,
    pub options: Options,
    /// The cells of the picture.
    pub area: Rect,
    /// A place on the x axis.
    pub cursor: Option<f64>,
    /// So many of the last lines are lines; what comes before are dots.
    pub lines: usize,
}

/// Lines, each with its ink; the last are drawn on top.
pub type PlottedLines = Vec<(u8, Vec<MetricPoint>)>;

pub fn inputs(app: &App) -> Option<PlottedInputs> {
    match app.screens.last() {
        Some(Screen::Sweep(screen)) => sweeps::screen::plot::inputs(app, screen),
        Some(
            Screen::Chart(_) | Screen::Compare(_) | Screen::Log(_) | Screen::Models(_) | Screen::Datasets(_),
        )
        | None => None,
    }
}

pub fn lines(app: &App) -> PlottedLines {
    match app.screens.last() {
        Some(Screen::Sweep(screen)) => sweeps::screen::plot::lines(screen),
        Some(
            Screen::Chart(_) | Screen::Compare(_) | Screen::Log(_) | Screen::Models(_) | Screen::Datasets(_),
        )
        | None => Vec::new(),
    }
}
