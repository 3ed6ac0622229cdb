//! The model registry by command and on the screen, beside MLflow's own client: what either does, the other sees.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::commands::{json as json_of, printed, refused};
use crate::support::terminal::Terminal;
use crate::support::{Mlflow, Server, V2, V3};

/// Registers models with MLflow's client: versions from a run's files, one from a logged model where there are such, and
/// texts that nobody should have to look at.
const REGISTER: &str = r#"
import os
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow, sys
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
experiment = client.create_experiment("wine")
client.create_registered_model("wine", description="red wine\nfrom the cellar", tags={"team": "cellar"})
client.create_registered_model("\x1b[31mred", description="x" * 1_000_000 if len(sys.argv) > 2 else "x")
for i, value in enumerate([0.9, 0.8, 0.7, 0.6]):
    run = client.create_run(experiment, run_name=f"calm-{i}").info
    client.log_metric(run.run_id, "val_rmse", value)
    client.set_terminated(run.run_id)
    tags = {"gate": "passed"} if i == 1 else {}
    client.create_model_version("wine", f"{run.artifact_uri}/model", run_id=run.run_id, tags=tags)
client.set_registered_model_alias("wine", "champion", 2)
client.set_registered_model_alias("wine", "challenger", 3)
client.transition_model_version_stage("wine", "2", "Production")
client.update_model_version("wine", "3", "the third")
client.delete_model_version("wine", "4")
if hasattr(client, "create_logged_model"):
    model = client.create_logged_model(experiment, name="net", source_run_id=run.run_id)
    client.log_metric(run.run_id, "val_rmse", 0.5, step=1, model_id=model.model_id)
    client.log_metric(run.run_id, "val_rmse", 0.95, step=2)
    client.create_model_version("wine", f"models:/{model.model_id}", run_id=run.run_id, model_id=model.model_id)
"#;

/// What MLflow's client finds of `wine`.
const FIND: &str = r#"
import os
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import json, mlflow, sys
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
model = client.get_registered_model("wine")
versions = sorted(client.search_model_versions("name = 'wine'"), key=lambda v: -int(v.version))
print(json.dumps({
    "description": model.description, "tags": model.tags,
    "aliases": {k: int(v) for k, v in model.aliases.items()},
    "creation_time": model.creation_timestamp,
    "versions": [{
        "version": int(v.version), "stage": None if v.current_stage == "None" else v.current_stage,
        "status": v.status, "description": v.description or "", "tags": v.tags, "source": v.source,
        "run_id": v.run_id, "creation_time": v.creation_timestamp,
        "last_updated_time": v.last_updated_timestamp,
    } for v in versions],
}))
"#;

/// The fields of `found` that `wanted` has.
fn like(found: &Value, wanted: &Value) -> Value {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let field = |(key, wanted): (&String, &Value)| {
                (key.clone(), found.get(key).map_or(Value::Null, |found| like(found, wanted)))
            };
            wanted.iter().map(field).collect()
        }
        (Value::Array(found), Value::Array(wanted)) if found.len() == wanted.len() => {
            found.iter().zip(wanted).map(|(found, wanted)| like(found, wanted)).collect()
        }
        _ => found.clone(),
    }
}

/// The commands say what MLflow's client says, wherever the models are.
fn commands(mlflow: Mlflow, folder: &Path, address: &str) {
    let place = ["--tracking-uri", address];
    let with = |arguments: &[&'static str]| [&place, arguments].concat();
    let found: Value = serde_json::from_str(&mlflow.run(FIND, &[address])).unwrap();
    let told = json_of(folder, &with(&["models", "wine", "--json"]));
    assert_eq!(like(&told, &found), found);
    let newest = if mlflow == V3 { 5 } else { 3 };
    assert_eq!((&told["latest_version"], &told["metric"]), (&json!(newest), &json!("val_rmse")));
    let version = |number: u64| {
        let all = told["versions"].as_array().unwrap();
        all.iter().find(|version| version["version"] == number).unwrap().clone()
    };
    assert_eq!(version(2)["aliases"], json!(["champion"]));
    assert_eq!(version(3)["aliases"], json!(["challenger"]));
    assert_eq!(version(3)["run_name"], "calm-2");
    assert_eq!(version(3)["experiment_name"], "wine");
    assert_eq!(version(3)["metrics"], json!({ "val_rmse": 0.7 }));
    assert!((version(3)["difference"].as_f64().unwrap() + 0.1).abs() < 1e-12);
    if mlflow == V3 {
        // The model's own value, and not the last one of its run.
        assert_eq!(version(5)["metrics"]["val_rmse"], 0.5);
        assert!(version(5)["model_id"].as_str().unwrap().starts_with("m-"));
    }
    let list = json_of(folder, &with(&["models", "--json"]));
    let wine = list.as_array().unwrap().iter().find(|model| model["name"] == "wine").unwrap();
    assert_eq!(wine["aliases"], json!({ "challenger": 3, "champion": 2 }));
    assert_eq!(wine["latest_by_stage"]["Production"], 2);
    let table = printed(folder, &with(&["models", "--columns", "name,latest,aliases,stages"]));
    assert!(table.contains("@challenger v3, @champion v2") && table.contains("Production v2"), "{table}");
    assert!(table.contains("^[[31mred") && !table.contains('\u{1b}'), "{table}");
    let table = printed(folder, &with(&["models"]));
    assert!(table.lines().all(|line| line.len() < 200), "a long description is not in the way");
    let csv = printed(
        folder,
        &with(&[
            "models",
            "wine",
            "--csv",
            "--columns",
            "version,aliases,run,metric",
            "--sort",
            "metric desc",
        ]),
    );
    let lines: Vec<&str> = csv.lines().take(3).collect();
    assert_eq!(lines, ["version,aliases,run,metrics.val_rmse", "1,,calm-0,0.9", "2,@champion,calm-1,0.8"]);
    let filtered = json_of(folder, &with(&["models", "--filter", "CHALLENGER", "--json"]));
    assert_eq!(filtered.as_array().unwrap().len(), 1);
    let (code, message) = refused(folder, &with(&["models", "vine"]));
    assert!(code == 3 && message.contains("no registered model \"vine\""), "{message}");
    let (code, message) = refused(folder, &with(&["models", "--sort", "colour"]));
    assert!(code == 2 && message.contains("columns are name"), "{message}");
    let (code, _) = refused(folder, &with(&["models", "--metric", "val_rmse"]));
    assert_eq!(code, 2, "a metric is of versions");
}

/// Another workspace, with a model of the same name.
const IN_WORKSPACE: &str = r#"
import mlflow, sys
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
mlflow.create_workspace("cellar")
mlflow.set_workspace("cellar")
client = MlflowClient()
experiment = client.create_experiment("wine")
client.create_registered_model("wine")
for i, value in enumerate([0.4, 0.3, 0.2]):
    run = client.create_run(experiment, run_name=f"cool-{i}").info
    client.log_metric(run.run_id, "val_rmse", value)
    client.log_text(run.run_id, "flavors: {}", "model/MLmodel")
    client.set_terminated(run.run_id)
    client.create_model_version("wine", f"{run.artifact_uri}/model", run_id=run.run_id)
client.set_registered_model_alias("wine", "champion", 1)
"#;

/// The aliases of both models.
const ALIASES: &str = r#"
import json, mlflow, sys
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
found = []
for workspace in ["default", "cellar"]:
    mlflow.set_workspace(workspace)
    found.append({k: int(v) for k, v in MlflowClient().get_registered_model("wine").aliases.items()})
print(json.dumps(found))
"#;

/// In a workspace the models are its own, by command and by keys, and those of others stay as they are.
fn in_a_workspace(folder: &Path, address: &str) {
    V3.run(IN_WORKSPACE, &[address]);
    let run = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.args(["--tracking-uri", address]).args(words).current_dir(folder);
        command.env_clear().env("HOME", folder).env("MLFLOW_WORKSPACE", "cellar");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let aliases = || -> Value { serde_json::from_str(&V3.run(ALIASES, &[address])).unwrap() };
    let theirs = aliases()[0].clone();
    let table = run(&["models", "wine", "--metric", "val_rmse"]);
    assert!(table.contains("cool-2") && !table.contains("calm-"), "{table}");
    run(&["promote", "wine", "--version", "2", "--to", "champion", "--if-better", "--metric", "val_rmse"]);
    run(&["download", "models:/wine@champion", "--to", "cool"]);
    assert_eq!(std::fs::read_to_string(folder.join("cool/MLmodel")).unwrap(), "flavors: {}");
    let variables = [("MLTUI_POLL_INTERVAL", "0.5"), ("MLFLOW_WORKSPACE", "cellar")];
    let mut terminal = Terminal::start(folder, (140, 40), &["--tracking-uri", address], &variables);
    terminal.wait("the alias of a run", |screen| {
        screen.lines().any(|line| line.contains("cool-1") && line.contains("@champion"))
    });
    terminal.type_keys("M");
    terminal.wait("its versions", |screen| {
        screen.lines().any(|line| line.contains("v3") && line.contains("-0.1"))
    });
    terminal.type_keys("l");
    terminal.type_keys("B");
    terminal.wait_for("Promote wine v3 to");
    terminal.type_keys("\r");
    terminal.wait_for("Promote wine v3 to @champion?");
    terminal.type_keys("y");
    terminal.wait_for("wine v3 is @champion, which was v2");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    // It is chosen inside as well, and remembered.
    let own = [("MLTUI_POLL_INTERVAL", "0.5")];
    let mut terminal = Terminal::start(folder, (140, 40), &["--tracking-uri", address], &own);
    terminal.wait_for("calm-");
    terminal.type_keys("P");
    terminal.wait_for("Profiles and workspaces");
    terminal.type_keys("cellar\r");
    terminal.wait("the runs of the workspace", |screen| {
        screen.contains("workspace cellar") && screen.contains("cool-1")
    });
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    let mut terminal = Terminal::start(folder, (140, 40), &["--tracking-uri", address], &own);
    terminal.wait_for("cool-1");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    // One that is not there is told as that, and not as a model that is not.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mltui"));
    command.args(["--tracking-uri", address, "models", "wine"]).env_clear().env("HOME", folder);
    let output = command.env("MLFLOW_WORKSPACE", "nosuch").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Workspace 'nosuch' not found") && said.contains("MLFLOW_WORKSPACE"), "{said}");
    assert_eq!((&aliases()[0], &aliases()[1]["champion"]), (&theirs, &json!(3)));
}

#[test]
fn a_server_of_mlflow_3_lists_and_shows_its_models() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(V3, folder.path(), &["--enable-workspaces"], &[]);
    V3.run(REGISTER, &[&server.uri()]);
    commands(V3, folder.path(), &server.uri());
    visit(V3, folder.path(), &server.uri());
    in_a_workspace(folder.path(), &server.uri());
}

#[test]
fn a_server_of_mlflow_2_lists_and_shows_its_models() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V2, folder.path());
    V2.run(REGISTER, &[&server.uri()]);
    commands(V2, folder.path(), &server.uri());
    visit(V2, folder.path(), &server.uri());
}

/// Puts a model into another workspace, as a server with workspaces does.
const ELSEWHERE: &str = r#"
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for table in ["registered_models", "model_versions"]:
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] != "workspace"]
    names = ", ".join(columns)
    values = ", ".join("'theirs'" if column == "name" else column for column in columns)
    only = "AND version = 1" if table == "model_versions" else ""
    db.execute(f"INSERT INTO {table} (workspace, {names}) SELECT 'other', {values} FROM {table} WHERE name = 'wine' {only}")
db.execute("INSERT INTO registered_model_aliases (workspace, name, alias, version) VALUES ('other', 'theirs', 'champion', 1)")
db.commit()
"#;

#[test]
fn a_local_store_lists_its_models_each_workspace_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let address = format!("sqlite:///{}", path.display());
    V3.run(REGISTER, &[&address, "with a description of a megabyte"]);
    commands(V3, folder.path(), &address);
    V3.run(ELSEWHERE, &[path.to_str().unwrap()]);
    let names = |workspace: Option<&str>| -> Vec<String> {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.args(["--tracking-uri", &address, "models", "--json"]).env_clear().env("HOME", folder.path());
        if let Some(workspace) = workspace {
            command.env("MLFLOW_WORKSPACE", workspace);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = told.as_array().unwrap().iter();
        all.map(|model| model["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(None), ["\u{1b}[31mred", "wine"]);
    assert_eq!(names(Some("other")), ["theirs"]);
}

const MOVE: &str = r#"
import os
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow, sys
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
client.set_registered_model_alias("wine", "by-python", 1)
client.create_registered_model("another")
first = client.get_model_version("wine", "1")
client.create_model_version("another", first.source, run_id=first.run_id)
"#;

/// Deletes a version and a model, moves a version to a stage and adds one, whose number is printed.
const CHANGE: &str = r#"
import os
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow, sys
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
first = client.get_model_version("wine", "1")
added = client.create_model_version("wine", first.source, run_id=first.run_id)
client.transition_model_version_stage("wine", "1", "Staging")
client.delete_model_version("wine", "3")
client.delete_registered_model("\x1b[31mred")
print(added.version)
"#;

/// Whether a model is there.
const IS_THERE: &str = r#"
import os
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow, sys
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
names = [model.name for model in client.search_registered_models()]
print(sys.argv[2] in names, len(client.search_model_versions(f"name = '{sys.argv[2]}'")))
"#;

/// Edits the first version of `wine`, on which the cursor is, and the model, by keys; MLflow's client reads each back.
fn edit(terminal: &mut Terminal, found: &dyn Fn() -> Value) {
    let version = |number: u64| -> Value {
        let found = found();
        let mut all = found["versions"].as_array().unwrap().iter();
        all.find(|version| version["version"] == number).unwrap().clone()
    };
    terminal.type_keys("nby keys\r");
    terminal.wait_for("wine v1 described");
    assert_eq!(version(1)["description"], "by keys");
    terminal.type_keys("towner = ana\r");
    terminal.wait_for("wine v1: tag owner = ana");
    assert_eq!(version(1)["tags"]["owner"], "ana");
    terminal.type_keys("Downer\r");
    terminal.wait_for("wine v1: tag owner deleted");
    assert_eq!(version(1)["tags"]["owner"], Value::Null);
    terminal.type_keys("atemporary\r");
    terminal.wait_for("@temporary of wine to v1");
    assert_eq!(found()["aliases"]["temporary"], 1);
    terminal.type_keys("Atemporary\r");
    terminal.wait_for("@temporary of wine deleted");
    assert_eq!(found()["aliases"]["temporary"], Value::Null);
    terminal.type_keys("SProduction, archive\r");
    terminal.wait_for("wine v1 to Production");
    assert_eq!((&version(1)["stage"], &version(2)["stage"]), (&json!("Production"), &json!("Archived")));
    terminal.type_keys("U");
    terminal.wait_for("undone: wine v1 to Production");
    assert_eq!((&version(1)["stage"], &version(2)["stage"]), (&Value::Null, &json!("Production")));
    terminal.type_keys("H");
    terminal.wait_for("History of wine");
    terminal.wait_for("tag owner = ana");
    terminal.type_keys("\x1b");
    terminal.wait("no history", |screen| !screen.contains("History of wine"));
}

/// Renames, and deletes a version and a model, by keys.
fn rename_and_delete(terminal: &mut Terminal, mlflow: Mlflow, address: &str) {
    let is_there = |name: &str| mlflow.run(IS_THERE, &[address, name]).trim().to_owned();
    terminal.type_keys("/ano\r");
    terminal.wait_for("1 of 3");
    terminal.wait_for("another 1 version");
    terminal.type_keys("R\u{15}one-more\r");
    terminal.wait_for("another renamed to one-more");
    assert_eq!((is_there("another").as_str(), is_there("one-more").as_str()), ("False 0", "True 1"));
    terminal.type_keys("U");
    terminal.wait_for("undone: another renamed to one-more");
    assert_eq!(is_there("another"), "True 1");
    terminal.wait_for("another 1 version");
    terminal.type_keys("ld");
    terminal.wait_for("Delete another v1?");
    terminal.type_keys("y");
    terminal.wait_for("another v1 deleted");
    assert_eq!(is_there("another"), "True 0");
    terminal.wait_for("no versions");
    terminal.type_keys("d");
    terminal.wait_for("Delete another?");
    terminal.type_keys("y");
    terminal.wait_for("another deleted with all its versions");
    assert_eq!(is_there("another"), "False 0");
}

/// Promotes the first version by keys after a look, takes that back, and compares its run with the champion's.
fn promote(terminal: &mut Terminal, aliases: &dyn Fn() -> Value) {
    terminal.type_keys("B");
    terminal.wait_for("Promote wine v1 to");
    terminal.type_keys("\r");
    terminal.wait_for("Promote wine v1 to @champion?");
    terminal.wait_for("@champion of wine: from v2 to v1");
    terminal.wait_for("val_rmse: 0.9, v2 has 0.8, a difference of 0.1");
    terminal.type_keys("y");
    terminal.wait_for("wine v1 is @champion, which was v2");
    let seen = aliases();
    assert_eq!((&seen["champion"], &seen["previous-champion"]), (&json!(1), &json!(2)));
    terminal.type_keys("U");
    terminal.wait_for("wine v1 is no longer @champion; v2 is again");
    terminal.wait("the champion on the screen", |screen| {
        screen.lines().any(|line| line.contains("v2 ") && line.contains("@champion") && line.contains("0.8"))
    });
    terminal.type_keys("V");
    terminal.wait("both runs side by side", |screen| {
        screen.contains("Importance") && screen.contains("calm-0") && screen.contains("calm-1")
    });
    terminal.type_keys("\x1b");
    terminal.wait_for("wine v1");
}

/// The registry by keys, on a store that MLflow's client looks into and changes meanwhile.
fn visit(mlflow: Mlflow, folder: &Path, address: &str) {
    let find = || -> Value { serde_json::from_str(&mlflow.run(FIND, &[address])).unwrap() };
    let aliases = || find()["aliases"].clone();
    let mut terminal =
        Terminal::start(folder, (140, 40), &["--tracking-uri", address], &[("MLTUI_POLL_INTERVAL", "0.5")]);
    // The badge of the run stands in the table.
    terminal.wait("the alias of a run", |screen| {
        screen.lines().any(|line| line.contains("calm-1") && line.contains("@champion"))
    });
    terminal.type_keys("M");
    terminal.wait_for("Models 2");
    terminal.wait("the model", |screen| screen.contains("wine"));
    terminal.type_keys("/win\r");
    terminal.wait("its versions", |screen| {
        screen.lines().any(|line| line.contains("v2") && line.contains("@champion") && line.contains("0.8"))
            && screen.lines().any(|line| line.contains("v3") && line.contains("-0.1"))
    });
    // To the versions, the second of them, its run, and back.
    terminal.type_keys("lG\r");
    terminal.wait("the run of the first version", |screen| {
        screen.contains("2 Runs") && screen.lines().any(|line| line.contains("calm-0"))
    });
    terminal.type_keys("\x1b");
    terminal.wait_for("wine v1");
    terminal.type_keys("afrom-keys\r");
    terminal.wait_for("@from-keys of wine to v1");
    assert_eq!(aliases()["from-keys"], 1);
    terminal.type_keys("U");
    terminal.wait_for("undone: @from-keys");
    assert_eq!(aliases()["from-keys"], Value::Null);
    promote(&mut terminal, &aliases);
    edit(&mut terminal, &|| serde_json::from_str(&mlflow.run(FIND, &[address])).unwrap());
    mlflow.run(MOVE, &[address]);
    terminal.wait("what Python did", |screen| {
        screen.lines().any(|line| line.contains("v1") && line.contains("@by-python"))
    });
    terminal.type_keys("h\x1b");
    terminal.wait_for("Models 3");
    rename_and_delete(&mut terminal, mlflow, address);
    terminal.type_keys("\x1b");
    terminal.wait_for("Models 2");
    terminal.type_keys("Gl");
    let added = mlflow.run(CHANGE, &[address]);
    let added = format!("v{} ", added.trim());
    terminal.wait("what Python deleted, moved and added", |screen| {
        let has = |number: &str, words: &str| {
            screen.lines().any(|line| line.contains(number) && line.contains(words))
        };
        has(&added, "calm-0") && has("v1 ", "Staging") && !has("v3 ", "0.7") && screen.contains("Models 1")
    });
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    assert!(!terminal.was_sent("\x1b[31mred"), "an escape code of a name reached the terminal");
}

#[test]
fn a_visit_to_the_registry_of_a_local_store() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    V3.run(REGISTER, &[&address, "long"]);
    visit(V3, folder.path(), &address);
}

#[test]
fn a_visit_to_the_registry_of_a_folder() {
    let home = tempfile::tempdir().unwrap();
    let runs = home.path().join("mlruns");
    std::fs::create_dir(&runs).unwrap();
    let address = format!("file://{}", runs.display());
    V3.run(REGISTER, &[&address]);
    commands(V3, home.path(), &address);
    visit(V3, home.path(), &address);
}
