//! Which tables and columns a store has, and how a new store is made.

use std::path::Path;

use rusqlite::Connection as Db;
use rustc_hash::FxHashSet;

use super::Inner;
use crate::store::sql::{Home, Layout};
use crate::store::{ErrorKind, now_ms};

/// The tables of a new store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// Those that MLflow 2.9 and all later ones go on with.
    OfMlflow2,
    /// Those that MLflow 3 goes on with, with logged models.
    OfMlflow3,
}

impl Tables {
    fn create(self) -> &'static str {
        match self {
            Self::OfMlflow2 => include_str!("../../../assets/store.sql"),
            Self::OfMlflow3 => include_str!("../../../assets/store-3.sql"),
        }
    }
}

/// What a file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    pub layout: Layout,
    /// The best index for a run's history: one with key and step since MLflow 3.17, else one by run.
    pub history_index: Option<&'static str>,
}

const BY_KEY: &str = "index_metrics_run_uuid_key_step";
pub const BY_RUN: &str = "index_metrics_run_uuid";
const HISTORY_INDEXES: [&str; 2] = [BY_KEY, BY_RUN];

impl Schema {
    /// Whether the best that there is for a history is an index by run.
    pub fn walks_runs(&self) -> bool {
        self.history_index == Some(BY_RUN)
    }
}

/// Looks at the tables; a database without MLflow's is refused. An empty one counts as a new store.
pub fn probe(db: &Db, path: &Path) -> Inner<Schema> {
    let names: Vec<String> =
        Layout::TABLES.iter().chain(&HISTORY_INDEXES).map(|name| format!("'{name}'")).collect();
    let mut statement = db.prepare(&format!(
        "SELECT m.name, p.name FROM sqlite_master m LEFT JOIN pragma_table_info(m.name) p ON m.type = 'table' \
         WHERE m.name IN ({})",
        names.join(", ")
    ))?;
    let mut known = FxHashSet::default();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let table: String = row.get(0)?;
        if let Some(column) = row.get::<_, Option<String>>(1)? {
            known.insert(format!("{table}.{column}"));
        }
        known.insert(table);
    }
    let has = |name: &str| known.contains(name);
    let mut layout = Layout::of(&path.display().to_string(), has)?;
    if has("alembic_version") {
        layout.revision = db.query_row("SELECT version_num FROM alembic_version", [], |row| row.get(0)).ok();
    }
    Ok(Schema { layout, history_index: HISTORY_INDEXES.into_iter().find(|index| has(index)) })
}

/// A store with nothing but MLflow's `Default` experiment, for reading where no file is yet.
pub fn empty_in_memory(path: &Path) -> Inner<Db> {
    let db = Db::open_in_memory()?;
    fill(&db, path, Tables::OfMlflow2)?;
    Ok(db)
}

/// Creates the file, or leaves it alone where another program was faster.
pub fn create(path: &Path, new: Tables) -> Inner<()> {
    if crate::store::uri::dangling(path).is_some() {
        return Err(ErrorKind::Io(crate::store::uri::no_file(path)));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| ErrorKind::Io(format!("{}: {e}", folder.display())))?;
    }
    let db = Db::open(path)?;
    db.busy_timeout(std::time::Duration::from_secs(20))?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if tables == 0 {
        fill(&db, path, new)?;
    }
    Ok(db.execute_batch("COMMIT")?)
}

fn fill(db: &Db, path: &Path, tables: Tables) -> Inner<()> {
    db.execute_batch(tables.create())?;
    let now = now_ms();
    db.execute(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, \
         last_update_time) VALUES (0, 'Default', ?1, 'active', ?2, ?2)",
        rusqlite::params![Home::beside(path).artifact_root(0), now],
    )?;
    Ok(())
}
