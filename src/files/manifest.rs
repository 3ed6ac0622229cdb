//! SHA-256 sums of files, as `sha256sum` writes and checks them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, Digest, SHA256, digest};

use super::error::{Result, TransferError};
use super::fetch::Summed;
use crate::disk::{self, Care};

/// Bytes of a manifest that are read.
const LONGEST: u64 = 256 << 20;
/// The same of where its files came from.
const LONGEST_ORIGIN: u64 = 64 << 10;
/// Bytes of a file that are read at once.
const PART: usize = 1 << 20;

/// The sum of a text.
pub(super) fn sum_of(content: &[u8]) -> Digest {
    digest(&SHA256, content)
}

/// A sum as hexadecimal digits.
pub(crate) fn hex(sum: &Digest) -> String {
    let mut text = String::with_capacity(64);
    for byte in sum.as_ref() {
        // A text takes whatever is written.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The sum of a file of this machine.
pub(super) fn sum_of_file(path: &Path) -> Result<String> {
    let mut file = disk::open(path).map_err(TransferError::local)?;
    let mut context = Context::new(&SHA256);
    let mut part = vec![0; PART];
    loop {
        let length = file.read(&mut part).map_err(TransferError::at(path))?;
        if length == 0 {
            return Ok(hex(&context.finish()));
        }
        context.update(&part[..length]);
    }
}

/// The manifest of a file or folder: beside it, under its name and `.sha256`.
pub fn manifest_of(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".sha256");
    target.with_file_name(name)
}

/// Where the files of a manifest came from is kept beside it: `sha256sum` knows no comments.
pub(super) fn origin_of(manifest: &Path) -> PathBuf {
    let mut name = manifest.file_name().unwrap_or_default().to_owned();
    name.push(".from");
    manifest.with_file_name(name)
}

/// Where the files of a manifest came from, if that is known.
pub(super) fn origin(manifest: &Path) -> Option<String> {
    let content = disk::read(&origin_of(manifest), LONGEST_ORIGIN).ok()?;
    Some(String::from_utf8(content).ok()?.trim_end_matches('\n').to_owned())
}

/// Writes a manifest, and where its files came from. Until both are there nothing is known of that.
pub(super) fn put(manifest: &Path, text: &str, origin: &str) -> Result<()> {
    let beside = origin_of(manifest);
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(TransferError::at(&beside)(error)),
        Ok(()) | Err(_) => {}
    }
    let written = disk::replace(manifest, text.as_bytes(), Care::Shared)
        .and_then(|()| disk::replace(&beside, format!("{origin}\n").as_bytes(), Care::Shared));
    written.map_err(TransferError::local)
}

/// The lines for files of a target, whose paths are from its folder. Where there are backslashes or ends of lines in a path,
/// its line begins with a backslash, as `sha256sum` has it.
pub(super) fn written(files: &[Summed], name: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for file in files {
        let path = name(&file.path);
        let escaped = path.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        let mark = if escaped == path { "" } else { "\\" };
        let _ = writeln!(text, "{mark}{}  {escaped}", file.sha256);
    }
    text
}

/// Sums by path.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>> {
    let content = disk::read(path, LONGEST).map_err(TransferError::local)?;
    let text = String::from_utf8_lossy(&content);
    let mut sums = BTreeMap::new();
    for line in text.lines() {
        let (is_escaped, line) = line.strip_prefix('\\').map_or((false, line), |line| (true, line));
        let Some((sum, name)) = line.split_once("  ").or_else(|| line.split_once(" *")) else {
            return Err(TransferError::Differs(format!("{} is no manifest of sha256sum", path.display())));
        };
        let name = if is_escaped { unescaped(name) } else { name.to_owned() };
        sums.insert(name, sum.to_ascii_lowercase());
    }
    Ok(sums)
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => plain.push('\n'),
                Some('r') => plain.push('\r'),
                Some(other) => plain.push(other),
                None => plain.push('\\'),
            },
            (letter, false) => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_one_of_sha256sum() {
        let here = tempfile::tempdir().unwrap();
        let names = ["a.txt", "b c", "d\\e", "f\ng", "\u{e9}"];
        let mut files = Vec::new();
        for name in names {
            std::fs::write(here.path().join(name), name).unwrap();
            let sha256 = sum_of_file(&here.path().join(name)).unwrap();
            files.push(Summed { path: name.to_owned(), size: name.len() as u64, sha256, resumed: 0 });
        }
        let path = here.path().join("sums");
        std::fs::write(&path, written(&files, str::to_owned)).unwrap();
        let read = read(&path).unwrap();
        assert!(files.iter().all(|file| read[&file.path] == file.sha256), "{read:?}");
        let mut check = std::process::Command::new("sha256sum");
        let check = check.args(["--check", "--strict", "sums"]).current_dir(here.path()).output().unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    }
}
