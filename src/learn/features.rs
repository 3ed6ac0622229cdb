//! The features of some rows, in the forms that families learn from.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use ndarray::Array2;

use super::cores;
use super::histogram::Binned;

/// Numbers in single precision, one feature after the other: exactly what an exported model is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Of every feature.
    pub rows: usize,
    columns: Vec<Arc<[f32]>>,
}

impl Matrix {
    /// A column for each feature, all of one length.
    pub fn new(columns: Vec<Vec<f32>>) -> Self {
        Self {
            rows: columns.first().map_or(0, Vec::len),
            columns: columns.into_iter().map(Arc::from).collect(),
        }
    }

    /// How many features there are.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// A feature, with a value for each row.
    pub fn column(&self, at: usize) -> &[f32] {
        &self.columns[at]
    }
}

/// The features of some rows: as they are, with gaps as gaps, brought to one scale, in sorted order, and in bins; all but the
/// first when first needed.
#[derive(Debug)]
pub struct Features {
    /// As they are.
    pub raw: Matrix,
    means: Vec<f64>,
    deviations: Vec<f64>,
    scaled: OnceLock<Array2<f64>>,
    order: OnceLock<Vec<Vec<u32>>>,
    /// Features, each with the rows in which something stands for a gap.
    gaps: Vec<(usize, Vec<u32>)>,
    with_gaps: OnceLock<Matrix>,
    bins: OnceLock<Binned>,
}

impl Features {
    /// `means` and `deviations` are those of each feature in the training rows.
    pub fn new(raw: Matrix, means: Vec<f64>, deviations: Vec<f64>) -> Self {
        Self {
            raw,
            means,
            deviations,
            scaled: OnceLock::new(),
            order: OnceLock::new(),
            gaps: Vec::new(),
            with_gaps: OnceLock::new(),
            bins: OnceLock::new(),
        }
    }

    /// The same where something stands for a gap: features, each with the rows of which it is one.
    pub fn filled(self, gaps: Vec<(usize, Vec<u32>)>) -> Self {
        Self { gaps, ..self }
    }

    /// Features that nothing is learnt of but by trees.
    pub fn unscaled(raw: Matrix) -> Self {
        let width = raw.width();
        Self::new(raw, vec![0.0; width], vec![1.0; width])
    }

    /// The same with some of the features as they are in other rows, or with all of them: so many rows.
    pub(super) fn taken(&self, features: Range<usize>, rows: &[u32]) -> Self {
        let take = |at: usize, column: &Arc<[f32]>| {
            if !features.contains(&at) {
                return column.clone();
            }
            rows.iter().map(|row| column[*row as usize]).collect()
        };
        let columns = self.raw.columns.iter().enumerate().map(|(at, column)| take(at, column)).collect();
        let gaps = self.gaps.iter().map(|(at, here)| {
            if !features.contains(at) {
                return (*at, here.clone());
            }
            let is_gap = |row: &usize| here.binary_search(&rows[*row]).is_ok();
            (*at, (0..rows.len()).filter(is_gap).map(|row| row as u32).collect())
        });
        let gaps = gaps.collect();
        let raw = Matrix { rows: rows.len(), columns };
        Self::new(raw, self.means.clone(), self.deviations.clone()).filled(gaps)
    }

    /// A row for each sample: every feature less its mean, over its deviation, in the training rows.
    pub fn scaled(&self) -> &Array2<f64> {
        self.scaled.get_or_init(|| {
            Array2::from_shape_fn((self.raw.rows, self.raw.width()), |(row, at)| {
                (f64::from(self.raw.columns[at][row]) - self.means[at]) / self.deviations[at]
            })
        })
    }

    /// As they are, but for gaps, which are NaN.
    pub fn with_gaps(&self) -> &Matrix {
        if self.gaps.is_empty() {
            return &self.raw;
        }
        self.with_gaps.get_or_init(|| {
            let mut matrix = self.raw.clone();
            for (at, rows) in &self.gaps {
                let column = Arc::make_mut(&mut matrix.columns[*at]);
                for row in rows {
                    column[*row as usize] = f32::NAN;
                }
            }
            matrix
        })
    }

    /// In bins that are learnt from these rows.
    pub(super) fn bins(&self) -> &Binned {
        self.bins.get_or_init(|| {
            let matrix = self.with_gaps();
            let columns: Vec<&[f32]> = (0..matrix.width()).map(|at| matrix.column(at)).collect();
            Binned::new(&columns, cores::threads())
        })
    }

    /// Of each feature the rows by rising value, equal ones by their number.
    pub fn order(&self) -> &[Vec<u32>] {
        self.order.get_or_init(|| self.raw.columns.iter().map(|column| sorted(column)).collect())
    }
}

impl linfa::dataset::Records for Features {
    type Elem = f64;

    fn nsamples(&self) -> usize {
        self.raw.rows
    }

    fn nfeatures(&self) -> usize {
        self.raw.width()
    }
}

fn sorted(column: &[f32]) -> Vec<u32> {
    // The bits of a float, turned so that they sort as integers; the row below them keeps equal ones in order.
    let key = |value: f32| {
        let bits = (value + 0.0).to_bits();
        if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
    };
    let mut keys: Vec<u64> =
        column.iter().enumerate().map(|(row, value)| u64::from(key(*value)) << 32 | row as u64).collect();
    keys.sort_unstable();
    keys.into_iter().map(|key| key as u32).collect()
}
