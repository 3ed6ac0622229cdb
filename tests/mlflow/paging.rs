//! All runs of a server with several workers: some pages at a time, each run once.

use std::sync::atomic::{AtomicBool, Ordering};

use mltui::catalog::sync::Sync;
use mltui::store::now_ms;
use mltui::store::uri::RestOptions;

use crate::support::client::{block_on, open, quick, scan_of};
use crate::support::proxy::Proxy;
use crate::support::stores::new_run;
use crate::support::{Server, V3};

const RUNS: usize = 3_000;

/// All that a server has, while somebody makes further runs; the most requests that were under way at the same time.
fn load(server: &Server, id: &str, before: usize, options: RestOptions) -> (usize, u64) {
    let proxy = Proxy::start(server.port);
    let (store, maker) = (open(&proxy.uri(), options), open(&server.uri(), quick()));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let making = scope.spawn(|| {
            let mut made = 0;
            while !is_over.load(Ordering::Relaxed) {
                let run = new_run(&id.into(), "late", now_ms());
                block_on(maker.create_run(&run)).unwrap();
                made += 1;
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            made
        });
        let mut sync = Sync::new(store, scan_of(id));
        let mut last = None;
        let loaded = block_on(sync.load(|snapshot| last = Some(snapshot)));
        is_over.store(true, Ordering::Relaxed);
        loaded.unwrap();
        let made = making.join().unwrap();
        let most = proxy.most_open();
        let catalog = last.take().unwrap().catalog;
        assert!((before..=before + made).contains(&catalog.count), "{} of {before}", catalog.count);
        for at in 0..RUNS {
            assert!(catalog.find(&format!("{at:032x}")).is_some(), "run {at} is missing");
        }
        // Those that came while it was read are among the changes.
        let mut count = catalog.count;
        crate::support::wait_until("all of them", || {
            block_on(sync.poll(&[], |snapshot| count = snapshot.catalog.count)).unwrap();
            count == before + made
        });
        (count, most)
    })
}

#[test]
fn some_pages_are_read_at_a_time_from_a_server_with_several_workers() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(V3, folder.path(), &["--workers", "4"], &[]);
    let id = block_on(open(&server.uri(), quick()).create_experiment("many", &[])).unwrap();
    let db = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
    db.execute_batch("BEGIN").unwrap();
    for at in 0..RUNS {
        db.execute(
            "INSERT INTO runs (run_uuid, name, status, lifecycle_stage, start_time, experiment_id, source_type, artifact_uri, user_id) \
             VALUES (?1, 'r', 'FINISHED', 'active', ?2, ?3, 'UNKNOWN', 'x', 'ana')",
            rusqlite::params![format!("{at:032x}"), at as i64, id.as_str()],
        )
        .unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
    drop(db);
    let (count, most) = load(&server, id.as_str(), RUNS, quick());
    assert_eq!(most, 2);
    let (_, most) = load(&server, id.as_str(), count, RestOptions { pages_at_once: 4, ..quick() });
    assert!((3..=4).contains(&most), "{most}");
}
