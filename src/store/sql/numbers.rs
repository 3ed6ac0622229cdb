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
        let is_one = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_one { u128::from_str_radix(id, 16).ok() } else { None }
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
