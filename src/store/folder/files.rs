//! The files of a run as they lie: what is there, how long and how old, before any of it is read.

use std::fs::{self, DirEntry, File, Metadata};
use std::hash::Hasher;
use std::io::{self, Read as _};
#[cfg(unix)]
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustc_hash::FxHasher;

use super::layout::{INPUTS, META, METRICS, OUTPUTS, PARAMS, TAGS, folders};
use crate::store::local::files::open;
use crate::store::{ErrorKind, Inner};

/// Folders within folders of a key, at most.
const DEEPEST: usize = 32;
/// Keys of one kind of a run, at most: more are nobody's.
const MOST_KEYS: usize = 100_000;
/// The clock of a server may be this much ahead, in nanoseconds.
const AHEAD: i64 = 10_000_000_000;
/// The clock of a file system may be this much coarser than the changes of its files, in nanoseconds.
const COARSE: i64 = 2_000_000_000;

/// How names of files begin that this program is about to put in their place.
pub const OWN: &str = ".mltui-";

/// Whether a failure says that something is not there; any other says nothing of it.
pub fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// When a file was written last, in nanoseconds, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    pub time: i64,
    pub length: u64,
}

impl Stamp {
    pub fn of(metadata: &Metadata) -> Self {
        let time = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self { time: time.map_or(0, |time| time.as_nanos() as i64), length: metadata.len() }
    }

    /// That of a path; nothing where there is none, or none that can be seen.
    pub fn at(path: &Path) -> Option<Self> {
        Self::look(path).ok().flatten()
    }

    /// That of a path; nothing where there is none. Any other failure says nothing of whether there is.
    pub fn look(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self::of(&metadata))),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// When what a folder holds was changed last: unlike the time that it was written, nobody sets that.
    #[cfg(unix)]
    fn changed(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let time = metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec());
        Some(Self { time: time.max(0), length: metadata.len() })
    }

    #[cfg(not(unix))]
    fn changed(_: &Path) -> Option<Self> {
        None
    }

    /// Whether something may be written without any sign of it: within the grain of the clock. One that lies far ahead is no
    /// sign of anything.
    fn is_young(self, now: i64) -> bool {
        (now - COARSE..now + AHEAD).contains(&self.time)
    }
}

/// What a file of a run belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Meta,
    Metrics,
    Params,
    Tags,
    Inputs,
    Outputs,
    /// What cannot be read.
    Problems,
}

/// A number for a file as it is. What is known of several is their sum, in whatever order they come.
pub fn entry_hash(part: Part, key: &[u8], stamp: Stamp) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u8(part as u8);
    hasher.write(key);
    hasher.write_i64(stamp.time);
    hasher.write_u64(stamp.length);
    // Mixed, so that what changes in two files does not cancel out.
    let mut hash = hasher.finish();
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        hash = (hash ^ (hash >> 30)).wrapping_mul(factor);
    }
    hash ^ (hash >> 31)
}

/// A file whose name is a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    pub stamp: Stamp,
}

/// The files of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    pub meta: Option<Stamp>,
    pub metrics: Vec<Entry>,
    pub params: Vec<Entry>,
    pub tags: Vec<Entry>,
    /// The folders of inputs and outputs, with what is known of their `meta.yaml`, which is made after them.
    pub inputs: Vec<Entry>,
    pub outputs: Vec<Entry>,
    /// What cannot be read, in words.
    pub problems: Vec<String>,
    /// The folder of params, before they were listed: where it holds nothing but files, its time tells of those that come or go.
    pub params_folder: Option<Stamp>,
}

impl Listed {
    pub fn of(run: &Path) -> Self {
        let mut listed = Self::default();
        match Stamp::look(&run.join(META)) {
            Ok(meta) => listed.meta = meta,
            Err(error) => listed.problems.push(format!("{META}: {error}")),
        }
        let params = Stamp::changed(&run.join(PARAMS));
        for (part, into) in
            [(METRICS, &mut listed.metrics), (PARAMS, &mut listed.params), (TAGS, &mut listed.tags)]
        {
            let is_plain = keys(&run.join(part), part, into, &mut listed.problems);
            if part == PARAMS {
                listed.params_folder = params.filter(|_| is_plain);
            }
        }
        for (part, into) in [(INPUTS, &mut listed.inputs), (OUTPUTS, &mut listed.outputs)] {
            match folders(&run.join(part)) {
                Ok(names) => into.extend(names.into_iter().map(|key| {
                    let stamp = Stamp::at(&run.join(part).join(&key).join(META)).unwrap_or_default();
                    Entry { key, stamp }
                })),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => listed.problems.push(format!("{part}: {error}")),
            }
            into.sort_by(|a, b| a.key.cmp(&b.key));
        }
        listed
    }

    /// The same for the same files: another length, time or name makes it another.
    pub fn hash(&self) -> u64 {
        let meta = self.meta.map(|meta| entry_hash(Part::Meta, META.as_bytes(), meta));
        let problem = |problem: &String| entry_hash(Part::Problems, problem.as_bytes(), Stamp::default());
        let parts = [
            (Part::Metrics, &self.metrics),
            (Part::Params, &self.params),
            (Part::Tags, &self.tags),
            (Part::Inputs, &self.inputs),
            (Part::Outputs, &self.outputs),
        ];
        let parts = parts.into_iter().map(|(part, entries)| sum_of(part, entries));
        parts.chain(meta).chain(self.problems.iter().map(problem)).fold(0, u64::wrapping_add)
    }

    /// The folder of params and what they add up to, where its time tells of every change that MLflow makes to them.
    pub fn settled_params(&self, now: SystemTime) -> Option<(Stamp, u64)> {
        let now = nanos(now);
        // What is empty is perhaps still to be written, which does not change the folder.
        let is_whole = |entry: &Entry| entry.stamp.length > 0 && !entry.stamp.is_young(now);
        let folder = self.params_folder.filter(|folder| !folder.is_young(now))?;
        if !self.params.iter().all(is_whole) {
            return None;
        }
        Some((folder, sum_of(Part::Params, &self.params)))
    }

    /// Whether something may be written here without any sign of it: within the grain of the clock.
    pub fn is_young(&self, now: SystemTime) -> bool {
        let now = nanos(now);
        let entries = self.metrics.iter().chain(&self.params).chain(&self.tags);
        let entries = entries.chain(&self.inputs).chain(&self.outputs);
        entries.map(|entry| entry.stamp).chain(self.meta).any(|stamp| stamp.is_young(now))
    }
}

fn nanos(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as i64)
}

fn sum_of(part: Part, entries: &[Entry]) -> u64 {
    let each = entries.iter().map(|entry| entry_hash(part, entry.key.as_bytes(), entry.stamp));
    each.fold(0, u64::wrapping_add)
}

/// The files below a folder, by the paths that are their keys. Whether there is nothing else in it, such as folders and links.
pub fn keys(folder: &Path, name: &str, into: &mut Vec<Entry>, problems: &mut Vec<String>) -> bool {
    let before = problems.len();
    let mut tell = |path: &str, error: &dyn std::fmt::Display| {
        problems.push(if path.is_empty() {
            format!("{name}: {error}")
        } else {
            format!("{name}/{path}: {error}")
        });
    };
    let is_plain = walk(folder, "", 0, into, &mut tell);
    into.sort_by(|a, b| a.key.cmp(&b.key));
    is_plain && problems.len() == before
}

fn walk(
    folder: &Path,
    above: &str,
    depth: usize,
    into: &mut Vec<Entry>,
    tell: &mut dyn FnMut(&str, &dyn std::fmt::Display),
) -> bool {
    let mut is_plain = true;
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return true,
        Err(error) => {
            tell(above, &error);
            return false;
        }
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                tell(above, &error);
                return false;
            }
        };
        let Ok(name) = entry.file_name().into_string() else {
            tell(above, &"a file whose name is no UTF-8");
            continue;
        };
        // What this program is about to put there.
        if name.starts_with(OWN) {
            continue;
        }
        let key = if above.is_empty() { name } else { format!("{above}/{name}") };
        let kind = entry.file_type();
        is_plain &= kind.as_ref().is_ok_and(fs::FileType::is_file);
        if kind.is_ok_and(|kind| kind.is_dir()) {
            if depth == DEEPEST {
                tell(&key, &"too many folders within folders");
            } else {
                walk(&entry.path(), &key, depth + 1, into, tell);
            }
            continue;
        }
        if into.len() == MOST_KEYS {
            tell(above, &format_args!("more than {MOST_KEYS} files"));
            return false;
        }
        match stamp_of(&entry) {
            Ok(Some(stamp)) => into.push(Entry { key, stamp }),
            // A link to a folder is not followed, as MLflow has it.
            Ok(None) => {}
            Err(error) => tell(&key, &error),
        }
    }
    is_plain
}

/// That of a regular file or of a link to one.
fn stamp_of(entry: &DirEntry) -> Result<Option<Stamp>, String> {
    let kind = entry.file_type().map_err(|error| error.to_string())?;
    let metadata = if kind.is_symlink() { fs::metadata(entry.path()) } else { entry.metadata() };
    let metadata = match metadata {
        Ok(metadata) => metadata,
        // It went away in between.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !kind.is_symlink() => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if metadata.is_file() {
        Ok(Some(Stamp::of(&metadata)))
    } else if metadata.is_dir() {
        Ok(None)
    } else {
        Err("not a regular file".into())
    }
}

/// The bytes of a regular file, `most` at most; whether there are more.
pub fn content(path: &Path, most: u64) -> Inner<(Vec<u8>, bool)> {
    let file = open(path)?;
    read_from(&file, most).map_err(|error| ErrorKind::Io(format!("{}: {error}", path.display())))
}

/// The same of a file that was listed as a regular one a moment ago, as far as it went then: what was put behind that makes it
/// another one at the next look.
pub fn content_of(path: &Path, length: u64, most: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut file = open_listed(path)?;
    let mut bytes = vec![0; length.min(most) as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok((bytes, length > most))
}

fn read_from(file: &File, most: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    let is_cut = bytes.len() as u64 > most;
    bytes.truncate(most as usize);
    Ok((bytes, is_cut))
}

/// Opens what was a regular file a moment ago. A pipe that took its place is not waited for.
pub fn open_listed(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}
