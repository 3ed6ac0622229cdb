//! What happens in a sweep, as its journal has it: a line of JSON each.

use serde::{Deserialize, Serialize};

use super::Change;
use crate::store::now_ms;
use crate::sweep::engine::curve::StepValue;
use crate::sweep::engine::numbers::Values;
use crate::sweep::engine::trial::Measured;
use crate::sweep::search::Proposal;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since the epoch.
    pub at: i64,
    /// What it was.
    #[serde(flatten)]
    pub kind: EventKind,
}

impl Event {
    /// Something that happens just now.
    pub fn now(kind: EventKind) -> Self {
        Self { at: now_ms(), kind }
    }
}

/// What happened. The names in the file are those of version 0.1, whose trials were folds and a fit on all rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A process took the sweep up.
    Begun,
    /// A trial began, or is attempted once more.
    Started {
        /// Its number, from 0 on.
        trial: usize,
        /// The number of the attempt, where it is not the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        /// When that began, in milliseconds since the epoch, where it is not now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<i64>,
        /// What it tries.
        #[serde(flatten)]
        proposal: Proposal,
    },
    /// A trial said how far it is.
    #[serde(rename = "fold")]
    Reported {
        /// Its number.
        trial: usize,
        /// From 0 on.
        #[serde(rename = "fold")]
        step: usize,
        /// What it said.
        #[serde(flatten)]
        measured: Measured,
    },
    /// An attempt at a trial had these values of the metric on its way.
    Steps {
        /// Its number.
        trial: usize,
        /// Counted from 1. Another one counts its steps anew.
        attempt: u32,
        /// Not every one of many.
        steps: Vec<StepValue>,
    },
    /// What is kept of a trial was measured. It lies in the folder.
    #[serde(rename = "refitted")]
    Last {
        /// Its number.
        trial: usize,
        /// On the test part, of a model.
        #[serde(rename = "test")]
        measured: Measured,
    },
    /// A trial ended.
    Ended {
        /// Its number.
        trial: usize,
        /// The attempt that it ended in, of a trial that is carried out by processes. Older versions did not tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        /// What came of it.
        #[serde(flatten)]
        outcome: TrialOutcome,
    },
    /// Nothing is trained from here on, as somebody wished, until it goes on.
    Paused,
    /// It goes on.
    Continued,
    /// The next of the changes that were asked was taken.
    Changed {
        /// None of one that is not understood.
        #[serde(default)]
        change: Option<Change>,
    },
    /// All is done, or was called off, or broke off.
    Closed {
        /// Which of these.
        #[serde(rename = "how")]
        reason: EndReason,
    },
}

/// What came of a trial. Values are in the order of its reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum TrialOutcome {
    /// It came to a result.
    Finished {
        /// Over its reports.
        means: Values,
        /// The standard deviations (over n).
        deviations: Values,
    },
    /// It fell behind, or was not wanted any more.
    Pruned {
        /// So many it had; of one that has a curve the step that it came to.
        #[serde(rename = "folds")]
        reports: usize,
        /// Over those; of a curve its last value.
        means: Values,
        /// Somebody asked for it, and no rule.
        #[serde(default, rename = "by_hand", skip_serializing_if = "std::ops::Not::not")]
        is_by_hand: bool,
    },
    /// It came to none.
    Failed {
        /// Why.
        message: String,
    },
}

/// Why a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// All is done.
    Finished,
    /// Somebody called it off.
    Cancelled,
    /// All its trials failed, or it was given up, as the first failed one after the other in the same way.
    Failed,
    /// The process died; what it had begun was closed by another.
    Interrupted,
}

impl EventKind {
    /// The trial that it is about.
    pub fn trial(&self) -> Option<usize> {
        match self {
            Self::Started { trial, .. }
            | Self::Reported { trial, .. }
            | Self::Steps { trial, .. }
            | Self::Last { trial, .. }
            | Self::Ended { trial, .. } => Some(*trial),
            Self::Begun | Self::Paused | Self::Continued | Self::Changed { .. } | Self::Closed { .. } => None,
        }
    }
}
