//! Who may know whom in the crate: read from the imports, so that the picture in `lib.rs` stays true.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of `src` and what of the crate it may name besides itself: modules, or parts of them. A folder within another is
/// held to both lines.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("mlflow", &["mlflow", "spelling"]),
    ("text", &["spelling", "text"]),
    ("store", &["disk", "mlflow", "store"]),
    ("catalog", &["mlflow", "store", "catalog", "text"]),
    ("chart", &["mlflow", "text", "chart"]),
    ("compare", &["mlflow", "catalog", "chart", "compare", "learn", "select", "sheet", "text"]),
    ("select", &["mlflow", "catalog", "select", "text"]),
    ("config", &["catalog", "config", "learn", "mlflow", "params", "promotion", "select", "store", "sweep"]),
    ("learn", &["disk", "learn", "params", "program", "text"]),
    ("sweep/search", &["params", "sweep::search"]),
    (
        "sweep/engine",
        &["disk", "mlflow", "params", "state", "store", "sweep::engine", "sweep::search", "text"],
    ),
    (
        "sweep/objective",
        &[
            "disk",
            "learn",
            "mlflow",
            "params",
            "program",
            "state",
            "store",
            "sweep::engine",
            "sweep::executor_plan",
            "sweep::header",
            "sweep::objective",
            "sweep::plan",
            "sweep::request",
            "sweep::search",
            "text",
        ],
    ),
    (
        "sweep/executor",
        &[
            "disk",
            "state",
            "sweep::engine",
            "sweep::executor",
            "sweep::executor_plan",
            "sweep::objective",
            "text",
        ],
    ),
    ("sweep", &["disk", "learn", "mlflow", "params", "program", "state", "store", "sweep", "text"]),
    ("marking", &["disk", "marking", "mlflow", "promotion", "registry", "select", "state", "store", "text"]),
    ("promotion", &["mlflow", "promotion", "registry", "select", "store", "text"]),
    ("files", &["disk", "files", "mlflow", "state", "store", "text"]),
    ("migrate", &["disk", "files", "migrate", "mlflow", "store"]),
    ("registry", &["mlflow", "registry", "select", "store", "text"]),
    ("report", &["catalog", "chart", "compare", "mlflow", "report", "select", "sheet", "text"]),
    ("state", &["disk", "mlflow", "select", "state", "text"]),
    (
        "cli",
        &[
            "disk",
            "files",
            "mlflow",
            "store",
            "catalog",
            "chart",
            "compare",
            "config",
            "learn",
            "marking",
            "migrate",
            "params",
            "program",
            "promotion",
            "registry",
            "report",
            "select",
            "sheet",
            "state",
            "sweep",
            "text",
            "tui",
        ],
    ),
    (
        "tui",
        &[
            "disk",
            "files",
            "mlflow",
            "store",
            "catalog",
            "chart",
            "compare",
            "config",
            "learn",
            "marking",
            "params",
            "program",
            "promotion",
            "registry",
            "select",
            "sheet",
            "state",
            "sweep",
            "text",
            "tui",
        ],
    ),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            found.push(entry.path());
        }
    }
    found
}

/// The file without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap().to_owned()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All that a file of `src`, `path` from there, names of the crate, from its root: `sweep::engine::journal::Event`.
fn named(path: &Path, text: &str) -> Vec<String> {
    let mut module: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    let mut named = Vec::new();
    for line in statements(text) {
        for (at, _) in line.match_indices("crate::").chain(line.match_indices("super::")) {
            let is_whole =
                line[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
            if !is_whole {
                continue;
            }
            let mut from = module.clone();
            let mut rest = &line[at..];
            if let Some(behind) = rest.strip_prefix("crate::") {
                (from, rest) = (Vec::new(), behind);
            }
            while let Some(behind) = rest.strip_prefix("super::") {
                from.pop();
                rest = behind;
            }
            named.extend(paths(rest).into_iter().map(|path| [&from[..], &[path]].concat().join("::")));
        }
    }
    named
}

/// The lines of a text without comments, each `use` in one.
fn statements(text: &str) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines().map(|line| line.split("//").next().unwrap_or_default().trim()) {
        match statements.last_mut() {
            Some(last) if is_open => last.push_str(line),
            _ => statements.push(line.to_owned()),
        }
        let starts = line.starts_with("use ") || line.starts_with("pub use ");
        is_open = (is_open || starts) && !line.ends_with(';');
    }
    statements
}

/// The paths that a text begins with: `a::b` of `a::b(c)`, and `a::b`, `a::c::d` of `a::{b, c::d}`.
fn paths(text: &str) -> Vec<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':')).unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    let Some(inside) = rest.strip_prefix('{').filter(|_| path.is_empty() || path.ends_with("::")) else {
        return vec![path.trim_end_matches(':').to_owned()];
    };
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in inside.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => parts.push(String::new()),
            c => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                parts.last_mut().unwrap().push(c);
            }
        }
    }
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.flat_map(paths).map(|part| format!("{path}{part}")).collect()
}

/// What of that a file of a folder may not name.
fn forbidden(folder: &str, path: &Path, text: &str, allowed: &[&str]) -> Vec<String> {
    let own = folder.replace('/', "::");
    let is_within = |name: &str, room: &str| {
        name.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let names = named(path, text).into_iter();
    let may = |name: &String| is_within(name, &own) || allowed.iter().any(|room| is_within(name, room));
    names.filter(|name| !may(name)).collect()
}

#[test]
fn modules_know_only_those_below_them() {
    for (folder, allowed) in MAY_KNOW {
        let found = files(&source().join(folder));
        assert!(!found.is_empty(), "{folder}");
        for path in found {
            if path.ends_with("tests.rs") || path.parent().unwrap().ends_with("tests") {
                continue;
            }
            let name = path.strip_prefix(source()).unwrap();
            let forbidden = forbidden(folder, name, &code(&path), allowed);
            assert!(forbidden.is_empty(), "{} names {}", path.display(), forbidden.join(", "));
        }
    }
}

#[test]
fn a_border_that_is_crossed_is_seen() {
    let of = |folder: &str| MAY_KNOW.iter().find(|(name, _)| *name == folder).unwrap().1;
    let crosses = |folder: &str, file: &str, text: &str| {
        !forbidden(folder, &Path::new(folder).join(file), text, of(folder)).is_empty()
    };
    for (folder, file, text) in [
        ("learn", "study.rs", "use crate::mlflow::Metric;"),
        ("learn", "study.rs", "fn f() { crate::store::now_ms(); }"),
        ("learn", "families/ridge.rs", "use crate::params::Params;\nuse crate::sweep::search::Proposer;"),
        ("learn", "study.rs", "use super::super::sweep::search::Proposer;"),
        ("sweep/engine", "queue.rs", "use crate::learn::scores::scores;"),
        ("sweep/engine", "queue.rs", "use crate::sweep::objective::Objective;"),
        ("sweep/engine", "queue.rs", "use super::super::objective::Objective;"),
        (
            "sweep/engine",
            "record/mod.rs",
            "use crate::{\n    disk,\n    sweep::{search::Proposer, objective::Objective},\n};",
        ),
        ("sweep/search", "mod.rs", "use super::engine::journal::Event;"),
    ] {
        assert!(crosses(folder, file, text), "{folder}: {text}");
    }
    for (folder, file, text) in [
        ("learn", "families/ridge.rs", "use super::super::data::DataFrame; // crate::mlflow"),
        ("learn", "study.rs", "use crate::params::{Params, Value};"),
        (
            "sweep/engine",
            "record/mod.rs",
            "use super::journal::Event;\nuse crate::{disk, sweep::{search::Proposer, engine::rules::Aim}};",
        ),
        ("sweep/search", "mod.rs", "use crate::params::Params;"),
    ] {
        assert!(!crosses(folder, file, text), "{folder}: {text}");
    }
}

#[test]
fn the_state_machine_knows_no_terminal_no_clock_and_no_tasks() {
    let draws = ["view.rs", "placeholders.rs", "cells.rs", "draw.rs", "frame.rs", "boxes.rs"];
    for path in files(&source().join("tui")) {
        let text = code(&path);
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_in = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
        if is_in("tests") || name == "tests.rs" {
            continue;
        }
        // What effects come to is done away from the state machine.
        let is_outside = is_in("shell")
            || ["effects.rs", "tasks.rs", "watch.rs", "keeping.rs", "projecting.rs"].contains(&name);
        if !is_outside && !draws.contains(&name) && !is_in("theme") {
            let drawing = text.replace("ratatui::layout::", "").contains("ratatui::");
            assert!(!drawing, "{} draws", path.display());
        }
        if !is_outside {
            for forbidden in ["tokio::", "std::fs", "SystemTime", "Instant::now", "now_ms"] {
                assert!(!text.contains(forbidden), "{} uses {forbidden}", path.display());
            }
        }
    }
}

/// What matches actions, messages and effects names each of them: one that is forgotten does not compile.
#[test]
fn no_action_and_no_effect_is_forgotten() {
    let matching = ["actions.rs", "update.rs", "effects.rs", "executor.rs", "go.rs", "panes.rs", "search.rs"];
    let files = files(&source().join("tui"));
    let found = files.iter().filter(|path| matching.contains(&path.file_name().unwrap().to_str().unwrap()));
    let found: Vec<_> = found.collect();
    assert!(found.len() > 25, "{}", found.len());
    for path in found {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains("#![deny(clippy::wildcard_enum_match_arm)]"), "{}", path.display());
    }
}

#[test]
fn no_file_outgrows_its_subject() {
    for path in files(&source()) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 500, "{} has {lines} lines: split it", path.display());
    }
}

/// `src/orders.rs` tries those that are made of more than one key.
#[test]
fn nothing_is_sorted_by_a_comparison_that_numbers_may_fail() {
    for path in files(&source()) {
        // A filter asks whether a number is less, and NaN is not.
        let may = path.ends_with("mlflow/filter/matching.rs") || path.ends_with("tests.rs");
        assert!(may || !code(&path).contains("partial_cmp"), "{} compares partly", path.display());
    }
}

/// The rooms of the explorer that a file of it names against its rules: a feature knows others by the core alone, widgets know
/// no feature, and nobody knows the shell.
fn strange_rooms(path: &str, text: &str) -> Vec<String> {
    let own: Vec<&str> = path.split('/').collect();
    let named = text.split("tui::").skip(1).filter_map(|part| {
        let mut names =
            part.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').next()?.split("::");
        Some((names.next()?, names.next().unwrap_or_default()))
    });
    let is_strange = |(room, feature): &(&str, &str)| match (own[0], *room) {
        (from, "shell") => from != "shell",
        ("features", "features") => *feature != own[1],
        ("widgets", "features") => true,
        _ => false,
    };
    named.filter(is_strange).map(|(room, feature)| format!("{path} names {room}::{feature}")).collect()
}

#[test]
fn the_rooms_of_the_explorer_know_each_other_by_the_core() {
    let tui = source().join("tui");
    for path in files(&tui) {
        let within = path.strip_prefix(&tui).unwrap().to_str().unwrap().to_owned();
        if within != "mod.rs" && !within.starts_with("tests") {
            assert_eq!(strange_rooms(&within, &code(&path)), [""; 0]);
        }
    }
    let strange = |path: &str, text: &str| strange_rooms(path, text).len();
    assert_eq!(strange("features/runs/view.rs", "use crate::tui::features::best::update;"), 1);
    assert_eq!(strange("features/runs/view.rs", "use crate::tui::features::{best, runs};"), 1);
    assert_eq!(strange("features/runs/view.rs", "use crate::tui::features::runs::cells;"), 0);
    assert_eq!(strange("widgets/plot/mod.rs", "use crate::tui::features::runs;"), 1);
    assert_eq!(strange("core/update.rs", "use crate::tui::shell::watch;"), 1);
    assert_eq!(strange("core/update.rs", "use crate::tui::features::runs;"), 0);
}

/// The kinds of places behind `Store`.
const BACKENDS: [&str; 5] = ["memory", "mysql", "postgres", "rest", "sqlite"];

/// The name that a text begins with.
fn first_name(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The backends that a source text names behind `parent`, by themselves or in a list.
fn backends_named(text: &str, parent: &str) -> Vec<String> {
    // Comments may name them.
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let mut found = Vec::new();
    for rest in code.split(parent).skip(1) {
        let Some(list) = rest.strip_prefix('{') else {
            found.push(first_name(rest));
            continue;
        };
        let (mut depth, mut entry) = (0, 0);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                ',' | '}' if depth == 0 => {
                    found.push(first_name(&list[entry..at]));
                    entry = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    let found = found.into_iter().filter(|name| BACKENDS.contains(name));
    found.map(str::to_owned).collect()
}

/// Only where a store is opened is it said which kind of place it is: everybody else has a `Store`.
#[test]
fn nobody_names_a_backend_but_where_a_store_is_opened() {
    for path in files(&source()) {
        let is_in = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
        let is_test = path.ends_with("tests.rs") || is_in("tests");
        let is_backend = is_in("store") && BACKENDS.iter().any(|backend| is_in(backend));
        if is_test || is_backend || path.ends_with("store/uri.rs") {
            continue;
        }
        let parents: &[&str] = if is_in("store") { &["store::", "super::"] } else { &["store::"] };
        for parent in parents {
            let named = backends_named(&code(&path), parent);
            assert_eq!(named, Vec::<String>::new(), "{} names a backend", path.display());
        }
    }
}

#[test]
fn a_backend_that_is_named_is_found() {
    let none: [&str; 0] = [];
    for (text, named) in [
        ("use crate::store::sqlite::Sqlite;", &["sqlite"][..]),
        ("let store = Store::new(crate::store::memory::Memory::default());", &["memory"]),
        ("use crate::store::{Result, rest::{Options, Auth}, uri,\n    memory, Store};", &["rest", "memory"]),
        ("use crate::store::{Cursor, uri::{sqlite, rest}};", &none),
        ("use crate::store::{Store, uri};\nuse crate::tui::memory::Memory;", &none),
        ("use crate::store::Store; // not store::sqlite", &none),
        ("//! store::sqlite reads a file", &none),
        ("let all = store::restore(sqlite);", &none),
    ] {
        assert_eq!(backends_named(text, "store::"), named, "{text}");
    }
    assert_eq!(backends_named("use super::{Result, sqlite::Sqlite};", "super::"), ["sqlite"]);
}
