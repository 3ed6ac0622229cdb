//! What a row adds to a bin, in whole numbers: their sums are exact and the same in any order, and a node less one of its
//! children is the other one exactly.
//!
//! Gradients are numbers of a unit, so small that it is below what single precision tells apart of the greatest gradient
//! (up to a million rows), and no sum overflows. The lowest bits of a word count the rows.

/// Two to the power of `exponent`, kept within what is not subnormal.
fn power(exponent: i32) -> f64 {
    f64::from_bits(((exponent.clamp(-1000, 1000) + 1023) as u64) << 52)
}

/// The least exponent of a power of two that is not below `value`, which is above 0 and finite.
fn exponent(value: f64) -> i32 {
    let bits = value.to_bits();
    ((bits >> 52) & 0x7ff) as i32 - 1022
}

/// A number rounded to a whole one; it is below 2^50.
fn whole(value: f64) -> i64 {
    // One and a half times 2^52: what is added to it is rounded to a whole number in its last bits.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    (value + SHIFT).to_bits() as i64 - SHIFT.to_bits() as i64
}

/// Of the sums of a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Units {
    /// Bits that count rows.
    rows: u32,
    /// Whole numbers of a gradient of 1.
    gradient: f64,
    /// Whole numbers of a curvature of 1.
    curvature: f64,
}

impl Units {
    /// For so many rows, no gradient and no curvature greater than those.
    pub fn new(rows: usize, gradient: f64, curvature: f64) -> Self {
        let bits = usize::BITS - rows.leading_zeros();
        let fine = Self::digits(rows) as i32;
        Self {
            rows: bits,
            gradient: power(fine - exponent(gradient)),
            curvature: power(fine - exponent(curvature)),
        }
    }

    /// How much finer units are than what they are made for, as a power of two: sums stay below 2^(63 - bits), and below
    /// 2^51, where a double is exact.
    pub fn digits(rows: usize) -> u32 {
        let bits = usize::BITS - rows.leading_zeros();
        63_u32.saturating_sub(2 * bits).min(51_u32.saturating_sub(bits))
    }
}

/// Sums in those units: whole, but as floating-point numbers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    pub gradient: f64,
    pub curvature: f64,
    pub rows: f64,
}

/// A bin.
pub trait Cell: Copy + Default + PartialEq + Send + Sync + 'static {
    fn of_row(units: &Units, gradient: f64, curvature: f64) -> Self;
    fn add(&mut self, other: Self);
    fn take(&mut self, other: Self);
    fn sums(self, units: &Units) -> Sums;
    /// What a sum of curvatures is multiplied by.
    fn curvature_unit(units: &Units) -> f64;
    fn gradient_unit(units: &Units) -> f64 {
        units.gradient
    }
    fn rows(self, units: &Units) -> usize;
}

/// Where every row has the same curvature, 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Even(i64);

/// Where curvatures differ: gradients, and curvatures above the count of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Curved(i64, i64);

fn upper(word: i64, units: &Units) -> f64 {
    (word >> units.rows) as f64
}

fn lower(word: i64, units: &Units) -> i64 {
    word & ((1 << units.rows) - 1)
}

impl Cell for Even {
    fn of_row(units: &Units, gradient: f64, _: f64) -> Self {
        Self((whole(gradient * units.gradient) << units.rows) + 1)
    }

    fn add(&mut self, other: Self) {
        self.0 += other.0;
    }

    fn take(&mut self, other: Self) {
        self.0 -= other.0;
    }

    fn sums(self, units: &Units) -> Sums {
        let rows = lower(self.0, units) as f64;
        Sums { gradient: upper(self.0, units), curvature: rows, rows }
    }

    fn curvature_unit(_: &Units) -> f64 {
        1.0
    }

    fn rows(self, units: &Units) -> usize {
        lower(self.0, units) as usize
    }
}

impl Cell for Curved {
    fn of_row(units: &Units, gradient: f64, curvature: f64) -> Self {
        let count = (whole(curvature * units.curvature) << units.rows) + 1;
        Self(whole(gradient * units.gradient), count)
    }

    fn add(&mut self, other: Self) {
        self.0 += other.0;
        self.1 += other.1;
    }

    fn take(&mut self, other: Self) {
        self.0 -= other.0;
        self.1 -= other.1;
    }

    fn sums(self, units: &Units) -> Sums {
        let rows = lower(self.1, units) as f64;
        Sums { gradient: self.0 as f64, curvature: upper(self.1, units), rows }
    }

    fn curvature_unit(units: &Units) -> f64 {
        units.curvature
    }

    fn rows(self, units: &Units) -> usize {
        lower(self.1, units) as usize
    }
}
