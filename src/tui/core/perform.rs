//! What each action does to the state.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::action::Action;
use super::app::{App, Overlay};
use super::dialogs;
use super::effect::Effect;
use super::layout::{Focus, with_middle_border, with_side_border};
use super::possible::possible;
use super::requests::{
    LOOKING, copy, load_experiments, open_selected, project, quit, show_cursors, view_changed, words_changed,
};
use crate::catalog::view::{Shape, View};
use crate::catalog::{Bound, Value};
use crate::mlflow::filter::Filter;
use crate::tui::core::layout::Tab;
use crate::tui::features::details::artifacts::Opened;
use crate::tui::features::runs::Runs;
use crate::tui::features::runs::place::chosen_width;
use crate::tui::features::{best, charts, compare, export, sweeps};
use crate::tui::widgets::report::Report;
use crate::tui::widgets::{help, messages};

/// What stands in an address only in percent form.
const IN_ADDRESS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Cells by which a key moves a border or widens a column.
const STEP: u16 = 4;
const WIDEN: i16 = 2;

pub fn perform(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    match app.overlay {
        Some(Overlay::Help { scroll } | Overlay::Messages { scroll }) => {
            return scroll_text(app, scroll, action, effects);
        }
        Some(Overlay::Report(Report { scroll, .. })) => return scroll_text(app, scroll, action, effects),
        _ => {}
    }
    // Whatever is done is about what was seen under the cursor: it does not move to another run by itself any more.
    app.runs.is_chosen = true;
    if let Err(reason) = possible(app, action) {
        app.status = Some(reason.to_owned());
        return;
    }
    if charts::update::on_screen(app, action, effects)
        || compare::update::perform(app, action, effects)
        || best::update::perform(app, action)
        || best::marking::perform(app, action, effects)
        || sweeps::update::perform(app, action, effects)
        || charts::update::move_in_dashboard(app, action)
    {
        return;
    }
    match action {
        Action::Quit => quit(app, effects),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Help => app.overlay = Some(Overlay::Help { scroll: 0 }),
        Action::Messages => app.overlay = Some(Overlay::Messages { scroll: 0 }),
        Action::Refresh => {
            app.status = Some(LOOKING.into());
            app.details.artifacts.refresh();
            app.best.again();
            load_experiments(app, effects);
            effects.push(Effect::Refresh);
        }
        Action::Pause => {
            app.paused = !app.paused;
            effects.push(Effect::Pause(app.paused));
        }
        Action::Down | Action::Up | Action::PageDown | Action::PageUp | Action::Top | Action::Bottom => {
            let half = (app.geometry().rows(app.focus) / 2).max(1) as isize;
            step(app, app.focus, steps(action, half));
        }
        Action::Palette
        | Action::Columns
        | Action::Statistic
        | Action::Expression
        | Action::Interval
        | Action::Profiles
        | Action::Rename
        | Action::Delete
        | Action::Tags
        | Action::Note => dialogs::open(app, action),
        Action::Export => export::open(app),
        Action::Compare => compare::update::open(app),
        Action::XAxis | Action::LogX | Action::LogY | Action::Smoother | Action::Rougher | Action::YRange => {
            charts::update::drawing(app, action);
        }
        Action::Copy | Action::CopyCell | Action::Browse => take_out(app, action, effects),
        Action::Open
        | Action::Back
        | Action::NextPane
        | Action::PreviousPane
        | Action::Pane(_)
        | Action::Zoom
        | Action::PaneWider
        | Action::PaneNarrower
        | Action::PaneTaller
        | Action::PaneShorter
        | Action::NextTab
        | Action::PreviousTab
        | Action::Left
        | Action::Right => in_panes(app, action, effects),
        _ => in_table(app, action, effects),
    }
}

fn steps(action: Action, page: isize) -> isize {
    match action {
        Action::Down => 1,
        Action::Up => -1,
        Action::PageDown => page,
        Action::PageUp => -page,
        Action::Top => isize::MIN,
        Action::Bottom => isize::MAX,
        _ => 0,
    }
}

/// What leads from pane to pane.
fn in_panes(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Back => back(app, effects),
        Action::Open => match app.focus {
            Focus::Experiments => open_selected(app, effects),
            Focus::Runs if app.runs.selected_row().is_none() => perform(app, Action::Fold, effects),
            Focus::Runs => app.focus = Focus::Details,
            Focus::Details if app.details.tab == Tab::Charts => charts::update::open(app),
            Focus::Details => open_artifact(app, effects),
        },
        Action::NextPane => step_focus(app, 1),
        Action::PreviousPane => step_focus(app, 2),
        Action::Pane(pane) => app.focus = pane,
        Action::Zoom => app.zoomed = !app.zoomed,
        Action::PaneWider | Action::PaneNarrower => {
            let at = app.geometry().experiments.map_or(0, |area| area.width);
            let to = if action == Action::PaneWider { at + STEP } else { at.saturating_sub(STEP) };
            app.memory.layout = with_side_border(app.memory.layout, app.size, to);
            app.runs.changed = true;
        }
        Action::PaneTaller | Action::PaneShorter => {
            let places = app.geometry();
            let at = places.details.map_or(0, |area| area.y);
            let to = if action == Action::PaneTaller { at.saturating_sub(2) } else { at + 2 };
            app.memory.layout = with_middle_border(app.memory.layout, &places, to);
            app.runs.changed = true;
        }
        Action::NextTab => app.details.step_tab(1),
        Action::PreviousTab => app.details.step_tab(-1),
        Action::Left | Action::Right => {
            let by = if action == Action::Left { -1 } else { 1 };
            match app.focus {
                Focus::Experiments => {}
                Focus::Runs => app.runs.step_column(by),
                Focus::Details => app.details.step_tab(by),
            }
        }
        _ => {}
    }
    show_cursors(app);
}

/// What changes the table of runs.
fn in_table(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    let runs = &mut app.runs;
    match action {
        Action::Search => app.overlay = Some(Overlay::Search),
        Action::Sort | Action::SortAlso => {
            runs.cycle_sort(action == Action::SortAlso);
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
        Action::Group => {
            let shape = match (&runs.view.shape, runs.chosen_column()) {
                (Shape::Groups(old), Some(new)) if old == new => Shape::Flat,
                (Shape::Groups(_), _) if !groups(runs) => Shape::Flat,
                (_, Some(new)) => Shape::Groups(new.clone()),
                _ => Shape::Flat,
            };
            reshape(runs, shape);
            view_changed(app, effects);
        }
        Action::Fold => {
            if let Some(picked) = runs.picked(runs.cursor.at)
                && !runs.view.toggled.remove(&picked)
            {
                runs.view.toggled.insert(picked);
            }
            project(app, effects);
        }
        Action::FoldAll => {
            runs.view.all_toggled = !runs.view.all_toggled;
            runs.view.toggled.clear();
            project(app, effects);
        }
        Action::Deleted => {
            runs.deleted = !runs.deleted;
            runs.changed = true;
            runs.generation += 1;
            if let Some(experiment) = runs.experiment.clone() {
                let (generation, deleted) = (runs.generation, runs.deleted);
                effects.push(Effect::Watch { generation, experiment, deleted });
            }
            app.status = Some(
                if app.runs.deleted { "deleted runs are shown too" } else { "deleted runs are hidden" }
                    .into(),
            );
        }
        Action::ResetView => {
            runs.view = View::default();
            runs.words.reset();
            runs.filter_text.clear();
            runs.own_columns = false;
            runs.follow_keys();
            view_changed(app, effects);
        }
        Action::Mark => {
            runs.mark();
            step(app, Focus::Runs, 1);
        }
        Action::MarkRange => {
            if runs.range_from.is_some() {
                runs.mark();
            } else {
                runs.range_from = Some(runs.cursor.at);
            }
        }
        Action::ClearMarks => runs.marks.clear(),
        _ => {}
    }
}

fn groups(runs: &Runs) -> bool {
    use crate::catalog::ColumnSpec::Param;
    use crate::catalog::ColumnSpec::Status;
    use crate::catalog::ColumnSpec::Tag;
    use crate::catalog::ColumnSpec::User;
    matches!(runs.chosen_column(), Some(Param(_) | Tag(_) | Status | User))
}

fn reshape(runs: &mut Runs, shape: Shape) {
    runs.view.shape = shape;
    runs.view.toggled.clear();
    runs.view.all_toggled = false;
}

/// Exactly one layer out: range, zoom, search, filter, file, pane.
fn back(app: &mut App, effects: &mut Vec<Effect>) {
    if app.runs.range_from.take().is_some() {
        return;
    }
    if app.focus == Focus::Details && app.details.artifacts.preview.take().is_some() {
        return;
    }
    if app.is_on_charts() && !app.charts.words.value().is_empty() {
        app.charts.words.reset();
        return;
    }
    if app.zoomed {
        app.zoomed = false;
        return;
    }
    if app.focus == Focus::Runs && !app.runs.view.words.is_empty() {
        app.runs.words.reset();
        words_changed(app, effects);
        return;
    }
    if app.focus == Focus::Runs && !app.runs.view.filter.clauses.is_empty() {
        app.runs.view.filter = Filter::default();
        app.runs.filter_text.clear();
        view_changed(app, effects);
        return;
    }
    app.focus = match app.focus {
        Focus::Details => Focus::Runs,
        Focus::Runs | Focus::Experiments => Focus::Experiments,
    };
}

fn step_focus(app: &mut App, by: usize) {
    let at = Focus::ALL.iter().position(|pane| *pane == app.focus).unwrap_or(0);
    app.focus = Focus::ALL[(at + by) % Focus::ALL.len()];
}

/// Opens the folder or file under the cursor.
fn open_artifact(app: &mut App, effects: &mut Vec<Effect>) {
    if app.details.tab != Tab::Artifacts {
        return;
    }
    let at = app.details.cursor.at;
    if let Some(path) = app.details.artifacts.open(at)
        && let Some(id) = app.details.shown_run().cloned()
    {
        app.details.artifacts.preview = Some(Opened { path: path.clone(), content: None, top: 0 });
        effects.push(Effect::Preview { id, path });
    }
}

/// What leaves the program: into the clipboard, or to the browser.
fn take_out(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Copy => {
            let ids: Vec<String> = app.runs.targets().into_iter().map(|id| id.0).collect();
            let what =
                if ids.len() == 1 { "the run's id".to_owned() } else { format!("{} run ids", ids.len()) };
            copy(app, &ids.join("\n"), &what, effects);
        }
        Action::CopyCell if app.focus == Focus::Details => {
            let at = app.details.cursor.at;
            if let Some(line) = app.details.window(at..at + 1, &app.runs.name, app.now).pop() {
                let value = line.exact.unwrap_or(line.value);
                copy(app, &value, line.key.trim(), effects);
            }
        }
        Action::CopyCell => {
            let Some((row, column)) = app.runs.selected_row().zip(app.runs.chosen_column().cloned()) else {
                return;
            };
            let catalog = &app.runs.catalog;
            let value = match Bound::new(catalog, &column).value(catalog, row, app.now) {
                Value::Missing => return app.say(format!("the run has no {}", column.name())),
                Value::Number(value) | Value::Point(value, _) => crate::text::exact(value),
                Value::Text(text) => text.to_owned(),
                Value::OwnedText(text) => text,
                Value::Time(ms) => crate::text::timestamp(ms),
                Value::Duration(ms) => crate::text::duration(ms),
                Value::Count(count) => count.to_string(),
                Value::Status(status) => status.as_str().to_owned(),
            };
            copy(app, &value, &column.name(), effects);
        }
        _ => {
            let page = app.page.clone().unwrap_or_default();
            let experiment = app.runs.experiment.clone();
            if let Some((experiment, run)) = experiment.zip(app.runs.selected_run()) {
                let part = |id: &str| utf8_percent_encode(id, IN_ADDRESS).to_string();
                let (experiment, run) = (part(experiment.as_str()), part(run.as_str()));
                let address = format!("{page}/#/experiments/{experiment}/runs/{run}");
                app.status = Some(address.clone());
                effects.push(Effect::Browse(address));
            }
        }
    }
}

fn scroll_text(app: &mut App, scroll: usize, action: Action, effects: &mut Vec<Effect>) {
    let width = messages::width(app.size.0);
    let length = match &app.overlay {
        Some(Overlay::Help { .. }) => help::lines(app).len(),
        Some(Overlay::Report(report)) => report.wrapped(width).len(),
        _ => messages::lines(&app.messages, width).len(),
    };
    let last = length.saturating_sub(help::height(app));
    match action {
        Action::Quit => quit(app, effects),
        Action::Down | Action::Up | Action::PageDown | Action::PageUp | Action::Top | Action::Bottom => {
            let scroll = scroll.saturating_add_signed(steps(action, 10)).min(last);
            if let Some(
                Overlay::Help { scroll: old }
                | Overlay::Messages { scroll: old }
                | Overlay::Report(Report { scroll: old, .. }),
            ) = &mut app.overlay
            {
                *old = scroll;
            }
        }
        _ => app.overlay = None,
    }
}

pub(super) fn step(app: &mut App, pane: Focus, by: isize) {
    let height = app.geometry().rows(pane);
    match pane {
        Focus::Experiments => app.experiments.cursor.step(by, app.experiments.list.len(), height),
        Focus::Runs => {
            app.runs.cursor.step(by, app.runs.length(), height);
            app.runs.moved();
        }
        Focus::Details => {
            let length = app.details.length();
            app.details.step(by, length, height);
        }
    }
}
