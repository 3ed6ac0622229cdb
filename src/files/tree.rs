//! Files as a tree, in lines.

use std::collections::BTreeMap;

use crate::mlflow::ArtifactFile;
use crate::text;

/// Folders within one another that are told as such.
const DEEPEST: usize = 100;

/// A file or a folder, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeLine {
    pub path: String,
    pub is_folder: bool,
    pub words: String,
}

/// What a folder holds.
#[derive(Debug, Default)]
struct Folder<'a> {
    folders: BTreeMap<&'a str, Folder<'a>>,
    files: Vec<(&'a str, &'a ArtifactFile)>,
    /// Files in it and in all folders below, and their bytes.
    count: usize,
    bytes: u64,
}

/// A line before its size stands under the others'.
struct Entry {
    path: String,
    is_folder: bool,
    name: String,
    size: String,
}

/// The files under the folders that they are in, which stand first; a closed folder says how many there are. Whether one is
/// open is asked with the number of its files.
pub fn lines(files: &[ArtifactFile], is_open: impl Fn(&str, usize) -> bool) -> Vec<TreeLine> {
    let mut root = Folder::default();
    for file in files {
        let mut folder = &mut root;
        let mut rest = file.path.as_str();
        folder.add(file);
        for _ in 0..DEEPEST {
            let Some((name, below)) = rest.split_once('/') else { break };
            folder = folder.folders.entry(name).or_default();
            folder.add(file);
            rest = below;
        }
        folder.files.push((rest, file));
    }
    let mut entries = Vec::new();
    root.list("", 0, &is_open, &mut entries);
    let widest = entries.iter().map(|entry| text::width(&entry.name)).max().unwrap_or(0);
    let line = |entry: Entry| {
        let words = format!("{}  {}", text::fit(&entry.name, widest, "…"), entry.size);
        TreeLine { path: entry.path, is_folder: entry.is_folder, words: words.trim_end().to_owned() }
    };
    entries.into_iter().map(line).collect()
}

impl Folder<'_> {
    fn add(&mut self, file: &ArtifactFile) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(file.file_size.unwrap_or(0));
    }

    fn list(
        &self,
        path: &str,
        depth: usize,
        is_open: &impl Fn(&str, usize) -> bool,
        entries: &mut Vec<Entry>,
    ) {
        let indent = "  ".repeat(depth);
        for (name, folder) in &self.folders {
            let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}/{name}") };
            let open = is_open(&path, folder.count);
            let mark = if open { "v" } else { ">" };
            let mut size = if folder.bytes > 0 { text::bytes(folder.bytes) } else { String::new() };
            if !open {
                size = format!("{size}  {}", text::counted(folder.count, "file"));
            }
            let name = format!("{indent}{mark} {}/", text::clean(name));
            entries.push(Entry { path: path.clone(), is_folder: true, name, size });
            if open {
                folder.list(&path, depth + 1, is_open, entries);
            }
        }
        for (name, file) in &self.files {
            let size = file.file_size.map_or(String::new(), text::bytes);
            let name = format!("{indent}  {}", text::clean(name));
            entries.push(Entry { path: file.path.clone(), is_folder: false, name, size });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stand_below_their_folders_and_a_closed_one_says_how_many() {
        let file =
            |path: &str, size| ArtifactFile { path: path.into(), is_dir: false, file_size: Some(size) };
        let files = [file("MLmodel", 5), file("data/a/b.bin", 10), file("data/c.bin", 20), file("z/d", 1)];
        let told = |closed: &str| -> Vec<String> {
            lines(&files, |path, _| path != closed).into_iter().map(|line| line.words).collect()
        };
        let all = ["v data/      30 B", "  v a/       10 B", "      b.bin  10 B", "    c.bin    20 B"];
        assert_eq!(told("none")[..4], all);
        assert_eq!(told("none").last().unwrap(), "  MLmodel    5 B");
        assert_eq!(told("data")[0], "> data/    30 B  2 files");
        let deep = file(&format!("{}x", "d/".repeat(5_000)), 1);
        assert_eq!(lines(&[deep], |_, _| true).len(), DEEPEST + 1);
    }
}
