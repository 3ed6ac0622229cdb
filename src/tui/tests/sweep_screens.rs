//! A sweep on the whole screen: its trials, its chart, the logs of its trials, and what is asked of it while it goes on.

use std::path::Path;

use super::sweeping::progress;
use super::*;
use crate::compare::importance::{Correlation, Matter, Matters};
use crate::params::{ParamValue, Params};
use crate::sweep::engine::attempts::TrialPlace;
use crate::sweep::engine::journal::{Change, Event, EventKind, Position, TrialOutcome};
use crate::sweep::engine::state::SweepState;
use crate::sweep::executor_plan::{ExecutorPlan, SlurmOptions};
use crate::sweep::header::SweepHeader;
use crate::sweep::objective::command::CommandRequest;
use crate::sweep::progress::{Progress, SweepStatus};
use crate::sweep::search::Proposal;
use crate::tui::core::app::{Overlay, Screen};
use crate::tui::features::sweeps::log::LogPart;
use crate::tui::features::sweeps::screen::effects::TrialDetails;
use crate::tui::features::sweeps::screen::{SweepNews, SweepScreen, TrialColumn};

type Sweeps = sweeps::effects::Effect;

fn header(id: &str) -> SweepHeader {
    let request = CommandRequest {
        command: ["sh", "train.sh"].map(str::to_owned).to_vec(),
        params: [
            "lr=1e-5..1e-1:log",
            "depth=2..12",
            "opt=adam,sgd",
            "dropout=0.0..0.5?opt=adam",
            "epochs=10",
        ]
        .map(str::to_owned)
        .to_vec(),
        metric: Some("val_loss:min".into()),
        ..CommandRequest::default()
    };
    SweepHeader {
        id: id.into(),
        name: format!("sweep-{id}"),
        experiment: ExperimentId::from("1"),
        experiment_name: "wine".into(),
        store: "memory".into(),
        opened_by: None,
        config_file: None,
        user: "ana".into(),
        created: NOW - 60_000,
        folder: "/work".into(),
        commit: None,
        dataset: None,
        report: None,
        fingerprint: None,
        plan: request.decide(Path::new("/")).unwrap(),
    }
}

fn started(trial: usize) -> Event {
    let mut params = Params::new();
    params.insert("lr".into(), ParamValue::Real(10_f64.powf(-1.0 - (trial * 7 % 40) as f64 / 10.0)));
    params.insert("depth".into(), ParamValue::Int(2 + (trial * 5 % 11) as i64));
    let opt = ["adam", "sgd"][trial % 2];
    params.insert("opt".into(), ParamValue::Text(opt.into()));
    if opt == "adam" {
        params.insert("dropout".into(), ParamValue::Real((trial % 6) as f64 / 10.0));
    }
    params.insert("epochs".into(), ParamValue::Int(10));
    let proposal = Proposal::new("trial", params);
    Event {
        at: NOW - 50_000 + trial as i64 * 10,
        kind: EventKind::Started { trial, attempt: None, since: None, proposal },
    }
}

fn ended(trial: usize, outcome: TrialOutcome) -> Event {
    Event { at: NOW - 40_000 + trial as i64 * 10, kind: EventKind::Ended { trial, attempt: None, outcome } }
}

fn finished(trial: usize, value: f64) -> Event {
    ended(trial, TrialOutcome::Finished { means: vec![Some(value)], deviations: vec![Some(0.0)] })
}

/// So many trials: the last two are under way, one failed, one was pruned, one came out far worse than all others.
fn events(count: usize) -> Vec<Event> {
    let mut events = vec![Event { at: NOW - 60_000, kind: EventKind::Begun }];
    for trial in 0..count {
        events.push(started(trial));
        match trial {
            3 => events.push(ended(
                trial,
                TrialOutcome::Failed {
                    message: "exit code 1: FloatingPointError: loss is inf\nTraceback\n  File \"train.py\"\nFloatingPointError: \u{1b}[31mloss is inf".into(),
                },
            )),
            5 => events.push(ended(trial, TrialOutcome::Pruned { reports: 4, means: vec![Some(0.71)], is_by_hand: false })),
            6 => events.push(finished(trial, 90.0)),
            _ if trial + 2 >= count => {}
            _ => events.push(finished(trial, 0.3 + (trial * 37 % 50) as f64 / 200.0 + 0.4 / (trial + 1) as f64)),
        }
    }
    events
}

fn whole(id: &str, count: usize) -> SweepNews {
    let state = SweepState::of(&events(count));
    SweepNews::Whole { header: Arc::new(header(id)), state: Box::new(state), to: Position::default() }
}

fn listed(app: &App, id: &str, state: SweepStatus) -> Progress {
    Progress {
        id: id.into(),
        name: format!("sweep-{id}"),
        is_command: true,
        data: "sh train.sh".into(),
        metric: "val_loss".into(),
        finished: 35,
        failed: 1,
        running: 2,
        of: Some(60),
        ..progress(app, state)
    }
}

fn follows(effects: &[Effect]) -> Vec<(Ticket, String)> {
    let of = |effect: &Effect| match effect {
        Effect::Sweeps(Sweeps::Follow { ticket, sweep, .. }) => Some((*ticket, sweep.clone())),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

/// What the keys come to, and all effects of the last one.
fn press(app: &mut App, script: &str) -> Vec<Effect> {
    let mut last = Vec::new();
    for event in parse_keys(script).unwrap() {
        last = take(app, Msg::Key(event));
    }
    take(app, Msg::Frame);
    last
}

/// An explorer that shows a sweep of so many trials.
fn shown(size: (u16, u16), count: usize) -> App {
    shown_of(size, whole("a", count))
}

fn shown_of(size: (u16, u16), news: SweepNews) -> App {
    let (mut app, _) = opened(size, 12);
    let list = ["a", "b"].map(|id| listed(&app, id, SweepStatus::Running)).to_vec();
    take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
    let effects = press(&mut app, "g s enter");
    let [(ticket, sweep)] = follows(&effects).try_into().unwrap();
    let result = Ok(news);
    let effects = take(&mut app, sweeps::Msg::Followed { sweep, ticket, result });
    describe(&mut app, &effects);
    app
}

/// Answers what is asked of trials besides the journal.
fn describe(app: &mut App, effects: &[Effect]) {
    for effect in effects {
        let Effect::Sweeps(Sweeps::Describe { ticket, wanted }) = effect else { continue };
        let points = |trial: usize| {
            let point = |step| MetricPoint { step, timestamp: NOW, value: 1.0 + 1.0 / (step + 1) as f64 };
            (0..(4 + trial as i64 % 20)).map(point).collect()
        };
        let trials = wanted.trials.iter().map(|(trial, is_over)| {
            let attempt = 1 + u32::from(trial % 9 == 4);
            let place =
                TrialPlace { attempt, job: format!("71_{trial}"), node: "n1".into(), since: 0, log_start: 0 };
            let (points, is_final) = (points(*trial), *is_over);
            (*trial, TrialDetails { run: None, points, attempt, place: Some(place), is_final })
        });
        take(app, sweeps::Msg::Described { ticket: *ticket, trials: trials.collect() });
    }
}

fn on_screen(app: &App) -> &SweepScreen {
    match app.screens.last() {
        Some(Screen::Sweep(screen)) => screen,
        other => panic!("{other:?}"),
    }
}

fn weighed(app: &mut App, effects: &[Effect]) {
    let found = effects.iter().find_map(|effect| match effect {
        Effect::Sweeps(Sweeps::Weigh { ticket, .. }) => Some(*ticket),
        _ => None,
    });
    let matter = |param: &str, importance| Matter {
        param: param.into(),
        correlation: Correlation::Text,
        importance,
        runs: 35,
    };
    let params = vec![matter("lr", 0.62), matter("depth", 0.2), matter("opt", 0.05)];
    let matters = Matters::Ranked { runs: 35, r2: 0.7, params };
    take(app, sweeps::Msg::Weighed { ticket: found.expect("it is asked"), matters });
}

#[test]
fn the_screens_of_a_sweep() {
    for size in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)] {
        let name = format!("{}x{}", size.0, size.1);
        let mut app = shown(size, 40);
        insta::assert_snapshot!(format!("trials-{name}"), screen(&app, &theme()).backend());
        let effects = press(&mut app, "]");
        weighed(&mut app, &effects);
        press(&mut app, "c c c");
        insta::assert_snapshot!(format!("chart-{name}"), screen(&app, &theme()).backend());
    }
}

#[test]
fn trials_come_in_while_the_cursor_stays_where_it_is() {
    let mut app = shown((120, 36), 40);
    assert!(drawn(&app).contains("● running"), "{}", drawn(&app));
    press(&mut app, "end");
    let text = drawn(&app);
    assert!(text.contains("⊘ pruned") && text.contains("✗ failed"), "{text}");
    press(&mut app, "home");
    let is_epochs = |column: &TrialColumn| *column == TrialColumn::Param("epochs".into());
    assert!(!on_screen(&app).columns.iter().any(is_epochs), "what is the same in all trials is no column");
    assert_eq!(on_screen(&app).chosen(), Some(39), "the newest first");
    // The first row follows what is new, any other stays with its trial.
    let more = |app: &mut App, trial: usize| {
        let later = app.now + 1_000;
        let effects = update(app, Msg::Tick.at(later));
        let [(ticket, sweep)] = follows(&effects).try_into().unwrap();
        let news = SweepNews::More { events: vec![started(trial)], to: Position::default(), damage: None };
        take(app, sweeps::Msg::Followed { sweep, ticket, result: Ok(news) });
    };
    more(&mut app, 40);
    assert_eq!(on_screen(&app).chosen(), Some(40));
    press(&mut app, "down down");
    assert_eq!(on_screen(&app).chosen(), Some(38));
    more(&mut app, 41);
    assert_eq!((on_screen(&app).chosen(), on_screen(&app).cursor.at), (Some(38), 3));
    // An answer to what is not asked any more is dropped.
    let version = on_screen(&app).shown.version;
    let late = sweeps::Msg::Followed { sweep: "a".into(), ticket: Ticket(1), result: Err("gone".into()) };
    take(&mut app, late);
    assert_eq!(on_screen(&app).shown.version, version);
    // Sorted by the value: the best first, what has none last.
    press(&mut app, "right right s home");
    let best = on_screen(&app).shown.best;
    assert!(best.is_some() && on_screen(&app).chosen() == best);
    press(&mut app, "s home");
    assert_eq!(on_screen(&app).chosen(), Some(6), "the worst");
    press(&mut app, "s");
    assert!(on_screen(&app).sorted.is_none());
}

#[test]
fn trials_on_a_cluster_show_their_nodes_and_jobs() {
    let SweepNews::Whole { mut header, state, to } = whole("a", 40) else { panic!("not the whole") };
    let slurm = ExecutorPlan::read("slurm", &SlurmOptions::default()).unwrap();
    Arc::make_mut(&mut header).plan.executor = slurm;
    let app = shown_of((160, 36), SweepNews::Whole { header, state, to });
    let text = drawn(&app);
    assert!(text.contains("node") && text.contains("n1") && text.contains("on n1, job 71_39"), "{text}");
    let here = shown((160, 36), 40);
    assert!(
        !on_screen(&here).columns.contains(&TrialColumn::Node),
        "on this machine there is nothing to tell"
    );
}

#[test]
fn a_failed_trial_shows_its_last_words() {
    let mut app = shown((120, 36), 40);
    press(&mut app, "end up up up");
    assert_eq!(on_screen(&app).chosen(), Some(3));
    let text = drawn(&app);
    assert!(text.contains("exit code 1: FloatingPointError: loss is inf"), "{text}");
    assert!(text.contains("  Traceback") && text.contains("^[[31mloss is inf"), "{text}");
}

#[test]
fn changes_are_asked_of_a_sweep_that_goes_on() {
    let asked = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Sweeps(Sweeps::Ask { sweep, change }) if sweep == "a" => Some(*change),
            _ => None,
        })
    };
    let mut app = shown((120, 36), 40);
    assert_eq!(asked(&press(&mut app, "X y")), Some(Change::Prune { trial: 39 }));
    assert_eq!(on_screen(&app).trial, Some(39), "the cursor stays, though others begin");
    assert_eq!(asked(&press(&mut app, "R")), None);
    assert!(drawn(&app).contains("only a failed or pruned trial runs again"), "{}", drawn(&app));
    assert_eq!(asked(&press(&mut app, "end up up up R")), Some(Change::Retry { trial: 3 }));
    assert_eq!(asked(&press(&mut app, "+")), Some(Change::Jobs { jobs: 3 }));
    assert_eq!(asked(&press(&mut app, "+")), Some(Change::Jobs { jobs: 4 }), "each key counts");
    assert_eq!(asked(&press(&mut app, "- - - -")), None, "at least one");
    press(&mut app, "t ctrl-u x enter");
    assert!(drawn(&app).contains("a number from 1 on"), "{}", drawn(&app));
    assert_eq!(asked(&press(&mut app, "ctrl-u 3 enter")), None);
    assert!(drawn(&app).contains("trials have begun already"), "{}", drawn(&app));
    assert_eq!(asked(&press(&mut app, "ctrl-u 8 0 enter")), Some(Change::Trials { most: 80 }));
    assert!(matches!(app.screens.last(), Some(Screen::Sweep(_))) && app.overlay.is_none());
    assert_eq!(asked(&press(&mut app, "home X n")), None, "one who thinks again");
    press(&mut app, "x");
    assert!(drawn(&app).contains("run again when the sweep is"), "{}", drawn(&app));
    press(&mut app, "n");
    for key in ["p", "x y"] {
        let effects = press(&mut app, key);
        let is_steered = |effect: &Effect| matches!(effect, Effect::Sweeps(Sweeps::Steer { .. }));
        assert!(effects.iter().any(is_steered), "{key}");
    }
    // The same in the list, and there too the list stays.
    press(&mut app, "esc");
    assert_eq!(asked(&press(&mut app, "t ctrl-u 9 0 enter")), Some(Change::Trials { most: 90 }));
    assert!(drawn(&app).contains("Sweeps"), "{}", drawn(&app));
    press(&mut app, "x n");
    assert!(matches!(app.overlay, Some(Overlay::Sweeps { .. })));
    // What is over takes no changes.
    let list = vec![listed(&app, "a", SweepStatus::Finished)];
    take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
    assert_eq!(asked(&press(&mut app, "+")), None);
}

#[test]
fn nothing_is_asked_where_nothing_may_be_written() {
    let mut app = shown((120, 36), 40);
    app.read_only = true;
    for key in ["X y", "+", "end up up up R", "x y", "p"] {
        let effects = press(&mut app, key);
        let writes =
            |effect: &Effect| matches!(effect, Effect::Sweeps(Sweeps::Ask { .. } | Sweeps::Steer { .. }));
        assert!(!effects.iter().any(writes), "{key}");
    }
}

#[test]
fn the_log_of_a_trial_is_followed_and_looked_back_in() {
    let mut app = shown((80, 24), 40);
    let effects = press(&mut app, "l");
    let asked = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Sweeps(Sweeps::FollowLog { ticket, trial: 39, from, .. }) => Some((*ticket, *from)),
            _ => None,
        })
    };
    let (ticket, from) = asked(&effects).unwrap();
    assert_eq!(from, 0);
    let line = |line: usize| format!("line {line} \u{1b}[1mbold\u{1b}[0m \u{202e}x\n");
    let lines = (0..100).map(line).collect::<Vec<_>>().concat();
    let part = LogPart { to: lines.len() as u64, text: lines, skipped: 0, replaces: false };
    take(&mut app, sweeps::Msg::LogRead { ticket, result: Ok(part) });
    let text = drawn(&app);
    assert!(text.contains("line 99 bold <202e>x") && text.contains("following"), "{text}");
    press(&mut app, "up");
    assert!(drawn(&app).contains("line 98") && !drawn(&app).contains("line 99"), "{}", drawn(&app));
    let later = app.now + 1_000;
    let (ticket, from) = asked(&update(&mut app, Msg::Tick.at(later))).unwrap();
    assert!(from > 0, "only what is new");
    let part = LogPart { text: "the end\n".into(), skipped: 0, to: from + 8, replaces: false };
    take(&mut app, sweeps::Msg::LogRead { ticket, result: Ok(part) });
    assert!(!drawn(&app).contains("the end"), "whoever looks back is not moved");
    press(&mut app, "F");
    assert!(drawn(&app).contains("the end"), "{}", drawn(&app));
    press(&mut app, "esc");
    assert_eq!(on_screen(&app).chosen(), Some(39));
    press(&mut app, "esc");
    assert!(drawn(&app).contains("Sweeps"), "{}", drawn(&app));
}

#[test]
fn the_log_of_a_trial_at_all_sizes() {
    for size in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)] {
        let mut app = shown(size, 40);
        let effects = press(&mut app, "l");
        let ticket = effects.iter().find_map(|effect| match effect {
            Effect::Sweeps(Sweeps::FollowLog { ticket, .. }) => Some(*ticket),
            _ => None,
        });
        let line = |step: usize| {
            let loss = 1.0 / (step + 1) as f64;
            format!(
                "epoch {step}: loss={loss:.4} val_loss={:.4} lr=0.003 {}\n",
                loss * 1.2,
                "| data 0.02s".repeat(step % 9)
            )
        };
        let text = (0..80).map(line).collect::<Vec<_>>().concat();
        let part = LogPart { to: text.len() as u64, text, skipped: 0, replaces: false };
        take(&mut app, sweeps::Msg::LogRead { ticket: ticket.unwrap(), result: Ok(part) });
        insta::assert_snapshot!(format!("log-{}x{}", size.0, size.1), drawn(&app));
        press(&mut app, "up up");
        insta::assert_snapshot!(format!("log-looked-back-{}x{}", size.0, size.1), drawn(&app));
    }
}

#[test]
fn the_chart_leaves_out_what_is_far_worse_and_says_so() {
    let mut app = shown((120, 36), 40);
    let effects = press(&mut app, "]");
    weighed(&mut app, &effects);
    let text = drawn(&app);
    assert!(text.contains("1 far worse not shown: w shows all"), "{text}");
    assert!(text.contains("best, trial 23") && text.contains("lr      0.62"), "{text}");
    press(&mut app, "w");
    assert!(!drawn(&app).contains("far worse not shown"), "{}", drawn(&app));
    press(&mut app, "w c");
    assert!(drawn(&app).contains("coloured by lr"), "{}", drawn(&app));
    press(&mut app, "c c c");
    let text = drawn(&app);
    assert!(text.contains("coloured by dropout") && text.contains("does not apply"), "{text}");
    // The cursor leads through the trials.
    press(&mut app, "left left");
    assert!(drawn(&app).contains("trial 37"), "{}", drawn(&app));
    press(&mut app, "[");
    assert_eq!(on_screen(&app).chosen(), Some(37));
}

#[test]
fn a_trial_leads_to_its_run() {
    let (mut app, runs) = opened((120, 36), 12);
    let list = vec![listed(&app, "a", SweepStatus::Finished)];
    take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
    let effects = press(&mut app, "g s enter");
    let [(ticket, sweep)] = follows(&effects).try_into().unwrap();
    take(&mut app, sweeps::Msg::Followed { sweep, ticket, result: Ok(whole("a", 40)) });
    let wanted = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Sweeps(Sweeps::Describe { ticket, wanted }) => Some((*ticket, wanted.trials.clone())),
            _ => None,
        })
    };
    let (ticket, trials) = wanted(&press(&mut app, "e")).unwrap();
    assert_eq!(trials, [(39, false)]);
    let none = TrialDetails::default();
    take(&mut app, sweeps::Msg::Described { ticket, trials: vec![(39, none)] });
    assert!(drawn(&app).contains("trial 39 has no run yet"), "{}", drawn(&app));
    let (ticket, _) = wanted(&press(&mut app, "e")).unwrap();
    let run = runs[4].info.run_id.clone();
    let known = TrialDetails { run: Some((ExperimentId::from("1"), run.clone())), ..TrialDetails::default() };
    feed(&mut app, sweeps::Msg::Described { ticket, trials: vec![(39, known)] }, &runs);
    assert!(app.screens.is_empty() && app.overlay.is_none());
    assert_eq!(app.runs.run_under_cursor(), Some(run));
}

#[test]
fn two_sweeps_are_laid_over_one_another() {
    let mut app = shown((120, 36), 40);
    press(&mut app, "] o");
    assert!(drawn(&app).contains("Lay another sweep over this one"), "{}", drawn(&app));
    let effects = press(&mut app, "enter");
    let (ticket, sweep) = follows(&effects).into_iter().find(|(_, sweep)| sweep == "b").unwrap();
    take(&mut app, sweeps::Msg::Followed { sweep, ticket, result: Ok(whole("b", 20)) });
    let text = drawn(&app);
    assert!(text.contains("a sweep-a") && text.contains("b sweep-b"), "{text}");
    press(&mut app, "o");
    assert!(!drawn(&app).contains("b sweep-b"), "{}", drawn(&app));
}

#[test]
fn of_ten_thousand_trials_only_those_that_are_seen_are_asked_for() {
    let mut app = shown((120, 36), 10_000);
    let effects = press(&mut app, "end");
    let wanted = effects.iter().find_map(|effect| match effect {
        Effect::Sweeps(Sweeps::Describe { wanted, .. }) => Some(wanted),
        _ => None,
    });
    let trials = &wanted.unwrap().trials;
    assert!(trials.len() < 30 && trials.iter().all(|(trial, _)| *trial < 30), "{trials:?}");
    describe(&mut app, &effects);
    // What is over is not asked for again.
    let effects = update(&mut app, Msg::Tick.at(NOW + 60_000));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Sweeps(Sweeps::Describe { .. }))));
}

#[test]
fn a_journal_that_cannot_be_read_is_said() {
    let (mut app, _) = opened((120, 36), 12);
    let list = vec![listed(&app, "a", SweepStatus::Interrupted)];
    take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
    let effects = press(&mut app, "g s enter");
    assert!(drawn(&app).contains("loading"));
    let [(ticket, sweep)] = follows(&effects).try_into().unwrap();
    take(&mut app, sweeps::Msg::Followed { sweep, ticket, result: Err("no plan.json".into()) });
    assert!(drawn(&app).contains("no plan.json"), "{}", drawn(&app));
}

#[test]
fn no_size_is_too_small_for_a_sweep() {
    for columns in [1, 12, 24, 40, 60, 80, 100, 150, 200] {
        for rows in [1, 3, 6, 8, 12, 16, 20, 50] {
            let mut app = shown((columns, rows), 40);
            for script in ["G", "]", "c", "[ l"] {
                press(&mut app, script);
                drawn(&app);
            }
        }
    }
}
