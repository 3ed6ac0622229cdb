//! What keys do to the table of runs, and what tasks bring back of it.

#![deny(clippy::wildcard_enum_match_arm)]

use ratatui::layout::Rect;

use super::actions::Action;
use super::chips::Above;
use super::column_layout::{chosen_width, table};
use super::effects::{Effect, Write};
use super::watch::SILENCE;
use super::{Msg, Runs, chips, dialogs, filters, grouping, selection, views};
use crate::catalog::view::Shape;
use crate::catalog::{Catalog, ColumnSpec, Row};
use crate::mlflow::filter::Direction;
use crate::mlflow::{RunId, RunStatus};
use crate::select::Goal;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::effect::{Effects, Shell};
use crate::tui::core::layout::Focus;
use crate::tui::core::requests::{
    failing, live, load_experiments, looked, project, reload, reread, silent, view_changed,
};
use crate::tui::widgets::messages::note;
use crate::tui::widgets::table::Hit;

/// Cells by which a key widens a column.
const WIDEN: i16 = 2;
/// How long a list of experiments counts as current while somebody writes, in milliseconds.
const EXPERIMENTS_AGE: i64 = 2_000;
/// The same where only polling tells of new experiments.
const EXPERIMENTS_AGE_UNTOUCHED: i64 = 10_000;
/// How long a filter by age counts as applied, in milliseconds.
const PASSING: i64 = 5_000;
/// Active runs that a poll looks at anew, at most: those on the screen before all others.
const ATTENDED: usize = 60;

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    let runs = &mut app.runs;
    match action {
        Action::Filter => dialogs::filter(app),
        Action::Chip(chip) => chips::switch(app, chip, effects),
        Action::LastFilter => filters::bring_back(app, effects),
        Action::Views => views::pick(app),
        Action::SaveView => views::save(app),
        Action::Columns => dialogs::columns(app),
        Action::Differing => {
            runs.differing = !runs.differing;
            runs.kept.clear();
            runs.leave_out_constants();
            let hidden = runs.hidden_columns();
            runs.changed = true;
            app.status = Some(match (app.runs.differing, hidden) {
                (false, _) => "all columns are shown".into(),
                (true, 0) => "every column tells runs apart".into(),
                (true, 1) => "one column tells no runs apart, and is hidden".into(),
                (true, count) => format!("{count} columns tell no runs apart, and are hidden"),
            });
        }
        Action::Heat => {
            runs.heat.is_on = !runs.heat.is_on;
            runs.changed = true;
            let words = "each metric is tinted from its worst to its best value";
            app.status = app.runs.heat.is_on.then(|| words.to_owned());
        }
        Action::Statistic => dialogs::statistics(app),
        Action::Tags => dialogs::tags(app),
        Action::Note => dialogs::note(app),
        Action::Delete => dialogs::delete(app),
        Action::End => dialogs::end(app),
        Action::Sort | Action::SortAlso => {
            let first = best_first(app);
            app.runs.cycle_sort(action == Action::SortAlso, first);
            view_changed(app, effects);
        }
        Action::ColumnLeft | Action::ColumnRight => {
            runs.move_column(if action == Action::ColumnLeft { -1 } else { 1 });
            runs.changed = true;
        }
        Action::ColumnWider | Action::ColumnNarrower => {
            let by = if action == Action::ColumnWider { WIDEN } else { -WIDEN };
            let drawn = chosen_width(app);
            app.runs.widen_column(by, drawn);
            app.runs.changed = true;
        }
        Action::Tree => {
            let shape = if runs.view.shape == Shape::Tree { Shape::Flat } else { Shape::Tree };
            reshape(runs, shape);
            view_changed(app, effects);
        }
        Action::Group => grouping::pick(app),
        Action::Fold => fold(app, effects),
        Action::FoldAll => {
            runs.view.all_toggled = !runs.view.all_toggled;
            runs.view.toggled.clear();
            project(app, effects);
        }
        Action::Deleted => {
            runs.deleted = !runs.deleted;
            runs.changed = true;
            if let Some(experiment) = runs.experiment.clone() {
                let (ticket, deleted) = (runs.newest.ask(), runs.deleted);
                effects.push(Effect::Watch { ticket, experiment, deleted });
            }
            let said =
                if app.runs.deleted { "deleted runs are shown too" } else { "deleted runs are hidden" };
            app.status = Some(said.into());
        }
        Action::ResetView => {
            views::reset(app);
            view_changed(app, effects);
        }
        Action::Select => selection::select(app),
        Action::SelectRange => {
            if runs.range_from.is_some() {
                selection::select_range(app);
            } else {
                runs.range_from = Some(runs.cursor.at);
            }
        }
        Action::SelectNone => runs.selected.clear(),
    }
}

/// The order in which the best value of the chosen column comes first, as far as that is known.
fn best_first(app: &App) -> Direction {
    let Some(metric) = app.runs.chosen_column().and_then(ColumnSpec::metric_key) else {
        return Direction::Ascending;
    };
    let chosen = app.best.policy().and_then(|policy| {
        policy.objectives.iter().find(|objective| objective.metric == metric).map(|objective| objective.goal)
    });
    let directions = app.best.chosen().map_or(&[][..], |chosen| &chosen.directions);
    match chosen.or_else(|| app.selecting.patterns.goal(directions, metric)) {
        Some(Goal::Maximize) => Direction::Descending,
        Some(Goal::Minimize) | None => Direction::Ascending,
    }
}

/// A click on a title sorts, one on a row moves the cursor there, and folds or unfolds it where it was already.
pub fn click(app: &mut App, pane: Rect, (x, y): (u16, u16), effects: &mut Effects) {
    let clicked = chips::places(app, pane).into_iter().find(|chip| chip.place.contains((x, y).into()));
    match clicked.map(|chip| chip.above) {
        Some(Above::Chip(chip)) => return chips::switch(app, chip, effects),
        Some(Above::View) => return views::pick(app),
        None => {}
    }
    if app.runs.length() == 0 {
        return;
    }
    let table = table(&app.runs, pane);
    let runs = &mut app.runs;
    match table.hit(x, y) {
        Some(Hit::Title(column)) => {
            runs.choose_column(column);
            let first = best_first(app);
            app.runs.cycle_sort(false, first);
            view_changed(app, effects);
        }
        Some(Hit::Row(at, _)) => {
            let is_again = runs.cursor.at == at;
            runs.cursor.jump(at, runs.length(), table.rows.height());
            runs.moved();
            if is_again {
                fold(app, effects);
                app.status = None;
            }
        }
        None => {}
    }
}

/// Folds or unfolds the line under the cursor.
pub fn fold(app: &mut App, effects: &mut Effects) {
    let runs = &mut app.runs;
    if let Some(picked) = runs.picked(runs.cursor.at)
        && !runs.view.toggled.remove(&picked)
    {
        runs.view.toggled.insert(picked);
    }
    project(app, effects);
}

/// Lets the lines stand otherwise, with all folds as by default.
pub fn reshape(runs: &mut Runs, shape: Shape) {
    runs.view.shape = shape;
    runs.view.toggled.clear();
    runs.view.all_toggled = false;
}

/// Writes to the store.
pub fn write(app: &mut App, write: Write, effects: &mut Effects) {
    app.runs.range_from = None;
    app.status = Some("writing".into());
    effects.push(Effect::Write(write));
}

pub fn answered(app: &mut App, msg: Msg, effects: &mut Effects) {
    match msg {
        Msg::Snapshot { ticket, snapshot } => {
            if app.runs.newest.hear(ticket, Ok(snapshot), app.now) {
                app.runs.newest_as_of = Some(app.now);
                live(app);
                project(app, effects);
            }
        }
        Msg::Polled { ticket, touched, took } => {
            if app.runs.newest.awaits(ticket) {
                app.runs.newest.confirm(app.now);
                polled(app, touched, took, effects);
            }
        }
        Msg::Unanswered { ticket } => {
            if app.runs.newest.awaits(ticket) {
                silent(app, SILENCE);
            }
        }
        Msg::PollFailed { ticket, error, retry_ms } => {
            if app.runs.newest.hear(ticket, Err(error.clone()), app.now) {
                failing(app, error, retry_ms);
                looked(app);
            }
        }
        Msg::Projected { ticket, catalog, complete, view, projection, position, telling } => {
            if !app.runs.projecting.take(ticket, Ok(()), app.now) {
                return;
            }
            let height = app.geometry().rows(Focus::Runs);
            notice_endings(app, &catalog, effects);
            // The lines of the newest catalogue are the only ones that are awaited.
            app.runs.catalog_as_of = app.runs.newest_as_of;
            app.runs.awaits_columns &= telling.is_none();
            app.runs.telling = telling;
            app.runs.show(catalog, complete, *view, projection, position, height);
            if app.runs.wanted_view().measured != app.runs.shown_view.measured {
                // Which columns there are was not known yet when the groups were asked for.
                project(app, effects);
            }
            // What is shown of a run may have changed with it.
            app.details.wanted = None;
        }
        Msg::Sparks { ticket, key, histories } => {
            let is_awaited = app.runs.reading_sparks.take(ticket, Ok(()), app.now);
            if is_awaited && app.runs.spark_key.as_ref() == Some(&key) {
                app.runs.take_sparks(histories);
            }
        }
        Msg::ViewsRead(read) => views::imported(app, read, effects),
        Msg::Written { write, result: Err(error) } if write.runs() > 1 => {
            // They are written one after the other.
            let runs = text::runs(write.runs());
            app.say(format!("some of the {runs} may be changed, not all: {error}; {}", error.hint()));
            reread(app, effects);
        }
        Msg::Written { write, result } => {
            reload(app, result.map(|()| write.done()), effects);
        }
    }
}

fn polled(app: &mut App, touched: bool, took: u64, effects: &mut Effects) {
    app.writes += u64::from(touched);
    let is_due = app.now - app.runs.projected_at >= PASSING && !app.runs.projecting.is_waiting();
    if is_due && app.runs.view.filter.is_of_now() {
        project(app, effects);
    }
    live(app);
    looked(app);
    app.poll_interval.answered(took);
    let limit = if touched { EXPERIMENTS_AGE } else { EXPERIMENTS_AGE_UNTOUCHED };
    if (touched || !app.capabilities.change_feed) && app.now - app.experiments_asked >= limit {
        load_experiments(app, effects);
    }
}

/// Tells of runs that ended while nobody looked at them.
fn notice_endings(app: &mut App, catalog: &Catalog, effects: &mut Effects) {
    let old = &app.runs.catalog;
    if !app.runs.loaded {
        return;
    }
    let looked_at = app.runs.row_under_cursor().filter(|_| app.poll_interval.focused);
    let mut ended = Vec::new();
    for row in old.active.iter().copied().filter(|row| Some(*row) != looked_at) {
        // Rows stay what they are, unless the store was read anew.
        let Some(run) = catalog.runs.get(row as usize).filter(|_| catalog.runs.len() >= old.runs.len())
        else {
            continue;
        };
        if !run.status.is_active() && catalog.run_id(row) == old.run_id(row) && run.present {
            ended.push((catalog.run_name(row), run.status));
        }
    }
    let words = match ended.as_slice() {
        [] => return,
        [(name, status)] => format!("{name} {}", ending(*status)),
        many => {
            let count = |wanted: RunStatus| many.iter().filter(|(_, status)| *status == wanted).count();
            let (done, failed) = (count(RunStatus::Finished), count(RunStatus::Failed));
            let other = many.len() - done - failed;
            let parts = [(done, "finished"), (failed, "failed"), (other, "were killed")];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            parts
                .map(|(count, word)| format!("{} runs {word}", text::count(*count)))
                .collect::<Vec<_>>()
                .join(", ")
        }
    };
    let words = text::clean(&words).into_owned();
    note(&mut app.messages, app.now, words.clone());
    app.notice = Some(words.clone());
    effects.push(Shell::Notify(words));
}

fn ending(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Failed => "failed",
        RunStatus::Killed => "was killed",
        RunStatus::Finished | RunStatus::Running | RunStatus::Scheduled => "finished",
    }
}

/// Asks for the sparklines on the screen; true if there is anything to ask for.
pub fn follow_sparks(app: &mut App, effects: &mut Effects) -> bool {
    let height = app.geometry().rows(Focus::Runs);
    let Some((key, ids)) = app.runs.missing_sparks(height) else { return false };
    let ticket = app.runs.reading_sparks.ask();
    effects.push(Effect::ReadSparks { ticket, ids, key });
    true
}

/// Notes the histories that columns and the choice of the best run need; true if they are others.
pub fn follow_histories(app: &mut App) -> bool {
    let mut wanted = app.best.needed_histories();
    wanted.extend(app.runs.needed_histories());
    wanted.dedup();
    let data_sets = app.runs.needs_data_sets();
    if wanted == app.runs.asked_histories && data_sets == app.runs.asked_data_sets {
        return false;
    }
    app.runs.asked_histories = wanted;
    app.runs.asked_data_sets = data_sets;
    true
}

/// Measures the columns that are tinted.
pub fn follow_heat(app: &mut App) {
    let directions = app.best.chosen().map_or(&[][..], |chosen| &chosen.directions);
    let patterns = &app.selecting.patterns;
    let objectives = app.best.policy().map_or(&[][..], |policy| &policy.objectives);
    let chosen = |metric: &str| objectives.iter().find(|goal| goal.metric == metric).map(|goal| goal.goal);
    let goal = |metric: &str| chosen(metric).or_else(|| patterns.goal(directions, metric));
    let runs = &mut app.runs;
    let columns = runs.columns.iter().map(|shown| &shown.spec);
    runs.heat.follow(&runs.catalog, &runs.projection, columns, goal);
}

/// Tells which runs polls shall look at anew: those that run, then the others on the screen.
pub fn attend(app: &App, effects: &mut Effects) {
    let height = app.geometry().rows(Focus::Runs);
    let runs = &app.runs;
    let is_active = |row: &Row| runs.catalog.run(*row).status.is_active();
    let id = |row: Row| RunId::from(runs.catalog.run_id(row));
    let (mut active, others): (Vec<Row>, Vec<Row>) = runs.visible(height).partition(is_active);
    for row in runs.catalog.active.iter().copied() {
        if active.len() >= ATTENDED {
            break;
        }
        if !active.contains(&row) {
            active.push(row);
        }
    }
    effects.push(Effect::Attend {
        under_cursor: runs.run_under_cursor(),
        active: active.into_iter().take(ATTENDED).map(id).collect(),
        others: others.into_iter().map(id).collect(),
        wanted: runs.asked_histories.clone(),
        data_sets: runs.asked_data_sets,
    });
}
