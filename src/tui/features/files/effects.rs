//! Files are saved away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::programs::{Opener, Program};
use super::{Aim, Ended, Msg, Request};
use crate::files::{self, Address, Done, DownloadRequest, Progress, Target, TransferError};
use crate::store::Store;
use crate::text;
use crate::tui::core::msg::Announcement;
use crate::tui::core::tasks::{Slot, Tasks};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Save {
        number: u64,
        request: Request,
    },
    Cancel,
    /// A text goes to the user's editor.
    WriteText {
        /// The number of the prompt that it stands in.
        of: u64,
        text: String,
    },
    /// And comes back, perhaps from a program that ended at once.
    ReadText {
        program: Program,
        at_once: bool,
    },
    /// It was taken over.
    DropText(Program),
    /// The copy that a program had is not needed any more.
    Forget(Program),
}

/// How often it is said how far it is.
const PACE: Duration = Duration::from_millis(250);
/// Bytes of a file that are read here.
const READ: u64 = 256 * 1024;
const SLOT: Slot = Slot("save files");
const TEXT: Slot = Slot("edit a text");
/// Bytes of an edited text that are read: more than any tag holds.
const LONGEST: u64 = 1 << 20;

pub fn perform(effect: Effect, tasks: &mut Tasks) {
    match effect {
        Effect::Save { number, request } => {
            let (store, sender) = (tasks.store.clone(), tasks.sender());
            tasks.start(SLOT, async move {
                let progress = Progress::default();
                let saving = save(&store, &request, &progress);
                let mut saving = std::pin::pin!(saving);
                let ended = loop {
                    match tokio::time::timeout(PACE, &mut saving).await {
                        Ok(ended) => break ended,
                        Err(_) => {
                            let words = words(&request, &progress);
                            let _ = sender.send(Msg::Progress { number, words }.into());
                        }
                    }
                };
                let _ = sender.send(Msg::Ended { number, request: request.clone(), ended }.into());
            });
        }
        // What takes its place ends it.
        Effect::Cancel => tasks.start(SLOT, async {}),
        Effect::WriteText { of, text } => {
            let sender = tasks.sender();
            tasks.start(TEXT, async move {
                let written = tokio::task::spawn_blocking(move || write_text(of, &text)).await;
                let ready = written.unwrap_or_else(|error| Err(error.to_string()));
                let _ = sender.send(Msg::TextReady(ready).into());
            });
        }
        Effect::ReadText { program, at_once } => {
            let sender = tasks.sender();
            tasks.start(TEXT, async move {
                let read = tokio::task::spawn_blocking(move || {
                    read_text(&program, at_once).map(|text| (program, text))
                })
                .await;
                let edited = read.unwrap_or_else(|error| Err(error.to_string()));
                let _ = sender.send(Msg::TextEdited(edited).into());
            });
        }
        Effect::DropText(program) => {
            let sender = tasks.sender();
            tasks.start(Slot("drop a text"), async move {
                if let Ok(Some(said)) = tokio::task::spawn_blocking(move || drop_copy(&program)).await {
                    let _ = sender.send(said.into());
                }
            });
        }
        Effect::Forget(program) => {
            let sender = tasks.sender();
            tasks.start(Slot("forget a copy"), async move {
                if let Ok(Some(said)) = tokio::task::spawn_blocking(move || forget(&program)).await {
                    let _ = sender.send(said.into());
                }
            });
        }
    }
}

fn words(request: &Request, progress: &Progress) -> String {
    let now = progress.snapshot();
    let of = if now.is_listed { text::bytes(now.bytes) } else { "…".into() };
    let doing = match request.aim {
        Aim::Save { .. } => "saving",
        Aim::Open(_) | Aim::Read => "fetching",
    };
    format!(
        "{doing} {}: {} of {}, {} of {of}; g x cancels",
        request.address,
        text::count(now.files_done as usize),
        text::counted(now.files as usize, "file"),
        text::bytes(now.bytes_done)
    )
}

async fn save(store: &Store, request: &Request, progress: &Progress) -> Ended {
    match &request.aim {
        Aim::Save { target, replaces } => {
            match download(store, &request.address, target, *replaces, progress).await {
                Ok(done) => {
                    let count = match done.files.len() {
                        1 => String::new(),
                        files => format!("{} files, ", text::count(files)),
                    };
                    let (size, place) = (text::bytes(done.bytes()), done.target.display());
                    Ended::Saved(format!("saved {count}{size} as {place}"))
                }
                Err(error @ TransferError::Exists(_)) => Ended::Exists(error.to_string()),
                Err(error) => Ended::Failed(format!("not saved: {error}")),
            }
        }
        Aim::Read => read(store, &request.address)
            .await
            .unwrap_or_else(|error| Ended::Failed(format!("not read: {error}"))),
        Aim::Open(opener) => open_copy(store, &request.address, *opener, progress)
            .await
            .unwrap_or_else(|words| Ended::Failed(format!("not opened: {words}"))),
    }
}

/// Reads the beginning of a file, to be read here.
async fn read(store: &Store, address: &str) -> files::Result<Ended> {
    let source = files::resolve(store, &address.parse()?).await?;
    let mut content = Vec::new();
    files::read_range(&source.files, &source.path, (0, READ + 1), |part| {
        content.extend_from_slice(part);
        Ok(())
    })
    .await?;
    let is_cut = content.len() as u64 > READ;
    content.truncate(READ as usize);
    let words = String::from_utf8_lossy(&content);
    let strange =
        words.chars().filter(|letter| *letter == char::REPLACEMENT_CHARACTER || *letter == '\0').count();
    if strange * 10 > content.len() {
        return Ok(Ended::Binary);
    }
    let is_markdown = address.to_lowercase().ends_with(".md");
    let mut text = if is_markdown { words.into_owned() } else { text::readable(&words).join("\n") };
    if is_cut {
        text = format!("{text}\n… more than {}: it is opened whole with a program", text::bytes(READ));
    }
    Ok(Ended::Text { text, is_markdown })
}

async fn download(
    store: &Store,
    address: &str,
    target: &str,
    replaces: bool,
    progress: &Progress,
) -> files::Result<Done> {
    let address: Address = address.parse()?;
    let source = files::resolve(store, &address).await?;
    let target = match (target.strip_prefix("~/"), directories::BaseDirs::new()) {
        (Some(rest), Some(folders)) => folders.home_dir().join(rest),
        _ => PathBuf::from(target),
    };
    let request = DownloadRequest { target: Target::Named(target), replaces, verifies: false };
    files::download(&source, &request, progress).await
}

/// A copy of a file in a folder of its own, which nobody else can look into. Files of a run are never opened themselves: an
/// editor would change them.
async fn open_copy(
    store: &Store,
    address: &str,
    opener: Opener,
    progress: &Progress,
) -> Result<Ended, String> {
    let words = opener.command(|name| std::env::var(name).ok())?;
    let told = |error: TransferError| error.to_string();
    let address: Address = address.parse().map_err(told)?;
    let source = files::resolve(store, &address).await.map_err(told)?;
    if !files::entries(&source).await.map_err(told)?.is_file {
        return Err("this is a folder; g w saves it".into());
    }
    let folder = tempfile::Builder::new().prefix("mltui-").tempdir().map_err(|error| error.to_string())?;
    let target = Target::Under(folder.path().to_owned());
    let request = DownloadRequest { target, replaces: false, verifies: false };
    let file = files::download(&source, &request, progress).await.map_err(told)?.target;
    let Some(words) = words else {
        open::that_detached(&file).map_err(|error| error.to_string())?;
        // It may read the file at any later time.
        let folder = folder.keep();
        return Ok(Ended::Saved(format!("opened a copy, which is in {}", folder.display())));
    };
    // Whoever gives the program the terminal says when it is not needed any more.
    let _ = folder.keep();
    let fetched = written(&file).map_err(|error| error.to_string())?;
    let is_editor = opener == Opener::Editor;
    Ok(Ended::Ready(Program { words, is_editor, of_text: None, file, fetched }))
}

/// Puts a text into a folder of its own, which nobody else can look into.
fn write_text(of: u64, text: &str) -> Result<Program, String> {
    let told = |error: std::io::Error| error.to_string();
    let words = Opener::Editor.command(|name| std::env::var(name).ok())?.unwrap_or_default();
    let folder = tempfile::Builder::new().prefix("mltui-").tempdir().map_err(told)?;
    let file = folder.path().join("text.md");
    std::fs::write(&file, text).map_err(told)?;
    let fetched = written(&file).map_err(told)?;
    let _ = folder.keep();
    Ok(Program { words, is_editor: true, of_text: Some(of), file, fetched })
}

/// Reads it again. The file stays until somebody has taken the text.
fn read_text(program: &Program, at_once: bool) -> Result<String, String> {
    let place = program.file.display();
    if at_once && written(&program.file).is_ok_and(|now| now == program.fetched) {
        return Err(format!(
            "{} ended at once: take an editor that waits, such as code --wait; the text is in {place}",
            program.name()
        ));
    }
    let content = crate::disk::read(&program.file, LONGEST)
        .map_err(|error| format!("the text is not taken from {place}: {error}"))?;
    let text = String::from_utf8(content).map_err(|_| format!("{place} is not UTF-8; it stays there"))?;
    let text = text.replace("\r\n", "\n");
    // Editors end the last line.
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

/// When a file was written last, in nanoseconds since the epoch.
fn written(file: &Path) -> std::io::Result<u128> {
    let since = std::fs::metadata(file)?.modified()?.duration_since(std::time::UNIX_EPOCH);
    Ok(since.map_or(0, |since| since.as_nanos()))
}

/// Takes a copy away, unless somebody has changed it.
fn forget(program: &Program) -> Option<Announcement> {
    if written(&program.file).is_ok_and(|now| now != program.fetched) {
        let place = program.file.display();
        return Some(Announcement(match program.of_text {
            Some(_) => format!("what you wrote is in {place}"),
            None => format!(
                "the run keeps its file; your changed copy is {place}, and `mltui upload` puts it back"
            ),
        }));
    }
    drop_copy(program)
}

/// Takes a copy away.
fn drop_copy(program: &Program) -> Option<Announcement> {
    let folder = program.file.parent().filter(|folder| is_ours(folder))?;
    let _ = std::fs::remove_file(&program.file);
    // What an editor has put beside it is somebody's work.
    match std::fs::remove_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
            Some(Announcement(format!("{} left files in {}", program.name(), folder.display())))
        }
        Ok(()) | Err(_) => None,
    }
}

fn is_ours(folder: &Path) -> bool {
    folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("mltui-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NewRun;
    use crate::store::memory::Memory;

    #[tokio::test]
    async fn a_file_is_saved_and_not_replaced_unasked() {
        let store = Store::new(Memory::default());
        let run = NewRun {
            experiment_id: "0".into(),
            run_name: None,
            user_id: "ana".into(),
            start_time: 1,
            tags: Vec::new(),
        };
        let run = store.create_run(&run).await.unwrap().info.run_id;
        store.write_artifact(&run, "model/MLmodel", b"flavors: {}").await.unwrap();
        let here = tempfile::tempdir().unwrap();
        let target = here.path().join("MLmodel").display().to_string();
        let aim = |replaces| Aim::Save { target: target.clone(), replaces };
        let mut request = Request { address: format!("runs:/{run}/model/MLmodel"), aim: aim(false) };
        let ended = save(&store, &request, &Progress::default()).await;
        assert_eq!(ended, Ended::Saved(format!("saved 11 B as {target}")));
        std::fs::write(&target, "mine").unwrap();
        let ended = save(&store, &request, &Progress::default()).await;
        assert!(matches!(&ended, Ended::Exists(words) if words.contains("already exists")), "{ended:?}");
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
        request.aim = aim(true);
        assert!(matches!(save(&store, &request, &Progress::default()).await, Ended::Saved(_)));
        assert_eq!(std::fs::read(&target).unwrap(), b"flavors: {}");
        request.address = format!("runs:/{run}/none");
        assert!(matches!(save(&store, &request, &Progress::default()).await, Ended::Failed(_)));
    }
}
