//! Why something on the wire failed: the cause within an error, in words.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

use super::error::UNTRUSTED;

/// How it is said of a server that it does not take whom it is shown.
pub const REJECTED: &str = "the server rejects the client certificate";

/// The words of a body that is not JSON, HTML tags taken out.
pub fn plain_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut words = String::new();
    let mut in_tag = false;
    for c in text.chars() {
        match c {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                words.push(' ');
            }
            c if !in_tag => words.push(if c.is_whitespace() { ' ' } else { c }),
            _ => {}
        }
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The innermost cause says what happened; the outer ones repeat the address.
pub fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// What is wrong with a TLS connection, where that is what failed.
pub fn tls_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        // An error of input and output hides what it carries from `source`.
        let carried = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = carried.and_then(|carried| tls_cause(carried)) {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

/// The same in words.
pub fn tls_words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(problem) => {
            let why = match problem {
                CertificateError::UnknownIssuer => UNTRUSTED.to_owned(),
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "it has expired".to_owned()
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    "it is not valid yet".to_owned()
                }
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    "it is for another name".to_owned()
                }
                other => other.to_string(),
            };
            format!("the server's certificate is not trusted: {why}")
        }
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => format!("{REJECTED} ({error})"),
        rustls::Error::InvalidMessage(_) => format!("the server does not use TLS ({error}); try http://"),
        other => format!("no TLS connection: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_page_only_the_words_are_shown() {
        let page = b"<!doctype html>\n<title>503</title><h1>Down</h1>\n<p>for   now</p>";
        assert_eq!(plain_text(page), "503 Down for now");
    }
}
