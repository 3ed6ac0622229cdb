//! Whether a sweep can go on in its store: nothing is trained for a run that was deleted, nor a second time where it is not known
//! any more what was done.

use std::io;

use thiserror::Error;

use crate::mlflow::filter::parse;
use crate::mlflow::{LifecycleStage, Run, RunStatus, ViewType};
use crate::store::{ErrorKind, Result, RunSearch, RunUpdate, Store, StoreError, now_ms};
use crate::sweep::engine::journal::SweepFolder;
use crate::sweep::engine::record::{SWEEP, TRIAL, is_transient};
use crate::sweep::header::SweepHeader;

/// Runs that are looked at together.
const PAGE: usize = 200;

/// Why a sweep cannot go on.
#[derive(Debug, Error)]
pub enum NotResumable {
    /// Its own run was deleted.
    #[error(
        "the run {run} of the sweep {sweep} was deleted; to go on, restore it first (`mlflow runs restore --run-id {run}`, or D in \
         the explorer), or start a new sweep: {again}"
    )]
    Deleted {
        /// Its id or name.
        sweep: String,
        /// The run.
        run: String,
        /// The command that starts a new one.
        again: String,
    },
    /// Its own run is not in the store any more.
    #[error("the store has no run of the sweep {sweep} any more; start a new sweep: {again}")]
    Gone {
        /// Its id or name.
        sweep: String,
        /// The command that starts a new one.
        again: String,
    },
    /// What it has done is not known any more.
    #[error(
        "{path} has no events, though the store has {} of the sweep {sweep}: what was done is not known, so it cannot go on\
         {}; start a new sweep: {again}",
        crate::text::counted(*.runs, "run"),
        closed_in_words(*.closed)
    )]
    Lost {
        /// The journal.
        path: String,
        /// Its id or name.
        sweep: String,
        /// How many runs of it there are.
        runs: usize,
        /// How many of them seemed to be running, and were closed.
        closed: usize,
        /// The command that starts a new one.
        again: String,
    },
    /// The store does not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] io::Error),
}

fn closed_in_words(closed: usize) -> String {
    match closed {
        0 => String::new(),
        1 => " (1 run that was left running is now KILLED)".into(),
        some => format!(" ({some} runs that were left running are now KILLED)"),
    }
}

/// Whether a sweep can go on in its store. One that is away says nothing: it is waited for later.
///
/// # Errors
/// Why not. Of a sweep whose journal is lost, runs that nobody is at are closed.
pub async fn check_resumable(
    store: &Store,
    folder: &SweepFolder,
    header: &SweepHeader,
) -> std::result::Result<(), NotResumable> {
    let (sweep, again) = (header.id.clone(), header.command());
    let count = folder.events()?.len();
    let found = match parents(store, header).await {
        Err(error) if is_transient(&error.kind) => return Ok(()),
        found => found?,
    };
    if count == 0 {
        let Some(runs) = found_any(store, header).await? else { return Ok(()) };
        let closed = close_runs(store, folder, header, &runs).await?;
        let path = folder.journal().display().to_string();
        return Err(NotResumable::Lost { path, sweep, runs: runs.len(), closed, again });
    }
    let is_deleted = |run: &Run| run.info.lifecycle_stage == LifecycleStage::Deleted;
    match found.first() {
        Some(run) if is_deleted(run) => {
            Err(NotResumable::Deleted { sweep, run: run.info.run_id.to_string(), again })
        }
        None if folder.sent() > 0 => Err(NotResumable::Gone { sweep, again }),
        Some(_) | None => Ok(()),
    }
}

/// The sweep's own run.
async fn parents(store: &Store, header: &SweepHeader) -> Result<Vec<Run>> {
    let filter = format!("tags.`{SWEEP}` = '{}' AND tags.`{TRIAL}` = 'parent'", header.id);
    Ok(store.search_runs(&search(header, &filter, ViewType::All, None)?).await?.runs)
}

/// All runs of the sweep that are not deleted; none where there are none.
async fn found_any(store: &Store, header: &SweepHeader) -> Result<Option<Vec<Run>>> {
    let (mut runs, mut token) = (Vec::new(), None);
    loop {
        let filter = format!("tags.`{SWEEP}` = '{}'", header.id);
        let page = store.search_runs(&search(header, &filter, ViewType::ActiveOnly, token)?).await?;
        runs.extend(page.runs);
        token = page.next_page_token;
        if token.is_none() {
            return Ok(Some(runs).filter(|runs| !runs.is_empty()));
        }
    }
}

fn search(
    header: &SweepHeader,
    filter: &str,
    view: ViewType,
    page_token: Option<String>,
) -> Result<RunSearch> {
    let filter = parse(filter)
        .map_err(|error| StoreError::new("find a run", ErrorKind::Invalid(error.to_string())))?;
    Ok(RunSearch {
        experiment_ids: vec![header.experiment.clone()],
        filter,
        view,
        max_results: PAGE,
        page_token,
        ..RunSearch::default()
    })
}

/// Closes the runs that are still said to be running, where nobody is at the sweep; how many. Jobs of a cluster may go on.
async fn close_runs(
    store: &Store,
    folder: &SweepFolder,
    header: &SweepHeader,
    runs: &[Run],
) -> std::result::Result<usize, NotResumable> {
    if header.plan.executor.slurm().is_some() {
        return Ok(0);
    }
    let Some(_held) = folder.take()? else { return Ok(0) };
    let killed =
        RunUpdate { status: Some(RunStatus::Killed), end_time: Some(now_ms()), ..RunUpdate::default() };
    let mut closed = 0;
    for run in runs.iter().filter(|run| run.info.status.is_active()) {
        store.update_run(&run.info.run_id, &killed).await?;
        closed += 1;
    }
    Ok(closed)
}
