//! Amazon's: the files of its tools, and where credentials come from, as boto3 looks for them.

mod credentials;
mod process;
mod profiles;
mod role;
mod sso;

use std::sync::Arc;

use object_store::aws::AwsCredential;

pub use credentials::Chain;
pub use profiles::{Files, Profile, chosen};

use crate::store::ErrorKind;
use crate::store::secrets::note;

/// Credentials, and until when they are good, in seconds since the epoch.
#[derive(Debug, Clone)]
struct Keys {
    credential: Arc<AwsCredential>,
    until: Option<i64>,
}

impl Keys {
    /// Nobody shows them from here on.
    fn new(key_id: &str, secret_key: &str, token: Option<&str>, until: Option<i64>) -> Self {
        note(secret_key);
        if let Some(token) = token {
            note(token);
        }
        let (key_id, secret_key) = (key_id.trim().to_owned(), secret_key.trim().to_owned());
        let token = token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        Self { credential: Arc::new(AwsCredential { key_id, secret_key, token }), until }
    }
}

/// Seconds since the epoch of a time as Amazon's tools write it.
fn seconds(time: &str) -> Option<i64> {
    let time = time.trim().replace("UTC", "Z");
    Some(time.parse::<jiff::Timestamp>().ok()?.as_second())
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// What is wrong with credentials, and what to do.
fn wrong(words: impl Into<String>, hint: &'static str) -> ErrorKind {
    ErrorKind::ObjectStore(words.into(), hint)
}
