//! What an object store refuses, and what can be done about it.

use std::error::Error;

use thiserror::Error as Failure;

use super::place::Place;
use crate::store::ErrorKind;
use crate::store::error::UNTRUSTED;
use crate::store::reasons::{innermost, plain_text, tls_cause, tls_words};
use crate::store::secrets::hide;

/// How services name it that they do not know who asks.
const STRANGERS: [&str; 12] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "AuthFailure",
    "AuthenticationFailed",
    "InvalidAuthenticationInfo",
    "AuthenticationRequired",
    "UnrecognizedClientException",
    "invalid_grant",
    "invalid_client",
];
/// Or not any more.
const EXPIRED: [&str; 4] =
    ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"];
/// Letters of a message that are shown.
const LONGEST: usize = 300;

/// An answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq, Failure)]
#[error("{status} {code}: {message}")]
pub struct Refusal {
    pub status: u16,
    /// As the service names it: `NoSuchBucket`.
    pub code: String,
    pub message: String,
    /// The region that the bucket is in, where it says so.
    pub region: Option<String>,
}

impl Refusal {
    /// What an answer says in XML, or in JSON, or as whatever it is.
    pub fn read(status: u16, body: &[u8], code: Option<String>, region: Option<String>) -> Self {
        let text = String::from_utf8_lossy(body);
        let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let told = |names: &[&str]| {
            let json = json.as_ref()?;
            let json = json.get("error").filter(|error| error.is_object()).unwrap_or(json);
            names.iter().find_map(|name| json.get(name)?.as_str().map(str::to_owned))
        };
        let code = element(&text, "Code").or(code).or_else(|| told(&["__type", "status", "error", "code"]));
        let message =
            element(&text, "Message").or_else(|| told(&["error_description", "message", "Message"]));
        let message = message.unwrap_or_else(|| {
            let is_page = text.trim_start().starts_with('<');
            if is_page { plain_text(body) } else { text.clone().into_owned() }
        });
        // A part of a secret is known for none: it has to be hidden before anything is cut.
        let message = hide(message.lines().next().unwrap_or_default()).chars().take(LONGEST).collect();
        Self { status, code: code.unwrap_or_default(), message, region: element(&text, "Region").or(region) }
    }

    /// Whether somebody may not do that, and is not just unknown.
    pub fn is_of_rights(&self) -> bool {
        let code = self.code.as_str();
        let is_of_who =
            STRANGERS.contains(&code) || EXPIRED.contains(&code) || code == "RequestTimeTooSkewed";
        self.status == 403 && !is_of_who
    }

    /// The same in words for people.
    fn words(&self) -> String {
        let message = self.message.trim().trim_end_matches('.');
        match (self.code.as_str(), message) {
            ("", "") => self.status.to_string(),
            ("", message) => format!("{}: {message}", self.status),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        }
    }
}

/// No answer came for so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Failure)]
#[error("no answer within {0} s")]
pub struct Silence(pub u64);

/// The text of the first element of a name in an XML document.
pub fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    let plain =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    Some(plain.iter().fold(value.trim().to_owned(), |value, (from, to)| value.replace(from, to)))
}

/// The first cause of a kind.
pub fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

/// What a failed request for `path` comes to.
pub fn kind_of(error: &(dyn Error + 'static), place: &Place, path: &str) -> ErrorKind {
    // What was found out about credentials, by this program's own words.
    if let Some(kind) = cause::<ErrorKind>(error) {
        return kind.clone();
    }
    if let Some(refusal) = cause::<Refusal>(error) {
        return refused(refusal, place, path);
    }
    if let Some(Silence(seconds)) = cause(error) {
        return ErrorKind::Hung(place.server(), *seconds);
    }
    if let Some(tls) = tls_cause(error) {
        let words = format!("{}: {}", place.server(), tls_words(tls));
        return ErrorKind::ObjectStore(
            words,
            if tls_words(tls).contains(UNTRUSTED) { place.trust() } else { CHECK_SERVER },
        );
    }
    if let Some(object_store::path::Error::EmptySegment { path }) = cause(error) {
        let words =
            format!("{} holds the key {path:?}, which is no path: a part of it is empty", place.uri());
        return ErrorKind::ObjectStore(words, "rename that object, or delete it");
    }
    if let Some(error) = cause::<object_store::path::Error>(error) {
        return ErrorKind::Invalid(format!(
            "{path:?} cannot be the name of a file in {}: {error}",
            place.uri()
        ));
    }
    if let Some(http) = cause::<reqwest::Error>(error) {
        if http.is_timeout() && !http.is_connect() {
            return ErrorKind::Hung(place.server(), place.patience());
        }
        let why = if http.is_timeout() { "connection timed out".into() } else { innermost(http) };
        return ErrorKind::Unreachable(format!("{}: {why}", place.server()));
    }
    let words = format!("{} answers otherwise than an object store: {}", place.server(), innermost(error));
    ErrorKind::ObjectStore(words, CHECK_SERVER)
}

const CHECK_SERVER: &str = "check that the endpoint is that of the object store";

fn refused(refusal: &Refusal, place: &Place, path: &str) -> ErrorKind {
    let (words, uri) = (refusal.words(), place.uri());
    let told = |words: String, hint: &'static str| ErrorKind::ObjectStore(words, hint);
    match (refusal.status, refusal.code.as_str()) {
        (_, "NoSuchBucket" | "ContainerNotFound" | "FilesystemNotFound") => told(
            format!("there is no {} {:?} at {}", place.called(), place.bucket(), place.server()),
            "check the artifact location of the experiment, and the endpoint",
        ),
        (_, "InvalidBucketName") => {
            told(format!("{uri}: {words}"), "check the artifact location of the experiment")
        }
        (_, code) if EXPIRED.contains(&code) => {
            told(format!("{uri}: {} have expired ({words})", place.who()), place.sign_in())
        }
        (_, "RequestTimeTooSkewed") => {
            told(format!("{uri}: {words}"), "set the clock of this machine: it differs from the server's")
        }
        (status, code) if status == 401 || STRANGERS.contains(&code) => {
            told(format!("{uri} rejects {} ({words})", place.who()), place.sign_in())
        }
        (301 | 307, _)
        | (_, "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException") => {
            let region =
                refusal.region.as_deref().map_or(String::new(), |region| format!(": it is in {region}"));
            let here = place.region().map_or(String::new(), |region| format!(" {region:?}"));
            told(
                format!("{uri} is not in the region{here}{region} ({words})"),
                "set AWS_DEFAULT_REGION to the region of the bucket",
            )
        }
        (_, "NoSuchKey" | "BlobNotFound" | "PathNotFound") | (404, _) => {
            ErrorKind::NotFound(format!("there is no file {path:?} in {uri}"))
        }
        (403, _) => told(format!("{uri} denies access with {} ({words})", place.who()), place.rights()),
        (status, _) if status >= 500 || matches!(status, 408 | 429) => {
            ErrorKind::Server { status, message: format!("{words} ({})", place.server()) }
        }
        _ => told(format!("{}: {words}", place.server()), CHECK_SERVER),
    }
}

/// Whether somebody else, who has other credentials, may succeed.
pub fn is_refusal(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::ObjectStore(..) | ErrorKind::Unreachable(_) | ErrorKind::Hung(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_is_told_from_who_is_not_known() {
        let is_of_rights =
            |status, code: &str| Refusal::read(status, b"", Some(code.to_owned()), None).is_of_rights();
        for code in ["AccessDenied", "AuthorizationPermissionMismatch", "AuthorizationFailure", ""] {
            assert!(is_of_rights(403, code), "{code}");
        }
        for code in ["SignatureDoesNotMatch", "AuthenticationFailed", "ExpiredToken", "RequestTimeTooSkewed"]
        {
            assert!(!is_of_rights(403, code), "{code}");
        }
        assert!(!is_of_rights(401, "AccessDenied") && !is_of_rights(503, "AccessDenied"));
    }

    #[test]
    fn a_refusal_is_read_in_whatever_form_it_comes() {
        let read = |status, body: &str| Refusal::read(status, body.as_bytes(), None, None);
        let xml = "<?xml version=\"1.0\"?><Error><Code>AuthorizationHeaderMalformed</Code><Message>the region &apos;us-east-1&apos; is wrong; expecting &apos;eu-west-1&apos;</Message><Region>eu-west-1</Region></Error>";
        let refusal = read(400, xml);
        assert_eq!(
            (refusal.code.as_str(), refusal.region.as_deref()),
            ("AuthorizationHeaderMalformed", Some("eu-west-1"))
        );
        assert!(refusal.message.contains("expecting 'eu-west-1'"), "{refusal}");
        let json = r#"{"error": "invalid_grant", "error_description": "Bad Request"}"#;
        assert_eq!(read(400, json).words(), "invalid_grant: Bad Request");
        let json = r#"{"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "no."}}"#;
        assert_eq!(read(403, json).words(), "PERMISSION_DENIED: no");
        assert_eq!(read(502, "<html><h1>Bad Gateway</h1></html>").words(), "502: Bad Gateway");
        assert_eq!(read(404, "").words(), "404");
        assert!(read(500, &"é".repeat(100_000)).message.chars().count() == LONGEST);
    }
}
