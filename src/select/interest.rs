//! Which metrics one wants to see first, by their names.

use super::direction::{is_judging, is_timing};

/// How much one wants to see a metric, by its name, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interest {
    /// A loss or a score.
    Judging,
    /// Anything else.
    Other,
    /// Learning rates, times, and what only counts steps.
    Beside,
    /// Of the machine, as MLflow logs it by itself.
    System,
}

impl Interest {
    /// That of a metric, by its key.
    pub fn of(key: &str) -> Self {
        if key.starts_with("system/") {
            return Self::System;
        }
        let lower = key.to_ascii_lowercase();
        let words: Vec<&str> =
            lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let is_rate = words.contains(&"lr") || words.windows(2).any(|pair| pair == ["learning", "rate"]);
        if is_rate || words.iter().all(|word| COUNTING.contains(word)) {
            return Self::Beside;
        }
        if is_judging(key) {
            return Self::Judging;
        }
        let is_time = words.last().is_some_and(|last| TIMES.contains(last));
        if is_time || is_timing(key) { Self::Beside } else { Self::Other }
    }
}

/// Names of these words alone count how far training is.
const COUNTING: [&str; 19] = [
    "epoch",
    "epochs",
    "step",
    "steps",
    "iteration",
    "iterations",
    "iter",
    "iters",
    "batch",
    "batches",
    "global",
    "train",
    "training",
    "trainer",
    "num",
    "current",
    "total",
    "count",
    "n",
];

/// What a name that is a time ends in.
const TIMES: [&str; 15] = [
    "throughput",
    "seconds",
    "secs",
    "sec",
    "s",
    "ms",
    "minutes",
    "hours",
    "time",
    "duration",
    "elapsed",
    "runtime",
    "walltime",
    "timestamp",
    "eta",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_and_scores_come_before_rates_times_and_the_machine() {
        for key in ["train/loss", "val_acc", "loss_epoch", "f1", "rmse"] {
            assert_eq!(Interest::of(key), Interest::Judging, "{key}");
        }
        for key in [
            "lr",
            "lr-Adam",
            "train/learning_rate",
            "epoch",
            "global_step",
            "epoch_seconds",
            "fit_time",
            "train_runtime",
            "steps_per_second",
            "duration",
        ] {
            assert_eq!(Interest::of(key), Interest::Beside, "{key}");
        }
        for key in ["grad_norm", "layer1/mean", "params_millions"] {
            assert_eq!(Interest::of(key), Interest::Other, "{key}");
        }
        assert_eq!(Interest::of("system/cpu_time"), Interest::System);
        assert!(Interest::Judging < Interest::Other && Interest::Beside < Interest::System);
    }
}
