//! From a history to the line that is drawn of it: axis values, gaps, smoothing, and as few points as show the same.

use crate::chart::axis::XAxis;
use crate::chart::canvas::Ink;
use crate::mlflow::MetricPoint;

/// A history to be drawn. Points are ordered by step, then timestamp.
#[derive(Debug, Clone, Copy)]
pub struct ChartLine<'a> {
    pub points: &'a [MetricPoint],
    /// The same points in parts, as [`super::passes::passes`] gives them; none where there is one.
    pub passes: &'a [Vec<MetricPoint>],
    pub ink: Ink,
    /// What stands at its end, where there are several lines.
    pub label: LineLabel,
}

impl<'a> ChartLine<'a> {
    /// A solid line without a label.
    pub fn new(points: &'a [MetricPoint], line: u8) -> Self {
        Self { points, passes: &[], ink: Ink::of(line), label: LineLabel::default() }
    }

    /// What is drawn of it on such axes: several traces where there are several passes.
    pub fn traces(&self, scales: Scales) -> Vec<Trace<'a>> {
        // By time, passes do not overlap.
        if self.passes.is_empty() || scales.x != XAxis::Step {
            return vec![Trace::new(self.points, scales)];
        }
        self.passes.iter().map(|pass| Trace::new(pass, scales)).collect()
    }
}

/// Up to two characters, each of one cell: the letter of a run, and that of a part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LineLabel(pub [Option<char>; 2]);

impl LineLabel {
    pub fn letter(letter: char) -> Self {
        Self([Some(letter), None])
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
}

impl PointCounts {
    pub fn add(&mut self, other: Self) {
        self.points += other.points;
        self.nan += other.nan;
        self.infinite += other.infinite;
        self.off_scale += other.off_scale;
    }

    /// `3 NaN, 1 infinite`; nothing where everything is drawn.
    pub fn in_words(&self) -> Option<String> {
        let parts = [(self.nan, "NaN"), (self.infinite, "infinite"), (self.off_scale, "≤ 0 on a log axis")];
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
        XAxis::Step => point.step as f64,
        XAxis::Relative => point.timestamp.saturating_sub(origin) as f64,
        XAxis::Wall => point.timestamp as f64,
    }
}

/// The first timestamp of a history.
pub fn origin(points: &[MetricPoint]) -> i64 {
    points.iter().map(|point| point.timestamp).min().unwrap_or(0)
}

/// A history on its axes, in the order of x.
pub struct Trace<'a> {
    points: std::borrow::Cow<'a, [MetricPoint]>,
    scales: Scales,
    origin: i64,
}

impl<'a> Trace<'a> {
    pub fn new(points: &'a [MetricPoint], scales: Scales) -> Self {
        let origin = if scales.x == XAxis::Relative { origin(points) } else { 0 };
        let in_order = scales.x == XAxis::Step || points.is_sorted_by_key(|point| point.timestamp);
        let points = if in_order {
            std::borrow::Cow::Borrowed(points)
        } else {
            let mut sorted = points.to_vec();
            sorted.sort_by_key(|point| point.timestamp);
            std::borrow::Cow::Owned(sorted)
        };
        Self { points, scales, origin }
    }

    /// Where a point lies; x is none where the axis cannot show it.
    fn axis_x(&self, point: &MetricPoint) -> Option<f64> {
        let x = x_value(point, self.scales.x, self.origin);
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
        for point in self.points.iter() {
            if point.value.is_nan() {
                counts.nan += 1;
            } else if point.value.is_infinite() {
                counts.infinite += 1;
            } else if self.axis_x(point).is_none() || self.axis_y(point.value).is_none() {
                counts.off_scale += 1;
            }
        }
        counts
    }

    /// From the first to the last x.
    pub fn x_extent(&self) -> Option<(f64, f64)> {
        let first = self.points.iter().find_map(|point| self.axis_x(point))?;
        let last = self.points.iter().rev().find_map(|point| self.axis_x(point))?;
        Some((first, last))
    }

    /// Whether no x comes after a greater one, so that a window can be found by bisection.
    fn window(&self, x: (f64, f64)) -> std::ops::Range<usize> {
        // One point more on either side: the line comes from there and goes on to there.
        let key = |point: &MetricPoint| self.axis_x(point).unwrap_or(f64::NEG_INFINITY);
        let start = self.points.partition_point(|point| key(point) < x.0).saturating_sub(1);
        let end = self.points.partition_point(|point| key(point) <= x.1);
        start..(end + 1).min(self.points.len())
    }

    /// The drawable values of a window on the y axis.
    pub fn ys(&self, x: (f64, f64)) -> impl Iterator<Item = f64> + '_ {
        let points = &self.points[self.window(x)];
        let inside =
            points.iter().filter(move |point| self.axis_x(point).is_some_and(|at| at >= x.0 && at <= x.1));
        inside.filter_map(|point| self.axis_y(point.value))
    }

    /// The spots of a window; of a smoothed line with a weight. Smoothing begins with the history, not the window.
    pub fn spots(&self, x: (f64, f64), smoothing: Smoothing) -> Vec<Spot> {
        let window = self.window(x);
        let spot = |point: &MetricPoint, value: f64| match (self.axis_x(point), self.axis_y(value)) {
            (Some(x), Some(y)) => Spot::At { x, y },
            _ => Spot::Gap,
        };
        if !smoothing.is_on() {
            return self.points[window].iter().map(|point| spot(point, point.value)).collect();
        }
        let mut average = Average::new(smoothing);
        let mut spots = Vec::with_capacity(window.len());
        for (at, point) in self.points[..window.end].iter().enumerate() {
            let value = if is_gap(point.value) { point.value } else { average.next(point.value) };
            if at >= window.start {
                spots.push(spot(point, value));
            }
        }
        spots
    }

    /// The smoothed value at the last point at or before an x of the axis.
    pub fn smoothed_at(&self, smoothing: Smoothing, x: f64) -> Option<f64> {
        let end = self.end_of(x);
        let mut average = Average::new(smoothing);
        let values = self.points[..end].iter().filter(|point| !is_gap(point.value));
        values.fold(None, |_, point| Some(average.next(point.value)))
    }

    /// How many points are at or before an x.
    fn end_of(&self, x: f64) -> usize {
        self.points.partition_point(|point| self.axis_x(point).unwrap_or(f64::NEG_INFINITY) <= x)
    }

    /// The last point at or before an x of the axis; none where the history begins later.
    pub fn at(&self, x: f64) -> Option<MetricPoint> {
        self.end_of(x).checked_sub(1).map(|at| self.points[at])
    }

    /// Where a point lies on the x axis.
    pub fn place(&self, point: &MetricPoint) -> Option<f64> {
        self.axis_x(point)
    }

    /// The x that a cursor comes to from `x` in a direction, at least `stride` further where there is any.
    pub fn neighbour(&self, x: f64, stride: f64, forward: bool) -> Option<f64> {
        let xs = |point: &MetricPoint| self.axis_x(point).unwrap_or(f64::NEG_INFINITY);
        if forward {
            let at = self.points.partition_point(|point| xs(point) <= x);
            let far = self.points.partition_point(|point| xs(point) < x + stride).max(at);
            self.points.get(far).or(self.points.last()).map(xs).filter(|found| *found > x)
        } else {
            let at = self.points.partition_point(|point| xs(point) < x);
            let far = self.points.partition_point(|point| xs(point) <= x - stride).min(at);
            let found = far.checked_sub(1).and_then(|at| self.points.get(at)).or(self.points.first());
            found.map(xs).filter(|found| found.is_finite() && *found < x)
        }
    }
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
