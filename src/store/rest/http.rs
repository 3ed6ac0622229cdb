//! The way to a server: TLS, redirects, proxies, and what goes with every request.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;

use super::options::RestOptions;
use super::tls;
use crate::store::{ErrorKind, Inner};

/// Redirects that are followed one after the other.
const REDIRECTS: usize = 10;
/// A server may ask for a pause; a longer one than this is not waited for.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(120);
const AGENT: &str = concat!("mltui/", env!("CARGO_PKG_VERSION"));

/// The header that names a workspace.
pub const WORKSPACE: &str = "x-mlflow-workspace";

/// The client that requests to a server go through.
pub fn build(options: &RestOptions) -> Inner<reqwest::Client> {
    let mut headers = HeaderMap::new();
    if let Some(workspace) = &options.workspace {
        let value = HeaderValue::from_str(workspace).map_err(|_| {
            ErrorKind::Invalid(format!("the workspace {workspace:?} cannot be sent in a header"))
        })?;
        headers.insert(HeaderName::from_static(WORKSPACE), value);
    }
    let mut builder = reqwest::Client::builder()
        .user_agent(AGENT)
        .default_headers(headers)
        .timeout(options.timeout)
        .connect_timeout(options.timeout.min(Duration::from_secs(10)))
        .tls_danger_accept_invalid_certs(options.insecure_tls);
    builder = builder.redirect(if options.allow_redirects { redirects() } else { Policy::none() });
    if let Some(tunnel) = &options.tunnel {
        let tunnel = tunnel.clone();
        // Its port may be another one by the next time. Past it nothing goes.
        let proxy = move |_: &reqwest::Url| {
            let port = tunnel.ends().map_or(0, |ends| ends.proxy);
            reqwest::Url::parse(&format!("socks5h://127.0.0.1:{port}")).ok()
        };
        builder = builder.proxy(reqwest::Proxy::custom(proxy));
    }
    builder = tls::certificates(builder, options)?;
    builder.build().map_err(|error| ErrorKind::Io(error.to_string()))
}

/// Redirects as far as they go, but none out of TLS. Credentials stay behind where the host changes.
fn redirects() -> Policy {
    Policy::custom(|attempt| {
        let leaves_tls =
            attempt.url().scheme() == "http" && attempt.previous().iter().any(|url| url.scheme() == "https");
        if leaves_tls {
            attempt.error("it redirects from https to http")
        } else if attempt.previous().len() >= REDIRECTS {
            attempt.error("too many redirects")
        } else {
            attempt.follow()
        }
    })
}

/// The client for storage of a cloud, whose certificates anybody trusts and which is told nothing of the server's: no
/// workspace, no certificate, no redirect.
pub fn build_for_clouds(options: &RestOptions) -> Inner<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .user_agent(AGENT)
        .connect_timeout(options.timeout.min(Duration::from_secs(10)))
        .redirect(Policy::none());
    builder.build().map_err(|error| ErrorKind::Io(error.to_string()))
}

/// The pause that a server asks for: seconds, or a date. None where it is neither, or too long to wait for. `now` is
/// in seconds since the epoch.
pub fn parse_retry_after(text: &str, now: i64) -> Option<Duration> {
    let text = text.trim();
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(text).ok()?;
            u64::try_from(date.timestamp().as_second() - now).unwrap_or(0)
        }
    };
    let pause = Duration::from_secs(seconds);
    (pause <= LONGEST_PAUSE).then_some(pause)
}

/// When a server sent an answer, by its own clock, in milliseconds since the epoch.
pub fn date(response: &Response) -> Option<i64> {
    let text = response.headers().get(DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_ask_for_a_pause_in_seconds_or_until_a_date() {
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        let then = 1_445_412_480;
        assert_eq!(parse_retry_after(" 7 ", 0), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after(date, then - 30), Some(Duration::from_secs(30)));
        assert_eq!(parse_retry_after(date, then + 30), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("3600", 0), None, "too long to wait for");
        assert_eq!(parse_retry_after("soon", 0), None);
    }
}
