//! Sweeps from outside: the real program, the real MLflow, and whatever can break off in between.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use mltui::mlflow::{RunStatus, ViewType};
use mltui::store::rest::RestOptions;
use mltui::store::{RunSearch, uri};
use serde_json::Value;
use support::proxy::{Fault, Proxy};
use support::terminal::Terminal;
use support::{Mlflow, Server, V2, V3};

/// Where sweeps are kept in a home.
const STATE: &str = ".local/state/mltui/sweeps";
const LOOK: &str = include_str!("support/sweeps.py");

fn mltui(home: &Path, uri: &str, words: &[&str]) -> Command {
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

fn output(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// What a sweep prints as JSON.
fn swept(home: &Path, uri: &str, words: &[&str]) -> Value {
    let words: Vec<&str> = ["sweep", "--json"].into_iter().chain(words.iter().copied()).collect();
    let (code, out, error) = output(mltui(home, uri, &words));
    assert_eq!(code, 0, "{error}");
    serde_json::from_str(&out).unwrap()
}

fn look(mlflow: Mlflow, uri: &str, experiment: &str, data: &Path, target: &str, load: bool) -> Value {
    let data = data.display().to_string();
    let mut words = vec![uri, experiment, &data, target];
    if load {
        words.push("--load");
    }
    serde_json::from_str(&mlflow.run(LOOK, &words)).unwrap()
}

/// A table with everything in it: gaps, texts, truth values, whole numbers.
fn table(folder: &Path, rows: usize) -> std::path::PathBuf {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut text = String::from("size,colour,is_new,rooms,price,sold\n");
    for row in 0..rows {
        let size = 20.0 + 180.0 * rng.f64();
        let colour = ["red", "green", "blue"][rng.usize(..3)];
        let (is_new, rooms) = (rng.bool(), rng.i64(1..7));
        let price = 3.0 * size + if is_new { 40.0 } else { 0.0 } + 9.0 * rooms as f64 + 30.0 * rng.f64();
        let size = if row % 11 == 0 { String::new() } else { format!("{size:.3}") };
        let colour = if row % 13 == 0 { "" } else { colour };
        let sold = if price > 400.0 { "yes" } else { "no" };
        text.push_str(&format!("{size},{colour},{is_new},{rooms},{price:.2},{sold}\n"));
    }
    let path = folder.join("houses.csv");
    fs::write(&path, text).unwrap();
    path
}

const REGRESSION: [&str; 10] = [
    "ridge",
    "linear",
    "decision_tree",
    "k_neighbors",
    "pls",
    "lasso",
    "elastic_net",
    "svr",
    "random_forest",
    "gradient_boosting",
];
const CLASSIFICATION: [&str; 7] =
    ["logistic", "decision_tree", "k_neighbors", "naive_bayes", "svm", "random_forest", "gradient_boosting"];

/// One trial of each family, both tasks, and everything that is logged of them.
fn every_family(mlflow: Mlflow, uri: &str, own_models: bool) {
    let home = tempfile::tempdir().unwrap();
    let data = table(home.path(), 300);
    for (target, other, families) in
        [("price", "sold", &REGRESSION[..]), ("sold", "price", &CLASSIFICATION[..])]
    {
        let path = data.display().to_string();
        let trials = families.len().to_string();
        let experiment = format!("{target} {}", fastrand::u32(..));
        let said = swept(
            home.path(),
            uri,
            &[
                "--data",
                &path,
                "--target",
                target,
                "--ignore",
                other,
                "--trials",
                &trials,
                "--experiment",
                &experiment,
                "--no-prune",
            ],
        );
        assert_eq!(said["status"], "finished", "{said}");
        assert_eq!(
            (said["finished"].as_u64(), said["failed"].as_u64()),
            (Some(families.len() as u64), Some(0)),
            "{said}"
        );
        let seen = look(mlflow, uri, &experiment, &data, target, true);
        let parent = &seen["parents"][0];
        assert_eq!(seen["parents"].as_array().unwrap().len(), 1);
        assert_eq!(parent["run_id"], said["run_id"]);
        assert_eq!(parent["status"], "FINISHED");
        assert_eq!(parent["tags"]["mltui.sweep.best"], said["best"]["run_id"]);
        assert_eq!(parent["tags"]["mlflow.user"], "ana");
        assert!(parent["tags"]["mltui.sweep.command"].as_str().unwrap().starts_with("mltui sweep --data"));
        let metric = said["metric"].as_str().unwrap();
        assert_eq!(seen["experiment"]["mlflow.experiment.primaryMetric.name"], metric);
        assert_eq!(parent["artifacts"], serde_json::json!(["command.txt", "search_space.json"]));
        let best: Vec<f64> =
            parent["best"][metric].as_array().unwrap().iter().map(|p| p[1].as_f64().unwrap()).collect();
        assert_eq!(best.len(), families.len());
        assert_eq!(best.last().copied(), said["best"]["metrics"][metric].as_f64());
        let children = parent["children"].as_array().unwrap();
        assert_eq!(children.len(), families.len());
        for (number, (child, family)) in children.iter().zip(families).enumerate() {
            assert_eq!(child["name"], format!("{family}-{number}"));
            assert_eq!((child["status"].as_str(), child["ended"].as_bool()), (Some("FINISHED"), Some(true)));
            assert_eq!(child["params"]["family"], *family);
            let bare = metric.strip_prefix("val_").unwrap();
            let folds = child["histories"][format!("fold_{bare}")].as_array().unwrap();
            assert_eq!(folds.len(), 5);
            let values: Vec<f64> = folds.iter().map(|point| point[1].as_f64().unwrap()).collect();
            let mean = values.iter().sum::<f64>() / 5.0;
            assert!(
                (mean - child["metrics"][metric].as_f64().unwrap()).abs() < 1e-12 * mean.abs().max(1.0),
                "{child}"
            );
            assert!(
                child["metrics"][format!("{metric}_std")].is_number()
                    && child["metrics"]["fit_seconds"].is_number()
            );
            assert!(child["metrics"][format!("test_{bare}")].is_number(), "{child}");
            assert_eq!(child["inputs"][0][0], "houses");
            assert_eq!(
                (child["inputs"][0][2].as_str(), child["inputs"][0][3].as_str()),
                (Some("training"), Some("double"))
            );
            // The model, loaded by Python, with all that is done to its input before.
            assert_eq!(child["rows"], 300);
            assert_eq!(child["columns"][0], "prediction");
            if target == "price" {
                assert!(child["worst"].as_f64().unwrap() < 1e-6, "{family}: {}", child["worst"]);
            } else {
                assert_eq!(child["columns"].as_array().unwrap().len(), 3, "{child}");
                assert!(child["artifacts"].as_array().unwrap().contains(&"confusion_matrix.csv".into()));
            }
            assert!(child["signature"].as_array().unwrap().len() >= 4, "{child}");
        }
        let models = seen["models"].as_array().map_or(&[][..], Vec::as_slice);
        // Once MLflow 3 has looked at a file, it has models as entities of their own.
        let has_own = own_models || (uri.starts_with("sqlite") && target == "sold");
        assert_eq!(models.len(), if has_own { families.len() } else { 0 });
        assert!(
            models.iter().all(|model| model[0] == "model" && model[1].as_str().unwrap().contains("READY"))
        );
    }
}

#[test]
fn every_family_is_logged_and_loaded_from_a_server_of_mlflow_3() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    every_family(V3, &server.uri(), true);
}

#[test]
fn every_family_is_logged_and_loaded_from_a_server_of_mlflow_2() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V2, folder.path());
    every_family(V2, &server.uri(), false);
}

#[test]
fn every_family_is_logged_and_loaded_from_a_local_store() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("sqlite:///{}/mlflow.db", folder.path().display());
    every_family(V3, &uri, false);
    // And where MLflow 3 has been: models are entities of their own then.
    every_family(V3, &uri, true);
}

/// What a store has of a trial, but for times.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    name: String,
    status: RunStatus,
    ended: bool,
    params: Vec<(String, String)>,
    /// Every point of every metric that does not tell a time.
    points: Vec<(String, i64, f64)>,
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// The parents and the trials of an experiment, by their numbers.
fn seen(uri: &str, experiment: &str) -> (Vec<Seen>, Vec<Seen>) {
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

fn local(folder: &Path) -> String {
    format!("sqlite:///{}/mlflow.db", folder.display())
}

/// A sweep of some seconds.
const SWEEP: [&str; 13] = [
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
fn undisturbed() -> &'static Vec<Seen> {
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
fn sweeps(home: &Path) -> Vec<String> {
    let folders = fs::read_dir(home.join(STATE)).into_iter().flatten().flatten();
    let whole = folders.filter(|folder| folder.path().join("plan.json").exists());
    let mut ids: Vec<String> = whole.map(|folder| folder.file_name().into_string().unwrap()).collect();
    ids.sort();
    ids
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(180), "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_same_seed_gives_the_same_trials_whatever_the_jobs() {
    for jobs in ["2", "4", "8"] {
        let home = tempfile::tempdir().unwrap();
        let uri = local(home.path());
        let words: Vec<&str> = SWEEP.into_iter().chain(["--jobs", jobs]).collect();
        let (code, _, error) = output(mltui(home.path(), &uri, &words));
        assert_eq!(code, 0, "{error}");
        assert_eq!(seen(&uri, "iris").1, *undisturbed(), "{jobs} jobs");
    }
}

/// Kills a sweep again and again, resumes it each time, and compares what is there in the end.
fn killed_and_resumed(uri: &str, rounds: u64) {
    let expected = undisturbed();
    for round in 0..rounds {
        let mut rng = fastrand::Rng::with_seed(round);
        let home = tempfile::tempdir().unwrap();
        let experiment = format!("killed {round} {}", rng.u32(..));
        let words: Vec<&str> =
            SWEEP.into_iter().chain(["--experiment", &experiment, "--jobs", "2"]).collect();
        let mut child =
            mltui(home.path(), uri, &words).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let mut kills = 0;
        loop {
            std::thread::sleep(Duration::from_millis(rng.u64(50..900)));
            if child.try_wait().unwrap().is_some() {
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            // Killed before there was anything to resume, it is begun anew.
            let known = sweeps(home.path());
            let again = known.last().map_or_else(|| words.clone(), |id| vec!["sweep", "--resume", id]);
            let mut command = mltui(home.path(), uri, &again);
            child = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        }
        assert!(child.wait().unwrap().success());
        let (parents, trials) = seen(uri, &experiment);
        assert_eq!(trials, *expected, "after {kills} kills in round {round}");
        assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
        let best: Vec<_> = parents[0].points.iter().map(|(_, step, _)| *step).collect();
        assert_eq!(best, (0..16).collect::<Vec<i64>>(), "the best so far, once for each trial");
    }
}

#[test]
fn a_sweep_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    killed_and_resumed(&local(folder.path()), 4);
}

#[test]
fn nor_does_one_that_logs_to_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    killed_and_resumed(&server.uri(), 2);
}

#[test]
fn a_server_that_is_away_costs_nothing_but_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(V3, folder.path());
    let home = tempfile::tempdir().unwrap();
    let words: Vec<&str> = SWEEP.into_iter().chain(["--experiment", "away"]).collect();
    let mut child = mltui(home.path(), &server.uri(), &words).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..2 {
        let before = seen(&server.uri(), "away").1.len();
        wait_until("a further trial", || seen(&server.uri(), "away").1.len() > before);
        server.stop();
        std::thread::sleep(Duration::from_millis(1_500));
        server.restart();
    }
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(said.contains("it is tried again") && said.contains("the store answers again"), "{said}");
    let (parents, trials) = seen(&server.uri(), "away");
    assert_eq!(trials, *undisturbed());
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
}

#[test]
fn answers_that_are_lost_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let proxy = Proxy::start(server.port);
    let home = tempfile::tempdir().unwrap();
    let words: Vec<&str> = SWEEP.into_iter().chain(["--experiment", "lost"]).collect();
    let mut child = mltui(home.path(), &proxy.uri(), &words).stderr(Stdio::null()).spawn().unwrap();
    let mut rng = fastrand::Rng::with_seed(3);
    while child.try_wait().unwrap().is_none() {
        // The request arrives, its answer does not.
        proxy.set(Fault::Cut { writes: rng.u64(0..3), arrives: true, hangs: false, is_cut: false });
        std::thread::sleep(Duration::from_millis(120));
        proxy.set(Fault::None);
        std::thread::sleep(Duration::from_millis(900));
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(seen(&server.uri(), "lost").1, *undisturbed());
}

#[test]
fn a_sweep_outlives_the_explorer_and_is_found_again() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let config = home.path().join(".config/mltui");
    fs::create_dir_all(&config).unwrap();
    let settings = "[sweep]\ndata = \"iris\"\nfamilies = [\"random_forest\", \"gradient_boosting\", \"decision_tree\"]\n\
                    trials = 16\nseed = 7\n";
    fs::write(config.join("config.toml"), settings).unwrap();
    let start = || Terminal::start(home.path(), (120, 36), &["--tracking-uri", &uri], &[("USER", "ana")]);
    let mut screen = start();
    screen.wait_for("trains a first sweep");
    screen.type_keys("T");
    screen
        .wait("a trial that is done", |screen| screen.contains("random_forest-0") && screen.contains("done"));
    screen.signal("-KILL");
    drop(screen);
    let mut again = start();
    again.wait_for("sweep ");
    again.wait_for("is finished after 16 trials");
    again.wait_for("\u{2605}");
    again.type_keys("gs");
    again.wait_for("16/16");
    let (parents, trials) = seen(&uri, "iris");
    assert_eq!(trials, *undisturbed());
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
    // The same key again is another sweep, of another seed.
    again.type_keys("\x1b");
    again.wait("the list to close", |screen| !screen.contains("16/16"));
    again.type_keys("T");
    wait_until("a second sweep", || sweeps(home.path()).len() == 2);
    let header =
        fs::read_to_string(home.path().join(STATE).join(&sweeps(home.path())[1]).join("plan.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&header).unwrap()["plan"]["seed"], 8);
    again.type_keys("gsx");
    again.wait_for("is cancelled after");
    again.type_keys("\x1b");
    again.wait("the list to close", |screen| !screen.contains("esc closes"));
    again.type_keys("q");
    assert_eq!(again.wait_for_end(), 0);
}

#[test]
fn a_sweep_whose_process_died_is_closed_at_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let mut child = mltui(home.path(), &uri, &SWEEP).stderr(Stdio::null()).spawn().unwrap();
    wait_until("some trials", || seen(&uri, "iris").1.len() >= 4);
    child.kill().unwrap();
    child.wait().unwrap();
    let screen = Terminal::start(home.path(), (120, 36), &["--tracking-uri", &uri], &[("USER", "ana")]);
    screen.wait_for("broke off earlier");
    let (parents, trials) = seen(&uri, "iris");
    assert!(
        parents.iter().chain(&trials).all(|run| run.ended && !run.status.is_active()),
        "{parents:?} {trials:?}"
    );
    assert_eq!(parents[0].status, RunStatus::Killed);
    drop(screen);
    let id = sweeps(home.path()).remove(0);
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    assert_eq!(seen(&uri, "iris").1, *undisturbed());
}

#[test]
fn a_sweep_is_paused_continued_cancelled_and_resumed() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let words: Vec<&str> = SWEEP.into_iter().chain(["--detach"]).collect();
    let (code, id, error) = output(mltui(home.path(), &uri, &words));
    assert_eq!(code, 0, "{error}");
    let id = id.trim().to_owned();
    let steer = |word: &str| {
        let (code, _, error) = output(mltui(home.path(), &uri, &["sweeps", word, &id]));
        assert_eq!(code, 0, "{word}: {error}");
    };
    let status = || {
        let (_, out, _) = output(mltui(home.path(), &uri, &["sweeps", "--json"]));
        let list: Value = serde_json::from_str(&out).unwrap();
        list[0].clone()
    };
    wait_until("its beginning", || status()["finished"].as_u64() >= Some(1));
    steer("pause");
    wait_until("the pause", || status()["status"] == "paused");
    std::thread::sleep(Duration::from_millis(600));
    let before = status();
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(status()["finished"], before["finished"], "nothing goes on");
    steer("continue");
    wait_until("more trials", || status()["finished"].as_u64() > before["finished"].as_u64());
    steer("cancel");
    wait_until("its end", || status()["status"] == "cancelled");
    wait_until("its word to the store", || status()["unsent"] == 0);
    assert!(seen(&uri, "iris").1.iter().all(|run| run.ended));
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweeps", "pause", &id]));
    assert!(code == 2 && error.contains("is cancelled"), "{error}");
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    assert_eq!(seen(&uri, "iris").1, *undisturbed());
}

#[test]
fn an_interrupt_closes_the_runs_and_says_how_to_go_on() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let mut child = mltui(home.path(), &uri, &SWEEP).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("some trials", || seen(&uri, "iris").1.len() >= 3);
    let process = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    assert!(said.contains("sweep --resume"), "{said}");
    let (parents, trials) = seen(&uri, "iris");
    assert!(parents.iter().chain(&trials).all(|run| run.ended && !run.status.is_active()));
}

#[test]
fn what_is_wrong_with_data_is_said_with_file_line_and_column() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let write = |name: &str, text: &str| {
        let path = home.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let rows = |last: &str| {
        let rows = (0..40).fold(String::new(), |rows, row| rows + &format!("{row},{}\n", row % 2));
        format!("x,y\n{rows}{last}")
    };
    let column = |line: &dyn Fn(usize) -> String| {
        let lines: String = (0..40).map(line).collect();
        format!("x,y\n{lines}")
    };
    let fine = write("fine.csv", &rows(""));
    let cases = [
        (write("text.csv", &rows("abc,1\n")), "y", "line 42, column x: \"abc\" among 40 numbers"),
        (write("ragged.csv", &rows("1,2,3\n")), "y", "line 42: 3 fields, and 2 before it"),
        (write("none.csv", "x,y\n"), "y", "there are no rows in it"),
        (write("empty.csv", ""), "y", "it is empty"),
        (write("twice.csv", "x,x\n1,2\n"), "x", "two columns are named \"x\""),
        (write("constant.csv", &column(&|row| format!("{row},7.5\n"))), "y", "7.5 in every row"),
        (write("single.csv", &column(&|row| format!("{row},a\n"))), "y", "a single class"),
        (write("huge.csv", &rows("1e300,1\n")), "y", "line 42, column x: 1e300 is larger"),
        (write("same.csv", &column(&|row| format!("3,{row}\n"))), "y", "nothing to learn from"),
        (write("numbers.csv", "1,2\n3,4\n"), "y", "--no-header"),
        (fine.clone(), "z", "there is no column \"z\" in fine; it has x, y"),
        (home.path().join("missing.csv").display().to_string(), "y", "there is no data set"),
    ];
    for (data, target, expected) in &cases {
        let (code, _, error) =
            output(mltui(home.path(), &uri, &["sweep", "--data", data, "--target", target]));
        assert!(code == 2 && error.contains(expected), "{data}: {code} {error}");
    }
    for (more, expected) in [
        (&["--family", "oak"][..], "there is no family \"oak\""),
        (&["--family", "svr"], "svr is not for classification"),
        (&["--metric", "rmse"], "classification has no metric \"rmse\""),
        (&["--folds", "30"], "too few for 30 folds"),
        (
            &["--space", "random_forest.max_depth=9..2", "--family", "random_forest"],
            "low has to be below high",
        ),
        (&["--space", "random_forest"], "write FAMILY.NAME=RANGE"),
        (&["--time", "soon"], "write a time as"),
    ] {
        let words: Vec<&str> =
            ["sweep", "--data", &fine, "--target", "y"].into_iter().chain(more.iter().copied()).collect();
        let (code, _, error) = output(mltui(home.path(), &uri, &words));
        assert!(code == 2 && error.contains(expected), "{more:?}: {code} {error}");
    }
    assert!(!home.path().join("mlflow.db").exists(), "nothing was begun");
}
