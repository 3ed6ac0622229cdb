//! Addresses that the workspace signs: each lets one file of a cloud's storage be read or written for a while, without any
//! other credentials. They are secrets themselves, and never shown.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::mlflow::{ModelId, RunId};
use crate::store::reasons::innermost;
use crate::store::rest::client::{Client, Repeat};
use crate::store::rest::wire::{required, text};
use crate::store::{ErrorKind, Inner};

/// Whose files the workspace signs addresses for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    Run(RunId),
    Model(ModelId),
}

/// What a signed address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Read,
    Write,
}

/// The kind of storage behind a signed address, which decides how it is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// One request with the whole file (S3, Google Cloud Storage).
    Whole,
    /// Blocks, and a list of them (Azure Blob Storage).
    Blocks,
    /// A file that is made, appended to and closed (Azure Data Lake Storage Gen2).
    Appended,
}

/// A signed address.
pub struct Signed {
    pub address: Url,
    pub headers: HeaderMap,
    pub storage: Storage,
}

/// Sends requests to signed addresses.
#[derive(Debug)]
pub struct Signer {
    pub client: Arc<Client>,
    /// Made at the first request.
    http: OnceLock<reqwest::Client>,
}

impl Signer {
    pub fn new(client: &Arc<Client>) -> Self {
        Self { client: Arc::clone(client), http: OnceLock::new() }
    }

    fn http(&self) -> Inner<&reqwest::Client> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let built = self.client.for_clouds()?;
        Ok(self.http.get_or_init(|| built))
    }

    /// A signed address for a file, by its path from its owner's root.
    pub async fn sign(&self, owner: &Owner, path: &str, purpose: Purpose) -> Inner<Signed> {
        let is_read = purpose == Purpose::Read;
        let found = match owner {
            Owner::Run(id) => {
                let route = format!(
                    "2.0/mlflow/artifacts/credentials-for-{}",
                    if is_read { "read" } else { "write" }
                );
                let body = json!({ "run_id": id.as_str(), "path": [path] });
                self.client.post(&route, &body, Repeat::Safe).await?.list("credential_infos", signed)?
            }
            Owner::Model(id) => {
                let last = if is_read { "download" } else { "upload" };
                let route = format!("2.0/mlflow/logged-models/{id}/artifacts/credentials-for-{last}");
                let answer = self.client.post(&route, &json!({ "paths": [path] }), Repeat::Safe).await?;
                answer.list("credentials", |value| required(value, "credential_info", signed))?
            }
        };
        let mut found = found.things;
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => Err(ErrorKind::Protocol(format!("not one signed address for the file {path:?}"))),
        }
    }

    /// Sends a request to a signed address, and waits for the answer to begin.
    pub async fn send(
        &self,
        signed: &Signed,
        method: Method,
        address: Url,
        headers: HeaderMap,
        body: Option<reqwest::Body>,
        patience: Option<Duration>,
    ) -> Inner<Response> {
        let mut request = self.http()?.request(method, address).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        let host = signed.host();
        let answer = request.send();
        let answer = match patience {
            None => answer.await,
            Some(patience) => tokio::time::timeout(patience, answer)
                .await
                .map_err(|_| ErrorKind::Timeout(patience.as_secs()))?,
        };
        let response = answer.map_err(|error| {
            ErrorKind::Unreachable(format!("the storage at {host}: {}", innermost(&error)))
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refused(response, &host).await)
    }

    /// What an answer of a storage means that is no success.
    async fn refused(&self, mut response: Response, host: &str) -> ErrorKind {
        let status = response.status();
        let is_xml = response
            .headers()
            .get(CONTENT_TYPE)
            .is_none_or(|kind| kind.to_str().is_ok_and(|kind| kind.contains("xml")));
        let mut body = Vec::new();
        while is_xml && body.len() < 4_096 {
            match tokio::time::timeout(self.client.patience(), response.chunk()).await {
                Ok(Ok(Some(part))) => body.extend_from_slice(&part),
                _ => break,
            }
        }
        // The rest of it repeats what was signed.
        let code = code(&String::from_utf8_lossy(&body));
        let words = format!("the storage at {host} answered {}{code}", status.as_u16());
        match status {
            StatusCode::NOT_FOUND => ErrorKind::NotFound(words),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Forbidden(words),
            StatusCode::RANGE_NOT_SATISFIABLE
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS => ErrorKind::Server { status: status.as_u16(), message: words },
            _ if status.is_server_error() => ErrorKind::Server { status: status.as_u16(), message: words },
            _ => ErrorKind::Invalid(words),
        }
    }
}

/// The code of an error, as all clouds write it: ` (AccessDenied)`.
fn code(body: &str) -> String {
    let code =
        body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    let is_name = |code: &&str| code.len() < 60 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    code.filter(is_name).map_or(String::new(), |code| format!(" ({code})"))
}

impl Signed {
    /// Where the storage is, which is no secret.
    pub fn host(&self) -> String {
        self.address.host_str().unwrap_or_default().to_owned()
    }

    /// The same address with more in its query; what is signed stays as it is.
    pub fn with(&self, query: &[(&str, &str)]) -> Url {
        let mut address = self.address.clone();
        address.query_pairs_mut().extend_pairs(query);
        address
    }

    /// Its headers, as far as a request may have them.
    pub fn headers(&self, may_have: impl Fn(&str) -> bool) -> HeaderMap {
        let headers = self.headers.iter().filter(|(name, _)| may_have(name.as_str()));
        headers.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// A signed address as the workspace sends it.
fn signed(value: &Value) -> Inner<Signed> {
    let address = required(value, "signed_uri", text)?;
    // The address itself is not told: it is a secret.
    let address = Url::parse(&address)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| ErrorKind::Protocol("a signed address that is none".into()))?;
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    let storage = match kind {
        "AWS_PRESIGNED_URL" | "GCP_SIGNED_URL" => Storage::Whole,
        "AZURE_SAS_URI" => Storage::Blocks,
        "AZURE_ADLS_GEN2_SAS_URI" => Storage::Appended,
        other => return Err(ErrorKind::Unsupported(format!("way to a storage of the kind {other:?}"))),
    };
    let mut headers = HeaderMap::new();
    for header in value.get("headers").and_then(Value::as_array).into_iter().flatten() {
        let wrong = || ErrorKind::Protocol("a header that cannot be sent".into());
        let name = required(header, "name", text)?;
        let name = HeaderName::try_from(name).map_err(|_| wrong())?;
        let mut content = HeaderValue::try_from(required(header, "value", text)?).map_err(|_| wrong())?;
        content.set_sensitive(true);
        headers.insert(name, content);
    }
    Ok(Signed { address, headers, storage })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_address_is_used_as_it_came() {
        let sent = json!({
            "signed_uri": "https://b.s3.amazonaws.com/x%20y?X-Amz-Signature=a%2Fb%3D", "type": "AWS_PRESIGNED_URL",
            "headers": [{ "name": "x-amz-server-side-encryption", "value": "AES256" }], "path": "x y", "run_id": "r",
        });
        let known = signed(&sent).unwrap();
        assert_eq!((known.storage, known.host().as_str()), (Storage::Whole, "b.s3.amazonaws.com"));
        assert_eq!(known.headers["x-amz-server-side-encryption"], "AES256");
        assert_eq!(known.address.as_str(), sent["signed_uri"]);
        let more = known.with(&[("comp", "block"), ("blockid", "YQ==")]);
        assert_eq!(more.query(), Some("X-Amz-Signature=a%2Fb%3D&comp=block&blockid=YQ%3D%3D"));
        assert!(known.headers(|name| name == "other").is_empty());
        for (field, value) in [
            ("signed_uri", json!("s3://secret")),
            ("type", json!("TAPE")),
            ("headers", json!([{ "name": "a b", "value": "secret" }])),
        ] {
            let mut other = sent.clone();
            other[field] = value;
            let refused = signed(&other).err().unwrap().to_string();
            assert!(!refused.contains("secret") && !refused.contains("Signature"), "{refused}");
        }
    }

    #[test]
    fn of_an_error_only_the_code_is_told() {
        assert_eq!(
            code("<Error><Code>AccessDenied</Code><StringToSign>s3cr3t</StringToSign></Error>"),
            " (AccessDenied)"
        );
        for body in ["", "<Code>", "<Code>a b</Code>", "nonsense"] {
            assert_eq!(code(body), "");
        }
    }
}
