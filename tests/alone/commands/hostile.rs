//! Texts that want to steer the terminal, in a store and on the command line.

use std::path::Path;

use mltui::mlflow::{Metric, Param, RunStatus, Tag};
use mltui::store::{NewRun, RunUpdate};

use crate::support::commands::{names, open, printed, refused};
use crate::support::terminal::Terminal;

/// Shown nowhere but by what it is called.
const HOSTILE: &str = "\u{1b}]0;x\u{7}\u{9b}31m\u{7f}\u{202e}<img src=x>\u{200d}";

fn hostile(folder: &Path) {
    let store = open(&format!("sqlite:///{}", folder.join("mlflow.db").display()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let experiment = store.create_experiment(&format!("e{HOSTILE}"), &[]).await.unwrap();
        let run = NewRun {
            experiment_id: experiment,
            run_name: Some(format!("r{HOSTILE}")),
            user_id: "ana".into(),
            start_time: 1_000,
            tags: vec![Tag::new("team", HOSTILE)],
        };
        let id = store.create_run(&run).await.unwrap().info.run_id;
        let metric = Metric { key: "val_rmse".into(), value: 0.5, timestamp: 1, step: 3 };
        store.log_batch(&id, &[metric], &[Param::new("p", HOSTILE)], &[]).await.unwrap();
        let end = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(9_000), run_name: None };
        store.update_run(&id, &end).await.unwrap();
    });
}

#[test]
fn nothing_that_a_command_prints_steers_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    hostile(folder.path());
    let config = folder.path().join("\u{1b}[31m.toml");
    std::fs::write(&config, "").unwrap();
    for arguments in [
        &["runs", "1", "--csv", "--columns", "run_name,tags.team,params.p"] as &[&str],
        &["runs", "1", "--json", "--columns", "run_name,tags.team,params.p"],
        &["runs", "1"],
        &["experiments", "--csv"],
        &["experiments", "--json"],
        &["best", "1", "--metric", "val_rmse", "--json"],
        &["--config", config.to_str().unwrap(), "config", "path"],
        &["--config", config.to_str().unwrap(), "config", "show"],
        &["--config", config.to_str().unwrap(), "doctor"],
    ] {
        let mut terminal = Terminal::start(folder.path(), (200, 50), arguments, &[]);
        terminal.wait_for_end();
        let written = String::from_utf8(terminal.settled_raw()).unwrap();
        let is_line = |c: char| matches!(c, '\r' | '\n');
        assert!(
            written.chars().all(|c| is_line(c) || !mltui::text::is_hidden(c)),
            "{arguments:?}: {written:?}"
        );
        assert!(written.contains("^[") || written.contains("\\u001b"), "{arguments:?}: {written}");
    }
    // Names that no client takes, but a file can hold; and pages of text are looked at in a pipe.
    let db = rusqlite::Connection::open(folder.path().join("mlflow.db")).unwrap();
    db.execute("UPDATE params SET key = ?1", [format!("k{HOSTILE}")]).unwrap();
    let column = format!("run_name,params.k{HOSTILE}");
    let table = printed(folder.path(), &["runs", "1", "--columns", &column]);
    assert!(table.chars().all(|c| c == '\n' || !mltui::text::is_hidden(c)), "{table:?}");
    assert!(table.contains("k^[]0;x^G<9b>31m"), "{table}");
    db.execute("UPDATE params SET key = 'p'", []).unwrap();
    // Programs get what is there.
    let csv = printed(folder.path(), &["runs", "1", "--csv", "--columns", "run_name,params.p"]);
    assert_eq!(csv, format!("run_name,params.p\nr{HOSTILE},{HOSTILE}\n"));
    let runs = printed(folder.path(), &["runs", "1", "--json", "--columns", "run_name"]);
    assert!(runs.chars().all(|c| c == '\n' || !mltui::text::is_hidden(c)), "{runs:?}");
    assert_eq!(names(&serde_json::from_str(&runs).unwrap()), [format!("r{HOSTILE}")]);
}

#[test]
fn a_command_line_that_is_refused_is_not_repeated_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let spoof = format!("{HOSTILE}\nmltui: all is well");
    for arguments in [
        &[spoof.as_str()] as &[&str],
        &["runs", "x", &format!("--{spoof}")],
        &["--color", &spoof, "runs", "x"],
        &["--tracking-uri", &format!("http://[{spoof}"), "runs", "x"],
        &["experiment\u{202e}s"],
        &["sweeps", "pause", &spoof],
        &["runs", "x", "--limit", &spoof],
    ] {
        let (code, message) = refused(folder.path(), arguments);
        assert!(matches!(code, 2 | 3), "{code}: {message}");
        assert!(message.chars().all(|c| c == '\n' || !mltui::text::is_hidden(c)), "{message:?}");
        let is_spoofed = message.lines().any(|line| line.starts_with("mltui: all"));
        assert!(!is_spoofed && message.contains("202e"), "{message}");
    }
}
