//! Requests, retries and errors: everything about HTTP, nothing about experiments.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONNECTION, HeaderMap, RETRY_AFTER};
use reqwest::{Method, Request, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::sync::Semaphore;
use url::Url;

use super::answer::Answer;
use super::body::{self, Source};
use super::databricks::{Login, without_nulls};
use super::failure::{failure, tls_words};
use super::http;
use super::options::{Auth, RestOptions, WaitNotice};
use super::paging::PAGE;
use super::paths::{address, escape, leads_elsewhere};
use super::proxy::{self, Proxy};
use super::received::Received;
use crate::store::reasons::{innermost, tls_cause};
use crate::store::secrets::{self, hide};
use crate::store::{ErrorKind, Inner};

/// How long an answer may take until that is said.
const SILENCE: Duration = Duration::from_secs(10);
/// How often a write that collided with another is sent again.
const COLLISIONS: u32 = 4;
/// The answers after which MLflow's own client tries again.
const RETRIED: [u16; 6] = [408, 429, 500, 502, 503, 504];
/// For requests whose answers may take any time.
const ENDLESS: Duration = Duration::from_secs(1 << 32);

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
    source: Source,
    options: RestOptions,
    /// Made at the first request: reading certificates takes time that a start need not wait for.
    http: OnceLock<reqwest::Client>,
    /// How one is known to a workspace of Databricks.
    login: Option<Login>,
    /// The proxy on the way, if any.
    proxy: Option<Proxy>,
    /// Somebody was told that an answer is long in coming, or that requests are tried again.
    told: AtomicBool,
    told_of_failure: AtomicBool,
    /// The server's own time of its latest answer, in milliseconds; 0 where it never told.
    time: AtomicI64,
    /// So many runs fit on a page, as far as is known.
    page: AtomicUsize,
}

impl Client {
    pub fn new(base: &Url, mut options: RestOptions) -> Inner<Self> {
        if options.insecure_tls && options.ca_file.is_some() {
            let (insecure, trusted) = (&options.insecure_tls_by, &options.ca_file_by);
            return Err(ErrorKind::Invalid(format!(
                "{insecure} and {trusted} exclude each other: unset one"
            )));
        }
        // As with MLflow's client, those in the address go before all others.
        if let Some(auth) = Auth::in_address(base) {
            options.auth = auth;
        }
        options.auth.note();
        if let Some(written) = base.password() {
            secrets::note(written);
        }
        let base = address(base);
        let through = options
            .tunnel
            .as_ref()
            .map(|tunnel| Proxy { address: format!("ssh {}", tunnel.host()), variable: "ssh_host" });
        let proxy = through.or_else(|| proxy::of(&base));
        let source = Source { base, timeout: options.timeout, turn: Arc::new(Semaphore::new(1)) };
        Ok(Self {
            source,
            options,
            http: OnceLock::new(),
            login: None,
            proxy,
            told: AtomicBool::new(false),
            told_of_failure: AtomicBool::new(false),
            time: AtomicI64::new(0),
            page: AtomicUsize::new(PAGE),
        })
    }

    /// The same for a workspace of Databricks.
    pub fn of_workspace(login: Login, options: RestOptions) -> Inner<Self> {
        let base = Url::parse(login.host()).map_err(|error| ErrorKind::Address(error.to_string()))?;
        Ok(Self { login: Some(login), ..Self::new(&base, RestOptions { auth: Auth::None, ..options })? })
    }

    /// Whether it is a workspace of Databricks, which lacks some ways of MLflow's own server.
    pub fn is_workspace(&self) -> bool {
        self.login.is_some()
    }

    /// A client for other servers, reached in the same time.
    pub fn for_clouds(&self) -> Inner<reqwest::Client> {
        http::build_for_clouds(&self.options)
    }

    /// The server's address without credentials and without a slash at the end.
    pub fn base(&self) -> &str {
        &self.source.base
    }

    /// The server's own time when it answered last, in milliseconds since the epoch, as far as it tells.
    pub fn server_time(&self) -> Option<i64> {
        Some(self.time.load(Ordering::Relaxed)).filter(|time| *time > 0)
    }

    /// How many runs are asked for on one page at most: what came before tells what fits.
    pub fn fitting(&self) -> usize {
        self.page.load(Ordering::Relaxed)
    }

    pub fn note_fitting(&self, runs: usize) {
        self.page.store(runs.clamp(1, PAGE), Ordering::Relaxed);
    }

    fn http(&self) -> Inner<&reqwest::Client> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let built = http::build(&self.options)?;
        Ok(self.http.get_or_init(|| built))
    }

    /// A request for a path whose segments are not escaped yet. Names from outside stand in it: none leads elsewhere.
    pub(super) fn request(&self, method: Method, path: &str) -> Inner<RequestBuilder> {
        if leads_elsewhere(path) {
            return Err(ErrorKind::Invalid(format!("{path:?} is outside the server's API")));
        }
        let request = self.http()?.request(method, format!("{}/{}", self.base(), escape(path)));
        Ok(match &self.options.auth {
            Auth::None => request,
            Auth::Basic { user, password } => request.basic_auth(user, Some(password)),
            Auth::Bearer(token) => request.bearer_auth(token),
        })
    }

    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Inner<Answer> {
        self.get_up_to(path, query, body::LONGEST).await
    }

    /// The same outside of any workspace: a server refuses all else to whoever names one that is gone, or any where it has none.
    pub async fn get_outside(&self, path: &str) -> Inner<Answer> {
        let request = self.request(Method::GET, &format!("api/{path}"))?.header(http::WORKSPACE, "");
        self.exchange(request, Repeat::Safe, body::LONGEST).await
    }

    /// The same as [`Self::get`], with an answer of so many bytes at most.
    pub async fn get_up_to(&self, path: &str, query: &[(&str, &str)], most: usize) -> Inner<Answer> {
        let request = self.request(Method::GET, &format!("api/{path}"))?.query(query);
        self.exchange(request, Repeat::Safe, most).await
    }

    /// A POST that only reads.
    pub async fn search(&self, path: &str, body: &Value) -> Inner<Answer> {
        self.post(path, body, Repeat::Safe).await
    }

    /// The same, on a connection that serves nothing behind it where `is_last`.
    pub async fn search_on(&self, path: &str, body: &Value, is_last: bool) -> Inner<Answer> {
        let mut request = self.with_body(Method::POST, path, body)?;
        if is_last {
            request = request.header(CONNECTION, "close");
        }
        self.exchange(request, Repeat::Safe, body::LONGEST).await
    }

    pub async fn post(&self, path: &str, body: &Value, repeat: Repeat) -> Inner<Answer> {
        self.exchange(self.with_body(Method::POST, path, body)?, repeat, body::LONGEST).await
    }

    pub async fn delete(&self, path: &str, body: &Value) -> Inner<Answer> {
        self.exchange(self.with_body(Method::DELETE, path, body)?, Repeat::Safe, body::LONGEST).await
    }

    /// A change that is the same twice as once.
    pub async fn patch(&self, path: &str, body: &Value) -> Inner<Answer> {
        self.exchange(self.with_body(Method::PATCH, path, body)?, Repeat::Safe, body::LONGEST).await
    }

    /// A request to the API with a body: Databricks' messages have no nulls in them.
    fn with_body(&self, method: Method, path: &str, body: &Value) -> Inner<RequestBuilder> {
        let request = self.request(method, &format!("api/{path}"))?;
        Ok(if self.is_workspace() { request.json(&without_nulls(body)) } else { request.json(body) })
    }

    /// The body of a page outside the API, as text: no more than its beginning where it is a long one.
    pub async fn text(&self, path: &str) -> Inner<String> {
        let request = self.request(Method::GET, path)?;
        let received = self.send(request, Repeat::Safe).await?;
        let mut bytes = Vec::new();
        received.source.read_beginning(received.response, &mut bytes).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The bytes behind a path: so many at most.
    pub async fn download(&self, path: &str, query: &[(&str, &str)], most: usize) -> Inner<Vec<u8>> {
        let request = self.request(Method::GET, path)?.query(query);
        self.send(request, Repeat::Safe).await?.bytes(most).await
    }

    /// The answer behind a path, as it comes: its body takes as long as it takes, and only its beginning is waited for.
    pub async fn stream(&self, path: &str, query: &[(&str, &str)], headers: HeaderMap) -> Inner<Response> {
        let request = self.request(Method::GET, path)?.query(query).headers(headers).timeout(ENDLESS);
        self.send(request, Repeat::Safe).await.map(|received| received.response)
    }

    /// Sends a body that cannot be sent again, and takes as long as it takes.
    pub async fn send_once(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        headers: HeaderMap,
        body: reqwest::Body,
    ) -> Inner<()> {
        let request = self.request(method, path)?.query(query).headers(headers).timeout(ENDLESS).body(body);
        let mut request = request.build().map_err(|error| unwritten(&error))?;
        self.log_in(&mut request).await?;
        let response = self.http()?.execute(request).await.map_err(|error| self.broken(&error))?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(self.failure(response).await)
    }

    /// How long a server may take for a part of an answer.
    pub fn patience(&self) -> Duration {
        self.options.timeout
    }

    /// How many pages of runs may be asked for at the same time.
    pub fn pages_at_once(&self) -> usize {
        self.options.pages_at_once
    }

    /// How often a request that failed is sent again.
    pub fn retries(&self) -> u32 {
        self.options.max_retries
    }

    /// The pause before that, behind so many others.
    pub fn pause(&self, attempt: u32) -> Duration {
        self.backoff(attempt)
    }

    pub async fn upload(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        content: &[u8],
    ) -> Inner<()> {
        let request = self.request(method, path)?.query(query).body(content.to_vec());
        // What was taken is answered with nothing at all, or with an empty object.
        let received = self.send(request, Repeat::Safe).await?;
        if received.is_json() {
            received.bytes(body::SHOWN).await.map(drop)
        } else {
            received.answer(body::SHOWN).await.map(drop)
        }
    }

    /// Makes sure that it is MLflow that has nothing to list, and not somebody who answers everything.
    pub async fn confirm(&self) -> Inner<()> {
        match self.get("2.0/mlflow/experiments/get", &[("experiment_id", "0")]).await {
            Ok(answer) if !answer.has("experiment") => {
                Err(ErrorKind::Protocol("every question is answered with 200 and nothing in it".into()))
            }
            Err(error @ (ErrorKind::Unreachable(_) | ErrorKind::Timeout(_) | ErrorKind::Protocol(_))) => {
                Err(error)
            }
            // That there is no such experiment, or none for this user, is what MLflow says.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Sends a request and reads the answer.
    async fn exchange(&self, request: RequestBuilder, repeat: Repeat, most: usize) -> Inner<Answer> {
        self.send(request, repeat).await?.answer(most).await
    }

    /// Waits for an answer to begin, and says so where that takes long.
    async fn begun<T>(&self, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        let silence = (self.options.timeout / 2).min(SILENCE);
        if let Ok(answer) = tokio::time::timeout(silence, &mut answer).await {
            return answer;
        }
        if let Some(observer) = &self.options.observer
            && !self.told.swap(true, Ordering::Relaxed)
        {
            let what = format!("no answer from {} yet; waiting", self.base());
            let at_most = self.options.timeout.saturating_sub(silence);
            observer.tell(&WaitNotice { what, at_most, set_by: "MLFLOW_HTTP_REQUEST_TIMEOUT" });
        }
        answer.await
    }

    /// Sends a request, and again after a pause where that is safe and may help.
    pub(super) async fn send(&self, request: RequestBuilder, repeat: Repeat) -> Inner<Received<'_>> {
        let http = self.http()?;
        let request = request.build().map_err(|error| unwritten(&error))?;
        let mut attempt = 0;
        let mut has_renewed = false;
        loop {
            let mut this_time = request
                .try_clone()
                .ok_or_else(|| ErrorKind::Io("the request body cannot be sent again".into()))?;
            if let Err(failure) = self.ready(&mut this_time).await {
                let is_final = match &self.options.tunnel {
                    Some(tunnel) => !tunnel.has_been(),
                    None => !failure.may_pass(),
                };
                if is_final || attempt >= self.options.max_retries {
                    return Err(failure);
                }
                self.tell(&failure, attempt);
                tokio::time::sleep(self.backoff(attempt)).await;
                attempt += 1;
                continue;
            }
            let is_endless = this_time.timeout() == Some(&ENDLESS);
            let answer = self.begun(http.execute(this_time));
            let result = if is_endless {
                match tokio::time::timeout(self.options.timeout, answer).await {
                    Ok(result) => result,
                    Err(_) => return Err(ErrorKind::Timeout(self.options.timeout.as_secs())),
                }
            } else {
                answer.await
            };
            let (failure, pause) = match result {
                Ok(response) if response.status().is_success() => {
                    if let Some(time) = http::date(&response) {
                        self.time.store(time, Ordering::Relaxed);
                    }
                    // The next time that it does not answer is another one to tell of.
                    self.told_of_failure.store(false, Ordering::Relaxed);
                    return Ok(Received { response, source: &self.source });
                }
                Ok(response) => {
                    let status = response.status();
                    let pause = self.retry_after(&response);
                    let did_nothing = status == StatusCode::TOO_MANY_REQUESTS;
                    let failure = self.failure(response).await;
                    // What is refused so was not done.
                    if !has_renewed && self.login.as_ref().is_some_and(|login| login.renew_after(&failure)) {
                        has_renewed = true;
                        continue;
                    }
                    if repeat == Repeat::Safe && attempt < COLLISIONS && is_collision(&failure) {
                        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..100))).await;
                        attempt += 1;
                        continue;
                    }
                    let helps =
                        RETRIED.contains(&status.as_u16()) && !matches!(failure, ErrorKind::Address(_));
                    if !helps || (repeat == Repeat::Never && !did_nothing) {
                        return Err(failure);
                    }
                    (failure, pause)
                }
                Err(error) => {
                    let never_sent = error.is_connect();
                    let failure = self.broken(&error);
                    let final_failure =
                        error.is_builder() || error.is_redirect() || matches!(failure, ErrorKind::Tls(_));
                    if final_failure || (repeat == Repeat::Never && !never_sent) {
                        return Err(failure);
                    }
                    (failure, None)
                }
            };
            if attempt >= self.options.max_retries {
                return Err(failure);
            }
            self.tell(&failure, attempt);
            let pause = pause.unwrap_or_else(|| self.backoff(attempt));
            tracing::debug!(attempt, ?pause, %failure, "trying again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Makes the way for a request: a tunnel, and a token.
    async fn ready(&self, request: &mut Request) -> Inner<()> {
        if let Some(tunnel) = &self.options.tunnel {
            tunnel.ready().await?;
        }
        self.log_in(request).await
    }

    /// Says who one is, where that takes a token that may have to be asked for first.
    async fn log_in(&self, request: &mut Request) -> Inner<()> {
        let Some(login) = &self.login else { return Ok(()) };
        let header = login.header(self.http()?, &self.source, |error| self.broken(error)).await?;
        request.headers_mut().insert(AUTHORIZATION, header);
        Ok(())
    }

    /// The error behind an answer that is not a success.
    async fn failure(&self, response: Response) -> ErrorKind {
        let why = self.options.withheld.as_deref();
        let failure = failure(response, &self.source, self.answering_proxy(), why).await;
        match &self.login {
            Some(login) => login.in_words(failure),
            None => failure,
        }
    }

    /// Says of a failure that it is tried again, and for how long: once until the server answers again.
    fn tell(&self, failure: &ErrorKind, attempt: u32) {
        if let Some(observer) = &self.options.observer
            && !self.told_of_failure.swap(true, Ordering::Relaxed)
        {
            let what = format!("{}; trying again", hide(&failure.to_string()));
            let at_most = self.options.patience(attempt);
            observer.tell(&WaitNotice { what, at_most, set_by: "MLFLOW_HTTP_REQUEST_MAX_RETRIES" });
        }
    }

    fn backoff(&self, attempt: u32) -> Duration {
        let seconds = self.options.backoff(attempt) + fastrand::f64() * self.options.backoff_jitter;
        Duration::try_from_secs_f64(seconds).unwrap_or(http::LONGEST_PAUSE).min(http::LONGEST_PAUSE)
    }

    fn retry_after(&self, response: &Response) -> Option<Duration> {
        if !self.options.respect_retry_after {
            return None;
        }
        let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
        http::parse_retry_after(text, jiff::Timestamp::now().as_second())
    }

    /// A proxy that may have answered in the server's place: within TLS only the server answers.
    fn answering_proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|_| self.base().starts_with("http://") && self.options.tunnel.is_none())
    }

    fn broken(&self, error: &reqwest::Error) -> ErrorKind {
        if let Some(cause) = tls_cause(error) {
            return ErrorKind::Tls(format!("{}: {}", self.base(), tls_words(cause)));
        }
        if error.is_timeout() && !error.is_connect() {
            return ErrorKind::Timeout(self.options.timeout.as_secs());
        }
        let cause = innermost(error);
        match &self.proxy {
            Some(proxy) if error.is_connect() => {
                ErrorKind::Proxy(format!("cannot reach {} through the proxy {proxy}: {cause}", self.base()))
            }
            Some(proxy) => {
                ErrorKind::Unreachable(format!("{}, through the proxy {proxy}: {cause}", self.base()))
            }
            None if error.is_timeout() => {
                ErrorKind::Unreachable(format!("{}: connection timed out", self.base()))
            }
            None => ErrorKind::Unreachable(format!("{}: {cause}", self.base())),
        }
    }
}

fn unwritten(error: &reqwest::Error) -> ErrorKind {
    ErrorKind::Invalid(format!("cannot write the request: {}", innermost(error)))
}

/// Two requests wrote the same row at once, one made or took away what the other was about to write, and the server's
/// database refused that. It is rolled back: sent again, it finds the row as it is now.
fn is_collision(failure: &ErrorKind) -> bool {
    let told = ["IntegrityError", "UniqueViolation", "row(s); 0 were matched", "row(s); Only 0 were matched"];
    matches!(failure, ErrorKind::Invalid(message) if told.iter().any(|words| message.contains(words)))
}
