//! Large counts, written short.

use super::number;

/// Words that say that a value counts something.
const COUNTED: [&str; 42] = [
    "batches",
    "bytes",
    "characters",
    "chars",
    "count",
    "counts",
    "docs",
    "documents",
    "edges",
    "episodes",
    "examples",
    "features",
    "files",
    "flops",
    "frames",
    "images",
    "interactions",
    "items",
    "iterations",
    "iters",
    "macs",
    "n",
    "nodes",
    "num",
    "numel",
    "observations",
    "params",
    "parameters",
    "points",
    "queries",
    "records",
    "requests",
    "rows",
    "samples",
    "sentences",
    "sequences",
    "step",
    "steps",
    "tokens",
    "updates",
    "users",
    "words",
];
/// From this size on counts are written short.
const SHORT: f64 = 1e4;
const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];

/// The value of a metric or param as [`number`] writes it; whole numbers of what its name says is counted with a prefix:
/// `25.557M` parameters.
pub fn value(key: &str, value: f64) -> String {
    let is_large = value.is_finite() && value.fract() == 0.0 && (SHORT..1e15).contains(&value.abs());
    if is_large && is_count(key) { short(value) } else { number(value) }
}

/// Whether a value of this name counts something.
fn is_count(key: &str) -> bool {
    let words = key.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.clone().any(|word| COUNTED.iter().any(|counted| word.eq_ignore_ascii_case(counted)))
        // A rate is none.
        && !words.clone().any(|word| ["per", "ms", "sec", "second", "seconds", "s"].contains(&word))
}

/// In five digits, with a prefix.
fn short(value: f64) -> String {
    let size = value.abs();
    let at = UNITS.iter().position(|(unit, _)| size >= *unit).unwrap_or(UNITS.len() - 1);
    // What rounds to a thousand of a unit is one of the next.
    let at = if at > 0 && (size / UNITS[at].0 * 100.0).round() >= 1e5 { at - 1 } else { at };
    let (unit, letter) = UNITS[at];
    format!("{}{letter}", number(value / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_counts_have_a_prefix() {
        for (key, size, words) in [
            ("num_parameters", 25_557_032.0, "25.557M"),
            ("tokens_seen", 24_691_000_000.0, "24.691G"),
            ("train/tokens", 2_469_100_000.0, "2.4691G"),
            ("max_steps", 100_000.0, "100k"),
            ("max_steps", 9_999.0, "9999"),
            ("rows", 999_999.0, "1M"),
            ("rows", -12_345.0, "-12.345k"),
            ("samples", 12_345.5, "12346"),
            ("samples", f64::NAN, "NaN"),
            ("samples", f64::MAX, "inf"),
            ("seed", 20_241_123.0, "2.0241e7"),
            ("tokens_per_second", 125_000.0, "125000"),
            ("loss", 12_345.0, "12345"),
        ] {
            assert_eq!(value(key, size), words, "{key}");
        }
    }
}
