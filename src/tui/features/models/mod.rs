//! The model registry: registered models and their versions as a screen, and which runs have versions, wherever runs are shown.
//!
//! State: [`Models`], as `app.models`: what is known of the versions of runs, the screen that a run was opened from, what can
//! be undone. The screen itself stands among the screens. The core calls `update` and `following`; other features find the badges of runs in
//! `app.runs` and the versions of the shown run in `app.details`.

pub mod actions;
pub mod arranging;
mod cells;
pub mod describe;
pub mod editing;
pub mod effects;
pub mod following;
pub mod kept;
pub mod layout;
pub mod of_runs;
pub mod place;
pub mod promoting;
pub mod screen;
pub mod update;
pub mod view;

use std::sync::Arc;

use crate::files::ModelFolder;
use crate::mlflow::{ExperimentId, ModelVersion, RegisteredModel, RunId};
use crate::promotion::{Promoted, Promotion, PromotionPlan, PromotionRequest};
use crate::registry::VersionOrigin;
use crate::registry::edit::{Applied, Undo};
use crate::store::StoreError;
use crate::tui::core::remote::{Remote, Ticket};
use effects::{Challenged, FoundChampion};
use kept::KeptEdit;
use of_runs::RunVersions;
use screen::ModelsScreen;

/// What is known of models besides the screen.
#[derive(Debug, Default)]
pub struct Models {
    pub of_runs: RunVersions,
    /// All registered models by name, as the palette finds them.
    pub names: Remote<Arc<Vec<String>>>,
    /// The screen that a run was opened from: esc goes back to it.
    pub left: Option<LeftScreen>,
    /// What was changed here and can be undone, the last on top.
    pub done: Vec<Done>,
    /// What was changed before the program was started, the oldest first.
    pub earlier: Vec<KeptEdit>,
    /// Something is being written, and what can be undone is about to be another.
    pub is_writing: bool,
}

/// Something that was done here and can be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    Edit(Undo),
    Promotion(Box<Promotion>),
}

/// The registry, left for a run.
#[derive(Debug)]
pub struct LeftScreen {
    pub screen: Box<ModelsScreen>,
    /// What the runs were searched for when it was left.
    pub searched: String,
    /// Where it was left for.
    pub experiment: ExperimentId,
}

/// What tasks bring back.
#[derive(Debug, Clone)]
pub enum Msg {
    /// Registered models: all, or the first ones of them.
    Models { ticket: Ticket, is_whole: bool, result: Result<Vec<RegisteredModel>, StoreError> },
    /// The names of all registered models.
    Names { ticket: Ticket, result: Result<Vec<String>, StoreError> },
    /// The versions of a model.
    Versions { ticket: Ticket, result: Result<Vec<ModelVersion>, StoreError> },
    /// What versions were made from.
    Origins { ticket: Ticket, versions: Vec<u64>, result: Result<Vec<VersionOrigin>, StoreError> },
    /// The files of a version.
    Folder { ticket: Ticket, result: Result<Box<ModelFolder>, StoreError> },
    /// The versions of runs.
    OfRuns { ticket: Ticket, runs: Vec<RunId>, result: Result<Vec<ModelVersion>, StoreError> },
    /// Something was changed, or not.
    Edited(Result<Applied, StoreError>),
    /// The last change was undone, or not.
    Undone { done: Box<Done>, result: Result<Applied, StoreError> },
    /// What a promotion would write, and what the gate says.
    PromotionPlanned { request: Box<PromotionRequest>, result: Result<Box<PromotionPlan>, StoreError> },
    /// A version was promoted, or not.
    Promoted(Result<Box<Promoted>, StoreError>),
    /// The run of a champion, if there is one.
    Champion { challenged: Box<Challenged>, result: Result<Option<FoundChampion>, StoreError> },
}
