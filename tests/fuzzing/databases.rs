//! Database files with damage: bytes, pages, schema and values. Reading changes nothing, and nothing panics.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use mltui::mlflow::{ExperimentId, Metric, ModelId, Param, RunId, Tag};
use mltui::store::NewRun;
use mltui::store::uri::{self, Location, RestOptions};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rusqlite::Connection;
use tokio::runtime::Runtime;

use crate::calls::{Known, read_everything, write_something};
use crate::drawing::fuzz;
use crate::support::V3;

/// A whole database, and its columns as table and name.
struct Base {
    bytes: Vec<u8>,
    columns: Vec<(String, String)>,
    known: Known,
}

#[derive(Debug, Clone)]
enum Damage {
    /// SQL with `{table}`, `{column}`, `{row}` and `{value}` in it.
    Sql {
        template: &'static str,
        column: Index,
        row: u8,
        value: String,
    },
    Bytes {
        at: Index,
        bytes: Vec<u8>,
    },
    Flip {
        at: Index,
        bit: u8,
    },
    /// In the head or the schema.
    Early {
        at: u16,
        byte: u8,
    },
    Page {
        from: Index,
        to: Index,
    },
    Zeroes {
        page: Index,
    },
    Cut {
        at: Index,
    },
    Longer {
        bytes: Vec<u8>,
    },
}

const PAGE: usize = 4096;

/// The tables that are read.
const READ: [&str; 22] = [
    "runs",
    "metrics",
    "latest_metrics",
    "params",
    "tags",
    "experiments",
    "experiment_tags",
    "registered_models",
    "registered_model_tags",
    "registered_model_aliases",
    "model_versions",
    "model_version_tags",
    "datasets",
    "inputs",
    "input_tags",
    "logged_models",
    "logged_model_metrics",
    "logged_model_params",
    "logged_model_tags",
    "alembic_version",
    "runs",
    "latest_metrics",
];

const ROW: &str = "rowid = (SELECT rowid FROM \"{table}\" LIMIT 1 OFFSET {row})";
const TEMPLATES: [&str; 14] = [
    "UPDATE \"{table}\" SET \"{column}\" = {value} WHERE {ROW}",
    "UPDATE \"{table}\" SET \"{column}\" = {value} WHERE {ROW}",
    "UPDATE \"{table}\" SET \"{column}\" = {value} WHERE {ROW}",
    "UPDATE OR IGNORE \"{table}\" SET \"{column}\" = {value}",
    "UPDATE \"{table}\" SET rowid = {value} WHERE {ROW}",
    "INSERT INTO \"{table}\" (\"{column}\") VALUES ({value})",
    "DELETE FROM \"{table}\" WHERE {ROW}",
    "ALTER TABLE \"{table}\" DROP COLUMN \"{column}\"",
    "ALTER TABLE \"{table}\" RENAME COLUMN \"{column}\" TO other",
    "DROP TABLE \"{table}\"",
    "ALTER TABLE \"{table}\" RENAME TO old; CREATE VIEW \"{table}\" AS SELECT * FROM old",
    "ALTER TABLE \"{table}\" RENAME TO old; CREATE TABLE \"{table}\" AS SELECT * FROM old; DROP TABLE old",
    "ALTER TABLE \"{table}\" ADD COLUMN other DEFAULT {value}",
    "UPDATE sqlite_schema SET sql = replace(replace(sql, 'NOT NULL', ''), 'VARCHAR', 'INTEGER') WHERE name = '{table}'",
];
const VALUES: [&str; 26] = [
    "NULL",
    "-1",
    "0",
    "1",
    "9223372036854775807",
    "-9223372036854775808",
    "4294967296",
    "1e308",
    "9e999",
    "-9e999",
    "''",
    "'x'",
    "'NaN'",
    "x''",
    "x'ff00'",
    "CAST(x'fffe41' AS TEXT)",
    "CAST(x'410042' AS TEXT)",
    "zeroblob(100000)",
    "printf('%.100000c', 'a')",
    "'\u{1b}[2J'",
    "'/dev'",
    "'file:///proc/self/fd'",
    "'../..'",
    "'mlflow-artifacts:/x'",
    "'deleted'",
    "'99999999999999999999'",
];

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let value = prop_oneof![
        6 => select(&VALUES[..]).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_filter("a number", |number| number.is_finite()).prop_map(|number| format!("{number:e}")),
        1 => vec(any::<u8>(), 0..9).prop_map(|bytes| {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("CAST(x'{}' AS TEXT)", digits.concat())
        }),
    ];
    let sql = (select(&TEMPLATES[..]), any::<Index>(), 0_u8..6, value)
        .prop_map(|(template, column, row, value)| Damage::Sql { template, column, row, value });
    let bytes = || vec(any::<u8>(), 1..16);
    vec(
        prop_oneof![
            16 => sql,
            3 => (any::<Index>(), bytes()).prop_map(|(at, bytes)| Damage::Bytes { at, bytes }),
            3 => (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Damage::Flip { at, bit }),
            2 => (0_u16..4096, any::<u8>()).prop_map(|(at, byte)| Damage::Early { at, byte }),
            1 => (0_u16..100, any::<u8>()).prop_map(|(at, byte)| Damage::Early { at, byte }),
            1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Page { from, to }),
            1 => any::<Index>().prop_map(|page| Damage::Zeroes { page }),
            1 => any::<Index>().prop_map(|at| Damage::Cut { at }),
            1 => bytes().prop_map(|bytes| Damage::Longer { bytes }),
        ],
        1..7,
    )
}

/// SQL damage first: what is broken is not opened again.
fn damage(base: &Base, damages: &[Damage], path: &Path) {
    fs::write(path, &base.bytes).unwrap();
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; \
         PRAGMA ignore_check_constraints = ON; PRAGMA writable_schema = ON",
    )
    .unwrap();
    for damage in damages {
        if let Damage::Sql { template, column, row, value } = damage {
            let (table, column) = &base.columns[column.index(base.columns.len())];
            let sql = template.replace("{ROW}", ROW).replace("{table}", table).replace("{column}", column);
            let sql = sql.replace("{row}", &row.to_string()).replace("{value}", value);
            // What the schema does not let through is no damage.
            let _ = db.execute_batch(&sql);
        }
    }
    drop(db);
    let mut bytes = fs::read(path).unwrap();
    for damage in damages {
        let pages = (bytes.len() / PAGE).max(1);
        match damage {
            Damage::Sql { .. } => {}
            Damage::Longer { bytes: more } => bytes.extend_from_slice(more),
            _ if bytes.len() < PAGE => {}
            Damage::Bytes { at, bytes: new } => {
                let at = at.index(bytes.len() - new.len());
                bytes[at..at + new.len()].copy_from_slice(new);
            }
            Damage::Flip { at, bit } => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Damage::Early { at, byte } => bytes[usize::from(*at)] = *byte,
            Damage::Page { from, to } => {
                let (from, to) = (from.index(pages) * PAGE, to.index(pages) * PAGE);
                bytes.copy_within(from..from + PAGE, to);
            }
            Damage::Zeroes { page } => {
                let at = page.index(pages) * PAGE;
                bytes[at..at + PAGE].fill(0);
            }
            Damage::Cut { at } => {
                let at = at.index(bytes.len());
                bytes.truncate(at);
            }
        }
    }
    fs::write(path, bytes).unwrap();
}

fn columns(path: &Path) -> Vec<(String, String)> {
    let db = Connection::open(path).unwrap();
    let mut found = Vec::new();
    for table in READ {
        let mut names = db.prepare("SELECT name FROM pragma_table_info(?)").unwrap();
        let names = names.query_map([table], |row| row.get::<_, String>(0)).unwrap();
        found.extend(names.map(|name| (table.to_owned(), name.unwrap())));
    }
    found
}

/// A database that this program made.
async fn own(folder: &Path) -> Base {
    let path = folder.join("own.db");
    let store = uri::open(&Location::Sqlite(path.clone().into()), &RestOptions::default(), false).unwrap();
    store.begin().await.unwrap();
    let experiment = store.create_experiment("wine", &[Tag::new("team", "red")]).await.unwrap();
    let mut runs = Vec::new();
    for number in 0..4 {
        let run = NewRun {
            experiment_id: experiment.clone(),
            run_name: Some(format!("run-{number}")),
            user_id: "ana".into(),
            start_time: number,
            tags: vec![Tag::new("team", "red")],
        };
        let id = store.create_run(&run).await.unwrap().info.run_id;
        let metrics: Vec<Metric> = (0..6)
            .map(|step| Metric { key: "rmse".into(), value: 1.0 / (step + 1) as f64, timestamp: step, step })
            .chain([Metric { key: "nan".into(), value: f64::NAN, timestamp: 1, step: 0 }])
            .collect();
        store.log_batch(&id, &metrics, &[Param::new("lr", "0.1")], &[]).await.unwrap();
        runs.push(id);
    }
    store.write_artifact(&runs[0], "metrics.csv", b"a,b\n1,2\n").await.unwrap();
    store.create_registered_model("reg").await.unwrap();
    for run in &runs[..2] {
        store.create_model_version("reg", "runs:/x/model", Some(run), &[Tag::new("t", "v")]).await.unwrap();
    }
    store.set_model_alias("reg", "champion", 1).await.unwrap();
    drop(store);
    let known = Known {
        experiment,
        runs,
        metric: "rmse".into(),
        registered: "reg".into(),
        alias: "champion".into(),
        model: None,
    };
    Base { bytes: fs::read(&path).unwrap(), columns: columns(&path), known }
}

/// One that MLflow made. It is kept: its migrations take a while.
fn mlflows() -> Base {
    let kept: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzzing-{}.db", V3.version));
    let lock = File::create(kept.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !kept.exists() {
        let beside = kept.with_extension("new");
        let _ = fs::remove_file(&beside);
        V3.run(include_str!("store.py"), &[beside.to_str().unwrap()]);
        fs::rename(&beside, &kept).unwrap();
    }
    let db = Connection::open(&kept).unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let mut rows = db.prepare(sql).unwrap();
        let rows = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let known = Known {
        experiment: ExperimentId::from("1"),
        runs: texts("SELECT run_uuid FROM runs").into_iter().map(RunId).collect(),
        metric: "rmse".into(),
        registered: "reg".into(),
        alias: "champion".into(),
        model: texts("SELECT model_id FROM logged_models").into_iter().map(ModelId).next(),
    };
    assert!(known.runs.len() > 2 && known.model.is_some());
    drop(db);
    Base { bytes: fs::read(&kept).unwrap(), columns: columns(&kept), known }
}

#[test]
fn damaged_databases_are_read_or_refused() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bases = [runtime.block_on(own(folder.path())), mlflows()];
    let path = folder.path().join("mlflow.db");
    let inputs = (0..bases.len(), damages(), any::<bool>());
    fuzz("databases", &inputs, |(at, damages, read_only)| {
        for ending in ["db-journal", "db-wal", "db-shm"] {
            let _ = fs::remove_file(path.with_extension(ending));
        }
        let base = &bases[*at];
        damage(base, damages, &path);
        let before = fs::read(&path).unwrap();
        let store =
            uri::open(&Location::Sqlite(path.clone().into()), &RestOptions::default(), *read_only).unwrap();
        runtime.block_on(async {
            read_everything(&store, &base.known).await;
            assert!(fs::read(&path).unwrap() == before, "reading changed the file");
            write_something(&store, &base.known).await;
            assert!(!read_only || fs::read(&path).unwrap() == before, "what is read-only was changed");
        });
    });
}
