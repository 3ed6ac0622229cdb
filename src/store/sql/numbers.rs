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
        let is_one = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_one { u128::from_str_radix(id, 16).ok() } else { None }
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
        for other in [&id.to_uppercase(), "+123456789abcdef0123456789abcdef", "0123", ""] {
            assert_eq!(numbers.get(other), None, "{other}");
            numbers.insert(other, 2);
        }
        assert_eq!((numbers.get(id), numbers.by_hex.len(), numbers.others.len()), (Some(1), 1, 4));
    }
}
