//! Brings tags in line with the log: the run that holds the mark has its tags, no other run has any, and the experiment
//! names it.

use std::collections::BTreeSet;

use super::record::{MARK, MarkEvent, Record, events, holder, is_mark};
use crate::mlflow::filter::parse;
use crate::mlflow::{ExperimentId, LifecycleStage, Run, Tag, ViewType};
use crate::store::{ErrorKind, Result, RunSearch, Store};

/// Somebody else who marks all the time is not waited for for ever.
pub const ROUNDS: usize = 8;
/// Marked runs that are looked at at a time: there is one, or two where somebody broke off.
const PAGE: usize = 100;
/// So many of the newest marks may have left tags on their runs, where two wrote to one at once.
const LOOKED_AT: usize = 16;

/// Writes until nothing is left to write, and returns the log as it then is.
pub async fn settle(store: &Store, experiment: &ExperimentId) -> Result<Vec<MarkEvent>> {
    let mut log = Vec::new();
    for _ in 0..ROUNDS {
        let known = store.get_experiment(experiment).await?;
        log = events(&known.tags);
        let pointer = known.tags.iter().find(|tag| tag.key == MARK).map(|tag| tag.value.as_str());
        if !round(store, experiment, &log, pointer.unwrap_or_default()).await? {
            return Ok(log);
        }
    }
    Ok(log)
}

/// One round; true if something was written.
async fn round(store: &Store, experiment: &ExperimentId, log: &[MarkEvent], pointer: &str) -> Result<bool> {
    let holder = holder(log);
    let mut wrote = false;
    if let Some(holder) = holder {
        match store.get_run(&holder.run()).await {
            Ok(run) if run.info.lifecycle_stage == LifecycleStage::Active => {
                wrote |= hold(store, &run, holder).await?;
            }
            // A run that was deleted since takes no tags.
            Ok(_) => {}
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let is_marked = format!("tags.`{MARK}` = 'true'");
    for filter in [Some(is_marked), is_of_marks(log, holder)].into_iter().flatten() {
        let mut search = RunSearch {
            experiment_ids: vec![experiment.clone()],
            filter: parse(&filter).unwrap_or_default(),
            view: ViewType::ActiveOnly,
            max_results: PAGE,
            ..RunSearch::default()
        };
        // A page of long runs is shorter than asked for.
        for _ in 0..PAGE {
            let page = store.search_runs(&search).await?;
            for run in page.runs {
                if holder.is_none_or(|holder| holder.run() != run.info.run_id) {
                    wrote |= clear(store, &run).await?;
                }
            }
            search.page_token = page.next_page_token;
            if search.page_token.is_none() {
                break;
            }
        }
    }
    let wanted = holder.map_or("", |holder| holder.run_id.as_str());
    if pointer != wanted {
        point(store, experiment, wanted).await?;
        wrote = true;
    }
    Ok(wrote)
}

/// A filter for the runs of the newest marks but for the one that holds.
fn is_of_marks(log: &[MarkEvent], holder: Option<&Record>) -> Option<String> {
    let newest = log.iter().rev().filter_map(|event| match event {
        MarkEvent::Marked(record) => Some(record.run_id.as_str()),
        MarkEvent::Undone(_) => None,
    });
    let others: BTreeSet<&str> =
        newest.take(LOOKED_AT).filter(|id| holder.is_none_or(|holder| holder.run_id != *id)).collect();
    let is_id = |id: &&&str| id.chars().all(|c| c.is_ascii_alphanumeric());
    let quoted: Vec<String> = others.iter().filter(is_id).map(|id| format!("'{id}'")).collect();
    (!quoted.is_empty()).then(|| format!("run_id IN ({})", quoted.join(", ")))
}

/// The tags of the run that holds the mark.
async fn hold(store: &Store, run: &Run, record: &Record) -> Result<bool> {
    let wanted = record.run_tags();
    let missing: Vec<Tag> =
        wanted.iter().filter(|tag| run.tag(&tag.key) != Some(tag.value.as_str())).cloned().collect();
    let stale: Vec<&Tag> = run
        .tags
        .iter()
        .filter(|tag| is_mark(&tag.key) && !wanted.iter().any(|wanted| wanted.key == tag.key))
        .collect();
    if !missing.is_empty() {
        store.log_batch(&run.info.run_id, &[], &[], &missing).await?;
    }
    for tag in &stale {
        delete(store, run, &tag.key).await?;
    }
    Ok(!missing.is_empty() || !stale.is_empty())
}

/// Takes the tags of a mark away, the one that tells that there is one last.
async fn clear(store: &Store, run: &Run) -> Result<bool> {
    let mut keys: Vec<&str> =
        run.tags.iter().map(|tag| tag.key.as_str()).filter(|key| is_mark(key)).collect();
    keys.sort_unstable_by_key(|key| *key == MARK);
    for key in &keys {
        delete(store, run, key).await?;
    }
    Ok(!keys.is_empty())
}

async fn delete(store: &Store, run: &Run, key: &str) -> Result<()> {
    match store.delete_tag(&run.info.run_id, key).await {
        // Somebody else was faster.
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => Ok(()),
        result => result,
    }
}

async fn point(store: &Store, experiment: &ExperimentId, run: &str) -> Result<()> {
    if run.is_empty() {
        match store.delete_experiment_tag(experiment, MARK).await {
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => return Ok(()),
            // MLflow 2 servers cannot take a tag away: it is left empty.
            Err(error) if matches!(error.kind, ErrorKind::Unsupported(_)) => {}
            result => return result,
        }
    }
    store.set_experiment_tag(experiment, &Tag::new(MARK, run)).await
}
