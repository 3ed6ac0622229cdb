//! What a sweep was about to write when it was killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::support::sweeping::{SMALL, STATE, local, mltui, output, sweeps};

/// Files that were to take their place when they are whole, in a folder and those below.
fn drafts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            found.extend(drafts(&entry.path()));
        } else if name.starts_with(".mltui-") {
            found.push(entry.path());
        }
    }
    found
}

fn begun(home: &Path, uri: &str, words: &[&str]) -> Child {
    let mut command = mltui(home, uri, words);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Its models are megabytes, which take their time.
const LARGE: [&str; 11] = [
    "sweep",
    "--data",
    "diabetes",
    "--family",
    "random_forest",
    "--space",
    "random_forest.n_estimators=400,401",
    "--trials",
    "2",
    "--folds",
    "2",
];

/// Kills a sweep as soon as that is so; whether it was, and still is.
fn killed_when(mut sweep: Child, is_so: impl Fn() -> bool) -> bool {
    while !is_so() && sweep.try_wait().unwrap().is_none() {}
    sweep.kill().unwrap();
    sweep.wait().unwrap();
    is_so()
}

#[test]
fn a_sweep_that_goes_on_takes_away_what_a_killed_one_was_writing_among_artifacts() {
    let folder = |home: &Path| {
        fs::create_dir_all(home.join("mlruns")).unwrap();
        format!("file://{}/mlruns", home.display())
    };
    let stores: [&dyn Fn(&Path) -> String; 2] = [&local, &folder];
    for store in stores {
        let found = (0..50).find_map(|_| {
            let home = tempfile::tempdir().unwrap();
            let files = home.path().join("mlruns");
            // A small one is there for no time.
            let is_large = |path: &PathBuf| path.metadata().is_ok_and(|found| found.len() > 100_000);
            let is_writing = || drafts(&files).iter().any(is_large);
            let was_writing = killed_when(begun(home.path(), &store(home.path()), &LARGE), is_writing);
            (was_writing && !sweeps(home.path()).is_empty()).then_some(home)
        });
        let home = found.expect("one that was killed in time");
        let uri = store(home.path());
        let id = sweeps(home.path()).remove(0);
        let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
        assert_eq!(code, 0, "{error}");
        assert_eq!(drafts(home.path()), Vec::<PathBuf>::new(), "{uri}");
    }
}

#[test]
fn the_folder_of_a_sweep_that_was_killed_before_it_began_is_taken_away() {
    let found = (0..50).find_map(|_| {
        let home = tempfile::tempdir().unwrap();
        let folders = home.path().join(STATE);
        let is_unbegun = || {
            let plan = drafts(&folders).pop().and_then(|draft| Some(draft.parent()?.join("plan.json")));
            plan.is_some_and(|plan| !plan.exists())
        };
        killed_when(begun(home.path(), &local(home.path()), &SMALL), is_unbegun).then_some(home)
    });
    let home = found.expect("one that was killed in time");
    let folders = home.path().join(STATE);
    // What is somebody else's stays.
    fs::create_dir(folders.join("kept")).unwrap();
    fs::write(folders.join("kept/notes.txt"), "mine").unwrap();
    let (code, _, error) = output(mltui(home.path(), &local(home.path()), &["sweeps"]));
    assert_eq!(code, 0, "{error}");
    let left: Vec<_> = fs::read_dir(&folders).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["kept"]);
    assert!(folders.join("kept/notes.txt").exists());
}
