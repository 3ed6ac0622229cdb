//! What the plots have in common, drawn: the style of a level, the bar that explains it, and what is not shown.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::{LEVELS, LevelValues};
use crate::text;
use crate::text::without_middle;
use crate::tui::features::compare::CompareScreen;
use crate::tui::widgets::theme::Theme;

/// Cells of the bar itself, and of a value beside it at most.
const BAR: u16 = 2;
const VALUE: usize = 12;
/// What stands under the bar: its parts are as long whatever lies between their values, unlike an axis.
const BY_RANK: &str = "by rank";
/// The least room in which there is a bar.
const WIDE: u16 = 50;

/// The style of a level of good: the best stands out, the rest fades.
pub fn level_style(level: u8, theme: &Theme) -> Style {
    match level {
        0 => theme.dim,
        LEVELS => theme.good.add_modifier(Modifier::BOLD),
        level => theme.ramp(level, LEVELS),
    }
}

/// The sign of a run on a level: without colours the levels have signs of their own.
pub fn level_point(level: u8, theme: &Theme) -> &'static str {
    const UNICODE: [&str; LEVELS as usize] = ["·", "∘", "○", "◉", "●"];
    const ASCII: [&str; LEVELS as usize] = [".", ":", "o", "O", "@"];
    match (has_colors(theme), theme.glyphs.is_ascii, level.checked_sub(1)) {
        (true, ..) | (_, _, None) => theme.glyphs.point,
        (false, false, Some(at)) => UNICODE[at as usize],
        (false, true, Some(at)) => ASCII[at as usize],
    }
}

fn has_colors(theme: &Theme) -> bool {
    theme.accent.fg.is_some()
}

/// The cells that the bar takes beside a plot, with those between them; none where there is no room.
pub fn bar_width(values: Option<&LevelValues>, area: Rect) -> u16 {
    let Some(values) = values.filter(|_| area.width >= WIDE && area.height >= 8) else { return 0 };
    let labels = values.ends.iter().map(|(_, label)| label).chain([&values.top]);
    let widest = labels.map(|label| text::width(label)).max().unwrap_or(0).min(VALUE);
    BAR + (widest as u16 + 3).max(text::width(BY_RANK) as u16 + 1)
}

/// The bar of all levels, the greatest values on top as on an axis: the greatest value, and the least in each level. Above it
/// stands the metric, and below it what the colours go by.
pub fn draw_bar(values: &LevelValues, metric: &str, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let room = area.width.saturating_sub(1) as usize;
    let name = without_middle(&text::clean(metric), room, theme.glyphs.ellipsis);
    buffer.set_string(area.x, area.y - 1, name, theme.heading);
    buffer.set_string(area.x, area.bottom(), text::cut(BY_RANK, room, theme.glyphs.ellipsis), theme.dim);
    let (levels, height) = (values.ends.len(), area.height as usize);
    let put = |buffer: &mut Buffer, row: usize, label: &str| {
        let words = without_middle(label, VALUE, theme.glyphs.ellipsis);
        buffer.set_string(area.x + BAR + 1, area.y + row as u16, words, theme.dim);
    };
    put(buffer, 0, &values.top);
    let mut labelled = 0;
    for (at, (level, label)) in values.ends.iter().enumerate() {
        let rows = at * height / levels..(at + 1) * height / levels;
        let symbol = match (has_colors(theme), theme.glyphs.is_ascii) {
            (true, false) => "█",
            (true, true) => "#",
            (false, _) => level_point(*level, theme),
        };
        for row in rows.clone() {
            let words = symbol.repeat(BAR as usize);
            buffer.set_string(area.x, area.y + row as u16, words, level_style(*level, theme));
        }
        if rows.end > labelled + 1 {
            labelled = rows.end - 1;
            put(buffer, labelled, label);
        }
    }
}

/// What is not on the plots, and how to see it.
pub fn not_shown(screen: &CompareScreen) -> Option<String> {
    let params = match screen.left_out {
        0 => None,
        1 => Some("1 param".to_owned()),
        count => Some(format!("{count} params")),
    };
    let metric = text::clean(screen.metric.as_deref().unwrap_or_default()).into_owned();
    let runs = match screen.drawn.iter().filter(|is_drawn| !**is_drawn).count() {
        0 => None,
        count => Some(format!("{} without {metric}", text::runs(count))),
    };
    let parts: Vec<String> = runs.into_iter().chain(params).collect();
    (!parts.is_empty()).then(|| format!("d also shows {}", parts.join(" and ")))
}
