//! A store with what the documents speak of, and the files that lie beside it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use mltui::mlflow::{Metric, Param, RunId, RunStatus, Tag};
use mltui::store::{NewRun, RunUpdate, Store, now_ms};
use parquet::data_type::{DoubleType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use regex::Regex;
use tempfile::TempDir;

use crate::support::commands::{json, open};
use crate::support::sweeping::block_on;

/// Runs of `wine-quality`: name, family, validation error, seed.
const RUNS: [(&str, &str, f64, u32); 4] = [
    ("bold-owl-12", "tree", 0.61, 1),
    ("calm-fox-3", "forest", 0.55, 1),
    ("dusty-elk-7", "forest", 0.57, 2),
    ("eager-ant-5", "tree", 0.64, 2),
];

const MODEL: &str = "artifact_path: model\nflavors:\n  python_function:\n    loader_module: mlflow.onnx\n    python_version: 3.11.2\n\
model_uuid: 1\nmlflow_version: 3.17.2\nutc_time_created: '2026-11-27 20:28:08.601422'\n";

/// Stands for a training script: what it would print.
const SCRIPT: &str = "#!/bin/sh\necho '{\"step\": 1, \"val_loss\": 0.5, \"acc\": 0.8}'\necho '{\"step\": 2, \"val_loss\": 0.4, \"acc\": 0.9}'\n";

pub struct World {
    folder: TempDir,
}

impl World {
    /// `tables` are those of the document: one with a command is `train.toml`.
    pub fn new(tables: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        block_on(fill(&open(&format!("sqlite:///{}", here.join("mlflow.db").display()))));
        let put = |path: &str, content: &str| {
            let path = here.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        for program in ["bin/python", "train"] {
            put(program, SCRIPT);
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                fs::set_permissions(here.join(program), fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_mltui"), here.join("bin/mltui")).unwrap();
        if let Some(table) = tables.iter().find(|table| table.starts_with("command =")) {
            put("train.toml", table);
        }
        let team =
            format!("[profiles.team]\ntracking_uri = \"sqlite:///{}\"\n", here.join("mlflow.db").display());
        put(".config/mltui/config.toml", &team);
        put("team.toml", "[tui]\npoll_interval = 5.0\n");
        put("plots/loss.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
        let rows: Vec<String> =
            (0..60).map(|row| format!("{},{},{}\n", row, row % 7, 3 * row + row % 5)).collect();
        put("train.csv", &format!("size,rooms,price\n{}", rows.concat()));
        parquet(&here.join("train.parquet"));
        Self { folder }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command as a shell does, in a smaller way where it would take long.
    pub fn run(&self, command: &str, document: &Path) {
        let mut line = Regex::new(r"--trials \d+").unwrap().replace_all(command, "--trials 1").into_owned();
        if line.starts_with("mltui sweep --data") && !line.contains("--trials") {
            line = line.replacen("mltui sweep", "mltui sweep --trials 1", 1);
        }
        if line.contains(" ID") {
            let sweeps = json(self.folder(), &["sweeps", "--json"]);
            let mut ids = sweeps.as_array().unwrap().iter().filter(|sweep| sweep["status"] == "finished");
            let id = ids.next().unwrap_or_else(|| panic!("{command}: no sweep has finished"));
            line = line.replace(" ID", &format!(" {}", id["sweep"].as_str().unwrap()));
        }
        let path = format!("{}:/usr/bin:/bin", self.folder().join("bin").display());
        let output = Command::new("sh")
            .args(["-ec", &line])
            .current_dir(self.folder())
            .env_clear()
            .env("HOME", self.folder())
            .env("PATH", path)
            .env("USER", "ana")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let is_well = output.status.success() && !said.contains("error:") && !said.contains("panicked");
        assert!(is_well, "{}: {command}\nrun as {line}\n{said}", document.display());
    }
}

async fn fill(store: &Store) {
    let experiment = store.create_experiment("wine-quality", &[]).await.unwrap();
    store.create_registered_model("wine-quality").await.unwrap();
    let now = now_ms();
    for (at, (name, family, rmse, seed)) in RUNS.into_iter().enumerate() {
        let start = now - 60_000 * (RUNS.len() - at) as i64;
        let history = r#"[{"artifact_path": "model", "utc_time_created": "2026-11-27 20:28:08.601422", "flavors": {"python_function": {}}}]"#;
        let run = NewRun {
            experiment_id: experiment.clone(),
            run_name: Some(name.into()),
            user_id: "ana".into(),
            start_time: start,
            tags: vec![Tag::new("mlflow.log-model.history", history)],
        };
        let made = store.create_run(&run).await.unwrap().info;
        let metric = |key: &str, value: f64, step: i64| Metric {
            key: key.into(),
            value,
            timestamp: start + 1_000 * step,
            step,
        };
        let mut metrics: Vec<Metric> =
            (0..5).map(|step| metric("val_loss", rmse + 1.0 / (1.0 + step as f64), step)).collect();
        metrics.push(metric("val_rmse", rmse, 4));
        metrics.push(metric("val_acc", 1.0 - rmse, 4));
        metrics.push(metric("latency_ms", 10.0 + at as f64, 4));
        let lr = format!("0.{}", at + 1);
        let params =
            [Param::new("lr", &lr), Param::new("family", family), Param::new("seed", seed.to_string())];
        store.log_batch(&made.run_id, &metrics, &params, &[]).await.unwrap();
        let end =
            RunUpdate { status: Some(RunStatus::Finished), end_time: Some(start + 9_000), run_name: None };
        store.update_run(&made.run_id, &end).await.unwrap();
        files(Path::new(made.artifact_uri.trim_start_matches("file://")));
        register(store, &made.run_id, &format!("{}/model", made.artifact_uri)).await;
    }
    store.set_model_alias("wine-quality", "champion", 1).await.unwrap();
}

fn files(artifacts: &Path) {
    fs::create_dir_all(artifacts.join("model")).unwrap();
    fs::create_dir_all(artifacts.join("data")).unwrap();
    fs::write(artifacts.join("model/MLmodel"), MODEL).unwrap();
    fs::write(artifacts.join("model/requirements.txt"), "mlflow==3.17.2\nonnxruntime\n").unwrap();
    fs::write(artifacts.join("data/report.json"), "{\"rows\": 60}\n").unwrap();
}

async fn register(store: &Store, run: &RunId, source: &str) {
    store.create_model_version("wine-quality", source, Some(run), &[]).await.unwrap();
}

/// Forty rows of a number and a class.
fn parquet(path: &Path) {
    let schema =
        Arc::new(parse_message_type("message m { required double size; required int64 sold; }").unwrap());
    let mut writer =
        SerializedFileWriter::new(fs::File::create(path).unwrap(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let sizes: Vec<f64> = (0..40).map(|row| f64::from(row) + f64::from(row % 3)).collect();
    let sold: Vec<i64> = (0..40).map(|row| i64::from(row > 19)).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&sizes, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&sold, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}
