//! The best split of a node, from its histogram.

use super::bins::{Binned, Binning, GAP_BIN};
use super::cells::{Cell, Units};
use super::shard::GoesLeft;

/// What a split must leave on both sides, and how it is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    pub least_rows: usize,
    /// Added to the curvature of a leaf.
    pub l2: f64,
}

/// The curvature of a leaf, at least, as LightGBM has it.
const LEAST_CURVATURE: f64 = 1e-3;

/// A split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<C> {
    pub feature: usize,
    /// Up to it bins go left; of one of several exclusive features, the one that goes right.
    bin: u8,
    pub gap_left: bool,
    /// In the tree's units.
    pub gain: f64,
    pub left: C,
    pub right: C,
}

impl<C> Found<C> {
    /// A row goes left where its value is not above it.
    pub fn threshold(&self, binned: &Binned) -> f32 {
        match &binned.features[self.feature] {
            // All values go left, and gaps right.
            Binning::Cuts { cuts, .. } => cuts.get(usize::from(self.bin)).copied().unwrap_or(f32::INFINITY),
            Binning::Level { .. } => 0.5,
        }
    }

    pub fn goes_left(&self, binned: &Binned) -> GoesLeft {
        let mut goes_left = [false; 256];
        match &binned.features[self.feature] {
            Binning::Cuts { .. } => {
                goes_left[..=usize::from(self.bin)].fill(true);
                goes_left[usize::from(GAP_BIN)] = self.gap_left;
            }
            Binning::Level { bin, .. } => {
                goes_left.fill(true);
                goes_left[usize::from(*bin)] = false;
            }
        }
        goes_left
    }
}

/// Where a split was found, and how good it is.
#[derive(Clone, Copy)]
struct Place {
    feature: usize,
    bin: u8,
    gap_left: bool,
    purity: f64,
}

/// A node whose splits are looked through.
pub struct Scan<'a, C> {
    pub binned: &'a Binned,
    pub units: &'a Units,
    pub rules: Rules,
    pub sums: &'a [[C; 256]],
    /// Of all its rows.
    pub total: C,
}

/// Of each bin what lies up to it.
pub struct Scratch {
    gradients: [f64; 256],
    curvatures: [f64; 256],
    rows: [f64; 256],
    purities: [f64; 256],
}

impl Default for Scratch {
    fn default() -> Self {
        Self { gradients: [0.0; 256], curvatures: [0.0; 256], rows: [0.0; 256], purities: [0.0; 256] }
    }
}

/// How much a node is worth by itself.
fn worth(gradient: f64, curvature: f64) -> f64 {
    gradient * gradient / curvature
}

impl<C: Cell> Scan<'_, C> {
    /// The split that gains most, of equal ones the first; none where nothing is gained.
    pub fn best(&self, features: impl Iterator<Item = usize>, scratch: &mut Scratch) -> Option<Found<C>> {
        let l2 = self.rules.l2 * C::curvature_unit(self.units);
        let total = self.total.sums(self.units);
        let alone = worth(total.gradient, total.curvature + l2);
        // By more than rounding.
        let mut best = Place { feature: 0, bin: 0, gap_left: true, purity: alone + alone * 1e-12 };
        let nothing = best.purity;
        for feature in features {
            match &self.binned.features[feature] {
                Binning::Cuts { byte, cuts } => {
                    let sums = &self.sums[*byte];
                    let gaps = sums[usize::from(GAP_BIN)];
                    let has_gaps = gaps.rows(self.units) > 0;
                    let bins = cuts.len() + usize::from(has_gaps);
                    let mut look = |start: C, gap_left: bool| {
                        let found = self.look(&sums[..bins], start, (l2, best.purity), scratch);
                        if let Some((bin, purity)) = found {
                            best = Place { feature, bin, gap_left, purity };
                        }
                    };
                    look(C::default(), false);
                    if has_gaps {
                        look(gaps, true);
                    }
                }
                Binning::Level { byte, bin } => {
                    if let Some(purity) = self.level(self.sums[*byte][usize::from(*bin)], l2)
                        && purity > best.purity
                    {
                        best = Place { feature, bin: *bin, gap_left: true, purity };
                    }
                }
            }
        }
        (best.purity > nothing).then(|| self.found(best, alone))
    }

    fn found(&self, place: Place, alone: f64) -> Found<C> {
        let Place { feature, bin, mut gap_left, purity } = place;
        let (mut left, mut right) = (C::default(), self.total);
        match &self.binned.features[feature] {
            Binning::Cuts { byte, .. } => {
                let sums = &self.sums[*byte];
                sums[..=usize::from(bin)].iter().for_each(|sum| left.add(*sum));
                let gaps = sums[usize::from(GAP_BIN)];
                if gap_left {
                    left.add(gaps);
                }
                right.take(left);
                if gaps.rows(self.units) == 0 {
                    // Gaps that come later go with most rows.
                    gap_left = left.rows(self.units) >= right.rows(self.units);
                }
            }
            Binning::Level { byte, bin } => {
                right = self.sums[*byte][usize::from(*bin)];
                left = self.total;
                left.take(right);
            }
        }
        Found { feature, bin, gap_left, gain: purity - alone, left, right }
    }

    /// Rows and curvature of a leaf, at least.
    fn least(&self) -> (f64, f64) {
        (self.rules.least_rows.max(1) as f64, LEAST_CURVATURE * C::curvature_unit(self.units))
    }

    /// How pure both sides are where those rows go right.
    fn level(&self, right: C, l2: f64) -> Option<f64> {
        let (total, right) = (self.total.sums(self.units), right.sums(self.units));
        let (least_rows, least_curvature) = self.least();
        let (rows, curvature) = (total.rows - right.rows, total.curvature - right.curvature);
        (rows.min(right.rows) >= least_rows && curvature.min(right.curvature) >= least_curvature).then(|| {
            worth(total.gradient - right.gradient, curvature + l2)
                + worth(right.gradient, right.curvature + l2)
        })
    }

    /// The best place behind a bin, what lies before the first one being `start`; and how pure its sides are, if that is
    /// purer than `above`.
    fn look(
        &self,
        bins: &[C],
        start: C,
        (l2, above): (f64, f64),
        scratch: &mut Scratch,
    ) -> Option<(u8, f64)> {
        let Scratch { gradients, curvatures, rows, purities } = scratch;
        let mut sum = start;
        let up_to = gradients.iter_mut().zip(curvatures.iter_mut()).zip(rows.iter_mut());
        for (((gradient, curvature), rows), bin) in up_to.zip(bins) {
            sum.add(*bin);
            let left = sum.sums(self.units);
            (*gradient, *curvature, *rows) = (left.gradient, left.curvature, left.rows);
        }
        let total = self.total.sums(self.units);
        let (least_rows, least_curvature) = self.least();
        let (rows, curvatures) = (&rows[..bins.len()], &curvatures[..bins.len()]);
        let from = rows.partition_point(|rows| *rows < least_rows);
        let from = from.max(curvatures.partition_point(|curvature| *curvature < least_curvature));
        let to = rows.partition_point(|rows| total.rows - rows >= least_rows);
        let to = to.min(curvatures.partition_point(|left| total.curvature - left >= least_curvature));
        if from >= to {
            return None;
        }
        let purities = &mut purities[from..to];
        for (purity, (left, weight)) in
            purities.iter_mut().zip(gradients[from..to].iter().zip(&curvatures[from..to]))
        {
            let (right, other) = (total.gradient - left, total.curvature - weight + l2);
            let weight = weight + l2;
            *purity = (left * left * other + right * right * weight) / (weight * other);
        }
        let most = greatest(purities);
        if most <= above {
            return None;
        }
        let best = from + purities.iter().position(|purity| *purity >= most)?;
        Some((best as u8, most))
    }
}

/// Four at a time, as they need not wait for each other.
fn greatest(values: &[f64]) -> f64 {
    let greater = |a: f64, b: f64| if a > b { a } else { b };
    let (fours, rest) = values.as_chunks::<4>();
    let mut most = [f64::NEG_INFINITY; 4];
    for four in fours {
        for (most, value) in most.iter_mut().zip(four) {
            *most = greater(*value, *most);
        }
    }
    most.iter().chain(rest).copied().fold(f64::NEG_INFINITY, greater)
}
