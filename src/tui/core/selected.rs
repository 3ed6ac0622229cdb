//! Selected runs: those that the next command is about, across the experiments of a store. Each has a number of its own
//! as long as it is selected, from which its letter and colour follow wherever it is drawn.

use rustc_hash::FxHashMap;

use crate::mlflow::{ExperimentId, RunId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedRun {
    pub name: String,
    pub experiment: ExperimentId,
    /// From 1 on, the lowest that is free.
    pub slot: u8,
    /// Runs that were selected earlier have lower ones.
    order: u32,
}

#[derive(Debug, Default)]
pub struct SelectedRuns {
    by_id: FxHashMap<String, SelectedRun>,
    selections: u32,
    /// Counts the changes.
    pub version: u64,
}

impl SelectedRuns {
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn get(&self, id: &str) -> Option<&SelectedRun> {
        self.by_id.get(id)
    }

    pub fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    pub fn insert(&mut self, id: &str, name: &str, experiment: &ExperimentId) {
        if self.contains(id) {
            return;
        }
        // Beyond so many, none is free.
        let slot = if self.len() >= usize::from(u8::MAX) {
            u8::MAX
        } else {
            let taken: Vec<u8> = self.by_id.values().map(|run| run.slot).collect();
            (1..=u8::MAX).find(|slot| !taken.contains(slot)).unwrap_or(u8::MAX)
        };
        self.selections += 1;
        self.version += 1;
        let run = SelectedRun {
            name: name.to_owned(),
            experiment: experiment.clone(),
            slot,
            order: self.selections,
        };
        self.by_id.insert(id.to_owned(), run);
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

    /// In the order in which they were selected.
    pub fn in_order(&self) -> Vec<(RunId, &SelectedRun)> {
        let mut selected: Vec<(RunId, &SelectedRun)> =
            self.by_id.iter().map(|(id, run)| (RunId::from(id.as_str()), run)).collect();
        selected.sort_by_key(|(_, run)| run.order);
        selected
    }
}

/// Selected runs that are drawn over one another.
pub const OVERLAID: usize = 24;

impl SelectedRuns {
    /// The runs whose lines are drawn: these in their order, and one more, the shown one, if it is not among them.
    pub fn drawn_with(&self, run: &RunId, name: &str) -> Vec<DrawnRun> {
        let ticked = self.in_order();
        let ticked = ticked.iter().take(OVERLAID);
        let mut drawn: Vec<DrawnRun> =
            ticked.map(|(id, run)| DrawnRun::new((*id).clone(), run.name.clone(), run.slot)).collect();
        if !drawn.iter().any(|drawn| drawn.run == *run) {
            let slot = self.get(run.as_str()).map_or(0, |run| run.slot);
            drawn.push(DrawnRun::new(run.clone(), name.to_owned(), slot));
        }
        drawn
    }
}

/// A run whose lines are drawn, or several whose mean is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawnRun {
    /// Of several runs all their ids, joined.
    pub run: RunId,
    pub name: String,
    /// The number of its selection, or 0.
    pub slot: u8,
    /// Several runs; none where it is one.
    pub members: Vec<RunId>,
}

impl DrawnRun {
    pub fn new(run: RunId, name: String, slot: u8) -> Self {
        Self { run, name, slot, members: Vec::new() }
    }

    /// Several runs as one; one by itself stays what it is.
    pub fn of_several(members: Vec<RunId>, name: String, slot: u8) -> Self {
        let ids: Vec<&str> = members.iter().map(RunId::as_str).collect();
        let run = RunId(ids.join("+"));
        Self { run, name, slot, members: if members.len() > 1 { members } else { Vec::new() } }
    }

    /// Whether a run is this one, or among these.
    pub fn has(&self, id: &str) -> bool {
        self.run.as_str() == id || self.members.iter().any(|member| member.as_str() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_keeps_its_number_while_others_come_and_go() {
        let mut selected = SelectedRuns::default();
        let experiment = ExperimentId::from("1");
        for id in ["x", "y", "z"] {
            selected.insert(id, id, &experiment);
        }
        assert!(selected.remove("x") && !selected.remove("x"));
        selected.insert("new", "new", &experiment);
        let slots: Vec<(String, u8)> =
            selected.in_order().into_iter().map(|(id, run)| (id.0, run.slot)).collect();
        assert_eq!(slots, [("y".into(), 2), ("z".into(), 3), ("new".into(), 1)]);
    }
}
