//! The explorer as a user has it: the real program in a pseudo-terminal, on stores that Python's MLflow writes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use support::terminal::Terminal;
use support::{Server, V3};

const WIDE: (u16, u16) = (140, 40);

/// Logs three runs to the experiment `wine`, the last of which goes on.
const LOG: &str = r#"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine")
for i, name in enumerate(["first-run", "second-run", "third-run"]):
    run = mlflow.start_run(run_name=name)
    mlflow.log_params({"lr": 0.1 / (i + 1), "family": ["tree", "forest", "linear"][i]})
    for step in range(20):
        mlflow.log_metric("val_rmse", [0.7, 0.5, 0.6][i] + 1 / (step + 1), step=step)
    mlflow.set_tag("colour", "\x1b[31mred\x1b[0m")
    mlflow.log_text("hello", "notes.txt")
    if i < 2:
        mlflow.end_run()
"#;

const LOG_ONE_MORE: &str = r#"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine")
with mlflow.start_run(run_name="late-arrival"):
    mlflow.log_metric("val_rmse", 0.123)
"#;

fn line_of<'a>(screen: &'a str, text: &str) -> Option<&'a str> {
    screen.lines().find(|line| line.contains(text))
}

/// A visit that is the same on every store.
fn visit(terminal: &mut Terminal, log_one_more: impl FnOnce()) {
    terminal.wait_for("3 runs");
    terminal
        .wait("all runs", |s| s.contains("first-run") && s.contains("second-run") && s.contains("third-run"));
    // Values, status and a trend that falls.
    terminal.wait("a sparkline", |s| {
        line_of(s, "second-run").is_some_and(|line| line.contains("0.55") && line.contains('▇'))
    });
    let screen = terminal.settled();
    assert!(line_of(&screen, "1 Experiments").is_some() && screen.contains("wine"));
    // Sort by the chosen metric: the best comes first, then last.
    terminal.type_keys("s");
    let order = |screen: &str| {
        let at = |name: &str| screen.lines().position(|line| line.contains(name) && line.contains("0."));
        (at("second-run"), at("third-run"), at("first-run"))
    };
    terminal.wait("ascending order", |s| {
        s.contains("by latest val_rmse") && {
            let (a, b, c) = order(s);
            a < b && b < c
        }
    });
    terminal.type_keys("s");
    terminal.wait("descending order", |s| {
        let (a, b, c) = order(s);
        a > b && b > c && c.is_some()
    });
    // The details of the run under the cursor.
    terminal.type_keys("gg]]");
    terminal.wait("metrics of the run", |s| s.contains("at step 19"));
    terminal.type_keys("]");
    terminal.wait("its params", |s| s.contains("family"));
    terminal.type_keys("]");
    terminal.wait("its tags", |s| s.contains("colour") && s.contains("red"));
    terminal.type_keys("]");
    terminal.wait("its artifacts", |s| s.contains("notes.txt") && s.contains("5 B"));
    // A run appears while one looks, and the cursor stays on its run.
    let selected = |screen: &str| screen.lines().filter(|line| line.contains("first-run")).count();
    let before = selected(&terminal.settled());
    log_one_more();
    terminal.wait_for("late-arrival");
    terminal.wait_for("4 runs");
    assert_eq!(selected(&terminal.settled()), before, "the details still show the run under the cursor");
    assert!(
        !terminal.raw().windows(5).any(|bytes| bytes == b"\x1b[31m"),
        "a tag's escape code reached the terminal"
    );
}

#[test]
fn a_visit_to_a_local_store() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    V3.run(LOG, &[&address]);
    let mut terminal = Terminal::start(folder.path(), WIDE, &[], &[]);
    visit(&mut terminal, || drop(V3.run(LOG_ONE_MORE, &[&address])));
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_visit_to_a_server_that_goes_away_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(V3, folder.path());
    let address = server.uri();
    V3.run(LOG, &[&address]);
    let mut terminal = Terminal::start(
        folder.path(),
        WIDE,
        &[],
        &[("MLFLOW_TRACKING_URI", &address), ("MLTUI_POLL_INTERVAL", "0.5")],
    );
    visit(&mut terminal, || drop(V3.run(LOG_ONE_MORE, &[&address])));
    server.stop();
    terminal.wait_for("stale, retry in");
    let screen = terminal.settled();
    assert!(screen.contains("late-arrival"), "what was known stays on the screen:\n{screen}");
    assert!(screen.contains("check that the server is running"), "{screen}");
    server.restart();
    terminal.wait_for("● live");
    terminal.type_keys("\x03");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn an_empty_folder_is_greeted_and_the_first_run_appears() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(folder.path(), (100, 30), &[], &[]);
    terminal.wait_for("There are no runs yet");
    let screen = terminal.settled();
    let database = folder.path().join("mlflow.db");
    assert!(screen.contains("mlflow.set_tracking_uri"), "{screen}");
    assert!(!database.exists(), "looking creates nothing");
    V3.run(LOG, &[&format!("sqlite:///{}", database.display())]);
    terminal.wait_for("third-run");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_server_that_is_not_there_is_a_line_and_a_retry() {
    let folder = tempfile::tempdir().unwrap();
    let port = support::free_port();
    let address = format!("http://127.0.0.1:{port}");
    let mut terminal = Terminal::start(folder.path(), WIDE, &["--tracking-uri", &address], &[]);
    terminal.wait_for("cannot list experiments");
    terminal.wait_for("retry in");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn signals_and_small_sizes_leave_the_terminal_whole() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["-TERM", "-HUP", "-INT"] {
        let mut terminal = Terminal::start(folder.path(), (80, 24), &[], &[]);
        terminal.wait_for("Welcome");
        terminal.resize(20, 5);
        terminal.wait_for("too small (20x5)");
        terminal.resize(60, 20);
        terminal.wait_for("Welcome");
        terminal.signal(signal);
        assert_eq!(terminal.wait_for_end(), 0, "{signal}");
    }
}

/// Not a test of its own: the program that the next one runs, in which first a task panics and then the loop.
#[test]
fn panicking_program() {
    if std::env::var_os("MLTUI_TEST_PANIC").is_none() {
        return;
    }
    let mut screen = mltui::tui::TerminalScreen::open(true).unwrap();
    let task = std::thread::spawn(|| panic!("in a task"));
    assert!(task.join().is_err());
    screen.draw(|frame| frame.render_widget("still drawing", frame.area())).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    panic!("in the loop");
}

#[test]
fn a_panic_gives_the_terminal_back_and_one_in_a_task_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "panicking_program", "--nocapture"];
    let mut terminal =
        Terminal::start_program(&program, folder.path(), (80, 24), &arguments, &[("MLTUI_TEST_PANIC", "1")]);
    terminal.wait_for("still drawing");
    assert!(terminal.is_taken_over());
    assert_ne!(terminal.wait_for_end(), 0);
    let written = String::from_utf8_lossy(&terminal.raw()).into_owned();
    assert!(written.contains("in the loop"), "{written}");
    assert!(!written.contains("in a task"), "a task's panic goes to the log:\n{written}");
}

#[test]
fn help_shows_the_keys_and_escape_closes_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(folder.path(), WIDE, &[], &[("NO_COLOR", "1")]);
    terminal.wait_for("Welcome");
    terminal.type_keys("?");
    terminal.wait_for("ctrl-d, pagedown");
    terminal.type_keys("\x1b");
    terminal.wait("no help", |screen| !screen.contains("ctrl-d"));
    assert!(!terminal.raw().windows(7).any(|bytes| bytes == b"\x1b[38;5;"), "NO_COLOR is obeyed");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_file_that_is_no_store_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mlflow.db"), "this is no database, but a long text").unwrap();
    let mut terminal = Terminal::start(folder.path(), WIDE, &[], &[]);
    terminal.wait_for("is not a SQLite database");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}
