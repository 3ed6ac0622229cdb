//! Which rows train and which test: by chance, seeded and stratified by class; in the order of time; or by whole groups.

mod groups;
mod times;

pub(super) use times::keys;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::data::{ColumnValues, DataColumn, DataError, DataFrame, GAP, Target, TargetValues};
use super::families::seed_of;

/// Folds of all repeats together.
const MOST_PARTS: usize = 100;

/// How rows are dealt to a test part and to folds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitPlan {
    /// Number of cross-validation folds.
    pub folds: usize,
    /// The fraction of rows held out as test set.
    pub test_size: f64,
    /// How often the rows are dealt to folds, each time otherwise.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub repeats: usize,
    /// The column whose order the folds follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_column: Option<String>,
    /// The column whose groups stay whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_column: Option<String>,
}

fn once() -> usize {
    1
}

/// What went without saying before there was a choice is still not said.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_once(repeats: &usize) -> bool {
    *repeats == 1
}

impl SplitPlan {
    /// By chance, and once.
    pub fn by_chance(folds: usize, test_size: f64) -> Self {
        Self { folds, test_size, repeats: 1, time_column: None, group_column: None }
    }

    /// Folds of all repeats together.
    pub fn parts(&self) -> usize {
        self.folds.saturating_mul(self.repeats)
    }

    /// The column that folds go by, where they do not go by chance.
    pub fn column(&self) -> Option<&str> {
        self.time_column.as_deref().or(self.group_column.as_deref())
    }

    /// Whether there can be such folds and such a test part.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check(&self) -> Result<(), DataError> {
        let wrong = |message: String| Err(DataError::Target(message));
        let Self { folds, test_size, repeats, .. } = self;
        if !(2..=50).contains(folds) {
            return wrong(format!("{folds} folds; use 2 to 50"));
        }
        if *repeats == 0 || self.parts() > MOST_PARTS {
            return wrong(format!(
                "{folds} folds, {repeats} times; use 1 to {} for --repeats",
                MOST_PARTS / folds
            ));
        }
        if !(0.01..=0.9).contains(test_size) {
            return wrong(format!("a test size of {test_size}; use a fraction from 0.01 to 0.9"));
        }
        if self.time_column.is_some() && self.group_column.is_some() {
            return wrong(
                "--time-column and --group-column exclude each other: folds in the order of time divide groups"
                    .into(),
            );
        }
        if self.time_column.is_some() && *repeats > 1 {
            return wrong("--repeats has no meaning with --time-column: there is one order of time".into());
        }
        Ok(())
    }
}

/// A data set, split: a part that is held out to the end, and folds of the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The rows outside of the test part, in rising order.
    pub train: Vec<u32>,
    /// The rows of the test part, in rising order.
    pub test: Vec<u32>,
    /// Of the rows outside of the test part.
    pub folds: Vec<Fold>,
    /// Where the test part is the latest rows: the first of them in time.
    pub test_from: Option<u32>,
}

/// What keeps rows together: what is told of some to others, as folds are, is not told within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Nothing does.
    Chance,
    /// Of each row its group.
    Groups(Vec<u32>),
    /// Of each row the place of its time among all times.
    Times(Vec<u32>),
}

impl Order {
    /// Of the rows that have a target; of others it is not said.
    ///
    /// # Errors
    /// As [`Split::new`].
    pub fn of(frame: &DataFrame, target: &Target, plan: &SplitPlan) -> Result<Self, DataError> {
        let Some(name) = plan.column() else { return Ok(Self::Chance) };
        let at = frame.column(name).ok_or_else(|| frame.missing_column(name))?;
        let column = &frame.columns[at];
        if plan.time_column.is_none() {
            return Ok(Self::Groups(groups::groups(column, &target.rows)?.0));
        }
        let keys = times::keys(name, column, &target.rows)?;
        let mut sorted: Vec<f64> = target.rows.iter().map(|row| keys[*row as usize]).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.dedup();
        let place = |key: &f64| sorted.partition_point(|other| other.total_cmp(key).is_lt()) as u32;
        Ok(Self::Times(keys.iter().map(place).collect()))
    }
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
    /// Where there are too few rows, or the column that folds go by says too little.
    pub fn new(frame: &DataFrame, target: &Target, plan: &SplitPlan, seed: u64) -> Result<Self, DataError> {
        plan.check()?;
        let Some(name) = plan.column() else { return Self::by_chance(target, plan, seed) };
        let at = frame.column(name).ok_or_else(|| frame.missing_column(name))?;
        if at == target.column {
            return Err(DataError::Target(format!("{name} is the target; folds go by another column")));
        }
        let column = &frame.columns[at];
        let split = if plan.time_column.is_some() {
            times::split(name, column, &target.rows, plan)?
        } else {
            groups::split(name, column, target, plan, seed)?
        };
        split.check_classes(target)?;
        Ok(split)
    }

    /// What goes by chance alone has all classes in every fold, as far as there are rows of them.
    fn check_classes(&self, target: &Target) -> Result<(), DataError> {
        let TargetValues::Classes { classes, .. } = &target.values else { return Ok(()) };
        for (at, fold) in self.folds.iter().enumerate() {
            let mut of = fold.train.iter().map(|row| classes[*row as usize]);
            let first = of.next();
            if of.all(|class| Some(class) == first) {
                return Err(DataError::Target(format!(
                    "fold {} of {} would be trained on a single class of {}; use fewer --folds",
                    at + 1,
                    self.folds.len(),
                    target.name
                )));
            }
        }
        Ok(())
    }

    /// By chance alone, stratified by class.
    ///
    /// # Errors
    /// Where there are too few rows.
    pub fn by_chance(target: &Target, plan: &SplitPlan, seed: u64) -> Result<Self, DataError> {
        let (test_share, folds) = (plan.test_size, plan.folds);
        let mut rng = Rng::with_seed(seed);
        let strata = strata(target, &mut rng);
        // A class of one row cannot be in both parts.
        let most = |rows: &Vec<u32>| rows.len().saturating_sub(1);
        let share = |rows: &Vec<u32>| ((rows.len() as f64 * test_share).round() as usize).min(most(rows));
        let mut held_out: Vec<usize> = strata.iter().map(share).collect();
        // Of few rows a small share comes to none of any class.
        if held_out.iter().all(|rows| *rows == 0)
            && let Some((rows, largest)) = held_out.iter_mut().zip(&strata).max_by_key(|(_, rows)| rows.len())
        {
            *rows = most(largest).min(1);
        }
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for (rows, held_out) in strata.iter().zip(held_out) {
            test.extend_from_slice(&rows[..held_out]);
            train.push(&rows[held_out..]);
        }
        if test.is_empty() {
            return Err(DataError::Target(format!(
                "no two of {} are of one class of {}, so none can be held out as a test set",
                crate::text::counted(target.rows.len(), "row"),
                target.name
            )));
        }
        let total: usize = train.iter().map(|rows| rows.len()).sum();
        if total < folds * 2 {
            return Err(DataError::Target(format!(
                "{} with a target: too few for {folds} folds and a test set; at least {} are needed",
                crate::text::counted(target.rows.len(), "row"),
                fewest_rows(folds, test_share)
            )));
        }
        test.sort_unstable();
        let mut all = Vec::with_capacity(plan.parts());
        let mut strata: Vec<Vec<u32>> = train.into_iter().map(<[u32]>::to_vec).collect();
        for repeat in 0..plan.repeats {
            if repeat > 0 {
                let mut rng = Rng::with_seed(seed_of(seed, repeat as u64));
                for rows in &mut strata {
                    rng.shuffle(rows);
                }
            }
            // Dealt in turn, on from where the class before ended: folds differ in size by one row at most.
            let mut dealt = vec![Vec::new(); folds];
            for (turn, row) in strata.iter().flatten().enumerate() {
                dealt[turn % folds].push(*row);
            }
            all.extend(from_dealt(&dealt));
        }
        let mut train: Vec<u32> = strata.into_iter().flatten().collect();
        train.sort_unstable();
        Ok(Self { train, test, folds: all, test_from: None })
    }
}

/// Rows of which so many folds have two each beside the test part.
fn fewest_rows(folds: usize, test_share: f64) -> usize {
    let held_out = |rows: usize| ((rows as f64 * test_share).round() as usize).max(1);
    // Of a share of 0.9, the greatest there is, some more than twenty times the folds.
    let most = folds * 40;
    (folds * 2 + 1..most).find(|rows| rows - held_out(*rows) >= folds * 2).unwrap_or(most)
}

/// A fold of each part, which is trained on the others.
fn from_dealt(dealt: &[Vec<u32>]) -> Vec<Fold> {
    let sorted = |rows: Vec<u32>| {
        let mut rows = rows;
        rows.sort_unstable();
        rows
    };
    let fold = |at: usize| {
        let others = dealt.iter().enumerate().filter(|(other, _)| *other != at);
        let train = others.flat_map(|(_, rows)| rows.iter().copied()).collect();
        Fold { train: sorted(train), validation: sorted(dealt[at].clone()) }
    };
    (0..dealt.len()).map(fold).collect()
}

/// Whether each of the rows has a value in the column that folds go by.
fn check_filled(column: &DataColumn, rows: &[u32], what: &str) -> Result<(), DataError> {
    let is_gap = |row: &&u32| match &column.values {
        ColumnValues::Numbers(numbers) => numbers[**row as usize].is_nan(),
        ColumnValues::Texts { codes, .. } => codes[**row as usize] == GAP,
    };
    let gaps = rows.iter().filter(is_gap).count();
    if gaps == 0 {
        return Ok(());
    }
    Err(DataError::Target(format!(
        "{gaps} of {} rows have no value in the {what} column {}; fill or remove them",
        rows.len(),
        column.name
    )))
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

#[cfg(test)]
mod tests;
