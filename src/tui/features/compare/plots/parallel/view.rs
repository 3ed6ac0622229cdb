//! Parallel coordinates, drawn.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::{SeenAxes, parallel};
use crate::chart::canvas::Dots;
use crate::compare::axes::Brush;
use crate::text;
use crate::text::distinct;
use crate::tui::features::compare::CompareScreen;
use crate::tui::features::compare::plots::view::{bar_width, draw_bar, level_style, not_shown};
use crate::tui::features::compare::plots::{has_letters, level_values, levels};
use crate::tui::widgets::frame::centred;
use crate::tui::widgets::theme::{Theme, letter};

/// Letters beside the last axis, at most, in one row.
const LETTERS: usize = 3;

/// What is seen of the axes, and where.
struct AxesView<'a> {
    screen: &'a CompareScreen,
    theme: &'a Theme,
    seen: SeenAxes,
    area: Rect,
    plot: Rect,
}

pub fn draw(screen: &CompareScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let count = screen.axes.len();
    if count < 2 || area.height < 6 || area.width < 16 {
        let words = match (count < 2, not_shown(screen)) {
            (true, Some(words)) => format!("no param differs between most of these runs; {words}"),
            (true, None) => "no param differs between these runs".to_owned(),
            (false, _) => "too small a window".to_owned(),
        };
        let words = text::cut(&words, area.width as usize, theme.glyphs.ellipsis);
        centred(frame, area, vec![Line::styled(words, theme.dim)]);
        return;
    }
    let values = level_values(screen);
    let bar = bar_width(values.as_ref(), area);
    // Room for letters of two signs beside the last axis.
    let more = (LETTERS * (screen.letter_cells() - 1)) as u16;
    // Titles, upper ends, the plot, lower ends, and what passes.
    let plot = Rect {
        x: area.x + 4,
        y: area.y + 2,
        width: area.width.saturating_sub(8 + bar + more),
        height: area.height - 4,
    };
    let seen = SeenAxes::new(count, screen.axis, plot.width as usize);
    let view = AxesView { screen, theme, seen, area: Rect { width: area.width - bar, ..area }, plot };
    let buffer = frame.buffer_mut();
    view.axes(buffer);
    view.lines(buffer);
    view.names(buffer);
    view.texts(buffer);
    view.letters(buffer);
    if let Some(values) = values.filter(|_| bar > 0) {
        let place = Rect { x: area.right() - bar + 1, width: bar - 1, ..plot };
        draw_bar(&values, screen.metric.as_deref().unwrap_or_default(), theme, buffer, place);
    }
    let line = Rect { x: area.x + 1, y: area.bottom() - 1, width: area.width.saturating_sub(2), height: 1 };
    let words = text::cut(&passing_words(screen), line.width as usize, theme.glyphs.ellipsis);
    frame.render_widget(Line::styled(words, theme.text), line);
}

/// How many runs pass the brushes, or how to brush, and what is not shown.
fn passing_words(screen: &CompareScreen) -> String {
    let drawn = screen.drawn.iter().filter(|is_drawn| **is_drawn).count();
    let passing = screen.passing().into_iter().zip(&screen.drawn);
    let passing = passing.filter(|(passes, is_drawn)| *passes && **is_drawn).count();
    let chosen = &screen.axes[screen.axis];
    let words = match brush(screen, screen.axis) {
        Some(brush) => format!(
            "{passing} of {drawn} pass; {} from {} to {}",
            text::clean(chosen.spec.title()),
            text::clean(&chosen.label_at(brush.low)),
            text::clean(&chosen.label_at(brush.high))
        ),
        None if !screen.brushes.is_empty() => format!("{passing} of {drawn} pass"),
        None => "j k brush the axis".into(),
    };
    not_shown(screen).map_or(words.clone(), |rest| format!("{words}; {rest}"))
}

fn brush(screen: &CompareScreen, axis: usize) -> Option<&Brush> {
    screen.brushes.iter().find(|brush| brush.spec == screen.axes[axis].spec)
}

impl AxesView<'_> {
    /// The column of one of the axes that are seen.
    fn column(&self, at: usize) -> u16 {
        self.plot.x + (at * (self.plot.width as usize - 1) / (self.seen.axes.len() - 1)) as u16
    }

    /// Cells between an axis and the next.
    fn room(&self) -> usize {
        (self.plot.width as usize / (self.seen.axes.len() - 1)).saturating_sub(1).max(3)
    }

    fn row(&self, place: f64) -> u16 {
        self.plot.y + ((1.0 - place) * f64::from(self.plot.height - 1)).round() as u16
    }

    fn axes(&self, buffer: &mut Buffer) {
        let Self { screen, theme, plot, .. } = self;
        for (at, axis) in self.seen.axes.iter().enumerate() {
            let brush = brush(screen, *axis);
            for y in 0..plot.height {
                let place = 1.0 - f64::from(y) / f64::from(plot.height.max(2) - 1);
                let is_brushed =
                    brush.is_some_and(|brush| place >= brush.low - 0.02 && place <= brush.high + 0.02);
                let style = match (is_brushed, *axis == screen.axis) {
                    (true, _) => theme.chip,
                    (false, true) => theme.accent,
                    (false, false) => theme.border,
                };
                let symbol = if is_brushed { theme.glyphs.bar_vertical } else { theme.glyphs.vertical };
                buffer[(self.column(at), plot.y + y)].set_symbol(symbol).set_style(style);
            }
        }
    }

    fn lines(&self, buffer: &mut Buffer) {
        let Self { screen, theme, plot, .. } = self;
        let dots = if theme.glyphs.is_ascii { Dots::Ascii } else { Dots::Braille };
        let canvas = parallel(screen, &self.seen.axes, (plot.width as usize, plot.height as usize), dots);
        let columns: Vec<u16> = (0..self.seen.axes.len()).map(|at| self.column(at)).collect();
        for y in 0..plot.height {
            for x in (0..plot.width).filter(|x| !columns.contains(&(plot.x + x))) {
                let (character, ink) = canvas.cell(x as usize, y as usize);
                if character != ' ' {
                    let style = if ink.is_faint { theme.border } else { level_style(ink.line, theme) };
                    buffer[(plot.x + x, plot.y + y)].set_char(character).set_style(style);
                }
            }
        }
    }

    /// Titles, and what stands at the ends of the axes that are no texts.
    fn names(&self, buffer: &mut Buffer) {
        let Self { screen, theme, area, plot, .. } = self;
        let ellipsis = theme.glyphs.ellipsis;
        let heads = self.seen.axes.iter().map(|axis| screen.axes[*axis].spec.head());
        let heads: Vec<String> = heads.map(|head| text::clean(&head).into_owned()).collect();
        let heads = distinct(&heads, self.room(), ellipsis);
        let mut put = |at: usize, y: u16, words: &str, style: Style| {
            let words = text::cut(&text::clean(words), self.room(), ellipsis);
            let width = text::width(&words) as u16;
            let last = area.right().saturating_sub(width);
            let x = self.column(at).saturating_sub(width / 2).clamp(area.x, last.max(area.x));
            buffer.set_string(x, y, words, style);
        };
        for (at, (axis, head)) in self.seen.axes.iter().zip(&heads).enumerate() {
            let style = if *axis == screen.axis { theme.chosen_column } else { theme.heading };
            put(at, area.y, head, style);
            if screen.axes[*axis].texts().is_none() {
                let (low, high) = screen.axes[*axis].ends();
                put(at, area.y + 1, &high, theme.dim);
                put(at, plot.y + plot.height, &low, theme.dim);
            }
        }
        let (left, right) = (self.seen.more_left, self.seen.more_right);
        if left {
            buffer.set_string(area.x, area.y, theme.glyphs.more_left, theme.accent);
        }
        if right {
            let x = self.column(self.seen.axes.len() - 1).saturating_sub(self.room() as u16 / 2 + 2);
            buffer.set_string(x, area.y + 1, theme.glyphs.more_right, theme.accent);
        }
    }

    /// The texts of an axis, each beside its place, as many as there are rows.
    fn texts(&self, buffer: &mut Buffer) {
        let room = self.room().saturating_sub(2);
        let axes = self.seen.axes.iter().enumerate().map(|(at, axis)| (at, *axis));
        for (at, axis) in axes.filter(|(_, axis)| self.screen.axes[*axis].texts().is_some()) {
            let marks = self.screen.axes[axis].marks(self.plot.height as usize);
            let labels: Vec<String> =
                marks.iter().map(|mark| text::clean(&mark.label).into_owned()).collect();
            let is_last = at + 1 == self.seen.axes.len();
            let room = if is_last { 3 } else { room };
            let labels = distinct(&labels, room, self.theme.glyphs.ellipsis);
            let style = if axis == self.screen.axis { self.theme.text } else { self.theme.dim };
            for (mark, label) in marks.iter().zip(labels) {
                let (x, y) = (self.column(at) + 1, self.row(mark.place));
                // Nothing of the lines below shines through.
                (x..x + text::width(&label) as u16).for_each(|x| buffer[(x, y)].reset());
                buffer.set_string(x, y, label, style);
            }
        }
    }

    /// Which runs end where, where they are few.
    fn letters(&self, buffer: &mut Buffer) {
        let Self { screen, theme, .. } = self;
        let last = self.seen.axes.len() - 1;
        let axis = &screen.axes[self.seen.axes[last]];
        if !has_letters(screen) || axis.texts().is_some() {
            return;
        }
        let levels = levels(screen);
        let passing = screen.passing();
        let mut members: Vec<usize> =
            (0..screen.members()).filter(|member| screen.drawn[*member] && passing[*member]).collect();
        members.sort_by_key(|member| std::cmp::Reverse(levels[*member]));
        let mut taken = rustc_hash::FxHashMap::<u16, usize>::default();
        for member in members {
            let Some(place) = axis.places[member] else { continue };
            let row = self.row(place);
            let used = taken.entry(row).or_default();
            *used += 1;
            let x = self.column(last) + 1 + (((*used).min(LETTERS) - 1) * screen.letter_cells()) as u16;
            let sign = if *used > LETTERS { "+".to_owned() } else { letter(screen.slot(member)) };
            buffer.set_string(x, row, sign, level_style(levels[member], theme));
        }
    }
}
