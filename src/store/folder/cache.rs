//! What was read of an experiment, kept in the state directory: the second start reads only what changed. Whatever is wrong
//! with such a file, it is as if there were none.

use std::fs;
use std::hash::Hasher as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHasher;

use super::codec::{Reader, Writer};
use super::files::Stamp;
use super::index::Held;
use crate::disk::{self, Care};
use crate::mlflow::{ExperimentId, RunId};

/// At the beginning of each file; another form is another number.
const MARK: &[u8] = b"mltui folder 2\n";
/// Bytes of a file that is read.
const MOST: u64 = 1 << 30;
/// What was not written for so long is forgotten.
const OLD: Duration = Duration::from_secs(180 * 24 * 3_600);

/// The file of an experiment of the store at `root`.
pub fn file(folder: &Path, root: &Path, experiment: &ExperimentId) -> PathBuf {
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    let hash = digest(root.join(experiment.as_str()).to_string_lossy().as_bytes());
    folder.join(format!("{hash:016x}.cache"))
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

pub fn save(file: &Path, experiment: &Path, runs: &[(RunId, Held)]) -> io::Result<()> {
    let mut out = Writer::default();
    out.bytes(experiment.to_string_lossy().as_bytes());
    out.natural(runs.len() as u64);
    for (id, held) in runs {
        out.text(id.as_str());
        out.fixed(held.hash);
        out.natural(u64::from(held.is_young));
        out.natural(u64::from(held.meta.is_some()));
        let meta = held.meta.unwrap_or_default();
        out.int(meta.time);
        out.natural(meta.length);
        out.natural(u64::from(held.params.is_some()));
        let (params, sum) = held.params.unwrap_or_default();
        out.int(params.time);
        out.natural(params.length);
        out.fixed(sum);
        out.natural(held.points);
        out.bytes(&held.bytes);
    }
    let content = out.0;
    let mut whole = Vec::with_capacity(content.len() + 64);
    whole.extend(MARK);
    whole.extend(digest(&content).to_le_bytes());
    whole.extend(content);
    disk::make_folder_of(file, Care::Private)?;
    disk::replace(file, &whole, Care::Passing)?;
    file.parent().map_or(Ok(()), forget_old)
}

/// Takes away what was kept of stores that nobody opened for long, or that are no more.
fn forget_old(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
        let is_own = entry.path().extension().is_some_and(|extension| extension == "cache");
        if is_own && age.is_ok_and(|age| age.is_ok_and(|age| age > OLD)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The runs that were kept of an experiment.
pub fn load(file: &Path, experiment: &Path) -> Option<Vec<(RunId, Held)>> {
    let whole = disk::read(file, MOST).ok()?;
    let mut reader = Reader(whole.strip_prefix(MARK)?);
    if reader.fixed()? != digest(reader.0) || reader.bytes()? != experiment.to_string_lossy().as_bytes() {
        return None;
    }
    let count = reader.natural()?;
    let mut runs = Vec::with_capacity((count as usize).min(whole.len() / 16));
    for _ in 0..count {
        let id = RunId(reader.text()?);
        let hash = reader.fixed()?;
        let is_young = reader.natural()? != 0;
        let has_meta = reader.natural()? != 0;
        let meta = Stamp { time: reader.int()?, length: reader.natural()? };
        let has_params = reader.natural()? != 0;
        let params = (Stamp { time: reader.int()?, length: reader.natural()? }, reader.fixed()?);
        let points = reader.natural()?;
        let (meta, bytes) = (has_meta.then_some(meta), reader.bytes()?.into());
        runs.push((
            id,
            Held {
                hash,
                meta,
                params: has_params.then_some(params),
                is_young,
                points,
                files: Arc::default(),
                bytes,
                changed: 0,
                unread_since: None,
            },
        ));
    }
    Some(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_comes_back_and_what_is_damaged_is_as_none() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("mlruns");
        let path = file(&home.path().join("state/folders"), &root, &"1".into());
        let experiment = root.join("1");
        let held = Held {
            hash: u64::MAX,
            meta: Some(Stamp { time: 5, length: 7 }),
            params: Some((Stamp { time: 6, length: 8 }, u64::MAX - 1)),
            is_young: true,
            points: 9,
            files: Arc::default(),
            bytes: b"abc".as_slice().into(),
            unread_since: None,
            changed: 3,
        };
        let old = path.with_file_name("0123456789abcdef.cache");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        for other in [&old, &old.with_extension("txt")] {
            fs::write(other, "x").unwrap();
            fs::File::open(other).unwrap().set_modified(std::time::SystemTime::now() - 2 * OLD).unwrap();
        }
        save(&path, &experiment, &[("ab".into(), held)]).unwrap();
        assert!(!old.exists() && old.with_extension("txt").exists(), "only what is its own, and old");
        let found = load(&path, &experiment).unwrap();
        let (id, held) = &found[0];
        assert_eq!(
            (found.len(), id.as_str(), held.hash, &*held.bytes),
            (1, "ab", u64::MAX, b"abc".as_slice())
        );
        assert_eq!((held.meta, held.is_young), (Some(Stamp { time: 5, length: 7 }), true));
        assert_eq!(held.params, Some((Stamp { time: 6, length: 8 }, u64::MAX - 1)));
        assert!(load(&path, &root.join("2")).is_none(), "of another experiment");
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(load(&path, &experiment).is_none(), "{length} bytes of it");
        }
        for at in 0..whole.len() {
            let mut other = whole.clone();
            other[at] ^= 1;
            std::fs::write(&path, other).unwrap();
            assert!(load(&path, &experiment).is_none(), "another byte {at}");
        }
    }
}
