//! Stores in a real MariaDB server, made by MLflow, without any server of MLflow's.

mod failures;
mod moments;
mod writers;

use mltui::mlflow::{ModelOutput, Param, RunId, Tag};
use serde_json::Value;

use crate::stores::conformance::conformance;
use crate::stores::values::scan_and_changes;
use crate::stores::{LOG_MODEL, check_dump, served};
use crate::support::mysql::{MariaDb, PASSWORD, open_at, packages, python};
use crate::support::stores::block_on;
use crate::support::sweeping::{mltui, output};
use crate::support::{Mlflow, V2, V3};

fn dump(mlflow: Mlflow, address: &str) -> Value {
    serde_json::from_str(&python(mlflow, include_str!("../../support/dump.py"), &[address])).unwrap()
}

fn conforms(mlflow: Mlflow) {
    let folder = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let name = server.database(mlflow);
    let store = open_at(&server.uri(&name), folder.path());
    block_on(async {
        let before = store.info().await.unwrap();
        assert!(before.kind.starts_with("MariaDB 1") && before.writable, "{before:?}");
        let objects = "SELECT count(*) FROM information_schema.statistics WHERE table_schema = database()";
        let there = server.number(&name, objects);
        let experiment = conformance(&store, "t-").await;
        check_dump(&dump(mlflow, &server.uri_for_python(&name)), "t-");
        scan_and_changes(&store, &experiment).await;
        assert_eq!(store.info().await.unwrap(), before);
        assert_eq!(server.number(&name, objects), there, "nothing is made in the database");
        // It goes on with it.
        conformance(&store, "u-").await;
    });
    served(mlflow, &server.uri_for_python(&name), packages(), &store);
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn a_mariadb_of_mlflow_3_conforms() {
    conforms(V3);
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn a_mariadb_of_mlflow_2_conforms() {
    conforms(V2);
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn the_models_of_mlflow_3_are_found_in_a_mariadb() {
    let folder = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let name = server.database(V3);
    let printed = python(V3, LOG_MODEL, &[&server.uri_for_python(&name)]);
    let (run, model) = printed.trim().split_once(' ').unwrap();
    let (run, model) = (RunId::from(run), mltui::mlflow::ModelId::from(model));
    let store = open_at(&server.uri(&name), folder.path());
    block_on(async {
        let output = ModelOutput { model_id: model.clone(), step: 0 };
        assert_eq!(store.get_run(&run).await.unwrap().model_outputs, [output]);
        let found = store.get_logged_model(&model).await.unwrap();
        assert_eq!((found.name.as_str(), found.status.as_str()), ("net", "READY"));
        assert_eq!((found.source_run_id, found.params), (Some(run.clone()), vec![Param::new("depth", "3")]));
        assert!(found.tags.contains(&Tag::new("k", "v")));
        store.create_registered_model("net").await.unwrap();
        let version =
            store.create_model_version("net", &format!("models:/{model}"), None, &[]).await.unwrap();
        assert_eq!((version.version, version.run_id), (1, Some(run.clone())));
    });
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn commands_and_sweeps_go_by_a_mariadb_and_never_print_its_password() {
    let home = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let name = server.database(V3);
    let socket = server.folder.join("my.sock");
    std::fs::write(home.path().join(".my.cnf"), format!("[client]\nuser=ana\npassword=\"{PASSWORD}\"\n"))
        .unwrap();
    let said = |uri: &str, words: &[&str]| {
        let mut command = mltui(home.path(), uri, words);
        command.env("HOME", home.path());
        let (code, out, error) = output(command);
        assert_eq!(code, 0, "{words:?}: {error}");
        assert!(!format!("{out}{error}").contains("secret"), "{out}{error}");
        out
    };
    let doctor = said(&format!("mysql:///{name}?unix_socket={}", socket.display()), &["doctor"]);
    for word in ["MariaDB 1", "a password from a file of options", "(MLflow 3.17)", "on this machine"] {
        assert!(doctor.contains(word), "{doctor}");
    }
    let uri = format!("mysql+pymysql://127.0.0.1:{}/{name}", server.port);
    let words =
        ["sweep", "--json", "--data", "iris", "--family", "logistic", "--trials", "4", "--folds", "2"];
    said(&uri, &[&words[..], &["--models", "best", "--experiment", "swept", "--method", "random"]].concat());
    let runs: Value = serde_json::from_str(&said(&uri, &["runs", "swept", "--json"])).unwrap();
    assert_eq!(runs.as_array().unwrap().len(), 5, "{runs}");
    said(&uri, &["mark-best", "swept", "--register", "swept"]);
    let found = dump(V3, &server.uri_for_python(&name));
    let runs = found["experiments"]["swept"]["runs"].as_object().unwrap();
    assert!(runs.values().any(|run| run["tags"]["mltui.best"].is_string()), "{found}");
}
