//! Parallel coordinates: which axes there is room for, and the lines between them.

pub mod view;

use std::ops::Range;

use super::super::CompareScreen;
use super::levels;
use crate::chart::canvas::{Canvas, Dots, Ink};

/// Cells from an axis to the next, at least.
const LEAST: usize = 10;

/// The axes that are seen in so many cells: those around the chosen one; the metric always stays, at the right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenAxes {
    pub axes: Vec<usize>,
    pub more_left: bool,
    pub more_right: bool,
}

impl SeenAxes {
    pub fn new(count: usize, chosen: usize, columns: usize) -> Self {
        let room = (columns.saturating_sub(1) / LEAST + 1).max(2);
        if count <= room {
            return Self { axes: (0..count).collect(), more_left: false, more_right: false };
        }
        let params = count - 1;
        let shown = room - 1;
        let first = chosen.min(params - 1).saturating_sub(shown / 2).min(params - shown);
        let range: Range<usize> = first..first + shown;
        let (more_left, more_right) = (range.start > 0, range.end < params);
        Self { axes: range.chain([params]).collect(), more_left, more_right }
    }
}

/// Lines from axis to axis in so many cells; those that do not pass the brushes are behind.
pub fn parallel(
    screen: &CompareScreen,
    seen: &[usize],
    (columns, rows): (usize, usize),
    dots: Dots,
) -> Canvas {
    let mut canvas = Canvas::new(columns.max(1), rows.max(1), dots);
    let (width, height) = canvas.size();
    let levels = levels(screen);
    let passing = screen.passing();
    let count = seen.len();
    let x = |axis: usize| if count > 1 { axis as f64 * (width - 1) as f64 / (count - 1) as f64 } else { 0.0 };
    let y = |place: f64| (height - 1) as f64 * (1.0 - place);
    // The best on top, and what passes above what does not.
    let mut order: Vec<usize> = (0..screen.members()).filter(|member| screen.drawn[*member]).collect();
    order.sort_by_key(|member| (passing[*member], levels[*member]));
    for member in order {
        let ink = Ink { is_faint: !passing[member], ..Ink::of(levels[member]) };
        let mut last: Option<(f64, f64)> = None;
        for (at, axis) in seen.iter().enumerate() {
            let place = screen.axes[*axis].places[member].map(|place| (x(at), y(place)));
            if let (Some(from), Some(to)) = (last, place) {
                canvas.line(from, to, ink);
            }
            last = place;
        }
    }
    canvas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_axis_and_the_metric_are_always_seen() {
        for count in 2..30 {
            for chosen in 0..count {
                for columns in 1..120 {
                    let seen = SeenAxes::new(count, chosen, columns);
                    assert!(
                        seen.axes.contains(&chosen) && seen.axes.last() == Some(&(count - 1)),
                        "{seen:?}"
                    );
                    assert!(seen.axes.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
                    assert!(
                        seen.axes.len() == 2 || (seen.axes.len() - 1) * LEAST < columns,
                        "{columns} {seen:?}"
                    );
                }
            }
        }
    }
}
