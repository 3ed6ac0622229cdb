//! What is asked of a sweep on Slurm while it runs, and what Slurm does not take at once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use mltui::mlflow::RunStatus;

use super::{COMMAND, WORDS, World, assert_nothing_is_left, on_this_machine};
use crate::support::slurm::Cluster;
use crate::support::sweeping::{output, seen};
use crate::support::wait_until;

/// Trials that wait, but for the first.
const LATER: &str =
    "6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39";

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn what_is_asked_of_a_sweep_reaches_what_is_submitted() {
    // The first ones do not wait: one goes alone, and those around it as they come.
    let world = World::new(LATER);
    let words = [&WORDS[..], &["--executor", "slurm"], &COMMAND].concat();
    let words: Vec<&str> = words.into_iter().map(|word| if word == "6" { "3" } else { word }).collect();
    let mut driver = world.spawn(&words);
    let running = || world.cluster.jobs().iter().filter(|(_, state, _)| state == "RUNNING").count();
    let pending = || world.cluster.jobs().into_iter().filter(|(_, state, _)| state == "PENDING");
    wait_until("an array", || running() == 3 && pending().count() > 10);
    world.steer(&["set", "--jobs", "5"]);
    wait_until("five of it", || running() == 5);
    let held = pending().next_back().unwrap().0;
    world.cluster.tell("scontrol", &["hold", &held]);
    let words = format!("Slurm does not begin job {held} (JobHeldAdmin)");
    wait_until("a word of what somebody holds back", || world.said().contains(&words));
    world.cluster.tell("scontrol", &["release", &held]);
    let words = "no job of the sweep is held back any more";
    wait_until("a word of its release", || world.said().contains(words));
    world.steer(&["pause"]);
    wait_until("all others to be held", || pending().all(|(_, _, reason)| reason == "JobHeldUser"));
    // The next process knows that they are.
    driver.kill().unwrap();
    driver.wait().unwrap();
    let id = world.id();
    let mut driver = world.spawn(&["sweep", "--resume", &id]);
    wait_until("none to be held", || pending().all(|(_, _, reason)| reason != "JobHeldUser"));
    // Of those that have begun no fewer.
    world.steer(&["set", "--trials", "14"]);
    wait_until("those that are not wanted any more to be cancelled", || world.cluster.jobs().len() <= 8);
    world.go();
    assert!(driver.wait().unwrap().success(), "{}", world.said());
    assert_eq!(
        world.said().matches("Slurm does not begin").count(),
        1,
        "a pause is no news: {}",
        world.said()
    );
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((parents[0].status, trials.len()), (RunStatus::Finished, 14));
    assert!(trials.iter().all(|trial| trial.status == RunStatus::Finished));
    assert_nothing_is_left(&world);
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn what_slurm_does_not_take_at_once_is_submitted_later_and_together() {
    let world = World::on(Cluster::start_with(&[("MaxJobCount", "9"), ("MinJobAge", "2")]), "");
    let words = [&WORDS[..], &["--executor", "slurm"], &COMMAND].concat();
    let words: Vec<&str> = words.into_iter().map(|word| if word == "40" { "20" } else { word }).collect();
    let mut driver = world.spawn(&words);
    assert!(driver.wait().unwrap().success(), "{}", world.said());
    let said = world.said();
    assert!(
        said.contains("Slurm takes no more jobs for now") && said.contains("Slurm takes jobs again"),
        "{said}"
    );
    assert_eq!(seen(&world.uri, "train").1, on_this_machine(&[&words[..13], &COMMAND].concat(), "train"));
    let jobs = world.submissions(20);
    assert!(jobs.len() <= 12, "not one by one: {jobs:?}");
    for trial in 0..20 {
        let nodes = fs::read_to_string(world.trial(trial).join("nodes")).unwrap();
        assert_eq!(nodes.lines().count(), 1, "trial {trial} ran once");
    }
}

/// Has Slurm, but says that it did not answer: at first of what was submitted, then of what comes later all the same.
const SBATCH: &str = r#"#!/bin/bash
case "$*" in *--version*) exec /usr/bin/sbatch "$@";; esac
count=$(cat count 2>/dev/null || echo 0); echo $((count + 1)) > count
script=$(cat)
case $count in
  1) /usr/bin/sbatch "$@" <<< "$script" > /dev/null;;
  2) (sleep 3; /usr/bin/sbatch "$@" <<< "$script" > late) > /dev/null 2>&1 &;;
  *) exec /usr/bin/sbatch "$@" <<< "$script";;
esac
echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2
exit 1
"#;

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn an_answer_that_is_lost_makes_no_second_job_of_a_trial() {
    let world = World::new("");
    let bin = world.home.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("sbatch"), SBATCH).unwrap();
    fs::set_permissions(bin.join("sbatch"), fs::Permissions::from_mode(0o755)).unwrap();
    let words = [&WORDS[..], &["--executor", "slurm"], &COMMAND].concat();
    let mut command = world.command(&words);
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let (code, _, error) = output(command);
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("Socket timed out") && error.contains("Slurm takes jobs again"), "{error}");
    wait_until("the one that comes late", || {
        fs::read(world.home.path().join("late")).is_ok_and(|said| !said.is_empty())
    });
    assert_eq!(seen(&world.uri, "train").1, on_this_machine(&[&WORDS[..], &COMMAND].concat(), "train"));
    for trial in 0..40 {
        let nodes = fs::read_to_string(world.trial(trial).join("nodes")).unwrap();
        assert_eq!(nodes.lines().count(), 1, "trial {trial} ran once");
    }
    assert_nothing_is_left(&world);
}
