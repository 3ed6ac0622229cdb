//! Sweeps of other machines and users, whose program, files or folder are elsewhere by now, and those that are called off.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{SHORT, killed, listed, of};
use crate::support::sweeping::{STATE, SWEEP, local, mltui, output, seen};
use crate::support::terminal::Terminal;
use crate::support::wait_until;

#[test]
fn a_sweep_of_another_machine_is_left_to_it() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let id = killed(home.path(), &uri);
    let lock = home.path().join(STATE).join(&id).join("lock");
    let own: Value = serde_json::from_slice(&fs::read(&lock).unwrap()).unwrap();
    assert!(own["host"].is_string() && own["process"].is_u64(), "{own}");
    fs::write(&lock, json!({ "host": "node7", "boot": "another", "process": 1 }).to_string()).unwrap();
    let (list, _) = listed(home.path(), &uri);
    assert_eq!((&list[0]["status"], &list[0]["host"]), (&json!("elsewhere"), &json!("node7")));
    let (_, words, _) = output(mltui(home.path(), &uri, &["sweeps"]));
    assert!(words.contains("on node7"), "{words}");
    // Another sweep closes it as little as this one can be resumed.
    let (code, _, error) = output(mltui(home.path(), &uri, &SHORT));
    assert!(code == 0 && !error.contains("interrupted"), "{error}");
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    assert!(code == 2 && error.contains("on node7") && error.contains("add --take-over"), "{error}");
    let mut screen = Terminal::start(home.path(), (120, 36), &["--tracking-uri", &uri], &[("USER", "ana")]);
    screen.wait_for("iris");
    screen.type_keys("gs");
    screen.wait_for("on node7");
    screen.type_keys("\x1bq");
    drop(screen);
    assert_eq!(of(&listed(home.path(), &uri).0, &id)["status"], "elsewhere");
    // With the word of somebody who knows that it is gone, it is one that broke off.
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id, "--take-over"]));
    assert_eq!(code, 0, "{error}");
    // One that is over is nobody's, whatever an earlier version left in the lock.
    assert_eq!(fs::read(&lock).unwrap(), b"");
    fs::write(&lock, json!({ "host": "node7", "boot": "another", "process": 1 }).to_string()).unwrap();
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
}

#[test]
fn a_sweep_that_another_machine_is_at_work_on_is_left_to_it_and_one_that_was_taken_over_writes_nothing_more()
{
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let words: Vec<&str> = SWEEP.into_iter().map(|word| if word == "16" { "200" } else { word }).collect();
    let child =
        mltui(home.path(), &uri, &words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("some trials", || seen(&uri, "iris").1.len() >= 2);
    let id = crate::support::sweeping::sweeps(home.path()).pop().unwrap();
    let folder = home.path().join(STATE).join(&id);
    let holder = json!({ "host": "node7", "boot": "another", "process": 1, "token": "another" });
    fs::write(folder.join("beside"), holder.to_string()).unwrap();
    fs::rename(folder.join("beside"), folder.join("lock")).unwrap();
    let ended = child.wait_with_output().unwrap();
    let error = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{error}");
    assert!(error.contains("taken over by node7 (process 1)"), "{error}");
    assert!(seen(&uri, "iris").0[0].status.is_active(), "its runs are those of the other");
    // As long as it shows that it is at work, nobody takes it.
    let resuming =
        mltui(home.path(), &uri, &["sweep", "--resume", &id]).stderr(Stdio::piped()).spawn().unwrap();
    let mut beats = 0;
    let mut resuming = Some(resuming);
    let refused = loop {
        beats += 1;
        fs::write(folder.join("beat"), format!("another {beats}")).unwrap();
        if resuming.as_mut().is_some_and(|child| child.try_wait().unwrap().is_some()) {
            break resuming.take().unwrap().wait_with_output().unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{error}");
    assert!(error.contains("waiting 75 s for a sign") && error.contains("was at work just now"), "{error}");
    let (_, list) = (0, listed(home.path(), &uri).0);
    assert_eq!(of(&list, &id)["status"], "elsewhere");
}

#[test]
fn a_sweep_that_is_called_off_says_so_while_its_last_fit_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let words = [
        "sweep",
        "--json",
        "--data",
        "wine-quality",
        "--family",
        "gradient_boosting",
        "--trials",
        "40",
        "--jobs",
        "4",
        "--no-prune",
    ];
    let child =
        mltui(home.path(), &uri, &words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("its first trial", || !seen(&uri, "wine-quality").1.is_empty());
    let process = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let said: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&said["status"], ended.status.code()), (&json!("cancelled"), Some(1)), "{said}");
}

#[test]
fn a_sweep_goes_on_only_where_its_files_still_belong() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let id = killed(home.path(), &uri);
    let db = rusqlite::Connection::open(home.path().join("mlflow.db")).unwrap();
    let place: String = db
        .query_row("SELECT artifact_location FROM experiments WHERE name = 'iris'", [], |row| row.get(0))
        .unwrap();
    let move_to = |place: &str| {
        db.execute("UPDATE experiments SET artifact_location = ?1 WHERE name = 'iris'", [place]).unwrap();
    };
    move_to("hdfs://host/iris");
    let before = seen(&uri, "iris").1.len();
    for more in [&[][..], &["--detach"]] {
        let (code, _, error) =
            output(mltui(home.path(), &uri, &[&["sweep", "--resume", &id], more].concat()));
        assert!(code == 1 && error.contains("hdfs://host/iris"), "{error}");
    }
    let mut screen = Terminal::start(home.path(), (160, 36), &["--tracking-uri", &uri], &[("USER", "ana")]);
    screen.wait_for("iris");
    screen.type_keys("gs");
    screen.wait_for("interrupted");
    screen.type_keys("r");
    screen.wait_for("cannot resume");
    drop(screen);
    assert_eq!(seen(&uri, "iris").1.len(), before, "nothing was trained");
    move_to(&place);
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
}

/// Whoever upgrades the program does so while it is open.
#[test]
fn an_explorer_whose_file_was_replaced_trains_all_the_same() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let program = home.path().join("mltui");
    fs::copy(env!("CARGO_BIN_EXE_mltui"), &program).unwrap();
    let folder = home.path().join(".config/mltui");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), "[sweep]\ndata = \"iris\"\nfamilies = [\"naive_bayes\"]\n")
        .unwrap();
    let mut screen = Terminal::start_program(
        &program,
        home.path(),
        (120, 36),
        &["--tracking-uri", &uri],
        &[("USER", "ana")],
    );
    screen.wait_for("trains a first sweep");
    fs::remove_file(&program).unwrap();
    fs::write(&program, "another").unwrap();
    screen.type_keys("T");
    wait_until("the sweep", || listed(home.path(), &uri).0[0]["status"] == "finished");
    screen.type_keys("q");
    assert_eq!(screen.wait_for_end(), 0);
}

/// Only root can be somebody else; for others the unit tests have to do.
#[test]
fn a_sweep_of_another_user_runs_as_well() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let words: Vec<&str> = SWEEP.into_iter().map(|word| if word == "16" { "200" } else { word }).collect();
    let mut child =
        mltui(home.path(), &uri, &words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("some trials", || seen(&uri, "iris").1.len() >= 2);
    assert!(Command::new("chmod").args(["-R", "a+rX"]).arg(home.path()).status().unwrap().success());
    let look = mltui(home.path(), &uri, &["sweeps", "--json"]);
    let mut other = Command::new("setpriv");
    other
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(look.get_program())
        .args(look.get_args());
    other.current_dir("/").env("HOME", home.path()).env_remove("XDG_STATE_HOME");
    let seen = other.output();
    child.kill().unwrap();
    child.wait().unwrap();
    let Some(seen) = seen.ok().filter(|seen| seen.status.success()) else { return };
    let list: Value = serde_json::from_slice(&seen.stdout).unwrap();
    assert_eq!(list[0]["status"], "running", "{}", String::from_utf8_lossy(&seen.stderr));
}

#[test]
fn a_sweep_whose_folder_is_taken_away_says_so_and_makes_no_other() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let words: Vec<&str> = SWEEP.into_iter().map(|word| if word == "16" { "200" } else { word }).collect();
    let mut child = mltui(home.path(), &uri, &words);
    let child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("some trials", || seen(&uri, "iris").1.len() >= 2);
    let sweeps = home.path().join(STATE);
    fs::rename(&sweeps, home.path().join("away")).unwrap();
    let ended = child.wait_with_output().unwrap();
    let error = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{error}");
    assert!(error.contains(sweeps.to_str().unwrap()) && error.contains("no longer exists"), "{error}");
    assert!(!sweeps.exists(), "nothing is made in its place");
    let (parents, trials) = seen(&uri, "iris");
    assert!(
        parents.iter().chain(&trials).all(|run| !run.status.is_active()),
        "no run looks as if it went on"
    );
    fs::rename(home.path().join("away"), &sweeps).unwrap();
    assert_eq!(listed(home.path(), &uri).0[0]["status"], "interrupted", "it can be resumed");
}
