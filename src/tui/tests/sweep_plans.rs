//! What is trained with: a table, or a command, whose form a logged run fills in.

use super::sweeping::progress;
use super::*;
use crate::select::{Goal, MetricGoal, Policy};
use crate::sweep::engine::rules::Mode;
use crate::sweep::planned::{PlannedCommand, PlannedSweep};
use crate::sweep::progress::SweepStatus;
use crate::tui::core::app::Overlay;
use crate::tui::features::sweeps::StartedSweep;
use crate::tui::features::sweeps::effects::Training;
use crate::tui::features::sweeps::plan::command::CheckedCommand;
use crate::tui::features::sweeps::plan::effects::UnfoundScript;

type Sweeps = sweeps::effects::Effect;

/// Runs of a script, and one of another; the cursor stands on the newest.
fn scripted(size: (u16, u16)) -> (App, Vec<Run>) {
    let runs: Vec<Run> = (0..6)
        .map(|number| {
            let mut run = run(number);
            let script = if number == 0 { "other.py" } else { "src/train.py" };
            run.tags
                .extend([Tag::new("mlflow.source.name", script), Tag::new("mlflow.source.type", "LOCAL")]);
            run.params = vec![
                Param::new("lr", ["7", "0.0001", "0.001", "0.01", "0.1", "0.003"][number]),
                Param::new("depth", ["99", "3", "6", "9", "12", "7"][number]),
                Param::new("opt", ["x", "sgd", "adam", "adam", "adam", "sgd"][number]),
                Param::new("epochs", "20"),
                Param::new("seed", number.to_string()),
            ];
            run
        })
        .collect();
    let mut app = app(size);
    for msg in answer(Effect::Experiments(experiments::effects::Effect::Load), &runs) {
        feed(&mut app, msg, &runs);
    }
    let policy = Policy::new(MetricGoal::new("val_rmse", Goal::Minimize));
    app.best = best::Best::new(HashMap::from([(ExperimentId::from("1"), policy)]));
    feed(&mut app, Msg::Tick, &runs);
    (app, runs)
}

fn press(app: &mut App, script: &str) -> Vec<Effect> {
    let mut last = Vec::new();
    for event in parse_keys(script).unwrap() {
        last = take(app, Msg::Key(event));
    }
    last
}

fn unfound(effects: &[Effect]) -> Option<(Ticket, UnfoundScript)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Sweeps(Sweeps::FindScript { ticket, unfound }) => Some((*ticket, unfound.as_ref().clone())),
        _ => None,
    })
}

fn checked(effects: &[Effect]) -> Option<(Ticket, PlannedCommand)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Sweeps(Sweeps::CheckCommand { ticket, planned }) => Some((*ticket, planned.as_ref().clone())),
        _ => None,
    })
}

fn trained(effects: &[Effect]) -> Option<Training> {
    effects.iter().find_map(|effect| match effect {
        Effect::Sweeps(Sweeps::Train(training)) => Some(training.as_ref().clone()),
        _ => None,
    })
}

/// As it is found on a machine.
fn found(unfound: UnfoundScript) -> Box<PlannedCommand> {
    let mut planned = unfound.planned;
    planned.folder = "/home/ana/churn".into();
    planned.request.command.push("{args}".into());
    Box::new(planned)
}

#[test]
fn a_logged_run_fills_the_form_in() {
    let (mut app, _) = scripted((120, 36));
    let effects = press(&mut app, "ctrl-t");
    assert!(effects.is_empty());
    let text = drawn(&app);
    assert!(
        text.contains("built-in models on a table") && text.contains("a command, around this run"),
        "{text}"
    );
    // The cursor stands on what is likeliest.
    let effects = press(&mut app, "enter");
    let (ticket, unfound) = unfound(&effects).unwrap();
    let request = &unfound.planned.request;
    assert_eq!(request.command, ["python", "src/train.py"]);
    assert_eq!(request.params, ["depth=3..12", "lr=0.0001..0.1:log", "opt=adam,sgd"]);
    assert_eq!(request.start.as_deref(), Some("depth=7,lr=0.003,opt=sgd"));
    assert_eq!(request.metric.as_deref(), Some("val_rmse:min"));
    let effects = take(&mut app, sweeps::Msg::ScriptFound { ticket, planned: found(unfound) });
    let (ticket, planned) = checked(&effects).unwrap();
    assert_eq!(planned.folder.to_str(), Some("/home/ana/churn"));
    let first = "python src/train.py --depth 7 --lr 0.003 --opt sgd".to_owned();
    let result = Ok(CheckedCommand { first, words: "3 params, 20 trials, 1 at a time".into() });
    take(&mut app, sweeps::Msg::CommandChecked { ticket, result });
    insta::assert_snapshot!("form-of-a-command", screen(&app, &theme()).backend());
    // Begun, and from now on what the key starts at once, each time with another seed.
    let training = trained(&press(&mut app, "enter")).unwrap();
    assert!(training.keeps && trained(&press(&mut app, "enter")).is_none(), "twice is once");
    let PlannedSweep::Command(planned) = &training.planned else { panic!("{training:?}") };
    assert_eq!(planned.request.params.len(), 3);
    let began = StartedSweep {
        name: "sweep-1".into(),
        experiment: ExperimentId::from("1"),
        experiment_name: "wine".into(),
        planned: training.planned.clone(),
        trials: Some(20),
        metric: "val_rmse".into(),
        mode: Mode::Min,
    };
    take(&mut app, sweeps::Msg::Trained(Ok(Box::new(began))));
    assert!(app.overlay.is_none());
    assert!(drawn(&app).contains("sweep-1 runs python src/train.py {args}, 20 trials"), "{}", drawn(&app));
    app.sweeps.list = vec![progress(&app, SweepStatus::Finished)];
    let PlannedSweep::Command(again) = trained(&press(&mut app, "T y")).unwrap().planned else { panic!() };
    assert_eq!(again.request.seed, Some(2));
    take(&mut app, sweeps::Msg::Trained(Err("no process".into())));
    press(&mut app, "ctrl-t enter");
    assert!(drawn(&app).contains("as planned"), "{}", drawn(&app));
}

#[test]
fn one_key_plans_around_a_run() {
    let (mut app, _) = scripted((120, 36));
    let (_, unfound) = unfound(&press(&mut app, "A")).unwrap();
    let request = &unfound.planned.request;
    assert_eq!(request.params, ["depth=5..9", "lr=0.0005335..0.01687:log", "opt=sgd"]);
    assert_eq!(request.start.as_deref(), Some("depth=7,lr=0.003"));
    assert!(drawn(&app).contains("around calm-ibis-5"), "{}", drawn(&app));
}

#[test]
fn the_form_says_what_is_wrong_and_makes_room_for_params() {
    let (mut app, _) = scripted((80, 24));
    let (ticket, unfound) = unfound(&press(&mut app, "A")).unwrap();
    take(&mut app, sweeps::Msg::ScriptFound { ticket, planned: found(unfound) });
    // A param more, in the empty line below the others; another empty one follows.
    press(&mut app, "down down down down down down m = 1 . . 5 tab");
    let effects = press(&mut app, "n = a , b tab");
    let (_, planned) = checked(&effects).unwrap();
    assert_eq!(planned.request.params[3..], ["m=1..5", "n=a,b"]);
    // An empty one goes.
    let effects = press(&mut app, "up up ctrl-u up");
    let (_, planned) = checked(&effects).unwrap();
    assert_eq!(planned.request.params[3..], ["n=a,b"]);
    let last_words = |app: &mut App, script: &str| {
        let effects = press(app, script);
        assert!(checked(&effects).is_none(), "{script}");
        drawn(app)
    };
    let Some(Overlay::Command(form)) = &mut app.overlay else { panic!("no form") };
    let trials = form.lines.iter().position(|(field, _)| field.name() == "trials").unwrap();
    form.at = trials;
    assert!(last_words(&mut app, "x tab").contains("trials: \"x\" is not a whole number"));
    assert!(last_words(&mut app, "up ctrl-u 0 tab").contains("trials: at least 1"));
    press(&mut app, "up ctrl-u");
    let text = last_words(&mut app, "up n o tab");
    assert!(text.contains("prune: expected median or asha"), "{text}");
    let text = last_words(&mut app, "up ctrl-u up g u e s s tab");
    assert!(text.contains("method: expected tpe, sobol, random or grid"), "{text}");
    // What was found out elsewhere is shown too.
    let (ticket, _) = checked(&press(&mut app, "up ctrl-u tab")).unwrap();
    let result = Err("no file src/train.py in /home/ana/churn".into());
    take(&mut app, sweeps::Msg::CommandChecked { ticket, result });
    assert!(drawn(&app).contains("no file src/train.py"), "{}", drawn(&app));
}

#[test]
fn whoever_types_is_not_disturbed_by_what_is_found() {
    let (mut app, _) = scripted((120, 36));
    let (ticket, unfound) = unfound(&press(&mut app, "A")).unwrap();
    press(&mut app, "ctrl-u m y space c o m m a n d");
    take(&mut app, sweeps::Msg::ScriptFound { ticket, planned: found(unfound) });
    let text = drawn(&app);
    assert!(text.contains("my command") && text.contains("folder        /home/ana/churn"), "{text}");
}

#[test]
fn what_is_found_goes_where_nobody_has_typed() {
    let (mut app, _) = scripted((120, 36));
    let (ticket, unfound) = unfound(&press(&mut app, "A")).unwrap();
    press(&mut app, &"up ".repeat(12));
    press(&mut app, "ctrl-u 2 tab");
    let effects = take(&mut app, sweeps::Msg::ScriptFound { ticket, planned: found(unfound) });
    let (_, planned) = checked(&effects).unwrap();
    assert_eq!((planned.folder.to_str(), planned.request.trials), (Some("/home/ana/churn"), Some(2)));
}

#[test]
fn a_run_without_a_script_is_no_ground_for_a_command() {
    let (mut app, _) = opened((120, 36), 12);
    press(&mut app, "A");
    assert!(drawn(&app).contains("no script logged this run"), "{}", drawn(&app));
    press(&mut app, "ctrl-t");
    assert!(!drawn(&app).contains("around this run"), "{}", drawn(&app));
    // A command can be typed all the same.
    let (ticket, unfound) = unfound(&press(&mut app, "down enter")).unwrap();
    assert!(unfound.planned.request.command.is_empty());
    let effects = take(
        &mut app,
        sweeps::Msg::ScriptFound {
            ticket,
            planned: Box::new(PlannedCommand { folder: "/tmp".into(), ..PlannedCommand::default() }),
        },
    );
    assert!(checked(&effects).is_none(), "nothing is wrong with an empty form");
    press(&mut app, "s h space x . s h tab");
    assert!(drawn(&app).contains("metric: missing"), "{}", drawn(&app));
}
