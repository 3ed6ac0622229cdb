//! What the compared runs have, and how much they differ in it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Entry, EntryKind, Member, groups, number};
use crate::catalog::{Bound, Catalog, Column, ColumnSpec, Keyed, Row, Sym, Value};
use crate::mlflow::tags;
use crate::select::{Goal, Patterns, is_timing, optuna_directions};

/// Where a row stands among the members.
struct MemberRows {
    /// Rows in ascending order, each with its member.
    rows: Vec<(Row, u32)>,
    count: usize,
    /// Every member is one run.
    is_single: bool,
}

/// All entries that some member has: metrics, params, attributes, tags; in each kind those that differ most come first.
pub fn entries(catalog: &Catalog, members: &[Member], now: i64, patterns: &Patterns) -> Vec<Entry> {
    let mut rows: Vec<(Row, u32)> = members
        .iter()
        .enumerate()
        .flat_map(|(member, rows)| rows.rows.iter().map(move |row| (*row, member as u32)))
        .collect();
    rows.sort_unstable();
    let places = MemberRows { count: members.len(), is_single: rows.len() == members.len(), rows };
    let told = optuna_directions(catalog);
    let mut entries = metrics(catalog, &places, &|metric| patterns.goal(&told, metric));
    entries.extend(texts(catalog, &catalog.params, &places, EntryKind::Param));
    entries.extend(attributes(catalog, members, now));
    entries.extend(texts(catalog, &catalog.tags, &places, EntryKind::Tag));
    // By name where they differ alike: keys come in alphabetical order.
    entries.sort_by(by_spread);
    entries
}

/// Kind by kind, what differs most among most members first, and how long it all took last.
pub fn by_spread(a: &Entry, b: &Entry) -> std::cmp::Ordering {
    (a.kind, a.is_timing, !a.differs)
        .cmp(&(b.kind, b.is_timing, !b.differs))
        .then_with(|| b.spread.total_cmp(&a.spread))
        .then_with(|| b.present.cmp(&a.present))
}

/// The values that some rows have in a column, each with its member. Both are in ascending order: where the column is
/// much longer the rows are looked up in it, else the two are walked side by side.
fn values<'a, T: Copy>(column: &'a Column<T>, places: &'a MemberRows, mut found: impl FnMut(u32, T)) {
    if column.len() > places.rows.len() * 16 || column.len() == places.rows.len() {
        for (row, member) in &places.rows {
            if let Some(value) = column.get(*row) {
                found(*member, value);
            }
        }
        return;
    }
    let mut rows = places.rows.iter().peekable();
    for (row, value) in column.iter() {
        while rows.next_if(|(goal_of, _)| *goal_of < row).is_some() {}
        if let Some((_, member)) = rows.next_if(|(goal_of, _)| *goal_of == row) {
            found(*member, value);
        }
        if rows.peek().is_none() {
            break;
        }
    }
}

/// What is wanted of a metric.
type GoalOf<'a> = dyn Fn(&str) -> Option<Goal> + Sync + 'a;

fn metrics(catalog: &Catalog, places: &MemberRows, goal_of: &GoalOf<'_>) -> Vec<Entry> {
    let columns: Vec<(&str, &Column<f64>)> = catalog
        .metrics
        .keys(&catalog.texts)
        .filter_map(|(key, _)| Some((key, catalog.metrics.column(&catalog.texts, key)?.as_ref())))
        .collect();
    let half = columns.len() / 2;
    if columns.len() * places.rows.len() < 100_000 {
        return columns.iter().filter_map(|(key, column)| metric(key, column, places, goal_of)).collect();
    }
    let part = |part: &[(&str, &Column<f64>)]| -> Vec<Entry> {
        part.iter().filter_map(|(key, column)| metric(key, column, places, goal_of)).collect()
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(|| part(&columns[half..]));
        let mut first = part(&columns[..half]);
        // A thread that panicked has nothing to say; the panic is raised here.
        first.extend(second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        first
    })
}

fn metric(key: &str, column: &Column<f64>, places: &MemberRows, goal_of: &GoalOf<'_>) -> Option<Entry> {
    let mut numbers: Vec<f64> = Vec::with_capacity(places.count);
    // Those among them that can be best.
    let mut able: Vec<f64> = Vec::new();
    if places.is_single {
        values(column, places, |_, value| numbers.push(value));
        able.clone_from(&numbers);
    } else {
        let mut by_member: FxHashMap<u32, Vec<f64>> = FxHashMap::default();
        values(column, places, |member, value| by_member.entry(member).or_default().push(value));
        for cell in by_member.values().map(|values| groups::mean(values)) {
            numbers.extend(cell.number());
            able.extend(cell.number().filter(|_| cell.infinite() == 0));
        }
    }
    if numbers.is_empty() {
        return None;
    }
    let kind = if key.starts_with("system/") { EntryKind::System } else { EntryKind::Metric };
    let mut entry = Entry {
        kind,
        spec: ColumnSpec::metric(key),
        is_timing: is_timing(key),
        differs: false,
        spread: 0.0,
        goal: goal_of(key),
        best: None,
        present: 0,
    };
    measure(&mut entry, &numbers, &able, places.count);
    Some(entry)
}

/// Takes in the numbers that members have of a metric, those among them that can be best, and how many members there are.
pub fn measure(entry: &mut Entry, numbers: &[f64], able: &[f64], count: usize) {
    (entry.differs, entry.spread) = spread_of(numbers, count);
    entry.present = numbers.len();
    let finite = able.iter().copied().filter(|value| value.is_finite());
    // Whoever has the only value is no better than others.
    entry.best = entry.goal.filter(|_| numbers.len() > 1).and_then(|goal| match goal {
        Goal::Minimize => finite.reduce(f64::min),
        Goal::Maximize => finite.reduce(f64::max),
    });
}

/// Whether numbers differ, of which `count` could be there, and by how much: their range, times the share of members that
/// have one. NaN and the infinities have no place among the others: they count as missing, unless all members have the same
/// of them.
fn spread_of(numbers: &[f64], count: usize) -> (bool, f64) {
    let (mut least, mut greatest, mut finite) = (f64::INFINITY, f64::NEG_INFINITY, 0_u32);
    for value in numbers.iter().filter(|value| value.is_finite()) {
        finite += 1;
        least = least.min(*value);
        greatest = greatest.max(*value);
    }
    let size = least.abs().max(greatest.abs());
    let range = if greatest > least {
        ((greatest / size - least / size) / 2.0).clamp(f64::MIN_POSITIVE, 1.0)
    } else {
        0.0
    };
    let sort = |value: f64| if value.is_infinite() { (false, value > 0.0) } else { (true, value.is_nan()) };
    let some_missing = numbers.len() < count || numbers.iter().any(|value| sort(*value) != sort(numbers[0]));
    (greatest > least || some_missing, range * f64::from(finite) / count.max(1) as f64)
}

fn texts<'a>(
    catalog: &'a Catalog,
    keyed: &'a Keyed<Sym>,
    places: &'a MemberRows,
    kind: EntryKind,
) -> impl Iterator<Item = Entry> + 'a {
    keyed.keys(&catalog.texts).filter_map(move |(key, _)| {
        let column = keyed.column(&catalog.texts, key)?;
        let mut distinct: FxHashSet<Sym> = FxHashSet::default();
        let mut having: FxHashSet<u32> = FxHashSet::default();
        let mut count = 0_usize;
        values(column, places, |member, value| {
            distinct.insert(value);
            having.insert(member);
            count += 1;
        });
        if having.is_empty() {
            return None;
        }
        let numbers: Option<Vec<f64>> = distinct.iter().map(|sym| number(catalog.texts.get(*sym))).collect();
        let coverage = having.len() as f64 / places.count as f64;
        let of_texts = (distinct.len() - 1) as f64 / (count.max(2) - 1) as f64;
        let range = numbers.map_or(of_texts, |numbers| spread_of(&numbers, numbers.len()).1);
        let differs = distinct.len() > 1 || having.len() < places.count;
        let spec = match kind {
            EntryKind::Param => ColumnSpec::Param(key.to_owned()),
            _ if key == tags::RUN_NAME => return None,
            _ => ColumnSpec::Tag(key.to_owned()),
        };
        let spread = if differs { range * coverage } else { 0.0 };
        Some(Entry {
            kind,
            spec,
            is_timing: false,
            differs,
            spread,
            goal: None,
            best: None,
            present: having.len(),
        })
    })
}

/// What every run has; the name stands above.
fn attributes(catalog: &Catalog, members: &[Member], now: i64) -> Vec<Entry> {
    let specs = ColumnSpec::ATTRIBUTES.into_iter().skip(1).filter(|spec| {
        // The start itself is told there, and not how long ago it was.
        !matches!(spec, ColumnSpec::ArtifactUri | ColumnSpec::Started)
    });
    specs
        .filter_map(|spec| {
            let bound = Bound::new(catalog, &spec);
            let rows = members.iter().flat_map(|member| &member.rows);
            let values: Vec<Value<'_>> = rows.map(|row| bound.value(catalog, *row, now)).collect();
            let present = values.iter().filter(|value| **value != Value::Missing).count();
            let differs = values.windows(2).any(|pair| pair[0] != pair[1]);
            // Every run has an id and a time of its own: that says little.
            let spread = if differs { f64::MIN_POSITIVE } else { 0.0 };
            (present > 0).then_some(Entry {
                kind: EntryKind::Attribute,
                spec,
                is_timing: false,
                differs,
                spread,
                goal: None,
                best: None,
                present,
            })
        })
        .collect()
}
