//! Counts and digests: what both stores have comes to the same, in whatever order it is read.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::mlflow::MetricPoint;
use crate::mlflow::infinity;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Experiments,
    Runs,
    Points,
    Params,
    Tags,
    DataSets,
    Outputs,
    Files,
    Models,
    RegisteredModels,
    Versions,
    Aliases,
}

impl Kind {
    pub const ALL: [Self; 12] = [
        Self::Experiments,
        Self::Runs,
        Self::Points,
        Self::Params,
        Self::Tags,
        Self::DataSets,
        Self::Outputs,
        Self::Files,
        Self::Models,
        Self::RegisteredModels,
        Self::Versions,
        Self::Aliases,
    ];

    pub fn label(self) -> &'static str {
        match self {
            Self::Experiments => "experiments",
            Self::Runs => "runs",
            Self::Points => "metric points",
            Self::Params => "params",
            Self::Tags => "tags",
            Self::DataSets => "data sets",
            Self::Outputs => "model outputs",
            Self::Files => "files",
            Self::Models => "logged models",
            Self::RegisteredModels => "registered models",
            Self::Versions => "model versions",
            Self::Aliases => "aliases",
        }
    }
}

/// So many things, and what they come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub count: u64,
    /// The sum of what each comes to.
    pub digest: u64,
}

impl Tally {
    pub fn add(&mut self, thing: impl Hash) {
        let mut hasher = DefaultHasher::new();
        thing.hash(&mut hasher);
        self.count += 1;
        self.digest = self.digest.wrapping_add(hasher.finish());
    }

    pub fn of<T: Hash>(things: impl IntoIterator<Item = T>) -> Self {
        let mut tally = Self::default();
        for thing in things {
            tally.add(thing);
        }
        tally
    }

    pub fn join(&mut self, other: Self) {
        self.count += other.count;
        self.digest = self.digest.wrapping_add(other.digest);
    }
}

/// A tally of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    tallies: [Tally; Kind::ALL.len()],
    /// Bytes of the files.
    pub bytes: u64,
}

impl Sums {
    pub fn get(&self, kind: Kind) -> Tally {
        self.tallies[kind as usize]
    }

    pub fn of(&mut self, kind: Kind) -> &mut Tally {
        &mut self.tallies[kind as usize]
    }

    pub fn join(&mut self, other: &Self) {
        for (own, other) in self.tallies.iter_mut().zip(&other.tallies) {
            own.join(*other);
        }
        self.bytes += other.bytes;
    }

    /// The kinds in which two differ.
    pub fn differing(&self, other: &Self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| self.get(*kind) != other.get(*kind)).collect()
    }
}

/// A value as every store keeps it: NaN is one, and zero has no sign.
pub fn value_bits(value: f64) -> u64 {
    match infinity::stored(value) {
        nan if nan.is_nan() => f64::NAN.to_bits(),
        value => (value + 0.0).to_bits(),
    }
}

/// A point, by what makes it another one.
pub fn point_key(point: &MetricPoint) -> (i64, i64, u64) {
    (point.step, point.timestamp, value_bits(point.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_does_not_matter_and_everything_else_does() {
        let all = |things: &[(&str, u64)]| Tally::of(things.iter().copied());
        assert_eq!(all(&[("a", 1), ("b", 2)]), all(&[("b", 2), ("a", 1)]));
        assert_ne!(all(&[("a", 1), ("b", 2)]), all(&[("a", 2), ("b", 1)]));
        assert_ne!(all(&[("a", 1), ("a", 1)]), all(&[("a", 1)]));
        let mut sums = Sums::default();
        sums.of(Kind::Tags).add("x");
        assert_eq!(sums.differing(&Sums::default()), [Kind::Tags]);
    }

    #[test]
    fn values_are_compared_as_stores_keep_them() {
        assert_eq!(value_bits(-0.0), value_bits(0.0));
        assert_eq!(value_bits(f64::NAN), value_bits(-f64::NAN));
        assert_eq!(value_bits(f64::INFINITY), value_bits(f64::MAX));
        assert_ne!(value_bits(1.0), value_bits(1.0 + f64::EPSILON));
    }
}
