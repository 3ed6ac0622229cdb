//! Which tables and columns a store has.

use crate::store::{ErrorKind, Inner};

/// What differs between MLflow's versions, found by looking at the columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    pub revision: Option<String>,
    /// `workspace` columns, since MLflow 3.10.
    pub workspace: bool,
    /// Table `workspaces`, since then too.
    pub workspaces: bool,
    /// Tables `datasets`, `inputs`, `input_tags`, since 2.4.
    pub datasets: bool,
    /// Table `registered_model_aliases`, since 2.3.
    pub aliases: bool,
    /// Column `model_versions.storage_location`, since 2.7.
    pub storage_location: bool,
    /// Table `logged_models`, since 3.0.
    pub logged_models: bool,
}

impl Layout {
    /// The tables that are looked for.
    pub const TABLES: [&'static str; 14] = [
        "experiments",
        "runs",
        "metrics",
        "latest_metrics",
        "params",
        "tags",
        "alembic_version",
        "datasets",
        "inputs",
        "registered_models",
        "registered_model_aliases",
        "model_versions",
        "logged_models",
        "workspaces",
    ];

    /// From what there is: tables, and columns as `table.column`. A database, called so, without MLflow's tables is refused.
    pub fn of(name: &str, has: impl Fn(&str) -> bool) -> Inner<Self> {
        let needed = &Self::TABLES[..6];
        let missing: Vec<&str> = needed.iter().copied().filter(|table| !has(table)).collect();
        if missing.len() == needed.len() {
            return Err(ErrorKind::NotAStore(format!("{name} has no MLflow tables")));
        }
        if !missing.is_empty() {
            return Err(ErrorKind::NotAStore(format!(
                "{name} lacks the tables {}; it is from MLflow before 2.0, or an upgrade was interrupted; back it up and run `mlflow db upgrade`",
                missing.join(", ")
            )));
        }
        Ok(Self {
            revision: None,
            workspace: has("experiments.workspace"),
            workspaces: has("workspaces"),
            datasets: has("datasets") && has("inputs"),
            aliases: has("registered_model_aliases"),
            storage_location: has("model_versions.storage_location"),
            logged_models: has("logged_models"),
        })
    }

    /// What there is none of, in words.
    pub fn lacks(&self) -> impl Iterator<Item = String> {
        [
            (self.datasets, "data set inputs"),
            (self.aliases, "model aliases"),
            (self.logged_models, "logged models (MLflow 3)"),
        ]
        .into_iter()
        .filter(|(present, _)| !present)
        .map(|(_, what)| format!("no {what} (`mlflow db upgrade` adds them)"))
    }

    /// What a row must be to be of the workspace that is open, which is `?1` in every statement.
    pub fn here(&self) -> &'static str {
        if self.workspace { "workspace = ?1" } else { "?1 IS NOT NULL" }
    }

    /// The column of the workspace with its value, for a row that is new.
    pub fn column_here(&self) -> (&'static str, &'static str) {
        if self.workspace { ("workspace, ", "?1, ") } else { ("", "") }
    }

    /// The column of the workspace before others of a key.
    pub fn key_here(&self, others: &str) -> String {
        if self.workspace { format!("workspace, {others}") } else { others.to_owned() }
    }
}
