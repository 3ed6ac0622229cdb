//! How long to wait before a store that is away is asked again.

use std::time::Duration;

/// Pauses between attempts: each is twice the one before, up to a longest, and the first again after a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// The last pause, since the last success.
    last: Option<Duration>,
}

impl Backoff {
    /// No failure yet.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, last: None }
    }

    /// An attempt failed: how long to wait before the next.
    pub fn pause(&mut self) -> Duration {
        let pause = self.last.map_or(self.first, |last| last.saturating_mul(2)).min(self.longest);
        self.last = Some(pause);
        pause
    }

    /// An attempt succeeded; whether others had failed before it.
    pub fn succeed(&mut self) -> bool {
        self.last.take().is_some()
    }

    /// Whether the last attempt failed.
    pub fn is_failing(&self) -> bool {
        self.last.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(3));
        assert!(!backoff.is_failing() && !backoff.succeed());
        let pauses: Vec<u128> = (0..5).map(|_| backoff.pause().as_millis()).collect();
        assert_eq!(pauses, [500, 1_000, 2_000, 3_000, 3_000]);
        assert!(backoff.is_failing() && backoff.succeed() && !backoff.succeed());
        assert_eq!(backoff.pause().as_millis(), 500);
        let mut endless = Backoff::new(Duration::MAX, Duration::MAX);
        assert_eq!((endless.pause(), endless.pause()), (Duration::MAX, Duration::MAX));
    }
}
