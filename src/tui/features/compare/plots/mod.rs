//! Parallel coordinates and scatter plots: how good each run is by the metric, which their colours tell.

pub mod parallel;
pub mod scatter;
pub mod view;

use super::CompareScreen;
use crate::compare::axes::{Axis, rank_shares};
use crate::select::Goal;

/// Levels of good that are told apart.
pub const LEVELS: u8 = 5;
/// Runs up to which each has its letter on plots: there are as many letters.
pub const LETTERS: usize = 52;

/// What the ink of a member says: how good it is, from 1 to [`LEVELS`], or 0 where that is not known.
pub fn level(share: Option<f64>) -> u8 {
    share.map_or(0, |share| 1 + (share * f64::from(LEVELS - 1)).round() as u8)
}

/// The axis of the metric that plots are coloured by.
pub fn metric_axis(screen: &CompareScreen) -> Option<&Axis> {
    let metric = screen.metric_spec();
    screen.axes.iter().find(|axis| Some(&axis.spec) == metric.as_ref())
}

/// How good each member is.
pub fn levels(screen: &CompareScreen) -> Vec<u8> {
    match metric_axis(screen) {
        Some(axis) => {
            let goal = screen.metric.as_deref().and_then(|metric| screen.goal(metric));
            rank_shares(axis, goal).into_iter().map(level).collect()
        }
        None => vec![0; screen.members()],
    }
}

/// Whether runs are few enough for letters.
pub fn has_letters(screen: &CompareScreen) -> bool {
    screen.drawn.iter().filter(|is_drawn| **is_drawn).count() <= LETTERS
}

/// What the levels say, from the greatest values down as on an axis: the greatest value, and for each level the least in it.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelValues {
    pub top: String,
    pub ends: Vec<(u8, String)>,
}

/// The values that the levels of the metric end at; nothing where there are not two different ones.
pub fn level_values(screen: &CompareScreen) -> Option<LevelValues> {
    let axis = metric_axis(screen)?;
    let is_down = screen.metric.as_deref().and_then(|metric| screen.goal(metric)) == Some(Goal::Minimize);
    let levels = levels(screen);
    let mut known: Vec<(f64, usize)> =
        axis.places.iter().enumerate().filter_map(|(member, place)| Some(((*place)?, member))).collect();
    known.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (first, last) = (known.first()?, known.last()?);
    if first.0.total_cmp(&last.0).is_eq() {
        return None;
    }
    let end = |level: u8| {
        let last = known.iter().rev().find(|(_, member)| levels[*member] == level)?;
        Some((level, last.1))
    };
    // Where less is better, the best level lies at the bottom, as its runs do.
    let order = |at: u8| if is_down { at } else { LEVELS + 1 - at };
    let ends: Vec<(u8, usize)> = (1..=LEVELS).map(order).filter_map(end).collect();
    let members: Vec<usize> = [first.1].into_iter().chain(ends.iter().map(|(_, member)| *member)).collect();
    let mut labels = axis.distinct_labels(&members).into_iter();
    let top = labels.next().unwrap_or_default();
    // Of equal values one label is enough.
    let mut before = top.clone();
    let mut once = |label: String| {
        if before == label {
            String::new()
        } else {
            before.clone_from(&label);
            label
        }
    };
    let ends = ends.into_iter().zip(labels).map(|((level, _), label)| (level, once(label))).collect();
    Some(LevelValues { top, ends })
}
