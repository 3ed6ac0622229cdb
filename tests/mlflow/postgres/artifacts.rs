//! Files of runs that a server of MLflow's keeps, while the runs are read and written in its database.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::postgres::{Postgres, packages};
use crate::support::{Server, V3, free_port};

/// Logs a run with a file through the server; its id.
const LOG: &str = r#"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine")
with mlflow.start_run(run_name="by-mlflow") as run:
    mlflow.log_text("words of MLflow", "notes/a.txt")
print(run.info.run_id)
"#;
const READ: &str = r#"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
print(mlflow.artifacts.load_text(f"runs:/{sys.argv[2]}/own.txt"))
"#;

struct Place<'a> {
    folder: &'a Path,
    lines: String,
}

impl Place<'_> {
    fn run(&self, words: &[&str], variables: &[(&str, &str)]) -> Output {
        fs::write(self.folder.join("c.toml"), &self.lines).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.current_dir(self.folder).args(["--config", "c.toml"]).args(words);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.folder).env("USER", "ana");
        command.env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0").envs(variables.iter().copied()).output().unwrap()
    }

    fn printed(&self, words: &[&str], variables: &[(&str, &str)]) -> String {
        let ended = self.run(words, variables);
        let error = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{words:?}: {error}");
        String::from_utf8(ended.stdout).unwrap()
    }

    fn refused(&self, words: &[&str]) -> String {
        let ended = self.run(words, &[]);
        assert!(!ended.status.success(), "{words:?}");
        String::from_utf8(ended.stderr).unwrap()
    }
}

#[test]
fn a_server_on_the_database_keeps_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let database = Postgres::shared();
    let name = database.database(V3);
    let kept = folder.path().join("kept");
    let backend = database.uri_for_python(&name);
    let words = ["--backend-store-uri", &backend, "--artifacts-destination", kept.to_str().unwrap()];
    let server =
        Server::start_with(V3, folder.path(), &words, &[("PYTHONPATH", packages().to_str().unwrap())]);
    let run = V3.run(LOG, &[&server.uri()]);
    let run = run.lines().last().unwrap();
    let uri = database.uri(&name);
    let profile = |lines: &str| Place {
        folder: folder.path(),
        lines: format!("profile = \"team\"\n[profiles.team]\ntracking_uri = \"{uri}\"\n{lines}"),
    };
    // Nobody said where it is.
    let without = profile("");
    let said = without.refused(&["artifacts", "ls", &format!("runs:/{run}")]);
    assert!(said.contains("mlflow-artifacts:/") && said.contains("artifacts_server in a profile"), "{said}");
    let variable = ("MLTUI_ARTIFACTS_SERVER", server.uri());
    let variable = [(variable.0, variable.1.as_str())];
    assert!(without.printed(&["artifacts", "ls", &format!("runs:/{run}")], &variable).contains("notes"));
    // What MLflow put there is read, and the other way round.
    let with = profile(&format!("artifacts_server = \"{}\"\n", server.uri()));
    let printed = with.printed(&["artifacts", "cat", &format!("runs:/{run}/notes/a.txt")], &[]);
    assert_eq!(printed, "words of MLflow");
    fs::write(folder.path().join("own.txt"), "words of mltui").unwrap();
    with.printed(&["upload", "own.txt", &format!("runs:/{run}")], &[]);
    assert_eq!(V3.run(READ, &[&server.uri(), run]).trim(), "words of mltui");
    with.printed(&["download", &format!("runs:/{run}"), "--to", "copy"], &[]);
    assert_eq!(fs::read_to_string(folder.path().join("copy/notes/a.txt")).unwrap(), "words of MLflow");
    // Models of a sweep go there too.
    let sweep = [
        "sweep",
        "--data",
        "iris",
        "--family",
        "decision_tree",
        "--trials",
        "1",
        "--folds",
        "2",
        "--experiment",
        "new",
    ];
    with.printed(&sweep, &[]);
    let location = "SELECT count(*) FROM experiments WHERE name = 'new' AND artifact_location LIKE 'mlflow-artifacts:/%'";
    assert_eq!(database.number(&name, location), 1);
    let trials = fs::read_dir(&kept).unwrap().count();
    assert_eq!(trials, 2, "both experiments have files there");
    let doctor = with.printed(&["doctor"], &[]);
    assert!(doctor.contains(&format!("at {}, without credentials", server.uri())), "{doctor}");
    // An address that names the server needs no setting.
    let host = server.uri().replace("http:", "mlflow-artifacts:");
    database.sql(
        &name,
        &format!("UPDATE runs SET artifact_uri = replace(artifact_uri, 'mlflow-artifacts:', '{host}')"),
    );
    assert_eq!(
        without.printed(&["artifacts", "cat", &format!("runs:/{run}/notes/a.txt")], &[]),
        "words of MLflow"
    );
    let away = profile(&format!("artifacts_server = \"http://127.0.0.1:{}\"\n", free_port()));
    database.sql(
        &name,
        &format!("UPDATE runs SET artifact_uri = replace(artifact_uri, '{host}', 'mlflow-artifacts:')"),
    );
    let said = away.refused(&["artifacts", "ls", &format!("runs:/{run}")]);
    assert!(said.contains("127.0.0.1"), "{said}");
}
