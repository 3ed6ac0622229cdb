//! The only place that changes the state: a message in, effects out. No IO, no clock, no terminal.

#![deny(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use crossterm::event::{KeyEvent, KeyEventKind};

use super::action::{Action, possible};
use super::app::{App, Overlay, Typed};
use super::effect::{Effect, Effects};
use super::keymap::{Chord, Lookup};
use super::layer::Layer;
use super::mouse::mouse;
use super::msg::{Msg, Stamped};
use super::requests::{project, quit, remember, show_cursors};
use super::{go, panes, search};
use crate::tui::features::{
    best, charts, compare, datasets, details, experiments, export, files, models, runs, session, sweeps,
};
use crate::tui::widgets::input::{self, Input, Room};
use crate::tui::widgets::{confirm, help, keys, picker, prompt};

/// How long a key waits for the view that was asked for, in milliseconds: a store that filters may take longer.
const PATIENCE: i64 = 400;

pub fn update(app: &mut App, Stamped { now, msg }: Stamped) -> Vec<Effect> {
    let mut effects = Effects::default();
    app.now = now;
    if matches!(msg, Msg::Frame) {
        charts::update::show_chosen(app);
        return Vec::new();
    }
    take(app, msg, &mut effects);
    release(app, &mut effects);
    if !app.quitting {
        follow_up(app, &mut effects);
    }
    effects.into_vec()
}

/// Takes the keys that came, in their order. Those that are about rows wait for the view that a key before them asked for, and for the first
/// runs: who filters and goes on typing means what will be seen then.
fn release(app: &mut App, effects: &mut Effects) {
    while let Some(first) = app.held.front() {
        if is_too_early(app, first) {
            // Nothing else may happen meanwhile.
            let patience = Duration::from_millis(PATIENCE as u64);
            effects.push(session::effects::Effect::ReleaseKeys(patience));
            return;
        }
        match app.held.pop_front() {
            Some(Typed::Key(event)) => key(app, event, effects),
            Some(Typed::Pasted(text)) => paste(app, &text, effects),
            None => {}
        }
    }
}

/// Whether what was typed is about rows that are not shown yet.
fn is_too_early(app: &App, typed: &Typed) -> bool {
    if !matches!(app.layer(), Layer::Panes | Layer::Dashboard) {
        return false;
    }
    let is_view_new = app.now - app.runs.projected_at < PATIENCE;
    let awaits_view = app.runs.awaits_view() && is_view_new;
    let awaits_runs = (app.is_opening() || app.runs.loaded && app.best.is_first_awaited())
        && app.now - app.opened_at < PATIENCE;
    let is_of_best = |event: KeyEvent| {
        use best::actions::Action::{GoTo, Leaderboard, MarkBest, Why};
        let keys: Vec<Chord> = app.pending.iter().copied().chain([Chord::of(event)]).collect();
        matches!(app.meaning(&keys), Lookup::Action(Action::Best(GoTo | Leaderboard | MarkBest | Why)))
    };
    let awaits_best = match typed {
        Typed::Key(event) => is_view_new && is_of_best(*event) && app.best.is_behind(&app.runs),
        Typed::Pasted(_) => false,
    };
    awaits_view || awaits_runs || awaits_best
}

/// Whether everything that the screen shows first has been answered, so that a first frame would be complete.
pub fn is_settled(app: &App) -> bool {
    charts::update::is_settled(app)
}

fn take(app: &mut App, msg: Msg, effects: &mut Effects) {
    match msg {
        Msg::Key(event) => {
            if event.kind != KeyEventKind::Release {
                app.held.push_back(Typed::Key(event));
            }
        }
        Msg::Mouse(event) => mouse(app, event, effects),
        Msg::Paste(text) => app.held.push_back(Typed::Pasted(text)),
        Msg::Focused(focused) => {
            app.poll_interval.focused = focused;
            if focused {
                app.poll_interval.touch(app.now);
            }
        }
        Msg::Resize { columns, rows } => {
            app.size = (columns, rows);
            show_cursors(app);
        }
        Msg::Pixels(has_pixels) => app.has_pixels = has_pixels,
        Msg::Tick => sweeps::update::tick(app, effects),
        Msg::Frame => {}
        Msg::Terminate => quit(app, effects),
        Msg::Announcement(words) => app.say(words),
        Msg::NoBrowser(address) => export::update::not_opened(app, address, effects),
        Msg::TaskFailed(what) => app.say(format!("a task panicked: {what}")),
        Msg::Experiments(msg) => experiments::update::answered(app, msg, effects),
        Msg::Runs(msg) => runs::update::answered(app, msg, effects),
        Msg::Details(msg) => details::update::answered(app, msg),
        Msg::Charts(msg) => charts::update::answered(app, msg),
        Msg::Compare(msg) => compare::update::answered(app, msg, effects),
        Msg::Best(msg) => best::update::answered(app, msg, effects),
        Msg::Sweeps(msg) => sweeps::update::answered(app, msg, effects),
        Msg::Datasets(msg) => datasets::update::answered(app, msg),
        Msg::Models(msg) => models::following::answered(app, msg, effects),
        Msg::Files(msg) => files::update::answered(app, msg, effects),
        Msg::Session(msg) => session::update::answered(app, msg),
    }
}

/// What follows from the state as it now is, whatever changed it: the values of what is on the screen.
fn follow_up(app: &mut App, effects: &mut Effects) {
    // Each of them is asked, whatever the others say.
    let news = [
        runs::update::follow_sparks(app, effects),
        details::update::follow(app, effects),
        runs::update::follow_histories(app),
    ];
    if news.contains(&true) {
        runs::update::attend(app, effects);
    }
    details::update::needs_of_tab(app, effects);
    let listed = app.runs.experiment.as_ref().and_then(|id| app.experiments.find(id));
    let tags = listed.map_or(&[][..], |listed| &listed.experiment.tags);
    effects.extend(app.best.follow(&app.runs, tags));
    let deciding = app.best.policy().and_then(|policy| policy.objectives.first());
    if let Some(goal) = deciding.filter(|_| app.runs.loaded)
        && app.runs.decide_by(&goal.metric)
    {
        project(app, effects);
    }
    runs::update::follow_heat(app);
    compare::update::follow_up(app, effects);
    charts::update::follow_up(app, effects);
    sweeps::screen::update::follow_up(app, effects);
    sweeps::update::lead_to_best(app, effects);
    models::following::follow_up(app, effects);
    datasets::update::follow_up(app, effects);
    if let Some(pace) = app.poll_interval.take_change(app.now) {
        effects.push(runs::effects::Effect::PollEvery(pace));
    }
    if app.runs.changed && app.overlay.is_none() {
        remember(app, effects);
    }
}

/// Interprets a key: with the keys before it, and whatever owns the keyboard now, it is an action, or typed, or nothing.
fn key(app: &mut App, event: KeyEvent, effects: &mut Effects) {
    app.status = None;
    app.notice = None;
    app.sweeps.watched = None;
    app.poll_interval.touch(app.now);
    app.pending.push(Chord::of(event));
    let is_typing = app.layer().is_typing();
    match app.meaning(&app.pending) {
        Lookup::Action(action) => {
            app.pending.clear();
            // A key that does nothing here is perhaps a letter.
            let is_possible = action.row().is_some_and(|row| possible(app, row).is_ok());
            if is_typing && !is_possible {
                typed(app, event, effects);
            } else {
                perform(app, action, effects);
            }
        }
        Lookup::Prefix if !is_typing => {
            if app.pending.len() == 1 {
                app.pending_since = app.now;
                let patience = Duration::from_millis(keys::PATIENCE as u64);
                effects.push(session::effects::Effect::ShowKeys(patience));
            }
        }
        Lookup::Prefix | Lookup::Nothing => {
            // A key that does not go on with what was begun counts for itself.
            let was_begun = app.pending.len() > 1;
            app.pending.clear();
            if was_begun {
                key(app, event, effects);
            } else {
                typed(app, event, effects);
            }
        }
    }
}

/// Does what an action stands for, or says why not.
pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    // Whatever is done is about what was seen under the cursor: it does not move to another run by itself any more.
    app.runs.is_chosen = true;
    if let Some(Err(reason)) = action.row().map(|row| possible(app, row)) {
        app.status = Some(reason.to_owned());
        return;
    }
    match action {
        Action::Go(action) => go::perform(app, action, effects),
        Action::Panes(action) => panes::perform(app, action),
        Action::Experiments(action) => experiments::update::perform(app, action, effects),
        Action::Details(action) => details::update::perform(app, action),
        Action::Runs(action) => runs::update::perform(app, action, effects),
        Action::Best(action) => best::update::perform(app, action, effects),
        Action::Sweeps(action) => sweeps::update::perform(app, action, effects),
        Action::Compare(action) => compare::update::perform(app, action),
        Action::Charts(action) => charts::update::perform(app, action),
        Action::Export(action) => export::update::perform(app, action, effects),
        Action::Files(action) => files::update::perform(app, action, effects),
        Action::Datasets(action) => datasets::update::perform(app, action),
        Action::Models(action) => models::update::perform(app, action, effects),
        Action::Session(action) => session::update::perform(app, action, effects),
        Action::Help(action) => help::actions::perform(app, action),
        Action::Picker(action) => picker::actions::perform(app, action, effects),
        Action::Prompt(action) => prompt::actions::perform(app, action, effects),
        Action::Search(action) => search::perform(app, action, effects),
        Action::Confirm(action) => confirm::perform(app, action, effects),
    }
}

/// A key that means nothing else is typed, where something is typed.
fn typed(app: &mut App, event: KeyEvent, effects: &mut Effects) {
    if app.layer().is_read() {
        return go::close(app);
    }
    if matches!(app.overlay, Some(Overlay::Confirm(_))) {
        app.status = Some("y or n".into());
        return;
    }
    let Some((input, _)) = typed_into(app) else { return };
    if input::edit(input, event) {
        edited(app, effects);
    }
}

/// A pasted text goes where text is typed; keys are not pasted.
fn paste(app: &mut App, text: &str, effects: &mut Effects) {
    app.poll_interval.touch(app.now);
    let Some((input, room)) = typed_into(app) else {
        return app.say("a pasted text goes where text is typed: / searches, f filters");
    };
    let is_whole = input::insert(input, text, room);
    edited(app, effects);
    if !is_whole {
        let longest = crate::text::count(room.longest());
        app.say(format!("the pasted text is cut to {longest} characters"));
    }
}

/// What letters go into, and what of them fits.
fn typed_into(app: &mut App) -> Option<(&mut Input, Room)> {
    if app.help.is_some() {
        return app.help.as_mut().map(|help| (&mut help.words, Room::Words));
    }
    if matches!(app.overlay, Some(Overlay::Search)) {
        return Some((app.searched(), Room::Words));
    }
    match &mut app.overlay {
        Some(Overlay::Prompt(prompt)) => {
            let line = prompt.line_mut();
            let room = if line.has_lines { Room::Text } else { Room::Line };
            Some((&mut line.input, room))
        }
        Some(Overlay::Picker(picker)) => Some((&mut picker.list_mut().query, Room::Words)),
        Some(Overlay::Plan(form)) => Some((form.current(), Room::Line)),
        Some(Overlay::Command(form)) => Some((form.current(), Room::Line)),
        Some(
            Overlay::Search
            | Overlay::Messages { .. }
            | Overlay::Report(_)
            | Overlay::Confirm(_)
            | Overlay::Sweeps { .. },
        )
        | None => None,
    }
}

/// What is typed is another text.
fn edited(app: &mut App, effects: &mut Effects) {
    if app.help.is_some() {
        return help::searched(app);
    }
    match &mut app.overlay {
        Some(Overlay::Search) => search::changed(app, effects),
        Some(Overlay::Prompt(_)) => prompt::changed(app),
        Some(Overlay::Picker(picker)) => picker.list_mut().search(),
        Some(Overlay::Plan(_) | Overlay::Command(_)) => sweeps::update::edited(app, effects),
        Some(
            Overlay::Messages { .. } | Overlay::Report(_) | Overlay::Confirm(_) | Overlay::Sweeps { .. },
        )
        | None => {}
    }
}
