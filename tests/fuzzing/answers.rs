//! Answers of a server with damage: whatever comes, each call ends, with a value or an error.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use mltui::mlflow::{ExperimentId, ModelId, RunId};
use mltui::store::uri::{self, Location, RestOptions};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::calls::{Known, read_everything, write_something};
use crate::drawing::fuzz;
use crate::support::peer::read_request;

/// Of a server of MLflow 3.17.2, by path.
const ANSWERS: &str = include_str!("answers.json");
const FILE: &str = "step,loss\n1,0.5\n2,0.25\n";

/// What is wrong with the answers of one path, or of all.
#[derive(Debug, Clone)]
struct Damage {
    path: Option<Index>,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// In the place of a value: these letters, JSON or not.
    Value(Index, String),
    Gone(Index),
    /// A key that is there twice.
    Twice(Index, String),
    /// The entries of a list again and again.
    More(Index, u16),
    Bytes(Index, Vec<u8>),
    Cut(Index),
    Body(String),
    Status(u16),
    Header(&'static str),
    /// Packed well, twice, or in part.
    Gzip(u8),
    Length(i16),
    Closed,
}

const VALUES: [&str; 40] = [
    "null",
    "true",
    "{}",
    "[]",
    "[[]]",
    "[null]",
    "[{}]",
    "\"\"",
    "\"x\"",
    "0",
    "-0",
    "-1",
    "1e999",
    "-1e999",
    "1e-999",
    "NaN",
    "Infinity",
    "-Infinity",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551616",
    "1.5",
    "\"NaN\"",
    "\"9223372036854775807\"",
    "\"-1\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\\u001b[2J\"",
    "\"\u{202e}\"",
    "\"../..\"",
    "\"/etc\"",
    "\"mlflow-artifacts:/../x\"",
    "\"mlflow-artifacts://h:1/x\"",
    "\"hdfs://b/k\"",
    "\"deleted\"",
    "\"RUNNING\"",
    "\"eyJvZmZzZXQiOiA5OTk5OTk5fQ==\"",
    "'x'",
    "\"\u{7f}\u{9b}\"",
];
const HEADERS: [&str; 12] = [
    "Content-Encoding: gzip\r\n",
    "Content-Encoding: br\r\n",
    "Content-Encoding: gzip, gzip\r\n",
    "Content-Type: text/html\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Location: /\r\n",
    "Location: http://127.0.0.1:1/\r\n",
    "Retry-After: 99999999999\r\n",
    "Retry-After: -1\r\n",
    "Content-Length: 5\r\n",
    "X: \u{ff}\u{1b}[2J\r\n",
    "nonsense\r\n",
];

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let value = prop_oneof![
        6 => select(&VALUES[..]).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| json!(text).to_string()),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_map(|number| format!("{number:?}")),
        1 => (1_usize..100_000).prop_map(|depth| "[".repeat(depth)),
        1 => (1_usize..300).prop_map(|depth| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))),
        1 => (1_usize..300_000).prop_map(|length| format!("\"{}\"", "\u{e9}".repeat(length))),
    ];
    let value = value.boxed();
    let what = prop_oneof![
        12 => (any::<Index>(), value.clone()).prop_map(|(at, value)| What::Value(at, value)),
        4 => any::<Index>().prop_map(What::Gone),
        2 => (any::<Index>(), value.clone()).prop_map(|(at, value)| What::Twice(at, value)),
        2 => (any::<Index>(), 0_u16..3_000).prop_map(|(at, times)| What::More(at, times)),
        2 => (any::<Index>(), vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| What::Bytes(at, bytes)),
        1 => any::<Index>().prop_map(What::Cut),
        1 => value.prop_map(What::Body),
        1 => select(&[200_u16, 204, 206, 301, 302, 307, 308, 304, 400, 401, 403, 404, 405, 429, 500, 503, 600, 999][..]).prop_map(What::Status),
        1 => select(&HEADERS[..]).prop_map(What::Header),
        1 => (0_u8..4).prop_map(What::Gzip),
        1 => any::<i16>().prop_map(What::Length),
        1 => Just(What::Closed),
    ];
    vec(
        (proptest::option::weighted(0.9, any::<Index>()), what)
            .prop_map(|(path, what)| Damage { path, what }),
        1..9,
    )
}

/// The values of an answer, itself first.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0_usize,
    }
}

fn node(value: &mut Value, mut at: usize) -> Option<&mut Value> {
    if at == 0 {
        return Some(value);
    }
    at -= 1;
    let children: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => return None,
    };
    for child in children {
        let size = count(child);
        if at < size {
            return node(child, at);
        }
        at -= size;
    }
    None
}

/// An answer as it is sent.
struct Sent {
    status: u16,
    headers: String,
    body: Vec<u8>,
    longer: i64,
    is_closed: bool,
}

fn damaged(answer: &Value, damages: &[&What]) -> Sent {
    let (mut answer, mut raw) = (answer.clone(), Vec::new());
    for (number, what) in damages.iter().enumerate() {
        let size = count(&answer);
        // Stands for letters that are no JSON until all is written.
        let sign = format!("<{number}>");
        match what {
            What::Value(at, letters) => {
                if let Some(value) = node(&mut answer, at.index(size)) {
                    *value = json!(sign);
                    raw.push((json!(sign).to_string(), letters.clone()));
                }
            }
            What::Gone(at) => match node(&mut answer, at.index(size)) {
                Some(Value::Object(fields)) => {
                    let key = fields.keys().nth(number % fields.len().max(1)).cloned();
                    key.map(|key| fields.remove(&key));
                }
                Some(Value::Array(items)) => items.truncate(number % 3),
                _ => {}
            },
            What::Twice(at, letters) => {
                if let Some(Value::Object(fields)) = node(&mut answer, at.index(size))
                    && let Some(key) = fields.keys().next_back().cloned()
                {
                    fields.insert(sign.clone(), json!(sign));
                    let (sign, key) = (json!(sign).to_string(), json!(key));
                    raw.push((format!("{sign}:{sign}"), format!("{key}:{letters}")));
                }
            }
            What::More(at, times) => {
                let at = at.index(size);
                // The next list from there on.
                let list = (at..size).find(
                    |at| matches!(node(&mut answer, *at), Some(Value::Array(items)) if !items.is_empty()),
                );
                if let Some(Value::Array(items)) = list.and_then(|at| node(&mut answer, at)) {
                    let whole = items.clone();
                    let room = 8_000 / serde_json::to_string(&whole).unwrap().len();
                    (0..room.min(usize::from(*times))).for_each(|_| items.extend_from_slice(&whole));
                }
            }
            _ => {}
        }
    }
    let mut text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
    for (sign, letters) in raw {
        text = text.replace(&sign, &letters);
    }
    let mut sent =
        Sent { status: 200, headers: String::new(), body: text.into_bytes(), longer: 0, is_closed: false };
    for what in damages {
        let body = &mut sent.body;
        match what {
            What::Bytes(at, bytes) if !body.is_empty() => {
                let at = at.index(body.len());
                body.splice(at..(at + bytes.len()).min(body.len()), bytes.iter().copied());
            }
            What::Cut(at) if !body.is_empty() => body.truncate(at.index(body.len())),
            What::Body(letters) => *body = letters.clone().into_bytes(),
            What::Status(status) => sent.status = *status,
            What::Header(header) => sent.headers.push_str(header),
            What::Gzip(kind) => {
                sent.headers.push_str("Content-Encoding: gzip\r\n");
                if *kind == 3 {
                    // More than a file may have; each call packs and unpacks it.
                    body.resize(1_200_000, b' ');
                }
                *body = zipped(body);
                match kind {
                    1 => *body = zipped(body),
                    2 => body.truncate(body.len() / 2),
                    _ => {}
                }
            }
            What::Length(more) => sent.longer += i64::from(*more),
            What::Closed => sent.is_closed = true,
            _ => {}
        }
    }
    sent
}

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn send(stream: &mut TcpStream, sent: &Sent) -> std::io::Result<()> {
    if sent.is_closed {
        return Ok(());
    }
    let length = (sent.body.len() as i64 + sent.longer).max(0);
    write!(
        stream,
        "HTTP/1.1 {} X\r\nContent-Length: {length}\r\nConnection: close\r\n{}\r\n",
        sent.status, sent.headers
    )?;
    stream.write_all(&sent.body)
}

/// A server that answers as MLflow does, but for the damage.
#[derive(Clone)]
struct Server {
    answers: Arc<BTreeMap<String, Value>>,
    damages: Arc<Mutex<Vec<Damage>>>,
}

impl Server {
    /// Its address.
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = self.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let server = server.clone();
                thread::spawn(move || {
                    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                    let request = read_request(&mut stream);
                    // Who asked may be gone by now.
                    let _ = send(&mut stream, &server.sent(&request));
                });
            }
        });
        address
    }

    fn sent(&self, request: &str) -> Sent {
        let path = request.split(['?', ' ']).nth(1).unwrap_or_default();
        let known = self.answers.iter().position(|(known, _)| path.ends_with(known.as_str()));
        let at = known.unwrap_or(self.answers.len());
        let is_file = path.contains("get-artifact") || path.contains("mlflow-artifacts/");
        let nothing = if is_file { json!(FILE) } else { json!({}) };
        let answer = self.answers.values().nth(at).unwrap_or(&nothing);
        let damages = self.damages.lock().unwrap().clone();
        let meant =
            |damage: &&Damage| damage.path.is_none_or(|path| path.index(self.answers.len() + 1) == at);
        damaged(answer, &damages.iter().filter(meant).map(|damage| &damage.what).collect::<Vec<_>>())
    }
}

#[test]
fn damaged_answers_are_read_or_refused() {
    let runtime = Runtime::new().unwrap();
    let recorded: Value = serde_json::from_str(ANSWERS).unwrap();
    let id = |name: &str| recorded["ids"][name].as_str().unwrap().to_owned();
    let known = Known {
        experiment: ExperimentId(id("experiment")),
        runs: vec![RunId(id("run"))],
        metric: "rmse".into(),
        registered: "reg".into(),
        alias: "champion".into(),
        model: Some(ModelId(id("model"))),
    };
    let answers = recorded["answers"].as_object().unwrap().iter();
    let answers = answers.map(|(path, answer)| (path.replace("{model}", &id("model")), answer.clone()));
    let server = Server { answers: Arc::new(answers.collect()), damages: Arc::default() };
    let address: url::Url = server.start().parse().unwrap();
    fuzz("answers", &damages(), |damages| {
        server.damages.lock().unwrap().clone_from(damages);
        let options =
            RestOptions { max_retries: 0, timeout: Duration::from_secs(3), ..RestOptions::default() };
        let store = uri::open(&Location::Server(address.clone()), &options, false).unwrap();
        runtime.block_on(async {
            read_everything(&store, &known).await;
            write_something(&store, &known).await;
        });
    });
}
