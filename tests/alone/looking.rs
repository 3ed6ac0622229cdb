//! That nothing is written and nobody is called when one only looks, by the system calls of whole sessions.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::commands::{fill, open};
use crate::support::stores::block_on;
use crate::support::terminal::Terminal;

const STRACE: [&str; 6] = ["-f", "-y", "-qq", "-e", "signal=none", "-e"];
const CALLS: &str = "trace=connect,sendto,sendmsg,sendmmsg,write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate,\
    copy_file_range,sendfile,open,openat,creat,mkdir,mkdirat,unlink,unlinkat,rmdir,rename,renameat,renameat2,link,linkat,\
    symlink,symlinkat,chmod,fchmodat";

/// The files below a folder, but for the program's own, and what is in them.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.starts_with(folder.join(".local")) || entry.starts_with(folder.join("trace")) {
                continue;
            }
            if entry.is_dir() {
                folders.push(entry);
            } else {
                found.insert(entry.clone(), fs::read(&entry).unwrap());
            }
        }
    }
    found
}

/// The lines of a trace that say that something was written elsewhere than where the program keeps its own, or that an address
/// of a network was called.
fn faults(trace: &str, own: &Path) -> Vec<String> {
    let own = own.to_str().unwrap();
    let is_own = |path: &str| path.starts_with(own) || path.starts_with("/dev/");
    let named = |line: &str, open: char, close: char| {
        let (_, rest) = line.split_once(open)?;
        Some(rest.split(close).next().unwrap_or_default().to_owned())
    };
    let is_fault = |line: &str| {
        let call = line.split_whitespace().find(|word| word.contains('(')).unwrap_or_default();
        let call = call.split('(').next().unwrap_or_default();
        let failed = line.contains(" = -1 ");
        match call {
            "connect" | "sendto" | "sendmsg" | "sendmmsg" => line.contains("AF_INET"),
            "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" | "ftruncate" | "fallocate" => {
                named(line, '<', '>').is_some_and(|path| path.starts_with('/') && !is_own(&path))
            }
            "copy_file_range" | "sendfile" => true,
            "open" | "openat" => {
                let is_new = line.contains("O_CREAT") && !failed;
                is_new && named(line, '"', '"').is_some_and(|path| !is_own(&path))
            }
            "" => false,
            _ => !failed && named(line, '"', '"').is_some_and(|path| !is_own(&path)),
        }
    };
    trace.lines().filter(|line| is_fault(line)).map(str::to_owned).collect()
}

#[test]
fn what_writes_is_told_from_what_looks() {
    let own = Path::new("/home/ana/.local/state/mltui");
    for line in [
        "12 connect(7<socket:[1]>, {sa_family=AF_INET, sin_port=htons(443)}, 16) = 0",
        "12 pwrite64(9</data/mlflow.db>, \"SQLite\"..., 4096, 0) = 4096",
        "12 openat(AT_FDCWD</data>, \"/data/new\", O_WRONLY|O_CREAT|O_CLOEXEC, 0666) = 5</data/new>",
        "12 unlink(\"/data/mlflow.db-wal\") = 0",
        "12 ftruncate(9</data/mlflow.db>, 0) = 0",
    ] {
        assert_eq!(faults(line, own).len(), 1, "{line}");
    }
    for line in [
        "12 connect(7<socket:[1]>, {sa_family=AF_UNIX, sun_path=\"/var/run/nscd/socket\"}, 110) = -1 ENOENT",
        "12 write(1</dev/pts/3>, \"x\", 1) = 1",
        "12 write(5<pipe:[77]>, \"x\", 1) = 1",
        "12 openat(AT_FDCWD</data>, \"/data/mlflow.db\", O_RDWR|O_CLOEXEC) = 5</data/mlflow.db>",
        "12 mkdir(\"/home/ana/.local/state/mltui\", 0700) = 0",
        "12 unlink(\"/data/none\") = -1 ENOENT (No such file or directory)",
        "12 +++ exited with 0 +++",
    ] {
        assert_eq!(faults(line, own), Vec::<String>::new(), "{line}");
    }
}

/// All that looks but `doctor`, which tries whether the program's own can be written, and asks Slurm, which asks for its address.
#[test]
#[ignore = "needs Debian's strace: apt-get install strace"]
fn whoever_only_looks_writes_nothing_and_calls_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    let address = format!("sqlite:///{}", top.join("mlflow.db").display());
    block_on(fill(&open(&address)));
    fs::create_dir_all(top.join("mlruns")).unwrap();
    let before = files(&top);
    let program = env!("CARGO_BIN_EXE_mltui");
    let own = top.join(".local");
    let mut looked = 0;
    let mut look = |trace: &Path| {
        let text = fs::read_to_string(trace).unwrap();
        assert!(text.contains("openat("), "nothing was traced:\n{text}");
        let found = faults(&text, &own);
        assert!(found.is_empty(), "{}:\n{}", trace.display(), found.join("\n"));
        assert_eq!(files(&top), before, "{}", trace.display());
        looked += 1;
    };
    fs::create_dir(top.join("trace")).unwrap();
    for (at, words) in [
        &["experiments"][..],
        &["runs", "wine", "--json"],
        &["best", "wine"],
        &["compare", "one", "two"],
        &["models"],
        &["report", "wine", "--metric", "val_rmse"],
        &["config", "show"],
        &["mark-best", "wine", "--dry-run"],
    ]
    .into_iter()
    .enumerate()
    {
        let trace = top.join(format!("trace/{at}"));
        let mut command = Command::new("strace");
        command.args(STRACE).args([CALLS, "-o"]).arg(&trace).arg(program).args(words);
        command.current_dir(&top).env_clear().env("HOME", &top).env("MLFLOW_TRACKING_URI", &address);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        look(&trace);
    }
    let trace = top.join("trace/explorer");
    let mut words: Vec<&str> = STRACE.to_vec();
    words.extend([CALLS, "-o", trace.to_str().unwrap(), program, "--tracking-uri", &address]);
    let strace = Path::new("/usr/bin/strace");
    let mut terminal =
        Terminal::start_program(strace, &top, (140, 40), &words, &[("MLTUI_POLL_INTERVAL", "0.5")]);
    terminal.wait_for("three");
    for (keys, shown) in [
        ("j", "row 2 of"),
        ("s", "· by "),
        (" k ", "2 selected"),
        ("C", "2 of 2 runs have it"),
        ("\x1b", "best: two"),
        ("M", "Models 0"),
        ("\x1b", "best: two"),
        ("3", "val_rmse"),
    ] {
        terminal.type_keys(keys);
        terminal.wait_for(shown);
    }
    // Some polls pass.
    std::thread::sleep(std::time::Duration::from_secs(2));
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    look(&trace);
    assert_eq!(looked, 9);
}
