//! What is said where a database cannot be reached, opened or written to, and what it takes otherwise than others do.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use mltui::mlflow::filter::parse;
use mltui::mlflow::{Metric, Param, Tag, ViewType};
use mltui::store::{ErrorKind, RunSearch, StoreError};

use crate::support::mysql::{MariaDb, PASSWORD, open_at};
use crate::support::silence::{Bridge, told_as_silent};
use crate::support::stores::{block_on, kind, new_run};
use crate::support::{V3, free_port};

fn failure(uri: &str) -> StoreError {
    let folder = tempfile::tempdir().unwrap();
    block_on(open_at(uri, folder.path()).search_experiments(ViewType::All)).unwrap_err()
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn why_a_mariadb_cannot_be_opened_is_said_without_its_password() {
    let server = MariaDb::shared();
    let name = server.template(V3);
    server.sql("mysql", "CREATE DATABASE empty_one; CREATE USER stranger@'%' IDENTIFIED BY 'strange secret'");
    let port = free_port();
    let password = PASSWORD.replace(' ', "%20");
    for (uri, word) in [
        (server.uri_of("ana", "wrongsecret", name), "rejects user \"ana\" or the password"),
        (format!("mysql://ana@127.0.0.1:{}/{name}", server.port), "without a password"),
        (server.uri("absent"), "no database \"absent\""),
        (server.uri("empty_one"), "has no MLflow tables"),
        (server.uri_of("stranger", "strange secret", name), "stranger"),
        (format!("mysql://ana:{password}@127.0.0.1:{port}/x"), "no MySQL server listens"),
        (format!("mysql://ana:{password}@/x?unix_socket=/no/such.sock"), "no such socket"),
        (format!("mysql://ana:{password}@no-such-host.invalid/x"), "no-such-host.invalid"),
        (format!("{}?ssl_mode=REQUIRED", server.uri(name)), "does not offer TLS"),
    ] {
        let error = failure(&uri);
        assert!(error.to_string().contains(word), "{uri}: {error}");
        let said = format!("{error} {error:?} {}", error.hint());
        assert!(!said.contains("secret"), "{said}");
    }
    let login = failure(&server.uri_of("ana", "wrongsecret", name));
    assert!(matches!(login.kind, ErrorKind::Login(_)) && login.hint().contains(".my.cnf"), "{login:?}");
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn what_a_mariadb_takes_otherwise_is_as_mlflow_has_it_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    block_on(async {
        let experiment = store.create_experiment("Exp", &[]).await.unwrap();
        let taken = kind(store.create_experiment("exp", &[]).await);
        assert!(matches!(taken, ErrorKind::AlreadyExists(_)), "{taken}");
        let run = store.create_run(&new_run(&experiment, "r", 1)).await.unwrap().info.run_id;
        let metric = |key: &str, value: f64| [Metric { key: key.into(), value, timestamp: 1, step: 1 }];
        let small = -1.234_567_890_123_456_7e-100;
        store.log_batch(&run, &metric("Loss", small), &[Param::new("LR", "1")], &[]).await.unwrap();
        let other = kind(store.log_batch(&run, &metric("loss", 2.0), &[], &[]).await);
        assert!(matches!(&other, ErrorKind::Invalid(words) if words.contains("loss")), "{other}");
        store.log_batch(&run, &[], &[Param::new("lr", "1")], &[]).await.unwrap();
        let other = kind(store.log_batch(&run, &[], &[Param::new("lr", "2")], &[]).await);
        assert!(matches!(other, ErrorKind::Invalid(_)), "{other}");
        let tags = [Tag::new("Tag", "back\\slash 'x'"), Tag::new("tag", "Two")];
        for tag in &tags {
            store.set_tag(&run, tag).await.unwrap();
        }
        let found = store.get_run(&run).await.unwrap();
        assert_eq!((found.tag("tag"), found.tag("Tag")), (Some("Two"), None));
        assert_eq!((found.metrics[0].key.as_str(), found.params[0].key.as_str()), ("Loss", "LR"));
        assert!((found.metrics[0].value - small).abs() < 1e-120);
        for (filter, count) in [
            ("tags.tag = 'Two'", 1),
            ("tags.tag = 'two'", 0),
            ("tags.tag LIKE 't%'", 0),
            ("tags.tag ILIKE 't%'", 1),
            ("tags.tag != 'two'", 1),
            ("attributes.run_name = 'R'", 0),
            ("metrics.Loss < 0", 1),
        ] {
            let search = RunSearch {
                experiment_ids: vec![experiment.clone()],
                filter: parse(filter).unwrap(),
                max_results: 5,
                ..RunSearch::default()
            };
            assert_eq!(store.search_runs(&search).await.unwrap().runs.len(), count, "{filter}");
        }
        let long = kind(store.create_experiment(&"x".repeat(300), &[]).await);
        assert!(matches!(&long, ErrorKind::Invalid(_)), "{long}");
        // Once more, and nothing is the matter.
        store.restore_run(&run).await.unwrap();
    });
    server.sql("mysql", "CREATE USER reader@'%' IDENTIFIED BY 'reads'; GRANT SELECT ON *.* TO reader@'%'");
    let store = open_at(&server.uri_of("reader", "reads", &name), folder.path());
    let info = block_on(store.info()).unwrap();
    assert!(!info.writable && info.notes.iter().any(|note| note.contains("GRANT")), "{info:?}");
    let refused = kind(block_on(store.create_experiment("x", &[])));
    assert!(matches!(refused, ErrorKind::Denied(_)), "{refused}");
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn a_mariadb_that_says_nothing_is_given_up_soon() {
    let folder = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let name = server.database(V3);
    let bridge = Bridge::to(server.port);
    let address = server.uri(&name).replace(&format!(":{}/", server.port), &format!(":{}/", bridge.port));
    let store = open_at(&format!("{address}?connect_timeout=1"), folder.path());
    told_as_silent(&store, &bridge);
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn a_mariadb_that_ends_is_missed_and_found_again_and_speaks_tls() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = MariaDb::start();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    let experiment = block_on(store.create_experiment("e", &[])).unwrap();
    server.stop();
    let error = block_on(store.search_experiments(ViewType::All)).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Unreachable(_)) && error.is_transient(), "{error}");
    let certificates = folder.path().join("certificates");
    std::fs::create_dir(&certificates).unwrap();
    let process = Command::new(V3.quick_python())
        .arg("-c")
        .arg(include_str!("../../support/tls_proxy.py"))
        .arg(&certificates)
        .args(["1", "anyone", ""])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut maker = Maker(process);
    BufReader::new(maker.0.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    std::fs::copy(certificates.join("server.pem"), server.folder.join("server.pem")).unwrap();
    server.restart();
    assert_eq!(block_on(store.search_experiments(ViewType::All)).unwrap().len(), 2);
    block_on(store.create_run(&new_run(&experiment, "r", 1))).unwrap();
    let authority = certificates.join("ca.pem");
    let with = |host: &str, query: &str| {
        let query = query.replace("CA", authority.to_str().unwrap());
        let uri = format!("{}?{query}", server.uri(&name).replace("127.0.0.1", host));
        block_on(open_at(&uri, folder.path()).search_experiments(ViewType::All)).map(|found| found.len())
    };
    assert_eq!(with("127.0.0.1", "ssl_mode=REQUIRED"), Ok(2), "whoever it is");
    assert_eq!(with("127.0.0.1", "ssl_ca=CA"), Ok(2));
    let misnamed = kind(with("localhost", "ssl_ca=CA"));
    assert!(matches!(&misnamed, ErrorKind::Tls(words) if words.contains("another name")), "{misnamed}");
    let unknown = with("127.0.0.1", "ssl_mode=VERIFY_IDENTITY").unwrap_err();
    assert!(
        matches!(&unknown.kind, ErrorKind::Tls(words) if words.contains("unknown authority")),
        "{unknown}"
    );
    assert!(unknown.hint().contains("ssl_ca"), "{unknown}");
}

struct Maker(Child);

impl Drop for Maker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
