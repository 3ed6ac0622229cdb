//! How the commands choose: what is asked for, which of the runs it takes to tell, and the choice.

use std::sync::Arc;

use super::Failure;
use super::runs::{scan_all, scan_until};
use crate::catalog::{Builder, Catalog};
use crate::config::Settings;
use crate::mlflow::filter::{Attribute, Clause, Comparator, Field, Filter, Number, Test};
use crate::mlflow::{Experiment, RunStatus, ViewType, tags};
use crate::select::{
    Goal, Objective, Origin, Policy, Resolved, Selection, ValueOf, has_seed, is_seed, resolve, select, told,
};
use crate::state::policies::Policies;
use crate::store::batch::whole_runs;
use crate::store::rest::page_token;
use crate::store::uri::Location;
use crate::store::{RunSearch, Scan, ScanValues, TrackingStore};

/// Where nobody says by which metric, the newest runs tell, so many of them.
pub const SAMPLE: usize = 100;
/// Of up to so many runs on a server all are read, and all are counted.
const ALL: usize = 1_000;
/// Runs on a page of a server while the best is looked for.
const PAGE: usize = 100;

#[derive(Debug, clap::Args)]
pub struct Asked {
    /// The metric to choose by, with :min or :max behind it if its name does not tell. Of several, the runs that no other
    /// beats in all of them are the front; the choice among it goes by the metrics in their order, or by --weight
    #[arg(long, value_name = "METRIC")]
    metric: Vec<String>,
    /// Less of the metric is better
    #[arg(long, conflicts_with = "max")]
    min: bool,
    /// More of the metric is better
    #[arg(long)]
    max: bool,
    /// Only among runs that pass this filter, in MLflow's language: "metrics.latency_ms < 50 AND params.family = 'tree'"
    #[arg(long = "where", value_name = "FILTER")]
    constraint: Option<String>,
    /// Which value of the metric counts: latest, best (of its history), or last:N (the mean of the last N points)
    #[arg(long, value_name = "VALUE")]
    value: Option<String>,
    /// The metric that breaks ties, with :min or :max if its name does not tell; may be given several times
    #[arg(long, value_name = "METRIC")]
    tie: Vec<String>,
    /// The weight of each metric, in their order
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    weight: Vec<f64>,
}

/// A choice, and what it rests on.
pub struct Chosen {
    pub catalog: Catalog,
    pub selection: Selection,
    pub origin: Origin,
    /// All runs were read, so that the counts are those of the experiment.
    pub is_counted: bool,
}

impl Asked {
    fn objective(&self, text: &str, settings: &Settings, at: usize) -> Result<Objective, Failure> {
        let (metric, stated) = match text.rsplit_once(':') {
            Some((metric, "min")) => (metric, Some(Goal::Minimize)),
            Some((metric, "max")) => (metric, Some(Goal::Maximize)),
            _ => (text, None),
        };
        let by_flag = match (self.min, self.max) {
            (true, _) => Some(Goal::Minimize),
            (_, true) => Some(Goal::Maximize),
            _ => None,
        };
        let goal =
            stated.or(by_flag.filter(|_| at == 0)).or_else(|| settings.selecting.patterns.goal(metric));
        goal.map(|goal| Objective::new(metric, goal)).ok_or_else(|| undirected(metric))
    }

    /// The policy: what is asked for, or else what is known of the experiment.
    async fn policy(
        &self,
        settings: &Settings,
        store: &Arc<dyn TrackingStore>,
        experiment: &Experiment,
    ) -> Result<(Policy, Origin), Failure> {
        let (mut policy, origin) = if self.metric.is_empty() {
            self.resolved(settings, store, experiment).await?
        } else {
            let all = self.metric.iter().enumerate();
            let objectives = all.map(|(at, text)| self.objective(text, settings, at));
            let objectives: Vec<Objective> = objectives.collect::<Result<_, _>>()?;
            let mut policy = Policy::new(objectives[0].clone());
            policy.objectives = objectives;
            (policy, Origin::Asked)
        };
        if let Some(text) = &self.constraint {
            policy.constrain(text)?;
        }
        if let Some(text) = &self.value {
            policy.value = ValueOf::parse(text)?;
        }
        if !self.tie.is_empty() {
            let ties = self.tie.iter().map(|text| self.objective(text, settings, usize::MAX));
            policy.tie_breaks = ties.collect::<Result<_, _>>()?;
        }
        if !self.weight.is_empty() {
            policy.weights.clone_from(&self.weight);
        }
        policy.check()?;
        Ok((policy, origin))
    }

    async fn resolved(
        &self,
        settings: &Settings,
        store: &Arc<dyn TrackingStore>,
        experiment: &Experiment,
    ) -> Result<(Policy, Origin), Failure> {
        let known =
            Policies::new(&settings.state_folder, &store_name(settings)).get(&experiment.experiment_id);
        let newest = if known.is_some() { Catalog::default() } else { newest(store, experiment).await? };
        let metrics = newest.metrics.keys(&newest.texts);
        let counts: Vec<(&str, usize)> = metrics.collect();
        match resolve(known, &experiment.tags, &settings.selecting.patterns, &counts, &told(&newest)) {
            Resolved::Policy(mut policy, origin) => {
                match (self.min, self.max) {
                    (true, _) => policy.objectives[0].goal = Goal::Minimize,
                    (_, true) => policy.objectives[0].goal = Goal::Maximize,
                    _ => {}
                }
                Ok((policy, origin))
            }
            Resolved::Undirected(metric, origin) => match (self.min, self.max) {
                (true, _) => Ok((Policy::new(Objective::new(metric, Goal::Minimize)), origin)),
                (_, true) => Ok((Policy::new(Objective::new(metric, Goal::Maximize)), origin)),
                _ => Err(undirected(&metric)),
            },
            Resolved::Open if counts.is_empty() => {
                Err(Failure::NoneEligible(format!("no run of {:?} has a metric", experiment.name)))
            }
            Resolved::Open => {
                let names: Vec<&str> = counts.iter().take(8).map(|(name, _)| *name).collect();
                Err(Failure::Usage(format!(
                    "none of the metrics tells by its name whether less or more is better: name one with --metric and \
                     --min or --max; there are {}",
                    names.join(", ")
                )))
            }
        }
    }

    /// Chooses; the `top` best are ranked.
    pub async fn choose(
        &self,
        settings: &Settings,
        store: &Arc<dyn TrackingStore>,
        experiment: &Experiment,
        top: usize,
    ) -> Result<Chosen, Failure> {
        let (policy, origin) = self.policy(settings, store, experiment).await?;
        let is_local = matches!(settings.location, Ok(Location::Sqlite(_)));
        let is_simple = policy.objectives.len() == 1 && policy.value == ValueOf::Latest;
        let (catalog, is_counted) = if is_local {
            (read_columns(store, experiment, &policy).await?, true)
        } else {
            read_server(store, experiment, &policy, top, is_simple).await?
        };
        let mut selection = select(&catalog, &policy, top);
        // Where not all was read, the spread has to be looked for.
        if is_local || !is_counted {
            spread(store, experiment, &catalog, &mut selection).await?;
        }
        Ok(Chosen { catalog, selection, origin, is_counted })
    }
}

/// The name under which things are kept for a store.
pub fn store_name(settings: &Settings) -> String {
    settings.location.as_ref().map_or_else(ToString::to_string, ToString::to_string)
}

fn undirected(metric: &str) -> Failure {
    Failure::Usage(format!(
        "whether less or more of {metric:?} is better is not known: say --min or --max, or write {metric}:min or \
         {metric}:max"
    ))
}

/// The newest runs.
async fn newest(store: &Arc<dyn TrackingStore>, experiment: &Experiment) -> Result<Catalog, Failure> {
    let scan = Scan {
        experiment_id: experiment.experiment_id.clone(),
        view: ViewType::ActiveOnly,
        first: SAMPLE,
        values: ScanValues::All,
    };
    // The first block brings them; a scan that nobody listens to ends.
    let mut builder = scan_until(store, scan, |batch| batch.completes_first_page).await?;
    Ok(builder.snapshot())
}

/// Of a local store, the columns that it takes to tell, of all runs.
async fn read_columns(
    store: &Arc<dyn TrackingStore>,
    experiment: &Experiment,
    policy: &Policy,
) -> Result<Catalog, Failure> {
    let (mut metrics, mut params, mut keys) = (Vec::new(), Vec::new(), vec![tags::PARENT_RUN_ID.to_owned()]);
    for objective in policy.objectives.iter().chain(&policy.tie_breaks) {
        metrics.push(objective.metric.clone());
    }
    for clause in &policy.filter.clauses {
        match &clause.field {
            Field::Metric(key) => metrics.push(key.clone()),
            Field::Param(key) => params.push(key.clone()),
            Field::Tag(key) => keys.push(key.clone()),
            Field::Attribute(Attribute::RunName) => keys.push(tags::RUN_NAME.to_owned()),
            Field::Attribute(_) | Field::Dataset(_) => {}
        }
    }
    for list in [&mut metrics, &mut params, &mut keys] {
        list.sort_unstable();
        list.dedup();
    }
    let values = ScanValues::Only {
        metrics,
        params,
        tags: keys,
        bare: !policy.filter.clauses.iter().any(|clause| matches!(clause.field, Field::Attribute(_))),
    };
    let scan = Scan {
        experiment_id: experiment.experiment_id.clone(),
        view: ViewType::ActiveOnly,
        first: 0,
        values,
    };
    let mut builder = scan_all(store, scan).await?;
    for wanted in policy.wanted() {
        builder.complete(store.as_ref(), &wanted).await?;
    }
    Ok(builder.snapshot())
}

/// Of a server, all runs where these are few or where no other way leads to the best; otherwise those that can be among
/// the best. True if all were read.
async fn read_server(
    store: &Arc<dyn TrackingStore>,
    experiment: &Experiment,
    policy: &Policy,
    top: usize,
    is_simple: bool,
) -> Result<(Catalog, bool), Failure> {
    let mut search = RunSearch {
        experiment_ids: vec![experiment.experiment_id.clone()],
        max_results: PAGE,
        ..RunSearch::default()
    };
    let mut builder = Builder::default();
    loop {
        let page = store.search_runs(&search).await?;
        builder.fold_changes(&whole_runs(&page.runs));
        search.page_token = page.next_page_token;
        if search.page_token.is_none() {
            for wanted in policy.wanted() {
                builder.complete(store.as_ref(), &wanted).await?;
            }
            return Ok((builder.snapshot(), true));
        }
        if is_simple && search.max_results == PAGE {
            // One run far behind tells whether there are many; to read a thousand takes a server seconds.
            let probe = RunSearch { max_results: 1, page_token: Some(page_token(ALL)), ..search.clone() };
            if !store.search_runs(&probe).await?.runs.is_empty() {
                break;
            }
        }
        search.max_results = ALL;
    }
    narrow(store, experiment, policy, top, &mut builder).await?;
    Ok((builder.snapshot(), false))
}

/// Asks only for runs that are at least as good as the worst of the best that are known, again and again, until a page
/// holds all of them: of every hundred that are better, a hundred times fewer are left. A server that sorts by a
/// metric takes seconds for that.
async fn narrow(
    store: &Arc<dyn TrackingStore>,
    experiment: &Experiment,
    policy: &Policy,
    top: usize,
    builder: &mut Builder,
) -> Result<(), Failure> {
    let most = top.max(2);
    let mut bound: Option<f64> = None;
    let mut token = None;
    loop {
        let known = select(&builder.snapshot(), policy, most);
        let worst = known.ranking.get(most - 1).map(|ranked| ranked.values[0]);
        if token.is_none() || worst != bound {
            bound = worst;
            token = None;
        }
        let search = RunSearch {
            experiment_ids: vec![experiment.experiment_id.clone()],
            filter: at_least(policy, bound),
            max_results: PAGE,
            page_token: token.take(),
            ..RunSearch::default()
        };
        let page = store.search_runs(&search).await?;
        builder.fold_changes(&whole_runs(&page.runs));
        token = page.next_page_token;
        if token.is_none() {
            return Ok(());
        }
    }
}

/// Finished runs that pass the constraint and are as good as a bound.
fn at_least(policy: &Policy, bound: Option<f64>) -> Filter {
    let primary = policy.primary();
    let mut filter = policy.filter.clone();
    let status = Test::Text(Comparator::Equal, RunStatus::Finished.as_str().to_owned());
    filter.clauses.push(Clause { field: Field::Attribute(Attribute::Status), test: status });
    let mut metric = |comparator, value| {
        let test = Test::Number(comparator, Number::Float(value));
        filter.clauses.push(Clause { field: Field::Metric(primary.metric.clone()), test });
    };
    // Infinities are kept as the largest numbers there are.
    match primary.goal {
        Goal::Minimize => {
            metric(Comparator::Greater, f64::MIN);
            metric(Comparator::LessOrEqual, bound.unwrap_or(f64::MAX));
        }
        Goal::Maximize => {
            metric(Comparator::Less, f64::MAX);
            metric(Comparator::GreaterOrEqual, bound.unwrap_or(f64::MIN));
        }
    }
    filter
}

/// Looks for the spread in the best run as a whole, and in its siblings.
async fn spread(
    store: &Arc<dyn TrackingStore>,
    experiment: &Experiment,
    catalog: &Catalog,
    selection: &mut Selection,
) -> Result<(), Failure> {
    let Some(best) = selection.best() else { return Ok(()) };
    let mut builder = Builder::default();
    let run = store.get_run(&catalog.run_id(best.row).into()).await?;
    builder.fold_changes(&whole_runs([&run]));
    let whole = builder.snapshot();
    if has_seed(&whole, 0) {
        let same = whole.params.of(&whole.texts, 0).filter(|(key, _)| !is_seed(key));
        let mut clauses: Vec<Clause> = same
            .map(|(key, value)| Clause {
                field: Field::Param(key.to_owned()),
                test: Test::Text(Comparator::Equal, whole.texts.get(value).to_owned()),
            })
            .collect();
        // Long values are rare ones: what they leave over is soon looked through.
        clauses.sort_by_key(|clause| match &clause.test {
            Test::Text(_, value) => std::cmp::Reverse(value.len()),
            _ => std::cmp::Reverse(0),
        });
        if !clauses.is_empty() {
            let search = RunSearch {
                experiment_ids: vec![experiment.experiment_id.clone()],
                filter: Filter { clauses },
                max_results: ALL,
                ..RunSearch::default()
            };
            builder.fold_changes(&whole_runs(&store.search_runs(&search).await?.runs));
        }
    }
    selection.find_spread(&builder.snapshot(), 0);
    Ok(())
}
