//! What is to be predicted: a number, or one of several classes.

use serde::{Deserialize, Serialize};

use super::{ColumnKind, ColumnValues, DataColumn, DataError, DataFrame, GAP};

/// What is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Predict a number.
    Regression,
    /// Predict one of several classes.
    Classification,
}

impl Task {
    /// As it stands on the command line and among a run's params.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Classification => "classification",
        }
    }
}

/// The names of classes, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels {
    /// In the order of the classes.
    Texts(Vec<String>),
    /// In the order of the classes.
    Integers(Vec<i64>),
    /// False, then true.
    Truths,
}

impl Labels {
    /// How many classes there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Texts(labels) => labels.len(),
            Self::Integers(labels) => labels.len(),
            Self::Truths => 2,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Of that class, counted from 0.
    pub fn name(&self, class: usize) -> String {
        match self {
            Self::Texts(labels) => labels[class].clone(),
            Self::Integers(labels) => labels[class].to_string(),
            Self::Truths => (class == 1).to_string(),
        }
    }
}

/// The target of some rows, in their order.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetValues {
    /// One for each row.
    Numbers(Vec<f64>),
    /// Of so many classes, for each row its class.
    Classes {
        /// Of each row its number.
        classes: Vec<u32>,
        /// How many classes there are.
        count: usize,
    },
}

impl TargetValues {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Classes { classes, .. } => classes.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those of some of the rows, in their order.
    pub fn of(&self, rows: &[u32]) -> Self {
        match self {
            Self::Numbers(values) => Self::Numbers(rows.iter().map(|row| values[*row as usize]).collect()),
            Self::Classes { classes, count } => Self::Classes {
                classes: rows.iter().map(|row| classes[*row as usize]).collect(),
                count: *count,
            },
        }
    }
}

/// The target of a data set: which column, what kind of task, and the values of all usable rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its place in the frame.
    pub column: usize,
    /// Of that column.
    pub name: String,
    /// Numbers or classes.
    pub task: Task,
    /// The names of the classes.
    pub labels: Option<Labels>,
    /// Of each row of the frame; a gap has class 0 or NaN and is not among `rows`.
    pub values: TargetValues,
    /// The rows that have a target.
    pub rows: Vec<u32>,
    /// Why this task, where it was found out.
    pub because: String,
}

/// As many different whole numbers as are still taken for classes, and how many rows there have to be for each of them.
/// Two are classes however few rows there are.
const FEW: usize = 20;
const OFTEN: usize = 10;

impl Target {
    /// The target by name, and the task found out where it is not given.
    ///
    /// # Errors
    /// Where there is no such column, or it cannot be predicted.
    pub fn new(frame: &DataFrame, name: &str, task: Option<Task>) -> Result<Self, DataError> {
        let Some(at) = frame.column(name) else {
            return Err(frame.missing_column(name));
        };
        let column = &frame.columns[at];
        if matches!(column.kind, ColumnKind::Time(_)) {
            return Err(DataError::Target(format!(
                "the target {name} holds dates; convert them to numbers, or pass --categorical to take them for classes"
            )));
        }
        let (found, because) = infer(column);
        let (task, because) = task.map_or((found, because), |task| (task, "as requested".into()));
        let rows: Vec<u32> = (0..frame.rows as u32).filter(|row| !is_gap(column, *row as usize)).collect();
        let (values, labels) = match task {
            Task::Regression => (numbers(column, name)?, None),
            Task::Classification => classes(column)?,
        };
        let target = Self { column: at, name: name.to_owned(), task, labels, values, rows, because };
        target.check()?;
        Ok(target)
    }

    fn check(&self) -> Result<(), DataError> {
        let name = &self.name;
        match &self.values {
            TargetValues::Numbers(values) => {
                let mut known = self.rows.iter().map(|row| values[*row as usize]);
                let first = known.next().unwrap_or(0.0);
                if known.all(|value| value.total_cmp(&first).is_eq()) {
                    return Err(DataError::Target(format!(
                        "the target {name} is constant ({first}); there is nothing to learn"
                    )));
                }
            }
            TargetValues::Classes { count, .. } if *count < 2 => {
                return Err(DataError::Target(format!(
                    "the target {name} has a single class in {} rows; there is nothing to learn",
                    self.rows.len()
                )));
            }
            TargetValues::Classes { count, .. } if *count > 1000 || *count * 2 > self.rows.len() => {
                return Err(DataError::Target(format!(
                    "the target {name} has {count} classes in {} rows: is it numeric, or an identifier?",
                    self.rows.len()
                )));
            }
            TargetValues::Classes { .. } => {}
        }
        Ok(())
    }
}

fn is_gap(column: &DataColumn, row: usize) -> bool {
    match &column.values {
        ColumnValues::Numbers(numbers) => numbers[row].is_nan(),
        ColumnValues::Texts { codes, .. } => codes[row] == GAP,
    }
}

/// The task that a column suggests, and why. Whole numbers are whole however they are written, and whatever is missing.
fn infer(column: &DataColumn) -> (Task, String) {
    let numbers = match (column.kind, &column.values) {
        (ColumnKind::Text, _) | (_, ColumnValues::Texts { .. }) => {
            return (Task::Classification, "its values are texts".into());
        }
        (ColumnKind::Boolean, _) => return (Task::Classification, "its values are true and false".into()),
        (_, ColumnValues::Numbers(numbers)) => numbers.iter().filter(|number| !number.is_nan()),
    };
    if numbers.clone().any(|number| number.fract() != 0.0) {
        return (Task::Regression, "its values are numbers".into());
    }
    // With 0 added there is no -0.
    let mut distinct: Vec<u64> = numbers.clone().map(|number| (number + 0.0).to_bits()).collect();
    let rows = distinct.len();
    distinct.sort_unstable();
    distinct.dedup();
    let count = distinct.len();
    if count <= 2 || (count <= FEW && rows >= count * OFTEN) {
        (Task::Classification, format!("its values are {count} integers"))
    } else if count <= FEW {
        let why =
            format!("its values are {count} integers in {rows} rows, and classes need {OFTEN} rows each");
        (Task::Regression, why)
    } else {
        (Task::Regression, format!("its values are {count} different integers"))
    }
}

fn numbers(column: &DataColumn, name: &str) -> Result<TargetValues, DataError> {
    match &column.values {
        ColumnValues::Numbers(numbers) => Ok(TargetValues::Numbers(numbers.clone())),
        ColumnValues::Texts { .. } => Err(DataError::Target(format!(
            "the target {name} is text, but regression needs numbers; pass --task classification"
        ))),
    }
}

fn classes(column: &DataColumn) -> Result<(TargetValues, Option<Labels>), DataError> {
    column.check_exact()?;
    match &column.values {
        ColumnValues::Texts { codes, levels } => {
            let classes = codes.iter().map(|code| if *code == GAP { 0 } else { *code }).collect();
            Ok((TargetValues::Classes { classes, count: levels.len() }, Some(Labels::Texts(levels.clone()))))
        }
        ColumnValues::Numbers(numbers) if column.kind == ColumnKind::Boolean => {
            let classes = numbers.iter().map(|number| u32::from(*number > 0.5)).collect();
            let count = if numbers.contains(&0.0) && numbers.contains(&1.0) { 2 } else { 1 };
            Ok((TargetValues::Classes { classes, count }, Some(Labels::Truths)))
        }
        ColumnValues::Numbers(numbers) => {
            if numbers.iter().any(|number| !number.is_nan() && number.fract() != 0.0) {
                return Err(DataError::Target(format!(
                    "the target {} has fractional values, but classes need integers or text; pass --task regression",
                    column.name
                )));
            }
            let mut labels: Vec<i64> =
                numbers.iter().filter(|number| !number.is_nan()).map(|number| *number as i64).collect();
            labels.sort_unstable();
            labels.dedup();
            let class = |number: &f64| labels.binary_search(&(*number as i64)).unwrap_or(0) as u32;
            let classes = numbers.iter().map(class).collect();
            Ok((TargetValues::Classes { classes, count: labels.len() }, Some(Labels::Integers(labels))))
        }
    }
}
