//! Artifacts in an object store: what this program puts there MLflow's own client reads, and the other way round, whichever kind
//! of store the runs are in.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use mltui::mlflow::RunId;
use serde_json::Value;

use crate::support::azurite::{ACCOUNT, Azurite, KEY};
use crate::support::moto::{self, Moto};
use crate::support::stores::{block_on, new_run, open};
use crate::support::sweeping::SMALL;
use crate::support::{Server, V3};

/// What MLflow's client has below an address; and a file that it puts there.
const BESIDE: &str = r#"
import hashlib, json, os, tempfile
import mlflow
from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository
os.environ.update(json.loads(sys.argv[2]))
repository = S3ArtifactRepository(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    repository.download_artifacts("", folder)
    for root, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(root, name)
            print(hashlib.sha256(open(path, "rb").read()).hexdigest(), os.path.relpath(path, folder), sep="  ")
    own = os.path.join(folder, "by mlflow.txt")
    open(own, "w").write("words of MLflow")
    repository.log_artifact(own, "more")
"#;

struct Place<'a> {
    folder: &'a Path,
    store: String,
    variables: BTreeMap<&'static str, String>,
}

impl Place<'_> {
    fn run(&self, words: &[&str], more: &[(&'static str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.current_dir(self.folder).env_clear().env("HOME", self.folder).env("USER", "ana");
        command.env("AWS_EC2_METADATA_DISABLED", "true").envs(&self.variables);
        for (name, value) in more {
            if value.is_empty() {
                command.env_remove(name);
            } else {
                command.env(name, value);
            }
        }
        command.args(["--tracking-uri", &self.store]).args(words).stdin(Stdio::null()).output().unwrap()
    }

    fn printed(&self, words: &[&str]) -> String {
        let output = self.run(words, &[]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, words: &[&str], more: &[(&'static str, &str)]) -> String {
        let output = self.run(words, more);
        assert!(!output.status.success(), "{words:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        let secret = self.variables.get("AWS_SECRET_ACCESS_KEY").map_or(KEY, String::as_str);
        assert!(!error.contains(secret), "{error}");
        error
    }

    fn listed(&self, address: &str) -> Vec<String> {
        let listed: Value =
            serde_json::from_str(&self.printed(&["artifacts", "ls", "-r", address, "--json"])).unwrap();
        listed.as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect()
    }
}

/// Files to send: one that goes in parts, and one of an odd name.
fn files(folder: &Path) -> PathBuf {
    let up = folder.join("up");
    fs::create_dir_all(up.join("deep/er")).unwrap();
    let large: Vec<u8> = (0..9_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(up.join("large.bin"), large).unwrap();
    fs::write(up.join("deep/er/a b \u{e9}+%.txt"), "words").unwrap();
    fs::write(up.join("empty"), "").unwrap();
    up
}

fn is_same(one: &Path, other: &Path) {
    assert!(Command::new("diff").arg("-r").args([one, other]).status().unwrap().success(), "they differ");
}

/// A database whose experiments `s3` and `none` have their files in a bucket that is there, and in one that is not.
fn database(folder: &Path) -> (String, Vec<RunId>) {
    database_at(folder, ["s3://models", "s3://no-such-bucket"])
}

fn database_at(folder: &Path, buckets: [&str; 2]) -> (String, Vec<RunId>) {
    let path = folder.join("mlflow.db");
    let address = format!("sqlite:///{}", path.display());
    let store = open(&address);
    let mut runs = Vec::new();
    for (name, bucket) in ["s3", "none"].into_iter().zip(buckets) {
        let id = block_on(store.create_experiment(name, &[])).unwrap();
        let at = format!("{bucket}/exp/{id}");
        let db = rusqlite::Connection::open(&path).unwrap();
        let change = "UPDATE experiments SET artifact_location = ?1 WHERE experiment_id = ?2";
        db.execute(change, [at.as_str(), id.as_str()]).unwrap();
        let run = block_on(store.create_run(&new_run(&id, "first", 1))).unwrap().info;
        assert_eq!(run.artifact_uri, format!("{at}/{}/artifacts", run.run_id));
        runs.push(run.run_id);
    }
    (address, runs)
}

#[test]
fn files_in_an_object_store_are_those_of_mlflows_client() {
    let folder = tempfile::tempdir().unwrap();
    let moto = Moto::shared();
    let up = files(folder.path());
    let (address, runs) = database(folder.path());
    let place = Place { folder: folder.path(), store: address, variables: moto.variables().into() };
    let data = format!("runs:/{}/data", runs[0]);
    place.printed(&["upload", "up", &data]);
    let refused = place.refused(&["upload", "up", &data], &[]);
    assert!(refused.contains("already has"), "{refused}");
    let names = ["deep/er/a b \u{e9}+%.txt", "empty", "large.bin"];
    assert_eq!(place.listed(&data), names);
    let large = format!("{data}/large.bin");
    let part = place.run(&["artifacts", "cat", &large, "--offset", "8388600", "--length", "16"], &[]).stdout;
    assert_eq!(part, &fs::read(up.join("large.bin")).unwrap()[8_388_600..8_388_616]);
    place.printed(&["download", &data, "--to", "back", "--verify"]);
    is_same(&folder.path().join("back"), &up);
    // MLflow's own client has the same, and what it puts there is here.
    let uri = block_on(open(&place.store).get_run(&runs[0])).unwrap().info.artifact_uri;
    let variables = serde_json::to_string(&place.variables).unwrap();
    let sums = moto::python(BESIDE, &[&uri, &variables]).replace("  data/", "  ");
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--strict", "--status"]).current_dir(&up).stdin(Stdio::piped());
    let mut check = check.spawn().unwrap();
    std::io::Write::write_all(&mut check.stdin.take().unwrap(), sums.as_bytes()).unwrap();
    assert!(check.wait().unwrap().success() && sums.lines().count() == 3, "{sums}");
    assert_eq!(
        place.printed(&["artifacts", "cat", &format!("runs:/{}/more/by mlflow.txt", runs[0])]),
        "words of MLflow"
    );
    faults(&place, &runs, folder.path(), moto);
    // Models of a sweep go where the experiment's files go.
    let words = [&SMALL[..], &["--experiment", "s3", "--json"]].concat();
    let swept: Value = serde_json::from_str(&place.printed(&words)).unwrap();
    assert_eq!(swept["not_kept"]["models"], 0, "{swept}");
    let best = format!("runs:/{}/model", swept["best"]["run_id"].as_str().unwrap());
    assert!(place.listed(&best).contains(&"MLmodel".to_owned()), "{swept}");
    copied_out(&place, &data, &up);
    of_files(folder.path(), moto);
}

#[test]
#[ignore = "needs Debian's nodejs and npm: apt-get install nodejs npm"]
fn files_are_kept_in_azures_object_store() {
    let folder = tempfile::tempdir().unwrap();
    let azurite = Azurite::start();
    let up = files(folder.path());
    for (scheme, host, to) in [("wasbs", "blob", "back"), ("abfss", "dfs", "other")] {
        let _ = fs::remove_file(folder.path().join("mlflow.db"));
        let at = |name: &str| format!("{scheme}://{name}@{ACCOUNT}.{host}.core.windows.net");
        let (store, runs) = database_at(folder.path(), [&at("models"), &at("no-such-container")]);
        let string = azurite.connection(KEY);
        let variables = [("AZURE_STORAGE_CONNECTION_STRING", string)].into();
        let place = Place { folder: folder.path(), store, variables };
        let data = format!("runs:/{}/data", runs[0]);
        place.printed(&["upload", "up", &data]);
        assert_eq!(place.listed(&data), ["deep/er/a b \u{e9}+%.txt", "empty", "large.bin"]);
        let large = format!("{data}/large.bin");
        let part =
            place.run(&["artifacts", "cat", &large, "--offset", "8388600", "--length", "16"], &[]).stdout;
        assert_eq!(part, &fs::read(up.join("large.bin")).unwrap()[8_388_600..8_388_616]);
        place.printed(&["download", &data, "--to", to, "--verify"]);
        is_same(&folder.path().join(to), &up);
        assert!(place.refused(&["upload", "up", &data], &[]).contains("already has"));
        let wrong = azurite.connection(&KEY.replace("Eby8", "Abcd"));
        let refused =
            place.refused(&["artifacts", "ls", &data], &[("AZURE_STORAGE_CONNECTION_STRING", &wrong)]);
        assert!(
            refused.contains("AZURE_STORAGE_CONNECTION_STRING") && refused.contains("denies"),
            "{refused}"
        );
        let refused = place.refused(&["artifacts", "ls", &format!("runs:/{}", runs[1])], &[]);
        assert!(refused.contains("no container \"no-such-container\""), "{refused}");
    }
}

/// A copy of the store has its files beside it.
fn copied_out(place: &Place<'_>, data: &str, up: &Path) {
    let here = format!("sqlite:///{}", place.folder.join("copy.db").display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
    command.env_clear().env("HOME", place.folder).envs(&place.variables);
    command.args(["migrate", &place.store, &here, "--experiment", "s3", "--verify", "--json"]);
    let copied = command.output().unwrap().stdout;
    let copied: Value = serde_json::from_slice(&copied).unwrap();
    assert_eq!(
        (&copied["same"], copied["problems"].as_array().map(Vec::len)),
        (&true.into(), Some(0)),
        "{copied}"
    );
    let place = Place { folder: place.folder, store: here, variables: BTreeMap::new() };
    place.printed(&["download", data, "--to", "copied", "--verify"]);
    is_same(&place.folder.join("copied"), up);
}

/// What is wrong says what to do.
fn faults(place: &Place<'_>, runs: &[RunId], folder: &Path, moto: &Moto) {
    let (there, none) = (format!("runs:/{}", runs[0]), format!("runs:/{}", runs[1]));
    let ls =
        |address: &str, more: &[(&'static str, &str)]| place.refused(&["artifacts", "ls", address], more);
    for (more, words, hint) in [
        (("AWS_SECRET_ACCESS_KEY", "of another key"), "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
        (("AWS_ACCESS_KEY_ID", "AKIANOBODY"), "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
        (("AWS_ACCESS_KEY_ID", ""), "no AWS credentials are found", "aws configure"),
        (("AWS_PROFILE", "gone"), "", ""),
        (("MLFLOW_S3_ENDPOINT_URL", "localhost:9"), "is no address", "MLFLOW_S3_ENDPOINT_URL"),
    ] {
        if words.is_empty() {
            // Keys of the environment go before a profile, as with boto3.
            assert!(place.run(&["artifacts", "ls", &there], &[more]).status.success());
            continue;
        }
        let refused = ls(&there, &[more]);
        assert!(refused.contains(words) && refused.contains(hint), "{more:?}: {refused}");
    }
    let refused = ls(&none, &[]);
    assert!(refused.contains("no bucket \"no-such-bucket\""), "{refused}");
    let refused = place.refused(&["sweep", "--data", "iris", "--experiment", "none"], &[]);
    assert!(refused.contains("no bucket \"no-such-bucket\""), "{refused}");
    let tls = folder.join("tls");
    fs::create_dir_all(&tls).unwrap();
    let mut gateway = gateway(&tls, moto.port);
    let mut port = String::new();
    BufReader::new(gateway.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let secure = format!("https://127.0.0.1:{}", port.trim());
    let secure = ("MLFLOW_S3_ENDPOINT_URL", secure.as_str());
    let refused = ls(&there, &[secure]);
    assert!(refused.contains("unknown authority") && refused.contains("AWS_CA_BUNDLE"), "{refused}");
    let authority = tls.join("ca.pem").display().to_string();
    for trusted in [("AWS_CA_BUNDLE", authority.as_str()), ("MLFLOW_S3_IGNORE_TLS", "true")] {
        let output = place.run(&["artifacts", "ls", &there], &[secure, trusted]);
        assert!(output.status.success(), "{trusted:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let _ = gateway.kill();
    let _ = gateway.wait();
}

fn gateway(folder: &Path, port: u16) -> Child {
    let mut command = Command::new(V3.quick_python());
    command.arg("-c").arg(include_str!("../support/tls_proxy.py")).arg(folder);
    command.args([&port.to_string(), "anyone", ""]).stdout(Stdio::piped()).spawn().unwrap()
}

/// A folder of files whose artifacts are in the bucket.
fn of_files(folder: &Path, moto: &Moto) {
    let root = folder.join("mlruns");
    fs::create_dir_all(root.join("0")).unwrap();
    let meta = "artifact_location: s3://models/files/0\ncreation_time: 1\nexperiment_id: '0'\nlast_update_time: 1\n\
                lifecycle_stage: active\nname: Default\n";
    fs::write(root.join("0/meta.yaml"), meta).unwrap();
    let store = root.display().to_string();
    let run = block_on(open(&store).create_run(&new_run(&"0".into(), "first", 1))).unwrap().info.run_id;
    let place = Place { folder, store, variables: moto.variables().into() };
    place.printed(&["upload", "up/deep", &format!("runs:/{run}/data")]);
    assert_eq!(place.listed(&format!("runs:/{run}")), ["data/er/a b \u{e9}+%.txt"]);
}

#[test]
fn a_server_that_serves_no_artifacts_leaves_the_bucket_to_its_clients() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, moto) = (folder.path(), Moto::shared());
    let up = files(folder);
    let words = ["--no-serve-artifacts", "--default-artifact-root", "s3://models/root"];
    let server = Server::start_with(V3, folder, &words, &[]);
    let store = open(&server.uri());
    let id = block_on(store.create_experiment("served", &[])).unwrap();
    let run = block_on(store.create_run(&new_run(&id, "first", 1))).unwrap().info;
    assert!(run.artifact_uri.starts_with("s3://models/root/"), "{}", run.artifact_uri);
    let place = Place { folder, store: server.uri(), variables: moto.variables().into() };
    let data = format!("runs:/{}/data", run.run_id);
    place.printed(&["upload", "up", &data]);
    place.printed(&["download", &data, "--to", "served"]);
    is_same(&folder.join("served"), &up);
    let wrong = [("AWS_SECRET_ACCESS_KEY", "of another key"), ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")];
    let refused = place.refused(&["artifacts", "ls", &data], &wrong);
    assert!(refused.contains("SignatureDoesNotMatch"), "{refused}");
    // A model of MLflow 3 as well.
    let words = [&SMALL[..], &["--experiment", "served", "--json"]].concat();
    let swept: Value = serde_json::from_str(&place.printed(&words)).unwrap();
    assert_eq!(swept["not_kept"]["models"], 0, "{swept}");
}
