//! A radial kernel by some of the rows (Nyström's method): each row becomes so many features that their products are nearly
//! the kernel, and a linear machine on them nearly one with that kernel.

use fastrand::Rng;
use linfa_linalg::cholesky::Cholesky;
use linfa_linalg::triangular::{SolveTriangular, UPLO};
use ndarray::{Array2, ArrayView2, Axis, Slice};

use super::dual::Table;
use super::radial;
use crate::learn::cores;
use crate::learn::families::{FitError, wrong};

/// Rows that are mapped at a time.
const BLOCK: usize = 1_024;
/// Added to the kernel of a landmark with itself, as some can be alike.
const JITTER: f64 = 1e-7;

/// The rows that stand for all.
pub struct Landmarks {
    pub rows: Array2<f64>,
    pub gamma: f64,
    /// Of the kernels of a row with each landmark it makes features: its transpose is the inverse of the Cholesky factor of
    /// their kernels with each other.
    map: Array2<f64>,
}

impl Landmarks {
    /// So many of the rows, drawn by chance.
    pub fn new(scaled: &Array2<f64>, gamma: f64, count: usize, rng: &mut Rng) -> Result<Self, FitError> {
        let mut drawn = rng.choose_multiple(0..scaled.nrows(), count);
        drawn.sort_unstable();
        let rows = scaled.select(Axis(0), &drawn);
        let mut kernels = kernels(rows.view(), rows.view(), gamma);
        kernels.diag_mut().iter_mut().for_each(|value| *value += JITTER);
        let inverse = inverse_factor(kernels.view())
            .ok_or_else(|| wrong("gamma is too small for so many components; lower n_components"))?;
        Ok(Self { rows, gamma, map: inverse.reversed_axes() })
    }

    /// The features of rows, in single precision.
    pub fn features(&self, scaled: &Array2<f64>) -> Table {
        let mut features = Array2::zeros((scaled.nrows(), self.rows.nrows()));
        let blocks: Vec<_> = features
            .axis_chunks_iter_mut(Axis(0), BLOCK)
            .enumerate()
            .map(|(at, block)| (at * BLOCK, block))
            .collect();
        cores::side_by_side_on(cores::threads(), blocks, |(from, mut block)| {
            let here = scaled.slice_axis(Axis(0), Slice::from(from..from + block.nrows()));
            let mapped = kernels(here, self.rows.view(), self.gamma).dot(&self.map);
            block.zip_mut_with(&mapped, |to, value| *to = *value as f32);
        });
        Table::new(features)
    }

    /// Weights of features (a column a score) as weights of the landmarks' kernels.
    pub fn of_kernels(&self, weights: &Array2<f64>) -> Array2<f64> {
        self.map.dot(weights)
    }
}

/// The inverse of the Cholesky factor, by halves, so that nearly all is products of tables; none where a pivot is not positive.
fn inverse_factor(table: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    const SMALL: usize = 64;
    let size = table.nrows();
    if size <= SMALL {
        return table.cholesky().ok()?.solve_triangular(&Array2::eye(size), UPLO::Lower).ok();
    }
    let half = size / 2;
    let (upper, lower) = table.split_at(Axis(0), half);
    let (first, _) = upper.split_at(Axis(1), half);
    let (beside, second) = lower.split_at(Axis(1), half);
    let first = inverse_factor(first)?;
    let beside = beside.dot(&first.t());
    let second = inverse_factor((&second - &beside.dot(&beside.t())).view())?;
    let mut inverse = Array2::zeros((size, size));
    let (mut upper, mut lower) = inverse.view_mut().split_at(Axis(0), half);
    upper.slice_axis_mut(Axis(1), Slice::from(..half)).assign(&first);
    lower.slice_axis_mut(Axis(1), Slice::from(..half)).assign(&-second.dot(&beside.dot(&first)));
    lower.slice_axis_mut(Axis(1), Slice::from(half..)).assign(&second);
    Some(inverse)
}

/// Of each row with each of the others.
fn kernels(rows: ArrayView2<'_, f64>, others: ArrayView2<'_, f64>, gamma: f64) -> Array2<f64> {
    let norms = |rows: ArrayView2<'_, f64>| -> Vec<f64> {
        rows.outer_iter().map(|row| row.iter().map(|value| value * value).sum()).collect()
    };
    let (of_rows, of_others) = (norms(rows), norms(others));
    let mut kernels = rows.dot(&others.t());
    for (mut row, norm) in kernels.outer_iter_mut().zip(of_rows) {
        for (value, other) in row.iter_mut().zip(&of_others) {
            *value = radial(gamma, norm + other, *value);
        }
    }
    kernels
}
