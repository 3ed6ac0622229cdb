//! Promotions from the registry on the screen, and the comparison with the champion.

use super::registry::{World, block_on};
use super::*;
use crate::mlflow::filter::parse;
use crate::promotion::{ModelPolicy, Role};
use crate::select::{Goal, MetricGoal};
use crate::tui::core::app::{Overlay, Screen};
use crate::tui::features::compare::Show;

#[test]
fn a_version_is_promoted_after_a_look_and_taken_back() {
    let mut world = World::new((120, 40));
    world.keys("M G enter B");
    world.has("Promote wine v4 to");
    world.has("now v2");
    world.keys("enter");
    world.has("Promote wine v4 to @champion?");
    world.has("@champion of wine: from v2 to v4");
    world.has("@previous-champion of wine: from none to v2");
    world.has("val_rmse: 0.6");
    assert_eq!(world.alias("champion"), Some(2), "nothing is written before it is confirmed");
    world.keys("n");
    assert_eq!((world.alias("champion"), world.app.overlay.is_none()), (Some(2), true));
    world.keys("B enter y");
    world.has("wine v4 is @champion, which was v2; U undoes it");
    assert_eq!((world.alias("champion"), world.alias("previous-champion")), (Some(4), Some(2)));
    world.later();
    world.keys("U");
    world.has("wine v4 is no longer @champion; v2 is again");
    assert_eq!((world.alias("champion"), world.alias("previous-champion")), (Some(2), None));
    // To an alias that nobody thought of.
    world.keys("B");
    world.typed("another");
    world.keys("enter");
    world.typed("shadow");
    world.keys("enter");
    world.has("Promote wine v4 to @shadow?");
    world.keys("y");
    assert_eq!((world.alias("shadow"), world.alias("champion")), (Some(4), Some(2)));
    // Typed at once, it is one, too.
    world.keys("B");
    world.typed("canary");
    world.has("enter takes it as a new alias");
    world.keys("enter");
    world.has("Promote wine v4 to @canary?");
    world.keys("n B");
    world.typed("not an/alias");
    world.keys("enter");
    world.has("invalid alias");
    assert!(matches!(world.app.overlay, Some(Overlay::Picker(_))), "it can be corrected");
}

#[test]
fn a_gate_that_does_not_pass_is_told_with_its_numbers() {
    let mut world = World::new((120, 40));
    let policy = ModelPolicy {
        metric: Some(MetricGoal::new("val_rmse", Goal::Minimize)),
        min_delta: 0.5,
        constraint: parse("metrics.val_rmse < 0.5").unwrap().into(),
        roles: vec![Role::Alias("champion".into())],
        ..ModelPolicy::default()
    };
    world.app.selecting.policies.insert("wine".into(), policy);
    // There is one role, which need not be picked.
    world.keys("M G enter B");
    world.has("failed: v4 has val_rmse 0.6");
    world.has("0.5 is required");
    world.has("which does not pass < 0.5");
    world.has("The gate does not pass; y promotes it all the same.");
    world.keys("esc j j B");
    world.has("v2 holds every role already");
    world.app.read_only = true;
    world.keys("k B");
    world.has("read-only");
}

#[test]
fn a_look_that_comes_late_disturbs_nobody() {
    let mut world = World::new((120, 40));
    world.keys("M G enter");
    let late = take(&mut world.app, Msg::Key(parse_keys("B").unwrap()[0]));
    assert!(late.is_empty());
    let effects = take(&mut world.app, Msg::Key(parse_keys("enter").unwrap()[0]));
    world.keys("v");
    assert!(matches!(world.app.overlay, Some(Overlay::Report(_))));
    for effect in effects {
        if let Effect::Models(effect) = effect {
            world.feed(super::registry::answered(effect, &world.store.clone()));
        }
    }
    assert!(matches!(world.app.overlay, Some(Overlay::Report(_))));
    let said = world.app.status.as_deref();
    assert_eq!(said, Some("nothing was promoted: something else was opened meanwhile"));
}

#[test]
fn a_run_and_a_version_are_compared_with_the_champion() {
    let mut world = World::new((120, 40));
    let compared = |world: &World| match world.app.screens.last() {
        Some(Screen::Compare(screen)) => {
            let runs: Vec<_> = screen.runs.iter().map(|it| it.run.clone()).collect();
            Some((runs, screen.baseline.clone(), screen.show))
        }
        _ => None,
    };
    let champion = world.runs[1].info.run_id.clone();
    // No model is called so: it is that of the champion beside the run.
    world.app.runs.name = "grapes".into();
    for (keys, run) in [("2 g g V", 5), ("M G enter V", 3)] {
        world.keys(keys);
        let runs = vec![world.runs[run].info.run_id.clone(), champion.clone()];
        assert_eq!(compared(&world), Some((runs, Some(champion.clone()), Show::Difference)), "{keys}");
        world.keys("esc");
    }
    // What was being read when it was left is read anew.
    world.is_slow = true;
    world.later();
    world.is_slow = false;
    world.keys("V esc");
    block_on(world.store.set_model_alias("wine", "by-python", 3)).unwrap();
    world.later();
    let screen = world.screen();
    let is_fresh = |line: &str| line.contains("v3") && line.contains("@by-python");
    assert!(screen.lines().any(is_fresh), "{screen}");
    world.keys("j j V");
    world.has("this is the run of wine@champion");
    assert_eq!(compared(&world), None);
}
