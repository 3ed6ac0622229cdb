//! A sweep of a script that logs to MLflow, planned on the screen by what the script has logged.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::sweeping::local;
use crate::support::terminal::Terminal;
use crate::support::{Mlflow, V2, V3};

/// Has options of its own, of which one is called otherwise than its param.
const SCRIPT: &str = r#"
import argparse
import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--max-depth", type=int)
parser.add_argument("--optimizer", default="adam")
arguments = parser.parse_args()
mlflow.set_experiment("churn")
with mlflow.start_run():
    mlflow.log_params(vars(arguments))
    mlflow.log_params({"epochs": 3, "seed": 7})
    for step in range(3):
        mlflow.log_metric("val_loss", abs(arguments.lr - 0.01) + 1 / (step + arguments.max_depth), step=step)
"#;

/// The Python of a project: that in which MLflow is.
fn environment(folder: &Path, mlflow: Mlflow) {
    let python = folder.join(".venv/bin/python");
    fs::create_dir_all(python.parent().unwrap()).unwrap();
    fs::write(&python, format!("#!/bin/sh\nexec {} \"$@\"\n", mlflow.quick_python().display())).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
}

fn on(mlflow: Mlflow) {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    fs::write(home.path().join("train.py"), SCRIPT).unwrap();
    environment(home.path(), mlflow);
    for (lr, depth, optimizer) in [("0.0001", "3", "sgd"), ("0.1", "9", "adam"), ("0.01", "6", "adam")] {
        let words = ["train.py", "--lr", lr, "--max-depth", depth, "--optimizer", optimizer];
        let run = Command::new(mlflow.quick_python())
            .current_dir(home.path())
            .args(words)
            .env("MLFLOW_TRACKING_URI", &uri)
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }
    // From another folder than that of the script, which lies beside the store.
    let elsewhere = home.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let words = ["--tracking-uri", &uri];
    let mut screen = Terminal::start(&elsewhere, (130, 40), &words, &[("USER", "ana")]);
    screen.wait_for("lowest val_loss of 3 runs");
    screen.type_keys("\x14");
    screen.wait_for("a command, around this run");
    screen.type_keys("\r");
    screen.wait_for(".venv/bin/python train.py --max-depth {max_depth} {args}");
    screen.wait_for(&home.path().display().to_string());
    for line in ["val_loss:min", "lr=0.0001..0.1:log", "max_depth=3..9", "optimizer=adam,sgd"] {
        screen.wait_for(line);
    }
    screen.wait("what is the same to be left out", |screen| {
        !screen.contains("epochs=") && !screen.contains("seed=")
    });
    screen.wait_for("train.py --max-depth 6 --lr 0.01 --optimizer adam");
    screen.type_keys("\x1b");
    screen.wait("the form to close", |screen| !screen.contains("first run"));
    // Around the run, and a few trials of it.
    screen.type_keys("A");
    screen.wait_for("max_depth=4..8");
    screen.wait_for("lr=0.001778..0.05623:log");
    screen.wait_for("lr=0.01,max_depth=6");
    screen.type_keys(&"\x1b[A".repeat(12));
    screen.type_keys("\x152");
    screen.type_keys("\t");
    screen.wait_for("3 params, 2 trials, 1 at a time");
    screen.type_keys("\r");
    screen.wait_for("runs .venv/bin/python train.py");
    screen.type_keys("gs");
    screen.wait_for("2/2");
    screen.type_keys("\r");
    // The list says so too: its trials are there, the last one under the cursor.
    screen.wait("the trials", |screen| screen.contains("Trials Chart") && screen.contains("trial-1  "));
    screen.wait_for("2 finished");
    // The first trial is the run again, and its history a line of small columns.
    screen.wait_for("\u{2587}");
    screen.type_keys("G");
    screen.wait_for("trial-0");
    // And to its own run, which the script named.
    screen.type_keys("e");
    screen.wait("the runs", |screen| screen.contains("2 Runs") && !screen.contains("trial-0"));
    screen.signal("-TERM");
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn a_script_is_swept_from_the_screen_by_what_it_has_logged() {
    on(V3);
}

#[test]
fn a_script_on_mlflow_2_is_swept_from_the_screen_too() {
    on(V2);
}
