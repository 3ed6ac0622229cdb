//! What the program keeps for itself, in the state directory: a file for each store, written whole or not at all.

pub mod by_experiment;
pub mod policies;

use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustc_hash::FxHasher;

/// The file of a store in a folder of the state directory.
pub fn file_of(state_folder: &Path, kind: &str, store: &str) -> PathBuf {
    let mut hasher = FxHasher::default();
    store.hash(&mut hasher);
    state_folder.join(kind).join(format!("{:016x}.json", hasher.finish()))
}

/// Puts new content in the place of the old, at once or not at all.
pub fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{}.{name}", std::process::id()));
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}
