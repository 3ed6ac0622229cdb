//! The artifacts of a run: folders that open where they stand, and a file that is looked into.

use std::collections::{BTreeMap, BTreeSet};

use super::glance::Glance;
use super::preview::{FilePart, Preview};
use super::series::LoggedImage;
use crate::mlflow::ArtifactFile;
use crate::store::{ArtifactList, StoreError};
use crate::tui::core::remote::{Remote, Ticket};

#[derive(Debug, Default)]
pub struct ArtifactTree {
    /// What is known of each folder that was asked for, by path; the root is the empty path.
    pub folders: BTreeMap<String, Remote<ArtifactList>>,
    open: BTreeSet<String>,
    /// Folders of logged models, with their titles: they stand behind the run's own.
    pub models: Vec<(ArtifactFile, String)>,
    pub preview: Option<OpenFile>,
    /// What the cursor is on, looked at without a key.
    pub glance: Option<Glance>,
}

/// A file that is looked into.
#[derive(Debug)]
pub struct OpenFile {
    pub path: String,
    pub content: Remote<Preview>,
    /// What of it is looked into, where it is too large.
    pub part: FilePart,
    /// The first line on the screen.
    pub top: usize,
    /// The first column of a table on the screen, or the first cell of a text's lines.
    pub left: usize,
    /// A page is shown as it is written.
    pub as_source: bool,
}

/// Cells by which a text is scrolled sideways.
const SIDEWAYS: isize = 16;

impl OpenFile {
    pub fn new(path: String) -> Self {
        Self {
            path,
            content: Remote::default(),
            part: FilePart::default(),
            top: 0,
            left: 0,
            as_source: false,
        }
    }

    /// Scrolls in so many lines, of which the first is the file's heading.
    pub fn step(&mut self, by: isize, height: usize) {
        let Some(content) = self.content.value() else { return };
        let seen = height.saturating_sub(1 + content.header());
        self.top = self.top.saturating_add_signed(by).min(content.length().saturating_sub(seen));
    }

    /// Lays a page out for the room that there is for it. About as much of it as before stands above; whether its lines are
    /// other ones.
    pub fn lay_out(&mut self, room: (usize, usize)) -> bool {
        let as_source = self.as_source;
        let Some(content) = self.content.value_mut() else { return false };
        let before = content.length().max(1);
        let is_other = content.lay_out((!as_source).then_some(room.0));
        if is_other {
            self.top = self.top.min(before) * content.length() / before;
            self.left = 0;
            self.step(0, room.1);
        }
        is_other
    }

    /// Whether there is more of it at a side than is seen in so many cells.
    pub fn reaches_aside(&self, room: usize) -> bool {
        self.left > 0 || self.content.value().is_some_and(|content| content.furthest(room) > 0)
    }

    /// Scrolls to a side, in so many cells.
    pub fn step_aside(&mut self, by: isize, room: usize) {
        let Some(content) = self.content.value() else { return };
        let by = if matches!(content, Preview::Text { .. }) { by * SIDEWAYS } else { by };
        self.left = self.left.saturating_add_signed(by).min(content.furthest(room));
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
        /// Instead of its name.
        title: Option<&'a str>,
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
        for (file, title) in &self.models {
            self.folder(file, 0, Some(title), &mut entries);
        }
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
            self.folder(file, depth, None, entries);
        }
        entries
            .extend(files.iter().filter(|file| !file.is_dir).map(|file| ArtifactEntry::File { file, depth }));
        if *is_cut {
            entries.push(ArtifactEntry::More { depth });
        }
    }

    /// Whether something is told of a folder beside its files.
    pub fn says_more(&self) -> bool {
        let tells = |entry: &ArtifactEntry<'_>| {
            matches!(entry, ArtifactEntry::Failed { .. } | ArtifactEntry::More { .. })
        };
        self.entries().iter().any(tells)
    }

    fn folder<'a>(
        &'a self,
        file: &'a ArtifactFile,
        depth: usize,
        title: Option<&'a str>,
        entries: &mut Vec<ArtifactEntry<'a>>,
    ) {
        let open = self.open.contains(&file.path);
        entries.push(ArtifactEntry::Folder { file, depth, open, title });
        if open {
            self.list(&file.path, depth + 1, entries);
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

    pub fn is_open(&self, path: &str) -> bool {
        self.open.contains(path)
    }

    /// What is known of a folder that is not open, too.
    pub fn listed(&mut self, path: &str, list: ArtifactList, now: i64) {
        let folder = self.folders.entry(path.to_owned()).or_default();
        if !folder.is_asked() {
            let ticket = folder.ask();
            folder.take(ticket, Ok(list), now);
        }
    }

    /// Where a file or folder stands in the tree.
    pub fn place(&self, path: &str) -> Option<usize> {
        let is_it = |entry: &ArtifactEntry<'_>| match entry {
            ArtifactEntry::Folder { file, .. } | ArtifactEntry::File { file, .. } => file.path == path,
            ArtifactEntry::Loading { .. }
            | ArtifactEntry::Failed { .. }
            | ArtifactEntry::Empty { .. }
            | ArtifactEntry::More { .. } => false,
        };
        self.entries().iter().position(is_it)
    }

    /// The images that were logged under the key of one of them, in the order of their steps, and which of them it is.
    pub fn series(&self, path: &str) -> Option<(Vec<&str>, usize)> {
        let image = LoggedImage::of(path)?;
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let files = &self.folders.get(folder)?.value()?.files;
        let is_alike = |path: &&str| LoggedImage::of(path).is_some_and(|other| other.key == image.key);
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).filter(is_alike).collect();
        let at = paths.iter().position(|other| *other == path)?;
        Some((paths, at))
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
        self.glance = None;
    }
}
