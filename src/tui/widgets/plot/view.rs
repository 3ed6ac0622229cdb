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
    for y in 0..plot.height {
        for x in 0..plot.width {
            let (character, ink) = picture.canvas.cell(x as usize, y as usize);
            let cell = &mut buffer[(plot.x + x, plot.y + y)];
            if character != ' ' && !over.in_pixels {
                cell.set_char(character).set_style(style(ink, theme));
            } else if over.cursor == Some(x as usize) {
                cell.set_symbol(theme.glyphs.vertical).set_style(theme.dim);
            }
        }
    }
    for (PlotCell { column, row }, sign, line) in signs(picture, over.extremes) {
        if (column as u16) < plot.width && (row as u16) < plot.height {
            let style = theme.line(line).add_modifier(Modifier::BOLD);
            let symbol = sign_symbol(sign, theme);
            buffer[(plot.x + column as u16, plot.y + row as u16)].set_symbol(&symbol).set_style(style);
        }
    }
}

pub fn sign_symbol(sign: PlotSign, theme: &Theme) -> String {
    match sign {
        PlotSign::End(letter) => letter.to_string(),
        PlotSign::Least => theme.glyphs.descending.to_owned(),
        PlotSign::Greatest => theme.glyphs.ascending.to_owned(),
    }
}

fn style(ink: Ink, theme: &Theme) -> ratatui::style::Style {
    if ink.is_faint { theme.faint_line(ink.line) } else { theme.line(ink.line) }
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
        buffer.set_string(area.x, y, text::fit_right(label, width, theme.glyphs.ellipsis), theme.dim);
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
