//! Training: one key on an empty store and on a planned experiment, the plan, the list of sweeps.

use super::*;
use crate::learn::data::DecimalMark;
use crate::sweep::engine::rules::Mode;
use crate::sweep::planned::PlannedSweep;
use crate::sweep::progress::{BestTrial, Progress, SweepStatus};
use crate::sweep::request::SweepRequest;
use crate::tui::core::app::Overlay;
use crate::tui::features::sweeps::StartedSweep;
use crate::tui::features::sweeps::effects::{Destination, Training};
use crate::tui::features::sweeps::plan::FormField;
use crate::tui::features::sweeps::steering::Steering;

fn trained(effects: &[Effect]) -> Option<&Training> {
    effects.iter().find_map(|effect| match effect {
        Effect::Sweeps(sweeps::effects::Effect::Train(training)) => Some(training.as_ref()),
        _ => None,
    })
}

fn table(training: &Training) -> &SweepRequest {
    match &training.planned {
        PlannedSweep::Table(request) => request,
        PlannedSweep::Command(planned) => panic!("{planned:?}"),
    }
}

/// What the last key of a script comes to.
pub(super) fn effects_of(app: &mut App, script: &str) -> Vec<Effect> {
    let mut last = Vec::new();
    for event in parse_keys(script).unwrap() {
        last = take(app, Msg::Key(event));
    }
    last
}

pub(super) fn progress(app: &App, state: SweepStatus) -> Progress {
    Progress {
        id: "20261123-120000-abc".into(),
        name: "sweep-1123-120000".into(),
        experiment: app.runs.experiment.clone().unwrap_or_else(|| ExperimentId::from("1")),
        experiment_name: "wine".into(),
        is_command: false,
        is_on_cluster: false,
        data: "wine-quality".into(),
        state,
        finished: 6,
        pruned: 1,
        failed: 0,
        running: 1,
        of: Some(20),
        ensembles: 0,
        jobs: 2,
        metric: "val_rmse".into(),
        mode: Mode::Min,
        best: Some(BestTrial {
            number: 3,
            family: "random_forest".into(),
            metric: "val_rmse".into(),
            value: 0.5872,
            tested: None,
        }),
        seconds: 14.0,
        left: Some(26.0),
        unsent: 0,
        error: None,
        no_ensemble: None,
        unkept: Ok(Vec::new()),
        host: None,
        damage: None,
        created: app.now - 14_000,
    }
}

#[test]
fn an_empty_store_trains_on_bundled_data_in_an_experiment_of_its_own() {
    let mut app = app((120, 36));
    let none = HashMap::new();
    take(
        &mut app,
        experiments::Msg::Listed { result: Ok((vec![experiment("0", "Default")], None)), retry_ms: 2_000 },
    );
    take(&mut app, experiments::Msg::Counted(Some(none)));
    assert!(drawn(&app).contains("T trains a first sweep"), "{}", drawn(&app));
    let effects = effects_of(&mut app, "T");
    let training = trained(&effects).unwrap();
    assert_eq!(table(training).data, "wine-quality");
    assert_eq!(
        training.destination,
        Destination::New("wine-quality".into()),
        "not among what is somebody's own"
    );
    let began = StartedSweep {
        name: "sweep-1123-120000".into(),
        experiment: ExperimentId::from("1"),
        experiment_name: "wine-quality".into(),
        planned: training.planned.clone(),
        trials: Some(20),
        metric: "val_rmse".into(),
        mode: Mode::Min,
    };
    let effects = take(&mut app, sweeps::Msg::Trained(Ok(Box::new(began))));
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Sweeps(sweeps::effects::Effect::ReadProgress)))
    );
    let list = vec![experiment("1", "wine-quality"), experiment("0", "Default")];
    let effects = take(&mut app, experiments::Msg::Listed { result: Ok((list, None)), retry_ms: 2_000 });
    let opens = |effect: &Effect| matches!(effect, Effect::Runs(runs::effects::Effect::Watch { experiment, .. }) if experiment.as_str() == "1");
    assert!(effects.iter().any(opens), "its experiment opens: {effects:?}");
}

#[test]
fn a_key_that_comes_before_the_store_has_answered_is_not_lost() {
    let mut app = app((120, 36));
    assert!(trained(&effects_of(&mut app, "T")).is_none());
    let list = vec![experiment("0", "Default")];
    assert!(
        trained(&take(&mut app, experiments::Msg::Listed { result: Ok((list, None)), retry_ms: 2_000 }))
            .is_none(),
        "runs may be there"
    );
    let effects = take(&mut app, experiments::Msg::Counted(Some(HashMap::new())));
    assert_eq!(table(trained(&effects).unwrap()).data, "wine-quality");
    assert!(trained(&take(&mut app, experiments::Msg::Counted(Some(HashMap::new())))).is_none(), "once");
}

#[test]
fn the_form_completes_what_is_typed() {
    let (mut app, _) = opened((120, 36), 12);
    effects_of(&mut app, "ctrl-t enter");
    let effects = effects_of(&mut app, "h");
    assert!(effects.is_empty(), "the folder is known already: {effects:?}");
    take(&mut app, sweeps::Msg::DataListed { folder: String::new(), entries: vec!["houses.csv".into()] });
    assert!(drawn(&app).contains("houses.csv"), "{}", drawn(&app));
    effects_of(&mut app, "tab");
    let Some(Overlay::Plan(form)) = &app.overlay else { panic!("no form") };
    assert_eq!((form.input(FormField::Data).value(), form.at), ("houses.csv", 0));
    let effects = effects_of(&mut app, "tab");
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Sweeps(sweeps::effects::Effect::CheckPlan { .. }))),
        "the next line"
    );
}

#[test]
fn an_experiment_with_runs_asks_first_and_then_knows() {
    let (mut app, runs) = opened((120, 36), 12);
    let effects = effects_of(&mut app, "T enter");
    assert!(trained(&effects).is_none(), "demo runs never land among somebody's own");
    assert!(matches!(app.overlay, Some(Overlay::Plan(_))));
    assert!(drawn(&app).contains("Train in"), "{}", drawn(&app));
    // What is missing is said, and nothing starts.
    assert!(trained(&effects_of(&mut app, "enter")).is_none());
    assert!(drawn(&app).contains("data: missing"), "{}", drawn(&app));
    let effects = effects_of(&mut app, "i r i s tab s p e c i e s tab tab tab tab tab n o n e tab");
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Sweeps(sweeps::effects::Effect::CheckPlan { .. })))
    );
    assert!(drawn(&app).contains("no \"none\""), "{}", drawn(&app));
    let effects = effects_of(&mut app, "shift-tab ctrl-u r a n d o m _ f o r e s t tab");
    let Some(Effect::Sweeps(sweeps::effects::Effect::CheckPlan { ticket, request: wish })) =
        effects.first().cloned()
    else {
        panic!("{effects:?}")
    };
    assert_eq!((wish.data.as_str(), wish.target.as_deref()), ("iris", Some("species")));
    let older =
        sweeps::Msg::Checked { ticket: Ticket::default(), columns: Vec::new(), result: Err("older".into()) };
    take(&mut app, older);
    take(
        &mut app,
        sweeps::Msg::Checked { ticket, columns: Vec::new(), result: Ok("150 rows, 5 columns".into()) },
    );
    assert!(drawn(&app).contains("150 rows, 5 columns"), "{}", drawn(&app));
    let effects = effects_of(&mut app, "enter");
    let training = trained(&effects).unwrap().clone();
    assert!(training.keeps && matches!(training.destination, Destination::Known(..)));
    // What goes wrong comes back into the form.
    take(&mut app, sweeps::Msg::Trained(Err("there is no column \"species\"".into())));
    assert!(drawn(&app).contains("there is no column"), "{}", drawn(&app));
    let experiment = app.runs.experiment.clone().unwrap();
    let began = StartedSweep {
        name: "sweep-1".into(),
        experiment: experiment.clone(),
        experiment_name: "wine".into(),
        planned: training.planned,
        trials: Some(20),
        metric: "val_rmse".into(),
        mode: Mode::Min,
    };
    feed(&mut app, sweeps::Msg::Trained(Ok(Box::new(began))), &runs);
    assert!(app.overlay.is_none());
    // From now on the key starts it after a question, each time with another seed, and never two by accident.
    let first = effects_of(&mut app, "T y");
    assert_eq!(table(trained(&first).unwrap()).seed, Some(1));
    assert!(trained(&effects_of(&mut app, "T")).is_none());
    take(&mut app, sweeps::Msg::Trained(Err("no process".into())));
    app.sweeps.list = vec![progress(&app, SweepStatus::Running)];
    assert!(trained(&effects_of(&mut app, "T")).is_none());
    assert!(drawn(&app).contains("is running here"), "{}", drawn(&app));
    app.sweeps.list.clear();
    app.sweeps.list.push(progress(&app, SweepStatus::Finished));
    let second = effects_of(&mut app, "T y");
    assert_eq!(table(trained(&second).unwrap()).seed, Some(2));
    effects_of(&mut app, "ctrl-t enter");
    assert!(matches!(app.overlay, Some(Overlay::Plan(_))), "the plan can always be looked at");
}

#[test]
fn a_sweep_among_runs_starts_after_a_question_and_in_an_empty_experiment_at_once() {
    let (mut app, _) = opened((120, 36), 12);
    app.sweeps.settled =
        SweepRequest { data: "train.csv".into(), target: Some("y".into()), ..SweepRequest::default() };
    assert!(trained(&effects_of(&mut app, "T")).is_none(), "a slip begins nothing");
    let question = drawn(&app);
    assert!(question.contains("Train in wine?"), "{question}");
    assert!(question.contains("built-in models on train.csv, 20 trials, seed 1"), "{question}");
    assert!(question.contains("among the 12 runs that are there"), "{question}");
    assert!(trained(&effects_of(&mut app, "n")).is_none());
    let effects = effects_of(&mut app, "T y");
    let training = trained(&effects).unwrap();
    assert_eq!(table(training).data, "train.csv");
    assert!(
        matches!(&training.destination, Destination::Known(id, _) if Some(id) == app.runs.experiment.as_ref())
    );
    let (mut empty, _) = opened((120, 36), 0);
    empty.sweeps.settled = app.sweeps.settled.clone();
    assert!(trained(&effects_of(&mut empty, "T")).is_some());
}

#[test]
fn a_sweep_that_is_scored_by_another_metric_than_the_runs_are_judged_by_says_so() {
    let (mut app, runs) = opened((200, 50), 12);
    let judged = app.best.policy().unwrap().primary().metric.clone();
    let began = StartedSweep {
        name: "sweep-1123-120000".into(),
        experiment: app.runs.experiment.clone().unwrap(),
        experiment_name: "wine".into(),
        planned: PlannedSweep::Table(SweepRequest { data: "iris".into(), ..SweepRequest::default() }),
        trials: Some(20),
        metric: "val_accuracy".into(),
        mode: Mode::Max,
    };
    let words = format!("runs here are judged by {judged}; this sweep is scored by val_accuracy");
    feed(&mut app, sweeps::Msg::Trained(Ok(Box::new(began))), &runs);
    assert!(drawn(&app).contains(&words), "{}", drawn(&app));
    let list = |app: &App, metric: &str| {
        vec![Progress { metric: metric.into(), ..progress(app, SweepStatus::Running) }]
    };
    for (metric, is_told) in [("val_accuracy", true), (judged.as_str(), false)] {
        let list = list(&app, metric);
        take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
        effects_of(&mut app, "g s");
        assert_eq!(drawn(&app).contains("runs here are judged by"), is_told, "{}", drawn(&app));
        effects_of(&mut app, "q");
        assert!(app.overlay.is_none() && !app.quitting);
    }
}

#[test]
fn a_plan_that_says_nothing_of_it_reads_files_as_the_settings_say() {
    let (mut app, _) = opened((120, 36), 12);
    app.sweeps.settled.reading.decimal = Some(DecimalMark::Comma);
    let planned = SweepRequest { data: "iris".into(), ..SweepRequest::default() };
    app.sweeps.plans.insert(app.runs.experiment.clone().unwrap(), PlannedSweep::Table(planned));
    let effects = effects_of(&mut app, "ctrl-t enter");
    let Some(Effect::Sweeps(sweeps::effects::Effect::CheckPlan { request: wish, .. })) = effects.first()
    else {
        panic!("{effects:?}")
    };
    assert_eq!((wish.data.as_str(), wish.reading.decimal), ("iris", Some(DecimalMark::Comma)));
}

#[test]
fn the_form_asks_how_rows_are_dealt_to_folds() {
    let (mut app, _) = opened((120, 36), 12);
    let settled = &mut app.sweeps.settled;
    (settled.repeats, settled.test_size) = (Some(3), Some(0.25));
    settled.group_column = Some("patient".into());
    let typed = |app: &mut App, keys: &str| {
        let effects = effects_of(app, keys);
        effects.into_iter().rev().find_map(|effect| match effect {
            Effect::Sweeps(sweeps::effects::Effect::CheckPlan { request: wish, .. }) => {
                Some((wish.repeats, wish.test_size, wish.time_column, wish.group_column))
            }
            _ => None,
        })
    };
    let as_settled = typed(&mut app, "ctrl-t enter h . c s v tab y tab").unwrap();
    assert_eq!(as_settled, (Some(3), Some(0.25), None, Some("patient".into())));
    let screen = drawn(&app);
    for line in ["repeats       3", "test size     0.25", "time column   none;", "group column  patient"] {
        assert!(screen.contains(line), "{line}: {screen}");
    }
    // From the decimal mark down to the repeats.
    let down = "tab ".repeat(9);
    let changed =
        typed(&mut app, &format!("{down}ctrl-u 2 tab ctrl-u . 1 tab d a y tab ctrl-u tab")).unwrap();
    assert_eq!(changed, (Some(2), Some(0.1), Some("day".into()), None));
    assert!(typed(&mut app, "shift-tab i d tab").is_none());
    assert!(drawn(&app).contains("not beside a time column"), "{}", drawn(&app));
    assert!(typed(&mut app, "shift-tab ctrl-u shift-tab shift-tab ctrl-u x tab").is_none());
    assert!(drawn(&app).contains("test size: a fraction from 0.01 to 0.9"), "{}", drawn(&app));
}

#[test]
fn the_form_asks_how_numbers_are_written_and_which_columns_are_left_out() {
    let (mut app, _) = opened((120, 36), 12);
    let reading = &mut app.sweeps.settled.reading;
    (reading.decimal, reading.ignored) = (Some(DecimalMark::Comma), vec!["id".into(), "a, b".into()]);
    let typed = |app: &mut App, keys: &str| {
        let effects = effects_of(app, keys);
        effects.into_iter().rev().find_map(|effect| match effect {
            Effect::Sweeps(sweeps::effects::Effect::CheckPlan { request: wish, .. }) => Some(wish.reading),
            _ => None,
        })
    };
    let as_settled = typed(&mut app, "ctrl-t enter h . c s v tab y tab").unwrap();
    assert_eq!(as_settled, app.sweeps.settled.reading);
    for size in [(120, 36), (60, 20)] {
        take(&mut app, Msg::Resize { columns: size.0, rows: size.1 });
        let screen = drawn(&app);
        assert!(
            screen.contains("decimal       ,") && screen.contains("ignore        id, \"a, b\""),
            "{screen}"
        );
    }
    let other = typed(&mut app, "ctrl-u . tab , space n a m e tab").unwrap();
    assert_eq!(other.decimal, Some(DecimalMark::Point));
    assert_eq!(other.ignored, ["id", "a, b", "name"]);
    let none = typed(&mut app, "shift-tab ctrl-u shift-tab ctrl-u tab").unwrap();
    assert_eq!((none.decimal, none.ignored), (None, Vec::new()));
    assert!(typed(&mut app, "y tab").is_none());
    assert!(drawn(&app).contains("the target is among these columns"), "{}", drawn(&app));
    assert!(typed(&mut app, "shift-tab ctrl-u shift-tab ; tab").is_none());
    assert!(drawn(&app).contains("the decimal separator must be . or ,"), "{}", drawn(&app));
}

#[test]
fn sweeps_are_listed_steered_and_their_end_is_told() {
    let (mut app, _) = opened((120, 36), 12);
    let list = vec![progress(&app, SweepStatus::Running)];
    take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
    assert!(drawn(&app).contains("sweep 7/20, 26s left"), "{}", drawn(&app));
    let later = app.now + 1_500;
    let effects = update(&mut app, Msg::Tick.at(later));
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Sweeps(sweeps::effects::Effect::ReadProgress))),
        "it is looked at as it goes on"
    );
    effects_of(&mut app, "g s");
    let screen = drawn(&app);
    assert!(
        screen.contains("running") && screen.contains("7/20") && screen.contains("val_rmse 0.5872"),
        "{screen}"
    );
    let many = Progress {
        finished: 9_999,
        pruned: 1,
        failed: 0,
        of: Some(10_000),
        ..progress(&app, SweepStatus::Running)
    };
    take(&mut app, sweeps::Msg::Progress { list: vec![many], unread: Vec::new() });
    assert!(drawn(&app).contains("10000/10000"), "{}", drawn(&app));
    for (key, steering, state) in [
        ("p", Steering::Pause, SweepStatus::Running),
        ("p", Steering::Continue, SweepStatus::Paused),
        ("x y", Steering::Cancel, SweepStatus::Paused),
        ("r", Steering::Resume, SweepStatus::Cancelled),
        ("r", Steering::Resume, SweepStatus::Elsewhere),
        // Its jobs go on while no process is at it.
        ("x y", Steering::Cancel, SweepStatus::Interrupted),
    ] {
        let is_on_cluster = state == SweepStatus::Interrupted;
        let list = vec![Progress { is_on_cluster, ..progress(&app, state) }];
        take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
        let effects = effects_of(&mut app, key);
        let is_it = |effect: &Effect| matches!(effect, Effect::Sweeps(sweeps::effects::Effect::Steer { steering: found, .. }) if *found == steering);
        assert!(effects.iter().any(is_it), "{key}: {effects:?}");
    }
    assert!(drawn(&app).contains("x cancels its jobs"), "{}", drawn(&app));
    // The key is called by what it does.
    for (state, word) in [(SweepStatus::Paused, "p continue "), (SweepStatus::Running, "p pause ")] {
        let list = vec![progress(&app, state)];
        take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
        assert!(drawn(&app).contains(word), "{}", drawn(&app));
    }
    for (key, state) in [("x", SweepStatus::Interrupted), ("p", SweepStatus::Cancelled)] {
        let list = vec![progress(&app, state)];
        take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
        assert!(effects_of(&mut app, key).is_empty(), "{key}: nothing goes on, and nobody is at it");
    }
    take(&mut app, sweeps::Msg::Log { name: "sweep-1".into(), text: "mltui: trial 0\n\u{1b}[31mred".into() });
    assert!(drawn(&app).contains("trial 0"));
    for key in ["esc", "q"] {
        take(&mut app, sweeps::Msg::Log { name: "sweep-1".into(), text: "mltui: trial 0".into() });
        effects_of(&mut app, key);
        assert!(matches!(app.overlay, Some(Overlay::Sweeps { .. })), "{key}: {}", drawn(&app));
    }
    effects_of(&mut app, "esc");
    assert!(app.overlay.is_none());
    let list = vec![progress(&app, SweepStatus::Running)];
    take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
    let list = vec![progress(&app, SweepStatus::Finished)];
    take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
    assert!(drawn(&app).contains("is finished after 7 trials: best random_forest-3"), "{}", drawn(&app));
}

#[test]
fn nothing_trains_where_nothing_may_be_written() {
    let (mut app, _) = opened((120, 36), 12);
    app.read_only = true;
    assert!(trained(&effects_of(&mut app, "T")).is_none() && app.overlay.is_none());
    let list = vec![progress(&app, SweepStatus::Running)];
    take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
    assert!(effects_of(&mut app, "g s x").is_empty());
}

#[test]
fn no_size_is_too_small_for_a_plan_or_a_list() {
    for columns in [1, 12, 20, 40, 60, 80, 200] {
        for rows in [1, 3, 5, 8, 12, 20, 50] {
            let (mut app, _) = opened((columns, rows), 12);
            for script in ["T enter down down", "esc T down enter down down", "esc g s"] {
                effects_of(&mut app, script);
                let list: Vec<_> = (0..9).map(|_| progress(&app, SweepStatus::Running)).collect();
                take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
                drawn(&app);
            }
        }
    }
}

/// Looks away from the run under the cursor only after a sweep that was begun here, and only while nobody presses a key.
#[test]
fn after_a_sweep_the_cursor_goes_to_the_best_run() {
    let began = |app: &App| StartedSweep {
        name: "sweep-1123-120000".into(),
        experiment: app.runs.experiment.clone().unwrap(),
        experiment_name: "wine".into(),
        planned: PlannedSweep::Table(SweepRequest { data: "wine-quality".into(), ..SweepRequest::default() }),
        trials: Some(20),
        metric: "val_rmse".into(),
        mode: Mode::Min,
    };
    let under_cursor = |app: &App| app.runs.run_under_cursor().map(|id| id.to_string());
    let listed =
        |app: &App, state| sweeps::Msg::Progress { list: vec![progress(app, state)], unread: Vec::new() };
    let (mut app, runs) = opened((120, 36), 30);
    let best = app.best.run_id().map(str::to_owned);
    assert!(best.is_some() && under_cursor(&app) != best);
    let msg = sweeps::Msg::Trained(Ok(Box::new(began(&app))));
    feed(&mut app, msg, &runs);
    let msg = listed(&app, SweepStatus::Running);
    feed(&mut app, msg, &runs);
    assert_ne!(under_cursor(&app), best, "not while it runs");
    let msg = listed(&app, SweepStatus::Finished);
    feed(&mut app, msg, &runs);
    assert_eq!(under_cursor(&app), best);
    let (mut app, runs) = opened((120, 36), 30);
    let msg = sweeps::Msg::Trained(Ok(Box::new(began(&app))));
    feed(&mut app, msg, &runs);
    keys(&mut app, "l", &runs);
    let msg = listed(&app, SweepStatus::Finished);
    feed(&mut app, msg, &runs);
    assert_ne!(under_cursor(&app), best, "whoever does something looks at something");
}
