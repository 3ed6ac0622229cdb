//! Sweeps from outside, with the real MLflow: what they log, and what becomes of what a server does not take.

mod families;
mod files;
mod killing;
mod libraries;
mod screens;
mod scripts;
mod secrets;
mod slurm;

use std::fs;
use std::path::Path;

use mltui::mlflow::RunStatus;

use crate::support::sweeping::{SMALL, seen, swept};
use crate::support::{Server, V3, wait_until};

/// What the statuses of the models in a database are: 1 is pending, 2 ready, 3 failed.
fn models(database: &Path) -> Vec<i64> {
    let db = rusqlite::Connection::open(database).unwrap();
    let mut statement = db.prepare("SELECT status FROM logged_models").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// All trials of the experiment have ended well, with what the test says of their models.
fn are_whole(uri: &str) {
    let (parents, trials) = seen(uri, "iris");
    assert_eq!((parents.len(), trials.len()), (1, 2));
    assert_eq!(parents[0].status, RunStatus::Finished);
    for trial in &trials {
        assert_eq!((trial.status, trial.ended), (RunStatus::Finished, true));
        let tested = trial.points.iter().filter(|(key, _, _)| key == "test_accuracy").count();
        assert_eq!(tested, 1, "{trial:?}");
    }
}

/// What a server is asked for each trial that comes to a model: besides its files, eight requests, and one or two more where
/// its beginning or a fold is told before there is more to tell.
#[test]
fn trials_with_models_take_few_requests() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(V3, home.path());
    let log = home.path().join("server.log");
    let logged = || fs::read_to_string(&log).unwrap_or_default();
    let before = logged().len();
    let said = swept(home.path(), &server.uri(), &[&SMALL[1..5], &["--trials", "20", "--no-prune"]].concat());
    assert_eq!(said["finished"], 20, "{said}");
    let (mut files, mut others) = (0, Vec::new());
    let is_closed = || logged()[before..].matches("/runs/update ").count() == 22;
    wait_until("the log", is_closed);
    for line in logged()[before..].lines().filter(|line| line.contains(" HTTP/1.1\" ")) {
        assert!(line.ends_with(" 200 OK"), "{line}");
        if line.contains("\"PUT ") {
            files += 1;
        } else {
            others.push(line.to_owned());
        }
    }
    assert!(files >= 20 * 8, "{files} files");
    // The sweep's own run and the experiment take a dozen.
    assert!(others.len() <= 20 * 10 + 12, "{} requests:\n{}", others.len(), others.join("\n"));
}
