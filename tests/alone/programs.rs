//! Programs of the user that get the terminal: a pager, an editor.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::stores::{block_on, new_run, open};
use crate::support::terminal::Terminal;
use crate::support::wait_until;

/// Shows a file as pagers do, and ends with a line that is typed.
const PAGER: &str = "#!/bin/sh\ntrap 'echo caught' INT\ncat \"$2\"\necho shown $1\nread line || read line\necho $line >line\n";
const EDITOR: &str = "#!/bin/sh\nsleep 1.1\nif [ -e keep ]; then exit 3; fi\necho more >>\"$1\"\n";

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn copies(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_file_is_opened_by_programs_of_the_user_which_get_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let address = format!("sqlite:///{}", here.join("mlflow.db").display());
    let store = open(&address);
    let run = block_on(async {
        let experiment = store.create_experiment("wine", &[]).await.unwrap();
        let run = store.create_run(&new_run(&experiment, "first", 1)).await.unwrap().info.run_id;
        store.write_artifact(&run, "notes.txt", b"some words\n").await.unwrap();
        run
    });
    script(&here.join("pager"), PAGER);
    script(&here.join("editor"), EDITOR);
    let copied = here.join("copies");
    fs::create_dir(&copied).unwrap();
    let pager = format!("{} -R", here.join("pager").display());
    fs::create_dir(here.join("bin")).unwrap();
    script(&here.join("bin/xdg-open"), "#!/bin/sh\ncat \"$1\" >viewed\n");
    let path = format!("{}:/usr/bin:/bin", here.join("bin").display());
    let variables = [
        ("PAGER", pager.as_str()),
        ("VISUAL", "./editor"),
        ("TMPDIR", copied.to_str().unwrap()),
        ("PATH", path.as_str()),
    ];
    let begin = || {
        let mut terminal = Terminal::start(here, (120, 36), &["--tracking-uri", &address], &variables);
        terminal.wait_for("first");
        terminal.type_keys("3]]]]]");
        terminal.wait_for("notes.txt");
        terminal.type_keys("go");
        terminal.wait_for("Open notes.txt with");
        terminal
    };
    let mut terminal = begin();
    terminal.type_keys("\r");
    terminal.wait_for("shown -R");
    assert!(terminal.screen().contains("some words") && !terminal.is_taken_over() && terminal.is_cooked());
    // Interrupted is what has the terminal, and what is typed is its own.
    terminal.type_keys("\x03");
    terminal.wait_for("caught");
    terminal.type_keys("qq\n");
    terminal.wait_until("the explorer", Terminal::is_taken_over);
    terminal.wait_for("notes.txt");
    assert_eq!(fs::read_to_string(here.join("line")).unwrap(), "qq\n");
    wait_until("the copy to go", || copies(&copied) == 0);
    // One that an interrupt ends, and one that stops itself, as less does at ctrl-z.
    script(&here.join("pager"), "#!/bin/sh\necho shown\nsleep 100\n");
    terminal.type_keys("go\r");
    terminal.wait_for("shown");
    terminal.type_keys("\x03");
    terminal.wait_until("the explorer", Terminal::is_taken_over);
    terminal.wait_for("notes.txt");
    script(&here.join("pager"), "#!/bin/sh\necho shown\nkill -STOP $$\necho goes on\nread line\n");
    terminal.type_keys("go\r");
    terminal.wait_until("a stop of both", Terminal::is_stopped);
    let group = format!("-{}", terminal.process_id());
    assert!(Command::new("kill").args(["-CONT", "--", &group]).status().unwrap().success());
    terminal.wait_for("goes on");
    terminal.type_keys("\n");
    terminal.wait_until("the explorer", Terminal::is_taken_over);
    terminal.wait_for("notes.txt");
    // An editor changes its copy, which is kept, and the run is as it was.
    terminal.type_keys("go");
    terminal.wait_for("Open notes.txt with");
    terminal.type_keys("edi\r");
    terminal.wait_for("your changed copy is");
    assert_eq!(block_on(store.read_artifact(&run, "notes.txt", 100)).unwrap(), b"some words\n");
    assert_eq!(copies(&copied), 1);
    fs::write(here.join("keep"), "").unwrap();
    terminal.type_keys("goedi\r");
    terminal.wait_for("editor ended with exit status: 3");
    // What it leaves beside its copy is somebody's work.
    script(&here.join("editor"), "#!/bin/sh\nsleep 1.1\necho mine >\"$1.swp\"\n");
    terminal.type_keys("goedi\r");
    terminal.wait_for("editor left files in");
    assert_eq!(copies(&copied), 2);
    fs::remove_file(here.join("editor")).unwrap();
    terminal.type_keys("goedi\r");
    terminal.wait_for("cannot start ./editor");
    // The system's viewer gets a copy, which it may read at any time.
    terminal.type_keys("goviewer\r");
    terminal.wait_for("opened a copy, which is in");
    wait_until("the viewer", || fs::read(here.join("viewed")).is_ok_and(|seen| seen == b"some words\n"));
    assert_eq!(copies(&copied), 3);
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    // Asked to end, both do.
    script(&here.join("pager"), PAGER);
    let mut terminal = begin();
    terminal.type_keys("\r");
    terminal.wait_for("shown -R");
    terminal.signal("-TERM");
    assert_eq!(terminal.wait_for_end(), 0);
}

/// The text of a note goes to the editor and comes back into the prompt, from where it is applied.
#[test]
fn a_note_is_written_in_the_users_editor() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let address = format!("sqlite:///{}", here.join("mlflow.db").display());
    let store = open(&address);
    let run = block_on(async {
        let experiment = store.create_experiment("wine", &[]).await.unwrap();
        store.create_run(&new_run(&experiment, "first", 1)).await.unwrap().info.run_id
    });
    script(
        &here.join("editor"),
        "#!/bin/sh\nif [ -e fail ]; then exit 3; fi\nprintf '# Why\\n\\nit is *best*\\n' >>\"$1\"\n",
    );
    let copied = here.join("copies");
    fs::create_dir(&copied).unwrap();
    let variables = [("EDITOR", "./editor"), ("TMPDIR", copied.to_str().unwrap())];
    let mut terminal = Terminal::start(here, (80, 24), &["--tracking-uri", &address], &variables);
    terminal.wait_for("first");
    terminal.type_keys("n");
    terminal.wait_for("Note");
    terminal.type_keys("mine\n\x1be");
    terminal.wait_for("it is *best*");
    assert!(
        terminal.screen().contains("mine") && terminal.screen().contains("# Why"),
        "{}",
        terminal.screen()
    );
    wait_until("the text to be taken", || copies(&copied) == 0);
    fs::write(here.join("fail"), "").unwrap();
    terminal.type_keys("\x1be");
    terminal.wait_for("exit status: 3; the text is as before");
    terminal.type_keys("\r");
    let note = || {
        let run = block_on(store.get_run(&run)).unwrap();
        run.tag("mlflow.note.content").map(str::to_owned)
    };
    wait_until("the note", || note().as_deref() == Some("mine\n# Why\n\nit is *best*"));
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}
