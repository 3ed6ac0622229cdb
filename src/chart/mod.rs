//! Line charts of metric histories: which points are drawn where, axes with round numbers, and the picture as cells.
//!
//! Pure: histories and wishes in, a [`Picture`] out. Knows MLflow's vocabulary and how numbers are written; knows no
//! terminal, no colour and no store. A line is told from others by its *ink*, a number that whoever shows the picture
//! gives a colour to.

pub mod axis;
pub mod canvas;
mod ends;
mod even;
mod filling;
pub mod mean;
pub mod over;
pub mod passes;
mod picture;
pub mod quantile;
pub mod raster;
pub mod svg;
pub mod trace;

pub use axis::XAxis;
pub use canvas::{Dots, Ink, Stroke};
pub use ends::LineSign;
pub use mean::{Band, Mean};
pub use over::Over;
pub use picture::{Picture, Plot, PlotCell, Scale, picture, plot, x_range};
pub use trace::{ChartLine, LineLabel, PointCounts, Scales, Smoothing};

/// Which part of the values the y axis covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum YRange {
    #[default]
    All,
    /// From the 1st to the 99th percentile of what is seen.
    Middle98,
    /// From the 5th to the 95th.
    Middle90,
}

impl YRange {
    /// The share of the values that is cut off on either side.
    pub fn cut(self) -> f64 {
        match self {
            Self::All => 0.0,
            Self::Middle98 => 0.01,
            Self::Middle90 => 0.05,
        }
    }

    pub fn next(self) -> Self {
        match self {
            Self::All => Self::Middle98,
            Self::Middle98 => Self::Middle90,
            Self::Middle90 => Self::All,
        }
    }

    /// As the chart's title says it; nothing for the whole range.
    pub fn in_words(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Middle98 => Some("y 1–99 %"),
            Self::Middle90 => Some("y 5–95 %"),
        }
    }
}

/// How charts are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    pub x: XAxis,
    pub log_x: bool,
    pub log_y: bool,
    pub smoothing: Smoothing,
    pub y_range: YRange,
    /// What lies around the means of runs that are put together.
    pub band: Band,
}

impl Options {
    pub fn scales(&self) -> Scales {
        Scales { x: self.x, log_x: self.log_x, log_y: self.log_y }
    }
}

#[cfg(test)]
mod tests;
