//! A sweep before it runs: its folder, its name, what MLflow is told of its data.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::engine::journal::SweepFolder;
use super::engine::rules::Mode;
use super::header::{OpenedBy, SweepHeader};
use super::plan::SweepPlan;
use crate::disk::{self, Draft};
use crate::learn::data::DataFrame;
use crate::learn::report::DataReport;
use crate::learn::study::TrainingData;
use crate::mlflow::{Dataset, Experiment, ExperimentId, LifecycleStage, Tag, ViewType, tags};
use crate::program;
use crate::store::address::Address;
use crate::store::{self, RunSearch, Store, now_ms};

/// So many columns are told of a schema.
const SCHEMA_COLUMNS: usize = 1_000;

/// Who begins a sweep, and where.
#[derive(Debug, Clone)]
pub struct SweepOrigin<'a> {
    /// The store, by its address without credentials.
    pub store: &'a str,
    /// How it is opened.
    pub opened_by: &'a OpenedBy,
    /// The config file, where one was named.
    pub config_file: Option<&'a Path>,
    /// Whose runs they are.
    pub user: &'a str,
    /// Where the program keeps its state.
    pub state_folder: &'a Path,
}

/// A sweep that has its folder, and is not begun: dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct PreparedSweep {
    folder: SweepFolder,
    header: SweepHeader,
    /// None when it has begun.
    draft: Option<Draft>,
}

impl Drop for PreparedSweep {
    fn drop(&mut self) {
        if self.draft.take().is_some() {
            self.folder.remove();
        }
    }
}

impl PreparedSweep {
    /// Makes the folder of a sweep, before anything is written to the store: where there is no room, or no right to write,
    /// nothing is begun.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn new(plan: SweepPlan, data: &TrainingData, origin: &SweepOrigin<'_>) -> io::Result<Self> {
        let header = header(plan, origin)?;
        Self::with(
            SweepHeader {
                dataset: Some(dataset(&data.frame)),
                report: Some(DataReport::of(data)),
                fingerprint: Some(data.fingerprint()),
                ..header
            },
            origin,
        )
    }

    /// The same for a sweep of a command, which finds its data by itself.
    ///
    /// # Errors
    /// As [`PreparedSweep::new`].
    pub fn of_command(plan: SweepPlan, origin: &SweepOrigin<'_>) -> io::Result<Self> {
        Self::with(header(plan, origin)?, origin)
    }

    /// The same for a command that runs in that folder.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.header.commit = commit(folder);
        folder.clone_into(&mut self.header.folder);
        self
    }

    fn with(header: SweepHeader, origin: &SweepOrigin<'_>) -> io::Result<Self> {
        let (folder, draft) = SweepFolder::create(origin.state_folder, &header)?;
        Ok(Self { folder, header, draft: Some(draft) })
    }

    /// What it is to do.
    pub fn plan(&self) -> &SweepPlan {
        &self.header.plan
    }

    /// From here on it can be taken up.
    ///
    /// # Errors
    /// Where its plan cannot be written; nothing is left behind then.
    pub fn begin(mut self, experiment: &Experiment) -> io::Result<(SweepFolder, SweepHeader)> {
        self.header.experiment = experiment.experiment_id.clone();
        self.header.experiment_name.clone_from(&experiment.name);
        let content = self.header.in_json()?;
        if let Some(draft) = &mut self.draft {
            draft.write(&content)?;
        }
        if let Some(draft) = self.draft.take() {
            draft.put().inspect_err(|_| self.folder.remove())?;
        }
        Ok((self.folder.clone(), self.header.clone()))
    }
}

/// What is known of a sweep that begins here and now.
fn header(plan: SweepPlan, origin: &SweepOrigin<'_>) -> io::Result<SweepHeader> {
    let now = now_ms();
    let zoned =
        jiff::Timestamp::from_millisecond(now).unwrap_or_default().to_zoned(jiff::tz::TimeZone::system());
    let here = std::env::current_dir()?;
    Ok(SweepHeader {
        id: format!("{}-{:06x}", zoned.strftime("%Y%m%d-%H%M%S"), fastrand::u32(..) >> 8),
        name: format!("sweep-{}", zoned.strftime("%m%d-%H%M%S")),
        experiment: ExperimentId(String::new()),
        experiment_name: String::new(),
        store: origin.store.to_owned(),
        opened_by: Some(origin.opened_by.clone()),
        config_file: origin.config_file.map(Path::to_owned),
        user: origin.user.to_owned(),
        created: now,
        commit: commit(&here),
        folder: here,
        dataset: None,
        report: None,
        fingerprint: None,
        plan,
    })
}

/// What makes another process open the same store.
#[derive(Debug, Clone, Default)]
pub struct SameStore {
    /// What stands on its command line.
    pub words: Vec<OsString>,
    /// What must not stand on a command line.
    pub variables: Vec<(&'static str, Address)>,
}

/// Starts a process that takes a sweep up, and belongs to nobody.
///
/// # Errors
/// Where no process can be started.
pub fn spawn(folder: &SweepFolder, header: &SweepHeader, same: &SameStore) -> io::Result<()> {
    let log = disk::open_to_append(&folder.log())?;
    let mut command = Command::new(program::current_executable()?);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(&mut command, "mltui");
    command.envs(same.variables.iter().map(|(name, address)| (name, address.as_written())));
    command.args(&same.words).args(["sweep", "--background", "--resume", &header.id]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
    // Somebody has to take note of its end, while this process lasts.
    std::thread::spawn(move || child.wait());
    Ok(())
}

/// The experiment by name or id, [judged](judged); a new one where there is none.
///
/// # Errors
/// The store's.
pub async fn find_or_create(store: &Store, name: &str, plan: &SweepPlan) -> store::Result<Experiment> {
    if let Ok(found) = store.find_experiment(name).await? {
        return judged(store, found, plan).await;
    }
    match store.create_experiment(name, &judged_by(plan)).await {
        Ok(id) => store.get_experiment(&id).await,
        // Somebody else was faster, or an answer was lost.
        Err(error) => store.find_experiment(name).await?.map_err(|_| error),
    }
}

/// An experiment that is told what its runs are judged by, where nobody has said so and none has been logged.
///
/// # Errors
/// The store's.
pub async fn judged(store: &Store, found: Experiment, plan: &SweepPlan) -> store::Result<Experiment> {
    let is_judged = found.tags.iter().any(|tag| tag.key == tags::PRIMARY_METRIC);
    if is_judged || found.lifecycle_stage == LifecycleStage::Deleted || has_runs(store, &found).await? {
        return Ok(found);
    }
    for tag in &judged_by(plan) {
        store.set_experiment_tag(&found.experiment_id, tag).await?;
    }
    store.get_experiment(&found.experiment_id).await
}

fn judged_by(plan: &SweepPlan) -> [Tag; 2] {
    let greater = if plan.rules.mode == Mode::Max { "True" } else { "False" };
    [Tag::new(tags::PRIMARY_METRIC, plan.metric()), Tag::new(tags::GREATER_IS_BETTER, greater)]
}

async fn has_runs(store: &Store, experiment: &Experiment) -> store::Result<bool> {
    let search = RunSearch {
        experiment_ids: vec![experiment.experiment_id.clone()],
        view: ViewType::All,
        max_results: 1,
        ..RunSearch::default()
    };
    Ok(!store.search_runs(&search).await?.runs.is_empty())
}

/// The commit of the folder, where there is git and a repository.
fn commit(folder: &Path) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(["rev-parse", "HEAD"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|commit| output.status.success() && commit.len() >= 40)
}

fn dataset(frame: &DataFrame) -> Dataset {
    let columns = frame.columns.iter().take(SCHEMA_COLUMNS);
    let columns: Vec<_> = columns
        .map(|column| {
            let mut entry = json!({ "type": column.kind.as_mlflow(), "name": column.name });
            // Unless said otherwise a column is.
            if column.gaps() > 0 {
                entry["required"] = false.into();
            }
            entry
        })
        .collect();
    let profile = json!({ "num_rows": frame.rows, "num_elements": frame.rows * frame.columns.len() });
    Dataset {
        name: frame.name.chars().take(500).collect(),
        digest: frame.digest.clone(),
        source_type: "local".into(),
        source: json!({ "uri": frame.source }).to_string(),
        schema: Some(json!({ "mlflow_colspec": columns }).to_string()),
        profile: Some(profile.to_string()),
    }
}
