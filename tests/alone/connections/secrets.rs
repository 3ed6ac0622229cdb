//! Credentials: sent where they belong, and shown nowhere.

use std::path::Path;

use mltui::store::uri::{Auth, RestOptions};

use super::LISTED;
use crate::support::client::{list, open, quick};
use crate::support::peer::{Answer, Peer};
use crate::support::terminal::Terminal;

const SIZE: (u16, u16) = (150, 40);

#[test]
fn credentials_workspace_and_prefix_are_sent() {
    let ask = |address: &dyn Fn(u16) -> String, options: RestOptions| {
        let peer = Peer::start(vec![LISTED]);
        list(&open(&address(peer.port), options)).unwrap();
        peer.requests().remove(0)
    };
    let plain = |port: u16| format!("http://127.0.0.1:{port}");
    let basic = Auth::Basic { user: "ana".into(), password: "geheim".into() };
    let sent = ask(&plain, RestOptions { auth: basic, workspace: Some("research".into()), ..quick() });
    assert!(sent.contains("authorization: Basic YW5hOmdlaGVpbQ=="), "{sent}");
    assert!(sent.contains("x-mlflow-workspace: research"), "{sent}");
    assert!(sent.contains("user-agent: mltui/") && !sent.to_lowercase().contains("origin:"), "{sent}");
    let sent = ask(&plain, RestOptions { auth: Auth::Bearer("token-1".into()), ..quick() });
    assert!(sent.contains("authorization: Bearer token-1"), "{sent}");
    let sent = ask(&|port| format!("http://ana:geheim@127.0.0.1:{port}/team/mlflow/"), quick());
    assert!(sent.starts_with("POST /team/mlflow/api/2.0/mlflow/experiments/search "), "{sent}");
    assert!(sent.contains("authorization: Basic YW5hOmdlaGVpbQ=="), "credentials in the address: {sent}");
    let sent = ask(
        &|port| format!("http://ana:geheim@127.0.0.1:{port}"),
        RestOptions { auth: Auth::Bearer("of-another-server".into()), ..quick() },
    );
    assert!(sent.contains("authorization: Basic YW5hOmdlaGVpbQ=="), "those in the address first: {sent}");
}

#[test]
fn credentials_do_not_follow_a_redirect_to_another_host() {
    let other = Peer::start(vec![LISTED]);
    let to: &'static str = format!("Location: {}/elsewhere\r\n", other.uri()).leak();
    let peer = Peer::start(vec![Answer::Http(307, to, "")]);
    let options = RestOptions { auth: Auth::Bearer("token-of-the-first".into()), ..quick() };
    assert_eq!(list(&open(&peer.uri(), options)).unwrap(), 1);
    assert!(peer.requests()[0].contains("token-of-the-first"));
    let arrived = &other.requests()[0];
    assert!(arrived.starts_with("POST /elsewhere ") && !arrived.contains("token-of"), "{arrived}");
}

#[test]
fn a_server_that_echoes_what_it_was_sent_shows_no_secret() {
    // YW5hOmVjaG9lZC1wdw is base64 of ana:echoed-pw.
    // The token lies where a message is cut.
    let long: &'static str = format!("{}echoed-pw {}", "x".repeat(295), "y".repeat(300)).leak();
    let page: &'static str = format!("<p>{} echoed-pw</p>", "z".repeat(35)).leak();
    for echo in [
        Answer::Http(500, "", long),
        Answer::Http(200, "Content-Type: text/html\r\n", page),
        Answer::Http(400, "", "you sent Authorization: Basic YW5hOmVjaG9lZC1wdw=="),
        Answer::Http(400, "", "{\"error_code\": \"BAD_REQUEST\", \"message\": \"echoed-pw is wrong\"}"),
        Answer::Http(500, "", "echoed%2Dpw or echoed-pw"),
        Answer::Http(404, "", "no YW5hOmVjaG9lZC1wdw== here"),
        Answer::Http(200, "Content-Type: text/plain\r\n", "echoed-pw"),
        Answer::Http(200, "", "echoed-pw"),
        Answer::Http(200, "", "{\"echoed-pw\": 1}"),
        Answer::Http(200, "", "{\"experiments\": [{\"experiment_id\": [\"echoed-pw\"]}]}"),
    ] {
        let peer = Peer::start(vec![echo]);
        let address = format!("http://ana:echoed-pw@127.0.0.1:{}", peer.port);
        let failure = list(&open(&address, RestOptions { max_retries: 0, ..quick() })).unwrap_err();
        let shown = format!("{failure} {failure:?}");
        assert!(!shown.contains("echoed") && !shown.contains("YW5hOm"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
}

#[test]
fn a_header_that_cannot_be_written_is_named() {
    let peer = Peer::start(vec![LISTED]);
    let options = RestOptions { auth: Auth::Bearer("two\nlines".into()), ..quick() };
    let failure = list(&open(&peer.uri(), options)).unwrap_err().to_string();
    assert!(failure.contains("header") && !failure.contains("twice"), "{failure}");
    assert!(peer.requests().is_empty());
}

#[test]
fn errors_name_no_password() {
    let port = crate::support::free_port();
    let failure = list(&open(
        &format!("http://ana:geheim@127.0.0.1:{port}"),
        RestOptions { max_retries: 0, ..quick() },
    ))
    .unwrap_err();
    assert!(!format!("{failure:?} {failure}").contains("geheim"), "{failure:?}");
}

#[test]
fn secrets_reach_neither_screen_nor_log() {
    let folder = tempfile::tempdir().unwrap();
    let port = crate::support::free_port();
    let address = format!("http://ana:s3cr3t-pass@127.0.0.1:{port}");
    let mut terminal = Terminal::start(
        folder.path(),
        SIZE,
        &["--tracking-uri", &address],
        &[("MLTUI_LOG", "trace"), ("MLFLOW_TRACKING_TOKEN", "s3cr3t-token")],
    );
    terminal.wait_for("retry in");
    terminal.type_keys(":\x03??q");
    assert_eq!(terminal.wait_for_end(), 0);
    let written = String::from_utf8_lossy(&terminal.raw()).into_owned();
    assert!(!written.contains("s3cr3t"));
    let mut files = 0;
    for entry in walk(folder.path()) {
        files += 1;
        let text = String::from_utf8_lossy(&std::fs::read(&entry).unwrap()).into_owned();
        assert!(!text.contains("s3cr3t"), "{}", entry.display());
    }
    assert!(files > 0, "there is a log to look at");
}

#[test]
fn an_echoed_token_reaches_neither_screen_nor_log() {
    let folder = tempfile::tempdir().unwrap();
    let echo = "you sent Authorization: Bearer s3cr3t-token";
    let peer = Peer::start(vec![Answer::Http(500, "", echo)]);
    let variables = [("MLTUI_LOG", "trace"), ("MLFLOW_TRACKING_TOKEN", "s3cr3t-token")];
    let mut terminal = Terminal::start(folder.path(), SIZE, &["--tracking-uri", &peer.uri()], &variables);
    terminal.wait_for("Bearer ***");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    assert!(peer.requests()[0].contains("s3cr3t-token"), "it is sent");
    assert!(!String::from_utf8_lossy(&terminal.raw()).contains("s3cr3t"));
    let logs = walk(folder.path());
    let texts: Vec<String> =
        logs.iter().map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()).collect();
    assert!(
        texts.iter().any(|text| text.contains("***")) && !texts.iter().any(|text| text.contains("s3cr3t"))
    );
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() { found.extend(walk(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}
