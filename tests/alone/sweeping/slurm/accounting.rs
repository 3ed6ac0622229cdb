//! Sweeps on a Slurm that accounts for its jobs and holds users to limits.

use std::fs;
use std::sync::Arc;

use mltui::mlflow::RunStatus;

use super::{COMMAND, WORDS, World, assert_nothing_is_left, on_this_machine};
use crate::support::accounting::Accounting;
use crate::support::slurm::Cluster;
use crate::support::sweeping::{Seen, output, seen};
use crate::support::wait_until;

/// The same words with another number of trials.
fn words(trials: &'static str, more: &[&'static str]) -> Vec<&'static str> {
    let words = [&WORDS[..], more, &COMMAND].concat();
    words.into_iter().map(|word| if word == "40" { trials } else { word }).collect()
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins slurmdbd \
            mariadb-server-core mariadb-client, and root"]
fn limits_are_waited_for_and_what_the_queue_forgets_is_learnt_from_accounting() {
    let accounting = Accounting::start();
    let settings = [&accounting.settings()[..], &[("MinJobAge", "2")]].concat();
    let world = World::on(Cluster::start_with(&settings), "1 2 3 4 5 6");
    let expected = on_this_machine(&words("12", &[]), "train");
    what_is_forgotten_is_learnt(&world, &expected);
    let world = World::on(Arc::clone(&world.cluster), "");
    limits_are_waited_for(&accounting, &world, &expected);
}

fn what_is_forgotten_is_learnt(world: &World, expected: &[Seen]) {
    // One goes alone until it is known that it makes no run, and the others as an array.
    let mut driver = world.spawn(&words("12", &["--executor", "slurm"]));
    wait_until("those that wait", || (1..7).all(|trial| world.has_said_all(trial)));
    driver.kill().unwrap();
    driver.wait().unwrap();
    let jobs: Vec<String> = (1..4).map(|trial| world.job(trial).unwrap()).collect();
    let (array, _) = jobs[0].split_once('_').unwrap();
    let task = |trial: usize| format!("{array}_{}", trial - 1);
    assert_eq!(jobs, [task(1), task(2), task(3)]);
    for called_off in [task(10), task(11), task(1)] {
        world.cluster.tell("scancel", &[&called_off]);
    }
    world.cluster.tell("scontrol", &["requeue", &task(2)]);
    world.cluster.tell("scancel", &["--batch", "--signal=KILL", &task(3)]);
    let is_active = |job: &String| world.cluster.active().contains(job);
    wait_until("them to end", || ![1, 3, 10, 11].map(task).iter().any(is_active));
    world.go();
    wait_until("the queue to forget all of them", || {
        world.cluster.hurry(&task(2));
        world.cluster.ask("squeue", &["-h", "-t", "all"]).is_empty()
    });
    let (code, _, error) = output(world.command(&["sweep", "--resume", &world.id()]));
    assert_eq!(code, 0, "{error}");
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
    let mut expected = expected.to_vec();
    for at in [1, 10, 11] {
        expected[at].status = RunStatus::Killed;
    }
    expected[3].status = RunStatus::Failed;
    for at in [10, 11] {
        // They never began.
        expected[at].points.clear();
        assert!(!world.trial(at).join("nodes").exists(), "trial {at} began");
    }
    assert_eq!(trials, expected, "{error}");
    let nodes = fs::read_to_string(world.trial(2).join("nodes")).unwrap();
    assert_eq!(nodes.lines().count(), 2, "it was requeued");
    assert_nothing_is_left(world);
}

fn limits_are_waited_for(accounting: &Accounting, world: &World, expected: &[Seen]) {
    accounting.tell(&["modify", "user", "root", "set", "MaxSubmitJobs=0"]);
    let submit = ["-o", "/dev/null", "--wrap", "true"];
    wait_until("the limit", || !world.cluster.takes("sbatch", &submit));
    let mut driver = world.spawn(&words("12", &["--executor", "slurm"]));
    wait_until("a word of that", || world.said().contains("AssocMaxSubmitJobLimit"));
    assert!(world.said().contains("none is taken until that limit is raised"), "{}", world.said());
    accounting.tell(&["modify", "user", "root", "set", "MaxSubmitJobs=4"]);
    assert!(driver.wait().unwrap().success(), "{}", world.said());
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
    assert_eq!(trials, expected);
    let count = |words: &str| world.said().matches(words).count();
    assert!((1..=6).contains(&count("Slurm takes no more jobs")), "{}", world.said());
    assert!(world.said().contains("Slurm takes jobs again"), "{}", world.said());
    // It asks for about as many as fit.
    let ledger = fs::read_to_string(world.file("jobs.jsonl")).unwrap();
    assert!(ledger.matches("\"void\"").count() <= 30, "{ledger}");
    assert_nothing_is_left(world);
    // What is never taken is told at once.
    accounting.tell(&["modify", "qos", "normal", "set", "MaxWall=5", "Flags=DenyOnLimit"]);
    let late = [&["--time=20"], &submit[..]].concat();
    wait_until("the limit", || !world.cluster.takes("sbatch", &late));
    let late = ["--executor", "slurm", "--slurm", "time=20"];
    let (code, _, error) = output(world.command(&words("2", &late)));
    assert!(code == 1 && error.contains("QOSMaxWallDurationPerJobLimit"), "{error}");
}
