//! How a server is reached: credentials, certificates, prefixes, and what becomes of requests that fail.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mltui::mlflow::{Metric, ModelId, RunId, Tag, ViewType};
use mltui::store::uri::{Auth, Observer, RestOptions};
use mltui::store::{Cursor, ErrorKind, NewRun, Result, Scan, ScanValues, Store, uri};
use support::flood::Flood;
use support::peer::{Answer, Peer};
use support::{Server, V3};

fn quick() -> RestOptions {
    RestOptions { max_retries: 3, backoff_factor: 0.01, backoff_jitter: 0.0, ..RestOptions::default() }
}

#[expect(clippy::needless_pass_by_value, reason = "options are written in place")]
fn open(address: &str, options: RestOptions) -> Store {
    uri::open(&uri::parse(address, Path::new("/")).unwrap(), &options, false).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.expect_err("this must fail").kind
}

fn list(store: &Store) -> Result<usize> {
    block_on(store.search_experiments(ViewType::ActiveOnly)).map(|list| list.len())
}

/// MLflow with nothing to list says of an experiment that it does not exist.
const MISSING: &str = "{\"error_code\": \"RESOURCE_DOES_NOT_EXIST\", \"message\": \"no\"}";
const EMPTY: Answer = Answer::Http(200, "", "{}");
/// One experiment. Who lists none at all is asked whether it is MLflow.
const LISTED: Answer =
    Answer::Http(200, "", "{\"experiments\": [{\"experiment_id\": \"0\", \"name\": \"Default\"}]}");

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
fn answers_without_an_end_are_left() {
    let circle = "{\"experiments\": [], \"next_page_token\": \"a\"}";
    let peer = Peer::start(vec![Answer::Http(200, "", circle); 9]);
    let failure = list(&open(&peer.uri(), quick())).unwrap_err().to_string();
    assert!(failure.contains("form a cycle"), "{failure}");
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
        "cannot list experiments: the server answered 404: The URL is unknown; is the address right?"
    );
    assert!(failure.hint().starts_with("check the tracking URI"), "{}", failure.hint());
    let peer = Peer::start(vec![Answer::Http(404, "", "{\"detail\": \"Not Found\"}")]);
    let failure = list(&open(&peer.uri(), quick())).unwrap_err().to_string();
    assert!(failure.ends_with("the server answered 404; is the address right?"), "{failure}");
    let once = RestOptions { max_retries: 0, ..quick() };
    let peer = Peer::start(vec![Answer::Http(503, "", "503 Service Unavailable")]);
    let failure = list(&open(&peer.uri(), once)).unwrap_err().to_string();
    assert!(failure.ends_with("the server answered 503: Service Unavailable"), "{failure}");
}

#[test]
fn a_header_that_cannot_be_written_is_named() {
    let peer = Peer::start(vec![LISTED]);
    let options = RestOptions { auth: Auth::Bearer("two\nlines".into()), ..quick() };
    let failure = list(&open(&peer.uri(), options)).unwrap_err().to_string();
    assert!(failure.contains("header") && !failure.contains("twice"), "{failure}");
    assert!(peer.requests().is_empty());
}

/// What `mltui` says with these variables, in a folder of its own, and its exit code.
fn mltui(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mltui"))
        .args(arguments)
        .current_dir(home.path())
        .env_clear()
        .env("HOME", home.path())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn a_command_says_what_it_waits_for_and_doctor_does_not_wait() {
    let address = format!("http://127.0.0.1:{}", support::free_port());
    let few = [("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3"), ("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0.01")];
    let quick = [few[0], few[1], ("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")];
    let (code, said) = mltui(&["--tracking-uri", &address, "experiments", "--json"], &quick);
    assert_eq!(code, 1);
    assert_eq!(said.matches("trying again for 70ms (MLFLOW_HTTP_REQUEST_MAX_RETRIES)").count(), 1, "{said}");
    assert!(said.starts_with(&format!("mltui: {address}: ")) && said.contains("ctrl-c stops it"), "{said}");
    assert!(!said.contains("by itself"), "{said}");
    // With MLflow's own settings, which wait for four minutes.
    let (code, said) = mltui(&["--tracking-uri", &address, "doctor"], &[]);
    assert_eq!(code, 1);
    let own = "one here, 10 s at most, which is doctor's own limit and less than the 120 s of others";
    assert!(said.contains(own) && said.contains("; other commands try again for 4m"), "{said}");
    assert!(!said.contains("trying again for"), "{said}");
    // Before the time is over it is said that nothing came yet.
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", slow.local_addr().unwrap());
    let once = [("MLFLOW_HTTP_REQUEST_TIMEOUT", "1"), ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")];
    let (code, said) = mltui(&["--tracking-uri", &silent, "experiments", "--json"], &once);
    let waiting =
        format!("mltui: no answer from {silent} yet; waiting for 500ms (MLFLOW_HTTP_REQUEST_TIMEOUT)");
    assert!(code == 1 && said.starts_with(&waiting) && said.contains("no answer within 1 s"), "{said}");
    // The smaller of both holds.
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", slow.local_addr().unwrap());
    let (code, said) =
        mltui(&["--tracking-uri", &silent, "doctor"], &[("MLFLOW_HTTP_REQUEST_TIMEOUT", "0.2")]);
    assert!(code == 1 && said.contains("one here, 0.2 s at most (MLFLOW_HTTP_REQUEST_TIMEOUT, or"), "{said}");
}

#[test]
fn a_proxy_is_told_as_the_proxy() {
    let refuses = Peer::start(vec![Answer::Http(403, "", "Forbidden by the company")]);
    let proxy = format!("http://eve:proxy-pw@127.0.0.1:{}", refuses.port);
    let named = format!("http://127.0.0.1:{} (HTTP_PROXY)", refuses.port);
    let doctor = ["--tracking-uri", "http://mlflow.invalid:5000", "doctor"];
    let (code, said) = mltui(&doctor, &[("HTTP_PROXY", proxy.as_str())]);
    assert!(code == 1 && !said.contains("proxy-pw"), "{said}");
    assert!(said.contains(&format!("proxy         {named}")), "{said}");
    assert!(said.contains(&format!("Forbidden by the company (by way of the proxy {named})")), "{said}");
    let (_, said) = mltui(&doctor, &[("ALL_PROXY", proxy.as_str()), ("NO_PROXY", "mlflow.invalid")]);
    assert!(said.contains("proxy         none for this address"), "{said}");

    let asks = Peer::start(vec![Answer::Http(407, "", "")]);
    let (_, said) = mltui(&doctor, &[("ALL_PROXY", asks.uri().as_str())]);
    assert!(said.contains("the proxy requires credentials") && said.contains("(ALL_PROXY)"), "{said}");

    // A tunnel that is refused, and a proxy that is not there.
    let doctor = ["--tracking-uri", "https://mlflow.invalid", "doctor"];
    let gone = format!("http://127.0.0.1:{}", support::free_port());
    for proxy in [proxy, gone] {
        let (code, said) = mltui(&doctor, &[("HTTPS_PROXY", proxy.as_str())]);
        assert!(code == 1 && said.contains("no way to https://mlflow.invalid by the proxy"), "{said}");
        assert!(said.contains("(HTTPS_PROXY)") && said.contains("NO_PROXY"), "{said}");
    }
    let insecure = [("MLFLOW_TRACKING_INSECURE_TLS", "true"), ("HTTPS_PROXY", "http://127.0.0.1:1")];
    assert!(mltui(&doctor, &insecure).1.contains("INSECURE: certificates are not verified"));
}

#[test]
fn settings_of_certificates_that_exclude_each_other_are_called_by_what_set_them() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let text = "[profiles.trusts]\ntracking_uri = 'https://127.0.0.1:1'\nca_file = '/ca.pem'\nauth = 'environment'\n\
                [profiles.both]\ntracking_uri = 'https://127.0.0.1:1'\nca_file = '/ca.pem'\ninsecure_tls = true\n";
    std::fs::write(&config, text).unwrap();
    let config = ["--config", config.to_str().unwrap()];
    let insecure = ("MLFLOW_TRACKING_INSECURE_TLS", "true");
    let trusted = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "/ca.pem");
    for (place, variables, names) in [
        (["--profile", "trusts"], &[insecure][..], [insecure.0, "ca_file of profile trusts"]),
        (["--profile", "both"], &[trusted], ["insecure_tls of profile both", "ca_file of profile both"]),
        (["--tracking-uri", "https://127.0.0.1:1"], &[insecure, trusted], [insecure.0, trusted.0]),
    ] {
        let (code, said) = mltui(&[&config[..], &place, &["doctor"]].concat(), variables);
        assert_ne!(code, 0);
        let words = format!("{} and {} exclude each other: unset one", names[0], names[1]);
        assert!(
            said.contains(&words) && said.contains(&format!("are not verified ({})", names[0])),
            "{said}"
        );
    }
}

#[test]
fn errors_name_no_password() {
    let port = support::free_port();
    let failure = list(&open(
        &format!("http://ana:geheim@127.0.0.1:{port}"),
        RestOptions { max_retries: 0, ..quick() },
    ))
    .unwrap_err();
    assert!(!format!("{failure:?} {failure}").contains("geheim"), "{failure:?}");
}

#[test]
fn a_slow_server_is_given_up_in_time() {
    // Accepts connections and never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let options = RestOptions { timeout: Duration::from_secs(1), max_retries: 0, ..quick() };
    assert_eq!(kind(list(&open(&address, options))), ErrorKind::Timeout(1));
}

/// A TLS gateway in front of a real server, and the folder with its certificates.
struct Gateway(Child, u16);

impl Gateway {
    fn start(folder: &Path, server: &Server, client: &str, prefix: &str) -> Self {
        let mut process = Command::new(V3.python())
            .arg("-c")
            .arg(include_str!("support/tls_proxy.py"))
            .arg(folder)
            .args([&server.port.to_string(), client, prefix])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(process, line.trim().parse().unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn tls_with_an_authority_of_its_own_a_client_certificate_and_a_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let open_tls = folder.path().join("open");
    let strict_tls = folder.path().join("strict");
    std::fs::create_dir_all(&open_tls).unwrap();
    std::fs::create_dir_all(&strict_tls).unwrap();
    let gateway = Gateway::start(&open_tls, &server, "anyone", "/team");
    let address = format!("https://127.0.0.1:{}/team", gateway.1);
    let once = RestOptions { max_retries: 0, ..quick() };
    // Who is not trusted now will not be a second later.
    let observer = Observer::new(|waiting| panic!("{waiting:?}"));
    let unknown = list(&open(&address, RestOptions { observer: Some(observer), ..quick() })).unwrap_err();
    assert!(
        matches!(&unknown.kind, ErrorKind::Tls(why) if why.contains("it is signed by an unknown authority")),
        "{unknown}"
    );
    assert!(unknown.hint().contains("MLFLOW_TRACKING_SERVER_CERT_PATH"), "{unknown}");
    let plain = kind(list(&open(&format!("https://127.0.0.1:{}", server.port), once.clone())));
    assert!(matches!(&plain, ErrorKind::Tls(why) if why.contains("http://")), "{plain}");
    let misnamed = open_tls.join("ca.pem");
    let misnamed = RestOptions { ca_file: Some(misnamed), ..quick() };
    let misnamed = kind(list(&open(&address.replace("127.0.0.1", "localhost"), misnamed)));
    assert!(matches!(&misnamed, ErrorKind::Tls(why) if why.contains("another name")), "{misnamed}");
    let trusting = RestOptions { ca_file: Some(open_tls.join("ca.pem")), ..once.clone() };
    assert_eq!(list(&open(&address, trusting.clone())).unwrap(), 1);
    assert_eq!(list(&open(&address, RestOptions { insecure_tls: true, ..once.clone() })).unwrap(), 1);
    let both = RestOptions { insecure_tls: true, ..trusting };
    assert!(
        uri::open(&uri::parse(&address, Path::new("/")).unwrap(), &both, false).is_err(),
        "they exclude each other"
    );
    let gateway = Gateway::start(&strict_tls, &server, "client", "");
    let address = format!("https://127.0.0.1:{}", gateway.1);
    let trusting = RestOptions { ca_file: Some(strict_tls.join("ca.pem")), ..once };
    let nobody = kind(list(&open(&address, RestOptions { max_retries: 3, ..trusting.clone() })));
    assert!(
        matches!(&nobody, ErrorKind::Tls(why) if why.contains("MLFLOW_TRACKING_CLIENT_CERT_PATH")),
        "{nobody}"
    );
    let known = RestOptions { client_cert: Some(strict_tls.join("client.pem")), ..trusting.clone() };
    assert_eq!(list(&open(&address, known)).unwrap(), 1);
    let absent = RestOptions { client_cert: Some(strict_tls.join("absent.pem")), ..trusting };
    let failure = list(&open(&address, absent)).unwrap_err().to_string();
    assert!(failure.contains("absent.pem"), "{failure}");
}

#[test]
fn a_certificate_that_a_server_signed_itself_can_be_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let listed = |which: &str, trusted: &str, host: &str| {
        let place = folder.path().join(which);
        std::fs::create_dir_all(&place).unwrap();
        let gateway = Gateway::start(&place, &server, which, "");
        let options = RestOptions { max_retries: 0, ca_file: Some(folder.path().join(trusted)), ..quick() };
        list(&open(&format!("https://{host}:{}", gateway.1), options))
    };
    for which in ["self", "self-ca"] {
        assert_eq!(listed(which, &format!("{which}/server.pem"), "127.0.0.1").unwrap(), 1, "{which}");
        // The name and the time still count, and so does which certificate it is.
        let other = kind(listed(which, &format!("{which}/server.pem"), "localhost")).to_string();
        assert!(other.contains("another name"), "{other}");
        assert!(listed(which, &format!("{which}/ca.pem"), "127.0.0.1").is_err());
    }
    let expired = kind(listed("self-expired", "self-expired/server.pem", "127.0.0.1")).to_string();
    assert!(expired.contains("expired"), "{expired}");
}

#[test]
fn a_real_server_that_asks_for_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with_password(V3, folder.path(), "a-long-password-1");
    let auth = |password: &str| RestOptions {
        auth: Auth::Basic { user: "admin".into(), password: password.into() },
        ..quick()
    };
    assert_eq!(kind(list(&open(&server.uri(), quick()))), ErrorKind::Unauthorized);
    assert_eq!(kind(list(&open(&server.uri(), auth("wrong")))), ErrorKind::Unauthorized);
    assert_eq!(list(&open(&server.uri(), auth("a-long-password-1"))).unwrap(), 1);
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
        assert!(asked.len() == 2 && asked.iter().all(|asked| asked.contains("runs/get")), "{asked:?}");
        let model = kind(block_on(store.get_logged_model(&ModelId::from("../runs/delete"))));
        assert!(matches!(model, ErrorKind::NotFound(_)), "{model}");
        assert_eq!(peer.requests().len(), 2);
    }
}

fn scan_of(experiment: &str) -> Scan {
    Scan { experiment_id: experiment.into(), view: ViewType::ActiveOnly, first: 10, values: ScanValues::All }
}

/// How far a scan got, and how many runs it brought.
fn scanned(store: &Store, scan: &Scan) -> (Cursor, usize) {
    block_on(async {
        let (sink, mut batches) = tokio::sync::mpsc::channel(64);
        let cursor = store.scan(scan, sink).await.unwrap();
        let mut count = 0;
        while let Some(batch) = batches.recv().await {
            count += batch.heads.len();
        }
        (cursor, count)
    })
}

/// The names of the runs that changed.
fn changed(store: &Store, scan: &Scan, cursor: &mut Cursor) -> Vec<String> {
    let changes = block_on(store.changes(scan, cursor, &[])).unwrap();
    let of_batch = |batch: &mltui::store::RunBatch| {
        let texts: Vec<String> = batch.texts().map(str::to_owned).collect();
        batch.heads.iter().map(|head| texts[head.name as usize].clone()).collect::<Vec<_>>()
    };
    changes.batches.iter().flat_map(of_batch).collect()
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

#[test]
fn runs_of_machines_with_other_clocks_come() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let store = open(&server.uri(), quick());
    let experiment = block_on(store.create_experiment("clocks", &[])).unwrap();
    let now = mltui::store::now_ms();
    let create = |name: &str, minutes: i64| {
        let run = NewRun {
            experiment_id: experiment.clone(),
            run_name: Some(name.into()),
            user_id: "ana".into(),
            start_time: now + minutes * 60_000,
            tags: Vec::new(),
        };
        block_on(store.create_run(&run)).unwrap();
    };
    let scan = scan_of(experiment.as_str());
    create("first", -31);
    let (mut cursor, _) = scanned(&store, &scan);
    // All of a machine that is half an hour late, then one that is early, then one that goes right.
    for (name, minutes) in [("late", -30), ("later", -29), ("early", 60), ("right", 0), ("early again", 61)] {
        create(name, minutes);
        let came = changed(&store, &scan, &mut cursor);
        assert!(came.contains(&name.to_owned()), "{name}: {came:?}");
    }
    // Once nothing is new, no more than the latest is sent again.
    assert!(changed(&store, &scan, &mut cursor).len() <= 4);
}
