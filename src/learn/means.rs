//! Texts with many levels as what the target is like for each: its mean, or the share of each class. What is learnt of few rows is
//! drawn to what all rows are like. Training rows are given what other training rows say, or a model would trust what it was told.

use super::data::{GAP, TargetValues};
use super::families::seed_of;
use super::folds::Order;

/// Rows that a level is drawn to the whole with, as if so many more had it.
const DRAWN_BY: f64 = 10.0;
/// Parts of the training rows, each of which is told what the others say.
const PARTS: u64 = 5;
/// Above so many classes there would be too many features.
const MOST_CLASSES: usize = 10;

/// How many features there are, where there can be such.
pub fn width(target: &TargetValues) -> Option<usize> {
    match target {
        TargetValues::Numbers(_) | TargetValues::Classes { count: 2, .. } => Some(1),
        TargetValues::Classes { count, .. } => Some(*count).filter(|count| *count <= MOST_CLASSES),
    }
}

/// What was learnt: for each level its features, behind them those of a gap, and those of a level that was not met.
pub fn table(codes: &[u32], levels: usize, target: &TargetValues, rows: &[u32]) -> Vec<Vec<f32>> {
    let width = width(target).unwrap_or(0);
    let sums = Sums::of(codes, levels, target, rows.iter().copied(), width);
    (0..levels + 2).map(|level| sums.features(level)).collect()
}

/// Of each training row what the other parts of them say: a column for each feature.
pub fn of_train(
    codes: &[u32],
    levels: usize,
    target: &TargetValues,
    order: &Order,
    rows: &[u32],
) -> Vec<Vec<f32>> {
    let width = width(target).unwrap_or(0);
    let parts = parts(order, rows);
    let mut columns = vec![vec![0.0; rows.len()]; width];
    for own in 0..PARTS {
        let others = rows.iter().zip(&parts).filter(|(_, part)| **part != own).map(|(row, _)| *row);
        let sums = Sums::of(codes, levels, target, others, width);
        for (at, row) in rows.iter().enumerate().filter(|(at, _)| parts[*at] == own) {
            for (column, value) in columns.iter_mut().zip(sums.features(place(codes[*row as usize], levels)))
            {
                column[at] = value;
            }
        }
    }
    columns
}

/// Of each row the part that it is in, dealt as folds are: by chance, by whole groups, or in blocks of time.
fn parts(order: &Order, rows: &[u32]) -> Vec<u64> {
    let of = match order {
        Order::Chance => return rows.iter().map(|row| seed_of(0, u64::from(*row)) % PARTS).collect(),
        Order::Groups(of) | Order::Times(of) => of,
    };
    let mut sorted: Vec<u32> = rows.iter().map(|row| of[*row as usize]).collect();
    sorted.sort_unstable();
    if matches!(order, Order::Groups(_)) {
        sorted.dedup();
        let place = |row: &u32| sorted.partition_point(|other| *other < of[*row as usize]) as u64;
        return rows.iter().map(|row| place(row) % PARTS).collect();
    }
    // Rows of the same time stay together.
    let place = |row: &u32| sorted.partition_point(|other| *other < of[*row as usize]) as u64;
    rows.iter().map(|row| place(row) * PARTS / rows.len() as u64).collect()
}

/// The place of a code in a table: gaps stand behind all levels.
pub fn place(code: u32, levels: usize) -> usize {
    if code == GAP { levels } else { code as usize }
}

struct Sums {
    /// Of each level and of gaps the rows, and the sum of each feature.
    rows: Vec<f64>,
    totals: Vec<f64>,
    width: usize,
    /// What all rows are like.
    whole: Vec<f64>,
}

impl Sums {
    fn of(
        codes: &[u32],
        levels: usize,
        target: &TargetValues,
        rows: impl Iterator<Item = u32>,
        width: usize,
    ) -> Self {
        let mut sums = Self {
            rows: vec![0.0; levels + 1],
            totals: vec![0.0; (levels + 1) * width],
            width,
            whole: vec![0.0; width],
        };
        let mut all = 0.0;
        for row in rows {
            let place = place(codes[row as usize], levels);
            sums.rows[place] += 1.0;
            all += 1.0;
            let (feature, value) = match target {
                TargetValues::Numbers(values) => (0, values[row as usize]),
                TargetValues::Classes { classes, count: 2 } => (0, f64::from(classes[row as usize])),
                TargetValues::Classes { classes, .. } => (classes[row as usize] as usize, 1.0),
            };
            sums.totals[place * width + feature] += value;
            sums.whole[feature] += value;
        }
        if all > 0.0 {
            for sum in &mut sums.whole {
                *sum /= all;
            }
        }
        sums
    }

    fn features(&self, level: usize) -> Vec<f32> {
        let Some(rows) = self.rows.get(level).filter(|rows| **rows > 0.0) else {
            return self.whole.iter().map(|whole| *whole as f32).collect();
        };
        let sums = &self.totals[level * self.width..(level + 1) * self.width];
        let drawn = |(sum, whole): (&f64, &f64)| ((sum + DRAWN_BY * whole) / (rows + DRAWN_BY)) as f32;
        sums.iter().zip(&self.whole).map(drawn).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_what_its_rows_are_like_as_far_as_there_are_some() {
        let target = TargetValues::Numbers(vec![10.0, 20.0, 30.0, 0.0, 100.0]);
        let codes = [0, 0, 1, GAP, 2];
        let table = table(&codes, 4, &target, &[0, 1, 2, 3]);
        // All rows that were met have a mean of 15.
        let expected =
            [180.0 / 12.0, 180.0 / 11.0, 15.0, 15.0, 150.0 / 11.0, 15.0].map(|value: f64| vec![value as f32]);
        assert_eq!(table, expected);
        let classes = TargetValues::Classes { classes: vec![0, 1, 2, 2], count: 3 };
        let shares = super::table(&[0, 0, 1, 1], 2, &classes, &[0, 1, 2, 3]);
        assert!(shares.iter().all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6));
        assert!(shares[1][2] > shares[0][2]);
        assert_eq!(width(&TargetValues::Classes { classes: Vec::new(), count: 11 }), None);
    }

    /// Where each row has a level of its own, nothing can be learnt from it; and nothing is.
    #[test]
    fn a_training_row_is_not_told_its_own_target() {
        let values: Vec<f64> = (0..200).map(|row| f64::from(row * 37 % 101)).collect();
        let codes: Vec<u32> = (0..200).collect();
        let rows: Vec<u32> = (0..200).collect();
        let told = of_train(&codes, 200, &TargetValues::Numbers(values.clone()), &Order::Chance, &rows);
        let mut different = told[0].clone();
        different.sort_unstable_by(f32::total_cmp);
        different.dedup();
        assert!(different.len() <= PARTS as usize, "the mean of the other parts: {different:?}");
        // Of a level that others have, their mean comes near.
        let codes: Vec<u32> = (0..200).map(|row| row % 2).collect();
        let values: Vec<f64> = (0..200).map(|row| f64::from(row % 2)).collect();
        let told = of_train(&codes, 2, &TargetValues::Numbers(values), &Order::Chance, &rows);
        assert!(told[0].iter().zip(&codes).all(|(value, code)| (value - *code as f32).abs() < 0.1));
    }

    /// Rows of a group, or of the same days, are alike: one of them is not told what the others are.
    #[test]
    fn rows_that_folds_keep_together_do_not_tell_each_other_their_target() {
        let rows: Vec<u32> = (0..200).collect();
        // Ten rows of each group, with the group's own target and its own level.
        let of: Vec<u32> = rows.iter().map(|row| row * 7 % 20).collect();
        let values: Vec<f64> = of.iter().map(|group| f64::from(group * 13 % 20)).collect();
        let target = TargetValues::Numbers(values);
        for order in [Order::Groups(of.clone()), Order::Times(of.clone())] {
            let parts = parts(&order, &rows);
            for group in 0..20 {
                let mut own: Vec<u64> = rows
                    .iter()
                    .filter(|row| of[**row as usize] == group)
                    .map(|row| parts[*row as usize])
                    .collect();
                own.dedup();
                assert_eq!(own.len(), 1, "{order:?}");
            }
            let mut different = of_train(&of, 20, &target, &order, &rows)[0].clone();
            different.sort_unstable_by(f32::total_cmp);
            different.dedup();
            assert_eq!(different.len(), PARTS as usize, "the mean of the other parts: {different:?}");
            if let Order::Times(_) = order {
                let later = rows.iter().all(|row| parts[*row as usize] == u64::from(of[*row as usize] / 4));
                assert!(later, "blocks in the order of time: {parts:?}");
            }
        }
    }
}
