//! How the commands choose: what is asked for, and the choice among the runs that it takes to tell.

use super::Failure;
use super::metric_names::missing_or;
use super::reading::{decide_ties, newest, read_columns, read_pages};
use super::siblings::find_spread;
use super::sweep_report::say;
use crate::catalog::Catalog;
use crate::config::Settings;
use crate::marking;
use crate::mlflow::Experiment;
use crate::mlflow::filter::Asker;
use crate::select::{
    Ancestors, Goal, MetricGoal, Policy, PolicyOrigin, Resolved, Selection, ValueOf, further_metrics,
    newest_metrics, optuna_directions, resolve, select, select_with,
};
use crate::state::policies::Policies;
use crate::store::{Store, now_ms};

#[derive(Debug, Default, clap::Args)]
pub struct PolicyFlags {
    /// The metric to optimise; append :min or :max if its name does not imply the direction. Repeat it for several
    /// metrics: the choice is then made on their Pareto front, by the metrics in order or by --weight
    #[arg(long, value_name = "METRIC")]
    metric: Vec<String>,
    /// Lower values of the metric are better
    #[arg(long, conflicts_with = "max")]
    min: bool,
    /// Higher values of the metric are better
    #[arg(long)]
    max: bool,
    /// Only runs that match this filter: "metrics.latency_ms < 50 AND (params.family = tree OR age < 1d)"
    #[arg(long = "where", value_name = "FILTER")]
    constraint: Option<String>,
    /// Which value of the metric to use: latest, best (of its history), or last:N (mean of the last N points)
    #[arg(long, value_name = "VALUE")]
    value: Option<String>,
    /// A metric to break ties; append :min or :max if its name does not imply the direction; repeatable
    #[arg(long, value_name = "METRIC")]
    tie: Vec<String>,
    /// One weight for each metric, in the same order
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    weight: Vec<f64>,
}

/// A choice, and what it rests on.
pub struct ChosenBest {
    pub catalog: Catalog,
    pub selection: Selection,
    pub origin: PolicyOrigin,
    /// All runs were read, so that the counts are those of the experiment.
    pub is_counted: bool,
}

/// A metric, with the direction that is stated behind it.
type Named<'a> = (&'a str, Option<Goal>);

pub fn named(text: &str) -> Named<'_> {
    match text.rsplit_once(':') {
        Some((metric, "min")) => (metric, Some(Goal::Minimize)),
        Some((metric, "max")) => (metric, Some(Goal::Maximize)),
        _ => (text, None),
    }
}

impl PolicyFlags {
    /// By a metric, as it would be written behind `--metric`, or by what is known of the experiment.
    pub fn by(metric: Option<String>) -> Self {
        Self { metric: metric.into_iter().collect(), ..Self::default() }
    }

    /// The direction that the flags say.
    fn flag(&self) -> Option<Goal> {
        match (self.min, self.max) {
            (true, _) => Some(Goal::Minimize),
            (_, true) => Some(Goal::Maximize),
            _ => None,
        }
    }

    /// The metrics and the tie-breaks that are named. Where nobody states a direction, runs are asked for what their tags
    /// say.
    async fn named(
        &self,
        settings: &Settings,
        store: &Store,
        experiment: &Experiment,
    ) -> Result<(Vec<MetricGoal>, Vec<MetricGoal>), Failure> {
        let mut metrics: Vec<Named<'_>> = self.metric.iter().map(|text| named(text)).collect();
        if let Some((_, goal)) = metrics.first_mut() {
            *goal = goal.or(self.flag());
        }
        let ties: Vec<Named<'_>> = self.tie.iter().map(|text| named(text)).collect();
        let is_open = metrics.iter().chain(&ties).any(|(_, goal)| goal.is_none());
        let newest = if is_open { Some(newest(store, experiment).await?) } else { None };
        let told = newest.as_ref().map_or_else(Vec::new, optuna_directions);
        let objective = |(metric, goal): Named<'_>| {
            let goal = goal.or_else(|| settings.selecting.patterns.goal(&told, metric));
            // The direction of what is not there is no question.
            let failure = || match &newest {
                Some(newest) => missing_or(undirected(metric), newest, experiment, metric),
                None => Failure::Usage(undirected(metric)),
            };
            goal.map(|goal| MetricGoal::new(metric, goal)).ok_or_else(failure)
        };
        let metrics = metrics.into_iter().map(objective).collect::<Result<_, _>>()?;
        Ok((metrics, ties.into_iter().map(objective).collect::<Result<_, _>>()?))
    }

    pub fn names_metric(&self) -> bool {
        !self.metric.is_empty()
    }

    /// The policy: what is asked for, or else what is known of the experiment.
    pub async fn policy(
        &self,
        settings: &Settings,
        store: &Store,
        experiment: &Experiment,
    ) -> Result<(Policy, PolicyOrigin), Failure> {
        let (metrics, ties) = self.named(settings, store, experiment).await?;
        let (mut policy, origin) = match metrics.first() {
            None => self.resolved(settings, store, experiment).await?,
            Some(first) => {
                let mut policy = Policy::new(first.clone());
                policy.objectives = metrics;
                (policy, PolicyOrigin::Asked)
            }
        };
        if let Some(text) = &self.constraint {
            policy.constrain(text)?;
        }
        if let Some(text) = &self.value {
            policy.value = ValueOf::parse(text)?;
        }
        if !ties.is_empty() {
            policy.tie_breaks = ties;
        }
        if !self.weight.is_empty() {
            policy.weights.clone_from(&self.weight);
        }
        policy.check()?;
        Ok((policy.at(Asker { now: now_ms(), user: &settings.user }), origin))
    }

    async fn resolved(
        &self,
        settings: &Settings,
        store: &Store,
        experiment: &Experiment,
    ) -> Result<(Policy, PolicyOrigin), Failure> {
        let policies = Policies::new(&settings.state_folder, &settings.store_name());
        let known = policies.get(&experiment.experiment_id).unwrap_or_else(|error| {
            say(&format!("the policy chosen in the explorer cannot be read and is ignored: {error}"));
            None
        });
        let newest = if known.is_some() { Catalog::default() } else { newest(store, experiment).await? };
        let counts: Vec<(&str, usize)> = newest.metrics.keys(&newest.texts).collect();
        match resolved_in(settings, known, experiment, &newest) {
            Resolved::Policy(mut policy, origin) => {
                if let Some(goal) = self.flag() {
                    policy.objectives[0].goal = goal;
                }
                Ok((policy, origin))
            }
            Resolved::Undirected(metric, origin) => match self.flag() {
                Some(goal) => Ok((Policy::new(MetricGoal::new(metric, goal)), origin)),
                None => Err(Failure::Usage(undirected(&metric))),
            },
            Resolved::Open if counts.is_empty() => {
                Err(Failure::NoneEligible(format!("no run of {:?} has a metric", experiment.name)))
            }
            Resolved::Open => {
                let names: Vec<&str> = counts.iter().take(8).map(|(name, _)| *name).collect();
                Err(Failure::Usage(format!(
                    "no metric name tells whether lower or higher is better; name one with --metric and \
                     --min or --max; metrics are {}",
                    names.join(", ")
                )))
            }
        }
    }

    /// Chooses; the `top` best are ranked.
    pub async fn choose(
        &self,
        settings: &Settings,
        store: &Store,
        experiment: &Experiment,
        top: usize,
    ) -> Result<ChosenBest, Failure> {
        let (policy, origin) = self.policy(settings, store, experiment).await?;
        let patterns = &settings.selecting.patterns;
        if store.capabilities().column_scan {
            let mut builder = read_columns(store, experiment, &policy, &[]).await?;
            let mut catalog = builder.snapshot();
            let mut selection = select(&catalog, &policy, top);
            if !selection.undecided.is_empty() {
                let further = further_metrics(&newest(store, experiment).await?, patterns);
                (catalog, selection) =
                    decide_ties(store, experiment, builder, selection, &further, top).await?;
            }
            // Only the columns that it takes to choose were read.
            find_spread(store, experiment, &catalog, false, &mut selection).await;
            return Ok(ChosenBest { catalog, selection, origin, is_counted: true });
        }
        let (catalog, is_counted) = read_pages(store, experiment, &policy, top).await?;
        let mut selection = select(&catalog, &policy, top);
        if !selection.undecided.is_empty() {
            selection = select_with(
                &catalog,
                &policy,
                &further_metrics(&catalog, patterns),
                &Ancestors::default(),
                top,
            );
        }
        if !is_counted {
            find_spread(store, experiment, &catalog, true, &mut selection).await;
        }
        Ok(ChosenBest { catalog, selection, origin, is_counted })
    }
}

/// What is known of how to choose in an experiment, by these of its runs.
fn resolved_in(
    settings: &Settings,
    known: Option<Policy>,
    experiment: &Experiment,
    runs: &Catalog,
) -> Resolved {
    resolve(
        known,
        &experiment.tags,
        &settings.selecting.patterns,
        &newest_metrics(runs),
        marking::judged_by(&experiment.tags).as_ref(),
        &optuna_directions(runs),
    )
}

/// The metric that the runs of an experiment are judged by, as these of them tell.
pub fn judged_in(settings: &Settings, experiment: &Experiment, runs: &Catalog) -> Option<String> {
    let policies = Policies::new(&settings.state_folder, &settings.store_name());
    let known = policies.get(&experiment.experiment_id).ok().flatten();
    match resolved_in(settings, known, experiment, runs) {
        Resolved::Policy(policy, _) => Some(policy.primary().metric.clone()),
        Resolved::Undirected(metric, _) => Some(metric),
        Resolved::Open => None,
    }
}

fn undirected(metric: &str) -> String {
    format!(
        "unknown whether lower or higher {metric:?} is better; pass --min or --max, or write {metric}:min or {metric}:max"
    )
}
