//! Who may know whom in the crate: read from the imports, so that the picture in `lib.rs` stays true.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of `src` and the modules of the crate that it may name.
const MAY_KNOW: [(&str, &[&str]); 13] = [
    ("mlflow", &["mlflow"]),
    ("store", &["disk", "mlflow", "store"]),
    ("catalog", &["mlflow", "store", "catalog", "text"]),
    ("chart", &["mlflow", "text", "chart"]),
    ("compare", &["mlflow", "catalog", "chart", "compare", "learn", "select", "sheet", "text"]),
    ("select", &["mlflow", "catalog", "select", "text"]),
    ("config", &["config", "learn", "mlflow", "params", "select", "store", "sweep"]),
    ("learn", &["disk", "learn", "params", "program", "text"]),
    ("sweep", &["disk", "learn", "mlflow", "params", "program", "state", "store", "sweep", "text"]),
    ("marking", &["disk", "marking", "mlflow", "select", "state", "store", "text"]),
    ("state", &["disk", "mlflow", "select", "state", "text"]),
    (
        "cli",
        &[
            "disk", "mlflow", "store", "catalog", "chart", "compare", "config", "learn", "marking", "params",
            "program", "select", "sheet", "state", "sweep", "text", "tui",
        ],
    ),
    (
        "tui",
        &[
            "disk", "mlflow", "store", "catalog", "chart", "compare", "config", "learn", "marking", "params",
            "program", "select", "sheet", "state", "sweep", "text", "tui",
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
