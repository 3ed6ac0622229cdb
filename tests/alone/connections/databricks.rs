//! A Databricks workspace: tokens that are asked for and renewed, and files behind signed addresses.

use std::path::Path;

use mltui::mlflow::RunId;
use mltui::store::uri::{Location, RestOptions};
use mltui::store::{ErrorKind, FilesOf, Opened, Resume, Store, uri};

use super::LISTED;
use crate::support::client::{block_on, kind, list, quick, scan_of, scanned};
use crate::support::peer::{Answer, Peer};

const SECRET: [(&str, &str); 2] =
    [("DATABRICKS_CLIENT_ID", "robot"), ("DATABRICKS_CLIENT_SECRET", "m2m-geheim")];
const TOKEN: [(&str, &str); 1] = [("DATABRICKS_TOKEN", "dapi-geheim")];
const FIRST: Answer = Answer::Http(
    200,
    "",
    "{\"access_token\": \"eyJfirst\", \"token_type\": \"Bearer\", \"expires_in\": 3600}",
);
const SECOND: Answer = Answer::Http(200, "", "{\"access_token\": \"eyJsecond\", \"expires_in\": 3600}");
const REFUSED: Answer = Answer::Http(401, "", "{\"error_code\": \"401\", \"message\": \"Token is expired\"}");

fn workspace(peer: &Peer, credentials: &[(&str, &str)], options: &RestOptions) -> Store {
    let location = uri::parse("databricks", Path::new("/")).unwrap();
    let host = peer.uri();
    let variable = |name: &str| {
        let host = (name == "DATABRICKS_HOST").then(|| host.clone());
        let own =
            || credentials.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        host.or_else(own)
    };
    let location: Location = location.completed(variable, None).unwrap();
    uri::open(&location, options, false).unwrap()
}

#[test]
fn a_token_is_asked_for_once_and_anew_where_it_is_refused() {
    let peer = Peer::start(vec![FIRST, LISTED, LISTED, REFUSED, SECOND, LISTED]);
    let store = workspace(&peer, &SECRET, &quick());
    for _ in 0..3 {
        assert_eq!(list(&store).unwrap(), 1);
    }
    let sent = peer.requests();
    assert_eq!(sent.len(), 6, "{sent:?}");
    // cm9ib3Q6bTJtLWdlaGVpbQ== is base64 of robot:m2m-geheim.
    for asked in [&sent[0], &sent[4]] {
        assert!(asked.starts_with("POST /oidc/v1/token "), "{asked}");
        assert!(asked.contains("authorization: Basic cm9ib3Q6bTJtLWdlaGVpbQ=="), "{asked}");
        assert!(asked.ends_with("grant_type=client_credentials&scope=all-apis"), "{asked}");
    }
    assert!(sent[3].contains("authorization: Bearer eyJfirst"), "{}", sent[3]);
    assert!(sent[5].starts_with("POST /api/2.0/mlflow/experiments/search "), "{}", sent[5]);
    assert!(sent[5].contains("authorization: Bearer eyJsecond"), "{}", sent[5]);
}

#[test]
fn what_is_refused_again_is_told_and_shows_no_secret() {
    for (credentials, answers, words, requests) in [
        (&SECRET[..], vec![FIRST, REFUSED, SECOND, REFUSED], "the token that it gave to the client", 4),
        (&TOKEN[..], vec![REFUSED], "Databricks rejects the token (DATABRICKS_TOKEN)", 1),
        (
            &TOKEN,
            vec![Answer::Http(
                403,
                "",
                "{\"error_code\": \"403\", \"message\": \"Invalid access token. [ReqId: 1]\"}",
            )],
            "rejects the token",
            1,
        ),
        (
            &SECRET,
            vec![Answer::Http(
                401,
                "",
                "{\"error\": \"invalid_client\", \"error_description\": \"not m2m-geheim\"}",
            )],
            "rejects the id or the secret of the client robot (DATABRICKS_CLIENT_ID): not ***",
            1,
        ),
        (&SECRET, vec![Answer::Http(200, "", "<html>login</html>")], "no token under", 1),
    ] {
        let peer = Peer::start(answers);
        let once = RestOptions { max_retries: 0, ..quick() };
        let failure = list(&workspace(&peer, credentials, &once)).unwrap_err();
        let shown = format!("{failure} {failure:?} {}", failure.hint());
        assert!(shown.contains(words) && !shown.contains("geheim") && !shown.contains("eyJ"), "{shown}");
        assert_eq!(peer.requests().len(), requests, "{shown}");
    }
    // That a user may not do something is another matter.
    let peer = Peer::start(vec![Answer::Http(
        403,
        "",
        "{\"error_code\": \"PERMISSION_DENIED\", \"message\": \"not yours\"}",
    )]);
    let failure = kind(list(&workspace(&peer, &TOKEN, &RestOptions { max_retries: 0, ..quick() })));
    assert_eq!(failure, ErrorKind::Forbidden("not yours".into()));
}

const RUN: Answer = Answer::Http(
    200,
    "",
    "{\"run\": {\"info\": {\"run_id\": \"r1\", \"experiment_id\": \"7\", \"status\": \"FINISHED\", \
     \"artifact_uri\": \"dbfs:/databricks/mlflow-tracking/7/r1/artifacts\"}}}",
);

/// A workspace that signs addresses of a storage, and the storage.
fn with_storage(answers: Vec<Answer>) -> (Peer, Peer) {
    let storage = Peer::start(answers);
    let signed: &'static str = format!(
        "{{\"credential_infos\": [{{\"run_id\": \"r1\", \"path\": \"a b.bin\", \"type\": \"AZURE_SAS_URI\", \
         \"signed_uri\": \"{}/c/a%20b.bin?sig=s%2Bx%3D\", \"headers\": [{{\"name\": \"x-ms-version\", \"value\": \"1\"}}]}}]}}",
        storage.uri()
    )
    .leak();
    (Peer::start(vec![RUN, Answer::Http(200, "", signed)]), storage)
}

fn opened(peer: &Peer, resume: Option<&Resume>) -> (Opened, Vec<u8>) {
    let store = workspace(peer, &TOKEN, &quick());
    block_on(async {
        let files = store.files(&FilesOf::Run(RunId::from("r1"))).await.unwrap();
        let mut opened = files.open("a b.bin", resume).await.unwrap();
        let mut content = Vec::new();
        while let Some(part) = opened.body.next().await.unwrap() {
            content.extend_from_slice(&part);
        }
        (opened, content)
    })
}

#[test]
fn a_file_is_read_at_a_signed_address_that_is_renewed_once() {
    const OLD: Answer = Answer::Http(
        403,
        "Content-Type: application/xml\r\n",
        "<Error><Code>AuthenticationFailed</Code></Error>",
    );
    let (peer, storage) = with_storage(vec![OLD, Answer::Http(200, "ETag: \"1\"\r\n", "words")]);
    let (file, content) = opened(&peer, None);
    assert_eq!(
        (file.size, file.version.as_deref(), content.as_slice()),
        (Some(5), Some("\"1\""), &b"words"[..])
    );
    let asked = peer.requests();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked[1].starts_with("POST /api/2.0/mlflow/artifacts/credentials-for-read "), "{}", asked[1]);
    assert!(asked[1].ends_with("{\"path\":[\"a b.bin\"],\"run_id\":\"r1\"}"), "{}", asked[1]);
    for sent in storage.requests() {
        assert!(sent.starts_with("GET /c/a%20b.bin?sig=s%2Bx%3D "), "{sent}");
        assert!(sent.contains("x-ms-version: 1") && !sent.to_lowercase().contains("authorization"), "{sent}");
    }
    // One that stays refused says no more than that.
    let (peer, storage) = with_storage(vec![OLD]);
    let store = workspace(&peer, &TOKEN, &quick());
    let failure = block_on(store.read_artifact(&"r1".into(), "a b.bin", 100)).unwrap_err();
    assert!(
        matches!(&failure.kind, ErrorKind::Forbidden(words) if words.contains("403 (AuthenticationFailed)")),
        "{failure}"
    );
    assert!(!failure.to_string().contains("sig="), "{failure}");
    assert_eq!(storage.requests().len(), 2);
}

#[test]
fn a_part_of_another_version_is_not_put_to_what_is_there() {
    let resume = Resume { at: 2, version: "\"1\"".into() };
    let part = |tag: &'static str| {
        let headers = format!("ETag: {tag}\r\nContent-Range: bytes 2-4/5\r\n").leak();
        Answer::Http(206, headers, "rds")
    };
    let (peer, storage) = with_storage(vec![part("\"1\"")]);
    let (file, content) = opened(&peer, Some(&resume));
    assert_eq!((file.from, file.size, content.as_slice()), (2, Some(5), &b"rds"[..]));
    let sent = &storage.requests()[0];
    assert!(sent.contains("range: bytes=2-") && sent.contains("if-range: \"1\""), "{sent}");
    // A storage that does not look at the condition.
    let (peer, _storage) =
        with_storage(vec![part("\"2\""), Answer::Http(200, "ETag: \"2\"\r\n", "other words")]);
    let (file, content) = opened(&peer, Some(&resume));
    assert_eq!((file.from, content.as_slice()), (0, &b"other words"[..]));
}

#[test]
fn files_that_the_workspace_does_not_keep_are_told() {
    const ELSEWHERE: Answer = Answer::Http(
        200,
        "",
        "{\"run\": {\"info\": {\"run_id\": \"r1\", \"experiment_id\": \"7\", \"status\": \"FINISHED\", \
         \"artifact_uri\": \"dbfs:/Volumes/main/ml/runs/r1/artifacts\"}}}",
    );
    let peer = Peer::start(vec![ELSEWHERE]);
    let store = workspace(&peer, &TOKEN, &quick());
    let failure = kind(block_on(store.files(&FilesOf::Run("r1".into()))));
    assert!(
        matches!(&failure, ErrorKind::Elsewhere(words) if words.contains("MLflow's own client")),
        "{failure}"
    );
}

#[test]
fn filters_that_a_workspace_does_not_take_hide_no_change() {
    const ONE: Answer = Answer::Http(
        200,
        "",
        "{\"runs\": [{\"info\": {\"run_id\": \"r1\", \"experiment_id\": \"7\", \"status\": \"RUNNING\", \"start_time\": 1}}]}",
    );
    const NO: Answer = Answer::Http(
        400,
        "",
        "{\"error_code\": \"INVALID_PARAMETER_VALUE\", \"message\": \"Invalid attribute key\"}",
    );
    let peer = Peer::start(vec![ONE, Answer::Http(200, "", "{}"), NO, NO, RUN]);
    let store = workspace(&peer, &TOKEN, &RestOptions { max_retries: 0, ..quick() });
    let scan = scan_of("7");
    let (mut cursor, count) = scanned(&store, &scan);
    assert_eq!(count, 1);
    let changes = block_on(store.changes(&scan, &mut cursor, &["r1".into()])).unwrap();
    assert_eq!(
        (changes.batches.iter().map(|batch| batch.heads.len()).sum::<usize>(), changes.removed.len()),
        (1, 0)
    );
    let sent = peer.requests();
    assert!(sent[2].contains("end_time") && sent[3].contains("run_id IN"), "{sent:?}");
    assert!(sent[4].starts_with("GET /api/2.0/mlflow/runs/get?run_id=r1 "), "{}", sent[4]);
    // Databricks' messages have no nulls in them.
    assert!(sent.iter().all(|sent| !sent.contains("null")), "{sent:?}");
}
