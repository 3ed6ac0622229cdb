//! What of a filter a server is asked, and what is left to be checked on the runs that it answers with.
//!
//! Not everything that can be meant can be said to MLflow: a text in a filter ends at the next quote of its kind,
//! nothing stands for a quote, and a backslash before a quote joins two texts. Such a comparison is asked for with a
//! pattern that lets too much through, or not at all, and done here.

use super::{Attribute, Clause, Comparator, Field, Filter, Number, Test, python};
use crate::mlflow::Run;

/// A filter as it is sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    /// In MLflow's language. All runs that pass the filter pass this; others may.
    pub text: String,
    /// What a run has to pass besides.
    rest: Filter,
}

impl Query {
    pub fn new(filter: &Filter) -> Self {
        Self::of(filter, said)
    }

    /// Whether a server is asked for a comparison at all, and does not answer with all runs.
    pub fn asks(clause: &Clause) -> bool {
        !matches!(said(clause), Said::NotAtAll)
    }

    /// Whether a server of MLflow 2 finds a text in a list: it leaves out what has a capital letter, or no small one.
    pub fn lists(text: &str) -> bool {
        let is_small = |c: char| !c.is_uppercase() && c.to_lowercase().eq([c]);
        text.chars().any(char::is_lowercase) && text.chars().all(is_small)
    }

    /// For a server of MLflow 2, which knows no `IS NULL`. None where the filter does not ask for it.
    pub fn without_null(filter: &Filter) -> Option<Self> {
        let asks = |clause: &Clause| {
            matches!(clause.field, Field::Param(_) | Field::Tag(_))
                && matches!(clause.test, Test::IsNull | Test::IsNotNull)
        };
        filter.clauses.iter().any(asks).then(|| {
            Self::of(filter, |clause| match (&clause.field, &clause.test) {
                (Field::Param(_) | Field::Tag(_), Test::IsNull) => Said::NotAtAll,
                (Field::Param(_) | Field::Tag(_), Test::IsNotNull) => any_value(&clause.field),
                _ => said(clause),
            })
        })
    }

    fn of(filter: &Filter, said: impl Fn(&Clause) -> Said) -> Self {
        let alternatives = filter.alternatives.clone();
        let mut query = Self { text: String::new(), rest: Filter { clauses: Vec::new(), alternatives } };
        for clause in &filter.clauses {
            let said = said(clause);
            if !matches!(said, Said::Exactly(_)) {
                query.rest.clauses.push(clause.clone());
            }
            if let Said::Exactly(text) | Said::Widely(text) = said {
                query.text.push_str(if query.text.is_empty() { "" } else { " AND " });
                query.text.push_str(&text);
            }
        }
        query
    }

    /// Whether the server's answer is all there is to it.
    pub fn is_exact(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether a run that the server answered with passes.
    pub fn passes(&self, run: &Run) -> bool {
        self.rest.matches(run)
    }
}

enum Said {
    Exactly(String),
    /// More runs pass than should.
    Widely(String),
    NotAtAll,
}

fn said(clause: &Clause) -> Said {
    if let Some(said) = said_of_more(clause) {
        return said;
    }
    let Some(field) = name(&clause.field) else { return Said::NotAtAll };
    let text = match &clause.test {
        // MLflow 2 takes NaN for 0, so that NaN would be left out with it; no value that it keeps is infinite.
        Test::Number(Comparator::NotEqual, number)
            if number.as_f64() == 0.0 && matches!(clause.field, Field::Metric(_)) =>
        {
            return Said::Widely(format!("{field} != {}", number_text(Number::Float(f64::INFINITY))));
        }
        Test::Number(comparator, number) => {
            let text = format!("{field} {} {}", comparator.as_str(), number_text(*number));
            let is_metric = matches!(clause.field, Field::Metric(_));
            return if is_metric { Said::Widely(text) } else { Said::Exactly(text) };
        }
        Test::Text(comparator, text) => match quoted(text) {
            Some(text) => format!("{field} {} {text}", comparator.as_str()),
            None if *comparator == Comparator::NotEqual => return any_value(&clause.field),
            None => {
                let comparator =
                    if *comparator == Comparator::ILike { Comparator::ILike } else { Comparator::Like };
                let pattern = text.replace(['\'', '\\'], "_");
                return Said::Widely(format!("{field} {} '{pattern}'", comparator.as_str()));
            }
        },
        Test::In(list) if list.iter().all(|text| Query::lists(text)) => {
            format!("{field} IN ({})", literals(list))
        }
        Test::In(list) => match list.as_slice() {
            [only] => {
                let test = Test::Text(Comparator::Equal, only.clone());
                return said(&Clause { field: clause.field.clone(), test });
            }
            _ => return any_value(&clause.field),
        },
        Test::NotIn(list) => return Said::Widely(format!("{field} NOT IN ({})", literals(list))),
        Test::IsNull => format!("{field} IS NULL"),
        Test::IsNotNull => format!("{field} IS NOT NULL"),
        Test::Matches(_) | Test::MatchesNot(_) => return Said::NotAtAll,
    };
    Said::Exactly(text)
}

/// What is said of a comparison that MLflow does not make; none of what it makes.
fn said_of_more(clause: &Clause) -> Option<Said> {
    match (&clause.field, &clause.test) {
        (Field::Metric(_), Test::IsNotNull) => {
            // No value that it keeps is infinite.
            let test = Test::Number(Comparator::NotEqual, Number::Float(f64::INFINITY));
            Some(said(&Clause { field: clause.field.clone(), test }))
        }
        (Field::Metric(_), Test::IsNull) => Some(Said::NotAtAll),
        (Field::Param(_) | Field::Tag(_) | Field::Attribute(_), Test::In(list))
            if list.len() == 1 && clause.field != Field::Attribute(Attribute::RunId) =>
        {
            let test = Test::Text(Comparator::Equal, list[0].clone());
            Some(said(&Clause { field: clause.field.clone(), test }))
        }
        (Field::Param(_) | Field::Tag(_), test) => {
            let is_theirs = matches!(test, Test::Text(..) | Test::IsNull | Test::IsNotNull);
            (!is_theirs).then(|| any_value(&clause.field))
        }
        (Field::Dataset(_), Test::Matches(_) | Test::MatchesNot(_)) => Some(any_value(&clause.field)),
        (Field::Attribute(attribute), test) => {
            let is_list = matches!(test, Test::In(_) | Test::NotIn(_)) && *attribute == Attribute::RunId;
            let is_theirs = is_list || matches!(test, Test::Text(..) | Test::Number(..));
            (!is_theirs).then_some(Said::NotAtAll)
        }
        _ => None,
    }
}

/// That there is a value at all.
fn any_value(field: &Field) -> Said {
    name(field).map_or(Said::NotAtAll, |name| Said::Widely(format!("{name} LIKE '%'")))
}

/// The field with its key in quotes; none if MLflow would not read this key.
fn name(field: &Field) -> Option<String> {
    let (kind, key) = match field {
        Field::Metric(key) => ("metrics", key),
        Field::Param(key) => ("params", key),
        Field::Tag(key) => ("tags", key),
        Field::Attribute(_) | Field::Dataset(_) => return Some(field.to_string()),
    };
    // Older names of attributes, which MLflow takes for those in metrics, params and tags as well.
    let is_renamed = matches!(key.as_str(), "created" | "Created" | "run name" | "Run name" | "Run Name");
    if is_renamed { None } else { quoted_key(key).map(|key| format!("{kind}.{key}")) }
}

/// The key in the first quotes that it fits in.
pub(super) fn quoted_key(key: &str) -> Option<String> {
    if !key.contains('`') {
        return Some(format!("`{key}`"));
    }
    // Within other quotes, backquotes around the whole key would be taken off too.
    let keeps_backquotes = !(key.starts_with('`') && key.ends_with('`'));
    let fits = |quote: &char| !key.contains(*quote) && !key.ends_with('\\') && keeps_backquotes;
    ['"', '\''].into_iter().find(fits).map(|quote| format!("{quote}{key}{quote}"))
}

/// The text in quotes. MLflow takes what stands between them as it is.
pub(super) fn quoted(text: &str) -> Option<String> {
    let fits = |quote: &char| !text.contains(*quote) && !text.ends_with('\\');
    ['\'', '"'].into_iter().find(fits).map(|quote| format!("{quote}{text}{quote}"))
}

fn literals(list: &[String]) -> String {
    list.iter().map(|text| python::literal(text)).collect::<Vec<_>>().join(", ")
}

/// MLflow knows no word for infinity, but reads a number that is too large as such.
fn number_text(number: Number) -> String {
    match number {
        Number::Int(int) => int.to_string(),
        Number::Float(float) if float.is_infinite() => (if float > 0.0 { "1e400" } else { "-1e400" }).into(),
        Number::Float(float) => format!("{float:?}"),
    }
}
