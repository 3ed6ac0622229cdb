//! The processes of sweeps of commands, killed at random, with scripts that log with the real MLflow and with servers of it.

use crate::support::killing::{Killable, killed_at_random, number};
use crate::support::{Server, V3};

/// Logs with the real client, and says how far it is.
const LOGGING: &str = r#"
import os
import time
import mlflow

with mlflow.start_run():
    for step in range(1, 5):
        mlflow.log_metric("val_loss", float(os.environ["MLTUI_PARAM_LR"]), step=step)
        print("step", step)
        time.sleep(0.2)
"#;

/// Knows no MLflow.
const PRINTING: &str = r#"
for step in 1 2 3 4 5 6; do
  echo "{\"step\": $step, \"val_loss\": $MLTUI_PARAM_LR}"
  sleep 0.3
done
"#;

fn logging<'a>(command: &'a [&'a str]) -> Killable<'a> {
    Killable { command, script: ("train.py", LOGGING), trials: 3, steps: &[1, 2, 3, 4] }
}

fn seeds() -> impl Iterator<Item = u64> {
    let first = number("MLTUI_KILL_SEED", 0);
    first..first + number("MLTUI_KILL_ROUNDS", 1)
}

#[test]
fn whatever_is_killed_of_a_sweep_that_logs_to_a_file_nothing_is_lost_doubled_or_left() {
    let python = V3.python();
    for seed in seeds() {
        let command = [python.to_str().unwrap(), "train.py"];
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
        // MLflow that is killed while it makes its tables, or brings ours up to date, opens the database no more.
        V3.run(
            "import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]); mlflow.search_experiments()",
            &[&uri],
        );
        killed_at_random(logging(&command), &uri, None, seed);
    }
}

#[test]
fn nor_of_one_that_logs_or_prints_and_whose_server_is_killed_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(V3, folder.path());
    let (uri, python) = (server.uri(), V3.python());
    for seed in seeds() {
        let command = [python.to_str().unwrap(), "train.py"];
        killed_at_random(logging(&command), &uri, Some(&mut server), 100 + seed);
        let printing = Killable {
            command: &["bash", "train.sh"],
            script: ("train.sh", PRINTING),
            trials: 4,
            steps: &[1, 2, 3, 4, 5, 6],
        };
        killed_at_random(printing, &uri, Some(&mut server), 200 + seed);
    }
}
