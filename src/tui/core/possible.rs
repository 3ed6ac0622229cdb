//! Whether an action can be done now, or why not: what several features ask. What is not possible is not shown, and a key
//! for it says why.

use super::app::App;
use super::layout::Focus;

/// Nothing, or the reason in words for the status line.
pub type Possible = Result<(), &'static str>;

/// For what is always possible.
pub fn always(_: &App) -> Possible {
    Ok(())
}

/// Nothing to say against it if a condition holds.
pub fn given(condition: bool, otherwise: &'static str) -> Possible {
    if condition { Ok(()) } else { Err(otherwise) }
}

/// The store takes writes.
pub fn can_write(app: &App) -> Possible {
    given(!app.read_only, "the store is opened read-only")
}

/// The table of runs has the keys.
pub fn on_runs(app: &App) -> Possible {
    given(app.focus == Focus::Runs, "this works on the runs: press 2 first")
}

/// The same, with an experiment in it.
pub fn on_loaded_runs(app: &App) -> Possible {
    on_runs(app)?;
    given(app.runs.loaded, "no experiment is open yet")
}

/// There is a run that something can be done to: the selected ones, or those under the cursor.
pub fn has_target(app: &App) -> Possible {
    let is_there = app.runs.length() > 0 || !app.runs.selected.is_empty();
    given(app.focus != Focus::Experiments && is_there, "no run under the cursor")
}
