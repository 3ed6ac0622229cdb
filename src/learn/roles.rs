//! What becomes of each column: decided once for a whole sweep, on all rows that have a target, so that every fold judges
//! the model that is logged. What is learnt of a column, in [`super::prepare`], is not decided here.

use std::hash::Hasher as _;

use rustc_hash::{FxHashMap, FxHasher};

use super::calendar::{TIME_PARTS, TimePart};
use super::data::{
    ColumnKind, ColumnValues, DataColumn, DataError, DataFrame, ExcludedColumn, Exclusion, Target,
};
use super::folds::{Order, SplitPlan, keys};
use super::means;
use super::prepare::counts;

/// A text column becomes at most so many features, one a level; of more levels it is what the target is like for each, or where
/// there are too many classes for that, the most frequent levels have a feature, and others are none of them.
const MOST_LEVELS: usize = 100;
/// A text of more levels than these, and than half of the rows, is taken for an identifier.
const FEW_LEVELS: usize = 20;
/// How many times its span a column of numbers has to be away from 0 to be counted from its least value.
const FAR: f64 = 8.0;

/// What becomes of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnRole {
    /// It is predicted.
    Target,
    /// A number, in single precision, counted from a base: 0, unless single precision would lose digits otherwise.
    Number {
        /// What is taken off it.
        base: f64,
        /// Where single precision does not tell its values apart.
        lost: Option<PrecisionLoss>,
    },
    /// One feature for each of these levels.
    Levels(Vec<u32>),
    /// What the target is like for each of these levels, of which there are many.
    Means(Vec<u32>),
    /// A date, one feature for each of these parts.
    Time {
        /// The first one, in seconds since 1970.
        base: f64,
        /// Those that differ between rows.
        parts: Vec<TimePart>,
    },
    /// It is not learnt from.
    LeftOut(Exclusion),
}

/// How many different values there are, and how many of them single precision tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrecisionLoss {
    /// Different values.
    pub of: usize,
    /// Different ones in single precision.
    pub told_apart: usize,
}

/// A role for each column of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Roles {
    columns: Vec<ColumnRole>,
    /// What keeps rows together.
    order: Order,
}

/// Columns that are told of one by one.
const TOLD: usize = 8;

/// Which columns are excluded, and why.
fn told_of(left_out: &[ExcludedColumn]) -> String {
    let each = left_out
        .iter()
        .take(TOLD)
        .map(|ExcludedColumn { name, why }| format!("; {name} is excluded: {}", why.in_words()));
    let more = left_out.len().saturating_sub(TOLD);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    each.chain([more]).collect()
}

impl Roles {
    /// By the rows that have a target. Nothing is learnt from the column that folds go by, nor from that of weights.
    ///
    /// # Errors
    /// Where no column is left to learn from.
    pub fn decide(
        frame: &DataFrame,
        target: &Target,
        plan: &SplitPlan,
        weight_column: Option<&str>,
    ) -> Result<Self, DataError> {
        let folds_by = plan.column();
        let of = |(at, column): (usize, &DataColumn)| {
            if at == target.column {
                ColumnRole::Target
            } else if folds_by == Some(column.name.as_str()) {
                ColumnRole::LeftOut(Exclusion::Folds)
            } else if weight_column == Some(column.name.as_str()) {
                ColumnRole::LeftOut(Exclusion::Weights)
            } else {
                role(column, &target.rows, means::width(&target.values).is_some())
            }
        };
        let columns = frame.columns.iter().enumerate().map(of).collect();
        let mut roles = Self { columns, order: Order::of(frame, target, plan)? };
        if let Some(name) = &plan.time_column {
            roles.leave_times_out(frame, name, &target.rows);
        }
        roles.leave_duplicates_out(frame, &target.rows);
        if roles.learnt() == 0 {
            return Err(DataError::Target(format!(
                "all columns of {} besides {} are constant or excluded; there is nothing to learn from{}",
                frame.name,
                target.name,
                told_of(&roles.left_out(frame))
            )));
        }
        Ok(roles)
    }

    /// The role of the column at that place of the frame.
    pub fn of(&self, column: usize) -> &ColumnRole {
        &self.columns[column]
    }

    /// What keeps rows together.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// How many columns are learnt from.
    pub fn learnt(&self) -> usize {
        (0..self.columns.len()).filter(|column| self.is_learnt(*column)).count()
    }

    /// Whether the column at that place of the frame is learnt from.
    pub fn is_learnt(&self, column: usize) -> bool {
        !matches!(self.columns[column], ColumnRole::Target | ColumnRole::LeftOut(_))
    }

    /// Nothing is learnt from what tells the time that folds go by in another form: other dates, another unit, another zone.
    fn leave_times_out(&mut self, frame: &DataFrame, name: &str, rows: &[u32]) {
        let times = |at: usize| {
            let column = &frame.columns[at];
            keys(&column.name, column, rows).ok()
        };
        let Some(of) = frame.column(name).and_then(times) else { return };
        for at in 0..self.columns.len() {
            if self.is_learnt(at) && times(at).is_some_and(|own| are_one_time(&of, &own, rows)) {
                self.columns[at] = ColumnRole::LeftOut(Exclusion::SameTime { of: name.to_owned() });
            }
        }
    }

    /// Of columns with the same values in all rows the first one is learnt from.
    fn leave_duplicates_out(&mut self, frame: &DataFrame, rows: &[u32]) {
        let mut known: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
        for at in 0..self.columns.len() {
            if !self.is_learnt(at) {
                continue;
            }
            let column = &frame.columns[at];
            let alike = known.entry(hash(column, rows)).or_default();
            match alike.iter().find(|other| are_equal(&frame.columns[**other], column, rows)) {
                Some(first) => {
                    let of = frame.columns[*first].name.clone();
                    self.columns[at] = ColumnRole::LeftOut(Exclusion::Duplicate { of });
                }
                None => alike.push(at),
            }
        }
    }

    /// The columns that are not learnt from: what was not read, and what was.
    pub fn left_out(&self, frame: &DataFrame) -> Vec<ExcludedColumn> {
        let read = frame.columns.iter().zip(&self.columns).filter_map(|(column, role)| match role {
            ColumnRole::LeftOut(why) => Some(ExcludedColumn { name: column.name.clone(), why: why.clone() }),
            _ => None,
        });
        frame.left_out.iter().cloned().chain(read).collect()
    }
}

fn bits(number: f64) -> u64 {
    // Gaps of any bits are gaps, and 0 is 0.
    if number.is_nan() { f64::NAN.to_bits() } else { (number + 0.0).to_bits() }
}

fn hash(column: &DataColumn, rows: &[u32]) -> u64 {
    let mut hasher = FxHasher::default();
    match &column.values {
        ColumnValues::Numbers(numbers) => {
            rows.iter().map(|row| numbers[*row as usize]).for_each(|number| hasher.write_u64(bits(number)));
        }
        ColumnValues::Texts { codes, .. } => {
            for row in rows {
                hasher.write_u32(codes[*row as usize]);
            }
        }
    }
    hasher.finish()
}

fn are_equal(one: &DataColumn, other: &DataColumn, rows: &[u32]) -> bool {
    match (&one.values, &other.values) {
        (ColumnValues::Numbers(one), ColumnValues::Numbers(other)) => {
            rows.iter().all(|row| bits(one[*row as usize]) == bits(other[*row as usize]))
        }
        (
            ColumnValues::Texts { codes, levels },
            ColumnValues::Texts { codes: other_codes, levels: other_levels },
        ) => {
            levels == other_levels
                && rows.iter().all(|row| codes[*row as usize] == other_codes[*row as usize])
        }
        _ => false,
    }
}

/// Whether one of two columns is the other in another unit and from another beginning.
fn are_one_time(one: &[f64], other: &[f64], rows: &[u32]) -> bool {
    let pairs = || rows.iter().map(|row| (one[*row as usize], other[*row as usize]));
    let Some(first) = pairs().min_by(|a, b| a.0.total_cmp(&b.0)) else { return false };
    let Some(last) = pairs().max_by(|a, b| a.0.total_cmp(&b.0)) else { return false };
    let (span, other_span) = (last.0 - first.0, last.1 - first.1);
    let is_like =
        |(one, other): (f64, f64)| ((one - first.0) / span - (other - first.1) / other_span).abs() < 1e-9;
    // One that falls tells it too, as the days that are left.
    span > 0.0 && other_span.abs() > 0.0 && pairs().all(is_like)
}

fn role(column: &DataColumn, rows: &[u32], can_be_means: bool) -> ColumnRole {
    match &column.values {
        ColumnValues::Numbers(moments) if matches!(column.kind, ColumnKind::Time(_)) => {
            of_dates(moments, rows)
        }
        ColumnValues::Numbers(numbers) => of_numbers(numbers, rows),
        ColumnValues::Texts { codes, levels } => of_texts(codes, levels, rows, can_be_means),
    }
}

fn of_texts(codes: &[u32], levels: &[String], rows: &[u32], can_be_means: bool) -> ColumnRole {
    let counts = counts(codes, levels.len(), rows);
    let mut met: Vec<u32> = (0..levels.len() as u32).filter(|code| counts[*code as usize] > 0).collect();
    match met.len() {
        0 => return ColumnRole::LeftOut(Exclusion::Empty),
        1 => return ColumnRole::LeftOut(Exclusion::Constant),
        count if count > FEW_LEVELS && count * 2 > rows.len() => {
            let example = levels[met[0] as usize].chars().take(40).collect();
            return ColumnRole::LeftOut(Exclusion::Identifier { levels: count, rows: rows.len(), example });
        }
        count if count > MOST_LEVELS && can_be_means => return ColumnRole::Means(met),
        _ => {}
    }
    met.sort_by_key(|code| (std::cmp::Reverse(counts[*code as usize]), *code));
    met.truncate(MOST_LEVELS);
    met.sort_unstable();
    ColumnRole::Levels(met)
}

fn of_dates(moments: &[f64], rows: &[u32]) -> ColumnRole {
    let known = || rows.iter().map(|row| moments[*row as usize]).filter(|moment| !moment.is_nan());
    let Some(base) = known().min_by(f64::total_cmp) else { return ColumnRole::LeftOut(Exclusion::Empty) };
    let differs = |part: &TimePart| {
        let first = part.of(base, base);
        known().any(|moment| part.of(moment, base).total_cmp(&first).is_ne())
    };
    let parts: Vec<TimePart> = TIME_PARTS.into_iter().filter(differs).collect();
    if parts.is_empty() { ColumnRole::LeftOut(Exclusion::Constant) } else { ColumnRole::Time { base, parts } }
}

fn of_numbers(numbers: &[f64], rows: &[u32]) -> ColumnRole {
    let known = || rows.iter().map(|row| numbers[*row as usize]).filter(|number| !number.is_nan());
    let (least, most) = known().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), number| {
        (least.min(number), most.max(number))
    });
    if least > most {
        return ColumnRole::LeftOut(Exclusion::Empty);
    }
    if least.total_cmp(&most).is_eq() {
        return ColumnRole::LeftOut(Exclusion::Constant);
    }
    let is_exact = |number: f64| f64::from(number as f32).total_cmp(&number).is_eq();
    if known().all(is_exact) {
        return ColumnRole::Number { base: 0.0, lost: None };
    }
    let mut values: Vec<f64> = known().collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    let told_apart = |base: f64| {
        let mut singles: Vec<f32> = values.iter().map(|value| (value - base) as f32).collect();
        singles.dedup();
        singles.len()
    };
    let (plain, size) = (told_apart(0.0), least.abs().max(most.abs()));
    let (base, found) = if plain < values.len() && size > FAR * (most - least) {
        (least, told_apart(least))
    } else {
        (0.0, plain)
    };
    // Some of many random digits are always lost, and nobody misses them.
    let is_lost = found * 10 < values.len() * 9;
    ColumnRole::Number {
        base,
        lost: is_lost.then_some(PrecisionLoss { of: values.len(), told_apart: found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[f64]) -> ColumnRole {
        of_numbers(values, &(0..values.len() as u32).collect::<Vec<_>>())
    }

    #[test]
    fn what_lies_far_from_zero_is_counted_from_its_least_value() {
        let plain = ColumnRole::Number { base: 0.0, lost: None };
        assert_eq!(numbers(&[1.0, 2.5, f64::NAN, -3.0]), plain);
        assert_eq!(numbers(&[0.1, 0.2, 0.3]), plain, "no two are taken for one");
        // Seconds of a day in 2026, in milliseconds.
        let times: Vec<f64> =
            (0..86_400).map(|second| 1_795_700_000_000.0 + f64::from(second) * 1e3).collect();
        assert_eq!(numbers(&times), ColumnRole::Number { base: times[0], lost: None });
        // The same with 0 for what is not known: no base helps.
        let spoilt: Vec<f64> = times.iter().copied().chain([0.0]).collect();
        let ColumnRole::Number { base, lost: Some(lost) } = numbers(&spoilt) else {
            panic!("{:?}", numbers(&spoilt))
        };
        assert!(base.total_cmp(&0.0).is_eq() && lost.of == 86_401 && lost.told_apart < 1_000, "{lost:?}");
    }
}
