//! Moving about: the cursor, the focus, sorting, searching, the mouse.

use super::*;
use crate::mlflow::{Dataset, DatasetInput, tags};
use crate::tui::core::app::{ConnectionState, Overlay, Screen};
use crate::tui::core::layout::{Focus, Tab};
use crate::tui::features::runs::effects::Write;

#[test]
fn the_newest_run_is_selected_and_its_values_are_asked_for() {
    let (app, _) = opened((140, 40), 30);
    assert_eq!(app.focus, Focus::Runs);
    assert_eq!(app.runs.under_cursor, Some(LineKey::Run(format!("{:032x}", 29))));
    assert_eq!(app.details.run().map(|run| run.info.run_name.as_str()), Some("calm-ibis-29"));
    assert!(crate::tui::features::charts::update::is_settled(&app));
    assert_eq!(app.runs.spark_key.as_deref(), Some("val_rmse"));
    assert!(app.runs.sparks.len() < 30, "only what is on the screen");
}

#[test]
fn the_cursor_follows_the_run_through_sort_and_refresh() {
    let (mut app, mut runs) = opened((140, 40), 30);
    keys(&mut app, "j j j", &runs);
    let selected = app.runs.under_cursor.clone();
    keys(&mut app, "s", &runs);
    assert_eq!(app.runs.under_cursor, selected);
    assert_eq!(app.runs.picked(app.runs.cursor.at), selected);
    let line = app.runs.cursor.at - app.runs.cursor.top;
    // A better run arrives above; the cursor stays on its run, and the run on its line.
    let mut best = run(70);
    best.metrics[1].value = 0.001;
    runs.push(best);
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    assert_eq!(app.runs.length(), 31);
    assert_eq!(app.runs.under_cursor, selected);
    assert!(app.runs.cursor.at - app.runs.cursor.top == line || app.runs.cursor.top == 0);
    // The run goes away: the nearest row takes over.
    let at = app.runs.cursor.at;
    runs.retain(|run| Some(LineKey::Run(run.info.run_id.0.clone())) != selected);
    feed(&mut app, snapshot(ticket, &runs), &runs);
    assert_eq!(app.runs.cursor.at, at);
    assert_eq!(app.runs.picked(at), app.runs.under_cursor);
}

#[test]
fn a_new_run_is_seen_at_the_top_and_counted_where_it_cannot_be_seen() {
    let (mut app, mut runs) = opened((140, 40), 30);
    let mut come = |app: &mut App, number: usize| {
        runs.push(run(number));
        feed(app, snapshot(app.runs.newest.ticket(), &runs), &runs);
        runs.clone()
    };
    let id = |number: usize| Some(LineKey::Run(format!("{number:032x}")));
    come(&mut app, 30);
    assert_eq!((app.runs.cursor.at, app.runs.under_cursor.clone()), (0, id(30)), "nobody chose another run");
    let known = come(&mut app, 31);
    keys(&mut app, "j", &known);
    assert_eq!(app.runs.under_cursor, id(30));
    come(&mut app, 32);
    assert_eq!(app.runs.under_cursor, id(30), "the cursor stays on its run");
    assert_eq!((app.runs.cursor.at, app.runs.cursor.top), (2, 0), "and the new one is seen above it");
    let known = come(&mut app, 33);
    keys(&mut app, "G", &known);
    let chosen = app.runs.under_cursor.clone();
    assert!(app.runs.cursor.top > 0 && !drawn(&app).contains("new above"));
    come(&mut app, 34);
    let known = come(&mut app, 35);
    assert_eq!(app.runs.under_cursor, chosen);
    assert!(drawn(&app).contains("2 new above"), "{}", drawn(&app));
    keys(&mut app, "g g", &known);
    assert!(!drawn(&app).contains("new above") && drawn(&app).contains("calm-ibis-35"), "{}", drawn(&app));
}

#[test]
fn how_old_the_rows_are_is_said_first_on_a_narrow_screen() {
    let (mut app, mut runs) = opened((60, 20), 30);
    keys(&mut app, "G", &runs);
    let ticket = app.runs.newest.ticket();
    feed(&mut app, polled(ticket), &runs);
    runs.push(run(30));
    feed(&mut app, snapshot(ticket, &runs), &runs);
    let error = StoreError::new("refresh", ErrorKind::Unreachable("connection refused".into()));
    feed(&mut app, runs::Msg::PollFailed { ticket, error, retry_ms: 4_000 }, &runs);
    app.now += 13_000;
    let text = drawn(&app);
    assert!(text.contains("31 runs · as of 13s ago · 1 new above"), "{text}");
}

#[test]
fn another_order_shows_its_first_rows_until_the_cursor_is_moved() {
    let (mut app, runs) = opened((140, 40), 60);
    keys(&mut app, "s", &runs);
    assert_eq!((app.runs.cursor.at, app.runs.cursor.top), (0, 0));
    let first = app.runs.under_cursor.clone();
    keys(&mut app, "s", &runs);
    assert_eq!((app.runs.cursor.at, app.runs.cursor.top), (0, 0));
    assert_ne!(app.runs.under_cursor, first);
    keys(&mut app, "j", &runs);
    let moved = app.runs.under_cursor.clone();
    keys(&mut app, "s s", &runs);
    assert_eq!(app.runs.under_cursor, moved, "it follows the run that was gone to");
}

#[test]
fn whatever_is_done_is_done_to_the_run_that_was_under_the_cursor() {
    let (mut app, mut runs) = opened((140, 40), 30);
    keys(&mut app, "D", &runs);
    let asked = app.runs.under_cursor.clone();
    runs.push(run(30));
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    assert_eq!(app.runs.under_cursor, asked);
}

#[test]
fn answers_to_an_older_question_are_dropped() {
    let (mut app, runs) = opened((140, 40), 5);
    let old = Ticket::default();
    feed(&mut app, snapshot(old, &runs[..1]), &runs);
    assert_eq!(app.runs.length(), 5);
    let failed = Err(StoreError::new("read the run", ErrorKind::Locked));
    let old = Ticket::default();
    feed(&mut app, details::Msg::Run { ticket: old, result: failed }, &runs);
    assert!(app.details.fetched.error().is_none());
}

#[test]
fn a_failing_store_keeps_what_was_known() {
    let (mut app, runs) = opened((140, 40), 5);
    let error = StoreError::new("refresh", ErrorKind::Unreachable("connection refused".into()));
    let ticket = app.runs.newest.ticket();
    feed(&mut app, runs::Msg::PollFailed { ticket, error, retry_ms: 4_000 }, &runs);
    assert_eq!(app.runs.length(), 5);
    assert!(
        matches!(app.connection, ConnectionState::Failing { retry_at, .. } if retry_at == app.now + 4_000)
    );
    let text = drawn(&app);
    assert!(
        text.contains("stale, retry in 4s")
            && text.contains("calm-ibis-0")
            && text.contains("connection refused"),
        "{text}"
    );
    // The next time it is asked it says nothing.
    app.now += 11_000;
    let text = drawn(&app);
    assert!(text.contains("stale, no answer for 7s") && text.contains("as of 11s ago"), "{text}");
    feed(&mut app, polled(ticket), &runs);
    assert!(matches!(app.connection, ConnectionState::Live { .. }));
}

#[test]
fn a_store_that_says_nothing_is_told_as_such() {
    let (mut app, runs) = opened((140, 40), 5);
    let ticket = app.runs.newest.ticket();
    feed(&mut app, polled(ticket), &runs);
    app.now += 6_000;
    feed(&mut app, runs::Msg::Unanswered { ticket }, &runs);
    app.now += 3_000;
    let text = drawn(&app);
    assert!(text.contains("no answer for 8s") && text.contains("as of 9s ago"), "{text}");
    feed(&mut app, polled(ticket), &runs);
    assert!(matches!(app.connection, ConnectionState::Live { .. }));
}

#[test]
fn workspaces_are_chosen_where_profiles_are() {
    let (mut app, runs) = opened((120, 36), 3);
    let found =
        |names: &[&str]| session::Msg::Workspaces(Ok(names.iter().map(|name| (*name).into()).collect()));
    feed(&mut app, found(&["late"]), &runs);
    assert!(app.overlay.is_none(), "nobody asked");
    keys(&mut app, "P", &runs);
    feed(&mut app, found(&[]), &runs);
    assert!(drawn(&app).contains("no other workspaces"));
    app.workspace = Some("team-a".into());
    app.profile = Some("work".into());
    keys(&mut app, "P", &runs);
    feed(&mut app, found(&["default", "team-a"]), &runs);
    let text = drawn(&app);
    assert!(text.contains("workspace (open)") && text.contains(", workspace team-a"), "{text}");
    let effects = take(&mut app, Msg::Key(parse_keys("enter").unwrap()[0]));
    let wanted = session::Elsewhere::Workspace { name: "default".into(), profile: Some("work".into()) };
    let is_it = |effect: &Effect| matches!(effect, Effect::Shell(Shell::Switch(there)) if *there == wanted);
    assert!(effects.iter().any(is_it), "{effects:?}");
}

#[test]
fn escape_steps_out_one_layer_and_never_quits() {
    let (mut app, runs) = opened((140, 40), 5);
    keys(&mut app, "enter z ?", &runs);
    assert!(app.help.is_some() && app.zoomed && app.focus == Focus::Details);
    keys(&mut app, "esc", &runs);
    assert!(app.help.is_none() && app.zoomed);
    keys(&mut app, "esc", &runs);
    assert!(!app.zoomed && app.focus == Focus::Details);
    keys(&mut app, "esc esc esc esc", &runs);
    assert!(app.focus == Focus::Runs && !app.quitting);
    assert!(app.status.is_some(), "a key that does nothing says why");
    keys(&mut app, "q", &runs);
    assert!(app.quitting);
}

#[test]
fn the_way_back_is_offered_where_there_is_one() {
    let (mut app, runs) = opened((260, 40), 5);
    keys(&mut app, "2", &runs);
    assert!(!drawn(&app).contains("esc back"), "{}", drawn(&app));
    for (key, back) in [("/ r u n enter", "esc"), ("z", "esc"), ("3", "esc")] {
        keys(&mut app, key, &runs);
        assert!(drawn(&app).contains("esc back"), "{key}: {}", drawn(&app));
        keys(&mut app, back, &runs);
        assert!(!drawn(&app).contains("esc back"), "{key}: {}", drawn(&app));
    }
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
    assert!(!app.quitting && app.runs.view.words == "qs2" && app.runs.length() == 0);
    let text = drawn(&app);
    assert!(text.contains("0 of 30") && text.contains("esc clears"), "{text}");
    keys(&mut app, "ctrl-u ' i b i s - 2 backspace 1", &runs);
    assert_eq!(app.runs.view.words, "'ibis-1");
    let found = names(&app);
    assert!(found.len() == 11 && found.iter().all(|name| name.contains("ibis-1")), "{found:?}");
    keys(&mut app, "enter", &runs);
    assert!(app.overlay.is_none() && app.runs.view.words == "'ibis-1");
    let text = drawn(&app);
    assert!(text.contains("11 of 30 · /'ibis-1"), "{text}");
    // A refresh keeps the filter, and so does a run that arrives.
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    assert_eq!(app.runs.length(), 11);
    keys(&mut app, "esc", &runs);
    assert!(app.runs.view.words.is_empty() && app.runs.length() == 30 && app.focus == Focus::Runs);
    keys(&mut app, "/ x esc", &runs);
    assert!(app.runs.view.words.is_empty() && app.overlay.is_none() && app.runs.length() == 30);
}

#[test]
fn sorting_goes_up_down_and_back_to_newest_first() {
    let (mut app, runs) = opened((140, 40), 30);
    let first = |app: &App| names(app)[0].clone();
    assert_eq!(first(&app), "calm-ibis-29");
    keys(&mut app, "s", &runs);
    let value = |app: &App, at: usize| {
        let column = app.runs.catalog.metrics.column(&app.runs.catalog.texts, "val_rmse").unwrap();
        column.get(app.runs.projection.row(at).unwrap())
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
    let (x, y) = place(&app, "Status");
    feed(&mut app, click(x, y), &runs);
    assert_eq!(app.runs.view.sort.first().map(|key| key.column.name()), Some("status".into()));
    feed(&mut app, click(x, y + 3), &runs);
    assert_eq!(app.runs.cursor.at, 2);
}

#[test]
fn enter_opens_what_the_cursor_is_on_in_the_details() {
    let (mut app, mut runs) = opened((120, 36), 3);
    let schema = r#"{"mlflow_colspec":[{"name":"pH","type":"long","required":true},{"name":"alcohol","type":"double","required":false}]}"#;
    let shown = app.details.shown_run().unwrap().clone();
    let (parent, name) = (runs[0].info.run_id.clone(), runs[0].info.run_name.clone());
    let run = runs.iter_mut().find(|run| run.info.run_id == shown).unwrap();
    assert_ne!(shown, parent);
    run.params.push(Param::new("prompt", "word ".repeat(60)));
    run.tags.push(Tag::new(tags::PARENT_RUN_ID, parent.to_string()));
    run.inputs.push(DatasetInput {
        tags: Vec::new(),
        dataset: Dataset {
            name: "wine".into(),
            digest: "abc".into(),
            source_type: "local".into(),
            source: "{}".into(),
            schema: Some(schema.into()),
            profile: None,
        },
    });
    let ticket = app.details.fetched.ask();
    let found = Ok(Box::new(run.clone()));
    feed(&mut app, details::Msg::Run { ticket, result: found }, &runs);
    let go = |app: &mut App, tab: Tab, key: &str| {
        app.focus = Focus::Details;
        app.details.choose_tab(tab);
        let lines = app.details.window(0..app.details.length(), "", NOW);
        app.details.cursor.at = lines.iter().position(|line| line.key.trim() == key).unwrap();
        keys(app, "enter", &runs);
    };
    go(&mut app, Tab::Metrics, "val_rmse");
    assert!(matches!(app.screens.last(), Some(Screen::Chart(_))));
    assert!(drawn(&app).contains("val_rmse"), "{}", drawn(&app));
    keys(&mut app, "esc", &runs);
    go(&mut app, Tab::Params, "prompt");
    assert!(matches!(app.overlay, Some(Overlay::Report(_))));
    assert!(drawn(&app).matches("word").count() >= 60, "{}", drawn(&app));
    keys(&mut app, "esc", &runs);
    go(&mut app, Tab::Datasets, "schema");
    let text = drawn(&app);
    assert!(text.contains("pH       long    yes") && text.contains("alcohol  double  no"), "{text}");
    keys(&mut app, "esc", &runs);
    app.details.choose_tab(Tab::Overview);
    assert!(drawn(&app).contains(&format!("{name}  {parent}")), "{}", drawn(&app));
    go(&mut app, Tab::Overview, "parent");
    assert_eq!(app.runs.run_under_cursor(), Some(parent));
}

#[test]
fn a_run_that_is_silent_is_told_of_and_ended() {
    let (mut app, runs) = opened((120, 36), 3);
    let running = runs.iter().position(|run| run.info.status.is_active()).unwrap();
    while app.details.shown_run() != Some(&runs[running].info.run_id) {
        keys(&mut app, "2 j", &runs);
    }
    app.details.choose_tab(Tab::Overview);
    assert!(!drawn(&app).contains("if it has died"));
    app.now = NOW + 4 * 3_600_000;
    assert!(drawn(&app).contains("none for 4h; if it has died, g e ends it"), "{}", drawn(&app));
    keys(&mut app, "g e", &runs);
    let text = drawn(&app);
    assert!(
        text.contains(&format!("End {} as", runs[running].info.run_name)) && text.contains("Killed"),
        "{text}"
    );
    let effects = take(&mut app, Msg::Key(parse_keys("enter").unwrap()[0]));
    let ended = effects.iter().find_map(|effect| match effect {
        Effect::Runs(runs::effects::Effect::Write(write)) => Some(write.clone()),
        _ => None,
    });
    let Some(Write::End { ids, status, end_time }) = ended else { panic!("{effects:?}") };
    assert_eq!((ids, status), (vec![runs[running].info.run_id.clone()], RunStatus::Killed));
    assert_eq!(end_time, app.now);
    let finished = runs.iter().position(|run| !run.info.status.is_active()).unwrap();
    while app.details.shown_run() != Some(&runs[finished].info.run_id) {
        let key = if finished > running { "2 k" } else { "2 j" };
        keys(&mut app, key, &runs);
    }
    keys(&mut app, "g e", &runs);
    assert!(drawn(&app).contains("none of these runs is running"));
}

/// Keys and a paste that come at once with the answers behind them: each is about what the one before leads to.
#[test]
fn what_is_typed_ahead_is_taken_in_its_order() {
    let (mut app, runs) = opened((140, 40), 30);
    let best_of_all = app.best.run_id().map(str::to_owned);
    // A search that leaves out the best of all, and the best of what it leaves.
    let mut waiting = Vec::new();
    for event in parse_keys("/ i b i s - 2 enter b").unwrap() {
        waiting.extend(take(&mut app, Msg::Key(event)));
    }
    assert!(!app.held.is_empty(), "b waits");
    let is_release = |effect: &Effect| {
        matches!(effect, Effect::Session(crate::tui::features::session::effects::Effect::ReleaseKeys(_)))
    };
    assert!(waiting.iter().any(is_release), "and not for ever");
    take(&mut app, Msg::Paste("tree".into()));
    assert_eq!(app.held.len(), 2, "a paste does not overtake it");
    let mut queue: Vec<Msg> = waiting.into_iter().flat_map(|effect| answer(effect, &runs)).collect();
    while !queue.is_empty() {
        let msg = queue.remove(0);
        queue.extend(take(&mut app, msg).into_iter().flat_map(|effect| answer(effect, &runs)));
    }
    let under_cursor = app.runs.row_under_cursor().unwrap();
    let id = app.runs.catalog.run_id(under_cursor);
    assert_eq!(Some(id), app.best.shown_id(), "the best of what is shown, not of all");
    assert_ne!(Some(id), best_of_all.as_deref());
    assert!(app.held.is_empty() && app.status.as_deref().is_some_and(|said| said.contains("pasted")));
    // A store that takes its time holds nothing up for long.
    for event in parse_keys("/ x enter j").unwrap() {
        take(&mut app, Msg::Key(event));
    }
    assert!(!app.held.is_empty());
    let later = app.now + 500;
    update(&mut app, Msg::Tick.at(later));
    assert!(app.held.is_empty());
}
