//! What the words of metrics' names say, from `assets/metrics.tsv`, which explains its lines.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::Goal;

const LINES: &str = include_str!("../../../assets/metrics.tsv");

static TABLE: LazyLock<FxHashMap<String, WordRole>> = LazyLock::new(|| read(LINES).unwrap_or_default());

/// How much a metric tells of a run, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MetricKind {
    Measure,
    Loss,
    /// What answering costs.
    Cost,
    /// How long something took, or what follows from other metrics: decides nothing by itself.
    Time,
}

/// Which data a metric is of, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DataPart {
    Validation,
    Test,
    Unsaid,
    Training,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownMetric {
    pub kind: MetricKind,
    pub goal: Goal,
    /// Its place among all metrics, the most wanted first.
    pub place: u16,
    pub is_generic: bool,
    pub is_weak: bool,
    pub is_of_class: bool,
    pub is_whole: bool,
    pub is_over: bool,
}

/// What a word, or several together, do in a name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WordRole {
    Metric(KnownMetric),
    NamePart(DataPart),
    Way,
    Silent,
    Beside,
    After,
    Before,
    Not,
    Minus,
}

/// What is known of words that stand side by side, written without anything between them.
pub fn role(words: &str) -> Option<WordRole> {
    TABLE.get(words).copied()
}

/// Reads the table; the line that is wrong, if one is.
fn read(lines: &str) -> Result<FxHashMap<String, WordRole>, String> {
    let mut table = FxHashMap::default();
    let mut plurals = Vec::new();
    let lines = lines.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for (place, line) in (0..).zip(lines) {
        let (what, names) = line.split_once('\t').ok_or_else(|| line.to_owned())?;
        let role = read_role(what, place).ok_or_else(|| line.to_owned())?;
        for name in names.split(',') {
            let key: String = name.split_whitespace().collect();
            if let WordRole::Metric(KnownMetric { is_whole: false, .. }) = role {
                plurals.push((plural(&key), role));
            }
            if table.insert(key, role).is_some() {
                return Err(format!("{name} twice: {line}"));
            }
        }
    }
    for (plural, role) in plurals {
        table.entry(plural).or_insert(role);
    }
    Ok(table)
}

fn read_role(what: &str, place: u16) -> Option<WordRole> {
    let words: Vec<&str> = what.split(' ').collect();
    let has = |word: &str| words.contains(&word);
    let kind = match words[0] {
        "measure" => MetricKind::Measure,
        "loss" => MetricKind::Loss,
        "cost" => MetricKind::Cost,
        "time" => MetricKind::Time,
        "val" => return Some(WordRole::NamePart(DataPart::Validation)),
        "test" => return Some(WordRole::NamePart(DataPart::Test)),
        "train" => return Some(WordRole::NamePart(DataPart::Training)),
        "way" => return Some(WordRole::Way),
        "silent" => return Some(WordRole::Silent),
        "beside" => return Some(WordRole::Beside),
        "after" => return Some(WordRole::After),
        "before" => return Some(WordRole::Before),
        "not" => return Some(WordRole::Not),
        "minus" => return Some(WordRole::Minus),
        _ => return None,
    };
    let goal = match (has("min"), has("max")) {
        (true, false) => Goal::Minimize,
        (false, true) => Goal::Maximize,
        _ => return None,
    };
    let known = ["min", "max", "generic", "weak", "class", "whole", "over"];
    words[1..].iter().all(|word| known.contains(word)).then_some(WordRole::Metric(KnownMetric {
        kind,
        goal,
        place,
        is_generic: has("generic"),
        is_weak: has("weak"),
        is_of_class: has("class"),
        is_whole: has("whole"),
        is_over: has("over"),
    }))
}

fn plural(name: &str) -> String {
    match name.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if name.ends_with(['s', 'x']) => format!("{name}es"),
        _ => format!("{name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_understood_and_no_name_stands_twice() {
        let table = read(LINES).unwrap();
        assert!(table.len() > 1_000, "{}", table.len());
        assert!(read("measure\tx").is_err() && read("measure max gnarly\tx").is_err());
        assert!(read("way\tx, y\nafter\ty").is_err() && read("way x").is_err());
    }
}
