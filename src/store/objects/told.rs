//! Credentials of the library's, whose failures are told in words that say what to do.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::gcp::GcpCredential;
use object_store::{CredentialProvider, StaticCredentialProvider};

use super::failure::{Refusal, cause};
use crate::store::ErrorKind;
use crate::store::reasons::innermost;

/// A provider, and what is said where it gives nothing.
#[derive(Debug)]
pub struct Told<C> {
    inner: Arc<dyn CredentialProvider<Credential = C>>,
    words: String,
    hint: &'static str,
}

impl<C> Told<C> {
    pub fn new(
        inner: Arc<dyn CredentialProvider<Credential = C>>,
        words: String,
        hint: &'static str,
    ) -> Self {
        Self { inner, words, hint }
    }
}

impl Told<GcpCredential> {
    /// None at all.
    pub fn nobody() -> Arc<dyn CredentialProvider<Credential = GcpCredential>> {
        Arc::new(StaticCredentialProvider::new(GcpCredential { bearer: String::new() }))
    }
}

#[async_trait]
impl<C: std::fmt::Debug + Send + Sync + 'static> CredentialProvider for Told<C> {
    type Credential = C;

    async fn get_credential(&self) -> object_store::Result<Arc<C>> {
        self.inner.get_credential().await.map_err(|error| {
            let why = match cause::<Refusal>(&error) {
                Some(refusal) => format!("{}: {}", refusal.code, refusal.message),
                None => innermost(&error),
            };
            let kind = ErrorKind::ObjectStore(format!("{} ({why})", self.words), self.hint);
            object_store::Error::Generic { store: "credentials", source: Box::new(kind) }
        })
    }
}
