//! The terminal itself: given back whatever ends the program, read however much comes, and left when it goes away.

use std::path::Path;

use crate::support::V3;
use crate::support::terminal::Terminal;

const LOG: &str = r#"
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine")
with mlflow.start_run(run_name="known-run"):
    mlflow.log_metric("val_rmse", 0.5)
"#;

fn explore(folder: &Path) -> Terminal {
    let address = format!("sqlite:///{}", folder.join("mlflow.db").display());
    V3.run(LOG, &[&address]);
    start(folder)
}

fn start(folder: &Path) -> Terminal {
    let terminal = Terminal::start(folder, (120, 30), &[], &[]);
    terminal.wait_for("known-run");
    terminal
}

#[test]
fn whatever_ends_the_program_the_terminal_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    drop(explore(folder.path()));
    for signal in ["KILL", "ABRT", "QUIT", "USR1", "USR2", "ALRM"] {
        let mut terminal = start(folder.path());
        assert!(!terminal.is_cooked(), "the lines of a terminal that is taken over are not edited");
        terminal.signal(&format!("-{signal}"));
        terminal.wait_for_end();
        terminal.wait_until("a terminal that edits lines again", Terminal::is_cooked);
    }
}

#[test]
fn a_stopped_program_that_is_killed_leaves_the_terminal_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = explore(folder.path());
    terminal.type_keys("\x1a");
    terminal.wait_until("the program stopped", Terminal::is_stopped);
    let before = terminal.settled_raw().len();
    terminal.signal("-KILL");
    terminal.wait_for_end();
    assert_eq!(terminal.settled_raw().len(), before, "a shell that goes on is not written over");
}

#[test]
fn all_that_is_typed_at_once_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = explore(folder.path());
    terminal.type_keys(&("j".repeat(3_000) + "?"));
    terminal.wait_for("move down");
    terminal.type_keys("\x1b");
    terminal.wait("the help closed", |screen| !screen.contains("move down"));
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_large_paste_is_cut_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = explore(folder.path());
    let pasted = format!("\x1b[200~{}\x1b[201~", "metrics.val_rmse < 1 AND ".repeat(40_000));
    terminal.type_keys("f");
    terminal.type_keys(&pasted);
    terminal.wait_for("the pasted text is cut");
    terminal.type_keys("\x1b");
    terminal.wait("the text gone", |screen| !screen.contains("val_rmse < 1 AND"));
    terminal.type_keys("r/");
    terminal.type_keys(&pasted);
    // The search has the line of messages for itself.
    terminal.wait_for("0 of 1 runs match");
    terminal.type_keys("\x1b");
    terminal.wait_for("1 run · newest first");
    terminal.type_keys("gm");
    terminal.wait_for("cut to 256 characters");
    terminal.type_keys("\x1b");
    // There `q` closes them too.
    terminal.wait("the messages gone", |screen| !screen.contains("cut to 256 characters"));
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

/// Opens the program in a terminal of its own, moves the mouse, presses keys and pastes while the terminal is closed;
/// prints how the program ended.
const HANG_UP: &str = r#"
import os, pty, select, signal, struct, sys, fcntl, termios, time
binary, folder, what = sys.argv[1:]
master, terminal = pty.openpty()
child = os.fork()
if child == 0:
    os.setsid()
    # Without a terminal of its own no signal tells a session that it is gone.
    if what != "untold":
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for place in range(3):
        os.dup2(terminal, place)
    os.closerange(3, 100)
    os.chdir(folder)
    os.execve(binary, [binary], {"HOME": folder, "TERM": "xterm-256color", "PATH": "/usr/bin:/bin"})
os.close(terminal)
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
os.set_blocking(master, False)
def drain(seconds, until=None):
    seen, end = b"", time.time() + seconds
    while time.time() < end and (until is None or until not in seen):
        if select.select([master], [], [], 0.05)[0]:
            seen += os.read(master, 65536)
    return seen
assert b"known-run" in drain(30, b"known-run"), "no screen"
data = {"mouse": b"\x1b[<35;10;10M" * 40, "keys": b"j" * 300, "untold": b"j" * 300,
        "paste": b"\x1b[200~" + b"x" * 400}[what]
for _ in range(20):
    try:
        os.write(master, data)
    except BlockingIOError:
        pass
    drain(0.01)
os.close(master)
end = time.time() + 30
while time.time() < end:
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid:
        print("a panic" if os.waitstatus_to_exitcode(status) == 101 else "ended")
        sys.exit()
    time.sleep(0.02)
os.kill(child, signal.SIGKILL)
print("an orphan")
"#;

#[test]
fn a_terminal_that_goes_away_while_input_comes_ends_the_program() {
    let folder = tempfile::tempdir().unwrap();
    drop(explore(folder.path()));
    for what in ["mouse", "keys", "paste", "untold"] {
        for _ in 0..3 {
            let place = folder.path().to_str().unwrap();
            let said = V3.run(HANG_UP, &[env!("CARGO_BIN_EXE_mltui"), place, what]);
            assert_eq!(said.trim(), "ended", "{what}");
        }
    }
}
