//! How far a copy is, for whoever looks.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What is done just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    Looking,
    Copying,
    Checking,
}

/// Counted by the copy, looked at from outside.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    runs: AtomicU64,
    runs_done: AtomicU64,
    points: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Snapshot {
    pub phase: Phase,
    /// Runs in all, where that is known.
    pub runs: u64,
    pub runs_done: u64,
    /// Points of metrics that came.
    pub points: u64,
    pub files: u64,
    /// Bytes of files that came.
    pub bytes: u64,
}

impl Progress {
    pub fn snapshot(&self) -> Snapshot {
        let phase = match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Looking,
            1 => Phase::Copying,
            _ => Phase::Checking,
        };
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Snapshot {
            phase,
            runs: of(&self.runs),
            runs_done: of(&self.runs_done),
            points: of(&self.points),
            files: of(&self.files),
            bytes: of(&self.bytes),
        }
    }

    pub(super) fn begin(&self, phase: Phase, runs: u64) {
        self.runs.store(runs, Ordering::Relaxed);
        self.runs_done.store(0, Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(super) fn run(&self, runs: usize) {
        self.runs_done.fetch_add(runs as u64, Ordering::Relaxed);
    }

    pub(super) fn points(&self, points: usize) {
        self.points.fetch_add(points as u64, Ordering::Relaxed);
    }

    pub(super) fn file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    /// Less than none where some have to be sent again.
    pub(super) fn moved(&self, bytes: i64) {
        self.bytes.fetch_add(bytes.cast_unsigned(), Ordering::Relaxed);
    }
}
