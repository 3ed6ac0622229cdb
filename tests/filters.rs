//! The filter language against MLflow's own: the same runs in the same order, and errors where MLflow has errors.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::path::Path;
use std::process::Command;

use mltui::catalog::filter::matching;
use mltui::catalog::{Builder, Catalog};
use mltui::mlflow::filter::{
    Attribute, Clause, Comparator, Field, Filter, Number, OrderBy, Query, Test, parse,
};
use mltui::mlflow::{ExperimentId, RunId, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{RunSearch, Scan, ScanValues, Store, uri};
use serde_json::{Value, json};
use support::{Mlflow, Server, V2, V3};

/// A generator of clauses out of all that the grammar knows, with values that exist in the store.
struct Generator(fastrand::Rng);

impl Generator {
    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.0.usize(..list.len())]
    }

    fn text(&mut self) -> String {
        let text = self.pick(&[
            "a", "A", "b", "", "ab%c", "a_c", "abc", "ÄÖ", "äö", "10", "%", "A%", "%c", "_", "x y", "it's",
            "zzz", "a%", "a\\", "\\",
        ]);
        if text.contains('\'') || self.0.u8(..8) == 0 { format!("\"{text}\"") } else { format!("'{text}'") }
    }

    fn number(&mut self) -> &'static str {
        self.pick(&["0", "1", "1.5", "-2", "1e-300", "0.1", ".5", "3", "2.", "-1E3", "1e300"])
    }

    fn clause(&mut self) -> String {
        let text_test = |g: &mut Self, field: &str| {
            let operator = g.pick(&["=", "!=", "LIKE", "ILIKE", "like"]);
            format!("{field} {operator} {}", g.text())
        };
        match self.0.u8(..9) {
            0 | 1 => {
                let field =
                    self.pick(&["metrics.m", "metric.`val loss`", "metrics.\"val loss\"", "metrics.absent"]);
                let operator = self.pick(&["=", "!=", "<", "<=", ">", ">="]);
                let space = self.pick(&[" ", ""]);
                format!("{field}{space}{operator} {}", self.number())
            }
            2 | 3 => {
                let field =
                    self.pick(&["params.p", "param.`dir/p 1`", "parameters.\"dir/p 1\"", "params.absent"]);
                text_test(self, field)
            }
            4 => {
                let field = self.pick(&["tags.k", "tag.mlflow.user", "tags.`mlflow.runName`", "tags.absent"]);
                text_test(self, field)
            }
            5 => {
                let field = self.pick(&[
                    "run_name",
                    "attributes.`Run Name`",
                    "user_id",
                    "run.user_id",
                    "attr.artifact_uri",
                ]);
                text_test(self, field)
            }
            6 => {
                let status = self.pick(&["'FINISHED'", "'RUNNING'", "'finished'", "\"FAILED\""]);
                format!("attributes.status {} {status}", self.pick(&["=", "!=", "LIKE", "ilike"]))
            }
            7 => {
                let field = self.pick(&["start_time", "attributes.end_time", "created", "run.created"]);
                let operator = self.pick(&["=", "!=", "<", "<=", ">", ">="]);
                format!("{field} {operator} {}", self.pick(&["1003", "1003.5", "2010", "0"]))
            }
            _ => match self.0.u8(..4) {
                0 => format!(
                    "{} IS {}",
                    self.pick(&["params.p", "tags.k", "params.`dir/p 1`"]),
                    self.pick(&["NULL", "NOT NULL", "not null"])
                ),
                1 => format!(
                    "dataset.name {} {}",
                    self.pick(&["=", "!=", "LIKE", "ILIKE"]),
                    self.pick(&["'wine'", "'iris'", "'w%'"])
                ),
                2 => format!("datasets.context {} ('train', 'x')", self.pick(&["IN", "NOT IN"])),
                _ => format!("dataset.digest = '{}'", self.pick(&["0", "1", "2"])),
            },
        }
    }

    fn filter(&mut self) -> String {
        let count = self.0.usize(1..4);
        let clauses: Vec<String> = (0..count).map(|_| self.clause()).collect();
        clauses.join(self.pick(&[" AND ", " and ", "  AND  "]))
    }

    fn order_by(&mut self) -> Vec<String> {
        let fields = [
            "metrics.m",
            "metrics.`val loss`",
            "params.p",
            "tags.k",
            "status",
            "run_name",
            "attributes.end_time",
            "start_time",
            "params.absent",
            "run_id",
        ];
        let count = self.0.usize(0..3);
        (0..count)
            .map(|_| format!("{}{}", self.pick(&fields), self.pick(&["", " ASC", " DESC", " desc"])))
            .collect()
    }
}

/// What people write by mistake, and what looks like one and is none.
const ODD: [&str; 110] = [
    "",
    "   ",
    "metrics.m",
    "metrics.m >",
    "> 1",
    "metrics.m > 'x'",
    "metrics.m = 1 OR metrics.m = 2",
    "(metrics.m = 1)",
    "params.p = a",
    "params.p = 1",
    "params.p > 'a'",
    "metrics.m LIKE 1",
    "metrics.m == 1",
    "metrics.m <> 1",
    "foo.bar = 'x'",
    "bogus = 'x'",
    "run_id IN ()",
    "run_id IN ('a', 1)",
    "run_id IN ('a')",
    "run_id NOT IN ('a', \"b\")",
    "status IN ('RUNNING')",
    "params.p IN ('a')",
    "metrics.m IS NULL",
    "start_time IS NULL",
    "params.p IS",
    "metrics.m BETWEEN 1 AND 2",
    "metrics.val loss > 1",
    "metrics.a/b > 1",
    "metrics.m = inf",
    "metrics.m < 1e309",
    "metrics.m > -1e309",
    "metrics.m = 1e309",
    "metrics.m >= 1.7976931348623157e308",
    "metrics.m > 1.7976931348623157e308",
    "metrics.m != 1.7976931348623157e308",
    "metrics.m = nan",
    "metrics.m > 1e+5",
    "start_time > '5'",
    "attributes.lifecycle_stage = 'active'",
    "dataset.foo = 'x'",
    "metrics.m > 1 AND",
    "AND metrics.m > 1",
    "params.p = 'a",
    "metrics.m > 1 metrics.m < 2",
    "metrics.m > 1, metrics.m < 2",
    "run_id = 'a' AND run_id LIKE '%'",
    "tags.k='a'",
    "metrics.m>-1",
    "metrics.m < 1e400",
    "metrics.m = 1e400",
    "metrics.m > -1e400",
    "start_time < 1e400",
    "metrics.m = 9007199254740993",
    "metrics.m > 1.",
    "metrics.m > +1",
    "metrics.m > 0x10",
    "metrics.m=-.5",
    // Quotes around names, and words that need them.
    "params.`from` = 'a'",
    "params.\"case\" = 'a'",
    "metrics.`in` > 0",
    "params.from = 'a'",
    "params.a.in = 'a'",
    "params.Values = 'a'",
    "params.a.`in` = 'a'",
    "params.like = 'a'",
    "params.from_x = 'a'",
    "params.null != 'a'",
    "params.a.1 = 'a'",
    "params.1 = 'a'",
    "params.1a = 'a'",
    "params._x = 'a'",
    "attributes.'status' = 'FINISHED'",
    "params.'p' = 'a'",
    "params.\"'p'\" = 'a'",
    "params.`'p'` = 'a'",
    "params.\"`p`\" = 'a'",
    "params.\"a`b\" = 'a'",
    "`params`.`p` = 'a'",
    "\"params\".\"p\" = 'a'",
    "`params.p` = 'a'",
    "`status` = 'FINISHED'",
    "\"status\" = 'FINISHED'",
    "'status' = 'FINISHED'",
    "params . p = 'a'",
    "params.`p` = `a`",
    // Texts that end where one would not think.
    "params.p = 'a\\'",
    "params.p = \"a\\\"",
    "params.p = 'a\\' AND metrics.m > 0",
    "params.p = 'a\\' AND params.p = 'x'",
    "params.p = \"a\\\" AND tags.k = 'x'",
    "params.p = 'a\\' AND tags.k = \"a\"",
    "params.p = 'it''s'",
    "params.p != 'a''",
    // Lists, which are Python's.
    "run_id IN ('\\x41', '\\n', 'it\\'s')",
    "run_id NOT IN ('\\x41')",
    "run_id IN ('a' 'b')",
    "run_id IN (r'\\x')",
    "run_id IN (b'a')",
    "run_id IN (('a'))",
    "run_id IN (('a','b'),)",
    "run_id NOT IN ('it''s')",
    "run_id IN ('''a''')",
    "run_id IN ('a\\')",
    "run_id IN ('a\\\\', 'b')",
    "run_id IN ('a\nb')",
    "run_id IN ('a' + 'b')",
    "run_id IN ('\\xzz')",
    "run_id NOT IN ('a)', '(')",
    "datasets.name IN ('\\x77ine', 'x')",
    "dataset.name NOT IN ('win\\145')",
];

const ODD_ORDERS: [&str; 8] = [
    "metrics.m foo",
    "metrics.val loss",
    "bogus",
    "dataset.name",
    "metrics.m ASC DESC",
    "duration",
    "metrics.m, params.p",
    "created DESC",
];

fn load(store: &Store, experiment: &ExperimentId, runtime: &tokio::runtime::Runtime) -> Catalog {
    let scan = Scan {
        experiment_id: experiment.clone(),
        view: ViewType::ActiveOnly,
        first: 5,
        values: ScanValues::All,
    };
    let (sink, mut batches) = tokio::sync::mpsc::channel(64);
    runtime.block_on(store.scan(&scan, sink)).unwrap();
    let mut builder = Builder::default();
    while let Some(batch) = batches.blocking_recv() {
        builder.fold(&batch);
    }
    builder.snapshot()
}

fn parse_all(filter: &str, order_by: &[String]) -> Result<(Filter, Vec<OrderBy>), String> {
    let filter = parse(filter).map_err(|error| error.report(filter))?;
    let order_by =
        OrderBy::parse_all(order_by.iter().map(String::as_str)).map_err(|error| error.to_string())?;
    Ok((filter, order_by))
}

#[test]
fn a_search_finds_what_mlflow_finds() {
    let mut generator = Generator(fastrand::Rng::with_seed(2026));
    let mut searches: Vec<(String, Vec<String>)> =
        (0..400).map(|_| (generator.filter(), generator.order_by())).collect();
    searches.extend(ODD.iter().map(|filter| ((*filter).to_owned(), Vec::new())));
    searches.extend(ODD_ORDERS.iter().map(|order| (String::new(), vec![(*order).to_owned()])));
    let folder = tempfile::tempdir().unwrap();
    let asked = folder.path().join("searches.json");
    let as_json: Value =
        searches.iter().map(|(filter, order_by)| json!({ "filter": filter, "order_by": order_by })).collect();
    std::fs::write(&asked, as_json.to_string()).unwrap();
    let address = format!("sqlite:///{}", folder.path().join("search.db").display());
    let output = V3.run(include_str!("support/filters.py"), &[&address, asked.to_str().unwrap()]);
    let output: Value = serde_json::from_str(&output).unwrap();
    let experiment = ExperimentId(output["experiment"].as_str().unwrap().to_owned());
    let location = uri::parse(&address, Path::new("/")).unwrap();
    let store = uri::open(&location, &RestOptions::default(), false).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let catalog = load(&store, &experiment, &runtime);
    let mut differences = Vec::new();
    let (mut found, mut refused) = (0, 0);
    for ((filter, order_by), answer) in searches.iter().zip(output["answers"].as_array().unwrap()) {
        let theirs =
            answer["ids"].as_array().map(|ids| ids.iter().map(|id| id.as_str().unwrap()).collect::<Vec<_>>());
        let ours = parse_all(filter, order_by);
        let (theirs, (parsed, order)) = match (theirs, ours) {
            (Some(theirs), Ok(ours)) => (theirs, ours),
            (None, Err(_)) => {
                refused += 1;
                continue;
            }
            (None, Ok(_)) => {
                differences.push(format!("{filter:?} {order_by:?}: MLflow refuses: {}", answer["error"]));
                continue;
            }
            (Some(_), Err(error)) => {
                differences.push(format!("{filter:?} {order_by:?}: MLflow accepts; {error}"));
                continue;
            }
        };
        found += 1;
        let search = RunSearch {
            experiment_ids: vec![experiment.clone()],
            filter: parsed.clone(),
            order_by: order,
            max_results: 1000,
            ..RunSearch::default()
        };
        let page = runtime.block_on(store.search_runs(&search)).unwrap();
        let ours: Vec<RunId> = page.runs.into_iter().map(|run| run.info.run_id).collect();
        if ours.iter().map(RunId::as_str).ne(theirs.iter().copied()) {
            differences.push(format!(
                "{filter:?} {order_by:?}: MLflow has {} runs, we {}",
                theirs.len(),
                ours.len()
            ));
        }
        if parsed.clauses.iter().all(|clause| !matches!(clause.field, Field::Dataset(_))) {
            let pass = matching(&catalog, &parsed).unwrap();
            let mut in_memory: Vec<&str> =
                catalog.rows().filter(|row| pass.contains(*row)).map(|row| catalog.run_id(row)).collect();
            let mut theirs = theirs;
            in_memory.sort_unstable();
            theirs.sort_unstable();
            if in_memory != theirs {
                differences.push(format!(
                    "{filter:?} in memory: MLflow has {}, we {}",
                    theirs.len(),
                    in_memory.len()
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(found > 300 && refused > 25, "{found} searches compared, {refused} refused by both");
}

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
            Filter { clauses }
        })
        .collect();
    // Each key and each value once by itself, where it is.
    let equal = |field, value: &str| Filter {
        clauses: vec![Clause { field, test: Test::Text(Comparator::Equal, value.to_owned()) }],
    };
    filters.extend(VALUES.map(|value| equal(Field::Attribute(Attribute::UserId), value)));
    filters.extend(KEYS.map(|key| Filter {
        clauses: vec![Clause { field: Field::Param(key.to_owned()), test: Test::IsNotNull }],
    }));
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
        ("params.from = 'a'", 2),
        ("metrics.`in` > '0'", 2),
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
