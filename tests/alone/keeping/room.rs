//! What is kept is for its user alone, and nothing is begun where it cannot be kept.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{SHORT, damage, listed, state, swept};
use crate::support::sweeping::{STATE, local, mltui, output};
use crate::support::terminal::Terminal;
use crate::support::wait_until;

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
    screen.type_keys("\x1b[1;5B");
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
