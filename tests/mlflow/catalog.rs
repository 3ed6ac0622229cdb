//! New versions in Unity Catalog: registered by the program at a stand-in for a workspace, with their files in a bucket of S3's, and
//! read back by MLflow's own client.

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::databricks::{Ana, Workspace, last_line};
use crate::support::commands::text;
use crate::support::moto::{Moto, packages};
use crate::support::{Server, V3, wait_until};

/// Runs with models: of MLflow 3 with a signature and without one, and one that is a file of its run.
const WRITE: &str = r#"
import json, logging, mlflow, tempfile, os
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, Schema
logging.disable(logging.WARNING)
mlflow.set_tracking_uri("databricks")
client = mlflow.MlflowClient()
experiment = client.create_experiment("/Users/ana@example.org/red")

class Twice(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["a"] * 2

column = Schema([ColSpec("double", "a")])
whole = ModelSignature(inputs=column, outputs=Schema([ColSpec("double")]))
made = {}
with tempfile.TemporaryDirectory() as folder:
    for name, signature in (("good", whole), ("bare", None), ("half", ModelSignature(inputs=column))):
        path = os.path.join(folder, name)
        mlflow.pyfunc.save_model(path, python_model=Twice(), signature=signature, pip_requirements=["mlflow"])
        os.makedirs(os.path.join(path, "extra/deep er"))
        open(os.path.join(path, "extra/deep er/é.bin"), "wb").write(os.urandom(9 << 20) if name == "good" else b"")
    for name, kind, value in (("first", "good", 3), ("bare", "bare", 4), ("half", "half", 5), ("later", "good", 2), ("last", "good", 1)):
        run = client.create_run(experiment, run_name=name).info.run_id
        client.log_metric(run, "val_rmse", value)
        model = client.create_logged_model(experiment, name="net", source_run_id=run)
        client.log_model_artifacts(model.model_id, os.path.join(folder, kind))
        client.finalize_logged_model(model.model_id, "READY")
        client.set_terminated(run)
        made[name] = [run, f"models:/{model.model_id}"]
    run = client.create_run(experiment, run_name="older").info.run_id
    client.log_artifacts(run, os.path.join(folder, "good"), "model")
    client.set_terminated(run)
    made["older"] = [run, client.get_run(run).info.artifact_uri + "/model"]
print(json.dumps(made))
"#;

/// What MLflow's client finds.
const READ: &str = r#"
import hashlib, json, logging, mlflow, os, sys
import pandas
logging.disable(logging.WARNING)
client = mlflow.MlflowClient()
model = mlflow.pyfunc.load_model("models:/main.ml.red@champion")
sums = set()
for source in ("models:/main.ml.red/1", "models:/main.ml.red/2", sys.argv[1]):
    here = mlflow.artifacts.download_artifacts(source)
    sums.add(hashlib.sha256(open(os.path.join(here, "extra/deep er/é.bin"), "rb").read()).hexdigest())
champion = client.get_model_version_by_alias("main.ml.red", "champion")
print(json.dumps({
    "registry": mlflow.get_registry_uri(), "twice": list(model.predict(pandas.DataFrame({"a": [1.5, 2.0]}))), "sums": len(sums),
    "source": champion.source, "run": champion.run_id, "status": champion.status, "model": "models:/" + (champion.model_id or ""),
}))
"#;

/// The program, and the bucket that it does not know by itself.
struct World<'a> {
    ana: Ana<'a>,
    variables: Vec<(&'static str, String)>,
}

impl World<'_> {
    fn variables(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    fn run(&self, words: &[&str]) -> Output {
        self.ana.run_with(&self.variables(), words)
    }

    fn done(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn refused(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(!output.status.success(), "{words:?}: {}", text(&output.stdout));
        text(&output.stderr)
    }

    fn promote<'b>(run: &'b str, to: &'b str) -> [&'b str; 6] {
        ["promote", "main.ml.red", "--run", run, "--to", to]
    }

    /// Its versions, from the first on: number and status.
    fn versions(&self) -> Vec<(u64, String)> {
        let found: Value = serde_json::from_str(&self.done(&["models", "main.ml.red", "--json"])).unwrap();
        let told = found["versions"].as_array().unwrap().iter();
        let mut versions: Vec<_> = told
            .map(|it| (it["version"].as_u64().unwrap(), it["status"].as_str().unwrap_or("").to_owned()))
            .collect();
        versions.sort();
        versions
    }

    /// Kills the program when it has made a version, and is about to put its files where they belong.
    fn kill_when_made(&self, words: &[&str]) {
        let host = &self.ana.host;
        told(host, "hold");
        told(host, "seen");
        let mut command = self.ana.command(&self.variables(), words);
        let mut begun = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("the request for credentials", || {
            times(&told(host, "seen"), "/generate-temporary-credentials") > 0
        });
        begun.kill().unwrap();
        begun.wait().unwrap();
        told(host, "release");
    }

    fn python(&self, program: &str, argument: &str) -> Value {
        let words = ["exec", "--", V3.quick_python().to_str().unwrap(), "-c", program, argument];
        last_line(&self.run(&words))
    }
}

/// Asks the stand-in for something.
fn told(host: &str, path: &str) -> Value {
    use std::io::{Read as _, Write as _};
    let address = host.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "POST /stand-in/{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn times(seen: &Value, path: &str) -> usize {
    seen["seen"].as_array().unwrap().iter().filter(|it| it.as_str().unwrap().ends_with(path)).count()
}

fn ready(numbers: &[u64]) -> Vec<(u64, String)> {
    numbers.iter().map(|number| (*number, "READY".to_owned())).collect()
}

fn world<'a>(folder: &'a Path, host: String, moto: &Moto) -> World<'a> {
    let variables = vec![
        ("MLFLOW_S3_ENDPOINT_URL", moto.uri()),
        // Nobody's: the workspace hands out others.
        ("AWS_ACCESS_KEY_ID", "AKIANOBODY".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "nobody".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("PYTHONPATH", packages().display().to_string()),
    ];
    World { ana: Ana { folder, host }, variables }
}

#[test]
fn versions_are_registered_in_unity_catalog_and_read_by_mlflows_client() {
    let moto = Moto::shared();
    let workspace = Workspace::with(Server::shared(V3), &moto.temporary);
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path(), workspace.host(), moto);
    let host = workspace.host();
    let made = world.python(WRITE, "");
    let of = |name: &str| (made[name][0].as_str().unwrap(), made[name][1].as_str().unwrap());

    // A logged model, and a model among the files of its run, whose first credentials do not do.
    world.done(&World::promote(of("first").0, "champion"));
    told(&host, "stale");
    told(&host, "seen");
    world.done(&World::promote(of("older").0, "challenger"));
    let seen = told(&host, "seen");
    assert_eq!(times(&seen, "/generate-temporary-credentials"), 2);
    assert_eq!(world.versions(), ready(&[1, 2]));
    let found = world.python(READ, of("first").1);
    let (run, source) = of("first");
    let wanted = json!({
        "registry": "databricks-uc", "twice": [3.0, 4.0], "sums": 1, "source": source, "run": run, "status": "READY",
        "model": source,
    });
    assert_eq!(found, wanted);

    // What cannot be registered is told before anything is made.
    told(&host, "seen");
    for (run, words) in [("bare", "no signature"), ("half", "only inputs")] {
        let run = of(run).0;
        for model in ["main.ml.red", "main.ml.none"] {
            let refused = world.refused(&["promote", model, "--run", run, "--to", "champion"]);
            assert!(refused.contains(words) && refused.contains("mlflow.models.set_signature"), "{refused}");
        }
    }
    assert_eq!(times(&told(&host, "seen"), "/create"), 0);
    assert_eq!(world.versions(), ready(&[1, 2]));

    // A bucket that refuses: what was made for it is deleted again.
    told(&host, "bucket?name=none");
    let refused = world.refused(&World::promote(of("later").0, "champion"));
    assert!(refused.contains("no bucket \"none\""), "{refused}");
    told(&host, "bucket?name=models");
    assert_eq!(world.versions(), ready(&[1, 2]));

    // Killed between making a version and finishing it: the next start goes on with the same.
    world.kill_when_made(&World::promote(of("later").0, "champion"));
    let versions = world.versions();
    assert_eq!(versions.last().unwrap().1, "PENDING_REGISTRATION");
    let pending = versions.last().unwrap().0;
    world.done(&World::promote(of("later").0, "champion"));
    assert_eq!(world.versions(), ready(&[1, 2, pending]));

    // The best run, under a name that is new; this one is killed as well.
    let words = [
        "mark-best",
        "/Users/ana@example.org/red",
        "--metric",
        "val_rmse:min",
        "--register",
        "main.ml.best",
        "--json",
    ];
    world.kill_when_made(&words);
    let marked: Value = serde_json::from_str(&world.done(&words)).unwrap();
    assert_eq!(marked["run"]["run_id"], of("last").0);
    let best: Value = serde_json::from_str(&world.done(&["models", "main.ml.best", "--json"])).unwrap();
    assert_eq!(best["versions"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&best["versions"][0]["status"], &best["aliases"]["champion"]),
        (&json!("READY"), &json!(1)),
        "{marked}{best}"
    );

    // Where the workspace takes files in another way, that is told.
    told(&host, "files-api");
    let mut anew = World::promote(of("last").0, "challenger").to_vec();
    // Under another name than it has.
    anew.push("--register");
    let refused = world.refused(&anew);
    assert!(refused.contains("Files API") && refused.contains("mlflow.register_model("), "{refused}");
    assert_eq!(world.versions(), ready(&[1, 2, pending]));
}
