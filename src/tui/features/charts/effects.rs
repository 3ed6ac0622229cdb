//! The histories that charts show, read away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;

use futures_util::StreamExt;

use super::histories::HistoryRequest;
use super::{Msg, standing};
use crate::catalog::Catalog;
use crate::catalog::view::Projection;
use crate::store::{ErrorKind, HistoryCursor, HistoryPart, Result, Store};
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
            let capabilities = store.capabilities();
            let groups = grouped(requests, capabilities.walks_runs);
            tasks.start(Slot("charts"), async move {
                // As many as there are threads for, and no more than a server likes.
                let groups = futures_util::stream::iter(groups);
                let read = groups.for_each_concurrent(capabilities.parallel_reads, |requests| async {
                    for (request, result) in read(&store, requests).await {
                        let _ = sender.send(Msg::History { request, result }.into());
                    }
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

/// What is asked for together: what is wanted of a run where a walk over it finds all of that.
fn grouped(requests: Vec<HistoryRequest>, walks_runs: bool) -> Vec<Vec<HistoryRequest>> {
    let mut groups: Vec<Vec<HistoryRequest>> = Vec::new();
    for request in requests {
        let same_run = groups.iter_mut().find(|group| walks_runs && group[0].of.run == request.of.run);
        match same_run {
            Some(group) => group.push(request),
            None => groups.push(vec![request]),
        }
    }
    groups
}

/// What a store says of histories of one run. Where they are too much together, each by itself.
async fn read(store: &Store, requests: Vec<HistoryRequest>) -> Vec<(HistoryRequest, Result<HistoryPart>)> {
    if requests.len() > 1 {
        let wanted: Vec<(String, HistoryCursor)> =
            requests.iter().map(|request| (request.of.key.clone(), request.cursor.clone())).collect();
        match store.histories_since(&requests[0].of.run, &wanted).await {
            Ok(parts) => return requests.into_iter().zip(parts.into_iter().map(Ok)).collect(),
            Err(error) if matches!(error.kind, ErrorKind::TooMuch(_)) => {}
            Err(error) => {
                return requests.into_iter().map(|request| (request, Err(error.clone()))).collect();
            }
        }
    }
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        let result = store.history_since(&request.of.run, &request.of.key, &request.cursor).await;
        answers.push((request, result));
    }
    answers
}
