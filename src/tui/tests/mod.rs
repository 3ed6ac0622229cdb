//! Whole visits without a terminal: messages in, state, effects and screens out.

mod apart;
mod charts;
mod choosing;
mod columns;
mod compared;
mod comparing;
mod data_sets;
mod ensembles;
mod glances;
mod going_on;
mod hostile;
mod listing;
mod previews;
mod promoting;
mod ranking;
mod registered;
mod registry;
mod registry_seen;
mod replay;
mod screens;
mod searching;
mod selecting;
mod sweep_list;
mod sweep_plans;
mod sweep_screens;
mod sweeping;
mod table;
mod themes;
mod told;
mod views;
mod visits;
mod writes;

use std::collections::HashMap;
use std::sync::Arc;

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::catalog::Builder;
use crate::catalog::sync::Snapshot;
use crate::catalog::view::{LineKey, project};
use crate::compare::Comparison;
use crate::compare::importance::matters;
use crate::config::{Glyphs, Palette};
use crate::mlflow::{
    ArtifactFile, Experiment, ExperimentId, LifecycleStage, Metric, MetricPoint, Param, Run, RunId, RunInfo,
    RunStatus, Summary, Tag,
};
use crate::store::batch::whole_runs;
use crate::store::{ArtifactList, Capabilities, ErrorKind, HistoryCursor, HistoryPart, RunCount, StoreError};
use crate::text;
use crate::tui::core::app::{App, Setup};
use crate::tui::core::draw::draw;
use crate::tui::core::effect::{Effect, Shell};
use crate::tui::core::keymap::{Keymap, parse_keys};
use crate::tui::core::memory::UiMemory;
use crate::tui::core::msg::Msg;
use crate::tui::core::remote::Ticket;
use crate::tui::core::update::update;
use crate::tui::features::charts::histories::HistoryRequest;
use crate::tui::features::charts::pictures::Pictures;
use crate::tui::features::details::glance::{GlanceAt, Glanced};
use crate::tui::features::details::preview::Preview;
use crate::tui::features::runs::effects::Projecting;
use crate::tui::features::{self, best, compare, details, experiments, export, runs, session, sweeps};
use crate::tui::widgets::theme::{Abilities, Theme};

/// 2026-11-23 12:00 UTC.
const NOW: i64 = 1_795_435_200_000;

fn app(size: (u16, u16)) -> App {
    App::new(Setup {
        store: "sqlite:////data/mlflow.db".into(),
        absent: None,
        capabilities: Capabilities::DATABASE,
        read_only: false,
        poll_seconds: 2.0,
        glyphs: Glyphs::Unicode,
        experiment: None,
        keymap: Keymap::defaults(),
        profiles: Vec::new(),
        profile: None,
        workspace: None,
        page: None,
        selecting: crate::config::Selecting::default(),
        sweeps: crate::tui::features::sweeps::Sweeps::default(),
        policies: std::collections::HashMap::new(),
        user: "ana".into(),
        columns: Vec::new(),
        views: crate::tui::features::runs::views::NamedViews::default(),
        memory: UiMemory::default(),
        size,
        now: NOW,
    })
}

fn experiment(id: &str, name: &str) -> Experiment {
    Experiment {
        experiment_id: id.into(),
        name: name.into(),
        artifact_location: format!("/data/mlruns/{id}"),
        lifecycle_stage: LifecycleStage::Active,
        creation_time: Some(NOW),
        last_update_time: Some(NOW),
        tags: Vec::new(),
    }
}

fn run(number: usize) -> Run {
    let status = [RunStatus::Finished, RunStatus::Running, RunStatus::Failed, RunStatus::Killed][number % 4];
    let rmse = if number % 7 == 5 { f64::NAN } else { 0.5 + (number * 37 % 100) as f64 / 100.0 };
    let metric = |key: &str, value| Metric { key: key.into(), value, timestamp: NOW, step: 9 };
    Run {
        info: RunInfo {
            run_id: RunId(format!("{number:032x}")),
            experiment_id: "1".into(),
            run_name: match number {
                3 => "日本語-run-\u{1f680}".into(),
                4 => "\u{1b}[1m\u{202e}x".into(),
                _ => format!("calm-ibis-{number}"),
            },
            user_id: "ana".into(),
            status,
            start_time: Some(NOW - 60_000 * (100 - number as i64)),
            end_time: (!status.is_active()).then_some(NOW - 1_000),
            lifecycle_stage: LifecycleStage::Active,
            artifact_uri: format!("/data/mlruns/1/{number:032x}/artifacts"),
        },
        metrics: if number == 6 {
            Vec::new()
        } else {
            vec![metric("train_loss", 0.1), metric("val_rmse", rmse)]
        },
        params: vec![
            Param::new("family", ["tree", "forest"][number % 2]),
            Param::new("lr", format!("1e-{}", number % 5)),
        ],
        tags: vec![Tag::new("mlflow.user", "ana"), Tag::new("team", "red")],
        inputs: Vec::new(),
        model_outputs: Vec::new(),
    }
}

/// Answers an effect as a store with these runs would; what takes time elsewhere happens at once.
fn answer(effect: Effect, runs: &[Run]) -> Vec<Msg> {
    match effect {
        Effect::Experiments(experiments::effects::Effect::Load) => vec![
            Msg::from(experiments::Msg::Listed {
                result: Ok((vec![experiment("1", "wine"), experiment("0", "Default")], Some("1".into()))),
                retry_ms: 2_000,
            }),
            Msg::from(experiments::Msg::Counted(Some(HashMap::from([(
                ExperimentId::from("1"),
                RunCount { active: runs.len() as u64, ..RunCount::default() },
            )])))),
        ],
        Effect::Runs(runs::effects::Effect::Watch { ticket, .. }) => {
            vec![snapshot(ticket, runs), polled(ticket)]
        }
        Effect::Runs(runs::effects::Effect::Project(request)) => {
            let telling = request.telling();
            let Projecting { ticket, catalog, complete, view, under_cursor, now, .. } = request;
            let projection = project(&catalog, &view, now);
            let position =
                under_cursor.and_then(|(picked, near)| projection.position(&catalog, &picked, near));
            vec![Msg::from(runs::Msg::Projected {
                ticket,
                catalog,
                complete,
                view,
                projection: Arc::new(projection),
                position,
                telling,
            })]
        }
        Effect::Runs(runs::effects::Effect::ReadSparks { ticket, ids, key }) => {
            let points = |falling: f64| {
                (0..24)
                    .map(|step| MetricPoint {
                        step,
                        timestamp: NOW,
                        value: 1.0 + falling / (step + 1) as f64,
                    })
                    .collect()
            };
            vec![Msg::from(runs::Msg::Sparks {
                ticket,
                key,
                histories: ids.into_iter().map(|id| (id, points(1.0))).collect(),
            })]
        }
        Effect::Best(effect) => answer_best(effect, runs),
        Effect::Compare(compare::effects::Effect::Load { ticket, runs: wanted, .. }) => {
            let found = runs.iter().filter(|run| wanted.iter().any(|it| it.run == run.info.run_id));
            let mut builder = Builder::default();
            builder.fold_changes(&whole_runs(found));
            let catalog = Arc::new(builder.snapshot());
            let gathered = compare::effects::Gathered { catalog, ..Default::default() };
            vec![Msg::from(compare::Msg::Loaded { ticket, result: Ok(gathered) })]
        }
        Effect::Compare(compare::effects::Effect::Compare { ticket, catalog, rows, is_grouped, now }) => {
            let comparison = Arc::new(Comparison::new(
                catalog,
                &rows,
                is_grouped,
                now,
                &crate::select::Patterns::default(),
            ));
            vec![Msg::from(compare::Msg::Compared { ticket, comparison })]
        }
        Effect::Compare(compare::effects::Effect::Weigh { ticket, comparison, metric, now }) => {
            let matters = matters(&comparison, &metric, now);
            vec![Msg::from(compare::Msg::Weighed { ticket, matters })]
        }
        Effect::Compare(compare::effects::Effect::Summarise { ticket, part, wanted, .. }) => {
            let summary = |run: &RunId, key: &str| {
                let of = |metric: &&Metric| metric.key == key;
                let latest = runs.iter().find(|known| known.info.run_id == *run)?.metrics.iter().find(of)?;
                Some((run.clone(), Summary::of_part(history(latest), part)?))
            };
            let read = wanted.into_iter().map(|wanted| {
                let summaries = wanted.runs.iter().filter_map(|(run, _)| summary(run, &wanted.key)).collect();
                (wanted, summaries)
            });
            vec![Msg::from(compare::Msg::Summarised { ticket, part, result: Ok(read.collect()) })]
        }
        Effect::Charts(features::charts::effects::Effect::Read(wants)) => {
            wants.into_iter().map(|want| read(want, runs)).collect()
        }
        Effect::Charts(features::charts::effects::Effect::Rank { ticket, catalog, projection, keys }) => {
            let values = features::charts::standing::values(&catalog, &projection, &keys);
            vec![Msg::from(features::charts::Msg::Ranked { ticket, values })]
        }
        Effect::Details(effect) => answer_details(effect, runs),
        _ => Vec::new(),
    }
}

fn answer_best(effect: best::effects::Effect, runs: &[Run]) -> Vec<Msg> {
    match effect {
        best::effects::Effect::Select { ticket, catalog, tags, chosen, ancestors, among } => {
            let (chosen, patterns) = (chosen.map(|chosen| *chosen), crate::select::Patterns::default());
            let of = among.as_ref().and_then(|lines| lines.passed.as_ref());
            vec![best::choose(ticket, catalog, chosen, &tags, &patterns, &ancestors, of).into()]
        }
        best::effects::Effect::ReadTrends { ticket, ids, key } => {
            let of = |id: &RunId| {
                let run = runs.iter().find(|run| run.info.run_id == *id)?;
                Some(history(run.metrics.iter().find(|metric| metric.key == key)?))
            };
            let points =
                ids.into_iter().filter_map(|id| Some((of(&id)?, id))).map(|(points, id)| (id, points));
            let trends = best::leaderboard::Trends::new(key.clone(), points.collect());
            vec![Msg::from(best::Msg::Trends { ticket, trends })]
        }
        best::effects::Effect::ReadAncestors { experiment, runs: asked } => {
            let mut builder = Builder::default();
            builder.fold_changes(&whole_runs(runs.iter().filter(|run| asked.contains(&run.info.run_id))));
            vec![Msg::from(best::Msg::Ancestors {
                experiment,
                asked,
                result: Ok(Arc::new(builder.snapshot())),
            })]
        }
        _ => Vec::new(),
    }
}

fn answer_details(effect: details::effects::Effect, runs: &[Run]) -> Vec<Msg> {
    match effect {
        details::effects::Effect::LoadRun { ticket, id } => {
            let found = runs.iter().find(|run| run.info.run_id == id).cloned();
            let missing = || StoreError::new("read the run", ErrorKind::NotFound("it is gone".into()));
            vec![Msg::from(details::Msg::Run { ticket, result: found.map(Box::new).ok_or_else(missing) })]
        }
        details::effects::Effect::ListArtifacts { id, path, ticket } => {
            let result = Ok(folder(&path));
            vec![Msg::from(details::Msg::Artifacts { run: id, ticket, path, result })]
        }
        details::effects::Effect::Preview { id, path, ticket, .. } => {
            let content = b"step,loss\n1,0.5\n2,0.25\n".to_vec();
            vec![Msg::from(details::Msg::Preview {
                run: id,
                ticket,
                result: Ok(Preview::of(&path, content)),
                path,
            })]
        }
        details::effects::Effect::Glance { id, path, ticket, what, .. } => {
            let result = Ok(match what {
                GlanceAt::Folder => Glanced::Folder(folder(&path)),
                GlanceAt::File(_) => {
                    Glanced::File(Preview::of(&path, b"step,loss\n1,0.5\n2,0.25\n".to_vec()))
                }
            });
            vec![Msg::from(details::Msg::Glance { run: id, ticket, result, path })]
        }
        details::effects::Effect::LoadModels { .. } | details::effects::Effect::DropGlance => Vec::new(),
    }
}

/// What is in a folder of each run.
fn folder(path: &str) -> ArtifactList {
    let file = |path: &str, size| ArtifactFile {
        path: path.into(),
        is_dir: size == 0,
        file_size: (size > 0).then_some(size),
    };
    let files = match path {
        "" => vec![file("metrics.csv", 1_234), file("model", 0)],
        "model" => vec![file("model/MLmodel", 560), file("model/model.pkl", 91_000)],
        _ => Vec::new(),
    };
    ArtifactList { files, is_cut: false }
}

/// A history: forty steps down to the latest value.
fn history(latest: &Metric) -> Vec<MetricPoint> {
    let point = |step: i64, latest: f64| MetricPoint {
        step,
        timestamp: NOW - 1_000 * (39 - step),
        value: if step % 17 == 11 { f64::NAN } else { latest + 1.0 / (step + 1) as f64 - 1.0 / 40.0 },
    };
    // Gone on with from an earlier step, logged once, and logged often without a step.
    if latest.key.starts_with("resumed") {
        let pass = |steps: std::ops::Range<i64>, later: i64| {
            steps.map(move |step| MetricPoint { timestamp: NOW + later + step, ..point(step, 1.0) })
        };
        let mut points: Vec<MetricPoint> = pass(0..30, 0).chain(pass(10..40, 1_000)).collect();
        points.sort_by_key(|point| point.step);
        points
    } else if latest.key.starts_with("once") && latest.step == 0 {
        vec![MetricPoint { step: 0, timestamp: NOW, value: latest.value }]
    } else if latest.key.starts_with("stepless") {
        (0..40).map(|step| MetricPoint { step: 0, ..point(step, latest.value) }).collect()
    } else {
        (0..40).map(|step| point(step, latest.value)).collect()
    }
}

fn read(want: HistoryRequest, runs: &[Run]) -> Msg {
    let run = runs.iter().find(|run| run.info.run_id == want.of.run);
    let latest = run.and_then(|run| run.metrics.iter().find(|metric| metric.key == want.of.key));
    let points: Vec<MetricPoint> = latest.map(history).unwrap_or_default();
    features::charts::Msg::History {
        request: want,
        result: Ok(HistoryPart { points, replaces: true, cursor: HistoryCursor::START }),
    }
    .into()
}

fn polled(ticket: Ticket) -> Msg {
    runs::Msg::Polled { ticket, touched: false, took: 1 }.into()
}

fn snapshot(ticket: Ticket, runs: &[Run]) -> Msg {
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(runs));
    runs::Msg::Snapshot {
        ticket,
        snapshot: Snapshot { catalog: Arc::new(builder.snapshot()), complete: true },
    }
    .into()
}

/// Feeds a message and everything that comes of it.
fn feed(app: &mut App, msg: impl Into<Msg>, runs: &[Run]) {
    let mut queue = vec![msg.into()];
    while let Some(msg) = queue.pop() {
        for effect in take(app, msg) {
            queue.extend(answer(effect, runs).into_iter().rev());
        }
    }
    take(app, Msg::Frame);
}

/// A message, now.
fn take(app: &mut App, msg: impl Into<Msg>) -> Vec<Effect> {
    let now = app.now;
    update(app, msg.into().at(now))
}

fn keys(app: &mut App, keys: &str, runs: &[Run]) {
    for event in parse_keys(keys).expect(keys) {
        feed(app, Msg::Key(event), runs);
    }
}

fn click(x: usize, y: usize) -> Msg {
    Msg::Mouse(MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: x as u16,
        row: y as u16,
        modifiers: KeyModifiers::NONE,
    })
}

/// Where words stand on the screen.
fn place(app: &App, words: &str) -> (usize, usize) {
    let text = drawn(app);
    let (y, line) = text.lines().enumerate().find(|(_, line)| line.contains(words)).expect(words);
    // The printed backend quotes its lines: one character before the first cell.
    (line[..line.find(words).unwrap()].chars().count() - 1, y)
}

/// An explorer that shows so many runs.
fn opened(size: (u16, u16), count: usize) -> (App, Vec<Run>) {
    let runs: Vec<Run> = (0..count).map(run).collect();
    (opened_with(size, &runs), runs)
}

/// The same with these runs.
fn opened_with(size: (u16, u16), runs: &[Run]) -> App {
    let mut app = app(size);
    for msg in answer(Effect::Experiments(experiments::effects::Effect::Load), runs) {
        feed(&mut app, msg, runs);
    }
    app
}

fn screen(app: &App, theme: &Theme) -> Terminal<TestBackend> {
    screen_with(&mut Pictures::default(), app, theme)
}

/// The same with pictures of before.
fn screen_with(pictures: &mut Pictures, app: &App, theme: &Theme) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(app.size.0, app.size.1)).unwrap();
    pictures.prepare(app);
    terminal.draw(|frame| draw(app, pictures, theme, frame)).unwrap();
    terminal
}

const TERMINAL: Abilities = Abilities { truecolor: false, indexed: true, light: None };

fn theme() -> Theme {
    Theme::new(true, Palette::Sixteen, TERMINAL, Glyphs::Unicode)
}

fn drawn(app: &App) -> String {
    screen(app, &theme()).backend().to_string()
}

/// The names of the runs in the table, in their order.
fn names(app: &App) -> Vec<String> {
    let rows = (0..app.runs.length()).filter_map(|at| app.runs.projection.row(at));
    rows.map(|row| app.runs.catalog.run_name(row).to_owned()).collect()
}
