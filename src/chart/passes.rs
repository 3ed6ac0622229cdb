//! The passes of a history: training that was resumed from an earlier step goes over some steps again.

use crate::mlflow::MetricPoint;

/// Points that are gone over again, at least. Less than that is written out of order by several threads.
const OVERLAP: usize = 3;

/// The passes of a history that is ordered by step, in the order of time: each is ordered by step, and begins where steps
/// go back. Nothing where there is one pass, which is nearly always.
pub fn passes(points: &[MetricPoint]) -> Vec<Vec<MetricPoint>> {
    if points.is_sorted_by_key(|point| point.timestamp) {
        return Vec::new();
    }
    let mut in_time = points.to_vec();
    in_time.sort_by_key(|point| (point.timestamp, point.step));
    let mut passes: Vec<Vec<MetricPoint>> = Vec::new();
    for point in in_time {
        match passes.last_mut() {
            Some(pass) if pass.last().is_some_and(|last| last.step <= point.step) => pass.push(point),
            Some(_) | None => passes.push(vec![point]),
        }
    }
    let goes_over = |pair: &[Vec<MetricPoint>]| {
        let start = pair[1].first().map_or(i64::MAX, |point| point.step);
        pair[0].len() - pair[0].partition_point(|point| point.step < start) >= OVERLAP
    };
    if passes.windows(2).all(goes_over) { passes } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::order::by_step;

    fn history(steps_in_time: &[i64]) -> Vec<MetricPoint> {
        let point =
            |(at, step): (usize, &i64)| MetricPoint { step: *step, timestamp: at as i64, value: at as f64 };
        let mut points: Vec<MetricPoint> = steps_in_time.iter().enumerate().map(point).collect();
        points.sort_by(by_step);
        points
    }

    fn steps(steps_in_time: &[i64]) -> Vec<Vec<i64>> {
        let passes = passes(&history(steps_in_time));
        passes.iter().map(|pass| pass.iter().map(|point| point.step).collect()).collect()
    }

    #[test]
    fn steps_that_go_back_begin_a_new_pass() {
        assert_eq!(steps(&[0, 10, 20, 30, 5, 15, 25, 35]), [[0, 10, 20, 30], [5, 15, 25, 35]]);
        assert_eq!(steps(&[0, 1, 2, 3, 0, 1, 2, 3, 1, 2, 3]).len(), 3);
    }

    #[test]
    fn what_is_only_written_out_of_order_is_one_pass() {
        for one in [&[][..], &[0, 1, 2, 3], &[0, 1, 3, 2, 4, 5], &[0, 0, 1, 1], &[5, 4, 3, 2, 1], &[1, 0]] {
            assert_eq!(steps(one), [[0_i64; 0]; 0], "{one:?}");
        }
        let same_time: Vec<MetricPoint> =
            history(&[3, 1, 2]).iter().map(|p| MetricPoint { timestamp: 0, ..*p }).collect();
        assert!(passes(&same_time).is_empty());
    }
}
