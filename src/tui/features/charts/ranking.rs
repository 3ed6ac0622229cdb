//! Where runs stand with a single value: all runs that are shown, the best one on top.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::dashboard::tiles::goal_of;
use super::standing::ranked;
use crate::catalog::view::LineKind;
use crate::catalog::{Catalog, Row};
use crate::mlflow::order::rank;
use crate::mlflow::{ExperimentId, RunId, tags};
use crate::select::Goal;
use crate::text;
use crate::text::by_point;
use crate::tui::core::app::App;
use crate::tui::core::requests::{go_to_run, leave_ranking, show_run_of};
use crate::tui::widgets::bars::{bars, signed};
use crate::tui::widgets::picker::{Item, Picked, Picker};

/// Runs that are listed from the best one on, and around the run where it stands further behind.
const FIRST: usize = 500;
const AROUND: usize = 50;
/// Cells of the bar of the best, at most and at least; cells around the list.
const BAR: usize = 20;
const LEAST_BAR: usize = 4;
const FRAME: usize = 13;

/// Where runs are that may be in other experiments, with their names.
pub type RunPlaces = Vec<(RunId, String, ExperimentId)>;

/// Runs with a value, in any order.
type Valued = Vec<(f64, Row)>;

/// What is ranked, and for whom.
struct Field<'a> {
    catalog: &'a Catalog,
    key: &'a str,
    goal: Option<Goal>,
    all: Valued,
    /// The run that the cursor is to be on.
    own: Option<Row>,
    /// Those that are lit, and listed wherever they stand.
    lit: FxHashSet<Row>,
    among: Among,
}

/// Which runs are ranked.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Among {
    Shown,
    /// Those that are shown, and compared ones that are not.
    ShownOrCompared,
    Compared,
}

/// A run in the list.
#[derive(Debug, Clone, Copy, PartialEq)]
struct RankedRun {
    /// 1 for the best; equal values share the place of the first of them.
    place: usize,
    value: f64,
    row: Row,
}

impl Field<'_> {
    /// What less of is better, so that values are in their order; among equals those that are shown first come first. Where
    /// nobody knows what is better, the highest come first, as on the tiles.
    fn cost(&self, at: usize) -> (u64, u32) {
        let rank = rank(self.all[at].0);
        (if self.goal == Some(Goal::Minimize) { rank } else { !rank }, at as u32)
    }

    /// Where the run is that the cursor is to be on. A parent that says again what one of its children says is not listed: the
    /// child is.
    fn own_at(&self) -> Option<usize> {
        let own = self.own?;
        let catalog = self.catalog;
        let parents = catalog.tags.column(&catalog.texts, tags::PARENT_RUN_ID);
        let is_child = |row: Row| {
            let parent = parents.and_then(|parents| Some(catalog.texts.get(parents.get(row)?)));
            parent == Some(catalog.run_id(own))
        };
        let value = catalog.metrics.column(&catalog.texts, self.key).and_then(|column| column.get(own));
        let repeats = |(other, row): &(f64, Row)| {
            value.is_some_and(|value| value.total_cmp(other).is_eq()) && is_child(*row)
        };
        let at = self.all.iter().position(|(_, row)| *row == own);
        at.or_else(|| self.all.iter().position(repeats))
    }

    /// The best, those around the run where it stands further behind, and those that are lit; where the run is among them, and
    /// whether any are listed that are not of the best. Only what is listed is sorted: of many runs that is little.
    fn places(&self) -> (Vec<RankedRun>, Option<usize>, bool) {
        let mut order: Vec<(u64, u32)> = (0..self.all.len()).map(|at| self.cost(at)).collect();
        let first = FIRST.min(order.len());
        if order.len() > first {
            order.select_nth_unstable(first);
        }
        order[..first].sort_unstable();
        let own = self.own_at().map(|at| self.cost(at));
        let (best, rest) = order.split_at_mut(first);
        let mut listed = best.to_vec();
        let is_lit = |entry: &&(u64, u32)| self.lit.contains(&self.all[entry.1 as usize].1);
        listed.extend(rest.iter().filter(is_lit));
        if let Some(own) = own {
            let ahead = rest.iter().filter(|entry| **entry < own).count();
            let at = best.partition_point(|entry| *entry < own) + ahead;
            let from = at.saturating_sub(AROUND).max(first) - first;
            let to = (at + AROUND + 1).min(first + rest.len()).max(first) - first;
            if from < to {
                rest.select_nth_unstable(from);
                let near = &mut rest[from..];
                if to - from < near.len() {
                    near.select_nth_unstable(to - from);
                }
                listed.extend_from_slice(&near[..to - from]);
            }
        }
        listed.sort_unstable();
        listed.dedup();
        // How many are better than each that is not among the best.
        let mut better = vec![0; listed.len() - first + 1];
        let behind = &listed[first..];
        for entry in rest.iter() {
            better[behind.partition_point(|listed| listed.0 <= entry.0)] += 1;
        }
        let mut places: Vec<RankedRun> = Vec::with_capacity(listed.len());
        let mut before = first;
        for (at, (cost, of)) in listed.iter().enumerate() {
            if at >= first {
                before += better[at - first];
            }
            let in_best = listed[..first].partition_point(|better| better.0 < *cost);
            let (value, row) = self.all[*of as usize];
            places.push(RankedRun { place: 1 + if in_best < first { in_best } else { before }, value, row });
        }
        let own_at = own.and_then(|own| listed.iter().position(|entry| *entry == own));
        (places, own_at, listed.len() > first)
    }
}

/// Lists the runs that are shown by their latest value of a metric; false if there is nothing to rank.
pub fn open(app: &mut App, key: &str) -> bool {
    let catalog = Arc::clone(&app.runs.catalog);
    let all = ranked(&catalog, &app.runs.projection, key);
    let own = app.details.run().map(|run| run.info.run_id.clone());
    let own = own.and_then(|own| app.runs.row_of(&own));
    let goal = goal_of(key, app.best.policy());
    let field =
        Field { catalog: &catalog, key, goal, all, own, lit: FxHashSet::default(), among: Among::Shown };
    list(app, &field, Vec::new())
}

/// The same for runs that are compared, which are lit: among all that are shown, or where some are in other experiments among
/// themselves. The cursor is on the run that is said, or on that of the comparison. False if there is nothing to rank.
pub fn open_compared(
    app: &mut App,
    key: &str,
    (catalog, rows, own): (&Catalog, &[Row], Option<Row>),
    places: RunPlaces,
    at: Option<&RunId>,
) -> bool {
    let goal = goal_of(key, app.best.policy());
    let known = Arc::clone(&app.runs.catalog);
    let here: FxHashMap<&str, Row> = rows.iter().map(|row| (catalog.run_id(*row), *row)).collect();
    let here: FxHashMap<Row, Row> =
        known.rows().filter_map(|row| Some((*here.get(known.run_id(row))?, row))).collect();
    let own_here = at.and_then(|run| app.runs.row_of(run)).or_else(|| here.get(&own?).copied());
    let own =
        at.and_then(|run| rows.iter().copied().find(|row| catalog.run_id(*row) == run.as_str())).or(own);
    let here: Option<Vec<Row>> = rows.iter().map(|row| here.get(row).copied()).collect();
    let field = match &here {
        Some(here) => {
            let mut all = ranked(&known, &app.runs.projection, key);
            // A parent that repeats a child is shown, and not listed all the same.
            let mut hidden: FxHashSet<Row> = here.iter().copied().collect();
            for line in &app.runs.projection.lines {
                if let (LineKind::Run(row), false) = (&line.kind, line.context) {
                    hidden.remove(row);
                }
            }
            let hidden = values(&known, key, &hidden.into_iter().collect::<Vec<_>>());
            let among = if hidden.is_empty() { Among::Shown } else { Among::ShownOrCompared };
            all.extend(hidden);
            Field {
                catalog: &known,
                key,
                goal,
                all,
                own: own_here,
                lit: here.iter().copied().collect(),
                among,
            }
        }
        None => {
            let all = values(catalog, key, rows);
            let among = Among::Compared;
            Field { catalog, key, goal, all, own, lit: rows.iter().copied().collect(), among }
        }
    };
    list(app, &field, places)
}

/// The name and the experiment of a run that is not in the open one.
fn elsewhere<'a>(app: &mut App, places: &'a RunPlaces, id: &RunId) -> Option<(&'a String, &'a ExperimentId)> {
    let found = places.iter().find(|(run, ..)| run == id).filter(|_| app.runs.row_of(id).is_none());
    found.map(|(_, name, there)| (name, there))
}

/// The latest values of runs; what is infinite is out, as where the best is chosen.
fn values(catalog: &Catalog, key: &str, rows: &[Row]) -> Valued {
    let column = catalog.metrics.column(&catalog.texts, key);
    let value = |row: &Row| Some((column?.get(*row).filter(|value| value.is_finite())?, *row));
    rows.iter().filter_map(value).collect()
}

/// Opens the list. Of runs of other experiments it has to be said which.
fn list(app: &mut App, field: &Field<'_>, run_places: RunPlaces) -> bool {
    if field.all.len() < 2 {
        return false;
    }
    let (runs, catalog, key) = (&app.runs, field.catalog, field.key);
    let (places, own_at, has_more) = field.places();
    let values: Vec<f64> = places.iter().map(|place| place.value).collect();
    let mut numbers: Vec<String> = values.iter().map(|value| text::value(key, *value)).collect();
    by_point(&mut numbers);
    let best = places[0].value;
    let gap = |place: &RankedRun| if place.place == 1 { String::new() } else { signed(place.value - best) };
    let mut gaps: Vec<String> = places.iter().map(gap).collect();
    by_point(&mut gaps);
    let widest = |cells: &[String], title: &str| {
        cells.iter().map(|cell| text::width(cell)).max().unwrap_or(0).max(text::width(title))
    };
    let (number, behind) = (widest(&numbers, "value"), widest(&gaps, "to best"));
    let digits = text::count(field.all.len()).len().max(2);
    let label = |place: &RankedRun| {
        let id = catalog.run_id(place.row);
        let name = format!("{} {}", catalog.run_name(place.row), runs.badges.of(id));
        format!("{:>digits$}  {}", text::count(place.place), name.trim_end())
    };
    let labels: Vec<String> = places.iter().map(label).collect();
    let longest = labels.iter().map(|label| text::width(&text::clean(label))).max().unwrap_or(0);
    // Long names leave two fifths to the rest.
    let screen = app.size.0 as usize;
    let room = screen.saturating_sub(longest + FRAME).max(screen.saturating_sub(FRAME) * 2 / 5);
    let room = room.saturating_sub(number + behind + 4).min(BAR);
    let bar = if room < LEAST_BAR { 0 } else { room };
    let bars = bars(&values, bar.max(1), app.glyphs);
    let line = |stroke: &str, value: &str, gap: &str| {
        let stroke = if bar > 0 { format!("{}  ", text::fit(stroke, bar, "")) } else { String::new() };
        format!("{stroke}{}  {}", text::fit_right(value, number, ""), text::fit_right(gap, behind, ""))
    };
    let items: Vec<Item<RunId>> = places
        .iter()
        .zip(labels)
        .enumerate()
        .map(|(at, (place, label))| {
            let id = catalog.run_id(place.row);
            let note = line(&bars[at], &numbers[at], &gaps[at]);
            Item { label, note, on: Some(runs.selected.contains(id)), value: RunId::from(id) }
        })
        .collect();
    let is_narrowed = !(runs.filter_text.is_empty() && runs.view.words.is_empty());
    let shown = match field.among {
        Among::Shown if is_narrowed => " shown",
        Among::Shown => "",
        Among::ShownOrCompared => " shown or compared",
        Among::Compared => " compared",
    };
    let order = field.goal.map_or("highest first", Goal::word);
    let mut title = format!("{key} of {}{shown}: {order}", text::runs(field.all.len()));
    if places.len() < field.all.len() {
        let compared = !field.lit.is_empty();
        let more = if compared { " and those that are compared" } else { " and those around this run" };
        let around = if has_more { more } else { "" };
        title.push_str(&format!(", the first {FIRST}{around}"));
    }
    let mut lit: Vec<bool> = places.iter().map(|place| field.lit.contains(&place.row)).collect();
    // Where all are, none stands out.
    if lit.iter().all(|is_lit| *is_lit) {
        lit.clear();
    }
    let heading = line("", "value", "to best");
    let metric = key.to_owned();
    Picker::new(title, items, move |app, picked, effects| match picked {
        Picked::Chosen(id) => match elsewhere(app, &run_places, &id) {
            Some((_, there)) if app.experiments.find(there).is_none() => {
                app.say("the experiment of this run is not listed");
            }
            Some((_, there)) => {
                leave_ranking(app, &metric, &id);
                show_run_of(app, there.clone(), &id, effects);
            }
            None => {
                leave_ranking(app, &metric, &id);
                go_to_run(app, &id, effects);
            }
        },
        Picked::Toggled(id, on) => match elsewhere(app, &run_places, &id).filter(|_| on) {
            Some((name, there)) => app.runs.selected.insert(id.as_str(), name, there),
            None => app.runs.set_selected(&id, on),
        },
        Picked::Removed(_) => {}
    })
    .under(" #  run", heading)
    .lit(lit)
    .at(own_at.unwrap_or(0))
    .open(app);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All places, by sorting everything.
    fn sorted(field: &Field<'_>) -> Vec<RankedRun> {
        let mut all: Vec<usize> = (0..field.all.len()).collect();
        all.sort_by_key(|at| field.cost(*at));
        let place = |at: usize| {
            let (value, row) = field.all[at];
            let better = field.all.iter().filter(|(other, _)| match field.goal {
                Some(Goal::Minimize) => *other < value,
                Some(Goal::Maximize) | None => *other > value,
            });
            RankedRun { place: 1 + better.count(), value, row }
        };
        all.into_iter().map(place).collect()
    }

    #[test]
    fn only_what_is_listed_is_sorted_and_stands_where_it_would_among_all() {
        let catalog = Catalog::default();
        let mut rng = fastrand::Rng::with_seed(5);
        for round in 0..60 {
            let count = [2, 30, 499, 500, 501, 700, 2_000][round % 7];
            // Few values, so that many are equal.
            let few = [2, 40, 100_000][round % 3];
            let all: Valued = (0..count).map(|row| (f64::from(rng.u32(0..few)), row)).collect();
            let goal = [Some(Goal::Minimize), Some(Goal::Maximize), None][rng.usize(0..3)];
            let own = (round % 4 > 0).then(|| rng.u32(0..count));
            let lit: FxHashSet<Row> = (0..round % 5).map(|_| rng.u32(0..count)).collect();
            let field =
                Field { catalog: &catalog, key: "x", goal, all, own, lit: lit.clone(), among: Among::Shown };
            let every = sorted(&field);
            let at = every.iter().position(|place| Some(place.row) == own);
            let near = at.map_or(0..0, |at| at.saturating_sub(AROUND)..at + AROUND + 1);
            let is_listed = |(at, place): &(usize, &RankedRun)| {
                *at < FIRST || near.contains(at) || lit.contains(&place.row)
            };
            let expected: Vec<RankedRun> =
                every.iter().enumerate().filter(is_listed).map(|(_, place)| *place).collect();
            let (places, own_at, has_more) = field.places();
            assert_eq!(places, expected, "round {round}");
            assert_eq!(own_at.map(|at| places[at].row), own);
            assert_eq!(has_more, expected.len() > FIRST.min(count as usize));
        }
    }
}
