//! Where runs live: [`Store`], which everybody uses, and behind it the places of runs, each a [`Backend`].
//!
//! `Store` does once what holds for every place: limits, read-only, names of operations, tracing. A backend does only
//! what its place does in its own way, and says in its [`Capabilities`] how it is best asked. Nobody outside this room
//! names a backend, but for [`uri`], where a store is opened.
//!
//! Knows MLflow's vocabulary and nothing above it. Whatever enters here is cleaned of nothing: texts are kept as
//! the store has them and are made safe where they are drawn or printed.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod address;
mod answers;
mod backend;
mod backoff;
pub mod batch;
pub(crate) mod blocking;
mod capabilities;
mod certificates;
mod cursor;
mod data_sets;
mod databricks;
mod error;
mod facade;
#[cfg(test)]
pub(crate) mod failing;
mod folder;
mod local;
mod location;
pub mod memory;
mod mysql;
mod objects;
pub mod pages;
mod postgres;
mod reasons;
mod requests;
mod rest;
pub mod secrets;
mod sorting;
mod sql;
mod sqlite;
mod trees;
pub mod tunnel;
pub mod uri;

pub use answers::{
    ArtifactList, Changes, DatasetUse, HistoryPage, HistoryPart, ModelPage, RunPage, StoreInfo, UsedDataset,
};
pub use backend::{Artifacts, Backend, Imports, Inner, LoggedModels, Registry};
pub use backoff::Backoff;
pub use batch::RunBatch;
pub use capabilities::Capabilities;
pub use cursor::{Cursor, HistoryCursor};
pub use error::{ErrorKind, StoreError, if_there};
pub use facade::{Files, Store};
pub use folder::DAMAGED;
pub use objects::settled;
pub use requests::{ImportedRun, NewModel, NewRun, RunCount, RunSearch, RunUpdate, Scan, ScanValues};
pub use trees::{FileBody, FileService, FileTree, FilesOf, Opened, Resume, Sent};

pub use crate::mlflow::order::by_step;

/// What an operation of a [`Store`] comes to.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The wall clock, in milliseconds since the epoch.
pub fn now_ms() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.map_or(0, |elapsed| elapsed.as_millis() as i64)
}

/// `count` indices out of `0..length`, evenly spaced, with both ends; a single one is the last.
fn sample_indices(length: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.clamp(1, length.max(1)).min(length);
    (0..count).map(move |i| match count {
        1 => length - 1,
        _ => i * (length - 1) / (count - 1),
    })
}
