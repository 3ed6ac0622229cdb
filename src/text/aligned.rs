//! Tables of plain text.

use super::{fit, fit_right, width};

/// Between two columns.
const GAP: &str = "  ";

/// The rows as lines, each column as wide as its widest cell and to the left or to the right, without spaces at the end. The
/// cells are clean; a title is a row as any other.
pub fn aligned(rows: &[Vec<String>], is_right: impl Fn(usize) -> bool) -> Vec<String> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
            if is_right(at) { fit_right(cell, *width, "") } else { fit(cell, *width, "") }
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows: Vec<Vec<String>> = [["name", "n", ""], ["日本", "10", "x"], ["a", "7", ""]]
            .map(|row| row.map(str::to_owned).to_vec())
            .to_vec();
        assert_eq!(aligned(&rows, |at| at == 1), ["name   n", "日本  10  x", "a      7"]);
        assert_eq!(aligned(&[vec!["a".into()], vec!["bb".into(), "c".into()]], |_| false), ["a", "bb  c"]);
        assert_eq!(aligned(&[], |_| true), [""; 0]);
    }
}
