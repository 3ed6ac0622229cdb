//! What comparisons need, computed away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::histories::WantedHistory;
use super::{Compared, Msg};
use crate::catalog::{Builder, Catalog, Row, gather};
use crate::compare::Comparison;
use crate::compare::importance::matters;
use crate::mlflow::{Part, RunId, Summary};
use crate::registry::{Measured, measured_model};
use crate::select::Patterns;
use crate::store::batch::whole_runs;
use crate::store::{ErrorKind, Result, Store};
use crate::tui::core::remote::Ticket;
use crate::tui::core::tasks::{Slot, Tasks, blocking};

#[derive(Debug, Clone)]
pub enum Effect {
    /// Read runs that are compared and not all of the open experiment, or logged models of them. The metric that decides is
    /// read with care.
    Load {
        ticket: Ticket,
        runs: Vec<Compared>,
        deciding: Option<String>,
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
    /// Read what histories come to. Rows that go by another id than their run's come with it.
    Summarise {
        ticket: Ticket,
        part: Part,
        wanted: Vec<WantedHistory>,
        rows: FxHashMap<RunId, RunId>,
    },
}

/// Carries an effect out; the patterns tell directions of metrics by their names.
pub fn perform(effect: Effect, tasks: &mut Tasks, patterns: &Arc<Patterns>) {
    const SLOT: Slot = Slot("compare");
    let store = tasks.store.clone();
    match effect {
        Effect::Load { ticket, runs, deciding } => tasks.answer(SLOT, async move {
            let result = gathered(&store, &runs, deciding.as_deref()).await;
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
        Effect::Summarise { ticket, part, wanted, rows } => {
            tasks.answer(Slot("compare histories"), async move {
                let result = summarise(&store, part, wanted, &rows).await;
                Msg::Summarised { ticket, part, result }
            });
        }
    }
}

/// Runs that were read to be compared.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    pub catalog: Arc<Catalog>,
    /// The metrics whose values are a logged model's own, by row.
    pub own: OwnMetrics,
}

pub type OwnMetrics = FxHashMap<RunId, FxHashSet<String>>;

/// The runs that are compared; of those whose logged model is meant, with its values. Those that are gone are left out.
pub async fn gathered(store: &Store, compared: &[Compared], deciding: Option<&str>) -> Result<Gathered> {
    if compared.iter().all(|it| it.model.is_none()) {
        let runs: Vec<_> = compared.iter().map(|it| (it.experiment.clone(), it.run.clone())).collect();
        let catalog = Arc::new(gather::runs(store, &runs).await?);
        return Ok(Gathered { catalog, own: OwnMetrics::default() });
    }
    let mut found = Vec::new();
    for it in compared {
        let run = match store.get_run(&it.run).await {
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => continue,
            run => run?,
        };
        found.push(Measured { run, model: measured_model(store, it.model.as_ref(), deciding).await? });
    }
    let own: Vec<FxHashSet<String>> = found.iter().map(Measured::own_keys).collect();
    let rows = match <[Measured; 2]>::try_from(found) {
        Ok([own, other]) => Measured::pair(own, other).to_vec(),
        Err(others) => others.into_iter().map(Measured::row).collect(),
    };
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(&rows));
    let own = rows.iter().map(|row| row.info.run_id.clone()).zip(own).filter(|(_, keys)| !keys.is_empty());
    Ok(Gathered { catalog: Arc::new(builder.snapshot()), own: own.collect() })
}

/// Metrics, and what the histories of the runs that have them come to.
pub type ReadHistories = Vec<(WantedHistory, Vec<(RunId, Summary)>)>;

async fn summarise(
    store: &Store,
    part: Part,
    wanted: Vec<WantedHistory>,
    rows: &FxHashMap<RunId, RunId>,
) -> Result<ReadHistories> {
    let mut read = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let ids = wanted.runs.iter().map(|(run, _)| rows.get(run).unwrap_or(run).clone());
        let mut ids: Vec<RunId> = ids.collect();
        if !rows.is_empty() {
            ids.sort_unstable();
            ids.dedup();
        }
        let mut summaries = Vec::with_capacity(ids.len());
        for ids in ids.chunks(store.capabilities().summary_batch().min(ids.len()).max(1)) {
            summaries.extend(store.metric_summaries(ids, &wanted.key, part).await?);
        }
        for (row, run) in rows {
            let found = summaries.iter().find(|(known, _)| known == run).map(|(_, summary)| *summary);
            summaries.extend(found.map(|summary| (row.clone(), summary)));
        }
        read.push((wanted, summaries));
    }
    Ok(read)
}
