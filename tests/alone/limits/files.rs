//! Files of runs that are not what they are said to be.

use std::path::Path;

use mltui::mlflow::{RunId, Tag};
use mltui::store::{ErrorKind, NewRun};

use super::{block_on, open, run};
use crate::support::flood::{Flood, ROOM, peak_of};
use crate::support::terminal::Terminal;

#[test]
fn a_file_is_not_what_it_is_said_to_be() {
    const MOST: usize = 8_000_000;
    let flood = Flood::start(|request, sink| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path.contains("runs/get") {
            return sink.json(&format!("{{\"run\": {}}}", run(1, "")));
        }
        if path.contains("endless") {
            sink.head(200, "Content-Type: application/octet-stream\r\n")?;
            return sink.without_end("zzzz");
        }
        if path.contains("huge") {
            sink.head(200, "Content-Length: 10000000000\r\n")?;
            return sink.without_end("zzzz");
        }
        sink.head(200, &format!("Content-Length: {}\r\n", if path.contains("short") { 100 } else { 2 }))?;
        sink.send("zzzz")
    });
    let store = open(&flood.uri());
    let read = |path: &str| block_on(store.read_artifact(&RunId("1".into()), path, MOST));
    for path in ["endless", "huge"] {
        let failure = read(path).unwrap_err();
        assert!(
            matches!(&failure.kind, ErrorKind::TooMuch(words) if words.contains(&flood.uri())),
            "{failure}"
        );
    }
    assert!(flood.sent() < 50, "{} MB", flood.sent());
    let failure = read("short").unwrap_err();
    assert!(failure.to_string().contains("interrupted"), "{failure}");
    assert_eq!(read("longer").unwrap(), b"zz");
}

#[cfg(unix)]
#[test]
fn a_pipe_among_the_artifacts_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&format!("sqlite:///{}", folder.path().join("mlflow.db").display()));
    let id = block_on(async {
        let experiment = store.create_experiment("wine", &[]).await.unwrap();
        let new = NewRun {
            experiment_id: experiment,
            run_name: Some("hopeful-newt-7".into()),
            user_id: "ana".into(),
            start_time: 1_700_000_000_000,
            tags: Vec::new(),
        };
        let run = store.create_run(&new).await.unwrap();
        store.write_artifact(&run.info.run_id, "a.txt", b"first words").await.unwrap();
        run.info.run_id
    });
    let uri = block_on(store.get_run(&id)).unwrap().info.artifact_uri;
    let files = Path::new(uri.strip_prefix("file://").unwrap_or(&uri)).to_owned();
    let files = if files.is_absolute() { files } else { folder.path().join(files) };
    let made = std::process::Command::new("mkfifo").arg(files.join("b.txt")).status().unwrap();
    assert!(made.success());
    for (name, to) in [("c.txt", "/dev/zero"), ("d.txt", "/dev/tty"), ("e.txt", "a.txt"), ("round", ".")] {
        std::os::unix::fs::symlink(to, files.join(name)).unwrap();
    }
    let mut terminal = Terminal::start(folder.path(), (140, 40), &[], &[]);
    terminal.wait("the run", |screen| screen.contains("hopeful-newt-7") && screen.contains("live"));
    terminal.type_keys("3");
    for _ in 0..5 {
        terminal.type_keys("]");
    }
    terminal.wait("its files", |screen| screen.contains("e.txt"));
    // The folder stands first.
    for word in ["first words", "a pipe", "a device", "a device", "first words"] {
        terminal.type_keys("j\r");
        terminal.wait(word, |screen| screen.contains(word) && !screen.contains("enter open"));
        terminal.type_keys("\u{1b}");
        // The same words stand beside the list.
        terminal.wait("the file closed", |screen| screen.contains("enter open"));
    }
    // The program still reads and is told of what is new.
    block_on(store.set_tag(&id, &Tag::new("mlflow.runName", "calm-ibis-2"))).unwrap();
    terminal.wait("the new name", |screen| screen.contains("calm-ibis-2"));
    let peak = peak_of(terminal.process_id());
    assert!(peak <= ROOM, "{peak} MB");
    terminal.type_keys("q");
}
