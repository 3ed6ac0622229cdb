//! Sweeps from outside, with the real MLflow: what they log, and what becomes of what a server does not take.

mod families;
mod files;
mod killing;
mod libraries;
mod screens;
mod scripts;
mod secrets;
mod slurm;

use std::path::Path;

use mltui::mlflow::RunStatus;

use crate::support::sweeping::seen;

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
