//! The numbers of runs in a scan.

use rustc_hash::FxHashMap;

/// From a run's id to its number in the scan.
#[derive(Debug, Default)]
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
        if id.len() == 32 { u128::from_str_radix(id, 16).ok() } else { None }
    }

    pub fn insert(&mut self, id: &str, number: u32) {
        match Self::hex(id) {
            Some(hex) => drop(self.by_hex.insert(hex, number)),
            None => drop(self.others.insert(id.to_owned(), number)),
        }
    }

    pub fn get(&self, id: &str) -> Option<u32> {
        match Self::hex(id) {
            Some(hex) => self.by_hex.get(&hex).copied(),
            None => self.others.get(id).copied(),
        }
    }
}
