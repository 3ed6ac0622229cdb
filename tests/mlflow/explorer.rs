//! The explorer as a user has it: the real program in a pseudo-terminal, on stores that Python's MLflow writes.

use std::sync::Mutex;

use crate::support::moto::{self, Moto};
use crate::support::mysql::{self, MariaDb};
use crate::support::postgres::{self, Postgres};
use crate::support::terminal::Terminal;
use crate::support::{Server, V2, V3};

const WIDE: (u16, u16) = (140, 40);

/// Logs three runs to the experiment `wine`, the last of which goes on.
const LOG: &str = r#"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine")
for i, name in enumerate(["first-run", "second-run", "third-run"]):
    run = mlflow.start_run(run_name=name)
    mlflow.log_params({"lr": 0.1 / (i + 1), "family": ["tree", "forest", "linear"][i]})
    for step in range(20):
        mlflow.log_metric("val_rmse", [0.7, 0.5, 0.6][i] + 1 / (step + 1), step=step)
    mlflow.set_tag("colour", "\x1b[31mred\x1b[0m")
    mlflow.log_text("hello", "notes.txt")
    if i < 2:
        mlflow.end_run()
"#;

const LOG_ONE_MORE: &str = r#"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine")
with mlflow.start_run(run_name="late-arrival"):
    mlflow.log_metric("val_rmse", 0.123)
"#;

/// Logs a run with files of the kinds that MLflow has calls for.
const LOG_FILES: &str = r#"
import mlflow, os, sys, tempfile
import numpy as np, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine")
with mlflow.start_run(run_name="with-files"):
    for step in (0, 10, 5):
        mlflow.log_image(np.zeros((8, 8, 3), dtype=np.uint8), key="val/dogs", step=step)
    mlflow.log_table({"inputs": ["What?", "Why?"], "n": [1, 20]}, "t.json")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.parquet")
        when = pd.to_datetime(["2026-11-23 12:00", "2026-11-24 00:30"])
        pd.DataFrame({"id": [1, 2], "when": when}).to_parquet(path)
        mlflow.log_artifact(path)
"#;

/// Logs a run with a logged model of its own: its files and its values on a data set.
const LOG_MODEL: &str = r#"
import mlflow, os, sys, tempfile
from mlflow.entities import LoggedModelOutput
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
experiment = client.create_experiment("wine")
run = client.create_run(experiment, run_name="with-model").info.run_id
model = client.create_logged_model(experiment, "net", run, params={"depth": "3"}).model_id
with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "MLmodel"), "w") as file:
        file.write("flavors:\n  sklearn:\n    sklearn_version: 1.9.1\nsignature:\n"
                   "  inputs: '[{\"name\": \"alcohol\", \"type\": \"double\", \"required\": true}]'\n")
    with open(os.path.join(folder, "requirements.txt"), "w") as file:
        file.write("scikit-learn==1.9.1\n")
    client.log_model_artifacts(model, folder)
client.finalize_logged_model(model, "READY")
client.log_outputs(run, [LoggedModelOutput(model, 0)])
for step, value in enumerate([0.5, 0.25]):
    client.log_metric(run, "rmse", value, step=step, dataset_name="reds", dataset_digest="abcd", model_id=model)
client.set_terminated(run)
client.create_registered_model("wine-model")
client.create_model_version("wine-model", f"models:/{model}", run, model_id=model)
"#;

fn line_of<'a>(screen: &'a str, text: &str) -> Option<&'a str> {
    screen.lines().find(|line| line.contains(text))
}

/// A visit that is the same on every store.
fn visit(terminal: &mut Terminal, log_one_more: impl FnOnce()) {
    terminal.wait_for("3 runs");
    terminal
        .wait("all runs", |s| s.contains("first-run") && s.contains("second-run") && s.contains("third-run"));
    // Values, status and a trend that falls.
    terminal.wait("a sparkline", |s| {
        line_of(s, "second-run").is_some_and(|line| line.contains("0.55") && line.contains('▇'))
    });
    let screen = terminal.settled();
    assert!(line_of(&screen, "1 Experiments").is_some() && screen.contains("wine"));
    // Sort by the chosen metric: the best comes first, then last.
    terminal.type_keys("s");
    let order = |screen: &str| {
        let at = |name: &str| screen.lines().position(|line| line.contains(name) && line.contains("0."));
        (at("second-run"), at("third-run"), at("first-run"))
    };
    terminal.wait("ascending order", |s| {
        s.contains("by latest val_rmse") && {
            let (a, b, c) = order(s);
            a < b && b < c
        }
    });
    terminal.type_keys("s");
    terminal.wait("descending order", |s| {
        let (a, b, c) = order(s);
        a > b && b > c && c.is_some()
    });
    // The details of the run under the cursor.
    terminal.type_keys("gg]]");
    terminal.wait("metrics of the run", |s| s.contains("latest") && s.contains(" 19 "));
    terminal.type_keys("]");
    terminal.wait("its params", |s| s.contains("family"));
    terminal.type_keys("]");
    terminal.wait("its tags", |s| s.contains("colour") && s.contains("red"));
    terminal.type_keys("]");
    terminal.wait("its artifacts", |s| s.contains("notes.txt") && s.contains("5 B"));
    // What the cursor is on is seen without a key.
    terminal.wait_for("hello");
    terminal.type_keys("3gw");
    terminal.wait_for("notes.txt as");
    let copy = tempfile::tempdir().unwrap();
    let copy = copy.path().join("copy.txt");
    terminal.type_keys(&format!("\u{15}{}\r", copy.display()));
    terminal.wait_for("saved 5 B as");
    assert_eq!(std::fs::read(&copy).unwrap(), b"hello");
    terminal.type_keys("2");
    // A run appears while one looks, and the cursor stays on its run.
    let selected = |screen: &str| screen.lines().filter(|line| line.contains("first-run")).count();
    let before = selected(&terminal.settled());
    log_one_more();
    terminal.wait_for("late-arrival");
    terminal.wait_for("4 runs");
    assert_eq!(selected(&terminal.settled()), before, "the details still show the run under the cursor");
    assert!(
        !terminal.raw().windows(5).any(|bytes| bytes == b"\x1b[31m"),
        "a tag's escape code reached the terminal"
    );
}

#[test]
fn a_visit_to_a_local_store() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    V3.run(LOG, &[&address]);
    let mut terminal = Terminal::start(folder.path(), WIDE, &[], &[]);
    visit(&mut terminal, || drop(V3.run(LOG_ONE_MORE, &[&address])));
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn tables_and_images_that_mlflow_logs_are_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    V3.run(LOG_FILES, &[&format!("sqlite:///{}", folder.path().join("mlflow.db").display())]);
    let mut terminal = Terminal::start(folder.path(), WIDE, &[], &[]);
    terminal.wait_for("with-files");
    terminal.type_keys("3z]]]]]");
    terminal.wait_for("a.parquet");
    terminal.type_keys("jj\r");
    terminal.wait_for("JSON table, 2 rows, 2 columns");
    assert!(line_of(&terminal.settled(), "Why?").is_some_and(|line| line.contains("Why?    20")));
    terminal.type_keys("\x1b");
    terminal.settled();
    terminal.type_keys("k\r");
    terminal.wait_for("Parquet, 2 rows, 2 columns");
    assert!(line_of(&terminal.settled(), "2026-11-23 12:00:00").is_some());
    terminal.type_keys("\x1b");
    terminal.settled();
    terminal.type_keys("k\r");
    terminal.wait_for("val/dogs step 5");
    let screen = terminal.settled();
    assert!(screen.matches("val/dogs step").count() == 3 && !screen.contains("webp"), "{screen}");
    terminal.type_keys("jj\r");
    terminal.wait_for("val/dogs step 5  2 of 3");
    terminal.type_keys("l");
    terminal.wait_for("val/dogs step 10  3 of 3 (h, l), PNG, 8 x 8 pixels");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_logged_model_is_looked_into_and_saved() {
    let folder = tempfile::tempdir().unwrap();
    V3.run(LOG_MODEL, &[&format!("sqlite:///{}", folder.path().join("mlflow.db").display())]);
    let mut terminal = Terminal::start(folder.path(), WIDE, &[], &[]);
    terminal.wait_for("with-model");
    // From the run to its version, as soon as that is known, and back.
    terminal.type_keys("gv");
    while terminal.settled().contains("no registered version") {
        terminal.type_keys("gv");
    }
    terminal.wait_for("wine-model v1");
    terminal.type_keys("\x1b");
    terminal.wait_for("2 Runs");
    terminal.type_keys("3z[");
    for words in ["sklearn: sklearn_version 1.9.1", "alcohol  double", "scikit-learn==1.9.1", "depth"] {
        terminal.wait_for(words);
    }
    let screen = terminal.settled();
    assert!(line_of(&screen, "metric ").is_some_and(|line| line.contains("data set")), "{screen}");
    assert_eq!(screen.lines().filter(|line| line.contains("reds (abcd)")).count(), 2, "{screen}");
    // A file of it is looked into and saved; it stands in a folder behind the artifacts of the run.
    terminal.type_keys("G\r");
    terminal.wait_for("net m-");
    terminal.wait("the file", |screen| screen.matches("scikit-learn==1.9.1").count() == 1);
    terminal.type_keys("gy");
    terminal.wait_for("copied models:/m-");
    assert!(terminal.was_sent("\u{1b}]52;c;"), "the address goes to the clipboard");
    let copy = folder.path().join("copy.txt");
    terminal.type_keys("gw");
    terminal.wait_for("requirements.txt as");
    terminal.type_keys(&format!("\u{15}{}\r", copy.display()));
    terminal.wait_for("saved 20 B as");
    assert_eq!(std::fs::read(&copy).unwrap(), b"scikit-learn==1.9.1\n");
    // A version is saved whole.
    terminal.type_keys("\x1bM");
    terminal.wait("its version", |s| line_of(s, "with-model").is_some_and(|line| line.contains("0.25")));
    terminal.type_keys("\r");
    terminal.wait_for("alcohol  double");
    // Its files are listed, and one of them is read.
    terminal.type_keys("f");
    terminal.wait_for("Files of wine-model v1");
    terminal.type_keys("req\r");
    terminal.wait_for("scikit-learn==1.9.1");
    terminal.type_keys("\x1b");
    terminal.settled();
    terminal.type_keys("gw");
    terminal.wait_for("Save models:/wine-model/1 as");
    let copy = folder.path().join("whole");
    terminal.type_keys(&format!("\u{15}{}\r", copy.display()));
    terminal.wait_for("saved 2 files");
    assert!(copy.join("MLmodel").is_file());
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_visit_to_a_server_that_goes_away_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(V3, folder.path());
    let address = server.uri();
    V3.run(LOG, &[&address]);
    let mut terminal = Terminal::start(
        folder.path(),
        WIDE,
        &[],
        &[("MLFLOW_TRACKING_URI", &address), ("MLTUI_POLL_INTERVAL", "0.5")],
    );
    visit(&mut terminal, || drop(V3.run(LOG_ONE_MORE, &[&address])));
    server.stop();
    terminal.wait_for("stale, retry in");
    let screen = terminal.settled();
    assert!(screen.contains("late-arrival"), "what was known stays on the screen:\n{screen}");
    assert!(screen.contains("check that the server is running"), "{screen}");
    server.restart();
    terminal.wait_for("● live");
    terminal.type_keys("\x03");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn an_empty_folder_is_greeted_and_the_first_run_appears() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(folder.path(), (100, 30), &[], &[]);
    terminal.wait_for("There are no runs yet");
    let screen = terminal.settled();
    let database = folder.path().join("mlflow.db");
    assert!(screen.contains("mlflow.set_tracking_uri"), "{screen}");
    assert!(!database.exists(), "looking creates nothing");
    V3.run(LOG, &[&format!("sqlite:///{}", database.display())]);
    terminal.wait_for("third-run");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

/// What else is done with runs, wherever they are: a chart, a look into a file, the best one marked.
fn look_and_mark(terminal: &mut Terminal) {
    // The details showed the artifacts; the metrics are three tabs before them.
    terminal.type_keys("[[[");
    terminal.wait("metrics of the run", |s| s.contains("latest") && s.contains(" 19 "));
    terminal.type_keys("3gg\r");
    terminal.wait_for("20 points");
    terminal.type_keys("\x1b");
    terminal.wait("no chart", |s| !s.contains("20 points"));
    terminal.type_keys("3]]]");
    terminal.wait_for("notes.txt");
    terminal.type_keys("gg\r");
    terminal.wait_for("hello");
    terminal.type_keys("\x1b");
    // The same words stand beside the list.
    terminal.wait_for("enter open");
    // That it ended may be seen a little later than that it began.
    terminal.wait_for("★ late-arrival");
    terminal.type_keys("2B");
    terminal.wait_for("Mark late-arrival as best?");
    terminal.type_keys("y");
    terminal.wait_for("late-arrival is marked best");
}

/// The store goes away, and comes back.
fn away_and_back(terminal: &mut Terminal, away: impl FnOnce(), back: impl FnOnce()) {
    away();
    terminal.wait_for("stale, retry in");
    assert!(terminal.settled().contains("late-arrival"), "what was known stays on the screen");
    back();
    terminal.wait_for("● live");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

const SOON: (&str, &str) = ("MLTUI_POLL_INTERVAL", "0.5");

#[test]
fn a_visit_to_a_postgresql_database_that_goes_away_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = Mutex::new(Postgres::start());
    let (address, uri) = {
        let server = server.lock().unwrap();
        let name = server.database(V3);
        (server.uri_for_python(&name), server.uri(&name))
    };
    postgres::python(V3, LOG, &[&address]);
    let words = ["--tracking-uri", uri.as_str()];
    let mut terminal = Terminal::start(folder.path(), WIDE, &words, &[SOON]);
    visit(&mut terminal, || drop(postgres::python(V3, LOG_ONE_MORE, &[&address])));
    look_and_mark(&mut terminal);
    let (stop, restart) = (|| server.lock().unwrap().stop(), || server.lock().unwrap().restart());
    away_and_back(&mut terminal, stop, restart);
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install --no-install-recommends mariadb-server-core mariadb-client, and root"]
fn a_visit_to_a_mysql_database_that_goes_away_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = Mutex::new(MariaDb::start());
    let (address, uri) = {
        let server = server.lock().unwrap();
        let name = server.template(V3);
        (server.uri_for_python(name), server.uri(name))
    };
    mysql::python(V3, LOG, &[&address]);
    let words = ["--tracking-uri", uri.as_str()];
    let mut terminal = Terminal::start(folder.path(), WIDE, &words, &[SOON]);
    visit(&mut terminal, || drop(mysql::python(V3, LOG_ONE_MORE, &[&address])));
    look_and_mark(&mut terminal);
    let (stop, restart) = (|| server.lock().unwrap().stop(), || server.lock().unwrap().restart());
    away_and_back(&mut terminal, stop, restart);
}

#[test]
fn a_visit_to_a_folder_of_files() {
    let folder = tempfile::tempdir().unwrap();
    // MLflow 3.17 refuses to write them.
    let address = format!("file://{}", folder.path().join("mlruns").display());
    V2.run(LOG, &[&address]);
    let mut terminal = Terminal::start(folder.path(), WIDE, &[], &[SOON]);
    visit(&mut terminal, || drop(V2.run(LOG_ONE_MORE, &[&address])));
    look_and_mark(&mut terminal);
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_visit_to_runs_whose_files_are_in_an_object_store() {
    let folder = tempfile::tempdir().unwrap();
    let moto = Moto::shared();
    let variables = moto.variables();
    let known: std::collections::BTreeMap<_, _> = variables.iter().cloned().collect();
    let known = format!(
        "import json, os\nos.environ.update(json.loads('''{}'''))\n",
        serde_json::to_string(&known).unwrap()
    );
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let bucket = "import mlflow\nmlflow.set_tracking_uri(sys.argv[1])\n\
                  mlflow.create_experiment('wine', 's3://models/visit')\n";
    moto::python(&format!("{known}{bucket}{LOG}"), &[&address]);
    let mut variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend([SOON, ("AWS_EC2_METADATA_DISABLED", "true")]);
    let mut terminal = Terminal::start(folder.path(), WIDE, &[], &variables);
    visit(&mut terminal, || drop(moto::python(&format!("{known}{LOG_ONE_MORE}"), &[&address])));
    look_and_mark(&mut terminal);
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

/// As somebody copies it from the browser: the experiment, in its workspace.
#[test]
fn an_address_from_the_browser_opens_its_experiment() {
    const TWO: &str = r#"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
for name in ("wanted", "newer"):
    print(mlflow.create_experiment(name))
    with mlflow.start_run(experiment_id=mlflow.get_experiment_by_name(name).experiment_id, run_name=name + "-run"):
        mlflow.log_metric("val_rmse", 0.5)
"#;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared(V3);
    let printed = V3.run(
        &TWO.replace("wanted", "wanted by address").replace("newer", "newer by address"),
        &[&server.uri()],
    );
    let id = printed.lines().next().unwrap();
    for page in ["", "/runs", "?searchFilter=x"] {
        let address = format!("{}/#/experiments/{id}{page}", server.uri());
        let mut terminal = Terminal::start(folder.path(), WIDE, &["--tracking-uri", &address], &[]);
        terminal.wait_for("wanted by address-run");
        assert!(!terminal.settled().contains("newer by address-run"), "{}", terminal.settled());
        terminal.type_keys("q");
        assert_eq!(terminal.wait_for_end(), 0);
    }
}
