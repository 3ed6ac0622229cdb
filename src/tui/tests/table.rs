//! The table of runs: columns, statistics, trees, groups, filters, marks, and what is remembered of them.

use super::*;
use crate::catalog::ColumnSpec;
use crate::catalog::view::{FoldState, Shape};
use crate::mlflow::Statistic;
use crate::tui::core::app::Overlay;
use crate::tui::core::layout::Focus;

fn column_names(app: &App) -> Vec<String> {
    app.runs.columns.iter().map(|shown| shown.spec.name()).collect()
}

/// Types a text letter by letter.
fn typed(app: &mut App, text: &str, runs: &[Run]) {
    for letter in text.chars() {
        let key = if letter == ' ' { "space".to_owned() } else { letter.to_string() };
        keys(app, &key, runs);
    }
}

#[test]
fn fuzzy_words_show_their_letters() {
    let (mut app, runs) = opened((140, 40), 30);
    keys(&mut app, "/", &runs);
    typed(&mut app, "frst", &runs);
    assert_eq!(app.runs.length(), 15, "every second run is of family forest");
    let terminal = screen(&app, &theme());
    let selected: String = terminal
        .backend()
        .buffer()
        .content()
        .iter()
        .filter(|cell| {
            cell.fg == ratatui::style::Color::Magenta
                && cell.modifier.contains(ratatui::style::Modifier::UNDERLINED)
        })
        .map(ratatui::buffer::Cell::symbol)
        .collect();
    assert!(selected.contains("frst"), "{selected}");
    keys(&mut app, "ctrl-u", &runs);
    typed(&mut app, "family=tree !calm", &runs);
    assert_eq!(names(&app), ["\u{1b}[1m\u{202e}x"], "without the ones whose name is usual");
    keys(&mut app, "ctrl-u", &runs);
    typed(&mut app, "00000000000000000000000000000001d", &runs);
    assert_eq!(app.runs.length(), 0, "an id is known by its start, not by its letters");
}

#[test]
fn a_filter_expression_is_completed_checked_and_applied() {
    let (mut app, runs) = opened((140, 40), 30);
    keys(&mut app, "f", &runs);
    typed(&mut app, "rms", &runs);
    assert!(drawn(&app).contains("metrics.val_rmse"), "{}", drawn(&app));
    keys(&mut app, "tab", &runs);
    typed(&mut app, " < abc", &runs);
    let text = drawn(&app);
    assert!(text.contains("metrics.val_rmse < abc") && text.contains('^'), "{text}");
    keys(&mut app, "enter", &runs);
    assert!(app.overlay.is_some() && app.runs.length() == 30, "what is wrong is not applied");
    keys(&mut app, "backspace backspace backspace", &runs);
    typed(&mut app, "0.8", &runs);
    keys(&mut app, "enter", &runs);
    assert!(app.overlay.is_none());
    let column = app.runs.catalog.metrics.column(&app.runs.catalog.texts, "val_rmse").unwrap();
    let rows: Vec<u32> = (0..app.runs.length()).filter_map(|at| app.runs.projection.row(at)).collect();
    assert!(!rows.is_empty() && rows.iter().all(|row| column.get(*row).unwrap() < 0.8));
    let text = drawn(&app);
    assert!(text.contains(&format!("{} of 30 · f metrics.val_rmse < 0.8", rows.len())), "{text}");
    // Words go on top; escape takes one after the other away.
    keys(&mut app, "/ f r s t enter", &runs);
    assert!(app.runs.length() < rows.len());
    keys(&mut app, "esc", &runs);
    assert_eq!(app.runs.length(), rows.len());
    keys(&mut app, "esc", &runs);
    assert_eq!(app.runs.length(), 30);
}

#[test]
fn columns_are_picked_moved_widened_and_remembered() {
    let (mut app, runs) = opened((200, 50), 30);
    let before = column_names(&app);
    keys(&mut app, "c", &runs);
    typed(&mut app, "tags.team", &runs);
    keys(&mut app, "space esc", &runs);
    assert!(column_names(&app).contains(&"tags.team".to_owned()));
    assert!(drawn(&app).contains("team"));
    let at = app.runs.column;
    assert_eq!(app.runs.chosen_column(), Some(&ColumnSpec::Tag("team".into())), "a new column is chosen");
    keys(&mut app, "> + + +", &runs);
    assert_eq!(app.runs.column, at + 1);
    assert_eq!(app.runs.columns[app.runs.column].width, Some(12));
    keys(&mut app, "s S", &runs);
    assert_eq!(app.runs.view.sort.len(), 1, "a second key is another column");
    keys(&mut app, "h S", &runs);
    assert_eq!(app.runs.view.sort.len(), 2);
    assert!(drawn(&app).contains(" then "));
    let remembered = app.memory.experiments["1"].clone();
    // The next visit finds everything as it was.
    let mut again = crate::tui::tests::app((200, 50));
    again.memory.experiments.insert("1".into(), remembered);
    for msg in answer(Effect::Experiments(experiments::effects::Effect::Load), &runs) {
        feed(&mut again, msg, &runs);
    }
    assert_eq!(again.runs.columns, app.runs.columns);
    assert_eq!(again.runs.view.sort, app.runs.view.sort);
    assert_eq!(again.runs.chosen_column(), app.runs.chosen_column());
    assert_eq!(again.runs.under_cursor, app.runs.under_cursor);
    assert_eq!(names(&again), names(&app));
    keys(&mut again, "g r", &runs);
    assert_eq!(column_names(&again), before);
}

#[test]
fn another_statistic_is_asked_for_and_never_taken_for_the_latest() {
    let (mut app, runs) = opened((150, 40), 30);
    keys(&mut app, "s e", &runs);
    typed(&mut app, "min", &runs);
    keys(&mut app, "enter", &runs);
    assert_eq!(app.runs.chosen_column(), Some(&ColumnSpec::Metric("val_rmse".into(), Statistic::Min)));
    assert_eq!(app.runs.view.sort[0].column.name(), "min(metrics.val_rmse)");
    assert_eq!(app.runs.needed_histories().len(), 1);
    let text = drawn(&app);
    assert!(text.contains("by min val_rmse ▲") && text.contains("0 of 29 histories read"), "{text}");
    keys(&mut app, "e", &runs);
    typed(&mut app, "step", &runs);
    keys(&mut app, "enter", &runs);
    typed(&mut app, "x", &runs);
    keys(&mut app, "enter", &runs);
    assert!(drawn(&app).contains("a step must be an integer"));
    keys(&mut app, "backspace", &runs);
    typed(&mut app, "7", &runs);
    keys(&mut app, "enter", &runs);
    assert_eq!(app.runs.chosen_column().unwrap().name(), "at(metrics.val_rmse, 7)");
}

#[test]
fn children_stand_under_their_parents() {
    let mut runs: Vec<Run> = (0..6).map(run).collect();
    let parent = runs[0].info.run_id.to_string();
    for child in [1, 2, 4] {
        runs[child].tags.push(Tag::new("mlflow.parentRunId", parent.clone()));
    }
    // Two that claim to be each other's parents stay in sight.
    let (a, b) = (runs[3].info.run_id.to_string(), runs[5].info.run_id.to_string());
    runs[3].tags.push(Tag::new("mlflow.parentRunId", b));
    runs[5].tags.push(Tag::new("mlflow.parentRunId", a));
    let mut app = app((140, 40));
    for msg in answer(Effect::Experiments(experiments::effects::Effect::Load), &runs) {
        feed(&mut app, msg, &runs);
    }
    keys(&mut app, "g t g g", &runs);
    assert_eq!(app.runs.view.shape, Shape::Tree);
    let lines = |app: &App| {
        let lines = app.runs.projection.lines.iter();
        lines.map(|line| (line.depth, line.fold)).collect::<Vec<_>>()
    };
    assert_eq!(lines(&app).iter().filter(|(depth, _)| *depth == 1).count(), 3);
    assert_eq!(app.runs.length(), 6);
    let at = lines(&app).iter().position(|(_, fold)| *fold == FoldState::Open(3)).unwrap();
    keys(&mut app, &"j ".repeat(at), &runs);
    keys(&mut app, "x", &runs);
    assert_eq!(app.runs.length(), 3);
    assert_eq!(lines(&app)[at].1, FoldState::Closed(3));
    assert!(drawn(&app).contains("▸ calm-ibis-0"), "{}", drawn(&app));
    // A child that is searched for brings its parent along, which does not count.
    keys(&mut app, "/ ' i b i s - 2 enter", &runs);
    assert_eq!(names(&app), ["calm-ibis-0", "calm-ibis-2"]);
    assert_eq!(app.runs.projection.passing, 1);
    assert!(drawn(&app).contains("1 of 6"));
}

#[test]
fn groups_show_count_and_best() {
    let (mut app, runs) = opened((160, 40), 30);
    keys(&mut app, "s", &runs);
    while app.runs.chosen_column() != Some(&ColumnSpec::Param("family".into())) {
        keys(&mut app, "l", &runs);
    }
    keys(&mut app, "g b enter", &runs);
    assert_eq!(app.runs.length(), 2, "the chosen column is the first of the list");
    let text = drawn(&app);
    assert!(text.contains("▸ tree (15)") && text.contains("▸ forest (15)"), "{text}");
    assert!(text.contains("   0.5 "), "the best of the sorted column: {text}");
    assert!(app.runs.run_under_cursor().is_none());
    keys(&mut app, "x", &runs);
    assert_eq!(app.runs.length(), 17);
    keys(&mut app, "j", &runs);
    assert!(app.runs.run_under_cursor().is_some());
    keys(&mut app, "g b enter", &runs);
    assert_eq!((app.runs.view.shape.clone(), app.runs.length()), (Shape::Flat, 30));
}

#[test]
fn marks_survive_sort_and_filter() {
    let (mut app, runs) = opened((140, 40), 30);
    keys(&mut app, "space space j v j j v", &runs);
    assert_eq!(app.runs.selected.len(), 5);
    assert!(drawn(&app).contains("▪ 5 selected"));
    keys(&mut app, "s / 2 enter", &runs);
    assert_eq!(app.runs.selected.len(), 5);
    assert_eq!(app.runs.targets().len(), 5);
    keys(&mut app, "esc u", &runs);
    assert!(app.runs.selected.is_empty());
    keys(&mut app, "v j esc", &runs);
    assert!(app.runs.range_from.is_none() && app.runs.selected.is_empty());
}

#[test]
fn the_palette_finds_an_action_that_is_possible_here() {
    let (mut app, runs) = opened((140, 40), 30);
    keys(&mut app, ":", &runs);
    typed(&mut app, "pause", &runs);
    assert!(drawn(&app).contains("pause or resume refreshing"));
    keys(&mut app, "enter", &runs);
    assert!(app.paused && app.overlay.is_none());
    keys(&mut app, ":", &runs);
    let Some(Overlay::Picker(picker)) = &app.overlay else { panic!("the palette") };
    assert!(
        !picker.list().entries.iter().any(|entry| entry.label.starts_with("messages")),
        "there are none to show"
    );
}

#[test]
fn the_default_columns_can_be_overseen() {
    let mut wide: Vec<Run> = (0..3).map(run).collect();
    for run in &mut wide {
        run.metrics = (0..2_000)
            .map(|i| Metric { key: format!("layer{i}/norm"), value: 1.0, timestamp: 0, step: 0 })
            .collect();
        run.params.push(Param::new("always", "the same"));
    }
    let mut app = app((140, 40));
    for msg in answer(Effect::Experiments(experiments::effects::Effect::Load), &wide) {
        feed(&mut app, msg, &wide);
    }
    assert!(app.runs.columns.len() < 60);
    let params: Vec<String> =
        column_names(&app).into_iter().filter(|name| name.starts_with("params.")).collect();
    assert_eq!(params, ["params.family", "params.lr", "params.always"], "what differs comes first");
    keys(&mut app, "c", &wide);
    let Some(Overlay::Picker(picker)) = &app.overlay else { panic!("the picker") };
    assert!(picker.list().entries.len() > 2_000, "all can be picked");
}

#[test]
fn a_filter_that_was_cleared_comes_back_and_earlier_ones_are_at_hand() {
    let (mut app, runs) = opened((140, 40), 30);
    keys(&mut app, "F", &runs);
    assert!(app.status.as_deref().unwrap().contains("no filter was cleared"), "{:?}", app.status);
    let all = ["params.family = tree", "user = me AND (status = failed OR status = killed)", "age < 80m"];
    let mut counts = Vec::new();
    for text in all {
        keys(&mut app, "f ctrl-u", &runs);
        typed(&mut app, text, &runs);
        keys(&mut app, "enter", &runs);
        counts.push(app.runs.length());
    }
    assert!(counts.iter().all(|count| (1..30).contains(count)), "{counts:?}");
    // Escape says how it comes back.
    keys(&mut app, "esc", &runs);
    assert_eq!((app.runs.length(), app.runs.filter_text.as_str()), (30, ""));
    assert_eq!(app.status.as_deref(), Some("F brings back the filter age < 80m"));
    keys(&mut app, "F", &runs);
    assert_eq!((app.runs.length(), app.runs.filter_text.as_str()), (counts[2], all[2]));
    // Without a cleared one it is the one before, to and fro.
    keys(&mut app, "F", &runs);
    assert_eq!(app.runs.filter_text, all[1]);
    keys(&mut app, "F", &runs);
    assert_eq!(app.runs.filter_text, all[2]);
    // Words come back too.
    keys(&mut app, "/ f r s t enter", &runs);
    let narrowed = app.runs.length();
    keys(&mut app, "esc", &runs);
    assert!(app.status.as_deref().unwrap().contains("/frst"), "{:?}", app.status);
    keys(&mut app, "F", &runs);
    assert_eq!((app.runs.length(), app.runs.words.value()), (narrowed, "frst"));
    keys(&mut app, "g r F", &runs);
    assert_eq!((app.runs.length(), app.runs.filter_text.as_str()), (narrowed, all[2]), "both");
    // The arrows go through earlier ones, and come back to what was typed.
    let line = |app: &App| match &app.overlay {
        Some(Overlay::Prompt(prompt)) => prompt.line().input.value().to_owned(),
        _ => String::new(),
    };
    keys(&mut app, "esc esc f up", &runs);
    assert_eq!(line(&app), all[2]);
    keys(&mut app, "up up up", &runs);
    assert_eq!(line(&app), all[0], "there is none before");
    keys(&mut app, "down", &runs);
    assert_eq!(line(&app), all[1]);
    keys(&mut app, "down down down", &runs);
    assert_eq!(line(&app), "");
    typed(&mut app, "rms", &runs);
    keys(&mut app, "down", &runs);
    assert_eq!(line(&app), "rms", "where completions are offered the arrows choose one");
    keys(&mut app, "esc f up up enter", &runs);
    assert_eq!(app.runs.length(), counts[1]);
    // They are there on the next visit.
    let remembered = app.runs.remembered();
    assert_eq!(remembered.filters, [all[0], all[2], all[1]]);
    app.runs.open("1".into(), "wine".into(), &remembered);
    assert_eq!(app.runs.remembered().filters, remembered.filters);
}

#[test]
fn a_filter_for_what_no_run_has_is_applied_and_told() {
    let (mut app, runs) = opened((140, 40), 30);
    keys(&mut app, "f", &runs);
    typed(&mut app, "metrics.val_rsme < 1", &runs);
    keys(&mut app, "enter", &runs);
    let said = app.status.clone().unwrap_or_default();
    assert!(said.contains("no run has metrics.val_rsme; did you mean metrics.val_rmse?"), "{said}");
    assert_eq!(app.runs.length(), 0);
    keys(&mut app, "f ctrl-u", &runs);
    typed(&mut app, "params.val_rmse > 1", &runs);
    keys(&mut app, "enter", &runs);
    let said = app.status.clone().unwrap_or_default();
    assert!(said.contains("did you mean metrics.val_rmse?"), "the kind may be the wrong one: {said}");
    keys(&mut app, "f ctrl-u", &runs);
    typed(&mut app, "metrics.val_rmse > 1", &runs);
    keys(&mut app, "enter", &runs);
    assert!(app.status.is_none(), "{:?}", app.status);
}

#[test]
fn a_mistake_in_a_filter_is_put_right_by_a_key() {
    let (mut app, runs) = opened((100, 40), 30);
    for (wrong, right) in [
        ("val_rmse < 1", "metrics.val_rmse < 1"),
        ("status = finishd", "status = FINISHED"),
        ("metrics.val_rsme < 1", "metrics.val_rmse < 1"),
    ] {
        keys(&mut app, "f ctrl-u", &runs);
        typed(&mut app, wrong, &runs);
        let text = drawn(&app);
        assert_eq!(text.contains("no run has metrics.val_rsme"), wrong.starts_with("metrics."), "{text}");
        assert!(text.contains("tab writes ") && text.contains("^^^"), "{text}");
        insta::assert_snapshot!(format!("correction-{}", wrong.split(' ').next().unwrap()), text);
        keys(&mut app, "tab", &runs);
        let Some(Overlay::Prompt(prompt)) = &app.overlay else { panic!() };
        assert_eq!(prompt.line().input.value(), right);
        assert!(prompt.line().error.is_none() && prompt.line().correction.is_none());
        // Typing goes on where it was.
        typed(&mut app, " AND age < 9d", &runs);
        let Some(Overlay::Prompt(prompt)) = &app.overlay else { panic!() };
        assert_eq!(prompt.line().input.value(), format!("{right} AND age < 9d"));
        keys(&mut app, "enter", &runs);
        assert!(app.overlay.is_none());
    }
    // Also where enter found it.
    keys(&mut app, "f ctrl-u", &runs);
    typed(&mut app, "train_loss", &runs);
    keys(&mut app, "space < 1 enter", &runs);
    assert!(drawn(&app).contains("tab writes metrics.train_loss"), "{}", drawn(&app));
}

/// The first rows are what somebody looks for who sorts.
#[test]
fn another_order_is_shown_from_its_first_row_on_where_the_run_is_seen_so() {
    let (mut app, runs) = opened((140, 40), 30);
    keys(&mut app, "2 j", &runs);
    let run = app.runs.run_under_cursor().unwrap();
    keys(&mut app, "s", &runs);
    let (cursor, height) = (app.runs.cursor, app.geometry().rows(Focus::Runs));
    assert_eq!(app.runs.run_under_cursor().unwrap(), run);
    assert!(cursor.at > 1 && cursor.at < height, "{cursor:?} of {height}");
    assert_eq!(cursor.top, 0);
    assert!(drawn(&app).contains("calm-ibis-0 "), "the best one is seen: {}", drawn(&app));
}
