//! Files of this machine: written whole or not at all, read within bounds. All that the program keeps goes through here.
//!
//! Each failure names its path. What is no regular file is never waited for. Knows nobody.

pub mod leftovers;

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Whom a file is for, and how sure it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// For this user alone, and on the disk before it counts.
    Private,
    /// For this user alone; when the machine breaks down it may be lost.
    Passing,
    /// For everybody whom the user's umask allows.
    Shared,
}

impl Care {
    #[cfg(unix)]
    fn of_file(self) -> u32 {
        if self == Self::Shared { 0o666 } else { 0o600 }
    }

    #[cfg(unix)]
    fn of_folder(self) -> u32 {
        if self == Self::Shared { 0o777 } else { 0o700 }
    }
}

/// Files that are made for one draft at most.
const TRIES: usize = 10;

fn named(path: &Path) -> impl Fn(io::Error) -> io::Error + '_ {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// What is wrong with the content of a file: nothing but mending it helps.
pub fn damaged(path: &Path, why: impl std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{} is damaged: {why}", path.display()))
}

pub fn is_damage(error: &io::Error) -> bool {
    error.kind() == ErrorKind::InvalidData
}

/// A file that takes its place when it is whole. Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
    path: PathBuf,
    care: Care,
}

impl Draft {
    /// Begins one beside its place, in a folder that is there.
    pub fn begin(path: &Path, care: Care) -> io::Result<Self> {
        Self::begin_in(folder_of(path), path, care)
    }

    /// Begins one in another folder of the same file system, for whoever lists that of its place takes each file there for a
    /// whole one.
    pub fn begin_in(folder: &Path, path: &Path, care: Care) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        options.mode(care.of_file());
        let prefix = leftovers::prefix();
        // One that others take for a leftover is made again; where a file system says so of all of them, its word is not taken.
        let mut tries = 0;
        loop {
            tries += 1;
            let file =
                tempfile::Builder::new().prefix(&prefix).make_in(folder, |beside| options.open(beside));
            let file = file.map_err(named(path))?;
            if leftovers::claim(file.as_file()) || tries == TRIES {
                return Ok(Self { file, path: path.to_owned(), care });
            }
        }
    }

    /// Puts this in the place of what was written into it before.
    pub fn write(&mut self, content: &[u8]) -> io::Result<()> {
        let file = self.file.as_file_mut();
        let written = file.rewind().and_then(|()| file.write_all(content));
        let written = written.and_then(|()| file.set_len(content.len() as u64));
        let written = written.and_then(|()| if self.care == Care::Passing { Ok(()) } else { synced(file) });
        written.map_err(named(&self.path))
    }

    /// The file itself, to be written part by part.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    pub fn put(self) -> io::Result<()> {
        self.file.persist(&self.path).map(drop).map_err(|error| named(&self.path)(error.error))
    }

    /// The same where nothing is in its place yet; [`ErrorKind::AlreadyExists`] otherwise.
    pub fn put_new(self) -> io::Result<()> {
        self.file.persist_noclobber(&self.path).map(drop).map_err(|error| named(&self.path)(error.error))
    }
}

/// What is in a file is on the disk.
fn synced(file: &File) -> io::Result<()> {
    #[cfg(test)]
    SYNCED.set(SYNCED.get() + 1);
    file.sync_all()
}

#[cfg(test)]
thread_local! {
    /// Files that this thread put on the disk.
    pub static SYNCED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// Puts new content in the place of the old, at once or not at all.
pub fn replace(path: &Path, content: &[u8], care: Care) -> io::Result<()> {
    let mut draft = Draft::begin(path, care)?;
    draft.write(content)?;
    draft.put()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the folder of a file, and those above it, where they are missing.
pub fn make_folder_of(path: &Path, care: Care) -> io::Result<()> {
    make_folder(folder_of(path), care)
}

/// Makes a folder, and those above it, where they are missing.
pub fn make_folder(path: &Path, care: Care) -> io::Result<()> {
    folder_builder(care).recursive(true).create(path).map_err(named(path))
}

/// Makes a folder, and none above it, where it is missing.
pub fn make_folder_below(path: &Path, care: Care) -> io::Result<()> {
    match make_new_folder(path, care) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// Makes a folder that is not there yet.
pub fn make_new_folder(path: &Path, care: Care) -> io::Result<()> {
    folder_builder(care).create(path).map_err(named(path))
}

#[cfg_attr(not(unix), expect(unused_variables, reason = "permissions are those of Unix"))]
fn folder_builder(care: Care) -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    builder.mode(care.of_folder());
    builder
}

/// Opens a regular file to be read.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Opening a device may already do something.
    check_regular(path, &path.metadata().map_err(named(path))?)?;
    open_with(path, &mut options)
}

/// Opens a regular file of this user's own to be read and written; it is made where there is none.
pub fn open_to_write(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    open_own(path, &mut options)
}

/// The same, to be written at its end.
pub fn open_to_append(path: &Path) -> io::Result<File> {
    open_own(path, OpenOptions::new().append(true).create(true))
}

/// Makes a file of this user's own, to be written, where there is none: of several who try, one does.
pub fn make_file(path: &Path) -> io::Result<File> {
    open_own(path, OpenOptions::new().write(true).create_new(true))
}

fn open_own(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    options.mode(Care::Private.of_file());
    if let Ok(metadata) = path.metadata() {
        check_regular(path, &metadata)?;
    }
    open_with(path, options)
}

fn open_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // A pipe that takes the file's place in between is not waited for either.
    #[cfg(unix)]
    options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    let file = options.open(path).map_err(named(path))?;
    check_regular(path, &file.metadata().map_err(named(path))?)?;
    Ok(file)
}

fn check_regular(path: &Path, metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(damaged(path, "not a regular file")) }
}

/// Reads a regular file of `most` bytes at most.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let too_long = || damaged(path, format_args!("it has more than {most} bytes"));
    if file.metadata().map_err(named(path))?.len() > most {
        return Err(too_long());
    }
    let mut content = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut content).map_err(named(path))?;
    if content.len() as u64 > most { Err(too_long()) } else { Ok(content) }
}

/// The last bytes of a regular file, `most` at most, as text.
pub fn read_end(path: &Path, most: u64) -> io::Result<String> {
    read_end_bytes(path, most).map(|content| String::from_utf8_lossy(&content).into_owned())
}

/// The same as they are.
pub fn read_end_bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let length = file.metadata().map_err(named(path))?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most))).map_err(named(path))?;
    let mut content = Vec::new();
    file.take(most).read_to_end(&mut content).map_err(named(path))?;
    Ok(content)
}

/// Takes the rights of others on a folder away, where they have any. A link is somebody's wish, and stays as it is.
#[cfg(unix)]
pub fn tighten(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(metadata) = folder.symlink_metadata() else { return Ok(()) };
    let (mode, own) = (metadata.permissions().mode(), 0o700);
    if !metadata.is_dir() || mode & 0o777 & !own == 0 {
        return Ok(());
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode & own)).map_err(named(folder))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt as _;
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[cfg(unix)]
    #[test]
    fn what_is_private_is_for_this_user_alone_and_what_is_shared_is_as_the_umask_has_it() {
        let here = tempfile::tempdir().unwrap();
        let private = here.path().join("state/sweeps/a.json");
        let shared = here.path().join("store/1/a.json");
        for (path, care) in [(&private, Care::Private), (&shared, Care::Shared)] {
            assert_eq!(
                replace(path, b"1", care).unwrap_err().kind(),
                ErrorKind::NotFound,
                "no folder is made by chance"
            );
            make_folder_of(path, care).unwrap();
            replace(path, b"1", care).unwrap();
        }
        fs::create_dir(here.path().join("plain")).unwrap();
        fs::write(here.path().join("plain/file"), "1").unwrap();
        assert_eq!((mode(&private), mode(private.parent().unwrap())), (0o600, 0o700));
        assert_eq!(mode(&here.path().join("state")), 0o700);
        let plain = here.path().join("plain/file");
        assert_eq!(mode(&shared), mode(&plain));
        assert_eq!(mode(shared.parent().unwrap()), mode(plain.parent().unwrap()));
        // What others could read is replaced by what they cannot.
        let wide = here.path().join("state/wide.json");
        fs::write(&wide, "0").unwrap();
        replace(&wide, b"1", Care::Passing).unwrap();
        assert_eq!((mode(&wide), fs::read(&wide).unwrap()), (0o600, b"1".to_vec()));
    }

    #[test]
    fn what_cannot_take_its_place_leaves_the_old_and_nothing_beside_it() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("taken");
        fs::create_dir_all(path.join("by a folder")).unwrap();
        let error = replace(&path, b"1", Care::Private).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        drop(Draft::begin(&here.path().join("given up"), Care::Private).unwrap());
        assert_eq!(names(here.path()), ["taken"]);
        let mut draft = Draft::begin(&here.path().join("new"), Care::Private).unwrap();
        draft.write(b"a long text").unwrap();
        draft.write(b"short").unwrap();
        draft.put().unwrap();
        assert_eq!(fs::read(here.path().join("new")).unwrap(), b"short");
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_of_a_length_are_read() {
        let here = tempfile::tempdir().unwrap();
        let file = here.path().join("file");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"12345");
        assert!(is_damage(&read(&file, 4).unwrap_err()));
        assert_eq!(read_end(&file, 2).unwrap(), "45");
        File::create(&file).unwrap().set_len(1 << 40).unwrap();
        assert!(read(&file, 1 << 20).unwrap_err().to_string().contains("more than 1048576 bytes"));
        let pipe = here.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), here.path(), Path::new("/dev/zero")] {
            for error in [
                read(path, 9).unwrap_err(),
                open_to_write(path).unwrap_err(),
                open_to_append(path).unwrap_err(),
            ] {
                assert!(error.to_string().contains("not a regular file"), "{error}");
            }
        }
        assert_eq!(read(&here.path().join("none"), 9).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn folders_are_tightened_and_links_are_not_followed() {
        let here = tempfile::tempdir().unwrap();
        let (wide, link) = (here.path().join("wide"), here.path().join("link"));
        folder_builder(Care::Shared).create(&wide).unwrap();
        std::os::unix::fs::symlink(&wide, &link).unwrap();
        let before = mode(&wide);
        tighten(&link).unwrap();
        assert_eq!(mode(&wide), before);
        tighten(&wide).unwrap();
        assert_eq!(mode(&wide), 0o700);
        tighten(&here.path().join("none")).unwrap();
    }
}
