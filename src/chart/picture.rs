//! A chart as cells: the dots of its lines, the labels of its axes, and where things are.

use super::axis::{Tick, Unit, XAxis, label, spread, ticks};
use super::canvas::{Canvas, Dots, Ink, Stroke};
use super::ends::{LineSign, PassingLine, along, ends, is_joined};
use super::even::even;
use super::filling::covered;
use super::quantile::quantile;
use super::trace::{ChartLine, LineLabel, PointCounts, Spot, Trace, thin};
use super::{Options, Smoothing};
use crate::text;

/// The widest labels of the y axis, in cells.
const LABEL: usize = 10;
/// What a chart must have to show its axes: columns and rows.
const WITH_AXES: (usize, usize) = (20, 4);
/// Up to so many rows the y axis names its ends.
const LOW: usize = 5;
/// From so many rows on the x axis has a line of its own.
const WITH_LINE: usize = 12;

/// An axis from its low to its high end, over so many dots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    dots: usize,
}

impl Scale {
    pub fn new((low, high): (f64, f64), dots: usize) -> Self {
        Self { low, high, dots: dots.max(1) }
    }

    /// The dot of a value, counted from the low end; it may lie outside.
    pub fn dot(&self, value: f64) -> f64 {
        // Halved first: the difference of the greatest numbers is no number.
        let span = self.high / 2.0 - self.low / 2.0;
        (value / 2.0 - self.low / 2.0) / span * (self.dots - 1) as f64
    }

    /// The value of a dot.
    pub fn value(&self, dot: f64) -> f64 {
        let share = if self.dots > 1 { dot / (self.dots - 1) as f64 } else { 0.5 };
        self.low * (1.0 - share) + self.high * share
    }
}

/// A cell of the plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlotCell {
    pub column: usize,
    pub row: usize,
}

/// A line as it was drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnLine {
    pub ink: Ink,
    pub counts: PointCounts,
    /// The last point that is seen.
    pub last: Option<PlotCell>,
    pub least: Option<PlotCell>,
    pub greatest: Option<PlotCell>,
}

/// The room that the lines of a chart have, and what the axes cover there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plot {
    /// Cells to the left of it, for the y axis.
    pub left: usize,
    /// Cells to the right of it, for the labels of lines.
    pub right: usize,
    pub columns: usize,
    pub rows: usize,
    pub x: Scale,
    pub y: Scale,
}

impl Plot {
    /// The column that an x of the axis is in, if it is in any.
    pub fn column(&self, x: f64) -> Option<usize> {
        let wide = self.x.dots / self.columns;
        let dot = self.x.dot(x).round();
        (dot >= 0.0 && dot < self.x.dots as f64).then(|| dot as usize / wide)
    }

    /// The x in the middle of a column.
    pub fn x_of_column(&self, column: usize) -> f64 {
        let wide = self.x.dots as f64 / self.columns as f64;
        self.x.value((column as f64 + 0.5) * wide - 0.5)
    }

    /// What one dot is on the x axis.
    pub fn x_stride(&self) -> f64 {
        self.x.value(1.0) - self.x.value(0.0)
    }
}

/// A drawn chart. The plot is at the top, between the y axis and the labels of lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub plot: Plot,
    pub canvas: Canvas,
    /// Row and text of the labels of the y axis.
    pub y_labels: Vec<(usize, String)>,
    /// Column where each label of the x axis begins, and its text.
    pub x_labels: Vec<(usize, String)>,
    /// The columns of the ticks; none where the x axis has no line of its own.
    pub x_ticks: Option<Vec<usize>>,
    pub lines: Vec<DrawnLine>,
    /// The labels at the ends of lines, where there are several; some may stand to the right of the plot.
    pub ends: Vec<LineSign>,
    /// The same along the lines, for who cannot tell them by their colours.
    pub along: Vec<LineSign>,
}

/// What the x axis is labelled with.
pub(super) fn x_unit(axis: XAxis, lines: &[TracedLine<'_>]) -> Unit {
    match axis {
        XAxis::Step => Unit::Count,
        XAxis::Relative => Unit::Duration,
        XAxis::Wall => Unit::Moment,
        // Epochs are counted.
        XAxis::Metric if all(lines).all(Trace::has_whole_xs) => Unit::Count,
        XAxis::Metric => Unit::Number,
    }
}

/// A line with what is drawn of it.
pub(super) struct TracedLine<'a> {
    pub ink: Ink,
    label: LineLabel,
    /// One for each pass.
    pub traces: Vec<Trace<'a>>,
    /// What is on none of them.
    left_out: PointCounts,
}

pub(super) fn traced<'a>(lines: &[ChartLine<'a>], options: &Options) -> Vec<TracedLine<'a>> {
    let traced = lines.iter().map(|line| TracedLine {
        ink: line.ink,
        label: line.label,
        traces: line.traces(options.scales()),
        left_out: line.left_out(options.scales()),
    });
    traced.collect()
}

fn all<'t, 'a>(lines: &'t [TracedLine<'a>]) -> impl Iterator<Item = &'t Trace<'a>> {
    lines.iter().flat_map(|line| &line.traces)
}

/// The cells that the labels of lines take, where there are several.
fn label_width(lines: &[TracedLine<'_>]) -> usize {
    let labelled = lines.iter().filter(|line| line.label.width() > 0);
    let count = labelled.clone().count();
    let widest = labelled.map(|line| line.label.width()).max().unwrap_or(0);
    if count < 2 { 0 } else { widest + usize::from(is_joined(count)) }
}

/// Where the plot of [`picture`] is, without drawing it.
pub fn plot(
    lines: &[ChartLine<'_>],
    options: &Options,
    window: Option<(f64, f64)>,
    size: (usize, usize),
    dots: Dots,
) -> Plot {
    measured(&traced(lines, options), options, window, size, dots).0
}

/// The part of the x axis that [`picture`] shows, without measuring the values.
pub fn x_range(lines: &[ChartLine<'_>], options: &Options, window: Option<(f64, f64)>) -> (f64, f64) {
    x_of(&traced(lines, options), window)
}

fn x_of(lines: &[TracedLine<'_>], window: Option<(f64, f64)>) -> (f64, f64) {
    window.unwrap_or_else(|| widened(all(lines).filter_map(Trace::x_extent).reduce(union), 0.5))
}

/// Whether there is room for axes.
fn has_axes((columns, rows): (usize, usize)) -> bool {
    columns >= WITH_AXES.0 && rows >= WITH_AXES.1
}

/// The plot, and rows and texts of the labels of the y axis beside it.
fn measured(
    lines: &[TracedLine<'_>],
    options: &Options,
    window: Option<(f64, f64)>,
    size: (usize, usize),
    dots: Dots,
) -> (Plot, Vec<(usize, String)>) {
    let x = x_of(lines, window);
    let extent = y_extent(lines, options, x);
    let y = widened(extent, 0.0);
    let has_axes = has_axes(size);
    let below = if has_axes && size.1 >= WITH_LINE { 2 } else { usize::from(has_axes) };
    let rows = (size.1 - below).max(1);
    let (wide, high) = dots.per_cell();
    let is_low = rows <= LOW && !options.log_y;
    let axis = if options.log_y || !has_axes || is_low { None } else { even(y.0, y.1, rows, high) };
    let y = axis.as_ref().map_or(y, |axis| (axis.low, axis.high));
    let y_scale = Scale::new(y, rows * high);
    let labels = match axis {
        Some(axis) => {
            let label = |(row, tick): (usize, Tick)| (rows - 1 - row, text::cut(&tick.label, LABEL, "…"));
            axis.ticks.into_iter().map(label).collect()
        }
        None if has_axes && is_low => match extent {
            // One value, in the middle.
            Some((low, high)) if low.total_cmp(&high).is_eq() => vec![(rows / 2, in_label(low))],
            _ => ends_of(y, rows),
        },
        None if has_axes => uneven(&y_scale, y, rows, high, options.log_y),
        None => Vec::new(),
    };
    let label_width_left = labels.iter().map(|(_, label)| text::width(label)).max().unwrap_or(0);
    let left = if has_axes { label_width_left + 1 } else { 0 };
    let right = if has_axes { label_width(lines) } else { 0 };
    let columns = size.0.saturating_sub(left + right).max(1);
    (Plot { left, right, columns, rows, x: Scale::new(x, columns * wide), y: y_scale }, labels)
}

fn in_label(value: f64) -> String {
    text::cut(&text::number(value), LABEL, "…")
}

/// Rows and texts of the least and the greatest value: in few rows round numbers would stand far from both, and small values
/// beside a 0 that they are not.
fn ends_of((low, high): (f64, f64), rows: usize) -> Vec<(usize, String)> {
    let ends = [(0, in_label(high)), (rows - 1, in_label(low))];
    // Closer together than a label can say.
    if rows < 2 || ends[0].1 == ends[1].1 { ends.into_iter().take(1).collect() } else { ends.into() }
}

/// Rows and texts of ticks wherever round numbers lie.
fn uneven(scale: &Scale, y: (f64, f64), rows: usize, high: usize, is_log: bool) -> Vec<(usize, String)> {
    let mut labels: Vec<(usize, String)> = Vec::new();
    for tick in ticks(y.0, y.1, (rows / 2).clamp(3, 8), Unit::Number, is_log) {
        let dot = (rows * high - 1) as f64 - scale.dot(tick.at);
        let row = (dot.round().max(0.0) as usize / high).min(rows - 1);
        if labels.iter().all(|(other, _)| *other != row) {
            labels.push((row, text::cut(&tick.label, LABEL, "…")));
        }
    }
    labels
}

/// Draws lines, the last one on top, in so many cells with everything around them. `window` is the part of the x axis that is
/// wanted (as it is on the axis), all of it where none is given; y follows what is seen.
pub fn picture(
    lines: &[ChartLine<'_>],
    options: &Options,
    window: Option<(f64, f64)>,
    size: (usize, usize),
    dots: Dots,
) -> Picture {
    let traced = traced(lines, options);
    let (plot, y_labels) = measured(&traced, options, window, size, dots);
    let canvas = Canvas::new(plot.columns, plot.rows, dots);
    // Where all lines have names, none is to vanish behind another.
    let mut canvas = if lines.iter().all(|line| line.label.width() > 0) { canvas.shared() } else { canvas };
    let drawn = draw(&mut canvas, &traced, options, &plot);
    let (x_labels, x_ticks) = if has_axes(size) {
        let unit = x_unit(options.x, &traced);
        let (labels, columns) = x_labels(&plot, (unit, options.log_x), window.is_none(), dots);
        (labels, (size.1 >= WITH_LINE).then_some(columns))
    } else {
        (Vec::new(), None)
    };
    let (mut ending, mut passing) = (Vec::new(), Vec::new());
    if label_width(&traced) > 0 {
        for (line, (drawn, places)) in traced.iter().zip(&drawn) {
            let height = places.last().map_or(0.0, |(_, height)| *height);
            ending.extend(drawn.last.map(|last| (last, height, line.label, line.ink)));
            passing.push(PassingLine { places: places.clone(), label: line.label, ink: line.ink });
        }
    }
    let labelled = traced.iter().filter(|line| line.label.width() > 0).count();
    let ends = ends(&ending, plot.columns + plot.right, plot.rows, is_joined(labelled));
    Picture {
        along: along(&passing, &ends, plot.columns, plot.rows),
        ends,
        plot,
        canvas,
        y_labels,
        x_labels,
        x_ticks,
        lines: drawn.into_iter().map(|(line, _)| line).collect(),
    }
}

/// Columns and texts of the labels of the x axis, and the columns of its ticks. Where all of it is seen the last step is
/// among them.
fn x_labels(
    plot: &Plot,
    (unit, is_log): (Unit, bool),
    is_whole: bool,
    dots: Dots,
) -> (Vec<(usize, String)>, Vec<usize>) {
    let mut found = ticks(plot.x.low, plot.x.high, (plot.columns / 9).max(1), unit, is_log);
    let wide = dots.per_cell().0;
    let column = |at: f64| (plot.x.dot(at).round().max(0.0) as usize / wide).min(plot.columns - 1);
    let is_counted = unit == Unit::Count && is_whole && !is_log;
    if is_counted && plot.x.high.fract() == 0.0 && found.last().is_none_or(|last| last.at < plot.x.high) {
        let last = format!("{:.0}", plot.x.high);
        let last = if last.len() > LABEL { label(plot.x.high, plot.x.high) } else { last };
        // It takes the place of those that it would touch.
        let free = (plot.columns + 1).saturating_sub(text::width(&last) + 3);
        found.retain(|tick| column(tick.at) + text::width(&tick.label).div_ceil(2) < free);
        found.push(Tick { at: plot.x.high, label: last });
    }
    let labels: Vec<(usize, &str)> =
        found.iter().map(|tick| (column(tick.at), tick.label.as_str())).collect();
    let starts = spread(&labels, plot.columns);
    let columns = starts.iter().zip(&labels).filter_map(|(start, (at, _))| start.map(|_| *at)).collect();
    let shown = starts
        .iter()
        .zip(&labels)
        .filter_map(|(start, (_, label))| start.map(|start| (start, (*label).to_owned())));
    (shown.collect(), columns)
}

fn union(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// What the axes cover.
pub(super) fn extents(
    lines: &[TracedLine<'_>],
    options: &Options,
    window: Option<(f64, f64)>,
) -> ((f64, f64), (f64, f64)) {
    let x = x_of(lines, window);
    (x, widened(y_extent(lines, options, x), 0.0))
}

/// An extent that has some width, so that a single value stands in the middle.
fn widened(extent: Option<(f64, f64)>, least: f64) -> (f64, f64) {
    let (low, high) = extent.unwrap_or((0.0, 1.0));
    if high > low {
        return (low, high);
    }
    let by = (low.abs() * 0.05).max(least);
    if by > 0.0 { (low - by, low + by) } else { (low - 1.0, low + 1.0) }
}

/// What the y axis covers of the lines in a window.
fn y_extent(lines: &[TracedLine<'_>], options: &Options, x: (f64, f64)) -> Option<(f64, f64)> {
    let cut = options.y_range.cut();
    let values = || all(lines).flat_map(|trace| trace.ys(x));
    if cut > 0.0 {
        let mut values: Vec<f64> = values().collect();
        return quantile(&mut values, cut).zip(quantile(&mut values, 1.0 - cut));
    }
    let extent = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(None, |extent: Option<(f64, f64)>, y| {
            Some(extent.map_or((y, y), |(low, high)| (low.min(y), high.max(y))))
        })
    };
    extent(&mut values()).or_else(|| {
        // Nothing is logged inside: the line that passes through is seen all the same.
        let passing = all(lines).flat_map(|trace| trace.spots(x, Smoothing::default()));
        extent(&mut passing.filter_map(|spot| match spot {
            Spot::At { y, .. } => Some(y),
            Spot::Gap => None,
        }))
    })
}

/// Draws lines; each as it was drawn, with the places that it passes, in cells.
fn draw(
    canvas: &mut Canvas,
    lines: &[TracedLine<'_>],
    options: &Options,
    plot: &Plot,
) -> Vec<(DrawnLine, Vec<(f64, f64)>)> {
    let (x, y) = (&plot.x, &plot.y);
    let window = (x.low, x.high);
    let (width, height) = canvas.size();
    let (wide, high) = (width / canvas.columns(), height / canvas.rows());
    let bottom = (height - 1) as f64;
    let column = |at: f64| x.dot(at).round().clamp(-1.0, width as f64) as i64;
    let place = |at: (f64, f64)| {
        let (dot_x, dot_y) = (x.dot(at.0).round(), (bottom - y.dot(at.1)).round());
        let inside = dot_x >= 0.0 && dot_x < width as f64 && dot_y >= 0.0 && dot_y <= bottom;
        inside.then(|| PlotCell { column: dot_x as usize / wide, row: dot_y as usize / high })
    };
    let in_cells = |spots: &[Spot]| -> Vec<(f64, f64)> {
        let places = spots.iter().filter_map(|spot| match spot {
            Spot::At { x: at, y: value } => {
                Some(((x.dot(*at) + 0.5) / wide as f64, (bottom - y.dot(*value) + 0.5) / high as f64))
            }
            Spot::Gap => None,
        });
        places.collect()
    };
    let is_smoothed = options.smoothing.is_on();
    for line in lines {
        line.traces.iter().for_each(|trace| fill(canvas, trace, (x, y), line.ink));
    }
    let mut drawn = Vec::with_capacity(lines.len());
    for line in lines {
        let mut counts = line.left_out;
        let (mut seen, mut places) = (Vec::new(), Vec::new());
        for trace in &line.traces {
            let raw = thin(&trace.spots(window, Smoothing::default()), column);
            put(canvas, &raw, x, y, Ink { is_faint: line.ink.is_faint || is_smoothed, ..line.ink });
            counts.add(trace.counts());
            seen.extend(raw.iter().filter_map(|spot| match spot {
                Spot::At { x: at, y } if *at >= window.0 && *at <= window.1 => Some((*at, *y)),
                _ => None,
            }));
            // The last pass is the one that holds.
            places = in_cells(&raw);
        }
        let line = DrawnLine {
            ink: line.ink,
            counts,
            last: seen.last().copied().and_then(place),
            // Of several equal ones the first.
            least: seen.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)).and_then(place),
            greatest: seen.iter().rev().copied().max_by(|a, b| a.1.total_cmp(&b.1)).and_then(place),
        };
        drawn.push((line, places));
    }
    if is_smoothed {
        for (line, (_, places)) in lines.iter().zip(&mut drawn) {
            for trace in &line.traces {
                let smooth = thin(&trace.spots(window, options.smoothing), column);
                put(canvas, &smooth, x, y, line.ink);
                *places = in_cells(&smooth);
            }
        }
    }
    drawn
}

/// Draws the band around a line, behind all lines: dots that let each other through.
fn fill(canvas: &mut Canvas, trace: &Trace<'_>, scales: (&Scale, &Scale), ink: Ink) {
    let (width, height) = canvas.size();
    let bottom = height as f64 - 1.0;
    for (column, covered) in covered(trace, scales, width).into_iter().enumerate() {
        let Some((low, high)) = covered else { continue };
        let rows = (bottom - high).round().max(0.0)..=(bottom - low).round().min(bottom);
        for row in *rows.start() as i64..=*rows.end() as i64 {
            if column % 2 == 0 && (row + column as i64 / 2) % 2 == 0 {
                canvas.dot(column as i64, row, Ink { stroke: Stroke::Solid, ..ink.faint() });
            }
        }
    }
}

/// Draws spots, each joined to the one before it unless there is a gap between.
fn put(canvas: &mut Canvas, spots: &[Spot], x: &Scale, y: &Scale, ink: Ink) {
    let bottom = (canvas.size().1 - 1) as f64;
    let mut last: Option<(f64, f64)> = None;
    for (number, spot) in spots.iter().enumerate() {
        let Spot::At { x: at, y: value } = *spot else {
            last = None;
            continue;
        };
        let place = (x.dot(at), bottom - y.dot(value));
        // What no line leads to or from is in no gap of its stroke.
        let is_alone = last.is_none() && spots.get(number + 1).is_none_or(|next| *next == Spot::Gap);
        let stroke = if is_alone { Stroke::Solid } else { ink.stroke };
        canvas.line(last.unwrap_or(place), place, Ink { stroke, ..ink });
        last = Some(place);
    }
}
