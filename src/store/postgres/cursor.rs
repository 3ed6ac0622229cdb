//! How far the changes of a database have been seen.

use std::sync::Arc;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use super::connection::Connection;
use super::snapshot::Snapshot;
use crate::store::sql::{Link, Numbers};
use crate::store::{ErrorKind, Inner};

/// Part of a table that is looked at again, in pages: several writers fill pages side by side, and some of them were not full.
const MARGIN: i64 = 128;

/// What one look saw.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Look {
    pub snapshot: Snapshot,
    /// The database, by a number that no other one of the server has, nor the same made anew.
    pub identity: (i64, i64),
    /// How many pages each of the tables has that mostly grow at the end.
    pub pages: Pages,
    /// The server's clock, in milliseconds.
    pub time: i64,
}

/// The pages of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pages {
    pub metrics: i64,
    pub params: i64,
    pub tags: i64,
}

impl Pages {
    /// The tables, each with the place from where it is looked at again.
    pub fn ends(self) -> [(&'static str, String); 3] {
        let end = |pages: i64| format!("'({},0)'::tid", (pages - MARGIN).max(0));
        [("metrics", end(self.metrics)), ("params", end(self.params)), ("tags", end(self.tags))]
    }
}

/// Looks at what the database is now: one statement, which reads no table.
pub fn look(connection: &mut Connection) -> Inner<Look> {
    let pages =
        |table: &str| format!("pg_relation_size('{table}'::regclass) / current_setting('block_size')::int");
    let statement = format!(
        "SELECT txid_current_snapshot()::text, 'runs'::regclass::oid::int8, \
         (SELECT oid::int8 FROM pg_catalog.pg_database WHERE datname = current_database()), {}, {}, {}, \
         (extract(epoch FROM clock_timestamp()) * 1000)::int8",
        pages("metrics"),
        pages("params"),
        pages("tags")
    );
    let found = connection.one(&statement, &[], |row| {
        let int = |at| row.int(at).unwrap_or(0);
        Some(Look {
            snapshot: Snapshot::parse(&row.text(0))?,
            identity: (int(1), int(2)),
            pages: Pages { metrics: int(3), params: int(4), tags: int(5) },
            time: int(6),
        })
    })?;
    found.flatten().ok_or_else(|| ErrorKind::Database("a snapshot that is none".into()))
}

/// A way to look for changes that costs so much that it is not always gone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Round {
    /// What it saw last.
    pub seen: Snapshot,
    /// When it may be gone again.
    pub due: Option<Instant>,
    /// It took too long when it was gone last.
    pub is_late: bool,
}

impl Round {
    pub fn is_due(&self, now: &Snapshot) -> bool {
        self.seen != *now && self.due.is_none_or(|due| Instant::now() >= due)
    }
}

/// How far the changes of a database have been seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PgCursor {
    pub look: Look,
    /// Runs themselves.
    pub heads: Round,
    /// All values.
    pub values: Round,
    /// Points, by their time.
    pub points: Round,
    /// The server's clock when they were looked for last, in milliseconds.
    pub points_time: i64,
    /// The runs of the experiment that are in view.
    pub known: Arc<Known>,
    /// The keys of all metrics, as long as they are few; none before they were looked for.
    pub keys: Option<Arc<Vec<String>>>,
    /// How many tags they have, where all are read.
    pub tags: Option<Arc<TagCounts>>,
}

/// How many rows of tags there are, by how the ids of their runs begin. A tag that is deleted leaves nothing else behind.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TagCounts(FxHashMap<String, i64>);

impl TagCounts {
    /// Letters of an id that tell apart: of 100,000 runs some 25 begin in one way.
    pub const LETTERS: usize = 3;

    fn beginning(id: &str) -> &str {
        id.char_indices().nth(Self::LETTERS).map_or(id, |(end, _)| &id[..end])
    }

    /// So many more tags of runs that begin so.
    pub fn add(&mut self, id: &str, count: i64) {
        if count > 0 {
            *self.0.entry(Self::beginning(id).to_owned()).or_default() += count;
        }
    }

    /// The runs among these of whose tags some are gone: of those that were counted before, other than `left` are there now.
    pub fn gone<'a>(
        &'a self,
        left: &'a Self,
        ids: impl Iterator<Item = String> + 'a,
    ) -> impl Iterator<Item = String> + 'a {
        ids.filter(|id| {
            let beginning = Self::beginning(id);
            self.0.get(beginning).unwrap_or(&0) != left.0.get(beginning).unwrap_or(&0)
        })
    }
}

/// Ids of runs as they take the least room.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known {
    by_hex: FxHashSet<u128>,
    others: FxHashSet<String>,
}

impl Known {
    pub fn len(&self) -> usize {
        self.by_hex.len() + self.others.len()
    }

    pub fn insert(&mut self, id: &str) {
        match Numbers::hex(id) {
            Some(hex) => drop(self.by_hex.insert(hex)),
            None => drop(self.others.insert(id.to_owned())),
        }
    }

    pub fn remove(&mut self, id: &str) {
        match Numbers::hex(id) {
            Some(hex) => drop(self.by_hex.remove(&hex)),
            None => drop(self.others.remove(id)),
        }
    }

    pub fn ids(&self) -> impl Iterator<Item = String> {
        self.by_hex.iter().map(|hex| format!("{hex:032x}")).chain(self.others.iter().cloned())
    }
}

impl PgCursor {
    /// Before anything that is written after a look.
    pub fn at(look: Look, known: Known, tags: Option<TagCounts>) -> Self {
        let round = Round { seen: look.snapshot.clone(), ..Round::default() };
        let tags = tags.map(Arc::new);
        Self {
            points_time: look.time,
            look,
            heads: round.clone(),
            values: round.clone(),
            points: round,
            known: Arc::new(known),
            keys: None,
            tags,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_whose_tags_are_gone_are_found_by_how_they_begin() {
        let counts = |of: &[(&str, i64)]| {
            let mut counts = TagCounts::default();
            for (id, count) in of {
                counts.add(id, *count);
            }
            counts
        };
        let before = counts(&[("abc1", 2), ("abc2", 3), ("abd", 1), ("ü", 1)]);
        let ids = || ["abc1", "abc2", "abd", "ü", "new"].into_iter().map(str::to_owned);
        let gone = |left: &TagCounts| before.gone(left, ids()).collect::<Vec<_>>();
        assert!(gone(&counts(&[("abc", 5), ("abd", 1), ("ü", 1)])).is_empty());
        assert_eq!(gone(&counts(&[("abc", 4), ("ü", 1)])), ["abc1", "abc2", "abd"]);
    }
}
