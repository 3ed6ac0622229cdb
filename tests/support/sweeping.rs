//! Sweeps as processes, and what a store has of them in the end.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use mltui::mlflow::{RunStatus, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{RunSearch, uri};

/// Where sweeps are kept in a home.
pub const STATE: &str = ".local/state/mltui/sweeps";
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

pub fn output(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
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

/// The parents and the trials of an experiment, by their numbers.
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
                number => trials.push((number.parse::<usize>().unwrap(), entry)),
            }
        }
        trials.sort_by_key(|(number, _)| *number);
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

pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(180), "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}
