//! A Databricks workspace, as far as one can be had without one: a stand-in in front of a real server, on which MLflow's own
//! client for Databricks works as well. What either writes, the other finds.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::commands::text;
use crate::support::{Server, V3};

/// The stand-in, and the port that it listens at.
pub struct Workspace(Child, u16);

impl Workspace {
    fn start(server: &Server) -> Self {
        Self::with(server, &[])
    }

    /// With temporary credentials of a bucket for the files of models in Unity Catalog.
    pub fn with(server: &Server, credentials: &[String]) -> Self {
        let mut process = Command::new(V3.quick_python())
            .arg("-c")
            .arg(include_str!("../support/databricks.py"))
            .args([&server.port.to_string(), "dapi-token", "robot", "m2m-secret", "3600"])
            .args(credentials)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(process, line.trim().parse().unwrap())
    }

    pub fn host(&self) -> String {
        format!("http://127.0.0.1:{}", self.1)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program of somebody who has a token in the environment, and a robot's secret in a file.
pub struct Ana<'a> {
    pub folder: &'a Path,
    pub host: String,
}

impl Ana<'_> {
    pub fn run_with(&self, variables: &[(&str, &str)], words: &[&str]) -> Output {
        self.command(variables, words).output().unwrap()
    }

    pub fn command(&self, variables: &[(&str, &str)], words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.args(words).current_dir(self.folder).env_clear().env("HOME", self.folder);
        command.envs([("PATH", std::env::var_os("PATH").unwrap())]).env("MLTUI_TRACKING_URI", "databricks");
        command.env("DATABRICKS_HOST", &self.host).env("DATABRICKS_TOKEN", "dapi-token");
        command.env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1").envs(variables.iter().copied());
        command
    }

    fn printed(&self, words: &[&str]) -> String {
        let output = self.run_with(&[], words);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.printed(words)).unwrap()
    }

    fn refused(&self, variables: &[(&str, &str)], words: &[&str]) -> String {
        let output = self.run_with(variables, words);
        assert!(!output.status.success() && output.stdout.is_empty(), "{words:?}: {}", text(&output.stdout));
        text(&output.stderr)
    }
}

/// What MLflow's client writes; the versions are made behind the workspace, which has no bucket here.
const WRITE: &str = r#"
import json, logging, mlflow, os, sys, tempfile
logging.disable(logging.WARNING)
mlflow.set_tracking_uri("databricks")
client = mlflow.MlflowClient()
experiment = client.create_experiment("/Users/ana@example.org/wine")
run = client.create_run(experiment, run_name="calm").info
for step in range(3):
    client.log_metric(run.run_id, "val_rmse", 1 / (step + 1), step=step)
client.log_param(run.run_id, "lr", "0.1")
with tempfile.TemporaryDirectory() as folder:
    for name in ("plain.txt", "azure.txt"):
        open(os.path.join(folder, name), "w").write("words of " + name)
    client.log_artifacts(run.run_id, folder, "data")
client.set_terminated(run.run_id)
model = client.create_logged_model(experiment, name="net", source_run_id=run.run_id)
client.finalize_logged_model(model.model_id, "READY")
client.create_registered_model("main.ml.wine", description="red wine")
behind = mlflow.MlflowClient(sys.argv[1], sys.argv[1])
source = behind.get_run(run.run_id).info.artifact_uri + "/data"
for _ in range(2):
    behind.create_model_version("main.ml.wine", source, run_id=run.run_id, await_creation_for=0)
client.set_registered_model_alias("main.ml.wine", "champion", "1")
print(json.dumps({"run": run.run_id, "model": model.model_id, "registry": mlflow.get_registry_uri()}))
"#;

/// What MLflow's client finds, as whoever the environment says.
const FIND: &str = r#"
import json, logging, mlflow, os, sys
logging.disable(logging.WARNING)
client = mlflow.MlflowClient()
run = sys.argv[1]
back = mlflow.artifacts.download_artifacts(run_id=run, artifact_path="up", dst_path="back")
same = all(open(f"back/up/{name}", "rb").read() == open(f"up/{name}", "rb").read() for name in os.listdir("up"))
model = client.get_registered_model("main.ml.wine")
print(json.dumps({
    "uri": mlflow.get_tracking_uri(), "registry": mlflow.get_registry_uri(), "files": sorted(os.listdir(back)), "same": same,
    "champion": int(client.get_model_version_by_alias("main.ml.wine", "champion").version), "description": model.description,
    "tags": {key: value for key, value in model.tags.items() if not key.startswith("mltui")},
    "version": client.get_model_version("main.ml.wine", "2").tags, "tag": client.get_run(run).data.tags.get("mltui.best"),
    "leaked": "DATABRICKS_TOKEN" in os.environ,
}))
"#;

/// What a program prints last: before it, MLflow says where runs can be looked at.
pub fn last_line(output: &Output) -> Value {
    let printed = text(&output.stdout);
    let line = printed.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|_| panic!("{printed}{}", text(&output.stderr)))
}

const EXPERIMENT: &str = "/Users/ana@example.org/wine";

#[test]
fn a_workspace_of_databricks_is_read_and_written_beside_mlflows_client() {
    let server = Server::shared(V3);
    let workspace = Workspace::start(server);
    let folder = tempfile::tempdir().unwrap();
    let ana = Ana { folder: folder.path(), host: workspace.host() };
    let config = format!(
        "[robot]\nhost = {}/\nclient_id = robot\nclient_secret = m2m-secret\n[stale]\nhost = {}\ntoken = dapi-old\n",
        ana.host, ana.host
    );
    fs::write(folder.path().join(".databrickscfg"), config).unwrap();
    let written =
        ana.run_with(&[], &["exec", "--", V3.quick_python().to_str().unwrap(), "-c", WRITE, &server.uri()]);
    let written = last_line(&written);
    assert_eq!(written["registry"], "databricks-uc");
    let run = written["run"].as_str().unwrap();

    // Experiments, runs, histories
    assert!(ana.printed(&["experiments"]).contains(EXPERIMENT));
    let runs = ana.json(&["runs", EXPERIMENT, "--json"]);
    assert_eq!((&runs[0]["run_id"], &runs[0]["metrics"]["val_rmse"]), (&json!(run), &json!(1.0 / 3.0)));
    assert_eq!(ana.printed(&["history", run, "val_rmse", "--csv"]).lines().count(), 4);
    let doctor = ana.printed(&["--tracking-uri", "databricks://robot", "doctor"]);
    assert!(
        doctor.contains("client robot and its secret (OAuth)") && doctor.contains("as ana@example.org"),
        "{doctor}"
    );
    let stale = ana.refused(&[], &["--tracking-uri", "databricks://stale", "experiments"]);
    assert!(
        stale.contains("Databricks rejects the token (profile stale of") && !stale.contains("dapi"),
        "{stale}"
    );
    let named = ana.refused(&[], &["sweep", "--data", "iris", "--trials", "1", "--experiment", "plain"]);
    assert!(named.contains("/Users/ana@example.org/plain"), "{named}");

    // Files
    let data = format!("runs:/{run}/data");
    assert_eq!(
        ana.printed(&["artifacts", "cat", &format!("{data}/azure.txt"), "--offset", "9"]),
        "azure.txt"
    );
    assert_eq!(ana.json(&["download", &data, "--json"])["files"].as_array().unwrap().len(), 2);
    fs::create_dir(folder.path().join("up")).unwrap();
    // More than one part for those that take parts.
    for (name, size) in
        [("aws.bin", 2 << 20), ("azure.bin", 11 << 20), ("adls.bin", 11 << 20), ("gcp é.txt", 5), ("adls", 0)]
    {
        fs::write(folder.path().join("up").join(name), vec![b'7'; size]).unwrap();
    }
    ana.json(&["upload", "up", &format!("runs:/{run}/up"), "--json"]);

    // Models
    let models = ana.json(&["models", "--json"]);
    let wine = models.as_array().unwrap().iter().find(|model| model["name"] == "main.ml.wine").unwrap();
    assert_eq!(wine["aliases"], json!({ "champion": 1 }));
    assert_eq!(wine["latest_version"], 2);
    assert_eq!(
        ana.json(&["download", "models:/main.ml.wine@champion", "--to", "of-model", "--json"])["files"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let stages = ana.refused(&[], &["promote", "main.ml.wine", "--version", "2", "--to", "Production"]);
    assert!(stages.contains("no stages"), "{stages}");
    ana.printed(&["promote", "main.ml.wine", "--version", "2", "--to", "champion"]);
    let versions = ana.json(&["models", "main.ml.wine", "--json"]);
    assert_eq!(versions["aliases"], json!({ "champion": 2, "previous-champion": 1 }));
    let marked = ana.json(&[
        "mark-best",
        EXPERIMENT,
        "--metric",
        "val_rmse:min",
        "--register",
        "main.ml.wine",
        "--json",
    ]);
    assert_eq!(marked["run"]["run_id"], run);
    assert!(marked["run"]["note"].as_str().unwrap().contains("no MLmodel file"), "{marked}");
    let old = [("MLFLOW_REGISTRY_URI", "databricks")];
    let aliases = ana.refused(&old, &["promote", "main.ml.wine", "--version", "1", "--to", "champion"]);
    assert!(aliases.contains("no aliases"), "{aliases}");
    assert!(
        ana.run_with(&old, &["promote", "main.ml.wine", "--version", "1", "--to", "Staging"])
            .status
            .success()
    );

    // MLflow's client, as the robot.
    let python = V3.quick_python().to_str().unwrap();
    let found =
        ana.run_with(&[], &["--tracking-uri", "databricks://robot", "exec", "--", python, "-c", FIND, run]);
    let found = last_line(&found);
    let wanted = json!({
        "uri": "databricks://robot", "registry": "databricks-uc://robot", "same": true, "champion": 2,
        "files": ["adls", "adls.bin", "aws.bin", "azure.bin", "gcp é.txt"], "description": "red wine", "tags": {}, "version": {},
        "leaked": false,
    });
    let found =
        wanted.as_object().unwrap().keys().map(|key| (key.clone(), found[key].clone())).collect::<Value>();
    assert_eq!(found, wanted);
}
