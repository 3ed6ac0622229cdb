//! What a database server is asked for while others write or lock: all of one moment, by few connections, and not for ever.

use std::sync::atomic::{AtomicBool, Ordering};

use mltui::mlflow::{ExperimentId, RunId, ViewType};
use mltui::store::{ErrorKind, RunBatch, Scan, ScanValues, Store};

use crate::support::stores::{block_on, kind};
use crate::support::wait_until;

/// More runs than are read by one connection.
const RUNS: usize = 2_500;
/// How many ask at once.
const CALLERS: usize = 20;

/// Statements that make runs of an experiment, each with a param and a tag, in whatever dialect.
pub(crate) fn many_runs(experiment: &ExperimentId) -> String {
    let digit = (1..10).fold("SELECT 0 AS i".to_owned(), |text, i| format!("{text} UNION ALL SELECT {i}"));
    let numbers = format!(
        "(SELECT a.i + 10 * b.i + 100 * c.i + 1000 * d.i AS n FROM ({digit}) a, ({digit}) b, ({digit}) c, ({digit}) d) many \
         WHERE n < {RUNS}"
    );
    let id = "lpad(concat(n, ''), 32, '0')";
    format!(
        "INSERT INTO runs (run_uuid, name, status, lifecycle_stage, start_time, experiment_id) \
         SELECT {id}, 'r', 'FINISHED', 'active', n, {experiment} FROM {numbers}; \
         INSERT INTO params SELECT 'p', 'was', {id} FROM {numbers}; INSERT INTO tags SELECT 't', 'was', {id} FROM {numbers}"
    )
}

/// Takes away what these runs have, and adds one more.
pub(crate) fn another_moment(experiment: &ExperimentId) -> String {
    format!(
        "DELETE FROM params; UPDATE tags SET value = 'is'; \
         INSERT INTO runs (run_uuid, name, status, lifecycle_stage, start_time, experiment_id) \
         VALUES ('0000000000000000000000000000cafe', 'late', 'FINISHED', 'active', 5, {experiment})"
    )
}

/// A scan while somebody else writes between its first and its last batch.
pub(crate) fn a_scan_is_of_one_moment(store: &Store, sql: impl Fn(&str)) {
    block_on(async {
        let experiment = store.create_experiment("moments", &[]).await.unwrap();
        sql(&many_runs(&experiment));
        let scan = Scan {
            experiment_id: experiment.clone(),
            view: ViewType::ActiveOnly,
            first: 10,
            values: ScanValues::All,
        };
        let (sink, mut batches) = tokio::sync::mpsc::channel(1);
        let (ours, own) = (store.clone(), scan.clone());
        let scanning = tokio::spawn(async move { ours.scan(&own, sink).await });
        let mut all = vec![batches.recv().await.unwrap()];
        sql(&another_moment(&experiment));
        while let Some(batch) = batches.recv().await {
            all.push(batch);
        }
        let mut cursor = scanning.await.unwrap().unwrap();
        let count = |of: fn(&RunBatch) -> usize| all.iter().map(of).sum::<usize>();
        let counts = (count(|it| it.heads.len()), count(|it| it.params.len()), count(|it| it.tags.len()));
        assert_eq!(counts, (RUNS, RUNS, RUNS));
        assert!(!all.iter().any(|batch| batch.texts().any(|text| text == "is" || text == "late")));
        // What came later is seen as a change.
        let changes = store.changes(&scan, &mut cursor, &[]).await.unwrap();
        let texts: Vec<&str> = changes.batches.iter().flat_map(RunBatch::texts).collect();
        assert!(texts.contains(&"late"), "{texts:?}");
    });
}

/// Many who ask at once; `connections` counts those that the server has.
pub(crate) fn few_connections_are_open(store: &Store, connections: impl Fn() -> i64 + Sync) {
    let is_over = AtomicBool::new(false);
    let most = std::thread::scope(|scope| {
        let count = scope.spawn(|| {
            let mut most = 0;
            while !is_over.load(Ordering::Relaxed) {
                most = most.max(connections());
            }
            most
        });
        block_on(async {
            let asks = (0..CALLERS).map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    for _ in 0..20 {
                        store.search_experiments(ViewType::All).await.unwrap();
                    }
                })
            });
            for ask in asks.collect::<Vec<_>>() {
                ask.await.unwrap();
            }
        });
        is_over.store(true, Ordering::Relaxed);
        count.join().unwrap()
    });
    assert!((2..=4).contains(&most), "{most} connections");
    wait_until("the connections at rest", || connections() <= 2);
}

/// A table that somebody else locks; the store is asked again when they have let it go.
pub(crate) fn a_lock_is_told_as_time_that_is_over(store: &Store, run: &RunId, unlock: impl FnOnce()) {
    block_on(async {
        let waited = kind(store.get_run(run).await);
        assert!(matches!(waited, ErrorKind::Timeout(_) | ErrorKind::Locked), "{waited}");
        unlock();
        assert_eq!(store.get_run(run).await.unwrap().info.run_id, *run);
    });
}
