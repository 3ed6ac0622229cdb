//! The parts of training, each by itself.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod dates;
mod formats;
#[path = "../../../tests/support/parquet.rs"]
mod parquet_file;
mod reading;
mod weights;

use std::path::Path;

use fastrand::Rng;
use proptest::prelude::*;

use super::data::{DataFrame, Labels, Limits, ReadOptions, Target, TargetValues, Task, bundled, load};
use super::families::{DataShape, FAMILIES, Family, HyperParams, find, memory_shortage};
use super::features::{Features, Matrix};
use super::folds::{Split, SplitPlan};
use super::model::{FittedModel, ModelForm};
use super::prepare::Preparation;
use super::roles::Roles;
use super::scores::{Prediction, evaluate, score};
use super::study::TrainingData;
use super::trees::{SampleWeights, TreeOptions, grow};
use crate::params::{ParamValue, Params, defaults};

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

fn read(name: &str) -> DataFrame {
    load(name, &ReadOptions::default()).unwrap()
}

fn features(columns: Vec<Vec<f32>>) -> Features {
    Features::unscaled(Matrix::new(columns))
}

fn accuracy(columns: Vec<Vec<f32>>, classes: &[u32], growth: &TreeOptions) -> f64 {
    let features = features(columns);
    let width = features.raw.width();
    let target = TargetValues::Classes { classes: classes.to_vec(), count: 2 };
    let tree =
        grow(&features, &target, SampleWeights::Once, growth, &mut Rng::with_seed(1), &mut vec![0.0; width]);
    let right =
        (0..classes.len()).filter(|row| tree.predict(&features.raw, *row)[classes[*row] as usize] > 0.5);
    right.count() as f64 / classes.len() as f64
}

#[test]
fn trees_split_rightly_where_values_repeat() {
    let mut rng = Rng::with_seed(3);
    let bits: Vec<Vec<f32>> =
        (0..2).map(|_| (0..200).map(|_| f32::from(u8::from(rng.bool()))).collect()).collect();
    let exclusive: Vec<u32> =
        (0..200).map(|row| u32::from((bits[0][row] > 0.5) != (bits[1][row] > 0.5))).collect();
    assert!((accuracy(bits, &exclusive, &TreeOptions::default()) - 1.0).abs() < f64::EPSILON);
    let whole: Vec<Vec<f32>> = (0..6).map(|_| (0..500).map(|_| rng.u8(0..4).into()).collect()).collect();
    let rule: Vec<u32> =
        (0..500).map(|row| u32::from(whole[0][row] + whole[3][row] > whole[5][row] * 2.0)).collect();
    assert!((accuracy(whole, &rule, &TreeOptions::default()) - 1.0).abs() < f64::EPSILON);
}

/// The least squared error that one split can leave, found by trying all of them.
fn least(columns: &[Vec<f32>], values: &[f64]) -> f64 {
    let error = |rows: &[usize]| {
        let mean = rows.iter().map(|row| values[*row]).sum::<f64>() / rows.len() as f64;
        rows.iter().map(|row| (values[*row] - mean).powi(2)).sum::<f64>()
    };
    let all: Vec<usize> = (0..values.len()).collect();
    let mut least = error(&all);
    for column in columns {
        for at in column {
            let (left, right): (Vec<usize>, Vec<usize>) = all.iter().partition(|row| column[**row] <= *at);
            if !right.is_empty() {
                least = least.min(error(&left) + error(&right));
            }
        }
    }
    least
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_split_is_the_best_there_is(rows in 2_usize..40, seed in any::<u64>(), distinct in 1_u32..9) {
        let mut rng = Rng::with_seed(seed);
        let columns: Vec<Vec<f32>> =
            (0..3).map(|_| (0..rows).map(|_| rng.u32(0..distinct) as f32 * 0.37 - 1.0).collect()).collect();
        let values: Vec<f64> = (0..rows).map(|_| f64::from(rng.u32(0..5))).collect();
        let features = features(columns.clone());
        let growth = TreeOptions { max_depth: Some(1), ..TreeOptions::default() };
        let target = TargetValues::Numbers(values.clone());
        let tree = grow(&features, &target, SampleWeights::Once, &growth, &mut rng, &mut [0.0; 3]);
        let left: f64 = (0..rows).map(|row| (values[row] - tree.predict(&features.raw, row)[0]).powi(2)).sum();
        prop_assert!((left - least(&columns, &values)).abs() < 1e-9 * (1.0 + left), "{left}");
    }

    #[test]
    fn folds_share_out_all_rows_once(rows in 30_usize..200, classes in 1_u32..5, folds in 2_usize..6, seed in any::<u64>()) {
        let mut rng = Rng::with_seed(seed);
        let of: Vec<u32> = (0..rows).map(|_| rng.u32(0..classes)).collect();
        let target = Target {
            column: 0,
            name: "y".into(),
            task: Task::Classification,
            labels: Some(Labels::Integers((0..i64::from(classes)).collect())),
            values: TargetValues::Classes { classes: of.clone(), count: classes as usize },
            rows: (0..rows as u32).collect(),
            because: String::new(),
        };
        let split = Split::by_chance(&target, &SplitPlan::by_chance(folds, 0.2), seed).unwrap();
        let mut all: Vec<u32> = split.folds.iter().flat_map(|fold| fold.validation.clone()).collect();
        all.extend(&split.test);
        all.sort_unstable();
        prop_assert_eq!(all, (0..rows as u32).collect::<Vec<_>>());
        for fold in &split.folds {
            prop_assert_eq!(fold.train.len() + fold.validation.len(), split.train.len());
            prop_assert!(fold.train.iter().all(|row| !fold.validation.contains(row)));
            for class in 0..classes {
                let count = |rows: &[u32]| rows.iter().filter(|row| of[**row as usize] == class).count();
                let even = count(&split.train) / folds;
                prop_assert!((even..=even + 1).contains(&count(&fold.validation)), "stratified");
            }
        }
        prop_assert_eq!(Split::by_chance(&target, &SplitPlan::by_chance(folds, 0.2), seed).unwrap(), split);
    }
}

fn study(name: &str) -> TrainingData {
    let set = bundled::find(name).unwrap();
    let frame = set.frame(&ReadOptions::default()).unwrap();
    let target = Target::new(&frame, set.target, Some(set.task)).unwrap();
    TrainingData::new(frame, target, 0.2, 5, 1).unwrap()
}

#[test]
fn every_family_fits_the_same_from_the_same_seed() {
    for name in ["iris", "diabetes", "breast-cancer"] {
        let study = study(name);
        let shape = study.shape();
        let part = study.fold(0).unwrap();
        for family in
            FAMILIES.into_iter().filter(|family| family.supports(shape.task) && family.name() != "linfa_tree")
        {
            let params = defaults(&family.search_space(shape));
            let fit = || part.fit_and_score(family, &params, 9).unwrap();
            let (once, again) = (fit(), fit());
            assert_eq!(once.model, again.model, "{}", family.name());
            assert_eq!(once.prediction, again.prediction);
            assert!(
                once.scores.iter().all(|score| score.is_finite()),
                "{}: {:?}",
                family.name(),
                once.scores
            );
            let score = once.scores[0];
            assert!(
                if shape.task == Task::Classification { score > 0.85 } else { score < 75.0 },
                "{}: {score}",
                family.name()
            );
        }
    }
}

#[test]
fn large_tables_are_boosted_on_histograms_and_small_ones_exactly() {
    let suggested = |rows: usize| {
        let shape = DataShape { task: Task::Regression, rows, features: 20 };
        let families = FAMILIES.into_iter().filter(move |family| family.is_suggested(shape));
        families.map(Family::name).filter(|name| name.contains("boosting")).collect::<Vec<_>>()
    };
    assert_eq!(suggested(10_000), ["gradient_boosting"]);
    assert_eq!(suggested(10_001), ["hist_gradient_boosting"]);
}

/// What stands for a gap elsewhere would be taken for a value that means the contrary.
#[test]
fn boosting_on_histograms_is_given_gaps_and_not_what_stands_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("x,other,y\n");
    for row in 0..400 {
        let x = row % 20;
        let gap = row % 3 == 0;
        let y = if gap || !(5..15).contains(&x) { 0 } else { 10 };
        text.push_str(&format!("{},{},{y}\n", if gap { String::new() } else { x.to_string() }, row % 7));
    }
    let frame = read(&write(folder.path(), "t.csv", text.as_bytes()));
    let target = Target::new(&frame, "y", Some(Task::Regression)).unwrap();
    let study = TrainingData::new(frame, target, 0.2, 4, 1).unwrap();
    let part = study.fold(0).unwrap();
    let (filled, with_gaps) = (&part.held_out.raw, part.held_out.with_gaps());
    let gaps = |matrix: &Matrix| matrix.column(0).iter().filter(|value| value.is_nan()).count();
    assert_eq!(gaps(filled), 0);
    assert!(gaps(with_gaps) > 10 && with_gaps.column(1) == filled.column(1));
    let family = super::families::find("hist_gradient_boosting").unwrap();
    let params = Params::from([("n_estimators".into(), ParamValue::Int(60))]);
    let fitted = part.fit_and_score(family, &params, 1).unwrap();
    assert!(fitted.scores[0] < 0.1, "{:?}", fitted.scores);
    assert!(fitted.model.takes_gaps());
    let importance = fitted.model.importance.unwrap();
    assert!(importance[0] > 0.95, "{importance:?}");
    for (name, value, said) in [
        ("max_leaf_nodes", 1.0, "from 2"),
        ("subsample", 1.5, "up to 1.0"),
        ("l2_regularization", -1.0, "0 or above"),
        ("validation_fraction", 1.0, "below 1.0"),
    ] {
        let params = Params::from([(name.to_owned(), ParamValue::Real(value))]);
        let wrong = part.fit_and_score(family, &params, 1).unwrap_err();
        assert!(wrong.contains(name) && wrong.contains(said), "{wrong}");
    }
    let stopping = Params::from([("n_iter_no_change".into(), ParamValue::Int(3))]);
    let ModelForm::Trees { trees, .. } = part.fit_and_score(family, &stopping, 1).unwrap().model.form else {
        panic!("trees")
    };
    assert!(!trees.is_empty() && trees.len() <= 100);
}

#[test]
fn ridge_weighs_many_thousand_columns_as_it_weighs_few() {
    let ridge = FAMILIES.into_iter().find(|family| family.name() == "ridge").unwrap();
    let weights = |columns: Vec<Vec<f32>>, values: &[f64]| {
        let estimator = ridge.estimator(Task::Regression, HyperParams(&Params::new()), 1).unwrap();
        let set = super::families::Samples::new(features(columns), TargetValues::Numbers(values.to_vec()));
        let ModelForm::Linear { weights, .. } = estimator.fit(&set).unwrap().form else {
            panic!("a linear model")
        };
        weights.column(0).to_vec()
    };
    let mut rng = Rng::with_seed(5);
    let few: Vec<Vec<f32>> = (0..4).map(|_| (0..12).map(|_| rng.f32()).collect()).collect();
    let values: Vec<f64> = (0..12).map(|_| rng.f64()).collect();
    // Columns of nothing weigh nothing. The products of all columns with each other would take 20 GB.
    let mut many = few.clone();
    many.resize_with(50_000, || vec![0.0; 12]);
    let (few, many) = (weights(few, &values), weights(many, &values));
    for (at, weight) in many.iter().enumerate() {
        let expected = few.get(at).copied().unwrap_or(0.0);
        assert!((weight - expected).abs() < 1e-9, "column {at}: {weight}, {expected}");
    }
}

#[test]
fn a_family_that_needs_more_memory_than_there_is_is_refused() {
    let lacks = |name: &str, memory: u64| {
        let family = FAMILIES.into_iter().find(|family| family.name() == name).unwrap();
        memory_shortage(family, 30_000, 40_000, Limits { memory })
    };
    for name in ["ridge", "linear", "pls"] {
        let words = lacks(name, 5_000_000_000).unwrap();
        assert!(words.starts_with(&format!("{name}: fits to 30000 rows x 40000 features need ")), "{words}");
        assert!(words.contains("--ignore"), "what can be done: {words}");
        assert_eq!(lacks(name, u64::MAX), None);
    }
}

#[test]
fn linfas_own_tree_gets_what_it_splits_rightly_and_nothing_else() {
    let family = super::families::find("linfa_tree").unwrap();
    let study = study("breast-cancer");
    let repeated = study.fold(0).unwrap().fit_and_score(family, &Params::new(), 1).unwrap_err();
    assert!(repeated.contains("does not support repeated values"), "{repeated}");
    let mut rng = Rng::with_seed(1);
    let columns: Vec<Vec<f32>> = (0..4)
        .map(|_| {
            let mut column: Vec<f32> = (0..300).map(|row| row as f32 * 0.01).collect();
            rng.shuffle(&mut column);
            column
        })
        .collect();
    let classes: Vec<u32> = (0..300).map(|row| u32::from(columns[0][row] + columns[1][row] > 3.0)).collect();
    let target = TargetValues::Classes { classes: classes.clone(), count: 2 };
    let data = super::families::Samples::new(features(columns), target);
    let params = Params::from([("max_depth".into(), ParamValue::Int(8))]);
    let fit = || family.estimator(Task::Classification, HyperParams(&params), 1).unwrap().fit(&data).unwrap();
    let models: Vec<FittedModel> = (0..8).map(|_| fit()).collect();
    assert!(models.iter().all(|model| *model == models[0]), "the same each time");
    let ModelForm::Trees { trees, .. } = &models[0].form else { panic!() };
    let right =
        (0..300).filter(|row| trees[0].0.predict(&data.records.raw, *row)[classes[*row] as usize] > 0.5);
    assert!(right.count() > 280);
}

/// The scores of a small case, as scikit-learn has them.
#[test]
fn scores_are_those_of_scikit_learn() {
    let truth = TargetValues::Classes { classes: vec![0, 0, 1, 1, 2, 2, 2], count: 3 };
    let probabilities = vec![
        0.7, 0.2, 0.1, 0.4, 0.5, 0.1, 0.1, 0.8, 0.1, 0.3, 0.4, 0.3, 0.2, 0.2, 0.6, 0.1, 0.6, 0.3, 0.05, 0.05,
        0.9,
    ];
    let classes = vec![0, 1, 1, 1, 2, 1, 2];
    let prediction = Prediction::Classes { probabilities, classes, count: 3 };
    let expected = [
        0.714_285_714_285_714_3,
        0.722_222_222_222_222_1,
        0.711_111_111_111_111_1,
        0.604_651_271_821_572_1,
        0.919_444_444_444_444_4,
    ];
    for (at, (value, expected)) in evaluate(&truth, &prediction).into_iter().zip(expected).enumerate() {
        assert!((value - expected).abs() < 1e-12, "{value} {expected}");
        assert_eq!(score(at, &truth, &prediction), Some(value), "alone as with the others");
    }
    assert_eq!(score(5, &truth, &prediction), None);
    let truth = TargetValues::Numbers(vec![1.0, 2.0, 3.0, -4.0]);
    let scores = evaluate(&truth, &Prediction::Numbers(vec![1.5, 2.0, 2.0, -5.0]));
    for (score, expected) in
        scores.into_iter().zip([0.75, 0.625, 0.922_413_793_103_448_3, 0.270_833_333_333_333_3])
    {
        assert!((score - expected).abs() < 1e-12, "{score} {expected}");
    }
}

#[test]
fn what_is_learnt_comes_from_the_training_rows_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = "x,c,same,y\n1,a,7,0\n,b,7,1\n3,a,7,0\n100,z,7,1\n,,7,0\n";
    let frame = read(&write(folder.path(), "t.csv", text.as_bytes()));
    let target = Target::new(&frame, "y", Some(Task::Regression)).unwrap();
    let roles = Roles::decide(&frame, &target, &SplitPlan::by_chance(5, 0.2), None).unwrap();
    let preparation = Preparation::fit(&frame, &roles, &target.values, &[0, 1, 2]).unwrap();
    assert_eq!(preparation.names, ["x", "c=a", "c=b"], "no level of other rows, and no constant");
    let features = preparation.apply(&frame, &[3, 4]);
    let row = |row: usize| (0..3).map(|at| features.raw.column(at)[row]).collect::<Vec<f32>>();
    assert_eq!(row(0), [100.0, 0.0, 0.0], "a level that was not met is none of them");
    assert_eq!(row(1), [2.0, 1.0, 0.0], "gaps become the mean, and the most frequent level");
}

#[test]
fn huge_targets_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.csv");
    let rows: Vec<String> = (0..60).map(|row| format!("{row},{}e29\n", 1 + row)).collect();
    std::fs::write(&path, format!("x,y\n{}", rows.concat())).unwrap();
    let frame = load(path.to_str().unwrap(), &ReadOptions::default()).unwrap();
    assert_eq!(Target::new(&frame, "y", None).unwrap().task, Task::Regression);
}

#[test]
fn more_estimators_than_there_can_be_are_refused() {
    let names = ["random_forest", "extra_trees", "ada_boost", "gradient_boosting", "hist_gradient_boosting"];
    for family in names.map(|name| find(name).unwrap()) {
        let params: Params = [("n_estimators".to_owned(), ParamValue::Int(i64::MAX))].into_iter().collect();
        let task =
            if family.supports(Task::Classification) { Task::Classification } else { Task::Regression };
        let refused = family.estimator(task, HyperParams(&params), 1).err().unwrap().to_string();
        assert!(refused.contains("at most 1000000"), "{}: {refused}", family.name());
    }
}

#[test]
fn the_task_is_found_out_and_said() {
    for (set, task) in [
        ("iris", Task::Classification),
        ("wine-quality", Task::Classification),
        ("diabetes", Task::Regression),
    ] {
        let set = bundled::find(set).unwrap();
        let target = Target::new(&set.frame(&ReadOptions::default()).unwrap(), set.target, None).unwrap();
        assert_eq!(target.task, task, "{}: {}", set.name, target.because);
    }
}
