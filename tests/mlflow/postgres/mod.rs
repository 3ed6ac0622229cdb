//! Stores in a real PostgreSQL server, made by MLflow, without any server of MLflow's.

mod artifacts;
mod bridge;
mod failures;
mod moments;
mod writers;

use mltui::mlflow::{ModelOutput, Param, RunId, Tag, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{ErrorKind, Store, uri};
use serde_json::Value;

use crate::stores::conformance::conformance;
use crate::stores::values::scan_and_changes;
use crate::stores::{LOG_MODEL, check_dump, served};
use crate::support::postgres::{PASSWORD, Postgres, open_at, packages, python};
use crate::support::stores::{block_on, kind};
use crate::support::sweeping::{mltui, output};
use crate::support::{Mlflow, V2, V3};

fn dump(mlflow: Mlflow, address: &str) -> Value {
    serde_json::from_str(&python(mlflow, include_str!("../../support/dump.py"), &[address])).unwrap()
}

fn conforms(mlflow: Mlflow) {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(mlflow);
    let store = open_at(&server.uri(&name), folder.path());
    block_on(async {
        let before = store.info().await.unwrap();
        assert!(before.kind.starts_with("PostgreSQL 18") && before.writable, "{before:?}");
        let tables = "SELECT count(*) FROM pg_class";
        let objects = server.number(&name, tables);
        let experiment = conformance(&store, "t-").await;
        check_dump(&dump(mlflow, &server.uri_for_python(&name)), "t-");
        scan_and_changes(&store, &experiment).await;
        assert_eq!(store.info().await.unwrap(), before);
        assert_eq!(server.number(&name, tables), objects, "nothing is made in the database");
        // It goes on with it.
        conformance(&store, "u-").await;
    });
    served(mlflow, &server.uri_for_python(&name), packages(), &store);
}

#[test]
fn a_database_of_mlflow_3_conforms() {
    conforms(V3);
}

#[test]
fn a_database_of_mlflow_2_conforms() {
    conforms(V2);
}

#[test]
fn the_models_of_mlflow_3_are_found_in_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
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
        let listed = store.get_logged_model(&model).await.unwrap();
        let listed = listed.tags.iter().find(|tag| tag.key == "mlflow.modelVersions");
        assert!(listed.is_some_and(|tag| tag.value.contains("net")), "{listed:?}");
        assert!(matches!(kind(store.get_logged_model(&"m-absent".into()).await), ErrorKind::NotFound(_)));
    });
}

#[test]
fn a_database_is_reached_by_its_socket_and_by_what_the_environment_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    let count = |store: Store| block_on(store.search_experiments(ViewType::All)).unwrap().len();
    let socket = format!(
        "postgresql+psycopg2://postgres:{}@/{name}?host={}&port={}",
        PASSWORD.replace(' ', "%20"),
        server.folder.display(),
        server.port
    );
    assert_eq!(count(open_at(&socket, folder.path())), 1);
    let passwords = folder.path().join("pgpass");
    std::fs::write(&passwords, format!("127.0.0.1:{}:*:postgres:{PASSWORD}\n", server.port)).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&passwords, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let port = server.port.to_string();
    let variables = [
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", &port),
        ("PGUSER", "postgres"),
        ("PGDATABASE", &name),
        ("PGPASSFILE", passwords.to_str().unwrap()),
    ];
    let variable = |wanted: &str| {
        variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
    };
    let location = uri::parse("postgresql://", folder.path()).unwrap().completed(variable, None).unwrap();
    assert_eq!(location.to_string(), format!("postgresql://127.0.0.1:{port}/{name}"));
    assert_eq!(count(uri::open(&location, &RestOptions::default(), false).unwrap()), 1);
}

#[test]
fn commands_and_sweeps_go_by_a_database_and_never_print_its_password() {
    let home = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    let uri = server.uri(&name).replace(&PASSWORD.replace(' ', "%20"), "");
    let said = |words: &[&str]| {
        let mut command = mltui(home.path(), &uri, words);
        command.env("PGPASSWORD", PASSWORD);
        let (code, out, error) = output(command);
        assert_eq!(code, 0, "{words:?}: {error}");
        assert!(!format!("{out}{error}").contains("secret"), "{out}{error}");
        out
    };
    let doctor = said(&["doctor"]);
    for word in ["PostgreSQL 18", "a password from PGPASSWORD", "(MLflow 3.17)", "sslmode=prefer"] {
        assert!(doctor.contains(word), "{doctor}");
    }
    // MLflow's experiment of its own has its files where MLflow was.
    let words =
        ["sweep", "--json", "--data", "iris", "--family", "logistic", "--trials", "4", "--folds", "2"];
    said(&[&words[..], &["--models", "best", "--experiment", "swept", "--method", "random"]].concat());
    let runs: Value = serde_json::from_str(&said(&["runs", "swept", "--json"])).unwrap();
    assert_eq!(runs.as_array().unwrap().len(), 5, "{runs}");
    said(&["mark-best", "swept", "--register", "swept"]);
    let found = dump(V3, &server.uri_for_python(&name));
    let runs = found["experiments"]["swept"]["runs"].as_object().unwrap();
    assert!(runs.values().any(|run| run["tags"]["mltui.best"].is_string()), "{found}");
    assert!(home.path().join("mlruns").is_dir(), "as MLflow's client does");
}
