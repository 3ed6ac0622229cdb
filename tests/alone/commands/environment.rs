//! A command, or a shell, in the environment that a profile means.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::commands::{mltui, text};

const CONFIG: &str = "
[profiles.team]
tracking_uri = \"http://mlflow.example:5000\"
token_env = \"TEAM_TOKEN\"
experiment = \"my nets\"
workspace = \"vision\"

[profiles.file]
tracking_uri = \"sqlite:////data/it's.db\"
";

/// With a secret of the profile, and leftovers of another server.
fn run(folder: &Path, words: &[&str]) -> Output {
    std::fs::write(folder.join("c.toml"), CONFIG).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
    command.current_dir(folder).args(["--config", "c.toml"]).args(words);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", folder);
    command.env("TEAM_TOKEN", "geheim").env("MLFLOW_TRACKING_PASSWORD", "of another");
    command.output().unwrap()
}

#[test]
fn a_command_runs_in_the_environment_of_a_profile() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo $MLFLOW_TRACKING_URI; echo $MLFLOW_TRACKING_TOKEN; echo ${MLFLOW_TRACKING_PASSWORD-none}; \
                  echo $MLFLOW_EXPERIMENT_NAME; echo $MLFLOW_WORKSPACE; echo \"$1\"; exit 7";
    let ended =
        run(folder.path(), &["--profile", "team", "exec", "--", "sh", "-c", script, "-", "--lr={a b}"]);
    assert_eq!(
        (ended.status.code(), text(&ended.stdout)),
        (Some(7), "http://mlflow.example:5000\ngeheim\nnone\nmy nets\nvision\n--lr={a b}\n".into()),
        "{}",
        text(&ended.stderr)
    );
    let absent = run(folder.path(), &["--profile", "team", "exec", "no-such-program"]);
    assert_eq!(absent.status.code(), Some(127));
    assert!(text(&absent.stderr).contains("cannot run no-such-program"), "{}", text(&absent.stderr));
    let wrong = run(folder.path(), &["--tracking-uri", "localhost", "exec", "true"]);
    assert_eq!(wrong.status.code(), Some(2), "an address that cannot be is no reason to train");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is written");
}

#[test]
fn a_shell_is_told_the_same_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let printed = text(&run(folder.path(), &["--profile", "team", "env"]).stdout);
    assert_eq!(
        printed,
        "export MLFLOW_TRACKING_URI=http://mlflow.example:5000\n\
         export MLFLOW_TRACKING_TOKEN=\"$TEAM_TOKEN\"\n\
         export MLFLOW_WORKSPACE=vision\n\
         export MLFLOW_EXPERIMENT_NAME='my nets'\n\
         unset MLFLOW_TRACKING_PASSWORD\n"
    );
    let fish = text(&run(folder.path(), &["--profile", "file", "env", "--shell", "fish"]).stdout);
    assert_eq!(
        fish,
        "set -gx MLFLOW_TRACKING_URI 'sqlite:////data/it\\'s.db'\nset -e MLFLOW_TRACKING_PASSWORD\n"
    );
    // What a shell makes of it.
    let sh = text(&run(folder.path(), &["--profile", "file", "env"]).stdout);
    let read = Command::new("sh").args(["-c", &format!("{sh}\nprintf %s \"$MLFLOW_TRACKING_URI\"")]).output();
    assert_eq!(text(&read.unwrap().stdout), "sqlite:////data/it's.db");
    let secret = run(folder.path(), &["--tracking-uri", "http://ana:pw@mlflow.example", "env"]);
    let error = text(&secret.stderr);
    assert_eq!((secret.status.code(), text(&secret.stdout)), (Some(2), String::new()), "all or nothing");
    assert!(
        error.contains("MLFLOW_TRACKING_PASSWORD would hold a secret") && !error.contains("pw"),
        "{error}"
    );
    assert!(mltui(folder.path(), &["env", "--help"]).status.success());
}

#[test]
fn a_database_that_is_made_because_of_a_mistyped_name_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mlflow.db"), "").unwrap();
    let mistyped = |words: &[&str]| {
        let ended = run(folder.path(), &[&["--tracking-uri", "sqlite:///mlfow.db"], words].concat());
        assert!(ended.status.success(), "{words:?}: {}", text(&ended.stderr));
        text(&ended.stderr)
    };
    for words in [
        &["exec", "true"][..],
        &["env"],
        &["sweep", "--data", "iris", "--family", "decision_tree", "--trials", "1", "--folds", "2"],
    ] {
        let error = mistyped(words);
        assert!(
            error.contains("no file ") && error.contains("mlflow.db? a new one is made"),
            "{words:?}: {error}"
        );
    }
    // It is there by now, and whoever names none gets MLflow's.
    assert!(!mistyped(&["exec", "true"]).contains("a new one"));
    let usual = tempfile::tempdir().unwrap();
    assert_eq!(text(&run(usual.path(), &["exec", "true"]).stderr), "");
}
