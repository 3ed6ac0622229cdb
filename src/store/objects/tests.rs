mod credentials;
mod given;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::client::Client;
use super::environment::Environment;
use super::stand_in::{Answer, Request, StandIn};
use super::{ObjectTree, address, is_refusal};
use crate::store::{ArtifactList, ErrorKind, FileTree as _, Resume, StoreError};

const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIAOWN"),
    ("AWS_SECRET_ACCESS_KEY", "the secret of the test"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

pub fn tree(uri: &str, environment: &Environment) -> ObjectTree {
    let (bucket, key) = address::parse(uri).unwrap();
    ObjectTree::new(Arc::new(Client::open(&bucket, environment, None).unwrap()), uri, key)
}

fn environment(server: &StandIn, more: &[(&str, &str)]) -> Environment {
    let endpoint = server.uri();
    let own = [("MLFLOW_S3_ENDPOINT_URL", endpoint.as_str())];
    Environment::of(&[&own[..], &KEYS, more].concat(), None)
}

/// What is below a key of a bucket at a server, by keys of the environment.
pub fn s3(server: &StandIn) -> ObjectTree {
    tree("s3://models/root", &environment(server, &[]))
}

/// What an error says, and what to do.
fn told(kind: ErrorKind) -> String {
    let error = StoreError::new("test", kind);
    format!("{error}; {}", error.hint())
}

type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// What one service answers, with whose names of things.
fn keeps(objects: &Objects, request: &Request) -> Answer {
    let mut objects = objects.lock().unwrap();
    let key = request.path.trim_start_matches("/models/").to_owned();
    match request.method.as_str() {
        "PUT" => {
            let body = request.body.clone();
            let tag = format!("\"{}\"", body.len());
            objects.insert(key, body);
            Answer::ok("").with("etag", &tag)
        }
        "GET" if request.query.contains_key("list-type") => listed(&objects, request, 1_000),
        "GET" => match objects.get(&key) {
            None => Answer::error(404, "NoSuchKey"),
            Some(content) => {
                let tag = format!("\"{}\"", content.len());
                let wanted = request.header("if-match");
                if !wanted.is_empty() && wanted != tag {
                    return Answer::error(412, "PreconditionFailed");
                }
                let from = request.header("range").trim_start_matches("bytes=").trim_end_matches('-');
                let (from, size): (usize, _) = (from.parse().unwrap_or(0), content.len());
                let status = if request.header("range").is_empty() { 200 } else { 206 };
                Answer::of(status, &content[from..])
                    .with("etag", &tag)
                    .with("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")
                    .with("content-range", &format!("bytes {from}-{}/{size}", size.max(1) - 1))
            }
        },
        _ => Answer::error(405, "MethodNotAllowed"),
    }
}

/// A page of a listing: from the key that a token names on.
fn listed(objects: &BTreeMap<String, Vec<u8>>, request: &Request, most: usize) -> Answer {
    let (prefix, from) = (request.query("prefix"), request.query("continuation-token"));
    let (mut page, mut count, mut last) = (String::from("<ListBucketResult>"), 0, String::new());
    for (key, content) in objects.range(from.max(prefix).to_owned()..) {
        let Some(rest) = key.strip_prefix(prefix) else { break };
        if !last.is_empty() && key.starts_with(&last) {
            continue;
        }
        if count == most {
            let _ = write!(page, "<NextContinuationToken>{key}</NextContinuationToken>");
            break;
        }
        count += 1;
        if let Some((folder, _)) = rest.split_once('/') {
            last = format!("{prefix}{folder}/");
            let _ = write!(page, "<CommonPrefixes><Prefix>{last}</Prefix></CommonPrefixes>");
        } else {
            let _ = write!(
                page,
                "<Contents><Key>{key}</Key><Size>{}</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>",
                content.len()
            );
        }
    }
    page.push_str("</ListBucketResult>");
    Answer::ok(page)
}

fn paths(list: &ArtifactList) -> Vec<(&str, bool, Option<u64>)> {
    list.files.iter().map(|file| (file.path.as_str(), file.is_dir, file.file_size)).collect()
}

#[tokio::test]
async fn files_are_written_listed_and_read_by_ranges() {
    let objects = Objects::default();
    let server = StandIn::start({
        let objects = Arc::clone(&objects);
        move |request| Some(keeps(&objects, request))
    });
    let tree = s3(&server);
    for (path, content) in [("a b/é+%.txt", "hello"), ("a b/deep/x", "x"), ("notes.json", "{}")] {
        tree.put(path, content.as_bytes()).await.unwrap();
    }
    // What is a folder for others only, and what only begins like one.
    objects.lock().unwrap().extend([("root/a b/".to_owned(), Vec::new()), ("root/a bc".to_owned(), vec![1])]);
    assert_eq!(
        paths(&tree.list("").await.unwrap()),
        [("a b", true, None), ("a bc", false, Some(1)), ("notes.json", false, Some(2))]
    );
    let listed = tree.list("a b").await.unwrap();
    assert_eq!(paths(&listed), [("a b/deep", true, None), ("a b/é+%.txt", false, Some(5))]);
    assert_eq!(paths(&tree.list("none").await.unwrap()), []);
    assert_eq!(tree.read("a b/é+%.txt", 5).await.unwrap(), b"hello");
    assert!(matches!(tree.read("a b/é+%.txt", 4).await, Err(ErrorKind::TooMuch(_))));
    let missing = tree.read("none", 5).await.unwrap_err();
    assert!(matches!(&missing, ErrorKind::NotFound(words) if words.contains("none")), "{missing}");
    let opened = tree.open("a b/é+%.txt", None).await.unwrap();
    let version = opened.version.unwrap();
    let resume = Resume { at: 3, version: version.clone() };
    let mut rest = tree.open("a b/é+%.txt", Some(&resume)).await.unwrap();
    assert_eq!((rest.from, rest.size, rest.version.as_ref()), (3, Some(5), Some(&version)));
    assert_eq!(rest.body.next().await.unwrap().unwrap(), "lo");
    assert_eq!(rest.body.next().await.unwrap(), None);
    // It is another file by now.
    tree.put("a b/é+%.txt", b"longer").await.unwrap();
    assert_eq!(tree.open("a b/é+%.txt", Some(&resume)).await.unwrap().from, 0);
    let kinds: Vec<_> =
        server.asked().iter().map(|request| request.header("content-type").to_owned()).collect();
    assert!(kinds.contains(&"application/json".into()) && kinds.contains(&"text/plain".into()), "{kinds:?}");
    for path in ["../x", "a//b", "/a", "a/", "."] {
        assert!(matches!(tree.put(path, b"x").await, Err(ErrorKind::Invalid(_))), "{path}");
    }
    assert!(matches!(tree.put("", b"x").await, Err(ErrorKind::Invalid(_))));
}

#[tokio::test]
async fn of_a_hundred_thousand_keys_as_many_pages_are_asked_for_as_are_shown() {
    let key = |at: usize| (format!("root/data/{at:06}"), Vec::new());
    let objects: BTreeMap<String, Vec<u8>> = (0..100_000).map(key).collect();
    let server = StandIn::start(move |request| Some(listed(&objects, request, 1_000)));
    let tree = s3(&server);
    assert_eq!(paths(&tree.list("").await.unwrap()), [("data", true, None)]);
    let list = tree.list("data").await.unwrap();
    assert!(list.is_cut && list.files.len() == ArtifactList::MOST);
    assert_eq!(list.files[9_999].path, "data/009999");
    assert_eq!(server.asked().len(), 1 + 11, "no page is asked for that nobody sees");
    tree.check().await.unwrap();
    // One that goes round in circles is left.
    let circle = "<ListBucketResult><NextContinuationToken>a</NextContinuationToken></ListBucketResult>";
    let server = StandIn::start(move |_| Some(Answer::ok(circle)));
    let refused = told(s3(&server).list("").await.unwrap_err());
    assert!(refused.contains("without end") && server.asked().len() == 2, "{refused}");
}

/// Takes parts, and puts them together.
fn takes_parts(parts: &Objects, request: &Request) -> Answer {
    let key = request.path.trim_start_matches("/models/").to_owned();
    match (request.method.as_str(), request.query("uploadId"), request.query("partNumber")) {
        ("POST", "", _) => Answer::ok(
            "<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>",
        ),
        ("PUT", "one", number) => {
            parts.lock().unwrap().insert(format!("{number:0>5}"), request.body.clone());
            Answer::ok("").with("etag", &format!("\"{number}\""))
        }
        ("POST", "one", _) => {
            let told = String::from_utf8_lossy(&request.body).into_owned();
            let mut wanted = String::new();
            for at in 1..=told.matches("<Part>").count() {
                let _ = write!(wanted, "<Part><ETag>\"{at}\"</ETag><PartNumber>{at}</PartNumber></Part>");
            }
            assert!(told.replace("&quot;", "\"").contains(&wanted), "{told}");
            let mut parts = parts.lock().unwrap();
            let whole = std::mem::take(&mut *parts).into_values().flatten().collect();
            parts.insert(key, whole);
            Answer::ok("<CompleteMultipartUploadResult><ETag>\"w\"</ETag></CompleteMultipartUploadResult>")
        }
        ("DELETE", "one", _) => {
            parts.lock().unwrap().clear();
            Answer::of(204, "")
        }
        _ => Answer::error(405, "MethodNotAllowed"),
    }
}

fn large(folder: &Path) -> (std::path::PathBuf, Vec<u8>) {
    let content: Vec<u8> =
        (0..(20 << 20) + 7_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let path = folder.join("large");
    std::fs::write(&path, &content).unwrap();
    (path, content)
}

#[tokio::test]
async fn a_large_file_is_sent_in_parts_and_a_part_again_where_it_broke_off() {
    let folder = tempfile::tempdir().unwrap();
    let (path, content) = large(folder.path());
    let (parts, failures) = (Objects::default(), AtomicUsize::new(0));
    let server = StandIn::start({
        let parts = Arc::clone(&parts);
        move |request| {
            if request.query("partNumber") == "2" && failures.fetch_add(1, Ordering::Relaxed) == 0 {
                return Some(Answer::error(503, "SlowDown"));
            }
            Some(takes_parts(&parts, request))
        }
    });
    let told = AtomicI64::new(0);
    let count = |bytes| {
        told.fetch_add(bytes, Ordering::Relaxed);
    };
    s3(&server).write("m/large", &path, &count).await.unwrap();
    assert_eq!(told.into_inner(), content.len() as i64);
    assert!(parts.lock().unwrap()["root/m/large"] == content, "it is another one there");
    assert_eq!(server.asked().len(), 1 + 4 + 1);
}

#[tokio::test]
async fn of_an_upload_that_is_refused_nothing_stays_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = large(folder.path());
    let parts = Objects::default();
    let server = StandIn::start({
        let parts = Arc::clone(&parts);
        move |request| match request.query("partNumber") {
            "3" => Some(Answer::error(403, "AccessDenied")),
            _ => Some(takes_parts(&parts, request)),
        }
    });
    let sum = AtomicI64::new(0);
    let count = |bytes| {
        sum.fetch_add(bytes, Ordering::Relaxed);
    };
    let refused = told(s3(&server).write("large", &path, &count).await.unwrap_err());
    assert!(refused.contains("denies access") && refused.contains("s3:PutObject"), "{refused}");
    assert_eq!(sum.into_inner(), 0);
    assert_eq!(server.asked().last().unwrap().method, "DELETE");
}

#[tokio::test]
async fn what_a_store_refuses_says_what_to_do() {
    for (status, code, words, hint) in [
        (403, "InvalidAccessKeyId", "rejects the keys of AWS_ACCESS_KEY_ID", "AWS_PROFILE"),
        (403, "SignatureDoesNotMatch", "rejects the keys of AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        (400, "ExpiredToken", "have expired", "aws sso login"),
        (403, "AccessDenied", "denies access with the keys of AWS_ACCESS_KEY_ID", "s3:ListBucket"),
        (404, "NoSuchBucket", "there is no bucket \"models\" at http://127.0.0.1", "artifact location"),
        (403, "RequestTimeTooSkewed", "As told", "clock"),
        (400, "Nonsense", "(MLFLOW_S3_ENDPOINT_URL): Nonsense: As told", "endpoint"),
    ] {
        let server = StandIn::start(move |_| Some(Answer::error(status, code)));
        let refused = told(s3(&server).list("").await.unwrap_err());
        assert!(refused.contains(words) && refused.contains(hint), "{code}: {refused}");
        assert!(!refused.contains("the secret"), "{refused}");
        assert_eq!(server.asked().len(), 1, "{code} will be the same the next time");
    }
    let server =
        StandIn::start(|_| Some(Answer::ok("<html>a page</html>").with("content-type", "text/html; x")));
    let refused = told(s3(&server).list("").await.unwrap_err());
    assert!(refused.contains("otherwise than an object store: it answers with a page"), "{refused}");
    // A key that no file can have is named.
    let odd = "<ListBucketResult><CommonPrefixes><Prefix>root//</Prefix></CommonPrefixes></ListBucketResult>";
    let server = StandIn::start(move |_| Some(Answer::ok(odd)));
    let refused = told(s3(&server).list("").await.unwrap_err());
    assert!(refused.contains("root//") && refused.contains("rename"), "{refused}");
    // Who may write but not list is not kept from it.
    let server = StandIn::start(|_| Some(Answer::error(403, "AccessDenied")));
    s3(&server).check().await.unwrap();
}

#[tokio::test]
async fn a_bucket_in_another_region_is_asked_there() {
    let server = StandIn::start(|request| match request.region() {
        "eu-west-1" => Some(Answer::ok("<ListBucketResult></ListBucketResult>")),
        _ => Some(Answer::error(301, "PermanentRedirect").with("x-amz-bucket-region", "eu-west-1")),
    });
    let tree = s3(&server);
    for _ in 0..2 {
        tree.list("").await.unwrap();
    }
    assert_eq!(server.asked().len(), 3, "it is kept in mind");
    let server = StandIn::start(|_| Some(Answer::error(400, "AuthorizationHeaderMalformed")));
    let refused = told(s3(&server).list("").await.unwrap_err());
    assert!(
        refused.contains("the region \"us-east-1\"") && refused.contains("AWS_DEFAULT_REGION"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_store_that_is_silent_or_away_is_not_waited_for_for_ever() {
    let server = StandIn::start(|_| None);
    let mut quick = environment(&server, &[]);
    quick.patience = Duration::from_millis(30);
    let kind = tree("s3://models/root", &quick).list("").await.unwrap_err();
    assert!(matches!(&kind, ErrorKind::Hung(what, _) if what.contains("MLFLOW_S3_ENDPOINT_URL")), "{kind}");
    let refused = told(kind);
    assert!(refused.contains("MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT"), "{refused}");
    // One that stops in the middle of a file.
    let server =
        StandIn::start(|_| Some(Answer::ok("half").with("content-length", "8").with("etag", "W/\"1\"")));
    let mut quick = environment(&server, &[]);
    quick.patience = Duration::from_millis(30);
    let mut opened = tree("s3://models/root", &quick).open("x", None).await.unwrap();
    assert_eq!((opened.size, &opened.version), (Some(8), &None));
    assert_eq!(opened.body.next().await.unwrap().unwrap(), "half");
    let kind = opened.body.next().await.unwrap_err();
    assert!(matches!(&kind, ErrorKind::Unreachable(words) if words.contains("interrupted")), "{kind}");
    let gone = [&KEYS[..], &[("MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:9")]].concat();
    let refused = tree("s3://models/root", &Environment::of(&gone, None)).list("").await.unwrap_err();
    assert!(matches!(&refused, ErrorKind::Unreachable(words) if words.contains("127.0.0.1:9")), "{refused}");
    assert!(is_refusal(&refused));
}

#[tokio::test]
async fn googles_interface_is_spoken_to_an_emulator() {
    let objects = Objects::default();
    let server = StandIn::start({
        let objects = Arc::clone(&objects);
        move |request| Some(keeps(&objects, request))
    });
    let tree = tree("gs://models/root", &Environment::of(&[("STORAGE_EMULATOR_HOST", &server.uri())], None));
    tree.put("a/b.txt", b"hello").await.unwrap();
    assert_eq!(paths(&tree.list("a").await.unwrap()), [("a/b.txt", false, Some(5))]);
    assert_eq!(tree.read("a/b.txt", 5).await.unwrap(), b"hello");
    let asked = server.asked();
    assert!(
        asked.iter().all(|request| matches!(request.header("authorization"), "" | "Bearer")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn azures_interface_is_spoken_with_a_connection_string() {
    let objects = Objects::default();
    let server = StandIn::start({
        let objects = Arc::clone(&objects);
        move |request| {
            assert!(request.header("authorization").starts_with("SharedKey own:"), "{request:?}");
            if request.query("comp") != "list" {
                let path = request.path.replacen("/own", "", 1);
                return Some(keeps(&objects, &Request { path, ..request.clone() }));
            }
            assert_eq!(request.query("prefix"), "root/");
            Some(Answer::ok(
                "<EnumerationResults><Blobs><BlobPrefix><Name>root/a/</Name></BlobPrefix><Blob><Name>root/x</Name>\
                 <Properties><Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified>\
                 <Content-Length>3</Content-Length><Content-Type>a</Content-Type><Etag>e</Etag></Properties></Blob></Blobs>\
                 <NextMarker/></EnumerationResults>",
            ))
        }
    });
    let text = format!("AccountName=own;AccountKey=bm9ib2R5cw==;BlobEndpoint={}/own", server.uri());
    let environment = Environment::of(&[("AZURE_STORAGE_CONNECTION_STRING", &text)], None);
    let tree = tree("abfss://models@acc.dfs.core.windows.net/root", &environment);
    tree.put("a/b.txt", b"hello").await.unwrap();
    assert_eq!(paths(&tree.list("").await.unwrap()), [("a", true, None), ("x", false, Some(3))]);
    assert_eq!(tree.read("a/b.txt", 5).await.unwrap(), b"hello");
    let server =
        StandIn::start(|_| Some(Answer::of(403, "").with("x-ms-error-code", "AuthenticationFailed")));
    let text = format!("AccountName=own;AccountKey=bm9ib2R5cw==;BlobEndpoint={}/own", server.uri());
    let environment = Environment::of(&[("AZURE_STORAGE_CONNECTION_STRING", &text)], None);
    let wrong = super::tests::tree("abfss://models@acc.dfs.core.windows.net/root", &environment);
    let refused = told(wrong.list("").await.unwrap_err());
    assert!(refused.contains("connection string") && refused.contains("az login"), "{refused}");
}
