//! How classes are told apart by threshold, and how far their probabilities hold.

/// Points of a curve at most; of more, some are left out evenly.
const MOST: usize = 200;
/// Between 0 and 1, for calibration.
const BINS: usize = 10;

/// What rows are at or above a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// A probability; of calibration the upper end of a bin. Infinite where no row is above.
    pub threshold: f64,
    /// The false positive rate, the recall, or the mean probability.
    pub x: f64,
    /// The true positive rate, the precision, or the share of positives.
    pub y: f64,
}

/// Rows that are and are not positive, at and above each probability that occurs, from the greatest on.
pub struct Steps {
    thresholds: Vec<f64>,
    positives: Vec<f64>,
    negatives: Vec<f64>,
}

impl Steps {
    /// Of rows with what is said of them, and whether it is so.
    pub fn new(mut ranked: Vec<(f64, bool)>) -> Self {
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut steps = Self { thresholds: Vec::new(), positives: Vec::new(), negatives: Vec::new() };
        let (mut positives, mut negatives) = (0.0, 0.0);
        for equal in ranked.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
            let won = equal.iter().filter(|(_, is_it)| *is_it).count() as f64;
            positives += won;
            negatives += equal.len() as f64 - won;
            steps.thresholds.push(equal[0].0);
            steps.positives.push(positives);
            steps.negatives.push(negatives);
        }
        steps
    }

    /// The places at which one of the curves has a corner, and both ends.
    fn corners(&self, is_corner: impl Fn(usize) -> bool) -> Vec<usize> {
        let last = self.thresholds.len().saturating_sub(1);
        (0..self.thresholds.len()).filter(|at| *at == 0 || *at == last || is_corner(*at)).collect()
    }
}

/// Whether a line through three points is bent at the middle one.
fn is_bent(values: &[f64], at: usize) -> bool {
    (values[at + 1] - values[at]).total_cmp(&(values[at] - values[at - 1])).is_ne()
}

/// The receiver operating characteristic of probabilities and whether each is right: scikit-learn's `roc_curve`. None where
/// all or no rows are positive.
pub fn roc(steps: &Steps) -> Option<Vec<CurvePoint>> {
    let (positives, negatives) = (*steps.positives.last()?, *steps.negatives.last()?);
    if positives <= 0.0 || negatives <= 0.0 {
        return None;
    }
    let corners = steps.corners(|at| is_bent(&steps.positives, at) || is_bent(&steps.negatives, at));
    let start = CurvePoint { threshold: f64::INFINITY, x: 0.0, y: 0.0 };
    let point = |at: usize| CurvePoint {
        threshold: steps.thresholds[at],
        x: steps.negatives[at] / negatives,
        y: steps.positives[at] / positives,
    };
    Some(thinned([start].into_iter().chain(corners.into_iter().map(point)).collect()))
}

/// Precision by recall: scikit-learn's `precision_recall_curve` without points between which the recall stays. None where no row
/// is positive.
pub fn precision_recall(steps: &Steps) -> Option<Vec<CurvePoint>> {
    let positives = *steps.positives.last()?;
    if positives <= 0.0 {
        return None;
    }
    let differs = |a: usize, b: usize| steps.positives[a].total_cmp(&steps.positives[b]).is_ne();
    let corners = steps.corners(|at| differs(at - 1, at) || differs(at, at + 1));
    let start = CurvePoint { threshold: f64::INFINITY, x: 0.0, y: 1.0 };
    let point = |at: usize| CurvePoint {
        threshold: steps.thresholds[at],
        x: steps.positives[at] / positives,
        y: steps.positives[at] / (steps.positives[at] + steps.negatives[at]),
    };
    Some(thinned([start].into_iter().chain(corners.into_iter().map(point)).collect()))
}

/// The share of positives among rows of about the same probability: scikit-learn's `calibration_curve` with ten bins.
pub fn calibration(rows: &[(f64, bool)]) -> Vec<CurvePoint> {
    let mut bins = [(0.0, 0.0, 0.0); BINS];
    for (probability, is_it) in rows {
        // The edges as numpy's `linspace` rounds them.
        let below = (1..BINS).filter(|edge| *edge as f64 * 0.1 < *probability).count();
        let (count, sum, positives) = &mut bins[below];
        *count += 1.0;
        *sum += probability;
        *positives += f64::from(u8::from(*is_it));
    }
    let filled = bins.into_iter().enumerate().filter(|(_, (count, ..))| *count > 0.0);
    let point = |(bin, (count, sum, positives)): (usize, (f64, f64, f64))| CurvePoint {
        threshold: (bin + 1) as f64 / BINS as f64,
        x: sum / count,
        y: positives / count,
    };
    filled.map(point).collect()
}

fn thinned(points: Vec<CurvePoint>) -> Vec<CurvePoint> {
    if points.len() <= MOST {
        return points;
    }
    (0..MOST).map(|at| points[at * (points.len() - 1) / (MOST - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(points: &[CurvePoint]) -> Vec<(f64, f64, f64)> {
        points.iter().map(|point| (point.threshold, point.x, point.y)).collect()
    }

    #[test]
    fn curves_are_those_of_scikit_learn() {
        // roc_curve([1, 0, 1, 1, 0, 0, 1], [.9, .8, .8, .6, .3, .2, .1])
        let rows = || {
            let said = [0.9, 0.8, 0.8, 0.6, 0.3, 0.2, 0.1];
            said.into_iter().zip([true, false, true, true, false, false, true]).collect::<Vec<_>>()
        };
        let third = 1.0 / 3.0;
        let expected = [
            (f64::INFINITY, 0.0, 0.0),
            (0.9, 0.0, 0.25),
            (0.8, third, 0.5),
            (0.6, third, 0.75),
            (0.2, 1.0, 0.75),
            (0.1, 1.0, 1.0),
        ];
        assert_eq!(points(&roc(&Steps::new(rows())).unwrap()), expected);
        let expected = [
            (f64::INFINITY, 0.0, 1.0),
            (0.9, 0.25, 1.0),
            (0.8, 0.5, 2.0 / 3.0),
            (0.6, 0.75, 0.75),
            (0.2, 0.75, 0.5),
            (0.1, 1.0, 4.0 / 7.0),
        ];
        assert_eq!(points(&precision_recall(&Steps::new(rows())).unwrap()), expected);
        let found = points(&calibration(&rows()));
        assert_eq!(found.iter().map(|(edge, ..)| *edge).collect::<Vec<_>>(), [0.1, 0.2, 0.3, 0.6, 0.8, 0.9]);
        assert_eq!(found[4], (0.8, 0.8, 0.5));
    }

    #[test]
    fn a_curve_of_one_class_is_none_and_a_long_one_is_thinned() {
        assert_eq!(roc(&Steps::new(vec![(0.5, true)])), None);
        assert_eq!(precision_recall(&Steps::new(vec![(0.5, false)])), None);
        assert_eq!((roc(&Steps::new(Vec::new())), precision_recall(&Steps::new(Vec::new()))), (None, None));
        let many = (0..50_000).map(|at| (f64::from(at) / 5e4, at % 3 == 0)).collect();
        let found = roc(&Steps::new(many)).unwrap();
        assert_eq!((found.len(), found[0].x, found[MOST - 1].x), (MOST, 0.0, 1.0));
    }
}
