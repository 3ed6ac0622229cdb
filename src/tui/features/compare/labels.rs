//! Names on a comparison: cut so that no two of them are the same text.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::CompareScreen;
use crate::compare::{Comparison, Entry, EntryKind};
use crate::text;
use crate::text::{distinct, without_middle};

/// The names of all members, made when these change; cut anew only where they have other room.
#[derive(Debug, Default)]
pub struct MemberLabels {
    names: Vec<String>,
    cut: RefCell<Option<CutLabels>>,
}

/// Names in so many cells each, with a sign for what is cut.
#[derive(Debug)]
struct CutLabels {
    cells: usize,
    ellipsis: String,
    names: Rc<[String]>,
}

impl MemberLabels {
    pub fn follow(&mut self, comparison: Option<&Arc<Comparison>>) {
        let name = |comparison: &Comparison, at: usize| text::clean(comparison.title(at).0).into_owned();
        let names = comparison.map_or_else(Vec::new, |comparison| {
            (0..comparison.members.len()).map(|at| name(comparison, at)).collect()
        });
        *self = Self { names, cut: RefCell::default() };
    }

    /// In full.
    pub fn name(&self, member: usize) -> &str {
        self.names.get(member).map_or("", String::as_str)
    }

    /// In so many cells each, no two the same: what is too long loses its middle first.
    pub fn cut(&self, cells: usize, ellipsis: &str) -> Rc<[String]> {
        let mut known = self.cut.borrow_mut();
        match known.as_ref() {
            Some(cut) if cut.cells == cells && cut.ellipsis == ellipsis => Rc::clone(&cut.names),
            Some(_) | None => {
                let names: Rc<[String]> = apart(&self.names, cells, ellipsis).into();
                let cut = CutLabels { cells, ellipsis: ellipsis.to_owned(), names: Rc::clone(&names) };
                *known = Some(cut);
                names
            }
        }
    }
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

/// The titles that more than one of these has; attributes go by their names.
pub fn twins<'a>(entries: impl Iterator<Item = &'a Entry> + Clone) -> FxHashSet<String> {
    let (mut seen, mut twins) = (FxHashSet::default(), FxHashSet::default());
    let attributes = entries.clone().filter(|entry| entry.kind == EntryKind::Attribute);
    let attributes: Vec<String> = attributes.map(|entry| entry.spec.name()).collect();
    let others = entries.filter(|entry| entry.kind != EntryKind::Attribute);
    for title in attributes.iter().map(String::as_str).chain(others.map(|entry| entry.spec.title())) {
        if !seen.insert(title) {
            twins.insert(title.to_owned());
        }
    }
    twins
}

/// Texts in so many cells each, by what they are in full: without their middle, and those that are cut stay different.
pub fn cut_apart(texts: &mut Vec<String>, cells: usize, ellipsis: &str) -> FxHashMap<String, String> {
    texts.sort_unstable();
    texts.dedup();
    let cuts = apart(texts, cells, ellipsis);
    texts.iter().cloned().zip(cuts).collect()
}

/// Without their middle where that leaves no two the same, else as they can be told apart.
fn apart(texts: &[String], cells: usize, ellipsis: &str) -> Vec<String> {
    let middle: Vec<String> = texts.iter().map(|text| without_middle(text, cells, ellipsis)).collect();
    let are_apart = middle.iter().collect::<FxHashSet<_>>().len() == middle.len();
    if are_apart { middle } else { distinct(texts, cells, ellipsis) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ColumnSpec;

    #[test]
    fn titles_of_several_kinds_are_known() {
        let entry = |kind, spec| Entry {
            kind,
            spec,
            is_timing: false,
            differs: true,
            spread: 0.5,
            goal: None,
            best: None,
            present: 2,
        };
        let entries = [
            entry(EntryKind::Metric, ColumnSpec::metric("lr")),
            entry(EntryKind::Metric, ColumnSpec::metric("loss")),
            entry(EntryKind::Param, ColumnSpec::Param("lr".into())),
            entry(EntryKind::Attribute, ColumnSpec::Duration),
            entry(EntryKind::Tag, ColumnSpec::Tag("duration".into())),
        ];
        let mut twins: Vec<String> = twins(entries.iter()).into_iter().collect();
        twins.sort_unstable();
        assert_eq!(twins, ["duration", "lr"]);
    }

    #[test]
    fn long_values_lose_their_middle_and_stay_different() {
        let mut texts =
            ["/data/a/very/long/train.csv", "/data/a/very/long/test.csv"].map(str::to_owned).to_vec();
        let cut = cut_apart(&mut texts, 12, "…");
        assert_eq!(cut["/data/a/very/long/train.csv"], "/data/…n.csv");
        assert_eq!(cut["/data/a/very/long/test.csv"], "/data/…t.csv");
    }
}
