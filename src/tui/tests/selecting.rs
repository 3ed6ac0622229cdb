//! What an action is about: one run, several, a range, a group, a parent with its children; and filters of one key.

use super::*;
use crate::tui::core::app::Overlay;

fn selected(app: &App) -> Vec<String> {
    app.runs.selected.in_order().into_iter().map(|(_, run)| run.name.clone()).collect()
}

/// What deleting would delete, if it is confirmed.
fn deleted(app: &mut App, keys_of_it: &str, runs: &[Run]) -> Vec<RunId> {
    let mut deleted = Vec::new();
    for event in parse_keys(keys_of_it).unwrap() {
        let mut queue = take(app, Msg::Key(event));
        while let Some(effect) = queue.pop() {
            if let Effect::Runs(runs::effects::Effect::Write(runs::effects::Write::Delete(ids))) = &effect {
                deleted.clone_from(ids);
            }
            for msg in answer(effect, runs) {
                queue.extend(take(app, msg));
            }
        }
    }
    deleted
}

#[test]
fn chips_switch_parts_of_the_filter() {
    let (mut app, runs) = opened((140, 40), 30);
    assert!(drawn(&app).contains(" 4 mine  5 24h  6 running  7 failed "), "{}", drawn(&app));
    keys(&mut app, "7", &runs);
    assert_eq!((app.runs.filter_text.as_str(), app.runs.length()), ("status = failed", 7));
    assert!(drawn(&app).contains("[7 failed]"), "{}", drawn(&app));
    // No run fails and runs.
    keys(&mut app, "6", &runs);
    assert_eq!((app.runs.filter_text.as_str(), app.runs.length()), ("status = running", 8));
    keys(&mut app, "4", &runs);
    assert_eq!((app.runs.filter_text.as_str(), app.runs.length()), ("status = running AND user = me", 8));
    let text = drawn(&app);
    assert!(text.contains("[4 mine] 5 24h [6 running] 7 failed"), "{text}");
    keys(&mut app, "6", &runs);
    assert_eq!((app.runs.filter_text.as_str(), app.runs.length()), ("user = me", 30));
    // They go with what is typed, from any pane.
    keys(
        &mut app,
        "f ctrl-u a g e space < space 2 d space O R space a g e space < space 3 d enter 3 7",
        &runs,
    );
    assert_eq!(app.runs.filter_text, "(age < 2d OR age < 3d) AND status = failed");
    assert_eq!(app.runs.length(), 7);
    keys(&mut app, "7", &runs);
    assert_eq!(app.runs.filter_text, "age < 2d OR age < 3d");
    keys(&mut app, "2 esc", &runs);
    // The mouse does the same.
    let place = place(&app, "5 24h");
    feed(&mut app, click(place.0 + 1, place.1), &runs);
    assert_eq!(app.runs.filter_text, "age < 1d");
    feed(&mut app, click(place.0 + 1, place.1), &runs);
    assert_eq!((app.runs.filter_text.as_str(), app.runs.length()), ("", 30));
    // A narrow table has no room for them; the keys work.
    feed(&mut app, Msg::Resize { columns: 60, rows: 20 }, &runs);
    assert!(!drawn(&app).contains("running  7"), "{}", drawn(&app));
    keys(&mut app, "7", &runs);
    assert_eq!(app.runs.length(), 7);
}

#[test]
fn a_range_is_what_actions_act_on() {
    let (mut app, runs) = opened((140, 40), 30);
    let all = names(&app);
    keys(&mut app, "space g g v j j", &runs);
    assert!(drawn(&app).contains("3 runs in the range: all"), "{}", drawn(&app));
    let gone = deleted(&mut app, "D y", &runs);
    assert_eq!(gone.len(), 3, "the range, whatever else is selected");
    assert!(app.runs.range_from.is_none(), "it ends with the action");
    keys(&mut app, "u g g v j j j j g e", &runs);
    let effects = take(&mut app, Msg::Key(parse_keys("enter").unwrap()[0]));
    let ended = effects.iter().find_map(|effect| match effect {
        Effect::Runs(runs::effects::Effect::Write(runs::effects::Write::End { ids, .. })) => Some(ids.len()),
        _ => None,
    });
    let running =
        |name: &&String| runs.iter().any(|run| run.info.run_name == **name && run.info.status.is_active());
    assert_eq!(ended, Some(all[..5].iter().filter(running).count()), "all of the range that go on");
    assert!(ended > Some(1), "several at once");
    keys(&mut app, "u g g v j C", &runs);
    assert!(drawn(&app).contains("· 2 runs ·"), "{}", drawn(&app));
    keys(&mut app, "esc g g v j j space", &runs);
    assert_eq!(selected(&app), all[..3]);
    keys(&mut app, "v j esc", &runs);
    assert!(app.runs.range_from.is_none() && app.runs.selected.len() == 3, "esc leaves the range alone");
}

#[test]
fn a_group_is_all_its_runs() {
    let (mut app, runs) = opened((140, 40), 30);
    keys(&mut app, "g b", &runs);
    assert!(drawn(&app).contains("Group runs by"), "{}", drawn(&app));
    keys(&mut app, "f a m i l y enter", &runs);
    assert_eq!(app.runs.length(), 2, "folded");
    keys(&mut app, "g g C", &runs);
    assert!(drawn(&app).contains("· 15 runs ·"), "{}", drawn(&app));
    keys(&mut app, "esc space", &runs);
    assert_eq!((app.runs.selected.len(), app.runs.cursor.at), (15, 1));
    let text = drawn(&app);
    assert!(text.contains("15 selected") && text.contains("┃■  ▸ "), "the group says so: {text}");
    keys(&mut app, "k space", &runs);
    assert_eq!(app.runs.selected.len(), 0, "and not any more");
    assert_eq!(deleted(&mut app, "g g D y", &runs).len(), 15);
    keys(&mut app, "t", &runs);
    assert!(drawn(&app).contains("Tags of 15 runs"), "{}", drawn(&app));
    keys(&mut app, "esc g b", &runs);
    keys(&mut app, "n o space g r o u p s enter", &runs);
    assert_eq!(app.runs.length(), 30);
}

#[test]
fn a_parent_asks_about_its_children() {
    let (mut app, mut runs) = opened((140, 40), 12);
    for run in &mut runs[1..4] {
        run.tags.push(Tag::new("mlflow.parentRunId", format!("{:032x}", 0)));
    }
    runs[4].tags.push(Tag::new("mlflow.parentRunId", format!("{:032x}", 1)));
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    let at_parent = |app: &mut App, runs: &[Run]| {
        let parent = RunId(format!("{:032x}", 0));
        for _ in 0..20 {
            if app.runs.run_under_cursor().as_ref() == Some(&parent) {
                return;
            }
            keys(app, "j", runs);
        }
        panic!("{}", drawn(app));
    };
    keys(&mut app, "g t g g", &runs);
    at_parent(&mut app, &runs);
    keys(&mut app, "space", &runs);
    let text = drawn(&app);
    assert!(text.contains("this run and its 4 children"), "{text}");
    keys(&mut app, "down enter", &runs);
    assert_eq!(app.runs.selected.len(), 5, "grandchildren too");
    keys(&mut app, "u g g", &runs);
    at_parent(&mut app, &runs);
    keys(&mut app, "x space enter", &runs);
    assert_eq!(selected(&app), ["calm-ibis-0"], "folded or not");
    assert_eq!(deleted(&mut app, "D enter y", &runs).len(), 5);
    at_parent(&mut app, &runs);
    assert_eq!(deleted(&mut app, "D down enter y", &runs).len(), 1);
    at_parent(&mut app, &runs);
    assert_eq!(deleted(&mut app, "D a l o n e down enter y", &runs).len(), 4);
    assert_eq!(deleted(&mut app, "D enter n", &runs).len(), 0);
    // They come back as they went.
    for run in &mut runs[..5] {
        run.info.lifecycle_stage = LifecycleStage::Deleted;
    }
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    at_parent(&mut app, &runs);
    keys(&mut app, "D", &runs);
    assert!(drawn(&app).contains("this run and its 4 children"), "{}", drawn(&app));
    keys(&mut app, "enter", &runs);
    assert!(drawn(&app).contains("Restore these 5 runs?"), "{}", drawn(&app));
}

#[test]
fn escape_stays_where_experiments_are_seen_beside_the_runs() {
    let (mut app, runs) = opened((140, 40), 3);
    keys(&mut app, "esc esc", &runs);
    assert_eq!(app.focus, crate::tui::core::layout::Focus::Runs);
    assert!(drawn(&app).contains("1 goes to the experiments"), "{}", drawn(&app));
    let (mut app, runs) = opened((80, 24), 3);
    keys(&mut app, "esc", &runs);
    assert_eq!(app.focus, crate::tui::core::layout::Focus::Experiments, "they are behind the runs");
}

#[test]
fn keys_wait_for_the_view_that_they_are_about() {
    let (mut app, runs) = opened((140, 40), 30);
    // The filter is asked for, and its runs are not there yet.
    let asked = take(&mut app, Msg::Key(parse_keys("7").unwrap()[0]));
    for event in parse_keys("v G D").unwrap() {
        let effects = take(&mut app, Msg::Key(event));
        assert!(effects.iter().all(|effect| matches!(effect, Effect::Session(_))), "it waits: {effects:?}");
    }
    assert!(app.overlay.is_none() && app.runs.length() == 30);
    for effect in asked {
        for msg in answer(effect, &runs) {
            feed(&mut app, msg, &runs);
        }
    }
    assert!(drawn(&app).contains("Delete these 7 runs?"), "{}", drawn(&app));
    keys(&mut app, "n esc 7", &runs);
    // A store that takes long is not waited for; nothing is written then.
    take(&mut app, Msg::Key(parse_keys("7").unwrap()[0]));
    take(&mut app, Msg::Key(parse_keys("D").unwrap()[0]));
    let later = app.now + 1_000;
    update(&mut app, Msg::Tick.at(later));
    assert!(app.overlay.is_none() && drawn(&app).contains("still being filtered"), "{}", drawn(&app));
}

#[test]
fn keys_before_the_first_runs_are_about_these() {
    let runs: Vec<Run> = (0..30).map(run).collect();
    let mut app = app((140, 40));
    for event in parse_keys("/ f o r").unwrap() {
        take(&mut app, Msg::Key(event));
    }
    for msg in answer(Effect::Experiments(experiments::effects::Effect::Load), &runs) {
        feed(&mut app, msg, &runs);
    }
    assert_eq!((app.search_words().value(), app.runs.length()), ("for", 15));
}

#[test]
fn a_range_begins_at_its_run_wherever_that_is() {
    let (mut app, mut runs) = opened((140, 40), 10);
    keys(&mut app, "g g v j", &runs);
    let chosen: Vec<RunId> = app.runs.targets();
    // A newer one comes in above.
    runs.push(run(10));
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    assert_eq!(app.runs.length(), 11);
    assert_eq!(app.runs.targets(), chosen);
}

#[test]
fn the_palette_finds_what_there_is() {
    let (mut app, runs) = opened((140, 40), 30);
    keys(&mut app, ": r u n space c a l m - i b i s - 1 2 enter", &runs);
    assert_eq!(app.runs.run_under_cursor().unwrap(), runs[12].info.run_id);
    keys(&mut app, ": m e t r i c space v a l _ r m s e enter", &runs);
    assert!(matches!(app.screens.last(), Some(crate::tui::core::app::Screen::Chart(_))));
    keys(&mut app, "esc : e x p e r i m e n t space D e f a enter", &runs);
    assert_eq!(app.runs.name, "Default");
}

#[test]
fn details_stand_beside_the_runs_where_there_is_room() {
    let (mut app, runs) = opened((200, 50), 6);
    let places = app.geometry();
    assert!(places.is_side_by_side() && places.runs.unwrap().width > places.details.unwrap().width);
    keys(&mut app, "g l", &runs);
    let places = app.geometry();
    assert!(!places.is_side_by_side());
    // The table is as tall as it needs, until the user moves the border.
    assert_eq!(places.runs.unwrap().height, 11);
    keys(&mut app, "ctrl-down", &runs);
    assert_eq!(app.geometry().runs.unwrap().height, 13);
    assert!(app.memory.layout.is_stacked);
}

#[test]
fn children_and_the_reason_of_a_failure_stand_in_the_overview() {
    let (mut app, mut runs) = opened((140, 40), 12);
    for run in &mut runs[1..3] {
        run.tags.push(Tag::new("mlflow.parentRunId", format!("{:032x}", 2)));
    }
    runs[2].tags.retain(|tag| tag.key != "mlflow.parentRunId");
    runs[2].tags.push(Tag::new("train.error", "Traceback:\n  line 3\nValueError: no data\n"));
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    keys(&mut app, "/ ' i b i s - 2 enter 3 ]", &runs);
    let text = drawn(&app);
    assert!(text.contains("train.error") && text.contains("ValueError: no data"), "{text}");
    assert!(text.contains("child ") && text.contains("calm-ibis-1 "), "{text}");
    keys(&mut app, "g g enter", &runs);
    assert!(drawn(&app).contains("line 3"), "all of it: {}", drawn(&app));
}

#[test]
fn words_that_occur_leave_out_what_only_has_their_letters() {
    let (mut app, runs) = opened((120, 36), 5);
    keys(&mut app, ": s o r t", &runs);
    let labels = |app: &App| -> Vec<String> {
        let Some(Overlay::Picker(picker)) = &app.overlay else { panic!("the palette") };
        let list = picker.list();
        list.found.iter().map(|at| list.entries[*at as usize].label.clone()).collect()
    };
    assert!(labels(&app).iter().all(|label| label.contains("sort")), "{:?}", labels(&app));
    keys(&mut app, "ctrl-u s l r n", &runs);
    assert!(labels(&app).iter().any(|label| label.contains("select-range")), "letters in between still do");
}
