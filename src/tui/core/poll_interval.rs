//! How often the store is asked for changes: as set, and slower while nobody looks. A team that watches one server
//! all day must not be felt there.

use std::time::Duration;

/// Without a key for so long, nobody is taken to look (milliseconds).
const ALONE: i64 = 3 * 60_000;
/// How much slower it goes while the terminal has lost the focus, and while nobody is there.
const UNFOCUSED: f64 = 3.0;
const UNATTENDED: f64 = 5.0;
/// The slowest that nobody asked for, in seconds.
const SLOWEST: f64 = 30.0;
/// A server that takes long to answer is asked no more than one part in this many of the time.
const BUSY_SHARE: f64 = 10.0;

#[derive(Debug, Clone, PartialEq)]
pub struct PollInterval {
    /// Seconds, as set.
    pub seconds: f64,
    is_cheap: bool,
    pub focused: bool,
    last_key: i64,
    /// Seconds that the last answer took.
    answer: f64,
    /// What polling was last told.
    told: Option<Duration>,
}

impl PollInterval {
    pub fn new(seconds: f64, is_cheap: bool, now: i64) -> Self {
        Self { seconds, is_cheap, focused: true, last_key: now, answer: 0.0, told: None }
    }

    /// Somebody is there.
    pub fn touch(&mut self, now: i64) {
        self.last_key = now;
    }

    pub fn answered(&mut self, milliseconds: u64) {
        self.answer = milliseconds as f64 / 1000.0;
    }

    /// Seconds between polls as of now. What costs nobody anything is asked as often as set: its pace stays.
    pub fn current(&self, now: i64) -> f64 {
        if self.is_cheap {
            return self.seconds;
        }
        let mut interval = self.seconds.max(self.answer * BUSY_SHARE);
        let mut slow = 1.0;
        if !self.focused {
            slow *= UNFOCUSED;
        }
        if now - self.last_key >= ALONE {
            slow *= UNATTENDED;
        }
        if slow > 1.0 {
            interval = (interval * slow).min(SLOWEST.max(interval));
        }
        interval
    }

    /// The pace, if polling was not told it yet.
    pub fn take_change(&mut self, now: i64) -> Option<Duration> {
        let interval = Duration::try_from_secs_f64(self.current(now)).ok()?;
        (self.told.replace(interval) != Some(interval)).then_some(interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(interval: &PollInterval, now: i64) -> i64 {
        (interval.current(now) * 10.0).round() as i64
    }

    #[test]
    fn polling_slows_down_while_nobody_looks() {
        let mut interval = PollInterval::new(2.0, false, 0);
        assert_eq!(seconds(&interval, 1_000), 20);
        interval.focused = false;
        assert_eq!(seconds(&interval, 1_000), 60);
        assert_eq!(seconds(&interval, ALONE), 300);
        interval.focused = true;
        assert_eq!(seconds(&interval, ALONE), 100);
        interval.touch(ALONE);
        assert_eq!(seconds(&interval, ALONE), 20);
        interval.answered(1_500);
        assert_eq!(seconds(&interval, ALONE), 150);
        interval.seconds = 60.0;
        interval.focused = false;
        assert_eq!(seconds(&interval, ALONE), 600, "what is set is never quickened");
        assert_eq!(seconds(&PollInterval::new(2.0, true, 0), ALONE), 20);
    }

    #[test]
    fn polling_is_told_once() {
        let mut interval = PollInterval::new(2.0, false, 0);
        assert_eq!(interval.take_change(0), Some(Duration::from_secs(2)));
        assert_eq!(interval.take_change(10), None);
        interval.focused = false;
        assert_eq!(interval.take_change(20), Some(Duration::from_secs(6)));
    }
}
