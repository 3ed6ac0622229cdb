//! The registry as a screen: which models are shown, and what is known of the one under the cursor.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::arranging::{VersionOrder, is_found, words_of};
use crate::files::ModelFolder;
use crate::mlflow::{ModelVersion, RegisteredModel};
use crate::registry::{VersionOrigin, metric_of};
use crate::select::{MetricGoal, Patterns};
use crate::store::StoreError;
use crate::text;
use crate::text::order::natural;
use crate::tui::core::remote::{Remote, Ticket};
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::input::Input;

/// The half of the screen that has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModelsPane {
    #[default]
    Models,
    Versions,
}

/// What models are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModelOrder {
    #[default]
    Name,
    /// What was changed last comes first.
    Updated,
    /// Those with an alias come first.
    Aliased,
}

impl ModelOrder {
    pub fn next(self) -> Self {
        match self {
            Self::Name => Self::Updated,
            Self::Updated => Self::Aliased,
            Self::Aliased => Self::Name,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "by name",
            Self::Updated => "last changed first",
            Self::Aliased => "with aliases first",
        }
    }
}

/// When something was asked for last, and how much had been written by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Freshness {
    pub asked: i64,
    pub writes: u64,
    /// Milliseconds until the answer was there.
    pub took: i64,
}

impl Freshness {
    /// The answer is there. What is to be asked for again at once has no time.
    pub fn answered(&mut self, now: i64) {
        if self.asked > 0 {
            self.took = now - self.asked;
        }
    }
}

#[derive(Debug, Default)]
pub struct ModelsScreen {
    pub models: Remote<Arc<Vec<RegisteredModel>>>,
    pub models_asked: Freshness,
    /// Pages are still on their way.
    pub is_partial: bool,
    pub words: Input,
    pub order: ModelOrder,
    /// The models that are shown, in their order.
    pub shown: Vec<usize>,
    pub cursor: Cursor,
    /// The name under the cursor: it stays there when others come and go.
    pub chosen: Option<String>,
    pub pane: ModelsPane,
    /// Opened on one version: esc goes back to where it was opened.
    pub is_direct: bool,
    pub versions: Remote<Arc<Vec<ModelVersion>>>,
    pub versions_asked: Freshness,
    /// The model that they are of.
    pub of: Option<String>,
    pub version_cursor: Cursor,
    /// What is searched among them, and how they are sorted.
    pub version_words: Input,
    pub version_order: VersionOrder,
    /// Those that are found, in their order, where not all of them are shown from the newest on.
    pub arranged: Option<Arc<Vec<ModelVersion>>>,
    /// The version, or the one that an alias points to, to go to as soon as it is listed.
    pub leads_to: Option<u64>,
    pub leads_to_alias: Option<String>,
    /// The model was named on the command line, and is not listed yet.
    pub is_named: bool,
    /// What was to be shown and is not there.
    pub missing: Option<String>,
    /// What versions were made from, by number.
    pub origins: FxHashMap<u64, VersionOrigin>,
    pub reading_origins: Remote<()>,
    /// Those that need not be read again yet.
    pub fresh: FxHashSet<u64>,
    /// The files of the version under the cursor, and which one that is.
    pub folder: Remote<ModelFolder>,
    pub folder_of: Option<(String, u64)>,
    /// The address of the file that was read last.
    pub last_file: Option<String>,
    /// The metric that versions are compared by.
    pub goal: Option<MetricGoal>,
    /// Somebody chose it.
    pub is_chosen: bool,
}

impl ModelsScreen {
    /// The registry, with the cursor on a model, or on one of its versions.
    pub fn at(model: Option<String>, version: Option<u64>) -> Self {
        let pane = if version.is_some() { ModelsPane::Versions } else { ModelsPane::Models };
        Self { chosen: model, pane, is_direct: version.is_some(), leads_to: version, ..Self::default() }
    }

    /// The registry, with the cursor on the version that an alias points to.
    pub fn at_alias(model: String, alias: String) -> Self {
        let leads_to_alias = Some(alias);
        let (chosen, pane) = (Some(model), ModelsPane::Versions);
        Self { chosen, pane, is_direct: true, leads_to_alias, ..Self::default() }
    }

    /// What is being read is not waited for; it is asked for anew when the screen is there again.
    pub fn stop_reading(&mut self) {
        self.models.cancel();
        self.versions.cancel();
        self.reading_origins.cancel();
        if self.folder.is_waiting() {
            self.folder.forget();
            self.folder_of = None;
        }
        (self.models_asked, self.versions_asked) = (Freshness::default(), Freshness::default());
    }

    /// Takes models that came; false if they come too late.
    pub fn take_models(
        &mut self,
        ticket: Ticket,
        is_whole: bool,
        result: Result<Vec<RegisteredModel>, StoreError>,
        now: i64,
    ) -> bool {
        let result = result.map(Arc::new);
        let is_taken = if is_whole || result.is_err() {
            self.models.take(ticket, result, now)
        } else {
            self.models.hear(ticket, result, now)
        };
        if is_taken {
            self.is_partial = !is_whole;
            self.arrange();
        }
        is_taken
    }

    /// Finds which models are shown, and keeps the cursor on its own.
    pub fn arrange(&mut self) {
        let Some(models) = self.models.value() else { return };
        let words = words_of(self.words.value());
        let mut shown: Vec<usize> = (0..models.len()).filter(|at| is_found(&models[*at], &words)).collect();
        match self.order {
            ModelOrder::Name => shown.sort_by(|a, b| natural(&models[*a].name, &models[*b].name)),
            ModelOrder::Updated => {
                shown.sort_by_key(|at| std::cmp::Reverse(models[*at].last_updated_time));
            }
            ModelOrder::Aliased => shown.sort_by(|a, b| {
                let of = |at: &usize| models[*at].aliases.is_empty();
                of(a).cmp(&of(b)).then_with(|| natural(&models[*a].name, &models[*b].name))
            }),
        }
        let find = |name: Option<&String>| shown.iter().position(|at| Some(&models[*at].name) == name);
        // A name may have an @ of its own: the whole is looked for first.
        let whole = self.chosen.as_ref().zip(self.leads_to_alias.as_ref().filter(|_| self.is_named));
        let whole = whole.map(|(name, alias)| format!("{name}@{alias}"));
        let at_whole = find(whole.as_ref());
        let at =
            at_whole.or_else(|| find(self.chosen.as_ref()).filter(|_| whole.is_none() || !self.is_partial));
        if at_whole.is_some() {
            (self.chosen, self.leads_to_alias, self.is_direct) = (whole, None, false);
            self.pane = ModelsPane::Models;
        }
        self.shown = shown;
        match at {
            Some(at) => self.cursor.at = at,
            // One that is wanted may be on a page that is still to come.
            None if self.is_partial && self.chosen.is_some() => {}
            None => {
                if let Some(name) = self.chosen.as_ref().filter(|_| self.is_named) {
                    self.missing = Some(format!("there is no model {}", text::clean(name)));
                    self.pane = ModelsPane::Models;
                    (self.leads_to, self.leads_to_alias) = (None, None);
                }
                self.moved();
            }
        }
        self.is_named &= self.is_partial && at.is_none();
    }

    /// The cursor is on another model, or its model is gone.
    pub fn moved(&mut self) {
        self.cursor.at = self.cursor.at.min(self.shown.len().saturating_sub(1));
        self.chosen = self.model().map(|model| model.name.clone());
        self.is_direct = false;
    }

    /// The model under the cursor.
    pub fn model(&self) -> Option<&RegisteredModel> {
        let models = self.models.value()?;
        models.get(*self.shown.get(self.cursor.at)?)
    }

    /// The versions of the model under the cursor, the newest first.
    pub fn all_versions(&self) -> &[ModelVersion] {
        let is_it = self.of.is_some() && self.of == self.chosen;
        self.versions.value().filter(|_| is_it).map_or(&[], |versions| versions.as_slice())
    }

    /// Those of them that are shown, in their order.
    pub fn versions(&self) -> &[ModelVersion] {
        let is_it = self.of.is_some() && self.of == self.chosen;
        let arranged = self.arranged.as_ref().filter(|_| is_it);
        arranged.map_or_else(|| self.all_versions(), |arranged| arranged.as_slice())
    }

    /// The words that are searched where the keys are.
    pub fn searched(&self) -> &Input {
        match self.pane {
            ModelsPane::Models => &self.words,
            ModelsPane::Versions => &self.version_words,
        }
    }

    pub fn searched_mut(&mut self) -> &mut Input {
        match self.pane {
            ModelsPane::Models => &mut self.words,
            ModelsPane::Versions => &mut self.version_words,
        }
    }

    /// Whether it is known which versions the model under the cursor has.
    pub fn knows_versions(&self) -> bool {
        self.of.is_some() && self.of == self.chosen && self.versions.value().is_some()
    }

    /// The version under the cursor.
    pub fn version(&self) -> Option<&ModelVersion> {
        self.versions().get(self.version_cursor.at)
    }

    /// The version whose files are wanted, and were not asked for yet; it counts as asked for from now on.
    pub fn wanted_folder(&mut self) -> Option<(String, u64, Ticket)> {
        let version = self.version().filter(|_| self.pane == ModelsPane::Versions)?;
        let wanted = (version.name.clone(), version.version);
        if self.folder_of.as_ref() == Some(&wanted) {
            return None;
        }
        self.folder.forget();
        self.folder_of = Some(wanted.clone());
        Some((wanted.0, wanted.1, self.folder.ask()))
    }

    /// What is known of the files of a version.
    pub fn folder_of(&self, version: &ModelVersion) -> Option<Result<&ModelFolder, &StoreError>> {
        let (name, number) = self.folder_of.as_ref()?;
        self.folder.answer().filter(|_| *name == version.name && *number == version.version)
    }

    /// The address of the version that has the keys.
    pub fn address(&self) -> Option<String> {
        let version = self.version().filter(|_| self.pane == ModelsPane::Versions)?;
        Some(format!("models:/{}/{}", version.name, version.version))
    }

    /// The versions of another model are wanted from now on.
    pub fn turn_to(&mut self, model: String) {
        self.versions.forget();
        self.reading_origins.forget();
        self.origins.clear();
        self.fresh.clear();
        self.forget_arrangement();
        if !self.is_chosen {
            self.goal = None;
        }
        self.of = Some(model);
    }

    /// Takes versions that came; false if they come too late. The cursor stays on its own.
    pub fn take_versions(
        &mut self,
        ticket: Ticket,
        result: Result<Vec<ModelVersion>, StoreError>,
        now: i64,
    ) -> bool {
        let before = self.leads_to.or_else(|| self.version().map(|version| version.version));
        // One that is wanted is seen.
        if self.leads_to.is_some() {
            self.version_words.reset();
        }
        if !self.versions.take(ticket, result.map(Arc::new), now) {
            return false;
        }
        let leads_to_alias = self.leads_to_alias.take();
        let aliased = leads_to_alias.as_ref().and_then(|alias| Some(self.aliased(alias)?.version));
        let of_alias = leads_to_alias.map(|alias| (aliased, format!("@{}", text::clean(&alias))));
        let of_number = self.leads_to.take().map(|version| (Some(version), format!("v{version}")));
        let before = aliased.or(before);
        self.arrange_versions();
        // What could not be read while the store was away is read now.
        if self.folder.error().is_some_and(StoreError::is_transient) {
            self.folder_of = None;
        }
        let numbers: Vec<u64> = self.versions().iter().map(|version| version.version).collect();
        let at = numbers.iter().position(|version| Some(*version) == before);
        if let Some((number, words)) = of_alias.or(of_number)
            && !number.is_some_and(|number| numbers.contains(&number))
            && self.knows_versions()
        {
            self.missing = Some(format!("no version is {words}"));
        }
        let last = numbers.len().saturating_sub(1);
        self.version_cursor.at = at.unwrap_or(self.version_cursor.at).min(last);
        let known: FxHashSet<u64> = self.all_versions().iter().map(|version| version.version).collect();
        self.origins.retain(|version, _| known.contains(version));
        if known.is_empty() {
            self.pane = ModelsPane::Models;
        }
        true
    }

    /// Takes what versions were made from.
    pub fn take_origins(
        &mut self,
        ticket: Ticket,
        versions: &[u64],
        result: Result<Vec<VersionOrigin>, StoreError>,
        patterns: &Patterns,
        now: i64,
    ) {
        let (origins, outcome) = match result {
            Ok(origins) => (origins, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        if !self.reading_origins.take(ticket, outcome, now) {
            return;
        }
        // What could not be read is asked for when the versions are.
        self.fresh.extend(versions);
        self.origins.extend(versions.iter().copied().zip(origins));
        if !self.is_chosen {
            let known: Vec<VersionOrigin> = self.origins.values().cloned().collect();
            self.goal = metric_of(&known, patterns);
        }
        if self.arranged.is_some() {
            self.arrange_versions();
        }
    }

    /// The version that an alias points to.
    pub fn aliased(&self, alias: &str) -> Option<&ModelVersion> {
        crate::registry::aliased(self.all_versions(), alias)
    }

    /// The value of the metric of a version.
    pub fn value(&self, version: u64) -> Option<f64> {
        self.origins.get(&version)?.value(&self.goal.as_ref()?.metric)
    }

    /// All metrics that are known of versions.
    pub fn metrics(&self) -> Vec<String> {
        let mut keys: Vec<String> =
            self.origins.values().flat_map(|origin| origin.metrics().into_keys()).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}
