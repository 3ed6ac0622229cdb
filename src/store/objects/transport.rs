//! HTTP to object stores by this program's own client: the same TLS and proxies as everywhere, answers that are waited for only
//! so long, and refusals as what they are.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use tokio::time::{Instant, Sleep};

use super::failure::{Refusal, Silence};
use crate::store::certificates::Verifier;
use crate::store::reasons::tls_cause;
use crate::store::{ErrorKind, Inner};

/// A metadata service is beside the machine, or not there.
const BESIDE: Duration = Duration::from_secs(1);
/// Bytes of a refusal that are read.
const SHOWN: usize = 64 << 10;
/// How much longer the answer to what is sent may take: it may still be on its way.
const SENDING: u32 = 3;

/// How to talk to a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Ways {
    /// How long anything is waited for.
    pub patience: Duration,
    /// Authorities to trust in the place of the system's.
    pub authorities: Option<PathBuf>,
    /// No certificate is looked at.
    pub insecure: bool,
}

/// Makes clients; for a machine's own metadata service, which no proxy leads to, a hasty one.
#[derive(Debug, Clone)]
pub struct Connector {
    ways: Ways,
    store: Wire,
}

impl Connector {
    pub fn new(ways: &Ways) -> Inner<Self> {
        let http = build(ways, ways.patience.min(Duration::from_secs(10)), true)?;
        Ok(Self { ways: ways.clone(), store: Wire { http, patience: ways.patience } })
    }

    /// The client for stores, for requests that are not those of the library.
    pub fn wire(&self) -> &Wire {
        &self.store
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // The library asks for a short time to connect only where it means the machine's own service.
        let usual = ClientOptions::default().get_config_value(&ClientConfigKey::ConnectTimeout);
        if options.get_config_value(&ClientConfigKey::ConnectTimeout) == usual {
            return Ok(HttpClient::new(self.store.clone()));
        }
        let http = build(&self.ways, BESIDE, false);
        let http =
            http.map_err(|kind| object_store::Error::Generic { store: "HTTP", source: Box::new(kind) })?;
        Ok(HttpClient::new(Wire { http, patience: BESIDE * 2 }))
    }
}

fn build(ways: &Ways, connecting: Duration, by_proxy: bool) -> Inner<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("mltui/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connecting)
        .redirect(Policy::none())
        // What is kept packed is what was put there.
        .no_gzip()
        .tls_danger_accept_invalid_certs(ways.insecure);
    if !by_proxy {
        builder = builder.no_proxy();
    }
    if let Some(path) = ways.authorities.as_ref().filter(|_| !ways.insecure) {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Verifier::new(path, &provider)?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ErrorKind::Io(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec!["http/1.1".into()];
        builder = builder.tls_backend_preconfigured(config);
    }
    builder.build().map_err(|error| ErrorKind::Io(error.to_string()))
}

/// A client, and how long it waits.
#[derive(Clone)]
pub struct Wire {
    pub http: reqwest::Client,
    pub patience: Duration,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Wire {
    /// Sends a request, for so long as something of it goes out or the answer is on its way.
    pub async fn send(&self, mut request: reqwest::Request) -> Result<reqwest::Response, HttpError> {
        let gone = Arc::new(AtomicU64::new(0));
        let is_sent =
            request.body().is_some_and(|body| body.as_bytes().is_none_or(|bytes| !bytes.is_empty()));
        if is_sent && let Some(body) = request.body_mut().take() {
            *request.body_mut() = Some(reqwest::Body::wrap(Outgoing { body, gone: Arc::clone(&gone) }));
        }
        let limit = if is_sent { self.patience * SENDING } else { self.patience };
        let mut answer = std::pin::pin!(self.http.execute(request));
        let mut before = gone.load(Ordering::Relaxed);
        loop {
            if let Ok(answer) = tokio::time::timeout(limit, &mut answer).await {
                return answer.map_err(broken);
            }
            let now = gone.load(Ordering::Relaxed);
            if now == before {
                return Err(HttpError::new(HttpErrorKind::Timeout, Silence(limit.as_secs())));
            }
            before = now;
        }
    }

    /// The same; a refusal is an error.
    pub async fn ask(&self, request: reqwest::Request) -> Result<reqwest::Response, HttpError> {
        let response = self.send(request).await?;
        let status = response.status();
        if status.is_success() || status == reqwest::StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let passes = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
        let refusal = self.refusal(response).await;
        // What may pass is asked again by the library, in the way that it does after a connection broke.
        let kind = if passes { HttpErrorKind::Interrupted } else { HttpErrorKind::Unknown };
        Err(HttpError::new(kind, refusal))
    }

    async fn refusal(&self, mut response: reqwest::Response) -> Refusal {
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let (region, code) = (header("x-amz-bucket-region"), header("x-ms-error-code"));
        let status = response.status();
        let mut body = Vec::new();
        while body.len() < SHOWN
            && let Ok(Ok(Some(part))) = tokio::time::timeout(self.patience, response.chunk()).await
        {
            body.extend_from_slice(&part);
        }
        body.truncate(SHOWN);
        Refusal::read(status.as_u16(), &body, code, region)
    }

    /// The text of an answer, of which there may be so much.
    pub async fn text(&self, mut response: reqwest::Response, most: usize) -> Result<String, HttpError> {
        let mut body = Vec::new();
        loop {
            let part = tokio::time::timeout(self.patience, response.chunk()).await;
            let part =
                part.map_err(|_| HttpError::new(HttpErrorKind::Timeout, Silence(self.patience.as_secs())))?;
            let Some(part) = part.map_err(broken)? else { break };
            body.extend_from_slice(&part);
            if body.len() > most {
                let words = format!("more than {most} bytes");
                return Err(HttpError::new(HttpErrorKind::Decode, std::io::Error::other(words)));
            }
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = request_of(request)?;
        // The library takes a page of anything for a list of nothing.
        let is_list = request
            .url()
            .query_pairs()
            .any(|(name, value)| name == "list-type" || (name == "comp" && value == "list"));
        let response = self.ask(request).await?;
        let kind = response.headers().get(reqwest::header::CONTENT_TYPE);
        if is_list && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
            let words = std::io::Error::other("it answers with a page for browsers");
            return Err(HttpError::new(HttpErrorKind::Unknown, words));
        }
        let response: http::Response<reqwest::Body> = response.into();
        let (parts, body) = response.into_parts();
        let incoming =
            Incoming { body, patience: self.patience, limit: Box::pin(tokio::time::sleep(self.patience)) };
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(incoming)))
    }
}

/// A request of the library's as the client sends it.
pub fn request_of(request: HttpRequest) -> Result<reqwest::Request, HttpError> {
    let (parts, body) = request.into_parts();
    let url = reqwest::Url::parse(&parts.uri.to_string())
        .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
    let mut request = reqwest::Request::new(parts.method, url);
    *request.headers_mut() = parts.headers;
    *request.body_mut() = Some(body_of(body));
    Ok(request)
}

fn body_of(body: HttpRequestBody) -> reqwest::Body {
    match body.as_bytes() {
        Some(bytes) => bytes.clone().into(),
        None => reqwest::Body::wrap(body),
    }
}

/// What a request that failed on the way comes to, and whether it may be sent again.
fn broken(error: reqwest::Error) -> HttpError {
    let mut kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else {
        HttpErrorKind::Interrupted
    };
    // It will be the same the next time.
    if error.is_builder() || tls_cause(&error).is_some() {
        kind = HttpErrorKind::Unknown;
    }
    HttpError::new(kind, error.without_url())
}

/// A body that tells how much of it was taken.
struct Outgoing {
    body: reqwest::Body,
    gone: Arc<AtomicU64>,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            self.gone.fetch_add(frame.data_ref().map_or(0, Bytes::len) as u64, Ordering::Relaxed);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body of whose parts each comes in time.
struct Incoming {
    body: reqwest::Body,
    patience: Duration,
    limit: Pin<Box<Sleep>>,
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                let until = Instant::now() + self.patience;
                self.limit.as_mut().reset(until);
                Poll::Ready(frame.map(|frame| frame.map_err(broken)))
            }
            Poll::Pending => {
                ready!(self.limit.as_mut().poll(context));
                let silence = Silence(self.patience.as_secs());
                Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Timeout, silence))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
