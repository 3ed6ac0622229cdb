//! Sweeps whose nodes are machines of their own: they share some folders with that of the driver, and no processes, names or `/tmp`.

use std::fs;

use mltui::mlflow::RunStatus;

use super::{TRAIN, World, assert_nothing_is_left, on_this_machine};
use crate::support::slurm::Cluster;
use crate::support::sweeping::{output, seen};

const WORDS: [&str; 9] =
    ["sweep", "--param", "lr=0.01..1.0", "--metric", "val_loss:min", "--method", "random", "--jobs", "8"];
const COMMAND: [&str; 3] = ["--", "bash", "train.sh"];

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn nodes_that_are_other_machines_carry_trials_out_and_what_they_do_not_see_is_told() {
    let home = tempfile::tempdir().unwrap();
    let cluster = Cluster::start_apart(&[home.path()]);
    let world = World::in_home(home, cluster, "");
    let words = [&WORDS[..], &["--trials", "12"], &COMMAND].concat();
    let on_slurm = [&words[..9], &["--executor", "slurm"], &words[9..]].concat();
    let (code, _, error) = output(world.command(&on_slurm));
    assert_eq!(code, 0, "{error}");
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
    assert_eq!(trials, on_this_machine(&words, "train"));
    let worker = fs::read_to_string(world.trial(11).join("nodes")).unwrap();
    assert!(["on n1\n", "on n2\n"].contains(&worker.as_str()), "{worker}");
    // Folders of the driver's machine alone: that which trials run in, and that of the sweep.
    let alone = tempfile::tempdir().unwrap();
    fs::write(alone.path().join("train.sh"), TRAIN).unwrap();
    let words = [&on_slurm[..11], &["--trials", "1", "--experiment", "alone"], &COMMAND].concat();
    let told = |home: Option<&str>, why: &str| {
        let mut command = world.command(&words);
        command.current_dir(alone.path()).envs(home.map(|home| ("HOME", home)));
        let (code, _, error) = output(command);
        assert!(code != 0 && error.contains(why), "{error}");
    };
    // Later versions of Slurm make the folders that a job's output is to go to.
    let elsewhere = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let folder = elsewhere.path().to_str().unwrap();
        scope.spawn(move || told(Some(folder), "wrote nothing; nodes have to see"));
        told(None, "nodes have to see the folder that trials run in under the same path");
    });
    assert_nothing_is_left(&world);
}
