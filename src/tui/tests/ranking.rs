//! Where a run stands with a single value.

use super::*;
use crate::tui::core::app::{Overlay, Screen};
use crate::tui::core::layout::Focus;
use crate::tui::features::charts::update::dashboard_area;
use crate::tui::widgets::picker::height;

/// Runs that logged their score once, and others that never did.
fn scored(count: usize) -> Vec<Run> {
    let with_score = |number: usize| {
        let mut run = run(number);
        let score = (number * 37 % 50) as f64 / 50.0;
        if number % 5 != 4 {
            run.metrics.push(Metric { key: "once_f1".into(), value: score, timestamp: NOW, step: 0 });
            run.metrics.sort_by(|a, b| a.key.cmp(&b.key));
        }
        run
    };
    (0..count).map(with_score).collect()
}

/// Opens the tile of the score of the run under the cursor.
fn enter(app: &mut App, runs: &[Run]) {
    keys(app, "3", runs);
    dashboard_area(app).unwrap();
    let at = app.charts.charts.iter().position(|chart| chart.metric.name == "once_f1").unwrap();
    assert!(app.charts.charts[at].is_single);
    app.charts.choose(at);
    keys(app, "enter", runs);
}

#[test]
fn a_single_value_opens_where_the_run_stands() {
    for size in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)] {
        let runs = scored(30);
        let mut app = opened_with(size, &runs);
        let row = (0..app.runs.length()).find(|at| {
            app.runs.projection.row(*at).is_some_and(|row| app.runs.catalog.run_name(row) == "calm-ibis-12")
        });
        keys(&mut app, &format!("2 g g{}", " j".repeat(row.unwrap())), &runs);
        enter(&mut app, &runs);
        insta::assert_snapshot!(format!("ranking-{}x{}", size.0, size.1), drawn(&app));
        let Some(Overlay::Picker(picker)) = &app.overlay else { panic!("{}", drawn(&app)) };
        let list = picker.list();
        assert_eq!(list.title, "once_f1 of 24 runs: higher is better");
        assert!(list.under_cursor().unwrap().label.ends_with("calm-ibis-12"), "the run is lit");
        // What the list says is what the tile says.
        let values: Vec<f64> = runs
            .iter()
            .filter_map(|run| Some(run.metrics.iter().find(|m| m.key == "once_f1")?.value))
            .collect();
        let place = 1 + values.iter().filter(|value| **value > f64::from(12 * 37 % 50) / 50.0).count();
        assert!(list.under_cursor().unwrap().label.trim().starts_with(&format!("{place} ")), "{list:?}");
        keys(&mut app, "esc", &runs);
        assert!(app.screens.is_empty());
    }
}

#[test]
fn only_the_child_that_a_parent_repeats_stands_for_it() {
    let mut runs = scored(12);
    let of = |run: &Run| run.metrics.iter().find(|m| m.key == "once_f1").map(|m| m.value);
    // The value of the sixth is that of another one, and of the child of the first.
    let value = of(&runs[5]).unwrap();
    for at in [0, 3] {
        let own = runs[at].metrics.iter_mut().find(|m| m.key == "once_f1").unwrap();
        own.value = value;
    }
    let parent = runs[0].info.run_id.to_string();
    runs[3].tags.push(Tag::new("mlflow.parentRunId", parent));
    let mut app = opened_with((120, 36), &runs);
    let row = (0..app.runs.length()).find(|at| {
        app.runs.projection.row(*at).is_some_and(|row| app.runs.catalog.run_name(row) == "calm-ibis-0")
    });
    keys(&mut app, &format!("2 g g{}", " j".repeat(row.unwrap())), &runs);
    enter(&mut app, &runs);
    let Some(Overlay::Picker(picker)) = &app.overlay else { panic!("{}", drawn(&app)) };
    let lit = &picker.list().under_cursor().unwrap().label;
    let child = &runs[3].info.run_name;
    assert!(lit.ends_with(child.as_str()), "{lit}: not {child}");
}

#[test]
fn the_ranking_leads_to_runs_and_marks_them() {
    let runs = scored(12);
    let mut app = opened_with((120, 36), &runs);
    keys(&mut app, "2 g g", &runs);
    enter(&mut app, &runs);
    keys(&mut app, "pageup space enter", &runs);
    let best = runs.iter().max_by(|a, b| {
        let of = |run: &Run| run.metrics.iter().find(|m| m.key == "once_f1").map_or(-1.0, |m| m.value);
        of(a).total_cmp(&of(b))
    });
    let best = &best.unwrap().info.run_id;
    assert!(app.runs.selected.contains(best.as_str()));
    // On the metrics tab a single value has no chart either.
    keys(&mut app, "u 2 g g 3 ] ]", &runs);
    let at = |app: &App, key: &str| {
        let metrics = app.details.metrics_in(0..9);
        metrics.iter().position(|metric| metric.key == key).unwrap()
    };
    let once = at(&app, "once_f1");
    keys(&mut app, &format!("g g {}enter", "j ".repeat(once)), &runs);
    assert!(matches!(app.overlay, Some(Overlay::Picker(_))), "{}", drawn(&app));
    let often = at(&app, "val_rmse");
    keys(&mut app, &format!("esc g g {}enter", "j ".repeat(often)), &runs);
    assert!(matches!(app.screens.last(), Some(Screen::Chart(_))));
}

/// In a comparison too, among all that are shown; the compared runs are lit, and the cursor is on the one that it was on.
#[test]
fn a_single_value_that_is_compared_opens_where_the_runs_stand() {
    for size in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)] {
        let runs = scored(30);
        let mut app = opened_with(size, &runs);
        keys(&mut app, "2 g g space j space j space C / o n c e _ f 1 enter", &runs);
        let compared = app.runs.selected.len();
        keys(&mut app, "l enter", &runs);
        insta::assert_snapshot!(format!("compared-{}x{}", size.0, size.1), drawn(&app));
        let Some(Overlay::Picker(picker)) = &app.overlay else { panic!("{}", drawn(&app)) };
        let list = picker.list();
        assert_eq!(list.title, "once_f1 of 24 runs: higher is better");
        let lit = list.entries.iter().zip(&list.lit).filter(|(_, is_lit)| **is_lit);
        assert!(lit.clone().all(|(entry, _)| entry.on == Some(true)));
        assert_eq!((lit.count(), compared), (2, 3), "one of them has no such value");
        assert!(matches!(app.screens[..], [Screen::Compare(_)]), "the comparison is below");
        keys(&mut app, "esc", &runs);
        assert!(app.overlay.is_none() && app.screens.len() == 1);
        // A history is a chart, as ever.
        keys(&mut app, "esc / v a l _ r m s e enter enter", &runs);
        assert!(matches!(app.screens.last(), Some(Screen::Chart(_))), "{}", drawn(&app));
    }
}

#[test]
fn a_run_of_a_ranking_in_a_comparison_leads_back_step_by_step() {
    for size in [(120, 36), (80, 24), (60, 20)] {
        for tabs in ["", "] ", "] ] ", "] ] ] "] {
            let mut runs = scored(30);
            // In the plots too.
            for run in &mut runs {
                run.metrics.retain(|metric| metric.key == "once_f1");
            }
            let mut app = opened_with(size, &runs);
            let begin = if tabs.is_empty() { "/ o n c e _ f 1 enter " } else { tabs };
            keys(&mut app, &format!("2 g g space j space j space C {begin}enter"), &runs);
            assert!(matches!(app.overlay, Some(Overlay::Picker(_))), "{tabs}: {}", drawn(&app));
            keys(&mut app, "pageup down", &runs);
            let chosen = |app: &App| match &app.overlay {
                Some(Overlay::Picker(picker)) => picker.list().under_cursor().unwrap().label.clone(),
                other => panic!("{other:?}"),
            };
            let label = chosen(&app);
            keys(&mut app, "enter", &runs);
            assert!(app.screens.is_empty() && app.focus == Focus::Details, "{tabs}: {}", drawn(&app));
            let shown = app.runs.run_under_cursor().unwrap();
            let shown = runs.iter().find(|run| run.info.run_id == shown).unwrap().info.run_name.clone();
            assert!(label.ends_with(&shown) || label.contains(&format!("{shown} ")), "{label}: not {shown}");
            keys(&mut app, "esc", &runs);
            assert_eq!(chosen(&app), label, "the ranking, and the same run");
            keys(&mut app, "esc", &runs);
            assert!(app.overlay.is_none() && matches!(app.screens[..], [Screen::Compare(_)]));
            keys(&mut app, "esc", &runs);
            keys(&mut app, "esc", &runs);
            assert!(app.screens.is_empty(), "from the runs it does not come back");
        }
    }
}

/// What the run under the cursor has decides: a sweep's own run, beside its trials, has a history of what each has once.
#[test]
fn beside_a_history_a_single_value_is_still_one() {
    let mut runs = scored(12);
    // The newest stands first.
    let own = runs[11].metrics.iter_mut().find(|metric| metric.key == "once_f1").unwrap();
    own.step = 20;
    let mut app = opened_with((120, 36), &runs);
    keys(&mut app, "2 g g space j space j space j space C / o n c e _ f 1 enter", &runs);
    keys(&mut app, "enter", &runs);
    assert!(matches!(app.screens.last(), Some(Screen::Chart(_))), "its history: {}", drawn(&app));
    keys(&mut app, "esc l enter", &runs);
    assert!(matches!(app.overlay, Some(Overlay::Picker(_))), "{}", drawn(&app));
    assert!(matches!(app.screens[..], [Screen::Compare(_)]));
}

/// A parent that is compared and says again what one of its children says is not listed beside it.
#[test]
fn a_compared_parent_is_not_listed_beside_the_child_it_repeats() {
    let mut runs = scored(12);
    let value = |run: &Run| run.metrics.iter().find(|metric| metric.key == "once_f1").unwrap().value;
    let (child, parent) = (value(&runs[7]), runs[11].info.run_id.to_string());
    runs[11].metrics.iter_mut().find(|metric| metric.key == "once_f1").unwrap().value = child;
    runs[7].tags.push(Tag::new("mlflow.parentRunId", parent));
    let mut app = opened_with((120, 36), &runs);
    keys(&mut app, "2 g g space j j space C / o n c e _ f 1 enter l enter", &runs);
    let Some(Overlay::Picker(picker)) = &app.overlay else { panic!("{}", drawn(&app)) };
    assert!(
        picker.list().entries.iter().all(|entry| !entry.label.ends_with("calm-ibis-11")),
        "{}",
        drawn(&app)
    );
}

/// Nobody to stand among: the chart, and why.
#[test]
fn the_only_run_with_a_value_has_a_chart() {
    let mut runs = scored(4);
    for run in &mut runs[..3] {
        run.metrics.retain(|metric| metric.key != "once_f1");
    }
    let mut app = opened_with((120, 36), &runs);
    keys(&mut app, "2 g g", &runs);
    enter(&mut app, &runs);
    assert!(matches!(app.screens.last(), Some(Screen::Chart(_))));
    assert!(drawn(&app).contains("no other run that is shown has a number for once_f1"), "{}", drawn(&app));
}

/// Far behind the best the run is still in sight.
#[test]
fn of_many_runs_the_first_are_listed_and_those_around_the_run() {
    let runs: Vec<Run> = (0..1_500)
        .map(|number| {
            let mut run = run(number);
            run.info.status = RunStatus::Finished;
            run.metrics = vec![Metric {
                key: "once_f1".into(),
                value: number as f64 / 1_500.0,
                timestamp: NOW,
                step: 0,
            }];
            run
        })
        .collect();
    let mut app = opened_with((120, 36), &runs);
    keys(&mut app, "2 G", &runs);
    enter(&mut app, &runs);
    let Some(Overlay::Picker(picker)) = &app.overlay else { panic!("{}", drawn(&app)) };
    let list = picker.list();
    assert_eq!(list.entries.len(), 551);
    assert!(list.under_cursor().unwrap().label.starts_with("1,500  "), "{:?}", list.under_cursor());
}

#[test]
fn a_list_opens_with_its_cursor_in_sight() {
    let runs = scored(30);
    let mut seen = 0;
    for row in 0..30 {
        let mut app = opened_with((60, 20), &runs);
        keys(&mut app, &format!("2 g g{}", " j".repeat(row)), &runs);
        keys(&mut app, "3", &runs);
        dashboard_area(&app).unwrap();
        if !app.charts.charts.iter().any(|chart| chart.metric.name == "once_f1") {
            continue;
        }
        enter(&mut app, &runs);
        let Some(Overlay::Picker(picker)) = &app.overlay else { panic!("no list") };
        let cursor = picker.list().cursor;
        assert!((cursor.top..cursor.top + height(20)).contains(&cursor.at), "{cursor:?}");
        seen += usize::from(cursor.top > 0);
    }
    assert!(seen > 3, "{seen} of the places are further down");
}
