//! The labels of lines: at their ends, pushed apart so that none covers another, and along them.

use std::cmp::Ordering;

use super::canvas::Ink;
use super::picture::PlotCell;
use super::trace::LineLabel;

/// Cells from one letter along a line to the next.
const STRIDE: usize = 24;
/// Cells beside each other in which the labels of ends would touch.
const NEAR: usize = 3;
/// Cells of a plot for each cell of a letter along a line and the one behind it: on a low plot there are fewer letters, or
/// they would hide the lines.
const SPARSE: usize = 8;

/// From so many labels on each is joined with the end of its line, from which others may have pushed it.
const JOINED: usize = 4;

/// A label on a plot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSign {
    /// Its first cell, which may lie to the right of the plot.
    pub place: PlotCell,
    pub text: String,
    pub ink: Ink,
}

/// Whether so many labels are joined with the ends of their lines.
pub fn is_joined(labels: usize) -> bool {
    labels >= JOINED
}

/// Where the labels of ends stand: each beside the end of its line, or as near to it as others let it. `width` is that of
/// everything that labels can stand in; with each line comes where in its row it ends. Labels that find no room are left out, those of lines behind first.
pub fn ends(
    lines: &[(PlotCell, f64, LineLabel, Ink)],
    width: usize,
    rows: usize,
    is_joined: bool,
) -> Vec<LineSign> {
    let joint = usize::from(is_joined);
    let mut order: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].2.width() > 0).collect();
    order.sort_by_key(|at| (lines[*at].0.column, lines[*at].0.row, *at));
    let mut signs = Vec::new();
    let mut group: Vec<usize> = Vec::new();
    let mut flush = |group: &mut Vec<usize>| {
        // The one that is on top was drawn last.
        while group.len() > rows {
            let behind = (0..group.len()).min_by_key(|at| (!lines[group[*at]].3.is_faint, group[*at]));
            group.remove(behind.unwrap_or(0));
        }
        // Of lines that end in one row the upper one has the upper label.
        group.sort_by(|a, b| {
            let height = |at: &usize| (lines[*at].0.row, lines[*at].1);
            let ((a_row, a_height), (b_row, b_height)) = (height(a), height(b));
            a_row.cmp(&b_row).then(a_height.total_cmp(&b_height)).then(a.cmp(b))
        });
        let wanted: Vec<usize> = group.iter().map(|at| lines[*at].0.row).collect();
        for (at, row) in group.drain(..).zip(apart(&wanted, rows)) {
            let (end, _, label, ink) = lines[at];
            let column = (end.column + 1).min(width.saturating_sub(label.width() + joint));
            let to_end = match row.cmp(&end.row) {
                Ordering::Less => "╱",
                Ordering::Equal => "─",
                Ordering::Greater => "╲",
            };
            let text = if is_joined { format!("{to_end}{}", label.text()) } else { label.text() };
            signs.push(LineSign { place: PlotCell { column, row }, text, ink });
        }
    };
    for at in order {
        let near = |last: &usize| NEAR.max(lines[*last].2.width() + 1) + joint;
        if group.last().is_some_and(|last| lines[*last].0.column + near(last) < lines[at].0.column) {
            flush(&mut group);
        }
        group.push(at);
    }
    flush(&mut group);
    signs
}

/// Rows for labels that want to stand in these, which ascend: one each, in the same order, none further away than others
/// force it to. There are no more of them than rows.
fn apart(wanted: &[usize], rows: usize) -> Vec<usize> {
    // Labels that push each other stand in a block, in the middle of where they want to be.
    let mut blocks: Vec<(usize, Vec<usize>)> = Vec::new();
    let start = |members: &[usize]| {
        let sum: i64 = members.iter().zip(0..).map(|(row, at)| *row as i64 - at).sum();
        let middle = (sum as f64 / members.len() as f64).round().max(0.0) as usize;
        middle.min(rows.saturating_sub(members.len()))
    };
    for row in wanted {
        let mut block = (*row, vec![*row]);
        block.0 = start(&block.1);
        while let Some((before, members)) = blocks.last_mut() {
            if *before + members.len() <= block.0 {
                break;
            }
            let mut merged = std::mem::take(members);
            merged.append(&mut block.1);
            block = (start(&merged), merged);
            blocks.pop();
        }
        blocks.push(block);
    }
    blocks.iter().flat_map(|(start, members)| (0..members.len()).map(move |at| start + at)).collect()
}

/// A line, for the labels along it: the places that it passes from left to right, in cells (not rounded).
pub struct PassingLine {
    pub places: Vec<(f64, f64)>,
    pub label: LineLabel,
    pub ink: Ink,
}

/// Where labels stand along lines, apart from each other and from those at the ends; those of different lines stand in
/// different columns as far as that goes.
pub fn along(lines: &[PassingLine], ends: &[LineSign], columns: usize, rows: usize) -> Vec<LineSign> {
    let wide = |line: &PassingLine| line.label.width() + usize::from(line.label.width() > 0);
    let letters: usize = lines.iter().map(wide).sum();
    let stride = STRIDE.min((columns / 2).max(8)).max(letters * SPARSE / rows.max(1));
    let mut signs: Vec<LineSign> = Vec::new();
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.label.width() > 0) {
        let PassingLine { places, label, ink } = line;
        let first = 3 + number * stride / lines.len().max(1);
        for column in (first..columns.saturating_sub(2)).step_by(stride) {
            let at = column as f64 + 0.5;
            let next = places.partition_point(|place| place.0 < at);
            let Some((from, to)) = next.checked_sub(1).map(|last| places[last]).zip(places.get(next)) else {
                continue;
            };
            let share = if to.0 > from.0 { (at - from.0) / (to.0 - from.0) } else { 0.0 };
            let row = (from.1 + (to.1 - from.1) * share).floor();
            let place = PlotCell { column, row: row.max(0.0) as usize };
            // A cell is left between labels, or two would be read as one.
            let is_free = signs.iter().chain(ends).all(|sign| {
                sign.place.row != place.row
                    || sign.place.column + sign.text.chars().count() < column
                    || column + label.width() < sign.place.column
            });
            if row >= 0.0 && place.row < rows && is_free {
                signs.push(LineSign { place, text: label.text(), ink: *ink });
            }
        }
    }
    signs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_are_pushed_apart_and_stay_in_their_order() {
        assert_eq!(apart(&[5, 5, 5], 10), [4, 5, 6]);
        assert_eq!(apart(&[0, 0, 1], 10), [0, 1, 2]);
        assert_eq!(apart(&[9, 9], 10), [8, 9]);
        assert_eq!(apart(&[2, 7], 10), [2, 7]);
        assert_eq!(apart(&[1, 1, 2, 2, 3], 5), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn of_lines_that_end_in_one_row_the_upper_one_has_the_upper_label() {
        let line = |letter: char, height: f64, column: usize| {
            let cell = PlotCell { column, row: height.floor() as usize };
            (cell, height, LineLabel::letter(letter), Ink::of(1))
        };
        let signs = ends(&[line('a', 5.9, 10), line('b', 5.1, 10), line('c', 5.5, 11)], 20, 12, false);
        let told: Vec<(&str, usize)> =
            signs.iter().map(|sign| (sign.text.as_str(), sign.place.row)).collect();
        assert_eq!(told, [("b", 4), ("c", 5), ("a", 6)]);
        let signs = ends(&[line('a', 5.9, 10), line('b', 5.1, 10), line('c', 5.5, 11)], 20, 12, true);
        let told: Vec<&str> = signs.iter().map(|sign| sign.text.as_str()).collect();
        assert_eq!(told, ["╱b", "─c", "╲a"], "each points to where its line ends");
    }

    #[test]
    fn a_low_plot_has_fewer_letters_along_its_lines() {
        let lines: Vec<PassingLine> = (0..10)
            .map(|at| PassingLine {
                places: vec![(0.0, 0.5), (40.0, 0.5 + f64::from(at % 3))],
                label: LineLabel::of(['a', 'v']),
                ink: Ink::of(at as u8),
            })
            .collect();
        let signs = |rows: usize| along(&lines, &[], 40, rows).len();
        assert!(signs(3) < 6, "{}", signs(3));
        let few = along(&lines[..2], &[], 40, 12);
        assert_eq!(few.len(), 4, "where there is room, each line has its letter twice: {few:?}");
    }

    proptest! {
        #[test]
        fn no_label_covers_another(
            mut wanted in prop::collection::vec(0_usize..20, 0..20),
        ) {
            wanted.sort_unstable();
            let found = apart(&wanted, 20);
            prop_assert_eq!(found.len(), wanted.len());
            prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{:?} {:?}", wanted, found);
            prop_assert!(found.iter().all(|row| *row < 20));
        }

        #[test]
        fn ends_of_lines_are_labelled_apart(
            places in prop::collection::vec((0_usize..40, 0_usize..12), 0..30),
        ) {
            let lines: Vec<_> = places.iter().enumerate().map(|(at, (column, row))| {
                let label = LineLabel::of(['a'].into_iter().chain((at % 2 == 0).then_some('t')));
                (PlotCell { column: *column, row: *row }, *row as f64, label, Ink::of(at as u8))
            }).collect();
            let wide = |sign: &LineSign| sign.text.chars().count();
            for is_joined in [false, true] {
                let signs = ends(&lines, 42, 12, is_joined);
                for (at, sign) in signs.iter().enumerate() {
                    prop_assert!(sign.place.row < 12 && sign.place.column + wide(sign) <= 42);
                    for other in &signs[at + 1..] {
                        let apart = sign.place.row != other.place.row
                            || sign.place.column + wide(sign) <= other.place.column
                            || other.place.column + wide(other) <= sign.place.column;
                        prop_assert!(apart, "{sign:?} {other:?}");
                    }
                }
            }
        }
    }
}
