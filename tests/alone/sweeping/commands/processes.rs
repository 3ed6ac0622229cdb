//! The processes of a sweep of a command, whoever is killed, and whenever.

use std::process::Command;

use super::*;
use crate::support::terminal::Terminal;

/// Waits for a file, in the first attempt only.
const WAITING: &str = "echo \"begun $MLTUI_TRIAL\"; echo x >> \"$MLTUI_TRIAL_DIR/tried\"\n\
     until [ -e go ]; do sleep 0.02; done\necho \"{\\\"val_loss\\\": $MLTUI_PARAM_LR}\"";

fn kill(signal: &str, ids: &[String]) {
    assert!(Command::new("kill").arg(signal).args(ids).status().unwrap().success());
}

fn is_begun(world: &World, trial: usize) -> bool {
    !sweeps(world.path()).is_empty() && world.trial(trial).join("tried").exists()
}

/// All processes of the trials of a world: their folders are in its home.
fn of_trials(world: &World) -> Vec<String> {
    processes(&format!("MLTUI_TRIAL_DIR={}", world.path().display()))
}

fn resume(world: &World) -> (i32, String, String) {
    output(mltui(world.path(), &world.uri, &["sweep", "--resume", &world.id()]))
}

/// Each trial has ended well, in one run, and what was broken off is closed and does not count.
fn are_whole(world: &World, trials: usize) {
    let runs = world.runs();
    assert!(runs.iter().all(|run| !run.info.status.is_active() && run.info.end_time.is_some()), "{runs:?}");
    for trial in 0..trials {
        let finished =
            world.runs_of(trial).into_iter().filter(|run| run.info.status == RunStatus::Finished).count();
        assert_eq!(finished, 1, "trial {trial}");
    }
    let listed = world.listed();
    assert_eq!((&listed["finished"], &listed["failed"]), (&trials.into(), &0.into()), "{listed}");
    assert_eq!(of_trials(world), Vec::<String>::new());
}

#[test]
fn a_sweep_that_is_killed_leaves_no_process_and_goes_on_with_the_same_trials() {
    let world = World::new(WAITING);
    let mut sweep = world.start(&["--trials", "3", "--jobs", "2"]);
    wait_until("two trials", || is_begun(&world, 0) && is_begun(&world, 1));
    sweep.kill().unwrap();
    sweep.wait().unwrap();
    wait_until("the end of their processes", || of_trials(&world).is_empty());
    world.go();
    let (code, _, error) = resume(&world);
    assert_eq!(code, 0, "{error}");
    for trial in 0..2 {
        assert_eq!(
            fs::read_to_string(world.trial(trial).join("tried")).unwrap(),
            "x\nx\n",
            "the same folder"
        );
    }
    are_whole(&world, 3);
}

#[test]
fn what_nobody_watches_over_any_more_ends_when_the_sweep_goes_on() {
    let world = World::new(WAITING);
    let mut sweep = world.start(&["--trials", "1"]);
    let record = || world.trial(0).join(".mltui/process.json");
    wait_until("the trial", || is_begun(&world, 0) && record().exists());
    let read: Value = serde_json::from_slice(&fs::read(record()).unwrap()).unwrap();
    let guard = read["guard"]["id"].to_string();
    // Both at once: the guard has no time to take note.
    kill("-STOP", std::slice::from_ref(&guard));
    sweep.kill().unwrap();
    sweep.wait().unwrap();
    kill("-KILL", &[guard]);
    assert!(!of_trials(&world).is_empty(), "its command goes on");
    // Whoever starts the program next closes what broke off.
    let (_, _, error) =
        output(mltui(world.path(), &world.uri, &["sweep", "--data", "iris", "--trials", "1"]));
    assert!(error.contains("was interrupted"), "{error}");
    assert_eq!(of_trials(&world), Vec::<String>::new());
    world.go();
    let id = sweeps(world.path()).remove(0);
    let (code, _, error) = output(mltui(world.path(), &world.uri, &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
}

#[test]
fn a_guard_that_is_killed_fails_its_trial_and_leaves_nothing() {
    let world = World::new(WAITING);
    let mut sweep = world.start(&["--trials", "1"]);
    let record = || world.trial(0).join(".mltui/process.json");
    wait_until("the trial", || is_begun(&world, 0) && record().exists());
    let read: Value = serde_json::from_slice(&fs::read(record()).unwrap()).unwrap();
    kill("-KILL", &[read["guard"]["id"].to_string()]);
    assert_eq!(sweep.wait().unwrap().code(), Some(3));
    assert!(world.said().contains("watches over it was killed"), "{}", world.said());
    assert_eq!(of_trials(&world), Vec::<String>::new());
}

#[test]
fn a_sweep_of_a_command_is_paused_continued_cancelled_and_resumed() {
    let world = World::new(
        "echo x >> \"$MLTUI_TRIAL_DIR/tried\"; until [ -e go ] || [ -e go.$MLTUI_TRIAL ]; do sleep 0.02; done\n\
         echo \"{\\\"val_loss\\\": $MLTUI_PARAM_LR}\"",
    );
    let words = World::words(&["--trials", "4", "--detach"], &[]);
    let (code, id, error) = output(mltui(world.path(), &world.uri, &words));
    assert_eq!(code, 0, "{error}");
    let steer = |word: &str| {
        let (code, _, error) = output(mltui(world.path(), &world.uri, &["sweeps", word, id.trim()]));
        assert_eq!(code, 0, "{word}: {error}");
    };
    wait_until("the first trial", || is_begun(&world, 0));
    steer("pause");
    wait_until("the pause", || world.listed()["status"] == "paused");
    fs::write(world.path().join("go.0"), "").unwrap();
    wait_until("its end", || world.listed()["finished"] == 1);
    wait_until("a note of the pause", || {
        let events =
            fs::read_to_string(world.path().join(STATE).join(id.trim()).join("events.jsonl")).unwrap();
        events.lines().last().unwrap().contains("paused")
    });
    assert!(!is_begun(&world, 1), "nothing begins");
    steer("continue");
    wait_until("the second trial", || is_begun(&world, 1));
    steer("cancel");
    wait_until("the end", || world.listed()["status"] == "cancelled" && world.listed()["unsent"] == 0);
    assert_eq!(of_trials(&world), Vec::<String>::new());
    assert!(world.runs().iter().all(|run| !run.info.status.is_active()));
    world.go();
    let (code, _, error) = resume(&world);
    assert_eq!(code, 0, "{error}");
    are_whole(&world, 4);
    assert_eq!(fs::read_to_string(world.trial(1).join("tried")).unwrap(), "x\nx\n");
}

#[test]
fn what_came_to_its_end_while_nobody_looked_is_not_run_again() {
    let world = World::new(WAITING);
    let mut sweep = world.start(&["--trials", "1"]);
    wait_until("the trial", || is_begun(&world, 0));
    // The sweep takes no note, and the command comes to its end.
    kill("-STOP", &[sweep.id().to_string()]);
    world.go();
    wait_until("the end of the command", || world.trial(0).join(".mltui/end-1.json").exists());
    sweep.kill().unwrap();
    sweep.wait().unwrap();
    let (code, _, error) = resume(&world);
    assert_eq!(code, 0, "{error}");
    assert_eq!(fs::read_to_string(world.trial(0).join("tried")).unwrap(), "x\n");
    are_whole(&world, 1);
}

#[test]
fn the_explorer_lists_and_steers_a_sweep_of_a_command() {
    let world = World::new(WAITING);
    let mut sweep = world.start(&["--trials", "3"]);
    wait_until("the trial", || is_begun(&world, 0));
    let words = ["--tracking-uri", &world.uri];
    let mut screen = Terminal::start(world.path(), (120, 36), &words, &[("USER", "ana")]);
    screen.wait_for("train");
    screen.type_keys("gs");
    screen.wait_for("bash train.sh in train");
    screen.wait_for("running");
    screen.type_keys("p");
    screen.wait_for("pauses after the current trial");
    screen.wait_for("paused");
    screen.type_keys("xy");
    screen.wait_for("is cancelled after");
    assert!(!sweep.wait().unwrap().success());
    assert_eq!(of_trials(&world), Vec::<String>::new());
    world.go();
    // A process of its own takes it up, where it was begun.
    screen.type_keys("r");
    screen.wait_for("3/3");
    screen.wait_for("finished");
    wait_until("its word to the store", || world.listed()["unsent"] == 0);
    are_whole(&world, 3);
    // What trains on a table is planned as ever.
    screen.type_keys("\x1b");
    screen.wait("the list to close", |screen| !screen.contains("3/3"));
    screen.type_keys("T");
    screen.wait_for("built-in models on a table");
    screen.type_keys("\x1b[A\r");
    screen.wait_for("target");
    screen.type_keys("\x1b");
    screen.signal("-TERM");
    assert_eq!(screen.wait_for_end(), 0);
}

/// Kills the sweep again and again, at any moment.
#[test]
fn a_sweep_of_a_command_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let rounds = std::env::var("MLTUI_KILL_ROUNDS").map_or(2, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let mut rng = fastrand::Rng::with_seed(round);
        let world = World::new(TRAIN);
        let mut sweep = world.start(&["--trials", "12", "--jobs", "2"]);
        let progress = || {
            let Some(id) = sweeps(world.path()).pop() else { return 0 };
            let folder = world.path().join(STATE).join(id);
            let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
            read("events.jsonl").lines().count() + read("sent").trim().parse().unwrap_or(0)
        };
        let mut kills = 0;
        loop {
            let (before, more, mut is_over) = (progress(), rng.usize(..20), false);
            wait_until("some progress", || {
                is_over = sweep.try_wait().unwrap().is_some();
                is_over || progress() >= before + more
            });
            if is_over {
                break;
            }
            sweep.kill().unwrap();
            sweep.wait().unwrap();
            kills += 1;
            sweep = match sweeps(world.path()).pop() {
                Some(id) => world.spawn(&["sweep", "--resume", &id]),
                None => world.start(&["--trials", "12", "--jobs", "2"]),
            };
        }
        assert!(sweep.wait().unwrap().success(), "after {kills} kills in round {round}: {}", world.said());
        assert!(kills > 0, "nothing was killed in round {round}");
        are_whole(&world, 12);
    }
}
