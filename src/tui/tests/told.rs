//! What is told whole, and what is told apart, on whatever screen.

use super::*;
use crate::catalog::ColumnSpec;
use crate::tui::core::layout::Focus;
use crate::tui::features::runs::column_layout::table;
use crate::tui::features::runs::titles::titles;

/// Runs whose names differ at their ends.
fn seeds(count: usize) -> Vec<Run> {
    let named = |number: usize| {
        let mut run = run(number);
        run.info.run_name = format!("resnet50-imagenet-pretrained-with-warmup-seed{number}");
        run
    };
    (0..count).map(named).collect()
}

/// Words that are written in several lines: each is somewhere, whole.
fn has_words(app: &App, words: &str) {
    let text = drawn(app);
    for word in words.split_whitespace() {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
}

#[test]
fn long_names_keep_what_differs() {
    let runs = seeds(12);
    for size in [(60, 20), (80, 24), (120, 36), (200, 50), (240, 60)] {
        let app = opened_with(size, &runs);
        let text = drawn(&app);
        // As many as there are rows.
        for number in (12 - app.geometry().rows(Focus::Runs).min(12))..12 {
            assert!(text.contains(&format!("seed{number} ")), "seed{number} at {size:?}\n{text}");
        }
    }
    let app = opened_with((240, 60), &runs);
    assert!(drawn(&app).contains(&runs[0].info.run_name), "whole where there is room\n{}", drawn(&app));
    // A name that is whole on one line is the same on another.
    let mut runs = seeds(3);
    runs[1].info.run_name = runs[0].info.run_name.clone();
    let text = drawn(&opened_with((80, 24), &runs));
    assert!(!text.contains("#2"), "{text}");
}

#[test]
fn no_two_columns_have_the_same_title() {
    let mut runs: Vec<Run> = (0..12).map(run).collect();
    for run in &mut runs {
        for part in ["query", "key", "value", "output"] {
            let key = format!("encoder.layer.attention.{part}.grad_norm");
            run.metrics.push(Metric { key, value: 0.5, timestamp: NOW, step: 1 });
        }
        for key in ["lr", "a_rather_long_name_of_a_learning_rate"] {
            run.metrics.push(Metric { key: key.into(), value: 0.5, timestamp: NOW, step: 1 });
            run.params.push(Param::new(key, "3"));
            run.tags.push(Tag::new(key, "3"));
        }
        run.params.push(Param::new("Status", "3"));
    }
    for size in [(60, 20), (80, 24), (120, 36), (200, 50), (240, 60)] {
        let mut app = opened_with(size, &runs);
        keys(&mut app, "z", &runs);
        let specs = [
            ColumnSpec::Tag("lr".into()),
            ColumnSpec::Param("lr".into()),
            ColumnSpec::Tag("a_rather_long_name_of_a_learning_rate".into()),
            ColumnSpec::Param("Status".into()),
        ];
        app.runs.show_columns(&specs, true);
        for column in 0..app.runs.columns.len() {
            app.runs.choose_column(column);
            let pane = app.geometry().pane(Focus::Runs).unwrap();
            let places = table(&app.runs, pane).columns.places;
            let titles = titles(&app.runs, &places, &theme());
            for (at, title) in titles.iter().enumerate() {
                assert!(!titles[..at].contains(title), "{title} at {size:?}: {titles:?}");
                assert!(text::width(title) <= places[at].width, "{title}");
            }
        }
        let lr = app.runs.columns.iter().position(|shown| shown.spec == ColumnSpec::Param("lr".into()));
        app.runs.choose_column(lr.unwrap());
        assert!(drawn(&app).contains("lr (param)"), "{size:?}\n{}", drawn(&app));
    }
}

#[test]
fn messages_are_told_in_as_many_lines_as_they_need() {
    let (mut app, _) = opened((60, 20), 12);
    let words = "no status \"finnished\"; there are RUNNING, SCHEDULED, FINISHED, FAILED, KILLED, in letters large or small";
    app.say(words);
    has_words(&app, words);
    app.say("word ".repeat(100) + "last");
    let text = drawn(&app);
    assert!(text.contains("… (g m shows all)") && !text.contains("last"), "{text}");
}

#[test]
fn what_is_wrong_with_a_filter_is_told_whole() {
    for size in [(60, 20), (80, 24)] {
        let (mut app, runs) = opened(size, 12);
        keys(&mut app, "f", &runs);
        for letter in "f1-score > 0.5".chars() {
            let key = if letter == ' ' { "space".to_owned() } else { letter.to_string() };
            keys(&mut app, &key, &runs);
        }
        keys(&mut app, "enter", &runs);
        has_words(&app, "metrics.`f1-score`, params.`f1-score`");
    }
}

#[test]
fn the_footer_tells_of_the_range() {
    for size in [(60, 20), (80, 24), (140, 40)] {
        let (mut app, runs) = opened(size, 30);
        keys(&mut app, "g g v j j", &runs);
        let text = drawn(&app);
        let footer = text.lines().last().unwrap();
        assert!(footer.contains("range of 3  esc leave  space select  C compare"), "{footer}");
        assert!(text.contains("3 runs in the range"), "{text}");
        keys(&mut app, "esc", &runs);
        assert!(!drawn(&app).contains("range of"), "{}", drawn(&app));
    }
}

#[test]
fn what_is_filtered_by_is_told_whole() {
    let filter = "metrics.val_rmse < 1.2 AND age < 9d";
    for size in [(60, 20), (80, 24), (120, 36), (200, 50)] {
        let (mut app, runs) = opened(size, 30);
        keys(&mut app, "f", &runs);
        for letter in filter.chars() {
            let key = if letter == ' ' { "space".to_owned() } else { letter.to_string() };
            keys(&mut app, &key, &runs);
        }
        keys(&mut app, "enter 4", &runs);
        let text = drawn(&app);
        assert!(text.contains(&format!("f {filter} AND user = me")), "{size:?}\n{text}");
        assert!(size.0 < 80 || text.contains("[4 mine]"), "{text}");
    }
}

#[test]
fn the_view_is_a_chip() {
    let (mut app, runs) = opened((140, 40), 30);
    let place = place(&app, "W view");
    feed(&mut app, click(place.0 + 2, place.1), &runs);
    assert!(drawn(&app).contains("Views"), "{}", drawn(&app));
    keys(&mut app, "esc s g W b e s t enter", &runs);
    for size in [(140, 40), (80, 24)] {
        feed(&mut app, Msg::Resize { columns: size.0, rows: size.1 }, &runs);
        assert!(drawn(&app).contains("[W view best]"), "{}", drawn(&app));
    }
    keys(&mut app, "s", &runs);
    assert!(drawn(&app).contains("[W view best (changed)]"), "{}", drawn(&app));
    feed(&mut app, Msg::Resize { columns: 60, rows: 20 }, &runs);
    assert!(drawn(&app).contains("view best (changed)"), "{}", drawn(&app));
}

#[test]
fn why_a_run_failed_is_told_whole() {
    let mut runs: Vec<Run> = (0..4).map(run).collect();
    let why = "RuntimeError: CUDA out of memory. Tried to allocate 2.50 GiB (GPU 0; 23.69 GiB total capacity; \
               20.12 GiB already allocated; 1.02 GiB free; 21.40 GiB reserved in total by PyTorch) If reserved \
               memory is much larger than allocated try max_split_size_mb";
    runs[2].tags.push(Tag::new("error", why));
    for size in [(200, 50), (120, 36)] {
        let mut app = opened_with(size, &runs);
        let at = names(&app).iter().position(|name| name == "calm-ibis-2").unwrap();
        keys(&mut app, &"j ".repeat(at), &runs);
        keys(&mut app, "3 ]", &runs);
        has_words(&app, why);
        let text = drawn(&app);
        assert!(text.contains("run id") && !text.contains("…already"), "{text}");
    }
}

#[test]
fn a_tree_keeps_the_parent_in_view() {
    let mut runs: Vec<Run> = (0..60).map(run).collect();
    let parent = runs[0].info.run_id.clone();
    for run in &mut runs[30..34] {
        run.tags.push(Tag::new("mlflow.parentRunId", parent.as_str()));
    }
    let mut app = opened_with((100, 20), &runs);
    keys(&mut app, "g t G", &runs);
    let last = app.runs.length() - 1;
    assert_eq!(app.runs.projection.lines[last].depth, 1, "the oldest run stands last, with its children");
    let is_seen = |app: &App| {
        let height = app.geometry().rows(Focus::Runs);
        let seen = app.runs.cursor.window(app.runs.length(), height);
        (0..app.runs.length())
            .find(|at| {
                app.runs
                    .projection
                    .row(*at)
                    .is_some_and(|row| app.runs.catalog.run_id(row) == parent.as_str())
            })
            .is_some_and(|at| seen.contains(&at))
    };
    assert!(is_seen(&app), "{}", drawn(&app));
    // Newer children come above the one that the cursor is on.
    for run in &mut runs[34..39] {
        run.tags.push(Tag::new("mlflow.parentRunId", parent.as_str()));
    }
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    assert!(is_seen(&app), "{}", drawn(&app));
}

#[test]
fn many_runs_are_compared_at_once() {
    let mut runs = seeds(21);
    for run in &mut runs {
        run.tags.push(Tag::new("mlflow.source.git.commit", "0123456789abcdef0123456789abcdef01234567"));
    }
    let mut app = opened_with((200, 50), &runs);
    keys(&mut app, "C d", &runs);
    let text = drawn(&app);
    let titles = text.lines().find(|line| line.contains("ed13")).expect(&text);
    assert!((13..=20).all(|number| titles.contains(&format!("ed{number} "))), "{text}");
}

#[test]
fn large_counts_are_written_short() {
    let mut runs: Vec<Run> = (0..4).map(run).collect();
    for run in &mut runs {
        run.metrics.push(Metric { key: "tokens_seen".into(), value: 2.4691e9, timestamp: NOW, step: 1 });
        run.params.push(Param::new("num_parameters", "25557032"));
    }
    runs[0].params.pop();
    let text = drawn(&opened_with((240, 60), &runs));
    assert!(text.contains("2.4691G") && text.contains("25.557M"), "{text}");
}

#[test]
fn an_address_that_no_browser_opens_is_copied() {
    let (mut app, _) = opened((80, 24), 3);
    let address = "http://host/#/experiments/1/runs/0123456789abcdef0123456789abcdef";
    let effects = take(&mut app, Msg::NoBrowser(address.into()));
    let copied = |effect: &Effect| matches!(effect, Effect::Shell(Shell::Copy(words)) if words == address);
    assert!(effects.iter().any(copied), "{effects:?}");
    assert!(drawn(&app).contains(address), "{}", drawn(&app));
}

#[test]
fn passes_over_the_same_steps_are_told() {
    let mut runs: Vec<Run> = (0..3).map(run).collect();
    for run in &mut runs {
        run.metrics = vec![Metric { key: "resumed_loss".into(), value: 1.0, timestamp: NOW, step: 39 }];
    }
    let mut app = opened_with((200, 50), &runs);
    assert!(drawn(&app).contains("  2 passes"), "{}", drawn(&app));
    keys(&mut app, "3 enter", &runs);
    assert!(drawn(&app).contains("60 points, 2 passes"), "{}", drawn(&app));
}

#[test]
fn a_child_that_is_listed_leads_to_the_child() {
    let mut runs: Vec<Run> = (0..6).map(run).collect();
    runs[1].tags.push(Tag::new("mlflow.parentRunId", format!("{:032x}", 2)));
    let mut app = opened_with((140, 40), &runs);
    while app.details.shown_run() != Some(&runs[2].info.run_id) {
        keys(&mut app, "2 j", &runs);
    }
    keys(&mut app, "3 ] G enter", &runs);
    assert_eq!(app.runs.run_under_cursor(), Some(runs[1].info.run_id.clone()), "{}", drawn(&app));
}
