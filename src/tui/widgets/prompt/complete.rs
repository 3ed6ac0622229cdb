//! What can come next in a filter expression: the keys that exist, and the values that runs have.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::catalog::{Catalog, Column, Sym};
use crate::mlflow::RunStatus;
use crate::mlflow::filter::place::{Place, value};
use crate::mlflow::filter::{Attribute, Expression, Field};

/// Completions that are offered.
const OFFERED: usize = 8;
/// Values that are looked at, of the newest runs.
const LOOKED_AT: usize = 20_000;
/// Characters of a value that is offered.
const LONGEST: usize = 60;
const TIMES: [&str; 4] = ["now-1h", "now-24h", "now-7d", "now-30d"];
const AGES: [&str; 4] = ["1h", "24h", "7d", "30d"];

/// Where the word before `cursor` begins, and what it could become.
pub fn completions(catalog: &Catalog, text: &str, cursor: usize) -> (usize, Vec<String>) {
    let before = &text[..cursor];
    match Place::behind(before) {
        Place::Name(start) => (start, names(catalog, &before[start..])),
        Place::Value { of, start, quote } => {
            let word = &before[start + quote.map_or(0, char::len_utf8)..];
            (start, values(catalog, &of, word, quote))
        }
        Place::Unknown => (cursor, Vec::new()),
    }
}

fn names(catalog: &Catalog, word: &str) -> Vec<String> {
    let word = word.replace('`', "").to_lowercase();
    if word.is_empty() {
        return Vec::new();
    }
    let mut found: BTreeSet<(bool, usize, String)> = BTreeSet::new();
    let mut offer = |written: String| {
        let written = written.strip_prefix("attributes.").unwrap_or(&written).to_owned();
        let plain = written.replace('`', "").to_lowercase();
        if plain != word && plain.contains(&word) {
            found.insert((!plain.starts_with(&word), written.len(), written));
        }
    };
    let attributes = Attribute::ALL.into_iter().map(|attribute| Field::Attribute(attribute).to_string());
    ["age", "user", "name"].into_iter().map(str::to_owned).chain(attributes).for_each(&mut offer);
    let texts = &catalog.texts;
    catalog.metrics.keys(texts).for_each(|(key, _)| offer(Field::Metric(key.to_owned()).to_string()));
    catalog.params.keys(texts).for_each(|(key, _)| offer(Field::Param(key.to_owned()).to_string()));
    catalog.tags.keys(texts).for_each(|(key, _)| offer(Field::Tag(key.to_owned()).to_string()));
    found.into_iter().take(OFFERED).map(|(.., written)| written).collect()
}

/// Values that begin with a word before those that contain it, and those of many runs first.
fn values(catalog: &Catalog, name: &str, word: &str, quote: Option<char>) -> Vec<String> {
    let fixed = |list: &[&str]| {
        let begun = list.iter().filter(|text| text.starts_with(word) && **text != word);
        begun.map(|text| (*text).to_owned()).collect()
    };
    if name == "age" {
        return fixed(&AGES);
    }
    let Some(field) = Expression::field(name) else { return Vec::new() };
    let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
    match &field {
        Field::Attribute(attribute) if attribute.is_time() => return fixed(&TIMES),
        Field::Attribute(Attribute::Status) => {
            counts.extend(RunStatus::ALL.iter().map(|status| (status.as_str(), 0)));
        }
        Field::Param(key) => count(catalog, catalog.params.column(&catalog.texts, key), &mut counts),
        Field::Tag(key) => count(catalog, catalog.tags.column(&catalog.texts, key), &mut counts),
        Field::Attribute(attribute) => {
            let runs = catalog.newest_first.iter().take(LOOKED_AT).map(|row| catalog.run(*row));
            let syms: Vec<Sym> = match attribute {
                Attribute::RunName => runs.map(|run| run.name).collect(),
                Attribute::RunId if !word.is_empty() => runs.map(|run| run.run_id).collect(),
                Attribute::UserId => runs.map(|run| run.user).collect(),
                _ => Vec::new(),
            };
            tally(catalog, syms.into_iter(), &mut counts);
        }
        Field::Metric(_) | Field::Dataset(_) => {}
    }
    let lower = word.to_lowercase();
    let mut found: Vec<(bool, usize, &str)> = counts
        .into_iter()
        .filter(|(text, _)| text.len() <= LONGEST * 4 && text.chars().count() <= LONGEST)
        .filter(|(text, _)| !text.is_empty() && !text.contains(char::is_control) && *text != word)
        .filter_map(|(text, count)| {
            let known = text.to_lowercase();
            known.contains(&lower).then(|| (!known.starts_with(&lower), usize::MAX - count, text))
        })
        .collect();
    found.sort_unstable();
    let me = field == Field::Attribute(Attribute::UserId)
        && quote.is_none()
        && "me".starts_with(word)
        && word != "me";
    let written = found.into_iter().filter_map(|(.., text)| value(text, quote));
    me.then(|| "me".to_owned()).into_iter().chain(written).take(OFFERED).collect()
}

fn count<'a>(
    catalog: &'a Catalog,
    column: Option<&std::sync::Arc<Column<Sym>>>,
    counts: &mut FxHashMap<&'a str, usize>,
) {
    if let Some(column) = column {
        let skipped = column.len().saturating_sub(LOOKED_AT);
        tally(catalog, column.iter().skip(skipped).map(|(_, sym)| sym), counts);
    }
}

/// Counts numbers of texts, and then each text once.
fn tally<'a>(catalog: &'a Catalog, syms: impl Iterator<Item = Sym>, counts: &mut FxHashMap<&'a str, usize>) {
    let mut by_sym: FxHashMap<Sym, usize> = FxHashMap::default();
    syms.for_each(|sym| *by_sym.entry(sym).or_default() += 1);
    counts.extend(by_sym.into_iter().map(|(sym, count)| (catalog.texts.get(sym), count)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Builder;
    use crate::store::batch::BatchWriter;

    fn catalog() -> Catalog {
        let mut writer = BatchWriter::new(0);
        for key in ["val_rmse", "val loss", "train/loss"] {
            let key = writer.text(key);
            writer.batch.metrics.push(crate::store::batch::MetricCell { run: 0, key, value: 1.0 });
        }
        let mut head = BatchWriter::new(0);
        let text = head.text("r");
        head.head(crate::store::batch::Head {
            run_id: text,
            experiment_id: text,
            name: text,
            user: text,
            artifact_pattern: text,
            status: crate::mlflow::RunStatus::Finished,
            stage: crate::mlflow::LifecycleStage::Active,
            start_time: 0,
            end_time: 0,
        });
        let mut builder = Builder::default();
        builder.fold(&head.take());
        let mut batch = writer.take();
        batch.part = 1;
        builder.fold(&batch);
        builder.snapshot()
    }

    #[test]
    fn keys_that_exist_are_offered_quoted_where_that_is_needed() {
        let catalog = catalog();
        let offered = |text: &str| completions(&catalog, text, text.len());
        assert_eq!(offered("metrics.val"), (0, vec!["metrics.val_rmse".into(), "metrics.`val loss`".into()]));
        assert_eq!(offered("status = 'x' AND train").1, ["metrics.`train/loss`"]);
        assert_eq!(offered("status = 'x' AND train").0, 17);
        assert_eq!(offered("start").1, ["start_time"]);
        assert_eq!(offered("metrics.`val l"), (0, vec!["metrics.`val loss`".into()]));
        assert_eq!(offered("status = 'fa"), (9, vec!["'FAILED'".into()]));
        assert_eq!(offered("status IN (RUNNING, fi").1, ["FINISHED"]);
        assert!(offered("metrics.val_rmse < ").1.is_empty(), "numbers are not offered");
        assert_eq!(offered("start_time > now-2").1, ["now-24h"]);
        assert_eq!(offered("age < ").1, ["1h", "24h", "7d", "30d"]);
        assert!(offered("").1.is_empty());
        assert_eq!(offered("status = 'x' AND\u{a0}train").0, 18, "behind a space of two bytes");
    }

    #[test]
    fn values_of_the_runs_are_offered_the_usual_ones_first() {
        let mut writer = BatchWriter::new(0);
        let values =
            [("forest", "ana"), ("tree", "ben"), ("tree", "ana"), ("my own", "ana"), ("it's \"x\"", "ana")];
        for (run, (family, user)) in values.into_iter().enumerate() {
            let (id, name) = (writer.text(&format!("r{run}")), writer.text(&format!("run-{run}")));
            let (user, experiment) = (writer.text(user), writer.text("1"));
            writer.head(crate::store::batch::Head {
                run_id: id,
                experiment_id: experiment,
                name,
                user,
                artifact_pattern: id,
                status: RunStatus::Finished,
                stage: crate::mlflow::LifecycleStage::Active,
                start_time: 0,
                end_time: 0,
            });
            let (key, value) = (writer.text("family"), writer.text(family));
            writer.batch.params.push(crate::store::batch::TextCell { run: run as u32, key, value });
        }
        let mut builder = Builder::default();
        builder.fold(&writer.take());
        let catalog = builder.snapshot();
        let offered = |text: &str| completions(&catalog, text, text.len());
        assert_eq!(
            offered("params.family = "),
            (16, vec!["tree".into(), "forest".into(), "'my own'".into()])
        );
        assert_eq!(offered("params.family != re").1, ["tree", "forest"]);
        assert_eq!(offered("params.family = \"m").1, ["\"my own\""]);
        assert_eq!(offered("params.family IN (tree, FO").1, ["forest"]);
        assert_eq!(offered("user = ").1, ["me", "ana", "ben"]);
        assert_eq!(offered("name ~ run-3").1, [""; 0]);
        assert_eq!(offered("name = run-").1.len(), 5);
        assert!(offered("params.absent = ").1.is_empty() && offered("run_id = ").1.is_empty());
    }
}
