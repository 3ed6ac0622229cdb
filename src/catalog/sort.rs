//! Sorted views of a catalogue: the rows of a table in their order.
//!
//! Numbers are sorted as numbers wherever a value is one, texts behind them, by the numbers in them; NaN and then missing values come
//! last in both directions. The order is total: ties go by start, newest first, and by run id.

use rustc_hash::FxHashMap;

use super::{Bound, Catalog, ColumnSpec, Row, Sym, Value};
use crate::mlflow::RunStatus;
use crate::mlflow::filter::Direction;
pub use crate::mlflow::filter::parse_number;
use crate::mlflow::order::rank;
use crate::text::order::by_digits;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    pub column: ColumnSpec,
    pub direction: Direction,
}

impl SortKey {
    /// Understands a column's name, with ` asc` or ` desc` behind it.
    pub fn parse(text: &str) -> Result<Self, crate::mlflow::filter::ParseError> {
        // Spaces at the end of a key belong to it, unless a direction stands behind them.
        let (name, direction) = match text.trim_end().rsplit_once(' ') {
            Some((name, word)) if word.eq_ignore_ascii_case("desc") => (name, Direction::Descending),
            Some((name, word)) if word.eq_ignore_ascii_case("asc") => (name, Direction::Ascending),
            _ => (text, Direction::Ascending),
        };
        Ok(Self { column: ColumnSpec::parse(name)?, direction })
    }
}

/// All rows in the order of `keys`. `now` is the end of runs that still go on, in milliseconds.
pub fn sorted(catalog: &Catalog, keys: &[SortKey], now: i64) -> Vec<Row> {
    let base = catalog.newest_first.iter().copied();
    let Some((first, rest)) = keys.split_first() else { return base.collect() };
    let first = ranks(catalog, first, now);
    let rest: Vec<Vec<u64>> = rest.iter().map(|key| ranks(catalog, key, now)).collect();
    // The rank and the place in the order of the table without a sort lie together: most comparisons look no further.
    let mut order: Vec<(u64, u32, Row)> =
        base.enumerate().map(|(place, row)| (first[row as usize], place as u32, row)).collect();
    order.sort_unstable_by(|a, b| {
        let further = || {
            let ranks = rest.iter().map(|ranks| ranks[a.2 as usize].cmp(&ranks[b.2 as usize]));
            ranks.into_iter().find(|ordering| ordering.is_ne()).unwrap_or(a.1.cmp(&b.1))
        };
        a.0.cmp(&b.0).then_with(further)
    });
    order.into_iter().map(|(_, _, row)| row).collect()
}

/// Ranks of what is no number lie above those of all numbers, which end with infinity at `0xfff0…`.
const TEXT: u64 = 0xfff1 << 48;
const LAST_TEXT: u64 = (0xfff2 << 48) - 1;
const NAN: u64 = 0xfffe << 48;
const MISSING: u64 = u64::MAX;

/// A number by row that sorts as the cell does.
fn ranks(catalog: &Catalog, key: &SortKey, now: i64) -> Vec<u64> {
    let descending = key.direction == Direction::Descending;
    let number = |value: f64| match rank(value) {
        _ if value.is_nan() => NAN,
        rank if descending => !rank,
        rank => rank,
    };
    let word = |order: u64| if descending { LAST_TEXT - order } else { TEXT + order };
    let mut ranks = vec![MISSING; catalog.runs.len()];
    match Bound::new(catalog, &key.column) {
        Bound::Absent => {}
        Bound::Number(column) => {
            for (row, value) in column.iter() {
                ranks[row as usize] = number(value);
            }
        }
        Bound::Summary(column, statistic) => {
            for (row, summary) in column.iter() {
                ranks[row as usize] = number(summary.pick(statistic).0);
            }
        }
        Bound::Text(column) => {
            let by_text = text_ranks(catalog, column.iter().map(|(_, sym)| sym));
            for (row, sym) in column.iter() {
                ranks[row as usize] = match by_text[&sym] {
                    TextRank::Number(value) => number(value),
                    TextRank::Text(rank) => word(rank),
                };
            }
        }
        Bound::Attribute(ColumnSpec::RunName) => {
            let by_text = text_ranks(catalog, catalog.runs.iter().map(|run| run.name));
            for (rank, run) in ranks.iter_mut().zip(catalog.runs.iter()) {
                *rank = match by_text[&run.name] {
                    TextRank::Number(value) => number(value),
                    TextRank::Text(order) => word(order),
                };
            }
        }
        bound @ Bound::Attribute(_) => {
            let mut texts: Vec<(String, Row)> = Vec::new();
            for row in 0..catalog.runs.len() as Row {
                ranks[row as usize] = match bound.value(catalog, row, now) {
                    Value::Missing => MISSING,
                    Value::Number(value) | Value::Point(value, _) => number(value),
                    Value::Time(ms) | Value::Duration(ms) => number(ms as f64),
                    Value::Count(count) => number(count as f64),
                    Value::Status(status) => number(status_rank(status)),
                    Value::Text(text) => {
                        texts.push((text.to_owned(), row));
                        MISSING
                    }
                    Value::OwnedText(text) => {
                        texts.push((text, row));
                        MISSING
                    }
                };
            }
            if key.column == ColumnSpec::User {
                texts.sort_by(|a, b| by_digits(&a.0, &b.0));
            } else {
                texts.sort();
            }
            let mut rank = 0;
            for i in 0..texts.len() {
                rank += u64::from(i > 0 && texts[i].0 != texts[i - 1].0);
                ranks[texts[i].1 as usize] = word(rank);
            }
        }
    }
    ranks
}

/// Active runs first, then the finished, then what went wrong.
fn status_rank(status: RunStatus) -> f64 {
    f64::from(status as u8)
}

enum TextRank {
    Number(f64),
    Text(u64),
}

/// How each distinct text sorts; every text is read as a number once only.
fn text_ranks(catalog: &Catalog, syms: impl Iterator<Item = Sym>) -> FxHashMap<Sym, TextRank> {
    let mut ranks: FxHashMap<Sym, TextRank> = FxHashMap::default();
    let mut words: Vec<(&str, Sym)> = Vec::new();
    for sym in syms {
        ranks.entry(sym).or_insert_with(|| {
            let text = catalog.texts.get(sym);
            match parse_number(text) {
                Some(value) => TextRank::Number(value),
                None => {
                    words.push((text, sym));
                    TextRank::Text(0)
                }
            }
        });
    }
    words.sort_unstable_by(|a, b| by_digits(a.0, b.0));
    for (rank, (_, sym)) in words.iter().enumerate() {
        ranks.insert(*sym, TextRank::Text(rank as u64));
    }
    ranks
}
