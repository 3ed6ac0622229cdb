//! A store on a server as the program has it, and what is asked of it.

use std::path::Path;

use mltui::mlflow::ViewType;
use mltui::store::uri::RestOptions;
use mltui::store::{Cursor, ErrorKind, Result, Scan, ScanValues, Store, uri};

pub fn quick() -> RestOptions {
    RestOptions { max_retries: 3, backoff_factor: 0.01, backoff_jitter: 0.0, ..RestOptions::default() }
}

#[expect(clippy::needless_pass_by_value, reason = "options are written in place")]
pub fn open(address: &str, options: RestOptions) -> Store {
    uri::open(&uri::parse(address, Path::new("/")).unwrap(), &options, false).unwrap()
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.expect_err("this must fail").kind
}

pub fn list(store: &Store) -> Result<usize> {
    block_on(store.search_experiments(ViewType::ActiveOnly)).map(|list| list.len())
}

pub fn scan_of(experiment: &str) -> Scan {
    Scan { experiment_id: experiment.into(), view: ViewType::ActiveOnly, first: 10, values: ScanValues::All }
}

/// How far a scan got, and how many runs it brought.
pub fn scanned(store: &Store, scan: &Scan) -> (Cursor, usize) {
    block_on(async {
        let (sink, mut batches) = tokio::sync::mpsc::channel(64);
        let cursor = store.scan(scan, sink).await.unwrap();
        let mut count = 0;
        while let Some(batch) = batches.recv().await {
            count += batch.heads.len();
        }
        (cursor, count)
    })
}

/// The names of the runs that changed.
pub fn changed(store: &Store, scan: &Scan, cursor: &mut Cursor) -> Vec<String> {
    let changes = block_on(store.changes(scan, cursor, &[])).unwrap();
    let of_batch = |batch: &mltui::store::RunBatch| {
        let texts: Vec<String> = batch.texts().map(str::to_owned).collect();
        batch.heads.iter().map(|head| texts[head.name as usize].clone()).collect::<Vec<_>>()
    };
    changes.batches.iter().flat_map(of_batch).collect()
}
