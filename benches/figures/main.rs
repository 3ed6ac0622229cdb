//! Figures, each beside the yardstick that it is judged by, measured in the same minute on stores made here.
//!
//! `cargo bench -- pictures` makes the pictures of the README. `cargo bench` prints all figures; `cargo bench -- start load logger server keys charts compare idle arrivals day command selecting training boosting beside scores sweeps registry postgres folders` chooses, and `cargo bench -- peers` measures
//! families of models beside those of others, `cargo bench -- flaml` whole sweeps beside FLAML. Absolute times are remarks,
//! ratios are the result.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and may panic")]

mod bare;
mod boosting;
mod charts;
mod flaml;
mod folders;
mod idle;
mod keys;
mod peers;
mod pictures;
mod postgres;
mod registry;
mod selecting;
mod stores;
#[path = "../../tests/support/mod.rs"]
mod support;
mod sweeps;
mod training;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use mltui::catalog::sync::Sync;
use mltui::mlflow::{ExperimentId, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{Scan, ScanValues, uri};
use support::{Server, V3};

const ROUNDS: usize = 7;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--bench")).collect();
    // The yardsticks run as processes of their own, so that their memory can be measured.
    if let [kind, path] = arguments.as_slice()
        && kind.starts_with("bare-")
    {
        return bare_process(kind, Path::new(path));
    }
    if let [kind, path] = arguments.as_slice()
        && kind == "one-family"
    {
        return peers::one_family(Path::new(path));
    }
    if let [kind, path] = arguments.as_slice()
        && kind == "day-writer"
    {
        return idle::day_writer(Path::new(path));
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("figures");
    std::fs::create_dir_all(&folder).unwrap();
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    // They are written into the repository: only where somebody asks for them.
    if arguments.iter().any(|argument| argument == "pictures") {
        pictures::pictures();
    }
    if wanted("start") {
        start(&folder);
    }
    if wanted("load") {
        load(&folder);
    }
    if wanted("logger") {
        logger(&folder);
    }
    if wanted("server") {
        server(&folder);
    }
    if wanted("keys") {
        keys::keys(&folder);
    }
    if wanted("charts") {
        charts::charts(&folder);
    }
    if wanted("compare") {
        charts::compare(&folder);
    }
    if wanted("idle") {
        idle::idle(&folder);
    }
    if wanted("arrivals") {
        idle::arrivals();
    }
    if wanted("day") {
        idle::day();
    }
    if wanted("command") {
        command(&folder);
    }
    if wanted("training") {
        training::first_run();
        training::training(&folder);
    }
    if wanted("boosting") {
        boosting::boosting(&folder);
    }
    peers::wanted(&folder, &arguments);
    // Takes half an hour.
    if arguments.iter().any(|argument| argument == "flaml") {
        flaml::flaml(&folder);
    }
    if wanted("beside") {
        training::beside_a_sweep(&folder);
    }
    if wanted("scores") {
        training::table(&folder);
    }
    if wanted("sweeps") {
        sweeps::sweeps(&folder);
    }
    if wanted("postgres") {
        postgres::postgres();
    }
    if wanted("folders") {
        folders::folders(&folder);
    }
    if wanted("registry") {
        registry::registry(&folder);
    }
    if wanted("selecting") {
        selecting::selecting(&folder);
    }
}

/// Prints what a yardstick took, seconds and megabytes.
fn bare_process(kind: &str, path: &Path) {
    let start = Instant::now();
    let count = if kind == "bare-all" { bare::read_all(path) } else { bare::newest(path) };
    println!("{} {} {count}", start.elapsed().as_secs_f64(), peak_memory("self"));
}

fn bare(kind: &str, path: &Path) -> (f64, f64) {
    let output = Command::new(std::env::current_exe().unwrap()).arg(kind).arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    (numbers[0], numbers[1])
}

/// The most memory that a process ever had resident, in megabytes.
fn peak_memory(process: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes =
        line.and_then(|line| line.split_whitespace().nth(1)).and_then(|word| word.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// From the start of the process to a screen with rows, details and trends.
fn start(folder: &Path) {
    println!("\nstart to a complete first screen (rows, trends, details), 200x50, median of {ROUNDS}");
    for (runs, bar) in [(20, "bar 25 ms, 20 MB"), (100_000, "bar 45 ms")] {
        let path = stores::make(folder, runs, if runs == 20 { 30 } else { 1 });
        let mut times = Vec::new();
        let mut memory = Vec::new();
        let mut yardstick = Vec::new();
        for _ in 0..ROUNDS {
            yardstick.push(bare("bare-newest", &path).0);
            let begin = Instant::now();
            let visit = keys::Visit::new(&path, &[]);
            let terminal = &visit.terminal;
            terminal.wait_closely(|screen| {
                let has_rows = screen.matches("calm-ibis").count() >= 20;
                let has_details = keys::has_charts(screen);
                has_rows && has_details && (runs > 20 || screen.contains('▇'))
            });
            times.push(begin.elapsed().as_secs_f64());
            memory.push(peak_memory(&terminal.process_id().to_string()));
        }
        let (time, yardstick) = (median(times), median(yardstick));
        println!(
            "  {runs:>7} runs  {:6.1} ms  {:5.1} MB  ({bar})   the newest 100 by a bare loop: {:.1} ms, ratio {:.1}",
            time * 1e3,
            median(memory),
            yardstick * 1e3,
            time / yardstick
        );
    }
}

/// All of 100,000 runs on the screen's side, against a bare loop over the same tables.
fn load(folder: &Path) {
    let path = stores::make(folder, 100_000, 1);
    println!("\nall 100,000 runs loaded, the screen live meanwhile, median of {ROUNDS} pairs");
    let (mut times, mut memories, mut times_ratio, mut memory_ratio) = (vec![], vec![], vec![], vec![]);
    bare("bare-all", &path);
    for _ in 0..ROUNDS {
        let (bare_time, bare_memory) = bare("bare-all", &path);
        let begin = Instant::now();
        let visit = keys::Visit::new(&path, &[]);
        let terminal = &visit.terminal;
        terminal.wait_closely(|screen| screen.contains("100,000 runs · newest first"));
        let time = begin.elapsed().as_secs_f64();
        let memory = peak_memory(&terminal.process_id().to_string());
        times_ratio.push(time / bare_time);
        memory_ratio.push(memory / bare_memory);
        times.push(time);
        memories.push(memory);
    }
    println!(
        "  {:.2} s, {:.0} MB: {:.2} times the bare loop's time (bar 0.65), {:.2} times its memory (bar 1.75)",
        median(times),
        median(memories),
        median(times_ratio),
        median(memory_ratio)
    );
}

/// How long a script that logs to the file waits for its commits, alone and while 100,000 runs are read.
fn logger(folder: &Path) {
    let path = folder.join("logger.db");
    if !path.exists() {
        std::fs::copy(stores::make(folder, 100_000, 1), &path).unwrap();
    }
    println!("\na script that commits a metric every 2 ms to the same file, 1,000 commits");
    let alone = commits(&path);
    let reader = {
        let location = uri::parse(&format!("sqlite:///{}", path.display()), Path::new("/")).unwrap();
        let store = uri::open(&location, &RestOptions::default(), true).unwrap();
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let mut rounds = 0;
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                let mut sync = Sync::new(store.clone(), scan(100));
                runtime.block_on(sync.load(|_| {})).unwrap();
                rounds += 1;
            }
            rounds
        });
        (stop, thread)
    };
    let beside = commits(&path);
    reader.0.store(true, std::sync::atomic::Ordering::Relaxed);
    let rounds = reader.1.join().unwrap();
    for (what, mut times) in [("alone", alone), ("while everything is read", beside)] {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] * 1e3;
        println!("  {what:<26} median {:.1} ms, p99 {:.1} ms, longest {:.1} ms", at(0.5), at(0.99), at(1.0));
    }
    println!("  ({rounds} times all 100,000 runs meanwhile)");
}

/// Seconds that each of 1,000 commits took, as MLflow makes them.
fn commits(path: &Path) -> Vec<f64> {
    let db = rusqlite::Connection::open(path).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    let run: String = db.query_row("SELECT run_uuid FROM runs LIMIT 1", [], |row| row.get(0)).unwrap();
    let first: i64 = db
        .query_row("SELECT coalesce(max(step), 0) FROM metrics WHERE key = 'logged'", [], |row| row.get(0))
        .unwrap();
    (1..=1_000)
        .map(|step| {
            std::thread::sleep(std::time::Duration::from_millis(2));
            let begin = Instant::now();
            db.execute(
                "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ('logged', 1, 1, ?1, ?2, 0)",
                rusqlite::params![run, first + step],
            )
            .unwrap();
            begin.elapsed().as_secs_f64()
        })
        .collect()
}

/// All runs of the experiment `bench`.
pub fn scan(first: usize) -> Scan {
    Scan {
        experiment_id: ExperimentId("1".into()),
        view: ViewType::ActiveOnly,
        first,
        values: ScanValues::All,
    }
}

/// All of 10,000 runs over REST, against a bare client that fetches the same pages one after another.
fn server(folder: &Path) {
    let home = folder.join("server");
    std::fs::create_dir_all(&home).unwrap();
    let store = home.join("store.db");
    if !store.exists() {
        std::fs::copy(stores::make(folder, 10_000, 1), &store).unwrap();
    }
    for (workers, bar) in [("1", 1.1), ("4", 0.5)] {
        let server = Server::start_with(V3, &home, &["--workers", workers], &[]);
        println!("\nall of 10,000 runs over REST from MLflow {}, workers: {workers}, 2 pairs", V3.version);
        warm_up(&server);
        pages(&server, bar);
    }
}

/// Each worker of a server is slow at its first question.
fn warm_up(server: &Server) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for _ in 0..40 {
        runtime.block_on(bare::fetch_page(&server.uri(), 10));
    }
}

fn pages(server: &Server, bar: f64) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for _ in 0..2 {
        let begin = Instant::now();
        let bytes = runtime.block_on(bare::fetch_pages(&server.uri(), 1000));
        let bare = begin.elapsed().as_secs_f64();
        let location = uri::parse(&server.uri(), Path::new("/")).unwrap();
        let store = uri::open(&location, &RestOptions::default(), true).unwrap();
        let begin = Instant::now();
        let mut first = None;
        let mut count = 0;
        let mut sync = Sync::new(store.clone(), scan(100));
        runtime
            .block_on(sync.load(|snapshot| {
                first.get_or_insert(begin.elapsed());
                count = snapshot.catalog.count;
            }))
            .unwrap();
        let time = begin.elapsed().as_secs_f64();
        println!(
            "  {count} runs in {time:.1} s, first rows after {:.0} ms; bare client {bare:.1} s for {:.1} MB: ratio {:.2} (bar {bar})",
            first.unwrap_or_default().as_secs_f64() * 1e3,
            bytes as f64 / 1e6,
            time / bare
        );
    }
}

/// The best ten of 10,000 runs as a whole process, against the same in Python.
fn command(folder: &Path) {
    const PYTHON: &str = "import mlflow, sys\nmlflow.set_tracking_uri(sys.argv[1])\n\
        runs = mlflow.search_runs(experiment_names=['bench'])\n\
        print(runs.sort_values('metrics.val_loss').head(10).to_json())";
    // Python's MLflow upgrades the store: a copy of its own, upgraded before anything is measured.
    let path = folder.join("command.db");
    if !path.exists() {
        std::fs::copy(stores::make(folder, 10_000, 1), &path).unwrap();
    }
    let address = format!("sqlite:///{}", path.display());
    V3.run(
        "import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]); mlflow.search_experiments()",
        &[&address],
    );
    println!("\nmltui runs bench --sort metrics.val_loss --limit 10 --json, 10,000 runs, whole process");
    let ours = median((0..15).map(|_| run_ours(&address)).collect());
    let theirs = median(
        (0..3)
            .map(|_| {
                let begin = Instant::now();
                V3.run_anew(PYTHON, &[&address]);
                begin.elapsed().as_secs_f64()
            })
            .collect(),
    );
    println!(
        "  {:.1} ms; Python with mlflow.search_runs {theirs:.1} s: {:.0} times faster (bar 200)",
        ours * 1e3,
        theirs / ours
    );
}

fn run_ours(address: &str) -> f64 {
    let begin = Instant::now();
    let status = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_mltui")))
        .args([
            "--tracking-uri",
            address,
            "runs",
            "bench",
            "--sort",
            "metrics.val_loss",
            "--limit",
            "10",
            "--json",
        ])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    begin.elapsed().as_secs_f64()
}
