//! The pictures of the README, made from the program itself: what stands in a real terminal, as SVG.
//!
//! `cargo bench -- pictures` writes `assets/explorer.svg` and the moving `assets/first-minute.svg`.

mod svg;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use mltui::mlflow::{ExperimentId, Metric, Param, RunStatus};
use mltui::store::{RunUpdate, Store};

use crate::support::stores::{block_on, new_run, open};
use crate::support::terminal::Terminal;
use svg::{Film, still};

const SIZE: (u16, u16) = (120, 36);
const STEPS: i64 = 30;
/// Of a sweep under way.
const FRAMES: usize = 9;
const VARIABLES: [(&str, &str); 2] = [("COLORTERM", "truecolor"), ("MLTUI_THEME", "dark")];

pub fn pictures() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    fs::write(assets.join("explorer.svg"), explorer()).unwrap();
    fs::write(assets.join("first-minute.svg"), first_minute()).unwrap();
    println!("wrote {0}/explorer.svg and {0}/first-minute.svg", assets.display());
}

/// Runs with curves, some selected, sorted by the metric that decides.
fn explorer() -> String {
    let home = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", home.path().join("mlflow.db").display());
    let store = open(&address);
    block_on(async {
        for (name, runs) in [("imdb-sentiment", 6), ("churn", 9), ("wine-quality", 34)] {
            let experiment = store.create_experiment(name, &[]).await.unwrap();
            for number in 0..runs {
                trained(&store, &experiment, number).await;
            }
        }
    });
    drop(store);
    let variables = [&VARIABLES[..], &[("MLFLOW_EXPERIMENT_NAME", "wine-quality")]].concat();
    let mut terminal = Terminal::start(home.path(), SIZE, &["--tracking-uri", &address], &variables);
    terminal.wait_for("34 runs");
    terminal.wait_for("★ best");
    for (keys, text) in [("s", "by latest"), (" jjj ", "2 selected"), ("jjj", "row 9 of 34")] {
        terminal.type_keys(keys);
        terminal.wait_for(text);
    }
    std::thread::sleep(Duration::from_secs(2));
    let picture = still(&terminal.frame());
    terminal.type_keys("q");
    terminal.wait_for_end();
    picture
}

/// A run whose loss falls as losses do; the same numbers with every call.
async fn trained(store: &Store, experiment: &ExperimentId, number: i64) {
    let mut random = fastrand::Rng::with_seed(number as u64 * 7 + 3);
    let names = ["eager-wren", "noble-finch", "swift-lynx", "proud-crane", "quiet-otter", "lively-newt"];
    let name = format!("{}-{}", names[random.usize(..names.len())], random.u8(10..99));
    let now = jiff::Timestamp::now().as_millisecond();
    let start = now - 1_000 * (random.i64(600..1_200) + 600 * number);
    let run = store.create_run(&new_run(experiment, &name, start)).await.unwrap().info.run_id;
    let (floor, pace) = (0.5 + random.f64() * 0.2, 3.0 + random.f64() * 5.0);
    let mut metrics = Vec::new();
    for step in 0..STEPS {
        let fallen = (-(step as f64) / pace).exp() * 0.4;
        let mut put = |key: &str, value: f64| {
            metrics.push(Metric { key: key.into(), value, timestamp: start + step * 10_000, step });
        };
        let noise = random.f64() * 0.01;
        put("train/rmse", floor - 0.06 + fallen);
        put("val/rmse", floor + fallen * 0.9 + noise);
        put("val/r2", 1.0 - (floor + fallen + noise) / 1.25);
    }
    let params = [
        ("family", ["forest", "boosting", "ridge"][random.usize(..3)].to_owned()),
        ("max_depth", random.u8(3..16).to_string()),
        ("learning_rate", ["0.3", "0.1", "0.03", "0.01"][random.usize(..4)].to_owned()),
    ]
    .map(|(key, value)| Param::new(key, value));
    store.log_batch(&run, &metrics, &params, &[]).await.unwrap();
    let (status, end) = match number % 17 {
        16 => return,
        11 => (RunStatus::Failed, start + 60_000),
        _ => (RunStatus::Finished, start + STEPS * 10_000),
    };
    let update = RunUpdate { status: Some(status), end_time: Some(end), ..RunUpdate::default() };
    store.update_run(&run, &update).await.unwrap();
}

/// An empty folder, one key that trains, the best run and why, a comparison, a mark, the champion.
fn first_minute() -> String {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(home.path(), SIZE, &[], &VARIABLES);
    let mut film = Film::default();
    terminal.wait_for("trains a first sweep");
    film.take(&terminal, "mltui", 2.5);
    terminal.type_keys("T");
    terminal.wait_for("sweep");
    let begin = Instant::now();
    film.take(&terminal, "T", 0.6);
    // However long it takes, in the film it takes a few seconds.
    let mut left = FRAMES;
    while !terminal.screen().contains("is finished") && begin.elapsed() < Duration::from_secs(300) {
        std::thread::sleep(Duration::from_millis(600));
        if left > 0 {
            film.take(&terminal, "", 0.5);
            left -= 1;
        }
    }
    for (keys, label, text, seconds) in [
        ("", "", "is finished", 2.0),
        ("w", "w", "Why this run", 3.0),
        ("\x1b", "esc", "★ best", 0.7),
        ("s", "s", "by latest", 1.5),
        (" j j ", "space", "3 selected", 1.0),
        ("C", "C", "what differs most", 3.0),
        ("]", "]", "Parallel", 2.5),
        ("\x1b", "esc", "3 selected", 0.7),
        ("B", "B", "y yes", 3.5),
        ("y", "y", "@champion", 2.5),
        ("M", "M", "champion", 3.0),
    ] {
        terminal.type_keys(keys);
        terminal.wait_for(text);
        std::thread::sleep(Duration::from_millis(700));
        film.take(&terminal, label, seconds);
    }
    terminal.type_keys("q");
    terminal.wait_for_end();
    film.svg()
}
