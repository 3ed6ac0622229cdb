//! Metrics that an attempt printed, as they lie in its trial's folder: kept as they come, and before the store has them. Whoever
//! goes on behind a crash has each point once, at the time at which it was printed.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::attempts::TrialFolder;
use crate::disk;
use crate::state::load;

/// Bytes of the points of an attempt, at most.
const LONGEST: u64 = 64 << 20;

/// A metric that was printed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Its name.
    pub key: String,
    /// What it was, also where that is no number.
    #[serde(serialize_with = "write_value", deserialize_with = "read_value")]
    pub value: f64,
    /// At which step.
    pub step: i64,
    /// Milliseconds since the epoch.
    pub at: i64,
}

/// What JSON has no number for is a word.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn write_value<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { to.serialize_f64(*value) } else { to.serialize_str(&value.to_string()) }
}

fn read_value<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Word(String),
    }
    match Written::deserialize(from)? {
        Written::Number(value) => Ok(value),
        Written::Word(word) => word.parse().map_err(serde::de::Error::custom),
    }
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct PointsLine {
    /// How far the log was read by then.
    to: u64,
    points: Vec<Point>,
}

/// What is kept of an attempt.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KeptPoints {
    /// How far the log was read; none where nothing was printed so far.
    pub to: Option<u64>,
    /// In the order in which they were printed.
    pub points: Vec<Point>,
}

impl TrialFolder {
    fn points_file(attempt: u32) -> String {
        format!("points-{attempt}.jsonl")
    }

    /// Adds points of an attempt, whose log was read so far. What a crash cuts off is read again from the log.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn keep_points(&self, attempt: u32, to: u64, points: &[Point]) -> io::Result<()> {
        let mut line = serde_json::to_vec(&PointsLine { to, points: points.to_vec() })?;
        // A line that was cut off is followed by none of its own.
        line.insert(0, b'\n');
        line.push(b'\n');
        disk::open_to_append(&self.own(&Self::points_file(attempt)))?.write_all(&line)
    }

    /// What is kept of an attempt.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn kept_points(&self, attempt: u32) -> io::Result<KeptPoints> {
        let content = match disk::read(&self.own(&Self::points_file(attempt)), LONGEST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(KeptPoints::default()),
            content => content?,
        };
        let mut kept = KeptPoints::default();
        for line in content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if let Ok(line) = serde_json::from_slice::<PointsLine>(line) {
                kept.to = Some(line.to);
                kept.points.extend(line.points);
            }
        }
        Ok(kept)
    }

    /// Bytes of what is kept of an attempt.
    pub fn points_length(&self, attempt: u32) -> u64 {
        self.own(&Self::points_file(attempt)).metadata().map_or(0, |metadata| metadata.len())
    }

    /// What a version kept that had one file for all attempts, and wrote it when an attempt ended.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn points_of_an_old_version(&self) -> io::Result<Vec<Point>> {
        let path = self.own("points.json");
        match disk::read(&path, LONGEST) {
            Ok(content) => serde_json::from_slice(&content).map_err(|error| disk::damaged(&path, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Metrics that the run of an attempt had when it was first looked at, behind the end of its script; none before.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn known_metrics(&self, attempt: u32) -> io::Result<Option<BTreeSet<String>>> {
        load(&self.own(&format!("logged-{attempt}.json")))
    }

    /// Notes them.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn set_known_metrics(&self, attempt: u32, names: &BTreeSet<String>) -> io::Result<()> {
        self.write(&format!("logged-{attempt}.json"), names)
    }

    /// How many of an attempt's points the store has. Less than that only has some sent twice, which comes to the same.
    pub fn sent_points(&self, attempt: u32) -> usize {
        load(&self.own(&format!("sent-{attempt}.json"))).ok().flatten().unwrap_or(0)
    }

    /// Notes how many of an attempt's points the store has.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn set_sent_points(&self, attempt: u32, count: usize) -> io::Result<()> {
        self.write(&format!("sent-{attempt}.json"), &count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::engine::journal::SweepFolder;

    #[test]
    fn points_are_kept_as_they_come_and_half_a_line_is_none() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() }.trial_folder(3);
        folder.make().unwrap();
        assert_eq!(folder.kept_points(1).unwrap(), KeptPoints::default());
        let point = |step, value| Point { key: "loss".into(), value, step, at: 7 };
        folder.keep_points(1, 20, &[point(0, 0.1), point(1, f64::INFINITY)]).unwrap();
        let mut file = disk::open_to_append(&folder.own("points-1.jsonl")).unwrap();
        file.write_all(b"\n{\"to\":90,\"points\":[{\"ke").unwrap();
        folder.keep_points(1, 40, &[point(2, f64::NEG_INFINITY), point(3, f64::NAN)]).unwrap();
        let kept = folder.kept_points(1).unwrap();
        assert_eq!((kept.to, kept.points.len()), (Some(40), 4));
        assert_eq!(kept.points[..3], [point(0, 0.1), point(1, f64::INFINITY), point(2, f64::NEG_INFINITY)]);
        assert!(kept.points[3].value.is_nan());
        assert_eq!(folder.kept_points(2).unwrap(), KeptPoints::default(), "another attempt");
        assert_eq!(folder.sent_points(1), 0);
        folder.set_sent_points(1, 3).unwrap();
        assert_eq!((folder.sent_points(1), folder.sent_points(2)), (3, 0));
        std::fs::write(folder.own("points.json"), r#"[{"key":"loss","value":0.5,"step":-1,"at":7}]"#)
            .unwrap();
        assert_eq!(folder.points_of_an_old_version().unwrap(), [point(-1, 0.5)]);
    }
}
