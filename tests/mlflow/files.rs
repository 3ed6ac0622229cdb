//! Files of runs and models, beside MLflow's own client: what either takes out or puts in, the other has.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use mltui::files::{self, Address, DownloadRequest, Progress, Target, TransferError};
use serde_json::{Value, json};

use crate::support::client::quick;
use crate::support::commands::{json as json_of, mltui, printed, refused, text};
use crate::support::proxy::{Fault, Proxy};
use crate::support::stores::{block_on, new_run};
use crate::support::{Mlflow, Server, V2, V3, client, wait_until};

/// A run with files of odd names, and a model that is registered.
const LOG: &str = r#"
import json, mlflow, os, sys, tempfile
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("files")
class Twice(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [2 * value for value in model_input]
with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
    for name, content in {
        "plain.txt": b"words\n", "empty": b"", "a b.bin": bytes(range(256)) * 5000, "deep/er/\u00e9.json": b"{}",
    }.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "wb").write(content)
    mlflow.log_artifacts(folder, "data")
    three = mlflow.__version__ >= "3"
    name = {"name": "net"} if three else {"artifact_path": "net"}
    info = mlflow.pyfunc.log_model(python_model=Twice(), pip_requirements=[], registered_model_name="twice", **name)
    version = max(int(v.version) for v in mlflow.MlflowClient().search_model_versions("name = 'twice'"))
    mlflow.MlflowClient().set_registered_model_alias("twice", "champion", version)
print(json.dumps({"run": run.info.run_id, "version": version, "model": getattr(info, "model_id", None)}))
"#;

/// What MLflow downloads; and what a model says that was downloaded.
const COMPARE: &str = r#"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
run, target, model = sys.argv[2:]
mlflow.artifacts.download_artifacts(run_id=run, artifact_path="data", dst_path=target)
mlflow.artifacts.download_artifacts(artifact_uri="models:/twice@champion", dst_path=target + "/model")
print(mlflow.pyfunc.load_model(model).predict([1, 2]))
"#;

fn all(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// The program on a store.
struct Place<'a> {
    folder: &'a Path,
    address: String,
}

impl Place<'_> {
    fn words<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [&["--tracking-uri", &self.address], arguments].concat()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        json_of(self.folder, &self.words(arguments))
    }

    fn printed(&self, arguments: &[&str]) -> String {
        printed(self.folder, &self.words(arguments))
    }

    fn refused(&self, arguments: &[&str]) -> (i32, String) {
        refused(self.folder, &self.words(arguments))
    }
}

fn taken_out(place: &Place<'_>, run: &str, to: &str, empty: &Value) {
    let data = format!("runs:/{run}/data");
    let told = place.json(&["download", &data, "--to", to, "--verify", "--json"]);
    assert_eq!(told["files"].as_array().unwrap().len(), 4);
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--strict", &format!("{to}.sha256")]).current_dir(place.folder);
    assert!(check.output().unwrap().status.success());
    let listed = place.json(&["artifacts", "ls", &data, "--json"]);
    let listed = listed.as_array().unwrap().iter();
    let listed: Vec<_> = listed.map(|file| (file["path"].clone(), file["size"].clone())).collect();
    let wanted = [
        (json!("a b.bin"), json!(1_280_000)),
        (json!("deep"), Value::Null),
        (json!("empty"), empty.clone()),
        (json!("plain.txt"), json!(6)),
    ];
    assert_eq!(listed, wanted);
    assert_eq!(place.json(&["artifacts", "ls", "-r", &data, "--json"]).as_array().unwrap().len(), 4);
    let plain = format!("{data}/plain.txt");
    assert_eq!(place.printed(&["artifacts", "cat", &plain]), "words\n");
    assert_eq!(place.printed(&["artifacts", "cat", &plain, "--offset", "2", "--length", "3"]), "rds");
    let model = place.printed(&["artifacts", "cat", "models:/twice@champion/MLmodel"]);
    assert!(model.contains("python_function"), "{model}");
    // A file that is there is not replaced, and what is not there is told.
    let (code, words) = place.refused(&["download", &data, "--to", to]);
    assert!(code == 1 && words.contains("already exist") && words.contains("--force"), "{words}");
    let none = format!("runs:/{run}/none");
    for (address, wanted) in
        [(none.as_str(), 3), ("models:/twice@none", 3), ("models:/twice/999", 3), ("s3://b/x", 2)]
    {
        let (code, words) = place.refused(&["download", address]);
        assert_eq!(code, wanted, "{address}: {words}");
    }
}

fn put_in(place: &Place<'_>, target: &str, back: &str) {
    fs::create_dir_all(place.folder.join("up/deep")).unwrap();
    fs::write(place.folder.join("up/big"), vec![7; 3 << 20]).unwrap();
    fs::write(place.folder.join("up/deep/\u{e9} +.txt"), "small").unwrap();
    assert_eq!(place.json(&["upload", "up", target, "--json"])["files"].as_array().unwrap().len(), 2);
    let (code, words) = place.refused(&["upload", "up", target]);
    assert!(code == 1 && words.contains("already has"), "{words}");
    place.json(&["upload", "up/big", target, "--force", "--json"]);
    place.json(&["download", target, "--to", back, "--json"]);
    assert_eq!(all(&place.folder.join(back)), all(&place.folder.join("up")));
}

fn commands(mlflow: Mlflow) {
    let server = Server::shared(mlflow);
    let here = tempfile::tempdir().unwrap();
    let folder = here.path();
    let logged = mlflow.run(LOG, &[&server.uri()]);
    let logged: Value = serde_json::from_str(logged.lines().last().unwrap()).unwrap();
    let run = logged["run"].as_str().unwrap();
    let mut models =
        vec!["models:/twice@champion".to_owned(), format!("models:/twice/{}", logged["version"])];
    models.extend(logged["model"].as_str().map(|id| format!("models:/{id}")));
    // MLflow 3 keeps no such folder with the run, and finds the model of that name.
    models.push(format!("runs:/{run}/net"));
    let database = format!("sqlite:///{}", server.folder.join("store.db").display());
    // A server does not tell that a size is 0.
    for (number, (address, empty)) in
        [(server.uri(), Value::Null), (database, json!(0))].into_iter().enumerate()
    {
        let place = Place { folder, address };
        taken_out(&place, run, &format!("data-{number}"), &empty);
        for (at, address) in models.iter().enumerate() {
            place.json(&["download", address, "--to", &format!("model-{number}-{at}"), "--json"]);
        }
        let told = place.json(&["models", "models:/twice@champion", "--json"]);
        assert_eq!((&told["model"], &told["version"]), (&json!("twice"), &logged["version"]));
        let holder =
            logged["model"].as_str().map_or_else(|| format!("runs:/{run}/net"), |id| format!("models:/{id}"));
        assert_eq!(told["from"], json!(holder));
        put_in(&place, &format!("runs:/{run}/up-{number}"), &format!("back-{number}"));
    }
    let (theirs, model) = (folder.join("theirs"), folder.join("model-0-0"));
    fs::create_dir_all(theirs.join("model")).unwrap();
    let said = mlflow.run(COMPARE, &[&server.uri(), run, theirs.to_str().unwrap(), model.to_str().unwrap()]);
    assert_eq!(said.trim(), "[2, 4]");
    for number in 0..2 {
        assert_eq!(all(&folder.join(format!("data-{number}"))), all(&theirs.join("data")));
        for (at, address) in models.iter().enumerate() {
            let ours = all(&folder.join(format!("model-{number}-{at}")));
            // MLflow notes in its own copy where it came from.
            let mut theirs = all(&theirs.join("model"));
            theirs.remove("registered_model_meta");
            assert_eq!(ours, theirs, "{address}");
        }
    }
}

#[test]
fn what_mlflow_3_keeps_is_taken_out_and_put_in() {
    commands(V3);
}

#[test]
fn what_mlflow_2_keeps_is_taken_out_and_put_in() {
    commands(V2);
}

/// Transfers that break off at any point never leave half a file, and are gone on with.
#[test]
fn a_transfer_that_is_cut_goes_on_where_it_was() {
    let server = Server::shared(V3);
    let proxy = Proxy::start(server.port);
    let here = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(3);
    let content: Vec<u8> = (0..400_000).map(|_| random.u8(..)).collect();
    block_on(async {
        let direct = client::open(&server.uri(), quick());
        let experiment = direct.create_experiment("cut transfers", &[]).await.unwrap();
        let run = direct.create_run(&new_run(&experiment, "cut", 1)).await.unwrap().info.run_id;
        direct.write_artifact(&run, "t/big.bin", &content).await.unwrap();
        direct.write_artifact(&run, "t/small", b"1").await.unwrap();
        let store = client::open(&proxy.uri(), quick());
        let address: Address = format!("runs:/{run}/t").parse().unwrap();
        let source = files::resolve(&store, &address).await.unwrap();
        for round in 0..8 {
            let target = here.path().join(format!("t-{round}"));
            let request =
                DownloadRequest { target: Target::Named(target.clone()), replaces: false, verifies: false };
            // Some answers bring only a part, and then nobody answers any more.
            proxy.set(Fault::Short("big.bin", random.usize(500..400_000)));
            let progress = Progress::default();
            let until = random.u64(1..700_000);
            let cut = async {
                while progress.snapshot().bytes_done < until {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                done = files::download(&source, &request, &progress) => drop(done.unwrap()),
                () = cut => {
                    assert!(!target.exists() || fs::read(target.join("big.bin")).unwrap() == content);
                }
            }
            proxy.set(Fault::None);
            if !target.exists() {
                match files::download(&source, &request, &Progress::default()).await {
                    Ok(done) => assert_eq!(done.files.len(), 2),
                    // What was given up was being put in its place just then.
                    Err(error) => {
                        let is_in_the_way =
                            matches!(error, TransferError::Exists(_) | TransferError::Name(..));
                        assert!(is_in_the_way, "{error}");
                        wait_until("what was given up", || target.join("big.bin").exists());
                    }
                }
            }
            assert_eq!(fs::read(target.join("big.bin")).unwrap(), content);
            assert_eq!(all(&target).len(), 2);
        }
    });
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 8, "no stage stays");
}

/// Two gigabytes that are a hole in a file: nothing of it is kept in memory.
#[cfg(target_os = "linux")]
#[test]
fn a_download_takes_the_same_room_whatever_the_size() {
    let here = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", here.path().join("mlflow.db").display());
    let store = crate::support::stores::open(&address);
    let run = block_on(async {
        let experiment = store.create_experiment("big", &[]).await.unwrap();
        let run = store.create_run(&new_run(&experiment, "big", 1)).await.unwrap().info.run_id;
        store.write_artifact(&run, "small", b"1").await.unwrap();
        run
    });
    let uri = block_on(store.get_run(&run)).unwrap().info.artifact_uri;
    let root = here.path().join(uri.trim_start_matches("file://"));
    fs::File::create(root.join("big")).unwrap().set_len(2 << 30).unwrap();
    let mut peak = 0;
    let mut process = Command::new(env!("CARGO_BIN_EXE_mltui"))
        .args(["--tracking-uri", &address, "download", &format!("runs:/{run}"), "--to", "out", "--json"])
        .current_dir(here.path())
        .env_clear()
        .env("HOME", here.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while process.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
        // Without the pages of the program itself, which has no part in it.
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["bytes"], (2_u64 << 30) + 1);
    // As `head -c 2147483648 /dev/zero | sha256sum` has it.
    assert_eq!(
        told["files"][0]["sha256"],
        "a7c744c13cc101ed66c29f672f92455547889cc586ce6d44fe76ae824958ea51"
    );
    assert_eq!(fs::metadata(here.path().join("out/big")).unwrap().len(), 2 << 30);
    assert!(peak > 1_000 && peak < 32 << 10, "{peak} kB");
}

/// Files of a database that came from another machine are found beside it, and else it is said where they were looked for.
#[test]
fn files_beside_a_database_are_found() {
    let here = tempfile::tempdir().unwrap();
    let (old, new) = (here.path().join("old"), here.path().join("new"));
    fs::create_dir(&old).unwrap();
    let address = |folder: &Path| format!("sqlite:///{}", folder.join("mlflow.db").display());
    let store = crate::support::stores::open(&address(&old));
    let run = block_on(async {
        let experiment = store.create_experiment("moved", &[]).await.unwrap();
        let run = store.create_run(&new_run(&experiment, "moved", 1)).await.unwrap().info.run_id;
        store.write_artifact(&run, "a", b"1").await.unwrap();
        run
    });
    drop(store);
    fs::rename(&old, &new).unwrap();
    let place = address(&new);
    let read = |arguments: &[&str]| mltui(here.path(), &[&["--tracking-uri", &place], arguments].concat());
    let name = format!("runs:/{run}/a");
    let output = read(&["artifacts", "cat", &name]);
    assert_eq!(text(&output.stdout), "1", "{}", text(&output.stderr));
    fs::rename(new.join("mlruns"), new.join("mlartifacts")).unwrap();
    assert_eq!(text(&read(&["artifacts", "cat", &name]).stdout), "1");
    // What is sent goes where the others are found, and not to where they were.
    fs::write(here.path().join("sent"), "2").unwrap();
    fs::create_dir(&old).unwrap();
    let output = read(&["upload", here.path().join("sent").to_str().unwrap(), &format!("runs:/{run}")]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let store = crate::support::stores::open(&place);
    block_on(store.write_artifact(&run, "b", b"3")).unwrap();
    drop(store);
    for (file, content) in [("sent", "2"), ("b", "3"), ("a", "1")] {
        assert_eq!(text(&read(&["artifacts", "cat", &format!("runs:/{run}/{file}")]).stdout), content);
    }
    fs::remove_dir(&old).expect("nothing is in it");
    fs::rename(new.join("mlartifacts"), new.join("elsewhere")).unwrap();
    let said = text(&read(&["artifacts", "cat", &name]).stderr);
    for word in [old.to_str().unwrap(), "new/mlruns/", "new/mlartifacts/", "on another machine"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}
