//! What can come next in a filter expression: the keys that exist.

use std::collections::BTreeSet;

use crate::catalog::Catalog;
use crate::mlflow::filter::{Attribute, Field};

/// Completions that are offered.
const OFFERED: usize = 8;

/// Where the word before `cursor` begins, and what it could become.
pub fn completions(catalog: &Catalog, text: &str, cursor: usize) -> (usize, Vec<String>) {
    let before = &text[..cursor];
    if before.matches('\'').count() % 2 == 1 || before.matches('"').count() % 2 == 1 {
        return (cursor, Vec::new());
    }
    // A name between backticks may hold spaces.
    let open_tick = (before.matches('`').count() % 2 == 1).then(|| before.rfind('`')).flatten();
    let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '=' | '<' | '>' | '!');
    let searched = &before[..open_tick.unwrap_or(cursor)];
    let end = searched.char_indices().rfind(|(_, c)| ends(*c));
    let start = end.map_or(0, |(at, c)| at + c.len_utf8());
    let word = before[start..].replace('`', "").to_lowercase();
    if word.is_empty() {
        return (start, Vec::new());
    }
    let mut found: BTreeSet<(bool, usize, String)> = BTreeSet::new();
    let mut offer = |field: &Field| {
        let written = field.to_string();
        let written = written.strip_prefix("attributes.").unwrap_or(&written).to_owned();
        let plain = written.replace('`', "").to_lowercase();
        if plain != word && plain.contains(&word) {
            found.insert((!plain.starts_with(&word), written.len(), written));
        }
    };
    for attribute in Attribute::ALL {
        offer(&Field::Attribute(attribute));
    }
    let texts = &catalog.texts;
    catalog.metrics.keys(texts).for_each(|(key, _)| offer(&Field::Metric(key.to_owned())));
    catalog.params.keys(texts).for_each(|(key, _)| offer(&Field::Param(key.to_owned())));
    catalog.tags.keys(texts).for_each(|(key, _)| offer(&Field::Tag(key.to_owned())));
    (start, found.into_iter().take(OFFERED).map(|(.., written)| written).collect())
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
            artifact_uri: text,
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
        assert!(offered("status = 'va").1.is_empty(), "within a text nothing is completed");
        assert!(offered("").1.is_empty());
        assert_eq!(offered("status = 'x' AND\u{a0}train").0, 18, "behind a space of two bytes");
    }
}
