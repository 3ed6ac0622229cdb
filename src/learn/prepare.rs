//! From columns to features: gaps filled, texts as one column a level, numbers brought to one scale. All of it is learnt
//! from training rows alone and applied to any others. Which columns there are is decided before, in [`super::roles`].

use super::calendar::TimePart;
use super::data::{ColumnValues, DataColumn, DataError, DataFrame, GAP, TargetValues};
use super::features::{Features, Matrix};
use super::means;
use super::roles::{ColumnRole, Roles};

/// How a column becomes features.
#[derive(Debug, Clone, PartialEq)]
pub enum Encoding {
    /// A number less its base, with what stands for a gap: the mean of the training rows.
    Number {
        /// Its place in the frame.
        column: usize,
        /// What is taken off it.
        base: f64,
        /// Less the base.
        fill: f32,
    },
    /// One feature a level, 1 where the row has it. `fill` is what stands for a gap: the most frequent level.
    Levels {
        /// Its place in the frame.
        column: usize,
        /// The codes that have a feature each.
        levels: Vec<u32>,
        /// A code.
        fill: u32,
    },
    /// What the target is like for each level: for each the same number of features, then those of a gap, and those of a level
    /// that was not met.
    Means {
        /// Its place in the frame.
        column: usize,
        /// As many rows as there are levels, and two more.
        table: Vec<Vec<f32>>,
    },
    /// The parts of a date, each with what stands for a gap: the mean of the training rows.
    Time {
        /// Its place in the frame.
        column: usize,
        /// The first one, in seconds since 1970.
        base: f64,
        /// Those that differ between the training rows.
        parts: Vec<TimePart>,
        /// One for each part.
        fills: Vec<f32>,
    },
}

/// What was learnt from the training rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Preparation {
    /// One for each column that is learnt from.
    pub encodings: Vec<Encoding>,
    /// The name of each feature: the column's, or `column=level`.
    pub names: Vec<String>,
    /// Of each feature, over the training rows; the deviation is never 0.
    pub means: Vec<f64>,
    /// Of each feature over the training rows (over n); never 0.
    pub deviations: Vec<f64>,
}

impl Preparation {
    /// Learns from these rows of a frame. What is the same in all of them teaches nothing, and is left out.
    ///
    /// # Errors
    /// Where no column differs between these rows.
    pub fn fit(
        frame: &DataFrame,
        roles: &Roles,
        target: &TargetValues,
        rows: &[u32],
    ) -> Result<Self, DataError> {
        let mut preparation =
            Self { encodings: Vec::new(), names: Vec::new(), means: Vec::new(), deviations: Vec::new() };
        for at in 0..frame.columns.len() {
            let (step, names) = Self::step(frame, roles, target, at, rows);
            let Some(step) = step else { continue };
            let features = step.apply_to_train(frame, roles, target, rows);
            if matches!(step, Encoding::Number { .. }) && is_constant(&features[0]) {
                continue;
            }
            for feature in &features {
                let (mean, deviation) = moments(feature);
                preparation.means.push(mean);
                preparation.deviations.push(if deviation > 0.0 { deviation } else { 1.0 });
            }
            preparation.names.extend(names);
            preparation.encodings.push(step);
        }
        if preparation.encodings.is_empty() {
            return Err(DataError::Target(format!(
                "all columns of {} are constant in {} training rows; there is nothing to learn from",
                frame.name,
                rows.len()
            )));
        }
        Ok(preparation)
    }

    /// What becomes of one column, and the names of its features; none where it teaches nothing.
    pub(super) fn step(
        frame: &DataFrame,
        roles: &Roles,
        target: &TargetValues,
        at: usize,
        rows: &[u32],
    ) -> (Option<Encoding>, Vec<String>) {
        let column = &frame.columns[at];
        match (roles.of(at), &column.values) {
            (ColumnRole::Number { base, .. }, ColumnValues::Numbers(numbers)) => {
                (number(at, numbers, *base, rows), vec![column.name.clone()])
            }
            (ColumnRole::Time { base, parts }, ColumnValues::Numbers(moments)) => {
                dates(at, column, (moments, *base), parts, rows)
            }
            (ColumnRole::Levels(kept), ColumnValues::Texts { codes, levels }) => {
                texts(at, column, (codes, levels), kept, rows)
            }
            (ColumnRole::Means(_), ColumnValues::Texts { codes, levels }) => {
                let table = means::table(codes, levels.len(), target, rows);
                if table.iter().all(|features| *features == table[0]) {
                    return (None, Vec::new());
                }
                let names: Vec<String> = match table[0].len() {
                    1 => vec![format!("{}.mean", column.name)],
                    count => (0..count).map(|class| format!("{}.share_{class}", column.name)).collect(),
                };
                (Some(Encoding::Means { column: at, table }), names)
            }
            _ => (None, Vec::new()),
        }
    }

    /// The features of the rows that it was learnt from.
    pub fn apply_to_train(
        &self,
        frame: &DataFrame,
        roles: &Roles,
        target: &TargetValues,
        rows: &[u32],
    ) -> Features {
        self.features(frame, rows, &|step| step.apply_to_train(frame, roles, target, rows))
    }

    /// The features of some other rows of a frame with the same columns.
    pub fn apply(&self, frame: &DataFrame, rows: &[u32]) -> Features {
        self.features(frame, rows, &|step| step.apply(frame, rows))
    }

    fn features(&self, frame: &DataFrame, rows: &[u32], of: &dyn Fn(&Encoding) -> Vec<Vec<f32>>) -> Features {
        let (mut columns, mut gaps) = (Vec::with_capacity(self.names.len()), Vec::new());
        for step in &self.encodings {
            let here = step.gaps(frame, rows);
            let features = of(step);
            if !here.is_empty() {
                gaps.extend((0..features.len()).map(|feature| (columns.len() + feature, here.clone())));
            }
            columns.extend(features);
        }
        Features::new(Matrix::new(columns), self.means.clone(), self.deviations.clone()).filled(gaps)
    }
}

impl Encoding {
    /// Its features of the rows that it was learnt from.
    pub(super) fn apply_to_train(
        &self,
        frame: &DataFrame,
        roles: &Roles,
        target: &TargetValues,
        rows: &[u32],
    ) -> Vec<Vec<f32>> {
        match (self, &frame.columns[self.column()].values) {
            (Self::Means { .. }, ColumnValues::Texts { codes, levels }) => {
                means::of_train(codes, levels.len(), target, roles.order(), rows)
            }
            _ => self.apply(frame, rows),
        }
    }

    /// Its features of some rows.
    pub(super) fn apply(&self, frame: &DataFrame, rows: &[u32]) -> Vec<Vec<f32>> {
        match (self, &frame.columns[self.column()].values) {
            (Self::Number { base, fill, .. }, ColumnValues::Numbers(numbers)) => {
                let filled = |row: &u32| {
                    let value = numbers[*row as usize];
                    if value.is_nan() { *fill } else { (value - base) as f32 }
                };
                vec![rows.iter().map(filled).collect()]
            }
            (Self::Levels { levels, fill, .. }, ColumnValues::Texts { codes, .. }) => {
                let code = |row: &u32| {
                    let code = codes[*row as usize];
                    if code == GAP { *fill } else { code }
                };
                let of = |level: &u32| {
                    rows.iter().map(|row| if code(row) == *level { 1.0 } else { 0.0 }).collect()
                };
                levels.iter().map(of).collect()
            }
            (Self::Means { table, .. }, ColumnValues::Texts { codes, .. }) => {
                let levels = table.len() - 2;
                let of = |feature: usize| {
                    let value = |row: &u32| table[means::place(codes[*row as usize], levels)][feature];
                    rows.iter().map(value).collect()
                };
                (0..table[0].len()).map(of).collect()
            }
            (Self::Time { base, parts, fills, .. }, ColumnValues::Numbers(moments)) => {
                let of = |(part, fill): (&TimePart, &f32)| {
                    let value = |row: &u32| {
                        let moment = moments[*row as usize];
                        if moment.is_nan() { *fill } else { part.of(moment, *base) }
                    };
                    rows.iter().map(value).collect()
                };
                parts.iter().zip(fills).map(of).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Which of the rows have a gap, where that is a number or a date.
    fn gaps(&self, frame: &DataFrame, rows: &[u32]) -> Vec<u32> {
        match (self, &frame.columns[self.column()].values) {
            (Self::Number { .. } | Self::Time { .. }, ColumnValues::Numbers(numbers)) => {
                let is_gap = |at: &u32| numbers[rows[*at as usize] as usize].is_nan();
                (0..rows.len() as u32).filter(is_gap).collect()
            }
            _ => Vec::new(),
        }
    }

    /// How many features it makes.
    pub fn width(&self) -> usize {
        match self {
            Self::Number { .. } => 1,
            Self::Levels { levels, .. } => levels.len(),
            Self::Means { table, .. } => table[0].len(),
            Self::Time { parts, .. } => parts.len(),
        }
    }

    /// The place of its column in the frame.
    pub fn column(&self) -> usize {
        match self {
            Self::Number { column, .. }
            | Self::Levels { column, .. }
            | Self::Means { column, .. }
            | Self::Time { column, .. } => *column,
        }
    }
}

fn number(at: usize, numbers: &[f64], base: f64, rows: &[u32]) -> Option<Encoding> {
    let known = || rows.iter().map(|row| numbers[*row as usize] - base).filter(|value| !value.is_nan());
    let count = known().count();
    let mean = known().sum::<f64>() / count as f64;
    (count > 0).then_some(Encoding::Number { column: at, base, fill: mean as f32 })
}

/// The parts that differ between the training rows.
fn dates(
    at: usize,
    column: &DataColumn,
    (moments, base): (&[f64], f64),
    kept: &[TimePart],
    rows: &[u32],
) -> (Option<Encoding>, Vec<String>) {
    let known = || rows.iter().map(|row| moments[*row as usize]).filter(|moment| !moment.is_nan());
    let Some(first) = known().next() else { return (None, Vec::new()) };
    let differs = |part: &&TimePart| {
        let first = part.of(first, base);
        known().any(|moment| part.of(moment, base).total_cmp(&first).is_ne())
    };
    let parts: Vec<TimePart> = kept.iter().filter(differs).copied().collect();
    if parts.is_empty() {
        return (None, Vec::new());
    }
    let count = known().count() as f64;
    let mean = |part: &TimePart| known().map(|moment| f64::from(part.of(moment, base))).sum::<f64>() / count;
    let fills = parts.iter().map(|part| mean(part) as f32).collect();
    let names = parts.iter().map(|part| format!("{}.{}", column.name, part.as_str())).collect();
    (Some(Encoding::Time { column: at, base, parts, fills }), names)
}

/// The levels of those kept that the training rows have, and what stands for a gap.
fn texts(
    at: usize,
    column: &DataColumn,
    (codes, levels): (&[u32], &[String]),
    kept: &[u32],
    rows: &[u32],
) -> (Option<Encoding>, Vec<String>) {
    let counts = counts(codes, levels.len(), rows);
    let count = |code: &u32| counts[*code as usize];
    let met: Vec<u32> = kept.iter().copied().filter(|code| count(code) > 0).collect();
    let is_constant = counts.iter().filter(|count| **count > 0).count() < 2;
    let Some(fill) = met.iter().copied().max_by_key(|code| (count(code), std::cmp::Reverse(*code))) else {
        return (None, Vec::new());
    };
    if is_constant {
        return (None, Vec::new());
    }
    let names = met.iter().map(|code| format!("{}={}", column.name, levels[*code as usize])).collect();
    (Some(Encoding::Levels { column: at, levels: met, fill }), names)
}

/// How many of some rows have each level.
pub fn counts(codes: &[u32], levels: usize, rows: &[u32]) -> Vec<usize> {
    let mut counts = vec![0; levels];
    for row in rows {
        if let Some(count) = counts.get_mut(codes[*row as usize] as usize) {
            *count += 1;
        }
    }
    counts
}

fn is_constant(values: &[f32]) -> bool {
    values.iter().all(|value| value.total_cmp(&values[0]).is_eq())
}

/// The mean and the standard deviation (over n).
fn moments(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}
