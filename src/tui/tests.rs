//! Whole visits without a terminal: messages in, state, effects and screens out.

use std::collections::HashMap;
use std::sync::Arc;

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::action::ACTIONS;
use super::app::{App, Connection, Focus, Setup};
use super::draw::draw;
use super::effect::Effect;
use super::keymap::parse_keys;
use super::msg::Msg;
use super::theme::Theme;
use super::update::update;
use crate::catalog::Builder;
use crate::catalog::search::containing;
use crate::catalog::sort::project;
use crate::catalog::sync::Snapshot;
use crate::config::Glyphs;
use crate::mlflow::{
    Experiment, ExperimentId, LifecycleStage, Metric, MetricPoint, Param, Run, RunId, RunInfo, RunStatus, Tag,
};
use crate::store::batch::whole_runs;
use crate::store::{ErrorKind, StoreError};

/// 2026-11-23 12:00 UTC.
const NOW: i64 = 1_795_435_200_000;

fn app(size: (u16, u16)) -> App {
    App::new(Setup {
        store: "sqlite:////data/mlflow.db".into(),
        is_local: true,
        read_only: false,
        poll_seconds: 2.0,
        glyphs: Glyphs::Unicode,
        experiment: None,
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
                4 => "\u{1b}[31mevil\u{202e}-run".into(),
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
        Effect::LoadExperiments => vec![
            Msg::Experiments(Ok((
                vec![experiment("1", "wine"), experiment("0", "Default")],
                Some("1".into()),
            ))),
            Msg::Counts(Some(HashMap::from([(ExperimentId::from("1"), runs.len() as u64)]))),
        ],
        Effect::Watch { generation, .. } => {
            vec![snapshot(generation, runs), Msg::Polled { generation, touched: false }]
        }
        Effect::Project { generation, catalog, complete, sort, words, selected, now } => {
            let keys: Vec<_> = sort.into_iter().collect();
            let pass = containing(&catalog, &words);
            let rows = project(&catalog, Some(&pass), &keys, now);
            let position = selected.and_then(|id| rows.iter().position(|row| catalog.run_id(*row) == id));
            vec![Msg::Projected { generation, catalog, complete, rows: Arc::new(rows), position }]
        }
        Effect::Histories { generation, ids, key } => {
            let points = |falling: f64| {
                (0..24)
                    .map(|step| MetricPoint {
                        step,
                        timestamp: NOW,
                        value: 1.0 + falling / (step + 1) as f64,
                    })
                    .collect()
            };
            vec![Msg::Histories {
                generation,
                key,
                histories: ids.into_iter().map(|id| (id, points(1.0))).collect(),
            }]
        }
        Effect::LoadRun { generation, id } => {
            let found = runs.iter().find(|run| run.info.run_id == id).cloned();
            let missing = || StoreError::new("read the run", ErrorKind::NotFound("it is gone".into()));
            vec![Msg::Run { generation, result: found.map(Box::new).ok_or_else(missing) }]
        }
        Effect::ListArtifacts { id } => vec![Msg::Artifacts { run: id, result: Ok(Vec::new()) }],
        Effect::Attend { .. } | Effect::Refresh | Effect::Pause(_) | Effect::Quit => Vec::new(),
    }
}

fn snapshot(generation: u64, runs: &[Run]) -> Msg {
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(runs));
    Msg::Snapshot { generation, snapshot: Snapshot { catalog: Arc::new(builder.snapshot()), complete: true } }
}

/// Feeds a message and everything that comes of it.
fn feed(app: &mut App, msg: Msg, runs: &[Run]) {
    let mut queue = vec![msg];
    while let Some(msg) = queue.pop() {
        for effect in update(app, msg) {
            queue.extend(answer(effect, runs).into_iter().rev());
        }
    }
}

fn keys(app: &mut App, keys: &str, runs: &[Run]) {
    for event in parse_keys(keys).expect(keys) {
        feed(app, Msg::Key(event), runs);
    }
}

/// An explorer that shows so many runs.
fn opened(size: (u16, u16), count: usize) -> (App, Vec<Run>) {
    let runs: Vec<Run> = (0..count).map(run).collect();
    let mut app = app(size);
    for msg in answer(Effect::LoadExperiments, &runs) {
        feed(&mut app, msg, &runs);
    }
    (app, runs)
}

fn screen(app: &App, theme: &Theme) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(app.size.0, app.size.1)).unwrap();
    terminal.draw(|frame| draw(app, theme, frame)).unwrap();
    terminal
}

fn theme() -> Theme {
    Theme::new(true, Glyphs::Unicode)
}

#[test]
fn the_newest_run_is_selected_and_its_values_are_asked_for() {
    let (app, _) = opened((140, 40), 30);
    assert_eq!(app.focus, Focus::Runs);
    assert_eq!(app.runs.selected.as_deref(), Some(format!("{:032x}", 29).as_str()));
    assert_eq!(app.details.run.as_ref().map(|run| run.info.run_name.as_str()), Some("calm-ibis-29"));
    assert!(app.is_settled());
    assert_eq!(app.runs.spark_key.as_deref(), Some("val_rmse"));
    assert!(app.runs.sparks.len() < 30, "only what is on the screen");
}

#[test]
fn the_cursor_follows_the_run_through_sort_and_refresh() {
    let (mut app, mut runs) = opened((140, 40), 30);
    keys(&mut app, "j j j", &runs);
    let selected = app.runs.selected.clone();
    keys(&mut app, "s", &runs);
    assert_eq!(app.runs.selected, selected);
    assert_eq!(app.runs.id_at(app.runs.cursor.at), selected.as_deref());
    let line = app.runs.cursor.at - app.runs.cursor.top;
    // A better run arrives above; the cursor stays on its run, and the run on its line.
    let mut best = run(70);
    best.metrics[1].value = 0.001;
    runs.push(best);
    let generation = app.runs.generation;
    feed(&mut app, snapshot(generation, &runs), &runs);
    assert_eq!(app.runs.rows.len(), 31);
    assert_eq!(app.runs.selected, selected);
    assert!(app.runs.cursor.at - app.runs.cursor.top == line || app.runs.cursor.top == 0);
    // The run goes away: the nearest row takes over.
    let at = app.runs.cursor.at;
    runs.retain(|run| Some(run.info.run_id.as_str()) != selected.as_deref());
    feed(&mut app, snapshot(generation, &runs), &runs);
    assert_eq!(app.runs.cursor.at, at);
    assert_eq!(app.runs.id_at(at), app.runs.selected.as_deref());
}

#[test]
fn answers_to_an_older_question_are_dropped() {
    let (mut app, runs) = opened((140, 40), 5);
    let old = app.runs.generation - 1;
    feed(&mut app, snapshot(old, &runs[..1]), &runs);
    assert_eq!(app.runs.rows.len(), 5);
    let failed = Err(StoreError::new("read the run", ErrorKind::Locked));
    let old = app.details.generation - 1;
    feed(&mut app, Msg::Run { generation: old, result: failed }, &runs);
    assert!(app.details.error.is_none());
}

#[test]
fn a_failing_store_keeps_what_was_known() {
    let (mut app, runs) = opened((140, 40), 5);
    let error = StoreError::new("look for changes", ErrorKind::Unreachable("connection refused".into()));
    let generation = app.runs.generation;
    feed(&mut app, Msg::PollFailed { generation, error, retry_ms: 4_000 }, &runs);
    assert_eq!(app.runs.rows.len(), 5);
    assert!(matches!(app.connection, Connection::Failing { retry_at, .. } if retry_at == app.now + 4_000));
    let text = screen(&app, &theme()).backend().to_string();
    assert!(
        text.contains("stale, retry in 4s")
            && text.contains("calm-ibis-0")
            && text.contains("connection refused"),
        "{text}"
    );
    feed(&mut app, Msg::Polled { generation, touched: false }, &runs);
    assert!(matches!(app.connection, Connection::Live { .. }));
}

#[test]
fn escape_steps_out_one_layer_and_never_quits() {
    let (mut app, runs) = opened((140, 40), 5);
    keys(&mut app, "enter z ?", &runs);
    assert!(app.overlay.is_some() && app.zoomed && app.focus == Focus::Details);
    keys(&mut app, "esc", &runs);
    assert!(app.overlay.is_none() && app.zoomed);
    keys(&mut app, "esc", &runs);
    assert!(!app.zoomed && app.focus == Focus::Details);
    keys(&mut app, "esc esc esc esc", &runs);
    assert!(app.focus == Focus::Experiments && !app.quitting);
    assert!(app.status.is_some(), "a key that does nothing says why");
    keys(&mut app, "q", &runs);
    assert!(app.quitting);
}

#[test]
fn a_key_that_does_not_go_on_counts_for_itself() {
    let (mut app, runs) = opened((140, 40), 30);
    keys(&mut app, "G", &runs);
    assert_eq!(app.runs.cursor.at, 29);
    keys(&mut app, "g k", &runs);
    assert_eq!(app.runs.cursor.at, 28);
    keys(&mut app, "g g", &runs);
    assert_eq!(app.runs.cursor.at, 0);
    keys(&mut app, "ctrl-d", &runs);
    assert!(app.runs.cursor.at > 5);
}

#[test]
fn a_filter_is_typed_kept_and_cleared() {
    let (mut app, runs) = opened((140, 40), 30);
    // Letters that are keys elsewhere are letters here.
    keys(&mut app, "/ q s 2", &runs);
    assert!(!app.quitting && app.runs.words == "qs2" && app.runs.rows.is_empty());
    let text = screen(&app, &theme()).backend().to_string();
    assert!(text.contains("0 of 30") && text.contains("esc clears"), "{text}");
    keys(&mut app, "ctrl-u i b i s - 2 backspace 1", &runs);
    assert_eq!(app.runs.words, "ibis-1");
    let names: Vec<&str> = app.runs.rows.iter().map(|row| app.runs.catalog.run_name(*row)).collect();
    assert!(names.len() == 11 && names.iter().all(|name| name.contains("ibis-1")), "{names:?}");
    keys(&mut app, "enter", &runs);
    assert!(app.overlay.is_none() && app.runs.words == "ibis-1");
    let text = screen(&app, &theme()).backend().to_string();
    assert!(text.contains("11 of 30 with ibis-1"), "{text}");
    // A refresh keeps the filter, and so does a run that arrives.
    let generation = app.runs.generation;
    feed(&mut app, snapshot(generation, &runs), &runs);
    assert_eq!(app.runs.rows.len(), 11);
    keys(&mut app, "esc", &runs);
    assert!(app.runs.words.is_empty() && app.runs.rows.len() == 30 && app.focus == Focus::Runs);
    keys(&mut app, "/ x esc", &runs);
    assert!(app.runs.words.is_empty() && app.overlay.is_none() && app.runs.rows.len() == 30);
}

#[test]
fn sorting_goes_up_down_and_back_to_newest_first() {
    let (mut app, runs) = opened((140, 40), 30);
    let first = |app: &App| app.runs.catalog.run_name(app.runs.rows[0]).to_owned();
    assert_eq!(first(&app), "calm-ibis-29");
    keys(&mut app, "s", &runs);
    let value = |app: &App, at: usize| {
        let column = app.runs.catalog.metrics.column(&app.runs.catalog.texts, "val_rmse").unwrap();
        column.get(app.runs.rows[at])
    };
    let ascending: Vec<f64> =
        (0..30).filter_map(|at| value(&app, at)).filter(|value| !value.is_nan()).collect();
    assert!(ascending.is_sorted());
    assert!(value(&app, 29).is_none(), "missing comes last");
    keys(&mut app, "s", &runs);
    assert!(value(&app, 0) >= value(&app, 1) && value(&app, 29).is_none());
    keys(&mut app, "s", &runs);
    assert_eq!(first(&app), "calm-ibis-29");
}

#[test]
fn a_click_on_a_title_sorts_and_one_on_a_row_selects() {
    let (mut app, runs) = opened((140, 40), 30);
    let text = screen(&app, &theme()).backend().to_string();
    let (y, line) = text.lines().enumerate().find(|(_, line)| line.contains("Status")).unwrap();
    // The printed backend quotes its lines: one character before the first cell.
    let x =
        line.chars().collect::<String>().find("Status").map(|byte| line[..byte].chars().count() - 1).unwrap();
    let click = |column: usize, row: usize| {
        Msg::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: column as u16,
            row: row as u16,
            modifiers: KeyModifiers::NONE,
        })
    };
    feed(&mut app, click(x, y), &runs);
    assert_eq!(app.runs.sort.as_ref().map(|key| key.column.name()), Some("status".into()));
    feed(&mut app, click(x, y + 3), &runs);
    assert_eq!(app.runs.cursor.at, 2);
}

#[test]
fn every_size_is_drawn_without_a_panic() {
    let (mut app, runs) = opened((140, 40), 30);
    for columns in 1..=70 {
        for rows in 1..=26 {
            feed(&mut app, Msg::Resize { columns, rows }, &runs);
            screen(&app, &theme());
            app.overlay = Some(super::app::Overlay::Help { scroll: 0 });
            screen(&app, &theme());
            app.overlay = None;
        }
    }
}

#[test]
fn nothing_unsafe_reaches_the_screen() {
    let (app, _) = opened((140, 60), 30);
    let terminal = screen(&app, &theme());
    for cell in terminal.backend().buffer().content() {
        assert!(!cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", cell.symbol());
    }
    assert!(terminal.backend().to_string().contains("evil-run"));
}

#[test]
fn colour_and_glyph_tell_the_status() {
    let (app, _) = opened((140, 40), 30);
    let terminal = screen(&app, &theme());
    let buffer = terminal.backend().buffer();
    let colour_of =
        |symbol: &str| buffer.content().iter().find(|cell| cell.symbol() == symbol).map(|cell| cell.fg);
    assert_eq!(colour_of("✗"), Some(ratatui::style::Color::Red));
    assert_eq!(colour_of("✓"), Some(ratatui::style::Color::Green));
    let plain = screen(&app, &Theme::new(false, Glyphs::Ascii));
    let buffer = plain.backend().buffer();
    assert!(
        buffer
            .content()
            .iter()
            .all(|cell| cell.fg == ratatui::style::Color::Reset && cell.bg == ratatui::style::Color::Reset)
    );
    let text = plain.backend().to_string();
    assert!(text.contains("F failed") && text.contains("D done") && text.contains("R run"), "{text}");
    let names: Vec<char> = text.chars().filter(|c| !c.is_ascii()).collect();
    assert!(names.iter().all(|c| "日本語\u{1f680}".contains(*c)), "only names are not ASCII: {names:?}");
}

/// The screens that people meet, at the sizes that they have.
#[test]
fn screens() {
    let sizes = [(200, 50), (120, 36), (80, 24), (60, 20)];
    for size in sizes {
        let name = format!("{}x{}", size.0, size.1);
        let (mut app, runs) = opened(size, 30);
        keys(&mut app, "s j", &runs);
        insta::assert_snapshot!(format!("runs-{name}"), screen(&app, &theme()).backend());
        keys(&mut app, "?", &runs);
        insta::assert_snapshot!(format!("help-{name}"), screen(&app, &theme()).backend());
    }
    let size = (120, 30);
    let loading = app(size);
    insta::assert_snapshot!("loading", screen(&loading, &theme()).backend());
    let mut empty = app(size);
    feed(&mut empty, Msg::Experiments(Ok((vec![experiment("0", "Default")], None))), &[]);
    feed(&mut empty, Msg::Counts(Some(HashMap::new())), &[]);
    insta::assert_snapshot!("empty-store", screen(&empty, &theme()).backend());
    let (nothing, _) = opened(size, 0);
    insta::assert_snapshot!("empty-experiment", screen(&nothing, &theme()).backend());
    let mut failing = app(size);
    let error =
        StoreError::new("list experiments", ErrorKind::Unreachable("http://host: connection refused".into()));
    feed(&mut failing, Msg::Experiments(Err(error)), &[]);
    insta::assert_snapshot!("failed", screen(&failing, &theme()).backend());
}

/// The README's table of keys, from the table of actions and the keymap.
fn key_table() -> String {
    let keymap = super::keymap::Keymap::defaults();
    let mut table = String::from("| keys | what they do |\n| --- | --- |\n");
    for info in &ACTIONS {
        let keys: Vec<String> = keymap.keys_of(info.action).iter().map(|keys| format!("`{keys}`")).collect();
        table.push_str(&format!("| {} | {} |\n", keys.join(", "), info.title));
    }
    table
}

#[test]
fn the_readme_shows_the_keys_as_they_are() {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("keymap -->\n").unwrap();
    let (found, _) = rest.split_once("<!-- keys: end -->").unwrap();
    assert_eq!(found.trim(), key_table().trim(), "put this into the README:\n\n{}", key_table());
}
