//! What is typed into the search: what looks like a filter, and what of it is kept.

use super::*;
use crate::tui::core::app::Overlay;
use crate::tui::core::search::looks_like_filter;

fn typed(app: &mut App, words: &str, runs: &[Run]) {
    for c in words.chars() {
        keys(app, &if c == ' ' { "space".into() } else { c.to_string() }, runs);
    }
}

#[test]
fn an_expression_that_is_searched_for_goes_to_the_filter() {
    for words in [
        "metrics.rmse < 0.5",
        "metrics.rmse<0.5",
        "rmse > 1",
        "status != FINISHED",
        "params.lr = 0.1",
        "params.lr=0.1",
        "age < 1d",
        "(metrics.rmse < 1 OR params.lr = 2)",
        "tags.team ~ vis.*n",
        "params.family LIKE 'tree%'",
        "status IN (FAILED, KILLED)",
    ] {
        assert!(looks_like_filter(words), "{words}");
    }
    for words in ["", "calm", "lr=0.1", "!adam", "'ibis", "calm ibis", "metrics", "a <", "metrics.rmse"] {
        assert!(!looks_like_filter(words), "{words}");
    }
    for size in [(200, 50), (120, 36), (80, 24), (60, 20)] {
        let (mut app, runs) = opened(size, 30);
        keys(&mut app, "2 /", &runs);
        typed(&mut app, "metrics.val_rmse < 1", &runs);
        assert_eq!(app.runs.length(), 0, "as words it finds nothing");
        assert!(drawn(&app).contains("tab takes it to the filter (f)"), "{}", drawn(&app));
        keys(&mut app, "tab", &runs);
        let Some(Overlay::Prompt(prompt)) = &app.overlay else { panic!("{}", drawn(&app)) };
        assert_eq!(prompt.line().input.value(), "metrics.val_rmse < 1");
        keys(&mut app, "enter", &runs);
        assert!(app.runs.words.value().is_empty() && app.runs.filter_text == "metrics.val_rmse < 1");
        let filtered = app.runs.length();
        assert!(filtered > 0 && filtered < 30, "{filtered}");
    }
    // Beside a filter that is there; and with the cure of a mistake at hand.
    let (mut app, runs) = opened((120, 36), 30);
    keys(&mut app, "2 f", &runs);
    typed(&mut app, "status = FINISHED OR status = FAILED", &runs);
    keys(&mut app, "enter /", &runs);
    typed(&mut app, "val_rmse < 1", &runs);
    keys(&mut app, "tab", &runs);
    let Some(Overlay::Prompt(prompt)) = &app.overlay else { panic!("{}", drawn(&app)) };
    let expected = "(status = FINISHED OR status = FAILED) AND val_rmse < 1";
    assert_eq!(prompt.line().input.value(), expected);
    keys(&mut app, "tab enter", &runs);
    assert!(app.runs.filter_text.ends_with("AND metrics.val_rmse < 1"), "{}", app.runs.filter_text);
    // Where it is none, the key means nothing.
    keys(&mut app, "/", &runs);
    typed(&mut app, "calm", &runs);
    assert!(!drawn(&app).contains("to the filter"), "{}", drawn(&app));
    keys(&mut app, "tab", &runs);
    assert!(matches!(app.overlay, Some(Overlay::Search)));
}

#[test]
fn what_is_being_typed_is_not_kept_until_it_is_meant() {
    let (mut app, runs) = opened((120, 36), 30);
    let kept = |app: &App| {
        let experiment = app.runs.experiment.clone().unwrap();
        app.memory.experiments.get(experiment.as_str()).map(|known| known.words.clone()).unwrap_or_default()
    };
    keys(&mut app, "2 /", &runs);
    typed(&mut app, "ibis-1", &runs);
    assert!(app.runs.length() < 30, "it narrows with every letter");
    assert_eq!(kept(&app), "", "a terminal that is gone now leaves no search behind");
    keys(&mut app, "enter", &runs);
    assert_eq!(kept(&app), "ibis-1");
    keys(&mut app, "/", &runs);
    typed(&mut app, "2", &runs);
    assert_eq!(kept(&app), "ibis-1");
    keys(&mut app, "esc", &runs);
    assert_eq!(kept(&app), "");
}
