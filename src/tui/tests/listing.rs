//! The list of experiments: found, sorted, in folders, created, deleted and restored.

use std::collections::HashMap;

use super::*;
use crate::tui::core::layout::Focus;
use crate::tui::features::experiments::Msg as Told;
use crate::tui::features::experiments::arrange::Order;
use crate::tui::features::experiments::effects::{Effect as Asked, Write};

const NAMES: [&str; 8] =
    ["wine", "team/fold10", "team/fold9", "team/vision/a", "team/vision/b", "alone/in/it", "old", "Default"];

fn listed() -> Vec<Experiment> {
    let one = |(at, name): (usize, &&str)| {
        let mut one = experiment(&format!("{}", at + 1), name);
        if *name == "old" {
            one.lifecycle_stage = LifecycleStage::Deleted;
        }
        if *name == "wine" {
            one.tags = vec![Tag::new("owner", "ana"), Tag::new("mlflow.note.content", "Which\nacid?")];
        }
        one
    };
    NAMES.iter().enumerate().map(one).collect()
}

fn with(size: (u16, u16), experiments: Vec<Experiment>) -> (App, Vec<Run>) {
    let runs: Vec<Run> = (0..9).map(run).collect();
    let mut app = app(size);
    let counts: HashMap<ExperimentId, RunCount> = experiments
        .iter()
        .enumerate()
        .map(|(at, one)| {
            let last_start = Some(NOW - 3_600_000 * ((at as i64 * 5) % 7));
            let count = RunCount { active: (at as u64 * 3) % 5, deleted: 2, last_start };
            (one.experiment_id.clone(), count)
        })
        .collect();
    let latest = Some("1".into());
    feed(&mut app, Told::Listed { result: Ok((experiments, latest)), retry_ms: 2_000 }, &runs);
    feed(&mut app, Told::Counted(Some(counts)), &runs);
    (app, runs)
}

fn shown(app: &App) -> Vec<String> {
    let list = &app.experiments;
    let line = |line: &features::experiments::arrange::ListLine| {
        let name = &list.list[line.at].experiment.name[line.start..line.end];
        format!("{}{name}{}", " ".repeat(line.depth), if line.folder.is_some() { "/" } else { "" })
    };
    list.shown.lines.iter().map(line).collect()
}

/// What a key asks of the store.
fn asked(app: &mut App, key: &str) -> Vec<Asked> {
    let event = parse_keys(key).unwrap().pop().unwrap();
    let own = |effect| if let Effect::Experiments(effect) = effect { Some(effect) } else { None };
    take(app, Msg::Key(event)).into_iter().filter_map(own).collect()
}

#[test]
fn experiments_are_sorted_and_stand_in_folders() {
    let (mut app, runs) = with((120, 36), listed());
    let created = ["wine", "team/", " fold10", " fold9", " vision/", "  a", "  b", "alone/in/it", "Default"];
    assert_eq!(shown(&app), created);
    keys(&mut app, "1 s", &runs);
    let by_name = ["Default", "alone/in/it", "team/", " fold9", " fold10", " vision/", "  a", "  b", "wine"];
    assert_eq!(shown(&app), by_name);
    assert_eq!(app.experiments.under_cursor().unwrap().experiment.name, "wine", "it follows");
    keys(&mut app, "s", &runs);
    assert_eq!(app.experiments.order, Order::Activity);
    assert!(drawn(&app).contains("by last run") && drawn(&app).contains(" 5h "), "{}", drawn(&app));
    keys(&mut app, "s", &runs);
    assert_eq!(shown(&app)[0], "team/", "all of its runs count");
    // It is there again at the next visit.
    assert_eq!(app.memory.layout.experiments_order, Order::Runs);
    keys(&mut app, "s g t", &runs);
    assert_eq!(shown(&app)[1..3], ["team/fold10", "team/fold9"]);
    keys(&mut app, "g t j x", &runs);
    assert_eq!(shown(&app), ["wine", "team/", "alone/in/it", "Default"]);
    assert!(drawn(&app).contains("team/ (4)"), "{}", drawn(&app));
    // To the right it opens, and goes in; to the left out again.
    keys(&mut app, "l l", &runs);
    assert_eq!(app.experiments.under_cursor().unwrap().experiment.name, "team/fold10");
    keys(&mut app, "h h", &runs);
    assert_eq!(shown(&app).len(), 4);
    keys(&mut app, "enter X", &runs);
    assert_eq!((shown(&app).len(), app.focus), (4, Focus::Experiments));
    // What is opened is seen.
    keys(&mut app, "/ f o l d 9 enter enter 1", &runs);
    assert_eq!(app.runs.name, "team/fold9");
    keys(&mut app, "esc", &runs);
    assert_eq!(app.experiments.under_cursor().unwrap().experiment.name, "team/fold9");
    assert_eq!(shown(&app)[1..4], ["team/", " fold10", " fold9"]);
}

#[test]
fn experiments_are_found_by_words_and_tags() {
    let (mut app, runs) = with((120, 36), listed());
    keys(&mut app, "1 / o w n e r = a n", &runs);
    assert_eq!(shown(&app), ["wine"]);
    assert!(drawn(&app).contains("1 of 7"), "{}", drawn(&app));
    keys(&mut app, "esc", &runs);
    assert_eq!(shown(&app).len(), 9);
    keys(&mut app, "/ f o l d down", &runs);
    assert_eq!(shown(&app), ["team/fold10", "team/fold9"], "by their whole names");
    assert_eq!(app.experiments.cursor.at, 1);
    keys(&mut app, "esc / f d 9", &runs);
    assert_eq!(shown(&app), ["team/fold9"]);
    keys(&mut app, "enter", &runs);
    assert!(app.runs.words.value().is_empty(), "the runs are not searched");
    keys(&mut app, "esc / z z z", &runs);
    assert!(drawn(&app).contains("none is found"));
    keys(&mut app, "enter esc", &runs);
    assert_eq!((shown(&app).len(), app.focus), (9, Focus::Experiments));
}

#[test]
fn an_experiment_is_deleted_with_its_runs_and_restored() {
    let (mut app, runs) = with((120, 36), listed());
    keys(&mut app, "1 D", &runs);
    let text = drawn(&app);
    assert!(text.contains("Delete this experiment?") && text.contains("Its 9 runs go with it"), "{text}");
    keys(&mut app, "n j j D", &runs);
    assert!(drawn(&app).contains("Its 3 runs go with it"), "{}", drawn(&app));
    keys(&mut app, "n k k D", &runs);
    let write = Write::Delete { id: "1".into(), name: "wine".into() };
    assert_eq!(asked(&mut app, "y"), [Asked::Write(write.clone())]);
    take(&mut app, Told::Written { write, result: Ok(()) });
    assert_eq!(shown(&app)[0], "team/");
    assert_eq!(app.runs.experiment, Some("2".into()), "the next one is open");
    assert_eq!(app.focus, Focus::Experiments);
    keys(&mut app, "g d", &runs);
    assert!(drawn(&app).contains("with deleted"));
    assert_eq!(shown(&app).len(), 10);
    keys(&mut app, "g g D", &runs);
    assert!(drawn(&app).contains("Restore this experiment?"), "{}", drawn(&app));
    let write = Write::Restore { id: "1".into(), name: "wine".into() };
    assert_eq!(asked(&mut app, "y"), [Asked::Write(write)]);
    // The runs of a deleted experiment are deleted too, and shown.
    keys(&mut app, "/ o l d enter enter", &runs);
    assert!(app.runs.deleted && app.runs.name == "old");
    keys(&mut app, "1 t", &runs);
    assert!(app.overlay.is_none() && drawn(&app).contains("the experiment is deleted"), "{}", drawn(&app));
}

#[test]
fn a_store_that_does_not_count_is_asked_before_an_experiment_is_deleted() {
    let (mut app, runs) = with((120, 36), listed());
    app.capabilities = Capabilities::SERVER;
    feed(&mut app, Told::Counted(None), &runs);
    keys(&mut app, "1 G", &runs);
    assert_eq!(asked(&mut app, "D"), [Asked::CountRuns("8".into())]);
    // Who went on is not asked.
    keys(&mut app, "k", &runs);
    feed(&mut app, Told::RunsFound { id: "8".into(), runs: Ok((1_000, true)) }, &runs);
    assert!(app.overlay.is_none());
    keys(&mut app, "j", &runs);
    feed(&mut app, Told::RunsFound { id: "8".into(), runs: Ok((1_000, true)) }, &runs);
    assert!(drawn(&app).contains("More than 1,000 runs go with it"), "{}", drawn(&app));
    keys(&mut app, "n s", &runs);
    let Some(Asked::ReadNewest(ids)) = asked(&mut app, "s").pop() else { panic!("who has the newest runs") };
    assert_eq!(ids.len(), 7);
    feed(&mut app, Told::Began(HashMap::from([("8".into(), NOW + 1)])), &runs);
    assert_eq!(shown(&app)[0], "Default");
    // The number of runs is not known there.
    keys(&mut app, "s", &runs);
    assert_eq!(app.experiments.order, Order::Created);
}

#[test]
fn an_experiment_is_created_and_what_has_its_name_is_told() {
    let (mut app, runs) = with((120, 36), listed());
    keys(&mut app, "1 N w i n e enter", &runs);
    assert!(drawn(&app).contains("an experiment has this name already"), "{}", drawn(&app));
    keys(&mut app, "ctrl-u o l d enter", &runs);
    assert!(drawn(&app).contains("a deleted experiment has this name"), "{}", drawn(&app));
    keys(&mut app, "ctrl-u enter", &runs);
    assert!(drawn(&app).contains("enter a name"), "{}", drawn(&app));
    // In the folder under the cursor.
    keys(&mut app, "esc j N n e w", &runs);
    assert_eq!(asked(&mut app, "enter"), [Asked::Create("team/new".into())]);
    feed(&mut app, Told::Created { name: "team/new".into(), result: Ok("9".into()), holder: None }, &runs);
    let mut list = listed();
    list.insert(0, experiment("9", "team/new"));
    feed(&mut app, Told::Listed { result: Ok((list, None)), retry_ms: 2_000 }, &runs);
    assert_eq!(app.experiments.under_cursor().unwrap().experiment.name, "team/new");
    // Somebody else was faster, and deleted it.
    let gone = |stage| {
        let mut holder = experiment("10", "fresh");
        holder.lifecycle_stage = stage;
        let taken = StoreError::new("create", ErrorKind::AlreadyExists("taken".into()));
        Told::Created { name: "fresh".into(), result: Err(taken), holder: Some(Box::new(holder)) }
    };
    take(&mut app, gone(LifecycleStage::Active));
    assert!(drawn(&app).contains("another experiment is called fresh"), "{}", drawn(&app));
    take(&mut app, gone(LifecycleStage::Deleted));
    assert!(drawn(&app).contains("Restore it?"), "{}", drawn(&app));
    let write = Write::Restore { id: "10".into(), name: "fresh".into() };
    assert_eq!(asked(&mut app, "y"), [Asked::Write(write)]);
}

#[test]
fn tags_and_note_of_an_experiment_are_shown_and_edited() {
    let (mut app, runs) = with((120, 36), listed());
    keys(&mut app, "1", &runs);
    assert!(drawn(&app).contains("experiment 1  Which  owner=ana  /data/mlruns/1"), "{}", drawn(&app));
    keys(&mut app, "v", &runs);
    let text = drawn(&app);
    assert!(text.contains("tag owner") && text.contains("acid?") && text.contains("newest run"), "{text}");
    keys(&mut app, "esc t down enter ctrl-u b o", &runs);
    let tag = Tag::new("owner", "bo");
    assert_eq!(asked(&mut app, "enter"), [Asked::Write(Write::SetTag { id: "1".into(), tag })]);
    keys(&mut app, "n ctrl-u h i", &runs);
    let tag = Tag::new("mlflow.note.content", "hi");
    let Some(Asked::Write(Write::SetTag { tag: written, .. })) = asked(&mut app, "enter").pop() else {
        panic!("a note is written")
    };
    assert_eq!((written.key, written.value.contains("hi")), (tag.key, true));
    app.read_only = true;
    for key in ["N", "D", "t", "n", "R"] {
        keys(&mut app, key, &runs);
        assert!(app.overlay.is_none(), "{key}");
        assert!(drawn(&app).contains("read-only"), "{}", drawn(&app));
    }
}

#[test]
fn the_pane_is_as_wide_as_names_need_and_gone_where_there_is_one() {
    let (mut app, runs) = with((200, 50), listed());
    let width = |app: &App| app.geometry().experiments.map(|area| area.width);
    assert_eq!(width(&app), Some(26));
    let mut list = listed();
    let long = "an-experiment-with-a-name-of-forty-two-cells";
    list[0].name = long.into();
    feed(&mut app, Told::Listed { result: Ok((list.clone(), None)), retry_ms: 2_000 }, &runs);
    assert!(drawn(&app).contains(&format!("{long} ")), "{}", drawn(&app));
    list[0].name = long.repeat(4);
    feed(&mut app, Told::Listed { result: Ok((list, None)), retry_ms: 2_000 }, &runs);
    assert_eq!(width(&app), Some(50), "a quarter of the screen");
    keys(&mut app, "1 ctrl-right 2", &runs);
    assert_eq!(width(&app), Some(54), "as the user wants it");
    keys(&mut app, "g 1", &runs);
    assert_eq!(width(&app), None);
    keys(&mut app, "tab tab", &runs);
    assert_eq!(app.focus, Focus::Runs, "it is passed over");
    keys(&mut app, "1", &runs);
    assert_eq!(width(&app), Some(54), "while it has the keys");
    keys(&mut app, "2 g 1", &runs);
    assert_eq!(width(&app), Some(54));
    let (app, _) = with((200, 50), vec![experiment("1", "wine")]);
    assert_eq!(width(&app), None, "there is nothing to choose from");
}

#[test]
fn of_many_experiments_only_the_window_is_drawn() {
    let many = (0..5_000).map(|at| experiment(&format!("{at}"), &format!("team-{}/run-{at}", at % 40)));
    let (mut app, runs) = with((120, 36), many.collect());
    assert_eq!(app.experiments.length(), 40 + 125, "but for the open one all folders are closed");
    keys(&mut app, "1 X", &runs);
    assert_eq!(app.experiments.length(), 5_040);
    let before = drawn(&app);
    // Lines off the screen that could not be drawn.
    let window = app.experiments.cursor.window(5_040, app.geometry().rows(Focus::Experiments));
    for (at, line) in app.experiments.shown.lines.iter_mut().enumerate() {
        if !window.contains(&at) {
            line.at = usize::MAX;
        }
    }
    assert_eq!(drawn(&app), before);
}

#[test]
fn screens() {
    for size in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)] {
        let (mut app, runs) = with(size, listed());
        keys(&mut app, "1 g d j", &runs);
        insta::assert_snapshot!(
            format!("experiments-{}x{}", size.0, size.1),
            screen(&app, &theme()).backend()
        );
    }
}
