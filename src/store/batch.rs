//! Runs in columns, as a store hands them over: no object a run, and every distinct text once.
//!
//! A scan has *parts* that are read side by side. Each part numbers its texts from zero on across all its
//! batches, and each batch brings the texts that are new in it. Runs are numbered in the order in which part 0
//! brings their heads; values of any part refer to these numbers.

use std::hash::{BuildHasher, BuildHasherDefault};
use std::ops::Range;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::mlflow::{LifecycleStage, Run, RunStatus};

/// A text's number within its part.
pub type TextId = u32;

/// Longer texts are hardly ever the same: each is sent anew, and none is remembered.
const LONG: usize = 1_024;

/// Stands for the id of a run where the addresses of many differ by it alone.
pub const RUN_ID: &str = "\u{1}";

/// No time known.
pub const NO_TIME: i64 = i64::MIN;

/// What a run is besides its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Head {
    /// Its id.
    pub run_id: TextId,
    /// The id of its experiment.
    pub experiment_id: TextId,
    /// Its name.
    pub name: TextId,
    /// Whose it is.
    pub user: TextId,
    /// Where its files are, with [`RUN_ID`] in the place of its id.
    pub artifact_pattern: TextId,
    /// How far it is.
    pub status: RunStatus,
    /// Whether it is deleted.
    pub stage: LifecycleStage,
    /// When it began, in milliseconds since the epoch, or [`NO_TIME`].
    pub start_time: i64,
    /// When it ended, in milliseconds since the epoch, or [`NO_TIME`].
    pub end_time: i64,
}

/// The latest value of a metric of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricCell {
    /// The number of the run.
    pub run: u32,
    /// The name of the metric.
    pub key: TextId,
    /// The value, which can be NaN or infinite.
    pub value: f64,
}

/// A param or a tag of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextCell {
    /// The number of the run.
    pub run: u32,
    /// Its key.
    pub key: TextId,
    /// Its value.
    pub value: TextId,
}

/// One block of a scan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunBatch {
    /// Which part of the scan it is of, from 0 on.
    pub part: usize,
    /// The new texts, one after the other.
    pub text: String,
    /// Where each of them ends, in bytes.
    pub text_ends: Vec<u32>,
    /// New runs.
    pub heads: Vec<Head>,
    /// Their metrics, and those of runs before.
    pub metrics: Vec<MetricCell>,
    /// The same of params.
    pub params: Vec<TextCell>,
    /// The same of tags.
    pub tags: Vec<TextCell>,
    /// The values of these runs are all there are: values known before and not among them are gone.
    pub replaces: bool,
    /// All heads of the first page, whole, have been sent with this batch.
    pub completes_first_page: bool,
}

impl RunBatch {
    /// The new texts, in the order of their numbers.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.text_ends.iter().copied());
        starts.zip(&self.text_ends).map(|(start, end)| &self.text[start as usize..*end as usize])
    }
}

/// Where a text is among others that end there.
fn span(ends: &[u32], id: TextId) -> Range<usize> {
    let start = if id == 0 { 0 } else { ends[id as usize - 1] as usize };
    start..ends[id as usize] as usize
}

/// The keys of a run by their numbers, and the values that were there last: the next run mostly has the same keys in the same
/// order, and many of the same values.
#[derive(Debug, Default)]
pub struct KeyOrder {
    keys: Vec<TextId>,
    values: Vec<Option<TextId>>,
    /// How many of its values, one after the other, were new.
    fresh: Vec<u16>,
    run: u32,
    at: usize,
}

impl KeyOrder {
    /// Keys that are remembered.
    const MOST: usize = 4_096;
    /// After so many new values the next ones are taken for new too, as drawn learning rates and the ids of commits are: where
    /// they are not, they are sent once more. Of so many of these one is looked up.
    const FRESH: u16 = 64;
    const TAKEN: u16 = 512;
}

/// Fills the batches of one part and remembers which texts it has sent.
#[derive(Debug)]
pub struct BatchWriter {
    /// What was filled in since the last was taken.
    pub batch: RunBatch,
    /// All texts of this part; the batch holds the new ones again.
    texts: String,
    ends: Vec<u32>,
    index: HashTable<TextId>,
    runs: u32,
    /// The pattern of the address before.
    last_pattern: Option<TextId>,
}

fn hash(text: &str) -> u64 {
    BuildHasherDefault::<FxHasher>::default().hash_one(text)
}

impl BatchWriter {
    /// A writer of a part that has sent nothing yet.
    pub fn new(part: usize) -> Self {
        Self {
            batch: RunBatch { part, ..RunBatch::default() },
            texts: String::new(),
            ends: Vec::new(),
            index: HashTable::new(),
            runs: 0,
            last_pattern: None,
        }
    }

    /// The number of a text, given out when it is first seen.
    pub fn text(&mut self, text: &str) -> TextId {
        if text.len() > LONG {
            return self.unique_text(text);
        }
        let hashed = hash(text);
        if let Some(id) = self.index.find(hashed, |id| self.texts[self.span(*id)] == *text) {
            return *id;
        }
        let Self { texts, ends, index, batch, .. } = self;
        let id = ends.len() as TextId;
        texts.push_str(text);
        ends.push(texts.len() as u32);
        batch.text.push_str(text);
        batch.text_ends.push(batch.text.len() as u32);
        index.insert_unique(hashed, id, |id| hash(&texts[span(ends, *id)]));
        id
    }

    /// The number of a key of a run, which is mostly the one that is expected next.
    pub fn key(&mut self, text: &str, run: u32, order: &mut KeyOrder) -> TextId {
        let at = if order.run == run { order.at } else { 0 };
        (order.run, order.at) = (run, at + 1);
        if let Some(id) = order.keys.get(at).copied()
            && self.texts[self.span(id)] == *text
        {
            return id;
        }
        let id = self.text(text);
        if text.len() <= LONG && at < KeyOrder::MOST {
            order.keys.truncate(at);
            order.values.truncate(at);
            order.fresh.truncate(at);
            // Behind a key that is not remembered none is.
            if order.keys.len() == at {
                order.keys.push(id);
            }
        }
        id
    }

    /// The number of the value of the key that was asked for last.
    pub fn value(&mut self, text: &str, order: &mut KeyOrder) -> TextId {
        let at = order.at - 1;
        if let Some(id) = order.values.get(at).copied().flatten()
            && self.texts[self.span(id)] == *text
        {
            return id;
        }
        if let Some(fresh) = order.fresh.get_mut(at).filter(|fresh| **fresh >= KeyOrder::FRESH) {
            *fresh += 1;
            if *fresh < KeyOrder::FRESH + KeyOrder::TAKEN {
                return self.unique_text(text);
            }
            *fresh = KeyOrder::FRESH - 1;
        }
        let known = self.ends.len();
        let id = self.text(text);
        if at < KeyOrder::MOST {
            if order.values.len() <= at {
                order.values.resize(at + 1, None);
                order.fresh.resize(at + 1, 0);
            }
            order.values[at] = (text.len() <= LONG).then_some(id);
            order.fresh[at] = if id as usize == known { order.fresh[at] + 1 } else { 0 };
        }
        id
    }

    fn span(&self, id: TextId) -> Range<usize> {
        span(&self.ends, id)
    }

    /// A text that is known to be new and is never asked for again, such as a run's own id.
    pub fn unique_text(&mut self, text: &str) -> TextId {
        let id = self.ends.len() as TextId;
        self.ends.push(self.texts.len() as u32);
        self.batch.text.push_str(text);
        self.batch.text_ends.push(self.batch.text.len() as u32);
        id
    }

    /// The address of a run's files with [`RUN_ID`] in the place of its id, which mostly is that of the run before.
    pub fn artifact_pattern(&mut self, uri: &str, id: &str) -> TextId {
        let is_last = |pattern: TextId| {
            let (before, after) = self.texts[self.span(pattern)].split_once(RUN_ID)?;
            Some(uri.strip_prefix(before)?.strip_suffix(after)? == id)
        };
        if let Some(last) = self.last_pattern.filter(|last| is_last(*last) == Some(true)) {
            return last;
        }
        let pattern = self.text(&uri.replace(id, RUN_ID));
        self.last_pattern = Some(pattern);
        pattern
    }

    /// Adds a head and returns the run's number.
    pub fn head(&mut self, head: Head) -> u32 {
        self.batch.heads.push(head);
        self.runs += 1;
        self.runs - 1
    }

    /// Adds a whole run: its head and all its values.
    pub fn run(&mut self, run: &Run) {
        let info = &run.info;
        let head = Head {
            run_id: self.unique_text(info.run_id.as_str()),
            experiment_id: self.text(info.experiment_id.as_str()),
            name: self.text(&info.run_name),
            user: self.text(&info.user_id),
            artifact_pattern: self.artifact_pattern(&info.artifact_uri, info.run_id.as_str()),
            status: info.status,
            stage: info.lifecycle_stage,
            start_time: info.start_time.unwrap_or(NO_TIME),
            end_time: info.end_time.unwrap_or(NO_TIME),
        };
        let number = self.head(head);
        for metric in &run.metrics {
            let key = self.text(&metric.key);
            self.batch.metrics.push(MetricCell { run: number, key, value: metric.value });
        }
        for param in &run.params {
            let (key, value) = (self.text(&param.key), self.text(&param.value));
            self.batch.params.push(TextCell { run: number, key, value });
        }
        for tag in &run.tags {
            let (key, value) = (self.text(&tag.key), self.text(&tag.value));
            self.batch.tags.push(TextCell { run: number, key, value });
        }
    }

    /// The filled batch; the writer goes on with an empty one.
    pub fn take(&mut self) -> RunBatch {
        let part = self.batch.part;
        std::mem::replace(&mut self.batch, RunBatch { part, ..RunBatch::default() })
    }
}

/// Runs as one batch that replaces what was known of them.
pub fn whole_runs<'a>(runs: impl IntoIterator<Item = &'a Run>) -> RunBatch {
    let mut writer = BatchWriter::new(0);
    for run in runs {
        writer.run(run);
    }
    writer.batch.replaces = true;
    writer.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_number_in_whatever_order_they_come() {
        let mut writer = BatchWriter::new(0);
        let mut order = KeyOrder::default();
        let long = "k".repeat(LONG + 1);
        let mut expected = std::collections::HashMap::new();
        for (run, keys) in [
            &["a", "b", "c"][..],
            &["a", "b", "c"],
            &["c", "a"],
            &[""],
            &["b", &long, "", "c"],
            &["b", "", "c"],
        ]
        .into_iter()
        .enumerate()
        {
            for key in keys {
                let id = writer.key(key, run as u32, &mut order);
                let value = if *key == "b" { "same".to_owned() } else { format!("{key}{run}") };
                let value_id = writer.value(&value, &mut order);
                for (text, id) in [(*key, id), (&value, value_id)] {
                    if text.len() <= LONG {
                        assert_eq!(*expected.entry(text.to_owned()).or_insert(id), id, "{text}");
                        assert_eq!(writer.text(text), id);
                    }
                    assert_eq!(writer.batch.texts().nth(id as usize), Some(text));
                }
            }
        }
    }

    #[test]
    fn values_that_are_always_new_are_not_looked_up_and_none_is_taken_for_another() {
        let mut writer = BatchWriter::new(0);
        let mut order = KeyOrder::default();
        let value = |run: u32| if run % 97 == 96 { String::new() } else { format!("{run}") };
        let mut ids = Vec::new();
        for run in 0..500 {
            writer.key("seed", run, &mut order);
            ids.push(writer.value(&value(run), &mut order));
            writer.key("same", run, &mut order);
            assert_eq!(writer.value("x", &mut order), 3);
        }
        let texts: Vec<&str> = writer.batch.texts().collect();
        for (run, id) in ids.into_iter().enumerate() {
            assert_eq!(texts[id as usize], value(run as u32));
        }
        // What is the same from now on is found out.
        for run in 500..2_000 {
            writer.key("seed", run, &mut order);
            writer.value("7", &mut order);
        }
        assert!(writer.batch.text_ends.len() < 1_200, "{}", writer.batch.text_ends.len());
        assert!(writer.texts.len() < 300, "few are remembered: {}", writer.texts.len());
    }

    #[test]
    fn addresses_are_kept_by_what_they_have_in_common() {
        let mut writer = BatchWriter::new(0);
        let uris = [
            ("s3://x/1/a7/artifacts", "a7"),
            ("s3://x/1/b8/artifacts", "b8"),
            ("s3://x/1/b8/b8/artifacts", "b8"),
            ("s3://x/1/artifacts", "c9"),
            ("s3://x/2/c9", "c9"),
            ("", ""),
            ("s3://x/1/a7/artifacts", "a7"),
        ];
        let ids = uris.map(|(uri, id)| writer.artifact_pattern(uri, id));
        let texts: Vec<&str> = writer.batch.texts().collect();
        for ((uri, id), pattern) in uris.into_iter().zip(ids) {
            assert_eq!(texts[pattern as usize].replace(RUN_ID, id), uri);
        }
        assert!(ids[0] == ids[1] && ids[0] == ids[6] && ids[0] != ids[2]);
    }
}
