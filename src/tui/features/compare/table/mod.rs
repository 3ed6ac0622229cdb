//! The table of a comparison, keys and members either way round: what is where, and what a click on it does.

mod cells;
pub mod view;

use ratatui::layout::Rect;

use super::CompareTab;
use super::update::open_chart;
use super::view::table_area;
use crate::catalog::Bound;
use crate::compare::{Entry, EntryKind};
use crate::text;
use crate::tui::core::app::{App, Screen};
use crate::tui::widgets::table::{Across, ColumnRequest, Hit, Rows, Table, VisibleColumn, below_titles};
use cells::MemberCells;

/// Columns of the kind, and of keys, least and most.
const KIND: usize = 10;
const KEY: (usize, usize) = (12, 34);
/// Columns of a value.
const VALUE: (usize, usize) = (9, 22);
/// Columns of a value on a narrow screen.
const NARROW: usize = 14;
/// Lines that are looked at to find out how wide a column has to be.
const SAMPLE: usize = 60;

impl MemberCells<'_> {
    /// The table in an area, as it is turned.
    pub fn table(&self, area: Rect) -> Table {
        if self.screen.is_turned { self.members_as_rows(area) } else { self.keys_as_rows(area) }
    }

    fn keys_as_rows(&self, area: Rect) -> Table {
        let screen = self.screen;
        let rows = Rows::new(below_titles(area), screen.key_cursor, screen.shown.len());
        let entries: Vec<(&Entry, Bound)> =
            rows.shown.clone().filter_map(|at| self.bound_entry(at)).collect();
        let longest = entries.iter().map(|(entry, _)| text::width(&title(entry))).max().unwrap_or(0);
        let across = Across {
            lead: 1 + if has_kind(area) { KIND + 1 } else { 0 },
            columns: 1 + screen.members(),
            chosen: 1 + screen.member_cursor.at,
        };
        Table::new(area, rows, across, |column| {
            let Some(member) = column.checked_sub(1) else { return names(longest, area.width) };
            let cells =
                entries.iter().take(SAMPLE).map(|(entry, bound)| self.said(entry, bound, member).width());
            let name = self.name_width(member) + 3;
            let width = cells.max().unwrap_or(0).max(name).clamp(VALUE.0, widest(area.width));
            ColumnRequest::right(width)
        })
    }

    fn members_as_rows(&self, area: Rect) -> Table {
        let screen = self.screen;
        let rows = Rows::new(below_titles(area), screen.member_cursor, screen.members());
        let shown = rows.shown.clone();
        let wide = shown.clone().map(|member| self.name_width(member) + 7);
        let longest = wide.max().unwrap_or(0);
        let across = Across { lead: 1, columns: 1 + screen.shown.len(), chosen: 1 + screen.key_cursor.at };
        Table::new(area, rows, across, |column| {
            let Some(key) = column.checked_sub(1) else { return names(longest, area.width) };
            let Some((entry, bound)) = self.bound_entry(key) else { return ColumnRequest::default() };
            let cells = shown.clone().take(SAMPLE).map(|member| self.said(entry, &bound, member).width());
            let title = text::width(&title(entry));
            let width = cells.max().unwrap_or(0).max(title).clamp(6, widest(area.width));
            ColumnRequest::right(width)
        })
    }
}

/// The first column, of names: a third of the screen at most.
fn names(longest: usize, width: u16) -> ColumnRequest {
    ColumnRequest::left(longest.clamp(KEY.0, KEY.1).min((width as usize / 3).max(4)))
}

fn widest(width: u16) -> usize {
    if width < 100 { NARROW } else { VALUE.1 }
}

/// Whether there is room to say what kind of key each is.
fn has_kind(area: Rect) -> bool {
    area.width >= 70
}

/// The place of the key or member that a column shows: all but the first one, of names.
fn shown_at(place: &VisibleColumn) -> Option<usize> {
    place.column.checked_sub(1)
}

fn title(entry: &Entry) -> String {
    match entry.kind {
        EntryKind::Attribute => entry.spec.name(),
        _ => text::clean(entry.spec.title()).into_owned(),
    }
}

/// A click on a cell moves the cursors there, and opens its chart where they were already; one on a title chooses the column.
pub fn click(app: &mut App, (x, y): (u16, u16)) {
    let (area, now) = (table_area(app.geometry().body), app.now);
    let Some(Screen::Compare(screen)) = app.screens.last_mut() else { return };
    if screen.tab != CompareTab::Table || screen.shown.is_empty() {
        return;
    }
    let cells = MemberCells::new(screen, &app.runs.badges, now);
    let Some(hit) = cells.and_then(|cells| cells.table(area).hit(x, y)) else {
        return;
    };
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
