//! What is searched of a family.

use serde::{Deserialize, Serialize};

use crate::params::{Dimension, Params, Range, defaults};

/// A family and what of it is searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FamilySpace {
    /// Its name.
    pub family: String,
    /// In the order in which they are drawn: a condition is on one that comes before.
    pub dimensions: Vec<Dimension>,
}

impl FamilySpace {
    /// What its first trial takes.
    pub fn defaults(&self) -> Params {
        defaults(&self.dimensions)
    }

    /// At most so many trials are in its grid.
    pub fn most_in_grid(&self, points: usize) -> usize {
        let values = |dimension: &Dimension| match &dimension.range {
            Range::Choice(choices) => choices.len(),
            Range::Int { low, high, .. } => {
                usize::try_from(high.abs_diff(*low)).unwrap_or(usize::MAX).saturating_add(1).min(points)
            }
            Range::IntSteps { .. } | Range::RealSteps { .. } => {
                usize::try_from(dimension.range.steps().unwrap_or(0)).unwrap_or(usize::MAX)
            }
            Range::Real { .. } => points,
        };
        self.dimensions.iter().map(values).fold(1, usize::saturating_mul)
    }
}
