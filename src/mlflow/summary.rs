//! What the whole history of a metric comes to: its extremes, mean, first and last value.

use super::MetricPoint;
use super::order::by_step;

/// The value of a metric that a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Statistic {
    /// MLflow's own: the value with the greatest step, then timestamp, then value.
    #[default]
    Latest,
    Min,
    Max,
    Mean,
    First,
    /// The last value that was logged at this step.
    At(i64),
    /// The mean of so many points at the end; NaN if one of them is.
    LastMean(u32),
}

/// The points of a history that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Part {
    #[default]
    All,
    /// Those at a step.
    Step(i64),
    /// So many at the end, by step, then timestamp, then value.
    Last(u32),
}

impl Statistic {
    /// The word before the metric's name; none for the latest value.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Latest => None,
            Self::Min => Some("min"),
            Self::Max => Some("max"),
            Self::Mean => Some("mean"),
            Self::First => Some("first"),
            Self::At(_) => Some("at"),
            Self::LastMean(_) => Some("last"),
        }
    }

    /// The points of the history that count.
    pub fn part(self) -> Part {
        match self {
            Self::At(step) => Part::Step(step),
            Self::LastMean(count) => Part::Last(count),
            _ => Part::All,
        }
    }
}

/// The statistics of a history with one point at least. NaN counts in `points` and as a first or last value, and
/// in nothing else; with no other value than NaN, minimum, maximum and mean are NaN. Infinities are values like others: a
/// mean with one of them is infinite, and with both NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    pub points: u32,
    pub first: (f64, i64),
    pub last: (f64, i64),
    /// The smallest value and the first step that has it.
    pub min: (f64, i64),
    pub max: (f64, i64),
    pub mean: f64,
}

impl Summary {
    /// Points in any order.
    pub fn of(points: impl IntoIterator<Item = MetricPoint>) -> Option<Self> {
        Self::of_part(points, Part::All)
    }

    /// The same of a part of the points.
    pub fn of_part(points: impl IntoIterator<Item = MetricPoint>, part: Part) -> Option<Self> {
        let mut collected = Collector::new(part);
        points.into_iter().for_each(|point| collected.add(point));
        collected.summary()
    }

    /// The value that a statistic picks, and its step where it has one.
    pub fn pick(&self, statistic: Statistic) -> (f64, Option<i64>) {
        let at = |(value, step): (f64, i64)| (value, Some(step));
        match statistic {
            Statistic::Latest | Statistic::At(_) => at(self.last),
            Statistic::Min => at(self.min),
            Statistic::Max => at(self.max),
            Statistic::First => at(self.first),
            Statistic::Mean | Statistic::LastMean(_) => (self.mean, None),
        }
    }

    /// Whether two summaries say the same; NaN is NaN here.
    pub fn is_same(&self, other: &Self) -> bool {
        let bits = |summary: &Self| {
            [summary.first.0, summary.last.0, summary.min.0, summary.max.0, summary.mean].map(f64::to_bits)
        };
        let steps = |summary: &Self| [summary.first.1, summary.last.1, summary.min.1, summary.max.1];
        self.points == other.points && bits(self) == bits(other) && steps(self) == steps(other)
    }
}

/// Makes a summary point by point.
#[derive(Debug, Clone, Default)]
pub struct Collector {
    part: Part,
    /// Where only the end counts: at least the points there, in any order.
    tail: Vec<MetricPoint>,
    points: u32,
    numbers: u32,
    first: Option<MetricPoint>,
    last: Option<MetricPoint>,
    min: Option<(f64, i64)>,
    max: Option<(f64, i64)>,
    /// Neumaier's sum: the second part is what the first one lost to rounding.
    sum: (f64, f64),
    /// The sum of the values times [`SMALL`], for those whose sum is more than a number holds.
    small_sum: f64,
}

/// 2⁻⁶⁴: so many times less, the sum of as many values as can be counted is a number.
const SMALL: f64 = 1.0 / 18_446_744_073_709_551_616.0;

impl Collector {
    pub fn new(part: Part) -> Self {
        Self { part, ..Self::default() }
    }

    pub fn add(&mut self, point: MetricPoint) {
        match self.part {
            Part::Step(step) if step != point.step => {}
            Part::All | Part::Step(_) => self.take(point),
            Part::Last(count) => {
                let count = (count as usize).max(1);
                self.tail.push(point);
                if self.tail.len() >= count * 2 {
                    self.cut(count);
                }
            }
        }
    }

    /// Leaves so many points at the end.
    fn cut(&mut self, count: usize) {
        self.tail.sort_unstable_by(by_step);
        self.tail.drain(..self.tail.len().saturating_sub(count));
    }

    fn take(&mut self, point: MetricPoint) {
        let is_before = |a: &MetricPoint, b: &MetricPoint| by_step(a, b).is_lt();
        self.points += 1;
        if self.first.as_ref().is_none_or(|first| is_before(&point, first)) {
            self.first = Some(point);
        }
        if self.last.as_ref().is_none_or(|last| is_before(last, &point)) {
            self.last = Some(point);
        }
        let MetricPoint { step, value, .. } = point;
        if value.is_nan() {
            return;
        }
        self.numbers += 1;
        #[expect(clippy::float_cmp, reason = "the first step of exactly this value is looked for")]
        let beats = |known: Option<(f64, i64)>, better: bool| match known {
            None => true,
            Some((other, other_step)) => better || (value == other && step < other_step),
        };
        if beats(self.min, self.min.is_some_and(|(other, _)| value < other)) {
            self.min = Some((value, step));
        }
        if beats(self.max, self.max.is_some_and(|(other, _)| value > other)) {
            self.max = Some((value, step));
        }
        let (sum, lost) = self.sum;
        let total = sum + value;
        let rounded = if sum.abs() >= value.abs() { (sum - total) + value } else { (value - total) + sum };
        self.sum = (total, lost + rounded);
        self.small_sum += value * SMALL;
    }

    /// NaN without a number.
    fn mean(&self) -> f64 {
        let (sum, lost) = self.sum;
        let numbers = f64::from(self.numbers);
        match self.numbers {
            0 => f64::NAN,
            _ if sum.is_finite() => (sum + lost) / numbers,
            _ => self.small_sum / numbers / SMALL,
        }
    }

    pub fn summary(&self) -> Option<Summary> {
        if let Part::Last(count) = self.part {
            let mut end = Self { tail: self.tail.clone(), ..Self::default() };
            end.cut((count as usize).max(1));
            let mut all = Self::default();
            end.tail.iter().for_each(|point| all.take(*point));
            let summary = all.summary()?;
            let mean = if all.numbers == all.points { summary.mean } else { f64::NAN };
            return Some(Summary { mean, ..summary });
        }
        let (first, last) = (self.first?, self.last?);
        let nothing = (f64::NAN, first.step);
        Some(Summary {
            points: self.points,
            first: (first.value, first.step),
            last: (last.value, last.step),
            min: self.min.unwrap_or(nothing),
            max: self.max.unwrap_or(nothing),
            mean: self.mean(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[(i64, f64)]) -> Vec<MetricPoint> {
        values.iter().map(|(step, value)| MetricPoint { step: *step, timestamp: 0, value: *value }).collect()
    }

    #[test]
    fn a_history_is_summed_up_in_any_order() {
        let mut history = points(&[(0, 3.0), (1, 1.0), (2, f64::NAN), (3, 1.0), (4, 5.0), (5, 2.0)]);
        let forward = Summary::of(history.clone()).unwrap();
        history.reverse();
        assert!(forward.is_same(&Summary::of(history).unwrap()));
        assert_eq!(forward.pick(Statistic::Min), (1.0, Some(1)));
        assert_eq!(forward.pick(Statistic::Max), (5.0, Some(4)));
        assert_eq!(forward.pick(Statistic::First), (3.0, Some(0)));
        assert_eq!(forward.pick(Statistic::Latest), (2.0, Some(5)));
        assert_eq!(forward.pick(Statistic::Mean), (2.4, None));
        assert_eq!(forward.points, 6);
        let mean_of_last = |count: u32| {
            let history = points(&[(5, 2.0), (0, 3.0), (3, 1.0), (4, 5.0), (1, 1.0), (2, f64::NAN)]);
            let part = Statistic::LastMean(count).part();
            Summary::of_part(history, part).unwrap().pick(Statistic::LastMean(count)).0
        };
        let means = [1, 2, 3].map(|count| format!("{:.4}", mean_of_last(count)));
        assert_eq!(means, ["2.0000", "3.5000", "2.6667"]);
        assert!(mean_of_last(4).is_nan(), "one of the last four is NaN");
    }

    /// The latest value, that at its step and the mean of the last one are one, as MLflow has it: NaN counts as 0.
    #[test]
    fn nan_beside_a_number_is_compared_as_zero() {
        for (values, latest) in [([f64::NAN, 1.0], "1"), ([1.0, f64::NAN], "1"), ([-1.0, f64::NAN], "NaN")] {
            let history = values.map(|value| MetricPoint { step: 0, timestamp: 5, value });
            for part in [Part::All, Part::Step(0), Part::Last(1)] {
                let summary = Summary::of_part(history, part).unwrap();
                assert_eq!(summary.last.0.to_string(), latest, "{values:?}");
                assert!(part != Part::Last(1) || summary.mean.to_string() == latest, "{values:?}");
            }
        }
    }

    #[test]
    fn odd_values_stay_what_they_are() {
        assert!(Summary::of([]).is_none());
        let nan = Summary::of(points(&[(3, f64::NAN)])).unwrap();
        assert!(nan.min.0.is_nan() && nan.mean.is_nan() && nan.first.1 == 3);
        let endless = Summary::of(points(&[(0, f64::INFINITY), (1, 1.0)])).unwrap();
        assert_eq!((endless.max.0, endless.min.0, endless.mean), (f64::INFINITY, 1.0, f64::INFINITY));
        let mean = |values: &[f64], part: Part| {
            let history = values.iter().zip(0..).map(|(value, step)| (step, *value)).collect::<Vec<_>>();
            Summary::of_part(points(&history), part).unwrap().mean
        };
        let both = [1.0, f64::INFINITY, f64::NEG_INFINITY];
        for part in [Part::All, Part::Last(3)] {
            assert_eq!(mean(&[1.0, f64::INFINITY, 2.0], part).to_string(), "inf");
            assert_eq!(mean(&[1.0, f64::NEG_INFINITY, 2.0], part).to_string(), "-inf");
            assert!(mean(&both, part).is_nan());
        }
        let great = [1.5e308, 1.5e308, 1.5e308, -0.5e308];
        assert!((mean(&great, Part::All) / 1e308 - 1.0).abs() < 1e-15, "the sum is too great, not the mean");
        assert_eq!(mean(&both, Part::Step(1)).to_string(), "inf");
        let small: Vec<_> =
            std::iter::once((0, 1e16)).chain((1..=10).map(|step| (step, 1.0))).chain([(11, -1e16)]).collect();
        let mean = Summary::of(points(&small)).unwrap().mean;
        assert!((mean - 10.0 / 12.0).abs() < 1e-15, "{mean}");
    }
}
