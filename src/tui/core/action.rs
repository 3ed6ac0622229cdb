//! Everything that a key can do: one row an action, kept by the feature that it belongs to. Dispatch, footer, help, palette
//! and the table in `docs/keys.md` come from the rows.

use super::app::App;
use super::layer::{Layer, Scope};
pub use super::possible::{Possible, always, can_write, given, has_target, on_loaded_runs, on_runs};
use crate::tui::features::{
    best, charts, compare, datasets, details, experiments, export, files, models, runs, session, sweeps,
};
use crate::tui::widgets::{confirm, help, picker, prompt};

/// What a key stands for, by the feature that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Go(super::go::Action),
    Panes(super::panes::Action),
    Experiments(experiments::actions::Action),
    Details(details::actions::Action),
    Runs(runs::actions::Action),
    Best(best::actions::Action),
    Sweeps(sweeps::actions::Action),
    Compare(compare::actions::Action),
    Charts(charts::actions::Action),
    Export(export::actions::Action),
    Files(files::actions::Action),
    Models(models::actions::Action),
    Datasets(datasets::actions::Action),
    Session(session::actions::Action),
    Help(help::actions::Action),
    Picker(picker::actions::Action),
    Prompt(prompt::actions::Action),
    Search(super::search::Action),
    Confirm(confirm::Action),
}

/// An action as people meet it.
#[derive(Debug)]
pub struct ActionRow {
    pub action: Action,
    /// Its name in `[keys]`, the palette and `docs/keys.md`.
    pub name: &'static str,
    /// Its default keys: one chord, or several one after the other.
    pub keys: &'static [&'static str],
    /// Where its keys mean it. The same key may mean something else elsewhere.
    pub scopes: &'static [Scope],
    /// The word in the footer; empty where it is not worth the room.
    pub hint: &'static str,
    pub help: &'static str,
    /// Its heading in the help.
    pub group: &'static str,
    /// Asked only where one of its scopes is in force.
    pub possible: fn(&App) -> Possible,
}

pub const MOVE: &str = "Move";
pub const PANES: &str = "Panes";
pub const TABLE: &str = "Table";
pub const RUNS: &str = "Runs";
pub const EXPERIMENTS: &str = "Experiments";
pub const FILES: &str = "Files";
pub const TRAIN: &str = "Training";
pub const BEST: &str = "The best run";
pub const COMPARE: &str = "Comparison";
pub const CHARTS: &str = "Charts";
pub const DATASETS: &str = "Data sets";
pub const MODELS: &str = "Registered models";
pub const STORE: &str = "Store";
pub const PROGRAM: &str = "Program";
pub const DIALOGS: &str = "Lists, prompts and questions";

/// All rows, in the order of help and footer.
static TABLES: [&[ActionRow]; 24] = [
    super::go::ROWS,
    details::actions::ROWS,
    runs::actions::TABLE_ROWS,
    runs::actions::SELECTION_ROWS,
    sweeps::actions::ROWS,
    best::actions::ROWS,
    compare::actions::OPENING_ROWS,
    models::actions::ROWS,
    datasets::actions::ROWS,
    runs::actions::WRITING_ROWS,
    experiments::actions::ROWS,
    experiments::actions::PANE_ROWS,
    export::actions::ROWS,
    files::actions::ROWS,
    compare::actions::ROWS,
    charts::actions::ROWS,
    super::panes::ROWS,
    super::go::TAB_ROWS,
    session::actions::ROWS,
    help::actions::ROWS,
    picker::actions::ROWS,
    prompt::actions::ROWS,
    super::search::ROWS,
    confirm::ROWS,
];

/// All rows, in the order of help and footer.
pub fn rows() -> impl Iterator<Item = &'static ActionRow> + Clone {
    TABLES.iter().flat_map(|table| table.iter())
}

impl Action {
    /// The row of an action. Every action has one, which a test shows.
    pub fn row(self) -> Option<&'static ActionRow> {
        rows().find(|row| row.action == self)
    }
}

/// Defines the function that makes the rows of a feature, with what they have in common filled in.
macro_rules! rows_of {
    ($function:ident: $feature:ident, $group:expr, $scopes:expr) => {
        const fn $function(
            action: Action,
            name: &'static str,
            keys: &'static [&'static str],
            hint: &'static str,
            help: &'static str,
            possible: fn(&$crate::tui::core::app::App) -> $crate::tui::core::action::Possible,
        ) -> $crate::tui::core::action::ActionRow {
            let action = $crate::tui::core::action::Action::$feature(action);
            ActionRow { action, name, keys, scopes: $scopes, hint, help, group: $group, possible }
        }
    };
}
pub(in crate::tui) use rows_of;

/// Whether an action can be done now.
///
/// # Errors
/// Why it cannot, in words for the status line.
pub fn possible(app: &App, row: &ActionRow) -> Possible {
    possible_in(app, app.layer(), row)
}

/// The same for a layer that something else may stand over.
///
/// # Errors
/// Why it cannot, in words for the status line.
pub fn possible_in(app: &App, layer: Layer, row: &ActionRow) -> Possible {
    let scopes = layer.scopes();
    if !row.scopes.iter().any(|scope| scopes.contains(scope)) {
        return Err("not available here; esc goes back");
    }
    (row.possible)(app)
}

macro_rules! is_part {
    ($($variant:ident: $part:ty),* $(,)?) => {
        $(impl From<$part> for Action {
            fn from(action: $part) -> Self {
                Self::$variant(action)
            }
        })*
    };
}

is_part! {
    Go: super::go::Action,
    Panes: super::panes::Action,
    Experiments: experiments::actions::Action,
    Details: details::actions::Action,
    Runs: runs::actions::Action,
    Best: best::actions::Action,
    Sweeps: sweeps::actions::Action,
    Compare: compare::actions::Action,
    Charts: charts::actions::Action,
    Export: export::actions::Action,
    Files: files::actions::Action,
    Models: models::actions::Action,
    Datasets: datasets::actions::Action,
    Session: session::actions::Action,
}
