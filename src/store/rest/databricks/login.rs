//! How one is known to a workspace: by a token that was written down, or by tokens that a service principal is given for its
//! secret (OAuth, machine-to-machine). Such a token is kept, and another one asked for before its end, or where the workspace
//! takes it no longer.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;

use crate::store::databricks::{Found, Key};
use crate::store::rest::body::{SHOWN, Source};
use crate::store::secrets::{hide, note};
use crate::store::{ErrorKind, Inner};

/// Where tokens are given out.
const TOKENS: &str = "oidc/v1/token";
/// A token is renewed so long before its end, or at half its time where that is later.
const LEAD: Duration = Duration::from_secs(300);
/// Seconds that a token holds where the answer does not say.
const USUAL: u64 = 3_600;
/// How Databricks begins to refuse a token of its own with 403.
const BAD_TOKEN: [&str; 2] = ["Invalid access token", "Invalid Token"];

pub struct Login {
    found: Found,
    /// The turn of whoever asks for a token: the others wait for it.
    turn: tokio::sync::Mutex<()>,
    kept: Mutex<Option<Kept>>,
}

/// A token, and when it is to be renewed.
#[derive(Clone)]
struct Kept {
    header: HeaderValue,
    until: Instant,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.found.fmt(f)
    }
}

impl Login {
    pub fn new(found: Found) -> Self {
        Self { found, turn: tokio::sync::Mutex::new(()), kept: Mutex::new(None) }
    }

    pub fn host(&self) -> &str {
        &self.found.host
    }

    /// What a request says of who sends it.
    pub async fn header(
        &self,
        http: &reqwest::Client,
        source: &Source,
        broken: impl Fn(&reqwest::Error) -> ErrorKind,
    ) -> Inner<HeaderValue> {
        let (id, secret) = match &self.found.key {
            Key::Token(token) => return bearer(token),
            Key::Client { id, secret } => (id, secret),
        };
        if let Some(header) = self.kept() {
            return Ok(header);
        }
        let _turn = self.turn.lock().await;
        // Somebody else may have got it meanwhile.
        if let Some(header) = self.kept() {
            return Ok(header);
        }
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("grant_type", "client_credentials"), ("scope", "all-apis")])
            .finish();
        let asked = Instant::now();
        let response = http
            .post(format!("{}/{TOKENS}", self.found.host))
            .basic_auth(id, Some(secret))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .map_err(|error| broken(&error))?;
        let status = response.status();
        let body = source.beginning(response).await;
        let answer: Value = serde_json::from_slice(&body[..body.len().min(SHOWN)]).unwrap_or_default();
        let field = |name: &str| answer.get(name).and_then(Value::as_str);
        match field("access_token") {
            Some(token) if status.is_success() => {
                note(token);
                let header = bearer(token)?;
                let seconds = answer.get("expires_in").and_then(Value::as_u64).unwrap_or(USUAL);
                let until = asked + holds(Duration::from_secs(seconds));
                *self.lock() = Some(Kept { header: header.clone(), until });
                Ok(header)
            }
            _ if status.is_server_error() || status.as_u16() == 429 => {
                Err(ErrorKind::Server { status: status.as_u16(), message: "no token was given out".into() })
            }
            _ if status.is_success() => {
                Err(ErrorKind::Protocol(format!("no token under {}/{TOKENS}", self.found.host)))
            }
            _ => {
                let why = field("error_description").or(field("error")).or(field("message"));
                let why = why.map_or_else(|| status.to_string(), |why| hide(why).chars().take(200).collect());
                Err(ErrorKind::Login(format!(
                    "Databricks rejects the id or the secret of the client {id} ({}): {why}",
                    self.found.key_from
                )))
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        // A panic elsewhere leaves a whole token behind.
        self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn kept(&self) -> Option<HeaderValue> {
        self.lock().as_ref().filter(|kept| kept.until > Instant::now()).map(|kept| kept.header.clone())
    }

    /// Whether another token may help after a failure. The one that there was is given up.
    pub fn renew_after(&self, failure: &ErrorKind) -> bool {
        let helps = matches!(failure, ErrorKind::Login(_)) && matches!(self.found.key, Key::Client { .. });
        if helps {
            *self.lock() = None;
        }
        helps
    }

    /// What a failure means here.
    pub fn in_words(&self, failure: ErrorKind) -> ErrorKind {
        let is_bad = match &failure {
            ErrorKind::Unauthorized => true,
            ErrorKind::Forbidden(message) => BAD_TOKEN.iter().any(|words| message.starts_with(words)),
            _ => false,
        };
        if !is_bad {
            return failure;
        }
        let words = match &self.found.key {
            Key::Token(_) => "the token",
            Key::Client { .. } => "the token that it gave to the client",
        };
        ErrorKind::Login(format!("Databricks rejects {words} ({}): it may have expired", self.found.key_from))
    }
}

/// How long a token of such a time is used.
fn holds(time: Duration) -> Duration {
    time.saturating_sub(LEAD.min(time / 2))
}

fn bearer(token: &str) -> Inner<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| ErrorKind::Invalid("the token of Databricks has letters that no header holds".into()))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_its_end() {
        assert_eq!(holds(Duration::from_secs(3_600)).as_secs(), 3_300);
        assert_eq!(holds(Duration::from_secs(60)).as_secs(), 30);
        assert_eq!(holds(Duration::ZERO), Duration::ZERO);
    }
}
