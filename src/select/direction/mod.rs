//! Whether less or more of a metric is better, by its name. A name that says neither, or both, is left open: nobody is
//! served by a guess.

mod reading;
mod table;
#[cfg(test)]
mod tests;

pub(super) use reading::{NameReading, read};
pub(super) use table::{DataPart, MetricKind};

/// What one wants of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Goal {
    /// Less is better.
    Minimize,
    /// More is better.
    Maximize,
}

impl Goal {
    /// The other one.
    pub fn reversed(self) -> Self {
        match self {
            Self::Minimize => Self::Maximize,
            Self::Maximize => Self::Minimize,
        }
    }

    /// Whether a value is better than another; NaN is better than nothing.
    pub fn is_better(self, value: f64, than: f64) -> bool {
        match self {
            Self::Minimize => value < than,
            Self::Maximize => value > than,
        }
    }

    /// Reads `min` and `max`, and the longer words for them.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "min" | "minimize" | "minimise" | "lower" | "down" => Some(Self::Minimize),
            "max" | "maximize" | "maximise" | "higher" | "up" => Some(Self::Maximize),
            _ => None,
        }
    }

    /// `min`, `max`.
    pub fn short(self) -> &'static str {
        match self {
            Self::Minimize => "min",
            Self::Maximize => "max",
        }
    }

    /// The end of the scale that is wanted: `lowest`, `highest`.
    pub fn superlative(self) -> &'static str {
        match self {
            Self::Minimize => "lowest",
            Self::Maximize => "highest",
        }
    }

    /// In words, for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Minimize => "lower is better",
            Self::Maximize => "higher is better",
        }
    }
}

/// What is wanted of a metric of this name, if the name says so: `val_loss`, `eval/rougeL`, `neg_mean_squared_error`.
pub fn goal(metric: &str) -> Option<Goal> {
    read(metric).goal
}

/// Whether runs are judged by a metric of this name: it is that of a score or a loss, and of nothing beside one.
pub fn is_judging(metric: &str) -> bool {
    let said = read(metric);
    said.goal.is_some() && !said.is_beside && matches!(said.kind, MetricKind::Measure | MetricKind::Loss)
}

/// Whether a metric of this name is how long something took, or how fast it was.
pub fn is_timing(metric: &str) -> bool {
    let said = read(metric);
    said.goal.is_some() && said.kind == MetricKind::Time
}
