//! What becomes of a mark where a server has no registry, no aliases, or not the right to them.

use std::path::Path;

use serde_json::{Value, json};

use super::{block_on, experiment, json_of, open, state};
use crate::support::proxy::{Fault, Proxy};
use crate::support::{Server, V3};

/// What is said of registering the best run of an experiment under a name.
fn registering(home: &Path, address: &str, experiment: &str, name: &str) -> (Value, Vec<String>) {
    let told = json_of(home, address, &["mark-best", experiment, "--register", name, "--json"]);
    let said = told["said"].as_array().unwrap();
    (told["run"].clone(), said.iter().map(|line| line.as_str().unwrap().to_owned()).collect())
}

/// What marking the best run of an experiment would write, with a model under a name.
fn planned(home: &Path, address: &str, experiment: &str, name: &str) -> (Value, Vec<String>) {
    let told = json_of(home, address, &["mark-best", experiment, "--register", name, "--dry-run", "--json"]);
    let writes = told["writes"].as_array().unwrap();
    (told["run"].clone(), writes.iter().map(|line| line.as_str().unwrap().to_owned()).collect())
}

#[test]
fn without_a_registry_the_tags_are_set_and_the_rest_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared(V3);
    let store = open(&server.uri());
    let proxy = Proxy::start(server.port);
    for (status, part) in
        [(404, "registered-models"), (403, "registered-models"), (403, "model-versions/create")]
    {
        let name = format!("refused {status} {part}").replace('/', " ");
        let (_, runs) = block_on(experiment(&store, &name));
        proxy.set(Fault::Refuse(part, status));
        let told = json_of(folder.path(), &proxy.uri(), &["mark-best", &name, "--json"]);
        let words = told["said"][1].as_str().unwrap();
        assert!(words.starts_with("not registered: "), "{told}");
        let run = block_on(store.get_run(&runs[1])).unwrap();
        assert_eq!(run.tag("mltui.best"), Some("true"), "{name}");
        json_of(folder.path(), &proxy.uri(), &["mark-best", &name, "--undo", "--json"]);
        assert_eq!(block_on(store.get_run(&runs[1])).unwrap().tag("mltui.best"), None);
        proxy.set(Fault::None);
    }
}

#[test]
fn who_may_not_read_models_may_register_one_and_without_aliases_it_is_registered_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared(V3);
    let store = open(&server.uri());
    let proxy = Proxy::start(server.port);
    for (part, alias) in [("registered-models/get", true), ("registered-models/alias", false)] {
        let name = part.replace('/', "-");
        block_on(experiment(&store, &name));
        proxy.set(Fault::Refuse(part, 403));
        let (run, said) = registering(folder.path(), &proxy.uri(), &name, &name);
        proxy.set(Fault::None);
        let version = if alias { ", alias champion" } else { "" };
        assert_eq!(said[1], format!("registered as {name} version 1{version}"), "{said:?}");
        assert_eq!(run["model"]["version"], 1);
        assert_eq!(block_on(store.model_versions(&name)).unwrap().len(), 1);
        let aliases = block_on(store.get_registered_model(&name)).unwrap().aliases;
        if alias {
            assert_eq!(aliases, [("champion".to_owned(), 1)]);
        } else {
            assert!(said[2].starts_with("the alias champion is not set: "), "{said:?}");
            assert!(aliases.is_empty());
        }
        json_of(folder.path(), &server.uri(), &["mark-best", &name, "--undo", "--json"]);
        assert!(
            block_on(store.get_registered_model(&name)).is_err(),
            "the mark made it, undoing takes it away"
        );
    }
}

#[test]
fn a_user_with_no_rights_but_his_own_registers_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let rights = folder.path().join("auth.ini");
    let text = format!(
        "[mlflow]\ndefault_permission = NO_PERMISSIONS\ndatabase_uri = sqlite:///{}\nadmin_username = admin\n\
         admin_password = a-long-password-1\nauthorization_function = \
         mlflow.server.auth:authenticate_request_basic_auth\n",
        folder.path().join("auth.db").display()
    );
    std::fs::write(&rights, text).unwrap();
    let variables = [
        ("MLFLOW_FLASK_SERVER_SECRET_KEY", "for tests"),
        ("MLFLOW_AUTH_ADMIN_PASSWORD", "a-long-password-1"),
        ("MLFLOW_AUTH_CONFIG_PATH", rights.to_str().unwrap()),
    ];
    let server = Server::start_with(V3, folder.path(), &["--app-name", "basic-auth"], &variables);
    let program = "import requests, sys\nanswer = requests.post(sys.argv[1] + '/api/2.0/mlflow/users/create', \
                   auth=('admin', 'a-long-password-1'), json={'username': 'ana', 'password': 'a-long-password-2'})\n\
                   assert answer.ok, answer.text";
    V3.run(program, &[&server.uri()]);
    let address = server.uri().replace("http://", "http://ana:a-long-password-2@");
    block_on(experiment(&open(&address), "team"));
    let (_, said) = registering(folder.path(), &address, "team", "team");
    assert_eq!(said[1], "registered as team version 1, alias champion", "{said:?}");
}

#[test]
fn a_store_without_aliases_is_told_truly_what_was_registered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    let address = format!("sqlite:///{}", path.display());
    block_on(experiment(&open(&address), "wine"));
    // As MLflow before 2.3 has it.
    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE registered_model_aliases").unwrap();
    let (run, writes) = planned(folder.path(), &address, "wine", "red");
    assert_eq!(
        writes.last().unwrap(),
        "registry: no alias, as this store does not support them (MLflow 2.3 does)"
    );
    assert!(!writes.concat().contains("champion") && run["model"]["alias"] == Value::Null, "{writes:?}");
    let (run, said) = registering(folder.path(), &address, "wine", "red");
    assert_eq!(said[1], "registered as red version 1", "{said:?}");
    assert!(said[2].contains("alias champion is not set") && said[2].contains("MLflow 2.3"), "{said:?}");
    assert_eq!((&run["model"]["version"], &run["model"]["alias"]), (&json!(1), &Value::Null));
    let versions = block_on(open(&address).model_versions("red")).unwrap();
    assert_eq!(versions.len(), 1);
}

#[test]
fn a_server_without_aliases_is_told_of_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared(V3);
    block_on(experiment(&open(&server.uri()), "no aliases"));
    let proxy = Proxy::start(server.port);
    let alias = |writes: &[String]| writes.first().unwrap().clone();
    let (run, writes) = planned(folder.path(), &proxy.uri(), "no aliases", "no aliases");
    assert_eq!(alias(&writes), "@champion of no aliases: from none to the new version");
    assert_eq!(run["model"]["alias"], "champion");
    // As a server before 2.3 has it, which does not know the path; and one that lets nobody look.
    proxy.set(Fault::Refuse("registered-models/alias", 404));
    assert!(alias(&planned(folder.path(), &proxy.uri(), "no aliases", "no aliases").1).contains("no alias"));
    proxy.set(Fault::Refuse("registered-models/alias", 403));
    let unknown = alias(&planned(folder.path(), &proxy.uri(), "no aliases", "no aliases").1);
    assert!(unknown.contains("@champion of no aliases: from none"), "{unknown}");
}

#[test]
fn who_may_not_read_a_model_may_mark_and_undo() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared(V3);
    let store = open(&server.uri());
    let (id, runs) = block_on(experiment(&store, "unread"));
    let proxy = Proxy::start(server.port);
    proxy.set(Fault::Refuse("registered-models/get", 403));
    let (_, said) = registering(folder.path(), &proxy.uri(), "unread", "unread");
    assert_eq!(said[1..], ["registered as unread version 1, alias champion"], "{said:?}");
    let undone = json_of(folder.path(), &proxy.uri(), &["mark-best", "unread", "--undo", "--json"]);
    assert_eq!(undone["said"][1], "the registry is unchanged: no permission to read unread", "{undone}");
    let left = block_on(state(&store, &id, &runs, "unread"));
    assert_eq!((left.best.as_str(), left.tags[1].len(), left.versions.len()), ("", 0, 1));
    assert_eq!(left.aliases, [("champion".to_owned(), 1)]);
    // Nothing is left to be finished, and whoever may read it marks with the version that is there.
    proxy.set(Fault::None);
    let (_, said) = registering(folder.path(), &proxy.uri(), "unread", "unread");
    assert_eq!(said[1..], ["registered as unread version 1, alias champion"], "{said:?}");
}

#[test]
fn no_model_is_registered_into_a_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let program = "import mlflow, sys\nmlflow.set_tracking_uri(sys.argv[1])\n\
                   mlflow.genai.register_prompt(name='greeting', template='Hello {{name}}')";
    V3.run(program, &[&server.uri()]);
    block_on(experiment(&open(&server.uri()), "wine"));
    let local = format!("sqlite:///{}", folder.path().join("store.db").display());
    for address in [server.uri(), local] {
        let (run, said) = registering(folder.path(), &address, "wine", "greeting");
        assert!(said[1].starts_with("not registered: greeting is a prompt"), "{said:?}");
        assert!(said[1].contains("another name"), "{said:?}");
        assert_eq!(run["model"], Value::Null);
        let versions = block_on(open(&address).model_versions("greeting")).unwrap();
        // A server lists no versions of prompts.
        assert!(
            versions.len() <= 1 && versions.iter().all(|version| version.run_id.is_none()),
            "{versions:?}"
        );
    }
}
