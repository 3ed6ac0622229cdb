use std::cell::Cell;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Style};
use ratatui::text::Line;

use super::columns::LEAST;
use super::*;
use crate::config::{Glyphs, Palette};
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::theme::{Abilities, Theme};

const ABILITIES: Abilities = Abilities { truecolor: false, indexed: true, light: None };

fn wanted(column: usize) -> Column {
    Column {
        width: [9, 4, 14, 6][column % 4],
        right: column % 3 == 1,
        picture: if column % 5 == 2 { 7 } else { 0 },
    }
}

fn table(area: Rect, rows: (usize, usize), across: Across, column: impl Fn(usize) -> Column) -> Table {
    let below = below_titles(area);
    let mut cursor = Cursor { at: rows.1, top: 0 };
    cursor.show(rows.0, below.height as usize);
    Table::new(area, Rows::new(below, cursor, rows.0), across, column)
}

/// A column's letter, small in rows and large in titles; the row is told by the colour.
fn cell(place: &Place, row: Option<usize>) -> Line<'static> {
    let letter = char::from(if row.is_some() { b'a' } else { b'A' } + place.column as u8);
    let letter = if place.is_picture { '~' } else { letter };
    let words = String::from(letter).repeat(place.width);
    Line::styled(words, Style::new().fg(Color::Indexed(row.unwrap_or_default() as u8)))
}

/// The table, drawn on a screen with a margin.
fn drawn(table: &Table, screen: (u16, u16)) -> Buffer {
    let theme = Theme::new(true, Palette::Sixteen, ABILITIES, Glyphs::Unicode);
    let mut terminal = Terminal::new(TestBackend::new(screen.0, screen.1)).unwrap();
    let titles = table.columns.places.iter().map(|place| cell(place, None)).collect();
    let row = |at| Row {
        lead: Line::raw("........"),
        cells: table.columns.places.iter().map(|place| cell(place, Some(at))).collect(),
    };
    terminal.draw(|frame| table.draw(frame, &theme, titles, Style::new().bg(Color::Red), row)).unwrap();
    terminal.backend().buffer().clone()
}

/// Layouts of all kinds, on narrow and wide areas.
fn each_across(mut check: impl FnMut(u16, Across)) {
    for width in 0..=60 {
        for lead in [0, 1, 3, 20] {
            for columns in [0, 1, 2, 9, 25] {
                for chosen in [0, 1, columns / 2, columns, 99] {
                    check(width, Across { lead, columns, chosen });
                }
            }
        }
    }
}

#[test]
fn columns_stay_apart_in_their_order_and_in_the_area() {
    each_across(|width, across| {
        let laid = Columns::new(width as usize, across, wanted);
        let mut end = 0;
        for place in &laid.places {
            assert!(place.width > 0 && place.x >= end && place.x >= across.lead, "{width} {across:?}");
            assert!(place.width <= if place.is_picture { 7 } else { wanted(place.column).width });
            end = place.x + place.width;
        }
        assert!(end <= width as usize, "{width} {across:?}: {laid:?}");
        let mut behind = laid.places.iter().filter(|place| place.column > 0);
        let (first, last) = (behind.clone().next(), behind.next_back());
        if let (Some(first), Some(last)) = (first, last) {
            assert_eq!(laid.more_left, first.column > 1, "{width} {across:?}");
            assert_eq!(laid.more_right, last.column + 1 < across.columns, "{width} {across:?}");
        } else {
            assert_eq!(laid.more_left || laid.more_right, across.columns > 1, "{width} {across:?}");
        }
    });
}

/// Two columns ask for a picture, and one has it.
#[test]
fn columns_that_fit_are_not_scrolled_away() {
    let across = Across { lead: 0, columns: 3, chosen: 2 };
    let laid = Columns::new(9 + 2 + 5 + 2 + 7 + 2 + 5, across, |column| Column {
        width: if column == 0 { 9 } else { 5 },
        picture: if column == 0 { 0 } else { 7 },
        right: false,
    });
    assert!(!laid.more_left && !laid.more_right, "{laid:?}");
}

#[test]
fn the_chosen_column_is_seen_where_there_is_any_room() {
    each_across(|width, across| {
        let chosen = across.chosen.min(across.columns.saturating_sub(1));
        let laid = Columns::new(width as usize, across, wanted);
        let room = (width as usize).saturating_sub(across.lead + 9 + 2);
        if across.columns > 1 && room > LEAST {
            assert!(laid.width(chosen).is_some(), "{width} {across:?}: {laid:?}");
        }
    });
}

#[test]
fn a_click_finds_what_is_drawn_there() {
    let screen = (64, 12);
    each_across(|width, across| {
        if width > 12 && width % 7 != 0 {
            return;
        }
        let area = Rect::new(2, 1, width, 9);
        let table = table(area, (30, 17), across, wanted);
        let buffer = drawn(&table, screen);
        for (x, y) in (0..screen.1).flat_map(|y| (0..screen.0).map(move |x| (x, y))) {
            let drawn = &buffer[(x, y)];
            let letter = drawn.symbol().as_bytes()[0];
            let Color::Indexed(row) = drawn.fg else {
                // Beside a row, between its cells and on its signs there is no column.
                assert!(!matches!(table.hit(x, y), Some(Hit::Row(_, Some(_)))), "{width} {across:?} {x} {y}");
                continue;
            };
            let row = row as usize;
            let found = table.hit(x, y);
            match letter {
                b'A'..=b'Z' => assert_eq!(found, Some(Hit::Title((letter - b'A') as usize))),
                b'a'..=b'z' => assert_eq!(found, Some(Hit::Row(row, Some((letter - b'a') as usize)))),
                _ if y == area.y => assert_eq!(found, None, "{width} {across:?} {x}"),
                _ => assert_eq!(found, Some(Hit::Row(row, None)), "{width} {across:?} {x} {y}"),
            }
            assert_eq!(drawn.bg == Color::Red, y > area.y && row == 17, "{width} {across:?} {x} {y}");
        }
    });
}

#[test]
fn signs_tell_of_columns_on_either_side() {
    let line = |chosen: usize| {
        let across = Across { lead: 1, columns: 6, chosen };
        let table = table(Rect::new(0, 0, 26, 3), (1, 0), across, |_| Column::left(5));
        let buffer = drawn(&table, (26, 1));
        (0..26).map(|x| buffer[(x, 0)].symbol().to_owned()).collect::<String>()
    };
    assert_eq!(line(0), " AAAAA  BBBBB  CCCCC     ›");
    assert_eq!(line(3), " AAAAA‹ CCCCC  DDDDD     ›");
    assert_eq!(line(5), " AAAAA‹ EEEEE  FFFFF      ");
}

#[test]
fn a_first_column_wider_than_the_room_leaves_a_cell_for_the_sign() {
    for width in 0..=12 {
        let across = Across { lead: 2, columns: 3, chosen: 1 };
        let table = table(Rect::new(0, 0, width, 3), (2, 0), across, |_| Column::left(40));
        let first = (width as usize).saturating_sub(3);
        assert_eq!(table.columns.width(0), (first > 0).then_some(first), "{width}");
        assert!(table.columns.width(1).is_none() && table.columns.more_right);
        let buffer = drawn(&table, (20, 4));
        assert_eq!(width > 0, (0..20).any(|x| buffer[(x, 0)].symbol() == "›"), "{width}");
    }
}

#[test]
fn what_is_too_long_loses_its_end_and_does_not_reach_the_next_column() {
    let across = Across { lead: 1, columns: 2, chosen: 0 };
    let table = table(Rect::new(0, 0, 16, 2), (1, 0), across, |_| Column::right(5));
    let theme = Theme::new(true, Palette::Sixteen, ABILITIES, Glyphs::Unicode);
    let mut terminal = Terminal::new(TestBackend::new(16, 2)).unwrap();
    let titles = vec![Line::raw("x"), Line::raw("123456789")];
    let row = |_| Row { lead: Line::raw("#####"), cells: vec![Line::raw("123456789"), Line::raw("1")] };
    terminal.draw(|frame| table.draw(frame, &theme, titles, Style::new(), row)).unwrap();
    terminal.backend().assert_buffer_lines(["     x  12345   ", "#12345      1   "]);
}

#[test]
fn rows_are_those_around_the_cursor() {
    let across = Across { lead: 0, columns: 3, chosen: 0 };
    for height in 0..6 {
        let rows = height as usize - usize::from(height > 0);
        for (length, at) in [(0, 0), (2, 1), (40, 0), (40, 20), (40, 39)] {
            let table = table(Rect::new(0, 0, 20, height), (length, at), across, wanted);
            let shown = &table.rows.shown;
            assert_eq!(shown.len(), rows.min(length), "{height} {length} {at}");
            assert!(
                shown.end <= length && (shown.is_empty() || shown.contains(&at)),
                "{height} {length} {at}"
            );
            assert_eq!(table.rows.height(), rows);
            assert_eq!(table.hit(0, height), None);
            drawn(&table, (20, 6));
        }
    }
}

#[test]
fn a_million_rows_and_columns_cost_what_is_seen() {
    let asked = Cell::new(0);
    let across = Across { lead: 0, columns: 1_000_000, chosen: 500_000 };
    let table = table(Rect::new(0, 0, 80, 24), (1_000_000, 500_000), across, |_| {
        asked.set(asked.get() + 1);
        Column::left(8)
    });
    assert!(asked.get() <= 10, "{} columns were asked", asked.get());
    let theme = Theme::new(true, Palette::Sixteen, ABILITIES, Glyphs::Unicode);
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let mut rows = 0;
    let row = |_| {
        rows += 1;
        Row::default()
    };
    terminal.draw(|frame| table.draw(frame, &theme, Vec::new(), Style::new(), row)).unwrap();
    assert_eq!(rows, 23);
    assert!(table.rows.shown.contains(&500_000) && table.columns.width(500_000) == Some(8));
}
