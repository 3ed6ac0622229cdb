//! Params that are read before it is known which runs there are, while their heads are read: there is a processor left.

use std::sync::atomic::{AtomicBool, Ordering};

use super::STRETCH;
use super::cells::{Id, Taker, ValueTable, select};
use crate::store::batch::{BatchWriter, RunBatch};
use crate::store::sql::Numbers;
use crate::store::sqlite::Inner;
use crate::store::sqlite::connection::Connection;
use crate::store::sqlite::stretches::{Stretch, Stretches};

/// As many bytes of text and as many values may wait for their runs.
const MOST_TEXT: usize = 8 << 20;
const MOST_VALUES: usize = 1 << 19;

/// What was read of the params, and where to go on.
pub struct Begun {
    pub stretches: Stretches,
    /// A stretch that was given up.
    pub unread: Option<Stretch>,
    /// It has sent nothing yet.
    pub writer: BatchWriter,
    waiting: Vec<Waiting>,
}

/// A batch in which runs are numbered by their places among ids.
struct Waiting {
    batch: RunBatch,
    ids: Vec<Id>,
}

/// Numbers runs as they come, and stops where there is too much text.
#[derive(Default)]
struct AsTheyCome {
    ids: Vec<Id>,
    stopped: bool,
}

impl Taker for AsTheyCome {
    fn number(&mut self, id: &str) -> Option<u32> {
        self.ids.push(Id::new(id));
        Some(self.ids.len() as u32 - 1)
    }

    fn spill(&mut self, _: &mut BatchWriter) -> bool {
        self.stopped = true;
        false
    }
}

impl Begun {
    /// Nothing read.
    pub fn new(connection: &Connection) -> Inner<Self> {
        let stretches = Stretches::new(&connection.db, ValueTable::Params.name(), STRETCH)?;
        Ok(Self { stretches, unread: None, writer: BatchWriter::new(1), waiting: Vec::new() })
    }

    /// Reads until it is told to stop, or there is as much as may wait.
    pub fn read(&mut self, connection: &Connection, stop: &AtomicBool) -> Inner<()> {
        let (mut text, mut values) = (0, 0);
        while text < MOST_TEXT && values < MOST_VALUES && !stop.load(Ordering::Relaxed) {
            let Some(stretch) = self.stretches.next(&connection.db)? else { break };
            let mut taker = AsTheyCome::default();
            let (from, to) = stretch;
            let bounds = [&from as &dyn rusqlite::ToSql, &to];
            let condition = "rowid BETWEEN ? AND ?";
            select(connection, ValueTable::Params, condition, &bounds, &mut self.writer, &mut taker)?;
            let mut batch = self.writer.take();
            if taker.stopped {
                // Its texts are numbered already, and go with it.
                batch.params.clear();
                self.unread = Some(stretch);
            }
            text += batch.text.len();
            values += batch.params.len();
            self.waiting.push(Waiting { batch, ids: taker.ids });
            if taker.stopped {
                break;
            }
        }
        Ok(())
    }

    /// What was read, with the runs by their numbers and without those below `whole`.
    pub fn batches(&mut self, numbers: &Numbers, whole: u32) -> impl Iterator<Item = RunBatch> {
        std::mem::take(&mut self.waiting).into_iter().map(move |Waiting { mut batch, ids }| {
            let known: Vec<Option<u32>> =
                ids.iter().map(|id| id.number(numbers).filter(|number| *number >= whole)).collect();
            batch.params.retain_mut(|cell| {
                let number = known[cell.run as usize];
                cell.run = number.unwrap_or_default();
                number.is_some()
            });
            batch
        })
    }
}
