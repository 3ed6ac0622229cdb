//! Which rows train and which test: seeded, and stratified by class.

use fastrand::Rng;

use super::data::{DataError, Target, TargetValues};

/// A data set, split: a part that is held out to the end, and folds of the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The rows outside of the test part, in rising order.
    pub train: Vec<u32>,
    /// The rows of the test part, in rising order.
    pub test: Vec<u32>,
    /// Of the rows outside of the test part.
    pub folds: Vec<Fold>,
}

/// Rows to train on and rows to judge by, each in rising order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// All of the other folds.
    pub train: Vec<u32>,
    /// The fold itself.
    pub validation: Vec<u32>,
}

impl Split {
    /// Holds out a share of the rows and deals the rest to folds. The same seed splits the same way.
    ///
    /// # Errors
    /// Where there are too few rows.
    pub fn new(target: &Target, test_share: f64, folds: usize, seed: u64) -> Result<Self, DataError> {
        let mut rng = Rng::with_seed(seed);
        let strata = strata(target, &mut rng);
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for rows in &strata {
            // A class of one row cannot be in both parts.
            let most = rows.len().saturating_sub(1);
            let held_out = ((rows.len() as f64 * test_share).round() as usize).min(most);
            test.extend_from_slice(&rows[..held_out]);
            train.push(&rows[held_out..]);
        }
        let total: usize = train.iter().map(|rows| rows.len()).sum();
        if total < folds * 2 {
            return Err(DataError::Target(format!(
                "{} rows with a target are too few for {folds} folds and a test set; at least {} are needed",
                target.rows.len(),
                folds * 3
            )));
        }
        // Dealt in turn, on from where the class before ended: folds differ in size by one row at most.
        let mut dealt = vec![Vec::new(); folds];
        for (turn, row) in train.iter().flat_map(|rows| rows.iter()).enumerate() {
            dealt[turn % folds].push(*row);
        }
        test.sort_unstable();
        for fold in &mut dealt {
            fold.sort_unstable();
        }
        let folds = (0..folds)
            .map(|at| {
                let others = dealt.iter().enumerate().filter(|(other, _)| *other != at);
                let mut train: Vec<u32> = others.flat_map(|(_, rows)| rows.iter().copied()).collect();
                train.sort_unstable();
                Fold { train, validation: dealt[at].clone() }
            })
            .collect();
        let mut train: Vec<u32> = dealt.into_iter().flatten().collect();
        train.sort_unstable();
        Ok(Self { train, test, folds })
    }
}

/// The rows of each class, or all of them, shuffled.
fn strata(target: &Target, rng: &mut Rng) -> Vec<Vec<u32>> {
    let mut strata = match &target.values {
        TargetValues::Numbers(_) => vec![target.rows.clone()],
        TargetValues::Classes { classes, count } => {
            let mut strata = vec![Vec::new(); *count];
            for row in &target.rows {
                strata[classes[*row as usize] as usize].push(*row);
            }
            strata
        }
    };
    for rows in &mut strata {
        rng.shuffle(rows);
    }
    strata
}
