//! What a failed request comes to: the answer of a server, of a proxy, of somebody else, or none.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::body::{SHOWN, Source};
use super::proxy::Proxy;
use crate::store::ErrorKind;
use crate::store::error::NO_ROUTE;
use crate::store::reasons::{self, REJECTED, plain_text};
use crate::store::secrets::hide;

/// Letters of a message that are shown.
const LONGEST: usize = 300;

/// The error behind an answer that is not a success. `proxy` may have answered in the server's place; `withheld` says
/// why no credentials were sent although there are some.
pub async fn failure(
    response: Response,
    source: &Source,
    proxy: Option<&Proxy>,
    withheld: Option<&str>,
) -> ErrorKind {
    let status = response.status();
    let is_page =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let body = source.beginning(response).await;
    let parsed: Option<Value> = serde_json::from_slice(&body).ok();
    let field = |name: &str| parsed.as_ref().and_then(|v| v.get(name)).and_then(Value::as_str);
    let code = field("error_code").unwrap_or_default();
    let text = match field("message").or_else(|| field("detail")) {
        Some(text) => text.to_owned(),
        None if is_page || body.starts_with(b"<") => plain_text(&body),
        None => String::from_utf8_lossy(&body).into_owned(),
    };
    // A part of a secret is known for none: it has to be hidden before anything is cut.
    let text = hide(&text);
    // Of a long message the first line is for people; some carry the whole SQL statement behind it.
    let mut lines = text.lines().filter(|line| !line.starts_with("(raised as a result of"));
    let line = beyond_status(lines.next().unwrap_or_default(), status);
    let mut message: String = line.chars().take(LONGEST).collect();
    // MLflow itself names a code; anything else may be somebody else's answer.
    if let Some(proxy) = proxy.filter(|_| code.is_empty()) {
        let gap = if message.is_empty() { "" } else { " " };
        message = format!("{message}{gap}(through the proxy {proxy})");
    }
    match (status.as_u16(), code) {
        (401, _) => withheld.map_or(ErrorKind::Unauthorized, |why| ErrorKind::Withheld(why.to_owned())),
        (407, _) => ErrorKind::Proxy(format!("the proxy requires credentials (407) {message}")),
        (403, _) => ErrorKind::Forbidden(message),
        (_, "RESOURCE_ALREADY_EXISTS") => {
            ErrorKind::AlreadyExists(message.split(" Error: ").next().unwrap_or_default().to_owned())
        }
        // MLflow itself says more; this is another server, or another path.
        (404, "") if message.is_empty() => ErrorKind::NotFound(format!("{NO_ROUTE}; check the address")),
        (404, "") => {
            let message = message.trim_end_matches('.');
            ErrorKind::NotFound(format!("{NO_ROUTE}: {message}; check the address"))
        }
        // Databricks says so of a path that it does not have.
        (404, "ENDPOINT_NOT_FOUND") => ErrorKind::NotFound(format!("{NO_ROUTE}: {message}")),
        (404, "RESOURCE_DOES_NOT_EXIST") if message.starts_with("Workspace '") => {
            ErrorKind::Address(format!("{message} (MLFLOW_WORKSPACE, or `workspace` in the profile)"))
        }
        (_, "FEATURE_DISABLED") if message.contains("workspaces are not enabled") => ErrorKind::Address(
            "this server has no workspaces: leave out MLFLOW_WORKSPACE, `workspace` in the profile, or ?workspace= in the \
             address"
                .into(),
        ),
        (404, _) | (_, "RESOURCE_DOES_NOT_EXIST") => ErrorKind::NotFound(message),
        (501, _) | (_, "NOT_IMPLEMENTED") => ErrorKind::Unsupported(message),
        (400 | 405 | 413 | 414, _) => ErrorKind::Invalid(message),
        (status_code, _) if message.is_empty() => ErrorKind::Server {
            status: status_code,
            message: status.canonical_reason().unwrap_or("nothing more").to_owned(),
        },
        (status, _) => ErrorKind::Server { status, message },
    }
}

/// A message without the status that many pages begin with: as a number, then in words, once or several times.
fn beyond_status(message: &str, status: StatusCode) -> &str {
    let beyond = |text: &str, word: &str| -> Option<usize> {
        let begins = text.get(..word.len())?.eq_ignore_ascii_case(word) && !word.is_empty();
        let rest = &text[word.len()..];
        let rest = (begins && !rest.starts_with(char::is_alphanumeric)).then_some(rest)?;
        Some(text.len() - rest.trim_start_matches([' ', ':', '-', '.', '\u{2013}', '\u{2014}']).len())
    };
    let reason = status.canonical_reason().unwrap_or_default();
    let mut rest = message.trim();
    if rest.eq_ignore_ascii_case(reason) {
        return "";
    }
    if let Some(end) = beyond(rest, status.as_str()) {
        rest = &rest[end..];
        while let Some(end) = beyond(rest, reason) {
            rest = &rest[end..];
        }
    }
    rest
}

/// An answer that says itself that it is no JSON.
pub fn not_json(kind: &str, body: &[u8]) -> ErrorKind {
    let kind = kind.split(';').next().unwrap_or(kind).trim();
    ErrorKind::Protocol(format!("{kind:?} that begins with {:?}", first_words(body)))
}

/// The first words of a body, to be shown.
pub fn first_words(body: &[u8]) -> String {
    hide(&plain_text(&body[..body.len().min(SHOWN)])).chars().take(40).collect()
}

/// What is wrong with a TLS connection, in words.
pub fn tls_words(error: &rustls::Error) -> String {
    let words = reasons::tls_words(error);
    if words.starts_with(REJECTED) {
        return format!("{words}; set MLFLOW_TRACKING_CLIENT_CERT_PATH (a profile's client_cert)");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_said_once() {
        let beyond = |text| beyond_status(text, StatusCode::NOT_FOUND);
        assert_eq!(beyond("404 Not Found Not Found The URL was not found"), "The URL was not found");
        assert_eq!(beyond("404: Not Found"), "");
        assert_eq!(beyond("Not Found"), "");
        assert_eq!(beyond("Not found by anybody"), "Not found by anybody");
        assert_eq!(beyond("404 Not Founded"), "Not Founded");
        assert_eq!(beyond("no experiment 404"), "no experiment 404");
    }
}
