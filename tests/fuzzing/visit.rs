//! An explorer with the store that it believes to have: hostile names, values at the ends of what there is, and an error
//! now and then.

use std::sync::Arc;

use mltui::catalog::sync::Snapshot;
use mltui::catalog::view::project;
use mltui::catalog::{Builder, Catalog};
use mltui::compare::Comparison;
use mltui::compare::importance::matters;
use mltui::config::{Glyphs, Palette, Selecting};
use mltui::marking::{MarkPlan, Model, Record};
use mltui::mlflow::{
    ArtifactFile, Experiment, LifecycleStage, Metric, MetricPoint, ModelOutput, Param, Run, RunId, RunInfo,
    RunStatus, Tag,
};
use mltui::select::Patterns;
use mltui::store::batch::whole_runs;
use mltui::store::{ArtifactList, Capabilities, ErrorKind, HistoryCursor, HistoryPart, StoreError};
use mltui::sweep::engine::rules::Mode;
use mltui::sweep::planned::PlannedSweep;
use mltui::sweep::request::SweepRequest;
use mltui::text::clean;
use mltui::tui::Keymap;
use mltui::tui::core::app::{App, Setup};
use mltui::tui::core::draw::draw;
use mltui::tui::core::effect::Effect;
use mltui::tui::core::memory::UiMemory;
use mltui::tui::core::msg::Msg;
use mltui::tui::core::remote::Ticket;
use mltui::tui::core::update::update;
use mltui::tui::features::charts::pictures::Pictures;
use mltui::tui::features::details::glance::{GlanceAt, Glanced};
use mltui::tui::features::details::preview::Preview;
use mltui::tui::features::runs::effects::Projecting;
use mltui::tui::features::sweeps::{StartedSweep, Sweeps};
use mltui::tui::features::{best, charts, compare, details, experiments, export, runs, sweeps};
use mltui::tui::widgets::theme::{Abilities, Theme};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

pub const NOW: i64 = 1_795_435_200_000;
pub const NAMES: [&str; 14] = [
    "calm-ibis",
    "",
    " ",
    "日本語-run-\u{1f680}",
    "\u{1b}[31m\u{9b}2J\u{202e}",
    "a\nb\tc",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{0}",
    "\u{feff}\u{ad}",
    "/",
    "..",
    "%s\\",
    "a/b/c",
];
pub const NUMBERS: [f64; 12] = [
    0.5,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    5e-324,
    -0.0,
    1e-17,
    123_456_789.0,
    0.25,
    0.1,
];
pub const TIMES: [i64; 8] = [NOW - 60_000, i64::MIN, i64::MAX, 0, -1, NOW, NOW + 1_000_000, NOW - 86_400_000];

pub fn run(number: usize) -> Run {
    let pick = |at: usize| NAMES[(number + at) % NAMES.len()];
    let number_at = |at: usize| NUMBERS[(number * 5 + at) % NUMBERS.len()];
    let status =
        [RunStatus::Finished, RunStatus::Running, RunStatus::Failed, RunStatus::Killed, RunStatus::Scheduled]
            [number % 5];
    let keys = ["rmse", "val_loss", "\u{1b}[1m", "", "日本語"];
    let metrics = keys.iter().enumerate().filter(|(at, _)| (number + at) % 4 != 3);
    let mut tags =
        vec![Tag::new("team", pick(4)), Tag::new("mlflow.note.content", pick(5)), Tag::new(pick(6), pick(7))];
    if number % 4 == 3 {
        // Some are their own ancestors.
        tags.push(Tag::new(
            "mlflow.parentRunId",
            format!("{:032x}", [number - 1, number, 999, number + 4][number / 4 % 4]),
        ));
    }
    Run {
        info: RunInfo {
            run_id: RunId(format!("{number:032x}")),
            experiment_id: "1".into(),
            run_name: pick(0).into(),
            user_id: pick(1).into(),
            status,
            start_time: (number % 9 != 8).then_some(TIMES[number % TIMES.len()]),
            end_time: (!status.is_active()).then_some(TIMES[(number + 3) % TIMES.len()]),
            lifecycle_stage: if number % 11 == 10 { LifecycleStage::Deleted } else { LifecycleStage::Active },
            artifact_uri: pick(2).into(),
        },
        metrics: metrics
            .map(|(at, key)| Metric {
                key: (*key).into(),
                value: number_at(at),
                timestamp: TIMES[number % 8],
                step: i64::MAX,
            })
            .collect(),
        params: vec![
            Param::new("family", ["tree", "forest"][number % 2]),
            Param::new("lr", number_at(3).to_string()),
            Param::new("seed", number.to_string()),
            Param::new(pick(3), pick(4)),
        ],
        tags,
        inputs: Vec::new(),
        model_outputs: (0..number % 3)
            .map(|at| ModelOutput { model_id: format!("m-{at}").as_str().into(), step: 0 })
            .collect(),
    }
}

fn experiment(id: &str, name: &str) -> Experiment {
    Experiment {
        experiment_id: id.into(),
        name: name.into(),
        artifact_location: "/x".into(),
        lifecycle_stage: LifecycleStage::Active,
        creation_time: Some(i64::MAX),
        last_update_time: None,
        tags: vec![Tag::new("mltui.primary_metric", "rmse"), Tag::new("team", NAMES[4])],
    }
}

pub fn error() -> StoreError {
    StoreError::new(NAMES[4], ErrorKind::Unreachable(NAMES[5].repeat(50)))
}

pub fn experiments(count: u8) -> Msg {
    let all = [("1", "wine"), ("2", NAMES[4]), ("0", "Default")];
    let all = all.iter().take(count.into()).map(|(id, name)| experiment(id, name));
    Msg::Experiments(experiments::Msg::Listed {
        result: Ok((all.collect(), Some("1".into()))),
        retry_ms: 2_000,
    })
}

fn points(run: &RunId) -> Vec<MetricPoint> {
    let number = run.as_str().bytes().map(usize::from).sum::<usize>();
    let point = |at: usize| MetricPoint {
        step: if at == 19 && number.is_multiple_of(3) { i64::MAX } else { at as i64 },
        timestamp: TIMES[(at + number) % TIMES.len()],
        value: NUMBERS[(at * number) % NUMBERS.len()],
    };
    (0..[0, 1, 20][number % 3]).map(point).collect()
}

fn artifacts(folder: &str) -> ArtifactList {
    let file = |name: &str, size: u64| ArtifactFile {
        path: if folder.is_empty() { name.into() } else { format!("{folder}/{name}") },
        is_dir: size == 0,
        file_size: (size > 0).then_some(size),
    };
    let mut files =
        vec![file("metrics.csv", 9), file("model", 0), file(NAMES[4], u64::MAX), file(NAMES[3], 0)];
    files.truncate(if folder.len() > 40 { 0 } else { 4 });
    ArtifactList { files, is_cut: folder.len() > 20 }
}

fn or_error(fails: bool) -> Result<(), StoreError> {
    if fails { Err(error()) } else { Ok(()) }
}

/// What somebody asked for, of the store or of this machine.
fn answer_to_a_person(effect: Effect, fails: bool) -> Vec<Msg> {
    match effect {
        Effect::Experiments(experiments::effects::Effect::Write(write)) => {
            vec![Msg::Experiments(experiments::Msg::Written { write, result: or_error(fails) })]
        }
        Effect::Experiments(experiments::effects::Effect::CountRuns(id)) => {
            let runs = or_error(fails).map(|()| (40, true));
            vec![Msg::Experiments(experiments::Msg::RunsFound { id, runs })]
        }
        Effect::Experiments(experiments::effects::Effect::Create(name)) => {
            let result = or_error(fails).map(|()| "7".into());
            vec![Msg::Experiments(experiments::Msg::Created { name, result, holder: None })]
        }
        Effect::Best(best::effects::Effect::Mark(request)) => {
            let champion = Some(best::Champion { run: request.run, holds: true });
            let marked = best::Marked { champion, messages: vec![NAMES[4].into()] };
            vec![Msg::Best(best::Msg::Marked(Ok(marked)))]
        }
        Effect::Runs(runs::effects::Effect::Write(write)) => {
            vec![Msg::Runs(runs::Msg::Written { write, result: or_error(fails) })]
        }
        Effect::Best(best::effects::Effect::PlanMark(request)) => {
            let model = Model {
                name: NAMES[4].into(),
                source: NAMES[5].into(),
                why: NAMES[3].repeat(30),
                ..Model::default()
            };
            let record = Record {
                run_id: request.run.0.clone(),
                run_name: NAMES[4].into(),
                metric: request.metric.clone(),
                value: request.value,
                why: NAMES[5].repeat(30),
                model: Some(model),
                note: Some(NAMES[6].into()),
                ..Record::default()
            };
            let writes = NAMES.map(str::to_owned).to_vec();
            let plan = MarkPlan { experiment: experiment("1", NAMES[4]), record, writes };
            let judged = NAMES.map(str::to_owned).to_vec();
            let preview = best::Preview { request: *request, plan, judged };
            vec![Msg::Best(best::Msg::Planned(or_error(fails).map(|()| Box::new(preview))))]
        }
        Effect::Sweeps(sweeps::effects::Effect::CheckPlan { ticket, .. }) => {
            let result = if fails { Err(NAMES[4].into()) } else { Ok(NAMES[3].repeat(40)) };
            vec![Msg::Sweeps(sweeps::Msg::Checked {
                ticket,
                columns: NAMES.map(str::to_owned).to_vec(),
                result,
            })]
        }
        Effect::Sweeps(sweeps::effects::Effect::ListData(folder)) => {
            vec![Msg::Sweeps(sweeps::Msg::DataListed { folder, entries: NAMES.map(str::to_owned).to_vec() })]
        }
        Effect::Sweeps(sweeps::effects::Effect::Train(training)) => {
            let began = StartedSweep {
                name: NAMES[4].into(),
                experiment: "1".into(),
                experiment_name: NAMES[3].into(),
                planned: PlannedSweep::Table(SweepRequest::default()),
                trials: Some(usize::MAX),
                metric: NAMES[4].into(),
                mode: Mode::Max,
            };
            drop(training);
            vec![Msg::Sweeps(sweeps::Msg::Trained(if fails {
                Err(NAMES[4].into())
            } else {
                Ok(Box::new(began))
            }))]
        }
        Effect::Sweeps(sweeps::effects::Effect::ReadLog(name)) => {
            vec![Msg::Sweeps(sweeps::Msg::Log { name, text: NAMES.join("\n") })]
        }
        Effect::Sweeps(
            effect @ (sweeps::effects::Effect::Follow { .. }
            | sweeps::effects::Effect::Describe { .. }
            | sweeps::effects::Effect::Weigh { .. }
            | sweeps::effects::Effect::FollowLog { .. }
            | sweeps::effects::Effect::FindScript { .. }
            | sweeps::effects::Effect::CheckCommand { .. }),
        ) => crate::sweeps::answer(effect, fails).into_iter().map(Msg::Sweeps).collect(),
        Effect::Models(effect) => vec![Msg::Models(crate::models::answer(effect, fails))],
        Effect::Sweeps(sweeps::effects::Effect::Steer { .. } | sweeps::effects::Effect::Ask { .. })
        | Effect::Export(export::effects::Effect::Save { .. }) => vec![Msg::Announcement(NAMES[4].into())],
        _ => Vec::new(),
    }
}

/// An explorer with the store that it believes to have.
pub struct Visit {
    app: App,
    pub runs: Vec<Run>,
    /// Of the runs that are watched.
    pub ticket: Ticket,
    theme: Theme,
    /// Counts the questions: some are answered with an error.
    asked: usize,
    /// Milliseconds since the epoch.
    pub now: i64,
}

impl Visit {
    pub fn new(size: (u16, u16), ascii: bool) -> Self {
        let glyphs = if ascii { Glyphs::Ascii } else { Glyphs::Unicode };
        let app = App::new(Setup {
            store: NAMES[4].into(),
            absent: None,
            capabilities: if ascii { Capabilities::SERVER } else { Capabilities::DATABASE },
            read_only: false,
            poll_seconds: 2.0,
            glyphs,
            experiment: None,
            keymap: Keymap::defaults(),
            profiles: vec![(NAMES[4].into(), NAMES[5].into()), ("b".into(), "http://b".into())],
            profile: None,
            workspace: None,
            page: Some("http://h".into()),
            selecting: Selecting::default(),
            sweeps: Sweeps::default(),
            policies: std::collections::HashMap::new(),
            columns: Vec::new(),
            user: NAMES[6].into(),
            views: runs::views::NamedViews::default(),
            memory: UiMemory::default(),
            size,
            now: NOW,
        });
        let terminal = Abilities { truecolor: false, indexed: true, light: None };
        let theme = Theme::new(!ascii, Palette::Sixteen, terminal, glyphs);
        let mut visit = Self {
            app,
            runs: (0..30).map(run).collect(),
            ticket: Ticket::default(),
            theme,
            asked: 1,
            now: NOW,
        };
        visit.feed(experiments(2));
        visit
    }

    fn catalog(&self, runs: impl IntoIterator<Item = RunId>) -> Arc<Catalog> {
        let runs: Vec<RunId> = runs.into_iter().collect();
        let mut builder = Builder::default();
        builder.fold_changes(&whole_runs(self.runs.iter().filter(|run| runs.contains(&run.info.run_id))));
        Arc::new(builder.snapshot())
    }

    pub fn all(&self) -> Arc<Catalog> {
        self.catalog(self.runs.iter().map(|run| run.info.run_id.clone()))
    }

    /// Feeds a message and all that comes of it.
    pub fn feed(&mut self, msg: Msg) {
        let mut queue = vec![msg];
        while let Some(msg) = queue.pop() {
            for effect in update(&mut self.app, msg.at(self.now)) {
                // All effects are written into the log.
                drop(format!("{effect:?}"));
                self.asked += 1;
                queue.extend(self.answer(effect).into_iter().rev());
            }
        }
        update(&mut self.app, Msg::Frame.at(self.now));
    }

    /// Answers as a store would, and at once.
    fn answer(&mut self, effect: Effect) -> Vec<Msg> {
        let fails = self.asked.is_multiple_of(13);
        match effect {
            Effect::Experiments(experiments::effects::Effect::Load) => vec![experiments(3)],
            Effect::Runs(runs::effects::Effect::Watch { ticket, .. }) => {
                self.ticket = ticket;
                let snapshot = Snapshot { catalog: self.all(), complete: !fails };
                vec![
                    Msg::Runs(runs::Msg::Snapshot { ticket, snapshot }),
                    Msg::Runs(runs::Msg::Polled { ticket, touched: fails, took: u64::MAX }),
                ]
            }
            Effect::Runs(runs::effects::Effect::Project(request)) => {
                let telling = request.telling();
                let Projecting { ticket, catalog, complete, view, under_cursor, now, .. } = request;
                let projection = project(&catalog, &view, now);
                let position =
                    under_cursor.and_then(|(picked, near)| projection.position(&catalog, &picked, near));
                vec![Msg::Runs(runs::Msg::Projected {
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
                let histories = ids.into_iter().map(|id| (id.clone(), points(&id))).collect();
                vec![Msg::Runs(runs::Msg::Sparks { ticket, key, histories })]
            }
            Effect::Best(best::effects::Effect::Select {
                ticket,
                catalog,
                tags,
                chosen,
                ancestors,
                among,
            }) => {
                let among = among.as_ref().and_then(|lines| lines.passed.as_ref());
                let chosen = chosen.map(|chosen| *chosen);
                vec![
                    best::choose(ticket, catalog, chosen, &tags, &Patterns::default(), &ancestors, among)
                        .into(),
                ]
            }
            Effect::Compare(compare::effects::Effect::Load { ticket, runs, .. }) => {
                let catalog = self.catalog(runs.into_iter().map(|it| it.row));
                let gathered = compare::effects::Gathered { catalog, ..Default::default() };
                vec![Msg::Compare(compare::Msg::Loaded {
                    ticket,
                    result: or_error(fails).map(|()| gathered),
                })]
            }
            Effect::Compare(compare::effects::Effect::Compare { ticket, catalog, rows, is_grouped, now }) => {
                vec![Msg::Compare(compare::Msg::Compared {
                    ticket,
                    comparison: Arc::new(Comparison::new(
                        catalog,
                        &rows,
                        is_grouped,
                        now,
                        &Patterns::default(),
                    )),
                })]
            }
            Effect::Compare(compare::effects::Effect::Weigh { ticket, comparison, metric, now }) => {
                let matters = matters(&comparison, &metric, now);
                vec![Msg::Compare(compare::Msg::Weighed { ticket, matters })]
            }
            Effect::Charts(charts::effects::Effect::Read(wants)) => {
                let part = |run: &RunId| HistoryPart {
                    points: points(run),
                    replaces: true,
                    cursor: HistoryCursor::START,
                };
                let read = wants.into_iter().map(|want| {
                    let result = or_error(fails).map(|()| part(&want.of.run));
                    Msg::Charts(charts::Msg::History { request: want, result })
                });
                read.collect()
            }
            Effect::Charts(charts::effects::Effect::Rank { ticket, catalog, projection, keys }) => {
                let values = charts::standing::values(&catalog, &projection, &keys);
                vec![Msg::Charts(charts::Msg::Ranked { ticket, values })]
            }
            Effect::Details(effect) => self.answer_details(effect, fails),
            effect => answer_to_a_person(effect, fails),
        }
    }

    fn answer_details(&self, effect: details::effects::Effect, fails: bool) -> Vec<Msg> {
        match effect {
            details::effects::Effect::LoadRun { ticket, id } => {
                let found = self.runs.iter().find(|run| run.info.run_id == id).filter(|_| !fails);
                vec![Msg::Details(details::Msg::Run {
                    ticket,
                    result: found.cloned().map(Box::new).ok_or_else(error),
                })]
            }
            details::effects::Effect::ListArtifacts { id, path, ticket } => {
                let list = artifacts(&path);
                vec![Msg::Details(details::Msg::Artifacts {
                    run: id,
                    ticket,
                    path,
                    result: or_error(fails).map(|()| list),
                })]
            }
            details::effects::Effect::Preview { id, path, ticket, .. } => {
                let content: &[u8] = b"step,loss\n1,0.5\n2,\x1b[2J\n";
                vec![Msg::Details(details::Msg::Preview {
                    run: id,
                    ticket,
                    result: or_error(fails).map(|()| Preview::of(&path, content.to_vec())),
                    path,
                })]
            }
            details::effects::Effect::Glance { id, path, what, ticket, .. } => {
                let seen = match what {
                    GlanceAt::Folder => Glanced::Folder(artifacts(&path)),
                    GlanceAt::File(_) => Glanced::File(Preview::of(&path, b"a,b\n1,\x1b[2J\n".to_vec())),
                };
                let result = or_error(fails).map(|()| seen);
                vec![Msg::Details(details::Msg::Glance { run: id, ticket, result, path })]
            }
            details::effects::Effect::DropGlance => Vec::new(),
            details::effects::Effect::LoadModels { id, models, ticket, .. } => {
                let models =
                    models.into_iter().enumerate().map(|(at, place)| crate::models::of_run(at, place));
                let result = or_error(fails).map(|()| models.collect());
                vec![Msg::Details(details::Msg::Models { run: id, ticket, result })]
            }
        }
    }

    pub fn draw(&self) {
        let (columns, rows) = self.app.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        let mut pictures = Pictures::default();
        pictures.prepare(&self.app);
        terminal.draw(|frame| draw(&self.app, &pictures, &self.theme, frame)).unwrap();
        for cell in terminal.backend().buffer().content() {
            let symbol = cell.symbol();
            assert!(clean(symbol) == symbol && symbol.chars().count() <= 8, "{symbol:?} is drawn");
        }
    }
}
