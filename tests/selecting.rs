//! The best run: the same as an independent program chooses on MLflow's own client; marked so that MLflow understands it,
//! and whole again after whatever breaks off.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use mltui::marking::{events, holder};
use mltui::mlflow::{ExperimentId, Metric, Run, RunId, RunStatus, Tag};
use mltui::select::{Goal, goal};
use mltui::store::uri::RestOptions;
use mltui::store::{NewRun, RunUpdate, Store, now_ms, uri};
use serde_json::{Value, json};
use support::proxy::{Fault, Proxy};
use support::terminal::Terminal;
use support::{Mlflow, Server, V2, V3};

fn mltui(home: &Path, address: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
    command
        .args(["--tracking-uri", address])
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("USER", "ana")
        .env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0");
    command
}

fn run(home: &Path, address: &str, arguments: &[&str]) -> Output {
    mltui(home, address, arguments).output().unwrap()
}

/// What a command prints, which must end well.
fn json_of(home: &Path, address: &str, arguments: &[&str]) -> Value {
    let output = run(home, address, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_choice_is_that_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let local = format!("sqlite:///{}", folder.path().join("store.db").display());
    let cases: Vec<Value> =
        serde_json::from_str(&V3.run(include_str!("support/choose.py"), &[&local, "120"])).unwrap();
    let server = Server::start(V3, folder.path());
    let addresses = [local, server.uri()];
    let check = |case: &Value, address: &str| {
        let text = |key: &str| case[key].as_str().unwrap();
        let direction = if case["down"] == true { "--min" } else { "--max" };
        let mut arguments = vec!["best", text("experiment"), "--metric", "score", direction];
        arguments.extend(["--value", text("value"), "--where", text("where"), "--top", "3", "--json"]);
        if case["tie"] == true {
            arguments.extend(["--tie", "other:min"]);
        }
        let output = run(folder.path(), address, &arguments);
        let context = format!("{address} {case}\n{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(if case["best"].is_null() { 3 } else { 0 }), "{context}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let order: Vec<&Value> = report["top"].as_array().unwrap().iter().map(|run| &run["run_id"]).collect();
        assert_eq!(order, case["order"].as_array().unwrap().iter().collect::<Vec<_>>(), "{context}");
        for key in ["considered", "eligible", "left_out", "tied"] {
            assert_eq!(report[key], case[key], "{key}: {context}");
        }
    };
    for address in &addresses {
        for case in &cases {
            check(case, address);
        }
    }
    let sum = |key: &str| -> i64 { cases.iter().map(|case| case["left_out"][key].as_i64().unwrap()).sum() };
    for reason in ["unfinished", "failed", "killed", "constraint", "missing", "nan", "infinite", "parents"] {
        assert!(sum(reason) > 5, "the cases hold too few that are left out as {reason}");
    }
    assert!(cases.iter().filter(|case| case["tied"].as_i64() > Some(1)).count() > 5, "too few ties");
}

#[test]
fn of_many_runs_a_server_tells_the_same_best_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let path = folder.path().join("store.db");
    V3.run(include_str!("support/large.py"), &[path.to_str().unwrap()]);
    let addresses = [format!("sqlite:///{}", path.display()), server.uri()];
    let thousand = vec!["params.p1 = '1'"; 1000].join(" AND ");
    let some = vec!["params.p1 = '1' AND params.p2 != '2'"; 40].join(" AND ");
    for address in &addresses {
        let best = |more: &[&str]| json_of(folder.path(), address, &[&["best"], more, &["--json"]].concat());
        for name in ["64 params", "odd values", "1,100 params"] {
            let report = best(&[name]);
            assert_eq!(report["best"]["run_name"], "seed 0", "{address} {name}");
            assert_eq!(report["spread"]["of"]["seeds"], 3, "{address} {name}: {}", report["spread"]);
            assert!((report["spread"]["deviation"].as_f64().unwrap() - 0.1).abs() < 1e-9, "{address} {name}");
        }
        for constraint in [&thousand, &some] {
            let report = best(&["1,100 params", "--where", constraint]);
            assert_eq!(report["best"]["run_name"], "seed 0", "{address}");
        }
        for name in ["below a run that failed", "below a run that was deleted"] {
            let report = best(&[name]);
            assert_eq!(report["best"]["run_name"], "leaf", "{address} {name}");
            assert_eq!(report["margin"], 0.3 - 0.1, "{address} {name}: the second is known");
        }
        let created = ["created", "--metric", "created:min"];
        assert_eq!(best(&created)["best"]["run_name"], "one of many 0", "{address}");
        let ties = best(&["ties", "--metric", "val_acc", "--top", "2"]);
        assert_eq!(ties["tied"], 1200, "{address}");
        assert_eq!(ties["top"][0]["run_name"], "tied 1199", "{address}: {}", ties["reason"]);
        assert_eq!(ties["top"][1]["run_name"], "tied 1198", "{address}");
        assert_eq!(ties["tie_broken_by"], "metrics.val_auc", "{address}");
    }
    // Where nobody states a direction the newest runs are asked for, a page of them.
    let proxy = Proxy::start(server.port);
    let requests = |metric: &str| {
        let (_, before) = proxy.passed();
        json_of(folder.path(), &proxy.uri(), &["best", "ties", "--metric", metric, "--json"]);
        proxy.passed().1 - before
    };
    assert_eq!(requests("val_acc"), requests("val_acc:max") + 1);
}

/// A run with checkpoints as logged models, of which the third is the best; the last diverged.
const CHECKPOINTS: &str = r#"
import mlflow, numpy, sys
from mlflow.entities import LoggedModelOutput
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
values = [0.5, 0.4, 0.2, 0.3, float("nan")]
for name, logs in [("by metric", True), ("by step", False)]:
    mlflow.set_experiment(name)
    with mlflow.start_run(run_name="train") as run:
        for step, value in enumerate(values):
            model = mlflow.initialize_logged_model(name=f"ckpt-{step}")
            mlflow.finalize_logged_model(model.model_id, "READY")
            client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step)])
            mlflow.log_metric("val_loss", value, step=step, **({"model_id": model.model_id} if logs else {}))
        mlflow.initialize_logged_model(name="never ready")
        mlflow.log_metric("val_loss", 0.25, step=9)
mlflow.set_experiment("by data set")
with mlflow.start_run(run_name="train") as run:
    data = {name: mlflow.data.from_numpy(numpy.full(3, at), name=name) for at, name in enumerate(["test", "val"])}
    for step, (test, val) in enumerate([(0.1, 0.9), (0.2, 0.5), (0.3, 0.7)]):
        model = mlflow.initialize_logged_model(name=f"ckpt-{step}")
        mlflow.finalize_logged_model(model.model_id, "READY")
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, 0)])
        for name, value in [("test", test), ("val", val)]:
            mlflow.log_metric("loss", value, step=step, model_id=model.model_id, dataset=data[name])
"#;

/// Marks in each of the experiments, and looks with MLflow's own client which model was registered.
fn registers_checkpoints(home: &Path, address: &str) {
    V3.run(CHECKPOINTS, &[address]);
    let registered = |name: &str| {
        let program = "import mlflow, sys\nmlflow.set_tracking_uri(sys.argv[1])\nclient = mlflow.MlflowClient()\n\
                       version = client.get_model_version_by_alias(sys.argv[2], 'champion')\n\
                       print(client.get_logged_model(version.source.split('/')[-1]).name)";
        V3.run(program, &[address, name]).trim().to_owned()
    };
    for (name, metric, model, why) in [
        (
            "by metric",
            "val_loss",
            "ckpt-2",
            "the lowest val_loss of the 5 of 6 logged models that are ready: 0.2; 1 without such a number",
        ),
        (
            "by step",
            "val_loss",
            "ckpt-4",
            "the one of the greatest step, 4, of the 5 of 6 logged models that are ready",
        ),
        (
            "by data set",
            "loss",
            "ckpt-1",
            "the lowest loss of 3 logged models: 0.5 on data set val (1 of 2; ",
        ),
    ] {
        let arguments = ["mark-best", name, "--metric", metric];
        let preview = run(home, address, &[&arguments[..], &["--dry-run"]].concat());
        let preview = String::from_utf8(preview.stdout).unwrap();
        let line = preview.lines().find(|line| line.trim_start().starts_with("model: ")).unwrap_or(&preview);
        assert!(line.contains(model) && line.contains(why), "{address} {name}: {line}");
        let marked = json_of(home, address, &[&arguments[..], &["--json"]].concat());
        assert!(marked["run"]["model"]["why"].as_str().unwrap().contains(why), "{marked}");
        assert!(marked["said"][1].as_str().unwrap().contains(why), "{marked}");
        assert_eq!(registered(name), model, "{address} {name}");
        // By hand it is the same model: the experiment tells by what.
        let id = marked["run"]["run_id"].as_str().unwrap();
        let by_hand = json_of(home, address, &["mark-best", name, "--run", id, "--dry-run", "--json"]);
        assert_eq!(by_hand["run"]["model"]["version"], 1, "{address} {name}: {by_hand}");
    }
}

#[test]
fn of_several_models_of_a_run_the_best_is_registered() {
    let folder = tempfile::tempdir().unwrap();
    registers_checkpoints(folder.path(), &format!("sqlite:///{}", folder.path().join("local.db").display()));
    let server = Server::start(V3, folder.path());
    registers_checkpoints(folder.path(), &server.uri());
}

/// Two runs with a model each, of which the first is the champion.
const CHAMPION: &str = r#"
import mlflow, sys
from mlflow.entities import LoggedModelOutput
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
for name, values in [("delta", [0.568, 0.558]), ("nan", [float("nan"), 0.558]), ("infinite", [float("-inf"), 0.558])]:
    experiment = client.create_experiment(name)
    for at, value in enumerate(values):
        run = client.create_run(experiment).info.run_id
        client.log_metric(run, "val_rmse", value)
        client.set_terminated(run)
        model = client.create_logged_model(experiment, name="model", source_run_id=run)
        client.finalize_logged_model(model.model_id, "READY")
        client.log_outputs(run, [LoggedModelOutput(model.model_id, 0)])
        if at == 0:
            client.create_registered_model(name)
            version = client.create_model_version(name, f"models:/{model.model_id}", run, model_id=model.model_id)
            client.set_registered_model_alias(name, "champion", version.version)
"#;

#[test]
fn the_gate_counts_in_decimal_and_whatever_is_a_number_beats_what_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("store.db").display());
    V3.run(CHAMPION, &[&address]);
    let gate = |name: &str, delta: &str, more: &[&str]| {
        let fixed =
            ["mark-best", name, "--if-better-than", "alias:champion", "--dry-run", "--min-delta", delta];
        run(folder.path(), &address, &[&fixed[..], more].concat()).status.code()
    };
    assert_eq!(gate("delta", "0.01", &[]), Some(0), "exactly so much");
    assert_eq!(gate("delta", "0.010000001", &[]), Some(4));
    for name in ["nan", "infinite"] {
        assert_eq!(gate(name, "5", &[]), Some(0), "{name}");
        assert_eq!(gate(name, "5", &["--value", "best"]), Some(0), "{name}");
    }
}

const TRAIN: &str = r#"
import mlflow, sys
import numpy as np
from sklearn.linear_model import LinearRegression
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine/red")
x = np.arange(6.0).reshape(-1, 1)
for name, rmse in [("first", 0.7), ("second", 0.5), ("third", 0.6)]:
    with mlflow.start_run(run_name=name):
        mlflow.log_metric("val_rmse", rmse)
        model = LinearRegression().fit(x, x[:, 0] * rmse)
        where = {"name": "model"} if mlflow.__version__ >= "3" else {"artifact_path": "model"}
        if name != "third":
            mlflow.sklearn.log_model(model, pip_requirements=[], **where)
"#;

/// What MLflow's client knows of the marks.
const READ: &str = r#"
import json, mlflow, sys
import numpy as np
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name(sys.argv[2])
ours = lambda tags: {key: value for key, value in tags.items() if key.startswith("mltui.best")}
told = {"experiment": ours(experiment.tags), "runs": {}, "models": {}}
for run in client.search_runs([experiment.experiment_id], max_results=100):
    told["runs"][run.info.run_name] = ours(run.data.tags)
for model in client.search_registered_models():
    versions = client.search_model_versions(f"name='{model.name}'")
    told["models"][model.name] = {
        "aliases": {alias: int(version) for alias, version in model.aliases.items()},
        "versions": sorted(int(version.version) for version in versions),
    }
    if len(sys.argv) > 3:
        loaded = mlflow.pyfunc.load_model(f"models:/{model.name}@champion")
        told["predicts"] = float(loaded.predict(np.array([[2.0]]))[0])
print(json.dumps(told))
"#;

fn read(mlflow: Mlflow, address: &str, loads: bool) -> Value {
    let mut arguments = vec![address, "wine/red"];
    arguments.extend(loads.then_some("load"));
    serde_json::from_str(&mlflow.run(READ, &arguments)).unwrap()
}

/// Marks, marks another, undoes, and looks at each with MLflow's own client.
fn marks(mlflow: Mlflow, home: &Path, address: &str) {
    mlflow.run(TRAIN, &[address]);
    let plan = json_of(home, address, &["mark-best", "wine/red", "--dry-run", "--json"]);
    assert_eq!(plan["run"]["run_name"], "second");
    assert!(plan["writes"].as_array().unwrap().iter().any(|line| line == "registry: create model wine-red"));
    let untouched = read(mlflow, address, false);
    assert_eq!(untouched["models"], json!({}), "a dry run writes nothing");
    assert_eq!(untouched["experiment"], json!({}));

    // The first is marked by hand, then the best takes its place.
    let first =
        json_of(home, address, &["best", "wine/red", "--where", "attributes.run_name = 'first'", "--json"]);
    let id = first["best"]["run_id"].as_str().unwrap();
    json_of(home, address, &["mark-best", "wine/red", "--run", id, "--json"]);
    let by_hand = read(mlflow, address, true);
    assert_eq!(by_hand["runs"]["first"]["mltui.best.why"], "chosen by hand");
    assert!((by_hand["predicts"].as_f64().unwrap() - 1.4).abs() < 1e-9);

    // The gate: the best is 0.2 better than the champion.
    let gate = ["mark-best", "wine/red", "--if-better-than", "alias:champion", "--json", "--min-delta"];
    let refused = run(home, address, &[&gate[..], &["0.25"]].concat());
    assert_eq!(refused.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not better by 0.25 at least"));
    let marked = json_of(home, address, &[&gate[..], &["0.15"]].concat());
    assert_eq!(marked["run"]["model"]["version"], 2);
    let told = read(mlflow, address, true);
    let tags = &told["runs"]["second"];
    for (key, value) in [
        ("mltui.best", "true"),
        ("mltui.best.metric", "val_rmse"),
        ("mltui.best.value", "0.5"),
        ("mltui.best.direction", "min"),
        ("mltui.best.by", "ana"),
        ("mltui.best.why", "lowest val_rmse of 3 runs, 0.1 (17 %) ahead"),
    ] {
        assert_eq!(tags[key], value, "{key}");
    }
    assert_eq!(told["runs"]["first"], json!({}), "the earlier mark is cleared");
    assert_eq!(told["experiment"]["mltui.best"], marked["run"]["run_id"]);
    assert_eq!(told["models"]["wine-red"]["aliases"], json!({ "champion": 2, "previous-champion": 1 }));
    assert!((told["predicts"].as_f64().unwrap() - 1.0).abs() < 1e-9, "models:/wine-red@champion is the best");

    // Nobody is better than the champion now; one without a model gets the tags and a word about the rest.
    let gate = run(home, address, &["mark-best", "wine/red", "--if-better-than", "alias:champion"]);
    assert_eq!(gate.status.code(), Some(4), "{}", String::from_utf8_lossy(&gate.stderr));
    let third = ["mark-best", "wine/red", "--where", "attributes.run_name = 'third'", "--json"];
    let third = json_of(home, address, &third);
    assert_eq!(third["said"], json!(["third is marked best", "the run has no model"]));
    json_of(home, address, &["mark-best", "wine/red", "--undo", "--json"]);
    assert_eq!(read(mlflow, address, true), told, "undone, everything is as it was");

    json_of(home, address, &["mark-best", "wine/red", "--undo", "--json"]);
    assert_eq!(read(mlflow, address, true), by_hand);
    json_of(home, address, &["mark-best", "wine/red", "--undo", "--json"]);
    let mut bare = read(mlflow, address, false);
    // MLflow 2 servers cannot take the tag of an experiment away: it is empty.
    if bare["experiment"]["mltui.best"] == "" {
        bare["experiment"] = json!({});
    }
    assert_eq!(bare, untouched);
    let nothing = run(home, address, &["mark-best", "wine/red", "--undo"]);
    assert_eq!(nothing.status.code(), Some(3));
    let history = json_of(home, address, &["mark-best", "wine/red", "--history", "--json"]);
    let events: Vec<&str> =
        history.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["mark", "mark", "mark", "undo", "undo", "undo"]);
}

#[test]
fn marks_in_a_local_store_are_mlflows_own() {
    let folder = tempfile::tempdir().unwrap();
    marks(V3, folder.path(), &format!("sqlite:///{}", folder.path().join("mlflow.db").display()));
}

#[test]
fn marks_on_a_server_of_mlflow_3_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    marks(V3, folder.path(), &server.uri());
}

#[test]
fn marks_on_a_server_of_mlflow_2_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V2, folder.path());
    marks(V2, folder.path(), &server.uri());
}

fn open(address: &str) -> Store {
    let location = uri::parse(address, Path::new("/")).unwrap();
    uri::open(&location, &RestOptions { max_retries: 1, ..RestOptions::default() }, false).unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// An experiment with two runs that have a model.
async fn experiment(store: &Store, name: &str) -> (ExperimentId, [RunId; 2]) {
    let experiment = store.create_experiment(name, &[]).await.unwrap();
    let mut ids = Vec::new();
    for (run_name, value) in [("old", 0.7), ("new", 0.5)] {
        let run = NewRun {
            experiment_id: experiment.clone(),
            run_name: Some(run_name.into()),
            user_id: "ana".into(),
            start_time: 1,
            tags: Vec::new(),
        };
        let id = store.create_run(&run).await.unwrap().info.run_id;
        let metric = Metric { key: "val_rmse".into(), value, timestamp: 1, step: 0 };
        store.log_batch(&id, &[metric], &[], &[]).await.unwrap();
        store.write_artifact(&id, "model/MLmodel", b"flavors: {}\n").await.unwrap();
        let update = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(2), run_name: None };
        store.update_run(&id, &update).await.unwrap();
        ids.push(id);
    }
    (experiment, ids.try_into().unwrap())
}

/// All that a mark can touch.
#[derive(Debug, PartialEq)]
struct State {
    tags: [Vec<Tag>; 2],
    best: String,
    aliases: Vec<(String, u64)>,
    versions: Vec<u64>,
}

async fn state(store: &Store, experiment: &ExperimentId, runs: &[RunId; 2], model: &str) -> State {
    let mut tags = Vec::new();
    for id in runs {
        let run: Run = store.get_run(id).await.unwrap();
        tags.push(run.tags.into_iter().filter(|tag| tag.key.starts_with("mltui.best")).collect::<Vec<_>>());
    }
    let known = store.get_experiment(experiment).await.unwrap();
    let best = known.tags.iter().find(|tag| tag.key == "mltui.best").map(|tag| tag.value.clone());
    let mut aliases = store.get_registered_model(model).await.unwrap().aliases;
    aliases.sort();
    let versions = store.model_versions(model).await.unwrap().iter().map(|version| version.version).collect();
    State { tags: tags.try_into().unwrap(), best: best.unwrap_or_default(), aliases, versions }
}

fn values_but_times(state: &State) -> [Vec<(String, String)>; 2] {
    let stays = |tag: &&Tag| !["mltui.best.at", "mltui.best.mark"].contains(&tag.key.as_str());
    state
        .tags
        .each_ref()
        .map(|tags| tags.iter().filter(stays).map(|tag| (tag.key.clone(), tag.value.clone())).collect())
}

#[test]
fn a_mark_that_breaks_off_anywhere_is_finished_and_can_be_undone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let store = open(&server.uri());
    let proxy = Proxy::start(server.port);
    let finished = ["mark-best", "--resume"];
    let mut whole: Option<State> = None;
    let mut cuts = 0;
    // The server goes away before a write, or right behind it; the program is killed there.
    for (arrives, hangs) in [(false, false), (true, false), (false, true)] {
        for undoing in [false, true] {
            let mut writes = 0;
            loop {
                let name = format!("cut {arrives} {hangs} {undoing} {writes}");
                let (id, runs) = block_on(experiment(&store, &name));
                let home = tempfile::tempdir().unwrap();
                let home = home.path();
                json_of(home, &server.uri(), &["mark-best", &name, "--run", runs[0].as_str(), "--json"]);
                let before = block_on(state(&store, &id, &runs, &name));
                if undoing {
                    json_of(home, &server.uri(), &["mark-best", &name, "--json"]);
                }
                let step: &[&str] =
                    if undoing { &["mark-best", &name, "--undo"] } else { &["mark-best", &name] };
                proxy.set(Fault::Cut { writes, arrives, hangs, is_cut: false });
                if hangs {
                    let mut child = mltui(home, &proxy.uri(), step)
                        .stdout(Stdio::null())
                        .stderr(Stdio::null())
                        .spawn()
                        .unwrap();
                    while !proxy.is_cut() && child.try_wait().unwrap().is_none() {
                        thread::sleep(Duration::from_millis(5));
                    }
                    child.kill().unwrap();
                    child.wait().unwrap();
                } else {
                    let _ = run(home, &proxy.uri(), step);
                }
                let was_cut = proxy.is_cut();
                proxy.set(Fault::None);
                let resumed = run(home, &proxy.uri(), &[finished[0], &name, finished[1]]);
                assert!(resumed.status.success(), "{name}: {}", String::from_utf8_lossy(&resumed.stderr));
                let after = block_on(state(&store, &id, &runs, &name));
                if undoing {
                    assert_eq!(after, before, "{name}");
                } else {
                    let told = whole.get_or_insert_with(|| {
                        assert_eq!(after.versions, [2, 1]);
                        assert!(after.tags[0].is_empty() && after.tags[1].len() == 9, "{after:?}");
                        State { best: String::new(), ..block_on(state(&store, &id, &runs, &name)) }
                    });
                    assert_eq!(values_but_times(&after), values_but_times(told), "{name}");
                    assert_eq!((&after.aliases, &after.versions), (&told.aliases, &told.versions), "{name}");
                    assert_eq!(after.best, runs[1].as_str(), "{name}");
                    let undone = run(home, &proxy.uri(), &["mark-best", &name, "--undo"]);
                    assert!(undone.status.success());
                    assert_eq!(block_on(state(&store, &id, &runs, &name)), before, "{name}, undone");
                }
                if !was_cut {
                    break;
                }
                cuts += 1;
                writes += 1;
            }
            assert!(writes > 5, "the step has {writes} writes");
        }
    }
    assert!(cuts > 60, "{cuts}");
}

#[test]
fn two_who_mark_at_once_end_in_one_mark() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let store = open(&server.uri());
    for round in 0..6 {
        let name = format!("both {round}");
        let (id, runs) = block_on(experiment(&store, &name));
        let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let children: Vec<_> = homes
            .iter()
            .zip(&runs)
            .map(|(home, run)| {
                mltui(home.path(), &server.uri(), &["mark-best", &name, "--run", run.as_str()])
                    .stdout(Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let state = block_on(state(&store, &id, &runs, &name));
        let holder = runs.iter().position(|run| run.as_str() == state.best).unwrap();
        assert!(state.tags[1 - holder].is_empty(), "{state:?}");
        assert_eq!(state.tags[holder].len(), 5, "{state:?}");
        let champion = block_on(store.model_version_by_alias(&name, "champion")).unwrap();
        assert_eq!(champion.run_id.as_ref(), Some(&runs[holder]), "{state:?}");
        let previous = state.aliases.iter().find(|(alias, _)| alias == "previous-champion");
        assert!(previous.is_none_or(|(_, version)| *version != champion.version), "{state:?}");
    }
}

#[test]
fn without_a_registry_the_tags_are_set_and_the_rest_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let store = open(&server.uri());
    let proxy = Proxy::start(server.port);
    for (status, part) in
        [(404, "registered-models"), (403, "registered-models"), (403, "model-versions/create")]
    {
        let name = format!("refused {status} {part}").replace('/', " ");
        let (_, runs) = block_on(experiment(&store, &name));
        proxy.set(Fault::Refuse(part, status));
        let told = json_of(folder.path(), &proxy.uri(), &["mark-best", &name, "--json"]);
        let words = told["said"][1].as_str().unwrap();
        assert!(words.starts_with("not registered: "), "{told}");
        let run = block_on(store.get_run(&runs[1])).unwrap();
        assert_eq!(run.tag("mltui.best"), Some("true"), "{name}");
        json_of(folder.path(), &proxy.uri(), &["mark-best", &name, "--undo", "--json"]);
        assert_eq!(block_on(store.get_run(&runs[1])).unwrap().tag("mltui.best"), None);
        proxy.set(Fault::None);
    }
}

/// What is said of registering the best run of an experiment under a name.
fn registering(home: &Path, address: &str, experiment: &str, name: &str) -> (Value, Vec<String>) {
    let told = json_of(home, address, &["mark-best", experiment, "--register", name, "--json"]);
    let said = told["said"].as_array().unwrap();
    (told["run"].clone(), said.iter().map(|line| line.as_str().unwrap().to_owned()).collect())
}

/// What marking the best run of an experiment would write, with a model under a name.
fn planned(home: &Path, address: &str, experiment: &str, name: &str) -> (Value, Vec<String>) {
    let told = json_of(home, address, &["mark-best", experiment, "--register", name, "--dry-run", "--json"]);
    let writes = told["writes"].as_array().unwrap();
    (told["run"].clone(), writes.iter().map(|line| line.as_str().unwrap().to_owned()).collect())
}

#[test]
fn who_may_not_read_models_may_register_one_and_without_aliases_it_is_registered_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let store = open(&server.uri());
    let proxy = Proxy::start(server.port);
    for (part, alias) in [("registered-models/get", true), ("registered-models/alias", false)] {
        let name = part.replace('/', "-");
        block_on(experiment(&store, &name));
        proxy.set(Fault::Refuse(part, 403));
        let (run, said) = registering(folder.path(), &proxy.uri(), &name, &name);
        proxy.set(Fault::None);
        let version = if alias { ", alias champion" } else { "" };
        assert_eq!(said[1], format!("registered as {name} version 1{version}"), "{said:?}");
        assert_eq!(run["model"]["version"], 1);
        assert_eq!(block_on(store.model_versions(&name)).unwrap().len(), 1);
        let aliases = block_on(store.get_registered_model(&name)).unwrap().aliases;
        if alias {
            assert_eq!(aliases, [("champion".to_owned(), 1)]);
        } else {
            assert!(said[2].starts_with("the alias champion is not set: "), "{said:?}");
            assert!(aliases.is_empty());
        }
        json_of(folder.path(), &server.uri(), &["mark-best", &name, "--undo", "--json"]);
        assert!(
            block_on(store.get_registered_model(&name)).is_err(),
            "the mark made it, undoing takes it away"
        );
    }
}

#[test]
fn a_user_with_no_rights_but_his_own_registers_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let rights = folder.path().join("auth.ini");
    let text = format!(
        "[mlflow]\ndefault_permission = NO_PERMISSIONS\ndatabase_uri = sqlite:///{}\nadmin_username = admin\n\
         admin_password = a-long-password-1\nauthorization_function = \
         mlflow.server.auth:authenticate_request_basic_auth\n",
        folder.path().join("auth.db").display()
    );
    std::fs::write(&rights, text).unwrap();
    let variables = [
        ("MLFLOW_FLASK_SERVER_SECRET_KEY", "for tests"),
        ("MLFLOW_AUTH_ADMIN_PASSWORD", "a-long-password-1"),
        ("MLFLOW_AUTH_CONFIG_PATH", rights.to_str().unwrap()),
    ];
    let server = Server::start_with(V3, folder.path(), &["--app-name", "basic-auth"], &variables);
    let program = "import requests, sys\nanswer = requests.post(sys.argv[1] + '/api/2.0/mlflow/users/create', \
                   auth=('admin', 'a-long-password-1'), json={'username': 'ana', 'password': 'a-long-password-2'})\n\
                   assert answer.ok, answer.text";
    V3.run(program, &[&server.uri()]);
    let address = server.uri().replace("http://", "http://ana:a-long-password-2@");
    block_on(experiment(&open(&address), "team"));
    let (_, said) = registering(folder.path(), &address, "team", "team");
    assert_eq!(said[1], "registered as team version 1, alias champion", "{said:?}");
}

#[test]
fn a_store_without_aliases_is_told_truly_what_was_registered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    let address = format!("sqlite:///{}", path.display());
    block_on(experiment(&open(&address), "wine"));
    // As MLflow before 2.3 has it.
    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE registered_model_aliases").unwrap();
    let (run, writes) = planned(folder.path(), &address, "wine", "red");
    assert_eq!(
        writes.last().unwrap(),
        "registry: no alias, as this store does not support them (MLflow 2.3 does)"
    );
    assert!(!writes.concat().contains("champion") && run["model"]["alias"] == Value::Null, "{writes:?}");
    let (run, said) = registering(folder.path(), &address, "wine", "red");
    assert_eq!(said[1], "registered as red version 1", "{said:?}");
    assert!(said[2].contains("alias champion is not set") && said[2].contains("MLflow 2.3"), "{said:?}");
    assert_eq!((&run["model"]["version"], &run["model"]["alias"]), (&json!(1), &Value::Null));
    let versions = block_on(open(&address).model_versions("red")).unwrap();
    assert_eq!(versions.len(), 1);
}

#[test]
fn a_server_without_aliases_is_told_of_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    block_on(experiment(&open(&server.uri()), "wine"));
    let proxy = Proxy::start(server.port);
    let alias = |writes: &[String]| writes.last().unwrap().clone();
    let (run, writes) = planned(folder.path(), &proxy.uri(), "wine", "red");
    assert_eq!(alias(&writes), "registry: alias champion of red to the new version");
    assert_eq!(run["model"]["alias"], "champion");
    // As a server before 2.3 has it, which does not know the path; and one that lets nobody look.
    proxy.set(Fault::Refuse("registered-models/alias", 404));
    assert!(alias(&planned(folder.path(), &proxy.uri(), "wine", "red").1).contains("no alias"));
    proxy.set(Fault::Refuse("registered-models/alias", 403));
    assert!(alias(&planned(folder.path(), &proxy.uri(), "wine", "red").1).contains("alias champion"));
}

#[test]
fn who_may_not_read_a_model_may_mark_and_undo() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let store = open(&server.uri());
    let (id, runs) = block_on(experiment(&store, "team"));
    let proxy = Proxy::start(server.port);
    proxy.set(Fault::Refuse("registered-models/get", 403));
    let (_, said) = registering(folder.path(), &proxy.uri(), "team", "team");
    assert_eq!(said[1..], ["registered as team version 1, alias champion"], "{said:?}");
    let undone = json_of(folder.path(), &proxy.uri(), &["mark-best", "team", "--undo", "--json"]);
    assert_eq!(undone["said"][1], "the registry is unchanged: no permission to read team", "{undone}");
    let left = block_on(state(&store, &id, &runs, "team"));
    assert_eq!((left.best.as_str(), left.tags[1].len(), left.versions.len()), ("", 0, 1));
    assert_eq!(left.aliases, [("champion".to_owned(), 1)]);
    // Nothing is left to be finished, and whoever may read it marks with the version that is there.
    proxy.set(Fault::None);
    let (_, said) = registering(folder.path(), &proxy.uri(), "team", "team");
    assert_eq!(said[1..], ["registered as team version 1, alias champion"], "{said:?}");
}

#[test]
fn what_is_wrong_with_the_command_line_is_said_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let local = format!("sqlite:///{}", folder.path().join("own.db").display());
    for address in [local, server.uri()] {
        let store = open(&address);
        let (id, runs) = block_on(experiment(&store, "wine"));
        let tags = || {
            let of_run = |run| block_on(store.get_run(run)).unwrap().tags;
            (block_on(store.get_experiment(&id)).unwrap().tags, runs.each_ref().map(of_run))
        };
        let before = tags();
        for (arguments, words) in [
            (&["mark-best", "wine", "--alias", "latest"][..], "reserved by MLflow"),
            (&["mark-best", "wine", "--alias", "v3"], "reserved by MLflow"),
            (&["mark-best", "wine", "--alias", ""], "invalid alias"),
            (&["mark-best", "wine", "--alias", "previous-champion"], "previous champion"),
            (&["mark-best", "wine", "--register", "a/b"], "invalid model name"),
            (&["mark-best", "wine", "--where", "metrics.val_rmse <"], "in the constraint"),
            (&["best", "wine", "--where", "metrics.val_rmse <"], "in the constraint"),
            (&["best", "wine", "--where", "metrics.val_rmse < 'a'"], "in the constraint"),
            (&["best", "wine", "--where", "params.lr > 1"], "in the constraint"),
            (&["best", "wine", "--where", "dataset.name = 'a'"], "cannot use datasets"),
        ] {
            let output = run(folder.path(), &address, arguments);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{address} {arguments:?}: {said}");
            assert!(said.contains(words) && output.stdout.is_empty(), "{address} {arguments:?}: {said}");
        }
        assert_eq!(tags(), before);
        assert!(block_on(store.get_registered_model("wine")).is_err());
    }
}

#[test]
fn no_model_is_registered_into_a_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let program = "import mlflow, sys\nmlflow.set_tracking_uri(sys.argv[1])\n\
                   mlflow.genai.register_prompt(name='greeting', template='Hello {{name}}')";
    V3.run(program, &[&server.uri()]);
    block_on(experiment(&open(&server.uri()), "wine"));
    let local = format!("sqlite:///{}", folder.path().join("store.db").display());
    for address in [server.uri(), local] {
        let (run, said) = registering(folder.path(), &address, "wine", "greeting");
        assert!(said[1].starts_with("not registered: greeting is a prompt"), "{said:?}");
        assert!(said[1].contains("another name"), "{said:?}");
        assert_eq!(run["model"], Value::Null);
        let versions = block_on(open(&address).model_versions("greeting")).unwrap();
        // A server lists no versions of prompts.
        assert!(
            versions.len() <= 1 && versions.iter().all(|version| version.run_id.is_none()),
            "{versions:?}"
        );
    }
}

#[test]
fn a_key_marks_the_best_run_and_the_next_start_finishes_what_broke_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let store = open(&server.uri());
    let proxy = Proxy::start(server.port);
    let (id, runs) = block_on(experiment(&store, "wine"));
    let variables = [("USER", "ana"), ("MLTUI_POLL_INTERVAL", "0.3"), ("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")];
    let arguments = ["--tracking-uri", &proxy.uri()];
    let mut terminal = Terminal::start(folder.path(), (150, 40), &arguments, &variables);
    terminal.wait_for("★ best: new, lowest val_rmse of 2 runs, 0.2 (29 %) ahead");
    terminal.type_keys("B");
    terminal.wait_for("new is marked best; registered as wine version 1, alias champion");
    terminal.wait_for("◆★ new");
    let champion = block_on(store.model_version_by_alias("wine", "champion")).unwrap();
    assert_eq!(champion.run_id.as_ref(), Some(&runs[1]));
    // The same run again, and that taken back: the first mark holds, and the words do not say otherwise.
    let marks = || block_on(store.get_experiment(&id)).unwrap().tags;
    proxy.set(Fault::Refuse("set-experiment-tag", 403));
    terminal.type_keys("U");
    terminal.wait_for("nothing was undone: ");
    proxy.set(Fault::None);
    let first = marks();
    terminal.type_keys("B");
    terminal.wait("a second mark", |_| {
        marks() != first && holder(&events(&marks())).is_some_and(|mark| mark.done)
    });
    terminal.type_keys("U");
    terminal.wait_for("the last mark of new is undone; an earlier one of it is current again");
    terminal.type_keys("U");
    terminal.wait_for("new is no longer marked best");
    assert!(block_on(store.get_registered_model("wine")).is_err());
    // What is not begun is not said to be finished later.
    let before = marks();
    proxy.set(Fault::Cut { writes: 0, arrives: false, hangs: false, is_cut: true });
    terminal.type_keys("B");
    terminal.wait_for("nothing was marked: ");
    terminal.type_keys("U");
    terminal.wait_for("nothing was undone: ");
    proxy.set(Fault::None);
    terminal.type_keys("r");
    terminal.wait_for("● live");
    assert_eq!(marks(), before);
    // The server goes away in the middle, and the program ends before it is back.
    proxy.set(Fault::Cut { writes: 4, arrives: true, hangs: false, is_cut: false });
    terminal.type_keys("B");
    terminal.wait_for("the mark is incomplete");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    proxy.set(Fault::None);
    let mut terminal = Terminal::start(folder.path(), (150, 40), &arguments, &variables);
    terminal.wait_for("finished an interrupted mark; new is marked best");
    let whole = block_on(state(&store, &id, &runs, "wine"));
    assert_eq!((whole.best.as_str(), whole.tags[1].len(), whole.versions.len()), (runs[1].as_str(), 9, 1));
    // A better run comes in: the star goes to it by itself.
    let run = NewRun {
        experiment_id: id.clone(),
        run_name: Some("newest".into()),
        user_id: "ana".into(),
        start_time: now_ms(),
        tags: Vec::new(),
    };
    let newest = block_on(store.create_run(&run)).unwrap().info.run_id;
    let metric = Metric { key: "val_rmse".into(), value: 0.25, timestamp: 1, step: 0 };
    block_on(store.log_batch(&newest, &[metric], &[], &[])).unwrap();
    let update = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(now_ms()), run_name: None };
    block_on(store.update_run(&newest, &update)).unwrap();
    terminal.wait_for("★ newest");
    terminal.type_keys("j");
    terminal.wait_for("★ best: newest, lowest val_rmse of 3 runs");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

/// Of small wheels; [`LISTS`] has what is not in such.
const WHEELS: [&str; 5] = [
    "torchmetrics==1.9.0",
    "keras==3.15.1",
    "lm_eval==0.4.13",
    "ultralytics==8.4.190",
    "stable_baselines3==2.9.2",
];

/// What torchmetrics 1.9.0 has the wrong way round, against the papers and its own documentation.
const MISTAKEN: [&str; 4] =
    ["davies_bouldin_score", "perceptual_path_length", "spectral_distortion_index", "word_info_preserved"];

/// The metrics of packages that are large or hold no such list, by their documentation.
const LISTS: &str = "
xgboost min rmse rmsle mae mape mphe logloss error error@0.7 merror mlogloss poisson-nloglik gamma-nloglik cox-nloglik
xgboost min gamma-deviance tweedie-nloglik@1.5 aft-nloglik quantile expectile validation_0-rmse train-logloss
xgboost max auc aucpr ndcg ndcg@5 map map@5- interval-regression-accuracy validation_1-aucpr
lightgbm min l1 l2 rmse quantile mape huber fair poisson gamma gamma_deviance tweedie binary_logloss binary_error multi_logloss
lightgbm min multi_error cross_entropy cross_entropy_lambda kullback_leibler xentropy xentlambda kldiv valid_0-l1 training-gamma
lightgbm max ndcg map auc average_precision auc_mu r2 valid_0-ndcg@3 mean_average_precision
catboost min Logloss CrossEntropy BalancedErrorRate BrierScore HingeLoss HammingLoss ZeroOneLoss MAE MAPE Poisson Quantile RMSE
catboost min Lq Expectile Tweedie LogCosh FairLoss NumErrors SMAPE MSLE MedianAbsoluteError Huber MultiRMSE MultiClass
catboost min MultiClassOneVsAll PairLogit PairLogitPairwise QueryRMSE QuerySoftMax QueryCrossEntropy MultiLogloss learn_RMSE
catboost max Precision Recall F F1 TotalF1 BalancedAccuracy MCC Accuracy AUC QueryAUC PRAUC NormalizedGini Kappa WKappa R2
catboost max LogLikelihoodOfPrediction PairAccuracy PFound NDCG DCG FilteredDCG AverageGain PrecisionAt:top=5 RecallAt:top=5
catboost max MAP:top=10 ERR:top=10 MRR
evaluate min brier_score cer character charcut_mt mae mape mase mse perplexity mean_perplexity smape ter wer latency_in_seconds
evaluate max accuracy bertscore bleu bleurt chrf comet exact_match f1 frugalscore google_bleu matthews_correlation mauve mean_iou
evaluate max meteor nist_mt pearsonr precision r_squared recall roc_auc rouge1 rougeLsum sacrebleu sari spearmanr squad
statsmodels min aic bic ssr mse_resid hqic aicc sse
statsmodels max llf rsquared rsquared_adj prsquared
statsmodels none centered_tss condition_number df_model df_resid f_pvalue fvalue mse_model mse_total scale uncentered_tss
";

#[test]
fn directions_are_those_that_packages_tell() {
    let wheels = V3.wheels(&WHEELS);
    let paths: Vec<&str> = wheels.iter().map(|path| path.to_str().unwrap()).collect();
    let told = V3.run(include_str!("support/metrics.py"), &paths);
    let told: Vec<(String, String, Option<String>)> = serde_json::from_str(&told).unwrap();
    let lists = LISTS.lines().flat_map(|line| {
        let (source, rest) = line.split_once(' ').unwrap_or_default();
        let (direction, names) = rest.split_once(' ').unwrap_or_default();
        let direction = (direction != "none").then(|| direction.to_owned());
        names.split(' ').map(move |name| (source.to_owned(), name.to_owned(), direction.clone()))
    });
    let all: Vec<_> = told.into_iter().chain(lists.filter(|(_, name, _)| !name.is_empty())).collect();
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    for (source, name, direction) in &all {
        let snake = name.chars().fold(String::new(), |snake, c| {
            let joint = if c.is_uppercase() && !snake.is_empty() { "_" } else { "" };
            format!("{snake}{joint}{}", c.to_lowercase())
        });
        let is_mistaken = source == "torchmetrics" && MISTAKEN.contains(&snake.as_str());
        let found = goal(name).map(|goal| if is_mistaken { goal.reversed() } else { goal }).map(Goal::short);
        match (found, direction.as_deref()) {
            (found, direction) if found == direction => {}
            (None, _) => unknown.push((source.as_str(), name.as_str())),
            _ => wrong.push(format!("{source}: {name} is {direction:?}, not {found:?}")),
        }
    }
    assert!(all.len() > 800, "{} names", all.len());
    assert!(wrong.is_empty(), "turned round:\n{}", wrong.join("\n"));
    let of = |wanted: &'static str| {
        let names = unknown.iter().filter(move |(source, _)| *source == wanted).map(|(_, name)| *name);
        names.collect::<Vec<&str>>()
    };
    for source in [
        "scikit-learn",
        "keras",
        "ultralytics",
        "stable-baselines3",
        "xgboost",
        "lightgbm",
        "catboost",
        "evaluate",
        "statsmodels",
    ] {
        assert_eq!(of(source), [""; 0], "{source}: all are known");
    }
    // What of a fairness, a base class and two coefficients more or less is better depends on their use.
    let open = ["Fairness", "GroupStatRates", "RetrievalMetric", "TheilsU", "TotalVariation"];
    let others = of("torchmetrics").into_iter().filter(|name| name.contains(char::is_uppercase));
    let others: Vec<&str> = others.filter(|name| !open.iter().any(|end| name.ends_with(end))).collect();
    assert_eq!(others, [""; 0], "torchmetrics");
    // Biases, differences and numbers of tokens are left open.
    let open = ["bias", "diff", "rate", "pct", "percent", "score", "eqbench", "bypass"];
    let others = of("lm-eval").into_iter().filter(|name| name.parse::<u32>().is_err());
    let others: Vec<&str> = others.filter(|name| !open.iter().any(|word| name.contains(word))).collect();
    assert_eq!(others, [""; 0], "lm-eval");
}

const STUDIES: &str = r#"
import json, sys
sys.path[:0] = sys.argv[2:]
import optuna
from optuna_integration.mlflow import MLflowCallback
best = {}
for name, directions, objective in [
    ("down", ["minimize"], lambda trial: (trial.suggest_float("x", -1, 1) - 0.3) ** 2),
    ("up", ["maximize"], lambda trial: trial.suggest_float("x", -1, 1)),
    ("both", ["maximize", "minimize"], lambda trial: (trial.suggest_float("x", -1, 1), trial.params["x"] ** 2)),
]:
    study = optuna.create_study(study_name=name, directions=directions, sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=6, callbacks=[MLflowCallback(tracking_uri=sys.argv[1])])
    # By the first objective of several.
    first = lambda trial: trial.values[0] * (1 if directions[0] == "minimize" else -1)
    best[name] = str(min(study.best_trials, key=first).number)
print(json.dumps(best))
"#;

#[test]
fn a_study_of_optuna_says_what_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let wheels =
        V3.wheels(&["optuna==5.0.0", "optuna_integration==5.0.0", "colorlog==6.12.0", "tqdm==4.70.1"]);
    let mut arguments = vec![address.as_str()];
    arguments.extend(wheels.iter().map(|path| path.to_str().unwrap()));
    let best: Value = serde_json::from_str(&V3.run(STUDIES, &arguments)).unwrap();
    for (study, metrics) in [
        ("down", json!([{ "metric": "value", "direction": "min" }])),
        ("up", json!([{ "metric": "value", "direction": "max" }])),
        (
            "both",
            json!([{ "metric": "value_0", "direction": "max" }, { "metric": "value_1", "direction": "min" }]),
        ),
    ] {
        let report = json_of(folder.path(), &address, &["best", study, "--json"]);
        assert_eq!(report["policy"]["metrics"], metrics);
        assert_eq!(report["policy"]["origin"], "run tags");
        assert_eq!(report["best"]["run_name"], best[study], "{study}");
        // Whoever names the metric is told the same, and compares by the same.
        let name = metrics[0]["metric"].as_str().unwrap();
        let named =
            json_of(folder.path(), &address, &["best", study, "--metric", name, "--top", "2", "--json"]);
        assert_eq!(named["policy"]["metrics"], json!([metrics[0]]));
        assert_eq!(named["policy"]["origin"], "asked");
        let [a, b] = [0, 1].map(|at| named["top"][at]["run_id"].as_str().unwrap());
        let compared = json_of(folder.path(), &address, &["compare", a, b, "--json"]);
        let rows = compared["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        let goal = if metrics[0]["direction"] == "min" { "minimize" } else { "maximize" };
        assert_eq!((&row["goal"], &row["best"]), (&json!(goal), &json!([0])), "{study}");
    }
}
