//! Object stores: files that lie in buckets of S3, Google or Azure, whichever kind of store the runs are in.
//!
//! As MLflow's client does it, this program talks to the bucket itself, with the credentials that it finds on this machine. A
//! bucket has one client in the process, which keeps connections and credentials.

mod address;
mod aws;
mod azure;
mod client;
mod environment;
mod failure;
mod given;
mod google;
mod kinds;
mod place;
mod s3;
#[cfg(test)]
pub mod stand_in;
#[cfg(test)]
pub mod tests;
mod told;
mod transport;
mod tree;
mod upload;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use object_store::{BackoffConfig, RetryConfig};

use super::{ErrorKind, Inner};
use address::Bucket;
pub use address::{below, is_in_objects, path_end};
use client::Client;
use environment::Environment;
pub use failure::is_refusal;
pub use given::{Issued, Issuer, Secret};
pub use tree::ObjectTree;
pub use upload::settled;

/// What is asked for, where it is on this machine, or else the address in an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept<T> {
    Here(T),
    There(String),
}

impl<T> Kept<T> {
    /// Does something with what is here.
    pub fn try_map<U>(self, work: impl FnOnce(T) -> Inner<U>) -> Inner<Kept<U>> {
        match self {
            Self::Here(here) => work(here).map(Kept::Here),
            Self::There(uri) => Ok(Kept::There(uri)),
        }
    }
}

static OPENED: LazyLock<Mutex<HashMap<Bucket, Arc<Client>>>> = LazyLock::new(Mutex::default);

/// The files at an address. Nothing is asked of the store yet.
pub async fn open(uri: &str) -> Inner<ObjectTree> {
    let (bucket, key) = address::parse(uri)?;
    let known = OPENED.lock().unwrap_or_else(PoisonError::into_inner).get(&bucket).cloned();
    let client = match known {
        Some(client) => client,
        None => {
            // Files of settings are read, and certificates.
            let of = bucket.clone();
            let opening =
                tokio::task::spawn_blocking(move || Client::open(&of, &Environment::of_process(), None))
                    .await;
            let opened = opening.unwrap_or_else(|error| Err(ErrorKind::Io(error.to_string())))?;
            let mut known = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(bucket).or_insert_with(|| Arc::new(opened)))
        }
    };
    Ok(ObjectTree::new(client, uri, key))
}

/// The files at an address for which somebody hands out credentials, of which the first are there already.
pub async fn open_given(uri: &str, issuer: Arc<dyn Issuer>, first: Issued) -> Inner<ObjectTree> {
    let (bucket, key) = given::place_of(uri)?;
    let given = given::Given::new(issuer, first);
    let opening = tokio::task::spawn_blocking(move || {
        Client::open(&bucket, &Environment::of_process(), Some(given)).map(Arc::new)
    });
    let client = opening.await.unwrap_or_else(|error| Err(ErrorKind::Io(error.to_string())))?;
    Ok(ObjectTree::new(client, uri, key))
}

/// That files are where nobody here gets at them, `otherwise` in words, or because nobody speaks that.
pub fn elsewhere(uri: &str, otherwise: &str) -> ErrorKind {
    ErrorKind::Elsewhere(match address::unsupported(uri) {
        Some(service) => {
            format!(
                "its files are in {uri}: {service} is not supported; a server that serves artifacts hands them on"
            )
        }
        None => format!("its files are in {uri}, which {otherwise}"),
    })
}

/// How often the library asks again, for what may pass: a server's failure, a broken connection, silence.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        },
        max_retries: 3,
        retry_timeout: Duration::from_secs(30),
    }
}
