//! Filters as people write them: MLflow's own, and what is easier to write.
//!
//! A text that MLflow takes means what it means there. Beyond that there are `OR` and parentheses; words without quotes, as in
//! `params.family = tree`; keys without backquotes, as in `metrics.val/loss < 1`; `~` and `!~` for regular expressions;
//! `start_time > now-24h`, `start_time = 2026-11-20` and `age < 1d`; `user = me`; `status = failed`; `<` and the like for params and tags that are
//! numbers; `IN` for all texts; `IS NULL` for metrics and times.

use super::parser::{ParseError, parse};
use super::{Attribute, Clause, Comparator, Field, Filter, Number, Test, reader};

/// Who applies a filter, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asker<'a> {
    /// What `now` is, in milliseconds since the epoch.
    pub now: i64,
    /// Who `me` is: the name that runs are logged under.
    pub user: &'a str,
}

/// A filter in which `now` and `me` are still to be told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expression {
    /// They must all hold.
    pub(super) all: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Clause(Clause),
    /// A time, compared with the one so many milliseconds ago.
    Ago(Attribute, Comparator, i64),
    /// The run is `me`'s, or is not.
    Mine(bool),
    /// One of them at least must hold.
    Any(Vec<Expression>),
}

impl Expression {
    /// Reads a filter; an empty text lets everything pass.
    ///
    /// # Errors
    /// Where the text is wrong, and what to write there.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match parse(text) {
            Ok(filter) => Ok(filter.into()),
            Err(error) if text.trim().is_empty() => Err(error),
            Err(_) => reader::read(text),
        }
    }

    /// What a name in an expression means; none for `age` and what has no meaning.
    pub fn field(name: &str) -> Option<Field> {
        reader::named(name, &(0..name.len())).ok()
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether it asks for data sets, which are looked up in a store only.
    pub fn needs_store(&self) -> bool {
        self.at(Asker::default()).needs_store()
    }

    /// Whether other runs pass as time goes by.
    pub fn is_of_now(&self) -> bool {
        self.all.iter().any(|term| match term {
            Term::Ago(..) => true,
            Term::Any(any) => any.iter().any(Self::is_of_now),
            Term::Clause(_) | Term::Mine(_) => false,
        })
    }

    /// What is meant, asked by somebody at a time.
    pub fn at(&self, asker: Asker<'_>) -> Filter {
        let mut filter = Filter::default();
        for term in &self.all {
            match term {
                Term::Clause(clause) => filter.clauses.push(clause.clone()),
                Term::Ago(attribute, comparator, ago) => filter.clauses.push(Clause {
                    field: Field::Attribute(*attribute),
                    test: Test::Number(*comparator, Number::Int(asker.now.saturating_sub(*ago))),
                }),
                Term::Mine(is_mine) => {
                    let comparator = if *is_mine { Comparator::Equal } else { Comparator::NotEqual };
                    filter.clauses.push(Clause {
                        field: Field::Attribute(Attribute::UserId),
                        test: Test::Text(comparator, asker.user.to_owned()),
                    });
                }
                Term::Any(any) => {
                    filter.alternatives.push(any.iter().map(|expression| expression.at(asker)).collect());
                }
            }
        }
        filter
    }
}

impl From<Filter> for Expression {
    fn from(filter: Filter) -> Self {
        let any = |any: Vec<Filter>| Term::Any(any.into_iter().map(Self::from).collect());
        let clauses = filter.clauses.into_iter().map(Term::Clause);
        Self { all: clauses.chain(filter.alternatives.into_iter().map(any)).collect() }
    }
}
