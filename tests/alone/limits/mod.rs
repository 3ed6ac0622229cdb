//! Stores that send more than there is room for, or on and on: the program says so, and stays small.

mod answers;
mod files;
mod measuring;
mod pages;
mod values;

use std::path::Path;

use mltui::store::uri::RestOptions;
use mltui::store::{Store, uri};

use self::measuring::Measured;
use crate::support::flood::{Flood, ROOM, Sink};

const EXPERIMENTS: &str = "{\"experiments\": [{\"experiment_id\": \"1\", \"name\": \"wine\"}]}";

/// Behind a value that is not all there is.
const CUT: &str = "[cut here: too long to be read]";

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn open(address: &str) -> Store {
    let options = RestOptions { max_retries: 0, ..RestOptions::default() };
    uri::open(&uri::parse(address, Path::new("/")).unwrap(), &options, false).unwrap()
}

/// A run as a server sends it, with what else is in its data.
fn run(number: usize, data: &str) -> String {
    format!(
        "{{\"info\": {{\"run_id\": \"{number:032x}\", \"experiment_id\": \"1\", \"run_name\": \"run-{number}\", \
         \"status\": \"FINISHED\", \"start_time\": {}, \"lifecycle_stage\": \"active\"}}, \"data\": {{{data}}}}}",
        1_700_000_000_000 + number
    )
}

/// A server with one experiment that answers a search for runs as told.
fn with_runs(answer: impl Fn(&str, &mut Sink<'_>) -> std::io::Result<()> + Send + Sync + 'static) -> Flood {
    Flood::start(move |request, sink| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path.starts_with("/api/2.0/mlflow/runs/search") {
            answer(request, sink)
        } else if path.starts_with("/api/2.0/mlflow/experiments/get") {
            sink.json("{\"experiment\": {\"experiment_id\": \"1\", \"name\": \"wine\"}}")
        } else if path.starts_with("/api/2.0/mlflow/experiments/") {
            sink.json(EXPERIMENTS)
        } else if path.starts_with("/version") {
            sink.json("3.17.2")
        } else {
            sink.head(404, "Content-Length: 0\r\n")
        }
    })
}

/// It failed with words, in the room that there is.
fn assert_refused(flood: &Flood, measured: &Measured, words: &[&str]) {
    let Measured { code, said, peak, .. } = measured;
    assert!(*code != 0 && *peak <= ROOM, "exit code {code}, {peak} MB: {said}");
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {said}");
    assert!(flood.sent() < 2_000, "it listened to {} MB", flood.sent());
}
