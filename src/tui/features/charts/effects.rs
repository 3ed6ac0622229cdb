//! The histories that charts show, read away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;

use futures_util::StreamExt;

use super::histories::HistoryRequest;
use super::{Msg, standing};
use crate::catalog::Catalog;
use crate::catalog::view::Projection;
use crate::tui::core::remote::Ticket;
use crate::tui::core::tasks::{Slot, Tasks, blocking};

#[derive(Debug, Clone)]
pub enum Effect {
    /// Read what is new of histories, in place of what is still being read for charts.
    Read(Vec<HistoryRequest>),
    /// Put in order the values of metrics among the runs of a view.
    Rank { ticket: Ticket, catalog: Arc<Catalog>, projection: Arc<Projection>, keys: Vec<String> },
}

pub fn perform(effect: Effect, tasks: &mut Tasks) {
    let store = tasks.store.clone();
    match effect {
        Effect::Read(requests) => {
            let sender = tasks.sender();
            // As many as there are threads for, and no more than a server likes.
            let at_once = store.capabilities().parallel_reads;
            tasks.start(Slot("charts"), async move {
                let requests = futures_util::stream::iter(requests);
                let read = requests.for_each_concurrent(at_once, |request| async {
                    let of = &request.of;
                    let result = store.history_since(&of.run, &of.key, &request.cursor).await;
                    let _ = sender.send(Msg::History { request, result }.into());
                });
                read.await;
            });
        }
        Effect::Rank { ticket, catalog, projection, keys } => {
            let rank = move || Msg::Ranked { ticket, values: standing::values(&catalog, &projection, &keys) };
            tasks.answer(Slot("standing"), blocking(rank));
        }
    }
}
