//! What is asked of a sweep of a command while it runs, and for when it goes on.

use super::*;

/// Waits for its own word, and fails where it is told to.
const TRAIN: &str = r#"
echo x >> "$MLTUI_TRIAL_DIR/tried"
echo '{"step": 4, "val_loss": 9}'
until [ -e go ] || [ -e go.$MLTUI_TRIAL ]; do
  [ -e fail.$MLTUI_TRIAL ] && exit 1
  sleep 0.02
done
echo "{\"step\": 5, \"val_loss\": $MLTUI_PARAM_LR}"
"#;

impl World {
    fn ask(&self, words: &[&str]) -> (i32, String) {
        let (code, _, error) = output(mltui(self.path(), &self.uri, &[&["sweeps"], words].concat()));
        (code, error)
    }

    fn asked(&self, words: &[&str]) {
        let (code, error) = self.ask(words);
        assert!(code == 0 && error.is_empty(), "{words:?}: {error}");
    }

    fn tried(&self, trial: usize) -> usize {
        fs::read_to_string(self.trial(trial).join("tried")).map_or(0, |tried| tried.lines().count())
    }

    fn has(&self, counts: [usize; 3]) -> bool {
        let listed = self.listed();
        ["finished", "pruned", "failed"].iter().zip(counts).all(|(what, count)| listed[what] == count)
    }
}

#[test]
fn a_sweep_that_runs_is_changed() {
    let world = World::new(TRAIN);
    let mut sweep = world.start(&["--trials", "3", "--max-failures", "0"]);
    wait_until("the first trial", || !sweeps(world.path()).is_empty() && world.tried(0) == 1);
    let id = world.id();
    let has_happened = |what: &str| {
        let events = fs::read_to_string(world.path().join(STATE).join(&id).join("events.jsonl")).unwrap();
        events.contains(what)
    };
    wait_until("its step", || has_happened("\"steps\""));
    world.asked(&["prune", &id, "0"]);
    wait_until("the second trial", || world.has([0, 1, 0]) && world.tried(1) == 1);
    fs::write(world.path().join("fail.1"), "").unwrap();
    wait_until("the third trial", || world.has([0, 1, 1]) && world.tried(2) == 1);
    // All three at once.
    fs::remove_file(world.path().join("fail.1")).unwrap();
    world.asked(&["set", &id, "--jobs", "3", "--trials", "5"]);
    wait_until("two more", || world.tried(3) == 1 && world.tried(4) == 1);
    assert_eq!(world.listed()["trials"], 5);
    world.asked(&["retry", &id, "0"]);
    world.asked(&["set", &id, "--jobs", "1"]);
    wait_until("the change", || has_happened("\"jobs\":1"));
    for trial in [2, 3] {
        fs::write(world.path().join(format!("go.{trial}")), "").unwrap();
    }
    wait_until("their end", || world.has([2, 1, 1]) || world.has([2, 0, 1]));
    for (words, why) in [
        (&["prune", &id, "1"][..], "trial 1 has failed; only a trial that is running"),
        (&["prune", &id, "9"], "no trial 9 in"),
        (&["retry", &id, "2"], "trial 2 has finished; only a trial that failed or was pruned"),
        (&["retry", &id, "4"], "trial 4 has not ended"),
        (&["set", &id, "--jobs", "1000"], "at most 256 trials"),
        (&["set", &id, "--trials", "4"], "5 trials have begun already; use 5 or more"),
        (&["set", &id], "required"),
    ] {
        let (code, error) = world.ask(words);
        assert!(code != 0 && error.contains(why), "{why}: {error}");
    }
    world.asked(&["retry", &id, "1"]);
    assert_eq!(world.tried(0), 1, "one trial at a time, and the fifth is not over");
    world.go();
    assert!(sweep.wait().unwrap().success(), "{}", world.said());
    assert!(world.has([5, 0, 0]), "{}", world.listed());
    assert_eq!((0..5).map(|trial| world.tried(trial)).collect::<Vec<_>>(), [2, 2, 1, 1, 1]);
    let statuses = |trial| {
        let mut runs = world.runs_of(trial);
        runs.sort_by(|a, b| a.tag("mltui.attempt").cmp(&b.tag("mltui.attempt")));
        runs.iter().map(|run| run.info.status).collect::<Vec<_>>()
    };
    assert_eq!(statuses(0), [RunStatus::Killed, RunStatus::Finished]);
    assert_eq!(statuses(1), [RunStatus::Failed, RunStatus::Finished]);
    let pruned = world.runs_of(0).into_iter().find(|run| run.info.status == RunStatus::Killed).unwrap();
    assert_eq!(pruned.tag("mltui.sweep.outcome"), Some("pruned by hand at step 4"));
}

#[test]
fn a_sweep_that_has_ended_is_changed_by_going_on() {
    let world = World::new(TRAIN);
    world.go();
    let (code, _, error) = world.sweep(&["--trials", "2"], &[]);
    assert_eq!(code, 0, "{error}");
    let id = world.id();
    let (code, error) = world.ask(&["set", &id, "--trials", "4", "--jobs", "2"]);
    assert!(
        code == 0 && error.contains("is finished; this takes effect with `mltui sweep --resume"),
        "{error}"
    );
    let (code, error) = world.ask(&["prune", &id, "1"]);
    assert!(code == 2 && error.contains("has finished"), "{error}");
    for trials in [4, 4] {
        let (code, _, error) = output(mltui(world.path(), &world.uri, &["sweep", "--resume", &id]));
        assert_eq!(code, 0, "{error}");
        assert!(world.has([trials, 0, 0]) && world.listed()["trials"] == trials, "{}", world.listed());
    }
    assert!(world.trial(0).exists());
    world.asked(&["clean", &id]);
    assert!(!world.trial(0).exists() && world.has([4, 0, 0]));
    let (code, _, error) = output(mltui(
        world.path(),
        &world.uri,
        &["sweep", "--data", "iris", "--family", "decision_tree", "--method", "grid", "--trials", "2"],
    ));
    assert_eq!(code, 0, "{error}");
    let grid = sweeps(world.path()).into_iter().find(|other| *other != id).unwrap();
    let (code, error) = world.ask(&["set", &grid, "--trials", "9000"]);
    assert!(code == 2 && error.contains("there are only"), "{error}");
}
