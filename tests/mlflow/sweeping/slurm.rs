//! A script that logs to a server of MLflow from the nodes of a real Slurm.

use std::fs;
use std::process::{Command, Stdio};

use mltui::mlflow::{Run, RunStatus, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{RunSearch, uri};
use serde_json::Value;

use crate::support::slurm::Cluster;
use crate::support::sweeping::{STATE, block_on, mltui, output, sweeps};
use crate::support::{Server, V3, wait_until};

/// Logs a run with one nested in it; one trial waits in the middle.
const TRAIN: &str = r#"
import argparse
import os
import time
import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
lr = parser.parse_args().lr
with mlflow.start_run():
    mlflow.log_metric("val_loss", lr, step=1)
    with mlflow.start_run(nested=True):
        mlflow.log_metric("val_loss", -1)
    print("begun", flush=True)
    while os.environ["MLTUI_TRIAL"] == "1" and not os.path.exists("go"):
        time.sleep(0.05)
    mlflow.log_metric("val_loss", lr / 2, step=2)
"#;

fn runs(address: &str) -> Vec<Run> {
    let location = uri::parse(address, std::path::Path::new("/")).unwrap();
    let store = uri::open(&location, &RestOptions::default(), true).unwrap();
    block_on(async {
        let all = store.search_experiments(ViewType::All).await.unwrap();
        let found = all.iter().find(|known| known.name == "train").unwrap();
        let experiment_ids = vec![found.experiment_id.clone()];
        let search = RunSearch { experiment_ids, max_results: 1000, ..RunSearch::default() };
        store.search_runs(&search).await.unwrap().runs
    })
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn a_script_logs_from_nodes_and_runs_again_where_it_is_requeued() {
    let (cluster, folder) = (Cluster::start(), tempfile::tempdir().unwrap());
    let server = Server::start(V3, folder.path());
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("train.py"), TRAIN).unwrap();
    let command = |words: &[&str]| -> Command {
        let mut command = mltui(home.path(), &server.uri(), words);
        command.env("SLURM_CONF", cluster.conf());
        command
    };
    let python = V3.python();
    let words = ["sweep", "--param", "lr=0.01..1.0", "--metric", "val_loss:min", "--method", "random"];
    let more =
        ["--trials", "5", "--jobs", "3", "--executor", "slurm", "--", python.to_str().unwrap(), "train.py"];
    let mut driver =
        command(&[&words[..], &more].concat()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let trial = || Some(home.path().join(STATE).join(sweeps(home.path()).pop()?).join("trials/1"));
    let begun = || {
        let log =
            trial().and_then(|trial| fs::read_to_string(trial.join("trial.log")).ok()).unwrap_or_default();
        log.lines().filter(|line| *line == "begun").count()
    };
    wait_until("the one that waits", || begun() == 1);
    driver.kill().unwrap();
    driver.wait().unwrap();
    let place = fs::read(trial().unwrap().join(".mltui/place.json")).unwrap();
    let place: Value = serde_json::from_slice(&place).unwrap();
    let job = place["job"].as_str().unwrap();
    cluster.tell("scontrol", &["requeue", job]);
    wait_until("it to run again", || {
        cluster.hurry(job);
        begun() == 2
    });
    fs::write(home.path().join("go"), "").unwrap();
    let id = sweeps(home.path()).pop().unwrap();
    let (code, out, error) = output(command(&["sweep", "--json", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&said["finished"], &said["failed"]), (&5.into(), &0.into()), "{said}");
    let runs = runs(&server.uri());
    let parent = runs.iter().find(|run| run.tag("mltui.trial") == Some("parent")).unwrap();
    assert_eq!(parent.info.status, RunStatus::Finished);
    let own = |run: &&Run| run.tag("mlflow.parentRunId") == Some(parent.info.run_id.as_str());
    let trials: Vec<&Run> = runs.iter().filter(own).collect();
    assert_eq!((trials.len(), runs.len()), (6, 13), "one of them twice, with one within each");
    let of_attempt = |number: &str| -> Vec<RunStatus> {
        let of_trial = trials
            .iter()
            .filter(|run| run.tag("mltui.trial").is_some_and(|tag| tag.ends_with("/1") || tag == "1"));
        of_trial.filter(|run| run.tag("mltui.attempt") == Some(number)).map(|run| run.info.status).collect()
    };
    assert_eq!((of_attempt("1"), of_attempt("2")), (vec![RunStatus::Killed], vec![RunStatus::Finished]));
    assert!(runs.iter().all(|run| !run.info.status.is_active()));
    assert!(cluster.active().is_empty());
}
