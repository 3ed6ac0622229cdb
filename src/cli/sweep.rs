//! `mltui sweep`: trains, and logs each trial as a run.

use std::io::Write;

use serde_json::json;

use super::choosing::store_name;
use super::output::print_json;
use super::sweep_report::{Bar, report, say};
use super::{Failure, open_existing, open_or_begin};
use crate::config::Settings;
use crate::mlflow::ExperimentId;
use crate::store::Store;
use crate::sweep::account::Account;
use crate::sweep::begin::{Beginning, Prepared, find_or_create, spawn};
use crate::sweep::data::{Mark, Task, bundled, separator};
use crate::sweep::families::FAMILIES;
use crate::sweep::journal::{Folder, Header, Wanted};
use crate::sweep::plan::{MOST_JOBS, Models, Plan, Wish, seconds};
use crate::sweep::record::may_pass;
use crate::sweep::run::{self, Run};
use crate::sweep::search::Method;
use crate::sweep::space::Range;
use crate::sweep::study::Study;

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are")]
pub struct Arguments {
    /// A CSV, TSV or Parquet file, or a bundled set: wine-quality, wine-quality-class, iris, diabetes, breast-cancer
    #[arg(long, value_name = "FILE|SET")]
    data: Option<String>,
    /// The column to be predicted
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Numbers or classes; without, the target tells
    #[arg(long, value_enum)]
    task: Option<Task>,
    /// The metric that is gone by: rmse, mae, r2, mape; accuracy, balanced_accuracy, f1_macro, log_loss, roc_auc
    #[arg(long)]
    metric: Option<String>,
    /// A model family to try; several times for several. Without, all that are usual for such data
    #[arg(long = "family", value_name = "NAME")]
    families: Vec<String>,
    /// What is searched of a family: random_forest.max_depth=4..24, ridge.alpha=0.01..10.0:log, svm.kernel=rbf
    #[arg(long = "space", value_name = "FAMILY.NAME=RANGE")]
    spaces: Vec<String>,
    /// How trials are chosen
    #[arg(long, value_enum)]
    method: Option<Method>,
    /// Values of each range that a grid takes
    #[arg(long, value_name = "N")]
    grid_points: Option<usize>,
    /// Trials at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,
    /// Time after which no trial begins: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    time: Option<f64>,
    /// Folds of cross-validation
    #[arg(long, value_name = "N")]
    folds: Option<usize>,
    /// The share of rows that is held out to the end
    #[arg(long, value_name = "SHARE")]
    test_size: Option<f64>,
    /// The same seed gives the same trials and metrics, whatever the number of jobs
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Trials side by side, at most 8 with tpe or pruning; without, all cores but one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST_JOBS as i64))]
    jobs: Option<u32>,
    /// Whose models are kept
    #[arg(long, value_enum)]
    models: Option<Models>,
    /// End trials early that fall behind the others
    #[arg(long, overrides_with = "no_prune")]
    prune: bool,
    /// End no trial early
    #[arg(long)]
    no_prune: bool,
    /// The separator of a CSV file; without, it is found out
    #[arg(long, value_name = "CHARACTER", value_parser = separator)]
    separator: Option<u8>,
    /// What stands before the fraction in numbers of a CSV file, a point or a comma; without, it is found out
    #[arg(long, value_name = "CHARACTER", value_parser = str::parse::<Mark>)]
    decimal: Option<Mark>,
    /// The first line holds values; columns are named c1, c2, …
    #[arg(long)]
    no_header: bool,
    /// A column whose numbers stand for categories
    #[arg(long, value_name = "COLUMN")]
    categorical: Vec<String>,
    /// A column that is not read
    #[arg(long, value_name = "COLUMN")]
    ignore: Vec<String>,
    /// The experiment that the runs go to, by name or id; it is made if there is none. Without, it is named after the data
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
    /// Go on with a sweep that was cancelled or broke off
    #[arg(long, value_name = "SWEEP", conflicts_with_all = ["data", "target", "families", "experiment"])]
    resume: Option<String>,
    /// Leave it to a process of its own, and print the sweep's id
    #[arg(long)]
    detach: bool,
    /// List the model families and what is searched of them
    #[arg(long = "families")]
    list_families: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Belongs to no terminal
    #[arg(long, hide = true)]
    background: bool,
}

impl Arguments {
    /// What is wished, the flags before the settings.
    fn wish(&self, settings: &Settings) -> Result<Wish, Failure> {
        let mut wish = settings.sweeping.wish.clone();
        if let Some(data) = &self.data {
            // Of other data the target of the settings says nothing.
            if *data != wish.data {
                wish.target = None;
                wish.task = None;
                wish.metric = None;
            }
            wish.data.clone_from(data);
        }
        if wish.data.is_empty() {
            let known: Vec<_> = bundled::SETS.iter().map(|set| set.name).collect();
            return Err(Failure::Usage(format!(
                "say what to train on with --data: a CSV, TSV or Parquet file, or one of {}",
                known.join(", ")
            )));
        }
        wish.target = self.target.clone().or(wish.target);
        wish.task = self.task.or(wish.task);
        wish.metric = self.metric.clone().or(wish.metric);
        if !self.families.is_empty() {
            wish.families.clone_from(&self.families);
        }
        for space in &self.spaces {
            let parsed = space.split_once('=').and_then(|(name, range)| Some((name.split_once('.')?, range)));
            let Some(((family, name), range)) = parsed else {
                return Err(Failure::Usage(format!("--space {space}: write FAMILY.NAME=RANGE")));
            };
            let range: Range =
                range.parse().map_err(|error| Failure::Usage(format!("--space {space}: {error}")))?;
            wish.ranges.push((family.to_owned(), name.to_owned(), range));
        }
        wish.method = self.method.unwrap_or(wish.method);
        wish.grid_points = self.grid_points;
        wish.trials = self.trials.map(|trials| trials as usize).or(wish.trials);
        wish.seconds = self.time.or(wish.seconds);
        wish.folds = self.folds.or(wish.folds);
        wish.test_size = self.test_size.or(wish.test_size);
        wish.seed = self.seed.or(wish.seed);
        wish.models = self.models.unwrap_or(wish.models);
        if self.prune || self.no_prune {
            wish.prune = Some(self.prune);
        }
        wish.reading.separator = self.separator.or(wish.reading.separator);
        wish.reading.decimal = self.decimal.or(wish.reading.decimal);
        wish.reading.no_header |= self.no_header;
        wish.reading.categorical.extend(self.categorical.iter().cloned());
        wish.reading.ignored.extend(self.ignore.iter().cloned());
        Ok(wish)
    }
}

/// All cores but one, which is the screen's.
fn jobs(settings: &Settings, arguments: &Arguments, plan: &Plan) -> usize {
    let asked = arguments.jobs.map(|jobs| jobs as usize).or(settings.sweeping.jobs);
    let jobs = plan.jobs(asked);
    if asked.is_some_and(|asked| asked > jobs) {
        say(&format!(
            "{jobs} jobs, as tpe and pruning go by earlier trials: a grid without pruning takes more"
        ));
    }
    jobs
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    if arguments.list_families {
        return list_families(out);
    }
    if arguments.background {
        leave_terminal();
    }
    if settings.read_only {
        return Err(Failure::Usage("a sweep writes runs, and read_only is set".into()));
    }
    let mut patient = settings.clone();
    // The sweep itself tries again for as long as it takes, and says so.
    patient.rest.max_retries = 0;
    // Where a sweep goes on, its store was there.
    let store = if arguments.resume.is_some() { open_existing(&patient)? } else { open_or_begin(&patient)? };
    if !arguments.background {
        for broken in run::close_broken(&store, &settings.state_folder, &store_name(settings)).await {
            say(&match broken.closed {
                Ok(()) => format!("{} broke off earlier; `mltui sweeps` lists it", broken.name),
                Err(error) => format!("{} broke off earlier, and cannot be closed: {error}", broken.name),
            });
        }
    }
    let (folder, header, study) = match &arguments.resume {
        Some(id) => {
            let resumed = resumed(settings, id)?;
            check_place(&store, &resumed.1.experiment).await?;
            if !arguments.background {
                let wanted = resumed.0.want(Wanted::Run);
                wanted.map_err(|cause| Failure::State { what: "the sweep stays as it is", cause })?;
            }
            tell(&resumed.2);
            resumed
        }
        None => {
            let (plan, study) = arguments.wish(settings)?.decide()?;
            tell(&study);
            let name = arguments.experiment.clone().unwrap_or_else(|| study.frame.name.clone());
            let beginning = Beginning {
                store: &store_name(settings),
                user: &settings.user,
                jobs: jobs(settings, arguments, &plan),
                state_folder: &settings.state_folder,
            };
            // The store gets nothing where the sweep could not be kept.
            let unbegun = |cause| Failure::State { what: "no sweep is begun", cause };
            let prepared = Prepared::new(plan, &study, &beginning).map_err(unbegun)?;
            let experiment = find_or_create(&store, &name, prepared.plan()).await?;
            store.check_artifacts(&experiment.experiment_id).await?;
            // The process of a detached sweep makes none.
            store.begin().await?;
            let (folder, header) = prepared.begin(&experiment).map_err(unbegun)?;
            (folder, header, study)
        }
    };
    if arguments.detach {
        drop(study);
        spawn(&folder, &header, &settings.same_store()).map_err(|cause| {
            // One that stood before stays as it is.
            if arguments.resume.is_none() {
                folder.remove();
            }
            Failure::State { what: "no process could be started", cause }
        })?;
        return if arguments.json {
            Ok(print_json(
                &json!({ "sweep": header.id, "experiment_id": header.experiment.as_str(), "data": header.account }),
                out,
            )?)
        } else {
            Ok(writeln!(out, "{}", header.id)?)
        };
    }
    let mut bar = Bar::new(&folder, &header, arguments.background);
    let job = Run { store, folder: folder.clone(), header: header.clone(), study };
    let ended = run::run(job, interrupted(), |told| bar.told(told)).await?;
    bar.end();
    report(&folder, &header, &ended, arguments.json, out)
}

/// What was read, before anything is trained; of a process of its own in its log.
fn tell(study: &Study) {
    for line in Account::of(study).lines() {
        say(&line);
    }
}

/// Ends when somebody asks this process to.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut hang_up)) =
            (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
        else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// A session of its own, so that closing a terminal or an SSH session does not end it, and a low priority.
fn leave_terminal() {
    #[cfg(unix)]
    {
        // It is one already where this fails.
        let _ = rustix::process::setsid();
        let _ = rustix::process::nice(10);
    }
}

fn resumed(settings: &Settings, id: &str) -> Result<(Folder, Header, Study), Failure> {
    let (folder, header) = super::sweeps::named(settings, id)?;
    let store = store_name(settings);
    if header.store != store {
        return Err(Failure::Usage(format!(
            "the sweep {id} logs to {}, and {store} is opened: say --tracking-uri {}",
            header.store, header.store
        )));
    }
    let is_running = folder.is_running();
    // A lock of an earlier version says for good who was at it last.
    let may_be_at_it = || !matches!(is_running, Ok(true)) && !matches!(folder.is_told(), Ok(Some(true)));
    if let Some(host) = folder.host().filter(|_| may_be_at_it()) {
        return Err(Failure::Usage(format!(
            "the sweep {id} is at work on {host}, or was when that went away: resume it there; if {host} is gone for good, \
             take {} away first",
            folder.lock().display()
        )));
    }
    let study = header.plan.study()?;
    if study.frame.digest != header.dataset.digest {
        return Err(Failure::Usage(format!(
            "{} has changed since the sweep began: begin another, as trials would not compare",
            header.plan.data
        )));
    }
    let is_same = match (&header.read_as, &header.account) {
        (Some(read_as), _) => *read_as == study.read_as(),
        // Of an earlier version of this program.
        (None, Some(account)) => account.is_read_as(&Account::of(&study)),
        (None, None) => false,
    };
    if !is_same {
        return Err(Failure::Usage(format!(
            "{} is read in another way than when the sweep began, with another version of mltui: begin another, as trials would not compare",
            header.plan.data
        )));
    }
    Ok((folder, header, study))
}

/// Whether files of new runs still go where they belong. A store that is away is waited for later.
async fn check_place(store: &Store, experiment: &ExperimentId) -> Result<(), Failure> {
    match store.check_artifacts(experiment).await {
        Err(error) if !may_pass(&error.kind) => Err(error.into()),
        _ => Ok(()),
    }
}

fn list_families(out: &mut impl Write) -> Result<(), Failure> {
    use crate::sweep::families::{Shape, space};
    for family in FAMILIES {
        let tasks: Vec<_> =
            [Task::Regression, Task::Classification].into_iter().filter(|task| family.takes(*task)).collect();
        let names: Vec<_> = tasks.iter().map(|task| task.as_str()).collect();
        writeln!(out, "{} ({})\n  {}", family.name(), names.join(", "), family.about())?;
        let shape = Shape { task: tasks[0], rows: 1_000, features: 10 };
        for dimension in space(family, shape).dimensions {
            writeln!(out, "    {}.{}={}", family.name(), dimension.name, dimension.range)?;
        }
    }
    Ok(())
}
