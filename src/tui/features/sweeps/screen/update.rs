//! What keys do on a sweep that has the whole screen, and what comes back about its trials.

#![deny(clippy::wildcard_enum_match_arm)]

use crossterm::event::MouseEvent;
use rustc_hash::FxHashMap;

use super::effects::{TrialDetails, WantedDetails};
use super::plot::Grouping;
use super::{FollowedSweep, SweepNews, SweepScreen, SweepTab, layout, plot, view};
use crate::compare::importance::Matters;
use crate::sweep::progress::{BestTrial, Progress};
use crate::tui::core::app::{App, Overlay, Screen};
use crate::tui::core::effect::Effects;
use crate::tui::core::go;
use crate::tui::core::remote::Ticket;
use crate::tui::core::requests::show_run;
use crate::tui::features::sweeps::effects::Effect;
use crate::tui::features::sweeps::log;
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::table::Hit;

/// Milliseconds between looks at what is under way.
const LOOK: i64 = 1_000;
/// The share of new results, as one of so many, from which on the importance of params is learnt anew.
const NEW: usize = 10;

/// The screen of a sweep, where that is on top.
pub fn screen(app: &App) -> Option<&SweepScreen> {
    match app.screens.last() {
        Some(Screen::Sweep(screen)) => Some(screen),
        Some(
            Screen::Chart(_) | Screen::Compare(_) | Screen::Log(_) | Screen::Models(_) | Screen::Datasets(_),
        )
        | None => None,
    }
}

fn screen_mut(app: &mut App) -> Option<&mut SweepScreen> {
    match app.screens.last_mut() {
        Some(Screen::Sweep(screen)) => Some(screen),
        Some(
            Screen::Chart(_) | Screen::Compare(_) | Screen::Log(_) | Screen::Models(_) | Screen::Datasets(_),
        )
        | None => None,
    }
}

/// Gives a sweep the whole screen.
pub fn open(app: &mut App, progress: Progress, effects: &mut Effects) {
    app.overlay = None;
    app.screens.push(Screen::Sweep(Box::new(SweepScreen::new(progress))));
    read_on(app, effects);
}

fn rows(app: &App) -> usize {
    layout::rows(app.geometry().body)
}

/// What leads through the trials.
pub fn go(app: &mut App, action: go::Action, effects: &mut Effects) {
    let height = rows(app);
    let Some(screen) = screen_mut(app) else { return };
    if let Some(by) = action.lines((height / 2).max(1) as isize) {
        screen.step(by, height);
    }
    match action {
        go::Action::Back => back(app),
        go::Action::Open => log::update::open(app, effects),
        go::Action::Left | go::Action::Right => {
            let by = if action == go::Action::Left { -1 } else { 1 };
            match screen.tab {
                SweepTab::Trials => screen.step_column(by),
                SweepTab::Chart => {
                    let last = screen.shown.state.trials.len().saturating_sub(1);
                    let next = screen.chosen().unwrap_or(last).saturating_add_signed(by).min(last);
                    screen.go_to(next, height);
                }
            }
        }
        go::Action::NextTab | go::Action::PreviousTab => {
            screen.tab = match screen.tab {
                SweepTab::Trials => SweepTab::Chart,
                SweepTab::Chart => SweepTab::Trials,
            };
        }
        go::Action::Down
        | go::Action::Up
        | go::Action::PageDown
        | go::Action::PageUp
        | go::Action::Top
        | go::Action::Bottom
        | go::Action::Search => {}
    }
}

/// Back to the list that the sweep was opened from.
fn back(app: &mut App) {
    let Some(Screen::Sweep(screen)) = app.screens.pop() else { return };
    let at = app.sweeps.place(&screen.progress.id).unwrap_or(0);
    app.overlay = Some(Overlay::Sweeps { at });
}

/// The cursor stays on a trial, though others begin meanwhile.
pub fn stay_on(app: &mut App, trial: usize) {
    if let Some(screen) = screen_mut(app) {
        screen.trial = Some(trial);
    }
}

/// A click on a row or on the title of a column.
pub fn click(app: &mut App, event: MouseEvent) {
    let height = rows(app);
    let body = app.geometry().body;
    let Some(shown) = screen(app).filter(|screen| screen.tab == SweepTab::Trials) else { return };
    let hit = view::hit(app, shown, body, (event.column, event.row));
    let Some(screen) = screen_mut(app) else { return };
    match hit {
        Some(Hit::Title(column)) if column == screen.column => screen.sort(height),
        Some(Hit::Title(column)) => screen.column = column,
        Some(Hit::Row(row, _)) => {
            let by = row as isize - screen.cursor.at as isize;
            screen.step(by, height);
        }
        None => {}
    }
}

pub fn sort(app: &mut App) {
    let height = rows(app);
    if let Some(screen) = screen_mut(app) {
        screen.sort(height);
    }
}

/// Colours the dots by what is next.
pub fn color(app: &mut App) {
    if let Some(screen) = screen_mut(app) {
        screen.coloring = plot::next_coloring(screen);
        screen.grouping = Grouping::of(&screen.shown, &screen.coloring);
    }
}

pub fn log_y(app: &mut App) {
    if let Some(screen) = screen_mut(app) {
        screen.log_y = !screen.log_y;
        let said = if screen.log_y { "logarithmic" } else { "linear" };
        app.status = Some(format!("y axis: {said}"));
    }
}

/// Draws the trials that are far worse than all others too, or leaves them out.
pub fn y_range(app: &mut App) {
    if let Some(screen) = screen_mut(app) {
        screen.shows_all = !screen.shows_all;
        let said = if screen.shows_all { "all trials" } else { "without trials far worse than the others" };
        app.status = Some(format!("y range: {said}"));
    }
}

/// Lays another sweep over the chart, or takes it away.
pub fn overlay(app: &mut App) {
    let Some(screen) = screen_mut(app) else { return };
    if screen.other.take().is_some() {
        return;
    }
    let (id, metric) = (screen.progress.id.clone(), screen.progress.metric.clone());
    // Those of the same metric first: others have another scale.
    let mut others: Vec<&Progress> = app.sweeps.list.iter().filter(|sweep| sweep.id != id).collect();
    others.sort_by_key(|sweep| sweep.metric != metric);
    let items: Vec<Item<String>> = others
        .into_iter()
        .map(|sweep| Item {
            label: format!("{} {}", sweep.name, sweep.data),
            note: sweep.best.as_ref().map_or_else(|| sweep.metric.clone(), BestTrial::result),
            on: None,
            value: sweep.id.clone(),
        })
        .collect();
    Picker::new("Lay another sweep over this one", items, |app, picked, effects| match picked {
        Picked::Chosen(id) => {
            if let Some(screen) = screen_mut(app) {
                screen.other = Some(FollowedSweep::new(id));
                read_on(app, effects);
            }
        }
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

/// Asks for what is new of the sweeps on the screen.
pub fn read_on(app: &mut App, effects: &mut Effects) {
    let Some(screen) = screen_mut(app) else { return };
    for sweep in [Some(&mut screen.shown), screen.other.as_mut()].into_iter().flatten() {
        if !sweep.fetched.is_waiting() {
            let (ticket, from) = (sweep.fetched.ask(), sweep.position);
            effects.push(Effect::Follow { ticket, sweep: sweep.id.clone(), from });
        }
    }
}

/// What was read of a sweep.
pub fn followed(app: &mut App, id: &str, ticket: Ticket, result: Result<SweepNews, String>) {
    let (now, height) = (app.now, rows(app));
    let Some(screen) = screen_mut(app) else { return };
    if let Some(other) = screen.other.as_mut().filter(|other| other.id == id) {
        other.take(ticket, result, now);
    } else if screen.shown.id == id && screen.shown.take(ticket, result, now) {
        screen.learnt(height);
    }
}

/// How far the sweep is by now.
pub fn seen(app: &mut App) {
    let Some(Screen::Sweep(screen)) = app.screens.last_mut() else { return };
    if let Some(found) = app.sweeps.list.iter().find(|sweep| sweep.id == screen.progress.id) {
        screen.progress = found.clone();
    }
}

/// Asks for what is on the screen and not known yet.
pub fn follow_up(app: &mut App, effects: &mut Effects) {
    let (now, height) = (app.now, rows(app));
    let is_free = app.overlay.is_none();
    let Some(screen) = screen_mut(app).filter(|_| is_free) else { return };
    screen.cursor.show(screen.order.len(), height);
    match screen.tab {
        SweepTab::Trials => describe(screen, now, height, effects),
        SweepTab::Chart => weigh(screen, effects),
    }
}

/// Asks for the runs of the trials that are seen; of those under way again and again.
fn describe(screen: &mut SweepScreen, now: i64, height: usize, effects: &mut Effects) {
    let is_on_cluster =
        screen.shown.header.as_ref().is_some_and(|header| header.plan.executor.slurm().is_some());
    if !(screen.progress.is_command || is_on_cluster) || screen.describing.is_waiting() {
        return;
    }
    let is_due = now.saturating_sub(screen.described) >= LOOK;
    let seen = screen.order.get(screen.cursor.window(screen.order.len(), height)).unwrap_or_default();
    let wanted = seen.iter().filter_map(|number| {
        let number = *number as usize;
        let is_over = screen.shown.state.trials[number].outcome.is_some();
        let is_wanted = match screen.details.get(&number) {
            None => true,
            Some(known) => !known.is_final && (is_over || is_due),
        };
        is_wanted.then_some((number, is_over))
    });
    let trials: Vec<(usize, bool)> = wanted.collect();
    if trials.is_empty() {
        return;
    }
    screen.described = now;
    if let Some(wanted) = wanted_details(screen, trials) {
        effects.push(Effect::Describe { ticket: screen.describing.ask(), wanted: Box::new(wanted) });
    }
}

fn wanted_details(screen: &SweepScreen, trials: Vec<(usize, bool)>) -> Option<WantedDetails> {
    let header = screen.shown.header.as_ref()?;
    Some(WantedDetails { sweep: screen.shown.id.clone(), metric: header.plan.metric(), trials })
}

pub fn described(app: &mut App, ticket: Ticket, trials: Vec<(usize, TrialDetails)>, effects: &mut Effects) {
    let now = app.now;
    let Some(screen) = screen_mut(app) else { return };
    if !screen.describing.take(ticket, Ok(()), now) {
        return;
    }
    let known: &mut FxHashMap<usize, TrialDetails> = &mut screen.details;
    known.extend(trials);
    if let Some(trial) = screen.leads_to.take() {
        leave_for(app, trial, effects);
    }
}

/// Shows the run of the trial under the cursor, which is perhaps looked for first.
pub fn go_to_run(app: &mut App, effects: &mut Effects) {
    let Some(screen) = screen_mut(app) else { return };
    let Some(trial) = screen.chosen() else { return };
    if screen.details.get(&trial).is_some_and(|details| details.run.is_some()) {
        return leave_for(app, trial, effects);
    }
    let is_over = screen.shown.state.trials[trial].outcome.is_some();
    if let Some(wanted) = wanted_details(screen, vec![(trial, is_over)]) {
        screen.leads_to = Some(trial);
        effects.push(Effect::Describe { ticket: screen.describing.ask(), wanted: Box::new(wanted) });
    }
}

/// Leaves the sweep for the run of a trial, if it has one.
fn leave_for(app: &mut App, trial: usize, effects: &mut Effects) {
    let found = screen(app).and_then(|screen| screen.details.get(&trial)?.run.clone());
    let Some((experiment, run)) = found else {
        app.status = Some(format!("trial {trial} has no run yet"));
        return;
    };
    app.screens.clear();
    app.overlay = None;
    show_run(app, experiment, run, effects);
}

/// Asks which params matter, where so much is new that another answer can be expected.
fn weigh(screen: &mut SweepScreen, effects: &mut Effects) {
    let finished = screen.progress.finished;
    let is_new = finished >= screen.weighed_of + (screen.weighed_of / NEW).max(1);
    if screen.weighed.is_waiting() || screen.shown.version == 0 || (!is_new && screen.weighed.is_asked()) {
        return;
    }
    screen.weighed_of = finished;
    let trials = plot::to_be_weighed(&screen.shown);
    effects.push(Effect::Weigh { ticket: screen.weighed.ask(), trials: Box::new(trials) });
}

pub fn weighed(app: &mut App, ticket: Ticket, matters: Matters) {
    let now = app.now;
    if let Some(screen) = screen_mut(app) {
        screen.weighed.take(ticket, Ok(matters), now);
    }
}
