//! The lines of a metric's file: `timestamp value step`, with the name and the digest of a data set behind them in
//! MLflow 3.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::files::{Stamp, open_listed};
use crate::mlflow::order::by_step;
use crate::mlflow::{Metric, MetricPoint};

/// A number as Python writes it.
pub fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    let shortest = format!("{value:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = value.to_string();
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A point as a line.
pub fn line(metric: &Metric) -> String {
    format!("{} {} {}\n", metric.timestamp, float(metric.value), metric.step)
}

/// The point of a line; nothing where it is none.
pub fn point(line: &[u8]) -> Option<MetricPoint> {
    let line = std::str::from_utf8(line).ok()?.trim();
    let mut fields = line.split(' ');
    let timestamp = fields.next()?.parse().ok()?;
    let value = number(fields.next()?)?;
    // The first versions knew no steps.
    let step = fields.next().map_or(Some(0), |step| step.parse().ok())?;
    Some(MetricPoint { step, timestamp, value })
}

/// A number as Python reads it.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().or_else(|| text.replace('_', "").parse().ok())
}

/// What the points of a file come to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Read {
    pub latest: Option<MetricPoint>,
    /// Lines that are no points.
    pub bad: usize,
}

/// The latest point among the lines of a file.
pub fn latest(content: &[u8]) -> Read {
    let mut read = Read::default();
    for line in content.split(|byte| *byte == b'\n') {
        read.take(line);
    }
    read
}

impl Read {
    /// Takes in further lines.
    fn take_all(&mut self, from: impl io::Read) -> io::Result<()> {
        let mut lines = BufReader::with_capacity(256 << 10, from);
        let mut line = Vec::new();
        loop {
            // No more of a line is held than a point can have, and one byte that tells of the rest.
            if (&mut lines).take(MOST_LINE + 1).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            if line.len() as u64 > MOST_LINE && line.last() != Some(&b'\n') {
                self.bad += 1;
                lines.skip_until(b'\n')?;
            } else {
                self.take(&line);
            }
            line.clear();
        }
    }

    fn take(&mut self, line: &[u8]) {
        match point(line) {
            Some(point) => {
                if self.latest.is_none_or(|known| by_step(&point, &known) == Ordering::Greater) {
                    self.latest = Some(point);
                }
            }
            None if line.trim_ascii().is_empty() => {}
            None => self.bad += 1,
        }
    }
}

/// Bytes of a line: a point has some 100.
const MOST_LINE: u64 = 4 << 10;
/// Bytes of a file of points.
const MOST_FILE: u64 = 4 << 30;

/// Bytes at the end of what was read that have to be there again, for the rest to be taken for what follows.
const SEEN: usize = 64;

/// The end of what was read of a file whose lines are only put at its end.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct End {
    pub length: u64,
    seen: Vec<u8>,
}

impl End {
    /// The end of so many bytes of a file.
    pub fn of(file: &mut File, length: u64) -> io::Result<Self> {
        let mut seen = vec![0; SEEN.min(length as usize)];
        file.seek(SeekFrom::Start(length - seen.len() as u64))?;
        file.read_exact(&mut seen)?;
        Ok(Self { length, seen })
    }

    /// Whether a file goes on behind it, with whole lines before; it is put there then.
    pub fn goes_on_in(&self, file: &mut File, length: u64) -> bool {
        self.seen.last().is_none_or(|last| *last == b'\n')
            && self.length <= length
            && Self::of(file, self.length).is_ok_and(|end| end == *self)
    }
}

/// What was read of a long file.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    pub stamp: Stamp,
    pub read: Read,
    end: End,
}

impl Known {
    /// Reads a file as far as it went when it was listed: only what is new in it, where that can be.
    pub fn of(path: &Path, stamp: Stamp, before: Option<&Self>) -> io::Result<Self> {
        if let Some(before) = before.filter(|before| before.stamp == stamp) {
            return Ok(before.clone());
        }
        let mut file = open_listed(path)?;
        let goes_on = before.filter(|before| before.end.goes_on_in(&mut file, stamp.length));
        let (mut read, from) =
            goes_on.map_or((Read::default(), 0), |before| (before.read.clone(), before.end.length));
        if stamp.length - from > MOST_FILE {
            return Err(io::Error::other(format!("it has more than {} GB", MOST_FILE >> 30)));
        }
        file.seek(SeekFrom::Start(from))?;
        read.take_all((&file).take(stamp.length - from))?;
        let end = End::of(&mut file, stamp.length)?;
        Ok(Self { stamp, read, end })
    }
}

/// All points of a content, in the order of its lines.
pub fn points(content: &[u8]) -> Vec<MetricPoint> {
    content.split(|byte| *byte == b'\n').filter_map(point).collect()
}

/// Those of the metrics, all of one key, that a file does not have yet, as lines to be put at its end.
pub fn new_lines<'a>(known: &[u8], metrics: impl Iterator<Item = &'a Metric>) -> String {
    let key = |step, timestamp, value: f64| {
        // NaN is NaN here, of whatever bits.
        (step, timestamp, if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() })
    };
    let known_points = points(known);
    let mut seen: HashSet<(i64, i64, u64)> =
        known_points.iter().map(|point| key(point.step, point.timestamp, point.value)).collect();
    let new = metrics.filter(|metric| seen.insert(key(metric.step, metric.timestamp, metric.value)));
    let mut lines: String = latest_first(new.collect()).into_iter().map(line).collect();
    // A line that somebody did not write to its end stays one by itself.
    if !lines.is_empty() && known.last().is_some_and(|last| *last != b'\n') {
        lines.insert(0, '\n');
    }
    lines
}

/// Of points at one step and time MLflow's file store takes the first for the latest where one is NaN, as no number is greater
/// than that: what is the latest elsewhere goes before the others.
fn latest_first(mut metrics: Vec<&Metric>) -> Vec<&Metric> {
    let mut places: BTreeMap<(i64, i64), Vec<usize>> = BTreeMap::new();
    for (at, metric) in metrics.iter().enumerate() {
        places.entry((metric.step, metric.timestamp)).or_default().push(at);
    }
    for places in places.into_values().filter(|places| places.len() > 1) {
        let mut same: Vec<&Metric> = places.iter().map(|at| metrics[*at]).collect();
        if same.iter().any(|metric| metric.value.is_nan()) {
            let point = |metric: &Metric| MetricPoint {
                step: metric.step,
                timestamp: metric.timestamp,
                value: metric.value,
            };
            same.sort_by(|a, b| by_step(&point(b), &point(a)));
            places.into_iter().zip(same).for_each(|(at, metric)| metrics[at] = metric);
        }
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_pythons() {
        for (value, text) in [
            (3.0, "3.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1e22, "1e+22"),
            (12_345_678_901_234_567_890.0, "1.2345678901234567e+19"),
            (123_456.789, "123456.789"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn lines_of_all_versions_are_read_and_bad_ones_are_counted() {
        let content =
            b"10 2.0 0\n30 1.5 2\n40 9.0 1\n\n20 0.25\nhalf\n50 nan 2 wine abc\n60 x 3\n70 1.0 1.5\n1 2";
        let read = latest(content);
        assert_eq!(read.bad, 3);
        let latest = read.latest.unwrap();
        assert_eq!((latest.step, latest.timestamp, latest.value.is_nan()), (2, 50, true));
        let steps: Vec<i64> = points(content).iter().map(|point| point.step).collect();
        assert_eq!(steps, [0, 2, 1, 0, 2, 0]);
        assert_eq!(super::latest(b""), Read::default());
        assert_eq!(point(b"1 1_000.5 3").unwrap().value.to_string(), "1000.5");
        assert_eq!(point(b"1 Infinity -3\r").unwrap().step, -3);
    }

    #[test]
    fn a_line_without_an_end_is_bad_and_is_not_held() {
        let mut read = Read::default();
        let long = "1 1.0 ".to_owned() + &"0".repeat(1 << 20);
        read.take_all(format!("10 1.0 0\n{long}\n20 2.0 1\n{long}").as_bytes()).unwrap();
        assert_eq!((read.latest.unwrap().step, read.bad), (1, 2));
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("m");
        File::create(&path).unwrap().set_len(5 << 30).unwrap();
        let failure = Known::of(&path, Stamp::at(&path).unwrap(), None).unwrap_err();
        assert!(failure.to_string().contains("more than 4 GB"), "{failure}");
    }

    #[test]
    fn of_a_long_file_only_what_is_new_is_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("m");
        let lines = |range: std::ops::Range<i64>| {
            let all: Vec<String> = range.map(|at| format!("{at} {at}.5 {at}\n")).collect();
            all.concat()
        };
        let write = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Stamp::at(&path).unwrap()
        };
        let whole = |stamp| Known::of(&path, stamp, None).unwrap();
        let stamp = write(&lines(0..1_000));
        let mut known = whole(stamp);
        assert_eq!((known.read.latest.unwrap().step, known.read.bad), (999, 0));
        // The beginning is not looked at again: what is bad there now is not seen.
        let grown = lines(0..1_005);
        let stamp = write(&grown.replacen('0', "x", 1));
        let next = Known::of(&path, stamp, Some(&known)).unwrap();
        assert_eq!((next.read.latest.unwrap().step, next.read.bad), (1_004, 0));
        assert_eq!(whole(stamp).read.bad, 1);
        // Half a line, another file, and a shorter one are read from the beginning.
        for text in
            [grown.clone() + "1005 9.0", lines(0..1_010), lines(2_000..2_900), lines(0..3), String::new()]
        {
            let stamp = write(&text);
            known = Known::of(&path, stamp, Some(&known)).unwrap();
            assert_eq!(known, whole(stamp), "{} bytes", text.len());
        }
    }

    #[test]
    fn what_is_there_is_not_written_again_and_half_a_line_stays_one() {
        let metric = |value: f64, step| Metric { key: "m".into(), value, timestamp: 10, step };
        let all = [metric(f64::NAN, 0), metric(1.0, 1), metric(1.0, 1)];
        assert_eq!(new_lines(b"", all.iter()), "10 nan 0\n10 1.0 1\n");
        assert_eq!(new_lines(b"10 nan 0\n10 1.0 1\n", all.iter()), "");
        assert_eq!(new_lines(b"10 nan 0\n10 1.", all.iter()), "\n10 1.0 1\n");
        let ties = [metric(f64::NAN, 0), metric(1.0, 0), metric(5.0, 1)];
        assert_eq!(new_lines(b"", ties.iter()), "10 1.0 0\n10 nan 0\n10 5.0 1\n");
        let ties = [metric(-1.0, 0), metric(5.0, 1), metric(f64::NAN, 0)];
        assert_eq!(new_lines(b"", ties.iter()), "10 nan 0\n10 5.0 1\n10 -1.0 0\n");
    }
}
