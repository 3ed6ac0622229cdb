//! How to talk to a server. Nothing here is ever printed: credentials are redacted in debug output.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Credentials, as MLflow's client sends them.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Auth {
    #[default]
    None,
    Basic {
        user: String,
        password: String,
    },
    Bearer(String),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Basic { user, .. } => write!(f, "Basic {{ user: {user:?}, password: *** }}"),
            Self::Bearer(_) => f.write_str("Bearer(***)"),
        }
    }
}

/// Everything but the address. The defaults are those of MLflow's Python client.
#[derive(Debug, Clone, PartialEq)]
pub struct RestOptions {
    pub auth: Auth,
    /// `MLFLOW_TRACKING_INSECURE_TLS`: do not verify the server's certificate.
    pub insecure_tls: bool,
    /// `MLFLOW_TRACKING_SERVER_CERT_PATH`: a PEM file with the authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// `MLFLOW_TRACKING_CLIENT_CERT_PATH`: a PEM file with certificate and key.
    pub client_cert: Option<PathBuf>,
    /// `MLFLOW_WORKSPACE`.
    pub workspace: Option<String>,
    /// Attempts after the first, at most 10.
    pub max_retries: u32,
    /// Seconds before the second attempt; doubled before each further one.
    pub backoff_factor: f64,
    /// Up to this many seconds are added at random.
    pub backoff_jitter: f64,
    pub timeout: Duration,
    pub respect_retry_after: bool,
    pub allow_redirects: bool,
}

impl Default for RestOptions {
    fn default() -> Self {
        Self {
            auth: Auth::None,
            insecure_tls: false,
            ca_file: None,
            client_cert: None,
            workspace: None,
            max_retries: 7,
            backoff_factor: 2.0,
            backoff_jitter: 1.0,
            timeout: Duration::from_secs(120),
            respect_retry_after: true,
            allow_redirects: true,
        }
    }
}
