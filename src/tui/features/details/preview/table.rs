//! Tables: what CSV, Parquet and logged tables hold, and how much of it stands side by side.

use super::CELLS;
use crate::learn::data::{ParquetHead, separator_of};
use crate::text;

/// Columns, rows and cells that are kept.
pub const COLUMNS: usize = 500;
const ROWS: usize = 50_000;
const ALL_CELLS: usize = 400_000;
/// Cells of the screen that a column takes at most, where others need the room.
const WIDEST: usize = 30;
/// A column that is cut by the border is shown if it has this much.
const NARROWEST: usize = 8;
const GAP: usize = 2;
/// Bytes that tell what parts cells.
const SAMPLE: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
    /// What the file has, which may be more than is kept.
    pub all_rows: usize,
    /// There are more rows in the file.
    pub is_part: bool,
    pub all_columns: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub title: String,
    /// Of the widest cell.
    pub width: usize,
    pub is_number: bool,
}

/// Rows of a table that is kept, with so many columns.
pub fn kept_rows(columns: usize) -> usize {
    ROWS.min(ALL_CELLS / columns.clamp(1, COLUMNS))
}

/// Whether a cell says that there is nothing in it.
pub fn is_gap(cell: &str) -> bool {
    matches!(cell, "" | "null" | "None" | "NA" | "<NA>")
}

fn is_number(cell: &str) -> bool {
    // Numbers of some languages have commas in them.
    cell.parse::<f64>().is_ok() || cell.replacen(',', ".", 1).parse::<f64>().is_ok()
}

impl Table {
    /// Cells as they are in the file; rows may be shorter or longer than others.
    pub fn new(titles: Vec<String>, rows: Vec<Vec<String>>, all_rows: usize, all_columns: usize) -> Self {
        let safe = |cell: String| text::cut(&text::clean(cell.trim()), CELLS, "…");
        let count = rows.iter().map(Vec::len).max().unwrap_or(0).max(titles.len()).min(COLUMNS);
        let rows: Vec<Vec<String>> =
            rows.into_iter().map(|row| row.into_iter().take(COLUMNS).map(safe).collect()).collect();
        let mut titles = titles.into_iter().map(safe);
        let column = |at: usize| {
            let title = titles.next().unwrap_or_default();
            let cells = || rows.iter().filter_map(|row| row.get(at)).map(String::as_str);
            let width = cells().map(text::width).max().unwrap_or(0).max(text::width(&title));
            let mut values = cells().filter(|cell| !is_gap(cell)).peekable();
            let is_number = values.peek().is_some() && values.all(is_number);
            Column { title, width, is_number }
        };
        let columns = (0..count).map(column).collect();
        Self { columns, rows, all_rows, all_columns: all_columns.max(count), is_part: false }
    }

    /// Text with a cell between two separators; none where there is no line at all.
    pub fn of_text(words: &str, separator: Option<u8>) -> Option<Self> {
        let separator =
            separator.unwrap_or_else(|| separator_of(&words.as_bytes()[..words.len().min(SAMPLE)]));
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            // One that is never closed would swallow the lines behind it.
            .quoting(memchr::memchr_iter(b'"', words.as_bytes()).count().is_multiple_of(2))
            .from_reader(words.as_bytes());
        let kept = |record: &csv::ByteRecord| -> Vec<String> {
            record.iter().take(COLUMNS).map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
        };
        let mut record = csv::ByteRecord::new();
        if !reader.read_byte_record(&mut record).ok()? {
            return None;
        }
        let titles = kept(&record);
        let (mut rows, mut all_rows, mut all_columns, mut cells) = (Vec::new(), 0, record.len(), 0);
        while reader.read_byte_record(&mut record).ok()? {
            all_rows += 1;
            all_columns = all_columns.max(record.len());
            if rows.len() < ROWS && cells < ALL_CELLS {
                cells += record.len().min(COLUMNS);
                rows.push(kept(&record));
            }
        }
        Some(Self::new(titles, rows, all_rows, all_columns))
    }

    pub fn of_parquet(head: ParquetHead) -> Self {
        let length = head.columns.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
        let mut rows = vec![Vec::with_capacity(head.columns.len()); length];
        let mut titles = Vec::with_capacity(head.columns.len());
        for (title, cells) in head.columns {
            titles.push(title);
            for (row, cell) in rows.iter_mut().zip(cells) {
                row.push(cell);
            }
        }
        Self::new(titles, rows, head.all_rows, head.all_columns)
    }

    /// Which columns stand in so much room from one on, and how wide each of them is.
    pub fn shown(&self, from: usize, room: usize) -> Vec<(usize, usize)> {
        let mut shown: Vec<(usize, usize)> = Vec::new();
        let mut free = room;
        for (at, column) in self.columns.iter().enumerate().skip(from) {
            let gap = if shown.is_empty() { 0 } else { GAP };
            let Some(left) = free.checked_sub(gap).filter(|left| *left > 0) else { break };
            let wide = column.width.clamp(1, WIDEST);
            // A number that is cut is another one.
            let is_cut = wide > left && (column.is_number || left < NARROWEST);
            if is_cut && !shown.is_empty() {
                break;
            }
            let wide = wide.min(left);
            shown.push((at, wide));
            free = left - wide;
        }
        // What is left over goes to columns that are cut.
        for (at, wide) in &mut shown {
            let more = self.columns[*at].width.saturating_sub(*wide).min(free);
            *wide += more;
            free -= more;
        }
        shown
    }

    /// The first column of those that end with the last one and stand in so much room.
    pub fn last_from(&self, room: usize) -> usize {
        let is_whole = |from: &usize| {
            let widths = self.columns[*from..].iter().map(|column| column.width.clamp(1, WIDEST) + GAP);
            widths.sum::<usize>() <= room + GAP
        };
        let last = self.columns.len().saturating_sub(1);
        (0..last).rev().take_while(is_whole).last().unwrap_or(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(words: &str) -> Table {
        Table::of_text(words, None).unwrap()
    }

    #[test]
    fn columns_of_numbers_are_those_that_hold_nothing_else() {
        let table = table("id,name,gap,mixed\n1,a,,1\n-2.5e3,b,NA,x\n");
        let numbers: Vec<bool> = table.columns.iter().map(|column| column.is_number).collect();
        assert_eq!(numbers, [true, false, false, false]);
        assert_eq!((table.all_rows, table.all_columns), (2, 4));
        assert!(self::table("a;b\n1,5;2,5\n").columns.iter().all(|column| column.is_number));
    }

    #[test]
    fn rows_of_any_length_and_cells_of_several_lines_are_kept() {
        let table = table("a,b\n1\n2,3,4\n\u{1b}[31mred,\"x\ny\"\n");
        assert_eq!(table.columns.len(), 3);
        assert_eq!(table.rows, [vec!["1"], vec!["2", "3", "4"], vec!["^[[31mred", "x y"]]);
        assert_eq!(self::table("a,b\n").rows, Vec::<Vec<String>>::new());
        assert_eq!(Table::of_text("\n\n", None), None);
    }

    #[test]
    fn of_millions_of_columns_and_rows_some_are_kept_and_all_are_counted() {
        let wide = table(&format!("{}\n", "x,".repeat(1_000_000)).repeat(2));
        assert_eq!((wide.columns.len(), wide.all_columns), (COLUMNS, 1_000_001));
        let long = table(&"1,2\n".repeat(100_001));
        assert_eq!((long.rows.len(), long.all_rows), (ROWS, 100_000));
    }

    #[test]
    fn columns_take_the_room_there_is() {
        let table = table(&format!("id,text,n\n1,{},12345678\n", "w".repeat(60)));
        assert_eq!(table.shown(0, 100), [(0, 2), (1, 60), (2, 8)]);
        assert_eq!(table.shown(0, 50), [(0, 2), (1, 36), (2, 8)]);
        assert_eq!(table.shown(0, 40), [(0, 2), (1, 36)], "a number is whole or not there");
        assert_eq!(table.shown(0, 10), [(0, 2)]);
        assert_eq!(table.shown(0, 14), [(0, 2), (1, 10)]);
        assert_eq!(table.shown(1, 20), [(1, 20)]);
        assert_eq!(table.shown(2, 3), [(2, 3)], "something is shown at least");
        assert_eq!((table.last_from(100), table.last_from(40), table.last_from(20)), (0, 1, 2));
        assert_eq!(table.shown(9, 10), []);
    }
}
