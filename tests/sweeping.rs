//! Sweeps from outside: the real program, the real MLflow.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mltui::learn::data::{ReadOptions, load};
use mltui::mlflow::{RunStatus, Tag};
use mltui::store::uri;
use mltui::store::uri::RestOptions;
use parquet::data_type::DoubleType;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};
use support::proxy::{Fault, Proxy};
use support::sweeping::{STATE, SWEEP, block_on, local, mltui, output, seen, undisturbed, wait_until};
use support::{Mlflow, Server, V2, V3};

const LOOK: &str = include_str!("support/sweeps.py");

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

/// A table with everything in it: gaps, texts, truth values, whole numbers, numbers far
/// from 0, and a level that Python takes for a gap.
fn table(folder: &Path, rows: usize) -> PathBuf {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut text = String::from("size,colour,is_new,rooms,at,heating,price,sold\n");
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
        let sold = if price > 400.0 { "yes" } else { "no" };
        text.push_str(&format!("{size},{colour},{is_new},{rooms},{at},{heating},{price:.2},{sold}\n"));
    }
    let path = folder.join("houses.csv");
    fs::write(&path, text).unwrap();
    path
}

/// A table in which no value stands twice.
fn distinct(folder: &Path, rows: usize) -> PathBuf {
    let mut rng = fastrand::Rng::with_seed(8);
    let mut order: Vec<usize> = (0..rows).collect();
    rng.shuffle(&mut order);
    let mut text = String::from("left,right,wins\n");
    for (row, other) in order.into_iter().enumerate() {
        let (left, right) = (0.37 * row as f64, 0.41 * other as f64 - 20.0);
        writeln!(text, "{left:.3},{right:.3},{}", if left > right + 5.0 { "yes" } else { "no" }).unwrap();
    }
    let path = folder.join("duels.csv");
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
    let houses = table(home.path(), 300);
    for (data, target, other, families) in [
        (&houses, "price", "sold", &REGRESSION[..]),
        (&houses, "sold", "price", &CLASSIFICATION[..]),
        (&distinct(home.path(), 300), "wins", "", &["linfa_tree"]),
    ] {
        let path = data.display().to_string();
        let trials = families.len().to_string();
        let experiment = format!("{target} {}", fastrand::u32(..));
        let mut words = vec!["--data", &path, "--target", target, "--trials", &trials];
        words.extend(["--experiment", &experiment, "--no-prune", "--ignore", other]);
        words.extend(families.iter().flat_map(|family| ["--family", family]));
        let said = swept(home.path(), uri, &words);
        assert_eq!(said["status"], "finished", "{said}");
        assert_eq!(
            (said["finished"].as_u64(), said["failed"].as_u64()),
            (Some(families.len() as u64), Some(0)),
            "{said}"
        );
        let seen = look(mlflow, uri, &experiment, data, target, true);
        let parent = &seen["parents"][0];
        assert_eq!(seen["parents"].as_array().unwrap().len(), 1);
        assert_eq!(parent["run_id"], said["run_id"]);
        assert_eq!(parent["status"], "FINISHED");
        assert_eq!(parent["tags"]["mltui.sweep.best"], said["best"]["run_id"]);
        assert_eq!(parent["tags"]["mlflow.user"], "ana");
        assert!(parent["tags"]["mltui.sweep.command"].as_str().unwrap().starts_with("mltui sweep --data"));
        let metric = said["metric"].as_str().unwrap();
        let bare = metric.strip_prefix("val_").unwrap();
        assert_eq!(seen["experiment"]["mlflow.experiment.primaryMetric.name"], metric);
        assert_eq!(parent["artifacts"], serde_json::json!(["command.txt", "data.json", "search_space.json"]));
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
            assert_eq!(child["inputs"][0][0], data.file_stem().unwrap().to_str().unwrap());
            assert_eq!(
                (child["inputs"][0][2].as_str(), child["inputs"][0][3].as_str()),
                (Some("training"), Some("double"))
            );
            // The model, loaded by Python, with all that is done to its input before.
            assert_eq!(child["rows"], 300);
            assert_eq!((child["agree"].as_bool(), child["of_example"].as_u64()), (Some(true), Some(5)));
            assert_eq!(child["columns"][0], "prediction");
            assert_eq!((child["tested"].as_u64(), child["same_truth"].as_bool()), (Some(60), Some(true)));
            assert!(child["worst"].as_f64().unwrap() < 1e-6, "{family}: {}", child["worst"]);
            if target != "price" {
                assert_eq!(child["columns"].as_array().unwrap().len(), 3, "{child}");
                assert!(child["columns"][1].as_str().unwrap().starts_with("probability_"), "{child}");
                for score in ["val_log_loss", "val_roc_auc", "test_log_loss", "test_roc_auc"] {
                    assert!(child["metrics"][score].is_number(), "{family}: {score}");
                }
                assert!(child["artifacts"].as_array().unwrap().contains(&"confusion_matrix.csv".into()));
            }
            assert!(child["signature"].as_array().unwrap().len() >= 2, "{child}");
        }
        let models = seen["models"].as_array().map_or(&[][..], Vec::as_slice);
        // Once MLflow 3 has looked at a file, it has models as entities of their own.
        let has_own = own_models || (uri.starts_with("sqlite") && target != "price");
        assert_eq!(models.len(), if has_own { families.len() } else { 0 });
        for model in models {
            assert!(
                model["name"] == "model" && model["status"].as_str().unwrap().contains("READY"),
                "{model}"
            );
            assert_eq!(model["tags"]["mlflow.user"], "ana");
            let run = children.iter().find(|child| child["run_id"] == model["run"]).unwrap();
            assert_eq!(model["params"], run["params"]);
            let test = format!("test_{bare}");
            assert_eq!(model["metrics"][&test][0], run["metrics"][&test]);
            assert_eq!(model["metrics"][&test][1], data.file_stem().unwrap().to_str().unwrap());
        }
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

#[test]
fn what_goes_by_no_earlier_trial_takes_any_number_of_jobs() {
    for more in [&["--method", "random", "--no-prune", "--trials", "24"][..], &["--method", "grid"]] {
        let trials = ["1", "24"].map(|jobs| {
            let home = tempfile::tempdir().unwrap();
            let uri = local(home.path());
            let mut words = vec!["sweep", "--data", "iris", "--family", "decision_tree", "--models", "best"];
            words.extend(more);
            words.extend(["--jobs", jobs]);
            let (code, _, error) = output(mltui(home.path(), &uri, &words));
            assert!(code == 0 && !error.contains("earlier trials"), "{error}");
            seen(&uri, "iris").1
        });
        assert!(trials[0].len() >= 18, "{}", trials[0].len());
        assert_eq!(trials[0], trials[1]);
    }
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
        (write("none.csv", "x,y\n"), "y", "it has no rows"),
        (write("empty.csv", ""), "y", "it is empty"),
        (write("twice.csv", "x,x\n1,2\n"), "x", "duplicate column name \"x\""),
        (write("constant.csv", &column(&|row| format!("{row},7.5\n"))), "y", "7.5 in every row"),
        (write("single.csv", &column(&|row| format!("{row},a\n"))), "y", "a single class"),
        (write("huge.csv", &rows("1e300,1\n")), "y", "line 42, column x: 1e300 is larger"),
        (write("same.csv", &column(&|row| format!("3,{row}\n"))), "y", "nothing to learn from"),
        (write("numbers.csv", "1,2\n3,4\n"), "y", "--no-header"),
        (fine.clone(), "z", "no column \"z\" in fine; it has x, y"),
        (home.path().join("missing.csv").display().to_string(), "y", "no data set"),
    ];
    for (data, target, expected) in &cases {
        let (code, _, error) =
            output(mltui(home.path(), &uri, &["sweep", "--data", data, "--target", target]));
        assert!(code == 2 && error.contains(expected), "{data}: {code} {error}");
    }
    for (more, expected) in [
        (&["--family", "oak"][..], "no family \"oak\""),
        (&["--family", "svr"], "svr is not for classification"),
        (&["--metric", "rmse"], "classification has no metric \"rmse\""),
        (&["--folds", "30"], "too few for 30 folds"),
        (&["--space", "random_forest.max_depth=9..2", "--family", "random_forest"], "low must be below high"),
        (&["--space", "random_forest"], "write FAMILY.NAME=RANGE"),
        (&["--space", "oak.max_depth=2..3"], "no family \"oak\""),
        (
            &["--space", "random_forest.leaves=2..3"],
            "random_forest has no \"leaves\": it has n_estimators, max_depth",
        ),
        (&["--space", "decision_tree.criterion=best"], "criterion is best; it must be one of gini, entropy"),
        (&["--time", "soon"], "expected a time such as"),
    ] {
        let words: Vec<&str> =
            ["sweep", "--data", &fine, "--target", "y"].into_iter().chain(more.iter().copied()).collect();
        let (code, _, error) = output(mltui(home.path(), &uri, &words));
        assert!(code == 2 && error.contains(expected), "{more:?}: {code} {error}");
    }
    assert!(!home.path().join("mlflow.db").exists(), "nothing was begun");
}

/// What the command line does not say of a file the settings do, and an error names both.
#[test]
fn how_a_file_is_read_is_said_by_a_flag_or_by_the_settings() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let rows: String =
        (0..60).fold(String::new(), |rows, row| rows + &format!("\"{row},234\",{}\n", row % 2));
    fs::write(home.path().join("t.csv"), format!("x,y\n{}", rows.replace("\"0,", "\"1,"))).unwrap();
    fs::write(home.path().join("c.toml"), "[sweep]\ndecimal = ','\n").unwrap();
    let sweep = |more: &[&str]| {
        let words =
            ["sweep", "--data", "t.csv", "--target", "y", "--family", "decision_tree", "--trials", "1"];
        output(mltui(home.path(), &uri, &[&words, more].concat()))
    };
    let (code, _, error) = sweep(&[]);
    assert!(code == 2 && error.contains("--decimal , (or set decimal in [sweep]"), "{error}");
    let (code, _, error) = sweep(&["--config", "c.toml"]);
    assert!(code == 0 && error.contains("with decimal commas"), "{error}");
    let (code, _, error) = sweep(&["--config", "c.toml", "--decimal", "."]);
    assert!(code == 0 && !error.contains("with decimal commas"), "{error}");
}

/// A sweep that was begun when data were read in another way does not go on: its trials would be ranked together.
#[test]
fn a_sweep_whose_data_are_read_in_another_way_does_not_go_on() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let rows: String = (0..120).fold(String::new(), |rows, row| {
        rows + &format!("{},0.1,{}\n", 1.7e9 + f64::from(row) / 3.0, row % 2)
    });
    fs::write(home.path().join("t.csv"), format!("at,same,y\n{rows}")).unwrap();
    let words = ["--data", "t.csv", "--target", "y", "--family", "decision_tree", "--trials", "1"];
    let id = swept(home.path(), &uri, &words)["sweep"].as_str().unwrap().to_owned();
    let plan = home.path().join(STATE).join(&id).join("plan.json");
    let resume = || output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    let (code, _, error) = resume();
    assert_eq!(code, 0, "read as it was: {error}");
    let begun: Value = serde_json::from_slice(&fs::read(&plan).unwrap()).unwrap();
    let without = |mut header: Value, key: &str| {
        header.as_object_mut().unwrap().remove(key);
        header
    };
    let older = without(begun.clone(), "fingerprint");
    let mut of_levels = older.clone();
    of_levels["account"]["columns"][1]["use"] = "levels".into();
    let mut other = begun.clone();
    other["fingerprint"] = "01234567".into();
    for header in [without(older.clone(), "account"), of_levels, other] {
        fs::write(&plan, header.to_string()).unwrap();
        let (code, _, error) = resume();
        assert!(code == 2 && error.contains("differently than the one that began the sweep"), "{error}");
    }
    // What is only told of the data may be told in other words by each version.
    let mut words = older.clone();
    words["account"]["target"]["because"] = "says so".into();
    words["account"]["columns"][2]["why"] = "an earlier version called it something else".into();
    words["account"]["counts"]["with_gaps"] = 7.into();
    words["account"]["further"] = "a field of a newer version".into();
    let mut unknown = begun.clone();
    unknown["account"] = json!({ "told": "in another form" });
    for header in [older, words, unknown] {
        fs::write(&plan, header.to_string()).unwrap();
        let (code, _, error) = resume();
        assert_eq!(code, 0, "{error}");
    }
}

/// A file below a folder, wherever it is.
fn found(folder: &Path, name: &str) -> Option<PathBuf> {
    fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { found(&path, name) } else { (entry.file_name() == name).then_some(path) }
    })
}

#[test]
fn what_was_read_and_what_was_left_out_is_told_and_logged() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let mut text = String::from("Kunde;Preis;Art;fest;zuletzt;y\n");
    for row in 0..60 {
        let price = if row == 7 { "NA".to_owned() } else { format!("1.{row:03},5") };
        let (kind, y) =
            (["None", "alt", "neu", "NA"][row % 4], if row == 9 { "" } else { ["0", "1"][row % 2] });
        writeln!(text, "K-{row};{price};{kind};3;{row},25;{y}").unwrap();
    }
    let data = home.path().join("kunden.csv");
    fs::write(&data, text).unwrap();
    let data = data.display().to_string();
    let mut words = vec!["sweep", "--data", &data, "--target", "y", "--family", "decision_tree"];
    words.extend(["--trials", "1", "--ignore", "zuletzt", "--ignore", "nichts", "--json"]);
    let (code, out, error) = output(mltui(home.path(), &uri, &words));
    assert_eq!(code, 0, "{error}");
    for line in [
        "kunden: 60 rows, 6 columns of CSV, separated by ';', with decimal commas",
        "kunden: the target y: classification: 30 rows of \"0\", 29 of \"1\"; its values are 2 integers; 1 of 60 rows have none and are not used",
        "kunden: features: numbers Preis; texts Art (3 levels)",
        "kunden: Kunde is excluded: it looks like an identifier: 59 distinct texts in 59 rows, such as \"K-0\"",
        "kunden: fest is excluded: it is constant",
        "kunden: zuletzt is excluded: as requested",
        "kunden: missing values: Preis 1 (\"NA\" 1), Art 15 (\"NA\" 15)",
        "kunden: no column \"nichts\"",
    ] {
        assert!(error.lines().any(|said| said == format!("mltui: {line}")), "{line}\n{error}");
    }
    let printed: Value = serde_json::from_str(&out).unwrap();
    let kept = found(home.path(), "data.json").unwrap();
    let logged: Value = serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
    assert_eq!(printed["data"], logged);
    let column = |name: &str| {
        let all = logged["columns"].as_array().unwrap();
        all.iter().find(|column| column["name"] == name).unwrap().clone()
    };
    assert_eq!((&logged["format"], &logged["decimal"]), (&"csv".into(), &",".into()));
    assert_eq!(
        (&column("Kunde")["use"], &column("Kunde")["reason"]),
        (&"left_out".into(), &"identifier".into())
    );
    assert_eq!(column("Art")["gap_words"], serde_json::json!({"NA": 15}));
    assert_eq!((&column("Art")["levels"], &column("Art")["use"]), (&3.into(), &"levels".into()));
}

#[test]
fn the_printed_command_does_the_same_again() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("it's $HOME \u{1b}]0;x\u{7}\u{202e}!\u{9b}31m");
    fs::create_dir(&folder).unwrap();
    let data = table(&folder, 120).display().to_string();
    let uri = local(home.path());
    let (experiment, mut words) = ("as \"it\" was; 1", vec!["--data", &data, "--target", "sold"]);
    words.extend(["--ignore", "price", "--categorical", "rooms", "--metric", "log_loss", "--folds", "3"]);
    words.extend(["--family", "random_forest", "--family", "logistic", "--seed", "11", "--trials", "6"]);
    words.extend(["--space", "random_forest.max_depth=2..5", "--method", "random", "--test-size", "0.3"]);
    words.extend(["--models", "best", "--experiment", experiment]);
    let said = swept(home.path(), &uri, &words);
    let program = Path::new(env!("CARGO_BIN_EXE_mltui")).parent().unwrap().display().to_string();
    let elsewhere = tempfile::tempdir().unwrap();
    let command = said["command"].as_str().unwrap();
    assert!(!command.chars().any(mltui::text::is_hidden), "{command:?} is pasted into a terminal");
    let file = found(home.path(), "command.txt").unwrap();
    assert_eq!(fs::read_to_string(file).unwrap(), format!("{command}\n"));
    for name in ["search_space.json", "data.json"] {
        let text = fs::read_to_string(found(home.path(), name).unwrap()).unwrap();
        assert!(text.lines().all(|line| !line.chars().any(mltui::text::is_hidden)), "{text:?} is looked at");
    }
    // In a store of its own, which is empty: it names the one that it was begun in.
    let place = |uri: &str| format!(" --tracking-uri {uri}");
    assert!(command.ends_with(&place(&uri)), "{command}");
    let there = command.replace(&place(&uri), &place(&local(elsewhere.path())));
    let status = Command::new("bash")
        .args(["-c", &there])
        .current_dir(elsewhere.path())
        .env("HOME", elsewhere.path())
        .env("PATH", format!("{program}:/usr/bin:/bin"))
        .status()
        .unwrap();
    assert!(status.success());
    let (before, after) = (seen(&uri, experiment), seen(&local(elsewhere.path()), experiment));
    assert_eq!((before.1.len(), before.1), (6, after.1));
    assert_eq!(before.0[0].points, after.0[0].points);
}

/// The command lines of all processes that name a word.
fn command_lines(word: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(word))
        .collect()
}

#[test]
fn a_sweep_of_its_own_process_shows_no_password() {
    let home = tempfile::tempdir().unwrap();
    let server = support::Server::start(support::V3, home.path());
    let uri = format!("http://ana:s3cr3t-pass@127.0.0.1:{}", server.port);
    let words = ["sweep", "--data", "iris", "--trials", "500", "--family", "logistic", "--detach"];
    let (code, id, error) = output(mltui(home.path(), &uri, &words));
    assert_eq!(code, 0, "{error}");
    let id = id.trim().to_owned();
    let lines = command_lines(&id);
    assert!(lines.iter().any(|line| line.contains("--background")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("s3cr3t")), "{lines:?}");
    let status = || {
        let (_, out, _) = output(mltui(home.path(), &uri, &["sweeps", "--json"]));
        let list: Value = serde_json::from_str(&out).unwrap();
        list[0].clone()
    };
    wait_until("a trial at the server", || status()["finished"].as_u64() >= Some(1));
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweeps", "cancel", &id]));
    assert_eq!(code, 0, "{error}");
    wait_until("its end", || status()["status"] == "cancelled" && status()["unsent"] == 0);
    // Neither what it keeps nor what it logged: tags, files and the server's own log among them.
    let mut folders = vec![home.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let bytes = std::fs::read(entry.path()).unwrap();
                let holds = bytes.windows(6).any(|part| part == b"s3cr3t");
                assert!(!holds, "{}", entry.path().display());
            }
        }
    }
}

/// Two models, soon trained.
const SMALL: [&str; 9] =
    ["sweep", "--data", "iris", "--family", "decision_tree", "--trials", "2", "--folds", "3"];

/// What the statuses of the models in a database are: 1 is pending, 2 ready, 3 failed.
fn models(database: &Path) -> Vec<i64> {
    let db = rusqlite::Connection::open(database).unwrap();
    let mut statement = db.prepare("SELECT status FROM logged_models").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// All trials of the experiment have ended well, with what the test says of their models.
fn are_whole(uri: &str) {
    let (parents, trials) = seen(uri, "iris");
    assert_eq!((parents.len(), trials.len()), (1, 2));
    assert_eq!(parents[0].status, RunStatus::Finished);
    for trial in &trials {
        assert_eq!((trial.status, trial.ended), (RunStatus::Finished, true));
        let tested = trial.points.iter().filter(|(key, _, _)| key == "test_accuracy").count();
        assert_eq!(tested, 1, "{trial:?}");
    }
}

#[test]
fn a_model_that_a_server_does_not_take_is_told_once_and_ends_no_sweep() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(V3, home.path());
    let proxy = Proxy::start(server.port);
    // As a gateway does that lets no large body pass.
    proxy.set(Fault::Refuse("/models/", 413));
    let (code, out, error) = output(mltui(home.path(), &proxy.uri(), &SMALL));
    assert_eq!(code, 0, "{error}");
    assert_eq!(error.matches("; the sweep continues: ").count(), 1, "{error}");
    assert!(out.contains("2 models are not stored: "), "{out}");
    are_whole(&server.uri());
    assert_eq!(models(&home.path().join("store.db")), [3, 3], "nobody waits for them");
    let (_, listed, _) = output(mltui(home.path(), &proxy.uri(), &["sweeps", "--json"]));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["not_kept"]["models"], 2, "{listed}");
    assert!(listed[0]["not_kept"]["why"].as_str().unwrap().contains("model"), "{listed}");
    let found =
        mltui(home.path(), &server.uri(), &["runs", "iris", "--columns", "tags.mltui.sweep.not_kept"]);
    let (_, tagged, _) = output(found);
    assert_eq!(tagged.matches("model: ").count(), 2, "{tagged}");
}

#[test]
fn a_server_that_can_write_no_files_is_not_asked_for_ever() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("file"), "no folder").unwrap();
    let below = home.path().join("file/artifacts").display().to_string();
    let server = Server::start_with(V3, home.path(), &["--artifacts-destination", &below], &[]);
    let said = swept(home.path(), &server.uri(), &SMALL[1..]);
    assert_eq!(
        (said["finished"].as_u64(), said["not_kept"]["models"].as_u64()),
        (Some(2), Some(2)),
        "{said}"
    );
    assert!(said["not_kept"]["files"].as_u64() >= Some(2), "{said}");
    are_whole(&server.uri());
    assert_eq!(models(&home.path().join("store.db")), [3, 3]);
}

#[test]
fn a_sweep_that_broke_off_is_closed_though_the_server_can_write_no_files() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(V3, home.path());
    let proxy = Proxy::start(server.port);
    // An experiment, its two runs, and nothing more: whatever is trained has to be brought there later.
    proxy.set(Fault::Cut { writes: 6, arrives: false, hangs: true, is_cut: false });
    let mut child = mltui(home.path(), &proxy.uri(), &SMALL).stderr(Stdio::null()).spawn().unwrap();
    let all_is_trained = || {
        let sweeps = support::sweeping::sweeps(home.path());
        let journal = sweeps.first().map(|id| home.path().join(STATE).join(id).join("events.jsonl"));
        let events = journal.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        events.matches("\"event\":\"ended\"").count() == 2
    };
    wait_until("the end of training", || proxy.is_cut() && all_is_trained());
    child.kill().unwrap();
    child.wait().unwrap();
    proxy.set(Fault::Refuse("mlflow-artifacts", 500));
    let next = [&SMALL[..], &["--experiment", "next"]].concat();
    let (code, _, error) = output(mltui(home.path(), &proxy.uri(), &next));
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("was interrupted") && !error.contains("cannot be closed"), "{error}");
    let (parents, trials) = seen(&server.uri(), "iris");
    assert_eq!((parents.len(), trials.len()), (1, 2));
    assert!(parents.iter().chain(&trials).all(|run| run.ended && !run.status.is_active()), "{trials:?}");
    assert_eq!(models(&home.path().join("store.db")), [3, 3, 3, 3]);
}

#[test]
fn without_an_artifact_service_models_are_artifacts_and_none_is_left_pending() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("art");
    let words = ["--no-serve-artifacts", "--default-artifact-root", root.to_str().unwrap()];
    let server = Server::start_with(V3, home.path(), &words, &[]);
    let said = swept(home.path(), &server.uri(), &SMALL[1..]);
    assert_eq!(said["not_kept"], json!({ "models": 0, "files": 0, "why": null }));
    are_whole(&server.uri());
    assert!(models(&home.path().join("store.db")).is_empty());
    let run = said["best"]["run_id"].as_str().unwrap();
    let location = uri::parse(&server.uri(), home.path()).unwrap();
    let store = uri::open(&location, &RestOptions::default(), true).unwrap();
    let files = block_on(store.list_artifacts(&run.into(), "model")).unwrap().files;
    assert!(files.iter().any(|file| file.path == "model/MLmodel"), "{files:?}");
}

#[test]
fn a_sweep_that_ends_in_an_error_leaves_no_run_behind_that_runs() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(V3, home.path());
    let proxy = Proxy::start(server.port);
    proxy.set(Fault::Refuse("log-batch", 401));
    let (code, _, error) = output(mltui(home.path(), &proxy.uri(), &SMALL));
    assert_ne!(code, 0);
    assert!(error.contains("fix this and resume it"), "{error}");
    let (parents, trials) = seen(&server.uri(), "iris");
    assert!(!parents.is_empty());
    let all = parents.iter().chain(&trials);
    assert!(all.clone().all(|run| run.ended && !run.status.is_active()), "{:?}", all.collect::<Vec<_>>());
    proxy.set(Fault::None);
    let id = support::sweeping::sweeps(home.path()).remove(0);
    let (code, _, error) = output(mltui(home.path(), &server.uri(), &["sweep", "--resume", &id]));
    // The same store under another address is another store.
    assert_eq!(code, 2, "{error}");
    proxy.set(Fault::Refuse("/models/", 413));
    let (code, _, error) = output(mltui(home.path(), &proxy.uri(), &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    are_whole(&server.uri());
}

#[test]
fn a_sweep_does_not_go_on_in_a_store_that_is_not_there() {
    let home = tempfile::tempdir().unwrap();
    let (uri, path) = (local(home.path()), home.path().join("mlflow.db"));
    swept(home.path(), &uri, &SMALL[1..]);
    let id = support::sweeping::sweeps(home.path()).remove(0);
    fs::rename(&path, home.path().join("away.db")).unwrap();
    for background in [&[][..], &["--background"]] {
        let words = [&["sweep", "--resume", &id], background].concat();
        let (code, _, error) = output(mltui(home.path(), &uri, &words));
        assert!(code != 0 && error.contains("no file"), "{error}");
        assert!(!path.exists());
    }
}

/// How many runs and sweeps there are.
fn begun(home: &Path, database: &Path) -> (i64, usize) {
    let db = rusqlite::Connection::open(database).unwrap();
    let runs = db.query_row("SELECT count(*) FROM runs", [], |row| row.get(0)).unwrap();
    (runs, fs::read_dir(home.join(STATE)).map_or(0, Iterator::count))
}

#[test]
fn a_sweep_whose_files_belong_elsewhere_is_refused_before_anything_is_made() {
    let home = tempfile::tempdir().unwrap();
    let (uri, path) = (local(home.path()), home.path().join("mlflow.db"));
    let store = uri::open(&uri::parse(&uri, home.path()).unwrap(), &RestOptions::default(), false).unwrap();
    let id = block_on(store.create_experiment("iris", &[Tag::new("k", "v")])).unwrap();
    for place in ["mlflow-artifacts:/1", "s3://bucket/1", "/somewhere/that/is/not/here/mlruns/1"] {
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute(
            "UPDATE experiments SET artifact_location = ?1 WHERE experiment_id = ?2",
            [place, id.as_str()],
        )
        .unwrap();
        let (code, _, error) = output(mltui(home.path(), &uri, &SMALL));
        assert!(code != 0 && error.contains(place), "{error}");
        assert!(error.contains("another experiment"), "it says what to do: {error}");
        assert_eq!(begun(home.path(), &path), (0, 0));
    }
    // An experiment that the sweep makes has its files beside the database.
    let said = swept(home.path(), &uri, &[&SMALL[1..], &["--experiment", "new"]].concat());
    assert_eq!(said["not_kept"]["models"], 0);
    let run = said["best"]["run_id"].as_str().unwrap();
    let files = block_on(store.list_artifacts(&run.into(), "model")).unwrap().files;
    assert!(files.iter().any(|file| file.path == "model/MLmodel"), "{files:?}");
}

#[test]
fn a_sweep_into_the_file_of_a_server_writes_where_the_server_looks_or_nothing() {
    let program = "import mlflow, sys\nmlflow.set_tracking_uri(sys.argv[1])\nmlflow.set_experiment('iris')\n\
                   with mlflow.start_run():\n    mlflow.log_text('x', 'note.txt')";
    for elsewhere in [true, false] {
        let home = tempfile::tempdir().unwrap();
        let there = home.path().join("elsewhere").display().to_string();
        let words: &[&str] = if elsewhere { &["--artifacts-destination", &there] } else { &[] };
        let server = Server::start_with(V3, home.path(), words, &[]);
        V3.run(program, &[&server.uri()]);
        let path = home.path().join("store.db");
        let uri = format!("sqlite:///{}", path.display());
        if elsewhere {
            let (code, _, error) = output(mltui(home.path(), &uri, &SMALL));
            assert!(code != 0 && error.contains("--tracking-uri"), "{error}");
            assert_eq!(begun(home.path(), &path), (1, 0), "only the run that logged a note");
            continue;
        }
        let said = swept(home.path(), &uri, &SMALL[1..]);
        let run = said["run_id"].as_str().unwrap();
        let location = uri::parse(&server.uri(), home.path()).unwrap();
        let store = uri::open(&location, &RestOptions::default(), true).unwrap();
        let content = block_on(store.read_artifact(&run.into(), "command.txt", 1 << 20)).unwrap();
        assert!(content.starts_with(b"mltui sweep"), "the server finds it");
    }
}

/// A file of one column of numbers.
fn parquet(path: &Path) -> Vec<u8> {
    let schema = Arc::new(parse_message_type("message m { required double a; }").unwrap());
    let file = fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[1.0, 2.5, 4.0], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    fs::read(path).unwrap()
}

#[test]
fn what_breaks_the_reader_of_a_file_is_told_in_one_sentence() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.parquet");
    let whole = parquet(&path);
    let name = path.to_str().unwrap();
    // What the file tells of itself stands at its end; some of what can be wrong there makes the reader panic.
    let breaks_it = |at: usize| {
        let mut damaged = whole.clone();
        damaged[at] = 1;
        fs::write(&path, damaged).unwrap();
        load(name, &ReadOptions::default()).is_err_and(|error| error.to_string().ends_with("it is damaged"))
    };
    assert!((whole.len() / 2..whole.len()).any(breaks_it));
    let (code, _, error) = output(mltui(home.path(), &local(home.path()), &["sweep", "--data", name]));
    assert_eq!((code, error.lines().count()), (2, 1), "{error}");
    assert!(error.contains("it is damaged") && !error.contains("panicked"), "{error}");
}
