//! Any store, opened as the program opens it, and what is put there.

use std::path::Path;

use mltui::mlflow::{ExperimentId, Metric, RunId, Tag};
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

/// A local store with a run whose metric is 1 but for a spike of 9 at step 60 of 100; its address.
pub fn spike(folder: &Path) -> String {
    let address = format!("sqlite:///{}", folder.join("mlflow.db").display());
    spiky_run(&open(&address));
    address
}

pub fn spiky_run(store: &Store) -> RunId {
    block_on(async {
        let experiment = store.create_experiment("spikes", &[]).await.unwrap();
        let run = store.create_run(&new_run(&experiment, "spiky", 1_000)).await.unwrap().info.run_id;
        let point = |step: i64| Metric {
            key: "loss".into(),
            value: if step == 60 { 9.0 } else { 1.0 },
            timestamp: 1_000 + step,
            step,
        };
        let points: Vec<Metric> = (0..=100).map(point).collect();
        store.log_batch(&run, &points, &[], &[]).await.unwrap();
        run
    })
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
