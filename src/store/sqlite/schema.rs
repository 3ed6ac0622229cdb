//! Which tables and columns a store has, and how a new store is made.

use std::path::Path;

use rusqlite::Connection as Db;
use rustc_hash::FxHashSet;

use super::Inner;
use crate::store::{ErrorKind, now_ms};

/// The tables of a new store.
const CREATE: &str = include_str!("../../../assets/store.sql");

/// What differs between MLflow's versions, found by looking at the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    pub revision: Option<String>,
    /// `workspace` columns, since MLflow 3.10.
    pub workspace: bool,
    /// Tables `datasets`, `inputs`, `input_tags`, since 2.4.
    pub datasets: bool,
    /// Table `registered_model_aliases`, since 2.3.
    pub aliases: bool,
    /// Column `model_versions.storage_location`, since 2.7.
    pub storage_location: bool,
    /// Table `logged_models`, since 3.0.
    pub logged_models: bool,
    /// The best index for a run's history: one with key and step since 3.17, else one by run.
    pub history_index: Option<&'static str>,
}

/// Looks at the tables; a database without MLflow's is refused. An empty one counts as a new store.
pub fn probe(db: &Db, path: &Path) -> Inner<Schema> {
    let mut statement = db.prepare(
        "SELECT m.name, p.name FROM sqlite_master m LEFT JOIN pragma_table_info(m.name) p ON m.type = 'table' \
         WHERE m.name IN ('experiments', 'runs', 'metrics', 'latest_metrics', 'params', 'tags', 'alembic_version', \
         'datasets', 'inputs', 'registered_models', 'registered_model_aliases', 'model_versions', 'logged_models', \
         'index_metrics_run_uuid', 'index_metrics_run_uuid_key_step')",
    )?;
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
    let missing: Vec<&str> = ["experiments", "runs", "metrics", "latest_metrics", "params", "tags"]
        .into_iter()
        .filter(|table| !has(table))
        .collect();
    if missing.len() == 6 {
        return Err(ErrorKind::NotAStore(format!("{} has no MLflow tables", path.display())));
    }
    if !missing.is_empty() {
        return Err(ErrorKind::NotAStore(format!(
            "{} lacks the tables {}; it is from MLflow before 2.0, or an upgrade was interrupted; back it up and run `mlflow db upgrade`",
            path.display(),
            missing.join(", ")
        )));
    }
    let revision = if has("alembic_version") {
        db.query_row("SELECT version_num FROM alembic_version", [], |row| row.get(0)).ok()
    } else {
        None
    };
    Ok(Schema {
        revision,
        workspace: has("experiments.workspace"),
        datasets: has("datasets") && has("inputs"),
        aliases: has("registered_model_aliases"),
        storage_location: has("model_versions.storage_location"),
        logged_models: has("logged_models"),
        history_index: ["index_metrics_run_uuid_key_step", "index_metrics_run_uuid"]
            .into_iter()
            .find(|index| has(index)),
    })
}

/// A store with nothing but MLflow's `Default` experiment, for reading where no file is yet.
pub fn empty_in_memory(path: &Path) -> Inner<Db> {
    let db = Db::open_in_memory()?;
    fill(&db, path)?;
    Ok(db)
}

/// Creates the file, or leaves it alone where another program was faster.
pub fn create(path: &Path) -> Inner<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| ErrorKind::Io(format!("{}: {e}", folder.display())))?;
    }
    let db = Db::open(path)?;
    db.busy_timeout(std::time::Duration::from_secs(20))?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if tables == 0 {
        fill(&db, path)?;
    }
    Ok(db.execute_batch("COMMIT")?)
}

fn fill(db: &Db, path: &Path) -> Inner<()> {
    db.execute_batch(CREATE)?;
    let now = now_ms();
    db.execute(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, \
         last_update_time) VALUES (0, 'Default', ?1, 'active', ?2, ?2)",
        rusqlite::params![artifact_root(path, 0), now],
    )?;
    Ok(())
}

/// Where the artifacts of a new experiment go: `mlruns` beside the database, a plain absolute path as MLflow has it.
pub fn artifact_root(store: &Path, experiment: i64) -> String {
    let folder = store.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    folder.join("mlruns").join(experiment.to_string()).display().to_string()
}
