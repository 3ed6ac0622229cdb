//! The stores that figures are measured on: made here, always the same.

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use rusqlite::{Connection, params};

pub const METRICS: [&str; 10] = [
    "loss",
    "val_loss",
    "acc",
    "val_acc",
    "f1",
    "auc",
    "precision_10",
    "throughput",
    "epoch_time",
    "grad_norm",
];
const PARAMS: [&str; 15] = [
    "lr",
    "batch_size",
    "optimizer",
    "weight_decay",
    "dropout",
    "n_layers",
    "hidden dim",
    "activation",
    "seed",
    "scheduler",
    "warmup_steps",
    "model/name",
    "data.split",
    "augment",
    "precision",
];
const START: i64 = 1_760_000_000_000;

/// A store with so many runs in one experiment, `bench`: 15 params, 10 metrics of `steps` points, 8 tags each.
pub fn make(folder: &Path, runs: usize, steps: i64) -> PathBuf {
    make_shaped(folder, runs, steps, Shape::Usual)
}

/// Which metrics the runs have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// All runs the same ten.
    Usual,
    /// The first one, and nine out of 12,000.
    Wide,
    /// The first five.
    Five,
    /// All of 12,000.
    Dense,
}

pub fn make_shaped(folder: &Path, runs: usize, steps: i64, shape: Shape) -> PathBuf {
    let wide = match shape {
        Shape::Usual => "",
        Shape::Wide => "-wide",
        Shape::Five => "-five",
        Shape::Dense => "-dense",
    };
    let path = folder.join(format!("{runs}-runs-{steps}-steps{wide}.db"));
    if path.exists() {
        return path;
    }
    let partial = path.with_extension("part");
    let _ = fs::remove_file(&partial);
    let mut db = Connection::open(&partial).unwrap();
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000").unwrap();
    db.execute_batch(include_str!("../../assets/store.sql")).unwrap();
    db.execute_batch(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, \
         last_update_time) VALUES (0, 'Default', '/tmp/a/0', 'active', 1, 1), (1, 'bench', '/tmp/a/1', 'active', 2, 2)",
    )
    .unwrap();
    let transaction = db.transaction().unwrap();
    let mut rng = Rng::with_seed(7);
    for i in 0..runs {
        run(&transaction, &mut rng, i, steps, shape);
    }
    transaction.commit().unwrap();
    drop(db);
    fs::rename(&partial, &path).unwrap();
    path
}

fn run(db: &Connection, rng: &mut Rng, i: usize, steps: i64, shape: Shape) {
    let id = format!("{:016x}{:016x}", rng.u64(..), rng.u64(..));
    let start = START + i as i64 * 60_000;
    let (status, end) = match rng.u8(..100) {
        0..90 => ("FINISHED", Some(start + 100_000)),
        90..98 => ("FAILED", Some(start + 5_000)),
        _ => ("RUNNING", None),
    };
    let name = format!("calm-ibis-{}", rng.u32(..100_000));
    let user = ["ana", "bo", "chen", "dee"][rng.usize(..4)];
    db.prepare_cached(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, \
         end_time, source_version, lifecycle_stage, artifact_uri, experiment_id) \
         VALUES (?1, ?2, 'UNKNOWN', '', '', ?3, ?4, ?5, ?6, '', 'active', ?7, 1)",
    )
    .unwrap()
    .execute(params![id, name, user, status, start, end, format!("/tmp/a/1/{id}/artifacts")])
    .unwrap();
    for (at, key) in PARAMS.iter().enumerate() {
        let value = match at {
            0 => format!("{}", 10_f64.powf(rng.f64() * -4.0)),
            8 | 10 => rng.u32(..10_000).to_string(),
            11 => format!("net-{}", rng.u32(..40)),
            _ => ["adam", "sgd", "64", "128", "0.1", "relu"][rng.usize(..6)].to_owned(),
        };
        db.prepare_cached("INSERT INTO params (key, value, run_uuid) VALUES (?1, ?2, ?3)")
            .unwrap()
            .execute(params![key, value, id])
            .unwrap();
    }
    let commit = format!("{:016x}{:016x}{:08x}", rng.u64(..), rng.u64(..), rng.u32(..));
    let note = format!("baseline sweep {}", rng.u32(..1_000));
    let data = format!("ds-v{}", rng.u32(..9));
    for (key, value) in [
        ("mlflow.runName", name.as_str()),
        ("mlflow.user", user),
        ("mlflow.source.name", "train.py"),
        ("mlflow.source.type", "LOCAL"),
        ("mlflow.source.git.commit", &commit),
        ("team", "team-1"),
        ("dataset", &data),
        ("note", &note),
    ] {
        db.prepare_cached("INSERT INTO tags (key, value, run_uuid) VALUES (?1, ?2, ?3)")
            .unwrap()
            .execute(params![key, value, id])
            .unwrap();
    }
    let keys: Vec<String> = match shape {
        Shape::Usual => METRICS.map(str::to_owned).to_vec(),
        Shape::Five => METRICS[..5].iter().map(|key| (*key).to_owned()).collect(),
        Shape::Dense => (0..12_000).map(|at| format!("layer{:03}/norm_{}", at / 40, at % 40)).collect(),
        Shape::Wide => std::iter::once(METRICS[0].to_owned())
            .chain((0..9).map(|at| format!("layer{:04}/norm_{at}", (i * 9 + at) % 12_000)))
            .collect(),
    };
    for key in keys {
        let last = rng.f64();
        for step in 0..steps {
            let value = last * (2.0 - (step + 1) as f64 / steps as f64);
            db.prepare_cached(
                "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
            )
            .unwrap()
            .execute(params![key, value, start + step, id, step])
            .unwrap();
        }
        db.prepare_cached(
            "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?1, ?2, ?3, ?4, 0, ?5)",
        )
        .unwrap()
        .execute(params![key, last, start + steps - 1, (steps - 1).max(0), id])
        .unwrap();
    }
}
