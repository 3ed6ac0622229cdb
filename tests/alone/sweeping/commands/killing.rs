//! The processes of a sweep of a command, killed at random: in the end each trial is there once, with each point once, nothing
//! looks as if it ran, and no process is left.

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::support::terminal::Terminal;

/// Takes long enough that its points are sent while it runs.
const TRAIN: &str = r#"
for step in 1 2 3 4 5 6; do
  echo "{\"step\": $step, \"val_loss\": $MLTUI_PARAM_LR}"
  sleep 0.3
done
"#;
const TRIALS: usize = 5;
const STEPS: [i64; 6] = [1, 2, 3, 4, 5, 6];
/// Kills of a round; then it is left alone.
const KILLS: usize = 8;
/// Rounds side by side: their scripts sleep for most of the time.
const AT_ONCE: u64 = 4;

fn kill(signal: &str, id: &str) {
    // It may have ended just now.
    let _ = Command::new("kill").args([signal, id]).stderr(Stdio::null()).status();
}

/// A process of a trial that is under way: `guard`, or `command`.
fn of_a_trial(world: &World, rng: &mut fastrand::Rng, which: &str) -> Option<String> {
    let mut found = Vec::new();
    for trial in 0..TRIALS {
        let Ok(content) = fs::read(world.trial(trial).join(".mltui/process.json")) else { continue };
        let Ok(record) = serde_json::from_slice::<Value>(&content) else { continue };
        found.push(record[which]["id"].to_string());
    }
    if found.is_empty() { None } else { Some(found.swap_remove(rng.usize(..found.len()))) }
}

/// How far it is, in bytes that somebody wrote.
fn progress(world: &World) -> u64 {
    let Some(id) = sweeps(world.path()).pop() else { return 0 };
    let folder = world.path().join(STATE).join(id);
    let length = |path: PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
    let logs = (0..TRIALS).map(|trial| length(folder.join(format!("trials/{trial}/trial.log"))));
    length(folder.join("events.jsonl")) + logs.sum::<u64>()
}

struct Round {
    world: World,
    rng: fastrand::Rng,
    sweep: Child,
    screen: Option<Terminal>,
    /// What was killed, in its order.
    killed: Vec<&'static str>,
}

impl Round {
    fn begin(seed: u64) -> Self {
        let world = World::new(TRAIN);
        let more = ["--trials", "5", "--jobs", "2", "--retries", "50", "--max-failures", "0"];
        let sweep = world.start(&more);
        let rng = fastrand::Rng::with_seed(seed);
        Self { world, rng, sweep, screen: None, killed: Vec::new() }
    }

    /// Whether the sweep's process has ended. One that was taken up by somebody who closed it is resumed.
    fn is_over(&mut self) -> bool {
        let Some(status) = self.sweep.try_wait().unwrap() else { return false };
        if status.success() {
            return true;
        }
        self.resume();
        false
    }

    fn resume(&mut self) {
        self.sweep = match sweeps(self.world.path()).pop() {
            Some(id) => self.world.spawn(&["sweep", "--resume", &id]),
            None => {
                self.world.start(&["--trials", "5", "--jobs", "2", "--retries", "50", "--max-failures", "0"])
            }
        };
    }

    fn kill_something(&mut self) {
        let what = ["driver", "driver", "guard", "command", "both", "explorer"][self.rng.usize(..6)];
        match what {
            "driver" => {
                self.sweep.kill().unwrap();
                self.sweep.wait().unwrap();
                self.resume();
            }
            "guard" | "command" => {
                let Some(id) = of_a_trial(&self.world, &mut self.rng, what) else { return };
                kill("-KILL", &id);
            }
            // The guard has no time to take note of the end of its sweep.
            "both" => {
                let Some(id) = of_a_trial(&self.world, &mut self.rng, "guard") else { return };
                kill("-STOP", &id);
                self.sweep.kill().unwrap();
                self.sweep.wait().unwrap();
                kill("-KILL", &id);
                self.resume();
            }
            _ => {
                if let Some(screen) = self.screen.take() {
                    screen.signal("-KILL");
                }
                let words = ["--tracking-uri", &self.world.uri];
                self.screen = Some(Terminal::start(self.world.path(), (100, 30), &words, &[("USER", "ana")]));
            }
        }
        self.killed.push(what);
    }

    fn run(&mut self) {
        let begun = Instant::now();
        while !self.is_over() {
            assert!(begun.elapsed() < Duration::from_secs(170), "no end: {}", self.world.said());
            if self.killed.len() >= KILLS {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            let (before, more) = (progress(&self.world), self.rng.u64(..400));
            wait_until("some progress", || self.is_over() || progress(&self.world) >= before + more);
            self.kill_something();
        }
    }

    fn check(mut self) {
        drop(self.screen.take());
        let world = &self.world;
        let listed = world.listed();
        assert_eq!((&listed["finished"], &listed["failed"]), (&TRIALS.into(), &0.into()), "{listed}");
        assert_eq!((&listed["status"], &listed["unsent"]), (&"finished".into(), &0.into()), "{listed}");
        let runs = world.runs();
        assert!(
            runs.iter().all(|run| !run.info.status.is_active() && run.info.end_time.is_some()),
            "{runs:?}"
        );
        let parents = runs.iter().filter(|run| run.tag("mltui.trial") == Some("parent")).count();
        assert_eq!(parents, 1);
        for trial in 0..TRIALS {
            let of = world.runs_of(trial);
            let (finished, broken): (Vec<&Run>, Vec<&Run>) =
                of.iter().partition(|run| run.info.status == RunStatus::Finished);
            assert_eq!(finished.len(), 1, "trial {trial}: {of:?}");
            assert_eq!(world.steps(finished[0]), STEPS, "trial {trial}");
            for run in broken {
                let steps = world.steps(run);
                assert_eq!(steps, STEPS[..steps.len()], "trial {trial}: {run:?}");
                assert!(run.tag("mltui.sweep.outcome").is_some(), "{run:?}");
            }
            let attempts: Vec<_> = of.iter().map(|run| run.tag("mltui.attempt")).collect();
            let mut different = attempts.clone();
            different.sort_unstable();
            different.dedup();
            assert_eq!(different.len(), attempts.len(), "one run an attempt: {of:?}");
        }
        let home = world.path().display().to_string();
        wait_until("the end of all processes", || processes(&home).is_empty());
    }
}

#[test]
fn whatever_of_a_sweep_of_a_command_is_killed_nothing_is_lost_doubled_or_left() {
    let number =
        |name: &str, otherwise: u64| std::env::var(name).map_or(otherwise, |number| number.parse().unwrap());
    let (rounds, first) = (number("MLTUI_KILL_ROUNDS", 12), number("MLTUI_KILL_SEED", 0));
    let seeds: Vec<u64> = (first..first + rounds).collect();
    for some in seeds.chunks(AT_ONCE as usize) {
        std::thread::scope(|scope| {
            for seed in some {
                scope.spawn(move || {
                    let mut round = Round::begin(*seed);
                    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| round.run()));
                    let told = format!("MLTUI_KILL_SEED={seed} killed {}\n", round.killed.join(", "));
                    let _ = std::io::stderr().write_all(told.as_bytes());
                    if let Err(panic) = result {
                        std::panic::resume_unwind(panic);
                    }
                    round.check();
                });
            }
        });
    }
}
