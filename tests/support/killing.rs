//! A sweep of a command whose processes are killed at random: its driver, the guards and the commands of its trials, the explorer,
//! and the server. Whoever was killed is started again; in the end each trial is there once, with each point once.

use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mltui::mlflow::{Run, RunStatus, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{RunSearch, Store, uri};
use serde_json::Value;

use super::sweeping::{STATE, block_on, mltui, output, sweeps};
use super::terminal::Terminal;
use super::{Server, wait_until};

/// Kills of a round; then it is left alone.
const KILLS: usize = 8;
/// Kills of a server, which takes seconds to come back.
const SERVER_KILLS: usize = 1;
const PATIENCE: Duration = Duration::from_secs(300);

/// What is swept.
#[derive(Debug, Clone, Copy)]
pub struct Killable<'a> {
    /// The words of the command, which runs in the home.
    pub command: &'a [&'a str],
    /// What is a file there.
    pub script: (&'a str, &'a str),
    pub trials: usize,
    /// The steps that each trial has of `val_loss` in the end.
    pub steps: &'a [i64],
}

/// A number of the environment, so that a round can be done again.
pub fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |number| number.parse().unwrap())
}

/// The processes of this machine in whose environment or command line that stands.
pub fn processes(mark: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let has = |path: PathBuf| fs::read(path).is_ok_and(|text| String::from_utf8_lossy(&text).contains(mark));
    let is_it = |path: &Path| has(path.join("environ")) || has(path.join("cmdline"));
    let alive = |path: &Path| {
        fs::read_to_string(path.join("stat"))
            .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
    };
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok()))
        .filter(|entry| is_it(&entry.path()) && alive(&entry.path()))
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

/// All runs of an experiment; none where it is not there.
pub fn runs(store: &Store, experiment: &str) -> Vec<Run> {
    block_on(async {
        let all = store.search_experiments(ViewType::All).await.unwrap();
        let Some(found) = all.iter().find(|known| known.name == experiment) else { return Vec::new() };
        let experiment_ids = vec![found.experiment_id.clone()];
        let search = RunSearch { experiment_ids, max_results: 1000, ..RunSearch::default() };
        store.search_runs(&search).await.unwrap().runs
    })
}

/// The steps of a metric of a run, each as often as there is a point.
pub fn steps(store: &Store, run: &Run, metric: &str) -> Vec<i64> {
    let points = block_on(store.metric_history(&run.info.run_id, metric)).unwrap();
    let mut steps: Vec<i64> = points.iter().map(|point| point.step).collect();
    steps.sort_unstable();
    steps
}

fn kill(signal: &str, id: &str) {
    // It may have ended just now.
    let _ = Command::new("kill").args([signal, id]).stderr(Stdio::null()).status();
}

struct Round<'a> {
    of: Killable<'a>,
    home: tempfile::TempDir,
    uri: String,
    experiment: String,
    server: Option<&'a mut Server>,
    rng: fastrand::Rng,
    sweep: Option<Child>,
    screen: Option<Terminal>,
    /// What was killed, in its order.
    killed: Vec<&'static str>,
}

/// Kills what chance has it, and looks what is there in the end. The seed is told, and what was killed.
pub fn killed_at_random(of: Killable<'_>, uri: &str, server: Option<&mut Server>, seed: u64) {
    let home = tempfile::tempdir().unwrap();
    let uri = uri.replace("HOME", &home.path().display().to_string());
    fs::write(home.path().join(of.script.0), of.script.1).unwrap();
    let rng = fastrand::Rng::with_seed(seed);
    let experiment = format!("killed {seed}");
    let (sweep, screen, killed) = (None, None, Vec::new());
    let mut round = Round { of, home, uri, experiment, server, rng, sweep, screen, killed };
    round.resume();
    let result = catch_unwind(AssertUnwindSafe(|| round.run()));
    let told = format!("MLTUI_KILL_SEED={seed}: killed {}\n", round.killed.join(", "));
    let _ = std::io::stderr().write_all(told.as_bytes());
    if let Err(panic) = result {
        resume_unwind(panic);
    }
    round.check();
}

impl Round<'_> {
    fn path(&self) -> &Path {
        self.home.path()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.path().join("said")).unwrap_or_default()
    }

    fn folder(&self) -> Option<PathBuf> {
        Some(self.path().join(STATE).join(sweeps(self.path()).pop()?))
    }

    /// A process of a trial that is under way: `guard`, or `command`.
    fn of_a_trial(&mut self, which: &str) -> Option<String> {
        let folder = self.folder()?;
        let mut found = Vec::new();
        for trial in 0..self.of.trials {
            let record = folder.join(format!("trials/{trial}/.mltui/process.json"));
            let Ok(content) = fs::read(record) else { continue };
            let Ok(record) = serde_json::from_slice::<Value>(&content) else { continue };
            found.push(record[which]["id"].to_string());
        }
        if found.is_empty() { None } else { Some(found.swap_remove(self.rng.usize(..found.len()))) }
    }

    /// How far it is, in bytes that somebody wrote.
    fn progress(&self) -> u64 {
        let Some(folder) = self.folder() else { return 0 };
        let length = |path: PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
        let logs = (0..self.of.trials).map(|trial| length(folder.join(format!("trials/{trial}/trial.log"))));
        length(folder.join("events.jsonl")) + logs.sum::<u64>()
    }

    /// Whether the sweep has ended. One that somebody else closed meanwhile is resumed.
    fn is_over(&mut self) -> bool {
        let status = self.sweep.as_mut().and_then(|sweep| sweep.try_wait().unwrap());
        if status.is_some_and(|status| !status.success()) {
            self.resume();
        }
        status.is_some_and(|status| status.success())
    }

    /// Takes the sweep up, or begins it where nothing is there to be taken up.
    fn resume(&mut self) {
        let said = fs::File::options().create(true).append(true).open(self.path().join("said")).unwrap();
        let trials = self.of.trials.to_string();
        let known = sweeps(self.path()).pop();
        let first = ["sweep", "--param", "lr=1e-4..1.0:log", "--metric", "val_loss:min", "--jobs", "2"];
        // What is killed fails, and none of it is the script's fault.
        let more = ["--retries", "50", "--max-failures", "0", "--experiment", &self.experiment];
        let words = match &known {
            Some(id) => vec!["sweep", "--resume", id],
            None => [&first[..], &more, &["--trials", &trials, "--"], self.of.command].concat(),
        };
        let mut command = mltui(self.path(), &self.uri, &words);
        // A server that is away is back in some seconds.
        command.env("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1").env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4");
        self.sweep = Some(command.stderr(said).stdout(Stdio::null()).spawn().unwrap());
    }

    fn kill_driver(&mut self) {
        if let Some(mut sweep) = self.sweep.take() {
            sweep.kill().unwrap();
            sweep.wait().unwrap();
        }
    }

    fn kill_something(&mut self) {
        let most = if self.server.is_some() { 7 } else { 6 };
        let what = ["driver", "driver", "guard", "command", "both", "explorer", "server"];
        let what = what[self.rng.usize(..most)];
        match what {
            "driver" => {
                self.kill_driver();
                self.resume();
            }
            "guard" | "command" => {
                let Some(id) = self.of_a_trial(what) else { return };
                kill("-KILL", &id);
            }
            // The guard has no time to take note of the end of its sweep.
            "both" => {
                let Some(id) = self.of_a_trial("guard") else { return };
                kill("-STOP", &id);
                self.kill_driver();
                kill("-KILL", &id);
                self.resume();
            }
            "server" => {
                let before = self.killed.iter().filter(|what| **what == "server").count();
                let Some(server) = self.server.as_mut().filter(|_| before < SERVER_KILLS) else { return };
                server.stop();
                server.restart();
            }
            _ => {
                if let Some(screen) = self.screen.take() {
                    screen.signal("-KILL");
                }
                let words = ["--tracking-uri", &self.uri];
                self.screen = Some(Terminal::start(self.path(), (100, 30), &words, &[("USER", "ana")]));
            }
        }
        self.killed.push(what);
    }

    fn run(&mut self) {
        let begun = Instant::now();
        while !self.is_over() {
            assert!(begun.elapsed() < PATIENCE, "no end: {}", self.said());
            if self.killed.len() >= KILLS {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            let (before, more) = (self.progress(), self.rng.u64(..400));
            wait_until("some progress", || self.is_over() || self.progress() >= before + more);
            self.kill_something();
        }
    }

    fn check(&mut self) {
        drop(self.screen.take());
        let (_, out, error) = output(mltui(self.path(), &self.uri, &["sweeps", "--json"]));
        let listed = serde_json::from_str::<Value>(&out).unwrap_or_else(|_| panic!("{error}"))[0].clone();
        let count = self.of.trials;
        assert_eq!((&listed["finished"], &listed["failed"]), (&count.into(), &0.into()), "{listed}");
        assert_eq!((&listed["status"], &listed["unsent"]), (&"finished".into(), &0.into()), "{listed}");
        let location = uri::parse(&self.uri, Path::new("/")).unwrap();
        let store = uri::open(&location, &RestOptions::default(), true).unwrap();
        let all = runs(&store, &self.experiment);
        assert!(all.iter().all(|run| !run.info.status.is_active() && run.info.end_time.is_some()), "{all:?}");
        assert_eq!(all.iter().filter(|run| run.tag("mltui.trial") == Some("parent")).count(), 1);
        for trial in 0..count {
            let number = trial.to_string();
            let of: Vec<&Run> = all.iter().filter(|run| run.tag("mltui.trial") == Some(&number)).collect();
            let (finished, broken): (Vec<&Run>, Vec<&Run>) =
                of.iter().partition(|run| run.info.status == RunStatus::Finished);
            assert_eq!(finished.len(), 1, "trial {trial}: {of:?}");
            assert_eq!(steps(&store, finished[0], "val_loss"), self.of.steps, "trial {trial}");
            for run in broken {
                let steps = steps(&store, run, "val_loss");
                assert_eq!(steps, self.of.steps[..steps.len()], "trial {trial}: {run:?}");
            }
            let mut attempts: Vec<_> = of.iter().map(|run| run.tag("mltui.attempt")).collect();
            attempts.sort_unstable();
            attempts.dedup();
            assert_eq!(attempts.len(), of.len(), "one run an attempt: {of:?}");
        }
        let home = self.path().display().to_string();
        wait_until("the end of all processes", || processes(&home).is_empty());
    }
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        self.kill_driver();
    }
}
