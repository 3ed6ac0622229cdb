//! What columns there are and how they look: arranged in their list, those that differ, those of the settings, tinted.

use ratatui::style::Color;

use super::*;
use crate::config::DefaultColumn;
use crate::tui::core::app::Overlay;

fn column_names(app: &App) -> Vec<String> {
    app.runs.columns.iter().map(|shown| shown.spec.name()).collect()
}

fn typed(app: &mut App, text: &str, runs: &[Run]) {
    text.chars().for_each(|letter| keys(app, &letter.to_string(), runs));
}

#[test]
fn columns_are_set_all_at_once_and_moved_in_their_list() {
    let (mut app, runs) = opened((120, 36), 30);
    let before = column_names(&app);
    keys(&mut app, "c alt-down", &runs);
    let mut moved = before.clone();
    moved.swap(1, 2);
    assert_eq!(column_names(&app), moved, "the list shows the columns in their order");
    keys(&mut app, "alt-up", &runs);
    assert_eq!(column_names(&app), before);
    keys(&mut app, "alt-up", &runs);
    assert_eq!(column_names(&app), before, "the name stays in front");
    typed(&mut app, "tags", &runs);
    keys(&mut app, "alt-a", &runs);
    let names = column_names(&app);
    assert!(names.contains(&"tags.team".to_owned()) && names.len() > before.len(), "{names:?}");
    keys(&mut app, "alt-n", &runs);
    assert_eq!(column_names(&app), before, "those that do not match stay");
    keys(&mut app, "ctrl-u", &runs);
    typed(&mut app, "lr", &runs);
    keys(&mut app, "alt-o esc", &runs);
    assert_eq!(column_names(&app), ["run_name", "params.lr"]);
    keys(&mut app, "g r", &runs);
    assert_eq!(column_names(&app), before);
}

#[test]
fn too_many_columns_at_once_are_refused() {
    let mut runs: Vec<Run> = (0..3).map(run).collect();
    for at in 0..400 {
        runs[0].params.push(Param::new(format!("many_{at}"), "1"));
    }
    let mut app = opened_with((120, 36), &runs);
    let before = column_names(&app);
    keys(&mut app, "c", &runs);
    typed(&mut app, "many", &runs);
    keys(&mut app, "alt-a", &runs);
    assert!(app.status.as_deref().is_some_and(|said| said.contains("too many")), "{:?}", app.status);
    assert!(matches!(&app.overlay, Some(Overlay::Picker(_))));
    assert_eq!(column_names(&app), before);
}

#[test]
fn what_is_the_same_for_all_runs_shown_can_be_left_out() {
    let (mut app, runs) = opened((200, 50), 30);
    let before = column_names(&app);
    keys(&mut app, "d", &runs);
    let names = column_names(&app);
    assert!(!names.contains(&"user_id".to_owned()), "all runs are ana's: {names:?}");
    assert!(names.contains(&"params.family".to_owned()));
    assert!(drawn(&app).contains("the same"), "the title says that there are more");
    // Among what a filter leaves, more is the same, and comes back with the filter gone.
    keys(&mut app, "/", &runs);
    typed(&mut app, "family=tree", &runs);
    keys(&mut app, "enter", &runs);
    assert!(!column_names(&app).contains(&"params.family".to_owned()));
    let remembered = app.memory.experiments["1"].clone();
    assert!(remembered.differing && remembered.columns.is_none(), "{remembered:?}");
    keys(&mut app, "esc", &runs);
    assert_eq!(column_names(&app), names);
    keys(&mut app, "d", &runs);
    assert_eq!(column_names(&app), before, "each is where it was");
    // What the user arranged is kept whole, too.
    keys(&mut app, "l > d", &runs);
    let all: Vec<String> = app.runs.all_columns().iter().map(|shown| shown.spec.name()).collect();
    assert_eq!(app.runs.remembered().columns.map(|columns| columns.len()), Some(all.len()));
    assert!(all.contains(&"user_id".to_owned()));
}

#[test]
fn the_settings_name_the_first_columns() {
    let runs: Vec<Run> = (0..10).map(run).collect();
    let spec = |name: &str| DefaultColumn::Named(crate::catalog::ColumnSpec::parse(name).unwrap());
    let open = |columns: Vec<DefaultColumn>| {
        let mut app = app((120, 36));
        app.runs.default_columns = columns;
        for msg in answer(Effect::Experiments(experiments::effects::Effect::Load), &runs) {
            feed(&mut app, msg, &runs);
        }
        app
    };
    let mut app = open(vec![spec("started"), spec("metrics.not_here"), spec("params.lr")]);
    assert_eq!(column_names(&app), ["run_name", "started", "params.lr"]);
    keys(&mut app, "c down down space esc", &runs);
    assert_ne!(column_names(&app).len(), 3, "the user's own choice goes before");
    keys(&mut app, "g r", &runs);
    assert_eq!(column_names(&app).len(), 3, "and that of the settings comes back");
    let others = column_names(&open(vec![spec("params.lr"), DefaultColumn::Others]));
    assert_eq!(others[..3], ["run_name", "params.lr", "status"], "{others:?}");
    assert_eq!(others.iter().filter(|name| *name == "params.lr").count(), 1);
}

/// The background of the cell in which these words begin.
fn ground_of(app: &App, theme: &Theme, words: &str) -> Color {
    let terminal = screen(app, theme);
    let buffer = terminal.backend().buffer();
    let width = buffer.area.width as usize;
    let found = buffer.content().chunks(width).find_map(|row| {
        let text: Vec<&str> = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        let at = (0..width).find(|at| text[*at..].concat().starts_with(words))?;
        Some(row[at].bg)
    });
    found.unwrap_or_else(|| panic!("no {words}"))
}

#[test]
fn heat_goes_from_the_worst_to_the_best_whatever_the_direction() {
    let mut runs: Vec<Run> = (0..9).map(run).collect();
    for (at, run) in runs.iter_mut().enumerate() {
        let metric = |key: &str, value: f64| Metric { key: key.into(), value, timestamp: NOW, step: 0 };
        // One that went wrong does not take all colours.
        let loss = if at == 8 { 1e6 } else { 10.25 + at as f64 };
        run.metrics = vec![
            metric("val_loss", loss),
            metric("accuracy", 0.3125 + at as f64 / 64.0),
            metric("grad_norm", f64::NAN),
        ];
    }
    let mut app = opened_with((160, 40), &runs);
    let truecolor = Abilities { truecolor: true, indexed: true, light: None };
    let theme = Theme::new(true, Palette::Dark, truecolor, Glyphs::Unicode);
    keys(&mut app, "l l", &runs);
    assert_eq!(ground_of(&app, &theme, "10.25"), Color::Reset);
    keys(&mut app, "H", &runs);
    let greener = |color: Color| match color {
        Color::Rgb(red, green, _) => i32::from(green) - i32::from(red),
        other => panic!("{other:?}"),
    };
    assert!(greener(ground_of(&app, &theme, "10.25")) > 20, "the least loss is the best");
    assert!(greener(ground_of(&app, &theme, "17.25")) < -20, "the greatest that counts is the worst");
    assert!(greener(ground_of(&app, &theme, "0.42188")) > 10, "a score is better when it is greater");
    assert!(greener(ground_of(&app, &theme, "0.3125")) < -20);
    assert!(ground_of(&app, &theme, "NaN") == Color::Reset, "NaN has no place among the others");
    assert!(app.runs.remembered().heat);
    // Without colours bold and dim tell the ends.
    let plain = Theme::new(false, Palette::Auto, TERMINAL, Glyphs::Ascii);
    assert_ne!(plain.warmth(1.0, true), plain.warmth(0.5, true));
    assert_ne!(plain.warmth(0.0, true), plain.warmth(0.5, true));
    keys(&mut app, "H", &runs);
    assert_eq!(ground_of(&app, &theme, "10.25"), Color::Reset);
}

#[test]
fn what_of_a_list_is_seen_stands_in_its_border() {
    let (mut app, runs) = opened((120, 36), 100);
    let bars = |app: &App| -> Vec<usize> {
        let terminal = screen(app, &theme());
        let buffer = terminal.backend().buffer();
        let rows = buffer.content().chunks(buffer.area.width as usize).enumerate();
        rows.filter(|(_, row)| row.iter().any(|cell| cell.symbol() == "▐")).map(|(y, _)| y).collect()
    };
    let first = bars(&app);
    assert!(!first.is_empty() && first[0] == 3, "at the top, below the titles: {first:?}");
    keys(&mut app, "j", &runs);
    assert_eq!(bars(&app), first);
    keys(&mut app, "G", &runs);
    let last = bars(&app);
    assert!(last.len() == first.len() && last[0] > first[0], "{last:?}");
    let area = app.geometry().runs.unwrap();
    assert_eq!(last.last().copied(), Some(area.bottom() as usize - 2), "at its end");
    let (few, _) = opened((120, 36), 4);
    assert!(bars(&few).is_empty(), "all is seen");
}

#[test]
fn the_help_is_searched_by_typing() {
    let (mut app, runs) = opened((120, 36), 10);
    keys(&mut app, "?", &runs);
    typed(&mut app, "tint", &runs);
    let text = drawn(&app);
    assert!(text.contains("tint metrics") && !text.contains("sort by the column"), "{text}");
    keys(&mut app, "backspace backspace backspace backspace", &runs);
    typed(&mut app, "H", &runs);
    let text = drawn(&app);
    assert!(text.contains("tint metrics") && !text.contains("sort by the column"), "a key is found: {text}");
    keys(&mut app, "esc", &runs);
    assert!(app.help.as_ref().is_some_and(|help| help.words.value().is_empty()));
    keys(&mut app, "x y z z y", &runs);
    assert!(drawn(&app).contains("no key does that here"));
    keys(&mut app, "esc q", &runs);
    assert!(app.help.is_none() && !app.quitting, "q closes it while nothing is typed");
}

#[test]
fn a_note_is_read_as_markdown_and_opened_whole() {
    let mut runs: Vec<Run> = (0..3).map(run).collect();
    let note = "# Why\n\n- it is **best**\n- `lr` was halved\n\nlong story";
    runs[2].tags.push(Tag::new("mlflow.note.content", note));
    let mut app = opened_with((120, 36), &runs);
    keys(&mut app, "3 ]", &runs);
    let text = drawn(&app);
    assert!(text.contains("note") && text.contains("• it is best") && !text.contains("**"), "{text}");
    for _ in 0..40 {
        let line = app.details.window(app.details.cursor.at..app.details.cursor.at + 1, "", NOW).pop();
        if line.is_some_and(|line| line.key == "note") {
            break;
        }
        keys(&mut app, "j", &runs);
    }
    keys(&mut app, "enter", &runs);
    let text = drawn(&app);
    assert!(matches!(app.overlay, Some(Overlay::Report(_))) && text.contains("long story"), "{text}");
}

#[test]
fn lines_that_do_not_fit_go_on_beside_the_others() {
    let mut runs: Vec<Run> = (0..3).map(run).collect();
    for at in 0..30 {
        runs[2].params.push(Param::new(format!("param_{at:02}"), format!("value-{at}")));
    }
    let mut app = opened_with((200, 30), &runs);
    keys(&mut app, "g l 3 ] ] ]", &runs);
    let pane = app.geometry().details.unwrap();
    assert!(pane.width > 140 && app.details.length() > pane.height as usize, "{pane:?}");
    let text = drawn(&app);
    let row = text.lines().find(|line| line.contains("param_00  value-0")).unwrap();
    assert!(row.matches("value-").count() == 2, "{text}");
    // The cursor goes down the first column and on in the second, and a click finds what is drawn there.
    keys(&mut app, "G", &runs);
    let last = app.details.window(app.details.cursor.at..app.details.cursor.at + 1, "", NOW).pop().unwrap();
    assert_eq!(last.key, app.details.run().unwrap().params.last().unwrap().key);
    let (x, y) = place(&app, "param_25");
    feed(&mut app, click(x, y), &runs);
    let line = app.details.window(app.details.cursor.at..app.details.cursor.at + 1, "", NOW).pop().unwrap();
    assert_eq!(line.key, "param_25");
}

#[test]
fn a_note_that_was_begun_is_not_lost_by_a_key() {
    let (mut app, runs) = opened((120, 36), 3);
    keys(&mut app, "n h i alt-enter y o u esc", &runs);
    assert!(drawn(&app).contains("Leave without applying it?"), "{}", drawn(&app));
    keys(&mut app, "n", &runs);
    let Some(Overlay::Prompt(prompt)) = &app.overlay else { panic!("{:?}", app.overlay) };
    assert_eq!(prompt.line().input.value(), "hi\nyou");
    keys(&mut app, "esc y", &runs);
    assert!(app.overlay.is_none());
    keys(&mut app, "n esc", &runs);
    assert!(app.overlay.is_none(), "nothing was typed");
}

#[test]
fn the_status_is_seen_however_long_names_are() {
    let mut runs: Vec<Run> = (0..5).map(run).collect();
    runs[4].info.run_name = "a-name-that-is-far-longer-than-any-column-has-room-for".into();
    for size in [(60, 20), (80, 24), (120, 36)] {
        let app = opened_with(size, &runs);
        assert!(drawn(&app).contains("Status"), "{}", drawn(&app));
    }
}

#[test]
fn a_group_has_charts_and_no_mean_is_claimed_where_there_is_none() {
    let (mut app, runs) = opened((140, 40), 12);
    keys(&mut app, "g b enter", &runs);
    assert!(app.runs.group_under_cursor().is_some());
    let text = drawn(&app);
    assert!(text.contains("first of 6 in the group") && text.contains("val_rmse"), "{text}");
    keys(&mut app, "3 a", &runs);
    assert!(drawn(&app).contains("± ") || drawn(&app).contains("mean"), "{}", drawn(&app));
    let (mut app, runs) = opened((140, 40), 12);
    keys(&mut app, "space space space 3 a", &runs);
    let said = app.status.clone().unwrap_or_default();
    assert!(said.contains("no two of the selected runs"), "{said}");
}

#[test]
fn a_column_that_is_switched_on_by_hand_stays_and_stands_once() {
    let (mut app, runs) = opened((200, 50), 30);
    let before = column_names(&app);
    keys(&mut app, "d", &runs);
    assert!(!column_names(&app).contains(&"user_id".to_owned()));
    // It is on in the list, and off and on again it is shown.
    keys(&mut app, "c", &runs);
    typed(&mut app, "user_id", &runs);
    keys(&mut app, "space", &runs);
    keys(&mut app, "up space esc", &runs);
    let ticket = app.runs.newest.ask();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    let names = column_names(&app);
    assert_eq!(names.iter().filter(|name| *name == "user_id").count(), 1, "{names:?}");
    keys(&mut app, "d", &runs);
    let mut all = column_names(&app);
    assert_eq!(all.len(), before.len(), "{all:?}");
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), before.len());
}

#[test]
fn heat_follows_another_direction() {
    let (mut app, runs) = opened((160, 40), 12);
    let metric = crate::catalog::ColumnSpec::metric("val_rmse");
    keys(&mut app, "H", &runs);
    let least = |app: &App| app.runs.heat.warmth(&metric, 0.5).map(|warmth| warmth.share);
    assert_eq!(least(&app), Some(1.0));
    let mut policy = app.best.policy().unwrap().clone();
    policy.objectives[0].goal = crate::select::Goal::Maximize;
    app.best.policies.insert(app.runs.experiment.clone().unwrap(), policy);
    feed(&mut app, Msg::Tick, &runs);
    feed(&mut app, Msg::Tick, &runs);
    assert_eq!(least(&app), Some(0.0));
}
