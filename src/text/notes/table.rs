//! Tables in notes: columns as wide as they need, and cells that have no room wrapped.

use pulldown_cmark::Alignment;

use super::{Words, wrapped};
use crate::text::highlight::Kind;
use crate::text::width;

/// Between two columns.
const GAP: usize = 2;

#[derive(Default)]
pub struct Table {
    pub alignments: Vec<Alignment>,
    /// The first one has the titles.
    pub rows: Vec<Vec<Vec<Words>>>,
}

fn cells(words: &[Words]) -> usize {
    words.iter().map(|(words, _)| width(words)).sum()
}

/// The most cells that a column may have so that all have room, at least one.
fn most(widths: &[usize], room: usize) -> usize {
    let mut ascending = widths.to_vec();
    ascending.sort_unstable();
    let mut left = room;
    for (at, width) in ascending.iter().enumerate() {
        let share = left / (ascending.len() - at);
        if *width > share {
            return share.max(1);
        }
        left -= width;
    }
    usize::MAX
}

impl Table {
    /// Cells of the columns. The widest ones give way.
    fn widths(&self, room: usize) -> Vec<usize> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |at: usize| self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cells(cell)).max();
        let mut widths: Vec<usize> = (0..count).map(|at| widest(at).unwrap_or(0)).collect();
        let room = room.saturating_sub(GAP * count.saturating_sub(1));
        let most = most(&widths, room);
        let mut left = room.saturating_sub(widths.iter().map(|width| (*width).min(most)).sum());
        for width in widths.iter_mut().filter(|width| **width > most) {
            *width = most + usize::from(left > 0);
            left = left.saturating_sub(1);
        }
        widths
    }

    /// The table as lines of so many cells.
    pub fn lines(&self, room: usize) -> Vec<Vec<Words>> {
        let widths = self.widths(room);
        let mut lines = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let columns: Vec<Vec<Vec<Words>>> =
                row.iter().zip(&widths).map(|(cell, room)| wrapped(cell, (*room).max(1))).collect();
            let height = columns.iter().map(Vec::len).max().unwrap_or(1);
            lines.extend((0..height).map(|line| self.line(&columns, line, &widths)));
            if at == 0 {
                let rules = widths.iter().map(|cells| "-".repeat(*cells)).collect::<Vec<_>>();
                lines.push(vec![(rules.join(&" ".repeat(GAP)), Kind::Comment)]);
            }
        }
        lines
    }

    /// One of the lines of a row.
    fn line(&self, columns: &[Vec<Vec<Words>>], line: usize, widths: &[usize]) -> Vec<Words> {
        let mut words: Vec<Words> = Vec::new();
        for (column, room) in widths.iter().enumerate() {
            if column > 0 {
                words.push((" ".repeat(GAP), Kind::Plain));
            }
            // A wide character may have no room at all.
            let is_fit = |piece: &&Vec<Words>| cells(piece) <= *room;
            let piece = columns
                .get(column)
                .and_then(|cell| cell.get(line))
                .filter(is_fit)
                .map_or(&[][..], Vec::as_slice);
            let free = room.saturating_sub(cells(piece));
            let left = match self.alignments.get(column) {
                Some(Alignment::Right) => free,
                Some(Alignment::Center) => free / 2,
                Some(Alignment::None | Alignment::Left) | None => 0,
            };
            words.push((" ".repeat(left), Kind::Plain));
            words.extend(piece.iter().cloned());
            words.push((" ".repeat(free - left), Kind::Plain));
        }
        words
    }
}
