//! What is said where a database cannot be reached, opened or written to.

use std::net::TcpListener;

use mltui::mlflow::{Tag, ViewType};
use mltui::store::{ErrorKind, StoreError};

use super::bridge::{Spoils, bridge};
use crate::support::postgres::{Gateway, PASSWORD, Postgres, open_at};
use crate::support::silence::{Bridge, told_as_silent};
use crate::support::stores::{block_on, kind, new_run};
use crate::support::{V3, free_port, wait_until};

fn failure(uri: &str) -> StoreError {
    let folder = tempfile::tempdir().unwrap();
    block_on(open_at(uri, folder.path()).search_experiments(ViewType::All)).unwrap_err()
}

#[test]
fn why_a_database_cannot_be_opened_is_said_without_its_password() {
    let server = Postgres::shared();
    let name = server.database(V3);
    server.sql("postgres", "CREATE DATABASE empty_one");
    let port = free_port();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().port();
    let password = PASSWORD.replace(' ', "%20");
    for (uri, word) in [
        (server.uri_of("postgres", "wrongsecret", &name), "rejects user \"postgres\" or the password"),
        (format!("postgresql://postgres@127.0.0.1:{}/{name}", server.port), "wants a password"),
        (server.uri_of("nobody", "wrongsecret", &name), "rejects user \"nobody\""),
        (server.uri("absent"), "no database \"absent\""),
        (server.uri("empty_one"), "has no MLflow tables"),
        (format!("postgresql://postgres:{password}@127.0.0.1:{port}/x"), "no PostgreSQL server listens"),
        (
            format!("postgresql://postgres:{password}@no-such-host.invalid/x"),
            "no host is known by the name in no-such-host.invalid",
        ),
        (format!("postgresql://u:{password}@127.0.0.1:{silent}/x?connect_timeout=1"), "does not answer"),
        (format!("{}?sslmode=require", server.uri(&name)), "does not offer TLS"),
        (format!("{}?sslmode=verify-full", server.uri(&name)), "sslrootcert"),
    ] {
        let error = failure(&uri);
        assert!(error.to_string().contains(word), "{uri}: {error}");
        let said = format!("{error} {error:?} {}", error.hint());
        assert!(!said.contains("secret"), "{said}");
    }
    let login = failure(&server.uri_of("postgres", "wrongsecret", &name));
    assert!(matches!(login.kind, ErrorKind::Login(_)) && login.hint().contains("PGPASSWORD"), "{login:?}");
    assert!(!login.is_transient());
}

#[test]
fn a_user_who_may_only_read_reads() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    let experiment = block_on(store.create_experiment("e", &[])).unwrap();
    let run = block_on(store.create_run(&new_run(&experiment, "r", 1))).unwrap().info.run_id;
    server.sql(
        &name,
        "CREATE ROLE reader LOGIN PASSWORD 'reads'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
    );
    let store = open_at(&server.uri_of("reader", "reads", &name), folder.path());
    block_on(async {
        let info = store.info().await.unwrap();
        assert!(!info.writable && info.notes.iter().any(|note| note.contains("GRANT")), "{info:?}");
        assert_eq!(store.get_run(&run).await.unwrap().info.run_name, "r");
        let refused = store.set_tag(&run, &Tag::new("a", "b")).await.unwrap_err();
        assert!(matches!(&refused.kind, ErrorKind::Denied(words) if words.contains("reader")), "{refused}");
        // The connection is as good as before.
        assert_eq!(store.get_run(&run).await.unwrap().info.run_name, "r");
        assert!(matches!(kind(store.create_experiment("x", &[]).await), ErrorKind::Denied(_)));
    });
    // Nothing at all may be read.
    server.sql(&name, "CREATE ROLE stranger LOGIN PASSWORD 'reads not'");
    let error = failure(&server.uri_of("stranger", "reads not", &name));
    assert!(matches!(&error.kind, ErrorKind::Denied(_)), "{error}");
}

#[test]
fn what_the_database_does_not_take_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let store = open_at(&server.uri(&server.database(V3)), folder.path());
    block_on(async {
        let long = kind(store.create_experiment(&"x".repeat(300), &[]).await);
        assert!(matches!(&long, ErrorKind::Invalid(words) if words.contains("256")), "{long}");
        let experiment = store.create_experiment("e", &[]).await.unwrap();
        let run = store.create_run(&new_run(&experiment, "r", 1)).await.unwrap().info.run_id;
        let zero = kind(store.set_tag(&run, &Tag::new("a", "x\0y")).await);
        assert!(matches!(zero, ErrorKind::Invalid(_)), "{zero}");
        assert_eq!(store.get_run(&run).await.unwrap().tag("a"), None);
    });
}

#[test]
fn a_server_that_ends_is_missed_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Postgres::start();
    let name = server.copy(Postgres::shared());
    let store = open_at(&server.uri(&name), folder.path());
    let experiment = block_on(store.create_experiment("e", &[])).unwrap();
    let end = |server: &mut Postgres| {
        server.stop();
        let error = block_on(store.search_experiments(ViewType::All)).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Unreachable(_)) && error.is_transient(), "{error}");
        server.restart();
    };
    end(&mut server);
    assert_eq!(block_on(store.search_experiments(ViewType::All)).unwrap().len(), 2);
    // While it was away nobody asked: the first who does is none the wiser.
    server.stop();
    server.restart();
    let run = block_on(store.create_run(&new_run(&experiment, "r", 1))).unwrap();
    server.stop();
    server.restart();
    assert_eq!(block_on(store.get_run(&run.info.run_id)).unwrap().info.run_name, "r");
}

#[test]
fn connections_are_encrypted_and_servers_verified_as_the_address_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let gateway = Gateway::start(folder.path(), server.port, "anyone");
    let name = server.database(V3);
    let uri = server.uri_by(gateway.1, &name);
    let authority = folder.path().join("ca.pem");
    let with = |host: &str, query: &str| {
        let query = query.replace("CA", authority.to_str().unwrap());
        let store = open_at(&format!("{}?{query}", uri.replace("127.0.0.1", host)), folder.path());
        block_on(store.search_experiments(ViewType::All)).map(|found| found.len())
    };
    assert_eq!(with("127.0.0.1", "sslmode=prefer"), Ok(1), "whoever it is");
    assert_eq!(with("127.0.0.1", "sslmode=require"), Ok(1));
    assert_eq!(with("127.0.0.1", "sslmode=verify-full&sslrootcert=CA"), Ok(1));
    assert_eq!(with("localhost", "sslmode=verify-ca&sslrootcert=CA"), Ok(1), "whatever its name");
    let misnamed = kind(with("localhost", "sslmode=verify-full&sslrootcert=CA"));
    assert!(matches!(&misnamed, ErrorKind::Tls(words) if words.contains("another name")), "{misnamed}");
    let strange = folder.path().join("strange");
    std::fs::create_dir(&strange).unwrap();
    let other = Gateway::start(&strange, server.port, "self-ca");
    let query = format!("sslmode=require&sslrootcert={}", strange.join("ca.pem").display());
    let unknown = with("127.0.0.1", &query).unwrap_err();
    assert!(
        matches!(&unknown.kind, ErrorKind::Tls(words) if words.contains("unknown authority")),
        "{unknown}"
    );
    assert!(unknown.hint().contains("sslrootcert"), "{unknown}");
    // A server may have signed itself, and be trusted for itself, as many are.
    let own = format!("sslmode=verify-full&sslrootcert={}", strange.join("server.pem").display());
    let found =
        open_at(&format!("{}?{own}", uri.replace(&gateway.1.to_string(), &other.1.to_string())), &strange);
    assert_eq!(block_on(found.search_experiments(ViewType::All)).unwrap().len(), 1);
    // What is only preferred is done without where it does not come about; what is required is not.
    let uri = server.uri_by(bridge(server.port, Spoils::Encryption), &name);
    let with = |mode: &str| {
        let store = open_at(&format!("{uri}?sslmode={mode}"), folder.path());
        block_on(store.search_experiments(ViewType::All)).map(|found| found.len())
    };
    assert_eq!(with("prefer"), Ok(1));
    with("require").unwrap_err();
}

#[test]
fn a_server_that_says_nothing_is_given_up_soon() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    let bridge = Bridge::to(server.port);
    let store = open_at(&format!("{}?connect_timeout=1", server.uri_by(bridge.port, &name)), folder.path());
    told_as_silent(&store, &bridge);
}

#[test]
fn an_end_without_an_answer_is_told_as_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    let experiment = block_on(store.create_experiment("e", &[])).unwrap();
    let run = block_on(store.create_run(&new_run(&experiment, "r", 1))).unwrap().info.run_id;
    for arrives in [false, true] {
        let port = bridge(server.port, Spoils::Commit { arrives });
        let cut = open_at(&format!("{}?sslmode=disable", server.uri_by(port, &name)), folder.path());
        let error = block_on(cut.set_tag(&run, &Tag::new("t", arrives.to_string()))).unwrap_err();
        assert!(error.to_string().contains("may be written or not"), "{error}");
        assert!(!error.is_transient(), "it is not done again by itself");
        let found = || block_on(store.get_run(&run)).unwrap().tag("t").map(str::to_owned);
        if arrives {
            wait_until("what was written", || found().as_deref() == Some("true"));
        } else {
            assert_eq!(found(), None);
        }
    }
}
