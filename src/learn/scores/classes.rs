//! Scores of predicted classes that are measured where they are asked for.

use super::confusion;

/// What a model says of some rows, and what they are.
pub(super) struct Judged<'a> {
    pub truth: &'a [u32],
    pub predicted: &'a [u32],
    /// Of each row that of each class.
    pub probabilities: &'a [f64],
    pub count: usize,
}

/// `None` where the values leave it undefined.
type Measured = Option<f64>;

/// Of a class: rows that are and are said to be it, that are it, that are said to be it.
#[derive(Clone, Copy, Default)]
pub(super) struct Hits {
    both: f64,
    actual: f64,
    said: f64,
}

impl Hits {
    pub fn precision(self) -> f64 {
        share(self.both, self.said)
    }

    pub fn recall(self) -> f64 {
        share(self.both, self.actual)
    }

    pub fn f1(self) -> f64 {
        share(2.0 * self.both, self.actual + self.said)
    }

    pub fn jaccard(self) -> f64 {
        share(self.both, self.actual + self.said - self.both)
    }
}

/// 0 of nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn hits(judged: &Judged<'_>) -> Vec<Hits> {
    let matrix = confusion(judged.truth, judged.predicted, judged.count);
    let of = |class: usize| Hits {
        both: matrix[class][class] as f64,
        actual: matrix[class].iter().sum::<u64>() as f64,
        said: matrix.iter().map(|row| row[class]).sum::<u64>() as f64,
    };
    (0..judged.count).map(of).collect()
}

/// Of the second of two classes.
pub(super) fn of_second(judged: &Judged<'_>, score: fn(Hits) -> f64) -> f64 {
    score(hits(judged)[1])
}

/// The mean over the classes that are met or said.
pub(super) fn of_each(judged: &Judged<'_>, score: fn(Hits) -> f64) -> Measured {
    let all: Vec<f64> =
        hits(judged).into_iter().filter(|hits| hits.actual + hits.said > 0.0).map(score).collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

/// The mean over the classes, by how many rows are of them.
pub(super) fn weighted(judged: &Judged<'_>, score: fn(Hits) -> f64) -> f64 {
    let all = hits(judged);
    all.into_iter().map(|hits| hits.actual * score(hits)).sum::<f64>() / judged.truth.len() as f64
}

/// Of all rows together.
pub(super) fn of_all(judged: &Judged<'_>, score: fn(Hits) -> f64) -> f64 {
    let sum = |sum: Hits, hits: Hits| Hits {
        both: sum.both + hits.both,
        actual: sum.actual + hits.actual,
        said: sum.said + hits.said,
    };
    score(hits(judged).into_iter().fold(Hits::default(), sum))
}

/// The correlation of Matthews; of more than two classes that of Gorodkin.
pub(super) fn mcc(judged: &Judged<'_>) -> f64 {
    let (all, rows) = (hits(judged), judged.truth.len() as f64);
    let sum = |of: fn(&Hits) -> f64| all.iter().map(of).sum::<f64>();
    let together = sum(|hits| hits.both) * rows - sum(|hits| hits.said * hits.actual);
    let said = rows * rows - sum(|hits| hits.said * hits.said);
    let actual = rows * rows - sum(|hits| hits.actual * hits.actual);
    share(together, (said * actual).sqrt())
}

pub(super) fn cohen_kappa(judged: &Judged<'_>) -> Measured {
    let (all, rows) = (hits(judged), judged.truth.len() as f64);
    let agreed = all.iter().map(|hits| hits.both).sum::<f64>() / rows;
    let by_chance = all.iter().map(|hits| hits.actual * hits.said).sum::<f64>() / (rows * rows);
    (by_chance < 1.0).then(|| 1.0 - (1.0 - agreed) / (1.0 - by_chance))
}

fn rows<'a>(judged: &'a Judged<'_>) -> impl Iterator<Item = (usize, &'a [f64])> {
    judged.truth.iter().map(|class| *class as usize).zip(judged.probabilities.chunks(judged.count))
}

/// Of two classes the squared error of the second's probability; of more the sum over the classes.
pub(super) fn brier(judged: &Judged<'_>) -> f64 {
    let of = |(class, row): (usize, &[f64])| {
        let each = row.iter().enumerate().map(|(at, said)| (f64::from(u8::from(at == class)) - said).powi(2));
        each.sum::<f64>()
    };
    let sum = rows(judged).map(of).sum::<f64>() / judged.truth.len() as f64;
    if judged.count == 2 { sum / 2.0 } else { sum }
}

/// The part of the Brier score of plain frequencies that a model takes away.
pub(super) fn d2_brier(judged: &Judged<'_>) -> Measured {
    let count = judged.truth.len() as f64;
    let squares: f64 = hits(judged).iter().map(|hits| (hits.actual / count).powi(2)).sum();
    let plain = if judged.count == 2 { (1.0 - squares) / 2.0 } else { 1.0 - squares };
    (plain > 0.0).then(|| 1.0 - brier(judged) / plain)
}

/// The share of rows whose class is among those that are thought likeliest; of equal ones the later class.
pub(super) fn top<const MOST: usize>(judged: &Judged<'_>) -> f64 {
    let is_among = |(class, row): &(usize, &[f64])| {
        let own = row[*class];
        let before =
            row.iter().enumerate().filter(|(at, said)| said.total_cmp(&own).then(at.cmp(class)).is_gt());
        before.count() < MOST
    };
    rows(judged).filter(is_among).count() as f64 / judged.truth.len() as f64
}

/// The part of the logarithmic loss of plain frequencies that a model takes away.
pub(super) fn d2_log_loss(judged: &Judged<'_>) -> Measured {
    let count = judged.truth.len() as f64;
    let plain = hits(judged).into_iter().filter(|hits| hits.actual > 0.0).map(|hits| {
        let share = hits.actual / count;
        -share * share.ln()
    });
    let plain: f64 = plain.sum();
    (plain > 0.0).then(|| 1.0 - super::log_loss(judged.truth, judged.probabilities, judged.count) / plain)
}

/// By threshold the precision times the recall that is won there; of more than two classes the mean over each of them.
pub(super) fn average_precision(judged: &Judged<'_>) -> f64 {
    let of = |class: usize| {
        let mut ranked: Vec<(f64, bool)> =
            rows(judged).map(|(truth, row)| (row[class], truth == class)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let positives = ranked.iter().filter(|(_, is_it)| *is_it).count() as f64;
        let (mut right, mut seen, mut area) = (0.0, 0.0, 0.0);
        for equal in ranked.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
            let won = equal.iter().filter(|(_, is_it)| *is_it).count() as f64;
            right += won;
            seen += equal.len() as f64;
            area += won / positives * right / seen;
        }
        // Where there is nothing to find, nothing is found.
        if positives > 0.0 { area } else { 0.0 }
    };
    if judged.count == 2 {
        return of(1);
    }
    (0..judged.count).map(of).sum::<f64>() / judged.count as f64
}

/// Each class against the rest, by how many rows are of it.
pub(super) fn roc_auc_ovr_weighted(judged: &Judged<'_>) -> Measured {
    let of = |class: usize| {
        let actual = judged.truth.iter().filter(|truth| **truth as usize == class).count() as f64;
        Some(actual * super::area(rows(judged).map(|(truth, row)| (row[class], truth == class)).collect())?)
    };
    let all: Option<Vec<f64>> = (0..judged.count).map(of).collect();
    all.map(|all| all.iter().sum::<f64>() / judged.truth.len() as f64)
}

/// Each class against each other one, by how many rows are of either where that is asked for.
pub(super) fn roc_auc_ovo<const WEIGHTED: bool>(judged: &Judged<'_>) -> Measured {
    let (mut sum, mut weights) = (0.0, 0.0);
    for first in 0..judged.count {
        for second in first + 1..judged.count {
            let both: Vec<_> =
                rows(judged).filter(|(truth, _)| *truth == first || *truth == second).collect();
            let of = |class: usize| {
                super::area(both.iter().map(|(truth, row)| (row[class], *truth == class)).collect())
            };
            let weight = if WEIGHTED { both.len() as f64 } else { 1.0 };
            sum += weight * f64::midpoint(of(first)?, of(second)?);
            weights += weight;
        }
    }
    Some(sum / weights)
}
