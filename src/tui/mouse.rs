//! What the mouse does: nothing that keys cannot do.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::action::Action;
use super::app::{App, Focus, Overlay};
use super::effect::Effect;
use super::panes::details::view::tab_at;
use super::panes::runs::view::column_at;
use super::update::{in_help, open_selected, project, step};

/// A mouse event in, state and effects out; clicks on an overlay do not fall through.
pub fn mouse(app: &mut App, event: MouseEvent, effects: &mut Vec<Effect>) {
    let position = Position { x: event.column, y: event.row };
    let places = app.geometry();
    let under = [Focus::Experiments, Focus::Runs, Focus::Details]
        .into_iter()
        .find_map(|pane| places.pane(pane).filter(|area| area.contains(position)).map(|area| (pane, area)));
    let wheel = match event.kind {
        MouseEventKind::ScrollDown => 3,
        MouseEventKind::ScrollUp => -3,
        _ => 0,
    };
    if let Some(Overlay::Help { scroll }) = app.overlay {
        // Clicks on an overlay do not fall through.
        let action = if wheel > 0 { Action::Down } else { Action::Up };
        if wheel != 0 {
            in_help(app, scroll, action, effects);
        }
        return;
    }
    let Some((pane, area)) = under else { return };
    if wheel != 0 {
        step(app, pane, wheel);
        return;
    }
    if event.kind != MouseEventKind::Down(MouseButton::Left) {
        return;
    }
    app.status = None;
    app.focus = pane;
    let line = (event.row - area.y) as usize;
    match pane {
        Focus::Experiments if line >= 1 => {
            let at = app.experiments.cursor.top + line - 1;
            if at < app.experiments.list.len() {
                let is_again = app.experiments.cursor.at == at;
                app.experiments.cursor.jump(at, app.experiments.list.len(), places.rows(pane));
                if is_again {
                    open_selected(app, effects);
                } else {
                    app.focus = Focus::Experiments;
                }
            }
        }
        Focus::Runs if line == 1 => {
            if let Some(column) = column_at(app, area, event.column) {
                app.runs.choose_column(column);
                app.runs.cycle_sort();
                project(app, effects);
            }
        }
        Focus::Runs if line >= 2 => {
            let at = app.runs.cursor.top + line - 2;
            if at < app.runs.rows.len() {
                app.runs.cursor.jump(at, app.runs.rows.len(), places.rows(pane));
                app.runs.moved();
            }
        }
        Focus::Details if line == 0 => {
            if let Some(tab) = tab_at(area, event.column) {
                app.details.tab = tab;
                app.details.scroll = 0;
            }
        }
        _ => {}
    }
}
