//! Runs, away from the loop: read and kept current, projected, written to.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedSender};

use super::sparks::SPARK_POINTS;
use super::watch::{Attended, Watch, WatchCommand};
use super::{Msg, projecting};
use crate::catalog::Catalog;
use crate::catalog::summaries::NeededHistory;
use crate::catalog::sync::Sync;
use crate::catalog::view::{LineKey, View};
use crate::mlflow::{ExperimentId, RunId, RunStatus, Tag, ViewType};
use crate::state::views::{NamedView, ViewPlace, Views, imported};
use crate::store::{Result, RunUpdate, Scan, ScanValues, Store};
use crate::tui::core::msg::{Announcement, Msg as CoreMsg};
use crate::tui::core::remote::Ticket;
use crate::tui::core::tasks::{Slot, Tasks, blocking};

/// Runs on the first page: more than a screen has rows.
const FIRST_PAGE: usize = 100;

#[derive(Debug, Clone)]
pub enum Effect {
    /// Read an experiment and keep it current, in place of the one before.
    Watch {
        ticket: Ticket,
        experiment: ExperimentId,
        /// Include deleted runs.
        deleted: bool,
    },
    /// The runs to look at anew: the selected one with every poll, the active ones and the others on the screen as often
    /// as they come up. And the histories that columns need, for these runs before all others.
    Attend {
        under_cursor: Option<RunId>,
        active: Vec<RunId>,
        others: Vec<RunId>,
        wanted: Vec<NeededHistory>,
        /// Whether columns need the data sets of runs.
        data_sets: bool,
    },
    /// Poll now.
    Refresh,
    Pause(bool),
    /// Poll so often from now on.
    PollEvery(Duration),
    Project(Projecting),
    /// Read the histories that sparklines show.
    ReadSparks {
        ticket: Ticket,
        ids: Vec<RunId>,
        key: String,
    },
    Write(Write),
    /// Keep views that the user named, and forget others.
    KeepViews {
        gone: Vec<NamedView>,
        new: Vec<NamedView>,
    },
    /// Read views of a file.
    ImportViews {
        path: String,
        place: ViewPlace,
    },
}

/// A view whose lines are wanted.
#[derive(Debug, Clone)]
pub struct Projecting {
    pub ticket: Ticket,
    pub catalog: Arc<Catalog>,
    pub complete: bool,
    pub view: Box<View>,
    /// What the position is wanted of, and where it stood.
    pub under_cursor: Option<(LineKey, usize)>,
    /// Whether the columns that tell most are wanted too, and the metric that decides.
    pub wants_columns: bool,
    pub deciding: Option<String>,
    pub now: i64,
}

/// Something to be written to runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    Rename {
        id: RunId,
        name: String,
    },
    Delete(Vec<RunId>),
    Restore(Vec<RunId>),
    SetTag {
        ids: Vec<RunId>,
        tag: Tag,
    },
    DeleteTag {
        ids: Vec<RunId>,
        key: String,
    },
    /// Runs that nobody ends any more.
    End {
        ids: Vec<RunId>,
        status: RunStatus,
        end_time: i64,
    },
}

impl Write {
    /// How many runs it is about.
    pub fn runs(&self) -> usize {
        match self {
            Self::Rename { .. } => 1,
            Self::Delete(ids)
            | Self::Restore(ids)
            | Self::SetTag { ids, .. }
            | Self::DeleteTag { ids, .. }
            | Self::End { ids, .. } => ids.len(),
        }
    }

    /// What was done, for people.
    pub fn done(&self) -> String {
        let runs = |ids: &[RunId]| match ids {
            [_] => "the run".to_owned(),
            ids => format!("{} runs", ids.len()),
        };
        match self {
            Self::Rename { name, .. } => format!("renamed the run to {name}"),
            Self::Delete(ids) => {
                format!("deleted {}; g d shows deleted runs, D restores them", runs(ids))
            }
            Self::Restore(ids) => format!("restored {}", runs(ids)),
            Self::SetTag { ids, tag } => format!("set {} on {}", tag.key, runs(ids)),
            Self::DeleteTag { ids, key } => format!("removed {key} from {}", runs(ids)),
            Self::End { ids, status, .. } => {
                format!("ended {} as {}", runs(ids), status.label().to_lowercase())
            }
        }
    }
}

/// What reads the open experiment.
#[derive(Debug)]
pub struct Services {
    attended: Arc<Mutex<Attended>>,
    watcher: Option<UnboundedSender<WatchCommand>>,
    /// How often it polls.
    pub interval: Duration,
    paused: bool,
    views: Views,
}

impl Services {
    pub fn new(interval: Duration, views: Views) -> Self {
        Self { attended: Arc::default(), watcher: None, interval, paused: false, views }
    }

    fn command(&self, command: WatchCommand) {
        if let Some(watcher) = &self.watcher {
            // A watcher that ended has nothing to do with the command.
            let _ = watcher.send(command);
        }
    }

    fn watch(&mut self, ticket: Ticket, experiment: ExperimentId, deleted: bool, tasks: &mut Tasks) {
        let scan = Scan {
            experiment_id: experiment,
            view: if deleted { ViewType::All } else { ViewType::ActiveOnly },
            first: FIRST_PAGE,
            values: ScanValues::All,
        };
        let (commands, receiver) = mpsc::unbounded_channel();
        let watch = Watch {
            sync: Sync::new(tasks.store.clone(), scan),
            ticket,
            sender: tasks.sender(),
            attended: Arc::clone(&self.attended),
            commands: receiver,
            interval: self.interval,
            capabilities: tasks.store.capabilities(),
            paused: self.paused,
            round: 0,
            silent: false,
            on_demand: false,
        };
        self.watcher = Some(commands);
        tasks.start(Slot("watch"), watch.run());
    }
}

pub fn perform(effect: Effect, tasks: &mut Tasks, services: &mut Services) {
    let store = tasks.store.clone();
    match effect {
        Effect::Watch { ticket, experiment, deleted } => {
            services.watch(ticket, experiment, deleted, tasks);
        }
        Effect::Attend { under_cursor, active, others, wanted, data_sets } => {
            let attended = Attended { under_cursor, active, others, wanted, data_sets };
            *services.attended.lock().unwrap_or_else(PoisonError::into_inner) = attended;
            services.command(WatchCommand::Attend);
        }
        Effect::Refresh => services.command(WatchCommand::Refresh),
        Effect::Pause(paused) => {
            services.paused = paused;
            services.command(WatchCommand::Pause(paused));
        }
        Effect::PollEvery(interval) => {
            services.interval = store.capabilities().poll_interval(interval);
            services.command(WatchCommand::PollEvery(services.interval));
        }
        Effect::Project(request) => tasks.answer(Slot("project"), projecting::project(store, request)),
        Effect::ReadSparks { ticket, ids, key } => tasks.answer(Slot("sparks"), async move {
            // A trend that cannot be read leaves a gap; the poll reports what is wrong with the store.
            let histories = store.sampled_history(&ids, &key, SPARK_POINTS).await.unwrap_or_default();
            Msg::Sparks { ticket, key, histories }
        }),
        Effect::KeepViews { gone, new } => {
            // In their order, and away from the loop: another program may hold the file.
            let views = services.views.clone();
            let keep = move || match views.change(&gone, &new) {
                Ok(()) => CoreMsg::Tick,
                Err(error) => Announcement(format!("cannot save the views: {error}")).into(),
            };
            tasks.write(blocking(keep));
        }
        Effect::ImportViews { path, place } => {
            let read = move || {
                let path = std::path::absolute(path)?;
                imported(&path, &place)
            };
            let read = move || Msg::ViewsRead(read().map_err(|error: std::io::Error| error.to_string()));
            tasks.answer(Slot("views"), blocking(read));
        }
        Effect::Write(write) => tasks.write(async move {
            let result = self::write(&store, &write).await;
            Msg::Written { write, result }
        }),
    }
}

/// Writes, run by run; the first failure ends it, and what was written before stays.
async fn write(store: &Store, write: &Write) -> Result<()> {
    match write {
        Write::Rename { id, name } => {
            let update = RunUpdate { run_name: Some(name.clone()), ..RunUpdate::default() };
            store.update_run(id, &update).await
        }
        Write::Delete(ids) => each(ids, |id| store.delete_run(id)).await,
        Write::Restore(ids) => each(ids, |id| store.restore_run(id)).await,
        Write::SetTag { ids, tag } => each(ids, |id| store.set_tag(id, tag)).await,
        Write::DeleteTag { ids, key } => each(ids, |id| store.delete_tag(id, key)).await,
        Write::End { ids, status, end_time } => {
            // Who ends by himself meanwhile keeps his own end.
            for id in ids {
                let run = store.get_run(id).await?;
                if run.info.status.is_active() {
                    // It is known to have lived as long as it logged something.
                    let last = run.metrics.iter().map(|metric| metric.timestamp).max();
                    let end_time = last.filter(|last| last < end_time).unwrap_or(*end_time);
                    let update =
                        RunUpdate { status: Some(*status), end_time: Some(end_time), ..RunUpdate::default() };
                    store.update_run(id, &update).await?;
                }
            }
            Ok(())
        }
    }
}

async fn each<'a, F: Future<Output = Result<()>>>(
    ids: &'a [RunId],
    write: impl Fn(&'a RunId) -> F,
) -> Result<()> {
    for id in ids {
        write(id).await?;
    }
    Ok(())
}
