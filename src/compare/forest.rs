//! A random forest for regression, just as large as it takes to tell which columns matter among some hundred rows.

use fastrand::Rng;

use crate::learn::data::TargetValues;
use crate::learn::features::{Features, Matrix};
use crate::learn::trees::{SampleWeights, TreeOptions, grow};

const TREES: usize = 200;
/// Rows of a leaf, at least.
const LEAF: usize = 2;

/// Rows of numbers: no NaN.
pub struct Data<'a> {
    pub rows: &'a [Vec<f64>],
    pub target: &'a [f64],
}

/// What a forest says of its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Permutations {
    /// The share of the target's variance that rows are predicted with by trees that have not seen them; zero or less: nothing.
    pub r2: f64,
    /// By how much the mean squared error of such predictions rises when a column is shuffled, over the target's variance.
    pub importance: Vec<f64>,
}

/// Grows a forest and shuffles each group of columns in turn (the one-hot columns of one param together).
pub fn permutations(data: &Data<'_>, groups: &[Vec<usize>], seed: u64) -> Permutations {
    let (count, width) = (data.rows.len(), data.rows.first().map_or(0, Vec::len));
    let mut rng = Rng::with_seed(seed);
    let growth = TreeOptions {
        min_samples_leaf: LEAF,
        max_features: Some((width / 3).max(1).min(width)),
        ..TreeOptions::default()
    };
    let column = |at: usize| data.rows.iter().map(|row| row[at] as f32).collect();
    let features = Features::unscaled(Matrix::new((0..width).map(column).collect()));
    let target = TargetValues::Numbers(data.target.to_vec());
    let mean = data.target.iter().sum::<f64>() / count as f64;
    let variance = data.target.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count as f64;
    let mut sums = vec![(0.0, 0_u32); count];
    let mut rises = vec![0.0; groups.len()];
    let mut tested = 0;
    for _ in 0..TREES {
        let mut times = vec![0_u32; count];
        for _ in 0..count {
            times[rng.usize(..count)] += 1;
        }
        let left_out: Vec<usize> = (0..count).filter(|row| times[*row] == 0).collect();
        let tree =
            grow(&features, &target, SampleWeights::Times(&times), &growth, &mut rng, &mut vec![0.0; width]);
        let mut base = 0.0;
        for row in &left_out {
            let predicted = tree.predict(&features.raw, *row)[0];
            sums[*row].0 += predicted;
            sums[*row].1 += 1;
            base += (predicted - data.target[*row]).powi(2);
        }
        if left_out.len() < 2 {
            continue;
        }
        tested += 1;
        for (group, rise) in groups.iter().zip(&mut rises) {
            let mut shuffled = left_out.clone();
            rng.shuffle(&mut shuffled);
            let mut total = 0.0;
            for (row, other) in left_out.iter().zip(&shuffled) {
                // The other row's values in these columns, its own in the rest.
                let value =
                    |at: usize| features.raw.column(at)[if group.contains(&at) { *other } else { *row }];
                total += (tree.predict_by(value)[0] - data.target[*row]).powi(2);
            }
            *rise += (total - base) / left_out.len() as f64;
        }
    }
    let predicted = sums.iter().zip(data.target).filter(|((_, count), _)| *count > 0);
    let (errors, seen) = predicted.fold((0.0, 0), |(errors, seen), ((sum, count), target)| {
        (errors + (sum / f64::from(*count) - target).powi(2), seen + 1)
    });
    let r2 = if variance > 0.0 && seen > 0 { 1.0 - errors / f64::from(seen) / variance } else { 0.0 };
    let scale = variance * f64::from(tested.max(1));
    let importance = rises.into_iter().map(|rise| if scale > 0.0 { rise / scale } else { 0.0 });
    Permutations { r2, importance: importance.collect() }
}
