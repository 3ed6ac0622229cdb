//! Folders of files as MLflow's own file store keeps them: what we write it reads, and what it writes we read.

use std::collections::BTreeMap;

use mltui::mlflow::{Experiment, MetricPoint, ModelOutput, Run, Tag, ViewType};
use mltui::store::pages::each_page;
use mltui::store::{RunSearch, Store};
use serde_json::{Value, json};

use super::conformance::conformance;
use super::values::scan_and_changes;
use super::{check_dump, dump};
use crate::support::stores::{block_on, open};
use crate::support::{Mlflow, V2, V3};

#[test]
fn a_folder_of_our_own_conforms_and_mlflow_2_goes_on_with_it() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("ml runs");
    std::fs::create_dir(&root).unwrap();
    let store = open(root.to_str().unwrap());
    let address = block_on(store.info()).unwrap().location;
    assert!(address.starts_with("file:///") && address.ends_with("/ml%20runs"), "{address}");
    block_on(async {
        assert_eq!(store.search_experiments(ViewType::All).await.unwrap(), []);
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0, "reading makes nothing");
        let experiment = conformance(&store, "t-").await;
        check_dump(&dump(V2, &address), "t-");
        scan_and_changes(&store, &experiment).await;
    });
}

/// All that a file store of MLflow holds; an MLflow 3 also has models of its own.
pub(crate) const FILL: &str = r#"
import os, sys
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag
mlflow.set_tracking_uri(sys.argv[1])
c = MlflowClient()
e = c.create_experiment("wine: x #1", tags={"a": "b", "mlflow.note.content": "l1\nl2"})
r = c.create_run(e, run_name="true", tags={"x": "ä"}).info.run_id
c.log_metric(r, "val/loss", float("nan"), step=-3); c.log_metric(r, "val/loss", 1e-7, step=4)
c.log_metric(r, "m", float("-inf")); c.log_metric(r, "m", 1e22); c.log_metric(r, "int", 3)
c.log_param(r, "p", "multi\nline\ttab"); c.log_param(r, "q", ""); c.log_param(r, "deep/er", "x" * 500)
d = Dataset(name="wine: a", digest="12e4567", source_type="local", source='{"uri": "wine.csv"}',
            schema='{"mlflow_colspec": [{"type": "long", "name": "a", "required": true}, {"type": "string"}]}')
mlflow.tracking._tracking_service.utils._get_store().log_inputs(r, [DatasetInput(d, [InputTag("mlflow.data.context", "eval")])])
c.create_registered_model("net", tags={"t": "v"}, description="it's\ntwo lines " + "and long " * 20)
c.create_model_version("net", f"runs:/{r}/model", r, tags={"k": "v"}, description="first: yes")
c.create_model_version("net", f"runs:/{r}/model", r)
c.create_model_version("net", f"runs:/{r}/model", r)
c.delete_model_version("net", 3)
c.set_registered_model_alias("net", "champion", 1)
c.transition_model_version_stage("net", 1, "Staging")
c.delete_run(c.create_run(e, run_name="2024-01-01").info.run_id)
c.log_text(r, "hello", "notes/a b.txt")
c.set_terminated(r, "FAILED")
gone = c.create_experiment("gone"); c.create_run(gone); c.delete_experiment(gone)
if hasattr(c, "create_logged_model"):
    from mlflow.entities import LoggedModelOutput, LoggedModelParameter, LoggedModelStatus
    m = c.create_logged_model(e, name="net", source_run_id=r, tags={"k": "v"}, params={"depth": "3"},
                              model_type="regressor")
    c.log_outputs(r, [LoggedModelOutput(m.model_id, step=7)])
    c.log_metric(r, "acc", 0.5, step=1, model_id=m.model_id, dataset_name="wine", dataset_digest="abc")
    c.log_metric(r, "acc", 0.75, step=2, model_id=m.model_id)
    c.finalize_logged_model(m.model_id, LoggedModelStatus.READY)
"#;

fn number(value: f64) -> Value {
    match value {
        _ if value.is_nan() => json!("NaN"),
        _ if value.abs() > 1.7e308 => json!(if value > 0.0 { "Infinity" } else { "-Infinity" }),
        _ => json!(value),
    }
}

fn pairs(tags: &[Tag]) -> Value {
    tags.iter().map(|tag| (tag.key.clone(), json!(tag.value))).collect::<serde_json::Map<_, _>>().into()
}

async fn run(store: &Store, run: &Run) -> Value {
    let (info, id) = (&run.info, &run.info.run_id);
    let mut histories = BTreeMap::new();
    for metric in &run.metrics {
        let points = store.metric_history(id, &metric.key).await.unwrap();
        let point = |point: &MetricPoint| json!([point.step, point.timestamp, number(point.value)]);
        histories.insert(metric.key.clone(), points.iter().map(point).collect::<Vec<_>>());
    }
    let inputs: Vec<Value> = run
        .inputs
        .iter()
        .map(|input| {
            let dataset = &input.dataset;
            json!([dataset.name, dataset.digest, dataset.source_type, pairs(&input.tags)])
        })
        .collect();
    let files = store.list_artifacts(id, "").await.unwrap().files;
    json!({
        "name": info.run_name, "status": info.status.as_str(), "start": info.start_time, "end": info.end_time,
        "stage": info.lifecycle_stage.as_str(), "user": info.user_id, "artifact_uri": info.artifact_uri,
        "params": run.params.iter().map(|p| (p.key.clone(), json!(p.value))).collect::<serde_json::Map<_, _>>(),
        "tags": pairs(&run.tags),
        "metrics": run.metrics.iter().map(|m| (m.key.clone(), number(m.value))).collect::<serde_json::Map<_, _>>(),
        "histories": histories, "inputs": inputs,
        "artifacts": files.iter().map(|file| json!([file.path, file.is_dir, file.file_size])).collect::<Vec<_>>(),
    })
}

/// The same as MLflow's client prints, as it is read here.
async fn own_dump(store: &Store) -> Value {
    let (mut experiments, mut models) = (serde_json::Map::new(), serde_json::Map::new());
    for Experiment { experiment_id, name, lifecycle_stage, tags, .. } in
        store.search_experiments(ViewType::All).await.unwrap()
    {
        let search = RunSearch {
            experiment_ids: vec![experiment_id.clone()],
            view: ViewType::All,
            max_results: 1,
            ..RunSearch::default()
        };
        let mut runs = Vec::new();
        each_page(store, search, usize::MAX, |page| runs.extend(page)).await.unwrap();
        let mut dumped = serde_json::Map::new();
        for found in &runs {
            assert_eq!(&store.get_run(&found.info.run_id).await.unwrap(), found);
            dumped.insert(found.info.run_id.to_string(), run(store, found).await);
        }
        let stage = lifecycle_stage.as_str();
        experiments.insert(
            name,
            json!({ "id": experiment_id.as_str(), "stage": stage, "tags": pairs(&tags), "runs": dumped }),
        );
    }
    for model in store.registered_models().await.unwrap() {
        let versions = store.model_versions(&model.name).await.unwrap();
        let by_version = |value: &dyn Fn(&mltui::mlflow::ModelVersion) -> Option<Value>| -> Value {
            let found =
                versions.iter().filter_map(|version| Some((version.version.to_string(), value(version)?)));
            found.collect::<serde_json::Map<_, _>>().into()
        };
        let aliases =
            model.aliases.iter().map(|(alias, version)| (alias.clone(), json!(version.to_string())));
        models.insert(
            model.name.clone(),
            json!({
                "aliases": aliases.collect::<serde_json::Map<_, _>>(),
                "versions": by_version(&|v| Some(json!([v.source, v.run_id.as_ref().map(mltui::mlflow::RunId::as_str), v.status]))),
                "description": model.description, "tags": pairs(&model.tags),
                "stages": by_version(&|v| Some(json!(v.current_stage))),
                "described": by_version(&|v| Some(json!(v.description)).filter(|_| !v.description.is_empty())),
                "tagged": by_version(&|v| Some(pairs(&v.tags)).filter(|_| !v.tags.is_empty())),
            }),
        );
    }
    json!({ "experiments": experiments, "models": models })
}

fn is_read_as_it_is(mlflow: Mlflow) -> (tempfile::TempDir, Store) {
    let home = tempfile::tempdir().unwrap();
    let address = format!("file://{}/mlruns", home.path().display());
    let program = format!("{FILL}\n{}", include_str!("../../support/dump.py"));
    let printed = mlflow.run(&program, &[&address]);
    let mut dumped: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let store = open(&address);
    let own = block_on(own_dump(&store));
    assert_eq!(dumped["experiments"].as_object().unwrap().len(), 3, "{dumped}");
    // Behind a data set MLflow 3 loses the step that stands in the file.
    for run in dumped["experiments"]["wine: x #1"]["runs"].as_object_mut().unwrap().values_mut() {
        if let Some(point) = run["histories"].get_mut("acc") {
            point[0][0] = json!(1);
        }
    }
    assert_eq!(own, dumped, "\n{own}\n{dumped}");
    (home, store)
}

#[test]
fn what_mlflow_2_wrote_is_read_field_by_field() {
    is_read_as_it_is(V2);
}

#[test]
fn what_mlflow_3_wrote_is_read_field_by_field_with_its_models() {
    let (_home, store) = is_read_as_it_is(V3);
    block_on(async {
        let experiment = store.find_experiment("wine: x #1").await.unwrap().unwrap();
        let models = store.logged_models_in(&experiment.experiment_id).await.unwrap();
        let [model] = models.as_slice() else { panic!("{models:?}") };
        assert_eq!((model.name.as_str(), model.status.as_str()), ("net", "READY"));
        let run = store.get_run(model.source_run_id.as_ref().unwrap()).await.unwrap();
        assert_eq!(run.model_outputs, [ModelOutput { model_id: model.model_id.clone(), step: 7 }]);
        assert_eq!((model.params[0].value.as_str(), &model.tags), ("3", &vec![Tag::new("k", "v")]));
        let sets: Vec<_> = model.metrics.iter().map(|metric| metric.dataset.clone()).collect();
        assert_eq!(sets, [Some(("wine".into(), "abc".into())), None]);
        // Versions of it are of its run, and it knows of them.
        let version =
            store.create_model_version("net", &format!("models:/{}", model.model_id), None, &[]).await;
        assert_eq!(version.unwrap().run_id, model.source_run_id);
        let listed = store.get_logged_model(&model.model_id).await.unwrap();
        assert!(listed.tags.iter().any(|tag| tag.key == "mlflow.modelVersions" && tag.value.contains("net")));
    });
}
