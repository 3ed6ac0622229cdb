//! Planning a sweep: what to train with, the forms, and what becomes of them.

#![deny(clippy::wildcard_enum_match_arm)]

use super::PlanForm;
use super::command::fill::{ScriptRun, filled, likely_run, script_run};
use super::command::{CheckedCommand, CommandForm};
use super::effects::UnfoundScript;
use crate::learn::data::bundled;
use crate::sweep::planned::{PlannedCommand, PlannedSweep};
use crate::sweep::request::{SEED, SweepRequest, TRIALS};
use crate::sweep::search::Method;
use crate::text;
use crate::text::shell::line;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::core::remote::Ticket;
use crate::tui::core::requests::{load_experiments, poll};
use crate::tui::features::sweeps::actions::Action;
use crate::tui::features::sweeps::effects::{Destination, Effect, Training};
use crate::tui::features::sweeps::update::look;
use crate::tui::features::sweeps::{StartedSweep, apart};
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::picker::{Item, Picked, Picker};

/// What a newcomer trains on.
const DEMO: &str = "wine-quality";

/// What is trained with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TrainWith {
    Table,
    Command,
    /// A command, around the run under the cursor.
    Around,
}

/// What would be trained in the open experiment without a question, and where.
fn settled(app: &App) -> Option<(PlannedSweep, Destination)> {
    if let Some(planned) = app.runs.experiment.as_ref().and_then(|id| app.sweeps.plans.get(id)) {
        return Some((planned.clone(), here(app)?));
    }
    let configured = &app.sweeps.settled;
    if !configured.data.is_empty() {
        let destination = here(app).unwrap_or_else(|| Destination::New(stem(&configured.data)));
        return Some((PlannedSweep::Table(configured.clone()), destination));
    }
    if app.is_empty_store() {
        let set = bundled::find(DEMO)?;
        let request = SweepRequest { data: set.name.to_owned(), ..configured.clone() };
        return Some((PlannedSweep::Table(request), Destination::New(set.name.to_owned())));
    }
    None
}

/// What `T` does, in words.
pub fn offer(app: &App) -> String {
    let first = if app.is_empty_store() { "a first sweep" } else { "a sweep" };
    match settled(app) {
        None => format!("plans {first}"),
        Some((PlannedSweep::Table(request), _)) => {
            let data = text::clean(&request.data).into_owned();
            let models = trials_of(&request)
                .map_or(String::new(), |models| format!(": {}", text::counted(models, "model")));
            format!("trains {first} on {}{models}", stem(&data))
        }
        Some((PlannedSweep::Command(planned), _)) => {
            format!("runs {first} of {}", text::clean(&line(&planned.request.command)))
        }
    }
}

/// The open experiment; none on an empty store, which has none that anybody made.
fn here(app: &App) -> Option<Destination> {
    let id = app.runs.experiment.clone().filter(|_| !app.is_empty_store())?;
    Some(Destination::Known(id, app.runs.name.clone()))
}

fn stem(data: &str) -> String {
    let name = data.rsplit(['/', '\\']).next().unwrap_or(data);
    name.split('.').next().unwrap_or(name).to_owned()
}

/// What an experiment of a command is called: as its script, or its program.
fn name_of(command: &[String]) -> String {
    let is_script = |word: &&String| word.contains('.') && !word.starts_with('-') && !word.contains('{');
    let named = command.iter().find(is_script).or(command.first()).map_or("", String::as_str);
    Some(stem(named)).filter(|name| !name.is_empty()).unwrap_or_else(|| "sweep".into())
}

pub fn train(app: &mut App, effects: &mut Effects) {
    // A key that is pressed twice means one sweep.
    let here = app.runs.experiment.as_ref();
    if let Some(sweep) = app.sweeps.active().find(|sweep| Some(&sweep.experiment) == here) {
        app.status = Some(format!("{} is running here; g s shows it, ctrl-t plans another", sweep.name));
        return;
    }
    if app.sweeps.is_starting {
        return;
    }
    let Some((mut planned, destination)) = settled(app) else { return ask(app) };
    // The same again would give the same trials: each sweep of an experiment has a seed of its own.
    if let Destination::Known(id, _) = &destination {
        let before = app.sweeps.list.iter().filter(|sweep| sweep.experiment == *id).count() as u64;
        let seed = match &mut planned {
            PlannedSweep::Table(request) => &mut request.seed,
            PlannedSweep::Command(planned) => &mut planned.request.seed,
        };
        *seed = Some(seed.unwrap_or(SEED) + before);
    }
    match &destination {
        Destination::Known(_, name) if app.runs.catalog.count > 0 || !app.runs.loaded => {
            let among = if app.runs.loaded && app.runs.complete {
                format!("among the {} that are there", text::runs(app.runs.catalog.count))
            } else {
                "among the runs that are there".to_owned()
            };
            let keys = app.keymap.keys_of(Action::Plan.into());
            let plans = keys.first().map_or(String::new(), |key| format!("; n, then {key}, plans another"));
            let lines = vec![would_run(&planned), format!("{among}{plans}")];
            let question = format!("Train in {}?", text::clean(name));
            Confirm::new(question, lines, move |app, effects| {
                // Another one may have begun while the question stood.
                let is_running = app.sweeps.active().any(|sweep| destination.is(&sweep.experiment));
                if !is_running && !app.sweeps.is_starting {
                    start(app, planned, destination, effects);
                }
            })
            .open(app);
        }
        Destination::Known(..) | Destination::New(_) => start(app, planned, destination, effects),
    }
}

/// What would be run, in words: `built-in models on iris, 20 trials, seed 3`.
fn would_run(planned: &PlannedSweep) -> String {
    let (what, trials, seconds, seed) = match planned {
        PlannedSweep::Table(request) => {
            let what = format!("built-in models on {}", request.data);
            (what, trials_of(request), request.seconds, request.seed)
        }
        PlannedSweep::Command(planned) => {
            let request = &planned.request;
            (line(&request.command), request.trials, request.seconds, request.seed)
        }
    };
    let trials = trials.map(|trials| text::counted(trials, "trial"));
    let seconds = seconds.map(|seconds| format!("for {}", text::span((seconds * 1000.0) as i64)));
    let seed = seed.map(|seed| format!("seed {seed}"));
    [Some(what), trials, seconds, seed].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Trials of a sweep on a table at most, where it is not a grid or a time that says when it ends.
fn trials_of(request: &SweepRequest) -> Option<usize> {
    request.trials.or((request.seconds.is_none() && request.method != Method::Grid).then_some(TRIALS))
}

fn start(app: &mut App, planned: PlannedSweep, destination: Destination, effects: &mut Effects) {
    app.status = Some(match &planned {
        PlannedSweep::Table(request) => format!("starting a sweep on {}", text::clean(&request.data)),
        PlannedSweep::Command(planned) => {
            format!("starting a sweep of {}", text::clean(&line(&planned.request.command)))
        }
    });
    let jobs = app.sweeps.jobs;
    app.sweeps.is_starting = true;
    effects.push(Effect::Train(Box::new(Training { planned, destination, jobs, keeps: false })));
}

/// Asks what to train with; what is likeliest is under the cursor.
pub fn ask(app: &mut App) {
    let (run, here) = (likely_run(app), script_run(app));
    let planned = app.runs.experiment.as_ref().and_then(|id| app.sweeps.plans.get(id));
    let is_command = match planned {
        Some(PlannedSweep::Command(_)) => true,
        Some(PlannedSweep::Table(_)) => false,
        None => run.is_some(),
    };
    let command = match (planned, &run) {
        (Some(PlannedSweep::Command(planned)), _) => line(&planned.request.command),
        (_, Some(run)) => run.source.name.clone(),
        (Some(PlannedSweep::Table(_)) | None, None) => "any: Python, R, a binary".into(),
    };
    let table = match planned {
        Some(PlannedSweep::Table(request)) => request.data.clone(),
        Some(PlannedSweep::Command(_)) | None if !app.sweeps.settled.data.is_empty() => {
            app.sweeps.settled.data.clone()
        }
        Some(PlannedSweep::Command(_)) | None => "CSV, JSON lines, Parquet, Arrow".into(),
    };
    let item = |label: &str, note: String, value| Item { label: label.into(), note, on: None, value };
    let mut items = vec![
        item("built-in models on a table", table, TrainWith::Table),
        item("a command", command, TrainWith::Command),
    ];
    if let Some(run) = &here {
        items.push(item("a command, around this run", run.name.clone(), TrainWith::Around));
    }
    Picker::new("Train with", items, |app, picked, effects| match picked {
        Picked::Chosen(TrainWith::Table) => open_form(app, effects),
        Picked::Chosen(TrainWith::Command) => open_command(app, effects),
        Picked::Chosen(TrainWith::Around) => around(app, effects),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .at(usize::from(is_command))
    .open(app);
}

fn open_form(app: &mut App, effects: &mut Effects) {
    // What a newcomer would be shown is not what somebody plans who has data.
    let mut request = match settled(app) {
        Some((PlannedSweep::Table(request), _)) if !app.is_empty_store() => request,
        _ => app.sweeps.settled.clone(),
    };
    // How a file is to be read: where an earlier plan says nothing, the settings do.
    let (reading, settled) = (&mut request.reading, &app.sweeps.settled.reading);
    reading.separator = reading.separator.or(settled.separator);
    reading.decimal = reading.decimal.or(settled.decimal);
    app.overlay = Some(Overlay::Plan(Box::new(PlanForm::new(&request, app.sweeps.jobs, &app.sweeps.slurm))));
    check(app, effects);
    list(app, effects);
}

/// The form of a command: as it was planned, or filled in by the run under the cursor.
fn open_command(app: &mut App, effects: &mut Effects) {
    let planned = app.runs.experiment.as_ref().and_then(|id| app.sweeps.plans.get(id));
    if let Some(PlannedSweep::Command(planned)) = planned {
        let form = CommandForm::new(planned, Some("as planned".into()), &app.sweeps.slurm);
        app.overlay = Some(Overlay::Command(Box::new(form)));
        return check(app, effects);
    }
    match likely_run(app) {
        Some(run) => fill(app, &run, false, effects),
        None => {
            let mut unfound = UnfoundScript::default();
            unfound.planned.request.executor = app.sweeps.settled.executor.clone();
            fill_in(app, unfound, None, effects);
        }
    }
}

/// The form of a command, around the values of the run under the cursor.
pub fn around(app: &mut App, effects: &mut Effects) {
    if let Some(run) = script_run(app) {
        fill(app, &run, true, effects);
    }
}

fn fill(app: &mut App, run: &ScriptRun, around: bool, effects: &mut Effects) {
    let planned = filled(app, run, around);
    let how = if around { "around" } else { "as" };
    let unfound = UnfoundScript { planned, sweep: run.sweep.clone(), is_whole: !around };
    fill_in(app, unfound, Some(format!("{how} {}", run.name)), effects);
}

/// Opens the form with what is known, and asks for the rest.
fn fill_in(app: &mut App, unfound: UnfoundScript, origin: Option<String>, effects: &mut Effects) {
    let mut form = CommandForm::new(&unfound.planned, origin, &app.sweeps.slurm);
    let ticket = form.finding.ask();
    app.overlay = Some(Overlay::Command(Box::new(form)));
    effects.push(Effect::FindScript { ticket, unfound: Box::new(unfound) });
}

/// Where the script of a form lies is known; what somebody has typed meanwhile stays.
pub fn found(app: &mut App, ticket: Ticket, planned: &PlannedCommand, effects: &mut Effects) {
    let (now, slurm) = (app.now, app.sweeps.slurm.clone());
    let Some(Overlay::Command(form)) = &mut app.overlay else { return };
    if !form.finding.take(ticket, Ok(()), now) {
        return;
    }
    if form.is_touched {
        form.fill(planned);
    } else {
        let mut filled = CommandForm::new(planned, form.origin.clone(), &slurm);
        filled.at = form.at.min(filled.lines.len() - 1);
        **form = filled;
    }
    // Nothing is wrong with a form that nobody has filled in yet.
    if !planned.request.command.is_empty() {
        check(app, effects);
    }
}

/// Where the sweep of a form goes.
pub fn destination(app: &App) -> Destination {
    if let Some(destination) = here(app) {
        return destination;
    }
    let name = match &app.overlay {
        Some(Overlay::Plan(form)) => form.request().ok().map(|(request, _)| stem(&request.data)),
        Some(Overlay::Command(form)) => form.planned().ok().map(|planned| name_of(&planned.request.command)),
        _ => None,
    };
    Destination::New(name.filter(|name| !name.is_empty()).unwrap_or_else(|| "a new experiment".into()))
}

/// Begins the sweep of the form.
pub fn begin(app: &mut App, effects: &mut Effects) {
    let destination = destination(app);
    let mut asked = None;
    match &mut app.overlay {
        Some(Overlay::Plan(form)) => match form.request() {
            Ok((request, jobs)) => {
                form.check.forget();
                form.is_starting = true;
                asked = Some((PlannedSweep::Table(request), jobs));
            }
            Err(message) => form.check.fail(message),
        },
        // Twice the same key is one sweep.
        Some(Overlay::Command(form)) if form.is_starting => {}
        Some(Overlay::Command(form)) => match form.planned() {
            Ok(planned) => {
                form.check.forget();
                form.is_starting = true;
                asked = Some((PlannedSweep::Command(planned), None));
            }
            Err(message) => form.check.fail(message),
        },
        _ => {}
    }
    if let Some((planned, jobs)) = asked {
        effects.push(Effect::Train(Box::new(Training { planned, destination, jobs, keeps: true })));
    }
}

/// Something else stands in a line of the form.
pub fn edited(app: &mut App, effects: &mut Effects) {
    match &mut app.overlay {
        Some(Overlay::Plan(form)) => form.check.forget(),
        Some(Overlay::Command(form)) => {
            form.is_touched = true;
            form.check.forget();
        }
        _ => {}
    }
    list(app, effects);
}

/// Puts in what the line would go on with.
pub fn complete(app: &mut App, effects: &mut Effects) {
    match &mut app.overlay {
        Some(Overlay::Plan(form)) => form.complete(),
        Some(Overlay::Command(form)) => form.complete(),
        _ => {}
    }
    list(app, effects);
}

/// To another line of the form.
pub fn step(app: &mut App, is_next: bool, effects: &mut Effects) {
    match &mut app.overlay {
        Some(Overlay::Plan(form)) => form.go(is_next),
        Some(Overlay::Command(form)) => form.go(is_next),
        _ => {}
    }
    check(app, effects);
}

/// Asks what lies where the line of the data points to.
fn list(app: &mut App, effects: &mut Effects) {
    let Some(Overlay::Plan(form)) = &mut app.overlay else { return };
    effects.extend(form.wanted_folder().map(Effect::ListData));
}

pub fn listed_data(app: &mut App, folder: &str, entries: Vec<String>) {
    if let Some(Overlay::Plan(form)) = &mut app.overlay
        && form.offers.folder.as_deref() == Some(folder)
    {
        form.offers.entries = entries;
    }
}

/// Asks what the form comes to.
fn check(app: &mut App, effects: &mut Effects) {
    match &mut app.overlay {
        Some(Overlay::Plan(form)) => match form.request() {
            Ok((request, _)) => {
                form.check.forget();
                let ticket = form.check.ask();
                effects.push(Effect::CheckPlan { ticket, request: Box::new(request) });
            }
            // Nothing is wrong with a form that nobody has filled in yet.
            Err(message) if form.at > 0 => form.check.fail(message),
            Err(_) => form.check.forget(),
        },
        Some(Overlay::Command(form)) => match form.planned() {
            Ok(planned) => {
                form.check.forget();
                let ticket = form.check.ask();
                effects.push(Effect::CheckCommand { ticket, planned: Box::new(planned) });
            }
            Err(message) if form.at > 0 || form.origin.is_some() => form.check.fail(message),
            Err(_) => form.check.forget(),
        },
        _ => {}
    }
}

pub fn checked(app: &mut App, ticket: Ticket, columns: Vec<String>, result: Result<String, String>) {
    let now = app.now;
    if let Some(Overlay::Plan(form)) = &mut app.overlay
        && form.check.take(ticket, result, now)
    {
        form.offers.columns = columns;
    }
}

pub fn command_checked(app: &mut App, ticket: Ticket, result: Result<CheckedCommand, String>) {
    let now = app.now;
    if let Some(Overlay::Command(form)) = &mut app.overlay {
        form.check.take(ticket, result, now);
    }
}

/// A sweep began, or did not.
pub fn began(app: &mut App, result: Result<StartedSweep, String>, effects: &mut Effects) {
    app.sweeps.is_starting = false;
    let began = match result {
        Ok(began) => began,
        Err(message) => {
            match &mut app.overlay {
                Some(Overlay::Plan(form)) => {
                    form.is_starting = false;
                    form.check.fail(message);
                }
                Some(Overlay::Command(form)) => {
                    form.is_starting = false;
                    form.check.fail(message);
                }
                _ => app.say(format!("no sweep was started: {message}")),
            }
            return;
        }
    };
    if matches!(app.overlay, Some(Overlay::Plan(_) | Overlay::Command(_))) {
        app.overlay = None;
    }
    let trials = began.trials.map_or(String::new(), |trials| format!(", {}", text::counted(trials, "trial")));
    let what = match &began.planned {
        PlannedSweep::Table(request) => format!("trains on {}", text::clean(&request.data)),
        PlannedSweep::Command(planned) => {
            format!("runs {}", text::clean(&line(&planned.request.command)))
        }
    };
    let apart = apart(app, &began.experiment, &began.metric, began.mode);
    let apart = apart.map_or(String::new(), |words| format!("; {words}"));
    app.say(format!("{} {what}{trials}; g s shows its progress{apart}", began.name));
    app.sweeps.plans.insert(began.experiment.clone(), began.planned);
    app.sweeps.watched = Some((began.name, began.experiment.clone()));
    if app.runs.experiment.as_ref() != Some(&began.experiment) {
        app.sweeps.opens = Some(began.experiment);
        load_experiments(app, effects);
    }
    poll(effects);
    look(app, effects);
}
