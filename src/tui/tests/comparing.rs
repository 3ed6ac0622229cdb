//! Runs side by side, and what leaves the screen.

use super::*;
use crate::tui::core::app::{Overlay, Screen};
use crate::tui::features::compare::{CompareScreen, CompareTab, Show};

pub(super) fn comparison(app: &App) -> &CompareScreen {
    match app.screens.last() {
        Some(Screen::Compare(screen)) => screen,
        other => panic!("{other:?}"),
    }
}

fn typed(app: &mut App, words: &str, runs: &[Run]) {
    for c in words.chars() {
        keys(app, &if c == ' ' { "space".into() } else { c.to_string() }, runs);
    }
}

#[test]
fn comparisons() {
    for size in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)] {
        let name = format!("{}x{}", size.0, size.1);
        let (mut app, runs) = opened(size, 30);
        keys(&mut app, "space space j space C", &runs);
        insta::assert_snapshot!(format!("table-{name}"), drawn(&app));
        keys(&mut app, "v d l b % esc u C ]", &runs);
        insta::assert_snapshot!(format!("parallel-{name}"), drawn(&app));
        keys(&mut app, "]", &runs);
        insta::assert_snapshot!(format!("scatter-{name}"), drawn(&app));
        keys(&mut app, "]", &runs);
        insta::assert_snapshot!(format!("importance-{name}"), drawn(&app));
        for (overlay, script) in [("value", "] e"), ("metric", "esc ] m"), ("across", "esc ] x")] {
            keys(&mut app, script, &runs);
            insta::assert_snapshot!(format!("{overlay}-{name}"), drawn(&app));
        }
    }
}

/// Its parts are as long as each other, and the axis beside it is linear.
#[test]
fn the_bar_of_colours_says_what_it_stands_for() {
    for size in [(240, 60), (120, 36), (80, 24), (60, 20)] {
        let (mut app, runs) = opened(size, 30);
        for key in ["C ]", "]"] {
            keys(&mut app, key, &runs);
            let text = drawn(&app);
            assert!(text.contains("by rank"), "{text}");
        }
    }
}

#[test]
fn marked_runs_are_compared_else_all_that_are_shown() {
    let (mut app, runs) = opened((140, 40), 30);
    keys(&mut app, "C", &runs);
    assert_eq!(comparison(&app).members(), 30);
    keys(&mut app, "esc space j C", &runs);
    assert_eq!(comparison(&app).members(), 2, "the mark and the run under the cursor");
    keys(&mut app, "esc space space C", &runs);
    assert_eq!(comparison(&app).members(), 3);
    let slots: Vec<u16> = (0..3).map(|member| comparison(&app).slot(member)).collect();
    assert_eq!(slots, [1, 2, 3]);
    let (mut app, runs) = opened((140, 40), 1);
    keys(&mut app, "C", &runs);
    assert!(app.screens.is_empty() && drawn(&app).contains("select at least two runs"));
}

#[test]
fn differences_are_taken_to_a_baseline_and_the_best_is_marked() {
    let (mut app, runs) = opened((160, 40), 30);
    // calm-ibis-29, -27 and -25: 1.23, 1.49 and 0.75.
    keys(&mut app, "space j space j space C", &runs);
    let text = drawn(&app);
    assert!(text.contains("★0.75"), "{text}");
    assert!(!text.contains("train_loss"), "it is the same everywhere");
    keys(&mut app, "d", &runs);
    assert!(drawn(&app).contains("train_loss"));
    keys(&mut app, "d g g b", &runs);
    assert_eq!(comparison(&app).show, Show::Difference);
    let text = drawn(&app);
    assert!(text.contains("base") && text.contains("★-0.48") && text.contains("+0.26"), "{text}");
    keys(&mut app, "%", &runs);
    assert!(drawn(&app).contains("★-39.0%"), "{}", drawn(&app));
    assert!(drawn(&app).contains("difference to base in %"), "{}", drawn(&app));
    keys(&mut app, "v", &runs);
    let text = drawn(&app);
    assert!(text.contains("★-39.0%") && text.contains("val_rmse"), "{text}");
    keys(&mut app, "/", &runs);
    typed(&mut app, "rms", &runs);
    keys(&mut app, "enter", &runs);
    assert_eq!(comparison(&app).shown.len(), 1);
    keys(&mut app, "esc", &runs);
    assert!(comparison(&app).shown.len() > 1);
    keys(&mut app, "esc", &runs);
    assert!(app.screens.is_empty());
}

#[test]
fn a_metric_of_the_comparison_opens_as_a_chart_of_its_runs() {
    let (mut app, runs) = opened((160, 40), 30);
    keys(&mut app, "space space space C enter", &runs);
    let Some(Screen::Chart(chart)) = app.screens.last() else { panic!("a chart") };
    assert_eq!((chart.key(), chart.drawn.len()), ("val_rmse", 3));
    keys(&mut app, "esc", &runs);
    assert!(matches!(app.screens.last(), Some(Screen::Compare(_))));
}

#[test]
fn a_click_goes_to_a_cell_and_one_more_opens_its_chart() {
    let (mut app, runs) = opened((160, 40), 30);
    keys(&mut app, "space j space j space C d", &runs);
    let cursors = |app: &App| (comparison(app).key_cursor.at, comparison(app).member_cursor.at);
    assert_eq!(cursors(&app), (0, 0));
    let ((x, title), (_, y)) = (place(&app, "b calm-ibis"), place(&app, "train_loss"));
    let row = y - title - 1;
    feed(&mut app, click(x, y), &runs);
    assert_eq!(cursors(&app), (row, 1));
    // A click on a title or a name leaves the other cursor where it is.
    let (x, _) = place(&app, "c calm-ibis");
    feed(&mut app, click(x, title), &runs);
    assert_eq!(cursors(&app), (row, 2));
    let name = place(&app, "val_rmse");
    feed(&mut app, click(name.0, name.1), &runs);
    assert_eq!(cursors(&app), (name.1 - title - 1, 2));
    feed(&mut app, click(name.0, name.1), &runs);
    assert!(matches!(app.screens.last(), Some(Screen::Chart(chart)) if chart.key() == "val_rmse"));
    // Turned, keys are columns.
    keys(&mut app, "esc v", &runs);
    let ((x, _), (_, y)) = (place(&app, "train_loss"), place(&app, "b calm-ibis"));
    feed(&mut app, click(x, y), &runs);
    assert_eq!(cursors(&app), (row, 1));
    keys(&mut app, "]", &runs);
    feed(&mut app, click(3, 3), &runs);
    assert_eq!(cursors(&app), (row, 1), "other tabs have no cells");
}

#[test]
fn seeds_become_one_row_with_mean_and_deviation() {
    let (mut app, mut runs) = opened((160, 40), 6);
    for (number, run) in runs.iter_mut().enumerate() {
        run.params =
            vec![Param::new("lr", ["0.1", "0.2"][number % 2]), Param::new("seed", number.to_string())];
    }
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    keys(&mut app, "C s", &runs);
    assert_eq!(comparison(&app).members(), 2);
    let text = drawn(&app);
    assert!(
        text.contains("6 runs in 2 groups by seed") && text.contains("(3)") && text.contains('±'),
        "{text}"
    );
}

#[test]
fn brushes_let_through_what_lies_within() {
    let (mut app, runs) = opened((160, 40), 30);
    keys(&mut app, "C ]", &runs);
    assert_eq!(comparison(&app).tab, CompareTab::Parallel);
    let axes: Vec<String> = comparison(&app).axes.iter().map(|axis| axis.spec.name()).collect();
    assert_eq!(axes, ["params.lr", "params.family", "metrics.val_rmse"]);
    let passing = |app: &App| comparison(app).passing().iter().filter(|passes| **passes).count();
    assert_eq!(passing(&app), 30);
    // The better half of the metric, and then less of it.
    keys(&mut app, "l l j", &runs);
    let half = passing(&app);
    assert!(half > 5 && half < 25, "{half}");
    keys(&mut app, "- - - -", &runs);
    assert!(passing(&app) < half);
    assert!(drawn(&app).contains("pass; val_rmse from"));
    keys(&mut app, "0", &runs);
    assert_eq!(passing(&app), 30);
}

#[test]
fn what_matters_is_said_with_the_runs_it_rests_on_or_not_at_all() {
    let (mut app, runs) = opened((160, 40), 30);
    keys(&mut app, "C ] ] ]", &runs);
    let text = drawn(&app);
    assert!(text.contains("val_rmse over 25 runs") && text.contains("R²"), "{text}");
    let (mut app, runs) = opened((160, 40), 8);
    keys(&mut app, "C ] ] ]", &runs);
    assert!(drawn(&app).contains("too few runs: 6 have a number"), "{}", drawn(&app));
}

#[test]
fn runs_of_several_experiments_are_compared() {
    let (mut app, mut runs) = opened((160, 40), 5);
    let mut other = run(40);
    other.info.experiment_id = "0".into();
    runs.push(other);
    keys(&mut app, "space space", &runs);
    // The other experiment has a run of its own.
    let others: Vec<Run> = runs[5..].to_vec();
    keys(&mut app, "1 j", &runs);
    for event in parse_keys("enter").unwrap() {
        feed(&mut app, Msg::Key(event), &others);
    }
    keys(&mut app, "space C", &runs);
    let screen = comparison(&app);
    assert_eq!(screen.members(), 3);
    assert!(drawn(&app).contains("3 runs · 2 experiments"), "{}", drawn(&app));
}

#[test]
fn no_size_is_too_small_for_any_of_it() {
    let (mut app, runs) = opened((100, 30), 14);
    for opened in ["3 ]", "[ enter m h", "esc 2 C", "v d b", "]", "j l", "]", "]", "? "] {
        keys(&mut app, opened.trim(), &runs);
        for columns in (12..130).step_by(7) {
            for rows in 3..40 {
                feed(&mut app, Msg::Resize { columns, rows }, &runs);
                drawn(&app);
            }
        }
        feed(&mut app, Msg::Resize { columns: 100, rows: 30 }, &runs);
    }
}

/// The first effect that leaves the screen after a form was picked.
fn exported(app: &mut App, pick: &str, runs: &[Run]) -> Effect {
    keys(app, "E", runs);
    assert!(matches!(app.overlay, Some(Overlay::Picker(_))));
    typed(app, pick, runs);
    let effects = take(app, Msg::Key(parse_keys("enter").unwrap()[0]));
    let leaves = |effect: &Effect| {
        matches!(effect, Effect::Shell(Shell::Copy(_)) | Effect::Export(export::effects::Effect::Save { .. }))
    };
    effects.into_iter().find(leaves).unwrap_or(Effect::Shell(Shell::Quit))
}

#[test]
fn everything_on_the_screen_can_leave_it() {
    let (mut app, runs) = opened((160, 40), 5);
    let Effect::Shell(Shell::Copy(text)) = exported(&mut app, "copy as csv", &runs) else { panic!() };
    assert!(text.starts_with("run_id,run_name,status,") && text.lines().count() == 6, "{text}");
    keys(&mut app, "3", &runs);
    let Effect::Shell(Shell::Copy(text)) = exported(&mut app, "copy as svg", &runs) else { panic!() };
    assert!(text.starts_with("<svg"), "{text}");
    keys(&mut app, "]", &runs);
    let Effect::Shell(Shell::Copy(text)) = exported(&mut app, "copy as json", &runs) else { panic!() };
    assert!(text.contains("\"key\": \"run id\""), "{text}");
    keys(&mut app, "1", &runs);
    let Effect::Shell(Shell::Copy(text)) = exported(&mut app, "copy as markdown", &runs) else { panic!() };
    assert!(text.contains("| wine"), "{text}");
    keys(&mut app, "2 C", &runs);
    let Effect::Shell(Shell::Copy(text)) = exported(&mut app, "copy as csv", &runs) else { panic!() };
    assert!(text.starts_with("kind,name,calm-ibis-4") || text.starts_with("kind,name,"), "{text}");
    keys(&mut app, "]", &runs);
    let Effect::Shell(Shell::Copy(text)) = exported(&mut app, "copy as csv", &runs) else { panic!() };
    assert!(text.lines().next().unwrap().ends_with("metrics.val_rmse,passes"), "{text}");
    keys(&mut app, "]", &runs);
    let Effect::Shell(Shell::Copy(text)) = exported(&mut app, "copy as csv", &runs) else { panic!() };
    assert!(text.starts_with("run_id,run_name,params.lr,metrics.val_rmse"), "{text}");
    keys(&mut app, "]", &runs);
    assert!(
        matches!(exported(&mut app, "copy as csv", &runs), Effect::Shell(Shell::Quit)),
        "too few runs for that"
    );
    keys(&mut app, "]", &runs);
    // A file is named first.
    exported(&mut app, "save as json", &runs);
    let Some(Overlay::Prompt(prompt)) = &app.overlay else { panic!("a name") };
    assert_eq!(prompt.line().input.value(), "comparison.json");
    let effects = take(&mut app, Msg::Key(parse_keys("enter").unwrap()[0]));
    let saved = effects
        .into_iter()
        .find(|effect| matches!(effect, Effect::Export(export::effects::Effect::Save { .. })));
    let Some(Effect::Export(export::effects::Effect::Save { path, content })) = saved else {
        panic!("saved")
    };
    assert!(path == "comparison.json" && content.starts_with('['));
}

/// Words between two and more spaces, or between what frames are drawn with.
fn words_of(line: &str) -> Vec<String> {
    let plain: String = line.chars().map(|c| if "\"│┃┏┓┗┛━─‹›".contains(c) { '\u{1f}' } else { c }).collect();
    let parts = plain.split('\u{1f}').flat_map(|part| part.split("  "));
    parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn are_apart(words: &[String], what: &str) {
    for (at, word) in words.iter().enumerate() {
        assert!(!words[..at].contains(word), "{word:?} stands twice in {what}");
    }
}

mod labels {
    use proptest::prelude::*;

    use super::*;

    /// Long names that have beginnings and ends in common.
    fn name() -> impl Strategy<Value = String> {
        let part = |parts: &'static [&'static str]| proptest::sample::select(parts.to_vec());
        let begin = part(&["", "resnet50-imagenet-pretrained-", "a/very/long/path/to/"]);
        let end = part(&["", "-with-warmup-and-cosine-decay", ".weights", "-seed"]);
        (begin, "[ab]{0,2}[0-9]{0,2}", end).prop_map(|(begin, middle, end)| format!("{begin}{middle}{end}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

        #[test]
        fn no_two_columns_or_axes_carry_the_same_label(
            names in prop::collection::vec(name(), 2..9),
            keys in prop::collection::hash_set(name().prop_filter("a key", |key| !key.is_empty()), 1..7),
            size in proptest::sample::select(vec![(200, 50), (120, 36), (80, 24), (60, 20)]),
        ) {
            let (mut app, mut runs) = opened(size, names.len());
            for (at, (run, name)) in runs.iter_mut().zip(&names).enumerate() {
                run.info.run_name.clone_from(name);
                // The same names are those of params and of metrics.
                run.params = keys.iter().map(|key| Param::new(key, format!("{key}-{}-{key}", at % 3))).collect();
                run.metrics = keys
                    .iter()
                    .map(|key| Metric { key: key.clone(), value: 1.0 + at as f64, timestamp: NOW, step: 9 })
                    .collect();
            }
            let ticket = app.runs.newest.ticket();
            feed(&mut app, snapshot(ticket, &runs), &runs);
            keys_of(&mut app, "C", &runs);
            let text = drawn(&app);
            let lines: Vec<&str> = text.lines().collect();
            are_apart(&words_of(lines[2]), &text);
            if size.0 >= 70 {
                let first = |line: &&str| words_of(line).into_iter().next();
                let keys: Vec<String> = lines[3..].iter().filter_map(|line| {
                    let words = words_of(line);
                    let kinds = ["metrics", "params", "attributes", "tags"];
                    if kinds.contains(&words.first()?.as_str()) { words.get(1).cloned() } else { first(line) }
                }).take_while(|word| word != "attributes").take(comparison(&app).shown.len()).collect();
                are_apart(&keys, &text);
            }
            keys_of(&mut app, "v", &runs);
            let text = drawn(&app);
            are_apart(&words_of(text.lines().nth(2).unwrap()), &text);
            let members: Vec<String> =
                text.lines().skip(3).take(names.len()).filter_map(|line| words_of(line).into_iter().next()).collect();
            are_apart(&members, &text);
            keys_of(&mut app, "v ]", &runs);
            let text = drawn(&app);
            if comparison(&app).axes.len() > 1 {
                are_apart(&words_of(text.lines().nth(2).unwrap()), &text);
            }
        }
    }

    fn keys_of(app: &mut App, words: &str, runs: &[Run]) {
        super::keys(app, words, runs);
    }
}

#[test]
fn another_value_of_the_histories_is_read_as_it_is_seen() {
    let (mut app, runs) = opened((160, 40), 30);
    keys(&mut app, "space space space C", &runs);
    assert!(drawn(&app).contains("last values"), "{}", drawn(&app));
    keys(&mut app, "e down enter", &runs);
    let text = drawn(&app);
    assert!(text.contains("min values"), "{text}");
    // The histories fall to the last value, 1/40 less a 40th part.
    let screen = comparison(&app);
    let metric = screen.comparison().unwrap().metric("val_rmse").unwrap().clone();
    assert_eq!(metric.spec.name(), "min(metrics.val_rmse)");
    assert!(screen.comparison().unwrap().is_known(&metric));
    assert!(text.contains("at step 39"), "{text}");
    keys(&mut app, "e down down down enter", &runs);
    assert!(drawn(&app).contains("first values"), "{}", drawn(&app));
    keys(&mut app, "e down enter 3 enter", &runs);
    let text = drawn(&app);
    assert!(text.contains("values at step 3") && text.contains("at step 3"), "{text}");
    keys(&mut app, "]", &runs);
    assert!(
        drawn(&app).contains("val_rmse · lower is better · 3 runs · values at step 3"),
        "{}",
        drawn(&app)
    );
    let Effect::Shell(Shell::Copy(text)) = exported(&mut app, "copy as csv", &runs) else { panic!() };
    assert!(text.lines().next().unwrap().contains("at(metrics.val_rmse, 3)"), "{text}");
}

#[test]
fn histories_that_cannot_be_read_are_told_and_tried_again() {
    let (mut app, runs) = opened((160, 40), 8);
    keys(&mut app, "C", &runs);
    // Nobody answers at first.
    for key in ["e", "down", "enter"] {
        take(&mut app, Msg::Key(parse_keys(key).unwrap()[0]));
    }
    assert!(comparison(&app).histories.asked.is_waiting());
    let ticket = comparison(&app).histories.asked.ticket();
    let error = StoreError::new("read a history", ErrorKind::NotFound("it is gone".into()));
    let part = crate::mlflow::Part::All;
    let failed = compare::Msg::Summarised { ticket, part, result: Err(error) };
    let effects = take(&mut app, failed);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Compare(_))), "it does not ask for ever");
    assert!(drawn(&app).contains("it is gone"), "{}", drawn(&app));
    keys(&mut app, "]", &runs);
    assert!(drawn(&app).contains("could not be read"), "{}", drawn(&app));
    keys(&mut app, "[ e down enter", &runs);
    assert!(drawn(&app).contains("at step 0"), "{}", drawn(&app));
}

#[test]
fn the_scatter_plot_begins_with_the_param_that_matters_most() {
    let (mut app, mut runs) = opened((160, 40), 30);
    for (number, run) in runs.iter_mut().enumerate() {
        run.params = vec![
            Param::new("noise", (number * 7919 % 31).to_string()),
            Param::new("width", (number * 37 % 100).to_string()),
            Param::new("same", "x"),
        ];
    }
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    keys(&mut app, "C ] ]", &runs);
    assert_eq!(comparison(&app).x, Some(crate::catalog::ColumnSpec::Param("width".into())));
    assert_eq!(comparison(&app).y, Some(crate::catalog::ColumnSpec::metric("val_rmse")));
    // Runs without the metric, and params that are the same everywhere, come by a key.
    let text = drawn(&app);
    assert!(text.contains("d also shows 5 runs without val_rmse and 1 param"), "{text}");
    keys(&mut app, "x", &runs);
    assert!(!drawn(&app).contains("params.same"), "{}", drawn(&app));
    keys(&mut app, "esc d x", &runs);
    assert!(drawn(&app).contains("params.same"), "{}", drawn(&app));
    typed(&mut app, "noise", &runs);
    keys(&mut app, "enter", &runs);
    assert_eq!(
        comparison(&app).x,
        Some(crate::catalog::ColumnSpec::Param("noise".into())),
        "what is chosen stays"
    );
    assert!(!drawn(&app).contains("without val_rmse"));
}

#[test]
fn the_cell_under_the_cursor_is_told_in_full_and_long_values_differ() {
    let (mut app, mut runs) = opened((80, 24), 3);
    for (number, run) in runs.iter_mut().enumerate() {
        run.info.run_name = format!("resnet50-pretrained-on-imagenet-seed{number}");
        run.params =
            vec![Param::new("path", format!("/data/very/long/directory/part{number}/train.parquet"))];
    }
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    keys(&mut app, "C", &runs);
    let at = (0..comparison(&app).shown.len())
        .find(|at| comparison(&app).entry(*at).is_some_and(|entry| entry.spec.name() == "params.path"))
        .unwrap();
    for _ in 0..at {
        keys(&mut app, "j", &runs);
    }
    let text = drawn(&app);
    assert!(text.contains("/data/very/long/directory/part"), "{text}");
    for number in 0..3 {
        let (path, seed) = (format!("…{number}/train"), format!("…seed{number}"));
        assert!(text.contains(&path) && text.contains(&seed), "{text}");
    }
}
