//! Folds in the order of time, as scikit-learn's `TimeSeriesSplit` has them: each is trained on what was before, and scored on
//! what follows.

use super::{Fold, Split, SplitPlan};
use crate::learn::data::{ColumnValues, DataColumn, DataError, DateOrder, GAP, ORDERS, moment};
use crate::text::counted;

/// Of each row of the frame what it is ordered by; NaN where that is not asked for. -0 is 0.
pub fn keys(name: &str, column: &DataColumn, rows: &[u32]) -> Result<Vec<f64>, DataError> {
    super::check_filled(column, rows, "time")?;
    let (codes, levels) = match &column.values {
        ColumnValues::Numbers(numbers) => return Ok(numbers.iter().map(|number| number + 0.0).collect()),
        ColumnValues::Texts { codes, levels } => (codes, levels),
    };
    let mut is_met = vec![false; levels.len()];
    for row in rows {
        is_met[codes[*row as usize] as usize] = true;
    }
    // Dates that are not all written alike have an order all the same.
    let met = || levels.iter().zip(&is_met).filter(|(_, is_met)| **is_met).map(|(level, _)| level);
    let possible: Vec<DateOrder> =
        ORDERS.into_iter().filter(|order| met().all(|level| moment(level, *order).is_some())).collect();
    let [order] = possible[..] else {
        let dates = "--time-column needs numbers, or dates such as 2026-11-29 or 2026-11-29T10:18:02";
        let is_one = |level: &String| ORDERS.into_iter().any(|order| moment(level, order).is_some());
        return Err(DataError::Target(match met().find(|level| !is_one(level)) {
            Some(other) => {
                let other: String = other.chars().take(40).collect();
                format!("{name} has {other:?}, which is not a date; {dates}")
            }
            None if possible.is_empty() => format!("the dates of {name} are not all in one order; {dates}"),
            None => format!("in all dates of {name} the day and the month could change places; {dates}"),
        }));
    };
    let of = |level: &String| moment(level, order).map_or(f64::NAN, |moment| moment.utc);
    let of: Vec<f64> = levels.iter().map(of).collect();
    Ok(codes.iter().map(|code| if *code == GAP { f64::NAN } else { of[*code as usize] }).collect())
}

/// Holds out the latest rows, and orders the others. Rows of the same time stay together.
pub fn split(name: &str, column: &DataColumn, rows: &[u32], plan: &SplitPlan) -> Result<Split, DataError> {
    let keys = keys(name, column, rows)?;
    let key = |row: u32| keys[row as usize];
    let mut order = rows.to_vec();
    order.sort_by(|a, b| key(*a).total_cmp(&key(*b)).then(a.cmp(b)));
    // The first of those with the same time.
    let first = |at: usize| {
        let time = key(order[at]);
        order.partition_point(|row| key(*row).total_cmp(&time).is_lt())
    };
    let count = order.len();
    let held_out = ((count as f64 * plan.test_size).round() as usize).clamp(1, count.max(1));
    let end = if count == 0 { 0 } else { first(count - held_out) };
    let size = end / (plan.folds + 1);
    let mut starts: Vec<usize> = Vec::with_capacity(plan.folds + 1);
    if size > 0 {
        starts.extend((0..plan.folds).map(|fold| first(end - (plan.folds - fold) * size)));
    }
    starts.push(end);
    if starts.len() <= plan.folds || starts[0] == 0 || starts.windows(2).any(|pair| pair[0] >= pair[1]) {
        let is_one = |a: &u32, b: &u32| key(*a).total_cmp(&key(*b)).is_eq();
        let times: Vec<usize> = order[..end].chunk_by(is_one).map(<[u32]>::len).collect();
        return Err(DataError::Target(too_alike(name, plan.folds, &times, count)));
    }
    let sorted = |rows: &[u32]| {
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        rows
    };
    let folds = starts.windows(2);
    let folds = folds
        .map(|pair| Fold { train: sorted(&order[..pair[0]]), validation: sorted(&order[pair[0]..pair[1]]) });
    Ok(Split {
        train: sorted(&order[..end]),
        test: sorted(&order[end..]),
        folds: folds.collect(),
        test_from: order.get(end).copied(),
    })
}

/// Why rows cannot be dealt to folds in their order: of so many rows each time before the test set has these.
fn too_alike(name: &str, folds: usize, times: &[usize], count: usize) -> String {
    let rows: usize = times.iter().sum();
    let most = times.iter().max().copied().unwrap_or_default();
    let met = format!("{} before the test set", counted(times.len(), "different time"));
    match times.len() {
        // The last of them has all the rows of the test set, and more.
        0 => format!(
            "{name} has the same time in all of {}, or in so many that none comes before the test set; choose another --time-column",
            counted(count, "row")
        ),
        1 | 2 => format!("{name} has only {met}, and folds need at least 3; choose another --time-column"),
        some if some <= folds => {
            format!("{name} has {met}, too few for {folds} folds; use {} --folds or fewer", some - 1)
        }
        _ => format!(
            "{name} has {met}, but {most} of {} have the same one, so {folds} folds would divide them; use fewer --folds, or a \
             --time-column that tells more rows apart",
            counted(rows, "row")
        ),
    }
}
