//! How a real server is reached: by TLS, with a certificate, behind a prefix, with a password, from machines with other clocks.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mltui::mlflow::ViewType;
use mltui::store::uri::{Auth, Observer, RestOptions};
use mltui::store::{ErrorKind, NewRun, uri};

use crate::support::client::{block_on, changed, kind, list, open, quick, scan_of, scanned};
use crate::support::stores::new_run;
use crate::support::{Server, V3};

/// A TLS gateway in front of a real server, and the folder with its certificates.
struct Gateway(Child, u16);

impl Gateway {
    fn start(folder: &Path, server: &Server, client: &str, prefix: &str) -> Self {
        let mut process = Command::new(V3.quick_python())
            .arg("-c")
            .arg(include_str!("../support/tls_proxy.py"))
            .arg(folder)
            .args([&server.port.to_string(), client, prefix])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(process, line.trim().parse().unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn tls_with_an_authority_of_its_own_a_client_certificate_and_a_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let open_tls = folder.path().join("open");
    let strict_tls = folder.path().join("strict");
    std::fs::create_dir_all(&open_tls).unwrap();
    std::fs::create_dir_all(&strict_tls).unwrap();
    let gateway = Gateway::start(&open_tls, &server, "anyone", "/team");
    let address = format!("https://127.0.0.1:{}/team", gateway.1);
    let once = RestOptions { max_retries: 0, ..quick() };
    // Who is not trusted now will not be a second later.
    let observer = Observer::new(|waiting| panic!("{waiting:?}"));
    let unknown = list(&open(&address, RestOptions { observer: Some(observer), ..quick() })).unwrap_err();
    assert!(
        matches!(&unknown.kind, ErrorKind::Tls(why) if why.contains("it is signed by an unknown authority")),
        "{unknown}"
    );
    assert!(unknown.hint().contains("MLFLOW_TRACKING_SERVER_CERT_PATH"), "{unknown}");
    let plain = kind(list(&open(&format!("https://127.0.0.1:{}", server.port), once.clone())));
    assert!(matches!(&plain, ErrorKind::Tls(why) if why.contains("http://")), "{plain}");
    let misnamed = open_tls.join("ca.pem");
    let misnamed = RestOptions { ca_file: Some(misnamed), ..quick() };
    let misnamed = kind(list(&open(&address.replace("127.0.0.1", "localhost"), misnamed)));
    assert!(matches!(&misnamed, ErrorKind::Tls(why) if why.contains("another name")), "{misnamed}");
    let trusting = RestOptions { ca_file: Some(open_tls.join("ca.pem")), ..once.clone() };
    assert_eq!(list(&open(&address, trusting.clone())).unwrap(), 1);
    assert_eq!(list(&open(&address, RestOptions { insecure_tls: true, ..once.clone() })).unwrap(), 1);
    let both = RestOptions { insecure_tls: true, ..trusting };
    assert!(
        uri::open(&uri::parse(&address, Path::new("/")).unwrap(), &both, false).is_err(),
        "they exclude each other"
    );
    let gateway = Gateway::start(&strict_tls, &server, "client", "");
    let address = format!("https://127.0.0.1:{}", gateway.1);
    let trusting = RestOptions { ca_file: Some(strict_tls.join("ca.pem")), ..once };
    let nobody = kind(list(&open(&address, RestOptions { max_retries: 3, ..trusting.clone() })));
    assert!(
        matches!(&nobody, ErrorKind::Tls(why) if why.contains("MLFLOW_TRACKING_CLIENT_CERT_PATH")),
        "{nobody}"
    );
    let known = RestOptions { client_cert: Some(strict_tls.join("client.pem")), ..trusting.clone() };
    assert_eq!(list(&open(&address, known)).unwrap(), 1);
    let absent = RestOptions { client_cert: Some(strict_tls.join("absent.pem")), ..trusting };
    let failure = list(&open(&address, absent)).unwrap_err().to_string();
    assert!(failure.contains("absent.pem"), "{failure}");
}

#[test]
fn a_certificate_that_a_server_signed_itself_can_be_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let listed = |which: &str, trusted: &str, host: &str| {
        let place = folder.path().join(which);
        std::fs::create_dir_all(&place).unwrap();
        let gateway = Gateway::start(&place, &server, which, "");
        let options = RestOptions { max_retries: 0, ca_file: Some(folder.path().join(trusted)), ..quick() };
        list(&open(&format!("https://{host}:{}", gateway.1), options))
    };
    for which in ["self", "self-ca"] {
        assert_eq!(listed(which, &format!("{which}/server.pem"), "127.0.0.1").unwrap(), 1, "{which}");
        // The name and the time still count, and so does which certificate it is.
        let other = kind(listed(which, &format!("{which}/server.pem"), "localhost")).to_string();
        assert!(other.contains("another name"), "{other}");
        assert!(listed(which, &format!("{which}/ca.pem"), "127.0.0.1").is_err());
    }
    let expired = kind(listed("self-expired", "self-expired/server.pem", "127.0.0.1")).to_string();
    assert!(expired.contains("expired"), "{expired}");
}

#[test]
fn a_real_server_that_asks_for_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with_password(V3, folder.path(), "a-long-password-1");
    let auth = |password: &str| RestOptions {
        auth: Auth::Basic { user: "admin".into(), password: password.into() },
        ..quick()
    };
    assert_eq!(kind(list(&open(&server.uri(), quick()))), ErrorKind::Unauthorized);
    assert_eq!(kind(list(&open(&server.uri(), auth("wrong")))), ErrorKind::Unauthorized);
    assert_eq!(list(&open(&server.uri(), auth("a-long-password-1"))).unwrap(), 1);
}

#[test]
fn a_workspace_that_a_server_has_not_is_told_at_once() {
    let server = Server::shared(V3);
    let observer = Observer::new(|waiting| panic!("{waiting:?}"));
    let options = RestOptions { workspace: Some("team".into()), observer: Some(observer), ..quick() };
    let refused = kind(list(&open(&server.uri(), options)));
    assert!(
        matches!(&refused, ErrorKind::Address(words) if words.contains("has no workspaces")),
        "{refused}"
    );
}

#[test]
fn runs_of_machines_with_other_clocks_come() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let store = open(&server.uri(), quick());
    let experiment = block_on(store.create_experiment("clocks", &[])).unwrap();
    let now = mltui::store::now_ms();
    let create = |name: &str, minutes: i64| {
        let run = NewRun {
            experiment_id: experiment.clone(),
            run_name: Some(name.into()),
            user_id: "ana".into(),
            start_time: now + minutes * 60_000,
            tags: Vec::new(),
        };
        block_on(store.create_run(&run)).unwrap();
    };
    let scan = scan_of(experiment.as_str());
    create("first", -31);
    let (mut cursor, _) = scanned(&store, &scan);
    // All of a machine that is half an hour late, then one that is early, then one that goes right.
    for (name, minutes) in [("late", -30), ("later", -29), ("early", 60), ("right", 0), ("early again", 61)] {
        create(name, minutes);
        let came = changed(&store, &scan, &mut cursor);
        assert!(came.contains(&name.to_owned()), "{name}: {came:?}");
    }
    // Once nothing is new, no more than the latest is sent again.
    assert!(changed(&store, &scan, &mut cursor).len() <= 4);
}

/// Makes a user who may read one of two experiments; their ids.
const GRANT: &str = r#"
import mlflow, os, sys
os.environ.update(MLFLOW_TRACKING_USERNAME="admin", MLFLOW_TRACKING_PASSWORD="a-long-password-1")
mlflow.set_tracking_uri(sys.argv[1])
from mlflow.server import get_app_client
auth = get_app_client("basic-auth", tracking_uri=sys.argv[1])
auth.create_user("ana", "a-long-password-2")
for name in ("seen", "hidden"):
    id = mlflow.create_experiment(name)
    with mlflow.start_run(experiment_id=id, run_name="run of " + name):
        mlflow.log_metric("loss", 0.5)
    if name == "seen":
        auth.grant_user_permission("ana", "experiment", id, "READ")
    print(id)
"#;

#[test]
fn a_user_without_rights_sees_what_they_may_see() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("auth.ini");
    let text = "[mlflow]\ndefault_permission = NO_PERMISSIONS\ndatabase_uri = sqlite:///auth.db\nadmin_username = admin\n\
                admin_password = a-long-password-1\n\
                authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n";
    std::fs::write(&settings, text).unwrap();
    let variables = [
        ("MLFLOW_FLASK_SERVER_SECRET_KEY", "for tests"),
        ("MLFLOW_AUTH_CONFIG_PATH", settings.to_str().unwrap()),
    ];
    let server = Server::start_with(V3, folder.path(), &["--app-name", "basic-auth"], &variables);
    let printed = V3.run(GRANT, &[&server.uri()]);
    let ids: Vec<&str> = printed.lines().filter(|line| line.parse::<u64>().is_ok()).collect();
    let [seen, hidden] = ids[..] else { panic!("{printed}") };
    let auth = Auth::Basic { user: "ana".into(), password: "a-long-password-2".into() };
    let store = open(&server.uri(), RestOptions { auth, ..quick() });
    let listed = block_on(store.search_experiments(ViewType::ActiveOnly)).unwrap();
    assert_eq!(listed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["seen"]);
    let (_, count) = scanned(&store, &scan_of(seen));
    assert_eq!(count, 1);
    let refused = kind(block_on(store.get_experiment(&hidden.into())));
    assert!(matches!(refused, ErrorKind::Forbidden(_)), "{refused}");
    let refused = kind(block_on(store.create_run(&new_run(&seen.into(), "r", 1))));
    assert!(matches!(refused, ErrorKind::Forbidden(_)), "{refused}");
    // The same in the program.
    let ran = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.args(["--tracking-uri", &server.uri()]).args(words).env_clear().env("HOME", folder.path());
        command.env("MLFLOW_TRACKING_USERNAME", "ana").env("MLFLOW_TRACKING_PASSWORD", "a-long-password-2");
        let ended = command.output().unwrap();
        (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap())
    };
    let (out, _) = ran(&["experiments"]);
    assert!(out.contains("seen") && !out.contains("hidden"), "{out}");
    assert!(ran(&["runs", "seen"]).0.contains("run of seen"));
    let (out, error) = ran(&["runs", hidden]);
    assert!(out.is_empty() && !error.contains("run of hidden") && !error.is_empty(), "{out}{error}");
}
