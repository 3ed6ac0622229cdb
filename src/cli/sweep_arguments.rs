//! What `mltui sweep` takes, and what is asked for by it.

use std::path::Path;

use super::Failure;
use super::sweep_command::CommandArguments;
use super::sweep_report::say;
use super::sweep_slurm::SlurmArguments;
use crate::config::Settings;
use crate::learn::data::{DecimalMark, Task, bundled, separator};
use crate::learn::study::TrainingData;
use crate::learn::weights::ClassWeight;
use crate::params::Range;
use crate::sweep::engine::pruner::PruneRule;
use crate::sweep::engine::rules::MOST_JOBS;
use crate::sweep::executor_plan::SLURM_JOBS;
use crate::sweep::objective::tabular::KeptModels;
use crate::sweep::plan::SweepPlan;
use crate::sweep::request::{SweepRequest, seconds};
use crate::sweep::search::Method;
use crate::text::names;

#[derive(Debug, Clone, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are")]
pub struct Arguments {
    /// A CSV, TSV, JSON lines, Parquet or Arrow file, several by a pattern ('data/*.csv'), or a bundled set: wine-quality, wine-quality-class, iris, diabetes, breast-cancer
    #[arg(long, value_name = "FILE|SET")]
    pub data: Option<String>,
    /// The column to predict
    #[arg(long, value_name = "COLUMN")]
    pub target: Option<String>,
    /// regression or classification; inferred from the target by default
    #[arg(long, value_enum)]
    pub task: Option<Task>,
    /// The metric to optimise: rmse, mae, r2, mape; accuracy, balanced_accuracy, f1_macro, log_loss, roc_auc; any of
    /// scikit-learn's scorers: f1_weighted, neg_mean_squared_error; of a command any, with min or max: val_loss:min
    #[arg(long)]
    pub metric: Option<String>,
    /// A model family to try, or several with commas; repeatable; by default all that suit the data
    #[arg(long = "family", value_name = "NAME", value_delimiter = ',')]
    pub families: Vec<String>,
    /// The search space of a family: random_forest.max_depth=4..24, ridge.alpha=0.01..10.0:log, svm.kernel=rbf
    #[arg(long = "space", value_name = "FAMILY.NAME=RANGE")]
    pub spaces: Vec<String>,
    /// The search method
    #[arg(long, value_enum)]
    pub method: Option<Method>,
    /// Grid points for each range; where a family has a --space, only what is named there varies
    #[arg(long, value_name = "N")]
    pub grid_points: Option<usize>,
    /// Maximum number of trials
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub trials: Option<u32>,
    /// Start no new trial after this time: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub time: Option<f64>,
    /// Number of cross-validation folds
    #[arg(long, value_name = "N")]
    pub folds: Option<usize>,
    /// The fraction of rows held out as the test set
    #[arg(long, value_name = "SHARE")]
    pub test_size: Option<f64>,
    /// Deal the rows to folds so many times, each time otherwise
    #[arg(long, value_name = "N")]
    pub repeats: Option<usize>,
    /// Train on the past and score on what follows, by this column of dates or numbers; the test set is the latest rows
    #[arg(long, value_name = "COLUMN", conflicts_with = "group_column")]
    pub time_column: Option<String>,
    /// Keep the rows with the same value in this column together: in one fold, or in the test set
    #[arg(long, value_name = "COLUMN")]
    pub group_column: Option<String>,
    /// A column of numbers: how much each row counts in a fit
    #[arg(long, value_name = "COLUMN")]
    pub weight_column: Option<String>,
    /// How much rows of each class count in a fit: balanced, weights such as yes=5,no=1, or none
    #[arg(long, value_name = "WEIGHTS", value_parser = str::parse::<ClassWeight>)]
    pub class_weight: Option<ClassWeight>,
    /// Random seed; results do not depend on the number of jobs
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Parallel trials, at most 8 with tpe or pruning; by default all cores but one; of a command any number, by default 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST_JOBS as i64))]
    pub jobs: Option<u32>,
    /// End with a trial that averages the best trial of each family, five at most, weighted by how much each adds; it is
    /// not counted in --trials
    #[arg(long, overrides_with = "no_ensemble")]
    pub ensemble: bool,
    /// Average no trials, whatever the config file says
    #[arg(long, overrides_with = "ensemble")]
    pub no_ensemble: bool,
    /// Which models to keep
    #[arg(long, value_enum)]
    pub models: Option<KeptModels>,
    /// Prune trials that fall behind: of the median at the same step or fold, or by asynchronous successive halving; median
    /// where nothing is said; by default what trains on a table and is no grid
    #[arg(long, value_name = "RULE", value_enum, num_args = 0..=1, default_missing_value = "median", overrides_with = "no_prune")]
    pub prune: Option<PruneRule>,
    /// Never prune trials
    #[arg(long, overrides_with = "prune")]
    pub no_prune: bool,
    /// Prune no trial before this step, or so many folds; with asha the step of the first rung
    #[arg(long, value_name = "STEP")]
    pub min_steps: Option<i64>,
    /// With asha: one trial in N goes on at a rung, and the next one lies N times further on; by default 4
    #[arg(long, value_name = "N")]
    pub reduction: Option<u32>,
    /// The separator of a CSV file; detected by default
    #[arg(long, value_name = "CHARACTER", value_parser = separator)]
    pub separator: Option<u8>,
    /// The decimal separator of a CSV file, . or ,; detected by default
    #[arg(long, value_name = "CHARACTER", value_parser = str::parse::<DecimalMark>)]
    pub decimal: Option<DecimalMark>,
    /// The file has no header; columns are named c1, c2, …
    #[arg(long)]
    pub no_header: bool,
    /// Columns of numbers to treat as categorical, comma-separated; repeatable
    #[arg(long, value_name = "COLUMN")]
    pub categorical: Vec<String>,
    /// Columns to ignore, comma-separated; repeatable
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// The experiment to log to, by name or id; created if missing; by default named after the data, or the script
    #[arg(long, value_name = "NAME")]
    pub experiment: Option<String>,
    /// Resume a cancelled or interrupted sweep as it was begun; `mltui sweeps set` changes its trials and jobs
    #[arg(
        long,
        value_name = "SWEEP",
        conflicts_with_all = [
            "data", "target", "task", "metric", "families", "spaces", "method", "grid_points", "trials", "time", "folds",
            "test_size", "repeats", "time_column", "group_column", "weight_column", "class_weight", "seed", "jobs", "ensemble", "no_ensemble", "models", "prune", "no_prune", "min_steps", "reduction", "separator", "decimal",
            "no_header", "categorical", "ignore", "experiment",
        ]
    )]
    pub resume: Option<String>,
    /// With --resume: do not wait for a sign of the machine that was at the sweep last; a process that still is writes nothing
    /// more
    #[arg(long, requires = "resume")]
    pub take_over: bool,
    /// Run in the background and print the sweep's id
    #[arg(long)]
    pub detach: bool,
    /// List the model families and their search spaces
    #[arg(long = "families")]
    pub list_families: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Without a terminal
    #[arg(long, hide = true)]
    pub background: bool,
    #[command(flatten)]
    pub cluster: SlurmArguments,
    #[command(flatten)]
    pub of_command: CommandArguments,
}

impl Arguments {
    /// What has no meaning together.
    pub fn check_pruning(&self) -> Result<(), Failure> {
        if self.min_steps.is_some() && self.prune.is_none() {
            return Err(Failure::Usage("--min-steps has a meaning with --prune alone".into()));
        }
        if self.reduction.is_some() && self.prune != Some(PruneRule::Asha) {
            return Err(Failure::Usage("--reduction has a meaning for --prune asha alone".into()));
        }
        Ok(())
    }

    /// What is asked for, the flags before the settings.
    fn request(&self, settings: &Settings) -> Result<SweepRequest, Failure> {
        let mut request = settings.sweeping.defaults.clone();
        if let Some(data) = &self.data {
            // Of other data the target of the settings says nothing.
            if *data != request.data {
                request.target = None;
                request.task = None;
                request.metric = None;
                request.time_column = None;
                request.group_column = None;
                request.weight_column = None;
                request.class_weight = None;
            }
            request.data.clone_from(data);
        }
        if request.data.is_empty() {
            let known: Vec<_> = bundled::SETS.iter().map(|set| set.name).collect();
            return Err(Failure::Usage(format!(
                "no data given; pass --data with a CSV, TSV, JSON lines, Parquet or Arrow file, or one of {}, or a command behind --",
                known.join(", ")
            )));
        }
        request.target = self.target.clone().or(request.target);
        request.task = self.task.or(request.task);
        request.metric = self.metric.clone().or(request.metric);
        if !self.families.is_empty() {
            request.families.clone_from(&self.families);
        }
        for space in &self.spaces {
            let parsed = space.split_once('=').and_then(|(name, range)| Some((name.split_once('.')?, range)));
            let Some(((family, name), range)) = parsed else {
                return Err(Failure::Usage(format!("--space {space}: write FAMILY.NAME=RANGE")));
            };
            let range: Range =
                range.parse().map_err(|error| Failure::Usage(format!("--space {space}: {error}")))?;
            request.ranges.push((family.to_owned(), name.to_owned(), range));
        }
        request.method = self.method.unwrap_or(request.method);
        request.grid_points = self.grid_points;
        request.trials = self.trials.map(|trials| trials as usize).or(request.trials);
        request.seconds = self.time.or(request.seconds);
        request.folds = self.folds.or(request.folds);
        request.test_size = self.test_size.or(request.test_size);
        request.repeats = self.repeats.or(request.repeats);
        if self.time_column.is_some() || self.group_column.is_some() {
            request.time_column.clone_from(&self.time_column);
            request.group_column.clone_from(&self.group_column);
        }
        request.weight_column = self.weight_column.clone().or(request.weight_column);
        request.class_weight = self.class_weight.clone().or(request.class_weight);
        request.seed = self.seed.or(request.seed);
        request.ensemble = (request.ensemble || self.ensemble) && !self.no_ensemble;
        request.models = self.models.unwrap_or(request.models);
        if self.prune.is_some() || self.no_prune {
            request.prune = Some(self.prune.is_some());
            request.prune_rule = self.prune;
        }
        request.min_steps = self.min_steps;
        request.reduction = self.reduction;
        self.check_pruning()?;
        request.retries = self.of_command.retries;
        request.executor = self.cluster.executor(settings)?;
        request.reading.separator = self.separator.or(request.reading.separator);
        request.reading.decimal = self.decimal.or(request.reading.decimal);
        request.reading.no_header |= self.no_header;
        request.reading.categorical.extend(self.categorical.iter().cloned());
        request.reading.ignored.extend(self.ignore.iter().cloned());
        Ok(request)
    }

    /// The plan of a sweep in that folder, and the data of one that has a table.
    pub fn plan(
        &self,
        settings: &Settings,
        folder: &Path,
    ) -> Result<(SweepPlan, Option<TrainingData>), Failure> {
        if self.of_command.is_given() {
            return Ok((self.of_command.plan(self, settings, folder)?, None));
        }
        let (plan, data) = self.plan_of_table(settings)?;
        Ok((plan, Some(data)))
    }

    /// The plan of a sweep of a table, and its data.
    pub fn plan_of_table(&self, settings: &Settings) -> Result<(SweepPlan, TrainingData), Failure> {
        let (mut plan, data) = self.request(settings)?.decide()?;
        // What a config file says may be for other tables, and an empty name is that of no column.
        let said = self.ignore.iter().chain(&self.categorical).filter(|name| !name.is_empty());
        // One that is no column's is a list of them.
        let said = said.flat_map(|name| [vec![name.clone()], names::read(name).unwrap_or_default()].concat());
        if let Some(name) = said.into_iter().find(|name| data.frame.unknown.contains(name)) {
            return Err(data.frame.missing_column(&name).into());
        }
        match plan.rules.lacks_families() {
            Some(why) if self.ensemble => return Err(Failure::Usage(format!("--ensemble {why}"))),
            Some(why) => say(&format!("no ensemble: it {why}")),
            None => {}
        }
        plan.rules.jobs = jobs(settings, self, &plan);
        Ok((plan, data))
    }
}

/// All cores but one, which is the screen's.
fn jobs(settings: &Settings, arguments: &Arguments, plan: &SweepPlan) -> usize {
    let asked = arguments.jobs.map(|jobs| jobs as usize).or(settings.sweeping.jobs);
    let asked = asked.or(plan.executor.slurm().map(|_| SLURM_JOBS.min(plan.rules.most_jobs())));
    let jobs = plan.rules.jobs_for(asked);
    if asked.is_some_and(|asked| asked > jobs) {
        say(&format!(
            "limited to {jobs} jobs, because tpe and pruning learn from earlier trials; a grid without pruning takes more"
        ));
    }
    jobs
}
