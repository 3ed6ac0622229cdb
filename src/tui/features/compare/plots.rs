//! Parallel coordinates and scatter plots as dots: where lines and points are, without any colour yet.

use super::CompareScreen;
use crate::chart::canvas::{Canvas, Dots, Ink};
use crate::compare::axes::{Axis, rank_shares};

/// Levels of good that are told apart.
pub const LEVELS: u8 = 5;

/// What the ink of a member says: how good it is, from 1 to [`LEVELS`], or 0 where that is not known.
pub fn level(share: Option<f64>) -> u8 {
    share.map_or(0, |share| 1 + (share * f64::from(LEVELS - 1)).round() as u8)
}

/// Lines from axis to axis in so many cells; those that do not pass the brushes are behind.
pub fn parallel(screen: &CompareScreen, columns: usize, rows: usize, dots: Dots) -> Canvas {
    let mut canvas = Canvas::new(columns.max(1), rows.max(1), dots);
    let (width, height) = canvas.size();
    let levels = levels(screen);
    let passing = screen.passing();
    let count = screen.axes.len();
    let x = |axis: usize| if count > 1 { axis as f64 * (width - 1) as f64 / (count - 1) as f64 } else { 0.0 };
    let y = |place: f64| (height - 1) as f64 * (1.0 - place);
    // The best on top, and what passes above what does not.
    let mut order: Vec<usize> = (0..screen.members()).collect();
    order.sort_by_key(|member| (passing[*member], levels[*member]));
    for member in order {
        let ink = Ink { is_faint: !passing[member], ..Ink::of(levels[member]) };
        let mut last: Option<(f64, f64)> = None;
        for (at, axis) in screen.axes.iter().enumerate() {
            let place = axis.places[member].map(|place| (x(at), y(place)));
            if let (Some(from), Some(to)) = (last, place) {
                canvas.line(from, to, ink);
            }
            last = place;
        }
    }
    canvas
}

/// How good each member is.
pub fn levels(screen: &CompareScreen) -> Vec<u8> {
    let metric = screen.metric_spec();
    let axis = screen.axes.iter().find(|axis| Some(&axis.spec) == metric.as_ref());
    match axis {
        Some(axis) => {
            let goal = screen.metric.as_deref().and_then(|metric| screen.goal(metric));
            rank_shares(axis, goal).into_iter().map(level).collect()
        }
        None => vec![0; screen.members()],
    }
}

/// The cell of each member in a scatter plot, none where it has no place on both axes.
pub fn scatter(x: &Axis, y: &Axis, columns: usize, rows: usize) -> Vec<Option<(usize, usize)>> {
    let at = |place: f64, cells: usize| (place * cells.saturating_sub(1) as f64).round() as usize;
    let places = x.places.iter().zip(&y.places);
    places.map(|(x, y)| Some((at((*x)?, columns), rows.saturating_sub(1) - at((*y)?, rows)))).collect()
}
