//! Files of runs, read from wherever somebody put them: a pipe, a device and a network file system that went away are
//! among them.
//!
//! Only regular files are read, and no more of them than was requested. All of it happens on threads of its own, so
//! that what does not answer keeps nobody else from reading the store, and is waited for only so long.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind as IoKind, Read};
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot, watch};

use crate::mlflow::ArtifactFile;
use crate::store::{ArtifactList, ErrorKind, Inner};

/// How long something is waited for.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Until it begins: for a thread, and for the store.
    turn: Duration,
    /// From then on, for each answer of the file system.
    answer: Duration,
}

const PATIENCE: Patience = Patience { turn: Duration::from_secs(60), answer: Duration::from_secs(10) };
/// Threads that read files; those that wait for ever are among them.
const READERS: usize = 4;

static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(READERS)));

/// Does work that may never end on a thread of its own. It says when it begins, and at each answer of the file system, that
/// it goes on. `what` is named where it does not.
pub async fn on_own_thread<T: Send + 'static>(
    what: String,
    work: impl FnOnce(&dyn Fn()) -> Inner<T> + Send + 'static,
) -> Inner<T> {
    within(PATIENCE, &TURNS, what, work).await
}

async fn within<T: Send + 'static>(
    patience: Patience,
    turns: &Arc<Semaphore>,
    what: String,
    work: impl FnOnce(&dyn Fn()) -> Inner<T> + Send + 'static,
) -> Inner<T> {
    let (going_on, mut goes_on) = watch::channel(());
    let says_so = going_on.clone();
    let mut answer = pin!(async {
        // Where all of them wait for ever, so does this.
        let turn = Arc::clone(turns).acquire_owned().await;
        let (sender, receiver) = oneshot::channel();
        let thread = std::thread::Builder::new().name("files".into()).spawn(move || {
            let _turn = turn;
            // Nobody may be waiting any more.
            let goes_on = || {
                let _ = says_so.send(());
            };
            let _ = sender.send(work(&goes_on));
        });
        thread.map_err(|error| ErrorKind::Io(format!("cannot start a thread: {error}")))?;
        receiver.await.unwrap_or_else(|_| Err(ErrorKind::Io("the reader stopped".into())))
    });
    let mut limit = patience.turn;
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            _ = goes_on.changed() => limit = patience.answer,
            () = tokio::time::sleep(limit) => return Err(ErrorKind::Hung(what, limit.as_secs())),
        }
    }
}

pub fn io(path: &Path) -> impl Fn(std::io::Error) -> ErrorKind + '_ {
    move |error| match error.kind() {
        IoKind::NotFound => ErrorKind::NotFound(format!("{} does not exist", path.display())),
        IoKind::StorageFull => ErrorKind::DiskFull,
        _ => ErrorKind::Io(format!("{}: {error}", path.display())),
    }
}

/// A file that says at each answer that it goes on.
struct Answering<'a>(File, &'a dyn Fn());

impl Read for Answering<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.read(buffer)?;
        (self.1)();
        Ok(length)
    }
}

/// A regular file's bytes, of which there may be so many. A link is followed to one.
pub fn read(path: &Path, most: usize, goes_on: &dyn Fn()) -> Inner<Vec<u8>> {
    let file = Answering(open(path)?, goes_on);
    let mut bytes = Vec::new();
    // What a file is said to have is not what comes: some grow, and some have no end.
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(io(path))?;
    if bytes.len() > most {
        return Err(ErrorKind::TooMuch(format!("{} has more than {most} bytes", path.display())));
    }
    Ok(bytes)
}

/// Opens a regular file: what is something else is not even opened where that can be told, as opening alone can wait or do
/// something.
pub fn open(path: &Path) -> Inner<File> {
    check(path, &fs::metadata(path).map_err(io(path))?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path).map_err(io(path))?;
    // It may be another one by now.
    check(path, &file.metadata().map_err(io(path))?)?;
    Ok(file)
}

fn check(path: &Path, metadata: &fs::Metadata) -> Inner<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = kind(metadata.file_type());
    Err(ErrorKind::Invalid(format!("not a regular file ({what}): {}", path.display())))
}

fn kind(kind: fs::FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() { "a folder" } else { "no file" }
}

/// The entries of a folder by name; nothing where it does not exist, as MLflow answers. `below` is its path in the run.
/// Links are what they lead to.
pub fn list(folder: &Path, below: &str, goes_on: &dyn Fn()) -> Inner<ArtifactList> {
    if !folder.is_dir() {
        return Ok(ArtifactList::default());
    }
    let mut list = ArtifactList::default();
    for entry in fs::read_dir(folder).map_err(io(folder))? {
        goes_on();
        let entry = entry.map_err(io(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link that leads nowhere, or a file that just went away, has no metadata to show.
        let Ok(metadata) = entry.path().metadata() else { continue };
        if list.files.len() == ArtifactList::MOST {
            list.is_cut = true;
            break;
        }
        list.files.push(ArtifactFile {
            path: if below.is_empty() { name } else { format!("{}/{name}", below.trim_end_matches('/')) },
            is_dir: metadata.is_dir(),
            file_size: metadata.is_file().then_some(metadata.len()),
        });
    }
    list.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_answer_is_named_and_keeps_nobody_else_waiting() {
        let turns = Arc::new(Semaphore::new(2));
        let short = Duration::from_millis(10);
        let at_once = Patience { turn: short, answer: short };
        let (hang, hung) = std::sync::mpsc::channel::<()>();
        let wait = move |_: &dyn Fn()| {
            let _ = hung.recv();
            Ok(())
        };
        let failure = within(at_once, &turns, "/mnt/gone/a".into(), wait).await.unwrap_err();
        assert_eq!(failure, ErrorKind::Hung("/mnt/gone/a".into(), 0));
        // There is another thread for what does answer.
        assert_eq!(within(PATIENCE, &turns, "b".into(), |_| Ok(7)).await, Ok(7));
        // One that came back at last is free again.
        drop(hang);
        let both = Arc::clone(&turns).acquire_many_owned(2).await.unwrap();
        let failure = within(at_once, &turns, "c".into(), |_| Ok(7)).await.unwrap_err();
        assert!(matches!(failure, ErrorKind::Hung(..)), "all are busy");
        drop(both);
        let panics = within(PATIENCE, &turns, "d".into(), |_| -> Inner<()> { panic!("on purpose") }).await;
        assert!(matches!(panics, Err(ErrorKind::Io(_))));
    }

    #[tokio::test]
    async fn an_answer_is_waited_for_from_the_beginning_of_the_work_on() {
        let turns = Arc::new(Semaphore::new(1));
        let patience = Patience { turn: PATIENCE.turn, answer: Duration::ZERO };
        assert_eq!(within(patience, &turns, "a".into(), |_| Ok(7)).await, Ok(7), "it has not begun yet");
        let (hang, hung) = std::sync::mpsc::channel::<()>();
        let wait = move |goes_on: &dyn Fn()| {
            goes_on();
            let _ = hung.recv();
            Ok(())
        };
        let failure = within(patience, &turns, "b".into(), wait).await.unwrap_err();
        assert_eq!(failure, ErrorKind::Hung("b".into(), 0));
        drop(hang);
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_read() {
        use std::os::unix::fs::symlink;
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        symlink("pipe", path("to_pipe")).unwrap();
        symlink("/dev/zero", path("zero")).unwrap();
        symlink("loop", path("loop")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        for (name, word) in [
            ("pipe", "a pipe"),
            ("to_pipe", "a pipe"),
            ("zero", "a device"),
            ("socket", "a socket"),
            (".", "a folder"),
        ] {
            let failure = read(&path(name), 100, &|| ()).unwrap_err();
            assert!(
                matches!(&failure, ErrorKind::Invalid(words) if words.contains(word)),
                "{name}: {failure}"
            );
        }
        assert!(matches!(read(&path("loop"), 100, &|| ()), Err(ErrorKind::Io(_))));
        fs::write(path("file"), "words").unwrap();
        symlink("file", path("to_file")).unwrap();
        assert_eq!(read(&path("to_file"), 5, &|| ()).unwrap(), b"words");
        assert!(matches!(read(&path("file"), 4, &|| ()), Err(ErrorKind::TooMuch(_))));
        // Said to be empty, and it is not.
        assert!(matches!(read(Path::new("/proc/self/maps"), 100, &|| ()), Err(ErrorKind::TooMuch(_))));
        let listed: Vec<_> =
            list(home.path(), "", &|| ()).unwrap().files.into_iter().map(|file| file.path).collect();
        assert_eq!(listed, ["file", "pipe", "socket", "to_file", "to_pipe", "zero"]);
    }

    #[test]
    fn of_a_huge_folder_some_entries_are_listed() {
        let home = tempfile::tempdir().unwrap();
        for number in 0..=ArtifactList::MOST {
            File::create(home.path().join(number.to_string())).unwrap();
        }
        let answers = std::cell::Cell::new(0);
        let list = list(home.path(), "data", &|| answers.set(answers.get() + 1)).unwrap();
        assert_eq!(answers.get(), ArtifactList::MOST + 1, "each is waited for anew");
        assert!(list.is_cut && list.files.len() == ArtifactList::MOST);
        assert!(list.files.iter().all(|file| file.path.starts_with("data/")));
    }
}
