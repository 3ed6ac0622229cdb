//! Trials of commands that are pruned while they run, by what they print.

use super::*;

/// Trials of 1 to 4 end at once; what is worse would go on for ever, and saves something when it is told to end.
const TRAIN: &str = r#"
trap 'echo saved > "$MLTUI_TRIAL_DIR/checkpoint"; exit 0' TERM
echo x >> "$MLTUI_TRIAL_DIR/tried"
for step in 1 2 3; do echo "{\"step\": $step, \"val_loss\": $MLTUI_PARAM_X.$step, \"acc\": 1}"; done
[ "$MLTUI_PARAM_X" -lt 5 ] && exit 0
while [ ! -e go ]; do sleep 0.02; done
"#;

fn words(rule: &[&'static str]) -> Vec<&'static str> {
    let first =
        ["sweep", "--json", "--param", "x=1,2,3,4,5,6", "--method", "grid", "--metric", "val_loss:min"];
    let rest = ["--timeout", "60s", "--retries", "1", "--", "bash", "train.sh"];
    [&first, rule, &rest].concat()
}

#[test]
fn what_is_behind_the_median_is_ended_and_keeps_its_points() {
    let world = World::new(TRAIN);
    let (code, out, error) =
        output(mltui(world.path(), &world.uri, &words(&["--prune", "--min-steps", "3"])));
    assert_eq!(code, 0, "{error}");
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&said["finished"], &said["pruned"], &said["failed"]), (&4.into(), &2.into(), &0.into()));
    assert!(said["command"].as_str().unwrap().contains("--prune median --min-steps 3"), "{said}");
    assert!(error.contains("trial 4: pruned at step 3"), "{error}");
    for trial in 0..6 {
        let run = world.runs_of(trial).remove(0);
        let is_pruned = trial >= 4;
        assert_eq!(run.info.status, if is_pruned { RunStatus::Killed } else { RunStatus::Finished });
        assert_eq!(run.tag("mltui.sweep.outcome"), is_pruned.then_some("pruned at step 3"));
        assert!(run.info.end_time.is_some());
        assert_eq!(world.trial(trial).join("checkpoint").exists(), is_pruned, "it has its time to end");
        assert_eq!(fs::read_to_string(world.trial(trial).join("tried")).unwrap(), "x\n", "no second attempt");
    }
    assert!(seen(&world.uri, "train").1.iter().all(|trial| trial.points.len() == 6));
}

#[test]
fn a_sweep_that_is_killed_prunes_by_what_it_knew() {
    let world = World::new(TRAIN);
    let rule = ["--prune", "asha", "--min-steps", "2", "--reduction", "2"];
    let mut sweep = world.spawn(&words(&["--no-prune"]));
    wait_until("the fifth trial", || {
        !sweeps(world.path()).is_empty() && world.trial(4).join("tried").exists()
    });
    sweep.kill().unwrap();
    sweep.wait().unwrap();
    // Without a rule it would go on for ever; the journal has the steps of those before it.
    let path = world.path().join(STATE).join(world.id());
    let plan = fs::read_to_string(path.join("plan.json")).unwrap();
    let with_rule =
        plan.replace("\"pruner\": \"none\"", "\"pruner\": {\"asha\": {\"min_steps\": 2, \"reduction\": 2}}");
    assert_ne!(plan, with_rule);
    fs::write(path.join("plan.json"), with_rule).unwrap();
    let (code, _, error) = output(mltui(world.path(), &world.uri, &["sweep", "--resume", &world.id()]));
    assert_eq!(code, 0, "{error}");
    assert_eq!((&world.listed()["pruned"], &world.listed()["finished"]), (&2.into(), &4.into()));
    assert_eq!(fs::read_to_string(world.trial(4).join("tried")).unwrap(), "x\nx\n");
    for wrong in [
        &["--reduction", "3"][..],
        &["--prune", "--reduction", "3"],
        &["--prune", "asha", "--min-steps", "0"],
    ] {
        let (code, _, error) = output(mltui(world.path(), &world.uri, &words(wrong)));
        assert!(code == 2 && (error.contains("--prune") || error.contains("--min-steps")), "{error}");
    }
    let (_, _, error) = output(mltui(world.path(), &world.uri, &words(&rule)));
    assert!(
        error.contains("trial 3: val_loss") && error.contains("trial 4: pruned at step 3"),
        "what has ended stays: {error}"
    );
}
