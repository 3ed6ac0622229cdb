//! One run in full: overview, metrics, params, tags, artifacts.

pub mod view;

use crate::mlflow::{ArtifactFile, Run, RunId};
use crate::store::StoreError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Overview,
    Metrics,
    Params,
    Tags,
    Artifacts,
}

impl Tab {
    pub const ALL: [Self; 5] = [Self::Overview, Self::Metrics, Self::Params, Self::Tags, Self::Artifacts];

    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Metrics => "Metrics",
            Self::Params => "Params",
            Self::Tags => "Tags",
            Self::Artifacts => "Artifacts",
        }
    }
}

#[derive(Debug)]
pub struct Details {
    pub tab: Tab,
    pub scroll: usize,
    /// The run that is wanted; what is shown may still be the one before, under its own name.
    pub wanted: Option<RunId>,
    pub run: Option<Box<Run>>,
    pub error: Option<StoreError>,
    pub generation: u64,
    /// The run whose artifacts were asked for, so that they are asked for once.
    pub artifacts_asked: Option<RunId>,
    /// The artifacts at the run's root, of which run.
    pub artifacts: Option<(RunId, Result<Vec<ArtifactFile>, StoreError>)>,
}

impl Default for Details {
    fn default() -> Self {
        Self {
            tab: Tab::Overview,
            scroll: 0,
            wanted: None,
            run: None,
            error: None,
            generation: 0,
            artifacts_asked: None,
            artifacts: None,
        }
    }
}

impl Details {
    pub fn step_tab(&mut self, by: isize) {
        let count = Tab::ALL.len() as isize;
        let at = Tab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0) as isize;
        self.tab = Tab::ALL[(at + by).rem_euclid(count) as usize];
        self.scroll = 0;
    }

    /// Lines of the tab, for scrolling.
    pub fn length(&self) -> usize {
        let Some(run) = &self.run else { return 0 };
        match self.tab {
            Tab::Overview => view::OVERVIEW_LINES + run.inputs.len() + run.model_outputs.len(),
            Tab::Metrics => run.metrics.len(),
            Tab::Params => run.params.len(),
            Tab::Tags => run.tags.len(),
            Tab::Artifacts => match &self.artifacts {
                Some((_, Ok(files))) => files.len(),
                _ => 1,
            },
        }
    }

    pub fn step(&mut self, by: isize, height: usize) {
        let last = self.length().saturating_sub(height);
        self.scroll = self.scroll.saturating_add_signed(by).min(last);
    }

    /// Whether the artifacts of the run that is shown are still to be asked for.
    pub fn needs_artifacts(&self) -> Option<RunId> {
        let run = self.run.as_ref().filter(|_| self.tab == Tab::Artifacts)?;
        let id = &run.info.run_id;
        (self.artifacts_asked.as_ref() != Some(id)).then(|| id.clone())
    }
}
