//! Several who write to one database at the same time, and what is seen of it.

use std::collections::BTreeSet;

use mltui::catalog::sync::Sync;
use mltui::mlflow::{Metric, Param, Tag, ViewType};
use mltui::store::{NewRun, Scan, ScanValues, Store};

use crate::support::mysql::{MariaDb, PASSWORD, open_at, python};
use crate::support::stores::{block_on, new_run};
use crate::support::{V3, wait_until};

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn two_who_register_a_version_in_a_mariadb_get_one_each() {
    let folder = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let uri = server.uri(&server.database(V3));
    let stores: Vec<Store> = (0..4).map(|_| open_at(&uri, folder.path())).collect();
    block_on(async {
        let experiment = stores[0].create_experiment("e", &[]).await.unwrap();
        let run = stores[0].create_run(&new_run(&experiment, "r", 1)).await.unwrap().info.run_id;
        stores[0].create_registered_model("net").await.unwrap();
        let task = |(at, store): (usize, Store)| {
            let run = run.clone();
            tokio::spawn(async move {
                let mut versions = Vec::new();
                for round in 0..3 {
                    let made = store.create_model_version("net", "s3://x", Some(&run), &[]).await;
                    versions.push(made.unwrap().version);
                    let metric = Metric { key: "m".into(), value: round.into(), timestamp: 5, step: 5 };
                    let (params, tags) = ([Param::new("p", "1")], [Tag::new("t", at.to_string())]);
                    store.log_batch(&run, &[metric], &params, &tags).await.unwrap();
                }
                versions
            })
        };
        let tasks: Vec<_> = stores.iter().cloned().enumerate().map(task).collect();
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

/// Logs to runs as MLflow's client does.
const WRITE: &str = r"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
client.log_metric(sys.argv[2], 'loss', 0.25, step=7)
client.set_tag(sys.argv[3], 'team', 'another')
client.set_terminated(sys.argv[3], 'FAILED')
client.delete_tag(sys.argv[4], 'gone')
";

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn what_others_write_to_a_mariadb_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    let mut ids = Vec::new();
    let mut sync = block_on(async {
        let experiment = store.create_experiment("e", &[]).await.unwrap();
        for at in 0..30 {
            let run = NewRun { run_name: Some(format!("r{at}")), ..new_run(&experiment, "", at) };
            let id = store.create_run(&run).await.unwrap().info.run_id;
            let metric = Metric { key: "loss".into(), value: 1.0, timestamp: 5, step: 5 };
            let (params, tags) = ([Param::new("p", at.to_string())], [Tag::new("gone", "soon")]);
            store.log_batch(&id, &[metric], &params, &tags).await.unwrap();
            ids.push(id);
        }
        // Runs that have ended are looked at no more than others.
        server.sql(&name, &format!("UPDATE runs SET status = 'FINISHED' WHERE run_uuid = '{}'", ids[20]));
        let scan =
            Scan { experiment_id: experiment, view: ViewType::ActiveOnly, first: 5, values: ScanValues::All };
        let mut sync = Sync::new(store.clone(), scan);
        let mut last = None;
        sync.load(|snapshot| last = Some(snapshot)).await.unwrap();
        let catalog = last.unwrap().catalog;
        assert_eq!(catalog.count, 30);
        let row = catalog.find(ids[3].as_str()).unwrap();
        assert_eq!(catalog.metrics.column(&catalog.texts, "loss").unwrap().get(row), Some(1.0));
        sync
    });
    // Before anybody has looked a second time.
    server.sql(&name, &format!("UPDATE tags SET value = 'early' WHERE run_uuid = '{}'", ids[20]));
    // Times are told in seconds: what was written just now may be more.
    wait_until("quiet", || !block_on(sync.poll(&[], |_| ())).unwrap());
    let of = [ids[3].as_str(), ids[4].as_str(), ids[5].as_str()];
    python(V3, WRITE, &[&[&*server.uri_for_python(&name)], &of[..]].concat());
    let gone = &ids[9];
    for table in ["tags", "params", "latest_metrics", "metrics", "runs"] {
        server.sql(&name, &format!("DELETE FROM {table} WHERE run_uuid = '{gone}'"));
    }
    block_on(store.delete_run(&ids[10])).unwrap();
    let mut catalog = None;
    wait_until("what was written", || {
        block_on(sync.poll(&[], |snapshot| catalog = Some(snapshot.catalog))).unwrap();
        catalog.as_ref().is_some_and(|catalog| {
            let tag = |run: &str, key: &str| {
                let tag = catalog.tags.column(&catalog.texts, key)?.get(catalog.find(run)?)?;
                Some(catalog.texts.get(tag).to_owned())
            };
            let row = catalog.find(ids[3].as_str()).unwrap();
            let loss = catalog.metrics.column(&catalog.texts, "loss").unwrap().get(row);
            catalog.count == 28
                && loss == Some(0.25)
                && tag(ids[4].as_str(), "team").as_deref() == Some("another")
                && tag(ids[5].as_str(), "gone").is_none()
                && tag(ids[6].as_str(), "gone").is_some()
                && tag(ids[20].as_str(), "gone").as_deref() == Some("early")
        })
    });
    let catalog = catalog.unwrap();
    assert!(catalog.find(gone.as_str()).is_none() && catalog.find(ids[10].as_str()).is_none());
    let row = catalog.find(ids[4].as_str()).unwrap();
    assert_eq!(catalog.run(row).status, mltui::mlflow::RunStatus::Failed);
    block_on(store.restore_run(&ids[10])).unwrap();
    let mut count = 0;
    wait_until("the run that came back", || {
        block_on(sync.poll(&[], |snapshot| count = snapshot.catalog.count)).unwrap();
        count == 29
    });
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn a_mariadb_that_takes_letters_for_others_is_told_which_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let name = server.database(V3);
    // It holds for those who are no administrators.
    server.sql(
        "mysql",
        &format!(
            "SET GLOBAL init_connect = 'SET NAMES latin1'; CREATE USER bob@'%' IDENTIFIED BY '{PASSWORD}'; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO bob@'%'"
        ),
    );
    let store = open_at(&server.uri(&name).replace("//ana:", "//bob:"), folder.path());
    block_on(store.create_experiment("Gr\u{f6}\u{df}e \u{1f600}", &[])).unwrap();
    let hex = "SELECT count(*) FROM experiments WHERE hex(name) = '4772C3B6C39F6520F09F9880'";
    assert_eq!(server.number(&name, hex), 1);
    server.sql("mysql", "SET GLOBAL init_connect = ''");
}
