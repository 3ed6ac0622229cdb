//! Names cut so that they can still be told apart, and numbers beside them.

use rustc_hash::{FxHashMap, FxHashSet};
use unicode_segmentation::UnicodeSegmentation;

use super::{cut, width};

/// How often names that are still mistaken for each other lose what they have in common.
const ROUNDS: usize = 6;

/// Names in at most `cells` cells each, no two the same: in full where they fit, else without their end, or without their
/// middle, or without what they begin with in common. Names that are the same in full get a number. A thousand names take
/// little longer than a thousand times one.
pub fn distinct(names: &[String], cells: usize, ellipsis: &str) -> Vec<String> {
    let cuts: Vec<String> = names.iter().map(|name| cut(name, cells, ellipsis)).collect();
    if are_distinct(&cuts) { cuts } else { told_apart(names, |_| cells, ellipsis) }
}

/// The same for names that have room of their own each: what is too long loses its middle first, so that a name stays as it is
/// while others come and go.
pub fn told_apart(names: &[String], cells: impl Fn(usize) -> usize, ellipsis: &str) -> Vec<String> {
    let without_middle = |(at, name): (usize, &String)| without_middle(name, cells(at), ellipsis);
    let mut cuts: Vec<String> = names.iter().enumerate().map(without_middle).collect();
    if are_distinct(&cuts) {
        return cuts;
    }
    // Only those that are mistaken for each other lose what they have in common.
    let mut groups = alike(&cuts, 0..names.len());
    for _ in 0..ROUNDS {
        let mut next = Vec::new();
        for group in groups {
            let of_group: Vec<&str> = group.iter().map(|at| names[*at].as_str()).collect();
            let begin = common(&of_group);
            for at in &group {
                cuts[*at] = from(&names[*at], begin, cells(*at), ellipsis);
            }
            // Those that nothing tells apart are not looked at again.
            next.extend(
                alike(&cuts, group.iter().copied()).into_iter().filter(|part| part.len() < group.len()),
            );
        }
        groups = next;
    }
    number(&mut cuts, cells);
    cuts
}

/// Which of these have the same text, each group in its order.
fn alike(cuts: &[String], of: impl Iterator<Item = usize>) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: FxHashMap<&str, usize> = FxHashMap::default();
    for at in of {
        let group = *known.entry(&cuts[at]).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(at);
    }
    groups.retain(|group| group.len() > 1);
    groups
}

fn are_distinct(names: &[String]) -> bool {
    let mut known: FxHashSet<&str> = FxHashSet::default();
    names.iter().all(|name| known.insert(name))
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
fn number(names: &mut [String], cells: impl Fn(usize) -> usize) {
    let mut taken: FxHashSet<String> = FxHashSet::default();
    let mut counts: FxHashMap<String, usize> = FxHashMap::default();
    for (at, name) in names.iter_mut().enumerate() {
        if taken.contains(name) {
            let count = counts.entry(name.clone()).or_insert(1);
            let numbered = std::iter::repeat_with(|| {
                *count += 1;
                let tail = format!("#{count}");
                format!("{}{tail}", cut(name, cells(at).saturating_sub(width(&tail)), ""))
            });
            let free = numbered.into_iter().find(|numbered| !taken.contains(numbered));
            *name = free.unwrap_or_default();
        }
        taken.insert(name.clone());
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
    fn names_with_room_of_their_own_stay_different() {
        let names = ["resnet50-imagenet-seed1", "resnet50-imagenet-seed2", "short"].map(str::to_owned);
        let cells = [12, 14, 9];
        assert_eq!(told_apart(&names, |at| cells[at], "…"), ["resnet…seed1", "resnet5…-seed2", "short"]);
        let names = ["a.long.query.grad_norm", "a.long.key.grad_norm"].map(str::to_owned);
        assert_eq!(told_apart(&names, |_| 12, "…"), ["…query.grad…", "…key.grad_n…"]);
    }

    /// Each of these would take minutes if every name were compared with every other.
    #[test]
    fn many_names_of_one_kind_are_told_apart_at_once() {
        let names = vec!["resnet50-imagenet-lr3e-4".to_owned(); 20_000];
        let cuts = distinct(&names, 14, "…");
        assert_eq!(cuts[..2], ["resnet50-imag…", "resnet50-ima#2"]);
        assert!(are_distinct(&cuts) && cuts.iter().all(|cut| width(cut) <= 14));
        let names: Vec<String> =
            (0..20_000).map(|at| format!("resnet50-imagenet-{}-warmup-long", at % 500)).collect();
        assert!(are_distinct(&distinct(&names, 12, "…")));
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
