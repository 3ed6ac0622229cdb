//! Folds of whole groups: as large as each other, and with the classes alike, as far as groups can be dealt so. The way is
//! that of scikit-learn's `GroupKFold` and `StratifiedGroupKFold`.

use fastrand::Rng;

use super::{Fold, Split, SplitPlan, from_dealt};
use crate::learn::data::{ColumnValues, DataColumn, DataError, GAP, Target, TargetValues};
use crate::learn::families::seed_of;

/// Ways to deal groups by chance, of which the most even one is taken.
const TRIES: usize = 32;

/// Of each row of the frame its group, counted from 0 in the order of their values, and how many there are.
pub fn groups(column: &DataColumn, rows: &[u32]) -> Result<(Vec<u32>, usize), DataError> {
    super::check_filled(column, rows, "group")?;
    column.check_exact()?;
    let mut of = vec![GAP; column_length(column)];
    let mut count = 0;
    match &column.values {
        ColumnValues::Texts { codes, levels } => {
            let mut place = vec![GAP; levels.len()];
            for row in rows {
                place[codes[*row as usize] as usize] = 0;
            }
            for place in place.iter_mut().filter(|place| **place == 0) {
                *place = count;
                count += 1;
            }
            for row in rows {
                of[*row as usize] = place[codes[*row as usize] as usize];
            }
        }
        ColumnValues::Numbers(numbers) => {
            let mut sorted: Vec<u32> = rows.to_vec();
            // -0 is 0.
            let number = |row: &u32| numbers[*row as usize] + 0.0;
            sorted.sort_unstable_by(|a, b| number(a).total_cmp(&number(b)));
            for equal in sorted.chunk_by(|a, b| number(a).total_cmp(&number(b)).is_eq()) {
                for row in equal {
                    of[*row as usize] = count;
                }
                count += 1;
            }
        }
    }
    Ok((of, count as usize))
}

fn column_length(column: &DataColumn) -> usize {
    match &column.values {
        ColumnValues::Numbers(numbers) => numbers.len(),
        ColumnValues::Texts { codes, .. } => codes.len(),
    }
}

/// How many rows of each class a group has; of numbers there is one class.
struct Group {
    number: u32,
    classes: Vec<(usize, f64)>,
    rows: f64,
    /// How much it differs from a group with as many of each class.
    spread: f64,
}

/// Parts under way, that groups are dealt to.
struct Deal {
    /// Of each part the share of the rows that it is to have, over that of an even one.
    shares: Vec<f64>,
    totals: Vec<f64>,
    /// Of each class the rows of each part.
    counts: Vec<Vec<f64>>,
    rows: Vec<f64>,
    deviations: Vec<f64>,
    /// Classes that are met.
    met: f64,
}

impl Deal {
    fn new(shares: &[f64], groups: &[Group], classes: usize) -> Self {
        let mut totals = vec![0.0; classes];
        for (class, rows) in groups.iter().flat_map(|group| &group.classes) {
            totals[*class] += rows;
        }
        Self {
            shares: shares.iter().map(|share| share * shares.len() as f64).collect(),
            met: totals.iter().filter(|total| **total > 0.0).count() as f64,
            totals,
            counts: vec![vec![0.0; shares.len()]; classes],
            rows: vec![0.0; shares.len()],
            deviations: vec![0.0; classes],
        }
    }

    /// How differently full of a class the parts are.
    fn deviation(&self, class: usize) -> f64 {
        let fill = |(rows, share): (&f64, &f64)| rows / self.totals[class] / share;
        let fills = || self.counts[class].iter().zip(&self.shares).map(fill);
        let count = self.shares.len() as f64;
        let mean = fills().sum::<f64>() / count;
        (fills().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt()
    }

    /// How uneven the parts are.
    fn unevenness(&self) -> f64 {
        self.deviations.iter().sum::<f64>() / self.met
    }

    /// Puts a group where the parts stay most alike, of equally good ones where the fewest rows are.
    fn put(&mut self, group: &Group) -> usize {
        let before = self.deviations.clone();
        let (mut best, mut least, mut fewest) = (0, f64::INFINITY, f64::INFINITY);
        for part in 0..self.shares.len() {
            let rows = self.rows[part] / self.shares[part];
            // Of a single class the emptiest part is it, and rounding has no say.
            let uneven = if self.deviations.len() == 1 { 0.0 } else { self.with(group, part, &before) };
            // As NumPy takes numbers for close.
            let is_close = (uneven - least).abs() <= 1e-8 + 1e-5 * least.abs();
            if uneven < least || (is_close && rows < fewest) {
                (best, least, fewest) = (part, uneven, rows);
            }
        }
        self.with(group, best, &before);
        for (class, rows) in &group.classes {
            self.counts[*class][best] += rows;
        }
        self.rows[best] += group.rows;
        best
    }

    /// How uneven the parts would be, `before` being the deviations without the group; `deviations` are those with it.
    fn with(&mut self, group: &Group, part: usize, before: &[f64]) -> f64 {
        self.deviations.copy_from_slice(before);
        for (class, rows) in &group.classes {
            self.counts[*class][part] += rows;
            self.deviations[*class] = self.deviation(*class);
            self.counts[*class][part] -= rows;
        }
        self.unevenness()
    }
}

/// Of each group the part that it is dealt to, in that order, and how uneven the parts are.
fn deal(order: &[usize], groups: &[Group], classes: usize, shares: &[f64]) -> (Vec<usize>, f64) {
    let mut deal = Deal::new(shares, groups, classes);
    let mut parts = vec![0; groups.len()];
    for at in order {
        parts[*at] = deal.put(&groups[*at]);
    }
    (parts, deal.unevenness())
}

/// The most even of some deals by chance that are possible.
fn most_even(
    groups: &[Group],
    classes: usize,
    shares: &[f64],
    rng: &mut Rng,
    is_possible: impl Fn(&[usize]) -> bool,
) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = (0..groups.len()).collect();
    let mut best: Option<(Vec<usize>, f64)> = None;
    for _ in 0..TRIES {
        rng.shuffle(&mut order);
        let (parts, uneven) = deal(&order, groups, classes, shares);
        if is_possible(&parts) && best.as_ref().is_none_or(|(_, least)| uneven < *least) {
            best = Some((parts, uneven));
        }
    }
    best.map(|(parts, _)| parts)
}

/// Those that are met among the rows.
fn met(of: &[u32], count: usize, target: &Target) -> (Vec<Group>, usize) {
    let classes = match &target.values {
        TargetValues::Numbers(_) => 1,
        TargetValues::Classes { count, .. } => *count,
    };
    let class = |row: u32| match &target.values {
        TargetValues::Numbers(_) => 0,
        TargetValues::Classes { classes, .. } => classes[row as usize],
    };
    let mut pairs: Vec<(u32, u32)> = target.rows.iter().map(|row| (of[*row as usize], class(*row))).collect();
    pairs.sort_unstable();
    let mut groups = Vec::with_capacity(count);
    for pairs in pairs.chunk_by(|a, b| a.0 == b.0) {
        let counts = pairs.chunk_by(|a, b| a.1 == b.1).map(|equal| (equal[0].1 as usize, equal.len() as f64));
        let (counts, rows): (Vec<_>, _) = (counts.collect(), pairs.len() as f64);
        let squares: f64 = counts.iter().map(|(_, count)| count * count).sum();
        let mean = rows / classes as f64;
        let spread = (squares / classes as f64 - mean * mean).max(0.0).sqrt();
        groups.push(Group { number: pairs[0].0, classes: counts, rows, spread });
    }
    (groups, classes)
}

/// Holds out whole groups, and deals the others to folds.
pub fn split(
    name: &str,
    column: &DataColumn,
    target: &Target,
    plan: &SplitPlan,
    seed: u64,
) -> Result<Split, DataError> {
    let folds = plan.folds;
    let (of, count) = groups(column, &target.rows)?;
    let wrong = |message: String| Err(DataError::Target(message));
    if count < folds + 1 {
        return wrong(format!(
            "{name} has {}, but {folds} folds and a test set need at least {}; {}",
            crate::text::counted(count, "group"),
            folds + 1,
            if count > 2 { "use fewer --folds" } else { "choose another --group-column" }
        ));
    }
    let mut rng = Rng::with_seed(seed);
    let (groups, classes) = met(&of, count, target);
    let shares = [1.0 - plan.test_size, plan.test_size];
    let held_out = |parts: &[usize]| parts.iter().filter(|part| **part == 1).count();
    let is_possible = |parts: &[usize]| held_out(parts) > 0 && count - held_out(parts) >= folds;
    let parts = most_even(&groups, classes, &shares, &mut rng, is_possible).unwrap_or_else(|| {
        // Few groups: the one that is nearest to what the test set is to have.
        let wanted = target.rows.len() as f64 * plan.test_size;
        let far = |at: &usize| (groups[*at].rows - wanted).abs();
        let only = (0..count).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(0);
        (0..count).map(|at| usize::from(at == only)).collect()
    });
    let (mut kept, mut is_test) = (Vec::new(), vec![false; count]);
    for (group, part) in groups.into_iter().zip(parts) {
        is_test[group.number as usize] = part == 1;
        if part == 0 {
            kept.push(group);
        }
    }
    if plan.repeats > 1 && kept.len() == folds {
        return wrong(format!(
            "{folds} folds of {folds} groups of {name} are the same in each repeat; use fewer --folds, or no --repeats"
        ));
    }
    let (test, train): (Vec<u32>, Vec<u32>) =
        target.rows.iter().partition(|row| is_test[of[**row as usize] as usize]);
    let mut all = Vec::with_capacity(plan.parts());
    for repeat in 0..plan.repeats {
        let even = vec![1.0 / folds as f64; folds];
        let mut rng = Rng::with_seed(seed_of(seed, repeat as u64));
        let is_possible = |parts: &[usize]| (0..folds).all(|fold| parts.contains(&fold));
        let parts = if repeat == 0 {
            let mut order: Vec<usize> = (0..kept.len()).collect();
            rng.shuffle(&mut order);
            let size = |at: usize| if classes == 1 { kept[at].rows } else { kept[at].spread };
            order.sort_by(|a, b| size(*b).total_cmp(&size(*a)));
            Some(deal(&order, &kept, classes, &even).0).filter(|parts| is_possible(parts))
        } else {
            most_even(&kept, classes, &even, &mut rng, is_possible)
        };
        let Some(parts) = parts else {
            return wrong(format!(
                "the groups of {name} are too uneven for {folds} folds; use fewer --folds"
            ));
        };
        let mut fold_of = vec![0; count];
        for (group, part) in kept.iter().zip(parts) {
            fold_of[group.number as usize] = part;
        }
        let mut dealt = vec![Vec::new(); folds];
        for row in &train {
            dealt[fold_of[of[*row as usize] as usize]].push(*row);
        }
        all.extend::<Vec<Fold>>(from_dealt(&dealt));
    }
    Ok(Split { train, test, folds: all, test_from: None })
}
