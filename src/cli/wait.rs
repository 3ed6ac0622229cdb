//! `mltui wait RUN…` and `mltui wait --experiment E`: blocks until runs end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::finding::find_run;
use super::output::print_json;
use super::{Failure, find_experiment, open};
use crate::config::Settings;
use crate::mlflow::filter::parse;
use crate::mlflow::{ExperimentId, Run, RunId, RunStatus};
use crate::store::pages::Pages;
use crate::store::{DAMAGED, Result as StoreResult, RunSearch, Store};
use crate::text;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Runs to wait for: ids, beginnings of ids, or names
    #[arg(value_name = "RUN", required_unless_present = "experiment", conflicts_with = "experiment")]
    runs: Vec<String>,
    /// Wait for all active runs of this experiment (name or id), including those that start in the meantime
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
    /// Give up after this many seconds, with exit code 5
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Print the runs as one JSON array at the end, instead of each one as it finishes
    #[arg(long)]
    json: bool,
}

/// What is waited for, and what came of it.
struct Awaited {
    /// Runs that go on, by id, with their names.
    active: BTreeMap<RunId, String>,
    ended: Vec<Run>,
    /// Those that cannot be read whole, and so may have ended: it was told.
    unread: BTreeSet<RunId>,
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let store = open(settings)?;
    let limit = match arguments.timeout {
        Some(seconds) => Some(
            Duration::try_from_secs_f64(seconds)
                .map_err(|_| Failure::Usage("--timeout must be a number of seconds, at least 0".into()))?,
        ),
        None => None,
    };
    let experiment = match &arguments.experiment {
        Some(name) => Some(find_experiment(&store, name).await?.experiment_id),
        None => None,
    };
    let mut waiting = Awaited { active: BTreeMap::new(), ended: Vec::new(), unread: BTreeSet::new() };
    for id in &arguments.runs {
        // A run that is not there is wrong from the start; later trouble is waited out.
        let run = find_run(&store, id).await?;
        waiting.active.insert(run.info.run_id.clone(), run.info.run_name);
    }
    let start = Instant::now();
    let (mut was_reached, mut is_told) = (true, false);
    loop {
        match look(&store, experiment.as_ref(), &mut waiting).await {
            Ok(ended) => {
                was_reached = true;
                if !arguments.json {
                    for run in &ended {
                        writeln!(
                            out,
                            "{}  {}  {}",
                            run.info.run_id,
                            run.info.status,
                            text::clean(&run.info.run_name)
                        )?;
                    }
                    out.flush()?;
                }
                waiting.ended.extend(ended);
                if waiting.active.is_empty() {
                    break;
                }
                if !std::mem::replace(&mut is_told, true) {
                    tell(&format!("waiting for {}", text::runs(waiting.active.len())));
                }
            }
            Err(error) if error.is_transient() => {
                if std::mem::replace(&mut was_reached, false) {
                    tell(&format!("{error}; retrying"));
                }
            }
            Err(error) => return Err(error.into()),
        }
        if limit.is_some_and(|limit| start.elapsed() >= limit) {
            print_ended(arguments, &waiting, out)?;
            return Err(Failure::TimedOut(waiting.active.len()));
        }
        let rest = limit.map_or(Duration::MAX, |limit| limit.saturating_sub(start.elapsed()));
        tokio::time::sleep(settings.poll_interval.min(rest)).await;
    }
    print_ended(arguments, &waiting, out)?;
    let failed = waiting.ended.iter().filter(|run| run.info.status != RunStatus::Finished).count();
    if failed > 0 { Err(Failure::RunsFailed { failed, of: waiting.ended.len() }) } else { Ok(()) }
}

/// Looks once; returns the runs that ended since the last look.
async fn look(
    store: &Store,
    experiment: Option<&ExperimentId>,
    waiting: &mut Awaited,
) -> StoreResult<Vec<Run>> {
    if let Some(experiment) = experiment {
        waiting.active.extend(active_runs(store, experiment).await?);
    }
    let mut ended = Vec::new();
    for id in waiting.active.keys().cloned().collect::<Vec<_>>() {
        let run = store.get_run(&id).await?;
        if !run.info.status.is_active() {
            waiting.active.remove(&id);
            ended.push(run);
        } else if let Some(why) = run.tag(DAMAGED)
            && waiting.unread.insert(id)
        {
            tell(&format!("run {} cannot be read whole: {why}; waiting on", run.info.run_id));
        }
    }
    Ok(ended)
}

/// The runs that go on, with their names.
async fn active_runs(store: &Store, experiment: &ExperimentId) -> StoreResult<Vec<(RunId, String)>> {
    let mut runs = Vec::new();
    for status in [RunStatus::Running, RunStatus::Scheduled] {
        let mut search = RunSearch {
            experiment_ids: vec![experiment.clone()],
            filter: parse(&format!("status = '{}'", status.as_str())).unwrap_or_default(),
            max_results: 1_000,
            ..RunSearch::default()
        };
        let mut pages = Pages::default();
        loop {
            let page = store.search_runs(&search).await?;
            search.page_token = pages.follow(&page)?;
            runs.extend(page.runs.into_iter().map(|run| (run.info.run_id, run.info.run_name)));
            if search.page_token.is_none() {
                break;
            }
        }
    }
    Ok(runs)
}

fn print_ended(arguments: &Arguments, waiting: &Awaited, out: &mut impl Write) -> std::io::Result<()> {
    if !arguments.json {
        return Ok(());
    }
    let runs = waiting.ended.iter().map(|run| {
        json!({
            "run_id": run.info.run_id.as_str(), "run_name": run.info.run_name,
            "status": run.info.status.as_str(), "start_time": run.info.start_time, "end_time": run.info.ended(),
        })
    });
    print_json(&Json::Array(runs.collect()), out)
}

fn tell(words: &str) {
    // Nothing is left to tell it to if standard error is closed.
    let _ = writeln!(std::io::stderr(), "mltui: {}", text::clean(words));
}
