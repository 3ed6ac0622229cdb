//! The explorer with no store to look at, on small screens, and when it ends by a signal or a panic.

use std::path::Path;

use crate::support::terminal::Terminal;
use crate::support::wait_until;

const WIDE: (u16, u16) = (140, 40);

#[test]
fn a_server_that_is_not_there_is_a_line_and_a_retry() {
    let folder = tempfile::tempdir().unwrap();
    let port = crate::support::free_port();
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
        terminal.wait_for("too small: 20x5");
        terminal.resize(60, 20);
        terminal.wait_for("Welcome");
        terminal.signal(signal);
        assert_eq!(terminal.wait_for_end(), 0, "{signal}");
    }
}

/// The file by which that program is told to go on.
const GO_ON: &str = "go-on";

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
    wait_until("the word to go on", || Path::new(GO_ON).exists());
    panic!("in the loop");
}

#[test]
fn a_panic_gives_the_terminal_back_and_one_in_a_task_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "explorer::panicking_program", "--nocapture"];
    let mut terminal =
        Terminal::start_program(&program, folder.path(), (80, 24), &arguments, &[("MLTUI_TEST_PANIC", "1")]);
    terminal.wait_for("still drawing");
    assert!(terminal.is_taken_over());
    std::fs::write(folder.path().join(GO_ON), "").unwrap();
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
