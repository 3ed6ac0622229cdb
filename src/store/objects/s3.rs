//! `s3://` as MLflow's client, which is boto3, gets at it: endpoint, region, style of addresses, credentials, and what uploads
//! are given besides.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider};
use object_store::{Attribute, Attributes, ClientOptions, HeaderMap, HeaderValue, TagSet};
use serde_json::{Map, Value};

use super::address::Bucket;
use super::aws::{Chain, Files, chosen};
use super::environment::Environment;
use super::given::{self, ForAws, Given};
use super::place::{Place, Who};
use super::transport::{Connector, Ways};
use crate::store::reasons::innermost;
use crate::store::{ErrorKind, Inner};

const EXTRA: &str = "MLFLOW_S3_UPLOAD_EXTRA_ARGS";
const ENDPOINTS: [&str; 3] = ["MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];

/// How a bucket is asked, but for its region, which it may tell.
#[derive(Debug)]
pub struct S3 {
    bucket: Bucket,
    endpoint: Option<(String, &'static str)>,
    /// The host names the bucket, and not the path.
    is_virtual: bool,
    unsigned: bool,
    owner: Option<String>,
    pub region: String,
    extra: Extra,
    ways: Ways,
    connector: Connector,
    credentials: AwsCredentialProvider,
    /// They are handed out, and not the environment's.
    is_given: bool,
    who: Who,
}

/// What uploads are given besides.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    pub attributes: Attributes,
    pub tags: TagSet,
    settings: Vec<(AmazonS3ConfigKey, String)>,
    headers: HeaderMap,
}

/// A client to read with, and one whose requests make objects.
#[derive(Debug)]
pub struct Clients {
    pub reader: AmazonS3,
    pub writer: AmazonS3,
}

impl S3 {
    /// By credentials that were handed out, or those of the environment.
    pub fn new(bucket: &Bucket, environment: &Environment, given: Option<&Arc<Given>>) -> Inner<Self> {
        let files = Files::read(environment)?;
        let profile = files.profile(chosen(environment).0).cloned().unwrap_or_default();
        let endpoint = ENDPOINTS.iter().find_map(|name| Some((environment.get(name)?.trim(), *name)));
        let is_ours =
            |name: &str| name == ENDPOINTS[0] || !environment.is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
        let endpoint =
            endpoint.or_else(|| Some((profile.get("endpoint_url")?, "endpoint_url of the profile")));
        let mut endpoint = endpoint
            .filter(|(_, name)| is_ours(name))
            .map(|(url, name)| (url.trim_end_matches('/').to_owned(), name));
        if let Some((url, name)) = &endpoint {
            checked(url, name)?;
        }
        let region = environment.first(&["AWS_DEFAULT_REGION", "AWS_REGION"]).map(|(_, region)| region);
        let mut region = region.or_else(|| profile.get("region")).unwrap_or("us-east-1").trim().to_owned();
        let style = environment.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE").filter(|style| *style != "auto");
        let mut is_virtual = match style.or_else(|| profile.get("addressing_style")) {
            Some("path") => false,
            Some("virtual") => can_be_virtual(&bucket.name, endpoint.as_ref().map(|(url, _)| url.as_str())),
            Some("auto") | None => endpoint.is_none() && is_host(&bucket.name),
            Some(other) => {
                return Err(ErrorKind::ObjectStore(
                    format!("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE is {other:?}"),
                    "set it to auto, path or virtual",
                ));
            }
        };
        let mut ways = environment.ways();
        ways.insecure = environment.is_true("MLFLOW_S3_IGNORE_TLS");
        let bundle = environment.get("AWS_CA_BUNDLE").or_else(|| profile.get("ca_bundle"));
        ways.authorities = bundle.map(PathBuf::from).or(ways.authorities);
        let unsigned = environment
            .get("MLFLOW_EXPERIMENTAL_S3_SIGNATURE_VERSION")
            .is_some_and(|version| version.eq_ignore_ascii_case("unsigned"));
        let connector = Connector::new(&ways)?;
        let unsigned = unsigned && given.is_none();
        let who = Who::new(match given {
            Some(_) => given::WHO,
            None if unsigned => "nobody's credentials",
            None => "the credentials",
        });
        let credentials: AwsCredentialProvider = match given {
            Some(given) => Arc::new(ForAws(Arc::clone(given))),
            None => Arc::new(Chain::new(environment.clone(), connector.clone(), who.clone())),
        };
        let mut extra = environment.get(EXTRA).map(Extra::parse).transpose()?.unwrap_or_default();
        if let Some(given) = given {
            extra.encrypt(&given.encryption)?;
        }
        if !bucket.host.is_empty() {
            // Cloudflare's, which has one region.
            endpoint = Some((format!("https://{}", bucket.host), "the storage location"));
            (region, is_virtual) = ("auto".to_owned(), true);
        }
        let owner = environment.get("MLFLOW_S3_EXPECTED_BUCKET_OWNER").map(str::to_owned);
        Ok(Self {
            bucket: bucket.clone(),
            endpoint,
            is_virtual,
            unsigned,
            owner,
            region,
            extra,
            ways,
            connector,
            credentials,
            is_given: given.is_some(),
            who,
        })
    }

    pub fn extra(&self) -> &Extra {
        &self.extra
    }

    /// The bucket for those who read errors.
    pub fn place(&self, region: &str) -> Place {
        let endpoint = match &self.endpoint {
            Some((url, name)) => format!("{} ({name})", crate::store::address::shown(url)),
            None => self.address(region).0,
        };
        Place {
            bucket: self.bucket.clone(),
            endpoint,
            region: Some(region.to_owned()),
            who: self.who.clone(),
            is_given: self.is_given,
            patience: self.ways.patience.as_secs(),
        }
    }

    /// The address to ask, and whether it holds the bucket's name.
    fn address(&self, region: &str) -> (String, bool) {
        let name = &self.bucket.name;
        match &self.endpoint {
            None if self.is_virtual => {
                (format!("https://{name}.s3.{region}.amazonaws.com{}", suffix(region)), true)
            }
            None => (format!("https://s3.{region}.amazonaws.com{}", suffix(region)), false),
            Some((url, _)) if self.is_virtual => match url.split_once("://") {
                Some((scheme, host)) => (format!("{scheme}://{name}.{host}"), true),
                None => (url.clone(), false),
            },
            Some((url, _)) => (url.clone(), false),
        }
    }

    /// Clients for a region.
    pub fn clients(&self, region: &str) -> Inner<Clients> {
        let failed = |error: object_store::Error| {
            ErrorKind::ObjectStore(innermost(&error), "check the variables of AWS and of MLflow's S3")
        };
        let (address, is_virtual) = self.address(region);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket.name)
            .with_region(region)
            .with_endpoint(address)
            .with_virtual_hosted_style_request(is_virtual)
            .with_retry(super::retries())
            .with_http_connector(self.connector.clone());
        builder = if self.unsigned {
            builder.with_skip_signature(true)
        } else {
            builder.with_credentials(Arc::clone(&self.credentials))
        };
        let mut headers = HeaderMap::new();
        if let Some(owner) = &self.owner {
            let owner = HeaderValue::from_str(owner);
            let wrong = |_| refused("MLFLOW_S3_EXPECTED_BUCKET_OWNER is no account number");
            headers.insert("x-amz-expected-bucket-owner", owner.map_err(wrong)?);
        }
        // Who pays is asked of whoever reads, too.
        if let Some(payer) = self.extra.headers.get("x-amz-request-payer") {
            headers.insert("x-amz-request-payer", payer.clone());
        }
        let with = |builder: AmazonS3Builder, headers: HeaderMap| {
            let options = ClientOptions::new().with_default_headers(headers);
            builder.with_client_options(options).build().map_err(failed)
        };
        let reader = with(builder.clone(), headers.clone())?;
        headers.extend(self.extra.headers.clone());
        for (key, value) in &self.extra.settings {
            builder = builder.with_config(*key, value);
        }
        Ok(Clients { reader, writer: with(builder, headers)? })
    }
}

/// What stands behind Amazon's hosts in China.
pub fn suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") { ".cn" } else { "" }
}

/// Whether the host of an address can hold the bucket's name, as botocore has it: that of no number can, and one with dots only
/// where nobody looks at a certificate.
fn can_be_virtual(name: &str, endpoint: Option<&str>) -> bool {
    let Some(url) = endpoint.and_then(|url| url::Url::parse(url).ok()) else { return is_host(name) };
    let is_dotted = url.scheme() == "http" && is_host(&name.replace('.', "-"));
    matches!(url.host(), Some(url::Host::Domain(_))) && (is_host(name) || is_dotted)
}

/// Whether a bucket's name can be a part of a host that TLS knows.
fn is_host(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn refused(words: &str) -> ErrorKind {
    ErrorKind::ObjectStore(words.to_owned(), "correct that variable, or unset it")
}

fn checked(url: &str, name: &str) -> Inner<()> {
    let parsed =
        url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match parsed {
        Some(_) => Ok(()),
        None => Err(refused(&format!(
            "{name} is {:?}, which is no address such as http://localhost:9000",
            crate::store::address::shown(url)
        ))),
    }
}

impl Extra {
    /// Those that are set; what is not known here is refused, as an upload without it would not be what was meant.
    fn parse(text: &str) -> Inner<Self> {
        let parsed: Map<String, Value> = serde_json::from_str(text)
            .map_err(|error| refused(&format!("{EXTRA} is no JSON object: {error}")))?;
        let mut extra = Self::default();
        for (name, value) in &parsed {
            extra.add(name, value)?;
        }
        Ok(extra)
    }

    /// What was said with credentials comes before what is set here, which replaces it.
    fn encrypt(&mut self, told: &[(&'static str, String)]) -> Inner<()> {
        let mut settings = Vec::new();
        for (name, value) in told {
            let key = name.parse().map_err(|_| refused(&format!("{name} is no setting of S3")))?;
            settings.push((key, value.clone()));
        }
        settings.append(&mut self.settings);
        self.settings = settings;
        Ok(())
    }

    fn add(&mut self, name: &str, value: &Value) -> Inner<()> {
        let wrong = || refused(&format!("{EXTRA}: the value of {name} cannot be sent"));
        if let ("Metadata", Value::Object(metadata)) = (name, value) {
            for (key, value) in metadata {
                let value = value.as_str().ok_or_else(wrong)?.to_owned();
                self.attributes.insert(Attribute::Metadata(key.clone().into()), value.into());
            }
            return Ok(());
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(is) => is.to_string(),
            _ => return Err(wrong()),
        };
        let attribute = match name {
            "ContentType" => Some(Attribute::ContentType),
            "ContentEncoding" => Some(Attribute::ContentEncoding),
            "ContentLanguage" => Some(Attribute::ContentLanguage),
            "ContentDisposition" => Some(Attribute::ContentDisposition),
            "CacheControl" => Some(Attribute::CacheControl),
            "StorageClass" => Some(Attribute::StorageClass),
            _ => None,
        };
        let setting = match name {
            "ServerSideEncryption" => Some("aws_server_side_encryption"),
            "SSEKMSKeyId" => Some("aws_sse_kms_key_id"),
            "BucketKeyEnabled" => Some("aws_sse_bucket_key_enabled"),
            _ => None,
        };
        let header = match name {
            "ACL" => Some("x-amz-acl"),
            "GrantFullControl" => Some("x-amz-grant-full-control"),
            "GrantRead" => Some("x-amz-grant-read"),
            "GrantReadACP" => Some("x-amz-grant-read-acp"),
            "GrantWriteACP" => Some("x-amz-grant-write-acp"),
            "RequestPayer" => Some("x-amz-request-payer"),
            "SSEKMSEncryptionContext" => Some("x-amz-server-side-encryption-context"),
            _ => None,
        };
        match (attribute, setting, header) {
            (Some(attribute), ..) => drop(self.attributes.insert(attribute, text.into())),
            (_, Some(setting), _) => self.settings.push((setting.parse().map_err(|_| wrong())?, text)),
            (_, _, Some(header)) => {
                self.headers.insert(header, HeaderValue::from_str(&text).map_err(|_| wrong())?);
            }
            _ if name == "Tagging" => {
                for (key, value) in url::form_urlencoded::parse(text.as_bytes()) {
                    self.tags.push(&key, &value);
                }
            }
            _ => return Err(refused(&format!("{EXTRA}: {name} is not supported"))),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::parse;
    use super::*;

    fn s3(variables: &[(&str, &str)]) -> Inner<S3> {
        S3::new(&parse("s3://models/x").unwrap().0, &Environment::of(variables, None), None)
    }

    #[test]
    fn addresses_are_those_that_boto3_asks() {
        let address = |variables: &[(&str, &str)]| {
            let s3 = s3(variables).unwrap();
            s3.address(&s3.region).0
        };
        assert_eq!(address(&[]), "https://models.s3.us-east-1.amazonaws.com");
        assert_eq!(
            address(&[("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "cn-north-1")]),
            "https://models.s3.cn-north-1.amazonaws.com.cn"
        );
        assert_eq!(
            address(&[("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "path")]),
            "https://s3.us-east-1.amazonaws.com"
        );
        let own = ("MLFLOW_S3_ENDPOINT_URL", "http://minio:9000/");
        assert_eq!(address(&[own, ("AWS_ENDPOINT_URL", "http://other")]), "http://minio:9000");
        assert_eq!(
            address(&[own, ("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "virtual")]),
            "http://models.minio:9000"
        );
        let other = ("AWS_ENDPOINT_URL_S3", "http://other");
        let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        assert_eq!(address(&[other]), "http://other");
        assert_eq!(address(&[other, ignored]), "https://models.s3.us-east-1.amazonaws.com");
        assert!(!is_host("a.b") && !is_host("Models") && is_host("models-2"));
        for (name, value) in
            [("MLFLOW_S3_ENDPOINT_URL", "minio:9000"), ("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "p")]
        {
            let refused = s3(&[(name, value)]).unwrap_err().to_string();
            assert!(refused.contains(name), "{refused}");
        }
    }

    #[test]
    fn a_host_holds_a_buckets_name_where_boto3_lets_it() {
        let address = |uri: &str, endpoint: &str| {
            let variables =
                [("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "virtual"), ("AWS_ENDPOINT_URL_S3", endpoint)];
            let variables = if endpoint.is_empty() { &variables[..1] } else { &variables };
            let s3 = S3::new(&parse(uri).unwrap().0, &Environment::of(variables, None), None).unwrap();
            s3.address("us-east-1")
        };
        for (uri, endpoint, asked, is_virtual) in [
            ("s3://models/x", "http://127.0.0.1:9000", "http://127.0.0.1:9000", false),
            ("s3://models/x", "https://[::1]:9000", "https://[::1]:9000", false),
            ("s3://models/x", "https://minio:9000", "https://models.minio:9000", true),
            ("s3://a.b/x", "http://minio:9000", "http://a.b.minio:9000", true),
            ("s3://a.b/x", "https://minio", "https://minio", false),
            ("s3://Models_x/x", "http://minio:9000", "http://minio:9000", false),
            ("s3://a.b/x", "", "https://s3.us-east-1.amazonaws.com", false),
            ("s3://models/x", "", "https://models.s3.us-east-1.amazonaws.com", true),
        ] {
            assert_eq!(address(uri, endpoint), (asked.to_owned(), is_virtual), "{uri} at {endpoint}");
        }
    }

    #[test]
    fn uploads_are_given_what_mlflow_gives_them_or_refused() {
        let extra = s3(&[(
            EXTRA,
            r#"{"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k", "ACL": "bucket-owner-full-control",
                "StorageClass": "STANDARD_IA", "Metadata": {"team": "a"}, "Tagging": "a=b%20c"}"#,
        )]);
        let extra = extra.unwrap().extra;
        assert_eq!(
            (extra.settings.len(), extra.headers["x-amz-acl"].to_str().unwrap()),
            (2, "bucket-owner-full-control")
        );
        assert_eq!((extra.attributes.len(), extra.tags.encoded()), (2, "a=b+c"));
        for (text, word) in [
            ("[]", "no JSON object"),
            (r#"{"Expires": "x"}"#, "Expires is not supported"),
            (r#"{"ACL": 1}"#, "ACL"),
        ] {
            let refused = s3(&[(EXTRA, text)]).unwrap_err().to_string();
            assert!(refused.contains(word), "{refused}");
        }
    }
}
