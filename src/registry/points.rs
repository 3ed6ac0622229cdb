//! The values of a logged model, point by point.

use crate::mlflow::ModelMetric;
use crate::text;

/// Points of a metric on a data set that are told; of more, the last ones.
const POINTS: usize = 20;

/// A model's own metrics by data set, each at its steps: key, words, whether it is a finite number.
pub fn points_of(metrics: &[ModelMetric]) -> Vec<(String, String, bool)> {
    let mut points: Vec<&ModelMetric> = metrics.iter().collect();
    points.sort_by_key(|it| (&it.key, &it.dataset, it.point.step, it.point.timestamp));
    let mut lines = Vec::new();
    for points in points.chunk_by(|a, b| (&a.key, &a.dataset) == (&b.key, &b.dataset)) {
        let (key, set) = (points[0].key.as_str(), &points[0].dataset);
        let on = set.as_ref().map_or(String::new(), |(name, digest)| format!(" on {name} ({digest})"));
        let hidden = points.len().saturating_sub(POINTS);
        if hidden > 0 {
            lines.push((key.to_owned(), format!("{} earlier steps{on}", text::count(hidden)), true));
        }
        lines.extend(points.iter().skip(hidden).map(|metric| {
            let value = metric.point.value;
            let words = format!("{:<12} at step {}{on}", text::number(value), metric.point.step);
            (key.to_owned(), words, value.is_finite())
        }));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::MetricPoint;

    #[test]
    fn the_last_points_of_each_data_set_are_told() {
        let metric = |step: i64, set: Option<&str>| ModelMetric {
            key: "rmse".into(),
            run_id: "r".into(),
            dataset: set.map(|name| (name.to_owned(), "abcd".to_owned())),
            point: MetricPoint { step, timestamp: 0, value: if step == 1 { f64::NAN } else { 0.5 } },
        };
        let mut metrics: Vec<ModelMetric> = (0..22).rev().map(|step| metric(step, Some("reds"))).collect();
        metrics.push(metric(1, None));
        let lines = points_of(&metrics);
        assert_eq!(lines.len(), 22);
        assert_eq!(lines[0], ("rmse".into(), "NaN          at step 1".into(), false));
        assert_eq!(lines[1].1, "2 earlier steps on reds (abcd)");
        assert_eq!(lines[21].1, "0.5          at step 21 on reds (abcd)");
    }
}
