//! A scatter plot, drawn.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Line;

use super::{Scale, scatter};
use crate::chart::axis::spread;
use crate::compare::axes::{Axis, stride};
use crate::text;
use crate::text::distinct;
use crate::tui::core::app::App;
use crate::tui::features::compare::CompareScreen;
use crate::tui::features::compare::plots::view::{bar_width, draw_bar, level_point, level_style, not_shown};
use crate::tui::features::compare::plots::{has_letters, level_values, levels};
use crate::tui::widgets::frame::centred;
use crate::tui::widgets::theme::{Theme, letter};

/// Cells of a label on the y axis, at most; cells that a number on the x axis wants, and a text at least.
const Y_LABEL: usize = 20;
const X_NUMBER: usize = 12;
const X_TEXT: usize = 6;

struct ScatterView<'a> {
    screen: &'a CompareScreen,
    theme: &'a Theme,
    x: Axis,
    y: Axis,
    plot: Rect,
}

pub fn draw(app: &App, screen: &CompareScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let (Some(comparison), Some(x), Some(y)) = (screen.comparison(), &screen.x, &screen.y) else {
        centred(frame, area, vec![Line::styled("there are no two columns to draw", theme.dim)]);
        return;
    };
    let axis = |spec| Axis::of(comparison, spec, |member| screen.drawn[member], app.now);
    let (Some(x), Some(y)) = (axis(x), axis(y)) else {
        centred(frame, area, vec![Line::styled("no run has a number or text in these columns", theme.dim)]);
        return;
    };
    let rows = (area.height as usize).saturating_sub(5);
    let labels = y_labels(&y, rows, (area.width as usize / 4).clamp(4, Y_LABEL), theme);
    let left = labels.iter().map(|(_, label)| text::width(label)).max().unwrap_or(0) as u16 + 2;
    if area.width < left + 12 || rows < 2 {
        centred(frame, area, vec![Line::styled("too small a window", theme.dim)]);
        return;
    }
    let values = level_values(screen);
    let bar = bar_width(values.as_ref(), area);
    let plot =
        Rect { x: area.x + left, y: area.y + 1, width: area.width - left - 2 - bar, height: rows as u16 };
    let (head_x, head_y) = heads(&x, &y);
    let view = ScatterView { screen, theme, x, y, plot };
    let buffer = frame.buffer_mut();
    let ellipsis = theme.glyphs.ellipsis;
    let room = (area.width - 2 - bar) as usize;
    buffer.set_string(area.x + 1, area.y, text::cut(&head_y, room, ellipsis), theme.heading);
    view.frame(buffer, &labels);
    view.x_labels(buffer);
    let name = text::cut(&head_x, plot.width as usize, ellipsis);
    let x = plot.x + (plot.width - text::width(&name) as u16) / 2;
    buffer.set_string(x, plot.bottom() + 2, &name, theme.heading);
    let missing = view.points(buffer);
    if let Some(values) = values.filter(|_| bar > 0) {
        let place = Rect { x: area.right() - bar + 1, width: bar - 1, ..plot };
        draw_bar(&values, screen.metric.as_deref().unwrap_or_default(), theme, buffer, place);
    }
    let words = view.words(missing, (&head_x, &head_y));
    let line = Rect { x: area.x + 1, y: area.bottom() - 1, width: area.width.saturating_sub(2), height: 1 };
    frame.render_widget(Line::styled(text::cut(&words, line.width as usize, ellipsis), theme.text), line);
}

/// The names of two columns; with their kinds where they would be the same.
fn heads(x: &Axis, y: &Axis) -> (String, String) {
    let clean = |name: String| text::clean(&name).into_owned();
    if x.spec.head() == y.spec.head() {
        (clean(x.spec.name()), clean(y.spec.name()))
    } else {
        (clean(x.spec.head()), clean(y.spec.head()))
    }
}

/// What stands beside the y axis: rows from the lower end, and labels of at most so many cells.
fn y_labels(y: &Axis, rows: usize, cells: usize, theme: &Theme) -> Vec<(usize, String)> {
    let most = if y.texts().is_some() { rows } else { rows.div_ceil(4).max(2) };
    let scale = Scale::new(y, rows);
    let marks = y.marks(most);
    let labels: Vec<String> = marks.iter().map(|mark| text::clean(&mark.label).into_owned()).collect();
    let labels = distinct(&labels, cells, theme.glyphs.ellipsis);
    marks.iter().map(|mark| scale.cell(mark.place)).zip(labels).collect()
}

impl ScatterView<'_> {
    fn frame(&self, buffer: &mut Buffer, labels: &[(usize, String)]) {
        let Self { theme, plot, .. } = self;
        let left = plot.x - 1;
        for row in 0..plot.height {
            buffer[(left, plot.y + row)].set_symbol(theme.glyphs.vertical).set_style(theme.border);
        }
        for (row, label) in labels {
            let y = (plot.bottom() - 1).saturating_sub(*row as u16);
            buffer[(left, y)].set_symbol(theme.glyphs.y_tick);
            let x = left.saturating_sub(text::width(label) as u16);
            buffer.set_string(x, y, label, theme.dim);
        }
        buffer[(left, plot.bottom())].set_symbol(theme.glyphs.corner).set_style(theme.border);
        for column in 0..plot.width {
            buffer[(plot.x + column, plot.bottom())]
                .set_symbol(theme.glyphs.horizontal)
                .set_style(theme.border);
        }
    }

    /// Marks below the x axis: all texts where there is room, else evenly spread, and round numbers.
    fn x_labels(&self, buffer: &mut Buffer) {
        let Self { theme, plot, .. } = self;
        let (width, scale) = (plot.width as usize, Scale::new(&self.x, plot.width as usize));
        let (marks, room) = match self.x.texts() {
            Some(texts) => {
                let most = (width / X_TEXT).max(2);
                let room = width / texts.len().max(1) * stride(texts.len(), most);
                (self.x.marks(most), room.saturating_sub(1).max(X_TEXT - 1))
            }
            None => (self.x.marks((width / X_NUMBER).max(2)), width),
        };
        let labels: Vec<String> = marks.iter().map(|mark| text::clean(&mark.label).into_owned()).collect();
        let labels = distinct(&labels, room, theme.glyphs.ellipsis);
        let places: Vec<(usize, &str)> =
            marks.iter().zip(&labels).map(|(mark, label)| (scale.cell(mark.place), label.as_str())).collect();
        for ((at, label), start) in places.iter().zip(spread(&places, width)) {
            let Some(start) = start else { continue };
            buffer[(plot.x + *at as u16, plot.bottom())].set_symbol(theme.glyphs.x_tick);
            buffer.set_string(plot.x + start as u16, plot.bottom() + 1, label, theme.dim);
        }
    }

    /// The runs: letters where they are few. Returns how many of them lack a value.
    fn points(&self, buffer: &mut Buffer) -> usize {
        let Self { screen, theme, plot, .. } = self;
        let has_letters = has_letters(screen);
        let size = (plot.width as usize, plot.height as usize);
        let places = scatter((&self.x, &self.y), size, has_letters.then(|| screen.letter_cells()));
        let levels = levels(screen);
        // The better above the worse, and the chosen one above all.
        let mut order: Vec<usize> = (0..places.len()).collect();
        let chosen = screen.member_cursor.at;
        order.sort_by_key(|member| (*member == chosen, levels[*member]));
        for member in order {
            let Some((column, row)) = places[member] else { continue };
            let letters = letter(screen.slot(member));
            let sign = match (has_letters, member == chosen) {
                (true, _) => letters.as_str(),
                (false, true) => theme.glyphs.live,
                (false, false) => level_point(levels[member], theme),
            };
            let style = if member == chosen {
                theme.selection.add_modifier(Modifier::BOLD)
            } else {
                level_style(levels[member], theme)
            };
            // Two letters begin where the point is, and end within the plot.
            let column = (column as u16).min(plot.width.saturating_sub(text::width(sign) as u16));
            buffer.set_string(plot.x + column, plot.y + row as u16, sign, style);
        }
        let drawn = screen.drawn.iter().filter(|is_drawn| **is_drawn).count();
        drawn - places.iter().flatten().count()
    }

    /// The run under the cursor, and what is not to be seen.
    fn words(&self, missing: usize, (head_x, head_y): (&str, &str)) -> String {
        let screen = self.screen;
        let Some(comparison) = screen.comparison() else { return String::new() };
        let chosen = screen.member_cursor.at.min(comparison.members.len().saturating_sub(1));
        let label =
            |axis: &Axis| text::clean(axis.labels.get(chosen).map_or("", String::as_str)).into_owned();
        let lack = match missing {
            0 => String::new(),
            1 => format!("; 1 run lacks {head_x} or {head_y}"),
            count => format!("; {count} runs lack {head_x} or {head_y}"),
        };
        let rest = not_shown(screen).map_or(String::new(), |rest| format!("; {rest}"));
        format!(
            "{} {}: {head_x} {}, {head_y} {}{rest}{lack}",
            letter(screen.slot(chosen)),
            text::clean(comparison.title(chosen).0),
            label(&self.x),
            label(&self.y),
        )
    }
}
