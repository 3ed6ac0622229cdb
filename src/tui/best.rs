//! Which run of the open experiment is best, as far as that is known, and how it is shown.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::effect::Effect;
use super::msg::Msg;
use super::panes::runs::Runs;
use crate::catalog::summaries::Wanted;
use crate::catalog::{Catalog, Row};
use crate::marking::MARK;
use crate::mlflow::{ExperimentId, RunId, Tag};
use crate::select::{
    Patterns, Policy, Resolved, Selection, further, newest_metrics, reason, resolve, select, select_with,
    told,
};
use crate::text;

/// Runs that are ranked.
const TOP: usize = 50;

/// What is told of a run wherever it appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The program picks it.
    Best,
    /// No other run beats it in all objectives.
    Front,
}

#[derive(Debug, Default)]
pub struct Best {
    /// The policies that the user chose, by experiment.
    pub policies: HashMap<ExperimentId, Policy>,
    pub resolved: Option<Resolved>,
    pub selection: Option<Arc<Selection>>,
    /// What the selection was made of.
    pub catalog: Arc<Catalog>,
    pub generation: u64,
    id: Option<String>,
    front: FxHashSet<String>,
    asked: Option<Asked>,
}

/// What a selection was asked for.
#[derive(Debug)]
struct Asked {
    experiment: ExperimentId,
    catalog: Arc<Catalog>,
    tags: Vec<Tag>,
    chosen: Option<Policy>,
}

impl Best {
    pub fn new(policies: HashMap<ExperimentId, Policy>) -> Self {
        Self { policies, ..Self::default() }
    }

    pub fn run_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What is told of a run of the open experiment.
    pub fn sign(&self, run_id: &str) -> Option<Sign> {
        if self.id.as_deref() == Some(run_id) {
            Some(Sign::Best)
        } else if self.front.contains(run_id) {
            Some(Sign::Front)
        } else {
            None
        }
    }

    /// A run's name, cleaned, with a star before it if it is the best.
    pub fn starred(&self, run: &RunId, name: &str, star: &str) -> String {
        let star = if self.run_id() == Some(run.as_str()) { star } else { "" };
        format!("{star}{}", text::clean(name))
    }

    pub fn policy(&self) -> Option<&Policy> {
        match &self.resolved {
            Some(Resolved::Policy(policy, _)) => Some(policy),
            _ => None,
        }
    }

    /// The histories that it takes to tell.
    pub fn wanted(&self) -> Vec<Wanted> {
        self.policy().map(Policy::wanted).unwrap_or_default()
    }

    /// Takes an answer in.
    pub fn take(&mut self, catalog: Arc<Catalog>, resolved: Resolved, selection: Option<Arc<Selection>>) {
        let id = |row: Row| catalog.run_id(row).to_owned();
        self.id = selection.as_ref().and_then(|selection| Some(id(selection.best()?.row)));
        let front = selection.as_ref().map(|selection| selection.front.iter().copied().map(id).collect());
        self.front = front.unwrap_or_default();
        self.resolved = Some(resolved);
        self.selection = selection;
        self.catalog = catalog;
    }

    /// What the status line says: the best run, or why there is none.
    pub fn words(&self, is_complete: bool) -> Option<String> {
        let so_far = if is_complete { "" } else { ", so far" };
        match (&self.resolved, &self.selection) {
            (Some(Resolved::Policy(..)), Some(selection)) => Some(match selection.best() {
                Some(best) => {
                    let name = text::clean(self.catalog.run_name(best.row));
                    format!("best: {name}, {}{so_far}", reason::short(selection))
                }
                None if selection.considered == 0 => return None,
                None => {
                    let out = reason::left_out(&selection.left_out).join(", ");
                    format!("no run is eligible by the {}: {out}{so_far}", reason::aim(&selection.policy))
                }
            }),
            (Some(Resolved::Undirected(metric, _)), _) => Some(format!(
                "whether less or more of {} is better is not known: m says",
                text::clean(metric)
            )),
            (Some(Resolved::Open), _) if !self.catalog.metrics.is_empty() => {
                Some("no metric tells by its name which run is best: m chooses one".into())
            }
            _ => None,
        }
    }
}

/// Resolves the policy of an experiment, and chooses. Takes milliseconds where there are many runs.
pub fn choose(
    generation: u64,
    catalog: Arc<Catalog>,
    chosen: Option<Policy>,
    tags: &[Tag],
    patterns: &Patterns,
) -> Msg {
    // A policy that was chosen needs no metrics to be found.
    let counts = if chosen.is_some() { Vec::new() } else { newest_metrics(&catalog) };
    let resolved = resolve(chosen, tags, patterns, &counts, &told(&catalog));
    let selection = match &resolved {
        Resolved::Policy(policy, _) => {
            let mut selection = select(&catalog, policy, TOP);
            if !selection.undecided.is_empty() {
                selection = select_with(&catalog, policy, &further(&catalog, patterns), TOP);
            }
            Some(Arc::new(selection))
        }
        _ => None,
    };
    Msg::Selected { generation, catalog, resolved: Box::new(resolved), selection }
}

/// Whether somebody marked a run best, as its tags say.
pub fn is_marked(catalog: &Catalog, row: Row) -> bool {
    let column = catalog.tags.column(&catalog.texts, MARK);
    column.and_then(|column| column.get(row)).is_some_and(|value| catalog.texts.get(value) == "true")
}

impl Best {
    /// Asks for a selection where anything that it depends on is another. `tags` are those of the open experiment.
    pub fn follow(&mut self, runs: &Runs, tags: &[Tag]) -> Option<Effect> {
        let experiment = runs.experiment.clone()?;
        if self.asked.as_ref().is_some_and(|asked| asked.experiment != experiment) {
            *self = Self {
                policies: std::mem::take(&mut self.policies),
                generation: self.generation + 1,
                ..Self::default()
            };
        }
        if !runs.loaded {
            return None;
        }
        let chosen = self.policies.get(&experiment);
        let is_asked = self.asked.as_ref().is_some_and(|asked| {
            Arc::ptr_eq(&asked.catalog, &runs.catalog)
                && asked.tags == tags
                && asked.chosen.as_ref() == chosen
        });
        if is_asked {
            return None;
        }
        let chosen = chosen.cloned();
        let catalog = Arc::clone(&runs.catalog);
        self.generation += 1;
        let effect = Effect::Select {
            generation: self.generation,
            catalog: Arc::clone(&catalog),
            tags: tags.to_vec(),
            chosen: chosen.clone().map(Box::new),
        };
        self.asked = Some(Asked { experiment, catalog, tags: tags.to_vec(), chosen });
        Some(effect)
    }
}
