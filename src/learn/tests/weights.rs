//! Fits of rows that count by weights.

use fastrand::Rng;
use ndarray::Array1;

use crate::learn::data::{TargetValues, Task};
use crate::learn::families::{self, FAMILIES, Family, HyperParams, Samples};
use crate::learn::features::{Features, Matrix};
use crate::learn::model::FittedModel;
use crate::params::{ParamValue, Params};

const ROWS: usize = 60;

/// Rows of three features, and how much they count.
struct Table {
    columns: Vec<Vec<f32>>,
    weights: Vec<f32>,
}

impl Table {
    fn new() -> Self {
        let mut rng = Rng::with_seed(11);
        let columns = (0..3).map(|_| (0..ROWS).map(|_| rng.f32() * 4.0 - 2.0).collect()).collect();
        Self { columns, weights: (0..ROWS).map(|_| [1.0, 2.0, 5.0][rng.usize(..3)]).collect() }
    }

    fn target(&self, task: Task, classes: u32) -> TargetValues {
        let mut rng = Rng::with_seed(12);
        let value = |row: usize| {
            let of = |at: usize| f64::from(self.columns[at][row]);
            1.5 * of(0) - of(1) + 0.7 * of(2)
        };
        let mut noisy = || (0..ROWS).map(|row| value(row) + rng.f64() * 2.0).collect::<Vec<f64>>();
        match task {
            Task::Regression => TargetValues::Numbers(noisy()),
            Task::Classification => TargetValues::Classes {
                classes: noisy()
                    .into_iter()
                    .map(|it| ((it + 1.0).max(0.0) as u32).min(classes - 1))
                    .collect(),
                count: classes as usize,
            },
        }
    }

    /// Of the features, by weights.
    fn means(&self) -> Vec<f64> {
        let all: f64 = self.weights.iter().map(|weight| f64::from(*weight)).sum();
        let mean = |column: &Vec<f32>| {
            column
                .iter()
                .zip(&self.weights)
                .map(|(value, weight)| f64::from(*value) * f64::from(*weight))
                .sum::<f64>()
                / all
        };
        self.columns.iter().map(mean).collect()
    }

    /// Each row so often. The features have one scale however often that is.
    fn rows(&self, times: impl Fn(usize) -> usize) -> (Features, Vec<u32>) {
        let rows: Vec<u32> = (0..ROWS as u32).flat_map(|row| vec![row; times(row as usize)]).collect();
        let column = |column: &Vec<f32>| rows.iter().map(|row| column[*row as usize]).collect();
        let matrix = Matrix::new(self.columns.iter().map(column).collect());
        (Features::new(matrix, self.means(), vec![1.1, 0.9, 1.2]), rows)
    }
}

fn fit(family: &dyn Family, params: &Params, samples: &Samples) -> FittedModel {
    let task = match samples.targets {
        TargetValues::Numbers(_) => Task::Regression,
        TargetValues::Classes { .. } => Task::Classification,
    };
    family.estimator(task, HyperParams(params), 3).unwrap().fit(samples).unwrap()
}

/// Where a fit is none of all rows, what is counted are rows, and not weights.
fn params(name: &str) -> Params {
    let of = |name: &str, value: ParamValue| (name.to_owned(), value);
    let params = match name {
        "hist_gradient_boosting" => {
            vec![of("min_samples_leaf", ParamValue::Int(1)), of("n_estimators", ParamValue::Int(30))]
        }
        "extra_trees" => vec![of("max_depth", ParamValue::Int(4)), of("max_features", ParamValue::Real(1.0))],
        "logistic" => vec![of("C", ParamValue::Real(0.3))],
        _ => Vec::new(),
    };
    params.into_iter().collect()
}

fn greatest_difference(one: &FittedModel, other: &FittedModel, on: &Features) -> f64 {
    let (one, other) = (one.scores(on), other.scores(on));
    let size = one.iter().map(|score| score.abs()).fold(0.0, f64::max);
    one.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / size
}

/// The families that take weights, with the tasks and numbers of classes of each.
fn cases() -> impl Iterator<Item = (&'static dyn Family, Task, u32)> {
    let tasks = [(Task::Regression, 0), (Task::Classification, 2), (Task::Classification, 3)];
    FAMILIES.into_iter().filter(|family| family.takes_weights()).flat_map(move |family| {
        tasks
            .into_iter()
            .filter(|(task, _)| family.supports(*task))
            .map(move |(task, count)| (family, task, count))
    })
}

#[test]
fn a_row_that_counts_twice_is_as_good_as_two() {
    let table = Table::new();
    let (mut seen, mut wrong) = (0, Vec::new());
    for (family, task, count) in cases() {
        let name = family.name();
        // By chance it draws other rows where there are more.
        if name == "random_forest" {
            continue;
        }
        let target = table.target(task, count);
        let (once, rows) = table.rows(|_| 1);
        let weighted = Samples::new(once, target.of(&rows)).with_weights(Array1::from(table.weights.clone()));
        let (often, rows) = table.rows(|row| table.weights[row] as usize);
        let repeated = Samples::new(often, target.of(&rows));
        let (plain, rows) = table.rows(|_| 1);
        let plain = Samples::new(plain, target.of(&rows));
        let params = params(name);
        let [weighted_fit, repeated, plain] =
            [&weighted, &repeated, &plain].map(|samples| fit(family, &params, samples));
        // As near as the tolerance of each solver lets them come.
        let tolerance = match name {
            "logistic" | "hist_gradient_boosting" => 1e-3,
            "svm" | "svr" | "lasso" | "elastic_net" => 1e-2,
            _ => 1e-9,
        };
        let difference = greatest_difference(&weighted_fit, &repeated, &weighted.records);
        if difference > tolerance {
            wrong.push(format!("{name}, {count} classes: {difference}"));
        }
        let difference = greatest_difference(&weighted_fit, &plain, &weighted.records);
        // Trees that have each row right do, whatever it counts.
        let is_exact = ["decision_tree", "extra_trees"].contains(&name);
        if !is_exact && difference < 2.0 * tolerance {
            wrong.push(format!("{name}, {count} classes: weights do nothing, {difference}"));
        }
        seen += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(seen, 25);
}

#[test]
fn trees_that_stop_early_go_by_what_counts_more() {
    let mut rng = Rng::with_seed(3);
    let x: Vec<f32> = (0..400).map(|_| rng.f32()).collect();
    let classes: Vec<u32> = (0..400).map(|_| u32::from(rng.u8(..4) == 0)).collect();
    let weights = |of_ones: f32| -> Array1<f32> {
        classes.iter().map(|class| if *class == 1 { of_ones } else { 1.0 }).collect()
    };
    let target = TargetValues::Classes { classes: classes.clone(), count: 2 };
    let samples = || Samples::new(Features::unscaled(Matrix::new(vec![x.clone()])), target.clone());
    let params = Params::from([("max_depth".to_owned(), ParamValue::Int(2))]);
    for name in ["decision_tree", "random_forest", "extra_trees"] {
        let family = families::find(name).unwrap();
        let ones = |samples: &Samples| {
            let scores = fit(family, &params, samples).scores(&samples.records);
            scores.outer_iter().filter(|row| row[1] > row[0]).count()
        };
        let (plain, weighted) = (ones(&samples()), ones(&samples().with_weights(weights(20.0))));
        assert!(plain < 40 && weighted > 360, "{name}: {plain} {weighted}");
        // How much all count together does not matter.
        let (even, twice) = (samples(), samples().with_weights(Array1::from_elem(400, 2.0)));
        let difference =
            greatest_difference(&fit(family, &params, &even), &fit(family, &params, &twice), &even.records);
        assert!(difference < 1e-12, "{name}: {difference}");
    }
}

/// What stops it is the loss of rows that are kept apart.
#[test]
fn boosting_on_histograms_weighs_what_it_is_stopped_by() {
    let family = families::find("hist_gradient_boosting").unwrap();
    let mut rng = Rng::with_seed(4);
    let x: Vec<f32> = (0..2_000).map(|_| rng.f32()).collect();
    // Most rows say the contrary, and hardly count.
    let counts = |row: usize| row.is_multiple_of(10);
    let weights: Vec<f32> = (0..2_000).map(|row| if counts(row) { 1e6 } else { 1.0 }).collect();
    let value = |row: usize| f64::from(x[row]) * if counts(row) { 1.0 } else { -100.0 };
    let values: Vec<f64> = (0..2_000).map(value).collect();
    let samples = || {
        let features = Features::unscaled(Matrix::new(vec![x.clone()]));
        Samples::new(features, TargetValues::Numbers(values.clone()))
    };
    let whole = |name: &str, value: i64| (name.to_owned(), ParamValue::Int(value));
    let params = Params::from([
        whole("n_iter_no_change", 5),
        whole("n_estimators", 60),
        whole("min_samples_leaf", 200),
    ]);
    let error = |samples: &Samples| {
        let scores = fit(family, &params, samples).scores(&samples.records);
        let of = |row: usize| (scores[[row, 0]] - values[row]).abs();
        (0..2_000).filter(|row| counts(*row)).map(of).sum::<f64>() / 200.0
    };
    let (plain, weighted) =
        (error(&samples()), error(&samples().with_weights(Array1::from(weights.clone()))));
    assert!(plain > 10.0 && weighted < 0.1, "{plain} {weighted}");
}

#[test]
fn families_that_cannot_take_weights_say_so() {
    let refused: Vec<&str> = FAMILIES
        .into_iter()
        .filter(|family| families::weights_refused(*family).is_some())
        .map(Family::name)
        .collect();
    assert_eq!(refused, ["k_neighbors", "pls", "linfa_tree"]);
}
