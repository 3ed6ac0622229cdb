//! Whether less or more of a metric is better, by its name. A name that says neither, or both, is left open: nobody is
//! served by a guess.

/// What one wants of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Goal {
    Minimize,
    Maximize,
}

impl Goal {
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

    pub fn word(self) -> &'static str {
        match self {
            Self::Minimize => "lower is better",
            Self::Maximize => "higher is better",
        }
    }
}

/// Words of which less is better.
const DOWN: [&str; 42] = [
    "loss",
    "error",
    "err",
    "rmse",
    "mse",
    "mae",
    "mape",
    "smape",
    "mase",
    "msle",
    "rmsle",
    "medae",
    "deviance",
    "logloss",
    "perplexity",
    "ppl",
    "nll",
    "crossentropy",
    "entropy",
    "brier",
    "hamming",
    "ece",
    "regret",
    "cost",
    "latency",
    "runtime",
    "duration",
    "wer",
    "cer",
    "ter",
    "eer",
    "fid",
    "fpr",
    "fnr",
    "far",
    "frr",
    "bpc",
    "bpb",
    "aic",
    "bic",
    "mrae",
    "pinball",
];

/// Words of which more is better.
const UP: [&str; 43] = [
    "accuracy",
    "acc",
    "f1",
    "f2",
    "fbeta",
    "auc",
    "auroc",
    "rocauc",
    "auprc",
    "aucpr",
    "prauc",
    "ap",
    "map",
    "r2",
    "precision",
    "recall",
    "sensitivity",
    "specificity",
    "tpr",
    "tnr",
    "ndcg",
    "mrr",
    "bleu",
    "rouge",
    "meteor",
    "chrf",
    "iou",
    "miou",
    "jaccard",
    "dice",
    "kappa",
    "mcc",
    "correlation",
    "pearson",
    "spearman",
    "score",
    "throughput",
    "reward",
    "psnr",
    "ssim",
    "silhouette",
    "likelihood",
    "em",
];

/// What is wanted of a metric of this name, if the name says so: `val_loss`, `eval/rougeL`, `neg_mean_squared_error`.
pub fn goal(metric: &str) -> Option<Goal> {
    let words = words(metric);
    // scikit-learn turns errors into scores by their sign.
    let is_negated = words.iter().any(|word| word == "neg" || word == "negative");
    let joined: Vec<String> = words.windows(2).map(<[String]>::concat).collect();
    let known = |list: &[&str]| words.iter().chain(&joined).any(|word| list.contains(&word.as_str()));
    let (down, up) = (known(&DOWN), known(&UP));
    // `log_loss_score` is a loss all the same; any other word for more contradicts.
    let up =
        up && !(down && words.iter().filter(|word| UP.contains(&word.as_str())).all(|word| word == "score"));
    let goal = match (down, up) {
        (true, false) => Goal::Minimize,
        (false, true) => Goal::Maximize,
        _ => return None,
    };
    Some(if is_negated { goal.reversed() } else { goal })
}

/// The words of a name, in lower case: `valLoss_top5` is `val`, `loss`, `top`, `5`. Digits stay with letters before them
/// where that is a word of its own, as in `f1` and `r2`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() {
            last = ' ';
            continue;
        }
        let goes_on = last.is_alphanumeric()
            && !(c.is_uppercase() && last.is_lowercase())
            && !(c.is_ascii_digit() && !last.is_ascii_digit() && !is_numbered(words.last(), c))
            && (!last.is_ascii_digit() || c.is_ascii_digit());
        if !goes_on {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        last = c;
    }
    words
}

fn is_numbered(word: Option<&String>, digit: char) -> bool {
    word.is_some_and(|word| matches!((word.as_str(), digit), ("f", '1' | '2') | ("r", '2')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_wanted_or_nothing_is_assumed() {
        let down = [
            "loss",
            "val_loss",
            "train/loss",
            "valLoss",
            "rmse",
            "test_rmse",
            "mean_squared_error",
            "error_rate",
            "log_loss",
            "eval/latency_ms",
            "perplexity",
            "cross_entropy",
            "WER",
            "val-mae",
            "log_loss_score",
        ];
        let up = [
            "accuracy",
            "val_acc",
            "top_5_accuracy",
            "f1",
            "f1_score",
            "eval/f1-macro",
            "roc_auc",
            "r2",
            "R2",
            "r2_score",
            "precision@10",
            "ndcg@10",
            "mAP",
            "bleu4",
            "neg_mean_squared_error",
            "neg_log_loss",
            "training_score",
            "mIoU",
            "rouge1",
            "best_accuracy",
        ];
        for name in down {
            assert_eq!(goal(name), Some(Goal::Minimize), "{name}: {:?}", words(name));
        }
        for name in up {
            assert_eq!(goal(name), Some(Goal::Maximize), "{name}: {:?}", words(name));
        }
        for name in [
            "lr",
            "epoch",
            "best_epoch",
            "grad_norm",
            "accuracy_loss",
            "step",
            "n_parameters",
            "account",
            "mapping",
            "",
        ] {
            assert_eq!(goal(name), None, "{name}");
        }
    }
}
