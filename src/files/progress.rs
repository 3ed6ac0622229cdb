//! How far a transfer is, for whoever looks.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Counted by the transfer, looked at from outside.
#[derive(Debug, Default)]
pub struct Progress {
    files: AtomicU64,
    files_done: AtomicU64,
    bytes: AtomicU64,
    bytes_done: AtomicI64,
    is_listed: std::sync::atomic::AtomicBool,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Files in all, as far as they are listed.
    pub files: u64,
    /// Files that are whole.
    pub files_done: u64,
    /// Bytes in all, as far as they are known.
    pub bytes: u64,
    /// Bytes that came.
    pub bytes_done: u64,
    /// Whether all files are listed.
    pub is_listed: bool,
}

impl Progress {
    /// How far it is.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            files: self.files.load(Ordering::Relaxed),
            files_done: self.files_done.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_done: u64::try_from(self.bytes_done.load(Ordering::Relaxed)).unwrap_or(0),
            is_listed: self.is_listed.load(Ordering::Relaxed),
        }
    }

    pub(super) fn found(&self, files: u64, bytes: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn listed(&self) {
        self.is_listed.store(true, Ordering::Relaxed);
    }

    pub(super) fn moved(&self, bytes: i64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn whole(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
    }
}
