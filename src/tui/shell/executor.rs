//! Does what the state machine wants done: each feature carries out its own effects, as tasks.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::state::views::Views;
use crate::store::Store;
use crate::tui::core::effect::{Effect, Shell};
use crate::tui::core::msg::Msg;
use crate::tui::core::tasks::Tasks;
use crate::tui::features::models::kept::KeptEdits;
use crate::tui::features::session::keeping::{Keeper, unwritten};
use crate::tui::features::{
    best, charts, compare, datasets, details, experiments, export, files, models, runs, session, sweeps,
};

/// How long leaving waits for what is being written.
const PATIENCE: Duration = Duration::from_secs(5);

pub struct EffectExecutor {
    tasks: Tasks,
    keeper: Keeper,
    runs: runs::effects::Services,
    best: best::effects::Services,
    models: models::effects::Services,
    sweeps: sweeps::effects::Services,
}

impl EffectExecutor {
    pub fn new(
        store: Store,
        sender: UnboundedSender<Msg>,
        interval: Duration,
        keeper: Keeper,
        best: best::effects::Services,
        sweeps: sweeps::effects::Services,
        views: Views,
    ) -> Self {
        let interval = store.capabilities().poll_interval(interval);
        let runs = runs::effects::Services::new(interval, views);
        let models = models::effects::Services {
            turn: Arc::clone(&best.turn),
            journal: best.journal.clone(),
            patterns: Arc::clone(&best.patterns),
            user: best.user.clone(),
            kept: None,
        };
        Self { tasks: Tasks::new(store, sender), keeper, runs, best, models, sweeps }
    }

    /// The same, and changes of the registry are kept in mind.
    pub fn keeping(mut self, edits: KeptEdits) -> Self {
        self.models.kept = Some(edits);
        self
    }

    /// Carries an effect out. What belongs to the terminal comes back.
    pub fn perform(&mut self, effect: Effect) -> Option<Shell> {
        let tasks = &mut self.tasks;
        match effect {
            Effect::Experiments(effect) => {
                let every = self.runs.interval.max(runs::watch::RETRY.0);
                experiments::effects::perform(effect, tasks, every);
            }
            Effect::Runs(effect) => runs::effects::perform(effect, tasks, &mut self.runs),
            Effect::Details(effect) => details::effects::perform(effect, tasks),
            Effect::Charts(effect) => charts::effects::perform(effect, tasks),
            Effect::Compare(effect) => compare::effects::perform(effect, tasks, &self.best.patterns),
            Effect::Best(effect) => best::effects::perform(effect, tasks, &self.best),
            Effect::Sweeps(effect) => sweeps::effects::perform(effect, tasks, &self.sweeps),
            Effect::Datasets(effect) => datasets::effects::perform(effect, tasks),
            Effect::Models(effect) => models::effects::perform(effect, tasks, &self.models),
            Effect::Export(effect) => export::effects::perform(effect, tasks),
            Effect::Files(effect) => files::effects::perform(effect, tasks),
            Effect::Session(effect) => session::effects::perform(effect, tasks, &self.keeper),
            Effect::Shell(effect) => return Some(effect),
        }
        None
    }

    /// Finishes and closes what broke off at an earlier time.
    pub fn recover(&mut self, may_write: bool) {
        if may_write {
            best::effects::resume_marks(&mut self.tasks, &self.best);
        }
        sweeps::effects::find_sweeps(&mut self.tasks, &self.sweeps, may_write);
    }

    /// Ends everything but what is being written, and waits for that for a while. What cannot be kept comes back in words.
    pub async fn finish(&mut self) -> Option<String> {
        self.tasks.finish(PATIENCE).await;
        self.keeper.flush().err().map(|error| unwritten(&error))
    }
}
