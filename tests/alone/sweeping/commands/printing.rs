//! What scripts print that know no MLflow: it is in the store while they run, and stays there however a trial ends.

use super::*;
use crate::support::killing::steps;

/// Prints three steps, waits, and prints three more; how it goes on is up to a file.
const TRAIN: &str = r#"
echo x >> "$MLTUI_TRIAL_DIR/tried"
for step in 1 2 3; do echo "{\"step\": $step, \"val_loss\": $step.5, \"acc\": $MLTUI_PARAM_LR}"; done
until [ -e go ]; do
  [ -e fail ] && [ $(wc -l < "$MLTUI_TRIAL_DIR/tried") -lt 2 ] && exit 7
  sleep 0.02
done
for step in 4 5 6; do echo "{\"step\": $step, \"val_loss\": $step.5, \"acc\": $MLTUI_PARAM_LR}"; done
"#;

impl World {
    fn steps(&self, run: &Run) -> Vec<i64> {
        steps(&self.store(), run, "val_loss")
    }

    /// The run of an attempt.
    fn attempt(&self, trial: usize, attempt: &str) -> Run {
        let mut runs = self.runs_of(trial);
        runs.retain(|run| run.tag("mltui.attempt") == Some(attempt));
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs.remove(0)
    }

    fn wait_for_points(&self) {
        wait_until("its points", || {
            let known = self.path().join("mlflow.db").exists() && !sweeps(self.path()).is_empty();
            known && self.runs_of(0).first().is_some_and(|run| self.steps(run) == [1, 2, 3])
        });
    }
}

fn has_log(world: &World, run: &Run) -> bool {
    let files = block_on(world.store().list_artifacts(&run.info.run_id, "logs")).unwrap().files;
    files.iter().any(|file| file.path == "logs/trial.log")
}

#[test]
fn what_a_script_prints_is_in_the_store_while_it_runs() {
    let world = World::new(TRAIN);
    let mut sweep = world.start(&["--trials", "1"]);
    world.wait_for_points();
    let run = world.attempt(0, "1");
    assert_eq!((run.info.status, run.info.run_name.as_str()), (RunStatus::Running, "trial-0"));
    assert!(run.params.iter().any(|param| param.key == "lr"), "{run:?}");
    assert_eq!(run.metrics.len(), 2);
    world.go();
    assert!(sweep.wait().unwrap().success(), "{}", world.said());
    let ended = world.attempt(0, "1");
    assert_eq!((&ended.info.run_id, ended.info.status), (&run.info.run_id, RunStatus::Finished));
    assert_eq!(world.steps(&ended), [1, 2, 3, 4, 5, 6]);
    assert!(ended.info.end_time.is_some() && has_log(&world, &ended));
    assert_eq!(seen(&world.uri, "train").0[0].status, RunStatus::Finished);
}

#[test]
fn what_was_printed_is_kept_of_a_trial_that_is_cancelled_and_not_doubled_when_it_goes_on() {
    let world = World::new(TRAIN);
    let mut sweep = world.start(&["--trials", "2", "--jobs", "2"]);
    world.wait_for_points();
    let (code, _, error) = output(mltui(world.path(), &world.uri, &["sweeps", "cancel", &world.id()]));
    assert_eq!(code, 0, "{error}");
    assert!(!sweep.wait().unwrap().success());
    for trial in 0..2 {
        let run = world.attempt(trial, "1");
        assert_eq!((run.info.status, world.steps(&run)), (RunStatus::Killed, vec![1, 2, 3]));
        assert_eq!(run.tag("mltui.sweep.outcome"), Some("interrupted"));
        assert!(has_log(&world, &run) && run.params.iter().any(|param| param.key == "lr"));
    }
    world.go();
    let (code, _, error) = output(mltui(world.path(), &world.uri, &["sweep", "--resume", &world.id()]));
    assert_eq!(code, 0, "{error}");
    for trial in 0..2 {
        assert_eq!(world.steps(&world.attempt(trial, "1")), [1, 2, 3]);
        let run = world.attempt(trial, "2");
        assert_eq!((run.info.status, world.steps(&run)), (RunStatus::Finished, vec![1, 2, 3, 4, 5, 6]));
    }
}

#[test]
fn what_was_printed_is_kept_of_attempts_that_are_pruned_by_hand_take_too_long_or_fail() {
    let world = World::new(TRAIN);
    let mut sweep = world.start(&["--trials", "1"]);
    world.wait_for_points();
    let (code, _, error) = output(mltui(world.path(), &world.uri, &["sweeps", "prune", &world.id(), "0"]));
    assert_eq!(code, 0, "{error}");
    sweep.wait().unwrap();
    assert!(world.said().contains("trial 0: pruned by hand at step 3"), "{}", world.said());
    let run = world.attempt(0, "1");
    assert_eq!(run.tag("mltui.sweep.outcome"), Some("pruned by hand at step 3"));
    assert_eq!((run.info.status, world.steps(&run)), (RunStatus::Killed, vec![1, 2, 3]));
    let world = World::new(TRAIN);
    let (code, _, error) = world.sweep(&["--trials", "1", "--timeout", "1500ms"], &[]);
    assert_eq!(code, 3, "{error}");
    let run = world.attempt(0, "1");
    assert_eq!((run.info.status, world.steps(&run)), (RunStatus::Failed, vec![1, 2, 3]));
    // An attempt that fails is closed before the trial is over.
    let world = World::new(TRAIN);
    let mut sweep = world.start(&["--trials", "1", "--retries", "1"]);
    world.wait_for_points();
    fs::write(world.path().join("fail"), "").unwrap();
    wait_until("its end", || world.runs_of(0).iter().any(|run| run.info.status == RunStatus::Failed));
    let failed = world.attempt(0, "1");
    assert_eq!(world.steps(&failed), [1, 2, 3]);
    assert!(failed.tag("mltui.sweep.outcome").unwrap().starts_with("exit code 7"), "{failed:?}");
    world.go();
    assert!(sweep.wait().unwrap().success(), "{}", world.said());
    let second = world.attempt(0, "2");
    assert_eq!((second.info.status, world.steps(&second).len()), (RunStatus::Finished, 6));
    assert!(second.info.start_time > failed.info.start_time, "it counts from its own beginning");
    assert_eq!(world.attempt(0, "1").info.status, RunStatus::Failed);
}

#[test]
fn no_point_is_there_twice_when_the_sweep_is_killed() {
    let world = World::new(TRAIN);
    let mut sweep = world.start(&["--trials", "1"]);
    world.wait_for_points();
    // It takes no note of the end of the command, and what was printed by then is read again by another process.
    let stop = std::process::Command::new("kill").args(["-STOP", &sweep.id().to_string()]).status();
    assert!(stop.unwrap().success());
    world.go();
    wait_until("the end of the command", || world.trial(0).join(".mltui/end-1.json").exists());
    sweep.kill().unwrap();
    sweep.wait().unwrap();
    let (code, _, error) = output(mltui(world.path(), &world.uri, &["sweep", "--resume", &world.id()]));
    assert_eq!(code, 0, "{error}");
    let run = world.attempt(0, "1");
    assert_eq!((run.info.status, world.steps(&run)), (RunStatus::Finished, vec![1, 2, 3, 4, 5, 6]));
    assert_eq!((run.tag("mltui.sweep.outcome"), world.runs_of(0).len()), (None, 1));
    // Killed together with it, the command is another attempt.
    let world = World::new(TRAIN);
    let mut sweep = world.start(&["--trials", "1"]);
    world.wait_for_points();
    sweep.kill().unwrap();
    sweep.wait().unwrap();
    world.go();
    let (code, _, error) = output(mltui(world.path(), &world.uri, &["sweep", "--resume", &world.id()]));
    assert_eq!(code, 0, "{error}");
    let (first, second) = (world.attempt(0, "1"), world.attempt(0, "2"));
    assert_eq!((first.info.status, world.steps(&first)), (RunStatus::Killed, vec![1, 2, 3]));
    assert_eq!((second.info.status, world.steps(&second).len()), (RunStatus::Finished, 6));
}

#[test]
fn a_metric_without_end_is_told_as_that() {
    for (printed, told) in
        [("Infinity", "val_loss is infinite"), ("-Infinity", "minus infinity"), ("NaN", "val_loss is NaN")]
    {
        let world = World::new(&format!("echo '{{\"val_loss\": {printed}}}'"));
        let (code, _, error) = world.sweep(&["--trials", "1"], &[]);
        assert!(code == 3 && error.contains(told), "{told}: {error}");
        assert_eq!(world.listed()["status"], "failed");
        let run = world.attempt(0, "1");
        let value = run.metrics.iter().find(|metric| metric.key == "val_loss").map(|metric| metric.value);
        let expected: f64 = printed.parse().unwrap();
        assert!(value.is_some_and(|value| value.total_cmp(&expected).is_eq()), "{value:?} for {printed}");
    }
}
