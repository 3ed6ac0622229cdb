//! How far the changes of a database have been seen.

use std::hash::Hasher;
use std::sync::Arc;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHasher};

use super::connection::Connection;
use crate::store::Inner;
use crate::store::sql::{Cells, Layout, Link as _, Numbers};

/// What one look saw.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Look {
    /// When the tables were made: others in the place of these were made later.
    pub made: String,
    /// When each of them was written last, as far as the server knows.
    written: String,
    /// The latest of that; none where the server knows of none.
    newest: Option<i64>,
    /// When it looked, by its own clock, in seconds.
    pub now: i64,
    /// When the server began, where it knows of no time of a write.
    began: Option<i64>,
}

impl Look {
    /// Whether somebody may have written between an earlier look and this one. Times are told in seconds: what was written in the
    /// second of the earlier look may have come behind it. A server that began anew knows of no time before the first write.
    pub fn is_written_since(&self, before: &Self) -> bool {
        if self.written != before.written {
            return true;
        }
        match (before.newest, self.began.zip(before.began)) {
            (Some(newest), _) => newest >= before.now - 1,
            // Nobody has written since it began, which was before both looks.
            (None, Some((began, before))) => (began - before).abs() > 2,
            (None, None) => true,
        }
    }
}

/// Looks at when the tables were written: one statement, which reads none of them.
pub fn look(connection: &mut Connection) -> Inner<Look> {
    let tables: Vec<String> = Layout::TABLES.iter().map(|name| format!("'{name}'")).collect();
    let statement = format!(
        "SELECT table_name, create_time, unix_timestamp(update_time), unix_timestamp() \
         FROM information_schema.tables WHERE table_schema = database() AND table_name IN ({}) ORDER BY table_name",
        tables.join(", ")
    );
    let mut seen = Look::default();
    connection.rows(&statement, &[], |row| {
        let name = row.text(0);
        if name == "runs" {
            seen.made = row.as_ref(1).map(|time| time.as_sql(true)).unwrap_or_default();
        }
        let written = row.int(2);
        seen.newest = seen.newest.max(written);
        seen.written.push_str(&format!("{name} {written:?} "));
        seen.now = row.int(3).unwrap_or(0);
        Ok(true)
    })?;
    if seen.newest.is_none() {
        let up = connection.one("SHOW GLOBAL STATUS LIKE 'Uptime'", &[], |row| row.int(1)).ok().flatten();
        seen.began = up.flatten().map(|up| seen.now - up);
    }
    Ok(seen)
}

/// A way to look for changes that costs so much that it is not always gone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Round {
    /// Somebody wrote since it was gone last.
    pub is_pending: bool,
    /// When it may be gone again.
    pub due: Option<Instant>,
    /// It took too long when it was gone last.
    pub is_late: bool,
}

impl Round {
    pub fn is_due(&self) -> bool {
        self.is_pending && self.due.is_none_or(|due| Instant::now() >= due)
    }
}

/// How far the changes of a database have been seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MyCursor {
    pub look: Look,
    pub heads: Round,
    pub tags: Round,
    /// Latest metrics and params.
    pub values: Round,
    /// The runs in view, each with a hash of what can change in its head.
    pub known: Arc<Numbers>,
    /// The keys of all metrics.
    pub keys: Arc<Vec<String>>,
    /// What tags, and latest metrics and params, add up to, once these were looked through.
    pub of_tags: Option<Arc<Digests>>,
    pub of_values: Option<Arc<Digests>>,
}

/// Hashes of what runs logged, by how their ids begin.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Digests(FxHashMap<u64, u32>);

impl Digests {
    /// Letters of an id that tell apart: of 100,000 runs one or two begin in one way.
    pub const LETTERS: usize = 4;

    fn place(id: &str) -> u64 {
        let end = id.char_indices().nth(Self::LETTERS).map_or(id.len(), |(end, _)| end);
        let mut hasher = FxHasher::default();
        hasher.write(id[..end].to_lowercase().as_bytes());
        hasher.finish()
    }

    /// Adds what rows of runs that begin so come to.
    pub fn add(&mut self, id: &str, hash: u32) {
        let place = self.0.entry(Self::place(id)).or_default();
        // What is twice the same in two tables does not vanish.
        *place = place.rotate_left(1).wrapping_add(hash);
    }

    /// Whether runs that begin as this one logged something, or lost it, between two looks.
    pub fn differ(&self, other: &Self, id: &str) -> bool {
        let place = Self::place(id);
        self.0.get(&place) != other.0.get(&place)
    }
}

impl MyCursor {
    /// Before anything that is written after a look.
    pub fn at(look: Look, known: Numbers, (of_tags, of_values): (Option<Digests>, Option<Digests>)) -> Self {
        // What is there now is not known yet.
        let round = |is_pending: bool| Round { is_pending, ..Round::default() };
        Self {
            look,
            heads: round(true),
            tags: round(of_tags.is_none()),
            values: round(of_values.is_none()),
            known: Arc::new(known),
            of_tags: of_tags.map(Arc::new),
            of_values: of_values.map(Arc::new),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_logged_are_found_by_how_they_begin() {
        let of = |rows: &[(&str, u32)]| {
            let mut digests = Digests::default();
            for (id, hash) in rows {
                digests.add(id, *hash);
            }
            digests
        };
        let before = of(&[("abcd1", 7), ("abce1", 8)]);
        let now = of(&[("abcd", 7), ("abce", 9)]);
        assert!(!before.differ(&now, "abcd2") && before.differ(&now, "abce1"));
        assert!(!before.differ(&now, "ü") && before.differ(&Digests::default(), "abcd1"));
        assert_ne!(of(&[("a", 7), ("a", 0)]), of(&[("a", 0), ("a", 7)]), "of two tables");
    }

    #[test]
    fn what_is_written_in_the_second_of_a_look_is_not_missed() {
        let at = |newest: Option<i64>, now: i64| Look {
            written: format!("{newest:?}"),
            newest,
            now,
            ..Look::default()
        };
        assert!(!at(Some(5), 20).is_written_since(&at(Some(5), 10)), "nobody wrote");
        assert!(at(Some(15), 20).is_written_since(&at(Some(5), 10)));
        assert!(at(Some(10), 20).is_written_since(&at(Some(10), 10)), "perhaps behind the look");
        assert!(at(None, 20).is_written_since(&at(None, 10)), "the server does not know");
        let began = |began: i64, now: i64| Look { began: Some(began), ..at(None, now) };
        assert!(!began(5, 20).is_written_since(&began(5, 10)), "nobody wrote since it began");
        assert!(began(15, 20).is_written_since(&began(5, 10)), "it began anew between the looks");
    }
}
