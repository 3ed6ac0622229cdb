//! Pictures on the terminal in pixels: which protocol it speaks, and what it has on the screen now.

mod protocols;

use std::io::{self, Write};

use crate::chart::Ink;
use crate::config::Graphics;
use crate::tui::core::app::App;
use crate::tui::features::charts::picturing::{Pictured, over, pictured, raster};
use crate::tui::widgets::plot::view::sign_symbol;
use crate::tui::widgets::theme::Theme;
use protocols::{Bitmap, Protocol};

/// The pictures on a terminal.
#[derive(Debug)]
pub struct Pixels {
    protocol: Protocol,
    /// The size of a cell in pixels.
    cell: (u16, u16),
    /// What each picture on the screen was made of, and where.
    shown: Vec<Pictured>,
}

impl Pixels {
    /// None where the terminal cannot draw pixels, or does not say how large its cells are.
    pub fn new(graphics: Graphics) -> Option<Self> {
        let protocol = match graphics {
            Graphics::Kitty => Protocol::Kitty,
            Graphics::Sixel => Protocol::Sixel,
            Graphics::Iterm2 => Protocol::Iterm2,
            Graphics::Off => return None,
        };
        Some(Self { protocol, cell: cell_size()?, shown: Vec::new() })
    }

    /// The terminal was resized: cells may have another size, and nothing is where it was.
    pub fn resized(&mut self) {
        if let Some(cell) = cell_size() {
            self.cell = cell;
        }
        self.shown.clear();
    }

    /// Whether a picture has to go before the next frame: text does not cover every kind of them.
    pub fn must_clear(&self, app: &App) -> bool {
        let wanted = pictured(app);
        self.shown.iter().any(|shown| !wanted.iter().any(|wanted| wanted.area == shown.area))
    }

    /// Takes all pictures off the screen.
    pub fn clear(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.shown.clear();
        self.protocol.clear(out)?;
        out.flush()
    }

    /// Puts the pictures on the screen that are not there yet.
    pub fn show(&mut self, app: &App, theme: &Theme, out: &mut impl Write) -> io::Result<()> {
        let wanted = pictured(app);
        for (at, one) in wanted.iter().enumerate() {
            if self.shown.contains(one) {
                continue;
            }
            let Some(raster) = raster(app, one, self.cell) else { continue };
            let colors = raster.pixels.iter().map(|ink| ink.map(|ink| theme.line_rgb(ink)));
            let bitmap = Bitmap { width: raster.width, height: raster.height, pixels: colors.collect() };
            let area = one.area;
            write!(out, "\x1b7")?;
            if self.protocol != Protocol::Kitty {
                // What was there before shows through wherever nothing is drawn.
                for y in area.y..area.y + area.height {
                    write!(out, "\x1b[{};{}H\x1b[{}X", y + 1, area.x + 1, area.width)?;
                }
            }
            write!(out, "\x1b[{};{}H", area.y + 1, area.x + 1)?;
            self.protocol.put(&bitmap, at as u32 + 1, (area.width, area.height), out)?;
            if self.protocol != Protocol::Kitty {
                signs(app, one, theme, out)?;
            }
            write!(out, "\x1b8")?;
        }
        self.shown = wanted;
        out.flush()
    }
}

/// Writes over a picture what it covered of the text.
fn signs(app: &App, one: &Pictured, theme: &Theme, out: &mut impl Write) -> io::Result<()> {
    let (signs, cursor) = over(app, one);
    let area = one.area;
    if let Some(column) = cursor {
        for y in area.y..area.y + area.height {
            write!(out, "\x1b[{};{}H\x1b[0;2m{}", y + 1, area.x + 1 + column as u16, theme.glyphs.vertical)?;
        }
    }
    for (place, sign, line) in signs {
        let [red, green, blue] = theme.line_rgb(Ink { line, is_faint: false });
        let (x, y) = (area.x + 1 + place.column as u16, area.y + 1 + place.row as u16);
        write!(out, "\x1b[{y};{x}H\x1b[0;1;38;2;{red};{green};{blue}m{}", sign_symbol(sign, theme))?;
    }
    write!(out, "\x1b[0m")
}

/// Cells in pixels, as the terminal tells its size.
fn cell_size() -> Option<(u16, u16)> {
    let size = crossterm::terminal::window_size().ok()?;
    let cell = (size.width.checked_div(size.columns)?, size.height.checked_div(size.rows)?);
    (cell.0 >= 2 && cell.1 >= 4).then_some(cell)
}
