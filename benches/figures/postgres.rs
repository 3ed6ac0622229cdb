//! All of 100,000 runs from a PostgreSQL server on this machine, beside a bare loop over the same tables.

use std::collections::HashMap;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use mltui::catalog::sync::Sync;
use mltui::mlflow::{ExperimentId, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{Scan, ScanValues};
use tokio_postgres::binary_copy::{BinaryCopyOutRow, BinaryCopyOutStream};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls};

use crate::idle::{WATCHED, load, processor_time_of_all};
use crate::median;
use crate::support::postgres::{Postgres, open_at, packages};
use crate::support::stores::block_on;
use crate::support::terminal::Terminal;
use crate::support::{Server, V3};

const ROUNDS: usize = 5;

/// 100,000 runs with 15 params, 10 metrics and 8 tags each.
const FILL: &str = "
SET session_replication_role = replica;
INSERT INTO experiments (name, lifecycle_stage, artifact_location, creation_time, last_update_time)
    VALUES ('wide', 'active', '/x/mlruns/1', 1, 1);
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time,
        source_version, lifecycle_stage, artifact_uri, experiment_id)
    SELECT md5(i::text), 'calm-ibis-' || i, 'UNKNOWN', '', '', 'ana', 'FINISHED', 1700000000000 + i * 1000,
        1700000009000 + i * 1000, '', 'active', '/x/mlruns/1/' || md5(i::text) || '/artifacts', 1
    FROM generate_series(1, 100000) i;
INSERT INTO params (key, value, run_uuid)
    SELECT 'param_' || k, ((i * 7 + k) % 50)::text, md5(i::text)
    FROM generate_series(1, 100000) i, generate_series(1, 15) k;
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)
    SELECT 'metric_' || k, random(), 1, 1, false, md5(i::text)
    FROM generate_series(1, 100000) i, generate_series(1, 10) k;
INSERT INTO tags (key, value, run_uuid)
    SELECT 'tag_' || k, 'value ' || ((i + k) % 20), md5(i::text)
    FROM generate_series(1, 100000) i, generate_series(1, 8) k;
ANALYZE";

pub fn postgres() {
    println!("\nall 100,000 runs from PostgreSQL, median of {ROUNDS} pairs");
    let server = Postgres::start();
    let name = server.database(V3);
    server.sql(&name, FILL);
    let folder = tempfile::tempdir().unwrap();
    let (mut firsts, mut times, mut ratios) = (vec![], vec![], vec![]);
    for _ in 0..=ROUNDS {
        let begin = Instant::now();
        let cells = block_on(bare(&server.uri(&name)));
        let yardstick = begin.elapsed().as_secs_f64();
        let store = open_at(&server.uri(&name), folder.path());
        let scan = Scan {
            experiment_id: ExperimentId("1".into()),
            view: ViewType::ActiveOnly,
            first: 100,
            values: ScanValues::All,
        };
        let begin = Instant::now();
        let mut first = None;
        let mut sync = Sync::new(store, scan);
        let mut runs = 0;
        block_on(sync.load(|snapshot| {
            first.get_or_insert_with(|| begin.elapsed().as_secs_f64());
            runs = snapshot.catalog.count;
        }))
        .unwrap();
        let time = begin.elapsed().as_secs_f64();
        assert_eq!((runs, cells), (100_000, 3_300_000));
        firsts.push(first.unwrap() * 1e3);
        times.push(time);
        ratios.push(time / yardstick);
    }
    println!(
        "  {:.2} s: {:.2} times the bare loop's time (bar 1.25); first rows after {:.0} ms (bar 150 with the start)",
        median(times),
        median(ratios),
        median(firsts)
    );
    screen(&server, &name);
    through_a_server(&server, &name);
}

/// From the start of the process to a screen with rows and the details of one, and idle on it.
fn screen(server: &Postgres, name: &str) {
    let home = tempfile::tempdir().unwrap();
    let uri = server.uri(name);
    let start = || {
        let begin = Instant::now();
        let variables = [("MLFLOW_EXPERIMENT_NAME", "wide")];
        let terminal = Terminal::start(home.path(), (200, 50), &["--tracking-uri", &uri], &variables);
        terminal
            .wait_closely(|screen| screen.matches("calm-ibis").count() >= 20 && screen.contains("metric_1"));
        (begin.elapsed().as_secs_f64() * 1e3, terminal)
    };
    let times = (0..ROUNDS * 3).map(|_| start().0).collect();
    println!("  start to the first screen: {:.0} ms (bar 150)", median(times));
    let (_, terminal) = start();
    terminal.wait_closely(|screen| screen.contains("100,000 runs · newest first"));
    std::thread::sleep(Duration::from_secs(10));
    let before = processor_time_of_all(server.process_id());
    let own = load(&terminal);
    let theirs = (processor_time_of_all(server.process_id()) - before) / WATCHED.as_secs_f64() * 100.0;
    println!("  idle, a poll every 2 s: {own:.2} % of a core (bar 1), the database {theirs:.2} % (bar 1)");
}

/// The same runs by way of MLflow's server, once: it takes minutes.
fn through_a_server(server: &Postgres, name: &str) {
    let home = tempfile::tempdir().unwrap();
    let uri = server.uri_for_python(name);
    let packages = packages().to_str().unwrap();
    let words = ["--backend-store-uri", &uri];
    let server = Server::start_with(V3, home.path(), &words, &[("PYTHONPATH", packages)]);
    let location = mltui::store::uri::parse(&server.uri(), std::path::Path::new("/")).unwrap();
    let store = mltui::store::uri::open(&location, &RestOptions::default(), true).unwrap();
    let begin = Instant::now();
    let mut sync = Sync::new(store, crate::scan(100));
    block_on(sync.load(|_| {})).unwrap();
    println!("  through a server with one worker: {:.0} s", begin.elapsed().as_secs_f64());
}

/// One connection, one `COPY` a table, into vectors with interned strings. Returns the number of cells.
async fn bare(uri: &str) -> usize {
    let (client, connection) = tokio_postgres::connect(uri, NoTls).await.unwrap();
    tokio::spawn(connection);
    let mut texts: HashMap<Box<str>, u32, rustc_hash::FxBuildHasher> = HashMap::default();
    let mut intern = |text: &str| {
        if let Some(number) = texts.get(text) {
            return *number;
        }
        let number = texts.len() as u32;
        texts.insert(text.into(), number);
        number
    };
    let mut runs = Vec::new();
    let columns = [Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::INT8, Type::INT8];
    let query = "SELECT run_uuid::text, name::text, user_id::text, status::text, artifact_uri::text, start_time, end_time \
                 FROM runs WHERE experiment_id = 1";
    each(&client, query, &columns, |row| {
        let (id, name, user, status) =
            (intern(row.get(0)), intern(row.get(1)), intern(row.get(2)), intern(row.get(3)));
        runs.push((id, name, user, status, row.get::<&str>(4).len(), row.get::<i64>(5), row.get::<i64>(6)));
    })
    .await;
    let mut metrics = Vec::new();
    let columns = [Type::TEXT, Type::FLOAT8, Type::BOOL, Type::TEXT];
    let query = "SELECT key::text, value, is_nan, run_uuid::text FROM latest_metrics";
    each(&client, query, &columns, |row| {
        metrics.push((intern(row.get(0)), intern(row.get(3)), row.get::<f64>(1)));
    })
    .await;
    let mut pairs = Vec::new();
    for table in ["params", "tags"] {
        let query = format!("SELECT key::text, value::text, run_uuid::text FROM {table}");
        each(&client, &query, &[Type::TEXT, Type::TEXT, Type::TEXT], |row| {
            pairs.push((intern(row.get(0)), intern(row.get(1)), intern(row.get(2))));
        })
        .await;
    }
    std::hint::black_box((&runs, &metrics, &pairs));
    metrics.len() + pairs.len()
}

async fn each(client: &Client, query: &str, columns: &[Type], mut take: impl FnMut(&BinaryCopyOutRow)) {
    let copied = client.copy_out(&format!("COPY ({query}) TO STDOUT (FORMAT binary)")).await.unwrap();
    let mut rows = pin!(BinaryCopyOutStream::new(copied, columns));
    while let Some(row) = rows.next().await {
        take(&row.unwrap());
    }
}
