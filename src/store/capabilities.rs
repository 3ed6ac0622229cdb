//! What a place of runs can do, and how it is best asked: whoever reads goes by this, and never by which place it is.

use std::time::Duration;

use crate::mlflow::limits;

/// What a place of runs can do, and how it is best asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Changes tell of everything that anybody wrote, and say whether anybody did; otherwise only of runs that are new,
    /// ended or watched.
    pub change_feed: bool,
    /// It knows how many runs each experiment has and which run is the newest, without a search.
    pub counts_runs: bool,
    /// Values of all runs can be read by column: a scan brings only the keys that are asked for, and histories of any
    /// number of runs are summed up in one go. Otherwise it is better asked for few runs.
    pub column_scan: bool,
    /// Reading costs nobody else anything: it need not wait until somebody surely wants it.
    pub cheap_reads: bool,
    /// A look for changes costs nobody anything: it is done as often as makes sense, whatever is set.
    pub cheap_polls: bool,
    /// Reads side by side that still gain something, and that it likes.
    pub parallel_reads: usize,
    /// A history is found by a walk over all points of its run: those of one run are best read together.
    pub walks_runs: bool,
    /// Looks for changes come no closer than this.
    pub least_poll: Duration,
    /// Runs on a page of a list that come in a second or two.
    pub page: usize,
    /// Versions of registered models have stages.
    pub stages: bool,
    /// Tags that a registered model has at most.
    pub model_tags: usize,
    /// Letters that the value of such a tag has at most.
    pub model_tag_chars: usize,
}

impl Capabilities {
    /// A database that is read directly.
    pub const DATABASE: Self = Self {
        change_feed: true,
        counts_runs: true,
        column_scan: true,
        cheap_reads: true,
        cheap_polls: true,
        parallel_reads: 2,
        walks_runs: false,
        // One look costs microseconds when nobody wrote.
        least_poll: Duration::from_millis(200),
        page: 1_000,
        stages: true,
        model_tags: usize::MAX,
        model_tag_chars: limits::REGISTRY_TAG_CHARS,
    };

    /// A database of a server, which others use too.
    pub const DATABASE_SERVER: Self = Self {
        // One look is one small statement, and the way to the server and back; and somebody always writes on a large one.
        cheap_polls: false,
        least_poll: Duration::from_secs(1),
        model_tag_chars: limits::MODEL_TAG_CHARS,
        ..Self::DATABASE
    };

    /// A folder of files: what is read is held, and looked at again.
    pub const FOLDER: Self = Self {
        // One look costs some milliseconds, and more where the folder is on another machine.
        least_poll: Duration::from_secs(1),
        parallel_reads: 4,
        ..Self::DATABASE
    };

    /// A server that sends pages of runs, and has others to serve.
    pub const SERVER: Self = Self {
        change_feed: false,
        counts_runs: false,
        column_scan: false,
        cheap_reads: false,
        cheap_polls: false,
        parallel_reads: 4,
        walks_runs: false,
        least_poll: Duration::from_millis(100),
        page: 1_000,
        stages: true,
        model_tags: usize::MAX,
        // Nobody knows in which database it keeps them.
        model_tag_chars: limits::MODEL_TAG_CHARS,
    };

    /// A workspace of Databricks whose models are in Unity Catalog.
    pub const UNITY_CATALOG: Self = Self { stages: false, model_tags: 50, ..Self::SERVER };

    /// Runs whose histories are summed up in one call: all, or as many as are read side by side.
    pub const fn summary_batch(self) -> usize {
        if self.column_scan { usize::MAX } else { self.parallel_reads }
    }

    /// How often it is asked for changes where `set` is wished for: one that tells all changes at no cost is asked as often
    /// as makes sense.
    pub fn poll_interval(self, set: Duration) -> Duration {
        if self.cheap_polls { set.min(self.least_poll) } else { set.max(self.least_poll) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_tells_all_changes_is_asked_often() {
        let seconds = Duration::from_secs;
        assert_eq!(Capabilities::DATABASE.poll_interval(seconds(2)), Duration::from_millis(200));
        assert_eq!(Capabilities::DATABASE.poll_interval(Duration::from_millis(100)).as_millis(), 100);
        assert_eq!(Capabilities::DATABASE_SERVER.poll_interval(seconds(30)), seconds(30));
        assert_eq!(Capabilities::DATABASE_SERVER.poll_interval(Duration::ZERO), seconds(1));
        assert_eq!(Capabilities::SERVER.poll_interval(seconds(2)), seconds(2));
        assert_eq!(Capabilities::SERVER.poll_interval(Duration::ZERO).as_millis(), 100);
        assert_eq!(Capabilities::DATABASE.summary_batch(), usize::MAX);
        assert_eq!(Capabilities::SERVER.summary_batch(), 4);
    }

    #[test]
    fn a_model_has_long_tags_where_nobody_keeps_them_in_a_short_column() {
        let chars = [
            Capabilities::DATABASE,
            Capabilities::FOLDER,
            Capabilities::DATABASE_SERVER,
            Capabilities::SERVER,
        ]
        .map(|place| place.model_tag_chars);
        assert_eq!(chars, [100_000, 100_000, 5_000, 5_000]);
    }
}
