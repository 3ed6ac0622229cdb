//! What leads from pane to pane, and moves the borders between them.

#![deny(clippy::wildcard_enum_match_arm)]

use super::action::{ActionRow, PANES, Possible, always, given, rows_of};
use super::app::App;
use super::layer::Scope;
use super::layout::{BROAD, Focus, with_middle_border, with_side_border};
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
    Arrange,
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
    row(
        Action::Arrange,
        "arrange",
        &["g l"],
        "",
        "details beside the runs, or below them (from 160 columns)",
        is_broad,
    ),
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

fn is_broad(app: &App) -> Possible {
    given(app.size.0 >= BROAD, "below 160 columns the details are always below the runs")
}

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
            let is_hidden = !app.content().hides_experiments;
            app.memory.layout.experiments_hidden = Some(is_hidden);
            app.runs.changed = true;
            if is_hidden && app.focus == Focus::Experiments {
                app.focus = Focus::Runs;
            }
            let said =
                if is_hidden { "1 shows the experiments, g 1 for good" } else { "g 1 hides the experiments" };
            app.status = Some(said.into());
        }
        Action::Arrange => {
            app.memory.layout.is_stacked = !app.memory.layout.is_stacked;
            app.runs.changed = true;
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
            let at = places.details.map_or((0, 0), |area| (area.x, area.y));
            let to = if action == Action::Taller {
                (at.0.saturating_sub(STEP), at.1.saturating_sub(2))
            } else {
                (at.0 + STEP, at.1 + 2)
            };
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
    if app.focus == Focus::Experiments && app.content().hides_experiments {
        app.focus = Focus::ALL[(at + 2 * by) % count];
    }
}
