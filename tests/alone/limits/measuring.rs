//! How much room a command of the program takes.

use std::fs::File;
use std::process::Command;
use std::{env, fs};

use nix::sys::resource::{UsageWho, getrusage};

/// What a command of the program came to.
pub(super) struct Measured {
    pub(super) code: i32,
    pub(super) out: String,
    /// What it said on standard error.
    pub(super) said: String,
    /// Megabytes that it took at most.
    pub(super) peak: u64,
}

/// The words of the command, for the process that measures it.
const WORDS: &str = "MLTUI_TEST_MEASURE";

/// Runs the program and measures it.
pub(super) fn measure(store: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Measured {
    let home = tempfile::tempdir().unwrap();
    // The system tells the most of all children that a process had: each command has one of its own, and a small one, as that
    // counts what is there when it starts its child.
    let measuring = Command::new(env::current_exe().unwrap())
        .args(["--exact", "limits::measuring::measuring_program"])
        .current_dir(home.path())
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", "/usr/bin:/bin")
        .env("MLFLOW_TRACKING_URI", store)
        .env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        .envs(variables.iter().copied())
        .env(WORDS, serde_json::to_string(arguments).unwrap())
        .output()
        .unwrap();
    assert!(measuring.status.success(), "{}", String::from_utf8_lossy(&measuring.stdout));
    let read = |name: &str| fs::read_to_string(home.path().join(name)).unwrap();
    let figures = read("figures");
    let (code, kilobytes) = figures.split_once(' ').unwrap();
    let peak = kilobytes.parse::<u64>().unwrap() >> 10;
    assert!(peak > 2, "no program is as small as {peak} MB");
    Measured { code: code.parse().unwrap(), out: read("out"), said: read("said"), peak }
}

/// Not a test of its own: the process that [`measure`] starts.
#[test]
fn measuring_program() {
    let Ok(words) = env::var(WORDS) else { return };
    let words: Vec<String> = serde_json::from_str(&words).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_mltui"))
        .args(words)
        .env_remove(WORDS)
        .stdout(File::create("out").unwrap())
        .stderr(File::create("said").unwrap())
        .status()
        .unwrap();
    let kilobytes = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    fs::write("figures", format!("{} {kilobytes}", status.code().unwrap_or(-1))).unwrap();
}
