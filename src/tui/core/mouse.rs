//! What the mouse does: nothing that keys cannot do.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::app::{App, Dragged, Overlay, Screen};
use super::effect::Effects;
use super::go::{self, Action, step};
use super::layout::{Focus, Geometry, details_body, with_middle_border, with_side_border};
use super::requests::show_cursors;
use crate::tui::core::layout::Tab;
use crate::tui::features::details::view::tab_at;
use crate::tui::features::{charts, compare, datasets, experiments, models, runs, sweeps};
use crate::tui::widgets::{help, picker};

/// Lines that a notch of the wheel moves.
const WHEEL: isize = 3;

/// A mouse event in, state and effects out; clicks on an overlay do not fall through.
pub fn mouse(app: &mut App, event: MouseEvent, effects: &mut Effects) {
    let wheel = match event.kind {
        MouseEventKind::ScrollDown => WHEEL,
        MouseEventKind::ScrollUp => -WHEEL,
        _ => 0,
    };
    if wheel != 0 {
        app.sweeps.watched = None;
        app.poll_interval.touch(app.now);
    }
    if app.help.is_some() || app.overlay.is_some() {
        on_overlay(app, wheel, effects);
        return;
    }
    let is_click = event.kind == MouseEventKind::Down(MouseButton::Left);
    if is_click {
        app.sweeps.watched = None;
        // What was typed ahead was not about what is clicked now.
        app.held.clear();
        app.poll_interval.touch(app.now);
        app.status = None;
        app.notice = None;
    }
    match app.screens.last() {
        Some(Screen::Compare(_)) if is_click => return compare::table::click(app, (event.column, event.row)),
        Some(Screen::Sweep(_)) if is_click => return sweeps::screen::update::click(app, event),
        Some(Screen::Models(_)) if is_click => return models::update::click(app, event, effects),
        Some(Screen::Datasets(_)) if is_click => return datasets::update::click(app, event.row, effects),
        Some(
            Screen::Compare(_) | Screen::Sweep(_) | Screen::Log(_) | Screen::Models(_) | Screen::Datasets(_),
        ) => {
            let action = if wheel > 0 { Action::Down } else { Action::Up };
            return (0..wheel.abs()).for_each(|_| go::perform(app, action, effects));
        }
        Some(Screen::Chart(_)) => return charts::update::mouse(app, event),
        None => {}
    }
    let places = app.geometry();
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            app.dragged = border_at(&places, event.column, event.row);
            click(app, &places, event, effects);
        }
        MouseEventKind::Drag(MouseButton::Left) => drag(app, &places, event),
        MouseEventKind::Up(MouseButton::Left) => app.dragged = None,
        _ => {
            if let Some((pane, _)) = pane_at(&places, event)
                && wheel != 0
            {
                let is_chart = pane == Focus::Details && app.details.tab == Tab::Charts;
                if is_chart {
                    charts::update::scroll(app, wheel);
                } else {
                    step(app, pane, wheel);
                }
            }
        }
    }
}

fn on_overlay(app: &mut App, wheel: isize, effects: &mut Effects) {
    if wheel == 0 {
        return;
    }
    let action = if wheel > 0 { Action::Down } else { Action::Up };
    if app.help.is_some() {
        let action = if wheel > 0 { help::actions::Action::Down } else { help::actions::Action::Up };
        return help::actions::perform(app, action);
    }
    match &mut app.overlay {
        Some(Overlay::Messages { .. } | Overlay::Report(_) | Overlay::Sweeps { .. }) => {
            go::perform(app, action, effects);
        }
        Some(Overlay::Picker(picker)) => picker.list_mut().step(wheel, picker::height(app.size.1)),
        Some(Overlay::Prompt(prompt)) => {
            let line = prompt.line_mut();
            line.step(if wheel > 0 { 1 } else { line.completions.len().saturating_sub(1) });
        }
        Some(Overlay::Search | Overlay::Confirm(_) | Overlay::Plan(_) | Overlay::Command(_)) | None => {}
    }
}

fn pane_at(places: &Geometry, event: MouseEvent) -> Option<(Focus, Rect)> {
    let position = Position { x: event.column, y: event.row };
    let panes = Focus::ALL.into_iter().filter_map(|pane| Some((pane, places.pane(pane)?)));
    panes.into_iter().find(|(_, area)| area.contains(position))
}

/// The border at a place that can be moved.
fn border_at(places: &Geometry, x: u16, y: u16) -> Option<Dragged> {
    let (experiments, runs) = (places.experiments, places.runs?);
    if let Some(experiments) = experiments
        && (x == runs.x || x + 1 == runs.x)
        && experiments.y <= y
    {
        return Some(Dragged::Side);
    }
    let details = places.details?;
    if places.is_side_by_side() {
        return ((x == details.x || x + 1 == details.x) && details.y <= y).then_some(Dragged::Middle);
    }
    // The tabs stand on the border itself: only what is beside them is a handle.
    let is_beside_tabs = x >= details.x + details.width / 2;
    (y + 1 == details.y || (y == details.y && is_beside_tabs)).then_some(Dragged::Middle)
}

fn drag(app: &mut App, places: &Geometry, event: MouseEvent) {
    let layout = match app.dragged {
        Some(Dragged::Side) => with_side_border(app.memory.layout, app.size, event.column),
        Some(Dragged::Middle) => with_middle_border(app.memory.layout, places, (event.column, event.row)),
        None => return,
    };
    if layout != app.memory.layout {
        app.memory.layout = layout;
        app.runs.changed = true;
        show_cursors(app);
    }
}

fn click(app: &mut App, places: &Geometry, event: MouseEvent, effects: &mut Effects) {
    let Some((pane, area)) = pane_at(places, event) else { return };
    app.focus = pane;
    let line = (event.row - area.y) as usize;
    let rows = places.rows(pane);
    match pane {
        Focus::Experiments if line >= 1 && line <= rows => {
            let at = app.experiments.cursor.top + line - 1;
            if at < app.experiments.length() {
                let is_again = app.experiments.cursor.at == at;
                app.experiments.cursor.jump(at, app.experiments.length(), rows);
                if is_again {
                    experiments::update::open(app, effects);
                }
            }
        }
        Focus::Runs => runs::update::click(app, area, (event.column, event.row), effects),
        Focus::Details if line == 0 => {
            if let Some(tab) = tab_at(area, app.details.tab, event.column) {
                app.details.choose_tab(tab);
            }
        }
        Focus::Details if line >= 2 && app.details.tab == Tab::Charts => {
            charts::update::click(app, event);
        }
        Focus::Details if line >= 2 + app.details.titles() => {
            let (lines, titles) = (app.details.length(), app.details.titles());
            let (body, seen) = (details_body(area), app.details.seen(area));
            let columns = app.details.columns(body);
            let column =
                (event.column.saturating_sub(body.x) / (body.width / columns).max(1)).min(columns - 1);
            let height = seen / usize::from(columns);
            let (at, rows) =
                (app.details.cursor.top + usize::from(column) * height + line - 2 - titles, seen);
            let list = app.details.list_area(details_body(area));
            let is_in_list = event.column < list.right() && event.row < list.bottom();
            if at < lines && is_in_list && app.details.artifacts.preview.is_none() {
                let is_again = app.details.cursor.at == at;
                app.details.cursor.jump(at, lines, rows);
                if is_again && app.details.can_open() {
                    go::perform(app, Action::Open, effects);
                }
            }
        }
        _ => {}
    }
}
