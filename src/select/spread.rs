//! How much a metric varies between equal trials: over folds, or over runs that differ in nothing but their seed.

use crate::catalog::{Catalog, Row};

/// Params that say which of several equal trials a run was.
const SEEDS: [&str; 12] = [
    "seed",
    "random_state",
    "random_seed",
    "randomstate",
    "rng",
    "fold",
    "cv_fold",
    "split",
    "repeat",
    "repetition",
    "replicate",
    "replica",
];

/// Whether a param tells equal trials apart and nothing else: `seed`, `data.seed`, `train/random_state`, `fold_id`.
pub fn is_seed(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    let last = key.rsplit(['.', '/', ':']).next().unwrap_or(&key);
    let bare = last.trim_end_matches("_id").trim_end_matches("_index").trim_end_matches("_idx");
    SEEDS.contains(&bare)
        || bare.ends_with("_seed")
        || bare.ends_with("_fold")
        || bare.ends_with("_random_state")
}

/// Where a spread was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpreadOf {
    /// The training logged it, as this metric.
    Logged(String),
    /// So many metrics of single folds.
    Folds(usize),
    /// So many runs that differ in nothing but their seed or fold.
    Seeds(usize),
}

/// A standard deviation.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// In the unit of the metric, 0 or more.
    pub deviation: f64,
    /// What it is the deviation of.
    pub of: SpreadOf,
}

/// How much a run's metric varies, where that was logged: as a deviation beside it, as a metric of each fold, or by
/// sibling runs.
pub fn spread(catalog: &Catalog, row: Row, metric: &str) -> Option<Spread> {
    logged(catalog, row, metric)
        .or_else(|| folds(catalog, row, metric))
        .or_else(|| seeds(catalog, row, metric))
}

fn value(catalog: &Catalog, row: Row, key: &str) -> Option<f64> {
    catalog.metrics.column(&catalog.texts, key)?.get(row).filter(|value| value.is_finite())
}

/// The names by which a deviation stands beside its mean: `mean_test_score` and `std_test_score`, `rmse` and `rmse_std`.
fn logged(catalog: &Catalog, row: Row, metric: &str) -> Option<Spread> {
    let mut names = vec![format!("{metric}_std"), format!("std_{metric}")];
    if let Some((path, last)) = metric.rsplit_once('/') {
        names.push(format!("{path}/std_{last}"));
    }
    if metric.contains("mean") {
        names.push(metric.replacen("mean", "std", 1));
    }
    names.into_iter().find_map(|name| {
        let deviation = value(catalog, row, &name).filter(|deviation| *deviation >= 0.0)?;
        Some(Spread { deviation, of: SpreadOf::Logged(name) })
    })
}

/// A name without its `fold_3`, `fold3/` or `_fold-3`; none where it has no such part.
pub fn without_fold(name: &str) -> Option<String> {
    let at = name.to_ascii_lowercase().find("fold")?;
    let after = &name[at + 4..];
    let digits = after.trim_start_matches(['_', '-']);
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() == digits.len() {
        return None;
    }
    let joint = ['_', '-', '/', '.', ' '];
    let (before, rest) = (name[..at].trim_end_matches(joint), rest.trim_start_matches(joint));
    Some(match (before.is_empty(), rest.is_empty()) {
        (true, _) => rest.to_owned(),
        (_, true) => before.to_owned(),
        _ => format!("{before}/{rest}"),
    })
}

fn folds(catalog: &Catalog, row: Row, metric: &str) -> Option<Spread> {
    // A mean over folds has a name of its own as often as not.
    let bare = metric.trim_start_matches("mean_").trim_end_matches("_mean");
    let is_fold = |name: &str| {
        without_fold(name).is_some_and(|rest| {
            rest == metric || rest == bare || rest.replace('/', "_") == metric.replace('/', "_")
        })
    };
    let columns = catalog.metrics.columns(&catalog.texts).filter(|(key, _)| is_fold(key));
    let values: Vec<f64> =
        columns.filter_map(|(_, column)| column.get(row)).filter(|value| value.is_finite()).collect();
    Some(Spread { deviation: deviation(&values)?, of: SpreadOf::Folds(values.len()) })
}

/// Whether a run says which of several equal trials it was.
pub fn has_seed(catalog: &Catalog, row: Row) -> bool {
    catalog.params.of(&catalog.texts, row).any(|(key, _)| is_seed(key))
}

fn seeds(catalog: &Catalog, row: Row, metric: &str) -> Option<Spread> {
    let column = catalog.metrics.column(&catalog.texts, metric)?;
    if !has_seed(catalog, row) {
        return None;
    }
    let is_one = |other: &Row| {
        let run = catalog.run(*other);
        run.present && run.status == catalog.run(row).status && run.stage == catalog.run(row).stage
    };
    let columns = || catalog.params.columns(&catalog.texts).filter(|(key, _)| !is_seed(key));
    // What the run has comes first: something has to be the same.
    let mut own = columns().filter_map(|(_, param)| Some((param, param.get(row)?)));
    let (first, value) = own.next()?;
    let mut alike: Vec<Row> = first.iter().filter(|(_, other)| *other == value).map(|(row, _)| row).collect();
    for (param, value) in own {
        alike.retain(|other| param.get(*other) == Some(value));
    }
    for (_, param) in columns().filter(|(_, param)| param.get(row).is_none()) {
        alike.retain(|other| param.get(*other).is_none());
    }
    let values: Vec<f64> = alike
        .into_iter()
        .filter(is_one)
        .filter_map(|other| column.get(other))
        .filter(|value| value.is_finite())
        .collect();
    Some(Spread { deviation: deviation(&values)?, of: SpreadOf::Seeds(values.len()) })
}

/// The sample standard deviation (with n − 1) of two values or more.
fn deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt()).filter(|deviation| deviation.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_read_out_of_names() {
        for (name, rest) in [
            ("fold_0_rmse", "rmse"),
            ("rmse_fold_3", "rmse"),
            ("fold3/val_rmse", "val_rmse"),
            ("val/fold-12/rmse", "val/rmse"),
            ("Fold1.rmse", "rmse"),
        ] {
            assert_eq!(without_fold(name).as_deref(), Some(rest), "{name}");
        }
        for name in ["rmse", "folded", "n_folds", "fold"] {
            assert_eq!(without_fold(name), None, "{name}");
        }
    }
}
