//! The band around a line: what of each column of dots it covers.

use super::picture::Scale;
use super::trace::Trace;

/// The lower and the upper end of a band in each column of dots, in dots from below; none beside it.
pub fn covered(trace: &Trace<'_>, (x, y): (&Scale, &Scale), columns: usize) -> Vec<Option<(f64, f64)>> {
    let mut covered: Vec<Option<(f64, f64)>> = vec![None; columns];
    let mut add = |column: f64, (low, high): (f64, f64)| {
        if column >= 0.0 && column < columns as f64 {
            let known = &mut covered[column as usize];
            *known =
                Some(known.map_or((low, high), |(least, greatest)| (least.min(low), greatest.max(high))));
        }
    };
    let mut last: Option<(f64, (f64, f64))> = None;
    for (at, edges) in trace.band((x.low, x.high)) {
        let place = x.dot(at);
        let edges = (y.dot(edges.0), y.dot(edges.1));
        if let Some((before, from)) = last {
            let first = before.max(0.0).ceil();
            let end = place.min(columns as f64 - 1.0);
            let mut column = first;
            while column <= end {
                let share = if place > before { (column - before) / (place - before) } else { 0.0 };
                let between = |from: f64, to: f64| from + (to - from) * share;
                add(column, (between(from.0, edges.0), between(from.1, edges.1)));
                column += 1.0;
            }
        }
        add(place.round(), edges);
        last = Some((place, edges));
    }
    covered
}
