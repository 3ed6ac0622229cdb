//! Commands that fail, take too long, or leave something behind.

use super::*;

#[test]
fn trials_that_all_fail_in_one_way_stop_the_sweep_which_says_why() {
    let world = World::new("echo loading; echo \"no module torch (lr $MLTUI_PARAM_LR)\" >&2; exit 3");
    let (code, _, error) = world.sweep(&["--trials", "20"], &[]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("stopped, as the first 3 trials failed in the same way"), "{error}");
    assert!(error.contains("exit code 3: no module torch (lr "), "{error}");
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((parents.len(), trials.len(), parents[0].status), (1, 3, RunStatus::Failed));
    for run in world.runs() {
        let why = run.tag("mltui.sweep.outcome").unwrap();
        assert_eq!(run.info.status, RunStatus::Failed);
        assert!(why.starts_with("exit code 3: no module torch") && why.contains("\nloading\n"), "{why}");
    }
    assert_eq!(world.listed()["status"], "failed");
    // Mended, it goes on: what failed is not tried again.
    fs::write(world.path().join("train.sh"), TRAIN).unwrap();
    let (code, _, error) = output(mltui(world.path(), &world.uri, &["sweep", "--resume", &world.id()]));
    assert_eq!(code, 0, "{error}");
    let (parents, trials) = seen(&world.uri, "train");
    let finished = trials.iter().filter(|trial| trial.status == RunStatus::Finished).count();
    assert_eq!((trials.len(), finished, parents[0].status), (20, 17, RunStatus::Finished));
}

#[test]
fn trials_that_fail_for_reasons_of_their_own_stop_nothing() {
    let world = World::new("echo \"{\\\"other\\\": 1}\"; exit $((MLTUI_TRIAL + 1))");
    let (code, _, error) = world.sweep(&["--trials", "4", "--max-failures", "0"], &[]);
    assert!(code == 3 && error.contains("no trial succeeded: exit code 4"), "{error}");
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((trials.len(), parents[0].status), (4, RunStatus::Failed), "nothing came of it");
    assert_eq!(world.listed()["status"], "failed");
    let world = World::new("[ $MLTUI_TRIAL -eq 1 ] || exit 1; echo \"{\\\"val_loss\\\": 1}\"");
    let (code, _, error) = world.sweep(&["--trials", "6"], &[]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(seen(&world.uri, "train").1.len(), 6, "one came to something");
}

#[test]
fn a_trial_without_the_metric_says_what_there_is() {
    let world = World::new("echo \"{\\\"loss\\\": 1, \\\"acc\\\": 2}\"");
    let (code, _, error) = world.sweep(&["--trials", "1"], &[]);
    let why = "no metric val_loss: it made no run, and its output has acc, loss";
    assert!(code == 3 && error.contains(why), "{error}");
    assert_eq!(seen(&world.uri, "train").1[0].points.len(), 2, "they are logged all the same");
    // That is one way to fail, whatever else each trial says.
    let world = World::new("echo \"{\\\"loss\\\": $MLTUI_PARAM_LR}\"; echo \"done $MLTUI_TRIAL_DIR\"");
    let (code, _, error) = world.sweep(&["--trials", "9"], &[]);
    assert!(code == 3 && error.contains("the first 3 trials failed in the same way: no metric"), "{error}");
    assert_eq!(seen(&world.uri, "train").1.len(), 3);
}

#[test]
fn what_fails_is_tried_again_in_the_same_folder() {
    let script = "echo \"attempt in $MLTUI_TRIAL_DIR\"; echo x >> \"$MLTUI_TRIAL_DIR/tried\"\n\
                  [ $(wc -l < \"$MLTUI_TRIAL_DIR/tried\") -ge 3 ] || exit 1\necho '{\"val_loss\": 0.5}'";
    let world = World::new(script);
    let (code, _, error) = world.sweep(&["--trials", "2", "--retries", "2"], &[]);
    assert_eq!(code, 0, "{error}");
    let trials = seen(&world.uri, "train").1;
    assert_eq!((trials.len(), trials[1].status), (2, RunStatus::Finished));
    assert_eq!(trials[1].points, [("val_loss".into(), 0, 0.5)]);
    let log = fs::read_to_string(world.trial(1).join("trial.log")).unwrap();
    assert_eq!(
        (log.matches("attempt in").count(), log.matches("--- attempt 3 ---").count()),
        (3, 1),
        "{log}"
    );
    let world = World::new(script);
    let (code, _, error) = world.sweep(&["--trials", "1", "--retries", "1"], &[]);
    assert!(code == 3 && error.contains("exit code 1"), "{error}");
    assert_eq!(seen(&world.uri, "train").1.len(), 1);
}

/// Forks children that ignore TERM, one of them in a session of its own, and another behind that.
fn stubborn(mark: &str, end: &str) -> String {
    format!(
        "trap '' TERM\n(trap '' TERM; exec sleep {mark}1) & setsid bash -c \"trap '' TERM; sleep {mark}2 & sleep {mark}3\" &\n\
         until [ $(pgrep -f 'sleep {mark}' | wc -l) -ge 3 ]; do sleep 0.02; done\n{end}\n"
    )
}

#[test]
fn a_trial_that_takes_too_long_is_ended_with_all_that_came_of_it() {
    let mark = format!("77{}", std::process::id());
    let world = World::new(&stubborn(&mark, "echo waiting; wait"));
    let (code, _, error) = world.sweep(&["--trials", "1", "--timeout", "1s", "--grace", "100ms"], &[]);
    assert!(code == 3 && error.contains("timeout after 1.0s: waiting"), "{error}");
    assert_eq!(processes(&format!("sleep\0{mark}")), Vec::<String>::new());
    assert_eq!(seen(&world.uri, "train").1[0].status, RunStatus::Failed);
}

#[test]
fn what_a_command_leaves_running_ends_with_it() {
    let mark = format!("78{}", std::process::id());
    let world = World::new(&stubborn(&mark, "echo '{\"val_loss\": 1}'"));
    let (code, _, error) = world.sweep(&["--trials", "1", "--grace", "100ms"], &[]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(processes(&format!("sleep\0{mark}")), Vec::<String>::new());
    assert_eq!(seen(&world.uri, "train").1[0].status, RunStatus::Finished);
}

#[test]
fn a_command_has_its_time_to_end_by_itself() {
    let script = "trap 'echo saved > \"$MLTUI_TRIAL_DIR/checkpoint\"; exit 0' TERM\necho ready\nwhile :; do sleep 0.02; done";
    let world = World::new(script);
    let (code, _, error) = world.sweep(&["--trials", "1", "--timeout", "1s"], &[]);
    assert!(code == 3 && error.contains("timeout"), "{error}");
    assert_eq!(fs::read_to_string(world.trial(0).join("checkpoint")).unwrap(), "saved\n");
}
