//! Which models and versions are shown, and in which order.

use std::cmp::Ordering;
use std::sync::Arc;

use super::screen::ModelsScreen;
use crate::mlflow::{ModelVersion, RegisteredModel};
use crate::promotion::tag_words;
use crate::select::Goal;
use crate::tui::widgets::cursor::Cursor;

/// Characters of a description that are searched.
const SEARCHED: usize = 10_000;

/// What versions are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionOrder {
    #[default]
    Newest,
    /// By the metric that they are compared by.
    Best,
    /// Those with an alias come first.
    Aliased,
    Oldest,
}

impl VersionOrder {
    /// The next one; without a metric that is none by it.
    pub fn next(self, has_metric: bool) -> Self {
        match self {
            Self::Newest if has_metric => Self::Best,
            Self::Newest | Self::Best => Self::Aliased,
            Self::Aliased => Self::Oldest,
            Self::Oldest => Self::Newest,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Newest => "newest first",
            Self::Best => "best first",
            Self::Aliased => "with aliases first",
            Self::Oldest => "oldest first",
        }
    }
}

/// The words of a search, in small letters.
pub fn words_of(typed: &str) -> Vec<String> {
    typed.to_lowercase().split_whitespace().map(|word| word.trim_start_matches('@').to_owned()).collect()
}

/// Whether each of the words is in one of the texts.
fn holds(words: &[String], texts: &[String]) -> bool {
    words.iter().all(|word| texts.iter().any(|text| text.contains(word.as_str())))
}

fn described(text: &str) -> String {
    text.chars().take(SEARCHED).collect::<String>().to_lowercase()
}

/// Whether a model has all of these words in its name, aliases, tags or description.
pub fn is_found(model: &RegisteredModel, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let mut texts = vec![model.name.to_lowercase(), described(&model.description)];
    texts.extend(model.aliases.iter().map(|(alias, _)| alias.to_lowercase()));
    texts.extend(tag_words(&model.tags).map(|words| words.to_lowercase()));
    holds(words, &texts)
}

impl ModelsScreen {
    /// Whether a version has all of these words in what is told of it.
    fn finds(&self, version: &ModelVersion, words: &[String]) -> bool {
        let mut texts = vec![format!("v{}", version.version), described(&version.description)];
        texts.extend(version.aliases.iter().map(|alias| alias.to_lowercase()));
        texts.extend(tag_words(&version.tags).map(|words| words.to_lowercase()));
        texts.push(version.user_id.to_lowercase());
        texts.extend(version.stage().map(str::to_lowercase));
        texts.extend(version.run_id.iter().map(|run| run.as_str().to_lowercase()));
        let run = self.origins.get(&version.version).and_then(|origin| origin.run.as_ref());
        texts.extend(run.map(|run| run.run_name.to_lowercase()));
        holds(words, &texts)
    }

    /// Whether only versions are shown that have some words.
    pub fn looks_for_versions(&self) -> bool {
        !words_of(self.version_words.value()).is_empty()
    }

    /// Finds which versions are shown; the cursor stays on its own.
    pub fn arrange_versions(&mut self) {
        let before = self.version().map(|version| version.version);
        let words = words_of(self.version_words.value());
        self.arranged = match self.versions.value() {
            Some(all) if !(words.is_empty() && self.version_order == VersionOrder::Newest) => {
                let mut found: Vec<&ModelVersion> =
                    all.iter().filter(|version| self.finds(version, &words)).collect();
                self.sort(&mut found);
                Some(Arc::new(found.into_iter().cloned().collect()))
            }
            Some(_) | None => None,
        };
        let at = self.versions().iter().position(|version| Some(version.version) == before);
        let last = self.versions().len().saturating_sub(1);
        self.version_cursor.at = at.unwrap_or(self.version_cursor.at).min(last);
    }

    fn sort(&self, versions: &mut [&ModelVersion]) {
        match self.version_order {
            VersionOrder::Newest => {}
            VersionOrder::Oldest => versions.reverse(),
            VersionOrder::Aliased => versions.sort_by_key(|version| version.aliases.is_empty()),
            VersionOrder::Best => {
                let goal = self.goal.as_ref().map_or(Goal::Minimize, |goal| goal.goal);
                versions.sort_by(|a, b| by_value(self.value(a.version), self.value(b.version), goal));
            }
        }
    }

    /// Other versions are shown from now on: nothing is searched among them yet.
    pub fn forget_arrangement(&mut self) {
        self.version_words.reset();
        self.arranged = None;
        self.version_cursor = Cursor::default();
    }
}

/// The better value first, and those without one last.
fn by_value(a: Option<f64>, b: Option<f64>, goal: Goal) -> Ordering {
    let known = |value: Option<f64>| value.filter(|value| !value.is_nan());
    match (known(a), known(b)) {
        (Some(a), Some(b)) => match goal {
            Goal::Minimize => a.total_cmp(&b),
            Goal::Maximize => b.total_cmp(&a),
        },
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}
