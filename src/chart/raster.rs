//! The lines of a chart in pixels, for terminals that can draw them: where the cells would have had dots.

use super::canvas::{Ink, Stroke};
use super::filling::covered;
use super::picture::{Picture, Scale, traced};
use super::trace::{ChartLine, Spot, Trace, thin};
use super::{Options, Smoothing};

/// By so many pixels a point that stands alone is wider than a line.
const ALONE: i64 = 2;

/// Pixels to the dot of a stroke.
const STROKE: i64 = 3;

/// One pixel in so many of a band is drawn.
const BAND: i64 = 4;

/// Pixels, each with the number of its line plus one, or 0; and whether it stands behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Option<Ink>>,
}

impl Raster {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![None; width * height] }
    }

    fn dot(&mut self, x: i64, y: i64, ink: Ink) {
        if x < 0 || y < 0 || x >= self.width as i64 || y >= self.height as i64 {
            return;
        }
        let pixel = &mut self.pixels[y as usize * self.width + x as usize];
        // What stands behind never covers what does not.
        if !(ink.is_faint && pixel.is_some_and(|known| !known.is_faint)) {
            *pixel = Some(ink);
        }
    }

    /// A faint line through the middle of each row that has a tick.
    fn grid(&mut self, picture: &Picture) {
        for (row, _) in &picture.y_labels {
            let y = (2 * row + 1) * self.height / (2 * picture.plot.rows).max(1);
            for x in 0..self.width as i64 {
                self.dot(x, y as i64, Ink::GRID);
            }
        }
    }

    /// A line as thick as a pen.
    fn line(&mut self, from: (f64, f64), to: (f64, f64), pen: i64, ink: Ink) {
        let Some((from, to)) = self.clip(from, to) else { return };
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let steps = dx.abs().max(dy.abs()).ceil().max(1.0);
        let is_steep = dy.abs() > dx.abs();
        for step in 0..=steps as i64 {
            let share = step as f64 / steps;
            let (x, y) = ((from.0 + dx * share).round() as i64, (from.1 + dy * share).round() as i64);
            if !ink.stroke.shows((if is_steep { y } else { x }) / STROKE) {
                continue;
            }
            for across in 0..pen {
                for down in 0..pen {
                    self.dot(x + across - pen / 2, y + down - pen / 2, ink);
                }
            }
        }
    }

    /// Cut at the upper and lower edge, so that a point far outside costs no more than one inside.
    fn clip(&self, from: (f64, f64), to: (f64, f64)) -> Option<((f64, f64), (f64, f64))> {
        let mut ends = [from, to];
        for (low, high, axis) in [(-4.0, self.width as f64 + 4.0, 0), (-4.0, self.height as f64 + 4.0, 1)] {
            let get = |place: (f64, f64)| if axis == 0 { place.0 } else { place.1 };
            if get(ends[0]).max(get(ends[1])) < low || get(ends[0]).min(get(ends[1])) > high {
                return None;
            }
            let (a, b) = (ends[0], ends[1]);
            for end in &mut ends {
                let edge = get(*end).clamp(low, high);
                let span = get(b) - get(a);
                let is_outside = get(*end) < low || get(*end) > high;
                if is_outside && span != 0.0 {
                    let share = (edge - get(a)) / span;
                    *end = (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share);
                }
            }
        }
        Some((ends[0], ends[1]))
    }
}

/// Draws the lines of a picture again, in so many pixels, over the same part of the axes.
pub fn raster(
    lines: &[ChartLine<'_>],
    options: &Options,
    picture: &Picture,
    (width, height): (usize, usize),
) -> Raster {
    let mut raster = Raster::new(width, height);
    raster.grid(picture);
    let window = (picture.plot.x.low, picture.plot.x.high);
    let x = Scale::new(window, width);
    let y = Scale::new((picture.plot.y.low, picture.plot.y.high), height);
    let pen = if height >= 200 { 2 } else { 1 };
    let bottom = height.saturating_sub(1) as f64;
    let traced = traced(lines, options);
    for (ink, trace) in traced.iter().flat_map(|line| line.traces.iter().map(|trace| (line.ink, trace))) {
        for (column, covered) in covered(trace, (&x, &y), width).into_iter().enumerate() {
            let Some((low, high)) = covered else { continue };
            let (first, last) = ((bottom - high).round().max(0.0), (bottom - low).round().min(bottom));
            for row in (first as i64..=last as i64).filter(|row| (row + column as i64) % BAND == 0) {
                raster.dot(column as i64, row, Ink { stroke: Stroke::Solid, ..ink.faint() });
            }
        }
    }
    let mut draw = |ink: Ink, trace: &Trace<'_>, smoothing: Smoothing| {
        let column = |at: f64| x.dot(at).round().clamp(-1.0, width as f64) as i64;
        let mut last = None;
        let spots = thin(&trace.spots(window, smoothing), column);
        for (number, spot) in spots.iter().enumerate() {
            let Spot::At { x: at, y: value } = *spot else {
                last = None;
                continue;
            };
            let place = (x.dot(at), bottom - y.dot(value));
            // What no line leads to or from is a dot that can be seen.
            let is_alone = last.is_none() && spots.get(number + 1).is_none_or(|next| *next == Spot::Gap);
            let pen = if is_alone { pen + ALONE } else { pen };
            let ink = if is_alone { Ink { stroke: Stroke::Solid, ..ink } } else { ink };
            raster.line(last.unwrap_or(place), place, pen, ink);
            last = Some(place);
        }
    };
    let is_smoothed = options.smoothing.is_on();
    let all = || traced.iter().flat_map(|line| line.traces.iter().map(|trace| (line.ink, trace)));
    for (ink, trace) in all() {
        draw(Ink { is_faint: ink.is_faint || is_smoothed, ..ink }, trace, Smoothing::default());
    }
    if is_smoothed {
        for (ink, trace) in all() {
            draw(ink, trace, options.smoothing);
        }
    }
    raster
}
