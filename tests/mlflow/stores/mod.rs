//! One suite for every store: what is written is read back here and through MLflow's own client.

pub(crate) mod conformance;
pub(crate) mod folders;
pub(crate) mod moments;
mod registry;
pub(crate) mod values;

use std::path::Path;

use mltui::mlflow::{DatasetInput, Param, RegisteredModel, Run, RunId, Tag, ViewType};
use mltui::store::memory::Memory;
use mltui::store::{ErrorKind, RunSearch, Store};
use serde_json::{Value, json};

use self::conformance::{conformance, experiments, life};
use self::values::{histories, metric, scan_and_changes, values};
use crate::support::stores::{block_on, kind, new_run, open};
use crate::support::{Mlflow, Server, V2, V3};

fn dump(mlflow: Mlflow, address: &str) -> Value {
    serde_json::from_str(&mlflow.run(include_str!("../../support/dump.py"), &[address])).unwrap()
}

/// What MLflow's own client has to find after [`conformance`].
pub(crate) fn check_dump(dump: &Value, prefix: &str) {
    let experiment = |name: &str| &dump["experiments"][format!("{prefix}{name}")];
    assert_eq!(experiment("renamed")["stage"], "active");
    assert_eq!(experiment("renamed")["tags"]["k"], "v2");
    assert_eq!(experiment("main")["tags"]["purpose"], "test");
    let runs = experiment("main")["runs"].as_object().unwrap();
    let run = |name: &str| runs.values().find(|run| run["name"] == name).unwrap();
    let first = run("first");
    assert_eq!(first["status"], "RUNNING");
    assert_eq!(
        (&first["start"], &first["end"], &first["user"]),
        (&json!(1_000), &json!(null), &json!("ana"))
    );
    assert_eq!(first["metrics"]["rmse"], 1.5);
    assert_eq!((&first["metrics"]["nan"], &first["metrics"]["inf"]), (&json!("NaN"), &json!("Infinity")));
    assert_eq!(first["metrics"]["ninf"], "-Infinity");
    assert_eq!((&first["metrics"]["above"], &first["metrics"]["below"]), (&json!(1.0), &json!("NaN")));
    assert_eq!(first["histories"]["rmse"], json!([[0, 10, 2.0], [1, 40, 9.0], [2, 30, 1.5]]));
    assert_eq!(first["histories"]["val/größe 1"], json!([[-3, 10, -0.25]]));
    assert_eq!(first["histories"]["many"].as_array().unwrap().len(), 2_500);
    assert_eq!(first["params"]["hidden dim"], "64");
    assert_eq!(first["params"]["empty"], "");
    assert_eq!(first["params"].as_object().unwrap().len(), 153);
    assert_eq!(first["tags"]["colour"], "blue");
    assert_eq!(first["tags"]["mlflow.runName"], "first");
    assert_eq!(first["tags"]["note"], "line 1\nline 2 \u{1b}[31m 'x'");
    assert_eq!(first["inputs"], json!([["wine", "abc123", "local", { "mlflow.data.context": "training" }]]));
    assert_eq!(first["artifacts"], json!([["model", true, null], ["notes.txt", false, 5]]));
    let second = run("by-tag");
    assert_eq!(
        (&second["status"], &second["end"], &second["stage"]),
        (&json!("FAILED"), &json!(5_000), &json!("active"))
    );
    let third = runs.values().find(|run| run["stage"] == "deleted").unwrap();
    assert_eq!((&third["status"], &third["start"]), (&json!("FINISHED"), &json!(3_000)));
    let model = &dump["models"][format!("{prefix}model")];
    assert_eq!(model["aliases"], json!({ "champion": "2" }));
    assert_eq!(model["versions"]["1"][2], "READY");
    registry::check_dump(dump, prefix);
}

fn server_conforms(mlflow: Mlflow) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_command(mlflow, folder.path());
    let store = open(&server.uri());
    block_on(async {
        let info = store.info().await.unwrap();
        assert_eq!(info.kind, format!("MLflow server {}", mlflow.version));
        let experiment = conformance(&store, "t-").await;
        check_dump(&dump(mlflow, &server.uri()), "t-");
        scan_and_changes(&store, &experiment).await;
    });
}

/// A server of MLflow's on a database that is looked at directly as well shows the same, and what is written by way of it is
/// found there. `packages` hold the driver.
pub(crate) fn served(mlflow: Mlflow, backend: &str, packages: &Path, direct: &Store) {
    let folder = tempfile::tempdir().unwrap();
    let words = ["--backend-store-uri", backend];
    let variables = [("PYTHONPATH", packages.to_str().unwrap())];
    let server = Server::start_with(mlflow, folder.path(), &words, &variables);
    let by_server = open(&server.uri());
    block_on(async {
        let info = by_server.info().await.unwrap();
        assert_eq!(info.kind, format!("MLflow server {}", mlflow.version));
        let experiments = direct.search_experiments(ViewType::All).await.unwrap();
        assert_eq!(by_server.search_experiments(ViewType::All).await.unwrap(), experiments);
        let search = RunSearch {
            experiment_ids: experiments.into_iter().map(|one| one.experiment_id).collect(),
            view: ViewType::All,
            max_results: 1_000,
            ..RunSearch::default()
        };
        // MLflow tells the data sets of a run in any order.
        let in_order = |mut runs: Vec<Run>| {
            let order = |a: &DatasetInput, b: &DatasetInput| a.dataset.name.cmp(&b.dataset.name);
            for run in &mut runs {
                run.inputs.sort_by(order);
            }
            runs
        };
        let runs = in_order(direct.search_runs(&search).await.unwrap().runs);
        assert!(runs.len() > 4, "{}", runs.len());
        let found = in_order(by_server.search_runs(&search).await.unwrap().runs);
        assert_eq!(found.len(), runs.len());
        // As they are written, for NaN does not equal itself.
        for (found, run) in found.iter().zip(&runs) {
            assert_eq!(format!("{found:?}"), format!("{run:?}"));
        }
        let first = runs.iter().find(|run| run.info.run_name == "first").unwrap().info.run_id.clone();
        for key in ["rmse", "many", "nan"] {
            let history = direct.metric_history(&first, key).await.unwrap();
            let by_server = by_server.metric_history(&first, key).await.unwrap();
            assert_eq!(format!("{by_server:?}"), format!("{history:?}"), "{key}");
        }
        // A server counts no versions, and tells the stages in any order.
        let as_told = |mut models: Vec<RegisteredModel>| {
            for model in &mut models {
                model.latest.sort();
                model.version_count = None;
            }
            models
        };
        let models = as_told(direct.registered_models().await.unwrap());
        assert_eq!(as_told(by_server.registered_models().await.unwrap()), models);
        let experiment = by_server.create_experiment("by a server", &[]).await.unwrap();
        let run = by_server.create_run(&new_run(&experiment, "r", 1)).await.unwrap().info.run_id;
        by_server
            .log_batch(&run, &[metric("loss", 0.5, 1, 1)], &[Param::new("lr", "0.1")], &[])
            .await
            .unwrap();
        assert_eq!(direct.get_run(&run).await.unwrap(), by_server.get_run(&run).await.unwrap());
    });
}

#[test]
fn a_store_in_memory_conforms() {
    let store: Store = Store::new(Memory::default());
    block_on(async {
        let experiment = conformance(&store, "t-").await;
        scan_and_changes(&store, &experiment).await;
    });
}

#[test]
fn a_server_of_mlflow_3_conforms() {
    server_conforms(V3);
}

#[test]
fn a_server_of_mlflow_2_conforms() {
    server_conforms(V2);
}

#[test]
fn a_local_store_of_our_own_conforms_and_mlflow_goes_on_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let address = format!("sqlite:///{}", path.display());
    let store = open(&address);
    block_on(async {
        // Reading creates nothing.
        let experiments = store.search_experiments(ViewType::ActiveOnly).await.unwrap();
        assert_eq!(experiments[0].name, "Default");
        assert!(!path.exists());
        let experiment = conformance(&store, "t-").await;
        scan_and_changes(&store, &experiment).await;
    });
    // MLflow opens the store, upgrades it, and finds everything; then both go on with it.
    assert_eq!(dump(V2, &address)["experiments"]["t-main"]["stage"], "active");
    let found = dump(V3, &address);
    assert_eq!(found["experiments"]["Default"]["id"], "0");
    let first = found["experiments"]["t-main"]["runs"]
        .as_object()
        .unwrap()
        .values()
        .find(|run| run["name"] == "first");
    assert_eq!(first.unwrap()["metrics"]["rmse"], 0.25);
    let store = open(&address);
    block_on(async {
        let experiment = conformance(&store, "u-").await;
        check_dump(&dump(V3, &address), "u-");
        scan_and_changes(&store, &experiment).await;
    });
}

#[test]
fn a_store_that_older_mlflow_wrote_is_read_and_written_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("old.db").display());
    let program = "import mlflow, sys\nmlflow.set_tracking_uri(sys.argv[1])\nmlflow.search_experiments()\n\
                   mlflow.MlflowClient().search_registered_models()";
    V2.run(program, &[&address]);
    let revision = |address: &str| block_on(open(address).info()).unwrap().revision;
    let before = revision(&address);
    let store = open(&address);
    block_on(conformance(&store, "t-"));
    check_dump(&dump(V2, &address), "t-");
    assert_eq!(revision(&address), before, "the schema is never altered");
}

/// Makes a store as an older MLflow would: by its migrations up to a revision.
const MAKE_AT_REVISION: &str = r#"
import sys, sqlalchemy
from alembic import command
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base
engine = sqlalchemy.create_engine(sys.argv[1])
Base.metadata.create_all(engine)
config = _get_alembic_config(sys.argv[1])
with engine.begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, sys.argv[2])
"#;

#[test]
fn every_schema_since_mlflow_2_0_is_read_and_written_and_upgraded_after() {
    let folder = tempfile::tempdir().unwrap();
    // MLflow 2.0, 2.9, 3.0, 3.5, 3.10.
    for revision in ["97727af70f4d", "acf3f17fdcc7", "bda7b8c39065", "bf29a5ff90ea", "1b5f0d9ad7c1"] {
        let address = format!("sqlite:///{}", folder.path().join(format!("{revision}.db")).display());
        V3.run(MAKE_AT_REVISION, &[&address, revision]);
        let store = open(&address);
        let id = block_on(async {
            assert_eq!(store.info().await.unwrap().revision.as_deref(), Some(revision));
            experiments(&store, "t-").await;
            let experiment = store.create_experiment("main", &[]).await.unwrap();
            let first = store.create_run(&new_run(&experiment, "first", 1_000)).await.unwrap().info.run_id;
            let second = store.create_run(&new_run(&experiment, "second", 2_000)).await.unwrap().info.run_id;
            let third = store.create_run(&new_run(&experiment, "third", 3_000)).await.unwrap().info.run_id;
            values(&store, &first).await;
            histories(&store, &first, &second).await;
            life(&store, &second, &third).await;
            scan_and_changes(&store, &experiment).await;
            assert_eq!(store.info().await.unwrap().revision.as_deref(), Some(revision), "never altered");
            first
        });
        drop(store);
        let found = dump(V3, &address);
        let run = &found["experiments"]["main"]["runs"][id.as_str()];
        assert_eq!(run["metrics"]["rmse"], 0.25, "{revision}: {run}");
        assert_eq!(run["tags"]["colour"], "blue");
    }
}

/// Logs a model as MLflow 3 does, with its run, and prints both ids.
pub(crate) const LOG_MODEL: &str = r#"
import sys, mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, LoggedModelParameter, LoggedModelStatus
mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
run = client.create_run("0").info.run_id
model = client.create_logged_model("0", name="net", source_run_id=run, tags={"k": "v"},
                                   params={"depth": "3"})
client.log_outputs(run, [LoggedModelOutput(model.model_id, step=0)])
client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
print(run, model.model_id)
"#;

#[test]
fn the_models_of_mlflow_3_are_found_on_both_stores() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let printed = V3.run(LOG_MODEL, &[&server.uri()]);
    let (run, model) = printed.trim().split_once(' ').unwrap();
    let (run, model) = (RunId::from(run), mltui::mlflow::ModelId::from(model));
    let local = format!("sqlite:///{}", folder.path().join("store.db").display());
    for address in [server.uri(), local] {
        let store = open(&address);
        let output = mltui::mlflow::ModelOutput { model_id: model.clone(), step: 0 };
        assert_eq!(block_on(store.get_run(&run)).unwrap().model_outputs, [output]);
        let found = block_on(store.get_logged_model(&model)).unwrap();
        assert_eq!((found.name.as_str(), found.status.as_str()), ("net", "READY"), "{address}");
        assert_eq!(found.source_run_id, Some(run.clone()));
        assert_eq!(found.params, [Param::new("depth", "3")]);
        assert!(found.tags.contains(&Tag::new("k", "v")));
        let name = format!("registered-{}", address.len());
        block_on(async {
            store.create_registered_model(&name).await.unwrap();
            let version =
                store.create_model_version(&name, &format!("models:/{model}"), None, &[]).await.unwrap();
            assert_eq!((version.version, version.run_id), (1, Some(run.clone())));
            let listed = store.get_logged_model(&model).await.unwrap();
            let listed = listed.tags.iter().find(|tag| tag.key == "mlflow.modelVersions");
            assert!(listed.is_some_and(|tag| tag.value.contains(&name)), "{listed:?}");
            assert!(matches!(kind(store.get_logged_model(&"m-absent".into()).await), ErrorKind::NotFound(_)));
        });
    }
    let found = dump(V3, &server.uri());
    assert_eq!(found["models"].as_object().unwrap().len(), 2);
}
