//! The columns of lists: their names, their order and their values.

use mltui::mlflow::{Dataset, DatasetInput, Metric, Param, RunStatus, Tag};
use mltui::state::views::{NamedView, SavedColumn, SavedView, ViewPlace, Views};
use mltui::store::{NewRun, RunUpdate, uri};
use serde_json::Value;

use crate::support::commands::{fill, json, mltui, open, printed, refused, text};

/// Twenty-one names, with which a comparison of numbers as numbers and of all else as texts goes round in circles.
const MIXED: [&str; 21] = [
    "46a", "9", "22a", "19a", "12", "35a", "11", "21", "16", "24a", "43", "2a", "5", "27a", "36", "28a",
    "41", "29a", "25", "47a", "14a",
];

#[test]
fn names_of_digits_and_letters_are_sorted() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(&format!("sqlite:///{}", folder.path().join("mlflow.db").display()));
    runtime.block_on(async {
        for name in MIXED {
            store.create_experiment(name, &[]).await.unwrap();
        }
    });
    let listed = printed(folder.path(), &["experiments", "--sort", "name", "--columns", "name", "--csv"]);
    let expected = "name 5 9 11 12 16 21 25 36 41 43 2a 14a 19a 22a 24a 27a 28a 29a 35a 46a 47a Default";
    assert_eq!(listed.split_whitespace().collect::<Vec<_>>().join(" "), expected);
    let down = printed(folder.path(), &["experiments", "--sort", "name desc", "--columns", "name", "--csv"]);
    assert_eq!(down.split_whitespace().nth(1), Some("Default"));
}

#[test]
fn columns_have_heads_that_tell_them_apart_and_keys_are_taken_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(&address);
    let experiment = runtime.block_on(store.create_experiment("heads", &[])).unwrap();
    let run = NewRun {
        experiment_id: experiment,
        run_name: Some("one".into()),
        user_id: "ana".into(),
        start_time: 1_000,
        tags: Vec::new(),
    };
    let id = runtime.block_on(store.create_run(&run)).unwrap().info.run_id;
    let values =
        [("m", 3.0, 0), ("m", 1.0, 1), ("m", 2.0, 2), ("a", 1.0, 0), ("a ", 2.0, 0), ("a b", 4.0, 0)];
    let metrics: Vec<Metric> = values
        .into_iter()
        .map(|(key, value, step)| Metric { key: key.into(), value, timestamp: 1, step })
        .collect();
    runtime.block_on(store.log_batch(&id, &metrics, &[Param::new("m", "x")], &[])).unwrap();
    let asked = |columns: &str, more: &[&str]| {
        let list = ["--tracking-uri", &address, "runs", "heads", "--columns", columns];
        printed(folder.path(), &[&list, more].concat())
    };
    let heads = |text: String| text.lines().next().unwrap().to_owned();
    assert_eq!(heads(asked("min(metrics.m),max(metrics.m)", &[])), "min(m)  max(m)");
    assert_eq!(heads(asked("metrics.m,params.m,last(metrics.m, 2)", &[])), "metrics.m  params.m  last(m, 2)");
    assert_eq!(
        asked("min(metrics.m),max(metrics.`m`),at(metrics.\"m\", 0),metrics.'m'", &["--csv"]),
        "min(metrics.m),max(metrics.m),\"at(metrics.m, 0)\",metrics.m\n1,3,3,2\n"
    );
    let row: Value = serde_json::from_str(&asked("min(metrics.m),max(metrics.m)", &["--json"])).unwrap();
    assert_eq!(row, serde_json::json!([{ "min(metrics.m)": 1.0, "max(metrics.m)": 3.0 }]));
    for columns in ["metrics.a ", "metrics.`a `", " metrics.a ", "max(metrics.a )", "max(metrics.`a `)"] {
        assert_eq!(asked(columns, &["--csv"]).lines().last(), Some("2"), "{columns:?}");
    }
    assert_eq!(asked("metrics.a, metrics.`a b`,run_name ", &["--csv"]).lines().last(), Some("1,4,one"));
    assert_eq!(asked("metrics.a ", &["--csv", "--sort", "metrics.a  desc"]).lines().last(), Some("2"));
}

#[test]
fn a_table_begins_with_what_tells_most_and_ends_with_folds() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(&address);
    let heads = |experiment: &str, more: &[&str]| {
        let list = ["--tracking-uri", &address, "runs", experiment];
        let table = printed(folder.path(), &[&list, more].concat());
        let head = table.lines().next().unwrap().to_owned();
        let words = head.split([' ', ',']).filter(|word| !word.is_empty());
        let behind = words.skip_while(|word| !["User", "user_id"].contains(word)).skip(1);
        behind.collect::<Vec<_>>().join(" ")
    };
    for (name, tags) in
        [("named", vec![]), ("told", vec![Tag::new("mlflow.experiment.primaryMetric.name", "custom")])]
    {
        let experiment = runtime.block_on(store.create_experiment(name, &tags)).unwrap();
        let run = NewRun {
            experiment_id: experiment,
            run_name: Some("one".into()),
            user_id: "ana".into(),
            start_time: 1_000,
            tags: Vec::new(),
        };
        let id = runtime.block_on(store.create_run(&run)).unwrap().info.run_id;
        let keys = [
            "fold_10_rmse",
            "fold_rmse",
            "fold_2_rmse",
            "fit_seconds",
            "custom",
            "train_loss",
            "val_rmse",
            "val_rmse_std",
        ];
        let metric = |key: &str| Metric { key: key.into(), value: 1.0, timestamp: 1, step: 0 };
        let metrics: Vec<Metric> = keys.into_iter().map(metric).collect();
        runtime.block_on(store.log_batch(&id, &metrics, &[Param::new("depth", "3")], &[])).unwrap();
    }
    let rest = "val_rmse_std fit_seconds fold_2_rmse fold_10_rmse fold_rmse";
    assert_eq!(heads("named", &[]), format!("val_rmse train_loss depth custom {rest}"));
    assert_eq!(heads("told", &[]), format!("custom val_rmse train_loss depth {rest}"));
    let for_programs = heads("named", &["--csv"]);
    assert!(
        for_programs.starts_with("metrics.custom metrics.fit_seconds metrics.fold_2_rmse"),
        "{for_programs}"
    );
}

#[test]
fn a_column_that_no_run_has_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    tokio::runtime::Runtime::new().unwrap().block_on(fill(&open(&address)));
    let said = |more: &[&str]| {
        let list = ["--tracking-uri", &address, "runs", "wine"];
        let output = mltui(folder.path(), &[&list, more].concat());
        assert!(output.status.success() && !output.stdout.is_empty(), "{more:?}");
        text(&output.stderr)
    };
    for column in ["metrics.val_rmsle", "max(metrics.val_rmsle)", "params.val_rmse", "tags.`a b`"] {
        let message = said(&["--columns", column]);
        assert!(message.contains("no run has \"") && message.lines().count() == 1, "{message}");
    }
    let message = said(&["--sort", "metrics.typo"]);
    assert_eq!(message, "mltui: no run has \"metrics.typo\"; not sorted by it\n");
    assert_eq!(said(&["--columns", "metrics.val_rmse,user_id", "--sort", "params.lr"]), "");
}

#[test]
fn a_run_that_was_resumed_has_no_end_and_its_duration_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(&address);
    let experiment = runtime.block_on(fill(&store));
    let ids = json(folder.path(), &["--tracking-uri", &address, "runs", "wine", "--json"]);
    let resumed = ids[0]["run_id"].as_str().unwrap();
    let update = RunUpdate { status: Some(RunStatus::Running), end_time: None, run_name: None };
    runtime.block_on(store.update_run(&resumed.into(), &update)).unwrap();
    drop(experiment);
    let runs = json(folder.path(), &["--tracking-uri", &address, "runs", "wine", "--json"]);
    assert_eq!((&runs[0]["run_id"], &runs[0]["end_time"]), (&Value::from(resumed), &Value::Null));
    assert_eq!(runs[1]["end_time"], 9_000);
    let columns = ["--columns", "end_time,duration", "--json"];
    let runs = json(folder.path(), &[&["--tracking-uri", &address, "runs", "wine"][..], &columns].concat());
    assert_eq!(runs[0]["end_time"], Value::Null);
    assert!(runs[0]["duration"].as_i64().unwrap() > 1_000_000_000_000, "since 1970, and on");
    assert_eq!(runs[1], serde_json::json!({ "end_time": 9_000, "duration": 6_000 }));
}

#[test]
fn runs_are_filtered_as_people_write_it_and_by_saved_views() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(&address);
    let experiment = runtime.block_on(async {
        let experiment = store.create_experiment("folds", &[]).await.unwrap();
        for fold in [10, 2, 1] {
            let run = NewRun {
                experiment_id: experiment.clone(),
                run_name: Some(format!("fold{fold}")),
                user_id: if fold == 1 { "ben" } else { "ana" }.into(),
                start_time: if fold == 2 { now() } else { 1_000 },
                tags: vec![Tag::new("stage", "a b"), Tag::new("mlflow.note.content", "n")],
            };
            let id = store.create_run(&run).await.unwrap().info.run_id;
            let metric = Metric { key: "val/loss".into(), value: f64::from(fold), timestamp: 1, step: 0 };
            store.log_batch(&id, &[metric], &[Param::new("lr", format!("{fold}e-1"))], &[]).await.unwrap();
        }
        experiment
    });
    let runs = |more: &[&str]| {
        let list = [
            "--tracking-uri",
            &address,
            "runs",
            "folds",
            "--columns",
            "run_name",
            "--csv",
            "--sort",
            "run_name",
        ];
        printed(folder.path(), &[&list, more].concat()).lines().skip(1).collect::<Vec<_>>().join(" ")
    };
    for (filter, found) in [
        ("", "fold1 fold2 fold10"),
        ("metrics.val/loss < 2 OR name ~ '0$'", "fold1 fold10"),
        ("age < 1d", "fold2"),
        ("params.lr < 0.5", "fold1 fold2"),
        ("tags.stage = 'a b' AND (user = ben OR age < 1h)", "fold1 fold2"),
        ("metrics.none IS NULL AND name IN (fold1, fold10)", "fold1 fold10"),
    ] {
        assert_eq!(runs(&["--filter", filter]), found, "{filter}");
    }
    let whole = printed(folder.path(), &["--tracking-uri", &address, "runs", "folds", "--csv"]);
    let head = whole.lines().next().unwrap();
    assert!(head.ends_with("params.lr,tags.stage,tags.mlflow.note.content"), "{head}");
    // A view that the explorer saved.
    let state = folder.path().join(".local/state/mltui");
    let uri = uri::parse(&address, folder.path()).unwrap().name();
    let view = SavedView {
        columns: vec![SavedColumn { name: "metrics.val/loss".into(), width: None }],
        sort: vec!["metrics.val/loss desc".into()],
        filter: "user = ana".into(),
        ..SavedView::default()
    };
    let named = NamedView { name: "hers".into(), of: Some(ViewPlace::new(&uri, &experiment)), view };
    Views::new(&state).change(&[], &[named]).unwrap();
    let seen = |more: &[&str]| {
        let list = ["--tracking-uri", &address, "runs", "folds", "--view", "hers", "--csv"];
        printed(folder.path(), &[&list, more].concat()).lines().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(seen(&[]), "metrics.val/loss 10 2");
    assert_eq!(seen(&["--columns", "run_name", "--filter", "age > 1d"]), "run_name fold10", "narrowed");
    let (code, message) =
        refused(folder.path(), &["--tracking-uri", &address, "runs", "folds", "--view", "his"]);
    assert!(code == 3 && message.contains("no view \"his\" of this experiment; there are hers"), "{message}");
    let (code, message) =
        refused(folder.path(), &["--tracking-uri", &address, "--view", "hers", "runs", "folds"]);
    assert!(code == 2 && message.contains("behind its name"), "{message}");
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_millis() as i64
}

#[test]
fn runs_tell_their_data_sets_and_models() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(&address);
    let experiment = runtime.block_on(store.create_experiment("data", &[])).unwrap();
    let history = r#"[{"artifact_path": "model", "run_id": "x"}]"#;
    for (name, start_time, tags) in
        [("with", 2_000, vec![Tag::new("mlflow.log-model.history", history)]), ("without", 1_000, Vec::new())]
    {
        let run = NewRun {
            experiment_id: experiment.clone(),
            run_name: Some(name.into()),
            user_id: "ana".into(),
            start_time,
            tags,
        };
        let id = runtime.block_on(store.create_run(&run)).unwrap().info.run_id;
        let input = |name: &str, context: &str| DatasetInput {
            dataset: Dataset {
                name: name.into(),
                digest: format!("d-{name}"),
                source_type: "local".into(),
                source: "{}".into(),
                schema: None,
                profile: None,
            },
            tags: vec![Tag::new("mlflow.data.context", context)],
        };
        if name == "with" {
            let inputs = [input("wine", "training"), input("beer", "eval"), input("ale", "eval")];
            runtime.block_on(store.log_inputs(&id, &inputs)).unwrap();
        }
    }
    let list = ["--tracking-uri", &address, "runs", "data"];
    let runs: Vec<Value> =
        serde_json::from_str(&printed(folder.path(), &[&list[..], &["--json"]].concat())).unwrap();
    let inputs: Vec<(&str, &str, &str)> = runs[0]["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| {
            let part = |key: &str| input[key].as_str().unwrap();
            (part("name"), part("digest"), part("context"))
        })
        .collect();
    assert_eq!(
        inputs,
        [("ale", "d-ale", "eval"), ("beer", "d-beer", "eval"), ("wine", "d-wine", "training")]
    );
    assert_eq!(runs[0]["models"][0]["name"], "model");
    assert_eq!((&runs[1]["inputs"], &runs[1]["models"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    let columns = ["--columns", "run_name,dataset.name,dataset.context", "--sort", "dataset.name", "--csv"];
    let table = printed(folder.path(), &[&list[..], &columns].concat());
    assert_eq!(
        table.lines().skip(1).collect::<Vec<_>>(),
        ["with,\"ale, beer, wine\",\"eval, training\"", "without,,"]
    );
    let filtered = ["--filter", "dataset.name = wine", "--columns", "run_name", "--csv"];
    assert_eq!(printed(folder.path(), &[&list[..], &filtered].concat()).lines().nth(1), Some("with"));
}
