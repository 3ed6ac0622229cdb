//! A password in the address of a server, and the process that sweeps there.

use serde_json::Value;

use crate::support::sweeping::{mltui, output};
use crate::support::wait_until;

/// The command lines of all processes that name a word.
fn command_lines(word: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(word))
        .collect()
}

#[test]
fn a_sweep_of_its_own_process_shows_no_password() {
    let home = tempfile::tempdir().unwrap();
    let server = crate::support::Server::start(crate::support::V3, home.path());
    let uri = format!("http://ana:s3cr3t-pass@127.0.0.1:{}", server.port);
    let words = ["sweep", "--data", "iris", "--trials", "500", "--family", "logistic", "--detach"];
    let (code, id, error) = output(mltui(home.path(), &uri, &words));
    assert_eq!(code, 0, "{error}");
    let id = id.trim().to_owned();
    let lines = command_lines(&id);
    assert!(lines.iter().any(|line| line.contains("--background")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("s3cr3t")), "{lines:?}");
    let status = || {
        let (_, out, _) = output(mltui(home.path(), &uri, &["sweeps", "--json"]));
        let list: Value = serde_json::from_str(&out).unwrap();
        list[0].clone()
    };
    wait_until("a trial at the server", || status()["finished"].as_u64() >= Some(1));
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweeps", "cancel", &id]));
    assert_eq!(code, 0, "{error}");
    wait_until("its end", || status()["status"] == "cancelled" && status()["unsent"] == 0);
    // Neither what it keeps nor what it logged: tags, files and the server's own log among them.
    let mut folders = vec![home.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let bytes = std::fs::read(entry.path()).unwrap();
                let holds = bytes.windows(6).any(|part| part == b"s3cr3t");
                assert!(!holds, "{}", entry.path().display());
            }
        }
    }
}
