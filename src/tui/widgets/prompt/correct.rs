//! What is wrong with a filter and can be put right by a key: a name without its kind or its backquotes, a text without
//! quotes, and what is spelt nearly like something that is there.

use std::ops::Range;

use crate::catalog::Catalog;
use crate::catalog::filter::{known_fields, near, unknown_field};
use crate::mlflow::RunStatus;
use crate::mlflow::filter::place::{Place, value};
use crate::mlflow::filter::{Asker, Attribute, Expression, Field, ParseError};
use crate::text::Spelling;

/// What to write, and in place of what (in bytes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    pub span: Range<usize>,
    pub text: String,
}

/// What puts the first mistake of a filter right, if that is plain: the filter is read then, or wrong further on.
pub fn correction(catalog: &Catalog, text: &str) -> Option<Correction> {
    let found = match Expression::parse(text) {
        Err(error) => {
            let found = of_error(catalog, text, &error)?;
            let further = Expression::parse(&found.applied(text)).err();
            let is_better =
                further.is_none_or(|error| error.span.start >= found.span.start + found.text.len());
            is_better.then_some(found)?
        }
        Ok(expression) => of_unknown(catalog, text, &expression)?,
    };
    (text.get(found.span.clone()) != Some(found.text.as_str())).then_some(found)
}

impl Correction {
    /// The text with it.
    pub fn applied(&self, text: &str) -> String {
        let (before, behind) = (text.get(..self.span.start), text.get(self.span.end..));
        format!("{}{}{}", before.unwrap_or(text), self.text, behind.unwrap_or_default())
    }
}

fn of_error(catalog: &Catalog, text: &str, error: &ParseError) -> Option<Correction> {
    let wrong = text.get(error.span.clone()).filter(|wrong| !wrong.is_empty())?;
    if let Some(found) = joined(text, &error.span) {
        return Some(found);
    }
    let put = |text: String| Some(Correction { span: error.span.clone(), text });
    if let Place::Value { of, .. } = Place::behind(&text[..error.span.start]) {
        if Expression::field(&of) == Some(Field::Attribute(Attribute::Status)) {
            let status = RunStatus::ALL.map(RunStatus::as_str).into_iter();
            return put(Spelling::new(&wrong.to_ascii_uppercase()).nearest(status)?.1.to_owned());
        }
        return wrong.contains(' ').then(|| value(wrong, Some('\''))).flatten().and_then(put);
    }
    put(name(catalog, wrong)?)
}

/// AND or OR, where a word among what is wrong is spelt nearly so, and the whole is read with it.
fn joined(text: &str, wrong: &Range<usize>) -> Option<Correction> {
    let words = text.get(wrong.clone())?.split(' ');
    let starts = words.scan(wrong.start, |start, word| {
        let at = *start;
        *start += word.len() + 1;
        Some((at, word))
    });
    let mut found = starts.filter_map(|(start, word)| {
        let joining = match word {
            "&" | "," | ";" | "+" => "AND",
            "|" => "OR",
            _ => Spelling::new(&word.to_ascii_uppercase()).nearest(["AND", "OR"])?.1,
        };
        // A comma stands at what is in front of it.
        let gap = if text[..start].ends_with(' ') { "" } else { " " };
        let found = Correction { span: start..start + word.len(), text: format!("{gap}{joining}") };
        (start > 0 && Expression::parse(&found.applied(text)).is_ok()).then_some(found)
    });
    found.next()
}

type OfKind = fn(String) -> Field;

/// What a name may mean: a key of its kind, a key of whatever kind has it, or the nearest where none is called so.
fn name(catalog: &Catalog, written: &str) -> Option<String> {
    let plain = |key: &str| key.trim_matches(['`', '"']).to_owned();
    let with_kind = written.split_once('.').and_then(|(kind, key)| {
        let of_kind: OfKind = match Spelling::new(kind).nearest(["metrics", "params", "tags"])?.1 {
            "metrics" => Field::Metric,
            "params" => Field::Param,
            _ => Field::Tag,
        };
        Some(of_kind(plain(key)))
    });
    let has = |field: &Field| known_fields(catalog).any(|known| known == *field);
    if let Some(field) = with_kind.as_ref().filter(|field| has(field)) {
        return Some(field.to_string());
    }
    // Keys have dots in them, too.
    let whole = plain(written);
    if let Some(same) = known_fields(catalog).find(|known| key_of(known) == Some(&whole)) {
        return Some(same.to_string());
    }
    let attributes = Attribute::ALL.map(Attribute::as_str).into_iter().chain(["user", "name", "age"]);
    let attribute = Spelling::new(written).nearest(attributes);
    let attribute = attribute.map(|(distance, name)| (distance, name.to_owned()));
    let key = with_kind.as_ref().and_then(key_of).unwrap_or(&whole);
    let key = near(catalog, key).map(|(distance, field)| (distance, field.to_string()));
    let nearest = attribute.into_iter().chain(key).min_by_key(|(distance, _)| *distance);
    // Of a key that nobody knows its quotes are still right.
    nearest.map(|(_, name)| name).or(with_kind.map(|field| field.to_string()))
}

fn key_of(field: &Field) -> Option<&String> {
    match field {
        Field::Metric(key) | Field::Param(key) | Field::Tag(key) => Some(key),
        Field::Attribute(_) | Field::Dataset(_) => None,
    }
}

/// A name that no run has, where another one is near.
fn of_unknown(catalog: &Catalog, text: &str, expression: &Expression) -> Option<Correction> {
    let field = unknown_field(catalog, &expression.at(Asker::default()))?;
    let key = key_of(&field)?;
    let (_, meant) = near(catalog, key)?;
    // As it is written: with its kind, with backquotes or without.
    let starts = text.match_indices(key.as_str()).map(|(at, _)| at);
    let mut spans = starts.filter_map(|at| {
        let start = text[..at]
            .rfind(|c: char| c.is_whitespace() || c == '(')
            .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
        let behind = at + key.len();
        let end = behind + usize::from(text[behind..].starts_with(['`', '"']));
        (Expression::field(text.get(start..end)?).as_ref() == Some(&field)).then_some(start..end)
    });
    Some(Correction { span: spans.next()?, text: meant.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Builder;
    use crate::store::batch::{BatchWriter, MetricCell, TextCell};

    fn catalog() -> Catalog {
        let mut writer = BatchWriter::new(0);
        for key in ["val_loss", "f1-score", "val loss"] {
            let key = writer.text(key);
            writer.batch.metrics.push(MetricCell { run: 0, key, value: 1.0 });
        }
        for key in ["lr", "family"] {
            let (key, value) = (writer.text(key), writer.text("x"));
            writer.batch.params.push(TextCell { run: 0, key, value });
        }
        let text = writer.text("r");
        writer.head(crate::store::batch::Head {
            run_id: text,
            experiment_id: text,
            name: text,
            user: text,
            artifact_pattern: text,
            status: RunStatus::Finished,
            stage: crate::mlflow::LifecycleStage::Active,
            start_time: 0,
            end_time: 0,
        });
        let mut builder = Builder::default();
        builder.fold(&writer.take());
        builder.snapshot()
    }

    #[test]
    fn the_first_mistake_is_put_right_where_it_is_plain() {
        let catalog = catalog();
        let right = |text: &str| correction(&catalog, text).map(|found| found.applied(text));
        for (wrong, text) in [
            // A key without its kind, with signs that need backquotes.
            ("val_loss < 1", "metrics.val_loss < 1"),
            ("f1-score > 0.5 AND lr = 1", "metrics.`f1-score` > 0.5 AND lr = 1"),
            ("metrics.f1-score > 0.5 AND lr = 1", "metrics.f1-score > 0.5 AND params.lr = 1"),
            ("status = FINISHED AND (lr = 1)", "status = FINISHED AND (params.lr = 1)"),
            // Spaces.
            ("metrics.val loss < 1", "metrics.`val loss` < 1"),
            ("metrics.my own < 1", "metrics.`my own` < 1"),
            ("params.family = my own", "params.family = 'my own'"),
            // Misspelt.
            ("statsu = FINISHED", "status = FINISHED"),
            ("status = finishd", "status = FINISHED"),
            ("status != runing", "status != RUNNING"),
            ("status IN (FINISHED, faild)", "status IN (FINISHED, FAILED)"),
            ("metric_s.val_loss < 1", "metrics.val_loss < 1"),
            ("metrics.val_lss < 1", "metrics.val_loss < 1"),
            ("params.familly = x AND metrics.`val loss` < 1", "params.family = x AND metrics.`val loss` < 1"),
            ("metrics.`f1_score` > 0.5", "metrics.`f1-score` > 0.5"),
            ("params.val_loss = 1", "metrics.val_loss = 1"),
            // What joins.
            ("metrics.val_loss < 1 an params.lr = '2'", "metrics.val_loss < 1 AND params.lr = '2'"),
            ("metrics.val_loss < 1 adn params.lr = '2'", "metrics.val_loss < 1 AND params.lr = '2'"),
            ("metrics.val_loss < 1 orr params.lr = 2", "metrics.val_loss < 1 OR params.lr = 2"),
            ("params.lr = '2' adn metrics.val_loss < 1", "params.lr = '2' AND metrics.val_loss < 1"),
            ("params.family = my own adn params.lr = 2", "params.family = 'my own adn params.lr' = 2"),
            ("metrics.val_loss < 1, params.lr = 2", "metrics.val_loss < 1 AND params.lr = 2"),
            ("(metrics.val_loss < 1 an params.lr = 2)", "(metrics.val_loss < 1 AND params.lr = 2)"),
        ] {
            assert_eq!(right(wrong).as_deref(), Some(text), "{wrong}");
        }
        // What is right, and what may mean anything.
        for text in [
            "metrics.val_loss < 1",
            "",
            "age < 1d",
            "user = me",
            "metrics.something_else < 1",
            "no_such_thing = 1",
            "(metrics.val_loss < 1",
            "metrics.val_loss < ",
            "metrics.val_loss <> < 1",
            "日本語 = 1",
        ] {
            assert_eq!(right(text), None, "{text}");
        }
    }

    proptest::proptest! {
        /// Whatever is typed: what is written is what is read, and where it stands are whole letters.
        #[test]
        fn a_correction_is_of_the_text(text in "[a-z.`'\" =<>~()日\u{a0}-]{0,40}") {
            if let Some(found) = correction(&catalog(), &text) {
                proptest::prop_assert!(text.get(found.span.clone()).is_some());
                proptest::prop_assert!(found.applied(&text) != text);
            }
        }
    }
}
