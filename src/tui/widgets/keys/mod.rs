//! What keys that were begun can go on to: shown to who hesitates.

pub mod view;

use crate::tui::core::app::App;

/// Milliseconds in which nobody hesitates.
pub const PATIENCE: i64 = 300;

/// Whether somebody has begun keys and hesitates.
pub fn are_shown(app: &App) -> bool {
    !app.pending.is_empty() && app.now - app.pending_since >= PATIENCE
}

/// The rest of the keys, and what they do.
pub fn choices(app: &App) -> Vec<(String, &'static str)> {
    let begun: Vec<String> = app.pending.iter().map(ToString::to_string).collect();
    let begun = format!("{} ", begun.join(" "));
    let offered = app.offered(app.layer());
    offered
        .flat_map(|(row, keys)| {
            let rests = keys.into_iter().filter_map(|keys| keys.strip_prefix(&begun).map(str::to_owned));
            rests.map(|rest| (rest, row.help)).collect::<Vec<_>>()
        })
        .collect()
}
