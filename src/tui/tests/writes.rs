//! What is written, copied and noticed: only what was requested, and never under `read_only`.

use super::*;
use crate::tui::core::app::Overlay;
use crate::tui::core::layout::Focus;
use crate::tui::core::layout::Tab;
use crate::tui::features::files;
use crate::tui::features::files::programs::{Opener, Program};
use crate::tui::features::runs::effects::Write;

/// Presses keys and returns the effects of the last one that are no answers to questions of the screen.
fn effects_of(app: &mut App, script: &str, runs: &[Run]) -> Vec<Effect> {
    let events = parse_keys(script).unwrap();
    let (last, before) = events.split_last().unwrap();
    for event in before {
        feed(app, Msg::Key(*event), runs);
    }
    let effects = take(app, Msg::Key(*last));
    let is_wanted = |effect: &Effect| {
        matches!(
            effect,
            Effect::Runs(runs::effects::Effect::Write(_))
                | Effect::Shell(Shell::Copy(_) | Shell::Switch(_))
                | Effect::Export(export::effects::Effect::Browse(_))
        )
    };
    effects.into_iter().filter(is_wanted).collect()
}

#[test]
fn a_run_is_deleted_only_after_a_yes() {
    let (mut app, runs) = opened((140, 40), 5);
    keys(&mut app, "D", &runs);
    assert!(drawn(&app).contains("Delete this run?"));
    assert!(effects_of(&mut app, "enter", &runs).is_empty(), "enter runs through dialogs by itself");
    assert!(matches!(app.overlay, Some(Overlay::Confirm(_))));
    assert!(effects_of(&mut app, "n", &runs).is_empty() && app.overlay.is_none());
    let effects = effects_of(&mut app, "space space D y", &runs);
    let [Effect::Runs(runs::effects::Effect::Write(Write::Delete(ids)))] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(ids.len(), 2);
    let done = runs::Msg::Written { write: Write::Delete(ids.clone()), result: Ok(()) };
    let effects = take(&mut app, done);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Runs(runs::effects::Effect::Refresh))));
    assert!(drawn(&app).contains("deleted 2 runs"));
}

#[test]
fn names_tags_and_notes_are_edited_in_a_prompt() {
    let (mut app, runs) = opened((140, 40), 5);
    let effects = effects_of(&mut app, "R ctrl-u n e w enter", &runs);
    let [Effect::Runs(runs::effects::Effect::Write(Write::Rename { name, .. }))] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(name, "new");
    assert!(effects_of(&mut app, "R ctrl-u enter", &runs).is_empty(), "enter a name");
    keys(&mut app, "esc", &runs);
    let effects = effects_of(&mut app, "t enter a = b enter", &runs);
    let [Effect::Runs(runs::effects::Effect::Write(Write::SetTag { tag, .. }))] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((tag.key.as_str(), tag.value.as_str()), ("a", "b"));
    let effects = effects_of(&mut app, "t t e a m enter ! enter", &runs);
    let [Effect::Runs(runs::effects::Effect::Write(Write::SetTag { tag, .. }))] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((tag.key.as_str(), tag.value.as_str()), ("team", "red!"));
    let effects = effects_of(&mut app, "t t e a m ctrl-x y", &runs);
    assert!(
        matches!(effects.as_slice(), [Effect::Runs(runs::effects::Effect::Write(Write::DeleteTag { key, .. }))] if key == "team")
    );
    let effects = effects_of(&mut app, "n a ctrl-j b enter", &runs);
    let [Effect::Runs(runs::effects::Effect::Write(Write::SetTag { tag, .. }))] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((tag.key.as_str(), tag.value.as_str()), ("mlflow.note.content", "a\nb"));
}

#[test]
fn a_refused_write_says_so_and_changes_nothing() {
    let (mut app, runs) = opened((140, 40), 5);
    let error = StoreError::new("rename the run", ErrorKind::Forbidden("no permission".into()));
    let write = Write::Rename { id: runs[0].info.run_id.clone(), name: "x".into() };
    feed(&mut app, runs::Msg::Written { write, result: Err(error) }, &runs);
    let text = drawn(&app);
    assert!(text.contains("nothing was changed") && text.contains("no permission"), "{text}");
}

#[test]
fn nothing_writes_when_the_store_is_read_only() {
    let (mut app, runs) = opened((140, 40), 5);
    app.read_only = true;
    for key in ["R", "D", "t", "n"] {
        assert!(effects_of(&mut app, key, &runs).is_empty());
        assert!(app.overlay.is_none() && drawn(&app).contains("read-only"), "{key}");
    }
}

#[test]
fn ids_and_values_are_copied_clean() {
    let (mut app, runs) = opened((140, 40), 30);
    let effects = effects_of(&mut app, "y", &runs);
    assert!(matches!(effects.as_slice(), [Effect::Shell(Shell::Copy(id))] if id.len() == 32), "{effects:?}");
    let effects = effects_of(&mut app, "space space y", &runs);
    assert!(matches!(effects.as_slice(), [Effect::Shell(Shell::Copy(ids))] if ids.lines().count() == 2));
    // The run with an escape code in its name.
    keys(&mut app, "u G k k k k h h h h h h", &runs);
    assert!(drawn(&app).contains("run_name"));
    let effects = effects_of(&mut app, "Y", &runs);
    assert!(matches!(effects.as_slice(), [Effect::Shell(Shell::Copy(name))] if name == "x"), "{effects:?}");
    assert!(effects_of(&mut app, "o", &runs).is_empty());
    assert!(drawn(&app).contains("only a server has pages"));
    app.page = Some("http://host:5000/#".into());
    let effects = effects_of(&mut app, "o", &runs);
    let wanted = format!("http://host:5000/#/experiments/1/runs/{:032x}", 4);
    assert!(
        matches!(effects.as_slice(), [Effect::Export(export::effects::Effect::Browse(page))] if *page == wanted),
        "{effects:?}"
    );
    // What a server says is an id is no more than a part of the address.
    app.runs.experiment = Some("../1?a#\u{1b}\" x\u{e9}".into());
    let effects = effects_of(&mut app, "o", &runs);
    let wanted = format!("http://host:5000/#/experiments/..%2F1%3Fa%23%1B%22%20x%C3%A9/runs/{:032x}", 4);
    assert!(
        matches!(effects.as_slice(), [Effect::Export(export::effects::Effect::Browse(page))] if *page == wanted),
        "{effects:?}"
    );
}

#[test]
fn a_run_that_ends_elsewhere_is_noticed() {
    let (mut app, mut runs) = opened((140, 40), 10);
    let ticket = app.runs.newest.ticket();
    runs[5].info.status = RunStatus::Failed;
    runs[5].info.end_time = Some(NOW);
    let effects = take(&mut app, snapshot(ticket, &runs));
    for msg in effects.into_iter().flat_map(|effect| answer(effect, &runs)) {
        let effects = take(&mut app, msg);
        assert!(effects.iter().any(
            |effect| matches!(effect, Effect::Shell(Shell::Notify(words)) if words == "calm-ibis-5 failed")
        ));
    }
    assert!(drawn(&app).contains("calm-ibis-5 failed"));
    keys(&mut app, "j", &runs);
    assert!(!drawn(&app).contains("calm-ibis-5 failed"), "a key acknowledges it");
    keys(&mut app, "g m", &runs);
    assert!(drawn(&app).contains("calm-ibis-5 failed"), "and the messages keep it");
}

#[test]
fn folders_open_and_files_are_looked_into() {
    let (mut app, runs) = opened((160, 50), 3);
    keys(&mut app, "3", &runs);
    while app.details.tab != Tab::Artifacts {
        keys(&mut app, "]", &runs);
    }
    let text = drawn(&app);
    assert!(text.contains("> model/") && text.contains("metrics.csv") && text.contains("1.2 kB"), "{text}");
    keys(&mut app, "enter", &runs);
    assert!(drawn(&app).contains("MLmodel") && drawn(&app).contains("v model/"));
    keys(&mut app, "G enter", &runs);
    let text = drawn(&app);
    assert!(text.contains("CSV, 2 rows, 2 columns") && text.contains("step  loss"), "{text}");
    keys(&mut app, "esc", &runs);
    assert!(app.focus == Focus::Details && app.details.artifacts.preview.is_none());
    keys(&mut app, "k k k enter", &runs);
    assert_eq!(app.details.artifacts.count(), 2);
}

#[test]
fn what_is_under_the_cursor_is_saved_and_nothing_replaced_unasked() {
    let (mut app, runs) = opened((120, 36), 3);
    let aim = |replaces| files::Aim::Save { target: "model".into(), replaces };
    let press = |app: &mut App, script: &str| -> Vec<Effect> {
        parse_keys(script).unwrap().into_iter().flat_map(|key| take(app, Msg::Key(key))).collect()
    };
    keys(&mut app, "3", &runs);
    keys(&mut app, "g w", &runs);
    assert!(drawn(&app).contains("this works on an artifact, a model, or a version"));
    while app.details.tab != Tab::Artifacts {
        keys(&mut app, "]", &runs);
    }
    let id = app.details.shown_run().unwrap().clone();
    keys(&mut app, "g w", &runs);
    let text = drawn(&app);
    assert!(text.contains("/model as") && text.contains("nothing is replaced unasked"), "{text}");
    let saves = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Files(files::effects::Effect::Save { number, request }) => {
                Some((*number, request.clone()))
            }
            _ => None,
        })
    };
    let (number, request) = saves(&press(&mut app, "enter")).unwrap();
    assert_eq!((request.address, request.aim), (format!("runs:/{id}/model"), aim(false)));
    let request = files::Request { address: format!("runs:/{id}/model"), aim: aim(false) };
    keys(&mut app, "g w", &runs);
    assert!(drawn(&app).contains("something is being saved already"));
    let words = "saving it: 1 of 2 files".to_owned();
    feed(&mut app, files::Msg::Progress { number, words }, &runs);
    assert!(drawn(&app).contains("saving it: 1 of 2 files"));
    let ended = files::Ended::Exists("model already exists".into());
    feed(&mut app, files::Msg::Ended { number, request, ended }, &runs);
    let text = drawn(&app);
    assert!(
        text.contains("Replace files of the same names?") && text.contains("model already exists"),
        "{text}"
    );
    let effects = press(&mut app, "y");
    let (second, request) = saves(&effects).unwrap();
    assert!(request.aim == aim(true) && second > number);
    let effects = press(&mut app, "g x");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Files(files::effects::Effect::Cancel))));
    let late = files::Msg::Ended { number: second, request, ended: files::Ended::Saved("saved".into()) };
    feed(&mut app, late, &runs);
    assert!(drawn(&app).contains("cancelled; what came of"), "what ends later says nothing");
    // Opened, it goes to a program that gets the terminal, and what that had is taken away.
    keys(&mut app, "g o", &runs);
    assert!(drawn(&app).contains("this is a folder; g w saves it"));
    keys(&mut app, "enter j g o", &runs);
    let text = drawn(&app);
    assert!(text.contains("Open MLmodel with") && text.contains("viewer of the system"), "{text}");
    let (number, request) = saves(&press(&mut app, "enter")).unwrap();
    assert_eq!(request.aim, files::Aim::Open(Opener::Pager));
    let file = std::path::PathBuf::from("/tmp/mltui-1/model");
    let program = Program { words: vec!["less".into()], is_editor: false, of_text: None, file, fetched: 0 };
    let ended = files::Ended::Ready(program.clone());
    let ready = files::Msg::Ended { number, request: request.clone(), ended };
    let effects = take(&mut app, Msg::from(ready.clone()));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Shell(Shell::Run(run)) if *run == program)));
    let forgets = |effects: &[Effect]| {
        effects.iter().any(|effect| matches!(effect, Effect::Files(files::effects::Effect::Forget(_))))
    };
    let result = Err("cannot start less: no such file".to_owned());
    assert!(forgets(&take(&mut app, Msg::from(files::Msg::Closed { program, result, at_once: false }))));
    assert!(drawn(&app).contains("cannot start less"));
    let effects = take(&mut app, Msg::from(ready));
    assert!(forgets(&effects) && effects.len() == 1, "nobody waits for it any more");
}

#[test]
fn polling_is_set_by_hand_and_slows_down_out_of_focus() {
    let (mut app, runs) = opened((140, 40), 3);
    app.capabilities = Capabilities::SERVER;
    app.poll_interval = crate::tui::core::poll_interval::PollInterval::new(2.0, false, NOW);
    let effects = take(&mut app, Msg::Focused(false));
    assert!(effects.iter().any(
        |effect| matches!(effect, Effect::Runs(runs::effects::Effect::PollEvery(pace)) if pace.as_secs() == 6)
    ));
    assert!(drawn(&app).contains("every 6s"));
    feed(&mut app, Msg::Focused(true), &runs);
    keys(&mut app, "g i ctrl-u 1 0 enter", &runs);
    assert!(drawn(&app).contains("every 10s"));
}

#[test]
fn an_artifacts_tab_without_files_says_where_they_would_be() {
    let (mut app, runs) = opened((120, 36), 3);
    keys(&mut app, "3", &runs);
    while app.details.tab != Tab::Artifacts {
        keys(&mut app, "]", &runs);
    }
    let run = app.details.shown_run().unwrap().clone();
    let listed = |app: &mut App, result| {
        let ticket = app.details.artifacts.folders_mut().entry(String::new()).or_default().ask();
        let msg = details::Msg::Artifacts { run: run.clone(), path: String::new(), ticket, result };
        feed(app, msg, &runs);
        drawn(app)
    };
    let empty = listed(&mut app, Ok(ArtifactList::default()));
    assert!(empty.contains("no artifacts in") && empty.contains("/data/mlruns/1/"), "{empty}");
    let why = ErrorKind::Elsewhere("its files are in s3://bucket/1".into());
    let failed = listed(&mut app, Err(StoreError::new("list the artifacts", why)));
    assert!(failed.contains("its files are in s3://bucket/1"), "{failed}");
    assert!(failed.contains("--tracking-uri"), "{failed}");
}

#[test]
fn a_write_to_many_runs_that_stops_half_way_does_not_say_that_nothing_was_changed() {
    let (mut app, runs) = opened((140, 40), 5);
    let ids: Vec<RunId> = runs.iter().map(|run| run.info.run_id.clone()).collect();
    let failed = |ids: &[RunId]| runs::Msg::Written {
        write: runs::effects::Write::Delete(ids.to_vec()),
        result: Err(StoreError::new("delete the run", ErrorKind::NotFound("it is gone".into()))),
    };
    let effects = take(&mut app, failed(&ids));
    assert!(drawn(&app).contains("some of the 5 runs may be changed"), "{}", drawn(&app));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Runs(runs::effects::Effect::Refresh))));
    take(&mut app, failed(&ids[..1]));
    assert!(drawn(&app).contains("nothing was changed"), "{}", drawn(&app));
}
