//! What a server can be asked for in a filter, and what is better compared here.

use crate::mlflow::filter::{Clause, Field, Number, Test};

/// Comparisons in one request: MLflow joins a table for each, and a database joins a few dozen at most.
pub const MOST_CLAUSES: usize = 16;
/// Keys that MLflow takes for attributes of a run, whatever stands before them and in whatever quotes.
const TAKEN: [&str; 5] = ["created", "Created", "run name", "Run name", "Run Name"];

/// Whether MLflow understands a comparison as it is meant.
pub fn can_be_asked(clause: &Clause) -> bool {
    let key = match &clause.field {
        Field::Metric(key) | Field::Param(key) | Field::Tag(key) => key.as_str(),
        Field::Attribute(_) | Field::Dataset(_) => "",
    };
    !TAKEN.contains(&key) && !key.contains(['`', '"', '\'']) && can_be_said(&clause.test)
}

/// Texts stand between quotes of one kind, and nothing in them is escaped.
fn can_be_said(test: &Test) -> bool {
    let is_plain = |text: &String| {
        !text.contains(['\\', '`'])
            && !(text.contains('\'') && text.contains('"'))
            && !text.chars().any(char::is_control)
    };
    match test {
        Test::Number(_, Number::Float(number)) => number.is_finite(),
        Test::Text(_, text) => is_plain(text),
        Test::In(list) | Test::NotIn(list) => list.len() <= 100 && list.iter().all(is_plain),
        Test::Number(..) | Test::IsNull | Test::IsNotNull => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::filter::{Comparator, parse};

    #[test]
    fn only_what_mlflow_takes_as_it_is_meant_is_asked() {
        for text in ["metrics.m < 1", "params.`from` = 'a'", "tags.t = \"it's\"", "attributes.created > 5"] {
            assert!(can_be_asked(&parse(text).unwrap().clauses[0]), "{text}");
        }
        for text in ["metrics.created < 1", "params.`run name` = 'a'", "tags.Created = 'x'"] {
            assert!(!can_be_asked(&parse(text).unwrap().clauses[0]), "{text}");
        }
        let text = |value: &str| Clause {
            field: Field::Param("p".into()),
            test: Test::Text(Comparator::Equal, value.into()),
        };
        for value in ["it's \"x\"", "C:\\data\\", "two\nlines"] {
            assert!(!can_be_asked(&text(value)), "{value}");
        }
    }
}
