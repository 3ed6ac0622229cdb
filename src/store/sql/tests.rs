//! Tests that nobody waits for files with a connection in hand: those of others would have to wait as well.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::{Home, Place, artifacts};
use crate::mlflow::{MetricPoint, Part, RunId, Summary};
use crate::store::objects::Kept;
use crate::store::sqlite::{Database, Sqlite};
use crate::store::uri::{Location, RestOptions, open};
use crate::store::{
    Capabilities, Changes, Cursor, FilesOf, HistoryCursor, HistoryPart, Inner, NewRun, RunBatch, Scan,
    StoreInfo,
};

type Link = <Sqlite as Place>::Link;

/// A database that knows whether a connection is in somebody's hand.
#[derive(Debug)]
struct Watched {
    place: Sqlite,
    held: AtomicBool,
}

impl Place for Watched {
    type Link = Link;

    fn capabilities(&self) -> Capabilities {
        self.place.capabilities()
    }

    fn home(&self) -> &Home {
        self.place.home()
    }

    fn info(&self) -> Inner<StoreInfo> {
        self.place.info()
    }

    fn read<T>(&self, work: impl FnOnce(&mut Link) -> Inner<T>) -> Inner<T> {
        assert!(!self.held.swap(true, Ordering::Relaxed), "one at a time");
        let answer = self.place.read(work);
        self.held.store(false, Ordering::Relaxed);
        answer
    }

    fn write<T>(&self, work: impl Fn(&mut Link) -> Inner<T>) -> Inner<T> {
        self.place.write(work)
    }

    fn history(link: &mut Link, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
        Sqlite::history(link, id, key)
    }

    fn history_since(link: &mut Link, id: &RunId, key: &str, seen: &HistoryCursor) -> Inner<HistoryPart> {
        Sqlite::history_since(link, id, key, seen)
    }

    fn summaries(&self, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
        self.place.summaries(ids, key, part)
    }

    fn scan(&self, scan: &Scan, sink: &mpsc::Sender<RunBatch>) -> Inner<Cursor> {
        self.place.scan(scan, sink)
    }

    fn changes(&self, scan: &Scan, seen: &Cursor, watched: &[RunId]) -> Inner<(Changes, Option<Cursor>)> {
        self.place.changes(scan, seen, watched)
    }
}

#[tokio::test]
async fn files_are_waited_for_without_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let database: Database = folder.path().join("mlflow.db").to_str().unwrap().into();
    let store = open(&Location::Sqlite(database.clone()), &RestOptions::default(), false).unwrap();
    store.begin().await.unwrap();
    let experiment = store.create_experiment("e", &[]).await.unwrap();
    let run = NewRun {
        experiment_id: experiment.clone(),
        run_name: None,
        user_id: "ana".into(),
        start_time: 1,
        tags: Vec::new(),
    };
    let run = store.create_run(&run).await.unwrap().info.run_id;
    let place = Watched { place: Sqlite::new(&database, None, false), held: AtomicBool::new(false) };
    let whom = artifacts::Asked { place: &place, service: None };
    artifacts::write(&whom, &run, "a/b", b"words").unwrap();
    let answers = AtomicUsize::new(0);
    let goes_on = || {
        assert!(!place.held.load(Ordering::Relaxed), "others wait for this connection");
        answers.fetch_add(1, Ordering::Relaxed);
    };
    let asked = |wanted: usize| assert!(answers.swap(0, Ordering::Relaxed) >= wanted);
    let list = artifacts::list(&whom, &run, "a", &goes_on).unwrap();
    assert!(matches!(list, Kept::Here(list) if list.files.len() == 1));
    asked(2);
    let read = artifacts::read(&whom, &run, "a/b", 9, &goes_on).unwrap();
    assert_eq!(read, Kept::Here(b"words".to_vec()));
    asked(2);
    artifacts::check(&whom, &experiment, &goes_on).unwrap();
    asked(1);
    let tree = artifacts::tree(&whom, &FilesOf::Run(run), &goes_on).unwrap();
    assert!(matches!(tree, Kept::Here(tree) if tree.root.is_dir()));
    asked(1);
}
