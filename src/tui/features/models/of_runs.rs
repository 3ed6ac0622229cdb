//! Which runs have versions, as far as runs are on the screen.

use rustc_hash::FxHashMap;

use super::screen::Freshness;
use crate::mlflow::{ModelVersion, RunId};
use crate::store::{ErrorKind, StoreError};
use crate::tui::core::remote::{Remote, Ticket};

/// Runs that are kept in mind at most; those of another time are asked for again.
const MOST: usize = 5_000;

/// The versions of runs.
#[derive(Debug, Default)]
pub struct RunVersions {
    known: FxHashMap<RunId, Vec<ModelVersion>>,
    pub reading: Remote<()>,
    pub freshness: Freshness,
    /// There is no registry: nobody asks again.
    is_absent: bool,
    /// Counts what came, so that nothing is drawn anew without need.
    pub changes: u64,
}

impl RunVersions {
    /// Of these runs, those to ask for now: the ones that are not known, or all where they may be others by now.
    pub fn wanted(&self, shown: Vec<RunId>, is_due: bool) -> Vec<RunId> {
        if self.is_absent || self.reading.is_waiting() {
            return Vec::new();
        }
        if is_due {
            return shown;
        }
        // What failed is asked for again when it is due.
        let has_failed = self.reading.error().is_some();
        shown.into_iter().filter(|run| !has_failed && !self.known.contains_key(run)).collect()
    }

    pub fn take(
        &mut self,
        ticket: Ticket,
        runs: Vec<RunId>,
        result: Result<Vec<ModelVersion>, StoreError>,
        now: i64,
    ) {
        let (versions, outcome) = match result {
            Ok(versions) => (Some(versions), Ok(())),
            Err(error) => (None, Err(error)),
        };
        let is_absent = matches!(&outcome, Err(StoreError { kind: ErrorKind::Unsupported(_), .. }));
        if !self.reading.take(ticket, outcome, now) {
            return;
        }
        self.is_absent = is_absent;
        let Some(versions) = versions else { return };
        if self.known.len() + runs.len() > MOST {
            self.known.clear();
        }
        let mut found: FxHashMap<RunId, Vec<ModelVersion>> =
            runs.into_iter().map(|run| (run, Vec::new())).collect();
        for version in versions {
            if let Some(of) = version.run_id.as_ref().and_then(|run| found.get_mut(run)) {
                of.push(version);
            }
        }
        let differs = found.iter().any(|(run, versions)| self.known.get(run) != Some(versions));
        self.changes += u64::from(differs);
        self.known.extend(found);
    }

    /// Whether it is known which versions a run has.
    pub fn knows(&self, run: &RunId) -> bool {
        self.is_absent || self.reading.error().is_some() || self.known.contains_key(run)
    }

    /// The versions of a run, by name, the newest first.
    pub fn of(&self, run: &RunId) -> &[ModelVersion] {
        self.known.get(run).map_or(&[], Vec::as_slice)
    }

    /// The model that runs have an alias of, where it is one.
    pub fn of_alias(&self, alias: &str) -> Option<&str> {
        let has = |version: &&ModelVersion| version.aliases.iter().any(|known| known == alias);
        let mut models = self.known.values().flatten().filter(has).map(|version| version.name.as_str());
        let first = models.next()?;
        models.all(|name| name == first).then_some(first)
    }

    /// The names of the models that runs have versions of, as far as they are known.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.known.values().flatten().map(|version| version.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The runs that have badges, and these.
    pub fn badges(&self) -> FxHashMap<String, String> {
        let badge = |(run, versions): (&RunId, &Vec<ModelVersion>)| {
            let mut aliases: Vec<String> =
                versions.iter().flat_map(|version| version.aliases.iter().cloned()).collect();
            aliases.sort();
            aliases.dedup();
            (!aliases.is_empty()).then(|| (run.0.clone(), crate::registry::badges(&aliases)))
        };
        self.known.iter().filter_map(badge).collect()
    }
}
