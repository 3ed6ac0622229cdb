//! Any store, opened as the program opens it, and what is put there.

use std::path::Path;

use mltui::mlflow::{ExperimentId, Tag};
use mltui::store::uri::RestOptions;
use mltui::store::{ErrorKind, NewRun, Store, uri};

/// Bytes of a file that is read.
pub const MOST: usize = 1 << 20;

pub fn open(address: &str) -> Store {
    let location = uri::parse(address, Path::new("/")).unwrap();
    let options = RestOptions { max_retries: 1, backoff_factor: 0.1, ..RestOptions::default() };
    uri::open(&location, &options, false).unwrap()
}

pub fn kind<T: std::fmt::Debug>(result: mltui::store::Result<T>) -> ErrorKind {
    result.expect_err("this must be refused").kind
}

pub fn new_run(experiment: &ExperimentId, name: &str, start: i64) -> NewRun {
    NewRun {
        experiment_id: experiment.clone(),
        run_name: Some(name.into()),
        user_id: "ana".into(),
        start_time: start,
        tags: vec![Tag::new("team", "a-team")],
    }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
