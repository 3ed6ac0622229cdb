//! One metric of one or more runs on the whole screen: a cursor with exact values, zoom and pan.

pub mod view;

use ratatui::layout::{Margin, Rect};

use crate::catalog::Catalog;
use crate::chart::trace::{extent, neighbour};
use crate::chart::{Band, Options, Plot};
use crate::mlflow::MetricPoint;
use crate::sheet::{Cell, Sheet};
use crate::text;
use crate::tui::core::selected::DrawnRun;
use crate::tui::features::charts::groups::{Grouping, grouped};
use crate::tui::features::charts::histories::{CachedHistory, Histories, HistoryKey};
use crate::tui::features::charts::metrics::ChartMetric;
use crate::tui::features::charts::series::{Series, series};

/// From this width on the legend stands beside the plot.
const WIDE: u16 = 100;
/// Columns of the legend beside the plot.
const LEGEND: u16 = 40;
/// How much a step of the zoom shows of what was seen before.
const ZOOM: f64 = 0.7;
/// The share of the window that a step of panning moves by.
const PAN: f64 = 0.2;

#[derive(Debug, Clone)]
pub struct ChartScreen {
    /// The charts that there are, and the one that is shown.
    pub metrics: Vec<ChartMetric>,
    pub at: usize,
    /// The runs, and the lines that they are drawn as.
    pub runs: Vec<DrawnRun>,
    pub drawn: Vec<DrawnRun>,
    /// What runs are put together by, as they are drawn.
    pub grouping: Option<Grouping>,
    /// Its lines, in the order of the legend.
    pub lines: Vec<Series>,
    /// The line that is on top, and that the cursor follows.
    pub chosen: usize,
    /// The part of the x axis that is shown; all of it where none is chosen.
    pub window: Option<(f64, f64)>,
    /// On the x axis; at the end where none is chosen.
    pub cursor: Option<f64>,
    /// Whether the least and greatest values are pointed at.
    pub extremes: bool,
    /// Where the mouse took hold.
    pub held: Option<Held>,
    /// Where every run turns out to have a single value, they are ranked instead.
    pub may_rank: bool,
}

/// Where the mouse took hold of a chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    pub column: u16,
    /// The columns of the plot, and the part of the x axis that it showed then.
    pub columns: usize,
    pub window: (f64, f64),
}

/// Where things are on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenAreas {
    pub plot: Rect,
    pub legend: Rect,
}

/// A line of the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub point: Option<MetricPoint>,
    /// The point is not at the cursor but before it.
    pub is_earlier: bool,
    pub smoothed: Option<f64>,
    /// What lies around it, where it is a mean.
    pub edges: Option<(f64, f64)>,
}

impl ChartScreen {
    pub fn new(metrics: Vec<ChartMetric>, at: usize, runs: Vec<DrawnRun>) -> Self {
        let at = at.min(metrics.len().saturating_sub(1));
        let lines = metrics.get(at).map(|metric| series(metric, &runs)).unwrap_or_default();
        Self {
            metrics,
            at,
            drawn: runs.clone(),
            runs,
            grouping: None,
            lines,
            chosen: 0,
            window: None,
            cursor: None,
            extremes: false,
            held: None,
            may_rank: false,
        }
    }

    /// Puts runs together otherwise than before, or not at all.
    pub fn group(&mut self, catalog: &Catalog, grouping: Option<Grouping>) {
        self.drawn = grouped(&self.runs, catalog, grouping.as_ref());
        self.grouping = grouping;
        self.lines = self.metrics.get(self.at).map(|metric| series(metric, &self.drawn)).unwrap_or_default();
        self.chosen = self.chosen.min(self.lines.len().saturating_sub(1));
    }

    /// What is drawn around means: nothing where no line is one.
    pub fn band(&self, options: &Options) -> Band {
        if self.drawn.iter().any(|run| !run.members.is_empty()) { options.band } else { Band::None }
    }

    /// What the chart is called.
    pub fn key(&self) -> &str {
        self.metrics.get(self.at).map_or("", |metric| metric.name.as_str())
    }

    /// What a line is called: its run, or its part of the data, or both.
    pub fn name(&self, line: &Series) -> String {
        let part = self.metrics.get(self.at).and_then(|metric| metric.parts.get(line.part));
        let word = part.map_or("", |part| part.word.as_str());
        let run = text::clean(&self.drawn[line.run].name);
        match (self.drawn.len(), word) {
            (_, "") => run.into_owned(),
            (1, word) => text::clean(word).into_owned(),
            (_, word) => format!("{run} {}", text::clean(word)),
        }
    }

    pub fn areas(&self, body: Rect) -> ScreenAreas {
        let inner = body.inner(Margin { horizontal: 2, vertical: 1 });
        if body.width >= WIDE {
            let plot = Rect { width: inner.width - LEGEND - 2, ..inner };
            return ScreenAreas {
                plot,
                legend: Rect { x: inner.x + plot.width + 2, width: LEGEND, ..inner },
            };
        }
        let rows = (self.lines.len() as u16 + 1).min(inner.height / 3);
        let plot = Rect { height: inner.height - rows, ..inner };
        ScreenAreas { plot, legend: Rect { y: inner.y + plot.height, height: rows, ..inner } }
    }

    /// The cells of the picture: columns and rows.
    pub fn size(&self, body: Rect) -> (usize, usize) {
        let plot = self.areas(body).plot;
        (plot.width as usize, plot.height as usize)
    }

    pub fn wanted(&self) -> impl Iterator<Item = HistoryKey> + '_ {
        self.lines.iter().map(|line| line.which.clone())
    }

    /// Another chart, from its beginning to its end.
    pub fn turn(&mut self, by: isize) {
        let count = self.metrics.len().max(1) as isize;
        let run = self.lines.get(self.chosen).map_or(0, |line| line.run);
        self.at = (self.at as isize + by).rem_euclid(count) as usize;
        self.may_rank = false;
        self.lines = self.metrics.get(self.at).map(|metric| series(metric, &self.drawn)).unwrap_or_default();
        // The run stays the chosen one.
        self.chosen = self.lines.iter().position(|line| line.run == run).unwrap_or(0);
        self.reset();
    }

    /// Shows everything again: the axis is another one, or it is asked for.
    pub fn reset(&mut self) {
        (self.window, self.cursor, self.held) = (None, None, None);
    }

    pub fn choose(&mut self, by: isize) {
        self.chosen = self.chosen.saturating_add_signed(by).min(self.lines.len().saturating_sub(1));
    }

    fn known<'a>(&self, line: usize, histories: &'a Histories) -> Option<&'a CachedHistory> {
        histories.get(&self.lines.get(line)?.which)
    }

    /// Moves the cursor to the next point of the chosen line that is in another column.
    pub fn step(&mut self, by: isize, plot: &Plot, histories: &Histories, options: &Options) {
        let (end, stride) = (plot.x.high, plot.x_stride());
        let Some(known) = self.known(self.chosen, histories) else { return };
        let traces = known.traces(options);
        // What one presses the key for is to see it move: half a cell at least.
        let mut x = self.cursor.unwrap_or_else(|| extent(&traces).map_or(end, |(_, last)| last.min(end)));
        for _ in 0..by.unsigned_abs() {
            match neighbour(&traces, x, stride, by > 0) {
                Some(next) => x = next,
                None => break,
            }
        }
        self.go_to(x);
    }

    /// Puts the cursor somewhere; the window follows it.
    pub fn go_to(&mut self, x: f64) {
        self.cursor = Some(x);
        if let Some((low, high)) = self.window {
            let width = high - low;
            if x < low {
                self.window = Some((x, x + width));
            } else if x > high {
                self.window = Some((x - width, x));
            }
        }
    }

    /// To the first or last point of the chosen line.
    pub fn go_to_end(&mut self, last: bool, histories: &Histories, options: &Options) {
        let known = self.known(self.chosen, histories);
        if let Some((first, end)) = known.and_then(|known| extent(&known.traces(options))) {
            self.go_to(if last { end } else { first });
        }
    }

    /// Zooms what is shown of the x axis in (or out, where `steps` are negative) around the cursor or another place.
    pub fn zoom(&mut self, steps: i32, around: Option<f64>, (low, high): (f64, f64)) {
        let middle =
            around.or(self.cursor).filter(|x| *x >= low && *x <= high).unwrap_or(low / 2.0 + high / 2.0);
        let factor = ZOOM.powi(steps);
        let window = (middle - (middle - low) * factor, middle + (high - middle) * factor);
        let is_sound =
            window.0.is_finite() && window.1.is_finite() && window.1 - window.0 > middle.abs() * 1e-12;
        if is_sound && window.1 > window.0 {
            self.window = Some(window);
        }
    }

    /// Moves by so many steps what is shown of the x axis.
    pub fn pan(&mut self, steps: f64, window: (f64, f64), all: (f64, f64)) {
        self.pan_by((window.1 - window.0) * PAN * steps, window, all);
    }

    /// Moves what is shown of the x axis, up to an end of all there is.
    pub fn pan_by(&mut self, by: f64, (low, high): (f64, f64), all: (f64, f64)) {
        // Where more than all is shown already, it stays.
        let by = if by < 0.0 { by.max((all.0 - low).min(0.0)) } else { by.min((all.1 - high).max(0.0)) };
        if by != 0.0 || self.window.is_some() {
            self.window = Some((low + by, high + by));
        }
    }

    /// The value of a line at the cursor: the last point at or before it.
    pub fn reading(&self, line: usize, histories: &Histories, options: &Options) -> Reading {
        let nothing = Reading { point: None, is_earlier: false, smoothed: None, edges: None };
        let known = self.known(line, histories);
        let Some(x) = self.cursor else { return known.map_or(nothing, |known| latest(known, options)) };
        let Some(trace) = known.and_then(|known| known.trace_at(x, options)) else { return nothing };
        let Some(at) = trace.at(x) else { return nothing };
        let is_earlier = trace.place(at).is_some_and(|at| at < x);
        let smoothed = options.smoothing.is_on().then(|| trace.smoothed_at(options.smoothing, x)).flatten();
        Reading { point: Some(trace.point(at)), is_earlier, smoothed, edges: trace.edges_of(at) }
    }

    /// The values under the cursor.
    pub fn readings(&self, histories: &Histories, options: &Options) -> Sheet {
        let has_parts = self.metrics.get(self.at).is_some_and(ChartMetric::has_parts);
        let mut sheet = if has_parts {
            Sheet::new(["run_id", "run_name", "metric", "step", "value"])
        } else {
            Sheet::new(["run_id", "run_name", "step", self.key()])
        };
        for (at, line) in self.lines.iter().enumerate() {
            let Some(point) = self.reading(at, histories, options).point else { continue };
            let name = self.drawn[line.run].name.as_str();
            let ids = [Cell::from(line.which.run.as_str()), Cell::from(name)];
            let metric = has_parts.then(|| Cell::from(line.which.key.as_str()));
            let values = [Cell::Integer(point.step), Cell::Number(point.value)];
            sheet.push(ids.into_iter().chain(metric).chain(values));
        }
        sheet
    }

    /// All points of all lines, as they were logged.
    pub fn points(&self, histories: &Histories) -> Sheet {
        let mut sheet = Sheet::new(["run_id", "run_name", "metric", "step", "timestamp", "value"]);
        for line in &self.lines {
            for point in histories.get(&line.which).map_or(&[][..], |known| &known.points) {
                sheet.push([
                    Cell::from(line.which.run.as_str()),
                    Cell::from(self.drawn[line.run].name.as_str()),
                    Cell::from(line.which.key.as_str()),
                    Cell::Integer(point.step),
                    Cell::Integer(point.timestamp),
                    Cell::Number(point.value),
                ]);
            }
        }
        sheet
    }
}

/// The value that training came to.
fn latest(known: &CachedHistory, options: &Options) -> Reading {
    let nothing = Reading { point: None, is_earlier: false, smoothed: None, edges: None };
    let traces = known.traces(options);
    let Some(trace) = traces.last() else { return nothing };
    // Over another metric that is not where the line ends.
    let over = known.over.as_ref().filter(|_| options.x == crate::chart::XAxis::Metric);
    let end = over.and_then(|cached| cached.over.last_x()).unwrap_or_else(|| trace.end());
    let Some(at) = trace.at(end) else { return nothing };
    let smoothed = options.smoothing.is_on().then(|| trace.smoothed_at(options.smoothing, end)).flatten();
    Reading { point: Some(trace.point(at)), is_earlier: false, smoothed, edges: trace.edges_of(at) }
}
