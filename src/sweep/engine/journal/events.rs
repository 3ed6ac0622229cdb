//! What happens in a sweep, as its journal has it: a line of JSON each.

use serde::{Deserialize, Serialize};

use crate::sweep::search::Proposal;

/// Something that happened, at a time in milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub at: i64,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A process took the sweep up.
    Begun,
    Started {
        trial: usize,
        #[serde(flatten)]
        proposal: Proposal,
    },
    Fold {
        trial: usize,
        fold: usize,
        scores: Vec<Option<f64>>,
        fit_seconds: f64,
        predict_seconds: f64,
    },
    /// Fitted on all but the test part. The model lies in the folder.
    Refitted {
        trial: usize,
        test: Test,
    },
    Ended {
        trial: usize,
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// Nothing is trained from here on, as somebody wished, until it goes on.
    Paused,
    Continued,
    /// All is done, or was called off, or broke off.
    Closed {
        how: How,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Finished {
        means: Vec<Option<f64>>,
        deviations: Vec<Option<f64>>,
    },
    /// It fell behind.
    Pruned {
        folds: usize,
        means: Vec<Option<f64>>,
    },
    Failed {
        message: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    Finished,
    Cancelled,
    /// The process died; what it had begun was closed by another.
    Interrupted,
}

/// What the test part says of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Test {
    pub scores: Vec<Option<f64>>,
    pub fit_seconds: f64,
    pub predict_seconds: f64,
}

impl What {
    /// The trial that it is about.
    pub fn trial(&self) -> Option<usize> {
        match self {
            Self::Started { trial, .. }
            | Self::Fold { trial, .. }
            | Self::Refitted { trial, .. }
            | Self::Ended { trial, .. } => Some(*trial),
            Self::Begun | Self::Paused | Self::Continued | Self::Closed { .. } => None,
        }
    }
}
