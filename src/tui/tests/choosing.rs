//! The best run: shown, gone to, explained, chosen otherwise, marked and unmarked.

use super::*;
use crate::marking::{MarkPlan, MarkRequest, Model, Record};
use crate::mlflow::tags;
use crate::select::{Goal, MetricGoal, ValueOf};
use crate::store::{ErrorKind, StoreError};
use crate::tui::core::app::Overlay;
use crate::tui::features::best::{Champion, Marked, Preview, Unmarked};

fn effects_of(app: &mut App, script: &str, runs: &[Run]) -> Vec<Effect> {
    let events = parse_keys(script).unwrap();
    let (last, before) = events.split_last().unwrap();
    for event in before {
        feed(app, Msg::Key(*event), runs);
    }
    let effects = take(app, Msg::Key(*last));
    for answer in effects.iter().cloned().flat_map(|effect| answer(effect, runs)) {
        feed(app, answer, runs);
    }
    effects
}

/// The run that is marked by the effects, if one is.
fn marked(effects: &[Effect]) -> Option<&MarkRequest> {
    effects.iter().find_map(|effect| match effect {
        Effect::Best(best::effects::Effect::Mark(request)) => Some(request.as_ref()),
        _ => None,
    })
}

/// The run that is to be marked after a look, if one is.
fn planned(effects: &[Effect]) -> Option<MarkRequest> {
    effects.iter().find_map(|effect| match effect {
        Effect::Best(best::effects::Effect::PlanMark(request)) => Some(request.as_ref().clone()),
        _ => None,
    })
}

fn preview(request: MarkRequest) -> Preview {
    let record = Record { run_name: "calm-ibis-0".into(), ..Record::default() };
    let writes = vec!["@champion of wine: from v3 to v4".into()];
    let plan = MarkPlan { experiment: experiment("1", "wine"), record, writes };
    let judged = vec!["val_rmse: 0.5, v3 has 0.6, a difference of -0.1".into()];
    Preview { request, plan, judged }
}

#[test]
fn the_best_run_has_a_star_and_a_reason() {
    let (mut app, mut runs) = opened((140, 40), 30);
    // Of the finished runs 0, 4, 8, …; the values are 0.5 + 37 n modulo 100.
    let screen = drawn(&app);
    assert!(screen.contains("★ best: calm-ibis-0, lowest val_rmse of 7 runs, 0.36 (42 %) ahead"), "{screen}");
    keys(&mut app, "b", &runs);
    assert!(drawn(&app).lines().any(|line| line.contains("★ calm-ibis-0")), "the cursor goes there");
    assert_eq!(app.runs.run_under_cursor().unwrap(), runs[0].info.run_id);
    keys(&mut app, "w", &runs);
    let why = drawn(&app);
    assert!(
        why.contains("30 runs were considered, 23 excluded: 8 not finished, 7 failed, 7 killed, 1 NaN"),
        "{why}"
    );
    assert!(why.contains("inferred from the name"), "{why}");
    keys(&mut app, "esc L", &runs);
    let board = drawn(&app);
    let second = board.lines().find(|line| line.contains(" 2  calm-ibis-28 ")).unwrap();
    for told in ["■", "▁▁▁▁", " 0.86 ", "+0.36", "lr 0.001"] {
        assert!(second.contains(told), "{told} in {board}");
    }
    keys(&mut app, "down enter", &runs);
    assert_eq!(
        app.runs.run_under_cursor().unwrap(),
        runs[28].info.run_id,
        "the leaderboard leads to the second"
    );
    // A better one comes in: the star moves, the cursor does not.
    runs[12].metrics[1].value = 0.01;
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    assert!(drawn(&app).contains("★ best: calm-ibis-12"), "{}", drawn(&app));
    assert_eq!(app.runs.run_under_cursor().unwrap(), runs[28].info.run_id);
}

#[test]
fn the_best_of_what_is_shown_is_told_beside_the_best_of_all() {
    let (mut app, runs) = opened((140, 40), 30);
    let all = app.best.run_id().unwrap().to_owned();
    let name =
        |id: &str| runs.iter().find(|run| run.info.run_id.as_str() == id).unwrap().info.run_name.clone();
    let under_cursor = |app: &App| app.runs.run_under_cursor().unwrap().to_string();
    keys(&mut app, "/ ' c a l m - i b i s - 8 enter", &runs);
    assert_eq!(app.best.shown_id(), Some(runs[8].info.run_id.as_str()));
    let said = drawn(&app);
    assert!(said.contains("best of the 1 shown: calm-ibis-8, lowest val_rmse of 1 run; of all: "), "{said}");
    assert!(said.contains(&format!("of all: {}", name(&all))), "{said}");
    keys(&mut app, "w", &runs);
    assert!(drawn(&app).contains("Of the 1 run that is shown"), "{}", drawn(&app));
    // One key goes to it, and further to the best of all.
    keys(&mut app, "esc b", &runs);
    assert_eq!(under_cursor(&app), runs[8].info.run_id.as_str());
    keys(&mut app, "b", &runs);
    assert!(drawn(&app).contains("Clear the filter that hides it?"), "{}", drawn(&app));
    keys(&mut app, "n", &runs);
    assert_eq!((app.runs.length(), under_cursor(&app)), (1, runs[8].info.run_id.to_string()));
    keys(&mut app, "b y", &runs);
    assert_eq!((app.runs.length(), under_cursor(&app)), (30, all.clone()));
    assert!(app.best.shown_id().is_none());
    // The filter comes back.
    keys(&mut app, "F", &runs);
    assert_eq!(app.runs.length(), 1);
    // None of those may be the best.
    keys(&mut app, "esc 7", &runs);
    let said = drawn(&app);
    assert!(said.contains("none of the 7 shown is eligible; best of all: "), "{said}");
    // Among what is shown anyway it is told once.
    keys(&mut app, "7 f s t a t u s = f i n i s h e d enter", &runs);
    assert!(drawn(&app).contains(&format!("best: {}, lowest", name(&all))), "{}", drawn(&app));
}

#[test]
fn the_best_is_found_under_a_fold() {
    let (mut app, runs) = opened((140, 40), 30);
    let all = app.best.run_id().unwrap().to_owned();
    keys(&mut app, "g b enter", &runs);
    assert!(app.runs.run_under_cursor().is_none(), "groups are folded");
    keys(&mut app, "b", &runs);
    assert_eq!(app.runs.run_under_cursor().unwrap().as_str(), all);
}

#[test]
fn what_is_best_is_chosen_by_keys_and_kept() {
    let (mut app, runs) = opened((140, 40), 30);
    let effects = effects_of(&mut app, "m d i r enter", &runs);
    let kept = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Best(best::effects::Effect::KeepPolicy { policy, .. }) => policy.clone(),
            _ => None,
        })
    };
    let policy = kept(&effects).unwrap();
    assert_eq!(policy.primary().goal, Goal::Maximize);
    keys(&mut app, "m esc", &runs);
    let effects = effects_of(&mut app, "m v a l u e enter ctrl-u l a s t : 3 enter", &runs);
    assert_eq!(kept(&effects).unwrap().value, ValueOf::Last(3));
    assert!(kept(&effects_of(&mut app, "m v a l u e enter ctrl-u s o m e enter", &runs)).is_none());
    assert!(drawn(&app).contains("unknown value"), "{}", drawn(&app));
    keys(&mut app, "esc", &runs);
    let back = effects_of(&mut app, "m a u t o m a t i c enter", &runs);
    assert!(
        matches!(back.as_slice(), [Effect::Best(best::effects::Effect::KeepPolicy { policy: None, .. }), ..]),
        "{back:?}"
    );
    let filter = "m a m o n g enter p a r a m s . f a m i l y space = space \' f o r e s t \' enter";
    let policy = kept(&effects_of(&mut app, filter, &runs)).unwrap();
    assert_eq!(policy.constraint, "params.family = 'forest'");
    keys(&mut app, "m esc", &runs);
    assert!(drawn(&app).contains("no run is eligible"), "finished runs are trees: {}", drawn(&app));
    // A second metric makes a front.
    keys(&mut app, "m a u t o m a t i c enter", &runs);
    let added = effects_of(&mut app, "m t r a i n _ l o s s space", &runs);
    let names: Vec<String> =
        kept(&added).unwrap().objectives.iter().map(|objective| objective.metric.clone()).collect();
    assert_eq!(names, ["val_rmse", "train_loss"]);
}

#[test]
fn what_tags_say_of_a_metric_counts_where_it_is_picked() {
    let (mut app, mut runs) = opened((140, 40), 30);
    for run in &mut runs {
        run.tags.push(Tag::new("direction", "MAXIMIZE"));
        run.metrics.push(Metric { key: "objective".into(), value: 1.0, timestamp: 0, step: 0 });
    }
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    keys(&mut app, "m v a l _ r m s e enter m", &runs);
    let ways = drawn(&app);
    let line = ways.lines().find(|line| line.contains(" objective ")).unwrap();
    assert!(!line.contains("not known"), "{ways}");
    let effects = effects_of(&mut app, "o b j e c t i v e enter", &runs);
    let policy = effects.iter().find_map(|effect| match effect {
        Effect::Best(best::effects::Effect::KeepPolicy { policy, .. }) => policy.as_deref(),
        _ => None,
    });
    assert_eq!(policy.unwrap().objectives, [MetricGoal::new("objective", Goal::Maximize)]);
}

#[test]
fn a_parent_that_repeats_a_leaf_below_a_deleted_run_is_not_best() {
    let (mut app, mut runs) = opened((140, 40), 30);
    let below = |name: &str, parent: &str| {
        let mut run = runs[0].clone();
        (run.info.run_id, run.info.run_name) = (RunId::from(name), name.to_owned());
        run.info.start_time = run.info.start_time.map(|start| start + 1);
        run.tags = vec![Tag::new(tags::RUN_NAME, name), Tag::new(tags::PARENT_RUN_ID, parent)];
        run
    };
    let (deleted, leaf) = (below("deleted", runs[0].info.run_id.as_str()), below("leaf", "deleted"));
    runs.push(leaf);
    let shown = runs.clone();
    runs.push(deleted);
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &shown), &runs);
    assert!(drawn(&app).contains("★ best: leaf"), "{}", drawn(&app));
    keys(&mut app, "w", &runs);
    assert!(drawn(&app).contains("1 parent"), "{}", drawn(&app));
}

#[test]
fn runs_above_others_are_asked_for_once_and_again_when_somebody_asks_to() {
    let (mut app, mut runs) = opened((140, 40), 30);
    let ticket = app.runs.newest.ticket();
    // What is asked for when the table changes; nobody answers that.
    let mut change = |app: &mut App, msg: Option<Msg>| {
        runs[0].info.end_time = runs[0].info.end_time.map(|end| end + 1);
        let mut asked = Vec::new();
        let mut queue = vec![msg.unwrap_or_else(|| snapshot(ticket, &runs))];
        while let Some(msg) = queue.pop() {
            for effect in take(app, msg) {
                match effect {
                    Effect::Best(best::effects::Effect::ReadAncestors { runs, .. }) => asked.extend(runs),
                    effect => queue.extend(answer(effect, &runs).into_iter().rev()),
                }
            }
        }
        runs[1].tags = vec![Tag::new(tags::PARENT_RUN_ID, "elsewhere")];
        asked
    };
    let elsewhere = [RunId::from("elsewhere")];
    assert_eq!(change(&mut app, None), []);
    assert_eq!(change(&mut app, None), elsewhere);
    assert_eq!(change(&mut app, None), [], "the question is under way");
    let failed = || best::Msg::Ancestors {
        experiment: "1".into(),
        asked: elsewhere.to_vec(),
        result: Err(StoreError::new("read runs", ErrorKind::Io("no route".into()))),
    };
    assert_eq!(change(&mut app, Some(failed().into())), []);
    assert!(drawn(&app).contains("no route"), "{}", drawn(&app));
    assert_eq!(change(&mut app, None), [], "it has just failed");
    app.now += 300_000;
    assert_eq!(change(&mut app, None), elsewhere);
    change(&mut app, Some(failed().into()));
    let refresh = parse_keys("r").unwrap().remove(0);
    assert_eq!(change(&mut app, Some(Msg::Key(refresh))), elsewhere, "without a change of the table");
}

#[test]
fn the_best_run_is_marked_planned_and_unmarked() {
    let (mut app, runs) = opened((140, 40), 30);
    let request = planned(&effects_of(&mut app, "B", &runs)).unwrap();
    assert!(marked(&effects_of(&mut app, "y", &runs)).is_none(), "nothing is asked yet");
    take(&mut app, best::Msg::Planned(Ok(Box::new(preview(request)))));
    for words in
        ["Mark calm-ibis-0 as best?", "@champion of wine: from v3 to v4", "val_rmse: 0.5, v3 has 0.6"]
    {
        assert!(drawn(&app).contains(words), "{words}: {}", drawn(&app));
    }
    assert!(marked(&effects_of(&mut app, "enter", &runs)).is_none(), "enter runs through questions");
    let effects = effects_of(&mut app, "y", &runs);
    let request = marked(&effects).unwrap();
    assert_eq!((&request.run, request.metric.as_str()), (&runs[0].info.run_id, "val_rmse"));
    assert_eq!((request.value, request.by.as_str(), request.now), (Some(0.5), "ana", NOW));
    assert_eq!(request.registration.as_ref().unwrap().name, "wine");
    assert_eq!(request.why, "lowest val_rmse of 7 runs, 0.36 (42 %) ahead");
    let said = best::Msg::Marked(Ok(Marked {
        champion: Some(Champion { run: runs[0].info.run_id.clone(), holds: true }),
        messages: vec!["calm-ibis-0 is marked best".into(), "alias champion".into()],
    }));
    assert!(
        take(&mut app, said)
            .iter()
            .any(|effect| matches!(effect, Effect::Runs(runs::effects::Effect::Refresh)))
    );
    assert!(drawn(&app).contains("calm-ibis-0 is marked best; alias champion"));
    for (is_begun, is_undo, words) in [
        (false, false, "nothing was marked: cannot mark the run: no room"),
        (false, true, "nothing was undone: cannot mark the run: no room"),
        (true, false, "the mark is incomplete: cannot mark the run: no room"),
        (true, true, "the mark is only partly undone: cannot mark the run: no room"),
    ] {
        let error = StoreError::new("mark the run", ErrorKind::Io("no room".into()));
        take(&mut app, best::Msg::Marked(Err(Unmarked { error, is_undo, is_begun })));
        assert!(drawn(&app).contains(words), "{}", drawn(&app));
    }
    // Any run, from the menu.
    let effects = effects_of(&mut app, "ctrl-b u n d e r enter", &runs);
    assert!(planned(&effects).is_none(), "the words are those of the label");
    keys(&mut app, "esc", &runs);
    let run = app.runs.run_under_cursor().unwrap();
    let request = planned(&effects_of(&mut app, "ctrl-b down enter", &runs)).unwrap();
    assert_eq!((&request.run, request.why.as_str(), request.value), (&run, "chosen by hand", None));

    let record = |by: &str| Record {
        id: "1795435200000-00000001".into(),
        run_id: runs[0].info.run_id.0.clone(),
        run_name: "calm-ibis-0".into(),
        by: by.into(),
        at: NOW,
        why: "chosen by hand".into(),
        done: true,
        ..Record::default()
    };
    for (by, keys_of_undo) in [("ana", "U"), ("bob", "U y")] {
        let mut wine = experiment("1", "wine");
        wine.tags = vec![record(by).entry(), Tag::new("mltui.best", "x")];
        take(&mut app, experiments::Msg::Listed { result: Ok((vec![wine], None)), retry_ms: 2_000 });
        let effects = effects_of(&mut app, keys_of_undo, &runs);
        let undoes = |effect: &Effect| matches!(effect, Effect::Best(best::effects::Effect::UndoMark { .. }));
        assert!(effects.iter().any(undoes), "{by}: {effects:?}");
    }
    // What takes a version out of the registry asks.
    let registered = Record {
        model: Some(Model {
            name: "wine".into(),
            version: Some(4),
            created_version: true,
            ..Model::default()
        }),
        ..record("ana")
    };
    let mut wine = experiment("1", "wine");
    wine.tags = vec![registered.entry(), Tag::new("mltui.best", "x")];
    take(&mut app, experiments::Msg::Listed { result: Ok((vec![wine.clone()], None)), retry_ms: 2_000 });
    let undoes = |effect: &Effect| matches!(effect, Effect::Best(best::effects::Effect::UndoMark { .. }));
    assert!(!effects_of(&mut app, "U", &runs).iter().any(undoes));
    assert!(drawn(&app).contains("Version 4 of wine, registered for it, is deleted."), "{}", drawn(&app));
    assert!(effects_of(&mut app, "y", &runs).iter().any(undoes));
    wine.tags = vec![record("bob").entry(), Tag::new("mltui.best", "x")];
    take(&mut app, experiments::Msg::Listed { result: Ok((vec![wine], None)), retry_ms: 2_000 });
    keys(&mut app, "ctrl-b h i s t o r y enter", &runs);
    assert!(matches!(app.overlay, Some(Overlay::Report(_))));
    assert!(drawn(&app).contains("bob marked calm-ibis-0 (holds): chosen by hand"), "{}", drawn(&app));
    keys(&mut app, "esc", &runs);
    app.read_only = true;
    assert!(planned(&effects_of(&mut app, "B", &runs)).is_none());
    assert!(drawn(&app).contains("read-only"));
}

#[test]
fn the_question_before_a_mark_says_that_the_lead_is_not_significant() {
    let (mut app, mut runs) = opened((140, 40), 30);
    let asked = |app: &mut App, runs: &[Run]| {
        let request = planned(&effects_of(app, "B", runs)).unwrap();
        take(app, best::Msg::Planned(Ok(Box::new(preview(request)))));
        let said = drawn(app);
        keys(app, "n", runs);
        said
    };
    let said = asked(&mut app, &runs);
    assert!(said.contains("Mark calm-ibis-0 as best?") && !said.contains("significant"), "{said}");
    runs[0].metrics.push(Metric { key: "val_rmse_std".into(), value: 0.5, timestamp: 0, step: 0 });
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    let said = asked(&mut app, &runs);
    assert!(
        said.contains("Its lead of 0.36 (42 %) is within the spread as logged in val_rmse_std"),
        "{said}"
    );
}

/// Most ranked runs are not on the screen: their trends are read when the list is opened.
#[test]
fn the_leaderboard_shows_how_each_run_went() {
    let (mut app, runs) = opened((160, 40), 60);
    let effects = take(&mut app, Msg::Key(parse_keys("L").unwrap()[0]));
    let rows = |app: &App| -> Vec<String> {
        let is_row = |line: &&str| line.contains("calm-ibis") && line.contains('■');
        drawn(app).lines().filter(is_row).map(str::to_owned).collect()
    };
    let before = rows(&app);
    assert!(before.len() > 5 && before.iter().any(|row| !row.contains("▁▁▁")), "{before:#?}");
    for effect in effects {
        for msg in answer(effect, &runs) {
            take(&mut app, msg);
        }
    }
    let after = rows(&app);
    assert!(after.len() == before.len() && after.iter().all(|row| row.contains("▁▁▁")), "{after:#?}");
    // What is read late is for nobody.
    keys(&mut app, "esc L", &runs);
    assert_eq!(rows(&app), after);
}

#[test]
fn several_of_the_leaderboard_lie_over_one_another() {
    let (mut app, runs) = opened((140, 40), 30);
    keys(&mut app, "L space down space esc", &runs);
    assert_eq!(app.runs.selected.len(), 2);
    keys(&mut app, "3 enter", &runs);
    let text = drawn(&app);
    for name in ["a ★calm-ibis-0 ", "b calm-ibis-20 "] {
        assert!(text.contains(name), "{name} in {text}");
    }
}

#[test]
fn a_filter_that_the_server_does_not_know_is_said_to_be_ours() {
    let (mut app, runs) = opened((140, 40), 30);
    app.capabilities.column_scan = false;
    keys(&mut app, "f", &runs);
    for letter in "dataset.name = wine OR params.family = tree".chars() {
        let key = if letter == ' ' { "space".to_owned() } else { letter.to_string() };
        keys(&mut app, &key, &runs);
    }
    keys(&mut app, "enter", &runs);
    let text = drawn(&app);
    assert!(text.contains("the server knows no such filter: all runs are read and filtered here"), "{text}");
}
