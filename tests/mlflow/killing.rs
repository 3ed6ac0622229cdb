//! Sweeps whose process, server, connection or screen goes away at any moment: in the end all is there, and once.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and tell how often it killed"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mltui::mlflow::RunStatus;
use serde_json::Value;

use crate::support::proxy::{Fault, Proxy};
use crate::support::sweeping::{STATE, SWEEP, local, mltui, output, seen, sweeps, undisturbed};
use crate::support::terminal::Terminal;
use crate::support::{Server, V3, wait_until};

/// The files of a sweep.
fn folder_of(home: &Path, sweep: &str) -> PathBuf {
    home.join(STATE).join(sweep)
}

/// How far the latest sweep of a home is: what it noted, and what of that the store has.
fn progress(home: &Path) -> usize {
    let Some(id) = sweeps(home).pop() else { return 0 };
    let read = |name: &str| fs::read_to_string(folder_of(home, &id).join(name)).unwrap_or_default();
    read("events.jsonl").lines().count() + read("sent").trim().parse().unwrap_or(0)
}

/// How often somebody said that the store is away.
fn times_away(said: &Path) -> usize {
    fs::read_to_string(said).unwrap_or_default().matches("retrying").count()
}

/// Kills a sweep again and again, resumes it each time, and compares what is there in the end.
fn killed_and_resumed(uri: &str, rounds: u64) {
    let expected = undisturbed();
    for round in 0..rounds {
        let mut rng = fastrand::Rng::with_seed(round);
        let home = tempfile::tempdir().unwrap();
        let experiment = format!("killed {round} {}", rng.u32(..));
        let words: Vec<&str> =
            SWEEP.into_iter().chain(["--experiment", &experiment, "--jobs", "2"]).collect();
        let start = |words: &[&str]| {
            let said = fs::File::create(home.path().join("said")).unwrap();
            mltui(home.path(), uri, words).stderr(said).stdout(Stdio::null()).spawn().unwrap()
        };
        let mut child = start(&words);
        let mut kills = 0;
        loop {
            let (before, more, mut is_over) = (progress(home.path()), rng.usize(..50), false);
            wait_until("some progress", || {
                is_over = child.try_wait().unwrap().is_some();
                is_over || progress(home.path()) >= before + more
            });
            if is_over {
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            // Killed before there was anything to resume, it is begun anew.
            let known = sweeps(home.path());
            let again = known.last().map_or_else(|| words.clone(), |id| vec!["sweep", "--resume", id]);
            child = start(&again);
        }
        let said = fs::read_to_string(home.path().join("said")).unwrap();
        assert!(child.wait().unwrap().success(), "after {kills} kills in round {round}: {said}");
        assert!(kills > 0, "nothing was killed in round {round}");
        let (parents, trials) = seen(uri, &experiment);
        assert_eq!(trials, *expected, "after {kills} kills in round {round}");
        assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
        let best: Vec<_> = parents[0].points.iter().map(|(_, step, _)| *step).collect();
        assert_eq!(best, (0..16).collect::<Vec<i64>>(), "the best so far, once for each trial");
    }
}

#[test]
fn a_sweep_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    killed_and_resumed(&local(folder.path()), 4);
}

#[test]
fn nor_does_one_that_logs_to_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    killed_and_resumed(&server.uri(), 2);
}

#[test]
fn sweeps_that_begin_at_once_share_their_new_experiment() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let homes: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    for uri in [server.uri(), local(folder.path())] {
        let words =
            ["sweep", "--data", "iris", "--family", "naive_bayes", "--trials", "1", "--experiment", "new"];
        let begin = |home: &tempfile::TempDir| {
            mltui(home.path(), &uri, &words).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
        };
        let sweeps: Vec<_> = homes.iter().map(begin).collect();
        for sweep in sweeps {
            let output = sweep.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn a_server_that_is_away_costs_nothing_but_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(V3, folder.path());
    let home = tempfile::tempdir().unwrap();
    let words: Vec<&str> = SWEEP.into_iter().chain(["--experiment", "away"]).collect();
    let said = home.path().join("said");
    let mut child = mltui(home.path(), &server.uri(), &words);
    let mut child = child.stderr(fs::File::create(&said).unwrap()).spawn().unwrap();
    for _ in 0..2 {
        let before = seen(&server.uri(), "away").1.len();
        wait_until("a further trial", || seen(&server.uri(), "away").1.len() > before);
        let before = times_away(&said);
        server.stop();
        // It may have sent all there is already.
        wait_until("a word of that", || times_away(&said) > before || child.try_wait().unwrap().is_some());
        server.restart();
    }
    let status = child.wait().unwrap();
    let said = fs::read_to_string(said).unwrap();
    assert!(status.success(), "{said}");
    assert!(said.contains("retrying") && said.contains("the store answers again"), "{said}");
    let (parents, trials) = seen(&server.uri(), "away");
    assert_eq!(trials, *undisturbed());
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
}

#[test]
fn answers_that_are_lost_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let proxy = Proxy::start(server.port);
    let home = tempfile::tempdir().unwrap();
    let words: Vec<&str> = SWEEP.into_iter().chain(["--experiment", "lost"]).collect();
    let mut child = mltui(home.path(), &proxy.uri(), &words).stderr(Stdio::null()).spawn().unwrap();
    let mut rng = fastrand::Rng::with_seed(3);
    let (mut cuts, mut is_over) = (0, false);
    while !is_over {
        // The request arrives, its answer does not.
        proxy.set(Fault::Cut { writes: rng.u64(0..3), arrives: true, hangs: false, is_cut: false });
        wait_until("the cut", || {
            is_over = child.try_wait().unwrap().is_some();
            is_over || proxy.is_cut()
        });
        cuts += u32::from(proxy.is_cut());
        proxy.set(Fault::None);
        let ((_, before), more) = (proxy.passed(), rng.u64(3..12));
        wait_until("some requests more", || {
            is_over = child.try_wait().unwrap().is_some();
            is_over || proxy.passed().1 >= before + more
        });
    }
    assert!(child.wait().unwrap().success());
    assert!(cuts > 5, "{cuts}");
    assert_eq!(seen(&server.uri(), "lost").1, *undisturbed());
}

/// Makes that sweep the one of the settings.
fn configure(home: &Path) {
    let folder = home.join(".config/mltui");
    fs::create_dir_all(&folder).unwrap();
    let settings = "[sweep]\ndata = \"iris\"\nfamilies = [\"random_forest\", \"gradient_boosting\", \"decision_tree\"]\n\
                    trials = 16\nseed = 7\n";
    fs::write(folder.join("config.toml"), settings).unwrap();
}

/// A file that may not grow is what a full disk is to those who write.
#[test]
fn a_full_disk_ends_a_sweep_that_goes_on_when_there_is_room() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let sweep = mltui(home.path(), &uri, &SWEEP);
    let words: Vec<String> = sweep.get_args().map(|word| word.to_str().unwrap().to_owned()).collect();
    let mut limited = Command::new("bash");
    // Blocks of 1024 bytes: enough for a new store, not for all that is logged.
    limited.args([
        "-c",
        "trap '' XFSZ; ulimit -f 260; exec \"$@\"",
        "-",
        sweep.get_program().to_str().unwrap(),
    ]);
    limited.args(words).current_dir(home.path()).env("HOME", home.path()).env("USER", "ana");
    let said = home.path().join("said");
    let mut child = limited.stdin(Stdio::null()).stderr(fs::File::create(&said).unwrap()).spawn().unwrap();
    // It waits for room in the store, and gives up where its own journal has none.
    wait_until("some trials", || seen(&uri, "iris").1.len() >= 2);
    wait_until("the end of the room", || times_away(&said) > 0 || child.try_wait().unwrap().is_some());
    assert!(child.try_wait().unwrap().is_none_or(|status| !status.success()), "it cannot have ended well");
    let _ = child.kill();
    child.wait().unwrap();
    let id = sweeps(home.path()).remove(0);
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    assert_eq!(seen(&uri, "iris").1, *undisturbed());
}

#[test]
fn a_sweep_outlives_the_explorer_and_is_found_again() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    configure(home.path());
    let start = || Terminal::start(home.path(), (120, 36), &["--tracking-uri", &uri], &[("USER", "ana")]);
    let mut screen = start();
    screen.wait_for("trains a first sweep");
    screen.type_keys("T");
    screen.wait("a trial that is done", |screen| {
        screen.contains("random_forest-0") && screen.contains("Finished")
    });
    screen.signal("-KILL");
    drop(screen);
    let mut again = start();
    again.wait_for("sweep ");
    again.wait_for("is finished after 16 trials");
    again.wait_for("\u{2605}");
    again.type_keys("gs");
    again.wait_for("16/16");
    let (parents, trials) = seen(&uri, "iris");
    assert_eq!(trials, *undisturbed());
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
    // The same key again is another sweep, of another seed, after a question.
    again.type_keys("\x1b");
    again.wait("the list to close", |screen| !screen.contains("16/16"));
    again.type_keys("T");
    again.wait_for("Train in iris?");
    again.type_keys("y");
    wait_until("a second sweep", || sweeps(home.path()).len() == 2);
    let header =
        fs::read_to_string(home.path().join(STATE).join(&sweeps(home.path())[1]).join("plan.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&header).unwrap()["plan"]["seed"], 8);
    again.type_keys("gs");
    again.wait("the second sweep in the list", |screen| {
        let of_list = |line: &&str| line.contains("sweep-") && line.contains("/16");
        screen.lines().filter(of_list).count() == 2
    });
    again.type_keys("xy");
    // It takes a second or two, and may be over before the keys come.
    again.wait("its end", |screen| {
        screen.contains("is cancelled after") || screen.contains("is finished after 16 trials")
    });
    again.type_keys("\x1b");
    again.wait("the list to close", |screen| !screen.contains("┏ Sweeps"));
    again.type_keys("q");
    assert_eq!(again.wait_for_end(), 0);
}

/// The process of a sweep that was started by a key.
fn process_of(sweep: &str) -> Option<String> {
    fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let command = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let is_it = command.contains("--background") && command.contains(sweep);
        is_it.then(|| entry.file_name().into_string().ok()).flatten()
    })
}

/// Kills the explorer, the server and the sweep as chance has it, and whoever uses them starts them again.
#[test]
fn whatever_is_killed_whenever_all_is_there_in_the_end() {
    let rounds = std::env::var("MLTUI_KILL_ROUNDS").map_or(2, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let mut rng = fastrand::Rng::with_seed(100 + round);
        let folder = tempfile::tempdir().unwrap();
        let home = tempfile::tempdir().unwrap();
        let mut server = Server::start(V3, folder.path());
        configure(home.path());
        let words = ["--tracking-uri", &server.uri()].map(str::to_owned);
        let start = || {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            Terminal::start(home.path(), (120, 36), &words, &[("USER", "ana")])
        };
        let mut screen = start();
        screen.wait_for("trains a first sweep");
        screen.type_keys("T");
        wait_until("the sweep", || sweeps(home.path()).len() == 1);
        let id = sweeps(home.path()).remove(0);
        let (mut kills, mut sweep) = ([0; 3], Value::Null);
        let begun = std::time::Instant::now();
        while sweep["status"] != "finished" || sweep["unsent"] != 0 {
            assert!(
                begun.elapsed() < Duration::from_secs(600),
                "after {kills:?}: {sweep} {}",
                screen.screen()
            );
            let (before, more) = (progress(home.path()), rng.usize(..12));
            wait_until("some progress", || {
                progress(home.path()) >= before + more || process_of(&id).is_none()
            });
            // In the end it is left alone.
            let at = if kills.iter().sum::<u32>() < 12 { rng.usize(..3) } else { 3 };
            match at {
                0 => {
                    screen.signal("-KILL");
                    screen = start();
                }
                1 => {
                    let log = folder_of(home.path(), &id).join("log");
                    let before = times_away(&log);
                    server.stop();
                    if rng.bool() {
                        wait_until("a word of that", || {
                            times_away(&log) > before || process_of(&id).is_none()
                        });
                    }
                    server.restart();
                }
                2 => {
                    let Some(process) = process_of(&id) else { continue };
                    Command::new("kill").args(["-9", &process]).status().unwrap();
                }
                _ => {}
            }
            if let Some(count) = kills.get_mut(at) {
                *count += 1;
            }
            let (_, out, error) = output(mltui(home.path(), &server.uri(), &["sweeps", "--json"]));
            sweep = serde_json::from_str::<Value>(&out).unwrap_or_else(|_| panic!("{error}"))[0].clone();
            if sweep["status"] == "interrupted" {
                // It may be that somebody is just closing it.
                output(mltui(home.path(), &server.uri(), &["sweep", "--detach", "--resume", &id]));
            }
        }
        drop(screen);
        println!("round {round}: {kills:?} kills of the explorer, the server and the sweep");
        let (parents, trials) = seen(&server.uri(), "iris");
        assert_eq!(trials, *undisturbed(), "after {kills:?} kills in round {round}");
        assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
        let best: Vec<_> = parents[0].points.iter().map(|(_, step, _)| *step).collect();
        assert_eq!(best, (0..16).collect::<Vec<i64>>(), "the best so far, once for each trial");
    }
}

#[test]
fn a_sweep_whose_process_died_is_closed_at_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let mut child = mltui(home.path(), &uri, &SWEEP).stderr(Stdio::null()).spawn().unwrap();
    wait_until("some trials", || seen(&uri, "iris").1.len() >= 4);
    child.kill().unwrap();
    child.wait().unwrap();
    let screen = Terminal::start(home.path(), (120, 36), &["--tracking-uri", &uri], &[("USER", "ana")]);
    screen.wait_for("was interrupted");
    let (parents, trials) = seen(&uri, "iris");
    assert!(
        parents.iter().chain(&trials).all(|run| run.ended && !run.status.is_active()),
        "{parents:?} {trials:?}"
    );
    assert_eq!(parents[0].status, RunStatus::Killed);
    drop(screen);
    let id = sweeps(home.path()).remove(0);
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    assert_eq!(seen(&uri, "iris").1, *undisturbed());
}
