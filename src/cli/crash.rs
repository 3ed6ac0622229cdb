//! What is kept of a crash, so that it can be reported.

use std::backtrace::Backtrace;
use std::io::Write as _;
use std::panic::{set_hook, take_hook};
use std::path::{Path, PathBuf};

use crate::disk::{self, Care};
use crate::store::now_ms;
use crate::store::secrets::hide;
use crate::text;

/// Where the last crash is told of, in the state folder.
const FILE: &str = "crash.txt";
/// No crash is told of at greater length.
const MOST: u64 = 256 << 10;

/// Keeps each crash from now on in a file of the state folder, beside what is said on standard error.
pub fn keep_in(state_folder: &Path) {
    let folder = state_folder.to_owned();
    let report = take_hook();
    set_hook(Box::new(move |info| {
        report(info);
        let backtrace = Backtrace::force_capture();
        let words = match keep(&folder, &format!("{info}\n\n{backtrace}")) {
            Ok(path) => format!("it is kept in {}; ", path.display()),
            Err(_) => String::new(),
        };
        let line = format!(
            "mltui: this is a bug in mltui; {words}`mltui doctor --report` writes a file to attach to a bug report"
        );
        // Nothing is left to tell it to if standard error is closed.
        let _ = writeln!(std::io::stderr(), "{}", text::clean(&line));
    }));
}

/// Puts a crash in the place of the one before.
fn keep(folder: &Path, what: &str) -> std::io::Result<PathBuf> {
    let path = folder.join(FILE);
    let content = format!(
        "mltui {} crashed on {}\n{}\n",
        env!("CARGO_PKG_VERSION"),
        text::timestamp(now_ms()),
        text::clean_lines(&hide(what))
    );
    disk::make_folder(folder, Care::Private)?;
    disk::replace(&path, content.as_bytes(), Care::Private)?;
    Ok(path)
}

/// The last crash that was kept, if there is one.
pub fn last(state_folder: &Path) -> Option<String> {
    disk::read_end(&state_folder.join(FILE), MOST).ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const FOLDER: &str = "MLTUI_TEST_CRASHES_IN";

    /// Started by the test below as a program of its own.
    #[test]
    #[ignore = "it is a program that crashes, for another test"]
    fn a_program_that_crashes() {
        if let Some(folder) = std::env::var_os(FOLDER) {
            crate::store::secrets::note("geheim-1");
            keep_in(Path::new(&folder));
            panic!("password geheim-1 \u{1b}[31m");
        }
    }

    #[test]
    fn a_crash_is_kept_and_says_how_to_report_it() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("mltui");
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cli::crash::tests::a_program_that_crashes", "--ignored", "--nocapture"])
            .env(FOLDER, &folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("mltui doctor --report") && said.contains("crash.txt"), "{said}");
        let kept = last(&folder).unwrap();
        assert!(kept.starts_with("mltui ") && kept.contains("password *** ^[[31m"), "{kept}");
        assert!(kept.contains("a_program_that_crashes"), "the backtrace is there: {kept}");
        assert!(!kept.contains("geheim"), "{kept}");
    }
}
