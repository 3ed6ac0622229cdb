//! What a look at the database saw, so that the next one finds what is new.
//!
//! Every row says which transaction wrote it (`xmin`), and a snapshot which transactions were over when it was taken. A row is new
//! where its transaction was not. Nothing else has to be kept in the database for that. What is deleted for good leaves nothing
//! behind and is not found so; neither is what a savepoint wrote that ended between two looks, which MLflow's logging has none of.

/// More transactions at once are told from others by the oldest of them alone.
const MOST_OPEN: usize = 200;

/// Which transactions were over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The oldest that was not.
    oldest: u64,
    /// The first that had not begun.
    next: u64,
    /// Those in between that were not over.
    open: Vec<u64>,
}

/// A transaction's number as rows have it; the first three are special.
fn short(number: u64) -> u32 {
    (number as u32).max(3)
}

impl Snapshot {
    /// From the text that PostgreSQL writes: `10:20:10,14`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let oldest = parts.next()?.parse().ok()?;
        let next = parts.next()?.parse().ok()?;
        let open = parts.next()?.split(',').filter(|part| !part.is_empty());
        Some(Self { oldest, next, open: open.map(|part| part.parse().ok()).collect::<Option<_>>()? })
    }

    /// Whether the server counted on from here: one that was put in the place of another may not have.
    pub fn is_followed_by(&self, later: &Self) -> bool {
        later.next >= self.next
    }

    /// Whether it tells exactly what is new, and not rather too much.
    pub fn is_exact(&self) -> bool {
        self.open.len() <= MOST_OPEN
    }

    /// The condition on rows of a table that they are new since.
    pub fn newer(&self, table: &str) -> String {
        // A number comes again after four thousand million others: what is older than half of that has an age below 0.
        let since = |number: u64| format!("age({table}.xmin) BETWEEN 1 AND age('{}'::xid)", short(number));
        if self.open.is_empty() {
            return since(self.next);
        }
        if !self.is_exact() {
            return since(self.oldest);
        }
        let open: Vec<String> = self.open.iter().map(|number| short(*number).to_string()).collect();
        format!("({} OR {table}.xmin = ANY('{{{}}}'::xid[]))", since(self.next), open.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_was_written_by_a_transaction_that_was_not_over() {
        let quiet = Snapshot::parse("20:20:").unwrap();
        assert_eq!(quiet.newer("t"), "age(t.xmin) BETWEEN 1 AND age('20'::xid)");
        let busy = Snapshot::parse("4294967306:4294967320:4294967306,4294967310").unwrap();
        assert_eq!(
            busy.newer("t"),
            "(age(t.xmin) BETWEEN 1 AND age('24'::xid) OR t.xmin = ANY('{10,14}'::xid[]))"
        );
        assert!(quiet.is_followed_by(&busy) && !busy.is_followed_by(&quiet));
        let open: Vec<String> = (20..=220).map(|number| number.to_string()).collect();
        let busiest = Snapshot::parse(&format!("20:300:{}", open.join(","))).unwrap();
        assert_eq!(busiest.newer("t"), quiet.newer("t"));
        assert!(busy.is_exact() && quiet.is_exact() && !busiest.is_exact());
        assert_eq!(Snapshot::parse("x"), None);
        assert_eq!(
            Snapshot::parse("4294967296:4294967296:").unwrap().newer("t"),
            "age(t.xmin) BETWEEN 1 AND age('3'::xid)"
        );
    }
}
