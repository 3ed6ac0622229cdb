//! What keys do on a comparison, and what it needs from outside.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::Msg;
use super::actions::Action;
use super::choosing;
use super::effects::{Effect, Gathered, ReadHistories};
use super::opening::open_chart;
use super::view::table_area;
use super::{CompareScreen, CompareTab, Compared, Show};
use crate::catalog::view::LineKind;
use crate::catalog::{ColumnSpec, Row};
use crate::compare::axes::cell_words;
use crate::compare::importance::Matters;
use crate::compare::{Comparison, MOST};
use crate::mlflow::{Part, RunId, tags};
use crate::store::StoreError;
use crate::text;
use crate::tui::core::app::{App, Overlay, Screen};
use crate::tui::core::effect::Effects;
use crate::tui::core::go;
use crate::tui::core::remote::Ticket;
use crate::tui::core::requests::copy;

/// What a key moves a brush by, or widens it.
const BRUSH: f64 = 0.05;

/// The runs that would be compared now: the selected ones, else the one selected and the one under the cursor, else all in
/// the table.
pub fn candidates(app: &App) -> Vec<Compared> {
    let runs = &app.runs;
    if let Some(experiment) = &runs.experiment
        && (runs.range_from.is_some() || runs.selected.is_empty() && runs.is_on_group())
    {
        let of = |run: RunId| {
            let slot = runs.selected.get(run.as_str()).map_or(0, |run| run.slot);
            Compared::of_run(run, experiment.clone(), slot)
        };
        return runs.targets().into_iter().map(of).collect();
    }
    let mut selected: Vec<Compared> = runs
        .selected
        .in_order()
        .into_iter()
        .map(|(run, selected)| Compared::of_run(run, selected.experiment.clone(), selected.slot))
        .collect();
    let Some(experiment) = runs.experiment.clone() else { return selected };
    let other = |run| Compared::of_run(run, experiment.clone(), 0);
    if selected.len() == 1
        && let Some(run) = runs.run_under_cursor().filter(|run| selected[0].run != *run)
    {
        selected.push(other(run));
    }
    if selected.len() >= 2 {
        return selected;
    }
    let bare = bare_parents(app);
    let rows = shown_rows(app).filter(|row| !bare.contains(row)).take(MOST + 1);
    rows.map(|row| other(runs.catalog.run_id(row).into())).collect()
}

/// The runs that are shown for their own sake, and not only for their children.
fn shown_rows(app: &App) -> impl Iterator<Item = Row> + '_ {
    let lines = app.runs.projection.lines.iter().filter(|line| !line.context);
    lines.filter_map(|line| match line.kind {
        LineKind::Run(row) => Some(row),
        LineKind::Group(_) => None,
    })
}

/// Parents among the runs that are shown that lack the metric which decides: they only hold their children together.
fn bare_parents(app: &App) -> FxHashSet<Row> {
    let catalog = &app.runs.catalog;
    let (Some(metric), Some(parents)) =
        (deciding(app), catalog.tags.column(&catalog.texts, tags::PARENT_RUN_ID))
    else {
        return FxHashSet::default();
    };
    let parents: FxHashSet<&str> = parents.iter().map(|(_, parent)| catalog.texts.get(parent)).collect();
    let values = catalog.metrics.column(&catalog.texts, &metric);
    let is_bare = |row: &Row| {
        values.is_none_or(|values| values.get(*row).is_none()) && parents.contains(catalog.run_id(*row))
    };
    shown_rows(app).filter(is_bare).collect()
}

fn open(app: &mut App) {
    app.left_comparison = None;
    let mut runs = candidates(app);
    let bare = if app.runs.selected.is_empty() && app.runs.range_from.is_none() {
        bare_parents(app).len()
    } else {
        0
    };
    if bare > 0 && !app.runs.is_on_group() {
        let parents = if bare == 1 {
            "1 parent that has".to_owned()
        } else {
            format!("{} parents that have", text::count(bare))
        };
        let metric = deciding(app).unwrap_or_default();
        app.status = Some(format!("without {parents} no {metric}; select runs to compare these too"));
    }
    app.runs.range_from = None;
    if runs.len() > MOST {
        runs.truncate(MOST);
        app.say(format!("the first {MOST} runs are compared; select the ones that matter"));
    }
    let metric = app.runs.chosen_column().and_then(ColumnSpec::metric_key);
    let mut screen = CompareScreen::new(runs, metric.map(str::to_owned));
    screen.deciding = deciding(app);
    app.screens.push(Screen::Compare(Box::new(screen)));
}

/// The metric by which the best run is chosen.
pub fn deciding(app: &App) -> Option<String> {
    app.best.policy().map(|policy| policy.primary().metric.clone())
}

pub fn screen(app: &mut App) -> Option<&mut CompareScreen> {
    app.screens.iter_mut().rev().find_map(|screen| match screen {
        Screen::Compare(screen) => Some(screen.as_mut()),
        Screen::Chart(_) | Screen::Sweep(_) | Screen::Log(_) | Screen::Models(_) | Screen::Datasets(_) => {
            None
        }
    })
}

/// Asks for what the comparison shows, when it is another catalogue that it has to be made of.
pub fn follow_up(app: &mut App, effects: &mut Effects) {
    let catalog = Arc::clone(&app.runs.catalog);
    let now = app.now;
    let height = table_area(app.geometry().body).height as usize;
    let Some(screen) = screen(app) else { return };
    ask_what_matters(screen, now, effects);
    ask_histories(screen, height, effects);
    let is_current = screen.source.as_ref().is_some_and(|source| Arc::ptr_eq(source, &catalog));
    if is_current {
        return;
    }
    let rows = if screen.has_models() { None } else { screen.rows_in(&catalog) };
    let was_loaded_apart = screen.source.is_some() && rows.is_none();
    screen.source = Some(Arc::clone(&catalog));
    if was_loaded_apart {
        return;
    }
    let ticket = screen.fetched.ask();
    let is_grouped = screen.is_grouped;
    match rows {
        Some(rows) => effects.push(Effect::Compare { ticket, catalog, rows, is_grouped, now }),
        // Some are of other experiments, or values of models are wanted.
        None => effects.push(load(screen, ticket)),
    }
}

/// Which params matter is seen in its tab, and decides what a scatter plot begins with.
fn ask_what_matters(screen: &mut CompareScreen, now: i64, effects: &mut Effects) {
    let is_needed = match screen.tab {
        CompareTab::Params => true,
        CompareTab::Scatter => screen.chosen_x.is_none(),
        CompareTab::Table | CompareTab::Parallel => false,
    };
    if is_needed
        && !screen.weighed.is_asked()
        && let (Some(comparison), Some(metric)) = (screen.comparison(), &screen.metric)
    {
        let (comparison, metric) = (Arc::clone(comparison), metric.clone());
        let ticket = screen.weighed.ask();
        effects.push(Effect::Weigh { ticket, comparison, metric, now });
    }
}

/// Histories are read as they come to be seen.
fn ask_histories(screen: &mut CompareScreen, height: usize, effects: &mut Effects) {
    if screen.histories.asked.is_waiting() || screen.histories.asked.error().is_some() {
        return;
    }
    let wanted = screen.wanted_histories(height);
    if !wanted.is_empty() {
        let (ticket, part) = (screen.histories.asked.ask(), screen.statistic.part());
        let stands_in = |compared: &&Compared| compared.row != compared.run;
        let rows = screen.runs.iter().filter(stands_in);
        let rows = rows.map(|compared| (compared.row.clone(), compared.run.clone())).collect();
        effects.push(Effect::Summarise { ticket, part, wanted, rows });
    }
}

/// Histories were read.
fn summarised(app: &mut App, ticket: Ticket, part: Part, result: Result<ReadHistories, StoreError>) {
    let now = app.now;
    let Some(screen) = screen(app).filter(|screen| screen.histories.asked.awaits(ticket)) else { return };
    match result {
        Ok(read) => {
            screen.histories.asked.take(ticket, Ok(()), now);
            screen.read(part, read, now);
        }
        Err(error) => {
            let words = format!("{error}; {}", error.hint());
            screen.histories.asked.take(ticket, Err(error), now);
            app.say(words);
        }
    }
    show_cursors(app);
}

fn load(screen: &CompareScreen, ticket: Ticket) -> Effect {
    Effect::Load { ticket, runs: screen.runs.clone(), deciding: screen.deciding.clone() }
}

/// Runs that were read for the comparison.
fn loaded(app: &mut App, ticket: Ticket, gathered: Gathered, effects: &mut Effects) {
    let now = app.now;
    let Some(screen) = screen(app).filter(|screen| screen.fetched.awaits(ticket)) else { return };
    let Gathered { catalog, own } = gathered;
    screen.own = own;
    // Runs that are gone by now are left out.
    let known: FxHashSet<&str> = catalog.rows().map(|row| catalog.run_id(row)).collect();
    screen.runs.retain(|compared| known.contains(compared.row.as_str()));
    let Some(rows) = screen.rows_in(&catalog) else { return };
    let is_grouped = screen.is_grouped;
    effects.push(Effect::Compare { ticket, catalog, rows, is_grouped, now });
}

fn failed(app: &mut App, ticket: Ticket, error: StoreError) {
    let now = app.now;
    if let Some(screen) = screen(app) {
        screen.fetched.take(ticket, Err(error), now);
    }
}

fn compared(app: &mut App, ticket: Ticket, comparison: Arc<Comparison>) {
    let now = app.now;
    if let Some(screen) = screen(app) {
        screen.take(ticket, comparison, now);
    }
    show_cursors(app);
}

/// Keeps the cursors on the screen.
pub fn show_cursors(app: &mut App) {
    let height = table_area(app.geometry().body).height.saturating_sub(1) as usize;
    let Some(screen) = screen(app) else { return };
    let (keys, members) = (screen.shown.len(), screen.members());
    let (key_height, member_height) =
        if screen.is_turned { (usize::MAX / 2, height) } else { (height, usize::MAX / 2) };
    screen.key_cursor.show(keys, key_height);
    screen.member_cursor.show(members, member_height);
}

fn step(screen: &mut CompareScreen, lines: isize, across: isize) {
    let (keys, members) = (screen.shown.len(), screen.members());
    let (key, member) = if screen.is_turned { (across, lines) } else { (lines, across) };
    screen.key_cursor.step(key, keys, usize::MAX / 2);
    screen.member_cursor.step(member, members, usize::MAX / 2);
}

pub fn perform(app: &mut App, action: Action) {
    match action {
        Action::Open => open(app),
        Action::Choose(choice) => choosing::column(app, choice),
        Action::Statistic => choosing::statistic(app),
        Action::Turn
        | Action::Differing
        | Action::Baseline
        | Action::Difference
        | Action::Seeds
        | Action::ByName
        | Action::BrushWider
        | Action::BrushNarrower
        | Action::BrushClear => {
            let now = app.now;
            if let Some(screen) = screen(app) {
                on_screen(screen, action, now);
            }
            show_cursors(app);
        }
    }
}

fn on_screen(screen: &mut CompareScreen, action: Action, now: i64) {
    match action {
        Action::Turn => screen.is_turned = !screen.is_turned,
        Action::Differing => {
            screen.shows_all = !screen.shows_all;
            screen.arrange();
            screen.lay_axes(now);
        }
        Action::ByName => {
            screen.by_name = !screen.by_name;
            screen.arrange();
        }
        Action::Baseline => set_baseline(screen),
        Action::Difference => {
            screen.show = match screen.show {
                Show::Values => Show::Difference,
                Show::Difference => Show::Relative,
                Show::Relative => Show::Values,
            };
            if screen.baseline.is_none() {
                set_baseline(screen);
            }
        }
        Action::Seeds => {
            screen.is_grouped = !screen.is_grouped;
            screen.source = None;
        }
        Action::BrushWider => screen.brush(0.0, 2.0 * BRUSH),
        Action::BrushNarrower => screen.brush(0.0, -2.0 * BRUSH),
        Action::BrushClear => screen.clear_brush(),
        // These are not about what is on the screen.
        Action::Open | Action::Choose(_) | Action::Statistic => {}
    }
}

/// What leads through a comparison.
pub fn go(app: &mut App, action: go::Action) {
    let page = (table_area(app.geometry().body).height / 2).max(1) as isize;
    let Some(Screen::Compare(screen)) = app.screens.last_mut() else { return };
    match action {
        go::Action::Down
        | go::Action::Up
        | go::Action::PageDown
        | go::Action::PageUp
        | go::Action::Top
        | go::Action::Bottom => {
            let by = action.lines(page).unwrap_or_default();
            match screen.tab {
                CompareTab::Parallel => screen.brush(-(by.clamp(-4, 4) as f64) * BRUSH, 0.0),
                CompareTab::Scatter => step_point(screen, by.signum()),
                CompareTab::Table => step(screen, by, 0),
                CompareTab::Params => {}
            }
        }
        go::Action::Left | go::Action::Right => {
            let by = if action == go::Action::Left { -1 } else { 1 };
            match screen.tab {
                CompareTab::Parallel => {
                    let last = screen.axes.len().saturating_sub(1);
                    screen.axis = screen.axis.saturating_add_signed(by).min(last);
                }
                CompareTab::Scatter => step_point(screen, by),
                CompareTab::Table => step(screen, 0, by),
                CompareTab::Params => {}
            }
        }
        go::Action::NextTab | go::Action::PreviousTab => {
            let count = CompareTab::ALL.len() as isize;
            let at = CompareTab::ALL.iter().position(|tab| *tab == screen.tab).unwrap_or(0) as isize;
            let by = if action == go::Action::NextTab { 1 } else { -1 };
            screen.tab = CompareTab::ALL[(at + by).rem_euclid(count) as usize];
            if screen.tab == CompareTab::Scatter && screen.drawn.get(screen.member_cursor.at) == Some(&false)
            {
                screen.member_cursor.at = screen.drawn.iter().position(|is_drawn| *is_drawn).unwrap_or(0);
            }
        }
        go::Action::Search => app.overlay = Some(Overlay::Search),
        go::Action::Open => open_chart(app),
        go::Action::Back => {
            if screen.words.value().is_empty() {
                app.screens.pop();
            } else {
                screen.words.reset();
                screen.arrange();
            }
        }
    }
    show_cursors(app);
}

/// Compares anew, from the runs as they are in the store where they are not all in the table.
pub fn again(app: &mut App) {
    if let Some(screen) = screen(app) {
        screen.source = None;
        screen.histories.asked.forget();
    }
}

pub fn answered(app: &mut App, msg: Msg, effects: &mut Effects) {
    match msg {
        Msg::Loaded { ticket, result } => match result {
            Ok(catalog) => loaded(app, ticket, catalog, effects),
            Err(error) => failed(app, ticket, error),
        },
        Msg::Compared { ticket, comparison } => compared(app, ticket, comparison),
        Msg::Weighed { ticket, matters } => weighed(app, ticket, matters),
        Msg::Summarised { ticket, part, result } => summarised(app, ticket, part, result),
    }
}

/// The next run on the scatter plot, in their order.
fn step_point(screen: &mut CompareScreen, by: isize) {
    let drawn: Vec<usize> =
        screen.drawn.iter().enumerate().filter_map(|(at, is_drawn)| is_drawn.then_some(at)).collect();
    let at = screen.member_cursor.at;
    let next = if by < 0 {
        drawn.iter().rev().find(|member| **member < at)
    } else {
        drawn.iter().find(|member| **member > at)
    };
    screen.member_cursor.at = next.copied().unwrap_or(at);
}

fn set_baseline(screen: &mut CompareScreen) {
    let Some(comparison) = screen.comparison() else { return };
    let Some(member) = comparison.members.get(screen.member_cursor.at) else { return };
    screen.baseline = Some(comparison.catalog.run_id(member.rows[0]).into());
    if screen.show == Show::Values {
        screen.show = Show::Difference;
    }
}

/// Copies the value under the cursor.
pub fn copy_cell(app: &mut App, effects: &mut Effects) {
    let now = app.now;
    let Some(Screen::Compare(screen)) = app.screens.last() else { return };
    let (Some(comparison), Some(entry)) = (screen.comparison().cloned(), screen.chosen_entry()) else {
        return;
    };
    let cell = comparison.cell(entry, &comparison.bound(entry), screen.member_cursor.at, now);
    let words = cell.number().map_or_else(|| cell_words(entry, &cell), crate::text::exact);
    let name = entry.spec.name();
    copy(app, &words, &name, effects);
}

/// The words of the search have changed.
pub fn searched(app: &mut App) {
    if let Some(screen) = screen(app) {
        screen.arrange();
    }
    show_cursors(app);
}

/// Which params matter was found out.
fn weighed(app: &mut App, ticket: Ticket, matters: Matters) {
    let now = app.now;
    if let Some(screen) = screen(app) {
        screen.weighed.take(ticket, Ok(matters), now);
        screen.choose_axes();
    }
}

/// Which runs differ from one another, in words for the status line.
pub fn status_context(screen: &CompareScreen) -> String {
    match (screen.tab, screen.chosen_entry()) {
        (CompareTab::Table, Some(entry)) => {
            let goal = entry.goal.map_or(String::new(), |goal| format!(", {}", goal.word()));
            let of = format!("{} of {} have it", entry.present, text::runs(screen.members()));
            format!("{}: {of}{goal}", entry.spec.name())
        }
        _ => String::new(),
    }
}
