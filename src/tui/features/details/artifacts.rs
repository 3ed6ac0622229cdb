//! The artifacts of a run: folders that open where they stand, and a file that is looked into.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::glance::Glance;
use super::lines::{entry_key, key_cells};
use super::preview::{FilePart, Preview};
use super::series::LoggedImage;
use crate::mlflow::ArtifactFile;
use crate::store::{ArtifactList, StoreError};
use crate::tui::core::remote::{Remote, Ticket};

#[derive(Debug, Default)]
pub struct ArtifactTree {
    /// What is known of each folder that was asked for, by path; the root is the empty path.
    folders: BTreeMap<String, Remote<ArtifactList>>,
    open: BTreeSet<String>,
    /// Folders of logged models, with their titles: they stand behind the run's own.
    models: Vec<(ArtifactFile, String)>,
    /// What all entries come to: looked at once, until one of these is another.
    extent: OnceCell<TreeExtent>,
    pub preview: Option<OpenFile>,
    /// What the cursor is on, looked at without a key.
    pub glance: Option<Glance>,
}

/// Where an entry of the tree is kept.
#[derive(Debug)]
struct Place {
    folder: Rc<str>,
    depth: usize,
    what: InFolder,
}

/// A file or folder by its place in the list, a folder of a logged model, or what stands there instead.
#[derive(Debug, Clone, Copy)]
enum InFolder {
    File(usize),
    Model(usize),
    Loading,
    Failed,
    Empty,
    More,
}

/// The entries of a tree, and what they come to.
#[derive(Debug, Default)]
struct TreeExtent {
    places: Vec<Place>,
    /// Cells of the longest of them.
    longest: usize,
    /// A file or folder is among them.
    has_files: bool,
    says_more: bool,
}

#[cfg(test)]
thread_local! {
    /// Entries that were looked at.
    pub static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
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

impl<'a> ArtifactEntry<'a> {
    fn of(file: &'a ArtifactFile, depth: usize, open: &BTreeSet<String>, title: Option<&'a str>) -> Self {
        if file.is_dir || title.is_some() {
            Self::Folder { file, depth, open: open.contains(&file.path), title }
        } else {
            Self::File { file, depth }
        }
    }
}

impl ArtifactTree {
    /// The tree as it stands open.
    pub fn entries(&self) -> impl Iterator<Item = ArtifactEntry<'_>> {
        self.entries_from(0)
    }

    /// The same from an entry on.
    pub fn entries_from(&self, first: usize) -> impl Iterator<Item = ArtifactEntry<'_>> {
        let places = self.extent().places.get(first..).unwrap_or_default();
        places.iter().filter_map(|place| self.at_place(place))
    }

    /// One of the entries.
    pub fn entry(&self, at: usize) -> Option<ArtifactEntry<'_>> {
        self.entries_from(at).next()
    }

    fn at_place(&self, place: &Place) -> Option<ArtifactEntry<'_>> {
        #[cfg(test)]
        LOOKED_AT.set(LOOKED_AT.get() + 1);
        let depth = place.depth;
        let of_file = |file, title| ArtifactEntry::of(file, depth, &self.open, title);
        Some(match &place.what {
            InFolder::File(at) => of_file(self.folders.get(&*place.folder)?.value()?.files.get(*at)?, None),
            InFolder::Model(at) => {
                self.models.get(*at).map(|(file, title)| of_file(file, Some(title.as_str())))?
            }
            InFolder::Loading => ArtifactEntry::Loading { depth },
            InFolder::Failed => {
                ArtifactEntry::Failed { error: self.folders.get(&*place.folder)?.error()?, depth }
            }
            InFolder::Empty => ArtifactEntry::Empty { depth },
            InFolder::More => ArtifactEntry::More { depth },
        })
    }

    /// Lays out what is in a folder.
    fn list(&self, path: &str, depth: usize, places: &mut Vec<Place>) {
        let folder: Rc<str> = path.into();
        let place = |what| Place { folder: Rc::clone(&folder), depth, what };
        let known = self.folders.get(path);
        if known.and_then(Remote::error).is_some() {
            return places.push(place(InFolder::Failed));
        }
        let Some(ArtifactList { files, is_cut }) = known.and_then(Remote::value) else {
            return places.push(place(InFolder::Loading));
        };
        if files.is_empty() && depth > 0 {
            return places.push(place(InFolder::Empty));
        }
        // Folders first, as people have them in their file managers.
        for (at, file) in files.iter().enumerate().filter(|(_, file)| file.is_dir) {
            places.push(place(InFolder::File(at)));
            if self.open.contains(&file.path) {
                self.list(&file.path, depth + 1, places);
            }
        }
        let files = files.iter().enumerate().filter(|(_, file)| !file.is_dir);
        places.extend(files.map(|(at, _)| place(InFolder::File(at))));
        places.extend(is_cut.then(|| place(InFolder::More)));
    }

    /// Whether something is told of a folder beside its files.
    pub fn says_more(&self) -> bool {
        self.extent().says_more
    }

    fn extent(&self) -> &TreeExtent {
        self.extent.get_or_init(|| {
            let mut places = Vec::new();
            self.list("", 0, &mut places);
            for (at, (file, _)) in self.models.iter().enumerate() {
                places.push(Place { folder: "".into(), depth: 0, what: InFolder::Model(at) });
                if self.open.contains(&file.path) {
                    self.list(&file.path, 1, &mut places);
                }
            }
            let mut extent = TreeExtent::default();
            for entry in places.iter().filter_map(|place| self.at_place(place)) {
                extent.longest = extent.longest.max(key_cells(&entry_key(&entry)));
                match entry {
                    ArtifactEntry::File { .. } | ArtifactEntry::Folder { .. } => extent.has_files = true,
                    ArtifactEntry::Failed { .. } | ArtifactEntry::More { .. } => extent.says_more = true,
                    ArtifactEntry::Loading { .. } | ArtifactEntry::Empty { .. } => {}
                }
            }
            TreeExtent { places, ..extent }
        })
    }

    /// How many entries there are.
    pub fn count(&self) -> usize {
        self.extent().places.len()
    }

    /// Cells of the longest of them.
    pub fn longest(&self) -> usize {
        self.extent().longest
    }

    /// Whether a file or folder is among them.
    pub fn has_files(&self) -> bool {
        self.extent().has_files
    }

    /// What is known of the folders.
    pub fn folders(&self) -> &BTreeMap<String, Remote<ArtifactList>> {
        &self.folders
    }

    /// The same, to be changed.
    pub fn folders_mut(&mut self) -> &mut BTreeMap<String, Remote<ArtifactList>> {
        self.extent = OnceCell::new();
        &mut self.folders
    }

    /// The folders of logged models, with their titles.
    pub fn models(&self) -> &[(ArtifactFile, String)] {
        &self.models
    }

    pub fn set_models(&mut self, models: Vec<(ArtifactFile, String)>) {
        self.extent = OnceCell::new();
        self.models = models;
    }

    /// Why nothing at all is known, if that failed.
    pub fn failure(&self) -> Option<&StoreError> {
        self.folders.get("")?.error()
    }

    /// The path of the file or folder at a place of the tree.
    pub fn path(&self, at: usize) -> Option<&str> {
        match self.entry(at)? {
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
        let folder = self.folders_mut().entry(path.to_owned()).or_default();
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
        self.entries().position(|entry| is_it(&entry))
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
        let entry = self.entry(at)?;
        match entry {
            ArtifactEntry::Folder { file, open, .. } => {
                let path = file.path.clone();
                self.extent = OnceCell::new();
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
        let ticket = self.folders_mut().entry(path.clone()).or_default().ask();
        Some((path, ticket))
    }

    /// Asks for everything again that is open.
    pub fn refresh(&mut self) {
        self.folders_mut().values_mut().for_each(Remote::forget);
        self.glance = None;
    }
}
