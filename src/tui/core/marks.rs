//! Marked runs: chosen by hand for what is done next, across the experiments of a store. Each has a number of its own as
//! long as it is marked, from which its letter and colour follow wherever it is drawn.

use rustc_hash::FxHashMap;

use crate::mlflow::{ExperimentId, RunId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub name: String,
    pub experiment: ExperimentId,
    /// From 1 on, the lowest that is free.
    pub slot: u8,
    /// Earlier marks have lower ones.
    order: u32,
}

#[derive(Debug, Default)]
pub struct Marks {
    by_id: FxHashMap<String, Mark>,
    marked: u32,
    /// Counts the changes.
    pub version: u64,
}

impl Marks {
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn get(&self, id: &str) -> Option<&Mark> {
        self.by_id.get(id)
    }

    pub fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    pub fn insert(&mut self, id: &str, name: &str, experiment: &ExperimentId) {
        if self.contains(id) {
            return;
        }
        let taken: Vec<u8> = self.by_id.values().map(|mark| mark.slot).collect();
        let slot = (1..=u8::MAX).find(|slot| !taken.contains(slot)).unwrap_or(u8::MAX);
        self.marked += 1;
        self.version += 1;
        let mark = Mark { name: name.to_owned(), experiment: experiment.clone(), slot, order: self.marked };
        self.by_id.insert(id.to_owned(), mark);
    }

    /// True if it was there.
    pub fn remove(&mut self, id: &str) -> bool {
        self.version += 1;
        self.by_id.remove(id).is_some()
    }

    pub fn clear(&mut self) {
        self.version += 1;
        self.by_id.clear();
    }

    /// In the order in which they were marked.
    pub fn in_order(&self) -> Vec<(RunId, &Mark)> {
        let mut marks: Vec<(RunId, &Mark)> =
            self.by_id.iter().map(|(id, mark)| (RunId::from(id.as_str()), mark)).collect();
        marks.sort_by_key(|(_, mark)| mark.order);
        marks
    }
}

/// Marked runs that are drawn over one another.
pub const OVERLAID: usize = 24;

/// A run whose lines are drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    pub run: RunId,
    pub name: String,
    /// The number of its mark, or 0.
    pub slot: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_keeps_its_number_while_others_come_and_go() {
        let mut marks = Marks::default();
        let experiment = ExperimentId::from("1");
        for id in ["x", "y", "z"] {
            marks.insert(id, id, &experiment);
        }
        assert!(marks.remove("x") && !marks.remove("x"));
        marks.insert("new", "new", &experiment);
        let slots: Vec<(String, u8)> =
            marks.in_order().into_iter().map(|(id, mark)| (id.0, mark.slot)).collect();
        assert_eq!(slots, [("y".into(), 2), ("z".into(), 3), ("new".into(), 1)]);
    }
}
