//! A history over another metric: each point where the other one stands at the same step.

use crate::mlflow::MetricPoint;

/// Turns of the other metric up to which its way is drawn, back and forth. What turns more often is put in its order.
const TURNS: usize = 40;

/// A stretch in which the other metric only rises, or only falls: its points in the order of that metric's values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stretch {
    pub points: Vec<MetricPoint>,
    /// Where each stands.
    pub xs: Vec<f64>,
    /// The place of each in the history.
    pub places: Vec<usize>,
    /// The other metric falls: training went from the last point to the first.
    pub is_falling: bool,
}

/// A history over another metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Over {
    /// In the order of training. Neighbours share a point.
    pub stretches: Vec<Stretch>,
    /// Points at whose step the other metric has no finite value.
    pub unmatched: usize,
}

impl Over {
    /// Both histories are ordered by step, then time; `passes` as [`super::passes::passes`] gives them. Where several values of
    /// the other metric are at a step, the one counts that was logged nearest in time.
    pub fn new(points: &[MetricPoint], passes: &[Vec<MetricPoint>], other: &[MetricPoint]) -> Self {
        let mut over = Self::default();
        if passes.is_empty() {
            over.add(points, other);
        } else {
            for pass in passes {
                over.add(pass, other);
            }
        }
        over
    }

    /// Where the point lies that was logged last.
    pub fn last_x(&self) -> Option<f64> {
        let last = self.stretches.last()?;
        last.places.iter().zip(&last.xs).max_by_key(|(place, _)| **place).map(|(_, x)| *x)
    }

    fn add(&mut self, points: &[MetricPoint], other: &[MetricPoint]) {
        let mut matched: Vec<(usize, f64)> = Vec::with_capacity(points.len());
        let mut rest = other;
        for (place, point) in points.iter().enumerate() {
            rest = &rest[rest.iter().take_while(|other| other.step < point.step).count()..];
            // Within a step they are in the order of time: the nearest is the last before or the first behind.
            let is_at_step = |other: &&MetricPoint| other.step == point.step;
            let before =
                rest.partition_point(|other| (other.step, other.timestamp) <= (point.step, point.timestamp));
            let earlier =
                rest[..before].iter().rev().take_while(is_at_step).find(|other| other.value.is_finite());
            let later = rest[before..].iter().take_while(is_at_step).find(|other| other.value.is_finite());
            let nearest = [earlier, later].into_iter().flatten();
            let nearest = nearest.min_by_key(|other| other.timestamp.abs_diff(point.timestamp));
            matched.extend(nearest.map(|other| (place, other.value)));
        }
        self.unmatched += points.len() - matched.len();
        let mut ways = ways(&matched);
        if ways.len() > TURNS {
            matched.sort_by(|a, b| a.1.total_cmp(&b.1));
            ways = vec![(0..matched.len(), false)];
        }
        let stretch = |(range, is_falling): (std::ops::Range<usize>, bool)| {
            let mut part = matched[range].to_vec();
            if is_falling {
                part.reverse();
            }
            Stretch {
                points: part.iter().map(|(place, _)| points[*place]).collect(),
                xs: part.iter().map(|(_, x)| *x).collect(),
                places: part.iter().map(|(place, _)| *place).collect(),
                is_falling,
            }
        };
        self.stretches.extend(ways.into_iter().map(stretch));
    }
}

/// The parts in which values only rise or only fall, each from the point where the one before ends; with whether it falls.
fn ways(matched: &[(usize, f64)]) -> Vec<(std::ops::Range<usize>, bool)> {
    let mut ways = Vec::new();
    let mut start = 0;
    let mut falls: Option<bool> = None;
    for at in 1..matched.len() {
        let (before, now) = (matched[at - 1].1, matched[at].1);
        let turns_down = match now.total_cmp(&before) {
            std::cmp::Ordering::Equal => continue,
            order => order.is_lt(),
        };
        if falls.is_some_and(|falls| falls != turns_down) {
            ways.push((start..at, falls == Some(true)));
            start = at - 1;
        }
        falls = Some(turns_down);
    }
    if !matched.is_empty() {
        ways.push((start..matched.len(), falls == Some(true)));
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(points: &[(i64, f64)]) -> Vec<MetricPoint> {
        points
            .iter()
            .map(|(step, value)| MetricPoint { step: *step, timestamp: *step, value: *value })
            .collect()
    }

    /// Where points stand, their steps, and whether the other metric falls.
    type Told = (Vec<f64>, Vec<i64>, bool);

    fn told(points: &[(i64, f64)], other: &[(i64, f64)]) -> (Vec<Told>, usize) {
        let over = Over::new(&history(points), &[], &history(other));
        let told = over.stretches.iter().map(|stretch| {
            let steps = stretch.points.iter().map(|point| point.step).collect();
            assert!(stretch.xs.is_sorted());
            (stretch.xs.clone(), steps, stretch.is_falling)
        });
        (told.collect(), over.unmatched)
    }

    #[test]
    fn points_stand_where_the_other_metric_is_at_their_step() {
        let loss = [(0, 9.0), (10, 5.0), (20, 4.0), (30, 3.0)];
        let epochs = [(0, 0.0), (5, 0.5), (10, 1.0), (20, f64::NAN), (30, 3.0)];
        assert_eq!(told(&loss, &epochs), (vec![(vec![0.0, 1.0, 3.0], vec![0, 10, 30], false)], 1));
        assert_eq!(told(&loss, &[(3, 1.0)]), (vec![], 4));
        assert_eq!(told(&[], &epochs), (vec![], 0));
    }

    #[test]
    fn a_rate_that_rises_and_falls_is_followed_back_and_forth() {
        let loss: Vec<(i64, f64)> = (0..5).map(|step| (step, 9.0 - step as f64)).collect();
        let rates = [(0, 0.1), (1, 0.2), (2, 0.2), (3, 0.1), (4, 0.05)];
        let up = (vec![0.1, 0.2, 0.2], vec![0, 1, 2], false);
        let down = (vec![0.05, 0.1, 0.2], vec![4, 3, 2], true);
        assert_eq!(told(&loss, &rates), (vec![up, down], 0));
        // What goes back and forth all the time stands in its order.
        let noise: Vec<(i64, f64)> = (0..100).map(|step| (step, (step * 37 % 100) as f64)).collect();
        let loss: Vec<(i64, f64)> = (0..100).map(|step| (step, 1.0)).collect();
        assert_eq!(told(&loss, &noise).0.len(), 1);
    }

    #[test]
    fn of_several_values_at_a_step_the_nearest_in_time_counts() {
        let at = |step, timestamp, value| MetricPoint { step, timestamp, value };
        let over = Over::new(&[at(1, 10, 0.5), at(1, 90, 0.4)], &[], &[at(1, 9, 1.0), at(1, 80, 2.0)]);
        assert_eq!(over.stretches[0].xs, [1.0, 2.0]);
    }
}
