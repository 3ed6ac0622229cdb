//! Stores where nothing can be written, and those that are opened for reading only.

use std::path::Path;

use mltui::mlflow::{Tag, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{ErrorKind, uri};

use crate::support::stores::{block_on, kind, new_run, open};

/// A folder that nobody can write to. Root can write to any but a mount.
struct Sealed<'a>(&'a Path, bool);

impl<'a> Sealed<'a> {
    /// None where this user can seal no folder.
    fn new(folder: &'a Path) -> Option<Self> {
        let do_it = |words: &[&str]| {
            let status = std::process::Command::new(words[0]).args(&words[1..]).arg(folder).status();
            status.is_ok_and(|status| status.success())
        };
        let is_sealed = || std::fs::write(folder.join("try"), "").is_err();
        assert!(do_it(&["chmod", "-R", "a-w"]));
        if is_sealed() {
            return Some(Self(folder, false));
        }
        let place = folder.display().to_string();
        let mounted = do_it(&["mount", "--bind", &place]) && do_it(&["mount", "-o", "remount,ro,bind"]);
        let sealed = Self(folder, mounted);
        (mounted && is_sealed()).then_some(sealed)
    }
}

impl Drop for Sealed<'_> {
    fn drop(&mut self) {
        let words: &[&str] = if self.1 { &["umount"] } else { &["chmod", "-R", "u+w"] };
        let _ = std::process::Command::new(words[0]).args(&words[1..]).arg(self.0).status();
    }
}

#[test]
fn a_store_with_a_log_is_read_where_nothing_can_be_written() {
    for whole in [true, false] {
        let made = tempfile::tempdir().unwrap();
        let path = made.path().join("mlflow.db");
        let store = open(&format!("sqlite:///{}", path.display()));
        block_on(store.create_experiment("first", &[])).unwrap();
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0").unwrap();
        db.execute("UPDATE experiments SET name = 'second' WHERE name = 'first'", []).unwrap();
        if whole {
            db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        }
        // As a backup has it: the file and its log, and nothing else.
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(&path, copy.path().join("mlflow.db")).unwrap();
        if !whole {
            std::fs::copy(made.path().join("mlflow.db-wal"), copy.path().join("mlflow.db-wal")).unwrap();
        }
        let Some(_sealed) = Sealed::new(copy.path()) else {
            // The unit tests of the module do the same without a folder that is sealed.
            return;
        };
        let store = open(&format!("sqlite:///{}", copy.path().join("mlflow.db").display()));
        let names = block_on(store.search_experiments(ViewType::ActiveOnly)).unwrap();
        assert!(names.iter().any(|experiment| experiment.name == "second"), "{whole}: {names:?}");
        let info = block_on(store.info()).unwrap();
        let word = if whole { "opened without locks" } else { "private copy" };
        assert!(!info.writable && info.notes.iter().any(|note| note.contains(word)), "{info:?}");
        assert!(matches!(kind(block_on(store.create_experiment("x", &[]))), ErrorKind::ReadOnly(_)));
    }
}

#[test]
fn what_a_killed_writer_left_is_read_where_nothing_can_be_written() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    block_on(store.create_experiment("whole", &[])).unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA cache_size = 2; PRAGMA cache_spill = 2; BEGIN IMMEDIATE").unwrap();
    for at in 0..300 {
        let row = (format!("half {at}"), "x".repeat(900));
        db.execute(
            "INSERT INTO experiments (name, artifact_location, lifecycle_stage) VALUES (?1, ?2, 'active')",
            row,
        )
        .unwrap();
    }
    // The writer is killed here.
    let copy = tempfile::tempdir().unwrap();
    for name in ["mlflow.db", "mlflow.db-journal"] {
        std::fs::copy(made.path().join(name), copy.path().join(name)).unwrap();
    }
    let Some(_sealed) = Sealed::new(copy.path()) else {
        // The unit tests of the module do the same without a folder that is sealed.
        return;
    };
    let store = open(&format!("sqlite:///{}", copy.path().join("mlflow.db").display()));
    let names = block_on(store.search_experiments(ViewType::ActiveOnly)).unwrap();
    let names: Vec<&str> = names.iter().map(|experiment| experiment.name.as_str()).collect();
    assert!(names.contains(&"whole") && names.len() == 2, "{names:?}");
    let info = block_on(store.info()).unwrap();
    assert!(!info.writable && info.notes.iter().any(|note| note.contains("private copy")), "{info:?}");
    let refused = kind(block_on(store.create_experiment("x", &[])));
    let words = refused.to_string();
    assert!(matches!(refused, ErrorKind::ReadOnly(_)) && words.contains("mlflow.db"), "{words}");
}

#[test]
fn a_store_without_a_log_says_why_it_cannot_be_written() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    block_on(store.create_experiment("first", &[])).unwrap();
    let Some(_sealed) = Sealed::new(made.path()) else { return };
    let store = open(&format!("sqlite:///{}", path.display()));
    let refused = kind(block_on(store.create_experiment("x", &[])));
    let words = refused.to_string();
    assert!(
        matches!(refused, ErrorKind::ReadOnly(_))
            && words.contains("is not writable")
            && words.contains("mlflow.db"),
        "{words}"
    );
}

#[test]
fn an_address_that_asks_for_reading_only_opens_the_file_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    block_on(store.create_experiment("wine", &[])).unwrap();
    for address in
        ["sqlite:///file:a%20b.db?mode=ro&uri=true", "sqlite:///file:a%20b.db?immutable=1&uri=true"]
    {
        let location = uri::parse(address, folder.path()).unwrap();
        assert!(location.is_read_only());
        let store = uri::open(&location, &RestOptions::default(), false).unwrap();
        let found = block_on(store.search_experiments(ViewType::ActiveOnly)).unwrap();
        assert!(found.iter().any(|experiment| experiment.name == "wine"), "{address}: {found:?}");
        assert!(matches!(kind(block_on(store.create_experiment("x", &[]))), ErrorKind::ReadOnly(_)));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else was made");
}

#[test]
fn a_folder_of_files_is_read_where_nothing_can_be_written() {
    let made = tempfile::tempdir().unwrap();
    let root = made.path().join("mlruns");
    std::fs::create_dir(&root).unwrap();
    let store = open(root.to_str().unwrap());
    let experiment = block_on(store.create_experiment("wine", &[])).unwrap();
    let run = block_on(store.create_run(&new_run(&experiment, "first", 1))).unwrap().info.run_id;
    let Some(_sealed) = Sealed::new(made.path()) else { return };
    block_on(async {
        let info = store.info().await.unwrap();
        assert!(!info.writable && info.notes.iter().any(|note| note.contains("not writable")), "{info:?}");
        assert_eq!(store.get_run(&run).await.unwrap().info.run_name, "first");
        for refused in [
            kind(store.create_experiment("x", &[]).await),
            kind(store.create_run(&new_run(&experiment, "x", 1)).await),
            kind(store.set_tag(&run, &Tag::new("a", "b")).await),
            kind(store.delete_run(&run).await),
            kind(store.create_registered_model("net").await),
        ] {
            assert!(
                matches!(&refused, ErrorKind::ReadOnly(words) if words.contains("mlruns")),
                "{refused:?}"
            );
        }
    });
}
