//! A scatter plot: where points and marks are in so many cells.

pub mod view;

use crate::compare::axes::Axis;

/// Where the places of an axis are in a number of cells. Texts keep away from the ends, so that each has as much room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    cells: usize,
    margin: usize,
}

impl Scale {
    pub fn new(axis: &Axis, cells: usize) -> Self {
        let texts = axis.texts().map_or(0, <[String]>::len);
        let margin = if texts > 1 { cells.saturating_sub(1) / texts / 2 } else { 0 };
        Self { cells, margin }
    }

    /// The cell of a place, from the lower end.
    pub fn cell(self, place: f64) -> usize {
        let span = self.cells.saturating_sub(1 + 2 * self.margin);
        self.margin + (place * span as f64).round() as usize
    }
}

/// The cell of each drawn member, none where it has no place on both axes. With the cells of a sign, those stay apart: one
/// whose cells are taken moves aside, if there is room at once.
pub fn scatter(
    (x, y): (&Axis, &Axis),
    (columns, rows): (usize, usize),
    apart: Option<usize>,
) -> Vec<Option<(usize, usize)>> {
    let (across, upwards) = (Scale::new(x, columns), Scale::new(y, rows));
    let mut taken = rustc_hash::FxHashSet::default();
    let places = x.places.iter().zip(&y.places);
    let cells = places.map(|(x, y)| {
        let (column, row) = (across.cell((*x)?), rows.saturating_sub(1) - upwards.cell((*y)?));
        let Some(sign) = apart else { return Some((column, row)) };
        let column = column.min(columns.saturating_sub(sign));
        let right = (column + 2 * sign <= columns).then_some(column + sign);
        let beside = [Some(column), right, column.checked_sub(sign)];
        let is_free = |column: &usize| (*column..column + sign).all(|cell| !taken.contains(&(cell, row)));
        let column = beside.into_iter().flatten().find(is_free).unwrap_or(column);
        taken.extend((column..column + sign).map(|cell| (cell, row)));
        Some((column, row))
    });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ColumnSpec;
    use crate::chart::axis::Unit;
    use crate::compare::axes::AxisKind;

    fn axis(kind: AxisKind, places: Vec<Option<f64>>) -> Axis {
        let spec = ColumnSpec::Param("p".into());
        let (labels, values) = (vec![String::new(); places.len()], Vec::new());
        Axis { spec, unit: Unit::Number, kind, places, labels, values }
    }

    #[test]
    fn texts_stand_in_the_middle_of_equal_rooms() {
        let texts = ["a", "b", "c"].map(str::to_owned).to_vec();
        let scale = Scale::new(&axis(AxisKind::Texts(texts), Vec::new()), 60);
        assert_eq!([0.0, 0.5, 1.0].map(|place| scale.cell(place)), [9, 30, 50]);
        let scale = Scale::new(&axis(AxisKind::Linear { low: 0.0, high: 1.0 }, Vec::new()), 60);
        assert_eq!([0.0, 1.0].map(|place| scale.cell(place)), [0, 59]);
    }

    #[test]
    fn letters_that_meet_stand_side_by_side() {
        let kind = || AxisKind::Linear { low: 0.0, high: 1.0 };
        let one = axis(kind(), vec![Some(0.0), Some(0.0), Some(0.0), None]);
        let at = |sign| scatter((&one, &one), (9, 5), sign);
        assert_eq!(at(Some(1)), [Some((0, 4)), Some((1, 4)), Some((0, 4)), None]);
        assert_eq!(at(None)[1], Some((0, 4)));
        assert_eq!(at(Some(2)), [Some((0, 4)), Some((2, 4)), Some((0, 4)), None]);
        // At the end both letters are within the plot.
        let last = axis(kind(), vec![Some(1.0), Some(1.0)]);
        assert_eq!(scatter((&last, &last), (9, 5), Some(2)), [Some((7, 0)), Some((5, 0))]);
    }
}
