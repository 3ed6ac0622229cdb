//! Where a run stands with a single value: all runs that are shown, the best one on top.

use super::dashboard::tiles::goal_of;
use super::standing::ranked;
use crate::catalog::Row;
use crate::mlflow::order::rank;
use crate::mlflow::{RunId, tags};
use crate::select::Goal;
use crate::text;
use crate::text::by_point;
use crate::tui::core::app::App;
use crate::tui::core::requests::go_to_run;
use crate::tui::widgets::bars::{bars, signed};
use crate::tui::widgets::picker::{Item, Picked, Picker};

/// Runs that are listed from the best one on, and around the run where it stands further behind.
const FIRST: usize = 500;
const AROUND: usize = 50;
/// Cells of the bar of the best, at most and at least; cells around the list.
const BAR: usize = 20;
const LEAST_BAR: usize = 4;
const FRAME: usize = 13;

/// Lists the runs by their latest value of a metric; false if there is nothing to rank.
pub fn open(app: &mut App, key: &str) -> bool {
    let (runs, own) = (&app.runs, app.details.run().map(|run| run.info.run_id.clone()));
    let goal = goal_of(key, app.best.policy());
    let catalog = &runs.catalog;
    let mut all = ranked(catalog, &runs.projection, key);
    if all.len() < 2 {
        return false;
    }
    // Where nobody knows what is better, the highest come first, as on the tiles.
    all.sort_by(|(a, _), (b, _)| match goal {
        Some(Goal::Minimize) => rank(*a).cmp(&rank(*b)),
        Some(Goal::Maximize) | None => rank(*b).cmp(&rank(*a)),
    });
    // Equal values share the place of the first of them.
    let place = |at: &usize| {
        let value = all[*at].0;
        1 + all.partition_point(|(other, _)| match goal {
            Some(Goal::Minimize) => rank(*other) < rank(value),
            Some(Goal::Maximize) | None => rank(*other) > rank(value),
        })
    };
    let own_row = own.as_ref().and_then(|own| catalog.find(own.as_str()));
    // A parent that says again what one of its children says is not listed: the child is.
    let parents = catalog.tags.column(&catalog.texts, tags::PARENT_RUN_ID);
    let is_child = |row: Row| {
        let parent = parents.and_then(|parents| Some(catalog.texts.get(parents.get(row)?)));
        parent.is_some() && parent == own.as_ref().map(RunId::as_str)
    };
    let value = own_row.and_then(|row| catalog.metrics.column(&catalog.texts, key)?.get(row));
    let repeats = |(other, row): &(f64, Row)| {
        value.is_some_and(|value| value.total_cmp(other).is_eq()) && is_child(*row)
    };
    let own_at = all.iter().position(|(_, row)| Some(*row) == own_row);
    let own_at = own_at.or_else(|| all.iter().position(repeats));
    let near = own_at.map_or(0..0, |at| at.saturating_sub(AROUND)..at + AROUND + 1);
    let listed: Vec<usize> = (0..all.len()).filter(|at| *at < FIRST || near.contains(at)).collect();
    let values: Vec<f64> = listed.iter().map(|at| all[*at].0).collect();
    let mut numbers: Vec<String> = values.iter().map(|value| text::value(key, *value)).collect();
    by_point(&mut numbers);
    let gap = |at: &usize| if place(at) == 1 { String::new() } else { signed(all[*at].0 - all[0].0) };
    let mut gaps: Vec<String> = listed.iter().map(gap).collect();
    by_point(&mut gaps);
    let widest = |cells: &[String], title: &str| {
        cells.iter().map(|cell| text::width(cell)).max().unwrap_or(0).max(text::width(title))
    };
    let (number, behind) = (widest(&numbers, "value"), widest(&gaps, "to best"));
    let digits = text::count(all.len()).len().max(2);
    let label = |at: &usize| {
        let id = catalog.run_id(all[*at].1);
        let name = format!("{} {}", catalog.run_name(all[*at].1), runs.badges.of(id));
        format!("{:>digits$}  {}", text::count(place(at)), name.trim_end())
    };
    let labels: Vec<String> = listed.iter().map(label).collect();
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
    let items: Vec<Item<RunId>> = listed
        .iter()
        .zip(labels)
        .enumerate()
        .map(|(row, (at, label))| {
            let id = catalog.run_id(all[*at].1);
            let note = line(&bars[row], &numbers[row], &gaps[row]);
            Item { label, note, on: Some(runs.selected.contains(id)), value: RunId::from(id) }
        })
        .collect();
    let shown = if runs.filter_text.is_empty() { "" } else { " shown" };
    let order = goal.map_or("highest first", Goal::word);
    let mut title = format!("{key} of {}{shown}: {order}", text::runs(all.len()));
    if listed.len() < all.len() {
        let around = if near.end > FIRST { " and those around this run" } else { "" };
        title.push_str(&format!(", the first {FIRST}{around}"));
    }
    let cursor = own_at.and_then(|own| listed.iter().position(|at| *at == own)).unwrap_or(0);
    let heading = line("", "value", "to best");
    Picker::new(title, items, |app, picked, effects| match picked {
        Picked::Chosen(id) => go_to_run(app, &id, effects),
        Picked::Toggled(id, on) => app.runs.set_selected(&id, on),
        Picked::Removed(_) => {}
    })
    .under(" #  run", heading)
    .at(cursor)
    .open(app);
    true
}
