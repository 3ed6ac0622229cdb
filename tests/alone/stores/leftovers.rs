//! What an upload leaves that is killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use mltui::mlflow::ExperimentId;

use crate::support::stores::{block_on, new_run, open};
use crate::support::wait_until;

fn upload(folder: &Path, file: &Path, run: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
    command.args(["--tracking-uri", "sqlite:///mlflow.db", "upload"]).arg(file).arg(format!("runs:/{run}"));
    command.current_dir(folder).env_clear().env("HOME", folder).stdout(Stdio::null());
    command
}

#[test]
fn the_next_upload_takes_away_what_a_killed_one_left() {
    let home = tempfile::tempdir().unwrap();
    let store = open(&format!("sqlite:///{}", home.path().join("mlflow.db").display()));
    let run = block_on(store.create_run(&new_run(&ExperimentId("0".into()), "r", 1))).unwrap().info;
    let target = PathBuf::from(run.artifact_uri.trim_start_matches("file://"));
    let large = home.path().join("large");
    File::create(&large).unwrap().set_len(20 << 30).unwrap();
    let names = || {
        let entries = fs::read_dir(&target).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    let mut child = upload(home.path(), &large, run.run_id.as_str()).spawn().unwrap();
    wait_until("something of it", || !names().is_empty());
    let left = names();
    assert!(left[0].starts_with(".mltui-"), "{left:?}");
    // Another one leaves it alone as long as it goes on.
    let long_ago = SystemTime::now() - Duration::from_secs(48 * 3_600);
    let small = home.path().join("small.txt");
    fs::write(&small, "small").unwrap();
    let rest = |name: &str| {
        fs::write(&small, name).unwrap();
        let file = home.path().join(name);
        fs::rename(&small, &file).unwrap();
        assert!(upload(home.path(), &file, run.run_id.as_str()).status().unwrap().success());
    };
    File::open(target.join(&left[0])).unwrap().set_modified(long_ago).unwrap();
    rest("a.txt");
    assert!(names().contains(&left[0]) && child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
    File::open(target.join(&left[0]))
        .unwrap()
        .set_modified(SystemTime::now() - Duration::from_secs(600))
        .unwrap();
    rest("b.txt");
    let mut there = names();
    there.sort();
    assert_eq!(there, ["a.txt", "b.txt"]);
}
