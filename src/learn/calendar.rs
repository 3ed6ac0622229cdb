//! What is learnt from a date: its parts. Those that come round again also stand on a circle, so that December is beside January.

use std::f64::consts::TAU;

/// A part of a date, which is one feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimePart {
    /// Days since the first one, with their fraction.
    Elapsed,
    /// As it is counted.
    Year,
    /// 1 to 12.
    Month,
    /// The month on a circle.
    MonthSin,
    /// The month on a circle.
    MonthCos,
    /// Of the month, from 1.
    Day,
    /// 0 is a Monday.
    Weekday,
    /// The weekday on a circle.
    WeekdaySin,
    /// The weekday on a circle.
    WeekdayCos,
    /// 0 to 23.
    Hour,
    /// The hour on a circle.
    HourSin,
    /// The hour on a circle.
    HourCos,
}

/// All of them, in the order of features.
pub const TIME_PARTS: [TimePart; 12] = [
    TimePart::Elapsed,
    TimePart::Year,
    TimePart::Month,
    TimePart::MonthSin,
    TimePart::MonthCos,
    TimePart::Day,
    TimePart::Weekday,
    TimePart::WeekdaySin,
    TimePart::WeekdayCos,
    TimePart::Hour,
    TimePart::HourSin,
    TimePart::HourCos,
];

/// A date apart.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Calendar {
    year: f64,
    month: f64,
    day: f64,
    weekday: f64,
    hour: f64,
}

/// Seconds of a day.
pub const DAY: f64 = 86_400.0;

impl Calendar {
    /// By sums of whole numbers alone, which ONNX does in the same way (Hinnant's `civil_from_days`).
    fn of(seconds: f64) -> Self {
        let days = (seconds / DAY).floor();
        let hour = ((seconds - days * DAY) / 3_600.0).floor();
        let weekday = days + 3.0 - ((days + 3.0) / 7.0).floor() * 7.0;
        let shifted = days + 719_468.0;
        let era = (shifted / 146_097.0).floor();
        let of_era = shifted - era * 146_097.0;
        let leaps = (of_era / 1_460.0).floor() - (of_era / 36_524.0).floor() + (of_era / 146_096.0).floor();
        let year_of_era = ((of_era - leaps) / 365.0).floor();
        let before = 365.0 * year_of_era + (year_of_era / 4.0).floor() - (year_of_era / 100.0).floor();
        let of_year = of_era - before;
        let from_march = ((5.0 * of_year + 2.0) / 153.0).floor();
        let day = of_year - ((153.0 * from_march + 2.0) / 5.0).floor() + 1.0;
        let is_next = (from_march / 10.0).floor();
        let month = from_march + 3.0 - 12.0 * is_next;
        let year = year_of_era + era * 400.0 + is_next;
        Self { year, month, day, weekday, hour }
    }
}

impl TimePart {
    /// Behind the name of the column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Elapsed => "elapsed",
            Self::Year => "year",
            Self::Month => "month",
            Self::MonthSin => "month_sin",
            Self::MonthCos => "month_cos",
            Self::Day => "day",
            Self::Weekday => "weekday",
            Self::WeekdaySin => "weekday_sin",
            Self::WeekdayCos => "weekday_cos",
            Self::Hour => "hour",
            Self::HourSin => "hour_sin",
            Self::HourCos => "hour_cos",
        }
    }

    /// The first number that it can be, and how many there are, where it stands on a circle.
    pub fn circle(self) -> Option<(f64, usize)> {
        match self {
            Self::MonthSin | Self::MonthCos => Some((1.0, 12)),
            Self::WeekdaySin | Self::WeekdayCos => Some((0.0, 7)),
            Self::HourSin | Self::HourCos => Some((0.0, 24)),
            Self::Elapsed | Self::Year | Self::Month | Self::Day | Self::Weekday | Self::Hour => None,
        }
    }

    /// Where a number of so many stands on the circle.
    pub fn on_circle(self, number: usize, of: usize) -> f32 {
        let angle = TAU * number as f64 / of as f64;
        let is_sine = matches!(self, Self::MonthSin | Self::WeekdaySin | Self::HourSin);
        (if is_sine { angle.sin() } else { angle.cos() }) as f32
    }

    /// Of a date as seconds since 1970, `base` being the first one.
    pub fn of(self, seconds: f64, base: f64) -> f32 {
        let calendar = Calendar::of(seconds);
        let number = match self {
            Self::Elapsed => (seconds - base) / DAY,
            Self::Year => calendar.year,
            Self::Month | Self::MonthSin | Self::MonthCos => calendar.month,
            Self::Day => calendar.day,
            Self::Weekday | Self::WeekdaySin | Self::WeekdayCos => calendar.weekday,
            Self::Hour | Self::HourSin | Self::HourCos => calendar.hour,
        };
        match self.circle() {
            Some((first, count)) => self.on_circle((number - first) as usize, count),
            None => number as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_comes_apart_as_in_a_calendar() {
        let mut at = jiff::civil::date(-1, 12, 28);
        // Each day of four hundred years and more, and of some far away.
        while at.year() < 2_105 {
            let since = at.duration_since(jiff::civil::date(1970, 1, 1)).as_secs() as f64;
            let hour = f64::from(at.day() % 24);
            let Calendar { year, month, day, weekday, hour: found } =
                Calendar::of(since + hour * 3_600.0 + 59.5);
            let expected = (f64::from(at.year()), f64::from(at.month()), f64::from(at.day()));
            assert_eq!((year, month, day), expected);
            assert_eq!((weekday, found), (f64::from(at.weekday().to_monday_zero_offset()), hour));
            at = at.saturating_add(jiff::Span::new().days(if at.year() < 1_890 { 17 } else { 1 }));
        }
    }

    #[test]
    fn what_comes_round_again_is_near_what_is_before() {
        let of = |month: usize| {
            let at = [TimePart::MonthSin, TimePart::MonthCos].map(|part| part.on_circle(month - 1, 12));
            (f64::from(at[0]), f64::from(at[1]))
        };
        let far = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).hypot(a.1 - b.1);
        assert!((far(of(12), of(1)) - far(of(1), of(2))).abs() < 1e-6);
        let far_apart = far(of(1), of(7));
        assert!((far_apart - 2.0).abs() < 1e-6);
    }
}
