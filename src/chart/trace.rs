//! From a history to the line that is drawn of it: axis values, gaps, smoothing, and as few points as show the same.

use std::borrow::Cow;

use crate::chart::axis::XAxis;
use crate::chart::canvas::Ink;
use crate::chart::mean::Edges;
use crate::chart::over::{Over, Stretch};
use crate::mlflow::MetricPoint;

/// A history to be drawn. Points are ordered by step, then timestamp.
#[derive(Debug, Clone, Copy)]
pub struct ChartLine<'a> {
    pub points: &'a [MetricPoint],
    /// The same points in parts, as [`super::passes::passes`] gives them; none where there is one.
    pub passes: &'a [Vec<MetricPoint>],
    /// The same points over another metric, where that is the x axis.
    pub over: Option<&'a Over>,
    /// What lies around them, where they are means; and what is in no mean.
    pub edges: Option<&'a Edges>,
    pub lost: PointCounts,
    pub ink: Ink,
    /// What stands at its end, where there are several lines.
    pub label: LineLabel,
}

impl<'a> ChartLine<'a> {
    /// A solid line without a label.
    pub fn new(points: &'a [MetricPoint], line: u8) -> Self {
        Self {
            points,
            passes: &[],
            over: None,
            edges: None,
            lost: PointCounts::default(),
            ink: Ink::of(line),
            label: LineLabel::default(),
        }
    }

    /// What is drawn of it on such axes: several traces where there are several passes, or another metric goes back.
    pub fn traces(&self, scales: Scales) -> Vec<Trace<'a>> {
        match scales.x {
            XAxis::Metric => {
                let stretches = self.over.map_or(&[][..], |over| &over.stretches);
                stretches.iter().map(|stretch| Trace::over(stretch, self.edges, scales)).collect()
            }
            // By time, passes do not overlap.
            XAxis::Step if !self.passes.is_empty() => {
                self.passes.iter().map(|pass| Trace::new(pass, scales)).collect()
            }
            XAxis::Step | XAxis::Relative | XAxis::Wall => {
                vec![Trace { edges: self.edges.map(borrowed), ..Trace::new(self.points, scales) }]
            }
        }
    }

    /// Points that are on none of its traces.
    pub fn left_out(&self, scales: Scales) -> PointCounts {
        let unmatched = self.over.filter(|_| scales.x == XAxis::Metric).map_or(0, |over| over.unmatched);
        PointCounts { unmatched, ..self.lost }
    }
}

/// Up to three characters, each of one cell: one or two letters of a run, and that of a part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LineLabel(pub [Option<char>; 3]);

impl LineLabel {
    /// The first characters of these.
    pub fn of(characters: impl IntoIterator<Item = char>) -> Self {
        let mut characters = characters.into_iter();
        Self(std::array::from_fn(|_| characters.next()))
    }

    pub fn letter(letter: char) -> Self {
        Self::of([letter])
    }

    pub fn width(self) -> usize {
        self.0.iter().flatten().count()
    }

    pub fn text(self) -> String {
        self.0.iter().flatten().collect()
    }
}

/// What the axes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scales {
    pub x: XAxis,
    pub log_x: bool,
    pub log_y: bool,
}

/// The weight of what came before in a debiased exponential moving average, from 0 (none) to below 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Smoothing(pub f64);

impl Smoothing {
    const LEVELS: [f64; 8] = [0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99];

    pub fn is_on(self) -> bool {
        self.0 > 0.0
    }

    /// One level more or less.
    pub fn step(self, by: isize) -> Self {
        let at = Self::LEVELS.iter().rposition(|level| *level <= self.0).unwrap_or(0);
        Self(Self::LEVELS[at.saturating_add_signed(by).min(Self::LEVELS.len() - 1)])
    }
}

/// The points of a line that cannot be drawn, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PointCounts {
    pub points: usize,
    pub nan: usize,
    pub infinite: usize,
    /// Zero or less on a logarithmic axis.
    pub off_scale: usize,
    /// At steps at which the metric of the x axis has no value.
    pub unmatched: usize,
}

impl PointCounts {
    pub fn add(&mut self, other: Self) {
        self.points += other.points;
        self.nan += other.nan;
        self.infinite += other.infinite;
        self.off_scale += other.off_scale;
        self.unmatched += other.unmatched;
    }

    /// `3 NaN, 1 infinite`; nothing where everything is drawn.
    pub fn in_words(&self) -> Option<String> {
        let parts = [
            (self.nan, "NaN"),
            (self.infinite, "infinite"),
            (self.off_scale, "≤ 0 on a log axis"),
            (self.unmatched, "without x"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> =
            parts.map(|(count, word)| format!("{} {word}", crate::text::count(*count))).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// A point on the axes (logarithms taken), or a gap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spot {
    At { x: f64, y: f64 },
    Gap,
}

/// Whether a value is none that can be drawn or averaged.
fn is_gap(value: f64) -> bool {
    !value.is_finite()
}

/// The value of a point on the x axis, in the axis' own unit: steps or milliseconds. `origin` is the first timestamp.
pub fn x_value(point: &MetricPoint, x: XAxis, origin: i64) -> f64 {
    match x {
        // Over another metric a point has a place of its own.
        XAxis::Step | XAxis::Metric => point.step as f64,
        XAxis::Relative => point.timestamp.saturating_sub(origin) as f64,
        XAxis::Wall => point.timestamp as f64,
    }
}

/// The first timestamp of a history.
pub fn origin(points: &[MetricPoint]) -> i64 {
    points.iter().map(|point| point.timestamp).min().unwrap_or(0)
}

/// The edges of a band, by point.
type TraceEdges<'a> = (Cow<'a, [f64]>, Cow<'a, [f64]>);

fn borrowed(edges: &Edges) -> TraceEdges<'_> {
    (Cow::Borrowed(&edges.low), Cow::Borrowed(&edges.high))
}

/// A history on its axes, in the order of x.
pub struct Trace<'a> {
    points: Cow<'a, [MetricPoint]>,
    /// Where each stands, over another metric.
    xs: Option<&'a [f64]>,
    edges: Option<TraceEdges<'a>>,
    /// Training went from the last point to the first.
    is_falling: bool,
    scales: Scales,
    origin: i64,
}

impl<'a> Trace<'a> {
    pub fn new(points: &'a [MetricPoint], scales: Scales) -> Self {
        let origin = if scales.x == XAxis::Relative { origin(points) } else { 0 };
        let in_order = matches!(scales.x, XAxis::Step | XAxis::Metric)
            || points.is_sorted_by_key(|point| point.timestamp);
        let points = if in_order {
            Cow::Borrowed(points)
        } else {
            let mut sorted = points.to_vec();
            sorted.sort_by_key(|point| point.timestamp);
            Cow::Owned(sorted)
        };
        Self { points, xs: None, edges: None, is_falling: false, scales, origin }
    }

    /// A stretch over another metric; the edges are of the whole history.
    fn over(stretch: &'a Stretch, edges: Option<&Edges>, scales: Scales) -> Self {
        let of = |values: &[f64]| -> Cow<'a, [f64]> {
            stretch.places.iter().map(|place| values.get(*place).copied().unwrap_or(f64::NAN)).collect()
        };
        let edges = edges.map(|edges| (of(&edges.low), of(&edges.high)));
        Self {
            xs: Some(&stretch.xs),
            edges,
            is_falling: stretch.is_falling,
            ..Self::new(&stretch.points, scales)
        }
    }

    /// Where a point lies; x is none where the axis cannot show it.
    fn axis_x(&self, at: usize) -> Option<f64> {
        let x = match self.xs {
            Some(xs) => xs[at],
            None => x_value(&self.points[at], self.scales.x, self.origin),
        };
        if !self.scales.log_x {
            return Some(x);
        }
        (x > 0.0).then(|| x.log10())
    }

    fn axis_y(&self, value: f64) -> Option<f64> {
        if is_gap(value) {
            return None;
        }
        if !self.scales.log_y {
            return Some(value);
        }
        (value > 0.0).then(|| value.log10())
    }

    /// How many points there are, and how many of them cannot be drawn.
    pub fn counts(&self) -> PointCounts {
        let mut counts = PointCounts { points: self.points.len(), ..PointCounts::default() };
        for (at, point) in self.points.iter().enumerate() {
            if point.value.is_nan() {
                counts.nan += 1;
            } else if point.value.is_infinite() {
                counts.infinite += 1;
            } else if self.axis_x(at).is_none() || self.axis_y(point.value).is_none() {
                counts.off_scale += 1;
            }
        }
        counts
    }

    /// From the first to the last x.
    pub fn x_extent(&self) -> Option<(f64, f64)> {
        let first = (0..self.points.len()).find_map(|at| self.axis_x(at))?;
        let last = (0..self.points.len()).rev().find_map(|at| self.axis_x(at))?;
        Some((first, last))
    }

    /// The x at which training ended.
    pub fn end(&self) -> f64 {
        let first = if self.is_falling { self.x_extent() } else { None };
        first.map_or(f64::INFINITY, |(first, _)| first)
    }

    /// Whether all places on the x axis are whole numbers.
    pub fn has_whole_xs(&self) -> bool {
        self.xs.is_none_or(|xs| xs.iter().all(|x| x.fract() == 0.0))
    }

    /// Whether no x comes after a greater one, so that a window can be found by bisection.
    fn window(&self, x: (f64, f64)) -> std::ops::Range<usize> {
        // One point more on either side: the line comes from there and goes on to there.
        let start = self.count_of(|at| at < x.0).saturating_sub(1);
        let end = self.count_of(|at| at <= x.1);
        start..(end + 1).min(self.points.len())
    }

    /// How many of the first points have such an x, found by bisection.
    fn count_of(&self, is_before: impl Fn(f64) -> bool) -> usize {
        let (mut low, mut high) = (0, self.points.len());
        while low < high {
            let middle = low.midpoint(high);
            if is_before(self.axis_x(middle).unwrap_or(f64::NEG_INFINITY)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The drawable values of a window on the y axis, those of the band among them.
    pub fn ys(&self, x: (f64, f64)) -> impl Iterator<Item = f64> + '_ {
        let inside =
            self.window(x).filter(move |at| self.axis_x(*at).is_some_and(|at| at >= x.0 && at <= x.1));
        inside.flat_map(move |at| {
            let edges = self.edges.as_ref().map(|(low, high)| [low[at], high[at]]);
            let values =
                [Some(self.points[at].value), edges.map(|edges| edges[0]), edges.map(|edges| edges[1])];
            values.into_iter().flatten().filter_map(|value| self.axis_y(value))
        })
    }

    /// The band of a window: places, and its lower and upper end there. Below what a logarithmic axis can show it goes down
    /// without end.
    pub fn band(&self, x: (f64, f64)) -> impl Iterator<Item = (f64, (f64, f64))> + '_ {
        let window = if self.edges.is_some() { self.window(x) } else { 0..0 };
        window.filter_map(|at| {
            let (low, high) = self.edges.as_ref().map(|(low, high)| (low[at], high[at]))?;
            Some((self.axis_x(at)?, (self.axis_y(low).unwrap_or(f64::MIN), self.axis_y(high)?)))
        })
    }

    /// The lower and the upper edge of the band at a point.
    pub fn edges_of(&self, at: usize) -> Option<(f64, f64)> {
        self.edges.as_ref().map(|(low, high)| (low[at], high[at]))
    }

    /// The spots of a window; of a smoothed line with a weight. Smoothing begins with the history, not the window.
    pub fn spots(&self, x: (f64, f64), smoothing: Smoothing) -> Vec<Spot> {
        let window = self.window(x);
        let spot = |at: usize, value: f64| match (self.axis_x(at), self.axis_y(value)) {
            (Some(x), Some(y)) => Spot::At { x, y },
            _ => Spot::Gap,
        };
        if !smoothing.is_on() {
            return window.map(|at| spot(at, self.points[at].value)).collect();
        }
        let mut average = Average::new(smoothing);
        let mut smooth = |at: usize| {
            let value = self.points[at].value;
            if is_gap(value) { value } else { average.next(value) }
        };
        if self.is_falling {
            let values = (window.start..self.points.len()).rev().map(|at| (at, smooth(at)));
            let mut spots: Vec<Spot> =
                values.filter(|(at, _)| *at < window.end).map(|(at, value)| spot(at, value)).collect();
            spots.reverse();
            return spots;
        }
        let values = (0..window.end).map(|at| (at, smooth(at)));
        values.filter(|(at, _)| *at >= window.start).map(|(at, value)| spot(at, value)).collect()
    }

    /// The smoothed value at the last point at or before an x of the axis.
    pub fn smoothed_at(&self, smoothing: Smoothing, x: f64) -> Option<f64> {
        let last = self.end_of(x).checked_sub(1)?;
        let mut average = Average::new(smoothing);
        let mut smooth = |last: Option<f64>, at: usize| {
            let value = self.points[at].value;
            if is_gap(value) { last } else { Some(average.next(value)) }
        };
        if self.is_falling {
            (last..self.points.len()).rev().fold(None, &mut smooth)
        } else {
            (0..=last).fold(None, &mut smooth)
        }
    }

    /// How many points are at or before an x.
    fn end_of(&self, x: f64) -> usize {
        self.count_of(|at| at <= x)
    }

    /// The place of the last point at or before an x of the axis; none where the history begins later.
    pub fn at(&self, x: f64) -> Option<usize> {
        self.end_of(x).checked_sub(1)
    }

    pub fn point(&self, at: usize) -> MetricPoint {
        self.points[at]
    }

    /// Where a point lies on the x axis.
    pub fn place(&self, at: usize) -> Option<f64> {
        self.axis_x(at)
    }

    /// The x that a cursor comes to from `x` in a direction, at least `stride` further where there is any.
    pub fn neighbour(&self, x: f64, stride: f64, forward: bool) -> Option<f64> {
        let xs = |at: usize| self.axis_x(at).unwrap_or(f64::NEG_INFINITY);
        let last = self.points.len().checked_sub(1)?;
        if forward {
            let at = self.count_of(|at| at <= x);
            let far = self.count_of(|at| at < x + stride).max(at);
            Some(xs(far.min(last))).filter(|found| *found > x)
        } else {
            let at = self.count_of(|at| at < x);
            let far = self.count_of(|at| at <= x - stride).min(at);
            Some(xs(far.saturating_sub(1))).filter(|found| found.is_finite() && *found < x)
        }
    }
}

/// The x that a cursor comes to on a line of several traces.
pub fn neighbour(traces: &[Trace<'_>], x: f64, stride: f64, forward: bool) -> Option<f64> {
    let found = traces.iter().filter_map(|trace| trace.neighbour(x, stride, forward));
    if forward { found.reduce(f64::min) } else { found.reduce(f64::max) }
}

/// From the first to the last x of several traces.
pub fn extent(traces: &[Trace<'_>]) -> Option<(f64, f64)> {
    let extents = traces.iter().filter_map(Trace::x_extent);
    extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// The debiased exponential moving average of the field (TensorBoard's): `w·last + (1 − w)·value`, divided by
/// `1 − wⁿ`, so that the beginning is not drawn towards zero. NaN and infinities are passed over.
struct Average {
    weight: f64,
    last: f64,
    /// `wⁿ`.
    rest: f64,
}

impl Average {
    fn new(smoothing: Smoothing) -> Self {
        Self { weight: smoothing.0.clamp(0.0, 0.9999), last: 0.0, rest: 1.0 }
    }

    fn next(&mut self, value: f64) -> f64 {
        self.last = self.last * self.weight + (1.0 - self.weight) * value;
        self.rest *= self.weight;
        self.last / (1.0 - self.rest)
    }
}

/// As few spots as draw the same on so many columns of dots: of each column its first, least, greatest and last.
/// `column` says which column an x is in; spots outside the window are in columns of their own.
pub fn thin(spots: &[Spot], column: impl Fn(f64) -> i64) -> Vec<Spot> {
    let mut kept = Vec::new();
    let mut pending: Vec<(usize, f64, f64)> = Vec::with_capacity(4);
    let mut current = None;
    let flush = |pending: &mut Vec<(usize, f64, f64)>, kept: &mut Vec<Spot>| {
        pending.sort_unstable_by_key(|(at, ..)| *at);
        pending.dedup_by_key(|(at, ..)| *at);
        kept.extend(pending.drain(..).map(|(_, x, y)| Spot::At { x, y }));
    };
    for (at, spot) in spots.iter().enumerate() {
        let Spot::At { x, y } = *spot else {
            flush(&mut pending, &mut kept);
            if kept.last().is_some_and(|last| *last != Spot::Gap) {
                kept.push(Spot::Gap);
            }
            current = None;
            continue;
        };
        let place = column(x);
        if current != Some(place) {
            flush(&mut pending, &mut kept);
            current = Some(place);
            // First, least, greatest, last.
            pending.extend([(at, x, y); 4]);
            continue;
        }
        if y < pending[1].2 {
            pending[1] = (at, x, y);
        }
        if y > pending[2].2 {
            pending[2] = (at, x, y);
        }
        pending[3] = (at, x, y);
    }
    flush(&mut pending, &mut kept);
    kept
}
