//! Which run of the open experiment is best, as far as that is known, how it is shown, and marks on it.
//!
//! State: [`Best`], as `app.best`: the policies that the user chose, the last choice, the runs above others that it needs.
//! The core calls [`Best::follow`] after every message, and `update` for keys and answers; other features ask [`Best`] which run
//! has which sign.

pub mod actions;
pub mod effects;
pub mod leaderboard;
pub mod marking;
pub mod update;

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::catalog::filter::RowSet;
use crate::catalog::summaries::NeededHistory;
use crate::catalog::view::Projection;
use crate::catalog::{Catalog, Row};
use crate::marking::{MarkPlan, MarkRequest, judged_by};
use crate::mlflow::{ExperimentId, RunId, Tag, tags};
use crate::select::{
    Ancestors, MetricGoal, Patterns, Policy, Resolved, Selection, further_metrics, missing_parents,
    newest_metrics, optuna_directions, reason, resolve, select_among,
};
use crate::store::StoreError;
use crate::text;
use crate::tui::core::app::Runs;
use crate::tui::core::remote::{Remote, Ticket};
use crate::tui::core::signs::{RunSign, is_marked};
use effects::Effect;
use leaderboard::Trends;

/// Runs that are ranked.
const TOP: usize = 50;
/// Runs above others that are looked for beside those in the table.
const MOST_ANCESTORS: usize = 10_000;
/// Milliseconds until they are looked for again where that failed.
const NEXT_TRY: i64 = 300_000;

/// What tasks bring back.
#[derive(Debug, Clone)]
pub enum Msg {
    /// The policy, and what came of it.
    Selected {
        ticket: Ticket,
        chosen: Box<Chosen>,
        /// Runs above others that nobody has looked for.
        missing: Vec<RunId>,
    },
    /// Runs above others that were looked for.
    Ancestors { experiment: ExperimentId, asked: Vec<RunId>, result: Result<Arc<Catalog>, StoreError> },
    /// How the metric of ranked runs went.
    Trends { ticket: Ticket, trends: Trends },
    /// A mark was made or undone.
    Marked(Result<Marked, Unmarked>),
    /// What a mark would write.
    Planned(Result<Box<Preview>, StoreError>),
}

/// What a mark would write, before it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    pub request: MarkRequest,
    pub plan: MarkPlan,
    /// The metric of the run and of the champion, and what the gate says, in words.
    pub judged: Vec<String>,
}

/// What came of choosing the best run.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// What it was chosen from.
    pub catalog: Arc<Catalog>,
    /// What the tags of its runs say of directions.
    pub directions: Vec<MetricGoal>,
    pub resolved: Resolved,
    pub selection: Option<Arc<Selection>>,
    /// The choice among the runs that the filter lets pass.
    pub shown: Option<Arc<Selection>>,
}

/// What came of a mark, or of undoing one.
#[derive(Debug, Clone, PartialEq)]
pub struct Marked {
    /// What of it is known before the store is read anew.
    pub champion: Option<Champion>,
    /// In words.
    pub messages: Vec<String>,
}

/// Whether a run is marked best.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Champion {
    pub run: RunId,
    pub holds: bool,
}

/// A mark that was not made or not undone.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmarked {
    pub error: StoreError,
    pub is_undo: bool,
    /// Some of it may be written, and the next start finishes it.
    pub is_begun: bool,
}

#[derive(Debug, Default)]
pub struct Best {
    /// The policies that the user chose, by experiment.
    pub policies: HashMap<ExperimentId, Policy>,
    pub fetched: Remote<Chosen>,
    /// Runs above others that the table does not have.
    ancestors: Arc<Ancestors>,
    id: Option<String>,
    /// The best of the runs that are shown, where that is another one.
    shown_id: Option<String>,
    front: FxHashSet<String>,
    asked: Option<AskedPolicy>,
    looking: Looking,
    /// How the metric of ranked runs went, where that was read for the leaderboard.
    trends: Remote<Trends>,
    /// What was just marked or undone, and the runs as they were then.
    champion: Option<(Champion, Arc<Catalog>)>,
}

/// Whether runs above others are being looked for.
#[derive(Debug, Default, PartialEq, Eq)]
enum Looking {
    #[default]
    No,
    /// Those that are asked for.
    For(Vec<RunId>),
    /// It failed; there is no other try before then, in milliseconds since the epoch.
    Not { before: i64 },
    /// It failed, and somebody asked to look again.
    Again,
}

/// What a selection was asked for.
#[derive(Debug)]
struct AskedPolicy {
    experiment: ExperimentId,
    catalog: Arc<Catalog>,
    tags: Vec<Tag>,
    chosen: Option<Policy>,
    ancestors: Arc<Ancestors>,
    among: Option<Arc<Projection>>,
}

impl Best {
    pub fn new(policies: HashMap<ExperimentId, Policy>) -> Self {
        Self { policies, ..Self::default() }
    }

    /// Whether a run is marked best: by its tags, or by what was written since they were read.
    pub fn is_marked(&self, catalog: &Arc<Catalog>, row: Row) -> bool {
        let news = self.champion.as_ref().filter(|(_, as_of)| Arc::ptr_eq(as_of, catalog));
        match news {
            Some((champion, _)) if catalog.run_id(row) == champion.run.as_str() => champion.holds,
            // One run holds the mark.
            Some((champion, _)) if champion.holds => false,
            Some(_) | None => is_marked(catalog, row),
        }
    }

    /// Whether a mark was made here.
    pub fn has_marked(&self) -> bool {
        self.champion.as_ref().is_some_and(|(champion, _)| champion.holds)
    }

    /// A mark was made or undone.
    pub fn set_champion(&mut self, champion: Option<Champion>, catalog: &Arc<Catalog>) {
        self.champion = champion.map(|champion| (champion, Arc::clone(catalog)));
    }

    pub fn run_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The best of the runs that are shown, where the best of all is not among them.
    pub fn shown_id(&self) -> Option<&str> {
        self.shown_id.as_deref()
    }

    /// What is told of a run of the open experiment.
    pub fn sign(&self, run_id: &str) -> Option<RunSign> {
        if self.id.as_deref() == Some(run_id) {
            Some(RunSign::Best)
        } else if self.shown_id.as_deref() == Some(run_id) {
            Some(RunSign::BestShown)
        } else if self.front.contains(run_id) {
            Some(RunSign::Front)
        } else {
            None
        }
    }

    /// A run's name, cleaned, with a star before it if it is the best.
    pub fn starred(&self, run: &RunId, name: &str, star: &str) -> String {
        let star = if self.run_id() == Some(run.as_str()) { star } else { "" };
        format!("{star}{}", text::clean(name))
    }

    pub fn chosen(&self) -> Option<&Chosen> {
        self.fetched.value()
    }

    /// Whether the best run of the open experiment is looked for and was not told yet.
    pub fn is_first_awaited(&self) -> bool {
        self.chosen().is_none() && (self.fetched.is_waiting() || self.asked.is_none())
    }

    /// Whether the best of what is shown is still that of other runs.
    pub fn is_behind(&self, runs: &Runs) -> bool {
        let asked = self.asked.as_ref().and_then(|asked| asked.among.as_ref());
        let is_asked = match (asked, runs.projection.passed.is_some()) {
            (Some(asked), true) => Arc::ptr_eq(asked, &runs.projection),
            (None, false) => true,
            (Some(_), false) | (None, true) => false,
        };
        !is_asked || self.fetched.is_waiting()
    }

    pub fn selection(&self) -> Option<&Arc<Selection>> {
        self.chosen()?.selection.as_ref()
    }

    pub fn policy(&self) -> Option<&Policy> {
        match self.chosen().map(|chosen| &chosen.resolved) {
            Some(Resolved::Policy(policy, _)) => Some(policy),
            _ => None,
        }
    }

    /// The histories that it takes to tell.
    pub fn needed_histories(&self) -> Vec<NeededHistory> {
        self.policy().map(Policy::needed_histories).unwrap_or_default()
    }

    /// Takes an answer in; false if it is late.
    pub fn take(&mut self, ticket: Ticket, chosen: Chosen, now: i64) -> bool {
        if !self.fetched.awaits(ticket) {
            return false;
        }
        let Chosen { catalog, selection, shown, .. } = &chosen;
        let id = |row: Row| catalog.run_id(row).to_owned();
        let best = |selection: &Option<Arc<Selection>>| Some(selection.as_ref()?.best()?.row);
        self.id = best(selection).map(id);
        self.shown_id = best(shown).filter(|row| Some(*row) != best(selection)).map(id);
        let front = selection.as_ref().map(|selection| selection.front.iter().copied().map(id).collect());
        self.front = front.unwrap_or_default();
        self.fetched.take(ticket, Ok(chosen), now)
    }

    /// Asks for runs above others, as far as nobody has asked and there are not too many. One question at a time: the
    /// selection that follows the answer tells what is still missing.
    pub fn ask_for(&mut self, mut missing: Vec<RunId>, now: i64) -> Option<Effect> {
        let may_ask = match self.looking {
            Looking::No | Looking::Again => true,
            Looking::For(_) => false,
            Looking::Not { before } => now >= before,
        };
        let experiment = self.asked.as_ref().filter(|_| may_ask)?.experiment.clone();
        missing.truncate(MOST_ANCESTORS.saturating_sub(self.ancestors.len()));
        if missing.is_empty() {
            return None;
        }
        self.looking = Looking::For(missing.clone());
        Some(Effect::ReadAncestors { experiment, runs: missing })
    }

    /// Runs above others could not be read. False if nobody waits for them any more.
    pub fn not_found(&mut self, asked: &[RunId], now: i64) -> bool {
        let is_awaited = matches!(&self.looking, Looking::For(runs) if runs == asked);
        if is_awaited {
            self.looking = Looking::Not { before: now + NEXT_TRY };
        }
        is_awaited
    }

    /// Somebody asks to look again: what failed is tried once more.
    pub fn again(&mut self) {
        if matches!(self.looking, Looking::Not { .. }) {
            self.looking = Looking::Again;
        }
    }

    /// Takes in which runs are above those that were asked for; those that were not found are above nothing.
    pub fn learn(&mut self, asked: Vec<RunId>, found: &Catalog) {
        if matches!(&self.looking, Looking::For(runs) if *runs == asked) {
            self.looking = Looking::No;
        }
        let parents = found.tags.column(&found.texts, tags::PARENT_RUN_ID);
        let parent = |row: Row| Some(RunId::from(found.texts.get(parents?.get(row)?)));
        let ancestors = Arc::make_mut(&mut self.ancestors);
        ancestors.extend(asked.into_iter().map(|id| (id, None)));
        ancestors.extend(found.rows().map(|row| (RunId::from(found.run_id(row)), parent(row))));
    }

    /// What the status line says in so many cells: the best run, or why there is none. Long names lose their middles rather than
    /// the line its end, as far as that helps.
    pub fn words(&self, is_complete: bool, cells: usize, ellipsis: &str) -> Option<String> {
        let mut words = None;
        for room in [usize::MAX, 48, 32, 24, 16] {
            words = self
                .words_with(is_complete, &|name| text::without_middle(&text::clean(name), room, ellipsis));
            if words.as_ref().is_none_or(|words| text::width(words) <= cells) {
                break;
            }
        }
        words
    }

    fn words_with(&self, is_complete: bool, named: &dyn Fn(&str) -> String) -> Option<String> {
        let so_far = if is_complete { "" } else { ", so far" };
        let Chosen { catalog, resolved, selection, shown, .. } = self.chosen()?;
        match (resolved, selection) {
            (Resolved::Policy(..), Some(selection)) => Some(match selection.best() {
                Some(best) => {
                    let name = named(catalog.run_name(best.row));
                    let of_all = |why: bool| {
                        let why = if why { reason::short(selection) } else { text::number(best.values[0]) };
                        format!("{name}, {why}{so_far}")
                    };
                    match shown.as_ref().map(|shown| (shown, shown.best())) {
                        Some((shown, Some(of_shown))) if of_shown.row != best.row => format!(
                            "best of the {} shown: {}, {}; of all: {}",
                            text::count(shown.considered),
                            named(catalog.run_name(of_shown.row)),
                            reason::short(shown),
                            of_all(false)
                        ),
                        Some((shown, None)) if shown.considered == 0 => {
                            format!("no run is shown; best of all: {}", of_all(true))
                        }
                        Some((shown, None)) => format!(
                            "none of the {} shown is eligible; best of all: {}",
                            text::count(shown.considered),
                            of_all(true)
                        ),
                        Some(_) | None => format!("best: {}", of_all(true)),
                    }
                }
                None if selection.considered == 0 => return None,
                None => {
                    let out = reason::left_out(&selection.left_out).join(", ");
                    format!("no run is eligible by the {}: {out}{so_far}", reason::aim(&selection.policy))
                }
            }),
            (Resolved::Undirected(metric, _), _) => Some(format!(
                "whether less or more of {} is better is not known: m says",
                text::clean(metric)
            )),
            (Resolved::Open, _) if !catalog.metrics.is_empty() => {
                Some("no metric tells by its name which run is best: m chooses one".into())
            }
            _ => None,
        }
    }
}

/// Resolves the policy of an experiment, and chooses. Takes milliseconds where there are many runs.
pub fn choose(
    ticket: Ticket,
    catalog: Arc<Catalog>,
    chosen: Option<Policy>,
    tags: &[Tag],
    patterns: &Patterns,
    ancestors: &Ancestors,
    among: Option<&RowSet>,
) -> Msg {
    // A policy that was chosen needs no metrics to be found.
    let counts = if chosen.is_some() { Vec::new() } else { newest_metrics(&catalog) };
    let directions = optuna_directions(&catalog);
    let resolved = resolve(chosen, tags, patterns, &counts, judged_by(tags).as_ref(), &directions);
    let select = |among: Option<&RowSet>| {
        let Resolved::Policy(policy, _) = &resolved else { return None };
        let mut selection = select_among(&catalog, policy, &[], ancestors, TOP, among);
        if !selection.undecided.is_empty() {
            let further = further_metrics(&catalog, patterns);
            selection = select_among(&catalog, policy, &further, ancestors, TOP, among);
        }
        Some(Arc::new(selection))
    };
    let selection = select(None);
    let shown = among.and_then(|among| select(Some(among)));
    let missing = missing_parents(&catalog, ancestors);
    let chosen = Chosen { catalog, directions, resolved, selection, shown };
    Msg::Selected { ticket, chosen: Box::new(chosen), missing }
}

impl Best {
    /// Asks for a selection where anything that it depends on is another. `tags` are those of the open experiment.
    pub fn follow(&mut self, runs: &Runs, tags: &[Tag]) -> Option<Effect> {
        let experiment = runs.experiment.clone()?;
        if self.asked.as_ref().is_some_and(|asked| asked.experiment != experiment) {
            *self = Self {
                policies: std::mem::take(&mut self.policies),
                fetched: std::mem::take(&mut self.fetched).forgotten(),
                ..Self::default()
            };
        }
        if !runs.loaded {
            return None;
        }
        let chosen = self.policies.get(&experiment);
        let among = runs.projection.passed.is_some().then_some(&runs.projection);
        let is_asked = self.looking != Looking::Again
            && self.asked.as_ref().is_some_and(|asked| {
                Arc::ptr_eq(&asked.catalog, &runs.catalog)
                    && Arc::ptr_eq(&asked.ancestors, &self.ancestors)
                    && asked.tags == tags
                    && asked.chosen.as_ref() == chosen
                    && match (&asked.among, among) {
                        (Some(asked), Some(now)) => Arc::ptr_eq(asked, now),
                        (asked, now) => asked.is_none() && now.is_none(),
                    }
            });
        if is_asked {
            return None;
        }
        let chosen = chosen.cloned();
        let catalog = Arc::clone(&runs.catalog);
        let ticket = self.fetched.ask();
        if self.looking == Looking::Again {
            self.looking = Looking::No;
        }
        let effect = Effect::Select {
            ticket,
            catalog: Arc::clone(&catalog),
            tags: tags.to_vec(),
            chosen: chosen.clone().map(Box::new),
            ancestors: Arc::clone(&self.ancestors),
            among: among.cloned(),
        };
        self.asked = Some(AskedPolicy {
            experiment,
            catalog,
            tags: tags.to_vec(),
            chosen,
            ancestors: Arc::clone(&self.ancestors),
            among: among.cloned(),
        });
        Some(effect)
    }
}
