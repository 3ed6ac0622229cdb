//! What the documentation shows of the program is what the program is: tables between `<!-- NAME: begin -->` and
//! `<!-- NAME: end -->`. `MLTUI_WRITE_DOCS=1 cargo test --lib the_docs_show` writes them.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use clap::CommandFactory as _;

use crate::cli::{Arguments, EXIT_CODES, KINDS};
use crate::learn::data::Task;
use crate::learn::families::FAMILIES;

/// Several tables stand in a document, and each has a test of its own.
static WRITING: Mutex<()> = Mutex::new(());

/// Compares a table of a document with what it is to show, or puts it there.
pub fn check(file: &str, name: &str, expected: &str) {
    let _held = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{file} has no {begin}"));
    let (found, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{file} has no {end}"));
    assert!(!after.contains(&begin), "{file}: {name} is there twice");
    if std::env::var_os("MLTUI_WRITE_DOCS").is_some() {
        std::fs::write(path, format!("{before}{begin}{expected}{end}{after}")).unwrap();
        return;
    }
    assert!(found == expected, "{name} in {file} is another one: MLTUI_WRITE_DOCS=1 writes it\n{expected}");
}

#[test]
fn the_docs_show_the_commands_as_they_are() {
    let mut table = String::from("| command | what it does |\n| --- | --- |\n");
    for command in Arguments::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        table.push_str(&format!("| `mltui {}` | {} |\n", command.get_name(), about.replace('|', "\\|")));
    }
    check("docs/scripts.md", "commands", &table);
}

#[test]
fn the_docs_show_the_exit_codes_as_they_are() {
    let mut table = String::from("| code | meaning |\n| --- | --- |\n");
    for (code, words) in EXIT_CODES {
        table.push_str(&format!("| {code} | {words} |\n"));
    }
    check("docs/scripts.md", "exit-codes", &table);
}

#[test]
fn the_docs_show_the_kinds_of_errors_as_they_are() {
    let mut table = String::from("| kind | exit code | meaning |\n| --- | --- | --- |\n");
    for (kind, code, words) in KINDS {
        table.push_str(&format!("| `{kind}` | {code} | {words} |\n"));
    }
    check("docs/scripts.md", "error-kinds", &table);
}

#[test]
fn the_docs_show_the_settings_as_they_are() {
    let example = include_str!("../config.example.toml");
    check("docs/settings.md", "settings", &format!("```toml\n{example}```\n"));
}

#[test]
fn the_docs_show_the_families_as_they_are() {
    let names = |wanted: &[Task]| {
        let tasks = [Task::Regression, Task::Classification];
        let is_wanted =
            |at: &usize| tasks.iter().all(|task| FAMILIES[*at].supports(*task) == wanted.contains(task));
        let names: Vec<String> =
            (0..FAMILIES.len()).filter(is_wanted).map(|at| format!("`{}`", FAMILIES[at].name())).collect();
        names.join(", ")
    };
    let list = format!(
        "- Regression: {}\n- Classification: {}\n- Both: {}\n",
        names(&[Task::Regression]),
        names(&[Task::Classification]),
        names(&[Task::Regression, Task::Classification])
    );
    check("docs/train.md", "families", &list);
}
