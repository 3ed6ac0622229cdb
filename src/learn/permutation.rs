//! How much each column tells a fitted model: by how much its score gets worse where the values of the column are shuffled
//! (Breiman 2001), as scikit-learn's `permutation_importance` has it. All features of a column are shuffled together.

use fastrand::Rng;

use super::data::TargetValues;
use super::model::FittedModel;
use super::scores::Prediction;
use super::study::PreparedPart;

/// How often each column is shuffled.
const REPEATS: usize = 5;
/// What all predictions may cost, in nanoseconds: rows are left out by chance until they do.
const BUDGET: u64 = 500_000_000;
/// Fewer rows than that tell nothing, where there are more.
const FEWEST: usize = 100;

/// What a column tells.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnImportance {
    /// Its place in the frame.
    pub column: usize,
    /// By how much the score gets worse, in the mean over five shuffles.
    pub mean: f64,
    /// Over these shuffles (over n).
    pub deviation: f64,
}

/// Of each column that the model is given, on the rows that it is judged by; `loss` is what is less the better. None where the
/// model predicts too slowly, or its loss is not defined.
pub fn importance(
    part: &PreparedPart,
    model: &FittedModel,
    loss: impl Fn(&TargetValues, &Prediction) -> f64,
    seed: u64,
) -> Option<Vec<ColumnImportance>> {
    let encodings = &part.preparation.encodings;
    let mut rng = Rng::with_seed(seed);
    let all = part.held_out.raw.rows;
    let times = (encodings.len() * REPEATS) as u64;
    let most = (BUDGET / model.cost().saturating_mul(times).max(1)) as usize;
    if all == 0 || most < FEWEST.min(all) {
        return None;
    }
    let mut rows: Vec<u32> = (0..all as u32).collect();
    if most < all {
        rng.shuffle(&mut rows);
        rows.truncate(most);
        rows.sort_unstable();
    }
    let width = part.held_out.raw.width();
    let features = part.held_out.taken(0..width, &rows);
    let truth = part.truth.of(&rows);
    let usual = loss(&truth, &model.prediction(&features));
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    let mut from = 0;
    let mut found = Vec::with_capacity(encodings.len());
    for encoding in encodings {
        let columns = from..from + encoding.width();
        from = columns.end;
        let mut losses = [0.0; REPEATS];
        for worse in &mut losses {
            rng.shuffle(&mut order);
            *worse = loss(&truth, &model.prediction(&features.taken(columns.clone(), &order))) - usual;
        }
        let mean = losses.iter().sum::<f64>() / REPEATS as f64;
        let variance = losses.iter().map(|worse| (worse - mean).powi(2)).sum::<f64>() / REPEATS as f64;
        found.push(ColumnImportance { column: encoding.column(), mean, deviation: variance.sqrt() });
    }
    found.iter().all(|of| of.mean.is_finite()).then_some(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::learn::data::{ReadOptions, Target, Task, load};
    use crate::learn::families;
    use crate::learn::scores::evaluate;
    use crate::learn::study::TrainingData;
    use crate::params::Params;

    #[test]
    fn the_columns_that_the_target_hangs_on_tell_most_and_the_others_nothing() {
        let here = tempfile::tempdir().unwrap();
        let mut rng = Rng::with_seed(1);
        let mut text = String::from("noise,kind,size,gaps,y\n");
        for _ in 0..600 {
            let (kind, size) = (["a", "b", "c"][rng.usize(..3)], rng.f64());
            let gap = if rng.f64() < 0.3 { String::new() } else { format!("{}", rng.f64()) };
            let y = 10.0 * f64::from(u8::from(kind == "b")) + size;
            text.push_str(&format!("{},{kind},{size},{gap},{y}\n", rng.f64()));
        }
        let path = here.path().join("table.csv");
        std::fs::write(&path, text).unwrap();
        let frame = load(path.to_str().unwrap(), &ReadOptions::default()).unwrap();
        let target = Target::new(&frame, "y", Some(Task::Regression)).unwrap();
        let data = TrainingData::new(frame, target, 0.5, 3, 1).unwrap();
        let part = data.whole().unwrap();
        let loss = |truth: &TargetValues, prediction: &Prediction| evaluate(truth, prediction)[0];
        for family in ["ridge", "hist_gradient_boosting", "k_neighbors"] {
            let family = families::find(family).unwrap();
            let fitted = part.fit_and_score(family, &Params::new(), 1).unwrap();
            let found = importance(part, &fitted.model, loss, 3).unwrap();
            assert_eq!(found, importance(part, &fitted.model, loss, 3).unwrap());
            let of = |name: &str| {
                let at = data.frame.columns.iter().position(|column| column.name == name).unwrap();
                found.iter().find(|importance| importance.column == at).unwrap().mean
            };
            // Half of the rows are no longer of the kind that they were: some ten times the root of 4/9.
            assert!((5.0..8.0).contains(&of("kind")), "{} {found:?}", family.name());
            assert!(
                of("size") > 2.0 * of("noise").abs().max(of("gaps").abs()),
                "{} {found:?}",
                family.name()
            );
        }
        let undefined = |_: &TargetValues, _: &Prediction| f64::NAN;
        let fitted = part.fit_and_score(families::find("ridge").unwrap(), &Params::new(), 1).unwrap();
        assert_eq!(importance(part, &fitted.model, undefined, 3), None);
    }
}
