//! A registry of 5,000 models with 50,000 versions, and files from a real server: whole commands beside MLflow's own and curl.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::median;
use crate::stores;
use crate::support::terminal::Terminal;
use crate::support::{Server, V3};

const MODELS: usize = 5_000;
const VERSIONS: usize = 10;
const ROUNDS: usize = 9;
const FILES: usize = 1_000;
const BIG: usize = 1 << 30;

const LOOK: &str = r#"
import sys, mlflow
client = mlflow.MlflowClient(sys.argv[1], sys.argv[1])
model = client.get_registered_model("model-2500")
for version in client.search_model_versions("name='model-2500'"):
    print(version.version, client.get_run(version.run_id).data.metrics)
"#;

const DOWNLOAD: &str = r#"
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.artifacts.download_artifacts(f"runs:/{sys.argv[2]}/{sys.argv[3]}", dst_path=sys.argv[4])
"#;

/// A store of 1,000 runs that has the models, which is made on first use.
fn filled(folder: &Path) -> PathBuf {
    let path = folder.join("registry.db");
    if path.exists() {
        return path;
    }
    let made = stores::make(folder, 1_000, 1);
    let being = folder.join("registry.db.new");
    std::fs::copy(made, &being).unwrap();
    let mut db = Connection::open(&being).unwrap();
    let runs: Vec<String> = {
        let mut runs = db.prepare("SELECT run_uuid FROM runs").unwrap();
        runs.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let work = db.transaction().unwrap();
    for model in 0..MODELS {
        let name = format!("model-{model}");
        let sql = "INSERT INTO registered_models (name, creation_time, last_updated_time) VALUES (?1, 1, ?2)";
        work.execute(sql, rusqlite::params![name, model as i64]).unwrap();
        for version in 1..=VERSIONS {
            let sql = "INSERT INTO model_versions (name, version, creation_time, last_updated_time, current_stage, source, \
                run_id, status) VALUES (?1, ?2, ?2, ?2, 'None', 's3://bucket/model', ?3, 'READY')";
            let run = &runs[(model * VERSIONS + version) % runs.len()];
            work.execute(sql, rusqlite::params![name, version as i64, run]).unwrap();
        }
        let sql = "INSERT INTO registered_model_aliases (name, alias, version) VALUES (?1, 'champion', 7)";
        work.execute(sql, [&name]).unwrap();
    }
    work.commit().unwrap();
    drop(db);
    std::fs::rename(being, &path).unwrap();
    path
}

fn seconds(command: &mut Command) -> f64 {
    let begun = Instant::now();
    assert!(command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success(), "{command:?}");
    begun.elapsed().as_secs_f64()
}

fn mltui(home: &Path, address: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
    command.args(["--tracking-uri", address]).args(words).env("HOME", home).current_dir(home);
    command
}

fn python(program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(V3.python());
    command.args(["-W", "ignore", "-c", program]).args(words);
    command
}

pub fn registry(folder: &Path) {
    println!("\na registry of {MODELS} models and {} versions in a file", MODELS * VERSIONS);
    let path = filled(folder);
    let address = format!("sqlite:///{}", path.display());
    let home = tempfile::tempdir().unwrap();
    let (mut open, mut versions) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        let mut terminal = Terminal::start(home.path(), (200, 50), &["--tracking-uri", &address], &[]);
        terminal.wait_closely(|screen| screen.contains("1,000 runs"));
        std::thread::sleep(Duration::from_millis(500));
        for (keys, words, times) in
            [("M", "Models 5,000", &mut open), ("G", "model-4999 10 versions", &mut versions)]
        {
            let begun = Instant::now();
            terminal.type_keys(keys);
            terminal.wait_closely(|screen| screen.contains(words));
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    println!("    open to all models     median {:5.1} ms  (bar 100)", median(open));
    println!("    the versions of one    median {:5.1} ms", median(versions));
    let own: Vec<f64> = (0..ROUNDS)
        .map(|_| seconds(&mut mltui(home.path(), &address, &["models", "model-2500", "--json"])))
        .collect();
    let other = median((0..3).map(|_| seconds(&mut python(LOOK, &[&address]))).collect());
    let own = median(own);
    println!(
        "    models NAME --json     {:.1} ms, MLflow's client {:.2} s: {:.0} times  (bar 100)",
        own * 1e3,
        other,
        other / own
    );
    files(home.path());
}

fn files(home: &Path) {
    println!("\nfiles from a server of MLflow {}, whole commands, pairs", V3.version);
    let server = Server::start(V3, home);
    let address = server.uri();
    let make = "import sys, mlflow\nclient = mlflow.MlflowClient(sys.argv[1], sys.argv[1])\n\
        run = client.create_run('0').info\nprint(run.run_id, run.artifact_uri)";
    let made = V3.run(make, &[&address]);
    let (run, uri) = made.lines().last().unwrap().split_once(' ').unwrap();
    let mut rng = fastrand::Rng::with_seed(16);
    let from = home.join("from");
    std::fs::create_dir_all(from.join("many")).unwrap();
    for at in 0..FILES {
        let bytes: Vec<u8> = (0..2_000).map(|_| rng.u8(..)).collect();
        std::fs::write(from.join(format!("many/{at:04}.bin")), bytes).unwrap();
    }
    std::fs::create_dir_all(from.join("big")).unwrap();
    let block: Vec<u8> = (0..1 << 20).map(|_| rng.u8(..)).collect();
    let mut big = std::fs::File::create(from.join("big/one.bin")).unwrap();
    (0..BIG >> 20).for_each(|_| std::io::Write::write_all(&mut big, &block).unwrap());
    for name in ["many", "big"] {
        let from = from.join(name);
        let mut upload =
            mltui(home, &address, &["upload", from.to_str().unwrap(), &format!("runs:/{run}/{name}")]);
        assert!(upload.status().unwrap().success());
    }
    let mut pairs = Vec::new();
    for at in 0..3 {
        let target = home.join(format!("own-{at}"));
        let source = format!("runs:/{run}/many");
        let own =
            seconds(&mut mltui(home, &address, &["download", &source, "--to", target.to_str().unwrap()]));
        let target = home.join(format!("theirs-{at}"));
        let other = seconds(&mut python(DOWNLOAD, &[&address, run, "many", target.to_str().unwrap()]));
        println!("    1,000 small files      mltui {own:.2} s, MLflow {other:.2} s");
        pairs.push(other / own);
    }
    println!("    1,000 small files      {:.1} times as fast as MLflow  (bar 3)", median(pairs));
    let path = uri.trim_start_matches("mlflow-artifacts:/");
    // What the server takes for as many answers, whoever asks.
    let list = home.join("list");
    let folder = home.join("curl");
    let each = |at: usize| {
        let url = format!("{address}/api/2.0/mlflow-artifacts/artifacts/{path}/many/{at:04}.bin");
        format!("url = {url}\noutput = {}/{at}\n", folder.display())
    };
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(&list, (0..FILES).map(each).collect::<String>()).unwrap();
    let mut curl = Command::new("curl");
    let least = seconds(curl.args(["-s", "-f", "--parallel", "--parallel-max", "8", "-K"]).arg(&list));
    println!("    1,000 small files      curl, eight at a time, their addresses known: {least:.2} s");
    let url = format!("{address}/api/2.0/mlflow-artifacts/artifacts/{path}/big/one.bin");
    let mut pairs = Vec::new();
    for at in 0..5 {
        let target = home.join(format!("big-{at}"));
        let source = format!("runs:/{run}/big/one.bin");
        let own =
            seconds(&mut mltui(home, &address, &["download", &source, "--to", target.to_str().unwrap()]));
        std::fs::remove_dir_all(&target).unwrap();
        let target = home.join("curl.bin");
        let mut curl = Command::new("curl");
        let other = seconds(curl.args(["-s", "-f", "-o", target.to_str().unwrap(), &url]));
        println!("    1 GB                   mltui {own:.2} s, curl {other:.2} s");
        pairs.push(other / own);
    }
    println!("    1 GB                   {:.2} times as fast as curl  (bar 1)", median(pairs));
}
