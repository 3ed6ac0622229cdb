//! Sweeps on Slurm that go on elsewhere: taken over from a process that is gone, and driven by a job of their own.

use std::fs;

use mltui::mlflow::RunStatus;
use serde_json::{Value, json};

use super::{COMMAND, WORDS, World, assert_nothing_is_left, on_this_machine};
use crate::support::sweeping::{output, seen};
use crate::support::wait_until;

/// Has the lock of the sweep name a process of another machine, which runs in a job.
fn hold_elsewhere(world: &World, job: &str) {
    let holder = json!({
        "host": "node7", "boot": "its own", "process": 12, "token": "another",
        "job": { "id": job, "cluster": "loopback" },
    });
    let beside = world.file("beside");
    fs::write(&beside, holder.to_string()).unwrap();
    fs::rename(beside, world.file("lock")).unwrap();
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn a_sweep_is_taken_over_from_a_job_that_is_gone_and_its_old_process_writes_nothing_more() {
    let world = World::new("8 9 10 11");
    let words = [&WORDS[..], &["--executor", "slurm"], &COMMAND].concat();
    let mut driver = world.spawn(&words);
    wait_until("those that wait", || (8..12).all(|trial| world.has_said_all(trial)));
    let gone = world.cluster.ask("sbatch", &["--parsable", "-o", "/dev/null", "--wrap", "exit 0"]);
    let gone = gone.trim();
    let ended = || world.cluster.ask("squeue", &["-h", "-t", "all", "-o", "%T", "-j", gone]);
    wait_until("a job to end", || ended().trim() == "COMPLETED");
    // Another machine took the sweep, and was lost.
    hold_elsewhere(&world, gone);
    let read = |name: &str| fs::read(world.file(name)).unwrap();
    assert_eq!(driver.wait().unwrap().code(), Some(1));
    assert!(world.said().contains("taken over by node7 (process 12, job "), "{}", world.said());
    let (events, jobs) = (read("events.jsonl"), read("jobs.jsonl"));
    assert!(world.cluster.active().len() >= 4, "jobs are left to the other");
    assert!(fs::read_to_string(world.file("lock")).unwrap().contains("node7"));
    let db = rusqlite::Connection::open(world.home.path().join("mlflow.db")).unwrap();
    let own = "SELECT r.status FROM runs r JOIN tags t USING (run_uuid) WHERE t.key = 'mltui.trial' AND t.value = 'parent'";
    let status: String = db.query_row(own, [], |row| row.get(0)).unwrap();
    assert_eq!(status, "RUNNING", "the sweep's own run is left to it too");
    let closed = "SELECT count(*) FROM runs WHERE status IN ('KILLED', 'FAILED')";
    assert_eq!(db.query_row(closed, [], |row| row.get(0)), Ok(0), "and those of what is under way");
    assert_eq!((events, jobs), (read("events.jsonl"), read("jobs.jsonl")), "nothing is written behind that");
    world.go();
    let id = world.id();
    let (code, _, error) = output(world.command(&["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("on node7 has ended; taking the sweep over"), "{error}");
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
    assert_eq!(trials, on_this_machine(&[&WORDS[..], &COMMAND].concat(), "train"));
    assert_nothing_is_left(&world);
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn a_driver_that_is_a_job_leaves_before_its_time_is_over_and_goes_on() {
    let world = World::new("8 9");
    let driven = ["--executor", "slurm", "--driver", "slurm", "--slurm-driver", "time=30", "--json"];
    let (code, out, error) = output(world.command(&[&WORDS[..], &driven, &COMMAND].concat()));
    assert_eq!(code, 0, "{error}");
    let said: Value = serde_json::from_str(&out).unwrap();
    crate::documents::check("sweep-submitted", &said);
    let driver = said["job"].as_str().unwrap();
    let show = || world.cluster.ask("scontrol", &["show", "job", driver, "-o"]);
    assert!(show().contains("TimeLimit=00:30:00"), "{}", show());
    wait_until("those that wait", || (8..10).all(|trial| world.has_said_all(trial)));
    // As Slurm tells it a minute before its time is over.
    world.cluster.tell("scancel", &["--signal=USR1", "--batch", driver]);
    wait_until("the driver to be requeued", || {
        show().contains("Restarts=1") && show().contains("JobState=PENDING")
    });
    let log = || fs::read_to_string(world.file("log")).unwrap();
    assert!(log().contains("the time of this job is nearly over"), "{}", log());
    assert!(world.cluster.active().len() >= 3, "jobs of trials go on");
    world.go();
    // As if on another machine.
    hold_elsewhere(&world, driver);
    wait_until("its end", || {
        world.cluster.hurry(driver);
        show().contains("JobState=COMPLETED")
    });
    assert!(log().contains("has ended; taking the sweep over"), "{}", log());
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
    assert_eq!(trials, on_this_machine(&[&WORDS[..], &COMMAND].concat(), "train"));
    assert_nothing_is_left(&world);
}
