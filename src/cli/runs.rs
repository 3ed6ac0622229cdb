//! `mltui runs EXPERIMENT`

use std::collections::HashSet;
use std::io::Write;

use serde_json::Value as Json;

use super::choosing::judged_in;
use super::output::{OutputFlags, TextTable, print_json};
use super::run_json::{RunsMore, run_json};
use super::{Failure, find_experiment, open};
use crate::catalog::filter::{matching, unknown_key};
use crate::catalog::sort::{SortKey, sorted};
use crate::catalog::summaries::NeededHistory;
use crate::catalog::{Bound, Builder, Catalog, ColumnSpec, Row, Value};
use crate::config::Settings;
use crate::mlflow::filter::{Asker, Clause, Direction, Expression, Filter, Query, Test};
use crate::mlflow::{ExperimentId, RunId, ViewType, tags};
use crate::select::resolve::by_telling;
use crate::select::{Interest, without_fold};
use crate::state::views::{SavedView, ViewPlace, Views, find, for_place};
use crate::store::batch::whole_runs;
use crate::store::pages::each_page;
use crate::store::{RunSearch, Scan, ScanValues, Store, now_ms};
use crate::text::order::natural;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Name or id of the experiment
    experiment: String,
    /// Only runs that match this filter: MLflow's own, as in "metrics.rmse < 0.5 AND params.family = 'tree'", or easier:
    /// "age < 1d AND user = me AND (params.family = tree OR name ~ '^fold')"
    #[arg(long, value_name = "FILTER", default_value = "")]
    filter: String,
    /// Sort by this column, such as metrics.rmse or "start_time desc"; repeatable
    #[arg(long, value_name = "COLUMN")]
    sort: Vec<String>,
    /// Columns to print, comma-separated: run_name, status, metrics.NAME, params.NAME, tags.NAME, …; over a metric's
    /// whole history: min(metrics.NAME), max(…), mean(…), first(…), at(metrics.NAME, STEP), and
    /// last(metrics.NAME, N), the mean of the last N points
    #[arg(long, value_name = "NAMES")]
    columns: Vec<String>,
    /// Take columns, order and filter of a view that was saved in the explorer; --columns and --sort go before it, and
    /// --filter narrows it
    #[arg(long, value_name = "NAME")]
    view: Option<String>,
    /// Print at most this many runs
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Include deleted runs
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    format: OutputFlags,
}

/// What the command line asks for, understood.
struct RunsQuery {
    filter: Filter,
    sort: Vec<SortKey>,
    columns: Vec<ColumnSpec>,
    limit: usize,
    view: ViewType,
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let mut query = understand(arguments, &settings.user)?;
    let store = open(settings)?;
    let found = find_experiment(&store, &arguments.experiment).await?;
    let experiment = found.experiment_id.clone();
    if let Some(name) = &arguments.view {
        query.follow(&view(settings, &experiment, name)?, arguments, &settings.user)?;
    }
    let (catalog, rows) = read(&store, &experiment, &query).await?;
    if arguments.format.json && query.columns.is_empty() {
        let more = RunsMore::read(&store, &experiment, query.view).await?;
        let runs = rows.iter().map(|row| run_json(&catalog, *row, &more)).collect();
        return Ok(print_json(&Json::Array(runs), out)?);
    }
    let columns = if query.columns.is_empty() {
        if arguments.format.csv {
            default_columns(&catalog)
        } else {
            let judged = judged_in(settings, &found, &catalog);
            telling_columns(&catalog, judged.as_deref())
        }
    } else {
        query.columns
    };
    let bound: Vec<Bound> = columns.iter().map(|column| Bound::new(&catalog, column)).collect();
    let now = now_ms();
    let table = TextTable {
        titles: heads(&columns),
        names: columns.iter().map(ColumnSpec::name).collect(),
        rows: rows
            .iter()
            .map(|row| bound.iter().map(|column| column.value(&catalog, *row, now)).collect())
            .collect(),
    };
    tell_of_empty(&columns, &table.rows);
    Ok(table.print(arguments.format, now, out)?)
}

/// The saved view of that name.
fn view(settings: &Settings, experiment: &ExperimentId, name: &str) -> Result<SavedView, Failure> {
    let views = Views::new(&settings.state_folder).all();
    let views = views.map_err(|cause| Failure::State { what: "the saved views", cause })?;
    let place = ViewPlace::new(&settings.store_name(), experiment);
    if let Some(found) = find(&views, name, &place) {
        return Ok(found.view.clone());
    }
    let known: Vec<&str> = for_place(&views, &place).iter().map(|view| view.name.as_str()).collect();
    let known = if known.is_empty() {
        "; g W in the explorer saves one".into()
    } else {
        format!("; there are {}", known.join(", "))
    };
    Err(Failure::NoneEligible(format!("no view {name:?} of this experiment{known}")))
}

impl RunsQuery {
    /// Takes what a view says, as far as the command line does not.
    fn follow(&mut self, view: &SavedView, arguments: &Arguments, user: &str) -> Result<(), Failure> {
        let wrong = |what, text: &str, error| Failure::Language { what, text: text.to_owned(), error };
        if arguments.columns.is_empty() {
            for column in &view.columns {
                let read = ColumnSpec::parse(&column.name);
                self.columns.push(read.map_err(|error| wrong("view's columns", &column.name, error))?);
            }
        }
        if arguments.sort.is_empty() && !view.sort.is_empty() {
            self.sort.clear();
            for key in &view.sort {
                self.sort.push(SortKey::parse(key).map_err(|error| wrong("view's order", key, error))?);
            }
        }
        let filter =
            Expression::parse(&view.filter).map_err(|error| wrong("view's filter", &view.filter, error))?;
        self.filter = std::mem::take(&mut self.filter).and(filter.at(Asker { now: now_ms(), user }));
        Ok(())
    }
}

/// What stands above the columns of the table; the whole name where two would look the same.
fn heads(columns: &[ColumnSpec]) -> Vec<String> {
    let heads: Vec<String> = columns.iter().map(ColumnSpec::head).collect();
    let same = |head: &str| heads.iter().filter(|other| other.trim_end() == head.trim_end()).count() > 1;
    let head = |(column, head): (&ColumnSpec, &String)| if same(head) { column.name() } else { head.clone() };
    columns.iter().zip(&heads).map(head).map(|head| crate::text::clean(&head).into_owned()).collect()
}

/// Says of which columns no run has a value: a key that is mistyped looks like that.
fn tell_of_empty(columns: &[ColumnSpec], rows: &[Vec<Value<'_>>]) {
    if rows.is_empty() {
        return;
    }
    for (at, column) in columns.iter().enumerate() {
        if has_key(column) && rows.iter().all(|row| row[at] == Value::Missing) {
            tell(&format!("no run has {:?}; the column is empty", column.name()));
        }
    }
}

/// Whether it is a column that runs have or have not, unlike an attribute.
fn has_key(column: &ColumnSpec) -> bool {
    matches!(
        column,
        ColumnSpec::Metric(..) | ColumnSpec::Param(_) | ColumnSpec::Tag(_) | ColumnSpec::Dataset(_)
    )
}

fn tell(words: &str) {
    // Nothing is left to tell it to if standard error is closed.
    let _ = writeln!(std::io::stderr(), "mltui: {}", crate::text::clean(words));
}

fn understand(arguments: &Arguments, user: &str) -> Result<RunsQuery, Failure> {
    let wrong = |what, text: &str, error| Failure::Language { what, text: text.to_owned(), error };
    let mut sort = Vec::new();
    for text in &arguments.sort {
        sort.push(SortKey::parse(text).map_err(|error| wrong("sort order", text, error))?);
    }
    if sort.is_empty() {
        sort.push(SortKey { column: ColumnSpec::StartTime, direction: Direction::Descending });
    }
    let mut columns = Vec::new();
    for text in arguments.columns.iter().flat_map(|list| split_columns(list)) {
        columns.push(ColumnSpec::parse(text).map_err(|error| wrong("columns", text, error))?);
    }
    let filter =
        Expression::parse(&arguments.filter).map_err(|error| wrong("filter", &arguments.filter, error))?;
    Ok(RunsQuery {
        filter: filter.at(Asker { now: now_ms(), user }),
        sort,
        columns,
        limit: arguments.limit.unwrap_or(usize::MAX),
        view: if arguments.all { ViewType::All } else { ViewType::ActiveOnly },
    })
}

/// The parts between commas, but for those within parentheses and within a key's quotes.
fn split_columns(list: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    let mut quoted_until = 0;
    for (at, c) in list.char_indices() {
        if at < quoted_until {
            continue;
        }
        match c {
            '`' | '"' | '\'' if list[..at].ends_with('.') => {
                quoted_until = list[at + 1..].find(c).map_or(0, |length| at + 1 + length + 1);
            }
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts
}

/// The runs that are asked for, in their order, with the values that are asked for: all, where no columns are.
async fn read(
    store: &Store,
    experiment: &ExperimentId,
    query: &RunsQuery,
) -> Result<(Catalog, Vec<Row>), Failure> {
    let by_column = store.capabilities().column_scan;
    let asks_for_data_sets = query.filter.needs_store();
    // What is read faster by columns than by runs is filtered here; a server filters what it sends.
    if !query.filter.is_empty() && (!by_column || asks_for_data_sets) {
        let catalog = search(store, experiment, query).await?;
        let mut rows = in_order(&catalog, query);
        rows.truncate(query.limit);
        return Ok((catalog, rows));
    }
    // Only the newest few: a search tells.
    let newest_first =
        query.sort == [SortKey { column: ColumnSpec::StartTime, direction: Direction::Descending }];
    if newest_first && query.filter.is_empty() && query.limit <= 1000 {
        let catalog = search(store, experiment, query).await?;
        let mut rows = in_order(&catalog, query);
        rows.truncate(query.limit);
        return Ok((catalog, rows));
    }
    let needs_all = query.columns.is_empty() && query.limit > 1000;
    let values = if by_column && !needs_all { needed(query) } else { ScanValues::All };
    let scan = Scan { experiment_id: experiment.clone(), view: query.view, first: 1, values };
    let mut builder = scan_all(store, scan).await?;
    complete(&mut builder, store, experiment, query).await?;
    let catalog = builder.snapshot();
    let pass = matching(&catalog, &query.filter).ok();
    let mut rows = in_order(&catalog, query);
    rows.retain(|row| pass.as_ref().is_none_or(|pass| pass.contains(*row)));
    if rows.is_empty() && catalog.count > 0 {
        // What has to hold in any case, and is not about what runs lack.
        let is_needed = |clause: &&Clause| !matches!(clause.test, Test::IsNull);
        let needed = Filter::of(query.filter.clauses.iter().filter(is_needed).cloned().collect());
        if let Some(words) = unknown_key(&catalog, &needed) {
            tell(&words);
        }
    }
    rows.truncate(query.limit);
    if query.columns.is_empty() && by_column && !needs_all {
        // The few that are printed come whole.
        let mut builder = Builder::default();
        for row in &rows {
            let id = RunId(catalog.run_id(*row).to_owned());
            builder.fold_changes(&whole_runs([&store.get_run(&id).await?]));
        }
        let whole = builder.snapshot();
        let rows = whole.rows().collect();
        return Ok((whole, rows));
    }
    Ok((catalog, rows))
}

/// The rows in the order that is asked for; says what there is nothing of to sort by.
fn in_order(catalog: &Catalog, query: &RunsQuery) -> Vec<Row> {
    let rows = sorted(catalog, &query.sort, now_ms());
    for key in query.sort.iter().filter(|key| has_key(&key.column) && !rows.is_empty()) {
        if matches!(Bound::new(catalog, &key.column), Bound::Absent) {
            tell(&format!("no run has {:?}; not sorted by it", key.column.name()));
        }
    }
    rows
}

/// Everything that passes the filter, page by page, or no more than the limit.
async fn search(store: &Store, experiment: &ExperimentId, query: &RunsQuery) -> Result<Catalog, Failure> {
    let page = store.capabilities().page;
    if !query.filter.is_empty()
        && !store.capabilities().column_scan
        && Query::new(&query.filter).text.is_empty()
    {
        tell("the server knows no such filter: all runs are read and filtered here");
    }
    // Without a filter no more is read than what is printed.
    let is_filtered = !query.filter.is_empty();
    let search = RunSearch {
        experiment_ids: vec![experiment.clone()],
        filter: query.filter.clone(),
        view: query.view,
        max_results: if is_filtered { page } else { query.limit.clamp(1, page) },
        ..RunSearch::default()
    };
    let mut builder = Builder::default();
    let enough = if is_filtered { usize::MAX } else { query.limit };
    let read = each_page(store, search, enough, |runs| {
        builder.fold_changes(&whole_runs(&runs));
    });
    read.await.map_err(|error| Failure::of_filter(error, &query.filter))?;
    complete(&mut builder, store, experiment, query).await?;
    Ok(builder.snapshot())
}

/// Reads the histories that columns and sort keys ask for.
async fn complete(
    builder: &mut Builder,
    store: &Store,
    experiment: &ExperimentId,
    query: &RunsQuery,
) -> Result<(), Failure> {
    let sorted = query.sort.iter().map(|key| &key.column);
    let wanted: HashSet<NeededHistory> = sorted.chain(&query.columns).filter_map(NeededHistory::of).collect();
    for wanted in &wanted {
        builder.complete(store, wanted).await?;
    }
    let mut columns = query.sort.iter().map(|key| &key.column).chain(&query.columns);
    if columns.any(|column| matches!(column, ColumnSpec::Dataset(_))) {
        builder.fold_data_sets(&store.data_sets(experiment, query.view).await?);
    }
    Ok(())
}

pub(super) async fn scan_all(store: &Store, scan: Scan) -> Result<Builder, Failure> {
    let (sink, mut batches) = tokio::sync::mpsc::channel(4);
    let scanning_store = store.clone();
    let scanning = tokio::spawn(async move { scanning_store.scan(&scan, sink).await });
    let mut builder = Builder::default();
    while let Some(batch) = batches.recv().await {
        builder.fold(&batch);
    }
    drop(batches);
    match scanning.await {
        Ok(result) => drop(result?),
        Err(error) => return Err(Failure::Output(std::io::Error::other(error))),
    }
    Ok(builder)
}

/// The keys that sorting, filtering and printing need.
fn needed(query: &RunsQuery) -> ScanValues {
    let (mut metrics, mut params, mut tag_keys) = (Vec::new(), Vec::new(), Vec::new());
    let filtered = query.filter.fields().into_iter().map(|field| ColumnSpec::from(field.clone()));
    let sorted = query.sort.iter().map(|key| key.column.clone());
    for column in filtered.chain(sorted).chain(query.columns.iter().cloned()) {
        match column {
            ColumnSpec::Metric(key, _) if !metrics.contains(&key) => metrics.push(key),
            ColumnSpec::Param(key) if !params.contains(&key) => params.push(key),
            ColumnSpec::Tag(key) if !tag_keys.contains(&key) => tag_keys.push(key),
            ColumnSpec::RunName if !tag_keys.iter().any(|key| key == tags::RUN_NAME) => {
                tag_keys.push(tags::RUN_NAME.to_owned());
            }
            _ => {}
        }
    }
    ScanValues::Only { metrics, params, tags: tag_keys, bare: false }
}

/// What a table shows to people that nobody chose columns for: the attributes, the metric that decides and those that tell
/// most, the params by name, then what tells less, single folds at the end.
fn telling_columns(catalog: &Catalog, deciding: Option<&str>) -> Vec<ColumnSpec> {
    let mut metrics: Vec<(&str, usize)> = catalog.metrics.keys(&catalog.texts).collect();
    let mut telling = by_telling(&mut metrics);
    if let Some(at) = metrics.iter().position(|(key, _)| deciding == Some(key)) {
        metrics[..=at].rotate_right(1);
        telling = telling.max(at + 1).min(telling + 1);
    }
    let mut rest = metrics.split_off(telling);
    let is_fold = |key: &str| {
        let has_word =
            key.to_ascii_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| word == "fold");
        has_word || without_fold(key).is_some()
    };
    rest.extend(metrics.extract_if(.., |(key, _)| is_fold(key) && deciding != Some(*key)));
    let mut placed: Vec<_> = rest.iter().map(|(key, _)| ((is_fold(key), Interest::of(key)), *key)).collect();
    placed.sort_by(|(place, key), (other, other_key)| place.cmp(other).then_with(|| natural(key, other_key)));
    let metric = |(key, _): (&str, usize)| ColumnSpec::metric(key);
    let mut params: Vec<&str> = catalog.params.keys(&catalog.texts).map(|(key, _)| key).collect();
    params.sort_unstable_by(|a, b| natural(a, b));
    let params = params.into_iter().map(|key| ColumnSpec::Param(key.to_owned()));
    let columns = ATTRIBUTES.into_iter().chain(metrics.into_iter().map(metric));
    columns.chain(params).chain(placed.into_iter().map(|(_, key)| ColumnSpec::metric(key))).collect()
}

/// The attributes before all else.
const ATTRIBUTES: [ColumnSpec; 6] = [
    ColumnSpec::RunName,
    ColumnSpec::RunId,
    ColumnSpec::Status,
    ColumnSpec::StartTime,
    ColumnSpec::Duration,
    ColumnSpec::User,
];

/// What a table is for programs that nobody chose columns for: the attributes, then metrics, params and tags by name.
fn default_columns(catalog: &Catalog) -> Vec<ColumnSpec> {
    let mut columns = ATTRIBUTES.to_vec();
    let mut metrics: Vec<&str> = catalog.metrics.keys(&catalog.texts).map(|(key, _)| key).collect();
    let mut params: Vec<&str> = catalog.params.keys(&catalog.texts).map(|(key, _)| key).collect();
    metrics.sort_unstable_by(|a, b| natural(a, b));
    params.sort_unstable_by(|a, b| natural(a, b));
    columns.extend(metrics.into_iter().map(ColumnSpec::metric));
    columns.extend(params.into_iter().map(|key| ColumnSpec::Param(key.to_owned())));
    let keys = catalog.tags.keys(&catalog.texts).map(|(key, _)| key);
    // The name is there already.
    let mut keys: Vec<&str> = keys.filter(|key| *key != tags::RUN_NAME).collect();
    keys.sort_unstable_by(|a, b| tags::is_system(a).cmp(&tags::is_system(b)).then_with(|| natural(a, b)));
    columns.extend(keys.into_iter().map(|key| ColumnSpec::Tag(key.to_owned())));
    columns
}
