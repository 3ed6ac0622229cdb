//! What goes wrong around the explorer: what was known stays on the screen, a line says what is wrong and what is
//! being done, and when it is over everything goes on.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::support::proxy::{Fault, Proxy};
use crate::support::terminal::Terminal;
use crate::support::{Server, V3};

const SIZE: (u16, u16) = (150, 40);

const LOG: &str = r#"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine")
for i in range(5):
    with mlflow.start_run(run_name=f"known-run-{i}"):
        mlflow.log_param("family", ["tree", "forest"][i % 2])
        mlflow.log_metric("val_rmse", 0.5 + i / 10)
"#;

fn explore(folder: &Path, address: &str) -> Terminal {
    let variables = [("MLTUI_POLL_INTERVAL", "0.2"), ("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")];
    Terminal::start(folder, SIZE, &["--tracking-uri", address], &variables)
}

/// What the screen says to each failure of a server.
fn server_failures() -> Vec<(Fault, &'static [&'static str])> {
    let html = "<!doctype html><html><body>Please log in to the VPN</body></html>";
    vec![
        (Fault::Instead(200, "Content-Type: text/html\r\n", html), &["MLflow"]),
        // Somebody in between who says yes to everything.
        (Fault::Instead(200, "", ""), &["MLflow"]),
        (Fault::Instead(200, "Content-Type: application/json\r\n", "{\"portal\": \"yes\"}"), &["MLflow"]),
        (Fault::Instead(200, "Content-Type: application/json\r\n", "{}"), &["MLflow"]),
        (Fault::Half, &["interrupted"]),
        (Fault::Instead(401, "", "no"), &["401", "MLFLOW_TRACKING"]),
        (Fault::Instead(403, "", "no"), &["403"]),
        (Fault::Instead(404, "", "no"), &["404"]),
        (Fault::Instead(429, "Retry-After: 1\r\n", "slow down"), &["429"]),
        (
            Fault::Instead(500, "", "{\"error_code\": \"INTERNAL_ERROR\", \"message\": \"disk gone\"}"),
            &["disk gone"],
        ),
        (Fault::Host("evil.example"), &["Invalid Host header"]),
        (Fault::Slow(Duration::from_secs(10)), &["no answer within"]),
    ]
}

#[test]
fn a_server_that_fails_in_the_middle_keeps_its_rows_on_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    V3.run(LOG, &[&server.uri()]);
    let proxy = Proxy::start(server.port);
    let mut terminal = explore(folder.path(), &proxy.uri());
    terminal.wait_for("5 runs");
    terminal.wait_for("● live");
    for (fault, words) in server_failures() {
        proxy.set(fault.clone());
        terminal.wait(&format!("{words:?} for {fault:?}"), |screen| {
            screen.contains("stale, retry in") && words.iter().all(|word| screen.contains(word))
        });
        let screen = terminal.settled();
        assert!((0..5).all(|i| screen.contains(&format!("known-run-{i}"))), "{fault:?}:\n{screen}");
        assert!(screen.contains("as of "), "{fault:?}:\n{screen}");
        proxy.set(Fault::None);
        // A key asks at once; nobody has to wait for the next try.
        terminal.type_keys("r");
        terminal
            .wait("the store live again", |screen| screen.contains("● live") && !screen.contains("stale"));
    }
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_server_that_fails_at_the_start_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    V3.run(LOG, &[&server.uri()]);
    let proxy = Proxy::start(server.port);
    for (fault, words) in server_failures() {
        proxy.set(fault.clone());
        let mut terminal = explore(folder.path(), &proxy.uri());
        terminal.wait(&format!("{words:?} for {fault:?}"), |screen| {
            words.iter().all(|word| screen.contains(word)) && screen.contains("retry in")
        });
        proxy.set(Fault::None);
        terminal.wait_for("known-run-4");
        terminal.type_keys("q");
        assert_eq!(terminal.wait_for_end(), 0);
    }
}

/// A local store with five runs, and a screen that shows them.
fn local(folder: &Path) -> (std::path::PathBuf, Terminal) {
    let path = folder.join("mlflow.db");
    V3.run(LOG, &[&format!("sqlite:///{}", path.display())]);
    let terminal = explore(folder, &format!("sqlite:///{}", path.display()));
    terminal.wait_for("5 runs");
    (path, terminal)
}

fn all_runs_are_there(terminal: &Terminal) {
    // A frame may be half way into the harness.
    terminal.wait("all runs", |screen| (0..5).all(|i| screen.contains(&format!("known-run-{i}"))));
}

#[test]
fn a_locked_store_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut terminal) = local(folder.path());
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    terminal.type_keys("r");
    terminal.wait_for("locked");
    all_runs_are_there(&terminal);
    other.execute_batch("COMMIT").unwrap();
    terminal.wait("live", |screen| screen.contains("● live"));
    // A write that cannot be made says so and changes nothing.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    terminal.type_keys("R\x15new-name\r");
    terminal.wait_for("nothing was changed");
    other.execute_batch("COMMIT").unwrap();
    let name: i64 =
        other.query_row("SELECT count(*) FROM runs WHERE name = 'new-name'", [], |row| row.get(0)).unwrap();
    assert_eq!(name, 0);
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_store_that_is_deleted_replaced_or_truncated_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut terminal) = local(folder.path());
    let kept = folder.path().join("kept.db");
    std::fs::copy(&path, &kept).unwrap();
    std::fs::remove_file(&path).unwrap();
    terminal.wait_for("no longer exists");
    all_runs_are_there(&terminal);
    // Nothing is made in its place, whatever is written.
    terminal.type_keys("R\x15new-name\r");
    terminal.wait_for("nothing was changed");
    assert!(!path.exists());
    all_runs_are_there(&terminal);
    // Another file in its place is read.
    let other = Connection::open(&kept).unwrap();
    other.execute_batch("UPDATE runs SET name = 'replaced-run' WHERE name = 'known-run-0'").unwrap();
    other.execute_batch("UPDATE tags SET value = 'replaced-run' WHERE value = 'known-run-0'").unwrap();
    drop(other);
    std::fs::rename(&kept, &path).unwrap();
    terminal.wait_for("replaced-run");
    terminal.wait_for("● live");
    // Half of the file: what was read stays.
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 3).unwrap();
    terminal.type_keys("r");
    terminal
        .wait("a word about the damage", |screen| screen.contains("malformed") || screen.contains("damaged"));
    assert!(terminal.settled().contains("replaced-run"));
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_store_of_a_future_mlflow_is_read_as_far_as_it_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    V3.run(LOG, &[&format!("sqlite:///{}", path.display())]);
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "UPDATE alembic_version SET version_num = 'f00dfeedf00d'; ALTER TABLE runs ADD COLUMN mood TEXT; \
         CREATE TABLE run_moods (id INTEGER)",
    )
    .unwrap();
    let mut terminal = explore(folder.path(), &format!("sqlite:///{}", path.display()));
    terminal.wait_for("5 runs");
    all_runs_are_there(&terminal);
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

/// A disk that is full, as far as a file's size limit can play one: writing fails in the middle.
#[test]
fn a_full_disk_leaves_the_store_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let address = format!("sqlite:///{}", path.display());
    V3.run(LOG, &[&address]);
    let before = std::fs::read(&path).unwrap();
    // No file may grow beyond 4 kB: the journal of a change is larger.
    let script =
        format!("trap '' XFSZ; ulimit -f 8; exec {} --tracking-uri {address}", env!("CARGO_BIN_EXE_mltui"));
    let mut terminal =
        Terminal::start_program(Path::new("/bin/sh"), folder.path(), SIZE, &["-c", &script], &[]);
    terminal.wait_for("5 runs");
    terminal.type_keys("R\x15new-name\r");
    terminal.wait_for("nothing was changed");
    all_runs_are_there(&terminal);
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    let db = Connection::open(&path).unwrap();
    let state: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(state, "ok");
    let renamed: i64 =
        db.query_row("SELECT count(*) FROM runs WHERE name = 'new-name'", [], |row| row.get(0)).unwrap();
    assert_eq!(renamed, 0);
    drop(db);
    assert!(std::fs::read(&path).unwrap() == before, "not a byte of the store is another one");
}

/// A file that the user may read and not write. Root may write anything: then another user looks at it.
#[test]
fn a_file_without_the_right_to_write_is_read_and_left_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let address = format!("sqlite:///{}", path.display());
    V3.run(LOG, &[&address]);
    let allow = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    allow(&path, 0o444);
    allow(folder.path(), 0o555);
    let is_root = std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let program = folder.path().join("mltui");
    let mut terminal = if is_root {
        std::fs::copy(env!("CARGO_BIN_EXE_mltui"), &program).unwrap();
        let program = program.to_str().unwrap();
        let arguments =
            ["--reuid=65534", "--regid=65534", "--clear-groups", program, "--tracking-uri", &address];
        Terminal::start_program(Path::new("/usr/bin/setpriv"), folder.path(), SIZE, &arguments, &[])
    } else {
        Terminal::start(folder.path(), SIZE, &["--tracking-uri", &address], &[])
    };
    terminal.wait_for("5 runs");
    all_runs_are_there(&terminal);
    terminal.type_keys("R\x15new-name\r");
    terminal.wait_for("nothing was changed");
    terminal.wait_for("known-run-4");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    allow(folder.path(), 0o755);
}

#[test]
fn a_store_that_is_opened_for_reading_only_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let (_, terminal) = local(folder.path());
    drop(terminal);
    let mut terminal = Terminal::start(folder.path(), SIZE, &["--read-only"], &[]);
    terminal.wait_for("5 runs");
    terminal.wait_for("(read-only)");
    terminal.type_keys("R");
    terminal.wait_for("opened read-only");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_burst_of_sizes_ends_in_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut terminal) = local(folder.path());
    for i in 0..60_u16 {
        terminal.resize(20 + i * 2, 5 + i % 40);
    }
    terminal.resize(100, 30);
    terminal.wait("the table at its size", |screen| {
        screen.contains("known-run-4") && screen.contains("? help") && screen.lines().count() <= 30
    });
    all_runs_are_there(&terminal);
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn suspended_it_gives_the_terminal_back_and_takes_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut terminal) = local(folder.path());
    for way in ["key", "signal"] {
        if way == "key" {
            terminal.type_keys("\x1a");
        } else {
            terminal.signal("-TSTP");
        }
        terminal.wait_until("the terminal given back", |terminal| !terminal.is_taken_over());
        terminal.wait_until("the program stopped", Terminal::is_stopped);
        terminal.signal("-CONT");
        terminal.wait_until("the terminal taken again", Terminal::is_taken_over);
        terminal.wait_for("known-run-4");
    }
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

/// Texts that want to harm the terminal or the table.
const HOSTILE: &str = r#"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("exp \x1b]0;owned\x07 \u202eevil")
names = ["\x1b[2J\x1b[31mclear", "bell\x07 back\x08space", "bidi \u202e\u2066 name\u200f", "e\u0301\u0301 combining",
         "日本語の名前", "👩‍👩‍👧‍👦 family 🚀", "x" * 250, "tab\tnew\nline", "\x9b31m c1", "soft\u00ad\u200b\u2060\u3164hyphen",
         "z" + "\u0301" * 240, "j" + "\u200d" * 240]
for i, name in enumerate(names):
    with mlflow.start_run(run_name=name):
        mlflow.log_param("p", ("\x1b]52;c;ZXZpbA==\x07" + "y" * 5000)[:6000])
        mlflow.set_tag("note", "\x1b[?1049l\x1b[0m " + "z" * 4000)
        mlflow.log_metric("m", i)
"#;

#[test]
fn hostile_texts_reach_neither_terminal_nor_clipboard() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    V3.run(HOSTILE, &[&address]);
    let mut terminal = Terminal::start(folder.path(), SIZE, &[], &[]);
    terminal.wait_for("12 runs");
    terminal.wait_for("soft<ad><200b><2060><3164>hyphen");
    terminal.wait_for("<+233>");
    terminal.wait_for("日本語の名前");
    // Every right border stands in the last column: nothing is wider than it claims to be.
    for line in terminal.settled().lines().skip(2).take(15) {
        assert!(line.trim_end().ends_with(['┃', '│', '┓', '┛', '╮', '╯']), "{line:?}");
    }
    terminal.type_keys("]]]Y");
    terminal.wait_for("copied");
    terminal.type_keys("jYjYjYjYjYjYjYjYjYjYjYllllYhhhhh Y:note\x03??");
    terminal.wait_for("12 runs");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    let raw = terminal.raw();
    let written = String::from_utf8_lossy(&raw);
    for evil in [
        "\x1b[2J\x1b[31m",
        "\x1b]0;",
        "\u{202e}",
        "\u{2066}",
        "\x1b]52;c;ZXZpbA",
        "\x1b[?1049l\x1b[0m ",
        "\x07 back",
    ] {
        assert!(!written.contains(evil), "{evil:?} reached the terminal");
    }
    let hidden = |c: &char| !c.is_control() && *c != '\u{200d}' && mltui::text::is_hidden(*c);
    assert_eq!(written.chars().find(hidden), None, "nobody sees that");
    assert!(!written.contains(&"\u{301}".repeat(8)) && !written.contains(&"\u{200d}".repeat(2)));
    for copied in written.split("\x1b]52;c;").skip(1) {
        use base64::Engine as _;
        let encoded = copied.split(['\x07', '\x1b']).next().unwrap();
        let text = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?} reached the clipboard");
    }
}

#[test]
fn a_database_that_was_asked_for_and_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (_, terminal) = local(folder.path());
    drop(terminal);
    let mut terminal = explore(folder.path(), "sqlite:///mlfow.db");
    terminal.wait_for("did you mean");
    terminal.wait_for("The first write creates it");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    assert!(!folder.path().join("mlfow.db").exists());
}
