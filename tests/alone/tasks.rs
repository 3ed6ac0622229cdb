//! What people come to do, in so many keys and no more: the real program, on a local store with two kinds of training in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use mltui::mlflow::{Metric, Param, RunId, RunStatus, Tag};
use mltui::store::{NewRun, RunUpdate, Store};

use crate::support::commands::{json, mltui};
use crate::support::stores::{block_on, open};
use crate::support::terminal::Terminal;

/// A folder with a store: nets that a script trained, and two sweeps of ours whose models are kept.
fn place() -> &'static tempfile::TempDir {
    static PLACE: OnceLock<tempfile::TempDir> = OnceLock::new();
    PLACE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
        let store = open(&uri);
        block_on(train_nets(&store));
        for seed in ["1", "2"] {
            let sweep =
                ["sweep", "--tracking-uri", &uri, "--data", "iris", "--family", "naive_bayes,decision_tree"];
            let more = ["--experiment", "iris", "--trials", "3", "--seed", seed];
            assert!(mltui(folder.path(), &[&sweep[..], &more].concat()).status.success());
        }
        folder
    })
}

/// Eight runs of two optimizers; the third has an image, and one of them broke off.
async fn train_nets(store: &Store) {
    let experiment = store.create_experiment("nets", &[]).await.unwrap();
    let now = mltui::store::now_ms();
    let mut image = Vec::new();
    let picture = image::RgbImage::from_pixel(2, 2, image::Rgb([200, 30, 30]));
    picture.write_to(&mut std::io::Cursor::new(&mut image), image::ImageFormat::Png).unwrap();
    for at in 0..8_i64 {
        let start = now - 60_000 * (20 - at);
        let run = NewRun {
            experiment_id: experiment.clone(),
            run_name: Some(format!("net-{at}")),
            user_id: if at < 6 { "ana".into() } else { "ben".into() },
            start_time: if at == 1 { start - 3 * 86_400_000 } else { start },
            tags: vec![Tag::new("team", "vision")],
        };
        let id = store.create_run(&run).await.unwrap().info.run_id;
        let point =
            |key: &str, step: i64, value| Metric { key: key.into(), value, timestamp: start + step, step };
        let losses = (0..30).map(|step| point("val_loss", step, 1.0 / (step + 1) as f64 + 0.1 * at as f64));
        let scores = (0..30).map(|step| point("train_loss", step, 0.9 / (step + 1) as f64));
        let metrics: Vec<Metric> = losses.chain(scores).collect();
        let optimizer = Param::new("optimizer", ["adam", "sgd"][at as usize % 2]);
        let params = [optimizer, Param::new("lr", format!("0.{}", at + 1))];
        store.log_batch(&id, &metrics, &params, &[]).await.unwrap();
        store.write_artifact(&id, "curve.png", &image).await.unwrap();
        let status = if at == 7 { RunStatus::Failed } else { RunStatus::Finished };
        if at == 7 {
            let tag = Tag::new("error", "CUDA out of memory");
            store.set_tag(&id, &tag).await.unwrap();
        }
        let end = RunUpdate { status: Some(status), end_time: Some(start + 30_000), run_name: None };
        store.update_run(&id, &end).await.unwrap();
    }
}

/// A store of one's own of that kind, and a home with nothing remembered.
fn copied() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    copy(place().path(), folder.path());
    let uri = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    (folder, uri)
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn begin(folder: &Path, uri: &str, experiment: &str) -> Terminal {
    let variables = [("MLFLOW_EXPERIMENT_NAME", experiment), ("USER", "ana"), ("LOGNAME", "ana")];
    let terminal = Terminal::start(folder, (140, 40), &["--tracking-uri", uri], &variables);
    terminal.wait(experiment, |screen| screen.contains("★ best: "));
    terminal
}

/// Types a script of keys, no more than so many; words in `<>` are what the screen must show before it goes on.
fn press(terminal: &mut Terminal, most: usize, script: &str) {
    let mut count = 0;
    let mut rest = script.trim();
    while !rest.is_empty() {
        if let Some(text) = rest.strip_prefix('<') {
            let (text, after) = text.split_once('>').unwrap();
            terminal.wait_for(text);
            rest = after.trim_start();
            continue;
        }
        let (key, after) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = after.trim_start();
        count += 1;
        let sent = match key {
            "enter" => "\r",
            "space" => " ",
            "tab" => "\t",
            "down" => "\x1b[B",
            "ctrl-t" => "\x14",
            key => {
                assert_eq!(key.chars().count(), 1, "{key}");
                key
            }
        };
        terminal.type_keys(sent);
    }
    assert!(count <= most, "{count} keys: {script}");
}

fn done(mut terminal: Terminal) {
    terminal.signal("-TERM");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn the_best_of_one_optimizer_and_its_curve_beside_the_second_best() {
    let (folder, uri) = copied();
    let mut terminal = begin(folder.path(), &uri, "nets");
    press(&mut terminal, 12, "/ a d a m enter s space space 3 z");
    terminal.wait("both curves", |screen| {
        screen.contains("a ★net-0") && screen.contains("b net-2") && screen.contains("loss  v ── val")
    });
    done(terminal);
}

#[test]
fn the_five_best_are_compared() {
    let (folder, uri) = copied();
    let mut terminal = begin(folder.path(), &uri, "nets");
    press(&mut terminal, 8, "s v j j j j C");
    terminal.wait_for("5 runs");
    terminal.wait("the best ones", |screen| {
        (0..5).all(|at| screen.contains(&format!("net-{at}"))) && !screen.contains("net-5")
    });
    done(terminal);
}

#[test]
fn the_best_is_marked_and_registered() {
    let (folder, uri) = copied();
    let mut terminal = begin(folder.path(), &uri, "iris");
    press(&mut terminal, 3, "B <@champion of> y <marked> M");
    terminal.wait("the registered version", |screen| screen.contains("@champion"));
    done(terminal);
    let models = json(folder.path(), &["models", "--tracking-uri", &uri, "--json"]);
    assert_eq!(models.as_array().unwrap().len(), 1, "{models}");
}

#[test]
fn why_a_run_failed() {
    let (folder, uri) = copied();
    let mut terminal = begin(folder.path(), &uri, "nets");
    press(&mut terminal, 6, "7 3 ]");
    terminal.wait_for("CUDA out of memory");
    done(terminal);
}

#[test]
fn a_file_of_a_model_is_saved() {
    let (folder, uri) = copied();
    let mut terminal = begin(folder.path(), &uri, "iris");
    press(&mut terminal, 6, "b 3 [ <flavors> g w <Save> enter");
    terminal.wait_for("saved");
    done(terminal);
}

#[test]
fn another_version_is_promoted() {
    let (folder, uri) = copied();
    let here = folder.path();
    let runs = json(here, &["runs", "iris", "--tracking-uri", &uri, "--json"]);
    let trials: Vec<&str> = runs
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["tags"]["mlflow.parentRunId"].is_string())
        .map(|run| run["run_id"].as_str().unwrap())
        .collect();
    for run in &trials[..2] {
        mltui(here, &["promote", "plants", "--run", run, "--to", "champion", "--tracking-uri", &uri]);
    }
    let mut terminal = begin(here, &uri, "iris");
    press(&mut terminal, 6, "M <vs @champion> enter j B <Promote plants v1> enter <y yes> y");
    terminal.wait_for("plants v1 @champion");
    done(terminal);
    let model = json(here, &["models", "plants", "--tracking-uri", &uri, "--json"]);
    let champion =
        model["versions"].as_array().unwrap().iter().find(|version| version["aliases"][0] == "champion");
    assert_eq!(champion.unwrap()["version"], 1, "{model}");
}

#[test]
fn all_failed_runs_are_deleted() {
    let (folder, uri) = copied();
    let mut terminal = begin(folder.path(), &uri, "nets");
    press(&mut terminal, 6, "7 v G D <Delete this run?> y");
    terminal.wait_for("deleted");
    done(terminal);
    let runs = json(folder.path(), &["runs", "nets", "--tracking-uri", &uri, "--json"]);
    assert_eq!(runs.as_array().unwrap().len(), 7);
}

#[test]
fn a_sweep_is_begun_on_ones_own_table() {
    let (folder, uri) = copied();
    let rows: Vec<String> = (0..60).map(|at| format!("{at},{},{}", at * 7 % 13, at * 3 % 11 + at)).collect();
    fs::write(folder.path().join("houses.csv"), format!("area,age,price\n{}\n", rows.join("\n"))).unwrap();
    let mut terminal = begin(folder.path(), &uri, "nets");
    press(&mut terminal, 9, "ctrl-t <Train with> enter <Train in nets> h <houses.csv> tab enter");
    terminal.wait_for("trials");
    terminal.type_keys("q");
    done(terminal);
}

#[test]
fn the_table_is_saved_as_csv() {
    let (folder, uri) = copied();
    let mut terminal = begin(folder.path(), &uri, "nets");
    press(&mut terminal, 5, "E <save as CSV> s enter <existing files> enter");
    terminal.wait_for("saved ");
    done(terminal);
    let table = fs::read_to_string(folder.path().join("nets.csv")).unwrap();
    assert_eq!(table.lines().count(), 9, "{table}");
}

#[test]
fn mine_of_the_last_day() {
    let (folder, uri) = copied();
    let mut terminal = begin(folder.path(), &uri, "nets");
    press(&mut terminal, 3, "4 5");
    terminal.wait_for("5 of 8");
    done(terminal);
}

#[test]
fn an_image_of_a_run() {
    let (folder, uri) = copied();
    let mut terminal = begin(folder.path(), &uri, "nets");
    press(&mut terminal, 6, "3 [ [ [ <curve.png> enter");
    terminal.wait_for("2 x 2");
    done(terminal);
}

#[test]
fn a_view_is_saved_and_comes_back() {
    let (folder, uri) = copied();
    let mut terminal = begin(folder.path(), &uri, "nets");
    // What the view is about is not part of it.
    terminal.type_keys("7");
    terminal.wait_for("1 of 8");
    press(&mut terminal, 3, "g W <Save> enter");
    terminal.type_keys("7");
    terminal.wait_for("8 runs");
    press(&mut terminal, 2, "W enter");
    terminal.wait_for("1 of 8");
    done(terminal);
}

#[test]
fn one_run_is_followed_with_several_metrics() {
    let (folder, uri) = copied();
    let store = open(&uri);
    let log = |id: &RunId, step: i64, [val, train]: [f64; 2]| {
        let point =
            |key: &str, value| Metric { key: key.into(), value, timestamp: mltui::store::now_ms(), step };
        let metrics = [point("val_loss", val), point("train_loss", train)];
        block_on(store.log_batch(id, &metrics, &[], &[])).unwrap();
    };
    let experiment = block_on(store.find_experiment("nets")).unwrap().ok().unwrap();
    let new = NewRun {
        experiment_id: experiment.experiment_id,
        run_name: Some("net-live".into()),
        user_id: "ana".into(),
        start_time: mltui::store::now_ms(),
        tags: Vec::new(),
    };
    let id = block_on(store.create_run(&new)).unwrap().info.run_id;
    log(&id, 0, [7.251, 5.511]);
    log(&id, 1, [6.253, 4.517]);
    let mut terminal = begin(folder.path(), &uri, "nets");
    press(&mut terminal, 3, "3 z");
    terminal.wait("the run that goes on", |screen| {
        ["net-live", "Running", "val", "train", "6.253", "4.517"].iter().all(|words| screen.contains(words))
    });
    // What comes in is seen without a key, of both metrics.
    log(&id, 2, [3.759, 2.513]);
    terminal.wait("the new points", |screen| screen.contains("3.759") && screen.contains("2.513"));
    done(terminal);
}

#[test]
fn two_sweeps_are_compared() {
    // Sweeps are known where they were begun.
    let folder = place();
    let uri = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let mut terminal = begin(folder.path(), &uri, "iris");
    press(&mut terminal, 8, "g s <sweep-> enter ] o <Lay another> enter");
    terminal.wait("both in one chart, each with its best", |screen| {
        ["a sweep-", "b sweep-"]
            .iter()
            .all(|name| screen.lines().any(|line| line.contains(name) && line.contains("best 0.")))
    });
    done(terminal);
}
