//! The metrics that a logged model has of its own, as a table.

use crate::mlflow::ModelMetric;
use crate::text;

/// Points of a metric on a data set that are told; of more, the last ones.
const POINTS: usize = 20;
/// Cells of a name.
const CELLS: usize = 40;

/// A line of the table, and whether its value is a number at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointLine {
    /// The cells, under those of the lines above.
    pub words: String,
    /// Neither NaN nor infinite; titles are, too.
    pub is_finite: bool,
}

/// Each metric on each data set at its steps, below a line of titles; nothing where there are none.
pub fn point_table(metrics: &[ModelMetric]) -> Vec<PointLine> {
    let mut points: Vec<&ModelMetric> = metrics.iter().collect();
    points.sort_by_key(|it| (&it.key, &it.dataset, it.point.step, it.point.timestamp));
    let chunks: Vec<&[&ModelMetric]> =
        points.chunk_by(|a, b| (&a.key, &a.dataset) == (&b.key, &b.dataset)).collect();
    let shown = |points: &[&ModelMetric]| points.len().saturating_sub(POINTS);
    let last = chunks.iter().flat_map(|points| &points[shown(points)..]);
    let mut values: Vec<String> = last.map(|metric| text::number(metric.point.value)).collect();
    text::by_point(&mut values);
    let mut values = values.into_iter();
    let name = |words: &str| text::cut(&text::clean(words), CELLS, "…");
    let mut rows = vec![["metric", "value", "step", "data set"].map(str::to_owned).to_vec()];
    let mut finite = vec![true];
    for points in chunks {
        let key = name(&points[0].key);
        let set = points[0].dataset.as_ref();
        let set = set.map_or(String::new(), |(set, digest)| format!("{} ({})", name(set), name(digest)));
        let hidden = shown(points);
        if hidden > 0 {
            let words = format!("{} earlier", text::count(hidden));
            rows.push(vec![key.clone(), String::new(), words, set.clone()]);
            finite.push(true);
        }
        for metric in &points[hidden..] {
            let step = metric.point.step.to_string();
            rows.push(vec![key.clone(), values.next().unwrap_or_default(), step, set.clone()]);
            finite.push(metric.point.value.is_finite());
        }
    }
    if rows.len() == 1 {
        return Vec::new();
    }
    // Where no point is of a data set there is no column of them.
    if rows.iter().skip(1).all(|row| row[3].is_empty()) {
        for row in &mut rows {
            row.pop();
        }
    }
    let lines = text::aligned(&rows, |at| matches!(at, 1 | 2));
    lines.into_iter().zip(finite).map(|(words, is_finite)| PointLine { words, is_finite }).collect()
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
        let lines = point_table(&metrics);
        assert_eq!(lines.len(), 23);
        assert_eq!(lines[0].words, "metric  value       step  data set");
        assert_eq!((lines[1].words.as_str(), lines[1].is_finite), ("rmse      NaN          1", false));
        assert_eq!(lines[2].words, "rmse           2 earlier  reds (abcd)");
        assert_eq!(lines[22].words, "rmse      0.5         21  reds (abcd)");
        assert_eq!(point_table(&metrics[22..])[0].words, "metric  value  step");
        assert_eq!(point_table(&[]), []);
    }
}
