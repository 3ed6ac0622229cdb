//! Charts and comparisons in the real program, on runs that the real MLflow logged.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::stores::spike;
use crate::support::terminal::{Terminal, pictures};
use crate::support::{Server, V2, V3, wait_until};

const SIZE: (u16, u16) = (160, 44);

/// A run that logs 30 points, waits for a file, and then logs a spike, a NaN and an infinity, and ends.
const TRAIN: &str = r#"
import mlflow, sys, os, time, math
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("training")
with mlflow.start_run(run_name="learner"):
    for step in range(30):
        mlflow.log_metric("train/loss", 1 / (step + 1), step=step)
    open(sys.argv[2] + ".ready", "w").close()
    while not os.path.exists(sys.argv[2]):
        time.sleep(0.05)
    mlflow.log_metric("train/loss", 99.0, step=30)
    mlflow.log_metric("train/loss", float("nan"), step=31)
    mlflow.log_metric("train/loss", float("inf"), step=32)
"#;

/// Two experiments with two runs each; the runs differ in a param, and two of them only in their seed.
const LOG: &str = r#"
import mlflow, sys, json
mlflow.set_tracking_uri(sys.argv[1])
ids = []
for experiment in ["first", "second"]:
    mlflow.set_experiment(experiment)
    for i in range(2):
        with mlflow.start_run(run_name=f"{experiment}-{i}") as run:
            mlflow.log_params({"lr": 0.1 if experiment == "first" else 0.2, "seed": i, "same": "x"})
            mlflow.log_metric("val_rmse", 0.5 + 0.1 * len(ids))
            mlflow.log_metric("val_acc", 0.05, step=0)
            mlflow.log_metric("val_acc", 0.123456789012345 * (len(ids) + 1), step=1)
            ids.append(run.info.run_id)
client = mlflow.MlflowClient()
print(json.dumps([{"run_id": i, "metrics": client.get_run(i).data.metrics, "params": client.get_run(i).data.params} for i in ids]))
"#;

fn explore(folder: &Path, address: &str) -> Terminal {
    Terminal::start(folder, SIZE, &["--tracking-uri", address], &[("MLTUI_POLL_INTERVAL", "0.3")])
}

fn follow(folder: &Path, address: &str, mlflow: crate::support::Mlflow) {
    let go_on = folder.join("go-on");
    let training = mlflow.spawn(TRAIN, &[address, go_on.to_str().unwrap()]);
    let ready = folder.join("go-on.ready");
    wait_until("the first points", || ready.exists());
    let mut terminal = explore(folder, address);
    terminal.wait_for("learner");
    terminal.type_keys("3");

    terminal.wait_for("▌train/loss");
    terminal.type_keys("\r");
    terminal.wait_for("30 points");
    terminal.wait_for("min 0.0333333 @29");
    fs::write(&go_on, "").unwrap();
    // The points appear by themselves; what cannot be drawn is counted.
    terminal.wait_for("33 points, 1 NaN, 1 infinite");
    terminal.wait_for("max 99 @30");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    training.wait();
}

#[test]
fn a_chart_follows_a_run_that_python_logs() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    follow(folder.path(), &address, V3);
    for mlflow in [V3, V2] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(mlflow, folder.path());
        follow(folder.path(), &server.uri(), mlflow);
    }
}

fn compare(folder: &Path, address: &str, mlflow: crate::support::Mlflow) {
    let printed = mlflow.run(LOG, &[address]);
    let logged: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let number = |run: usize, key: &str| logged[run]["metrics"][key].as_f64().unwrap();
    let ids: Vec<&str> = (0..4).map(|run| logged[run]["run_id"].as_str().unwrap()).collect();

    // By keys: a run of each experiment, side by side, and into a file.
    let mut terminal = explore(folder, address);
    terminal.wait_for("second-1");
    terminal.type_keys(" ");
    terminal.wait_for("1 selected");
    terminal.type_keys("1j\r");
    terminal.wait_for("first-1");
    terminal.type_keys(" ");
    terminal.wait_for("2 selected");
    terminal.type_keys("C");
    terminal.wait_for("2 runs · 2 experiments");
    terminal.wait("the best value", |screen| {
        screen.lines().any(|line| line.contains("val_rmse") && line.contains("★0.6"))
    });
    assert!(!terminal.settled().contains("same"), "{}", terminal.settled());
    terminal.type_keys("d");
    terminal.wait_for("same");
    terminal.type_keys("Esave as csv\r");
    terminal.wait_for("Save as");
    terminal.type_keys("\x15both.csv\r");
    terminal.wait_for("saved");
    // Of what was logged once the runs are ranked, those of the other experiment too.
    terminal.type_keys("ggj\r");
    terminal.wait_for("val_rmse of 2 runs compared: lower is better");
    terminal.type_keys("\x1b");
    terminal.wait("the list to close", |screen| !screen.contains("to best"));
    // A chart of the metric under the cursor, as a picture.
    terminal.type_keys("gg\r");
    terminal.wait_for("first-1");
    terminal.type_keys("Esave as svg\r");
    terminal.wait_for("Save as");
    terminal.type_keys("\x15chart.svg\r");
    terminal.wait_for("chart.svg");
    terminal.wait_until("the file", |_| folder.join("chart.svg").exists());
    // What already exists stays.
    terminal.type_keys("Esave as svg\r");
    terminal.wait_for("Save as");
    terminal.type_keys("\x15both.csv\r");
    terminal.wait_for("already exists");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    let saved = fs::read_to_string(folder.join("both.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(saved.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), ["kind", "name", "second-1", "first-1"]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let row = rows.iter().find(|row| &row[1] == "val_acc").unwrap();
    assert_eq!(row[2].parse::<f64>().unwrap().to_bits(), number(3, "val_acc").to_bits());
    assert_eq!(row[3].parse::<f64>().unwrap().to_bits(), number(1, "val_acc").to_bits());
    let svg = fs::read_to_string(folder.join("chart.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("second-1") && svg.ends_with("</svg>\n"));

    // Headless.
    let mltui = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_mltui"))
            .args(["--tracking-uri", address, "compare"])
            .args(&ids)
            .args(arguments)
            .env_clear()
            .env("HOME", folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let json: Value = serde_json::from_str(&mltui(&["--json", "--only-diff", "--baseline", ids[0]])).unwrap();
    let rows = json["rows"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name);
    assert!(row("same").is_none());
    let rmse = row("val_rmse").unwrap();
    assert_eq!(rmse["goal"], "minimize");
    assert_eq!(rmse["best"], serde_json::json!([0]));
    for run in 0..4 {
        let bits = |value: &Value| value.as_f64().unwrap().to_bits();
        assert_eq!(bits(&rmse["values"][run]), number(run, "val_rmse").to_bits());
        let by = number(run, "val_rmse") - number(0, "val_rmse");
        assert_eq!(bits(&rmse["difference"][run]), by.to_bits());
    }
    assert_eq!(row("val_acc").unwrap()["best"], serde_json::json!([3]));
    // Seeds together: mean and standard deviation as Python's statistics have them.
    let json: Value = serde_json::from_str(&mltui(&["--json", "--seeds"])).unwrap();
    assert_eq!(json["runs"].as_array().unwrap().len(), 2);
    let rmse = json["rows"].as_array().unwrap().iter().find(|row| row["name"] == "val_rmse").unwrap().clone();
    let expected = V3.run(
        "import statistics as s, sys; v = [float(x) for x in sys.argv[1:]]; print(s.mean(v), s.stdev(v))",
        &[&number(0, "val_rmse").to_string(), &number(1, "val_rmse").to_string()],
    );
    let expected: Vec<f64> = expected.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let group = &rmse["values"][0];
    assert!((group["mean"].as_f64().unwrap() - expected[0]).abs() < 1e-12);
    assert!((group["std"].as_f64().unwrap() - expected[1]).abs() < 1e-12);
    assert_eq!(group["runs"], 2);
    let markdown = mltui(&["--md", "--only-diff"]);
    assert!(markdown.starts_with("| kind") && markdown.contains("| metrics"), "{markdown}");
}

#[test]
fn runs_of_two_experiments_are_compared_and_taken_along() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    compare(folder.path(), &address, V3);
    for mlflow in [V3, V2] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(mlflow, folder.path());
        compare(folder.path(), &server.uri(), mlflow);
    }
}

#[test]
fn charts_are_drawn_in_pixels_where_the_terminal_can() {
    let folder = tempfile::tempdir().unwrap();
    let address = spike(folder.path());
    let open = |graphics: &str| {
        let variables = [("MLTUI_GRAPHICS", graphics), ("COLORTERM", "truecolor"), ("MLTUI_THEME", "dark")];
        let mut terminal = Terminal::start(folder.path(), SIZE, &["--tracking-uri", &address], &variables);
        terminal.wait_for("spiky");
        terminal.wait_for("loss  1");
        terminal.type_keys("3\r");
        terminal.wait_for("101 points");
        terminal
    };
    let has = |terminal: &Terminal, text: &str| String::from_utf8_lossy(&terminal.raw()).contains(text);

    let mut terminal = open("kitty");
    let is_whole =
        |terminal: &Terminal| pictures(&terminal.raw()).iter().any(|picture| picture.height() > 600);
    terminal.wait_until("the chart in pixels", is_whole);
    let all = pictures(&terminal.raw());
    let picture = all.iter().rev().find(|picture| picture.height() > 600).unwrap();
    let is_line = |x: u32, y: u32| picture.get_pixel(x, y).0 == [0x6c, 0xb6, 0xff, 255];
    let row = |y: u32| (0..picture.width()).filter(|x| is_line(*x, y)).collect::<Vec<u32>>();
    let top = (0..picture.height()).map(row).find(|row| !row.is_empty()).unwrap();
    let share = f64::from(top[0]) / f64::from(picture.width() - 1);
    assert!((share - 0.6).abs() < 0.005 && top.len() < 6, "the spike is at step 60: {share}");
    let bottom = (0..picture.height()).rev().map(row).find(|row| !row.is_empty()).unwrap();
    assert!(bottom.len() as f64 > f64::from(picture.width()) * 0.9, "and the rest at the bottom");
    assert!(!terminal.settled().chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "no dots besides");
    // What stands over it takes it away, and it comes back.
    terminal.type_keys("?");
    terminal.wait_for("Move");
    terminal.wait_until("the chart gone", |terminal| has(terminal, "\u{1b}_Ga=d,d=A,q=2\u{1b}\\"));
    let before = pictures(&terminal.raw()).len();
    terminal.type_keys("?");
    terminal.wait_until("the chart again", |terminal| pictures(&terminal.raw()).len() > before);
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    let raw = terminal.raw();
    let text = String::from_utf8_lossy(&raw);
    assert!(text.rfind("a=d,d=A").unwrap() > text.rfind("a=T").unwrap(), "nothing is left behind");

    for (graphics, introduction) in
        [("sixel", "\u{1b}P0;1;0q\"1;1;"), ("iterm2", "\u{1b}]1337;File=inline=1;")]
    {
        let mut terminal = open(graphics);
        terminal.wait_until("the chart in pixels", |terminal| has(terminal, introduction));
        terminal.type_keys("q");
        assert_eq!(terminal.wait_for_end(), 0);
    }
    let mut terminal = open("off");
    terminal.wait("dots", |screen| screen.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)));
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn what_cannot_be_compared_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    V3.run(
        "import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]); mlflow.set_experiment('e')",
        &[&address],
    );
    let refused = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_mltui"))
            .args(["--tracking-uri", &address, "compare"])
            .args(arguments)
            .env_clear()
            .env("HOME", folder.path())
            .output()
            .unwrap();
        assert!(output.stdout.is_empty());
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, words) = refused(&["a", "a"]);
    assert!(code == 2 && words.contains("2 to 500 different runs"), "{words}");
    let (code, words) = refused(&["a", "b"]);
    assert!(code == 3 && words.contains("no run"), "{words}");
}
