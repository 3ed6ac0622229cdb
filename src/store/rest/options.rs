//! How to talk to a server. Nothing here is ever printed: credentials are redacted in debug output.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::store::secrets::note;
use crate::store::tunnel::Tunnel;

/// Credentials, as MLflow's client sends them.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Auth {
    /// None are sent.
    #[default]
    None,
    /// Name and password.
    Basic {
        /// The name, which may be a token.
        user: String,
        /// May be empty.
        password: String,
    },
    /// A token.
    Bearer(String),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Basic { password, .. } if password.is_empty() => f.write_str("Basic { user: *** }"),
            Self::Basic { user, .. } => write!(f, "Basic {{ user: {user:?}, password: *** }}"),
            Self::Bearer(_) => f.write_str("Bearer(***)"),
        }
    }
}

impl Auth {
    /// The credentials that an address holds.
    pub fn in_address(address: &url::Url) -> Option<Self> {
        let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = (address.username(), address.password().unwrap_or_default());
        (!user.is_empty() || !password.is_empty())
            .then(|| Self::Basic { user: decode(user), password: decode(password) })
    }

    /// Lets nobody show these secrets.
    pub fn note(&self) {
        match self {
            Self::None => {}
            // A token can stand in the place of a user.
            Self::Basic { user, password } if password.is_empty() => {
                note(user);
                note(&format!("{user}:"));
            }
            Self::Basic { user, password } => {
                note(password);
                note(&format!("{user}:{password}"));
            }
            Self::Bearer(token) => note(token),
        }
    }
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitNotice {
    /// In words.
    pub what: String,
    /// How long.
    pub at_most: Duration,
    /// The variable that sets how long.
    pub set_by: &'static str,
}

/// Whoever wants to know, the first time, that an answer is long in coming, or that requests fail and are tried again.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&WaitNotice) + Send + Sync>);

impl Observer {
    /// Calls `tell`, on the thread that waits.
    pub fn new(tell: impl Fn(&WaitNotice) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells of a failure.
    pub fn tell(&self, waiting: &WaitNotice) {
        (self.0)(waiting);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

impl PartialEq for Observer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Everything but the address. The defaults are those of MLflow's Python client.
#[derive(Debug, Clone, PartialEq)]
pub struct RestOptions {
    /// How the user is known to the server.
    pub auth: Auth,
    /// `MLFLOW_TRACKING_INSECURE_TLS`: do not verify the server's certificate.
    pub insecure_tls: bool,
    /// `MLFLOW_TRACKING_SERVER_CERT_PATH`: a PEM file with the authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// What insecure TLS was set by, for whoever has to change it.
    pub insecure_tls_by: String,
    /// The same for the authorities.
    pub ca_file_by: String,
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
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// Whether a server is asked again no sooner than it says.
    pub respect_retry_after: bool,
    /// Whether it may send to another address.
    pub allow_redirects: bool,
    /// Pages of runs that are asked for at the same time: a server with one worker gains nothing from more than two, and others
    /// use it too.
    pub pages_at_once: usize,
    /// Why credentials that there are do not go to this server.
    pub withheld: Option<String>,
    /// Who is told of failures that are tried again.
    pub observer: Option<Observer>,
    /// Where what is read of a folder of files is kept for the next time.
    pub cache_folder: Option<PathBuf>,
    /// The way to a server that only another machine sees.
    pub tunnel: Option<Tunnel>,
    /// The server that keeps what a database has at `mlflow-artifacts:`.
    pub artifacts_server: Option<url::Url>,
    /// How the user is known to that one.
    pub artifacts_auth: Auth,
}

impl RestOptions {
    /// No more pages are asked for at the same time.
    pub const MOST_PAGES: usize = 16;

    /// Seconds before the attempt behind this one, without what is added at random.
    pub fn backoff(&self, attempt: u32) -> f64 {
        self.backoff_factor * f64::from(2_u32.saturating_pow(attempt))
    }

    /// All pauses from an attempt to the last one.
    pub fn patience(&self, attempt: u32) -> Duration {
        let seconds: f64 = (attempt..self.max_retries)
            .map(|attempt| self.backoff(attempt) + self.backoff_jitter / 2.0)
            .sum();
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

impl Default for RestOptions {
    fn default() -> Self {
        Self {
            auth: Auth::None,
            insecure_tls: false,
            ca_file: None,
            insecure_tls_by: "MLFLOW_TRACKING_INSECURE_TLS".into(),
            ca_file_by: "MLFLOW_TRACKING_SERVER_CERT_PATH".into(),
            client_cert: None,
            workspace: None,
            max_retries: 7,
            backoff_factor: 2.0,
            backoff_jitter: 1.0,
            timeout: Duration::from_secs(120),
            respect_retry_after: true,
            allow_redirects: true,
            pages_at_once: 2,
            withheld: None,
            observer: None,
            cache_folder: None,
            tunnel: None,
            artifacts_server: None,
            artifacts_auth: Auth::None,
        }
    }
}
