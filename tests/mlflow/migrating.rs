//! Whole stores that MLflow made, copied by the command and read back by MLflow's own client.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use mltui::mlflow::ViewType;
use mltui::store::uri::{self, RestOptions};
use serde_json::{Value, json};

use crate::stores::folders::FILL;
use crate::support::commands;
use crate::support::mysql::{self, MariaDb};
use crate::support::postgres::{self, Postgres};
use crate::support::stores::block_on;
use crate::support::{Mlflow, Server, V2, V3};

/// What begins the names of experiments and models here: others use the same servers.
const START: &str = "mig ";

/// A store in which there is everything.
fn fill() -> String {
    let fill = FILL.replace("wine: x #1", "mig x #1").replace("\"gone\"", "\"mig gone\"");
    let fill = fill.replace("(\"net\",", "(\"mig net\",");
    format!(
        "import os, sys\nos.chdir(sys.argv[2])\n{fill}\
         \n    open(\"weights.bin\", \"w\").write(\"w\" * 5000); c.log_model_artifact(m.model_id, \"weights.bin\")\n\
         import json\n\
         k = c.create_run(e, run_name=\"child\", tags={{\"mlflow.parentRunId\": r}}).info.run_id\n\
         for at in range(3): c.log_batch(k, [mlflow.entities.Metric(\"long\", i / 7, 1000 + i, i) for i in range(at * 900, at * 900 + 900)])\n\
         c.set_terminated(k)\n\
         c.set_tag(r, \"mlflow.log-model.history\", json.dumps([{{\"run_id\": r, \"artifact_path\": \"model\"}}]))\n"
    )
}

/// The models of their own, behind what any client finds.
const MODELS: &str = r#"
found = []
for m in (client.search_logged_models([e["id"] for e in out["experiments"].values()]) if out["experiments"] else []):
    outputs = client.get_run(m.source_run_id).outputs
    found.append({
        "name": m.name, "type": m.model_type or "", "status": str(m.status), "params": m.params, "run": m.source_run_id, "id": m.model_id,
        "tags": m.tags, "outputs": [[o.model_id, o.step] for o in outputs.model_outputs],
        "metrics": sorted([x.key, x.value, x.step, x.timestamp, x.dataset_name, x.run_id] for x in m.metrics),
        "files": sorted([f.path, f.file_size] for f in client.list_logged_model_artifacts(m.model_id)),
    })
print(json.dumps(found))
"#;

fn dump_program(mlflow: Mlflow) -> String {
    let dump = include_str!("../support/dump.py");
    let models = if mlflow == V3 { MODELS } else { "print('[]')" };
    format!("import os\nos.environ[\"MLFLOW_ALLOW_FILE_STORE\"] = \"true\"\n{dump}\n{models}")
}

/// Both lines that a dump prints, so that they are the same for a copy: with the ids that there were, and without what is
/// the copy's own.
fn plain(printed: &str) -> (Value, Value) {
    let mut text = printed.to_owned();
    let parse = |text: &str| -> (Value, Value) {
        let (first, second) = text.trim().split_once('\n').unwrap();
        (serde_json::from_str(first).unwrap(), serde_json::from_str(second).unwrap())
    };
    let (all, models) = parse(printed);
    for experiment in all["experiments"].as_object().unwrap().values() {
        for (id, run) in experiment["runs"].as_object().unwrap() {
            if let Some(old) = run["tags"]["mltui.migrated_from"].as_str() {
                text = text.replace(id, old);
            }
        }
    }
    for model in models.as_array().unwrap() {
        if let Some(old) = model["tags"]["mltui.migrated_from"].as_str() {
            text = text.replace(model["id"].as_str().unwrap(), old);
        }
    }
    let (mut all, mut models) = parse(&text);
    let clear = |tags: &mut Value| {
        let tags = tags.as_object_mut().unwrap();
        tags.remove("mltui.migrated_from");
        // The server and its client write it in their own ways.
        tags.remove("mlflow.modelVersions");
    };
    for experiment in all["experiments"].as_object_mut().unwrap().values_mut() {
        clear(&mut experiment["tags"]);
        experiment["id"].take();
        for run in experiment["runs"].as_object_mut().unwrap().values_mut() {
            run["artifact_uri"].take();
            clear(&mut run["tags"]);
            assert_eq!(run["tags"]["mltui.migrating"], Value::Null);
        }
    }
    for model in all["models"].as_object_mut().unwrap().values_mut() {
        clear(&mut model["tags"]);
    }
    models.as_array_mut().unwrap().iter_mut().for_each(|model| clear(&mut model["tags"]));
    (all, models)
}

fn dumped(mlflow: Mlflow, uri: &str) -> (Value, Value) {
    plain(&mlflow.run(&dump_program(mlflow), &[uri, START]))
}

struct Made {
    uri: String,
    found: (Value, Value),
}

/// A database that MLflow 3 made.
fn source() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("migrating");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        let uri = format!("sqlite:///{}", folder.join("mlflow.db").display());
        V3.run(&fill(), &[&uri, folder.to_str().unwrap()]);
        let found = dumped(V3, &uri);
        let runs = &found.0["experiments"]["mig x #1"]["runs"];
        assert_eq!(runs.as_object().unwrap().len(), 3, "{runs}");
        assert_eq!(found.1.as_array().unwrap().len(), 1);
        assert_eq!(found.1[0]["type"], "regressor");
        Made { uri, found }
    })
}

/// Copies by the command, twice; the second time there is nothing to copy.
fn migrate(folder: &Path, from: &str, to: &str, more: &[&str]) -> Value {
    let words = [&["migrate", from, to, "--json", "--verify"], more].concat();
    let report = commands::json(folder, &words);
    assert_eq!((&report["same"], &report["problems"]), (&json!(true), &json!([])), "{report}");
    let again = commands::json(folder, &words);
    for count in again["copied"].as_object().unwrap().values() {
        assert_eq!(count, 0, "{again}");
    }
    report
}

/// One store under two names is not copied into itself: nothing is written.
fn refused_as_one(folder: &Path, from: &str, to: &str) {
    for more in [&[][..], &["--merge"], &["--merge", "--dry-run"]] {
        let (code, error) = commands::refused(folder, &[&["migrate", from, to], more].concat());
        assert!(code == 2 && error.contains("FROM and TO are the same store"), "{from} {to}: {error}");
    }
}

#[test]
fn a_server_is_not_copied_into_itself_or_its_own_database() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(V3, home.path());
    block_on(commands::fill(&commands::open(&server.uri())));
    let other = server.uri().replace("127.0.0.1", "localhost");
    let database = format!("sqlite:///{}", home.path().join("store.db").display());
    for (from, to) in [(server.uri(), other), (server.uri(), database.clone()), (database, server.uri())] {
        refused_as_one(home.path(), &from, &to);
    }
    let listed = commands::open(&server.uri());
    for experiment in block_on(listed.search_experiments(ViewType::All)).unwrap() {
        assert!(experiment.tags.iter().all(|tag| tag.key != "mltui.migrated_from"), "{experiment:?}");
    }
}

#[test]
fn a_database_becomes_files_for_mlflow_2_and_a_database_for_mlflow_3_again() {
    let home = tempfile::tempdir().unwrap();
    let made = source();
    migrate(home.path(), &made.uri, "./mlruns", &[]);
    let files = format!("file://{}", home.path().join("mlruns").display());
    assert_eq!(dumped(V2, &files).0, made.found.0);
    assert_eq!(dumped(V3, &files), made.found);
    let database = format!("sqlite:///{}", home.path().join("again.db").display());
    migrate(home.path(), &files, &database, &[]);
    assert_eq!(dumped(V3, &database), made.found);
}

#[test]
fn a_database_comes_to_a_server_of_mlflow_3_and_from_there_into_files() {
    let home = tempfile::tempdir().unwrap();
    let (made, server) = (source(), Server::shared(V3));
    let some = ["--experiment", "mig x #1", "mig gone"];
    let report = migrate(home.path(), &made.uri, &server.uri(), &some);
    assert_eq!(report["copied"]["runs"], 4);
    assert_eq!(dumped(V3, &server.uri()), made.found);
    migrate(home.path(), &server.uri(), "./mlruns", &some);
    let files = format!("file://{}", home.path().join("mlruns").display());
    let (all, models) = dumped(V3, &files);
    let names = |all: &Value| {
        let runs = all["experiments"]["mig x #1"]["runs"].as_object().unwrap().values().cloned();
        let mut names: Vec<String> = runs.map(|run| run["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&all), names(&made.found.0));
    assert_eq!(models[0]["metrics"].as_array().unwrap().len(), 2);
}

#[test]
fn one_workspace_is_copied_alone() {
    let home = tempfile::tempdir().unwrap();
    let uri = format!("sqlite:///{}", home.path().join("mlflow.db").display());
    V3.run("import mlflow, sys\nmlflow.set_tracking_uri(sys.argv[1])\nmlflow.search_experiments()", &[&uri]);
    for (workspace, name) in [("default", "of all"), ("team", "of the team")] {
        let options = RestOptions { workspace: Some(workspace.into()), ..RestOptions::default() };
        let store = uri::open(&uri::parse(&uri, home.path()).unwrap(), &options, false).unwrap();
        block_on(store.create_experiment(name, &[])).unwrap();
    }
    let copied = |words: &[&str]| {
        let report =
            commands::json(home.path(), &[&["migrate", &uri, "sqlite:///copy.db", "--json"], words].concat());
        let names = report["experiments"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap());
        (
            report["from"].as_str().unwrap().to_owned(),
            names.filter(|name| *name != "Default").collect::<String>(),
        )
    };
    let (from, names) = copied(&["--from-workspace", "team"]);
    assert!(from.ends_with("(workspace team)") && names == "of the team", "{from}: {names}");
    assert_eq!(copied(&[]).1, "of all");
    let both = ["migrate", &uri, &uri, "--from-workspace", "team"];
    let (code, error) = commands::refused(home.path(), &both);
    assert!(code == 2 && error.contains("each run once"), "{error}");
}

#[test]
fn a_database_comes_to_a_server_of_mlflow_2() {
    let home = tempfile::tempdir().unwrap();
    let (made, server) = (source(), Server::shared(V2));
    let some = ["--no-models", "--experiment", "mig x #1", "mig gone"];
    migrate(home.path(), &made.uri, &server.uri(), &some);
    assert_eq!(dumped(V2, &server.uri()).0, made.found.0);
}

#[test]
fn a_database_comes_into_postgresql() {
    let home = tempfile::tempdir().unwrap();
    let (made, server) = (source(), Postgres::shared());
    let name = server.database(V3);
    migrate(home.path(), &made.uri, &server.uri(&name), &[]);
    let uri = server.uri_for_python(&name);
    let printed = postgres::python(V3, &dump_program(V3), &[&uri, START]);
    assert_eq!(plain(&printed), made.found);
    refused_as_one(home.path(), &server.uri(&name), &server.uri(&name).replace("127.0.0.1", "localhost"));
    // MLflow goes on counting.
    let next = "import mlflow\nmlflow.set_tracking_uri(sys.argv[1])\nprint(mlflow.create_experiment('next'))";
    assert!(postgres::python(V3, next, &[&uri]).trim().parse::<u32>().unwrap() > 2);
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn a_database_comes_into_mariadb() {
    let home = tempfile::tempdir().unwrap();
    let (made, server) = (source(), MariaDb::shared());
    let name = server.database(V3);
    migrate(home.path(), &made.uri, &server.uri(&name), &[]);
    let printed = mysql::python(V3, &dump_program(V3), &[&server.uri_for_python(&name), START]);
    assert_eq!(plain(&printed), made.found);
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn a_postgresql_becomes_files_and_these_a_mariadb() {
    let home = tempfile::tempdir().unwrap();
    let (made, postgres, mariadb) = (source(), Postgres::shared(), MariaDb::shared());
    let (from, to) = (postgres.database(V3), mariadb.database(V3));
    migrate(home.path(), &made.uri, &postgres.uri(&from), &[]);
    // Files of runs are in ./mlruns already, as MLflow has it.
    migrate(home.path(), &postgres.uri(&from), "./store", &[]);
    migrate(home.path(), "./store", &mariadb.uri(&to), &[]);
    let printed = mysql::python(V3, &dump_program(V3), &[&mariadb.uri_for_python(&to), START]);
    assert_eq!(plain(&printed), made.found);
}

#[test]
fn a_copy_into_a_server_that_is_killed_goes_on_and_doubles_nothing() {
    let made = source();
    let begun = |home: &Path, server: &Server| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.args(["migrate", &made.uri, &server.uri()]).current_dir(home).env_clear().env("HOME", home);
        command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().unwrap()
    };
    // How long it takes where nobody disturbs it.
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(V3, home.path());
    let started = Instant::now();
    assert!(begun(home.path(), &server).wait().unwrap().success());
    let whole = started.elapsed();
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(V3, home.path());
    let (mut kills, mut wait) = (0, whole / 20);
    loop {
        let mut child = begun(home.path(), &server);
        let until = Instant::now() + wait;
        let ended = loop {
            match child.try_wait().unwrap() {
                Some(status) => break Some(status),
                None if Instant::now() > until => break None,
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let Some(ended) = ended else {
            child.kill().unwrap();
            child.wait().unwrap();
            (kills, wait) = (kills + 1, wait + whole / 20);
            continue;
        };
        assert!(ended.success());
        break;
    }
    assert!(kills > 2, "it was killed {kills} times");
    migrate(home.path(), &made.uri, &server.uri(), &[]);
    assert_eq!(dumped(V3, &server.uri()), made.found);
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn a_mariadb_is_not_copied_into_itself() {
    let home = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let uri = server.uri(server.template(V3));
    let socket = format!("?unix_socket={}", server.folder.join("my.sock").display());
    for other in [uri.replace("127.0.0.1", "localhost"), uri.clone() + &socket] {
        refused_as_one(home.path(), &uri, &other);
    }
}
