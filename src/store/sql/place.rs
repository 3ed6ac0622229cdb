//! What a database does in its own way.

use std::any::Any;
use std::fmt::Debug;

use tokio::sync::mpsc;

use super::Link;
use super::roots::Home;
use crate::mlflow::{MetricPoint, Part, RunId, Summary};
use crate::store::blocking::Gone;
use crate::store::{
    Capabilities, Changes, Cursor, HistoryCursor, HistoryPart, Inner, RunBatch, Scan, StoreInfo,
};

/// A database, as far as it is not like others. Every method may block.
pub trait Place: Debug + Send + Sync + 'static {
    type Link: Link;

    fn capabilities(&self) -> Capabilities;
    fn home(&self) -> &Home;
    fn info(&self) -> Inner<StoreInfo>;
    fn is_begun(&self) -> bool {
        true
    }
    fn begin(&self) -> Inner<()> {
        Ok(())
    }
    /// Makes what never was, with the tables of logged models.
    fn begin_for_logged_models(&self) -> Inner<()> {
        self.begin()
    }
    /// Whether another one is the same database, whatever their addresses; none where that cannot be told.
    fn is_same(&self, _: &Self) -> Inner<Option<bool>> {
        Ok(None)
    }
    /// Does what only reads with a connection.
    fn read<T>(&self, work: impl FnOnce(&mut Self::Link) -> Inner<T>) -> Inner<T>;
    /// Does something in one transaction, which is committed when it succeeds. Where others came in between it is done anew.
    fn write<T>(&self, work: impl Fn(&mut Self::Link) -> Inner<T>) -> Inner<T>;
    /// All points of a history, by step, then timestamp, then value.
    fn history(link: &mut Self::Link, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>>;
    fn history_since(
        link: &mut Self::Link,
        id: &RunId,
        key: &str,
        cursor: &HistoryCursor,
    ) -> Inner<HistoryPart>;
    /// The same of several metrics, in their order; given up where nobody listens any more.
    fn histories_since(
        &self,
        id: &RunId,
        wanted: &[(String, HistoryCursor)],
        _: &Gone,
    ) -> Inner<Vec<HistoryPart>> {
        self.read(|link| {
            wanted.iter().map(|(key, cursor)| Self::history_since(link, id, key, cursor)).collect()
        })
    }
    fn summaries(&self, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>>;
    fn scan(&self, scan: &Scan, sink: &mpsc::Sender<RunBatch>) -> Inner<Cursor>;
    /// What changed since a cursor, and the cursor behind it; none where that is the same as before.
    fn changes(&self, scan: &Scan, cursor: &Cursor, watched: &[RunId]) -> Inner<(Changes, Option<Cursor>)>;
}

/// Looks for what changed behind a cursor, and hands back the one behind that. A cursor of another kind asks for a reload.
pub fn behind<C: Any + Debug + PartialEq + Send + Sync>(
    cursor: &Cursor,
    look: impl FnOnce(&C) -> Inner<(Changes, Option<C>)>,
) -> Inner<(Changes, Option<Cursor>)> {
    let Some(seen) = cursor.share::<C>() else {
        return Ok((Changes { reload: true, ..Changes::default() }, None));
    };
    let (changes, now) = look(&seen)?;
    Ok((changes, now.map(Cursor::new)))
}
