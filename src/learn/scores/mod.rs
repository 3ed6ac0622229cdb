//! How good predictions are. Definitions are scikit-learn's.

mod chosen;
mod classes;
pub mod curves;
mod numbers;

pub use self::chosen::{Asked, find, measured, names};
use super::data::{TargetValues, Task};

/// What a model says of some rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Prediction {
    /// One for each row.
    Numbers(Vec<f64>),
    /// Of each row the probability of each class, one row after the other, and the class.
    Classes {
        /// As many for each row as there are classes, in sum 1.
        probabilities: Vec<f64>,
        /// One for each row.
        classes: Vec<u32>,
        /// How many classes there are.
        count: usize,
    },
}

/// A score's name and which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// Without `val_` and the like.
    pub name: &'static str,
    /// Which way is better.
    pub greater_is_better: bool,
}

const fn up(name: &'static str) -> Score {
    Score { name, greater_is_better: true }
}

const fn down(name: &'static str) -> Score {
    Score { name, greater_is_better: false }
}

/// The places of those that go by probabilities among the scores of classes.
const LOG_LOSS: usize = 3;
const AUC: usize = 4;

/// The scores that are told of every model of a task; the first is the one that is gone by where nobody says which.
pub fn scores(task: Task) -> &'static [Score] {
    const REGRESSION: [Score; 4] = [down("rmse"), down("mae"), up("r2"), down("mape")];
    const CLASSIFICATION: [Score; 5] =
        [up("accuracy"), up("balanced_accuracy"), up("f1_macro"), down("log_loss"), up("roc_auc")];
    match task {
        Task::Regression => &REGRESSION,
        Task::Classification => &CLASSIFICATION,
    }
}

/// All scores of a prediction, in the order of [`scores`]; NaN where one is not defined.
pub fn evaluate(truth: &TargetValues, prediction: &Prediction) -> Vec<f64> {
    match (truth, prediction) {
        (TargetValues::Numbers(truth), Prediction::Numbers(predicted)) => regression(truth, predicted),
        (
            TargetValues::Classes { classes: truth, .. },
            Prediction::Classes { probabilities, classes, count },
        ) => classification(truth, classes, probabilities, *count),
        _ => Vec::new(),
    }
}

/// One of them alone, by its place in [`scores`]; none where there is none.
pub fn score(at: usize, truth: &TargetValues, prediction: &Prediction) -> Option<f64> {
    match (truth, prediction) {
        (TargetValues::Numbers(truth), Prediction::Numbers(predicted)) => {
            regression(truth, predicted).get(at).copied()
        }
        (
            TargetValues::Classes { classes: truth, .. },
            Prediction::Classes { probabilities, classes, count },
        ) => match at {
            LOG_LOSS => Some(log_loss(truth, probabilities, *count)),
            AUC => Some(auc(truth, probabilities, *count)),
            at => of_classes(truth, classes, *count).get(at).copied(),
        },
        _ => None,
    }
}

/// Whether a score is one on such rows, as far as it is for whoever says the truth.
pub fn is_defined(task: Task, name: &str, truth: &TargetValues) -> bool {
    let (truth, prediction) = match truth {
        TargetValues::Numbers(values) => (truth.clone(), Prediction::Numbers(values.clone())),
        TargetValues::Classes { classes, count } => {
            // Which classes are met decides it, and not how often.
            let mut met = classes.clone();
            met.sort_unstable();
            met.dedup();
            let mut probabilities = vec![0.0; met.len() * count];
            for (row, class) in met.iter().enumerate() {
                probabilities[row * count + *class as usize] = 1.0;
            }
            let prediction = Prediction::Classes { probabilities, classes: met.clone(), count: *count };
            (TargetValues::Classes { classes: met, count: *count }, prediction)
        }
    };
    let value = match scores(task).iter().position(|score| score.name == name) {
        Some(at) => evaluate(&truth, &prediction).get(at).copied(),
        None => Asked::new(task, name).map(|asked| asked.of(&truth, &prediction)),
    };
    value.is_some_and(|value| !value.is_nan())
}

fn regression(truth: &[f64], predicted: &[f64]) -> Vec<f64> {
    let count = truth.len() as f64;
    let mean = truth.iter().sum::<f64>() / count;
    let pairs = || truth.iter().zip(predicted);
    let squares: f64 = pairs().map(|(t, p)| (t - p).powi(2)).sum();
    let total: f64 = truth.iter().map(|t| (t - mean).powi(2)).sum();
    let absolute: f64 = pairs().map(|(t, p)| (t - p).abs()).sum();
    let relative: f64 = pairs().map(|(t, p)| (t - p).abs() / t.abs().max(f64::EPSILON)).sum();
    // Of a single row there is nothing to explain.
    let r2 = if truth.len() > 1 { numbers::explained(squares, total) } else { f64::NAN };
    vec![(squares / count).sqrt(), absolute / count, r2, relative / count]
}

/// Rows by their true class, columns by the predicted one.
pub fn confusion(truth: &[u32], predicted: &[u32], count: usize) -> Vec<Vec<u64>> {
    let mut matrix = vec![vec![0; count]; count];
    for (truth, predicted) in truth.iter().zip(predicted) {
        matrix[*truth as usize][*predicted as usize] += 1;
    }
    matrix
}

fn classification(truth: &[u32], predicted: &[u32], probabilities: &[f64], count: usize) -> Vec<f64> {
    let mut all = of_classes(truth, predicted, count).to_vec();
    all.extend([log_loss(truth, probabilities, count), auc(truth, probabilities, count)]);
    all
}

/// Accuracy, balanced accuracy and F1, for which probabilities do not matter.
fn of_classes(truth: &[u32], predicted: &[u32], count: usize) -> [f64; LOG_LOSS] {
    let matrix = confusion(truth, predicted, count);
    let rows = truth.len() as f64;
    let right: u64 = (0..count).map(|class| matrix[class][class]).sum();
    let (mut recalls, mut with_recall, mut f1s, mut with_f1) = (0.0, 0.0, 0.0, 0.0);
    for class in 0..count {
        let actual: u64 = matrix[class].iter().sum();
        let said: u64 = matrix.iter().map(|row| row[class]).sum();
        let hits = matrix[class][class] as f64;
        if actual > 0 {
            recalls += hits / actual as f64;
            with_recall += 1.0;
        }
        if actual + said > 0 {
            f1s += 2.0 * hits / (actual + said) as f64;
            with_f1 += 1.0;
        }
    }
    [right as f64 / rows, recalls / with_recall, f1s / with_f1]
}

fn log_loss(truth: &[u32], probabilities: &[f64], count: usize) -> f64 {
    let of = |(class, row): (&u32, &[f64])| {
        let sum: f64 = row.iter().sum();
        -(row[*class as usize] / sum).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    };
    truth.iter().zip(probabilities.chunks(count)).map(of).sum::<f64>() / truth.len() as f64
}

/// The area under the curve of two classes; of more, the mean over each class against the rest. NaN where a class is
/// not met.
fn auc(truth: &[u32], probabilities: &[f64], count: usize) -> f64 {
    let of = |class: usize| {
        let rows = truth.iter().zip(probabilities.chunks(count));
        area(rows.map(|(truth, row)| (row[class], *truth as usize == class)).collect()).unwrap_or(f64::NAN)
    };
    if count == 2 {
        return of(1);
    }
    (0..count).map(of).sum::<f64>() / count as f64
}

/// The area under the curve of what is said of rows, and whether it is so; `None` where all or none are.
fn area(mut ranked: Vec<(f64, bool)>) -> Option<f64> {
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = ranked.iter().filter(|(_, is_it)| *is_it).count() as f64;
    let negatives = ranked.len() as f64 - positives;
    // The sum of the positives' ranks, equal values sharing the mean of theirs (Mann and Whitney).
    let (mut ranks, mut before) = (0.0, 0.0);
    for equal in ranked.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let rank = before + f64::midpoint(equal.len() as f64, 1.0);
        ranks += rank * equal.iter().filter(|(_, is_it)| *is_it).count() as f64;
        before += equal.len() as f64;
    }
    let pairs = positives * negatives;
    (pairs > 0.0).then(|| (ranks - positives * (positives + 1.0) / 2.0) / pairs)
}
