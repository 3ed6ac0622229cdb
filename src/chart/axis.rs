//! Axes: round numbers at the ticks, and labels that do not touch each other.

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// What the x axis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum XAxis {
    #[default]
    Step,
    /// Time since the first point.
    Relative,
    /// The time of day.
    Wall,
    /// Another metric of the run, at the same step.
    Metric,
}

impl XAxis {
    /// The next one; another metric only where one is known.
    pub fn next(self, has_metric: bool) -> Self {
        match self {
            Self::Step => Self::Relative,
            Self::Relative => Self::Wall,
            Self::Wall if has_metric => Self::Metric,
            Self::Wall | Self::Metric => Self::Step,
        }
    }

    pub fn in_words(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Relative => "relative time",
            Self::Wall => "wall time",
            Self::Metric => "another metric",
        }
    }
}

/// What kind of numbers an axis shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Number,
    /// Whole numbers: there is no half step.
    Count,
    /// Milliseconds.
    Duration,
    /// Milliseconds since the epoch.
    Moment,
}

/// A tick: its place on the axis (its logarithm on a logarithmic one), and its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    pub at: f64,
    pub label: String,
}

/// The ticks of an axis from `low` to `high`, at most `most` of them (and at least one where a round number lies
/// between). On a logarithmic axis both are logarithms.
pub fn ticks(low: f64, high: f64, most: usize, unit: Unit, is_log: bool) -> Vec<Tick> {
    // An infinite or empty axis has no room for ticks.
    if !(low.is_finite() && high.is_finite() && high >= low && (high - low).is_finite()) {
        return Vec::new();
    }
    let mut ticks = match unit {
        _ if is_log => log_ticks(low, high, most, unit),
        Unit::Number => linear(low, high, most, 0.0),
        Unit::Count => linear(low, high, most, 1.0),
        Unit::Duration => times(low, high, most, None),
        Unit::Moment => times(low, high, most, Some(&TimeZone::system())),
    };
    // A label that says the same as the one before says nothing.
    ticks.dedup_by(|tick, before| tick.label == before.label);
    ticks
}

/// The smallest of 1, 2, 5, 10, 20, … (and their tenths) that is no less than `least`.
pub fn round_step(least: f64) -> f64 {
    if !least.is_normal() {
        return f64::MIN_POSITIVE.max(least);
    }
    let magnitude = 10_f64.powf(least.log10().floor());
    let step =
        [1.0, 2.0, 5.0].into_iter().map(|digit| digit * magnitude).find(|step| *step >= least * (1.0 - 1e-9));
    step.unwrap_or(10.0 * magnitude)
}

fn linear(low: f64, high: f64, most: usize, least_step: f64) -> Vec<Tick> {
    let most = most.max(1) as f64;
    // From fine to coarse, up to the first that leaves room.
    let mut step = round_step((high - low) / most * 0.45).max(least_step);
    let mut values = multiples(low, high, step);
    while values.len() as f64 > most {
        step = round_step(step * 1.5).max(least_step);
        values = multiples(low, high, step);
    }
    if values.is_empty() || step <= 0.0 {
        // No round number between: the axis is narrower than a rounding error, or a single value.
        return vec![Tick { at: low, label: crate::text::number(low) }];
    }
    values.into_iter().map(|value| Tick { at: value, label: label(value, step) }).collect()
}

fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    if step <= 0.0 {
        return Vec::new();
    }
    let slack = (high - low) * 1e-9;
    let (first, last) = (((low - slack) / step).ceil(), ((high + slack) / step).floor());
    // Beyond 2^53 neighbouring multiples are the same number.
    if last < first || last - first > 10_000.0 || first.abs() > 9e15 || last.abs() > 9e15 {
        return Vec::new();
    }
    // Zero is never written with a sign.
    (0..=(last - first) as i64).map(|at| (first + at as f64) * step + 0.0).collect()
}

/// A multiple of a step with as many decimals as the step has: `0.25`, `1200`, `50k`, `2e-7`.
pub fn label(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let size = value.abs();
    let decimals = |step: f64| (-(step * (1.0 + 1e-9)).log10().floor()).clamp(0.0, 12.0) as usize;
    let trimmed = |text: String| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    if size >= 1e15 || size < 1e-4 && step < 1e-4 {
        let exponent = size.log10().floor();
        let digits = decimals(step / 10_f64.powf(exponent));
        let text = format!("{value:.digits$e}");
        return match text.split_once('e') {
            Some((mantissa, exponent)) => format!("{}e{exponent}", trimmed(mantissa.to_owned())),
            None => text,
        };
    }
    for (unit, letter) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] {
        // 1500 stays itself beside 1501; ten thousands are written short.
        if size >= unit * if unit < 1e4 { 10.0 } else { 1.0 } && step >= unit * 1e-3 {
            return format!("{}{letter}", trimmed(format!("{:.*}", decimals(step / unit), value / unit)));
        }
    }
    format!("{value:.*}", decimals(step))
}

fn log_ticks(low: f64, high: f64, most: usize, unit: Unit) -> Vec<Tick> {
    let most = most.max(1);
    let (first, last) = ((low - 1e-9).ceil() as i64, (high + 1e-9).floor() as i64);
    let written = |value: f64| match unit {
        Unit::Duration | Unit::Moment => {
            let zone = (unit == Unit::Moment).then(TimeZone::system);
            time_label(value, (value / 10.0, false), zone.as_ref())
        }
        _ => label(value, value),
    };
    if last - first < 1 {
        // Less than two powers of ten: round numbers between them say more.
        let values = ticks(10_f64.powf(low), 10_f64.powf(high), most, unit, false);
        return values
            .into_iter()
            .filter(|tick| tick.at > 0.0)
            .map(|tick| Tick { at: tick.at.log10(), ..tick })
            .collect();
    }
    let decades = (last - first + 1) as usize;
    let stride = decades.div_ceil(most).max(1);
    let powers =
        (first..=last).filter(|power| ((power - first).unsigned_abs() as usize).is_multiple_of(stride));
    powers.map(|power| Tick { at: power as f64, label: written(10_f64.powi(power as i32)) }).collect()
}

/// Round durations, in milliseconds.
const SPANS: [f64; 33] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 1.5e4, 3e4, 6e4, 1.2e5, 3e5,
    6e5, 9e5, 1.8e6, 3.6e6, 7.2e6, 1.08e7, 2.16e7, 4.32e7, 8.64e7, 1.728e8, 6.048e8, 1.2096e9, 2.592e9,
    7.776e9, 3.1536e10,
];

/// Ticks at round times; for moments, at those that clocks of a zone show.
fn times(low: f64, high: f64, most: usize, zone: Option<&TimeZone>) -> Vec<Tick> {
    let least = (high - low) / most.max(1) as f64;
    let last = SPANS[SPANS.len() - 1];
    let mut step =
        SPANS.into_iter().find(|span| *span >= least).unwrap_or_else(|| last * round_step(least / last));
    let round = |step: f64| match zone {
        Some(zone) => moments(low, high, step, zone),
        None => multiples(low, high, step),
    };
    let mut values = round(step);
    while values.len() > most.max(1) {
        step = SPANS.into_iter().find(|span| *span > step).unwrap_or(step * 2.0);
        values = round(step);
    }
    let labels = |is_whole: bool| -> Vec<Tick> {
        let label = |at: f64| time_label(at, (step, is_whole), zone);
        values.iter().map(|at| Tick { at: *at, label: label(*at) }).collect()
    };
    let ticks = labels(false);
    let has_twins = ticks.iter().enumerate().any(|(at, tick)| {
        // Where clocks are put back an hour is there twice.
        ticks[..at].iter().any(|other| other.label == tick.label && tick.at - other.at > 2.0 * HOUR)
            || zone.is_none() && at > 0 && ticks[at - 1].label == tick.label
    });
    if has_twins { labels(true) } else { ticks }
}

/// In milliseconds.
const HOUR: f64 = 3.6e6;

/// When clocks of a zone show multiples of a step, in milliseconds since the epoch. Where they are put forward some are never
/// shown, and where they are put back some are shown twice.
fn moments(low: f64, high: f64, step: f64, zone: &TimeZone) -> Vec<f64> {
    let ahead = |offset: Offset| f64::from(offset.seconds()) * 1000.0;
    let ahead_at =
        |at: f64| ahead(zone.to_offset(Timestamp::from_millisecond(at as i64).unwrap_or_default()));
    let (first, last) = (ahead_at(low), ahead_at(high));
    let shown = multiples(low + first.min(last), high + first.max(last), step);
    let at = |shown: f64| {
        let Ok(clock) = Timestamp::from_millisecond(shown as i64) else { return vec![shown - first] };
        match zone.to_ambiguous_timestamp(Offset::UTC.to_datetime(clock)).offset() {
            AmbiguousOffset::Unambiguous { offset } => vec![shown - ahead(offset)],
            AmbiguousOffset::Gap { .. } => Vec::new(),
            AmbiguousOffset::Fold { before, after } => vec![shown - ahead(before), shown - ahead(after)],
        }
    };
    let mut moments: Vec<f64> =
        shown.into_iter().flat_map(at).filter(|at| (low..=high).contains(at)).collect();
    moments.sort_by(f64::total_cmp);
    moments
}

/// A time as a label between others that are `step` apart: short, or whole where short ones are not distinct.
fn time_label(value: f64, (step, is_whole): (f64, bool), zone: Option<&TimeZone>) -> String {
    if let Some(zone) = zone {
        let format = match step {
            _ if is_whole && step >= 8.64e7 => "%Y-%m-%d",
            _ if is_whole && step >= 6e4 => "%m-%d %H:%M",
            _ if is_whole => "%m-%d %H:%M:%S",
            _ if step < 1e3 => "%H:%M:%S%.3f",
            _ if step < 6e4 => "%H:%M:%S",
            _ if step < 8.64e7 => "%H:%M",
            _ if step < 3e10 => "%m-%d",
            _ => "%Y",
        };
        let moment = Timestamp::from_millisecond(value as i64).unwrap_or_default();
        return moment.to_zoned(zone.clone()).strftime(format).to_string();
    }
    let ms = value.round() as i64;
    if ms == 0 {
        return "0".into();
    }
    if ms < 1_000 {
        return format!("{ms}ms");
    }
    if step < 1e3 {
        let text = format!("{:.3}", value / 1e3);
        return format!("{}s", text.trim_end_matches('0').trim_end_matches('.'));
    }
    let seconds = ms / 1_000;
    let (days, hours, minutes, rest) =
        (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")];
    let parts = parts.iter().filter(|(count, _)| *count > 0).take(if is_whole { 4 } else { 2 });
    parts.fold(String::new(), |text, (count, unit)| format!("{text}{count}{unit}"))
}

/// A time in full: `1h2m`, `2026-11-23 14:05:09`.
pub fn time_words(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Moment => crate::text::timestamp(value as i64),
        _ => crate::text::duration(value as i64),
    }
}

/// Which of the labels can stand in a row of so many cells, each centred at its place, none touching another: the cell
/// in which each begins. Later ones give way, but the last does not vanish where only one fits.
pub fn spread(labels: &[(usize, &str)], cells: usize) -> Vec<Option<usize>> {
    let mut free = 0;
    let mut places = Vec::with_capacity(labels.len());
    for (at, label) in labels {
        let width = crate::text::width(label);
        let start = at.saturating_sub(width / 2).min(cells.saturating_sub(width));
        if width > cells || start < free {
            places.push(None);
        } else {
            places.push(Some(start));
            free = start + width + 1;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moments and labels of an axis in Berlin, from an hour (UTC) of a day on.
    fn in_berlin(from: &str, hours: i64, most: usize) -> Vec<(String, String)> {
        // The rule of that zone, where the system has no data of zones.
        let rule = || TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap_or_else(|_| rule());
        let low = from.parse::<Timestamp>().unwrap().as_millisecond() as f64;
        let ticks = times(low, low + hours as f64 * 3.6e6, most, Some(&zone));
        let utc = |at: f64| Timestamp::from_millisecond(at as i64).unwrap().strftime("%d %H:%M").to_string();
        ticks.into_iter().map(|tick| (utc(tick.at), tick.label)).collect()
    }

    #[test]
    fn no_two_ticks_are_called_the_same() {
        let zone = TimeZone::posix("UTC0").unwrap();
        let labels = |ticks: Vec<Tick>| ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>();
        // Half days over several, half hours behind a day, days over years.
        let days = labels(times(0.0, 60.0 * HOUR, 6, Some(&zone)));
        assert_eq!(
            days,
            ["01-01 00:00", "01-01 12:00", "01-02 00:00", "01-02 12:00", "01-03 00:00", "01-03 12:00"]
        );
        let hours = labels(times(24.0 * HOUR, 27.0 * HOUR, 7, None));
        assert_eq!(hours, ["1d", "1d30m", "1d1h", "1d1h30m", "1d2h", "1d2h30m", "1d3h"]);
        // What is beyond the digits of a label has one for all.
        for (low, high) in [(1e15, 1e15 + 2.0), (1.0, 1.0 + 1e-14), (-1e16, -1e16 + 8.0)] {
            let labels = labels(ticks(low, high, 6, Unit::Number, false));
            let mut distinct = labels.clone();
            distinct.dedup();
            assert_eq!(labels, distinct, "{low} to {high}");
        }
    }

    #[test]
    fn ticks_are_round_before_and_behind_a_change_to_summer_time() {
        let pairs = |ticks: &[(&str, &str)]| -> Vec<(String, String)> {
            ticks.iter().map(|(at, label)| ((*at).to_owned(), (*label).to_owned())).collect()
        };
        // At 01:00 UTC clocks went from 02:00 to 03:00.
        let days = in_berlin("2026-03-28T00:00:00Z", 72, 4);
        assert_eq!(days, pairs(&[("28 23:00", "03-29"), ("29 22:00", "03-30"), ("30 22:00", "03-31")]));
        let night = in_berlin("2026-03-28T21:00:00Z", 16, 4);
        assert_eq!(night, pairs(&[("28 23:00", "00:00"), ("29 04:00", "06:00"), ("29 10:00", "12:00")]));
        let hours = in_berlin("2026-03-28T23:30:00Z", 4, 5);
        assert_eq!(
            hours,
            pairs(&[
                ("29 00:00", "01:00"),
                ("29 01:00", "03:00"),
                ("29 02:00", "04:00"),
                ("29 03:00", "05:00")
            ])
        );
        // And back again, at 01:00 UTC too: 02:00 was twice.
        let back = in_berlin("2026-10-24T23:30:00Z", 3, 4);
        assert_eq!(back, pairs(&[("25 00:00", "02:00"), ("25 01:00", "02:00"), ("25 02:00", "03:00")]));
    }
}
