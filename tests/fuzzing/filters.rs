//! Filters: no text breaks the parser, and a filter lets the same runs through in memory, in SQL, and in part on a server.

use std::collections::HashMap;

use mltui::catalog::filter::matching;
use mltui::catalog::{Builder, Catalog};
use mltui::mlflow::filter::{Asker, Expression, Filter, Query, parse};
use mltui::mlflow::{
    Dataset, DatasetInput, ExperimentId, Metric, Param, Run, RunId, RunStatus, Tag, ViewType,
};
use mltui::store::memory::Memory;
use mltui::store::uri::{self, Location, RestOptions};
use mltui::store::{NewRun, RunSearch, RunUpdate, Scan, ScanValues, Store};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tokio::runtime::Runtime;

use crate::drawing::fuzz;

const TEXTS: [&str; 30] = [
    "",
    "a",
    "A",
    "ab%c",
    "a_c",
    "abc",
    "ÄÖ",
    "äö",
    "10",
    "1e3",
    "%",
    "_",
    "x y",
    "it's",
    "\"",
    "`",
    "\\",
    "a\\",
    "%\\",
    "\u{130}",
    "ß",
    "e\u{301}",
    "\u{1f680}",
    "\u{202e}",
    "a\nb",
    "\t",
    "NULL",
    "FINISHED",
    "wine",
    "\u{0}",
];
const KEYS: [&str; 8] = ["m", "val loss", "dir/p 1", "a.b", "mlflow.user", "mlflow.runName", "ä", "in"];
const NUMBERS: [f64; 14] = [
    0.0,
    -0.0,
    1.0,
    1.5,
    -2.0,
    1e-300,
    5e-324,
    1e300,
    f64::MAX,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    9_007_199_254_740_993.0,
    0.1,
];
const RUNS: usize = 24;

/// A store, its catalogue, and the numbers of its runs by their ids.
struct Held {
    store: Store,
    experiment: ExperimentId,
    catalog: Catalog,
    numbers: HashMap<RunId, usize>,
    runs: Vec<Run>,
}

impl Held {
    async fn new(store: Store) -> Self {
        let experiment = store.create_experiment("x", &[]).await.unwrap();
        // The same in every store.
        let mut random = fastrand::Rng::with_seed(1);
        let mut numbers = HashMap::new();
        for number in 0..RUNS {
            let id = log(&store, &experiment, number, &mut random).await;
            numbers.insert(id, number);
        }
        let scan = Scan {
            experiment_id: experiment.clone(),
            view: ViewType::All,
            first: 10,
            values: ScanValues::All,
        };
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1_000);
        store.scan(&scan, sender).await.unwrap();
        let mut builder = Builder::default();
        while let Some(batch) = receiver.recv().await {
            builder.fold(&batch);
        }
        let mut held = Self { store, experiment, catalog: builder.snapshot(), numbers, runs: Vec::new() };
        held.runs = held.search(&Filter::default()).await;
        assert_eq!(held.runs.len(), RUNS);
        held
    }

    async fn search(&self, filter: &Filter) -> Vec<Run> {
        let search = RunSearch {
            experiment_ids: vec![self.experiment.clone()],
            filter: filter.clone(),
            view: ViewType::All,
            max_results: 1_000,
            ..RunSearch::default()
        };
        self.store.search_runs(&search).await.unwrap().runs
    }

    fn number(&self, id: &str) -> usize {
        self.numbers[&RunId::from(id)]
    }

    async fn found(&self, filter: &Filter) -> Vec<usize> {
        let runs = self.search(filter).await;
        let mut found: Vec<usize> = runs.iter().map(|run| self.numbers[&run.info.run_id]).collect();
        found.sort_unstable();
        found
    }

    /// By the catalogue; none where a filter needs the store.
    fn matched(&self, filter: &Filter) -> Option<Vec<usize>> {
        let rows = matching(&self.catalog, filter).ok()?;
        let passing = self.catalog.rows().filter(|row| rows.contains(*row));
        let mut found: Vec<usize> = passing.map(|row| self.number(self.catalog.run_id(row))).collect();
        found.sort_unstable();
        Some(found)
    }
}

/// A run with values of all kinds.
async fn log(store: &Store, experiment: &ExperimentId, number: usize, random: &mut fastrand::Rng) -> RunId {
    let mut text = || TEXTS[random.usize(..TEXTS.len() - 1)];
    let name = format!("{}{number}", text());
    let tags: Vec<Tag> =
        KEYS.iter().filter(|key| !key.starts_with("mlflow.r")).map(|key| Tag::new(*key, text())).collect();
    let params: Vec<Param> = KEYS.iter().map(|key| Param::new(*key, text())).collect();
    let user_id = text().to_owned();
    let has = |at: usize| !number.is_multiple_of(at + 3);
    let metrics = KEYS.iter().enumerate().filter(|(at, _)| has(*at)).map(|(at, key)| Metric {
        key: (*key).into(),
        value: NUMBERS[(number + at * 5) % NUMBERS.len()],
        timestamp: 7,
        step: 1,
    });
    let run = NewRun {
        experiment_id: experiment.clone(),
        run_name: Some(name),
        user_id,
        start_time: [0, 1_003, i64::MAX, -5][number % 4],
        tags: Vec::new(),
    };
    let id = store.create_run(&run).await.unwrap().info.run_id;
    let kept = |at: &usize| has(*at + 1);
    let params: Vec<Param> =
        params.into_iter().enumerate().filter(|(at, _)| kept(at)).map(|(_, it)| it).collect();
    let tags: Vec<Tag> = tags.into_iter().enumerate().filter(|(at, _)| kept(at)).map(|(_, it)| it).collect();
    store.log_batch(&id, &metrics.collect::<Vec<_>>(), &params, &tags).await.unwrap();
    if number.is_multiple_of(5) {
        let dataset = Dataset {
            name: "wine".into(),
            digest: format!("{number}"),
            source_type: "local".into(),
            source: "{}".into(),
            schema: None,
            profile: None,
        };
        let tags = vec![Tag::new("mlflow.data.context", ["train", "it's"][number % 2])];
        store.log_inputs(&id, &[DatasetInput { dataset, tags }]).await.unwrap();
    }
    let status = [RunStatus::Finished, RunStatus::Failed, RunStatus::Running][number % 3];
    let end_time = (number % 3 < 2).then_some(2_010 + number as i64);
    store.update_run(&id, &RunUpdate { status: Some(status), end_time, run_name: None }).await.unwrap();
    if number % 7 == 6 {
        store.delete_run(&id).await.unwrap();
    }
    id
}

/// Texts out of pieces, mostly whole clauses.
fn filters() -> impl Strategy<Value = String> {
    let clause = prop_oneof![16 => right_clauses(), 4 => loose_clauses(), 6 => easy_clauses(), 1 => any::<String>(), 1 => one_of(&PIECES)];
    let between = select(&[" AND ", " AND ", " and ", " OR ", " or (", ") OR (", " ", "\n", ""][..]);
    let clauses = (vec(clause, 0..5), between).prop_map(|(clauses, between)| {
        let text = clauses.join(between);
        let opened = text.matches(" or (").count();
        if between.starts_with(')') { format!("({text})") } else { text + &")".repeat(opened) }
    });
    // A letter here and there.
    let change = (any::<Index>(), any::<char>(), 0_u8..3);
    let changes = prop_oneof![3 => Just(Vec::new()), 1 => vec(change, 1..3)];
    (clauses, changes).prop_map(|(text, changes)| {
        let mut letters: Vec<char> = text.chars().collect();
        for (at, letter, change) in changes {
            match change {
                0 if !letters.is_empty() => drop(letters.remove(at.index(letters.len()))),
                1 if !letters.is_empty() => {
                    let at = at.index(letters.len());
                    letters[at] = letter;
                }
                2 => letters.insert(at.index(letters.len() + 1), letter),
                _ => {}
            }
        }
        letters.into_iter().collect()
    })
}

const PIECES: [&str; 12] = ["AND", "OR", "(", ")", "'", "\"", "`", "--", ";", "/*", ",", "run_id IN"];
const KINDS: [&str; 6] = ["params", "parameter", "param", "tags", "tag", "metrics"];
const TEXT_FIELDS: [&str; 9] = [
    "run_name",
    "run_id",
    "status",
    "user_id",
    "artifact_uri",
    "attributes.`Run Name`",
    "dataset.name",
    "dataset.digest",
    "datasets.context",
];
const TIMES: [&str; 5] = ["start_time", "end_time", "created", "attributes.start_time", "attr.end_time"];
const FOR_TEXTS: [&str; 5] = ["=", "!=", "LIKE", "ILIKE", "like"];
const FOR_NUMBERS: [&str; 6] = ["=", "!=", "<", "<=", ">", ">="];
const LOOSE: [&str; 15] =
    ["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "like", "IN", "NOT IN", "IS", "IS NOT", "==", "<>"];
const ODD_NUMBERS: [&str; 12] = [
    "0",
    "-0",
    "1e400",
    ".5",
    "2.",
    "-1E3",
    "9007199254740993",
    "9223372036854775808",
    "nan",
    "1_0",
    "1003",
    "1.7976931348623157e308",
];

fn one_of(list: &'static [&'static str]) -> BoxedStrategy<String> {
    select(list).prop_map(str::to_owned).boxed()
}

/// With quotes that may not fit.
fn texts() -> BoxedStrategy<String> {
    let quoted = |(text, quotes): (&str, u8)| match quotes {
        0 => format!("\"{text}\""),
        1 => text.to_owned(),
        _ => format!("'{text}'"),
    };
    (select(&TEXTS[..]), 0_u8..12).prop_map(quoted).boxed()
}

fn lists() -> BoxedStrategy<String> {
    vec(texts(), 0..4).prop_map(|texts| format!("({})", texts.join(", "))).boxed()
}

fn keyed(kinds: &'static [&'static str]) -> BoxedStrategy<String> {
    let keyed = |(kind, key, quotes): (&str, &str, u8)| match quotes {
        0 | 1 => format!("{kind}.\"{key}\""),
        2 => format!("{kind}.{key}"),
        _ => format!("{kind}.`{key}`"),
    };
    (select(kinds), select(&KEYS[..]), 0_u8..6).prop_map(keyed).boxed()
}

fn numbers() -> BoxedStrategy<String> {
    let own = select(&NUMBERS[..]).prop_map(|number| number.to_string());
    let any_of = any::<f64>().prop_map(|number| number.to_string());
    prop_oneof![2 => own, 1 => any_of, 1 => any::<i64>().prop_map(|number| number.to_string()), 2 => one_of(&ODD_NUMBERS)]
        .boxed()
}

/// Such that MLflow understands, for the most part.
fn right_clauses() -> BoxedStrategy<String> {
    let joined = |(field, operator, value): (String, String, String)| format!("{field} {operator} {value}");
    prop_oneof![
        4 => (keyed(&KINDS[..5]), one_of(&FOR_TEXTS), texts()).prop_map(joined),
        3 => (one_of(&TEXT_FIELDS), one_of(&FOR_TEXTS), texts()).prop_map(joined),
        4 => (keyed(&KINDS[5..]), one_of(&FOR_NUMBERS), numbers()).prop_map(joined),
        1 => (one_of(&TIMES), one_of(&FOR_NUMBERS), numbers()).prop_map(joined),
        1 => (keyed(&KINDS[..5]), one_of(&["IS", "IS NOT"]), one_of(&["NULL"])).prop_map(joined),
        1 => (one_of(&TEXT_FIELDS), one_of(&["IN", "NOT IN"]), lists()).prop_map(joined),
    ]
    .boxed()
}

/// Such that MLflow does not take.
const EASY: [&str; 20] = [
    "params.a.b = abc",
    "params.dir/p != 10",
    "params.m < 11",
    "tags.ä >= 2",
    "params.`val loss` ~ '^a'",
    "tags.a.b !~ c$",
    "params.m IN (a, A, 10)",
    "tags.m NOT IN ('x y')",
    "metrics.m IS NULL",
    "metrics.ä IS NOT NULL",
    "end_time IS NULL",
    "start_time > now-2s",
    "age >= 1s",
    "user = me",
    "user != me",
    "status = failed",
    "status IN (failed, running)",
    "name ~ '[0-5]$'",
    "dataset.name ~ w",
    "dataset.context IN (train, x)",
];

fn easy_clauses() -> BoxedStrategy<String> {
    one_of(&EASY)
}

fn loose_clauses() -> BoxedStrategy<String> {
    let field = prop_oneof![
        keyed(&KINDS),
        one_of(&TEXT_FIELDS),
        one_of(&TIMES),
        keyed(&["attributes", "dataset", "x"])
    ];
    let value = prop_oneof![texts(), numbers(), lists(), one_of(&["NULL", "NOT NULL"])];
    (field, one_of(&LOOSE), value)
        .prop_map(|(field, operator, value)| format!("{field} {operator} {value}"))
        .boxed()
}

#[test]
fn filters_mean_the_same_everywhere() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let database = path.to_str().unwrap().into();
    let (file, memory) = runtime.block_on(async {
        let sqlite = uri::open(&Location::Sqlite(database), &RestOptions::default(), false).unwrap();
        sqlite.begin().await.unwrap();
        (Held::new(sqlite).await, Held::new(Store::new(Memory::default())).await)
    });
    fuzz("filters", &filters(), |text| {
        let filter = match Expression::parse(text) {
            Ok(expression) => expression.at(Asker { now: 3_000, user: "abc" }),
            Err(error) => {
                assert!(parse(text).is_err(), "MLflow takes it");
                return drop(error.report(text));
            }
        };
        if let Ok(theirs) = parse(text) {
            assert_eq!(filter, theirs, "what MLflow takes means what it means there");
        }
        // What is shown of a filter.
        let _ = filter.to_string();
        let query = Query::new(&filter);
        let asked = parse(&query.text).unwrap_or_else(|error| panic!("asked as {:?}: {error}", query.text));
        runtime.block_on(async {
            let in_file = file.found(&filter).await;
            if let Some(matched) = file.matched(&filter) {
                assert_eq!(in_file, matched, "SQL and the catalogue");
            }
            let in_memory = memory.found(&filter).await;
            if let Some(matched) = memory.matched(&filter) {
                assert_eq!(in_memory, matched, "the memory and its catalogue");
            }
            // Ids and places of artifacts differ.
            if !text.contains("run_id") && !text.contains("artifact_uri") {
                assert_eq!(in_file, in_memory, "SQL and the memory");
            }
            let widely = file.found(&asked).await;
            let told = file.runs.iter().filter(|run| query.passes(run));
            let told: Vec<usize> =
                told.map(|run| file.numbers[&run.info.run_id]).filter(|run| widely.contains(run)).collect();
            assert_eq!(told.len(), in_file.len(), "asked as {:?}", query.text);
            assert!(told.iter().all(|run| in_file.contains(run)), "asked as {:?}", query.text);
        });
    });
}
