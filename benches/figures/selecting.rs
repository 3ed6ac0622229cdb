//! The best run: chosen among 100,000 that are loaded, and by a whole process, in a file and on a server.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use mltui::catalog::sync::Sync;
use mltui::select::{Goal, MetricGoal, Policy, select};
use mltui::store::uri;
use mltui::store::uri::RestOptions;

use crate::support::{Server, V3};
use crate::{median, scan, stores};

const PYTHON: &str = "import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
runs = mlflow.search_runs(experiment_names=['bench'])
runs = runs[(runs.status == 'FINISHED') & runs['metrics.val_loss'].notna()]
print(runs.sort_values(['metrics.val_loss', 'start_time']).head(1).to_json())";

pub fn selecting(folder: &Path) {
    println!("\nthe best run");
    in_memory(folder);
    let small = folder.join("command.db");
    if !small.exists() {
        std::fs::copy(stores::make(folder, 10_000, 1), &small).unwrap();
    }
    let address = format!("sqlite:///{}", small.display());
    V3.run(
        "import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]); mlflow.search_experiments()",
        &[&address],
    );
    let ours = median((0..15).map(|_| best(&address)).collect());
    let theirs = median((0..3).map(|_| python(&address)).collect());
    println!(
        "  mltui best, 10,000 runs, whole process  {:.1} ms; Python with mlflow.search_runs {theirs:.1} s: {:.0} times faster (bar 200)",
        ours * 1e3,
        theirs / ours
    );
    let large = format!("sqlite:///{}", stores::make(folder, 100_000, 1).display());
    let ours = median((0..9).map(|_| best(&large)).collect());
    println!("  mltui best, 100,000 runs, whole process {:.0} ms (bar 300 ms)", ours * 1e3);
    on_a_server(folder);
}

fn in_memory(folder: &Path) {
    let path = stores::make(folder, 100_000, 1);
    let location = uri::parse(&format!("sqlite:///{}", path.display()), Path::new("/")).unwrap();
    let store = uri::open(&location, &RestOptions::default(), true).unwrap();
    let mut sync = Sync::new(store.clone(), scan(100));
    let mut catalog = None;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(sync.load(|snapshot| catalog = Some(snapshot.catalog))).unwrap();
    let catalog = catalog.unwrap();
    let mut policy = Policy::new(MetricGoal::new("val_loss", Goal::Minimize));
    policy.constrain("metrics.val_acc > 0.2 AND params.optimizer != 'sgd'").unwrap();
    let mut eligible = 0;
    let times = (0..25).map(|_| {
        let begin = Instant::now();
        eligible = select(&catalog, &policy, 50).eligible;
        begin.elapsed().as_secs_f64()
    });
    let time = median(times.collect());
    println!(
        "  among 100,000 loaded runs, two constraints, {eligible} eligible  {:.1} ms (bar 15 ms)",
        time * 1e3
    );
}

fn best(address: &str) -> f64 {
    let begin = Instant::now();
    let mut command = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_mltui")));
    command.args(["--tracking-uri", address, "best", "bench", "--metric", "val_loss", "--json"]);
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
    begin.elapsed().as_secs_f64()
}

fn python(address: &str) -> f64 {
    let begin = Instant::now();
    V3.run_anew(PYTHON, &[address]);
    begin.elapsed().as_secs_f64()
}

/// Against what the server itself takes for a page of the rows, and for sorting them.
fn on_a_server(folder: &Path) {
    const ASK: &str = "import sys, time, json, urllib.request
def ask(**more):
    body = {'experiment_ids': ['1'], 'max_results': 100, **more}
    request = urllib.request.Request(sys.argv[1] + '/api/2.0/mlflow/runs/search', json.dumps(body).encode(),
        {'Content-Type': 'application/json'})
    begin = time.time()
    urllib.request.urlopen(request).read()
    return time.time() - begin
ask()
print(ask(), ask(order_by=['metrics.val_loss ASC']))";
    let place = folder.join("server");
    std::fs::create_dir_all(&place).unwrap();
    if !place.join("store.db").exists() {
        std::fs::copy(folder.join("command.db"), place.join("store.db")).unwrap();
    }
    let server = Server::start(V3, &place);
    let ours = median((0..5).map(|_| best(&server.uri())).collect());
    let told = V3.run(ASK, &[&server.uri()]);
    let times: Vec<f64> = told.split_whitespace().map(|time| time.parse().unwrap()).collect();
    println!(
        "  mltui best, 10,000 runs on a server {:.2} s; the server takes {:.2} s for a page of 100, and {:.1} s to sort by the metric",
        ours, times[0], times[1]
    );
}
