//! Keys and values that a filter cannot hold as they are: a server is asked for what is meant.

use std::path::Path;
use std::process::Command;

use mltui::mlflow::filter::{
    Asker, Attribute, Clause, Comparator, Expression, Field, Filter, Number, Query, Test,
};
use mltui::mlflow::{ExperimentId, RunId};
use mltui::store::uri::RestOptions;
use mltui::store::{RunSearch, Store, uri};

use crate::support::{Mlflow, Server, V2, V3};

/// Keys and values that a filter cannot hold as they are, or that MLflow reads as something else.
const KEYS: [&str; 28] = [
    "from", "in", "case", "a.from.b", "Values", "like", "null", "a ", " a", "a b", "a`b", "`a`", "\"a\"",
    "'a'", "a\"b`c", "x'y`\"z", "a\\", "a`\\", "created", "Run name", "a(b)", "x;y", "--", "päram", "1",
    "a.1", "status", "a/b:c-d",
];

const VALUES: [&str; 24] = [
    "",
    "a",
    "A",
    "a\\",
    "\\",
    "it's",
    "say \"x\"",
    "it's \"x\"",
    "''",
    "\"",
    "'",
    "'\"",
    "a\\' AND b",
    "%",
    "100%",
    "_",
    "--",
    "x\ny",
    "\\'\"\\",
    "ä`",
    "$$x$$",
    "/* */",
    "; x",
    "IT'S \"X\"",
];

/// What MLflow does not take.
const EASY: [&str; 10] = [
    "params.from = a OR metrics.in > 0",
    "user = me OR (user ~ '^it' AND start_time > now-0.005s)",
    "params.from ~ 'A|%' AND user != me",
    "params.from !~ a",
    "params.case IN (a, A, '')",
    "metrics.in IS NULL",
    "metrics.in IS NOT NULL",
    "status IN (finished, failed) AND name ~ a",
    "tags.like NOT IN (a)",
    "params.a/b:c-d < 5 OR end_time IS NULL",
];

const NUMBERS: [f64; 8] = [0.0, 1.0, -2.5, 1e-300, 1e300, f64::MAX, -f64::MAX, 0.1];

/// Runs with such keys and values, written past MLflow, which would not take all of them.
fn write_hostile(database: &Path, random: &mut fastrand::Rng) {
    let mut db = rusqlite::Connection::open(database).unwrap();
    let transaction = db.transaction().unwrap();
    for run in 0..60 {
        let id = format!("f{run:031x}");
        transaction
            .execute(
                "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, \
                 start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) \
                 VALUES (?1, ?2, 'UNKNOWN', '', '', ?2, 'FINISHED', ?3, '', 'active', ?2, 0)",
                rusqlite::params![id, VALUES[run % VALUES.len()], 1_000 + run as i64 / 3],
            )
            .unwrap();
        for table in ["params", "tags"] {
            for key in KEYS {
                if random.bool() {
                    let value = VALUES[random.usize(..VALUES.len())];
                    let insert = format!("INSERT INTO {table} (run_uuid, key, value) VALUES (?1, ?2, ?3)");
                    transaction.execute(&insert, [id.as_str(), key, value]).unwrap();
                }
            }
        }
        for key in KEYS {
            if random.bool() {
                let is_nan = random.u8(..5) == 0;
                let value = if is_nan { 0.0 } else { NUMBERS[random.usize(..NUMBERS.len())] };
                transaction
                    .execute(
                        "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) \
                         VALUES (?1, ?2, ?3, 1, 0, ?4)",
                        rusqlite::params![id, key, value, is_nan],
                    )
                    .unwrap();
            }
        }
    }
    transaction.commit().unwrap();
}

fn hostile_clause(random: &mut fastrand::Rng) -> Clause {
    let key = KEYS[random.usize(..KEYS.len())].to_owned();
    let value = VALUES[random.usize(..VALUES.len())].to_owned();
    let texts = [Comparator::Equal, Comparator::NotEqual, Comparator::Like, Comparator::ILike];
    let text = Test::Text(texts[random.usize(..texts.len())], value);
    let field = match random.u8(..6) {
        0 | 1 => Field::Param(key),
        2 => Field::Tag(key),
        3 => {
            let numbers =
                [Comparator::Less, Comparator::GreaterOrEqual, Comparator::Equal, Comparator::Greater];
            let number = match random.u8(..4) {
                0 => f64::INFINITY,
                1 => f64::NEG_INFINITY,
                _ => NUMBERS[random.usize(..NUMBERS.len())],
            };
            let test = Test::Number(numbers[random.usize(..numbers.len())], Number::Float(number));
            return Clause { field: Field::Metric(key), test };
        }
        4 => Field::Attribute([Attribute::UserId, Attribute::ArtifactUri][random.usize(..2)]),
        _ => {
            let mut list: Vec<String> = (0..3).map(|_| format!("f{:031x}", random.u8(..60))).collect();
            list.push("it's \"x\"\\".into());
            let test = if random.bool() { Test::In(list) } else { Test::NotIn(list) };
            return Clause { field: Field::Attribute(Attribute::RunId), test };
        }
    };
    let test = match (&field, random.u8(..8)) {
        (Field::Param(_) | Field::Tag(_), 0) => Test::IsNull,
        (Field::Param(_) | Field::Tag(_), 1) => Test::IsNotNull,
        _ => text,
    };
    Clause { field, test }
}

fn all_found(store: &Store, filter: &Filter, runtime: &tokio::runtime::Runtime) -> Vec<RunId> {
    let mut found = Vec::new();
    let mut search = RunSearch {
        experiment_ids: vec![ExperimentId("0".into())],
        filter: filter.clone(),
        max_results: 25,
        ..RunSearch::default()
    };
    loop {
        let page = runtime.block_on(store.search_runs(&search)).unwrap_or_else(|e| panic!("{filter:?}: {e}"));
        assert!(!page.runs.is_empty() || page.next_page_token.is_none(), "an empty page is the last");
        found.extend(page.runs.into_iter().map(|run| run.info.run_id));
        search.page_token = page.next_page_token;
        if search.page_token.is_none() {
            return found;
        }
    }
}

/// A server is asked for what is meant, whatever the keys and values are; the local store takes them as they are.
fn finds_what_the_file_holds(mlflow: Mlflow) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(mlflow, folder.path());
    let database = folder.path().join("store.db");
    let mut random = fastrand::Rng::with_seed(5);
    write_hostile(&database, &mut random);
    let open = |address: &str| {
        uri::open(&uri::parse(address, Path::new("/")).unwrap(), &RestOptions::default(), false).unwrap()
    };
    let file = open(&format!("sqlite:///{}", database.display()));
    let remote = open(&server.uri());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut found = 0;
    let mut filters: Vec<Filter> = (0..150)
        .map(|_| {
            let clauses = (0..random.usize(1..3)).map(|_| hostile_clause(&mut random)).collect();
            Filter::of(clauses)
        })
        .collect();
    // Each key and each value once by itself, where it is.
    let equal = |field, value: &str| Filter {
        alternatives: Vec::new(),
        clauses: vec![Clause { field, test: Test::Text(Comparator::Equal, value.to_owned()) }],
    };
    filters.extend(VALUES.map(|value| equal(Field::Attribute(Attribute::UserId), value)));
    filters.extend(KEYS.map(|key| Filter {
        alternatives: Vec::new(),
        clauses: vec![Clause { field: Field::Param(key.to_owned()), test: Test::IsNotNull }],
    }));
    filters.extend(EASY.map(|text| Expression::parse(text).unwrap().at(Asker { now: 1_010, user: "A" })));
    for filter in &filters {
        let (here, there) = (all_found(&file, filter, &runtime), all_found(&remote, filter, &runtime));
        assert_eq!(here, there, "{filter:?}, asked as {:?}", Query::new(filter));
        found += here.len();
    }
    assert!(found > 1_000, "{found} runs found");
    // As a person writes them.
    for (filter, code) in [
        ("params.`from` != 'b'", 0),
        ("params.\"case\" != 'b'", 0),
        ("metrics.`in` > 0", 0),
        ("metrics.`in` < 1e400", 0),
        ("params.`from` = 'a\\'", 0),
        ("attributes.'status' = 'FINISHED'", 0),
        ("params.`from` IS NOT NULL", 0),
        // MLflow takes none of these.
        ("params.from = 'a'", 0),
        ("metrics.`in` > '0'", 0),
        ("params.from = a b", 2),
        ("metrics.`in` > 'x'", 2),
    ] {
        for address in [server.uri(), format!("sqlite:///{}", database.display())] {
            let (ended, said) = runs(folder.path(), &address, filter);
            assert_eq!(ended, code, "{filter} on {address}: {said}");
        }
    }
    // Longer than MLflow reads: the filter is at fault, not the server.
    let long = vec!["params.`from` != 'b'"; 3_000].join(" AND ");
    let (code, said) = runs(folder.path(), &server.uri(), &long);
    assert!(code == 2 && said.contains("rejects this filter"), "{code}: {said}");
}

/// Lists the runs that pass: the exit code, and what is said of it.
fn runs(folder: &Path, address: &str, filter: &str) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mltui"))
        .args(["--tracking-uri", address, "runs", "0", "--filter", filter, "--csv"])
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_server_finds_what_the_file_holds() {
    finds_what_the_file_holds(V3);
}

#[test]
fn a_server_of_mlflow_2_finds_it_too() {
    finds_what_the_file_holds(V2);
}
