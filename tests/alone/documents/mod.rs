//! What the documentation says can be done: each command in it runs, each link leads somewhere, each table of settings is one,
//! and what `--json` prints is what the schemas say.

mod links;
mod packages;
mod schemas;
mod world;

pub(crate) use schemas::check;

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::Parser as _;
use mltui::cli::Arguments;

use crate::support::commands::printed;
use crate::support::wait_until;
use world::World;

/// Commands that are not run here, by how they begin, and why not. They have to be understood by the program all the same. Nor
/// are those that open the explorer, which need a terminal and some a server: tests/alone/explorer.rs and tests/mlflow do.
const NOT_RUN: [(&str, &str); 12] = [
    ("cargo ", "it is what runs this"),
    (".ci/run", "it is what runs this"),
    ("packaging/", "they build the program anew: tests/alone/documents/packages.rs and the workflows"),
    ("mltui sweep --executor slurm", "it needs a cluster: tests/alone/sweeping/slurm"),
    ("mltui sweep --resume", "it needs a sweep that broke off: tests/alone/sweeping"),
    ("mltui migrate", "it needs two stores: tests/mlflow/migrating.rs and documents/schemas.rs"),
    ("mltui sweeps pause", UNDER_WAY),
    ("mltui sweeps continue", UNDER_WAY),
    ("mltui sweeps cancel", UNDER_WAY),
    ("mltui sweeps prune", UNDER_WAY),
    ("mltui sweeps retry", UNDER_WAY),
    ("mltui sweeps set", UNDER_WAY),
];
const UNDER_WAY: &str =
    "it needs a sweep that is under way: tests/alone/sweeping/steering.rs and commands/changing.rs";

/// The documents, by their paths from the top.
pub(crate) fn documents() -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(PathBuf::from).into();
    for folder in ["docs", "docs/schemas"] {
        let entries = fs::read_dir(top.join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let pages = entries.map(PathBuf::from).filter(|name| name.extension().is_some_and(|end| end == "md"));
        found.extend(pages.map(|name| Path::new(folder).join(name)));
    }
    found.sort();
    found
}

pub(crate) fn text(document: &Path) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap()
}

/// The blocks of a language in a document.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(opened) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if opened == language {
                found.push(block.join("\n") + "\n");
            }
        }
    }
    found
}

/// The commands of a document, each whole.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    for block in blocks(text, "sh") {
        let whole = block.replace("\\\n", " ");
        commands.extend(whole.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
    }
    commands
}

/// What `mltui` is given in a line of a shell, if it is in it.
fn words(command: &str) -> Option<Vec<String>> {
    let words = shell_words::split(command.split("  #").next()?).ok()?;
    let begin = words.iter().position(|word| word == "mltui")?;
    let is_end = |word: &String| ["|", "||", "&&", ">", ">>"].contains(&word.as_str());
    Some(words.into_iter().skip(begin).take_while(|word| !is_end(word)).collect())
}

/// Which of [`NOT_RUN`] a command is; none where it is run.
fn not_run(command: &str) -> Option<usize> {
    NOT_RUN.iter().position(|(begin, _)| command.starts_with(begin))
}

/// Whether a command opens the explorer. It has to be one.
fn opens_explorer(command: &str) -> bool {
    match words(command).map(Arguments::try_parse_from) {
        Some(Err(error)) if error.use_stderr() => panic!("{command}: {error}"),
        Some(Ok(arguments)) => arguments.command.is_none(),
        _ => false,
    }
}

/// Runs the commands of a document; how many, and which of [`NOT_RUN`] were met.
fn run_commands(document: &Path) -> (usize, HashSet<usize>) {
    let content = text(document);
    let world = OnceCell::new();
    let (mut run, mut skipped) = (0, HashSet::new());
    for command in commands(&content) {
        if opens_explorer(&command) {
            continue;
        }
        if let Some(which) = not_run(&command) {
            skipped.insert(which);
            continue;
        }
        world.get_or_init(|| World::new(&blocks(&content, "toml"))).run(&command, document);
        run += 1;
    }
    if let Some(world) = world.get() {
        wait_until("the end of sweeps in the background", || {
            !printed(world.folder(), &["sweeps", "--json"]).contains("\"running\"")
        });
    }
    (run, skipped)
}

#[test]
fn each_command_of_the_documents_runs() {
    let (documents, next) = (documents(), AtomicUsize::new(0));
    let work = || {
        let (mut run, mut skipped) = (0, HashSet::new());
        while let Some(document) = documents.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (count, some) = run_commands(document);
            run += count;
            skipped.extend(some);
        }
        (run, skipped)
    };
    let (run, skipped) = thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work), scope.spawn(work)];
        workers.into_iter().map(|worker| worker.join().unwrap()).fold(
            (0, HashSet::new()),
            |(sum, mut all), (run, some)| {
                all.extend(some);
                (sum + run, all)
            },
        )
    });
    assert!(run > 50, "{run} commands were run");
    assert_eq!(skipped.len(), NOT_RUN.len(), "no command begins so any more: {skipped:?}");
}

#[test]
fn each_workflow_of_the_documents_is_understood() {
    let mut count = 0;
    for document in documents() {
        for block in blocks(&text(&document), "yaml") {
            let lines = block.replace("\\\n", " ");
            for line in lines.lines().filter_map(|line| line.find("mltui ").map(|at| &line[at..])) {
                let read = Arguments::try_parse_from(words(line).unwrap());
                assert!(read.is_ok(), "{}: {line}: {read:?}", document.display());
                count += 1;
            }
        }
    }
    assert!(count > 2, "{count}");
}

#[test]
fn each_table_of_settings_of_the_documents_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for document in documents() {
        for block in blocks(&text(&document), "toml").iter().filter(|block| !block.starts_with("command =")) {
            fs::write(folder.path().join("config.toml"), block).unwrap();
            printed(folder.path(), &["--config", "config.toml", "config", "show"]);
            count += 1;
        }
    }
    assert!(count > 2, "{count}");
}

/// A newcomer reads it in a minute.
#[test]
fn the_first_page_is_one_screen() {
    let readme = text(Path::new("README.md"));
    assert!(readme.lines().count() <= 60, "the reference is in docs/");
    for line in ["cargo run --release", "cargo test", "assets/first-minute.svg"] {
        assert!(readme.contains(line), "{line}");
    }
    for document in documents().iter().filter(|document| document.starts_with("docs")) {
        let name = document.to_str().unwrap();
        assert!(readme.contains(name), "nothing leads to {name}");
    }
}
