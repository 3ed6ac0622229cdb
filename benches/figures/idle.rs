//! What it costs to keep the explorer open: idle on a file and on a server, until a new run is seen, and over a day.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mltui::catalog::sync::Sync;
use mltui::catalog::view::project;
use mltui::config::{Glyphs, Palette};
use mltui::mlflow::{Experiment, ExperimentId, LifecycleStage, Metric, RunStatus, Tag};
use mltui::store::uri::RestOptions;
use mltui::store::{NewRun, RunUpdate, Store, uri};
use mltui::tui::core::app::{App, Setup};
use mltui::tui::core::effect::Effect;
use mltui::tui::core::keymap::Keymap;
use mltui::tui::core::memory::UiMemory;
use mltui::tui::core::msg::Msg;
use mltui::tui::core::update::update;
use mltui::tui::features::runs::effects::Projecting;
use mltui::tui::features::{experiments, runs};
use mltui::tui::widgets::theme::{Abilities, Theme};
use ratatui::Terminal as Screen;
use ratatui::backend::TestBackend;

use crate::keys::Visit;
use crate::stores;
use crate::support::proxy::Proxy;
use crate::support::terminal::Terminal;
use crate::support::{Server, V3};

pub const WATCHED: Duration = Duration::from_secs(20);

/// Seconds of processor time that a process has used.
fn processor_time(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

/// The same of a process and all that it started, and that these started.
pub fn processor_time_of_all(process: u32) -> f64 {
    let parent = |id: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
    };
    let all: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .filter_map(|id| Some((id, parent(id)?)))
        .collect();
    let (mut known, mut at) = (vec![process], 0);
    while let Some(next) = known.get(at).copied() {
        known.extend(all.iter().filter(|(_, parent)| *parent == next).map(|(id, _)| *id));
        at += 1;
    }
    known.into_iter().map(processor_time).sum()
}

/// Percent of a core over a while.
pub fn load(terminal: &Terminal) -> f64 {
    let before = processor_time(terminal.process_id());
    std::thread::sleep(WATCHED);
    (processor_time(terminal.process_id()) - before) / WATCHED.as_secs_f64() * 100.0
}

pub fn idle(folder: &Path) {
    println!("\nidle, polling every 2 s, over {} s", WATCHED.as_secs());
    let visit = Visit::new(&stores::make(folder, 100_000, 1), &[]);
    visit.terminal.wait_closely(|screen| screen.contains("100,000 runs · newest first"));
    std::thread::sleep(Duration::from_secs(2));
    println!("  100,000 runs in a file          {:.2} % of a core (bar 1)", load(&visit.terminal));
    drop(visit);
    let home = folder.join("server");
    std::fs::create_dir_all(&home).unwrap();
    if !home.join("store.db").exists() {
        std::fs::copy(stores::make(folder, 10_000, 1), home.join("store.db")).unwrap();
    }
    let server = Server::start(V3, &home);
    let proxy = Proxy::start(server.port);
    let own = tempfile::tempdir().unwrap();
    let terminal = Terminal::start(own.path(), (200, 50), &["--tracking-uri", &proxy.uri()], &[]);
    terminal.wait_until("all runs", |terminal| terminal.screen().contains("10,000 runs · newest first"));
    std::thread::sleep(Duration::from_secs(5));
    let before = proxy.passed();
    let load = load(&terminal);
    let after = proxy.passed();
    let polls = WATCHED.as_secs_f64() / 2.0;
    println!(
        "  10,000 runs on a server         {load:.2} % of a core (bar 1); {:.1} KB and {:.1} requests a poll (bar 50 KB)",
        (after.0 - before.0) as f64 / 1e3 / polls,
        (after.1 - before.1) as f64 / polls,
    );
}

const LOG: &str = r#"
import mlflow, sys, time
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("arrivals")
mlflow.end_run()
with mlflow.start_run(run_name="settled"):
    mlflow.log_metric("loss", 1.0)
for i in range(int(sys.argv[2])):
    time.sleep(1.3)
    with mlflow.start_run(run_name=f"arrival-{i:02}"):
        pass
    with open(sys.argv[3], "a") as file:
        file.write(f"{time.time()}\n")
"#;

/// From the end of a run's logging in Python to its row on the screen.
pub fn arrivals() {
    const RUNS: usize = 8;
    println!("\na run logged by Python, from the end of its last call to its row, {RUNS} runs");
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let server = Server::start(V3, folder.path());
    for (what, address, bar) in
        [("file", file, "bar 300 ms"), ("server, polled every 1 s", server.uri(), "bar 1,100 ms")]
    {
        let times = folder.path().join(format!("times-{}", what.len()));
        let logging = V3.spawn(LOG, &[&address, &RUNS.to_string(), times.to_str().unwrap()]);
        let home = tempfile::tempdir().unwrap();
        let variables = [("MLTUI_POLL_INTERVAL", "1"), ("MLFLOW_EXPERIMENT_NAME", "arrivals")];
        // The experiment has to be there before it can be opened.
        std::thread::sleep(Duration::from_secs(8));
        let terminal = Terminal::start(home.path(), (120, 40), &["--tracking-uri", &address], &variables);
        terminal.wait_until("the table", |terminal| terminal.screen().contains("settled"));
        let now =
            || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let first = (0..RUNS).find(|i| !terminal.screen().contains(&format!("arrival-{i:02}"))).unwrap_or(0);
        let mut seen = Vec::new();
        for i in first..RUNS {
            terminal.wait_closely(|screen| screen.contains(&format!("arrival-{i:02}")));
            seen.push((i, now()));
        }
        logging.wait();
        let logged: Vec<f64> =
            std::fs::read_to_string(&times).unwrap().lines().map(|line| line.parse().unwrap()).collect();
        let waits: Vec<f64> = seen.iter().map(|(i, time)| (time - logged[*i]).max(0.0) * 1e3).collect();
        let longest = waits.iter().copied().fold(0.0, f64::max);
        println!("  {what:<26} median {:.0} ms, longest {longest:.0} ms ({bar})", crate::median(waits));
    }
}

/// Eight hours in which ten runs a minute arrive, in simulated time: polls, projections and frames one after another.
pub fn day() {
    println!("\neight hours, ten runs a minute, a poll every 2 s (simulated time)");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let runtime = mltui::tui::tokio_runtime().unwrap();
    // Somebody else logs: what that takes is not ours.
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .arg("day-writer")
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut orders = writer.stdin.take().unwrap();
    let mut answers = BufReader::new(writer.stdout.take().unwrap()).lines();
    let experiment = ExperimentId(answers.next().unwrap().unwrap());
    let store = open(&path);
    let mut app = App::new(Setup {
        store: "a file".into(),
        absent: None,
        capabilities: mltui::store::Capabilities::DATABASE,
        read_only: false,
        poll_seconds: 2.0,
        glyphs: Glyphs::Unicode,
        experiment: None,
        keymap: Keymap::defaults(),
        profiles: Vec::new(),
        profile: None,
        workspace: None,
        page: None,
        selecting: mltui::config::Selecting::default(),
        sweeps: mltui::tui::features::sweeps::Sweeps::default(),
        policies: std::collections::HashMap::new(),
        columns: Vec::new(),
        user: "ana".into(),
        views: mltui::tui::features::runs::views::NamedViews::default(),
        memory: UiMemory::default(),
        size: (200, 50),
        now: 0,
    });
    let mut screen = Screen::new(TestBackend::new(200, 50)).unwrap();
    let mut pictures = mltui::tui::features::charts::pictures::Pictures::default();
    let theme = Theme::new(
        true,
        Palette::Dark,
        Abilities { truecolor: true, indexed: true, light: None },
        Glyphs::Unicode,
    );
    feed(
        &mut app,
        Msg::Experiments(experiments::Msg::Listed {
            result: Ok((vec![listed(&experiment)], Some(experiment.clone()))),
            retry_ms: 2_000,
        }),
    );
    let scan = mltui::store::Scan { experiment_id: experiment.clone(), ..crate::scan(100) };
    let mut sync = Sync::new(store.clone(), scan);
    let begin = Instant::now();
    let mut at_hour = Vec::new();
    runtime.block_on(sync.load(|_| {})).unwrap();
    for minute in 0..8 * 60_i64 {
        writeln!(orders, "{minute}").unwrap();
        answers.next().unwrap().unwrap();
        // The other polls of the minute find nothing.
        for poll in 0..30 {
            let mut snapshots = Vec::new();
            runtime.block_on(sync.poll(&[], |snapshot| snapshots.push(snapshot))).unwrap();
            for snapshot in snapshots {
                let ticket = app.runs.newest.ticket();
                feed(&mut app, Msg::Runs(runs::Msg::Snapshot { ticket, snapshot }));
            }
            app.now = (minute * 60 + poll * 2) * 1000;
            feed(&mut app, Msg::Tick);
            if poll % 10 == 0 {
                pictures.prepare(&app);
                screen.draw(|frame| mltui::tui::core::draw::draw(&app, &pictures, &theme, frame)).unwrap();
            }
        }
        if (minute + 1) % 60 == 0 {
            at_hour.push(resident());
        }
    }
    drop(orders);
    writer.wait().unwrap();
    let rows = app.runs.length();
    println!(
        "  {rows} rows, in {:.0} s; resident after each hour: {} MB",
        begin.elapsed().as_secs_f64(),
        at_hour.iter().map(|mb| format!("{mb:.1}")).collect::<Vec<_>>().join(", ")
    );
    let grown = at_hour[7] - at_hour[0];
    println!(
        "  {:.2} MB an hour after the first, {:.1} kB a run",
        grown / 7.0,
        grown * 1e3 / (rows as f64 * 7.0 / 8.0)
    );
}

fn open(path: &Path) -> Store {
    let location = uri::parse(&format!("sqlite:///{}", path.display()), Path::new("/")).unwrap();
    uri::open(&location, &RestOptions::default(), false).unwrap()
}

/// The other side of [`day`]: logs ten runs for each line that it reads.
pub fn day_writer(path: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(path);
    let experiment = runtime.block_on(store.create_experiment("day", &[])).unwrap();
    println!("{experiment}");
    for line in std::io::stdin().lines() {
        let minute = line.unwrap().parse().unwrap();
        runtime.block_on(ten_runs(&store, &experiment, minute));
        println!("done");
    }
}

fn listed(id: &ExperimentId) -> Experiment {
    Experiment {
        experiment_id: id.clone(),
        name: "day".into(),
        artifact_location: String::new(),
        lifecycle_stage: LifecycleStage::Active,
        creation_time: None,
        last_update_time: None,
        tags: Vec::new(),
    }
}

/// A message, and the projections that come of it.
fn feed(app: &mut App, msg: Msg) {
    let mut queue = vec![msg];
    while let Some(msg) = queue.pop() {
        let now = app.now;
        for effect in update(app, msg.at(now)) {
            if let Effect::Runs(runs::effects::Effect::Project(request)) = effect {
                let telling = request.telling();
                let Projecting { ticket, catalog, complete, view, under_cursor, now, .. } = request;
                let projection = project(&catalog, &view, now);
                let position =
                    under_cursor.and_then(|(picked, near)| projection.position(&catalog, &picked, near));
                let projection = Arc::new(projection);
                queue.push(Msg::Runs(runs::Msg::Projected {
                    ticket,
                    catalog,
                    complete,
                    view,
                    projection,
                    position,
                    telling,
                }));
            }
        }
    }
}

async fn ten_runs(store: &Store, experiment: &ExperimentId, minute: i64) {
    for i in 0..10 {
        let run = NewRun {
            experiment_id: experiment.clone(),
            run_name: None,
            user_id: "ana".into(),
            start_time: minute * 60_000 + i,
            tags: vec![Tag::new("batch", minute.to_string())],
        };
        let id = store.create_run(&run).await.unwrap().info.run_id;
        let metrics: Vec<Metric> = (0..5)
            .map(|step| Metric { key: format!("m{step}"), value: step as f64, timestamp: minute, step })
            .collect();
        store.log_batch(&id, &metrics, &[], &[]).await.unwrap();
        let end = RunUpdate {
            status: Some(RunStatus::Finished),
            end_time: Some(minute * 60_000 + 1_000),
            ..RunUpdate::default()
        };
        store.update_run(&id, &end).await.unwrap();
    }
}

/// Resident memory, in megabytes.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: f64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096.0 / 1e6
}
