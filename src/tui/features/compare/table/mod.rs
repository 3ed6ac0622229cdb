//! The table of a comparison, keys and members either way round: what is where, and what a click on it does.

mod cells;
pub mod view;

use std::rc::Rc;

use ratatui::layout::Rect;

use super::opening::open_chart;
use super::view::table_area;
use super::{CompareTab, labels};
use crate::catalog::Bound;
use crate::compare::{Entry, EntryKind};
use crate::text;
use crate::tui::core::app::{App, Screen};
use crate::tui::widgets::table::{Across, ColumnRequest, Hit, Rows, Table, VisibleColumn, below_titles};
use cells::{CellText, MemberCells};

/// Columns of the kind, and of names, at least.
const KIND: usize = 10;
const NAME: usize = 12;
/// The widest first column that is not cut.
const WHOLE_NAME: usize = 34;
/// Columns of a value, at least, and where there is no room for whole ones.
const VALUE: (usize, usize) = (9, 22);
/// Columns of a value on a narrow screen.
const NARROW: usize = 14;
/// Columns of a value and of a name where there are too many for whole ones.
const LEAST_OF_MANY: usize = 14;
const NAME_OF_MANY: usize = 16;
/// Members that are looked at to find out how wide columns have to be.
const MEASURED: usize = 12;
/// Columns of a value where keys are columns, at least.
const KEY_VALUE: usize = 6;
/// Lines that are looked at to find out how wide a column has to be.
const SAMPLE: usize = 60;
/// Keys beside the chosen one that may be on the screen, where keys are columns.
const BESIDE: usize = 64;
/// Cells between columns.
const GAP: usize = 2;

/// A table laid out, and the names in it, no two of them the same.
struct LaidTable {
    table: Table,
    /// Of all members.
    members: Rc<[String]>,
    /// Of keys, from one on.
    keys: Vec<String>,
    first_key: usize,
}

impl LaidTable {
    fn key(&self, at: usize) -> &str {
        at.checked_sub(self.first_key).and_then(|at| self.keys.get(at)).map_or("", String::as_str)
    }
}

impl MemberCells<'_> {
    /// The table in an area, as it is turned.
    fn laid(&self, area: Rect, ellipsis: &str) -> LaidTable {
        if self.screen.is_turned {
            self.members_as_rows(area, ellipsis)
        } else {
            self.keys_as_rows(area, ellipsis)
        }
    }

    fn keys_as_rows(&self, area: Rect, ellipsis: &str) -> LaidTable {
        let (screen, width) = (self.screen, area.width as usize);
        let rows = Rows::new(below_titles(area), screen.key_cursor, screen.shown.len());
        let first_key = rows.shown.start;
        let entries: Vec<(&Entry, Bound)> =
            rows.shown.clone().filter_map(|at| self.bound_entry(at)).collect();
        let longest = entries.iter().map(|(entry, _)| text::width(&labels::title(screen, entry))).max();
        let first = names_width(longest.unwrap_or(0), width);
        let keys = labels::keys(screen, rows.shown.clone(), first, ellipsis);
        let lead = 1 + if has_kind(area) { KIND + 1 } else { 0 };
        let across = Across { lead, columns: 1 + screen.members(), chosen: 1 + screen.member_cursor.at };
        let values = |member: usize| {
            let said = entries.iter().take(SAMPLE).map(|(entry, bound)| self.said(entry, bound, member));
            width_of(said).max(VALUE.0)
        };
        let room = width.saturating_sub(lead + first + GAP + 1);
        let whole = |member: usize| values(member).max(self.title_width(member));
        // Numbers say how wide many columns are, not ids, moments and paths.
        let is_logged =
            |entry: &Entry| matches!(entry.kind, EntryKind::Metric | EntryKind::System | EntryKind::Param);
        let usual = |member: usize| {
            let logged = entries.iter().take(SAMPLE).filter(|(entry, _)| is_logged(entry));
            let said = logged.map(|(entry, bound)| self.said(entry, bound, member));
            let said = width_of(said.filter(|said| said.width() <= VALUE.1));
            said.max(self.title_width(member).min(NAME_OF_MANY))
        };
        let usual = (0..screen.members().min(MEASURED)).map(usual).max().unwrap_or(0);
        let of_many = usual.clamp(LEAST_OF_MANY, VALUE.1).min(widest_of_many(width));
        let most = widest(screen.members(), room, VALUE.0, of_many, whole);
        // Signs stand beside the name, whatever it takes; aliases where there is room.
        let signs = (0..screen.members()).map(|member| self.signs_width(member)).max().unwrap_or(0);
        let members = screen.labels.cut(most.saturating_sub(signs).max(VALUE.0 - 1), ellipsis);
        let table = Table::new(area, rows, across, |column| {
            let Some(member) = column.checked_sub(1) else { return ColumnRequest::left(first) };
            let title = text::width(&members[member]) + self.signs_width(member);
            let aliases = self.badges_width(member).min(most.saturating_sub(title));
            ColumnRequest::right(values(member).min(most).max(title + aliases))
        });
        LaidTable { table, members, keys, first_key }
    }

    fn members_as_rows(&self, area: Rect, ellipsis: &str) -> LaidTable {
        let (screen, width) = (self.screen, area.width as usize);
        let rows = Rows::new(below_titles(area), screen.member_cursor, screen.members());
        let shown = rows.shown.clone();
        let longest = shown.clone().map(|member| self.title_width(member)).max();
        let first = names_width(longest.unwrap_or(0), width);
        let signs = shown.clone().map(|member| self.signs_width(member)).max().unwrap_or(0);
        let members = screen.labels.cut(first.saturating_sub(signs).max(4), ellipsis);
        let chosen = screen.key_cursor.at;
        let across = Across { lead: 1, columns: 1 + screen.shown.len(), chosen: 1 + chosen };
        let values = |key: usize| {
            let Some((entry, bound)) = self.bound_entry(key) else { return 0 };
            let said = shown.clone().take(SAMPLE).map(|member| self.said(entry, &bound, member));
            width_of(said).max(KEY_VALUE)
        };
        let title =
            |key: usize| screen.entry(key).map_or(0, |entry| text::width(&labels::title(screen, entry)));
        let room = width.saturating_sub(1 + first + GAP + 1);
        let whole = |key: usize| values(key).max(title(key));
        let most = widest(screen.shown.len(), room, KEY_VALUE, widest_of_many(width), whole);
        let first_key = chosen.saturating_sub(BESIDE);
        let seen = first_key..(chosen + BESIDE).min(screen.shown.len());
        let keys = labels::keys(screen, seen, most, ellipsis);
        let table = Table::new(area, rows, across, |column| {
            let Some(key) = column.checked_sub(1) else { return ColumnRequest::left(first) };
            let name = key.checked_sub(first_key).and_then(|at| keys.get(at));
            let title = name.map_or(0, |name| text::width(name));
            ColumnRequest::right(values(key).min(most).max(title).max(KEY_VALUE))
        });
        LaidTable { table, members, keys, first_key }
    }
}

/// The cells that a column of values takes whose decimal points stand under one another.
fn width_of(said: impl Iterator<Item = CellText>) -> usize {
    let (mut widest, mut whole, mut tail) = (0, 0, 0);
    for cell in said {
        let width = cell.width();
        widest = widest.max(width);
        if let Some(own) = cell.tail {
            whole = whole.max(width - own.min(width));
            tail = tail.max(own);
        }
    }
    widest.max(whole + tail)
}

/// The first column, of names: whole up to a third of the screen.
fn names_width(longest: usize, width: usize) -> usize {
    longest.clamp(NAME, WHOLE_NAME.max(width / 3)).min((width / 3).max(4))
}

/// The widest that a column may be where not all are seen at once.
fn widest_of_many(width: usize) -> usize {
    if width < 100 { NARROW } else { VALUE.1 }
}

/// The widest that a column may be: as wide as it wants where all have room, else so wide that all are seen at once, but
/// no less than `otherwise`, which is for columns too many for that. None is less than `least` wide.
fn widest(
    columns: usize,
    room: usize,
    least: usize,
    otherwise: usize,
    whole: impl Fn(usize) -> usize,
) -> usize {
    if columns == 0 || columns * (least + GAP) > room + GAP {
        return otherwise;
    }
    let mut wanted: Vec<usize> = (0..columns).map(whole).collect();
    wanted.sort_unstable();
    let mut left = (room + GAP).saturating_sub(columns * GAP);
    // What the narrow ones leave, the wide ones share.
    for (at, width) in wanted.iter().enumerate() {
        let share = left / (columns - at);
        if *width > share {
            return share.max(otherwise);
        }
        left -= width;
    }
    usize::MAX
}

/// Whether there is room to say what kind of key each is.
fn has_kind(area: Rect) -> bool {
    area.width >= 70
}

/// The place of the key or member that a column shows: all but the first one, of names.
fn shown_at(place: &VisibleColumn) -> Option<usize> {
    place.column.checked_sub(1)
}

/// A click on a cell moves the cursors there, and opens its chart where they were already; one on a title chooses the column.
pub fn click(app: &mut App, (x, y): (u16, u16)) {
    let area = table_area(app.geometry().body);
    let Some(Screen::Compare(screen)) = app.screens.last() else { return };
    if screen.tab != CompareTab::Table || screen.shown.is_empty() {
        return;
    }
    // The width of the sign for what is cut is the same in all sets of glyphs.
    let hit = MemberCells::new(app, screen).and_then(|cells| cells.laid(area, "~").table.hit(x, y));
    let Some(hit) = hit else { return };
    let Some(Screen::Compare(screen)) = app.screens.last_mut() else { return };
    let (row, column) = match hit {
        Hit::Title(column) => (None, Some(column)),
        Hit::Row(row, column) => (Some(row), column),
    };
    // The first column is of names.
    let column = column.and_then(|column| column.checked_sub(1));
    let (key, member) = if screen.is_turned { (column, row) } else { (row, column) };
    let before = (screen.key_cursor.at, screen.member_cursor.at);
    screen.key_cursor.at = key.unwrap_or(before.0);
    screen.member_cursor.at = member.unwrap_or(before.1);
    if row.is_some() && (screen.key_cursor.at, screen.member_cursor.at) == before {
        open_chart(app);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_there_is_room() {
        let widest = |wanted: &[usize], room: usize| widest(wanted.len(), room, 9, 14, |at| wanted[at]);
        assert_eq!(widest(&[20, 30, 40], 94), usize::MAX, "all have room");
        assert_eq!(widest(&[20, 30, 40], 84), 30, "the widest gives way");
        assert_eq!(widest(&[9, 60, 60], 84), 35, "what one leaves the others share");
        assert_eq!(widest(&[60; 4], 60), 14, "all would be too narrow");
        assert_eq!(widest(&[20; 9], 60), 14, "they are never seen at once");
    }
}
