//! Credentials that somebody hands out for a while, for one place in a bucket: asked for anew before they end, and where the
//! store refuses them. Nothing of the environment's takes their place.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use object_store::azure::AzureCredential;
use object_store::gcp::GcpCredential;
use tokio::sync::Mutex;

use super::address::{self, Bucket, Service};
use super::failure::{Refusal, cause};
use crate::store::secrets::note;
use crate::store::{ErrorKind, Inner};

/// Milliseconds before their end at which they are asked for anew.
const MARGIN: i64 = 60_000;
/// How errors call them.
pub const WHO: &str = "the temporary credentials that the workspace gave";
/// Where Cloudflare keeps buckets.
const R2: &str = ".r2.cloudflarestorage.com";

/// What is handed out.
#[derive(Debug, Clone)]
pub enum Secret {
    Aws(Arc<AwsCredential>),
    Azure(Arc<AzureCredential>),
    Google(Arc<GcpCredential>),
}

impl Secret {
    /// Nobody shows them from here on.
    pub fn aws(key_id: &str, secret_key: &str, token: &str) -> Self {
        note(secret_key);
        note(token);
        let token = Some(token.to_owned()).filter(|token| !token.is_empty());
        Self::Aws(Arc::new(AwsCredential {
            key_id: key_id.to_owned(),
            secret_key: secret_key.to_owned(),
            token,
        }))
    }

    pub fn azure(signature: &str) -> Self {
        let signature = signature.trim().trim_start_matches('?');
        note(signature);
        let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pairs = signature.split('&').filter_map(|pair| pair.split_once('='));
        let pairs: Vec<(String, String)> = pairs.map(|(name, value)| (plain(name), plain(value))).collect();
        for (name, value) in &pairs {
            if name == "sig" {
                note(value);
            }
        }
        Self::Azure(Arc::new(AzureCredential::SASToken(pairs)))
    }

    pub fn google(token: &str) -> Self {
        note(token);
        Self::Google(Arc::new(GcpCredential { bearer: token.to_owned() }))
    }
}

/// What was handed out last.
#[derive(Debug, Clone)]
pub struct Issued {
    pub secret: Secret,
    /// Milliseconds since the epoch.
    pub until: Option<i64>,
    /// Settings of S3 about encryption, which uploads need.
    pub encryption: Vec<(&'static str, String)>,
}

/// Hands out credentials.
#[async_trait]
pub trait Issuer: Send + Sync + Debug {
    async fn issue(&self) -> Inner<Issued>;
}

/// Credentials, and whom to ask for others.
#[derive(Debug)]
pub struct Given {
    issuer: Arc<dyn Issuer>,
    /// How often they were asked for, and what came.
    known: Mutex<(u64, Issued)>,
    pub encryption: Vec<(&'static str, String)>,
}

impl Given {
    /// The first ones are there already.
    pub fn new(issuer: Arc<dyn Issuer>, first: Issued) -> Arc<Self> {
        let encryption = first.encryption.clone();
        Arc::new(Self { issuer, known: Mutex::new((0, first)), encryption })
    }

    async fn get(&self) -> Inner<Secret> {
        // Whoever comes meanwhile waits for the same.
        let mut known = self.known.lock().await;
        let now = jiff::Timestamp::now().as_millisecond();
        if known.1.until.is_some_and(|until| now >= until - MARGIN) {
            match self.issuer.issue().await {
                Ok(issued) => *known = (known.0 + 1, issued),
                // They are good for some seconds yet.
                Err(error) if known.1.until.is_some_and(|until| now < until) => {
                    tracing::debug!(%error, "no new credentials");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(known.1.secret.clone())
    }

    /// Which ones are used: a number for each time.
    pub async fn round(&self) -> u64 {
        self.known.lock().await.0
    }

    /// Asks for others in the place of those that were refused, unless somebody did already.
    pub async fn renew(&self, refused: u64) -> Inner<()> {
        let mut known = self.known.lock().await;
        if known.0 == refused {
            tracing::debug!("the store refuses the credentials; asking for others");
            *known = (known.0 + 1, self.issuer.issue().await?);
        }
        Ok(())
    }
}

/// Whether other credentials may help.
pub fn is_of_credentials(failure: &object_store::Error) -> bool {
    cause::<Refusal>(failure).is_some_and(|refusal| {
        let is_code = |code: &&str| refusal.code == *code;
        let codes = ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken"];
        matches!(refusal.status, 401 | 403) || codes.iter().any(is_code)
    })
}

/// They are of another cloud than what they are for.
fn other_cloud() -> object_store::Error {
    let kind = ErrorKind::Protocol("temporary credentials of another cloud than the storage's".into());
    object_store::Error::Generic { store: "credentials", source: Box::new(kind) }
}

fn wrapped(kind: ErrorKind) -> object_store::Error {
    object_store::Error::Generic { store: "credentials", source: Box::new(kind) }
}

/// They for Amazon's interface.
#[derive(Debug)]
pub struct ForAws(pub Arc<Given>);
/// They for Azure's.
#[derive(Debug)]
pub struct ForAzure(pub Arc<Given>);
/// They for Google's.
#[derive(Debug)]
pub struct ForGoogle(pub Arc<Given>);

#[async_trait]
impl CredentialProvider for ForAws {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        match self.0.get().await.map_err(wrapped)? {
            Secret::Aws(credential) => Ok(credential),
            Secret::Azure(_) | Secret::Google(_) => Err(other_cloud()),
        }
    }
}

#[async_trait]
impl CredentialProvider for ForAzure {
    type Credential = AzureCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AzureCredential>> {
        match self.0.get().await.map_err(wrapped)? {
            Secret::Azure(credential) => Ok(credential),
            Secret::Aws(_) | Secret::Google(_) => Err(other_cloud()),
        }
    }
}

#[async_trait]
impl CredentialProvider for ForGoogle {
    type Credential = GcpCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<GcpCredential>> {
        match self.0.get().await.map_err(wrapped)? {
            Secret::Google(credential) => Ok(credential),
            Secret::Aws(_) | Secret::Azure(_) => Err(other_cloud()),
        }
    }
}

/// The bucket of a place that credentials are handed out for, and the key in it. Beside the usual ones,
/// `r2://bucket@ACCOUNT.r2.cloudflarestorage.com/key`.
pub fn place_of(uri: &str) -> Inner<(Bucket, String)> {
    let Some(rest) = uri.strip_prefix("r2://") else {
        let (bucket, key) = address::parse(uri)?;
        if bucket.service != Service::Azure {
            return Ok((bucket, key));
        }
        // As MLflow's client has it: the address is one of URLs.
        let key = percent_encoding::percent_decode_str(&key).decode_utf8_lossy().trim_matches('/').to_owned();
        return Ok((bucket, key));
    };
    let (place, key) = rest.split_once('/').unwrap_or((rest, ""));
    let known = place.split_once('@').filter(|(name, host)| {
        let is_part = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        };
        is_part(name) && host.strip_suffix(R2).is_some_and(is_part)
    });
    let Some((name, host)) = known else {
        return Err(ErrorKind::Protocol("a storage location at Cloudflare that is none".into()));
    };
    let bucket = Bucket {
        service: Service::S3,
        scheme: "r2".to_owned(),
        name: name.to_owned(),
        host: host.to_ascii_lowercase(),
    };
    Ok((bucket, key.trim_matches('/').to_owned()))
}
