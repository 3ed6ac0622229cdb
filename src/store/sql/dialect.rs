//! How a database writes what others write otherwise.

/// The words of one database.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// A column of texts, cut where it is too long to be read.
    pub bounded: fn(&str) -> String,
    /// What a column is among: a list that came as one value, whose placeholder is given.
    pub among: fn(&str) -> String,
    /// A statement that adds rows to a table with columns, but for those that are there already.
    pub insert_new: fn(&str, &str) -> String,
    /// A statement that adds rows; where one of that key is there already, a column of it is set.
    pub upsert: fn(&str, &str, &str, &str) -> String,
    /// Behind rows that are added to the latest metrics: one that is there already gives way to a later one.
    pub newest: &'static str,
    /// A text as it is compared letter by letter.
    pub exactly: fn(&str) -> String,
    /// Behind a statement that reads a row, which nobody else is to change before the transaction ends.
    pub for_update: &'static str,
    /// Keys that differ in upper and lower case alone are one key.
    pub folds_case: bool,
    /// Behind a text that is sorted by: letters in the order of their bytes.
    pub by_bytes: &'static str,
    /// Behind a pattern of LIKE: a backslash means itself.
    pub no_escape: &'static str,
    /// Runs that are read by one statement.
    pub runs_at_once: usize,
    /// Rows are sorted to be grouped, which takes longer than to go through them here.
    pub sorts_groups: bool,
    /// The experiment of the run that was created last.
    pub latest_experiment: &'static str,
    /// The least and the greatest id that an experiment can be given.
    pub experiment_ids: (i64, i64),
    /// What has to be asked when an experiment was given an id, for the next to get another one by itself.
    pub skip_experiment_ids: Option<&'static str>,
    /// What has to be said before a name is changed that other tables refer to.
    pub defer_references: Option<&'static str>,
}

/// As SQLite and PostgreSQL write it.
pub const NEWEST: &str = "ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value, \
    timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan \
    WHERE (excluded.step, excluded.timestamp, excluded.value) > \
    (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)";

/// As SQLite and PostgreSQL write it.
pub fn insert_new(into: &str, rows: &str) -> String {
    format!("INSERT INTO {into} {rows} ON CONFLICT DO NOTHING")
}

/// As SQLite and PostgreSQL write it.
pub fn upsert(into: &str, rows: &str, key: &str, column: &str) -> String {
    format!("INSERT INTO {into} {rows} ON CONFLICT ({key}) DO UPDATE SET {column} = excluded.{column}")
}
