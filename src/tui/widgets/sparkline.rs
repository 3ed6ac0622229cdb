//! A history as a line of small columns.

use super::theme::Theme;
use crate::mlflow::MetricPoint;
use crate::text;

/// A history in so many cells, on its own scale; a gap where a value is not finite, nothing for a single point.
pub fn sparkline(points: &[MetricPoint], cells: usize, theme: &Theme) -> String {
    in_levels(points, cells, &theme.glyphs.levels)
}

/// The same in columns of these heights.
pub fn in_levels(points: &[MetricPoint], cells: usize, levels: &[&str; 7]) -> String {
    let finite = || points.iter().map(|point| point.value).filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    if points.len() < 2 || low > high {
        return " ".repeat(cells);
    }
    let used = points.len().min(cells);
    let mut line = String::new();
    for i in 0..used {
        // Evenly spaced, from the first value to the latest.
        let value = points[i * (points.len() - 1) / (used - 1)].value;
        if !value.is_finite() {
            line.push(' ');
            continue;
        }
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        let level = ((share * 6.0).round() as usize).min(6);
        line.push_str(levels[level]);
    }
    text::fit(&line, cells, "")
}
