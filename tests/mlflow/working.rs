//! What people do in the explorer all day, by keys in a real terminal, and what the real MLflow says of it afterwards.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::terminal::Terminal;
use crate::support::{Server, V2, V3, wait_until};

const SIZE: (u16, u16) = (160, 44);

/// Six runs with histories whose extremes are not their latest values; the last is a child of the first.
const LOG: &str = r#"
import mlflow, sys, json
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine")
parent = None
for i in range(6):
    tags = {"mlflow.parentRunId": parent} if i == 5 else {}
    with mlflow.start_run(run_name=f"worker-{i}", tags=tags) as run:
        parent = parent or run.info.run_id
        mlflow.log_params({"family": ["tree", "forest"][i % 2], "seed": i})
        for step in range(30):
            mlflow.log_metric("val_rmse", 1.0 + ((step * 7 + i * 3) % 11) / 10 - i / 100, step=step)
        mlflow.set_tag("team", "red")
"#;

/// What MLflow knows of all runs of `wine`, deleted ones too.
const READ: &str = r#"
import mlflow, sys, json
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name("wine")
runs = client.search_runs([experiment.experiment_id], run_view_type=3)
print(json.dumps({run.info.run_name: {"stage": run.info.lifecycle_stage, "tags": run.data.tags,
    "history": [p.value for p in client.get_metric_history(run.info.run_id, "val_rmse")]} for run in runs}))
"#;

fn read(address: &str) -> Value {
    let printed = V3.run(READ, &[address]);
    serde_json::from_str(printed.lines().last().unwrap()).unwrap()
}

fn explore(folder: &Path, address: &str) -> Terminal {
    Terminal::start(folder, SIZE, &["--tracking-uri", address], &[("MLTUI_POLL_INTERVAL", "0.3")])
}

/// Renames, tags, notes, deletes and restores, the same on every store.
fn work(folder: &Path, address: &str) {
    let mut terminal = explore(folder, address);
    terminal.wait_for("6 runs");
    terminal.wait_for("worker-5");
    terminal.type_keys("R\x15the-renamed\r");
    terminal.wait("the new name in the table", |screen| {
        screen.matches("the-renamed").count() >= 2 && !screen.contains("worker-5")
    });
    terminal.type_keys("t");
    terminal.wait_for("new tag");
    terminal.type_keys("\rreviewed=by hand\r");
    terminal.wait_for("set reviewed");
    terminal.type_keys("nfirst line\x0asecond line\r");
    terminal.wait_for("set mlflow.note.content");
    // Two runs at once: one tag, then gone from the table.
    terminal.type_keys("j  t");
    terminal.wait_for("Tags of 2 runs");
    terminal.type_keys("\rbatch=both\r");
    terminal.wait_for("set batch on 2 runs");
    terminal.type_keys("D");
    terminal.wait_for("Delete these 2 runs?");
    terminal.type_keys("y");
    terminal
        .wait("the deleted runs gone", |screen| screen.contains("4 runs") && !screen.contains("worker-4  "));
    // They are shown on demand, and come back.
    terminal.type_keys("gd");
    terminal.wait("deleted runs", |screen| screen.contains("deleted") && screen.contains("worker-4"));
    terminal.type_keys("/'worker-4\r");
    terminal.wait_for("1 of 6");
    terminal.type_keys("D");
    terminal.wait_for("Restore this run?");
    terminal.type_keys("y");
    terminal.wait_for("restored the run");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);

    let runs = read(address);
    let tag = |run: &str, key: &str| runs[run]["tags"][key].as_str().map(str::to_owned);
    assert_eq!(tag("the-renamed", "reviewed").as_deref(), Some("by hand"));
    assert_eq!(tag("the-renamed", "mlflow.note.content").as_deref(), Some("first line\nsecond line"));
    assert_eq!(tag("the-renamed", "mlflow.runName").as_deref(), Some("the-renamed"));
    assert_eq!(tag("worker-4", "batch").as_deref(), Some("both"));
    assert_eq!(tag("worker-3", "batch").as_deref(), Some("both"));
    assert_eq!(runs["worker-4"]["stage"], "active");
    assert_eq!(runs["worker-3"]["stage"], "deleted");
    assert_eq!(runs["worker-0"]["stage"], "active");
    assert!(runs.get("worker-5").is_none());
}

#[test]
fn what_is_written_by_keys_is_what_mlflow_reads() {
    let folder = tempfile::tempdir().unwrap();
    let local = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    V3.run(LOG, &[&local]);
    work(folder.path(), &local);
    for mlflow in [V3, V2] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(mlflow, folder.path());
        mlflow.run(LOG, &[&server.uri()]);
        work(folder.path(), &server.uri());
    }
}

/// The whole history's minimum, maximum, mean, first value and the value at a step, in the table and headless.
fn statistics(folder: &Path, address: &str) {
    let runs = read(address);
    let history = |run: &str| -> Vec<f64> {
        runs[run]["history"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let names: Vec<String> = (0..6).map(|i| format!("worker-{i}")).collect();
    let columns = "run_name,min(metrics.val_rmse),max(metrics.val_rmse),mean(metrics.val_rmse),\
                   first(metrics.val_rmse),at(metrics.val_rmse, 7)";
    let output = Command::new(env!("CARGO_BIN_EXE_mltui"))
        .args(["--tracking-uri", address, "runs", "wine", "--csv", "--sort", "max(metrics.val_rmse)"])
        .args(["--columns", columns])
        .env_clear()
        .env("HOME", folder)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut maxima = Vec::new();
    for row in csv::Reader::from_reader(printed.as_bytes()).records() {
        let row = row.unwrap();
        let number = |at: usize| -> f64 { row[at].parse().unwrap() };
        let values = history(&row[0]);
        let (low, high) = (
            values.iter().copied().fold(f64::INFINITY, f64::min),
            values.iter().copied().fold(0.0, f64::max),
        );
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        assert_eq!(
            (number(1), number(2), number(4), number(5)),
            (low, high, values[0], values[7]),
            "{row:?}"
        );
        assert!((number(3) - mean).abs() < 1e-12, "{row:?}");
        maxima.push(number(2));
    }
    assert!(maxima.len() == 6 && maxima.is_sorted(), "{printed}");
    // On the screen: the minimum with its step, sorted by it.
    let mut terminal = explore(folder, address);
    terminal.wait_for("6 runs");
    terminal.type_keys("semin\r");
    terminal.wait("all minima", |screen| {
        screen.contains("by min val_rmse")
            && !screen.contains("histories read")
            && screen.matches('@').count() >= 6
    });
    let screen = terminal.settled();
    let lows: Vec<f64> =
        names.iter().map(|name| history(name).into_iter().fold(f64::INFINITY, f64::min)).collect();
    for (name, low) in names.iter().zip(&lows) {
        let step = history(name).iter().position(|value| value.to_bits() == low.to_bits()).unwrap();
        let wanted = format!("{} @{step}", mltui::text::number(*low));
        // The details beside the table have the name of a run, too.
        let is_told = |line: &str| line.contains(name.as_str()) && line.contains(&wanted);
        assert!(screen.lines().any(is_told), "{wanted} in\n{screen}");
    }
    let place = |name: &String| {
        screen.lines().position(|line| line.contains(name.as_str()) && line.contains('@')).unwrap()
    };
    let mut by_value: Vec<(f64, usize)> = lows.iter().copied().zip(names.iter().map(place)).collect();
    by_value.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(by_value.windows(2).all(|pair| pair[0].1 < pair[1].1), "{screen}");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn statistics_are_those_of_the_whole_history() {
    let folder = tempfile::tempdir().unwrap();
    let local = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    V3.run(LOG, &[&local]);
    statistics(folder.path(), &local);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    V3.run(LOG, &[&server.uri()]);
    statistics(folder.path(), &server.uri());
}

#[test]
fn profiles_are_switched_and_each_keeps_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    V3.run(LOG, &[&server.uri()]);
    let local = format!("sqlite:///{}", folder.path().join("own.db").display());
    V3.run(&LOG.replace("worker", "home").replace("wine", "garden"), &[&local]);
    let config = folder.path().join("config.toml");
    let text = format!(
        "profile = \"team\"\n[profiles.team]\ntracking_uri = \"{}\"\n[profiles.home]\ntracking_uri = \"{local}\"\n\
         read_only = true\n[profiles.gone]\ntracking_uri = \"file:///nowhere\"\n[keys]\n\"w\" = \"sort\"\n",
        server.uri()
    );
    std::fs::write(&config, text).unwrap();
    let mut terminal = Terminal::start(
        folder.path(),
        SIZE,
        &["--config", config.to_str().unwrap()],
        &[("MLTUI_POLL_INTERVAL", "0.3")],
    );
    terminal.wait_for("worker-0");
    terminal.type_keys("w");
    terminal.wait_for("by latest val_rmse ▲");
    terminal.type_keys("P");
    terminal.wait_for("Profiles");
    terminal.type_keys("home\r");
    terminal.wait_for("home-0");
    terminal.wait_for("(read-only)");
    assert!(terminal.settled().contains("newest first"), "its own view:\n{}", terminal.settled());
    terminal.type_keys("Pgone\r");
    terminal.wait_for("cannot open profile gone");
    assert!(terminal.settled().contains("home-0"));
    terminal.type_keys("Pteam\r");
    terminal.wait_for("worker-0");
    terminal.wait_for("by latest val_rmse ▲");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn the_mouse_moves_borders_and_what_was_chosen_is_there_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let local = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    V3.run(LOG, &[&local]);
    let mut terminal = explore(folder.path(), &local);
    terminal.wait_for("6 runs");
    let border = |screen: &str| screen.lines().nth(1).unwrap().chars().position(|c| c == '┏').unwrap();
    let at = border(&terminal.settled());
    assert!((16..40).contains(&at), "as wide as the names");
    // Press on the border, drag it, let it go.
    terminal.type_keys(&format!("\x1b[<0;{};10M\x1b[<32;41;10M\x1b[<0;41;10m", at + 1));
    terminal.wait("the border elsewhere", |screen| border(screen) == 40);
    // A wheel, a click on a title.
    terminal.type_keys("\x1b[<65;60;5M");
    terminal.wait_for("row 4 of 6");
    terminal.type_keys("gt/'worker-1\rcseed\x03");
    terminal.wait_for("as a tree");
    terminal.wait_for("1 of 6");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    let mut terminal = explore(folder.path(), &local);
    terminal.wait_for("1 of 6");
    terminal.wait_for("as a tree");
    assert_eq!(border(&terminal.settled()), 40);
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn the_theme_follows_the_terminals_background() {
    let folder = tempfile::tempdir().unwrap();
    let local = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    V3.run(LOG, &[&local]);
    let variables = [("COLORTERM", "truecolor")];
    let mut terminal = Terminal::start(folder.path(), SIZE, &["--tracking-uri", &local], &variables);
    terminal.wait_for("6 runs");
    let asked = terminal.raw();
    assert!(asked.windows(6).any(|bytes| bytes == b"\x1b]11;?"), "the terminal is asked");
    // The answer of a light terminal; none of it counts as a key.
    terminal.type_keys("\x1b]11;rgb:ffff/ffff/f0f0\x1b\\");
    terminal.wait_until("the light colours", |terminal| {
        let raw = terminal.raw();
        raw[asked.len()..]
            .windows(16)
            .any(|bytes| bytes == b"\x1b[38;2;5;80;174m\x1b" || bytes.starts_with(b"\x1b[38;2;5;80;174"))
    });
    assert!(terminal.settled().contains("row 1 of 6"));
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_run_that_ends_while_nobody_looks_raises_a_notice() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let train = r#"
import mlflow, os, sys, time
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine")
client = mlflow.MlflowClient()
runs = [client.create_run("1", run_name=name) for name in ["long-runner", "other"]]
open(sys.argv[2], "w").close()
while os.path.exists(sys.argv[2]):
    time.sleep(0.05)
client.set_terminated(runs[0].info.run_id, "FAILED")
"#;
    let sign = folder.path().join("sign");
    let training = V3.spawn(train, &[&address, sign.to_str().unwrap()]);
    let variables = [("MLTUI_NOTIFY", "desktop")];
    let mut terminal = Terminal::start(folder.path(), SIZE, &["--tracking-uri", &address], &variables);
    terminal.wait_for("long-runner");
    terminal.wait_for("2 running");
    // The terminal loses the focus, the run ends.
    terminal.type_keys("\x1b[O");
    std::fs::remove_file(&sign).unwrap();
    terminal.wait_for("long-runner failed");
    let raw = terminal.raw();
    assert!(String::from_utf8_lossy(&raw).contains("\x1b]9;mltui: long-runner failed\x07"));
    training.wait();
    terminal.type_keys("\x1b[Ij");
    terminal.wait("the notice acknowledged", |screen| !screen.contains("long-runner failed"));
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn scripts_wait_for_runs() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let train = r#"
import mlflow, os, sys, time
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine")
with mlflow.start_run(run_name="good"):
    open(sys.argv[2], "w").close()
    while os.path.exists(sys.argv[2]):
        time.sleep(0.05)
if sys.argv[3] == "fail":
    try:
        with mlflow.start_run(run_name="bad"):
            raise ValueError
    except ValueError:
        pass
"#;
    let waiting = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.args(["--tracking-uri", &address, "wait"]).args(arguments);
        command.env_clear().env("HOME", folder.path()).env("MLTUI_POLL_INTERVAL", "0.1");
        command
    };
    let wait = |arguments: &[&str]| waiting(arguments).output().unwrap();
    let begin = |how: &str| {
        let sign = folder.path().join(how);
        let training = V3.spawn(train, &[&address, sign.to_str().unwrap(), how]);
        wait_until("the run", || sign.exists());
        training
    };
    let training = begin("succeed");
    let output = wait(&["--experiment", "wine", "--timeout", "0.2"]);
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let mut waits = waiting(&["--experiment", "wine"]);
    let mut waits = waits.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    BufReader::new(waits.stderr.take().unwrap()).read_line(&mut told).unwrap();
    assert_eq!(told, "mltui: waiting for 1 run\n");
    std::fs::remove_file(folder.path().join("succeed")).unwrap();
    let output = waits.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.contains("FINISHED  good"), "{printed}");
    training.wait();
    let id = printed.split_whitespace().next().unwrap().to_owned();
    let training = begin("fail");
    std::fs::remove_file(folder.path().join("fail")).unwrap();
    training.wait();
    let output = wait(&[&id, "--json"]);
    let runs: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(runs[0]["status"], "FINISHED");
    let listed = Command::new(env!("CARGO_BIN_EXE_mltui"))
        .args(["--tracking-uri", &address, "runs", "wine", "--json", "--filter", "status = 'FAILED'"])
        .output()
        .unwrap();
    let failed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let output = wait(&[failed[0]["run_id"].as_str().unwrap()]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert_eq!(wait(&["00000000000000000000000000000000"]).status.code(), Some(3));
    assert_eq!(wait(&[]).status.code(), Some(2));
}
