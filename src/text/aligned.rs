//! Tables of plain text.

use super::{fit, fit_right, fraction, width};

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

/// Fills numbers up so that, to the right in their column, their decimal points stand under one another. What is empty stays
/// so.
pub fn by_point(numbers: &mut [String]) {
    let cells = |number: &str| fraction(number.trim_start_matches('+'));
    let most = numbers.iter().map(|number| cells(number)).max().unwrap_or(0);
    let is_number = |number: &String| number.contains(|letter: char| letter.is_ascii_digit());
    for number in numbers.iter_mut().filter(|number| is_number(number)) {
        let missing = most - cells(number);
        number.extend(std::iter::repeat_n(' ', missing));
    }
    let widest = numbers.iter().map(|number| width(number)).max().unwrap_or(0);
    for number in numbers.iter_mut().filter(|number| !number.is_empty()) {
        *number = fit_right(number, widest, "");
    }
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

    #[test]
    fn decimal_points_stand_under_one_another() {
        let mut numbers = ["12", "0.125", "", "-3.5", "+1e-7", "NaN"].map(str::to_owned);
        by_point(&mut numbers);
        assert_eq!(numbers, ["12    ", " 0.125", "", "-3.5  ", "+1e-7 ", "   NaN"]);
    }
}
