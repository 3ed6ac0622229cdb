#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::learn::data::{ReadOptions, Target, bundled};
use crate::learn::families;
use crate::learn::scores::evaluate;
use crate::learn::study::TrainingData;
use crate::params::{Params, defaults};

fn squares(truth: &TargetValues, said: &Prediction) -> [f64; 2] {
    [evaluate(truth, said)[0], 0.0]
}

/// Two models with opposite errors, and one that knows nothing.
fn parts(count: usize, rows: usize) -> Vec<UnseenRows> {
    let part = |at: usize| {
        let rows: Vec<u32> = (at * rows..(at + 1) * rows).map(|row| row as u32).collect();
        let truth: Vec<f64> = rows.iter().map(|row| f64::from(*row % 7)).collect();
        let error = |row: &u32| if row.is_multiple_of(2) { 1.0 } else { -1.0 };
        let said = |share: f64| {
            let off = truth.iter().zip(&rows).map(|(value, row)| value + share * error(row));
            Prediction::Numbers(off.collect())
        };
        let predictions = vec![said(1.0), said(-3.0), Prediction::Numbers(vec![50.0; rows.len()])];
        UnseenRows { truth: TargetValues::Numbers(truth.clone()), predictions, rows }
    };
    (0..count).map(part).collect()
}

/// Three quarters and a quarter, drawn to equal weights by 100 rows.
fn drawn(rows: f64) -> [f64; 3] {
    let of = |share: f64| (rows * share + 50.0) / (rows + 100.0);
    [of(0.75), of(0.25), 0.0]
}

#[test]
fn weights_are_those_that_cancel_errors_and_what_knows_nothing_has_none() {
    // Few rows leave them nearer to equal ones; of very many 10,000 are looked at.
    for (rows, seen) in [(30, 90.0), (3_000, 9_000.0), (6_000, 9_999.0)] {
        let parts = parts(3, rows);
        let found = weights(&parts, 3, &squares, 1);
        assert_eq!(found, drawn(seen), "{rows} rows");
        assert_eq!(found, weights(&parts, 3, &squares, 1));
        let mean = averaged(&parts[0].predictions, &found);
        let error = squares(&parts[0].truth, &mean)[0];
        assert!(error < if rows == 30 { 0.6 } else { 0.02 }, "{error}");
    }
}

#[test]
fn a_part_has_no_say_in_the_weights_that_it_is_scored_with() {
    let mut parts = parts(3, 30);
    // In the last part the third model knows all: what follows from that is for others.
    let truth = parts[2].truth.clone();
    let TargetValues::Numbers(values) = &truth else { panic!() };
    parts[2].predictions[2] = Prediction::Numbers(values.clone());
    let of = |at, is_in_time| weights_for(at, &parts, is_in_time, 3, &squares, 1);
    assert_eq!(of(2, false), drawn(60.0));
    assert_eq!(of(2, true), drawn(60.0));
    assert_eq!(of(0, true), [1.0 / 3.0; 3], "nothing is before it");
    // Rows that are dealt to folds twice are in other folds too.
    let mut again = parts.clone();
    again.push(UnseenRows { rows: parts[2].rows.clone(), ..parts[2].clone() });
    assert_eq!(weights_for(2, &again, false, 3, &squares, 1), drawn(60.0));
}

#[test]
fn what_is_not_defined_leaves_all_alike() {
    let undefined = |_: &TargetValues, _: &Prediction| [f64::NAN, 0.0];
    assert_eq!(weights(&parts(2, 10), 3, &undefined, 1), [1.0 / 3.0; 3]);
    assert_eq!(weights(&[], 2, &squares, 1), [0.5; 2]);
}

#[test]
fn an_average_says_the_mean_of_what_its_members_say() {
    for (name, members) in [
        ("iris", ["svm", "hist_gradient_boosting", "k_neighbors"]),
        ("diabetes", ["ridge", "hist_gradient_boosting", "random_forest"]),
    ] {
        let set = bundled::find(name).unwrap();
        let frame = set.frame(&ReadOptions::default()).unwrap();
        let target = Target::new(&frame, set.target, Some(set.task)).unwrap();
        let data = TrainingData::new(frame, target, 0.2, 5, 1).unwrap();
        let part = data.whole().unwrap();
        let fit = |family: &str| {
            let family = families::find(family).unwrap();
            let params: Params = defaults(&family.search_space(data.shape()));
            part.fit_and_score(family, &params, 1).unwrap()
        };
        let fitted = members.map(fit);
        let weights = [0.5, 0.3, 0.2];
        let predictions: Vec<Prediction> = fitted.iter().map(|fitted| fitted.prediction.clone()).collect();
        let said = averaged(&predictions, &weights);
        let importance = fitted.iter().all(|fitted| fitted.model.importance.is_some());
        let model = average(fitted.into_iter().map(|fitted| fitted.model).zip(weights).collect());
        assert_eq!(model.task(), set.task);
        assert!(model.takes_gaps());
        assert_eq!(model.importance.is_some(), importance, "{name}");
        if let Some(shares) = &model.importance {
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        let own = model.prediction(&part.held_out);
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(close(values(&own), values(&said)), "{name}");
        if let (Prediction::Classes { classes: own, .. }, Prediction::Classes { classes, .. }) = (&own, &said)
        {
            assert_eq!(own, classes);
        }
    }
}
