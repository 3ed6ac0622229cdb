//! The headless commands, as scripts use them.

mod columns;
mod environment;
mod finding;
mod hostile;

use std::process::Command;

use crate::support::commands::{fill, json, mltui, open, printed, refused, text};

#[test]
fn messages_go_to_standard_error_with_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let (code, message) = refused(folder.path(), &[]);
    assert!(code == 2 && message.contains("needs a terminal"), "{message}");
    let (code, message) = refused(folder.path(), &["--tracking-uri", "mssql://u:geheim@h/db", "experiments"]);
    assert!(code == 2 && message.contains("mlflow server") && !message.contains("geheim"), "{message}");
    for scheme in ["postgresql", "mysql"] {
        let address = format!("{scheme}://u:geheim@127.0.0.1:1/db");
        let (code, message) = refused(folder.path(), &["--tracking-uri", &address, "experiments"]);
        assert!(
            code == 1 && message.contains("listens at 127.0.0.1:1") && !message.contains("geheim"),
            "{message}"
        );
    }
    let (code, message) =
        refused(folder.path(), &["--tracking-uri", "sqlite:////nowhere/at/all.db", "experiments"]);
    assert!(code == 3 && message.contains("the folder /nowhere/at does not exist"), "{message}");
    std::fs::write(folder.path().join("bad.toml"), "[tui]\ncolour = 1\n").unwrap();
    let (code, message) = refused(folder.path(), &["--config", "bad.toml", "experiments"]);
    assert!(code == 2 && message.contains("bad.toml:2:1") && message.contains("poll_interval"), "{message}");
    let (code, message) = refused(folder.path(), &["--config", "absent.toml", "experiments"]);
    assert!(code == 2 && message.contains("absent.toml"), "{message}");
    std::fs::create_dir_all(folder.path().join("project/mlruns/0")).unwrap();
    std::fs::write(folder.path().join("project/mlruns/0/meta.yaml"), "").unwrap();
    let (code, message) = refused(folder.path(), &["--tracking-uri", "./project", "experiments"]);
    let word = "did you mean";
    assert!(code == 2 && message.contains(word) && message.contains("project/mlruns?"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing was created");
}

#[test]
fn a_database_that_is_not_there_is_no_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    runtime.block_on(fill(&open(&address)));
    let place: &[&str] = &["--tracking-uri", "sqlite:///mlfow.db"];
    for command in [
        &["experiments"] as &[&str],
        &["runs", "wine"],
        &["best", "wine"],
        &["compare", "one", "two"],
        &["mark-best", "wine"],
        &["wait", "--experiment", "wine"],
    ] {
        let (code, message) = refused(folder.path(), &[place, command].concat());
        assert!(code == 3 && message.contains("did you mean") && message.contains("mlflow.db?"), "{message}");
    }
    let doctor = mltui(folder.path(), &[place, &["doctor"]].concat());
    assert_eq!(doctor.status.code(), Some(3));
    assert!(text(&doctor.stderr).contains("did you mean"));
    std::fs::write(folder.path().join("c.toml"), "tracking_uri = \"sqlite:///mlfow.db\"").unwrap();
    assert_eq!(refused(folder.path(), &["--config", "c.toml", "experiments"]).0, 3);
    assert!(!folder.path().join("mlfow.db").exists());
    // Where nobody named a file, an empty store is a beginning.
    let empty = tempfile::tempdir().unwrap();
    assert!(printed(empty.path(), &["experiments"]).contains("Default"));
}

#[test]
fn variables_that_cannot_be_used_are_named() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let tell = |name: &str, value: &[u8]| {
        let output = Command::new(env!("CARGO_BIN_EXE_mltui"))
            .args(["--tracking-uri", "http://127.0.0.1:1", "experiments"])
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("MLFLOW_TRACKING_USERNAME", "ana")
            .env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
            .env(name, std::ffi::OsStr::from_bytes(value))
            .output()
            .unwrap();
        (output.status.code().unwrap(), text(&output.stderr))
    };
    for (name, value, word) in [
        ("MLFLOW_TRACKING_URI", b"http://\xff" as &[u8], "not valid UTF-8"),
        ("MLFLOW_TRACKING_SERVER_CERT_PATH", b"/\xff.pem", "not valid UTF-8"),
        ("MLFLOW_TRACKING_TOKEN", b"geheim\n", "a line break"),
        ("MLFLOW_TRACKING_TOKEN", "geheim\u{fc}".as_bytes(), "beyond ASCII"),
        ("MLFLOW_TRACKING_PASSWORD", b"geheim\r\n", "a line break"),
        ("MLFLOW_WORKSPACE", "b\u{fc}ro".as_bytes(), "beyond ASCII"),
    ] {
        let (code, message) = tell(name, value);
        assert!(code == 2 && message.contains(name) && message.contains(word), "{message}");
        assert!(!message.contains("geheim"), "{message}");
    }
    let (code, message) = tell("MLFLOW_TRACKING_PASSWORD", "gehe\u{fc}m".as_bytes());
    assert_eq!(code, 1, "a password may have any letters: {message}");
}

#[test]
fn settings_completions_and_the_manual_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    assert!(printed(folder.path(), &["config", "path"]).trim_end().ends_with("config.toml"));
    assert!(printed(folder.path(), &["config", "show"]).contains("poll_interval = 2.0"));
    assert!(printed(folder.path(), &["completions", "bash"]).contains("_mltui()"));
    for (shell, word) in [("zsh", "#compdef mltui"), ("fish", "complete -c mltui")] {
        assert!(printed(folder.path(), &["completions", shell]).contains(word));
    }
    assert!(printed(folder.path(), &["man"]).contains(".TH mltui"));
    printed(folder.path(), &["man", "--to", "pages"]);
    let page = |name: &str| std::fs::read_to_string(folder.path().join("pages").join(name)).unwrap();
    let first = page("mltui.1");
    for named in first.split("mltui\\-").skip(1) {
        let name = named.split('(').next().unwrap().replace("\\-", "-");
        assert!(page(&format!("mltui-{name}.1")).contains("SYNOPSIS"), "{name}");
    }
    assert!(first.contains("mltui\\-best(1)"));
    assert!(printed(folder.path(), &["--help"]).contains("experiments"));
}

#[test]
fn a_pipe_is_no_store_and_a_file_no_folder_for_pages() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("mlflow.db")).status().unwrap();
    assert!(made.success());
    let (code, message) = refused(folder.path(), &["experiments"]);
    assert!(code == 1 && message.contains("mlflow.db is no file"), "{message}");
    std::fs::write(folder.path().join("taken"), "").unwrap();
    let (code, message) = refused(folder.path(), &["man", "--to", "taken"]);
    assert!(code == 1 && message.contains("write the pages: taken: "), "{message}");
}

#[test]
fn a_damaged_store_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill(&open(&format!("sqlite:///{}", path.display()))));
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let (code, message) = refused(folder.path(), &["runs", "wine", "--json"]);
    assert!(code == 1 && message.contains("damaged"), "{message}");
    std::fs::write(&path, b"").unwrap();
    assert!(printed(folder.path(), &["experiments"]).contains("Default"), "an empty file is a store to be");
}

/// As `head` does when it has seen enough.
#[test]
fn nobody_who_reads_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill(&open(&format!("sqlite:///{}", folder.path().join("mlflow.db").display()))));
    let runs = json(folder.path(), &["runs", "wine", "--json"]);
    let ids: Vec<&str> = runs.as_array().unwrap().iter().map(|run| run["run_id"].as_str().unwrap()).collect();
    // More than what waits in any buffer.
    let db = rusqlite::Connection::open(folder.path().join("mlflow.db")).unwrap();
    db.execute("UPDATE tags SET value = ?1 WHERE key = 'team'", ["x".repeat(100_000)]).unwrap();
    for arguments in [
        &["runs", "wine"] as &[&str],
        &["runs", "wine", "--csv"],
        &["runs", "wine", "--csv", "--columns", "tags.team"],
        &["runs", "wine", "--json", "--columns", "tags.team"],
        &["experiments", "--csv"],
        &["compare", ids[0], ids[1]],
        &["compare", ids[0], ids[1], "--csv"],
        &["compare", ids[0], ids[1], "--md"],
        &["compare", ids[0], ids[1], "--json"],
        &["best", "wine", "--metric", "val_rmse"],
        &["best", "wine", "--metric", "val_rmse", "--json"],
        &["mark-best", "wine", "--metric", "val_rmse", "--dry-run"],
        &["wait", ids[0]],
        &["sweeps"],
        &["sweeps", "--json"],
        &["sweep", "--families"],
        &["doctor"],
        &["config", "show"],
        &["config", "path"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
        &["help", "runs"],
        &["--version"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_mltui"))
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{arguments:?}");
    }
}
