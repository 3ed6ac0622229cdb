//! An account as people read it: line by line before a sweep, and briefly in the plan.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{ColumnReport, ColumnUse, DataReport, TargetReport};
use crate::learn::data::Task;
use crate::text::counted;
use crate::text::shell::quoted;

/// Names in a line, and in the plan.
const NAMES: usize = 8;
const BRIEFLY: usize = 3;
/// Columns that have a line each.
const LINES: usize = 20;

impl DataReport {
    fn using(&self, role: ColumnUse) -> impl Iterator<Item = &ColumnReport> {
        self.columns.iter().filter(move |column| column.role == role)
    }

    /// For people, before anything is trained.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.form(), self.on_target(), self.on_learnt()];
        let left_out = self.using(ColumnUse::LeftOut).map(|column| {
            format!("{} is excluded: {}", column.name, column.why.as_deref().unwrap_or_default())
        });
        lines.extend(few(left_out, self.counts.left_out, |more| format!("{more} more columns are excluded")));
        lines.extend(self.gaps(NAMES).map(|gaps| format!("missing values: {gaps}")));
        let lost = self.columns.iter().filter_map(|column| {
            let (told_apart, of) = column.values_lost()?;
            let name = &column.name;
            Some(format!("{name}: in single precision, only {told_apart} of its {of} values stay distinct"))
        });
        lines.extend(few(lost, self.counts.with_values_lost, |more| {
            format!("in single precision, {more} more columns lose distinct values")
        }));
        lines.extend(self.folds.iter().map(super::FoldsReport::in_words));
        lines.extend(self.weights.iter().map(super::WeightsReport::in_words));
        let missing = &self.target.not_in_test;
        let names = listed(missing.iter().map(|class| format!("{class:?}")), missing.len(), NAMES);
        lines.extend(names.map(|names| {
            format!("no row of the test part is of class {names}: its metrics say nothing of that, and some are not defined")
        }));
        let leaks = self.leaks().map(|(column, score)| {
            let measure = if self.target.task == Task::Regression { "R²" } else { "balanced accuracy" };
            format!(
                "{column} alone tells the target ({measure} {score:.3}): if it is not known before, pass {}",
                ignoring(column)
            )
        });
        lines.extend(leaks.take(LINES));
        let numbering = self.numbering().map(|column| {
            format!(
                "{column} only numbers the rows, but is learnt from: to leave it out, pass {}",
                ignoring(column)
            )
        });
        lines.extend(numbering.take(LINES));
        lines.extend(self.unknown.iter().take(LINES).map(|name| format!("no column {name:?}")));
        if self.skipped_folders > 0 {
            lines.push(format!("{} of that name not read", counted(self.skipped_folders, "folder")));
        }
        lines.into_iter().map(|line| format!("{}: {line}", self.name)).collect()
    }

    /// Columns that tell the target by themselves, and how well.
    pub fn leaks(&self) -> impl Iterator<Item = (&str, f64)> {
        self.columns.iter().filter_map(|column| Some((column.name.as_str(), column.tells_target?)))
    }

    /// Columns that number the rows, and are learnt from.
    fn numbering(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|column| column.numbers_rows).map(|column| column.name.as_str())
    }

    fn form(&self) -> String {
        let form = match (self.format.as_str(), self.separator) {
            ("csv", Some('\t')) => "CSV, separated by tabs".to_owned(),
            ("csv", Some(separator)) => format!("CSV, separated by {separator:?}"),
            ("jsonl", _) => "JSON lines".to_owned(),
            ("arrow", _) => "Arrow".to_owned(),
            _ => "Parquet".to_owned(),
        };
        let decimal = if self.decimal == Some(',') { ", with decimal commas" } else { "" };
        format!(
            "{}, {} of {form}{decimal}",
            counted(self.rows, "row"),
            counted(self.columns.len().saturating_add(self.more_columns), "column")
        )
    }

    fn on_target(&self) -> String {
        let TargetReport { name, task, because, rows, gap_words, classes, more_classes, .. } = &self.target;
        let classes = classes.as_ref().and_then(|classes| {
            let mut by_count: Vec<_> = classes.iter().collect();
            by_count.sort_by_key(|(_, count)| Reverse(**count));
            let words = by_count.iter().zip([" rows"].into_iter().chain(std::iter::repeat("")));
            let words = words.map(|((class, count), rows)| format!("{count}{rows} of {class:?}"));
            listed(words, classes.len().saturating_add(*more_classes), NAMES)
        });
        let classes = classes.map_or(String::new(), |classes| format!(": {classes}"));
        let without = self.rows.saturating_sub(*rows);
        let without = if without > 0 {
            format!("; {without} of {} rows have none{} and are not used", self.rows, in_brackets(gap_words))
        } else {
            String::new()
        };
        format!("the target {name}: {}{classes}; {because}{without}", task.as_str())
    }

    fn on_learnt(&self) -> String {
        let numbers = self.using(ColumnUse::Number).map(|column| column.name.clone());
        let texts = self
            .columns
            .iter()
            .filter(|column| column.role == ColumnUse::Levels || column.role == ColumnUse::Means);
        let texts = texts.map(|column| {
            let means = if column.role == ColumnUse::Means { ", by the mean of the target" } else { "" };
            match (column.unused_levels(), column.levels) {
                (Some((used, all)), _) => format!("{} ({used} of {all} levels{means})", column.name),
                (None, levels) => {
                    format!("{} ({}{means})", column.name, counted(levels.unwrap_or_default(), "level"))
                }
            }
        });
        let numbers = listed(numbers, self.counts.numbers, NAMES).map(|names| format!("numbers {names}"));
        let texts = listed(texts, self.counts.texts, NAMES).map(|names| format!("texts {names}"));
        let times = self.using(ColumnUse::Time).map(|column| {
            let parts = column.parts.as_deref().unwrap_or_default().iter().filter(|part| !part.contains('_'));
            let parts: Vec<&str> = parts.map(String::as_str).collect();
            format!("{} ({})", column.name, parts.join(", "))
        });
        let times = listed(times, self.counts.times, NAMES).map(|names| format!("dates {names}"));
        let all: Vec<String> = numbers.into_iter().chain(texts).chain(times).collect();
        format!("features: {}", all.join("; "))
    }

    /// Of columns that are learnt from: how many gaps they have, and which words were taken for some.
    fn gaps(&self, most: usize) -> Option<String> {
        let with_gaps = self.columns.iter().filter(|column| column.has_gaps());
        let words = with_gaps
            .map(|column| format!("{} {}{}", column.name, column.gaps, in_brackets(&column.gap_words)));
        listed(words, self.counts.with_gaps, most)
    }

    /// What is worth a look before a sweep begins, for a narrow place; empty if nothing is.
    pub fn briefly(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if self.decimal.is_some() {
            parts.push("decimal commas".to_owned());
        }
        let without = self.rows.saturating_sub(self.target.rows);
        if without > 0 {
            let words = in_brackets(&self.target.gap_words);
            parts.push(format!("{without} of {} rows without a target{words}", self.rows));
        }
        parts.extend(self.folds.iter().map(super::FoldsReport::briefly));
        parts.extend(self.weights.iter().map(super::WeightsReport::briefly));
        let leaks: Vec<&str> = self.leaks().map(|(column, _)| column).collect();
        let names = leaks.iter().map(|name| (*name).to_owned());
        let names = listed(names, leaks.len(), BRIEFLY);
        let tell = if leaks.len() == 1 { "tells" } else { "tell" };
        parts.extend(names.map(|names| format!("{names} alone {tell} the target")));
        let numbering: Vec<&str> = self.numbering().collect();
        let names = numbering.iter().map(|name| (*name).to_owned());
        let (number, it) = if numbering.len() == 1 { ("numbers", "it") } else { ("number", "them") };
        let names = listed(names, numbering.len(), BRIEFLY);
        parts.extend(names.map(|names| format!("{names} only {number} the rows; ignore {it}?")));
        let left_out = self.using(ColumnUse::LeftOut);
        let left_out = left_out
            .map(|column| format!("{} ({})", column.name, column.reason.as_deref().unwrap_or_default()));
        let left_out = listed(left_out, self.counts.left_out, BRIEFLY);
        parts.extend(left_out.map(|names| format!("excluded {names}")));
        parts.extend(self.gaps(BRIEFLY).map(|gaps| format!("missing values in {gaps}")));
        let part = |of: fn(&ColumnReport) -> Option<(usize, usize)>, count| {
            let words = self.columns.iter().filter_map(|column| {
                of(column).map(|(part, all)| format!("{} {part} of {all}", column.name))
            });
            listed(words, count, BRIEFLY)
        };
        let levels = part(ColumnReport::unused_levels, self.counts.with_unused_levels);
        parts.extend(levels.map(|levels| format!("levels used: {levels}")));
        let values = part(ColumnReport::values_lost, self.counts.with_values_lost);
        parts.extend(values.map(|values| format!("distinct values in single precision: {values}")));
        parts.extend(self.unknown.first().map(|name| format!("no column {name:?}")));
        parts
    }
}

/// A line each, as many as may be, and one for those that are not among them.
fn few(
    lines: impl Iterator<Item = String>,
    all: usize,
    on_more: impl Fn(usize) -> String,
) -> impl Iterator<Item = String> {
    let lines: Vec<String> = lines.take(LINES).collect();
    let more = all.saturating_sub(lines.len());
    lines.into_iter().chain((more > 0).then(|| on_more(more)))
}

/// Names with commas, as many as may be, and how many there are more; of some that none is told of, how many they are.
fn listed(names: impl Iterator<Item = String>, all: usize, most: usize) -> Option<String> {
    let names: Vec<String> = names.take(most).collect();
    match (names.join(", "), all.saturating_sub(names.len())) {
        (_, 0) if names.is_empty() => None,
        (_, more) if names.is_empty() => Some(format!("({more})")),
        (names, 0) => Some(names),
        (names, more) => Some(format!("{names} and {more} more")),
    }
}

/// The option that leaves a column out.
fn ignoring(column: &str) -> String {
    format!("--ignore{}{}", if column.starts_with('-') { '=' } else { ' ' }, quoted(column))
}

fn in_brackets(words: &BTreeMap<String, usize>) -> String {
    if words.is_empty() {
        return String::new();
    }
    let words: Vec<_> = words.iter().map(|(word, count)| format!("{word:?} {count}")).collect();
    format!(" ({})", words.join(", "))
}
