//! Several who write to one database at the same time, and what is seen of it.

use std::collections::BTreeSet;

use mltui::catalog::sync::Sync;
use mltui::mlflow::{Metric, Param, RunStatus, Tag, ViewType};
use mltui::store::{HistoryCursor, NewModel, NewRun, RunUpdate, Scan, ScanValues, Store, now_ms};

use crate::support::postgres::{Postgres, open_at, python};
use crate::support::stores::{block_on, new_run};
use crate::support::{V3, wait_until};

#[test]
fn two_who_register_a_version_at_once_get_one_each() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let uri = server.uri(&server.database(V3));
    let stores: Vec<Store> = (0..4).map(|_| open_at(&uri, folder.path())).collect();
    block_on(async {
        let experiment = stores[0].create_experiment("e", &[]).await.unwrap();
        let run = stores[0].create_run(&new_run(&experiment, "r", 1)).await.unwrap().info.run_id;
        stores[0].create_registered_model("net").await.unwrap();
        let tasks: Vec<_> = stores
            .iter()
            .cloned()
            .enumerate()
            .map(|(at, store)| {
                let run = run.clone();
                tokio::spawn(async move {
                    let mut versions = Vec::new();
                    for round in 0..3 {
                        let made = store.create_model_version("net", "s3://x", Some(&run), &[]).await;
                        versions.push(made.unwrap().version);
                        // The same params and values by all: each is there once.
                        let metric = Metric { key: "m".into(), value: round.into(), timestamp: 5, step: 5 };
                        let (params, tags) = ([Param::new("p", "1")], [Tag::new("t", at.to_string())]);
                        store.log_batch(&run, &[metric], &params, &tags).await.unwrap();
                    }
                    versions
                })
            })
            .collect();
        let mut versions = BTreeSet::new();
        for task in tasks {
            versions.extend(task.await.unwrap());
        }
        assert_eq!(versions, (1..=12).collect());
        let run = stores[0].get_run(&run).await.unwrap();
        assert_eq!((run.params.len(), run.metrics.len()), (1, 1));
        assert_eq!(run.metrics[0].value.to_string(), "2", "the greatest, whoever came last");
    });
}

#[test]
fn a_version_is_registered_in_mlflows_order() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    block_on(async {
        store.create_registered_model("net").await.unwrap();
        // As MLflow begins: the model, and then its version.
        let other = server.connect(&name).await.unwrap();
        let begin = "BEGIN; UPDATE registered_models SET last_updated_time = 1 WHERE name = 'net'";
        other.batch_execute(begin).await.unwrap();
        let ours = store.clone();
        let ours = tokio::spawn(async move { ours.create_model_version("net", "s3://x", None, &[]).await });
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                       AND datname = current_database()";
        wait_until("the one who waits", || server.number(&name, waiting) == 1);
        let end = "INSERT INTO model_versions (name, version, current_stage, source, status) \
                   VALUES ('net', 1, 'None', 's3://y', 'READY'); COMMIT";
        other.batch_execute(end).await.unwrap();
        assert_eq!(ours.await.unwrap().unwrap().version, 2, "nobody waits for the other");
        // And two who register one model under two names do not lose one of them.
        let experiment = store.create_experiment("e", &[]).await.unwrap();
        let run = store.create_run(&new_run(&experiment, "r", 1)).await.unwrap().info.run_id;
        let model = NewModel {
            experiment_id: experiment.clone(),
            name: "m".into(),
            model_type: String::new(),
            source_run_id: run,
            params: Vec::new(),
            tags: Vec::new(),
        };
        let model = store.create_logged_model(&model).await.unwrap().model_id;
        let begin = format!("BEGIN; SELECT 1 FROM logged_models WHERE model_id = '{model}' FOR UPDATE");
        other.batch_execute(&begin).await.unwrap();
        let (ours, source) = (store.clone(), format!("models:/{model}"));
        let ours = tokio::spawn(async move { ours.create_model_version("net", &source, None, &[]).await });
        wait_until("the one who waits", || server.number(&name, waiting) == 1);
        let end = format!(
            "INSERT INTO logged_model_tags VALUES ('{model}', {experiment}, 'mlflow.modelVersions', \
             '[{{\"name\": \"other\", \"version\": 1}}]'); COMMIT"
        );
        other.batch_execute(&end).await.unwrap();
        ours.await.unwrap().unwrap();
        let found = store.get_logged_model(&model).await.unwrap();
        let names = found.tags.iter().find(|tag| tag.key == "mlflow.modelVersions").unwrap();
        assert!(names.value.contains("other") && names.value.contains("net"), "{names:?}");
    });
}

/// Logs to a run, changes another, and takes one away for good, as MLflow's client and `mlflow gc` do.
const WRITE: &str = r"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
client.log_metric(sys.argv[2], 'loss', 0.25, step=7)
client.set_tag(sys.argv[3], 'team', 'another')
client.set_terminated(sys.argv[3], 'FAILED')
client.delete_tag(sys.argv[4], 'gone')
";

/// Values of runs that are none of ours, more than are looked at again at the end of the table, and room where some were.
const ROOM: &str = "
INSERT INTO experiments (name, lifecycle_stage) VALUES ('others', 'active');
INSERT INTO runs (run_uuid, name, status, lifecycle_stage, start_time, experiment_id)
    SELECT 'other', 'o', 'FINISHED', 'active', 1, max(experiment_id) FROM experiments;
INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)
    SELECT 'm', i, i, 'other', i, false FROM generate_series(1, 20000) i;
INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan)
    SELECT 'm' || i, i, i, 'other', i, false FROM generate_series(1, 20000) i;
INSERT INTO tags SELECT 't' || i, 'x', 'other' FROM generate_series(1, 20000) i;
DELETE FROM metrics WHERE step < 9000;
DELETE FROM latest_metrics WHERE step < 9000;
DELETE FROM tags WHERE key < 't5';";

#[test]
fn what_others_write_is_seen_wherever_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    let mut sync = block_on(async {
        let experiment = store.create_experiment("e", &[]).await.unwrap();
        server.sql(&name, ROOM);
        for table in ["metrics", "latest_metrics", "tags"] {
            server.sql(&name, &format!("VACUUM {table}"));
        }
        let mut ids = Vec::new();
        for at in 0..30 {
            let run = NewRun { run_name: Some(format!("r{at}")), ..new_run(&experiment, "", at) };
            let id = store.create_run(&run).await.unwrap().info.run_id;
            let metric = Metric { key: "loss".into(), value: 1.0, timestamp: 5, step: 5 };
            let (params, tags) = ([Param::new("p", at.to_string())], [Tag::new("gone", "soon")]);
            store.log_batch(&id, &[metric], &params, &tags).await.unwrap();
            ids.push(id);
        }
        let scan = Scan {
            experiment_id: experiment.clone(),
            view: ViewType::ActiveOnly,
            first: 5,
            values: ScanValues::All,
        };
        let mut sync = Sync::new(store.clone(), scan);
        let mut last = None;
        sync.load(|snapshot| last = Some(snapshot)).await.unwrap();
        assert_eq!(last.unwrap().catalog.count, 30);
        let mut seen = None;
        // Whether anybody wrote is told for all databases of a server, and other tests write to theirs.
        sync.poll(&[], |snapshot| seen = Some(snapshot)).await.unwrap();
        assert!(seen.is_none(), "nobody wrote");
        let of = [ids[3].as_str(), ids[4].as_str(), ids[5].as_str()];
        python(V3, WRITE, &[&[&*server.uri_for_python(&name)], &of[..]].concat());
        // As `mlflow gc` does it.
        let gone = &ids[9];
        let tables = ["tags", "params", "latest_metrics", "metrics", "runs"];
        for table in tables {
            server.sql(&name, &format!("DELETE FROM {table} WHERE run_uuid = '{gone}'"));
        }
        store.delete_run(&ids[10]).await.unwrap();
        sync.poll(&[], |snapshot| seen = Some(snapshot)).await.unwrap();
        let catalog = seen.take().expect("changes are seen").catalog;
        assert_eq!(catalog.count, 28);
        assert!(catalog.find(gone.as_str()).is_none() && catalog.find(ids[10].as_str()).is_none());
        let row = catalog.find(ids[3].as_str()).unwrap();
        assert_eq!(catalog.metrics.column(&catalog.texts, "loss").unwrap().get(row), Some(0.25));
        let row = catalog.find(ids[4].as_str()).unwrap();
        assert_eq!(catalog.run(row).status, mltui::mlflow::RunStatus::Failed);
        let team = catalog.tags.column(&catalog.texts, "team").unwrap().get(row);
        assert_eq!(team.map(|team| catalog.texts.get(team)), Some("another"));
        let left = catalog.tags.column(&catalog.texts, "gone").unwrap();
        let (row, other) = (catalog.find(ids[5].as_str()).unwrap(), catalog.find(ids[6].as_str()).unwrap());
        assert!(left.get(row).is_none() && left.get(other).is_some(), "a tag that is gone is seen to be");
        store.restore_run(&ids[10]).await.unwrap();
        sync
    });
    // One that comes back: all runs are looked through only so often.
    let mut seen = None;
    wait_until("the run that came back", || {
        block_on(sync.poll(&[], |snapshot| seen = Some(snapshot))).unwrap();
        seen.is_some()
    });
    assert_eq!(seen.unwrap().catalog.count, 29);
}

/// A point whose step is lower than the latest changes no latest value, and may lie where something was before.
#[test]
fn a_lower_step_that_is_logged_late_is_seen_wherever_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    block_on(async {
        let experiment = store.create_experiment("e", &[]).await.unwrap();
        server.sql(
            &name,
            &ROOM.replace(
                "'other', i, false FROM generate_series(1, 20000)",
                "'other', i, false FROM generate_series(1, 60000)",
            ),
        );
        server.sql(&name, "VACUUM metrics");
        let run = store.create_run(&new_run(&experiment, "r", 1)).await.unwrap().info.run_id;
        let log = async |step: i64| {
            let metric = Metric { key: "loss".into(), value: step as f64, timestamp: now_ms(), step };
            store.log_batch(&run, &[metric], &[], &[]).await.unwrap();
        };
        log(9).await;
        let end = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(9), run_name: None };
        store.update_run(&run, &end).await.unwrap();
        let scan =
            Scan { experiment_id: experiment, view: ViewType::ActiveOnly, first: 5, values: ScanValues::All };
        let (sender, mut batches) = tokio::sync::mpsc::channel(100);
        let mut cursor = store.scan(&scan, sender).await.unwrap();
        while batches.try_recv().is_ok() {}
        let before = store.history_since(&run, "loss", &HistoryCursor::START).await.unwrap();
        for step in [3, 2] {
            log(step).await;
            let ends = "SELECT (max((ctid::text::point)[0]) - 128)::int8 FROM metrics";
            let place = format!(
                "SELECT (ctid::text::point)[0]::int8 FROM metrics WHERE step = {step} AND run_uuid = '{run}'"
            );
            assert!(server.number(&name, &place) < server.number(&name, ends), "it lies in the room");
            let changes = store.changes(&scan, &mut cursor, &[]).await.unwrap();
            let runs: usize = changes.batches.iter().map(|batch| batch.heads.len()).sum();
            assert_eq!((runs, changes.reload), (1, false), "{step}");
        }
        // What is read of it since is that.
        let new = store.history_since(&run, "loss", &before.cursor).await.unwrap();
        assert_eq!(new.points.iter().map(|point| point.step).collect::<Vec<_>>(), [2, 3]);
        assert!(!new.replaces);
    });
}

/// An experiment of many runs and one of few, with values that tell whose they are.
const FILL: &str = "
INSERT INTO experiments (name, lifecycle_stage) VALUES ('many', 'active'), ('few', 'active');
INSERT INTO runs (run_uuid, name, status, lifecycle_stage, start_time, experiment_id)
    SELECT md5(i::text), 'r' || i, 'FINISHED', 'active', i, CASE WHEN i > 2500 THEN 2 ELSE 1 END
    FROM generate_series(1, 2510) i;
INSERT INTO params SELECT 'p', i::text, md5(i::text) FROM generate_series(1, 2510) i;
INSERT INTO tags SELECT 't', 't' || i, md5(i::text) FROM generate_series(1, 2510) i;
INSERT INTO latest_metrics (key, value, step, is_nan, run_uuid)
    SELECT 'm', i, 0, i = 7, md5(i::text) FROM generate_series(1, 2510) i";

#[test]
fn many_runs_are_read_by_two_connections_and_few_among_many_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    server.sql(&name, FILL);
    let store = open_at(&server.uri(&name), folder.path());
    let wanted = ScanValues::Only {
        metrics: vec!["m".into()],
        params: vec!["it's \\ absent".into(), "p".into()],
        tags: vec!["t".into()],
        bare: true,
    };
    for (experiment, count, values) in
        [("1", 2_500, ScanValues::All), ("2", 10, ScanValues::All), ("1", 2_500, wanted)]
    {
        let scan = Scan { experiment_id: experiment.into(), view: ViewType::ActiveOnly, first: 3, values };
        let mut last = None;
        block_on(Sync::new(store.clone(), scan).load(|snapshot| last = Some(snapshot))).unwrap();
        let catalog = last.unwrap().catalog;
        assert_eq!(catalog.count, count, "{experiment}");
        let metrics = catalog.metrics.column(&catalog.texts, "m").unwrap();
        let params = catalog.params.column(&catalog.texts, "p").unwrap();
        let tags = catalog.tags.column(&catalog.texts, "t").unwrap();
        for row in catalog.rows() {
            let number = &catalog.run_name(row)[1..];
            assert_eq!(params.get(row).map(|it| catalog.texts.get(it)), Some(number));
            assert_eq!(tags.get(row).map(|it| catalog.texts.get(it)), Some(&*format!("t{number}")));
            let metric = metrics.get(row).unwrap().to_string();
            assert_eq!(metric, if number == "7" { "NaN" } else { number });
        }
    }
}
