//! Files of runs and models, taken out of a store and put into one.
//!
//! What is downloaded is staged beside its place, and takes it when it is whole: whenever a transfer ends, no half file
//! stands under a final name. What came so far stays staged, and is gone on with where the server can do that. Nothing is
//! put over a file that is there unless that is asked for, and no name that a store tells leads out of the folder that was
//! chosen.
//!
//! Knows the store; nothing of screens and commands.

#![warn(missing_docs, clippy::missing_errors_doc)]

mod address;
mod download;
mod error;
mod fetch;
mod listing;
mod manifest;
mod model;
mod names;
mod place;
mod progress;
mod stage;
#[cfg(test)]
mod tests;
mod tree;
mod upload;

pub use address::{Address, Source, resolve};
pub use download::{Done, DownloadRequest, Target, download, name_for};
pub use error::{Result, TransferError};
pub use fetch::{Summed, read_end, read_range};
pub use listing::{Entries, Listing, entries, walk};
pub(crate) use manifest::hex;
pub use manifest::manifest_of;
pub use model::{ModelFolder, ModelLine, model_folder, summary};
pub use names::tame;
pub use progress::{Progress, Snapshot};
pub use upload::{Sent, UploadRequest, upload};
