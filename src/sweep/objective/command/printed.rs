//! Metrics that a command prints: lines of JSON, `{"step": 3, "val_loss": 0.41}`, or what patterns find in a line.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use regex::{Regex, RegexBuilder};
use serde_json::Value as Json;

use crate::disk;
use crate::mlflow::limits::check_key;
use crate::sweep::engine::attempts::{CutLog, TrialFolder};
use crate::sweep::engine::points::{KeptPoints, Point};

/// The key, or the group, that says at which step metrics were.
const STEP: &str = "step";
/// What stands before a number that JSON has not: no script writes that.
const NO_NUMBER: char = '\0';
/// Bytes of a line that is looked at.
const LONGEST_LINE: usize = 64 << 10;
/// Points that are kept; of what comes after only the latest of each metric.
const MOST: usize = 100_000;
/// Metrics; others are left out.
const MOST_KEYS: usize = 1_000;
/// Bytes that a pattern may take when it is compiled.
const LARGEST_PATTERN: usize = 1 << 20;
/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// A pattern that finds metrics in lines: each named group is one.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn pattern(text: &str) -> Result<Regex, String> {
    let read = RegexBuilder::new(text).size_limit(LARGEST_PATTERN).build();
    let pattern = read.map_err(|error| format!("--metric-pattern {text:?}: {error}"))?;
    if pattern.capture_names().flatten().all(|name| name == STEP) {
        return Err(format!(
            "--metric-pattern {text:?} names no metric; write a named group, such as val_loss: (?<val_loss>[-+.0-9eE]+)"
        ));
    }
    Ok(pattern)
}

/// What was printed of metrics.
#[derive(Debug, Default)]
pub struct Printed {
    /// In the order in which it was printed.
    points: Vec<Point>,
    /// Of each metric the one that counts as its latest, as MLflow has it: of the last step.
    latest: HashMap<String, Point>,
    /// How many points of each metric there were: the step of one that names none.
    counts: HashMap<String, i64>,
}

impl Printed {
    /// The latest value of a metric.
    pub fn value(&self, key: &str) -> Option<f64> {
        self.latest.get(key).map(|point| point.value)
    }

    /// The latest value of a metric, and where it was.
    pub fn latest(&self, key: &str) -> Option<&Point> {
        self.latest.get(key)
    }

    /// The points behind so many.
    pub fn points_from(&self, count: usize) -> &[Point] {
        self.points.get(count..).unwrap_or_default()
    }

    /// Whether no metric was printed yet.
    pub fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }

    /// The names of all metrics.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = self.latest.keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    /// The latest values that are not among the points, as there were too many.
    fn beyond(&self) -> Vec<Point> {
        let mut beyond: Vec<Point> = self.latest.values().filter(|point| !self.has(point)).cloned().collect();
        beyond.sort_by(|a, b| a.key.cmp(&b.key));
        beyond
    }

    /// Whether a point is among those that are kept; of a few all are.
    fn has(&self, point: &Point) -> bool {
        self.points.len() < MOST || self.points.contains(point)
    }

    fn add(&mut self, key: &str, value: f64, step: Option<i64>, at: i64) {
        let is_new = !self.counts.contains_key(key);
        if !is_name(key) || (is_new && self.counts.len() >= MOST_KEYS) {
            return;
        }
        let count = self.counts.entry(key.to_owned()).or_default();
        let point = Point { key: key.to_owned(), value, step: step.unwrap_or(*count), at };
        *count += 1;
        if self.points.len() < MOST {
            self.points.push(point.clone());
        }
        self.note_latest(point);
    }

    /// What an earlier process kept.
    fn restore(&mut self, points: Vec<Point>) {
        for point in points {
            *self.counts.entry(point.key.clone()).or_default() += 1;
            self.points.push(point.clone());
            self.note_latest(point);
        }
    }

    fn note_latest(&mut self, point: Point) {
        let order = |point: &Point| (point.step, point.at);
        match self.latest.get_mut(&point.key) {
            // As MLflow has it, of two values of one step and time the greater is the latest.
            Some(known) if order(known) > order(&point) => {}
            Some(known) if order(known) == order(&point) && known.value > point.value => {}
            Some(known) => *known = point,
            None => drop(self.latest.insert(point.key.clone(), point)),
        }
    }

    /// Takes what a line says.
    fn take(&mut self, line: &str, patterns: &[Regex], at: i64) {
        for pattern in patterns {
            for found in pattern.captures_iter(line) {
                let number = |name: &str| found.name(name)?.as_str().trim().parse::<f64>().ok();
                let Some(step) = number(STEP).map_or(Some(None), |step| step_of(step).map(Some)) else {
                    continue;
                };
                for name in pattern.capture_names().flatten().filter(|name| *name != STEP) {
                    if let Some(value) = number(name) {
                        self.add(name, value, step, at);
                    }
                }
            }
        }
        let line = line.trim();
        if !line.starts_with('{') || !line.ends_with('}') {
            return;
        }
        let read = serde_json::from_str(line).or_else(|_| serde_json::from_str(&in_words(line)));
        let Ok(Json::Object(entries)) = read else { return };
        let number = |value: &Json| {
            let word = || value.as_str()?.strip_prefix(NO_NUMBER)?.parse().ok();
            value.as_f64().or_else(word)
        };
        let step = match entries.get(STEP).map(|step| (step.as_i64(), number(step))) {
            Some((Some(step), _)) => Some(step),
            Some((None, Some(step))) => match step_of(step) {
                Some(step) => Some(step),
                // What is at no step is nowhere.
                None => return,
            },
            Some((None, None)) | None => None,
        };
        for (key, value) in entries.iter().filter(|(key, _)| *key != STEP) {
            if let Some(value) = number(value) {
                self.add(key, value, step, at);
            }
        }
    }
}

/// A line of JSON in which numbers that JSON has not, `NaN` and `Infinity` as Python writes them and those out of range, are
/// texts.
fn in_words(line: &str) -> String {
    let mut text = String::with_capacity(line.len() + 8);
    let (mut is_in_text, mut is_escaped, mut rest) = (false, false, line);
    while let Some(c) = rest.chars().next() {
        let word = if is_in_text { None } else { number_without_json(rest) };
        if let Some((word, length)) = word {
            text.push_str(&word);
            rest = &rest[length..];
            continue;
        }
        is_in_text ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        text.push(c);
        rest = &rest[c.len_utf8()..];
    }
    text
}

/// What is written at the beginning of a text in the place of a number, and how many bytes of it there are, where it is to be
/// written otherwise; a number that is in range is written as it is.
fn number_without_json(text: &str) -> Option<(String, usize)> {
    let in_words = |word: &str| Json::from(format!("{NO_NUMBER}{word}")).to_string();
    if let Some(word) = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| text.starts_with(word)) {
        return Some((in_words(word), word.len()));
    }
    let is_digit = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    text.starts_with(|c: char| c.is_ascii_digit() || c == '-').then(|| {
        let length = text.find(|c| !is_digit(c)).unwrap_or(text.len());
        let number = &text[..length];
        match number.parse::<f64>() {
            Ok(value) if value.is_infinite() => (in_words(&value.to_string()), length),
            _ => (number.to_owned(), length),
        }
    })
}

/// A step, which is a whole number. Of one that no step can be there is none.
fn step_of(number: f64) -> Option<i64> {
    // The next greater number is the first that is too great.
    ((i64::MIN as f64)..(i64::MAX as f64)).contains(&number).then_some(number as i64)
}

/// Whether MLflow takes it as the name of a metric.
fn is_name(text: &str) -> bool {
    check_key("metric", text).is_ok()
}

/// Reads a log as it grows.
pub struct Reader<'a> {
    path: PathBuf,
    /// How far it was read, and how far in whole lines.
    at: u64,
    lines: u64,
    patterns: &'a [Regex],
    /// The line that is not whole yet.
    line: Vec<u8>,
    is_too_long: bool,
    /// Points that lie in the trial's folder.
    kept: usize,
    /// What it has come to so far.
    pub printed: Printed,
}

impl<'a> Reader<'a> {
    /// From a place in the log on, where nothing is kept of what stands behind it.
    pub fn new(path: PathBuf, at: u64, patterns: &'a [Regex], kept: KeptPoints) -> Self {
        let at = kept.to.unwrap_or(at);
        let mut printed = Printed::default();
        printed.restore(kept.points);
        let kept = printed.points.len();
        Self { path, at, lines: at, patterns, line: Vec::new(), is_too_long: false, kept, printed }
    }

    /// Takes what has come since, at that time.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub fn read(&mut self, now: i64) -> io::Result<()> {
        let mut file: File = match disk::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        // As far as it is by now: a script may write faster than it is read.
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(self.at))?;
        let mut chunk = vec![0; CHUNK];
        while self.at < end {
            let count = file.read(&mut chunk)?;
            if count == 0 {
                break;
            }
            self.take(&chunk[..count], now);
        }
        Ok(())
    }

    /// Keeps what is new of it in the trial's folder.
    ///
    /// # Errors
    /// Where that cannot be written.
    pub fn keep(&mut self, folder: &TrialFolder, attempt: u32) -> io::Result<()> {
        let new = self.printed.points_from(self.kept);
        if !new.is_empty() {
            folder.keep_points(attempt, self.lines, new)?;
            self.kept += new.len();
        }
        Ok(())
    }

    /// The middle of the log was left out: what was not read yet is read on, as far as it is there.
    ///
    /// # Errors
    /// Where it cannot be noted how far it is.
    pub fn follow_cut(&mut self, cut: &CutLog, folder: &TrialFolder, attempt: u32) -> io::Result<()> {
        let unread = cut.was.saturating_sub(self.at);
        if unread > cut.kept {
            // The beginning of this line is gone.
            self.line.clear();
            self.is_too_long = true;
        }
        self.at = cut.is.saturating_sub(unread.min(cut.kept));
        self.lines = self.at.saturating_sub(self.line.len() as u64);
        folder.keep_points(attempt, self.lines, &[])
    }

    /// Keeps all of it, when the attempt has ended: its last line may have no end.
    ///
    /// # Errors
    /// As [`Reader::keep`].
    pub fn end(&mut self, now: i64, folder: &TrialFolder, attempt: u32) -> io::Result<()> {
        self.finish(now);
        self.keep(folder, attempt)?;
        let beyond = self.printed.beyond();
        if !beyond.is_empty() {
            folder.keep_points(attempt, self.lines, &beyond)?;
        }
        Ok(())
    }

    /// The last line, which may have no end.
    fn finish(&mut self, now: i64) {
        self.take(b"\n", now);
    }

    fn take(&mut self, bytes: &[u8], now: i64) {
        let mut rest = bytes;
        self.at += bytes.len() as u64;
        // A bar of progress is written over with carriage returns.
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.grow(&rest[..at]);
            let line = std::mem::take(&mut self.line);
            if !std::mem::take(&mut self.is_too_long) && !line.is_empty() {
                self.printed.take(&String::from_utf8_lossy(&line), self.patterns, now);
            }
            rest = &rest[at + 1..];
            self.lines = self.at - rest.len() as u64;
        }
        self.grow(rest);
    }

    fn grow(&mut self, part: &[u8]) {
        self.is_too_long |= self.line.len() + part.len() > LONGEST_LINE;
        if self.is_too_long {
            self.line.clear();
        } else {
            self.line.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::sweep::engine::journal::SweepFolder;

    fn read(parts: &[&str], patterns: &[&str]) -> Printed {
        let patterns: Vec<Regex> = patterns.iter().map(|text| pattern(text).unwrap()).collect();
        let mut reader = Reader::new(PathBuf::new(), 0, &patterns, KeptPoints::default());
        for (at, part) in parts.iter().enumerate() {
            reader.take(part.as_bytes(), at as i64);
        }
        reader.finish(parts.len() as i64);
        reader.printed
    }

    #[test]
    fn numbers_of_json_lines_are_metrics_wherever_the_lines_are_cut() {
        let printed = read(
            &[
                "epoch 1\n{\"step\": 1, \"val_lo",
                "ss\": 0.5, \"note\": \"x\", \"ok\": true}\r{\"val_loss\": 9, \"step\": 0}\n",
                "{\"step\":2,\"val_loss\":0.25}",
            ],
            &[],
        );
        assert_eq!((printed.value("val_loss"), printed.keys()), (Some(0.25), vec!["val_loss"]));
        let steps: Vec<_> = printed.points.iter().map(|point| (point.step, point.value, point.at)).collect();
        assert_eq!(steps, [(1, 0.5, 1), (0, 9.0, 1), (2, 0.25, 3)]);
        let counted =
            read(&["{\"a\":1}\n{\"a\":3}\n{\"a\":2,\"b\":1}\n{\"a\":{\"b\":1}}\n[1]\n{\"a\":\n"], &[]);
        assert_eq!((counted.value("a"), counted.points[2].step), (Some(2.0), 2));
        assert_eq!(counted.keys(), ["a", "b"]);
        assert_eq!(
            read(&["{\"a;b\":1, \"\":2}\n"], &[]).keys(),
            Vec::<&str>::new(),
            "MLflow takes no such names"
        );
    }

    #[test]
    fn named_groups_of_a_pattern_are_metrics() {
        let lines = "Epoch 3/9 - val_loss: 0.41 - acc: 7e-1\nEpoch 4/9 - val_loss: nan - acc: x\n";
        let pattern_ = r"Epoch (?<step>\d+).*val_loss: (?<val_loss>\S+) - acc: (?<acc>\S+)";
        let printed = read(&[lines], &[pattern_]);
        assert!(printed.value("val_loss").is_some_and(f64::is_nan), "it has no value any more");
        assert_eq!((printed.value("acc"), printed.points[0].step), (Some(0.7), 3));
        for (text, why) in
            [("(", "unclosed group"), ("loss (.*)", "names no metric"), ("(?<step>.)", "names no metric")]
        {
            assert!(pattern(text).unwrap_err().contains(why), "{text}");
        }
        assert!(pattern("(?<a>\\w{500}){500}").is_err(), "one that takes all memory");
    }

    #[test]
    fn what_diverged_has_no_value() {
        let printed =
            read(&["{\"a\": 1, \"s\": \"\\\"NaN\"}\n{\"a\": NaN, \"b\": -Infinity, \"s\": \"NaN\"}\n"], &[]);
        assert!(printed.value("a").is_some_and(f64::is_nan));
        assert_eq!((printed.keys(), printed.value("b")), (vec!["a", "b"], Some(f64::NEG_INFINITY)));
        assert_eq!(printed.points.iter().filter(|point| point.value.is_finite()).count(), 1);
        let endless = read(&["{\"a\": Infinity}\nloss inf\n"], &["loss (?<loss>\\S+)"]);
        assert_eq!((endless.value("a"), endless.value("loss")), (Some(f64::INFINITY), Some(f64::INFINITY)));
    }

    #[test]
    fn numbers_out_of_range_and_steps_that_are_none_cost_nothing_else() {
        let printed = read(
            &[
                "{\"step\":1,\"a\":0.5}\n{\"step\":2,\"a\":0.25,\"t\":1e400,\"x\":\"1e999\"}\n{\"step\":3,\"a\":0.75,\"t\":-1e400}\n",
            ],
            &[],
        );
        assert_eq!((printed.value("a"), printed.value("t")), (Some(0.75), Some(f64::NEG_INFINITY)));
        assert_eq!(printed.points.iter().filter(|point| point.key == "a").count(), 3);
        let printed = read(
            &[
                "{\"step\":7.5,\"a\":1}\n{\"step\":-1,\"a\":2}\n{\"step\":9223372036854775808,\"a\":3}\n{\"step\":1e23,\"a\":4}\n",
            ],
            &[],
        );
        assert_eq!(printed.points.iter().map(|point| point.step).collect::<Vec<_>>(), [7, -1]);
        let names = read(&["{\"train//loss\":1, \".\":1, \"/a\":1, \"x/../y\":1, \"a/b\":1}\n"], &[]);
        assert_eq!(names.keys(), ["a/b"], "MLflow takes no others");
    }

    #[test]
    fn what_was_not_read_when_a_log_is_cut_is_read_behind_that() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() }.trial_folder(0);
        folder.make().unwrap();
        let say =
            |text: &str| disk::open_to_append(&folder.log()).unwrap().write_all(text.as_bytes()).unwrap();
        let mut reader = Reader::new(folder.log(), 0, &[], KeptPoints::default());
        say("{\"a\": 1}\n{\"a\"");
        reader.read(1).unwrap();
        say(&format!(": 2}}\n{}{{\"a\": 3}}\n{{\"a\"", "filling\n".repeat(20)));
        let cut = folder.cut_log_to(100, 20, 60).unwrap().unwrap();
        reader.follow_cut(&cut, &folder, 1).unwrap();
        say(": 4}\n");
        reader.read(2).unwrap();
        let values: Vec<f64> = reader.printed.points.iter().map(|point| point.value).collect();
        assert_eq!(values, [1.0, 3.0, 4.0], "what was left out is not known");
    }

    #[test]
    fn what_is_too_much_is_left_out_and_the_latest_is_known_all_the_same() {
        let long = format!("{{\"a\": 1, \"b\": \"{}\"}}\n{{\"c\": 1}}\n", "x".repeat(LONGEST_LINE));
        assert_eq!(read(&[&long], &[]).keys(), ["c"]);
        let many = (0..MOST + 5).map(|at| format!("{{\"a\":{at}}}")).collect::<Vec<_>>().join(
            "
",
        );
        let printed = read(&[&many], &[]);
        assert_eq!((printed.points.len(), printed.value("a")), (MOST, Some((MOST + 4) as f64)));
        let beyond = printed.beyond();
        assert_eq!((beyond.len(), beyond[0].step), (1, MOST as i64 + 4));
    }

    #[test]
    fn who_goes_on_knows_each_point_once_and_at_its_own_time() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() }.trial_folder(0);
        folder.make().unwrap();
        let say =
            |text: &str| disk::open_to_append(&folder.log()).unwrap().write_all(text.as_bytes()).unwrap();
        let reader = || Reader::new(folder.log(), 4, &[], folder.kept_points(2).unwrap());
        say("old\n{\"a\": 1}\n{\"a\": NaN}\n{\"a\": ");
        let mut first = reader();
        first.read(10).unwrap();
        first.keep(&folder, 2).unwrap();
        first.keep(&folder, 2).unwrap();
        say("3}\n{\"a\": 4}");
        // It was killed; what it had read is read no more, and half a line is read whole.
        let mut second = reader();
        second.read(20).unwrap();
        second.end(30, &folder, 2).unwrap();
        let all: Vec<_> = second.printed.points.iter().map(|point| (point.step, point.at)).collect();
        assert_eq!(all, [(0, 10), (1, 10), (2, 20), (3, 30)]);
        assert_eq!((second.printed.value("a"), second.printed.points[2].value), (Some(4.0), 3.0));
        let mut third = reader();
        third.read(40).unwrap();
        third.end(40, &folder, 2).unwrap();
        assert_eq!(third.printed.points.len(), 4);
        assert_eq!(folder.kept_points(2).unwrap().points.len(), 4);
    }
}
