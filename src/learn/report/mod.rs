//! What was read of the data, how, and what is left out and why: for people, for `data.json`, and for the plan.

mod folds;
mod weights;
mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::data::{
    ColumnKind, DataColumn, DecimalMark, ExcludedColumn, Exclusion, FileFormat, TargetValues, Task,
};
use super::leaks::numbers_rows;
use super::roles::{ColumnRole, PrecisionLoss};
use super::study::TrainingData;
pub use weights::WeightsReport;

/// So many columns are told of one by one, and so many classes.
const COLUMNS: usize = 1_000;
const CLASSES: usize = 100;

/// What was read, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataReport {
    /// Of the data set.
    pub name: String,
    /// An absolute path, or `mltui:NAME`.
    pub source: String,
    /// Eight hexadecimal digits over the bytes, unpacked.
    pub digest: String,
    /// `csv`, `jsonl` or `parquet`.
    pub format: String,
    /// Between cells of a CSV file.
    pub separator: Option<char>,
    /// The decimal mark, where numbers were written with it.
    pub decimal: Option<char>,
    /// All that were read.
    pub rows: usize,
    /// What is predicted.
    pub target: TargetReport,
    /// The target, what is left out, what is worth a look, and the others.
    pub columns: Vec<ColumnReport>,
    /// Columns that are not among those, for there are too many.
    pub more_columns: usize,
    /// Of all columns.
    pub counts: ColumnCounts,
    /// Names that something was said of, and that no column has.
    pub unknown: Vec<String>,
    /// Folders that the pattern of the data names, which are not read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped_folders: usize,
    /// How the rows are dealt to folds, where that is not by chance and once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<FoldsReport>,
    /// How much rows count in a fit, where that is not alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightsReport>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over like that")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// How the rows are dealt to folds and to the test part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldsReport {
    /// What they go by.
    pub by: FoldsBy,
    /// The column of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Of one repeat.
    pub folds: usize,
    /// How often the rows are dealt.
    pub repeats: usize,
    /// Rows of the test part.
    pub test_rows: usize,
    /// Where the test part begins in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_from: Option<String>,
    /// Groups, of all and of the test part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<usize>,
    /// Groups of the test part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_groups: Option<usize>,
}

/// What folds go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoldsBy {
    /// The seed.
    Chance,
    /// The order of a column.
    Time,
    /// The groups of a column.
    Group,
}

/// What is predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetReport {
    /// Of the column.
    pub name: String,
    /// Numbers or classes.
    pub task: Task,
    /// Why it is this task, in words.
    pub because: String,
    /// The rows that have a target; others are not used.
    pub rows: usize,
    /// The words that were taken for no target.
    pub gap_words: BTreeMap<String, usize>,
    /// The most frequent classes, by their names.
    pub classes: Option<BTreeMap<String, usize>>,
    /// Classes that are not among those.
    pub more_classes: usize,
    /// Classes of which the test part has no row, by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_in_test: Vec<String>,
}

/// How many columns are what, those that are not told of one by one among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnCounts {
    /// Not learnt from.
    pub left_out: usize,
    /// Learnt from as numbers.
    pub numbers: usize,
    /// Learnt from as levels.
    pub texts: usize,
    /// Learnt from as dates.
    #[serde(default)]
    pub times: usize,
    /// Of those that are learnt from: with gaps, with levels that are not used, and with values that single precision
    /// does not tell apart.
    pub with_gaps: usize,
    /// With levels that are not told apart.
    pub with_unused_levels: usize,
    /// With values that single precision does not tell apart.
    pub with_values_lost: usize,
}

impl ColumnCounts {
    fn of(columns: &[ColumnReport]) -> Self {
        let count = |is: &dyn Fn(&ColumnReport) -> bool| columns.iter().filter(|column| is(column)).count();
        Self {
            left_out: count(&|column| column.role == ColumnUse::LeftOut),
            numbers: count(&|column| column.role == ColumnUse::Number),
            texts: count(&|column| matches!(column.role, ColumnUse::Levels | ColumnUse::Means)),
            times: count(&|column| column.role == ColumnUse::Time),
            with_gaps: count(&ColumnReport::has_gaps),
            with_unused_levels: count(&|column| column.unused_levels().is_some()),
            with_values_lost: count(&|column| column.values_lost().is_some()),
        }
    }
}

/// What a column is for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnUse {
    /// What is predicted.
    Target,
    /// Learnt from as a number.
    Number,
    /// Learnt from as a text, a feature a level.
    Levels,
    /// Learnt from as what the target is like for each level.
    Means,
    /// Learnt from as a date, a feature a part.
    Time,
    /// Not learnt from.
    LeftOut,
}

impl ColumnUse {
    fn is_learnt(self) -> bool {
        matches!(self, Self::Number | Self::Levels | Self::Means | Self::Time)
    }
}

/// What was read of a column, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnReport {
    /// As the frame has it.
    pub name: String,
    /// In MLflow's words; none if it was not read.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What it is for a model.
    #[serde(rename = "use")]
    pub role: ColumnUse,
    /// Why it is left out: in a word, and in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it is left out, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Rows that have none.
    pub gaps: usize,
    /// The words that were taken for gaps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gap_words: BTreeMap<String, usize>,
    /// Of a text: how many levels it has, and how many of them are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<usize>,
    /// How many of those are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels_used: Option<usize>,
    /// What is taken off a number so that single precision holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<f64>,
    /// Of a number, if they are fewer: different values, and those that single precision tells apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<usize>,
    /// How many of those single precision tells apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_told_apart: Option<usize>,
    /// How well it tells the target by itself, if that is suspicious: R², or the balanced accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tells_target: Option<f64>,
    /// Whether it numbers the rows, and is learnt from beside others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub numbers_rows: bool,
    /// Of a date, the parts that are features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<String>>,
}

impl ColumnReport {
    fn left_out(ExcludedColumn { name, why }: &ExcludedColumn) -> Self {
        Self {
            name: name.clone(),
            kind: None,
            role: ColumnUse::LeftOut,
            reason: Some(why.short().to_owned()),
            why: Some(why.in_words()),
            gaps: 0,
            gap_words: BTreeMap::new(),
            levels: None,
            levels_used: None,
            base: None,
            values: None,
            values_told_apart: None,
            parts: None,
            tells_target: None,
            numbers_rows: false,
        }
    }

    fn read(column: &DataColumn, role: &ColumnRole) -> Self {
        let why = if let ColumnRole::LeftOut(why) = role { why } else { &Exclusion::Empty };
        let mut told = Self::left_out(&ExcludedColumn { name: column.name.clone(), why: why.clone() });
        told.kind = Some(column.kind.as_mlflow().to_owned());
        told.gaps = column.gaps();
        told.gap_words = column.gap_words.iter().cloned().collect();
        told.levels = column.levels();
        match role {
            ColumnRole::LeftOut(_) => return told,
            ColumnRole::Target => told.role = ColumnUse::Target,
            ColumnRole::Number { base, lost } => {
                told.role = ColumnUse::Number;
                told.base = Some(*base).filter(|base| base.total_cmp(&0.0).is_ne());
                told.values = lost.map(|PrecisionLoss { of, .. }| of);
                told.values_told_apart = lost.map(|PrecisionLoss { told_apart, .. }| told_apart);
            }
            ColumnRole::Time { parts, .. } => {
                told.role = ColumnUse::Time;
                told.parts = Some(parts.iter().map(|part| part.as_str().to_owned()).collect());
            }
            ColumnRole::Means(levels) => {
                told.role = ColumnUse::Means;
                told.levels_used = Some(levels.len());
            }
            ColumnRole::Levels(levels) => {
                told.role = ColumnUse::Levels;
                told.levels_used = Some(levels.len());
            }
        }
        (told.reason, told.why) = (None, None);
        told
    }

    /// Whether something is filled in before it is learnt from.
    fn has_gaps(&self) -> bool {
        self.gaps > 0 && self.role.is_learnt()
    }

    /// How many levels are told apart, of how many, if those are fewer.
    fn unused_levels(&self) -> Option<(usize, usize)> {
        Some((self.levels_used?, self.levels?)).filter(|(used, all)| used < all)
    }

    /// How many values single precision tells apart, of how many, if those are fewer.
    fn values_lost(&self) -> Option<(usize, usize)> {
        self.values_told_apart.zip(self.values)
    }

    /// What is told of where there is no room for all, the least first.
    fn rank(&self) -> u8 {
        match self.role {
            ColumnUse::Target => 0,
            ColumnUse::LeftOut => 2,
            _ if self.tells_target.is_some() || self.numbers_rows => 1,
            _ if self.unused_levels().or(self.values_lost()).is_some() => 3,
            _ if self.has_gaps() => 4,
            _ => 5,
        }
    }
}

impl DataReport {
    /// On data that are ready to be learnt from.
    pub fn of(study: &TrainingData) -> Self {
        let (frame, target) = (&study.frame, &study.target);
        let read = frame.columns.iter().enumerate();
        let read = read.map(|(at, column)| ColumnReport::read(column, study.roles.of(at)));
        let told = |mut column: (usize, ColumnReport)| {
            let leak = study.leaks().iter().find(|leak| leak.column == column.0);
            column.1.tells_target = leak.map(|leak| leak.score);
            let is_one_of_several = study.roles.is_learnt(column.0) && study.roles.learnt() > 1;
            column.1.numbers_rows = is_one_of_several && numbers_rows(&frame.columns[column.0]);
            column.1
        };
        let read = read.enumerate().map(told);
        let mut columns: Vec<ColumnReport> =
            read.chain(frame.left_out.iter().map(ColumnReport::left_out)).collect();
        let counts = ColumnCounts::of(&columns);
        columns.sort_by_key(ColumnReport::rank);
        let more_columns = columns.len().saturating_sub(COLUMNS);
        columns.truncate(COLUMNS);
        let has =
            |mark| frame.columns.iter().any(|column| column.kind != ColumnKind::Text && column.mark == mark);
        let (format, separator) = match frame.format {
            FileFormat::Delimited { separator } => ("csv", Some(char::from(separator))),
            FileFormat::JsonLines => ("jsonl", None),
            FileFormat::Parquet => ("parquet", None),
            FileFormat::Arrow => ("arrow", None),
        };
        let (classes, more_classes) = classes(study).map_or((None, 0), |(all, more)| (Some(all), more));
        Self {
            name: frame.name.clone(),
            source: frame.source.clone(),
            digest: frame.digest.clone(),
            format: format.to_owned(),
            separator,
            decimal: has(DecimalMark::Comma).then_some(DecimalMark::Comma.character()),
            rows: frame.rows,
            target: TargetReport {
                name: target.name.clone(),
                task: target.task,
                because: target.because.clone(),
                rows: target.rows.len(),
                gap_words: frame.columns[target.column].gap_words.iter().cloned().collect(),
                classes,
                more_classes,
                not_in_test: not_in_test(study),
            },
            columns,
            more_columns,
            counts,
            unknown: frame.unknown.clone(),
            skipped_folders: frame.folders,
            folds: folds::report(study),
            weights: weights::report(study),
        }
    }
}

impl DataReport {
    /// Whether the data were read in the same way, as far as that decides how trials come out. How it is told, and what is
    /// told of columns that are not learnt from, may be another in each version.
    pub fn is_read_like(&self, other: &Self) -> bool {
        let target = |account: &Self| {
            let TargetReport { name, task, rows, classes, .. } = account.target.clone();
            (name, task, rows, classes)
        };
        let (own, others) = (self.learnt(), other.learnt());
        // Of very many columns only some are told of, and not always the same.
        let all_told = self.more_columns == 0 && other.more_columns == 0;
        let are_equal = if all_told {
            own == others
        } else {
            own.iter().all(|(name, how)| others.get(name).is_none_or(|other| how == other))
        };
        are_equal
            && (self.rows, self.separator, self.decimal) == (other.rows, other.separator, other.decimal)
            && target(self) == target(other)
    }

    /// How each column is read that is learnt from.
    fn learnt(&self) -> BTreeMap<&str, ColumnReading> {
        let learnt = self.columns.iter().filter(|column| column.role.is_learnt());
        let how = |it: &ColumnReport| (it.kind.clone(), it.role, it.gaps, it.levels_used, it.base);
        learnt.map(|it| (it.name.as_str(), how(it))).collect()
    }
}

/// Type, use, gaps, levels that are told apart, base.
type ColumnReading = (Option<String>, ColumnUse, usize, Option<usize>, Option<f64>);

fn not_in_test(study: &TrainingData) -> Vec<String> {
    let missing = study.classes_not_met(&study.split.test).into_iter().take(CLASSES);
    missing.filter_map(|class| Some(study.target.labels.as_ref()?.name(class))).collect()
}

/// The most frequent classes with their rows, and how many there are besides.
fn classes(study: &TrainingData) -> Option<(BTreeMap<String, usize>, usize)> {
    let (labels, TargetValues::Classes { classes, count }) =
        (study.target.labels.as_ref()?, &study.target.values)
    else {
        return None;
    };
    let mut counts = vec![0; *count];
    for row in &study.target.rows {
        counts[classes[*row as usize] as usize] += 1;
    }
    let mut by_count: Vec<usize> = (0..labels.len().min(*count)).collect();
    by_count.sort_by_key(|class| (std::cmp::Reverse(counts[*class]), *class));
    let more = by_count.len().saturating_sub(CLASSES);
    by_count.truncate(CLASSES);
    Some((by_count.into_iter().map(|class| (labels.name(class), counts[class])).collect(), more))
}
