//! What the program keeps for itself: for its user alone, whole or not at all, and when it is damaged, gone, full or another
//! machine's, that is said and nothing else is lost.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mltui::store::uri;
use mltui::store::uri::RestOptions;
use serde_json::{Value, json};
use support::sweeping::{STATE, SWEEP, block_on, local, mltui, output, seen, wait_until};
use support::terminal::Terminal;

/// A sweep that is over soon.
const SHORT: [&str; 7] = ["sweep", "--data", "iris", "--family", "naive_bayes", "--trials", "1"];

fn state(home: &Path) -> PathBuf {
    home.join(".local/state/mltui")
}

/// The id of a sweep that ran to its end.
fn swept(home: &Path, uri: &str) -> String {
    let (code, out, error) = output(mltui(home, uri, &[&SHORT[..], &["--json"]].concat()));
    assert_eq!(code, 0, "{error}");
    serde_json::from_str::<Value>(&out).unwrap()["sweep"].as_str().unwrap().to_owned()
}

fn listed(home: &Path, uri: &str) -> (Value, String) {
    let (code, out, error) = output(mltui(home, uri, &["sweeps", "--json"]));
    assert_eq!(code, 0, "{error}");
    (serde_json::from_str(&out).unwrap(), error)
}

fn of<'a>(list: &'a Value, id: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|sweep| sweep["sweep"] == id).unwrap()
}

/// Runs a command that can write no file longer than so many kB, as if the disk were full.
fn on_a_full_disk(command: &Command, kilobytes: u32) -> (i32, String, String) {
    let words = command.get_args().map(|word| word.to_str().unwrap());
    let mut limited = Command::new("bash");
    let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$@\"");
    limited.args(["-c", &script, "-", command.get_program().to_str().unwrap()]).args(words);
    limited.current_dir(command.get_current_dir().unwrap()).env_clear();
    for (name, value) in command.get_envs() {
        limited.env(name, value.unwrap());
    }
    output(limited)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        found.push(entry.path());
        if entry.path().is_dir() {
            walk(&entry.path(), found);
        }
    }
}

#[test]
fn what_is_kept_is_for_its_user_alone() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    // As an earlier version left it.
    fs::create_dir_all(home.path().join(STATE)).unwrap();
    for folder in [state(home.path()), home.path().join(STATE), home.path().join(".local/state")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (code, _, error) = output(mltui(home.path(), &uri, &[&SHORT[..], &["--detach"]].concat()));
    assert_eq!(code, 0, "{error}");
    wait_until("its end", || listed(home.path(), &uri).0[0]["status"] == "finished");
    let (code, _, error) = output(mltui(home.path(), &uri, &["mark-best", "iris"]));
    assert_eq!(code, 0, "{error}");
    let variables = [("MLTUI_LOG", "info")];
    let mut screen = Terminal::start(home.path(), (120, 36), &["--tracking-uri", &uri], &variables);
    screen.wait_for("\u{2605}");
    screen.type_keys("\x1b[1;5Cq");
    assert_eq!(screen.wait_for_end(), 0);
    let mut all = vec![state(home.path())];
    walk(&state(home.path()), &mut all);
    let names: Vec<_> = all.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    for name in ["plan.json", "events.jsonl", "lock", "sent", "log", "mltui.log", "journal", "stores"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    assert!(!names.iter().any(|name| name.starts_with(".mltui-")), "something was left behind: {names:?}");
    for path in all {
        let (metadata, wanted) = (path.metadata().unwrap(), if path.is_dir() { 0o700 } else { 0o600 });
        // What lies in a folder for its user alone may be as it was.
        assert_eq!(metadata.permissions().mode() & 0o777, wanted, "{}", path.display());
    }
    let parent = home.path().join(".local/state").metadata().unwrap().permissions().mode();
    assert_eq!(parent & 0o777, 0o755, "what is above is somebody else's");
    // The files of a store are for everybody whom the umask lets read them, as MLflow has it.
    fs::write(home.path().join("plain"), "").unwrap();
    let plain = home.path().join("plain").metadata().unwrap().permissions().mode();
    let mut artifacts = Vec::new();
    walk(&home.path().join("mlruns"), &mut artifacts);
    let files: Vec<_> = artifacts.iter().filter(|path| path.is_file()).collect();
    assert!(!files.is_empty());
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode(), plain, "{}", file.display());
    }
}

#[test]
fn a_sweep_that_cannot_be_kept_begins_nothing() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let words = [&SHORT[..], &["--experiment", "new"]].concat();
    let nothing_is_begun = |code: i32, error: &str, place: &str| {
        assert!(code == 1 && error.contains("no sweep was started") && error.contains(place), "{error}");
        assert!(!home.path().join("mlflow.db").exists(), "the store is as it was");
        let left = fs::read_dir(home.path().join(STATE)).into_iter().flatten().count();
        assert_eq!(left, 0, "nothing is half begun");
    };
    // A full disk.
    let (code, _, error) = on_a_full_disk(&mltui(home.path(), &uri, &words), 1);
    nothing_is_begun(code, &error, STATE);
    // No folder can be made.
    fs::remove_dir_all(state(home.path())).unwrap();
    fs::write(state(home.path()), "").unwrap();
    for detach in [&[][..], &["--detach"]] {
        let (code, _, error) = output(mltui(home.path(), &uri, &[&words, detach].concat()));
        nothing_is_begun(code, &error, STATE);
    }
    // In the explorer too.
    let mut screen = Terminal::start(home.path(), (140, 36), &["--tracking-uri", &uri], &[]);
    screen.wait_for("trains a first sweep");
    screen.type_keys("T");
    screen.wait_for("no sweep was started");
    assert!(!home.path().join("mlflow.db").exists());
    // The border between the panes.
    screen.type_keys("\x1b[1;5C");
    screen.wait_for("cannot save columns");
    screen.type_keys("q");
    assert_eq!(screen.wait_for_end(), 0);
    screen.wait("what is lost, in the end", |screen| screen.contains("cannot save columns"));
}

#[test]
fn a_mark_that_cannot_be_kept_is_not_begun() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    swept(home.path(), &uri);
    let marked = || {
        let (_, out, _) = output(mltui(home.path(), &uri, &["mark-best", "iris", "--history", "--json"]));
        out
    };
    let before = marked();
    let journals = state(home.path()).join("journal");
    let (code, _, error) = on_a_full_disk(&mltui(home.path(), &uri, &["mark-best", "iris"]), 0);
    assert!(code == 1 && error.contains(journals.to_str().unwrap()), "{error}");
    let left: Vec<_> = fs::read_dir(&journals).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("mltui-")), "{left:?}");
    let before_doctor = fs::read_dir(state(home.path())).unwrap().count();
    let (code, told, error) = on_a_full_disk(&mltui(home.path(), &uri, &["doctor"]), 0);
    assert!(code == 0 && told.contains("(not writable: "), "{told}{error}");
    let (_, told, _) = output(mltui(home.path(), &uri, &["doctor"]));
    assert!(!told.contains("cannot be written"), "{told}");
    assert_eq!(fs::read_dir(state(home.path())).unwrap().count(), before_doctor);
    fs::remove_dir_all(&journals).unwrap();
    fs::write(&journals, "").unwrap();
    let (code, _, error) = output(mltui(home.path(), &uri, &["mark-best", "iris"]));
    assert!(code == 1 && error.contains(journals.to_str().unwrap()), "{error}");
    assert_eq!(marked(), before);
    fs::remove_file(&journals).unwrap();
    let (code, _, error) = output(mltui(home.path(), &uri, &["mark-best", "iris"]));
    assert_eq!(code, 0, "{error}");
    assert_ne!(marked(), before);
    // One that says nothing is told once and set aside.
    let mut all = fs::read_dir(&journals).unwrap().flatten().map(|entry| entry.path());
    let journal = all.find(|path| path.extension().is_some_and(|kind| kind == "json")).unwrap();
    for flag in ["--undo", "--resume"] {
        damage(&journal, "{");
        let words = ["mark-best", "iris", flag];
        let (code, _, error) = output(mltui(home.path(), &uri, &words[..]));
        assert!(code == 0 && error.contains("was renamed to end in .damaged"), "{error}");
        let (_, _, error) = output(mltui(home.path(), &uri, &["mark-best", "iris", "--resume"]));
        assert!(!error.contains("damaged"), "{error}");
    }
}

/// Puts something that is no file of ours in the place of a file.
fn damage(path: &Path, how: &str) {
    let _ = fs::remove_file(path);
    match how {
        "folder" => fs::create_dir(path).unwrap(),
        "pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "giant" => fs::File::create(path).unwrap().set_len(1 << 40).unwrap(),
        "zeros" => fs::write(path, [&[0; 64][..], b"\n{}\n"].concat()).unwrap(),
        "bytes" => fs::write(path, b"{\"at\":\xff\xfe}\n{}\n").unwrap(),
        _ => fs::write(path, how).unwrap(),
    }
}

#[test]
fn one_damaged_sweep_hides_no_other() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let whole = swept(home.path(), &uri);
    let sweeps = home.path().join(STATE);
    let huge = "{\"at\":1,\"event\":\"begun\"}\n{\"at\":1,\"event\":\"fold\",\"trial\":18446744073709551615,\"fold\":0,\
                \"scores\":[],\"fit_seconds\":1,\"predict_seconds\":1}\n";
    let far = "{\"at\":9223372036854775807,\"event\":\"begun\"}\n{\"at\":-9223372036854775808,\"event\":\"paused\"}\n";
    for name in ["plan.json", "events.jsonl", "unkept.json", "lock", "wanted", "sent", "log"] {
        for how in ["folder", "pipe", "giant", "zeros", "bytes", huge, far] {
            let id = "20260101-000000-abcdef";
            let folder = sweeps.join(id);
            fs::create_dir(&folder).unwrap();
            for file in ["events.jsonl", "sent"] {
                fs::copy(sweeps.join(&whole).join(file), folder.join(file)).unwrap();
            }
            let mut plan: Value =
                serde_json::from_slice(&fs::read(sweeps.join(&whole).join("plan.json")).unwrap()).unwrap();
            plan["id"] = id.into();
            fs::write(folder.join("plan.json"), plan.to_string()).unwrap();
            damage(&folder.join(name), how);
            let what = format!("{how:.20} as {name}");
            let (list, error) = listed(home.path(), &uri);
            assert_eq!(of(&list, &whole)["status"], "finished", "{what}: {error}");
            let path = folder.join(name);
            let place = path.to_str().unwrap();
            match name {
                "plan.json" => assert!(error.contains(place), "{what}: {error}"),
                "unkept.json" => {
                    let known = &of(&list, id)["not_kept"];
                    assert_eq!(known["models"], Value::Null, "{what}: {known}");
                    assert!(known["why"].as_str().unwrap().contains(place), "{what}: {known}");
                    let (_, words, _) = output(mltui(home.path(), &uri, &["sweeps"]));
                    assert!(words.contains("cannot tell what was not stored"), "{what}: {words}");
                }
                // Times that no clock has are no damage.
                "events.jsonl" if how == far => assert_eq!(of(&list, id)["finished"], 0, "{what}"),
                "events.jsonl" => {
                    let damage = list.as_array().unwrap().iter().find(|sweep| sweep["sweep"] == id);
                    let told = damage.map_or(error.clone(), |sweep| sweep["damage"].to_string());
                    assert!(told.contains(place), "{what}: {told}");
                }
                _ => {}
            }
            // Nothing of it stands in the way of another.
            if name == "events.jsonl" || name == "plan.json" {
                swept(home.path(), &uri);
            }
            let _ = output(mltui(home.path(), &uri, &["sweeps", "log", id]));
            fs::remove_dir_all(&folder).unwrap();
        }
    }
}

#[test]
fn the_explorer_tells_of_what_is_damaged_and_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    swept(home.path(), &uri);
    let broken = home.path().join(STATE).join("20260101-000000-abcdef");
    fs::create_dir(&broken).unwrap();
    damage(&broken.join("plan.json"), "bytes");
    let start = || Terminal::start(home.path(), (140, 36), &["--tracking-uri", &uri], &[]);
    let mut screen = start();
    screen.wait_for("cannot read a sweep");
    screen.type_keys("\x1b[1;5C");
    screen.type_keys("gs");
    screen.wait("both", |screen| screen.contains("not read:") && screen.contains("finished"));
    screen.type_keys("\x1b");
    screen.wait("the list to close", |screen| !screen.contains("esc closes"));
    screen.type_keys("q");
    assert_eq!(screen.wait_for_end(), 0);
    fs::remove_dir_all(&broken).unwrap();
    let stores = state(home.path()).join("stores");
    let files = fs::read_dir(&stores).unwrap().map(|entry| entry.unwrap().path());
    let file =
        files.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "json")).unwrap();
    damage(&file, "bytes");
    let mut screen = start();
    screen.wait_for("cannot read the saved state");
    screen.wait_for("\u{2605}");
    screen.type_keys("\x1b[1;5C");
    screen.type_keys("q");
    assert_eq!(screen.wait_for_end(), 0);
    assert!(Path::new(&format!("{}.damaged", file.display())).exists(), "it is kept for who can mend it");
    assert!(serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).is_ok());
}

/// A sweep that was killed, so that nobody closed it.
fn killed(home: &Path, uri: &str) -> String {
    let mut child = mltui(home, uri, &SWEEP).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("some trials", || seen(uri, "iris").1.len() >= 2);
    child.kill().unwrap();
    child.wait().unwrap();
    support::sweeping::sweeps(home).pop().unwrap()
}

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
    assert!(code == 2 && error.contains("on node7") && error.contains(lock.to_str().unwrap()), "{error}");
    let mut screen = Terminal::start(home.path(), (120, 36), &["--tracking-uri", &uri], &[("USER", "ana")]);
    screen.wait_for("iris");
    screen.type_keys("gs");
    screen.wait_for("on node7");
    screen.type_keys("\x1bq");
    drop(screen);
    assert_eq!(of(&listed(home.path(), &uri).0, &id)["status"], "elsewhere");
    // With the word of somebody who knows that it is gone, it is one that broke off.
    fs::remove_file(&lock).unwrap();
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    // One that is over is nobody's, whatever an earlier version left in the lock.
    assert_eq!(fs::read(&lock).unwrap(), b"");
    fs::write(&lock, json!({ "host": "node7", "boot": "another", "process": 1 }).to_string()).unwrap();
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
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
    move_to("s3://bucket/iris");
    let before = seen(&uri, "iris").1.len();
    for more in [&[][..], &["--detach"]] {
        let (code, _, error) =
            output(mltui(home.path(), &uri, &[&["sweep", "--resume", &id], more].concat()));
        assert!(code == 1 && error.contains("s3://bucket/iris"), "{error}");
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

/// What a journal says of trials, but for times: what they tried, what they came to, and what is kept of them.
fn told(journal: &str) -> Vec<Value> {
    let mut told = Vec::new();
    for line in journal.lines() {
        let mut event: Value = serde_json::from_str(line).unwrap();
        let fields = event.as_object_mut().unwrap();
        fields.remove("at");
        if let Some(test) = fields.get_mut("test") {
            *test = test["scores"].clone();
        }
        if ["started", "ended", "refitted"].contains(&fields["event"].as_str().unwrap()) {
            told.push(event);
        }
    }
    told.sort_by_key(|event| (event["trial"].as_u64(), event["event"].as_str().map(str::to_owned)));
    told
}

fn are_close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            // Another machine may have another logarithm.
            (a - b).abs() <= 1e-9 * (1.0 + a.abs())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_close(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| are_close(a, b)))
        }
        _ => a == b,
    }
}

/// Both were run to their end by version 0.1, whose whole journals are kept; here they stand in the middle. One has a score
/// of which less is better and all models, the other one of which more is, and the best model alone.
#[test]
fn a_sweep_that_version_0_1_began_comes_to_what_it_would_have_come_to() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/sweeps-0.1");
    for (name, lines, ended, best, trials) in [("iris", 60, 6, 3, 14), ("diabetes", 40, 5, 0, 12)] {
        let (home, known) = (tempfile::tempdir().unwrap(), kept.join(name));
        let uri = local(home.path());
        let location = uri::parse(&uri, Path::new("/")).unwrap();
        let store = uri::open(&location, &RestOptions::default(), false).unwrap();
        let experiment = block_on(store.create_experiment("old", &[])).unwrap();
        assert_eq!(experiment.as_str(), "1");
        let mut plan: Value = serde_json::from_slice(&fs::read(known.join("plan.json")).unwrap()).unwrap();
        plan["store"] = uri.clone().into();
        let id = plan["id"].as_str().unwrap().to_owned();
        let folder = home.path().join(STATE).join(&id);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("plan.json"), plan.to_string()).unwrap();
        let whole = fs::read_to_string(known.join("events.jsonl")).unwrap();
        let half: String = whole.split_inclusive('\n').take(lines).collect();
        fs::write(folder.join("events.jsonl"), half).unwrap();
        let (list, said) = listed(home.path(), &uri);
        let sweep = of(&list, &id);
        assert_eq!(said, "");
        let ends = |key: &str| sweep[key].as_u64().unwrap();
        assert_eq!(ends("finished") + ends("pruned") + ends("failed"), ended, "{sweep}");
        assert_eq!((&sweep["status"], &sweep["trials"]), (&json!("interrupted"), &json!(trials)));
        assert_eq!(sweep["best"]["trial"], best, "{sweep}");
        let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
        assert_eq!(code, 0, "{error}");
        let now = fs::read_to_string(folder.join("events.jsonl")).unwrap();
        let (now, then) = (told(&now), told(&whole));
        assert_eq!(now.len(), then.len());
        for (now, then) in now.iter().zip(&then) {
            assert!(are_close(now, then), "{name}: {now}, not {then}");
        }
        let (parents, of_store) = seen(&uri, "old");
        assert_eq!((parents.len(), of_store.len()), (1, trials));
        assert!(of_store.iter().all(|trial| trial.ended && !trial.status.is_active()));
    }
}
