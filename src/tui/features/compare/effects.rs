//! What comparisons need, computed away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;

use super::Msg;
use super::histories::WantedHistory;
use crate::catalog::{Catalog, Row, gather};
use crate::compare::Comparison;
use crate::compare::importance::matters;
use crate::mlflow::{ExperimentId, Part, RunId, Summary};
use crate::select::Patterns;
use crate::store::{Result, Store};
use crate::tui::core::remote::Ticket;
use crate::tui::core::tasks::{Slot, Tasks, blocking};

#[derive(Debug, Clone)]
pub enum Effect {
    /// Read runs that are compared and not all of the open experiment.
    Load {
        ticket: Ticket,
        runs: Vec<(ExperimentId, RunId)>,
    },
    Compare {
        ticket: Ticket,
        catalog: Arc<Catalog>,
        rows: Vec<Row>,
        is_grouped: bool,
        now: i64,
    },
    /// Find out which params matter for a metric.
    Weigh {
        ticket: Ticket,
        comparison: Arc<Comparison>,
        metric: String,
        now: i64,
    },
    /// Read what histories come to.
    Summarise {
        ticket: Ticket,
        part: Part,
        wanted: Vec<WantedHistory>,
    },
}

/// Carries an effect out; the patterns tell directions of metrics by their names.
pub fn perform(effect: Effect, tasks: &mut Tasks, patterns: &Arc<Patterns>) {
    const SLOT: Slot = Slot("compare");
    let store = tasks.store.clone();
    match effect {
        Effect::Load { ticket, runs } => tasks.answer(SLOT, async move {
            let result = gather::runs(&store, &runs).await.map(Arc::new);
            Msg::Loaded { ticket, result }
        }),
        Effect::Compare { ticket, catalog, rows, is_grouped, now } => {
            let patterns = Arc::clone(patterns);
            let compare = move || {
                let comparison = Arc::new(Comparison::new(catalog, &rows, is_grouped, now, &patterns));
                Msg::Compared { ticket, comparison }
            };
            tasks.answer(SLOT, blocking(compare));
        }
        Effect::Weigh { ticket, comparison, metric, now } => {
            let weigh = move || {
                let matters = matters(&comparison, &metric, now);
                Msg::Weighed { ticket, matters }
            };
            tasks.answer(Slot("weigh"), blocking(weigh));
        }
        Effect::Summarise { ticket, part, wanted } => tasks.answer(Slot("compare histories"), async move {
            let result = summarise(&store, part, wanted).await;
            Msg::Summarised { ticket, part, result }
        }),
    }
}

/// Metrics, and what the histories of the runs that have them come to.
pub type ReadHistories = Vec<(WantedHistory, Vec<(RunId, Summary)>)>;

async fn summarise(store: &Store, part: Part, wanted: Vec<WantedHistory>) -> Result<ReadHistories> {
    let mut read = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let ids: Vec<RunId> = wanted.runs.iter().map(|(run, _)| run.clone()).collect();
        let mut summaries = Vec::with_capacity(ids.len());
        for ids in ids.chunks(store.capabilities().summary_batch().min(ids.len()).max(1)) {
            summaries.extend(store.metric_summaries(ids, &wanted.key, part).await?);
        }
        read.push((wanted, summaries));
    }
    Ok(read)
}
