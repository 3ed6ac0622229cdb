//! What `--json` prints, by the schemas in `docs/schemas`. There it says nothing that no schema names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use boon::{Compiler, Schemas};
use clap::CommandFactory as _;
use mltui::cli::Arguments;
use serde_json::Value;

use super::world::World;
use crate::support::commands::{mltui, text};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas")
}

/// Only what is named may be there: others who read it are told to ignore the rest, but we would forget to name it.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".into(), false.into());
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Looks whether a value is what a schema says.
pub(crate) fn check(name: &str, value: &Value) {
    let content = fs::read(folder().join(name).with_extension("json")).unwrap();
    let mut schema: Value = serde_json::from_slice(&content).unwrap();
    let id = format!("urn:mltui:1:{name}");
    assert_eq!(schema["$id"], id.as_str());
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    close(&mut schema);
    let mut compiler = Compiler::new();
    compiler.add_resource(&id, schema).unwrap();
    let mut schemas = Schemas::new();
    let index = compiler.compile(&id, &mut schemas).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    if let Err(error) = schemas.validate(value, index) {
        panic!("{name}: {error:#}\n{value:#}");
    }
}

/// The commands of a page, with the schema of what each prints and the code that it ends with.
const CASES: [(&str, &[&str], i32); 39] = [
    ("experiments", &["experiments"], 0),
    ("experiments", &["experiments", "--all", "--columns", "id,stage"], 0),
    ("runs", &["runs", "wine-quality"], 0),
    (
        "runs-columns",
        &["runs", "wine-quality", "--columns", "run_name,duration,min(metrics.val_loss),params.none"],
        0,
    ),
    ("compare", &["compare", "bold-owl-12", "calm-fox-3"], 0),
    (
        "compare",
        &["compare", "bold-owl-12", "calm-fox-3", "dusty-elk-7", "--seeds", "--baseline", "bold-owl-12"],
        0,
    ),
    ("history", &["history", "bold-owl-12", "val_loss"], 0),
    ("best", &["best", "wine-quality", "--top", "3"], 0),
    (
        "best",
        &["best", "wine-quality", "--metric", "val_acc:max", "--metric", "latency_ms:min", "--weight", "1,1"],
        0,
    ),
    ("best", &["best", "wine-quality", "--where", "metrics.val_rmse < 0"], 3),
    ("models", &["models"], 0),
    ("model-versions", &["models", "wine-quality", "--metric", "val_rmse"], 0),
    ("model", &["models", "models:/wine-quality@champion"], 0),
    ("model", &["models", "runs:/bold-owl-12/data"], 3),
    ("promote", &["promote", "wine-quality", "--version", "2", "--to", "champion", "--dry-run"], 0),
    ("promote", &["promote", "wine-quality", "--version", "2", "--to", "champion", "--if-better"], 0),
    ("promote", &["promote", "wine-quality", "--version", "4", "--to", "champion", "--if-better"], 4),
    ("promote", &["promote", "wine-quality", "--version", "2", "--to", "champion"], 0),
    ("model-history", &["models", "wine-quality", "--history"], 0),
    ("model-edit", &["models", "edit", "wine-quality/2", "--tag", "reviewed=yes", "--alias", "champion"], 0),
    ("promote-undo", &["promote", "wine-quality", "--undo", "--to", "champion"], 0),
    ("mark-best", &["mark-best", "wine-quality", "--dry-run"], 0),
    ("mark-best", &["mark-best", "wine-quality"], 0),
    ("mark-best", &["mark-best", "wine-quality", "--undo"], 0),
    ("mark-best-history", &["mark-best", "wine-quality", "--history"], 0),
    ("artifacts-ls", &["artifacts", "ls", "-r", "runs:/bold-owl-12"], 0),
    ("upload", &["upload", "plots", "runs:/bold-owl-12/plots"], 0),
    ("download", &["download", "models:/wine-quality/1", "--to", "model", "--verify"], 0),
    ("wait", &["wait", "bold-owl-12"], 0),
    ("migrate-preview", &["migrate", "sqlite:///mlflow.db", "./copy", "--dry-run"], 0),
    ("migrate", &["migrate", "sqlite:///mlflow.db", "./copy"], 0),
    ("sweep", &["sweep", "--data", "iris", "--family", "naive_bayes", "--trials", "1"], 0),
    (
        "sweep",
        &["sweep", "--data", "iris", "--family", "decision_tree,naive_bayes", "--trials", "1", "--ensemble"],
        0,
    ),
    (
        "sweep",
        &["sweep", "--data", "train.csv", "--target", "price", "--family", "ridge", "--trials", "1"],
        0,
    ),
    (
        "sweep",
        &["sweep", "--param", "lr=0.0..1.0", "--metric", "val_loss:min", "--trials", "1", "--", "./train"],
        0,
    ),
    (
        "sweep",
        &["sweep", "--param", "lr=0.0..1.0", "--metric", "val_loss:min", "--trials", "1", "--", "/bin/false"],
        3,
    ),
    (
        "sweep-detached",
        &["sweep", "--data", "iris", "--family", "naive_bayes", "--trials", "1", "--detach"],
        0,
    ),
    (
        "sweep-detached",
        &["sweep", "--param", "a=1..2", "--metric", "acc:max", "--trials", "1", "--detach", "--", "./train"],
        0,
    ),
    ("sweeps", &["sweeps"], 0),
];

/// With `--json`, which stands before a command of one's own.
fn in_json<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let end = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    [&words[..end], &["--json"], &words[end..]].concat()
}

#[test]
fn what_is_printed_is_what_the_schemas_say() {
    let world = World::new(&[]);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (name, words, code) in CASES {
        let output = mltui(world.folder(), &in_json(words));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        check(name, &serde_json::from_slice(&output.stdout).unwrap());
        seen.insert(name.to_owned());
        if code != 0 {
            let error: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
            check("error", &error);
            assert_eq!(error["error"]["exit_code"], code);
            seen.insert("error".into());
        }
    }
    // It needs a cluster: the tests of Slurm look at it.
    seen.insert("sweep-submitted".into());
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let all: BTreeSet<String> = names
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(seen, all);
    crate::support::wait_until("the end of sweeps in the background", || {
        !text(&mltui(world.folder(), &["sweeps", "--json"]).stdout).contains("\"running\"")
    });
}

#[test]
fn an_error_is_one_object_on_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    for (words, kind, code) in [
        (&["runs", "wine", "--json"] as &[&str], "not_found", 3),
        (&["runs", "--json"], "usage", 2),
        (&["runs", "wine", "--json", "--csv"], "usage", 2),
        (&["runs", "0", "--json", "--filter", "metrics.a <"], "expression", 2),
        (&["--tracking-uri", "mssql://u:geheim@h/db", "experiments", "--json"], "address", 2),
        (&["--tracking-uri", "sqlite:///none.db", "experiments", "--json"], "no_store", 3),
        (&["--tracking-uri", "http://127.0.0.1:1", "experiments", "--json"], "unreachable", 1),
        (&["--config", "none.toml", "experiments", "--json"], "settings", 2),
        (&["sweep", "--data", "none.csv", "--target", "a", "--json"], "data", 2),
        (&["download", "nothing", "--json"], "address", 2),
        (&["best", "Default", "--json"], "none_eligible", 3),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.args(words).current_dir(folder.path()).env_clear().env("HOME", folder.path());
        let output = command.env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0").output().unwrap();
        let said = text(&output.stderr);
        let error: Value =
            serde_json::from_str(&said).unwrap_or_else(|error| panic!("{words:?}: {error}: {said}"));
        check("error", &error);
        assert_eq!((&error["error"]["kind"], output.status.code()), (&kind.into(), Some(code)), "{said}");
        assert!(!said.contains("geheim") && said.lines().count() == 1, "{said}");
    }
    let plain = mltui(folder.path(), &["runs", "wine"]);
    assert!(text(&plain.stderr).starts_with("mltui: "), "for people it is a sentence");
}

/// Whatever prints JSON has a schema, and a line that says which.
#[test]
fn every_command_that_prints_json_has_a_schema() {
    let page = fs::read_to_string(folder().join("README.md")).unwrap();
    let mut count = 0;
    let mut commands = vec![(String::from("mltui"), Arguments::command())];
    while let Some((name, command)) = commands.pop() {
        if command.get_arguments().any(|argument| argument.get_id() == "json") {
            let line = page.lines().find(|line| line.starts_with(&format!("| `{name} ")));
            assert!(line.is_some_and(|line| line.contains(".json)")), "{name}");
            count += 1;
        }
        commands.extend(
            command.get_subcommands().map(|below| (format!("{name} {}", below.get_name()), below.clone())),
        );
    }
    assert!(count >= 14, "{count}");
    for entry in fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        assert!(file == "README.md" || page.contains(&format!("]({file})")), "{file}");
    }
}
