//! A sweep that ends with a trial that averages others: what the plan asks, and what is counted.

use super::sweeping::{effects_of, progress};
use super::*;
use crate::sweep::engine::journal::Change;
use crate::sweep::progress::{Progress, SweepStatus};

#[test]
fn the_form_asks_whether_the_best_are_averaged() {
    let (mut app, _) = opened((120, 36), 12);
    app.sweeps.settled.ensemble = true;
    let typed = |app: &mut App, keys: &str| {
        let effects = effects_of(app, keys);
        effects.into_iter().rev().find_map(|effect| match effect {
            Effect::Sweeps(sweeps::effects::Effect::CheckPlan { request: wish, .. }) => Some(wish.ensemble),
            _ => None,
        })
    };
    assert_eq!(typed(&mut app, "ctrl-t enter h . c s v tab y tab"), Some(true));
    assert!(drawn(&app).contains("ensemble      yes"), "{}", drawn(&app));
    let down = "tab ".repeat(18);
    assert_eq!(typed(&mut app, &format!("{down}ctrl-u tab")), Some(false));
    // The first completes what is typed.
    assert_eq!(typed(&mut app, "shift-tab y tab tab"), Some(true));
    assert_eq!(typed(&mut app, "shift-tab ctrl-u n o tab"), Some(false));
    assert_eq!(typed(&mut app, "shift-tab ctrl-u 2 tab"), None);
    assert!(drawn(&app).contains("ensemble: expected yes or no, not \"2\""), "{}", drawn(&app));
}

#[test]
fn one_that_averages_others_is_none_of_the_trials_that_are_asked_for() {
    let (mut app, _) = opened((120, 36), 12);
    effects_of(&mut app, "g s");
    let known = progress(&app, SweepStatus::Cancelled);
    let list = vec![Progress { of: Some(21), ensembles: 1, finished: 20, running: 0, ..known }];
    take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
    effects_of(&mut app, "t");
    assert!(drawn(&app).contains("trials in all; 20 have begun"), "{}", drawn(&app));
    let effects = effects_of(&mut app, "enter");
    let is_asked = |effect: &Effect| {
        let change = Change::Trials { most: 20 };
        matches!(effect, Effect::Sweeps(sweeps::effects::Effect::Ask { change: asked, .. }) if *asked == change)
    };
    assert!(effects.iter().any(is_asked), "{effects:?}");
}
