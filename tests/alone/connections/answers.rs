//! Answers that are none, or not those of MLflow, and what is made of them.

use std::path::Path;

use mltui::mlflow::{Metric, ModelId, RunId, Tag, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{ErrorKind, Scan, ScanValues, uri};

use super::{EMPTY, MISSING};
use crate::support::client::{block_on, changed, kind, list, open, quick, scan_of, scanned};
use crate::support::flood::Flood;
use crate::support::peer::{Answer, Peer};

#[test]
fn an_answer_that_only_looks_right_is_an_error() {
    for (answer, wanted) in [
        (Answer::Http(200, "", "<html>Please log in</html>"), "Please log in"),
        (Answer::Http(200, "", "{\"experiments\": [{\"name\": \"x\"}]}"), "experiment_id"),
        (Answer::Http(200, "", "{\"experiments\": 7}"), "experiments"),
        (Answer::Half, "interrupted"),
    ] {
        let peer = Peer::start(vec![answer]);
        let failure = list(&open(&peer.uri(), quick())).unwrap_err().to_string();
        assert!(failure.contains(wanted), "{failure}");
    }
}

#[test]
fn numbers_that_json_lacks_are_sent_as_texts() {
    let peer = Peer::start(vec![EMPTY]);
    let metrics: Vec<Metric> = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY]
        .into_iter()
        .map(|value| Metric { key: "m".into(), value, timestamp: 1, step: 0 })
        .collect();
    block_on(open(&peer.uri(), quick()).log_batch(&RunId("a".into()), &metrics, &[], &[])).unwrap();
    let sent = &peer.requests()[0];
    for text in ["\"NaN\"", "\"Infinity\"", "\"-Infinity\""] {
        assert!(sent.contains(text), "{sent}");
    }
}

#[test]
fn answers_without_an_end_are_left() {
    let circle = "{\"experiments\": [], \"next_page_token\": \"a\"}";
    let peer = Peer::start(vec![Answer::Http(200, "", circle); 9]);
    let failure = list(&open(&peer.uri(), quick())).unwrap_err().to_string();
    assert!(failure.contains("form a cycle"), "{failure}");
}

#[test]
fn who_answers_everything_is_no_mlflow_server() {
    for answer in [
        EMPTY,
        Answer::Http(200, "", ""),
        Answer::Http(200, "Content-Type: application/json\r\n", "{\"status\": \"ok\", \"user\": null}"),
        Answer::Http(200, "Content-Type: text/html\r\n", "{}"),
        Answer::Http(200, "Content-Type: text/html\r\n", ""),
    ] {
        let peer = Peer::start(vec![answer]);
        let store = open(&peer.uri(), quick());
        let failure = kind(list(&store));
        assert!(matches!(failure, ErrorKind::Protocol(_)), "{failure}");
        let nothing = Peer::start(vec![EMPTY, Answer::Http(404, "", MISSING)]);
        let empty = open(&nothing.uri(), quick());
        let watched = [RunId("a".into())];
        let scan = Scan {
            experiment_id: "1".into(),
            view: ViewType::ActiveOnly,
            first: 10,
            values: ScanValues::All,
        };
        let (mut cursor, _) = scanned(&empty, &scan);
        let changes = block_on(store.changes(&scan, &mut cursor, &watched));
        assert!(matches!(kind(changes), ErrorKind::Protocol(_)), "known rows are not taken away");
        let (sink, _batches) = tokio::sync::mpsc::channel(8);
        assert!(matches!(kind(block_on(store.scan(&scan, sink))), ErrorKind::Protocol(_)));
        let upload = block_on(store.set_tag(&RunId("a".into()), &Tag::new("k", "v")));
        assert!(upload.is_ok() || matches!(kind(upload), ErrorKind::Protocol(_)));
    }
    // MLflow with nothing to list says of an experiment that it does not exist.
    let peer = Peer::start(vec![EMPTY, Answer::Http(404, "", MISSING)]);
    assert_eq!(list(&open(&peer.uri(), quick())).unwrap(), 0);
}

#[test]
fn a_status_is_said_once() {
    let page =
        "<!doctype html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The URL is unknown.</p>";
    let peer = Peer::start(vec![Answer::Http(404, "Content-Type: text/html\r\n", page)]);
    let failure = list(&open(&peer.uri(), quick())).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "cannot list experiments: the server answered 404: The URL is unknown; check the address"
    );
    assert!(failure.hint().starts_with("check the tracking URI"), "{}", failure.hint());
    let peer = Peer::start(vec![Answer::Http(404, "", "{\"detail\": \"Not Found\"}")]);
    let failure = list(&open(&peer.uri(), quick())).unwrap_err().to_string();
    assert!(failure.ends_with("the server answered 404; check the address"), "{failure}");
    let once = RestOptions { max_retries: 0, ..quick() };
    let peer = Peer::start(vec![Answer::Http(503, "", "503 Service Unavailable")]);
    let failure = list(&open(&peer.uri(), once)).unwrap_err().to_string();
    assert!(failure.ends_with("the server answered 503: Service Unavailable"), "{failure}");
}

#[test]
fn a_refusal_in_plain_text_is_passed_on() {
    let peer = Peer::start(vec![Answer::Http(
        403,
        "Content-Type: text/plain\r\n",
        "Invalid Host header - possible DNS rebinding attack detected",
    )]);
    let failure = list(&open(&peer.uri(), quick())).unwrap_err();
    assert!(failure.to_string().contains("Invalid Host header"), "{failure}");
}

#[test]
fn a_read_only_store_writes_nothing() {
    let peer = Peer::start(vec![EMPTY]);
    let store = uri::open(&uri::parse(&peer.uri(), Path::new("/")).unwrap(), &quick(), true).unwrap();
    assert!(matches!(
        kind(block_on(store.set_tag(&RunId("a".into()), &Tag::new("k", "v")))),
        ErrorKind::ReadOnly(_)
    ));
    assert!(matches!(kind(block_on(store.create_experiment("x", &[]))), ErrorKind::ReadOnly(_)));
    assert!(peer.requests().is_empty());
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("x.db").display());
    let store = uri::open(&uri::parse(&address, Path::new("/")).unwrap(), &quick(), true).unwrap();
    assert!(matches!(kind(block_on(store.create_experiment("x", &[]))), ErrorKind::ReadOnly(_)));
    assert!(!folder.path().join("x.db").exists());
}

#[test]
fn a_server_that_names_a_place_above_its_artifacts_is_not_asked_for_it() {
    const RUN: &str = "{\"run\": {\"info\": {\"run_id\": \"r\", \"experiment_id\": \"1\", \"status\": \"FINISHED\", \
        \"artifact_uri\": \"mlflow-artifacts:/PLACE\"}, \"data\": {}}}";
    for place in ["1/../../../../x", "%2e%2e/%2E%2e/x", "a\\\\..\\\\..\\\\x", "1/%252e%252e/x", ".."] {
        let body: &'static str = RUN.replace("PLACE", place).leak();
        let peer = Peer::start(vec![Answer::Http(200, "Content-Type: application/json\r\n", body)]);
        let store = open(&peer.uri(), quick());
        let id = RunId::from("r");
        let read = kind(block_on(store.read_artifact(&id, "a.txt", 100)));
        let written = kind(block_on(store.write_artifact(&id, "a.txt", b"x")));
        assert!(
            matches!((&read, &written), (ErrorKind::Invalid(_), ErrorKind::Invalid(_))),
            "{read} {written}"
        );
        let asked = peer.requests();
        assert!(
            matches!(asked.len(), 1 | 2) && asked.iter().all(|asked| asked.contains("runs/get")),
            "{asked:?}"
        );
        let model = kind(block_on(store.get_logged_model(&ModelId::from("../runs/delete"))));
        assert!(matches!(model, ErrorKind::NotFound(_)), "{model}");
        assert_eq!(peer.requests().len(), asked.len());
    }
}

#[test]
fn new_runs_come_whatever_the_clock_of_this_machine_says() {
    // The server's clock, in seconds: this machine's is years ahead.
    const NOW: i64 = 1_700_000_000;
    let flood = Flood::start(|request, sink| {
        let since: Option<i64> = request
            .split(".start_time >= ")
            .nth(1)
            .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap());
        let is_scan = !request.contains("attributes.");
        let runs: Vec<String> = [("old", -1_200), ("new", -60), ("late", -1_100)]
            .into_iter()
            .map(|(name, start)| (name, (NOW + start) * 1_000))
            .filter(|(name, start)| (is_scan && *name == "old") || since.is_some_and(|since| *start >= since))
            .map(|(name, start)| {
                format!(
                    "{{\"info\": {{\"run_id\": \"{name}\", \"run_name\": \"{name}\", \"experiment_id\": \"1\", \
                     \"status\": \"RUNNING\", \"start_time\": {start}}}}}"
                )
            })
            .collect();
        let body = format!("{{\"runs\": [{}]}}", runs.join(", "));
        sink.head(
            200,
            &format!("Date: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Length: {}\r\n", body.len()),
        )?;
        sink.send(body)
    });
    let store = open(&flood.uri(), quick());
    let scan = scan_of("1");
    let (mut cursor, count) = scanned(&store, &scan);
    assert_eq!(count, 1);
    let came = changed(&store, &scan, &mut cursor);
    assert!(came.contains(&"new".to_owned()) && came.contains(&"late".to_owned()), "{came:?}");
}
