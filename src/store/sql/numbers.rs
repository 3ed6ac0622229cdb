//! The numbers of runs in a scan.

use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHasher};

use crate::mlflow::{LifecycleStage, RunStatus};

/// What of a head can change in place, in 32 bits: enough to notice a change, never to identify a run.
pub fn head_hash(name: &str, status: RunStatus, stage: LifecycleStage, end_time: i64) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(name.as_bytes());
    hasher.write_u8(status as u8);
    hasher.write_u8(stage as u8);
    hasher.write_i64(end_time);
    (hasher.finish() >> 32) as u32
}

/// What no digit is.
const NONE: u8 = 0xff;

/// What the bytes of hexadecimal digits in lower case mean.
const DIGITS: [u8; 256] = {
    let mut digits = [NONE; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    digits
};

/// The number that digits make: millions of them are read.
fn digits(text: &[u8; 16]) -> Option<u64> {
    let values = text.map(|byte| DIGITS[byte as usize]);
    let is_number = values.iter().fold(0, |all, value| all | value) != NONE;
    is_number.then(|| values.iter().fold(0, |number, value| number << 4 | u64::from(*value)))
}

/// From a run's id to its number in the scan, or another number.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numbers {
    /// Ids of 32 hexadecimal digits, which are all that MLflow makes.
    pub by_hex: FxHashMap<u128, u32>,
    pub others: FxHashMap<String, u32>,
}

impl Numbers {
    pub fn len(&self) -> usize {
        self.by_hex.len() + self.others.len()
    }

    pub fn hex(id: &str) -> Option<u128> {
        let (high, low) = id.as_bytes().split_first_chunk::<16>()?;
        Some(u128::from(digits(high)?) << 64 | u128::from(digits(low.try_into().ok()?)?))
    }

    pub fn insert(&mut self, id: &str, number: u32) {
        match Self::hex(id) {
            Some(hex) => drop(self.by_hex.insert(hex, number)),
            None => drop(self.others.insert(id.to_owned(), number)),
        }
    }

    pub fn remove(&mut self, id: &str) -> Option<u32> {
        match Self::hex(id) {
            Some(hex) => self.by_hex.remove(&hex),
            None => self.others.remove(id),
        }
    }

    pub fn ids(&self) -> impl Iterator<Item = String> {
        self.by_hex.keys().map(|hex| format!("{hex:032x}")).chain(self.others.keys().cloned())
    }

    pub fn get(&self, id: &str) -> Option<u32> {
        match Self::hex(id) {
            Some(hex) => self.by_hex.get(&hex).copied(),
            None => self.others.get(id).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_written_otherwise_are_others() {
        let id = "0123456789abcdef0123456789abcdef";
        let mut numbers = Numbers::default();
        numbers.insert(id, 1);
        let accents = "é".repeat(16);
        for other in [&id.to_uppercase(), "+123456789abcdef0123456789abcdef", "0123", "", &accents] {
            assert_eq!(numbers.get(other), None, "{other}");
            numbers.insert(other, 2);
        }
        assert_eq!((numbers.get(id), numbers.by_hex.len(), numbers.others.len()), (Some(1), 1, 5));
        assert_eq!(Numbers::hex(id), u128::from_str_radix(id, 16).ok());
    }
}
