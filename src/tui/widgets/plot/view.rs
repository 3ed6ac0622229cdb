//! A picture of a chart, put into the cells of the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::{PlotSign, plot_area, signs};
use crate::chart::{Ink, Picture, PlotCell};
use crate::text;
use crate::tui::widgets::theme::Theme;

/// What is drawn on a picture.
#[derive(Debug, Clone, Copy, Default)]
pub struct Over {
    /// The column of the cursor.
    pub cursor: Option<usize>,
    /// The least and greatest value of each line.
    pub extremes: bool,
    /// The lines are drawn in pixels elsewhere: their room is left empty.
    pub in_pixels: bool,
}

pub fn draw(picture: &Picture, over: Over, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let plot = plot_area(picture, area);
    axes(picture, theme, buffer, area, plot);
    if !over.in_pixels {
        grid(picture, theme, buffer, plot);
    }
    for y in 0..plot.height {
        for x in 0..plot.width {
            let (character, ink) = picture.canvas.cell(x as usize, y as usize);
            let cell = &mut buffer[(plot.x + x, plot.y + y)];
            if character != ' ' && !over.in_pixels {
                // Nothing of the grid stays: it would make the line dim.
                cell.reset();
                cell.set_char(character).set_style(theme.ink(ink));
            } else if over.cursor == Some(x as usize) {
                cell.set_symbol(theme.glyphs.vertical).set_style(theme.dim);
            }
        }
    }
    let right = area.right().min(buffer.area.right());
    let mut put = |PlotCell { column, row }: PlotCell, symbol: &str, ink: Ink| {
        let (x, y) = (plot.x + column as u16, plot.y + row as u16);
        if x < right && y < plot.bottom() {
            let style = theme.ink(ink).add_modifier(Modifier::BOLD);
            (x..right.min(x + text::width(symbol) as u16)).for_each(|x| buffer[(x, y)].reset());
            buffer.set_stringn(x, y, symbol, (right - x) as usize, style);
        }
    };
    if !theme.tells_lines() && !over.in_pixels {
        picture.along.iter().for_each(|sign| put(sign.place, &theme.plain(&sign.text), sign.ink));
    }
    for (place, sign, ink) in signs(picture, over.extremes) {
        put(place, &sign_symbol(&sign, theme), ink);
    }
}

pub fn sign_symbol(sign: &PlotSign, theme: &Theme) -> String {
    match sign {
        PlotSign::End(label) => theme.plain(label),
        PlotSign::Least => theme.glyphs.descending.to_owned(),
        PlotSign::Greatest => theme.glyphs.ascending.to_owned(),
    }
}

/// Faint lines from the ticks through the plot.
fn grid(picture: &Picture, theme: &Theme, buffer: &mut Buffer, plot: Rect) {
    for (row, _) in picture.y_labels.iter().filter(|(row, _)| *row < plot.height as usize) {
        // Without a colour of its own, a line would be taken for one of the chart's.
        for x in (plot.x..plot.right()).skip(1).step_by(if theme.has_grid() { 1 } else { 4 }) {
            buffer[(x, plot.y + *row as u16)].set_symbol(theme.glyphs.grid).set_style(theme.grid);
        }
    }
}

fn axes(picture: &Picture, theme: &Theme, buffer: &mut Buffer, area: Rect, plot: Rect) {
    if picture.plot.left == 0 {
        return;
    }
    let axis = plot.x - 1;
    for y in plot.y..plot.y + plot.height {
        buffer[(axis, y)].set_symbol(theme.glyphs.vertical).set_style(theme.border);
    }
    for (row, label) in &picture.y_labels {
        let y = plot.y + *row as u16;
        let width = picture.plot.left - 1;
        buffer.set_string(
            area.x,
            y,
            text::fit_right(&theme.plain(label), width, theme.glyphs.ellipsis),
            theme.dim,
        );
        buffer[(axis, y)].set_symbol(theme.glyphs.y_tick).set_style(theme.border);
    }
    let mut below = plot.y + plot.height;
    if let Some(ticks) = &picture.x_ticks {
        buffer[(axis, below)].set_symbol(theme.glyphs.corner).set_style(theme.border);
        for x in 0..plot.width {
            let is_tick = ticks.contains(&(x as usize));
            let symbol = if is_tick { theme.glyphs.x_tick } else { theme.glyphs.horizontal };
            buffer[(plot.x + x, below)].set_symbol(symbol).set_style(theme.border);
        }
        below += 1;
    }
    for (start, label) in &picture.x_labels {
        buffer.set_string(plot.x + *start as u16, below, label, theme.dim);
    }
}
