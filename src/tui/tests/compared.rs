//! What a comparison shows of its runs: numbers in columns, totals, histories as they come in.

use super::comparing::comparison;
use super::*;
use crate::text;

#[test]
fn decimal_points_of_a_column_stand_under_one_another() {
    let (mut app, mut runs) = opened((160, 40), 3);
    let values = [[0.125, 12_345.0, 0.5], [1.5, 3.0, 250.25], [10.0, 7.0, 0.25]];
    for (run, values) in runs.iter_mut().zip(values) {
        let metric = |(at, value): (usize, &f64)| Metric {
            key: format!("m{at}"),
            value: *value,
            timestamp: NOW,
            step: 9,
        };
        run.metrics = values.iter().enumerate().map(metric).collect();
    }
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    keys(&mut app, "C", &runs);
    let points = |text: &str, words: &[&str]| -> Vec<usize> {
        let place = |word: &&str| {
            let line = text.lines().find(|line| line.contains(*word)).expect(word);
            let cells = line[..line.find(*word).unwrap()].chars().count();
            cells + word.find('.').unwrap_or(word.len())
        };
        words.iter().map(place).collect()
    };
    let text = drawn(&app);
    let found = points(&text, &["0.125", "12345", " 0.5"]);
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{found:?} {text}");
    keys(&mut app, "v", &runs);
    let text = drawn(&app);
    let found = points(&text, &["0.125", "1.5", "10  "]);
    assert!(found[0] == found[1], "{found:?} {text}");
    // Differences too.
    keys(&mut app, "v b", &runs);
    let text = drawn(&app);
    assert!(text.contains("+8.5") || text.contains("-8.5"), "{text}");
}

#[test]
fn a_long_name_leaves_room_for_other_columns() {
    let (mut app, mut runs) = opened((60, 20), 3);
    runs[0].info.run_name = "finetune-resnet50-imagenet-augmented-lr-0.001-bs-256-seed-41".into();
    runs[1].info.run_name = "finetune-resnet50-imagenet-augmented-lr-0.001-bs-256-seed-42".into();
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    for run in &runs[1..] {
        app.runs.badges.of.insert(run.info.run_id.0.clone(), "@champion @challenger".to_owned());
    }
    keys(&mut app, "C", &runs);
    let head = |app: &App| drawn(app).lines().nth(2).unwrap().to_owned();
    assert!(head(&app).contains("a calm-ibis-2") && head(&app).contains("d-42"), "{}", drawn(&app));
    // As rows, their names keep what differs.
    keys(&mut app, "v", &runs);
    let text = drawn(&app);
    assert!(text.contains("seed-41") && text.contains("seed-42"), "{text}");
}

#[test]
fn a_table_says_how_many_rows_lie_below() {
    let (mut app, runs) = opened((100, 20), 30);
    keys(&mut app, "C v", &runs);
    assert!(drawn(&app).contains(" 17 more below "), "{}", drawn(&app));
    keys(&mut app, "G", &runs);
    assert!(!drawn(&app).contains("more below"), "{}", drawn(&app));
}

#[test]
fn parents_without_the_metric_are_in_no_total() {
    let (mut app, mut runs) = opened((160, 40), 8);
    runs[7].metrics.clear();
    let parent = runs[7].info.run_id.to_string();
    runs.iter_mut().take(6).for_each(|run| run.tags.push(Tag::new("mlflow.parentRunId", &parent)));
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    keys(&mut app, "C", &runs);
    assert_eq!(comparison(&app).members(), 7);
    let text = drawn(&app);
    assert!(text.contains("7 runs ·") && text.contains("without 1 parent that has no val_rmse"), "{text}");
    // Who selects one wants it.
    keys(&mut app, "esc space space space C", &runs);
    assert_eq!(comparison(&app).members(), 3);
    assert!(drawn(&app).contains("3 runs ·"), "{}", drawn(&app));
    // One run of a model is called one.
    let screen = comparison(&app);
    assert_eq!(text::runs(1), "1 run");
    assert!(screen.runs.iter().any(|compared| compared.run.as_str() == parent));
}

/// What was read is looked at, and nothing else; what is known is not looked up again.
#[test]
fn histories_come_in_one_by_one() {
    let (mut app, mut runs) = opened((160, 40), 200);
    for run in &mut runs {
        run.metrics = ["a", "b", "c", "val_rmse"]
            .map(|key| Metric {
                key: key.into(),
                value: 0.5 + run.info.start_time.unwrap() as f64 % 97.0,
                timestamp: NOW,
                step: 9,
            })
            .to_vec();
    }
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    keys(&mut app, "C", &runs);
    // Each answer brings the next question, and only for the metric of the plots are params weighed anew.
    let mut questions = Vec::new();
    let mut queue: Vec<Effect> = parse_keys("e down enter")
        .unwrap()
        .into_iter()
        .flat_map(|event| take(&mut app, Msg::Key(event)))
        .collect();
    while let Some(effect) = queue.pop() {
        if let Effect::Compare(compare::effects::Effect::Summarise { wanted, .. }) = &effect {
            questions.extend(wanted.iter().map(|wanted| (wanted.key.clone(), wanted.runs.len())));
        }
        for msg in answer(effect, &runs) {
            queue.extend(take(&mut app, msg));
        }
    }
    questions.sort();
    let keys_of = ["a", "b", "c", "val_rmse"].map(|key| (key.to_owned(), 200));
    assert_eq!(questions, keys_of);
    let screen = comparison(&app);
    let comparison = screen.comparison().unwrap();
    let entries = comparison.entries.iter().filter(|entry| entry.kind.has_history());
    assert!(
        entries.clone().all(|entry| comparison.is_known(entry) && entry.differs),
        "{:?}",
        screen.shown.len()
    );
    assert_eq!(entries.count(), 4);
}

/// Runs that hardly differ have labels on the bar of the plots that do.
#[test]
fn the_labels_of_the_colour_bar_differ_or_are_left_out() {
    for step in [1e-7, 0.0, 0.1] {
        let (mut app, mut runs) = opened((120, 36), 8);
        for (number, run) in runs.iter_mut().enumerate() {
            run.info.status = RunStatus::Finished;
            run.params = vec![Param::new("depth", number.to_string())];
            let value = 0.991_234_1 + step * (number / 2) as f64 + if number == 7 { 1e-6 } else { 0.0 };
            run.metrics = vec![Metric { key: "val_rmse".into(), value, timestamp: NOW, step: 9 }];
        }
        let ticket = app.runs.newest.ticket();
        feed(&mut app, snapshot(ticket, &runs), &runs);
        keys(&mut app, "C ]", &runs);
        let values = crate::tui::features::compare::plots::level_values(comparison(&app)).unwrap();
        let mut labels = vec![values.top];
        labels.extend(values.ends.into_iter().map(|(_, label)| label).filter(|label| !label.is_empty()));
        let count = labels.len();
        labels.dedup();
        assert_eq!(labels.len(), count, "{step}: {labels:?}");
        assert!(count > 1, "{labels:?}");
        let text = drawn(&app);
        assert!(labels.iter().all(|label| text.contains(label.as_str())), "{labels:?} {text}");
    }
}
