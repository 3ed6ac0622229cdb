//! Training from the explorer: one key starts a sweep, another plans it, a list shows how far sweeps have come.

#![deny(clippy::wildcard_enum_match_arm)]

use super::actions::{Action, chosen};
use super::effects::{Destination, Effect, Steering, Training};
use super::plan::PlanForm;
use super::screen::SweepScreen;
use super::{Msg, StartedSweep, log, screen};
use crate::learn::data::bundled;
use crate::sweep::engine::journal::Change;
use crate::sweep::engine::rules::{MOST_IN_GRID, MOST_JOBS};
use crate::sweep::progress::{Progress, SweepStatus};
use crate::sweep::request::{SEED, SweepRequest, TRIALS};
use crate::sweep::search::Method;
use crate::text;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::core::go;
use crate::tui::core::remote::Ticket;
use crate::tui::core::requests::{load_experiments, open_selected, poll};
use crate::tui::widgets::prompt::{Prompt, PromptError};
use crate::tui::widgets::report::Report;

/// Milliseconds between looks at sweeps that run.
const LOOK: i64 = 1_000;
/// What a newcomer trains on.
const DEMO: &str = "wine-quality";

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    match action {
        Action::Train | Action::Plan if !is_known(app) => {
            app.sweeps.waits = Some(action);
            app.status = Some("still reading the experiment".into());
        }
        Action::Train => train(app, effects),
        Action::Plan => open_form(app, effects),
        Action::List => {
            app.overlay = Some(Overlay::Sweeps { at: 0 });
            look(app, effects);
        }
        Action::Pause => {
            let is_paused = chosen(app).is_some_and(|sweep| sweep.state == SweepStatus::Paused);
            steer(app, if is_paused { Steering::Continue } else { Steering::Pause }, effects);
        }
        Action::Cancel => steer(app, Steering::Cancel, effects),
        Action::Resume => steer(app, Steering::Resume, effects),
        Action::Log => {
            let sweep = chosen(app).map(|sweep| sweep.id.clone());
            effects.extend(sweep.map(Effect::ReadLog));
        }
        Action::Runs => {
            app.sweeps.opens = chosen(app).map(|sweep| sweep.experiment.clone());
            app.overlay = None;
            listed(app, effects);
        }
        Action::MoreJobs => ask_jobs(app, 1, effects),
        Action::FewerJobs => ask_jobs(app, -1, effects),
        Action::Trials => ask_trials(app),
        Action::PruneTrial | Action::RetryTrial => {
            let Some(trial) = screen::update::screen(app).and_then(SweepScreen::chosen) else { return };
            let is_prune = action == Action::PruneTrial;
            ask(app, if is_prune { Change::Prune { trial } } else { Change::Retry { trial } }, effects);
        }
        Action::FollowLog => log::update::open(app, effects),
        Action::SortTrials => screen::update::sort(app),
        Action::Color => screen::update::color(app),
        Action::YRange => screen::update::y_range(app),
        Action::LogY => screen::update::log_y(app),
        Action::LayOver => screen::update::overlay(app),
        Action::Follow => log::update::follow(app),
        Action::Begin => begin(app, effects),
        Action::Complete => {
            if let Some(Overlay::Plan(form)) = &mut app.overlay {
                form.complete();
            }
            list(app, effects);
        }
        Action::NextLine | Action::PreviousLine => {
            if let Some(Overlay::Plan(form)) = &mut app.overlay {
                form.go(action == Action::NextLine);
            }
            check(app, effects);
        }
        Action::Leave => app.overlay = None,
    }
}

/// What leads through the list of sweeps.
pub fn go(app: &mut App, action: go::Action, effects: &mut Effects) {
    let last = app.sweeps.list.len().saturating_sub(1);
    let Some(Overlay::Sweeps { at }) = &mut app.overlay else { return };
    if let Some(by) = action.lines(10) {
        *at = at.saturating_add_signed(by).min(last);
    }
    match action {
        go::Action::Back => app.overlay = None,
        go::Action::Open => {
            if let Some(sweep) = chosen(app).cloned() {
                screen::update::open(app, sweep, effects);
            }
        }
        go::Action::Down
        | go::Action::Up
        | go::Action::PageDown
        | go::Action::PageUp
        | go::Action::Top
        | go::Action::Bottom
        | go::Action::Left
        | go::Action::Right
        | go::Action::NextTab
        | go::Action::PreviousTab
        | go::Action::Search => {}
    }
}

fn ask(app: &App, change: Change, effects: &mut Effects) {
    let sweep = chosen(app).map(|sweep| sweep.id.clone());
    effects.extend(sweep.map(|sweep| Effect::Ask { sweep, change }));
    effects.push(Effect::ReadProgress);
}

fn ask_jobs(app: &mut App, by: isize, effects: &mut Effects) {
    let Some(jobs) = chosen(app).map(|sweep| sweep.jobs) else { return };
    let wanted = jobs.saturating_add_signed(by).clamp(1, MOST_JOBS);
    if wanted == jobs {
        app.status = Some(format!("1 to {MOST_JOBS} jobs"));
        return;
    }
    ask(app, Change::Jobs { jobs: wanted }, effects);
    // The next key counts from here.
    let Some(id) = chosen(app).map(|sweep| sweep.id.clone()) else { return };
    for sweep in app.sweeps.list.iter_mut().filter(|sweep| sweep.id == id) {
        sweep.jobs = wanted;
    }
    screen::update::seen(app);
}

/// Asks for the number of trials.
fn ask_trials(app: &mut App) {
    let Some(sweep) = chosen(app) else { return };
    let (id, begun) = (sweep.id.clone(), sweep.ended() + sweep.running);
    let now = sweep.of.map_or(String::new(), |of| of.to_string());
    let hint = format!("trials in all; {begun} have begun");
    let list = app.overlay.take();
    let at = if let Some(Overlay::Sweeps { at }) = list { Some(at) } else { None };
    Prompt::new("Number of trials", hint, &now, number, move |app, most, effects| {
        effects.push(Effect::Ask { sweep: id.clone(), change: Change::Trials { most } });
        effects.push(Effect::ReadProgress);
        app.overlay = at.map(|at| Overlay::Sweeps { at });
        Ok(())
    })
    .open(app);
}

fn number(text: &str) -> Result<usize, PromptError> {
    let number = text.trim().parse().ok().filter(|number| (1..=MOST_IN_GRID).contains(number));
    number.ok_or_else(|| "a number from 1 on".into())
}

fn steer(app: &App, steering: Steering, effects: &mut Effects) {
    let sweep = chosen(app).map(|sweep| sweep.id.clone());
    effects.extend(sweep.map(|sweep| Effect::Steer { sweep, steering }));
}

/// Whether it is known what the store holds, and so what a sweep would be among.
fn is_known(app: &App) -> bool {
    app.experiments.loaded && app.experiments.counted
}

/// Does what was asked for too early, as soon as it can be done.
pub fn catch_up(app: &mut App, effects: &mut Effects) {
    if is_known(app)
        && let Some(action) = app.sweeps.waits.take()
    {
        app.status = None;
        perform(app, action, effects);
    }
}

/// What would be trained in the open experiment without a question, and where.
fn settled(app: &App) -> Option<(SweepRequest, Destination)> {
    if let Some(request) = app.runs.experiment.as_ref().and_then(|id| app.sweeps.plans.get(id)) {
        return Some((request.clone(), here(app)?));
    }
    let configured = &app.sweeps.settled;
    if !configured.data.is_empty() {
        let destination = here(app).unwrap_or_else(|| Destination::New(stem(&configured.data)));
        return Some((configured.clone(), destination));
    }
    if app.is_empty_store() {
        let set = bundled::find(DEMO)?;
        let request = SweepRequest { data: set.name.to_owned(), ..configured.clone() };
        return Some((request, Destination::New(set.name.to_owned())));
    }
    None
}

/// What `T` does, in words.
pub fn offer(app: &App) -> String {
    let first = if app.is_empty_store() { "a first sweep" } else { "a sweep" };
    match settled(app) {
        None => format!("plans {first}"),
        Some((request, _)) => {
            let data = text::clean(&request.data).into_owned();
            let models = request
                .trials
                .or((request.seconds.is_none() && request.method != Method::Grid).then_some(TRIALS));
            let models = models.map_or(String::new(), |models| format!(": {models} models"));
            format!("trains {first} on {}{models}", stem(&data))
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

fn train(app: &mut App, effects: &mut Effects) {
    // A key that is pressed twice means one sweep.
    let here = app.runs.experiment.as_ref();
    if let Some(sweep) = app.sweeps.active().find(|sweep| Some(&sweep.experiment) == here) {
        app.status = Some(format!("{} is running here; g s shows it, ctrl-t plans another", sweep.name));
        return;
    }
    if app.sweeps.is_starting {
        return;
    }
    let Some((mut request, destination)) = settled(app) else { return open_form(app, effects) };
    // The same again would give the same trials: each sweep of an experiment has a seed of its own.
    if let Destination::Known(id, _) = &destination {
        let before = app.sweeps.list.iter().filter(|sweep| sweep.experiment == *id).count() as u64;
        request.seed = Some(request.seed.unwrap_or(SEED) + before);
    }
    app.status = Some(format!("starting a sweep on {}", text::clean(&request.data)));
    let jobs = app.sweeps.jobs;
    app.sweeps.is_starting = true;
    effects.push(Effect::Train(Box::new(Training { request, destination, jobs, keeps: false })));
}

fn open_form(app: &mut App, effects: &mut Effects) {
    // What a newcomer would be shown is not what somebody plans who has data.
    let mut request = match settled(app) {
        Some((request, _)) if !app.is_empty_store() => request,
        _ => app.sweeps.settled.clone(),
    };
    // How a file is to be read: where an earlier plan says nothing, the settings do.
    let (reading, settled) = (&mut request.reading, &app.sweeps.settled.reading);
    reading.separator = reading.separator.or(settled.separator);
    reading.decimal = reading.decimal.or(settled.decimal);
    app.overlay = Some(Overlay::Plan(Box::new(PlanForm::new(&request, app.sweeps.jobs))));
    check(app, effects);
    list(app, effects);
}

/// Where the sweep of a form goes.
pub fn destination(app: &App) -> Destination {
    match here(app) {
        Some(destination) => destination,
        None => {
            let data = match &app.overlay {
                Some(Overlay::Plan(form)) => {
                    form.request().map(|(request, _)| request.data).unwrap_or_default()
                }
                _ => String::new(),
            };
            Destination::New(if data.is_empty() { "a new experiment".into() } else { stem(&data) })
        }
    }
}

/// Begins the sweep of the form.
fn begin(app: &mut App, effects: &mut Effects) {
    let destination = destination(app);
    let Some(Overlay::Plan(form)) = &mut app.overlay else { return };
    match form.request() {
        Ok((request, jobs)) => {
            form.check.forget();
            form.is_starting = true;
            effects.push(Effect::Train(Box::new(Training { request, destination, jobs, keeps: true })));
        }
        Err(message) => form.check.fail(message),
    }
}

/// Something else stands in a line of the form.
pub fn edited(app: &mut App, effects: &mut Effects) {
    if let Some(Overlay::Plan(form)) = &mut app.overlay {
        form.check.forget();
    }
    list(app, effects);
}

/// Asks what lies where the line of the data points to.
fn list(app: &mut App, effects: &mut Effects) {
    let Some(Overlay::Plan(form)) = &mut app.overlay else { return };
    effects.extend(form.wanted_folder().map(Effect::ListData));
}

fn listed_data(app: &mut App, folder: &str, entries: Vec<String>) {
    if let Some(Overlay::Plan(form)) = &mut app.overlay
        && form.offers.folder.as_deref() == Some(folder)
    {
        form.offers.entries = entries;
    }
}

/// Asks what the data of the form come to.
fn check(app: &mut App, effects: &mut Effects) {
    let Some(Overlay::Plan(form)) = &mut app.overlay else { return };
    match form.request() {
        Ok((request, _)) => {
            form.check.forget();
            let ticket = form.check.ask();
            effects.push(Effect::CheckPlan { ticket, request: Box::new(request) });
        }
        // Nothing is wrong with a form that nobody has filled in yet.
        Err(message) if form.at > 0 => form.check.fail(message),
        Err(_) => form.check.forget(),
    }
}

fn checked(app: &mut App, ticket: Ticket, columns: Vec<String>, result: Result<String, String>) {
    let now = app.now;
    if let Some(Overlay::Plan(form)) = &mut app.overlay
        && form.check.take(ticket, result, now)
    {
        form.offers.columns = columns;
    }
}

/// A sweep began, or did not.
fn began(app: &mut App, result: Result<StartedSweep, String>, effects: &mut Effects) {
    app.sweeps.is_starting = false;
    let began = match result {
        Ok(began) => began,
        Err(message) => {
            if let Some(Overlay::Plan(form)) = &mut app.overlay {
                form.is_starting = false;
                form.check.fail(message);
            } else {
                app.say(format!("no sweep was started: {message}"));
            }
            return;
        }
    };
    if matches!(app.overlay, Some(Overlay::Plan(_))) {
        app.overlay = None;
    }
    let trials = began.trials.map_or(String::new(), |trials| format!(", {trials} trials"));
    app.say(format!(
        "{} trains on {}{trials}; g s shows its progress",
        began.name,
        text::clean(&began.request.data)
    ));
    app.sweeps.plans.insert(began.experiment.clone(), began.request);
    if app.runs.experiment.as_ref() != Some(&began.experiment) {
        app.sweeps.opens = Some(began.experiment);
        load_experiments(app, effects);
    }
    poll(effects);
    look(app, effects);
}

/// What came back about sweeps.
pub fn answered(app: &mut App, msg: Msg, effects: &mut Effects) {
    match msg {
        Msg::Trained(result) => began(app, result.map(|began| *began), effects),
        Msg::Checked { ticket, columns, result } => checked(app, ticket, columns, result),
        Msg::DataListed { folder, entries } => listed_data(app, &folder, entries),
        Msg::Progress { list, unread } => {
            seen(app, list);
            not_read(app, unread);
        }
        Msg::Log { name, text } => logged(app, &name, &text),
        Msg::Followed { sweep, ticket, result } => screen::update::followed(app, &sweep, ticket, result),
        Msg::Described { ticket, trials } => screen::update::described(app, ticket, trials),
        Msg::Weighed { ticket, matters } => screen::update::weighed(app, ticket, matters),
        Msg::LogRead { ticket, result } => log::update::read(app, ticket, result),
    }
}

/// Opens the experiment of a sweep that just began, once it is known.
pub fn listed(app: &mut App, effects: &mut Effects) {
    let Some(id) = app.sweeps.opens.clone() else { return };
    let Some(at) = app.experiments.list.iter().position(|listed| *listed.id() == id) else { return };
    app.sweeps.opens = None;
    app.experiments.cursor.at = at;
    open_selected(app, effects);
}

fn look(app: &mut App, effects: &mut Effects) {
    app.sweeps.asked = app.now;
    effects.push(Effect::ReadProgress);
}

/// Time passes: what runs is looked at again.
pub fn tick(app: &mut App, effects: &mut Effects) {
    let is_watched = matches!(app.overlay, Some(Overlay::Sweeps { .. }))
        || screen::update::screen(app).is_some()
        || app.sweeps.active().next().is_some();
    screen::update::read_on(app, effects);
    log::update::read_on(app, effects);
    if is_watched && app.now - app.sweeps.asked >= LOOK {
        look(app, effects);
    }
}

/// How far the sweeps are; those that ended since are told of.
fn seen(app: &mut App, list: Vec<Progress>) {
    let ended = list.iter().find(|sweep| {
        let before = app.sweeps.list.iter().find(|known| known.id == sweep.id);
        !sweep.state.is_active() && before.is_some_and(|known| known.state.is_active())
    });
    if let Some(sweep) = ended {
        let best = sweep.best.as_ref().map_or_else(
            || sweep.error.as_ref().map_or(String::new(), |error| format!(": {error}")),
            |best| format!(": best {best}"),
        );
        app.say(format!("{} is {} after {} trials{best}", sweep.name, sweep.state.as_str(), sweep.ended()));
    }
    app.sweeps.list = list;
    screen::update::seen(app);
    if let Some(Overlay::Sweeps { at }) = &mut app.overlay {
        *at = (*at).min(app.sweeps.list.len().saturating_sub(1));
    }
}

/// What cannot be read is said once, and stays in the list.
fn not_read(app: &mut App, unread: Vec<String>) {
    if let Some(new) = unread.iter().find(|words| !app.sweeps.unread.contains(words)) {
        let words = format!("cannot read a sweep: {new}");
        app.say(words);
    }
    app.sweeps.unread = unread;
}

/// What the process of a sweep said.
fn logged(app: &mut App, name: &str, text: &str) {
    let mut lines: Vec<String> = text.lines().rev().take(200).map(str::to_owned).collect();
    lines.reverse();
    if lines.is_empty() {
        lines.push("the log is empty".into());
    }
    app.overlay = Some(Overlay::Report(Report::new(format!("Log of {name}"), lines)));
}
