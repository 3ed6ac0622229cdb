//! One Python that has imported MLflow, and forks a child for each program, in the place of many that import it for seconds.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::{Mlflow, V2};

const FORKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/forks.py");

impl Mlflow {
    /// What is called as [`Mlflow::python`] is and does the same, at once: for all but what looks at the processes themselves.
    pub fn quick_python(self) -> &'static Path {
        static FORKS: [OnceLock<(Child, PathBuf)>; 2] = [OnceLock::new(), OnceLock::new()];
        &FORKS[usize::from(self == V2)].get_or_init(|| start(self)).1
    }
}

/// Starts the process that forks; it ends, and its children with it, when nobody holds its input any more: with this process.
fn start(mlflow: Mlflow) -> (Child, PathBuf) {
    let folder = tempfile::tempdir().unwrap().keep();
    let log = folder.join("log");
    let mut command = Command::new(mlflow.python());
    command.current_dir(env!("CARGO_TARGET_TMPDIR")).arg(FORKS).arg(&folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(File::create(&log).unwrap());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut process = command.spawn().unwrap();
    let mut said = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "ready\n", "{}", fs::read_to_string(log).unwrap());
    (process, folder.join("python"))
}
