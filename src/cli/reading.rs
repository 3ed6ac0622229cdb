//! Which runs it takes to tell the best one: where values are read by column some of them of all
//! runs, else all runs or those that can be the best.

use std::collections::HashSet;

use super::Failure;
use super::runs::scan_all;
use crate::catalog::{Builder, Catalog};
use crate::mlflow::filter::{Attribute, Clause, Comparator, Field, Filter, Number, Query, Test};
use crate::mlflow::{Experiment, RunId, RunStatus, ViewType, tags};
use crate::select::{
    Ancestors, DEEPEST, Goal, MOST_FURTHER, MetricGoal, Policy, SAMPLE, Selection, ValueOf, missing_parents,
    select, select_with,
};
use crate::store::batch::whole_runs;
use crate::store::pages::{Pages, each_page};
use crate::store::{ErrorKind, RunSearch, Scan, ScanValues, Store, StoreError};

/// Of up to so many runs on a server all are read, and all are counted.
const ALL: usize = 1_000;
/// Runs on a page of a server while the best is looked for.
const PAGE: usize = 100;
/// Comparisons in one search: MLflow joins a table for each, and a database joins a few dozen at most.
const MOST_CLAUSES: usize = 16;
/// Ids in one search.
const IDS: usize = 90;
/// Pages at most while the best is looked for: millions of runs.
const MOST_PAGES: usize = 10_000;
/// Runs above others that are looked for at most.
const MOST_PARENTS: usize = 10_000;
/// So many tied runs of those that were read by column are read as wholes; of more, only columns.
const WHOLE: usize = 1_000;

/// The newest runs.
pub async fn newest(store: &Store, experiment: &Experiment) -> Result<Catalog, Failure> {
    let search = RunSearch {
        experiment_ids: vec![experiment.experiment_id.clone()],
        max_results: SAMPLE,
        ..RunSearch::default()
    };
    let mut builder = Builder::default();
    // A scan would have asked for the next pages before it is told that this is enough.
    each_page(store, search, SAMPLE, |runs| {
        builder.fold_changes(&whole_runs(&runs));
    })
    .await?;
    Ok(builder.snapshot())
}

/// Where values are read by column, the columns that it takes to tell, of all runs.
pub async fn read_columns(
    store: &Store,
    experiment: &Experiment,
    policy: &Policy,
    further: &[MetricGoal],
) -> Result<Builder, Failure> {
    let (mut metrics, mut params, mut keys) = (Vec::new(), Vec::new(), vec![tags::PARENT_RUN_ID.to_owned()]);
    for objective in policy.objectives.iter().chain(&policy.tie_breaks).chain(further) {
        metrics.push(objective.metric.clone());
    }
    let fields = policy.filter.fields();
    for field in &fields {
        match field {
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
        bare: !fields.iter().any(|field| matches!(field, Field::Attribute(_))),
    };
    let scan = Scan {
        experiment_id: experiment.experiment_id.clone(),
        view: ViewType::ActiveOnly,
        first: 0,
        values,
    };
    let mut builder = scan_all(store, scan).await?;
    builder.end_scan();
    read_parents(store, experiment, &mut builder, &mut HashSet::new()).await?;
    for wanted in policy.needed_histories() {
        builder.complete(store, &wanted).await?;
    }
    Ok(builder)
}

/// Goes on with runs that were read by column and are tied: reads further metrics, of these runs only, or of all runs a few at
/// a time where these are many.
pub async fn decide_ties(
    store: &Store,
    experiment: &Experiment,
    mut builder: Builder,
    mut selection: Selection,
    further: &[MetricGoal],
    top: usize,
) -> Result<(Catalog, Selection), Failure> {
    let policy = selection.policy.clone();
    for count in [1, 4, MOST_FURTHER] {
        let some = &further[..count.min(further.len())];
        if selection.undecided.is_empty() || some.is_empty() {
            break;
        }
        if selection.undecided.len() <= WHOLE {
            let known = builder.snapshot();
            let ids: Vec<RunId> = selection.undecided.iter().map(|row| known.run_id(*row).into()).collect();
            fold_runs(store, experiment, &ids, ViewType::ActiveOnly, &mut builder).await?;
            selection = select_with(&builder.snapshot(), &policy, further, &Ancestors::default(), top);
            break;
        }
        builder = read_columns(store, experiment, &policy, some).await?;
        selection = select_with(&builder.snapshot(), &policy, some, &Ancestors::default(), top);
        if some.len() == further.len() {
            break;
        }
    }
    Ok((builder.snapshot(), selection))
}

/// All runs of an experiment with all that they have, and those above them.
pub async fn read_all(store: &Store, experiment: &Experiment, policy: &Policy) -> Result<Catalog, Failure> {
    let scan = Scan {
        experiment_id: experiment.experiment_id.clone(),
        view: ViewType::ActiveOnly,
        first: 0,
        values: ScanValues::All,
    };
    let mut builder = scan_all(store, scan).await?;
    builder.end_scan();
    read_parents(store, experiment, &mut builder, &mut HashSet::new()).await?;
    for wanted in policy.needed_histories() {
        builder.complete(store, &wanted).await?;
    }
    Ok(builder.snapshot())
}

/// Where runs come in pages, all of them where these are few or where no other way leads to the best; otherwise those that can be among
/// the best. True if all were read.
pub async fn read_pages(
    store: &Store,
    experiment: &Experiment,
    policy: &Policy,
    top: usize,
) -> Result<(Catalog, bool), Failure> {
    let [bound, _] = bounds(policy.primary(), None);
    let is_simple = policy.objectives.len() == 1 && policy.value == ValueOf::Latest && Query::asks(&bound);
    let mut search = RunSearch {
        experiment_ids: vec![experiment.experiment_id.clone()],
        max_results: PAGE,
        ..RunSearch::default()
    };
    let mut reading = ReadingRuns {
        store,
        experiment,
        builder: Builder::default(),
        asked: HashSet::new(),
        pages: Pages::default(),
        count: 0,
    };
    loop {
        search.page_token = reading.page(&search, &Filter::default()).await?;
        if search.page_token.is_none() {
            let mut builder = reading.builder;
            for wanted in policy.needed_histories() {
                builder.complete(store, &wanted).await?;
            }
            return Ok((builder.snapshot(), true));
        }
        if is_simple
            && search.max_results == PAGE
            && let Some(behind) = store.page_token(ALL)
        {
            // One run far behind tells whether there are many; to read a thousand takes a server seconds.
            let probe = RunSearch { max_results: 1, page_token: Some(behind), ..search.clone() };
            if !store.search_runs(&probe).await?.runs.is_empty() {
                break;
            }
        }
        search.max_results = ALL;
    }
    narrow(&mut reading, policy, top).await?;
    Ok((reading.builder.snapshot(), false))
}

/// Runs of a server, with those above them.
struct ReadingRuns<'a> {
    store: &'a Store,
    experiment: &'a Experiment,
    builder: Builder,
    /// Runs above others that were looked for.
    asked: HashSet<RunId>,
    /// The pages of the list under way, and how many there were of all lists.
    pages: Pages,
    count: usize,
}

impl ReadingRuns<'_> {
    /// Takes a page in, and returns the token of the next one. `written` is what of the filter somebody wrote.
    async fn page(&mut self, search: &RunSearch, written: &Filter) -> Result<Option<String>, Failure> {
        let page = self.store.search_runs(search).await;
        let page = page.map_err(|error| Failure::of_filter(error, written))?;
        self.count += 1;
        if self.count > MOST_PAGES {
            let words = format!("more than {MOST_PAGES} pages of runs");
            return Err(StoreError::new("search runs", ErrorKind::Protocol(words)).into());
        }
        if search.page_token.is_none() {
            self.pages = Pages::default();
        }
        let next = self.pages.follow(&page)?;
        self.builder.fold_changes(&whole_runs(&page.runs));
        read_parents(self.store, self.experiment, &mut self.builder, &mut self.asked).await?;
        Ok(next)
    }
}

/// Asks only for runs that are at least as good as the worst of the best that are known, again and again, until a page
/// holds all of them: of every hundred that are better, a hundred times fewer are left. A server that sorts by a
/// metric takes seconds for that.
async fn narrow(reading: &mut ReadingRuns<'_>, policy: &Policy, top: usize) -> Result<(), Failure> {
    let most = top.max(2);
    let worst = |builder: &mut Builder| {
        let known = select(&builder.snapshot(), policy, most);
        known.ranking.get(most - 1).map(|ranked| ranked.values[0])
    };
    let mut bound = worst(&mut reading.builder);
    let mut token = None;
    loop {
        let search = RunSearch {
            experiment_ids: vec![reading.experiment.experiment_id.clone()],
            filter: at_least(policy, bound),
            // A second page is of many that are tied, all of which are needed.
            max_results: if token.is_some() { ALL } else { PAGE },
            page_token: token,
            ..RunSearch::default()
        };
        token = reading.page(&search, &policy.filter).await?;
        let now = worst(&mut reading.builder);
        let is_within = match (now, bound) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(now), Some(bound)) => !policy.primary().goal.is_better(bound, now),
        };
        // A child that came in may have put out a parent that had its value: then the bound was too narrow.
        if token.is_none() && is_within {
            return Ok(());
        }
        if now != bound {
            (bound, token) = (now, None);
        }
    }
}

/// Finished runs that are as good as a bound and pass the constraint, as far as a server can be asked for that: the
/// choice looks at all of it again.
fn at_least(policy: &Policy, bound: Option<f64>) -> Filter {
    let status = Test::Text(Comparator::Equal, RunStatus::Finished.as_str().to_owned());
    let status = Clause { field: Field::Attribute(Attribute::Status), test: status };
    let constraint = policy.filter.clauses.iter().filter(|clause| Query::asks(clause)).take(MOST_CLAUSES);
    let [finite, good] = bounds(policy.primary(), bound);
    Filter::of(constraint.cloned().chain([status, finite, good]).collect())
}

/// That a metric is a finite number, as far as that is what is wanted of it, and as good as a bound.
fn bounds(objective: &MetricGoal, bound: Option<f64>) -> [Clause; 2] {
    let metric = |comparator, value| Clause {
        field: Field::Metric(objective.metric.clone()),
        test: Test::Number(comparator, Number::Float(value)),
    };
    // Infinities are kept as the largest numbers there are.
    match objective.goal {
        Goal::Minimize => [
            metric(Comparator::Greater, f64::MIN),
            metric(Comparator::LessOrEqual, bound.unwrap_or(f64::MAX)),
        ],
        Goal::Maximize => [
            metric(Comparator::Less, f64::MAX),
            metric(Comparator::GreaterOrEqual, bound.unwrap_or(f64::MIN)),
        ],
    }
}

/// Reads the runs above those that are known, whatever became of them: a run that failed links the one above it to what
/// it repeats.
async fn read_parents(
    store: &Store,
    experiment: &Experiment,
    builder: &mut Builder,
    asked: &mut HashSet<RunId>,
) -> Result<(), Failure> {
    for _ in 0..DEEPEST {
        let mut missing = missing_parents(&builder.snapshot(), &Ancestors::default());
        missing.retain(|id| !asked.contains(id));
        missing.truncate(MOST_PARENTS.saturating_sub(asked.len()));
        if missing.is_empty() {
            break;
        }
        fold_runs(store, experiment, &missing, ViewType::All, builder).await?;
        asked.extend(missing);
    }
    Ok(())
}

/// Takes whole runs in.
async fn fold_runs(
    store: &Store,
    experiment: &Experiment,
    ids: &[RunId],
    view: ViewType,
    builder: &mut Builder,
) -> Result<(), Failure> {
    // What is found in no list is asked for by itself.
    let in_lists = ids.chunk_by(|a, b| Query::lists(&a.0) && Query::lists(&b.0));
    for ids in in_lists.flat_map(|some| some.chunks(IDS)) {
        let ids: Vec<String> = ids.iter().map(|id| id.0.clone()).collect();
        let search = RunSearch {
            experiment_ids: vec![experiment.experiment_id.clone()],
            max_results: ids.len(),
            filter: Filter::of(vec![Clause {
                field: Field::Attribute(Attribute::RunId),
                test: Test::In(ids),
            }]),
            view,
            ..RunSearch::default()
        };
        let asked = search.max_results;
        each_page(store, search, asked, |runs| {
            builder.fold_changes(&whole_runs(&runs));
        })
        .await?;
    }
    Ok(())
}
