//! Selected runs: those that the next command is about, across the experiments of a store. Each has a number of its own
//! as long as it is selected, from which its letter and colour follow wherever it is drawn.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::mlflow::{ExperimentId, RunId};
use crate::tui::widgets::theme::{LETTERED, NO_LETTER, letter_cells};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedRun {
    pub name: String,
    pub experiment: ExperimentId,
    /// From 1 on, the lowest that is free; beyond the letters that there are, none of them.
    pub slot: u16,
    /// Runs that were selected earlier have lower ones.
    order: u32,
}

#[derive(Debug, Default)]
pub struct SelectedRuns {
    by_id: FxHashMap<String, SelectedRun>,
    selections: u32,
    lettered: TakenLetters,
    /// Counts the changes.
    pub version: u64,
}

/// The numbers with letters that are taken.
#[derive(Debug, Default)]
struct TakenLetters(BTreeSet<u16>);

impl TakenLetters {
    /// Takes the lowest number that is free; none beyond so many.
    fn take_first(&mut self) -> u16 {
        if self.0.len() >= usize::from(LETTERED) {
            return NO_LETTER;
        }
        let free = (1..=LETTERED).find(|slot| !self.0.contains(slot)).unwrap_or(NO_LETTER);
        self.0.insert(free);
        free
    }

    fn free(&mut self, slot: u16) {
        self.0.remove(&slot);
    }
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
        let slot = self.lettered.take_first();
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
        let removed = self.by_id.remove(id);
        if let Some(run) = &removed {
            self.lettered.free(run.slot);
        }
        removed.is_some()
    }

    /// The cells of the widest letters of them.
    pub fn letter_cells(&self) -> usize {
        self.lettered.0.iter().next_back().map_or(1, |slot| letter_cells(*slot))
    }

    pub fn clear(&mut self) {
        self.version += 1;
        self.by_id.clear();
        self.lettered = TakenLetters::default();
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
        // Those that were selected when no letter was free have one where they are drawn.
        for at in 0..drawn.len() {
            if drawn[at].slot > LETTERED {
                let is_free = |slot: &u16| drawn.iter().all(|drawn| drawn.slot != *slot);
                drawn[at].slot = (1..=LETTERED).find(is_free).unwrap_or(NO_LETTER);
            }
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
    pub slot: u16,
    /// Several runs; none where it is one.
    pub members: Vec<RunId>,
}

impl DrawnRun {
    pub fn new(run: RunId, name: String, slot: u16) -> Self {
        Self { run, name, slot, members: Vec::new() }
    }

    /// Several runs as one; one by itself stays what it is.
    pub fn of_several(members: Vec<RunId>, name: String, slot: u16) -> Self {
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
        let slots: Vec<(String, u16)> =
            selected.in_order().into_iter().map(|(id, run)| (id.0, run.slot)).collect();
        assert_eq!(slots, [("y".into(), 2), ("z".into(), 3), ("new".into(), 1)]);
    }
}
