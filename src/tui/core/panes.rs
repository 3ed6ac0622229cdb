//! What leads from pane to pane, and moves the borders between them.

#![deny(clippy::wildcard_enum_match_arm)]

use super::action::{ActionRow, PANES, Possible, always, given, rows_of};
use super::app::App;
use super::layer::Scope;
use super::layout::{Focus, with_middle_border, with_side_border};
use super::requests::show_cursors;

/// Cells by which a key moves a border.
const STEP: u16 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Next,
    Previous,
    Pane(Focus),
    /// The experiments beside the others, or not.
    Side,
    Zoom,
    Wider,
    Narrower,
    Taller,
    Shorter,
}

rows_of!(row: Panes, PANES, &[Scope::Panes]);

pub const ROWS: &[ActionRow] = &[
    row(Action::Next, "next-pane", &["tab"], "pane", "to the next pane", always),
    row(Action::Previous, "previous-pane", &["shift-tab"], "", "to the previous pane", always),
    row(Action::Pane(Focus::Experiments), "experiments-pane", &["1"], "", "to the experiments", always),
    row(Action::Pane(Focus::Runs), "runs-pane", &["2"], "", "to the runs", always),
    row(Action::Pane(Focus::Details), "details-pane", &["3"], "", "to the details", always),
    row(Action::Side, "side-pane", &["g 1"], "", "show or hide the experiments beside the runs", always),
    row(Action::Zoom, "zoom", &["z"], "zoom", "maximise or restore the pane", always),
    row(Action::Wider, "pane-wider", &["ctrl-right"], "", "move the border to the right", has_side_border),
    row(
        Action::Narrower,
        "pane-narrower",
        &["ctrl-left"],
        "",
        "move the border to the left",
        has_side_border,
    ),
    row(Action::Taller, "pane-taller", &["ctrl-up"], "", "move the border up", has_middle_border),
    row(Action::Shorter, "pane-shorter", &["ctrl-down"], "", "move the border down", has_middle_border),
];

fn has_side_border(app: &App) -> Possible {
    let places = app.geometry();
    given(places.experiments.is_some() && places.runs.is_some(), "no border beside this pane")
}

fn has_middle_border(app: &App) -> Possible {
    let places = app.geometry();
    given(places.details.is_some() && places.runs.is_some(), "no border above or below this pane")
}

pub fn perform(app: &mut App, action: Action) {
    match action {
        Action::Next => step_focus(app, 1),
        Action::Previous => step_focus(app, Focus::ALL.len() - 1),
        Action::Pane(pane) => app.focus = pane,
        Action::Side => {
            let is_hidden = !app.side_pane().is_hidden;
            app.memory.layout.experiments_hidden = Some(is_hidden);
            app.runs.changed = true;
            if is_hidden && app.focus == Focus::Experiments {
                app.focus = Focus::Runs;
            }
            let said =
                if is_hidden { "1 shows the experiments, g 1 for good" } else { "g 1 hides the experiments" };
            app.status = Some(said.into());
        }
        Action::Zoom => app.zoomed = !app.zoomed,
        Action::Wider | Action::Narrower => {
            let at = app.geometry().experiments.map_or(0, |area| area.width);
            let to = if action == Action::Wider { at + STEP } else { at.saturating_sub(STEP) };
            app.memory.layout = with_side_border(app.memory.layout, app.size, to);
            app.runs.changed = true;
        }
        Action::Taller | Action::Shorter => {
            let places = app.geometry();
            let at = places.details.map_or(0, |area| area.y);
            let to = if action == Action::Taller { at.saturating_sub(2) } else { at + 2 };
            app.memory.layout = with_middle_border(app.memory.layout, &places, to);
            app.runs.changed = true;
        }
    }
    show_cursors(app);
}

fn step_focus(app: &mut App, by: usize) {
    let at = Focus::ALL.iter().position(|pane| *pane == app.focus).unwrap_or(0);
    let count = Focus::ALL.len();
    app.focus = Focus::ALL[(at + by) % count];
    // What is out of sight has a key of its own.
    if app.focus == Focus::Experiments && app.side_pane().is_hidden {
        app.focus = Focus::ALL[(at + 2 * by) % count];
    }
}
