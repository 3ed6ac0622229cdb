//! What is tried again, how often, and what never.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mltui::mlflow::{RunId, Tag};
use mltui::store::uri::{Observer, RestOptions};
use mltui::store::{ErrorKind, NewRun};

use super::{EMPTY, LISTED};
use crate::support::client::{block_on, kind, list, open, quick};
use crate::support::peer::{Answer, Peer};

#[test]
fn what_is_transient_is_tried_again() {
    for failure in [
        Answer::Http(503, "", "busy"),
        Answer::Http(429, "Retry-After: 0\r\n", ""),
        Answer::Http(408, "", ""),
        Answer::Http(502, "", "<html>bad gateway</html>"),
        Answer::Close,
    ] {
        let peer = Peer::start(vec![failure.clone(), failure, LISTED]);
        assert_eq!(list(&open(&peer.uri(), quick())).unwrap(), 1);
        assert_eq!(peer.requests().len(), 3);
    }
}

#[test]
fn what_will_not_change_is_not_tried_again() {
    for (status, body) in [
        (400, "{\"error_code\": \"INVALID_PARAMETER_VALUE\", \"message\": \"no\"}"),
        (401, ""),
        (403, "denied"),
        (404, ""),
        // What MLflow says where a workspace is named to a server without any.
        (
            500,
            "{\"error_code\": \"FEATURE_DISABLED\", \"message\": \"Workspace APIs are not available: workspaces are not enabled on this server\"}",
        ),
    ] {
        let peer = Peer::start(vec![Answer::Http(status, "", body)]);
        let failure = kind(list(&open(&peer.uri(), quick())));
        assert_eq!(peer.requests().len(), 1, "{status}: {failure}");
    }
}

#[test]
fn retries_end() {
    let peer = Peer::start(vec![Answer::Http(
        500,
        "",
        "{\"error_code\": \"INTERNAL_ERROR\", \"message\": \"oops\\nSQL\"}",
    )]);
    let failure = kind(list(&open(&peer.uri(), quick())));
    assert_eq!(failure, ErrorKind::Server { status: 500, message: "oops".into() });
    assert_eq!(peer.requests().len(), 4, "one attempt and three retries");
}

#[test]
fn retry_after_is_waited_for() {
    let peer = Peer::start(vec![Answer::Http(503, "Retry-After: 1\r\n", ""), LISTED]);
    let begin = Instant::now();
    list(&open(&peer.uri(), quick())).unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(1));
    let peer = Peer::start(vec![Answer::Http(503, "Retry-After: 100\r\n", ""), LISTED]);
    list(&open(&peer.uri(), RestOptions { respect_retry_after: false, ..quick() })).unwrap();
}

#[test]
fn a_write_that_may_have_happened_is_never_sent_twice() {
    let run = NewRun {
        experiment_id: "1".into(),
        run_name: None,
        user_id: "ana".into(),
        start_time: 1,
        tags: Vec::new(),
    };
    for answer in [Answer::Close, Answer::Http(503, "", ""), Answer::Http(500, "", "")] {
        let peer = Peer::start(vec![answer, EMPTY]);
        assert!(block_on(open(&peer.uri(), quick()).create_run(&run)).is_err());
        assert_eq!(peer.requests().len(), 1);
    }
    // Refused before it was looked at: this one did nothing, and may be sent again.
    let peer = Peer::start(vec![Answer::Http(429, "", ""), EMPTY]);
    let failure = kind(block_on(open(&peer.uri(), quick()).create_run(&run)));
    assert!(matches!(failure, ErrorKind::Protocol(_)), "the second answer holds no run: {failure}");
    assert_eq!(peer.requests().len(), 2);
    // What is the same twice as once is sent again.
    let peer = Peer::start(vec![Answer::Close, EMPTY]);
    block_on(open(&peer.uri(), quick()).set_tag(&RunId("a".into()), &Tag::new("k", "v"))).unwrap();
    assert_eq!(peer.requests().len(), 2);
}

#[test]
fn a_failure_that_is_tried_again_is_told_once_until_the_server_answers() {
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    let observer = Observer::new(move |waiting| kept.lock().unwrap().push(waiting.clone()));
    let busy = Answer::Http(503, "", "busy");
    let peer = Peer::start(vec![busy.clone(), busy.clone(), LISTED, busy, LISTED]);
    let store = open(&peer.uri(), RestOptions { observer: Some(observer), ..quick() });
    list(&store).unwrap();
    list(&store).unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2);
    assert!(told[0].what.contains("503") && told[0].what.contains("busy"), "{told:?}");
    // 0.01 s, 0.02 s and 0.04 s, without jitter.
    assert_eq!(told[0].at_most, Duration::from_millis(70));
    let seconds = RestOptions::default().patience(0).as_secs();
    assert!((240..300).contains(&seconds), "MLflow's own settings wait for {seconds} s");
}

#[test]
fn a_slow_server_is_given_up_in_time() {
    // Accepts connections and never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let options = RestOptions { timeout: Duration::from_secs(1), max_retries: 0, ..quick() };
    assert_eq!(kind(list(&open(&address, options))), ErrorKind::Timeout(1));
}

/// A name that `ssh` does not know will not be known in four minutes either.
#[cfg(unix)]
#[test]
fn a_machine_that_ssh_never_reached_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("ssh"),
        "echo 'ssh: Could not resolve hostname lgoin1: Name or service not known' >&2; exit 255\n",
    )
    .unwrap();
    let config =
        "[profiles.far]\ntracking_uri = 'http://ml:5000'\nssh_host = 'lgoin1'\nssh_command = 'sh ./ssh'\n";
    std::fs::write(folder.path().join("c.toml"), config).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mltui"));
    command.args(["--config", "c.toml", "--profile", "far", "experiments"]).current_dir(&folder);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", folder.path());
    let begin = Instant::now();
    let ended = command.output().unwrap();
    let error = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success() && error.contains("Could not resolve hostname lgoin1"), "{error}");
    assert!(!error.contains("trying again") && begin.elapsed() < Duration::from_secs(30), "{error}");
}
