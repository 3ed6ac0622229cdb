//! Scores that are measured where somebody asks for them, by the names that scikit-learn's scorers have.

use super::classes::{self, Hits, Judged};
use super::{Prediction, Score, down, numbers, scores, up};
use crate::learn::data::{TargetValues, Task};

/// How a score is measured.
#[derive(Clone, Copy)]
enum How {
    Numbers(fn(&[f64], &[f64]) -> f64),
    /// Of numbers that may be such that it is not defined.
    SomeNumbers(fn(&[f64], &[f64]) -> Option<f64>),
    Classes(fn(&Judged<'_>) -> f64),
    SomeClasses(fn(&Judged<'_>) -> Option<f64>),
    /// Of two classes only: the second one's.
    Two(fn(Hits) -> f64),
    Each(fn(Hits) -> f64),
    Weighted(fn(Hits) -> f64),
    All(fn(Hits) -> f64),
}

/// One that is not among those that are told of every model.
struct Other {
    score: Score,
    /// As scikit-learn calls it where that differs; of an error without `neg_`.
    also: &'static str,
    how: How,
}

const fn other(score: Score, also: &'static str, how: How) -> Other {
    Other { score, also, how }
}

const NUMBERS: [Other; 16] = {
    use How::{Numbers, SomeNumbers};
    [
        other(down("mse"), "mean_squared_error", Numbers(numbers::mse)),
        other(down("median_absolute_error"), "", Numbers(numbers::median_absolute_error)),
        other(down("max_error"), "", SomeNumbers(numbers::max_error)),
        other(up("explained_variance"), "", Numbers(numbers::explained_variance)),
        other(down("msle"), "mean_squared_log_error", SomeNumbers(numbers::msle)),
        other(down("rmsle"), "root_mean_squared_log_error", SomeNumbers(numbers::rmsle)),
        other(up("d2_absolute_error"), "d2_absolute_error_score", Numbers(numbers::d2_absolute_error)),
        other(down("mean_poisson_deviance"), "", SomeNumbers(numbers::mean_poisson_deviance)),
        other(down("mean_gamma_deviance"), "", SomeNumbers(numbers::mean_gamma_deviance)),
        other(down("quantile_loss_0.05"), "", Numbers(numbers::pinball::<5>)),
        other(down("quantile_loss_0.1"), "", Numbers(numbers::pinball::<10>)),
        other(down("quantile_loss_0.25"), "", Numbers(numbers::pinball::<25>)),
        other(down("quantile_loss_0.5"), "mean_pinball_loss", Numbers(numbers::pinball::<50>)),
        other(down("quantile_loss_0.75"), "", Numbers(numbers::pinball::<75>)),
        other(down("quantile_loss_0.9"), "", Numbers(numbers::pinball::<90>)),
        other(down("quantile_loss_0.95"), "", Numbers(numbers::pinball::<95>)),
    ]
};

const CLASSES: [Other; 27] = {
    use How::{All, Classes, Each, SomeClasses, Two, Weighted};
    [
        other(up("f1"), "", Two(Hits::f1)),
        other(up("f1_micro"), "", All(Hits::f1)),
        other(up("f1_weighted"), "", Weighted(Hits::f1)),
        other(up("precision"), "", Two(Hits::precision)),
        other(up("precision_macro"), "", Each(Hits::precision)),
        other(up("precision_micro"), "", All(Hits::precision)),
        other(up("precision_weighted"), "", Weighted(Hits::precision)),
        other(up("recall"), "", Two(Hits::recall)),
        other(up("recall_macro"), "", Each(Hits::recall)),
        other(up("recall_micro"), "", All(Hits::recall)),
        other(up("recall_weighted"), "", Weighted(Hits::recall)),
        other(up("jaccard"), "", Two(Hits::jaccard)),
        other(up("jaccard_macro"), "", Each(Hits::jaccard)),
        other(up("jaccard_micro"), "", All(Hits::jaccard)),
        other(up("jaccard_weighted"), "", Weighted(Hits::jaccard)),
        other(up("mcc"), "matthews_corrcoef", Classes(classes::mcc)),
        other(up("cohen_kappa"), "cohen_kappa_score", SomeClasses(classes::cohen_kappa)),
        other(down("brier"), "brier_score", Classes(classes::brier)),
        other(up("d2_brier"), "d2_brier_score", SomeClasses(classes::d2_brier)),
        other(up("average_precision"), "", Classes(classes::average_precision)),
        other(up("d2_log_loss"), "d2_log_loss_score", SomeClasses(classes::d2_log_loss)),
        other(up("top_2_accuracy"), "top_k_accuracy", Classes(classes::top::<2>)),
        other(up("top_3_accuracy"), "", Classes(classes::top::<3>)),
        other(up("top_5_accuracy"), "", Classes(classes::top::<5>)),
        other(up("roc_auc_ovr_weighted"), "", SomeClasses(classes::roc_auc_ovr_weighted)),
        other(up("roc_auc_ovo"), "", SomeClasses(classes::roc_auc_ovo::<false>)),
        other(up("roc_auc_ovo_weighted"), "", SomeClasses(classes::roc_auc_ovo::<true>)),
    ]
};

/// What scikit-learn calls those that are told of every model.
const ALSO: [(&str, &str); 6] = [
    ("root_mean_squared_error", "rmse"),
    ("mean_absolute_error", "mae"),
    ("mean_absolute_percentage_error", "mape"),
    ("balanced_accuracy_score", "balanced_accuracy"),
    ("r2_score", "r2"),
    ("roc_auc_ovr", "roc_auc"),
];

fn others(task: Task) -> &'static [Other] {
    match task {
        Task::Regression => &NUMBERS,
        Task::Classification => &CLASSES,
    }
}

/// The score that somebody means: by our name or scikit-learn's, with or without `val_`, an error with or without `neg_`.
pub fn find(task: Task, name: &str) -> Option<Score> {
    let name = name.strip_prefix("val_").unwrap_or(name);
    let error = name.strip_prefix("neg_");
    let bare = error.unwrap_or(name);
    let own = ALSO.iter().find(|(also, _)| *also == bare).map_or(bare, |(_, own)| *own);
    let usual = scores(task).iter().find(|score| score.name == own).copied();
    let others = others(task).iter();
    let found = usual.or_else(|| {
        let mut named =
            others.filter(|other| !own.is_empty() && [other.score.name, other.also].contains(&own));
        named.next().map(|other| other.score)
    })?;
    (error.is_none() || !found.greater_is_better).then_some(found)
}

/// The scores of each model of a sweep after one of them: those that are told of every model, and this one.
pub fn measured(task: Task, name: &str) -> Vec<Score> {
    scores(task).iter().copied().chain(Asked::new(task, name).map(Asked::score)).collect()
}

/// All that can be asked for, those that are always told first.
pub fn names(task: Task) -> impl Iterator<Item = &'static str> {
    let others = others(task).iter().map(|other| other.score.name);
    scores(task).iter().map(|score| score.name).chain(others)
}

/// A score that is told behind those that always are.
#[derive(Clone, Copy)]
pub struct Asked(&'static Other);

impl Asked {
    /// `None` where the score of that name is told anyway, or is none of the task.
    pub fn new(task: Task, name: &str) -> Option<Self> {
        others(task).iter().find(|other| other.score.name == name).map(Self)
    }

    /// Its name and direction.
    pub fn score(self) -> Score {
        self.0.score
    }

    /// Whether it is one of two classes only.
    pub fn is_of_two(self) -> bool {
        matches!(self.0.how, How::Two(_))
    }

    /// NaN where it is not defined.
    pub fn of(self, truth: &TargetValues, prediction: &Prediction) -> f64 {
        let value = match (truth, prediction) {
            (TargetValues::Numbers(truth), Prediction::Numbers(predicted)) => {
                of_numbers(self.0.how, truth, predicted)
            }
            (
                TargetValues::Classes { classes: truth, .. },
                Prediction::Classes { probabilities, classes: predicted, count },
            ) => of_classes(self.0.how, &Judged { truth, predicted, probabilities, count: *count }),
            _ => None,
        };
        value.unwrap_or(f64::NAN)
    }
}

fn of_numbers(how: How, truth: &[f64], predicted: &[f64]) -> Option<f64> {
    match how {
        How::Numbers(measure) => Some(measure(truth, predicted)),
        How::SomeNumbers(measure) => measure(truth, predicted),
        How::Classes(_)
        | How::SomeClasses(_)
        | How::Two(_)
        | How::Each(_)
        | How::Weighted(_)
        | How::All(_) => None,
    }
}

fn of_classes(how: How, judged: &Judged<'_>) -> Option<f64> {
    match how {
        How::Classes(measure) => Some(measure(judged)),
        How::SomeClasses(measure) => measure(judged),
        How::Two(score) => (judged.count == 2).then(|| classes::of_second(judged, score)),
        How::Each(score) => classes::of_each(judged, score),
        How::Weighted(score) => Some(classes::weighted(judged, score)),
        How::All(score) => Some(classes::of_all(judged, score)),
        How::Numbers(_) | How::SomeNumbers(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::direction::{Goal, goal};

    #[test]
    fn a_table_of_runs_knows_which_way_each_is_better() {
        for task in [Task::Regression, Task::Classification] {
            for name in names(task) {
                let score = find(task, name).unwrap();
                let goal = goal(&format!("val_{name}")).map(|goal| goal == Goal::Maximize);
                assert_eq!(goal, Some(score.greater_is_better), "{name}");
            }
        }
    }

    #[test]
    fn names_are_taken_as_people_write_them() {
        let found = |task, name: &str| find(task, name).map(|score| score.name);
        for (name, own) in [
            ("val_mse", Some("mse")),
            ("neg_mean_squared_error", Some("mse")),
            ("neg_root_mean_squared_error", Some("rmse")),
            ("mean_pinball_loss", Some("quantile_loss_0.5")),
            // There is no such scorer: it would mean the opposite of what it says.
            ("neg_r2", None),
            ("accuracy", None),
            ("", None),
            ("val_", None),
        ] {
            assert_eq!(found(Task::Regression, name), own, "{name}");
        }
        assert_eq!(found(Task::Classification, "matthews_corrcoef"), Some("mcc"));
        let all: Vec<&str> = names(Task::Classification).chain(names(Task::Regression)).collect();
        let once: std::collections::BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(once.len(), all.len());
    }
}
