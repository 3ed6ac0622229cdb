//! What was read of the data, how, and what is left out and why: for people, for `data.json`, and for the plan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::data::{Column, Format, Kind, LeftOut, Mark, TargetValues, Task, Why};
use super::roles::{Lost, Role};
use super::study::Study;

/// So many columns are told of one by one, and so many classes.
const COLUMNS: usize = 1_000;
const CLASSES: usize = 100;
/// Names in a line, and in the plan.
const NAMES: usize = 8;
const BRIEFLY: usize = 3;
/// Columns that are left out and have a line each.
const LINES: usize = 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub name: String,
    pub source: String,
    pub digest: String,
    /// `csv` or `parquet`.
    pub format: String,
    pub separator: Option<char>,
    /// The decimal mark, where numbers were written with it.
    pub decimal: Option<char>,
    pub rows: usize,
    pub target: OfTarget,
    pub columns: Vec<OfColumn>,
    /// Columns that are not among those, for there are too many.
    pub more_columns: usize,
    /// Names that something was said of, and that no column has.
    pub unknown: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfTarget {
    pub name: String,
    pub task: Task,
    pub because: String,
    /// The rows that have a target; others are not used.
    pub rows: usize,
    /// The words that were taken for no target.
    pub gap_words: BTreeMap<String, usize>,
    /// The most frequent classes, by their names.
    pub classes: Option<BTreeMap<String, usize>>,
}

/// What a column is for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    Target,
    Number,
    Levels,
    LeftOut,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfColumn {
    pub name: String,
    /// In MLflow's words; none if it was not read.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(rename = "use")]
    pub role: Use,
    /// Why it is left out: in a word, and in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub gaps: usize,
    /// The words that were taken for gaps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gap_words: BTreeMap<String, usize>,
    /// Of a text: how many levels it has, and how many of them are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels_used: Option<usize>,
    /// What is taken off a number so that single precision holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<f64>,
    /// Of a number, if they are fewer: different values, and those that single precision tells apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_told_apart: Option<usize>,
}

impl OfColumn {
    fn left_out(LeftOut { name, why }: &LeftOut) -> Self {
        Self {
            name: name.clone(),
            kind: None,
            role: Use::LeftOut,
            reason: Some(why.short().to_owned()),
            why: Some(why.words()),
            gaps: 0,
            gap_words: BTreeMap::new(),
            levels: None,
            levels_used: None,
            base: None,
            values: None,
            values_told_apart: None,
        }
    }

    fn read(column: &Column, role: &Role) -> Self {
        let why = if let Role::LeftOut(why) = role { why } else { &Why::Empty };
        let mut told = Self::left_out(&LeftOut { name: column.name.clone(), why: why.clone() });
        told.kind = Some(column.kind.as_mlflow().to_owned());
        told.gaps = column.gaps();
        told.gap_words = column.gap_words.iter().cloned().collect();
        told.levels = column.levels();
        match role {
            Role::LeftOut(_) => return told,
            Role::Target => told.role = Use::Target,
            Role::Number { base, lost } => {
                told.role = Use::Number;
                told.base = Some(*base).filter(|base| base.total_cmp(&0.0).is_ne());
                told.values = lost.map(|Lost { of, .. }| of);
                told.values_told_apart = lost.map(|Lost { told_apart, .. }| told_apart);
            }
            Role::Levels(levels) => {
                told.role = Use::Levels;
                told.levels_used = Some(levels.len());
            }
        }
        (told.reason, told.why) = (None, None);
        told
    }
}

impl Account {
    pub fn of(study: &Study) -> Self {
        let (frame, target) = (&study.frame, &study.target);
        let read = frame.columns.iter().enumerate();
        let read = read.map(|(at, column)| OfColumn::read(column, study.roles.of(at)));
        let mut columns: Vec<OfColumn> = read.chain(frame.left_out.iter().map(OfColumn::left_out)).collect();
        let more_columns = columns.len().saturating_sub(COLUMNS);
        columns.truncate(COLUMNS);
        let has = |mark| frame.columns.iter().any(|column| column.kind != Kind::Text && column.mark == mark);
        let (format, separator) = match frame.format {
            Format::Delimited { separator } => ("csv", Some(char::from(separator))),
            Format::Parquet => ("parquet", None),
        };
        Self {
            name: frame.name.clone(),
            source: frame.source.clone(),
            digest: frame.digest.clone(),
            format: format.to_owned(),
            separator,
            decimal: has(Mark::Comma).then_some(Mark::Comma.character()),
            rows: frame.rows,
            target: OfTarget {
                name: target.name.clone(),
                task: target.task,
                because: target.because.clone(),
                rows: target.rows.len(),
                gap_words: frame.columns[target.column].gap_words.iter().cloned().collect(),
                classes: classes(study),
            },
            columns,
            more_columns,
            unknown: frame.unknown.clone(),
        }
    }

    fn using(&self, role: Use) -> impl Iterator<Item = &OfColumn> {
        self.columns.iter().filter(move |column| column.role == role)
    }

    /// For people, before anything is trained.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.form()];
        lines.push(self.on_target());
        let mut used = Vec::new();
        for (role, what) in [(Use::Number, "numbers"), (Use::Levels, "texts")] {
            let names = names(self.using(role).map(|column| match (column.levels, column.levels_used) {
                (Some(all), Some(used)) if used < all => format!("{} ({used} of {all} levels)", column.name),
                (Some(all), _) => format!("{} ({all} levels)", column.name),
                _ => column.name.clone(),
            }));
            used.extend(names.map(|names| format!("{what} {names}")));
        }
        lines.push(format!("learns from {}", used.join("; ")));
        for column in self.using(Use::LeftOut).take(LINES) {
            lines.push(format!("{} is left out: {}", column.name, column.why.as_deref().unwrap_or_default()));
        }
        let more = self.using(Use::LeftOut).count().saturating_sub(LINES);
        if more > 0 {
            lines.push(format!("{more} more columns are left out"));
        }
        let gaps = self
            .columns
            .iter()
            .filter(|column| column.gaps > 0 && matches!(column.role, Use::Number | Use::Levels));
        if let Some(gaps) = names(
            gaps.map(|column| format!("{} {}{}", column.name, column.gaps, in_brackets(&column.gap_words))),
        ) {
            lines.push(format!("gaps: {gaps}"));
        }
        for column in &self.columns {
            if let (Some(of), Some(told_apart)) = (column.values, column.values_told_apart) {
                lines.push(format!(
                    "{}: models work in single precision, which tells {told_apart} of its {of} values apart",
                    column.name
                ));
            }
        }
        lines.extend(self.unknown.iter().take(LINES).map(|name| format!("there is no column {name:?}")));
        lines.into_iter().map(|line| format!("{}: {line}", self.name)).collect()
    }

    fn form(&self) -> String {
        let form = match (self.format.as_str(), self.separator) {
            ("csv", Some('\t')) => "CSV, separated by tabs".to_owned(),
            ("csv", Some(separator)) => format!("CSV, separated by {separator:?}"),
            _ => "Parquet".to_owned(),
        };
        let decimal = if self.decimal == Some(',') { ", with decimal commas" } else { "" };
        format!("{} rows, {} columns of {form}{decimal}", self.rows, self.columns.len() + self.more_columns)
    }

    fn on_target(&self) -> String {
        let OfTarget { name, task, because, rows, gap_words, classes } = &self.target;
        let classes = classes
            .as_ref()
            .and_then(|classes| names(classes.iter().map(|(class, count)| format!("{class:?} {count}"))));
        let classes = classes.map_or(String::new(), |classes| format!(" of {classes} rows"));
        let without = self.rows - rows;
        let without = if without > 0 {
            format!("; {without} of {} rows have none{} and are not used", self.rows, in_brackets(gap_words))
        } else {
            String::new()
        };
        format!("the target {name}: {}{classes}, {because}{without}", task.as_str())
    }

    /// What is worth a look before a sweep begins, for a narrow place; empty if nothing is.
    pub fn briefly(&self) -> Vec<String> {
        let few = |columns: Vec<String>| {
            let more = columns.len().saturating_sub(BRIEFLY);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}", columns[..columns.len().min(BRIEFLY)].join(", "))
        };
        let mut parts = Vec::new();
        if self.decimal.is_some() {
            parts.push("decimal commas".to_owned());
        }
        if self.rows > self.target.rows {
            parts.push(format!(
                "{} of {} rows without a target{}",
                self.rows - self.target.rows,
                self.rows,
                in_brackets(&self.target.gap_words)
            ));
        }
        let left_out: Vec<String> = self
            .using(Use::LeftOut)
            .map(|column| format!("{} ({})", column.name, column.reason.as_deref().unwrap_or_default()))
            .collect();
        if !left_out.is_empty() {
            parts.push(format!("left out {}", few(left_out)));
        }
        let gaps: Vec<String> = self
            .columns
            .iter()
            .filter(|column| column.gaps > 0 && matches!(column.role, Use::Number | Use::Levels))
            .map(|column| format!("{} {}{}", column.name, column.gaps, in_brackets(&column.gap_words)))
            .collect();
        if !gaps.is_empty() {
            parts.push(format!("gaps in {}", few(gaps)));
        }
        if let Some(name) = self.unknown.first() {
            parts.push(format!("there is no column {name:?}"));
        }
        parts
    }
}

/// The most frequent classes with their rows.
fn classes(study: &Study) -> Option<BTreeMap<String, usize>> {
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
    Some(by_count.into_iter().take(CLASSES).map(|class| (labels.name(class), counts[class])).collect())
}

/// Names with commas, as many as a line holds.
fn names(all: impl Iterator<Item = String>) -> Option<String> {
    let all: Vec<String> = all.collect();
    let more = all.len().saturating_sub(NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!all.is_empty()).then(|| format!("{}{more}", all[..all.len().min(NAMES)].join(", ")))
}

fn in_brackets(words: &BTreeMap<String, usize>) -> String {
    if words.is_empty() {
        return String::new();
    }
    let words: Vec<_> = words.iter().map(|(word, count)| format!("{word:?} {count}")).collect();
    format!(" ({})", words.join(", "))
}
