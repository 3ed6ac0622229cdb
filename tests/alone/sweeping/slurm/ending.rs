//! Sweeps on Slurm that are called off, trials whose time is over, and those that somebody ends.

use mltui::mlflow::RunStatus;

use super::{COMMAND, WORDS, World, assert_nothing_is_left, on_this_machine};
use crate::support::slurm::Cluster;
use crate::support::sweeping::{output, seen};
use crate::support::wait_until;

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn a_sweep_that_is_called_off_leaves_no_job_and_no_process() {
    let world = World::new("0 1 2 3 4 5 6 7 8 9");
    let words = [&WORDS[..], &["--executor", "slurm"], &COMMAND].concat();
    // One goes alone until it is known that it makes no run.
    let mut driver = world.spawn(&words);
    wait_until("the first", || (0..6).any(|trial| world.job(trial).is_some()));
    let (code, _, error) = output(world.command(&["sweeps", "cancel", &world.id()]));
    assert_eq!(code, 0, "{error}");
    assert_eq!(driver.wait().unwrap().code(), Some(1));
    assert_nothing_is_left(&world);
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!(parents[0].status, RunStatus::Killed);
    assert!(trials.iter().all(|trial| !trial.status.is_active()));
    // While nobody is at it as well.
    let id = world.id();
    let mut driver = world.spawn(&["sweep", "--resume", &id]);
    wait_until("a job", || !world.cluster.active().is_empty());
    driver.kill().unwrap();
    driver.wait().unwrap();
    assert!(!world.cluster.active().is_empty(), "jobs go on");
    world.steer(&["cancel"]);
    assert_nothing_is_left(&world);
    let (parents, trials) = seen(&world.uri, "train");
    assert!(parents.iter().chain(&trials).all(|run| run.status == RunStatus::Killed), "its runs are closed");
    // What was called off goes on, as arrays where it went so.
    world.go();
    let (code, _, error) = output(world.command(&["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
    assert_eq!(trials, on_this_machine(&[&WORDS[..], &COMMAND].concat(), "train"));
    let submissions = world.submissions(40);
    assert!(submissions.len() <= 10, "{submissions:?}");
    assert_nothing_is_left(&world);
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn a_sweep_is_called_off_while_slurm_is_away() {
    let world = World::new("all");
    world.cluster.stop_controller();
    let words = [&WORDS[..], &["--executor", "slurm"], &COMMAND].concat();
    let mut driver = world.spawn(&words);
    wait_until("a word of that", || world.said().contains("Slurm does not answer"));
    world.steer(&["cancel"]);
    world.cluster.start_controller();
    assert_eq!(driver.wait().unwrap().code(), Some(1), "{}", world.said());
    assert_nothing_is_left(&world);
    assert!(seen(&world.uri, "train").0.iter().all(|run| run.status == RunStatus::Killed));
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn a_trial_that_is_pruned_while_its_driver_dies_ends_when_the_sweep_is_resumed() {
    let world = World::new("3");
    let words = [&WORDS[..], &["--executor", "slurm"], &COMMAND].concat();
    let words: Vec<&str> = words.into_iter().map(|word| if word == "40" { "8" } else { word }).collect();
    let mut driver = world.spawn(&words);
    wait_until("the one that waits", || world.has_said_all(3));
    world.steer(&["prune", "3"]);
    let is_taken = || std::fs::read_to_string(world.file("events.jsonl")).unwrap().contains("\"prune\"");
    wait_until("the driver to take that", is_taken);
    driver.kill().unwrap();
    driver.wait().unwrap();
    let id = world.id();
    let (code, _, error) = output(world.command(&["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    let (_, trials) = seen(&world.uri, "train");
    let killed: Vec<usize> = (0..trials.len()).filter(|at| trials[*at].status == RunStatus::Killed).collect();
    assert_eq!((trials.len(), killed), (8, vec![3]), "{error}");
    assert_nothing_is_left(&world);
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn an_estimator_whose_time_is_over_is_tried_again_behind_its_reports() {
    let world = World::new("");
    let words = ["sweep", "--data", "wine-quality", "--family", "gradient_boosting", "--trials", "1"];
    let more = ["--executor", "slurm", "--retries", "1", "--models", "best", "--no-prune"];
    let mut driver = world.spawn(&[&words[..], &more].concat());
    let reports = || std::fs::read_to_string(world.trial(0).join(".mltui/reports-1.jsonl"));
    wait_until("its first report", || {
        world.job(0).is_some() && reports().is_ok_and(|said| said.ends_with('\n'))
    });
    // As Slurm tells it a minute before its time is over.
    world.cluster.tell("scancel", &["--signal=USR1", "--batch", &world.job(0).unwrap()]);
    let file =
        |name: &str| std::fs::read_to_string(world.trial(0).join(".mltui").join(name)).unwrap_or_default();
    wait_until("its end", || file("end-1.json") == "\"out_of_time\"");
    let mut again = String::new();
    wait_until("more reports", || {
        again = file("reports-2.jsonl");
        again.ends_with('\n')
    });
    assert!(!again.starts_with("[0,"), "what was reported is not fitted again: {again}");
    assert!(driver.wait().unwrap().success(), "{}", world.said());
    let (parents, trials) = seen(&world.uri, "wine-quality");
    assert_eq!(
        (parents[0].status, trials.len(), trials[0].status),
        (RunStatus::Finished, 1, RunStatus::Finished)
    );
    let folds = trials[0].points.iter().filter(|(key, _, _)| key == "fold_rmse").count();
    assert_eq!(folds, 5);
    // Elsewhere nothing but the data decides what comes of it.
    let (code, _, error) = output(world.command(&[&words[..], &["--retries", "1"]].concat()));
    assert!(code != 0 && error.contains("is for --executor slurm"), "{error}");
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn a_trial_that_is_preempted_runs_again_and_counts_once() {
    let world = World::on(
        Cluster::start_with(&[
            ("PreemptType", "preempt/partition_prio"),
            ("PreemptMode", "REQUEUE"),
            ("PartitionName", "urgent Nodes=n1,n2 PriorityTier=10 MaxTime=INFINITE State=UP"),
        ]),
        "1 2",
    );
    let words = [&WORDS[..], &["--executor", "slurm", "--slurm", "partition=main"], &COMMAND].concat();
    let words: Vec<&str> = words.into_iter().map(|word| if word == "40" { "4" } else { word }).collect();
    let mut driver = world.spawn(&words);
    wait_until("those that wait", || world.has_said_all(1) && world.has_said_all(2));
    let jobs = [world.job(1).unwrap(), world.job(2).unwrap()];
    let urgent = ["-p", "urgent", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 1"];
    world.cluster.ask("sbatch", &urgent);
    let is_pending = |job: &String| {
        world
            .cluster
            .jobs()
            .iter()
            .any(|(id, state, why)| id == job && state == "PENDING" && why == "BeginTime")
    };
    wait_until("them to be preempted", || jobs.iter().all(is_pending));
    // A queue lets what it carries out again wait for two minutes.
    for job in &jobs {
        world.cluster.tell("scontrol", &["update", &format!("JobId={job}"), "StartTime=now"]);
    }
    let begun = |trial| std::fs::read_to_string(world.trial(trial).join("nodes")).unwrap().lines().count();
    wait_until("them to run again", || begun(1) == 2 && begun(2) == 2);
    world.go();
    assert!(driver.wait().unwrap().success(), "{}", world.said());
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((parents[0].status, trials.len()), (RunStatus::Finished, 4));
    let local: Vec<&str> = [&WORDS[..], &COMMAND]
        .concat()
        .into_iter()
        .map(|word| if word == "40" { "4" } else { word })
        .collect();
    assert_eq!(trials, on_this_machine(&local, "train"));
    assert_nothing_is_left(&world);
}
