//! Models and files that a server does not take, or has elsewhere.

use std::fs;
use std::process::Stdio;

use mltui::store::uri;
use mltui::store::uri::RestOptions;
use serde_json::{Value, json};

use super::{are_whole, models};
use crate::support::proxy::{Fault, Proxy};
use crate::support::sweeping::{SMALL, STATE, begun, block_on, mltui, output, seen, swept};
use crate::support::{Server, V3, wait_until};

#[test]
fn a_model_that_a_server_does_not_take_is_told_once_and_ends_no_sweep() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(V3, home.path());
    let proxy = Proxy::start(server.port);
    // As a gateway does that lets no large body pass.
    proxy.set(Fault::Refuse("/models/", 413));
    let (code, out, error) = output(mltui(home.path(), &proxy.uri(), &SMALL));
    assert_eq!(code, 0, "{error}");
    assert_eq!(error.matches("; the sweep continues: ").count(), 1, "{error}");
    assert!(out.contains("2 models are not stored: "), "{out}");
    are_whole(&server.uri());
    assert_eq!(models(&home.path().join("store.db")), [3, 3], "nobody waits for them");
    let (_, listed, _) = output(mltui(home.path(), &proxy.uri(), &["sweeps", "--json"]));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["not_kept"]["models"], 2, "{listed}");
    assert!(listed[0]["not_kept"]["why"].as_str().unwrap().contains("model"), "{listed}");
    let found =
        mltui(home.path(), &server.uri(), &["runs", "iris", "--columns", "tags.mltui.sweep.not_kept"]);
    let (_, tagged, _) = output(found);
    assert_eq!(tagged.matches("model: ").count(), 2, "{tagged}");
}

#[test]
fn a_server_that_can_write_no_files_is_not_asked_for_ever() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("file"), "no folder").unwrap();
    let below = home.path().join("file/artifacts").display().to_string();
    let server = Server::start_with(V3, home.path(), &["--artifacts-destination", &below], &[]);
    let said = swept(home.path(), &server.uri(), &SMALL[1..]);
    assert_eq!(
        (said["finished"].as_u64(), said["not_kept"]["models"].as_u64()),
        (Some(2), Some(2)),
        "{said}"
    );
    assert!(said["not_kept"]["files"].as_u64() >= Some(2), "{said}");
    are_whole(&server.uri());
    assert_eq!(models(&home.path().join("store.db")), [3, 3]);
}

#[test]
fn a_sweep_that_broke_off_is_closed_though_the_server_can_write_no_files() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(V3, home.path());
    let proxy = Proxy::start(server.port);
    // An experiment, its two runs, and nothing more: whatever is trained has to be brought there later.
    proxy.set(Fault::Cut { writes: 6, arrives: false, hangs: true, is_cut: false });
    let mut child = mltui(home.path(), &proxy.uri(), &SMALL).stderr(Stdio::null()).spawn().unwrap();
    let all_is_trained = || {
        let sweeps = crate::support::sweeping::sweeps(home.path());
        let journal = sweeps.first().map(|id| home.path().join(STATE).join(id).join("events.jsonl"));
        let events = journal.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        events.matches("\"event\":\"ended\"").count() == 2
    };
    wait_until("the end of training", || proxy.is_cut() && all_is_trained());
    child.kill().unwrap();
    child.wait().unwrap();
    proxy.set(Fault::Refuse("mlflow-artifacts", 500));
    let next = [&SMALL[..], &["--experiment", "next"]].concat();
    let (code, _, error) = output(mltui(home.path(), &proxy.uri(), &next));
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("was interrupted") && !error.contains("cannot be closed"), "{error}");
    let (parents, trials) = seen(&server.uri(), "iris");
    assert_eq!((parents.len(), trials.len()), (1, 2));
    assert!(parents.iter().chain(&trials).all(|run| run.ended && !run.status.is_active()), "{trials:?}");
    assert_eq!(models(&home.path().join("store.db")), [3, 3, 3, 3]);
}

#[test]
fn without_an_artifact_service_models_are_artifacts_and_none_is_left_pending() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("art");
    let words = ["--no-serve-artifacts", "--default-artifact-root", root.to_str().unwrap()];
    let server = Server::start_with(V3, home.path(), &words, &[]);
    let said = swept(home.path(), &server.uri(), &SMALL[1..]);
    assert_eq!(said["not_kept"], json!({ "models": 0, "files": 0, "why": null }));
    are_whole(&server.uri());
    assert!(models(&home.path().join("store.db")).is_empty());
    let run = said["best"]["run_id"].as_str().unwrap();
    let location = uri::parse(&server.uri(), home.path()).unwrap();
    let store = uri::open(&location, &RestOptions::default(), true).unwrap();
    let files = block_on(store.list_artifacts(&run.into(), "model")).unwrap().files;
    assert!(files.iter().any(|file| file.path == "model/MLmodel"), "{files:?}");
}

#[test]
fn a_sweep_that_ends_in_an_error_leaves_no_run_behind_that_runs() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(V3, home.path());
    let proxy = Proxy::start(server.port);
    proxy.set(Fault::Refuse("log-batch", 401));
    let (code, _, error) = output(mltui(home.path(), &proxy.uri(), &SMALL));
    assert_ne!(code, 0);
    assert!(error.contains("fix this and resume it"), "{error}");
    let (parents, trials) = seen(&server.uri(), "iris");
    assert!(!parents.is_empty());
    let all = parents.iter().chain(&trials);
    assert!(all.clone().all(|run| run.ended && !run.status.is_active()), "{:?}", all.collect::<Vec<_>>());
    proxy.set(Fault::None);
    let id = crate::support::sweeping::sweeps(home.path()).remove(0);
    let (code, _, error) = output(mltui(home.path(), &server.uri(), &["sweep", "--resume", &id]));
    // The same store under another address is another store.
    assert_eq!(code, 2, "{error}");
    proxy.set(Fault::Refuse("/models/", 413));
    let (code, _, error) = output(mltui(home.path(), &proxy.uri(), &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    are_whole(&server.uri());
}

#[test]
fn a_sweep_into_the_file_of_a_server_writes_where_the_server_looks_or_nothing() {
    let program = "import mlflow, sys\nmlflow.set_tracking_uri(sys.argv[1])\nmlflow.set_experiment('iris')\n\
                   with mlflow.start_run():\n    mlflow.log_text('x', 'note.txt')";
    for elsewhere in [true, false] {
        let home = tempfile::tempdir().unwrap();
        let there = home.path().join("elsewhere").display().to_string();
        let words: &[&str] = if elsewhere { &["--artifacts-destination", &there] } else { &[] };
        let server = Server::start_with(V3, home.path(), words, &[]);
        V3.run(program, &[&server.uri()]);
        let path = home.path().join("store.db");
        let uri = format!("sqlite:///{}", path.display());
        if elsewhere {
            let (code, _, error) = output(mltui(home.path(), &uri, &SMALL));
            assert!(code != 0 && error.contains("--tracking-uri"), "{error}");
            assert_eq!(begun(home.path(), &path), (1, 0), "only the run that logged a note");
            continue;
        }
        let said = swept(home.path(), &uri, &SMALL[1..]);
        let run = said["run_id"].as_str().unwrap();
        let location = uri::parse(&server.uri(), home.path()).unwrap();
        let store = uri::open(&location, &RestOptions::default(), true).unwrap();
        let content = block_on(store.read_artifact(&run.into(), "command.txt", 1 << 20)).unwrap();
        assert!(content.starts_with(b"mltui sweep"), "the server finds it");
    }
}
