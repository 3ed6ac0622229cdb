//! Where things are in the table of trials.

use ratatui::layout::{Margin, Rect};

use crate::tui::widgets::table::below_titles;

/// From this width on more about a trial stands beside the table.
const WIDE: u16 = 150;
/// Columns of that.
const BESIDE: u16 = 52;
/// From so many rows on there is room for it below.
const TALL: u16 = 14;

/// Where things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrialsAreas {
    /// How far the sweep is.
    pub head: Rect,
    pub table: Rect,
    /// More about the trial under the cursor.
    pub details: Rect,
}

pub fn areas(body: Rect) -> TrialsAreas {
    let inner = body.inner(Margin { horizontal: 2, vertical: 1 });
    let head = Rect { height: inner.height.min(if inner.height >= TALL { 2 } else { 1 }), ..inner };
    // A line between them, where there is room.
    let gap = u16::from(inner.height >= TALL);
    let top = (head.height + gap).min(inner.height);
    let rest = Rect { y: inner.y + top, height: inner.height - top, ..inner };
    if body.width >= WIDE {
        let table = Rect { width: rest.width - BESIDE - 3, ..rest };
        return TrialsAreas { head, table, details: Rect { x: table.right() + 3, width: BESIDE, ..rest } };
    }
    let below = match inner.height {
        ..TALL => 0,
        TALL..22 => 3,
        _ => (rest.height / 3).clamp(6, 13),
    };
    let table = Rect { height: rest.height - below, ..rest };
    let details = Rect { y: table.bottom() + gap, height: below.saturating_sub(gap), ..rest };
    TrialsAreas { head, table, details }
}

/// Rows of trials that there is room for.
pub fn rows(body: Rect) -> usize {
    below_titles(areas(body).table).height as usize
}
