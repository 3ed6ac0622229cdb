//! One moment, few connections, and locks, in PostgreSQL; and workspaces, which its database has as a server has them.

use std::process::Command;

use crate::stores::moments::{
    a_lock_is_told_as_time_that_is_over, a_scan_is_of_one_moment, few_connections_are_open,
};
use crate::support::postgres::{Postgres, open_at};
use crate::support::stores::{block_on, new_run};
use crate::support::{Server, V3};

#[test]
fn all_parts_of_a_scan_are_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    a_scan_is_of_one_moment(&store, |statements| server.sql(&name, statements));
}

#[test]
fn many_who_ask_at_once_share_few_connections() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    let count = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND application_name = 'mltui'"
    );
    few_connections_are_open(&store, move || server.number("postgres", &count));
}

#[test]
fn a_table_that_is_locked_is_not_waited_for_without_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    // Behind ours, which are longer.
    for limit in ["-cstatement_timeout=700", "-clock_timeout=700"] {
        let uri = format!("{}?options={}", server.uri(&name), limit.replace('=', "%3D"));
        let store = open_at(&uri, folder.path());
        let run = block_on(async {
            let experiment = store.create_experiment(limit, &[]).await.unwrap();
            store.create_run(&new_run(&experiment, "r", 1)).await.unwrap().info.run_id
        });
        let own = format!(
            "SELECT max(pid)::int8 FROM pg_stat_activity WHERE datname = '{name}' AND application_name = 'mltui'"
        );
        let before = server.number("postgres", &own);
        let (locked, is_locked) = std::sync::mpsc::channel();
        let (unlock, is_over) = std::sync::mpsc::channel::<()>();
        let database = name.clone();
        let other = std::thread::spawn(move || {
            block_on(async {
                let other = server.connect(&database).await.unwrap();
                other.batch_execute("BEGIN; LOCK TABLE params IN ACCESS EXCLUSIVE MODE").await.unwrap();
                locked.send(()).unwrap();
                is_over.recv().unwrap();
                other.batch_execute("COMMIT").await.unwrap();
            });
        });
        is_locked.recv().unwrap();
        a_lock_is_told_as_time_that_is_over(&store, &run, || {
            unlock.send(()).unwrap();
            other.join().unwrap();
        });
        assert_eq!(server.number("postgres", &own), before, "the connection is as good as it was");
    }
}

/// Makes a workspace beside the one that whoever names none has, with a run in each.
const FILL: &str = r#"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
mlflow.create_workspace("other")
for workspace in ("default", "other"):
    mlflow.set_workspace(workspace)
    mlflow.set_experiment("of " + workspace)
    with mlflow.start_run(run_name="run of " + workspace):
        mlflow.log_metric("loss", 0.5)
"#;

#[test]
fn a_database_has_the_workspaces_of_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let database = Postgres::shared();
    let name = database.database(V3);
    let backend = database.uri_for_python(&name);
    let words = ["--backend-store-uri", &backend, "--enable-workspaces"];
    let packages = crate::support::postgres::packages().to_str().unwrap();
    let server = Server::start_with(V3, folder.path(), &words, &[("PYTHONPATH", packages)]);
    V3.run(FILL, &[&server.uri()]);
    let uri = database.uri(&name);
    let listed = |address: &str, workspace: Option<&str>, words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.args(["--tracking-uri", address]).args(words).env_clear().env("HOME", folder.path());
        command.envs(workspace.map(|name| ("MLFLOW_WORKSPACE", name)));
        let ended = command.output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap()
    };
    for (workspace, own, theirs) in
        [(None, "of default", "of other"), (Some("other"), "of other", "of default")]
    {
        let experiments = listed(&uri, workspace, &["experiments"]);
        assert!(experiments.contains(own) && !experiments.contains(theirs), "{workspace:?}: {experiments}");
        let runs = listed(&uri, workspace, &["runs", own]);
        assert!(runs.contains(&format!("run {own}")), "{runs}");
    }
    // And the page of a workspace in a browser, by the server.
    let page = format!("{}/?workspace=other#/", server.uri());
    let experiments = listed(&page, None, &["experiments"]);
    assert!(experiments.contains("of other") && !experiments.contains("of default"), "{experiments}");
}
