//! The yardsticks: the least that has to be done, by the shortest program that does it.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::Connection;

/// Texts by number, each once.
#[derive(Default)]
struct Interner {
    numbers: HashMap<Box<str>, u32, rustc_hash::FxBuildHasher>,
}

impl Interner {
    fn intern(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(text.into(), number);
        number
    }
}

/// One thread, one `SELECT` a table, into vectors with interned strings. Returns the number of cells read.
pub fn read_all(path: &Path) -> usize {
    let db = Connection::open(path).unwrap();
    let mut texts = Interner::default();
    let mut runs = Vec::new();
    let mut statement = db
        .prepare("SELECT run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri FROM runs WHERE experiment_id = 1")
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let text =
            |i: usize, texts: &mut Interner| texts.intern(row.get_ref(i).unwrap().as_str().unwrap_or(""));
        let (id, name, user) = (text(0, &mut texts), text(1, &mut texts), text(2, &mut texts));
        let (status, stage) = (text(3, &mut texts), text(6, &mut texts));
        let uri = row.get_ref(7).unwrap().as_str().unwrap_or("").len();
        let start: Option<i64> = row.get(4).unwrap();
        let end: Option<i64> = row.get(5).unwrap();
        runs.push((id, name, user, status, stage, start, end, uri));
    }
    let mut metrics = Vec::new();
    let mut statement = db.prepare("SELECT key, value, step, is_nan, run_uuid FROM latest_metrics").unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let key = texts.intern(row.get_ref(0).unwrap().as_str().unwrap());
        let run = texts.intern(row.get_ref(4).unwrap().as_str().unwrap());
        let value: f64 = row.get(1).unwrap();
        metrics.push((key, run, value));
    }
    let mut pairs = Vec::new();
    for table in ["params", "tags"] {
        let mut statement = db.prepare(&format!("SELECT key, value, run_uuid FROM {table}")).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let key = texts.intern(row.get_ref(0).unwrap().as_str().unwrap());
            let value = texts.intern(row.get_ref(1).unwrap().as_str().unwrap());
            let run = texts.intern(row.get_ref(2).unwrap().as_str().unwrap());
            pairs.push((key, value, run));
        }
    }
    std::hint::black_box((&runs, &metrics, &pairs));
    runs.len() + metrics.len() + pairs.len()
}

/// The ids of the newest 100 runs.
pub fn newest(path: &Path) -> usize {
    let db = Connection::open(path).unwrap();
    let mut statement = db
        .prepare("SELECT run_uuid, name, user_id, status, start_time, end_time, artifact_uri FROM runs WHERE experiment_id = 1 AND lifecycle_stage = 'active' ORDER BY start_time DESC LIMIT 100")
        .unwrap();
    let rows: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    rows.len()
}

/// A page of an experiment, on a connection of its own.
pub async fn fetch_page(address: &str, size: usize) {
    let body = serde_json::json!({ "experiment_ids": ["1"], "max_results": size });
    let search = format!("{address}/api/2.0/mlflow/runs/search");
    let answer = reqwest::Client::new().post(search).json(&body).send().await.unwrap();
    answer.bytes().await.unwrap();
}

/// The pages of an experiment, one after the other, as bytes. Returns how many bytes came.
pub async fn fetch_pages(address: &str, size: usize) -> usize {
    let client = reqwest::Client::new();
    let mut bytes = 0;
    let mut token: Option<String> = None;
    loop {
        let body = serde_json::json!({ "experiment_ids": ["1"], "max_results": size, "page_token": token });
        let answer =
            client.post(format!("{address}/api/2.0/mlflow/runs/search")).json(&body).send().await.unwrap();
        let text = answer.bytes().await.unwrap();
        bytes += text.len();
        let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        token = value.get("next_page_token").and_then(|token| token.as_str()).map(str::to_owned);
        if token.is_none() {
            return bytes;
        }
    }
}
