//! Files are saved away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::path::PathBuf;
use std::time::Duration;

use super::{Ended, Msg, Request};
use crate::files::{self, Address, Done, DownloadRequest, Progress, Target, TransferError};
use crate::store::Store;
use crate::text;
use crate::tui::core::tasks::{Slot, Tasks};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Save { number: u64, request: Request },
    Cancel,
}

/// How often it is said how far it is.
const PACE: Duration = Duration::from_millis(250);
const SLOT: Slot = Slot("save files");

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
    }
}

fn words(request: &Request, progress: &Progress) -> String {
    let now = progress.snapshot();
    let of = if now.is_listed { text::bytes(now.bytes) } else { "…".into() };
    format!(
        "saving {}: {} of {} files, {} of {of}; g x cancels",
        request.address,
        text::count(now.files_done as usize),
        text::count(now.files as usize),
        text::bytes(now.bytes_done)
    )
}

async fn save(store: &Store, request: &Request, progress: &Progress) -> Ended {
    match download(store, request, progress).await {
        Ok(done) => {
            let count = match done.files.len() {
                1 => String::new(),
                files => format!("{} files, ", text::count(files)),
            };
            Ended::Saved(format!("saved {count}{} as {}", text::bytes(done.bytes()), done.target.display()))
        }
        Err(error @ TransferError::Exists(_)) => Ended::Exists(error.to_string()),
        Err(error) => Ended::Failed(format!("not saved: {error}")),
    }
}

async fn download(store: &Store, request: &Request, progress: &Progress) -> files::Result<Done> {
    let address: Address = request.address.parse()?;
    let source = files::resolve(store, &address).await?;
    let target = match (request.target.strip_prefix("~/"), directories::BaseDirs::new()) {
        (Some(rest), Some(folders)) => folders.home_dir().join(rest),
        _ => PathBuf::from(&request.target),
    };
    let request =
        DownloadRequest { target: Target::Named(target), replaces: request.replaces, verifies: false };
    files::download(&source, &request, progress).await
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
        let mut request = Request {
            address: format!("runs:/{run}/model/MLmodel"),
            target: target.clone(),
            replaces: false,
        };
        let ended = save(&store, &request, &Progress::default()).await;
        assert_eq!(ended, Ended::Saved(format!("saved 11 B as {target}")));
        std::fs::write(&target, "mine").unwrap();
        let ended = save(&store, &request, &Progress::default()).await;
        assert!(matches!(&ended, Ended::Exists(words) if words.contains("already exists")), "{ended:?}");
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
        request.replaces = true;
        assert!(matches!(save(&store, &request, &Progress::default()).await, Ended::Saved(_)));
        assert_eq!(std::fs::read(&target).unwrap(), b"flavors: {}");
        request.address = format!("runs:/{run}/none");
        assert!(matches!(save(&store, &request, &Progress::default()).await, Ended::Failed(_)));
    }
}
