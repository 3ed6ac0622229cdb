//! Promotions by command, read back by MLflow's own client.

use std::path::Path;

use serde_json::{Value, json};

use super::{block_on, experiment, json_of, mltui, open, run};
use crate::support::{Mlflow, Server, V2, V3};

const READ: &str = "
import json, sys, warnings
warnings.filterwarnings('ignore')
import mlflow
client = mlflow.MlflowClient(sys.argv[1], sys.argv[1])
model = client.get_registered_model(sys.argv[2])
versions = client.search_model_versions(f\"name='{sys.argv[2]}'\")
print(json.dumps({
    'aliases': {alias: int(version) for alias, version in model.aliases.items()},
    'versions': {it.version: [it.run_id, it.current_stage] for it in map(lambda it: client.get_model_version(it.name, it.version), versions)},
    'log': sorted(key.rsplit('.', 1)[0] for key in model.tags),
}, default=str))
";

fn read(mlflow: Mlflow, address: &str, model: &str) -> Value {
    serde_json::from_str(mlflow.run(READ, &[address, model]).lines().last().unwrap()).unwrap()
}

/// The words of a promotion that prints JSON.
fn words<'a>(name: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["promote", name, "--json"], more].concat()
}

fn promoted(mlflow: Mlflow, home: &Path, address: &str, name: &str) {
    let store = open(address);
    let (_, runs) = block_on(experiment(&store, name));
    let first = json_of(home, address, &words(name, &["--run", runs[0].as_str(), "--to", "champion"]));
    assert_eq!(
        (&first["version"], &first["promoted"], &first["holder"]),
        (&json!(1), &json!(true), &Value::Null)
    );
    let best = ["--best", name, "--to", "@champion", "--if-better", "--metric", "val_rmse"];
    let planned = json_of(home, address, &words(name, &[&best[..], &["--dry-run"]].concat()));
    assert_eq!(
        (&planned["gate"], &planned["version"], &planned["holder"]),
        (&json!("passed"), &Value::Null, &json!(1))
    );
    let writes = planned["writes"].to_string();
    assert!(writes.contains(&format!("@champion of {name}: from v1 to the new version")), "{writes}");
    let aliases = || {
        let model = block_on(store.get_registered_model(name)).unwrap();
        model.aliases.into_iter().map(|(alias, version)| (alias, json!(version))).collect::<Value>()
    };
    assert_eq!(aliases(), json!({ "champion": 1 }), "a dry run writes nothing");
    let second = json_of(home, address, &words(name, &best));
    assert_eq!((&second["version"], &second["metric"]["own"]), (&json!(2), &json!(0.5)));
    assert_eq!(second["checks"][0]["outcome"], "passed", "{second}");
    // What is not better is not promoted, and says by how much.
    let back = ["promote", name, "--version", "1", "--to", "champion", "--if-better"];
    let refused = run(home, address, &back);
    assert_eq!(refused.status.code(), Some(4));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("v1 has val_rmse 0.7, v2 (@champion) has 0.5: worse by 0.2"), "{told}");
    json_of(home, address, &words(name, &["--version", "2", "--to", "production"]));
    let again = json_of(home, address, &words(name, &best));
    assert_eq!((&again["already"], &again["promoted"]), (&json!(true), &json!(false)));
    let seen = read(mlflow, address, name);
    assert_eq!(seen["aliases"], json!({ "champion": 2, "previous-champion": 1 }));
    let of = |at: usize| runs[at].as_str();
    let versions = json!({ "1": [of(0), "None"], "2": [of(1), "Production"] });
    assert_eq!(seen["versions"], versions);
    // The report finds the champion, and the best run beside it.
    let report = run(home, address, &["report", name, "--metric", "val_rmse", "--vs", "@previous-champion"]);
    let told = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stderr));
    assert!(told.contains("## Against ") && told.contains("@previous-champion` (version 1)"), "{told}");
    assert!(told.contains("0.5 against 0.7 of") && told.contains("0.2 (28.6 %) better"), "{told}");
    // What a policy asks for is enforced, unless it is overruled.
    let config = home.join("policy.toml");
    let policy =
        format!("[models.\"{name}\"]\nmetric = \"val_rmse min\"\ntags = [\"reviewed=yes\"]\nkeep = 2\n");
    std::fs::write(&config, policy).unwrap();
    let by_policy = |more: &[&str]| {
        let to =
            ["--config", config.to_str().unwrap(), "promote", name, "--version", "1", "--to", "champion"];
        mltui(home, address, &[&to[..], more].concat()).output().unwrap()
    };
    let refused = by_policy(&["--json"]);
    assert_eq!(refused.status.code(), Some(4));
    let told: Value = serde_json::from_slice(&refused.stdout).unwrap();
    let outcomes: Vec<&str> =
        told["checks"].as_array().unwrap().iter().map(|it| it["outcome"].as_str().unwrap()).collect();
    assert_eq!((outcomes, &told["promoted"]), (vec!["failed", "failed"], &json!(false)));
    let forced = by_policy(&["--force"]);
    assert!(forced.status.success(), "{}", String::from_utf8_lossy(&forced.stderr));
    assert!(String::from_utf8_lossy(&forced.stdout).contains("v1 is @champion, which was v2"));
    assert_eq!(aliases(), json!({ "champion": 1, "previous-champion": 2 }));
    for before in [json!({ "champion": 2, "previous-champion": 1 }), json!({ "champion": 1 })] {
        json_of(home, address, &words(name, &["--undo", "--to", "champion"]));
        assert_eq!(aliases(), before);
    }
    let gone = run(home, address, &["promote", name, "--version", "9", "--to", "champion"]);
    assert_eq!(gone.status.code(), Some(3));
    let which = run(home, address, &["promote", name, "--to", "champion"]);
    assert_eq!(which.status.code(), Some(2), "{}", String::from_utf8_lossy(&which.stderr));
    // A mark that moves the alias is asked the same, by its model's policy.
    let mark = |more: &[&str]| {
        let words = ["--config", config.to_str().unwrap(), "mark-best", name, "--metric", "val_rmse"];
        mltui(home, address, &[&words[..], &["--register", name], more].concat()).output().unwrap()
    };
    let planned = mark(&["--dry-run", "--json"]);
    assert_eq!(planned.status.code(), Some(4));
    let told: Value = serde_json::from_slice(&planned.stdout).unwrap();
    let outcomes: Vec<&str> =
        told["checks"].as_array().unwrap().iter().map(|it| it["outcome"].as_str().unwrap()).collect();
    assert_eq!((outcomes, &told["gate"]), (vec!["passed", "failed"], &json!("failed")));
    let refused = mark(&[]);
    assert_eq!(refused.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("new is not marked: tag reviewed is missing"));
    assert_eq!(aliases(), json!({ "champion": 1 }), "nothing is written");
    let forced = mark(&["--force"]);
    assert!(forced.status.success(), "{}", String::from_utf8_lossy(&forced.stderr));
    assert_eq!(aliases(), json!({ "champion": 2, "previous-champion": 1 }));
    assert!(mark(&[]).status.success(), "it is champion already");
}

/// A version that a client made by `runs:/RUN/model` is that of the run's model: nothing is registered anew.
fn made_by_the_address_of_its_run(home: &Path, address: &str, name: &str) {
    let store = open(address);
    let (_, runs) = block_on(experiment(&store, name));
    block_on(async {
        store.create_registered_model(name).await.unwrap();
        for run in &runs {
            let source = format!("runs:/{}/model", run.as_str());
            store.create_model_version(name, &source, Some(run), &[]).await.unwrap();
        }
    });
    let best = ["--best", name, "--to", "champion", "--metric", "val_rmse"];
    let promoted = json_of(home, address, &words(name, &best));
    assert_eq!(promoted["version"], 2, "{promoted}");
    let words = ["mark-best", name, "--metric", "val_rmse", "--json"];
    let marked = json_of(home, address, &[&words[..], &["--alias", "best"]].concat());
    assert_eq!(marked["run"]["model"]["version"], 2, "{marked}");
    json_of(home, address, &[&words[..1], &[name, "--undo", "--json"]].concat());
    assert_eq!(block_on(store.model_versions(name)).unwrap().len(), 2, "it was not made for the mark");
}

#[test]
fn on_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    promoted(V3, folder.path(), &address, "promoted");
    made_by_the_address_of_its_run(folder.path(), &address, "by-run");
}

#[test]
fn on_servers_of_both_versions() {
    for mlflow in [V3, V2] {
        let folder = tempfile::tempdir().unwrap();
        promoted(mlflow, folder.path(), &Server::shared(mlflow).uri(), "promoted here");
    }
}
