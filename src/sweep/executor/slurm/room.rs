//! Whether Slurm has room for more jobs of a sweep: where it has not, one trial tries for all that wait, the first of them, as soon
//! as a job of the sweep has ended, or after a while. What goes together is as much as fitted last, and then more.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cluster::{BREATH, LONGEST};
use super::script::Batch;

/// How long Slurm may count a job that has written its last.
const LEAVING: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Line {
    /// Trials that are to be submitted.
    waiting: BTreeSet<usize>,
    /// When it is tried again, and how long that takes then; none where Slurm took what it was given last.
    again: Option<(Instant, Duration)>,
    /// Trials that go together.
    most: usize,
}

/// Room for jobs.
#[derive(Debug)]
pub struct Room(Mutex<Line>);

/// A trial in the line, until it is dropped.
#[derive(Debug)]
pub struct InLine<'a> {
    room: &'a Room,
    trial: usize,
}

impl Room {
    /// As much as is asked for, by all that is known.
    pub fn new() -> Self {
        Self(Mutex::new(Line { waiting: BTreeSet::new(), again: None, most: usize::MAX }))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a trial in the line.
    pub fn line_up(&self, trial: usize) -> InLine<'_> {
        self.line().waiting.insert(trial);
        InLine { room: self, trial }
    }

    /// How many trials wait to be submitted.
    pub fn waiting(&self) -> usize {
        self.line().waiting.len()
    }

    /// How many trials may be tried together.
    pub fn most(&self) -> usize {
        self.line().most
    }

    /// Whether Slurm refused what it was given last.
    pub fn is_full(&self) -> bool {
        self.line().again.is_some()
    }

    /// Slurm took these trials, after it had refused more or not; whether all is well again: it takes what it is given, and nobody
    /// waits.
    pub fn was_found(&self, now: Instant, batch: Batch, was_refused: bool) -> bool {
        let mut line = self.line();
        let count = batch.count;
        line.waiting.retain(|trial| !batch.has(*trial));
        if was_refused {
            // What is left is less than that.
            line.most = count;
            line.again = Some((now + BREATH, BREATH));
        } else {
            if count >= line.most {
                line.most = line.most.saturating_mul(2);
            }
            line.again = line.again.map(|_| (now, BREATH));
        }
        let is_well = !was_refused && line.waiting.is_empty();
        if is_well {
            line.again = None;
        }
        is_well
    }

    /// Slurm took none.
    pub fn was_missing(&self, now: Instant) {
        let mut line = self.line();
        let pause = line.again.map_or(BREATH, |(_, pause)| pause);
        line.again = Some((now + pause, (pause * 2).min(LONGEST)));
        line.most = 1;
    }

    /// A job of the sweep has ended, which makes room.
    pub fn may_have_grown(&self, now: Instant) {
        let mut line = self.line();
        line.again = line.again.map(|(again, _)| (again.min(now + LEAVING), BREATH));
    }
}

impl InLine<'_> {
    /// Whether it is this trial's turn to try.
    pub fn is_next(&self, now: Instant) -> bool {
        let line = self.room.line();
        line.again.is_none_or(|(again, _)| now >= again && line.waiting.first() == Some(&self.trial))
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.room.line().waiting.remove(&self.trial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(first: usize, count: usize) -> Batch {
        Batch { first, count, attempt: 1 }
    }

    #[test]
    fn the_first_tries_for_all_as_soon_as_there_may_be_room() {
        let (room, begun) = (Room::new(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        let (second, first, third) = (room.line_up(7), room.line_up(4), room.line_up(9));
        assert!([&first, &second, &third].iter().all(|trial| trial.is_next(at(0))), "nobody was refused");
        room.was_missing(at(0));
        assert!(!first.is_next(at(1)) && first.is_next(at(2)) && !second.is_next(at(2)));
        // It takes longer and longer.
        room.was_missing(at(2));
        room.was_missing(at(6));
        assert!(!first.is_next(at(13)) && first.is_next(at(14)));
        // Unless a job of the sweep ends.
        room.may_have_grown(at(8));
        assert!(!first.is_next(at(8)) && first.is_next(at(9)));
        assert!(!room.was_found(at(9), batch(4, 1), false) && room.is_full(), "others wait");
        assert!(second.is_next(at(9)) && !third.is_next(at(9)) && room.waiting() == 2);
        drop(third);
        assert!(room.was_found(at(9), batch(6, 2), false) && !room.is_full() && room.waiting() == 0);
        drop((first, second));
        assert!(room.line_up(3).is_next(at(9)));
    }

    #[test]
    fn as_many_go_together_as_fitted_and_then_more() {
        let (room, now) = (Room::new(), Instant::now());
        let last = room.line_up(40);
        assert_eq!(room.most(), usize::MAX);
        assert!(!room.was_found(now, batch(0, 5), true), "of more than that");
        assert_eq!(room.most(), 5);
        assert!(!last.is_next(now) && last.is_next(now + BREATH), "it was filled up");
        // Fewer than might have gone say nothing.
        room.was_found(now, batch(5, 2), false);
        assert_eq!(room.most(), 5);
        room.was_found(now, batch(7, 5), false);
        assert_eq!(room.most(), 10);
        room.was_missing(now);
        assert_eq!(room.most(), 1);
    }
}
