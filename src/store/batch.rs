//! Runs in columns, as a store hands them over: no object a run, and every distinct text once.
//!
//! A scan has *parts* that are read side by side. Each part numbers its texts from zero on across all its
//! batches, and each batch brings the texts that are new in it. Runs are numbered in the order in which part 0
//! brings their heads; values of any part refer to these numbers.

use std::hash::{BuildHasher, BuildHasherDefault};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::mlflow::{LifecycleStage, Run, RunStatus};

/// A text's number within its part.
pub type TextId = u32;

/// Longer texts are hardly ever the same: each is sent anew, and none is remembered.
const LONG: usize = 1_024;

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
    /// Where its files are.
    pub artifact_uri: TextId,
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
        }
    }

    /// The number of a text, given out when it is first seen.
    pub fn text(&mut self, text: &str) -> TextId {
        if text.len() > LONG {
            return self.unique_text(text);
        }
        let Self { texts, ends, index, batch, .. } = self;
        let span = |id: TextId, ends: &[u32]| {
            let start = if id == 0 { 0 } else { ends[id as usize - 1] as usize };
            start..ends[id as usize] as usize
        };
        let hashed = hash(text);
        if let Some(id) = index.find(hashed, |id| texts[span(*id, ends)] == *text) {
            return *id;
        }
        let id = ends.len() as TextId;
        texts.push_str(text);
        ends.push(texts.len() as u32);
        batch.text.push_str(text);
        batch.text_ends.push(batch.text.len() as u32);
        index.insert_unique(hashed, id, |id| hash(&texts[span(*id, ends)]));
        id
    }

    /// A text that is known to be new and is never asked for again, such as a run's own id.
    pub fn unique_text(&mut self, text: &str) -> TextId {
        let id = self.ends.len() as TextId;
        self.ends.push(self.texts.len() as u32);
        self.batch.text.push_str(text);
        self.batch.text_ends.push(self.batch.text.len() as u32);
        id
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
            artifact_uri: self.unique_text(&info.artifact_uri),
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
