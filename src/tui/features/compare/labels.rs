//! Names on a comparison: cut so that no two of them are the same text.

use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use super::CompareScreen;
use crate::compare::{Comparison, Entry, EntryKind};
use crate::text;
use crate::text::{distinct, without_middle};

/// The names of all members in so many cells each.
pub fn members(comparison: &Comparison, cells: usize, ellipsis: &str) -> Vec<String> {
    let names = (0..comparison.members.len()).map(|at| text::clean(comparison.title(at).0).into_owned());
    distinct(&names.collect::<Vec<_>>(), cells, ellipsis)
}

/// The names of some of the shown keys in so many cells each.
pub fn keys(screen: &CompareScreen, range: Range<usize>, cells: usize, ellipsis: &str) -> Vec<String> {
    let names = range.filter_map(|at| screen.entry(at)).map(|entry| title(screen, entry));
    distinct(&names.collect::<Vec<_>>(), cells, ellipsis)
}

/// A key's name, with its kind where another kind has a key of the same name.
pub fn title(screen: &CompareScreen, entry: &Entry) -> String {
    let title = entry.spec.title();
    let name = match entry.kind {
        EntryKind::Attribute => entry.spec.name(),
        _ if !screen.twins.contains(title) => title.to_owned(),
        EntryKind::Metric | EntryKind::System => format!("metrics.{title}"),
        EntryKind::Param => format!("params.{title}"),
        EntryKind::Tag => format!("tags.{title}"),
    };
    text::clean(&name).into_owned()
}

/// The titles that more than one of these has.
pub fn twins<'a>(entries: impl Iterator<Item = &'a Entry>) -> FxHashSet<String> {
    let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
    for entry in entries {
        // Attributes go by their names.
        let attribute = entry.spec.name();
        let title = if entry.kind == EntryKind::Attribute { attribute.as_str() } else { entry.spec.title() };
        if let Some(count) = counts.get_mut(title) {
            *count += 1;
        } else if entry.kind != EntryKind::Attribute {
            counts.insert(entry.spec.title(), 1);
        }
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(title, _)| title.to_owned()).collect()
}

/// Texts in so many cells each, by what they are in full: without their middle, and those that are cut stay different.
pub fn cut_apart(texts: &mut Vec<String>, cells: usize, ellipsis: &str) -> FxHashMap<String, String> {
    texts.sort_unstable();
    texts.dedup();
    let middle: Vec<String> = texts.iter().map(|text| without_middle(text, cells, ellipsis)).collect();
    let are_apart = middle.iter().collect::<FxHashSet<_>>().len() == middle.len();
    let cuts = if are_apart { middle } else { distinct(texts, cells, ellipsis) };
    texts.iter().cloned().zip(cuts).collect()
}
