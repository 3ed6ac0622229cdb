//! What of an experiment is shown and in which order: a view, and the lines that it comes to.
//!
//! Runs stand one under the other, or as a tree of parents and children, or in groups by the value of a column. A
//! view is computed whole when data or view change, off the screen's thread, and never while drawing.

use rustc_hash::{FxHashMap, FxHashSet};

use super::filter::{NeedsStore, RowSet, matching};
use super::search::Search;
use super::sort::{SortKey, sorted};
use super::{Bound, Catalog, ColumnSpec, Row, Sym, Value};
use crate::mlflow::filter::{Asker, Direction, Expression};
use crate::mlflow::{LifecycleStage, tags};
use crate::text::exact;

/// Ids of runs.
pub type Ids = FxHashSet<String>;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct View {
    pub sort: Vec<SortKey>,
    /// Words that all have to be found in a run.
    pub words: String,
    pub filter: Expression,
    /// Who `me` is in the filter.
    pub user: String,
    pub shape: Shape,
    /// What stands otherwise than by default: parents are open, groups are folded.
    pub toggled: FxHashSet<LineKey>,
    /// All parents or groups stand otherwise than by default.
    pub all_toggled: bool,
    /// Metric columns whose extremes are wanted for each group.
    pub measured: Vec<ColumnSpec>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Shape {
    #[default]
    Flat,
    Tree,
    Groups(ColumnSpec),
}

/// A line by what it stands for, which outlives the line itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LineKey {
    /// By its id.
    Run(String),
    /// By the value that its runs share; none for runs without one.
    Group(Option<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewLine {
    pub kind: LineKind,
    pub depth: u8,
    pub fold: FoldState,
    /// It does not pass itself and is there for the sake of its children, or of a run above it.
    pub context: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    Run(Row),
    /// The place among the groups.
    Group(u32),
}

/// Whether something stands under a line, and how many runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoldState {
    Leaf,
    Open(u32),
    Closed(u32),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub value: Option<String>,
    /// In the order of the view.
    pub runs: Vec<Row>,
    /// The extremes of each measured column that some run of the group has a number in: of the finite ones, where there
    /// are any.
    pub extremes: Vec<Option<(f64, f64)>>,
}

/// The lines of a view.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Projection {
    pub lines: Vec<ViewLine>,
    pub groups: Vec<Group>,
    /// Runs that pass, shown or folded away.
    pub passing: usize,
    /// Which these are, where any are left out.
    pub passed: Option<RowSet>,
}

impl Projection {
    /// Whether a run passes, shown or folded away.
    pub fn passes(&self, row: Row) -> bool {
        self.passed.as_ref().is_none_or(|passed| passed.contains(row))
    }

    /// The runs of a line: one, or all of a group, folded or not.
    pub fn rows_of(&self, at: usize) -> &[Row] {
        match self.lines.get(at).map(|line| &line.kind) {
            Some(LineKind::Run(row)) => std::slice::from_ref(row),
            Some(LineKind::Group(group)) => &self.groups[*group as usize].runs,
            None => &[],
        }
    }

    /// The run of a line.
    pub fn row(&self, at: usize) -> Option<Row> {
        match self.lines.get(at)?.kind {
            LineKind::Run(row) => Some(row),
            LineKind::Group(_) => None,
        }
    }

    pub fn picked(&self, catalog: &Catalog, at: usize) -> Option<LineKey> {
        Some(match self.lines.get(at)?.kind {
            LineKind::Run(row) => LineKey::Run(catalog.run_id(row).to_owned()),
            LineKind::Group(group) => LineKey::Group(self.groups[group as usize].value.clone()),
        })
    }

    /// Where something stands. `near` is where it stood before: looked at first.
    pub fn position(&self, catalog: &Catalog, picked: &LineKey, near: usize) -> Option<usize> {
        let is_it = |line: &ViewLine| match (line.kind, picked) {
            (LineKind::Run(row), LineKey::Run(id)) => catalog.run_id(row) == id,
            (LineKind::Group(group), LineKey::Group(value)) => self.groups[group as usize].value == *value,
            _ => false,
        };
        if self.lines.get(near).is_some_and(is_it) {
            return Some(near);
        }
        match picked {
            // A row is a number; texts are compared once only.
            LineKey::Run(id) => {
                let row = catalog.newest_first.iter().copied().find(|row| catalog.run_id(*row) == id)?;
                self.lines.iter().position(|line| line.kind == LineKind::Run(row))
            }
            LineKey::Group(_) => self.lines.iter().position(is_it),
        }
    }
}

/// Computes a view. `now` is the end of runs that still go on, in milliseconds.
pub fn project(catalog: &Catalog, view: &View, now: i64) -> Projection {
    project_with(catalog, view, None, now)
}

/// The same, where a store has applied the filter: `found` are the ids of all runs that pass it.
pub fn project_with(catalog: &Catalog, view: &View, found: Option<&Ids>, now: i64) -> Projection {
    let search = (!view.words.trim().is_empty()).then(|| Search::new(&view.words).rows(catalog));
    let filtered = match found {
        Some(ids) => {
            Some(catalog.runs.iter().map(|run| ids.contains(catalog.texts.get(run.run_id))).collect())
        }
        None if view.filter.is_empty() => None,
        // What only a store knows passes nobody here.
        None => {
            let filter = view.filter.at(Asker { now, user: &view.user });
            Some(matching(catalog, &filter).unwrap_or_else(|NeedsStore| RowSet::new(Vec::new())))
        }
    };
    let passes = |row: Row| {
        search.as_ref().is_none_or(|set| set.contains(row))
            && filtered.as_ref().is_none_or(|set| set.contains(row))
    };
    let order = sorted(catalog, &view.sort, now);
    let passed = (search.is_some() || filtered.is_some())
        .then(|| (0..catalog.runs.len()).map(|row| passes(row as Row)).collect());
    let projection = match &view.shape {
        Shape::Tree => tree(catalog, view, &order, &passes),
        Shape::Groups(column) => groups(catalog, view, column, &order, &passes, now),
        Shape::Flat => {
            let lines: Vec<ViewLine> = order.into_iter().filter(|row| passes(*row)).map(leaf).collect();
            Projection { passing: lines.len(), lines, ..Projection::default() }
        }
    };
    Projection { passed, ..projection }
}

fn leaf(row: Row) -> ViewLine {
    ViewLine { kind: LineKind::Run(row), depth: 0, fold: FoldState::Leaf, context: false }
}

impl View {
    fn is_open(&self, picked: &LineKey, by_default: bool) -> bool {
        by_default ^ self.all_toggled ^ self.toggled.contains(picked)
    }

    /// Whether anything is left out.
    pub fn is_filtered(&self) -> bool {
        !self.words.trim().is_empty() || !self.filter.is_empty()
    }
}

/// Children under their parents, both in the order of the view. A parent that does not pass stays for its children,
/// and open for them; children that do not pass stay with their parent.
fn tree(catalog: &Catalog, view: &View, order: &[Row], passes: &dyn Fn(Row) -> bool) -> Projection {
    let parents = parents(catalog);
    let parent_of = |row: Row| parents.get(&row).copied();
    let mut shown = vec![false; catalog.runs.len()];
    // What stands above a run that passes.
    let mut is_above = shown.clone();
    let mut passing = 0;
    for row in order.iter().copied().filter(|row| passes(*row)) {
        passing += 1;
        shown[row as usize] = true;
        let mut at = parent_of(row);
        while let Some(row) = at.filter(|row| !is_above[*row as usize]) {
            is_above[row as usize] = true;
            at = parent_of(row);
        }
    }
    if passing < order.len() && !parents.is_empty() {
        keep_children(&parents, order, &mut shown);
        shown.iter_mut().zip(&is_above).for_each(|(shown, is_above)| *shown |= is_above);
    }
    let mut children: FxHashMap<Row, Vec<Row>> = FxHashMap::default();
    let mut roots = Vec::new();
    for row in order.iter().copied().filter(|row| shown[*row as usize]) {
        match parent_of(row) {
            Some(parent) => children.entry(parent).or_default().push(row),
            None => roots.push(row),
        }
    }
    // From the bottom up, so that a parent knows how many runs stand under it.
    let mut lines = Vec::with_capacity(order.len());
    let mut open: Vec<(Row, u8)> = roots.into_iter().rev().map(|row| (row, 0)).collect();
    while let Some((row, depth)) = open.pop() {
        let below = children.get(&row).map_or(&[][..], Vec::as_slice);
        let fold = if below.is_empty() {
            FoldState::Leaf
        } else if (!passes(row) && is_above[row as usize])
            || view.is_open(&LineKey::Run(catalog.run_id(row).to_owned()), true)
        {
            open.extend(below.iter().rev().map(|child| (*child, depth.saturating_add(1))));
            FoldState::Open(below.len() as u32)
        } else {
            FoldState::Closed(below.len() as u32)
        };
        lines.push(ViewLine { kind: LineKind::Run(row), depth, fold, context: !passes(row) });
    }
    Projection { lines, passing, ..Projection::default() }
}

/// Adds what stands under runs that are shown.
fn keep_children(parents: &FxHashMap<Row, Row>, order: &[Row], shown: &mut [bool]) {
    let mut is_known = vec![false; shown.len()];
    let mut path = Vec::new();
    for row in order.iter().copied() {
        let mut at = row;
        // Up to a run that is shown, or whose ancestors were looked at.
        while !shown[at as usize] && !is_known[at as usize] {
            path.push(at);
            match parents.get(&at) {
                Some(parent) => at = *parent,
                None => break,
            }
        }
        let is_kept = shown[at as usize];
        for below in path.drain(..) {
            is_known[below as usize] = true;
            shown[below as usize] |= is_kept;
        }
    }
}

/// The parent of each run that has one in the catalogue. Runs that are their own ancestors have none.
fn parents(catalog: &Catalog) -> FxHashMap<Row, Row> {
    let mut parents = FxHashMap::default();
    let Some(column) = catalog.tags.column(&catalog.texts, tags::PARENT_RUN_ID) else { return parents };
    if column.is_empty() {
        return parents;
    }
    // Equal texts have equal numbers: the tag's value is the parent's id.
    let rows: FxHashMap<Sym, Row> = catalog.rows().map(|row| (catalog.run(row).run_id, row)).collect();
    for (row, parent) in column.iter() {
        if let Some(parent) = rows.get(&parent).filter(|parent| **parent != row && catalog.run(row).present) {
            parents.insert(row, *parent);
        }
    }
    let in_circles: Vec<Row> = parents
        .keys()
        .copied()
        .filter(|start| {
            let mut seen = FxHashSet::default();
            let mut at = *start;
            while let Some(parent) = parents.get(&at) {
                if !seen.insert(at) {
                    return true;
                }
                at = *parent;
            }
            false
        })
        .collect();
    for row in in_circles {
        parents.remove(&row);
    }
    parents
}

/// What stands right under a run, the newest first; no deleted runs.
pub fn children(catalog: &Catalog, of: Row) -> Vec<Row> {
    let Some(column) = catalog.tags.column(&catalog.texts, tags::PARENT_RUN_ID) else { return Vec::new() };
    // Equal texts have equal numbers.
    let id = catalog.run(of).run_id;
    let under: FxHashSet<Row> =
        column.iter().filter(|(_, parent)| *parent == id).map(|(row, _)| row).collect();
    let is_there = |row: &Row| under.contains(row) && catalog.run(*row).stage == LifecycleStage::Active;
    if under.is_empty() {
        return Vec::new();
    }
    catalog.newest_first.iter().copied().filter(is_there).collect()
}

/// What stands under runs, at any depth, of one stage; these themselves do not count.
pub fn descendants(catalog: &Catalog, of: &[Row], stage: LifecycleStage) -> Vec<Row> {
    let parents = parents(catalog);
    let of: FxHashSet<Row> = of.iter().copied().collect();
    let is_under = |row: Row| {
        let mut above = std::iter::successors(parents.get(&row), |above| parents.get(above));
        above.any(|above| of.contains(above))
    };
    let under = |row: &Row| !of.contains(row) && catalog.run(*row).stage == stage && is_under(*row);
    catalog.newest_first.iter().copied().filter(under).collect()
}

/// Runs that share a value under a line of their own; the group of the first run comes first.
fn groups(
    catalog: &Catalog,
    view: &View,
    column: &ColumnSpec,
    order: &[Row],
    passes: &dyn Fn(Row) -> bool,
    now: i64,
) -> Projection {
    let bound = Bound::new(catalog, column);
    let mut places: FxHashMap<Option<String>, usize> = FxHashMap::default();
    let mut by_sym: FxHashMap<Sym, usize> = FxHashMap::default();
    let mut members: Vec<(Option<String>, Vec<Row>)> = Vec::new();
    for row in order.iter().copied().filter(|row| passes(*row)) {
        let sym = match &bound {
            Bound::Text(column) => column.get(row),
            _ => None,
        };
        let known = sym.and_then(|sym| by_sym.get(&sym).copied());
        let place = known.unwrap_or_else(|| {
            let value = group_value(&bound.value(catalog, row, now));
            let place = *places.entry(value.clone()).or_insert_with(|| {
                members.push((value, Vec::new()));
                members.len() - 1
            });
            if let Some(sym) = sym {
                by_sym.insert(sym, place);
            }
            place
        });
        members[place].1.push(row);
    }
    let measured: Vec<Bound> = view.measured.iter().map(|column| Bound::new(catalog, column)).collect();
    let mut projection = Projection::default();
    for (at, (value, rows)) in members.into_iter().enumerate() {
        let count = rows.len() as u32;
        let is_open = view.is_open(&LineKey::Group(value.clone()), false);
        let fold = if is_open { FoldState::Open(count) } else { FoldState::Closed(count) };
        projection.lines.push(ViewLine { kind: LineKind::Group(at as u32), depth: 0, fold, context: false });
        if is_open {
            projection.lines.extend(rows.iter().map(|row| ViewLine { depth: 1, ..leaf(*row) }));
        }
        projection.passing += rows.len();
        let extremes = measured.iter().map(|bound| extremes(catalog, bound, &rows, now)).collect();
        projection.groups.push(Group { value, runs: rows, extremes });
    }
    projection
}

/// What runs of a group have in common, as text; times are not what people group by.
fn group_value(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Missing => None,
        Value::Text(text) => Some((*text).to_owned()),
        Value::OwnedText(text) => Some(text.clone()),
        Value::Number(number) | Value::Point(number, _) => Some(exact(*number)),
        Value::Time(ms) | Value::Duration(ms) => Some(ms.to_string()),
        Value::Count(count) => Some(count.to_string()),
        Value::Status(status) => Some(status.as_str().to_owned()),
    }
}

fn extremes(catalog: &Catalog, bound: &Bound, rows: &[Row], now: i64) -> Option<(f64, f64)> {
    let mut finite: Option<(f64, f64)> = None;
    let mut infinite = None;
    for row in rows {
        if let Value::Number(value) | Value::Point(value, _) = bound.value(catalog, *row, now)
            && !value.is_nan()
        {
            let known = if value.is_finite() { &mut finite } else { &mut infinite };
            *known = Some(known.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
        }
    }
    finite.or(infinite)
}

impl View {
    /// The direction in which a column is sorted, and its place among the sort keys.
    pub fn sorted_by(&self, column: &ColumnSpec) -> Option<(usize, Direction)> {
        let at = self.sort.iter().position(|key| key.column == *column)?;
        Some((at, self.sort[at].direction))
    }
}
