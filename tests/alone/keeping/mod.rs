//! What the program keeps for itself: for its user alone, whole or not at all, and when it is damaged, gone, full or another
//! machine's, that is said and nothing else is lost.

mod damage;
mod elsewhere;
mod room;
mod versions;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::sweeping::{SWEEP, mltui, output, seen};
use crate::support::wait_until;

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

/// A sweep that was killed, so that nobody closed it.
fn killed(home: &Path, uri: &str) -> String {
    let mut child = mltui(home, uri, &SWEEP).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("some trials", || seen(uri, "iris").1.len() >= 2);
    child.kill().unwrap();
    child.wait().unwrap();
    crate::support::sweeping::sweeps(home).pop().unwrap()
}
