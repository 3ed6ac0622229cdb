//! Sweeps as processes, and what a store has of them in the end.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use mltui::mlflow::{RunStatus, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{RunSearch, uri};
use serde_json::Value;

/// Where sweeps are kept in a home.
pub const STATE: &str = ".local/state/mltui/sweeps";
/// How long a command may take. A job that a queue carries out again waits for two minutes first.
const PATIENCE: Duration = Duration::from_secs(420);

pub fn mltui(home: &Path, uri: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
    command
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("USER", "ana")
        .args(["--tracking-uri", uri])
        .args(words)
        .stdin(Stdio::null());
    command
}

/// What a command comes to. One that takes longer than any should is ended, and the test with it: what it said by then tells why.
pub fn output(mut command: Command) -> (i32, String, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let read = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).unwrap();
            text
        })
    };
    let out = read(Box::new(child.stdout.take().unwrap()));
    let error = read(Box::new(child.stderr.take().unwrap()));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            let threads = threads_of(child.id());
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{command:?} did not end\n{threads}\n{}\n{}", out.join().unwrap(), error.join().unwrap());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    (status.code().unwrap_or(-1), out.join().unwrap(), error.join().unwrap())
}

/// What the threads of a process are at, and the processes that it started.
fn threads_of(process: u32) -> String {
    let process = process.to_string();
    let said = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).output();
        output.map_or_else(|error| error.to_string(), |it| String::from_utf8_lossy(&it.stdout).into_owned())
    };
    said("ps", &["-L", "-o", "tid,stat,wchan:32,comm", "-p", &process]) + &said("ps", &["-ef", "--forest"])
}

/// What a store has of a trial, but for times.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub name: String,
    pub status: RunStatus,
    pub ended: bool,
    pub params: Vec<(String, String)>,
    /// Every point of every metric that does not tell a time.
    pub points: Vec<(String, i64, f64)>,
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// The parents and the trials of an experiment, by their numbers; of each its last attempt.
pub fn seen(uri: &str, experiment: &str) -> (Vec<Seen>, Vec<Seen>) {
    let location = uri::parse(uri, Path::new("/")).unwrap();
    let store = uri::open(&location, &RestOptions::default(), true).unwrap();
    block_on(async {
        let all = store.search_experiments(ViewType::All).await.unwrap();
        let Some(found) = all.iter().find(|known| known.name == experiment) else { return (vec![], vec![]) };
        let search = RunSearch {
            experiment_ids: vec![found.experiment_id.clone()],
            max_results: 1000,
            ..RunSearch::default()
        };
        let (mut parents, mut trials) = (Vec::new(), Vec::new());
        for run in store.search_runs(&search).await.unwrap().runs {
            let mut points = Vec::new();
            for metric in run.metrics.iter().filter(|metric| !metric.key.ends_with("seconds")) {
                let history = store.metric_history(&run.info.run_id, &metric.key).await.unwrap();
                points.extend(history.iter().map(|point| (metric.key.clone(), point.step, point.value)));
            }
            points.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)).then(a.2.total_cmp(&b.2)));
            let mut params: Vec<_> = run.params.iter().map(|p| (p.key.clone(), p.value.clone())).collect();
            params.sort();
            let entry = Seen {
                name: run.info.run_name.clone(),
                status: run.info.status,
                ended: run.info.end_time.is_some(),
                params,
                points,
            };
            match run.tag("mltui.trial").unwrap() {
                "parent" => parents.push(entry),
                number => {
                    let attempt = run.tag("mltui.attempt").map_or(0, |number| number.parse().unwrap());
                    trials.push((number.parse::<usize>().unwrap(), attempt, entry));
                }
            }
        }
        trials.sort_by_key(|(number, attempt, _): &(usize, u32, Seen)| (*number, *attempt));
        // Attempts that were followed by another have ended, and do not count.
        let is_followed = |at: usize| {
            trials.get(at + 1).is_some_and(|next| trials[at].0 == next.0 && trials[at].1 < next.1)
        };
        let followed: Vec<bool> = (0..trials.len()).map(is_followed).collect();
        let trials: Vec<(usize, Seen)> = trials
            .into_iter()
            .zip(followed)
            .filter(|((.., entry), is_followed)| {
                let has_failed = matches!(entry.status, RunStatus::Killed | RunStatus::Failed);
                assert!(!is_followed || has_failed, "two that count: {entry:?}");
                !is_followed
            })
            .map(|((number, _, entry), _)| (number, entry))
            .collect();
        let numbers: Vec<usize> = trials.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (0..trials.len()).collect::<Vec<_>>(), "a trial is missing or doubled");
        (parents, trials.into_iter().map(|(_, entry)| entry).collect())
    })
}

pub fn local(folder: &Path) -> String {
    format!("sqlite:///{}/mlflow.db", folder.display())
}

/// A sweep of some seconds.
pub const SWEEP: [&str; 13] = [
    "sweep",
    "--data",
    "iris",
    "--family",
    "random_forest",
    "--family",
    "gradient_boosting",
    "--family",
    "decision_tree",
    "--trials",
    "16",
    "--seed",
    "7",
];

/// The same sweep, left alone.
pub fn undisturbed() -> &'static Vec<Seen> {
    static KNOWN: OnceLock<Vec<Seen>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let home = tempfile::tempdir().unwrap();
        let uri = local(home.path());
        let (code, _, error) = output(mltui(home.path(), &uri, &SWEEP));
        assert_eq!(code, 0, "{error}");
        let (parents, trials) = seen(&uri, "iris");
        assert_eq!((parents.len(), trials.len()), (1, 16));
        assert!(trials.iter().all(|trial| trial.ended && !trial.status.is_active()));
        assert!(trials.iter().any(|trial| trial.status == RunStatus::Killed), "some are pruned");
        trials
    })
}

/// The ids of the sweeps of a home that have begun to be, the oldest first.
pub fn sweeps(home: &Path) -> Vec<String> {
    let folders = fs::read_dir(home.join(STATE)).into_iter().flatten().flatten();
    let whole = folders.filter(|folder| folder.path().join("plan.json").exists());
    let mut ids: Vec<String> = whole.map(|folder| folder.file_name().into_string().unwrap()).collect();
    ids.sort();
    ids
}

/// What a sweep prints as JSON.
pub fn swept(home: &Path, uri: &str, words: &[&str]) -> Value {
    let words: Vec<&str> = ["sweep", "--json"].into_iter().chain(words.iter().copied()).collect();
    let (code, out, error) = output(mltui(home, uri, &words));
    assert_eq!(code, 0, "{error}");
    serde_json::from_str(&out).unwrap()
}

/// Two models, soon trained.
pub const SMALL: [&str; 9] =
    ["sweep", "--data", "iris", "--family", "decision_tree", "--trials", "2", "--folds", "3"];

/// How many runs and sweeps there are.
pub fn begun(home: &Path, database: &Path) -> (i64, usize) {
    let db = rusqlite::Connection::open(database).unwrap();
    let runs = db.query_row("SELECT count(*) FROM runs", [], |row| row.get(0)).unwrap();
    (runs, fs::read_dir(home.join(STATE)).map_or(0, Iterator::count))
}

/// A table with everything in it: gaps, texts, truth values, whole numbers, dates, numbers far
/// from 0, and a level that Python takes for a gap.
pub fn table(folder: &Path, rows: usize) -> PathBuf {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut text = String::from("size,colour,is_new,rooms,at,heating,seen,price,sold\n");
    for row in 0..rows {
        let size = 20.0 + 180.0 * rng.f64();
        let colour = ["red", "green", "blue"][rng.usize(..3)];
        let (is_new, rooms) = (rng.bool(), rng.i64(1..7));
        let heating = ["gas", "gas", "None", "oil"][row % 4];
        let warmth = if heating == "None" { -50.0 } else { 0.0 };
        let price =
            3.0 * size + warmth + if is_new { 40.0 } else { 0.0 } + 9.0 * rooms as f64 + 30.0 * rng.f64();
        let size = if row % 11 == 0 { String::new() } else { format!("{size:.3}") };
        let colour = if row % 13 == 0 { "" } else { colour };
        let at = 1_700_000_000.25 + row as f64 * 12_345.5;
        let at = if row % 7 == 0 { String::new() } else { format!("{at:.2}") };
        let seen = format!(
            "{}-{:02}-{:02}T{:02}:30:15.5+02:00",
            2019 + row % 5,
            1 + row % 12,
            1 + row % 28,
            row % 24
        );
        let seen = if row % 9 == 0 { String::new() } else { seen };
        let sold = if price > 400.0 { "yes" } else { "no" };
        text.push_str(&format!("{size},{colour},{is_new},{rooms},{at},{heating},{seen},{price:.2},{sold}\n"));
    }
    let path = folder.join("houses.csv");
    fs::write(&path, text).unwrap();
    path
}
