//! All of 10,000 runs from a folder of files, beside a bare walk that reads the same files.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use mltui::catalog::sync::Sync;
use mltui::mlflow::{ExperimentId, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{Scan, ScanValues, uri};

use crate::median;
use crate::support::V2;
use crate::support::stores::block_on;
use crate::support::terminal::Terminal;

const ROUNDS: usize = 5;
const RUNS: usize = 10_000;

pub fn folders(folder: &Path) {
    println!("\nall {RUNS} runs from a folder of files, median of {ROUNDS} pairs (the files are in memory)");
    let root = folder.join("mlruns-10k");
    if !root.join("1/meta.yaml").is_file() {
        fill(&root);
    }
    let cache = tempfile::tempdir().unwrap();
    let (mut firsts, mut times, mut ratios, mut again, mut first_again) =
        (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..=ROUNDS {
        let begin = Instant::now();
        let cells = bare(&root.join("1"));
        let yardstick = begin.elapsed().as_secs_f64();
        assert_eq!(cells, RUNS * 34);
        let kept = cache.path().join(times.len().to_string());
        let (first, all) = load(&root, &kept);
        firsts.push(first * 1e3);
        times.push(all);
        ratios.push(all / yardstick);
        let (first, all) = load(&root, &kept);
        first_again.push(first * 1e3);
        again.push(all);
    }
    println!(
        "  {:.2} s: {:.2} times the bare walk's time (bar 1.25); first rows after {:.0} ms (bar 100)",
        median(times),
        median(ratios),
        median(firsts)
    );
    println!(
        "  a second start: {:.2} s (bar 0.5); first rows after {:.0} ms",
        median(again),
        median(first_again)
    );
    let address = format!("file://{}", root.display());
    let begin = Instant::now();
    V2.run_anew(PYTHON, &[&address]);
    println!("  Python with MLflow {}: {:.1} s", V2.version, begin.elapsed().as_secs_f64());
    let home = tempfile::tempdir().unwrap();
    let start = || {
        let begin = Instant::now();
        let variables = [("MLFLOW_EXPERIMENT_NAME", "wide")];
        let terminal =
            Terminal::start(home.path(), (200, 50), &["--tracking-uri", root.to_str().unwrap()], &variables);
        terminal
            .wait_closely(|screen| screen.matches("calm-ibis").count() >= 20 && screen.contains("metric_1"));
        begin.elapsed().as_secs_f64() * 1e3
    };
    println!("  start to the first screen, nothing kept: {:.0} ms (bar 100)", start());
    println!("  the same once more: {:.0} ms", median((0..ROUNDS * 3).map(|_| start()).collect()));
}

const PYTHON: &str = "import mlflow, sys\nmlflow.set_tracking_uri(sys.argv[1])\n\
    print(len(mlflow.search_runs(experiment_names=['wide'], max_results=10000)))";

/// Seconds until the first rows, and until all.
fn load(root: &Path, cache: &Path) -> (f64, f64) {
    let location = uri::parse(root.to_str().unwrap(), Path::new("/")).unwrap();
    let options = RestOptions { cache_folder: Some(cache.to_owned()), ..RestOptions::default() };
    let begin = Instant::now();
    let store = uri::open(&location, &options, false).unwrap();
    let scan = Scan {
        experiment_id: ExperimentId("1".into()),
        view: ViewType::ActiveOnly,
        first: 100,
        values: ScanValues::All,
    };
    let (mut first, mut runs) = (None, 0);
    let mut sync = Sync::new(store, scan);
    block_on(sync.load(|snapshot| {
        first.get_or_insert_with(|| begin.elapsed().as_secs_f64());
        runs = snapshot.catalog.count;
    }))
    .unwrap();
    assert_eq!(runs, RUNS);
    (first.unwrap(), begin.elapsed().as_secs_f64())
}

/// Runs as MLflow leaves them, with 15 params, 10 metrics and 8 tags each.
fn fill(root: &Path) {
    let experiment = root.join("1");
    for number in 0..RUNS {
        let id = format!("{number:032x}");
        let run = experiment.join(&id);
        for part in ["metrics", "params", "tags", "artifacts"] {
            fs::create_dir_all(run.join(part)).unwrap();
        }
        let (start, end) =
            (1_700_000_000_000_usize + number * 1_000, 1_700_000_009_000_usize + number * 1_000);
        let meta = format!(
            "artifact_uri: file:///x/mlruns/1/{id}/artifacts\nend_time: {end}\nentry_point_name: ''\nexperiment_id: '1'\n\
             lifecycle_stage: active\nrun_id: '{id}'\nrun_name: calm-ibis-{number}\nrun_uuid: '{id}'\nsource_name: ''\n\
             source_type: 4\nsource_version: ''\nstart_time: {start}\nstatus: 3\ntags: []\nuser_id: ana\n"
        );
        fs::write(run.join("meta.yaml"), meta).unwrap();
        for at in 0..15 {
            fs::write(run.join(format!("params/param_{at}")), ((number * 7 + at) % 50).to_string()).unwrap();
        }
        for at in 0..10 {
            let value = (number * 31 + at * 17) % 1_000;
            fs::write(run.join(format!("metrics/metric_{at}")), format!("{start} 0.{value:03} 1\n")).unwrap();
        }
        for at in 0..8 {
            fs::write(run.join(format!("tags/tag_{at}")), format!("value {}", (number + at) % 20)).unwrap();
        }
    }
    fs::write(
        experiment.join("meta.yaml"),
        "artifact_location: file:///x/mlruns/1\nexperiment_id: '1'\nlifecycle_stage: active\nname: wide\n",
    )
    .unwrap();
}

/// One thread that lists the folders and reads the files, into vectors with interned strings. Returns the number of files.
fn bare(experiment: &Path) -> usize {
    let mut texts: HashMap<Box<str>, u32, rustc_hash::FxBuildHasher> = HashMap::default();
    let mut intern = |text: &str| {
        if let Some(number) = texts.get(text) {
            return *number;
        }
        let number = texts.len() as u32;
        texts.insert(text.into(), number);
        number
    };
    let entries = |folder: &Path| -> Vec<PathBuf> {
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    };
    let (mut metas, mut values, mut metrics) = (Vec::new(), Vec::new(), Vec::new());
    for run in entries(experiment).into_iter().filter(|run| run.is_dir()) {
        let id = intern(run.file_name().unwrap().to_str().unwrap());
        metas.push((id, fs::read_to_string(run.join("meta.yaml")).unwrap().len()));
        for part in ["params", "tags"] {
            for file in entries(&run.join(part)) {
                let key = intern(file.file_name().unwrap().to_str().unwrap());
                values.push((id, key, intern(&fs::read_to_string(&file).unwrap())));
            }
        }
        for file in entries(&run.join("metrics")) {
            let key = intern(file.file_name().unwrap().to_str().unwrap());
            let content = fs::read_to_string(&file).unwrap();
            let value: f64 = content.lines().last().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
            metrics.push((id, key, value));
        }
    }
    std::hint::black_box((&metas, &values, &metrics));
    metas.len() + values.len() + metrics.len()
}
