//! Who may know whom in the crate: read from the imports, so that the picture in `lib.rs` stays true.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of `src` and the modules of the crate that it may name.
const MAY_KNOW: [(&str, &[&str]); 12] = [
    ("mlflow", &["mlflow"]),
    ("store", &["disk", "mlflow", "store"]),
    ("catalog", &["mlflow", "store", "catalog", "text"]),
    ("chart", &["mlflow", "text", "chart"]),
    ("compare", &["mlflow", "catalog", "chart", "compare", "select", "sheet", "sweep", "text"]),
    ("select", &["mlflow", "catalog", "select", "text"]),
    ("config", &["config", "mlflow", "select", "store", "sweep"]),
    ("sweep", &["disk", "mlflow", "program", "state", "store", "sweep", "text"]),
    ("marking", &["disk", "marking", "mlflow", "select", "state", "store", "text"]),
    ("state", &["disk", "mlflow", "select", "state", "text"]),
    (
        "cli",
        &[
            "disk", "mlflow", "store", "catalog", "chart", "compare", "config", "marking", "program",
            "select", "sheet", "state", "sweep", "text", "tui",
        ],
    ),
    (
        "tui",
        &[
            "disk", "mlflow", "store", "catalog", "chart", "compare", "config", "marking", "program",
            "select", "sheet", "state", "sweep", "text", "tui",
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

#[test]
fn modules_know_only_those_below_them() {
    for (folder, allowed) in MAY_KNOW {
        for path in files(&source().join(folder)) {
            if path.ends_with("tests.rs") || path.parent().unwrap().ends_with("tests") {
                continue;
            }
            for part in code(&path).split("crate::").skip(1) {
                let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                assert!(allowed.contains(&name.as_str()), "{} names crate::{name}", path.display());
            }
        }
    }
}

#[test]
fn the_state_machine_knows_no_terminal_no_clock_and_no_tasks() {
    let draws = ["view.rs", "faces.rs", "cells.rs", "draw.rs", "frame.rs", "theme.rs"];
    for path in files(&source().join("tui")) {
        let text = code(&path);
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_in = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
        if is_in("tests") {
            continue;
        }
        let in_runtime = is_in("runtime");
        if !in_runtime && !draws.contains(&name) {
            let drawing = text.replace("ratatui::layout::", "").contains("ratatui::");
            assert!(!drawing, "{} draws", path.display());
        }
        if !in_runtime {
            for forbidden in ["tokio::", "std::fs", "SystemTime", "Instant::now", "now_ms"] {
                assert!(!text.contains(forbidden), "{} uses {forbidden}", path.display());
            }
        }
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

/// The kinds of places behind `Store`.
const BACKENDS: [&str; 3] = ["memory", "rest", "sqlite"];

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
