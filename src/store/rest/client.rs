//! Requests, retries and errors: everything about HTTP, nothing about experiments.

use std::sync::OnceLock;
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::options::{Auth, RestOptions};
use super::tls;
use super::wire::Answer;
use crate::store::ErrorKind;
use crate::store::error::NO_ROUTE;

type Inner<T> = std::result::Result<T, ErrorKind>;

/// The answers after which MLflow's own client tries again.
const RETRIED: [u16; 6] = [408, 429, 500, 502, 503, 504];
/// A server may ask for a pause; a longer one than this is not waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// What stands in a path segment only in percent form.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// Whether a request may be sent again when nobody knows what became of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Twice is the same as once.
    Safe,
    /// Twice would do it twice: sent again only when the first surely did nothing.
    Never,
}

#[derive(Debug)]
pub struct Client {
    base: String,
    options: RestOptions,
    /// Made at the first request: reading certificates takes time that a start need not wait for.
    http: OnceLock<reqwest::Client>,
}

impl Client {
    pub fn new(base: &Url, mut options: RestOptions) -> Inner<Self> {
        if options.insecure_tls && options.ca_file.is_some() {
            return Err(ErrorKind::Invalid(
                "MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH exclude each other: unset one".into(),
            ));
        }
        if options.auth == Auth::None && !base.username().is_empty() {
            let decode =
                |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
            options.auth = Auth::Basic {
                user: decode(base.username()),
                password: decode(base.password().unwrap_or_default()),
            };
        }
        let base = address(base);
        Ok(Self { base, options, http: OnceLock::new() })
    }

    /// The server's address without credentials and without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn http(&self) -> Inner<&reqwest::Client> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let built = build(&self.options)?;
        Ok(self.http.get_or_init(|| built))
    }

    fn request(&self, method: Method, path: &str) -> Inner<RequestBuilder> {
        let request = self.http()?.request(method, format!("{}/{path}", self.base));
        Ok(match &self.options.auth {
            Auth::None => request,
            Auth::Basic { user, password } => request.basic_auth(user, Some(password)),
            Auth::Bearer(token) => request.bearer_auth(token),
        })
    }

    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Inner<Answer> {
        let request = self.request(Method::GET, &format!("api/{path}"))?.query(query);
        self.send(request, Repeat::Safe).await?.answer().await
    }

    /// A POST that only reads.
    pub async fn search(&self, path: &str, body: &Value) -> Inner<Answer> {
        self.post(path, body, Repeat::Safe).await
    }

    pub async fn post(&self, path: &str, body: &Value, repeat: Repeat) -> Inner<Answer> {
        let request = self.request(Method::POST, &format!("api/{path}"))?.json(body);
        self.send(request, repeat).await?.answer().await
    }

    pub async fn delete(&self, path: &str, body: &Value) -> Inner<Answer> {
        let request = self.request(Method::DELETE, &format!("api/{path}"))?.json(body);
        self.send(request, Repeat::Safe).await?.answer().await
    }

    /// A change that is the same twice as once.
    pub async fn patch(&self, path: &str, body: &Value) -> Inner<Answer> {
        let request = self.request(Method::PATCH, &format!("api/{path}"))?.json(body);
        self.send(request, Repeat::Safe).await?.answer().await
    }

    /// The body of a page outside the API, as text.
    pub async fn text(&self, path: &str) -> Inner<String> {
        let request = self.request(Method::GET, path)?;
        let bytes = self.send(request, Repeat::Safe).await?.bytes().await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The bytes behind a path whose segments are not escaped yet.
    pub async fn download(&self, path: &str, query: &[(&str, &str)]) -> Inner<Vec<u8>> {
        let request = self.request(Method::GET, &escape(path))?.query(query);
        self.send(request, Repeat::Safe).await?.bytes().await
    }

    pub async fn upload(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        content: &[u8],
    ) -> Inner<()> {
        let request = self.request(method, &escape(path))?.query(query).body(content.to_vec());
        self.send(request, Repeat::Safe).await?.bytes().await.map(drop)
    }

    /// Sends a request, and again after a pause where that is safe and may help.
    async fn send(&self, request: RequestBuilder, repeat: Repeat) -> Inner<Received> {
        let mut attempt = 0;
        loop {
            let this_time =
                request.try_clone().ok_or_else(|| ErrorKind::Io("a body cannot be sent twice".into()))?;
            let result = this_time.send().await;
            let (failure, pause) = match result {
                Ok(response) if response.status().is_success() => return Ok(Received(response)),
                Ok(response) => {
                    let status = response.status();
                    let pause = self.retry_after(&response);
                    let did_nothing = status == StatusCode::TOO_MANY_REQUESTS;
                    let failure = failure(response).await;
                    if repeat == Repeat::Safe && attempt < 2 && is_collision(&failure) {
                        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..100))).await;
                        attempt += 1;
                        continue;
                    }
                    let helps = RETRIED.contains(&status.as_u16());
                    if !helps || (repeat == Repeat::Never && !did_nothing) {
                        return Err(failure);
                    }
                    (failure, pause)
                }
                Err(error) => {
                    let never_sent = error.is_connect();
                    let failure = self.broken(&error);
                    let final_failure = error.is_builder() || error.is_redirect();
                    if final_failure || (repeat == Repeat::Never && !never_sent) {
                        return Err(failure);
                    }
                    (failure, None)
                }
            };
            if attempt >= self.options.max_retries {
                return Err(failure);
            }
            let pause = pause.unwrap_or_else(|| self.backoff(attempt));
            tracing::debug!(attempt, ?pause, %failure, "trying again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    fn backoff(&self, attempt: u32) -> Duration {
        let exponential = self.options.backoff_factor * f64::from(2_u32.saturating_pow(attempt));
        let seconds = exponential + fastrand::f64() * self.options.backoff_jitter;
        Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
    }

    fn retry_after(&self, response: &Response) -> Option<Duration> {
        if !self.options.respect_retry_after {
            return None;
        }
        let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
        parse_retry_after(text, jiff::Timestamp::now().as_second())
    }

    fn broken(&self, error: &reqwest::Error) -> ErrorKind {
        if error.is_timeout() {
            return ErrorKind::Timeout(self.options.timeout.as_secs());
        }
        // The innermost cause says what happened; the outer ones repeat the address.
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        ErrorKind::Unreachable(format!("{}: {cause}", self.base))
    }
}

/// The pause that a server asks for: seconds, or a date. None where it is neither, or too long to wait for. `now` is
/// in seconds since the epoch.
fn parse_retry_after(text: &str, now: i64) -> Option<Duration> {
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

/// A path with its segments escaped.
fn escape(path: &str) -> String {
    utf8_percent_encode(path, SEGMENT).to_string()
}

/// A server's address without credentials and without a slash at the end.
pub fn address(url: &Url) -> String {
    let mut url = url.clone();
    // A URL without a host cannot have credentials: nothing to take out then.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.as_str().trim_end_matches('/').to_owned()
}

/// Two requests wrote the same new row at once, and the server's database refused one of them. It is rolled back:
/// sent again, it finds the row and overwrites it.
fn is_collision(failure: &ErrorKind) -> bool {
    matches!(failure, ErrorKind::Invalid(message)
        if message.contains("IntegrityError") || message.contains("UniqueViolation"))
}

/// A successful answer whose body is still to come.
struct Received(Response);

impl Received {
    async fn bytes(self) -> Inner<Vec<u8>> {
        match self.0.bytes().await {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(error) => Err(ErrorKind::Unreachable(format!("the answer broke off: {error}"))),
        }
    }

    async fn answer(self) -> Inner<Answer> {
        Answer::parse(&self.bytes().await?)
    }
}

/// The error behind an answer that is not a success.
async fn failure(response: Response) -> ErrorKind {
    let status = response.status();
    let body = response.bytes().await.unwrap_or_default();
    let parsed: Option<Value> = serde_json::from_slice(&body).ok();
    let field = |name: &str| parsed.as_ref().and_then(|v| v.get(name)).and_then(Value::as_str);
    let code = field("error_code").unwrap_or_default();
    // Of a long message the first line is for people; some carry the whole SQL statement behind it.
    let text = field("message").map_or_else(|| plain_text(&body), str::to_owned);
    let mut lines = text.lines().filter(|line| !line.starts_with("(raised as a result of"));
    let message: String = lines.next().unwrap_or_default().chars().take(300).collect();
    match (status.as_u16(), code) {
        (401, _) => ErrorKind::Unauthorized,
        (403, _) => ErrorKind::Forbidden(message),
        (_, "RESOURCE_ALREADY_EXISTS") => {
            ErrorKind::AlreadyExists(message.split(" Error: ").next().unwrap_or_default().to_owned())
        }
        // MLflow itself says more; this is another server, or another path.
        (404, "") => ErrorKind::NotFound(format!("{NO_ROUTE} {message}; is the address right?")),
        (404, _) | (_, "RESOURCE_DOES_NOT_EXIST") => ErrorKind::NotFound(message),
        (501, _) | (_, "NOT_IMPLEMENTED") => ErrorKind::Unsupported(message),
        (400 | 405 | 413 | 414, _) => ErrorKind::Invalid(message),
        (status, _) => ErrorKind::Server { status, message },
    }
}

/// The words of a body that is not JSON, HTML tags taken out.
fn plain_text(body: &[u8]) -> String {
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

fn build(options: &RestOptions) -> Inner<reqwest::Client> {
    let mut headers = HeaderMap::new();
    if let Some(workspace) = &options.workspace {
        let value = HeaderValue::from_str(workspace).map_err(|_| {
            ErrorKind::Invalid(format!("the workspace {workspace:?} cannot be sent in a header"))
        })?;
        headers.insert(HeaderName::from_static("x-mlflow-workspace"), value);
    }
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("mltui/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .timeout(options.timeout)
        .connect_timeout(options.timeout.min(Duration::from_secs(10)))
        .tls_danger_accept_invalid_certs(options.insecure_tls);
    if !options.allow_redirects {
        builder = builder.redirect(reqwest::redirect::Policy::none());
    }
    builder = tls::certificates(builder, options)?;
    builder.build().map_err(|error| ErrorKind::Io(error.to_string()))
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

    #[test]
    fn of_a_page_only_the_words_are_shown() {
        let page = b"<!doctype html>\n<title>503</title><h1>Down</h1>\n<p>for   now</p>";
        assert_eq!(plain_text(page), "503 Down for now");
    }
}
