//! Promotions from the registry on the screen, and the comparison with the champion.

use super::registry::{World, block_on};
use super::*;
use crate::mlflow::filter::parse;
use crate::promotion::{ModelPolicy, Role};
use crate::select::{Goal, MetricGoal};
use crate::store::NewModel;
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

/// Versions of two logged models of one run, each with a value of its own: `wine` 5 and 6.
async fn checkpoints(world: &World) -> [String; 2] {
    let run = &world.runs[4].info;
    let mut ids = Vec::new();
    for (step, value) in [(1_i64, 0.33), (2, 0.44)] {
        let new = NewModel {
            experiment_id: run.experiment_id.clone(),
            name: format!("ckpt-{step}"),
            model_type: String::new(),
            source_run_id: run.run_id.clone(),
            params: Vec::new(),
            tags: Vec::new(),
        };
        let id = world.store.create_logged_model(&new).await.unwrap().model_id;
        let metric = Metric { key: "val_rmse".into(), value, timestamp: NOW, step };
        world.store.log_model_metrics(&run.run_id, &id, &[metric], None).await.unwrap();
        world.store.finish_logged_model(&id, true).await.unwrap();
        let source = format!("models:/{id}");
        world.store.create_model_version("wine", &source, Some(&run.run_id), &[]).await.unwrap();
        ids.push(id.0);
    }
    [ids.remove(0), ids.remove(0)]
}

#[test]
fn models_are_compared_with_the_champion_by_their_own_values() {
    let mut world = World::new((120, 40));
    let [first, second] = block_on(checkpoints(&world));
    block_on(world.store.set_model_alias("wine", "champion", 5)).unwrap();
    world.keys("M G enter");
    world.later();
    // Two models of one run: it is the same for both, but for what they have themselves.
    world.keys("g g V");
    let Some(Screen::Compare(screen)) = world.app.screens.last() else { panic!("{}", world.screen()) };
    let rows: Vec<&str> = screen.runs.iter().map(|it| it.row.as_str()).collect();
    assert_eq!(rows, [second.as_str(), first.as_str()]);
    let comparison = screen.comparison().unwrap();
    let entry = comparison.metric("val_rmse").unwrap();
    let bound = comparison.bound(entry);
    let values = [0, 1].map(|member| comparison.cell(entry, &bound, member, NOW).number());
    assert_eq!(values, [Some(0.44), Some(0.33)]);
    world.has("difference to base · the models' own values · 2 runs");
    world.has("metrics.val_rmse: 0.44, the model's own");
    world.has("ckpt-2");
    world.lacks("run_id");
    // Their run is drawn once, and other values are those of its history.
    world.keys("enter");
    assert!(matches!(world.app.screens.last(), Some(Screen::Chart(chart)) if chart.runs.len() == 1));
    world.keys("esc esc j V");
    world.has("this is the model of wine@champion");
    // A version of another run: its run's value, beside the model's own.
    world.keys("j V");
    let Some(Screen::Compare(screen)) = world.app.screens.last() else { panic!("{}", world.screen()) };
    let comparison = screen.comparison().unwrap();
    let entry = comparison.metric("val_rmse").unwrap();
    let bound = comparison.bound(entry);
    let values = [0, 1].map(|member| comparison.cell(entry, &bound, member, NOW).number().unwrap());
    assert!((values[0] - 0.6).abs() < 1e-9 && (values[1] - 0.33).abs() < 1e-9, "{values:?}");
    world.has("the model's own values of b · 2 runs");
    world.has("metrics.val_rmse: 0.6, the run's");
    world.keys("]");
    world.has("lower is better · the model's own values of b");
    world.keys("[ e m i n enter");
    world.has("min values of the runs");
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
