//! Transfers from a tree that fails as it is told.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use super::*;
use crate::mlflow::ArtifactFile;
use crate::store::memory::Memory;
use crate::store::{
    ArtifactList, ErrorKind, FileBody, FileTree, Files, FilesOf, Inner, Opened, Resume, Sent as SentBytes,
    Store,
};

#[derive(Debug, Default)]
struct State {
    content: BTreeMap<String, Vec<u8>>,
    /// Listed besides, or with another size.
    told: Vec<ArtifactFile>,
    version: u32,
    /// Answers break off behind so many bytes.
    cut: Option<usize>,
    /// Where reading began.
    opened: Vec<(String, u64)>,
    has_versions: bool,
    /// No size is told with an answer.
    hides_size: bool,
    /// It goes on where it is told to, whatever the version.
    goes_on_anyway: bool,
    /// A folder has more files than are listed.
    is_cut: bool,
}

#[derive(Debug, Clone, Default)]
struct Tree(Arc<Mutex<State>>);

struct Body(Vec<Bytes>, bool);

#[async_trait]
impl FileBody for Body {
    async fn next(&mut self) -> Inner<Option<Bytes>> {
        tokio::task::yield_now().await;
        match self.0.pop() {
            Some(part) => Ok(Some(part)),
            None if self.1 => Err(ErrorKind::Unreachable("cut".into())),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl FileTree for Tree {
    fn uri(&self) -> &'static str {
        "test:/root"
    }

    async fn list(&self, path: &str) -> Inner<ArtifactList> {
        let state = self.0.lock().unwrap();
        let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut found = BTreeMap::new();
        for (file, content) in &state.content {
            let Some(rest) = file.strip_prefix(&folder) else { continue };
            let name = rest.split('/').next().unwrap();
            let is_dir = name != rest;
            let path = format!("{folder}{name}");
            let file_size = (!is_dir).then_some(content.len() as u64);
            found.insert(path.clone(), ArtifactFile { path, is_dir, file_size });
        }
        if path.is_empty() {
            found.extend(state.told.iter().map(|file| (file.path.clone(), file.clone())));
        }
        Ok(ArtifactList { files: found.into_values().collect(), is_cut: state.is_cut })
    }

    async fn open(&self, path: &str, resume: Option<&Resume>) -> Inner<Opened> {
        let mut state = self.0.lock().unwrap();
        let content = state.content.get(path).cloned().ok_or_else(|| ErrorKind::NotFound(path.into()))?;
        let version = state.has_versions.then(|| state.version.to_string());
        let is_same = |resume: &&Resume| state.goes_on_anyway || Some(&resume.version) == version.as_ref();
        let from = resume.filter(is_same).map_or(0, |resume| resume.at);
        state.opened.push((path.to_owned(), from));
        let rest = &content[from as usize..];
        let length = state.cut.map_or(rest.len(), |cut| cut.min(rest.len()));
        let is_cut = length < rest.len();
        let parts: Vec<Bytes> = rest[..length].chunks(1_000).rev().map(Bytes::copy_from_slice).collect();
        let size = (!state.hides_size).then_some(content.len() as u64);
        Ok(Opened { from, size, version, body: Box::new(Body(parts, is_cut)) })
    }

    async fn write(&self, path: &str, from: &Path, sent: SentBytes<'_>) -> Inner<()> {
        let content = std::fs::read(from).unwrap();
        sent(content.len() as i64);
        self.0.lock().unwrap().content.insert(path.to_owned(), content);
        Ok(())
    }
}

impl Tree {
    fn new(files: &[(&str, usize)]) -> Self {
        let tree = Self::default();
        for (seed, (path, length)) in files.iter().enumerate() {
            tree.put(path, &content(seed as u64, *length));
        }
        tree.0.lock().unwrap().has_versions = true;
        tree
    }

    fn put(&self, path: &str, content: &[u8]) {
        self.0.lock().unwrap().content.insert(path.into(), content.to_vec());
    }

    fn source(&self, path: &str) -> Source {
        let files = Files::new(Store::new(Memory::default()), Arc::new(self.clone()));
        let of = FilesOf::Run("r".into());
        Source { address: Address::Run("r".into(), path.into()), version: None, of, files, path: path.into() }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }
}

fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| random.u8(..)).collect()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn to(target: &Path) -> DownloadRequest {
    DownloadRequest { target: Target::Named(target.to_owned()), replaces: false, verifies: false }
}

fn get(source: &Source, request: &DownloadRequest) -> Result<Done> {
    block_on(download(source, request, &Progress::default()))
}

/// Downloads, and gives up behind so many steps.
fn partly(source: &Source, request: &DownloadRequest, steps: usize) -> Option<Done> {
    let mut left = steps;
    partly_until(source, request, || {
        left -= 1;
        left == 0
    })
}

/// The same, given up as soon as that is so.
fn partly_until(
    source: &Source,
    request: &DownloadRequest,
    mut is_enough: impl FnMut() -> bool,
) -> Option<Done> {
    block_on(async {
        let progress = Progress::default();
        let mut work = std::pin::pin!(download(source, request, &progress));
        loop {
            let step =
                std::future::poll_fn(|context| std::task::Poll::Ready(work.as_mut().poll(context))).await;
            if let std::task::Poll::Ready(done) = step {
                return Some(done.unwrap());
            }
            // What threads do is a step of its own.
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            if is_enough() {
                return None;
            }
        }
    })
}

/// Everything below a folder, by path.
fn all(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

fn names(folder: &Path) -> Vec<String> {
    all(folder).into_keys().collect()
}

#[test]
fn a_tree_comes_as_it_is_and_nothing_stays_beside_it() {
    let tree = Tree::new(&[
        ("model/MLmodel", 10),
        ("model/data/a b.bin", 200_000),
        ("model/empty", 0),
        ("other", 5),
    ]);
    let here = tempfile::tempdir().unwrap();
    let target = here.path().join("deep/copy");
    let progress = Progress::default();
    let done = block_on(download(&tree.source("model"), &to(&target), &progress)).unwrap();
    let wanted: BTreeMap<String, Vec<u8>> = tree.with(|state| {
        let files = state
            .content
            .iter()
            .filter_map(|(path, bytes)| Some((path.strip_prefix("model/")?.to_owned(), bytes.clone())));
        files.collect()
    });
    assert_eq!(all(&target), wanted);
    assert_eq!((done.files.len(), done.bytes(), done.is_file), (3, 200_010, false));
    let now = progress.snapshot();
    assert_eq!((now.files, now.files_done, now.bytes, now.bytes_done), (3, 3, 200_010, 200_010));
    assert_eq!(std::fs::read_dir(here.path().join("deep")).unwrap().count(), 1, "no stage stays");
    let file = get(&tree.source("model/data/a b.bin"), &to(&here.path().join("one"))).unwrap();
    assert!(file.is_file && std::fs::read(here.path().join("one")).unwrap() == wanted["data/a b.bin"]);
    for path in ["model/no", "nothing/at/all"] {
        let error = get(&tree.source(path), &to(&here.path().join("none"))).unwrap_err();
        assert!(matches!(error, TransferError::Nothing(_)), "{error}");
    }
    assert!(!here.path().join("none").exists());
}

#[test]
fn what_breaks_off_is_gone_on_with_and_never_has_the_final_name_before() {
    let tree = Tree::new(&[("a", 50_000)]);
    let here = tempfile::tempdir().unwrap();
    let target = here.path().join("a");
    // Each answer brings a part.
    tree.with(|state| state.cut = Some(7_001));
    get(&tree.source("a"), &to(&target)).unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), content(0, 50_000));
    let began: Vec<u64> = tree.with(|state| state.opened.iter().map(|(_, from)| *from).collect());
    assert_eq!(began, [0, 7_001, 14_002, 21_003, 28_004, 35_005, 42_006, 49_007]);
    // Given up at whatever moment, nothing stands there; what came is not asked for again.
    let tree = Tree::new(&[("t/a", 60_000), ("t/b", 30_000), ("t/c", 1)]);
    let target = here.path().join("t");
    let mut tries = 0;
    loop {
        let request = DownloadRequest { verifies: true, ..to(&target) };
        let done = partly(&tree.source("t"), &request, 1 + tries);
        tries += 1;
        assert!(tries < 1_000);
        match done {
            Some(done) => {
                assert!(done.manifest.is_some());
                break;
            }
            // It was just put there when it was given up.
            None if target.exists() => break,
            None => {}
        }
    }
    assert_eq!(
        all(&target),
        BTreeMap::from([
            ("a".to_owned(), content(0, 60_000)),
            ("b".to_owned(), content(1, 30_000)),
            ("c".to_owned(), content(2, 1)),
        ])
    );
    assert!(tries > 1);
}

#[test]
fn a_file_that_changed_is_begun_anew() {
    let here = tempfile::tempdir().unwrap();
    let target = here.path().join("a");
    // A server may go on all the same, and then say that it does with another version, or with no known one.
    for (has_versions, goes_on_anyway) in [(true, false), (false, false), (true, true), (false, true)] {
        let tree = Tree::new(&[("a", 20_000)]);
        tree.with(|state| state.has_versions = has_versions || goes_on_anyway);
        // A part of it, and which version that is of, where that is known.
        let wanted = if has_versions || goes_on_anyway { 2 } else { 1 };
        let has_come = || all(here.path()).values().filter(|bytes| !bytes.is_empty()).count() >= wanted;
        assert!(partly_until(&tree.source("a"), &to(&target), has_come).is_none());
        tree.put("a", &content(9, 20_000));
        tree.with(|state| {
            (state.version, state.cut) = (1, None);
            (state.has_versions, state.goes_on_anyway) = (has_versions, goes_on_anyway);
            state.opened.clear();
        });
        let done = get(&tree.source("a"), &to(&target)).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), content(9, 20_000), "nothing of the old one is in it");
        assert_eq!(done.files[0].resumed, 0);
        let began: Vec<u64> = tree.with(|state| state.opened.iter().map(|(_, from)| *from).collect());
        assert!(began.last() == Some(&0) && (began[0] > 0) == goes_on_anyway, "{began:?}");
        std::fs::remove_file(&target).unwrap();
    }
    let tree = Tree::new(&[("a", 20_000)]);
    tree.with(|state| state.cut = Some(0));
    let error = get(&tree.source("a"), &to(&target)).unwrap_err();
    assert!(matches!(error, TransferError::Store(_)) && !target.exists(), "it brings nothing: {error}");
}

#[test]
fn what_is_not_as_it_was_listed_is_not_taken() {
    let here = tempfile::tempdir().unwrap();
    let target = here.path().join("a");
    for (listed, hides_size) in [(999, true), (1_001, true), (999, false), (1_001, false)] {
        let tree = Tree::new(&[("a", 1_000)]);
        let told = ArtifactFile { path: "a".into(), is_dir: false, file_size: Some(listed) };
        tree.with(|state| (state.told, state.hides_size) = (vec![told], hides_size));
        let error = get(&tree.source(""), &to(&target)).unwrap_err();
        assert!(matches!(error, TransferError::Changed(_) | TransferError::Store(_)), "{error}");
        assert!(!target.exists());
    }
}

#[test]
fn no_name_of_a_store_leads_out_of_the_folder() {
    for name in ["../out", "/tmp/out", "a/../../out", "..", "a//b", "x\0y"] {
        let tree = Tree::new(&[("fine", 10)]);
        let told = ArtifactFile { path: name.into(), is_dir: false, file_size: Some(1) };
        tree.with(|state| state.told = vec![told]);
        let here = tempfile::tempdir().unwrap();
        let error = get(&tree.source(""), &to(&here.path().join("in/t"))).unwrap_err();
        assert!(matches!(error, TransferError::Name(..)), "{name}: {error}");
        assert_eq!(names(here.path()), [""; 0], "{name}");
    }
}

#[cfg(unix)]
#[test]
fn no_link_in_the_folder_is_followed_and_nothing_is_replaced_unasked() {
    use std::os::unix::fs::symlink;
    let tree = Tree::new(&[("sub/new", 10), ("own", 20)]);
    let here = tempfile::tempdir().unwrap();
    let (target, out) = (here.path().join("t"), here.path().join("out"));
    std::fs::create_dir_all(&target).unwrap();
    std::fs::create_dir_all(&out).unwrap();
    symlink(&out, target.join("sub")).unwrap();
    let asked = DownloadRequest { replaces: true, ..to(&target) };
    for request in [to(&target), asked.clone()] {
        let error = get(&tree.source(""), &request).unwrap_err();
        assert!(matches!(error, TransferError::Local(_)), "{error}");
    }
    assert_eq!(names(&out), [""; 0]);
    std::fs::remove_file(target.join("sub")).unwrap();
    // What is in the folder besides stays, and what has the same name is only replaced where that is asked for.
    std::fs::write(target.join("mine"), "mine").unwrap();
    std::fs::write(out.join("theirs"), "theirs").unwrap();
    symlink(out.join("theirs"), target.join("own")).unwrap();
    let error = get(&tree.source(""), &to(&target)).unwrap_err();
    assert!(matches!(&error, TransferError::Exists(paths) if *paths == [target.join("own")]), "{error}");
    assert!(!target.join("sub").exists());
    get(&tree.source(""), &asked).unwrap();
    assert_eq!(names(&target), ["mine", "own", "sub/new"]);
    assert_eq!(std::fs::read(target.join("own")).unwrap(), content(1, 20));
    assert_eq!(
        std::fs::read(out.join("theirs")).unwrap(),
        b"theirs",
        "the link is replaced, and not what it leads to"
    );
    // A folder is never replaced by a file.
    std::fs::create_dir(here.path().join("folder")).unwrap();
    let file = DownloadRequest { replaces: true, ..to(&here.path().join("folder")) };
    assert!(matches!(get(&tree.source("own"), &file), Err(TransferError::Local(_))));
}

#[test]
fn a_manifest_tells_whether_what_is_there_is_whole() {
    let tree = Tree::new(&[("a", 100), ("b/c", 200)]);
    let here = tempfile::tempdir().unwrap();
    let target = here.path().join("t");
    let request = DownloadRequest { verifies: true, ..to(&target) };
    let done = get(&tree.source(""), &request).unwrap();
    let opened = tree.with(|state| state.opened.len());
    let again = get(&tree.source(""), &request).unwrap();
    assert!(again.was_there && !done.was_there);
    assert_eq!(tree.with(|state| state.opened.len()), opened, "nothing is read again");
    let mut damaged = content(1, 200);
    damaged[100] ^= 1;
    std::fs::write(target.join("b/c"), &damaged).unwrap();
    let error = get(&tree.source(""), &request).unwrap_err();
    assert!(matches!(error, TransferError::Differs(_)), "{error}");
    let asked = DownloadRequest { replaces: true, ..request.clone() };
    get(&tree.source(""), &asked).unwrap();
    assert_eq!(std::fs::read(target.join("b/c")).unwrap(), content(1, 200));
    assert!(get(&tree.source(""), &request).unwrap().was_there);
}

#[test]
fn what_came_from_elsewhere_is_not_taken_for_the_same() {
    let tree = Tree::new(&[("v1/a", 100), ("v2/a", 100)]);
    let here = tempfile::tempdir().unwrap();
    let target = here.path().join("t");
    let request = DownloadRequest { verifies: true, ..to(&target) };
    get(&tree.source("v1"), &request).unwrap();
    // Names and sizes are the same.
    let error = get(&tree.source("v2"), &request).unwrap_err();
    assert!(matches!(&error, TransferError::Differs(words) if words.contains("v1")), "{error}");
    assert_eq!(std::fs::read(target.join("a")).unwrap(), content(0, 100));
    get(&tree.source("v2"), &DownloadRequest { replaces: true, ..request.clone() }).unwrap();
    assert_eq!(std::fs::read(target.join("a")).unwrap(), content(1, 100));
    assert!(get(&tree.source("v2"), &request).unwrap().was_there);
    std::fs::remove_file(here.path().join("t.sha256.from")).unwrap();
    let error = get(&tree.source("v2"), &request).unwrap_err();
    assert!(matches!(error, TransferError::Exists(_)), "nobody knows from where it came: {error}");
}

#[test]
fn a_file_keeps_its_name_and_none_is_made_of_what_leads_elsewhere() {
    let name = format!("a b (1) {}.txt", "x".repeat(100));
    let tree = Tree::new(&[(&format!("in/{name}"), 10)]);
    let here = tempfile::tempdir().unwrap();
    let request = DownloadRequest { target: Target::Under(here.path().to_owned()), ..to(here.path()) };
    get(&tree.source(&format!("in/{name}")), &request).unwrap();
    assert_eq!(names(here.path()), [name]);
    let tree = Tree::new(&[("in/../a", 10)]);
    let error = get(&tree.source("in/.."), &request).unwrap_err();
    assert!(matches!(error, TransferError::Name(..)), "{error}");
}

#[test]
fn what_an_earlier_transfer_left_is_in_nobodys_way() {
    let tree = Tree::new(&[("t/a/b", 10), ("t/c", 20)]);
    let here = tempfile::tempdir().unwrap();
    let target = here.path().join("t");
    let stage = stage::Stage::open(here.path(), &target, &tree.source("t").uri()).unwrap();
    // Where there is a folder by now there was a file, and the other way round.
    std::fs::write(stage.whole().join("a"), "old").unwrap();
    std::fs::create_dir_all(stage.whole().join("c/old")).unwrap();
    std::fs::create_dir(stage.whole().join("gone")).unwrap();
    drop(stage);
    get(&tree.source("t"), &to(&target)).unwrap();
    assert_eq!(names(&target), ["a/b", "c"]);
    assert!(!target.join("gone").exists());
}

#[cfg(unix)]
#[test]
fn no_link_in_the_stage_is_written_through() {
    let tree = Tree::new(&[("a", 10)]);
    let here = tempfile::tempdir().unwrap();
    let (target, mine) = (here.path().join("a"), here.path().join("mine"));
    std::fs::write(&mine, "mine").unwrap();
    let stage = stage::Stage::open(here.path(), &target, &tree.source("a").uri()).unwrap();
    std::os::unix::fs::symlink(&mine, stage.part("a").0).unwrap();
    drop(stage);
    let error = get(&tree.source("a"), &to(&target)).unwrap_err();
    assert!(matches!(error, TransferError::Local(_)), "{error}");
    assert_eq!(std::fs::read(&mine).unwrap(), b"mine");
}

#[test]
fn a_folder_goes_up_as_it_is_and_replaces_nothing_unasked() {
    let tree = Tree::new(&[("model/a", 3)]);
    let here = tempfile::tempdir().unwrap();
    std::fs::create_dir(here.path().join("b")).unwrap();
    std::fs::write(here.path().join("a"), "new").unwrap();
    std::fs::write(here.path().join("b/c d"), "").unwrap();
    let mut request = UploadRequest { from: here.path().to_owned(), replaces: false };
    let up = |path: &str, request: &UploadRequest| {
        block_on(upload(&tree.source(path), request, &Progress::default()))
    };
    let error = up("model", &request).unwrap_err();
    assert!(matches!(&error, TransferError::InRun(paths) if paths == &["model/a"]), "{error}");
    request.replaces = true;
    let sent = up("model", &request).unwrap();
    let paths: Vec<_> = sent.iter().map(|file| (file.path.as_str(), file.size)).collect();
    assert_eq!(paths, [("model/a", 3), ("model/b/c d", 0)]);
    assert_eq!(tree.with(|state| state.content["model/a"].clone()), b"new");
    let single = UploadRequest { from: here.path().join("a"), replaces: false };
    assert_eq!(up("", &single).unwrap()[0].path, "a");
    // What is not listed may be there.
    tree.with(|state| state.is_cut = true);
    let error = up("y", &single).unwrap_err();
    assert!(
        matches!(error, TransferError::Unlisted(_)) && error.hint().unwrap().contains("--force"),
        "{error}"
    );
    assert!(!tree.with(|state| state.content.contains_key("y/a")));
    assert_eq!(up("y", &UploadRequest { replaces: true, ..single }).unwrap().len(), 1);
    tree.with(|state| state.is_cut = false);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(here.path(), here.path().join("b/loop")).unwrap();
        assert!(matches!(up("x", &request), Err(TransferError::Local(_))));
        std::fs::remove_file(here.path().join("b/loop")).unwrap();
        assert!(
            std::process::Command::new("mkfifo").arg(here.path().join("b/pipe")).status().unwrap().success()
        );
        let error = up("x", &request).unwrap_err().to_string();
        assert!(error.contains("not a regular file"), "{error}");
    }
}
