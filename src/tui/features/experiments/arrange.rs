//! The list of experiments in the order and folders in which it is shown.

use std::cmp::Reverse;
use std::collections::HashSet;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::{ListedExperiment, is_own};
use crate::catalog::search::Search;
use crate::mlflow::{Tag, tags};
use crate::text;
use crate::text::order::natural;

/// What experiments are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The newest first.
    #[default]
    Created,
    Name,
    /// The one with the newest run first.
    Activity,
    /// The one with the most runs first.
    Runs,
}

impl Order {
    /// The one behind it; only a store that counts runs can sort by their number.
    pub fn next(self, counts_runs: bool) -> Self {
        match self {
            Self::Created => Self::Name,
            Self::Name => Self::Activity,
            Self::Activity if counts_runs => Self::Runs,
            Self::Activity | Self::Runs => Self::Created,
        }
    }

    pub fn in_words(self) -> &'static str {
        match self {
            Self::Created => "newest first",
            Self::Name => "by name",
            Self::Activity => "by last run",
            Self::Runs => "by number of runs",
        }
    }
}

/// Which folders are closed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folds {
    /// All of them, but for those that were toggled.
    pub all: bool,
    toggled: HashSet<String>,
}

impl Folds {
    pub fn are_all(all: bool) -> Self {
        Self { all, toggled: HashSet::new() }
    }

    pub fn is_closed(&self, folder: &str) -> bool {
        self.all != self.toggled.contains(folder)
    }

    pub fn toggle(&mut self, folder: &str) {
        if !self.toggled.remove(folder) {
            self.toggled.insert(folder.to_owned());
        }
    }

    /// Opens the folders that a name is in.
    pub fn reveal(&mut self, name: &str) {
        for end in folder_ends(name) {
            if self.is_closed(&name[..end]) {
                self.toggle(&name[..end]);
            }
        }
    }
}

/// What is wanted of the list.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub order: Order,
    /// No folders.
    pub is_flat: bool,
    /// Deleted experiments too.
    pub deleted: bool,
    pub words: &'a str,
    pub folds: &'a Folds,
}

/// A line: an experiment, or a folder of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListLine {
    /// The experiment, or one in the folder, by its place in the list.
    pub at: usize,
    /// In how many folders it stands.
    pub depth: usize,
    /// The part of the experiment's name that is shown, in bytes.
    pub start: usize,
    pub end: usize,
    pub folder: Option<Folder>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folder {
    pub is_open: bool,
    /// What is within, at whatever depth.
    pub total: Total,
}

/// Several experiments together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Total {
    pub experiments: usize,
    /// As far as runs are counted.
    pub runs: Option<u64>,
    /// When the newest of their runs began.
    pub activity: Option<i64>,
}

/// The list as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arranged {
    pub lines: Vec<ListLine>,
    /// Experiments that are shown, or would be if no folder were closed; and how many there are of all.
    pub passing: usize,
    pub of: usize,
    pub has_folders: bool,
    /// Cells of the longest line, with what stands before its name, folded or not.
    pub widest: usize,
}

/// Where folders end in a name, in bytes: at each `/` between two parts that say something.
fn folder_ends(name: &str) -> impl Iterator<Item = usize> + '_ {
    let bytes = name.as_bytes();
    name.match_indices('/').map(|(at, _)| at).filter(move |at| {
        let is_part = |at: usize| bytes.get(at).is_some_and(|byte| *byte != b'/');
        *at > 0 && is_part(at - 1) && bytes[at + 1..].iter().any(|byte| *byte != b'/')
    })
}

/// Puts a list in order.
pub fn arrange(list: &[ListedExperiment], wanted: Wanted<'_>) -> Arranged {
    let is_wanted = |listed: &ListedExperiment| wanted.deleted || !listed.is_deleted();
    let mut order: Vec<usize> = (0..list.len()).filter(|at| is_wanted(&list[*at])).collect();
    let of = order.len();
    let is_searched = !wanted.words.trim().is_empty();
    let mut scores = vec![0; list.len()];
    if is_searched {
        // What people wrote of it, and its note: nobody searches for what programs keep there.
        let is_told = |tag: &&Tag| is_own(tag) || tag.key == tags::NOTE;
        let told = |at: &usize| list[*at].experiment.tags.iter().filter(is_told).cloned().collect();
        let told: Vec<Vec<Tag>> = order.iter().map(told).collect();
        let things = order.iter().zip(&told).map(|(at, told)| {
            let experiment = &list[*at].experiment;
            (experiment.name.as_str(), experiment.experiment_id.as_str(), told.as_slice())
        });
        let found = Search::new(wanted.words).scores(things);
        let mut found = found.into_iter();
        order.retain(|at| match found.next().flatten() {
            Some(score) => {
                scores[*at] = score;
                true
            }
            None => false,
        });
    }
    match wanted.order {
        // As the store has them; the best match first of what is searched.
        Order::Created => order.sort_by_key(|at| Reverse(scores[*at])),
        Order::Name => order.sort_by(|a, b| natural(&list[*a].experiment.name, &list[*b].experiment.name)),
        Order::Activity => order.sort_by_key(|at| Reverse(list[*at].activity())),
        Order::Runs => order.sort_by_key(|at| Reverse(list[*at].runs)),
    }
    let mut arranged = Arranged { passing: order.len(), of, ..Arranged::default() };
    let names = list.iter().map(|listed| listed.experiment.name.as_str());
    let mut tree = Tree::new(names.collect());
    for at in &order {
        tree.put(*at, wanted.is_flat || is_searched);
    }
    tree.add_up(list);
    if wanted.order == Order::Runs {
        tree.sort_by_runs(list);
    }
    arranged.has_folders = tree.emit(0, 0, 0, Some(wanted.folds), &mut arranged);
    if arranged.has_folders {
        // Names stand beside those of folders, which have a sign before them.
        arranged.widest += 2;
    }
    arranged
}

#[derive(Debug, Clone, Copy)]
enum Child {
    Experiment(usize),
    Folder(usize),
}

#[derive(Debug, Default)]
struct Node {
    /// An experiment within, whose name begins with the folder's; the folder's ends there.
    at: usize,
    end: usize,
    children: Vec<Child>,
    total: Total,
}

struct Tree<'a> {
    names: Vec<&'a str>,
    /// The first holds all others.
    nodes: Vec<Node>,
    by_path: FxHashMap<&'a str, usize>,
}

impl<'a> Tree<'a> {
    fn new(names: Vec<&'a str>) -> Self {
        Self { names, nodes: vec![Node::default()], by_path: FxHashMap::default() }
    }

    fn put(&mut self, at: usize, is_flat: bool) {
        let name = self.names[at];
        let mut inside = 0;
        for end in folder_ends(name).take_while(|_| !is_flat) {
            inside = *self.by_path.entry(&name[..end]).or_insert_with(|| {
                self.nodes.push(Node { at, end, ..Node::default() });
                let new = self.nodes.len() - 1;
                self.nodes[inside].children.push(Child::Folder(new));
                new
            });
        }
        self.nodes[inside].children.push(Child::Experiment(at));
    }

    /// Adds up what is within each folder. Those that stand in others come behind them.
    fn add_up(&mut self, list: &[ListedExperiment]) {
        for node in (0..self.nodes.len()).rev() {
            let mut total = Total::default();
            for child in &self.nodes[node].children {
                let of = match *child {
                    Child::Experiment(at) => {
                        Total { experiments: 1, runs: list[at].runs, activity: list[at].activity() }
                    }
                    Child::Folder(folder) => self.nodes[folder].total,
                };
                total.experiments += of.experiments;
                total.runs = total.runs.map_or(of.runs, |runs| Some(runs + of.runs.unwrap_or(0)));
                total.activity = total.activity.max(of.activity);
            }
            self.nodes[node].total = total;
        }
    }

    fn sort_by_runs(&mut self, list: &[ListedExperiment]) {
        for node in 0..self.nodes.len() {
            let mut children = std::mem::take(&mut self.nodes[node].children);
            children.sort_by_key(|child| {
                Reverse(match *child {
                    Child::Experiment(at) => list[at].runs,
                    Child::Folder(folder) => self.nodes[folder].total.runs,
                })
            });
            self.nodes[node].children = children;
        }
    }

    /// Writes the lines of a folder, whose own name ends before `start`; whether there are folders in it. A folder with one
    /// thing in it is no line of its own. Where nothing is to be seen, only the room is measured.
    fn emit(
        &self,
        node: usize,
        depth: usize,
        start: usize,
        folds: Option<&Folds>,
        arranged: &mut Arranged,
    ) -> bool {
        let mut has_folders = false;
        for child in &self.nodes[node].children {
            let mut child = *child;
            while let Child::Folder(folder) = child
                && let [only] = self.nodes[folder].children[..]
            {
                child = only;
            }
            let (at, end, total) = match child {
                Child::Experiment(at) => (at, self.names[at].len(), None),
                Child::Folder(folder) => {
                    (self.nodes[folder].at, self.nodes[folder].end, Some(self.nodes[folder].total))
                }
            };
            let shown = &self.names[at][start..end];
            let count = total.map_or(0, |total| 4 + text::count(total.experiments).len());
            let cells = if shown.is_ascii() { shown.len() } else { text::width(&text::clean(shown)) };
            arranged.widest = arranged.widest.max(depth * 2 + cells + count);
            let path = &self.names[at][..end];
            let is_open = folds.is_some_and(|folds| !folds.is_closed(path));
            let folder = total.map(|total| Folder { is_open, total });
            if folds.is_some() {
                arranged.lines.push(ListLine { at, depth, start, end, folder });
            }
            if let Child::Folder(folder) = child {
                has_folders = true;
                self.emit(folder, depth + 1, end + 1, folds.filter(|_| is_open), arranged);
            }
        }
        has_folders
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mlflow::{Experiment, LifecycleStage};

    fn listed(names: &[&str]) -> Vec<ListedExperiment> {
        let one = |(at, name): (usize, &&str)| ListedExperiment {
            experiment: Experiment {
                experiment_id: at.to_string().as_str().into(),
                name: (*name).to_owned(),
                artifact_location: String::new(),
                lifecycle_stage: LifecycleStage::Active,
                creation_time: Some(at as i64),
                last_update_time: None,
                tags: Vec::new(),
            },
            runs: Some(at as u64),
            deleted_runs: 0,
            last_start: None,
        };
        names.iter().enumerate().map(one).collect()
    }

    fn shown(names: &[&str], order: Order, words: &str, folds: &Folds) -> Vec<String> {
        let list = listed(names);
        let wanted = Wanted { order, is_flat: false, deleted: false, words, folds };
        let arranged = arrange(&list, wanted);
        let line = |line: &ListLine| {
            let name = &list[line.at].experiment.name[line.start..line.end];
            let folder = line.folder.map_or(String::new(), |folder| {
                format!("/ {} {}", folder.total.experiments, folder.total.runs.unwrap())
            });
            format!("{}{name}{folder}", "  ".repeat(line.depth))
        };
        arranged.lines.iter().map(line).collect()
    }

    #[test]
    fn names_with_a_common_beginning_are_a_folder() {
        let names =
            ["team/b", "team/vision/x10", "team/vision/x9", "alone/in/here", "team", "/top", "a//b", "c/"];
        let open = Folds::default();
        assert_eq!(
            shown(&names, Order::Name, "", &open),
            [
                "/top",
                "a//b",
                "alone/in/here",
                "c/",
                "team",
                "team/ 3 3",
                "  b",
                "  vision/ 2 3",
                "    x9",
                "    x10"
            ]
        );
        // A folder stands where its first one does, and among those with the most runs by all that it holds.
        assert_eq!(shown(&names, Order::Created, "", &Folds::are_all(true))[0], "team/ 3 3");
        assert_eq!(
            shown(&["a/x", "b", "a/y", "a/z"], Order::Runs, "", &Folds::are_all(true)),
            ["a/ 3 5", "b"]
        );
        // What is searched is shown by its whole name.
        assert_eq!(shown(&names, Order::Name, "x1", &open), ["team/vision/x10"]);
        let mut folds = Folds::are_all(true);
        folds.reveal("team/vision/x9");
        assert_eq!(shown(&names, Order::Name, "vision", &folds).len(), 2);
        assert_eq!(shown(&names, Order::Name, "", &folds).len(), 10);
        // Folders with one folder in them are one.
        assert_eq!(shown(&["a/b/c", "a/b/d"], Order::Name, "", &open), ["a/b/ 2 1", "  c", "  d"]);
    }

    proptest! {
        #[test]
        fn each_is_shown_once(
            names in proptest::collection::vec("[ab/é]{0,6}", 0..30),
            is_flat: bool,
            order in 0..4_usize,
            closed: bool,
        ) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let list = listed(&names);
            let order = [Order::Created, Order::Name, Order::Activity, Order::Runs][order];
            let folds = Folds::are_all(closed);
            let arranged = arrange(&list, Wanted { order, is_flat, deleted: false, words: "", folds: &folds });
            let mut seen: Vec<usize> = Vec::new();
            for line in &arranged.lines {
                let name = &list[line.at].experiment.name;
                prop_assert!(text::width(&name[line.start..line.end]) + line.depth * 2 <= arranged.widest);
                match line.folder {
                    Some(folder) => {
                        prop_assert!(folder.total.experiments > 1 && folder.is_open != closed);
                        prop_assert!(!is_flat && line.end < name.len());
                    }
                    None => {
                        prop_assert_eq!(line.end, name.len());
                        seen.push(line.at);
                    }
                }
            }
            let within: usize = arranged.lines.iter().filter(|line| line.depth == 0).map(|line| {
                line.folder.map_or(1, |folder| folder.total.experiments)
            }).sum();
            prop_assert_eq!(within, names.len());
            if !closed {
                seen.sort_unstable();
                prop_assert_eq!(seen, (0..names.len()).collect::<Vec<_>>());
            }
        }
    }
}
