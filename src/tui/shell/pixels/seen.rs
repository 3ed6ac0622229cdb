//! What is to be seen in pixels: charts, and the image among a run's artifacts that is looked at.

use std::io::{self, Write};

use ratatui::layout::Rect;

use super::protocols::Bitmap;
use crate::tui::core::app::App;
use crate::tui::features::charts::pictures::Pictures;
use crate::tui::features::charts::picturing::{self as charts, PicturedChart};
use crate::tui::features::details::picturing::{self as details, PicturedImage};
use crate::tui::widgets::plot::view::sign_symbol;
use crate::tui::widgets::theme::Theme;

/// The pixels of a picture, at most: more than any screen has, whatever a terminal says of its cells.
const MOST: u64 = 40_000_000;

/// One picture, and all that it depends on.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Chart(PicturedChart),
    Image(PicturedImage),
}

/// The pictures on the screen, with cells of so many pixels; none while something stands over them.
pub fn seen(app: &App, pictures: &Pictures, cell: (u16, u16)) -> Vec<Seen> {
    if !app.has_pixels || app.overlay.is_some() || app.help.is_some() || app.geometry().too_small {
        return Vec::new();
    }
    let charts = charts::pictured(app, pictures).into_iter().map(Seen::Chart);
    let image = details::pictured(app, cell).map(Seen::Image);
    let pixels = |area: Rect| u64::from(area.area()) * u64::from(cell.0) * u64::from(cell.1);
    charts.chain(image).filter(|one| (1..=MOST).contains(&pixels(one.area()))).collect()
}

impl Seen {
    /// The cells that it stands in.
    pub fn area(&self) -> Rect {
        match self {
            Self::Chart(chart) => chart.area,
            Self::Image(image) => image.area,
        }
    }

    pub fn bitmap(&self, app: &App, pictures: &Pictures, theme: &Theme, cell: (u16, u16)) -> Option<Bitmap> {
        match self {
            Self::Chart(chart) => {
                let raster = charts::raster(app, pictures, chart, cell)?;
                let pixels = raster.pixels.iter().map(|ink| ink.map(|ink| theme.line_rgb(ink)));
                Some(Bitmap { width: raster.width, height: raster.height, pixels: pixels.collect() })
            }
            Self::Image(image) => {
                let (width, height) = image.size(cell);
                Some(Bitmap { width, height, pixels: image.pixels(cell) })
            }
        }
    }

    /// Writes over a picture what it covered of the text.
    pub fn write_signs(
        &self,
        app: &App,
        pictures: &Pictures,
        theme: &Theme,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let Self::Chart(chart) = self else { return Ok(()) };
        let (signs, cursor) = charts::over(app, pictures, chart);
        let area = chart.area;
        if let Some(column) = cursor {
            for y in area.y..area.y + area.height {
                let x = area.x + 1 + column as u16;
                write!(out, "\x1b[{};{x}H\x1b[0;2m{}", y + 1, theme.glyphs.vertical)?;
            }
        }
        for (place, sign, ink) in signs {
            let [red, green, blue] = theme.line_rgb(ink);
            let (x, y) = (area.x + 1 + place.column as u16, area.y + 1 + place.row as u16);
            write!(out, "\x1b[{y};{x}H\x1b[0;1;38;2;{red};{green};{blue}m{}", sign_symbol(&sign, theme))?;
        }
        write!(out, "\x1b[0m")
    }
}
