//! Names that a store tells, as names of this machine.

use std::path::{Path, PathBuf};

use super::error::{Result, TransferError};

/// Names that are devices on Windows, whatever stands behind a point.
const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];

/// A relative path below a folder, and never outside of it.
///
/// # Errors
/// What is wrong with it.
pub fn local(path: &str) -> Result<PathBuf> {
    match wrong(path, cfg!(windows)) {
        Some(why) => Err(TransferError::Name(path.to_owned(), why)),
        None => Ok(Path::new(path).to_owned()),
    }
}

fn wrong(path: &str, on_windows: bool) -> Option<&'static str> {
    if path.starts_with('/') {
        return Some("which is an absolute path");
    }
    path.split('/').find_map(|part| wrong_part(part, on_windows))
}

fn wrong_part(part: &str, on_windows: bool) -> Option<&'static str> {
    match part {
        "" => return Some("which has an empty part"),
        "." | ".." => return Some("which would lead out of the folder"),
        _ if part.contains('\0') => return Some("which no file can have"),
        _ if part.len() > 255 => return Some("which is too long"),
        _ => {}
    }
    if !on_windows {
        return None;
    }
    if part.contains(['\\', ':', '<', '>', '"', '|', '?', '*']) || part.chars().any(char::is_control) {
        return Some("which no file can have here");
    }
    if part.ends_with(['.', ' ']) {
        return Some("which no file can have here");
    }
    let stem = part.split('.').next().unwrap_or(part).trim_end().to_ascii_uppercase();
    let is_numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|rest| rest.chars().count() == 1 && rest.chars().all(char::is_numeric))
    };
    (DEVICES.contains(&stem.as_str()) || is_numbered("COM") || is_numbered("LPT"))
        .then_some("which is a device here")
}

/// A name for a file or folder of this machine that is made of any text.
pub fn tame(text: &str) -> String {
    let safe: String = text
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
        .take(80)
        .collect();
    let safe = safe.trim_matches(['-', '.']);
    if safe.is_empty() { "files".into() } else { safe.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for name in
            ["..", "../x", "a/../../x", "/etc/passwd", "a//b", "", "a/", "./a", "a\0b", &"x".repeat(256)]
        {
            assert!(wrong(name, false).is_some() && wrong(name, true).is_some(), "{name}");
        }
        for name in ["a", "a/b.txt", "...", "..a", "a b", "\u{e9}/\u{1b}[31m", "a\\b", "C:x", "nul"] {
            assert_eq!(wrong(name, false), None, "{name}");
        }
        for name in ["a\\..\\b", "C:x", "nul", "NUL.txt", "a/con", "com1.log", "a.", "a ", "a\u{1b}"] {
            assert!(wrong(name, true).is_some(), "{name}");
        }
        assert_eq!(wrong("console/comma.txt", true), None);
    }

    #[test]
    fn any_text_gives_a_name() {
        assert_eq!(tame("../a b\u{1b}[31m"), "a-b--31m");
        assert_eq!(tame("//"), "files");
    }
}
