//! Numbers as bars of cells, and how far they are from the first one.

use crate::config::Glyphs;
use crate::text;

/// Bars of values of which the first is the best: from the worst, a cell long, to the best, of so many cells.
pub fn bars(values: &[f64], cells: usize, glyphs: Glyphs) -> Vec<String> {
    let bar = if glyphs == Glyphs::Ascii { "=" } else { "■" };
    let best = values.first().copied().unwrap_or(f64::NAN);
    let farthest =
        values.iter().map(|value| (value - best).abs()).filter(|by| by.is_finite()).fold(0.0, f64::max);
    let length = |value: &f64| {
        let by = (value - best).abs();
        match (by.is_finite(), farthest > 0.0) {
            (false, _) => 0,
            (true, false) => cells,
            (true, true) => 1 + ((1.0 - by / farthest) * (cells - 1) as f64).round() as usize,
        }
    };
    values.iter().map(|value| bar.repeat(length(value))).collect()
}

/// A difference with its sign.
pub fn signed(by: f64) -> String {
    let words = text::number(by);
    if by > 0.0 { format!("+{words}") } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_tell_how_far_behind_a_run_is() {
        let lengths = |values: &[f64]| -> Vec<usize> {
            bars(values, 10, Glyphs::Ascii).iter().map(String::len).collect()
        };
        assert_eq!(lengths(&[0.5, 0.6, 1.4, f64::INFINITY]), [10, 9, 1, 0]);
        assert_eq!(lengths(&[0.9, 0.8]), [10, 1]);
        assert_eq!(lengths(&[0.9, 0.9]), [10, 10]);
        assert_eq!(lengths(&[]), [0; 0]);
    }
}
