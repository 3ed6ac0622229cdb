//! What was done to a registered model and by whom: promotions, and changes by hand.

use super::log::{Log, Promotion, undone_by};
use crate::mlflow::RegisteredModel;
use crate::registry::history::{Event, edits};

/// All that was done to a model, the newest first.
pub fn history(model: &RegisteredModel) -> Vec<Event> {
    let log = Log::of(&model.tags);
    let promoted = log.promotions.iter().map(|promotion| Event {
        id: promotion.id.clone(),
        at: promotion.at,
        by: promotion.by.clone(),
        words: promoted(promotion, undone_by(&model.tags, &promotion.id)),
    });
    let mut all = edits(&model.tags);
    all.extend(promoted);
    all.sort_by(|a, b| b.id.cmp(&a.id));
    all
}

fn promoted(promotion: &Promotion, undone_by: Option<&str>) -> String {
    let version = promotion.version.map_or("a version".to_owned(), |version| format!("v{version}"));
    let mut words = format!("{version} promoted to {}", promotion.role());
    let before = promotion.alias_before(&promotion.role).filter(|_| !promotion.is_stage);
    if let Some(before) = before {
        words.push_str(&format!(", which was v{before}"));
    }
    if !promotion.gate.is_empty() {
        words.push_str(&format!("; gate: {}", promotion.gate));
    }
    if !promotion.why.is_empty() {
        words.push_str(&format!("; {}", promotion.why));
    }
    match undone_by {
        Some("") => words.push_str("; undone since"),
        Some(by) => words.push_str(&format!("; undone by {by}")),
        None if !promotion.done => words.push_str("; not finished"),
        None => {}
    }
    words
}
