//! The artifacts of a run: folders that open where they stand, and a file that is looked into.

use std::collections::{BTreeMap, BTreeSet};

use super::preview::Preview;
use crate::mlflow::ArtifactFile;
use crate::store::{ArtifactList, StoreError};
use crate::tui::core::remote::{Remote, Ticket};

#[derive(Debug, Default)]
pub struct ArtifactTree {
    /// What is known of each folder that was asked for, by path; the root is the empty path.
    pub folders: BTreeMap<String, Remote<ArtifactList>>,
    open: BTreeSet<String>,
    pub preview: Option<OpenFile>,
}

/// A file that is looked into.
#[derive(Debug)]
pub struct OpenFile {
    pub path: String,
    pub content: Remote<Preview>,
    /// The first line on the screen.
    pub top: usize,
}

impl OpenFile {
    pub fn step(&mut self, by: isize, height: usize) {
        let lines = self.content.value().map_or(0, Preview::length);
        self.top = self.top.saturating_add_signed(by).min(lines.saturating_sub(height));
    }
}

/// A line of the tree.
#[derive(Debug, Clone, PartialEq)]
pub enum ArtifactEntry<'a> {
    File {
        file: &'a ArtifactFile,
        depth: usize,
    },
    Folder {
        file: &'a ArtifactFile,
        depth: usize,
        open: bool,
    },
    /// Instead of what is in a folder.
    Loading {
        depth: usize,
    },
    Failed {
        error: &'a StoreError,
        depth: usize,
    },
    Empty {
        depth: usize,
    },
    /// Behind the last of a folder's entries that are listed.
    More {
        depth: usize,
    },
}

impl ArtifactTree {
    /// The tree as it stands open.
    pub fn entries(&self) -> Vec<ArtifactEntry<'_>> {
        let mut entries = Vec::new();
        self.list("", 0, &mut entries);
        entries
    }

    fn list<'a>(&'a self, path: &str, depth: usize, entries: &mut Vec<ArtifactEntry<'a>>) {
        let folder = self.folders.get(path);
        if let Some(error) = folder.and_then(Remote::error) {
            return entries.push(ArtifactEntry::Failed { error, depth });
        }
        let Some(ArtifactList { files, is_cut }) = folder.and_then(Remote::value) else {
            return entries.push(ArtifactEntry::Loading { depth });
        };
        if files.is_empty() && depth > 0 {
            return entries.push(ArtifactEntry::Empty { depth });
        }
        // Folders first, as people have them in their file managers.
        for file in files.iter().filter(|file| file.is_dir) {
            let open = self.open.contains(&file.path);
            entries.push(ArtifactEntry::Folder { file, depth, open });
            if open {
                self.list(&file.path, depth + 1, entries);
            }
        }
        entries
            .extend(files.iter().filter(|file| !file.is_dir).map(|file| ArtifactEntry::File { file, depth }));
        if *is_cut {
            entries.push(ArtifactEntry::More { depth });
        }
    }

    /// Why nothing at all is known, if that failed.
    pub fn failure(&self) -> Option<&StoreError> {
        self.folders.get("")?.error()
    }

    /// The path of the file or folder at a place of the tree.
    pub fn path(&self, at: usize) -> Option<&str> {
        match self.entries().into_iter().nth(at)? {
            ArtifactEntry::Folder { file, .. } | ArtifactEntry::File { file, .. } => Some(&file.path),
            ArtifactEntry::Loading { .. }
            | ArtifactEntry::Failed { .. }
            | ArtifactEntry::Empty { .. }
            | ArtifactEntry::More { .. } => None,
        }
    }

    /// Opens or closes what stands at a place of the tree. Returns a file to be read, if it is one.
    pub fn open(&mut self, at: usize) -> Option<String> {
        let entry = self.entries().into_iter().nth(at)?;
        match entry {
            ArtifactEntry::Folder { file, open, .. } => {
                let path = file.path.clone();
                if open {
                    self.open.remove(&path)
                } else {
                    self.open.insert(path)
                };
                None
            }
            ArtifactEntry::File { file, .. } => Some(file.path.clone()),
            ArtifactEntry::Loading { .. }
            | ArtifactEntry::Failed { .. }
            | ArtifactEntry::Empty { .. }
            | ArtifactEntry::More { .. } => None,
        }
    }

    /// A folder that is open and was not asked for yet; it counts as asked for from now on.
    pub fn missing(&mut self) -> Option<(String, Ticket)> {
        let root = std::iter::once(String::new());
        let path = root
            .chain(self.open.iter().cloned())
            .find(|path| !self.folders.get(path).is_some_and(Remote::is_asked))?;
        let ticket = self.folders.entry(path.clone()).or_default().ask();
        Some((path, ticket))
    }

    /// Asks for everything again that is open.
    pub fn refresh(&mut self) {
        self.folders.values_mut().for_each(Remote::forget);
    }
}
