//! How much each row counts in a fit: by a column, by its class, or by both.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::str::FromStr;

use ndarray::Array1;
use serde::{Deserialize, Serialize};

use super::data::{ColumnKind, ColumnValues, DataError, DataFrame, Target, TargetValues, Task};
use super::folds::Split;
use crate::text::{did_you_mean, exact, names};

/// Between which a weight is that is not 0: products of two are far from what single precision does not hold.
const LEAST: f64 = 1e-15;
const MOST: f64 = 1e15;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct WeightPlan {
    /// The column that says how much each row counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_column: Option<String>,
    /// How much rows of each class count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_weight: Option<ClassWeight>,
}

impl WeightPlan {
    /// Whether rows may differ in how much they count.
    pub fn is_weighted(&self) -> bool {
        let is_by_class = self.class_weight.as_ref().is_some_and(|weight| *weight != ClassWeight::None);
        self.weight_column.is_some() || is_by_class
    }
}

/// How much rows of each class count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClassWeight {
    /// As much in all classes.
    None,
    /// The less, the more rows a class has.
    Balanced,
    /// So much in these classes, and 1 in others.
    Given(Vec<(String, f64)>),
}

impl FromStr for ClassWeight {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "none" => return Ok(Self::None),
            "balanced" => return Ok(Self::Balanced),
            _ => {}
        }
        let mut given: Vec<(String, f64)> = Vec::new();
        for pair in names::read(text)? {
            let Some((class, weight)) = pair.rsplit_once('=') else {
                return Err(format!("{pair:?}: expected balanced, none, or weights such as yes=5,no=1"));
            };
            let class = class.trim();
            let number = weight.trim().parse().ok().filter(|weight| (LEAST..=MOST).contains(weight));
            let Some(number) = number else {
                return Err(format!("{class}={weight}: a weight is a number above 0, from 1e-15 to 1e15"));
            };
            if given.iter().any(|(known, _)| known == class) {
                return Err(format!("{class:?} has two weights"));
            }
            given.push((class.to_owned(), number));
        }
        if given.is_empty() {
            return Err("expected balanced, none, or weights such as yes=5,no=1".into());
        }
        Ok(Self::Given(given))
    }
}

impl Display for ClassWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Balanced => f.write_str("balanced"),
            Self::Given(given) => {
                let pairs = given.iter().map(|(class, weight)| format!("{class}={}", exact(*weight)));
                f.write_str(&pairs.map(|pair| names::quoted(&pair)).collect::<Vec<_>>().join(","))
            }
        }
    }
}

impl TryFrom<String> for ClassWeight {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ClassWeight> for String {
    fn from(weights: ClassWeight) -> Self {
        weights.to_string()
    }
}

/// How much the rows of a frame count.
#[derive(Debug, Clone, PartialEq)]
pub struct RowWeights {
    /// What was asked for.
    pub plan: WeightPlan,
    /// By the column: of each row of the frame.
    of_rows: Option<Vec<f64>>,
    /// Of each class, where that does not depend on the rows.
    of_classes: Option<Vec<f64>>,
}

/// The least and the greatest weight of a column, and how many rows have none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightRange {
    /// The least one.
    pub least: f64,
    /// The greatest one.
    pub greatest: f64,
    /// Rows of weight 0.
    pub zeros: usize,
}

impl RowWeights {
    /// Of the rows that have a target.
    ///
    /// # Errors
    /// Where a row or a class has no weight that can be one, with what to change.
    pub fn new(frame: &DataFrame, target: &Target, plan: WeightPlan) -> Result<Self, DataError> {
        let of_rows = plan.weight_column.as_deref().map(|name| column(frame, target, name)).transpose()?;
        let of_classes = match &plan.class_weight {
            Some(_) if target.task == Task::Regression => {
                return Err(wrong(format!(
                    "--class-weight is for classification; the target {} is one of regression",
                    target.name
                )));
            }
            Some(ClassWeight::Given(given)) => Some(of_classes(target, given)?),
            None | Some(ClassWeight::None | ClassWeight::Balanced) => None,
        };
        Ok(Self { plan, of_rows, of_classes })
    }

    /// Those of some rows that count at all: a fit has none of the others.
    pub fn counting<'a>(&self, rows: &'a [u32]) -> Cow<'a, [u32]> {
        match &self.of_rows {
            None => Cow::Borrowed(rows),
            Some(of) => rows.iter().copied().filter(|row| of[*row as usize] > 0.0).collect(),
        }
    }

    /// How much each of some rows counts that are learnt from, whose target that is; none where all count alike.
    pub fn of(&self, rows: &[u32], target: &TargetValues) -> Option<Array1<f32>> {
        if !self.plan.is_weighted() {
            return None;
        }
        let of_classes = match (target, &self.plan.class_weight) {
            (TargetValues::Classes { classes, count }, Some(ClassWeight::Balanced)) => {
                Some(balanced(classes, *count))
            }
            _ => self.of_classes.clone(),
        };
        let weight = |(at, row): (usize, &u32)| {
            let of_row = self.of_rows.as_ref().map_or(1.0, |of| of[*row as usize]);
            let of_class = match (target, &of_classes) {
                (TargetValues::Classes { classes, .. }, Some(of)) => of[classes[at] as usize],
                _ => 1.0,
            };
            (of_row * of_class) as f32
        };
        Some(rows.iter().enumerate().map(weight).collect())
    }

    /// Whether there is something to learn in each fold.
    ///
    /// # Errors
    /// In which there is not, and what to change.
    pub fn check(&self, split: &Split, target: &Target) -> Result<(), DataError> {
        let Some(name) = &self.plan.weight_column else { return Ok(()) };
        for (at, fold) in split.folds.iter().enumerate() {
            let counting = self.counting(&fold.train);
            let lack = match (&target.values, counting.first()) {
                (_, None) => "have weight 0".to_owned(),
                (TargetValues::Classes { classes, .. }, Some(first))
                    if counting.iter().all(|row| classes[*row as usize] == classes[*first as usize]) =>
                {
                    let class = classes[*first as usize] as usize;
                    let class = target.labels.as_ref().map_or_else(String::new, |labels| labels.name(class));
                    format!("are of class {class:?} or have weight 0")
                }
                _ => continue,
            };
            return Err(wrong(format!(
                "all rows that are trained on in fold {} of {} {lack} in the weight column {name}",
                at + 1,
                split.folds.len()
            )));
        }
        Ok(())
    }

    /// The weights of the column, of those rows.
    pub fn range(&self, rows: &[u32]) -> Option<WeightRange> {
        let of = self.of_rows.as_ref()?;
        let weights = || rows.iter().map(|row| of[*row as usize]);
        Some(WeightRange {
            least: weights().fold(f64::INFINITY, f64::min),
            greatest: weights().fold(0.0, f64::max),
            zeros: weights().filter(|weight| *weight <= 0.0).count(),
        })
    }

    /// The weights of the column by row, if there is one.
    pub(super) fn of_rows(&self) -> Option<&[f64]> {
        self.of_rows.as_deref()
    }
}

fn wrong(message: String) -> DataError {
    DataError::Target(message)
}

fn column(frame: &DataFrame, target: &Target, name: &str) -> Result<Vec<f64>, DataError> {
    let at = frame.column(name).ok_or_else(|| frame.missing_column(name))?;
    let column = &frame.columns[at];
    if at == target.column {
        return Err(wrong(format!("{name} is the target; it cannot be the weight column too")));
    }
    let numbers = match (&column.values, column.kind) {
        (ColumnValues::Texts { .. }, _) => {
            return Err(wrong(format!("the weight column {name} is text; weights have to be numbers")));
        }
        (ColumnValues::Numbers(_), ColumnKind::Time(_)) => {
            return Err(wrong(format!("the weight column {name} holds dates; weights have to be numbers")));
        }
        (ColumnValues::Numbers(numbers), _) => numbers,
    };
    let rows = || target.rows.iter().map(|row| (*row as usize + 1, numbers[*row as usize]));
    let is_wrong = |weight: f64| weight.is_nan() || weight.abs() > 0.0 && !(LEAST..=MOST).contains(&weight);
    if let Some((row, weight)) = rows().find(|(_, weight)| is_wrong(*weight)) {
        let more = rows().filter(|(_, weight)| is_wrong(*weight)).count() - 1;
        let more = if more > 0 { format!(", and in {more} more rows") } else { String::new() };
        let has = if weight.is_nan() { "no value".to_owned() } else { exact(weight) };
        return Err(wrong(format!(
            "the weight column {name} has {has} in row {row}{more}; a weight is 0, or from 1e-15 to 1e15"
        )));
    }
    if rows().all(|(_, weight)| weight <= 0.0) {
        return Err(wrong(format!(
            "all {} rows have weight 0 in the weight column {name}",
            target.rows.len()
        )));
    }
    Ok(numbers.clone())
}

fn of_classes(target: &Target, given: &[(String, f64)]) -> Result<Vec<f64>, DataError> {
    let labels = target.labels.as_ref();
    let known: Vec<String> =
        labels.map_or_else(Vec::new, |labels| (0..labels.len()).map(|class| labels.name(class)).collect());
    let mut weights = vec![1.0; known.len()];
    for (name, weight) in given {
        let Some(class) = known.iter().position(|class| class == name) else {
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(wrong(format!(
                "--class-weight: the target {} has no class {name:?}{}; classes are {}",
                target.name,
                did_you_mean(name, names.iter().copied()),
                super::data::mentioned(&names)
            )));
        };
        weights[class] = *weight;
    }
    Ok(weights)
}

/// Such that all classes that are met count as much as each other, and all rows together as without weights.
fn balanced(classes: &[u32], count: usize) -> Vec<f64> {
    let mut met = vec![0.0_f64; count];
    for class in classes {
        met[*class as usize] += 1.0;
    }
    let kinds = met.iter().filter(|met| **met > 0.0).count() as f64;
    met.iter().map(|met| if *met > 0.0 { classes.len() as f64 / (kinds * met) } else { 1.0 }).collect()
}

#[cfg(test)]
mod tests;
