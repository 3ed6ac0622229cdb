//! The data sets of an experiment, away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use super::Msg;
use crate::mlflow::{ExperimentId, ViewType};
use crate::tui::core::remote::Ticket;
use crate::tui::core::tasks::{Slot, Tasks};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    List { ticket: Ticket, experiment: ExperimentId, deleted: bool },
}

pub fn perform(effect: Effect, tasks: &mut Tasks) {
    let store = tasks.store.clone();
    match effect {
        Effect::List { ticket, experiment, deleted } => tasks.answer(Slot("data sets"), async move {
            let view = if deleted { ViewType::All } else { ViewType::ActiveOnly };
            Msg::Listed { ticket, result: store.data_sets(&experiment, view).await }
        }),
    }
}
