//! Whether the files of a run are those that were read before: found out with few calls of the system and without a copy of any
//! name, for that is most of what a second start does.

use std::ffi::CStr;
use std::path::Path;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, StatxFlags, openat, statx};
use rustix::io::Errno;

use super::files::{OWN, Part, Stamp, entry_hash};
use super::layout::{INPUTS, META, METRICS, OUTPUTS, PARAMS, TAGS};

/// Bytes of names that are asked for at once.
const NAMES: usize = 8_192;
/// Folders within folders of a key, as far as they are followed here.
const DEEPEST: u32 = 8;

/// What [`Listed::hash`](super::files::Listed::hash) is for these files; nothing where that has to be looked at with more care. Of
/// `params` the time of their folder is enough, and what they added up to: MLflow never writes one again.
pub fn hash(run: &Path, params: Option<(Stamp, u64)>) -> Option<u64> {
    let run = openat(CWD, run, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let meta = stamp(&run, META, AtFlags::empty())?;
    let mut sum = meta.map_or(0, |meta| entry_hash(Part::Meta, META.as_bytes(), meta));
    let mut glance = Glance { names: Vec::with_capacity(NAMES), key: Vec::new() };
    for (part, name) in [(Part::Metrics, METRICS), (Part::Params, PARAMS), (Part::Tags, TAGS)] {
        if let (Part::Params, Some((known, of_params))) = (part, params)
            && changed(&run, name) == Some(known)
        {
            sum = of_params.wrapping_add(sum);
            continue;
        }
        if let Some(folder) = folder(&run, name)? {
            sum = glance.keys(&folder, part, DEEPEST)?.wrapping_add(sum);
        }
    }
    for (part, name) in [(Part::Inputs, INPUTS), (Part::Outputs, OUTPUTS)] {
        if let Some(folder) = folder(&run, name)? {
            sum = glance.folders(&folder, part)?.wrapping_add(sum);
        }
    }
    Some(sum)
}

/// A folder below another, where there is one; nothing for what cannot be said.
#[expect(clippy::option_option, reason = "it is not there, and nobody knows, are two things")]
fn folder(above: impl AsFd, name: impl rustix::path::Arg) -> Option<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match openat(above, name, flags, Mode::empty()) {
        Ok(folder) => Some(Some(folder)),
        Err(Errno::NOENT) => Some(None),
        Err(_) => None,
    }
}

#[expect(clippy::option_option, reason = "it is not there, and nobody knows, are two things")]
fn stamp(above: impl AsFd, name: impl rustix::path::Arg, flags: AtFlags) -> Option<Option<Stamp>> {
    let wanted = StatxFlags::TYPE | StatxFlags::MTIME | StatxFlags::SIZE;
    match statx(above, name, flags, wanted) {
        Ok(found) => {
            let (seconds, nanos) = (found.stx_mtime.tv_sec, i64::from(found.stx_mtime.tv_nsec));
            let time = if seconds < 0 { 0 } else { seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos) };
            Some(Some(Stamp { time, length: found.stx_size }))
        }
        Err(Errno::NOENT) => Some(None),
        Err(_) => None,
    }
}

/// When what a folder holds was changed last.
fn changed(above: impl AsFd, name: impl rustix::path::Arg) -> Option<Stamp> {
    let found = statx(above, name, AtFlags::empty(), StatxFlags::CTIME | StatxFlags::SIZE).ok()?;
    let (seconds, nanos) = (found.stx_ctime.tv_sec, i64::from(found.stx_ctime.tv_nsec));
    let time = seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
    Some(Stamp { time: time.max(0), length: found.stx_size })
}

/// What is used again for each folder.
struct Glance {
    names: Vec<u8>,
    /// What stands before names of folders within folders.
    key: Vec<u8>,
}

impl Glance {
    /// What the files below a folder add up to.
    fn keys(&mut self, folder: &OwnedFd, part: Part, deepest: u32) -> Option<u64> {
        let mut within: Vec<Box<CStr>> = Vec::new();
        let mut sum = 0_u64;
        let above = self.key.len();
        let mut entries = RawDir::new(folder, self.names.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.ok()?;
            let name = entry.file_name();
            if is_nobodys(name) {
                continue;
            }
            match entry.file_type() {
                FileType::Directory => within.push(name.into()),
                FileType::RegularFile => {
                    let found = stamp(folder, name, AtFlags::SYMLINK_NOFOLLOW)??;
                    self.key.extend(name.to_bytes());
                    sum = sum.wrapping_add(entry_hash(part, &self.key, found));
                    self.key.truncate(above);
                }
                _ => return None,
            }
        }
        for name in within {
            let deepest = deepest.checked_sub(1)?;
            let below = openat(
                folder,
                &*name,
                OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW,
                Mode::empty(),
            );
            self.key.extend(name.to_bytes());
            self.key.push(b'/');
            let found = self.keys(&below.ok()?, part, deepest);
            self.key.truncate(above);
            sum = sum.wrapping_add(found?);
        }
        Some(sum)
    }

    /// What the folders in one add up to, each with its `meta.yaml`.
    fn folders(&mut self, folder: &OwnedFd, part: Part) -> Option<u64> {
        let mut sum = 0_u64;
        let mut entries = RawDir::new(folder, self.names.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.ok()?;
            let name = entry.file_name().to_bytes();
            match entry.file_type() {
                _ if name.starts_with(b".") => {}
                FileType::Directory => {
                    self.key.extend(name);
                    self.key.push(b'/');
                    self.key.extend(META.as_bytes());
                    let found = stamp(folder, &*self.key, AtFlags::empty());
                    self.key.clear();
                    sum = sum.wrapping_add(entry_hash(part, name, found?.unwrap_or_default()));
                }
                FileType::RegularFile => {}
                _ => return None,
            }
        }
        Some(sum)
    }
}

/// The folder itself, the one above it, and what this program is about to put there.
fn is_nobodys(name: &CStr) -> bool {
    let name = name.to_bytes();
    name == b"." || name == b".." || name.starts_with(OWN.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::store::folder::files::Listed;

    fn put(path: &Path, content: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn a_glance_says_the_same_as_a_close_look_and_sees_what_changes() {
        let home = tempfile::tempdir().unwrap();
        let run = home.path().join("run");
        for (name, content) in [
            ("meta.yaml", "status: 3"),
            ("metrics/loss", "1 2 3"),
            ("metrics/val/deep/loss", "1 2 3"),
            ("params/lr", "0.1"),
            ("tags/größe", "a"),
            ("tags/.mltui-x", "of our own"),
            ("inputs/abc/meta.yaml", "x"),
            ("inputs/a file", "no folder"),
            ("outputs/def/other", "x"),
        ] {
            put(&run.join(name), content);
        }
        let look = || Listed::of(&run);
        assert!(look().problems.is_empty());
        assert_eq!(hash(&run, None), Some(look().hash()));
        let now = SystemTime::now();
        assert_eq!(look().settled_params(now), None, "they may change within the grain of the clock");
        let later = now + Duration::from_secs(60);
        let params = look().settled_params(later);
        assert!(params.is_some());
        assert_eq!(hash(&run, params), Some(look().hash()));
        let mut last = look().hash();
        let mut differs = |what: &str| {
            let now = look().hash();
            assert!(now != last, "{what}");
            assert_eq!(hash(&run, params), Some(now), "{what}");
            last = now;
        };
        put(&run.join("tags/größe"), "bc");
        differs("a tag");
        put(&run.join("metrics/val/deep/loss"), "1 2 3\n4 5 6");
        differs("points");
        put(&run.join("params/depth"), "");
        // As who copies folders with their times does it.
        fs::File::open(run.join("params")).unwrap().set_modified(now - Duration::from_secs(60)).unwrap();
        differs("a param");
        assert_eq!(look().settled_params(later), None, "it is still to be written");
        fs::remove_file(run.join("meta.yaml")).unwrap();
        differs("no meta.yaml");
        put(&run.join("outputs/def/meta.yaml"), "x");
        differs("what an output is");
        fs::rename(run.join("tags/größe"), run.join("tags/other")).unwrap();
        differs("a name");
        // What folders within folders hold does not show in the time of the first.
        put(&run.join("params/deep/er"), "3");
        put(&run.join("params/depth"), "3");
        assert_eq!(look().settled_params(later), None);
        std::os::unix::fs::symlink(run.join("tags/other"), run.join("tags/link")).unwrap();
        assert_eq!(hash(&run, None), None, "a link wants a closer look");
    }
}
