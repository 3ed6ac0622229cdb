#![allow(clippy::unwrap_used, reason = "a test may panic")]

use fastrand::Rng;
use ndarray::Array2;

use super::dual::Table;
use super::machine::{Fitted, Machine, Sides, Way};
use super::nystroem::Landmarks;

const ROWS: usize = 400;

/// Rows in a square, told apart by a curve and, where asked, by some noise; and a number for each.
fn table() -> (Array2<f64>, Vec<f64>, Vec<f64>) {
    let mut rng = Rng::with_seed(3);
    let rows = Array2::from_shape_fn((ROWS, 4), |_| rng.f64() * 3.0 - 1.5);
    let numbers: Vec<f64> = rows
        .outer_iter()
        .map(|row| row[0] + 0.7 * (2.0 * row[1]).sin() - 0.3 * row[2] * row[0] + 0.3 * (rng.f64() - 0.5))
        .collect();
    let signs = numbers.iter().map(|number| if *number > 0.2 { 1.0 } else { -1.0 }).collect();
    (rows, signs, numbers)
}

fn ways(rows: &Array2<f64>) -> [(Way, Way); 2] {
    let landmarks = Landmarks::new(rows, 0.4, ROWS, &mut Rng::with_seed(1)).unwrap();
    [
        (Way::Exact(None), Way::Plane(Table::new(rows.mapv(|value| value as f32)), None)),
        (Way::Exact(Some(0.4)), Way::Plane(landmarks.features(rows), Some(landmarks))),
    ]
}

/// How far the scores of rows are apart, in the mean.
fn apart(exact: (&Machine<'_>, &Fitted), plane: (&Machine<'_>, &Fitted)) -> f64 {
    let distance = |row| (exact.0.score(exact.1, row) - plane.0.score(plane.1, row)).abs();
    (0..ROWS).map(distance).sum::<f64>() / ROWS as f64
}

#[test]
fn a_plane_through_all_landmarks_is_nearly_the_exact_machine() {
    let (scaled, signs, numbers) = table();
    let scaled = &scaled;
    // With some rows weighing less, variables meet bounds that differ.
    let weights: Vec<f64> = (0..ROWS).map(|row| [1.0, 0.5, 2.0][row % 3]).collect();
    for weights in [None, Some(weights)] {
        for (exact, plane) in ways(scaled) {
            let c = 1.0;
            let (exact, plane) = (Machine { scaled, c, way: exact }, Machine { scaled, c, way: plane });
            let mut rng = Rng::with_seed(2);
            let of = Sides { rows: (0..ROWS).collect(), signs: signs.clone(), weights: weights.clone() };
            let (a, b) = (exact.classify(&of, &mut rng).unwrap(), plane.classify(&of, &mut rng).unwrap());
            let distance = apart((&exact, &a), (&plane, &b));
            assert!(distance < 0.1, "signs: {distance}");
            let fit = |machine: &Machine<'_>, rng: &mut Rng| {
                machine.regress(&numbers, weights.as_deref(), 0.1, rng)
            };
            let (a, b) = (fit(&exact, &mut rng).unwrap(), fit(&plane, &mut rng).unwrap());
            let distance = apart((&exact, &a), (&plane, &b));
            assert!(distance < 0.01, "numbers: {distance}");
        }
    }
}

#[test]
fn the_model_of_a_machine_says_what_the_machine_says() {
    use crate::learn::model::ModelForm;
    let (scaled, signs, _) = table();
    let scaled = &scaled;
    let landmarks = Landmarks::new(scaled, 0.4, 50, &mut Rng::with_seed(1)).unwrap();
    let machine = Machine { scaled, c: 1.0, way: Way::Plane(landmarks.features(scaled), Some(landmarks)) };
    let of = Sides { rows: (0..ROWS).collect(), signs, weights: None };
    let fitted = machine.classify(&of, &mut Rng::with_seed(2)).unwrap();
    let ModelForm::Kernels { rows, weights, gamma, intercepts } = machine.form(std::slice::from_ref(&fitted))
    else {
        panic!("no kernels")
    };
    assert_eq!(rows.nrows(), 50);
    for row in 0..ROWS {
        let kernels = rows.outer_iter().zip(weights.outer_iter()).map(|(known, weight)| {
            let distance: f64 = known.iter().zip(scaled.row(row)).map(|(a, b)| (a - b) * (a - b)).sum();
            weight[0] * (-gamma * distance).exp()
        });
        let score = intercepts[0] + kernels.sum::<f64>();
        let said = machine.score(&fitted, row);
        assert!((score - said).abs() < 1e-3, "{row}: {score} {said}");
    }
}

#[test]
fn landmarks_are_rows_and_are_counted() {
    use crate::learn::data::{ReadOptions, Target, bundled};
    use crate::learn::families::find;
    use crate::learn::study::TrainingData;
    use crate::params::{ParamValue, Params};
    let set = bundled::find("iris").unwrap();
    let frame = set.frame(&ReadOptions::default()).unwrap();
    let target = Target::new(&frame, set.target, Some(set.task)).unwrap();
    let data = TrainingData::new(frame, target, 0.2, 5, 1).unwrap();
    let fit = |count: i64| {
        let text = ParamValue::Text("nystroem".into());
        let params: Params =
            [("kernel".to_owned(), text), ("n_components".to_owned(), ParamValue::Int(count))]
                .into_iter()
                .collect();
        data.fold(0).unwrap().fit_and_score(find("svm").unwrap(), &params, 1)
    };
    // There are no more landmarks than rows.
    assert!(fit(i64::MAX).is_ok());
    assert!(fit(0).unwrap_err().contains("n_components"));
    assert!(super::mapped(50_000, 20_000) > 4_000_000_000);
}
