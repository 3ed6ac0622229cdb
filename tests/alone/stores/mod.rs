//! A local store beyond what every store does: what others do to its file, and what cannot be done in it.

mod files;
mod leftovers;
mod marks;
mod sealed;

use std::path::{Path, PathBuf};
use std::time::Duration;

use mltui::mlflow::{ExperimentId, Metric, RunId, ViewType};
use mltui::store::{Cursor, ErrorKind, Scan, ScanValues};

use crate::support::stores::{block_on, kind, new_run, open};

#[test]
fn a_store_that_is_deleted_and_comes_back_is_noticed() {
    use mltui::catalog::sync::Sync;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    let scan = Scan {
        experiment_id: ExperimentId("0".into()),
        view: ViewType::ActiveOnly,
        first: 1,
        values: ScanValues::All,
    };
    block_on(async {
        let scan_of = scan.experiment_id.clone();
        store.create_run(&new_run(&scan_of, "before", 1)).await.unwrap();
        let mut sync = Sync::new(store.clone(), scan);
        sync.load(|_| {}).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        for _ in 0..2 {
            let failure = sync.poll(&[], |_| panic!("what is known stays")).await.unwrap_err();
            assert!(failure.to_string().contains("no longer exists"), "{failure}");
        }
        // Only who never saw it makes another.
        let refused = kind(store.create_run(&new_run(&scan_of, "never", 1)).await);
        assert!(matches!(refused, ErrorKind::Gone(_)), "{refused}");
        let refused = kind(store.search_experiments(ViewType::All).await);
        assert!(matches!(refused, ErrorKind::Gone(_)), "{refused}");
        assert!(!path.exists() && !store.is_begun());
        let other = open(&format!("sqlite:///{}", path.display()));
        other.create_run(&new_run(&scan_of, "after", 1)).await.unwrap();
        let mut last = None;
        sync.poll(&[], |snapshot| last = Some(snapshot)).await.unwrap();
        let catalog = last.unwrap().catalog;
        assert_eq!(catalog.rows().map(|row| catalog.run_name(row)).collect::<Vec<_>>(), ["after"]);
    });
}

#[test]
fn a_store_that_was_never_made_whole_is_not_said_to_be_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (half, path) = (folder.path().join("half.db"), folder.path().join("mlflow.db"));
    let journal = |path: &Path| PathBuf::from(format!("{}-journal", path.display()));
    let db = rusqlite::Connection::open(&half).unwrap();
    db.execute_batch("PRAGMA cache_size = 1; BEGIN; CREATE TABLE t (x)").unwrap();
    for _ in 0..100 {
        db.execute("INSERT INTO t VALUES (randomblob(4000))", []).unwrap();
    }
    for reads_first in [true, false] {
        // What a killed writer leaves behind.
        std::fs::copy(&half, &path).unwrap();
        std::fs::copy(journal(&half), journal(&path)).unwrap();
        assert!(path.metadata().unwrap().len() > 0);
        let address = format!("sqlite:///{}", path.display());
        let store = open(&address);
        if reads_first {
            assert_eq!(block_on(store.search_experiments(ViewType::All)).unwrap().len(), 1);
        }
        block_on(store.create_experiment("wine", &[])).unwrap();
        assert_eq!(block_on(open(&address).search_experiments(ViewType::All)).unwrap().len(), 2);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_locked_store_is_waited_for_and_then_said_to_be_locked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    let experiment = block_on(store.create_experiment("main", &[])).unwrap();
    let lock = || {
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        other
    };
    // Held until somebody of less patience has given up.
    let lock_a_while = || {
        let (other, path) = (lock(), path.clone());
        std::thread::spawn(move || {
            let impatient = rusqlite::Connection::open(&path).unwrap();
            impatient.busy_timeout(Duration::from_millis(500)).unwrap();
            assert!(impatient.execute_batch("BEGIN IMMEDIATE").is_err());
            other.execute_batch("ROLLBACK").unwrap();
        })
    };
    let holder = lock_a_while();
    assert_eq!(block_on(store.search_experiments(ViewType::ActiveOnly)).unwrap().len(), 2);
    holder.join().unwrap();
    let holder = lock_a_while();
    block_on(store.create_run(&new_run(&experiment, "patient", 1))).unwrap();
    holder.join().unwrap();
    let other = lock();
    assert_eq!(kind(block_on(store.search_experiments(ViewType::ActiveOnly))), ErrorKind::Locked);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(block_on(store.search_experiments(ViewType::ActiveOnly)).unwrap().len(), 2);
}

#[test]
fn a_cursor_of_another_kind_asks_for_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&format!("sqlite:///{}", folder.path().join("x.db").display()));
    let scan = Scan {
        experiment_id: ExperimentId("0".into()),
        view: ViewType::All,
        first: 1,
        values: ScanValues::All,
    };
    let changes = block_on(store.changes(&scan, &mut Cursor::default(), &[])).unwrap();
    assert!(changes.reload);
}

/// Rows may have any number, in a file that somebody made: they are read once, and looking for changes ends.
#[test]
fn rows_of_any_number_are_read_and_looked_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    let id = block_on(store.create_experiment("wine", &[])).unwrap();
    let runs: Vec<RunId> = (0..5)
        .map(|at| {
            let run =
                block_on(store.create_run(&new_run(&id, &format!("run {at}"), at))).unwrap().info.run_id;
            let metric = Metric { key: "m".into(), value: at as f64, timestamp: 1, step: 0 };
            block_on(store.log_batch(&run, &[metric], &[], &[])).unwrap();
            run
        })
        .collect();
    let db = rusqlite::Connection::open(&path).unwrap();
    let numbers = [i64::MIN, -5, 70_000, 1 << 40, i64::MAX];
    for (number, run) in numbers.iter().zip(&runs) {
        for table in ["runs", "latest_metrics", "metrics", "tags"] {
            let sql = format!(
                "UPDATE {table} SET rowid = ?1 WHERE rowid = (SELECT max(rowid) FROM {table} WHERE run_uuid = ?2)"
            );
            db.execute(&sql, rusqlite::params![number, run.as_str()]).unwrap();
        }
    }
    let scan = |first, values| Scan { experiment_id: id.clone(), view: ViewType::All, first, values };
    let only = ScanValues::Only { metrics: vec!["m".into()], params: vec![], tags: vec![], bare: true };
    for request in [scan(2, ScanValues::All), scan(100, ScanValues::All), scan(2, only)] {
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<mltui::store::batch::RunBatch>(64);
        let (cursor, metrics) = block_on(async {
            let listen = async {
                let mut values = Vec::new();
                while let Some(batch) = receiver.recv().await {
                    values.extend(batch.metrics.iter().map(|cell| cell.value));
                }
                values.sort_by(f64::total_cmp);
                values
            };
            let (cursor, values) = tokio::join!(store.scan(&request, sender), listen);
            (cursor.unwrap(), values)
        });
        assert_eq!(metrics, [0.0, 1.0, 2.0, 3.0, 4.0], "{request:?}");
        let mut cursor = cursor;
        // Somebody writes a run, which gets any number: it is found, at once or by reading again.
        block_on(store.changes(&request, &mut cursor, &[])).unwrap();
        block_on(store.create_run(&new_run(&id, "late", 9))).unwrap();
        let changes = block_on(store.changes(&request, &mut cursor, &[])).unwrap();
        assert!(changes.reload, "{changes:?}");
    }
}
