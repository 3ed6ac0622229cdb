//! The log of promotions, as tags of the registered model, and where its aliases and stages go by it.
//!
//! A promotion lies on what it found: the versions that the aliases pointed to. One that was under way then, or that came in
//! between, is what it lies on instead, so that two who promote at once come to the same end. Undone, it gives way.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::policy::Role;
use crate::mlflow::{ModelStage, Tag};

/// On a registered model, before the id of each promotion, and of each that is undone.
const PROMOTED: &str = "mltui.promotion.";
const UNDONE: &str = "mltui.promotion-undone.";
/// On a version: the promotion that it was registered for.
pub const VERSION_OF: &str = "mltui.promotion";

/// Whether a tag belongs to the logs of promotions, marks and changes, and is not for people to read.
pub fn is_of_log(key: &str) -> bool {
    [VERSION_OF, "mltui.mark", "mltui.unmark.", "mltui.edit."].iter().any(|ours| key.starts_with(ours))
}

/// The tags of users, as texts to be searched: `key=value`.
pub fn tag_words(all: &[Tag]) -> impl Iterator<Item = String> + '_ {
    all.iter().filter(|tag| !is_of_log(&tag.key)).map(|tag| format!("{}={}", tag.key, tag.value))
}

/// By whom a promotion was undone, if it was, by the tags of the model.
pub fn undone_by<'a>(tags: &'a [Tag], id: &str) -> Option<&'a str> {
    tags.iter().find(|tag| tag.key.strip_prefix(UNDONE) == Some(id)).map(|tag| tag.value.as_str())
}

/// Milliseconds after which whoever began something is not at it any more.
const AT_WORK: i64 = 600_000;

/// A promotion: an entry in the log, and in the journal of whoever is at it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Promotion {
    /// The time, so that later ones have greater ids, and something random.
    pub id: String,
    /// The registered model.
    pub model: String,
    /// The version; none until it is registered.
    pub version: Option<u64>,
    /// What a version is registered from, where there is none yet.
    pub source: String,
    /// The run of that.
    pub run_id: Option<String>,
    /// The alias or stage.
    pub role: String,
    /// It is a stage.
    pub is_stage: bool,
    /// The aliases of earlier holders, the newest first.
    pub earlier: Vec<String>,
    /// The alias that the version gives up.
    pub leaves: Option<String>,
    /// What these aliases pointed to before.
    pub before: Vec<(String, Option<u64>)>,
    /// The stages before: its own, and of the others that were in the stage.
    pub stages: Vec<(u64, String)>,
    /// The newest entry then.
    pub follows: String,
    /// Those that were under way then.
    pub open: Vec<String>,
    /// The alias pointed to the version of a promotion that was undone by then: somebody chose it.
    pub by_hand: bool,
    /// The user who promoted.
    pub by: String,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// The reason, in words.
    pub why: String,
    /// What the gate said: `passed`, `failed`, `unknown`; empty where nothing was checked.
    pub gate: String,
    /// Everything is written.
    pub done: bool,
}

impl Promotion {
    /// What it promotes to.
    pub fn role(&self) -> Role {
        match self.role.parse::<ModelStage>() {
            Ok(stage) if self.is_stage => Role::Stage(stage),
            _ => Role::Alias(self.role.clone()),
        }
    }

    /// The entry in the log.
    pub fn entry(&self) -> Tag {
        Tag::new(format!("{PROMOTED}{}", self.id), serde_json::to_string(self).unwrap_or_default())
    }

    /// The entry that it is undone.
    pub fn undone(&self, by: &str) -> Tag {
        Tag::new(format!("{UNDONE}{}", self.id), by)
    }

    /// What an alias pointed to before.
    pub fn alias_before(&self, alias: &str) -> Option<u64> {
        self.before.iter().find(|(known, _)| known == alias).and_then(|(_, version)| *version)
    }

    fn aliases(&self) -> impl Iterator<Item = &String> {
        let role = (!self.is_stage).then_some(&self.role);
        role.into_iter().chain(&self.earlier)
    }
}

/// Versions by alias.
pub type Positions = BTreeMap<String, Option<u64>>;

/// The log of a registered model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    /// The oldest first.
    pub promotions: Vec<Promotion>,
    undone: BTreeSet<String>,
}

impl Log {
    /// Reads it from the model's tags. Entries that cannot be read are none.
    pub fn of(tags: &[Tag]) -> Self {
        let mut log = Self::default();
        for tag in tags {
            if let Some(id) = tag.key.strip_prefix(UNDONE) {
                log.undone.insert(id.to_owned());
            } else if let Some(id) = tag.key.strip_prefix(PROMOTED)
                && let Ok(promotion) = serde_json::from_str::<Promotion>(&tag.value)
                && promotion.id == id
            {
                log.promotions.push(promotion);
            }
        }
        log.promotions.sort_by(|a, b| a.id.cmp(&b.id));
        log
    }

    /// An entry.
    pub fn find(&self, id: &str) -> Option<&Promotion> {
        self.promotions.iter().find(|promotion| promotion.id == id)
    }

    /// The id of the newest; empty where there is none.
    pub fn newest(&self) -> &str {
        self.promotions.last().map_or("", |promotion| promotion.id.as_str())
    }

    /// Whether it was undone.
    pub fn is_undone(&self, id: &str) -> bool {
        self.undone.contains(id)
    }

    /// Those that are under way.
    pub fn open(&self, now: i64) -> Vec<String> {
        let is_open = |it: &&Promotion| !it.done && it.at.saturating_add(AT_WORK) >= now;
        self.promotions.iter().filter(is_open).map(|promotion| promotion.id.clone()).collect()
    }

    fn to<'a>(&'a self, role: &'a Role) -> impl DoubleEndedIterator<Item = &'a Promotion> {
        self.promotions.iter().filter(move |it| it.version.is_some() && it.role() == *role)
    }

    /// The newest promotion to a role that is not undone.
    pub fn holder<'a>(&'a self, role: &'a Role) -> Option<&'a Promotion> {
        self.to(role).rev().find(|promotion| !self.is_undone(&promotion.id))
    }

    fn states(&self, role: &Role) -> Vec<Positions> {
        let all: Vec<&Promotion> = self.to(role).collect();
        let mut states: Vec<Positions> = Vec::with_capacity(all.len());
        for (at, promotion) in all.iter().enumerate() {
            let before = |alias: &String| (alias.clone(), promotion.alias_before(alias));
            let mut under: Positions = promotion.aliases().map(before).collect();
            let is_unseen =
                |older: &&Promotion| older.id > promotion.follows || promotion.open.contains(&older.id);
            // What it found gives way with the promotion that led there.
            let found = promotion.alias_before(&promotion.role);
            let led = all[..at].iter().rposition(|older| found.is_some() && older.version == found);
            let gave_way = led.filter(|on| !promotion.by_hand && self.is_undone(&all[*on].id));
            if let Some(on) = all[..at].iter().rposition(is_unseen).or(gave_way) {
                under.extend(states[on].clone());
            }
            let state = if self.is_undone(&promotion.id) { under } else { moved(promotion, under) };
            states.push(state);
        }
        states
    }

    /// What the aliases of a role are to point to; empty where nobody was promoted to it.
    pub fn expected(&self, role: &Role) -> Positions {
        self.states(role).pop().unwrap_or_default()
    }

    /// The same, as it was before a promotion was undone.
    pub fn expected_if_held(&self, role: &Role, id: &str) -> Positions {
        let mut log = self.clone();
        log.undone.remove(id);
        log.expected(role)
    }

    /// Whether an alias points to the version of a promotion that was undone.
    pub fn is_by_hand(&self, role: &Role, version: Option<u64>) -> bool {
        let last = self.to(role).rev().find(|it| version.is_some() && it.version == version);
        last.is_some_and(|last| self.is_undone(&last.id))
    }

    /// Whether promotions led an alias to where it points.
    pub fn led_to(&self, role: &Role, alias: &str, version: Option<u64>) -> bool {
        version.is_none()
            || self.to(role).any(|it| it.version == version || it.before.iter().any(|(_, at)| *at == version))
            || self.states(role).iter().any(|state| state.get(alias).copied().flatten() == version)
    }

    /// The stages that versions are to be in, by what a promotion and those beside it touched, and the stages that
    /// promotions led them to.
    pub fn expected_stages(&self, role: &Role, mine: &Promotion) -> Vec<(u64, String, Vec<String>)> {
        let Role::Stage(target) = role else { return Vec::new() };
        let is_beside =
            |it: &&Promotion| it.id == mine.id || it.id > mine.follows || mine.open.contains(&it.id);
        let mut touched: Vec<u64> = self.to(role).filter(is_beside).filter_map(|it| it.version).collect();
        touched.extend(mine.stages.iter().map(|(version, _)| *version));
        touched.sort_unstable();
        touched.dedup();
        let holder = self.holder(role);
        let is_of = |it: &Promotion, version: u64| {
            it.version == Some(version) || it.stages.iter().any(|(known, _)| *known == version)
        };
        let wanted = |version: u64| {
            if holder.is_some_and(|holder| holder.version == Some(version)) {
                return Some(target.as_str().to_owned());
            }
            if self.to(role).any(|it| !self.is_undone(&it.id) && is_of(it, version)) {
                return Some(ModelStage::Archived.as_str().to_owned());
            }
            let first = self.to(role).find(|it| is_of(it, version))?;
            first.stages.iter().find(|(known, _)| *known == version).map(|(_, stage)| stage.clone())
        };
        let led = |version: u64| {
            let of = self.to(role).flat_map(|it| &it.stages).filter(move |(known, _)| *known == version);
            let mut led: Vec<String> = of.map(|(_, stage)| stage.clone()).collect();
            led.extend([target.as_str().to_owned(), ModelStage::Archived.as_str().to_owned()]);
            led
        };
        let all = touched.into_iter().filter_map(|version| Some((version, wanted(version)?, led(version))));
        let mut all: Vec<_> = all.collect();
        // A version is there before the others leave.
        all.sort_by_key(|(_, stage, _)| stage != target.as_str());
        all
    }
}

/// A version comes to the front, and those that were there go one further.
fn moved(promotion: &Promotion, mut under: Positions) -> Positions {
    let aliases: Vec<&String> = promotion.aliases().collect();
    let mut were = Vec::new();
    for alias in &aliases {
        let version = under.get(*alias).copied().flatten();
        if version.is_some() && version != promotion.version && !were.contains(&version) {
            were.push(version);
        }
    }
    let mut next = std::iter::once(promotion.version).chain(were);
    for alias in aliases {
        under.insert(alias.clone(), next.next().flatten());
    }
    under
}
