//! Training from the explorer: one key starts a sweep, another plans it, a list shows how far sweeps have come.

use crossterm::event::KeyEvent;

use super::Began;
use super::list::{Pressed, key};
use super::plan::{PlanForm, Typed};
use crate::learn::data::bundled;
use crate::sweep::progress::{Progress, SweepStatus};
use crate::sweep::request::{SEED, SweepRequest, TRIALS};
use crate::sweep::search::Method;
use crate::text;
use crate::tui::core::action::Action;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::{Effect, Place, Steering, Training};
use crate::tui::core::msg::Msg;
use crate::tui::core::requests::{load_experiments, open_selected};
use crate::tui::widgets::report::Report;

/// Milliseconds between looks at sweeps that run.
const LOOK: i64 = 1_000;
/// What a newcomer trains on.
const DEMO: &str = "wine-quality";

/// An action about training; true if it is one.
pub fn perform(app: &mut App, action: Action, effects: &mut Vec<Effect>) -> bool {
    match action {
        Action::Train | Action::TrainPlan if !is_known(app) => {
            app.sweeps.waits = Some(action);
            app.status = Some("reading what is there first".into());
        }
        Action::Train => train(app, effects),
        Action::TrainPlan => open_form(app, effects),
        Action::Sweeps => {
            app.overlay = Some(Overlay::Sweeps { at: 0 });
            look(app, effects);
        }
        _ => return false,
    }
    true
}

/// Whether it is known what the store holds, and so what a sweep would be among.
fn is_known(app: &App) -> bool {
    app.experiments.loaded && app.experiments.counted
}

/// Does what was asked for too early, as soon as it can be done.
pub fn catch_up(app: &mut App, effects: &mut Vec<Effect>) {
    if is_known(app)
        && let Some(action) = app.sweeps.waits.take()
    {
        app.status = None;
        perform(app, action, effects);
    }
}

/// What would be trained in the open experiment without a question, and where.
fn settled(app: &App) -> Option<(SweepRequest, Place)> {
    if let Some(wish) = app.runs.experiment.as_ref().and_then(|id| app.sweeps.plans.get(id)) {
        return Some((wish.clone(), here(app)?));
    }
    let configured = &app.sweeps.settled;
    if !configured.data.is_empty() {
        let place = here(app).unwrap_or_else(|| Place::New(stem(&configured.data)));
        return Some((configured.clone(), place));
    }
    if app.is_empty_store() {
        let set = bundled::find(DEMO)?;
        let wish = SweepRequest { data: set.name.to_owned(), ..configured.clone() };
        return Some((wish, Place::New(set.name.to_owned())));
    }
    None
}

/// What `T` does, in words.
pub fn offer(app: &App) -> String {
    let first = if app.is_empty_store() { "a first sweep" } else { "a sweep" };
    match settled(app) {
        None => format!("plans {first}"),
        Some((wish, _)) => {
            let data = text::clean(&wish.data).into_owned();
            let models =
                wish.trials.or((wish.seconds.is_none() && wish.method != Method::Grid).then_some(TRIALS));
            let models = models.map_or(String::new(), |models| format!(": {models} models"));
            format!("trains {first} on {}{models}", stem(&data))
        }
    }
}

/// The open experiment; none on an empty store, which has none that anybody made.
fn here(app: &App) -> Option<Place> {
    let id = app.runs.experiment.clone().filter(|_| !app.is_empty_store())?;
    Some(Place::Known(id, app.runs.name.clone()))
}

fn stem(data: &str) -> String {
    let name = data.rsplit(['/', '\\']).next().unwrap_or(data);
    name.split('.').next().unwrap_or(name).to_owned()
}

fn train(app: &mut App, effects: &mut Vec<Effect>) {
    // A key that is pressed twice means one sweep.
    let here = app.runs.experiment.as_ref();
    if let Some(sweep) = app.sweeps.active().find(|sweep| Some(&sweep.experiment) == here) {
        app.status = Some(format!("{} is at work here: g s shows it, ctrl-t plans another", sweep.name));
        return;
    }
    if app.sweeps.is_starting {
        return;
    }
    let Some((mut wish, place)) = settled(app) else { return open_form(app, effects) };
    // The same again would give the same trials: each sweep of an experiment has a seed of its own.
    if let Place::Known(id, _) = &place {
        let before = app.sweeps.list.iter().filter(|sweep| sweep.experiment == *id).count() as u64;
        wish.seed = Some(wish.seed.unwrap_or(SEED) + before);
    }
    app.status = Some(format!("starting a sweep on {}", text::clean(&wish.data)));
    let jobs = app.sweeps.jobs;
    app.sweeps.is_starting = true;
    effects.push(Effect::Train(Box::new(Training { wish, place, jobs, keeps: false })));
}

fn open_form(app: &mut App, effects: &mut Vec<Effect>) {
    // What a newcomer would be shown is not what somebody plans who has data.
    let mut wish = match settled(app) {
        Some((wish, _)) if !app.is_empty_store() => wish,
        _ => app.sweeps.settled.clone(),
    };
    // How a file is to be read: where an earlier plan says nothing, the settings do.
    let (reading, settled) = (&mut wish.reading, &app.sweeps.settled.reading);
    reading.separator = reading.separator.or(settled.separator);
    reading.decimal = reading.decimal.or(settled.decimal);
    app.overlay = Some(Overlay::Plan(Box::new(PlanForm::new(&wish, app.sweeps.jobs))));
    check(app, effects);
    list(app, effects);
}

/// Where the sweep of a form goes.
pub fn place(app: &App) -> Place {
    match here(app) {
        Some(place) => place,
        None => {
            let data = match &app.overlay {
                Some(Overlay::Plan(form)) => form.wish().map(|(wish, _)| wish.data).unwrap_or_default(),
                _ => String::new(),
            };
            Place::New(if data.is_empty() { "a new experiment".into() } else { stem(&data) })
        }
    }
}

pub fn in_form(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    let Some(Overlay::Plan(form)) = &mut app.overlay else { return };
    match form.key(event) {
        Typed::Nothing => {}
        Typed::Closed => app.overlay = None,
        Typed::Edited => list(app, effects),
        Typed::Moved => check(app, effects),
        Typed::Entered => {
            let place = place(app);
            let Some(Overlay::Plan(form)) = &mut app.overlay else { return };
            match form.wish() {
                Ok((wish, jobs)) => {
                    form.said = None;
                    form.is_starting = true;
                    effects.push(Effect::Train(Box::new(Training { wish, place, jobs, keeps: true })));
                }
                Err(message) => form.said = Some(Err(message)),
            }
        }
    }
}

/// Asks what lies where the line of the data points to.
fn list(app: &mut App, effects: &mut Vec<Effect>) {
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
fn check(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(Overlay::Plan(form)) = &mut app.overlay else { return };
    form.generation += 1;
    form.said = None;
    match form.wish() {
        Ok((wish, _)) => {
            effects.push(Effect::CheckPlan { generation: form.generation, wish: Box::new(wish) });
        }
        // Nothing is wrong with a form that nobody has filled in yet.
        Err(message) => form.said = Some(Err(message)).filter(|_| form.at > 0),
    }
}

fn checked(app: &mut App, generation: u64, columns: Vec<String>, result: Result<String, String>) {
    if let Some(Overlay::Plan(form)) = &mut app.overlay
        && form.generation == generation
        && !form.is_starting
    {
        form.offers.columns = columns;
        form.said = Some(result);
    }
}

/// A sweep began, or did not.
fn began(app: &mut App, result: Result<Began, String>, effects: &mut Vec<Effect>) {
    app.sweeps.is_starting = false;
    let began = match result {
        Ok(began) => began,
        Err(message) => {
            if let Some(Overlay::Plan(form)) = &mut app.overlay {
                form.is_starting = false;
                form.said = Some(Err(message));
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
        "{} trains on {}{trials}; g s shows how far it is",
        began.name,
        text::clean(&began.wish.data)
    ));
    app.sweeps.plans.insert(began.experiment.clone(), began.wish);
    if app.runs.experiment.as_ref() != Some(&began.experiment) {
        app.sweeps.opens = Some(began.experiment);
        load_experiments(app, effects);
    }
    effects.push(Effect::Refresh);
    look(app, effects);
}

/// What came back about sweeps.
pub fn answered(app: &mut App, msg: Msg, effects: &mut Vec<Effect>) {
    match msg {
        Msg::Trained(result) => began(app, result.map(|began| *began), effects),
        Msg::Checked { generation, columns, result } => checked(app, generation, columns, result),
        Msg::DataListed { folder, entries } => listed_data(app, &folder, entries),
        Msg::Sweeps { list, unread } => {
            seen(app, list);
            not_read(app, unread);
        }
        Msg::SweepLog { name, text } => logged(app, &name, &text),
        _ => {}
    }
}

/// Opens the experiment of a sweep that just began, once it is known.
pub fn listed(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(id) = app.sweeps.opens.clone() else { return };
    let Some(at) = app.experiments.list.iter().position(|listed| *listed.id() == id) else { return };
    app.sweeps.opens = None;
    app.experiments.cursor.at = at;
    open_selected(app, effects);
}

fn look(app: &mut App, effects: &mut Vec<Effect>) {
    app.sweeps.asked = app.now;
    effects.push(Effect::LookAtSweeps);
}

/// Time passes: what runs is looked at again.
pub fn tick(app: &mut App, effects: &mut Vec<Effect>) {
    let is_watched =
        matches!(app.overlay, Some(Overlay::Sweeps { .. })) || app.sweeps.active().next().is_some();
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
    if let Some(Overlay::Sweeps { at }) = &mut app.overlay {
        *at = (*at).min(app.sweeps.list.len().saturating_sub(1));
    }
}

/// What cannot be read is said once, and stays in the list.
fn not_read(app: &mut App, unread: Vec<String>) {
    if let Some(new) = unread.iter().find(|words| !app.sweeps.unread.contains(words)) {
        let words = format!("a sweep is not read: {new}");
        app.say(words);
    }
    app.sweeps.unread = unread;
}

pub fn in_sweeps(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    let Some(Overlay::Sweeps { at }) = &mut app.overlay else { return };
    let pressed = key(event);
    match pressed {
        Pressed::Nothing => return,
        Pressed::Closed => {
            app.overlay = None;
            return;
        }
        Pressed::Move(by) => {
            *at = at.saturating_add_signed(by).min(app.sweeps.list.len().saturating_sub(1));
            return;
        }
        _ => {}
    }
    let Some(sweep) = app.sweeps.list.get(*at).cloned() else { return };
    let steering = match (pressed, sweep.state) {
        (Pressed::Log, _) => {
            effects.push(Effect::ReadSweepLog(sweep.id));
            return;
        }
        (Pressed::Open, _) => {
            app.overlay = None;
            app.sweeps.opens = Some(sweep.experiment);
            return listed(app, effects);
        }
        (Pressed::Pause, SweepStatus::Running) => Steering::Pause,
        (Pressed::Pause, SweepStatus::Paused) => Steering::Continue,
        (Pressed::Cancel, state) if state.is_active() => Steering::Cancel,
        (Pressed::Resume, SweepStatus::Cancelled | SweepStatus::Interrupted) => Steering::Resume,
        _ => {
            app.status =
                Some(format!("the sweep is {}: there is nothing to do about that", sweep.standing()));
            return;
        }
    };
    if app.read_only {
        app.status = Some("the store is opened read-only".into());
        return;
    }
    effects.push(Effect::Steer { sweep: sweep.id, steering });
}

/// What the process of a sweep said.
fn logged(app: &mut App, name: &str, text: &str) {
    let mut lines: Vec<String> = text.lines().rev().take(200).map(str::to_owned).collect();
    lines.reverse();
    if lines.is_empty() {
        lines.push("it has said nothing".into());
    }
    app.overlay = Some(Overlay::Report(Report::new(format!("Log of {name}"), lines)));
}
