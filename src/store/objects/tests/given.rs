//! Credentials that are handed out, at a stand-in for each cloud.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::super::address::parse;
use super::super::client::Client;
use super::super::environment::Environment;
use super::super::given::{Given, Issued, Issuer, Secret, place_of};
use super::super::s3::S3;
use super::super::stand_in::{Answer, Request, StandIn};
use super::super::{ObjectTree, azure};
use super::{KEYS, told};
use crate::store::{ErrorKind, Inner};

/// Hands out `key-1`, `key-2`, …
#[derive(Debug, Default)]
struct Numbered {
    times: AtomicUsize,
    kind: &'static str,
    until: Option<i64>,
}

#[async_trait]
impl Issuer for Numbered {
    async fn issue(&self) -> Inner<Issued> {
        let word = format!("handed-out-{}", self.times.fetch_add(1, Ordering::SeqCst) + 1);
        let secret = match self.kind {
            "azure" => Secret::azure(&format!("?sv=2023-11-03&sig={word}%2B%3D")),
            "google" => Secret::google(&word),
            _ => Secret::aws("ASIAGIVEN", "the secret that was handed out", &word),
        };
        let encryption = vec![("aws_server_side_encryption", "AES256".to_owned())];
        Ok(Issued { secret, until: self.until, encryption })
    }
}

async fn given(kind: &'static str, until: Option<i64>) -> (Arc<Numbered>, Arc<Given>) {
    let issuer = Arc::new(Numbered { kind, until, ..Numbered::default() });
    let first = issuer.issue().await.unwrap();
    let shared: Arc<dyn Issuer> = Arc::clone(&issuer) as _;
    (issuer, Given::new(shared, first))
}

/// What was handed out, as a request shows it.
fn shown(request: &Request) -> String {
    let token =
        [request.header("x-amz-security-token"), request.query("sig"), request.header("authorization")];
    let found = token.into_iter().find(|text| text.contains("handed-out-")).unwrap_or_default();
    found.trim_start_matches("Bearer ").to_owned()
}

/// Takes nothing by the first ones.
fn takes_the_second(status: u16, code: &'static str) -> StandIn {
    StandIn::start(move |request| {
        if shown(request).starts_with("handed-out-1") {
            return Some(Answer::error(status, code));
        }
        Some(Answer::of(if request.path.contains("google") { 200 } else { 201 }, "{}").with("etag", "\"1\""))
    })
}

fn own(server: &StandIn, name: &'static str) -> Environment {
    let uri = server.uri();
    Environment::of(&[&KEYS[..], &[(name, uri.as_str())]].concat(), None)
}

#[tokio::test]
async fn amazon_is_asked_by_what_was_handed_out_and_by_others_once_it_is_refused() {
    for (status, code) in [(400, "ExpiredToken"), (400, "InvalidToken"), (403, "InvalidAccessKeyId")] {
        let server = takes_the_second(status, code);
        let (issuer, given) = given("aws", None).await;
        let (bucket, key) = place_of("s3://models/unity/7").unwrap();
        let environment = own(&server, "MLFLOW_S3_ENDPOINT_URL");
        let client = Client::open(&bucket, &environment, Some(given)).unwrap();
        let tree = ObjectTree::new(Arc::new(client), "s3://models/unity/7", key);
        tree.put("MLmodel", b"flavors: {}").await.unwrap();
        tree.put("a b", b"1").await.unwrap();
        let asked = server.asked();
        let all: Vec<String> = asked.iter().map(shown).collect();
        assert_eq!(all, ["handed-out-1", "handed-out-2", "handed-out-2"], "{code}");
        assert!(asked.iter().all(|it| it.header("authorization").contains("Credential=ASIAGIVEN/")));
        assert!(asked.iter().all(|it| it.header("x-amz-server-side-encryption") == "AES256"));
        assert_eq!(
            (asked[1].path.as_str(), issuer.times.load(Ordering::SeqCst)),
            ("/models/unity/7/MLmodel", 2)
        );
    }
}

#[tokio::test]
async fn what_is_refused_twice_is_told_with_whose_credentials_they_were() {
    let server = StandIn::start(|_| Some(Answer::error(403, "AccessDenied")));
    let (issuer, given) = given("aws", None).await;
    let (bucket, key) = place_of("s3://models/unity/7").unwrap();
    let client = Client::open(&bucket, &own(&server, "MLFLOW_S3_ENDPOINT_URL"), Some(given)).unwrap();
    let tree = ObjectTree::new(Arc::new(client), "s3://models/unity/7", key);
    let refused = told(tree.put("MLmodel", b"").await.unwrap_err());
    assert!(refused.contains("temporary credentials") && refused.contains("administrator"), "{refused}");
    assert!(!refused.contains("AWS_ACCESS_KEY_ID") && !refused.contains("handed-out"), "{refused}");
    assert_eq!(issuer.times.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn they_are_asked_for_anew_before_their_end() {
    let server = StandIn::start(|_| Some(Answer::ok("").with("etag", "\"1\"")));
    let soon = jiff::Timestamp::now().as_millisecond() + 1_000;
    let (_, given) = given("aws", Some(soon)).await;
    let (bucket, key) = place_of("s3://models/unity/7").unwrap();
    let client = Client::open(&bucket, &own(&server, "MLFLOW_S3_ENDPOINT_URL"), Some(given)).unwrap();
    ObjectTree::new(Arc::new(client), "s3://models/unity/7", key).put("a", b"").await.unwrap();
    assert_eq!(server.asked().iter().map(shown).collect::<Vec<_>>(), ["handed-out-2"]);
}

#[tokio::test]
async fn google_and_azure_are_asked_by_what_was_handed_out() {
    let server = takes_the_second(401, "Unauthorized");
    let (_, token) = given("google", None).await;
    let (bucket, key) = place_of("gs://google/unity").unwrap();
    let client = Client::open(&bucket, &own(&server, "STORAGE_EMULATOR_HOST"), Some(token)).unwrap();
    ObjectTree::new(Arc::new(client), "gs://google/unity", key).put("a", b"").await.unwrap();
    assert_eq!(server.asked().iter().map(shown).collect::<Vec<_>>(), ["handed-out-1", "handed-out-2"]);

    let server = takes_the_second(201, "");
    let (_, signature) = given("azure", None).await;
    let (bucket, key) = place_of("abfss://models@acc.dfs.core.windows.net/unity%207/").unwrap();
    assert_eq!(key, "unity 7");
    let environment = Environment::of(&[("AZURE_STORAGE_ACCESS_KEY", "c2VjcmV0")], None);
    let uri = server.uri();
    let (store, place) = azure::open_given(&bucket, &environment, &signature, Some(&uri)).unwrap();
    let path = object_store::path::Path::from("unity 7/a");
    // What it answers is none of Azure's; what it is asked is looked at.
    drop(object_store::ObjectStoreExt::put(&store, &path, "x".into()).await);
    let asked = server.asked();
    assert_eq!((asked[0].query("sig"), asked[0].query("sv")), ("handed-out-1+=", "2023-11-03"));
    assert!(asked[0].header("authorization").is_empty() && place.sign_in().contains("administrator"));
    let own = azure::open_given(&bucket, &environment, &signature, None).unwrap().1;
    assert_eq!(own.server(), "https://acc.blob.core.windows.net");
}

#[tokio::test]
async fn a_bucket_of_cloudflares_is_asked_at_its_account() {
    let (_, keys) = given("aws", None).await;
    let (bucket, key) = place_of("r2://models@0123abcd.r2.cloudflarestorage.com/unity/7/").unwrap();
    assert_eq!((bucket.name.as_str(), key.as_str()), ("models", "unity/7"));
    let environment = Environment::of(&[("MLFLOW_S3_ENDPOINT_URL", "http://other")], None);
    let s3 = S3::new(&bucket, &environment, Some(&keys)).unwrap();
    assert_eq!(s3.region, "auto");
    assert!(s3.place("auto").server().starts_with("https://0123abcd.r2.cloudflarestorage.com"));
    for uri in ["r2://models/x", "r2://models@example.org/x", "r2://@a.r2.cloudflarestorage.com/x"] {
        assert!(matches!(place_of(uri), Err(ErrorKind::Protocol(_))), "{uri}");
    }
    assert!(place_of("ftp://x/y").is_err() && parse("r2://a@b.r2.cloudflarestorage.com/x").is_err());
}
