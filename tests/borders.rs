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
    let draws = ["view.rs", "faces.rs", "cells.rs", "draw.rs", "frame.rs", "boxes.rs", "theme.rs"];
    for path in files(&source().join("tui")) {
        let text = code(&path);
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_in = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
        if is_in("tests") {
            continue;
        }
        // What effects come to is done away from the state machine.
        let is_outside = is_in("shell") || name == "effects.rs";
        if !is_outside && !draws.contains(&name) {
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
