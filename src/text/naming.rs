//! Names cut so that they can still be told apart, and numbers beside them.

use unicode_segmentation::UnicodeSegmentation;

use super::{cut, width};

/// Names in at most `cells` cells each, no two the same: in full where they fit, else without their end, or without their
/// middle, or without what they begin with in common. Names that are the same in full get a number.
pub fn distinct(names: &[String], cells: usize, ellipsis: &str) -> Vec<String> {
    let mut cuts: Vec<String> = names.iter().map(|name| cut(name, cells, ellipsis)).collect();
    if are_distinct(&cuts) {
        return cuts;
    }
    let middle: Vec<String> = names.iter().map(|name| without_middle(name, cells, ellipsis)).collect();
    if are_distinct(&middle) {
        return middle;
    }
    // Only those that are mistaken for each other lose what they have in common.
    cuts = middle;
    for at in 0..names.len() {
        let alike: Vec<usize> = (0..names.len()).filter(|other| cuts[*other] == cuts[at]).collect();
        if alike.len() < 2 {
            continue;
        }
        let group: Vec<&str> = alike.iter().map(|at| names[*at].as_str()).collect();
        let begin = common(&group);
        for other in alike {
            cuts[other] = from(&names[other], begin, cells, ellipsis);
        }
    }
    number(&mut cuts, cells);
    cuts
}

fn are_distinct(names: &[String]) -> bool {
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[0] != pair[1])
}

/// A name in at most so many cells, its beginning and its end.
pub fn without_middle(name: &str, cells: usize, ellipsis: &str) -> String {
    if width(name) <= cells {
        return name.to_owned();
    }
    let room = cells.saturating_sub(width(ellipsis));
    let end = last(name, room / 2);
    let begin = cut(name, room - width(end), "");
    cut(&format!("{begin}{ellipsis}{end}"), cells, "")
}

/// The end of a name, in at most so many cells.
fn last(name: &str, cells: usize) -> &str {
    let mut used = 0;
    let mut start = name.len();
    for (at, grapheme) in name.grapheme_indices(true).rev() {
        used += width(grapheme);
        if used > cells {
            break;
        }
        start = at;
    }
    &name[start..]
}

/// Where names begin to differ, in bytes.
fn common(names: &[&str]) -> usize {
    let first = names[0];
    let shared = |name: &&str| {
        let pairs = first.grapheme_indices(true).zip(name.grapheme_indices(true));
        pairs.take_while(|(a, b)| a == b).last().map_or(0, |((at, same), _)| at + same.len())
    };
    names.iter().map(shared).min().unwrap_or(0)
}

/// A name from a place on, with a bit of what stands before.
fn from(name: &str, begin: usize, cells: usize, ellipsis: &str) -> String {
    if width(name) <= cells {
        return name.to_owned();
    }
    let rest = &name[begin..];
    let room = cells.saturating_sub(width(ellipsis));
    if width(rest) >= room {
        return format!("{}{}", ellipsis, cut(rest, room, ellipsis));
    }
    let head = cut(&name[..begin], room - width(rest), "");
    format!("{head}{ellipsis}{rest}")
}

/// Puts numbers behind names that are still the same.
fn number(names: &mut [String], cells: usize) {
    for at in 0..names.len() {
        let mut count = 1;
        while names[..at].contains(&names[at]) {
            count += 1;
            let tail = format!("#{count}");
            let bare =
                names[at].rsplit_once('#').filter(|_| count > 2).map_or(names[at].as_str(), |(bare, _)| bare);
            names[at] = format!("{}{tail}", cut(bare, cells.saturating_sub(width(&tail)), ""));
        }
    }
}

/// A value as it stands in a legend, with six significant digits.
pub fn legend_number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !(1e-4..1e7).contains(&size) {
        return super::number(value);
    }
    let digits = (5 - size.log10().floor() as i32).clamp(0, 9) as usize;
    let fixed = format!("{value:.digits$}");
    if fixed.contains('.') { fixed.trim_end_matches('0').trim_end_matches('.').to_owned() } else { fixed }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cuts(names: &[&str], cells: usize) -> Vec<String> {
        distinct(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), cells, "…")
    }

    #[test]
    fn what_differs_stays() {
        assert_eq!(cuts(&["ab", "abc"], 8), ["ab", "abc"]);
        assert_eq!(cuts(&["alpha-long-name", "beta-long-name"], 8), ["alpha-l…", "beta-lo…"]);
        assert_eq!(
            cuts(&["resnet50-imagenet-lr3e-4-seed1", "resnet50-imagenet-lr3e-4-seed2"], 12),
            ["resnet…seed1", "resnet…seed2"]
        );
        let cut = cuts(&["resnet50-imagenet-lr3e-4-warmup", "resnet50-imagenet-lr5e-4-warmup"], 14);
        assert_eq!(cut, ["re…3e-4-warmup", "re…5e-4-warmup"]);
    }

    #[test]
    fn equal_names_get_numbers() {
        assert_eq!(cuts(&["trial", "trial", "trial"], 10), ["trial", "trial#2", "trial#3"]);
    }

    #[test]
    fn six_digits_stand_in_a_legend() {
        for (value, text) in [
            (0.563_123_44, "0.563123"),
            (12_345.678, "12345.7"),
            (2.0, "2"),
            (f64::NAN, "NaN"),
            (1e-9, "1e-9"),
        ] {
            assert_eq!(legend_number(value), text);
        }
    }

    proptest! {
        #[test]
        fn names_are_never_cut_to_the_same_text(
            names in prop::collection::vec("(run-)?[ab語]{0,12}(-seed)?[0-9]{0,2}", 1..12),
            cells in 6_usize..20,
        ) {
            let cuts = distinct(&names, cells, "…");
            prop_assert_eq!(cuts.len(), names.len());
            for (at, name) in cuts.iter().enumerate() {
                prop_assert!(width(name) <= cells, "{name:?} in {cells}");
                prop_assert!(!cuts[..at].contains(name), "{cuts:?}");
            }
        }
    }
}
