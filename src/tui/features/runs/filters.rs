//! Filters that were applied to an experiment, and how one comes back that was taken away.

use super::Runs;
use crate::mlflow::filter::Expression;
use crate::tui::core::app::App;
use crate::tui::core::effect::Effects;
use crate::tui::core::requests::view_changed;

/// Filters that are remembered of an experiment.
const MOST: usize = 50;

/// What was taken away last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cleared {
    words: String,
    filter: String,
}

#[derive(Debug, Default)]
pub struct Filters {
    /// Those that were applied, the newest last.
    pub applied: Vec<String>,
    cleared: Cleared,
}

impl Filters {
    /// Of an earlier visit.
    pub fn of(applied: &[String]) -> Self {
        let newest = applied.len().saturating_sub(MOST);
        Self { applied: applied[newest..].to_vec(), cleared: Cleared::default() }
    }

    fn note(&mut self, text: &str) {
        if !text.is_empty() {
            self.applied.retain(|known| known != text);
            self.applied.push(text.to_owned());
            let over = self.applied.len().saturating_sub(MOST);
            self.applied.drain(..over);
        }
    }
}

impl Runs {
    /// Takes a filter; an empty one takes away what there was.
    pub fn set_filter(&mut self, text: String, filter: Expression) {
        if text.is_empty() {
            self.filters.cleared = Cleared { filter: self.filter_text.clone(), ..Cleared::default() };
        }
        self.filters.note(&text);
        self.filter_text = text;
        self.view.filter = filter;
    }

    /// Takes words and filter away; both can be brought back.
    pub fn clear_filters(&mut self) {
        let cleared =
            Cleared { words: self.words.value().trim().to_owned(), filter: self.filter_text.clone() };
        if cleared != Cleared::default() {
            self.filters.cleared = cleared;
        }
        self.words.reset();
        self.filter_text.clear();
        self.view.words.clear();
        self.view.filter = Expression::default();
    }

    /// The words are about to be taken away.
    pub fn note_words(&mut self) {
        let words = self.words.value().trim();
        if !words.is_empty() {
            self.filters.cleared = Cleared { words: words.to_owned(), ..Cleared::default() };
        }
    }

    /// What can be brought back: what was taken away last, or else the filter before.
    fn lost(&self) -> Option<Cleared> {
        if self.filters.cleared != Cleared::default() {
            return Some(self.filters.cleared.clone());
        }
        let earlier = self.filters.applied.iter().rev().find(|text| **text != self.filter_text)?;
        Some(Cleared { filter: earlier.clone(), ..Cleared::default() })
    }

    pub fn can_bring_back(&self) -> bool {
        self.lost().is_some()
    }
}

/// Takes the filter away, and says how it comes back.
pub fn clear(app: &mut App, effects: &mut Effects) {
    let what = format!("the filter {}", app.runs.filter_text);
    app.runs.set_filter(String::new(), Expression::default());
    tell(app, &what);
    view_changed(app, effects);
}

/// Says the key that brings back what was taken away. The key comes first: the line may be short.
pub fn tell(app: &mut App, what: &str) {
    let keys = app.keymap.keys_of(super::actions::Action::LastFilter.into());
    app.status = keys.first().map(|key| format!("{key} brings back {what}"));
}

/// Brings back what was taken away last.
pub fn bring_back(app: &mut App, effects: &mut Effects) {
    let runs = &mut app.runs;
    let Some(Cleared { words, filter }) = runs.lost() else { return };
    runs.filters.cleared = Cleared::default();
    if !words.is_empty() {
        runs.words = words.clone().into();
        runs.view.words = words;
    }
    if !filter.is_empty() {
        match Expression::parse(&filter) {
            Ok(expression) => runs.set_filter(filter, expression),
            Err(error) => return app.say(format!("the filter {filter} cannot be read: {error}")),
        }
    }
    view_changed(app, effects);
}
